"""Optimizers of the domain ai.onnx.preview.training: one step of several tensors."""

from __future__ import annotations

from collections.abc import Callable

from mpsg import Tensor
from mpsg.onnx._build import cast, like
from mpsg.onnx._node import Converter, Node

# The rate, how many steps came before, and the tensors of one parameter; gives their new values.
Step = Callable[[Node, Tensor, Tensor, list[Tensor]], list[Tensor]]


def for_each(step: Step, kinds: int) -> Converter:
    """Inputs are R, T, then all parameters, all gradients, all of each further kind."""

    def convert(node: Node) -> list[Tensor]:
        graph = node.graph
        rate, count = graph.reshape(node[0], []), graph.reshape(node[1], [])
        number = (len(node) - 2) // kinds
        groups = [[node[2 + kind * number + i] for kind in range(kinds)] for i in range(number)]
        made = [step(node, rate, count, group) for group in groups]
        return [of[kind] for kind in range(kinds - 1) for of in made]

    return convert


def adagrad(node: Node, rate: Tensor, count: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    x, gradient, squares = tensors
    decay, norm = node.attribute("decay_factor", 0.0), node.attribute("norm_coefficient", 0.0)
    slowed = rate / (like(x, 1) + cast(count, x.data_type) * like(x, decay))
    gradient = gradient + x * like(x, norm)
    squares = squares + node.graph.square(gradient)
    adaptive = node.graph.square_root(squares) + like(x, node.attribute("epsilon", 1e-6))
    return [x - slowed * gradient / adaptive, squares]


def adam(node: Node, rate: Tensor, count: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    graph = node.graph
    x, gradient, first, second = tensors
    alpha, beta = node.attribute("alpha", 0.9), node.attribute("beta", 0.999)
    gradient = gradient + x * like(x, node.attribute("norm_coefficient", 0.0))
    first = first * like(x, alpha) + gradient * like(x, 1 - alpha)
    second = second * like(x, beta) + graph.square(gradient) * like(x, 1 - beta)
    root = graph.square_root(second) + like(x, node.attribute("epsilon", 1e-6))
    steps = cast(count, x.data_type)
    corrected = graph.square_root(like(x, 1) - graph.power(like(x, beta), steps)) / (
        like(x, 1) - graph.power(like(x, alpha), steps)
    )
    rate = graph.select(graph.greater_than(count, like(count, 0)), rate * corrected, rate)
    made = x - rate * first / root
    return [made * like(x, 1 - node.attribute("norm_coefficient_post", 0.0)), first, second]


def momentum(node: Node, rate: Tensor, count: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    graph = node.graph
    x, gradient, velocity = tensors
    alpha, beta = node.attribute("alpha"), node.attribute("beta")
    gradient = gradient + x * like(x, node.attribute("norm_coefficient"))
    first = graph.equal(count, like(count, 0))
    factor = graph.select(first, like(x, 1), like(x, beta))
    velocity = velocity * like(x, alpha) + gradient * factor
    if node.attribute("mode") == "nesterov":
        return [x - rate * (gradient + velocity * like(x, alpha)), velocity]
    return [x - rate * velocity, velocity]


CONVERTERS: dict[str, Converter] = {
    "Adagrad": for_each(adagrad, 3),
    "Adam": for_each(adam, 4),
    "Momentum": for_each(momentum, 3),
}
