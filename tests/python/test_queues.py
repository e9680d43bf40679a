"""Command queues, command buffers, events, execution descriptors and their handlers."""

from __future__ import annotations

import gc
import threading
import time
from typing import Any

import numpy as np
import pytest

import mpsg
from support.counter import Counter

pytestmark = pytest.mark.usefixtures("no_unraisable")


def test_a_queue_keeps_its_order(queue: mpsg.CommandQueue, counter: Counter) -> None:
    order: list[int] = []
    for i in range(100):
        descriptor = mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error, i=i: order.append(i)
        )
        counter.graph.run_async(
            {counter.x: 1.0},
            [],
            [counter.update],
            command_queue=queue,
            execution_descriptor=descriptor,
        )
    done = threading.Event()
    buffer = queue.command_buffer()
    buffer.add_completed_handler(lambda _: done.set())
    buffer.commit()
    assert done.wait(30)
    assert order == list(range(100))
    assert counter.value() == 2.0**100 - 1


def test_variables_order_runs_of_different_queues(counter: Counter) -> None:
    queues = [mpsg.CommandQueue(counter.device) for _ in range(4)]
    seen = []
    for i in range(60):
        results = counter.graph.run_async(
            {counter.x: float(i)},
            [counter.before],
            [counter.update],
            command_queue=queues[i % 4],
        )
        seen.append(results[counter.before])
    value = 0.0
    for i, data in enumerate(seen):
        assert data.item() == value
        value = value * 2 + i
    # A host's read comes after the runs submitted before it.
    counter.graph.run_async({counter.x: 0.0}, [], [counter.update], command_queue=queues[0])
    assert counter.value() == value * 2
    assert counter.graph.run({counter.x: 0.0}, [counter.before], device=counter.device)[
        counter.before
    ].item() == (value * 2)


def test_queues_that_share_nothing_do_not_wait_for_each_other(counter: Counter) -> None:
    event = mpsg.SharedEvent()
    stuck, free = mpsg.CommandQueue(counter.device), mpsg.CommandQueue(counter.device)
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 1)
    y = counter.x + 1.0
    waiting = counter.graph.run_async(
        {counter.x: 1.0}, [y], command_queue=stuck, execution_descriptor=descriptor
    )
    assert counter.graph.run({counter.x: 2.0}, [y], command_queue=free)[y].item() == 3
    assert not waiting.done()
    event.signal(1)
    assert waiting[y].item() == 2


def test_a_long_run_gives_way_to_short_ones() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([256, 256])
    long = x
    for _ in range(60):  # sixty steps, which cannot be one
        long = graph.softmax(graph.matrix_multiplication(long, x), axis=1)
    short_graph = Counter()
    y = short_graph.x + 1.0
    ones = np.ones((256, 256), np.float32)
    graph.run({x: ones}, [long])
    short_graph.graph.run({short_graph.x: 1.0}, [y])
    queues = mpsg.CommandQueue(), mpsg.CommandQueue()
    first = graph.run_async({x: ones}, [long], command_queue=queues[0])
    second = short_graph.graph.run_async({short_graph.x: 1.0}, [y], command_queue=queues[1])
    assert second[y].item() == 2
    assert not first.done()
    first.wait()


# Events


def test_events_order_queues_and_the_host(counter: Counter) -> None:
    event = mpsg.SharedEvent()
    queues = mpsg.CommandQueue(counter.device), mpsg.CommandQueue(counter.device)
    log: list[int] = []
    y = counter.x + 1.0
    for i in range(20):  # ping-pong: each run waits for the one before, on the other queue
        descriptor = mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: log.append(int(results[y].item()))
        )
        descriptor.wait_for_event(event, i)
        descriptor.signal_event(event, i + 1)
        counter.graph.run_async(
            {counter.x: float(i)}, [y], command_queue=queues[i % 2], execution_descriptor=descriptor
        )
    assert event.wait(20, timeout=30)
    assert event.signaled_value == 20
    for queue in queues:
        queue.wait_until_completed()
    while len(log) < 20:
        time.sleep(0.001)
    assert sorted(log) == list(range(1, 21))


