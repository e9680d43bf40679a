"""Pixels at places that tensors name: GridSample, RoiAlign, DeformConv."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from typing import TypeAlias

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import cast, constant, like, reshape, size_of, sizes_of
from mpsg.onnx._node import Converter, Node
from mpsg.onnx._resize import cubic, linear

Pixels: TypeAlias = Callable[[list[Tensor]], Tensor]
"""From whole coordinates, one tensor (N, P) for each spatial axis, to pixels (N, P, C)."""


def as_number(like_: Tensor, size: int | Tensor) -> Tensor:
    """A size in a tensor's type."""
    return like(like_, size) if isinstance(size, int) else cast(size, like_.data_type)


def pixels_of(x: Tensor) -> tuple[Tensor, list[int | Tensor]]:
    """(N, C, ...) as (N, positions, C), and the spatial sizes."""
    graph, rank = x.graph, len(x.shape or ())
    sizes = sizes_of(x, range(rank))
    flat = reshape(x, [*sizes[:2], -1]) if rank > 3 else x
    return graph.permute(flat, [0, 2, 1]), sizes[2:]


def take(flat: Tensor, sizes: list[int | Tensor], index: list[Tensor]) -> Tensor:
    """Pixels at whole coordinates that lie inside."""
    graph = flat.graph
    place = index[0]
    for coordinate, size in zip(index[1:], sizes[1:], strict=True):
        place = place * as_number(place, size) + coordinate
    return graph.gather(flat, cast(place, mpsg.int32), 1, 1)


def clamped(index: Tensor, size: int | Tensor) -> Tensor:
    return index.graph.clamp(index, like(index, 0), as_number(index, size) - like(index, 1))


def with_zeros(flat: Tensor, sizes: list[int | Tensor]) -> Pixels:
    """Outside there are zeros."""

    def at(index: list[Tensor]) -> Tensor:
        graph = flat.graph
        inside: Tensor | None = None
        for coordinate, size in zip(index, sizes, strict=True):
            here = graph.logical_and(
                coordinate >= like(coordinate, 0), coordinate < as_number(coordinate, size)
            )
            inside = here if inside is None else graph.logical_and(inside, here)
        assert inside is not None
        held = [clamped(c, size) for c, size in zip(index, sizes, strict=True)]
        found = take(flat, sizes, held)
        return graph.select(graph.expand_dims(inside, 2), found, like(found, 0))

    return at


def with_edge(flat: Tensor, sizes: list[int | Tensor]) -> Pixels:
    """Outside there is the edge."""
    return lambda index: take(
        flat, sizes, [clamped(c, size) for c, size in zip(index, sizes, strict=True)]
    )


def mixed(
    at: Pixels, places: list[Tensor], taps: range, kernel: Callable[[Tensor], Tensor]
) -> Tensor:
    """The pixels around each place by their weights."""
    graph = places[0].graph
    floors = [graph.floor(place) for place in places]
    total: Tensor | None = None
    for offsets in product(taps, repeat=len(places)):
        index = [f + like(f, o) for f, o in zip(floors, offsets, strict=True)]
        weight: Tensor | None = None
        for place, coordinate in zip(places, index, strict=True):
            w = kernel(graph.absolute(place - coordinate))
            weight = w if weight is None else weight * w
        assert weight is not None
        found = at(index)
        part = found * graph.expand_dims(cast(weight, found.data_type), 2)
        total = part if total is None else total + part
    assert total is not None
    return total


def mirrored(place: Tensor, low: Tensor, high: Tensor) -> Tensor:
    """A coordinate thrown back into [low, high] by mirrors at both."""
    graph = place.graph
    span = high - low
    two = like(place, 2)
    folded = graph.floor_modulo(place - low, graph.maximum(span * two, like(place, 1e-12)))
    back = graph.select(folded > span, span * two - folded, folded)
    return graph.select(graph.equal(span, like(place, 0)), low, back + low)


