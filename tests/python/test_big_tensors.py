"""Tensors of more than 2^31 elements, and of more than 2^32 bytes. What is right is computed from
places: element i of every source is (i mod 251) - 125, a period that no power of two divides, so
that an index cut to 32 bits shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import mpsg

PERIOD = 251
GIB = 1 << 30


@dataclass(frozen=True)
class Size:
    """A tensor of `rows` x `columns`; `needs`: GiB that the hungriest test of it takes."""

    data_type: str
    rows: int
    columns: int
    device: str
    needs: float

    @property
    def count(self) -> int:
        return self.rows * self.columns

    def __str__(self) -> str:
        return f"{self.data_type}[{self.rows},{self.columns}]-{self.device}"


# The first is what an ordinary run affords. The others take minutes, or much memory.
SIZES = [
    Size("int8", 32771, 65537, "cpu", 4.5),
    *[
        pytest.param(size, marks=pytest.mark.soak)
        for size in (
            Size("int8", 32771, 65537, "reference", 6.5),
            Size("int8", 65539, 65537, "cpu", 9),
            Size("float32", 32771, 32779, "cpu", 9),
            Size("float16", 32771, 65537, "cpu", 9),
            Size("float32", 32771, 32779, "reference", 9),
        )
    ],
]


def free_gib() -> float:
    with open("/proc/meminfo") as lines:
        fields = dict(line.split(":") for line in lines)
    return int(fields["MemAvailable"].split()[0]) / (1 << 20)


def require_memory(gib: float) -> None:
    if free_gib() < gib:
        pytest.skip(f"needs {gib} GiB of free memory; there are {free_gib():.1f}")


def value_at(places: Any) -> Any:
    return np.asarray(places, np.int64) % PERIOD - PERIOD // 2


def make_source(count: int, data_type: str) -> np.ndarray:
    source = np.empty(count, data_type)
    filled = PERIOD << 12
    source[:filled] = value_at(np.arange(filled))
    while filled < count:
        more = min(filled, count - filled)
        source[filled : filled + more] = source[:more]
        filled += more
    return source


def sample_places(count: int, seed: int = 0) -> np.ndarray:
    """Both ends, around 2^31 and 2^32 elements and bytes, and anywhere."""
    borders = [0, count - 1]
    borders += [border // size for border in (1 << 31, 1 << 32) for size in (1, 2, 4)]
    near = np.add.outer(borders, np.arange(-70, 71)).ravel()
    anywhere = np.random.default_rng(seed).integers(0, count, 5000)
    places = np.concatenate([near, anywhere])
    return places[(places >= 0) & (places < count)]


class Big:
    """A graph with a big source, and how its results are held to what they should be."""

    def __init__(self, size: Size, source: np.ndarray) -> None:
        self.size = size
        self.source = source
        self.places = sample_places(size.count)
        self.restart()

    def restart(self) -> None:
        self.graph = mpsg.Graph()
        self.flat = self.graph.placeholder([self.size.count], self.size.data_type)
        self.table = self.graph.reshape(self.flat, [self.size.rows, self.size.columns])

    def run(self, *targets: mpsg.Tensor) -> list[np.ndarray]:
        mpsg.cache.clear()
        results = self.graph.run({self.flat: self.source}, list(targets), device=self.size.device)
        return [results[target].numpy() for target in targets]

    def split(self, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        return places // self.size.columns, places % self.size.columns

    def wrapped(self, values: Any) -> np.ndarray:
        return np.asarray(values).astype(np.int64).astype(self.size.data_type)


@pytest.fixture(scope="module", params=SIZES, ids=str)
def with_source(request: pytest.FixtureRequest) -> Iterator[Big]:
    size: Size = request.param
    require_memory(size.needs)
    yield Big(size, make_source(size.count, size.data_type))
    mpsg.cache.clear()


@pytest.fixture
def big(with_source: Big) -> Big:
    with_source.restart()
    return with_source


def check(found: np.ndarray, expected: Any) -> None:
    np.testing.assert_array_equal(found, expected)


def test_elementwise(big: Big) -> None:
    (found,) = big.run(-(big.flat + big.flat))
    assert found.shape == (big.size.count,)
    check(found[big.places], big.wrapped(-2 * value_at(big.places)))


def test_reductions_of_all(big: Big) -> None:
    graph, count = big.graph, big.size.count
    wide = graph.cast(big.flat, mpsg.int64)
    total, least, largest, any_least = (
        array.item()
        for array in big.run(
            graph.reduction_sum(wide),
            graph.reduction_minimum(big.flat),
            graph.reduction_maximum(big.flat),
            graph.reduction_sum(graph.cast(graph.equal(big.flat, -125), mpsg.int64)),
        )
    )
    assert total == int(value_at(np.arange(count - count % PERIOD, count)).sum())
    assert (least, largest) == (-125, 125)
    assert any_least == -(-count // PERIOD)


def test_sums_of_floats_stay_accurate(big: Big) -> None:
    """Of 2^31 terms: one float32 accumulator would stop growing at 2^24."""
    graph, count = big.graph, big.size.count
    positive = graph.cast(big.flat, mpsg.float32) + 126.0  # 1 ... 251
    total, mean = big.run(graph.reduction_sum(positive), graph.mean(positive, [0]))
    expected = int((value_at(np.arange(PERIOD)) + 126).sum()) * (count // PERIOD)
    expected += int((value_at(np.arange(count - count % PERIOD, count)) + 126).sum())
    np.testing.assert_allclose(total.item(), expected, rtol=1e-5)
    np.testing.assert_allclose(mean.item(), expected / count, rtol=1e-5)


def test_reductions_along_axes(big: Big) -> None:
    graph, size = big.graph, big.size
    wide = graph.cast(big.table, mpsg.int32)
    of_rows, of_columns = big.run(
        graph.reduction_sum(wide, axes=[1]), graph.reduction_sum(wide, axes=[0])
    )
    rows = np.array([0, 1, size.rows // 2, size.rows - 2, size.rows - 1])
    for row in rows:
        places = row * size.columns + np.arange(size.columns)
        assert of_rows[row, 0] == value_at(places).sum()
    for column in (0, 1, size.columns // 2, size.columns - 1):
        places = np.arange(size.rows) * size.columns + column
        assert of_columns[0, column] == value_at(places).sum()


def test_places_of_extremes(big: Big) -> None:
    graph, size = big.graph, big.size
    (found,) = big.run(graph.reduction_arg_maximum(big.table, 1))
    for row in (0, 1, size.rows - 2, size.rows - 1):
        places = row * size.columns + np.arange(size.columns)
        assert found[row, 0] == value_at(places).argmax()
    if size.count > np.iinfo(np.int32).max:
        with pytest.raises(mpsg.GraphError, match="do not fit into int32"):
            graph.reduction_arg_maximum(big.flat, 0)


def test_slices(big: Big) -> None:
    count = big.size.count
    ranges = [(0, 300, 1), (count - 300, count, 1), (5, count, 999_983), (count - 1, 0, -999_983)]
    ranges += [
        (border // size - 150, border // size + 150, 1)
        for border in (1 << 31, 1 << 32)
        for size in (1, 2, 4)
        if border // size + 150 <= count
    ]
    found = big.run(*(big.flat[first:end:step] for first, end, step in ranges))
    for array, (first, end, step) in zip(found, ranges, strict=True):
        check(array, value_at(np.arange(first, end, step)))


def test_a_slice_that_begins_where_the_run_says(big: Big) -> None:
    graph, count = big.graph, big.size.count
    start = graph.placeholder([1], mpsg.int64)
    piece = graph.slice(big.flat, starts=start, sizes=[300])
    for first in (count - 300, count - 301, 5):
        results = graph.run(
            {big.flat: big.source, start: np.array([first], np.int64)},
            [piece],
            device=big.size.device,
        )
        check(results[piece].numpy(), value_at(first + np.arange(300)))


def test_a_slice_of_almost_all(big: Big) -> None:
    (found,) = big.run(big.flat[3:-1])
    assert found.shape == (big.size.count - 4,)
    places = big.places[(big.places >= 3) & (big.places < big.size.count - 1)]
    check(found[places - 3], value_at(places))


@pytest.mark.parametrize("index_type", ["int32", "int64", "uint32"])
def test_gathers(big: Big, index_type: str) -> None:
    graph, size = big.graph, big.size
    places = big.places[big.places <= np.iinfo(index_type).max]
    rows, columns = big.split(big.places)
    some_rows = np.array([size.rows - 1, 0, size.rows // 2 + 1])
    along = np.arange(size.rows)[:, None] % size.columns
    feeds = {
        graph.placeholder(array.shape, index_type): array.astype(index_type)
        for array in (places, some_rows, np.stack([rows, columns], -1), along)
    }
    at, of_rows, pairs, of_each = feeds
    flat, whole, nd, each = graph.run(
        {big.flat: big.source, **feeds},
        targets := [
            graph.gather(big.flat, at, 0),
            graph.gather(big.table, of_rows, 0),
            graph.gather_nd(big.table, pairs),
            graph.gather_along_axis(big.table, of_each, 1),
        ],
        device=size.device,
    ).values()
    assert len(targets) == 4
    check(flat.numpy(), value_at(places))
    check(whole.numpy(), value_at(some_rows[:, None] * size.columns + np.arange(size.columns)))
    check(nd.numpy(), value_at(big.places))
    check(each.numpy(), value_at(np.arange(size.rows)[:, None] * size.columns + along))


def test_a_gather_of_many(big: Big) -> None:
    """More than 2^31 elements are picked, from few."""
    graph, size = big.graph, big.size
    few = graph.placeholder([PERIOD, size.columns], size.data_type)
    rows = graph.placeholder([size.rows], mpsg.int32)
    table = (np.arange(PERIOD)[:, None] + np.arange(size.columns)) % PERIOD - 125
    results = graph.run(
        {few: table.astype(size.data_type), rows: np.arange(size.rows, dtype=np.int32) % PERIOD},
        [graph.gather(few, rows, 0)],
        device=size.device,
    )
    (found,) = (result.numpy() for result in results.values())
    at = big.split(big.places)
    check(found[at], (at[0] % PERIOD + at[1]) % PERIOD - 125)


def test_concat(big: Big) -> None:
    graph = big.graph
    ends = [graph.constant(np.arange(5), data_type=big.size.data_type) for _ in range(2)]
    (found,) = big.run(graph.concat([ends[0], big.flat, ends[1]], 0))
    assert found.shape == (big.size.count + 10,)
    check(found[big.places + 5], value_at(big.places))
    check(found[:5], np.arange(5))
    check(found[-5:], np.arange(5))


def test_pad_and_reverse(big: Big) -> None:
    graph, count = big.graph, big.size.count
    padded = graph.pad(big.flat, mpsg.PaddingMode.CONSTANT, 3, 2, 7.0)
    (found,) = big.run(graph.reverse(padded, 0))
    assert found.shape == (count + 5,)
    check(found[:2], [7, 7])
    check(found[-3:], [7, 7, 7])
    check(found[count + 1 - big.places], value_at(big.places))


def test_permute(big: Big) -> None:
    (found,) = big.run(big.graph.permute(big.table, [1, 0]))
    rows, columns = big.split(big.places)
    check(found[columns, rows], value_at(big.places))


def test_cumulative_sum(big: Big) -> None:
    """Integers wrap, and so does what is expected. Floats are summed along rows."""
    graph, size = big.graph, big.size
    if size.data_type == "int8":
        (found,) = big.run(graph.cumulative_sum(big.flat, 0))
        turns, rest = np.divmod(big.places, PERIOD)
        sums = np.cumsum(value_at(np.arange(PERIOD)))
        check(found[big.places], big.wrapped(turns * sums[-1] + sums[rest]))
        return
    (found,) = big.run(graph.cumulative_sum(big.table, 1))
    for row in (0, size.rows // 2, size.rows - 1):
        places = row * size.columns + np.arange(size.columns)
        np.testing.assert_allclose(found[row], np.cumsum(value_at(places)), rtol=2**-9)


def test_scatter_into_many(big: Big) -> None:
    graph, count = big.graph, big.size.count
    places = np.unique(big.places)
    at = graph.placeholder([places.size], mpsg.int64)
    updates = graph.placeholder([places.size], big.size.data_type)
    (result,) = graph.run(
        {at: places, updates: value_at(places).astype(big.size.data_type)},
        [graph.scatter(updates, at, [count], 0, mpsg.ScatterMode.SET)],
        device=big.size.device,
    ).values()
    found = result.numpy()
    check(found[places], value_at(places))
    assert np.count_nonzero(found) == np.count_nonzero(value_at(places))


@pytest.mark.soak
def test_files_of_more_than_4_gib(tmp_path: Path) -> None:
    require_memory(13)
    count = 2**31 + 2**16 + 3  # int16: more than 2^32 bytes
    source = make_source(count, "int16")
    places = sample_places(count)
    mpsg.save_tensors(tmp_path / "big.safetensors", {"big": source, "small": np.arange(3)})
    loaded = mpsg.load_tensors(tmp_path / "big.safetensors")
    check(loaded["big"][places], source[places])
    check(loaded["small"], np.arange(3))


@pytest.mark.soak
@pytest.mark.parametrize("single_file", [True, False])
def test_packages_of_more_than_2_to_the_31_elements(tmp_path: Path, single_file: bool) -> None:
    require_memory(13)
    count = 2**31 + 2**16 + 3
    source = make_source(count, "int8")
    places = sample_places(count)
    graph = mpsg.Graph()
    variable = graph.variable(np.int8(0), shape=[count], name="big")
    last = graph.slice(variable, starts=[count - 5], ends=[count])
    graph.set_variable_value(variable, source)
    graph.compile([], [last]).serialize(tmp_path / "big", single_file=single_file)
    del graph, variable, last
    again = mpsg.Executable.load(tmp_path / "big")
    check(again.run([])[0].numpy(), source[-5:])
    graph = again.target_tensors[0].graph
    [variable] = [o.output_tensors[0] for o in graph.operations if o.op == "variable"]
    check(graph.variable_value(variable).numpy()[places], source[places])
