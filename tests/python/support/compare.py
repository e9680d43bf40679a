"""Comparing results: bit by bit, or with a bound derived from the type and the operations."""

from __future__ import annotations

import numpy as np

from support.numbers import bound, float_info, smallest_step


def is_nan(array: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # signalling NaN
        return array != array


def assert_same_bits(got: np.ndarray, wanted: np.ndarray, what: str = "") -> None:
    """Equal types, shapes and values; -0 is not 0, one NaN is as good as another."""
    assert got.dtype == wanted.dtype, f"{what}: {got.dtype} instead of {wanted.dtype}"
    assert got.shape == wanted.shape, f"{what}: {got.shape} instead of {wanted.shape}"
    if got.dtype.kind == "c":
        same = _same_floats(got.real, wanted.real) & _same_floats(got.imag, wanted.imag)
    elif got.dtype.kind in "biu":
        same = got == wanted
    else:
        same = _same_floats(got, wanted)
    if not np.all(same):
        raise AssertionError(_message(what, got, wanted, ~same))


def _same_floats(got: np.ndarray, wanted: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):  # signalling NaN
        equal = (got == wanted) & (np.signbit(got) == np.signbit(wanted))
    return equal | (is_nan(got) & is_nan(wanted))


def assert_close(
    got: np.ndarray,
    wanted: np.ndarray,
    operations: float | np.ndarray,
    *,
    scale: np.ndarray | None = None,
    compute: str | None = None,
    signed_zeros: bool = False,
    what: str = "",
) -> None:
    """Within the error of `operations` roundings of `scale` (the result itself, or the sum of the
    magnitudes that were added up). `wanted` is the true value, in a wider type.
    """
    name = got.dtype.name
    wanted = np.asarray(wanted)
    assert got.shape == wanted.shape, f"{what}: {got.shape} instead of {wanted.shape}"
    if got.dtype.kind in "biu" or (np.ndim(operations) == 0 and operations == 0):
        with np.errstate(all="ignore"):
            wanted = wanted.astype(got.dtype)
        if not signed_zeros and got.dtype.kind not in "biu":
            got, wanted = got + got.dtype.type(0), wanted + got.dtype.type(0)
        assert_same_bits(got, wanted, what)
        return
    complex_numbers = got.dtype.kind == "c"
    result = got.astype(np.complex128 if complex_numbers else np.longdouble)
    true = wanted.astype(result.dtype)
    largest = float(float_info(name).max)
    with np.errstate(all="ignore"):
        relative = np.vectorize(lambda n: bound(name, n, compute), otypes=[float])(operations)
        magnitude = np.abs(true if scale is None else scale)
        allowed = relative * magnitude + (1 + np.asarray(operations)) * smallest_step(name)
        good = np.abs(result - true) <= allowed
        good |= is_nan(result) & is_nan(true)
        if not complex_numbers:
            # Beyond the largest number lies infinity; at the edge either is right.
            overflows = np.abs(true) > largest * (1 - relative)
            good |= np.isinf(result) & overflows & (np.sign(result) == np.sign(true))
            good |= np.isinf(true) & (result == true)
        if signed_zeros and not complex_numbers:
            good &= (true != 0) | (np.signbit(result) == np.signbit(true))
    if not np.all(good):
        raise AssertionError(_message(what, got, wanted, ~good, allowed))


def _message(
    what: str,
    got: np.ndarray,
    wanted: np.ndarray,
    bad: np.ndarray,
    allowed: np.ndarray | None = None,
) -> str:
    places = np.argwhere(bad)
    lines = [f"{what}: {len(places)} of {bad.size} elements differ"]
    for place in map(tuple, places[:8]):
        line = f"  {list(map(int, place))}: got {got[place]!r}, wanted {wanted[place]!r}"
        if allowed is not None:
            line += f", allowed {np.broadcast_to(allowed, got.shape)[place]:.3g}"
        lines.append(line)
    return "\n".join(lines)
