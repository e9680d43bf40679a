"""NDArray: memory with strides. Views, copies, conversions, matrices, image batches, buffers."""

from __future__ import annotations

import array
import gc
import itertools
import sys
import weakref
from collections.abc import Callable
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import mpsg
from support.nd_arrays import STORED, address, numbers, same
from support.numbers import ALL, random_generator
from support.running import DEVICES

# ---------------------------------------------------------------- memory


@pytest.mark.parametrize("name", STORED)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3), (1,) * 15 + (2,)])
def test_numpy_is_not_copied(name: str, shape: tuple[int, ...]) -> None:
    given = numbers(name, shape)
    array = mpsg.NDArray(given)
    assert array.shape == shape and array.data_type == name and array.is_packed
    assert array.element_count == given.size and array.byte_count == given.nbytes
    back = array.numpy()
    assert same(back, given) and (given.size == 0 or address(back) == address(given))
    if given.size:
        given[...] = numbers(name, shape, 1)
        assert same(array.numpy(), given)


LAYOUTS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "transposed": lambda a: a.T,
    "every second": lambda a: a[:, ::2],
    "backwards": lambda a: a[::-1, ::-2],
    "one column": lambda a: a[:, 2],
    "broadcast": lambda a: np.broadcast_to(a[:1], (5, 6)),
    "window": lambda a: np.lib.stride_tricks.sliding_window_view(a, 3, axis=1),
    "new axis": lambda a: a[:, None, :, None],
    "Fortran": np.asfortranarray,
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["uint8", "float16", "bfloat16", "float32", "complex64"])
def test_layouts_are_kept(name: str, layout: str) -> None:
    given = LAYOUTS[layout](numbers(name, (5, 6)))
    array = mpsg.NDArray(given)
    assert array.shape == given.shape and same(array.numpy(), given)
    assert address(array.numpy()) == address(given)
    assert all(
        ours == theirs
        for ours, theirs, size in zip(array.strides, given.strides, given.shape, strict=True)
        if size != 1
    )
    assert array.is_packed == given.flags.c_contiguous
    assert array.is_writeable == given.flags.writeable
    assert same(array.copy().numpy(), given) and array.copy().is_packed


def test_not_aligned() -> None:
    memory = np.zeros(41, np.uint8)
    given = memory[1:].view(np.float32)
    given[...] = np.arange(10)
    array = mpsg.NDArray(given)
    assert address(array.numpy()) == address(given) and array.copy().numpy().tolist() == [
        *range(10)
    ]
    array.import_data(np.arange(10, 20))
    assert given.tolist() == [*range(10, 20)]
    data = array.tensor_data()  # what runs is aligned
    assert address(data) % 4 == 0 and data.numpy().tolist() == [*range(10, 20)]


def test_lists_and_numbers() -> None:
    assert mpsg.NDArray([[1, 2], [3, 4]], mpsg.float32).numpy().tolist() == [[1, 2], [3, 4]]
    assert mpsg.NDArray(2.5, mpsg.bfloat16).item() == 2.5
    with pytest.raises(mpsg.FeedError):
        mpsg.NDArray([300], mpsg.uint8)


def test_padded_rows() -> None:
    array = mpsg.NDArray.empty((2, 3, 5), mpsg.int16, row_bytes=16)
    assert array.strides == (48, 16, 2) and not array.is_packed and array.is_writeable
    given = numbers("int16", (2, 3, 5))
    array.import_data(given)
    assert same(array.numpy(), given) and same(array.tensor_data().numpy(), given)
    assert mpsg.NDArray.empty(4).shape == (4,)
    for row_bytes in (9, 11, 1, 2**63):
        with pytest.raises((mpsg.FeedError, TypeError), match="row_bytes|incompatible"):
            mpsg.NDArray.empty((2, 5), mpsg.int16, row_bytes=row_bytes)


