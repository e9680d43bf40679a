"""The loss over the steps of a training."""

from __future__ import annotations

import math
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from mpsg.show import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Losses = npt.ArrayLike | Mapping[str, npt.ArrayLike]


def loss_curve(
    losses: Losses,
    *,
    smooth: float = 0.9,
    title: str = "Training loss",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw the loss of each step, faint, and a smoothed line, strong.

    Args:
        losses: One number for each step, in order; or several such series by name, for example
            ``{"generator": ..., "discriminator": ...}``. Values that are not finite leave a gap
            and are counted in the note.
        smooth: From 0 (no smoothing, one line) to below 1: how much less each further step
            weighs in the line through a step. 0.9 reaches about 10 steps to either side.
        title: The heading; "" for none.
        path: Where to save the picture (.png, .svg or .pdf); ``None`` saves nothing.

    Returns:
        The figure. The vertical axis is logarithmic when the losses are all positive and their
        smoothed values span more than two powers of ten.

    Raises:
        ImportError: matplotlib is missing: ``pip install "mpsg[show]"``.
        TypeError: The losses are not real numbers.
        ValueError: There are no losses, they are not one-dimensional, or ``smooth`` or the
            ending of ``path`` is wrong.

    Example:
        >>> loss_curve([2.3, 1.9, 1.4, 1.2], path="loss.png")  # doctest: +SKIP
    """
    style.check_path(path)
    series = check_losses(losses, smooth)
    figure = style.new_figure(8, 4.5)
    draw_loss(figure.add_subplot(), series, smooth, title)
    return style.finish(figure, path)


def check_losses(losses: Losses, smooth: float) -> dict[str, npt.NDArray[np.float64]]:
    """The series by name as float64 (the name is "" for a single one), or an error."""
    if not 0 <= smooth < 1:
        raise ValueError(f"smooth must be at least 0 and below 1, not {smooth}")
    named = losses if isinstance(losses, Mapping) else {"": losses}
    series = {}
    for name, values in named.items():
        array = np.asarray(values)
        if array.dtype.kind not in "fiub":
            raise TypeError(f"losses must be real numbers, not {array.dtype}")
        if array.ndim != 1:
            raise ValueError(f"losses must be one number for each step, not shape {array.shape}")
        if not len(array):
            raise ValueError(f"there are no losses{f' of {name}' if name else ''} to draw")
        series[str(name)] = array.astype(np.float64)
    if not series:
        raise ValueError("there are no losses to draw")
    return series


def smoothed(values: npt.NDArray[np.float64], smooth: float) -> npt.NDArray[np.float64]:
    """At each step the line that fits the steps around it best, each weighing ``smooth`` to the
    power of its distance; values that are not finite are passed by.

    A line and not a mean: at both ends, where the steps lie on one side only, a mean of a falling
    loss would start too low and end too high. Away from the ends both are the same.

    Example:
        >>> smoothed(np.array([1.0, 2.0, 3.0]), 0.5)
        array([1., 2., 3.])
    """
    own = np.isfinite(values)
    if not own.any():
        return np.full(len(values), np.nan)
    # Of size 1, so that no sum is too large.
    scale = float(np.abs(values[own]).max()) or 1.0
    scaled = np.where(own, values / scale, np.nan)
    before, after = _moments(scaled, smooth), _moments(scaled[::-1], smooth)[:, ::-1]
    # Steps before lie at negative distances, and each step has counted itself both ways.
    weight, distance, square, total, product = after + before * [[1], [-1], [1], [1], [-1]]
    weight = np.where(own, weight - 1, 1)
    total = total - np.where(own, scaled, 0)
    mean, middle = total / weight, distance / weight
    spread = square / weight - middle**2
    lean = np.where(spread > 1e-9, product / weight - middle * mean, 0)
    fitted = mean - middle * lean / np.maximum(spread, 1e-9)
    # No line leaves the range of the losses: those above 0 stay so, as a logarithm needs.
    fitted = np.clip(fitted, scaled[own].min(), scaled[own].max()) * scale
    return np.where(own, fitted, np.nan)


def _moments(values: npt.NDArray[np.float64], smooth: float) -> npt.NDArray[np.float64]:
    """Over each step and those before: the weighted sums of 1, d, d squared, v and d v.

    d is the distance back from the step and v the value; NaN has no weight. Shape (5, N).
    """
    sums = np.zeros((5, len(values)))
    weight = distance = square = total = product = 0.0
    for step, value in enumerate(values.tolist()):
        square = smooth * (square + 2 * distance + weight)
        distance = smooth * (distance + weight)
        product = smooth * (product + total)
        weight *= smooth
        total *= smooth
        if not math.isnan(value):
            weight += 1
            total += value
        sums[:, step] = weight, distance, square, total, product
    return sums


def draw_loss(
    axes: Axes, series: Mapping[str, npt.NDArray[np.float64]], smooth: float, title: str
) -> None:
    """Draw checked series into these axes."""
    style.style_axes(axes, grid="y")
    means = []
    for index, (name, values) in enumerate(series.items()):
        colour = style.SERIES[index % len(style.SERIES)]
        steps = np.arange(1, len(values) + 1)
        finite = np.where(np.isfinite(values), values, np.nan)
        mean = smoothed(finite, smooth) if smooth else finite
        means.append(mean[np.isfinite(mean)])
        # A single point has no line.
        marker = "o" if len(values) == 1 else None
        if smooth:
            axes.plot(steps, finite, color=colour, alpha=0.28, linewidth=1)
        axes.plot(steps, mean, color=colour, linewidth=2.2, marker=marker, label=name)

    all_means = np.concatenate(means)
    finite = np.concatenate([values[np.isfinite(values)] for values in series.values()])
    lowest, highest = finite.min(initial=np.inf), finite.max(initial=-np.inf)
    # A logarithmic axis over all of float64 would overflow at its margins.
    drawable = 1e-200 < lowest <= highest < 1e200
    if drawable and all_means.max() > 100 * all_means.min():
        axes.set_yscale("log")
        axes.tick_params(axis="y", which="minor", length=0)
    elif lowest >= 0:
        axes.set_ylim(bottom=0)
    _fit_top(axes, finite, all_means)
    axes.set_xlabel("step", color=style.MUTED, fontsize=style.LABEL_SIZE)
    axes.set_ylabel("loss", color=style.MUTED, fontsize=style.LABEL_SIZE)
    ticker = style.matplotlib("ticker")
    axes.xaxis.set_major_locator(ticker.MaxNLocator(nbins=7, integer=True, steps=[1, 2, 5, 10]))
    axes.xaxis.set_major_formatter(ticker.StrMethodFormatter("{x:,.0f}"))
    axes.margins(x=0.02)
    if len(series) > 1:
        legend = axes.legend(frameon=False, fontsize=style.LABEL_SIZE, labelcolor=style.INK)
        for text in legend.get_texts():
            text.set_parse_math(False)
    style.set_title(axes, title, _note(series, means, smooth))


def _fit_top(axes: Axes, finite: npt.NDArray[np.float64], means: npt.NDArray[np.float64]) -> None:
    """Keep a few spikes of single steps from pressing the curve flat; they run out at the top."""
    if not len(means):
        return
    usual = float(max(np.quantile(finite, 0.995), means.max()))
    if axes.get_yscale() == "linear" and finite.max() > 1.5 * usual > 0:
        axes.set_ylim(top=1.1 * usual)


def _note(
    series: Mapping[str, npt.NDArray[np.float64]],
    means: list[npt.NDArray[np.float64]],
    smooth: float,
) -> str:
    parts = []
    if smooth:
        parts.append("each step, and smoothed")
    if len(series) == 1 and len(means[0]):
        parts.append(f"ends at {means[0][-1]:.4g}")
    lost = sum(int((~np.isfinite(values)).sum()) for values in series.values())
    if lost:
        parts.append(f"{lost:,} not finite")
    return "; ".join(parts)
