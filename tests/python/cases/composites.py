"""Softmax, normalizations, losses, optimizers: short formulas, with the error of each step."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np
from scipy import special

import mpsg
from cases.arithmetic_unary import LIBRARY
from cases.case import Case, Cases
from mpsg import LossReductionType
from support.numbers import numpy_type, random_generator, values, wide

CUTS = [((7,), 0), ((2, 3, 4), 1), ((2, 3, 4), -1), ((3, 0, 2), 0), ((0, 3), 1), ((1, 1), 0)]
CUTS += [((2, 1) * 7 + (3, 2), 14), ((5, 301), 1)]


def softmax(x: np.ndarray, axis: int) -> np.ndarray:
    powers = np.exp(x - np.max(x, axis, keepdims=True, initial=-np.inf))
    return powers / np.sum(powers, axis, keepdims=True)


def softmax_error(x: np.ndarray, axis: int) -> np.ndarray:
    """Roundings: a difference d enters exp as an absolute error, |d| roundings of the result."""
    depth = np.max(np.abs(x - np.max(x, axis, keepdims=True, initial=-np.inf)), initial=0)
    return np.asarray(x.shape[axis] + LIBRARY + 2 + 2 * float(depth))


def softmax_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axis in CUTS:
        rng = random_generator(row, name, shape)
        x = values(name, shape, rng, -4, 4)
        y = softmax(wide(x), axis)
        # Every step rounds to the tensor's own type.
        options: dict[str, Any] = {"compute": name, "same_bits": False, "signed_zeros": False}
        error = float(softmax_error(wide(x), axis))
        if shape == (5, 301) and name in {"float16", "bfloat16"}:
            continue  # so many roundings leave nothing of 8 bits
        if row == "softmax":
            yield Case(row, [x], y, {"axis": axis}, operations=error, **options)
            continue
        gradient = values(name, shape, rng)
        g = wide(gradient)
        inner = np.sum(g * y, axis, keepdims=True)
        scale = y * (np.abs(g) + np.sum(np.abs(g * y), axis, keepdims=True))
        yield Case(
            row,
            [gradient, x],
            y * (g - inner),
            {"axis": axis},
            operations=2 * error + shape[axis] + 3,
            scale=scale,
            **options,
        )


# query, key, value, mask (None: not given), scale
ATTENTIONS: list[tuple[tuple[int, ...], tuple[int, ...], tuple[int, ...], Any, float]] = [
    ((3, 4), (5, 4), (5, 2), None, 0.5),
    ((2, 3, 2, 4), (2, 3, 5, 4), (2, 3, 5, 4), (2, 5), 0.5),
    ((2, 1, 3, 2), (1, 2, 3, 2), (2, 2, 3, 1), (2, 1, 1, 3), -0.7),
    ((1, 1), (1, 1), (1, 1), None, 1.0),
    ((0, 2), (3, 2), (3, 2), None, 1.0),
]


def attention_cases(row: str, name: str) -> Iterator[Case]:
    """Against SciPy's softmax of NumPy's products."""
    for query, key, value, masked, scale in ATTENTIONS:
        rng = random_generator(row, name, query)
        arrays = [values(name, shape, rng) for shape in (query, key, value)]
        if masked is not None:
            arrays.append(values(name, masked, rng))
        q, k, v = (wide(array) for array in arrays[:3])
        mask = wide(arrays[3]) if masked is not None else 0
        scores = scale * (q @ np.swapaxes(k, -1, -2)) + mask
        weights = special.softmax(scores, -1) if scores.size else scores
        # An error of a score is an absolute one in the exponent.
        size = np.max(np.abs(scale) * (np.abs(q) @ np.swapaxes(np.abs(k), -1, -2)), initial=0)
        operations = (query[-1] + 6) * (2 * float(size) + 2) + 2 * key[-2] + LIBRARY
        yield Case(
            row,
            arrays,
            weights @ v,
            call=lambda graph, t, scale=scale: graph.scaled_dot_product_attention(
                *t[:3], scale, mask=t[3] if len(t) > 3 else None
            ),
            label=f"scale={scale}",
            operations=operations,
            scale=weights @ np.abs(v),
            compute=name,
            same_bits=False,
            signed_zeros=False,
        )
    yield from attention_option_cases(name)


def attention_option_cases(name: str) -> Iterator[Case]:
    """Causal, and with sinks (NumPy): the options of Apple's descriptor."""
    row = "scaled_dot_product_attention"
    for causal, sunk, rows, columns in [
        (True, False, 4, 4),
        (True, False, 2, 5),
        (True, True, 5, 3),
        (False, True, 3, 4),
    ]:
        rng = random_generator(row, name, causal, sunk, rows)
        shapes = [(2, 3, rows, 4), (2, 3, columns, 4), (2, 3, columns, 2), (3,)]
        arrays = [values(name, shape, rng) for shape in shapes]
        q, k, v, sinks = (wide(array) for array in arrays)
        scores = 0.5 * (q @ np.swapaxes(k, -1, -2))
        if causal:
            scores = np.where(np.tril(np.ones((rows, columns), bool)), scores, -np.inf)
        last = np.broadcast_to(sinks[:, None, None], (*scores.shape[:-1], 1))
        last = last if sunk else np.full_like(last, -np.inf)
        weights = special.softmax(np.concatenate([scores, last], -1), -1)[..., :-1]
        size = np.max(0.5 * (np.abs(q) @ np.swapaxes(np.abs(k), -1, -2)))
        yield Case(
            row,
            arrays if sunk else arrays[:3],
            weights @ v,
            call=lambda graph, t, causal=causal: graph.scaled_dot_product_attention(
                *t[:3], 0.5, is_causal=causal, sinks=t[3] if len(t) > 3 else None
            ),
            label=f"causal={causal}, sinks={sunk}, {rows}x{columns}",
            operations=10 * (2 * float(size) + 2) + 2 * columns + 3 * LIBRARY,
            scale=weights @ np.abs(v),
            compute=name,
            same_bits=False,
            signed_zeros=False,
        )


