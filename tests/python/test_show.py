"""mpsg.show: the figures exist, say what they should, and nothing in them overlaps."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("matplotlib")

import mpsg.show
from mpsg.show._curve import smoothed
from mpsg.show._graph_layout import lay_out
from mpsg.show._graph_summary import name_prefix
from mpsg.show._images import check_images
from mpsg.show._op_families import family_of

MAGIC = {".png": b"\x89PNG", ".svg": b"<?xml", ".pdf": b"%PDF"}
NAMES = [f"class {number}" for number in range(10)]
RNG = np.random.default_rng(0)
IMAGES = RNG.random((40, 8, 6, 1), np.float32)
LABELS = RNG.integers(0, 10, 40)
SAID = np.where(np.arange(40) % 7 == 0, (LABELS + 1) % 10, LABELS)
LOSSES = 2.3 * np.exp(-np.arange(100) / 20) + 0.1


class FakeGraph:
    """Stands for mpsg.Graph: the documented JSON, built by hand."""

    def __init__(self) -> None:
        self.operations: list[dict[str, Any]] = []

    def add(
        self,
        op: str,
        inputs: Sequence[Any] = (),
        shape: Sequence[int] | None = (),
        name: str = "",
        control: Sequence[int] = (),
        outputs: int = 1,
        data_type: str = "float32",
    ) -> int:
        number = 3 * len(self.operations) + 5
        made = {"data_type": data_type, "shape": None if shape is None else list(shape)}
        self.operations.append(
            {
                "id": number,
                "op": op,
                "name": name,
                "inputs": [list(i) if isinstance(i, tuple) else [i, 0] for i in inputs],
                "control": list(control),
                "outputs": [made] * outputs,
            }
        )
        return number

    def to_json(self) -> str:
        return json.dumps({"operations": self.operations})


def random_graph(count: int, seed: int = 0, reach: int = 8) -> FakeGraph:
    rng = random.Random(seed)
    graph, made = FakeGraph(), list[int]()
    for place in range(count):
        near = made[-reach:]
        inputs = rng.sample(near, min(len(near), rng.randint(0, 3)))
        made.append(graph.add("addition", inputs, (-1, 3), f"part{place % 3}/n{place}"))
    return graph


def texts(figure: Any) -> list[str]:
    from matplotlib.text import Text

    return [text.get_text() for text in figure.findobj(Text) if text.get_text()]


def overlapping_texts(figure: Any) -> list[tuple[str, str]]:
    """Pairs of visible texts whose boxes overlap by more than a hair."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.text import Text

    canvas: Any = FigureCanvasAgg(figure)
    canvas.draw()
    renderer = canvas.get_renderer()
    # Ticks beyond the end of an axis keep a text that is never drawn.
    unseen = set()
    for axes in figure.axes:
        for axis in (axes.xaxis, axes.yaxis):
            low, high = sorted(axis.get_view_interval())
            for tick in axis.get_major_ticks():
                if not low <= tick.get_loc() <= high:
                    unseen.add(tick.label1)
    boxes = []
    for text in figure.findobj(Text):
        if text not in unseen and text.get_text().strip() and text.get_visible():
            boxes.append((text.get_text(), text.get_window_extent(renderer)))
    found = []
    for index, (one, box) in enumerate(boxes):
        for two, other in boxes[index + 1 :]:
            wide = min(box.x1, other.x1) - max(box.x0, other.x0)
            tall = min(box.y1, other.y1) - max(box.y0, other.y0)
            if wide > 2 and tall > 2:
                found.append((one, two))
    return found


# All figures


EVERY_FIGURE: dict[str, Callable[[Path | None], Any]] = {
    "loss": lambda path: mpsg.show.loss_curve(LOSSES, path=path),
    "grid": lambda path: mpsg.show.image_grid(IMAGES, LABELS, SAID, path=path),
    "long_captions": lambda path: mpsg.show.image_grid(IMAGES, LABELS, SAID, NAMES, path=path),
    "confusion": lambda path: mpsg.show.confusion_matrix(LABELS, SAID, NAMES, path=path),
    "report": lambda path: mpsg.show.training_report(LOSSES, IMAGES, LABELS, SAID, path=path),
    "graph": lambda path: mpsg.show.graph(random_graph(12), path),
    "summary": lambda path: mpsg.show.graph(random_graph(12), path, max_operations=0),
}


