"""Compiling with and without stitching, and running a graph both ways."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np

import mpsg
from support.running import as_list

Network = Callable[..., object]  # of a graph and its placeholders


@contextmanager
def stitching(on: bool) -> Iterator[None]:
    """Compilations in between group operations into kernels, or make a kernel of every one."""
    before = os.environ.get("MPSG_STITCH")
    os.environ["MPSG_STITCH"] = "1" if on else "0"
    try:
        yield
    finally:
        if before is None:
            del os.environ["MPSG_STITCH"]
        else:
            os.environ["MPSG_STITCH"] = before


def compiled(
    network: Network, arrays: Sequence[np.ndarray], *, stitched: bool = True, device: str = "cpu"
) -> mpsg.Executable:
    """A new graph, so that nothing compiled before is found again."""
    graph = mpsg.Graph()
    feeds = [graph.placeholder(list(array.shape), array.dtype) for array in arrays]
    targets = as_list(network(graph, *feeds))
    with stitching(stitched):
        return graph.compile(feeds, targets, device=device)


def results(
    network: Network, arrays: Sequence[np.ndarray], *, stitched: bool = True, device: str = "cpu"
) -> list[np.ndarray]:
    found = compiled(network, arrays, stitched=stitched, device=device).run(list(arrays))
    return [np.array(each) for each in found]
