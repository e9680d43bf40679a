"""Layers in a row."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from mpsg._mpsg import Operation, Tensor
from mpsg.layers._layer import Layer


class Sequential(Layer):
    """Each layer is applied to what the one before it returned.

    Args:
        layers: Layers, or plain functions of a tensor.
        name: What messages call it.

    Raises:
        TypeError: Something else is among the layers.

    Example:
        >>> model = Sequential([Flatten(), Dense(10)])  # doctest: +SKIP
        >>> logits = model(images)  # doctest: +SKIP
    """

    def __init__(
        self, layers: Sequence[Layer | Callable[[Tensor], Tensor]], *, name: str = "sequential"
    ) -> None:
        super().__init__(name)
        self.layers = list(layers)
        for layer in self.layers:
            if not callable(layer):
                raise TypeError(f"a layer must be a function of a tensor, not {layer!r}")

    @property
    def variables(self) -> list[Tensor]:
        """The trainable variables of all layers, in order; a shared layer's once."""
        return list(dict.fromkeys(each for layer in self._own() for each in layer.variables))

    @property
    def statistics(self) -> list[Tensor]:
        """The statistics of all layers, in order; a shared layer's once."""
        return list(dict.fromkeys(each for layer in self._own() for each in layer.statistics))

    @property
    def updates(self) -> list[Operation]:
        """The updates of all layers, in order; a shared layer's once."""
        return list(dict.fromkeys(each for layer in self._own() for each in layer.updates))

    def _own(self) -> list[Layer]:
        return [layer for layer in self.layers if isinstance(layer, Layer)]

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        for layer in self.layers:
            x = layer(x, training=training) if isinstance(layer, Layer) else layer(x)
        return x
