"""RNN, GRU and LSTM: by mpsg's layers where these have the options, else step by step."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import mpsg
from mpsg import Graph, RNNActivation, Tensor
from mpsg.onnx._build import as_vector, cast, constant, like, size_of, sizes_of, static_shape
from mpsg.onnx._elementwise import elu_with, hard_sigmoid_with
from mpsg.onnx._indexing import sizes
from mpsg.onnx._node import Converter, Node

_GATES = {"RNN": 1, "GRU": 3, "LSTM": 4}
_DEFAULTS = {"RNN": ["Tanh"], "GRU": ["Sigmoid", "Tanh"], "LSTM": ["Sigmoid", "Tanh", "Tanh"]}
_OF_MPSG = {
    "Relu": RNNActivation.RELU,
    "Tanh": RNNActivation.TANH,
    "Sigmoid": RNNActivation.SIGMOID,
}


@dataclass
class Layer:
    """What the three nodes have in common; tensors have a first axis for the directions."""

    x: Tensor  # (T, N, I)
    weights: Tensor  # (D, G * H, I)
    recurrent: Tensor  # (D, G * H, H)
    bias: Tensor | None  # (D, 2 * G * H)
    lengths: Tensor | None  # (N), int64
    hidden: Tensor | None  # (D, N, H)
    cell: Tensor | None  # (D, N, H)
    peephole: Tensor | None  # (D, 3 * H)
    size: int  # H
    gates: int  # G
    direction: str
    activations: list[str]
    plain: bool  # no clipping, no parameters of activations

    @property
    def directions(self) -> int:
        """1 or 2."""
        return 2 if self.direction == "bidirectional" else 1


def layer_of(node: Node) -> Layer:
    """From a node's inputs and attributes."""
    graph, batch_first = node.graph, bool(node.attribute("layout", 0))
    recurrent = node[2]
    size = int(node.attribute("hidden_size", 0) or (recurrent.shape or (-1,))[-1])
    if size < 0:
        node.fail("hidden_size is not known when the graph is built")
    direction = node.attribute("direction", "forward")
    count = 2 if direction == "bidirectional" else 1
    names = node.attribute("activations") or _DEFAULTS[node.op] * count

    def first_axes(tensor: Tensor | None) -> Tensor | None:
        swap = tensor is not None and batch_first
        return graph.transpose(tensor, 0, 1) if swap and tensor is not None else tensor

    if node.attribute("input_forget", 0):
        node.fail("mpsg has no LSTM with coupled gates (input_forget)")
    lengths = node.optional(4)
    x = first_axes(node[0])
    assert x is not None
    return Layer(
        x=x,
        weights=node[1],
        recurrent=recurrent,
        bias=node.optional(3),
        lengths=None if lengths is None else cast(lengths, mpsg.int64),
        hidden=first_axes(node.optional(5)),
        cell=first_axes(node.optional(6)) if node.op == "LSTM" else None,
        peephole=node.optional(7) if node.op == "LSTM" else None,
        size=size,
        gates=_GATES[node.op],
        direction=direction,
        activations=[str(name).capitalize() for name in names],
        plain=not any(node.has(name) for name in ("clip", "activation_alpha", "activation_beta")),
    )


def of_direction(tensor: Tensor | None, d: int) -> Tensor | None:
    """A direction's part."""
    if tensor is None:
        return None
    return tensor.graph.squeeze(tensor.graph.slice(tensor, dimension=0, start=d, length=1), 0)


def parts(tensor: Tensor, count: int, axis: int = 0) -> list[Tensor]:
    """Equal parts along an axis."""
    return tensor.graph.split(tensor, axis=axis, num_splits=count)


def results(node: Node, found: list[tuple[Tensor, ...]]) -> list[Tensor]:
    """Y (T, D, N, H) and the last states (D, N, H), from those of each direction."""
    graph = node.graph
    stacked = [graph.stack([of[i] for of in found], 1) for i in range(1)]
    last = [graph.stack([of[i] for of in found], 0) for i in range(1, len(found[0]))]
    if node.attribute("layout", 0):
        return [
            graph.permute(stacked[0], [2, 0, 1, 3]),
            *(graph.transpose(state, 0, 1) for state in last),
        ]
    return [*stacked, *last]


# --- By mpsg's layers


def reordered(tensor: Tensor, order: list[int]) -> Tensor:
    """Gates in another order, along the first axis."""
    if order == list(range(len(order))):
        return tensor
    cut = parts(tensor, len(order))
    return tensor.graph.concat([cut[i] for i in order], 0)


