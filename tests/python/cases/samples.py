"""Sampled grids, windows as columns, and stencils, against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from itertools import product
from typing import Any

import numpy as np
from scipy import ndimage

from cases.case import Case, Cases
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
from support.numbers import COMPUTE, INTEGERS, random_generator, values, wide

NHWC, NCHW = TensorNamedDataLayout.NHWC, TensorNamedDataLayout.NCHW

# ---------------------------------------------------------------- grids

OUTSIDE: dict[PaddingMode, str] = {
    PaddingMode.CONSTANT: "grid-constant",
    PaddingMode.ZERO: "grid-constant",
    PaddingMode.CLAMP_TO_EDGE: "nearest",
    PaddingMode.REFLECT: "mirror",
    PaddingMode.SYMMETRIC: "reflect",
    PaddingMode.PERIODIC: "grid-wrap",
}
# image [N, H, W, C], rows and columns of the result
GRIDS = [
    ((1, 3, 4, 2), (5, 6)),
    ((2, 5, 3, 1), (2, 3)),
    ((1, 1, 1, 1), (2, 2)),
    ((0, 2, 2, 1), (1, 1)),
]


def grid_cases(row: str, name: str) -> Iterator[Case]:
    """Coordinates are a little away from eighths, so that no place is halfway to another."""
    number = 0
    for (image, size), padding in product(GRIDS, OUTSIDE):
        for normalize, relative, corners in product((False, True), repeat=3):
            number += 1
            # All of them for one type; a few for each of the others.
            if number % 13 != len(name) % 13 and (name != "float64" or number % 3):
                continue
            if name in INTEGERS:
                modes: list[dict[str, Any]] = [{"sampling_mode": ResizeMode.NEAREST}]
            else:
                modes = [{}, {"nearest_rounding_mode": Rounding(number % 6)}][number % 2 :][:1]
            options = {
                "layout": NHWC if number % 3 else NCHW,
                "normalize_coordinates": normalize,
                "relative_coordinates": relative,
                "align_corners": corners,
                "padding_mode": padding,
                "constant_value": 3 if padding == PaddingMode.CONSTANT else 0,
                **modes[0],
            }
            yield grid_case(row, name, image, size, options)


def grid_case(
    row: str, name: str, image: tuple[int, ...], size: tuple[int, int], options: dict[str, Any]
) -> Case:
    rng = random_generator(row, name, image, size, str(options))
    normalize = options["normalize_coordinates"]
    most = 2 if normalize else 8
    grid = rng.integers(-8 * most, 8 * most, (image[0], *size, 2)) / 8 + 1 / 64
    source = values(name, image, rng, -9, 9)
    coordinates = grid.astype(np.float32 if name in INTEGERS else source.dtype)
    at = [pixel_positions(wide(coordinates).astype(float), a, image, options) for a in (1, 0)]
    wanted, scale = (sample(array, at, options) for array in (wide(source), np.abs(wide(source))))
    is_linear = options.get("sampling_mode") is None and "nearest_rounding_mode" not in options
    if options["layout"] == NCHW:
        source, wanted, scale = (a.transpose(0, 3, 1, 2) for a in (source, wanted, scale))
    # A coordinate's rounding moves the place; a step of a pixel is at most 18 high.
    kind = COMPUTE.get(coordinates.dtype.name, coordinates.dtype.name)
    return Case(
        row,
        [np.ascontiguousarray(source), coordinates],
        wanted,
        options,
        operations=1 if is_linear else 0,
        scale=np.full(wanted.shape, 64 * 18.0 * 16) if is_linear else scale,
        compute=kind,
        signed_zeros=False,
    )


def pixel_positions(
    grid: np.ndarray, axis: int, image: tuple[int, ...], options: dict[str, Any]
) -> np.ndarray:
    """Along y (axis 0 of the pixels) or x."""
    size, count = image[1 + axis], grid.shape[1 + axis]
    given = grid[..., 1 - axis]
    corners = options["align_corners"]
    index = np.arange(count).reshape((-1, 1) if axis == 0 else (1, -1))
    if options["normalize_coordinates"]:
        if options["relative_coordinates"]:
            base = index * 2 / max(count - 1, 1) - 1 if corners else (2 * index + 1) / count - 1
            given = given + base
        given = (given + 1) / 2 * (size - 1) if corners else ((given + 1) * size - 1) / 2
    elif options["relative_coordinates"]:
        base = (
            index * (size - 1) / max(count - 1, 1)
            if corners
            else (index + 0.5) * size / count - 0.5
        )
        given = given + base
    return np.asarray(given)


ROUND: dict[Rounding, Any] = {
    Rounding.ROUND_PREFER_CEIL: lambda x: np.floor(x + 0.5),
    Rounding.ROUND_PREFER_FLOOR: lambda x: np.ceil(x - 0.5),
    Rounding.CEIL: np.ceil,
    Rounding.FLOOR: np.floor,
    Rounding.ROUND_TO_EVEN: np.rint,
    Rounding.ROUND_TO_ODD: lambda x: np.rint(x - 1) + 1,
}


def sample(images: np.ndarray, at: list[np.ndarray], options: dict[str, Any]) -> np.ndarray:
    """`at`: x, then y."""
    order = 1
    if options.get("sampling_mode") == ResizeMode.NEAREST:
        options = {**options, "nearest_rounding_mode": Rounding.ROUND_PREFER_CEIL}
    if "nearest_rounding_mode" in options:
        order, at = 0, [ROUND[options["nearest_rounding_mode"]](a) for a in at]
    result = np.zeros((*at[0].shape, images.shape[3]))
    for n, channel in np.ndindex(images.shape[0], images.shape[3]):
        result[n, :, :, channel] = ndimage.map_coordinates(
            images[n, :, :, channel].astype(np.float64),
            [at[1][n], at[0][n]],
            order=order,
            mode=OUTSIDE[options["padding_mode"]],
            cval=options["constant_value"],
        )
    return result


# ---------------------------------------------------------------- columns

COLUMNS: list[tuple[tuple[int, ...], dict[str, int]]] = [
    ((1, 1, 1, 1), {"kernel_width": 1, "kernel_height": 1}),
    ((2, 3, 4, 5), {"kernel_width": 3, "kernel_height": 2}),
    (
        (2, 2, 7, 6),
        {"kernel_width": 2, "kernel_height": 3, "stride_in_x": 2, "stride_in_y": 3},
    ),
    (
        (1, 2, 5, 6),
        {"kernel_width": 2, "kernel_height": 2, "dilation_rate_in_x": 3, "dilation_rate_in_y": 2},
    ),
    (
        (1, 3, 3, 4),
        {
            **{"kernel_width": 3, "kernel_height": 3, "stride_in_x": 2},
            **{"padding_left": 1, "padding_right": 2, "padding_bottom": 1},
        },
    ),
    ((0, 2, 3, 3), {"kernel_width": 2, "kernel_height": 2}),
    ((4, 8, 14, 14), {"kernel_width": 3, "kernel_height": 3, "padding_top": 1}),
]


def columns(image: np.ndarray, options: dict[str, int], last: bool) -> np.ndarray:
    """Of an NCHW image; the layout of the result follows `last`."""
    get = options.get
    pads = [(0, 0), (0, 0)]
    pads += [(get("padding_top", 0), get("padding_bottom", 0))]
    pads += [(get("padding_left", 0), get("padding_right", 0))]
    padded = np.pad(image, pads)
    kernel = options["kernel_height"], options["kernel_width"]
    dilation = get("dilation_rate_in_y", 1), get("dilation_rate_in_x", 1)
    extent = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilation, strict=True))
    windows = np.lib.stride_tricks.sliding_window_view(padded, extent, (2, 3))
    windows = windows[:, :, :: get("stride_in_y", 1), :: get("stride_in_x", 1)]
    windows = windows[..., :: dilation[0], :: dilation[1]]
    n, c, y, x = windows.shape[:4]
    if last:
        return windows.transpose(0, 2, 3, 4, 5, 1).reshape(n, y * x, c * kernel[0] * kernel[1])
    return windows.transpose(0, 1, 4, 5, 2, 3).reshape(n, c * kernel[0] * kernel[1], y * x)


def to_layout(image: np.ndarray, last: bool) -> np.ndarray:
    return np.ascontiguousarray(image.transpose(0, 2, 3, 1) if last else image)


def im_to_col_cases(row: str, name: str) -> Iterator[Case]:
    for shape, options in COLUMNS:
        image = values(name, shape, random_generator(row, name, shape), -99, 99)
        for last in (False, True):
            descriptor = ImToColOpDescriptor(data_layout=NHWC if last else NCHW, **options)
            wanted = columns(image, options, last)
            yield Case(row, [to_layout(image, last)], wanted, {"descriptor": descriptor})


def col_to_im_cases(row: str, name: str) -> Iterator[Case]:
    """Small whole numbers, whose sums are exact; places are those that numbered images have."""
    for shape, options in COLUMNS:
        places = columns(np.arange(1, np.prod(shape) + 1).reshape(shape), options, False)
        rng = random_generator(row, name, shape)
        source = rng.integers(0, 4, places.shape).astype(values(name, (), rng).dtype)
        exact = source.astype(np.complex128 if name == "complex64" else np.int64)
        sums = np.zeros(int(np.prod(shape)) + 1, exact.dtype)
        np.add.at(sums, places.reshape(-1), exact.reshape(-1))
        wanted = sums[1:].reshape(shape)
        for last in (False, True):
            descriptor = ImToColOpDescriptor(data_layout=NHWC if last else NCHW, **options)
            kernel = options["kernel_height"] * options["kernel_width"]
            given = source
            if last:
                split = source.reshape(shape[0], shape[1], kernel, source.shape[2])
                given = split.transpose(0, 3, 2, 1).reshape(source.shape[0], *source.shape[:0:-1])
            image = to_layout(wanted, last)
            attributes = {"output_shape": image.shape, "descriptor": descriptor}
            yield Case(row, [np.ascontiguousarray(given)], image.astype(source.dtype), attributes)


# ---------------------------------------------------------------- stencils

PADS: dict[PaddingMode, dict[str, Any]] = {
    PaddingMode.ZERO: {"mode": "constant"},
    PaddingMode.CONSTANT: {"mode": "constant", "constant_values": 2},
    PaddingMode.REFLECT: {"mode": "reflect"},
    PaddingMode.SYMMETRIC: {"mode": "symmetric"},
    PaddingMode.CLAMP_TO_EDGE: {"mode": "edge"},
    PaddingMode.PERIODIC: {"mode": "wrap"},
}
# source, weights, options, what is added before and after each axis
Sides = list[tuple[int, int]]
STENCILS: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], Sides]] = [
    ((1, 1, 1, 1), (1, 1, 1, 1), {}, [(0, 0)] * 4),
    ((2, 1, 3, 4, 5), (1, 2, 3, 2), {}, [(0, 0)] * 4),
    (
        (2, 3, 6, 7),
        (1, 2, 3, 3),
        {
            "strides": (1, 1, 2, 3),
            "dilation_rates": (1, 2, 1, 2),
            "explicit_padding": (0, 0, 0, 0, 1, 2, 0, 0),
        },
        [(0, 0), (0, 0), (1, 2), (0, 0)],
    ),
    (
        (1, 2, 5, 4),
        (1, 1, 3, 2),
        {"padding_style": PaddingStyle.TF_SAME},
        [(0, 0), (0, 0), (1, 1), (0, 1)],
    ),
    (
        (1, 2, 5, 4),
        (1, 1, 3, 2),
        {"padding_style": PaddingStyle.ONNX_SAME_LOWER, "strides": (1, 1, 2, 1)},
        [(0, 0), (0, 0), (1, 1), (1, 0)],
    ),
    (
        (2, 2, 4, 5),
        (1, 2, 2, 2),
        {"padding_style": PaddingStyle.TF_VALID, "explicit_padding": (9,) * 8},
        [(0, 0)] * 4,
    ),
    (
        (2, 2, 5, 5),
        (1, 1, 2, 3),
        {"padding_style": PaddingStyle.EXPLICIT_OFFSET, "offsets": (0, 0, 2, -1)},
        [(0, 0), (0, 0), (-2, 2), (1, -1)],
    ),
    ((0, 1, 2, 3, 3), (1, 1, 2, 2), {}, [(0, 0)] * 4),
]
REDUCE: dict[ReductionMode, Any] = {
    ReductionMode.MIN: np.min,
    ReductionMode.MAX: np.max,
    ReductionMode.SUM: np.sum,
    ReductionMode.PRODUCT: np.prod,
    ReductionMode.ARGUMENT_MIN: np.argmin,
    ReductionMode.ARGUMENT_MAX: np.argmax,
}


def stencil_cases(row: str, name: str) -> Iterator[Case]:
    """Whole numbers, whose products are exact in every type; unsigned ones too."""
    number = 0
    for (shape, kernel, options, sides), mode in product(STENCILS, ReductionMode):
        number += 1
        if name not in ("float32", "int32") and number % 4 != len(name) % 4:
            continue
        boundary = list(PADS)[number % len(PADS)]
        if min(shape) < 2 and boundary not in (PaddingMode.ZERO, PaddingMode.CONSTANT):
            boundary = PaddingMode.ZERO
        rng = random_generator(row, name, number)
        dtype = values(name, (), rng).dtype
        low = 0 if name.startswith("u") else -2
        source, weights = (rng.integers(low, 3, s).astype(dtype) for s in (shape, kernel))
        if mode == ReductionMode.PRODUCT:  # -1, 0, 1 and never large
            source, weights = np.sign(source), np.sign(weights)
        descriptor = StencilOpDescriptor(
            reduction_mode=mode, boundary_mode=boundary, padding_constant=2, **options
        )
        wanted = stencil_of(source, weights, mode, boundary, options, sides)
        is_place = mode in (ReductionMode.ARGUMENT_MIN, ReductionMode.ARGUMENT_MAX)
        yield Case(
            row,
            [source, weights],
            wanted if is_place else wanted.astype(dtype),
            {"descriptor": descriptor},
            signed_zeros=False,
            same_bits=mode not in (ReductionMode.MIN, ReductionMode.MAX),  # of -0 and 0 either
            label=f"{mode.name} {boundary.name}",
        )


def stencil_of(
    source: np.ndarray,
    weights: np.ndarray,
    mode: ReductionMode,
    boundary: PaddingMode,
    options: dict[str, Any],
    sides: Sides,
) -> np.ndarray:
    kind = np.int64 if source.dtype.kind in "iu" else np.float64
    x, w = source.astype(kind), weights.astype(kind)
    outer = [(0, 0)] * (x.ndim - 4)
    for axis, (before, after) in enumerate(sides, x.ndim - 4):
        grown = [*outer, *[(0, 0)] * 4]
        grown[axis] = (max(0, before), max(0, after))
        cut = [slice(None)] * x.ndim
        cut[axis] = slice(max(0, -before), x.shape[axis] + sum(grown[axis]) - max(0, -after))
        x = np.pad(x, grown, **PADS[boundary])[tuple(cut)]
    dilation, strides = (options.get(k, (1,) * 4) for k in ("dilation_rates", "strides"))
    extent = tuple((k - 1) * d + 1 for k, d in zip(w.shape, dilation, strict=True))
    axes = tuple(range(-4, 0))
    windows = np.lib.stride_tricks.sliding_window_view(x, extent, axes)
    windows = windows[(..., *(slice(None, None, s) for s in (*strides, *dilation)))]
    products = (windows * w).reshape(*windows.shape[:-4], w.size)
    return np.asarray(REDUCE[mode](products, -1))


SAMPLE_CASES: Cases = {
    "sample_grid": partial(grid_cases, "sample_grid"),
    "im_to_col": partial(im_to_col_cases, "im_to_col"),
    "col_to_im": partial(col_to_im_cases, "col_to_im"),
    "stencil": partial(stencil_cases, "stencil"),
}
