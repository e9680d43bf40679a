"""Packages: every row of the op table, random graphs, variables, callables, control flow; both
forms; older versions; what is refused.
"""

from __future__ import annotations

import json
import os
import zipfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given

import mpsg
from support.compare import assert_same_bits
from support.graph_generator import Recipe, recipes
from support.minimal_calls import BuiltCall
from support.packages import (
    Network,
    arrays_of,
    check_same_runs,
    graph_of,
    round_trip,
    variables_of,
)
from support.random_graphs import ordinary
from support.running import DEVICES
from support.table import ROWS

F32 = mpsg.float32
SAMPLES = Path(__file__).parent.parent / "data" / "packages"


def compiled(call: BuiltCall, row: str) -> mpsg.Executable:
    operations = [call.made] if isinstance(call.made, mpsg.Operation) else []
    targets = call.results
    if not targets and row in ("if_else", "for_loop", "while_loop"):
        # Without results it is run for what it does.
        source = call.feeds or {call.graph.constant(1.0): 0}
        targets = [call.graph.identity(next(iter(source)))]
    callables = None
    if row == "call":
        inner = mpsg.Graph()
        x = inner.placeholder([2, 3], F32)
        target = inner.reduction_sum(x * 3.0, 1)
        callables = {"f": inner.compile({x: (2, 3)}, [inner.squeeze(target, [1])])}
    return call.graph.compile(call.feeds, targets, operations, callables=callables)


@pytest.mark.parametrize("row", ROWS)
def test_every_row(row: str, tmp_path: Path) -> None:
    call = BuiltCall(row)
    executable = compiled(call, row)
    feeds = [call.feeds[tensor] for tensor in executable.feed_tensors]
    again = round_trip(executable, tmp_path / "row.mpsgpackage")
    check_same_runs(executable, again, feeds, what=row)
    mine, theirs = variables_of(call.graph), []
    if executable.feed_tensors or executable.target_tensors:
        theirs = variables_of(graph_of(again))
    for a, b in zip(mine, theirs, strict=True):
        wanted = call.graph.variable_value(a).numpy()
        assert_same_bits(graph_of(again).variable_value(b).numpy(), wanted, row)


def check_recipe(recipe: Recipe, path: Path) -> None:
    graph, placeholders, targets = recipe.build("sizes unknown")
    feeds = dict(zip(placeholders, recipe.feeds, strict=True))
    assume(targets)  # an executable without any is not saved
    executable = graph.compile(feeds, targets)
    again = round_trip(executable, path)
    check_same_runs(executable, again, recipe.feeds, runs=1, what=repr(recipe))


