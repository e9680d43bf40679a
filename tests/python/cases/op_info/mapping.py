"""How one of PyTorch's operations is written in mpsg."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

import ml_dtypes
import numpy as np
import torch

import mpsg


class CannotExpress(Exception):
    """The sample asks for what mpsg does not have; the message is one of `reasons.SAMPLES`."""


class Bound(Enum):
    """What the error of a result is relative to."""

    ELEMENT = "the element itself"
    LARGEST = "the largest element, or 1: what is subtracted may cancel"
    TERMS = "the same of the magnitudes of all operands: a sum of products"


@dataclass
class Mapping:
    """`build(call, input, *args, **kwargs)` takes what the operation of PyTorch takes."""

    build: Callable[..., Any]
    # Roundings on the way of one element; with TERMS those of all terms are added. 0: exact.
    roundings: float = 0
    bound: Bound = Bound.ELEMENT
    # How many of PyTorch's results are compared; the others do not correspond.
    results: int | None = None
    # The same for integers, which are often equal: which of equals is meant is another's choice.
    integer_results: int | None = None


Mappings = dict[str, Mapping]


class Call:
    """One call that is being built: the graph, and what PyTorch was given for each tensor."""

    def __init__(self) -> None:
        self.graph = mpsg.Graph()
        self.tensors: list[mpsg.Tensor] = []
        self.arrays: list[np.ndarray] = []
        self.sources: list[torch.Tensor] = []
        self._source_of: dict[mpsg.Tensor, torch.Tensor] = {}

    def feed(self, value: Any) -> Any:
        """A placeholder for every tensor in `value`, lists and dictionaries included."""
        if isinstance(value, torch.Tensor):
            array = to_array(value)
            if array.dtype.kind == "c" and array.dtype != np.complex64:
                raise CannotExpress("complex128")
            tensor = self.graph.placeholder(list(array.shape), array.dtype)
            self.tensors.append(tensor)
            self.arrays.append(array)
            self.sources.append(value)
            self._source_of[tensor] = value
            return tensor
        if isinstance(value, (list, tuple)) and not isinstance(value, torch.Size):
            return type(value)(self.feed(each) for each in value)
        if isinstance(value, dict):
            return {key: self.feed(each) for key, each in value.items()}
        return value

    def source(self, value: Any) -> Any:
        """What PyTorch was given; for what was computed, something of its type and rank."""
        if not isinstance(value, mpsg.Tensor):
            return value
        if value in self._source_of:
            return self._source_of[value]
        rank = len(value.shape or [])
        return torch.empty([1] * rank, dtype=getattr(torch, type_name(value)))

    def constant(self, value: Any, like: mpsg.Tensor) -> mpsg.Tensor:
        """A number or an array, of the type of `like`."""
        return self.graph.constant(np.asarray(value).astype(like.data_type.numpy()))

    def cast(self, value: Any, name: str) -> mpsg.Tensor:
        if not isinstance(value, mpsg.Tensor):
            return self.graph.constant(np.asarray(value).astype(numpy_type(name)))
        return value if type_name(value) == name else self.graph.cast(value, name)

    def promoted(self, *values: Any) -> list[mpsg.Tensor]:
        """All of the type that PyTorch gives the result of an arithmetic operation."""
        name = str(self.common_type(*values)).removeprefix("torch.")
        return [self.cast(value, name) for value in values]

    def common_type(self, *values: Any) -> torch.dtype:
        kind = torch.result_type(self.source(values[0]), self.source(values[-1]))
        for value in values[1:-1]:
            kind = torch.promote_types(
                kind, torch.result_type(self.source(value), torch.empty(1, dtype=kind))
            )
        return kind

    def floating(self, value: Any) -> mpsg.Tensor:
        """Integers become float32, as PyTorch's default is."""
        if isinstance(value, mpsg.Tensor) and is_floating(value):
            return value
        if type_name(value) == "complex64":
            return value
        return self.cast(value, "float32")

    def axes(self, value: mpsg.Tensor, dim: Any) -> list[int]:
        """The axes that `dim` names; all of them if it names none."""
        rank = rank_of(value)
        if dim is None or (isinstance(dim, (list, tuple)) and not dim):
            return list(range(rank))
        dims = [dim] if isinstance(dim, int) else list(dim)
        return [d + rank if d < 0 else d for d in dims]


def is_floating(value: mpsg.Tensor) -> bool:
    return type_name(value) in {"float16", "bfloat16", "float32", "float64"}


def type_name(value: mpsg.Tensor) -> str:
    return str(value.data_type.numpy().name)


def rank_of(value: mpsg.Tensor) -> int:
    return len(shape_of(value))


def shape_of(value: mpsg.Tensor) -> list[int]:
    assert value.shape is not None
    return list(value.shape)


def numpy_type(name: str) -> np.dtype:
    return np.dtype(ml_dtypes.bfloat16 if name == "bfloat16" else name)


def to_array(tensor: torch.Tensor) -> np.ndarray:
    plain = tensor.detach().resolve_conj().resolve_neg().contiguous()
    if plain.dtype == torch.bfloat16:
        return plain.view(torch.int16).numpy().view(ml_dtypes.bfloat16)
    return np.asarray(plain.numpy(force=True))
