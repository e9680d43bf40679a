"""What asynchronous runs cost: to submit one, and to pass an event from one queue to another.

    python benchmarks/asynchronous.py [--runs 2000]

Medians in microseconds. "awake": the device's thread has just ended a run and looks for more;
"asleep": it was left alone for some milliseconds. The cost of an event is that of a chain of small
runs on two queues in turns, each waiting for the one before, less that of the chain on one queue.
"""

from __future__ import annotations

import argparse
import statistics
import time
from collections.abc import Callable

import numpy as np

import mpsg


def median(times: list[float]) -> str:
    return f"{statistics.median(times) * 1e6:7.2f} us"


class Work:
    def __init__(self) -> None:
        self.graph = mpsg.Graph()
        self.x = self.graph.placeholder([64], mpsg.float32)
        self.y = self.graph.tanh(self.x)
        self.executable = self.graph.compile([self.x], [self.y])
        self.array = np.ones(64, np.float32)
        self.data = mpsg.TensorData(self.array)


def submit(
    run: Callable[[], mpsg.AsyncResults | mpsg.AsyncResultList], runs: int, rest: float
) -> list[float]:
    times = []
    for _ in range(runs):
        start = time.perf_counter()
        results = run()
        times.append(time.perf_counter() - start)
        results.wait()
        if rest:
            time.sleep(rest)
    return times


def chain(work: Work, queues: list[mpsg.CommandQueue], length: int, events: bool) -> float:
    """Seconds for a link of a chain that waits for its beginning until all of it is submitted."""
    gate = mpsg.SharedEvent()
    event = mpsg.SharedEvent()
    begin = mpsg.ExecutionDescriptor()
    begin.wait_for_event(gate, 1)
    work.executable.run_async([work.data], command_queue=queues[0], execution_descriptor=begin)
    for i in range(length):
        descriptor = mpsg.ExecutionDescriptor()
        if events:
            descriptor.wait_for_event(event, i)
            descriptor.signal_event(event, i + 1)
        results = work.executable.run_async(
            [work.data], command_queue=queues[i % len(queues)], execution_descriptor=descriptor
        )
    start = time.perf_counter()
    gate.signal(1)
    results.wait()
    return (time.perf_counter() - start) / length


def wake(work: Work, runs: int, rest: float) -> list[float]:
    """From a host's signal to the end of a run that waits for it."""
    queue, times = mpsg.CommandQueue(), []
    for _ in range(runs):
        event = mpsg.SharedEvent()
        descriptor = mpsg.ExecutionDescriptor()
        descriptor.wait_for_event(event, 1)
        results = work.executable.run_async(
            [work.data], command_queue=queue, execution_descriptor=descriptor
        )
        time.sleep(rest)
        start = time.perf_counter()
        event.signal(1)
        results.wait()
        times.append(time.perf_counter() - start)
    return times


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=2000)
    runs = parser.parse_args().runs
    work = Work()
    graph, feeds = work.graph, {work.x: work.array}
    calls: dict[str, Callable[[], mpsg.AsyncResults | mpsg.AsyncResultList]] = {
        "graph.run_async, an array": lambda: graph.run_async(feeds, [work.y]),
        "graph.run_async, TensorData": lambda: graph.run_async({work.x: work.data}, [work.y]),
        "executable.run_async": lambda: work.executable.run_async([work.data]),
    }
    for name, call in calls.items():
        awake, asleep = submit(call, runs, 0), submit(call, runs // 10, 0.003)
        print(f"{name:28} returns after {median(awake)} awake, {median(asleep)} asleep")
    queues = [mpsg.CommandQueue(), mpsg.CommandQueue()]
    pairs = [
        (chain(work, queues[:1], runs // 4, False), chain(work, queues, runs // 4, True))
        for _ in range(15)
    ]
    alone, between = (statistics.median(side) for side in zip(*pairs, strict=True))
    print(
        f"a run in a chain: {alone * 1e6:.2f} us on one queue, {between * 1e6:.2f} us with an "
        f"event between two queues: an event costs {(between - alone) * 1e6:.2f} us"
    )
    print(f"host's signal to the end of a run: {median(wake(work, 300, 0))} awake, ", end="")
    print(f"{median(wake(work, 100, 0.003))} asleep")


if __name__ == "__main__":
    main()
