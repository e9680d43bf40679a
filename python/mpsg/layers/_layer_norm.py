"""Layer normalization."""

from __future__ import annotations

from mpsg._mpsg import GraphError, Tensor
from mpsg._numbers import real
from mpsg.data._integers import integer
from mpsg.layers._layer import Layer


class LayerNorm(Layer):
    """``(x - mean) / square_root(variance + epsilon) * gamma + beta``, where mean and variance are
    those of each example over its last axes (Ba and others, 2016).

    Variables: ``gamma`` and ``beta`` of the shape of those axes; they start with ones and zeros.

    Args:
        axes: How many of the last axes are normalized together, at least 1.
        epsilon: Added to the variance, at least 0.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> y = LayerNorm()(x)  # each row of (-1, 64) by itself  # doctest: +SKIP
    """

    def __init__(self, axes: int = 1, *, epsilon: float = 1e-5, name: str = "layer_norm") -> None:
        super().__init__(name)
        self._axes = integer("axes", axes, 1)
        self._epsilon = real("epsilon", epsilon)
        self._size: tuple[int, ...] | None = None

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        if len(shape) < self._axes:
            raise GraphError(
                f"the layer '{self.name}' normalizes {self._axes} axes, but '{x.name}' has shape "
                f"{shape}"
            )
        size = shape[len(shape) - self._axes :]
        if min(size) < 1:
            raise GraphError(
                f"the layer '{self.name}' must know the sizes that it normalizes: the last of "
                f"{shape}, the shape of '{x.name}'"
            )
        if self._size not in (None, size):
            raise GraphError(
                f"the layer '{self.name}' was made for {self._size}, but '{x.name}' ends in {size}"
            )
        self._size = size
        gamma = self._trainable(x, "gamma", 1.0, size)
        beta = self._trainable(x, "beta", 0.0, size)
        axes = list(range(len(shape) - self._axes, len(shape)))
        mean = graph.mean(x, axes)
        variance = graph.variance(x, axes, mean=mean)
        return graph.normalization(x, mean, variance, gamma, beta, epsilon=self._epsilon)
