"""What an executable says of itself, brought together step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mpsg.show._op_families import Family, family_of

if TYPE_CHECKING:
    from mpsg import (
        Executable,
        KernelInfo,
        KernelProfile,
        MemoryReport,
        Profile,
        RegionInfo,
        ValueInfo,
    )


_REDUCTION = "reduction and norm"
_CONTROL = ("if_else", "for_loop", "while_loop")


@dataclass(frozen=True)
class Step:
    """One kernel.

    Attributes:
        root: The convolution, product or pooling whose result the members work on; "" for none.
        stitched: Whether generated code runs in it.
        makers: For each tensor that it reads, the step that made it.
        readers: For each tensor that it makes, the steps that read it, in order.
        time: What was measured of it, if anything.
    """

    number: int
    region: RegionInfo
    kernel: KernelInfo
    root: str
    stitched: bool
    makers: dict[int, int]
    readers: dict[int, list[int]]
    time: KernelProfile | None

    @property
    def operations(self) -> int:
        """How many operations it does."""
        return len(self.region.members) + bool(self.root)

    @property
    def segments(self) -> int:
        """How often its code runs in one launch, over other operands each time."""
        return self.region.segments

    @property
    def runs_bodies(self) -> bool:
        """Whether it is a loop or a condition."""
        return self.region.operation in _CONTROL

    @property
    def names(self) -> list[str]:
        """The rows of what it does, in order."""
        rows = [member.operation for member in self.region.members]
        return [self.root, *rows] if self.root else rows

    @property
    def family(self) -> Family:
        """Of the operation that costs most: the root, else a reduction if there is one."""
        families = [family_of(name) for name in [self.root] if name] or [
            family_of(name) for name in self.names
        ]
        reductions = [family for family in families if family.title == _REDUCTION]
        return (reductions or families or [family_of(self.region.operation)])[-1]


@dataclass(frozen=True)
class Lane:
    """A block of the arena and how long it is needed, by whoever shares it."""

    tensor: ValueInfo
    first: int
    last: int


@dataclass(frozen=True)
class StitchingData:
    """Everything that the page shows.

    Attributes:
        graph_operations: Of the graph that was compiled; ``None`` if the executable has no tensor
            that leads to it.
    """

    steps: Sequence[Step]
    tensors: Sequence[ValueInfo]
    memory: MemoryReport
    lanes: Sequence[Lane]
    profile: Profile | None
    device: str
    plan: str
    graph_operations: int | None


def read_executable(executable: Executable, profile: Profile | None) -> StitchingData:
    """Ask the executable for all of it, once.

    Raises:
        ValueError: The profile has another number of kernels than the executable.
    """
    regions, kernels, memory = executable.regions, executable.kernels, executable.memory
    if profile is not None and len(profile.kernels) != len(kernels):
        raise ValueError(
            f"the profile has {len(profile.kernels)} kernels, the executable {len(kernels)}: "
            "give the one that executable.profile(...) returned"
        )
    makers: list[dict[int, int]] = [{} for _ in regions]
    tensors = memory.tensors
    roots = [_owner(tensors, tensor.id) for tensor in tensors]
    readers: list[dict[int, list[int]]] = [{} for _ in regions]
    for edge in executable.edges:
        makers[edge.target][edge.tensor] = edge.source
        made = _made_by(regions[edge.source], tensors, edge.tensor)
        known = readers[edge.source].setdefault(made, [])
        if edge.target not in known:
            known.append(edge.target)
    times = profile.kernels if profile is not None else [None] * len(kernels)
    steps = []
    for number, (region, kernel, time) in enumerate(zip(regions, kernels, times, strict=True)):
        stitched = bool(region.text)
        steps.append(
            Step(
                number,
                region,
                kernel,
                region.operation if stitched and region.operation != "stitched" else "",
                stitched,
                makers[number],
                readers[number],
                time,
            )
        )
    some_tensors = [*executable.target_tensors, *executable.feed_tensors]
    return StitchingData(
        steps,
        tensors,
        memory,
        _lanes(tensors, roots),
        profile,
        executable.device.name,
        executable.to_text(),
        len(some_tensors[0].graph.operations) if some_tensors else None,
    )


def _owner(tensors: Sequence[ValueInfo], id: int) -> int:
    while tensors[id].shares >= 0:
        id = tensors[id].shares
    return id


def _made_by(region: RegionInfo, tensors: Sequence[ValueInfo], id: int) -> int:
    """The output of the region that a tensor is, or is a view of."""
    while id not in region.outputs and tensors[id].shares >= 0:
        id = tensors[id].shares
    return id


def _lanes(tensors: Sequence[ValueInfo], roots: Sequence[int]) -> list[Lane]:
    first: dict[int, int] = {}
    last: dict[int, int] = {}
    for tensor in tensors:
        root = roots[tensor.id]
        if tensor.first_step >= 0:
            first[root] = min(first.get(root, tensor.first_step), tensor.first_step)
        reach = max(tensor.first_step, tensor.last_step)
        last[root] = max(last.get(root, reach), reach)
    return [
        Lane(tensors[root], first[root], max(last[root], first[root]))
        for root in sorted(set(roots))
        if tensors[root].place == "arena" and root in first
    ]
