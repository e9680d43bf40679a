"""Files of tensors and of variables, against the package safetensors and NumPy."""

from __future__ import annotations

import io
import json
import struct
import zipfile
from pathlib import Path
from typing import Any

import ml_dtypes
import numpy as np
import pytest
import safetensors.numpy

import mpsg
from support.compare import assert_same_bits
from support.numbers import ALL, numpy_type, random_generator, special_values, values
from support.packages import Network, variables_of

SHAPES = [(), (1,), (0,), (3, 4), (2, 0, 5), (1,) * 16, (70, 31)]
NPY_TYPES = [name for name in ALL if name not in ("int4", "uint4")]


def tensors_of(name: str) -> dict[str, np.ndarray]:
    tensors = {
        f"{name} {shape}": values(name, shape, random_generator(name, shape)) for shape in SHAPES
    }
    return tensors | {"ends": np.asarray(special_values(name), numpy_type(name))}


def check_equal(got: dict[str, Any], wanted: dict[str, np.ndarray]) -> None:
    assert set(got) == set(wanted)
    for name, array in wanted.items():
        assert got[name].dtype == array.dtype and got[name].shape == array.shape, name
        assert got[name].tobytes() == array.tobytes(), name


@pytest.mark.parametrize("name", ALL)
def test_safetensors_there_and_back(name: str, tmp_path: Path) -> None:
    path = tmp_path / "tensors.safetensors"
    tensors = tensors_of(name)
    mpsg.save_tensors(path, tensors)
    check_equal(mpsg.load_tensors(path), tensors)


@pytest.mark.parametrize("name", ALL)
def test_against_the_package_safetensors(name: str, tmp_path: Path) -> None:
    """What it writes we read, and the other way round."""
    tensors = tensors_of(name)
    path = tmp_path / "tensors.safetensors"
    mpsg.save_tensors(path, tensors)
    found = {n: t for n, t in safetensors.deserialize(path.read_bytes())}
    assert set(found) == set(tensors)
    for tensor, array in tensors.items():
        assert bytes(found[tensor]["data"]) == array.tobytes()
        assert list(found[tensor]["shape"]) == list(array.shape)
    if name in ("int4", "uint4"):
        return
    theirs = tmp_path / "theirs.safetensors"
    described = {
        tensor: safetensors.TensorSpec(
            dtype=name,
            shape=list(array.shape),
            data_ptr=array.ctypes.data,
            data_len=array.nbytes,
        )
        for tensor, array in tensors.items()
    }
    safetensors.serialize_file(described, theirs, {"made": "by the package"})
    check_equal(mpsg.load_tensors(theirs), tensors)


@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
@pytest.mark.parametrize("name", NPY_TYPES)
def test_npz_against_numpy(name: str, save: Any, tmp_path: Path) -> None:
    tensors = tensors_of(name)
    theirs, ours = tmp_path / "theirs.npz", tmp_path / "ours.npz"
    save(theirs, **tensors)
    check_equal(mpsg.load_tensors(theirs), tensors)
    mpsg.save_tensors(ours, tensors)
    check_equal(mpsg.load_tensors(ours), tensors)
    with np.load(ours) as file:
        check_equal({n: file[n].view(numpy_type(name)) for n in file.files}, tensors)


def test_other_orders_of_npy(tmp_path: Path) -> None:
    """The first axis innermost, and the other byte order."""
    array = np.arange(24).reshape(2, 3, 4)
    tensors = {
        "fortran": np.asfortranarray(array.astype(np.float32)),
        "big": array.astype(">i4"),
        "both": np.asfortranarray(array.astype(">c8") * (1 + 2j)),
    }
    np.savez(tmp_path / "orders.npz", **tensors)
    got = mpsg.load_tensors(tmp_path / "orders.npz")
    for name, wanted in tensors.items():
        assert got[name].tolist() == wanted.tolist()
        assert got[name].dtype == wanted.dtype.newbyteorder("<")


def test_the_same_bytes_for_the_same_tensors(tmp_path: Path) -> None:
    tensors = {"b": np.ones(3), "a": np.ones(2, np.int8), "c": np.zeros((2, 2), np.float32)}
    for ending in ("safetensors", "npz"):
        for name in ("first", "second"):
            mpsg.save_tensors(tmp_path / f"{name}.{ending}", tensors)
        assert (tmp_path / f"first.{ending}").read_bytes() == (
            tmp_path / f"second.{ending}"
        ).read_bytes()


