"""Functions in float32 against float64: at most 2 units in the last place (docs/compiler.md)."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from scipy import special

import mpsg

FUNCTIONS: dict[str, tuple[Callable[[np.ndarray], np.ndarray], float]] = {
    # name: (the function, the largest operand that is tried)
    "exponent": (np.exp, 88.0),
    "exponent_base2": (np.exp2, 127.0),
    "logarithm": (np.log, 3e38),
    "logarithm_base2": (np.log2, 3e38),
    "logarithm_base10": (np.log10, 3e38),
    "sin": (np.sin, 1e4),
    "cos": (np.cos, 1e4),
    "tanh": (np.tanh, 20.0),
    "erf": (special.erf, 10.0),
    "sigmoid": (special.expit, 80.0),
}
EVERY = 1499  # float32 of all that there are


def operands(largest: float, positive: bool) -> np.ndarray:
    """Numbers spread evenly over the bit patterns from the smallest normal one to the largest."""
    bits = np.array([2.0**-126, largest], np.float32).view(np.uint32)
    magnitudes = np.arange(bits[0], bits[1], EVERY, dtype=np.uint32).view(np.float32)
    return magnitudes if positive else np.concatenate([magnitudes, -magnitudes])


@pytest.mark.parametrize("name", FUNCTIONS)
def test_error_is_at_most_two_units(name: str) -> None:
    function, largest = FUNCTIONS[name]
    values = operands(largest, positive=name.startswith("logarithm"))
    graph = mpsg.Graph()
    x = graph.placeholder([-1])
    y = getattr(graph, name)(x)
    found = graph.run({x: values}, [y], device="cpu")[y].numpy().astype(np.float64)
    right = function(values.astype(np.float64))
    units = np.spacing(np.maximum(np.abs(right), 2.0**-126).astype(np.float32)).astype(np.float64)
    error = np.abs(found - right) / units
    worst = int(np.argmax(error))
    assert error[worst] <= 2, f"{name}({values[worst]!r}) is {error[worst]:.2f} units away"