def fits(layer: Layer, kinds: int) -> bool:
    """Has mpsg's layer these options? It takes one activation for each kind of gate."""
    return (
        layer.plain
        and layer.lengths is None
        and layer.peephole is None
        and all(name in _OF_MPSG for name in layer.activations)
        and len(layer.activations) == kinds * layer.directions
    )


def one_direction(
    layer: Layer, d: int, order: list[int]
) -> tuple[Tensor, Tensor, Tensor | None, Tensor | None]:
    """W, R, and the input's and the recurrent bias, with gates in mpsg's order."""
    weights, recurrent = of_direction(layer.weights, d), of_direction(layer.recurrent, d)
    assert weights is not None and recurrent is not None
    bias = of_direction(layer.bias, d)
    first = second = None
    if bias is not None:
        first, second = (reordered(half, order) for half in parts(bias, 2))
    return reordered(weights, order), reordered(recurrent, order), first, second


def last_of(y: Tensor, reverse: bool) -> Tensor:
    """The state after the last step, (N, H)."""
    graph = y.graph
    steps = size_of(y, 0)
    if reverse:
        return graph.squeeze(graph.slice(y, dimension=0, start=0, length=1), 0)
    if isinstance(steps, int):
        return graph.squeeze(graph.slice(y, dimension=0, start=steps - 1, length=1), 0)
    return graph.squeeze(graph.slice(y, [-1], [0], end_mask=1), 0)


def by_layers(
    node: Node, layer: Layer, call: Callable[[int, bool], tuple[Tensor, ...]]
) -> list[Tensor]:
    """`call` gives what a direction makes: all outputs, then what else has states."""
    found: list[tuple[Tensor, ...]] = []
    for d in range(layer.directions):
        reverse = layer.direction == "reverse" or d == 1
        made = call(d, reverse)
        found.append((made[0], *(last_of(part, reverse) for part in made)))
    return results(node, found)


def added(first: Tensor | None, second: Tensor | None) -> Tensor | None:
    """The sum of what is there."""
    if first is None or second is None:
        return first if second is None else second
    return first + second


def rnn(node: Node) -> list[Tensor]:
    layer = layer_of(node)
    if not fits(layer, 1):
        return by_steps(node, layer, rnn_step)

    def call(d: int, reverse: bool) -> tuple[Tensor, ...]:
        weights, recurrent, first, second = one_direction(layer, d, [0])
        descriptor = mpsg.SingleGateRNNDescriptor(
            reverse=reverse, activation=_OF_MPSG[layer.activations[d]]
        )
        return (
            node.graph.single_gate_rnn(
                layer.x,
                recurrent,
                descriptor,
                input_weight=weights,
                bias=added(first, second),
                init_state=of_direction(layer.hidden, d),
            )[0],
        )

    return by_layers(node, layer, call)


def gru(node: Node) -> list[Tensor]:
    layer = layer_of(node)
    after = bool(node.attribute("linear_before_reset", 0))
    if not fits(layer, 2):
        return by_steps(node, layer, gru_step_after if after else gru_step)
    graph = node.graph

    def call(d: int, reverse: bool) -> tuple[Tensor, ...]:
        weights, recurrent, first, second = one_direction(layer, d, [0, 1, 2])
        bias, inner = added(first, second), None
        if after and first is not None and second is not None:
            of_input, of_state = parts(first, 3), parts(second, 3)
            gates = [of_input[0] + of_state[0], of_input[1] + of_state[1], of_input[2]]
            bias, inner = graph.concat(gates, 0), of_state[2]
        gate, output = (_OF_MPSG[name] for name in layer.activations[2 * d : 2 * d + 2])
        descriptor = mpsg.GRUDescriptor(
            reverse=reverse,
            reset_after=after,
            update_gate_activation=gate,
            reset_gate_activation=gate,
            output_gate_activation=output,
        )
        return (
            graph.gru(
                layer.x,
                recurrent,
                descriptor,
                input_weight=weights,
                bias=bias,
                init_state=of_direction(layer.hidden, d),
                secondary_bias=inner,
            )[0],
        )

    return by_layers(node, layer, call)


