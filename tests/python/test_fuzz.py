"""Random calls of every row with random arguments: a result that is the same on every device, or an
exception that says what is wrong; never a crash, a hang, or another type of exception. They are
made by another process, so that its end does not end the tests.
"""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import pytest

HERE = Path(__file__).parent
# Seconds of a processor that one call may take; ten times as many on a machine that is busy.
PATIENCE = 60.0
MAKER = [sys.executable, "-m", "support.fuzz_run"]
# What the tests of the watch run in its place: they end, or never do.
CRASHES = "import os, sys; os.write(2, b'a last word'); os.abort()"
HANGS = "import time; time.sleep(600)"


@dataclass
class Campaign:
    name: str
    maker: list[str] = field(default_factory=lambda: MAKER)
    patience: float = PATIENCE
    counts: Counter[str] = field(default_factory=Counter)
    wrong: list[str] = field(default_factory=list)

    def run(self, first: int, count: int) -> None:
        end = first + count
        while first < end:
            first = self.batch(first, end - first)

    def batch(self, first: int, count: int) -> int:
        """One process. The number of the next call to make."""
        with tempfile.NamedTemporaryFile() as progress:
            progress.write(first.to_bytes(8, "little"))
            progress.flush()
            with subprocess.Popen(
                [*self.maker, self.name, str(first), str(count), "--progress", progress.name],
                cwd=HERE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                ended = self.watch(process, Path(progress.name))
                output, errors = process.communicate()
            at = number_in(Path(progress.name))
        if ended and process.returncode == 0:
            report = json.loads(output)
            self.counts.update(report["counts"])
            self.wrong += report["wrong"]
            return first + count
        what = "hangs" if not ended else name_of(process.returncode)
        self.wrong.append(f"{self.name}:{at} {what}\n{errors[-2000:]}")
        self.counts["hang" if not ended else "crash"] += 1
        return at + 1

    def watch(self, process: subprocess.Popen[str], progress: Path) -> bool:
        """False: a call took too long, and the process was ended."""
        at, since, used = -1, time.monotonic(), 0.0
        while process.poll() is None:
            # What it prints is little enough for the pipe; it is read when it has ended.
            time.sleep(0.05)
            now = number_in(progress)
            if now != at:
                at, since, used = now, time.monotonic(), processor_seconds(process.pid)
            elif (
                processor_seconds(process.pid) - used > self.patience
                or time.monotonic() - since > 10 * self.patience
            ):
                process.kill()
                process.wait()
                return False
        return True

    def check(self, least_run: float) -> None:
        calls = sum(self.counts.values())
        print(f"campaign {self.name}: {calls} calls, {dict(self.counts.most_common())}")
        text = "\n".join(self.wrong[:20])
        again = "python -m support.fuzz_run CAMPAIGN NUMBER 1, in tests/python"
        assert not self.wrong, f"{len(self.wrong)} wrong; again by {again}:\n{text}"
        ran = sum(n for what, n in self.counts.items() if what.startswith("ran"))
        assert ran >= least_run * calls, "too few calls came as far as a result"


def processor_seconds(pid: int) -> float:
    """What a process has used; 0 where the system does not tell so."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def number_in(path: Path) -> int:
    return int.from_bytes(path.read_bytes()[:8], "little")


def name_of(code: int) -> str:
    return f"ended by {signal.Signals(-code).name}" if code < 0 else f"ended with {code}"


def test_random_calls() -> None:
    campaign = Campaign(secrets.token_hex(4))
    campaign.run(0, 3000)
    campaign.check(0.15)


@pytest.mark.parametrize(("what", "program"), [("crash", CRASHES), ("hang", HANGS)])
def test_the_watch(what: str, program: str) -> None:
    """A process that ends, or does not go on, costs one call, and its seed is told."""
    campaign = Campaign("watched", [sys.executable, "-c", program], patience=0.5)
    campaign.run(7, 2)
    assert campaign.counts == {what: 2}
    assert campaign.wrong[0].startswith("watched:7 ") and "watched:8 " in campaign.wrong[1]
    assert what == "hang" or "SIGABRT\na last word" in campaign.wrong[0]


@pytest.mark.soak
def test_soak_random_calls() -> None:
    campaign = Campaign(secrets.token_hex(4))
    for first in range(0, 120_000, 5000):
        campaign.run(first, 5000)
        print(campaign.name, first + 5000, dict(campaign.counts), flush=True)
        print(*campaign.wrong, sep="\n", flush=True)
    campaign.check(0.15)
