"""What the compiler made of a graph, as a page: kernels, why each ended, memory, times."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from mpsg.show import _html
from mpsg.show import _style as style
from mpsg.show._html import HtmlPage
from mpsg.show._op_families import FAMILIES
from mpsg.show._stitching_data import StitchingData, read_executable
from mpsg.show._stitching_map import draw_map
from mpsg.show._stitching_memory import draw_memory
from mpsg.show._stitching_reasons import kinds_of, meaning_of
from mpsg.show._stitching_steps import draw_cards, draw_times, used_families

if TYPE_CHECKING:
    from mpsg import Executable, Profile


def stitching(
    executable: Executable,
    path: str | os.PathLike[str] | None = None,
    *,
    profile: Profile | None = None,
    title: str = "Stitching",
) -> HtmlPage:
    """Draw which operations of a graph the compiler made one kernel of, and why.

    The page shows every kernel in order: the operations in it with their names and source lines,
    what it reads and writes, why it holds no more, and its program on a click. Above them stand a
    map of the kernels and, with a profile, their times; below, the memory plan.

    Args:
        executable: What :meth:`Graph.compile` returned.
        path: Where to save the page (.html); ``None`` saves nothing.
        profile: What ``executable.profile(feeds)`` returned, for times and rates.
        title: The heading.

    Returns:
        The page. A notebook shows it; ``page.save(path)`` writes it. It needs no network, no
        scripts and no other package.

    Raises:
        ValueError: The ending of ``path`` is wrong, or the profile is of another executable.
        OSError: The page cannot be written.

    Example:
        >>> executable = graph.compile({x: (64, 784)}, [loss], updates)  # doctest: +SKIP
        >>> mpsg.show.stitching(executable, "stitching.html",
        ...                     profile=executable.profile([images]))  # doctest: +SKIP
    """
    _html.check_path(path)
    data = read_executable(executable, profile)
    # Several pages of one notebook share their names for links: each has names of its own.
    mark = hashlib.sha256((data.plan + title).encode("utf-8", "replace")).hexdigest()[:8]
    page = HtmlPage(title, _body(data, title, f"mpsg-{mark}-step-"))
    if path is not None:
        page.save(path)
    return page


def _body(data: StitchingData, title: str, prefix: str) -> str:
    parts = [f"<style>{_STYLE}</style>", '<div class="mpsg-stitching">']
    if title:
        parts.append(f"<h1>{_html.text(title, 100)}</h1>")
    parts.append(_opening(data))
    if data.steps:
        parts += [
            "<h2>The kernels and what flows between them</h2>",
            "<p>Each box is a kernel, and each line a tensor in memory. A click on a box leads to "
            "its card. A dashed frame means that the kernel is not generated.</p>",
            _legend(data),
            draw_map(data.steps, prefix),
            draw_times(data, prefix),
            "<h2>Kernel by kernel</h2>",
            _reasons(data),
            draw_cards(data, prefix),
        ]
    parts += [
        "<h2>Memory</h2>",
        draw_memory(data),
        "<h2>The plan as text</h2>",
        "<details><summary>all steps with their values and offsets; the steps of loops and "
        f"conditions stand in braces</summary><pre>{_html.block(data.plan)}</pre></details>",
        "</div>",
    ]
    return "\n".join(parts)


def _opening(data: StitchingData) -> str:
    """What the page shows, for somebody who sees one for the first time."""
    kernels = style.counted(len(data.steps), "kernel")
    done = sum(step.operations for step in data.steps)
    several = sum(step.operations > 1 for step in data.steps)
    before = data.graph_operations if data.graph_operations is not None else done
    became = f'<p class="opening">{style.counted(before, "operation")} became {kernels}'
    device = f"on the device <code>{_html.text(data.device)}</code>."
    if not data.steps:
        return (
            f"{became} {device}</p><p>There is nothing to compute: every result is a feed, a "
            "variable or a constant, and is handed over as it is.</p>"
        )
    control = sum(step.runs_bodies for step in data.steps)
    bodies = (
        "<p>A loop or a condition counts as one kernel here. Those of its body are in the plan at "
        "the end of this page.</p>"
        if control
        else ""
    )
    if not several:
        nothing = (
            ""
            if control == len(data.steps)
            else "<p>Nothing is stitched here: every kernel does one operation, reads its operands "
            "from memory and writes its result there.</p>"
        )
        return f"{became} {device}</p>{nothing}{bodies}"
    stitched = "One of them does" if several == 1 else f"{several} of them do"
    return (
        f"{became} {device}</p><p>A kernel is one pass over memory. {stitched} several operations "
        "at once: what one makes goes to the next in registers, without a way through memory. The "
        f"kernels do {style.counted(done, 'operation')} in all. Placeholders, variables, constants "
        "and reshapes cost nothing; equal operations are done once, and some are taken apart into "
        f"smaller ones first.</p>{bodies}"
    )


def _legend(data: StitchingData) -> str:
    used = used_families(data.steps)
    entries = "".join(
        f'<li><i style="background:{family.fill};border:1px solid {family.edge}"></i>'
        f"{family.title}</li>"
        for family in FAMILIES
        if family.title in used
    )
    return f'<ul class="legend">{entries}</ul>'


def _reasons(data: StitchingData) -> str:
    kinds = kinds_of(step.region.ended for step in data.steps if step.region.ended)
    if not kinds:
        return ""
    rows = "".join(
        f'<tr><td class="count">{count}</td><td>{_html.text(kind, 120)}</td>'
        f"<td>{meaning_of(kind)}</td></tr>"
        for kind, count in kinds
    )
    return (
        "<p>Why the stitched kernels hold no more operations, and how many end so:</p>"
        f'<table class="reasons">{rows}</table>'
    )


# All of it below one class, so that a notebook's own look does not change.
_STYLE = f"""
.mpsg-stitching {{ color: {style.INK}; background: {style.PAPER}; max-width: 1180px;
  margin: 0 auto; padding: 20px 28px 48px; font: 14px/1.45 system-ui, sans-serif;
  box-sizing: border-box; text-align: left; }}
