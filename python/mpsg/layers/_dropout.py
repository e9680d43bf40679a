"""Dropout."""

from __future__ import annotations

from mpsg._mpsg import Tensor
from mpsg._numbers import real
from mpsg.layers._layer import Layer


class Dropout(Layer):
    """In training, zero each element with probability ``rate`` and divide the others by
    ``1 - rate``; otherwise return the tensor as it is.

    Which elements depends on the graph's ``seed``, the place in the graph and the number of the
    run; it is the same on every device.

    Args:
        rate: From 0 to below 1.
        name: What messages call it.

    Raises:
        TypeError: ``rate`` is not a number.
        ValueError: ``rate`` is out of range.

    Example:
        >>> y = Dropout(0.5)(x, training=True)  # doctest: +SKIP
    """

    def __init__(self, rate: float, *, name: str = "dropout") -> None:
        super().__init__(name)
        self._rate = real("rate", rate, below=1)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        return x.graph.dropout(x, self._rate) if training and self._rate else x
