"""Poolings of four dimensions, one element of the window at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Cases
from cases.volumes import axis_of
from mpsg import PaddingStyle, Pooling4DOpDescriptor, PoolingReturnIndicesMode
from support.numbers import INTEGERS, numpy_type, random_generator, values, wide
from support.windows import Axis

POOLS: list[tuple[tuple[int, ...], dict[str, Any]]] = [
    ((1, 1, 1, 1), {"kernel_sizes": (1, 1, 1, 1)}),
    ((2, 3, 4, 3, 5), {"kernel_sizes": (1, 2, 2, 3)}),
    ((0, 3, 4, 3, 5), {"kernel_sizes": (2, 2, 2, 3)}),
    ((3, 4, 5, 4), {"kernel_sizes": (2, 3, 2, 1), "strides": (1, 2, 2, 1)}),
    ((3, 3, 5, 6), {"kernel_sizes": (2, 1, 2, 2), "dilation_rates": (2, 1, 2, 3)}),
    (
        (3, 4, 3, 4),
        {"kernel_sizes": (2, 3, 2, 3), "padding_values": (1, 0, 1, 1, 0, 1, 1, 2)},
    ),
    (
        (3, 4, 4, 5),
        {
            "kernel_sizes": (2, 2, 3, 2),
            "strides": (2, 3, 2, 2),
            "padding_values": (1, 0, 0, 0, 1, 0, 0, 1),
            "ceil_mode": True,
        },
    ),
    (
        (3, 4, 3, 4),
        {
            "kernel_sizes": (2, 3, 2, 2),
            "strides": (1, 2, 1, 2),
            "padding_style": PaddingStyle.TF_SAME,
        },
    ),
    ((2, 1, 2, 9, 17), {"kernel_sizes": (1, 1, 2, 2), "strides": (1, 1, 2, 2)}),
]


class Pool:
    """(N, d0, d1, d2, d3)."""

    def __init__(self, shape: tuple[int, ...], d: Pooling4DOpDescriptor) -> None:
        self.shape, self.d = shape, d
        kernels, strides = np.atleast_1d(d.kernel_sizes), np.atleast_1d(d.strides)
        dilations, pads = np.atleast_1d(d.dilation_rates), np.atleast_1d(d.padding_values)
        self.axes: list[Axis] = []
        for i, size in enumerate(shape[-4:]):
            axis = axis_of(
                *(size, int(kernels[i]), int(strides[i]), int(dilations[i])),
                d.padding_style,
                (int(pads[2 * i]), int(pads[2 * i + 1])),
            )
            axis.ceil = d.ceil_mode
            self.axes.append(axis)
        self.sizes = tuple(axis.output for axis in self.axes)
        self.output = (*shape[:-4], *self.sizes)
        self.flat = (int(np.prod(shape[:-4], dtype=int)), *shape[-4:])

    def windows(self) -> Iterator[tuple[tuple[int, ...], list[tuple[tuple[int, ...], Any]]]]:
        """A place in the result, and the elements of its window: which, and where they lie."""
        for at in itertools.product(*map(range, self.sizes)):
            inside = []
            for tap in itertools.product(*(range(axis.kernel) for axis in self.axes)):
                place = tuple(a.place(o, k) for a, o, k in zip(self.axes, at, tap, strict=True))
                if all(0 <= p < a.size for p, a in zip(place, self.axes, strict=True)):
                    inside.append((tap, place))
            yield at, inside

    def maximum(self, x: np.ndarray, least: Any) -> tuple[np.ndarray, np.ndarray]:
        """The maxima, and which tap it was: (N, ..., 4), -1 for none."""
        x = x.reshape(self.flat)
        best = np.full((self.flat[0], *self.sizes), least, x.dtype)
        taps = np.full((*best.shape, 4), -1)
        for at, inside in self.windows():
            for n in range(self.flat[0]):
                for tap, place in inside:
                    here, now = x[(n, *place)], best[(n, *at)]
                    if taps[(n, *at)][0] < 0 or here > now or (here != here and now == now):
                        best[(n, *at)], taps[(n, *at)] = here, tap
        return best.reshape(self.output), taps

    def scatter(self, gradient: np.ndarray, taps: np.ndarray) -> np.ndarray:
        g = gradient.reshape(self.flat[0], *self.sizes)
        result = np.zeros(self.flat, gradient.dtype)
        for n, *at in np.ndindex(*g.shape):
            tap = taps[(n, *at)]
            if tap[0] >= 0:
                place = [a.place(o, k) for a, o, k in zip(self.axes, at, tap, strict=True)]
                result[(n, *place)] += g[(n, *at)]
        return result.reshape(self.shape)

    def counts(self) -> np.ndarray:
        padded = self.d.include_zero_pad_to_average
        result = np.ones((1, 1, 1, 1))
        for i, axis in enumerate(self.axes):
            low, high = (-axis.before, axis.size + axis.after) if padded else (0, axis.size)
            inside = [
                sum(low <= axis.place(o, k) < high for k in range(axis.kernel))
                for o in range(axis.output)
            ]
            shape = [-1 if k == i else 1 for k in range(4)]
            result = result * np.maximum(np.array(inside, float), 1).reshape(shape)
        return result

    def total(self, x: np.ndarray) -> np.ndarray:
        x = x.reshape(self.flat)
        result = np.zeros((self.flat[0], *self.sizes), x.dtype)
        for at, inside in self.windows():
            for _, place in inside:
                result[(slice(None), *at)] += x[(slice(None), *place)]
        return result.reshape(self.output)

    def spread(self, g: np.ndarray) -> np.ndarray:
        g = g.reshape(self.flat[0], *self.sizes)
        result = np.zeros(self.flat, g.dtype)
        for at, inside in self.windows():
            for _, place in inside:
                result[(slice(None), *place)] += g[(slice(None), *at)]
        return result.reshape(self.shape)


def least_of(name: str) -> Any:
    return np.iinfo(name).min if name in INTEGERS else -np.inf


def maximum_cases(row: str, name: str) -> Iterator[Case]:
    for index, (shape, options) in enumerate(POOLS):
        d = Pooling4DOpDescriptor(**options)
        pool = Pool(shape, d)
        rng = random_generator(row, name, index)
        x = values(name, shape, rng, -99, 99)
        best, taps = pool.maximum(wide(x), least_of(name))
        if row == "max_pooling_4d":
            yield Case(row, [x], best, {"descriptor": d})
            continue
        whole = rng.integers(0, 3, pool.output).astype(numpy_type(name))
        wanted = pool.scatter(whole, taps)
        yield Case(row, [whole, x], wanted, {"descriptor": d}, signed_zeros=False)
        for mode in ("GLOBAL_FLATTEN_4D", "LOCAL_FLATTEN_4D"):
            mode_of = PoolingReturnIndicesMode[mode]
            by_index = Pooling4DOpDescriptor(return_indices_mode=mode_of, **options)
            indices = flat_places(pool, taps, mode_of)

            def call(g: Any, t: list[Any], d: Any = by_index, shape: Any = shape) -> Any:
                return g.max_pooling_4d_gradient(t[0], None, d, indices=t[1], output_shape=shape)

            yield Case(row, [whole, indices], wanted, call=call, label=mode, signed_zeros=False)


def flat_places(pool: Pool, taps: np.ndarray, mode: PoolingReturnIndicesMode) -> np.ndarray:
    local = "LOCAL" in mode.name
    total = np.zeros(taps.shape[:-1], int)
    at = np.indices(taps.shape[:-1])
    for i in range(4 - int(mode.name[-2]), 4):
        axis = pool.axes[i]
        place = taps[..., i]
        if not local:
            place = at[i + 1] * axis.stride - axis.before + place * axis.dilation
        total = total * (axis.kernel if local else axis.size) + place
    return np.where(taps[..., 0] < 0, -1, total).astype(np.int32).reshape(pool.output)


def index_cases(row: str, name: str) -> Iterator[Case]:
    for index, (shape, options) in enumerate(POOLS[:7]):
        for mode in list(PoolingReturnIndicesMode)[1 + index % 2 :: 2]:
            d = Pooling4DOpDescriptor(return_indices_mode=mode, **options)
            pool = Pool(shape, d)
            x = values(name, shape, random_generator(row, name, index), -9, 9)
            best, taps = pool.maximum(wide(x), least_of(name))
            yield Case(row, [x], [best, flat_places(pool, taps, mode)], {"descriptor": d})


def sum_cases(row: str, name: str) -> Iterator[Case]:
    for index, (shape, options) in enumerate(POOLS):
        for padded in (False, True) if row.startswith("avg") else (False,):
            d = Pooling4DOpDescriptor(include_zero_pad_to_average=padded, **options)
            pool = Pool(shape, d)
            rng = random_generator(row, name, index)
            x, g = values(name, shape, rng), values(name, pool.output, rng)
            t, counts = wide(x), pool.counts()
            counts = counts.astype(t.dtype)
            if row == "avg_pooling_4d":
                arrays, wanted = [x], pool.total(t) / counts
                scale = pool.total(np.abs(t)) / counts
            elif row == "avg_pooling_4d_gradient":
                arrays, wanted = [g, x], pool.spread(wide(g) / counts)
                scale = pool.spread(np.abs(wide(g)) / counts)
            else:
                norm = np.sqrt(pool.total(t * t))
                arrays, wanted = [x], norm
                scale = norm
                if row.endswith("gradient"):
                    share = np.where(norm == 0, 0, wide(g) / np.where(norm == 0, 1, norm))
                    arrays, wanted = [g, x], t * pool.spread(share)
                    scale = np.abs(t) * pool.spread(np.abs(share))
            yield Case(
                row,
                arrays,
                wanted,
                {"descriptor": d},
                operations=2 * float(np.prod(np.atleast_1d(d.kernel_sizes))) + 12,
                scale=scale,
                same_bits=False,
                signed_zeros=False,
            )


SUMS = ["avg_pooling_4d", "avg_pooling_4d_gradient", "l2_norm_pooling_4d"]
SUMS += ["l2_norm_pooling_4d_gradient"]
POOL_CASES: Cases = {
    **{row: partial(maximum_cases, row) for row in ("max_pooling_4d", "max_pooling_4d_gradient")},
    "max_pooling_4d_return_indices": partial(index_cases, "max_pooling_4d_return_indices"),
    **{row: partial(sum_cases, row) for row in SUMS},
}
