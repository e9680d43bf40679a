"""Convolutions and poolings: windows over the spatial axes of (N, C, ...) tensors."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import as_sizes, as_vector, cast, constant, like, size_of, sizes_of
from mpsg.onnx._node import Converter, Node

_STYLES = {
    "NOTSET": mpsg.PaddingStyle.EXPLICIT,
    "VALID": mpsg.PaddingStyle.TF_VALID,
    "SAME_UPPER": mpsg.PaddingStyle.TF_SAME,
    "SAME_LOWER": mpsg.PaddingStyle.ONNX_SAME_LOWER,
}


@dataclass
class Window:
    """The attributes that convolutions and poolings share, one number for each spatial axis."""

    kernel: list[int]
    strides: list[int]
    dilations: list[int]
    before: list[int]
    after: list[int]
    style: mpsg.PaddingStyle

    def widened(self, count: int) -> Window:
        """With axes of size 1 in front, so that there are `count`."""
        more = count - len(self.kernel)
        ones, zeros = [1] * more, [0] * more
        return Window(
            ones + self.kernel,
            ones + self.strides,
            ones + self.dilations,
            zeros + self.before,
            zeros + self.after,
            self.style,
        )

    def reach(self, i: int) -> int:
        """From the first to the last element of the kernel along an axis."""
        return (self.kernel[i] - 1) * self.dilations[i] + 1

    def planar(self) -> dict[str, Any]:
        """Keywords of the 2D descriptors."""
        return {
            "stride_in_x": self.strides[1],
            "stride_in_y": self.strides[0],
            "dilation_rate_in_x": self.dilations[1],
            "dilation_rate_in_y": self.dilations[0],
            "padding_left": self.before[1],
            "padding_right": self.after[1],
            "padding_top": self.before[0],
            "padding_bottom": self.after[0],
            "padding_style": self.style,
        }

    def solid(self) -> dict[str, Any]:
        """Keywords of the 3D descriptors."""
        inner = Window(
            self.kernel[1:],
            self.strides[1:],
            self.dilations[1:],
            self.before[1:],
            self.after[1:],
            self.style,
        )
        return {
            **inner.planar(),
            "stride_in_z": self.strides[0],
            "dilation_rate_in_z": self.dilations[0],
            "padding_front": self.before[0],
            "padding_back": self.after[0],
        }


def window_of(node: Node, kernel: Sequence[int]) -> Window:
    """From the node's attributes."""
    count = len(kernel)
    if count not in (1, 2, 3):
        node.fail(f"mpsg has windows of 1 to 3 dimensions, not of {count}")
    style = node.attribute("auto_pad", "NOTSET")
    if style not in _STYLES:
        node.fail(f"auto_pad = '{style}' is none of {', '.join(_STYLES)}")
    pads = node.attribute("pads", [0] * 2 * count) if style == "NOTSET" else [0] * 2 * count
    return Window(
        [int(k) for k in kernel],
        [int(s) for s in node.attribute("strides", [1] * count)],
        [int(d) for d in node.attribute("dilations", [1] * count)],
        [int(p) for p in pads[:count]],
        [int(p) for p in pads[count:]],
        _STYLES[style],
    )


def kernel_of(node: Node, weights: Tensor) -> list[int]:
    """The spatial sizes of the weights."""
    kernel = list(weights.shape or ())[2:]
    if not kernel or -1 in kernel:
        kernel = node.attribute("kernel_shape", [])
    if not kernel:
        node.fail("the shape of the weights is not known when the graph is built")
    return kernel


# --- Convolutions


def convolve(x: Tensor, weights: Tensor, window: Window, groups: int) -> Tensor:
    """A convolution over 1 to 3 spatial axes."""
    graph = x.graph
    if len(window.kernel) == 3:
        solid = mpsg.Convolution3DOpDescriptor(groups=groups, **window.solid())
        return graph.convolution_3d(x, weights, solid)
    line = len(window.kernel) == 1
    wide = window.widened(2)
    planar = mpsg.Convolution2DOpDescriptor(groups=groups, **wide.planar())
    if not line:
        return graph.convolution_2d(x, weights, planar)
    x, weights = graph.expand_dims(x, 2), graph.expand_dims(weights, 2)
    return graph.squeeze(graph.convolution_2d(x, weights, planar), 2)