NORMALIZED = [
    ((4, 5), (1,), (5,)),
    ((2, 3, 4, 5), (0, 2, 3), (1, 3, 1, 1)),
    ((2, 4, 5, 3), (0, 1, 2), (1, 1, 1, 3)),
    ((2, 3, 4), (1, 2), (3, 4)),
    ((3, 1), (0,), (1,)),
    ((2, 1, 1, 1, 3, 2), (4, 5), (3, 2)),
]
EPSILON = 1e-3


def normalization_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axes, parameter in NORMALIZED:
        rng = random_generator(row, name, shape)
        x = values(name, shape, rng)
        moments = [wide(x).mean(axes, keepdims=True), wide(x).var(axes, keepdims=True)]
        mean, variance = (np.asarray(m).astype(x.dtype) for m in moments)
        gradient = values(name, shape, rng)
        gamma, beta = values(name, parameter, rng, 0.5, 2), values(name, parameter, rng)
        make = {
            "normalization": forward_cases,
            "normalization_gradient": source_gradient_cases,
        }.get(row, parameter_gradient_cases)
        for case in make(row, x, mean, variance, gradient, gamma, beta, axes):
            case.same_bits = False
            case.signed_zeros = False
            yield case


def forward_cases(
    row: str,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gradient: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    axes: tuple[int, ...],
) -> Iterator[Case]:
    inverse = 1 / np.sqrt(wide(variance) + EPSILON)
    for has_gamma, has_beta in [(True, True), (True, False), (False, True), (False, False)]:
        scale = wide(gamma) if has_gamma else 1.0
        offset = wide(beta) if has_beta else 0.0

        def call(
            graph: mpsg.Graph,
            tensors: list[mpsg.Tensor],
            has_gamma: bool = has_gamma,
            has_beta: bool = has_beta,
        ) -> Any:
            rest = iter(tensors[3:])
            gamma = next(rest) if has_gamma else None
            beta = next(rest) if has_beta else None
            return graph.normalization(*tensors[:3], gamma, beta, EPSILON)

        yield Case(
            row,
            [x, mean, variance, *[gamma] * has_gamma, *[beta] * has_beta],
            (wide(x) - wide(mean)) * inverse * scale + offset,
            operations=9,
            scale=(np.abs(wide(x)) + np.abs(wide(mean))) * inverse * np.abs(scale) + np.abs(offset),
            call=call,
        )


def parameter_gradient_cases(
    row: str,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gradient: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    axes: tuple[int, ...],
) -> Iterator[Case]:
    normal = (wide(x) - wide(mean)) / np.sqrt(wide(variance) + EPSILON)
    bigger = (np.abs(wide(x)) + np.abs(wide(mean))) / np.sqrt(wide(variance) + EPSILON)
    arrays = [gradient, x, mean, variance]
    attributes: dict[str, Any] = {"axes": axes, "epsilon": EPSILON}
    if row == "normalization_beta_gradient":
        normal = bigger = np.ones_like(normal)
        arrays, attributes = arrays[:2], {"axes": axes}
    yield Case(
        row,
        arrays,
        np.sum(wide(gradient) * normal, axes, keepdims=True),
        attributes,
        operations=x.size + 8,
        scale=np.sum(np.abs(wide(gradient)) * bigger, axes, keepdims=True),
    )


