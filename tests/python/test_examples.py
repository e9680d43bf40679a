"""Each example runs, and the notebook's stored outputs are those that it gives."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

EXAMPLES = Path(__file__).parents[2] / "examples"
NOTEBOOKS = sorted(EXAMPLES.glob("*.ipynb"))


def run(name: str, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_every_example_is_run_here() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == {
        "gelu.py",
        "digits_api.py",
        "double_buffering.py",
    }
    assert [path.name for path in NOTEBOOKS] == ["first_notebook.ipynb"]


def test_gelu() -> None:
    said = run("gelu.py")
    assert "erf(" in said and said.count("largest error") == 2


def test_digits_api() -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: no built-in digits")
    said = run("digits_api.py", "40")
    assert float(said.split("test accuracy: ")[1].split("%")[0]) > 60


def test_double_buffering() -> None:
    said = run("double_buffering.py", "12")
    assert said.count("the same losses: True") == 2


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.name)
def notebook(request: pytest.FixtureRequest) -> Any:
    nbformat = pytest.importorskip("nbformat", reason="nbformat is not installed")
    return nbformat.read(request.param, as_version=4)


def test_notebook_is_stored_executed(notebook: Any) -> None:
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    outputs = [output for cell in cells for output in cell.outputs]
    assert any("image/png" in output.get("data", {}) for output in outputs)
    assert not any(output.output_type == "error" for output in outputs)


def test_notebook_runs(notebook: Any) -> None:
    for module in ("nbclient", "ipykernel", "matplotlib"):
        pytest.importorskip(module, reason=f"{module} is not installed: notebooks are not run")
    from nbclient import NotebookClient

    stored = [cell.get("outputs", []) for cell in notebook.cells]
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": os.curdir}}).execute()
    for cell, before in zip(notebook.cells, stored, strict=True):
        kinds = [output.output_type for output in before]
        assert [output.output_type for output in cell.get("outputs", [])] == kinds
