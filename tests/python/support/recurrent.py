"""Recurrent layers written down in NumPy, one step after the other; and derivatives by complex
steps, which are exact.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mpsg import GRUDescriptor, LSTMDescriptor, RNNActivation, SingleGateRNNDescriptor

Operands = dict[str, np.ndarray]


def activate(activation: RNNActivation, x: np.ndarray) -> np.ndarray:
    match activation:
        case RNNActivation.NONE:
            return x
        case RNNActivation.RELU:
            return np.where(x.real > 0, x, 0)
        case RNNActivation.TANH:
            return np.tanh(x)
        case RNNActivation.SIGMOID:
            return 1 / (1 + np.exp(-x))
    line = x / 5 + np.array(0.5, x.dtype)
    return np.where(line.real <= 0, 0, np.where(line.real >= 1, 1, line))


def rnn_step(
    d: SingleGateRNNDescriptor, x: np.ndarray, o: Operands, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    z = x + (h * o["mask"]) @ o["recurrent_weight"].T
    return activate(d.activation, z), c, z


def lstm_step(
    d: LSTMDescriptor, x: np.ndarray, o: Operands, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    sums = x + (h * o["mask"]) @ o["recurrent_weight"].T + o["peephole"] * np.tile(c, 4)
    i, f, z, out = np.split(sums, 4, -1)
    if d.forget_gate_last:
        f, z = z, f
    i, f = activate(d.input_gate_activation, i), activate(d.forget_gate_activation, f)
    z, out = activate(d.cell_gate_activation, z), activate(d.output_gate_activation, out)
    c = f * c + i * z
    gates = [i, z, f, out] if d.forget_gate_last else [i, f, z, out]
    return out * activate(d.activation, c), c, np.concatenate(gates, -1)


def gru_step(
    d: GRUDescriptor, x: np.ndarray, o: Operands, h: np.ndarray, c: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    order = [1, 0, 2] if d.reset_gate_first else [0, 1, 2]
    parts = np.split(x, 3, -1)
    x_z, x_r, x_o = (parts[k] for k in order)
    r_z, r_r, r_o = (np.split(o["recurrent_weight"], 3, 0)[k].T for k in order)
    seen = h * o["mask"]
    z = activate(d.update_gate_activation, x_z + seen @ r_z)
    r = activate(d.reset_gate_activation, x_r + seen @ r_r)
    inner = (seen @ r_o + o["secondary_bias"]) * r if d.reset_after else (seen * r) @ r_o
    out = activate(d.output_gate_activation, x_o + inner)
    keeps = 1 - z if d.flip_z else z
    gates = [r, z, out] if d.reset_gate_first else [z, r, out]
    return keeps * h + (1 - keeps) * out, c, np.concatenate(gates, -1)


KINDS: dict[str, tuple[int, Callable[..., Any]]] = {
    "single_gate_rnn": (1, rnn_step),
    "lstm": (4, lstm_step),
    "gru": (3, gru_step),
}


def one_direction(
    kind: str, descriptor: Any, reverse: bool, o: Operands
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """h, c and the training state of (T, N, ...)."""
    gates, step = KINDS[kind]
    steps, batch = o["source"].shape[:2]
    units = o["recurrent_weight"].shape[-1]
    dtype = np.result_type(*o.values())
    zeros = np.zeros((batch, units), dtype)
    h, c = o.get("init_state", zeros), o.get("init_cell", zeros)
    defaults = {"mask": np.ones(1, dtype), "peephole": np.zeros(1, dtype)}
    o = {"secondary_bias": np.zeros(1, dtype), **defaults, **o}
    mask = np.broadcast_to(o["mask"], (steps, batch, units))
    found = [np.zeros((steps, batch, k * units), dtype) for k in (1, 1, gates)]
    for t in reversed(range(steps)) if reverse else range(steps):
        x = o["source"][t]
        if "input_weight" in o:
            x = x @ o["input_weight"].T
        h, c, z = step(descriptor, x + o.get("bias", 0), {**o, "mask": mask[t]}, h, c)
        for array, value in zip(found, (h, c, z), strict=True):
            array[t] = value
    return found[0], found[1], found[2]


def half(name: str, array: np.ndarray, index: int) -> np.ndarray:
    """What a direction of a bidirectional layer has of an operand."""
    if name in {"recurrent_weight", "peephole"}:
        return array[index]
    if name in {"input_weight", "bias", "secondary_bias"}:
        return np.split(array, 2, 0)[index]
    if name == "mask" and array.shape[-1] == 1:
        return array
    return np.split(array, 2, -1)[index]


def layer(
    kind: str, descriptor: Any, operands: Operands
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    if not descriptor.bidirectional:
        return one_direction(kind, descriptor, descriptor.reverse, operands)
    both = []
    for index in range(2):
        mine = {
            name: array
            if name == "source" and "input_weight" in operands
            else half(name, array, index)
            for name, array in operands.items()
        }
        both.append(one_direction(kind, descriptor, bool(index), mine))
    h, c, z = (np.concatenate(pair, -1) for pair in zip(*both, strict=True))
    return h, c, z


def gradients(
    kind: str, descriptor: Any, operands: Operands, incoming: np.ndarray, names: Sequence[str]
) -> list[np.ndarray]:
    """Of the sum of incoming * h with respect to the operands called `names`."""
    found = []
    for name in names:
        result = np.zeros(operands[name].shape, incoming.dtype)
        for place in np.ndindex(*result.shape):
            moved = {key: array.astype(np.clongdouble) for key, array in operands.items()}
            moved[name][place] += 1e-30j
            h, _, _ = layer(kind, descriptor, moved)
            result[place] = np.sum(incoming * h.imag) / 1e-30
        found.append(result)
    return found
