"""Arrays in and out: types, memory that is shared, other libraries, threads, forks."""

from __future__ import annotations

import array
import gc
import os
import pickle
import signal
import sys
import threading
from typing import Any

import ml_dtypes
import numpy as np
import pytest

import mpsg
from support.numbers import ALL, FLOATS, INTEGERS, numpy_type, random_generator, values
from support.running import DEVICES

on_devices = pytest.mark.parametrize("device", DEVICES)


def echo(value: Any, name: Any, shape: Any = None, device: str = "cpu") -> np.ndarray:
    """What a graph sees of a feed: a cast to a wider type and back would show a wrong one."""
    graph = mpsg.Graph()
    x = graph.placeholder(shape, name)
    y = graph.concat([x, x], 0) if shape and len(shape) > 0 else graph.identity(x)
    return graph.run({x: value}, [y], device=device)[y].numpy()


def address(data: Any) -> int:
    return np.asarray(data).__array_interface__["data"][0]


# ---------------------------------------------------------------- types


@on_devices
@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 0, 3), (2, 3)])
def test_every_type(name: str, shape: tuple[int, ...], device: str) -> None:
    given = values(name, shape, random_generator(name, shape), -99, 99)
    got = echo(given, name, None, device)
    assert got.dtype == given.dtype and got.shape == given.shape
    assert np.array_equal(got, given)


@pytest.mark.parametrize("name", ALL)
def test_names_of_types(name: str) -> None:
    data_type = mpsg.data_type(name)
    dtype = numpy_type(name)
    assert data_type is not None and data_type == dtype and data_type == name
    assert data_type.numpy() == dtype and data_type.size == dtype.itemsize
    assert data_type.name == name and data_type == getattr(
        mpsg, "bool_" if name == "bool" else name
    )
    for spelled in [dtype, dtype.type, name, data_type]:
        assert mpsg.data_type(spelled) == data_type
        assert mpsg.Graph().placeholder([1], spelled).data_type == data_type
    assert len({data_type, mpsg.data_type(name)}) == 1
    assert pickle.loads(pickle.dumps(data_type)) == data_type
    assert data_type != "int7" and data_type != 3


def test_bfloat16() -> None:
    given = np.array([1.5, np.inf, -0.0, 3e38], ml_dtypes.bfloat16)
    got = echo(given, ml_dtypes.bfloat16)
    assert got.dtype == ml_dtypes.bfloat16
    assert np.array_equal(got.view(np.uint16), given.view(np.uint16))
    (constant,) = [mpsg.Graph().constant(given)]
    assert constant.data_type == mpsg.bfloat16


@pytest.mark.parametrize("dtype", [np.complex128, np.longdouble, "U3", "M8[s]", "V4", object])
def test_types_that_are_not_there(dtype: Any) -> None:
    with pytest.raises(mpsg.FeedError):
        mpsg.TensorData(np.zeros(3, dtype))


@pytest.mark.parametrize("dtype", [ml_dtypes.float8_e4m3fn, ml_dtypes.int2, ml_dtypes.float8_e5m2])
def test_small_types_that_are_not_there(dtype: Any) -> None:
    with pytest.raises(mpsg.FeedError):
        mpsg.TensorData(np.zeros(4, dtype))


# ---------------------------------------------------------------- numbers and lists


@pytest.mark.parametrize("name", ALL)
def test_python_numbers(name: str) -> None:
    kinds: list[Any] = [True] if name == "bool" else [1, True]
    kinds += [0.5] if name in FLOATS else []
    kinds += [1.5, 1 + 2j] if name == "complex64" else []
    for number in kinds:
        assert echo(number, name, []) == np.asarray(number).astype(numpy_type(name))
        assert echo([number, number], name).tolist() == [number, number]
        assert echo(((number,),), name).shape == (1, 1)
    assert echo([], name).shape == (0,)


def test_numbers_that_do_not_fit() -> None:
    for number, name in [
        *((300, "int8"), (-1, "uint8"), (2**31, "int32"), (2**64, "uint64"), (-1, "uint64")),
        *((0.5, "int32"), (1j, "float32"), (1, "bool"), (2.0, "bool"), (2**63, "int64")),
    ]:
        for value in (number, [number]):
            with pytest.raises(mpsg.FeedError):
                echo(value, name)


