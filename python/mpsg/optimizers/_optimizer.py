"""What all optimizers share."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TypeAlias

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
)
from mpsg._numbers import real

LearningRate: TypeAlias = float | Tensor

_FLOATING = (float16, bfloat16, float32, float64)


class Optimizer(ABC):
    """Base of the optimizers.

    A subclass says in :meth:`_new_values` how a variable and its gradient become new values. It
    computes in the variable's type, 16-bit variables in float32: these are rounded once, when
    they are assigned, and what the optimizer remembers of them stays float32.

    Args:
        learning_rate: A number of at least 0; or a floating-point scalar tensor, for example a
            placeholder of shape () that each run feeds anew. A tensor of another type than the
            variable's is cast.

    Raises:
        TypeError: An argument is not a number, or the learning rate is not a floating-point
            scalar.
        ValueError: A number is not finite or out of range.
    """

    def __init__(self, learning_rate: LearningRate) -> None:
        if isinstance(learning_rate, Tensor):
            if learning_rate.shape not in ((), None) or learning_rate.data_type not in _FLOATING:
                raise TypeError(
                    "learning_rate must be a number or a floating-point tensor of shape (), "
                    f"not {learning_rate!r}"
                )
            self._learning_rate: LearningRate = learning_rate
        elif isinstance(learning_rate, int | float) or hasattr(learning_rate, "dtype"):
            self._learning_rate = real("learning_rate", learning_rate)
        else:
            raise TypeError(
                f"learning_rate must be a number or a scalar tensor, not {learning_rate!r}"
            )
        self._memory: dict[tuple[Tensor, str], Tensor] = {}

    @property
    def variables(self) -> list[Tensor]:
        """What the optimizer remembers from step to step, such as momentum: variables of the
        graph, named after those that they belong to. Empty before :meth:`apply`.
        """
        return list(self._memory.values())

    def minimize(self, loss: Tensor, variables: Sequence[Tensor]) -> list[Operation]:
        """Add the gradients of ``loss`` and the updates of ``variables`` to the graph.

        Args:
            loss: What to make small, usually of shape (); the sum counts if it has elements.
            variables: Floating-point variables of the loss's graph, each once.

        Returns:
            The operations for ``target_operations`` of :meth:`mpsg.Graph.run`.

        Raises:
            TypeError: An argument is not a tensor, or no list of tensors.
            GraphError: A tensor is not a variable of this graph or given twice, or the loss does
                not depend on it.

        Example:
            >>> updates = SGD(0.1).minimize(loss, [weights, bias])  # doctest: +SKIP
            >>> graph.run({x: images}, [loss], updates)  # doctest: +SKIP
        """
        if not isinstance(loss, Tensor):
            raise TypeError(f"the loss must be a tensor, not {loss!r}")
        if isinstance(variables, Tensor) or not isinstance(variables, Sequence):
            raise TypeError(f"variables must be a list of variables, not {variables!r}")
        for variable in variables:
            self._check_variable(loss.graph, variable)
        if len(set(variables)) < len(variables):
            raise GraphError("a variable is listed twice among those to update")
        if not variables:
            return []
        return self.apply(loss.graph.gradients(loss, list(variables)))

    def apply(self, gradients: Mapping[Tensor, Tensor]) -> list[Operation]:
        """Add the updates of variables whose gradients are known, for example clipped ones.

        Args:
            gradients: The gradient of each variable, of its type and shape, as
                :meth:`mpsg.Graph.gradients` returns them.

        Returns:
            The operations for ``target_operations`` of :meth:`mpsg.Graph.run`.

        Raises:
            TypeError: ``gradients`` does not map tensors to tensors.
            GraphError: A key is not a floating-point variable, a gradient does not fit its
                variable, or this optimizer updates a variable already and remembers something
                of it (use one optimizer for each set of updates).

        Example:
            >>> gradients = graph.gradients(loss, [weights])  # doctest: +SKIP
            >>> clipped = graph.clamp(gradients[weights], -1.0, 1.0)  # doctest: +SKIP
            >>> updates = SGD(0.1).apply({weights: clipped})  # doctest: +SKIP
        """
        if not isinstance(gradients, Mapping):
            raise TypeError(f"gradients must be a dictionary, not {gradients!r}")
        for variable, gradient in gradients.items():
            if not isinstance(gradient, Tensor):
                raise TypeError(f"a gradient must be a tensor, not {gradient!r}")
            self._check_variable(gradient.graph, variable)
            if any(owner == variable for owner, _ in self._memory):
                raise GraphError(
                    f"this {type(self).__name__} updates '{variable.name}' already; make another "
                    "optimizer for other updates"
                )
        updates: list[Operation] = []
        shared: dict[tuple[Graph, DataType], dict[str, Tensor]] = {}
        for variable, gradient in gradients.items():
            values, slope = _widened(variable), _widened(gradient)
            key = (values.graph, values.data_type)
            if key not in shared:
                shared[key], steps = self._new_common(variable, values.data_type)
                updates += steps
            result, remembered = self._new_values(variable, values, slope, shared[key])
            graph = variable.graph
            if result.data_type != variable.data_type:
                result = graph.cast(result, variable.data_type)
            updates.append(graph.assign(variable, result))
            updates += [graph.assign(memory, value) for memory, value in remembered]
        return updates

    @abstractmethod
    def _new_values(
        self, variable: Tensor, values: Tensor, gradient: Tensor, common: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        """The new values of one variable, and what to remember of it.

        Args:
            variable: The variable itself, to name what :meth:`_remember` makes.
            values: Its values in the type to compute in.
            gradient: Their gradient, of the same type.
            common: What :meth:`_new_common` made.

        Returns:
            The new values, and pairs of a variable of :meth:`_remember` and its new values.
        """

    def _new_common(
        self, variable: Tensor, data_type: DataType
    ) -> tuple[dict[str, Tensor], list[Operation]]:
        """What all variables of one type share, and the operations that advance it.

        Args:
            variable: The first of them, to name what :meth:`_remember` makes.
            data_type: The type to compute in.
        """
        return {}, []

    def _remember(
        self, variable: Tensor, name: str, like: Tensor | None = None, start: float = 0.0
    ) -> Tensor:
        """A variable called ``name`` after ``variable``: of the type and shape of ``like``, or
        of shape () and the type that ``variable`` is computed in.
        """
        shape = () if like is None or like.shape is None else like.shape
        memory = variable.graph.variable(
            start,
            shape,
            _wide_type(variable) if like is None else like.data_type,
            name=f"{variable.name}/{name}",
        )
        self._memory[variable, name] = memory
        return memory

    def _rate(self, like: Tensor) -> LearningRate:
        """The learning rate, to multiply with ``like``."""
        rate = self._learning_rate
        if isinstance(rate, Tensor) and rate.data_type != like.data_type:
            return like.graph.cast(rate, like.data_type)
        return rate

    @staticmethod
    def _check_variable(graph: Graph, variable: object) -> None:
        if not isinstance(variable, Tensor):
            raise TypeError(f"only variables of the graph can be updated, not {variable!r}")
        if variable.operation.op != "variable":
            raise GraphError(
                f"'{variable.name}' is the result of {variable.operation.op}; "
                "only variables can be updated"
            )
        if variable.graph != graph:
            raise GraphError(f"the variable '{variable.name}' belongs to another graph")
        if variable.data_type not in _FLOATING:
            raise GraphError(
                f"the variable '{variable.name}' is {variable.data_type.name}; "
                "only floating-point variables can be trained"
            )


def _wide_type(tensor: Tensor) -> DataType:
    """The type to compute in: float32 for 16-bit floats."""
    return float32 if tensor.data_type in (float16, bfloat16) else tensor.data_type


def _widened(tensor: Tensor) -> Tensor:
    wide = _wide_type(tensor)
    return tensor if tensor.data_type == wide else tensor.graph.cast(tensor, wide)
