"""Activations by name, as layers take them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from mpsg._mpsg import Tensor
from mpsg._numbers import real

Activation: TypeAlias = str | Callable[[Tensor], Tensor] | None
"""A name ("relu", "leaky_relu" (with 0.01), "sigmoid", "tanh", "gelu", "softmax" over the last
axis), a function of a tensor such as :func:`mpsg.layers.leaky_relu` makes, or None."""


class _LeakyRelu:
    """x where it is positive, else ``alpha * x``."""

    def __init__(self, alpha: float) -> None:
        self.alpha = alpha

    def __call__(self, x: Tensor) -> Tensor:
        return x.graph.leaky_relu(x, self.alpha)


def leaky_relu(alpha: float) -> Callable[[Tensor], Tensor]:
    """The activation ``x if x > 0 else alpha * x``, for layers.

    Args:
        alpha: A finite number.

    Raises:
        TypeError: ``alpha`` is not a number.
        ValueError: It is not finite.

    Example:
        >>> y = mpsg.layers.Dense(64, mpsg.layers.leaky_relu(0.3))(x)  # doctest: +SKIP
    """
    return _LeakyRelu(real("alpha", alpha, least=-math.inf))


def _gelu(x: Tensor) -> Tensor:
    """x times the probability that a normal number is below x."""
    return x * (x.graph.erf(x * math.sqrt(0.5)) + 1.0) * 0.5


_BY_NAME: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": _gelu,
    "leaky_relu": _LeakyRelu(0.01),
    "relu": lambda x: x.graph.relu(x),
    "sigmoid": lambda x: x.graph.sigmoid(x),
    "softmax": lambda x: x.graph.softmax(x, -1),
    "tanh": lambda x: x.graph.tanh(x),
}


def activation_function(activation: Activation) -> Callable[[Tensor], Tensor] | None:
    """The function that ``activation`` means.

    Raises:
        TypeError: It is neither text nor a function.
        ValueError: There is no activation of that name.
    """
    if isinstance(activation, str):
        if activation not in _BY_NAME:
            raise ValueError(
                f"there is no activation {activation!r}; there are {', '.join(_BY_NAME)}, or pass "
                "a function"
            )
        return _BY_NAME[activation]
    if activation is not None and not callable(activation):
        raise TypeError(f"activation must be a name or a function, not {activation!r}")
    return activation


def is_rectifier(activation: Activation) -> bool:
    """Whether half of what comes in is cut off, so that weights must be larger (He)."""
    return activation in ("relu", "leaky_relu", "gelu") or isinstance(activation, _LeakyRelu)
