"""Operations that move elements: shapes, slices, joins, padding."""

from __future__ import annotations

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import (
    as_sizes,
    cast,
    constant,
    coordinates,
    like,
    multiply_sizes,
    normalized,
    reshape,
    shape_of,
    size_of,
    sizes_of,
    static_shape,
)
from mpsg.onnx._node import Converter, Node, Sizes
from mpsg.onnx._proto import array_of, from_onnx_type

_ENDLESS = 2**31 - 1


def constant_node(node: Node) -> Tensor:
    """The kinds of Constant."""
    kinds = {
        "value_float": (mpsg.float32, []),
        "value_int": (mpsg.int64, []),
        "value_floats": (mpsg.float32, [-1]),
        "value_ints": (mpsg.int64, [-1]),
    }
    if node.has("value"):
        return node.importer.constant(array_of(node.attribute("value")))
    for name, (data_type, shape) in kinds.items():
        if node.has(name):
            value = np.asarray(node.attribute(name), data_type.numpy()).reshape(shape)
            return node.importer.constant(value)
    node.fail(f"mpsg has no constants of the kind {', '.join(node.attributes)}")


def constant_of_shape(node: Node) -> Tensor:
    value = np.zeros(1, np.float32)
    if node.has("value"):
        value = array_of(node.attribute("value"))
    scalar = node.graph.constant(value.reshape(()))
    return node.graph.broadcast(scalar, sizes_input(node, 0))


def sizes_input(node: Node, index: int) -> Sizes:
    """An input that is a shape."""
    known = node.integers(index)
    return node[index] if known is None else known


def shape(node: Node) -> Tensor:
    rank = node.rank()
    start, end, _ = slice(node.attribute("start", 0), node.attribute("end", rank)).indices(rank)
    sizes = (node[0].shape or ())[start:end]
    if -1 not in sizes:
        return node.importer.constant(np.array(sizes, np.int64).reshape(-1))
    found = shape_of(node[0])
    if (start, end) == (0, rank):
        return found
    return node.graph.slice(found, dimension=0, start=start, length=max(end - start, 0))


def size(node: Node) -> Tensor:
    product = multiply_sizes(node.graph, sizes_of(node[0], range(node.rank())))
    if isinstance(product, int):
        return node.importer.constant(np.array(product, np.int64))
    return product


