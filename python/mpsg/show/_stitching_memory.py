"""The memory plan as a picture: which tensor has which bytes of the arena, from when to when."""

from __future__ import annotations

from collections.abc import Sequence

from mpsg.show import _html
from mpsg.show import _style as style
from mpsg.show._stitching_data import Lane, Step, StitchingData

_WIDTH = 880.0  # of the plot, pixels
_HEIGHT = 300.0
_LEFT = 76.0
_TOP = 26.0
_BOTTOM = 40.0
_MOST_LANES = 1500
_LETTER = 6.2

_OWNERS = (
    ("feeds", "feed_bytes", "what you pass in", "#66727f"),
    ("results", "result_bytes", "what you get back", "#2166ac"),
    ("constants", "constant_bytes", "part of the graph", "#a7b0ba"),
    ("variables", "variable_bytes", "kept from run to run", "#c77d0a"),
    ("scratch", "scratch_bytes", "the arena and the kernels' own workspace", "#3c8c40"),
)


def draw_memory(data: StitchingData) -> str:
    """How much memory a run needs and for what, and the arena's lanes."""
    return _draw_peak(data) + _draw_lanes(data)


def _draw_peak(data: StitchingData) -> str:
    memory = data.memory
    peak = memory.peak_bytes
    parts, legend = [], []
    for name, field, what, colour in _OWNERS:
        size = getattr(memory, field)
        share = 100 * size / peak if peak else 0.0
        parts.append(
            f'<span style="width:{share:.3f}%;background:{colour}" '
            f'title="{name}: {_html.byte_size(size)}"></span>'
        )
        legend.append(
            f'<li><i style="background:{colour}"></i><b>{name}</b> {_html.byte_size(size)} '
            f"<small>{what}</small></li>"
        )
    return (
        f"<p>A run needs <b>{_html.byte_size(peak)}</b>, and that is known before it starts.</p>"
        f'<div class="stack">{"".join(parts)}</div><ul class="legend">{"".join(legend)}</ul>'
    )


def _draw_lanes(data: StitchingData) -> str:
    arena = data.memory.arena_bytes
    if not data.lanes or not arena or not data.steps:
        return (
            '<p class="note">No tensor needs a place of its own between two kernels: there is no '
            "arena to draw.</p>"
        )
    lanes = sorted(data.lanes, key=lambda lane: -lane.tensor.bytes)[:_MOST_LANES]
    live = _live(data.lanes, len(data.steps))
    fullest = max(range(len(live)), key=live.__getitem__)
    column, row = _WIDTH / len(data.steps), _HEIGHT / arena
    width, height = _LEFT + _WIDTH + 8, _TOP + _HEIGHT + _BOTTOM
    parts = [
        f'<div class="wide"><svg class="lanes" role="img" width="{width:.0f}" '
        f'height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"><title>The arena: steps '
        "from left to right, addresses from bottom to top</title>",
        f'<rect x="{_LEFT + fullest * column:.1f}" y="{_TOP:.0f}" width="{column:.1f}" '
        f'height="{_HEIGHT:.0f}" fill="#fdf3dc"><title>Step {fullest}: the most bytes in use, '
        f"{_html.byte_size(live[fullest])}</title></rect>",
        _axes(len(data.steps), column, arena),
    ]
    parts += [_lane(lane, data.steps, column, row) for lane in lanes]
    parts.append(_use(live, column, row))
    parts.append(
        f'<line class="peak" x1="{_LEFT:.0f}" x2="{_LEFT + _WIDTH:.0f}" y1="{_TOP:.0f}" '
        f'y2="{_TOP:.0f}" stroke="{style.WRONG}" stroke-dasharray="6 4"/>'
        f'<text x="{_LEFT:.0f}" y="{_TOP - 8:.0f}" fill="{style.WRONG}">planned peak of the arena: '
        f"{_html.byte_size(arena)}; most in use {_html.byte_size(live[fullest])}, in step "
        f"{fullest}</text></svg></div>"
    )
    left_out = len(data.lanes) - len(lanes)
    return (
        "<p>Between kernels, tensors live in one block of memory, the arena. Each bar is a tensor: "
        "from the step that writes it to the last one that reads it, and over the bytes that it "
        "has. Bars one after the other at the same height share memory. The dark line is how much "
        "is in use.</p>"
        + "".join(parts)
        + (
            f'<p class="note">The {left_out:,} smallest tensors are left out.</p>'
            if left_out
            else ""
        )
    )


