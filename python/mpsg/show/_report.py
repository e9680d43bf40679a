"""One figure that tells how a training went."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mpsg.show import _style as style
from mpsg.show._confusion import count_pairs, draw_confusion
from mpsg.show._curve import Losses, check_losses, draw_loss
from mpsg.show._images import check_classes, check_images, draw_grid, grid_size, make_captions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_WIDTH = 13.0  # inches
_EDGE = 0.55  # inches kept free on all sides
_HEADING_SIZE = 22.0  # points
_COLUMNS = 16
_FEWER_COLUMNS = 10
_ROWS = 2


def training_report(
    losses: Losses,
    images: npt.ArrayLike,
    labels: npt.ArrayLike,
    predictions: npt.ArrayLike,
    *,
    class_names: Sequence[str] | None = None,
    accuracy: float | None = None,
    facts: Mapping[str, object] | None = None,
    smooth: float = 0.9,
    title: str = "Training report",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the loss curve, the confusion matrix and sample predictions in one figure.

    Up to 32 images are shown (20 if class names are long): the mistakes first, in at most half of
    the places unless right answers are few, then right answers.

    Args:
        losses: The loss of each step, or several series by name, as for :func:`loss_curve`.
        images: The test images, shape (N, height, width) or (N, height, width, 1 or 3).
        labels: The true class of each test image, integers of shape (N,).
        predictions: The predicted class of each test image, integers of shape (N,).
        class_names: The name of each class; ``None`` shows the numbers.
        accuracy: The part of right answers to write at the top, 0 to 1; ``None`` computes it from
            labels and predictions.
        facts: What else to write at the top, for example
            ``{"device": "CPU", "training time": "2.1 s"}``; at most 6 of them.
        smooth: From 0 to below 1, as for :func:`loss_curve`.
        title: The heading.
        path: Where to save the picture (.png, .svg or .pdf); ``None`` saves nothing.

    Returns:
        The figure, 13 inches wide.

    Raises:
        ImportError: matplotlib is missing: ``pip install "mpsg[show]"``.
        TypeError: Losses are not real numbers, or classes are not integers.
        ValueError: Shapes do not fit each other, a class has no name, or a number is out of
            range.

    Example:
        >>> training_report(losses, data.test_images, data.test_labels, predictions,
        ...                 class_names=data.class_names, path="digits.png")  # doctest: +SKIP
    """
    style.check_path(path)
    series = check_losses(losses, smooth)
    count = len(np.asarray(images))
    if count == 0:
        raise ValueError("there are no test images to draw")
    true = check_classes("labels", labels, count, class_names)
    said = check_classes("predictions", predictions, count, class_names)
    if class_names is None:
        class_names = [str(number) for number in range(int(max(true.max(), said.max())) + 1)]
    if accuracy is None:
        accuracy = float((true == said).mean())
    if not 0 <= accuracy <= 1:
        raise ValueError(f"accuracy must be from 0 to 1, not {accuracy}")
    if facts is not None and len(facts) > 6:
        raise ValueError(f"there is room for 6 facts, not for {len(facts)}")
    names = max(style.text_width(style.plain_text(n, 18), style.LABEL_SIZE) for n in class_names)
    # Long names need larger images to stand under.
    columns = _COLUMNS if names < 24 else _FEWER_COLUMNS
    chosen = _choose(true, said, columns * _ROWS)
    samples = check_images(np.asarray(images)[chosen])
    counts = count_pairs(true, said, class_names)

    inch = (_WIDTH - 2 * _EDGE) / grid_size(samples, columns, [], inch=1)[0]
    captions = make_captions(true[chosen], said[chosen], class_names, inch)
    across, down = grid_size(samples, columns, captions, inch)
    # From the top: heading, charts, samples; in inches, so that nothing moves with the content.
    heading, charts, gap, below_charts = 1.3, 4.6, 0.75, 0.55 + names / 72
    height = heading + gap + charts + below_charts + gap + down * inch + 0.25
    figure = style.new_figure(_WIDTH, height, layout="none")

    def place(
        left: float, top: float, width: float, tall: float
    ) -> tuple[float, float, float, float]:
        """Inches from the upper left corner -> what matplotlib calls a rectangle."""
        return (left / _WIDTH, 1 - (top + tall) / height, width / _WIDTH, tall / height)

    shown = {"test accuracy": f"{accuracy:.1%}", **(facts or {})}
    _write_heading(figure, title, shown, height)
    top = heading + gap
    loss_left = _EDGE + 0.6
    matrix_left = _WIDTH - _EDGE - charts
    loss_axes = figure.add_axes(
        place(loss_left, top, matrix_left - loss_left - 0.8 - names / 72, charts)
    )
    draw_loss(loss_axes, series, smooth, "Training loss")
    matrix_axes = figure.add_axes(place(matrix_left, top, charts, charts))
    draw_confusion(matrix_axes, counts, class_names, "Confusion matrix")
    top += charts + below_charts + gap
    grid_axes = figure.add_axes(place(_EDGE, top, across * inch, down * inch))
    draw_grid(grid_axes, samples, captions, columns, inch)
    wrong = int((true != said).sum())
    shown_wrong = int((true[chosen] != said[chosen]).sum())
    style.set_title(grid_axes, "Sample predictions", _sample_note(wrong, shown_wrong))
    return style.finish(figure, path)


