"""Resizing and sampling of images, windows as columns, and stencils, against NumPy and SciPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from mpsg import ResizeMode, TensorNamedDataLayout
from mpsg import ResizeNearestRoundingMode as Rounding
from support.numbers import FLOATS, random_generator, values, wide

NHWC, NCHW = TensorNamedDataLayout.NHWC, TensorNamedDataLayout.NCHW
HWC, CHW, HW = TensorNamedDataLayout.HWC, TensorNamedDataLayout.CHW, TensorNamedDataLayout.HW
AXES = {NHWC: (1, 2), NCHW: (2, 3), HWC: (0, 1), CHW: (1, 2), HW: (0, 1)}

# images, size, options
RESIZES: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any]]] = [
    ((1, 3, 4, 2), (6, 8), {"layout": NHWC}),
    ((2, 3, 5, 7), (9, 4), {"layout": NCHW, "center_result": False}),
    ((2, 3, 5, 7), (9, 4), {"layout": NCHW, "align_corners": True}),
    ((5, 7, 3), (5, 13), {"layout": HWC}),
    ((3, 5, 7), (10, 7), {"layout": CHW, "center_result": False}),
    ((5, 7), (1, 1), {"layout": HW, "align_corners": True}),
    ((1, 1), (3, 2), {"layout": HW}),
    ((7,), (4,), {}),
    ((3, 2, 4, 3), (2, 5, 4, 6), {}),
    ((2, 3, 4), (2, 3, 4), {}),
    ((2, 0, 3), (0, 0, 2), {}),
    ((2, 3), (2, 0), {}),
    ((1, 40, 50, 3), (90, 71), {"layout": NHWC}),
    ((3, 40, 50), (9, 6), {"layout": CHW}),
]
# scales and offsets for [y, x], for all dimensions
SCALED: list[tuple[tuple[int, ...], tuple[int, ...], dict[str, Any], list[float]]] = [
    ((1, 3, 4, 2), (6, 8), {"layout": NHWC}, [2, 2, 0.5, 0.5]),
    ((1, 2, 3, 4), (5, 8), {"layout": NCHW}, [1.75, 0.5, -1.25, 3]),
    ((4, 3), (6, 5), {}, [1.5, 2, 0.25, -1]),
]


def axes_of(shape: tuple[int, ...], options: dict[str, Any]) -> tuple[int, ...]:
    return AXES[options["layout"]] if "layout" in options else tuple(range(len(shape)))


def positions(size: int, result: int, options: dict[str, Any]) -> np.ndarray:
    """Where the elements of a result lie."""
    at = np.arange(result)
    if options.get("align_corners"):
        return np.linspace(0, size - 1, result) if result > 1 else np.zeros(result)
    if options.get("center_result", True):
        return np.asarray((at + 0.5) * size / result - 0.5)
    return np.asarray(at * size / max(result, 1))


ROUND: dict[Rounding, Any] = {
    Rounding.ROUND_PREFER_CEIL: lambda x: np.floor(x + 0.5),
    Rounding.ROUND_PREFER_FLOOR: lambda x: np.ceil(x - 0.5),
    Rounding.CEIL: np.ceil,
    Rounding.FLOOR: np.floor,
    Rounding.ROUND_TO_EVEN: np.rint,
    Rounding.ROUND_TO_ODD: lambda x: np.rint(x - 1) + 1,
}


def matrix(size: int, at: np.ndarray, rounding: Rounding | None) -> np.ndarray:
    """What a resize along one axis multiplies with: rows of NumPy's linear interpolation."""
    if size == 0:
        return np.zeros((len(at), 0))
    at = ROUND[rounding](at) if rounding is not None else at
    return np.stack([np.interp(at, np.arange(size), row) for row in np.eye(size)], 1)


def matrices(
    shape: tuple[int, ...],
    size: tuple[int, ...],
    options: dict[str, Any],
    rounding: Rounding | None,
    scales: list[float] | None = None,
) -> dict[int, np.ndarray]:
    found = {}
    axes = axes_of(shape, options)
    for i, axis in enumerate(axes):
        at = positions(shape[axis], size[i], options)
        if scales:
            at = (np.arange(size[i]) - scales[len(axes) + i]) / scales[i]
        found[axis] = matrix(shape[axis], at, rounding)
    return found


