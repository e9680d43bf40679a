"""How random graphs draw rows that work along lines, on matrices, on blocks and on images."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import numpy as np

from mpsg import (
    ImToColOpDescriptor,
    PaddingMode,
    PaddingStyle,
    ReductionMode,
    ResizeMode,
    ResizeNearestRoundingMode,
    StencilOpDescriptor,
    TensorNamedDataLayout,
)

if TYPE_CHECKING:
    from support.graph_generator import Drawing

Made = tuple[list[Any], dict[str, Any]] | None
NHWC, NCHW = TensorNamedDataLayout.NHWC, TensorNamedDataLayout.NCHW


def scan(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 6))
    rank = len(d.shape(x))
    flags = {"exclusive": d.pick([False, True]), "reverse": d.pick([False, True])}
    return [x], {"axis": d.integer(-rank, rank - 1), **flags}


def sort(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 6))
    rank = len(d.shape(x))
    return [x], {"axis": d.integer(-rank, rank - 1), "descending": d.pick([False, True])}


def top_k(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 6))
    shape = list(d.shape(x))
    axis = d.integer(0, len(shape) - 1)
    attributes = {"k": d.integer(0, shape[axis]), "axis": axis}
    if not row.endswith("gradient"):
        return [x], attributes
    shape[axis] = attributes["k"]
    return [d.with_shape(d.name(x), tuple(shape)), x], attributes


def band(d: Drawing, row: str) -> Made:
    return [d.main(row, "T", (2, 6))], {
        "num_lower": d.integer(-1, 3),
        "num_upper": d.integer(-1, 3),
    }


def inverse(d: Drawing, row: str) -> Made:
    """Of matrices that are far from singular."""
    size, name = d.integer(0, 3), d.pick(["float16", "bfloat16", "float32", "float64"])
    matrix = d.array(name, (d.integer(0, 2), size, size)).astype(np.float64) / 32
    dtype = d.array(name, ()).dtype
    return [(matrix + np.eye(size)).astype(dtype)], {}


def distances(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (2, 4))
    other = (d.integer(0, 3), d.shape(x)[-1])
    return [x, d.with_shape(d.name(x), other)], {
        "result_data_type": d.pick(["uint16", "uint32"]),
    }


def blocks(d: Drawing, row: str) -> Made:
    size = d.integer(1, 2)
    shape = [d.integer(0, 2), *(size * d.integer(0, 2) for _ in range(2)), d.integer(0, 2)]
    target = 3 if row.endswith("2d") else 0
    if not row.startswith("space"):
        shape = [d.integer(0, 2) for _ in range(4)]
        shape[target] *= size * size
    x = d.with_shape(d.pick(["float32", "int8", "bool"]), tuple(shape))
    order = {"use_pixel_shuffle_order": d.pick([False, True])}
    if target:
        axes = {"width_axis": 2, "height_axis": 1, "depth_axis": 3, "block_size": size}
        return [x], {**axes, **order}
    return [x], {
        **{"spatial_axes": [1, 2], "batch_axis": 0, "block_dimensions": [size, size]},
        **order,
    }


def resize(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (1, 4))
    shape, name = d.shape(x), d.name(x)
    size = [d.integer(0, 5) if n else 0 for n in shape]
    options: dict[str, Any] = {
        "center_result": d.pick([False, True]),
        "align_corners": d.pick([False, True]),
    }
    if len(shape) == 4 and d.integer(0, 1):
        layout = d.pick([NHWC, NCHW])
        axes = (1, 2) if layout == NHWC else (2, 3)
        options["layout"] = layout
        size = [size[axis] for axis in axes]
    else:
        axes = tuple(range(len(shape)))
    if "nearest" in row:
        options["nearest_rounding_mode"] = d.pick(ResizeNearestRoundingMode)
    elif "bilinear" not in row:
        floating = name in {"float16", "bfloat16", "float32", "float64"}
        options["mode"] = d.pick(ResizeMode) if floating else ResizeMode.NEAREST
    if not row.endswith("gradient"):
        return [x], {"size": size, **options}
    large = list(shape)
    for axis, n in zip(axes, size, strict=True):
        large[axis] = n
    return [d.with_shape(name, tuple(large)), x], options


def grid(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (4, 4))
    images = d.shape(x)[0]
    places = d.array("float32", (images, d.integer(0, 3), d.integer(1, 3), 2))
    nearest = d.name(x) not in {"float16", "bfloat16", "float32", "float64"}
    paddings = [PaddingMode.ZERO, PaddingMode.CONSTANT]
    if 0 not in d.shape(x):
        paddings += [PaddingMode.CLAMP_TO_EDGE, PaddingMode.REFLECT, PaddingMode.PERIODIC]
    return [x, places], {
        "layout": d.pick([NHWC, NCHW]),
        "normalize_coordinates": d.pick([False, True]),
        "relative_coordinates": d.pick([False, True]),
        "padding_mode": d.pick(paddings),
        "sampling_mode": ResizeMode.NEAREST if nearest else d.pick(ResizeMode),
    }


def columns(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (4, 4))
    n, c, h, w = shape = d.shape(x)
    if 0 in (h, w):
        return None
    height, width = d.integer(1, min(h, 2)), d.integer(1, min(w, 3))
    descriptor = ImToColOpDescriptor(kernel_height=height, kernel_width=width, data_layout=NCHW)
    if row == "im_to_col":
        return [x], {"descriptor": descriptor}
    matrix = (n, c * height * width, (h - height + 1) * (w - width + 1))
    return [d.with_shape(d.name(x), matrix)], {
        "output_shape": list(shape),
        "descriptor": descriptor,
    }


def stencil(d: Drawing, row: str) -> Made:
    x = d.main(row, "T", (4, 4))
    if 0 in d.shape(x):
        return None
    weights = d.array(d.name(x), (1, 1, d.integer(1, 3), d.integer(1, 2)))
    descriptor = StencilOpDescriptor(
        reduction_mode=d.pick([ReductionMode.SUM, ReductionMode.MAX, ReductionMode.MIN]),
        padding_style=PaddingStyle.TF_SAME,
        boundary_mode=d.pick([PaddingMode.ZERO, PaddingMode.CLAMP_TO_EDGE]),
        strides=(1, 1, d.integer(1, 2), 1),
    )
    return [x, weights], {"descriptor": descriptor}


SCANS = ["cumulative_sum", "cumulative_product", "cumulative_maximum", "cumulative_minimum"]
BLOCKS = ["space_to_depth_2d", "depth_to_space_2d", "space_to_batch", "batch_to_space"]
RESIZES = [
    row + end
    for row in ("resize", "resize_bilinear", "resize_nearest")
    for end in ("", "_gradient")
]
LINE_MAKERS: dict[str, Callable[[Drawing, str], Made]] = {
    **dict.fromkeys(SCANS, scan),
    **dict.fromkeys(["sort", "arg_sort"], sort),
    **dict.fromkeys(["top_k", "bottom_k", "top_k_gradient", "bottom_k_gradient"], top_k),
    "band_part": band,
    "inverse": inverse,
    "hamming_distance": distances,
    **dict.fromkeys(BLOCKS, blocks),
    **dict.fromkeys(RESIZES, resize),
    "sample_grid": grid,
    **dict.fromkeys(["im_to_col", "col_to_im"], columns),
    "stencil": stencil,
}
# The same bits on every device, of floats too.
EXACT_LINES = {
    *SCANS,
    *BLOCKS,
    *("sort", "arg_sort", "top_k", "bottom_k", "band_part", "resize_nearest", "im_to_col"),
}
