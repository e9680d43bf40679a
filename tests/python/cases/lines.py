"""Scans, sorts and selections along an axis, against NumPy."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from support.numbers import FLOATS, INTEGERS, random_generator, special_values, values, wide

# shape, axis
LINES: list[tuple[tuple[int, ...], int]] = [
    ((1,), 0),
    ((7,), 0),
    ((2, 3, 4), 0),
    ((2, 3, 4), 1),
    ((2, 3, 4), -1),
    ((3, 0, 2), 0),
    ((3, 0, 2), 1),
    ((5, 301), 1),
    ((301, 5), 0),
    ((2, 130, 20), 1),
    ((2, 1) * 8, 14),
]
LARGE = [((3, 40009), -1), ((1009, 151), 0)]
SOME = {"float32", "float64", "int16"}


def settings(name: str) -> list[tuple[tuple[int, ...], int]]:
    """All of them for a few types; for the others one in three, another third for each."""
    return LINES + LARGE if name in SOME else LINES[len(name) % 3 :: 3]


def axis_tensor(row: str, axis: int, **attributes: Any) -> Callable[..., Any]:
    """The same call with the axis in a tensor."""

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(*tensors, graph.constant(np.int64(axis)), **attributes)

    return call


# ---------------------------------------------------------------- scans


def scanned(ufunc: Any, array: np.ndarray, axis: int, first: Any, options: Any) -> np.ndarray:
    exclusive, reverse = options
    array = np.flip(array, axis) if reverse else array
    result = ufunc.accumulate(array, axis, dtype=array.dtype)
    if exclusive:
        head = np.full_like(np.take(array, [0] if array.shape[axis] else [], axis), first)
        shifted = np.take(result, range(max(0, array.shape[axis] - 1)), axis)
        result = np.concatenate([head, shifted], axis)
    return np.flip(result, axis) if reverse else result


def scan_cases(ufunc: Any, row: str, name: str) -> Iterator[Case]:
    floating = name in FLOATS or name == "complex64"
    for number, (shape, axis) in enumerate(settings(name)):
        rng = random_generator(row, name, shape, axis)
        options = (number % 2 == 1, number % 3 == 1)
        attributes = {"exclusive": options[0], "reverse": options[1]}
        near_one = (0.8, 1.2) if floating else (-2, 2)
        array = values(name, shape, rng, *(near_one if row == "cumulative_product" else (-2, 2)))
        if row == "cumulative_product" and name == "complex64":
            array /= np.abs(array)
        first = 1 if row == "cumulative_product" else 0
        with np.errstate(over="ignore"):
            wanted = scanned(ufunc, wide(array), axis, first, options)
            scale = scanned(ufunc, np.abs(wide(array)), axis, first, options) if floating else None
        # In float64, whose own sums are as long as the line.
        rounded = 4 * shape[axis] if name == "float64" or row == "cumulative_product" else 4
        case = Case(
            row,
            [array],
            wanted,
            {"axis": axis, **attributes},
            operations=rounded if floating else 0,
            scale=scale,
            compute="float64" if row == "cumulative_product" and name != "float64" else None,
            signed_zeros=False,
        )
        yield case
        if number < 6:
            case.call = axis_tensor(row, axis, **attributes)
            case.attributes = {}
            yield case


def first_of_extreme(row: str, name: str) -> Any:
    largest = row == "cumulative_maximum"
    if name in INTEGERS:
        return np.iinfo(name).min if largest else np.iinfo(name).max
    return -np.inf if largest else np.inf


def extreme_cases(ufunc: Any, row: str, name: str) -> Iterator[Case]:
    first = first_of_extreme(row, name)
    special = random_generator(row, name).permutation(special_values(name))
    arrays = [(special, 0), (np.sort(special), 0)]
    arrays += [
        (values(name, shape, random_generator(row, name, shape), -99, 99), axis)
        for shape, axis in settings(name)
    ]
    for array, axis in arrays:
        for options in [(False, False), (True, False), (False, True), (True, True)]:
            with np.errstate(invalid="ignore"):
                wanted = scanned(ufunc, array, axis, first, options)
            attributes = {"axis": axis, "exclusive": options[0], "reverse": options[1]}
            yield Case(row, [array], wanted, attributes, signed_zeros=False)


# ---------------------------------------------------------------- order


def orders(array: np.ndarray, axis: int, descending: bool) -> np.ndarray:
    """NumPy's stable order; in descending order equal elements still keep theirs."""
    numbers = wide(array) if array.dtype.kind not in "iu" else array
    if not descending:
        return np.argsort(numbers, axis, kind="stable")
    flipped = np.argsort(np.flip(numbers, axis), axis, kind="stable")
    return array.shape[axis] - 1 - np.flip(flipped, axis)


