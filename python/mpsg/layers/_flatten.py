"""From images to rows."""

from __future__ import annotations

import math

from mpsg._mpsg import GraphError, Tensor
from mpsg.layers._layer import Layer


class Flatten(Layer):
    """Put all axes but the first into one: (N, 7, 7, 64) becomes (N, 3136).

    Args:
        name: What messages call it.

    Example:
        >>> rows = Flatten()(images)  # doctest: +SKIP
    """

    def __init__(self, *, name: str = "flatten") -> None:
        super().__init__(name)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        if not shape or min(shape[1:], default=0) < 0:
            raise GraphError(
                f"the layer '{self.name}' must know all sizes but the first: '{x.name}' has shape "
                f"{shape}"
            )
        # Also of no example at all, where -1 would be undecided.
        first = -1 if shape[0] < 0 else shape[0]
        return x.graph.reshape(x, [first, math.prod(shape[1:])])
