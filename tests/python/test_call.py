"""call: another executable as an operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mpsg
from support.running import DEVICES

F32 = mpsg.float32


def adapter(weights: list[list[float]], device: str = "cpu", rows: int = 2) -> mpsg.Executable:
    """x @ weights and its sum, as an executable of a graph of its own."""
    graph = mpsg.Graph()
    x = graph.placeholder([-1, len(weights)], F32, name="x")
    product = graph.matrix_multiplication(x, graph.constant(np.array(weights, np.float32)))
    total = graph.reduction_sum(product, 1)
    return graph.compile({x: (rows, len(weights))}, [product, total], device=device)


def caller() -> tuple[mpsg.Graph, mpsg.Tensor, list[mpsg.Tensor]]:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3], F32, name="x")
    product, total = graph.call([x * 2.0], "adapter", [([-1, 2], F32), (None, "float32")])
    return graph, x, [product + 1.0, total]


@pytest.mark.parametrize("device", DEVICES)
def test_the_callable_is_chosen_when_compiling(device: str) -> None:
    graph, x, targets = caller()
    values = np.array([[1, 2, 3], [4, 5, 6]], np.float32)
    for factor in (1.0, -2.0):
        weights = np.array([[1, 0], [0, 1], [1, 1]], np.float32) * factor
        called = adapter(weights.tolist(), device)
        executable = graph.compile(
            {x: values.shape}, targets, device=device, callables={"adapter": called}
        )
        del called
        product, total = (result.numpy() for result in executable.run([values]))
        wanted = 2 * values @ weights
        assert np.array_equal(product, wanted + 1)
        assert np.array_equal(total, wanted.sum(1, keepdims=True))


def test_it_stitches_as_if_written_here() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([8], F32)
    (y,) = graph.call([x + 1.0], "square", [([8], F32)])
    inner = mpsg.Graph()
    z = inner.placeholder([8], F32)
    square = inner.compile({z: (8,)}, [z * z])
    executable = graph.compile({x: (8,)}, [y - 1.0], callables={"square": square})
    assert len(executable.kernels) == 1
    assert executable.run([np.full(8, 2, np.float32)])[0].numpy().tolist() == [8] * 8


@pytest.mark.parametrize("device", DEVICES)
def test_calls_in_calls_and_in_bodies(device: str) -> None:
    increment, twice, outer = mpsg.Graph(), mpsg.Graph(), mpsg.Graph()
    a = increment.placeholder([2], F32)
    inner = increment.compile({a: (2,)}, [a + 1.0], device=device)
    b = twice.placeholder([2], F32)
    (once,) = twice.call([b], "increment", [([2], F32)])
    (again,) = twice.call([once], "increment", [([2], F32)])
    middle = twice.compile({b: (2,)}, [again], device=device, callables={"increment": inner})
    x = outer.placeholder([2], F32)

    def body(_: mpsg.Tensor, values: list[mpsg.Tensor]) -> Any:
        return outer.call(values, "twice", [([2], F32)])

    (result,) = outer.for_loop([x], body, number_of_iterations=outer.constant(np.int32(3)))
    executable = outer.compile({x: (2,)}, [result], device=device, callables={"twice": middle})
    assert executable.run([np.zeros(2, np.float32)])[0].numpy().tolist() == [6, 6]


def test_random_numbers_are_its_own() -> None:
    inner, outer = mpsg.Graph(), mpsg.Graph()
    numbers = inner.compile({}, [inner.random_uniform([1000])])
    (called,) = outer.call([], "numbers", [([1000], F32)])
    own = outer.random_uniform([1000])
    executable = outer.compile({}, [called, own], callables={"numbers": numbers})
    first, second = (result.numpy() for result in executable.run([]))
    assert abs(first.mean() - 0.5) < 0.05 and not np.any(first == second)


def with_variable() -> mpsg.Executable:
    graph = mpsg.Graph()
    x = graph.placeholder([2, 3], F32)
    y = x * graph.variable(np.ones(3, np.float32))
    return graph.compile({x: (2, 3)}, [y, y])


def one_result() -> mpsg.Executable:
    graph = mpsg.Graph()
    x = graph.placeholder([2, 3], F32)
    return graph.compile({x: (2, 3)}, [x * 1.0])


WRONG: dict[str, tuple[Callable[[], dict[str, mpsg.Executable]], str]] = {
    "no callable": (dict, "'adapter'.*no callable.*callables="),
    "another shape": (lambda: {"adapter": adapter([[1.0]] * 3, rows=5)}, "5, 3.*2, 3"),
    "another result": (lambda: {"adapter": adapter([[1.0]] * 3)}, "2, 1.*output_types"),
    "a result too few": (lambda: {"adapter": one_result()}, "output_types"),
    "a variable": (lambda: {"adapter": with_variable()}, "variable"),
}


@pytest.mark.parametrize("what", WRONG)
def test_wrong_callables(what: str) -> None:
    callables, words = WRONG[what]
    graph, x, targets = caller()
    with pytest.raises(mpsg.GraphError, match=f"(?s){words}") as caught:
        graph.compile({x: (2, 3)}, targets, callables=callables())
    assert "test_call.py" in str(caught.value)


def test_run_has_no_callables() -> None:
    graph, x, targets = caller()
    with pytest.raises(mpsg.GraphError, match="callables="):
        graph.run({x: np.zeros((2, 3), np.float32)}, targets)


def test_wrong_types() -> None:
    graph = mpsg.Graph()
    for wrong in ([3], [([2], "float33")], [("no", F32)], 5):
        with pytest.raises((mpsg.GraphError, TypeError)):
            graph.call([], "name", wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError):
        graph.compile({}, [graph.constant(1.0)], callables={"x": 1})  # type: ignore[dict-item]


def test_it_is_written_and_read() -> None:
    graph, _, _ = caller()
    again = mpsg.Graph.from_json(graph.to_json())
    assert again.to_json() == graph.to_json() and "adapter" in again.to_text()
