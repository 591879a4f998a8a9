"""Adds to the site the pages that stand at the root of the repository: README as its start, and the files about changing leadfield."""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parent.parent
PAGES = {"README.md": "index.md", "ARCHITECTURE.md": "ARCHITECTURE.md", "CONTRIBUTING.md": "CONTRIBUTING.md", "CHANGELOG.md": "CHANGELOG.md"}


def as_page_of_site(text):
    """The text with its links as they are in the site: pages of `docs/` beside it, other files of the repository as plain text."""
    text = text.replace("](docs/", "](").replace("](README.md", "](index.md")
    return re.sub(r"\[([^\]]*)\]\((?:\.\./)?(LICENSE[\w-]*|datasets/README\.md)\)", r"\1", text)


def on_files(files, config):
    for source, page in PAGES.items():
        files.append(File.generated(config, page, content=as_page_of_site((ROOT / source).read_text())))
    return files


def on_page_markdown(markdown, page, config, files):
    return as_page_of_site(markdown.replace("](../ARCHITECTURE.md", "](ARCHITECTURE.md").replace("](../CONTRIBUTING.md", "](CONTRIBUTING.md"))
