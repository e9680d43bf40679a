"""First values of the weights of a layer."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from mpsg._mpsg import Graph
from mpsg.layers._activation import Activation, is_rectifier
from mpsg.layers._initial import glorot_uniform, he_uniform
from mpsg.layers._layer import variable_count

Initial: TypeAlias = (
    Literal["he", "glorot"] | npt.NDArray[Any] | Callable[[tuple[int, ...]], npt.ArrayLike] | None
)
"""How weights start: "he", "glorot", an array, a function of the shape, or None: "he" before relu,
leaky_relu and gelu, else "glorot"."""


def check_initial(initial: Initial) -> Initial:
    """``initial`` if it is one, or an error.

    Raises:
        TypeError: It is something else.
        ValueError: It is another name.
    """
    if isinstance(initial, str) and initial not in ("he", "glorot"):
        raise ValueError(f'initial must be "he", "glorot", an array or a function, not {initial!r}')
    if not (initial is None or isinstance(initial, str | np.ndarray) or callable(initial)):
        raise TypeError(f'initial must be "he", "glorot", an array or a function, not {initial!r}')
    return initial


def first_weights(
    graph: Graph,
    initial: Initial,
    activation: Activation,
    shape: Sequence[int],
    fans: tuple[int, int],
    seed: int,
) -> npt.NDArray[Any]:
    """The array that weights start from.

    Args:
        graph: Where they will be. The number of variables that it has tells these weights from
            those of other layers with the same seed.
        initial: As the layer was told.
        activation: Of the layer.
        shape: Of the weights.
        fans: How many inputs one output has, and how many outputs one input.
        seed: Of the layer.

    Raises:
        ValueError: The given array, or what the function returned, has another shape.
    """
    if initial is None:
        initial = "he" if is_rectifier(activation) else "glorot"
    key = (seed, variable_count(graph))
    if isinstance(initial, str):
        if initial == "he":
            return he_uniform(shape, fans[0], *key)
        return glorot_uniform(shape, *fans, *key)
    array = np.asarray(initial(tuple(shape)) if callable(initial) else initial)
    if array.shape != tuple(shape):
        raise ValueError(f"the weights have shape {tuple(shape)}, but initial has {array.shape}")
    return array
