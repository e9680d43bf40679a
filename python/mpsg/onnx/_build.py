"""Small pieces that converters build from: constants, casts, sizes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

import mpsg
from mpsg import Graph, Tensor
from mpsg.onnx._node import Sizes

FLOATS = {mpsg.float16, mpsg.bfloat16, mpsg.float32, mpsg.float64}
SHORT_FLOATS = {mpsg.float16, mpsg.bfloat16}
UNSIGNED = {mpsg.uint8, mpsg.uint16, mpsg.uint32, mpsg.uint64}


def cast(tensor: Tensor, data_type: mpsg.DataType) -> Tensor:
    """The tensor in another type; itself if it has it."""
    if tensor.data_type == data_type:
        return tensor
    return tensor.graph.cast(tensor, data_type)


def constant(graph: Graph, value: Any, data_type: mpsg.DataType) -> Tensor:
    """A constant of any shape."""
    return graph.constant(np.asarray(value).astype(data_type.numpy()))


def like(tensor: Tensor, value: float) -> Tensor:
    """A scalar of the tensor's type."""
    return constant(tensor.graph, value, tensor.data_type)


def static_shape(tensor: Tensor) -> list[int] | None:
    """The sizes, if all are known."""
    if tensor.shape is None or any(size < 0 for size in tensor.shape):
        return None
    return list(tensor.shape)


def shape_of(tensor: Tensor) -> Tensor:
    """The sizes as int64."""
    static = static_shape(tensor)
    if static is not None:
        return constant(tensor.graph, np.array(static, np.int64), mpsg.int64)
    return tensor.graph.cast(tensor.graph.shape_of(tensor), mpsg.int64)


def size_of(tensor: Tensor, axis: int) -> int | Tensor:
    """The size along an axis: a number, or an int64 scalar that is known when the graph runs."""
    if tensor.shape is not None and tensor.shape[axis] >= 0:
        return tensor.shape[axis]
    graph = tensor.graph
    sizes = graph.cast(graph.shape_of(tensor), mpsg.int64)
    rank = -1 if tensor.shape is None else len(tensor.shape)
    at = axis if axis >= 0 else axis + rank
    return graph.reshape(graph.slice(sizes, dimension=0, start=at, length=1), [])


def sizes_of(tensor: Tensor, axes: Sequence[int]) -> list[int | Tensor]:
    """The sizes along some axes."""
    return [size_of(tensor, axis) for axis in axes]


def as_sizes(graph: Graph, sizes: Sequence[int | Tensor]) -> Sizes:
    """Numbers and int64 scalars as what a shape parameter takes."""
    numbers = [size for size in sizes if isinstance(size, int)]
    if len(numbers) == len(sizes):
        return numbers
    return as_vector(graph, sizes)


def as_vector(graph: Graph, sizes: Sequence[int | Tensor]) -> Tensor:
    """Numbers and integer scalars as an int64 vector."""
    if not sizes:
        return constant(graph, np.zeros(0, np.int64), mpsg.int64)
    parts = [
        graph.reshape(cast(size, mpsg.int64), [1])
        if isinstance(size, Tensor)
        else constant(graph, [size], mpsg.int64)
        for size in sizes
    ]
    return graph.concat(parts, 0)


def reshape(tensor: Tensor, sizes: Sequence[int | Tensor]) -> Tensor:
    """A reshape to sizes of which several may be open: one of them is found from the rest."""
    open_sizes = [i for i, size in enumerate(sizes) if isinstance(size, Tensor)]
    if len(open_sizes) == 1 and -1 not in [size for size in sizes if isinstance(size, int)]:
        rest = [size if isinstance(size, int) else -1 for size in sizes]
        if 0 not in rest:
            return tensor.graph.reshape(tensor, rest)
    return tensor.graph.reshape(tensor, as_sizes(tensor.graph, sizes))


def multiply_sizes(graph: Graph, sizes: Sequence[int | Tensor]) -> int | Tensor:
    """Their product."""
    number = 1
    product: Tensor | None = None
    for size in sizes:
        if isinstance(size, int):
            number *= size
        else:
            product = size if product is None else product * size
    if product is None:
        return number
    return product if number == 1 else product * constant(graph, number, mpsg.int64)


def coordinates(graph: Graph, axis: int, sizes: Sizes, data_type: mpsg.DataType) -> Tensor:
    """Each element's own index along an axis."""
    return cast(graph.coordinate_along_axis(axis, sizes), data_type)


def wide(tensor: Tensor) -> Tensor:
    """16-bit floats as float32, for what must not round in between."""
    return cast(tensor, mpsg.float32) if tensor.data_type in SHORT_FLOATS else tensor


def unsqueeze_to(tensor: Tensor, rank: int, axis: int) -> Tensor:
    """A vector as a tensor of a rank, its elements along one axis."""
    return tensor.graph.expand_dims(tensor, [i for i in range(rank) if i != axis])


def normalized(axes: Sequence[int], rank: int) -> list[int]:
    """Axes counted from the front."""
    return [int(axis) + rank if axis < 0 else int(axis) for axis in axes]
