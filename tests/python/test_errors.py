"""Wrong graphs, wrong feeds, wrong Python: always an exception of the right kind that says which
node, why and, of a graph, which line of this file; never a crash.
"""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg
from cases import errors
from cases.errors import GRAPH_ERRORS, PYTHON_ERRORS, f32, i32, window
from mpsg import Convolution2DOpDescriptor as Convolution
from support.compare import assert_same_bits
from support.numbers import INTEGERS, SIGNED
from support.running import DEVICES, run
from support.table import ROWS

HERE = Path(__file__).name
WHERE = Path(errors.__file__).name


@pytest.mark.parametrize("what", GRAPH_ERRORS)
def test_graph_error(what: str) -> None:
    action, words = GRAPH_ERRORS[what]
    graph = mpsg.Graph()
    with pytest.raises(mpsg.GraphError, match=f"(?s){words}") as caught:
        action(graph)
    assert WHERE in str(caught.value), f"no line of the caller's file in: {caught.value}"
    # The graph is as good as before.
    graph.verify()
    x = f32(graph, 2)
    assert graph.run({x: [1, 2]}, [x + 1.0])


def test_a_message_names_the_node_and_the_line() -> None:
    graph = mpsg.Graph()
    x = f32(graph, 2)
    with pytest.raises(mpsg.GraphError) as caught:
        graph.addition(x, f32(graph, 3), name="the sum")
    line = caught.traceback[0].lineno + 1
    assert "the sum" in str(caught.value)
    assert f"{HERE}:{line}" in str(caught.value)


# ---------------------------------------------------------------- Python's own mistakes


@pytest.mark.parametrize("what", PYTHON_ERRORS)
def test_python_error(what: str) -> None:
    action, kind = PYTHON_ERRORS[what]
    graph = mpsg.Graph()
    with pytest.raises(kind) as caught:
        action(graph)
    assert str(caught.value)
    assert not isinstance(caught.value, mpsg.InternalError)
    graph.verify()


def test_error_types() -> None:
    kinds = [mpsg.GraphError, mpsg.FeedError, mpsg.ExecutionError, mpsg.PackageError]
    for kind in [*kinds, mpsg.InternalError]:
        assert issubclass(kind, mpsg.Error) and issubclass(kind, RuntimeError)


def test_arrays_where_integers_are_asked() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder(np.array([2, 3]), mpsg.float32)
    assert x.shape == (2, 3)
    assert graph.reduction_sum(x, np.array([1])).shape == (2, 1)
    assert graph.reduction_sum(x, np.array(0)).shape == (1, 3)
    assert graph.reduction_sum(x, np.int8(-1)).shape == (2, 1)
    assert graph.permute(x, range(2)).shape == (2, 3)


ODD: list[Any] = [
    *(None, True, -1, 0, 2**63, -(2**63) - 1, 1.5, float("nan"), "x", b"x", (), [], [[]]),
    *({}, [None], [1.5], [2**70], object(), int, lambda: None, np.float32(1), np.zeros(0)),
    *(np.zeros((2, 2, 2)), np.array("x"), mpsg.float32, mpsg.Graph(), range(3), Ellipsis),
]


@pytest.mark.parametrize("row", ROWS)
def test_odd_arguments(row: str) -> None:
    """Anything at all in the place of anything: an exception or a tensor."""
    generator = random.Random(row)
    parameters = ROWS[row]["parameters"]
    for _ in range(60):
        graph = mpsg.Graph()
        tensors = [f32(graph, 2, 3), i32(graph, 2), graph.placeholder(None, mpsg.bool_)]
        tensors.append(graph.variable([1.0]))
        pool = [*ODD, *tensors, tensors[:2], Convolution(), window()]
        count = generator.randint(0, len(parameters))
        positional = [p for p in parameters if not p["keyword_only"]][:count]
        arguments = [generator.choice(pool) for _ in positional]
        try:
            getattr(graph, row)(*arguments)
        except (mpsg.GraphError, TypeError, ValueError):
            pass
        graph.verify()


# ---------------------------------------------------------------- feeds


