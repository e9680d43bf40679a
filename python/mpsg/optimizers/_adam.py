"""Adam and AdamW."""

from __future__ import annotations

from collections.abc import Mapping

from mpsg._mpsg import DataType, Operation, Tensor
from mpsg._numbers import real
from mpsg.optimizers._optimizer import LearningRate, Optimizer


class Adam(Optimizer):
    """Adam (Kingma and Ba, 2014): steps along a running mean of the gradients, divided by the root
    of a running mean of their squares.

    The step is :meth:`mpsg.Graph.adam`'s, with the powers of both betas, which correct the first
    steps, in variables of their own. ``epsilon`` stands beside the root that is not yet corrected,
    as in Apple's and TensorFlow's formula; PyTorch's and the paper's corrects the root first.

    Args:
        learning_rate: A number of at least 0, or a scalar tensor (see :class:`Optimizer`).
        beta1: How much of the mean of the gradients stays at each step, from 0 to below 1.
        beta2: How much of the mean of their squares stays, from 0 to below 1.
        epsilon: Added to the divisor, at least 0.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> updates = Adam(0.001).minimize(loss, [weights, bias])  # doctest: +SKIP
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
    ) -> None:
        super().__init__(learning_rate)
        self._beta1 = real("beta1", beta1, below=1)
        self._beta2 = real("beta2", beta2, below=1)
        self._epsilon = real("epsilon", epsilon)

    def _new_common(
        self, variable: Tensor, data_type: DataType
    ) -> tuple[dict[str, Tensor], list[Operation]]:
        powers, advance = {}, []
        for name, beta in (("beta1_power", self._beta1), ("beta2_power", self._beta2)):
            # Starts as the power of the first step and is advanced after each.
            power = self._remember(variable, name, start=beta)
            powers[name] = power
            advance.append(variable.graph.assign(power, power * beta))
        return powers, advance

    def _new_values(
        self, variable: Tensor, values: Tensor, gradient: Tensor, common: Mapping[str, Tensor]
    ) -> tuple[Tensor, list[tuple[Tensor, Tensor]]]:
        momentum = self._remember(variable, "momentum", like=values)
        velocity = self._remember(variable, "velocity", like=values)
        new, next_momentum, next_velocity = variable.graph.adam(
            self._rate(values),
            self._beta1,
            self._beta2,
            self._epsilon,
            self._decayed(values),
            momentum,
            velocity,
            gradient,
            beta1_power=common["beta1_power"],
            beta2_power=common["beta2_power"],
        )
        return new, [(momentum, next_momentum), (velocity, next_velocity)]

    def _decayed(self, values: Tensor) -> Tensor:
        """The values that Adam's step starts from."""
        return values


class AdamW(Adam):
    """Adam with decoupled weight decay (Loshchilov and Hutter, 2017): before Adam's step the
    values are multiplied by ``1 - learning_rate * weight_decay``.

    Args:
        learning_rate: A number of at least 0, or a scalar tensor (see :class:`Optimizer`).
        beta1: As for :class:`Adam`.
        beta2: As for :class:`Adam`.
        epsilon: As for :class:`Adam`.
        weight_decay: At least 0.

    Raises:
        TypeError: An argument is not a number.
        ValueError: A number is out of range.

    Example:
        >>> updates = AdamW(0.001, weight_decay=0.05).minimize(loss, [weights])  # doctest: +SKIP
    """

    def __init__(
        self,
        learning_rate: LearningRate = 0.001,
        beta1: float = 0.9,
        beta2: float = 0.999,
        epsilon: float = 1e-8,
        weight_decay: float = 0.01,
    ) -> None:
        super().__init__(learning_rate, beta1, beta2, epsilon)
        self._weight_decay = real("weight_decay", weight_decay)

    def _decayed(self, values: Tensor) -> Tensor:
        if not self._weight_decay:
            return values
        return values - values * (self._rate(values) * self._weight_decay)