def test_scalars_and_lengths() -> None:
    scalar = mpsg.NDArray(np.float32(3.5))
    assert scalar.shape == () and scalar.item() == 3.5 and scalar.is_packed
    with pytest.raises(TypeError):
        len(scalar)
    with pytest.raises(TypeError):
        iter(scalar)
    rows = mpsg.NDArray(np.arange(6).reshape(2, 3))
    assert len(rows) == 2 and [row.numpy().tolist() for row in rows] == [[0, 1, 2], [3, 4, 5]]
    assert "int64 (2, 3), strides (24, 8)" in repr(rows) and "5" in repr(rows)


def test_array_protocol() -> None:
    given = np.arange(4, dtype=np.float32)
    array = mpsg.NDArray(given)
    assert address(array) == address(given)
    assert np.array(array, dtype=np.float64).dtype == np.float64
    assert address(array.__array__(copy=True)) != address(given)
    with pytest.raises(ValueError):
        array.__array__(np.float64, copy=False)
    assert np.array_equal(np.add(array, 1), given + 1)


# ---------------------------------------------------------------- views

KEYS: list[Any] = [
    *(0, -1, slice(None), slice(1, 3), slice(None, None, -1), slice(5, 0, -2), slice(3, 3), ...),
    *(None, (0, 1), (slice(None), 2), (..., 0), (None, ..., slice(None, None, 2)), ()),
    *((1, ..., -2), (slice(-3, None), None, slice(10, None)), (0, 0, 0), np.int64(1), (0, ..., 1)),
    slice(0, 2**70),
]


@pytest.mark.parametrize("key", KEYS, ids=str)
def test_indexing(key: Any) -> None:
    given = numbers("int32", (4, 5, 6))
    view = mpsg.NDArray(given)[key]
    wanted = (
        given[(*key, ...)] if isinstance(key, tuple) and key == (0, 0, 0) else given[key]
    )  # a view, not a number
    assert same(view.numpy(), wanted)
    assert wanted.size == 0 or address(view.numpy()) == address(wanted)
    view.import_data(np.zeros(view.shape, np.int32))
    assert not wanted.any()


def test_indices_that_are_not_there() -> None:
    array = mpsg.NDArray(np.zeros((2, 3)))
    for key in [2, -3, (0, 3), (0, 0, 0), (..., ...), 2**70]:
        with pytest.raises(IndexError):
            array[key]
    for key in [1.0, "a", [0, 1], np.array([0, 1]), True, (0, slice("a"))]:
        with pytest.raises(TypeError):
            array[key]
    with pytest.raises(ValueError):
        array[::0]
    with pytest.raises(mpsg.FeedError, match="16"):
        array[(None,) * 15]


def test_writing_parts() -> None:
    given = np.zeros((3, 4), np.float32)
    array = mpsg.NDArray(given)
    array[1] = 5
    array[:, ::2] = np.arange(3)[:, None]
    array[2, 3:] = [7]
    assert given.tolist() == [[0, 0, 0, 0], [1, 5, 1, 5], [2, 0, 2, 7]]
    with pytest.raises(mpsg.FeedError, match="broadcast"):
        array[0] = np.zeros(3)


def test_transposed_views() -> None:
    given = numbers("float32", (2, 3, 4))
    array = mpsg.NDArray(given)
    assert same(array.T.numpy(), given.T) and same(array.transpose().numpy(), given.T)
    for axes in itertools.permutations(range(3)):
        for view in (array.transpose(axes), array.transpose(*axes)):
            assert same(view.numpy(), given.transpose(axes))
            assert same(view.copy().numpy(), given.transpose(axes))
    assert array.transpose(-1, 0, -2).shape == (4, 2, 3)
    for axes in [(0, 1), (0, 0, 1), (0, 1, 3), (0, 1, 2, 3)]:
        with pytest.raises(mpsg.FeedError):
            array.transpose(axes)


