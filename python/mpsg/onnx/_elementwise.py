"""Operations on one element at a time: arithmetic, functions, comparisons, logic, casts."""

from __future__ import annotations

from functools import reduce

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import FLOATS, UNSIGNED, cast, like, wide
from mpsg.onnx._node import Converter, Node
from mpsg.onnx._proto import from_onnx_type


def same(row: str) -> Converter:
    """The row of that name means the same."""
    return lambda node: getattr(node.graph, row)(node[0])


def in_float(row: str) -> Converter:
    """A row for floats; integers pass through it as float32."""

    def convert(node: Node) -> Tensor:
        x = node[0]
        if x.data_type in FLOATS or x.data_type == mpsg.complex64:
            return getattr(node.graph, row)(x)  # type: ignore[no-any-return]
        found = getattr(node.graph, row)(node.graph.cast(x, mpsg.float32))
        return cast(found, x.data_type)

    return convert


def second(node: Node) -> Tensor:
    """Input 1, where before opset 7 an attribute said which axes of input 0 are its."""
    tensor = node[1]
    if node.opset >= 7 or not node.has("axis") or node.attribute("broadcast", 0) == 0:
        return tensor
    behind = node.rank(0) - node.axis() - node.rank(1)
    return node.graph.expand_dims(tensor, [node.rank(1) + i for i in range(behind)])


def binary(row: str) -> Converter:
    """A row of two operands that broadcast."""
    return lambda node: getattr(node.graph, row)(node[0], second(node))


def variadic(row: str) -> Converter:
    """A row of two operands, over any number of them."""
    return lambda node: reduce(getattr(node.graph, row), node.given())


def mean(node: Node) -> Tensor:
    given = node.given()
    total = reduce(node.graph.addition, given)
    return total / like(total, len(given))


def modulo(node: Node) -> Tensor:
    graph, x, by = node.graph, node[0], node[1]
    if node.attribute("fmod", 0):
        return graph.modulo(x, by)
    if x.data_type not in FLOATS:
        return graph.floor_modulo(x, by)
    # The sign of the divisor, as Python's %, also at zeros and infinities.
    rest, zero = graph.modulo(x, by), like(x, 0)
    other_side = graph.logical_xor(graph.signbit(rest), graph.signbit(by))
    moved = graph.select(other_side, rest + by, rest)
    signed_zero = graph.select(graph.signbit(by), -zero, zero)
    return graph.select(graph.equal(rest, zero), signed_zero, moved)


def power(node: Node) -> Tensor:
    base, exponent = node[0], second(node)
    if base.data_type == exponent.data_type:
        return node.graph.power(base, exponent)
    if base.data_type in FLOATS:
        return node.graph.power(base, cast(exponent, base.data_type))
    if exponent.data_type in FLOATS:
        found = node.graph.power(cast(base, mpsg.float64), cast(exponent, mpsg.float64))
        return cast(found, base.data_type)
    return node.graph.power(base, cast(exponent, base.data_type))


def bit_shift(node: Node) -> Tensor:
    left = node.attribute("direction") == "LEFT"
    row = node.graph.bitwise_left_shift if left else node.graph.bitwise_right_shift
    return row(node[0], node[1])


def clip(node: Node) -> Tensor:
    x = node[0]
    low, high = node.optional(1), node.optional(2)
    if node.opset < 11:
        low = like(x, node.attribute("min")) if node.has("min") else None
        high = like(x, node.attribute("max")) if node.has("max") else None
    if low is not None and high is not None:
        return node.graph.clamp(x, low, high)
    if low is not None:
        return node.graph.maximum_with_nan_propagation(x, low)
    if high is not None:
        return node.graph.minimum_with_nan_propagation(x, high)
    return node.graph.identity(x)


def cast_to(node: Node) -> Tensor:
    to = node.attribute("to")
    if isinstance(to, str):  # before opset 6 it was a name
        return node.graph.cast(node[0], to.lower().replace("double", "float64"))
    return converted(node[0], from_onnx_type(to))


