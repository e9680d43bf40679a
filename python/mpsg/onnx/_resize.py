"""Resize: along one axis after the other, by indices or by a matrix of weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import mpsg
from mpsg import Graph, Tensor
from mpsg.onnx._build import (
    as_sizes,
    cast,
    constant,
    like,
    normalized,
    size_of,
    sizes_of,
)
from mpsg.onnx._node import Converter, Node


@dataclass
class Axis:
    """How one axis is resized. Numbers are float64 scalars, constants where they are known."""

    axis: int
    before: Tensor  # its size, and that of the result
    after: Tensor
    scale: Tensor
    start: Tensor | None  # the part of the axis that is looked at (tf_crop_and_resize)
    end: Tensor | None
    size: int | Tensor  # of the result, for shapes


def number(graph: Graph, value: float | Tensor) -> Tensor:
    """As a float64 scalar."""
    if isinstance(value, Tensor):
        return cast(graph.reshape(value, []), mpsg.float64)
    return constant(graph, value, mpsg.float64)


def element(node: Node, index: int, at: int) -> float | Tensor:
    """A number of an input that is a vector."""
    known = node.value(index)
    if known is not None:
        return float(known.reshape(-1)[at])
    return node.graph.reshape(node.graph.slice(node[index], dimension=0, start=at, length=1), [])


def given(node: Node, index: int) -> bool:
    """Is the input there, and not empty?"""
    tensor = node.optional(index)
    return tensor is not None and tensor.shape != (0,)


def resized_axes(node: Node) -> list[Axis]:
    """From scales or sizes."""
    rank = node.rank()
    places = normalized(node.attribute("axes", list(range(rank))), rank)
    roi, scales, sizes = (None, 1, None) if node.opset < 11 else (1, 2, 3)
    if sizes is not None and given(node, sizes):
        return by_sizes(node, places, sizes, roi)
    graph = node.graph
    found = []
    for i, axis in enumerate(places):
        if node.has("scales"):
            scale: float | Tensor = float(node.attribute("scales")[i])
        else:
            scale = element(node, scales, i)
        if scale == 1.0:
            continue
        size = size_of(node[0], axis)
        after: int | Tensor
        if isinstance(scale, float) and isinstance(size, int):
            after = math.floor(size * scale)
            result = number(graph, after)
        else:
            result = graph.floor(number(graph, size) * number(graph, scale))
            after = cast(result, mpsg.int64)
        found.append(
            Axis(
                axis,
                number(graph, size),
                result,
                number(graph, scale),
                *region(node, roi, i, len(places)),
                after,
            )
        )
    return found


def region(node: Node, roi: int | None, i: int, count: int) -> tuple[Tensor | None, Tensor | None]:
    """The part of an axis that roi names."""
    crop = node.attribute("coordinate_transformation_mode", "half_pixel") == "tf_crop_and_resize"
    if not crop or roi is None or not given(node, roi):
        return None, None
    graph = node.graph
    return number(graph, element(node, roi, i)), number(graph, element(node, roi, i + count))


def by_sizes(node: Node, places: list[int], index: int, roi: int | None) -> list[Axis]:
    """The scales follow from the sizes, one for all if the ratio of the sizes is to be kept."""
    graph = node.graph
    policy = node.attribute("keep_aspect_ratio_policy", "stretch")
    before = [size_of(node[0], axis) for axis in places]
    wanted = [element(node, index, i) for i in range(len(places))]
    ratios = [
        number(graph, size) / number(graph, own) for size, own in zip(wanted, before, strict=True)
    ]
    after: list[int | Tensor] = [
        int(size) if isinstance(size, float) else cast(size, mpsg.int64) for size in wanted
    ]
    if policy != "stretch":
        pick = graph.minimum if policy == "not_larger" else graph.maximum
        one = ratios[0]
        for ratio in ratios[1:]:
            one = pick(one, ratio)
        ratios = [one] * len(places)
        half = like(one, 0.5)
        after = [cast(graph.floor(number(graph, b) * one + half), mpsg.int64) for b in before]
    return [
        Axis(
            axis,
            number(graph, before[i]),
            number(graph, after[i]),
            ratios[i],
            *region(node, roi, i, len(places)),
            after[i],
        )
        for i, axis in enumerate(places)
        if policy != "stretch" or before[i] != after[i] or node.rank() != len(places)
    ]


# --- Where a result's element lies


def half_pixel(i: Tensor, a: Axis) -> Tensor:
    return (i + like(i, 0.5)) / a.scale - like(i, 0.5)


def pytorch_half_pixel(i: Tensor, a: Axis) -> Tensor:
    one = i.graph.equal(a.after, like(i, 1))
    return i.graph.select(one, like(i, -0.5), half_pixel(i, a))


def half_pixel_symmetric(i: Tensor, a: Axis) -> Tensor:
    adjustment = a.after / (a.scale * a.before)
    offset = a.before / like(i, 2) * (like(i, 1) - adjustment)
    return offset + half_pixel(i, a)


def align_corners(i: Tensor, a: Axis) -> Tensor:
    return i.graph.division_no_nan(i * (a.before - like(i, 1)), a.scale * a.before - like(i, 1))


def crop_and_resize(i: Tensor, a: Axis) -> Tensor:
    start = like(i, 0) if a.start is None else a.start
    end = like(i, 1) if a.end is None else a.end
    last, width = a.before - like(i, 1), a.scale * a.before
    several = i * (end - start) * last / (width - like(i, 1))
    one = (end - start) * last / like(i, 2)
    chosen = i.graph.select(i.graph.equal(width, like(i, 1)), one, several)
    return chosen + start * last


_PLACES: dict[str, Callable[[Tensor, Axis], Tensor]] = {
    "half_pixel": half_pixel,
    "pytorch_half_pixel": pytorch_half_pixel,
    "half_pixel_symmetric": half_pixel_symmetric,
    "align_corners": align_corners,
    "asymmetric": lambda i, a: i / a.scale,
    "tf_half_pixel_for_nn": lambda i, a: (i + like(i, 0.5)) / a.scale,
    "tf_crop_and_resize": crop_and_resize,
}

_ROUND: dict[str, Callable[[Tensor], Tensor]] = {
    "round_prefer_floor": lambda x: x.graph.ceil(x - like(x, 0.5)),
    "round_prefer_ceil": lambda x: x.graph.floor(x + like(x, 0.5)),
    "floor": lambda x: x.graph.floor(x),
    "ceil": lambda x: x.graph.ceil(x),
}


# --- What a pixel weighs, by its distance


def linear(distance: Tensor) -> Tensor:
    one, zero = like(distance, 1), like(distance, 0)
    return distance.graph.maximum(one - distance, zero)


def cubic(coefficient: float, d: Tensor) -> Tensor:
    """The cubic convolution kernel."""
    graph, a = d.graph, coefficient
    square = d * d
    near = (like(d, a + 2) * d - like(d, a + 3)) * square + like(d, 1)
    far = ((like(d, a) * d - like(d, 5 * a)) * d + like(d, 8 * a)) * d - like(d, 4 * a)
    rest = graph.select(d < like(d, 2), far, like(d, 0))
    return graph.select(graph.less_than_or_equal_to(d, like(d, 1)), near, rest)


def nearest(node: Node, x: Tensor, a: Axis, place: Tensor) -> Tensor:
    graph = node.graph
    mode = node.attribute("nearest_mode", "round_prefer_floor")
    if node.op == "Upsample" or node.opset < 11:
        mode = "floor"
    if mode not in _ROUND:
        node.fail(f"nearest_mode = '{mode}' is none of {', '.join(_ROUND)}")
    index = _ROUND[mode](place)
    index = graph.clamp(index, like(index, 0), a.before - like(index, 1))
    return graph.gather(x, graph.cast(index, mpsg.int32), a.axis)


def weighted(
    node: Node, x: Tensor, a: Axis, place: Tensor, kernel: Callable[[Tensor], Tensor]
) -> Tensor:
    """Every element is a sum of pixels times weights; beyond the edge lies the edge."""
    graph = node.graph
    squeeze = graph.minimum(a.scale, like(place, 1)) if node.attribute("antialias", 0) else None
    # Pixels that are within reach beyond the edges.
    reach = like(place, 4)
    if squeeze is not None:
        reach = graph.ceil(like(place, 2) / squeeze) + like(place, 2)
    extent = graph.reshape(cast(a.before + reach * like(place, 2), mpsg.int64), [1])
    pixel = cast(graph.coordinate_along_axis(0, extent), mpsg.float64) - reach
    distance = graph.absolute(graph.expand_dims(place, 1) - graph.expand_dims(pixel, 0))
    weights = kernel(distance if squeeze is None else distance * squeeze)
    last = a.before - like(place, 1)
    if node.attribute("exclude_outside", 0):
        inside = graph.logical_and(pixel >= like(pixel, 0), pixel <= last)
        weights = graph.select(inside, weights, like(weights, 0))
    weights = weights / graph.reduction_sum(weights, 1)
    # Pixels beyond an edge count as the edge.
    held = graph.expand_dims(graph.clamp(pixel, like(pixel, 0), last), 1)
    own = graph.reshape(cast(a.before, mpsg.int64), [1])
    own_pixel = graph.expand_dims(cast(graph.coordinate_along_axis(0, own), mpsg.float64), 0)
    folded = weights @ cast(graph.equal(held, own_pixel), mpsg.float64)
    return along_axis(x, folded, a.axis)


def along_axis(x: Tensor, weights: Tensor, axis: int) -> Tensor:
    """Multiplies an axis by a matrix (after, before)."""
    graph, rank = x.graph, len(x.shape or ())
    kind = mpsg.float64 if x.data_type == mpsg.float64 else mpsg.float32
    order = [i for i in range(rank) if i != axis] + [axis]
    moved = cast(graph.permute(x, order), kind)
    if rank == 1:
        moved = graph.expand_dims(moved, 0)
    found = moved @ graph.transpose(cast(weights, kind), 0, 1)
    if rank == 1:
        found = graph.squeeze(found, 0)
    back = [order.index(i) for i in range(rank)]
    return cast(graph.permute(found, back), x.data_type)


def resize(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    mode = node.attribute("mode", "nearest")
    older = node.op == "Upsample" or node.opset < 11
    default = "asymmetric" if older else "half_pixel"
    where = node.attribute("coordinate_transformation_mode", default)
    if where not in _PLACES:
        node.fail(f"coordinate_transformation_mode = '{where}' is none of {', '.join(_PLACES)}")
    kernels: dict[str, Callable[[Tensor], Tensor]] = {
        "linear": linear,
        "cubic": partial(cubic, float(node.attribute("cubic_coeff_a", -0.75))),
    }
    if mode != "nearest" and mode not in kernels:
        node.fail(f"mode = '{mode}' is none of nearest, {', '.join(kernels)}")
    axes = resized_axes(node)
    quick = planar(node, x, axes, mode, where)
    if quick is not None:
        return quick
    outside: Tensor | None = None
    for a in axes:
        shape = [a.size] if isinstance(a.size, int) else graph.reshape(a.size, [1])
        index = cast(graph.coordinate_along_axis(0, shape), mpsg.float64)
        place = _PLACES[where](index, a)
        if mode == "nearest":
            x = nearest(node, x, a, place)
        else:
            x = weighted(node, x, a, place, kernels[mode])
        if where == "tf_crop_and_resize":
            beyond = graph.logical_or(place < like(place, 0), place > a.before - like(place, 1))
            spread = graph.expand_dims(beyond, [i for i in range(node.rank()) if i != a.axis])
            outside = spread if outside is None else graph.logical_or(outside, spread)
    if outside is not None:
        x = graph.select(outside, like(x, node.attribute("extrapolation_value", 0.0)), x)
    return x


def planar(node: Node, x: Tensor, axes: list[Axis], mode: str, where: str) -> Tensor | None:
    """By mpsg's own row, where it means the same: linear, in the last two axes of four."""
    if (
        mode != "linear"
        or where not in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
        or node.rank() != 4
        or [a.axis for a in axes] != [2, 3]
        or node.attribute("antialias", 0)
        or node.attribute("exclude_outside", 0)
        or node.attribute("keep_aspect_ratio_policy", "stretch") != "stretch"
    ):
        return None
    before, after = sizes_of(x, (2, 3)), [a.size for a in axes]
    scales = node.value(2) if node.opset >= 11 and given(node, 2) else None
    for own, size, i in zip(before, after, (-2, -1), strict=True):
        if not isinstance(own, int) or not isinstance(size, int) or size < 2:
            return None
        if scales is not None and own * float(scales.reshape(-1)[i]) != size:
            return None
        if scales is None and not (node.opset >= 11 and given(node, 3)):
            return None
    return node.graph.resize_bilinear(
        x,
        as_sizes(node.graph, after),
        center_result=where in ("half_pixel", "pytorch_half_pixel"),
        align_corners=where == "align_corners",
        layout=mpsg.TensorNamedDataLayout.NCHW,
    )


CONVERTERS: dict[str, Converter] = {"Resize": resize, "Upsample": resize}
