"""Recurrent layers against steps written down in NumPy."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

import mpsg
from cases.case import Case, Cases
from mpsg import GRUDescriptor, LSTMDescriptor, RNNActivation, SingleGateRNNDescriptor
from support.numbers import random_generator, values, wide
from support.recurrent import KINDS, Operands, gradients, layer

NONE, RELU, TANH = RNNActivation.NONE, RNNActivation.RELU, RNNActivation.TANH
SIGMOID, HARD = RNNActivation.SIGMOID, RNNActivation.HARD_SIGMOID
# sizes (T, N, I, H), optional operands, options
FULL = ("input_weight", "bias", "init_state", "init_cell", "mask", "peephole", "secondary_bias")
SMALL = (3, 2, 3, 2)
Layer = tuple[tuple[int, int, int, int], tuple[str, ...], dict[str, Any]]
LAYERS: dict[str, list[Layer]] = {
    "single_gate_rnn": [
        (SMALL, ("input_weight", "bias"), {}),
        (SMALL, FULL, {"activation": TANH, "reverse": True}),
        (SMALL, FULL, {"activation": SIGMOID, "bidirectional": True}),
        (SMALL, ("init_state",), {"activation": HARD}),
        (SMALL, ("mask",), {"activation": NONE, "bidirectional": True}),
        ((1, 1, 1, 1), ("input_weight",), {"activation": TANH}),
        ((0, 2, 3, 2), FULL, {"activation": TANH}),
        ((4, 0, 3, 2), ("input_weight",), {"activation": TANH}),
        ((5, 7, 9, 17), FULL, {"activation": TANH}),
    ],
    "lstm": [
        (SMALL, ("input_weight", "bias"), {}),
        (SMALL, FULL, {"reverse": True}),
        (SMALL, FULL, {"bidirectional": True, "forget_gate_last": True}),
        (
            SMALL,
            ("init_state", "init_cell"),
            {
                "input_gate_activation": HARD,
                "forget_gate_activation": TANH,
                "cell_gate_activation": RELU,
                "output_gate_activation": NONE,
                "activation": SIGMOID,
            },
        ),
        (SMALL, ("mask", "peephole"), {"activation": NONE, "bidirectional": True}),
        ((1, 1, 1, 1), ("input_weight",), {}),
        ((0, 2, 3, 2), FULL, {}),
        ((4, 0, 3, 2), ("input_weight",), {}),
        ((5, 7, 9, 17), FULL, {}),
    ],
    "gru": [
        (SMALL, ("input_weight", "bias"), {}),
        (SMALL, FULL, {"reverse": True, "reset_after": True}),
        (SMALL, FULL[:5], {"bidirectional": True, "reset_gate_first": True}),
        (SMALL, FULL, {"bidirectional": True, "reset_after": True, "flip_z": True}),
        (
            SMALL,
            ("init_state", "mask"),
            {
                "update_gate_activation": HARD,
                "reset_gate_activation": TANH,
                "output_gate_activation": RELU,
                "flip_z": True,
            },
        ),
        ((1, 1, 1, 1), ("input_weight",), {"reset_after": True, "reset_gate_first": True}),
        ((0, 2, 3, 2), FULL, {"reset_after": True}),
        ((4, 0, 3, 2), ("input_weight",), {}),
        ((5, 7, 9, 17), FULL, {"reset_after": True}),
        ((5, 7, 9, 17), FULL[:5], {}),
    ],
}
DESCRIPTORS = {"single_gate_rnn": SingleGateRNNDescriptor, "lstm": LSTMDescriptor}
DESCRIPTORS["gru"] = GRUDescriptor
OPTIONAL = {
    "single_gate_rnn": ("input_weight", "bias", "init_state", "mask"),
    "lstm": ("input_weight", "bias", "init_state", "init_cell", "mask", "peephole"),
    "gru": ("input_weight", "bias", "init_state", "mask", "secondary_bias"),
}
# Whose gradients are returned, in order.
DIFFERENTIATED = {
    "single_gate_rnn": ("source", "recurrent_weight", "input_weight", "bias", "init_state"),
    "lstm": (
        *("source", "recurrent_weight", "input_weight", "bias", "peephole"),
        *("init_state", "init_cell"),
    ),
    "gru": (
        *("source", "recurrent_weight", "input_weight", "bias", "init_state"),
        "secondary_bias",
    ),
}


def operands_of(kind: str, name: str, one: Layer) -> Operands:
    """Random operands, in the order of the row's parameters."""
    (steps, batch, inputs, units), optional, options = one
    gates = KINDS[kind][0]
    both = 2 if options.get("bidirectional") else 1
    pair = (2,) if both == 2 else ()
    width = inputs if "input_weight" in optional else both * gates * units
    shapes: dict[str, tuple[int, ...]] = {
        "source": (steps, batch, width),
        "recurrent_weight": (*pair, gates * units, units),
        "input_weight": (both * gates * units, inputs),
        "bias": (both * gates * units,),
        "init_state": (batch, both * units),
        "init_cell": (batch, both * units),
        "mask": (steps, batch, both * units) if steps != 3 else (batch, both * units),
        "peephole": (*pair, gates * units),
        "secondary_bias": (both * units,),
    }
    names = ["source", "recurrent_weight", *OPTIONAL[kind]]
    rng = random_generator(kind, name, one[0], repr(one[1]), repr(one[2]))
    return {
        key: values(name, shapes[key], rng, -1, 1)
        for key in names
        if key in ("source", "recurrent_weight") or key in optional
    }


