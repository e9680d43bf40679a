"""Runs in stages: sizes that only the data tell are read between two executables."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mpsg
from support.running import DEVICES


@pytest.mark.parametrize("device", DEVICES)
def test_what_follows_has_the_size(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1], mpsg.float32)
    squared = x * x
    places = graph.non_zero_indices(graph.greater_than(x, 0.0))
    chosen = graph.gather_nd(squared, places)
    total = graph.reduction_sum(chosen, 0)
    centered = chosen - total
    assert list(places.shape or []) == [-1, 1]
    for array in ([1.0, -2.0, 3.0, 0.0], [-1.0], [4.0, 5.0], []):
        values = np.array(array, np.float32)
        wanted = values[values > 0] ** 2
        found = graph.run({x: values}, [chosen, total, centered, squared, places], device=device)
        assert np.array_equal(found[chosen].numpy(), wanted)
        assert np.array_equal(found[total].numpy(), [wanted.sum()])
        assert np.array_equal(found[centered].numpy(), wanted - wanted.sum())
        assert np.array_equal(found[squared].numpy(), values**2)
        assert np.array_equal(found[places].numpy()[:, 0], np.flatnonzero(values > 0))


@pytest.mark.parametrize("device", DEVICES)
def test_a_stage_after_a_stage(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, -1], mpsg.int32)
    first = graph.gather_nd(x, graph.non_zero_indices(x))
    odd = graph.non_zero_indices(graph.modulo(first, 2))
    second = graph.gather_nd(first, odd)
    count = graph.reshape(graph.slice(graph.shape_of(second), [0], [1]), [1])
    filled = graph.broadcast(graph.constant(np.int32(7)), count)
    array = np.array([[0, 3, 4], [5, 0, 7]], np.int32)
    executable = graph.compile({x: array.shape}, [second, filled, first], device=device)
    for factor in (1, 2, 0, 1):
        given = array * factor
        nonzero = given[given != 0]
        wanted = nonzero[nonzero % 2 != 0]
        results = [each.numpy() for each in executable.run([given])]
        assert np.array_equal(results[0], wanted)
        assert np.array_equal(results[1], np.full(len(wanted), 7))
        assert np.array_equal(results[2], nonzero)
    assert executable.kernels and executable.to_text()


@pytest.mark.parametrize("device", DEVICES)
def test_each_operation_runs_once(device: str) -> None:
    """Assignments and random numbers of the first stage are not repeated by the second."""
    graph = mpsg.Graph()
    counter = graph.variable(np.zeros(1, np.float32))
    step = graph.assign(counter, graph.read(counter) + 1.0)
    noise, after = graph.control_dependency(
        [step], lambda: [graph.random_uniform([64], seed=3), graph.read(counter)]
    )
    indices = graph.non_zero_indices(graph.greater_than(noise, after * 0.5))
    chosen = graph.gather_nd(noise, indices)
    before = graph.read(counter) * 1.0
    for run in range(3):
        found = graph.run({}, [chosen, noise, before, after], [step], device=device)
        everything = found[noise].numpy()
        assert np.array_equal(found[chosen].numpy(), everything[everything > (run + 1) * 0.5])
        assert found[before].numpy() == run and found[after].numpy() == run + 1


def test_a_known_number_needs_no_stage() -> None:
    graph = mpsg.Graph()
    indices = graph.non_zero_indices(graph.constant(np.array([[0.0, 2.0], [3.0, 0.0]])))
    assert list(indices.shape or []) == [2, 2]
    assert graph.run({}, [indices])[indices].numpy().tolist() == [[0, 1], [1, 0]]


def test_executables_are_kept() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float32)
    result = graph.gather_nd(x, graph.non_zero_indices(x))

    def run(values: list[float]) -> None:
        graph.run({x: np.array(values, np.float32)}, [result])

    run([1, 0, 2])
    run([1, 0, 0])
    misses = mpsg.cache.stats().misses
    for values in ([0, 5, 6], [7, 0, 0], [0, 1, 1]):
        run([float(v) for v in values])
    assert mpsg.cache.stats().misses == misses


def test_gradients_flow_through_what_was_chosen() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1], mpsg.float64)
    chosen = graph.gather_nd(x, graph.non_zero_indices(graph.greater_than(x, 0.0)))
    gradient = graph.gradients(graph.reduction_sum(chosen * chosen, 0), [x])[x]
    values = np.array([3.0, -1.0, 0.5])
    found = graph.run({x: values}, [gradient])[gradient].numpy()
    assert np.array_equal(found, [6.0, 0.0, 1.0])


def test_memory_of_another_size() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float32)
    indices = graph.non_zero_indices(x)
    memory = np.zeros((2, 1), np.int32)
    feeds: dict[mpsg.Tensor, Any] = {x: np.array([1, 0, 2], np.float32)}
    graph.run(feeds, results={indices: memory})
    assert memory.tolist() == [[0], [2]]
    with pytest.raises(mpsg.FeedError, match="result"):
        graph.run({x: np.zeros(3, np.float32)}, results={indices: memory})


def test_not_in_a_body() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float32)

    def body() -> mpsg.Tensor:
        return graph.reduction_sum(graph.gather_nd(x, graph.non_zero_indices(x)), 0)

    result = graph.if_else(graph.constant(True), body, lambda: graph.slice(x, [0], [1]))
    target = result[0] if isinstance(result, (list, tuple)) else result
    with pytest.raises(mpsg.GraphError, match="count.*known before the graph runs"):
        graph.run({x: np.ones(3, np.float32)}, [target])
