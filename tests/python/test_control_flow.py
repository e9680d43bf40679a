"""Branches, loops, variables and the order between operations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mpsg
from support.running import DEVICES

pytestmark = pytest.mark.parametrize("device", DEVICES)
Tensors = list[mpsg.Tensor]


def run_one(graph: mpsg.Graph, feeds: dict[Any, Any], tensor: mpsg.Tensor, device: str) -> Any:
    return graph.run(feeds, [tensor], device=device)[tensor].numpy().tolist()


def slope(function: Callable[[float], float], at: float) -> float:
    step = 2.0**-12
    return (function(at + step) - function(at - step)) / (2 * step)


# ---------------------------------------------------------------- if_else


@pytest.mark.parametrize("shape", [[3], [-1], None])
def test_if_else_chooses(device: str, shape: Any) -> None:
    graph = mpsg.Graph()
    choice = graph.placeholder([], mpsg.bool_)
    x = graph.placeholder(shape, mpsg.float32)
    both = graph.if_else(choice, lambda: [x * 2.0, x + 1.0], lambda: [x - 1.0, graph.negative(x)])
    for value, wanted in [(True, [[2, 4, 6], [2, 3, 4]]), (False, [[0, 1, 2], [-1, -2, -3]])]:
        found = graph.run({choice: value, x: [1, 2, 3]}, both, device=device)
        assert [found[each].numpy().tolist() for each in both] == wanted


def test_if_else_of_a_constant_and_of_a_comparison(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([], mpsg.int32)
    (known,) = graph.if_else(graph.constant(True), lambda: x, lambda: graph.negative(x))
    (sign,) = graph.if_else(x < 0, lambda: graph.negative(x), lambda: x)
    found = graph.run({x: -5}, [known, sign], device=device)
    assert (found[known].item(), found[sign].item()) == (-5, 5)


def test_if_else_without_else_assigns(device: str) -> None:
    graph = mpsg.Graph()
    choice = graph.placeholder([], mpsg.bool_)
    counter = graph.variable(0, data_type=mpsg.int32)

    def count() -> None:
        graph.assign(counter, counter + 1)

    branch = graph.if_else(choice, count)
    assert branch == [] or isinstance(branch, mpsg.Operation)
    operation = branch if isinstance(branch, mpsg.Operation) else graph.operations[-1]
    for value in (True, False, True):
        graph.run({choice: value}, [], [operation], device=device)
    assert graph.variable_value(counter).item() == 2


def test_if_else_gradients(device: str) -> None:
    graph = mpsg.Graph()
    choice = graph.placeholder([], mpsg.bool_)
    x, y = graph.placeholder([2], mpsg.float64), graph.placeholder([2], mpsg.float64)
    (z,) = graph.if_else(choice, lambda: x * x * y, lambda: graph.exponent(x))
    first = graph.gradients(z, [x, y])
    second = graph.gradients(first[x], [x, y], unconnected="zero")
    targets = [first[x], first[y], second[x], second[y]]
    a, b = np.array([0.5, -1.0]), np.array([2.0, 3.0])
    for value, wanted in [
        (True, [2 * a * b, a * a, 2 * b, 2 * a]),
        (False, [np.exp(a), 0 * a, np.exp(a), 0 * a]),
    ]:
        found = graph.run({choice: value, x: a, y: b}, targets, device=device)
        for target, true in zip(targets, wanted, strict=True):
            assert np.allclose(found[target].numpy(), true, rtol=1e-14)


# ---------------------------------------------------------------- for_loop


@pytest.mark.parametrize("integer", [mpsg.int32, mpsg.int64])
@pytest.mark.parametrize("count", [0, 1, 5])
def test_for_loop_counts(device: str, count: int, integer: Any) -> None:
    graph = mpsg.Graph()
    times = graph.placeholder([], integer)
    x = graph.placeholder([2], mpsg.float32)

    def body(index: mpsg.Tensor, arguments: Tensors) -> Any:
        total, last = arguments
        return [total + x, graph.cast(index, mpsg.int32) + last * 10]

    zero = graph.constant(0.0, [2])
    total, digits = graph.for_loop([zero, graph.constant(0)], body, number_of_iterations=times)
    found = graph.run({times: count, x: [1, -2]}, [total, digits], device=device)
    assert found[total].numpy().tolist() == [count, -2 * count]
    assert found[digits].item() == int("0" + "".join(map(str, range(count))))


@pytest.mark.parametrize(
    "bounds", [(0, 5, 1), (2, 9, 3), (2, 8, 3), (-4, 3, 2), (5, 5, 1), (7, 2, 1)]
)
def test_for_loop_bounds(device: str, bounds: tuple[int, int, int]) -> None:
    graph = mpsg.Graph()
    low, high, step = (graph.placeholder([], mpsg.int64) for _ in bounds)
    (result,) = graph.for_loop(
        [graph.constant(0, data_type=mpsg.int64)],
        lambda index, arguments: [arguments[0] * 31 + index],
        lower_bound=low,
        upper_bound=high,
        step=step,
    )
    wanted = 0
    for index in range(*bounds):
        wanted = wanted * 31 + index
    feeds = dict(zip([low, high, step], bounds, strict=True))
    assert run_one(graph, feeds, result, device) == wanted


def test_for_loop_without_arguments_assigns(device: str) -> None:
    graph = mpsg.Graph()
    total = graph.variable(0.0)

    def body(index: mpsg.Tensor, arguments: Tensors) -> list[mpsg.Tensor]:
        graph.assign(total, total + graph.cast(index, mpsg.float32))
        return []

    graph.for_loop([], body, number_of_iterations=4)
    loop = next(o for o in reversed(graph.operations) if o.op == "for_loop")
    graph.run({}, [], [loop], device=device)
    # Every read sees the value from before the run, unless a control dependency orders it.
    assert graph.variable_value(total).item() in (3.0, 6.0)


def test_for_loop_gradients(device: str) -> None:
    graph = mpsg.Graph()
    x, w = graph.placeholder([], mpsg.float64), graph.placeholder([], mpsg.float64)

    def body(index: mpsg.Tensor, arguments: Tensors) -> list[mpsg.Tensor]:
        return [graph.sin(arguments[0] * w) + graph.cast(index, mpsg.float64)]

    (y,) = graph.for_loop([x], body, number_of_iterations=4)
    first = graph.gradients(y, [x, w])
    second = graph.gradients(first[w], [w])[w]

    def value(x: float, w: float) -> float:
        for index in range(4):
            x = np.sin(x * w) + index
        return float(x)

    found = graph.run({x: 0.3, w: 1.2}, [y, first[x], first[w], second], device=device)
    assert np.isclose(found[y].item(), value(0.3, 1.2), rtol=1e-14)
    assert np.isclose(found[first[x]].item(), slope(lambda a: value(a, 1.2), 0.3), rtol=1e-5)
    assert np.isclose(found[first[w]].item(), slope(lambda b: value(0.3, b), 1.2), rtol=1e-5)

    def by_w(b: float) -> float:
        return slope(lambda c: value(0.3, c), b)

    assert np.isclose(found[second].item(), slope(by_w, 1.2), rtol=1e-3)


def test_for_loop_gradient_of_no_iteration(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float32)
    (y,) = graph.for_loop([x], lambda i, a: [a[0] * a[0]], number_of_iterations=0)
    gradient = graph.gradients(y, [x])[x]
    assert run_one(graph, {x: [3, 4]}, gradient, device) == [1, 1]


# ---------------------------------------------------------------- while_loop


def test_while_loop(device: str) -> None:
    """Collatz: several arguments, of different types, and a captured tensor."""
    graph = mpsg.Graph()
    start = graph.placeholder([], mpsg.int64)
    one = graph.constant(1, data_type=mpsg.int64)

    def before(arguments: Tensors) -> Any:
        return graph.not_equal(arguments[0], one), arguments

    def after(arguments: Tensors) -> Any:
        n, steps = arguments
        odd = graph.equal(graph.modulo(n, 2), one)
        return [graph.select(odd, n * 3 + 1, graph.division(n, 2)), steps + 1.0]

    n, steps = graph.while_loop([start, graph.constant(0.0)], before, after)
    for value, wanted in [(1, 0), (6, 8), (27, 111)]:
        found = graph.run({start: value}, [n, steps], device=device)
        assert (found[n].item(), found[steps].item()) == (1, wanted)


def test_while_loop_that_never_runs_its_body(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float32)
    (y,) = graph.while_loop(
        [x], lambda a: (graph.constant(False), [a[0] + 1.0]), lambda a: [a[0] * 0.0]
    )
    assert run_one(graph, {x: [1, 2, 3]}, y, device) == [2, 3, 4]


def test_while_loop_has_no_gradient(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([], mpsg.float32)
    (y,) = graph.while_loop([x], lambda a: (a[0] < 9.0, a), lambda a: [a[0] * 2.0])
    with pytest.raises(mpsg.GraphError, match="does not depend"):
        graph.gradients(y, [x])
    assert run_one(graph, {x: 1.0}, y, device) == 16


# ---------------------------------------------------------------- nested


def test_nested(device: str) -> None:
    """A branch in a loop in a loop, which uses tensors of every level."""
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float64)
    limit = graph.placeholder([], mpsg.int32)

    def outer(i: mpsg.Tensor, outer_arguments: Tensors) -> list[mpsg.Tensor]:
        scaled = outer_arguments[0] * 0.5

        def inner(j: mpsg.Tensor, inner_arguments: Tensors) -> list[mpsg.Tensor]:
            return graph.if_else(
                j < i,
                lambda: [inner_arguments[0] + scaled * x],
                lambda: [graph.sin(inner_arguments[0])],
            )

        return graph.for_loop([outer_arguments[0]], inner, number_of_iterations=3)

    (y,) = graph.for_loop([x], outer, number_of_iterations=limit)

    def value(x: np.ndarray) -> np.ndarray:
        total = x
        for i in range(3):
            scaled = total * 0.5
            for j in range(3):
                total = total + scaled * x if j < i else np.sin(total)
        return total

    a = np.array([0.4, 1.3])
    found = run_one(graph, {x: a, limit: 3}, y, device)
    assert np.allclose(found, value(a), rtol=1e-14)
    # A limit that is fed is a host integer, known before the run.
    gradient = graph.gradients(y, [x])[x]
    step = 2.0**-14
    wanted = (value(a + step) - value(a - step)) / (2 * step)
    assert np.allclose(run_one(graph, {x: a, limit: 3}, gradient, device), wanted, rtol=1e-6)


def test_random_numbers_in_a_loop_differ(device: str) -> None:
    graph = mpsg.Graph()

    def body(index: mpsg.Tensor, arguments: Tensors) -> list[mpsg.Tensor]:
        numbers, state = graph.random_uniform([4], state=arguments[1])
        return [graph.concat([arguments[0], numbers], 0), state]

    start = graph.random_philox_state(seed=7)
    with pytest.raises(mpsg.GraphError, match="shape"):
        graph.for_loop([graph.constant(0.0, [4]), start], body, number_of_iterations=2)

    def keep(index: mpsg.Tensor, arguments: Tensors) -> list[mpsg.Tensor]:
        return graph.random_uniform([4], state=arguments[1])

    once, _ = graph.for_loop([graph.constant(0.0, [4]), start], keep, number_of_iterations=1)
    twice, _ = graph.for_loop([graph.constant(0.0, [4]), start], keep, number_of_iterations=2)
    eight, _ = graph.random_uniform([8], state=start)
    found = graph.run({}, [once, twice, eight], device=device)
    both = np.concatenate([found[once].numpy(), found[twice].numpy()])
    assert np.array_equal(both, found[eight].numpy())


# ---------------------------------------------------------------- variables


def test_variable_keeps_its_value(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float32)
    total = graph.variable(np.zeros(2, np.float32), name="total")
    add = graph.assign(total, total + x)
    for count in range(1, 4):
        found = graph.run({x: [1, -1]}, [total], [add], device=device)
        # What is read without an order is the value from before the run.
        assert found[total].numpy().tolist() == [count - 1, 1 - count]
        assert graph.variable_value(total).numpy().tolist() == [count, -count]


def test_a_read_that_was_given_out_is_a_copy(device: str) -> None:
    graph = mpsg.Graph()
    state = graph.variable(np.arange(3, dtype=np.float32))
    double = graph.assign(state, state * 2.0)
    before = graph.run({}, [state], device=device)[state].numpy()
    kept = before.copy()
    graph.run({}, [], [double], device=device)
    assert np.array_equal(before, kept)


def test_control_dependency_orders_a_read(device: str) -> None:
    graph = mpsg.Graph()
    state = graph.variable(1.0)
    early = graph.read(state)
    write = graph.assign(state, state * 10.0)
    (late,) = graph.control_dependency([write], lambda: [graph.read(state)])
    assert late.operation.control_dependencies == [write]
    found = graph.run({}, [early, late], device=device)
    assert (found[early].item(), found[late].item()) == (1, 10)


def test_ordered_assigns(device: str) -> None:
    graph = mpsg.Graph()
    state = graph.variable(2.0)
    first = graph.assign(state, state + 1.0)
    made: list[mpsg.Operation] = []

    def then() -> None:
        made.append(graph.assign(state, graph.read(state) * 5.0))

    graph.control_dependency([first], then)
    graph.run({}, [], made, device=device)
    assert graph.variable_value(state).item() == 15


def test_unordered_assigns_are_an_error(device: str) -> None:
    graph = mpsg.Graph()
    state = graph.variable(2.0, name="state")
    both = [graph.assign(state, graph.constant(1.0)), graph.assign(state, graph.constant(2.0))]
    with pytest.raises(mpsg.GraphError, match="state"):
        graph.run({}, [], both, device=device)
    graph.run({}, [], both[:1], device=device)
    assert graph.variable_value(state).item() == 1


def test_exchange_of_two_variables(device: str) -> None:
    graph = mpsg.Graph()
    a = graph.variable(np.arange(5.0))
    b = graph.variable(np.arange(5.0) * -1)
    graph.run({}, [], [graph.assign(a, b), graph.assign(b, a)], device=device)
    assert graph.variable_value(a).numpy().tolist() == [0, -1, -2, -3, -4]
    assert graph.variable_value(b).numpy().tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("dtype", ["float16", "bfloat16", "float64", "int8", "bool", "complex64"])
def test_variable_types(device: str, dtype: str) -> None:
    graph = mpsg.Graph()
    values = np.array([1, 0, 1]).astype(mpsg.data_type(dtype).numpy())
    state = graph.variable(values)
    twice = graph.concat([state, state], 0)
    assert run_one(graph, {}, twice, device) == [*values.tolist(), *values.tolist()]
    assert graph.variable_value(state).numpy().dtype == values.dtype


def test_variable_from_tensor(device: str) -> None:
    graph = mpsg.Graph()
    known = graph.constant(np.arange(4.0)) * 2.0
    state = graph.variable_from_tensor(known, name="state")
    assert state.operation.op == "variable"
    assert run_one(graph, {}, state + 1.0, device) == [1, 3, 5, 7]
    with pytest.raises(mpsg.GraphError, match="known"):
        graph.variable_from_tensor(graph.placeholder([4], mpsg.float64))


def test_gradient_of_a_variable(device: str) -> None:
    graph = mpsg.Graph()
    w = graph.variable(np.array([1.0, 2.0, 3.0]))
    loss = graph.reduction_sum(graph.square(w), None)
    gradient = graph.gradients(loss, [w])[w]
    through_read = graph.read(w)
    of_read = graph.gradients(graph.exponent(through_read), [through_read])[through_read]
    found = graph.run({}, [gradient, of_read], device=device)
    assert found[gradient].numpy().tolist() == [2, 4, 6]
    assert np.allclose(found[of_read].numpy(), np.exp([1, 2, 3]))


@pytest.mark.parametrize("dtype", ["float32", "float64", "complex64"])
def test_apply_stochastic_gradient_descent(device: str, dtype: str) -> None:
    graph = mpsg.Graph()
    w = graph.variable(np.array([1, 2, 3], dtype))
    rate = graph.placeholder([], dtype)
    step = graph.apply_stochastic_gradient_descent(rate, w, w * graph.constant(2, [], dtype))
    executable = graph.compile({rate: []}, [], [step], device=device)
    for each in (0.25, 0.5):
        executable.run([each])
    assert graph.variable_value(w).numpy().tolist() == [0, 0, 0]


def test_a_failed_run_leaves_variables(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2], mpsg.float32)
    state = graph.variable(np.zeros(2, np.float32))
    write = graph.assign(state, x)
    with pytest.raises(mpsg.FeedError):
        graph.run({}, [], [write], device=device)
    assert graph.variable_value(state).numpy().tolist() == [0, 0]


def test_two_executables_share_variables(device: str) -> None:
    graph = mpsg.Graph()
    state = graph.variable(0, data_type=mpsg.int64)
    up = graph.compile([], [], [graph.assign(state, state + 1)], device=device)
    double = graph.compile([], [state], [graph.assign(state, state * 2)], device=device)
    up.run([])
    up.run([])
    assert double.run([])[0].item() == 2
    up.run([])
    assert graph.variable_value(state).item() == 5