def test_largest_integers() -> None:
    for name in INTEGERS:
        limits = np.iinfo(name)
        given = [int(limits.min), int(limits.max)]
        assert echo(given, name).tolist() == given
        assert echo(given[1], name, []).item() == given[1]


def test_lists_of_float64_keep_their_digits() -> None:
    assert echo([0.1, 1e300], "float64").tolist() == [0.1, 1e300]


def test_numpy_scalars_keep_their_type() -> None:
    assert echo(np.float32(1.5), "float32", []).item() == 1.5
    with pytest.raises(mpsg.FeedError, match="float64"):
        echo(np.float64(1.5), "float32", [])


# ---------------------------------------------------------------- memory


def test_feeds_are_not_copied() -> None:
    given = np.arange(6, dtype=np.float32).reshape(2, 3)
    data = mpsg.TensorData(given)
    assert address(data.numpy()) == address(given)
    assert data.shape == (2, 3) and data.data_type == mpsg.float32
    given[0, 0] = 42
    assert data.numpy()[0, 0] == 42


def test_results_are_not_copied() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([3], mpsg.float32)
    y = x + 1.0
    result = graph.run({x: [1, 2, 3]}, [y])[y]
    first, second = result.numpy(), np.asarray(result)
    assert address(first) == address(second)
    if np.lib.NumpyVersion(np.__version__) >= "2.0.0":
        assert address(np.asarray(result, copy=True)) != address(first)
    assert np.array(result, dtype=np.float64).dtype == np.float64
    del result
    gc.collect()
    assert first.tolist() == [2, 3, 4]


def test_a_result_is_fed_again() -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([-1], mpsg.int64)
    y = x * 3
    data = graph.run({x: [1, 2]}, [y])[y]
    assert address(mpsg.TensorData(data).numpy()) == address(data.numpy())
    for _ in range(3):
        data = graph.run({x: data}, [y])[y]
    assert data.numpy().tolist() == [81, 162]


def test_results_outlive_everything() -> None:
    def make() -> np.ndarray:
        graph = mpsg.Graph()
        x = graph.placeholder([1000], mpsg.float64)
        executable = graph.compile([x], [x + 1.0, x])
        return executable.run([np.zeros(1000)])[0].numpy()

    kept = [make() for _ in range(20)]
    gc.collect()
    assert all(np.array_equal(each, np.ones(1000)) for each in kept)


@on_devices
def test_results_do_not_share_memory(device: str) -> None:
    """Of one run, of two runs, with a feed, with a constant."""
    graph = mpsg.Graph()
    x = graph.placeholder([5], mpsg.float32)
    constant = graph.constant([1.0, 2, 3, 4, 5])
    targets = [x, graph.identity(x), graph.reshape(x, [5, 1]), constant, constant + x]
    given = np.arange(5, dtype=np.float32)
    runs = [graph.run({x: given}, targets, device=device) for _ in range(2)]
    arrays = [run[target].numpy() for run in runs for target in targets]
    for number, each in enumerate(arrays):
        each[...] = -number
    assert given.tolist() == [0, 1, 2, 3, 4]
    for number, each in enumerate(arrays):
        assert np.all(each == -number)
    again = graph.run({x: given}, targets, device=device)
    assert again[constant].numpy().tolist() == [1, 2, 3, 4, 5]


LAYOUTS: dict[str, Any] = {
    "transposed": lambda a: a.T.copy().T,
    "every second": lambda a: np.repeat(a, 2, 1)[:, ::2],
    "backwards": lambda a: a[::-1, ::-1].copy()[::-1, ::-1],
    "broadcast": lambda a: np.broadcast_to(a[:1], a.shape),
    "big-endian": lambda a: a.astype(a.dtype.newbyteorder(">")),
    "Fortran": np.asfortranarray,
    "not aligned": lambda a: _not_aligned(a),
    "masked": lambda a: np.ma.masked_array(a),
    "subclass": lambda a: a.view(_Subclass),
}


class _Subclass(np.ndarray):
    pass