@pytest.mark.parametrize("ending", list(MAGIC))
@pytest.mark.parametrize("which", list(EVERY_FIGURE))
def test_saves_each_format(tmp_path: Path, ending: str, which: str) -> None:
    path = tmp_path / f"picture{ending}"
    EVERY_FIGURE[which](path)
    assert path.read_bytes().startswith(MAGIC[ending])


@pytest.mark.parametrize("name", ["picture", "picture.gif", "picture.png.txt"])
@pytest.mark.parametrize("which", list(EVERY_FIGURE))
def test_refuses_other_formats(tmp_path: Path, which: str, name: str) -> None:
    with pytest.raises(ValueError, match="must end in one of"):
        EVERY_FIGURE[which](tmp_path / name)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("which", list(EVERY_FIGURE))
def test_no_texts_overlap(which: str) -> None:
    assert overlapping_texts(EVERY_FIGURE[which](None)) == []


def test_pyplot_stays_out() -> None:
    code = (
        "import sys, mpsg.show; assert 'matplotlib' not in sys.modules; "
        "mpsg.show.loss_curve([1.0, 2.0]); assert 'matplotlib.pyplot' not in sys.modules"
    )
    paths = os.pathsep.join(entry for entry in sys.path if entry)
    environment = os.environ | {"PYTHONPATH": paths}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_missing_matplotlib_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for module in [name for name in sys.modules if name.startswith("matplotlib.")]:
        monkeypatch.delitem(sys.modules, module)
    with pytest.raises(ImportError, match=r'pip install "mpsg\[show\]"'):
        mpsg.show.loss_curve([1.0])


def test_names_are_never_formulas(tmp_path: Path) -> None:
    bad = r"$\frac{$ a_b^"
    graph = FakeGraph()
    graph.add("relu", name=bad)
    path = tmp_path / "p.png"
    mpsg.show.graph(graph, path, title=bad)
    mpsg.show.graph(graph, path, title=bad, max_operations=0)
    mpsg.show.loss_curve({bad: [1.0, 2.0], "b": [2.0]}, title=bad, path=path)
    mpsg.show.image_grid(IMAGES[:2], [0, 1], [1, 1], [bad, bad], title=bad, path=path)
    mpsg.show.confusion_matrix([0], [0], [bad], title=bad, path=path)
    mpsg.show.training_report(
        [1.0], IMAGES[:2], [0, 0], [0, 0], class_names=[bad], facts={bad: bad}, title=bad, path=path
    )


# Loss curve


@pytest.mark.parametrize("smooth", [0.0, 0.5, 0.9, 0.999])
def test_smoothing_keeps_lines_and_gaps(smooth: float) -> None:
    line = np.linspace(7.0, 1.0, 200)
    np.testing.assert_allclose(smoothed(line, smooth), line, rtol=1e-6)
    line[[0, 50, 51, 199]] = np.nan
    np.testing.assert_allclose(smoothed(line, smooth), line, rtol=1e-6)
    np.testing.assert_allclose(smoothed(np.full(50, -7.0), smooth), -7.0)
    np.testing.assert_array_equal(smoothed(np.full(3, np.nan), smooth), np.full(3, np.nan))


def test_smoothing_is_the_documented_fit() -> None:
    values = np.random.default_rng(3).random(40)
    for step, result in enumerate(smoothed(values, 0.8)):
        distance = np.arange(40) - step
        # polyfit takes the roots of the weights.
        fit = np.polyfit(distance, values, 1, w=0.8 ** (np.abs(distance) / 2))
        np.testing.assert_allclose(result, np.clip(fit[1], values.min(), values.max()))