def _live(lanes: Sequence[Lane], steps: int) -> list[int]:
    """Bytes in use at each step; those that a result has taken over from an operand count once."""
    starting: list[list[Lane]] = [[] for _ in range(steps)]
    for lane in lanes:
        starting[lane.first].append(lane)
    live, active = [], list[Lane]()
    for step, new in enumerate(starting):
        active = [lane for lane in active if lane.last >= step] + new
        active.sort(key=lambda lane: lane.tensor.offset)
        used = end = 0
        for lane in active:
            reach = lane.tensor.offset + lane.tensor.bytes
            used += max(0, reach - max(end, lane.tensor.offset))
            end = max(end, reach)
        live.append(used)
    return live


def _axes(steps: int, column: float, arena: int) -> str:
    parts = []
    every = max(1, -(-steps // 28))
    for step in range(0, steps, every):
        x = _LEFT + (step + 0.5) * column
        parts.append(
            f'<text x="{x:.1f}" y="{_TOP + _HEIGHT + 16:.0f}" text-anchor="middle" '
            f'fill="{style.MUTED}">{step}</text>'
        )
    parts.append(
        f'<text x="{_LEFT + _WIDTH / 2:.0f}" y="{_TOP + _HEIGHT + 34:.0f}" text-anchor="middle" '
        f'fill="{style.MUTED}">step</text>'
    )
    for part in range(5):
        y = _TOP + _HEIGHT * (1 - part / 4)
        parts.append(
            f'<line x1="{_LEFT:.0f}" x2="{_LEFT + _WIDTH:.0f}" y1="{y:.1f}" y2="{y:.1f}" '
            f'stroke="{style.RULE}"/><text x="{_LEFT - 6:.0f}" y="{y + 4:.1f}" '
            f'text-anchor="end" fill="{style.MUTED}">{_html.byte_size(arena * part / 4)}</text>'
        )
    return "".join(parts)


def _lane(lane: Lane, steps: Sequence[Step], column: float, row: float) -> str:
    tensor, family = lane.tensor, steps[lane.first].family
    # A hair narrower than its steps, so that the end of one and the start of another are seen.
    x, wide = _LEFT + lane.first * column + 1, (lane.last + 1 - lane.first) * column - 2
    tall = max(tensor.bytes * row, 1.5)
    y = min(_TOP + _HEIGHT - tensor.offset * row - tensor.bytes * row, _TOP + _HEIGHT - tall)
    shape = f"{tensor.data_type.name} {tensor.shape}"
    parts = [
        f'<g class="lane"><title>{_html.text(tensor.name)} {_html.text(shape)}: '
        f"{_html.byte_size(tensor.bytes)} at offset {tensor.offset:,}, steps {lane.first} to "
        f'{lane.last}</title><rect x="{x:.1f}" y="{y:.1f}" width="{max(wide, 1.5):.1f}" '
        f'height="{tall:.1f}" fill="{family.fill}" stroke="{family.edge}" '
        f'stroke-width="0.8" fill-opacity="0.9"/>'
    ]
    letters = int((wide - 8) / _LETTER)
    if tall >= 13 and letters >= 5:
        parts.append(
            f'<text x="{x + 4:.1f}" y="{y + tall / 2 + 4:.1f}">'
            f"{_html.text(tensor.name, letters)}</text>"
        )
    return "".join(parts) + "</g>"


def _use(live: Sequence[int], column: float, row: float) -> str:
    points = []
    for step, size in enumerate(live):
        y = _TOP + _HEIGHT - size * row
        points += [f"{_LEFT + step * column:.1f},{y:.1f}"]
        points += [f"{_LEFT + (step + 1) * column:.1f},{y:.1f}"]
    return (
        f'<polyline class="use" points="{" ".join(points)}" fill="none" stroke="{style.INK}" '
        'stroke-width="1.4"/>'
    )
