"""What all layers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence

import numpy as np

from mpsg._api_types import ArrayLike
from mpsg._mpsg import (
    DataType,
    Graph,
    GraphError,
    Operation,
    Tensor,
    bfloat16,
    float16,
    float32,
    float64,
    int8,
    int16,
    int32,
    int64,
    uint8,
    uint16,
    uint32,
    uint64,
)
from mpsg.data._integers import integer

FLOATING = (float16, bfloat16, float32, float64)
INTEGERS = (int8, int16, int32, int64, uint8, uint16, uint32, uint64)


class Layer(ABC):
    """Base of the layers: a function of a tensor that keeps variables.

    The first call makes the variables, in the graph and the data type of its tensor; later calls,
    with tensors of the same graph, use them again.

    Attributes:
        name: What its variables are named after.
    """

    _takes: tuple[DataType, ...] = FLOATING

    def __init__(self, name: str) -> None:
        if not isinstance(name, str) or not name:
            raise TypeError(f"name must be a text that is not empty, not {name!r}")
        self.name = name
        self._graph: Graph | None = None
        self._features: int | None = None
        self._variables: dict[str, Tensor] = {}

    @property
    def variables(self) -> list[Tensor]:
        """The trainable variables; none before the first call."""
        return list(self._variables.values())

    @property
    def statistics(self) -> list[Tensor]:
        """Variables that are kept but not trained, such as running means."""
        return []

    @property
    def updates(self) -> list[Operation]:
        """Operations that a training run must have among its targets, besides the optimizer's:
        they renew :attr:`statistics`.
        """
        return []

    def __call__(self, x: Tensor, *, training: bool = False) -> Tensor:
        """Apply the layer.

        Args:
            x: A tensor of known rank: floating-point, unless the layer says otherwise.
            training: Whether this is for training: :class:`Dropout` and :class:`BatchNorm` then
                do something else than otherwise.

        Returns:
            The result, in the same graph.

        Raises:
            TypeError: ``x`` is not a tensor.
            GraphError: ``x`` does not fit the layer, or belongs to another graph than before.
        """
        result = self._apply(x, self._check(x), bool(training))
        self._graph = x.graph
        return result

    def _check(self, x: Tensor) -> tuple[int, ...]:
        """The shape of a tensor that the layer may be applied to, or an error."""
        if not isinstance(x, Tensor):
            raise TypeError(f"a layer is applied to a tensor of a graph, not to {x!r}")
        if x.data_type not in self._takes:
            raise GraphError(
                f"the layer '{self.name}' takes "
                f"{'floating-point' if self._takes == FLOATING else 'integer'} tensors, but "
                f"'{x.name}' is {x.data_type.name}"
            )
        if x.shape is None:
            raise GraphError(f"the layer '{self.name}' needs a tensor of known rank: '{x.name}'")
        if self._graph is not None and x.graph != self._graph:
            raise GraphError(
                f"the layer '{self.name}' has its variables in another graph than '{x.name}'"
            )
        return x.shape

    @abstractmethod
    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        """The layer's operations; ``shape`` is that of ``x``."""

    def _check_features(self, x: Tensor, shape: tuple[int, ...], axis: int, rank: int) -> int:
        """The size of ``x`` along ``axis``: known, and the same at every call.

        Args:
            x: The tensor, for messages.
            shape: Its shape.
            axis: Which axis has the features.
            rank: The least rank; negative: exactly ``-rank``.
        """
        if len(shape) < abs(rank) or (rank < 0 and len(shape) != -rank):
            wanted = f"rank {-rank}" if rank < 0 else f"a rank of at least {rank}"
            raise GraphError(
                f"the layer '{self.name}' takes tensors of {wanted}, but '{x.name}' has shape "
                f"{shape}"
            )
        if not -len(shape) <= axis < len(shape):
            raise GraphError(f"the layer '{self.name}' has no axis {axis} in {x!r}")
        size = shape[axis]
        if size < 1:
            raise GraphError(
                f"the layer '{self.name}' must know the size of axis {axis} of '{x.name}', whose "
                f"shape is {shape}"
            )
        if self._features not in (None, size):
            raise GraphError(
                f"the layer '{self.name}' was made for {self._features} features, but '{x.name}' "
                f"has {size} (axis {axis} of {shape})"
            )
        self._features = size
        return size

    def _variable(
        self,
        like: Tensor,
        name: str,
        value: ArrayLike,
        shape: Sequence[int],
        data_type: DataType | None = None,
    ) -> Tensor:
        """A new variable of the given data type, or that of ``like``; ``value`` is an array or one
        number.
        """
        data_type = data_type or like.data_type
        if isinstance(value, np.ndarray):
            value = value.astype(data_type.numpy())
        return like.graph.variable(value, shape, data_type, name=f"{self.name}/{name}")

    def _trainable(
        self,
        like: Tensor,
        name: str,
        value: ArrayLike | Callable[[], ArrayLike],
        shape: Sequence[int],
        data_type: DataType | None = None,
    ) -> Tensor:
        """The trainable variable called ``name``: the one from earlier calls, or a new one.

        Only a new one needs ``value``; so it may be a function that makes the array.
        """
        if name not in self._variables:
            start = value() if callable(value) else value
            self._variables[name] = self._variable(like, name, start, shape, data_type)
        return self._variables[name]


def variable_count(graph: Graph) -> int:
    """How many variables a graph has: what tells the weights of one layer from another's."""
    return sum(operation.op == "variable" for operation in graph.operations)


def pair(name: str, value: int | Sequence[int], least: int) -> tuple[int, int]:
    """One integer, or one for the height and one for the width, as a pair.

    Raises:
        TypeError: It is neither.
        ValueError: A number is too small, or there are not two.
    """
    if isinstance(value, Sequence) and not isinstance(value, str):
        if len(value) != 2:
            raise ValueError(f"{name} must be one integer or two, not {value!r}")
        return integer(name, value[0], least), integer(name, value[1], least)
    both = integer(name, value, least)
    return both, both
