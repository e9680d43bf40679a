"""Hundreds of different mistakes over all rows and around them: each ends in an exception of the
right type, whose message says which operation, why and, while the graph is built, which line of the
user's program, and what would be right.
"""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import pytest

import mpsg
from mistakes.arguments import MISTAKES
from mistakes.calls import CALLS
from mistakes.programs import PROGRAMS, World
from support.call_items import Where, made
from support.minimal_calls import BuiltCall
from support.table import ROWS

NAME = "the mistake"


def refused(
    row: str,
    changes: dict[str, Any],
    without: tuple[str, ...] = (),
    before: tuple[Any, ...] = (),
    kind: type[Exception] = mpsg.GraphError,
) -> str:
    """What is said of a minimal call with these changes."""
    right = BuiltCall(row)
    where = Where(right.graph)
    arguments = {"name": NAME, **right.arguments}
    arguments |= {name: made(item, where) for name, item in changes.items()}
    for name in [*without, *(list(arguments)[: len(before)])]:
        arguments.pop(name, None)
    with pytest.raises(kind) as caught:
        line = inspect.currentframe().f_lineno + 1  # type: ignore[union-attr]
        getattr(right.graph, row)(*before, **arguments)
    text = str(caught.value)
    if kind is mpsg.GraphError:
        assert not isinstance(caught.value, mpsg.InternalError)
        assert text.startswith(f"{row} '{NAME}': "), text
        assert f"built at {Path(__file__)}:{line}" in text, text
    right.graph.verify()
    return text


def check_words(words: str, text: str) -> None:
    assert re.search(words, text, re.DOTALL), f"no {words!r} in: {text}"


@pytest.mark.parametrize("row", CALLS)
def test_calls(row: str) -> None:
    for changes, words in CALLS[row]:
        check_words(words, refused(row, changes))


@pytest.mark.parametrize("row", ROWS)
def test_arguments(row: str) -> None:
    for mistake in MISTAKES[row]:
        kind = TypeError if mistake.python else mpsg.GraphError
        text = refused(row, mistake.changes, mistake.without, mistake.before, kind)
        check_words(mistake.words, text)


@pytest.mark.parametrize(
    ("part", "what"), [(part, what) for part, table in PROGRAMS.items() for what in table]
)
def test_programs(part: str, what: str) -> None:
    action, kind, words = PROGRAMS[part][what]
    world = World()
    with pytest.raises(kind) as caught:
        action(world)
    text = str(caught.value)
    assert not isinstance(caught.value, mpsg.InternalError)
    check_words(words, text)
    # The program goes on as if nothing had been tried.
    world.graph.verify()
    found = world.graph.run(world.feeds, [world.loss])
    assert found[world.loss].item() == 12


def test_there_are_enough() -> None:
    """At least 500 written down, over all rows; those of the table come on top."""
    written = sum(map(len, CALLS.values())) + sum(map(len, PROGRAMS.values()))
    told = sum(map(len, MISTAKES.values()))
    print(f"{written} mistakes written down, {told} told by the op table")
    assert written >= 500 and told >= 2000
    assert set(CALLS) <= set(ROWS) == set(MISTAKES)
    assert all(len(mistakes) >= 3 for mistakes in MISTAKES.values())
