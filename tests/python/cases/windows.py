"""Matrix products, convolutions and poolings: bounds are relative to sums of magnitudes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Cases
from mpsg import Convolution2DOpDescriptor as ConvolutionDescriptor
from mpsg import PaddingStyle, PoolingReturnIndicesMode, TensorNamedDataLayout
from mpsg import Pooling2DOpDescriptor as PoolingDescriptor
from support.numbers import FLOATS, INTEGERS, numpy_type, random_generator, values, wide
from support.windows import Convolution, Pooling

PRODUCTS = [
    ((1, 1), (1, 1)),
    ((2, 3), (3, 4)),
    ((1, 7), (7, 1)),
    ((7, 1), (1, 5)),
    ((3, 0), (0, 4)),
    ((0, 3), (3, 4)),
    ((2, 3, 4), (4, 5)),
    ((3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (5, 4, 2)),
    ((0, 3, 4), (4, 5)),
    ((2, 1, 1, 2, 3, 4), (3, 1, 1, 4, 5)),
    ((1,) * 14 + (2, 3), (3, 2)),
]
LARGE = [((65, 257), (257, 33)), ((3, 70, 64), (3, 64, 70)), ((1, 1000), (1000, 100))]


def product_cases(row: str, name: str) -> Iterator[Case]:
    for shapes in PRODUCTS + (LARGE if name in FLOATS else LARGE[:1]):
        rng = random_generator(row, name, shapes)
        a, b = (values(name, shape, rng, -9, 9) for shape in shapes)
        wanted = np.matmul(wide(a), wide(b))
        if name in INTEGERS:
            yield Case(row, [a, b], wanted)
        else:
            yield Case(
                row,
                [a, b],
                wanted,
                operations=(a.shape[-1] + 1) * (4 if name == "complex64" else 1),
                scale=np.matmul(np.abs(wide(a)), np.abs(wide(b))),
                same_bits=False,
                signed_zeros=False,
            )


NCHW, NHWC = TensorNamedDataLayout.NCHW, TensorNamedDataLayout.NHWC
OIHW, HWIO = TensorNamedDataLayout.OIHW, TensorNamedDataLayout.HWIO
# source (N, C, H, W), weights (O, C / groups, kH, kW), descriptor
CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    ((2, 3, 5, 7), (4, 3, 3, 3), {}),
    ((0, 3, 5, 7), (4, 3, 3, 3), {}),
    ((2, 3, 8, 7), (4, 3, 3, 2), {"stride_in_x": 2, "stride_in_y": 3}),
    ((1, 2, 6, 6), (3, 2, 3, 3), {"dilation_rate_in_x": 2, "dilation_rate_in_y": 1}),
    ((2, 6, 5, 5), (4, 3, 3, 3), {"groups": 2}),
    ((2, 4, 5, 5), (8, 1, 3, 3), {"groups": 4}),
    ((1, 16, 9, 9), (8, 16, 1, 1), {}),
    (
        (2, 3, 5, 6),
        (4, 3, 3, 4),
        {"padding_left": 2, "padding_right": 1, "padding_top": 0, "padding_bottom": 3},
    ),
    ((2, 3, 6, 7), (4, 3, 3, 4), {"padding_style": PaddingStyle.TF_SAME, "stride_in_x": 2}),
    ((2, 3, 6, 7), (4, 3, 3, 4), {"padding_style": PaddingStyle.ONNX_SAME_LOWER}),
    ((2, 3, 6, 7), (4, 3, 3, 4), {"padding_style": PaddingStyle.TF_VALID, "padding_left": 9}),
    ((3, 17, 14, 15), (19, 17, 5, 3), {"padding_left": 1, "padding_right": 1}),
]


def to_layout(array: np.ndarray, layout: TensorNamedDataLayout) -> np.ndarray:
    order = {NHWC: (0, 2, 3, 1), HWIO: (2, 3, 1, 0)}.get(layout, (0, 1, 2, 3))
    return np.ascontiguousarray(array.transpose(order))


def convolution_cases(row: str, name: str) -> Iterator[Case]:
    for index, (source_shape, weights_shape, options) in enumerate(CONVOLUTIONS):
        layouts = [(NCHW, OIHW), (NHWC, HWIO)] if index % 3 else [(NCHW, HWIO), (NHWC, OIHW)]
        for data_layout, weights_layout in layouts:
            descriptor = ConvolutionDescriptor(
                data_layout=data_layout, weights_layout=weights_layout, **options
            )
            shapes = (source_shape, weights_shape)
            yield convolution_case(
                row, name, shapes, descriptor, random_generator(row, name, index)
            )


def convolution_case(
    row: str,
    name: str,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    descriptor: ConvolutionDescriptor,
    rng: np.random.Generator,
) -> Case:
    math = Convolution(*shapes, descriptor)
    shaped = {"source": shapes[0], "weights": shapes[1], "gradient": math.output}
    per_source = np.prod(shapes[1]) / shapes[1][1] / descriptor.groups
    per_weight = shapes[0][0] * np.prod(math.output[2:])
    # Operands and result as a convolution calls them; a transposed one has it the other way round.
    a_name, b_name, result, method, count = {
        "convolution_2d": ("source", "weights", "gradient", math.forward, np.prod(shapes[1][1:])),
        "convolution_2d_data_gradient": (
            *("gradient", "weights", "source"),
            *(math.data_gradient, per_source),
        ),
        "convolution_2d_weights_gradient": (
            *("gradient", "source", "weights"),
            *(math.weights_gradient, per_weight),
        ),
        "convolution_transpose_2d": (
            *("gradient", "weights", "source"),
            *(math.data_gradient, per_source),
        ),
        "convolution_transpose_2d_data_gradient": (
            *("source", "weights", "gradient"),
            *(math.forward, np.prod(shapes[1][1:])),
        ),
        "convolution_transpose_2d_weights_gradient": (
            *("source", "gradient", "weights"),
            *((lambda x, y: math.weights_gradient(y, x)), per_weight),
        ),
    }[row]
    a, b = values(name, shaped[a_name], rng), values(name, shaped[b_name], rng)
    layouts = {"source": descriptor.data_layout, "weights": descriptor.weights_layout}
    layouts["gradient"] = layouts["source"]
    attributes: dict[str, Any] = {"descriptor": descriptor}
    if row.endswith("gradient"):
        attributes = {"forward_convolution_descriptor": descriptor}
    if row != "convolution_2d":
        attributes["output_shape"] = to_layout(np.empty(shaped[result]), layouts[result]).shape
    return Case(
        row,
        [to_layout(a, layouts[a_name]), to_layout(b, layouts[b_name])],
        to_layout(method(wide(a), wide(b)), layouts[result]),
        attributes,
        operations=float(count) + 1,
        scale=to_layout(method(np.abs(wide(a)), np.abs(wide(b))), layouts[result]),
        same_bits=False,
        signed_zeros=False,
    )


POOLINGS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1), {"kernel_width": 1, "kernel_height": 1}),
    ((2, 3, 6, 7), {"kernel_width": 2, "kernel_height": 3}),
    ((0, 3, 6, 7), {"kernel_width": 2, "kernel_height": 3}),
    ((2, 3, 6, 7), {"kernel_width": 2, "kernel_height": 2, "stride_in_x": 2, "stride_in_y": 2}),
    (
        (2, 3, 6, 7),
        {
            "kernel_width": 3,
            "kernel_height": 3,
            "stride_in_x": 2,
            "stride_in_y": 3,
            "padding_left": 1,
            "padding_right": 1,
            "padding_top": 1,
        },
    ),
    ((1, 2, 7, 7), {"kernel_width": 3, "kernel_height": 2, "dilation_rate_in_x": 2}),
    (
        (1, 2, 6, 8),
        {
            "kernel_width": 3,
            "kernel_height": 3,
            "stride_in_x": 2,
            "stride_in_y": 2,
            "padding_left": 1,
            "ceil_mode": True,
        },
    ),
    (
        (2, 2, 6, 7),
        {
            "kernel_width": 3,
            "kernel_height": 2,
            "stride_in_x": 2,
            "padding_style": PaddingStyle.TF_SAME,
        },
    ),
    (
        (2, 2, 6, 7),
        {"kernel_width": 4, "kernel_height": 2, "padding_style": PaddingStyle.ONNX_SAME_LOWER},
    ),
    ((2, 17, 14, 14), {"kernel_width": 2, "kernel_height": 2, "stride_in_x": 2, "stride_in_y": 2}),
]


def pooling_cases(row: str, name: str) -> Iterator[Case]:
    average = row.startswith("avg")
    for index, (shape, options) in enumerate(POOLINGS):
        for layout in (NCHW, NHWC):
            for padded in (False, True) if average else (False,):
                descriptor = PoolingDescriptor(
                    data_layout=layout, include_zero_pad_to_average=padded, **options
                )
                rng = random_generator(row, name, index)
                make = average_case if average else maximum_case
                yield make(row, name, shape, descriptor, rng)


def least_of(name: str) -> Any:
    return np.iinfo(name).min if name in INTEGERS else -np.inf


def maximum_case(
    row: str,
    name: str,
    shape: tuple[int, ...],
    descriptor: PoolingDescriptor,
    rng: np.random.Generator,
) -> Case:
    math = Pooling(shape, descriptor)
    layout = descriptor.data_layout
    source = values(name, shape, rng, -99, 99)
    best, image, _ = math.maximum(wide(source), least_of(name))
    if row == "max_pooling_2d":
        wanted = to_layout(best, layout)
        return Case(row, [to_layout(source, layout)], wanted, {"descriptor": descriptor})
    # Whole numbers: sums of a few are exact in every type.
    whole = rng.integers(0, 4, math.output).astype(numpy_type(name))
    return Case(
        row,
        [to_layout(whole, layout), to_layout(source, layout)],
        to_layout(math.scatter(wide(whole), image), layout),
        {"descriptor": descriptor},
        signed_zeros=False,
    )


def average_case(
    row: str,
    name: str,
    shape: tuple[int, ...],
    descriptor: PoolingDescriptor,
    rng: np.random.Generator,
) -> Case:
    math = Pooling(shape, descriptor)
    layout = descriptor.data_layout
    source = values(name, shape, rng)
    arrays, method = [source], math.mean
    if row == "avg_pooling_2d_gradient":
        arrays, method = [values(name, math.output, rng), source], math.mean_gradient
    return Case(
        row,
        [to_layout(array, layout) for array in arrays],
        to_layout(method(wide(arrays[0])), layout),
        {"descriptor": descriptor},
        operations=descriptor.kernel_width * descriptor.kernel_height + 2,
        scale=to_layout(method(np.abs(wide(arrays[0]))), layout),
        same_bits=False,
        signed_zeros=False,
    )


def index_cases(row: str, name: str) -> Iterator[Case]:
    """Every way to count, and back through the gradient."""
    modes = [mode for mode in PoolingReturnIndicesMode if mode.name != "NONE"]
    for shape, options in POOLINGS[:6]:
        for layout in (NCHW, NHWC):
            for mode in modes:
                descriptor = PoolingDescriptor(
                    data_layout=layout, return_indices_mode=mode, **options
                )
                source = values(name, shape, random_generator(row, name, shape), -99, 99)
                math = Pooling(shape, descriptor)
                best, image, window = math.maximum(wide(source), least_of(name))
                local = "LOCAL" in mode.name
                places = flat_places(math, window if local else image, mode, layout, local)
                yield Case(
                    row,
                    [to_layout(source, layout)],
                    [to_layout(best, layout), places],
                    {"descriptor": descriptor},
                )


def flat_places(
    math: Pooling, found: np.ndarray, mode: Any, layout: Any, local: bool
) -> np.ndarray:
    """Coordinates (n, c, h, w) of the maxima, in the order of the layout, counted over the last
    dimensions.
    """
    n, c, _, _ = np.indices(found.shape)
    width = math.wide.kernel if local else math.source[3]
    h, w = found // width, found % width
    sizes = (1, 1, math.high.kernel, math.wide.kernel) if local else math.source
    places = {"n": 0 * n if local else n, "c": 0 * c if local else c, "h": h, "w": w}
    extent = dict(zip("nchw", sizes, strict=True))
    order = "nchw" if layout == NCHW else "nhwc"
    total = np.zeros_like(found)
    for letter in order[-int(mode.name[-2]) :]:
        total = total * extent[letter] + places[letter]
    return to_layout(np.where(found < 0, -1, total).astype(np.int32), layout)


CONVOLUTION = [
    f"convolution{kind}_2d{what}"
    for kind in ("", "_transpose")
    for what in ("", "_data_gradient", "_weights_gradient")
]
POOLING = ["max_pooling_2d", "max_pooling_2d_gradient", "avg_pooling_2d", "avg_pooling_2d_gradient"]
WINDOW_CASES: Cases = {
    "matrix_multiplication": partial(product_cases, "matrix_multiplication"),
    **{row: partial(convolution_cases, row) for row in CONVOLUTION},
    **{row: partial(pooling_cases, row) for row in POOLING},
    "max_pooling_2d_return_indices": partial(index_cases, "max_pooling_2d_return_indices"),
}
