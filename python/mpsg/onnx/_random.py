"""Random numbers: mpsg's own, so that seeds give other numbers than elsewhere."""

from __future__ import annotations

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import cast, like, shape_of, static_shape
from mpsg.onnx._node import Converter, Node, Sizes
from mpsg.onnx._proto import from_onnx_type


def descriptor_of(node: Node, normal: bool, data_type: mpsg.DataType) -> mpsg.RandomOpDescriptor:
    """From the node's attributes."""
    if normal:
        return mpsg.RandomOpDescriptor(
            distribution=mpsg.RandomDistribution.NORMAL,
            data_type=data_type,
            mean=node.attribute("mean", 0.0),
            standard_deviation=node.attribute("scale", 1.0),
        )
    return mpsg.RandomOpDescriptor(
        data_type=data_type, min=node.attribute("low", 0.0), max=node.attribute("high", 1.0)
    )


def seed_of(node: Node) -> int | None:
    """The seed, a float in ONNX, as a whole number."""
    return None if not node.has("seed") else int(node.attribute("seed")) & 0x7FFFFFFF


def sizes_like(x: Tensor) -> Sizes:
    """A tensor's shape."""
    static = static_shape(x)
    return shape_of(x) if static is None else static


def of_shape(normal: bool) -> Converter:
    """RandomNormal and RandomUniform."""

    def convert(node: Node) -> Tensor:
        data_type = from_onnx_type(node.attribute("dtype", 1))
        descriptor = descriptor_of(node, normal, data_type)
        return node.graph.random(node.attribute("shape"), descriptor, seed=seed_of(node))

    return convert


def like_input(normal: bool) -> Converter:
    """RandomNormalLike and RandomUniformLike."""

    def convert(node: Node) -> Tensor:
        x = node[0]
        data_type = from_onnx_type(node.attribute("dtype")) if node.has("dtype") else x.data_type
        descriptor = descriptor_of(node, normal, data_type)
        return node.graph.random(sizes_like(x), descriptor, seed=seed_of(node))

    return convert


def bernoulli(node: Node) -> Tensor:
    """1 with the probability that the input says."""
    graph, x = node.graph, node[0]
    data_type = from_onnx_type(node.attribute("dtype")) if node.has("dtype") else x.data_type
    uniform = graph.random_uniform(sizes_like(x), seed=seed_of(node))
    return cast(uniform < cast(x, mpsg.float32), data_type)


def multinomial(node: Node) -> Tensor:
    """Classes drawn with probabilities whose logarithms the input says, not normalised."""
    graph, x = node.graph, node[0]
    count = int(node.attribute("sample_size", 1))
    probabilities = graph.softmax(cast(x, mpsg.float32), axis=1)
    until = graph.expand_dims(graph.cumulative_sum(probabilities, 1), 1)  # (N, 1, C)
    batch = graph.slice(shape_of(x), dimension=0, start=0, length=1)
    draws = graph.concat([batch, graph.constant([count, 1], data_type=mpsg.int64)], 0)
    drawn = graph.random_uniform(draws, seed=seed_of(node))
    passed = graph.reduction_sum(cast(until < drawn, mpsg.int32), 2)
    classes = graph.cast(graph.squeeze(passed, 2), from_onnx_type(node.attribute("dtype", 6)))
    last = like(classes, max((x.shape or (0, 1))[1] - 1, 0))
    return graph.minimum(classes, last) if (x.shape or (0, -1))[1] > 0 else classes


CONVERTERS: dict[str, Converter] = {
    "Bernoulli": bernoulli,
    "Multinomial": multinomial,
    "RandomNormal": of_shape(True),
    "RandomNormalLike": like_input(True),
    "RandomUniform": of_shape(False),
    "RandomUniformLike": like_input(False),
}
