"""mpsg.optimizers: several steps against formulas written in NumPy, and against PyTorch's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest

import mpsg
from mpsg.optimizers import SGD, Adagrad, Adam, AdamW, Optimizer, RMSProp

STEPS = 6
RNG = np.random.default_rng(0)
START = RNG.standard_normal((4, 3))
SLOPES = RNG.standard_normal((STEPS, 4, 3))

Step = Callable[[np.ndarray], np.ndarray]


def numpy_sgd(rate: float, momentum: float, nesterov: bool, decay: float) -> Iterator[Any]:
    values, velocity = START.copy(), np.zeros_like(START)
    for slope in SLOPES:
        slope = slope + decay * values
        velocity = momentum * velocity + slope
        values = values - rate * (slope + momentum * velocity if nesterov else velocity)
        yield values


def numpy_adam(rate: float, beta1: float, beta2: float, eps: float, decay: float) -> Iterator[Any]:
    values, mean, square = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for step, slope in enumerate(SLOPES, start=1):
        values = values * (1 - rate * decay)
        mean = beta1 * mean + (1 - beta1) * slope
        square = beta2 * square + (1 - beta2) * slope**2
        corrected = rate * np.sqrt(1 - beta2**step) / (1 - beta1**step)
        values = values - corrected * mean / (np.sqrt(square) + eps)
        yield values


def numpy_rmsprop(rate: float, decay: float, momentum: float, eps: float) -> Iterator[Any]:
    values, square, velocity = START.copy(), np.zeros_like(START), np.zeros_like(START)
    for slope in SLOPES:
        square = decay * square + (1 - decay) * slope**2
        velocity = momentum * velocity + slope / (np.sqrt(square) + eps)
        values = values - rate * velocity
        yield values


def numpy_adagrad(rate: float, eps: float) -> Iterator[Any]:
    values, total = START.copy(), np.zeros_like(START)
    for slope in SLOPES:
        total = total + slope**2
        values = values - rate * slope / (np.sqrt(total) + eps)
        yield values


# Each: how it is made, its formula, and PyTorch's class with the same settings.
CASES: dict[str, tuple[Callable[[Any], Optimizer], Callable[[], Iterator[Any]], str, dict]] = {
    "sgd": (SGD, lambda: numpy_sgd(0.1, 0, False, 0), "SGD", {}),
    "sgd decay": (
        lambda rate: SGD(rate, weight_decay=0.2),
        lambda: numpy_sgd(0.1, 0, False, 0.2),
        "SGD",
        {"weight_decay": 0.2},
    ),
    "momentum": (
        lambda rate: SGD(rate, momentum=0.9),
        lambda: numpy_sgd(0.1, 0.9, False, 0),
        "SGD",
        {"momentum": 0.9},
    ),
    "nesterov": (
        lambda rate: SGD(rate, momentum=0.8, nesterov=True, weight_decay=0.1),
        lambda: numpy_sgd(0.1, 0.8, True, 0.1),
        "SGD",
        {"momentum": 0.8, "nesterov": True, "weight_decay": 0.1},
    ),
    "adam": (Adam, lambda: numpy_adam(0.1, 0.9, 0.999, 1e-8, 0), "Adam", {}),
    "adam betas": (
        lambda rate: Adam(rate, 0.5, 0.7, 1e-12),
        lambda: numpy_adam(0.1, 0.5, 0.7, 1e-12, 0),
        "Adam",
        {"betas": (0.5, 0.7), "eps": 1e-12},
    ),
    "adamw": (
        lambda rate: AdamW(rate, weight_decay=0.3),
        lambda: numpy_adam(0.1, 0.9, 0.999, 1e-8, 0.3),
        "AdamW",
        {"weight_decay": 0.3},
    ),
    "rmsprop": (RMSProp, lambda: numpy_rmsprop(0.1, 0.99, 0, 1e-8), "RMSprop", {}),
    "rmsprop momentum": (
        lambda rate: RMSProp(rate, decay=0.8, momentum=0.7, epsilon=1e-3),
        lambda: numpy_rmsprop(0.1, 0.8, 0.7, 1e-3),
        "RMSprop",
        {"alpha": 0.8, "momentum": 0.7, "eps": 1e-3},
    ),
    "adagrad": (Adagrad, lambda: numpy_adagrad(0.1, 1e-10), "Adagrad", {}),
}
# One step's roundings, a few times over; the divisions of Adam and RMSProp enlarge them.
TOLERANCE = {"float64": 1e-12, "float32": 2e-5, "float16": 4e-3, "bfloat16": 3e-2}


def steps_of_mpsg(make: Callable[[Any], Optimizer], data_type: str, fed_rate: bool) -> np.ndarray:
    """The variable after each step; its gradient is fed."""
    graph = mpsg.Graph()
    slope = graph.placeholder([4, 3], data_type)
    rate = graph.placeholder([], "float32", name="rate") if fed_rate else 0.1
    numpy_type = mpsg.data_type(data_type).numpy()
    variable = graph.variable(START.astype(numpy_type), name="weights")
    updates = make(rate).apply({variable: slope})
    after = []
    for values in SLOPES:
        feeds: dict[mpsg.Tensor, Any] = {slope: values.astype(numpy_type)}
        if isinstance(rate, mpsg.Tensor):
            feeds[rate] = 0.1
        graph.run(feeds, [], updates)
        after.append(graph.variable_value(variable).numpy().astype(np.float64))
    return np.array(after)


@pytest.mark.parametrize("fed_rate", [False, True])
@pytest.mark.parametrize("data_type", TOLERANCE)
@pytest.mark.parametrize("case", CASES)
def test_against_numpy(case: str, data_type: str, fed_rate: bool) -> None:
    make, formula, _, _ = CASES[case]
    wanted = np.array(list(formula()))
    tolerance = TOLERANCE[data_type]
    if data_type == "float64" and fed_rate:
        tolerance = 1e-6  # the rate was fed as float32
    got = steps_of_mpsg(make, data_type, fed_rate)
    assert np.abs(got - wanted).max() <= tolerance * max(1, np.abs(wanted).max())


@pytest.mark.parametrize("case", CASES)
def test_against_torch(case: str) -> None:
    torch = pytest.importorskip("torch", reason="PyTorch is not installed: not compared with it")
    make, _, name, settings = CASES[case]
    parameter = torch.tensor(START, dtype=torch.float64, requires_grad=True)
    optimizer = getattr(torch.optim, name)([parameter], lr=0.1, **settings)
    got = steps_of_mpsg(make, "float64", fed_rate=False)
    for step, slope in enumerate(SLOPES):
        parameter.grad = torch.tensor(slope)
        optimizer.step()
        # PyTorch's Adam adds epsilon to the corrected root: a difference of about 1e-8.
        np.testing.assert_allclose(got[step], parameter.detach().numpy(), rtol=1e-6, atol=1e-6)


@pytest.mark.parametrize("case", CASES)
def test_minimize_finds_the_minimum(case: str) -> None:
    graph = mpsg.Graph()
    target = np.array([[1.0, -2.0, 0.5]], np.float32)
    variable = graph.variable(np.zeros((1, 3), np.float32), name="x")
    offset = graph.variable(0.25, name="offset")
    difference = variable + offset - target
    loss = graph.reduction_sum(difference * difference)
    make = CASES[case][0]
    updates = make(0.05).minimize(loss, [variable, offset])
    losses = [graph.run({}, [loss], updates)[loss].item() for _ in range(150)]
    assert losses[-1] < losses[0] / 3


def test_many_variables_share_the_powers() -> None:
    graph = mpsg.Graph()
    variables = [graph.variable(START, name=f"v{number}") for number in range(3)]
    slope = graph.placeholder([4, 3], "float64")
    optimizer = Adam(0.1)
    updates = optimizer.apply(dict.fromkeys(variables, slope))
    for values in SLOPES:
        graph.run({slope: values}, [], updates)
    wanted = list(numpy_adam(0.1, 0.9, 0.999, 1e-8, 0))[-1]
    for variable in variables:
        np.testing.assert_allclose(graph.variable_value(variable).numpy(), wanted, rtol=1e-12)
    names = [variable.name for variable in optimizer.variables]
    assert names[:2] == ["v0/beta1_power", "v0/beta2_power"]
    assert names[2:4] == ["v0/momentum", "v0/velocity"] and len(names) == 2 + 2 * 3
    powers = [graph.variable_value(variable).item() for variable in optimizer.variables[:2]]
    np.testing.assert_allclose(powers, [0.9 ** (STEPS + 1), 0.999 ** (STEPS + 1)])


def test_state_of_short_types_is_float32() -> None:
    graph = mpsg.Graph()
    variable = graph.variable(np.ones(3, np.float16), name="w")
    optimizer = SGD(0.1, momentum=0.9)
    optimizer.apply({variable: variable * 1.0})
    assert [memory.data_type for memory in optimizer.variables] == [mpsg.float32]


def test_plain_sgd_remembers_nothing() -> None:
    graph = mpsg.Graph()
    variable = graph.variable(np.ones(3, np.float32), name="w")
    optimizer = SGD(0.1)
    updates = optimizer.apply({variable: variable * 1.0})
    assert optimizer.variables == [] and [update.op for update in updates] == ["assign"]
    assert "stochastic_gradient_descent" in {operation.op for operation in graph.operations}
    assert optimizer.minimize(graph.reduction_sum(variable), []) == []


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: SGD("0.1"), TypeError, "learning_rate must be a number or a scalar tensor"),
        (lambda: SGD(None), TypeError, "learning_rate"),
        (lambda: SGD(True), TypeError, "learning_rate"),
        (lambda: SGD(np.array([0.1])), TypeError, "learning_rate must be a number"),
        (lambda: SGD(float("nan")), ValueError, "learning_rate must be finite"),
        (lambda: SGD(-0.1), ValueError, "learning_rate must be finite and at least 0"),
        (lambda: SGD(0.1, momentum=1), ValueError, "momentum .* below 1"),
        (lambda: SGD(0.1, nesterov=True), ValueError, "nesterov needs a momentum"),
        (lambda: SGD(0.1, weight_decay="x"), TypeError, "weight_decay must be a number"),
        (lambda: Adam(0.1, beta1=1.0), ValueError, "beta1"),
        (lambda: Adam(0.1, beta2=-0.1), ValueError, "beta2"),
        (lambda: AdamW(0.1, weight_decay=-1), ValueError, "weight_decay"),
        (lambda: RMSProp(0.1, decay=2), ValueError, "decay"),
        (lambda: Adagrad(0.1, epsilon=-1), ValueError, "epsilon"),
        (lambda: SGD(mpsg.Graph().placeholder([2])), TypeError, "tensor of shape"),
        (lambda: SGD(mpsg.Graph().placeholder([], "int32")), TypeError, "floating-point tensor"),
    ],
)
def test_bad_settings(make: Callable[[], Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_bad_calls() -> None:
    graph, other = mpsg.Graph(), mpsg.Graph()
    variable = graph.variable(np.ones(3, np.float32), name="w")
    stranger = other.variable(np.ones(3, np.float32), name="far")
    count = graph.variable(np.ones(3, np.int32), name="count")
    loss = graph.reduction_sum(variable * variable)
    for call, error, words in [
        (lambda: SGD(0.1).minimize(1.0, [variable]), TypeError, "the loss must be a tensor"),
        (lambda: SGD(0.1).minimize(loss, variable), TypeError, "must be a list of variables"),
        (lambda: SGD(0.1).minimize(loss, [3]), TypeError, "only variables of the graph"),
        (lambda: SGD(0.1).minimize(loss, [loss]), mpsg.GraphError, "is the result of"),
        (lambda: SGD(0.1).minimize(loss, [stranger]), mpsg.GraphError, "another graph"),
        (lambda: SGD(0.1).minimize(loss, [variable] * 2), mpsg.GraphError, "listed twice"),
        (lambda: SGD(0.1).minimize(loss, [count]), mpsg.GraphError, "only floating-point"),
        (lambda: SGD(0.1).apply([variable]), TypeError, "must be a dictionary"),
        (lambda: SGD(0.1).apply({variable: 1.0}), TypeError, "gradient must be a tensor"),
    ]:
        with pytest.raises(error, match=words):
            call()
    optimizer = Adam(0.1)
    optimizer.minimize(loss, [variable])
    with pytest.raises(mpsg.GraphError, match="updates 'w' already"):
        optimizer.minimize(loss, [variable])