def _choose(
    true: npt.NDArray[np.int64], said: npt.NDArray[np.int64], places: int
) -> npt.NDArray[np.intp]:
    """Which images to show: at most half of the places for mistakes, the rest right answers."""
    wrong, right = np.flatnonzero(true != said), np.flatnonzero(true == said)
    mistakes = wrong[: max(places // 2, places - len(right))]
    return np.concatenate([mistakes, right[: places - len(mistakes)]])


def _sample_note(wrong: int, shown: int) -> str:
    if not wrong:
        return "no mistakes"
    if shown < wrong:
        return f"{shown} of the {wrong:,} mistakes, in red, then right answers"
    return f"all mistakes ({wrong}), in red, then right answers"


def _write_heading(figure: Figure, title: str, facts: Mapping[str, object], height: float) -> None:
    """The title at the left, and at the right the facts, each a value over its name."""
    room = (_WIDTH - 2 * _EDGE) * 72  # points
    title = style.plain_text(title, 48)
    title_size = _HEADING_SIZE
    title_size *= min(1, 0.45 * room / max(style.text_width(title, title_size, bold=True), 1))
    shown = [(style.plain_text(name, 22), style.plain_text(facts[name], 18)) for name in facts]
    widths = [
        max(style.text_width(name, style.NOTE_SIZE), style.text_width(value, 16, bold=True)) + 30
        for name, value in shown
    ]
    # All letters of the facts shrink alike when there is no room for them beside the title.
    room -= style.text_width(title, title_size, bold=True)
    scale = min(1, room / sum(widths))

    def write(x: float, down: float, text: str, size: float, colour: str, side: str) -> None:
        figure.text(
            x / _WIDTH,
            1 - down / height,
            text,
            fontsize=size,
            fontweight="bold" if colour == style.INK else "normal",
            color=colour,
            ha=side,
            va="center",
            parse_math=False,
        )

    write(_EDGE, 0.62, title, title_size, style.INK, "left")
    # From the right edge inwards, so that the last one ends in line with the charts.
    right = _WIDTH - _EDGE
    for (name, value), width in zip(reversed(shown), reversed(widths), strict=True):
        write(right, 0.5, value, 16 * scale, style.INK, "right")
        write(right, 0.83, name, style.NOTE_SIZE * scale, style.MUTED, "right")
        right -= width * scale / 72
    line = style.matplotlib("lines").Line2D(
        [_EDGE / _WIDTH, 1 - _EDGE / _WIDTH], [1 - 1.15 / height] * 2, color=style.RULE, linewidth=1
    )
    figure.add_artist(line)
