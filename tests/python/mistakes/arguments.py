"""The mistakes that the op table itself tells: for every row and every parameter, what is no
tensor, of another graph, of a type that is not supported, of another kind, or out of range.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import mpsg
from support.call_items import FIELDS, FOREIGN_TENSOR, Placeholder
from support.minimal_calls import MINIMAL_CALLS, descriptor_of, groups_of
from support.numbers import ALL
from support.table import ROWS


@dataclass(frozen=True)
class Mistake:
    changes: dict[str, Any]
    words: str
    # Parameters left out, and values given by place before the others.
    without: tuple[str, ...] = ()
    before: tuple[Any, ...] = ()
    python: bool = False  # Python's own: TypeError


# What is given for an attribute of each kind, and what must be said then.
WRONG_KINDS: dict[str, list[tuple[Any, str]]] = {
    "boolean": [("yes", "a bool"), (2, "a bool"), (None, "None is not allowed"), ([], "a bool")],
    "integer": [("1", "an int"), (1.5, "an int"), (None, "None is not allowed"), ([1], "an int")],
    "real": [("1", "a number"), ([1.0], "integers|a number"), (None, "None is not allowed")],
    "text": [(3, "text"), (None, "None is not allowed")],
    "integers": [("1", "an int or a list"), ([1.5], "integers"), ({1: 2}, "integers|value")],
    "shape": [("1", "an int or a list"), ([1.5], "integers")],
    "enumeration": [(99, "one of mpsg"), ("NOTHING", "one of mpsg"), (1.5, "one of mpsg")],
    "data_type": [],  # TypeError, as Python's dtype does
    "types": [(3, "types"), ([3], "a shape and a data type")],
    "data": [("text", "not supported")],
}


def of_row(row: str) -> Iterator[Mistake]:
    spec = ROWS[row]
    given = MINIMAL_CALLS[row].shapes
    yield from of_binding(row)
    for operand in spec["operands"]:
        name = operand["name"]
        if name in given and not operand["variadic"]:
            yield from of_operand(row, operand)
    yield from of_types(row)
    descriptor = spec["descriptor"]
    operands = {o["name"] for o in spec["operands"]}
    for attribute in spec["attributes"]:
        if attribute["hidden"] or attribute["descriptor"]:
            continue
        if not attribute["or_tensor"] and attribute["name"] in operands:
            continue
        yield from of_attribute(attribute, lambda name, value: {name: value})
    if descriptor:
        yield from of_descriptor(row)


def of_binding(row: str) -> Iterator[Mistake]:
    """What Python itself says of a call that does not fit the signature."""
    spec = ROWS[row]
    required = [p["name"] for p in spec["parameters"] if not p["optional"]]
    if required:
        yield Mistake({}, f"{required[0]}.*signature is {row}", without=(required[0],), python=True)
    yield Mistake({"axes_": 1}, f"axes_.*signature is {row}", python=True)
    yield Mistake({"name": 3}, "name.*str.*3", python=True)
    free = [p["name"] for p in spec["parameters"] if not p["keyword_only"]]
    yield Mistake({}, "positional|twice", before=(1,) * (len(free) + 1), python=True)
    for attribute in spec["attributes"]:
        if attribute["kind"] == "data_type" and not attribute["descriptor"]:
            yield Mistake({attribute["name"]: "float31"}, "float31.*float32.*int8", python=True)


def of_operand(row: str, operand: dict[str, Any]) -> Iterator[Mistake]:
    name = operand["name"]
    if not operand["optional"]:
        yield Mistake({name: None}, f"'{name}' is missing")
    yield Mistake({name: "text"}, f"'{name}' must be a tensor or a number, got 'text'")
    yield Mistake({name: [1.0]}, rf"'{name}' must be a tensor or a number, got \[1.0\]")
    yield Mistake({name: FOREIGN_TENSOR}, f"'{name}'.*foreign.*another graph")


def of_types(row: str) -> Iterator[Mistake]:
    shapes = MINIMAL_CALLS[row].shapes
    for group, supported in groups_of(row).items():
        wrong = [name for name in ALL if name not in supported]
        operand = next(o for o in ROWS[row]["operands"] if o["group"] == group)
        shape = shapes.get(operand["name"])
        if not wrong or not isinstance(shape, tuple) or operand["role"] == "variable":
            continue
        item = Placeholder(wrong[0], shape, list(shape), 0)
        words = f"'{operand['name']}' is {wrong[0]}; supported: {', '.join(supported)}.*graph.cast"
        yield Mistake({operand["name"]: item}, words)


def of_attribute(spec: dict[str, Any], change: Any) -> Iterator[Mistake]:
    name = spec["name"]
    optional = not spec["required"] and spec.get("default") is None
    for value, words in WRONG_KINDS[spec["kind"]]:
        if value is None and optional:
            continue
        yield Mistake(change(name, value), f"'{name}'.*({words})")
    if spec["kind"] == "integer" and spec.get("minimum", 0) > -(2**40):
        if "minimum" in spec:
            least = int(spec["minimum"])
            yield Mistake(change(name, least - 1), f"'{name}' is {least - 1}; allowed: {least}")
        if spec.get("maximum", 2**60) < 2**53:
            most = int(spec["maximum"])
            yield Mistake(change(name, most + 1), f"'{name}' is {most + 1}; allowed: .* {most}")
        yield Mistake(change(name, 2**63), f"'{name}' does not fit into 64 bits")


def of_descriptor(row: str) -> Iterator[Mistake]:
    parameter, kind = ROWS[row]["descriptor_parameter"], ROWS[row]["descriptor"]
    other = mpsg.FFTDescriptor() if kind != "FFTDescriptor" else mpsg.LSTMDescriptor()
    required = any(p["name"] == parameter and not p["optional"] for p in ROWS[row]["parameters"])
    wrongs: list[Any] = [other, "text", {"stride": 1}, *([None] if required else [])]
    for wrong in wrongs:
        yield Mistake({parameter: wrong}, f"'{parameter}' must be an mpsg.{kind}, got ")
    fields = MINIMAL_CALLS[row].fields

    def change(name: str, value: Any) -> dict[str, Any]:
        return descriptor_of(row, {**fields, name: value})

    for spec in FIELDS[kind]:
        if spec["kind"] == "data_type":
            made = change(spec["name"], "float31")
            yield Mistake(made, "float31.*float32.*int8", python=True)
        else:
            yield from of_attribute(spec, change)


MISTAKES: dict[str, list[Mistake]] = {row: list(of_row(row)) for row in ROWS}