def test_smoothing_stays_in_the_range_of_the_losses() -> None:
    falling = np.exp(np.linspace(0.0, -60.0, 60))
    for losses in (falling, falling[::-1]):
        result = smoothed(losses, 0.9)
        assert losses.min() <= result.min() <= result.max() <= losses.max()


def test_loss_curve_lines_and_scale() -> None:
    axes = mpsg.show.loss_curve(LOSSES).axes[0]
    assert len(axes.lines) == 2
    assert axes.get_yscale() == "linear"
    assert axes.get_ylim()[0] == 0
    assert len(mpsg.show.loss_curve(LOSSES, smooth=0).axes[0].lines) == 1
    assert mpsg.show.loss_curve(np.logspace(2, -3, 200)).axes[0].get_yscale() == "log"
    named = mpsg.show.loss_curve({"generator": LOSSES, "discriminator": LOSSES[:50]})
    assert {"generator", "discriminator"} <= set(texts(named))


@pytest.mark.parametrize(
    "losses",
    [
        [1.0],
        [np.nan],
        [np.inf, -np.inf, np.nan],
        [1.0, np.nan, 2.0],
        [0.0, 0.0],
        [-1.0, -2.0],
        [1e300, 1e-300],
        [1, 1, 1],
    ],
)
def test_loss_curve_of_odd_losses(tmp_path: Path, losses: list[float]) -> None:
    figure = mpsg.show.loss_curve(losses, path=tmp_path / "loss.png")
    lost = sum(not np.isfinite(loss) for loss in losses)
    assert any(f"{lost} not finite" in text for text in texts(figure)) == bool(lost)


@pytest.mark.parametrize(
    ("losses", "smooth", "error"),
    [
        ([], 0.9, ValueError),
        ({}, 0.9, ValueError),
        ({"a": []}, 0.9, ValueError),
        ([[1.0]], 0.9, ValueError),
        (["a"], 0.9, TypeError),
        ([1j], 0.9, TypeError),
        ([1.0], 1.0, ValueError),
        ([1.0], -0.1, ValueError),
    ],
)
def test_loss_curve_refuses(losses: Any, smooth: float, error: type[Exception]) -> None:
    with pytest.raises(error):
        mpsg.show.loss_curve(losses, smooth=smooth)


# Images


def test_wrong_predictions_are_red() -> None:
    from matplotlib.colors import to_hex

    figure = mpsg.show.image_grid(IMAGES[:3], [1, 2, 3], [1, 5, 3], NAMES)
    axes = figure.axes[0]
    assert [text.get_text() for text in axes.texts] == [
        "class 1",
        "class 5,\nis class 2",
        "class 3",
    ]
    red = [to_hex(text.get_color()) == "#c62828" for text in axes.texts]
    assert red == [False, True, False]
    assert len(axes.patches) == 1
    assert len(axes.images) == 3


def test_pixels_are_brought_to_0_to_1() -> None:
    np.testing.assert_allclose(check_images(np.full((1, 2, 2), 255, np.uint8)), 1)
    both = check_images(np.array([-1.0, 1.0, 0.0, np.nan]).reshape(1, 2, 2))
    np.testing.assert_allclose(both.reshape(-1), [0, 1, 0.5, 0.5])
    huge = check_images(np.array([-3e38, 3e38], np.float32).reshape(1, 1, 2))
    np.testing.assert_allclose(huge.reshape(-1), [0, 1])
    assert check_images(np.zeros((1, 2, 2, 3))).shape == (1, 2, 2, 3)


def test_input_images_stay_as_they_are() -> None:
    images = np.full((1, 2, 2), -3, np.float32)
    check_images(images)
    assert (images == -3).all()


