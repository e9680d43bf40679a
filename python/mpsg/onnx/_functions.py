"""Operations that ONNX itself defines by others: their bodies, from the package onnx."""

from __future__ import annotations

from typing import Any

from mpsg.onnx._node import Node
from mpsg.onnx._proto import defs, onnx, type_proto


def schema_function(node: Node) -> Any | None:
    """The FunctionProto that defines a node's operation; None if ONNX defines it in words only."""
    try:
        schema = defs.get_schema(node.op, node.opset, node.domain)
    except defs.SchemaError:
        return None
    if schema.has_context_dependent_function:
        versions = [v for v in schema.context_dependent_function_opset_versions if v <= node.opset]
        if versions:
            types = [
                (onnx.TypeProto() if tensor is None else type_proto(tensor)).SerializeToString()
                for tensor in node.inputs
            ]
            body = schema.get_context_dependent_function_with_opset_version(
                max(versions), node.proto.SerializeToString(), types
            )
            return _parsed(body)
    if schema.has_function:
        versions = [v for v in schema.function_opset_versions if v <= node.opset]
        if versions:
            return _parsed(schema.get_function_with_opset_version(max(versions)))
    return None


def default_attributes(node: Node) -> dict[str, Any]:
    """The attributes that ONNX takes where a node gives none."""
    schema = defs.get_schema(node.op, node.opset, node.domain)
    return {
        name: attribute.default_value
        for name, attribute in schema.attributes.items()
        if attribute.default_value.type != onnx.AttributeProto.UNDEFINED
    }


def _parsed(body: bytes) -> Any | None:
    if not body:
        return None
    function = onnx.FunctionProto()
    function.ParseFromString(body)
    return function