def test_shapes_of_views() -> None:
    given = numbers("float32", (4, 1, 6))
    array = mpsg.NDArray(given)
    assert array.squeeze().shape == (4, 6) and array.squeeze(1).shape == (4, 6)
    assert array.expand_dims(-1).shape == (4, 1, 6, 1) and array.expand_dims(0)[0].shape == (
        4,
        1,
        6,
    )
    assert array.broadcast_to((2, 4, 3, 6)).numpy().shape == (2, 4, 3, 6)
    assert not array.broadcast_to((4, 3, 6)).is_writeable
    assert array.with_rank(2).shape == (4, 6) and array.with_rank(1).shape == (24,)
    assert array.with_rank(16).shape == (1,) * 13 + (4, 1, 6)
    view = array.array_view((3, 4), (24, -4), 12)
    assert same(view.numpy(), np.lib.stride_tricks.as_strided(given.ravel()[3:], (3, 4), (24, -4)))
    for bad in [
        *(lambda: array.squeeze(0), lambda: array.squeeze(3), lambda: array.expand_dims(4)),
        *(lambda: array.broadcast_to((4, 1)), lambda: array.broadcast_to((2, 4, 1, 5))),
        *(lambda: array.with_rank(0), lambda: array.with_rank(17), lambda: array.slice(0, 0, 5)),
        *(
            lambda: array.slice(0, 4, 1),
            lambda: array.slice(0, 0, -1),
            lambda: array.slice(3, 0, 1),
        ),
        *(lambda: array.slice(0, 2, 3, -2), lambda: array.slice(0, 0, 2, 0)),
        *(lambda: array.slice(0, 1, 2, 2**63 - 1), lambda: array.slice(0, -1, 1)),
        *(lambda: array.array_view((25,), (4,)), lambda: array.array_view((24,), (-4,))),
        *(lambda: array.array_view((2,), (4,), -4), lambda: array.array_view((2,), (4, 4))),
        *(lambda: array.array_view((2,), (2**62,)), lambda: array.array_view((-1,), (4,))),
        *(
            lambda: array.array_view((2**40, 2**40), (0, 0)),
            lambda: array.array_view((1,), (4,), 93),
        ),
    ]:
        with pytest.raises(mpsg.Error):
            bad()


@pytest.mark.parametrize("seed", range(60))
def test_reshape_agrees_with_numpy(seed: int) -> None:
    """numpy raises where it would have to copy: in the same cases."""
    generator = random_generator("reshape", seed)
    sizes = generator.permutation([1, 2, 2, 3, 1, 4])[: generator.integers(1, 7)]
    given = np.arange(int(np.prod(sizes)), dtype=np.int16).reshape(sizes)
    given = given.transpose(generator.permutation(given.ndim))
    if generator.integers(2):
        given = given[tuple(slice(None, None, int(generator.choice([1, -1]))) for _ in given.shape)]
    factors = [f for size in given.shape for f in ([2, 2] if size == 4 else [size])]
    wanted: list[int] = [1]
    for factor in generator.permutation(factors):
        if generator.integers(2):
            wanted.append(int(factor))
        else:
            wanted[-1] *= int(factor)
    expected = given.view()
    try:
        expected.shape = tuple(wanted)
    except AttributeError:
        with pytest.raises(mpsg.FeedError, match=r"copy\(\)"):
            mpsg.NDArray(given).reshape(wanted)
        return
    view = mpsg.NDArray(given).reshape(*wanted)
    assert same(view.numpy(), expected) and address(view.numpy()) == address(given)


def test_reshape() -> None:
    array = mpsg.NDArray(np.arange(12))
    assert array.reshape(3, -1).shape == (3, 4) and array.reshape([-1]).shape == (12,)
    assert mpsg.NDArray(np.zeros((0, 3))).reshape(3, 0, 5).shape == (3, 0, 5)
    assert mpsg.NDArray(np.zeros(1)).reshape(()).shape == ()
    for shape in [(5, -1), (-1, -1), (13,), (0, -1), (2**40, 2**40), (-2, 6)]:
        with pytest.raises(mpsg.Error):
            array.reshape(shape)


# ---------------------------------------------------------------- matrices, vectors, buffers


