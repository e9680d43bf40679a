"""Products, convolutions, poolings, normalizations, recurrent layers, losses, as ONNX nodes."""

from __future__ import annotations

from typing import Any

import numpy as np

from mpsg.onnx._export_record import Step, Value
from mpsg.onnx._export_writer import Export, Writer

_AUTO_PAD = {
    "TF_VALID": "VALID",
    "TF_SAME": "SAME_UPPER",
    "ONNX_SAME_LOWER": "SAME_LOWER",
}


def swapped(w: Writer, name: str, rank: int) -> str:
    """The last two axes exchanged."""
    return w.permuted(name, [*range(rank - 2), rank - 1, rank - 2])


def matmul(w: Writer, step: Step) -> str:
    factors = []
    for operand in ("primary", "secondary"):
        value = step[operand]
        turned = step.attributes.get(f"transpose_{operand}", False)
        factors.append(swapped(w, value.name, value.rank) if turned else value.name)
    return w.node("MatMul", *factors)


def attention(w: Writer, step: Step) -> str:
    query, key = step["query"], step["key"]
    if step.has("sinks") or step.attributes.get("is_causal"):
        step.fail("its sinks and is_causal are not written; give a mask instead")
    scores = w.node("MatMul", query.name, swapped(w, key.name, key.rank))
    scores = w.node("Mul", scores, w.number(query, step.attributes["scale"]))
    if step.has("mask"):
        scores = w.node("Add", scores, step["mask"].name)
    return w.node("MatMul", w.node("Softmax", scores, axis=-1), step["value"].name)


# --- Windows


def window(step: Step) -> dict[str, Any]:
    """The attributes of a 2D window."""
    given = step.attributes
    sides = ("top", "left", "bottom", "right")
    found: dict[str, Any] = {
        "strides": [given["stride_in_y"], given["stride_in_x"]],
        "dilations": [given["dilation_rate_in_y"], given["dilation_rate_in_x"]],
    }
    style = given["padding_style"]
    if style == "EXPLICIT":
        found["pads"] = [given[f"padding_{side}"] for side in sides]
    elif style in _AUTO_PAD:
        found["auto_pad"] = _AUTO_PAD[style]
    else:
        step.fail(f"ONNX has no padding style {style}")
    return found


_TO_NCHW = {"NCHW": [0, 1, 2, 3], "NHWC": [0, 3, 1, 2]}
_FROM_NCHW = {"NCHW": [0, 1, 2, 3], "NHWC": [0, 2, 3, 1]}
_TO_OIHW = {"OIHW": [0, 1, 2, 3], "HWIO": [3, 2, 0, 1]}


def convolution(w: Writer, step: Step) -> str:
    layout = step.attributes["data_layout"]
    x = w.permuted(step["source"].name, _TO_NCHW[layout])
    weights = w.permuted(step["weights"].name, _TO_OIHW[step.attributes["weights_layout"]])
    found = w.node("Conv", x, weights, group=step.attributes["groups"], **window(step))
    return w.permuted(found, _FROM_NCHW[layout])


def depthwise(w: Writer, step: Step) -> str:
    """Weights (multiplier, C, kH, kW) as those of a convolution with C groups."""
    layout = step.attributes["data_layout"]
    x = w.permuted(step["source"].name, _TO_NCHW[layout])
    weights = w.permuted(step["weights"].name, _TO_OIHW[step.attributes["weights_layout"]])
    channels = (step["source"].shape or [-1] * 4)[1 if layout == "NCHW" else 3]
    shape = step["weights"].shape or []
    if channels < 0 or -1 in shape or not shape:
        step.fail("the number of channels is not known")
    oihw = [shape[i] for i in _TO_OIHW[step.attributes["weights_layout"]]]
    grouped = w.node("Transpose", weights, perm=[1, 0, 2, 3])
    grouped = w.node("Reshape", grouped, w.integers([oihw[0] * channels, 1, *oihw[2:]]))
    found = w.node("Conv", x, grouped, group=channels, **window(step))
    return w.permuted(found, _FROM_NCHW[layout])


