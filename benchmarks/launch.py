"""What a run of a tiny graph costs: z * 2 + 1 on 16 elements, once in each installed library.

python benchmarks/launch.py
"""

from __future__ import annotations

import importlib.util
import statistics
import time
from collections.abc import Callable

import numpy as np

import mpsg

CALLS = 2000
ROUNDS = 15


def microseconds(call: Callable[[], object]) -> float:
    """Median over rounds of the mean time of one call."""
    for _ in range(CALLS):
        call()
    means = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        for _ in range(CALLS):
            call()
        means.append((time.perf_counter() - start) / CALLS * 1e6)
    return statistics.median(means)


def mpsg_calls(x: np.ndarray) -> dict[str, Callable[[], object]]:
    graph = mpsg.Graph()
    z = graph.placeholder([16], name="z")
    y = z * 2 + 1
    executable = graph.compile([z], [y])
    array, wanted = mpsg.TensorData(x), np.empty(16, np.float32)
    np.testing.assert_array_equal(executable.run([x])[0], x * 2 + 1)
    return {
        "mpsg executable.run": lambda: executable.run([x]),
        "mpsg executable.run, TensorData": lambda: executable.run([array]),
        "mpsg executable.run, results=": lambda: executable.run([x], results=[wanted]),
        "mpsg graph.run": lambda: graph.run({z: x}, [y]),
        "mpsg graph.run, results=": lambda: graph.run({z: x}, results={y: wanted}),
    }


def peer_calls(x: np.ndarray) -> dict[str, Callable[[], object]]:
    calls: dict[str, Callable[[], object]] = {"numpy": lambda: x * np.float32(2) + np.float32(1)}
    if importlib.util.find_spec("torch"):
        import torch

        tensor = torch.from_numpy(x)
        calls["torch, eager"] = lambda: tensor * 2 + 1
    if importlib.util.find_spec("jax"):
        import jax

        compiled = jax.jit(lambda z: z * 2 + 1)
        on_device = jax.device_put(x)
        calls["jax, jit"] = lambda: compiled(on_device).block_until_ready()
    return calls


def main() -> None:
    x = np.arange(16, dtype=np.float32)
    for name, call in (mpsg_calls(x) | peer_calls(x)).items():
        print(f"{name:34s} {microseconds(call):8.2f} us")


if __name__ == "__main__":
    main()
