"""Asynchronous runs: their results, feeds and memory, asyncio, many at once."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import weakref
from typing import Any

import numpy as np
import pytest

import mpsg
from support.counter import Counter

pytestmark = pytest.mark.usefixtures("no_unraisable")


def slow_graph() -> tuple[mpsg.Graph, mpsg.Tensor, mpsg.Tensor]:
    """y takes about as long as x says, in turns of a loop."""
    graph = mpsg.Graph()
    turns = graph.placeholder([], mpsg.int32, name="turns")
    [y] = graph.for_loop(
        [graph.constant(np.ones((64, 64), np.float32))],
        lambda _, values: [graph.tanh(graph.matrix_multiplication(values[0], values[0]))],
        number_of_iterations=turns,
    )
    return graph, turns, y


def test_results_may_be_touched_at_any_time(counter: Counter) -> None:
    graph = counter.graph
    results = [
        graph.run_async(
            {counter.x: float(i)}, [counter.before], [counter.update], device=counter.device
        )
        for i in range(20)
    ]
    expected, value = [], 0.0
    for i in range(20):
        expected.append(value)
        value = value * 2 + i
    assert [r[counter.before].item() for r in results] == expected
    assert all(r.done() and r.wait() and r[counter.before].ready() for r in results)
    assert counter.value() == value


def test_types_are_known_before_the_values(queue: mpsg.CommandQueue, counter: Counter) -> None:
    event = mpsg.SharedEvent()
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 1)
    results = counter.graph.run_async(
        {counter.x: 1.0}, [counter.before], command_queue=queue, execution_descriptor=descriptor
    )
    data = results[counter.before]
    assert data.shape == () and data.data_type == mpsg.float64
    assert not data.ready() and not results.done() and "not ready" in repr(data)
    assert results.wait(timeout=0.01) is False
    event.signal(1)
    data.wait()
    assert data.ready() and results.wait() is True


def test_host_arrays_are_copied_when_submitted(queue: mpsg.CommandQueue, counter: Counter) -> None:
    event = mpsg.SharedEvent()
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 1)
    fed = np.array(5.0)
    results = counter.graph.run_async(
        {counter.x: fed},
        [counter.x + 1.0],
        command_queue=queue,
        execution_descriptor=descriptor,
    )
    fed[...] = 99
    event.signal(1)
    assert next(iter(results.values())).item() == 6


def test_a_run_may_be_fed_results_that_are_not_there(counter: Counter) -> None:
    graph = counter.graph
    y = counter.x + 1.0
    data: Any = 0.0
    for _ in range(50):
        data = graph.run_async({counter.x: data}, [y], device=counter.device)[y]
    assert data.item() == 50
    assert graph.run({counter.x: data}, [y], device=counter.device)[y].item() == 51


def test_sizes_that_only_the_run_tells() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1])
    where = graph.non_zero_indices(x)
    results = graph.run_async({x: np.array([0, 3, 0, 4], np.float32)}, [where])
    again = graph.run_async({x: np.array([1, 1, 1], np.float32)}, [where])
    assert again[where].shape == (3, 1)
    np.testing.assert_array_equal(results[where].numpy(), [[1], [3]])


def test_results_in_memory_of_the_caller(queue: mpsg.CommandQueue, counter: Counter) -> None:
    y = counter.x + 1.0
    array, data = np.zeros(()), mpsg.TensorData(np.zeros(()))
    first = counter.graph.run_async({counter.x: 1.0}, results={y: array}, command_queue=queue)
    assert first[y] is array
    first.wait()
    assert array == 2
    counter.graph.run_async({counter.x: 2.0}, results={y: data}, command_queue=queue)
    assert data.item() == 3  # the caller's own TensorData waits
    for i in range(10):  # again and again into the same memory
        counter.graph.run_async({counter.x: float(i)}, results={y: data}, command_queue=queue)
    assert data.item() == 10
    with pytest.raises(mpsg.FeedError, match="float32"):
        counter.graph.run_async(
            {counter.x: 1.0}, results={y: np.zeros((), np.float32)}, command_queue=queue
        )
    frozen = np.zeros(())
    frozen.flags.writeable = False
    with pytest.raises(mpsg.FeedError, match="read-only"):
        counter.graph.run_async({counter.x: 1.0}, results={y: frozen}, command_queue=queue)


def test_nd_arrays_as_feeds_and_results(queue: mpsg.CommandQueue) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2, 3])
    y = x * 2.0
    wide = mpsg.NDArray(np.arange(12, dtype=np.float32).reshape(2, 6))
    strided, packed = wide[:, ::2], wide.reshape(4, 3)[1:3]
    target = mpsg.NDArray.empty((2, 3), mpsg.float32)
    for fed in (strided, packed):
        graph.run({x: fed}, results={y: target}, command_queue=queue)
        np.testing.assert_array_equal(target.numpy(), fed.numpy() * 2)
        results = graph.run_async({x: fed}, results={y: target}, command_queue=queue)
        assert results[y] is target
        results.wait()
        np.testing.assert_array_equal(target.numpy(), fed.numpy() * 2)
    data = graph.run({x: strided}, [y])[y]
    assert np.shares_memory(data.nd_array().numpy(), data.numpy())
    assert np.shares_memory(mpsg.TensorData(packed).numpy(), wide.numpy())
    with pytest.raises(mpsg.FeedError, match="not packed"):
        graph.run({x: strided}, results={y: strided})
    with pytest.raises(mpsg.FeedError, match="read-only"):
        graph.run({x: strided}, results={y: target.read_only()})
    # Borrowed, not copied: what is written before the run begins is what it reads.
    event = mpsg.SharedEvent()
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 1)
    waiting = graph.run_async(
        {x: packed}, [y], command_queue=queue, execution_descriptor=descriptor
    )
    packed[...] = 5
    event.signal(1)
    np.testing.assert_array_equal(waiting[y].numpy(), np.full((2, 3), 10, np.float32))


def test_memory_of_results_outlives_its_owner(queue: mpsg.CommandQueue, counter: Counter) -> None:
    event = mpsg.SharedEvent()
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 1)
    y = counter.x + 1.0
    array = np.zeros(()).view(type("Owned", (np.ndarray,), {}))
    alive = weakref.ref(array)
    results = counter.graph.run_async(
        {counter.x: 1.0}, results={y: array}, command_queue=queue, execution_descriptor=descriptor
    )
    completion = results._completion
    del array, results
    gc.collect()
    assert alive() is not None  # the run holds it
    event.signal(1)
    assert completion.wait()
    for _ in range(100):  # dropped on the main thread, soon
        if alive() is None:
            break
        time.sleep(0.01)
    gc.collect()
    assert alive() is None


def test_queues_of_other_devices_are_refused(counter: Counter) -> None:
    other = mpsg.CommandQueue("reference" if counter.device == "cpu" else "cpu")
    executable = counter.graph.compile([counter.x], [counter.before], device=counter.device)
    with pytest.raises(mpsg.FeedError, match="belongs to the device"):
        executable.run_async([1.0], command_queue=other)
    with pytest.raises(mpsg.FeedError, match="belongs to the device"):
        counter.graph.run(
            {counter.x: 1.0}, [counter.before], device=counter.device, command_queue=other
        )
    with pytest.raises(TypeError, match=r"mpsg\.CommandQueue"):
        counter.graph.run({counter.x: 1.0}, [counter.before], command_queue="cpu")
    with pytest.raises(TypeError, match=r"command_queue must be an mpsg\.CommandQueue, not 'cpu'"):
        counter.graph.run_async({counter.x: 1.0}, [counter.before], command_queue="cpu")  # type: ignore[arg-type]
    with pytest.raises(TypeError, match=r"command_buffer must be an mpsg\.CommandBuffer"):
        counter.graph.encode(other, {counter.x: 1.0}, [counter.before])  # type: ignore[arg-type]


# asyncio


def test_asyncio(counter: Counter) -> None:
    y = counter.x + 1.0

    async def one(i: int) -> float:
        results = await counter.graph.run_async({counter.x: float(i)}, [y], device=counter.device)
        return results[y].item()

    async def every() -> list[float]:
        return await asyncio.gather(*(one(i) for i in range(50)))

    assert asyncio.run(every()) == [i + 1.0 for i in range(50)]


def test_asyncio_gets_the_error(counter: Counter) -> None:
    async def failing() -> None:
        mpsg._mpsg.inject_fault("step", 1)
        try:
            await counter.graph.run_async(
                {counter.x: 1.0}, [counter.x + 1.0], device=counter.device
            )
        finally:
            mpsg._mpsg.stop_faults()

    with pytest.raises(mpsg.ExecutionError, match="injected"):
        asyncio.run(failing())


def test_asyncio_may_give_up() -> None:
    graph, turns, y = slow_graph()

    async def impatient() -> None:
        results = graph.run_async({turns: 20_000}, [y])
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await results
        await results  # it goes on all the same

    asyncio.run(impatient())


# Much at once


def test_ten_thousand_steps_lose_and_reorder_nothing() -> None:
    counter = Counter()
    graph = counter.graph
    total = graph.variable(np.zeros((), np.int64), name="total")
    step = graph.placeholder([], mpsg.int64)
    before = graph.identity(total)
    update = graph.assign(total, total + step)
    seen: list[tuple[int, int]] = []
    free = threading.Semaphore(2)

    def completed(results: Any, error: Exception | None, i: int) -> None:
        assert error is None
        seen.append((i, results[before].item()))
        free.release()

    for i in range(10_000):
        free.acquire()
        graph.run_async(
            {step: i},
            [before],
            [update],
            execution_descriptor=mpsg.ExecutionDescriptor(
                completion_handler=lambda results, error, i=i: completed(results, error, i)
            ),
        )
    for _ in range(2):
        free.acquire()
    assert seen == [(i, i * (i - 1) // 2) for i in range(10_000)]
    assert graph.variable_value(total).item() == 10_000 * 9_999 // 2


def stress(threads: int, queues: int, runs: int) -> None:
    """Threads that submit to queues, with events between them, runs that wait and reads of
    variables."""
    counter = Counter()
    graph = counter.graph
    y = counter.x + 1.0
    counts = [graph.variable(np.zeros((), np.int64), name=f"count_{q}") for q in range(queues)]
    updates = [graph.assign(count, count + np.int64(1)) for count in counts]
    lines = [mpsg.CommandQueue() for _ in range(queues)]
    events = [mpsg.SharedEvent() for _ in range(threads)]
    wrong: list[object] = []

    def work(me: int) -> None:
        try:
            for i in range(runs):
                q = (me + i) % queues
                descriptor = mpsg.ExecutionDescriptor()
                descriptor.signal_event(events[me], i + 1)
                if i > 0:
                    descriptor.wait_for_event(events[me], i)
                results = graph.run_async(
                    {counter.x: float(i)},
                    [y],
                    [updates[q]],
                    command_queue=lines[q],
                    execution_descriptor=descriptor,
                )
                if i % 17 == 0 and results[y].item() != i + 1:
                    wrong.append((me, i))
                if i % 29 == 0 and graph.run({counter.x: 5.0}, [y])[y].item() != 6:
                    wrong.append((me, i, "run"))
                if i % 31 == 0:
                    graph.variable_value(counts[q])
            events[me].wait(runs, timeout=600)
        except BaseException as error:
            wrong.append(error)

    workers = [threading.Thread(target=work, args=(t,)) for t in range(threads)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong
    assert sum(graph.variable_value(count).item() for count in counts) == threads * runs


def test_threads_queues_and_events() -> None:
    stress(8, 4, 100)


@pytest.mark.soak
def test_threads_queues_and_events_at_length() -> None:
    stress(8, 4, 2000)
