"""One case of a gradient, and the operands of such cases."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

import mpsg
from support.differences import Call
from support.numbers import random_generator, values
from support.running import DECLARED


@dataclass
class GradientCase:
    label: str
    call: Call
    arrays: list[np.ndarray]
    declared: tuple[str, ...] = tuple(DECLARED)
    # Equal bits whatever is known of the shapes.
    same_bits: bool = True

    def __post_init__(self) -> None:
        self.arrays = [np.array(array) for array in self.arrays]


def real(shape: tuple[int, ...], key: object = 0, low: float = -2, high: float = 2) -> np.ndarray:
    return values("float64", shape, random_generator(shape, key), low, high)


def apart(shape: tuple[int, ...], key: object = 0) -> np.ndarray:
    """Different numbers, none of them near another or near 0: no maximum changes hands."""
    count = int(np.prod(shape))
    order = random_generator(shape, key).permutation(count) - count // 2
    return (order * 0.25 + 0.125).reshape(shape)


def complexes(shape: tuple[int, ...], key: object = 0) -> np.ndarray:
    """In the first quadrant: away from every branch cut of a power or a logarithm."""
    rng = random_generator(shape, key)
    parts = values("float64", shape, rng, 0.4, 1), values("float64", shape, rng, 0.2, 0.6)
    return (parts[0] + 1j * parts[1]).astype(np.complex64)


def plain(row: str, *arrays: np.ndarray, **attributes: Any) -> GradientCase:
    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        return getattr(graph, row)(*tensors, **attributes)

    return GradientCase(str(attributes), call, list(arrays))
