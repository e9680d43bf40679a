"""``python -m mpsg devices``: where graphs can run."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING, Any

import mpsg

if TYPE_CHECKING:
    from argparse import _SubParsersAction


def add_parser(commands: _SubParsersAction[Any]) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "devices", help="list the devices", description="List the devices; the first is default."
    )
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print one line for each device."""
    for device in mpsg.Device.all():
        memory = f"{device.memory_bytes / 2**30:.1f} GiB" if device.memory_bytes else "unknown"
        print(f"{device.name:<12}{device.description}; memory: {memory}")
