"""What a graph holds, for graphs too large to draw box by box."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

from mpsg.show import _style as style
from mpsg.show._graph_data import OperationData
from mpsg.show._op_families import FAMILIES, family_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MOST_BARS = 24


def draw_summary(operations: Sequence[OperationData], title: str) -> Figure:
    """Two bar charts: operations of each kind, and operations under each name prefix."""
    kinds = Counter(operation.op for operation in operations)
    prefixes = Counter(name_prefix(operation.name) for operation in operations)
    bars = min(max(len(kinds), len(prefixes), 4), _MOST_BARS + 1)
    heading, foot = 1.5, 0.7
    height = heading + 0.27 * bars + foot
    figure = style.new_figure(13, height, layout="none")
    left = 0.35
    figure.text(
        left / 13,
        1 - 0.42 / height,
        style.plain_text(title, 70),
        fontsize=style.TITLE_SIZE + 3,
        fontweight="bold",
        color=style.INK,
        va="center",
        parse_math=False,
    )
    tensors = sum(len(operation.outputs) for operation in operations)
    figure.text(
        left / 13,
        1 - 0.75 / height,
        f"A summary: {style.counted(len(operations), 'operation')} with "
        f"{style.counted(tensors, 'tensor')}, not drawn one by one",
        fontsize=style.LABEL_SIZE,
        color=style.MUTED,
        va="center",
    )
    colours = {op: family_of(op).edge for op in kinds}
    for place, (heading_text, counts, bar_colours) in enumerate(
        (
            ("Operations by kind", kinds, colours),
            ("Operations by name prefix", prefixes, {}),
        )
    ):
        # Each half keeps 3 inches for the names at the left of its bars.
        axes = figure.add_axes(
            (
                (left + 6.3 * place + 3.0) / 13,
                1 - (heading + 0.27 * bars) / height,
                2.6 / 13,
                0.27 * bars / height,
            )
        )
        _draw_bars(axes, counts, bar_colours, bars)
        style.set_title(axes, heading_text)
    _draw_legend(figure, {family_of(op).title for op in kinds}, left / 13)
    return figure


def name_prefix(name: str) -> str:
    """What names of one part of a model have in common.

    Up to the first "/", else up to the first ".", else without the number at the end.

    Example:
        >>> [name_prefix(name) for name in ("encoder/dense/weights", "dense_12", "")]
        ['encoder', 'dense', '(no name)']
    """
    for separator in "/.":
        head, found, _ = name.partition(separator)
        if found and head:
            return head
    return re.sub(r"(?<=.)[_-]?\d+$", "", name) or "(no name)"


def _draw_bars(axes: Axes, counts: Counter[str], colours: dict[str, str], rows: int) -> None:
    common = counts.most_common(_MOST_BARS)
    names = [style.plain_text(name, 36) for name, _ in common]
    values = [count for _, count in common]
    bar_colours = [colours.get(name, style.MUTED) for name, _ in common]
    places = range(len(values))
    axes.barh(places, values, color=bar_colours, height=0.72)
    axes.set_yticks(places, names)
    for text in axes.get_yticklabels():
        text.set_parse_math(False)
    for place, value in zip(places, values, strict=True):
        axes.annotate(
            f"{value:,}",
            (value, place),
            xytext=(4, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=style.NOTE_SIZE,
            color=style.INK,
        )
    if len(counts) > len(common):
        # No bar: the rest together would dwarf every single one.
        rest = counts.total() - sum(values)
        axes.annotate(
            f"and {rest:,} in {len(counts) - len(common):,} others",
            (0, len(common)),
            xytext=(4, 0),
            textcoords="offset points",
            va="center_baseline",
            fontsize=style.NOTE_SIZE,
            color=style.MUTED,
        )
    # The same height of bars in both charts, from the top.
    axes.set_ylim(rows - 0.5, -0.5)
    axes.set_xlim(0, max(values, default=1))
    axes.set_xticks([])
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0, labelsize=style.NOTE_SIZE, labelcolor=style.INK)


def _draw_legend(figure: Figure, titles: set[str], left: float) -> None:
    patch = style.matplotlib("patches").Patch
    figure.legend(
        handles=[
            patch(color=family.edge, label=family.title)
            for family in FAMILIES
            if family.title in titles
        ],
        loc="lower left",
        bbox_to_anchor=(left - 0.008, 0),
        ncols=len(FAMILIES),
        frameon=False,
        fontsize=style.NOTE_SIZE - 0.5,
        labelcolor=style.INK,
        handlelength=1,
        handleheight=0.9,
        columnspacing=1.4,
        handletextpad=0.5,
    )
