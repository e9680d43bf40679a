"""`python -m mpsg inspect`: what is shown of every kind of file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

import mpsg
from mpsg.commands import main
from support.packages import Network


@pytest.mark.parametrize("name", ["network.mpsgpackage", "folder"])
def test_a_package(name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Network().executable().serialize(tmp_path / name)
    assert main(["inspect", str(tmp_path / name)]) == 0
    text = capsys.readouterr().out
    for part in (
        f"{name}: mpsg package",
        "format version 1, made by mpsg ",
        "needs: float16, float32, int64",
        "feeds: 2",
        "x float32 (5, 8)",
        "target operations: 4",
        "relu x 1",
        "hidden     float32 (16, 16), 1024 bytes in variables.safetensors",
        "crc32",
        "verified",
    ):
        assert part in text, text
    assert main(["inspect", "--json", str(tmp_path / name)]) == 0
    assert json.loads(capsys.readouterr().out)["kind"] == "package"


def test_other_files(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    tensors = {"first": np.ones((2, 3), np.float16), "second": np.arange(4)}
    mpsg.save_tensors(tmp_path / "a.safetensors", tensors)
    mpsg.save_tensors(tmp_path / "b.npz", tensors)
    np.save(tmp_path / "c.npy", tensors["first"])
    (tmp_path / "d.json").write_text(Network().graph.to_json())
    pytest.importorskip("onnx", reason="inspecting ONNX models needs the package onnx")
    network = Network()
    mpsg.onnx.save(network.graph, {"x": network.x}, {"output": network.output}, tmp_path / "e.onnx")
    shown = {}
    for path in sorted(tmp_path.iterdir()):
        assert main(["inspect", str(path)]) == 0, path
        shown[path.name] = capsys.readouterr().out
    assert "first  float16 (2, 3), 12 bytes" in shown["a.safetensors"]
    assert "second int64 (4), 32 bytes" in shown["b.npz"]
    assert "float16 (2, 3), 12 bytes" in shown["c.npy"]
    assert "relu x 1" in shown["d.json"] and "steps" in shown["d.json"]
    assert "ONNX model" in shown["e.onnx"] and "float32" in shown["e.onnx"]


def test_what_is_unsound(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "text").write_text("hello, hello, hello")
    for path in (tmp_path / "text", tmp_path, tmp_path / "not there"):
        assert main(["inspect", str(path)]) == 2
        error = capsys.readouterr().err
        assert error.startswith("mpsg: ") and str(path) in error and error.count("\n") == 1
