"""The cache of executables: what it counts, what it holds, what it drops."""

from __future__ import annotations

import gc
import threading
from collections.abc import Iterator

import numpy as np
import pytest

import mpsg


@pytest.fixture(autouse=True)
def limits() -> Iterator[None]:
    """Every test starts with an empty cache, and leaves its limits as they were."""
    before = mpsg.cache.stats()
    mpsg.cache.clear()
    yield
    mpsg.cache.limit(before.count_limit, before.byte_limit)


def squares() -> tuple[mpsg.Graph, mpsg.Tensor, mpsg.Tensor]:
    graph = mpsg.Graph()
    x = graph.placeholder([-1])
    return graph, x, graph.square(x)


def run(graph: mpsg.Graph, x: mpsg.Tensor, y: mpsg.Tensor, size: int) -> None:
    array = np.arange(size, dtype=np.float32)
    np.testing.assert_array_equal(graph.run({x: array}, [y])[y], array * array)


def test_counts() -> None:
    graph, x, y = squares()
    before = mpsg.cache.stats()
    for size in (3, 4, 3, 3):
        run(graph, x, y, size)
    after = mpsg.cache.stats()
    assert after.misses - before.misses == 2
    assert after.hits - before.hits == 2
    assert after.entries == 2
    assert after.bytes > 0
    assert after.compile_milliseconds > before.compile_milliseconds


def test_the_order_of_feeds_is_no_part_of_the_key() -> None:
    graph = mpsg.Graph()
    a, b = graph.placeholder([2]), graph.placeholder([2])
    difference = a - b
    one, two = np.float32([1, 1]), np.float32([2, 2])
    unused = graph.placeholder([1])
    for feeds in ({a: one, b: two}, {b: two, a: one}, {unused: np.float32([0]), b: two, a: one}):
        assert graph.run(feeds, [difference])[difference].numpy().tolist() == [-1, -1]
        assert graph.run(feeds, [difference])[difference].numpy().tolist() == [-1, -1]
    assert mpsg.cache.stats().entries == 1


def test_count_limit_drops_the_least_recently_used() -> None:
    graph, x, y = squares()
    mpsg.cache.limit(count=2)
    for size in (1, 2, 1, 3):
        run(graph, x, y, size)
    assert mpsg.cache.stats().entries == 2
    misses = mpsg.cache.stats().misses
    run(graph, x, y, 1)  # was used after 2
    assert mpsg.cache.stats().misses == misses
    run(graph, x, y, 2)
    assert mpsg.cache.stats().misses == misses + 1


def test_byte_limit() -> None:
    graph, x, y = squares()
    run(graph, x, y, 1)
    one = mpsg.cache.stats().bytes
    mpsg.cache.limit(bytes=3 * one)
    for size in range(2, 20):
        run(graph, x, y, size)
        assert mpsg.cache.stats().bytes <= 3 * one
    assert mpsg.cache.stats().entries == 3


def test_nothing_is_kept_without_room() -> None:
    graph, x, y = squares()
    mpsg.cache.limit(count=0)
    misses = mpsg.cache.stats().misses
    run(graph, x, y, 5)
    run(graph, x, y, 5)
    assert mpsg.cache.stats().misses == misses + 2
    assert mpsg.cache.stats().entries == 0


def test_negative_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="count"):
        mpsg.cache.limit(count=-1)
    with pytest.raises(ValueError, match="bytes"):
        mpsg.cache.limit(bytes=-1)


def test_a_graph_takes_its_executables_along() -> None:
    graph, x, y = squares()
    run(graph, x, y, 5)
    assert mpsg.cache.stats().entries == 1
    del graph, x, y
    gc.collect()
    assert mpsg.cache.stats().entries == 0
    assert mpsg.cache.stats().bytes == 0


def test_feeds_by_value_are_counted_and_never_confused() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([6])
    shape = graph.placeholder([2], mpsg.int32)
    y = graph.reshape(x, shape)
    before = mpsg.cache.stats().feeds_by_value
    for wanted in ([2, 3], [3, 2], [2, 3], [6, 1]):
        feeds = {x: np.zeros(6, np.float32), shape: np.int32(wanted)}
        assert graph.run(feeds, [y])[y].shape == tuple(wanted)
    assert mpsg.cache.stats().feeds_by_value - before == 4
    assert mpsg.cache.stats().entries == 3


def test_two_threads_compile_one_key_once() -> None:
    for _ in range(10):
        graph, x, y = squares()
        misses = mpsg.cache.stats().misses
        barrier = threading.Barrier(4)
        failures: list[BaseException] = []

        def work(
            graph: mpsg.Graph = graph,
            x: mpsg.Tensor = x,
            y: mpsg.Tensor = y,
            barrier: threading.Barrier = barrier,
            failures: list[BaseException] = failures,
        ) -> None:
            try:
                barrier.wait()
                run(graph, x, y, 7)
            except BaseException as error:  # noqa: BLE001
                failures.append(error)

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not failures
        assert mpsg.cache.stats().misses == misses + 1


def test_a_failed_compile_is_not_kept() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1])
    y = graph.reshape(x, [2, 3])
    for _ in range(2):
        with pytest.raises(mpsg.GraphError):
            graph.run({x: np.zeros(5, np.float32)}, [y])
    assert mpsg.cache.stats().entries == 0
    assert graph.run({x: np.zeros(6, np.float32)}, [y])[y].shape == (2, 3)
