"""What every row of the op table gives, against NumPy and SciPy, on every device."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from cases import ALL_CASES, TESTED_ELSEWHERE
from cases.case import Case
from support.compare import assert_close, assert_same_bits
from support.running import run
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
            check_results(case, cpu, wanted)
            continue
        for got, other in zip(cpu, first, strict=True):
            assert_same_bits(got, other, f"{case}, {declared}, cpu against reference")


def check_results(case: Case, results: list[np.ndarray], wanted: list[np.ndarray]) -> None:
    scales = case.scale if isinstance(case.scale, list) else [case.scale] * len(wanted)
    for got, true, scale in zip(results, wanted, scales, strict=True):
        assert_close(
            got,
            true,
            case.operations,
            scale=scale,
            compute=case.compute,
            signed_zeros=case.signed_zeros,
            what=str(case),
        )
