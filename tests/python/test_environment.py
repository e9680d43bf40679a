"""Environment variables: one table knows them all, and MPSG_DEBUG says what it promises."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import mpsg
from mpsg import _mpsg

ROOT = Path(__file__).resolve().parents[2]
NAMES = {name for name, _, _ in _mpsg.environment_variables()}


def sources() -> list[Path]:
    return [*ROOT.glob("cpp/**/*.cpp"), *ROOT.glob("cpp/**/*.h"), *ROOT.glob("python/mpsg/**/*.py")]


def test_the_table_has_what_the_sources_read() -> None:
    read: set[str] = set()
    for path in sources():
        text = path.read_text(encoding="utf-8")
        read.update(re.findall(r'environment_value\("(\w+)"\)', text))
        read.update(re.findall(r"os\.(?:environ(?:\.get)?|getenv)\W+(MPSG_\w+)", text))
    assert read == NAMES


def test_the_environment_is_read_in_one_place() -> None:
    readers = {
        path.relative_to(ROOT).as_posix()
        for path in sources()
        if re.search(r"\bgetenv\(", path.read_text(encoding="utf-8"))
    }
    assert readers == {"cpp/graph/environment.cpp"}


def test_the_page_has_the_table() -> None:
    page = (ROOT / "docs/environment.md").read_text(encoding="utf-8")
    assert set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE)) == NAMES


@pytest.mark.parametrize(
    ("level", "patterns"),
    [
        (0, []),
        (1, [r"compiled 1 kernels for cpu", r"ran [\d.]+ us"]),
        (2, [r"GB/s +[\d.]+ GFLOP/s +y \[.*square"]),
        (4, ["--- after"]),
    ],
)
def test_debug_levels(level: int, patterns: list[str]) -> None:
    program = (
        "import numpy, mpsg; g = mpsg.Graph(); x = g.placeholder([4]); y = g.square(x, name='y');"
        "g.run({x: numpy.ones(4, numpy.float32)}, [y])"
    )
    folder = str(Path(mpsg.__file__).parent.parent)
    paths = os.pathsep.join(filter(None, [folder, os.environ.get("PYTHONPATH", "")]))
    run = subprocess.run(
        [sys.executable, "-c", program],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"MPSG_DEBUG": str(level), "PYTHONPATH": paths},
    )
    assert run.stdout == ""
    assert bool(run.stderr) == bool(patterns)
    for pattern in patterns:
        assert re.search(pattern, run.stderr), run.stderr
