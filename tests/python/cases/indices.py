"""gather and scatter, written with NumPy's own indexing, an index at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from mpsg import ScatterMode
from support.numbers import FLOATS, INTEGERS, random_generator, values

# Places that indices name: (index in the data, index in what is picked), or None in place of the
# former where an index is out of range.
Places = Iterator[tuple[Any, Any]]
Where = Callable[[np.ndarray, tuple[int, ...], dict[str, Any]], Places]


def inside(index: tuple[int, ...], shape: tuple[int, ...]) -> bool:
    return all(0 <= i < n for i, n in zip(index, shape, strict=False))


def on_axis(indices: np.ndarray, data: tuple[int, ...], options: dict[str, Any]) -> Places:
    axis = options["axis"] % len(data)
    batch = options.get("batch_dimensions", 0)
    for at in np.ndindex(indices.shape):
        index = int(indices[at])
        for before in np.ndindex(data[batch:axis]):
            where = (*at[:batch], *before, index)
            yield where if inside(where, data) else None, (*at[:batch], *before, *at[batch:])


def at_coordinates(indices: np.ndarray, data: tuple[int, ...], options: dict[str, Any]) -> Places:
    batch = options.get("batch_dimensions", 0)
    for at in np.ndindex(indices.shape[:-1]):
        where = (*at[:batch], *map(int, indices[at]))
        yield where if inside(where, data) else None, at


def along_axis(indices: np.ndarray, data: tuple[int, ...], options: dict[str, Any]) -> Places:
    axis = options["axis"] % len(data)
    for at in np.ndindex(indices.shape):
        where = (*at[:axis], int(indices[at]), *at[axis + 1 :])
        yield where if inside(where, data) else None, at


# data, indices, attributes, the shape of what is picked
Setting = tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], tuple[int, ...]]
ON_AXIS: list[Setting] = [
    ((5,), (), {"axis": 0}, ()),
    ((5,), (3,), {"axis": 0}, (3,)),
    ((4, 3), (2, 3), {"axis": 0}, (2, 3, 3)),
    ((4, 3, 2), (5,), {"axis": 1}, (4, 5, 2)),
    ((4, 3, 2), (2, 2), {"axis": -1}, (4, 3, 2, 2)),
    ((3, 4, 0), (2,), {"axis": 1}, (3, 2, 0)),
    ((0, 3), (2,), {"axis": 0}, (2, 3)),
    ((4, 3), (0,), {"axis": 0}, (0, 3)),
    ((65, 70), (9, 4), {"axis": 0}, (9, 4, 70)),
    ((2,) * 15, (2, 1), {"axis": 7}, (2,) * 7 + (2, 1) + (2,) * 7),
]
BATCHED: list[Setting] = [
    ((2, 4, 3), (2, 5), {"axis": 1, "batch_dimensions": 1}, (2, 5, 3)),
    ((2, 3, 4), (2, 2, 1), {"axis": 2, "batch_dimensions": 1}, (2, 3, 2, 1)),
    ((2, 3, 4), (2, 3), {"axis": 2, "batch_dimensions": 2}, (2, 3)),
]
AT_COORDINATES: list[Setting] = [
    ((5,), (3, 1), {}, (3,)),
    ((4, 3), (2,), {}, ()),
    ((4, 3), (2, 2, 1), {}, (2, 2, 3)),
    ((4, 3, 2), (6, 2), {}, (6, 2)),
    ((4, 3, 2), (6, 0), {}, (6, 4, 3, 2)),
    ((2, 4, 3), (2, 5, 1), {"batch_dimensions": 1}, (2, 5, 3)),
    ((2, 3, 4, 2), (2, 3, 2, 1), {"batch_dimensions": 2}, (2, 3, 2, 2)),
    ((0, 3), (2, 1), {}, (2, 3)),
]
ALONG_AXIS: list[Setting] = [
    ((5,), (3,), {"axis": 0}, (3,)),
    ((4, 3), (4, 6), {"axis": 1}, (4, 6)),
    ((4, 3, 2), (1, 3, 2), {"axis": -3}, (1, 3, 2)),
    ((4, 0), (2, 0), {"axis": 0}, (2, 0)),
]


def draw_indices(
    setting: Setting, kind: Where, rng: np.random.Generator, integer: str
) -> np.ndarray:
    """Most of them in range, some repeated, some not in range."""
    data, shape, options, _ = setting
    most = max(data, default=0)
    if kind is not at_coordinates:
        most = data[options["axis"]]
    lowest = 0 if integer.startswith("u") else -1
    return rng.integers(lowest, most + 1, shape).astype(integer)


def gather_cases(kind: Where, settings: list[Setting], row: str, name: str) -> Iterator[Case]:
    for number, setting in enumerate(settings):
        rng = random_generator(row, name, number)
        data = values(name, setting[0], rng, -99, 99)
        indices = draw_indices(setting, kind, rng, ["int32", "int64", "uint8"][number % 3])
        wanted = np.zeros_like(data, shape=setting[3])
        for where, at in kind(indices, setting[0], setting[2]):
            if where is None:
                continue
            wanted[at] = data[where]
        yield Case(row, [data, indices], wanted, setting[2])
    if kind is along_axis:
        yield from axis_in_a_tensor(row, name)


def axis_in_a_tensor(row: str, name: str) -> Iterator[Case]:
    data = values(name, (3, 4), random_generator(row, name), -99, 99)
    indices = np.array([[3, 0], [1, 1], [2, 0]], np.int32)

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return graph.gather_along_axis(*tensors, axis=graph.constant(np.int32(1)))

    wanted = np.take_along_axis(data, indices.astype(np.int64), 1)
    yield Case(row, [data, indices], wanted, call=call, label="axis in a tensor")


COMBINE: dict[ScatterMode, Callable[[Any, Any], Any]] = {
    ScatterMode.ADD: lambda a, b: a + b,
    ScatterMode.SUB: lambda a, b: a - b,
    ScatterMode.MUL: lambda a, b: a * b,
    ScatterMode.MIN: np.minimum,
    ScatterMode.MAX: np.maximum,
    ScatterMode.SET: lambda a, b: b,
}


def start_of(row: str, mode: ScatterMode, name: str) -> Any:
    if row != "scatter_along_axis" or mode in (ScatterMode.ADD, ScatterMode.SUB, ScatterMode.SET):
        return 0
    if mode == ScatterMode.MUL:
        return 1
    lowest, highest = (-np.inf, np.inf) if name in FLOATS else (None, None)
    if name in INTEGERS:
        lowest, highest = np.iinfo(name).min, np.iinfo(name).max
    return highest if mode == ScatterMode.MIN else lowest


def scatter_cases(kind: Where, settings: list[Setting], row: str, name: str) -> Iterator[Case]:
    """Small whole numbers: every order of sums and products is exact in every type."""
    modes = [ScatterMode.SET]
    if name != "bool":
        modes += [ScatterMode.ADD, ScatterMode.SUB, ScatterMode.MUL]
    if name not in ("bool", "complex64"):
        modes += [ScatterMode.MIN, ScatterMode.MAX]
    for number, setting in enumerate(settings):
        for mode in modes:
            for with_data in (False, True):
                rng = random_generator(row, name, number, mode.name, with_data)
                yield scatter_case(kind, setting, row, name, mode, with_data, rng)


def scatter_case(
    kind: Where,
    setting: Setting,
    row: str,
    name: str,
    mode: ScatterMode,
    with_data: bool,
    rng: np.random.Generator,
) -> Case:
    shape, _, options, picked = setting
    low = 0 if name.startswith("u") or name == "bool" else -1
    whole = rng.integers(low, 2, picked)
    updates = whole.astype(values(name, (), rng).dtype)
    indices = draw_indices(setting, kind, rng, "int32")
    data = rng.integers(low + 1, 2, shape).astype(updates.dtype)
    wanted = data.copy()
    if not with_data:
        wanted = np.full(shape, start_of(row, mode, name)).astype(updates.dtype)
    with np.errstate(over="ignore"):
        for where, at in kind(indices, shape, options):
            if where is not None:
                wanted[where] = COMBINE[mode](wanted[where], updates[at])

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        more: dict[str, Any] = {"data": tensors[2]} if with_data else {"shape": shape}
        return getattr(graph, row)(*tensors[:2], mode=mode, **options, **more)

    arrays = [updates, indices, data] if with_data else [updates, indices]
    return Case(
        row,
        arrays,
        wanted,
        call=call,
        signed_zeros=False,
        label=f"{mode.name} {options} into {shape}",
    )


def division_case(row: str, name: str) -> Iterator[Case]:
    dtype = values(name, (), random_generator()).dtype
    data = np.array([8, 4, 2, 1, 0.5]).astype(dtype)
    updates = np.array([2, -4, 2]).astype(dtype)
    indices = np.array([[0], [1], [0]], np.int32)

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        updates, indices, data = tensors
        return graph.scatter_nd(updates, indices, data=data, mode=ScatterMode.DIV)

    wanted = np.array([2, -1, 2, 1, 0.5]).astype(dtype)
    yield Case(row, [updates, indices, data], wanted, call=call, label="DIV")


def scatter_nd_cases(row: str, name: str) -> Iterator[Case]:
    yield from scatter_cases(at_coordinates, AT_COORDINATES, row, name)
    if name in FLOATS:
        yield from division_case(row, name)


INDEX_CASES: Cases = {
    "gather": partial(gather_cases, on_axis, ON_AXIS + BATCHED, "gather"),
    "gather_nd": partial(gather_cases, at_coordinates, AT_COORDINATES, "gather_nd"),
    "gather_along_axis": partial(gather_cases, along_axis, ALONG_AXIS, "gather_along_axis"),
    "scatter": partial(scatter_cases, on_axis, ON_AXIS, "scatter"),
    "scatter_nd": partial(scatter_nd_cases, "scatter_nd"),
    "scatter_along_axis": partial(scatter_cases, along_axis, ALONG_AXIS, "scatter_along_axis"),
}
