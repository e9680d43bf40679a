"""Convolutions, pooling, normalization, resizing and sampling of torch.nn.functional."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.op_info.activations import reduced, softmax
from cases.op_info.mapping import Bound, Call, CannotExpress, Mapping, Mappings, rank_of, shape_of
from mpsg import (
    Convolution2DOpDescriptor,
    Convolution3DOpDescriptor,
    ImToColOpDescriptor,
    PaddingMode,
    PaddingStyle,
    Pooling2DOpDescriptor,
    Pooling4DOpDescriptor,
    ResizeMode,
    ResizeNearestRoundingMode,
    TensorNamedDataLayout,
)

Tensor = mpsg.Tensor
AXES = ("z", "y", "x")
SIDES = (("front", "back"), ("top", "bottom"), ("left", "right"))


def per_axis(value: Any, count: int) -> list[int]:
    values = [value] if isinstance(value, int) else list(value)
    return values * count if len(values) == 1 else values


def batched(c: Call, x: Tensor, count: int) -> tuple[Tensor, bool]:
    """With a batch of one, where PyTorch was given none."""
    alone = rank_of(x) == count + 1
    return (c.graph.expand_dims(x, 0) if alone else x), alone


def convolution_descriptor(
    count: int, stride: list[int], padding: Any, dilation: list[int], groups: int
) -> Any:
    """Of one, two or three dimensions; one is two of which the first is 1."""
    fields: dict[str, Any] = {"groups": groups}
    used = AXES[-count:]
    for at, axis in enumerate(used):
        fields[f"stride_in_{axis}"] = stride[at]
        fields[f"dilation_rate_in_{axis}"] = dilation[at]
    if padding == "same":
        fields["padding_style"] = PaddingStyle.TF_SAME
    elif padding != "valid":
        for at, sides in enumerate(SIDES[-count:]):
            for side in sides:
                fields[f"padding_{side}"] = padding[at]
    return (Convolution3DOpDescriptor if count == 3 else Convolution2DOpDescriptor)(**fields)


def convolution(count: int) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        dilation: Any = 1,
        groups: int = 1,
    ) -> Any:
        g = c.graph
        x, alone = batched(c, x, count)
        if not isinstance(padding, str):
            padding = per_axis(padding, count)
        descriptor = convolution_descriptor(
            count, per_axis(stride, count), padding, per_axis(dilation, count), groups
        )
        if count == 1:
            x, weight = g.expand_dims(x, 2), g.expand_dims(weight, 2)
        row = g.convolution_3d if count == 3 else g.convolution_2d
        result = row(x, weight, descriptor)
        if count == 1:
            result = g.squeeze(result, 2)
        if bias is not None:
            result = result + g.reshape(bias, [-1] + [1] * count)
        return g.squeeze(result, 0) if alone else result

    return build


def transposed_convolution(count: int) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        weight: Tensor,
        bias: Tensor | None = None,
        stride: Any = 1,
        padding: Any = 0,
        output_padding: Any = 0,
        groups: int = 1,
        dilation: Any = 1,
    ) -> Any:
        g = c.graph
        x, alone = batched(c, x, count)
        steps, pads = per_axis(stride, count), per_axis(padding, count)
        more, rates = per_axis(output_padding, count), per_axis(dilation, count)
        if any(extra >= step for extra, step in zip(more, steps, strict=True)):
            raise CannotExpress("an output padding of a stride or more")
        kernel = shape_of(weight)[2:]
        sizes = [
            (size - 1) * step - 2 * pad + rate * (k - 1) + extra + 1
            for size, step, pad, rate, k, extra in zip(
                shape_of(x)[2:], steps, pads, rates, kernel, more, strict=True
            )
        ]
        descriptor = convolution_descriptor(count, steps, pads, rates, groups)
        shape = [shape_of(x)[0], shape_of(weight)[1] * groups, *sizes]
        if count == 1:
            x, weight = g.expand_dims(x, 2), g.expand_dims(weight, 2)
            shape.insert(2, 1)
        if count == 3:
            result = g.convolution_3d_data_gradient(x, weight, shape, descriptor)
        else:
            result = g.convolution_transpose_2d(x, weight, shape, descriptor)
        if count == 1:
            result = g.squeeze(result, 2)
        if bias is not None:
            result = result + g.reshape(bias, [-1] + [1] * count)
        return g.squeeze(result, 0) if alone else result

    return build


def pooling(kind: str, count: int) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        dilation: Any = 1,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        return_indices: bool = False,
    ) -> Any:
        g = c.graph
        if return_indices:
            raise CannotExpress("a maximum and its place in one result")
        kernel = per_axis(kernel_size, count)
        if stride is None or stride == ():
            stride = kernel
        steps, pads = per_axis(stride, count), per_axis(padding, count)
        x, alone = batched(c, x, count)
        rest = [1] * (4 - count)
        descriptor = Pooling4DOpDescriptor(
            kernel_sizes=[*rest, *kernel],
            strides=[*rest, *steps],
            dilation_rates=[*rest, *per_axis(dilation, count)],
            padding_values=[0] * (2 * len(rest)) + [pad for pad in pads for _ in range(2)],
            ceil_mode=ceil_mode,
            include_zero_pad_to_average=count_include_pad,
        )
        if count == 1:
            x = g.expand_dims(x, 2)
        row = g.avg_pooling_4d if kind == "avg" else g.max_pooling_4d
        result = row(x, descriptor) if count != 2 else planar_pooling(g, kind, x, descriptor)
        if count == 1:
            result = g.squeeze(result, 2)
        return g.squeeze(result, 0) if alone else result

    return build


def planar_pooling(g: mpsg.Graph, kind: str, x: Tensor, four: Pooling4DOpDescriptor) -> Tensor:
    """The same by the row for images."""
    kernel, strides, rates, pads = (
        list(each)  # type: ignore[arg-type]
        for each in (four.kernel_sizes, four.strides, four.dilation_rates, four.padding_values)
    )
    descriptor = Pooling2DOpDescriptor(
        kernel_height=kernel[2],
        kernel_width=kernel[3],
        stride_in_y=strides[2],
        stride_in_x=strides[3],
        dilation_rate_in_y=rates[2],
        dilation_rate_in_x=rates[3],
        padding_top=pads[4],
        padding_bottom=pads[5],
        padding_left=pads[6],
        padding_right=pads[7],
        ceil_mode=four.ceil_mode,
        include_zero_pad_to_average=four.include_zero_pad_to_average,
    )
    return (g.avg_pooling_2d if kind == "avg" else g.max_pooling_2d)(x, descriptor)


def average_pooling(count: int) -> Callable[..., Any]:
    pool = pooling("avg", count)

    def build(
        c: Call,
        x: Tensor,
        kernel_size: Any,
        stride: Any = None,
        padding: Any = 0,
        ceil_mode: bool = False,
        count_include_pad: bool = True,
        divisor_override: Any = None,
    ) -> Any:
        if divisor_override is not None:
            raise CannotExpress("an average divided by something else")
        return pool(c, x, kernel_size, stride, padding, 1, ceil_mode, count_include_pad)

    return build


def adaptive_average(count: int) -> Callable[..., Any]:
    pool = pooling("avg", count)

    def build(c: Call, x: Tensor, output_size: Any) -> Any:
        own = shape_of(x)[-count:]
        wanted = per_axis(output_size, count) if not isinstance(output_size, type(None)) else own
        wanted = [o if w is None else w for o, w in zip(own, wanted, strict=True)]
        if any(w == 0 or o % w for o, w in zip(own, wanted, strict=True)):
            raise CannotExpress("windows of several sizes")
        return pool(c, x, [o // w for o, w in zip(own, wanted, strict=True)])

    return build


def unfold(
    c: Call, x: Tensor, kernel_size: Any, dilation: Any = 1, padding: Any = 0, stride: Any = 1
) -> Any:
    x, alone = batched(c, x, 2)
    kernel, rates = per_axis(kernel_size, 2), per_axis(dilation, 2)
    pads, steps = per_axis(padding, 2), per_axis(stride, 2)
    descriptor = ImToColOpDescriptor(
        kernel_height=kernel[0],
        kernel_width=kernel[1],
        dilation_rate_in_y=rates[0],
        dilation_rate_in_x=rates[1],
        padding_top=pads[0],
        padding_bottom=pads[0],
        padding_left=pads[1],
        padding_right=pads[1],
        stride_in_y=steps[0],
        stride_in_x=steps[1],
    )
    result = c.graph.im_to_col(x, descriptor)
    return c.graph.squeeze(result, 0) if alone else result


# ---------------------------------------------------------------- normalization


def normalized(
    c: Call, x: Tensor, axes: list[int], weight: Any, bias: Any, eps: float, shape: list[int]
) -> Tensor:
    g = c.graph
    mean = g.mean(x, axes)
    variance = g.variance(x, axes, mean=mean)
    if weight is not None:
        weight = g.reshape(weight, shape)
    if bias is not None:
        bias = g.reshape(bias, shape)
    return g.normalization(x, mean, variance, weight, bias, eps)


def layer_norm(
    c: Call,
    x: Tensor,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    count = len(normalized_shape)
    axes = list(range(rank_of(x) - count, rank_of(x)))
    return normalized(c, x, axes, weight, bias, eps, list(normalized_shape))


def rms_norm(c: Call, x: Tensor, normalized_shape: Any, weight: Any = None, eps: Any = None) -> Any:
    import torch

    g = c.graph
    if eps is None:
        eps = torch.finfo(c.source(x).dtype).eps
    axes = list(range(rank_of(x) - len(normalized_shape), rank_of(x)))
    result = x * g.reciprocal_square_root(g.mean(g.square(x), axes) + eps)
    return result if weight is None else result * weight


def batch_norm(
    c: Call,
    x: Tensor,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    g = c.graph
    if rank_of(x) == 1:
        return g.identity(x)  # nothing, in PyTorch's samples
    shape = [shape_of(x)[1] if axis == 1 else 1 for axis in range(rank_of(x))]
    if training:
        axes = [axis for axis in range(rank_of(x)) if axis != 1]
        return normalized(c, x, axes, weight, bias, eps, shape)
    given = [None if t is None else g.reshape(t, shape) for t in (weight, bias)]
    mean, variance = g.reshape(running_mean, shape), g.reshape(running_var, shape)
    return g.normalization(x, mean, variance, *given, eps)


def group_norm(
    c: Call, x: Tensor, num_groups: int, weight: Any = None, bias: Any = None, eps: float = 1e-5
) -> Any:
    g = c.graph
    shape = shape_of(x)
    grouped = g.reshape(x, [shape[0], num_groups, math.prod(shape[1:]) // num_groups])
    result = g.reshape(normalized(c, grouped, [2], None, None, eps, []), shape)
    per_channel = [-1 if axis == 1 else 1 for axis in range(len(shape))]
    if weight is not None:
        result = result * g.reshape(weight, per_channel)
    return result if bias is None else result + g.reshape(bias, per_channel)


def instance_norm(
    c: Call,
    x: Tensor,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if not use_input_stats:
        return batch_norm(c, x, running_mean, running_var, weight, bias, False, momentum, eps)
    shape = [shape_of(x)[1] if axis == 1 else 1 for axis in range(rank_of(x))]
    return normalized(c, x, list(range(2, rank_of(x))), weight, bias, eps, shape)


def normalize(c: Call, x: Tensor, p: float = 2.0, dim: Any = 1, eps: float = 1e-12) -> Any:
    from cases.op_info.reductions import vector_norm

    size = vector_norm(c, x, p, dim, True)
    return x / c.graph.maximum(size, c.constant(eps, x))


# ---------------------------------------------------------------- losses of classes


def cross_entropy(
    c: Call,
    x: Tensor,
    target: Tensor,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Any:
    if label_smoothing:
        raise CannotExpress("label smoothing")
    dim = 1 if rank_of(x) > 1 else 0
    log = softmax(c, x, dim, log=True)
    if c.source(target).is_floating_point():
        if weight is not None:
            raise CannotExpress("weights of probabilities")
        terms = c.graph.reduction_sum(log * target, dim)
        loss = -c.graph.squeeze(terms, dim)
        if reduction != "mean" or rank_of(loss) == 0:
            return reduced(c, loss, reduction)
        return reduced(c, loss, "sum") / float(math.prod(shape_of(loss)))
    return nll_loss(c, log, target, weight, ignore_index, reduction)


def nll_loss(
    c: Call,
    x: Tensor,
    target: Tensor,
    weight: Any = None,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Any:
    g = c.graph
    dim = 1 if rank_of(x) > 1 else 0
    ignored = g.equal(target, c.constant(ignore_index, target))
    places = g.select(ignored, c.constant(0, target), target)
    picked = g.squeeze(g.gather_along_axis(x, g.expand_dims(places, dim), dim), dim)
    factor = g.cast(g.logical_not(ignored), x.data_type)
    if weight is not None:
        factor = factor * g.gather(weight, places, 0)
    loss = -picked * factor
    if reduction != "mean":
        return reduced(c, loss, reduction)
    return reduced(c, loss, "sum") / reduced(c, factor, "sum")


# ---------------------------------------------------------------- resizing and sampling


def interpolate(mode: str) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        size: Any = None,
        scale_factor: Any = None,
        mode_given: Any = None,
        align_corners: Any = None,
        recompute_scale_factor: Any = None,
        antialias: bool = False,
        **keywords: Any,
    ) -> Any:
        del mode_given
        if keywords.pop("mode", mode) is None:
            raise CannotExpress("no mode")
        g = c.graph
        if antialias:
            raise CannotExpress("antialiasing")
        own = shape_of(x)[2:]
        if scale_factor is not None:
            factors = (
                [scale_factor] if isinstance(scale_factor, (int, float)) else list(scale_factor)
            )
            factors = factors * len(own) if len(factors) == 1 else factors
            sizes = [math.floor(o * f) for o, f in zip(own, factors, strict=True)]
            exact = all(o * f == s for o, f, s in zip(own, factors, sizes, strict=True))
            if not exact and not recompute_scale_factor:
                raise CannotExpress("a scale that is not that of the sizes")
        else:
            sizes = per_axis(size, len(own))
        sizes = [*shape_of(x)[:2], *sizes]
        if mode == "nearest":
            return g.resize_nearest(x, sizes, ResizeNearestRoundingMode.FLOOR, center_result=False)
        if mode == "nearest-exact":
            return g.resize_nearest(x, sizes, ResizeNearestRoundingMode.ROUND_PREFER_CEIL)
        return g.resize_bilinear(x, sizes, align_corners=bool(align_corners))

    return build


GRID_PADDING = {"zeros": PaddingMode.ZERO, "border": PaddingMode.CLAMP_TO_EDGE}


def grid_sample(
    c: Call,
    x: Tensor,
    grid: Tensor,
    mode: str = "bilinear",
    padding_mode: str = "zeros",
    align_corners: Any = None,
) -> Any:
    if rank_of(x) != 4:
        raise CannotExpress("a grid in three dimensions")
    if mode == "bicubic":
        raise CannotExpress("bicubic sampling")
    align_corners = bool(align_corners)
    modes = dict(GRID_PADDING)
    modes["reflection"] = PaddingMode.REFLECT if align_corners else PaddingMode.SYMMETRIC
    rounding = ResizeNearestRoundingMode.ROUND_TO_EVEN if mode == "nearest" else None
    return c.graph.sample_grid(
        x,
        grid,
        TensorNamedDataLayout.NCHW,
        align_corners=align_corners,
        padding_mode=modes[padding_mode],
        sampling_mode=ResizeMode.NEAREST if mode == "nearest" else ResizeMode.BILINEAR,
        nearest_rounding_mode=rounding,
    )


def sampler_2d(
    c: Call, x: Tensor, grid: Tensor, interpolation: int, padding: int, align_corners: bool
) -> Any:
    modes, paddings = ("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection")
    return grid_sample(c, x, grid, modes[interpolation], paddings[padding], align_corners)


def cosine_similarity(c: Call, x: Tensor, y: Tensor, dim: int = 1, eps: float = 1e-8) -> Any:
    g = c.graph
    shape = list(np.broadcast_shapes(tuple(shape_of(x)), tuple(shape_of(y)))) or [1]
    x, y = g.broadcast(x, shape), g.broadcast(y, shape)
    product = g.reduction_sum(x * y, dim)
    sizes = [
        g.maximum(g.square_root(g.reduction_sum(g.square(t), dim)), c.constant(eps, x))
        for t in (x, y)
    ]
    return g.squeeze(product / (sizes[0] * sizes[1]), dim)


def pairwise_distance(
    c: Call, x: Tensor, y: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Any:
    from cases.op_info.reductions import vector_norm

    difference = c.floating(x - y)
    return vector_norm(c, difference + c.constant(eps, difference), p, -1, keepdim)


def triplet_margin(
    c: Call,
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    reduction: str = "mean",
) -> Any:
    g = c.graph
    anchor, positive, negative = c.promoted(anchor, positive, negative)
    near = pairwise_distance(c, anchor, positive, p, eps)
    far = pairwise_distance(c, anchor, negative, p, eps)
    if swap:
        far = g.minimum(far, pairwise_distance(c, positive, negative, p, eps))
    return reduced(c, g.maximum(near - far + c.constant(margin, near), 0.0), reduction)


SUMS = 64
MAPPINGS: Mappings = {
    **{f"nn.functional.conv{n}d": Mapping(convolution(n), 4, Bound.TERMS) for n in (1, 2, 3)},
    **{
        f"nn.functional.conv_transpose{n}d": Mapping(transposed_convolution(n), 4, Bound.TERMS)
        for n in (1, 2, 3)
    },
    **{f"nn.functional.max_pool{n}d": Mapping(pooling("max", n)) for n in (1, 2, 3)},
    **{
        f"nn.functional.avg_pool{n}d": Mapping(average_pooling(n), 4, Bound.TERMS)
        for n in (1, 2, 3)
    },
    **{
        f"nn.functional.adaptive_avg_pool{n}d": Mapping(adaptive_average(n), 4, Bound.TERMS)
        for n in (1, 2, 3)
    },
    "nn.functional.unfold": Mapping(unfold),
    "nn.functional.layer_norm": Mapping(layer_norm, SUMS, Bound.LARGEST),
    "nn.functional.rms_norm": Mapping(rms_norm, SUMS, Bound.LARGEST),
    "nn.functional.batch_norm": Mapping(batch_norm, SUMS, Bound.LARGEST),
    "nn.functional.batch_norm/without_cudnn": Mapping(batch_norm, SUMS, Bound.LARGEST),
    "nn.functional.group_norm": Mapping(group_norm, SUMS, Bound.LARGEST),
    "nn.functional.instance_norm": Mapping(instance_norm, SUMS, Bound.LARGEST),
    "nn.functional.normalize": Mapping(normalize, SUMS, Bound.LARGEST),
    "nn.functional.cross_entropy": Mapping(cross_entropy, SUMS, Bound.LARGEST),
    "nn.functional.nll_loss": Mapping(nll_loss, SUMS, Bound.LARGEST),
    "nn.functional.interpolate/nearest": Mapping(interpolate("nearest")),
    "nn.functional.interpolate/nearest-exact": Mapping(interpolate("nearest-exact")),
    "nn.functional.interpolate/linear": Mapping(interpolate("linear"), 64, Bound.LARGEST),
    "nn.functional.interpolate/bilinear": Mapping(interpolate("bilinear"), 64, Bound.LARGEST),
    "nn.functional.interpolate/trilinear": Mapping(interpolate("trilinear"), 64, Bound.LARGEST),
    "nn.functional.upsample_nearest": Mapping(interpolate("nearest")),
    "nn.functional.upsample_bilinear": Mapping(
        partial(interpolate("bilinear"), align_corners=True), 64, Bound.LARGEST
    ),
    "nn.functional.grid_sample": Mapping(grid_sample, SUMS, Bound.LARGEST),
    "grid_sampler_2d": Mapping(sampler_2d, SUMS, Bound.LARGEST),
    "nn.functional.cosine_similarity": Mapping(cosine_similarity, SUMS, Bound.LARGEST),
    "nn.functional.pairwise_distance": Mapping(pairwise_distance, 256, Bound.LARGEST),
    "nn.functional.triplet_margin_loss": Mapping(triplet_margin, 256, Bound.LARGEST),
}
