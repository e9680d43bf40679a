"""Where the boxes and lines of a graph go: layers from top to bottom (Sugiyama's method).

Each operation stands one layer below the lowest of its inputs. A line that passes layers gets a
place of its own in each of them, so that it never runs through a box. The order within a layer
follows the neighbours' mean places (barycentres), over several sweeps, of which the one with the
fewest crossings is kept; then all are moved sideways as close to their neighbours as the order
allows. All of it is iterative, deterministic and free of matplotlib; lengths are points.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

_BETWEEN_BOXES = 22.0
_BETWEEN_LINES = 12.0
_BETWEEN_LAYERS = 30.0
_ORDER_SWEEPS = 24
_PLACE_SWEEPS = 60
_STRAIGHTNESS = 6.0  # how much more a long line wants to be straight than to be near
_MAX_PLACES = 20_000  # boxes and passing lines together


@dataclass(frozen=True)
class Line:
    """A line to draw: from an output of one box to another box.

    Attributes:
        source: The box where it starts.
        output: Which output of it, or -1 for a control dependency.
        target: The box where it ends.
        stops: Indices into ``Layout.x`` and ``Layout.layer`` of the places it passes, in order.
        entry: Where it enters the target: sideways distance from the middle of the box.
    """

    source: int
    output: int
    target: int
    stops: tuple[int, ...]
    entry: float


@dataclass
class Layout:
    """Boxes first, then the places that lines pass.

    Attributes:
        x: The middle of each, in points.
        layer: The layer of each, 0 at the top.
        top: The upper edge of each layer, in points from the upper edge of the picture.
        bottom: The lower edge of each layer; between it and the next one's top lines may bend.
        lines: All lines.
        width: Of the whole.
        height: Of the whole.
    """

    x: list[float]
    layer: list[int]
    top: list[float]
    bottom: list[float]
    lines: list[Line]
    width: float
    height: float


@dataclass
class _Work:
    """What the steps of the method share; the same indices as in ``Layout``."""

    layer: list[int]
    half: list[float]  # half widths
    above: list[list[int]] = field(default_factory=list)
    below: list[list[int]] = field(default_factory=list)
    rows: list[list[int]] = field(default_factory=list)
    boxes: int = 0
    chains: list[list[int]] = field(default_factory=list)  # the places of one long line each


def lay_out(
    widths: Sequence[float],
    heights: Sequence[float],
    edges: Sequence[tuple[int, int, int]],
) -> Layout | None:
    """Find a place for each box.

    Args:
        widths: Width of each box, with what is written beneath it.
        heights: Height of each box, with what is written beneath it.
        edges: (source, output, target) for each line; output -1 is a control dependency.

    Returns:
        The layout, or ``None`` if the lines pass so many layers that no picture could show it.

    Raises:
        ValueError: The edges form a cycle.
    """
    layer = _layers(len(widths), edges)
    work = _Work(layer, [width / 2 for width in widths], boxes=len(widths))
    routes = _route(work, edges)
    if routes is None:
        return None
    _order(work)
    x = _place(work)
    left = min((x[i] - work.half[i] for i in range(len(x))), default=0.0)
    x = [value - left for value in x]
    width = max((x[i] + work.half[i] for i in range(len(x))), default=0.0)
    top, bottom = _levels(work, heights, x)
    lines = _enter(edges, routes, x, widths)
    return Layout(x, work.layer, top, bottom, lines, width, max(bottom, default=0.0))


def _layers(count: int, edges: Sequence[tuple[int, int, int]]) -> list[int]:
    """Longest path from the top; then what is used late comes down to just above its users.

    A box comes down where that makes no more lines longer than shorter: when at most one of its
    inputs cannot come down along with it. So a weight stands beside the layer that reads it.
    """
    above: list[list[int]] = [[] for _ in range(count)]
    below: list[list[int]] = [[] for _ in range(count)]
    waiting = [0] * count
    for source, _, target in edges:
        above[target].append(source)
        below[source].append(target)
        waiting[target] += 1
    layer = [0] * count
    ready = deque(box for box in range(count) if not waiting[box])
    done: list[int] = []
    while ready:
        box = ready.popleft()
        done.append(box)
        for target in below[box]:
            layer[target] = max(layer[target], layer[box] + 1)
            waiting[target] -= 1
            if not waiting[target]:
                ready.append(target)
    if len(done) < count:
        raise ValueError("the operations of the graph form a cycle")
    held = [0] * count  # inputs that stay when the box comes down
    for box in done:
        held[box] = sum(
            held[source] > 0 or len(set(below[source])) > 1 for source in set(above[box])
        )
    for box in reversed(done):
        if below[box] and held[box] <= 1:
            layer[box] = min(layer[target] for target in below[box]) - 1
    return layer


def _route(work: _Work, edges: Sequence[tuple[int, int, int]]) -> list[tuple[int, ...]] | None:
    """Give lines a place in each layer they pass; lines from one output share their places."""
    trunks: dict[tuple[int, int], list[int]] = {}
    routes = []
    links: set[tuple[int, int]] = set()
    for source, output, target in edges:
        trunk = trunks.setdefault((source, output), [source])
        needed = work.layer[target] - work.layer[source]
        while len(trunk) < needed:
            trunk.append(len(work.layer))
            work.layer.append(work.layer[source] + len(trunk) - 1)
            work.half.append(0.0)
            if len(work.layer) > _MAX_PLACES:
                return None
        stops = trunk[:needed]
        links.update(zip(stops, [*stops[1:], target], strict=True))
        routes.append(tuple(stops))
    work.chains = [trunk[1:] for trunk in trunks.values() if len(trunk) > 1]
    work.above = [[] for _ in work.layer]
    work.below = [[] for _ in work.layer]
    for upper, lower in sorted(links):
        work.below[upper].append(lower)
        work.above[lower].append(upper)
    return routes


def _order(work: _Work) -> None:
    """Order each layer by barycentres; keep the order with the fewest crossings."""
    rows: list[list[int]] = [[] for _ in range(max(work.layer, default=-1) + 1)]
    # Depth first from the top, so that what belongs together starts together.
    seen = [False] * len(work.layer)
    for start in range(work.boxes):
        stack = [start] if not work.above[start] else []
        while stack:
            item = stack.pop()
            if not seen[item]:
                seen[item] = True
                rows[work.layer[item]].append(item)
                stack.extend(reversed(work.below[item]))
    best, fewest = [list(row) for row in rows], _crossings(work, rows)
    since = 0
    for sweep in range(_ORDER_SWEEPS):
        down = sweep % 2 == 0
        neighbours = work.above if down else work.below
        place = [0.0] * len(work.layer)
        for row in rows if down else reversed(rows):
            for index, item in enumerate(row):
                around = neighbours[item]
                # What has no neighbour keeps its relative place.
                place[item] = (
                    sum(place[other] for other in around) / len(around)
                    if around
                    else index / len(row)
                )
            row.sort(key=place.__getitem__)
            # To 0..1, for rows are of different lengths.
            for index, item in enumerate(row):
                place[item] = (index + 0.5) / len(row)
        crossings = _crossings(work, rows)
        since += 1
        if crossings < fewest:
            best, fewest, since = [list(row) for row in rows], crossings, 0
        if fewest == 0 or since > 6:
            break
    work.rows = best


def _crossings(work: _Work, rows: Sequence[Sequence[int]]) -> int:
    """How many pairs of lines cross, over all neighbouring layers."""
    total = 0
    position = [0] * len(work.layer)
    for row in rows:
        for index, item in enumerate(row):
            position[item] = index
    for row in rows:
        ends: list[int] = []
        for item in row:
            targets = sorted(position[other] for other in work.below[item])
            total += sum(len(ends) - bisect_right(ends, target) for target in targets)
            for target in targets:
                insort(ends, target)
    return total


def _place(work: _Work) -> list[float]:
    """Move all as close to their neighbours as the order and the widths allow."""
    x = [0.0] * len(work.layer)
    offsets = []
    for row in work.rows:
        offset = [0.0] * len(row)
        for index in range(1, len(row)):
            one, two = row[index - 1], row[index]
            lines = one >= work.boxes and two >= work.boxes
            gap = _BETWEEN_LINES if lines else _BETWEEN_BOXES
            offset[index] = offset[index - 1] + work.half[one] + gap + work.half[two]
        offsets.append(offset)
        middle = offset[-1] / 2 if offset else 0.0
        for item, value in zip(row, offset, strict=True):
            x[item] = value - middle
    for sweep in range(_PLACE_SWEEPS):
        # What each line would be, were it straight.
        middle_of = {}
        for chain in work.chains:
            mean = sum(x[item] for item in chain) / len(chain)
            middle_of.update(dict.fromkeys(chain, mean))
        down = sweep % 2 == 0
        # The last sweeps look both ways, which evens out what one way has bent.
        both = sweep >= _PLACE_SWEEPS - 16
        for index in range(len(work.rows)) if down else reversed(range(len(work.rows))):
            row = work.rows[index]
            wanted, weights = [], []
            for item in row:
                around: list[int] = []
                if down or both:
                    around += work.above[item]
                if not down or both:
                    around += work.below[item]
                total, weight = sum(x[other] for other in around), float(len(around))
                if item in middle_of:
                    total += _STRAIGHTNESS * middle_of[item]
                    weight += _STRAIGHTNESS
                wanted.append(total / weight if weight else x[item])
                weights.append(weight or 0.05)
            for item, value in zip(row, _spread(wanted, weights, offsets[index]), strict=True):
                x[item] = value
    return x


def _spread(
    wanted: Sequence[float], weights: Sequence[float], offsets: Sequence[float]
) -> list[float]:
    """The places nearest to the wanted ones (least squares) that keep the order and distances.

    With the offsets taken off, the places must only not decrease: isotonic regression, by pooling
    neighbours that would be in the wrong order.
    """
    pools: list[tuple[float, float, int]] = []  # mean, weight, members
    for want, weight, offset in zip(wanted, weights, offsets, strict=True):
        mean, total, members = want - offset, weight, 1
        while pools and pools[-1][0] > mean:
            other_mean, other_total, other_members = pools.pop()
            mean = (mean * total + other_mean * other_total) / (total + other_total)
            total += other_total
            members += other_members
        pools.append((mean, total, members))
    flat = [mean for mean, _, members in pools for _ in range(members)]
    return [value + offset for value, offset in zip(flat, offsets, strict=True)]


def _levels(
    work: _Work, heights: Sequence[float], x: Sequence[float]
) -> tuple[list[float], list[float]]:
    """The upper and the lower edge of each layer.

    Where lines run far sideways, the layers stand further apart, so that the lines are not flat.
    """
    top, bottom = [], []
    y = 0.0
    for row in work.rows:
        top.append(y)
        tallest = max((heights[item] for item in row if item < work.boxes), default=0.0)
        reach = max((abs(x[a] - x[b]) for a in row for b in work.below[a]), default=0.0)
        bottom.append(y + tallest)
        y += tallest + _BETWEEN_LAYERS + min(60.0, 0.09 * reach)
    return top, bottom


def _enter(
    edges: Sequence[tuple[int, int, int]],
    routes: Sequence[tuple[int, ...]],
    x: Sequence[float],
    widths: Sequence[float],
) -> list[Line]:
    """Spread the lines that enter a box along its upper edge, in the order they come from."""
    entering: dict[int, list[int]] = {}
    for index, (_, _, target) in enumerate(edges):
        entering.setdefault(target, []).append(index)
    entry = [0.0] * len(edges)
    for target, indices in entering.items():
        indices.sort(key=lambda index: x[routes[index][-1]])
        step = min(14.0, 0.6 * widths[target] / len(indices))
        for place, index in enumerate(indices):
            entry[index] = (place - (len(indices) - 1) / 2) * step
    return [
        Line(source, output, target, routes[index], entry[index])
        for index, (source, output, target) in enumerate(edges)
    ]