def test_an_event_from_the_host() -> None:
    event = mpsg.SharedEvent()
    assert event.wait(0) and not event.wait(1, timeout=0.01) and not event.wait(1, timeout=0)
    threading.Timer(0.05, event.signal, [3]).start()
    assert event.wait(2, timeout=30)
    event.signal(1)  # it never goes back
    assert event.signaled_value == 3
    with pytest.raises(ValueError, match="timeout"):
        event.wait(5, timeout=-1)
    with pytest.raises(TypeError):
        event.signal(-1)


def test_the_error_of_a_run_goes_with_its_event(counter: Counter) -> None:
    event = mpsg.SharedEvent()
    failing, waiting = mpsg.CommandQueue(counter.device), mpsg.CommandQueue(counter.device)
    y = counter.x + 1.0
    signals, waits = mpsg.ExecutionDescriptor(), mpsg.ExecutionDescriptor()
    signals.signal_event(event, 1)
    waits.wait_for_event(event, 1)
    gate = mpsg.SharedEvent()
    signals.wait_for_event(gate, 1)
    mpsg._mpsg.inject_fault("step", 1)
    try:
        failed = counter.graph.run_async(
            {counter.x: 1.0}, [y], command_queue=failing, execution_descriptor=signals
        )
        after = counter.graph.run_async(
            {counter.x: 1.0}, [y], command_queue=waiting, execution_descriptor=waits
        )
        gate.signal(1)
        with pytest.raises(mpsg.ExecutionError, match="injected fault"):
            event.wait(1, timeout=30)
        with pytest.raises(mpsg.ExecutionError, match="has failed: .*injected fault"):
            after.wait()
        with pytest.raises(mpsg.ExecutionError, match="'addition.*injected fault"):
            failed[y].numpy()
    finally:
        mpsg._mpsg.stop_faults()
    # Errors travel with data, not queues.
    for queue in (failing, waiting):
        assert counter.graph.run({counter.x: 1.0}, [y], command_queue=queue)[y].item() == 2
    assert event.signaled_value == 1


def test_an_event_that_nobody_can_signal_any_more(counter: Counter) -> None:
    event = mpsg.SharedEvent()
    descriptor = mpsg.ExecutionDescriptor()
    descriptor.wait_for_event(event, 7)
    results = counter.graph.run_async(
        {counter.x: 1.0}, [counter.before], device=counter.device, execution_descriptor=descriptor
    )
    del descriptor, event
    gc.collect()
    with pytest.raises(mpsg.ExecutionError, match="the event is gone"):
        results.wait()


# Command buffers


def test_a_command_buffer(counter: Counter, queue: mpsg.CommandQueue) -> None:
    buffer = queue.command_buffer()
    log: list[str] = []
    done = threading.Event()
    y = counter.x + 1.0
    first = counter.graph.encode(buffer, {counter.x: 1.0}, [y])
    executable = counter.graph.compile([counter.x], [y], device=counter.device)
    second = executable.encode(buffer, [first[y]])
    target = mpsg.TensorData(np.zeros(()))
    buffer.encode_copy(second[0], target)
    buffer.add_scheduled_handler(lambda b: log.append("scheduled"))
    buffer.add_completed_handler(lambda b: (log.append(b.status), done.set()))
    assert buffer.status == "not_enqueued"
    with pytest.raises(mpsg.ExecutionError, match="not been committed"):
        first[y].numpy()
    with pytest.raises(mpsg.ExecutionError, match="not been committed"):
        buffer.wait_until_completed()
    buffer.commit()
    buffer.wait_until_scheduled()
    buffer.wait_until_completed()
    assert buffer.status == "completed" and buffer.error is None
    assert target.item() == 3 and second[0].item() == 3
    assert done.wait(30) and log == ["scheduled", "completed"]
    with pytest.raises(mpsg.ExecutionError, match="is committed"):
        buffer.commit()
    with pytest.raises(mpsg.ExecutionError, match="is committed"):
        counter.graph.encode(buffer, {counter.x: 1.0}, [y])


