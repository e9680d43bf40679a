"""Depthwise convolutions: as grouped ones written down in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Cases
from cases.windows import HWIO, NCHW, NHWC, OIHW, to_layout
from mpsg import Convolution2DOpDescriptor, DepthwiseConvolution2DOpDescriptor, PaddingStyle
from support.numbers import random_generator, values, wide
from support.windows import Convolution

# source (N, C, H, W), weights (multiplier, C, kH, kW), options
DEPTHWISE: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    ((2, 3, 5, 7), (1, 3, 3, 3), {}),
    ((0, 3, 5, 7), (1, 3, 3, 3), {}),
    ((2, 0, 5, 7), (1, 0, 3, 3), {}),
    ((2, 3, 8, 7), (2, 3, 3, 2), {"stride_in_x": 2, "stride_in_y": 3}),
    ((1, 2, 6, 6), (3, 2, 3, 3), {"dilation_rate_in_x": 2}),
    (
        (2, 3, 5, 6),
        (2, 3, 3, 4),
        {"padding_left": 2, "padding_right": 1, "padding_bottom": 3},
    ),
    ((2, 17, 6, 7), (1, 17, 3, 4), {"padding_style": PaddingStyle.TF_SAME, "stride_in_x": 2}),
    ((2, 3, 6, 7), (1, 3, 3, 4), {"padding_style": PaddingStyle.ONNX_SAME_LOWER}),
]


def grouped(weights: np.ndarray) -> np.ndarray:
    multiplier, channels, *kernel = weights.shape
    return weights.transpose(1, 0, 2, 3).reshape(channels * multiplier, 1, *kernel)


def depthwise_cases(row: str, name: str) -> Iterator[Case]:
    for index, (source_shape, weights_shape, options) in enumerate(DEPTHWISE):
        for data, filters in [(NCHW, OIHW), (NHWC, HWIO), (NHWC, OIHW)]:
            descriptor = DepthwiseConvolution2DOpDescriptor(
                data_layout=data, weights_layout=filters, **options
            )
            yield depthwise_case(row, name, index, (source_shape, weights_shape), descriptor)


def depthwise_case(
    row: str,
    name: str,
    index: int,
    shapes: tuple[tuple[int, ...], tuple[int, ...]],
    descriptor: DepthwiseConvolution2DOpDescriptor,
) -> Case:
    multiplier, channels, *kernel = shapes[1]
    fields = {key: getattr(descriptor, key) for key in descriptor.__slots__}
    whole = Convolution2DOpDescriptor(groups=max(channels, 1), **fields)
    math = Convolution(shapes[0], (channels * multiplier, 1, *kernel), whole)
    rng = random_generator(row, name, index)
    arrays = {
        "source": values(name, shapes[0], rng),
        "weights": values(name, shapes[1], rng),
        "gradient": values(name, math.output, rng),
    }
    true = {key: wide(array) for key, array in arrays.items()}

    def result(o: dict[str, np.ndarray]) -> np.ndarray:
        if row.endswith("data_gradient"):
            return math.data_gradient(o["gradient"], grouped(o["weights"]))
        if row.endswith("weights_gradient"):
            if channels == 0:
                return np.zeros(shapes[1], o["source"].dtype)
            found = math.weights_gradient(o["gradient"], o["source"])
            return found.reshape(channels, multiplier, *kernel).transpose(1, 0, 2, 3)
        return math.forward(o["source"], grouped(o["weights"]))

    names = {"depthwise_convolution_2d": ("source", "weights", "gradient")}
    names["depthwise_convolution_2d_data_gradient"] = ("gradient", "weights", "source")
    names["depthwise_convolution_2d_weights_gradient"] = ("gradient", "source", "weights")
    *operands, of = names[row]
    layouts = {"source": descriptor.data_layout, "weights": descriptor.weights_layout}
    layouts["gradient"] = layouts["source"]
    attributes: dict[str, Any] = {"descriptor": descriptor}
    if of != "gradient":
        attributes["output_shape"] = to_layout(np.empty(arrays[of].shape), layouts[of]).shape
    count = np.prod(kernel) * multiplier
    if of == "weights":
        count = shapes[0][0] * np.prod(math.output[2:])
    return Case(
        row,
        [to_layout(arrays[key], layouts[key]) for key in operands],
        to_layout(result(true), layouts[of]),
        attributes,
        operations=float(count) + 1,
        scale=to_layout(result({key: np.abs(array) for key, array in true.items()}), layouts[of]),
        same_bits=False,
        signed_zeros=False,
    )


ROWS = ("", "_data_gradient", "_weights_gradient")
DEPTHWISE_CASES: Cases = {
    f"depthwise_convolution_2d{what}": partial(depthwise_cases, f"depthwise_convolution_2d{what}")
    for what in ROWS
}