def converted(x: Tensor, target: mpsg.DataType) -> Tensor:
    if target in (mpsg.int4, mpsg.uint4):  # keeps the low bits, of floats as well
        x = x.graph.cast(x, mpsg.int32)
    return x.graph.cast(x, target)


def where(node: Node) -> Tensor:
    return node.graph.select(node[0], node[1], node[2])


def is_infinite(node: Node) -> Tensor:
    graph, x = node.graph, node[0]
    found = graph.is_infinite(x)
    if not node.attribute("detect_negative", 1):
        found = graph.logical_and(found, graph.greater_than(x, like(x, 0)))
    if not node.attribute("detect_positive", 1):
        found = graph.logical_and(found, graph.less_than(x, like(x, 0)))
    return found


# --- Activations


def relu(node: Node) -> Tensor:
    x = node[0]
    return node.graph.relu(x) if x.data_type in FLOATS else node.graph.maximum(x, like(x, 0))


def prelu(node: Node) -> Tensor:
    graph, x, slope = node.graph, node[0], node[1]
    if node.opset < 7 and node.rank(1) == 1 and node.rank() > 1:  # one for each channel
        slope = graph.expand_dims(slope, list(range(1, node.rank() - 1)))
    if x.data_type in FLOATS:
        return graph.leaky_relu(x, slope)
    return x if x.data_type in UNSIGNED else graph.select(x < like(x, 0), x * slope, x)


def leaky_relu(node: Node) -> Tensor:
    return node.graph.leaky_relu(node[0], like(node[0], node.attribute("alpha", 0.01)))


def elu_with(tensor: Tensor, alpha: float, gamma: float = 1.0) -> Tensor:
    """gamma * x where x > 0, else gamma * alpha * (exp(x) - 1)."""
    graph, x = tensor.graph, wide(tensor)
    below = like(x, alpha) * (graph.exponent(x) - like(x, 1))
    found = graph.select(x > like(x, 0), x, below)
    return cast(found if gamma == 1.0 else found * like(x, gamma), tensor.data_type)


def elu(node: Node) -> Tensor:
    return elu_with(node[0], node.attribute("alpha", 1.0))


def selu(node: Node) -> Tensor:
    older = node.opset < 6
    alpha = 1.6732 if older else 1.67326319217681884765625
    gamma = 1.0507 if older else 1.05070102214813232421875
    return elu_with(node[0], node.attribute("alpha", alpha), node.attribute("gamma", gamma))


def celu(node: Node) -> Tensor:
    graph, x = node.graph, wide(node[0])
    alpha, zero = like(x, node.attribute("alpha", 1.0)), like(x, 0)
    below = alpha * (graph.exponent(x / alpha) - like(x, 1))
    return cast(graph.maximum(x, zero) + graph.minimum(below, zero), node[0].data_type)


def hard_sigmoid_with(x: Tensor, alpha: float, beta: float) -> Tensor:
    """alpha * x + beta between 0 and 1."""
    return x.graph.clamp(x * like(x, alpha) + like(x, beta), like(x, 0), like(x, 1))


def hard_sigmoid(node: Node) -> Tensor:
    alpha, beta = node.attribute("alpha", 0.2), node.attribute("beta", 0.5)
    return hard_sigmoid_with(node[0], alpha, beta)


def hard_swish(node: Node) -> Tensor:
    return node[0] * hard_sigmoid_with(node[0], 1 / 6, 0.5)


def softplus(node: Node) -> Tensor:
    """log(exp(x) + 1), so that nothing overflows."""
    graph, x = node.graph, wide(node[0])
    rest = graph.logarithm(graph.exponent(-graph.absolute(x)) + like(x, 1))
    return cast(graph.maximum_with_nan_propagation(x, like(x, 0)) + rest, node[0].data_type)


def softsign(node: Node) -> Tensor:
    return node[0] / (node.graph.absolute(node[0]) + like(node[0], 1))


def swish(node: Node) -> Tensor:
    x = node[0]
    return x * node.graph.sigmoid(x * like(x, node.attribute("alpha", 1.0)))


def mish(node: Node) -> Tensor:
    return node[0] * node.graph.tanh(softplus(node))