def _not_aligned(a: np.ndarray) -> np.ndarray:
    memory = np.zeros(a.nbytes + 1, np.uint8)[1:]
    result = memory.view(a.dtype).reshape(a.shape)
    result[...] = a
    return result


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("name", ["int16", "float32", "complex64"])
def test_layouts(name: str, layout: str) -> None:
    plain = values(name, (3, 4), random_generator(name), -99, 99)
    given = LAYOUTS[layout](plain)
    wanted = np.asarray(given).astype(name)
    assert np.array_equal(echo(given, name), wanted)
    assert np.array_equal(mpsg.TensorData(given).numpy(), wanted)
    graph = mpsg.Graph()
    constant = graph.constant(given)
    assert np.array_equal(graph.run({}, [constant])[constant].numpy(), wanted)


def test_read_only_arrays() -> None:
    given = np.arange(3, dtype=np.float32)
    given.flags.writeable = False
    assert echo(given, "float32").tolist() == [0, 1, 2]
    # What must not be written is not offered for writing.
    assert not mpsg.TensorData(given).numpy().flags.writeable
    with pytest.raises(ValueError):
        mpsg.TensorData(given).numpy()[0] = 1


def test_constants_are_copied() -> None:
    given = np.ones(3, np.float32)
    graph = mpsg.Graph()
    constant, variable = graph.constant(given), graph.variable(given)
    given[:] = 7
    found = graph.run({}, [constant, variable])
    assert found[constant].numpy().tolist() == [1, 1, 1]
    assert found[variable].numpy().tolist() == [1, 1, 1]


@pytest.mark.parametrize("code", "bBhHiIqQfd")
def test_buffers(code: str) -> None:
    given = array.array(code, [1, 2, 3])
    name = np.dtype(code).name
    assert echo(given, name).tolist() == [1, 2, 3]
    assert address(mpsg.TensorData(given).numpy()) == given.buffer_info()[0]
    assert echo(memoryview(given), name).tolist() == [1, 2, 3]
    assert echo(bytearray(b"\x01\x02"), "uint8").tolist() == [1, 2]


def test_a_feed_is_let_go() -> None:
    given = np.zeros(1000, np.float32)
    before = sys.getrefcount(given)
    graph = mpsg.Graph()
    x = graph.placeholder([1000], mpsg.float32)
    total = graph.reduction_sum(x, None)
    for _ in range(5):
        graph.run({x: given}, [total])
    gc.collect()
    assert sys.getrefcount(given) == before
    data = mpsg.TensorData(given)
    assert sys.getrefcount(given) == before + 1
    view = data.numpy()
    del data
    assert view.base is not None and sys.getrefcount(given) == before + 1
    del view
    assert sys.getrefcount(given) == before


# ---------------------------------------------------------------- TensorData


def test_tensor_data() -> None:
    data = mpsg.TensorData([[1, 2], [3, 4]], mpsg.float32)
    assert data.shape == (2, 2) and data.data_type == mpsg.float32 and len(data) == 2
    assert "float32" in repr(data) and "3" in repr(data)
    assert mpsg.TensorData([1, 2]).data_type == mpsg.int64  # numpy's own choice
    one = mpsg.TensorData(np.array([[2.5]], np.float32))
    assert one.item() == 2.5 and float(mpsg.TensorData(2.5)) == 2.5 and int(mpsg.TensorData(2)) == 2
    with pytest.raises(ValueError):
        data.item()
    with pytest.raises(TypeError):
        float(data)
    with pytest.raises(TypeError):
        len(mpsg.TensorData(2.5))
    assert np.array_equal(np.add(data, 1), [[2, 3], [4, 5]])


def test_dlpack_to_numpy() -> None:
    data = mpsg.TensorData(np.arange(6, dtype=np.float32).reshape(2, 3))
    shared = np.from_dlpack(data)
    assert address(shared) == address(data.numpy())
    assert data.__dlpack_device__() == (1, 0)


@pytest.mark.peers
@pytest.mark.parametrize("name", [name for name in ALL if not name.startswith("uint")] + ["uint8"])
def test_torch(name: str) -> None:
    import torch

    numbers = values(name, (2, 3), random_generator(name), -99, 99)
    plain = numbers.astype(np.float64) if name == "bfloat16" else numbers
    given = torch.from_numpy(plain).to(getattr(torch, name)).clone()
    data = mpsg.TensorData(given)
    assert data.data_type == name
    assert address(data.numpy()) == given.data_ptr()
    back = torch.from_dlpack(data)
    assert back.data_ptr() == given.data_ptr() and torch.equal(back, given)
    assert np.array_equal(echo(given, name), numbers)
    transposed = given.t()
    assert np.array_equal(echo(transposed, name), numbers.T)


