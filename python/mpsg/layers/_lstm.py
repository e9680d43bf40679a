"""Long short-term memory."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from mpsg._mpsg import GraphError, Tensor
from mpsg.data._integers import integer
from mpsg.layers._layer import Layer
from mpsg.layers._weights import Initial, check_initial, first_weights

LSTMState: TypeAlias = tuple[Tensor, Tensor]
"""The hidden state, which is the output, and the cell state: both of shape (batch, units)."""


class LSTM(Layer):
    """A recurrent layer with a memory cell (Hochreiter and Schmidhuber, 1997)::

        i, f, g, o = split(x @ weights + hidden @ recurrent_weights + bias, 4)
        cell = sigmoid(f) * cell + sigmoid(i) * tanh(g)
        hidden = sigmoid(o) * tanh(cell)

    Called with a sequence of shape (batch, time, inputs), whose time is known, it starts from
    zeros and returns the hidden states, (batch, time, units). :meth:`step` takes one step, in the
    body of a loop too; then :meth:`zero_state` comes first, which makes the variables::

        state = lstm.zero_state(x)
        hidden, cell = graph.for_loop(state, lambda i, state: lstm.step(x, state), ...)

    Variables: ``weights`` of shape (inputs, 4 * units), ``recurrent_weights`` of shape
    (units, 4 * units) and ``bias`` of shape (4 * units,), which starts with zeros, but with ones
    for the forget gate f. PyTorch's are the transposed ones, with two biases.

    Args:
        units: The size of the state, at least 1.
        initial: As for :class:`Dense`; both weights start so.
        seed: As for :class:`Dense`.
        name: What the variables are named after.

    Raises:
        TypeError: An argument is of the wrong kind.
        ValueError: A number is out of range, or a name is unknown.
    """

    def __init__(
        self, units: int, *, initial: Initial = None, seed: int = 0, name: str = "lstm"
    ) -> None:
        super().__init__(name)
        self._units = integer("units", units, 1)
        self._initial = check_initial(initial)
        self._seed = integer("seed", seed, 0)
        self._read: dict[str, Tensor] = {}

    def step(self, x: Tensor, state: LSTMState) -> LSTMState:
        """One step.

        Args:
            x: Of shape (batch, inputs).
            state: The hidden and the cell state before it.

        Returns:
            Both after it.

        Raises:
            TypeError: ``x`` is not a tensor.
            GraphError: ``x`` does not fit the layer, or belongs to another graph than before.
        """
        shape = self._check(x)
        inputs = self._check_features(x, shape, -1, -2)
        values = self._read or self._parameters(x, inputs)
        self._graph = x.graph
        return self._next(x @ values["weights"] + values["bias"], state, values)

    def zero_state(self, x: Tensor) -> LSTMState:
        """A state of zeros for steps with tensors such as ``x``; makes the variables, if they are
        not there, and reads them for all these steps. Call it outside the body of a loop: gradients
        flow to what a body takes from outside.

        Args:
            x: Of shape (batch, inputs).

        Raises:
            TypeError: ``x`` is not a tensor.
            GraphError: ``x`` does not fit the layer, or belongs to another graph than before.
        """
        shape = self._check(x)
        self._parameters(x, self._check_features(x, shape, -1, -2))
        self._graph = x.graph
        self._read = {name: x.graph.read(each) for name, each in self._variables.items()}
        zeros = self._zeros(x, shape[0])
        return zeros, zeros

    def _apply(self, x: Tensor, shape: tuple[int, ...], training: bool) -> Tensor:
        graph = x.graph
        values = self._parameters(x, self._check_features(x, shape, -1, -3))
        if shape[1] < 1:
            raise GraphError(
                f"the layer '{self.name}' must know how many steps '{x.name}' has, whose shape is "
                f"{shape}; for others there is step()"
            )
        entering = x @ values["weights"] + values["bias"]  # of all steps at once
        zeros = self._zeros(x, shape[0])
        state, outputs = (zeros, zeros), []
        for time in range(shape[1]):
            state = self._next(entering[:, time], state, values)
            outputs.append(state[0])
        return graph.stack(outputs, 1)

    @staticmethod
    def _next(entering: Tensor, state: LSTMState, values: dict[str, Tensor]) -> LSTMState:
        graph = entering.graph
        hidden, cell = state
        gates = entering + hidden @ values["recurrent_weights"]
        i, f, g, o = graph.split(gates, axis=-1, num_splits=4)
        cell = graph.sigmoid(f) * cell + graph.sigmoid(i) * graph.tanh(g)
        return graph.sigmoid(o) * graph.tanh(cell), cell

    def _zeros(self, x: Tensor, batch: int) -> Tensor:
        graph = x.graph
        if batch >= 0:
            return graph.constant(0.0, [batch, self._units], x.data_type)
        units = graph.constant(np.array([self._units], np.int32))
        size = graph.concat([graph.shape_of(x)[:1], units], dimension=0)
        zero = graph.constant(0.0, [1, self._units], x.data_type)
        return graph.reshape(graph.broadcast(zero, size), [-1, self._units])

    def _parameters(self, x: Tensor, inputs: int) -> dict[str, Tensor]:
        units, graph = self._units, x.graph

        def first(rows: int) -> np.ndarray:
            fans = rows, units
            return first_weights(graph, self._initial, None, (rows, 4 * units), fans, self._seed)

        forget = np.repeat(np.array([0, 1, 0, 0], np.float32), units)
        self._trainable(x, "weights", lambda: first(inputs), [inputs, 4 * units])
        self._trainable(x, "recurrent_weights", lambda: first(units), [units, 4 * units])
        self._trainable(x, "bias", forget, [4 * units])
        return self._variables
