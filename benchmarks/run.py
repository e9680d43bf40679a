"""mpsg beside its peers: the same work, the same threads, one process a framework, in turns.

    python benchmarks/run.py                          every workload, every installed peer
    python benchmarks/run.py gelu digits              some workloads
    python benchmarks/run.py gelu --frameworks mpsg torch jax --rounds 5
    python benchmarks/run.py --json figures.json --chart figures.png

For each workload and size the frameworks' processes are started, their results compared, and then
measured in turns with pauses between, so that a slow moment of the machine meets all of them.
Printed are medians of all samples, their spread, and how much faster mpsg is than each peer.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import platform
import statistics
import subprocess
import sys
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
WORKLOADS = [
    "gelu",
    "digits",
    "text",
    "text_loop",
    "gan",
    "mlp",
    "transformer_forward",
    "transformer_training",
    "softmax",
    "layer_norm",
    "launch",
    "new_shapes",
    "operations",
]


class Failure(Exception):
    """A framework could not do the work."""


class Worker:
    """A framework's process."""

    def __init__(self, framework: str, workload: str, size: int | str, threads: int) -> None:
        environment = dict(os.environ)
        for name in ("MPSG_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
            environment[name] = str(threads)
        environment["PYTHONPATH"] = os.pathsep.join(
            filter(None, [str(HERE), environment.get("PYTHONPATH")])
        )
        environment["XLA_FLAGS"] = environment.get("XLA_FLAGS", "")
        if framework == "mpsg-unstitched":
            environment["MPSG_STITCH"] = "0"
        command = [sys.executable, str(HERE / "worker.py"), framework, workload, str(size)]
        self.name = framework
        self.errors = open(os.devnull, "w")  # noqa: SIM115 - closed with the process
        self.process = subprocess.Popen(
            command,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=None if os.environ.get("BENCHMARK_DEBUG") else self.errors,
            text=True,
        )
        first = self.read()
        if "missing" in first:
            raise Failure(f"not installed ({first['missing']})")

    def read(self) -> dict[str, Any]:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise Failure("its process ended; BENCHMARK_DEBUG=1 shows why")
        return json.loads(line)

    def ask(self, line: str) -> dict[str, Any]:
        assert self.process.stdin
        try:
            print(line, file=self.process.stdin, flush=True)
        except BrokenPipeError:
            raise Failure("its process ended; BENCHMARK_DEBUG=1 shows why") from None
        return self.read()

    def close(self) -> None:
        self.process.kill()
        self.process.communicate()
        self.errors.close()


@dataclass
class Figures:
    """What was measured of one framework."""

    times: list[float] = field(default_factory=list)
    first: float = 0.0
    values: list[float] = field(default_factory=list)
    extra: dict[str, float] = field(default_factory=dict)
    failed: str = ""

    @property
    def median(self) -> float:
        return statistics.median(self.times)


def measure(
    workload: Any, name: str, size: int | str, frameworks: list[str], options: argparse.Namespace
) -> dict[str, Figures]:
    """All frameworks on one workload and size."""
    figures = {framework: Figures() for framework in frameworks}
    once = getattr(workload, "ONCE", False)
    workers: dict[str, Worker] = {}
    try:
        for round_number in range(options.rounds):
            for framework, figure in figures.items():
                if figure.failed:
                    continue
                try:
                    if framework not in workers:
                        workers[framework] = Worker(framework, name, size, options.threads)
                        answer = workers[framework].ask("check")
                        figure.values, figure.first = answer["values"], answer["first"]
                        time.sleep(options.pause)
                    command = "measure 0" if once else f"measure {options.seconds}"
                    answer = workers[framework].ask(command)
                    figure.times += answer["times"][:1] if once else answer["times"]
                    figure.extra = answer["extra"]
                except Failure as failure:
                    figure.failed = str(failure)
                if (once or figure.failed) and framework in workers:
                    workers.pop(framework).close()
                time.sleep(options.pause)
            if once and round_number >= 1:
                break
    finally:
        for worker in workers.values():
            worker.close()
    return figures


def disagreement(ours: list[float], theirs: list[float]) -> float:
    """The largest difference, relative to the size of the numbers."""
    if len(ours) != len(theirs):
        return float("inf")
    a, b = np.array(ours), np.array(theirs)
    scale = np.maximum(np.abs(b), np.sqrt(np.mean(b * b)) + 1e-30)
    return float(np.max(np.abs(a - b) / scale))


def microseconds(seconds: float) -> str:
    return f"{seconds * 1e6:,.1f}"


def report(name: str, size: int | str, tolerance: float, figures: dict[str, Figures]) -> list[str]:
    ours = figures.get("mpsg")
    compared = next((figure.values for figure in figures.values() if figure.values), [])
    lines = [f"{name} {size}"]
    for framework, figure in figures.items():
        if figure.failed:
            lines.append(f"  {framework:16s} {figure.failed}")
            continue
        low, high = np.percentile(figure.times, [10, 90])
        line = (
            f"  {framework:16s} {microseconds(figure.median):>14s} us"
            f"  ({microseconds(low)} ... {microseconds(high)})"
            f"  first run {figure.first:7.3f} s"
        )
        if ours and not ours.failed and figure is not ours:
            line += f"  mpsg is {figure.median / ours.median:6.2f} x as fast"
        difference = disagreement(compared, figure.values)
        if difference > tolerance:
            line += f"  RESULTS DIFFER by {difference:.1e}"
        for key, value in figure.extra.items():
            line += f"  {key} {value:,.0f}"
        lines.append(line)
    return lines


def peer_ratio(figures: dict[str, Figures]) -> tuple[str, float] | None:
    """The fastest peer (NumPy is none: it compiles nothing and has one thread), and how much
    faster mpsg is."""
    ours = figures.get("mpsg")
    peers = {
        name: figure.median
        for name, figure in figures.items()
        if not name.startswith(("mpsg", "numpy")) and not figure.failed
    }
    if not ours or ours.failed or not peers:
        return None
    fastest = min(peers, key=lambda name: peers[name])
    return fastest, peers[fastest] / ours.median


def chart(path: str, ratios: list[tuple[str, str, float]]) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(8, 0.45 * len(ratios) + 1.2))
    names = [f"{workload}  (fastest peer: {peer})" for workload, peer, _ in ratios]
    values = [ratio for _, _, ratio in ratios]
    colors = ["#2a7f62" if value >= 1 else "#b3423a" for value in values]
    bars = axes.barh(names, values, color=colors)
    axes.bar_label(bars, [f"{value:.2f} x" for value in values], padding=3)
    axes.axvline(1, color="black", linewidth=0.8)
    axes.invert_yaxis()
    axes.set_xlabel("time of the fastest peer / time of mpsg (right of the line: mpsg is faster)")
    axes.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    figure.savefig(path, dpi=130)


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("workloads", nargs="*", metavar="WORKLOAD", help=", ".join(WORKLOADS))
    parser.add_argument("--frameworks", nargs="+", help="only these (default: all that can)")
    parser.add_argument("--sizes", nargs="+", help="only these sizes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="per framework and round")
    parser.add_argument("--pause", type=float, default=0.3, help="between two frameworks")
    parser.add_argument("--json", metavar="FILE")
    parser.add_argument("--chart", metavar="FILE")
    arguments = parser.parse_args()
    for name in arguments.workloads:
        if name not in WORKLOADS:
            parser.error(f"no workload is called {name!r}; there are {', '.join(WORKLOADS)}")
    return arguments


def main() -> None:
    options = parse()
    sys.path.insert(0, str(HERE))
    print(
        f"{platform.processor() or platform.machine()}, {os.cpu_count()} processors, "
        f"{options.threads} threads"
    )
    records: list[dict[str, Any]] = []
    ratios: list[tuple[str, str, float]] = []
    for name in options.workloads or WORKLOADS:
        workload = importlib.import_module(f"workloads.{name}")
        frameworks = [
            framework
            for framework in workload.FRAMEWORKS
            if not options.frameworks or framework in options.frameworks
        ]
        for size in workload.SIZES:
            if options.sizes and str(size) not in options.sizes:
                continue
            figures = measure(workload, name, size, frameworks, options)
            print("\n".join(report(name, size, workload.TOLERANCE, figures)), flush=True)
            best = peer_ratio(figures)
            if best:
                ratios.append((f"{name} {size}", *best))
            for framework, figure in figures.items():
                records.append(
                    {
                        "workload": name,
                        "size": size,
                        "framework": framework,
                        "failed": figure.failed,
                        "median_seconds": None if figure.failed else figure.median,
                        "first_run_seconds": figure.first,
                        "samples": figure.times,
                        "extra": figure.extra,
                    }
                )
    if ratios:
        print("\nmpsg against the fastest peer of each")
        for label, peer, ratio in ratios:
            print(f"  {label:28s} {peer:16s} {ratio:6.2f} x")
    if options.json:
        Path(options.json).write_text(json.dumps(records, indent=1))
    if options.chart and ratios:
        chart(options.chart, ratios)


if __name__ == "__main__":
    main()
