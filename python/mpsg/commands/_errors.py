"""What a command says when it cannot do what it was asked."""

from __future__ import annotations


class CommandError(Exception):
    """Shown as one line, without a traceback; the exit code is 2."""
