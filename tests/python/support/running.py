"""Running one operation, or a graph, on the devices that are compared."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

import mpsg

DEVICES = ["cpu", "reference"]
# How a placeholder's shape is declared: all of it, the rank only, nothing.
DECLARED: dict[str, Callable[[tuple[int, ...]], list[int] | None]] = {
    "static": list,
    "sizes unknown": lambda shape: [-1] * len(shape),
    "rank unknown": lambda shape: None,
}

Build = Callable[[mpsg.Graph, list[mpsg.Tensor]], Any]


def as_list(built: Any) -> list[mpsg.Tensor]:
    return list(built) if isinstance(built, (list, tuple)) else [built]


def run(
    build: Build,
    arrays: Sequence[np.ndarray],
    device: str = "reference",
    declared: str = "static",
) -> list[np.ndarray]:
    """What `build(graph, placeholders)` gives for the arrays."""
    graph = mpsg.Graph()
    shapes = [DECLARED[declared](array.shape) for array in arrays]
    tensors = [
        graph.placeholder(shape, array.dtype) for shape, array in zip(shapes, arrays, strict=True)
    ]
    targets = as_list(build(graph, tensors))
    results = graph.run(dict(zip(tensors, arrays, strict=True)), targets, device=device)
    found = [results[target].numpy() for target in targets]
    for target, array in zip(targets, found, strict=True):
        check_type(target, array)
    return found


def check_type(target: mpsg.Tensor, array: np.ndarray) -> None:
    """The type that was inferred when the graph was built is that of the result."""
    assert target.data_type == array.dtype, f"{target!r} gave {array.dtype}"
    if target.shape is None:
        return
    assert len(target.shape) == array.ndim, f"{target!r} gave the shape {array.shape}"
    for inferred, size in zip(target.shape, array.shape, strict=True):
        assert inferred in (-1, size), f"{target!r} gave the shape {array.shape}"
