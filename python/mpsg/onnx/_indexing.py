"""Gather, scatter, and what picks elements by their values."""

from __future__ import annotations

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import (
    as_sizes,
    as_vector,
    cast,
    constant,
    coordinates,
    like,
    multiply_sizes,
    shape_of,
    size_of,
    sizes_of,
    static_shape,
)
from mpsg.onnx._node import Converter, Node, Sizes

_MODES = {
    "none": mpsg.ScatterMode.SET,
    "add": mpsg.ScatterMode.ADD,
    "mul": mpsg.ScatterMode.MUL,
    "max": mpsg.ScatterMode.MAX,
    "min": mpsg.ScatterMode.MIN,
}


def sizes(tensor: Tensor) -> Sizes:
    """A tensor's shape, as numbers if they are known."""
    static = static_shape(tensor)
    return shape_of(tensor) if static is None else static


def as_scalar(tensor: Tensor, size: int | Tensor) -> Tensor:
    """A size in the tensor's type."""
    if isinstance(size, int):
        return like(tensor, size)
    return cast(size, tensor.data_type)


def from_front(node: Node, index: int, size: int | Tensor) -> Tensor:
    """Indices of which negative ones count from the end."""
    indices, known = node[index], node.value(index)
    if known is not None and (known >= 0).all():
        return indices
    graph = node.graph
    return graph.select(indices < like(indices, 0), indices + as_scalar(indices, size), indices)


def gather(node: Node) -> Tensor:
    axis = node.axis()
    return node.graph.gather(node[0], from_front(node, 1, size_of(node[0], axis)), axis)


def gather_elements(node: Node) -> Tensor:
    graph, x, axis = node.graph, node[0], node.axis()
    indices = from_front(node, 1, size_of(x, axis))
    # Along the other axes the indices may cover less than there is.
    for i, (own, size) in enumerate(zip(x.shape or (), indices.shape or (), strict=True)):
        if i != axis and own != size and size >= 0:
            x = graph.slice(x, dimension=i, start=0, length=size)
    return graph.gather_along_axis(x, indices, axis)


def coordinates_from_front(node: Node, batch: int) -> Tensor:
    """The coordinates of GatherND and ScatterND, negative ones counted from the end."""
    graph, indices = node.graph, node[1]
    known = node.value(1)
    if known is not None and (known >= 0).all():
        return indices
    depth = (indices.shape or (-1,))[-1]
    if depth < 0:
        node.fail("the last size of its input 1 is not known when the graph is built")
    limits = as_vector(graph, sizes_of(node[0], range(batch, batch + depth)))
    return graph.select(indices < like(indices, 0), indices + limits, indices)


def gather_nd(node: Node) -> Tensor:
    batch = int(node.attribute("batch_dims", 0))
    return node.graph.gather_nd(node[0], coordinates_from_front(node, batch), batch)


def reduction_mode(node: Node) -> mpsg.ScatterMode:
    """What a scatter does with what is there."""
    name = node.attribute("reduction", "none")
    if name not in _MODES:
        node.fail(f"the reduction '{name}' is none of {', '.join(_MODES)}")
    return _MODES[name]


def scatter_elements(node: Node) -> Tensor:
    graph, data, updates, axis = node.graph, node[0], node[2], node.axis()
    mode, indices = reduction_mode(node), from_front(node, 1, size_of(data, axis))
    other = [i for i in range(node.rank()) if i != axis]
    whole, part = data.shape or (), indices.shape or ()
    if all(whole[i] == part[i] for i in other):
        return graph.scatter_along_axis(updates, indices, axis, mode=mode, data=data)
    # Along the other axes the updates cover a part only: every one gets all its coordinates.
    places = [
        indices if i == axis else coordinates(graph, i, sizes(indices), indices.data_type)
        for i in range(node.rank())
    ]
    return graph.scatter_nd(updates, graph.stack(places, -1), mode=mode, data=data)


def scatter_nd(node: Node) -> Tensor:
    places = coordinates_from_front(node, 0)
    return node.graph.scatter_nd(node[2], places, mode=reduction_mode(node), data=node[0])


def tensor_scatter(node: Node) -> Tensor:
    """Writes an update into a cache, from an index on that each batch has."""
    graph, cache, update = node.graph, node[0], node[1]
    axis = node.axis(default=-2)
    steps = coordinates(graph, axis, sizes(update), mpsg.int64)
    starts = node.optional(2)
    if starts is not None:
        rank = node.rank()
        steps = steps + graph.expand_dims(cast(starts, mpsg.int64), list(range(1, rank)))
    if node.attribute("mode", "linear") == "circular":
        steps = graph.floor_modulo(steps, as_scalar(steps, size_of(cache, axis)))
    return graph.scatter_along_axis(update, steps, axis, mode=mpsg.ScatterMode.SET, data=cache)


def places_of_true(condition: Tensor) -> Tensor:
    """Where a vector is true: as many indices as there are, which only the run tells."""
    return condition.graph.reshape(condition.graph.non_zero_indices(condition), [-1])


def compress(node: Node) -> Tensor:
    graph = node.graph
    if not node.has("axis"):
        return graph.gather(graph.reshape(node[0], [-1]), places_of_true(node[1]), 0)
    return graph.gather(node[0], places_of_true(node[1]), node.axis())


