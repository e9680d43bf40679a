"""Short names for what the tables of mistakes give as arguments."""

from __future__ import annotations

from typing import Any

from support.call_items import Constant, Placeholder, Several

Mistakes = list[tuple[dict[str, Any], str]]


def T(*shape: int, of: str = "float32") -> Placeholder:
    return Placeholder(of, shape, list(shape), 0)


def I(*shape: int, of: str = "int32") -> Placeholder:  # noqa: E743
    return Placeholder(of, shape, list(shape), 0, 0, 1)


def C(numbers: Any, of: str = "int32") -> Constant:
    return Constant(of, numbers)


def all_of(*items: Any) -> Several:
    return Several(list(items))
