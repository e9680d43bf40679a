"""Checked numbers from callers."""

from __future__ import annotations

import math

import numpy as np


def real(name: str, value: float, least: float = 0.0, below: float = math.inf) -> float:
    """``value`` as a finite float in [least, below).

    Args:
        name: What the caller calls it, for the message.
        value: A Python or NumPy number; bools and text do not pass.
        least: The smallest allowed.
        below: The first one too large.

    Raises:
        TypeError: It is not a real number.
        ValueError: It is not finite or out of range.

    Example:
        >>> real("momentum", 0.9, below=1)
        0.9
    """
    if isinstance(value, bool | np.bool_) or not isinstance(
        value, int | float | np.integer | np.floating
    ):
        raise TypeError(f"{name} must be a number, not {value!r}")
    number = float(value)
    if not math.isfinite(number) or not least <= number < below:
        limit = "" if below == math.inf else f" and below {below:g}"
        raise ValueError(f"{name} must be finite and at least {least:g}{limit}, not {value!r}")
    return number