@pytest.mark.parametrize("columns", [1, 3, 8, 100])
def test_grid_of_any_columns(columns: int) -> None:
    figure = mpsg.show.image_grid(IMAGES[:7], LABELS[:7], columns=columns)
    assert len(figure.axes[0].images) == 7


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"images": np.zeros((2, 2))}, ValueError),
        ({"images": np.zeros((1, 2, 2, 2))}, ValueError),
        ({"images": np.zeros((0, 2, 2))}, ValueError),
        ({"images": np.zeros((2000, 2, 2))}, ValueError),
        ({"images": np.zeros((1, 0, 2))}, ValueError),
        ({"images": np.zeros((2, 2, 2), complex)}, TypeError),
        ({"labels": [1]}, ValueError),
        ({"labels": [1.0, 2.0]}, TypeError),
        ({"labels": [-1, 0]}, ValueError),
        ({"predictions": [0, 9], "class_names": ["a"]}, ValueError),
        ({"columns": 0}, ValueError),
    ],
)
def test_grid_refuses(arguments: dict[str, Any], error: type[Exception]) -> None:
    with pytest.raises(error):
        mpsg.show.image_grid(**({"images": np.zeros((2, 2, 2))} | arguments))


# Confusion matrix and report


def test_confusion_matrix_counts() -> None:
    figure = mpsg.show.confusion_matrix([0, 1, 1, 1], [0, 1, 1, 0], ["cat", "dog"])
    assert [text.get_text() for text in figure.axes[0].texts][:3] == ["1", "1", "2"]
    assert "3 of 4 right (75.0%)" in texts(figure)


@pytest.mark.parametrize("classes", [1, 2, 26, 200])
def test_confusion_matrix_of_any_size(tmp_path: Path, classes: int) -> None:
    true = np.arange(classes)
    names = [f"name {number}" for number in range(classes)]
    mpsg.show.confusion_matrix(true, true, names, path=tmp_path / "m.png")
    mpsg.show.confusion_matrix([], [], names, path=tmp_path / "m.png")


@pytest.mark.parametrize(
    ("true", "predicted", "names"),
    [([0], [0, 1], NAMES), ([0], [2], ["a", "b"]), ([], [], []), ([0], [0], ["a"] * 201)],
)
def test_confusion_matrix_refuses(true: Any, predicted: Any, names: list[str]) -> None:
    with pytest.raises(ValueError, match=r"must have|go up|classes"):
        mpsg.show.confusion_matrix(true, predicted, names)


def test_report_says_the_accuracy_and_shows_mistakes_first() -> None:
    figure = mpsg.show.training_report(
        LOSSES, IMAGES, LABELS, SAID, facts={"device": "CPU", "steps": 100}, title="Digits"
    )
    said = texts(figure)
    assert {"85.0%", "test accuracy", "CPU", "device", "100", "Digits"} <= set(said)
    assert "all mistakes (6), in red, then right answers" in said
    assert all(", is " in text.get_text() for text in figure.axes[2].texts[:6])
    assert len(figure.axes[2].images) == 32
    given = mpsg.show.training_report(LOSSES, IMAGES, LABELS, SAID, accuracy=0.5)
    assert "50.0%" in texts(given)


@pytest.mark.parametrize("wrong", [0, 1, 40])
def test_report_of_any_result(tmp_path: Path, wrong: int) -> None:
    said = np.where(np.arange(40) < wrong, (LABELS + 1) % 10, LABELS)
    facts = {f"fact number {number}": "1,234.5 images/s" for number in range(6)}
    figure = mpsg.show.training_report(
        LOSSES, IMAGES, LABELS, said, class_names=NAMES, facts=facts, path=tmp_path / "r.png"
    )
    assert overlapping_texts(figure) == []
    mpsg.show.training_report([1.0], IMAGES[:1], LABELS[:1], said[:1], path=tmp_path / "r.png")


@pytest.mark.parametrize(
    "arguments",
    [
        {"accuracy": 95.0},
        {"images": IMAGES[:0]},
        {"labels": LABELS[:3]},
        {"facts": dict.fromkeys("abcdefg", 1)},
    ],
)
def test_report_refuses(arguments: dict[str, Any]) -> None:
    good: dict[str, Any] = {
        "losses": LOSSES,
        "images": IMAGES,
        "labels": LABELS,
        "predictions": SAID,
    }
    with pytest.raises(ValueError, match=r"accuracy|images|shape|facts"):
        mpsg.show.training_report(**(good | arguments))


