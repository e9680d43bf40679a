"""Updates that run equal code over different parameters are one launch."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

import mpsg

Array = NDArray[np.float32]
SHAPES = [(7,), (3, 5), (64, 33), (2, 3, 4), (1,), (300, 257)]


def normal(shape: tuple[int, ...], seed: int) -> Array:
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def momentum(
    graph: mpsg.Graph, shapes: list[tuple[int, ...]]
) -> tuple[list[mpsg.Tensor], list[tuple[mpsg.Tensor, mpsg.Tensor]], list[mpsg.Operation]]:
    """Placeholders of gradients, (parameter, velocity) pairs, and their assigns."""
    gradients = [graph.placeholder(list(shape)) for shape in shapes]
    states = [
        (graph.variable(normal(shape, i)), graph.variable(np.zeros(shape, np.float32)))
        for i, shape in enumerate(shapes)
    ]
    assigns = []
    for gradient, (parameter, velocity) in zip(gradients, states, strict=True):
        faster = velocity * 0.9 + gradient
        assigns.append(graph.assign(velocity, faster))
        assigns.append(graph.assign(parameter, parameter - faster * 0.1))
    return gradients, states, assigns


def segments(executable: mpsg.Executable) -> list[int]:
    return [kernel.segments for kernel in executable.kernels]


def test_momentum_of_all_parameters_is_one_step() -> None:
    graph = mpsg.Graph()
    gradients, states, assigns = momentum(graph, SHAPES)
    feeds = {g: normal(SHAPES[i], 90 + i) for i, g in enumerate(gradients)}
    executable = graph.compile({g: list(SHAPES[i]) for i, g in enumerate(gradients)}, [], assigns)
    if not any(kernel.operation == "stitched" for kernel in executable.kernels):
        assert segments(executable)  # a build without the kernel compiler
        return
    # A single number is walked by other code.
    assert sorted(segments(executable)) == [1, len(SHAPES) - 1]
    assert sorted(region.segments for region in executable.regions) == [1, len(SHAPES) - 1]
    assert any(f"{len(SHAPES) - 1} segments" in k.description for k in executable.kernels)
    assert executable.memory.arena_bytes == 0
    for _ in range(3):
        graph.run(feeds, [], assigns)
    for i, (gradient, (parameter, velocity)) in enumerate(zip(gradients, states, strict=True)):
        want, speed = normal(SHAPES[i], i), np.zeros(SHAPES[i], np.float32)
        for _ in range(3):
            speed = speed * np.float32(0.9) + feeds[gradient]
            want = want - speed * np.float32(0.1)
        got = {v: graph.variable_value(v) for v in (parameter, velocity)}
        np.testing.assert_array_equal(got[velocity].numpy(), speed)
        np.testing.assert_array_equal(got[parameter].numpy(), want)


def test_bias_updates_write_their_variables_themselves() -> None:
    graph = mpsg.Graph()
    widths = [5, 32, 130]
    gradients = [graph.placeholder([11, width]) for width in widths]
    biases = [graph.variable(normal((width,), width)) for width in widths]
    assigns = [
        graph.assign(bias, bias - graph.reshape(graph.reduction_sum(g, 0), [width]) * 0.5)
        for g, bias, width in zip(gradients, biases, widths, strict=True)
    ]
    executable = graph.compile({g: list(g.shape) for g in gradients}, [], assigns)
    stitched = any(kernel.operation == "stitched" for kernel in executable.kernels)
    if stitched:
        assert segments(executable) == [len(widths)]
        assert executable.memory.arena_bytes == 0
    feeds = {g: normal((11, w), 50 + w) for g, w in zip(gradients, widths, strict=True)}
    graph.run(feeds, [], assigns)
    got = {bias: graph.variable_value(bias) for bias in biases}
    for gradient, bias, width in zip(gradients, biases, widths, strict=True):
        want = normal((width,), width) - feeds[gradient].sum(0, dtype=np.float64) * 0.5
        np.testing.assert_allclose(got[bias].numpy(), want, rtol=1e-5, atol=1e-5)


def test_updates_that_read_each_others_variables_see_the_old_values() -> None:
    graph = mpsg.Graph()
    a, b = graph.variable(normal((40,), 1)), graph.variable(normal((40,), 2))
    assigns = [graph.assign(a, a + b * 0.5), graph.assign(b, b + a * 0.5)]
    graph.run({}, [], assigns)
    got = {v: graph.variable_value(v) for v in (a, b)}
    first, second = normal((40,), 1), normal((40,), 2)
    np.testing.assert_array_equal(got[a].numpy(), first + second * np.float32(0.5))
    np.testing.assert_array_equal(got[b].numpy(), second + first * np.float32(0.5))


def test_what_waits_for_an_assign_still_comes_after_it() -> None:
    graph = mpsg.Graph()
    a, b = graph.variable(normal((9,), 1)), graph.variable(normal((12,), 2))
    first = graph.assign(a, a * 2.0)
    (later,) = graph.control_dependency([first], lambda: [graph.identity(graph.read(a))])
    second = graph.assign(b, b * 2.0)
    got = graph.run({}, [later], [first, second])
    np.testing.assert_array_equal(got[later].numpy(), normal((9,), 1) * 2)
    np.testing.assert_array_equal(graph.variable_value(b).numpy(), normal((12,), 2) * 2)


def test_a_copy_of_a_variable_runs_no_reference_loop() -> None:
    graph = mpsg.Graph()
    large = normal((700, 1000), 3)
    source, target = graph.variable(large), graph.variable(np.zeros_like(large))
    copied = graph.assign(target, source)
    executable = graph.compile({}, [], [copied])
    assert [kernel.description for kernel in executable.kernels] == ["copy"]
    graph.run({}, [], [copied])
    np.testing.assert_array_equal(graph.variable_value(target).numpy(), large)


@pytest.mark.parametrize("batches", [range(2, 30)])
def test_other_batches_compile_no_kernel(batches: range) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 12])
    weights, bias = graph.variable(normal((12, 6), 1)), graph.variable(normal((6,), 2))
    loss = graph.mean(graph.square(graph.relu(x @ weights + bias)))
    updates = mpsg.optimizers.Adam(0.01).minimize(loss, [weights, bias])
    graph.run({x: normal((64, 12), 4)}, [loss], updates)
    before = mpsg.cache.stats().kernels_compiled
    for size in batches:
        graph.run({x: normal((size, 12), size)}, [loss], updates)
    assert mpsg.cache.stats().kernels_compiled == before
