"""Checked integers from callers."""

from __future__ import annotations

import operator
from typing import SupportsIndex

import numpy as np


def integer(name: str, value: SupportsIndex, least: int, most: int | None = None) -> int:
    """``value`` as an int in a range; NumPy integers pass, floats and bools do not.

    Args:
        name: What the caller calls it, for the message.
        value: What was given.
        least: The smallest allowed.
        most: The largest allowed; ``None`` sets no limit.

    Raises:
        TypeError: It is not an integer.
        ValueError: It is out of range.

    Example:
        >>> integer("depth", np.int64(3), least=1)
        3
    """
    if isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be an integer, not {value!r}")
    try:
        number = operator.index(value)
    except TypeError:
        raise TypeError(f"{name} must be an integer, not {value!r}") from None
    if most is not None and not least <= number <= most:
        raise ValueError(f"{name} must be from {least} to {most}, not {number}")
    if number < least:
        raise ValueError(f"{name} must be at least {least}, not {number}")
    return number
