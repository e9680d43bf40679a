"""DLPack both ways: versions, flags, who lets go, and producers that are wrong."""

from __future__ import annotations

import ctypes
import gc
import threading
import weakref
from typing import Any

import numpy as np
import pytest

import mpsg
from support.nd_arrays import address, numbers, same
from support.numbers import ALL, FOUR_BITS, numpy_type

# ---------------------------------------------------------------- dlpack.h, as ctypes sees it


class DLTensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


DELETER = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class Managed(ctypes.Structure):
    _fields_ = [("tensor", DLTensor), ("context", ctypes.c_void_p), ("deleter", DELETER)]


class Versioned(ctypes.Structure):
    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", DELETER),
        ("flags", ctypes.c_uint64),
        ("tensor", DLTensor),
    ]


READ_ONLY, COPIED, PADDED = 1, 2, 4
api = ctypes.pythonapi
api.PyCapsule_New.restype = ctypes.py_object
api.PyCapsule_New.argtypes = [ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p]
api.PyCapsule_GetName.restype = ctypes.c_char_p
api.PyCapsule_GetName.argtypes = [ctypes.py_object]
api.PyCapsule_GetPointer.restype = ctypes.c_void_p
api.PyCapsule_GetPointer.argtypes = [ctypes.py_object, ctypes.c_char_p]


def look_into(capsule: Any) -> Any:
    """The structure in a fresh capsule, without taking it."""
    name = api.PyCapsule_GetName(capsule)
    kind = {b"dltensor": Managed, b"dltensor_versioned": Versioned}[name]
    inside = kind.from_address(api.PyCapsule_GetPointer(capsule, name))
    inside.capsule = capsule  # which owns it
    return inside


class Producer:
    """Another library, right or wrong: fields of its tensor may be anything."""

    def __init__(
        self,
        kind: type[Any] = Versioned,
        memory: np.ndarray | None = None,
        device: Any = (1, 0),
        **fields: Any,
    ) -> None:
        self.memory = np.arange(6, dtype=np.float32) if memory is None else memory
        self.kind, self.device = kind, device
        self.managed = kind()
        self.let_go = 0
        self.kept: list[Any] = []
        self.asked: list[dict[str, Any]] = []
        wanted: dict[str, Any] = {"shape": [6], "strides": [1], "code": 2, "bits": 32, "lanes": 1}
        wanted |= {"data": self.memory.ctypes.data, "device_type": 1, "major": 1, **fields}
        wanted.setdefault("ndim", len(wanted["shape"]))
        for name, value in wanted.items():
            if name in ("shape", "strides"):
                value = None if value is None else (ctypes.c_int64 * max(len(value), 1))(*value)
            self.kept.append(value)
            if hasattr(DLTensor, name):
                setattr(self.managed.tensor, name, value)
            elif hasattr(kind, name):
                setattr(self.managed, name, value)
        self.deleter = DELETER(self._deleter)
        if not fields.get("no_deleter"):
            self.managed.deleter = self.deleter

    def _deleter(self, _: int) -> None:
        self.let_go += 1

    def __dlpack__(self, **options: Any) -> Any:
        self.asked.append(options)
        if self.kind is Managed and options:
            raise TypeError("an old producer")
        name = b"dltensor" if self.kind is Managed else b"dltensor_versioned"
        return api.PyCapsule_New(ctypes.addressof(self.managed), name, None)

    def __dlpack_device__(self) -> Any:
        return self.device


# ---------------------------------------------------------------- what we give


@pytest.mark.parametrize("name", [*ALL, *FOUR_BITS])
def test_given_and_taken(name: str) -> None:
    """Every type makes the round trip through both kinds of capsules, strides and all."""
    given = numbers(name, (4, 6))
    for view in (given, given.T, given[::-1, 1::2], given[:, :0], given[0, 0, ...]):
        ours = mpsg.NDArray(view)
        back = mpsg.from_dlpack(ours)
        assert same(back.numpy(), view)
        assert view.size == 0 or address(back.numpy()) == address(view)
        if name in FOUR_BITS:
            with pytest.raises(BufferError, match=r"1\.1"):
                ours.__dlpack__(max_version=(1, 0))
            assert look_into(ours.__dlpack__(max_version=(1, 1))).flags == PADDED
            continue
        old = look_into(ours.__dlpack__())
        assert (old.tensor.bits, old.tensor.lanes) == (8 * view.itemsize, 1)
        assert old.tensor.ndim == view.ndim
        if view.size and view.ndim:
            assert old.tensor.shape[: view.ndim] == list(view.shape)
            assert [s * view.itemsize for s in old.tensor.strides[: view.ndim]] == list(
                view.strides
            )