def lstm(node: Node) -> list[Tensor]:
    layer = layer_of(node)
    if not fits(layer, 3):
        return by_steps(node, layer, lstm_step)

    def call(d: int, reverse: bool) -> tuple[Tensor, ...]:
        # ONNX: input, output, forget, cell. mpsg: input, forget, cell, output.
        weights, recurrent, first, second = one_direction(layer, d, [0, 2, 3, 1])
        gate, cell, output = (_OF_MPSG[name] for name in layer.activations[3 * d : 3 * d + 3])
        descriptor = mpsg.LSTMDescriptor(
            reverse=reverse,
            produce_cell=True,
            input_gate_activation=gate,
            forget_gate_activation=gate,
            output_gate_activation=gate,
            cell_gate_activation=cell,
            activation=output,
        )
        made = node.graph.lstm(
            layer.x,
            recurrent,
            descriptor,
            input_weight=weights,
            bias=added(first, second),
            init_state=of_direction(layer.hidden, d),
            init_cell=of_direction(layer.cell, d),
        )
        return made[0], made[1]

    return by_layers(node, layer, call)


# --- Step by step


def activation(node: Node, index: int, name: str) -> Callable[[Tensor], Tensor]:
    """ONNX's activation of that name, with its parameters."""

    def parameter(attribute: str, default: float) -> float:
        given = node.attribute(attribute, [])
        return float(given[index]) if index < len(given) else default

    def alpha(default: float) -> float:
        return parameter("activation_alpha", default)

    def beta(default: float) -> float:
        return parameter("activation_beta", default)

    table: dict[str, Callable[[Tensor], Tensor]] = {
        "Relu": lambda x: x.graph.relu(x),
        "Tanh": lambda x: x.graph.tanh(x),
        "Sigmoid": lambda x: x.graph.sigmoid(x),
        "Affine": lambda x: x * like(x, alpha(1.0)) + like(x, beta(0.0)),
        "Leakyrelu": lambda x: x.graph.leaky_relu(x, like(x, alpha(0.01))),
        "Thresholdedrelu": lambda x: x.graph.select(x > like(x, alpha(1.0)), x, like(x, 0)),
        "Scaledtanh": lambda x: x.graph.tanh(x * like(x, beta(1.0))) * like(x, alpha(1.0)),
        "Hardsigmoid": lambda x: hard_sigmoid_with(x, alpha(0.2), beta(0.5)),
        "Elu": lambda x: elu_with(x, alpha(1.0)),
        "Softsign": lambda x: x / (x.graph.absolute(x) + like(x, 1)),
        "Softplus": lambda x: x.graph.logarithm(x.graph.exponent(x) + like(x, 1)),
    }
    if name not in table:
        node.fail(f"mpsg has no activation '{name}'")
    return table[name]


@dataclass
class Step:
    """What one step of one direction is made from."""

    inputs: list[Tensor]  # x[t] * transposed(W) + b, for each gate
    recurrent: list[Tensor]  # transposed(R), for each gate
    bias: list[Tensor]  # the recurrent one, for each gate
    peephole: list[Tensor]  # of the input, the output and the forget gate
    activations: list[Callable[[Tensor], Tensor]]
    clip: Callable[[Tensor], Tensor]

    def gate(self, i: int, hidden: Tensor) -> Tensor:
        """Before the activation."""
        return self.inputs[i] + hidden @ self.recurrent[i] + self.bias[i]


StepFunction = Callable[[Step, list[Tensor]], list[Tensor]]


def rnn_step(step: Step, states: list[Tensor]) -> list[Tensor]:
    return [step.activations[0](step.clip(step.gate(0, states[0])))]


def gru_step(step: Step, states: list[Tensor]) -> list[Tensor]:
    hidden, act = states[0], step.activations
    update, reset = (act[0](step.clip(step.gate(i, hidden))) for i in (0, 1))
    made = act[1](step.clip(step.gate(2, reset * hidden)))
    return [(like(update, 1) - update) * made + update * hidden]


def gru_step_after(step: Step, states: list[Tensor]) -> list[Tensor]:
    hidden, act = states[0], step.activations
    update, reset = (act[0](step.clip(step.gate(i, hidden))) for i in (0, 1))
    inner = step.inputs[2] + reset * (hidden @ step.recurrent[2] + step.bias[2])
    made = act[1](step.clip(inner))
    return [(like(update, 1) - update) * made + update * hidden]