# ---------------------------------------------------------------- threads and processes


@on_devices
def test_two_threads_run_one_executable(device: str) -> None:
    graph = mpsg.Graph()
    x = graph.placeholder([64, 64], mpsg.float32)
    y = graph.softmax(graph.matrix_multiplication(graph.sin(x), x), 1)
    executable = graph.compile([x], [y], device=device)
    feeds = [values("float32", (64, 64), random_generator(i)) for i in range(4)]
    wanted = [executable.run([feed])[0].numpy() for feed in feeds]
    wrong: list[Any] = []

    def work(which: int) -> None:
        try:
            for _ in range(60):
                if not np.array_equal(executable.run([feeds[which]])[0].numpy(), wanted[which]):
                    wrong.append(which)
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(which,)) for which in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong


def test_threads_build_and_run_graphs() -> None:
    """Each its own, and all of them one."""
    shared = mpsg.Graph()
    x = shared.placeholder([-1], mpsg.float32)
    wrong: list[Any] = []

    def work(number: int) -> None:
        try:
            for size in range(1, 25):
                own = mpsg.Graph()
                a = own.placeholder([size], mpsg.float32)
                b = a * float(number)
                c = shared.addition(x, float(number))
                given = np.ones(size, np.float32)
                if own.run({a: given}, [b])[b].numpy().sum() != size * number:
                    wrong.append("own")
                if shared.run({x: given}, [c])[c].numpy().sum() != size * (number + 1):
                    wrong.append("shared")
        except BaseException as error:
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not wrong
    shared.verify()


def test_variables_are_counted_by_all_threads() -> None:
    graph = mpsg.Graph()
    total = graph.variable(0, data_type=mpsg.int64)
    executable = graph.compile([], [], [graph.assign(total, total + 1)])
    threads = [
        threading.Thread(target=lambda: [executable.run([]) for _ in range(200)]) for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert graph.variable_value(total).item() == 800


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork() -> None:
    """A child has no threads of its parent's: it makes its own."""
    graph = mpsg.Graph()
    x = graph.placeholder([300, 300], mpsg.float32)
    y = graph.matrix_multiplication(graph.exponent(x), x)
    executable = graph.compile([x], [y])
    given = values("float32", (300, 300), random_generator("fork"))
    wanted = executable.run([given])[0].numpy()
    child = os.fork()
    if child == 0:
        code = 1
        try:
            fresh = graph.run({x: given}, [graph.negative(y)])
            (negative,) = fresh.values()
            same = np.array_equal(executable.run([given])[0].numpy(), wanted)
            code = 0 if same and np.array_equal(negative.numpy(), -wanted) else 2
        finally:
            os._exit(code)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    assert np.array_equal(executable.run([given])[0].numpy(), wanted)


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_fork_while_another_thread_compiles_and_runs() -> None:
    """What the other thread holds at that moment is not held for ever in the child."""
    given = values("float32", (40, 40), random_generator("busy fork"))
    stop = threading.Event()

    def compute(factor: float) -> float:
        graph = mpsg.Graph()
        x = graph.placeholder([40, 40])
        y = graph.exponent(x * factor) @ x
        for _ in range(int(factor) % 4):
            y = graph.sigmoid(y) + factor
        total = graph.reduction_sum(y)
        return graph.run({x: given}, [total])[total].item()

    def work() -> None:
        step = 0
        while not stop.is_set():
            step += 1
            compute(0.5 + step)

    wanted = compute(0.25)
    thread = threading.Thread(target=work)
    thread.start()
    try:
        for _ in range(15):
            child = os.fork()
            if child == 0:
                code = 1
                try:
                    signal.alarm(20)  # ends a child that hangs
                    mpsg.cache.clear()
                    code = 0 if compute(0.25) == wanted else 2
                finally:
                    os._exit(code)
            _, status = os.waitpid(child, 0)
            assert os.waitstatus_to_exitcode(status) == 0
    finally:
        stop.set()
        thread.join()
