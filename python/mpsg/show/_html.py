"""Parts of HTML pages: texts made safe, numbers with units, and a page that shows itself.

Whatever comes from outside (names, source lines, reasons) goes through :func:`text` or
:func:`block`; nothing else may put it into a page. Pages hold no script and load nothing.
"""

from __future__ import annotations

import html
import os
from dataclasses import dataclass
from pathlib import Path

from mpsg.show import _style as style

_ENDINGS = (".html", ".htm")
# Says it once more to the browser: no scripts, nothing from the network.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


@dataclass(frozen=True)
class HtmlPage:
    """A page of HTML without scripts, complete in itself.

    The last line of a notebook's cell shows it; :meth:`save` writes it for a browser.

    Attributes:
        title: The heading.
        body: What is between ``<body>`` and ``</body>``, with its style sheet.
    """

    title: str
    body: str

    @property
    def html(self) -> str:
        """The whole document."""
        return (
            '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
            '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f"<title>{text(self.title, 200)}</title>\n</head>\n"
            f'<body style="margin:0;background:{style.PAPER}">\n{self.body}\n</body>\n</html>\n'
        )

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the document; ValueError if the name does not end in .html or .htm."""
        check_path(path)
        Path(path).write_text(self.html, encoding="utf-8", errors="replace")

    def _repr_html_(self) -> str:
        return self.body

    def __repr__(self) -> str:
        return f"<mpsg.show page {self.title!r}: save(path) writes it>"


def check_path(path: str | os.PathLike[str] | None) -> None:
    """ValueError if the name's ending is not that of a page."""
    if path is not None and Path(path).suffix.lower() not in _ENDINGS:
        raise ValueError(f"{os.fspath(path)}: the name must end in one of {', '.join(_ENDINGS)}")


def text(value: object, limit: int = 60) -> str:
    """One line from outside, shortened in its middle, safe between tags and in attributes."""
    return html.escape(style.plain_text(value, limit))


def block(value: str) -> str:
    """Several lines from outside, for ``<pre>``."""
    lines = value.splitlines()
    return html.escape(
        "\n".join("".join(c if c.isprintable() else " " for c in line) for line in lines)
    )


def byte_size(count: float) -> str:
    """Bytes for people.

    Example:
        >>> [byte_size(count) for count in (12, 2048, 13_000_000)]
        ['12 B', '2.0 KiB', '12.4 MiB']
    """
    if count < 1024:
        return f"{count:.0f} B"
    for unit in ("KiB", "MiB", "GiB"):
        count /= 1024
        if count < 1023.95 or unit == "GiB":
            break
    return f"{count:,.1f} {unit}"


def operation_count(count: float) -> str:
    """Arithmetic operations for people.

    Example:
        >>> [operation_count(count) for count in (0, 640, 83_492_864)]
        ['0 FLOP', '640 FLOP', '83.5 MFLOP']
    """
    for factor, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= factor:
            return f"{count / factor:,.1f} {unit}FLOP"
    return f"{count:.0f} FLOP"


def microseconds(count: float) -> str:
    """A time for people.

    Example:
        >>> [microseconds(count) for count in (0.25, 18.4, 2500)]
        ['0.2 µs', '18.4 µs', '2.50 ms']
    """
    if count < 1000:
        return f"{count:.1f} µs"
    return f"{count / 1000:,.2f} ms"