def lstm_step(step: Step, states: list[Tensor]) -> list[Tensor]:
    (hidden, cell), act = states, step.activations
    gates = [step.gate(i, hidden) for i in range(4)]
    if step.peephole:
        gates[0] = gates[0] + step.peephole[0] * cell
        gates[2] = gates[2] + step.peephole[2] * cell
    put, forget = act[0](step.clip(gates[0])), act[0](step.clip(gates[2]))
    cell = forget * cell + put * act[1](step.clip(gates[3]))
    if step.peephole:
        gates[1] = gates[1] + step.peephole[1] * cell
    return [act[0](step.clip(gates[1])) * act[2](cell), cell]


def by_steps(node: Node, layer: Layer, function: StepFunction) -> list[Tensor]:
    """A loop over the steps, for each direction."""
    found = [steps_of(node, layer, function, d) for d in range(layer.directions)]
    return results(node, found)


def turned(x: Tensor, lengths: Tensor | None) -> Tensor:
    """A sequence (T, N, ...) from its end, each batch from the end of its own length."""
    graph = x.graph
    if lengths is None:
        return graph.reverse(x, 0)
    places = graph.coordinate_along_axis(0, sizes(x))
    rank = len(x.shape or ())
    count = graph.expand_dims(cast(lengths, mpsg.int32), [0, *range(2, rank)])
    back = count - like(count, 1) - places
    return graph.gather_along_axis(x, graph.select(places < count, back, places), 0)


def initial(graph: Graph, layer: Layer, given: Tensor | None, d: int) -> Tensor:
    """A state before the first step."""
    state = of_direction(given, d)
    if state is not None:
        return state
    shape = [size_of(layer.x, 1), layer.size]
    zero = constant(graph, 0, layer.x.data_type)
    numbers = [size for size in shape if isinstance(size, int)]
    return graph.broadcast(zero, numbers if len(numbers) == 2 else as_vector(graph, shape))


def steps_of(node: Node, layer: Layer, function: StepFunction, d: int) -> tuple[Tensor, ...]:
    """All outputs of a direction, (T, N, H), and its last states."""
    graph, kinds = node.graph, len(_DEFAULTS[node.op])
    reverse = layer.direction == "reverse" or d == 1
    x = turned(layer.x, layer.lengths) if reverse else layer.x
    weights, recurrent, first, second = one_direction(layer, d, list(range(layer.gates)))
    inputs = x @ graph.transpose(weights, 0, 1)
    if first is not None:
        inputs = inputs + first
    names = layer.activations[kinds * d : kinds * (d + 1)]
    acts = [activation(node, kinds * d + i, name) for i, name in enumerate(names)]
    limit = node.attribute("clip")
    states = [initial(graph, layer, layer.hidden, d)]
    if node.op == "LSTM":
        states.append(initial(graph, layer, layer.cell, d))
    peephole = of_direction(layer.peephole, d)

    def clip(value: Tensor) -> Tensor:
        return (
            value if limit is None else graph.clamp(value, like(value, -limit), like(value, limit))
        )

    steps = size_of(x, 0)
    count = constant(graph, steps, mpsg.int64) if isinstance(steps, int) else steps
    zero = constant(graph, 0, x.data_type)
    shape = as_vector(graph, [count, *sizes_of(states[0], (0, 1))])
    static = static_shape(states[0])
    buffer = graph.broadcast(
        zero, [steps, *static] if static is not None and isinstance(steps, int) else shape
    )

    def step(index: Tensor, arguments: list[Tensor]) -> list[Tensor]:
        *before, outputs = arguments
        place = graph.reshape(index, [1])
        row = graph.squeeze(graph.gather(inputs, place, 0), 0)
        zeros = [zero] * layer.gates
        made = function(
            Step(
                parts(row, layer.gates, 1),
                [graph.transpose(r, 0, 1) for r in parts(recurrent, layer.gates)],
                zeros if second is None else parts(second, layer.gates),
                [] if peephole is None else parts(peephole, 3),
                acts,
                clip,
            ),
            before,
        )
        output = made[0]
        if layer.lengths is not None:  # what is after a sequence's end changes nothing
            running = graph.expand_dims(index < layer.lengths, 1)
            made = [graph.select(running, new, old) for new, old in zip(made, before, strict=True)]
            output = graph.select(running, output, zero)
        written = graph.scatter(
            graph.expand_dims(output, 0), place, axis=0, mode=mpsg.ScatterMode.SET, data=outputs
        )
        return [*made, written]

    *last, y = graph.for_loop([*states, buffer], step, number_of_iterations=count)
    return (turned(y, layer.lengths) if reverse else y, *last)


CONVERTERS: dict[str, Converter] = {"GRU": gru, "LSTM": lstm, "RNN": rnn}
