"""Matrix products and normalizations."""

from __future__ import annotations

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import (
    cast,
    constant,
    like,
    reshape,
    size_of,
    sizes_of,
    unsqueeze_to,
    wide,
)
from mpsg.onnx._node import Converter, Node
from mpsg.onnx._shapes import like_shape


def matmul(a: Tensor, b: Tensor) -> Tensor:
    """NumPy's matmul, vectors too."""
    graph = a.graph
    line, column = len(a.shape or ()) == 1, len(b.shape or ()) == 1
    left = graph.expand_dims(a, 0) if line else a
    right = graph.expand_dims(b, 1) if column else b
    found = graph.matrix_multiplication(left, right)
    dropped = ([-2] if line else []) + ([-1] if column else [])
    if not dropped:
        return found
    rank = len(found.shape or ())
    return graph.squeeze(found, [axis + rank for axis in dropped])


def gemm(node: Node) -> Tensor:
    graph, a, b, c = node.graph, node[0], node[1], node.optional(2)
    a = graph.transpose(a, 0, 1) if node.attribute("transA", 0) else a
    b = graph.transpose(b, 0, 1) if node.attribute("transB", 0) else b
    alpha, beta = node.attribute("alpha", 1.0), node.attribute("beta", 1.0)
    found = graph.matrix_multiplication(a, b)
    if alpha != 1.0:
        found = found * like(found, alpha)
    if c is None:
        return found
    return found + (c if beta == 1.0 else c * like(c, beta))


def batch_normalization(node: Node) -> list[Tensor | None]:
    graph, x = node.graph, node[0]
    rank, epsilon = node.rank(), node.attribute("epsilon", 1e-5)
    if node.opset < 9 and not node.attribute("spatial", 1):
        node.fail("mpsg normalizes all of a channel (spatial = 1)")

    def along(tensor: Tensor) -> Tensor:
        return unsqueeze_to(cast(tensor, x.data_type), rank, 1 if rank > 1 else 0)

    training = bool(node.attribute("training_mode", 0))
    if not training:
        mean, variance = node[3], node[4]
        return [
            graph.normalization(
                x, along(mean), along(variance), along(node[1]), along(node[2]), epsilon
            )
        ]
    axes = [i for i in range(rank) if i != 1]
    inner = wide(x)
    mean = graph.mean(inner, axes)
    variance = graph.variance(inner, axes, mean=mean)
    mean, variance = cast(mean, x.data_type), cast(variance, x.data_type)
    found = graph.normalization(x, mean, variance, along(node[1]), along(node[2]), epsilon)
    momentum = node.attribute("momentum", 0.9)
    kept = [
        node[i] * like(node[i], momentum)
        + cast(graph.reshape(new, [-1]), node[i].data_type) * like(node[i], 1 - momentum)
        for i, new in ((3, mean), (4, variance))
    ]
    return [found, *kept]


def instance_normalization(node: Node) -> Tensor:
    graph, x, rank = node.graph, node[0], node.rank()
    axes = list(range(2, rank))
    inner = wide(x)
    mean = graph.mean(inner, axes)
    variance = graph.variance(inner, axes, mean=mean)
    gamma, beta = (unsqueeze_to(cast(node[i], inner.data_type), rank, 1) for i in (1, 2))
    epsilon = node.attribute("epsilon", 1e-5)
    return cast(graph.normalization(inner, mean, variance, gamma, beta, epsilon), x.data_type)


def layer_normalization(node: Node) -> list[Tensor | None]:
    graph, x, rank = node.graph, node[0], node.rank()
    axes = list(range(node.axis(default=-1), rank))
    inner = cast(x, mpsg.float32) if node.attribute("stash_type", 1) == 1 else x
    mean = graph.mean(inner, axes)
    variance = graph.variance(inner, axes, mean=mean)
    epsilon = node.attribute("epsilon", 1e-5)
    found = cast(graph.normalization(inner, mean, variance, None, None, epsilon), x.data_type)
    found = found * node[1]
    bias = node.optional(2)
    if bias is not None:
        found = found + bias
    inverse = None
    if node.wanted(2):
        inverse = graph.reciprocal_square_root(variance + like(variance, epsilon))
    return [found, mean, inverse]


