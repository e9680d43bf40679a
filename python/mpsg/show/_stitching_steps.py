"""The cards of a stitching page: one for each kernel, and the bars of their times."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import PurePath

from mpsg.show import _html
from mpsg.show import _style as style
from mpsg.show._op_families import family_of
from mpsg.show._stitching_data import Step, StitchingData
from mpsg.show._stitching_reasons import ALONE, CONTROL, meaning_of


def draw_cards(data: StitchingData, prefix: str) -> str:
    """A card for each kernel, in the order in which they run."""
    return "".join(_card(step, data, prefix) for step in data.steps)


def _card(step: Step, data: StitchingData, prefix: str) -> str:
    family, kernel, region = step.family, step.kernel, step.region
    figures = [_html.byte_size(kernel.bytes), _html.operation_count(kernel.operations)]
    if step.time is not None:
        figures.append(f"<b>{_html.microseconds(step.time.microseconds)}</b>")
    classes = "step stitched" if step.stitched else "step"
    parts = [
        f'<section class="{classes}" id="{prefix}{step.number}" '
        f'style="border-left-color:{family.edge}">'
        f'<h3><span class="number">{step.number}</span> {_html.text(region.name)}'
        f'<span class="figures">{" · ".join(figures)}</span></h3>',
        f'<p class="members">{_members(step)}</p>',
        _segments(step),
        '<table class="tensors">',
        *(_tensor(step, data, id, "reads", prefix) for id in region.inputs),
        *(_tensor(step, data, id, "writes", prefix) for id in region.outputs),
        "</table>",
    ]
    if region.ended:
        meaning = meaning_of(region.ended)
        parts.append(
            f'<p class="ended"><b>It ends here:</b> {_html.text(region.ended, 200)}. {meaning}</p>'
        )
    elif not step.stitched:
        parts.append(f'<p class="ended">{CONTROL if step.runs_bodies else ALONE}</p>')
    parts.append(f'<p class="kernel"><b>Kernel:</b> {_html.text(kernel.description, 300)}</p>')
    if region.text:
        parts.append(
            "<details><summary>its program, loops and accesses</summary>"
            f"<pre>{_html.block(region.text)}</pre></details>"
        )
    return "".join(parts) + "</section>\n"


def _segments(step: Step) -> str:
    if step.segments == 1:
        return ""
    return (
        f'<p class="segments">The same code runs <b>{step.segments} times</b> in this one launch, '
        "over other tensors each time.</p>"
    )


def _members(step: Step) -> str:
    chips = []
    if step.root:
        chips.append(
            _chip(
                step.root,
                "root",
                "The others work on its result, tile by tile, while that is still in the cache",
            )
        )
    for member in step.region.members:
        place = PurePath(member.source).name
        note = " ".join(filter(None, [_html.text(member.name, 40), _html.text(place, 40)]))
        kind = "epilogue" if step.root else ""
        chips.append(_chip(member.operation, kind, member.source, note))
    # Segments do the same one after the other: a line for each.
    line = len(chips) // step.segments if len(chips) % step.segments == 0 else len(chips)
    return "<br>".join(
        ' <span class="then">→</span> '.join(chips[first : first + line])
        for first in range(0, len(chips), max(line, 1))
    )


def _chip(operation: str, kind: str, title: str, note: str = "") -> str:
    """A small box for an operation. `note` is safe already."""
    family = family_of(operation)
    badge = f'<em class="{kind}">{kind}</em> ' if kind else ""
    return (
        f'<span class="chip" title="{_html.text(title, 300)}" style="background:{family.fill};'
        f'border-color:{family.edge}">{badge}<b>{_html.text(operation)}</b>'
        f"{f' <small>{note}</small>' if note else ''}</span>"
    )


def _tensor(step: Step, data: StitchingData, id: int, verb: str, prefix: str) -> str:
    tensor = data.tensors[id]
    if verb == "reads":
        maker = step.makers.get(id)
        where = "from " + (_link(maker, prefix) if maker is not None else _html.text(tensor.place))
    else:
        links = [_link(reader, prefix) for reader in step.readers.get(id, [])]
        ends = [] if tensor.place == "arena" else [_html.text(tensor.place)]
        unread = "for the epilogue only" if step.root and id == step.region.outputs[0] else "unread"
        where = "to " + ", ".join([*links, *ends]) if links or ends else unread
    return (
        f"<tr><th>{verb}</th><td>{_html.text(tensor.name)}</td>"
        f"<td>{_html.text(tensor.data_type.name)} {_html.text(tensor.shape)}</td>"
        f'<td class="count">{_html.byte_size(tensor.bytes)}</td><td>{where}</td></tr>'
    )


def _link(step: int, prefix: str) -> str:
    return f'<a href="#{prefix}{step}">step {step}</a>'


def draw_times(data: StitchingData, prefix: str) -> str:
    """Bars of time, bytes per second and operations per second, the dearest kernel first."""
    profile = data.profile
    if profile is None:
        return (
            '<p class="note">With <code>profile=executable.profile(feeds)</code> this page also '
            "shows where the time goes.</p>"
        )
    timed = [(step, step.time) for step in data.steps if step.time is not None]
    timed.sort(key=lambda entry: -entry[1].microseconds)
    measures = (
        ("time", [time.microseconds for _, time in timed], _html.microseconds),
        ("GB/s", [time.gigabytes_per_second for _, time in timed], _rate),
        ("GFLOP/s", [time.gigaflops for _, time in timed], _rate),
    )
    rows = []
    for place, (step, _) in enumerate(timed):
        bars = "".join(
            f"<td>{_bar(values[place], max(values), write(values[place]), step.family.edge)}</td>"
            for _, values, write in measures
        )
        what = _html.text(", ".join(step.names), 60)
        rows.append(f"<tr><th>{_link(step.number, prefix)} <small>{what}</small></th>{bars}</tr>")
    total = sum(measures[0][1])
    heads = "".join(f"<th>{name}</th>" for name, _, _ in measures)
    return (
        "<h2>Where the time goes</h2>"
        f"<p>A run takes <b>{_html.microseconds(profile.microseconds)}</b> (median of "
        f"{style.counted(profile.runs, 'run')}); its kernels together "
        f"{_html.microseconds(total)}. GB/s counts each tensor that a kernel reads or writes once; "
        "GFLOP/s counts a multiplication and an addition as two.</p>"
        f'<table class="times"><tr><th></th>{heads}</tr>{"".join(rows)}</table>'
    )


def _rate(value: float) -> str:
    return f"{value:,.1f}"


def _bar(value: float, most: float, label: str, colour: str) -> str:
    share = 100 * value / most if most > 0 else 0.0
    return (
        f'<span class="bar"><i style="width:{share:.2f}%;background:{colour}"></i>'
        f"<span>{label}</span></span>"
    )


def used_families(steps: Sequence[Step]) -> set[str]:
    """The titles of the kinds of work whose colours the page shows."""
    return {family_of(name).title for step in steps for name in step.names}