def test_matrices_and_vectors() -> None:
    memory = np.arange(64, dtype=np.float32)
    matrix = mpsg.NDArray.matrix(3, 5, 32, mpsg.float32, buffer=memory, offset=8)
    assert matrix.shape == (3, 5) and matrix.strides == (32, 4)
    assert same(matrix.numpy(), memory[2:26].reshape(3, 8)[:, :5])
    assert address(matrix.numpy()) == address(memory) + 8
    several = mpsg.NDArray.matrix(
        2, 3, 16, mpsg.float32, matrices=3, matrix_bytes=64, buffer=memory
    )
    assert several.shape == (3, 2, 3) and several.strides == (64, 16, 4)
    assert several.numpy()[2, 1, 2] == 38
    vectors = mpsg.NDArray.vector(3, mpsg.float32, vectors=4, vector_bytes=20, buffer=memory)
    assert vectors.shape == (4, 3) and same(vectors.numpy(), memory[:20].reshape(4, 5)[:, :3])
    assert mpsg.NDArray.vector(7).shape == (7,) and mpsg.NDArray.matrix(2, 3).is_packed
    # initWithMPSMatrix:rank:
    with pytest.raises(mpsg.FeedError, match="no strides"):
        several.with_rank(2)
    assert matrix.with_rank(4).shape == (1, 1, 3, 5)
    assert mpsg.NDArray.matrix(2, 3, matrices=4).with_rank(2).shape == (8, 3)
    for bad in [
        *(lambda: mpsg.NDArray.matrix(3, 5, 16), lambda: mpsg.NDArray.matrix(3, 5, 21)),
        *(lambda: mpsg.NDArray.matrix(2, 3, 16, matrices=2, matrix_bytes=16),),
        *(lambda: mpsg.NDArray.matrix(-1, 3), lambda: mpsg.NDArray.vector(2**62, mpsg.float64)),
        *(
            lambda: mpsg.NDArray.matrix(9, 8, buffer=memory),
            lambda: mpsg.NDArray.vector(1, offset=4),
        ),
        lambda: mpsg.NDArray.matrix(2**31, 2**31),
    ]:
        with pytest.raises((mpsg.Error, TypeError)):
            bad()


def test_from_buffer() -> None:
    memory = bytearray(range(48))
    array = mpsg.NDArray.from_buffer(memory, mpsg.uint16)
    assert array.shape == (24,) and same(array.numpy(), np.frombuffer(memory, np.uint16))
    memory[0] = 77
    assert array.numpy()[0] == 77 + 256
    with pytest.raises(BufferError):
        memory.extend(b"1")  # the memory is in use
    del array
    gc.collect()
    memory.extend(b"12")
    view = mpsg.NDArray.from_buffer(memory, mpsg.int8, (2, 3), 10, (4, -1))
    assert view.numpy().tolist() == [[10, 9, 8], [14, 13, 12]]
    assert not mpsg.NDArray.from_buffer(b"abcd", mpsg.int32).is_writeable
    for bad in [
        lambda: mpsg.NDArray.from_buffer(memory, mpsg.int64),
        lambda: mpsg.NDArray.from_buffer(memory, mpsg.int8, (51,)),
        lambda: mpsg.NDArray.from_buffer(memory, mpsg.int8, (2,), 0, (-1,)),
        lambda: mpsg.NDArray.from_buffer(memory, mpsg.int8, (-1,)),
        lambda: mpsg.NDArray.from_buffer([1], mpsg.int8),
    ]:
        with pytest.raises(mpsg.Error):
            bad()


