"""Data types, the values to test them with, and how far a result may be from the true one."""

from __future__ import annotations

import zlib

import ml_dtypes
import numpy as np

FLOATS = ["float16", "bfloat16", "float32", "float64"]
SIGNED = ["int8", "int16", "int32", "int64"]
UNSIGNED = ["uint8", "uint16", "uint32", "uint64"]
INTEGERS = SIGNED + UNSIGNED
ALL = [*FLOATS, *INTEGERS, "bool", "complex64"]
# Stored, moved and converted, not computed with.
FOUR_BITS = {"int4": (-8, 7), "uint4": (0, 15)}
# What 16-bit floats and complex numbers are computed in; the others in their own type.
COMPUTE = {"float16": "float32", "bfloat16": "float32", "complex64": "float32"}


def numpy_type(name: str) -> np.dtype:
    if name == "bfloat16" or name in FOUR_BITS:
        return np.dtype(getattr(ml_dtypes, name))
    return np.dtype(name)


def float_info(name: str) -> ml_dtypes.finfo:
    return ml_dtypes.finfo(numpy_type("float32" if name == "complex64" else name))


def unit_roundoff(name: str) -> float:
    """The largest relative error of one rounding to nearest."""
    return float(float_info(name).eps) / 2


def bound(name: str, operations: float, compute: str | None = None) -> float:
    """The relative error that `operations` roundings one after the other can make (Higham's
    gamma_n = n u / (1 - n u)), done in the type `compute` and rounded once to `name`.
    """
    compute = compute or COMPUTE.get(name, name)
    n_u = operations * unit_roundoff(compute)
    assert n_u < 1, f"{operations} roundings leave no digit of {compute}"
    error = n_u / (1 - n_u)
    rounded_again = unit_roundoff(name) > unit_roundoff(compute)
    return error + unit_roundoff(name) * (1 + error) if rounded_again else error


def smallest_step(name: str) -> float:
    """What a rounding near zero can change, relative to nothing."""
    return float(float_info(name).smallest_subnormal)


def wide(array: np.ndarray) -> np.ndarray:
    """The same values in the type that references are computed in: wider where there is one."""
    name = array.dtype.name
    if array.dtype.kind in "biu":
        return array
    if name in FOUR_BITS:
        return array.astype(np.int8)
    if name == "complex64":
        return array.astype(np.complex128)
    return array.astype(np.longdouble if name == "float64" else np.float64)


def random_generator(*key: object) -> np.random.Generator:
    """Numbers that depend on what is tested only, not on the order of the tests."""
    return np.random.default_rng(zlib.crc32(repr(key).encode()))


def values(
    name: str,
    shape: tuple[int, ...],
    rng: np.random.Generator,
    low: float = -2.0,
    high: float = 2.0,
) -> np.ndarray:
    """Random values between `low` and `high`, as far as the type has them."""
    if name == "bool":
        return np.asarray(rng.integers(0, 2, shape)).astype(bool)
    if name in INTEGERS:
        limits = np.iinfo(name)
        low, high = max(int(np.floor(low)), limits.min), min(int(np.ceil(high)), limits.max)
        return np.asarray(rng.integers(low, high, shape, dtype=name, endpoint=True))
    if name in FOUR_BITS:
        least, most = FOUR_BITS[name]
        low, high = max(int(np.floor(low)), least), min(int(np.ceil(high)), most)
        return np.asarray(rng.integers(low, high, shape, endpoint=True)).astype(numpy_type(name))
    if name == "complex64":
        real, imaginary = rng.uniform(low, high, (2, *shape))
        return np.asarray(real + 1j * imaginary).astype(np.complex64)
    return np.asarray(rng.uniform(low, high, shape)).astype(numpy_type(name))


def special_values(name: str) -> np.ndarray:
    """The ends of the type, and what lies next to the places where functions turn."""
    if name == "bool":
        return np.array([False, True])
    if name in INTEGERS:
        limits = np.iinfo(name)
        chosen = [limits.min, limits.min + 1, -7, -2, -1, 0, 1, 2, 3, 7, 8, 9, 31, 63, 64, 65]
        chosen += [limits.max - 1, limits.max]
        chosen = [v for v in dict.fromkeys(map(int, chosen)) if limits.min <= v <= limits.max]
        return np.array(chosen, name)
    if name in FOUR_BITS:
        least, most = FOUR_BITS[name]
        return np.arange(least, most + 1).astype(numpy_type(name))
    if name == "complex64":
        parts = [0.0, -0.0, 1.0, -1.0, 0.5, -2.5, 3e-5]
        return np.array([complex(a, b) for a in parts for b in parts], np.complex64)
    info = float_info(name)
    largest, least, tiny = float(info.max), float(info.tiny), float(info.smallest_subnormal)
    chosen = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 2.5, 3.0, 7.0, 10.0, 65.0, 0.49999997]
    chosen += [1e-3, float(info.eps), least, least * 1.5, tiny, 5 * tiny, largest, largest / 2]
    chosen += [np.inf, np.nan, 1 + float(info.eps), 1 - float(info.eps) / 2]
    both = [sign * value for value in chosen for sign in (1.0, -1.0)]
    return np.array(both, np.float64).astype(numpy_type(name))
