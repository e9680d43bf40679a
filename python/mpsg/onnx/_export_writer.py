"""Writes ONNX nodes: names, constants, the few patterns that many rows need."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, TypeAlias

import numpy as np

import mpsg
from mpsg.onnx._export_record import Step, Value
from mpsg.onnx._proto import helper, numpy_helper, to_onnx_type

Export: TypeAlias = Callable[["Writer", Step], str | list[str]]
"""From an operation to the names of its results."""


class Writer:
    """The nodes of one ONNX graph; bodies have writers of their own, which share the constants."""

    def __init__(self, outer: Writer | None = None) -> None:
        self.nodes: list[Any] = []
        self.initializers: list[Any] = [] if outer is None else outer.initializers
        self._count: list[int] = [0] if outer is None else outer._count
        self._constants: dict[tuple[str, tuple[int, ...], bytes], str] = (
            {} if outer is None else outer._constants
        )

    def fresh(self, stem: str) -> str:
        """A name that nothing has."""
        self._count[0] += 1
        return f"{stem}_{self._count[0]}"

    def nodes_of(self, op: str, inputs: Sequence[str], count: int, **attributes: Any) -> list[str]:
        """A node with several results."""
        outputs = [self.fresh(op.lower()) for _ in range(count)]
        given = {name: value for name, value in attributes.items() if value is not None}
        self.nodes.append(helper.make_node(op, list(inputs), outputs, **given))
        return outputs

    def node(self, op: str, *inputs: str, **attributes: Any) -> str:
        """A node with one result."""
        return self.nodes_of(op, inputs, 1, **attributes)[0]

    def array(self, value: np.ndarray[Any, Any], name: str | None = None) -> str:
        """An initializer; equal ones are written once."""
        value = np.ascontiguousarray(value).reshape(value.shape)
        key = (str(value.dtype), value.shape, value.tobytes())
        if name is None and value.size <= 64 and key in self._constants:
            return self._constants[key]
        named = self.fresh("constant") if name is None else name
        self.initializers.append(numpy_helper.from_array(value, named))
        self._constants[key] = named
        return named

    def integers(self, values: Sequence[int]) -> str:
        """An int64 vector."""
        return self.array(np.array(values, np.int64).reshape(-1))

    def number(self, like: Value, value: float) -> str:
        """A scalar of a value's type."""
        return self.array(np.asarray(value).astype(like.data_type.numpy()))

    def cast(self, name: str, data_type: mpsg.DataType) -> str:
        """As another type."""
        return self.node("Cast", name, to=to_onnx_type(data_type))

    def int64(self, value: Value) -> str:
        """An integer tensor as int64."""
        return value.name if value.data_type == mpsg.int64 else self.cast(value.name, mpsg.int64)

    def int32(self, name: str) -> str:
        """int64 indices as mpsg's int32."""
        return self.cast(name, mpsg.int32)

    def parameter(self, step: Step, name: str) -> str | None:
        """An attribute that may be a tensor, as an int64 vector; None if it is neither."""
        if step.has(name):
            value = step[name]
            vector = self.int64(value)
            return vector if value.rank == 1 else self.node("Reshape", vector, self.integers([1]))
        numbers = step.attributes.get(name)
        if numbers is None:
            return None
        return self.integers(numbers if isinstance(numbers, list) else [numbers])

    def numbers(self, step: Step, name: str) -> list[int] | None:
        """An attribute that must be numbers here."""
        if step.has(name):
            step.fail(f"its '{name}' must be numbers, not a tensor")
        given = step.attributes.get(name)
        if given is None:
            return None
        return [int(v) for v in given] if isinstance(given, list) else [int(given)]

    def axis(self, step: Step, rank: int, name: str = "axis") -> int:
        """An axis from the front."""
        found = self.numbers(step, name)
        axis = -1 if found is None else found[0]
        return axis + rank if axis < 0 else axis

    def permuted(self, name: str, order: Sequence[int]) -> str:
        """Transpose, unless nothing moves."""
        if list(order) == sorted(order):
            return name
        return self.node("Transpose", name, perm=list(order))