def test_commit_and_continue(counter: Counter, queue: mpsg.CommandQueue) -> None:
    buffer = mpsg.CommandBuffer(queue)
    seen = []
    for i in range(10):
        encoded = counter.graph.encode(
            buffer, {counter.x: float(i)}, [counter.before], [counter.update]
        )
        seen.append(encoded[counter.before])
        if i % 3 == 0:
            buffer.commit_and_continue()
    buffer.commit()
    buffer.wait_until_completed()
    value = 0.0
    for i, data in enumerate(seen):
        assert data.item() == value
        value = value * 2 + i


def test_a_buffer_that_waits_and_signals(counter: Counter) -> None:
    event = mpsg.SharedEvent()
    first, second = mpsg.CommandQueue(counter.device), mpsg.CommandQueue(counter.device)
    y = counter.x + 1.0
    consumer = second.command_buffer()
    consumer.encode_wait_for_event(event, 1)
    producer = first.command_buffer()
    made = counter.graph.encode(producer, {counter.x: 1.0}, [y])
    producer.encode_signal_event(event, 1)
    used = counter.graph.encode(consumer, {counter.x: made[y]}, [y])
    consumer.commit()
    time.sleep(0.02)
    assert consumer.status == "committed"
    producer.commit()
    consumer.wait_until_completed()
    assert used[y].item() == 3 and consumer.status == "completed"


def test_a_buffer_tells_its_error(counter: Counter, queue: mpsg.CommandQueue) -> None:
    y = counter.x + 1.0
    mpsg._mpsg.inject_fault("step", 1)
    try:
        buffer = queue.command_buffer()
        results = counter.graph.encode(buffer, {counter.x: 1.0}, [y])
        buffer.commit()
        buffer.wait_until_completed()
    finally:
        mpsg._mpsg.stop_faults()
    assert buffer.status == "error" and isinstance(buffer.error, mpsg.ExecutionError)
    with pytest.raises(mpsg.ExecutionError, match="injected"):
        results.wait()


def test_a_buffer_that_is_never_committed(counter: Counter, queue: mpsg.CommandQueue) -> None:
    buffer = queue.command_buffer()
    results = counter.graph.encode(buffer, {counter.x: 1.0}, [counter.before])
    del buffer
    with pytest.raises(mpsg.ExecutionError, match="not been committed"):
        results[counter.before].item()


def test_copies_are_checked(queue: mpsg.CommandQueue) -> None:
    buffer = queue.command_buffer()
    with pytest.raises(mpsg.FeedError, match=r"float32 \(2,\).*float32 \(3,\)"):
        buffer.encode_copy(
            mpsg.TensorData(np.zeros(2, np.float32)), mpsg.TensorData(np.zeros(3, np.float32))
        )


# Descriptors


def test_handlers_are_called_with_results_or_the_error(counter: Counter) -> None:
    calls: list[tuple[str, Any, Any]] = []
    done = threading.Event()
    descriptor = mpsg.ExecutionDescriptor(
        scheduled_handler=lambda results, error: calls.append(("scheduled", set(results), error)),
        completion_handler=lambda results, error: (
            calls.append(("completed", results[y].item() if error is None else None, error)),
            done.set(),
        ),
    )
    y = counter.x + 1.0
    here = threading.get_ident()
    results = counter.graph.run_async(
        {counter.x: 1.0}, [y], device=counter.device, execution_descriptor=descriptor
    )
    assert done.wait(30) and results[y].item() == 2
    assert calls == [("scheduled", {y}, None), ("completed", 2.0, None)]
    done.clear()
    threads: list[int] = []
    descriptor.completion_handler = lambda results, error: (
        threads.append(threading.get_ident()),
        calls.append(("failed", None, error)),
        done.set(),
    )
    mpsg._mpsg.inject_fault("step", 1)
    try:
        counter.graph.run_async(
            {counter.x: 1.0}, [y], device=counter.device, execution_descriptor=descriptor
        )
        assert done.wait(30)
    finally:
        mpsg._mpsg.stop_faults()
    assert isinstance(calls[-1][2], mpsg.ExecutionError) and threads != [here]


