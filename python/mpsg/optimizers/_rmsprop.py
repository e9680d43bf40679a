"""RMSProp."""

from __future__ import annotations

from collections.abc import Mapping

from mpsg._mpsg import Tensor
from mpsg._numbers import real
from mpsg.optimizers._optimizer import LearningRate, Optimizer


class RMSProp(Optimizer):
    """Gradients divided by a running root mean square (Hinton).

    ``square = decay * square + (1 - decay) * gradient**2``, and the step is along
    ``gradient / (square_root(square) + epsilon)``; with momentum along
    ``velocity = momentum * velocity + gradient / (square_root(square) + epsilon)``. The formulas
    are those of ``torch.optim.RMSprop``, whose ``alpha`` is ``decay``.

    Args:
        learning_rate: A number of at least 0, or a scalar tensor (see :class:`Optimizer`).
        decay: How much of the mean of squares stays at each step, from 0 to below 1.
        momentum: From 0 (none) to below 1.
        epsilon: Added to the divisor, at least 0.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> updates = RMSProp(0.01).minimize(loss, [weights])  # doctest: +SKIP
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.01,
        decay: float = 0.99,
        momentum: float = 0.0,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate)
        self._decay = real("decay", decay, below=1)
        self._momentum = real("momentum", momentum, below=1)
        self._epsilon = real("epsilon", epsilon)

    def _new_values(
        self, variable: Tensor, values: Tensor, gradient: Tensor, common: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        graph = variable.graph
        memory = self._remember(variable, "square", like=values)
        square = memory * self._decay + graph.square(gradient) * (1 - self._decay)
        remembered = [(memory, square)]
        step = gradient / (graph.square_root(square) + self._epsilon)
        if self._momentum:
            last = self._remember(variable, "velocity", like=values)
            step = last * self._momentum + step
            remembered.append((last, step))
        return graph.stochastic_gradient_descent(self._rate(values), values, step), remembered
