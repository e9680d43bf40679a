"""Executables and the ones that come back from their packages."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

import mpsg
from support.compare import assert_same_bits


def graph_of(executable: mpsg.Executable) -> mpsg.Graph:
    return [*executable.feed_tensors, *executable.target_tensors][0].graph


def variables_of(graph: mpsg.Graph) -> list[mpsg.Tensor]:
    return [o.output_tensors[0] for o in graph.operations if o.op == "variable"]


def arrays_of(results: Sequence[mpsg.TensorData]) -> list[np.ndarray]:
    return [result.numpy() for result in results]


def check_same_runs(
    executable: mpsg.Executable,
    again: mpsg.Executable,
    feeds: Sequence[Any],
    runs: int = 2,
    what: str = "",
) -> None:
    """Equal bits of results, and of the variables afterwards. Neither has run before."""
    for _ in range(runs):
        wanted, got = arrays_of(executable.run(feeds)), arrays_of(again.run(feeds))
        for index, (a, b) in enumerate(zip(got, wanted, strict=True)):
            assert_same_bits(a, b, f"{what}, result {index}")


def round_trip(
    executable: mpsg.Executable, path: Path, device: str = "cpu", single_file: bool | None = None
) -> mpsg.Executable:
    executable.serialize(path, single_file=single_file)
    return mpsg.Executable.load(path, device)


class Network:
    """A tiny network that learns: momentum, dropout, a constant table, an open batch."""

    def __init__(self, seed: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.graph = graph = mpsg.Graph()
        graph.seed = 11
        self.x = graph.placeholder([-1, 8], mpsg.float32, name="x")
        self.y = graph.placeholder([-1, 4], mpsg.float32, name="y")
        table = graph.constant(rng.normal(size=(8, 16)).astype(np.float32))
        hidden = graph.variable(rng.normal(size=(16, 16)).astype(np.float32), name="hidden")
        last = graph.variable(rng.normal(size=(16, 4)).astype(np.float16), name="last")
        counter = graph.variable(np.zeros((), np.int64), name="steps")
        features = graph.relu(self.x @ table @ hidden)
        self.output = features @ graph.cast(last, mpsg.float32)
        error = self.output - self.y
        self.loss = graph.reduction_sum(error * error, [0, 1])
        gradients = graph.gradients(self.loss, [hidden, last])
        momentum = graph.variable(np.zeros((16, 16), np.float32), name="momentum")
        moved = momentum * 0.5 + gradients[hidden] * 1e-4
        narrow = graph.cast(gradients[last] * 1e-4, mpsg.float16)
        self.updates = [
            graph.assign(momentum, moved),
            graph.assign(hidden, hidden - moved),
            graph.assign(last, last - narrow),
            graph.assign(counter, counter + 1),
        ]
        self.feeds = [
            rng.normal(size=(5, 8)).astype(np.float32),
            rng.normal(size=(5, 4)).astype(np.float32),
        ]

    def executable(self, device: str = "cpu", training: bool = True) -> mpsg.Executable:
        feeds = {self.x: (5, 8), self.y: (5, 4)} if training else {self.x: (5, 8)}
        targets = [self.output, self.loss] if training else [self.output]
        return self.graph.compile(feeds, targets, self.updates if training else [], device)

    def step(self) -> float:
        feeds = dict(zip([self.x, self.y], self.feeds, strict=True))
        return float(self.graph.run(feeds, [self.loss], self.updates)[self.loss].item())

    def values(self) -> dict[str, np.ndarray]:
        return {v.name: self.graph.variable_value(v).numpy() for v in variables_of(self.graph)}