def non_zero(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    if node.rank() == 0:
        x = graph.reshape(x, [1])
        return graph.permute(graph.cast(graph.non_zero_indices(x), mpsg.int64), [1, 0])
    return graph.permute(graph.cast(graph.non_zero_indices(x), mpsg.int64), [1, 0])


# --- Non-maximum suppression


def corners(node: Node, boxes: Tensor) -> list[Tensor]:
    """Least y, least x, largest y, largest x of boxes (N, B, 4), each (N, B)."""
    graph = node.graph
    a, b, c, d = (
        graph.squeeze(graph.slice(boxes, dimension=2, start=i, length=1), 2) for i in range(4)
    )
    if node.attribute("center_point_box", 0):  # x and y of the center, width, height
        half = like(a, 0.5)
        return [b - d * half, a - c * half, b + d * half, a + c * half]
    return [graph.minimum(a, c), graph.minimum(b, d), graph.maximum(a, c), graph.maximum(b, d)]


def overlaps(sides: list[Tensor]) -> Tensor:
    """Intersection over union of every box with every other, (N, B, B)."""
    graph = sides[0].graph
    left = [graph.expand_dims(side, 2) for side in sides]
    right = [graph.expand_dims(side, 1) for side in sides]
    zero = like(sides[0], 0)
    extents = [
        graph.maximum(
            graph.minimum(left[i + 2], right[i + 2]) - graph.maximum(left[i], right[i]), zero
        )
        for i in (0, 1)
    ]
    shared = extents[0] * extents[1]
    area = (sides[2] - sides[0]) * (sides[3] - sides[1])
    total = graph.expand_dims(area, 2) + graph.expand_dims(area, 1) - shared
    return graph.division_no_nan(shared, total)


def non_maximum_suppression(node: Node) -> Tensor:
    """Of each class's boxes, best first: one is dropped if it covers a better one that stays."""
    graph, boxes, scores = node.graph, node[0], node[1]

    def scalar(index: int) -> Tensor | None:
        given = node.optional(index)
        return None if given is None else graph.reshape(given, [])

    most, iou, least = scalar(2), scalar(3), scalar(4)
    threshold = like(boxes, 0) if iou is None else iou
    count = size_of(scores, 2)
    order = graph.arg_sort(scores, 2, descending=True)  # (N, C, B)
    sorted_scores = graph.gather_along_axis(scores, order, 2)
    every = overlaps(corners(node, boxes))  # (N, B, B)
    rows = graph.gather(every, order, 1, 1)  # (N, C, B sorted, B)
    columns = graph.broadcast(graph.expand_dims(order, 2), sizes(rows))
    covers = graph.gather_along_axis(rows, columns, 3) > threshold
    if least is None:
        kept = graph.equal(sorted_scores, sorted_scores)
    else:
        kept = sorted_scores > least
    place = coordinates(graph, 2, sizes(scores), mpsg.int32)

    def step(index: Tensor, arguments: list[Tensor]) -> list[Tensor]:
        best = graph.gather(arguments[0], graph.reshape(index, [1]), 2)  # (N, C, 1): is it kept?
        row = graph.squeeze(graph.gather(covers, graph.reshape(index, [1]), 2), 2)
        dropped = graph.logical_and(graph.logical_and(best, row), place > index)
        return [graph.logical_and(arguments[0], graph.logical_not(dropped))]

    limit = constant(graph, count, mpsg.int32) if isinstance(count, int) else count
    (kept,) = graph.for_loop([kept], step, number_of_iterations=cast(limit, mpsg.int32))
    number = graph.cumulative_sum(cast(kept, mpsg.int64), 2)
    allowed = constant(graph, 0, mpsg.int64) if most is None else cast(most, mpsg.int64)
    kept = graph.logical_and(kept, graph.less_than_or_equal_to(number, allowed))
    found = graph.non_zero_indices(kept)  # image, class, place among the sorted
    box = graph.reshape(graph.gather_nd(order, found), [-1, 1])
    pair = graph.slice(found, dimension=1, start=0, length=2)
    return cast(graph.concat([pair, box], 1), mpsg.int64)


def maximum_unpool(node: Node) -> Tensor:
    """The inverse of MaxPool with indices: maxima go where they were, the rest is 0."""
    graph, x, rank = node.graph, node[0], node.rank()
    kernel = node.attribute("kernel_shape")
    strides = node.attribute("strides", [1] * len(kernel))
    pads = node.attribute("pads", [0] * 2 * len(kernel))
    whole: list[int | Tensor] = sizes_of(x, (0, 1))
    for i, size in enumerate(sizes_of(x, range(2, rank))):
        extra = kernel[i] - strides[i] - pads[i] - pads[i + len(kernel)]
        if isinstance(size, int):
            whole.append(size * strides[i] + extra)
        else:
            whole.append(size * like(size, strides[i]) + like(size, extra))
    count = multiply_sizes(graph, whole)
    flat = graph.scatter(
        graph.reshape(x, [-1]),
        graph.reshape(node[1], [-1]),
        as_sizes(graph, [count]),
        axis=0,
        mode=mpsg.ScatterMode.SET,
    )
    found = graph.reshape(flat, as_sizes(graph, whole))
    if node.optional(2) is None:
        return found
    after = node[2] - shape_of(found)
    zeros = like(after, 0)
    return graph.pad(found, mpsg.PaddingMode.ZERO, graph.broadcast(zeros, [rank]), after)


CONVERTERS: dict[str, Converter] = {
    "Compress": compress,
    "Gather": gather,
    "GatherElements": gather_elements,
    "GatherND": gather_nd,
    "MaxUnpool": maximum_unpool,
    "NonMaxSuppression": non_maximum_suppression,
    "NonZero": non_zero,
    "Scatter": scatter_elements,
    "ScatterElements": scatter_elements,
    "ScatterND": scatter_nd,
    "TensorScatter": tensor_scatter,
}