def test_wait_until_completed(counter: Counter, queue: mpsg.CommandQueue) -> None:
    y = counter.x + 1.0
    descriptor = mpsg.ExecutionDescriptor(wait_until_completed=True)
    results = counter.graph.run_async(
        {counter.x: 1.0}, [y], command_queue=queue, execution_descriptor=descriptor
    )
    assert results.done()
    buffer = queue.command_buffer()
    encoded = counter.graph.encode(buffer, {counter.x: 1.0}, [y], execution_descriptor=descriptor)
    assert encoded.done()
    buffer.commit()


@pytest.mark.parametrize("wrong", [3, "f", object()])
def test_what_is_no_handler(wrong: object) -> None:
    with pytest.raises(TypeError, match="function"):
        mpsg.ExecutionDescriptor(completion_handler=wrong)  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="ExecutionDescriptor"):
        Counter().graph.run_async({}, [], execution_descriptor=wrong)  # type: ignore[arg-type]


def test_exceptions_of_handlers_are_reported(counter: Counter, no_unraisable: list[Any]) -> None:
    def handler(results: object, error: object) -> None:
        raise ValueError("of a handler")

    descriptor = mpsg.ExecutionDescriptor(completion_handler=handler)
    y = counter.x + 1.0
    for _ in range(3):
        results = counter.graph.run_async(
            {counter.x: 1.0}, [y], device=counter.device, execution_descriptor=descriptor
        )
        assert results[y].item() == 2
    for _ in range(1000):
        if len(no_unraisable) == 3:
            break
        time.sleep(0.01)
    assert [str(report.exc_value) for report in no_unraisable] == ["of a handler"] * 3
    no_unraisable.clear()


def test_handlers_may_submit_work_and_wait_for_it(counter: Counter) -> None:
    y = counter.x + 1.0
    seen: list[float] = []
    done = threading.Event()

    def chain(results: Any, error: object) -> None:
        value = results[y].item()
        seen.append(value)
        if value >= 10:
            done.set()
            return
        # A run that waits, on the queue whose handler this is, and another that does not.
        value = counter.graph.run({counter.x: value}, [y], device=counter.device)[y].item()
        counter.graph.run_async(
            {counter.x: value}, [y], device=counter.device, execution_descriptor=descriptor
        )

    descriptor = mpsg.ExecutionDescriptor(completion_handler=chain)
    counter.graph.run_async(
        {counter.x: 0.0}, [y], device=counter.device, execution_descriptor=descriptor
    )
    assert done.wait(60)
    assert seen == [1, 3, 5, 7, 9, 11]


def test_a_blocked_handler_blocks_no_other_queue(counter: Counter) -> None:
    block, blocked, other = threading.Event(), threading.Event(), threading.Event()
    y = counter.x + 1.0
    first, second = mpsg.CommandQueue(counter.device), mpsg.CommandQueue(counter.device)
    counter.graph.run_async(
        {counter.x: 1.0},
        [y],
        command_queue=first,
        execution_descriptor=mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: (blocked.set(), block.wait(60))
        ),
    )
    assert blocked.wait(30)
    counter.graph.run_async(
        {counter.x: 1.0},
        [y],
        command_queue=second,
        execution_descriptor=mpsg.ExecutionDescriptor(
            completion_handler=lambda results, error: other.set()
        ),
    )
    assert other.wait(30)
    assert counter.graph.run({counter.x: 1.0}, [y], command_queue=first)[y].item() == 2
    block.set()