def grid_sample(node: Node) -> Tensor:
    graph, x, grid, rank = node.graph, node[0], node[1], node.rank()
    mode = node.attribute("mode", "linear").removeprefix("bi")
    padding = node.attribute("padding_mode", "zeros")
    corners = bool(node.attribute("align_corners", 0))
    if mode not in ("linear", "nearest", "cubic") or padding not in (
        "zeros",
        "border",
        "reflection",
    ):
        node.fail(f"mpsg has no mode '{mode}' with padding_mode '{padding}'")
    flat, sizes = pixels_of(x)
    out = sizes_of(grid, range(1, rank - 1))
    points = reshape(grid, [size_of(grid, 0), -1, rank - 2])
    places, lows, highs = [], [], []
    for i, size in enumerate(sizes):  # the grid names the last axis first
        axis = graph.squeeze(graph.slice(points, dimension=2, start=rank - 3 - i, length=1), 2)
        axis = cast(axis, mpsg.float64)
        count = as_number(axis, size)
        half, one = like(axis, 0.5), like(axis, 1)
        if corners:
            places.append((axis + one) * half * (count - one))
            lows.append(like(axis, 0))
            highs.append(count - one)
        else:
            places.append(((axis + one) * count - one) * half)
            lows.append(like(axis, -0.5))
            highs.append(count - half)
    bounds = list(zip(lows, highs, strict=True))
    if padding == "reflection":
        edges = with_mirrors(flat, sizes, bounds)
        if mode != "cubic":
            places = [mirrored(p, *bound) for p, bound in zip(places, bounds, strict=True)]
            edges = with_edge(flat, sizes)
    elif padding == "border":
        edges = with_edge(flat, sizes)
    else:
        edges = with_zeros(flat, sizes)
    if mode == "nearest":
        found = edges([graph.rint(place) for place in places])
    elif mode == "linear":
        found = mixed(edges, places, range(2), linear)
    else:
        found = mixed(edges, places, range(-1, 3), lambda d: cubic(-0.75, d))
    found = graph.permute(cast(found, x.data_type), [0, 2, 1])
    return reshape(found, [size_of(grid, 0), size_of(x, 1), *out])


def with_mirrors(
    flat: Tensor, sizes: list[int | Tensor], bounds: list[tuple[Tensor, Tensor]]
) -> Pixels:
    """Outside there is the mirror image."""
    edge = with_edge(flat, sizes)

    def at(index: list[Tensor]) -> Tensor:
        graph = flat.graph
        inside = [mirrored(c, *bound) for c, bound in zip(index, bounds, strict=True)]
        return edge([graph.rint(c) for c in inside])

    return at


def affine_grid(node: Node) -> Tensor:
    """The places that an affine map gives the pixels of an image of a size."""
    graph, theta, rank = node.graph, node[0], (node[1].shape or (-1,))[0]
    if rank not in (4, 5):
        node.fail("its input 1 (size) must have 4 or 5 numbers")
    spatial = graph.slice(cast(node[1], mpsg.int64), dimension=0, start=2, length=rank - 2)
    lines = []
    for axis in range(rank - 2):
        index = cast(graph.coordinate_along_axis(axis, spatial), theta.data_type)
        size = graph.reshape(graph.slice(spatial, dimension=0, start=axis, length=1), [])
        count, one, two = cast(size, theta.data_type), like(theta, 1), like(theta, 2)
        if node.attribute("align_corners", 0):
            lines.append(graph.division_no_nan(index * two, count - one) - one)
        else:
            lines.append((index * two + one) / count - one)
    points = graph.stack([*reversed(lines), lines[0] * like(theta, 0) + like(theta, 1)], -1)
    flat = graph.reshape(points, [-1, rank - 1])
    moved = flat @ graph.transpose(theta, 1, 2)  # (N, points, rank - 2)
    ends = [constant(graph, [-1], mpsg.int64), constant(graph, [rank - 2], mpsg.int64)]
    return graph.reshape(moved, graph.concat([ends[0], spatial, ends[1]], 0))


# --- Regions of interest


def roi_align(node: Node) -> Tensor:
    """Each region cut into a grid; of each cell some places, mixed from the pixels around."""
    graph, x, rois = node.graph, node[0], node[1]
    rows, columns = node.attribute("output_height", 1), node.attribute("output_width", 1)
    samples = int(node.attribute("sampling_ratio", 0))
    if samples <= 0:
        node.fail(
            "mpsg needs a sampling_ratio > 0: else the data decides how many places there are"
        )
    default = "output_half_pixel" if node.opset < 16 else "half_pixel"
    half = node.attribute("coordinate_transformation_mode", default) == "half_pixel"
    scale = node.attribute("spatial_scale", 1.0)
    kind = mpsg.float64
    corners = cast(rois, kind) * constant(graph, scale, kind)
    corners = corners - constant(graph, 0.5 if half else 0.0, kind)
    left, top, right, bottom = graph.split(corners, axis=1, num_splits=4)  # each (R, 1)
    height, width = bottom - top, right - left
    if not half:
        height, width = (graph.maximum(v, like(v, 1)) for v in (height, width))
    flat, sizes = pixels_of(x)
    of_image = graph.gather(flat, cast(node[2], mpsg.int32), 0)  # (R, positions, C)

    def lines(start: Tensor, extent: Tensor, cells: int) -> Tensor:
        """All sample coordinates along an axis, (R, cells * samples)."""
        count = cells * samples
        index = cast(graph.coordinate_along_axis(1, [1, count]), kind)
        return start + (index + like(index, 0.5)) * extent / like(index, count)

    ys, xs = lines(top, height, rows), lines(left, width, columns)
    whole = [rows * samples, columns * samples]
    shape = [size_of(rois, 0), *whole]
    places = []
    for lines_, axis in ((ys, 2), (xs, 1)):
        spread = graph.expand_dims(lines_, axis)
        other = constant(graph, 0, kind)
        full = spread + graph.broadcast(other, [1, *whole])
        places.append(reshape(full, [shape[0], whole[0] * whole[1]]))
    found = sampled(of_image, sizes, places, node.attribute("mode", "avg") == "max")
    # (R, points, C) -> cells and the samples in each
    split = [size_of(rois, 0), rows, samples, columns, samples, size_of(x, 1)]
    cells = reshape(found, split)
    if node.attribute("mode", "avg") == "max":
        cells = graph.reduction_maximum(cells, [2, 4])
    else:
        cells = graph.mean(cells, [2, 4])
    cells = graph.squeeze(cells, [2, 4])
    return cast(graph.permute(cells, [0, 3, 1, 2]), x.data_type)


