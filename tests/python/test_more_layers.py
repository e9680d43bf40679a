"""Conv2DTranspose, Embedding, LSTM and leaky_relu: values and gradients against PyTorch's."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mpsg
from mpsg import layers
from support.layers import array, close, ramp, run_layer


@pytest.fixture
def torch() -> Any:
    return pytest.importorskip("torch", reason="PyTorch is not installed: not compared with it")


TRANSPOSED: list[dict[str, Any]] = [
    {"kernel_size": 3, "padding": "valid"},
    {"kernel_size": (5, 4), "padding": "valid", "strides": 2},
    {"kernel_size": 5, "padding": 2, "strides": 2, "output_padding": 1},
    {"kernel_size": 3, "padding": (1, 0), "strides": (2, 3), "output_padding": (0, 2)},
    {"kernel_size": 3, "padding": 1, "dilation": (2, 1)},
    {"kernel_size": 3, "padding": 1, "groups": 2, "strides": 2},
    {"kernel_size": 2, "padding": "valid", "strides": 2, "use_bias": False},
]


@pytest.mark.parametrize("layouts", [("NHWC", "HWIO"), ("NCHW", "OIHW"), ("NHWC", "OIHW")])
@pytest.mark.parametrize("settings", TRANSPOSED)
def test_conv2d_transpose(torch: Any, settings: dict[str, Any], layouts: tuple[str, str]) -> None:
    x = array(3, 5, 4, 4)
    images = torch.tensor(x.transpose(0, 3, 1, 2), requires_grad=True)
    first, fed = layouts[0] == "NCHW", x
    if first:
        fed = np.ascontiguousarray(x.transpose(0, 3, 1, 2))
    layer = layers.Conv2DTranspose(6, data_layout=layouts[0], weights_layout=layouts[1], **settings)
    y, v, g = run_layer(layer, fed)

    hwio = layouts[1] == "HWIO"
    oihw = v["weights"].transpose(3, 2, 0, 1) if hwio else v["weights"]
    weights = torch.tensor(np.ascontiguousarray(oihw), requires_grad=True)
    bias = torch.tensor(v["bias"], requires_grad=True) if "bias" in v else None
    padding = settings["padding"]
    wanted = torch.nn.functional.conv_transpose2d(
        images,
        weights,
        bias,
        settings.get("strides", 1),
        0 if padding == "valid" else padding,
        settings.get("output_padding", 0),
        settings.get("groups", 1),
        settings.get("dilation", 1),
    )
    shown = wanted if first else wanted.permute(0, 2, 3, 1)
    close(y, shown.detach().numpy())
    (shown * torch.tensor(ramp(tuple(shown.shape)))).sum().backward()
    close(g["x"] if first else g["x"].transpose(0, 3, 1, 2), images.grad.numpy())
    got = g["weights"].transpose(3, 2, 0, 1) if hwio else g["weights"]
    close(got, weights.grad.numpy())
    if bias is not None:
        close(g["bias"], bias.grad.numpy())


@pytest.mark.parametrize("strides", [1, 2, (3, 2)])
def test_conv2d_transpose_same(torch: Any, strides: Any) -> None:
    """The opposite of TensorFlow's SAME, whose odd element of padding is at the end: the whole
    transposed convolution, cropped.
    """
    x = array(2, 4, 5, 3)
    layer = layers.Conv2DTranspose(2, 5, strides, activation="tanh")
    y, v, _ = run_layer(layer, x)
    steps = strides if isinstance(strides, tuple) else (strides, strides)
    whole = torch.nn.functional.conv_transpose2d(
        torch.tensor(x.transpose(0, 3, 1, 2)),
        torch.tensor(np.ascontiguousarray(v["weights"].transpose(3, 2, 0, 1))),
        None,
        steps,
    ).numpy()
    at = [max(5 - step, 0) // 2 for step in steps]
    high, wide = 4 * steps[0], 5 * steps[1]
    cropped = whole[:, :, at[0] : at[0] + high, at[1] : at[1] + wide]
    close(y, np.tanh(cropped.transpose(0, 2, 3, 1)))


def test_conv2d_transpose_shapes() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 7, 7, 8])
    layer = layers.Conv2DTranspose(4, 5, 2)
    assert layer(x).shape == (-1, 14, 14, 4)
    assert [variable.shape for variable in layer.variables] == [(5, 5, 4, 8), (4,)]
    assert layers.Conv2DTranspose(4, 3, padding="valid")(layer(x)).shape == (-1, 16, 16, 4)


@pytest.mark.parametrize(
    "error, settings",
    [
        (ValueError, {"filters": 3, "kernel_size": 3, "groups": 2}),
        (ValueError, {"filters": 0, "kernel_size": 3}),
        (ValueError, {"filters": 2, "kernel_size": 3, "strides": 2, "output_padding": 2}),
        (ValueError, {"filters": 2, "kernel_size": 3, "data_layout": "OIHW"}),
        (TypeError, {"filters": 2, "kernel_size": 1.5}),
    ],
)
def test_conv2d_transpose_refuses(error: type[Exception], settings: dict[str, Any]) -> None:
    with pytest.raises(error):
        layers.Conv2DTranspose(**settings)


@pytest.mark.parametrize("shape", [[-1, -1, 4, 3], [2, 4, 3], [2, 4, 4, -1]])
def test_conv2d_transpose_refuses_shapes(shape: list[int]) -> None:
    graph = mpsg.Graph()
    with pytest.raises(mpsg.GraphError):
        layers.Conv2DTranspose(4, 3)(graph.placeholder(shape))


# --- Embedding


@pytest.mark.parametrize("shape", [(7,), (2, 5), (0, 3)])
@pytest.mark.parametrize("integer", [np.int32, np.int64, np.uint8])
def test_embedding(torch: Any, shape: tuple[int, ...], integer: Any) -> None:
    graph = mpsg.Graph()
    indices = np.random.default_rng(1).integers(0, 6, shape).astype(integer)
    x = graph.placeholder([-1, *shape[1:]], integer)
    layer = layers.Embedding(6, 4)
    y = layer(x)
    assert y.shape == (-1, *shape[1:], 4)
    weights = layer.variables[0]
    value = graph.run({x: indices}, [y])[y].numpy()
    gradient = graph.gradients(graph.reduction_sum(y * ramp(value.shape)), [weights])[weights]
    got = graph.run({x: indices}, [gradient])[gradient].numpy()

    table = torch.tensor(graph.variable_value(weights).numpy(), requires_grad=True)
    wanted = torch.nn.functional.embedding(torch.tensor(indices.astype(np.int64)), table)
    np.testing.assert_array_equal(value, wanted.detach().numpy())
    (wanted * torch.tensor(ramp(value.shape))).sum().backward()
    close(got, table.grad.numpy())


def test_embedding_out_of_range_and_types() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.int32)
    layer = layers.Embedding(2, 3, data_type=mpsg.float64, initial=np.ones((2, 3)))
    y = layer(x)
    got = graph.run({x: np.array([-1, 1, 2], np.int32)}, [y])[y].numpy()
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, [[0] * 3, [1] * 3, [0] * 3])
    table = graph.variable_value(layers_first(graph, layers.Embedding(100, 50), x)).numpy()
    assert np.abs(table).max() <= 0.05 < np.abs(table).max() * 1.01
    with pytest.raises(mpsg.GraphError, match="integer"):
        layer(graph.placeholder([3]))
    with pytest.raises(TypeError):
        layers.Embedding(2, 3, data_type=mpsg.int32)
    with pytest.raises(ValueError, match="units"):
        layers.Embedding(2, 0)


def layers_first(graph: mpsg.Graph, layer: layers.Layer, x: mpsg.Tensor) -> mpsg.Tensor:
    layer(x)
    return layer.variables[0]


# --- LSTM


def torch_lstm(torch: Any, v: dict[str, np.ndarray]) -> Any:
    units = v["recurrent_weights"].shape[0]
    lstm = torch.nn.LSTM(v["weights"].shape[0], units, batch_first=True)
    with torch.no_grad():
        lstm.weight_ih_l0.copy_(torch.tensor(np.ascontiguousarray(v["weights"].T)))
        lstm.weight_hh_l0.copy_(torch.tensor(np.ascontiguousarray(v["recurrent_weights"].T)))
        lstm.bias_ih_l0.copy_(torch.tensor(v["bias"]))
        lstm.bias_hh_l0.zero_()
    return lstm


@pytest.mark.parametrize("shape", [(3, 5, 4), (1, 1, 2), (2, 7, 1)])
@pytest.mark.parametrize("open_batch", [True, False])
def test_lstm(torch: Any, shape: tuple[int, ...], open_batch: bool) -> None:
    x = array(*shape)
    layer = layers.LSTM(6)
    y, v, g = run_layer(layer, x, shape=None if open_batch else shape)
    np.testing.assert_array_equal(v["bias"], [0] * 6 + [1] * 6 + [0] * 12)
    lstm = torch_lstm(torch, v)
    source = torch.tensor(x, requires_grad=True)
    wanted, _ = lstm(source)
    close(y, wanted.detach().numpy())
    (wanted * torch.tensor(ramp(y.shape))).sum().backward()
    close(g["x"], source.grad.numpy())
    close(g["weights"], lstm.weight_ih_l0.grad.numpy().T)
    close(g["recurrent_weights"], lstm.weight_hh_l0.grad.numpy().T)
    close(g["bias"], lstm.bias_ih_l0.grad.numpy())


def test_lstm_step_in_a_loop(torch: Any) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2, 3])
    layer = layers.LSTM(4)
    state = layer.zero_state(x)

    def body(_: mpsg.Tensor, now: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        return list(layer.step(x, (now[0], now[1])))

    hidden, cell = graph.for_loop(list(state), body, number_of_iterations=5)
    total = graph.reduction_sum(hidden * cell)
    names = {variable.name.split("/")[1]: variable for variable in layer.variables}
    found = graph.gradients(total, [x, names["weights"]])
    fed = array(2, 3)
    results = graph.run({x: fed}, [hidden, cell, found[x], found[names["weights"]]])

    v = {name: graph.variable_value(variable).numpy() for name, variable in names.items()}
    lstm = torch_lstm(torch, v)
    source = torch.tensor(fed, requires_grad=True)
    _, (last, memory) = lstm(source[:, None].expand(2, 5, 3))
    close(results[hidden].numpy(), last[0].detach().numpy())
    close(results[cell].numpy(), memory[0].detach().numpy())
    (last * memory).sum().backward()
    close(results[found[x]].numpy(), source.grad.numpy())
    close(results[found[names["weights"]]].numpy(), lstm.weight_ih_l0.grad.numpy().T)


def test_lstm_refuses() -> None:
    graph = mpsg.Graph()
    layer = layers.LSTM(4)
    for shape in ([2, 3], [2, -1, 3], [2, 3, -1]):
        with pytest.raises(mpsg.GraphError):
            layer(graph.placeholder(shape))
    x = graph.placeholder([2, 3])
    state = layer.zero_state(x)
    assert layer.step(x, state)[0].shape == (2, 4)
    with pytest.raises(mpsg.GraphError, match="3 features"):
        layer.step(graph.placeholder([2, 5]), state)
    with pytest.raises(mpsg.GraphError, match="another graph"):
        layer.step(mpsg.Graph().placeholder([2, 3]), state)
    with pytest.raises(ValueError, match="units"):
        layers.LSTM(0)


# --- leaky_relu


def test_leaky_relu() -> None:
    x = array(5, 6)
    y, v, _ = run_layer(layers.Dense(4, layers.leaky_relu(0.3)), x)
    sums = x @ v["weights"]
    close(y, np.where(sums > 0, sums, 0.3 * sums))
    assert np.abs(v["weights"]).max() > np.sqrt(6 / 10)  # He's limit is 1, Glorot's sqrt(6 / 10)
    with pytest.raises(TypeError):
        layers.leaky_relu("0.3")  # type: ignore[arg-type]