def source_gradient_cases(
    row: str,
    x: np.ndarray,
    mean: np.ndarray,
    variance: np.ndarray,
    gradient: np.ndarray,
    gamma: np.ndarray,
    beta: np.ndarray,
    axes: tuple[int, ...],
) -> Iterator[Case]:
    inverse = 1 / np.sqrt(wide(variance) + EPSILON)
    normal = (wide(x) - wide(mean)) * inverse
    bigger = (np.abs(wide(x)) + np.abs(wide(mean))) * inverse
    for has_gamma in (True, False):
        scaled = wide(gradient) * (wide(gamma) if has_gamma else 1)

        def along(values: np.ndarray) -> np.ndarray:
            return np.mean(values, axes, keepdims=True)

        wanted = (scaled - along(scaled) - normal * along(scaled * normal)) * inverse
        scale = np.abs(scaled) + along(np.abs(scaled)) + bigger * along(np.abs(scaled) * bigger)

        def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor], has_gamma: bool = has_gamma) -> Any:
            gamma = tensors[4] if has_gamma else None
            return graph.normalization_gradient(*tensors[:4], gamma, None, None, axes, EPSILON)

        def with_sums(
            graph: mpsg.Graph, tensors: list[mpsg.Tensor], has_gamma: bool = has_gamma
        ) -> Any:
            g, x, mean, variance = tensors[:4]
            gamma = tensors[4] if has_gamma else None
            first = graph.normalization_gamma_gradient(g, x, mean, variance, axes, EPSILON)
            second = graph.normalization_beta_gradient(g, x, axes)
            return graph.normalization_gradient(*tensors[:4], gamma, first, second, axes, EPSILON)

        for each in (call, with_sums):
            yield Case(
                row,
                [gradient, x, mean, variance, *[gamma] * has_gamma],
                wanted,
                operations=2 * x.size + 20,
                scale=scale * inverse,
                call=each,
            )


def loss_cases(row: str, name: str) -> Iterator[Case]:
    for shape, axis in CUTS:
        rng = random_generator(row, name, shape)
        x = values(name, shape, rng, -4, 4)
        labels = values(name, shape, rng, 0, 1)
        y, t = softmax(wide(x), axis), wide(labels)
        with np.errstate(all="ignore"):
            surprise = -np.log(y)
            losses = np.sum(t * surprise, axis, keepdims=True)
        depth = 2 * np.max(np.abs(wide(x)), initial=0) + np.log(max(shape[axis], 1))
        magnitude = np.sum(t * (depth + 1), axis, keepdims=True)
        error = 2 * shape[axis] + 2 * LIBRARY + 6 + losses.size
        for reduction in LossReductionType:
            count = losses.size if reduction == LossReductionType.MEAN else 1
            if count == 0:
                continue  # the mean of no losses is NaN
            attributes = {"axis": axis, "reduction_type": reduction}
            options = {"same_bits": False, "signed_zeros": False}
            whole = reduction != LossReductionType.NONE
            if row == "softmax_cross_entropy":
                wanted = np.asarray(losses.sum() / count) if whole else losses
                scale = np.asarray(magnitude.sum() / count) if whole else magnitude
                yield Case(
                    row, [x, labels], wanted, attributes, operations=error, scale=scale, **options
                )
                continue
            g = values(name, () if whole else losses.shape, rng)
            total = np.sum(t, axis, keepdims=True)
            yield Case(
                row,
                [g, x, labels],
                wide(g) / count * (y * total - t),
                attributes,
                operations=float(softmax_error(wide(x), axis)) + shape[axis] + 6,
                scale=np.abs(wide(g)) / count * (y * total + t),
                **options,
            )


def descent_cases(row: str, name: str) -> Iterator[Case]:
    for shape in [(), (7,), (0, 3), (2, 3, 1, 4, 2)]:
        rng = random_generator(row, name, shape)
        rate, v, g = (
            values(name, (), rng, 0.1, 1),
            values(name, shape, rng),
            values(name, shape, rng),
        )
        change = wide(rate) * wide(g)
        yield Case(
            row,
            [rate, v, g],
            np.asarray(wide(v) - change),
            operations=4 if name == "complex64" else 2,
            compute=name if name != "complex64" else None,
            scale=np.asarray(np.abs(wide(v)) + np.abs(change)),
            signed_zeros=False,
        )