# --- What is refused


def raw_safetensors(header: Any, data: bytes = b"") -> bytes:
    text = header if isinstance(header, bytes) else json.dumps(header).encode()
    return struct.pack("<Q", len(text)) + text + data


def entry(shape: list[Any], begin: Any, end: Any, dtype: Any = "U8", **more: Any) -> dict[str, Any]:
    return {"dtype": dtype, "shape": shape, "data_offsets": [begin, end], **more}


UNSOUND_SAFETENSORS = {
    "nothing": b"",
    "seven bytes": b"1234567",
    "a header beyond the end": struct.pack("<Q", 100) + b"{}",
    "a header beyond all limits": struct.pack("<Q", 2**63) + b"{}",
    "no object": raw_safetensors(b"[]"),
    "spaces first": raw_safetensors(b" {}"),
    "no JSON": raw_safetensors(b"{1}"),
    "deep JSON": raw_safetensors(b'{"a":' + b"[" * 100_000),
    "a key twice": raw_safetensors(
        b'{"a":{"dtype":"U8","dtype":"U8","shape":[1],"data_offsets":[0,1]}}', b"1"
    ),
    "a tensor twice": raw_safetensors(
        b'{"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]},'
        b'"a":{"dtype":"U8","shape":[1],"data_offsets":[0,1]}}',
        b"1",
    ),
    "an unknown type": raw_safetensors({"a": entry([1], 0, 1, "F8_E5M2")}, b"1"),
    "a type that is no text": raw_safetensors({"a": entry([1], 0, 1, 8)}, b"1"),
    "a negative size": raw_safetensors({"a": entry([-1], 0, 1)}, b"1"),
    "a size that is no integer": raw_safetensors({"a": entry([1.0], 0, 1)}, b"1"),
    "sizes that overflow": raw_safetensors({"a": entry([2**32, 2**32, 0], 0, 0, "F64")}),
    "sizes that overflow to what is there": raw_safetensors(
        {"a": entry([2**32, 2**32], 0, 0, "U8")}
    ),
    "17 dimensions": raw_safetensors({"a": entry([1] * 17, 0, 1)}, b"1"),
    "more bytes than the shape": raw_safetensors({"a": entry([1], 0, 2)}, b"12"),
    "beyond the end": raw_safetensors({"a": entry([2], 0, 2)}, b"1"),
    "offsets in reverse": raw_safetensors({"a": entry([1], 1, 0)}, b"1"),
    "a hole": raw_safetensors({"a": entry([1], 0, 1), "b": entry([1], 2, 3)}, b"123"),
    "an overlap": raw_safetensors({"a": entry([2], 0, 2), "b": entry([2], 1, 3)}, b"123"),
    "bytes at the end": raw_safetensors({"a": entry([1], 0, 1)}, b"12"),
    "more fields": raw_safetensors({"a": entry([1], 0, 1, more=1)}, b"1"),
    "metadata that is no text": raw_safetensors({"__metadata__": {"a": 1}}),
    "a bool of 2": raw_safetensors({"a": entry([1], 0, 1, "BOOL")}, b"\2"),
    "a type that does not fit": raw_safetensors(
        {"a": entry([1], 0, 1, "I8"), "__metadata__": {"mpsg.data_types": '{"a":"bool"}'}}, b"\1"
    ),
}


@pytest.mark.parametrize("what", UNSOUND_SAFETENSORS)
def test_unsound_safetensors(what: str, tmp_path: Path) -> None:
    path = tmp_path / "unsound.safetensors"
    path.write_bytes(UNSOUND_SAFETENSORS[what])
    with pytest.raises(mpsg.PackageError, match=r"unsound\.safetensors|'a'"):
        mpsg.load_tensors(path)


def npy(
    descr: str = "'<f4'", shape: str = "(1,)", order: str = "False", data: bytes = b"1234"
) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': {order}, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def npz(member: bytes, name: str = "a.npy", times: int = 1, **options: Any) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for _ in range(times):
            archive.writestr(zipfile.ZipInfo(name), member, options.get("compression"))
    return file.getvalue()


def patched(data: bytes, old: bytes, new: bytes) -> bytes:
    assert old in data
    return data.replace(old, new)