@pytest.mark.parametrize("code", "bBhHiIlLqQfd")
def test_buffers_in(code: str) -> None:
    given = array.array(code, [1, 2, 3])
    for buffer in (given, memoryview(given)):
        ours = mpsg.NDArray(buffer)
        assert ours.data_type == np.dtype(code).name and ours.numpy().tolist() == [1, 2, 3]
        assert address(ours) == given.buffer_info()[0]
    assert mpsg.NDArray(b"abc").numpy().tolist() == [97, 98, 99]
    assert not mpsg.NDArray(b"abc").is_writeable and mpsg.NDArray(bytearray(2)).is_writeable


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("layout", ["packed", *LAYOUTS])
def test_buffers_out(name: str, layout: str) -> None:
    given = numbers(name, (5, 6))
    if layout != "packed":
        given = LAYOUTS[layout](given)
    ours = mpsg.NDArray(given)
    if name == "bfloat16":
        with pytest.raises(BufferError, match="no code"):
            memoryview(ours)
        return
    view = memoryview(ours)
    assert view.shape == given.shape and view.itemsize == given.itemsize
    assert view.nbytes == given.nbytes and view.readonly == (not given.flags.writeable)
    assert view.c_contiguous == given.flags.c_contiguous
    assert view.f_contiguous == given.flags.f_contiguous
    assert same(np.asarray(view), given) and address(np.asarray(view)) == address(given)
    assert view.tobytes() == given.tobytes()
    if not given.flags.c_contiguous:
        with pytest.raises(mpsg.FeedError, match="no packed memory"):
            mpsg.NDArray.from_buffer(ours, mpsg.uint8)


def test_buffers_out_of_packed_bytes() -> None:
    given = np.arange(6, dtype=np.int16).reshape(2, 3)
    assert bytes(mpsg.NDArray(given)) == given.tobytes()
    assert bytearray(b"").join([mpsg.NDArray(given)]) == given.tobytes()
    half = given.astype(ml_dtypes.bfloat16)
    assert b"".join([mpsg.NDArray(half)]) == half.tobytes()  # raw bytes need no code
    with pytest.raises((BufferError, TypeError)):
        b"".join([mpsg.NDArray(given.T)])


# ---------------------------------------------------------------- graphs


@pytest.mark.parametrize("device", DEVICES)
@pytest.mark.parametrize("name", ["float32", "bfloat16", "int8", "complex64"])
def test_feeds(name: str, device: str) -> None:
    given = numbers(name, (4, 6))
    graph = mpsg.Graph()
    x = graph.placeholder([-1, -1], name)
    y = graph.concat([x, x], 0)
    for view in (given, given.T, given[::-1, ::2], np.broadcast_to(given[:1], (3, 6))):
        found = graph.run({x: mpsg.NDArray(view)}, [y], device=device)[y].numpy()
        assert same(found, np.concatenate([view, view]))


def test_tensor_data() -> None:
    given = numbers("float32", (3, 4))
    packed = mpsg.NDArray(given)
    assert address(packed.tensor_data().numpy()) == address(given)
    assert address(mpsg.TensorData(packed).numpy()) == address(given)
    assert address(mpsg.NDArray(packed.tensor_data()).numpy()) == address(given)
    strided = packed.T.tensor_data()
    assert same(strided.numpy(), given.T) and address(strided.numpy()) != address(given)
    graph = mpsg.Graph()
    x = graph.placeholder([3, 4], mpsg.float32)
    y = x * 2
    result = graph.run({x: packed}, [y])[y]
    array = mpsg.NDArray(result)
    assert address(array) == address(result) and same(array.T.numpy(), (given * 2).T)


# ---------------------------------------------------------------- lifetimes (docs/data.md)


def test_the_memorys_owner_lives_as_long_as_a_view() -> None:
    given = np.zeros((50, 50), np.float32)
    gone = weakref.ref(given)
    views: list[Any] = [mpsg.NDArray(given)]
    views += [views[0].T, views[0][3:, ::2], views[0].reshape(-1), views[0].numpy()]
    views += [views[0].tensor_data(), memoryview(views[0]), np.from_dlpack(views[0])]
    del given
    while views:
        gc.collect()
        assert gone() is not None
        views.pop(0)
    gc.collect()
    assert gone() is None


def test_results_outlive_their_array() -> None:
    def make() -> list[Any]:
        array = mpsg.NDArray.empty((1000,), mpsg.float64)
        array.import_data(np.full(1000, 7.0))
        return [array.numpy(), array[::2].numpy(), array.tensor_data().numpy(), memoryview(array)]

    kept = [each for _ in range(20) for each in make()]
    gc.collect()
    assert all(np.all(np.asarray(each) == 7) for each in kept)


