"""What the tests of layers share: a layer's result, variables and gradients."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

import mpsg
from mpsg import layers

RNG = np.random.default_rng(0)


def array(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape).astype(np.float32)


def run_layer(
    layer: layers.Layer,
    x: np.ndarray,
    *,
    training: bool = False,
    shape: Sequence[int] | None = None,
) -> tuple[np.ndarray, dict[str, np.ndarray], dict[str, np.ndarray]]:
    """The result; the variables, and the gradients of sum(result * weight), by name ("x": input).

    The weight is a fixed ramp, so that no two elements of a gradient are the same by chance.
    """
    graph = mpsg.Graph()
    source = graph.placeholder(shape or [-1, *x.shape[1:]], x.dtype, name="x")
    result = layer(source, training=training)
    value = graph.run({source: x}, [result])[result].numpy()
    loss = graph.reduction_sum(result * ramp(value.shape))
    tensors = {variable.name.split("/")[1]: variable for variable in layer.variables}
    found = graph.gradients(loss, [source, *tensors.values()])
    values = graph.run({source: x}, [found[source], *(found[t] for t in tensors.values())])
    gradients = {name: values[found[tensor]].numpy() for name, tensor in tensors.items()}
    gradients["x"] = values[found[source]].numpy()
    variables = {name: graph.variable_value(tensor).numpy() for name, tensor in tensors.items()}
    return value, variables, gradients


def ramp(shape: Sequence[int]) -> np.ndarray:
    return np.linspace(-1, 1, math.prod(shape), dtype=np.float32).reshape(shape)


def close(got: Any, wanted: Any) -> None:
    wanted = np.asarray(wanted)
    np.testing.assert_allclose(got, wanted, rtol=2e-4, atol=2e-5 * np.abs(wanted).max(initial=1))