def along(array: np.ndarray, by: dict[int, np.ndarray]) -> np.ndarray:
    for axis, rows in by.items():
        array = np.moveaxis(np.tensordot(rows.astype(array.dtype), array, (1, axis)), 0, axis)
    return array


def settings() -> Iterator[tuple[Any, Any, dict[str, Any], list[float] | None]]:
    for shape, size, options in RESIZES:
        yield shape, size, options, None
    yield from SCALED


def scale_arguments(options: dict[str, Any], scales: list[float]) -> dict[str, Any]:
    numbers = np.array(scales, np.float32)
    if "layout" in options:
        return {"scale_offset": numbers}
    half = len(scales) // 2
    return {"scale": numbers[:half], "offset": numbers[half:]}


def build_resize(
    row: str,
    positional: list[Any],
    options: dict[str, Any],
    scales: list[float] | None,
    as_tensor: bool,
    graph: mpsg.Graph,
    tensors: list[mpsg.Tensor],
) -> mpsg.Tensor:
    if as_tensor:
        positional = [graph.constant(np.array(positional[0], np.int64)), *positional[1:]]
    more = dict(options)
    if scales:
        more |= {k: graph.constant(v) for k, v in scale_arguments(options, scales).items()}
    result: mpsg.Tensor = getattr(graph, row)(*tensors, *positional, **more)
    return result


def resize_cases(row: str, name: str) -> Iterator[Case]:
    for number, (shape, size, options, scales) in enumerate(settings()):
        for rounding, mode in ways(row, name, number):
            by = matrices(shape, size, options, rounding, scales)
            array = values(name, shape, random_generator(row, name, shape), -9, 9)
            wanted, scale = along(wide(array), by), along(np.abs(wide(array)), by)
            exact = rounding is not None
            if exact and name not in FLOATS:
                wanted = along(array.astype(np.int64), by).astype(name)
            call = partial(build_resize, row, [size, *mode], options, scales, number % 2 == 1)
            yield Case(
                row,
                [array],
                wanted,
                call=call,
                operations=0 if exact else 4 * len(by) + 2,
                scale=None if exact else scale,
                signed_zeros=False,
                label=f"to {size} {mode} {options} {scales}",
            )


def ways(row: str, name: str, number: int) -> Iterator[tuple[Rounding | None, list[Any]]]:
    """How pixels are found, and the arguments that say so."""
    ceil = Rounding.ROUND_PREFER_CEIL
    if row.startswith("resize_bilinear"):
        yield None, []
    elif row.startswith("resize_nearest"):
        for rounding in list(Rounding) if number < 6 else [Rounding(number % 6)]:
            yield rounding, [rounding]
    else:
        yield ceil, [ResizeMode.NEAREST]
        if name in FLOATS:
            yield None, [ResizeMode.BILINEAR]


def gradient_cases(row: str, name: str) -> Iterator[Case]:
    for number, (shape, size, options, scales) in enumerate(settings()):
        for rounding, mode in ways(row, name, number):
            by = {axis: m.T for axis, m in matrices(shape, size, options, rounding, scales).items()}
            large = list(shape)
            for axis, m in by.items():
                large[axis] = m.shape[1]
            rng = random_generator(row, name, shape)
            gradient, source = values(name, tuple(large), rng), values(name, shape, rng)
            most = [1, *(int(np.count_nonzero(m, 1).max(initial=0)) for m in by.values())]
            yield Case(
                row,
                [gradient, source],
                along(wide(gradient), by),
                call=partial(build_resize, row, mode, options, scales, False),
                operations=sum(most) + 4 * len(by),
                scale=along(np.abs(wide(gradient)), by),
                signed_zeros=False,
                label=f"{mode} {options} {scales}",
            )


RESIZE_CASES: Cases = {
    row + suffix: partial(cases, row + suffix)
    for row in ("resize", "resize_bilinear", "resize_nearest")
    for suffix, cases in (("", resize_cases), ("_gradient", gradient_cases))
}
