"""Gradients of rows that work along lines, on matrices and on blocks."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

import mpsg
from cases.gradient_case import GradientCase, apart, complexes, plain, real

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