def roundings(name: str, one: Layer) -> float:
    """Every step multiplies what the one before was wrong by, but less than doubles it here.
    16-bit types are rounded between products and steps only.
    """
    (steps, _, inputs, units), _, _ = one
    if name in {"float16", "bfloat16"}:
        return float((steps + 1) * 10)
    return float((steps + 1) * (inputs + units + 12) * 2)


def with_magnitude(array: np.ndarray) -> np.ndarray:
    return np.full(array.shape, 1 + np.max(np.abs(array), initial=0))


def forward_cases(kind: str, name: str) -> Iterator[Case]:
    for one in LAYERS[kind]:
        if one[0][3] == 17 and name in {"float16", "bfloat16"}:
            continue  # so many roundings leave nothing of 8 bits
        operands = operands_of(kind, name, one)
        options = dict(one[2], training=True)
        if kind == "lstm":
            options["produce_cell"] = True
        descriptor = DESCRIPTORS[kind](**options)
        h, c, z = layer(kind, descriptor, {key: wide(a) for key, a in operands.items()})
        wanted = [h, c, z] if kind == "lstm" else [h, z]
        keys = list(operands)[2:]

        def call(
            graph: mpsg.Graph,
            t: list[mpsg.Tensor],
            keys: list[str] = keys,
            descriptor: Any = descriptor,
        ) -> Any:
            named = dict(zip(keys, t[2:], strict=True))
            return getattr(graph, kind)(*t[:2], descriptor, **named)

        yield Case(
            kind,
            list(operands.values()),
            wanted,
            call=call,
            label=f"{keys} {options}",
            operations=roundings(name, one),
            scale=[with_magnitude(array) for array in wanted],  # type: ignore[arg-type]
            compute=name,
            same_bits=False,
            signed_zeros=False,
        )


def gradient_cases(kind: str, name: str) -> Iterator[Case]:
    row = f"{kind}_gradients"
    for one in LAYERS[kind]:
        if one[0][3] == 17:
            continue
        operands = operands_of(kind, name, one)
        descriptor = DESCRIPTORS[kind](**one[2])
        true = {key: wide(array) for key, array in operands.items()}
        h, c, z = layer(kind, descriptor, true)
        rng = random_generator(row, name, repr(one))
        incoming = values(name, h.shape, rng, -1, 1)
        last = values(name, (h.shape[1], h.shape[2]), rng, -1, 1)
        dtype = incoming.dtype
        saved = {"single_gate_rnn": [z], "lstm": [z, c], "gru": [z, h]}[kind]
        names = [key for key in DIFFERENTIATED[kind] if key in operands]
        total = wide(incoming) + with_last(descriptor, h.shape, wide(last))
        wanted = gradients(kind, descriptor, true, total, names)
        keys = list(operands)[2:]

        def call(
            graph: mpsg.Graph,
            t: list[mpsg.Tensor],
            keys: list[str] = keys,
            descriptor: Any = descriptor,
            count: int = 4 + len(saved) - 1,
        ) -> Any:
            named = dict(zip(keys, t[count + 1 :], strict=True))
            rows = getattr(graph, row)
            return rows(*t[:count], descriptor, state_gradient=t[count], **named)

        rest = list(operands.values())
        yield Case(
            row,
            [*rest[:2], incoming, *(array.astype(dtype) for array in saved), last, *rest[2:]],
            wanted,
            call=call,
            label=f"{keys} {one[2]}",
            operations=2 * roundings(name, one),
            scale=[with_magnitude(array) for array in wanted],  # type: ignore[arg-type]
            compute=name,
            same_bits=False,
            signed_zeros=False,
        )


def with_last(descriptor: Any, shape: tuple[int, ...], last: np.ndarray) -> np.ndarray:
    """The gradient of the last states as one of all states."""
    result = np.zeros(shape, last.dtype)
    if shape[0] == 0:
        return result
    units = shape[2] // 2
    if descriptor.bidirectional:
        result[-1, :, :units] = last[:, :units]
        result[0, :, units:] = last[:, units:]
    else:
        result[0 if descriptor.reverse else -1] = last
    return result


RECURRENT_CASES: Cases = {
    **{kind: partial(forward_cases, kind) for kind in KINDS},
    **{f"{kind}_gradients": partial(gradient_cases, kind) for kind in KINDS},
}