def add_bias(x: Tensor, bias: Tensor | None, rank: int) -> Tensor:
    """A number for each channel."""
    if bias is None:
        return x
    return x + x.graph.expand_dims(bias, list(range(1, rank - 1)))


def convolution(node: Node) -> Tensor:
    x, weights = node[0], node[1]
    window = window_of(node, kernel_of(node, weights))
    found = convolve(x, weights, window, node.attribute("group", 1))
    return add_bias(found, node.optional(2), node.rank())


def _spread(
    x: Tensor, weights: Tensor, sizes: list[int | Tensor], w: Window, groups: int
) -> Tensor:
    """A transposed convolution whose result has `sizes`."""
    graph = x.graph
    if len(w.kernel) == 3:
        solid = mpsg.Convolution3DOpDescriptor(groups=groups, **w.solid())
        return graph.convolution_3d_data_gradient(x, weights, as_sizes(graph, sizes), solid)
    line = len(w.kernel) == 1
    planar = mpsg.Convolution2DOpDescriptor(groups=groups, **w.widened(2).planar())
    if line:
        x, weights = graph.expand_dims(x, 2), graph.expand_dims(weights, 2)
        sizes = [*sizes[:2], 1, *sizes[2:]]
    found = graph.convolution_2d_data_gradient(x, weights, as_sizes(graph, sizes), planar)
    return graph.squeeze(found, 2) if line else found


def convolution_transpose(node: Node) -> Tensor:
    """All that the windows cover, of which the pads are cut off."""
    graph, x, weights = node.graph, node[0], node[1]
    groups, count = node.attribute("group", 1), node.rank() - 2
    window = window_of(node, kernel_of(node, weights))
    style = node.attribute("auto_pad", "NOTSET")
    more = node.attribute("output_padding", [0] * count)
    wanted = node.attribute("output_shape")
    before, after = list(window.before), list(window.after)
    whole: list[int | Tensor] = []
    for i in range(count):
        size = size_of(x, i + 2)
        if isinstance(size, int):
            covered: int | Tensor = window.strides[i] * (size - 1) + window.reach(i)
        else:
            one = like(size, 1)
            covered = (size - one) * like(size, window.strides[i]) + like(size, window.reach(i))
        whole.append(covered)
        if wanted is None and style.startswith("SAME"):
            total = window.reach(i) - window.strides[i] + more[i]
        elif wanted is not None:
            if not isinstance(covered, int):
                node.fail("with output_shape the input's sizes must be known")
            total = covered + more[i] - wanted[len(wanted) - count + i]
        else:
            continue
        half = total // 2
        before[i], after[i] = (
            (half, total - half) if style != "SAME_LOWER" else (total - half, half)
        )
        if style == "NOTSET":
            before[i], after[i] = total - half, half
    channels = (weights.shape or (0, -1))[1]
    if channels < 0:
        node.fail("the shape of the weights is not known when the graph is built")
    window.style = mpsg.PaddingStyle.EXPLICIT
    window.before = window.after = [0] * count
    sizes = [size_of(x, 0), channels * groups, *whole]
    found = _spread(x, weights, sizes, window, groups)
    left = [0, 0, *(-b for b in before)]
    right = [0, 0, *(m - a for m, a in zip(more, after, strict=True))]
    if any(left) or any(right):
        found = graph.pad(found, mpsg.PaddingMode.ZERO, left, right)
    return add_bias(found, node.optional(2), node.rank())


# --- Poolings


