"""Bands and inverses of matrices, distances of bit vectors, blocks of images, against NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from support.numbers import numpy_type, random_generator, values, wide

BANDS = [(0, 0), (0, -1), (-1, 0), (1, 2), (-1, -1), (2, 0), (9, 9), (2**40, 1)]
MATRICES = [(1, 1), (3, 3), (2, 5), (5, 2), (2, 3, 4), (0, 3), (3, 0), (2, 0, 3, 3), (40, 65)]


def band_cases(row: str, name: str) -> Iterator[Case]:
    for shape in [*MATRICES, (1,) * 14 + (2, 3)]:
        array = values(name, shape, random_generator(row, name, shape), -9, 9)
        distance = np.arange(shape[-2])[:, None] - np.arange(shape[-1])
        for lower, upper in BANDS:
            inside = (lower < 0) | (distance <= lower)
            inside &= (upper < 0) | (-distance <= upper)
            wanted = np.where(inside, array, np.zeros_like(array))
            yield Case(row, [array], wanted, {"num_lower": lower, "num_upper": upper})
        tensors = partial(band_of_tensors, 1, 0)
        wanted = np.triu(np.tril(array), -1)
        yield Case(row, [array], wanted, call=tensors, label="tensors")


def band_of_tensors(
    lower: int, upper: int, graph: mpsg.Graph, tensors: list[mpsg.Tensor]
) -> mpsg.Tensor:
    numbers = graph.constant(np.int32(lower)), graph.constant(np.int32(upper))
    return graph.band_part(*tensors, *numbers)


def inverse_cases(row: str, name: str) -> Iterator[Case]:
    for shape in [(1, 1), (2, 2), (3, 3), (2, 4, 4), (0, 2, 2), (0, 0), (3, 1, 17, 17), (150, 150)]:
        rng = random_generator(row, name, shape)
        # Diagonally dominant after a permutation of the rows, so that pivots are needed.
        array = values(name, shape, rng, -1, 1) / np.array(shape[-1] + 1, numpy_type(name))
        array = (array + np.eye(shape[-1], dtype=array.dtype)[::-1]).astype(array.dtype)
        exact = np.complex128 if name == "complex64" else np.float64
        wanted = np.linalg.inv(array.astype(exact))
        # float64 has no wider reference: both err by the condition, which is small here.
        operations = 64 * shape[-1] if name == "float64" else 2
        scale = np.abs(wanted) + np.abs(wanted).max(axis=(-2, -1), keepdims=True, initial=0)
        yield Case(row, [array], wanted, operations=operations, scale=scale, signed_zeros=False)
    dtype = numpy_type(name)
    singular = np.array([[[1, 2], [2, 4]], [[2, 0], [0, 4]], [[0, 0], [0, 0]]]).astype(dtype)
    wanted = np.full((3, 2, 2), np.nan).astype(np.result_type(wide(singular).dtype))
    wanted[1] = [[0.5, 0], [0, 0.25]]
    yield Case(row, [singular], wanted, signed_zeros=False, label="singular")


DISTANCES = [
    ((2, 3), (4, 3)),
    ((1, 1), (1, 1)),
    ((3, 0), (2, 0)),
    ((0, 3), (2, 3)),
    ((2, 5, 3), (4, 3)),
    ((2, 1, 3, 4), (5, 2, 4)),
    ((33, 40), (65, 40)),
]


def hamming_cases(row: str, name: str) -> Iterator[Case]:
    limits = np.iinfo(name)
    bits = limits.bits
    for shapes in DISTANCES:
        rng = random_generator(row, name, shapes)
        a, b = (values(name, shape, rng, limits.min, limits.max) for shape in shapes)
        different = a[..., :, None, :] ^ b[..., None, :, :]
        as_bytes = np.ascontiguousarray(different).view(f"uint{bits}")
        counts = sum(((as_bytes >> np.array(i, as_bytes.dtype)) & 1) for i in range(bits))
        wanted = np.sum(counts, -1, dtype=np.int64)
        for kind in ("uint32", "uint16"):
            yield Case(row, [a, b], wanted.astype(kind), {"result_data_type": kind})


# ---------------------------------------------------------------- blocks


def to_depth(x: np.ndarray, axes: Any, target: int, sizes: Any, contiguous: bool) -> np.ndarray:
    """Pixel by pixel: every place of a block is a slice with strides."""
    parts = []
    for place in np.ndindex(*sizes):
        index = [slice(None)] * x.ndim
        for axis, start, size in zip(axes, place, sizes, strict=True):
            index[axis] = slice(start, None, size)
        parts.append(x[tuple(index)])
    if not contiguous:
        return np.concatenate(parts, target)
    target %= x.ndim
    stacked = np.stack(parts, target + 1)
    shape = list(parts[0].shape)
    shape[target] *= len(parts)
    return stacked.reshape(shape)


# shape of the larger image, spatial axes, target axis, sizes
BLOCKS: list[tuple[tuple[int, ...], tuple[int, ...], int, tuple[int, ...]]] = [
    ((2, 4, 6, 3), (1, 2), 3, (2, 2)),
    ((2, 3, 4, 6), (2, 3), 1, (2, 2)),
    ((3, 6, 9), (2, 1), 0, (3, 3)),
    ((2, 4, 6, 3), (-3, -2), -1, (1, 1)),
    ((0, 4, 6, 3), (1, 2), 3, (2, 2)),
    ((2, 0, 6, 3), (1, 2), 3, (2, 2)),
]
BATCH_BLOCKS = [
    *BLOCKS,
    ((2, 4, 9, 3), (1, 2), 0, (2, 3)),
    ((4, 2, 8), (2,), 1, (4,)),
    ((2, 4, 6, 4, 1), (1, 2, 3), 0, (2, 3, 4)),
    ((2, 4), (), 0, ()),
]


def block_cases(row: str, name: str) -> Iterator[Case]:
    depth = row.endswith("2d")
    for shape, axes, target, sizes in BLOCKS if depth else BATCH_BLOCKS:
        for contiguous in (False, True):
            whole = values(name, shape, random_generator(row, name, shape), -99, 99)
            divided = to_depth(whole, axes, target, sizes, contiguous)
            pair = (whole, divided) if row.startswith("space") else (divided, whole)
            if depth:
                attributes = {"width_axis": axes[1], "height_axis": axes[0], "depth_axis": target}
                attributes["block_size"] = sizes[0]
            else:
                attributes = {"spatial_axes": axes, "batch_axis": target}
                attributes["block_dimensions"] = sizes
            attributes["use_pixel_shuffle_order"] = contiguous
            yield Case(row, [pair[0]], pair[1], attributes)
            call = partial(blocks_of_tensors, row, attributes)
            yield Case(row, [pair[0]], pair[1], call=call, label=f"tensors {attributes}")


def blocks_of_tensors(
    row: str, attributes: dict[str, Any], graph: mpsg.Graph, tensors: list[mpsg.Tensor]
) -> mpsg.Tensor:
    given = {
        key: value
        if key in ("block_size", "use_pixel_shuffle_order")
        else graph.constant(np.array(value, np.int32))
        for key, value in attributes.items()
    }
    result: mpsg.Tensor = getattr(graph, row)(*tensors, **given)
    return result


MATRIX_CASES: Cases = {
    "band_part": partial(band_cases, "band_part"),
    "inverse": partial(inverse_cases, "inverse"),
    "hamming_distance": partial(hamming_cases, "hamming_distance"),
    "space_to_depth_2d": partial(block_cases, "space_to_depth_2d"),
    "depth_to_space_2d": partial(block_cases, "depth_to_space_2d"),
    "space_to_batch": partial(block_cases, "space_to_batch"),
    "batch_to_space": partial(block_cases, "batch_to_space"),
}