def transposed_convolution(w: Writer, step: Step) -> str:
    """convolution_2d_data_gradient and convolution_transpose_2d: output_padding makes the size."""
    gradient = "incoming_gradient" if step.has("incoming_gradient") else "source"
    given, layout = step.attributes, step.attributes["data_layout"]
    wanted = [(step.outputs[0].shape or [-1] * 4)[i] for i in _TO_NCHW[layout]]
    source = [(step[gradient].shape or [-1] * 4)[i] for i in _TO_NCHW[layout]]
    order = _TO_OIHW[given["weights_layout"]]
    kernel = [(step["weights"].shape or [-1] * 4)[i] for i in order][2:]
    if given["padding_style"] != "EXPLICIT" or -1 in [*wanted[2:], *source[2:], *kernel]:
        step.fail("ONNX's ConvTranspose needs explicit paddings and sizes that are known")
    attributes = window(step)
    pads = attributes["pads"]
    more = []
    for i in range(2):
        reach = (kernel[i] - 1) * attributes["dilations"][i] + 1
        least = attributes["strides"][i] * (source[2 + i] - 1) + reach - pads[i] - pads[i + 2]
        more.append(wanted[2 + i] - least)
    x = w.permuted(step[gradient].name, _TO_NCHW[layout])
    weights = w.permuted(step["weights"].name, order)
    found = w.node(
        "ConvTranspose", x, weights, group=given["groups"], output_padding=more, **attributes
    )
    return w.permuted(found, _FROM_NCHW[layout])


def pooling(op: str) -> Export:
    """MaxPool and AveragePool."""

    def export(w: Writer, step: Step) -> str:
        given, layout = step.attributes, step.attributes["data_layout"]
        attributes = window(step)
        attributes["ceil_mode"] = int(given["ceil_mode"])
        if op == "AveragePool":
            attributes["count_include_pad"] = int(given["include_zero_pad_to_average"])
        x = w.permuted(step["source"].name, _TO_NCHW[layout])
        kernel = [given["kernel_height"], given["kernel_width"]]
        return w.permuted(w.node(op, x, kernel_shape=kernel, **attributes), _FROM_NCHW[layout])

    return export


# --- Normalizations, losses


def softmax(w: Writer, step: Step) -> str:
    return w.node("Softmax", step["tensor"].name, axis=step.attributes["axis"])


def normalization(w: Writer, step: Step) -> str:
    x, variance = step["tensor"], step["variance"]
    shifted = w.node("Add", variance.name, w.number(variance, step.attributes["epsilon"]))
    found = w.node("Sub", x.name, step["mean"].name)
    found = w.node("Div", found, w.node("Sqrt", shifted))
    if step.has("gamma"):
        found = w.node("Mul", found, step["gamma"].name)
    return w.node("Add", found, step["beta"].name) if step.has("beta") else found


def softmax_cross_entropy(w: Writer, step: Step) -> str:
    source, axis = step["source"], step.attributes["axis"]
    logarithm = w.node("LogSoftmax", source.name, axis=axis)
    product = w.node("Mul", logarithm, step["labels"].name)
    losses = w.node("Neg", w.node("ReduceSum", product, w.integers([axis]), keepdims=1))
    kind = step.attributes["reduction_type"]
    if kind == "NONE":
        return losses
    return w.node("ReduceSum" if kind == "SUM" else "ReduceMean", losses, keepdims=0)


# --- Recurrent layers


def reordered(w: Writer, name: str, order: list[int], axis: int) -> str:
    """Gates in ONNX's order."""
    if order == list(range(len(order))):
        return name
    parts = w.nodes_of("Split", [name], len(order), axis=axis, num_outputs=len(order))
    return w.node("Concat", *(parts[i] for i in order), axis=axis)


def by_direction(w: Writer, value: Value, shape: list[int]) -> str:
    """Of a layer's parameter, with the directions as first axis."""
    return w.node("Reshape", value.name, w.integers(shape))


def states(w: Writer, step: Step, operand: str, count: int, size: int) -> str:
    """(N, D * H) as (D, N, H); an empty name if it is not given."""
    if not step.has(operand):
        return ""
    parts = w.node("Reshape", step[operand].name, w.integers([0, count, size]))
    return w.node("Transpose", parts, perm=[1, 0, 2])


