"""A program that is killed at random moments while it trains and checkpoints, again and again;
every restart must find a whole checkpoint. `python -m support.kill_run FOLDER COUNT SEED`, in
tests/python. Prints how many kills there were, and in how many of them a save was under way.
"""

from __future__ import annotations

import argparse
import json
import mmap
import os
import random
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

import mpsg
from support.packages import variables_of

SHAPES: list[tuple[int, ...]] = [(), (300, 300), (7,), (64, 1024)]
TYPES = ["float32", "float64", "int32", "float32"]


class Counter:
    """A graph whose variables all count the steps: they agree, or a checkpoint is torn."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.graph = mpsg.Graph()
        for number, (shape, kind) in enumerate(zip(SHAPES, TYPES, strict=True)):
            self.graph.variable(np.zeros(shape, kind), name=f"v{number}")
        self.variables = variables_of(self.graph)
        self.updates = [self.graph.assign(v, v + self.one(v)) for v in self.variables]

    def one(self, variable: mpsg.Tensor) -> mpsg.Tensor:
        return self.graph.constant(np.ones((), variable.data_type.numpy()))

    def step(self) -> None:
        self.graph.run({}, [], self.updates)

    def save(self) -> None:
        self.graph.save_variables(self.file)

    def load(self) -> int:
        self.graph.load_variables(self.file)
        return agreed([self.graph.variable_value(v).numpy() for v in self.variables])

    def read(self) -> int:
        """What is in the file, without a run."""
        return agreed(list(mpsg.load_tensors(self.file).values()))


class PackageCounter(Counter):
    def __init__(self, file: Path) -> None:
        super().__init__(file)
        self.executable = self.graph.compile({}, [], self.updates, device="reference")

    def step(self) -> None:
        self.executable.run([])

    def save(self) -> None:
        self.executable.serialize(self.file)

    def read(self) -> int:
        mpsg.Executable.load(self.file, "reference")
        return type(self)(self.file).load()


def agreed(arrays: list[Any]) -> int:
    steps = {float(number) for array in arrays for number in np.unique(array)}
    assert len(arrays) == len(SHAPES) and len(steps) == 1, f"a torn checkpoint: {steps}"
    return int(steps.pop())


FORMS: dict[str, Callable[[Path], Counter]] = {
    "checkpoint.safetensors": Counter,
    "checkpoint.npz": Counter,
    "checkpoint.mpsgpackage": PackageCounter,
    "checkpoint": PackageCounter,
}


# What the training tells: it has loaded; it saves; it has saved since it began.
LOADED, SAVING, SAVED = range(3)


def train(counter: Counter, signals: mmap.mmap) -> None:
    """Until it is killed."""
    if counter.file.exists():
        counter.load()
    signals[LOADED] = 1
    while True:
        counter.step()
        signals[SAVING] = 1
        counter.save()
        signals[SAVING] = 0
        signals[SAVED] = 1


def kill_once(counter: Counter, signals: mmap.mmap, rng: random.Random) -> bool:
    """True: a save was under way."""
    signals[:3] = b"\0\0\0"
    child = os.fork()
    if child == 0:
        try:
            train(counter, signals)
        except BaseException as error:
            os.write(2, f"the training ended: {error!r}\n".encode())
        os._exit(3)
    # While it loads, in its first steps, or later; then at any moment.
    wait_for = rng.choice([None, LOADED, SAVED, SAVED])
    while wait_for is not None and signals[wait_for] == 0:
        if os.waitid(os.P_PID, child, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None:
            break
        time.sleep(0.0005)
    time.sleep(rng.uniform(0, 0.05))
    os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status), "the training failed"
    return signals[SAVING] == 1


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("count", type=int)
    parser.add_argument("seed")
    options = parser.parse_args()
    rng = random.Random(options.seed)
    signals = mmap.mmap(-1, 3)
    counters = [make(options.folder / name) for name, make in FORMS.items()]
    last = [0] * len(counters)
    saving, leftovers = 0, 0
    for number in range(options.count):
        at = number % len(counters)
        counter = counters[at]
        saving += kill_once(counter, signals, rng)
        if counter.file.exists():
            steps = counter.read()
            assert steps >= last[at], f"step {steps} after step {last[at]}"
            last[at] = steps
        leftovers += sum(p.name.endswith(".mpsg-saving") for p in options.folder.iterdir())
    assert all(steps > 0 for steps in last), f"no checkpoint at all: {last}"
    # The next save removes what the killed ones left.
    for counter in counters:
        counter.save()
    left = sorted(p.name for p in options.folder.iterdir())
    assert left == sorted(FORMS), f"left over: {left}"
    print(
        json.dumps({"kills": options.count, "in a save": saving, "seen": leftovers, "steps": last})
    )


if __name__ == "__main__":
    main()