def adam_cases(row: str, name: str) -> Iterator[Case]:
    numbers = {"rate": 0.01, "beta1": 0.875, "beta2": 0.75, "epsilon": 2.0**-10}
    for shape in [(), (7,), (2, 3)]:
        for powers in (False, True):
            for largest in (False, True):
                yield adam_case(row, name, shape, numbers, powers, largest)


def adam_case(
    row: str,
    name: str,
    shape: tuple[int, ...],
    numbers: dict[str, float],
    powers: bool,
    largest: bool,
) -> Case:
    rng = random_generator(row, name, shape)
    dtype = numpy_type(name)
    scalars = [np.array(numbers[key], dtype) for key in ("rate", "beta1", "beta2", "epsilon")]
    v, m, g = (values(name, shape, rng) for _ in range(3))
    s, top = values(name, shape, rng, 0.5, 2), values(name, shape, rng, 0.5, 2)
    more = [np.array(0.5, dtype), np.array(0.25, dtype)] * powers + [top] * largest
    rate, b1, b2, eps = (wide(a) for a in scalars)
    wm, ws, wg = wide(m), wide(s), wide(g)
    new_m, new_s = b1 * wm + (1 - b1) * wg, b2 * ws + (1 - b2) * wg * wg
    used = np.maximum(wide(top), new_s) if largest else new_s
    step = rate * (np.sqrt(np.array(0.75)) / 0.5 if powers else 1)
    change = step / (np.sqrt(used) + eps)
    size_m = b1 * np.abs(wm) + (1 - b1) * np.abs(wg)

    def call(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        rest = list(tensors[8:])
        keywords: dict[str, Any] = {}
        if powers:
            keywords = {"beta1_power": rest.pop(0), "beta2_power": rest.pop(0)}
        if largest:
            keywords["maximum_velocity"] = rest.pop(0)
        return graph.adam(*tensors[:8], **keywords)

    wanted = [wide(v) - change * new_m, new_m, new_s] + [used] * largest
    magnitude = [np.abs(wide(v)) + change * size_m, size_m, new_s] + [used] * largest
    return AdamCase(
        row,
        [*scalars, v, m, s, g, *more],
        [np.asarray(w) for w in wanted],
        operations=16,
        compute=name,
        scales=[np.asarray(size) for size in magnitude],
        signed_zeros=False,
        call=call,
    )


class AdamCase(Case):
    """The error of each result is relative to its own magnitude."""

    def __init__(self, *arguments: Any, scales: list[np.ndarray], **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.scale = scales  # type: ignore[assignment]


def one_hot_cases(row: str, name: str) -> Iterator[Case]:
    for shape, depth, axis in [
        ((), 3, -1),
        ((4,), 3, 0),
        ((2, 3), 4, 1),
        ((0, 2), 3, -1),
        ((2,), 0, -1),
    ]:
        indices = values(name, shape, random_generator(row, name, shape), -1, depth)
        hot = np.expand_dims(indices.astype(np.int64), axis)
        counts = np.arange(depth).reshape(
            [-1 if k == axis % (len(shape) + 1) else 1 for k in range(len(shape) + 1)]
        )
        for target, on, off in [
            ("float32", 1.0, 0.0),
            ("bfloat16", 2.5, -1.0),
            ("int8", 7, -3),
            ("bool", 1, 0),
        ]:
            wanted = np.where(hot == counts, on, off).astype(numpy_type(target))
            yield Case(
                row,
                [indices],
                wanted,
                {
                    "depth": depth,
                    "axis": axis,
                    "data_type": target,
                    "on_value": on,
                    "off_value": off,
                },
            )


NORMALIZATIONS = ["normalization", "normalization_gradient"]
NORMALIZATIONS += ["normalization_gamma_gradient", "normalization_beta_gradient"]
LOSSES = ["softmax_cross_entropy", "softmax_cross_entropy_gradient"]
COMPOSITE_CASES: Cases = {
    "scaled_dot_product_attention": partial(attention_cases, "scaled_dot_product_attention"),
    "softmax": partial(softmax_cases, "softmax"),
    "softmax_gradient": partial(softmax_cases, "softmax_gradient"),
    **{row: partial(normalization_cases, row) for row in NORMALIZATIONS},
    **{row: partial(loss_cases, row) for row in LOSSES},
    "stochastic_gradient_descent": partial(descent_cases, "stochastic_gradient_descent"),
    "adam": partial(adam_cases, "adam"),
    "one_hot": lambda name: one_hot_cases("one_hot", name),
}