UNSOUND_NPZ = {
    "objects": npz(npy("'|O'")),
    "an expression": npz(npy("__import__('os').abort()")),
    "an expression as shape": npz(npy(shape="(2*2,)")),
    "fields": npz(npy("[('a', '<f4')]")),
    "a type that mpsg lacks": npz(npy("'<f16'", data=b"1" * 16)),
    "a negative size": npz(npy(shape="(-1,)")),
    "a size that overflows": npz(npy(shape=f"({2**63},)")),
    "sizes that overflow": npz(npy(shape=f"({2**62}, {2**62}, 0)", data=b"")),
    "too few elements": npz(npy(shape="(2,)")),
    "too many elements": npz(npy(shape="(0,)")),
    "no dictionary": npz(npy()[:10] + b"[" + npy()[11:]),
    "an unknown version": npz(patched(npy(), b"NUMPY\1", b"NUMPY\7")),
    "a header beyond the end": npz(npy()[:8] + b"\xff\xff" + npy()[10:]),
    "no magic": npz(b"hello, hello"),
    "no npy": npz(npy(), "a.txt"),
    "a bool of 2": npz(npy("'|b1'", data=b"\2")),
    "another checksum": patched(npz(npy()), b"1234", b"1235"),
    "unsound deflate": patched(npz(npy(data=b"1234"), compression=8), b"PK\1\2", b"PK\1\2")[:60]
    + b"\xff" * 20
    + npz(npy(data=b"1234"), compression=8)[80:],
    "no end": npz(npy())[:-10],
}


@pytest.mark.parametrize("what", UNSOUND_NPZ)
def test_unsound_npz(what: str, tmp_path: Path) -> None:
    path = tmp_path / "unsound.npz"
    path.write_bytes(UNSOUND_NPZ[what])
    with pytest.raises(mpsg.PackageError, match=r"unsound\.npz"):
        mpsg.load_tensors(path)