@given(recipe=recipes())
@ordinary(40)
def test_random_graphs(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    check_recipe(recipe, tmp_path_factory.mktemp("random") / "graph.mpsgpackage")


@pytest.mark.soak
@given(recipe=recipes(most_steps=30))
@ordinary(2000)
def test_soak_random_graphs(tmp_path_factory: pytest.TempPathFactory, recipe: Recipe) -> None:
    check_recipe(recipe, tmp_path_factory.mktemp("random") / "graph.mpsgpackage")


@pytest.mark.parametrize("single_file", [True, False])
@pytest.mark.parametrize("saved_on", DEVICES)
@pytest.mark.parametrize("loaded_on", DEVICES)
def test_training_goes_on(saved_on: str, loaded_on: str, single_file: bool, tmp_path: Path) -> None:
    network = Network()
    executable = network.executable(saved_on)
    executable.run(network.feeds)
    path = tmp_path / "network"
    again = round_trip(executable, path, loaded_on, single_file)
    assert path.is_file() == single_file
    assert again.device.name == loaded_on
    assert [t.name for t in again.feed_tensors] == ["x", "y"]
    values = {v.name: graph_of(again).variable_value(v) for v in variables_of(graph_of(again))}
    for name, value in network.values().items():
        assert_same_bits(values[name].numpy(), value, name)
    if saved_on == loaded_on:
        check_same_runs(executable, again, network.feeds, runs=3)
    # A package of what came from a package, in the other form.
    third = round_trip(again, tmp_path / "again", loaded_on, not single_file)
    check_same_runs(again, third, network.feeds)


def test_only_what_the_targets_need(tmp_path: Path) -> None:
    """A package for inference has no momentum in it."""
    network = Network()
    network.step()
    path = tmp_path / "inference.mpsgpackage"
    executable = network.executable(training=False)
    again = round_trip(executable, path)
    assert {v.name for v in variables_of(graph_of(again))} == {"hidden", "last"}
    check_same_runs(executable, again, network.feeds[:1])
    assert "y" not in [t.name for t in graph_of(again).placeholder_tensors]


def test_the_ending_decides(tmp_path: Path) -> None:
    executable = Network().executable()
    executable.serialize(tmp_path / "a.mpsgpackage")
    executable.serialize(os.fsencode(tmp_path / "b"))
    assert (tmp_path / "a.mpsgpackage").is_file() and (tmp_path / "b").is_dir()
    names = {"manifest.json", "graph.json", "constants.safetensors", "variables.safetensors"}
    assert {p.name for p in (tmp_path / "b").iterdir()} == names
    with zipfile.ZipFile(tmp_path / "a.mpsgpackage") as archive:
        assert set(archive.namelist()) == names and archive.testzip() is None
        for name in names:
            assert archive.read(name) == (tmp_path / "b" / name).read_bytes()


def test_the_same_bytes_for_the_same_executable(tmp_path: Path) -> None:
    for name in "ab":
        Network().executable().serialize(tmp_path / f"{name}.mpsgpackage")
    assert (tmp_path / "a.mpsgpackage").read_bytes() == (tmp_path / "b.mpsgpackage").read_bytes()


def test_callables(tmp_path: Path) -> None:
    inner = mpsg.Graph()
    z = inner.placeholder([-1, 4], F32, name="z")
    noise = inner.random_uniform([3, 4], seed=5)
    weights = np.arange(16, dtype=np.float32).reshape(4, 4)
    callee = inner.compile({z: (3, 4)}, [inner.tanh(z @ inner.constant(weights)) + noise])
    graph = mpsg.Graph()
    x = graph.placeholder([3, 4], F32, name="x")
    (first,) = graph.call([x], "layer", [([3, 4], F32)])
    (second,) = graph.call([first], "layer", [([3, 4], F32)])
    executable = graph.compile({x: (3, 4)}, [second], callables={"layer": callee})
    again = round_trip(executable, tmp_path / "calls")
    assert (tmp_path / "calls" / "callable_0.json").exists()
    del callee, inner
    feed = np.linspace(-1, 1, 12, dtype=np.float32).reshape(3, 4)
    check_same_runs(executable, again, [feed])


def test_control_flow_and_random_numbers(tmp_path: Path) -> None:
    graph = mpsg.Graph()
    graph.seed = 7
    x = graph.placeholder([3], F32, name="x")
    total = graph.variable(np.zeros(3, np.float32), name="total")

    def body(index: mpsg.Tensor, arguments: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        noise = graph.random_uniform([3])
        inner = graph.if_else(
            graph.less_than(index, graph.constant(2)),
            lambda: [arguments[0] + noise],
            lambda: [graph.dropout(arguments[0], 0.5)],
        )
        return [inner[0] * x]

    (result,) = graph.for_loop(
        initial_body_arguments=[x], body=body, number_of_iterations=graph.constant(4)
    )
    update = graph.assign(total, total + result)
    executable = graph.compile({x: (3,)}, [result], [update])
    again = round_trip(executable, tmp_path / "loop.mpsgpackage")
    check_same_runs(executable, again, [np.array([1, 2, 3], np.float32)], runs=4)


def test_a_loaded_executable_is_callable(tmp_path: Path) -> None:
    inner = mpsg.Graph()
    z = inner.placeholder([2], F32)
    square = round_trip(inner.compile({z: (2,)}, [z * z]), tmp_path / "square")
    graph = mpsg.Graph()
    x = graph.placeholder([2], F32)
    (y,) = graph.call([x], "square", [([2], F32)])
    executable = graph.compile({x: (2,)}, [y], callables={"square": square})
    assert arrays_of(executable.run([np.array([2, 3], np.float32)]))[0].tolist() == [4, 9]


def test_sizes_that_only_the_data_tell(tmp_path: Path) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([6], F32)
    executable = graph.compile({x: (6,)}, [graph.non_zero_indices(x) * 2])
    again = round_trip(executable, tmp_path / "stages.mpsgpackage")
    for feed in ([0, 1, 0, 2, 3, 0], [0] * 6):
        check_same_runs(executable, again, [np.array(feed, np.float32)], runs=1)


@pytest.mark.parametrize("name", ["int4", "uint4", "bool", "bfloat16", "complex64"])
def test_constants_and_variables_of_all_types(name: str, tmp_path: Path) -> None:
    numbers = [-8, 1, 7, -1] if name == "int4" else [0, 1, 1, 0, 1]
    values = np.resize(numbers, (7, 30)).astype(mpsg.data_type(name).numpy())
    graph = mpsg.Graph()
    targets = [graph.identity(graph.constant(values))]
    if name not in ("int4", "uint4"):
        targets.append(graph.read(graph.variable(values)))
    executable = graph.compile({}, targets)
    again = round_trip(executable, tmp_path / "types.mpsgpackage")
    for result in again.run([]):
        assert_same_bits(result.numpy(), values, name)


def test_names_that_are_equal(tmp_path: Path) -> None:
    graph = mpsg.Graph()
    sums = [graph.variable(np.full(20, i, np.float32), name="w") + 0.0 for i in range(3)]
    other = graph.variable(np.full(20, 9, np.float32), name="w.2") + 0.0
    again = round_trip(graph.compile({}, [*sums, other]), tmp_path / "names.mpsgpackage")
    assert [r.numpy()[0] for r in again.run([])] == [0, 1, 2, 9]


def test_nothing_to_save(tmp_path: Path) -> None:
    graph = mpsg.Graph()
    with pytest.raises(mpsg.PackageError, match="nothing to save"):
        graph.compile({}, []).serialize(tmp_path / "none")
    assert not list(tmp_path.iterdir())


# --- Older versions


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    "sample",
    sorted(path for path in SAMPLES.glob("v*/*") if path.suffix != ".npz"),
    ids=lambda path: f"{path.parent.name}-{path.name}",
)
def test_older_versions_load(sample: Path, device: str) -> None:
    """Packages as they were written once, with what they gave (results.npz)."""
    executable = mpsg.Executable.load(sample, device)
    expected = mpsg.load_tensors(sample.parent / "results.npz")
    feeds = [expected[f"feed {t.name}"] for t in executable.feed_tensors]
    for run in range(2):
        for index, result in enumerate(arrays_of(executable.run(feeds))):
            np.testing.assert_allclose(
                result, expected[f"run {run} result {index}"], rtol=1e-5, atol=1e-5
            )


def test_there_are_samples() -> None:
    assert len(list(SAMPLES.glob("v1/*"))) == 3


def test_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "newer"
    Network().executable().serialize(path)
    manifest = json.loads((path / "manifest.json").read_text())
    (path / "manifest.json").write_text(json.dumps(manifest | {"version": 2}))
    with pytest.raises(mpsg.PackageError, match="format version 2; this version of mpsg reads"):
        mpsg.Executable.load(path)


# --- What is refused


def edit(path: Path, member: str, old: str, new: str) -> None:
    text = (path / member).read_text()
    assert old in text
    (path / member).write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("member", "old", "new", "message"),
    [
        ("manifest.json", '"made_by"', '"made_bi"', "manifest"),
        ("manifest.json", "mpsg 0", "mpsg 9", "manifest's checksum"),
        ("manifest.json", '"relu"', '"rela"', "needs the operation 'rela'"),
        ("graph.json", '"relu"', '"tanh"', "graph.json: its checksum"),
        ("graph.json", '"relu"', '"sigmoid"', "graph.json: has .* bytes instead of"),
    ],
)
def test_damage_is_told(member: str, old: str, new: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "damaged"
    Network().executable().serialize(path)
    edit(path, member, old, new)
    with pytest.raises(mpsg.PackageError, match=message):
        mpsg.Executable.load(path)


@pytest.mark.parametrize("member", ["manifest.json", "graph.json", "constants.safetensors"])
def test_a_missing_member(member: str, tmp_path: Path) -> None:
    path = tmp_path / "missing"
    Network().executable().serialize(path)
    (path / member).unlink()
    with pytest.raises(mpsg.PackageError, match=member):
        mpsg.Executable.load(path)


def test_no_package(tmp_path: Path) -> None:
    (tmp_path / "text").write_text("hello, this is no archive, I am sorry to say")
    (tmp_path / "folder").mkdir()
    (tmp_path / "empty").write_bytes(b"")
    names = ["text", "folder", "empty", "not there", "\udcff", "a\0b"]
    for path in [*(str(tmp_path / name) for name in names), "/dev/null", ""]:
        with pytest.raises(mpsg.PackageError):
            mpsg.Executable.load(path)
    with pytest.raises(TypeError):
        mpsg.Executable.load(3)  # type: ignore[arg-type]


def test_a_folder_that_is_no_package_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "letter.txt").write_text("dear")
    with pytest.raises(mpsg.PackageError, match="letter.txt"):
        Network().executable().serialize(tmp_path / "home")
    assert [p.name for p in tmp_path.iterdir()] == ["home"]
    assert (tmp_path / "home" / "letter.txt").read_text() == "dear"
