"""mpsg.show.stitching: what the page says of an executable, and that no name can break it."""

from __future__ import annotations

import re
import subprocess
import sys
from html.parser import HTMLParser
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

import mpsg
import mpsg.show

VOID = {"meta", "br", "link", "img", "hr"}
HOSTILE = "<script>alert('x')</script>\"&'"


class Reader(HTMLParser):
    """Checks that elements are closed in order; keeps texts, ids, links and attributes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.feed(html)
        self.close()
        assert not self.open

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.words).split())

    def with_class(self, name: str) -> list[dict[str, str | None]]:
        return [given for _, given in self.tags if name in (given.get("class") or "").split()]


def read(page: mpsg.show.HtmlPage) -> Reader:
    """The page, once it is sure that it is complete in itself and its links lead somewhere."""
    reader = Reader(page.html)
    ids = [given["id"] for _, given in reader.tags if "id" in given]
    assert len(ids) == len(set(ids))
    for tag, given in reader.tags:
        assert tag not in {"script", "iframe", "link", "img", "object", "embed", "form"}
        for name, value in given.items():
            assert not name.startswith("on") and name != "src"
            if name == "href":
                assert value and value.startswith("#") and value[1:] in ids
    style = re.search(r"<style>(.*?)</style>", page.html, re.DOTALL)
    assert style and "url(" not in style[1] and "@import" not in style[1]
    return reader


def training() -> tuple[mpsg.Executable, list[np.ndarray]]:
    """A dense layer with its update: products with epilogues, a reduction, results."""
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 8], name="images")
    weights = graph.variable(np.full((8, 4), 0.1, np.float32), name="weights")
    y = graph.tanh(x @ weights, name="layer")
    loss = graph.reduction_sum(graph.square(y - 1.0), name="loss")
    updates = mpsg.optimizers.SGD(0.1).minimize(loss, [weights])
    executable = graph.compile({x: (16, 8)}, [loss], updates)
    return executable, [np.ones((16, 8), np.float32)]


def test_every_kernel_has_a_card_with_all_that_is_known_of_it() -> None:
    executable, _ = training()
    page = mpsg.show.stitching(executable)
    reader = read(page)
    regions, tensors = executable.regions, executable.memory.tensors
    cards = page.html.split("<section ")[1:]
    assert len(cards) == len(regions) == len(reader.with_class("step"))
    for number, (card, region, kernel) in enumerate(
        zip(cards, regions, executable.kernels, strict=True)
    ):
        words = Reader("<section " + card.partition("</section>")[0] + "</section>").text
        assert f'-step-{number}"' in card
        assert kernel.description in words
        for member in region.members:
            assert member.operation in words and member.name in words
            assert Path(member.source).name in words
        for id in [*region.inputs, *region.outputs]:
            assert tensors[id].name in words and str(tensors[id].shape) in words
        assert not region.ended or region.ended in words
        assert not region.text or " ".join(region.text.split()) in words


def test_edges_are_links_both_ways() -> None:
    executable, _ = training()
    page = mpsg.show.stitching(executable)
    cards = page.html.split("<section ")[1:]
    assert executable.edges
    for edge in executable.edges:
        assert f"step {edge.source}</a>" in cards[edge.target]
        assert f"step {edge.target}</a>" in cards[edge.source]
    lines = {(edge.source, edge.target) for edge in executable.edges}
    assert page.html.count('fill="none" stroke="#8d99a6"') == len(lines)


def test_the_opening_counts() -> None:
    executable, _ = training()
    graph = executable.target_tensors[0].graph
    text = read(mpsg.show.stitching(executable)).text
    assert f"{len(graph.operations)} operations became {len(executable.regions)} kernel" in text


def test_roots_and_epilogues_are_marked() -> None:
    executable, _ = training()
    roots = [r for r in executable.regions if r.text and r.operation != "stitched"]
    reader = read(mpsg.show.stitching(executable))
    assert len(reader.with_class("root")) == len(roots)
    assert len(reader.with_class("epilogue")) == sum(len(root.members) for root in roots)


def test_segments_stand_line_by_line() -> None:
    from mpsg.show import _stitching_steps as steps
    from mpsg.show._stitching_data import Step

    names = ["multiplication", "subtraction"] * 3
    members = [SimpleNamespace(operation=name, name="n", source="a/train.py:3") for name in names]
    region: Any = SimpleNamespace(members=members, segments=3)
    kernel: Any = SimpleNamespace()
    step = Step(0, region, kernel, "", True, {}, {}, None)
    lines = steps._members(step).split("<br>")
    assert len(lines) == 3 and all(line.count("→") == 1 for line in lines)
    assert "<b>3 times</b>" in steps._segments(step)
    region.segments = 1
    assert steps._members(step).count("→") == 5 and not steps._segments(step)


def test_memory_has_a_lane_for_each_block_of_the_arena() -> None:
    executable, _ = training()
    memory = executable.memory
    reader = read(mpsg.show.stitching(executable))
    blocks = [t for t in memory.tensors if t.place == "arena" and t.shares < 0]
    assert len(reader.with_class("lane")) == len(blocks)
    assert not blocks or reader.with_class("peak")
    assert f"A run needs {memory.peak_bytes / 1024:,.1f} KiB" in reader.text


def test_bytes_in_use_are_counted_once_where_blocks_overlap() -> None:
    from mpsg.show._stitching_data import Lane
    from mpsg.show._stitching_memory import _live

    class Block:
        def __init__(self, offset: int, bytes: int) -> None:
            self.offset, self.bytes = offset, bytes

    def lane(offset: int, bytes: int, first: int, last: int) -> Lane:
        return Lane(Block(offset, bytes), first, last)  # type: ignore[arg-type]

    # The second takes over the memory of the first in step 1; the third lies beside them.
    assert _live([lane(0, 64, 0, 1), lane(0, 64, 1, 2), lane(64, 32, 1, 1)], 4) == [64, 96, 64, 0]


def test_a_profile_adds_times() -> None:
    executable, feeds = training()
    without = read(mpsg.show.stitching(executable))
    assert not without.with_class("times") and "profile=executable.profile" in without.text
    profile = executable.profile(feeds, 3)
    reader = read(mpsg.show.stitching(executable, profile=profile))
    assert len(reader.with_class("bar")) == 3 * len(executable.regions)
    assert "median of 3 runs" in reader.text
    for _, given in reader.tags:
        width = re.match(r"width:([\d.]+)%;background", given.get("style") or "")
        assert width is None or 0 <= float(width[1]) <= 100


def test_a_profile_of_another_executable_is_refused() -> None:
    executable, feeds = training()
    graph = mpsg.Graph()
    x = graph.placeholder([4])
    other = graph.compile([x], [x])
    with pytest.raises(ValueError, match="profile"):
        mpsg.show.stitching(other, profile=executable.profile(feeds, 1))


def test_hostile_names_stay_texts() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4, 4], name=HOSTILE)
    y = graph.tanh(x + 1.0, name=HOSTILE + "</pre></details></svg></style>")
    z = graph.reduction_sum(y @ y, name="]]>-->\x00\n\u202e" + HOSTILE)
    executable = graph.compile([x], [z])
    page = mpsg.show.stitching(executable, title=HOSTILE)
    reader = read(page)
    assert "alert" in reader.text and HOSTILE in reader.text
    assert "<script" not in page.html and "\x00" not in page.html and "\u202e" not in page.html


def test_a_graph_with_nothing_to_do() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4], name="x")
    executable = graph.compile([x], [])
    assert not executable.regions
    text = read(mpsg.show.stitching(executable)).text
    assert "1 operation became 0 kernels" in text and "nothing to compute" in text
    assert "no arena to draw" in text
    assert "no arena to draw" in read(mpsg.show.stitching(graph.compile([x], [x]))).text


def test_bodies_of_control_flow_are_in_the_plan() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4], name="x")

    def body(index: mpsg.Tensor, values: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        return [graph.tanh(values[0], name="inside")]

    (y,) = graph.for_loop([x], body, number_of_iterations=3, name="loop")
    reader = read(mpsg.show.stitching(graph.compile([x], [y])))
    assert "for_loop" in reader.text and "inside" in reader.text and "tanh" in reader.text
    assert "Those of its body are in the plan" in reader.text
    assert "It runs the steps of its body" in reader.text
    assert "Nothing is stitched" not in reader.text


def test_the_reference_device_stitches_nothing() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([4])
    executable = graph.compile([x], [graph.tanh(x + 1.0)], device="reference")
    assert "Nothing is stitched here" in read(mpsg.show.stitching(executable)).text


def test_large_graphs_are_listed_without_a_map() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([2, 2])
    y = x
    for _ in range(450):
        y = y @ x
    reader = read(mpsg.show.stitching(graph.compile([x], [y])))
    assert "too many for a picture" in reader.text
    assert len(reader.with_class("step")) == 450


def test_files_and_notebooks(tmp_path: Path) -> None:
    executable, _ = training()
    path = tmp_path / "page.html"
    page = mpsg.show.stitching(executable, path, title="Größe")
    assert path.read_text(encoding="utf-8") == page.html
    assert page.html.startswith("<!DOCTYPE html>") and "Größe" in page.html
    shown = page._repr_html_()
    Reader(shown)
    assert shown in page.html and "<html" not in shown and "<body" not in shown
    again = mpsg.show.stitching(executable, title="Größe")
    assert again.html == page.html
    # Two pages in one notebook do not share the targets of their links.
    other = mpsg.show.stitching(executable, title="other")
    ids = [set(re.findall(r' id="([^"]+)"', p.html)) for p in (page, other)]
    assert ids[0] and not ids[0] & ids[1]


def test_a_style_of_its_own_touches_nothing_else() -> None:
    executable, _ = training()
    style = re.search(r"<style>(.*?)</style>", mpsg.show.stitching(executable).html, re.DOTALL)
    assert style
    for selectors in re.findall(r"([^{}]+)\{[^{}]*\}", style[1]):
        for selector in selectors.split(","):
            assert selector.strip().startswith(".mpsg-stitching")


def test_other_endings_are_refused(tmp_path: Path) -> None:
    executable, _ = training()
    for save in (
        lambda path: mpsg.show.stitching(executable, path),
        lambda path: mpsg.show.stitching(executable).save(path),
    ):
        with pytest.raises(ValueError, match=r"\.html"):
            save(tmp_path / "page.png")
    assert not list(tmp_path.iterdir())


def test_it_needs_no_matplotlib() -> None:
    program = (
        "import sys; sys.modules['matplotlib'] = None; import mpsg, mpsg.show; g = mpsg.Graph();"
        "x = g.placeholder([4]); print(mpsg.show.stitching(g.compile([x], [x * 2.0])).html[:9])"
    )
    folder = str(Path(mpsg.__file__).parent.parent)
    run = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {folder!r}); {program}"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert run.stdout == "<!DOCTYPE\n"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("'loss' is a result", "asked"),
        ("'variable_2' is assigned", "variable"),
        ("'it's' has 3 users", "Several"),
        ("not stitchable: max_pooling_2d", "no code"),
        ("'is a result' reduces other axes", "axes"),
        ("a reason that came later", ""),
    ],
)
def test_reasons_are_explained(reason: str, word: str) -> None:
    from mpsg.show._stitching_reasons import meaning_of

    assert word in meaning_of(reason)
    assert bool(word) == bool(meaning_of(reason))


def test_reasons_are_counted_without_names() -> None:
    from mpsg.show._stitching_reasons import kinds_of

    assert kinds_of(["'a' is a result", "'b' has 2 users", "'it's b' is a result"]) == [
        ("… is a result", 2),
        ("… has several users", 1),
    ]
