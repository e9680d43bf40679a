"""Adagrad."""

from __future__ import annotations

from collections.abc import Mapping

from mpsg._mpsg import Tensor
from mpsg._numbers import real
from mpsg.optimizers._optimizer import LearningRate, Optimizer


class Adagrad(Optimizer):
    """Gradients divided by the root of the sum of all squares so far (Duchi and others, 2011).

    The step is along ``gradient / (square_root(sum) + epsilon)``, as in ``torch.optim.Adagrad``.

    Args:
        learning_rate: A number of at least 0, or a scalar tensor (see :class:`Optimizer`).
        epsilon: Added to the divisor, at least 0.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> updates = Adagrad(0.01).minimize(loss, [weights])  # doctest: +SKIP
    """

    def __init__(self, learning_rate: LearningRate = 0.01, epsilon: float = 1e-10) -> None:
        super().__init__(learning_rate)
        self._epsilon = real("epsilon", epsilon)

    def _new_values(
        self, variable: Tensor, values: Tensor, gradient: Tensor, common: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        graph = variable.graph
        memory = self._remember(variable, "square_sum", like=values)
        total = memory + graph.square(gradient)
        step = gradient / (graph.square_root(total) + self._epsilon)
        new = graph.stochastic_gradient_descent(self._rate(values), values, step)
        return new, [(memory, total)]