def local_response_normalization(node: Node) -> Tensor:
    """Divided by a power of the squares of the channels around."""
    graph, x, rank = node.graph, node[0], node.rank()
    size = node.attribute("size")
    alpha, beta = node.attribute("alpha", 1e-4), node.attribute("beta", 0.75)
    bias = node.attribute("bias", 1.0)
    before = (size - 1) // 2
    descriptor = mpsg.Pooling2DOpDescriptor(
        kernel_width=1,
        kernel_height=size,
        padding_top=before,
        padding_bottom=size - 1 - before,
        include_zero_pad_to_average=True,
    )
    channels = reshape(graph.square(x), [size_of(x, 0), 1, size_of(x, 1), -1])
    mean = graph.avg_pooling_2d(channels, descriptor)
    mean = reshape(mean, sizes_of(x, range(rank)))
    return x / graph.power(mean * like(x, alpha) + like(x, bias), like(x, beta))


def dropout(node: Node) -> list[Tensor | None]:
    graph, x = node.graph, node[0]
    rate: Tensor = like(x, node.attribute("ratio", 0.5))
    if node.opset < 12:
        training = constant(graph, node.opset < 7 and not node.attribute("is_test", 0), mpsg.bool_)
        sure = node.opset >= 7 or bool(node.attribute("is_test", 0))
    else:
        mode, ratio = node.value(2), node.value(1)
        sure = node.optional(2) is None or (mode is not None and not mode.item())
        sure = sure or (ratio is not None and ratio.item() == 0)
        if not sure:
            training = graph.reshape(node[2], [])
            rate = (
                rate if node.optional(1) is None else cast(graph.reshape(node[1], []), x.data_type)
            )
    if sure:  # nothing is dropped
        return [graph.identity(x), like_shape(x, 1, mpsg.bool_) if node.wanted(1) else None]
    drawn = graph.random_uniform(graph.shape_of(x))
    kept = graph.greater_than_or_equal_to(drawn, cast(rate, mpsg.float32))
    kept = graph.logical_or(kept, graph.logical_not(training))
    scale = graph.select(training, like(x, 1) - rate, like(x, 1))
    return [graph.select(kept, x / scale, like(x, 0)), kept]


def determinant(node: Node) -> Tensor:
    """By elimination with row pivots; the size must be known."""
    graph, x, rank = node.graph, node[0], node.rank()
    size = (x.shape or (-1,))[-1]
    if size < 0:
        node.fail("the size of the matrices is not known when the graph is built")
    rest = wide(x)
    row_axis, column_axis = rank - 2, rank - 1
    found: Tensor | None = None
    for left in range(size, 0, -1):
        # The row with the largest first element comes first; that changes the sign.
        column = graph.slice(rest, dimension=column_axis, start=0, length=1)
        best = graph.reduction_arg_maximum(graph.absolute(column), row_axis)
        pivot = graph.gather_along_axis(column, best, row_axis)
        moved = graph.equal(best, constant(graph, 0, mpsg.int32))
        signed = graph.select(moved, pivot, -pivot)
        found = signed if found is None else found * signed
        if left == 1:
            break
        places = graph.broadcast(best, [*(rest.shape or ())[:-2], 1, left])
        top = graph.gather_along_axis(rest, places, row_axis)
        first = graph.slice(rest, dimension=row_axis, start=0, length=1)
        rows = graph.coordinate_along_axis(row_axis, [*([1] * (rank - 2)), left, 1])
        swapped = graph.select(graph.equal(rows, best), first, rest)
        below = graph.slice(swapped, dimension=row_axis, start=1, length=left - 1)
        factor = graph.slice(below, dimension=column_axis, start=0, length=1)
        below = below - graph.division_no_nan(factor, pivot) * top
        rest = graph.slice(below, dimension=column_axis, start=1, length=left - 1)
    if found is None:
        return constant(graph, np.ones((x.shape or ())[:-2]), x.data_type)
    return cast(graph.squeeze(found, [row_axis, column_axis]), x.data_type)


CONVERTERS: dict[str, Converter] = {
    "BatchNormalization": batch_normalization,
    "Det": determinant,
    "Dropout": dropout,
    "Gemm": gemm,
    "InstanceNormalization": instance_normalization,
    "LRN": local_response_normalization,
    "LayerNormalization": layer_normalization,
    "MatMul": lambda node: matmul(node[0], node[1]),
}
