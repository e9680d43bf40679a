"""What every row of the op table gives, against NumPy and SciPy, on every device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg
from cases import ALL_CASES, TESTED_ELSEWHERE
from cases.case import Case
from support.compare import assert_close, assert_same_bits
from support.numbers import random_generator, values
from support.running import DEVICES, run
from support.table import ROWS, operand_types

PARAMETERS = [
    pytest.param(row, name, id=f"{row}-{name}" if name else row)
    for row in ALL_CASES
    for name in operand_types(row)
]


def test_every_row_has_cases() -> None:
    """A new row comes with its cases, or with the file that tests it."""
    assert not set(ALL_CASES) & set(TESTED_ELSEWHERE)
    assert set(ALL_CASES) | set(TESTED_ELSEWHERE) == set(ROWS)
    for row, file in TESTED_ELSEWHERE.items():
        assert f".{row}(" in (Path(__file__).parent / file).read_text(), f"{row} is not in {file}"


@pytest.mark.parametrize(("row", "name"), PARAMETERS)
def test_row(row: str, name: str) -> None:
    cases = list(ALL_CASES[row](name))
    assert cases
    for case in cases:
        check(case)


def check(case: Case) -> None:
    wanted = case.wanted if isinstance(case.wanted, list) else [case.wanted]
    first: list[np.ndarray] = []
    for declared in case.declared:
        reference = run(case.build, case.arrays, "reference", declared)
        if not first:
            first = reference
            assert len(first) == len(wanted)
            check_results(case, first, wanted)
        for got, static in zip(reference, first, strict=True):
            assert_same_bits(got, static, f"{case}, {declared}, reference")
        cpu = run(case.build, case.arrays, "cpu", declared)
        assert [each.dtype for each in cpu] == [each.dtype for each in first]
        if not case.same_bits:
            check_results(case, cpu, wanted, case.cpu_compute)
            continue
        for got, other in zip(cpu, first, strict=True):
            assert_same_bits(got, other, f"{case}, {declared}, cpu against reference")


def check_results(
    case: Case, results: list[np.ndarray], wanted: list[np.ndarray], compute: str | None = None
) -> None:
    scales = case.scale if isinstance(case.scale, list) else [case.scale] * len(wanted)
    for got, true, scale in zip(results, wanted, scales, strict=True):
        assert_close(
            got,
            true,
            case.operations,
            scale=scale,
            compute=compute or case.compute,
            signed_zeros=case.signed_zeros,
            what=str(case),
        )


SIZES = (3, 0, 1, 17, 3)
# One graph each; the first dimension of every placeholder is open.
OPEN: dict[str, Any] = {
    "elementwise": lambda g, x, y: g.exponent(x) * y + x,
    "broadcast": lambda g, x, y: g.broadcast(g.reduction_sum(x, 0), g.shape_of(y)) - y,
    "row-wise": lambda g, x, y: g.softmax(x, 1) + g.variance(y, -1),
    "column-wise": lambda g, x, y: g.reduction_maximum(g.concat([x, y], 0), 0),
    "product": lambda g, x, y: g.matrix_multiplication(x, g.transpose(y, 0, 1)),
    "reshaped": lambda g, x, y: g.reshape(g.stack([x, y], 1), [-1, 2]),
    "flipped": lambda g, x, y: g.slice(g.reverse(x, 0), [0, 1], [99, 4]) * 2.0,
    "padded": lambda g, x, y: g.pad(x, mpsg.PaddingMode.ZERO, [1, 0], [2, 0]),
    "tiled": lambda g, x, y: g.tile(x, [2, 3]),
    "counted": lambda g, x, y: g.coordinate_along_axis(0, g.shape_of(x)),
}


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("what", OPEN)
def test_several_sizes(what: str, device: str) -> None:
    """One graph, fed with one batch after the other, gives what graphs of those shapes give."""
    graph = mpsg.Graph()
    x, y = (graph.placeholder([-1, 4], mpsg.float32) for _ in range(2))
    result = OPEN[what](graph, x, y)
    for size in SIZES:
        arrays = [values("float32", (size, 4), random_generator(size, at)) for at in range(2)]
        feeds = dict(zip([x, y], arrays, strict=True))
        got = graph.run(feeds, [result], device=device)[result].numpy()
        (wanted,) = run(lambda g, t: OPEN[what](g, *t), arrays, device)
        assert_same_bits(got, wanted, f"{what} of {size}")
