"""Convolution and pooling written down in NumPy: an element of the window at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from mpsg import PaddingStyle


@dataclass
class Axis:
    """One axis of a window that walks over an image."""

    size: int
    kernel: int
    stride: int
    dilation: int
    before: int
    after: int
    ceil: bool = False

    @property
    def span(self) -> int:
        return (self.kernel - 1) * self.dilation + 1

    @property
    def output(self) -> int:
        if self.size == 0 and self.before + self.after == 0:
            return 0
        free = self.size + self.before + self.after - self.span
        count = free // self.stride + 1
        # PyTorch: the last window begins inside the image or the padding before it.
        if self.ceil and free % self.stride and count * self.stride < self.size + self.before:
            count += 1
        return count

    def place(self, at: int, element: int) -> int:
        return at * self.stride - self.before + element * self.dilation


def axis_of(size: int, kernel: int, descriptor: Any, horizontal: bool) -> Axis:
    letter, sides = ("x", ("left", "right")) if horizontal else ("y", ("top", "bottom"))
    stride = getattr(descriptor, f"stride_in_{letter}")
    dilation = getattr(descriptor, f"dilation_rate_in_{letter}")
    before = after = 0
    if descriptor.padding_style == PaddingStyle.EXPLICIT:
        before, after = (getattr(descriptor, f"padding_{side}") for side in sides)
    elif descriptor.padding_style != PaddingStyle.TF_VALID:
        count = -(-size // stride)
        total = max((count - 1) * stride + (kernel - 1) * dilation + 1 - size, 0)
        before = total // 2
        if descriptor.padding_style == PaddingStyle.ONNX_SAME_LOWER:
            before = total - before
        after = total - before
    return Axis(
        size, kernel, stride, dilation, before, after, getattr(descriptor, "ceil_mode", False)
    )


def taps(high: Axis, wide: Axis) -> Iterator[tuple[int, int, Any, Any]]:
    """For each element of the window: the outputs and the inputs that it connects."""
    for i in range(high.kernel):
        for j in range(wide.kernel):
            rows = [(o, high.place(o, i)) for o in range(high.output)]
            columns = [(o, wide.place(o, j)) for o in range(wide.output)]
            rows = [pair for pair in rows if 0 <= pair[1] < high.size]
            columns = [pair for pair in columns if 0 <= pair[1] < wide.size]
            if rows and columns:
                out_rows, in_rows = np.array(rows).T
                out_columns, in_columns = np.array(columns).T
                yield i, j, np.ix_(out_rows, out_columns), np.ix_(in_rows, in_columns)


class Convolution:
    """(N, C, H, W) with (O, C / groups, kH, kW)."""

    def __init__(self, source: tuple[int, ...], weights: tuple[int, ...], descriptor: Any) -> None:
        self.source, self.weights, self.groups = source, weights, descriptor.groups
        self.high = axis_of(source[2], weights[2], descriptor, False)
        self.wide = axis_of(source[3], weights[3], descriptor, True)
        self.output = (source[0], weights[0], self.high.output, self.wide.output)

    def grouped(self) -> Iterator[tuple[slice, slice]]:
        outputs, inputs = self.weights[0] // self.groups, self.weights[1]
        for g in range(self.groups):
            yield slice(g * outputs, (g + 1) * outputs), slice(g * inputs, (g + 1) * inputs)

    def forward(self, source: np.ndarray, weights: np.ndarray) -> np.ndarray:
        result = np.zeros(self.output, source.dtype)
        for i, j, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            for outputs, inputs in self.grouped():
                patch = source[:, inputs][:, :, in_r, in_c]
                result[:, outputs][:, :, out_r, out_c] += np.einsum(
                    "nchw,oc->nohw", patch, weights[outputs, :, i, j]
                )
        return result

    def data_gradient(self, gradient: np.ndarray, weights: np.ndarray) -> np.ndarray:
        result = np.zeros(self.source, gradient.dtype)
        for i, j, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            for outputs, inputs in self.grouped():
                patch = gradient[:, outputs][:, :, out_r, out_c]
                result[:, inputs][:, :, in_r, in_c] += np.einsum(
                    "nohw,oc->nchw", patch, weights[outputs, :, i, j]
                )
        return result

    def weights_gradient(self, gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
        result = np.zeros(self.weights, gradient.dtype)
        for i, j, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            for outputs, inputs in self.grouped():
                result[outputs, :, i, j] += np.einsum(
                    "nohw,nchw->oc",
                    gradient[:, outputs][:, :, out_r, out_c],
                    source[:, inputs][:, :, in_r, in_c],
                )
        return result


class Pooling:
    """(N, C, H, W)."""

    def __init__(self, source: tuple[int, ...], descriptor: Any) -> None:
        self.source, self.descriptor = source, descriptor
        self.high = axis_of(source[2], descriptor.kernel_height, descriptor, False)
        self.wide = axis_of(source[3], descriptor.kernel_width, descriptor, True)
        self.output = (*source[:2], self.high.output, self.wide.output)

    def maximum(self, source: np.ndarray, least: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The maxima, where they are in the image (h * W + w) and in the window; -1: nowhere."""
        best = np.full(self.output, least, source.dtype)
        image = np.full(self.output, -1)
        window = np.full(self.output, -1)
        for i, j, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            here = source[:, :, in_r, in_c]
            now = best[:, :, out_r, out_c]
            better = (
                (here > now) | ((here != here) & (now == now)) | (image[:, :, out_r, out_c] < 0)
            )
            place = np.broadcast_to(in_r * self.source[3] + in_c, here.shape)
            best[:, :, out_r, out_c] = np.where(better, here, now)
            image[:, :, out_r, out_c] = np.where(better, place, image[:, :, out_r, out_c])
            window[:, :, out_r, out_c] = np.where(
                better, i * self.wide.kernel + j, window[:, :, out_r, out_c]
            )
        return best, image, window

    def scatter(self, gradient: np.ndarray, image: np.ndarray) -> np.ndarray:
        pixels = self.source[2] * self.source[3]
        result = np.zeros((*self.source[:2], pixels), gradient.dtype)
        for n, c, h, w in np.ndindex(*gradient.shape):
            if image[n, c, h, w] >= 0:
                result[n, c, image[n, c, h, w]] += gradient[n, c, h, w]
        return result.reshape(self.source)

    def counts(self) -> np.ndarray:
        """How many elements each mean is of, (H, W)."""
        padded = self.descriptor.include_zero_pad_to_average

        def along(axis: Axis) -> np.ndarray:
            low, high = (-axis.before, axis.size + axis.after) if padded else (0, axis.size)
            places = [[axis.place(o, k) for k in range(axis.kernel)] for o in range(axis.output)]
            inside = [sum(low <= p < high for p in window) for window in places]
            return np.array(inside, np.float64)

        return np.outer(along(self.high), along(self.wide))

    def mean(self, source: np.ndarray) -> np.ndarray:
        total = np.zeros(self.output, source.dtype)
        for _, _, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            total[:, :, out_r, out_c] += source[:, :, in_r, in_c]
        return total / np.maximum(self.counts(), 1).astype(source.dtype)

    def mean_gradient(self, gradient: np.ndarray) -> np.ndarray:
        result = np.zeros(self.source, gradient.dtype)
        share = gradient / np.maximum(self.counts(), 1).astype(gradient.dtype)
        for _, _, (out_r, out_c), (in_r, in_c) in taps(self.high, self.wide):
            result[:, :, in_r, in_c] += share[:, :, out_r, out_c]
        return result
