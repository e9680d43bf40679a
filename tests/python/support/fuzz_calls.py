"""Random calls of rows, drawn from the op table: a minimal call of a row with a few of its
arguments changed, to what the table allows or to anything at all. A seed is a call.
"""

from __future__ import annotations

import random
from typing import Any

import mpsg
from support.call_items import (
    EXTENTS,
    FIELDS,
    FOREIGN_TENSOR,
    Block,
    Constant,
    Descriptor,
    Huge,
    Placeholder,
    Several,
    Variable,
    Where,
    legal_attribute,
    made,
    wild,
)
from support.graph_generator import is_exact
from support.minimal_calls import MINIMAL_CALLS, usual_type
from support.numbers import ALL
from support.table import ROWS

NAMES = list(ROWS)
UNTYPED = ("data_type", "types")


class RandomCall:
    def __init__(self, seed: str) -> None:
        self.seed = seed
        self.random = random.Random(seed)
        self.row = self.random.choice(NAMES)
        self.spec = ROWS[self.row]
        self.operands = {o["name"]: o for o in self.spec["operands"]}
        self.attributes = {
            a["name"]: a
            for a in self.spec["attributes"]
            if not a["hidden"] and not a["descriptor"] and a["name"] not in self.operands
        } | {a["name"]: a for a in self.spec["attributes"] if a["or_tensor"]}
        self.parameters = [p["name"] for p in self.spec["parameters"]]
        self.open = self.random.random() < 0.25
        # Infinities and NaN where every device has the same bits, or each element its own bound.
        bounded = self.spec["elementwise"] or is_exact(self.row, "float32")
        self.special = bounded and self.random.random() < 0.4
        self.types = self.group_types()
        self.positional: list[Any] = []
        self.arguments = self.right_arguments()
        self.change()

    # The call that is right

    def group_types(self) -> dict[str, str]:
        chosen = {}
        for group, names in self.spec["types"].items():
            name = usual_type(names)
            if self.random.random() < 0.5:
                name = self.random.choice(names)
            chosen[group] = name
        return chosen

    def tensor(self, operand: str, shape: tuple[int, ...], type: str | None = None) -> Any:
        spec = self.operands[operand]
        name = type or self.types.get(spec["group"]) or self.random.choice(ALL)
        low, high = MINIMAL_CALLS[self.row].ranges.get(operand, (-3, 3))
        if spec["role"] == "variable":
            return Variable(name, shape)
        if spec["role"] == "shape":
            return Constant(name, self.random.randint(0, 2))
        seed = self.random.getrandbits(32)
        declared: list[int] | None = list(shape)
        if self.open:
            declared = [-1 if self.random.random() < 0.5 else size for size in shape]
            declared = None if self.random.random() < 0.2 else declared
        special = self.special and (low, high) == (-3, 3)
        return Placeholder(name, shape, declared, seed, low, high, special)

    def right_arguments(self) -> dict[str, Any]:
        call = MINIMAL_CALLS[self.row]
        arguments: dict[str, Any] = {}
        for operand, shape in call.shapes.items():
            if isinstance(shape, list):
                arguments[operand] = Several([self.tensor(operand, each) for each in shape])
            else:
                arguments[operand] = self.tensor(operand, shape)
        arguments |= call.attributes
        if self.spec["descriptor"]:
            arguments[self.spec["descriptor_parameter"]] = Descriptor(
                self.spec["descriptor"], dict(call.fields)
            )
        for block in self.spec["blocks"]:
            flag = "false" if self.row == "while_loop" and block["name"] == "before" else "none"
            arguments[block["name"]] = Block(predicate=flag)
        for parameter in self.spec["parameters"]:
            if not parameter["optional"]:
                arguments.setdefault(parameter["name"], None)
        return arguments

    # What is changed

    def change(self) -> None:
        chance = self.random.random()
        if chance < 0.12:
            return
        if chance < 0.2:
            self.anything()
        count = self.random.choice([1, 1, 1, 2, 2, 3, 4])
        for _ in range(count):
            self.random.choice(
                [
                    *(self.change_attribute, self.change_attribute, self.change_shapes),
                    *(self.change_shape, self.change_shape, self.change_type, self.add_optional),
                    *(self.change_field, self.change_field, self.replace, self.binding),
                ]
            )()

    def anything(self) -> None:
        for name in self.arguments:
            if self.random.random() < 0.4:
                self.arguments[name] = wild(self.random)

    def tensors(self) -> list[tuple[Any, Any, Placeholder]]:
        """Where the placeholders are: a container, a key, and the placeholder."""
        found = []
        for name, item in self.arguments.items():
            if isinstance(item, Placeholder):
                found.append((self.arguments, name, item))
            if isinstance(item, Several):
                found += [
                    (item.items, at, each)
                    for at, each in enumerate(item.items)
                    if isinstance(each, Placeholder)
                ]
        return found

    def rank(self) -> int:
        tensors = self.tensors()
        return len(tensors[0][2].shape) if tensors else 2

    def change_attribute(self) -> None:
        if not self.attributes:
            return self.change_shape()
        name = self.random.choice(list(self.attributes))
        spec = self.attributes[name]
        chance = self.random.random()
        if chance < 0.65:
            value = legal_attribute(spec, self.rank(), self.random)
        else:
            value = wild(self.random)
        if spec["or_tensor"] and self.random.random() < 0.2:
            value = self.as_tensor(value)
        self.arguments[name] = value
        return None

    def as_tensor(self, value: Any) -> Any:
        """The same numbers as a tensor: a constant, or fed."""
        numbers = value if isinstance(value, (int, list)) else [1, 2]
        flat = numbers if isinstance(numbers, list) else [numbers]
        if not all(type(n) is int and abs(n) < 2**31 for n in flat):
            numbers = [1, 2]
        name = self.random.choice(["int32", "int64", "int32", "int64", "uint8", "float32", "bool"])
        if name in {"uint8", "bool"}:
            numbers = 1
        if self.random.random() < 0.6:
            return Constant(name, numbers)
        shape = (len(numbers),) if isinstance(numbers, list) else ()
        return Placeholder(name, shape, list(shape), self.random.getrandbits(32), 0, 3)

    def changed(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        sizes = list(shape)
        chance = self.random.random()
        if sizes and chance < 0.5:
            sizes[self.random.randrange(len(sizes))] = self.random.choice([0, 1, 1, 2, 3, 4, 5])
        elif sizes and chance < 0.65:
            del sizes[self.random.randrange(len(sizes))]
        elif chance < 0.85:
            sizes.insert(self.random.randint(0, len(sizes)), self.random.choice([0, 1, 2, 1]))
        elif chance < 0.9:
            sizes = [1] * self.random.choice([13, 14, 15, 16, 17, 20]) + sizes[-2:]
        else:
            sizes = [self.random.choice([0, 1, 2, 3]) for _ in range(self.random.randint(0, 6))]
        return tuple(sizes)

    def change_shapes(self) -> None:
        """The same change of every operand of one shape."""
        tensors = self.tensors()
        if not tensors:
            return
        before = self.random.choice(tensors)[2].shape
        after = self.changed(before)
        for container, key, item in tensors:
            if item.shape == before:
                container[key] = self.with_shape(item, after)

    def change_shape(self) -> None:
        tensors = self.tensors()
        if not tensors:
            return
        container, key, item = self.random.choice(tensors)
        if self.random.random() < 0.15:
            sizes: list[Any] = list(item.shape) or [1]
            sizes[self.random.randrange(len(sizes))] = self.random.choice(EXTENTS)
            container[key] = Huge(item.type, sizes)
        else:
            container[key] = self.with_shape(item, self.changed(item.shape))

    def with_shape(self, item: Placeholder, shape: tuple[int, ...]) -> Placeholder:
        declared: list[int] | None = list(shape)
        if self.open:
            declared = self.random.choice([None, [-1] * len(shape), declared])
        return Placeholder(item.type, shape, declared, item.seed, item.low, item.high, item.special)

    def change_type(self) -> None:
        tensors = self.tensors()
        if not tensors:
            return
        container, key, item = self.random.choice(tensors)
        name = self.random.choice(ALL)
        container[key] = Placeholder(
            name, item.shape, item.declared, item.seed, item.low, item.high, item.special
        )

    def add_optional(self) -> None:
        names = [n for n, o in self.operands.items() if o["optional"] and n in self.parameters]
        names = [n for n in names if n not in self.attributes]
        if not names:
            return self.change_attribute()
        name = self.random.choice(names)
        tensors = self.tensors()
        shape = self.random.choice(tensors)[2].shape if tensors else (2,)
        for _ in range(self.random.randint(0, 2)):
            shape = self.changed(shape)
        self.arguments[name] = self.tensor(name, shape)
        return None

    def change_field(self) -> None:
        parameter = self.spec["descriptor_parameter"]
        item = self.arguments.get(parameter) if parameter else None
        if not isinstance(item, Descriptor):
            return self.change_attribute()
        spec = self.random.choice(FIELDS[item.type])
        legal = self.random.random() < 0.7
        rank = len(spec.get("default") or []) if spec["kind"] == "integers" else 2
        value = legal_attribute(spec, rank or 4, self.random) if legal else wild(self.random)
        item.fields[spec["name"]] = value
        return None

    def replace(self) -> None:
        """Something else in the place of a tensor, a list, a descriptor or a function."""
        if not self.arguments:
            return
        name = self.random.choice(list(self.arguments))
        item = self.arguments[name]
        if isinstance(item, Several) and self.random.random() < 0.7:
            change = self.random.choice(["none", "double", "wild"])
            if change == "double":
                item.items = item.items * 2
            else:
                item.items = [] if change == "none" else [*item.items, wild(self.random)]
        elif isinstance(item, Block):
            choices: list[Any] = [Block(0), Block(1, predicate="wrong"), Block(returned="x"), None]
            self.arguments[name] = self.random.choice([*choices, Block(returned=[3]), 3])
        elif isinstance(item, Descriptor) and self.random.random() < 0.5:
            name_of = self.random.choice(["FFTDescriptor", "LSTMDescriptor", "StencilOpDescriptor"])
            self.arguments[name] = Descriptor(name_of, {})
        elif name in self.operands and self.random.random() < 0.3:
            self.arguments[name] = Variable(self.random.choice(["float32", "int32"]), (2, 3))
        elif name in self.operands and self.random.random() < 0.1:
            self.arguments[name] = FOREIGN_TENSOR
        else:
            self.arguments[name] = wild(self.random)

    def binding(self) -> None:
        """Python's mistakes: a parameter missing, unknown, given twice; a name that is no text."""
        chance = self.random.random()
        if chance < 0.3 and self.arguments:
            del self.arguments[self.random.choice(list(self.arguments))]
        elif chance < 0.5:
            self.arguments[self.random.choice(["axes", "axis", "x", "tensor", "dim"])] = 1
        elif chance < 0.7:
            self.arguments["name"] = self.random.choice(["n", "", None, 3, b"n", "\N{SNOWMAN} \n"])
        else:
            self.positional = [wild(self.random) for _ in range(self.random.randint(1, 3))]

    # The call itself

    def is_binding_mistake(self) -> bool:
        """Would a Python function of this signature refuse the arguments, or is something no data
        type? Then, and only then, TypeError is right.
        """
        parameters = self.spec["parameters"]
        free = [p["name"] for p in parameters if not p["keyword_only"]]
        given = set(free[: len(self.positional)])
        if len(self.positional) > len(free) or given & set(self.arguments):
            return True
        if any(name != "name" and name not in self.parameters for name in self.arguments):
            return True
        given |= set(self.arguments)
        if any(not p["optional"] and p["name"] not in given for p in parameters):
            return True
        if not isinstance(self.arguments.get("name"), str | None):
            return True
        return False

    def names_no_type(self) -> bool:
        """Is something that should name a data type no name of one?"""
        given = dict(zip(self.parameters, self.positional, strict=False)) | self.arguments
        for name, spec in self.attributes.items():
            if spec["kind"] == "data_type" and name in given and not is_type(given[name]):
                return True
            if spec["kind"] == "types" and isinstance(given.get(name), list | tuple):
                return True
        for item in given.values():
            if isinstance(item, Descriptor):
                for spec in FIELDS[item.type]:
                    value = item.fields.get(spec["name"], "float32")
                    if spec["kind"] == "data_type" and not is_type(value):
                        return True
        return False

    def needs_fields(self) -> bool:
        """Does a descriptor lack a field, or has it one too many? Then Python refuses it."""
        return any(
            isinstance(item, Descriptor)
            and any(f["required"] and f["name"] not in item.fields for f in FIELDS[item.type])
            for item in self.arguments.values()
        )

    def arguments_in(self, where: Where) -> dict[str, Any]:
        return {name: made(item, where) for name, item in self.arguments.items()}

    def make(self, where: Where, arguments: dict[str, Any]) -> Any:
        return getattr(where.graph, self.row)(*self.positional, **arguments)

    def __str__(self) -> str:
        given = [repr(item) for item in self.positional]
        given += [f"{name}={item!r}" for name, item in self.arguments.items()]
        return f"{self.row}({', '.join(given)})"


def is_type(value: Any) -> bool:
    try:
        mpsg.data_type(value)
    except TypeError:
        return False
    return True
