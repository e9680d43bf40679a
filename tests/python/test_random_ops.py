"""Random numbers: known answers, distributions, seeds, dropout."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

import mpsg
from mpsg import RandomDistribution, RandomNormalSamplingMethod, RandomOpDescriptor
from support.compare import assert_same_bits
from support.numbers import FLOATS, INTEGERS, bound, float_info, numpy_type
from support.running import DEVICES

on_devices = pytest.mark.parametrize("device", DEVICES)
# Random123's known answers of Philox4x32-10: counter, key, result.
ALL_ONES = 0xFFFFFFFF
KNOWN = [
    ([0] * 4, [0] * 2, [0x6627E8D5, 0xE169C58D, 0xBC57AC4C, 0x9B00DBD8]),
    ([ALL_ONES] * 4, [ALL_ONES] * 2, [0x408F276D, 0x41C83B0E, 0xA20BC7C6, 0x6D5451FD]),
    (
        [0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344],
        [0xA4093822, 0x299F31D0],
        [0xD16CFE09, 0x94FDCCEB, 0x5001E420, 0x24126EA1],
    ),
]
# The chance that a sound generator fails one of the tests of a distribution.
CHANCE = 1e-6


def signed(value: int, bits: int = 64) -> int:
    return value - 2**bits if value >= 2 ** (bits - 1) else value


def philox(counter: list[int], key: list[int]) -> list[int]:
    """Salmon et al., Parallel random numbers: as easy as 1, 2, 3 (2011)."""
    x, k = list(counter), list(key)
    for _ in range(10):
        low, high = x[0] * 0xD2511F53, x[2] * 0xCD9E8D57
        x = [
            (high >> 32) ^ x[1] ^ k[0],
            high & ALL_ONES,
            (low >> 32) ^ x[3] ^ k[1],
            low & ALL_ONES,
        ]
        k = [(k[0] + 0x9E3779B9) & ALL_ONES, (k[1] + 0xBB67AE85) & ALL_ONES]
    return x


def words(count: int, counter: list[int], key: list[int]) -> np.ndarray:
    """The first words of the stream that starts there."""
    start = sum(word << (32 * i) for i, word in enumerate(counter))
    found: list[int] = []
    while len(found) < count:
        at = start % 2**128
        found += philox([(at >> (32 * i)) & ALL_ONES for i in range(4)], key)
        start += 1
    return np.array(found[:count], np.uint32)


def state_of(graph: mpsg.Graph, counter: list[int], key: list[int]) -> mpsg.Tensor:
    return graph.random_philox_state(
        counter_low=signed(counter[0] | counter[1] << 32),
        counter_high=signed(counter[2] | counter[3] << 32),
        key=signed(key[0] | key[1] << 32),
    )


def bits_of(descriptor_type: str) -> RandomOpDescriptor:
    """All 32 bits of each word, as an integer."""
    return RandomOpDescriptor(data_type=descriptor_type, min_integer=0, max_integer=2**32)


@on_devices
@pytest.mark.parametrize(("counter", "key", "wanted"), KNOWN)
def test_known_answers(device: str, counter: list[int], key: list[int], wanted: list[int]) -> None:
    assert philox(counter, key) == wanted
    graph = mpsg.Graph()
    state = state_of(graph, counter, key)
    numbers, after = graph.random([4], bits_of("uint32"), state=state)
    found = graph.run({}, [state, numbers, after], device=device)
    assert found[state].numpy().view(np.uint32).tolist() == [*counter, *key, 0]
    assert found[numbers].numpy().tolist() == wanted
    advanced = sum(word << (32 * i) for i, word in enumerate(counter)) + 1
    following = [(advanced >> (32 * i)) & ALL_ONES for i in range(4)]
    assert found[after].numpy().view(np.uint32).tolist() == [*following, *key, 0]


@on_devices
@pytest.mark.parametrize("count", [0, 1, 3, 4, 5, 1023, 50001])
def test_stream(device: str, count: int) -> None:
    """Element i takes word i, whatever the shape and the number of threads."""
    counter, key = [ALL_ONES - 2, ALL_ONES, 5, 0], [7, 9]
    graph = mpsg.Graph()
    state = state_of(graph, counter, key)
    numbers, after = graph.random([count], bits_of("uint32"), state=state)
    floats, _ = graph.random_uniform([count], state=state)
    found = graph.run({}, [numbers, after, floats], device=device)
    wanted = words(min(count, 2000), counter, key)
    got = found[numbers].numpy()
    assert np.array_equal(got[:2000], wanted)
    if count > 2000:
        last = words(1, [c for c in after_blocks(counter, (count - 1) // 4)], key)
        assert got[(count - 1) // 4 * 4] == last[0]
    # TensorFlow's uniform floats: the low 23 bits as the mantissa.
    uniform = (got & 0x7FFFFF).astype(np.float32) * np.float32(2**-23)
    assert_same_bits(found[floats].numpy(), uniform)
    assert found[after].numpy().view(np.uint32)[:4].tolist() == after_blocks(
        counter, -(-count // 4)
    )


def after_blocks(counter: list[int], blocks: int) -> list[int]:
    total = sum(word << (32 * i) for i, word in enumerate(counter)) + blocks
    return [(total >> (32 * i)) & ALL_ONES for i in range(4)]


@pytest.mark.parametrize("seed", [0, 1, -1, 2**63 - 1, -(2**63), 12345678901])
def test_a_seed_is_the_key(seed: int) -> None:
    graph = mpsg.Graph()
    state = graph.random_philox_state(seed)
    by_state, _ = graph.random_uniform([9], state=state)
    by_seed = graph.random_uniform([9], seed=seed)
    found = graph.run({}, [state, by_state, by_seed])
    key = np.array([seed], np.int64).view(np.int32).tolist()
    assert found[state].numpy().tolist() == [0, 0, 0, 0, *key, 0]
    assert_same_bits(found[by_state].numpy(), found[by_seed].numpy())


def descriptor(name: str, distribution: RandomDistribution, **options: Any) -> RandomOpDescriptor:
    return RandomOpDescriptor(data_type=name, distribution=distribution, **options)


def draw(count: int, kind: RandomOpDescriptor, device: str = "cpu", seed: int = 5) -> np.ndarray:
    graph = mpsg.Graph()
    numbers = graph.random([count], kind, seed=seed)
    result = graph.run({}, [numbers], device=device)[numbers].numpy()
    assert result.dtype == mpsg.data_type(kind.data_type).numpy() and result.shape == (count,)
    return result


NORMALS = [RandomDistribution.NORMAL, RandomDistribution.TRUNCATED_NORMAL]
METHODS = list(RandomNormalSamplingMethod)


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("distribution", list(RandomDistribution))
@pytest.mark.parametrize("method", METHODS)
def test_equal_on_all_devices(
    name: str, distribution: RandomDistribution, method: RandomNormalSamplingMethod
) -> None:
    kind = descriptor(name, distribution, sampling_method=method, min=-1.5, max=2.0)
    cpu, reference = draw(10007, kind, "cpu"), draw(10007, kind, "reference")
    if distribution == RandomDistribution.UNIFORM:
        assert_same_bits(cpu, reference)
    else:  # within two units in the last place
        wide_cpu, wide_reference = cpu.astype(np.float64), reference.astype(np.float64)
        allowed = bound(name, 4, name) * np.abs(wide_reference)
        assert np.all(np.abs(wide_cpu - wide_reference) <= allowed)


def quantum(name: str) -> float:
    """Distance of neighbouring uniform numbers in [0, 1), which a test of a continuous
    distribution sees as steps.
    """
    return float(float_info(name).eps)


def assert_distribution(numbers: np.ndarray, cdf: Any, name: str, slope: float) -> None:
    """Kolmogorov and Smirnov's test; `slope`: the largest density, for the steps of the type."""
    values = np.sort(numbers.astype(np.float64))
    count = len(values)
    below = cdf(values)
    ranks = np.arange(count + 1) / count
    distance = max(np.max(ranks[1:] - below), np.max(below - ranks[:-1]))
    critical = stats.kstwobign.isf(CHANCE) / np.sqrt(count)
    assert distance <= critical + slope * quantum(name) * max(1, np.max(np.abs(values)))


