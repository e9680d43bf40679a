"""What docs/meaning.md says of every point at which Apple's texts are silent, on every device."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg
from cases.meaning import KINKS, POINTS, Point
from support.compare import assert_same_bits
from support.running import DECLARED, DEVICES, run

PAGE = Path(__file__).parents[2] / "docs" / "meaning.md"


def test_the_page_has_every_point() -> None:
    """And nothing else: the first column of its tables names the points."""
    rows = re.findall(r"^\| ([^|]+) \| [^|]+ \| [^|]+ \|$", PAGE.read_text(), re.MULTILINE)
    named = [row.replace("`", "") for row in rows if row not in ("Point", "---")]
    assert named == list(dict.fromkeys(named))
    assert sorted(named) == sorted({**POINTS, **KINKS})


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("what", POINTS)
def test_value(what: str, device: str) -> None:
    point = POINTS[what]
    for declared in DECLARED if takes_unknown_shapes(point) else ["static"]:
        found = run(point.build, point.operands, device, declared)
        for got, wanted in zip(found, point.results, strict=True):
            assert_same_bits(got, wanted, f"{what}, {declared}")
    # Folded when the graph is compiled, too.
    folded = run(lambda g, _: point.build(g, [g.constant(x) for x in point.operands]), [], device)
    for got, wanted in zip(folded, point.results, strict=True):
        assert_same_bits(got, wanted, f"{what}, of constants")


def takes_unknown_shapes(point: Point) -> bool:
    return point.call is None


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("channels", [1, 16])
def test_infinite_weights_over_padding(channels: int, device: str) -> None:
    """The point that is open: NaN or nothing over padding; elsewhere what NumPy gives."""
    rng = np.random.default_rng(channels)
    source = rng.integers(1, 4, (1, channels, 5, 6)).astype(np.float32)
    weights = rng.integers(1, 4, (channels, channels, 3, 3)).astype(np.float32)
    weights[0, :, 0, 0] = np.inf
    sides = {f"padding_{side}": 1 for side in ("left", "right", "top", "bottom")}
    descriptor = mpsg.Convolution2DOpDescriptor(**sides)
    (got,) = run(lambda g, t: g.convolution_2d(*t, descriptor), [source, weights], device)
    padded = np.pad(source, ((0, 0), (0, 0), (1, 1), (1, 1)))
    skipped = np.zeros((1, channels, 5, 6), np.float32)
    for y, x in np.ndindex(3, 3):
        part = padded[:, :, y : y + 5, x : x + 6]
        # A sum over what is not 0: over the image alone.
        for at in np.ndindex(5, 6):
            inside = part[0, :, *at] != 0
            skipped[0, :, *at] += (part[0, inside, *at] * weights[:, inside, y, x]).sum(axis=1)
    border = np.zeros(got.shape, bool)
    border[0, 0, 0, :] = border[0, 0, :, 0] = True
    assert np.array_equal(got[~border], skipped[~border])
    assert np.all(np.isnan(got[border]) | (got[border] == skipped[border]))


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("what", KINKS)
def test_gradient(what: str, device: str) -> None:
    row, operands, wanted, attributes = KINKS[what]
    graph = mpsg.Graph()
    arrays = [np.array(each, np.float64) for each in operands]
    tensors = [graph.placeholder(array.shape, mpsg.float64) for array in arrays]
    given: list[Any] = list(tensors)
    if row == "select":
        given.insert(0, np.array([False, True]))
    result = getattr(graph, row)(*given, **attributes)
    gradients = graph.gradients(result, tensors, unconnected="zero")
    feeds = dict(zip(tensors, arrays, strict=True))
    found = graph.run(feeds, list(gradients.values()), device=device)
    for tensor, values in zip(tensors, wanted, strict=True):
        got = found[gradients[tensor]].numpy()
        assert np.array_equal(got, np.array(values), equal_nan=True), f"{got}, wanted {values}"
