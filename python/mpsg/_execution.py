"""How graphs are compiled and runs are executed: the enumerations."""

from __future__ import annotations

import enum


class Optimization(enum.IntEnum):
    """How much the compiler does (MPSGraphOptimization)."""

    LEVEL0 = 0
    """Every operation is a kernel of its own."""
    LEVEL1 = 1
    """Everything: operations are stitched."""


class ExecutionStage(enum.IntEnum):
    """The point of an execution at which an event is signalled (MPSGraphExecutionStage)."""

    COMPLETED = 0
