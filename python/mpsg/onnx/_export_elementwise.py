"""Rows on one element at a time, as ONNX nodes."""

from __future__ import annotations

import math

import mpsg
from mpsg.onnx._export_record import Step
from mpsg.onnx._export_writer import Export, Writer


def unary(op: str) -> Export:
    """The same operation of one tensor."""
    return lambda w, step: w.node(op, next(iter(step.operands.values()))[0].name)


def binary(op: str, **attributes: int) -> Export:
    """The same operation of two tensors."""
    return lambda w, step: w.node(
        op, step["primary_tensor"].name, step["secondary_tensor"].name, **attributes
    )


def negated(op: str) -> Export:
    """Not the operation of that name."""
    return lambda w, step: w.node(
        "Not", w.node(op, step["primary_tensor"].name, step["secondary_tensor"].name)
    )


def scaled_logarithm(base: float) -> Export:
    return lambda w, step: w.node(
        "Mul",
        w.node("Log", step["tensor"].name),
        w.number(step["tensor"], 1 / math.log(base)),
    )


def power_of(base: float) -> Export:
    return lambda w, step: w.node("Pow", w.number(step["tensor"], base), step["tensor"].name)


def extreme(op: str) -> Export:
    """Where one is NaN, the other."""

    def export(w: Writer, step: Step) -> str:
        a, b = step["primary_tensor"], step["secondary_tensor"]
        if not a.floating:
            return w.node(op, a.name, b.name)
        found = w.node("Where", w.node("IsNaN", b.name), a.name, w.node(op, a.name, b.name))
        return w.node("Where", w.node("IsNaN", a.name), b.name, found)

    return export


def floor_modulo(w: Writer, step: Step) -> str:
    a, b = step["primary_tensor"], step["secondary_tensor"]
    if not a.floating:
        return w.node("Mod", a.name, b.name)
    quotient = w.node("Floor", w.node("Div", a.name, b.name))
    rest = w.node("Sub", a.name, w.node("Mul", quotient, b.name))
    zero = w.number(b, 0)
    return w.node("Where", w.node("Equal", b.name, zero), zero, rest)


def division_no_nan(w: Writer, step: Step) -> str:
    a, b = step["primary_tensor"], step["secondary_tensor"]
    none = w.node("Equal", b.name, w.number(b, 0))
    safe = w.node("Where", none, w.number(b, 1), b.name)
    return w.node("Where", none, w.number(a, 0), w.node("Div", a.name, safe))


def whole(w: Writer, step: Step) -> str:
    """Towards zero."""
    x = step["tensor"].name
    return w.node("Mul", w.node("Sign", x), w.node("Floor", w.node("Abs", x)))


def rounded(w: Writer, step: Step) -> str:
    """Halves away from zero."""
    x = step["tensor"]
    size = w.node("Abs", x.name)
    down = w.node("Floor", size)
    up = w.node("GreaterOrEqual", w.node("Sub", size, down), w.number(x, 0.5))
    found = w.node("Where", up, w.node("Add", down, w.number(x, 1)), down)
    return w.node("Mul", w.node("Sign", x.name), found)


def of_floats(export: Export) -> Export:
    """For rows that leave integers as they are."""
    return lambda w, step: (
        export(w, step) if step["tensor"].floating else w.node("Identity", step["tensor"].name)
    )


def is_finite(w: Writer, step: Step) -> str:
    x = step["tensor"].name
    return w.node("Not", w.node("Or", w.node("IsNaN", x), w.node("IsInf", x)))


def leaky_relu(w: Writer, step: Step) -> str:
    x, alpha = step["tensor"], step["alpha"]
    above = w.node("Greater", x.name, w.number(x, 0))
    return w.node("Where", above, x.name, w.node("Mul", alpha.name, x.name))


def clamp(w: Writer, step: Step) -> str:
    low = w.node("Max", step["tensor"].name, step["min_value"].name)
    return w.node("Min", low, step["max_value"].name)


def relu_gradient(w: Writer, step: Step) -> str:
    above = w.node("Greater", step["source"].name, w.number(step["source"], 0))
    return w.node("Where", above, step["gradient"].name, w.number(step["gradient"], 0))


def sigmoid_gradient(w: Writer, step: Step) -> str:
    y = w.node("Sigmoid", step["source"].name)
    rest = w.node("Sub", w.number(step["source"], 1), y)
    return w.node("Mul", w.node("Mul", step["gradient"].name, y), rest)


