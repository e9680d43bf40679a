"""A table of vectors."""

from __future__ import annotations

from typing import Any

import numpy.typing as npt

from mpsg._mpsg import DataType, GraphError, Tensor, float32
from mpsg.data._integers import integer
from mpsg.layers._initial import uniform
from mpsg.layers._layer import FLOATING, INTEGERS, Layer, variable_count
from mpsg.layers._weights import Initial, check_initial, first_weights


class Embedding(Layer):
    """The rows of a trainable table that integers name, along a new last axis.

    Variables: ``weights`` of shape (inputs, units). An integer that is negative, or not below
    ``inputs``, gives zeros. The gradient adds up what one row was used for.

    Args:
        inputs: How many rows the table has, at least 1.
        units: How many elements a row has, at least 1.
        data_type: Of the table: a floating-point type.
        initial: How the table starts: as for :class:`Dense`, but None is uniform over
            [-0.05, 0.05).
        seed: As for :class:`Dense`.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.

    Example:
        >>> vectors = Embedding(65, 256)(characters)  # doctest: +SKIP
        >>> vectors.shape  # of characters of shape (-1, 100)  # doctest: +SKIP
        (-1, 100, 256)
    """

    _takes = INTEGERS

    def __init__(
        self,
        inputs: int,
        units: int,
        *,
        data_type: DataType = float32,
        initial: Initial = None,
        seed: int = 0,
        name: str = "embedding",
    ) -> None:
        super().__init__(name)
        self._size = integer("inputs", inputs, 1), integer("units", units, 1)
        if data_type not in FLOATING:
            raise TypeError(f"data_type must be a floating-point type, not {data_type!r}")
        self._data_type = data_type
        self._initial = check_initial(initial)
        self._seed = integer("seed", seed, 0)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        if len(shape) >= 16:
            raise GraphError(f"the layer '{self.name}' cannot add an axis to {x!r}")

        def first() -> npt.NDArray[Any]:
            if self._initial is None:
                return uniform(self._size, 0.05, (self._seed, variable_count(graph)))
            return first_weights(graph, self._initial, None, self._size, self._size, self._seed)

        weights = self._trainable(x, "weights", first, self._size, self._data_type)
        return graph.gather(weights, x, axis=0)