.mpsg-stitching h1 {{ font-size: 26px; margin: 0 0 6px; color: inherit; }}
.mpsg-stitching h2 {{ font-size: 18px; margin: 34px 0 6px; color: inherit; }}
.mpsg-stitching h3 {{ font-size: 15px; margin: 0 0 6px; color: inherit; }}
.mpsg-stitching p {{ margin: 4px 0 8px; max-width: 900px; }}
.mpsg-stitching .opening {{ font-size: 18px; }}
.mpsg-stitching .note, .mpsg-stitching small {{ color: {style.MUTED}; }}
.mpsg-stitching .wide {{ overflow-x: auto; }}
.mpsg-stitching svg {{ display: block; margin: 8px 0; max-width: none; }}
.mpsg-stitching svg {{ fill: {style.INK}; }}
.mpsg-stitching svg text {{ font-family: ui-monospace, monospace; font-size: 11px; }}
.mpsg-stitching .map a:hover rect {{ stroke-width: 2.5; }}
.mpsg-stitching a {{ color: {style.CORRECT}; text-decoration: none; }}
.mpsg-stitching a:hover {{ text-decoration: underline; }}
.mpsg-stitching .legend {{ list-style: none; display: flex; flex-wrap: wrap; gap: 4px 18px;
  padding: 0; margin: 8px 0; }}
.mpsg-stitching .legend i {{ display: inline-block; width: 11px; height: 11px; margin-right: 6px;
  border-radius: 2px; box-sizing: border-box; }}
.mpsg-stitching .stack {{ display: flex; height: 20px; max-width: 900px; border-radius: 3px;
  overflow: hidden; background: {style.RULE}; }}
.mpsg-stitching .step {{ border: 1px solid {style.RULE}; border-left: 5px solid; border-radius: 4px;
  padding: 10px 14px; margin: 10px 0; }}
.mpsg-stitching .step:target {{ background: #fffbe9; box-shadow: 0 0 0 2px #e8c95b; }}
.mpsg-stitching .number {{ display: inline-block; min-width: 22px; color: {style.MUTED}; }}
.mpsg-stitching .figures {{ float: right; font-weight: normal; color: {style.MUTED};
  font-size: 13px; }}
.mpsg-stitching .members {{ line-height: 2.1; max-width: none; }}
.mpsg-stitching .chip {{ border: 1px solid; border-radius: 4px; padding: 2px 7px;
  white-space: nowrap; }}
.mpsg-stitching .chip em {{ font-style: normal; font-size: 11px; border-radius: 3px;
  padding: 0 4px; color: #fff; background: {style.MUTED}; }}
.mpsg-stitching .chip em.root {{ background: {style.INK}; }}
.mpsg-stitching .then {{ color: {style.MUTED}; }}
.mpsg-stitching table {{ border-collapse: collapse; margin: 6px 0; font-size: 13px; }}
.mpsg-stitching tr, .mpsg-stitching td, .mpsg-stitching th {{ background: none; border: 0;
  text-align: left; padding: 1px 14px 1px 0; vertical-align: top; }}
.mpsg-stitching .tensors th {{ font-weight: normal; color: {style.MUTED}; }}
.mpsg-stitching .count {{ text-align: right; font-variant-numeric: tabular-nums; }}
.mpsg-stitching .times {{ width: 100%; }}
.mpsg-stitching .times th {{ font-weight: normal; }}
.mpsg-stitching .times td {{ width: 20%; }}
.mpsg-stitching .bar {{ display: block; position: relative; height: 18px; background: #f4f6f8; }}
.mpsg-stitching .bar i {{ position: absolute; left: 0; top: 0; bottom: 0; opacity: 0.35; }}
.mpsg-stitching .bar span {{ position: relative; padding-left: 6px; }}
.mpsg-stitching summary {{ cursor: pointer; color: {style.CORRECT}; }}
.mpsg-stitching pre {{ background: #f4f6f8; color: inherit; padding: 10px; overflow-x: auto;
  font: 12px/1.4 ui-monospace, monospace; border-radius: 3px; }}
"""
