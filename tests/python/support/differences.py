"""Gradients against central differences."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

import mpsg
from support.compare import assert_same_bits
from support.numbers import bound, random_generator, unit_roundoff
from support.running import DECLARED, as_list

Call = Callable[[mpsg.Graph, list[mpsg.Tensor]], Any]
# Roundings that a row's value may go through; it only has to be the right order of magnitude.
ROUNDINGS = 64


def is_differentiable(dtype: Any) -> bool:
    return np.dtype(dtype).kind not in "biu"


def weighted_sum(graph: mpsg.Graph, tensors: list[mpsg.Tensor], key: object) -> mpsg.Tensor:
    """One real number that depends on every element, each with a random weight of its own. The
    weights come from the coordinate, so that shapes need not be known.
    """
    rng = random_generator("weights", key)
    total = None
    for tensor in tensors:
        parts = [tensor]
        if tensor.data_type == mpsg.complex64:
            parts = [graph.real_part(tensor), graph.imaginary_part(tensor)]
        for part in parts:
            flat = graph.reshape(part, [-1])
            at = graph.coordinate_along_axis(0, graph.shape_of(flat))
            phase, rate = rng.uniform(0.5, 3, 2).tolist()
            weight = graph.sin(graph.cast(at, part.data_type) * rate + phase)
            term = graph.reduction_sum(flat * weight, 0)
            total = term if total is None else total + term
    assert total is not None
    return total


class Derivatives:
    """A graph of a weighted sum, its gradient, and the gradient of the gradient's weighted sum."""

    def __init__(self, call: Call, arrays: list[np.ndarray], declared: str, device: str) -> None:
        self.graph = graph = mpsg.Graph()
        self.arrays = arrays
        self.tensors = [
            graph.placeholder(DECLARED[declared](array.shape), array.dtype) for array in arrays
        ]
        self.sources = [t for t in self.tensors if is_differentiable(t.data_type.numpy())]
        results = as_list(call(graph, self.tensors))
        results = [r for r in results if is_differentiable(r.data_type.numpy())]
        self.values = [weighted_sum(graph, results, "first")]
        self.gradients = [self.differentiate(self.values[0])]
        self.values.append(weighted_sum(graph, self.gradients[0], "second"))
        self.gradients.append(self.differentiate(self.values[1]))
        feeds = dict(zip(self.tensors, arrays, strict=True))
        self.value_runs = [graph.compile(feeds, [value], device=device) for value in self.values]
        self.gradient_runs = [graph.compile(feeds, list(g), device=device) for g in self.gradients]

    def differentiate(self, value: mpsg.Tensor) -> list[mpsg.Tensor]:
        found = self.graph.gradients(value, self.sources, unconnected="zero")
        return [found[source] for source in self.sources]

    def value(self, order: int, arrays: list[np.ndarray]) -> float:
        return float(self.value_runs[order].run(arrays)[0].numpy().reshape(()))

    def gradient(self, order: int) -> list[np.ndarray]:
        return [result.numpy() for result in self.gradient_runs[order].run(self.arrays)]

    def difference(self, order: int, which: int, place: Any, step: complex) -> tuple[float, float]:
        """Richardson's extrapolation of two central differences, and what its error may be."""
        slopes = []
        size = abs(step)
        largest = 0.0
        for factor in (1, 2):
            ends = []
            for sign in (1, -1):
                arrays = list(self.arrays)
                arrays[which] = arrays[which].copy()
                arrays[which][place] += arrays[which].dtype.type(sign * factor * step)
                ends.append(self.value(order, arrays))
            largest = max(largest, *map(abs, ends))
            slopes.append((ends[0] - ends[1]) / (2 * factor * size))
        slope = (4 * slopes[0] - slopes[1]) / 3
        roundoff = max(
            unit_roundoff(array.dtype.name)
            for array in self.arrays
            if is_differentiable(array.dtype)
        )
        error = 0.05 * abs(slopes[1] - slopes[0])
        error += ROUNDINGS * roundoff * (1 + largest + abs(slope)) / size
        return slope, error


def check_gradients(
    call: Call,
    arrays: list[np.ndarray],
    what: str,
    declared: tuple[str, ...],
    same_bits: bool = True,
) -> None:
    static = Derivatives(call, arrays, "static", "reference")
    exact = all(a.dtype == np.float64 for a in arrays if is_differentiable(a.dtype))
    step = 2.0**-10 if exact else 2.0**-5
    places = [i for i, array in enumerate(arrays) if is_differentiable(array.dtype)]
    others = {each: Derivatives(call, arrays, each, "reference") for each in declared[1:]}
    cpu = Derivatives(call, arrays, declared[-1], "cpu")
    for order in range(2):
        gradients = static.gradient(order)
        for which, gradient in zip(places, gradients, strict=True):
            assert gradient.shape == arrays[which].shape, f"{what}: the gradient's shape"
            assert gradient.dtype == arrays[which].dtype, f"{what}: the gradient's type"
            parts = [("real", step), ("imag", 1j * step)][: 1 + (gradient.dtype.kind == "c")]
            for place in np.ndindex(*gradient.shape):
                for part, along in parts:
                    slope, error = static.difference(order, which, place, along)
                    got = float(getattr(gradient[place], part))
                    assert abs(got - slope) <= error, (
                        f"{what}: order {order + 1}, operand {which}, element {place}: "
                        f"{got}, by differences {slope} +- {error:.1g}"
                    )
        # Unknown sizes change no bit, another device only the order of sums.
        for each, other in others.items():
            for got, wanted in zip(other.gradient(order), gradients, strict=True):
                check_similar(got, wanted, f"{what}: order {order + 1}, {each}", same_bits)
        for got, wanted in zip(cpu.gradient(order), gradients, strict=True):
            check_similar(got, wanted, f"{what}: order {order + 1}, cpu", False)


def check_similar(got: np.ndarray, wanted: np.ndarray, what: str, same_bits: bool) -> None:
    if same_bits:
        assert_same_bits(got, wanted, what)
        return
    assert got.dtype == wanted.dtype and got.shape == wanted.shape, what
    allowed = bound(got.dtype.name, 8 * ROUNDINGS) * (1 + np.max(np.abs(wanted), initial=0))
    assert np.all(np.abs(got - wanted) <= allowed), f"{what}: {got}, wanted {wanted}"