def reshape_node(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    zero_copies = not node.attribute("allowzero", 0)
    known = node.attribute("shape") if node.opset < 5 else node.integers(1)
    if known is not None:
        if not zero_copies or 0 not in known:
            return graph.reshape(x, known)
        return reshape(x, [size_of(x, i) if s == 0 else int(s) for i, s in enumerate(known)])
    wanted = node[1]
    if wanted.shape is None or wanted.shape[0] < 0:
        node.fail("the number of sizes in its input 1 is not known when the graph is built")
    if zero_copies:
        count, rank = wanted.shape[0], node.rank()
        own = shape_of(x)
        if rank > count:
            own = graph.slice(own, dimension=0, start=0, length=count)
        elif rank < count:
            ones = constant(graph, np.ones(count - rank), mpsg.int64)
            own = graph.concat([own, ones], 0)
        wanted = graph.select(graph.equal(wanted, like(wanted, 0)), own, wanted)
    return graph.reshape(x, wanted)


def squeeze(node: Node) -> Tensor:
    if node.opset >= 13 and node.optional(1) is not None:
        return node.graph.squeeze(node[0], sizes_input(node, 1))
    return node.graph.squeeze(node[0], node.attribute("axes"))


def unsqueeze(node: Node) -> Tensor:
    axes = sizes_input(node, 1) if node.opset >= 13 else node.attribute("axes")
    return node.graph.expand_dims(node[0], axes)


def flatten(node: Node) -> Tensor:
    rank, axis = node.rank(), int(node.attribute("axis", 1))
    return node.graph.flatten_2d(node[0], axis + rank if axis < 0 else axis)


def expand(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    known, static = node.integers(1), static_shape(x)
    if known is not None and static is not None:
        return graph.broadcast(x, list(np.broadcast_shapes(tuple(known), tuple(static))))
    # Both broadcast to each other: of two sizes the one that is not 1 counts.
    wanted, own = node[1], shape_of(x)
    if wanted.shape is None or wanted.shape[0] < 0:
        node.fail("the number of sizes in its input 1 is not known when the graph is built")
    own, wanted = same_length(graph, own, wanted)
    return graph.broadcast(x, graph.select(graph.equal(wanted, like(wanted, 1)), own, wanted))


def same_length(graph: mpsg.Graph, first: Tensor, second: Tensor) -> tuple[Tensor, Tensor]:
    """Two shapes with ones in front of the shorter."""
    counts = [(shape.shape or (0,))[0] for shape in (first, second)]
    longest = max(counts)
    padded = []
    for count, sizes in zip(counts, (first, second), strict=True):
        ones = constant(graph, np.ones(longest - count), mpsg.int64)
        padded.append(graph.concat([ones, sizes], 0) if count < longest else sizes)
    return padded[0], padded[1]


def tile(node: Node) -> Tensor:
    if node.opset >= 6:
        return node.graph.tile(node[0], sizes_input(node, 1))
    tiles, axis = node.needed_value(1, "tiles"), node.needed_value(2, "axis")
    repeats = [1] * node.rank()
    repeats[int(axis.item())] = int(tiles.item())
    return node.graph.tile(node[0], repeats)


def concat(node: Node) -> Tensor:
    return node.graph.concat(node.given(), node.axis(default=1))


def split(node: Node) -> list[Tensor]:
    graph, axis, count = node.graph, node.axis(), len(node.proto.output)
    sizes = node.attribute("split")
    if sizes is None and node.optional(1) is not None:
        sizes = sizes_input(node, 1)
    if sizes is not None:
        return graph.split(node[0], sizes, axis=axis)
    whole = size_of(node[0], axis)
    if not isinstance(whole, int):
        return graph.split(node[0], axis=axis, num_splits=count)
    chunk = -(-whole // count)
    parts = [max(0, min(chunk, whole - i * chunk)) for i in range(count)]
    return graph.split(node[0], parts, axis=axis)


def slice_node(node: Node) -> Tensor:
    if node.opset < 10:
        starts, ends = list(node.attribute("starts")), list(node.attribute("ends"))
        axes = list(node.attribute("axes", range(len(starts))))
        return slice_known(node, starts, ends, axes, [1] * len(starts))
    known = [node.integers(i) for i in (1, 2, 3, 4)]
    given = [node.optional(i) is not None for i in (1, 2, 3, 4)]
    if all(value is not None or not there for value, there in zip(known, given, strict=True)):
        starts, ends = known[0] or [], known[1] or []
        axes = list(range(len(starts))) if known[2] is None else known[2]
        return slice_known(node, starts, ends, axes, known[3] or [1] * len(starts))
    return slice_open(node)


def slice_known(
    node: Node, starts: list[int], ends: list[int], axes: list[int], steps: list[int]
) -> Tensor:
    """A slice whose numbers the model says."""
    rank = node.rank()
    first, last, step, end_mask = [0] * rank, [0] * rank, [1] * rank, (1 << rank) - 1
    for start, end, axis, by in zip(starts, ends, normalized(axes, rank), steps, strict=True):
        first[axis] = max(min(start, _ENDLESS), -_ENDLESS)
        last[axis] = max(min(end, _ENDLESS), -_ENDLESS)
        step[axis] = max(min(by, _ENDLESS), -_ENDLESS)
        end_mask &= ~(1 << axis)
    return node.graph.slice(node[0], first, last, step, end_mask=end_mask)


def slice_open(node: Node) -> Tensor:
    """A slice whose numbers are computed: written into those of all axes."""
    graph, x, rank = node.graph, node[0], node.rank()
    starts, ends = cast(node[1], mpsg.int64), cast(node[2], mpsg.int64)
    if starts.shape is None or starts.shape[0] < 0:
        node.fail("the number of its starts is not known when the graph is built")
    count = starts.shape[0]
    known_axes = node.integers(3)
    if node.optional(3) is None:
        known_axes = list(range(count))
    if known_axes is not None:
        axes = constant(graph, normalized(known_axes, rank), mpsg.int64)
    else:
        given = cast(node[3], mpsg.int64)
        axes = graph.select(given < like(given, 0), given + like(given, rank), given)
    steps = node.optional(4)

    def for_all_axes(values: Tensor, default: int) -> Tensor:
        data = constant(graph, np.full(rank, default), mpsg.int64)
        return graph.scatter(values, axes, axis=0, mode=mpsg.ScatterMode.SET, data=data)

    endless = constant(graph, _ENDLESS, mpsg.int64)
    bounded = [graph.clamp(bound, -endless, endless) for bound in (starts, ends)]
    return graph.slice(
        x,
        for_all_axes(bounded[0], 0),
        for_all_axes(bounded[1], _ENDLESS),
        None if steps is None else for_all_axes(cast(steps, mpsg.int64), 1),
    )


def transpose(node: Node) -> Tensor:
    order = node.attribute("perm", list(range(node.rank()))[::-1])
    return node.graph.permute(node[0], order) if order else node.graph.identity(node[0])


_PAD_MODES = {
    "constant": mpsg.PaddingMode.CONSTANT,
    "reflect": mpsg.PaddingMode.REFLECT,
    "edge": mpsg.PaddingMode.CLAMP_TO_EDGE,
    "wrap": mpsg.PaddingMode.PERIODIC,
}


def pad(node: Node) -> Tensor:
    graph, x, rank = node.graph, node[0], node.rank()
    name = node.attribute("mode", "constant")
    if name not in _PAD_MODES:
        node.fail(f"the mode '{name}' is none of {', '.join(_PAD_MODES)}")
    if node.opset < 11:
        pads = list(node.attribute("pads", node.attribute("paddings")))
        before: Sizes = [int(p) for p in pads[:rank]]
        after: Sizes = [int(p) for p in pads[rank:]]
        value: Tensor | float = node.attribute("value", 0.0)
    else:
        before, after = _pads(node, rank)
        value = 0.0 if node.optional(2) is None else node[2]
        known = node.value(2)
        if known is not None and known.dtype.kind in "fiu":
            value = float(known.item())
    if not isinstance(value, Tensor):
        return graph.pad(x, _PAD_MODES[name], before, after, value)
    if _PAD_MODES[name] != mpsg.PaddingMode.CONSTANT:
        return graph.pad(x, _PAD_MODES[name], before, after)
    # The value is fed: put where padding a tensor of ones leaves zeros.
    inside = cast(like_shape(x, 1, mpsg.int8), mpsg.int8)
    mask = graph.pad(inside, mpsg.PaddingMode.ZERO, before, after)
    padded = graph.pad(x, mpsg.PaddingMode.ZERO, before, after)
    return graph.select(cast(mask, mpsg.bool_), padded, graph.reshape(value, []))


def like_shape(x: Tensor, value: float, data_type: mpsg.DataType) -> Tensor:
    """One number in the tensor's shape."""
    static = static_shape(x)
    scalar = constant(x.graph, value, data_type)
    return x.graph.broadcast(scalar, shape_of(x) if static is None else static)


def _pads(node: Node, rank: int) -> tuple[Sizes, Sizes]:
    """Of the inputs pads and axes."""
    graph = node.graph
    known, axes = node.integers(1), node.integers(3)
    if node.optional(3) is None:
        axes = list(range(rank))
    if known is not None and axes is not None:
        before, after = [0] * rank, [0] * rank
        for i, axis in enumerate(normalized(axes, rank)):
            before[axis], after[axis] = known[i], known[i + len(axes)]
        return before, after
    pads = cast(node[1], mpsg.int64)
    if axes is not None:
        places = constant(graph, normalized(axes, rank), mpsg.int64)
        count = len(axes)
    else:
        given = cast(node[3], mpsg.int64)
        places = graph.select(given < like(given, 0), given + like(given, rank), given)
        count = (given.shape or (-1,))[0]
        if count < 0:
            node.fail("the number of its axes is not known when the graph is built")
    zeros = constant(graph, np.zeros(rank), mpsg.int64)
    halves = [graph.slice(pads, dimension=0, start=at, length=count) for at in (0, count)]
    set_mode = mpsg.ScatterMode.SET
    spread = [graph.scatter(h, places, axis=0, mode=set_mode, data=zeros) for h in halves]
    return spread[0], spread[1]


def depth_to_space(node: Node) -> Tensor:
    return node.graph.depth_to_space_2d(
        node[0], 3, 2, 1, node.attribute("blocksize"), node.attribute("mode", "DCR") == "CRD"
    )


def space_to_depth(node: Node) -> Tensor:
    crd = node.attribute("mode", "DCR") == "CRD"
    return node.graph.space_to_depth_2d(node[0], 3, 2, 1, node.attribute("blocksize"), crd)


def eye_like(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    data_type = from_onnx_type(node.attribute("dtype")) if node.has("dtype") else x.data_type
    static = static_shape(x)
    sizes = shape_of(x) if static is None else static
    rows = coordinates(graph, 0, sizes, mpsg.int32)
    columns = coordinates(graph, 1, sizes, mpsg.int32)
    return cast(graph.equal(columns, rows + like(rows, node.attribute("k", 0))), data_type)


def trilu(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    upper = bool(node.attribute("upper", 1))
    known = node.integers(1)
    if node.optional(1) is None or known is not None:
        k = known[0] if known else 0
        static = static_shape(x)
        sizes: Sizes = shape_of(x) if static is None else static
        offset = constant(graph, k, mpsg.int64)
    else:
        static = static_shape(x)
        sizes = shape_of(x) if static is None else static
        offset = graph.reshape(node[1], [])
    rows = coordinates(graph, -2, sizes, mpsg.int64) + offset
    columns = coordinates(graph, -1, sizes, mpsg.int64)
    kept = graph.greater_than_or_equal_to if upper else graph.less_than_or_equal_to
    zero = constant(graph, 0, x.data_type)
    return graph.select(kept(columns, rows), x, zero)


def range_node(node: Node) -> Tensor:
    graph = node.graph
    start, limit, delta = (graph.reshape(node[i], []) for i in range(3))
    kind = mpsg.float64 if start.data_type in (mpsg.float32, mpsg.float64) else mpsg.int64
    span, step = cast(limit - start, kind), cast(delta, kind)
    if kind == mpsg.float64:
        count = graph.ceil(span / step)
    else:  # rounded up, whatever the signs
        count = -_floor_divide(-span, step)
    length = cast(graph.maximum(count, like(count, 0)), mpsg.int64)
    index = graph.coordinate_along_axis(0, graph.reshape(length, [1]))
    return start + cast(index, start.data_type) * delta


def _floor_divide(a: Tensor, b: Tensor) -> Tensor:
    return (a - a.graph.floor_modulo(a, b)) / b


def reverse_sequence(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    time, batch = node.axis("time_axis", 0), node.axis("batch_axis", 1)
    static = static_shape(x)
    sizes = shape_of(x) if static is None else static
    steps = coordinates(graph, time, sizes, mpsg.int64)
    lengths = graph.expand_dims(node[1], [i for i in range(node.rank()) if i != batch])
    reversed_steps = lengths - like(lengths, 1) - steps
    places = graph.select(steps < lengths, reversed_steps, steps)
    return graph.gather_along_axis(x, places, time)


def one_hot(node: Node) -> Tensor:
    graph, indices = node.graph, node[0]
    rank = node.rank() + 1
    axis = int(node.attribute("axis", -1))
    axis = axis + rank if axis < 0 else axis
    known = node.integers(1)
    depth: int | Tensor
    if known is not None:
        depth = known[0]
        depth_tensor = constant(graph, depth, mpsg.int64)
    else:
        depth = depth_tensor = cast(graph.reshape(node[1], []), mpsg.int64)
    around = sizes_of(indices, range(rank - 1))
    sizes = as_sizes(graph, [*around[:axis], depth, *around[axis:]])
    places = graph.expand_dims(cast(indices, mpsg.int64), axis)
    places = graph.select(places < like(places, 0), places + depth_tensor, places)
    hot = graph.equal(coordinates(graph, axis, sizes, mpsg.int64), places)
    off, on = (
        graph.reshape(graph.slice(node[2], dimension=0, start=i, length=1), []) for i in (0, 1)
    )
    return graph.select(hot, on, off)


CONVERTERS: dict[str, Converter] = {
    "Concat": concat,
    "Constant": constant_node,
    "ConstantOfShape": constant_of_shape,
    "DepthToSpace": depth_to_space,
    "Expand": expand,
    "EyeLike": eye_like,
    "Flatten": flatten,
    "OneHot": one_hot,
    "Pad": pad,
    "Range": range_node,
    "Reshape": reshape_node,
    "ReverseSequence": reverse_sequence,
    "Shape": shape,
    "Size": size,
    "Slice": slice_node,
    "SpaceToDepth": space_to_depth,
    "Split": split,
    "Squeeze": squeeze,
    "Tile": tile,
    "Transpose": transpose,
    "Trilu": trilu,
    "Unsqueeze": unsqueeze,
}
