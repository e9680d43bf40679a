"""What a workload asks of a framework."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any


@dataclass
class Work:
    """What a framework does for a workload.

    ``run`` does the work once and waits until it is done. ``check`` gives numbers to compare with
    the other frameworks', from the starting state (it is called first, once). ``per_run`` divides
    the time of a run (128 characters, 100 batch sizes). ``extra`` are further figures to print.
    """

    run: Callable[[], Any]
    check: Callable[[], Any]
    per_run: int = 1
    warm_up: int = 3
    extra: Callable[[], dict[str, float]] | None = None
