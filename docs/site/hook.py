"""Adds to the site the pages that are at the root of the repository, README as its start, and a page of the commands' help.

The theme would load the file that makes the search work without a server from unpkg.com; it is here instead.
"""

import re
from pathlib import Path

from mkdocs.structure.files import File

ROOT = Path(__file__).resolve().parents[2]
PAGES = {"README.md": "index.md"} | {name: name for name in ["ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"]}


def as_page_of_site(text):
    """The text with its links as they are in the site; files of the repository that are no pages become plain text."""
    text = text.replace("](docs/", "](").replace("](../", "](").replace("](README.md", "](index.md")
    return re.sub(r"\[([^\]]*)\]\((?:LICENSE[\w-]*|datasets/README\.md|examples/[\w.]*)\)", r"\1", text)


def help_of_commands():
    """The help of all commands, which a test compares with the program's."""
    text = "# Commands\n\nWhat `leadfield COMMAND --help` prints.\n"
    for file in sorted((ROOT / "tests/outputs/help").iterdir()):
        text += f"\n## {file.stem.replace('-', ' ', 2)}\n\n```text\n{file.read_text()}```\n"
    return text


def on_files(files, config):
    pages = {page: (ROOT / source).read_text() for source, page in PAGES.items()} | {"commands.md": help_of_commands()}
    for page, content in pages.items():
        files.append(File.generated(config, page, content=content))
    return files


def on_page_markdown(markdown, page, config, files):
    return as_page_of_site(markdown)


def on_post_page(output, page, config):
    return output.replace("https://unpkg.com/iframe-worker/shim", "site/iframe-worker.js")


def on_post_template(output, template_name, config):
    return output.replace("https://unpkg.com/iframe-worker/shim", "site/iframe-worker.js")