def inverse_root(w: Writer, step: Step) -> str:
    return w.node("Reciprocal", w.node("Sqrt", step["tensor"].name))


def bitwise_not(w: Writer, step: Step) -> str:
    x = step["tensor"]
    return w.node("Not" if x.data_type == mpsg.bool_ else "BitwiseNot", x.name)


def bitwise(op: str, of_bool: str) -> Export:
    def export(w: Writer, step: Step) -> str:
        a, b = step["primary_tensor"], step["secondary_tensor"]
        return w.node(of_bool if a.data_type == mpsg.bool_ else op, a.name, b.name)

    return export


def cast(w: Writer, step: Step) -> str:
    return w.cast(step["tensor"].name, mpsg.data_type(step.attributes["type"]))


def square(w: Writer, step: Step) -> str:
    return w.node("Mul", step["tensor"].name, step["tensor"].name)


def select(w: Writer, step: Step) -> str:
    names = ("predicate_tensor", "true_predicate_tensor", "false_predicate_tensor")
    return w.node("Where", *(step[name].name for name in names))


EXPORTS: dict[str, Export] = {
    "absolute": unary("Abs"),
    "absolute_square": square,
    "acos": unary("Acos"),
    "acosh": unary("Acosh"),
    "addition": binary("Add"),
    "asin": unary("Asin"),
    "asinh": unary("Asinh"),
    "atan": unary("Atan"),
    "atanh": unary("Atanh"),
    "bitwise_and": bitwise("BitwiseAnd", "And"),
    "bitwise_not": bitwise_not,
    "bitwise_or": bitwise("BitwiseOr", "Or"),
    "bitwise_xor": bitwise("BitwiseXor", "Xor"),
    "cast": cast,
    "ceil": of_floats(unary("Ceil")),
    "clamp": clamp,
    "conjugate": unary("Identity"),
    "cos": unary("Cos"),
    "cosh": unary("Cosh"),
    "division": binary("Div"),
    "division_no_nan": division_no_nan,
    "equal": binary("Equal"),
    "erf": unary("Erf"),
    "exponent": unary("Exp"),
    "exponent_base10": power_of(10),
    "exponent_base2": power_of(2),
    "floor": of_floats(unary("Floor")),
    "floor_modulo": floor_modulo,
    "greater_than": binary("Greater"),
    "greater_than_or_equal_to": binary("GreaterOrEqual"),
    "identity": unary("Identity"),
    "is_finite": is_finite,
    "is_infinite": unary("IsInf"),
    "is_nan": unary("IsNaN"),
    "leaky_relu": leaky_relu,
    "less_than": binary("Less"),
    "less_than_or_equal_to": binary("LessOrEqual"),
    "logarithm": unary("Log"),
    "logarithm_base10": scaled_logarithm(10),
    "logarithm_base2": scaled_logarithm(2),
    "logical_and": binary("And"),
    "logical_nand": negated("And"),
    "logical_nor": negated("Or"),
    "logical_not": unary("Not"),
    "logical_or": binary("Or"),
    "logical_xnor": negated("Xor"),
    "logical_xor": binary("Xor"),
    "maximum": extreme("Max"),
    "maximum_with_nan_propagation": binary("Max"),
    "minimum": extreme("Min"),
    "minimum_with_nan_propagation": binary("Min"),
    "modulo": binary("Mod", fmod=1),
    "multiplication": binary("Mul"),
    "negative": unary("Neg"),
    "not_equal": negated("Equal"),
    "power": binary("Pow"),
    "read": unary("Identity"),
    "reciprocal": unary("Reciprocal"),
    "reciprocal_square_root": inverse_root,
    "relu": unary("Relu"),
    "relu_gradient": relu_gradient,
    "reverse_square_root": inverse_root,
    "rint": of_floats(unary("Round")),
    "round": of_floats(rounded),
    "select": select,
    "sigmoid": unary("Sigmoid"),
    "sigmoid_gradient": sigmoid_gradient,
    "sign": unary("Sign"),
    "sin": unary("Sin"),
    "sinh": unary("Sinh"),
    "square": square,
    "square_root": unary("Sqrt"),
    "subtraction": binary("Sub"),
    "tan": unary("Tan"),
    "tanh": unary("Tanh"),
    "truncate": of_floats(whole),
}
