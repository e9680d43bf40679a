"""Which classes are taken for which."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mpsg.show import _style as style
from mpsg.show._images import check_classes

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_CLASSES = 200
_MAX_NUMBERED = 25  # classes; with more, a cell is too small for its number


def confusion_matrix(
    true: npt.ArrayLike,
    predicted: npt.ArrayLike,
    class_names: Sequence[str],
    *,
    title: str = "Confusion matrix",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw how many examples of each class were taken for which class.

    Right answers lie on the diagonal, in blue by their part of the row. Mistakes are red, by
    their part of the worst one: on a common scale a good network's mistakes could not be seen.

    Args:
        true: The true class of each example, integers of shape (N,).
        predicted: The predicted class of each example, integers of shape (N,).
        class_names: The name of each class, 1 to 200; the number is the index.
        title: The heading; "" for none.
        path: Where to save the picture (.png, .svg or .pdf); ``None`` saves nothing.

    Returns:
        The figure. Up to 25 classes have their counts written into the cells.

    Raises:
        ImportError: matplotlib is missing: ``pip install "mpsg[show]"``.
        TypeError: The classes are not integers.
        ValueError: The lengths differ, or a class has no name.

    Example:
        >>> confusion_matrix([0, 1, 1], [0, 1, 0], ["cat", "dog"])  # doctest: +SKIP
    """
    style.check_path(path)
    counts = count_pairs(true, predicted, class_names)
    side = max(4.0, min(0.48 * len(class_names), 12.0))
    figure = style.new_figure(side + 1.2, side + 1.6)
    draw_confusion(figure.add_subplot(), counts, class_names, title)
    return style.finish(figure, path)


def count_pairs(
    true: npt.ArrayLike, predicted: npt.ArrayLike, class_names: Sequence[str]
) -> npt.NDArray[np.int64]:
    """How often class i was called j, as a square of counts, or an error."""
    classes = len(class_names)
    if not 1 <= classes <= _MAX_CLASSES:
        raise ValueError(f"there are {classes} classes, but 1 to {_MAX_CLASSES} can be drawn")
    count = np.size(true)
    rows = check_classes("true", true, count, class_names)
    across = check_classes("predicted", predicted, count, class_names)
    return np.bincount(rows * classes + across, minlength=classes**2).reshape(classes, classes)


def draw_confusion(
    axes: Axes, counts: npt.NDArray[np.int64], class_names: Sequence[str], title: str
) -> None:
    """Draw a square of counts into these axes."""
    classes = len(counts)
    share = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    right = np.eye(classes, dtype=bool)
    worst = max(float(share[~right].max(initial=0)), 1e-9)
    strength = np.where(right, share, share / worst)
    axes.imshow(_colours(strength, right, counts > 0), interpolation="nearest")
    if classes <= _MAX_NUMBERED:
        _write_counts(axes, counts, strength)
    _name_classes(axes, class_names)
    axes.set_xlabel("predicted", color=style.MUTED, fontsize=style.LABEL_SIZE)
    axes.set_ylabel("true", color=style.MUTED, fontsize=style.LABEL_SIZE)
    total = int(counts.sum())
    hits = int(np.trace(counts))
    note = f"{hits:,} of {total:,} right ({hits / total:.1%})" if total else "no examples"
    style.set_title(axes, title, note)


def _colours(
    strength: npt.NDArray[np.float64], right: npt.NDArray[np.bool_], seen: npt.NDArray[np.bool_]
) -> npt.NDArray[np.float64]:
    """Red, green and blue of each cell: from a pale tint at 0 to the full colour at 1."""
    to_rgb = style.matplotlib("colors").to_rgb
    full = np.where(right[..., None], to_rgb(style.CORRECT), to_rgb(style.WRONG))
    # A single mistake must be told from none.
    depth = np.where(seen, 0.12 + 0.88 * strength, 0)[..., None]
    return np.asarray((1 - depth) * np.asarray(to_rgb("#f4f6f8")) + depth * full)


def _write_counts(
    axes: Axes, counts: npt.NDArray[np.int64], strength: npt.NDArray[np.float64]
) -> None:
    size = style.LABEL_SIZE if len(counts) <= 12 else style.NOTE_SIZE - 1.5
    longest = max(len(str(counts.max())), 1)
    size = min(size, 4 * size / longest) if longest > 4 else size
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = style.PAPER if strength[row, column] > 0.5 else style.INK
            axes.text(
                column,
                row,
                str(count),
                ha="center",
                va="center_baseline",
                color=colour,
                fontsize=size,
            )


def _name_classes(axes: Axes, class_names: Sequence[str]) -> None:
    classes = len(class_names)
    names = [style.plain_text(name, 18) for name in class_names]
    # With very many classes only every k-th one is named.
    places = range(0, classes, -(-classes // 50))
    small = style.LABEL_SIZE if classes <= _MAX_NUMBERED else style.NOTE_SIZE - 2
    upright = max(map(len, names)) > 3
    axes.set_xticks(places, [names[place] for place in places], rotation=90 if upright else 0)
    axes.set_yticks(places, [names[place] for place in places])
    for text in (*axes.get_xticklabels(), *axes.get_yticklabels()):
        text.set_parse_math(False)
    axes.tick_params(colors=style.INK, labelsize=small, length=0, pad=5)
    axes.set_xticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.set_yticks(np.arange(classes + 1) - 0.5, minor=True)
    axes.grid(True, which="minor", color=style.PAPER, linewidth=1.5 if classes <= 50 else 0.5)
    axes.tick_params(which="minor", length=0)
    axes.spines[:].set_visible(False)
