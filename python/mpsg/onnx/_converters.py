"""The table: which function converts which ONNX operation."""

from __future__ import annotations

from mpsg.onnx import (
    _control_flow,
    _einsum,
    _elementwise,
    _indexing,
    _ml,
    _nn,
    _quantize,
    _random,
    _recurrent,
    _reductions,
    _resize,
    _sampling,
    _shapes,
    _signal,
    _training,
    _windows,
)
from mpsg.onnx._node import Converter

_TABLES: dict[str, dict[str, Converter]] = {
    "": {
        **_control_flow.CONVERTERS,
        **_einsum.CONVERTERS,
        **_elementwise.CONVERTERS,
        **_indexing.CONVERTERS,
        **_ml.OF_NUMBERS,
        **_nn.CONVERTERS,
        **_quantize.CONVERTERS,
        **_random.CONVERTERS,
        **_recurrent.CONVERTERS,
        **_reductions.CONVERTERS,
        **_resize.CONVERTERS,
        **_sampling.CONVERTERS,
        **_shapes.CONVERTERS,
        **_signal.CONVERTERS,
        **_windows.CONVERTERS,
    },
    "ai.onnx.ml": _ml.CONVERTERS,
    "ai.onnx.preview.training": _training.CONVERTERS,
}


def find_converter(domain: str, op: str) -> Converter | None:
    """The converter of an operation, if mpsg has one."""
    return _TABLES.get(domain, {}).get(op)


def converted_operations() -> list[tuple[str, str]]:
    """Domain and name of every operation with a converter of its own."""
    return [(domain, op) for domain, table in _TABLES.items() for op in table]
