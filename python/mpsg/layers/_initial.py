"""First values of weights, from raw bits: the same on every machine, for every NumPy."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt


def he_uniform(shape: Sequence[int], fan_in: int, *key: int) -> npt.NDArray[np.float32]:
    """Uniform numbers of variance 2 / fan_in: for weights before a ReLU (He and others, 2015).

    Args:
        shape: Of the array.
        fan_in: How many products are added to one output, at least 1.
        key: Non-negative integers: the seed first, then what tells these weights from others.

    Returns:
        float32 of that shape.

    Raises:
        ValueError: ``fan_in`` is below 1, or a number of the key is negative.

    Example:
        >>> he_uniform((784, 10), 784, 0).shape
        (784, 10)
    """
    if fan_in < 1:
        raise ValueError(f"fan_in must be at least 1, not {fan_in}")
    return uniform(shape, math.sqrt(6 / fan_in), key)


def glorot_uniform(
    shape: Sequence[int], fan_in: int, fan_out: int, *key: int
) -> npt.NDArray[np.float32]:
    """Uniform numbers of variance 2 / (fan_in + fan_out) (Glorot and Bengio, 2010).

    Args:
        shape: Of the array.
        fan_in: How many products are added to one output, at least 1.
        fan_out: How many outputs one input takes part in, at least 1.
        key: Non-negative integers: the seed first, then what tells these weights from others.

    Returns:
        float32 of that shape.

    Raises:
        ValueError: A fan is below 1, or a number of the key is negative.

    Example:
        >>> glorot_uniform((784, 10), 784, 10, 0).shape
        (784, 10)
    """
    if fan_in < 1 or fan_out < 1:
        raise ValueError(f"fan_in and fan_out must be at least 1, not {fan_in} and {fan_out}")
    return uniform(shape, math.sqrt(6 / (fan_in + fan_out)), key)


def uniform(shape: Sequence[int], limit: float, key: Sequence[int]) -> npt.NDArray[np.float32]:
    """Uniform over [-limit, limit). NumPy keeps SeedSequence and the raw bits of PCG64 the same
    from version to version, but not its distributions.
    """
    bits = np.random.PCG64(np.random.SeedSequence(key)).random_raw(math.prod(shape))
    unit = (bits >> np.uint64(11)) * 2.0**-53
    return ((2 * unit - 1) * limit).astype(np.float32).reshape(shape)
