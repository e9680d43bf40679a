"""The training loop with two batches in flight, against the loop that waits: same work, same bits.

    python benchmarks/double_buffering.py [--batch 64] [--steps 60] [--rounds 5]

Three ways to prepare a batch, each calibrated to half a step: one that waits (a disk, a sensor),
one that computes on one core (NumPy, which lets the interpreter lock go), and one in plain Python
(which holds it). Run it with MPSG_NUM_THREADS=1, too. Prints medians of steps and their ratio.
"""

from __future__ import annotations

import argparse
import statistics
import threading
import time
from collections.abc import Callable

import numpy as np

import mpsg
from mpsg import layers, optimizers

Feeds = dict[mpsg.Tensor, np.ndarray]


class Training:
    """The digits network: two convolutions, two dense layers, SGD."""

    def __init__(self, batch: int) -> None:
        self.graph = mpsg.Graph()
        self.images = self.graph.placeholder([batch, 28, 28, 1])
        self.labels = self.graph.placeholder([batch], mpsg.int32)
        model = layers.Sequential(
            [
                layers.Conv2D(32, 5, activation="relu", seed=1),
                layers.MaxPool2D(2),
                layers.Conv2D(64, 5, activation="relu", seed=2),
                layers.MaxPool2D(2),
                layers.Flatten(),
                layers.Dense(1024, "relu", seed=3),
                layers.Dense(10, seed=4),
            ]
        )
        targets = self.graph.one_hot(self.labels, 10)
        self.loss = self.graph.softmax_cross_entropy(
            model(self.images), targets, 1, mpsg.LossReductionType.MEAN
        )
        self.updates = optimizers.SGD(0.01).minimize(self.loss, model.variables)
        self.random = np.random.default_rng(0)
        self.pool = self.random.random((512, 28, 28, 1), dtype=np.float32)
        self.batch = batch

    def feeds(self, step: int) -> Feeds:
        first = step * self.batch % (512 - self.batch + 1)
        labels = np.arange(step, step + self.batch, dtype=np.int32) % 10
        return {self.images: self.pool[first : first + self.batch], self.labels: labels}


_SCRATCH = np.random.default_rng(1).random(1 << 15)


def _numpy_unit() -> None:
    np.sin(_SCRATCH)


def _python_unit() -> None:
    value = 1
    for i in range(2000):
        value = value * 31 + i & 0xFFFFFFFF


def repeated(unit: Callable[[], None], seconds: float) -> Callable[[], None]:
    """The same work every time: as much as takes that long on an otherwise idle core."""
    times = []
    for _ in range(50):
        start = time.perf_counter()
        unit()
        times.append(time.perf_counter() - start)
    count = max(1, round(seconds / statistics.median(times)))

    def work() -> None:
        for _ in range(count):
            unit()

    return work


PREPARATIONS: dict[str, Callable[[float], Callable[[], None]]] = {
    "waits": lambda seconds: lambda: time.sleep(seconds),
    "computes": lambda seconds: repeated(_numpy_unit, seconds),
    "computes in Python": lambda seconds: repeated(_python_unit, seconds),
}


def synchronous(training: Training, steps: int, prepare: Callable[[], None]) -> list[float]:
    losses = []
    for step in range(steps):
        prepare()
        results = training.graph.run(training.feeds(step), [training.loss], training.updates)
        losses.append(results[training.loss].item())
    return losses


def double_buffered(training: Training, steps: int, prepare: Callable[[], None]) -> list[float]:
    losses: list[float] = []
    free = threading.Semaphore(2)

    def completed(results: dict[mpsg.Tensor, mpsg.TensorData], error: object) -> None:
        losses.append(results[training.loss].item())
        free.release()

    descriptor = mpsg.ExecutionDescriptor(completion_handler=completed)
    for step in range(steps):
        free.acquire()
        prepare()
        training.graph.run_async(
            training.feeds(step),
            [training.loss],
            training.updates,
            execution_descriptor=descriptor,
        )
    for _ in range(2):
        free.acquire()
    return losses


def timed(loop: Callable[..., list[float]], batch: int, *arguments: object) -> tuple[float, list]:
    training = Training(batch)
    training.graph.run(training.feeds(0), [training.loss])  # compiles; changes nothing
    training.graph.run(training.feeds(0), [training.loss], training.updates)
    start = time.perf_counter()
    losses = loop(training, *arguments)
    return time.perf_counter() - start, losses


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    threads = mpsg.Device().threads
    alone = statistics.median(
        timed(synchronous, options.batch, options.steps, lambda: None)[0] / options.steps
        for _ in range(3)
    )
    print(f"{threads} threads, batch {options.batch}: a step takes {alone * 1e3:.2f} ms")
    for name, prepare in PREPARATIONS.items():
        work = prepare(alone / 2)
        ratios: list[float] = []
        steps: dict[object, list[float]] = {synchronous: [], double_buffered: []}
        for _ in range(options.rounds):
            seconds = {}
            losses = {}
            for loop in (synchronous, double_buffered):
                seconds[loop], losses[loop] = timed(loop, options.batch, options.steps, work)
                steps[loop].append(seconds[loop] / options.steps * 1e3)
            assert losses[synchronous] == losses[double_buffered], "the losses differ"
            ratios.append(seconds[synchronous] / seconds[double_buffered])
        print(
            f"preparation {name:18} ({alone / 2 * 1e3:.2f} ms): "
            f"synchronous {statistics.median(steps[synchronous]):.2f} ms, "
            f"double-buffered {statistics.median(steps[double_buffered]):.2f} ms a step; "
            f"{statistics.median(ratios):.2f} x"
        )


if __name__ == "__main__":
    main()