# Graph


def test_graph_shows_operations_names_and_shapes() -> None:
    graph = FakeGraph()
    x = graph.add("placeholder", (), (-1, 28, 28, 1), "images")
    parts = graph.add("split", (x,), (2,), outputs=2, data_type="int32")
    y = graph.add("addition", ((parts, 0), (parts, 1)), None)
    many = graph.add("split", (y,), (), outputs=9)
    graph.add("relu", ((many, 8),), (), control=(x, x))
    said = texts(mpsg.show.graph(graph, title="Five"))
    cross = "\N{MULTIPLICATION SIGN}"
    assert {"Five", "placeholder", "images", f"?{cross}28{cross}28{cross}1"} <= set(said)
    assert {"any shape", "scalar", "9 outputs", "control dependency", "input"} <= set(said)
    assert said.count("[2] int32") == 2


@pytest.mark.parametrize("count", [0, 1, 2, 100])
@pytest.mark.parametrize("seed", [0, 1])
def test_graph_texts_do_not_overlap(count: int, seed: int) -> None:
    assert overlapping_texts(mpsg.show.graph(random_graph(count, seed))) == []


@pytest.mark.parametrize("reach", [3, 400])
def test_layout_keeps_boxes_apart_and_lines_downwards(reach: int) -> None:
    operations = json.loads(random_graph(120, reach=reach).to_json())["operations"]
    place = {operation["id"]: index for index, operation in enumerate(operations)}
    edges = [
        (place[source], output, place[operation["id"]])
        for operation in operations
        for source, output in operation["inputs"]
    ]
    widths = [60.0 + 7 * (index % 5) for index in range(120)]
    layout = lay_out(widths, [30.0] * 120, edges)
    assert layout is not None
    assert layout == lay_out(widths, [30.0] * 120, edges)
    for source, _, target in edges:
        assert layout.layer[source] < layout.layer[target]
    for layer in range(max(layout.layer) + 1):
        row = sorted(
            (layout.x[item], widths[item] / 2 if item < 120 else 0)
            for item in range(len(layout.x))
            if layout.layer[item] == layer
        )
        for (x, half), (next_x, next_half) in pairwise(row):
            assert next_x - x >= half + next_half + 11.9
    for above, below in pairwise(zip(layout.top, layout.bottom, strict=True)):
        assert above[1] < below[0]
    for line in layout.lines:
        levels = [layout.layer[stop] for stop in line.stops] + [layout.layer[line.target]]
        assert levels == list(range(levels[0], levels[0] + len(levels)))
        assert line.stops[0] == line.source


