"""Fourier transforms against NumPy's in double precision."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from mpsg import FFTDescriptor, FFTScalingMode
from support.numbers import random_generator, values, wide

TRANSFORMS: list[tuple[tuple[int, ...], Any]] = [
    ((1,), 0),
    ((2,), [0]),
    ((8,), -1),
    ((3, 5), [1]),
    ((3, 5), [0]),
    ((6, 7), [0, 1]),
    ((4, 6), [1, 0]),
    ((0, 4), [1]),
    ((2, 3, 4, 5), [0, 1, 2, 3]),
    ((2, 3, 4, 5), [-1, -3]),
    ((2, 1) * 7 + (3, 4), [14, 15]),
    ((20, 16), [-1]),
    ((33, 36), [1]),
    ((9, 40), [0, 1]),
    ((2, 37), [1]),
    ((5, 74, 3), [1]),
    ((2, 127), [1]),
    ((3, 360), [1]),
    ((40, 8, 6), [1]),
    ((3, 4096), [1]),
    ((2, 6000), [1]),
]


def scale_of(mode: FFTScalingMode, sizes: list[int]) -> float:
    volume = float(np.prod(sizes))
    return {"NONE": 1.0, "SIZE": 1 / volume, "UNITARY": volume**-0.5}[mode.name]


def roundings(sizes: list[int]) -> float:
    """A few for each stage; a prime length is a convolution of two transforms."""
    return float(sum(6 * np.log2(size + 1) + 8 for size in sizes) * 4)


def complex_transform(x: np.ndarray, axes: Any, inverse: bool) -> np.ndarray:
    if inverse:
        return np.conj(np.fft.fftn(np.conj(x), axes=axes))
    return np.fft.fftn(x, axes=axes)


def transform_cases(row: str, name: str) -> Iterator[Case]:
    for index, (shape, axes) in enumerate(TRANSFORMS):
        along = [axes] if isinstance(axes, int) else axes
        for inverse in (False, True):
            mode = FFTScalingMode((index + inverse) % 3)
            odd = bool(index % 2)
            descriptor = FFTDescriptor(
                inverse=inverse, scaling_mode=mode, round_to_odd_hermitean=odd
            )
            x = values(name, shape, random_generator(row, name, shape, inverse))
            true = wide(x)
            if row == "fast_fourier_transform":
                sizes = [shape[axis] for axis in along]
                wanted = complex_transform(true, along, inverse)
            elif row == "real_to_hermitean_fft":
                sizes = [shape[axis] for axis in along]
                wanted = np.fft.rfftn(true, axes=along)
                wanted = np.conj(wanted) if inverse else wanted
            else:
                sizes = [shape[axis] for axis in along]
                sizes[-1] = 2 * (sizes[-1] - 1) + odd
                if sizes[-1] == 0:
                    continue
                whole = true if inverse else np.conj(true)
                wanted = np.fft.irfftn(whole, sizes, axes=along, norm="forward")
            factor = scale_of(mode, sizes)
            norm = np.sqrt(np.mean(np.abs(true) ** 2)) if x.size else 0.0
            magnitude = np.full(wanted.shape, 2 * norm * factor * np.sqrt(np.prod(sizes)))
            yield Case(
                row,
                [x],
                wanted * factor,
                {"axes": axes, "descriptor": descriptor},
                operations=roundings(sizes),
                scale=magnitude + np.abs(wanted * factor),
                same_bits=False,
                signed_zeros=False,
            )
    x = values(name, (3, 4, 5), random_generator(row, name))
    yield Case(
        row,
        [x, np.array([0, 1], np.int64)],
        {
            "fast_fourier_transform": lambda v: np.fft.fftn(v, axes=(0, 1)),
            "real_to_hermitean_fft": lambda v: np.fft.rfftn(v, axes=(0, 1)),
            "hermitean_to_real_fft": lambda v: np.fft.irfftn(
                np.conj(v), (3, 6), axes=(0, 1), norm="forward"
            ),
        }[row](wide(x)),
        call=with_axes_tensor(row),
        label="axes as a tensor",
        operations=200,
        scale=np.array(60.0),
        same_bits=False,
        signed_zeros=False,
    )


def with_axes_tensor(row: str) -> Any:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(*tensors, FFTDescriptor())

    return call


ROWS = ("fast_fourier_transform", "real_to_hermitean_fft", "hermitean_to_real_fft")
FOURIER_CASES: Cases = {row: partial(transform_cases, row) for row in ROWS}
