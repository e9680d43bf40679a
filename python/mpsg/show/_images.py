"""Images side by side, with what they are and what the network said."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from mpsg.show import _style as style

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

_MAX_IMAGES = 1024
_GAP = 0.14  # between two images, in widths of an image
_TEXT_INCHES = (0.0, 0.3, 0.46)  # under an image, for a caption of so many lines


def image_grid(
    images: npt.ArrayLike,
    labels: npt.ArrayLike | None = None,
    predictions: npt.ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    columns: int = 8,
    *,
    title: str = "",
    path: str | os.PathLike[str] | None = None,
) -> Figure:
    """Draw images in rows, with the label or the prediction under each.

    With both labels and predictions, a wrong prediction stands in red with a red frame, and says
    what would have been right: "3, is 8".

    Args:
        images: Shape (N, height, width), or (N, height, width, channels) with 1 channel (grey)
            or 3 (red, green, blue); N from 1 to 1024. Values from 0 to 1, or uint8. If some are
            outside 0 to 1 (a generator may give -1 to 1), the range of all the images is
            stretched over it.
        labels: The true class of each image, integers of shape (N,).
        predictions: The predicted class of each image, integers of shape (N,).
        class_names: The name of each class; the number is the index. ``None`` shows the number.
        columns: Images in a row, at least 1.
        title: The heading; "" for none.
        path: Where to save the picture (.png, .svg or .pdf); ``None`` saves nothing.

    Returns:
        The figure.

    Raises:
        ImportError: matplotlib is missing: ``pip install "mpsg[show]"``.
        TypeError: Labels or predictions are not integers.
        ValueError: A shape is wrong, there are no or too many images, or a class has no name.

    Example:
        >>> image_grid(data.test_images[:16], data.test_labels[:16])  # doctest: +SKIP
    """
    style.check_path(path)
    pixels = check_images(images)
    count = len(pixels)
    true = None if labels is None else check_classes("labels", labels, count, class_names)
    said = None
    if predictions is not None:
        said = check_classes("predictions", predictions, count, class_names)
    if columns < 1:
        raise ValueError(f"columns must be at least 1, not {columns}")
    columns = min(columns, count)
    # About 1.1 inches an image; a single one is shown larger.
    inch = max(1.1, 2.2 / columns)
    captions = make_captions(true, said, class_names, inch)
    across, down = grid_size(pixels, columns, captions, inch)
    edge, heading = 0.2, 0.3 if title else 0.0
    # Beneath the last captions there is some room already.
    foot = 0.08 if captions else edge
    width, height = across * inch + 2 * edge, down * inch + edge + heading + foot
    figure = style.new_figure(width, height, layout="none")
    place = (edge / width, foot / height, across * inch / width, down * inch / height)
    draw_grid(figure.add_axes(place), pixels, captions, columns, inch)
    if title:
        style.set_title(figure.axes[0], title)
    return style.finish(figure, path)


def check_images(images: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """The images as float32 (N, height, width, 1 or 3) from 0 to 1, or an error."""
    array: npt.NDArray[Any] = np.asarray(images)
    if array.ndim == 3:
        array = array[..., None]
    if array.ndim != 4 or array.shape[3] not in (1, 3) or 0 in array.shape[1:3]:
        raise ValueError(
            "images must have shape (N, height, width) or (N, height, width, 1 or 3), "
            f"not {np.shape(images)}"
        )
    if not 1 <= len(array) <= _MAX_IMAGES:
        raise ValueError(
            f"there are {len(array)} images, but 1 to {_MAX_IMAGES} can be drawn: take a slice"
        )
    if array.dtype.kind not in "fiub":
        raise TypeError(f"images must hold real numbers, not {array.dtype}")
    pixels: npt.NDArray[np.float32] = array.astype(np.float32)
    if array.dtype == np.uint8:
        pixels /= 255
        return pixels
    pixels[~np.isfinite(pixels)] = 0
    lowest, highest = float(pixels.min()), float(pixels.max())
    # A rounding error past 1 is no other range.
    if lowest < -1e-3 or highest > 1 + 1e-3:
        # Apart, and halved: the distance of two float32 may be no float32.
        reach = max(highest / 2 - lowest / 2, 1e-12)
        pixels /= 2
        pixels -= lowest / 2
        pixels /= reach
    pixels.clip(0, 1, out=pixels)
    return pixels


def check_classes(
    what: str, classes: npt.ArrayLike, count: int, class_names: Sequence[str] | None
) -> npt.NDArray[np.int64]:
    """The classes as int64 of shape (count,), each with a name, or an error."""
    array: npt.NDArray[Any] = np.asarray(classes)
    if array.shape != (count,):
        raise ValueError(f"{what} must have shape ({count},), not {array.shape}")
    if array.size and array.dtype.kind not in "iu":
        raise TypeError(f"{what} must be integers, not {array.dtype}")
    if array.size and array.min() < 0:
        raise ValueError(f"{what} must not be negative, but one is {array.min()}")
    if array.size and class_names is not None and array.max() >= len(class_names):
        raise ValueError(
            f"{what} go up to {array.max()}, but there are {len(class_names)} class names"
        )
    return array.astype(np.int64)


@dataclass(frozen=True)
class Caption:
    """What stands under an image: one or two lines, and whether they tell of a mistake."""

    text: str
    wrong: bool


def make_captions(
    true: npt.NDArray[np.int64] | None,
    said: npt.NDArray[np.int64] | None,
    class_names: Sequence[str] | None,
    inch: float,
) -> list[Caption]:
    """A caption for each image, none without classes; long ones of mistakes take two lines.

    Args:
        true: The true classes, checked.
        said: The predicted classes, checked.
        class_names: The name of each class; ``None`` for the numbers.
        inch: How many inches wide an image will be.
    """

    def name(number: int) -> str:
        return str(number) if class_names is None else style.plain_text(class_names[number], 16)

    shown = true if said is None else said
    if shown is None:
        return []
    truth = shown if true is None else true
    captions = [
        Caption(name(one) if one == other else f"{name(one)}, is {name(other)}", one != other)
        for one, other in zip(shown.tolist(), truth.tolist(), strict=True)
    ]
    if _caption_size(captions, inch) == style.NOTE_SIZE:
        return captions
    # All mistakes alike, also those that would fit on one line.
    return [
        Caption(caption.text.replace(", is ", ",\nis ", 1), True) if caption.wrong else caption
        for caption in captions
    ]


def grid_size(
    images: npt.NDArray[np.float32], columns: int, captions: Sequence[Caption], inch: float
) -> tuple[float, float]:
    """Width and height of a grid, in widths of one image, which is ``inch`` inches wide."""
    rows = -(-len(images) // columns)
    height = rows * _row_height(images, captions, inch) - (0 if captions else _GAP)
    return columns * (1 + _GAP) - _GAP, height


def draw_grid(
    axes: Axes,
    images: npt.NDArray[np.float32],
    captions: Sequence[Caption],
    columns: int,
    inch: float,
) -> None:
    """Draw checked images into these axes, whose unit becomes the width of an image."""
    width, height = grid_size(images, columns, captions, inch)
    ratio = images.shape[1] / images.shape[2]
    step = _row_height(images, captions, inch)
    axes.set_axis_off()
    rectangle = style.matplotlib("patches").Rectangle
    size = _caption_size(captions, inch)
    for index, image in enumerate(images):
        left, top = index % columns * (1 + _GAP), index // columns * step
        # All in one axes, each in its own place: axes for each image would be far slower.
        axes.imshow(
            image[..., 0] if image.shape[2] == 1 else image,
            cmap="gray",
            vmin=0,
            vmax=1,
            extent=(left, left + 1, top + ratio, top),
            interpolation="nearest",
        )
        if not captions:
            continue
        wrong = captions[index].wrong
        if wrong:
            frame = rectangle((left, top), 1, ratio, fill=False, edgecolor=style.WRONG, linewidth=2)
            frame.set_clip_on(False)
            axes.add_patch(frame)
        axes.text(
            left + 0.5,
            top + ratio + 0.05 / inch,
            captions[index].text,
            ha="center",
            va="top",
            color=style.WRONG if wrong else style.INK,
            fontsize=size,
            fontweight="bold" if wrong else "normal",
            parse_math=False,
        )
    axes.set_xlim(0, width)
    axes.set_ylim(height, 0)
    axes.set_aspect("equal", anchor="NW")


def _row_height(images: npt.NDArray[np.float32], captions: Sequence[Caption], inch: float) -> float:
    lines = max((caption.text.count("\n") + 1 for caption in captions), default=0)
    below = _TEXT_INCHES[lines] / inch if lines else _GAP
    return float(images.shape[1] / images.shape[2] + below)


def _caption_size(captions: Sequence[Caption], inch: float) -> float:
    """The size in points at which each line fits under its image and half of the gaps."""
    room = inch * 72 * (1 + _GAP / 2)
    lines = {(line, one.wrong) for one in captions for line in one.text.split("\n")}
    widths = [style.text_width(line, style.NOTE_SIZE, bold) for line, bold in lines]
    return max(3.5, style.NOTE_SIZE * min(1.0, room / max([1.0, *widths])))
