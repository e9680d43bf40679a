"""Shuffling that repeats everywhere."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt


def permutation(count: int, *key: int) -> npt.NDArray[np.intp]:
    """The numbers 0 to ``count - 1`` in an order that depends only on ``key``.

    NumPy keeps ``SeedSequence`` and the raw bits of PCG64 the same from version to version, but
    not ``Generator.permutation``; hence the order is made from raw bits.

    Args:
        count: How many numbers.
        key: Non-negative integers: the seed first, then what tells this order from others.
    """
    bits = np.random.PCG64(np.random.SeedSequence(key)).random_raw(count)
    return np.argsort(bits, kind="stable")
