"""What every test file gets: the header of the run, campaigns left out, peers reported."""

from __future__ import annotations

import importlib.util
import os
import sys
from collections.abc import Iterator
from typing import Any

import pytest

import mpsg
from support.counter import Counter

SOAK = os.environ.get("MPSG_SOAK", "") not in ("", "0")
PEERS = ["torch", "expecttest", "onnxruntime", "onnxscript"]
LEFT_OUT = pytest.StashKey[dict[str, int]]()
REPORT = pytest.StashKey[list[str]]()


def pytest_configure(config: pytest.Config) -> None:
    config.stash[LEFT_OUT] = {}
    config.stash[REPORT] = []


@pytest.fixture(scope="session")
def report(pytestconfig: pytest.Config) -> list[str]:
    """Lines for the end of the run."""
    return pytestconfig.stash[REPORT]


@pytest.fixture(params=["cpu", "reference"])
def counter(request: pytest.FixtureRequest) -> Counter:
    return Counter(request.param)


@pytest.fixture
def queue(counter: Counter) -> mpsg.CommandQueue:
    return mpsg.CommandQueue(counter.device)


@pytest.fixture
def no_unraisable(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[Any]]:
    """What handlers raise; a test that expects some empties the list."""
    raised: list[Any] = []
    monkeypatch.setattr(sys, "unraisablehook", raised.append)
    yield raised
    assert not raised


def pytest_report_header() -> list[str]:
    devices = ", ".join(
        f"{device.name} ({device.description}; {device.threads} threads)"
        for device in mpsg.Device.all()
    )
    return [f"mpsg {mpsg.__version__}, devices: {devices}"]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Without MPSG_SOAK=1 no campaigns, and without the peers nothing that compares with them."""
    missing = [name for name in PEERS if importlib.util.find_spec(name) is None]
    out = {
        "soak": [] if SOAK else [item for item in items if item.get_closest_marker("soak")],
        "peers": [item for item in items if item.get_closest_marker("peers")] if missing else [],
    }
    dropped = [item for marker in out for item in out[marker]]
    if dropped:
        config.hook.pytest_deselected(items=dropped)
        items[:] = [item for item in items if item not in set(dropped)]
    config.stash[LEFT_OUT] = {marker: len(out[marker]) for marker in out}


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    for line in config.stash[REPORT]:
        terminalreporter.write_line(line)
    counts = config.stash[LEFT_OUT]
    if counts.get("soak"):
        terminalreporter.write_line(f"left for ./scripts/soak: {counts['soak']} campaigns")
    if counts.get("peers"):
        terminalreporter.write_line(
            f"not run: {counts['peers']} comparisons; install the extra [peers]"
        )
