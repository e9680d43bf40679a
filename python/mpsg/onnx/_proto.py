"""The package onnx, which this one needs, and what ONNX's types are in mpsg."""

from __future__ import annotations

from typing import Any

import numpy as np

import mpsg
from mpsg._extras import require

onnx: Any = require("onnx", "onnx")
defs: Any = require("onnx.defs", "onnx")
helper: Any = require("onnx.helper", "onnx")
numpy_helper: Any = require("onnx.numpy_helper", "onnx")
decode_error: Any = require("google.protobuf.message", "onnx").DecodeError

_TYPES: dict[str, mpsg.DataType] = {
    "FLOAT": mpsg.float32,
    "DOUBLE": mpsg.float64,
    "FLOAT16": mpsg.float16,
    "BFLOAT16": mpsg.bfloat16,
    "INT8": mpsg.int8,
    "INT16": mpsg.int16,
    "INT32": mpsg.int32,
    "INT64": mpsg.int64,
    "UINT8": mpsg.uint8,
    "UINT16": mpsg.uint16,
    "UINT32": mpsg.uint32,
    "UINT64": mpsg.uint64,
    "BOOL": mpsg.bool_,
    "COMPLEX64": mpsg.complex64,
    "INT4": mpsg.int4,
    "UINT4": mpsg.uint4,
}
_FROM_ONNX = {onnx.TensorProto.DataType.Value(name): type for name, type in _TYPES.items()}
_TO_ONNX = {type: number for number, type in _FROM_ONNX.items()}


def type_name(element_type: int) -> str:
    """ONNX's name of an element type."""
    return str(onnx.TensorProto.DataType.Name(element_type))


def from_onnx_type(element_type: int) -> mpsg.DataType:
    """mpsg's data type; GraphError if it has none."""
    if element_type not in _FROM_ONNX:
        known = ", ".join(name.lower() for name in _TYPES)
        raise mpsg.GraphError(
            f"mpsg has no type {type_name(element_type).lower()}; its types are {known}"
        )
    return _FROM_ONNX[element_type]


def to_onnx_type(data_type: mpsg.DataType) -> int:
    """ONNX's number of a data type."""
    return int(_TO_ONNX[data_type])


def array_of(tensor: Any) -> np.ndarray[Any, Any]:
    """The value of a TensorProto."""
    from_onnx_type(tensor.data_type)
    return np.asarray(numpy_helper.to_array(tensor))


def declared_type(value: Any) -> tuple[list[int] | None, mpsg.DataType]:
    """Shape (-1: not said; None: not even how many) and type of a ValueInfoProto."""
    kind = value.type.WhichOneof("value")
    if kind != "tensor_type":
        what = "nothing" if kind is None else kind.removesuffix("_type")
        raise mpsg.GraphError(f"'{value.name}' is of type {what}; mpsg has tensors only")
    declared = value.type.tensor_type
    data_type = from_onnx_type(declared.elem_type)
    if not declared.HasField("shape"):
        return None, data_type
    sizes = [d.dim_value if d.HasField("dim_value") else -1 for d in declared.shape.dim]
    return sizes, data_type


def type_proto(tensor: mpsg.Tensor) -> Any:
    """The TypeProto of a tensor of mpsg."""
    shape = tensor.shape
    sizes = None if shape is None else [None if size < 0 else size for size in shape]
    return helper.make_tensor_type_proto(to_onnx_type(tensor.data_type), sizes)