@pytest.mark.parametrize("name", FLOATS)
def test_uniform_distribution(name: str) -> None:
    kind = descriptor(name, RandomDistribution.UNIFORM, min=-1.0, max=3.0)
    numbers = draw(40000, kind).astype(np.float64)
    assert numbers.min() >= -1 and numbers.max() < 3
    assert_distribution(numbers, stats.uniform(-1, 4).cdf, name, 4)
    error = stats.norm.isf(CHANCE) * 4 / np.sqrt(12 * len(numbers)) + 4 * quantum(name)
    assert abs(numbers.mean() - 1) < error


@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("method", METHODS)
def test_normal_distribution(name: str, method: RandomNormalSamplingMethod) -> None:
    kind = descriptor(
        name,
        RandomDistribution.NORMAL,
        mean=1.0,
        standard_deviation=2.0,
        sampling_method=method,
    )
    numbers = draw(40000, kind).astype(np.float64)
    law = stats.norm(1, 2)
    assert_distribution(numbers, law.cdf, name, 0.5)
    error = stats.norm.isf(CHANCE) * 2 / np.sqrt(len(numbers)) + 4 * quantum(name)
    assert abs(numbers.mean() - 1) < error
    assert abs(numbers.std() - 2) < 2 * error
    # Neighbours know nothing of each other (Box and Muller make them in pairs).
    correlation = np.corrcoef(numbers[::2], numbers[1::2])[0, 1]
    assert abs(correlation) < stats.norm.isf(CHANCE) / np.sqrt(len(numbers) / 2)


