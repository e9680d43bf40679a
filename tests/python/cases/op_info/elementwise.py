"""Operations of PyTorch's on single elements: arithmetic, functions, activations, losses."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial
from typing import Any

import mpsg
from cases.op_info.mapping import Bound, Call, CannotExpress, Mapping, Mappings, is_floating

Tensor = mpsg.Tensor
# What the C library and the kernels promise of a function: 2 units in the last place.
FUNCTION = 4


def unary(row: str) -> Callable[..., Any]:
    def build(c: Call, x: Tensor) -> Any:
        return getattr(c.graph, row)(x)

    return build


def function(row: str) -> Callable[..., Any]:
    """Of floating-point numbers: integers become such."""

    def build(c: Call, x: Tensor) -> Any:
        return getattr(c.graph, row)(c.floating(x))

    return build


def formula(write: Callable[[mpsg.Graph, Tensor], Any]) -> Callable[..., Any]:
    def build(c: Call, x: Tensor) -> Any:
        return write(c.graph, c.floating(x))

    return build


def binary(row: str) -> Callable[..., Any]:
    def build(c: Call, x: Any, y: Any) -> Any:
        return getattr(c.graph, row)(*c.promoted(x, y))

    return build


def swapped(row: str) -> Callable[..., Any]:
    def build(c: Call, x: Any, y: Any) -> Any:
        return getattr(c.graph, row)(*reversed(c.promoted(x, y)))

    return build


def with_alpha(row: str, other_first: bool = False) -> Callable[..., Any]:
    def build(c: Call, x: Any, y: Any, *, alpha: Any = 1) -> Any:
        x, y = c.promoted(x, y)
        if other_first:
            x, y = y, x
            scaled = x, y * c.constant(alpha, y) if alpha != 1 else y
        else:
            scaled = x, y * c.constant(alpha, y) if alpha != 1 else y
        return getattr(c.graph, row)(*scaled)

    return build


def floating_binary(row: str, other_first: bool = False) -> Callable[..., Any]:
    def build(c: Call, x: Any, y: Any) -> Any:
        x, y = c.promoted(x, y)
        x, y = c.floating(x), c.floating(y)
        return getattr(c.graph, row)(*((y, x) if other_first else (x, y)))

    return build


def divide(c: Call, x: Any, y: Any, *, rounding_mode: str | None = None) -> Any:
    x, y = c.promoted(x, y)
    if rounding_mode is None:
        return c.graph.division(c.floating(x), c.floating(y))
    if not is_floating(x):
        quotient = c.graph.division(x, y)  # towards 0
        if rounding_mode == "trunc":
            return quotient
        wrong = c.graph.not_equal(quotient * y, x)
        opposite = c.graph.logical_xor(c.graph.signbit(x), c.graph.signbit(y))
        less = c.graph.cast(c.graph.logical_and(wrong, opposite), x.data_type)
        return quotient - less
    if rounding_mode == "trunc":
        return c.graph.truncate(x / y)
    # As Python's: the quotient of what is divisible.
    rest = c.graph.floor_modulo(x, y)
    return c.graph.rint((x - rest) / y)


def logical(row: str) -> Callable[..., Any]:
    def build(c: Call, *operands: Any) -> Any:
        return getattr(c.graph, row)(*(truth(c, each) for each in operands))

    return build


def truth(c: Call, x: Any) -> Tensor:
    return c.cast(x, "bool")


def power(c: Call, x: Any, y: Any) -> Any:
    return c.graph.power(*c.promoted(x, y))


def clamp(c: Call, x: Tensor, min: Any = None, max: Any = None) -> Any:
    given = [x, *(each for each in (min, max) if each is not None)]
    given = c.promoted(*given)
    result = given[0]
    if min is not None:
        result = c.graph.maximum_with_nan_propagation(result, given[1])
    if max is not None:
        result = c.graph.minimum_with_nan_propagation(result, given[-1])
    return result


def where(c: Call, condition: Tensor, x: Any = None, y: Any = None) -> Any:
    return c.graph.select(truth(c, condition), *c.promoted(x, y))


def where_of(c: Call, x: Tensor, condition: Tensor, y: Any) -> Any:
    """The method: x where the condition holds."""
    return c.graph.select(truth(c, condition), *c.promoted(x, y))


def masked_fill(c: Call, x: Tensor, mask: Tensor, value: Any) -> Any:
    return c.graph.select(mask, c.cast(value, x.data_type.numpy().name), x)


def addcmul(
    c: Call, x: Tensor, a: Tensor, b: Tensor, *, value: Any = 1, divide: bool = False
) -> Any:
    x, a, b = c.promoted(x, a, b)
    if divide:
        x, a, b = (c.floating(each) for each in (x, a, b))
    part = a / b if divide else a * b
    return x + part * c.constant(value, x)


def lerp(c: Call, x: Tensor, end: Tensor, weight: Any) -> Any:
    return x + c.cast(weight, x.data_type.numpy().name) * (end - x)


def isclose_parts(
    c: Call, x: Tensor, y: Tensor, rtol: float = 1e-5, atol: float = 1e-8, equal_nan: bool = False
) -> Any:
    g = c.graph
    if not is_floating(x):
        raise CannotExpress("isclose of integers computes in float64")
    near = g.less_than_or_equal_to(g.absolute(x - y), atol + rtol * g.absolute(y))
    near = g.logical_and(near, g.is_finite(y))
    same = g.logical_or(g.equal(x, y), near)
    if equal_nan:
        same = g.logical_or(same, g.logical_and(g.is_nan(x), g.is_nan(y)))
    return same


def nan_to_num(c: Call, x: Tensor, nan: Any = None, posinf: Any = None, neginf: Any = None) -> Any:
    import torch

    if not is_floating(x):
        return c.graph.identity(x)
    g, limits = c.graph, torch.finfo(c.source(x).dtype)
    result = g.select(g.is_nan(x), c.constant(nan or 0.0, x), x)
    top = c.constant(limits.max if posinf is None else posinf, x)
    bottom = c.constant(limits.min if neginf is None else neginf, x)
    infinite = g.is_infinite(x)
    result = g.select(g.logical_and(infinite, g.greater_than(x, c.constant(0, x))), top, result)
    return g.select(g.logical_and(infinite, g.less_than(x, c.constant(0, x))), bottom, result)


def round_to(c: Call, x: Tensor, *, decimals: int = 0) -> Any:
    if not is_floating(x):
        if decimals:
            raise CannotExpress("round of integers to tens")
        return c.graph.identity(x)
    if decimals == 0:
        return c.graph.rint(x)
    factor = c.constant(10.0 ** abs(decimals), x)
    if decimals > 0:
        return c.graph.rint(x * factor) / factor
    return c.graph.rint(x / factor) * factor


def xlogy(c: Call, x: Any, y: Any, plus: float = 0) -> Any:
    g = c.graph
    x, y = (c.floating(each) for each in c.promoted(x, y))
    product = x * g.logarithm(y + plus if plus else y)
    zero = g.logical_and(g.equal(x, c.constant(0, x)), g.logical_not(g.is_nan(y)))
    return g.select(zero, c.constant(0, x), product)


def copysign(c: Call, x: Any, y: Any) -> Any:
    g = c.graph
    x, y = (c.floating(each) for each in c.promoted(x, y))
    size = g.absolute(x)
    return g.select(g.signbit(y), -size, size)


def logaddexp(
    c: Call, x: Tensor, y: Tensor, base: str = "exponent", inverse: str = "logarithm"
) -> Any:
    g = c.graph
    x, y = c.promoted(x, y)
    if not is_floating(x):
        raise CannotExpress("logaddexp of integers")
    top = g.maximum_with_nan_propagation(x, y)
    raised = getattr(g, base)
    total = raised(x - top) + raised(y - top)
    same = g.logical_and(g.is_infinite(x), g.equal(x, y))
    return g.select(same, top, top + getattr(g, inverse)(total))


def hypot(c: Call, x: Tensor, y: Tensor) -> Any:
    return c.graph.square_root(x * x + y * y)


def logit(c: Call, x: Tensor, eps: float | None = None) -> Any:
    x = c.floating(x)
    if eps is not None:
        x = c.graph.clamp(x, eps, 1 - eps)
    return c.graph.logarithm(x / (1.0 - x))


def heaviside(c: Call, x: Tensor, values: Tensor) -> Any:
    g = c.graph
    x, values = c.promoted(x, values)
    positive = g.cast(g.greater_than(x, c.constant(0, x)), x.data_type)
    return g.select(g.equal(x, c.constant(0, x)), values, positive)


def fmax(row: str) -> Callable[..., Any]:
    """The one that is a number."""

    def build(c: Call, x: Any, y: Any) -> Any:
        g = c.graph
        x, y = c.promoted(x, y)
        found = getattr(g, row)(x, y)
        return g.select(g.is_nan(x), y, g.select(g.is_nan(y), x, found))

    return build


def ldexp(c: Call, x: Any, y: Any) -> Any:
    x, y = c.promoted(x, y)
    x, y = c.floating(x), c.floating(y)
    return x * c.graph.exponent_base2(y)


UNARY_EXACT = {
    **{"abs": "absolute", "neg": "negative", "ceil": "ceil", "floor": "floor", "trunc": "truncate"},
    **{"sign": "sign", "sgn": "sign", "signbit": "signbit", "positive": "identity"},
    **{"isfinite": "is_finite", "isinf": "is_infinite", "isnan": "is_nan"},
    **{"bitwise_not": "bitwise_not", "real": "real_part", "conj": "conjugate"},
    **{"conj_physical": "conjugate", "clone": "identity", "contiguous": "identity"},
    **{"resolve_conj": "identity", "resolve_neg": "identity", "alias_copy": "identity"},
}
UNARY_FUNCTIONS = {
    **{"acos": "acos", "acosh": "acosh", "asin": "asin", "asinh": "asinh", "atan": "atan"},
    **{"atanh": "atanh", "cos": "cos", "cosh": "cosh", "erf": "erf", "exp": "exponent"},
    **{"exp2": "exponent_base2", "log": "logarithm", "log10": "logarithm_base10"},
    **{"log2": "logarithm_base2", "reciprocal": "reciprocal", "rsqrt": "reciprocal_square_root"},
    **{"sigmoid": "sigmoid", "sin": "sin", "sinh": "sinh", "sqrt": "square_root", "tan": "tan"},
    **{"tanh": "tanh"},
}
# Formulas whose terms may cancel.
FORMULAS: dict[str, Callable[[mpsg.Graph, Tensor], Any]] = {
    "expm1": lambda g, x: g.exponent(x) - 1.0,
    "log1p": lambda g, x: g.logarithm(x + 1.0),
    "erfc": lambda g, x: 1.0 - g.erf(x),
    "nn.functional.tanhshrink": lambda g, x: x - g.tanh(x),
    "nn.functional.logsigmoid": lambda g, x: (
        g.minimum(x, 0.0) - g.logarithm(1.0 + g.exponent(-g.absolute(x)))
    ),
    "nn.functional.mish": lambda g, x: x * g.tanh(softplus_of(g, x)),
    "special.log_ndtr": lambda g, x: g.logarithm(0.5 * (1.0 + g.erf(x * math.sqrt(0.5)))),
    "special.ndtr": lambda g, x: 0.5 * (1.0 + g.erf(x * math.sqrt(0.5))),
    "frac": lambda g, x: x - g.truncate(x),
    "deg2rad": lambda g, x: x * (math.pi / 180),
    "rad2deg": lambda g, x: x * (180 / math.pi),
    "nn.functional.silu": lambda g, x: x * g.sigmoid(x),
    "nn.functional.softsign": lambda g, x: x / (1.0 + g.absolute(x)),
    "nn.functional.hardsigmoid": lambda g, x: g.clamp(x / 6.0 + 0.5, 0.0, 1.0),
    "nn.functional.hardswish": lambda g, x: x * g.clamp(x / 6.0 + 0.5, 0.0, 1.0),
    "sinc": lambda g, x: g.select(
        g.equal(x, 0.0), x * 0.0 + 1.0, g.sin(x * math.pi) / (x * math.pi)
    ),
}
del FORMULAS["special.log_ndtr"]  # the logarithm of a difference that cancels


def softplus_of(g: mpsg.Graph, x: Tensor) -> Tensor:
    return g.maximum(x, 0.0) + g.logarithm(1.0 + g.exponent(-g.absolute(x)))


BINARY_EXACT = {
    **{"bitwise_and": "bitwise_and", "bitwise_or": "bitwise_or", "bitwise_xor": "bitwise_xor"},
    **{"__rand__": "bitwise_and", "__ror__": "bitwise_or", "__rxor__": "bitwise_xor"},
    **{"eq": "equal", "ne": "not_equal", "gt": "greater_than", "lt": "less_than"},
    **{"ge": "greater_than_or_equal_to", "le": "less_than_or_equal_to"},
    **{"maximum": "maximum_with_nan_propagation", "minimum": "minimum_with_nan_propagation"},
    **{"max/binary": "maximum_with_nan_propagation", "min/binary": "minimum_with_nan_propagation"},
    **{"mul": "multiplication", "__rmul__": "multiplication"},
    **{"bitwise_left_shift": "bitwise_left_shift", "bitwise_right_shift": "bitwise_right_shift"},
}
MAPPINGS: Mappings = {
    **{name: Mapping(unary(row)) for name, row in UNARY_EXACT.items()},
    **{name: Mapping(function(row), FUNCTION) for name, row in UNARY_FUNCTIONS.items()},
    **{name: Mapping(formula(f), 16, Bound.LARGEST) for name, f in FORMULAS.items()},
    **{name: Mapping(binary(row), 1) for name, row in BINARY_EXACT.items()},
    "add": Mapping(with_alpha("addition"), 2, Bound.LARGEST),
    "sub": Mapping(with_alpha("subtraction"), 2, Bound.LARGEST),
    "rsub": Mapping(with_alpha("subtraction", True), 2, Bound.LARGEST),
    "__radd__": Mapping(swapped("addition"), 1),
    "__rsub__": Mapping(swapped("subtraction"), 1),
    "div/no_rounding_mode": Mapping(divide, 1),
    "div/trunc_rounding": Mapping(divide, 1),
    "div/floor_rounding": Mapping(divide, 1),
    "true_divide": Mapping(divide, 1),
    "floor_divide": Mapping(partial(divide, rounding_mode="floor"), 1),
    # PyTorch multiplies by the reciprocal: two roundings of its own.
    "__rdiv__": Mapping(floating_binary("division", True), 3),
    "fmod": Mapping(binary("modulo"), 1),
    "remainder": Mapping(binary("floor_modulo"), 1, Bound.LARGEST),
    "__rmod__": Mapping(swapped("floor_modulo"), 1, Bound.LARGEST),
    "pow": Mapping(power, FUNCTION),
    "__rpow__": Mapping(swapped("power"), FUNCTION),
    "float_power": Mapping(
        lambda c, x, y: c.graph.power(c.cast(x, "float64"), c.cast(y, "float64")), FUNCTION
    ),
    "atan2": Mapping(floating_binary("atan2"), FUNCTION),
    "square": Mapping(unary("square"), 1),
    "logical_and": Mapping(logical("logical_and")),
    "logical_or": Mapping(logical("logical_or")),
    "logical_xor": Mapping(logical("logical_xor")),
    "logical_not": Mapping(logical("logical_not")),
    "clamp": Mapping(clamp),
    "clamp_min": Mapping(clamp),
    "clamp_max": Mapping(lambda c, x, max: clamp(c, x, None, max)),
    "where": Mapping(where_of),
    "masked_fill": Mapping(masked_fill),
    "addcmul": Mapping(addcmul, 4, Bound.LARGEST),
    "addcdiv": Mapping(partial(addcmul, divide=True), 4, Bound.LARGEST),
    "lerp": Mapping(lerp, 4, Bound.LARGEST),
    "isclose": Mapping(isclose_parts),
    "isposinf": Mapping(
        lambda c, x: c.graph.logical_and(
            c.graph.is_infinite(x), c.graph.greater_than(x, c.constant(0, x))
        )
    ),
    "isneginf": Mapping(
        lambda c, x: c.graph.logical_and(
            c.graph.is_infinite(x), c.graph.less_than(x, c.constant(0, x))
        )
    ),
    "isreal": Mapping(lambda c, x: c.graph.equal(c.graph.imaginary_part(x), c.constant(0, x))),
    "nan_to_num": Mapping(nan_to_num),
    "round": Mapping(round_to),
    "round/decimals_0": Mapping(round_to),
    "round/decimals_3": Mapping(round_to, 3, Bound.LARGEST),
    "round/decimals_neg_3": Mapping(round_to, 3, Bound.LARGEST),
    "xlogy": Mapping(xlogy, 8, Bound.LARGEST),
    "special.xlog1py": Mapping(partial(xlogy, plus=1.0), 8, Bound.LARGEST),
    "copysign": Mapping(copysign),
    "logaddexp": Mapping(logaddexp, 12, Bound.LARGEST),
    "logaddexp2": Mapping(
        partial(logaddexp, base="exponent_base2", inverse="logarithm_base2"), 12, Bound.LARGEST
    ),
    "hypot": Mapping(hypot, 4),
    "logit": Mapping(logit, 12, Bound.LARGEST),
    "heaviside": Mapping(heaviside),
    "fmax": Mapping(fmax("maximum")),
    "fmin": Mapping(fmax("minimum")),
    "ldexp": Mapping(ldexp, FUNCTION),
}