def pool(row: str, node: Node, x: Tensor, window: Window, **more: Any) -> Any:
    """A pooling row of 2 or 4 dimensions, over (N, C, ...)."""
    graph = x.graph
    more["ceil_mode"] = bool(node.attribute("ceil_mode", 0))
    if len(window.kernel) == 3:
        four = window.widened(4)
        pads = [p for pair in zip(four.before, four.after, strict=True) for p in pair]
        solid = mpsg.Pooling4DOpDescriptor(
            kernel_sizes=four.kernel,
            strides=four.strides,
            dilation_rates=four.dilations,
            padding_values=pads,
            padding_style=four.style,
            **more,
        )
        return getattr(graph, row.replace("2d", "4d"))(x, solid)
    two = window.widened(2)
    planar = mpsg.Pooling2DOpDescriptor(
        kernel_width=two.kernel[1], kernel_height=two.kernel[0], **two.planar(), **more
    )
    if len(window.kernel) == 2:
        return getattr(graph, row)(x, planar)
    found = getattr(graph, row)(graph.expand_dims(x, 2), planar)
    if isinstance(found, Tensor):
        return graph.squeeze(found, 2)
    return [graph.squeeze(part, 2) for part in found]


def average_pool(node: Node) -> Tensor:
    window = window_of(node, node.attribute("kernel_shape"))
    counts = bool(node.attribute("count_include_pad", 0))
    found = pool("avg_pooling_2d", node, node[0], window, include_zero_pad_to_average=counts)
    return found  # type: ignore[no-any-return]


def maximum_pool(node: Node) -> list[Tensor]:
    graph, x = node.graph, node[0]
    window = window_of(node, node.attribute("kernel_shape"))
    if not node.wanted(1):
        return [pool("max_pooling_2d", node, x, window)]
    mode = mpsg.PoolingReturnIndicesMode
    solid = len(window.kernel) == 3
    found, places = pool(
        "max_pooling_2d_return_indices",
        node,
        x,
        window,
        return_indices_mode=mode.GLOBAL_FLATTEN_3D if solid else mode.GLOBAL_FLATTEN_2D,
    )
    places = graph.cast(places, mpsg.int64)
    spatial = [as_int64(graph, s) for s in sizes_of(x, range(2, node.rank()))]
    if node.attribute("storage_order", 0):
        places = column_major(graph, places, spatial)
    plane = spatial[0]
    for size in spatial[1:]:
        plane = plane * size
    shape = graph.shape_of(found)
    images = graph.coordinate_along_axis(0, shape)
    channels = graph.coordinate_along_axis(1, shape)
    number = cast(images, mpsg.int64) * as_int64(graph, size_of(x, 1)) + cast(channels, mpsg.int64)
    return [found, places + number * plane]


def as_int64(graph: mpsg.Graph, size: int | Tensor) -> Tensor:
    """A size as a tensor."""
    return constant(graph, size, mpsg.int64) if isinstance(size, int) else size


def column_major(graph: mpsg.Graph, places: Tensor, sizes: list[Tensor]) -> Tensor:
    """Row-major places as they are if the first spatial axis runs fastest."""
    parts = []
    for size in reversed(sizes):
        part = graph.floor_modulo(places, size)
        places = (places - part) / size
        parts.append(part)
    found = parts[0]
    for part, size in zip(parts[1:], reversed(sizes[:-1]), strict=True):
        found = found * size + part
    return found


def lp_pool(node: Node) -> Tensor:
    """The p-th root of the sum of |x|^p: that sum is the mean times the window's size."""
    graph, x = node.graph, node[0]
    window = window_of(node, node.attribute("kernel_shape"))
    p = node.attribute("p", 2)
    powers = graph.absolute(x) if p == 1 else graph.power(graph.absolute(x), like(x, p))
    ones = graph.equal(x, x)
    mean = pool("avg_pooling_2d", node, powers, window)
    inside = graph.select(ones, like(x, 1), like(x, 1))
    if window.style == mpsg.PaddingStyle.EXPLICIT and not node.attribute("ceil_mode", 0):
        mean = pool("avg_pooling_2d", node, powers, window, include_zero_pad_to_average=True)
        count: Tensor = like(x, _volume(window))
    else:
        # How many elements of each window lie inside: their sum is what is divided by it.
        whole = pool("avg_pooling_2d", node, inside, window, include_zero_pad_to_average=True)
        count = whole * like(x, _volume(window))
    total = mean * count
    return total if p == 1 else graph.power(total, like(x, 1 / p))


