"""The examples of docs/python.md and the notebooks run as they are."""

from __future__ import annotations

import re
import subprocess
import sys

import nbformat
import pytest
from nbclient import NotebookClient

import leadfield as lf
from conftest import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))
BLOCKS = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs" / "python.md").read_text(), re.S | re.M)


def test_there_are_three_notebooks():
    assert [path.stem for path in NOTEBOOKS] == ["circuit_to_weights", "lfpy_neuron", "near_a_probe"]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_runs(path, tmp_path):
    notebook = nbformat.read(path, as_version=4)
    assert all(not cell.get("outputs") for cell in notebook.cells), "outputs are not committed"
    NotebookClient(notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(tmp_path)}}).execute()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Holds the files that the page's examples begin with."""
    folder = tmp_path_factory.mktemp("page")
    circuit = lf.synthesize_circuit(folder / "circuit", cells=12, with_currents=True, frames=200)
    for file in (folder / "circuit").iterdir():
        file.rename(folder / file.name)
    lf.linear(8, pitch=100.0, at=(10.0, -400.0, 5.0), prefix="e").to_csv(folder / "electrodes.csv")
    assert circuit.populations == ["neurons"]
    return folder


def test_the_examples_of_the_page_run_in_order(folder):
    assert len(BLOCKS) >= 6
    script = folder / "page.py"
    script.write_text("\n".join(BLOCKS))
    done = subprocess.run([sys.executable, script], cwd=folder, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_examples_of_the_page_are_typed(folder):
    script = folder / "page.py"
    script.write_text("\n".join(BLOCKS))
    arguments = ["--config-file", ROOT / "pyproject.toml", "--ignore-missing-imports", script]
    done = subprocess.run([sys.executable, "-m", "mypy", *arguments], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