@pytest.mark.parametrize("name", FLOATS)
def test_truncated_normal_distribution(name: str) -> None:
    kind = descriptor(
        name, RandomDistribution.TRUNCATED_NORMAL, mean=0.5, standard_deviation=2.0, min=-1, max=4
    )
    numbers = draw(40000, kind).astype(np.float64)
    assert numbers.min() >= -1 and numbers.max() <= 4
    law = stats.truncnorm(-0.75, 1.75, loc=0.5, scale=2.0)
    assert_distribution(numbers, law.cdf, name, 0.5)


@pytest.mark.parametrize("name", INTEGERS)
def test_integer_distribution(name: str) -> None:
    limits = np.iinfo(name)
    least, most = max(-7, int(limits.min)), 13
    kind = RandomOpDescriptor(data_type=name, min_integer=least, max_integer=most)
    numbers = draw(40000, kind)
    assert_same_bits(numbers, draw(40000, kind, "reference"))
    assert numbers.min() == least and numbers.max() == most - 1
    counts = np.bincount(numbers.astype(np.int64) - least, minlength=most - least)
    assert stats.chisquare(counts).pvalue > CHANCE


@pytest.mark.parametrize("name", INTEGERS)
def test_default_integers_fit_the_type(name: str) -> None:
    """min_integer <= value < max_integer: the default is 2147483647, more than most types hold."""
    graph = mpsg.Graph()
    kind = RandomOpDescriptor(data_type=name)
    if np.iinfo(name).max < 2**31 - 2:
        with pytest.raises(mpsg.GraphError, match="max_integer"):
            graph.random([4], kind)
    else:
        numbers = draw(1000, kind).astype(np.int64)
        assert numbers.min() >= 0 and numbers.max() < 2**31 - 1


# ---------------------------------------------------------------- seeds and runs


@on_devices
def test_unseeded_numbers(device: str) -> None:
    """Fresh at every run and in every node; the same in a graph with the same seed."""

    def series(seed: int) -> list[list[float]]:
        graph = mpsg.Graph()
        graph.seed = seed
        a, b = graph.random_uniform([5]), graph.random_uniform([5])
        found = [graph.run({}, [a, b], device=device) for _ in range(3)]
        return [run[each].numpy().tolist() for run in found for each in (a, b)]

    first = series(11)
    assert len({tuple(numbers) for numbers in first}) == 6
    assert series(11) == first
    assert not set(map(tuple, series(12))) & set(map(tuple, first))


def test_unseeded_numbers_are_the_same_on_all_devices() -> None:
    found = []
    for device in DEVICES:
        graph = mpsg.Graph()
        graph.seed = 3
        numbers = graph.random_uniform([9])
        found.append(graph.run({}, [numbers], device=device)[numbers].numpy())
    assert_same_bits(*found)


@on_devices
def test_seeded_numbers_repeat(device: str) -> None:
    graph = mpsg.Graph()
    a, b = graph.random_uniform([5], seed=1), graph.random_uniform([5], seed=2)
    executable = graph.compile([], [a, b], device=device)
    runs = [[result.numpy().tolist() for result in executable.run([])] for _ in range(2)]
    assert runs[0] == runs[1] and runs[0][0] != runs[0][1]


@on_devices
def test_a_new_target_keeps_the_numbers(device: str) -> None:
    """The stream of a node is its own: what else is computed does not matter."""
    series = []
    for alone in (True, False):
        graph = mpsg.Graph()
        graph.seed = 4
        a = graph.random_uniform([3])
        b = graph.random_uniform([3])
        targets = [b] if alone else [a, b]
        series.append(graph.run({}, targets, device=device)[b].numpy().tolist())
    assert series[0] == series[1]


