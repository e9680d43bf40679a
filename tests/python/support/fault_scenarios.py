"""What the tests of faults run: graphs that reach every place where something may fail."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import numpy as np

import mpsg
from mpsg import _mpsg


def unseen(number: int, graph: mpsg.Graph, tensor: mpsg.Tensor) -> mpsg.Tensor:
    """Operations in an order of which no kernel exists yet, if the number is new: their code must
    be compiled.
    """
    steps = [graph.tanh, graph.sin, graph.sigmoid, graph.cos]
    for _ in range(6):
        number, step = divmod(number, len(steps))
        tensor = steps[step](tensor)
    return tensor


@dataclass
class Injected:
    """What became of an injected fault."""

    nth: int
    fired: bool = False


@contextmanager
def fault(point: str, nth: int, failures: int = 1) -> Iterator[Injected]:
    injected = Injected(nth)
    _mpsg.inject_fault(point, nth, failures)
    try:
        yield injected
    finally:
        injected.fired = _mpsg.fault_count() >= nth
        _mpsg.stop_faults()


@dataclass
class Scenario:
    """A graph, and a run of it that changes variables."""

    graph: mpsg.Graph
    feeds: dict[mpsg.Tensor, np.ndarray]
    targets: list[mpsg.Tensor]
    operations: list[mpsg.Operation] = field(default_factory=list)
    variables: list[mpsg.Tensor] = field(default_factory=list)
    given: dict[mpsg.Tensor, np.ndarray] | None = None
    restores: dict[mpsg.Tensor, tuple[mpsg.Tensor, mpsg.Operation]] = field(default_factory=dict)

    def run(self) -> list[bytes]:
        if self.given is None:
            results = self.graph.run(self.feeds, self.targets, self.operations)
            return [results[target].numpy().tobytes() for target in self.targets]
        self.graph.run(self.feeds, None, self.operations, results=self.given)
        return [array.tobytes() for array in self.given.values()]

    def values(self) -> dict[str, np.ndarray]:
        return {v.name: self.graph.variable_value(v).numpy() for v in self.variables}

    def make_restorable(self) -> None:
        for variable in self.variables:
            value = self.graph.placeholder(variable.shape, variable.data_type)
            self.restores[variable] = (value, self.graph.assign(variable, value))

    def restore(self, values: dict[str, np.ndarray]) -> None:
        if not self.restores:
            return
        feeds = {place: values[v.name] for v, (place, _) in self.restores.items()}
        self.graph.run(feeds, [], [assign for _, assign in self.restores.values()])


def training_step(number: int) -> Scenario:
    """A convolution, a loop, a matrix product, random numbers, Adam: all in one run."""
    graph = mpsg.Graph()
    random = np.random.default_rng(0)
    images = graph.placeholder([-1, 8, 8, 3], mpsg.float32, name="images")
    state = graph.variable(
        np.array([0, 0, 0, 0, 7, 0, 0], np.int32), data_type=mpsg.int32, name="state"
    )
    filters = graph.variable(
        random.normal(size=(3, 3, 3, 8)).astype(np.float32) / 5, name="filters"
    )
    weights = graph.variable(random.normal(size=(512, 4)).astype(np.float32) / 20, name="weights")
    noise, next_state = graph.random(
        [4, 8, 8, 3],
        mpsg.RandomOpDescriptor(distribution=mpsg.RandomDistribution.UNIFORM),
        state=state,
    )
    descriptor = mpsg.Convolution2DOpDescriptor(
        padding_style=mpsg.PaddingStyle.TF_SAME,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
        weights_layout=mpsg.TensorNamedDataLayout.HWIO,
    )
    hidden = graph.relu(
        graph.convolution_2d(unseen(number, graph, images) + noise * 0.1, filters, descriptor)
    )
    rows = graph.reshape(hidden, [-1, 512])

    def halve(index: mpsg.Tensor, arguments: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        return [unseen(number, graph, arguments[0]) * 0.75]

    (rows,) = graph.for_loop([rows], halve, number_of_iterations=3)
    scores = graph.matrix_multiplication(rows, weights)
    loss = graph.mean(graph.square(unseen(number, graph, scores)))
    optimizer = mpsg.optimizers.Adam(0.01)
    updates = optimizer.minimize(loss, [filters, weights])
    updates.append(graph.assign(state, next_state))
    feeds = {images: random.normal(size=(4, 8, 8, 3)).astype(np.float32)}
    scenario = Scenario(
        graph,
        feeds,
        [loss, scores],
        updates,
        [state, filters, weights, *optimizer.variables],
    )
    scenario.make_restorable()
    return scenario


def results_given(number: int) -> Scenario:
    """Into memory of the caller, one of the results over a feed."""
    graph = mpsg.Graph()
    x = graph.placeholder([64, 48], mpsg.float32, name="x")
    y = graph.softmax(unseen(number, graph, x), axis=1)
    total = graph.reduction_sum(y, axes=[0])
    feed = np.random.default_rng(1).normal(size=(64, 48)).astype(np.float32)
    given = {y: np.empty((64, 48), np.float32), total: np.empty((1, 48), np.float32)}
    return Scenario(graph, {x: feed}, [y, total], given=given)


def constants(number: int) -> Scenario:
    """Constants that are folded, and a size that only the data tell: a run in two stages."""
    graph = mpsg.Graph()
    table = graph.constant(np.arange(6000, dtype=np.float32).reshape(60, 100))
    x = graph.placeholder([100], mpsg.float32, name="x")
    scaled = graph.transpose(table, 0, 1) * 1.25
    places = graph.non_zero_indices(graph.greater_than(unseen(number, graph, x), 0.0))
    picked = graph.gather_nd(scaled, places)
    feed = np.random.default_rng(2).normal(size=100).astype(np.float32)
    return Scenario(
        graph, {x: feed}, [graph.reduction_sum(unseen(number, graph, picked), axes=[0]), places]
    )


def control_flow(number: int) -> Scenario:
    """A condition and a while loop around a variable."""
    graph = mpsg.Graph()
    x = graph.placeholder([32], mpsg.float32, name="x")
    count = graph.variable(np.zeros((), np.int32), data_type=mpsg.int32, name="count")
    total = graph.variable(np.zeros(32, np.float32), name="total")
    (chosen,) = graph.if_else(
        graph.greater_than(graph.reduction_sum(x, axes=[0])[0], 0.0),
        lambda: [unseen(number, graph, x)],
        lambda: [x - 1.5],
    )
    sums = total + chosen
    operations = [graph.assign(total, sums), graph.assign(count, count + 1)]
    feed = np.linspace(-1, 2, 32, dtype=np.float32)
    scenario = Scenario(graph, {x: feed}, [unseen(number, graph, sums)], operations, [count, total])
    scenario.make_restorable()
    return scenario


SCENARIOS: dict[str, Callable[[int], Scenario]] = {
    make.__name__: make for make in (training_step, results_given, constants, control_flow)
}


def settled_bytes() -> int:
    """Resident memory, with nothing kept that need not be."""
    gc.collect()
    mpsg.cache.clear()
    with open("/proc/self/statm") as numbers:
        return int(numbers.read().split()[1]) * 4096
