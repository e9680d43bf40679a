"""One framework on one workload, in a process of its own: started by run.py, told what to do by
lines on standard input, answering with lines of JSON.

    python benchmarks/worker.py FRAMEWORK WORKLOAD SIZE

- ``check``: one run from the starting state; answers with the numbers that must agree.
- ``measure SECONDS``: warm runs for about so long; answers with seconds per run, each a sample.
- anything else ends the process.
"""

from __future__ import annotations

import importlib
import json
import os
import statistics
import sys
import time
from typing import Any

import numpy as np
from workloads._work import Work


def samples(work: Work, seconds: float) -> list[float]:
    """Times of single runs; runs shorter than 2 ms are timed in groups."""
    start = time.perf_counter()
    work.run()
    once = time.perf_counter() - start
    group = max(1, round(0.002 / max(once, 1e-9)))
    times: list[float] = []
    end = time.perf_counter() + seconds
    while len(times) < 3 or (time.perf_counter() < end and len(times) < 400):
        start = time.perf_counter()
        for _ in range(group):
            work.run()
        times.append((time.perf_counter() - start) / group / work.per_run)
    return times


def numbers(values: Any) -> list[float]:
    return [float(value) for value in np.asarray(values, dtype=np.float64).ravel()]


def main() -> None:
    framework, workload, size = sys.argv[1:4]
    # What a framework prints while it loads must not reach the runner.
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)

    def answer(**fields: Any) -> None:
        print(json.dumps(fields), file=answers, flush=True)

    started = time.perf_counter()
    try:
        module = importlib.import_module(f"workloads.{workload}")
        work = module.FRAMEWORKS[framework](int(size) if size.isdigit() else size)
    except ImportError as error:
        answer(missing=str(error))
        return
    answer(ready=time.perf_counter() - started)
    warm = False
    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "check":
            start = time.perf_counter()
            values = numbers(work.check())
            answer(values=values, first=time.perf_counter() - start)
        elif command == "measure":
            if not warm:
                for _ in range(work.warm_up):
                    work.run()
                warm = True
            times = samples(work, float(arguments[0]))
            extra = work.extra() if work.extra else {}
            answer(times=times, median=statistics.median(times), extra=extra)
        else:
            return


if __name__ == "__main__":
    main()
