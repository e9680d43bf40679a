"""Stochastic gradient descent."""

from __future__ import annotations

from collections.abc import Mapping

from mpsg._mpsg import Tensor
from mpsg._numbers import real
from mpsg.optimizers._optimizer import LearningRate, Optimizer


class SGD(Optimizer):
    """Gradient descent: ``values - learning_rate * gradient``.

    With weight decay the gradient is first ``gradient + weight_decay * values``. With momentum the
    step is along ``velocity = momentum * velocity + gradient``, or with Nesterov's momentum along
    ``gradient + momentum * velocity``. The formulas are those of ``torch.optim.SGD``.

    Args:
        learning_rate: A number of at least 0, or a scalar tensor (see :class:`Optimizer`).
        momentum: From 0 (none) to below 1.
        nesterov: Whether to look ahead along the momentum; needs momentum.
        weight_decay: At least 0.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range, or ``nesterov`` is asked for without momentum.

    Example:
        >>> updates = SGD(0.1, momentum=0.9).minimize(loss, [weights])  # doctest: +SKIP
    """

    def __init__(
        self,
        learning_rate: LearningRate,
        momentum: float = 0.0,
        nesterov: bool = False,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(learning_rate)
        self._momentum = real("momentum", momentum, below=1)
        self._nesterov = bool(nesterov)
        self._weight_decay = real("weight_decay", weight_decay)
        if self._nesterov and not self._momentum:
            raise ValueError("nesterov needs a momentum above 0")

    def _new_values(
        self, variable: Tensor, values: Tensor, gradient: Tensor, common: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        graph = variable.graph
        remembered = []
        if self._weight_decay:
            gradient = gradient + values * self._weight_decay
        if self._momentum:
            memory = self._remember(variable, "velocity", like=values)
            velocity = memory * self._momentum + gradient
            remembered = [(memory, velocity)]
            gradient = gradient + velocity * self._momentum if self._nesterov else velocity
        new = graph.stochastic_gradient_descent(self._rate(values), values, gradient)
        return new, remembered