def gelu(node: Node) -> Tensor:
    graph, x = node.graph, wide(node[0])
    if node.attribute("approximate", "none") == "tanh":
        inner = x + like(x, 0.044715) * x * x * x
        factor = graph.tanh(inner * like(x, np.sqrt(2 / np.pi))) + like(x, 1)
    else:
        factor = graph.erf(x * like(x, np.sqrt(0.5))) + like(x, 1)
    return cast(x * like(x, 0.5) * factor, node[0].data_type)


def thresholded_relu(node: Node) -> Tensor:
    x = node[0]
    return node.graph.select(x > like(x, node.attribute("alpha", 1.0)), x, like(x, 0))


def shrink(node: Node) -> Tensor:
    graph, x = node[0].graph, wide(node[0])
    limit, bias = node.attribute("lambd", 0.5), node.attribute("bias", 0.0)
    inner = x if x.data_type in FLOATS else graph.cast(x, mpsg.float64)
    above = graph.select(inner > like(inner, limit), inner - like(inner, bias), like(inner, 0))
    found = graph.select(inner < like(inner, -limit), inner + like(inner, bias), above)
    return cast(found, node[0].data_type)


CONVERTERS: dict[str, Converter] = {
    "Abs": same("absolute"),
    "Acos": same("acos"),
    "Acosh": same("acosh"),
    "Add": binary("addition"),
    "And": binary("logical_and"),
    "Asin": same("asin"),
    "Asinh": same("asinh"),
    "Atan": same("atan"),
    "Atanh": same("atanh"),
    "BitCast": lambda node: node.graph.reinterpret_cast(
        node[0], from_onnx_type(node.attribute("to"))
    ),
    "BitShift": bit_shift,
    "BitwiseAnd": binary("bitwise_and"),
    "BitwiseNot": same("bitwise_not"),
    "BitwiseOr": binary("bitwise_or"),
    "BitwiseXor": binary("bitwise_xor"),
    "Cast": cast_to,
    "CastLike": lambda node: converted(node[0], node[1].data_type),
    "Ceil": same("ceil"),
    "Celu": celu,
    "Clip": clip,
    "Cos": same("cos"),
    "Cosh": same("cosh"),
    "Div": binary("division"),
    "Elu": elu,
    "Equal": binary("equal"),
    "Erf": in_float("erf"),
    "Exp": same("exponent"),
    "Floor": same("floor"),
    "Gelu": gelu,
    "Greater": binary("greater_than"),
    "GreaterOrEqual": binary("greater_than_or_equal_to"),
    "HardSigmoid": hard_sigmoid,
    "HardSwish": hard_swish,
    "Identity": same("identity"),
    "IsInf": is_infinite,
    "IsNaN": same("is_nan"),
    "LeakyRelu": leaky_relu,
    "Less": binary("less_than"),
    "LessOrEqual": binary("less_than_or_equal_to"),
    "Log": same("logarithm"),
    "Max": variadic("maximum_with_nan_propagation"),
    "Mean": mean,
    "Min": variadic("minimum_with_nan_propagation"),
    "Mish": mish,
    "Mod": modulo,
    "Mul": binary("multiplication"),
    "Neg": same("negative"),
    "Not": same("logical_not"),
    "Or": binary("logical_or"),
    "PRelu": prelu,
    "Pow": power,
    "Reciprocal": same("reciprocal"),
    "Relu": relu,
    "Round": same("rint"),
    "Selu": selu,
    "Shrink": shrink,
    "Sigmoid": same("sigmoid"),
    "Sign": same("sign"),
    "Sin": same("sin"),
    "Sinh": same("sinh"),
    "Softplus": softplus,
    "Softsign": softsign,
    "Sqrt": same("square_root"),
    "Sub": binary("subtraction"),
    "Sum": variadic("addition"),
    "Swish": swish,
    "Tan": same("tan"),
    "Tanh": same("tanh"),
    "ThresholdedRelu": thresholded_relu,
    "Where": where,
    "Xor": binary("logical_xor"),
}
