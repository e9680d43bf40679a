"""Sums, products, extremes and their places, means and variances, along axes."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from cases.elementwise import Function
from support.numbers import (
    COMPUTE,
    FLOATS,
    INTEGERS,
    numpy_type,
    random_generator,
    special_values,
    values,
    wide,
)

# shape, axes
REDUCED: list[tuple[tuple[int, ...], Any]] = [
    ((), None),
    ((), ()),
    ((1,), 0),
    ((7,), None),
    ((2, 3, 4), None),
    ((2, 3, 4), 1),
    ((2, 3, 4), -1),
    ((2, 3, 4), (0, 2)),
    ((2, 3, 4), (-1, 1)),
    ((2, 3, 4), ()),
    ((3, 0, 2), 0),
    ((3, 0, 2), 1),
    ((3, 0, 2), None),
    ((2, 1, 3, 1, 2), (0, 2, 4)),
    ((2, 1) * 8, (0, 3, 15)),
    ((3, 301), 1),
    ((301, 3), 0),
]
LARGE = [((3, 40009), -1), ((40009, 3), 0), ((40009,), None)]


def as_tuple(axes: Any) -> Any:
    return (axes,) if isinstance(axes, int) else axes


def length(array: np.ndarray, axes: Any) -> int:
    """The number of elements that become one."""
    result = np.sum(np.ones(array.shape), axis=as_tuple(axes), keepdims=True)
    return int(result.flat[0]) if result.size else 0


def axes_tensor(row: str, axes: Any) -> Any:
    """The same call with the axes in a tensor."""

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(*tensors, graph.constant(np.atleast_1d(axes).astype(np.int64)))

    return call


def over_axes(row: str, name: str, domain: tuple[float, float] = (-2, 2)) -> Iterator[Any]:
    """(array, axes, how it is called)"""
    for shape, axes in REDUCED + (LARGE if name == "float32" else []):
        array = values(name, shape, random_generator(row, name, shape, axes), *domain)
        yield array, axes, None
        if axes not in (None, ()):
            yield array, axes, axes_tensor(row, axes)


def with_axes(reference: Function, array: np.ndarray, axes: Any) -> np.ndarray:
    with np.errstate(all="ignore"):
        return np.asarray(reference(array, axis=as_tuple(axes), keepdims=True))


# Reference loops fold floats in float64, emitted kernels in the type that elements are computed in.
# Folding n elements there, in any order, is n - 1 roundings one after the other at most, each
# relative to a partial sum that the sum of the magnitudes bounds (products: to itself).
def sum_cases(row: str, name: str) -> Iterator[Case]:
    for array, axes, call in over_axes(row, name):
        if name in INTEGERS:
            wanted = with_axes(partial(np.sum, dtype=name), array, axes)
            yield Case(row, [array], wanted, {"axes": axes}, call=call)
        else:
            yield Case(
                row,
                [array],
                with_axes(np.sum, wide(array), axes),
                {"axes": axes},
                operations=length(array, axes),
                scale=with_axes(np.sum, np.abs(wide(array)), axes),
                compute="float32" if name == "complex64" else "float64",
                cpu_compute=COMPUTE.get(name, name),
                same_bits=False,
                signed_zeros=False,
                call=call,
            )


def product_cases(row: str, name: str) -> Iterator[Case]:
    for array, axes, call in over_axes(row, name, (-1.3, 1.3)):
        if name in INTEGERS:
            wanted = with_axes(partial(np.prod, dtype=name), array, axes)
            yield Case(row, [array], wanted, {"axes": axes}, call=call)
        elif array.size < 10000:  # more factors of about 1 leave the range of the type
            yield Case(
                row,
                [array],
                with_axes(np.prod, wide(array), axes),
                {"axes": axes},
                operations=length(array, axes) * (4 if name == "complex64" else 1),
                compute="float32" if name == "complex64" else "float64",
                cpu_compute=COMPUTE.get(name, name),
                same_bits=False,
                call=call,
            )


def least_of(name: str) -> Any:
    return -np.inf if name in FLOATS else np.iinfo(name).min


def greatest_of(name: str) -> Any:
    return np.inf if name in FLOATS else np.iinfo(name).max


def ignoring_nan(function: np.ufunc, identity: Any) -> Function:
    """Of NaN alone it is NaN."""

    def reference(array: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
        nan = np.isnan(array)
        kept = np.where(nan, np.asarray(identity, array.dtype), array)
        found = function.reduce(kept, axis=axis, keepdims=keepdims, initial=identity)
        only_nan = nan.all(axis=axis, keepdims=keepdims) & nan.any(axis=axis, keepdims=keepdims)
        return np.where(only_nan, np.asarray(np.nan, found.dtype), found)

    return reference


def extreme_cases(row: str, name: str) -> Iterator[Case]:
    function, identity = (
        (np.maximum, least_of(name)) if "maximum" in row else (np.minimum, greatest_of(name))
    )

    def plain(array: np.ndarray, axis: Any, keepdims: bool) -> np.ndarray:
        return function.reduce(array, axis=axis, keepdims=keepdims, initial=identity)

    ignore = name in FLOATS and "nan" not in row
    reference = ignoring_nan(function, identity) if ignore else plain
    given = [(array, axes, call) for array, axes, call in over_axes(row, name, (-99, 99))]
    special = special_values(name)
    if name in FLOATS:
        special = np.concatenate([special, np.full(2, np.nan).astype(special.dtype)])
        given.append((np.array([[np.nan, 1], [np.nan, np.nan]]).astype(special.dtype), 1, None))
    given += [(special, None, None), (special.reshape(-1, 1), 0, None), (special[:, None], 1, None)]
    for array, axes, call in given:
        wanted = with_axes(reference, wide(array), axes)
        yield Case(row, [array], wanted, {"axes": axes}, signed_zeros=False, call=call)


def logical_cases(row: str, name: str) -> Iterator[Case]:
    reference = np.all if row == "reduction_and" else np.any
    for array, axes, call in over_axes(row, name):
        yield Case(row, [array], with_axes(reference, array, axes), {"axes": axes}, call=call)


def place_cases(row: str, name: str) -> Iterator[Case]:
    reference = np.argmax if "maximum" in row else np.argmin
    given = [(special_values(name), 0)]
    if name in FLOATS:
        last_nan = special_values(name)
        given.append((last_nan[~np.isnan(last_nan)], -1))
    for shape, axes in REDUCED + (LARGE if name == "float32" else []):
        # Few different values: the first of equal ones is asked for.
        if isinstance(axes, int) and shape[axes] > 0:
            given.append((values(name, shape, random_generator(row, name, shape), -3, 3), axes))
            whole = np.round(given[-1][0].astype(np.float64)) + 0.0
            given.append((whole.astype(given[-1][0].dtype), axes))
    for array, axis in given:
        wanted = np.expand_dims(reference(wide(array), axis), axis)
        yield Case(row, [array], wanted.astype(np.int32), {"axis": axis})


def mean_cases(row: str, name: str) -> Iterator[Case]:
    for array, axes, call in over_axes(row, name):
        count = length(array, axes)
        with np.errstate(all="ignore"):
            wanted = np.asarray(with_axes(np.sum, wide(array), axes) / np.float64(count))
            scale = np.asarray(with_axes(np.sum, np.abs(wide(array)), axes) / np.float64(count))
        yield Case(
            row,
            [array],
            wanted,
            {"axes": axes},
            operations=count + 2,
            scale=scale,
            same_bits=False,
            signed_zeros=False,
            call=call,
        )


def variance_cases(row: str, name: str) -> Iterator[Case]:
    for array, axes, call in over_axes(row, name):
        count = length(array, axes)
        x = wide(array)
        with np.errstate(all="ignore"):
            mean = with_axes(np.sum, x, axes) / np.float64(count)
            wanted = np.asarray(with_axes(np.sum, (x - mean) ** 2, axes) / np.float64(count))
            # An error of the mean enters every difference; their squares are at most this.
            squares = (np.abs(x) + np.abs(mean)) ** 2
            scale = np.asarray(with_axes(np.sum, squares, axes) / np.float64(count))
        options: dict[str, Any] = {
            "operations": 3 * count + 6,
            "scale": scale,
            "same_bits": False,
            "signed_zeros": False,
        }
        yield Case(row, [array], wanted, {"axes": axes}, call=call, **options)
        if call is None and count > 0:
            yield given_mean(array, mean, axes, options)


def given_mean(array: np.ndarray, mean: np.ndarray, axes: Any, options: dict[str, Any]) -> Case:
    """With a mean that is not the tensor's."""
    given = np.asarray(mean + 0.5).astype(numpy_type(array.dtype.name))
    x, moved = wide(array), wide(given)
    count = np.float64(length(array, axes))
    wanted = np.asarray(with_axes(np.sum, (x - moved) ** 2, axes) / count)
    scale = np.asarray(with_axes(np.sum, (np.abs(x) + np.abs(moved)) ** 2, axes) / count)
    return Case(
        "variance",
        [array, given],
        wanted,
        call=lambda graph, tensors: graph.variance(tensors[0], axes, mean=tensors[1]),
        **(options | {"scale": scale}),
    )


EXTREMES = ["reduction_maximum", "reduction_minimum"]
REDUCTION_CASES: Cases = {
    "reduction_sum": partial(sum_cases, "reduction_sum"),
    "reduction_product": partial(product_cases, "reduction_product"),
    **{row: partial(extreme_cases, row) for row in EXTREMES},
    **{row + "_propagate_nan": partial(extreme_cases, row + "_propagate_nan") for row in EXTREMES},
    "reduction_and": partial(logical_cases, "reduction_and"),
    "reduction_or": partial(logical_cases, "reduction_or"),
    "reduction_arg_maximum": partial(place_cases, "reduction_arg_maximum"),
    "reduction_arg_minimum": partial(place_cases, "reduction_arg_minimum"),
    "mean": partial(mean_cases, "mean"),
    "variance": partial(variance_cases, "variance"),
}