@pytest.mark.parametrize("name", [name for name in ALL if name != "bfloat16"])
def test_numpy_takes_it(name: str) -> None:
    given = numbers(name, (3, 4))
    for view in (given, given.T, given[:, ::-2]):
        taken = np.from_dlpack(mpsg.NDArray(view))
        assert same(taken, view) and address(taken) == address(view)
        assert address(mpsg.from_dlpack(view).numpy()) == address(view)
        assert same(mpsg.from_dlpack(view).numpy(), view)


def test_what_is_asked() -> None:
    ours = mpsg.NDArray(np.arange(6, dtype=np.float32).reshape(2, 3))
    assert ours.__dlpack_device__() == (1, 0)
    assert api.PyCapsule_GetName(ours.__dlpack__()) == b"dltensor"
    assert api.PyCapsule_GetName(ours.__dlpack__(max_version=(0, 8))) == b"dltensor"
    for version in [(1, 0), (1, 3), (2, 0)]:
        capsule = ours.__dlpack__(max_version=version, dl_device=(1, 0), copy=False)
        assert api.PyCapsule_GetName(capsule) == b"dltensor_versioned"
        inside = look_into(capsule)
        assert (inside.major, inside.flags, inside.tensor.data) == (1, 0, address(ours))
    inside = look_into(copied := ours.T.__dlpack__(max_version=(1, 0), copy=True))
    assert inside.flags == COPIED and inside.tensor.data != address(ours)
    assert inside.tensor.strides[:2] == [2, 1] and copied
    assert look_into(ours.__dlpack__(copy=True)).tensor.data != address(ours)
    for bad in [
        *({"stream": 1}, {"dl_device": (2, 0)}, {"dl_device": (1, 1)}, {"dl_device": "cpu"}),
    ]:
        with pytest.raises(BufferError):
            ours.__dlpack__(**bad)
    for worse in [{"max_version": 1}, {"max_version": ("a", "b")}, {"unknown": 1}]:
        with pytest.raises((TypeError, RuntimeError)):
            ours.__dlpack__(**worse)
    with pytest.raises(TypeError):
        ours.__dlpack__(None)


def test_read_only_memory() -> None:
    given = np.arange(3, dtype=np.float32)
    given.flags.writeable = False
    ours = mpsg.NDArray(given)
    with pytest.raises(BufferError, match="read-only"):
        ours.__dlpack__()
    assert look_into(ours.__dlpack__(max_version=(1, 0))).flags == READ_ONLY
    back = mpsg.from_dlpack(ours)
    assert not back.is_writeable and not back.numpy().flags.writeable
    assert look_into(ours.__dlpack__(copy=True)).tensor.ndim == 1  # a copy may be written
    assert mpsg.from_dlpack(ours, copy=True).is_writeable
    if np.lib.NumpyVersion(np.__version__) >= "2.1.0":
        assert not np.from_dlpack(ours).flags.writeable
        assert not mpsg.from_dlpack(given).is_writeable


def test_strides_that_are_no_whole_elements() -> None:
    memory = np.zeros(64, np.uint8)
    ours = mpsg.NDArray.from_buffer(memory, mpsg.float32, (2, 3), 0, (14, 4))
    with pytest.raises(BufferError, match="whole"):
        ours.__dlpack__()
    assert mpsg.from_dlpack(ours, copy=True).shape == (2, 3)
    assert mpsg.TensorData(ours).shape == (2, 3)  # it goes by way of a copy


# ---------------------------------------------------------------- who lets go


@pytest.mark.parametrize("version", [None, (1, 0)])
def test_a_capsule_that_nobody_takes(version: Any) -> None:
    given = np.zeros(1000, np.float32)
    gone = weakref.ref(given)
    capsule = mpsg.NDArray(given).__dlpack__(max_version=version)
    del given
    gc.collect()
    assert gone() is not None
    del capsule
    gc.collect()
    assert gone() is None


