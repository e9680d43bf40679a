"""Rows whose results have a size that follows from data."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from typing import Any

import numpy as np

from cases.case import Case, Cases
from mpsg import NonMaximumSuppressionCoordinateMode as Mode
from support.numbers import numpy_type, random_generator, special_values, values


def non_zero_cases(row: str, name: str) -> Iterator[Case]:
    for shape in [(), (1,), (7,), (3, 4), (2, 0, 3), (2, 3, 2, 2), (3, 1, 40009), (2, 1) * 8]:
        rng = random_generator(row, name, shape)
        array = values(name, shape, rng, -9, 9)
        for kept in (0.0, 0.3, 1.0):
            mask = np.asarray(rng.uniform(0, 1, shape) < kept)
            case = np.where(mask, array, np.zeros_like(array)).astype(numpy_type(name))
            wanted = np.stack(np.nonzero(np.atleast_1d(case)), 1) if shape else None
            if wanted is None:
                wanted = np.zeros((int(case != 0), 0), np.int64)
            yield Case(row, [case], wanted)
    special = special_values(name)
    yield Case(row, [special], np.flatnonzero(special != 0)[:, None])


def overlap(a: np.ndarray, b: np.ndarray) -> float:
    """Of [low, low, high, high]."""
    low, high = np.maximum(a[:2], b[:2]), np.minimum(a[2:], b[2:])
    common = float(np.prod(np.clip(high - low, 0, None)))
    union = float(np.prod(a[2:] - a[:2]) + np.prod(b[2:] - b[:2])) - common
    return common / union if union > 0 else 0.0


def keep(
    corners: np.ndarray, scores: np.ndarray, classes: np.ndarray, options: dict[str, Any]
) -> list[list[int]]:
    """Of one image, written with a matrix of all overlaps."""
    size = len(corners)
    close = np.array([[overlap(a, b) for b in corners] for a in corners]).reshape(size, size)
    blocks = close > options["iou_threshold"]
    if options.get("per_class_suppression"):
        blocks &= classes[:, None] == classes
    alive = scores > options["score_threshold"]
    kept = []
    for box in np.argsort(-scores, kind="stable"):
        if alive[box]:
            kept.append([int(classes[box]), int(box)])
            alive &= ~blocks[box]
    return kept


# images, boxes, classes, options
SUPPRESSIONS: list[tuple[int, int, int, dict[str, Any]]] = [
    (1, 12, 1, {"iou_threshold": 0.3, "score_threshold": 0.2}),
    (2, 40, 3, {"iou_threshold": 0.1, "score_threshold": -1.0}),
    (2, 40, 3, {"iou_threshold": 0.1, "score_threshold": 0.5, "per_class_suppression": True}),
    (3, 8, 2, {"iou_threshold": 0.0, "score_threshold": 2.0}),
    (0, 5, 2, {"iou_threshold": 0.5, "score_threshold": 0.0}),
    (2, 0, 2, {"iou_threshold": 0.5, "score_threshold": 0.0}),
    (1, 3, 1, {"iou_threshold": 1.0, "score_threshold": 0.0}),
]


def suppression_cases(row: str, name: str) -> Iterator[Case]:
    for (images, count, categories, options), mode in (
        (setting, mode) for setting in SUPPRESSIONS for mode in Mode
    ):
        rng = random_generator(row, images, count, categories, mode.name)
        center, size = (
            rng.integers(0, 32, (images, count, 2)),
            rng.integers(0, 8, (images, count, 2)),
        )
        corners = np.concatenate([center - size, center + size], 2).astype(np.float64)
        boxes = corners[..., [2, 1, 0, 3]]  # two opposite corners, in any order
        if mode in (Mode.CENTERS_HEIGHT_FIRST, Mode.CENTERS_WIDTH_FIRST):
            boxes = np.concatenate([center, 2 * size], 2)
        scores = rng.integers(0, 16, (images, count, categories)) / 16
        best = scores.max(2, initial=-np.inf)
        for given in (False, True):
            classes = scores.argmax(2) if count and images else np.zeros((images, count), int)
            arrays = [boxes.astype(np.float32), scores.astype(np.float32)]
            if given:
                classes = rng.integers(0, 3, (images, count))
                arrays.append(classes.astype(np.int32))
            rows = [
                [image, *found]
                for image in range(images)
                for found in keep(corners[image], best[image], classes[image], options)
            ]
            all_options = {**options, "coordinate_mode": mode}

            def call(graph: Any, tensors: Any, all_options: Any = all_options) -> Any:
                more = {"class_indices": tensors[2]} if len(tensors) > 2 else {}
                return graph.non_maximum_suppression(*tensors[:2], **all_options, **more)

            yield Case(
                row, arrays, np.array(rows).reshape(-1, 3), call=call, label=str(all_options)
            )


COUNTED_CASES: Cases = {
    "non_zero_indices": partial(non_zero_cases, "non_zero_indices"),
    "non_maximum_suppression": partial(suppression_cases, "non_maximum_suppression"),
}
