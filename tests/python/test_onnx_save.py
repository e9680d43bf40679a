"""Graphs that are saved as ONNX models: ONNX Runtime gives the same, and so does what is loaded."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg
import mpsg.onnx
from mpsg import Graph, Tensor
from mpsg.commands._digits_network import build as build_digits
from support.compare import assert_same_bits
from support.numbers import random_generator

RUN_TIME = pytest.mark.peers  # what asks ONNX Runtime


def numbers(*shape: int, key: object = 0) -> np.ndarray:
    return random_generator(shape, key).standard_normal(shape).astype(np.float32)


def check(
    graph: Graph, inputs: dict[str, Tensor], outputs: dict[str, Tensor], feeds: dict[str, Any]
) -> None:
    """ours = ONNX Runtime's within roundings; ours = what is loaded again, on the same device."""
    import onnxruntime

    model = mpsg.onnx.save(graph, inputs, outputs)
    placeholders = {tensor: feeds[name] for name, tensor in inputs.items()}
    ours = graph.run(placeholders, list(outputs.values()), device="reference")
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    theirs = dict(zip(outputs, session.run(list(outputs), feeds), strict=True))
    again = mpsg.onnx.load(model).run(feeds, device="reference")
    for name, tensor in outputs.items():
        mine = ours[tensor].numpy()
        for what, other in (("ONNX Runtime", theirs[name]), ("loaded", again[name])):
            assert mine.dtype == other.dtype, f"{name}, {what}"
            assert mine.shape == other.shape, f"{name}, {what}"
            if mine.dtype.kind in "biu":
                assert_same_bits(other, mine, f"{name}, {what}")
                continue
            # float32 sums of some thousand terms in another order, functions of some ULP.
            scale = float(np.max(np.abs(mine), initial=0.0, where=np.isfinite(mine)))
            np.testing.assert_allclose(
                other, mine, rtol=2e-5, atol=2e-6 * scale, err_msg=f"{name}, {what}"
            )


# --- Networks


@RUN_TIME
def test_digits_network() -> None:
    network = build_digits(0.1, 1)
    random = random_generator("digits")
    for batch in (1, 5):  # the batch stays open
        images = random.random((batch, 28, 28, 1)).astype(np.float32)
        labels = np.eye(10, dtype=np.float32)[random.integers(0, 10, batch)]
        check(
            network.graph,
            {"images": network.images, "labels": network.labels},
            {"loss": network.loss, "classes": network.classes},
            {"images": images, "labels": labels},
        )


def test_trained_variables_are_saved() -> None:
    graph = Graph()
    x = graph.placeholder([2], name="x")
    w = graph.variable(np.ones(2, np.float32), name="w")
    y = x * w
    graph.run({}, [], [graph.assign(w, w + 2.0)])
    again = mpsg.onnx.load(mpsg.onnx.save(graph, {"x": x}, {"y": y}))
    assert again.run({"x": [1.0, 2.0]})["y"].tolist() == [3.0, 6.0]


@RUN_TIME
@pytest.mark.parametrize("options", [{}, {"reverse": True}, {"bidirectional": True}], ids=str)
@pytest.mark.parametrize("kind", ["lstm", "gru", "rnn"])
def test_recurrent_layers(kind: str, options: dict[str, bool]) -> None:
    graph, size, features, batch = Graph(), 5, 6, 3
    gates = {"lstm": 4, "gru": 3, "rnn": 1}[kind]
    count = 2 if options.get("bidirectional") else 1
    x = graph.placeholder([-1, batch, features], name="x")
    recurrent = numbers(*([2] if count == 2 else []), gates * size, size, key="r")
    operands: dict[str, Any] = {
        "input_weight": graph.variable(numbers(count * gates * size, features, key="w")),
        "bias": graph.variable(numbers(count * gates * size, key="b")),
        "init_state": graph.variable(numbers(batch, count * size, key="h")),
    }
    if kind == "lstm":
        operands["init_cell"] = graph.variable(numbers(batch, count * size, key="c"))
        row, descriptor = graph.lstm, mpsg.LSTMDescriptor(**options)
    elif kind == "gru":
        operands["secondary_bias"] = graph.variable(numbers(count * size, key="s"))
        row, descriptor = graph.gru, mpsg.GRUDescriptor(reset_after=True, **options)
    else:
        row, descriptor = graph.single_gate_rnn, mpsg.SingleGateRNNDescriptor(**options)
    y = row(x, graph.variable(recurrent), descriptor, **operands)[0]
    check(graph, {"x": x}, {"y": y}, {"x": numbers(7, batch, features)})


