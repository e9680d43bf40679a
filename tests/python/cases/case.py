"""One case: operands, attributes, and what somebody else's library says the result is."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import mpsg
from support.running import DECLARED


@dataclass
class Case:
    row: str
    arrays: list[np.ndarray]
    # The true results, in a wide type: arrays, one for each result.
    wanted: Any
    attributes: dict[str, Any] = field(default_factory=dict)
    # Roundings between the operands and the result; 0: the result is exact.
    operations: float | np.ndarray = 0
    # What the error is relative to: the result itself, unless sums may cancel.
    scale: np.ndarray | None = None
    # The type that sums are in, if not the usual one.
    compute: str | None = None
    # The type that the cpu's kernels sum in, where the reference loops take a wider one.
    cpu_compute: str | None = None
    signed_zeros: bool = True
    # Equal bits on all devices: not for sums whose order a library chooses.
    same_bits: bool = True
    declared: tuple[str, ...] = tuple(DECLARED)
    call: Callable[[mpsg.Graph, list[mpsg.Tensor]], Any] | None = None
    label: str = ""

    def build(self, graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        if self.call:
            return self.call(graph, tensors)
        return getattr(graph, self.row)(*tensors, **self.attributes)

    def __str__(self) -> str:
        operands = ", ".join(f"{a.dtype.name}{list(a.shape)}" for a in self.arrays)
        attributes = "".join(f", {name}={value}" for name, value in self.attributes.items())
        return f"{self.row}({operands}{attributes}) {self.label}".strip()


# row -> the cases of one data type; a row without operands has the one type "".
Cases = dict[str, Callable[[str], Iterable[Case]]]
