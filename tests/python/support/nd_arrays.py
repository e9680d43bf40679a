"""What the tests of NDArray share."""

from __future__ import annotations

from typing import Any

import numpy as np

from support.numbers import ALL, FOUR_BITS, numpy_type, random_generator, values

STORED = [*ALL, *FOUR_BITS]


def address(data: Any) -> int:
    return np.asarray(data).__array_interface__["data"][0]


def numbers(name: str, shape: Any, seed: Any = 0) -> np.ndarray:
    if name in FOUR_BITS:
        low, high = FOUR_BITS[name]
        whole = random_generator(name, seed).integers(low, high + 1, shape)
        return np.asarray(whole).astype(numpy_type(name))
    return values(name, shape, random_generator(name, seed), -99, 99)


def same(a: Any, b: Any) -> bool:
    """Equal bytes, so that NaN and -0 count."""
    a, b = np.asarray(a), np.asarray(b)
    return a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b.tobytes()