@on_devices
@pytest.mark.parametrize("size", [0, 3, 7])
def test_shape_of_a_tensor(device: str, size: int) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1, 2], mpsg.float32)
    noise = graph.random_uniform(graph.shape_of(x), seed=8)
    numbers = graph.run({x: np.zeros((size, 2), np.float32)}, [noise], device=device)[noise].numpy()
    assert numbers.shape == (size, 2)
    assert_same_bits(numbers.reshape(-1), draw_uniform(size * 2, device))


def draw_uniform(count: int, device: str) -> np.ndarray:
    graph = mpsg.Graph()
    numbers = graph.random_uniform([count], seed=8)
    return graph.run({}, [numbers], device=device)[numbers].numpy()


# ---------------------------------------------------------------- dropout


@on_devices
@pytest.mark.parametrize("name", FLOATS)
@pytest.mark.parametrize("rate", [0.0, 0.25, 0.5])
def test_dropout(device: str, name: str, rate: float) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([20000], name)
    y = graph.dropout(x, rate)
    values = np.linspace(1, 2, 20000).astype(numpy_type(name))
    result = graph.run({x: values}, [y], device=device)[y].numpy()
    kept = result != 0
    wide = values.astype(np.float64) / (1 - rate)
    allowed = bound(name, 2, name) * wide
    assert np.all(np.abs(result.astype(np.float64) - wide)[kept] <= allowed[kept])
    share = np.sqrt(max(rate * (1 - rate), 1e-12) / 20000)
    assert abs(1 - kept.mean() - rate) <= stats.norm.isf(CHANCE) * share + quantum(name) / 2


@on_devices
def test_dropout_shares_its_mask_with_its_gradient(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1], mpsg.float32)
    rate = graph.placeholder([], mpsg.float32)
    y = graph.dropout(x, rate)
    gradient = graph.gradients(graph.square(y), [x])[x]
    second = graph.gradients(gradient, [x])[x]
    masks = set()
    for _ in range(3):
        found = graph.run(
            {x: np.ones(1000, np.float32), rate: 0.5}, [y, gradient, second], device=device
        )
        kept = found[y].numpy() != 0
        assert 300 < kept.sum() < 700
        assert np.array_equal(found[gradient].numpy(), np.where(kept, 8, 0))
        assert np.array_equal(found[second].numpy(), np.where(kept, 8, 0))
        masks.add(kept.tobytes())
    assert len(masks) == 3


@on_devices
def test_gradient_of_dropout_alone(device: str) -> None:
    """Asked for without its value, the gradient has the mask of the same run."""
    masks = []
    for both in (True, False):
        graph = mpsg.Graph()
        graph.seed = 21
        x = graph.placeholder([100], mpsg.float32)
        y = graph.dropout(x, 0.5)
        gradient = graph.gradients(y, [x])[x]
        targets = [y, gradient] if both else [gradient]
        masks.append(graph.run({x: np.ones(100)[:].astype("f")}, targets, device=device)[gradient])
    assert_same_bits(masks[0].numpy(), masks[1].numpy())


# ---------------------------------------------------------------- errors


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"data_type": "bool"}, "data_type"),
        ({"data_type": "complex64"}, "data_type"),
        ({"data_type": "int32", "distribution": RandomDistribution.NORMAL}, "uniform"),
        ({"data_type": "int32", "min_integer": 3, "max_integer": 3}, "min_integer"),
        ({"min": 1.0, "max": 1.0}, "min"),
        ({"min": float("nan")}, "min"),
        ({"distribution": RandomDistribution.NORMAL, "standard_deviation": 0.0}, "deviation"),
    ],
)
def test_wrong_descriptors(options: dict[str, Any], message: str) -> None:
    graph = mpsg.Graph()
    with pytest.raises(mpsg.GraphError, match=message):
        graph.random([3], RandomOpDescriptor(**options))


def test_wrong_states() -> None:
    graph = mpsg.Graph()
    state = graph.random_philox_state(1)
    with pytest.raises(mpsg.GraphError, match="seed"):
        graph.random_uniform([3], state=state, seed=1)
    with pytest.raises(mpsg.GraphError, match="state"):
        graph.random_uniform([3], state=graph.constant([1, 2, 3]))
    with pytest.raises(mpsg.GraphError, match="int32"):
        graph.random_uniform([3], state=graph.constant(np.zeros(7, np.float32)))
    with pytest.raises(mpsg.GraphError, match="seed"):
        graph.random_philox_state()
    with pytest.raises(mpsg.GraphError, match="seed"):
        graph.random_philox_state(1, key=2)
