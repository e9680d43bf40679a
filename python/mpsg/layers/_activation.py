"""Activations by name, as layers take them."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeAlias

from mpsg._mpsg import Tensor

Activation: TypeAlias = str | Callable[[Tensor], Tensor] | None
"""A name ("relu", "leaky_relu", "sigmoid", "tanh", "gelu", "softmax" over the last axis), a
function of a tensor, or None."""


def _gelu(x: Tensor) -> Tensor:
    """x times the probability that a normal number is below x."""
    return x * (x.graph.erf(x * math.sqrt(0.5)) + 1.0) * 0.5


_BY_NAME: dict[str, Callable[[Tensor], Tensor]] = {
    "gelu": _gelu,
    "leaky_relu": lambda x: x.graph.leaky_relu(x, 0.01),
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
    return activation in ("relu", "leaky_relu", "gelu")