@pytest.mark.parametrize("kind", [Managed, Versioned])
def test_a_producers_memory_lives_as_long_as_a_view(kind: type[Any]) -> None:
    producer = Producer(kind)
    ours = mpsg.from_dlpack(producer)
    assert ours.numpy().tolist() == [0, 1, 2, 3, 4, 5] and address(ours) == address(producer.memory)
    kept: list[Any] = [ours[::2], ours.numpy(), ours.tensor_data(), memoryview(ours)]
    del ours
    while kept:
        gc.collect()
        assert producer.let_go == 0
        kept.pop()
    gc.collect()
    assert producer.let_go == 1


def test_let_go_by_another_thread() -> None:
    producer = Producer()
    held = [mpsg.from_dlpack(producer)]
    thread = threading.Thread(target=held.clear)
    thread.start()
    thread.join()
    gc.collect()
    assert producer.let_go == 1


def test_no_deleter() -> None:
    producer = Producer(no_deleter=True)
    assert mpsg.from_dlpack(producer).shape == (6,)
    gc.collect()
    assert producer.let_go == 0


@pytest.mark.parametrize("kind", [Managed, Versioned])
def test_taken_twice(kind: type[Any]) -> None:
    producer = Producer(kind)
    capsule = api.PyCapsule_New(
        ctypes.addressof(producer.managed),
        b"dltensor" if kind is Managed else b"dltensor_versioned",
        None,
    )

    class Again:
        def __dlpack__(self, **_: Any) -> Any:
            return capsule

        def __dlpack_device__(self) -> Any:
            return (1, 0)

    first = mpsg.from_dlpack(Again())
    assert api.PyCapsule_GetName(capsule).startswith(b"used_dltensor")
    with pytest.raises(mpsg.FeedError, match="taken before"):
        mpsg.from_dlpack(Again())
    assert first.numpy()[5] == 5
    del first
    gc.collect()
    assert producer.let_go == 1


# ---------------------------------------------------------------- what we take


def test_old_and_new_producers() -> None:
    new, old = Producer(flags=READ_ONLY), Producer(Managed)
    assert not mpsg.from_dlpack(new).is_writeable and mpsg.from_dlpack(old).is_writeable
    assert new.asked[0]["max_version"][0] == 1 and "copy" not in new.asked[0]
    assert old.asked[-1] == {}
    copied = mpsg.from_dlpack(new, copy=True)
    assert new.asked[-1]["copy"] is True and address(copied) != address(new.memory)
    mpsg.from_dlpack(new, copy=False)
    assert new.asked[-1]["copy"] is False


def test_forms_of_tensors() -> None:
    packed = mpsg.from_dlpack(Producer(shape=[2, 3], strides=None))
    assert packed.numpy().tolist() == [[0, 1, 2], [3, 4, 5]]
    memory = np.arange(6, dtype=np.float32)
    end = Producer(memory=memory, byte_offset=20, shape=[6], strides=[-1])
    assert mpsg.from_dlpack(end).numpy().tolist() == [5, 4, 3, 2, 1, 0]
    assert mpsg.from_dlpack(Producer(shape=[], strides=[])).item() == 0
    assert mpsg.from_dlpack(Producer(shape=[3, 0], data=None)).shape == (3, 0)
    pinned = Producer(device_type=3, device=(3, 0))  # the host's memory, too
    assert mpsg.from_dlpack(pinned).shape == (6,)
    four = Producer(memory=np.arange(6, dtype=np.uint8), code=1, bits=4, flags=PADDED)
    assert mpsg.from_dlpack(four).data_type == mpsg.uint4


@pytest.mark.parametrize(
    "fields",
    [
        *({"major": 2}, {"ndim": -1}, {"ndim": 17, "shape": [1] * 17, "strides": [1] * 17}),
        *({"shape": [-1]}, {"shape": [2**62], "strides": [1]}, {"shape": [2**32, 2**32]}),
        *({"strides": [2**62]}, {"strides": [-(2**63)]}, {"data": None}, {"lanes": 4}),
        *({"bits": 128}, {"bits": 7}, {"code": 3}, {"code": 200}, {"lanes": 0}),
        *({"code": 0, "bits": 4}, {"device_type": 2}, {"device_type": 2, "device": (2, 0)}),
        {"shape": [2**62, 2**62], "strides": [0, 0]},
    ],
    ids=str,
)
def test_tensors_that_are_wrong(fields: Any) -> None:
    if "shape" in fields and "strides" not in fields:
        fields = {**fields, "strides": None}
    producer = Producer(**fields)
    with pytest.raises(mpsg.Error):
        mpsg.from_dlpack(producer)
    gc.collect()
    taken = len(producer.asked)
    assert producer.let_go == taken  # what was taken was given back


