"""What a random call's arguments are made of: descriptions that a graph turns into arguments, so
that one call can be made in several graphs and printed when it goes wrong.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mpsg
from support.numbers import ALL, numpy_type, special_values, values
from support.table import TABLE

ENUMS: dict[str, dict[str, int]] = {
    enum["name"]: dict(enum["cases"]) for enum in TABLE["enums"] if enum["cases"]
}
FIELDS: dict[str, list[dict[str, Any]]] = {d["name"]: d["fields"] for d in TABLE["descriptors"]}
FOREIGN = mpsg.Graph()
FOREIGN_TENSOR = FOREIGN.placeholder([2, 3], mpsg.float32, name="foreign")


@dataclass
class Where:
    """A graph that is being built: its placeholders with what they are fed."""

    graph: mpsg.Graph = field(default_factory=mpsg.Graph)
    feeds: dict[mpsg.Tensor, np.ndarray] = field(default_factory=dict)
    variables: list[mpsg.Tensor] = field(default_factory=list)


@dataclass
class Placeholder:
    type: str
    shape: tuple[int, ...]  # what is fed
    declared: list[int] | None
    seed: int
    low: float = -3
    high: float = 3
    special: bool = False  # infinities, NaN, the ends of the type

    def array(self) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        array = values(self.type, self.shape, rng, self.low, self.high)
        if self.special and array.size:
            chosen = special_values(self.type)
            places = rng.integers(0, array.size, array.size // 2 + 1)
            array.reshape(-1)[places] = rng.choice(chosen, len(places))
        return array

    def make(self, where: Where) -> mpsg.Tensor:
        tensor = where.graph.placeholder(self.declared, self.type)
        where.feeds[tensor] = self.array()
        return tensor


@dataclass
class Huge:
    """A placeholder that nothing is fed to: the call is only built."""

    type: str
    declared: list[int]

    def make(self, where: Where) -> mpsg.Tensor:
        return where.graph.placeholder(self.declared, self.type)


@dataclass
class Constant:
    type: str
    numbers: Any

    def make(self, where: Where) -> mpsg.Tensor:
        return where.graph.constant(np.array(self.numbers, numpy_type(self.type)))


@dataclass
class Variable:
    type: str
    shape: tuple[int, ...]

    def make(self, where: Where) -> mpsg.Tensor:
        array = values(self.type, self.shape, np.random.default_rng(1))
        where.variables.append(where.graph.variable(array))
        return where.variables[-1]


@dataclass
class Several:
    items: list[Any]

    def make(self, where: Where) -> list[Any]:
        return [made(item, where) for item in self.items]


@dataclass
class Descriptor:
    type: str
    fields: dict[str, Any]

    def make(self, where: Where) -> Any:
        given = {name: made(item, where) for name, item in self.fields.items()}
        return getattr(mpsg, self.type)(**given)


@dataclass
class Block:
    """A body that returns `count` of its arguments (None: all), or something else."""

    count: int | None = None
    returned: Any = None
    predicate: str = "false"

    def make(self, where: Where) -> Callable[..., Any]:
        def body(*arguments: Any) -> Any:
            if self.returned is not None:
                return self.returned
            given = list(arguments[-1]) if arguments else []
            given = given if self.count is None else given[: self.count]
            if self.predicate == "none":
                return given
            wrong = self.predicate == "wrong"
            flag = where.graph.constant(1.0 if wrong else False)
            return (flag, given)

        return body


def made(item: Any, where: Where) -> Any:
    return item.make(where) if hasattr(item, "make") else item


class Odd:
    """An object that mpsg knows nothing of."""

    def __repr__(self) -> str:
        return "Odd()"


INTEGERS = [0, 1, -1, 2, 3, -2, 4, 7, 16, 17, 127, 128, -129, 255, 256, 65536, 2**31 - 1, 2**31]
HUGE_INTEGERS = [-(2**31) - 1, 2**40, 2**53 + 1, 2**62, 2**63 - 1, -(2**63), 2**63, 2**64, -(2**70)]
REALS = [0.5, -0.5, 1.5, -0.0, 1e-320, 1e308, 3.5e38, 65504.0, 1e300, 0.1]
NOT_NUMBERS = [float("nan"), float("inf"), float("-inf")]
OTHERS: list[Any] = [
    *(None, "x", "", b"x", [], (), [1], [[1], [2, 3]], [None], {}, {1: 2}, Odd(), Ellipsis, int),
    *(complex(1, 2), range(3), slice(2), mpsg.float32, FOREIGN_TENSOR, FOREIGN, "float32", "SUM"),
    *(np.float32(1.5), np.int8(-3), np.float64("nan"), np.bool_(True), np.array(2), np.array("x")),
    *(np.array([1, 2], np.float32), np.zeros((0, 2)), np.zeros((2, 3), np.float16), np.arange(3)),
    *(np.zeros((2, 3), np.longdouble), np.array([None]), np.zeros((1,) * 17), [2**70], [True]),
    *([1.5], [float("nan")], ["x"], [FOREIGN_TENSOR], np.uint64(2**63), lambda: None),
]
EXTENTS = [-1, -2, 0, 1, 17, 300, 2**16, 2**31 - 1, 2**31, 2**40, 2**62, 2**63 - 1, -(2**63), 2**64]


def wild(random: random.Random) -> Any:
    """Any value at all."""
    chance = random.random()
    if chance < 0.3:
        return random.choice(INTEGERS)
    if chance < 0.4:
        return random.choice(HUGE_INTEGERS)
    if chance < 0.5:
        return random.choice([*REALS, *NOT_NUMBERS, True, False])
    if chance < 0.65:
        return [random.choice([*INTEGERS[:8], *EXTENTS]) for _ in range(random.randint(0, 5))]
    return random.choice(OTHERS)


def legal_attribute(spec: dict[str, Any], rank: int, random: random.Random) -> Any:
    """A value that the table allows; `rank` is that of the first operand."""
    kind, name = spec["kind"], spec["name"]
    if not spec["required"] and spec.get("default") is None and random.random() < 0.1:
        return None
    if kind == "boolean":
        return random.random() < 0.5
    if kind == "integer":
        low, high = int(spec.get("minimum", -(2**63))), int(spec.get("maximum", 2**63))
        if name.startswith(("axis", "dimension", "batch_axis")) or name.endswith("_axis"):
            return random.randint(-rank - 1, rank)
        return max(min(random.choice([0, 1, 1, 2, 2, 3, 4, -1]), high), low)
    if kind == "real":
        return random.choice([0, 1, 0.5, 0.25, 2.0, -1.0])
    if kind == "text":
        return random.choice(["f", "", "g"])
    if kind == "enumeration":
        cases = ENUMS[spec["enum"]]
        chosen = random.choice(list(cases))
        return random.choice([cases[chosen], chosen, getattr(mpsg, spec["enum"])[chosen]])
    if kind == "data_type":
        return random.choice(ALL)
    if kind == "types":
        count = random.randint(0, 2)
        return [([random.randint(-1, 3)], random.choice(ALL)) for _ in range(count)]
    if kind == "data":
        return random.choice([1, 0.5, True, [1, 2], [0.5], np.arange(4), np.ones((1, 2))])
    if name in {"axes", "permutation", "spatial_axes"}:
        axes = random.sample(range(rank), random.randint(0, rank) if rank else 0)
        return [axis - rank if random.random() < 0.3 else axis for axis in axes]
    return [random.choice([0, 1, 1, 2, 2, 3, 4, -1]) for _ in range(rank or random.randint(0, 4))]
