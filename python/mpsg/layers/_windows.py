"""Paddings and layouts, as the layers with windows take them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, TypeAlias

from mpsg._api_types import PaddingStyle, TensorNamedDataLayout
from mpsg.data._integers import integer
from mpsg.layers._layer import pair

Padding: TypeAlias = (
    Literal["same", "valid"] | int | tuple[int, int] | tuple[tuple[int, int], tuple[int, int]]
)
"""How the edges are padded: "same" (the output has size / stride elements, rounded up), "valid"
(not at all), a number for all sides, (vertical, horizontal), or ((top, bottom), (left, right))."""


def padding_fields(padding: Padding) -> tuple[PaddingStyle, tuple[int, int, int, int]]:
    """The style and the top, bottom, left and right of a descriptor.

    Raises:
        TypeError: A number is not an integer.
        ValueError: It is another text, negative, or of another form.
    """
    if isinstance(padding, str):
        if padding == "same":
            return PaddingStyle.TF_SAME, (0, 0, 0, 0)
        if padding == "valid":
            return PaddingStyle.TF_VALID, (0, 0, 0, 0)
        raise ValueError(f'padding must be "same", "valid" or integers, not {padding!r}')
    if isinstance(padding, Sequence):
        if len(padding) != 2:
            raise ValueError(
                "padding must be one number, (vertical, horizontal) or ((top, bottom), (left, "
                f"right)), not {padding!r}"
            )
        halves: Sequence[Any] = padding
        sides = pair("padding", halves[0], 0) + pair("padding", halves[1], 0)
    else:
        all_sides = integer("padding", padding, 0)
        sides = (all_sides,) * 4
    return PaddingStyle.EXPLICIT, sides


def layout(
    name: str, value: str | TensorNamedDataLayout, allowed: Sequence[str]
) -> TensorNamedDataLayout:
    """A layout given as a member of the enumeration or by its name.

    Raises:
        ValueError: It is not one of those allowed.
    """
    text = value.name if isinstance(value, TensorNamedDataLayout) else value
    if text not in allowed:
        raise ValueError(f"{name} must be {' or '.join(allowed)}, not {value!r}")
    return TensorNamedDataLayout[text]