def test_references_are_let_go() -> None:
    given = np.zeros(1000, np.float32)
    before = sys.getrefcount(given)
    for _ in range(5):
        array = mpsg.NDArray(given)
        array.export_data(np.zeros(1000))
        array.import_data(given)
        bytes(memoryview(array[::2]))
        array.read_bytes(bytearray(4000))
        with pytest.raises(mpsg.FeedError):
            array.read_bytes(bytearray(3999))
        with pytest.raises(BufferError):
            array.__dlpack__(dl_device=(2, 0))
    del array
    gc.collect()
    assert sys.getrefcount(given) == before


def test_read_only_stays_read_only() -> None:
    given = np.zeros((2, 3), np.float32)
    given.flags.writeable = False
    array = mpsg.NDArray(given)
    for view in [array, array.T, array[0], array.reshape(6), mpsg.NDArray(array), array[::-1]]:
        assert not view.is_writeable and not view.numpy().flags.writeable
        assert memoryview(view).readonly
    assert not array.tensor_data().numpy().flags.writeable
    assert not mpsg.NDArray(array.tensor_data()).is_writeable
    assert array.copy().is_writeable


def test_a_feed_is_read_where_it_lies() -> None:
    """And let go after the run."""
    given = np.ones(1000, np.float32)
    before = sys.getrefcount(given)
    graph = mpsg.Graph()
    x = graph.placeholder([1000], mpsg.float32)
    total = graph.reduction_sum(x, None)
    array = mpsg.NDArray(given)
    given[0] = 2
    assert graph.run({x: array}, [total])[total].item() == 1001
    del array
    gc.collect()
    assert sys.getrefcount(given) == before


def test_a_result_that_is_not_there_yet_is_waited_for() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([300, 300], mpsg.float32)
    y = x @ x
    given = np.eye(300, dtype=np.float32)
    pending = graph.run_async({x: given}, [y])
    array = mpsg.NDArray(pending[y])
    assert array.shape == (300, 300) and same(array.T.numpy(), given)


# ---------------------------------------------------------------- hostile use


@pytest.mark.parametrize(
    "value",
    [
        np.zeros(3, object),
        np.zeros(3, "U3"),
        np.zeros(3, np.complex128),
        np.zeros(3, ">f4"),
        np.zeros(3, "V4"),
        np.zeros(3, [("a", "f4")]),
        object(),
        None,
        "text",
        {1: 2},
        np.zeros((1,) * 17),
        memoryview(b"abc").cast("c"),
        np.zeros(2, "M8[s]"),
        [[1], [1, 2]],
        np.zeros(4, ml_dtypes.float8_e5m2),
    ],
    ids=lambda value: str(type(value).__name__) + str(getattr(value, "dtype", "")),
)
def test_what_is_no_array(value: Any) -> None:
    with pytest.raises(mpsg.FeedError):
        mpsg.NDArray(value)


@pytest.mark.parametrize(
    "shape",
    [
        (2**62,),
        (2**40, 2**40),
        (2**31, 2**31, 2),
        (2**63 - 1,),
        (0, 2**62, 2**62),
        (-1,),
        (1,) * 17,
    ],
)
def test_sizes_that_are_none(shape: Any) -> None:
    with pytest.raises(mpsg.Error):
        mpsg.NDArray.empty(shape, mpsg.float64)
    with pytest.raises(mpsg.Error):
        mpsg.NDArray.from_buffer(bytearray(8), mpsg.float64, shape)
    with pytest.raises((mpsg.Error, TypeError)):
        mpsg.NDArray.empty([2**63])


def test_more_memory_than_there_is() -> None:
    with pytest.raises(mpsg.ExecutionError):
        mpsg.NDArray.empty((2**57,), mpsg.float32)


def test_no_object_without_memory() -> None:
    with pytest.raises(TypeError):
        mpsg.NDArray()
