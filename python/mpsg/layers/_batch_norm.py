"""Batch normalization."""

from __future__ import annotations

from mpsg._mpsg import Operation, Tensor
from mpsg._numbers import real
from mpsg.data._integers import integer
from mpsg.layers._layer import Layer


class BatchNorm(Layer):
    """``(x - mean) / square_root(variance + epsilon) * gamma + beta``, channel by channel
    (Ioffe and Szegedy, 2015).

    In training, mean and variance are those of the batch, over all axes but ``axis``, and each
    call adds operations to :attr:`updates` that renew the running ones:
    ``running = decay * running + (1 - decay) * batch's``. Otherwise the running ones are used.

    Variables: ``gamma`` and ``beta`` of shape (channels,), which start with ones and zeros.
    Statistics: ``running_mean`` and ``running_variance`` (the mean of squares, as TensorFlow's).

    Args:
        axis: Of the channels: -1 for NHWC, 1 for NCHW.
        decay: How much of the running statistics stays at each step, from 0 to below 1 (what
            PyTorch calls ``1 - momentum``).
        epsilon: Added to the variance, at least 0.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range.

    Example:
        >>> norm = BatchNorm()  # doctest: +SKIP
        >>> y = norm(x, training=True)  # doctest: +SKIP
        >>> graph.run(feeds, [loss], optimizer_updates + norm.updates)  # doctest: +SKIP
    """

    def __init__(
        self,
        axis: int = -1,
        *,
        decay: float = 0.9,
        epsilon: float = 1e-5,
        name: str = "batch_norm",
    ) -> None:
        super().__init__(name)
        self._axis = integer("axis", axis, -16)
        self._decay = real("decay", decay, below=1)
        self._epsilon = real("epsilon", epsilon)
        self._running: dict[str, Tensor] = {}
        self._updates: list[Operation] = []

    @property
    def statistics(self) -> list[Tensor]:
        """The running mean and variance."""
        return list(self._running.values())

    @property
    def updates(self) -> list[Operation]:
        """What renews the running statistics, of all calls for training."""
        return list(self._updates)

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        channels = self._check_features(x, shape, self._axis, rank=2)
        axis = self._axis % len(shape)
        others = [other for other in range(len(shape)) if other != axis]
        gamma = self._trainable(x, "gamma", 1.0, [channels])
        beta = self._trainable(x, "beta", 0.0, [channels])
        for name, start in (("running_mean", 0.0), ("running_variance", 1.0)):
            if name not in self._running:
                self._running[name] = self._variable(x, name, start, [channels])
        # So that they broadcast along the axis of the channels.
        aligned = [channels] + [1] * (len(shape) - 1 - axis)

        def along_channels(tensor: Tensor) -> Tensor:
            return tensor if aligned == [channels] else graph.reshape(tensor, aligned)

        if training:
            mean = graph.mean(x, others)
            variance = graph.variance(x, others, mean=mean)
            for name, batch in (("running_mean", mean), ("running_variance", variance)):
                running = self._running[name]
                fresh = graph.reshape(batch, [channels])
                renewed = running * self._decay + fresh * (1 - self._decay)
                self._updates.append(graph.assign(running, renewed))
        else:
            mean = along_channels(self._running["running_mean"])
            variance = along_channels(self._running["running_variance"])
        return graph.normalization(
            x, mean, variance, along_channels(gamma), along_channels(beta), epsilon=self._epsilon
        )