def transformer_block(graph: Graph, x: Tensor) -> Tensor:
    """Attention of 4 heads and two dense layers, each after a layer normalization."""

    def weights(*shape: int) -> Tensor:
        return graph.variable(numbers(*shape, key=len(graph.operations)) * np.float32(0.3))

    def normalized(tensor: Tensor) -> Tensor:
        mean = graph.mean(tensor, -1)
        variance = graph.variance(tensor, -1)
        return graph.normalization(tensor, mean, variance, weights(16), weights(16), 1e-5)

    def heads(tensor: Tensor) -> Tensor:
        return graph.transpose(graph.reshape(tensor, [-1, 6, 4, 4]), 1, 2)

    query, key, value = (heads(normalized(x) @ weights(16, 16)) for _ in range(3))
    mask = graph.constant(np.triu(np.full((6, 6), -np.inf, np.float32), 1))
    attended = graph.scaled_dot_product_attention(query, key, value, 0.5, mask=mask)
    x = x + graph.reshape(graph.transpose(attended, 1, 2), [-1, 6, 16]) @ weights(16, 16)
    inner = normalized(x) @ weights(16, 32)
    gelu = inner * 0.5 * (graph.erf(inner * float(np.sqrt(0.5))) + 1.0)
    return x + gelu @ weights(32, 16)


@RUN_TIME
def test_transformer_block() -> None:
    graph = Graph()
    x = graph.placeholder([-1, 6, 16], name="x")
    y = transformer_block(graph, x)
    for batch in (1, 3):
        check(graph, {"x": x}, {"y": y}, {"x": numbers(batch, 6, 16)})


@RUN_TIME
def test_convolutions() -> None:
    graph = Graph()
    x = graph.placeholder([-1, 4, 9, 8], name="x")
    same = mpsg.Convolution2DOpDescriptor(
        stride_in_x=2, groups=2, padding_style=mpsg.PaddingStyle.ONNX_SAME_LOWER
    )
    spread = mpsg.Convolution2DOpDescriptor(stride_in_x=2, stride_in_y=3, padding_left=1)
    pool = mpsg.Pooling2DOpDescriptor(
        kernel_width=3, kernel_height=2, stride_in_x=2, padding_left=1, padding_bottom=1
    )
    weights = graph.variable(numbers(6, 2, 3, 3))
    outputs = {
        "convolved": graph.convolution_2d(x, weights, same),
        "transposed": graph.convolution_transpose_2d(
            x, graph.variable(numbers(4, 5, 3, 2, key=1)), [2, 5, 28, 16], spread
        ),
        "depthwise": graph.depthwise_convolution_2d(
            x,
            graph.variable(numbers(2, 4, 3, 3, key=2)),
            mpsg.DepthwiseConvolution2DOpDescriptor(),
        ),
        "largest": graph.max_pooling_2d(x, pool),
        "mean": graph.avg_pooling_2d(x, pool),
    }
    check(graph, {"x": x}, outputs, {"x": numbers(2, 4, 9, 8)})


# --- Rows one by one: each from x, float32 (3, 4), and i, int32 (3, 4)

Build = Callable[[Graph, Tensor, Tensor], Tensor]
UNARY = """absolute asinh atan ceil cos cosh erf exponent exponent_base2 exponent_base10 floor
    identity is_finite is_infinite is_nan negative reciprocal relu rint round sigmoid sign sin sinh
    square tan tanh truncate""".split()
POSITIVE = """logarithm logarithm_base2 logarithm_base10 square_root reciprocal_square_root
    reverse_square_root""".split()
BINARY = """addition subtraction multiplication division division_no_nan maximum minimum
    maximum_with_nan_propagation minimum_with_nan_propagation modulo floor_modulo equal not_equal
    less_than less_than_or_equal_to greater_than greater_than_or_equal_to""".split()
