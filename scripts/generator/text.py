"""Text of a given width."""

from __future__ import annotations

import textwrap

WIDTH = 100


def wrapped(text: str, indent: str, width: int = WIDTH) -> str:
    """`text` in lines that start with `indent`; its own line ends stay."""
    return "\n".join(
        textwrap.fill(
            line,
            width,
            initial_indent=indent,
            subsequent_indent=indent,
            break_long_words=False,
            break_on_hyphens=False,
        )
        for line in text.split("\n")
    )


def docstring(text: str, indent: int) -> str:
    """`text` as a Python docstring."""
    space = " " * indent
    text = text.replace("\\", "\\\\")
    one_line = f'{space}"""{text}"""'
    if "\n" not in text and len(one_line) <= WIDTH:
        return one_line
    body = wrapped('"""' + text, space)
    if "\n" not in body:  # the quotes at the end are what is too much
        body = wrapped('"""' + text, space, WIDTH - 3)
    return f'{body}\n{space}"""'