def test_a_name_twice(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        (tmp_path / "twice.npz").write_bytes(npz(npy(), times=2))
    with pytest.raises(mpsg.PackageError, match="two members 'a.npy'"):
        mpsg.load_tensors(tmp_path / "twice.npz")


def test_a_promise_of_much(tmp_path: Path) -> None:
    """A member that says it is large: refused before memory is taken."""
    data = npz(npy(shape=f"({2**40},)", data=b"\0" * 4096), compression=zipfile.ZIP_DEFLATED)
    size = struct.pack("<I", len(npy(shape=f"({2**40},)", data=b"\0" * 4096)))
    (tmp_path / "a.npz").write_bytes(data.replace(size, struct.pack("<I", 0xFFFFFFFE)))
    with pytest.raises(mpsg.PackageError, match="which cannot be"):
        mpsg.load_tensors(tmp_path / "a.npz")
    (tmp_path / "b.npz").write_bytes(data)
    with pytest.raises(mpsg.PackageError, match="bytes of elements"):
        mpsg.load_tensors(tmp_path / "b.npz")


def test_what_cannot_be_saved(tmp_path: Path) -> None:
    short = np.zeros(3, ml_dtypes.int4)
    with pytest.raises(mpsg.PackageError, match=r"have no int4; save as \.safetensors"):
        mpsg.save_tensors(tmp_path / "short.npz", {"a": short})
    with pytest.raises(mpsg.PackageError, match="__metadata__"):
        mpsg.save_tensors(tmp_path / "name.safetensors", {"__metadata__": np.zeros(3)})
    with pytest.raises(TypeError, match="names of tensors"):
        mpsg.save_tensors(tmp_path / "name.safetensors", {3: short})  # type: ignore[dict-item]
    assert not list(tmp_path.iterdir())


# --- Variables


@pytest.mark.parametrize("ending", ["safetensors", "npz", "mpsgpackage"])
def test_training_goes_on_as_without(ending: str, tmp_path: Path) -> None:
    """Save, go on; another graph of the same program loads, and gives the same bits."""
    path = tmp_path / f"checkpoint.{ending}"
    network = Network()
    for _ in range(3):
        network.step()
    if ending == "mpsgpackage":
        network.executable().serialize(path)
    else:
        network.graph.save_variables(path)
    losses = [network.step() for _ in range(3)]
    again = Network(seed=3)
    for _ in range(5):
        again.step()
    assert again.graph.load_variables(path) == ([], [])
    assert [again.step() for _ in range(3)] == losses
    for name, value in network.values().items():
        assert_same_bits(again.values()[name], value, name)


def test_what_others_write_is_loaded(tmp_path: Path) -> None:
    network = Network()
    values_ = {name: np.ones_like(value) for name, value in network.values().items()}
    safetensors.numpy.save_file(values_, tmp_path / "a.safetensors")
    np.savez(tmp_path / "b.npz", **{name: value * 2 for name, value in values_.items()})
    for name, factor in (("a.safetensors", 1), ("b.npz", 2)):
        network.graph.load_variables(tmp_path / name)
        for value in network.values().values():
            assert np.all(value == factor)


def test_all_that_does_not_fit_is_told(tmp_path: Path) -> None:
    network = Network()
    before = network.values()
    found = dict(before)
    del found["steps"]
    found["hidden"] = found["hidden"][:3]
    found["last"] = found["last"].astype(np.float32)
    found["other"] = np.zeros(3)
    found["momentum"] = found["momentum"] + 1
    mpsg.save_tensors(tmp_path / "wrong.npz", found)
    for strict in (True, False):
        with pytest.raises(mpsg.PackageError) as error:
            network.graph.load_variables(tmp_path / "wrong.npz", strict=strict)
        text = str(error.value)
        assert "'hidden' is float32 (16, 16) in the graph, float32 (3, 16) in the file" in text
        assert "'last' is float16 (16, 4) in the graph, float32 (16, 4) in the file" in text
        assert strict == ("there is no 'steps'" in text)
        assert strict == ("'other' is no variable" in text)
        for name, value in network.values().items():
            assert_same_bits(value, before[name], name)


def test_a_part(tmp_path: Path) -> None:
    network = Network()
    by_name = {v.name: v for v in variables_of(network.graph)}
    network.graph.save_variables(tmp_path / "part.safetensors", [by_name["last"]])
    before = network.values()
    network.step()
    after = network.values()
    missing, unused = network.graph.load_variables(tmp_path / "part.safetensors", strict=False)
    assert (missing, unused) == (["hidden", "steps", "momentum"], [])
    assert_same_bits(network.values()["last"], before["last"])
    assert_same_bits(network.values()["hidden"], after["hidden"])
    network.graph.save_variables(tmp_path / "all.safetensors")
    missing, unused = network.graph.load_variables(
        tmp_path / "all.safetensors", [by_name["last"]], strict=False
    )
    assert missing == [] and set(unused) == {"hidden", "steps", "momentum"}
    with pytest.raises(mpsg.PackageError, match="'hidden' is no variable"):
        network.graph.load_variables(tmp_path / "all.safetensors", by_name["last"])


@pytest.mark.parametrize("ending", ["safetensors", "npz"])
def test_by_order(ending: str, tmp_path: Path) -> None:
    """Another program gives other names; equal ones are numbered."""
    path = tmp_path / f"order.{ending}"
    one, other = mpsg.Graph(), mpsg.Graph()
    types = [np.int8, np.float64, np.int8, np.float32]
    for number, kind in enumerate(types):
        one.variable(np.full(2, number, kind), name="v")
        other.variable(np.zeros(2, kind), name=f"w{number}")
    one.save_variables(path)
    assert set(mpsg.load_tensors(path)) == {"v", "v.2", "v.3", "v.4"}
    with pytest.raises(mpsg.PackageError, match="there is no 'w0'"):
        other.load_variables(path)
    other.load_variables(path, match="order")
    values_ = [other.variable_value(v).numpy()[0] for v in variables_of(other)]
    assert values_ == [0, 1, 2, 3]
    with pytest.raises(ValueError, match="'name' or 'order'"):
        other.load_variables(path, match="size")  # type: ignore[arg-type]


def test_a_variable_is_set() -> None:
    graph = mpsg.Graph()
    v = graph.variable(np.zeros(3, np.float32), name="v")
    twice = v * 2.0
    graph.set_variable_value(v, np.array([1, 2, 3], np.float32))
    assert graph.variable_value(v).numpy().tolist() == [1, 2, 3]
    assert graph.run({}, [twice])[twice].numpy().tolist() == [2, 4, 6]
    graph.set_variable_value(v, [4, 5, 6])
    assert graph.run({}, [twice])[twice].numpy().tolist() == [8, 10, 12]
    for wrong in (np.zeros(4, np.float32), np.zeros(3, np.float64)):
        with pytest.raises(mpsg.FeedError, match="variable 'v' is float32"):
            graph.set_variable_value(v, wrong)
    with pytest.raises(mpsg.GraphError, match="not a variable"):
        graph.set_variable_value(twice, np.zeros(3, np.float32))
    with pytest.raises(mpsg.GraphError, match="not a variable"):
        graph.save_variables("nowhere.npz", [twice])
