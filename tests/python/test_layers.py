"""mpsg.layers: values and gradients against PyTorch's layers, or NumPy's formulas without it."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

import mpsg
from mpsg import layers, optimizers
from support.layers import array, close, ramp, run_layer

HE_BITS = "af3f8c3e08bdebbe"  # of he_uniform((2,), 6, 0)


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed: not compared with it")


# --- Dense


@pytest.mark.parametrize("shape", [(5, 7), (2, 3, 7), (1, 7), (0, 7)])
def test_dense(shape: tuple[int, ...]) -> None:
    x = array(*shape)
    y, v, g = run_layer(layers.Dense(4, name="d"), x)
    close(y, x @ v["weights"] + v["bias"])
    weight = ramp(y.shape)
    close(g["x"], weight @ v["weights"].T)
    close(g["weights"], x.reshape(-1, 7).T @ weight.reshape(-1, 4))
    close(g["bias"], weight.reshape(-1, 4).sum(0))


@pytest.mark.parametrize(
    "activation, function",
    [
        ("relu", lambda x: np.maximum(x, 0)),
        ("leaky_relu", lambda x: np.where(x > 0, x, 0.01 * x)),
        ("sigmoid", lambda x: 1 / (1 + np.exp(-x))),
        ("tanh", np.tanh),
        ("gelu", lambda x: x * 0.5 * (1 + np.vectorize(math.erf)(x / math.sqrt(2)))),
        ("softmax", lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True)),
        (lambda x: x.graph.square(x), np.square),
    ],
)
def test_activations(activation: Any, function: Callable[[np.ndarray], np.ndarray]) -> None:
    x = array(6, 5)
    y, v, _ = run_layer(layers.Dense(4, activation, use_bias=False), x)
    assert list(v) == ["weights"]
    close(y, function(x @ v["weights"]))


# --- Conv2D

CONVOLUTIONS: list[dict[str, Any]] = [
    {"kernel_size": 3},
    {"kernel_size": 5, "padding": "valid"},
    {"kernel_size": (3, 2), "padding": 1, "strides": 2},
    {"kernel_size": 3, "padding": (2, 0), "strides": (1, 2)},
    {"kernel_size": 3, "padding": (2, 1), "dilation": (2, 1)},
    {"kernel_size": 3, "padding": ((1, 1), (1, 1)), "groups": 2},
    {"kernel_size": 1, "padding": "valid", "use_bias": False},
]


@pytest.mark.parametrize("layouts", [("NHWC", "HWIO"), ("NCHW", "OIHW"), ("NHWC", "OIHW")])
@pytest.mark.parametrize("settings", CONVOLUTIONS)
def test_conv2d(torch: Any, settings: dict[str, Any], layouts: tuple[str, str]) -> None:
    x = array(3, 9, 8, 4)
    images = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    first, fed = layouts[0] == "NCHW", x
    if first:
        fed = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    layer = layers.Conv2D(6, data_layout=layouts[0], weights_layout=layouts[1], **settings)
    y, v, g = run_layer(layer, fed)

    oihw = v["weights"].transpose(3, 2, 0, 1) if layouts[1] == "HWIO" else v["weights"]
    weights = torch.tensor(np.ascontiguousarray(oihw), requires_grad=True)
    bias = torch.tensor(v["bias"], requires_grad=True) if "bias" in v else None
    padding = settings.get("padding", "same")
    if isinstance(padding, tuple) and isinstance(padding[0], tuple):
        padding = tuple(side[0] for side in padding)
    wanted = torch.nn.functional.conv2d(
        images,
        weights,
        bias,
        settings.get("strides", 1),
        padding,
        settings.get("dilation", 1),
        settings.get("groups", 1),
    )
    shown = wanted if first else wanted.permute(0, 2, 3, 1)
    close(y, shown.detach().numpy())
    (shown * torch.tensor(ramp(tuple(shown.shape)))).sum().backward()
    close(g["x"] if first else g["x"].transpose(0, 3, 1, 2), images.grad.numpy())
    got = g["weights"].transpose(3, 2, 0, 1) if layouts[1] == "HWIO" else g["weights"]
    close(got, weights.grad.numpy())
    if bias is not None:
        close(g["bias"], bias.grad.numpy())


def test_conv2d_against_numpy() -> None:
    x = array(2, 6, 5, 3)
    y, v, _ = run_layer(layers.Conv2D(4, 3, activation="relu"), x)
    padded = np.pad(x, ((0, 0), (1, 1), (1, 1), (0, 0)))
    wanted = np.zeros((2, 6, 5, 4), np.float64)
    for row in range(3):
        for column in range(3):
            part = padded[:, row : row + 6, column : column + 5]
            wanted += part @ v["weights"][row, column].astype(np.float64)
    close(y, np.maximum(wanted + v["bias"], 0))


# --- Pooling


@pytest.mark.parametrize("settings", [{"size": 2}, {"size": 3, "strides": 2, "padding": 1}])
@pytest.mark.parametrize("layout", ["NHWC", "NCHW"])
def test_pooling(torch: Any, settings: dict[str, Any], layout: str) -> None:
    x = array(2, 7, 6, 3)
    images = torch.tensor(x.transpose(0, 3, 1, 2))
    fed = x if layout == "NHWC" else np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    strides, padding = settings.get("strides"), settings.get("padding", 0)
    largest = torch.nn.functional.max_pool2d(images, settings["size"], strides, padding).numpy()
    mean = torch.nn.functional.avg_pool2d(
        images, settings["size"], strides, padding, count_include_pad=False
    ).numpy()
    for layer, wanted in (
        (layers.MaxPool2D(**settings, data_layout=layout), largest),
        (layers.AvgPool2D(**settings, data_layout=layout), mean),
    ):
        y, _, _ = run_layer(layer, fed)
        close(y if layout == "NCHW" else y.transpose(0, 3, 1, 2), wanted)


def test_pooling_against_numpy() -> None:
    x = array(2, 4, 6, 3)
    windows = x.reshape(2, 2, 2, 3, 2, 3)
    close(run_layer(layers.MaxPool2D(2), x)[0], windows.max((2, 4)))
    close(run_layer(layers.AvgPool2D(2), x)[0], windows.mean((2, 4)))
    assert run_layer(layers.MaxPool2D(3, 2, "same"), x)[0].shape == (2, 2, 3, 3)


# --- Normalization


@pytest.mark.parametrize("axis, shape", [(-1, (6, 4)), (-1, (3, 5, 4, 2)), (1, (3, 2, 5, 4))])
def test_batch_norm(axis: int, shape: tuple[int, ...]) -> None:
    x = 3 * array(*shape) + 1
    graph = mpsg.Graph()
    source = graph.placeholder([-1, *shape[1:]], name="x")
    layer = layers.BatchNorm(axis, decay=0.8, epsilon=1e-3)
    trained, tested = layer(source, training=True), layer(source)
    assert len(layer.variables) == len(layer.statistics) == len(layer.updates) == 2
    assert trained.shape == tested.shape == (-1, *shape[1:])

    channels = axis % len(shape)
    others = tuple(other for other in range(len(shape)) if other != channels)
    along = tuple(shape[channels] if each == channels else 1 for each in range(len(shape)))
    running_mean, running_variance = np.zeros(along), np.ones(along)
    for _ in range(3):
        results = graph.run({source: x}, [trained], layer.updates)
        mean, variance = x.mean(others, keepdims=True), x.var(others, keepdims=True)
        close(results[trained].numpy(), (x - mean) / np.sqrt(variance + 1e-3))
        running_mean = 0.8 * running_mean + 0.2 * mean
        running_variance = 0.8 * running_variance + 0.2 * variance
    got = [graph.variable_value(each).numpy() for each in layer.statistics]
    close(got[0], running_mean.reshape(-1))
    close(got[1], running_variance.reshape(-1))
    wanted = (x - running_mean) / np.sqrt(running_variance + 1e-3)
    close(graph.run({source: x}, [tested])[tested].numpy(), wanted)


def test_batch_norm_against_torch(torch: Any) -> None:
    x = array(4, 5, 6, 3)
    images = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    other = torch.nn.BatchNorm2d(3, eps=1e-5)
    shown = other(images).permute(0, 2, 3, 1)
    (shown * torch.tensor(ramp(x.shape))).sum().backward()
    y, _, g = run_layer(layers.BatchNorm(), x, training=True)
    close(y, shown.detach().numpy())
    close(g["x"].transpose(0, 3, 1, 2), images.grad.numpy())
    close(g["gamma"], other.weight.grad.numpy())
    close(g["beta"], other.bias.grad.numpy())


@pytest.mark.parametrize("axes", [1, 2])
def test_layer_norm(axes: int) -> None:
    x = 2 * array(3, 4, 5) - 1
    y, v, _ = run_layer(layers.LayerNorm(axes), x)
    last = tuple(range(3 - axes, 3))
    mean, variance = x.mean(last, keepdims=True), x.var(last, keepdims=True)
    close(y, (x - mean) / np.sqrt(variance + 1e-5))
    assert v["gamma"].shape == x.shape[3 - axes :]


def test_layer_norm_against_torch(torch: Any) -> None:
    x = array(6, 8)
    source = torch.tensor(x, requires_grad=True)
    other = torch.nn.LayerNorm(8)
    result = other(source)
    (result * torch.tensor(ramp(x.shape))).sum().backward()
    y, _, g = run_layer(layers.LayerNorm(), x)
    close(y, result.detach().numpy())
    close(g["x"], source.grad.numpy())
    close(g["gamma"], other.weight.grad.numpy())
    close(g["beta"], other.bias.grad.numpy())


# --- Without variables


def test_dropout() -> None:
    x = np.ones((200, 50), np.float32)
    graph = mpsg.Graph()
    graph.seed = 3
    source = graph.placeholder([-1, 50])
    layer = layers.Dropout(0.25)
    assert layer(source) == source and layer.variables == []
    trained = layer(source, training=True)
    first, second = (graph.run({source: x}, [trained])[trained].numpy() for _ in range(2))
    assert set(np.unique(first)) == {np.float32(0), np.float32(1) / np.float32(0.75)}
    assert abs((first == 0).mean() - 0.25) < 0.02
    assert (first != second).any()


def test_flatten() -> None:
    x = array(3, 2, 4, 5)
    y, v, _ = run_layer(layers.Flatten(), x)
    assert v == {}
    close(y, x.reshape(3, 40))
    assert run_layer(layers.Flatten(), array(0, 2, 4), shape=[0, 2, 4])[0].shape == (0, 8)
    assert run_layer(layers.Flatten(), array(3), shape=[3])[0].shape == (3, 1)


# --- Together


def test_sequential_learns() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 2], name="x")
    wanted = graph.placeholder([-1, 1], name="wanted")
    shared = layers.Dense(16, "tanh", name="shared")
    model = layers.Sequential(
        [layers.Dense(16, "tanh"), shared, shared, layers.LayerNorm(), layers.Dropout(0.1)]
        + [layers.BatchNorm(), layers.Dense(1), lambda y: y * 2.0]
    )
    trained, tested = model(x, training=True), model(x)
    assert len(model.variables) == 2 + 2 + 2 + 2 + 2
    assert len(model.statistics) == len(model.updates) == 2
    loss = graph.mean(graph.square(trained - wanted))
    updates = optimizers.Adam(0.01).minimize(loss, model.variables) + model.updates
    points = array(256, 2)
    target = points[:, :1] * points[:, 1:]
    for _ in range(300):
        graph.run({x: points, wanted: target}, [loss], updates)
    error = graph.run({x: points}, [tested])[tested].numpy() - target
    assert (error**2).mean() < 0.15 * (target**2).mean()


def test_seeds() -> None:
    def weights(seed: int, before: int = 0) -> np.ndarray:
        graph = mpsg.Graph()
        for _ in range(before):
            graph.variable(0.0)
        return graph_values(layers.Dense(20, seed=seed), graph, 30)

    def graph_values(layer: layers.Layer, graph: mpsg.Graph, size: int) -> np.ndarray:
        layer(graph.placeholder([-1, size]))
        return graph.variable_value(layer.variables[0]).numpy()

    assert np.array_equal(weights(5), weights(5))
    assert not np.array_equal(weights(5), weights(6))
    assert not np.array_equal(weights(5), weights(5, before=1))


def test_first_values() -> None:
    he = layers.he_uniform((1000, 50), 1000, 7)
    glorot = layers.glorot_uniform((1000, 50), 1000, 50, 7)
    assert he.dtype == glorot.dtype == np.float32
    assert abs(he.var() * 1000 / 2 - 1) < 0.02 and abs(he.mean()) < 0.001
    assert abs(glorot.var() * 1050 / 2 - 1) < 0.02
    # The same everywhere: these bits come from the integers of PCG64 alone.
    assert layers.he_uniform((2,), 6, 0).tobytes().hex() == HE_BITS
    x = mpsg.Graph().placeholder([-1, 2])
    layer = layers.Dense(2, initial=np.eye(2))
    layer(x)
    assert np.array_equal(x.graph.variable_value(layer.variables[0]).numpy(), np.eye(2))
    layer = layers.Dense(3, initial=lambda shape: np.full(shape, 2.0))
    layer(x)
    assert (x.graph.variable_value(layer.variables[0]).numpy() == 2).all()


@pytest.mark.parametrize("data_type", ["float16", "bfloat16", "float64"])
def test_variables_take_the_type_of_the_tensor(data_type: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3], data_type)
    layer = layers.Sequential([layers.Dense(4, "relu"), layers.BatchNorm(), layers.LayerNorm()])
    assert layer(x, training=True).data_type == mpsg.data_type(data_type)
    assert {each.data_type.name for each in layer.variables + layer.statistics} == {data_type}


# --- Mistakes


@pytest.mark.parametrize(
    "make, error, words",
    [
        (lambda: layers.Dense(0), ValueError, "units must be at least 1"),
        (lambda: layers.Dense(2.5), TypeError, "units must be an integer"),
        (lambda: layers.Dense(2, "rely"), ValueError, "no activation 'rely'"),
        (lambda: layers.Dense(2, 3), TypeError, "activation must be"),
        (lambda: layers.Dense(2, initial="zeros"), ValueError, "initial must be"),
        (lambda: layers.Dense(2, initial=3), TypeError, "initial must be"),
        (lambda: layers.Dense(2, seed=-1), ValueError, "seed"),
        (lambda: layers.Dense(2, name=""), TypeError, "name must be"),
        (lambda: layers.Conv2D(3, 3, groups=2), ValueError, "equal groups"),
        (lambda: layers.Conv2D(3, (3, 3, 3)), ValueError, "kernel_size must be one integer or two"),
        (lambda: layers.Conv2D(3, 3, padding="full"), ValueError, "padding must be"),
        (lambda: layers.Conv2D(3, 3, padding=-1), ValueError, "padding must be at least 0"),
        (lambda: layers.Conv2D(3, 3, padding=(1, 2, 3)), ValueError, "padding must be"),
        (lambda: layers.Conv2D(3, 3, data_layout="HWIO"), ValueError, "data_layout must be"),
        (lambda: layers.MaxPool2D("2"), TypeError, "size must be an integer"),
        (lambda: layers.BatchNorm(decay=1), ValueError, "decay"),
        (lambda: layers.LayerNorm(0), ValueError, "axes"),
        (lambda: layers.Dropout(1.0), ValueError, "rate"),
        (lambda: layers.Sequential([3]), TypeError, "a layer must be a function"),
        (lambda: layers.he_uniform((2,), 0, 0), ValueError, "fan_in"),
    ],
)
def test_bad_settings(make: Callable[[], Any], error: type, words: str) -> None:
    with pytest.raises(error, match=words):
        make()


def test_bad_calls() -> None:
    graph, other = mpsg.Graph(), mpsg.Graph()
    rows = graph.placeholder([-1, 3], name="rows")
    used = layers.Dense(2)
    used(rows)
    for call, error, words in [
        (lambda: used(np.ones((2, 3))), TypeError, "applied to a tensor"),
        (lambda: used(other.placeholder([-1, 3])), mpsg.GraphError, "another graph"),
        (lambda: used(graph.placeholder([-1, 4])), mpsg.GraphError, "made for 3 features"),
        (lambda: used(graph.placeholder([3])), mpsg.GraphError, "rank of at least 2"),
        (lambda: used(graph.placeholder([-1, -1])), mpsg.GraphError, "must know the size"),
        (lambda: used(graph.placeholder(None)), mpsg.GraphError, "known rank"),
        (lambda: used(graph.placeholder([2, 3], "int32")), mpsg.GraphError, "floating-point"),
        (lambda: layers.Conv2D(2, 3)(rows), mpsg.GraphError, "rank 4"),
        (lambda: layers.MaxPool2D(2)(rows), mpsg.GraphError, "rank 4"),
        (lambda: layers.BatchNorm(5)(rows), mpsg.GraphError, "no axis 5"),
        (lambda: layers.LayerNorm(3)(rows), mpsg.GraphError, "normalizes 3 axes"),
        (lambda: layers.LayerNorm(2)(rows), mpsg.GraphError, "must know the sizes"),
        (
            lambda: layers.Flatten()(graph.placeholder([2, -1, 3])),
            mpsg.GraphError,
            "all sizes but the first",
        ),
        (
            lambda: layers.Conv2D(4, 3, groups=2)(graph.placeholder([1, 8, 8, 3])),
            mpsg.GraphError,
            "2 groups",
        ),
        (
            lambda: layers.Dense(2, initial=np.ones((2, 2)))(rows),
            ValueError,
            "the weights have shape",
        ),
    ]:
        with pytest.raises(error, match=words):
            call()
    # The mistakes have not spoiled the layer.
    assert used(rows).shape == (-1, 2)
