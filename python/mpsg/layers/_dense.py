"""A fully connected layer."""

from __future__ import annotations

from mpsg._mpsg import Tensor
from mpsg.data._integers import integer
from mpsg.layers._activation import Activation, activation_function
from mpsg.layers._layer import Layer
from mpsg.layers._weights import Initial, check_initial, first_weights


class Dense(Layer):
    """``activation(x @ weights + bias)``: every output sees every input of the last axis.

    Variables: ``weights`` of shape (inputs, units) and ``bias`` of shape (units,), which starts
    with zeros.

    Args:
        units: The number of outputs, at least 1.
        activation: A name, a function of a tensor, or None: see
            :data:`mpsg.layers.Activation`.
        use_bias: Whether to add a bias.
        initial: How the weights start: "he", "glorot", an array, a function of the shape, or None:
            "he" before relu, leaky_relu and gelu, else "glorot".
        seed: A non-negative integer. The weights depend on it and on how many variables the graph
            has before them, so that layers with equal seeds start differently.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> logits = Dense(10)(features)  # (-1, 64) -> (-1, 10)  # doctest: +SKIP
    """

    def __init__(
        self,
        units: int,
        activation: Activation = None,
        *,
        use_bias: bool = True,
        initial: Initial = None,
        seed: int = 0,
        name: str = "dense",
    ) -> None:
        super().__init__(name)
        self._units = integer("units", units, 1)
        self._activation = activation
        self._function = activation_function(activation)
        self._use_bias = bool(use_bias)
        self._initial = check_initial(initial)
        self._seed = integer("seed", seed, 0)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        inputs = self._check_features(x, shape, axis=-1, rank=2)
        size = (inputs, self._units)
        weights = self._trainable(
            x,
            "weights",
            lambda: first_weights(x.graph, self._initial, self._activation, size, size, self._seed),
            size,
        )
        result = x @ weights
        if self._use_bias:
            result = result + self._trainable(x, "bias", 0.0, [self._units])
        return self._function(result) if self._function else result
