"""The table: which function converts which ONNX operation."""

from __future__ import annotations

from mpsg.onnx import (
    _control_flow,
    _elementwise,
    _indexing,
    _nn,
    _quantize,
    _reductions,
    _shapes,
    _windows,
)
from mpsg.onnx._node import Converter

_TABLES: dict[str, dict[str, Converter]] = {
    "": {
        **_control_flow.CONVERTERS,
        **_elementwise.CONVERTERS,
        **_indexing.CONVERTERS,
        **_nn.CONVERTERS,
        **_quantize.CONVERTERS,
        **_reductions.CONVERTERS,
        **_shapes.CONVERTERS,
        **_windows.CONVERTERS,
    },
}


def find_converter(domain: str, op: str) -> Converter | None:
    """The converter of an operation, if mpsg has one."""
    return _TABLES.get(domain, {}).get(op)


def converted_operations() -> list[tuple[str, str]]:
    """Domain and name of every operation with a converter of its own."""
    return [(domain, op) for domain, table in _TABLES.items() for op in table]
