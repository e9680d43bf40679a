"""The op table, as the compiled module tells it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

# As people say them, in the order in which they are said.
TYPE_SETS = {
    "floating-point": ["float16", "bfloat16", "float32", "float64"],
    "integers": ["int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"],
    "signed integers": ["int8", "int16", "int32", "int64"],
}
DATA_TYPES = [
    *TYPE_SETS["floating-point"],
    *TYPE_SETS["integers"],
    "bool",
    "complex64",
    "int4",
    "uint4",
]


def types_text(names: list[str]) -> str:
    """A set of data types in words: "floating-point, integers, complex64"."""
    left = [name for name in DATA_TYPES if name in names]
    if left == DATA_TYPES:
        return "any"
    words = []
    for word, members in TYPE_SETS.items():
        if set(members) <= set(left):
            words.append(word)
            left = [name for name in left if name not in members]
    return ", ".join([*words, *left])


@dataclass(frozen=True)
class Enum:
    name: str
    cases: list[tuple[str, int]]
    documentation: str

    def case_name(self, case: str | int) -> str:
        """The name of a case given by its name or its number."""
        return next(name for name, number in self.cases if case in (name, number))


@dataclass(frozen=True)
class Attribute:
    name: str
    kind: str
    required: bool = False
    or_tensor: bool = False
    keyword_only: bool = False
    hidden: bool = False
    descriptor: str = ""
    default: Any = None
    enum: str = ""
    minimum: float | None = None
    maximum: float | None = None


@dataclass(frozen=True)
class Descriptor:
    name: str
    fields: list[Attribute]
    documentation: str


@dataclass(frozen=True)
class Operand:
    name: str
    group: str
    role: str
    optional: bool
    variadic: bool
    keyword_only: bool


@dataclass(frozen=True)
class Parameter:
    """One parameter of an operation's method: in the order of the signature."""

    name: str
    kind: str  # "operand", "attribute", "block", "descriptor"
    type: str  # in Python
    optional: bool
    default: str  # in Python
    keyword_only: bool


@dataclass(frozen=True)
class Row:
    name: str
    family: str
    documentation: str
    selectors: list[tuple[str, str]]  # Apple's name, first macOS
    operands: dict[str, Operand]
    attributes: dict[str, Attribute]
    results: list[str]
    types: dict[str, list[str]]  # of each group of operands
    descriptor: str
    parameters: list[Parameter]
    internal: bool
    composite: bool
    pure: bool
    random: bool
    has_gradient: bool
    not_differentiable: str
    stitches: bool
    not_stitchable: str
    signature: str

    @property
    def result_is_list(self) -> bool:
        return len(self.results) > 1 or self.results == ["..."]

    @property
    def condition_of_results(self) -> str:
        """The optional operand without which only the first result exists: "state"."""
        names = (parameter.name for parameter in self.parameters if parameter.optional)
        return next((name for name in names if name in self.results[1:]), "")


@dataclass(frozen=True)
class Table:
    rows: list[Row]  # those that are methods of Graph, in the table's order
    enums: list[Enum]
    descriptors: list[Descriptor]

    def enum(self, name: str) -> Enum:
        return next(enum for enum in self.enums if enum.name == name)

    def descriptor(self, name: str) -> Descriptor:
        return next(descriptor for descriptor in self.descriptors if descriptor.name == name)

    def families(self) -> dict[str, list[Row]]:
        families: dict[str, list[Row]] = {}
        for row in sorted(self.rows, key=lambda row: (row.family, row.name)):
            families.setdefault(row.family, []).append(row)
        return families


def to_row(entry: dict[str, Any]) -> Row:
    fields = {name: entry[name] for name in Row.__dataclass_fields__}
    fields["selectors"] = [(each["name"], each["macos"]) for each in entry["selectors"]]
    fields["operands"] = {each["name"]: Operand(**each) for each in entry["operands"]}
    fields["attributes"] = {each["name"]: Attribute(**each) for each in entry["attributes"]}
    # An integer given as a tensor is int32 or int64 wherever it may be one.
    fields["types"] = {
        group: types for group, types in entry["types"].items() if not group.startswith("integer:")
    }
    fields["parameters"] = [Parameter(**each) for each in entry["parameters"]]
    return Row(**fields)


def to_descriptor(entry: dict[str, Any]) -> Descriptor:
    fields = [Attribute(**each) for each in entry["fields"]]
    return Descriptor(entry["name"], fields, entry["documentation"])


def read(text: str) -> Table:
    """From what `mpsg._mpsg.op_table()` returns."""
    parsed = json.loads(text)
    return Table(
        rows=[to_row(entry) for entry in parsed["rows"] if not entry["internal"]],
        enums=[
            Enum(each["name"], [tuple(case) for case in each["cases"]], each["documentation"])
            for each in parsed["enums"]
        ],
        descriptors=[to_descriptor(entry) for entry in parsed["descriptors"]],
    )
