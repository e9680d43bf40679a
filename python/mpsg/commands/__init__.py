"""The command line: ``python -m mpsg COMMAND``. One module for each command."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from typing import NoReturn

import mpsg
from mpsg.commands import devices, digits, inspect
from mpsg.commands._errors import CommandError

__all__ = ["CommandError", "main"]


class _Parser(argparse.ArgumentParser):
    """A parser whose complaints are one line, as those of the commands are."""

    def error(self, message: str) -> NoReturn:
        raise CommandError(f"{message} ({self.prog} --help shows what there is)")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command.

    Args:
        arguments: What follows ``python -m mpsg``; None takes those of this process.

    Returns:
        The exit code: 0; 2 if the command could not do what was asked, after one line on stderr
        that says why; 130 if it was interrupted before there was a result.

    Example:
        >>> main(["devices"])  # doctest: +SKIP
        0
    """
    parser = _Parser(prog="python -m mpsg", description="mpsg: build a graph of tensors, run it.")
    parser.add_argument("--version", action="version", version=f"mpsg {mpsg.__version__}")
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    digits.add_parser(commands)
    devices.add_parser(commands)
    inspect.add_parser(commands)
    try:
        options = parser.parse_args(arguments)
        if not hasattr(options, "run"):
            parser.print_help()
            return 0
        options.run(options)
    except (CommandError, mpsg.Error) as error:
        print(f"mpsg: {' '.join(str(error).split())}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("mpsg: interrupted", file=sys.stderr)
        return 130
    return 0
