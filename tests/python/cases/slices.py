"""slice, its gradient and its update: TensorFlow's strided_slice as NumPy writes it."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from support.numbers import random_generator, values

S = np.s_
DEEP = (2, 1) * 8
# shape, attributes, NumPy's index
SLICES: list[tuple[tuple[int, ...], dict[str, Any], Any]] = [
    ((), {}, S[...]),
    ((7,), {"starts": 2, "ends": 5}, S[2:5]),
    ((7,), {"starts": -3, "ends": 100}, S[-3:]),
    ((7,), {"starts": 5, "ends": 2}, S[5:2]),
    ((7,), {"starts": (5,), "ends": (-8,), "strides": (-2,)}, S[5::-2]),
    ((7,), {"starts": 0, "ends": 7, "strides": 2**62}, S[0:1]),
    ((5, 6), {"starts": (1, 2), "ends": (4, 6)}, S[1:4, 2:6]),
    ((5, 6), {"starts": (1,), "ends": (4,)}, S[1:4]),
    ((5, 6), {"starts": (4, -1), "ends": (0, -7), "strides": (-2, -1)}, S[4:0:-2, ::-1]),
    ((5, 6), {"starts": (1, 1), "ends": (3, 3), "start_mask": 1, "end_mask": 2}, S[:3, 1:]),
    ((5, 6), {"starts": (-1, 2), "ends": (0, 4), "squeeze_mask": 1}, S[-1, 2:4]),
    ((5, 6), {"starts": (2, 3), "ends": (3, 4), "squeeze_mask": 3}, S[2, 3]),
    ((5, 6), {"starts": (1, 2), "sizes": (3, 2)}, S[1:4, 2:4]),
    ((5, 6), {"starts": (1, -2), "sizes": (-1, 2)}, S[1:, 4:6]),
    ((5, 6), {"starts": (4, 9), "sizes": (3, 2)}, S[2:5, 4:6]),
    ((5, 6), {"starts": (1, 2), "sizes": (1, 3), "squeeze_mask": 1}, S[1, 2:5]),
    ((3, 0, 2), {"starts": (1, 0), "ends": (3, 5)}, S[1:3, 0:5]),
    (DEEP, {"starts": (1,), "ends": (2,)}, S[1:2]),
    (
        (2, 3, 1, 4, 2),
        {"starts": (0, 2, 0, 3), "ends": (2, 0, 1, 0), "strides": (1, -1, 1, -3)},
        S[0:2, 2:0:-1, 0:1, 3:0:-3],
    ),
]
ALONG_ONE: list[tuple[tuple[int, ...], dict[str, Any], Any]] = [
    ((5, 6), {"dimension": 1, "start": 2, "length": 3}, S[:, 2:5]),
    ((5, 6), {"dimension": -2, "start": -2, "length": 1}, S[3:4]),
    ((5, 6), {"dimension": 0, "start": 0, "length": 0}, S[0:0]),
]
IN_TENSORS = ("starts", "ends", "strides", "sizes")


def packed(array: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(array).reshape(array.shape)


def in_tensors(row: str, attributes: dict[str, Any]) -> Any:
    """The same call with every list in a constant tensor."""

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor], *more: Any) -> Any:
        given = {
            key: graph.constant(np.atleast_1d(value).astype(np.int64))
            if key in IN_TENSORS
            else value
            for key, value in attributes.items()
        }
        return getattr(graph, row)(*tensors, *more, **given)

    return call


def slice_cases(row: str, name: str) -> Iterator[Case]:
    for shape, attributes, index in SLICES + ALONG_ONE:
        array = values(name, shape, random_generator(row, name, shape), -99, 99)
        wanted = packed(array[index])
        yield Case(row, [array], wanted, attributes)
        if "starts" in attributes:
            yield Case(row, [array], wanted, call=in_tensors(row, attributes), label="in tensors")
    yield from run_time_starts(row, name)


def run_time_starts(row: str, name: str) -> Iterator[Case]:
    """Starts that only the device knows: out of range they move to the nearest that fits."""
    array = values(name, (5, 6), random_generator(row, name), -99, 99)

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return graph.slice(tensors[0], start_tensor=tensors[1], sizes=(2, 3))

    for starts, index in [
        ((1, 2), S[1:3, 2:5]),
        ((9, 9), S[3:5, 3:6]),
        ((-2, -6), S[3:5, 0:3]),
        ((-99, 0), S[0:2, 0:3]),
    ]:
        for integer in (np.int32, np.int64):
            given = [array, np.array(starts, integer)]
            yield Case(row, given, packed(array[index]), call=call, label=f"start_tensor {starts}")


def gradient_cases(row: str, name: str) -> Iterator[Case]:
    for shape, attributes, index in SLICES + ALONG_ONE:
        rng = random_generator(row, name, shape)
        wanted = np.zeros_like(values(name, shape, rng))
        gradient = values(name, np.empty(shape)[index].shape, rng, -99, 99)
        wanted[index] = gradient
        yield Case(row, [gradient], wanted, {"fwd_in_shape": shape} | attributes)
        if "starts" in attributes:
            fed = in_tensors(row, attributes)
            sizes = np.array(shape, np.int32)
            yield Case(row, [gradient, sizes], wanted, call=fed, label=f"{attributes} in tensors")


def update_cases(row: str, name: str) -> Iterator[Case]:
    for shape, attributes, index in SLICES:
        rng = random_generator(row, name, shape)
        data = values(name, shape, rng, -99, 99)
        update = values(name, data[index].shape, rng, -99, 99)
        wanted = data.copy()
        wanted[index] = update
        yield Case(row, [data, update], wanted, attributes)
        if "starts" in attributes:
            call = in_tensors(row, attributes)
            yield Case(row, [data, update], wanted, call=call, label="in tensors")
    data = values(name, (5, 6), random_generator(row, name), -99, 99)
    update = values(name, (2, 3), random_generator(row), -99, 99)
    wanted = data.copy()
    wanted[3:5, 1:4] = update
    yield Case(row, [data, update], wanted, {"starts": (3, 1)})

    def call_at(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return graph.slice_update(*tensors[:2], start_tensor=tensors[2], sizes=(2, 3))

    starts = np.array([7, 1], np.int32)
    yield Case(row, [data, update, starts], wanted, call=call_at, label="start_tensor")


SLICE_CASES: Cases = {
    "slice": partial(slice_cases, "slice"),
    "slice_gradient": partial(gradient_cases, "slice_gradient"),
    "slice_update": partial(update_cases, "slice_update"),
}
