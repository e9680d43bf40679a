"""The overview of a stitching page: a box for each kernel, a line for each tensor between two."""

from __future__ import annotations

from collections.abc import Sequence

from mpsg.show import _html
from mpsg.show import _style as style
from mpsg.show._graph_layout import Layout, Line, lay_out
from mpsg.show._stitching_data import Step

_LETTER = 6.7  # pixels: the width of a letter of the fixed-width font at 11 px
_HEIGHT = 36.0
_MARGIN = 8.0
_LINE_COLOUR = "#8d99a6"
_MOST_LETTERS = 26
_MOST_STEPS = 400
_MOST_PIXELS = 20_000.0


def draw_map(steps: Sequence[Step], prefix: str) -> str:
    """The kernels as a graph, each a link to its card; a sentence if there are too many.

    Args:
        steps: All kernels, in order.
        prefix: What the cards' ids begin with.
    """
    if len(steps) <= _MOST_STEPS:
        layout = lay_out(
            [_width(step) + 4 for step in steps],
            [_HEIGHT] * len(steps),
            _edges(steps),
        )
        if layout is not None and max(layout.width, layout.height) < _MOST_PIXELS:
            return _draw(steps, layout, prefix)
    return (
        f'<p class="note">{style.counted(len(steps), "kernel")}: too many for a picture of how '
        "they depend on each other. The list below has them all.</p>"
    )


def _title(step: Step) -> str:
    """As many names as there is room for; at least one, shortened if need be."""
    names = step.names or [step.region.operation]
    shown = [style.plain_text(names[0], _MOST_LETTERS)]
    for name in names[1:]:
        if len(", ".join([*shown, name])) > _MOST_LETTERS:
            break
        shown.append(name)
    more = f" +{len(names) - len(shown)}" if len(names) > len(shown) else ""
    return f"{step.number}  {', '.join(shown)}{more}"


def _note(step: Step) -> str:
    return style.plain_text(step.kernel.output, _MOST_LETTERS)


def _width(step: Step) -> float:
    return 12 + _LETTER * max(len(_title(step)), len(_note(step)))


def _edges(steps: Sequence[Step]) -> list[tuple[int, int, int]]:
    # One line for several tensors between the same two; all that leave a box share their way.
    return sorted({(maker, 0, step.number) for step in steps for maker in step.makers.values()})


def _draw(steps: Sequence[Step], layout: Layout, prefix: str) -> str:
    width, height = layout.width + 2 * _MARGIN, layout.height + 2 * _MARGIN
    parts = [
        f'<div class="wide"><svg class="map" role="img" '
        f'style="width:100%;max-width:{width:.0f}px;min-width:{0.62 * width:.0f}px" '
        f'viewBox="{-_MARGIN:.0f} {-_MARGIN:.0f} {width:.0f} {height:.0f}">'
        "<title>Kernels from top to bottom; a line is a tensor that one makes and the other "
        "reads</title>"
    ]
    parts += [_line(line, layout) for line in layout.lines]
    for step in steps:
        wide = _width(step)
        x = layout.x[step.number] - wide / 2
        y = layout.top[layout.layer[step.number]]
        family = step.family
        dash = "" if step.stitched else ' stroke-dasharray="4 3"'
        parts.append(
            f'<a href="#{prefix}{step.number}"><g transform="translate({x:.1f} {y:.1f})">'
            f"<title>{_html.text(', '.join(step.names), 400)}</title>"
            f'<rect width="{wide:.1f}" height="{_HEIGHT:.0f}" rx="4" fill="{family.fill}" '
            f'stroke="{family.edge}"{dash}/>'
            f'<text x="6" y="15" font-weight="bold">{_html.text(_title(step), 80)}</text>'
            f'<text x="6" y="29" fill="{style.MUTED}">{_html.text(_note(step))}</text></g></a>'
        )
    parts.append("</svg></div>")
    return "".join(parts)


def _line(line: Line, layout: Layout) -> str:
    """The course of one line, and its arrowhead."""
    x, level = layout.x[line.source], layout.layer[line.source]
    path = [f"M{x:.1f} {layout.top[level] + _HEIGHT:.1f}"]
    ends = [(layout.x[stop], layout.layer[stop]) for stop in line.stops[1:]]
    ends.append((layout.x[line.target] + line.entry, layout.layer[line.target]))
    for next_x, next_level in ends:
        start, end = layout.bottom[level], layout.top[next_level]
        bend = (end - start) * 0.55
        path.append(
            f"L{x:.1f} {start:.1f}C{x:.1f} {start + bend:.1f} {next_x:.1f} {end - bend:.1f} "
            f"{next_x:.1f} {end:.1f}"
        )
        x, level = next_x, next_level
    tip = layout.top[level]
    return (
        f'<path d="{"".join(path)}" fill="none" stroke="{_LINE_COLOUR}"/>'
        f'<path d="M{x:.1f} {tip:.1f}l-3 -6.5h6z" fill="{_LINE_COLOUR}"/>'
    )