def sampled(flat: Tensor, sizes: list[int | Tensor], places: list[Tensor], most: bool) -> Tensor:
    """Linear mixtures; what is more than a pixel outside is 0. `most`: the largest part instead."""
    graph = flat.graph
    outside: Tensor | None = None
    held = []
    for place, size in zip(places, sizes, strict=True):
        count = as_number(place, size)
        beyond = graph.logical_or(place < like(place, -1), place > count)
        outside = beyond if outside is None else graph.logical_or(outside, beyond)
        held.append(graph.clamp(place, like(place, 0), count - like(place, 1)))
    assert outside is not None
    at = with_edge(flat, sizes)
    if most:
        found = largest_part(at, held)
    else:
        found = mixed(at, held, range(2), linear)
    return graph.select(graph.expand_dims(outside, 2), like(found, 0), found)


def largest_part(at: Pixels, places: list[Tensor]) -> Tensor:
    """The largest of the four pixels times their weights (so ONNX defines the mode max)."""
    graph = places[0].graph
    floors = [graph.floor(place) for place in places]
    largest: Tensor | None = None
    for offsets in product(range(2), repeat=2):
        index = [f + like(f, o) for f, o in zip(floors, offsets, strict=True)]
        weights = [linear(graph.absolute(p - c)) for p, c in zip(places, index, strict=True)]
        found = at(index)
        part = found * graph.expand_dims(cast(weights[0] * weights[1], found.data_type), 2)
        largest = part if largest is None else graph.maximum(largest, part)
    assert largest is not None
    return largest


# --- Deformable convolution


def deformable_convolution(node: Node) -> Tensor:
    """A convolution whose every pixel lies where an offset moves it; outside there are zeros."""
    graph, x, weights, offset = node.graph, node[0], node[1], node[2]
    if node.rank() != 4:
        node.fail("mpsg has DeformConv of images only")
    kernel = list((weights.shape or ())[2:])
    channels, filters = (x.shape or (0, -1))[1], (weights.shape or (-1,))[0]
    rows, columns = (offset.shape or ())[2:]
    if -1 in (*kernel, channels, filters, rows, columns):
        node.fail("mpsg needs DeformConv's sizes, but for the batch, when the graph is built")
    groups, parts = node.attribute("group", 1), node.attribute("offset_group", 1)
    strides, dilations = node.attribute("strides", [1, 1]), node.attribute("dilations", [1, 1])
    pads, taps = node.attribute("pads", [0] * 4), kernel[0] * kernel[1]
    kind = mpsg.float64 if x.data_type == mpsg.float64 else mpsg.float32
    # Every offset group is an image of its own.
    image = reshape(cast(x, kind), [-1, channels // parts, *sizes_of(x, (2, 3))])
    flat, sizes = pixels_of(image)
    moved = reshape(cast(offset, kind), [-1, *kernel, 2, rows, columns])
    places = []
    for axis in range(2):
        shift = graph.squeeze(graph.slice(moved, dimension=3, start=axis, length=1), 3)
        shape = [1, *kernel, rows, columns]
        tap = cast(graph.coordinate_along_axis(1 + axis, shape), kind) * like(
            shift, dilations[axis]
        )
        out = cast(graph.coordinate_along_axis(3 + axis, shape), kind) * like(shift, strides[axis])
        place = shift + tap + out - like(shift, pads[axis])
        places.append(graph.reshape(place, [-1, taps * rows * columns]))
    found = mixed(with_zeros(flat, sizes), places, range(2), linear)  # (N * parts, points, C')
    found = graph.permute(found, [0, 2, 1])
    mask = node.optional(4)
    if mask is not None:
        found = found * graph.reshape(cast(mask, kind), [-1, 1, taps * rows * columns])
    columns_of = graph.reshape(found, [-1, groups, channels // groups * taps, rows * columns])
    matrix = graph.reshape(cast(weights, kind), [groups, filters // groups, -1])
    made = graph.reshape(matrix @ columns_of, [-1, filters, rows, columns])
    bias = node.optional(3)
    if bias is not None:
        made = made + graph.reshape(cast(bias, kind), [filters, 1, 1])
    return cast(made, x.data_type)


CONVERTERS: dict[str, Converter] = {
    "AffineGrid": affine_grid,
    "DeformConv": deformable_convolution,
    "GridSample": grid_sample,
    "RoiAlign": roi_align,
}
