"""Python's operators on tensors. Each appends the operation of the same meaning to the graph."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from mpsg._mpsg import Tensor

Operand = Any  # a Tensor, a number, or an array that becomes a constant


def _binary(op: str) -> tuple[Callable[..., Tensor], Callable[..., Tensor]]:
    def forward(self: Tensor, other: Operand) -> Tensor:
        return getattr(self.graph, op)(self, other)  # type: ignore[no-any-return]

    def reflected(self: Tensor, other: Operand) -> Tensor:
        return getattr(self.graph, op)(other, self)  # type: ignore[no-any-return]

    return forward, reflected


def _unary(op: str) -> Callable[[Tensor], Tensor]:
    def method(self: Tensor) -> Tensor:
        return getattr(self.graph, op)(self)  # type: ignore[no-any-return]

    return method


def _floor_divide(self: Tensor, other: Operand) -> Tensor:
    """floor(self / other). Integers divide exactly: (a - a mod b) / b."""
    graph = self.graph
    return graph.division(graph.subtraction(self, graph.floor_modulo(self, other)), other)


def _get_item(self: Tensor, key: Any) -> Tensor:
    """NumPy's basic slicing: integers, slices, ... and None."""
    keys = key if isinstance(key, tuple) else (key,)
    graph = self.graph
    for item in keys:
        if not (item is None or item is Ellipsis or isinstance(item, (int, slice))):
            raise TypeError(
                f"tensors are indexed with integers, slices, ... and None, not {item!r}; "
                "use graph.gather or graph.slice for more"
            )
        if isinstance(item, slice) and item.step == 0:
            raise ValueError("the step of a slice must not be 0")
    if keys.count(Ellipsis) > 1:
        raise IndexError("an index can have one ... only")
    taken = sum(item is not None and item is not Ellipsis for item in keys)
    if self.shape is None:
        raise TypeError(f"'{self.name}' has an unknown rank; use graph.slice")
    rank = len(self.shape)
    if taken > rank:
        raise IndexError(f"{taken} indices for a tensor of rank {rank}")
    if Ellipsis not in keys:
        keys = (*keys, Ellipsis)
    at = keys.index(Ellipsis)
    keys = (*keys[:at], *[slice(None)] * (rank - taken), *keys[at + 1 :])

    starts, ends, strides = [], [], []
    start_mask = end_mask = squeeze_mask = 0
    new_axes = []
    axis = result_axis = 0
    for item in keys:
        if item is None:
            new_axes.append(result_axis)
            result_axis += 1
            continue
        if isinstance(item, slice):
            starts.append(0 if item.start is None else int(item.start))
            ends.append(0 if item.stop is None else int(item.stop))
            strides.append(1 if item.step is None else int(item.step))
            start_mask |= (item.start is None) << axis
            end_mask |= (item.stop is None) << axis
            result_axis += 1
        else:
            size = self.shape[axis]
            if size >= 0 and not -size <= item < size:
                raise IndexError(f"index {item} is out of range for axis {axis} of size {size}")
            starts.append(item)
            ends.append(item + 1)
            strides.append(1)
            end_mask |= (item == -1) << axis
            squeeze_mask |= 1 << axis
        axis += 1
    result = self
    if any(item is not None and item != slice(None) for item in keys):
        result = graph.slice(
            self,
            starts,
            ends,
            strides,
            start_mask=start_mask,
            end_mask=end_mask,
            squeeze_mask=squeeze_mask,
        )
    return graph.expand_dims(result, new_axes) if new_axes else result


def attach() -> None:
    """Gives the compiled class Tensor its operators."""
    for name, op in {
        "add": "addition",
        "sub": "subtraction",
        "mul": "multiplication",
        "truediv": "division",
        "mod": "floor_modulo",
        "pow": "power",
        "matmul": "matrix_multiplication",
    }.items():
        forward, reflected = _binary(op)
        setattr(Tensor, f"__{name}__", forward)
        setattr(Tensor, f"__r{name}__", reflected)
    for name, op in {
        "lt": "less_than",
        "le": "less_than_or_equal_to",
        "gt": "greater_than",
        "ge": "greater_than_or_equal_to",
    }.items():
        setattr(Tensor, f"__{name}__", _binary(op)[0])
    Tensor.__neg__ = _unary("negative")  # type: ignore[method-assign]
    Tensor.__abs__ = _unary("absolute")  # type: ignore[method-assign]
    Tensor.__floordiv__ = _floor_divide  # type: ignore[method-assign]
    Tensor.__getitem__ = _get_item  # type: ignore[method-assign]
    # numpy must not take `array * tensor` apart element by element.
    Tensor.__array_ufunc__ = None
