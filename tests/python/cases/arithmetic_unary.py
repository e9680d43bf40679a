"""Rows with one operand: exponents, roots, trigonometry, rounding, signs, questions."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special

from cases.case import Case, Cases
from cases.elementwise import SHAPES, Function, over_shapes
from support.numbers import FOUR_BITS, INTEGERS, numpy_type

# What the C library and emitted code promise of functions is two units in the last place, that is
# four roundings; of complex ones a few more, relative to the magnitude. They need not agree in
# every bit: each device is held against the true value. Complex numbers run one code everywhere.
LIBRARY = 4
COMPLEX_LIBRARY = 12


def half_away(x: np.ndarray) -> np.ndarray:
    return np.copysign(np.trunc(np.abs(x) + 0.5), x)


def sign(x: np.ndarray) -> np.ndarray:
    return np.where(x == 0, x, np.sign(x))


def error_function(x: np.ndarray) -> np.ndarray:
    return special.erf(x.astype(np.float64))


def planes(x: np.ndarray) -> np.ndarray:
    return np.stack([x.real, x.imag])


# name: reference, domain of the random values
FUNCTIONS: dict[str, tuple[Function, tuple[float, float]]] = {
    "exponent": (np.exp, (-6, 6)),
    "exponent_base2": (np.exp2, (-6, 6)),
    "exponent_base10": (lambda x: np.power(x.dtype.type(10), x), (-4, 4)),
    "logarithm": (np.log, (0.1, 9)),
    "logarithm_base2": (np.log2, (0.1, 9)),
    "logarithm_base10": (np.log10, (0.1, 9)),
    "square_root": (np.sqrt, (0, 9)),
    "reciprocal_square_root": (lambda x: 1 / np.sqrt(x), (0.1, 9)),
    "reverse_square_root": (lambda x: 1 / np.sqrt(x), (0.1, 9)),
    "erf": (error_function, (-3, 3)),
    "sin": (np.sin, (-9, 9)),
    "cos": (np.cos, (-9, 9)),
    "tan": (np.tan, (-9, 9)),
    "sinh": (np.sinh, (-5, 5)),
    "cosh": (np.cosh, (-5, 5)),
    "tanh": (np.tanh, (-5, 5)),
    "asin": (np.arcsin, (-1, 1)),
    "acos": (np.arccos, (-1, 1)),
    "atan": (np.arctan, (-9, 9)),
    "asinh": (np.arcsinh, (-9, 9)),
    "acosh": (np.arccosh, (1, 9)),
    "atanh": (np.arctanh, (-1, 1)),
    "reciprocal": (lambda x: 1 / x, (0.1, 9)),
    "sigmoid": (lambda x: 1 / (1 + np.exp(-x)), (-9, 9)),
}
# Exact: what is rounded is a value of the type, or IEEE 754 says how.
EXACT: dict[str, Function] = {
    "identity": np.positive,
    "ceil": np.ceil,
    "floor": np.floor,
    "round": half_away,
    "rint": np.rint,
    "truncate": np.trunc,
    "sign": sign,
    "negative": np.negative,
    "absolute": np.abs,
    "real_part": np.real,
    "conjugate": np.conjugate,
    "relu": lambda x: np.where(x > 0, x, np.where(x <= 0, 0, x)),
}
QUESTIONS: dict[str, Function] = {
    "is_nan": np.isnan,
    "is_infinite": np.isinf,
    "is_finite": np.isfinite,
    "signbit": np.signbit,
}


def function_cases(row: str, name: str) -> Iterator[Case]:
    reference, domain = FUNCTIONS[row]
    operations: Any = LIBRARY
    if row in {"square_root", "reciprocal"} and name != "complex64":
        operations = 1
    elif row == "sigmoid":
        operations = LIBRARY + 2
    elif name == "complex64":
        operations = COMPLEX_LIBRARY
    # On the branch cuts of complex functions the sign of zero decides; NumPy's and C's agree only
    # where neither part is zero.
    options: dict[str, Any] = {"special": name != "complex64", "operations": operations}
    correctly_rounded = row in {"square_root", "reciprocal"}
    options["same_bits"] = correctly_rounded or name == "complex64"
    yield from over_shapes(row, name, reference, domain, **options)


def exact_cases(row: str, name: str) -> Iterator[Case]:
    reference = EXACT[row]
    if name in INTEGERS:
        # NumPy's integers wrap as ours do; whole numbers are rounded already.
        rounding = row in {"ceil", "floor", "round", "rint", "truncate", "real_part"}
        reference = np.positive if rounding else (np.sign if row == "sign" else reference)
    if name == "complex64" and row == "absolute":
        yield from over_shapes(row, name, reference, operations=LIBRARY)
        return
    if name in {"bool", "complex64", *FOUR_BITS} and row == "identity":
        reference = np.array
    options = {"signed_zeros": False} if row == "relu" else {}
    yield from over_shapes(row, name, reference, (-9, 9), **options)


def square_cases(row: str, name: str) -> Iterator[Case]:
    if name == "complex64":
        reference: Function = np.square if row == "square" else lambda x: np.abs(x) ** 2
        yield from over_shapes(row, name, reference, operations=LIBRARY)
    else:
        yield from over_shapes(
            row, name, np.square, (-9, 9), operations=0 if name in INTEGERS else 1
        )


def imaginary_cases(row: str, name: str) -> Iterator[Case]:
    reference = np.imag if name == "complex64" else np.zeros_like
    yield from over_shapes(row, name, reference, signed_zeros=name == "complex64")


def count_cases(row: str, name: str) -> Iterator[Case]:
    def bits(x: np.ndarray) -> np.ndarray:
        return np.bitwise_count(x.view(f"u{x.dtype.itemsize}"))

    yield from over_shapes(row, name, bits, (-100, 100))


def not_cases(row: str, name: str) -> Iterator[Case]:
    yield from over_shapes(row, name, np.logical_not if name == "bool" else np.invert, (-99, 99))


def cast_cases(row: str, name: str) -> Iterator[Case]:
    for target in [
        *("float16", "bfloat16", "float32", "float64", "int8", "int16", "int32", "int64"),
        *("uint8", "uint16", "uint32", "uint64", "bool", "complex64"),
    ]:

        def reference(x: np.ndarray, target: str = target) -> np.ndarray:
            return cast(x, target)

        yield from over_shapes(row, name, reference, (-300, 300), attributes={"type": target})


def cast(x: np.ndarray, target: str) -> np.ndarray:
    """The values of `x`, as the documentation of cast says."""
    if target == "bool":
        return x != 0
    if x.dtype.kind == "c" and target != "complex64":
        x = x.real
    if target in INTEGERS and x.dtype.kind == "f":
        limits = np.iinfo(target)
        # Beyond the limits, as floats: the largest integer may not be one.
        whole = np.trunc(np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf))
        inside = np.where((whole > limits.min) & (whole < limits.max), whole, 0).astype(target)
        return np.where(
            whole >= limits.max, limits.max, np.where(whole <= limits.min, limits.min, inside)
        ).astype(target)
    if target in {"float16", "bfloat16"}:
        x = x.astype(np.float32)
    return x.astype(numpy_type(target))


UNARY_CASES: Cases = {
    **{row: partial(function_cases, row) for row in FUNCTIONS},
    **{row: partial(exact_cases, row) for row in EXACT},
    **{
        row: partial(lambda row, name: over_shapes(row, name, QUESTIONS[row]), row)
        for row in QUESTIONS
    },
    "square": partial(square_cases, "square"),
    "absolute_square": partial(square_cases, "absolute_square"),
    "imaginary_part": partial(imaginary_cases, "imaginary_part"),
    "bitwise_population_count": partial(count_cases, "bitwise_population_count"),
    "bitwise_not": partial(not_cases, "bitwise_not"),
    "logical_not": partial(not_cases, "logical_not"),
    "planar": lambda name: over_shapes("planar", name, planes, shapes=SHAPES[:-1]),
    "cast": partial(cast_cases, "cast"),
}
