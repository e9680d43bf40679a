"""A graph of mpsg as records that exporters read: rows, operands by name, attributes."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any, NoReturn

import numpy as np

import mpsg
from mpsg import Graph, Tensor
from mpsg._mpsg import op_table


@dataclass
class Value:
    """A tensor: its name in the ONNX model, and its type."""

    name: str
    data_type: mpsg.DataType
    shape: list[int] | None

    @property
    def rank(self) -> int:
        """GraphError if it is open."""
        if self.shape is None:
            raise mpsg.GraphError(f"the rank of '{self.name}' is not known")
        return len(self.shape)

    @property
    def floating(self) -> bool:
        """Is it a real number?"""
        return self.data_type in (mpsg.float16, mpsg.bfloat16, mpsg.float32, mpsg.float64)


@dataclass
class Step:
    """An operation."""

    row: str
    name: str
    attributes: dict[str, Any]
    operands: dict[str, list[Value]]
    outputs: list[Value]
    regions: list[int] = field(default_factory=list)

    def __getitem__(self, operand: str) -> Value:
        return self.operands[operand][0]

    def has(self, operand: str) -> bool:
        """Is the operand given?"""
        return bool(self.operands.get(operand))

    def fail(self, reason: str) -> NoReturn:
        """GraphError; the exporter adds which operation it is."""
        raise mpsg.GraphError(reason)


@dataclass
class Region:
    """A body: its operations, the values that stand for what it is given, its results."""

    steps: list[int]
    arguments: list[Value]
    captures: list[Value]
    declared: int
    results: list[Value]


class Record:
    """All operations of a graph by their numbers."""

    def __init__(self, graph: Graph) -> None:
        text = json.loads(graph.to_json())
        operands = {row["name"]: row["operands"] for row in json.loads(op_table())["rows"]}
        self._values: dict[tuple[int, int], Value] = {}
        self.steps: dict[int, Step] = {}
        self.inputs: dict[int, list[int]] = {}  # which operations' results each one reads
        self.constants: dict[int, np.ndarray[Any, Any]] = {}
        for entry in text["operations"]:
            self._add(entry, operands[entry["op"]])
        self.regions = [self._region(i, entry, text) for i, entry in enumerate(text["regions"])]
        self._tensors = {
            tensor: (number, i)
            for number, operation in zip(self.steps, graph.operations, strict=True)
            for i, tensor in enumerate(operation.output_tensors)
        }
        self.variables = {
            number: operation.output_tensors[0]
            for number, operation in zip(self.steps, graph.operations, strict=True)
            if operation.op == "variable"
        }

    def _add(self, entry: dict[str, Any], declared: list[dict[str, Any]]) -> None:
        number = int(entry["id"])
        outputs = []
        for i, output in enumerate(entry["outputs"]):
            name = f"{entry['name']}_{number}" + (f"_{i}" if i else "")
            value = Value(name, mpsg.data_type(output["data_type"]), output["shape"])
            self._values[number, i] = value
            outputs.append(value)
        given = [self._values[source, i] for source, i in entry["inputs"]]
        operands: dict[str, list[Value]] = {}
        at = 0
        for operand, count in zip(declared, entry["segments"], strict=True):
            operands[operand["name"]] = given[at : at + count]
            at += count
        attributes = dict(entry["attributes"])
        if entry["op"] in ("constant", "variable"):
            data_type = mpsg.data_type(attributes["data_type"]).numpy()
            raw = np.frombuffer(bytes.fromhex(attributes.pop("value")), data_type)
            # One number stands for all elements.
            shape = attributes["shape"]
            whole = np.full(shape, raw[0]) if raw.size == 1 else raw.reshape(shape)
            self.constants[number] = whole
        self.inputs[number] = [source for source, _ in entry["inputs"]]
        self.steps[number] = Step(
            entry["op"], entry["name"], attributes, operands, outputs, entry.get("regions", [])
        )

    def _region(self, index: int, entry: dict[str, Any], text: dict[str, Any]) -> Region:
        def values(places: list[list[int]]) -> list[Value]:
            return [self._values[number, i] for number, i in places]

        return Region(
            [int(o["id"]) for o in text["operations"] if o.get("region", 0) == index],
            values(entry["arguments"]),
            values(entry["captures"]),
            int(entry["declared_arguments"]),
            values(entry["results"]),
        )

    def value(self, tensor: Tensor) -> Value:
        """The record of a tensor of the graph."""
        return self._values[self._tensors[tensor]]

    def needed(self, tensors: list[Tensor]) -> set[int]:
        """The operations that these tensors follow from."""
        stack = [self._tensors[tensor][0] for tensor in tensors]
        found: set[int] = set()
        while stack:
            number = stack.pop()
            if number not in found:
                found.add(number)
                stack.extend(self.inputs[number])
        return found
