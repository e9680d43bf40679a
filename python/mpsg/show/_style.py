"""How all figures look, and how they are made and saved.

The style is set on each object and not through matplotlib's global settings, which belong to the
user. Texts from outside are never read as formulas: a name such as ``cost_$`` stays as it is.
"""

from __future__ import annotations

import functools
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from mpsg._extras import require

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

INK = "#1f2933"  # titles and values
MUTED = "#66727f"  # axis labels and notes
RULE = "#dde2e7"  # grid lines and frames
PAPER = "#ffffff"
CORRECT = "#2166ac"  # also the main line of a curve
WRONG = "#c62828"
SERIES = (CORRECT, "#e08214", "#35978f", "#8073ac", "#b35806", "#5b6770")

TITLE_SIZE = 13.0  # points
LABEL_SIZE = 10.0
NOTE_SIZE = 9.0

PNG_DOTS_PER_INCH = 160
# A PNG side over 2^16 pixels is refused by matplotlib, and few viewers like even a part of that.
_PNG_MAX_SIDE = 20_000
_PNG_MAX_PIXELS = 60_000_000

_FORMATS = (".png", ".svg", ".pdf")


def matplotlib(module: str) -> Any:
    """The module ``matplotlib.<module>``, imported now; ImportError says what to install."""
    return require(f"matplotlib.{module}", "show")


def new_figure(
    width: float, height: float, layout: Literal["constrained", "none"] = "constrained"
) -> Figure:
    """An empty white figure of this size in inches, outside pyplot."""
    engine = None
    if layout == "constrained":
        engine = matplotlib("layout_engine").ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.12)
    figure: Figure = matplotlib("figure").Figure(
        figsize=(width, height), layout=engine, facecolor=PAPER
    )
    return figure


def style_axes(axes: Axes, grid: Literal["none", "x", "y"] = "none") -> None:
    """Two thin spines, small ticks, and grid lines behind the data."""
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    for side in ("left", "bottom"):
        axes.spines[side].set_color(RULE)
    axes.tick_params(colors=MUTED, labelsize=LABEL_SIZE, length=0, pad=5)
    axes.set_axisbelow(True)
    if grid != "none":
        axes.grid(True, axis=grid, color=RULE, linewidth=0.8)


def set_title(axes: Axes, title: str, note: str = "") -> None:
    """A title at the left edge, and beneath it a smaller, muted note."""
    lift = 8.0
    for text, size, colour, weight in (
        (note, NOTE_SIZE, MUTED, "normal"),
        (title, TITLE_SIZE, INK, "bold"),
    ):
        if text:
            axes.annotate(
                text,
                xy=(0, 1),
                xytext=(0, lift),
                xycoords="axes fraction",
                textcoords="offset points",
                color=colour,
                fontsize=size,
                fontweight=weight,
                parse_math=False,
            )
            lift += size + 7


def plain_text(text: object, limit: int = 60) -> str:
    """``text`` on one line, without control characters, its middle left out when too long."""
    line = "".join(letter if letter.isprintable() else " " for letter in str(text)).strip()
    if len(line) <= limit:
        return line
    head = (limit - 1) // 2
    return f"{line[:head]}\N{HORIZONTAL ELLIPSIS}{line[head + 1 - limit :]}"


def counted(count: int, what: str) -> str:
    """A number with its noun: "1 tensor", "2,000 tensors"."""
    return f"{count:,} {what}{'' if count == 1 else 's'}"


def text_width(text: str, size: float, bold: bool = False) -> float:
    """The width of a line in points, measured in matplotlib's own font (found on every machine)."""
    font = _font(size, bold)
    width, _, _ = _text_to_path().get_text_width_height_descent(text, font, False)
    return float(width)


@functools.cache
def _font(size: float, bold: bool) -> Any:
    return matplotlib("font_manager").FontProperties(
        family="DejaVu Sans", size=size, weight="bold" if bold else "normal"
    )


@functools.cache
def _text_to_path() -> Any:
    return matplotlib("textpath").TextToPath()


def finish(figure: Figure, path: str | os.PathLike[str] | None) -> Figure:
    """Save the figure if a path is given, in the format that its ending names; return it.

    Raises:
        ValueError: The ending is none of .png, .svg, .pdf.
        OSError: The file cannot be written.
    """
    if path is None:
        return figure
    ending = check_path(path)
    options: dict[str, Any] = {}
    if ending == ".png":
        width, height = figure.get_size_inches()
        options["dpi"] = min(
            PNG_DOTS_PER_INCH,
            _PNG_MAX_SIDE / max(width, height),
            (_PNG_MAX_PIXELS / (width * height)) ** 0.5,
        )
    else:
        # Without the time of day the same figure gives the same file.
        options["metadata"] = {"Date" if ending == ".svg" else "CreationDate": None}
    figure.savefig(path, facecolor=PAPER, format=ending[1:], **options)
    return figure


def check_path(path: str | os.PathLike[str] | None) -> str:
    """The ending of ``path`` in small letters ("" for None); ValueError if it is no picture's.

    Called also before the drawing starts, so that a wrong name costs no time.
    """
    if path is None:
        return ""
    ending = Path(path).suffix.lower()
    if ending not in _FORMATS:
        raise ValueError(f"{os.fspath(path)}: the name must end in one of {', '.join(_FORMATS)}")
    return ending