LOGICAL = "logical_and logical_nand logical_nor logical_or logical_xnor logical_xor".split()
REDUCTIONS = """reduction_sum reduction_product reduction_maximum reduction_minimum mean
    variance""".split()
GRAPHS: dict[str, Build] = {
    **{name: lambda g, x, i, name=name: getattr(g, name)(x) for name in UNARY},
    **{name: lambda g, x, i, name=name: getattr(g, name)(g.absolute(x)) for name in POSITIVE},
    **{name: lambda g, x, i, name=name: getattr(g, name)(x, g.reverse(x, 0)) for name in BINARY},
    **{
        name: lambda g, x, i, name=name: getattr(g, name)(x > 0.0, g.equal(i, 1))
        for name in LOGICAL
    },
    **{name: lambda g, x, i, name=name: getattr(g, name)(x, [1]) for name in REDUCTIONS},
    "acos": lambda g, x, i: g.acos(g.tanh(x)),
    "arg_sort": lambda g, x, i: g.arg_sort(x, 1),
    "asin": lambda g, x, i: g.asin(g.tanh(x)),
    "atanh": lambda g, x, i: g.atanh(g.tanh(x) * 0.5),
    "band_part": lambda g, x, i: g.band_part(x, 1, 0),
    "bitwise_not": lambda g, x, i: g.bitwise_not(i),
    "bitwise_or": lambda g, x, i: g.bitwise_or(i, g.reverse(i)),
    "bottom_k": lambda g, x, i: g.bottom_k(x, 2)[1],
    "broadcast": lambda g, x, i: g.broadcast(x, [2, 3, 4]),
    "cast": lambda g, x, i: g.cast(x * 100.0, mpsg.int32),
    "clamp": lambda g, x, i: g.clamp(x, -0.5, 0.5),
    "concat": lambda g, x, i: g.concat([x, g.reverse(x, 1)], 1),
    "coordinate_along_axis": lambda g, x, i: g.coordinate_along_axis(-1, g.shape_of(x)) + i,
    "cumulative_sum": lambda g, x, i: g.cumulative_sum(x, 1, exclusive=True, reverse=True),
    "expand_dims": lambda g, x, i: g.expand_dims(x, [0, -1]),
    "flatten_2d": lambda g, x, i: g.flatten_2d(g.expand_dims(x, 0), 2),
    "for_loop": lambda g, x, i: g.for_loop(
        [x], lambda k, a: [a[0] * 0.5 + g.cast(k, mpsg.float32)], number_of_iterations=4
    )[0],
    "for_loop, steps": lambda g, x, i: g.for_loop(
        [x],
        lambda k, a: [a[0] + g.cast(k, mpsg.float32)],
        lower_bound=1,
        upper_bound=8,
        step=3,
    )[0],
    "gather": lambda g, x, i: g.gather(x, i, 1),
    "gather_along_axis": lambda g, x, i: g.gather_along_axis(x, i, 0),
    "gather_nd": lambda g, x, i: g.gather_nd(x, g.stack([i, i], -1)),
    "if_else": lambda g, x, i: g.if_else(
        g.reshape(g.reduction_sum(x) > 0.0, []), lambda: [x * 2.0], lambda: [x]
    )[0],
    "integer arithmetic": lambda g, x, i: g.floor_modulo(i * 7 - 9, i + 1) - i // (i + 1),
    "leaky_relu": lambda g, x, i: g.leaky_relu(x, 0.1),
    "one_hot": lambda g, x, i: g.one_hot(i - 1, 3),
    "pad": lambda g, x, i: g.pad(x, mpsg.PaddingMode.CONSTANT, [1, 0], [0, 2], 3.0),
    "pad, reflect": lambda g, x, i: g.pad(x, mpsg.PaddingMode.REFLECT, [1, 0], [0, 2]),
    "permute": lambda g, x, i: g.permute(x, [1, 0]),
    "power": lambda g, x, i: g.power(g.absolute(x), g.reverse(x)),
    "reduction_and": lambda g, x, i: g.reduction_and(x > -1.0, 0),
    "reduction_arg_maximum": lambda g, x, i: g.reduction_arg_maximum(x, 1),
    "reduction_arg_minimum": lambda g, x, i: g.reduction_arg_minimum(x, 0),
    "reduction_or": lambda g, x, i: g.reduction_or(x > 1.0, 1),
    "reduction_sum, all": lambda g, x, i: g.reduction_sum(x),
    "reshape": lambda g, x, i: g.reshape(x, [2, -1]),
    "reshape, computed": lambda g, x, i: g.reshape(x, g.reverse(g.shape_of(x))),
    "scatter": lambda g, x, i: g.scatter(
        x, np.array([4, 0, 4], np.int32), [5, 4], 0, mpsg.ScatterMode.ADD
    ),
    "scatter_along_axis": lambda g, x, i: g.scatter_along_axis(
        x, i, 1, mode=mpsg.ScatterMode.MAX, data=x
    ),
    "scatter_nd": lambda g, x, i: g.scatter_nd(
        x[:, 0], np.array([[0, 1], [1, 1], [2, 3]], np.int32), [3, 4]
    ),
    "select": lambda g, x, i: g.select(x > 0.0, x, g.reverse(x)),
    "slice": lambda g, x, i: x[::2, -1:0:-1],
    "slice, squeezed": lambda g, x, i: x[1, 1:],
    "softmax": lambda g, x, i: g.softmax(x, 0),
    "softmax_cross_entropy": lambda g, x, i: g.softmax_cross_entropy(
        x, g.softmax(x, 1), 1, mpsg.LossReductionType.SUM
    ),
    "sort": lambda g, x, i: g.sort(x, 0, descending=True),
    "split": lambda g, x, i: g.split(x, [1, 3], axis=1)[1],
    "squeeze": lambda g, x, i: g.squeeze(x[0:1], 0),
    "stack": lambda g, x, i: g.stack([x, x * 2.0], 1),
    "tile": lambda g, x, i: g.tile(x, [2, 3]),
    "top_k": lambda g, x, i: g.top_k(x, 2, axis=0)[0],
    "transpose": lambda g, x, i: g.transpose(x, 0, 1),
    "while_loop": lambda g, x, i: g.while_loop(
        [x],
        lambda a: (g.reshape(g.reduction_maximum(a[0]) < 100.0, []), [a[0]]),
        lambda a: [a[0] * 2.0 + 1.0],
    )[0],
}


