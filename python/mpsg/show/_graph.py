"""The picture of a graph: boxes for operations, lines for tensors."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from mpsg.show import _style as style
from mpsg.show._graph_data import HasJson, OperationData, read_graph
from mpsg.show._graph_layout import Layout, Line, lay_out
from mpsg.show._graph_summary import draw_summary
from mpsg.show._op_families import FAMILIES, Family, family_of

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_OP_SIZE = 10.0  # points, as are all lengths in this file
_NAME_SIZE = 8.5
_TENSOR_SIZE = 8.0
_PADDING = 9.0
_LABEL_HEIGHT = 14.0
_MAX_LABELS = 4  # outputs of one operation that are labelled
_MARGIN = 24.0
_LEAST_WIDTH = 470.0
_LEGEND_ROW = 18.0
_LINE_COLOUR = "#8d99a6"
_MAX_SIDE = 14_000.0  # 194 inches: PDF ends at 200


def graph(
    graph: HasJson,
    path: str | os.PathLike[str] | None = None,
    *,
    title: str = "Graph",
    max_operations: int = 400,
) -> Figure:
    """Draw the operations of a graph and the tensors between them, from top to bottom.

    Boxes are coloured by the kind of work and carry the operation and its name; beneath a box
    stands the shape of each of its outputs ("?" is a size known only at run time). A dashed line
    is a control dependency. The figure is as large as the graph needs: SVG and PDF suit large ones.

    A graph of more than ``max_operations`` operations, or one so entangled that a picture could
    not show it, is summarised instead: how many operations of each kind, and under which name
    prefixes. The figure then says so.

    Args:
        graph: A graph, or any object whose ``to_json()`` gives the same JSON text.
        path: Where to save the picture (.png, .svg or .pdf); ``None`` saves nothing.
        title: The heading; "" for none.
        max_operations: The most operations to draw one by one, 0 to 2000; 0 always summarises.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is missing: ``pip install "mpsg[show]"``.
        ValueError: The JSON is not of the expected form, the operations form a cycle, the ending
            of ``path`` is wrong, or ``max_operations`` is out of range.

    Example:
        >>> mpsg.show.graph(graph, "digits.svg")  # doctest: +SKIP
    """
    style.check_path(path)
    if not 0 <= max_operations <= 2000:
        raise ValueError(f"max_operations must be from 0 to 2000, not {max_operations}")
    operations = read_graph(graph)
    if len(operations) <= max_operations:
        boxes = [_box(operation) for operation in operations]
        layout = lay_out(
            [max(box.width, box.labels_width) for box in boxes],
            [box.height + (_LABEL_HEIGHT if box.labels else 0) for box in boxes],
            _edges(operations),
        )
        if layout is not None and max(layout.width, layout.height) < _MAX_SIDE:
            return style.finish(_draw(operations, boxes, layout, title), path)
    return style.finish(draw_summary(operations, title), path)


@dataclass(frozen=True)
class _Box:
    """What one operation looks like, before it has a place.

    Attributes:
        op: First line.
        name: Second line, "" for none.
        labels: Beneath the box: text and its middle, sideways from the middle of the box.
        ports: Where each output leaves, sideways from the middle of the box.
        labels_width: Of all labels side by side.
    """

    op: str
    name: str
    labels: tuple[tuple[str, float], ...]
    ports: tuple[float, ...]
    width: float
    height: float
    labels_width: float
    family: Family


def _box(operation: OperationData) -> _Box:
    op = style.plain_text(operation.op, 40)
    name = style.plain_text(operation.name, 32)
    if name == op:
        name = ""
    width = 2 * _PADDING + max(
        style.text_width(op, _OP_SIZE, bold=True), style.text_width(name, _NAME_SIZE)
    )
    labels: list[tuple[str, float]] = []
    ports: list[float] = []
    labels_width = 0.0
    if len(operation.outputs) <= _MAX_LABELS:
        gap = 10.0
        texts = [style.plain_text(text, 36) for text in operation.outputs]
        widths = [style.text_width(text, _TENSOR_SIZE) for text in texts]
        labels_width = sum(widths) + gap * max(len(widths) - 1, 0)
        left = -labels_width / 2
        for text, text_width in zip(texts, widths, strict=True):
            ports.append(left + text_width / 2)
            labels.append((text, ports[-1]))
            left += text_width + gap
    else:
        count = len(operation.outputs)
        labels.append((f"{count} outputs", 0.0))
        ports = [(place / (count - 1) - 0.5) * (width - 12) for place in range(count)]
        labels_width = style.text_width(labels[0][0], _TENSOR_SIZE)
    # A line starts under its box, also where the label reaches further out.
    edge = width / 2 - 5
    ports = [min(max(port, -edge), edge) for port in ports]
    return _Box(
        op,
        name,
        tuple(labels),
        tuple(ports),
        width,
        35.0 if name else 23.0,
        labels_width,
        family_of(operation.op),
    )


def _edges(operations: Sequence[OperationData]) -> list[tuple[int, int, int]]:
    """(source, output, target) of every line; output -1 is a control dependency."""
    edges = []
    for target, operation in enumerate(operations):
        edges += [(source, output, target) for source, output in operation.inputs]
        edges += [(source, -1, target) for source in dict.fromkeys(operation.control)]
    return edges


def _draw(
    operations: Sequence[OperationData], boxes: Sequence[_Box], layout: Layout, title: str
) -> Figure:
    """The figure, whose one axes is measured in points from the upper left corner."""
    width = max(layout.width + 2 * _MARGIN, _LEAST_WIDTH)
    legend = _legend_rows(boxes, layout, width - 2 * _MARGIN)
    title_height = 26.0 if title else 0.0
    note_height = 24.0
    head = title_height + note_height + len(legend) * _LEGEND_ROW + 14
    height = head + layout.height + 2 * _MARGIN
    figure = style.new_figure(width / 72, height / 72, layout="none")
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_axis_off()

    down = _MARGIN
    if title:
        axes.text(
            _MARGIN,
            down,
            style.plain_text(title, 46),
            va="top",
            fontsize=style.TITLE_SIZE,
            fontweight="bold",
            color=style.INK,
            parse_math=False,
        )
        down += title_height
    note = f"{style.counted(len(operations), 'operation')}; under a box the shape of its output"
    axes.text(
        _MARGIN,
        down,
        f"{note}, float32 unless it says so",
        va="top",
        fontsize=style.NOTE_SIZE,
        color=style.MUTED,
    )
    _draw_legend(axes, legend, down + note_height)
    # A small graph stands in the middle of its frame.
    left = (width - layout.width) / 2
    _draw_lines(axes, boxes, layout, left, _MARGIN + head)
    for index, box in enumerate(boxes):
        _draw_box(
            axes, box, left + layout.x[index], _MARGIN + head + layout.top[layout.layer[index]]
        )
    return figure


def _draw_box(axes: Axes, box: _Box, x: float, top: float) -> None:
    patch = style.matplotlib("patches").FancyBboxPatch(
        (x - box.width / 2, top),
        box.width,
        box.height,
        boxstyle="round,pad=0,rounding_size=4",
        facecolor=box.family.fill,
        edgecolor=box.family.edge,
        linewidth=1.1,
        zorder=3,
    )
    axes.add_patch(patch)
    middle = top + box.height / 2
    for text, y, size, weight, colour in (
        (box.op, middle - (6.5 if box.name else 0), _OP_SIZE, "bold", style.INK),
        (box.name, middle + 7.5, _NAME_SIZE, "normal", "#46525e"),
    ):
        if text:
            axes.text(
                x,
                y,
                text,
                ha="center",
                va="center_baseline",
                fontsize=size,
                fontweight=weight,
                color=colour,
                parse_math=False,
                zorder=4,
            )
    for text, offset in box.labels:
        axes.text(
            x + offset,
            top + box.height + _LABEL_HEIGHT / 2 + 1,
            text,
            ha="center",
            va="center_baseline",
            fontsize=_TENSOR_SIZE,
            color="#46525e",
            parse_math=False,
            # Paper under the letters, so that the line does not run through them.
            bbox={"facecolor": style.PAPER, "edgecolor": "none", "pad": 1.0},
            zorder=2.5,
        )


def _draw_lines(axes: Axes, boxes: Sequence[_Box], layout: Layout, left: float, top: float) -> None:
    """All lines as two paths, one solid and one dashed: fast also for thousands."""
    mpath = style.matplotlib("path").Path
    patches = style.matplotlib("patches")
    for dashed in (False, True):
        points: list[tuple[float, float]] = []
        codes: list[int] = []
        heads: list[list[tuple[float, float]]] = []
        for line in layout.lines:
            if (line.output < 0) == dashed:
                _trace(line, boxes, layout, points, codes, heads)
        if not points:
            continue
        moved = [(x + left, y + top) for x, y in points]
        path = patches.PathPatch(
            mpath(
                moved,
                [
                    mpath.MOVETO if code == 0 else mpath.LINETO if code == 1 else mpath.CURVE4
                    for code in codes
                ],
            ),
            fill=False,
            edgecolor=_LINE_COLOUR,
            linewidth=1.1,
            linestyle=(0, (4, 3)) if dashed else "solid",
            zorder=1,
        )
        axes.add_patch(path)
        shapes = style.matplotlib("collections").PolyCollection(
            [[(x + left, y + top) for x, y in head] for head in heads],
            facecolor=_LINE_COLOUR,
            edgecolor="none",
            zorder=2,
        )
        axes.add_collection(shapes, autolim=False)


def _trace(
    line: Line,
    boxes: Sequence[_Box],
    layout: Layout,
    points: list[tuple[float, float]],
    codes: list[int],
    heads: list[list[tuple[float, float]]],
) -> None:
    """Append the course of a line (codes: 0 move, 1 straight, 2 curve) and its arrowhead."""
    box = boxes[line.source]
    port = box.ports[line.output] if line.output >= 0 else box.width / 2 - 6
    x = layout.x[line.source] + port
    level = layout.layer[line.source]
    points.append((x, layout.top[level] + box.height))
    codes.append(0)
    last = (layout.x[line.target] + line.entry, layout.layer[line.target])
    stops = [(layout.x[stop], layout.layer[stop]) for stop in line.stops[1:]]
    for next_x, next_level in [*stops, last]:
        start, end = layout.bottom[level], layout.top[next_level]
        if (next_x, next_level) == last:
            end -= 5  # the arrowhead's length
        bend = (end - start) * 0.55
        points += [(x, start), (x, start + bend), (next_x, end - bend), (next_x, end)]
        codes += [1, 2, 2, 2]
        x, level = next_x, next_level
    tip = layout.top[level]
    heads.append([(x, tip), (x - 3, tip - 6.5), (x + 3, tip - 6.5)])


_CONTROL_TITLE = "control dependency"


def _legend_rows(
    boxes: Sequence[_Box], layout: Layout, width: float
) -> list[list[tuple[Family | None, str, float]]]:
    """The kinds in use, in rows that fit the width: family (None: control), text, left edge."""
    used = {box.family for box in boxes}
    entries: list[Family | None] = [family for family in FAMILIES if family in used]
    if any(line.output < 0 for line in layout.lines):
        entries.append(None)
    rows: list[list[tuple[Family | None, str, float]]] = []
    x = width
    for family in entries:
        title = family.title if family else _CONTROL_TITLE
        needed = 20 + style.text_width(title, style.NOTE_SIZE) + 16
        if not rows or x + needed > width:
            rows.append([])
            x = 0.0
        rows[-1].append((family, title, x))
        x += needed
    return rows


def _draw_legend(
    axes: Axes, rows: Sequence[Sequence[tuple[Family | None, str, float]]], top: float
) -> None:
    rectangle = style.matplotlib("patches").Rectangle
    for index, row in enumerate(rows):
        y = top + index * _LEGEND_ROW
        for family, title, offset in row:
            x = _MARGIN + offset
            if family is None:
                axes.plot([x, x + 14], [y, y], color=_LINE_COLOUR, linewidth=1.1, dashes=(4, 3))
            else:
                axes.add_patch(
                    rectangle((x, y - 5), 14, 10, facecolor=family.fill, edgecolor=family.edge)
                )
            axes.text(
                x + 20,
                y,
                title,
                va="center_baseline",
                fontsize=style.NOTE_SIZE,
                color=style.INK,
            )
