"""What a converter is handed: one node of an ONNX graph, its inputs as tensors of mpsg."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NoReturn, TypeAlias

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._proto import helper

if TYPE_CHECKING:
    from mpsg.onnx._importer import Importer, Scope

Array: TypeAlias = np.ndarray[Any, Any]
Sizes: TypeAlias = list[int] | Tensor
"""Sizes of a shape: numbers if the graph knows them, else an integer tensor."""
Results: TypeAlias = Tensor | Sequence[Tensor | None]
Converter: TypeAlias = Callable[["Node"], Results]
"""From a node to its results, in ONNX's order; None for those that it leaves out."""


class Node:
    """A node with everything that says what it means."""

    def __init__(
        self,
        importer: Importer,
        scope: Scope,
        proto: Any,
        opsets: dict[str, int],
        inputs: list[Tensor | None],
    ) -> None:
        self.importer = importer
        self.scope = scope
        self.proto = proto
        self.opsets = opsets
        self.inputs = inputs
        self.op = str(proto.op_type)
        self.domain = str(proto.domain)
        self.opset = opsets.get(self.domain, 1)
        self.attributes = {a.name: a for a in proto.attribute}

    @property
    def graph(self) -> mpsg.Graph:
        """The graph that is being built."""
        return self.importer.graph

    @property
    def title(self) -> str:
        """How messages call the node."""
        named = f" '{self.proto.name}'" if self.proto.name else ""
        domain = f"{self.domain}." if self.domain else ""
        return f"ONNX node{named} ({domain}{self.op}, opset {self.opset})"

    def fail(self, reason: str) -> NoReturn:
        """Raises the GraphError that names the node."""
        raise mpsg.GraphError(reason)

    # --- Attributes

    def has(self, name: str) -> bool:
        """Is the attribute given?"""
        return name in self.attributes

    def attribute(self, name: str, default: Any = None) -> Any:
        """The attribute's value: a number, a string, a list, a TensorProto, a GraphProto."""
        if name not in self.attributes:
            return default
        value = helper.get_attribute_value(self.attributes[name])
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, (list, tuple)):
            return [v.decode() if isinstance(v, bytes) else v for v in value]
        return value

    # --- Inputs

    def __len__(self) -> int:
        return len(self.inputs)

    def __getitem__(self, index: int) -> Tensor:
        """An input that must be given."""
        tensor = self.optional(index)
        if tensor is None:
            self.fail(f"its input {index} is missing")
        return tensor

    def optional(self, index: int) -> Tensor | None:
        """An input that may be left out."""
        return self.inputs[index] if index < len(self.inputs) else None

    def given(self) -> list[Tensor]:
        """All inputs, of which none may be missing."""
        return [self[i] for i in range(len(self.inputs))]

    def wanted(self, index: int) -> bool:
        """Does the model use this output?"""
        return index < len(self.proto.output) and self.proto.output[index] != ""

    def value(self, index: int) -> Array | None:
        """The value of an input that the model itself says; None if the run decides it."""
        tensor = self.optional(index)
        return None if tensor is None else self.importer.value_of(tensor)

    def needed_value(self, index: int, what: str) -> Array:
        """The same for what mpsg must know when the graph is built."""
        found = self.value(index)
        if found is None:
            self.fail(f"mpsg needs its input {index} ({what}) as a constant of the model")
        return found

    def integers(self, index: int) -> list[int] | None:
        """A known value as integers."""
        found = self.value(index)
        return None if found is None else [int(v) for v in found.reshape(-1)]

    def rank(self, index: int = 0) -> int:
        """Of an input."""
        return self.rank_of(self[index])

    def rank_of(self, tensor: Tensor) -> int:
        """Of a tensor; GraphError if it is open."""
        if tensor.shape is None:
            self.fail(f"the rank of '{tensor.name}' is not known when the graph is built")
        return len(tensor.shape)

    def axis(self, name: str = "axis", default: int = 0, rank: int | None = None) -> int:
        """An attribute that names an axis of input 0, counted from the front."""
        rank = self.rank() if rank is None else rank
        axis = int(self.attribute(name, default))
        if not -rank <= axis < max(rank, 1):
            self.fail(f"{name} = {axis} is out of range for rank {rank}")
        return axis + rank if axis < 0 else axis