def layer(
    w: Writer, step: Step, op: str, order: list[int], activations: list[str], **attributes: Any
) -> list[str]:
    """A recurrent node; returns Y as (T, N, D * H) first."""
    for operand in ("mask", "peephole"):
        if step.has(operand):
            step.fail(f"its {operand} has no counterpart in ONNX's {op}")
    if step.attributes["training"]:
        step.fail(f"ONNX's {op} does not return what a gradient needs")
    if not step.has("input_weight"):
        step.fail(f"ONNX's {op} needs an input_weight")
    both = bool(step.attributes["bidirectional"])
    count = 2 if both else 1
    size = (step["recurrent_weight"].shape or [-1])[-1]
    features = (step["source"].shape or [-1])[-1]
    if size < 0 or features < 0:
        step.fail("the layer's size is not known")
    gates = len(order)
    weights = by_direction(w, step["input_weight"], [count, gates * size, features])
    recurrent = by_direction(w, step["recurrent_weight"], [count, gates * size, size])
    inputs = [
        step["source"].name,
        reordered(w, weights, order, 1),
        reordered(w, recurrent, order, 1),
        biases(w, step, count, gates, size, order),
        "",
        states(w, step, "init_state", count, size),
    ]
    if op == "LSTM":
        inputs.append(states(w, step, "init_cell", count, size))
    while inputs[-1] == "":
        inputs.pop()
    reverse = bool(step.attributes["reverse"])
    found = w.nodes_of(
        op,
        inputs,
        3 if op == "LSTM" else 2,
        hidden_size=size,
        direction="bidirectional" if both else "reverse" if reverse else "forward",
        activations=activations * count,
        **attributes,
    )
    moved = w.node("Transpose", found[0], perm=[0, 2, 1, 3])
    return [w.node("Reshape", moved, w.integers([0, 0, count * size])), *found[1:]]


def biases(w: Writer, step: Step, count: int, gates: int, size: int, order: list[int]) -> str:
    """(D, 2 * G * H): mpsg has one bias; the recurrent one is 0, but for a GRU's second."""
    if not step.has("bias") and not step.has("secondary_bias"):
        return ""
    like = step["bias"] if step.has("bias") else step["secondary_bias"]

    def zeros(width: int) -> str:
        return w.array(np.zeros((count, width), like.data_type.numpy()))

    first = zeros(gates * size)
    if step.has("bias"):
        first = reordered(w, by_direction(w, step["bias"], [count, gates * size]), order, 1)
    second = zeros(gates * size)
    if step.has("secondary_bias"):
        inner = by_direction(w, step["secondary_bias"], [count, size])
        second = w.node("Concat", zeros(2 * size), inner, axis=1)
    return w.node("Concat", first, second, axis=1)


_NAMES = {"RELU": "Relu", "TANH": "Tanh", "SIGMOID": "Sigmoid", "HARD_SIGMOID": "HardSigmoid"}


def names(step: Step, *attributes: str) -> list[str]:
    """ONNX's names of activations."""
    found = []
    for attribute in attributes:
        if step.attributes[attribute] not in _NAMES:
            step.fail(f"ONNX has no activation {step.attributes[attribute]}")
        found.append(_NAMES[step.attributes[attribute]])
    return found


def lstm(w: Writer, step: Step) -> list[str]:
    if step.attributes["produce_cell"]:
        step.fail("ONNX's LSTM returns the last cell only")
    gates = names(step, "input_gate_activation", "forget_gate_activation", "output_gate_activation")
    if len(set(gates)) > 1:
        step.fail("ONNX's LSTM has one activation for its three gates")
    others = names(step, "cell_gate_activation", "activation")
    # ONNX: input, output, forget, cell.
    order = [0, 3, 2, 1] if step.attributes["forget_gate_last"] else [0, 3, 1, 2]
    return layer(w, step, "LSTM", order, [gates[0], *others])[:1]


def gru(w: Writer, step: Step) -> list[str]:
    gates = names(step, "update_gate_activation", "reset_gate_activation")
    if len(set(gates)) > 1 or step.attributes["flip_z"]:
        step.fail("ONNX's GRU has one activation for its gates, and no flip_z")
    order = [1, 0, 2] if step.attributes["reset_gate_first"] else [0, 1, 2]
    activations = [gates[0], *names(step, "output_gate_activation")]
    after = int(step.attributes["reset_after"])
    return layer(w, step, "GRU", order, activations, linear_before_reset=after)[:1]


def rnn(w: Writer, step: Step) -> list[str]:
    return layer(w, step, "RNN", [0], names(step, "activation"))[:1]


EXPORTS: dict[str, Export] = {
    "avg_pooling_2d": pooling("AveragePool"),
    "convolution_2d": convolution,
    "convolution_2d_data_gradient": transposed_convolution,
    "convolution_transpose_2d": transposed_convolution,
    "depthwise_convolution_2d": depthwise,
    "gru": gru,
    "lstm": lstm,
    "matrix_multiplication": matmul,
    "max_pooling_2d": pooling("MaxPool"),
    "normalization": normalization,
    "scaled_dot_product_attention": attention,
    "single_gate_rnn": rnn,
    "softmax": softmax,
    "softmax_cross_entropy": softmax_cross_entropy,
}