def test_layout_draws_a_tree_without_crossings() -> None:
    edges = [((index - 1) // 2, 0, index) for index in range(1, 31)]
    layout = lay_out([40.0] * 31, [20.0] * 31, edges)
    assert layout is not None
    for one in range(len(edges)):
        for two in range(one):
            (a, _, b), (c, _, d) = edges[one], edges[two]
            if layout.layer[a] == layout.layer[c] and a != c:
                assert (layout.x[a] < layout.x[c]) == (layout.x[b] < layout.x[d])


def test_layout_puts_what_is_used_late_beside_its_user() -> None:
    # A chain 0..5; two small ones, 6-7 and 8, 9 - 10, come to it at its end; 11 is read from 0.
    chain = [(box, 0, box + 1) for box in range(5)]
    late = [(6, 0, 7), (7, 0, 5), (8, 0, 10), (9, 0, 10), (10, 0, 5), (0, 0, 11), (11, 0, 5)]
    layout = lay_out([40.0] * 12, [20.0] * 12, chain + late)
    assert layout is not None
    assert layout.layer[:12] == [0, 1, 2, 3, 4, 5, 3, 4, 3, 3, 4, 4]


@pytest.mark.parametrize("shape", ["random", "chain", "star", "entangled"])
def test_large_graphs_are_summarised_in_time(tmp_path: Path, shape: str) -> None:
    graph, made = FakeGraph(), list[int]()
    count = 400 if shape == "entangled" else 5000
    for place in range(count):
        if shape == "random":
            inputs = random.Random(place).sample(made, min(place, 2))
        else:
            inputs = {"chain": made[-1:], "star": made[:1], "entangled": made}[shape]
        made.append(graph.add(f"kind_{place % 40}", inputs, (2,), f"part{place % 50}/x"))
    start = time.monotonic()
    said = texts(mpsg.show.graph(graph, tmp_path / "large.png"))
    assert time.monotonic() - start < 20
    assert any(text.startswith(f"A summary: {count:,} operations") for text in said)
    assert any(text.startswith("and ") and text.endswith("in 16 others") for text in said)


def test_name_prefixes() -> None:
    names = ["encoder/dense/w", "encoder.dense", "dense_12", "dense12", "12", "", "/x", "a"]
    prefixes = ["encoder", "encoder", "dense", "dense", "1", "(no name)", "/x", "a"]
    assert [name_prefix(name) for name in names] == prefixes


@pytest.mark.parametrize(
    ("op", "title"),
    [
        ("relu_gradient", "elementwise"),
        ("convolution_2d_data_gradient", "matrix and convolution"),
        ("max_pooling_2d", "pooling and resize"),
        ("reduction_sum", "reduction and norm"),
        ("apply_stochastic_gradient_descent", "variable"),
        ("read", "variable"),
        ("random_uniform", "random"),
        ("while_loop", "control flow"),
        ("reshape", "shape and movement"),
        ("placeholder", "input"),
    ],
)
def test_families(op: str, title: str) -> None:
    assert family_of(op).title == title


def test_graph_passes_by_what_it_does_not_know() -> None:
    body = json.loads(random_graph(3).to_json())
    operations = [entry(1, attributes={"axis": 0}), entry(2, [1, 0], bodies=[body], name=None)]
    text = json.dumps({"version": 9, "operations": operations, "variables": [{}]})

    class Later:
        def to_json(self) -> str:
            return text

    said = texts(mpsg.show.graph(Later()))
    assert said.count("relu") == 2
    assert "addition" not in said


def entry(number: int, *inputs: Any, **more: Any) -> dict[str, Any]:
    made = [{"data_type": "float32", "shape": []}]
    return {"id": number, "op": "relu", "inputs": list(inputs), "outputs": made} | more


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "no sound JSON"),
        ("[" * 100_000, "no sound JSON"),
        ("[]", "expected form"),
        ("{}", "expected form"),
        (json.dumps({"operations": [1]}), "expected form"),
        (json.dumps({"operations": [entry(1, 2)]}), "expected form"),
        (json.dumps({"operations": [entry(1), entry(2, [1, float("inf")])]}), "expected form"),
        (json.dumps({"operations": [entry(1), entry(1)]}), "one id"),
        (json.dumps({"operations": [entry(1, [2, 0])]}), "operation 2"),
        (json.dumps({"operations": [entry(1, control=[3])]}), "operation 3"),
        (json.dumps({"operations": [entry(1), entry(2, [1, 1])]}), "output 1"),
        (json.dumps({"operations": [entry(1), entry(2, [1, -1])]}), "output -1"),
        (json.dumps({"operations": [entry(1, [2, 0]), entry(2, [1, 0])]}), "cycle"),
        (json.dumps({"operations": [entry(1, [1, 0])]}), "cycle"),
        (
            json.dumps({"operations": [entry(1, outputs=[{"data_type": "a", "shape": ["b"]}])]}),
            "expected form",
        ),
    ],
)
def test_graph_refuses_unsound_json(text: str, message: str) -> None:
    class Bad:
        def to_json(self) -> str:
            return text

    with pytest.raises(ValueError, match=message):
        mpsg.show.graph(Bad())


def test_graph_refuses_silly_limits() -> None:
    with pytest.raises(ValueError, match="max_operations"):
        mpsg.show.graph(FakeGraph(), max_operations=-1)
