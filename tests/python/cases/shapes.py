"""Rows that move elements: they never change a bit."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from cases.elementwise import Function
from mpsg import PaddingMode
from support.numbers import numpy_type, random_generator, values

DEEP = (2, 1) * 8
ZERO = (3, 0, 2)


def swap(a: int, b: int) -> Function:
    return lambda x: np.swapaxes(x, a, b)


def ones_removed(x: np.ndarray) -> np.ndarray:
    return x.reshape([n for n in x.shape if n != 1])


# row: shape of the tensor, attributes, what NumPy calls it
MOVES: dict[str, list[tuple[tuple[int, ...], dict[str, Any], Function]]] = {
    "reshape": [
        ((2, 6), {"shape": (3, 4)}, lambda x: x.reshape(3, 4)),
        ((2, 6), {"shape": (-1, 3)}, lambda x: x.reshape(-1, 3)),
        ((2, 6), {"shape": 12}, lambda x: x.reshape(12)),
        ((2, 6), {"shape": -1}, lambda x: x.reshape(-1)),
        ((1, 1), {"shape": ()}, lambda x: x.reshape(())),
        ((), {"shape": (1, 1)}, lambda x: x.reshape(1, 1)),
        (ZERO, {"shape": (0, 7)}, lambda x: x.reshape(0, 7)),
        (DEEP, {"shape": (16, -1, 16)}, lambda x: x.reshape(16, 1, 16)),
    ],
    "transpose": [
        ((2, 3), {"dimension": 0, "with_dimension": 1}, swap(0, 1)),
        ((2, 3, 4), {"dimension": -1, "with_dimension": 0}, swap(-1, 0)),
        ((2, 3, 4), {"dimension": 1, "with_dimension": 1}, swap(1, 1)),
        (ZERO, {"dimension": 0, "with_dimension": 1}, swap(0, 1)),
        (DEEP, {"dimension": 3, "with_dimension": -4}, swap(3, -4)),
        ((131, 257), {"dimension": 0, "with_dimension": 1}, swap(0, 1)),
    ],
    "permute": [
        ((), {"permutation": ()}, lambda x: x),
        ((5,), {"permutation": (0,)}, lambda x: x),
        ((2, 3, 4), {"permutation": (2, 0, 1)}, lambda x: x.transpose(2, 0, 1)),
        ((2, 3, 4), {"permutation": (-1, 1, 0)}, lambda x: x.transpose(2, 1, 0)),
        (ZERO, {"permutation": (1, 2, 0)}, lambda x: x.transpose(1, 2, 0)),
        ((2, 3, 1, 4, 2), {"permutation": (4, 1, 0, 3, 2)}, lambda x: x.transpose(4, 1, 0, 3, 2)),
        (DEEP, {"permutation": tuple(range(15, -1, -1))}, np.transpose),
        ((9, 70, 31), {"permutation": (0, 2, 1)}, lambda x: x.transpose(0, 2, 1)),
    ],
    "broadcast": [
        ((), {"shape": (2, 3)}, lambda x: np.broadcast_to(x, (2, 3))),
        ((1,), {"shape": 5}, lambda x: np.broadcast_to(x, 5)),
        ((3, 1), {"shape": (2, 3, 4)}, lambda x: np.broadcast_to(x, (2, 3, 4))),
        ((3, 1), {"shape": (3, 0)}, lambda x: np.broadcast_to(x, (3, 0))),
        ((3, 1), {"shape": (3, 1)}, lambda x: x),
        ((1, 1) * 8, {"shape": DEEP}, lambda x: np.broadcast_to(x, DEEP)),
    ],
    "shape_of": [
        (shape, {}, lambda x: np.array(x.shape, np.int32)) for shape in [(), (7,), ZERO, DEEP]
    ],
    "expand_dims": [
        ((), {"axes": 0}, lambda x: x[None]),
        ((2, 3), {"axes": 1}, lambda x: x[:, None]),
        ((2, 3), {"axes": -1}, lambda x: x[..., None]),
        ((2, 3), {"axes": (0, -2)}, lambda x: np.expand_dims(x, (0, -2))),
        ((2, 3), {"axes": ()}, lambda x: x),
        (ZERO, {"axes": (0, 2, 5)}, lambda x: np.expand_dims(x, (0, 2, 5))),
    ],
    "squeeze": [
        ((1, 1), {}, lambda x: x.reshape(())),
        ((2, 1, 3, 1), {}, ones_removed),
        ((2, 1, 3, 1), {"axes": 1}, lambda x: x.squeeze(1)),
        ((2, 1, 3, 1), {"axes": -1}, lambda x: x.squeeze(-1)),
        ((2, 1, 3, 1), {"axes": (1, 3)}, lambda x: x.squeeze((1, 3))),
        ((2, 1, 3, 1), {"axes": ()}, lambda x: x),
        ((1, 0), {}, ones_removed),
        (DEEP, {}, ones_removed),
    ],
    "flatten_2d": [
        ((2, 3, 4), {"axis": 1}, lambda x: x.reshape(2, 12)),
        ((2, 3, 4), {"axis": 0}, lambda x: x.reshape(1, 24)),
        ((2, 3, 4), {"axis": 3}, lambda x: x.reshape(24, 1)),
        ((2, 3, 4), {"axis": -1}, lambda x: x.reshape(6, 4)),
        ((), {"axis": 0}, lambda x: x.reshape(1, 1)),
        (ZERO, {"axis": 1}, lambda x: x.reshape(3, 0)),
        (DEEP, {"axis": 7}, lambda x: x.reshape(16, 16)),
    ],
    "reverse": [
        ((), {}, lambda x: x),
        ((5,), {"axes": 0}, lambda x: x[::-1]),
        ((2, 3, 4), {}, lambda x: x[::-1, ::-1, ::-1]),
        ((2, 3, 4), {"axes": (0, -1)}, lambda x: x[::-1, :, ::-1]),
        ((2, 3, 4), {"axes": ()}, lambda x: x),
        (ZERO, {}, lambda x: x),
        (DEEP, {"axes": (0, 4, 14)}, lambda x: np.flip(x, (0, 4, 14))),
    ],
    "tile": [
        ((), {"multiplier": ()}, lambda x: x),
        ((3,), {"multiplier": 2}, lambda x: np.tile(x, 2)),
        ((2, 3), {"multiplier": (2, 3)}, lambda x: np.tile(x, (2, 3))),
        ((2, 3), {"multiplier": (1, 0)}, lambda x: np.tile(x, (1, 0))),
        (ZERO, {"multiplier": (2, 2, 2)}, lambda x: np.tile(x, (2, 2, 2))),
        (DEEP, {"multiplier": (1, 3) + (1,) * 14}, lambda x: np.tile(x, (1, 3) + (1,) * 14)),
    ],
}
# What may also be a tensor.
IN_TENSORS = {"shape", "axes", "axis", "multiplier"}


def move_cases(row: str, name: str) -> Iterator[Case]:
    for shape, attributes, reference in MOVES[row]:
        array = values(name, shape, random_generator(row, name, shape), -99, 99)
        wanted = np.ascontiguousarray(reference(array)).reshape(reference(array).shape)
        yield Case(row, [array], wanted, attributes)
        for attribute in IN_TENSORS & set(attributes):
            if row not in {"transpose", "permute"}:
                yield from tensor_case(row, array, wanted, attributes, attribute)


def tensor_case(
    row: str, array: np.ndarray, wanted: np.ndarray, attributes: dict[str, Any], attribute: str
) -> Iterator[Case]:
    """The attribute in a constant, and fed."""
    numbers = np.array(attributes[attribute], np.int32)
    if attribute != "axis":
        numbers = np.atleast_1d(numbers)

    def constant(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        given = attributes | {attribute: graph.constant(numbers.astype(np.int64))}
        return getattr(graph, row)(*tensors, **given)

    def fed(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(tensors[0], **(attributes | {attribute: tensors[1]}))

    yield Case(row, [array], wanted, call=constant, label=f"{attributes} constant")
    yield Case(row, [array, numbers], wanted, call=fed, label=f"{attributes} fed")


def coordinate_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axis in [((3,), 0), ((2, 3), 1), ((2, 3), -2), (ZERO, 1), (DEEP, 14), ((1, 5), -1)]:
        wanted = np.indices(shape, np.int32)[axis]
        yield Case(row, [], wanted, {"axis": axis, "shape": shape}, declared=("static",))

        def fed(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
            return graph.coordinate_along_axis(tensors[0], tensors[1])

        arrays = [np.array(axis, np.int32), np.array(shape, np.int64)]
        yield Case(row, arrays, wanted, call=fed)


def reinterpret_cases(row: str, name: str) -> Iterator[Case]:
    every = ["int8", "uint16", "float16", "bfloat16", "float32", "int64", "float64", "complex64"]
    for target in every:
        for shape in [(4, 8), (0, 8), (2, 1, 1, 2, 16)]:
            array = values(name, shape, random_generator(row, name, shape), -99, 99)
            wanted = array.view(numpy_type(target))
            yield Case(row, [array], wanted, {"type": target})


# shape, attributes, axis
JOINED: list[tuple[list[tuple[int, ...]], int]] = [
    ([(3,)], 0),
    ([(2, 3), (2, 1), (2, 4)], 1),
    ([(2, 3), (2, 1)], -1),
    ([(2, 3), (0, 3), (1, 3)], 0),
    ([(0, 3), (0, 3)], 0),
    ([(2, 1) * 8, (2, 1) * 7 + (2, 4)], 15),
]


def concat_cases(row: str, name: str) -> Iterator[Case]:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor], **attributes: Any) -> Any:
        return graph.concat(tensors, **attributes)

    for shapes, axis in JOINED:
        rng = random_generator(row, name, shapes)
        arrays = [values(name, shape, rng, -99, 99) for shape in shapes]
        wanted = np.concatenate(arrays, axis)
        yield Case(row, arrays, wanted, call=partial(call, dimension=axis), label=f"{axis}")
    for shape, axis, count in [((2, 3), 1, 3), ((2, 3), -2, 2), ((4,), 0, 1), ((0, 2), 0, 2)]:
        rng = random_generator(row, name, shape)
        arrays = [values(name, shape, rng, -99, 99) for _ in range(count)]
        stacked = np.stack(arrays, axis=axis + 1 if axis >= 0 else axis)
        sizes = list(shape)
        sizes[axis] *= count
        alternate = partial(call, dimension=axis, interleave=True)
        if axis < 0:
            stacked = np.stack(arrays, axis=len(shape) + axis + 1)
        yield Case(row, arrays, stacked.reshape(sizes), call=alternate, label="interleaved")


def stack_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axis, count in [((), 0, 3), ((2, 3), 1, 2), ((2, 3), -1, 3), (ZERO, 0, 2)]:
        rng = random_generator(row, name, shape)
        arrays = [values(name, shape, rng, -99, 99) for _ in range(count)]

        def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor], axis: int = axis) -> Any:
            return graph.stack(tensors, axis)

        yield Case(row, arrays, np.stack(arrays, axis), call=call, label=f"{axis}")


def split_cases(row: str, name: str) -> Iterator[Case]:
    for shape, attributes, at in [
        ((6,), {"split_sizes": (1, 2, 3)}, [1, 3]),
        ((6, 2), {"split_sizes": (2, -1), "axis": 0}, [2]),
        ((2, 6), {"num_splits": 3, "axis": 1}, [2, 4]),
        ((2, 6), {"num_splits": 2, "axis": -1}, [3]),
        ((2, 6), {"split_sizes": (0, 6), "axis": 1}, [0]),
        ((2, 0), {"num_splits": 2, "axis": 1}, [0]),
        ((2, 1) * 7 + (4, 2), {"num_splits": 4, "axis": 14}, [1, 2, 3]),
    ]:
        array = values(name, shape, random_generator(row, name, shape), -99, 99)
        wanted = [np.ascontiguousarray(p) for p in np.split(array, at, attributes.get("axis", 0))]
        yield Case(row, [array], wanted, attributes)


def tile_gradient_cases(row: str, name: str) -> Iterator[Case]:
    for shape, times in [
        ((3,), (2,)),
        ((2, 3), (2, 3)),
        ((2, 3), (1, 1)),
        ((2, 3), (1, 0)),
        (ZERO, (1, 2, 1)),
    ]:
        rng = random_generator(row, name, shape, times)
        source = values(name, shape, rng)
        tiled = tuple(n * t for n, t in zip(shape, times, strict=True))
        gradient = np.round(values(name, tiled, rng, -4, 4).astype(complex).real * 4) / 4
        gradient = gradient.astype(source.dtype)  # sums of a few quarters are exact
        split = [k for n, t in zip(shape, times, strict=True) for k in (t, n)]
        with np.errstate(all="ignore"):
            wanted = gradient.reshape(split).sum(tuple(range(0, 2 * len(shape), 2)))
        yield Case(
            row,
            [gradient, source],
            wanted.astype(source.dtype),
            {"multiplier": times},
            signed_zeros=False,
        )


PADDED: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    ((4,), (2,), (3,)),
    ((3, 4), (0, 1), (2, 3)),
    ((3, 4), (0, 0), (0, 0)),
    ((2, 3, 1, 4, 2), (1, 0, 0, 2, 1), (0, 2, 0, 1, 1)),
]
CROPPED: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...]]] = [
    ((5, 4), (-1, 2), (0, -2)),
    ((5, 4), (-2, -1), (-3, 0)),
    ((0, 2), (2, 0), (1, 1)),
    ((), (), ()),
]
MODES = {
    PaddingMode.CONSTANT: "constant",
    PaddingMode.ZERO: "constant",
    PaddingMode.REFLECT: "reflect",
    PaddingMode.SYMMETRIC: "symmetric",
    PaddingMode.CLAMP_TO_EDGE: "edge",
    PaddingMode.PERIODIC: "wrap",
    PaddingMode.ANTI_PERIODIC: "wrap",
}


def padded(array: np.ndarray, mode: PaddingMode, left: Any, right: Any, value: Any) -> np.ndarray:
    """np.pad, and negative numbers crop."""
    grow = [(max(a, 0), max(b, 0)) for a, b in zip(left, right, strict=True)]
    if MODES[mode] == "constant":
        fill = value if mode == PaddingMode.CONSTANT else 0
        sizes = [n + a + b for n, (a, b) in zip(array.shape, grow, strict=True)]
        result = np.full(sizes, fill, array.dtype)
        at = tuple(slice(a, a + n) for n, (a, b) in zip(array.shape, grow, strict=True))
        result[at] = array
    else:
        at_place = np.pad(np.arange(array.size).reshape(array.shape), grow, MODES[mode])
        result = array.reshape(-1)[at_place]
    if mode == PaddingMode.ANTI_PERIODIC:
        sign = np.ones((), int)
        for axis, (n, (a, b)) in enumerate(zip(array.shape, grow, strict=True)):
            along = 1 - 2 * ((np.arange(-a, n + b) // n) % 2)
            sign = sign * along.reshape([-1 if k == axis else 1 for k in range(array.ndim)])
        result = np.where(sign < 0, -result, result)
    crop = tuple(
        slice(max(-a, 0), size - max(-b, 0) if b < 0 else None)
        for a, b, size in zip(left, right, result.shape, strict=True)
    )
    return result[crop]


def pad_cases(row: str, name: str) -> Iterator[Case]:
    for mode in MODES:
        if name == "bool" and mode == PaddingMode.ANTI_PERIODIC:
            continue
        cropping = CROPPED if MODES[mode] == "constant" else []
        for shape, left, right in PADDED + cropping:
            if mode == PaddingMode.REFLECT:
                left, right = (
                    tuple(min(p, n - 1) for p, n in zip(side, shape, strict=True))
                    for side in (left, right)
                )
            if mode == PaddingMode.SYMMETRIC:
                left, right = (
                    tuple(min(p, n) for p, n in zip(side, shape, strict=True))
                    for side in (left, right)
                )
            array = values(name, shape, random_generator(row, name, shape), -9, 9)
            value = 1.0 if name == "bool" else 3.0
            wanted = padded(array, mode, left, right, value)
            attributes: dict[str, Any] = {
                "padding_mode": mode,
                "left_padding": left,
                "right_padding": right,
            }
            if mode == PaddingMode.CONSTANT:
                attributes["constant_value"] = value
            yield Case(row, [array], np.ascontiguousarray(wanted).reshape(wanted.shape), attributes)


def pad_gradient_cases(row: str, name: str) -> Iterator[Case]:
    """Where each element went, from padding the elements' numbers."""
    for mode in MODES:
        for shape, left, right in PADDED[1:3] + CROPPED[:1] * (MODES[mode] == "constant"):
            limit = 0 if mode == PaddingMode.SYMMETRIC else 1
            if mode in {PaddingMode.REFLECT, PaddingMode.SYMMETRIC}:
                left = tuple(min(p, n - limit) for p, n in zip(left, shape, strict=True))
                right = tuple(min(p, n - limit) for p, n in zip(right, shape, strict=True))
            rng = random_generator(row, name, shape)
            count = int(np.prod(shape))
            numbers = np.arange(1, count + 1).reshape(shape)
            places = padded(numbers, mode, left, right, 0)
            whole = rng.integers(0, 4, places.shape)
            sums = np.zeros(count + 1, int)
            np.add.at(sums, np.abs(places), np.where(places < 0, -whole, whole))
            source = values(name, shape, rng)
            wanted = sums[1:].reshape(shape).astype(source.dtype)
            yield Case(
                row,
                [whole.astype(source.dtype), source],
                wanted,
                {"padding_mode": mode, "left_padding": left, "right_padding": right},
                signed_zeros=False,
            )


SHAPE_CASES: Cases = {
    **{row: partial(move_cases, row) for row in MOVES},
    "coordinate_along_axis": partial(coordinate_cases, "coordinate_along_axis"),
    "reinterpret_cast": partial(reinterpret_cases, "reinterpret_cast"),
    "concat": partial(concat_cases, "concat"),
    "stack": partial(stack_cases, "stack"),
    "split": partial(split_cases, "split"),
    "tile_gradient": partial(tile_gradient_cases, "tile_gradient"),
    "pad": partial(pad_cases, "pad"),
    "pad_gradient": partial(pad_gradient_cases, "pad_gradient"),
}
