"""What scripts/generate writes is up to date, and agrees with the module and with Apple's names."""

from __future__ import annotations

import ast
import csv
import inspect
import json
import os
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import pytest

import mpsg
from mpsg import _api_types, _mpsg

ROOT = Path(__file__).resolve().parents[2]
TABLE = json.loads(_mpsg.op_table())
ROWS = {row["name"]: row for row in TABLE["rows"] if not row["internal"]}
STUB = ast.parse((ROOT / "python/mpsg/_mpsg.pyi").read_text())
# Made by Python or pybind11 for every class, and of no use to a reader.
MACHINERY = {"__module__", "__doc__", "__new__", "__init__", "__repr__", "__reduce__", "__dict__"}
MACHINERY |= {"__weakref__", "__static_attributes__", "__firstlineno__"}
MACHINERY |= {"__buffer__", "__release_buffer__"}  # from Python 3.12 on
# They only explain why they cannot be called (but NDArray has an __iter__ that can).
REFUSALS = {"__bool__", "__iter__"}


def test_nothing_is_stale() -> None:
    check = subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate_files.py"), "--check"],
        capture_output=True,
        text=True,
    )
    assert check.returncode == 0, f"run ./scripts/generate:\n{check.stdout}{check.stderr}"


@pytest.mark.parametrize("name", ROWS)
def test_method(name: str) -> None:
    method = getattr(mpsg.Graph, name)
    assert method.__doc__
    parameters = list(inspect.signature(method).parameters.values())
    wanted = ROWS[name]["parameters"]
    assert [each.name for each in parameters] == [
        "self",
        *(each["name"] for each in wanted),
        "name",
    ]
    for parameter, each in zip(parameters[1:], wanted, strict=False):
        assert (parameter.default is not parameter.empty) == each["optional"]


def members(owner: type) -> set[str]:
    return {name for name in vars(owner) if name not in MACHINERY | REFUSALS} - {
        name for name in vars(owner) if name.startswith("_pybind11")
    }


def stub_members(definition: ast.ClassDef) -> dict[str, ast.stmt]:
    found: dict[str, ast.stmt] = {}
    for item in definition.body:
        if isinstance(item, ast.FunctionDef):
            found[item.name] = item
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            found[item.target.id] = item
    return {name: item for name, item in found.items() if name not in MACHINERY | REFUSALS}


def classes() -> dict[str, ast.ClassDef]:
    return {item.name: item for item in STUB.body if isinstance(item, ast.ClassDef)}


def test_stub_has_the_module() -> None:
    stub = set(classes())
    for item in STUB.body:
        if isinstance(item, ast.FunctionDef):
            stub.add(item.name)
        elif isinstance(item, ast.AnnAssign) and isinstance(item.target, ast.Name):
            stub.add(item.target.id)
    assert stub == {name for name in vars(_mpsg) if not name.startswith("_")}


@pytest.mark.parametrize("name", classes())
def test_stub_has_the_class(name: str) -> None:
    assert set(stub_members(classes()[name])) == members(getattr(_mpsg, name))


def parameter_names(definition: ast.FunctionDef) -> list[str]:
    given = definition.args
    variadic = [given.vararg] if given.vararg else []
    return [each.arg for each in given.args + variadic + given.kwonlyargs]


@pytest.mark.parametrize("name", classes())
def test_stub_has_the_parameters(name: str) -> None:
    owner = getattr(_mpsg, name)
    for member, item in stub_members(classes()[name]).items():
        value = getattr(owner, member)
        if not isinstance(item, ast.FunctionDef) or member.startswith("__"):
            continue
        if isinstance(value, property):
            continue
        assert value.__doc__, member
        assert parameter_names(item) == list(inspect.signature(value).parameters), member


def test_users_code_type_checks(tmp_path: Path) -> None:
    mypy = pytest.importorskip("mypy.api")
    script = tmp_path / "user.py"
    script.write_text(
        textwrap.dedent(
            """
            import numpy as np

            import mpsg

            graph = mpsg.Graph()
            x = graph.placeholder([-1, 3], mpsg.float32, name="x")
            w = graph.variable(np.ones((3, 2), np.float32))
            y = graph.softmax(2 * x @ w + 1, axis=1)[:, 0]
            gradient: mpsg.Tensor = graph.gradients(y, [w])[w]
            step: mpsg.Operation = graph.assign(w, w - 0.1 * gradient)
            noise: mpsg.Tensor = graph.random_uniform([2, 3])
            parts: list[mpsg.Tensor] = graph.split(x, num_splits=3, axis=1)
            result = graph.run({x: [[1.0, 2.0, 3.0]]}, [y], [step])[y].numpy()
            print(result.shape, noise.shape, y.data_type == mpsg.float32)
            """
        )
    )
    wrong = tmp_path / "wrong.py"
    wrong.write_text("import mpsg\nmpsg.Graph().placeholder()\nmpsg.Graph().relu('x', 1, 2, 3)\n")
    os.environ["MYPYPATH"] = str(ROOT / "python")
    options = ["--strict", "--config-file=", f"--cache-dir={tmp_path}"]
    report, errors, status = mypy.run([*options, str(script)])
    assert status == 0, report + errors
    report, errors, status = mypy.run([*options, str(wrong)])
    assert status == 1 and "wrong.py:2" in report and "wrong.py:3" in report


def test_enums_and_descriptors() -> None:
    for enum in TABLE["enums"]:
        cases = {case.name: case.value for case in getattr(_api_types, enum["name"])}
        assert cases == dict(enum["cases"])
    for descriptor in TABLE["descriptors"]:
        fields = inspect.signature(getattr(_api_types, descriptor["name"])).parameters
        assert list(fields) == [field["name"] for field in descriptor["fields"]]


def apples_rows() -> dict[str, dict[str, Any]]:
    with (ROOT / "tests/data/apple_op_names.tsv").open() as file:
        return {row["python_name"]: row for row in csv.DictReader(file, delimiter="\t")}


def test_names_are_apples() -> None:
    apples = apples_rows()
    for name, row in ROWS.items():
        if not row["selectors"]:
            assert name not in apples, f"{name}: its selectors are missing"
            continue
        assert name in apples, f"{name} is not a name of Apple's"
        known = apples[name]
        assert row["family"] == known["family"], name
        selectors = [each["name"] for each in row["selectors"]]
        assert set(selectors) <= set(known["selectors"].split()), name
        first = min((each["macos"] for each in row["selectors"]), key=version)
        assert version(first) >= version(known["macos"]), name


def test_every_overload_is_taken() -> None:
    """379 selectors, two of which are methods of Graph and no rows: gradients, dependencies."""
    wanted = {each for row in apples_rows().values() for each in row["selectors"].split()}
    taken = {each["name"] for row in TABLE["rows"] for each in row["selectors"]}
    assert wanted - taken == set()
    assert len(wanted) + 2 == 379


def version(macos: str) -> tuple[int, ...]:
    return tuple(map(int, macos.split(".")))
