"""A graph with a variable: what the tests of queues and asynchronous runs run."""

from __future__ import annotations

import numpy as np

import mpsg


class Counter:
    """count = count * 2 + x, and what it was before."""

    def __init__(self, device: str = "cpu") -> None:
        self.device = device
        self.graph = mpsg.Graph()
        self.x = self.graph.placeholder([], mpsg.float64, name="x")
        self.count = self.graph.variable(np.zeros(()), name="count")
        self.before = self.graph.identity(self.count)
        self.update = self.graph.assign(self.count, self.count * 2.0 + self.x)

    def value(self) -> float:
        return self.graph.variable_value(self.count).item()
