"""The digits step over 100 batch sizes, each seen for the first time: what a new shape costs.

A run of this workload is the whole sweep, once: every process measures it a single time, as a
second sweep would meet no new shape. The time is per step.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from workloads import digits
from workloads._work import Work

SIZES = [100]
TOLERANCE = 2e-3


def batch_sizes(count: int) -> list[int]:
    """The same for all, in an order that is not sorted; 64 comes first, to warm up."""
    random = np.random.default_rng(5)
    return [64, *random.permutation(np.arange(1, count + 1))[:count].tolist()]


def sweep(step: Callable[[Any], float], feeds: Callable[[int], Any], count: int) -> Work:
    sizes = batch_sizes(count)
    prepared = [feeds(size) for size in sizes]

    def run() -> None:
        for feed in prepared[1:]:
            step(feed)

    return Work(run, lambda: [step(prepared[0])], per_run=count, warm_up=0)


def with_mpsg(count: int) -> Work:
    return sweep(digits.mpsg_step(), digits.batch, count)


def with_torch(count: int, compiled: bool = False) -> Work:
    return sweep(digits.torch_step(compiled), digits.torch_batch, count)


def with_jax(count: int) -> Work:
    import jax

    def feeds(size: int) -> Any:
        return tuple(jax.numpy.asarray(value) for value in digits.batch(size))

    return sweep(digits.jax_step(), feeds, count)


ONCE = True  # run.py starts a fresh process for every round, and measures one run
FRAMEWORKS = {
    "mpsg": with_mpsg,
    "torch": with_torch,
    "torch-compile": lambda count: with_torch(count, compiled=True),
    "jax": with_jax,
}