@RUN_TIME
@pytest.mark.parametrize("name", GRAPHS)
def test_row(name: str) -> None:
    graph = Graph()
    x = graph.placeholder([3, 4], name="x")
    i = graph.placeholder([3, 4], mpsg.int32, name="i")
    y = GRAPHS[name](graph, x, i)
    feeds = {"x": numbers(3, 4), "i": random_generator("i").integers(0, 3, (3, 4), np.int32)}
    check(graph, {"x": x, "i": i}, {"y": y}, feeds)


# --- Mistakes, files


def test_row_without_counterpart() -> None:
    graph = Graph()
    x = graph.placeholder([3], name="x")
    y = graph.signbit(x)
    with pytest.raises(mpsg.GraphError, match="signbit 'signbit_1': this row has no counterpart"):
        mpsg.onnx.save(graph, {"x": x}, {"y": y})


def test_missing_input() -> None:
    graph = Graph()
    x = graph.placeholder([3], name="x")
    with pytest.raises(mpsg.GraphError, match="placeholder 'x': .*not among the inputs"):
        mpsg.onnx.save(graph, {}, {"y": x + 1.0})


def test_file(tmp_path: Path) -> None:
    graph = Graph()
    x = graph.placeholder([-1, 2], name="x")
    path = tmp_path / "model.onnx"
    mpsg.onnx.save(graph, {"values": x}, {"doubled": x * 2.0, "same": x}, path)
    model = mpsg.onnx.load(path)
    assert model.inputs["values"].shape == (-1, 2)
    results = model.run({"values": [[1.0, 2.0]]})
    assert results["doubled"].tolist() == [[2.0, 4.0]]
    assert results["same"].tolist() == [[1.0, 2.0]]


def test_without_the_package() -> None:
    program = "import sys; sys.modules['onnx'] = None; import mpsg; mpsg.onnx"
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert 'pip install "mpsg[onnx]"' in ended.stderr
