"""Double buffering: the next batch is prepared while the last one is trained on.

A semaphore of value 2 lets the loop be one batch ahead: it is taken before a batch is prepared, and
given back by the completion handler of that batch's run. The losses are bit for bit those of a loop
that waits for every run.
"""

from __future__ import annotations

import asyncio
import sys
import threading

import numpy as np

import mpsg
from mpsg import layers, optimizers


class Training:
    """A small network and a source of batches."""

    def __init__(self) -> None:
        self.graph = mpsg.Graph()
        self.images = self.graph.placeholder([-1, 28, 28, 1], name="images")
        self.labels = self.graph.placeholder([-1], mpsg.int32, name="labels")
        model = layers.Sequential(
            [
                layers.Conv2D(8, 5, activation="relu", seed=1),
                layers.MaxPool2D(2),
                layers.Flatten(),
                layers.Dense(10, seed=2),
            ]
        )
        targets = self.graph.one_hot(self.labels, 10)
        self.loss = self.graph.softmax_cross_entropy(
            model(self.images), targets, 1, mpsg.LossReductionType.MEAN
        )
        self.updates = optimizers.SGD(0.05).minimize(self.loss, model.variables)

    def batch(self, step: int) -> dict[mpsg.Tensor, np.ndarray]:
        """A drawing of stripes: as many as its label says. Any slow source of data would do."""
        random = np.random.default_rng(step)
        labels = random.integers(0, 10, 64, dtype=np.int32)
        phase = np.linspace(0, np.pi, 28, dtype=np.float32)[None, :] * (labels[:, None] + 1)
        images = np.sin(phase)[:, :, None, None] + random.normal(0, 0.3, (64, 28, 28, 1))
        return {self.images: images.astype(np.float32), self.labels: labels}


def synchronous(iterations: int) -> list[float]:
    training = Training()
    losses = []
    for step in range(iterations):
        results = training.graph.run(training.batch(step), [training.loss], training.updates)
        losses.append(results[training.loss].item())
    return losses


def double_buffered(iterations: int) -> list[float]:
    training = Training()
    losses: list[float] = []
    free = threading.Semaphore(2)

    def completed(results: dict[mpsg.Tensor, mpsg.TensorData], error: Exception | None) -> None:
        if error is None:
            losses.append(results[training.loss].item())
        free.release()

    descriptor = mpsg.ExecutionDescriptor(completion_handler=completed)
    for step in range(iterations):
        free.acquire()
        training.graph.run_async(
            training.batch(step),
            [training.loss],
            training.updates,
            execution_descriptor=descriptor,
        )
    for _ in range(2):  # until the last two are over
        free.acquire()
    return losses


async def awaited(iterations: int) -> list[float]:
    """The same with asyncio: a run is awaited after the next batch was made."""
    training = Training()
    losses = []
    pending = None
    for step in range(iterations):
        batch = await asyncio.to_thread(training.batch, step)
        if pending is not None:
            losses.append((await pending)[training.loss].item())
        pending = training.graph.run_async(batch, [training.loss], training.updates)
    if pending is not None:
        losses.append((await pending)[training.loss].item())
    return losses


def main(iterations: int = 60) -> None:
    expected = synchronous(iterations)
    print(f"loss {expected[0]:.3f} -> {expected[-1]:.3f} in {iterations} steps")
    print("double-buffered, the same losses:", double_buffered(iterations) == expected)
    print("awaited, the same losses:", asyncio.run(awaited(iterations)) == expected)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
