"""First and second derivatives of every differentiable row, against central differences."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg
from cases.gradients import gradient_cases
from support.differences import check_gradients
from support.running import DEVICES
from support.table import ROWS, differentiable_rows

TESTED_ELSEWHERE = {
    "read": "test_control_flow.py",
    "if_else": "test_control_flow.py",
    "for_loop": "test_control_flow.py",
    "dropout": "test_random_ops.py",
}
# Where a function has no derivative: what the documentation says.
NAN, INF = float("nan"), float("inf")
KINKS: list[tuple[str, list[list[float]], list[list[float]]]] = [
    ("relu", [[-1, 0, -0.0, 1]], [[0, 0, 0, 1]]),
    ("absolute", [[-2, 0, -0.0, 2]], [[-1, 0, 0, 1]]),
    ("square_root", [[0, 4]], [[INF, 0.25]]),
    ("leaky_relu", [[-1, 0, 1], [0.25, 0.25, 0.25]], [[0.25, 0.25, 1], [-1, 0, 0]]),
    ("maximum", [[1, 2, 3], [1, 3, 2]], [[1, 0, 1], [0, 1, 0]]),
    ("minimum", [[1, 2, 3], [1, 3, 2]], [[1, 1, 0], [0, 0, 1]]),
    ("maximum_with_nan_propagation", [[1, 2], [1, 3]], [[1, 0], [0, 1]]),
    ("minimum_with_nan_propagation", [[1, 2], [1, 3]], [[1, 1], [0, 0]]),
    ("division_no_nan", [[1, 6], [0, 3]], [[0, 1 / 3], [0, -2 / 3]]),
    ("atan2", [[0, 1], [0, 1]], [[0, 0.5], [0, -0.5]]),
    ("power", [[0, -2, 0, 3], [0, 3, 2, 0]], [[0, 12, 0, 0], [0, 0, 0, np.log(3.0)]]),
    (
        "clamp",
        [[-1, 0, 0.5, 1, 2], [0, 0, 0, 0, 0], [1, 1, 1, 1, 1]],
        [[0, 1, 1, 1, 0], [1, 0, 0, 0, 0], [0, 0, 0, 0, 1]],
    ),
    ("reduction_maximum", [[3, 1, 3, 3]], [[1 / 3, 0, 1 / 3, 1 / 3]]),
    ("reduction_minimum", [[3, 1, 1, 3]], [[0, 0.5, 0.5, 0]]),
    ("reduction_product", [[0, 2, 3]], [[6, 0, 0]]),
    ("reduction_product", [[0, 0, 3]], [[0, 0, 0]]),
]


def test_every_differentiable_row_has_cases() -> None:
    without = [row for row in differentiable_rows() if not gradient_cases(row)]
    assert sorted(without) == sorted(TESTED_ELSEWHERE)
    for row, file in TESTED_ELSEWHERE.items():
        text = (Path(__file__).parent / file).read_text()
        assert "gradients(" in text and (row == "read" or f".{row}(" in text)


@pytest.mark.parametrize("row", [r for r in differentiable_rows() if r not in TESTED_ELSEWHERE])
def test_derivatives(row: str) -> None:
    for case in gradient_cases(row):
        shapes = [a.shape for a in case.arrays]
        what = f"{row} {case.label} {case.arrays[0].dtype}{shapes}"
        check_gradients(case.call, case.arrays, what, case.declared, case.same_bits)


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize(
    ("row", "operands", "wanted"),
    KINKS,
    ids=[f"{row}-{at}" for at, (row, _, _) in enumerate(KINKS)],
)
def test_kink(row: str, operands: Any, wanted: Any, device: str) -> None:
    graph = mpsg.Graph()
    tensors = [graph.placeholder([len(values)], mpsg.float64) for values in operands]
    result = getattr(graph, row)(*tensors)
    gradients = graph.gradients(result, tensors)
    found = graph.run(
        dict(zip(tensors, operands, strict=True)), list(gradients.values()), device=device
    )
    for tensor, values in zip(tensors, wanted, strict=True):
        got = found[gradients[tensor]].numpy()
        assert np.array_equal(got, np.array(values), equal_nan=True), f"{got}, wanted {values}"


@pytest.mark.parametrize("row", [r for r in ROWS if not ROWS[r]["has_gradient"]])
def test_rows_without_gradient_say_why(row: str) -> None:
    assert ROWS[row]["not_differentiable"]


def test_nothing_flows_through_what_is_not_differentiable() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float32, name="x")
    with pytest.raises(mpsg.GraphError, match="does not depend on.*'x'"):
        graph.gradients(graph.floor(x), [x])
    zero = graph.gradients(graph.floor(x), [x], unconnected="zero")[x]
    assert graph.run({x: [1.5, 2.5]}, [zero])[zero].numpy().tolist() == [0, 0]


def test_a_tensor_used_often_gets_the_sum() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float64)
    y = x
    for _ in range(5):
        y = y * x + x
    gradient = graph.gradients(y, [x])[x]
    values = np.array([0.5, -1.0, 2.0])
    wanted = np.polyval(np.polyder([1, 1, 1, 1, 1, 1, 0]), values)
    got = graph.run({x: values}, [gradient])[gradient].numpy()
    assert np.allclose(got, wanted, rtol=1e-14, atol=0)


def test_gradients_of_an_inner_tensor() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float64)
    inner = graph.square(x)
    outer = graph.exponent(inner)
    found = graph.gradients(outer, [x, inner, outer])
    results = graph.run({x: [0.5, 1.0]}, list(found.values()))
    values = np.array([0.5, 1.0])
    assert np.allclose(results[found[outer]].numpy(), 1)
    assert np.allclose(results[found[inner]].numpy(), np.exp(values**2), rtol=1e-15)
    assert np.allclose(results[found[x]].numpy(), 2 * values * np.exp(values**2), rtol=1e-15)
