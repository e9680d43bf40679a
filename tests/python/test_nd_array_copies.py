"""NDArray's copies: any strides, conversion, bytes, image batches."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mpsg
from support.nd_arrays import STORED, numbers, same
from support.numbers import ALL, FOUR_BITS, INTEGERS, numpy_type, random_generator

# ---------------------------------------------------------------- copies


def random_layout(generator: np.random.Generator, shape: tuple[int, ...], name: str) -> np.ndarray:
    """An array of zeros whose axes lie in any order, with gaps and negative strides."""
    order = generator.permutation(len(shape))
    steps = [int(generator.choice([1, 1, 1, 2, 3])) for _ in shape]
    sizes = [max(shape[axis], 1) * steps[axis] for axis in order]
    while np.prod(sizes) > 400_000:
        steps = [1] * len(shape)
        sizes = [max(shape[axis], 1) for axis in order]
    memory = np.zeros(sizes, numpy_type(name)).transpose(np.argsort(order))
    keys = []
    for size, step in zip(shape, steps, strict=True):
        backwards = generator.integers(3) == 0
        keys.append(slice(0, size * step, step) if not backwards else slice(None, None, -step))
    result = memory[(*keys, ...)]
    return result[(*(slice(0, size) for size in shape), ...)]


def random_shape(generator: np.random.Generator) -> tuple[int, ...]:
    rank = int(generator.integers(0, 17))
    largest = {0: 1, 1: 9000, 2: 150, 3: 40, 4: 15}.get(rank, 6)
    shape = [int(generator.integers(1, largest + 1)) for _ in range(rank)]
    while np.prod(shape) > 60_000:
        shape[int(generator.integers(rank))] = 1
    if generator.integers(20) == 0 and rank:
        shape[int(generator.integers(rank))] = 0
    return tuple(shape)


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("seed", range(12))
def test_any_layout_to_any_layout(name: str, seed: int) -> None:
    generator = random_generator("layouts", name, seed)
    shape = random_shape(generator)
    source, target = (random_layout(generator, shape, name) for _ in range(2))
    assert source.shape == shape
    source[...] = numbers(name, shape, seed)
    around = target.base if target.base is not None else target
    zeros = int(np.count_nonzero(around.view(np.uint8) if name in FOUR_BITS else around))
    assert zeros == 0
    mpsg.NDArray(source).export_data(target)
    assert same(target, source)
    if name not in FOUR_BITS:  # nothing else was written
        assert np.count_nonzero(around) == np.count_nonzero(source)
    assert same(mpsg.NDArray(source).copy().numpy(), source)


def converted(given: np.ndarray, name: str) -> np.ndarray:
    """What the graph's cast makes of it, on the oracle."""
    graph = mpsg.Graph()
    x = graph.placeholder(given.shape, given.dtype)
    y = graph.cast(x, name)
    return graph.run({x: given}, [y], device="reference")[y].numpy()


@pytest.mark.parametrize("source", STORED)
@pytest.mark.parametrize("target", STORED)
def test_conversion_is_the_graphs_cast(source: str, target: str) -> None:
    given = numbers(source, (7, 30))
    if source in ("float16", "bfloat16", "float32", "float64"):
        edges = [np.nan, np.inf, -np.inf, -0.0, 1e-40, 6e-8, 65519.9, 65520, 3e38, -1e30, 255.5]
        with np.errstate(over="ignore"):
            given[0, : len(edges)] = np.array(edges).astype(given.dtype)
    elif source in INTEGERS:
        limits = np.iinfo(source)
        given[0, :2] = limits.min, limits.max
    expected = converted(given, target)
    assert same(mpsg.NDArray(given).copy(target).numpy(), expected)
    into = np.zeros((30, 7), numpy_type(target)).T[:, ::-1]
    mpsg.NDArray(np.asfortranarray(given)).export_data(into)
    assert same(into, expected)


def test_every_float16() -> None:
    every = np.arange(2**16, dtype=np.uint16).view(np.float16)
    wide = mpsg.NDArray(every).copy(mpsg.float32).numpy()
    assert np.array_equal(wide, every.astype(np.float32), equal_nan=True)
    assert np.array_equal(np.signbit(wide), np.signbit(every))
    assert same(
        mpsg.NDArray(wide).copy(mpsg.float16).numpy()[~np.isnan(every)], every[~np.isnan(every)]
    )
    # Between two neighbours, and a little to each side of that.
    finite = every[np.isfinite(every)].astype(np.float64)
    middle = (finite[1:] + finite[:-1]) / 2
    for near in (middle, np.nextafter(middle.astype(np.float32), np.float32(np.inf))):
        single = near.astype(np.float32)
        assert same(mpsg.NDArray(single).copy(mpsg.float16).numpy(), single.astype(np.float16))


