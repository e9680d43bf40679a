#!/usr/bin/env python3
"""Computes cpp/backends/cpu/llvm/math_coefficients.h: tables and polynomials of the vector math.

Needs mpmath and NumPy. Polynomials are weighted minimax fits (Lawson's iteration), rounded
coefficient by coefficient, lowest power first, each time fitting the remaining ones again. Tables
hold, for each interval, a centre chosen near the middle such that the function's value there is a
float to about 34 bits (Gal's accurate tables).

    math_coefficients.py > cpp/backends/cpu/llvm/math_coefficients.h
"""

from collections.abc import Callable

import mpmath as mp
import numpy as np

mp.mp.prec = 160
Function = Callable[[mp.mpf], mp.mpf]


def single(value: mp.mpf | float) -> float:
    """The float32 nearest to the value."""
    mantissa, exponent = mp.frexp(mp.mpf(value))
    return float(mp.ldexp(mp.nint(mp.ldexp(mantissa, 24)), exponent - 24))


def solve(
    powers: list[int], points: np.ndarray, values: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Minimax coefficients of the powers by Lawson's iteration."""
    scale = np.max(np.abs(points))
    basis = (points[:, None] / scale) ** np.array(powers)[None, :] * weights[:, None]
    target = values * weights
    lawson = np.full(len(points), 1.0 / len(points))
    best, best_error = np.zeros(len(powers)), np.inf
    for _ in range(60):
        root = np.sqrt(lawson)
        solution = np.linalg.lstsq(basis * root[:, None], target * root, rcond=None)[0]
        error = np.abs(basis @ solution - target)
        if error.max() < best_error:
            best, best_error = solution, error.max()
        lawson *= error + error.max() * 1e-3
        lawson /= lawson.sum()
    return best / scale ** np.array(powers)


def fit(
    function: Function,
    low: float,
    high: float,
    degree: int,
    weight: Callable[[mp.mpf], mp.mpf],
    rounded: Callable[[float], float] = single,
    fixed: tuple[float, ...] = (),
) -> list[float]:
    """Coefficients of degrees 0..degree; `fixed` gives the first ones."""
    middle, half = (low + high) / 2, (high - low) / 2
    angles = np.linspace(0, np.pi, 24 * (degree + 2))
    nodes = [mp.mpf(middle - half * np.cos(angle)) for angle in angles]
    nodes = [node if node != 0 else mp.mpf(half) * mp.mpf("1e-6") for node in nodes]
    exact = [function(node) for node in nodes]
    points = np.array([float(node) for node in nodes])
    weights = np.array([float(weight(node)) for node in nodes])
    result = list(fixed)
    while len(result) <= degree:
        rest = [
            value - sum(mp.mpf(c) * node**power for power, c in enumerate(result))
            for value, node in zip(exact, nodes, strict=True)
        ]
        powers = list(range(len(result), degree + 1))
        solution = solve(powers, points, np.array([float(value) for value in rest]), weights)
        result.append(rounded(float(solution[0])))
    error = max(
        abs(sum(mp.mpf(c) * node**power for power, c in enumerate(result)) - value) * weight(node)
        for node, value in zip(nodes, exact, strict=True)
    )
    fit.error = float(error)  # type: ignore[attr-defined]
    return result


def accurate_centre(function: Function, middle: float, reach: float, bits: int = 34) -> float:
    """A float near the middle where the function's value is almost a float."""
    step = float(np.spacing(np.float32(middle)))
    best, best_error = middle, mp.inf
    for count in range(int(reach / step)):
        for sign in (1, -1):
            centre = single(middle + sign * count * step)
            value = function(mp.mpf(centre))
            error = abs(mp.mpf(single(value)) / value - 1)
            if error < best_error:
                best, best_error = centre, error
            if best_error < mp.mpf(2) ** -bits:
                return best
        if count > 20000:
            break
    return best


def grid_centre(function: Function, middle: float, grid: int) -> float:
    """A float near the middle where the function's value is almost a multiple of 1 / grid."""
    step = float(np.spacing(np.float32(middle)))
    candidates = single(middle) + np.arange(-30000, 30001) * step
    scale = float(function(mp.mpf(2))) / -np.log(2.0)  # doubles are good enough to choose by
    values = -np.log(candidates) * scale * grid
    best = candidates[np.argsort(np.abs(values - np.rint(values)))[:8]]
    return float(
        min(
            best,
            key=lambda c: abs(function(mp.mpf(c)) * grid - mp.nint(function(mp.mpf(c)) * grid)),
        )
    )


def first_centre(slope: Function) -> float:
    """Where the falling even function, about s (1 - x^2 / 3), has come down to the first float."""
    start = slope(mp.mpf(0))
    anchor = single(start)
    if mp.mpf(anchor) == start:
        return 0.0
    if anchor > start:
        anchor -= float(np.spacing(np.float32(anchor)))
    distance = single(mp.sqrt(3 * (1 - mp.mpf(anchor) / start)))
    return accurate_centre(slope, distance, distance / 64)


def literal(value: float) -> str:
    return float(value).hex().replace("0x1.0000000000000p", "0x1p").replace("0x0.0p+0", "0")


def trimmed(value: float) -> str:
    text = literal(value)
    if "p" not in text or "." not in text:
        return text
    mantissa, exponent = text.split("p")
    return mantissa.rstrip("0").rstrip(".") + "p" + exponent


def print_array(name: str, comment: str, values: list[float], kind: str = "double") -> None:
    print(f"// {comment}")
    print(f"inline constexpr {kind} {name}[] = {{{', '.join(trimmed(v) for v in values)}}};\n")


def odd_table(
    name: str,
    slope: Function,
    limit: float,
    size: int,
    degree: int,
    inverse: float = 0.0,
    lift: float = 0.0,
) -> None:
    """Rows of the table of function(x) = x * slope(|x|) up to `limit`: centre, slope, coefficients.

    `inverse` (of the intervals' width) may be given: a power of two saves a multiplication. `lift`
    is added to the function towards the limit, so that it rounds to 1 there.
    """
    inverse = inverse or single((size - 0.5) / limit * 0.9999)
    width = 1 / inverse
    rows: list[list[float]] = []
    worst = 0.0
    for k in range(size):
        low = max(0.0, (k - 0.5) / inverse)
        high = min((k + 0.5) / inverse, limit)
        if k == 0:
            centre = first_centre(slope)
        else:
            centre = accurate_centre(slope, single((low + high) / 2), (high - low) / 16)
        anchor = single(slope(mp.mpf(centre)))

        def quotient(t: mp.mpf, centre: float = centre, reach: float = limit - centre) -> mp.mpf:
            lifted = lift * max(t / reach, mp.mpf(0)) ** 4 / limit if reach < 0.75 * width else 0
            return (slope(abs(mp.mpf(centre) + t)) - slope(mp.mpf(centre)) + lifted) / t

        def weight(t: mp.mpf, centre: float = centre) -> mp.mpf:
            return abs(t / slope(abs(mp.mpf(centre) + t)))

        margin = width * 1e-5
        coefficients = fit(
            quotient,
            max(low - centre - margin, -centre),
            high - centre + margin,
            degree - 1,
            weight,
        )
        worst = max(worst, fit.error)  # type: ignore[attr-defined]
        rows.append([centre, anchor, *coefficients])
    print(f"// {size} intervals of 1 / {inverse!r}, degree {degree}: relative error {worst:.2g}.")
    print(f"inline constexpr float {name}Scale = {trimmed(inverse)};")
    print(f"inline constexpr float {name}Limit = {trimmed(single(limit))};")
    print(f"inline constexpr float {name}[{degree + 2}][{size}] = {{")
    for column in range(degree + 2):
        print("    {" + ", ".join(trimmed(row[column]) for row in rows) + "},")
    print("};\n")


def error_slope(x: mp.mpf) -> mp.mpf:
    return mp.erf(x) / x if x else 2 / mp.sqrt(mp.pi)


def tangent_slope(x: mp.mpf) -> mp.mpf:
    return mp.tanh(x) / x if x else mp.mpf(1)


def logarithm_table(name: str, size: int, degree: int, base: mp.mpf) -> None:
    """Per top mantissa bits of m in [3/4, 3/2): 1 / centre and the logarithm of the centre.

    The logarithms are almost multiples of 2^-16, as is the upper part of log(2): with an exponent's
    multiple of that, they add exactly.
    """
    unit = 1 / mp.log(base)
    grid = 2**15 if base == 2 else 2**16
    upper = float(mp.nint(mp.log(2) * unit * grid)) / grid
    lower = single(mp.log(2) * unit - upper)
    inverses, logarithms = [], []
    low_r, high_r = 0.0, 0.0
    for k in range(size):
        low = 1 + mp.mpf(k) / size
        high = 1 + mp.mpf(k + 1) / size
        if k >= size // 2:
            low, high = low / 2, high / 2
        inverse, value = 1.0, 0.0
        if k not in (0, size - 1):
            inverse = grid_centre(lambda c: -mp.log(c) * unit, float(2 / (low + high)), grid)
            value = float(mp.nint(-mp.log(mp.mpf(inverse)) * unit * grid)) / grid
        inverses.append(inverse)
        logarithms.append(value)
        low_r = min(low_r, float(low * inverse - 1))
        high_r = max(high_r, float(high * inverse - 1))

    first = single(unit)

    def rest(r: mp.mpf) -> mp.mpf:  # (log(1 + r) / r - first) / r, or without the last division
        return (mp.log1p(r) * unit / r - first) / (r if first == 1.0 else 1)

    power = 1 if first == 1.0 else 0
    coefficients = fit(
        rest, low_r, high_r, degree - 1 - power, lambda r: abs(r**power * r / mp.log1p(r) / unit)
    )
    print(f"// Logarithm to base {mp.nstr(base, 5)}, {size} intervals: error {fit.error:.2g}.")  # type: ignore[attr-defined]
    print(f"inline constexpr float {name}Two[] = {{{trimmed(upper)}, {trimmed(lower)}}};")
    print(f"inline constexpr float {name}First = {trimmed(first)};")
    print(f"inline constexpr float {name}Inverse[] = {{{', '.join(map(trimmed, inverses))}}};")
    print(f"inline constexpr float {name}Value[] = {{{', '.join(map(trimmed, logarithms))}}};")
    print(f"inline constexpr float {name}Series[] = {{{', '.join(map(trimmed, coefficients))}}};\n")


def main() -> None:
    print(
        "// Coefficients of the vector math; written by scripts/math_coefficients.py, do not edit."
    )
    print("#pragma once\n\nnamespace mpsg::math_coefficients {\n")
    print("// clang-format off\n")
    one = mp.mpf(1)
    half_log = float(mp.log(2) / 2)
    # Single precision
    values = fit(
        mp.exp, -half_log * 1.001, half_log * 1.001, 6, lambda r: 1 / mp.exp(r), single, (1.0, 1.0)
    )
    print_array("kExponent", f"e^r, |r| <= log(2) / 2: {fit.error:.2g}", values, "float")  # type: ignore[attr-defined]
    values = fit(lambda r: mp.mpf(2) ** r, -0.5, 0.5, 6, lambda r: mp.mpf(2) ** -r, single, (1.0,))
    print_array("kExponent2", f"2^r, |r| <= 1 / 2: {fit.error:.2g}", values, "float")  # type: ignore[attr-defined]
    quarter = float(mp.pi / 4) ** 2 * 1.001
    root = mp.sqrt
    values = fit(lambda s: (mp.sin(root(s)) / root(s) - 1) / s, 1e-9, quarter, 3, lambda s: s)
    print_array("kSine", f"(sin(r) - r) / r^3 in r^2: {fit.error:.2g}", values, "float")  # type: ignore[attr-defined]
    values = fit(
        lambda s: (mp.cos(root(s)) - 1 + s / 2) / s**2,
        1e-9,
        quarter,
        2,
        lambda s: s**2 / mp.cos(root(s)),
    )
    print_array("kCosine", f"(cos(r) - 1 + r^2 / 2) / r^4 in r^2: {fit.error:.2g}", values, "float")  # type: ignore[attr-defined]
    for size, degree in ((16, 5), (8, 7)):
        logarithm_table(f"kNatural{size}", size, degree, mp.e)
        logarithm_table(f"kBinary{size}", size, degree, mp.mpf(2))
        logarithm_table(f"kDecimal{size}", size, degree, mp.mpf(10))
    # The last float before the last interval's end, where erf is 0.71 units below 1.
    limit = float(np.nextafter(np.float32(3.875), np.float32(0)))
    odd_table("kErrorFunction16", error_slope, limit, 16, 5, 4.0, 1.65e-8)
    odd_table("kErrorFunction8", error_slope, 3.93, 8, 7)
    odd_table("kHyperbolicTangent16", tangent_slope, 9.1, 16, 7)
    odd_table("kHyperbolicTangent8", tangent_slope, 9.1, 8, 10)
    # Double precision, for float results
    same = float
    values = fit(lambda r: mp.expm1(r) / r, -half_log, half_log, 7, lambda r: r / mp.expm1(r), same)
    print_array("kWideExponentMinus1", f"(e^r - 1) / r: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    values = fit(lambda r: mp.expm1(r * mp.log(2)) / r, -0.5, 0.5, 7, lambda r: r, same)
    print_array("kWideExponent2Minus1", f"(2^r - 1) / r: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    low, high = float(root(mp.mpf(1) / 2)) - 1, float(root(mp.mpf(2))) - 1
    values = fit(
        lambda f: (mp.log1p(f) / f - 1) / f,
        low * 1.001,
        high * 1.001,
        12,
        lambda f: abs(f**2 / mp.log1p(f)),
        same,
    )
    print_array("kWideLogarithm", f"(log(1 + f) - f) / f^2: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    values = fit(lambda s: mp.sin(root(s)) / root(s), 1e-9, quarter, 4, lambda s: one, same)
    print_array("kWideSine", f"sin(r) / r in r^2: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    values = fit(lambda s: mp.cos(root(s)), 1e-9, quarter, 4, lambda s: one, same)
    print_array("kWideCosine", f"cos(r) in r^2: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    values = fit(lambda s: (mp.asin(root(s)) / root(s) - 1) / s, 1e-9, 0.2501, 6, lambda s: s, same)
    print_array("kWideArcSine", f"(asin(x) - x) / x^3 in x^2, x <= 1/2: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    values = fit(lambda s: (mp.atan(root(s)) / root(s) - 1) / s, 1e-9, 1.0, 11, lambda s: s, same)
    print_array("kWideArcTangent", f"(atan(x) - x) / x^3 in x^2, x <= 1: {fit.error:.2g}", values)  # type: ignore[attr-defined]
    print("// clang-format on\n\n}  // namespace mpsg::math_coefficients")


if __name__ == "__main__":
    main()
