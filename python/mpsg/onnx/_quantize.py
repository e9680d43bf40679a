"""Quantized numbers, and products and convolutions of them."""

from __future__ import annotations

import ml_dtypes
import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import cast, like, reshape, size_of, sizes_of
from mpsg.onnx._nn import matmul
from mpsg.onnx._node import Converter, Node
from mpsg.onnx._proto import from_onnx_type
from mpsg.onnx._windows import convolve, kernel_of, window_of

# The sum of that many products of 8-bit integers is exact in float32.
_EXACT_PRODUCTS = 2**24 // 2**16


def along(node: Node, x: Tensor, parameter: Tensor, axis: int) -> Tensor:
    """A scale or zero point so that it broadcasts: one number, or one for each index or block."""
    graph, rank = node.graph, node.rank_of(x)
    block = node.attribute("block_size", 0)
    if block:
        sizes = sizes_of(parameter, range(rank))
        repeated = graph.expand_dims(parameter, axis + 1)
        repeats = [1] * (rank + 1)
        repeats[axis + 1] = block
        repeated = graph.tile(repeated, repeats)
        repeated = reshape(repeated, [*sizes[:axis], -1, *sizes[axis + 1 :]])
        size = size_of(x, axis)
        if isinstance(size, int):
            return graph.slice(repeated, dimension=axis, start=0, length=size)
        return repeated
    if node.rank_of(parameter) == 0 or parameter.shape == (1,):
        return graph.reshape(parameter, [])
    return graph.expand_dims(parameter, [i for i in range(rank) if i != axis])


def saturated(x: Tensor, data_type: mpsg.DataType) -> Tensor:
    """Whole numbers as an integer type; what lies outside becomes its least or largest."""
    limits = ml_dtypes.iinfo(data_type.numpy())  # type: ignore[no-untyped-call]
    return x.graph.cast(x.graph.clamp(x, like(x, limits.min), like(x, limits.max)), data_type)


def quantized(x: Tensor, scale: Tensor, zero: Tensor | None, data_type: mpsg.DataType) -> Tensor:
    """round(x / scale) + zero."""
    rounded = x.graph.rint(x / scale)
    if zero is not None:
        rounded = rounded + cast(zero, rounded.data_type)
    return saturated(rounded, data_type)


def quantize_linear(node: Node) -> Tensor:
    x, scale, zero = node[0], node[1], node.optional(2)
    axis = node.axis(default=1) if node.rank() > 1 else 0
    if zero is not None:
        data_type = zero.data_type
    else:
        number = node.attribute("output_dtype", 0)
        data_type = from_onnx_type(number) if number else mpsg.uint8
    precision = node.attribute("precision", 0)
    kind = from_onnx_type(precision) if precision else mpsg.float32
    spread = cast(along(node, x, scale, axis), kind)
    offset = None if zero is None else along(node, x, zero, axis)
    return quantized(cast(x, kind), spread, offset, data_type)


def dequantize_linear(node: Node) -> Tensor:
    x, scale, zero = node[0], node[1], node.optional(2)
    axis = node.axis(default=1) if node.rank() > 1 else 0
    number = node.attribute("output_dtype", 0)
    data_type = from_onnx_type(number) if number else scale.data_type
    whole = cast(x, mpsg.int32)
    if zero is not None:
        whole = whole - cast(along(node, x, zero, axis), mpsg.int32)
    spread = along(node, x, scale, axis)
    return cast(cast(whole, mpsg.float32) * cast(spread, mpsg.float32), data_type)


def dynamic_quantize_linear(node: Node) -> list[Tensor]:
    """To uint8, by the least and the largest element (and 0)."""
    graph, x = node.graph, node[0]
    zero = like(x, 0)
    least = graph.minimum(graph.reshape(graph.reduction_minimum(x), []), zero)
    largest = graph.maximum(graph.reshape(graph.reduction_maximum(x), []), zero)
    scale = (largest - least) / like(x, 255)
    point = saturated(graph.rint(-(least / scale)), mpsg.uint8)
    return [quantized(x, scale, point, mpsg.uint8), scale, point]


def shifted(x: Tensor, zero: Tensor | None, axis: int | None) -> Tensor:
    """An 8-bit tensor without its zero point, as int32; `axis`: where a vector of them lies."""
    whole = cast(x, mpsg.int32)
    if zero is None:
        return whole
    rank, points = len(x.shape or ()), cast(zero, mpsg.int32)
    if points.shape == (1,):
        points = x.graph.reshape(points, [])
    elif len(points.shape or ()) == 1 and axis is not None:
        points = x.graph.expand_dims(points, [i for i in range(rank) if i != axis % rank])
    return whole - points


def matmul_integer(node: Node) -> Tensor:
    a = shifted(node[0], node.optional(2), -2)
    return matmul(a, shifted(node[1], node.optional(3), -1))


def requantized(whole: Tensor, scales: list[Tensor], zero: Tensor) -> Tensor:
    """int32 sums times the scales of both factors over that of the result."""
    left, right, result = (cast(scale, mpsg.float32) for scale in scales)
    exact = cast(whole, mpsg.float32) * (left * right / result)
    offset = cast(zero, mpsg.float32)
    return saturated(whole.graph.rint(exact) + offset, zero.data_type)


def scalar(x: Tensor) -> Tensor:
    """A tensor of one element as a scalar; others as they are."""
    return x.graph.reshape(x, []) if x.shape == (1,) else x


def q_linear_matmul(node: Node) -> Tensor:
    a = shifted(node[0], node[2], -2)
    whole = matmul(a, shifted(node[3], node[5], -1))
    scales = [scalar(node[1]), scalar(node[4]), scalar(node[6])]
    if len(scales[0].shape or ()) == 1:  # one for each row
        scales[0] = node.graph.expand_dims(scales[0], 1)
    return requantized(whole, scales, scalar(node[7]))


def integer_convolution(node: Node, x: Tensor, weights: Tensor) -> Tensor:
    """A convolution of int32 tensors that hold 8-bit numbers, exact."""
    groups = node.attribute("group", 1)
    window = window_of(node, kernel_of(node, weights))
    products = int(np.prod((weights.shape or ())[1:]))
    kind = mpsg.float32 if products <= _EXACT_PRODUCTS else mpsg.float64
    return cast(convolve(cast(x, kind), cast(weights, kind), window, groups), mpsg.int32)


def convolution_integer(node: Node) -> Tensor:
    x, weights = shifted(node[0], node.optional(2), None), shifted(node[1], node.optional(3), 0)
    return integer_convolution(node, x, weights)


def q_linear_convolution(node: Node) -> Tensor:
    graph, rank = node.graph, node.rank()
    x, weights = shifted(node[0], node[2], None), shifted(node[3], node[5], 0)
    whole = integer_convolution(node, x, weights)
    over = list(range(1, rank - 1))
    bias = node.optional(8)
    if bias is not None:
        whole = whole + graph.expand_dims(bias, over)
    of_weights = scalar(node[4])
    if len(of_weights.shape or ()) == 1:
        of_weights = graph.expand_dims(of_weights, over)
    return requantized(whole, [scalar(node[1]), of_weights, scalar(node[6])], scalar(node[7]))


CONVERTERS: dict[str, Converter] = {
    "ConvInteger": convolution_integer,
    "DequantizeLinear": dequantize_linear,
    "DynamicQuantizeLinear": dynamic_quantize_linear,
    "MatMulInteger": matmul_integer,
    "QLinearConv": q_linear_convolution,
    "QLinearMatMul": q_linear_matmul,
    "QuantizeLinear": quantize_linear,
}