@pytest.mark.parametrize("seed", range(4))
def test_conversion_agrees_with_numpy(seed: int) -> None:
    pairs = [
        ("float32", "float64"),
        ("float64", "float32"),
        ("int32", "float32"),
        ("uint8", "float16"),
        ("int64", "int8"),
        ("float16", "bool"),
        ("float32", "float16"),
        ("bool", "int16"),
        ("uint16", "float64"),
        ("float32", "bfloat16"),
    ]
    for source, target in pairs:
        generator = random_generator(source, target, seed)
        shape = random_shape(generator)
        given = random_layout(generator, shape, source)
        given[...] = numbers(source, shape, seed)
        into = random_layout(generator, shape, target)
        mpsg.NDArray(given).export_data(into)
        assert same(into, given.astype(numpy_type(target)))


def counting(name: str, shape: tuple[int, ...]) -> np.ndarray:
    return (np.arange(np.prod(shape), dtype=np.int32) % 251).astype(name).reshape(shape)


@pytest.mark.parametrize("name", ["uint8", "float16", "float32", "complex64"])
def test_large_copies(name: str) -> None:
    """Those that go past the caches: rows, transposes, three channels, conversions."""
    size = numpy_type(name).itemsize
    rows, columns = 1543, (9 << 20) // size // 1543
    given = counting(name, (rows, columns + 9))[:, 3 : columns + 3]
    assert same(mpsg.NDArray(given).copy().numpy(), given)
    padded = np.zeros((rows, columns + 7), numpy_type(name))
    mpsg.NDArray(given).export_data(padded[:, 5:-2])
    assert same(padded[:, 5:-2], given) and not padded[:, :5].any() and not padded[:, -2:].any()
    assert same(mpsg.NDArray(given.T).copy().numpy(), given.T)
    images = counting(name, (3, 3, 1 + (1 << 20) // size, 1))
    assert same(
        mpsg.NDArray(images.transpose(0, 2, 3, 1)).copy().numpy(), images.transpose(0, 2, 3, 1)
    )
    channels = images.reshape(3, -1, 1, 3)
    assert same(
        mpsg.NDArray(channels.transpose(0, 3, 1, 2)).copy().numpy(), channels.transpose(0, 3, 1, 2)
    )
    short = np.zeros((given.size // 21, 23), numpy_type(name))[:, :21]
    mpsg.NDArray(np.ones(short.shape, numpy_type(name))).export_data(short)
    assert short.all() and not short.base[:, 21:].any()
    if name != "complex64":
        assert same(mpsg.NDArray(given.T).copy(mpsg.float64).numpy(), given.T.astype(np.float64))


def test_overlapping_memory() -> None:
    given = np.arange(20, dtype=np.int32)
    array = mpsg.NDArray(given)
    array[1:].import_data(array[:-1])  # forwards, by one
    assert given.tolist() == [0, *range(19)]
    array[:-1].import_data(array[1:].copy())
    array.import_data(array[::-1])
    assert given.tolist() == [18, *range(18, -1, -1)]
    square = np.arange(9).reshape(3, 3)
    mpsg.NDArray(square).import_data(square.T)
    assert square.tolist() == [[0, 3, 6], [1, 4, 7], [2, 5, 8]]
    words = np.arange(8, dtype=np.float32)
    mpsg.NDArray(words.view(np.int32)).import_data(words)  # of another type, in place
    assert words.view(np.int32).tolist() == [*range(8)]


def test_targets_whose_elements_share_memory() -> None:
    array = mpsg.NDArray(np.zeros((2, 3), np.float32))
    for target in [
        np.lib.stride_tricks.as_strided(np.zeros(4, np.float32), (2, 3), (4, 4)),
        np.lib.stride_tricks.as_strided(np.zeros(3, np.float32), (2, 3), (0, 4)),
        np.lib.stride_tricks.as_strided(np.zeros(6, np.float32), (2, 3), (3, 6)),
    ]:
        with pytest.raises(mpsg.FeedError, match="share memory"):
            array.export_data(target)


def test_what_cannot_be_written() -> None:
    array = mpsg.NDArray(np.zeros(3, np.float32))
    frozen = np.zeros(3, np.float32)
    frozen.flags.writeable = False
    for target in [
        frozen,
        b"123456789012",
        [0, 0, 0],
        1.0,
        np.float32(1),
        None,
        np.zeros(4),
        "abc",
    ]:
        with pytest.raises(mpsg.Error):
            array.export_data(target)
    with pytest.raises(mpsg.FeedError, match="read-only"):
        mpsg.NDArray(frozen).import_data(array)
    with pytest.raises(mpsg.FeedError, match="read-only"):
        array.read_only()[0] = 1
    with pytest.raises(mpsg.FeedError, match="shapes"):
        array.import_data(np.zeros((3, 1)))
    assert not frozen.any()


# ---------------------------------------------------------------- bytes


@pytest.mark.parametrize("name", STORED)
def test_bytes(name: str) -> None:
    given = numbers(name, (3, 4))
    size = given.itemsize
    array = mpsg.NDArray(given.T.copy().T)
    packed = bytearray(given.nbytes)
    array.read_bytes(packed)
    assert packed == given.tobytes()
    spread = bytearray(b"\xee" * (5 * 8 * size + 3))
    array.read_bytes(spread, (5 * size * 2, 2 * size), offset=3)
    seen = np.frombuffer(spread, np.uint8)[3:].reshape(-1)[: 5 * 8 * size].view(given.dtype)
    assert same(seen[: 3 * 10].reshape(3, 10)[:, :8:2], given)
    array.write_bytes(bytes(given.nbytes))
    assert not any(array.numpy().tobytes())
    array.write_bytes(spread, (5 * size * 2, 2 * size), offset=3)
    assert same(array.numpy(), given)
    backwards = bytearray(given.nbytes)
    array.read_bytes(backwards, (-4 * size, -size), offset=11 * size)
    assert same(np.frombuffer(backwards, given.dtype).reshape(3, 4), given[::-1, ::-1])
    wide = bytearray(12 * 8)
    array.read_bytes(wide, data_type=mpsg.float64)
    assert same(np.frombuffer(wide).reshape(3, 4), converted(given, "float64"))
    array.write_bytes(wide, data_type=mpsg.float64)
    assert same(array.numpy(), converted(converted(given, "float64"), name))


@pytest.mark.parametrize(
    ("length", "strides", "offset"),
    [
        *((47, None, 0), (48, None, 1), (48, (16, 4), 4), (48, (20, 4), 0), (48, (-16, 4), 0)),
        *((48, (-16, 4), 31), (48, (2**62, 4), 0), (48, (2**63 - 1, 2**63 - 1), 0)),
        *((48, (16,), 0), (48, (16, 4, 4), 0), (48, (-(2**63), 4), 0), (48, None, 2**63)),
        *((0, None, 0), (48, None, 2**64 - 1), (48, (0, 4), 0)),
    ],
)
def test_bytes_that_do_not_fit(length: int, strides: Any, offset: int) -> None:
    array = mpsg.NDArray(np.ones((3, 4), np.float32))
    memory = bytearray(length)
    with pytest.raises(mpsg.FeedError):
        array.read_bytes(memory, strides, offset=offset)
    assert not any(memory)
    if strides != (0, 4):  # rows may be read again and again
        with pytest.raises(mpsg.FeedError):
            array.write_bytes(memory, strides, offset=offset)
        assert array.numpy().all()


def test_buffers_that_are_none() -> None:
    array = mpsg.NDArray(np.ones(4, np.float32))
    for buffer in [b"0123456789abcdef", 5, None, [1], "abc", np.zeros((4, 8), np.float32)[:, 0]]:
        with pytest.raises(mpsg.FeedError):
            array.read_bytes(buffer)
    for bad in [{"data_type": "int7"}, {"data_type": 5}, {"offset": -1}, {"stride_bytes": "a"}]:
        with pytest.raises((TypeError, RuntimeError, ValueError)):
            array.read_bytes(bytearray(16), **bad)


# ---------------------------------------------------------------- image batches


@pytest.mark.parametrize("name", ["uint8", "uint16"])
def test_every_pixel(name: str) -> None:
    largest = int(np.iinfo(name).max)
    every = np.arange(largest + 1).astype(name).reshape(-1, 16, 1)
    batch = mpsg.NDArray.from_image_batch(every)
    assert batch.shape == (1, (largest + 1) // 16, 16, 1) and batch.data_type == mpsg.float32
    exact = (every.astype(np.float64) / largest).astype(np.float32)
    assert same(batch.numpy()[0], exact)
    assert same(batch.to_image_batch(name).numpy()[0], every)
    for data_type in ("float64", *(["float16", "bfloat16"] if name == "uint8" else [])):
        other = mpsg.NDArray.from_image_batch(every, data_type)
        assert other.data_type == data_type
        if data_type != "bfloat16":  # 8 bits of precision are too few
            assert same(other.to_image_batch(name).numpy()[0], every)


def test_shapes_of_images() -> None:
    image = numbers("uint8", (4, 5, 3))
    for images, shape in [
        *((image[..., 0], (1, 4, 5, 1)), (image, (1, 4, 5, 3)), (image[None], (1, 4, 5, 3))),
        *(([image, image, image], (3, 4, 5, 3)), ((image[..., 0],) * 2, (2, 4, 5, 1))),
        *(([image[:, ::-1], image], (2, 4, 5, 3)), (np.stack([image] * 4), (4, 4, 5, 3))),
        *((np.zeros((0, 4, 5, 3), np.uint8), (0, 4, 5, 3)),),
    ]:
        batch = mpsg.NDArray.from_image_batch(images)
        assert batch.shape == shape
        first = images[0] if isinstance(images, list | tuple) else images
        if batch.element_count:
            assert np.array_equal(
                batch.to_image_batch().numpy()[0].ravel(),
                np.asarray(first).reshape(-1, *shape[1:])[0].ravel(),
            )
    floats = numbers("float16", (4, 5, 3))  # images of numbers are taken as they are
    assert same(mpsg.NDArray.from_image_batch(floats).numpy()[0], floats.astype(np.float32))
    for bad in [
        *([], [image, image[:3]], [image, image.astype(np.uint16)], np.zeros(3, np.uint8)),
        *(np.zeros((1, 1, 1, 1, 1), np.uint8), [image[None], image[None]], [image, 5]),
    ]:
        with pytest.raises(mpsg.FeedError):
            mpsg.NDArray.from_image_batch(bad)
    with pytest.raises(mpsg.FeedError, match="float"):
        mpsg.NDArray.from_image_batch(image, mpsg.int32)


def test_back_to_images() -> None:
    given = np.array(
        [
            np.nan,
            -np.inf,
            np.inf,
            -0.1,
            -0.0,
            0,
            0.5 / 255,
            1.5 / 255,
            2.5 / 255,
            0.5,
            1,
            1.01,
            1e30,
        ],
        np.float64,
    )
    wanted = np.rint(np.nan_to_num(np.clip(given, 0, 1), nan=0) * 255).astype(np.uint8)
    batch = mpsg.NDArray(given).reshape(1, 1, 13, 1)
    assert same(batch.to_image_batch().numpy().ravel(), wanted)
    generator = random_generator("images")
    single = generator.uniform(-0.2, 1.2, (3, 7, 5, 3)).astype(np.float32)
    transposed = mpsg.NDArray(single.transpose(0, 3, 1, 2).copy()).transpose(0, 2, 3, 1)
    for largest, name in [(255, "uint8"), (65535, "uint16")]:
        exact = np.rint(np.clip(single.astype(np.float64), 0, 1) * largest).astype(name)
        assert same(transposed.to_image_batch(name).numpy(), exact)
    assert same(transposed.to_image_batch("float64").numpy(), single.astype(np.float64))
    for bad in [
        lambda: mpsg.NDArray(single[0]).to_image_batch(),
        lambda: mpsg.NDArray(single).to_image_batch(mpsg.int8),
        lambda: mpsg.NDArray(single.astype(np.int32)).to_image_batch(),
    ]:
        with pytest.raises(mpsg.FeedError):
            bad()


@pytest.mark.soak
@pytest.mark.parametrize("seed", range(3000, 3040))
def test_many_layouts(seed: int) -> None:
    for number in range(75 * seed, 75 * seed + 75):
        generator = random_generator("many layouts", number)
        name, target = (str(generator.choice(ALL)) for _ in range(2))
        test_any_layout_to_any_layout(name, number)
        shape = random_shape(generator)
        given = random_layout(generator, shape, name)
        given[...] = numbers(name, shape, number)
        into = random_layout(generator, shape, target)
        mpsg.NDArray(given).export_data(into)
        assert same(into, converted(np.array(given, order="C"), target))


@pytest.mark.soak
def test_more_than_4_gib() -> None:
    """More than 2^31 elements and 4 GiB: counts, strides and offsets of 64 bits."""
    rows, columns = 2**16 + 1, 2**15 + 1
    counting = mpsg.NDArray(np.arange(columns, dtype=np.int16)).broadcast_to((rows, columns))
    padded = mpsg.NDArray.empty((rows, columns), mpsg.int16, row_bytes=2 * columns + 6)
    assert padded.element_count > 2**31 and padded.byte_count > 2**32
    padded.import_data(counting)
    row = np.arange(columns, dtype=np.int16)
    for at in (0, 1, 2**15, rows - 1):
        assert np.array_equal(padded[at].numpy(), row)
    part = padded[::4096, ::-1]
    assert np.array_equal(part.copy().numpy(), np.broadcast_to(row[::-1], part.shape))
    assert np.array_equal(padded.T[-1].copy(mpsg.float32).numpy(), np.full(rows, row[-1]))