def sum_graph() -> tuple[mpsg.Graph, mpsg.Tensor, mpsg.Tensor]:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3], mpsg.float32, name="the input")
    return graph, x, graph.reduction_sum(x, None)


BAD_FEEDS: dict[str, tuple[Any, str]] = {
    "type": (np.zeros((2, 3)), "float64"),
    "integers": (np.zeros((2, 3), np.int32), "int32"),
    "shape": (np.zeros((2, 4), np.float32), "2, 4"),
    "rank": (np.zeros(3, np.float32), r"\(3"),
    "complex numbers": ([[1j, 2, 3]], "complex"),
    "text": ("text", "str|text"),
    "None": (None, "None"),
    "objects": (np.array([[None] * 3]), "object|array"),
    "strings": (np.array([["a", "b", "c"]]), "str|U"),
    "dates": (np.zeros((1, 3), "M8[s]"), "datetime"),
    "records": (np.zeros((1, 3), "f4,i4"), "void|dtype"),
    "float128": (np.zeros((1, 3), np.longdouble), "float128|longdouble|float64"),
    "ragged": ([[1, 2], [3]], "not an array"),
    "a dict": ({1: 2}, "dict"),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("what", BAD_FEEDS)
def test_bad_feed(what: str, device: str) -> None:
    value, words = BAD_FEEDS[what]
    graph, x, total = sum_graph()
    with pytest.raises(mpsg.FeedError, match=words) as caught:
        graph.run({x: value}, [total], device=device)
    assert "the input" in str(caught.value)
    good = np.ones((2, 3), np.float32)
    assert graph.run({x: good}, [total], device=device)[total].item() == 6


def test_missing_feed() -> None:
    graph, x, total = sum_graph()
    with pytest.raises(mpsg.FeedError, match="the input") as caught:
        graph.run({}, [total])
    assert HERE in str(caught.value)


def test_feed_of_another_graph() -> None:
    graph, x, total = sum_graph()
    _, other, other_total = sum_graph()
    with pytest.raises((mpsg.FeedError, mpsg.GraphError), match="graph"):
        graph.run({x: np.ones((1, 3), "f"), other: np.ones((1, 3), "f")}, [total])
    with pytest.raises(mpsg.GraphError, match="graph"):
        graph.run({x: np.ones((1, 3), "f")}, [other_total])
    with pytest.raises(mpsg.GraphError, match="graph"):
        graph.addition(x, other)


def test_feed_of_what_is_no_placeholder() -> None:
    graph, x, total = sum_graph()
    inner = x * 2.0
    with pytest.raises(mpsg.FeedError, match="placeholder"):
        graph.run({inner: np.ones((1, 3), "f")}, [total])
    with pytest.raises(mpsg.FeedError, match="placeholder|keys"):
        graph.run({"x": np.ones((1, 3), "f")}, [total])
    with pytest.raises(TypeError):
        graph.run([np.ones((1, 3), "f")], [total])


def test_a_feed_that_is_not_needed_is_ignored() -> None:
    graph, x, total = sum_graph()
    unused = f32(graph, 2)
    results = graph.run({x: np.ones((1, 3), "f"), unused: np.zeros(99)}, [total])
    assert results[total].item() == 3


def test_wrong_targets() -> None:
    graph, x, total = sum_graph()
    feeds = {x: np.ones((1, 3), "f")}
    for targets in (3, "x", [None], [3], {1: 2}):
        with pytest.raises((mpsg.GraphError, TypeError)):
            graph.run(feeds, targets)
    assert graph.run(feeds, []) == {}
    assert len(graph.run(feeds, [total, total])) == 1
    assert graph.run(feeds, total)[total].item() == 3


def test_target_inside_a_body() -> None:
    graph = mpsg.Graph()
    inner: list[mpsg.Tensor] = []

    def body(index: mpsg.Tensor, arguments: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        inner.append(arguments[0] * 2.0)
        return inner

    graph.for_loop([graph.constant(1.0)], body, number_of_iterations=2)
    with pytest.raises(mpsg.GraphError, match="body"):
        graph.run({}, inner)
    with pytest.raises(mpsg.GraphError, match="body|region|scope"):
        graph.addition(inner[0], 1.0)


def test_executable_feeds() -> None:
    graph, x, total = sum_graph()
    executable = graph.compile({x: (2, 3)}, [total])
    good = np.ones((2, 3), np.float32)
    for feeds in ([], [good, good], [np.ones((1, 3), "f")], [np.ones((2, 3))], ["x"], [None]):
        with pytest.raises(mpsg.FeedError):
            executable.run(feeds)
    for feeds in (3, None):
        with pytest.raises(TypeError):
            executable.run(feeds)
    assert executable.run([good])[0].item() == 6
    open_sizes = graph.compile([x], [total])
    assert open_sizes.run([good])[0].item() == 6
    with pytest.raises(mpsg.FeedError):
        open_sizes.run([np.ones((2, 4), np.float32)])
    with pytest.raises(mpsg.Error):
        graph.compile({x: (2, 4)}, [total])
    with pytest.raises(mpsg.Error):
        graph.compile({}, [total])


@pytest.mark.parametrize("device", DEVICES)
def test_sizes_that_do_not_fit_at_run_time(device: str) -> None:
    """What -1 left open is checked with the sizes that were fed."""
    graph = mpsg.Graph()
    a, b = (graph.placeholder([-1], mpsg.float32) for _ in range(2))
    total = graph.addition(a, b, name="the sum")
    with pytest.raises(mpsg.Error, match="the sum") as caught:
        graph.run({a: [1, 2], b: [1, 2, 3]}, [total], device=device)
    assert HERE in str(caught.value)
    assert graph.run({a: [1, 2], b: [1]}, [total], device=device)[total].numpy().tolist() == [2, 3]
    shape = graph.placeholder([-1], mpsg.int32)
    reshaped = graph.reshape(a, shape, name="the shape")
    with pytest.raises(mpsg.Error, match="the shape"):
        graph.run({a: [1, 2], shape: [3]}, [reshaped], device=device)
    with pytest.raises(mpsg.Error):
        graph.run({a: [1, 2], shape: [2**40, 2**40]}, [reshaped], device=device)


@pytest.mark.parametrize("device", DEVICES)
def test_loop_bounds_at_run_time(device: str) -> None:
    graph = mpsg.Graph()
    low, high, step = (graph.placeholder([], mpsg.int64) for _ in range(3))
    (count,) = graph.for_loop(
        [graph.constant(0)],
        lambda i, a: [a[0] + 1],
        lower_bound=low,
        upper_bound=high,
        step=step,
        name="the loop",
    )
    for wrong in (0, -1):
        with pytest.raises(mpsg.ExecutionError, match="the loop.*step"):
            graph.run({low: 0, high: 3, step: wrong}, [count], device=device)
    most = 2**63 - 1
    for bounds, wanted in [((most - 1, most, 5), 1), ((-most, most, most), 2), ((3, -most, 1), 0)]:
        feeds = dict(zip([low, high, step], bounds, strict=True))
        assert graph.run(feeds, [count], device=device)[count].item() == wanted


@pytest.mark.parametrize("device", DEVICES)
def test_more_memory_than_there_is(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1], mpsg.float32)
    huge = graph.broadcast(graph.reduction_sum(x, None), [2**22, 2**22], name="the giant")
    # A sum of it would be one kernel that needs no memory; a product reads it from there.
    larger = graph.addition(huge, 1.0, name="the giant's twin")
    product = graph.matrix_multiplication(larger, np.zeros((2**22, 1), np.float32))
    with pytest.raises(mpsg.ExecutionError, match="the giant"):
        graph.run({x: [1]}, [product], device=device)
    with pytest.raises(mpsg.ExecutionError):
        graph.run({x: [1]}, [huge], device=device)


@pytest.mark.parametrize("device", DEVICES)
def test_nan_is_fine(device: str) -> None:
    graph, x, total = sum_graph()
    assert np.isnan(graph.run({x: [[np.nan, 1, np.inf]]}, [total], device=device)[total].item())


# ---------------------------------------------------------------- defined results


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_division_has_results(name: str) -> None:
    limits = np.iinfo(name)
    a = np.array([limits.min, limits.min, 7, 0, limits.max], name)
    b = np.array([0, limits.max if limits.min == 0 else -1, 0, 0, 1], name)
    for row, wanted in {
        "division": [0, limits.min, 0, 0, limits.max],
        "division_no_nan": [0, limits.min, 0, 0, limits.max],
        "modulo": [0, 0, 0, 0, 0],
        "floor_modulo": [0, 0, 0, 0, 0],
    }.items():
        for device in DEVICES:
            (got,) = run(lambda g, t, row=row: getattr(g, row)(*t), [a, b], device)
            assert_same_bits(got, np.array(wanted, name), row)
            # Folded when the graph is compiled, too.
            (folded,) = run(
                lambda g, t, row=row: getattr(g, row)(g.constant(a), g.constant(b)), [], device
            )
            assert_same_bits(folded, got, f"{row} of constants")


@pytest.mark.parametrize("name", INTEGERS)
def test_shifts_have_results(name: str) -> None:
    width = np.iinfo(name).bits
    counts = np.array([0, 1, width - 1, width, 127, -1 if name in SIGNED else width + 1], name)
    ones = np.full(len(counts), -1 if name in SIGNED else np.iinfo(name).max, name)
    for device in DEVICES:
        left, right = run(
            lambda g, t: [g.bitwise_left_shift(*t), g.bitwise_right_shift(*t)],
            [ones, counts],
            device,
        )
        assert left[3:].tolist() == [0, 0, 0]
        assert right[3:].tolist() == ([-1] * 3 if name in SIGNED else [0] * 3)


@pytest.mark.parametrize("name", INTEGERS)
@pytest.mark.parametrize("source", ["float16", "bfloat16", "float32", "float64"])
def test_casts_out_of_range_have_results(source: str, name: str) -> None:
    limits = np.iinfo(name)
    values = np.array([np.nan, np.inf, -np.inf, 1e300, -1e300, -0.9], np.float64)
    with np.errstate(all="ignore"):
        given = values.astype(mpsg.data_type(source).numpy())
    wanted = np.array([0, limits.max, limits.min, limits.max, limits.min, 0], name)
    for device in DEVICES:
        (got,) = run(lambda g, t: g.cast(t[0], name), [given], device)
        assert_same_bits(got, wanted)


def test_powers_of_integers_have_results() -> None:
    a = np.array([0, 0, 1, -1, -1, 2, 2, -(2**31)], np.int32)
    b = np.array([0, -1, -5, -5, -4, -1, 40, 2], np.int32)
    for device in DEVICES:
        (got,) = run(lambda g, t: g.power(*t), [a, b], device)
        assert got.tolist() == [1, 0, 1, -1, 1, 0, 0, 0]


# ---------------------------------------------------------------- unsound text


def test_broken_json() -> None:
    """Text with pieces missing, doubled or changed: an exception or a sound graph."""
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 2], mpsg.float32)
    (y,) = graph.if_else(graph.constant(True), lambda: graph.softmax(x, 1), lambda: x)
    graph.gradients(graph.matrix_multiplication(y, graph.constant(np.eye(2, dtype="f"))), [x])
    text = graph.to_json()
    generator = random.Random(7)
    for _ in range(400):
        mpsg_text = damaged(text, generator)
        try:
            mpsg.Graph.from_json(mpsg_text).verify()
        except mpsg.PackageError:
            pass


def damaged(text: str, generator: random.Random) -> str:
    if generator.random() < 0.5:
        at, length = generator.randrange(len(text)), generator.randrange(1, 9)
        return text[:at] + generator.choice(["", "9", "-1", '"', "[", "null"]) + text[at + length :]
    data = json.loads(text)
    spot: Any = data
    path: list[Any] = []
    while isinstance(spot, (dict, list)) and spot:
        key = generator.choice(list(spot) if isinstance(spot, dict) else range(len(spot)))
        path.append((spot, key))
        spot = spot[key]
    owner, key = generator.choice(path)
    owner[key] = generator.choice([None, -1, 2**62, "x", [], {}, [[]], 1.5, True])
    return json.dumps(data)
