"""3D convolutions, with groups and depthwise: sums over one element of the window at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Cases
from mpsg import (
    Convolution3DOpDescriptor,
    DepthwiseConvolution3DOpDescriptor,
    PaddingStyle,
    TensorNamedDataLayout,
)
from support.numbers import random_generator, values, wide
from support.windows import Axis

NCDHW, NDHWC = TensorNamedDataLayout.NCDHW, TensorNamedDataLayout.NDHWC
OIDHW, DHWIO = TensorNamedDataLayout.OIDHW, TensorNamedDataLayout.DHWIO
# source (N, C, D, H, W), weights (O, C / groups, kD, kH, kW), options
CONVOLUTIONS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1, 1), (1, 1, 1, 1, 1), {}),
    ((2, 3, 4, 5, 3), (4, 3, 2, 3, 2), {}),
    ((0, 3, 4, 5, 3), (4, 3, 2, 3, 2), {}),
    ((1, 2, 6, 4, 5), (3, 2, 3, 2, 2), {"stride_in_z": 2, "stride_in_y": 3, "stride_in_x": 2}),
    ((1, 2, 6, 5, 5), (2, 2, 2, 2, 3), {"dilation_rate_in_z": 3, "dilation_rate_in_x": 2}),
    ((2, 4, 3, 4, 4), (6, 2, 2, 2, 2), {"groups": 2}),
    (
        (1, 2, 3, 4, 3),
        (2, 2, 3, 2, 2),
        {"padding_front": 2, "padding_back": 1, "padding_top": 1, "padding_right": 2},
    ),
    ((1, 2, 5, 4, 3), (2, 2, 3, 2, 2), {"padding_style": PaddingStyle.TF_SAME, "stride_in_z": 2}),
    ((1, 2, 4, 4, 3), (2, 2, 2, 2, 4), {"padding_style": PaddingStyle.ONNX_SAME_LOWER}),
]
# source (..., C, D, H, W), weights (C, kD, kH, kW), options
DEPTHWISE: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1), (1, 1, 1, 1), {}),
    ((2, 3, 4, 5, 3), (3, 2, 3, 2), {}),
    ((2, 0, 4, 5, 3), (0, 2, 3, 2), {}),
    ((2, 2, 3, 4, 4, 3), (3, 2, 1, 2), {"strides": (2, 1, 2), "dilation_rates": (1, 2, 1)}),
    ((2, 4, 4, 3), (2, 3, 2, 2), {"padding_values": (1, 0, 2, 1, 0, 1)}),
    ((1, 2, 5, 4, 3), (2, 3, 2, 2), {"padding_style": PaddingStyle.TF_SAME}),
]


def axis_of(
    size: int, kernel: int, stride: int, dilation: int, style: PaddingStyle, pads: tuple[int, int]
) -> Axis:
    before, after = pads if style == PaddingStyle.EXPLICIT else (0, 0)
    if style in {PaddingStyle.TF_SAME, PaddingStyle.ONNX_SAME_LOWER}:
        count = -(-size // stride)
        total = max((count - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        before = total // 2 if style == PaddingStyle.TF_SAME else total - total // 2
        after = total - before
    return Axis(size, kernel, stride, dilation, before, after)


class Volume:
    """(N, C, D, H, W), (O, C / groups, kD, kH, kW)."""

    def __init__(
        self, source: tuple[int, ...], weights: tuple[int, ...], groups: int, axes: list[Axis]
    ) -> None:
        self.source, self.weights, self.groups, self.axes = source, weights, groups, axes
        self.output = (source[0], weights[0], *(axis.output for axis in axes))

    def taps(self) -> Iterator[tuple[tuple[int, ...], tuple[slice, ...], tuple[slice, ...]]]:
        """An element of the window, the results that read it, and what these read."""
        for tap in itertools.product(*(range(axis.kernel) for axis in self.axes)):
            outputs, inputs = [], []
            for axis, k in zip(self.axes, tap, strict=True):
                inside = [o for o in range(axis.output) if 0 <= axis.place(o, k) < axis.size]
                if not inside:
                    break
                outputs.append(slice(inside[0], inside[-1] + 1))
                first = axis.place(inside[0], k)
                inputs.append(slice(first, axis.place(inside[-1], k) + 1, axis.stride))
            else:
                yield tap, tuple(outputs), tuple(inputs)

    def grouped(self) -> Iterator[tuple[slice, slice]]:
        o, c = self.weights[0] // self.groups, self.weights[1]
        for g in range(self.groups):
            yield slice(g * o, (g + 1) * o), slice(g * c, (g + 1) * c)

    def forward(self, source: np.ndarray, weights: np.ndarray) -> np.ndarray:
        result = np.zeros(self.output, source.dtype)
        for tap, outputs, inputs in self.taps():
            for o, c in self.grouped():
                result[:, o][(..., *outputs)] += np.einsum(
                    "ncdhw,oc->nodhw", source[:, c][(..., *inputs)], weights[(o, slice(None), *tap)]
                )
        return result

    def data_gradient(self, gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
        result = np.zeros(self.source, gradient.dtype)
        for tap, outputs, inputs in self.taps():
            for o, c in self.grouped():
                result[:, c][(..., *inputs)] += np.einsum(
                    "nodhw,oc->ncdhw",
                    gradient[:, o][(..., *outputs)],
                    weights[(o, slice(None), *tap)],
                )
        return result

    def weights_gradient(self, gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
        result = np.zeros(self.weights, gradient.dtype)
        for tap, outputs, inputs in self.taps():
            for o, c in self.grouped():
                result[(o, slice(None), *tap)] += np.einsum(
                    "nodhw,ncdhw->oc", gradient[:, o][(..., *outputs)], source[:, c][(..., *inputs)]
                )
        return result


def apply(row: str, math: Volume, o: dict[str, np.ndarray]) -> np.ndarray:
    if row.endswith("data_gradient"):
        return math.data_gradient(o["gradient"], o["weights"])
    if row.endswith("weights_gradient"):
        return math.weights_gradient(o["gradient"], o["source"])
    return math.forward(o["source"], o["weights"])


def names_of(row: str) -> tuple[str, str, str]:
    """The operands and the result."""
    if row.endswith("data_gradient"):
        return "gradient", "weights", "source"
    if row.endswith("weights_gradient"):
        return "gradient", "source", "weights"
    return "source", "weights", "gradient"


def to_layout(array: np.ndarray, layout: Any) -> np.ndarray:
    order = {NDHWC: (0, 2, 3, 4, 1), DHWIO: (2, 3, 4, 1, 0)}.get(layout, (0, 1, 2, 3, 4))
    return np.ascontiguousarray(array.transpose(order))


def sums(row: str, math: Volume) -> float:
    if row.endswith("weights_gradient"):
        return math.output[0] * float(np.prod(math.output[2:])) + 1
    return float(np.prod(math.weights[1:])) * (math.weights[0] if "data" in row else 1) + 1


def convolution_cases(row: str, name: str) -> Iterator[Case]:
    for index, (source, weights, options) in enumerate(CONVOLUTIONS):
        for data, filters in [(NCDHW, OIDHW), (NDHWC, DHWIO), (NDHWC, OIDHW)]:
            d = Convolution3DOpDescriptor(data_layout=data, weights_layout=filters, **options)
            sides = (("front", "back"), ("top", "bottom"), ("left", "right"))
            axes = [
                axis_of(
                    *(source[2 + k], weights[2 + k], getattr(d, f"stride_in_{letter}")),
                    getattr(d, f"dilation_rate_in_{letter}"),
                    d.padding_style,
                    (getattr(d, f"padding_{sides[k][0]}"), getattr(d, f"padding_{sides[k][1]}")),
                )
                for k, letter in enumerate("zyx")
            ]
            math = Volume(source, weights, d.groups, axes)
            rng = random_generator(row, name, index)
            shapes = {"source": source, "weights": weights, "gradient": math.output}
            arrays = {key: values(name, shape, rng) for key, shape in shapes.items()}
            true = {key: wide(array) for key, array in arrays.items()}
            layouts = {"source": data, "gradient": data, "weights": filters}
            *operands, of = names_of(row)
            attributes: dict[str, Any] = {"descriptor": d}
            if of != "gradient":
                shape = to_layout(np.empty(shapes[of]), layouts[of]).shape
                attributes = {"forward_convolution_descriptor": d, "output_shape": shape}
            magnitude = apply(row, math, {key: np.abs(array) for key, array in true.items()})
            yield Case(
                row,
                [to_layout(arrays[key], layouts[key]) for key in operands],
                to_layout(apply(row, math, true), layouts[of]),
                attributes,
                operations=sums(row, math),
                scale=to_layout(magnitude, layouts[of]),
                same_bits=False,
                signed_zeros=False,
            )


def depthwise_cases(row: str, name: str) -> Iterator[Case]:
    for index, (source, weights, options) in enumerate(DEPTHWISE):
        for channel in (-4, -1, -2, -3):
            d = DepthwiseConvolution3DOpDescriptor(channel_dimension_index=channel, **options)
            *batch, channels = source[:-3]
            flat = (int(np.prod(batch, dtype=int)), channels, *source[-3:])
            axes = [
                axis_of(
                    *(source[-3 + k], weights[1 + k], np.atleast_1d(d.strides)[k]),
                    np.atleast_1d(d.dilation_rates)[k],
                    d.padding_style,
                    tuple(np.atleast_1d(d.padding_values)[2 * k : 2 * k + 2]),  # type: ignore[arg-type]
                )
                for k in range(3)
            ]
            math = Volume(flat, (channels, 1, *weights[1:]), max(channels, 1), axes)
            rng = random_generator(row, name, index)
            shapes = {"source": flat, "weights": math.weights, "gradient": math.output}
            arrays = {key: values(name, shape, rng) for key, shape in shapes.items()}
            true = {key: wide(array) for key, array in arrays.items()}
            *operands, of = names_of(row)

            def laid_out(
                key: str, array: np.ndarray, batch: list[int] = batch, channel: int = channel
            ) -> np.ndarray:
                array = array[:, 0] if key == "weights" else array.reshape(*batch, *array.shape[1:])
                return np.ascontiguousarray(np.moveaxis(array, -4, channel))

            attributes: dict[str, Any] = {"descriptor": d}
            if of != "gradient":
                attributes["output_shape"] = laid_out(of, np.empty(shapes[of])).shape
            if channels == 0:
                wanted = magnitude = np.zeros(shapes[of], true["source"].dtype)
            else:
                wanted = apply(row, math, true)
                magnitude = apply(row, math, {key: np.abs(array) for key, array in true.items()})
            yield Case(
                row,
                [laid_out(key, arrays[key]) for key in operands],
                laid_out(of, wanted),
                attributes,
                operations=sums(row, math),
                scale=laid_out(of, magnitude),
                same_bits=False,
                signed_zeros=False,
            )


ROWS = ("", "_data_gradient", "_weights_gradient")
VOLUME_CASES: Cases = {
    **{
        f"convolution_3d{what}": partial(convolution_cases, f"convolution_3d{what}")
        for what in ROWS
    },
    **{
        f"depthwise_convolution_3d{what}": partial(
            depthwise_cases, f"depthwise_convolution_3d{what}"
        )
        for what in ROWS
    },
}
