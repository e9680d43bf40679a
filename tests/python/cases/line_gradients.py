"""Gradients of rows that work along lines, on matrices and on blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import mpsg
from cases.gradient_case import GradientCase, apart, complexes, plain, real
from mpsg import (
    ImToColOpDescriptor,
    PaddingMode,
    PaddingStyle,
    ReductionMode,
    ResizeMode,
    StencilOpDescriptor,
    TensorNamedDataLayout,
)
from mpsg import ResizeNearestRoundingMode as Rounding

LINES = [((4,), 0), ((2, 3), 1), ((3, 2, 2), -3), ((2, 0), 1)]


def lines(row: str) -> Iterator[GradientCase]:
    if row.startswith("cumulative"):
        yield from scans(row)
    if row == "sort":
        for shape, axis in LINES:
            yield plain(row, apart(shape, row), axis=axis)
        yield plain(row, apart((2, 5), row), axis=-1, descending=True)
    if row in {"top_k", "bottom_k"}:
        for shape, axis in LINES[:3]:
            yield plain(row, apart(shape, row), k=2, axis=axis)
        yield plain(row, apart((2, 3), row), k=0)
    if row in {"top_k_gradient", "bottom_k_gradient"}:
        yield plain(row, real((2, 2)), apart((2, 5), row), k=2)
        yield plain(row, real((1, 3)), apart((4, 3), row), k=1, axis=0)
    if row == "band_part":
        for shape, lower, upper in [((3, 4), 1, 0), ((2, 4, 3), 0, -1), ((2, 2), -1, 1)]:
            yield plain(row, real(shape), num_lower=lower, num_upper=upper)
        yield plain(row, complexes((2, 2)), num_lower=0, num_upper=-1)
    if row == "inverse":
        for shape in [(1, 1), (3, 3), (2, 2, 2), (0, 2, 2), (0, 0)]:
            size = shape[-1]
            yield plain(row, real(shape, row, -0.3, 0.3) + 2 * np.eye(size)[::-1])
        yield plain(row, complexes((2, 2)) + 2 * np.eye(2, dtype=np.complex64))
    if row in {"space_to_depth_2d", "depth_to_space_2d", "space_to_batch", "batch_to_space"}:
        yield from blocks(row)
    if row.startswith("resize"):
        yield from resizes(row)
    if row == "sample_grid":
        for case in grids():
            case.same_bits = False  # gradients of a coordinate are added up in another order
            yield case
    if row in {"im_to_col", "col_to_im"}:
        yield from columns(row)
    if row == "stencil":
        yield from stencils()


def scans(row: str) -> Iterator[GradientCase]:
    array = real if row in {"cumulative_sum", "cumulative_product"} else apart
    for shape, axis in LINES:
        for exclusive in (False, True):
            for reverse in (False, True):
                # An exclusive extreme begins with infinity, which no sum can hold.
                if exclusive and array is apart:
                    yield beheaded(row, shape, axis, reverse)
                    continue
                yield plain(row, array(shape, row), axis=axis, exclusive=exclusive, reverse=reverse)
    if row in {"cumulative_sum", "cumulative_product"}:
        yield plain(row, complexes((2, 3), row), axis=1)
        yield plain(row, complexes((3,), row), axis=0, exclusive=True, reverse=True)


def beheaded(row: str, shape: tuple[int, ...], axis: int, reverse: bool) -> GradientCase:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        x = getattr(graph, row)(*tensors, axis, exclusive=True, reverse=reverse)
        length = max(shape[axis] - 1, 0)
        return graph.slice(x, dimension=axis, start=0 if reverse else 1, length=length)

    if shape[axis] == 0:
        return plain(row, apart(shape, row), axis=axis, exclusive=True, reverse=reverse)
    return GradientCase(f"exclusive, reverse={reverse}", call, [apart(shape, row)])


def blocks(row: str) -> Iterator[GradientCase]:
    depth = {"width_axis": 2, "height_axis": 1, "depth_axis": -1, "block_size": 2}
    batch = {"spatial_axes": (1, 2), "batch_axis": 0, "block_dimensions": (2, 3)}
    shape, attributes = {
        "space_to_depth_2d": ((1, 4, 2, 3), depth),
        "depth_to_space_2d": ((1, 2, 1, 8), depth),
        "space_to_batch": ((2, 4, 3), batch),
        "batch_to_space": ((12, 1, 2), batch),
    }[row]
    for order in (False, True):
        yield plain(row, real(shape), **attributes, use_pixel_shuffle_order=order)


NHWC, NCHW = TensorNamedDataLayout.NHWC, TensorNamedDataLayout.NCHW
RESIZES: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 2, 3, 1), (1, 4, 5, 1), (4, 5), {"layout": NHWC}),
    ((1, 2, 4, 3), (1, 2, 2, 5), (2, 5), {"layout": NCHW, "align_corners": True}),
    ((3, 2), (2, 4), (2, 4), {"center_result": False}),
    ((2, 2, 3), (3, 4, 2), (3, 4, 2), {}),
]


def resizes(row: str) -> Iterator[GradientCase]:
    modes: list[dict[str, Any]] = [{}]
    if row.startswith("resize_nearest"):
        modes = [{"nearest_rounding_mode": mode} for mode in (Rounding.FLOOR, Rounding.CEIL)]
    elif not row.startswith("resize_bilinear"):
        modes = [{"mode": mode} for mode in ResizeMode]
    gradient = row.endswith("gradient")
    for small, large, size, options in RESIZES:
        for mode in modes:
            if gradient:
                yield plain(row, real(large), real(small, 1), **mode, **options)
            else:
                yield plain(row, real(small), size=size, **mode, **options)
    scale, offset = np.array([1.5, 2], np.float32), np.array([0.25, -0.5], np.float32)

    def scaled(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        numbers = {"scale": graph.constant(scale), "offset": graph.constant(offset)}
        size = {} if gradient else {"size": (4, 5)}
        return getattr(graph, row)(*tensors, **size, **modes[0], **numbers)

    arrays = [real((4, 5)), real((3, 2), 1)] if gradient else [real((3, 2))]
    yield GradientCase("scaled", scaled, arrays)


def grids() -> Iterator[GradientCase]:
    paddings = [PaddingMode.ZERO, PaddingMode.CLAMP_TO_EDGE, PaddingMode.SYMMETRIC]
    # Between pixels, some of them outside: a quarter or three from a whole number.
    steps = np.array([-3, -1, 1, 3, 5, 7, 9, 11])
    places = steps[np.arange(12).reshape(1, 2, 3, 2) * 5 % 8] / 4
    for padding in [*paddings, PaddingMode.REFLECT, PaddingMode.CONSTANT]:
        options = {"normalize_coordinates": False, "padding_mode": padding, "constant_value": 2}
        yield plain("sample_grid", real((1, 3, 2, 2)), places, layout=NHWC, **options)
    yield plain("sample_grid", real((1, 2, 3, 4)), (places - 1) / 3 + 0.01, layout=NCHW)
    yield plain(
        *("sample_grid", real((1, 1, 3, 3)), places / 8 + 0.013),
        **{"layout": NCHW, "relative_coordinates": True, "align_corners": True},
    )
    yield plain(
        *("sample_grid", real((1, 3, 3, 1)), places),
        **{"layout": NHWC, "normalize_coordinates": False, "sampling_mode": ResizeMode.NEAREST},
    )


def columns(row: str) -> Iterator[GradientCase]:
    sizes = {"kernel_width": 2, "kernel_height": 3, "stride_in_x": 2, "padding_left": 1}
    for layout, image, matrix in [
        (NCHW, (1, 2, 4, 3), (1, 12, 4)),
        (NHWC, (2, 4, 3, 1), (2, 4, 6)),
    ]:
        descriptor = ImToColOpDescriptor(data_layout=layout, **sizes)
        if row == "im_to_col":
            yield plain(row, real(image), descriptor=descriptor)
        else:
            yield plain(row, real(matrix), output_shape=image, descriptor=descriptor)


def stencils() -> Iterator[GradientCase]:
    settings: list[dict[str, Any]] = [
        {},
        {"padding_style": PaddingStyle.TF_SAME, "boundary_mode": PaddingMode.CLAMP_TO_EDGE},
        {"strides": (1, 1, 2, 1), "dilation_rates": (1, 1, 1, 2)},
        {
            "explicit_padding": (0, 0, 0, 0, 1, 0, 0, 1),
            **{"boundary_mode": PaddingMode.CONSTANT, "padding_constant": 1.5},
        },
    ]
    for options in settings:
        descriptor = StencilOpDescriptor(**options)
        yield plain("stencil", real((1, 2, 3, 3)), real((1, 1, 2, 2), 1), descriptor=descriptor)
    for mode in (ReductionMode.MIN, ReductionMode.MAX, ReductionMode.PRODUCT):
        descriptor = StencilOpDescriptor(reduction_mode=mode)
        weights = apart((1, 2, 1, 2), 1) + 2
        yield plain("stencil", apart((2, 2, 2, 3)), weights, descriptor=descriptor)