def unsorted(row: str, name: str) -> Iterator[tuple[np.ndarray, int]]:
    special = special_values(name)
    rng = random_generator(row, name)
    yield rng.permutation(np.concatenate([special, special])), 0
    yield rng.permutation(np.tile(special, 40)).reshape(-1, 4), 0
    for shape, axis in settings(name):
        rng = random_generator(row, name, shape, axis)
        yield values(name, shape, rng, -1e4, 1e4), axis
        yield values(name, shape, rng, -2, 2).round().astype(values(name, (), rng).dtype), axis


def sort_cases(row: str, name: str) -> Iterator[Case]:
    for number, (array, axis) in enumerate(unsorted(row, name)):
        for descending in (False, True):
            order = orders(array, axis, descending)
            wanted = order if row == "arg_sort" else np.take_along_axis(array, order, axis)
            case = Case(row, [array], wanted, {"axis": axis, "descending": descending})
            yield case
            if number < 6:
                case.call = axis_tensor(row, axis, descending=descending)
                yield case


def kept(size: int) -> list[int]:
    return sorted({k for k in (0, 1, 2, size // 3, size) if 0 <= k <= size})


def top_k_cases(row: str, name: str) -> Iterator[Case]:
    for number, (array, axis) in enumerate(unsorted(row, name)):
        order = orders(array, axis, row == "top_k")
        for k in kept(array.shape[axis]):
            indices = np.take(order, range(k), axis)
            wanted = [np.take_along_axis(array, indices, axis), indices]
            last = axis in (-1, array.ndim - 1)
            attributes = {"k": k} if last and number % 2 else {"k": k, "axis": axis}
            yield Case(row, [array], wanted, attributes)
            if number < 6:
                yield Case(row, [array], wanted, call=tensors_for(row, k, axis), label="tensors")


def tensors_for(row: str, k: int, axis: int) -> Callable[..., Any]:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        numbers = graph.constant(np.int32(k)), graph.constant(np.int64(axis))
        return getattr(graph, row)(*tensors, numbers[0], axis=numbers[1])

    return call


def top_k_gradient_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axis in LINES:
        source = values(name, shape, random_generator(row, name, shape), -9, 9)
        order = orders(source, axis, row.startswith("top"))
        for k in kept(shape[axis]):
            indices = np.take(order, range(k), axis)
            gradient = values(name, indices.shape, random_generator(row, k))
            wanted = np.zeros_like(source)
            np.put_along_axis(wanted, indices, gradient, axis)
            attributes = {"k": k, "axis": axis}
            yield Case(row, [gradient, source], wanted, attributes, signed_zeros=False)


LINE_CASES: Cases = {
    "cumulative_sum": partial(scan_cases, np.add, "cumulative_sum"),
    "cumulative_product": partial(scan_cases, np.multiply, "cumulative_product"),
    "cumulative_maximum": partial(extreme_cases, np.maximum, "cumulative_maximum"),
    "cumulative_minimum": partial(extreme_cases, np.minimum, "cumulative_minimum"),
    "sort": partial(sort_cases, "sort"),
    "arg_sort": partial(sort_cases, "arg_sort"),
    "top_k": partial(top_k_cases, "top_k"),
    "bottom_k": partial(top_k_cases, "bottom_k"),
    "top_k_gradient": partial(top_k_gradient_cases, "top_k_gradient"),
    "bottom_k_gradient": partial(top_k_gradient_cases, "bottom_k_gradient"),
}
