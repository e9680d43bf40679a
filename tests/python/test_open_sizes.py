"""Operations along an axis of open size (-1): no new size compiles a kernel, and each is right."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

import mpsg
from support.running import as_list

Build = Callable[[mpsg.Graph, mpsg.Tensor, mpsg.Tensor], object]
Expected = Callable[[np.ndarray, np.ndarray], list[np.ndarray]]

# Never equal: equal sizes are one size.
SIZES = [(7, 9), (12, 8), (30, 4), (33, 50), (9, 7), (310, 290)]
WIDTH = 5


def squares(g: mpsg.Graph, made: mpsg.Tensor, *of: mpsg.Tensor) -> list[mpsg.Tensor]:
    slopes = g.gradients(g.reduction_sum(g.square(made), None), list(of))
    return [slopes[each] for each in of]


def sliced(g: mpsg.Graph, x: mpsg.Tensor) -> mpsg.Tensor:
    return g.slice(x, starts=[1, 0], ends=[-2, 3], strides=[1, 1])


def padded(g: mpsg.Graph, x: mpsg.Tensor, mode: mpsg.PaddingMode) -> mpsg.Tensor:
    return g.pad(x, mode, [2, 0], [3, 1], 1.5)


def cut(x: np.ndarray) -> np.ndarray:
    result = np.zeros_like(x)
    result[1:-2, :3] = 2 * x[1:-2, :3]
    return result


def pad(x: np.ndarray, **how: object) -> np.ndarray:
    return np.pad(x, ((2, 3), (0, 1)), **how)  # type: ignore[call-overload]


CONSTANT, REFLECT = mpsg.PaddingMode.CONSTANT, mpsg.PaddingMode.REFLECT
PERIODIC = mpsg.PaddingMode.PERIODIC

CASES: dict[str, tuple[Build, Expected]] = {
    "concat": (
        lambda g, x, y: g.concat([x * 2.0, y, x], 0) + 1.0,
        lambda x, y: [np.concatenate([x * 2, y, x]) + 1],
    ),
    "concat of flat tensors": (
        lambda g, x, y: g.concat([g.reshape(x, [-1]) * 2.0, g.reshape(y, [-1])], 0) * 3.0,
        lambda x, y: [np.concatenate([x.ravel() * 2, y.ravel()]) * 3],
    ),
    "concat of open and known sizes": (
        lambda g, x, y: g.concat([y[:3], x * 2.0, y[1:4]], 0) + 1.0,
        lambda x, y: [np.concatenate([y[:3], x * 2, y[1:4]]) + 1],
    ),
    "gradient of concat": (
        lambda g, x, y: squares(g, g.concat([x, y], 0), x, y),
        lambda x, y: [2 * x, 2 * y],
    ),
    "pad": (
        lambda g, x, y: padded(g, x * 2.0, CONSTANT) + 1.0,
        lambda x, y: [pad(x * 2, constant_values=1.5) + 1],
    ),
    "pad by reflection": (
        lambda g, x, y: padded(g, x * 2.0, REFLECT) + 1.0,
        lambda x, y: [pad(x * 2, mode="reflect") + 1],
    ),
    "pad periodically": (
        lambda g, x, y: padded(g, x * 2.0, PERIODIC) + 1.0,
        lambda x, y: [pad(x * 2, mode="wrap") + 1],
    ),
    "gradient of pad": (
        lambda g, x, y: squares(g, padded(g, x, CONSTANT), x),
        lambda x, y: [2 * x],
    ),
    "slice": (
        lambda g, x, y: sliced(g, x * 2.0) + 1.0,
        lambda x, y: [(x * 2)[1:-2, :3] + 1],
    ),
    "gradient of slice": (lambda g, x, y: squares(g, sliced(g, x), x), lambda x, y: [cut(x)]),
    "reverse of what is padded": (
        lambda g, x, y: g.reverse(padded(g, x, CONSTANT), [0]) + 1.0,
        lambda x, y: [pad(x, constant_values=1.5)[::-1] + 1],
    ),
    "gather": (
        lambda g, x, y: g.gather(x, g.cast(g.absolute(y[:, 0]), mpsg.int32), 0, 0) * 2.0,
        lambda x, y: [x[np.abs(y[:, 0]).astype(int)] * 2],
    ),
}


def compiled_by(run: Callable[[], object]) -> int:
    before = mpsg.cache.stats().kernels_compiled
    run()
    return mpsg.cache.stats().kernels_compiled - before


@pytest.mark.parametrize("what", CASES)
def test_another_size_compiles_no_kernel(what: str) -> None:
    build, expected = CASES[what]
    graph = mpsg.Graph()
    x, y = (graph.placeholder([-1, WIDTH]) for _ in range(2))
    targets = as_list(build(graph, x, y))
    random = np.random.default_rng(3)
    for at, (rows, others) in enumerate(SIZES):
        feeds = [
            random.integers(-4, 4, (count, WIDTH)).astype(np.float32) for count in (rows, others)
        ]
        results: list[np.ndarray] = []

        def run(feeds: list[np.ndarray] = feeds, results: list[np.ndarray] = results) -> None:
            found = graph.run(dict(zip((x, y), feeds, strict=True)), targets)
            results.extend(found[target].numpy() for target in targets)

        count = compiled_by(run)
        assert at == 0 or count == 0, f"{count} kernels for sizes {rows}, {others}"
        for got, wanted in zip(results, expected(*feeds), strict=True):
            np.testing.assert_array_equal(got, wanted)


@pytest.mark.parametrize("rows", [1, 2, 3, 5])
def test_slices_with_bounds_outside_an_open_size(rows: int) -> None:
    """A bound may lie inside the sizes that stand for an open one, and outside what is fed."""
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3])
    array = np.arange(rows * 3, dtype=np.float32).reshape(rows, 3)
    cases = {
        graph.slice(x, ends=[3, 1]): array[:3, :1],
        graph.slice(x, ends=[3, 1]) * 2.0 + 1.0: array[:3, :1] * 2 + 1,
        graph.slice(x, starts=[3, 0], ends=[9, 2]): array[3:9, :2],
        graph.slice(x, starts=[1, 1], ends=[3, 3], strides=[2, 1]): array[1:3:2, 1:],
        x[:3] + graph.reduction_sum(x[:3], 0): array[:3] + array[:3].sum(0, keepdims=True),
        graph.permute(x[-3:, :2], [1, 0]): array[-3:, :2].T,
    }
    ends = graph.placeholder([2], mpsg.int64)
    cases[graph.slice(x, ends=ends)] = array[:3, :2]
    results = graph.run({x: array, ends: np.array([3, 2])}, list(cases))
    for tensor, wanted in cases.items():
        np.testing.assert_array_equal(results[tensor].numpy(), wanted)