def test_producers_that_are_wrong() -> None:
    class Bad:
        def __init__(self, gives: Any, device: Any = (1, 0)) -> None:
            self.gives, self.device = gives, device

        def __dlpack__(self, **_: Any) -> Any:
            if isinstance(self.gives, Exception):
                raise self.gives
            return self.gives

        def __dlpack_device__(self) -> Any:
            return self.device

    for gives in [None, 5, api.PyCapsule_New(1, b"another", None)]:
        with pytest.raises(mpsg.FeedError, match="no DLPack capsule"):
            mpsg.from_dlpack(Bad(gives))
    for error in [BufferError("no"), RuntimeError("no"), KeyError("no")]:
        with pytest.raises(type(error)):
            mpsg.from_dlpack(Bad(error))
        with pytest.raises(mpsg.FeedError, match="no"):
            mpsg.NDArray(Bad(error))
    for device in [None, 1, ("a", "b")]:
        with pytest.raises((TypeError, RuntimeError)):
            mpsg.from_dlpack(Bad(None, device))
    for value in [5, [1, 2], b"abc", None]:
        with pytest.raises(mpsg.FeedError, match="no __dlpack__"):
            mpsg.from_dlpack(value)


# ---------------------------------------------------------------- other libraries


@pytest.mark.peers
@pytest.mark.parametrize("name", ALL)
def test_torch(name: str) -> None:
    import torch

    plain = numbers("float64" if name == "bfloat16" else name, (4, 6))
    given = torch.from_numpy(plain).to(getattr(torch, name)).clone()
    wanted = numbers(name, (4, 6)) if name != "bfloat16" else plain.astype(numpy_type(name))
    for view, expected in [
        (given, wanted),
        (given.t(), wanted.T),
        (given[1:, ::2], wanted[1:, ::2]),
    ]:
        ours = mpsg.from_dlpack(view)
        assert ours.data_type == name and same(ours.numpy(), expected)
        assert address(ours.numpy()) == view.data_ptr()
        back = torch.from_dlpack(ours)
        assert back.data_ptr() == view.data_ptr() and torch.equal(back, view)
        assert back.stride() == view.stride()
    ours[0, 0] = True if name == "bool" else 1
    assert given[1, 0] == 1  # one memory


@pytest.mark.peers
def test_torch_that_cannot_be_taken() -> None:
    import torch

    with pytest.raises((BufferError, RuntimeError)):
        mpsg.from_dlpack(torch.zeros(3, requires_grad=True))
    with pytest.raises(mpsg.FeedError, match="grad"):
        mpsg.NDArray(torch.zeros(3, requires_grad=True))
    with pytest.raises(mpsg.FeedError):
        mpsg.NDArray(torch.zeros(3, dtype=torch.complex128))
    lazily_negated = torch.zeros(3, dtype=torch.complex64).conj()
    with pytest.raises((mpsg.Error, BufferError, RuntimeError)):
        mpsg.from_dlpack(lazily_negated)


@pytest.mark.peers
def test_torch_feeds() -> None:
    import torch

    given = torch.arange(12, dtype=torch.bfloat16).reshape(3, 4)
    graph = mpsg.Graph()
    x = graph.placeholder([4, 3], mpsg.bfloat16)
    y = x + x
    found = graph.run({x: mpsg.from_dlpack(given.t())}, [y])[y]
    assert torch.equal(torch.from_dlpack(found), given.t() * 2)


def test_jax() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed")
    for name in ALL:
        if name in ("float64", "int64", "uint64"):
            continue  # off by default
        given = jax.numpy.asarray(numbers(name, (3, 4)))
        ours = mpsg.from_dlpack(given)
        assert ours.data_type == name and same(ours.numpy(), np.asarray(given))
        assert address(ours.numpy()) == given.unsafe_buffer_pointer()
        back = jax.dlpack.from_dlpack(ours.copy())
        assert jax.numpy.array_equal(back, given)
