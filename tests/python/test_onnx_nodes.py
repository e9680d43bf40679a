"""The node tests of ONNX, on every device; docs/onnx.md says how many pass."""

from __future__ import annotations

import pytest

from support import onnx_exam
from support.running import DEVICES

on_all = pytest.mark.parametrize("device", DEVICES)


@on_all
def test_every_case_passes_or_is_excluded(device: str) -> None:
    exam = onnx_exam.take(device)
    assert len(exam.passed) > 1500
    assert not exam.failed, "\n".join(f"{name}: {why}" for name, why in exam.failed.items())


@on_all
def test_every_excluded_case_fails(device: str) -> None:
    exam = onnx_exam.take(device)
    assert exam.wrongly_excluded == []


@on_all
def test_every_line_of_the_exclusions_is_needed(device: str) -> None:
    lines = [e for e in onnx_exam.take(device).excluded if e.device in ("all", device)]
    assert [e.pattern for e in lines if not e.names] == []


@on_all
def test_foreign_types_are_refused(device: str) -> None:
    typed = onnx_exam.take(device).typed
    assert [name for name, message in typed.items() if message is None] == []


def test_page_is_what_came_out() -> None:
    wanted = onnx_exam.page(onnx_exam.take("reference"))
    assert onnx_exam.PAGE.read_text() == wanted, "run ./scripts/onnx_page"
