"""Rows with two and three operands, element by element with broadcasting."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.arithmetic_unary import LIBRARY
from cases.case import Case, Cases
from cases.elementwise import Function, over_pairs
from support.numbers import COMPUTE, INTEGERS, numpy_type


def rounded(function: Function, name: str) -> Function:
    """IEEE 754 says what it gives: computed in float32 for 16-bit types, and rounded."""

    def reference(*operands: np.ndarray) -> np.ndarray:
        compute = COMPUTE.get(name, name)
        result = function(*(operand.astype(compute) for operand in operands))
        return result.astype(numpy_type(name)) if result.dtype == compute else result

    return reference


def truncated_quotient(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    found = [
        0 if y == 0 else abs(x) // abs(y) * (-1 if (x < 0) != (y < 0) else 1) for x, y in pairs
    ]
    return wrap(found, a)


def wrap(numbers: list[int], like: np.ndarray) -> np.ndarray:
    """Python's integers modulo the width of the type."""
    width = like.dtype.itemsize * 8
    kept = np.array([n % 2**width for n in numbers], f"u{like.dtype.itemsize}")
    return kept.view(like.dtype).reshape(like.shape)


def integer_power(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    a, b = np.broadcast_arrays(a, b)
    width = a.dtype.itemsize * 8

    def one(x: int, y: int) -> int:
        if y >= 0:
            return pow(x, y, 2**width)
        return x ** (y % 2) if abs(x) == 1 else 0

    pairs = zip(a.ravel().tolist(), b.ravel().tolist(), strict=True)
    return wrap([one(x, y) for x, y in pairs], a)


def no_nan(divide: Function) -> Function:
    return lambda a, b: np.where(b == 0, np.zeros_like(divide(a, b)), divide(a, b))


def floor_modulo(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    rest = np.mod(a, b)
    return np.where(b == 0, np.zeros_like(rest), rest)


# On floats exact, on integers NumPy's own with wrapping.
ARITHMETIC: dict[str, Function] = {
    "addition": np.add,
    "subtraction": np.subtract,
    "multiplication": np.multiply,
    "modulo": np.fmod,
    "floor_modulo": floor_modulo,
    "maximum": np.fmax,
    "minimum": np.fmin,
    "maximum_with_nan_propagation": np.maximum,
    "minimum_with_nan_propagation": np.minimum,
}
COMPARISONS: dict[str, Function] = {
    "equal": np.equal,
    "not_equal": np.not_equal,
    "less_than": np.less,
    "less_than_or_equal_to": np.less_equal,
    "greater_than": np.greater,
    "greater_than_or_equal_to": np.greater_equal,
}
LOGIC: dict[str, Function] = {
    "logical_and": np.logical_and,
    "logical_or": np.logical_or,
    "logical_nand": lambda a, b: ~(a & b),
    "logical_nor": lambda a, b: ~(a | b),
    "logical_xor": np.logical_xor,
    "logical_xnor": lambda a, b: a == b,
    "bitwise_and": np.bitwise_and,
    "bitwise_or": np.bitwise_or,
    "bitwise_xor": np.bitwise_xor,
    "bitwise_left_shift": np.left_shift,
    "bitwise_right_shift": np.right_shift,
}
RANGE = [(-99, 99), (-9, 9)]


def arithmetic_cases(row: str, name: str) -> Iterator[Case]:
    function = ARITHMETIC[row]
    if name == "complex64":
        # Infinities and NaN have no agreed arithmetic there; signs of zeros follow from the order.
        yield from over_pairs(
            row, [name] * 2, function, operations=LIBRARY, scale=None, signed_zeros=False
        )
    elif name in INTEGERS:
        yield from over_pairs(row, [name] * 2, function, RANGE, widen=False)
    else:
        # Which zero is the larger one is open.
        zeros = "maximum" not in row and "minimum" not in row
        yield from over_pairs(
            row, [name] * 2, rounded(function, name), RANGE, widen=False, signed_zeros=zeros
        )


def division_cases(row: str, name: str) -> Iterator[Case]:
    guard = no_nan if row == "division_no_nan" else (lambda function: function)
    if name == "complex64":
        nonzero = [(0.5, 2), (0.5, 2)]
        yield from over_pairs(
            row, [name] * 2, guard(np.divide), nonzero, special=False, operations=8
        )
    elif name in INTEGERS:
        yield from over_pairs(row, [name] * 2, truncated_quotient, RANGE, widen=False)
    else:
        reference = rounded(guard(np.divide), name)
        yield from over_pairs(row, [name] * 2, reference, RANGE, widen=False)


def power_cases(row: str, name: str) -> Iterator[Case]:
    if name in INTEGERS:
        yield from over_pairs(row, [name] * 2, integer_power, RANGE, widen=False)
    elif name == "complex64":
        # exp(b log a): an error of b log a is one of the result's angle and logarithm.
        def operations(a: np.ndarray, b: np.ndarray) -> np.ndarray:
            return 12 * (1 + np.abs(b * np.log(a)))

        yield from over_pairs(row, [name] * 2, np.power, special=False, operations=operations)
    else:
        domains = [(0.1, 4.0), (-3.0, 3.0)]
        yield from over_pairs(
            row, [name] * 2, np.power, domains, operations=LIBRARY, same_bits=False
        )


def atan2_cases(row: str, name: str) -> Iterator[Case]:
    yield from over_pairs(row, [name] * 2, np.arctan2, operations=LIBRARY, same_bits=False)


def exact_cases(function: Function, row: str, name: str) -> Iterator[Case]:
    widen = name not in INTEGERS
    domains = [(-99, 99), (-9, 9)] if "shift" in row else [(-3, 3), (-3, 3)]
    yield from over_pairs(row, [name] * 2, function, domains, widen=widen)


def select_cases(row: str, name: str) -> Iterator[Case]:
    yield from over_pairs(row, ["bool", name, name], np.where, RANGE[:1] * 3, widen=False)


def clamp_cases(row: str, name: str) -> Iterator[Case]:
    def reference(x: np.ndarray, low: np.ndarray, high: np.ndarray) -> np.ndarray:
        return np.where(np.isnan(x), x, np.fmin(np.fmax(x, low), high))

    # NaN as a bound is nobody's question.
    names = [name] * 3
    if name in INTEGERS:
        yield from over_pairs(
            row, names, lambda x, a, b: np.minimum(np.maximum(x, a), b), RANGE[:1] * 3, widen=False
        )
    else:
        yield from over_pairs(row, names, reference, special=False)
        yield from over_pairs(row, names, reference, [(-9, 9), (-2, -1), (1, 2)], special=False)


def complex_cases(row: str, name: str) -> Iterator[Case]:
    def reference(real: np.ndarray, imaginary: np.ndarray) -> np.ndarray:
        result = np.empty(np.broadcast_shapes(real.shape, imaginary.shape), np.complex64)
        result.real, result.imag = real, imaginary
        return result

    yield from over_pairs(row, [name] * 2, reference, widen=False)


def leaky_cases(row: str, name: str) -> Iterator[Case]:
    def forward(x: np.ndarray, alpha: np.ndarray) -> np.ndarray:
        return np.where(x > 0, x, alpha * x)

    if row == "leaky_relu":
        reference = rounded(forward, name)
        yield from over_pairs(row, [name] * 2, reference, widen=False, signed_zeros=False)
    else:
        yield from over_pairs(
            row,
            [name] * 3,
            rounded(lambda g, x, alpha: np.where(x > 0, g, alpha * g), name),
            widen=False,
            signed_zeros=False,
        )


def relu_gradient_cases(row: str, name: str) -> Iterator[Case]:
    def reference(gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
        return np.where(source > 0, gradient, 0)

    same = [((), ()), ((7,), (7,)), ((0, 2), (0, 2)), ((2, 3, 1, 4, 2), (2, 3, 1, 4, 2))]
    yield from over_pairs(
        row, [name] * 2, reference, shapes=same, special=False, signed_zeros=False
    )


def sigmoid_gradient_cases(row: str, name: str) -> Iterator[Case]:
    def reference(gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
        y = 1 / (1 + np.exp(-source))
        return gradient * y * (1 - y)

    def operations(gradient: np.ndarray, source: np.ndarray) -> np.ndarray:
        # 1 - y cancels: an error of y is that times y / (1 - y) = exp(source).
        return (LIBRARY + 2) * (2 + np.exp(source) + 0 * gradient)

    same = [((), ()), ((7,), (7,)), ((0, 2), (0, 2)), ((2, 3, 1, 4, 2), (2, 3, 1, 4, 2))]
    options: dict[str, Any] = {"special": False, "operations": operations, "same_bits": False}
    domains = [(-2.0, 2.0), (-4.0, 4.0)]
    yield from over_pairs(row, [name] * 2, reference, domains, shapes=same, **options)


BINARY_CASES: Cases = {
    **{row: partial(arithmetic_cases, row) for row in ARITHMETIC},
    **{row: partial(exact_cases, function, row) for row, function in (COMPARISONS | LOGIC).items()},
    "division": partial(division_cases, "division"),
    "division_no_nan": partial(division_cases, "division_no_nan"),
    "power": partial(power_cases, "power"),
    "atan2": partial(atan2_cases, "atan2"),
    "select": partial(select_cases, "select"),
    "clamp": partial(clamp_cases, "clamp"),
    "complex": partial(complex_cases, "complex"),
    "leaky_relu": partial(leaky_cases, "leaky_relu"),
    "leaky_relu_gradient": partial(leaky_cases, "leaky_relu_gradient"),
    "relu_gradient": partial(relu_gradient_cases, "relu_gradient"),
    "sigmoid_gradient": partial(sigmoid_gradient_cases, "sigmoid_gradient"),
}
