"""python -m mpsg: training on digits, stopping, repeating, and what a beginner gets wrong."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
import types
from pathlib import Path

import numpy as np
import pytest

import mpsg
from mpsg.commands import main

IMAGES, TESTS = 96, 23  # of the small set, whose last batch is never full
PNG = b"\x89PNG\r\n\x1a\n"


def write_idx(path: Path, values: np.ndarray) -> None:
    sizes = np.array(values.shape, ">u4").tobytes()
    path.write_bytes(bytes([0, 0, 8, values.ndim]) + sizes + values.astype(np.uint8).tobytes())


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A set in MNIST's form that is easily learned: class n is a bright row n."""
    place = tmp_path_factory.mktemp("idx")
    rng = np.random.default_rng(0)
    for part, count in (("train", IMAGES), ("t10k", TESTS)):
        labels = rng.integers(0, 10, count)
        images = rng.integers(0, 60, (count, 28, 28))
        for image, label in zip(images, labels, strict=True):
            image[2 * label + 3 : 2 * label + 5] += 180
        write_idx(place / f"{part}-images-idx3-ubyte", images)
        write_idx(place / f"{part}-labels-idx1-ubyte", labels)
    return place


def start(*arguments: object, **environment: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "mpsg", *map(str, arguments)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )


def test_trains_and_draws(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is not installed: no pictures")
    output = tmp_path / "new" / "folder"
    options = ["--data", str(folder), "--batch", "16", "--iterations", "30", "--seed", "1"]
    assert main(["digits", *options, "--output", str(output)]) == 0
    said = capsys.readouterr().out
    accuracy = float(said.split("Test accuracy: ")[1].split("%")[0])
    assert accuracy > 60 and f"of {TESTS})" in said
    lines = (output / "losses.csv").read_text().splitlines()
    losses = [float(line.split(",")[1]) for line in lines[1:]]
    assert lines[0] == "iteration,loss" and len(losses) == 30
    assert np.mean(losses[-5:]) < np.mean(losses[:5])
    for name in ("report.png", "graph.png"):
        assert str(output / name) in said
        assert (output / name).read_bytes().startswith(PNG)


def test_built_in_digits(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("sklearn", reason="scikit-learn is not installed: no built-in digits")
    assert main(["digits", "--iterations", "80", "--output", str(tmp_path)]) == 0
    said = capsys.readouterr().out
    assert "1,438 training and 359 test images" in said
    assert float(said.split("Test accuracy: ")[1].split("%")[0]) > 85


def test_no_iteration(folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    options = ["--data", str(folder), "--iterations", "0", "--output", str(tmp_path)]
    assert main(["digits", *options]) == 0
    assert "Test accuracy" in capsys.readouterr().out
    assert not (tmp_path / "report.png").exists()


@pytest.mark.parametrize("threads", ["1", "2"])
def test_repeats_bitwise(folder: Path, tmp_path: Path, threads: str) -> None:
    files = []
    for turn in range(2):
        output = tmp_path / str(turn)
        options = ("--data", folder, "--batch", 20, "--iterations", 8, "--output", output)
        process = start("digits", *options, MPSG_NUM_THREADS=threads)
        _, errors = process.communicate(timeout=300)
        assert process.returncode == 0, errors
        files.append((output / "losses.csv").read_bytes())
    assert files[0] == files[1] and files[0].count(b"\n") == 9


def test_another_seed_is_another_training(folder: Path, tmp_path: Path) -> None:
    files = []
    for seed in ("0", "1"):
        output = tmp_path / seed
        options = ["--data", str(folder), "--iterations", "2", "--seed", seed]
        assert main(["digits", *options, "--output", str(output)]) == 0
        files.append((output / "losses.csv").read_text())
    assert files[0] != files[1]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for a child")
def test_interrupt_stops_and_reports(folder: Path, tmp_path: Path) -> None:
    options = ("--data", folder, "--batch", 8, "--iterations", 1_000_000, "--output", tmp_path)
    process = start("digits", *options)
    assert process.stderr is not None and process.stdout is not None
    try:
        seen = ""
        deadline = time.monotonic() + 300
        while "loss" not in seen and "/1000000:" not in seen:
            seen += process.stderr.read(1)
            assert time.monotonic() < deadline and process.poll() is None, seen
        process.send_signal(signal.SIGINT)
        out, errors = process.communicate(timeout=300)
    finally:
        process.kill()
    assert process.returncode == 0, errors
    assert "Traceback" not in errors
    assert "Stopped after" in out and "Test accuracy" in out
    stopped = int(out.split("Stopped after ")[1].split()[0].replace(",", ""))
    assert (tmp_path / "losses.csv").read_text().count("\n") == stopped + 1


def test_too_high_a_rate_is_told(
    folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    options = ["--data", str(folder), "--iterations", "50", "--learning-rate", "1e30"]
    assert main(["digits", *options, "--output", str(tmp_path)]) == 0
    assert "A smaller --learning-rate helps" in capsys.readouterr().out


def test_without_pictures_and_bar(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for module in ("matplotlib", "tqdm"):
        monkeypatch.setitem(sys.modules, module, None)
    options = ["--data", str(folder), "--iterations", "20", "--output", str(tmp_path)]
    assert main(["digits", *options]) == 0
    said = capsys.readouterr()
    assert "No pictures: this needs the package matplotlib" in said.out
    assert "Test accuracy" in said.out and (tmp_path / "losses.csv").exists()
    assert "No progress bar: this needs the package tqdm" in said.err
    assert "20/20: loss" in said.err and "2/20: loss" in said.err


@pytest.mark.parametrize(
    "arguments, words",
    [
        (["--batch", "0"], "--batch: must be at least 1, not 0"),
        (["--batch", "forty"], "--batch: must be an integer"),
        (["--batch", "97"], "--batch 97 is more than the 96 training images"),
        (["--iterations", "-1"], "--iterations: must be at least 0"),
        (["--learning-rate", "nan"], "--learning-rate: must be finite and above 0"),
        (["--learning-rate", "inf"], "--learning-rate: must be finite and above 0"),
        (["--learning-rate", "0"], "--learning-rate: must be finite and above 0"),
        (["--learning-rate", "fast"], "--learning-rate: must be a number"),
        (["--seed", "-1"], "--seed: must be at least 0"),
        (["--data", "no/such/folder"], "there is no such folder"),
        (["--data", "{tmp}"], "the folder must have train-images-idx3-ubyte"),
        (["--data", "{broken}"], "expected an IDX file"),
        (["--output", "{file}"], "no files can be written there"),
        (["--output", "{file}/below"], "no files can be written there"),
        (["--device", "abacus"], "there is no device 'abacus'"),
        (["--colour", "red"], "unrecognized arguments: --colour"),
    ],
)
def test_mistakes_end_in_one_line(
    folder: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    arguments: list[str],
    words: str,
) -> None:
    (tmp_path / "file").write_text("taken")
    (tmp_path / "broken").mkdir()
    for name in ("train-images-idx3", "train-labels-idx1", "t10k-images-idx3", "t10k-labels-idx1"):
        (tmp_path / "broken" / f"{name}-ubyte").write_bytes(b"no digits at all")
    places = {"tmp": tmp_path, "file": tmp_path / "file", "broken": tmp_path / "broken"}
    given = [argument.format(**places) for argument in arguments]
    options = {"--data": str(folder), "--output": str(tmp_path / "out"), "--iterations": "1"}
    options.update(dict(zip(given[::2], given[1::2], strict=True)))
    assert main(["digits", *(word for pair in options.items() for word in pair)]) == 2
    said = capsys.readouterr()
    assert words in said.err
    assert said.err.count("\n") == 1 and said.err.startswith("mpsg: ")


def test_what_is_missing_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    options = ["--iterations", "1", "--output", str(tmp_path)]
    monkeypatch.setitem(sys.modules, "sklearn", None)
    assert main(["digits", *options]) == 2
    assert "needs the package scikit-learn" in capsys.readouterr().err

    def no_network(*arguments: object, **keywords: object) -> None:
        raise OSError("no route to host")

    pooch = types.SimpleNamespace(retrieve=no_network, os_cache=lambda name: str(tmp_path))
    monkeypatch.setitem(sys.modules, "pooch", pooch)
    assert main(["digits", "--data", "mnist", *options]) == 2
    said = capsys.readouterr().err
    assert "no route to host" in said and said.count("\n") == 1


def test_help_and_devices(capsys: pytest.CaptureFixture[str]) -> None:
    assert main([]) == 0
    said = capsys.readouterr().out
    assert "digits" in said and "devices" in said
    assert main(["devices"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == [device.name for device in mpsg.Device.all()]
    assert main(["dgits"]) == 2
    assert "invalid choice: 'dgits'" in capsys.readouterr().err
    with pytest.raises(SystemExit) as exit_info:
        main(["digits", "--help"])
    assert exit_info.value.code == 0


def test_as_a_process() -> None:
    process = start("digits", "--batch", 0)
    out, errors = process.communicate(timeout=300)
    assert (process.returncode, out) == (2, "") and errors.count("\n") == 1