def _volume(window: Window) -> int:
    volume = 1
    for size in window.kernel:
        volume *= size
    return volume


def spatial_axes(node: Node) -> list[int]:
    """All but the batch and the channels."""
    return list(range(2, node.rank()))


def global_average(node: Node) -> Tensor:
    return node.graph.mean(node[0], spatial_axes(node))


def global_maximum(node: Node) -> Tensor:
    return node.graph.reduction_maximum_propagate_nan(node[0], spatial_axes(node))


def global_lp(node: Node) -> Tensor:
    graph, x, p = node.graph, node[0], node.attribute("p", 2)
    powers = graph.power(graph.absolute(x), like(x, p))
    return graph.power(graph.reduction_sum(powers, spatial_axes(node)), like(x, 1 / p))


def column_to_image(node: Node) -> Tensor:
    """Col2Im: the elements of the blocks are added up where they were. Any number of axes."""
    graph, x = node.graph, node[0]
    image, block = cast(node[1], mpsg.int64), cast(node[2], mpsg.int64)
    count = (image.shape or (-1,))[0]
    if count < 0:
        node.fail("the number of axes is not known when the graph is built")
    strides, dilations = (node.attribute(name, [1] * count) for name in ("strides", "dilations"))
    pads = node.attribute("pads", [0] * 2 * count)

    def entry(sizes: Tensor, axis: int) -> Tensor:
        return graph.reshape(graph.slice(sizes, dimension=0, start=axis, length=1), [])

    # For each element of a block (rows) and each block (columns): where it lies in the image.
    elements, blocks = graph.reduction_product(block, 0), size_of(x, 2)
    row = cast(graph.coordinate_along_axis(0, elements), mpsg.int64)
    column = cast(graph.coordinate_along_axis(0, as_sizes(graph, [blocks])), mpsg.int64)
    place = inside = None
    weight = constant(graph, 1, mpsg.int64)
    for axis in reversed(range(count)):
        size, kernel = entry(image, axis), entry(block, axis)
        reach = (kernel - like(kernel, 1)) * like(kernel, dilations[axis]) + like(kernel, 1)
        padded = size + like(size, pads[axis] + pads[axis + count])
        steps = (padded - reach) / like(size, strides[axis]) + like(size, 1)
        in_block, of_block = graph.floor_modulo(row, kernel), graph.floor_modulo(column, steps)
        row, column = (row - in_block) / kernel, (column - of_block) / steps
        at = graph.expand_dims(in_block * like(size, dilations[axis]), 1) + graph.expand_dims(
            of_block * like(size, strides[axis]) - like(size, pads[axis]), 0
        )
        here = graph.logical_and(at >= like(at, 0), at < size)
        inside = here if inside is None else graph.logical_and(inside, here)
        place = at * weight if place is None else place + at * weight
        weight = weight * size
    assert place is not None and inside is not None
    place = graph.reshape(graph.select(inside, place, like(place, -1)), [-1])
    whole = graph.reduction_product(image, 0)
    batch = as_vector(graph, [size_of(x, 0)])
    rest = constant(graph, [-1], mpsg.int64)
    both = elements * as_vector(graph, [blocks])
    parts = graph.reshape(x, graph.concat([batch, rest, both], 0))
    channels = as_vector(graph, [size_of(x, 1)]) / elements
    shape = graph.concat([batch, channels, whole], 0)
    found = graph.scatter(parts, place, shape, axis=2, mode=mpsg.ScatterMode.ADD)
    return graph.reshape(found, graph.concat([batch, channels, image], 0))


CONVERTERS: dict[str, Converter] = {
    "AveragePool": average_pool,
    "Col2Im": column_to_image,
    "Conv": convolution,
    "ConvTranspose": convolution_transpose,
    "GlobalAveragePool": global_average,
    "GlobalLpPool": global_lp,
    "GlobalMaxPool": global_maximum,
    "LpPool": lp_pool,
    "MaxPool": maximum_pool,
}
