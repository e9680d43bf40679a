"""Damaged files, full disks, ended processes, strange paths: an error that says so, and the old
file is still there.
"""

from __future__ import annotations

import json
import os
import random
import secrets
import shutil
import stat
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mpsg
from mpsg import _mpsg
from support.make_seeds import sample
from support.packages import arrays_of

HERE = Path(__file__).parent


# --- Truncations and flipped bits


class Damage:
    """Loads damaged copies of a package: each is refused, or it gives what the whole one gives."""

    def __init__(self, folder: Path, single_file: bool) -> None:
        executable, feeds = sample()
        self.feeds = list(feeds.values())
        self.whole, self.copy = folder / "whole", folder / "copy"
        executable.serialize(self.whole, single_file=single_file)
        if single_file:
            shutil.copy(self.whole, self.copy)
            self.files = [(self.copy, self.whole.read_bytes())]
        else:
            shutil.copytree(self.whole, self.copy)
            self.files = [
                (self.copy / p.name, p.read_bytes()) for p in sorted(self.whole.iterdir())
            ]
        self.wanted = self.outcome()
        self.refused = self.identical = 0

    def outcome(self) -> list[bytes]:
        loaded = mpsg.Executable.load(self.copy, "reference")
        names = [t.name for t in (*loaded.feed_tensors, *loaded.target_tensors)]
        results = [array.tobytes() for array in arrays_of(loaded.run(self.feeds))]
        return [repr(names).encode(), *results]

    def try_one(self, rng: random.Random) -> None:
        weights = [len(data) for _, data in self.files]
        path, data = rng.choices(self.files, weights)[0]
        # As often in the short texts as in what is long.
        path, data = rng.choice([(path, data), rng.choice(self.files)])
        if rng.random() < 0.3:
            damaged = data[: rng.randrange(len(data))]
        else:
            bits = bytearray(data)
            for _ in range(rng.choice([1, 1, 1, 2, 8])):
                bits[rng.randrange(len(bits))] ^= 1 << rng.randrange(8)
            damaged = bytes(bits)
        path.write_bytes(damaged)
        try:
            outcome = self.outcome()
        except mpsg.PackageError as error:
            assert str(self.copy) in str(error)
            self.refused += 1
        else:
            assert outcome == self.wanted, "loaded, and gives something else"
            self.identical += 1
        path.write_bytes(data)


def damage(folder: Path, count: int, report: list[str]) -> None:
    seed = secrets.token_hex(4)
    rng = random.Random(seed)
    for single_file in (True, False):
        place = folder / str(single_file)
        place.mkdir()
        campaign = Damage(place, single_file)
        for number in range(count // 2):
            try:
                campaign.try_one(rng)
            except BaseException:
                print(f"seed {seed}, single_file={single_file}, number {number}")
                raise
        assert campaign.refused > count * 0.3
        report.append(
            f"damaged packages ({'single file' if single_file else 'folder'}): "
            f"{campaign.refused} refused, {campaign.identical} identical"
        )


def test_damage(tmp_path: Path, report: list[str]) -> None:
    damage(tmp_path, 300, report)


@pytest.mark.soak
def test_soak_damage(tmp_path: Path, report: list[str]) -> None:
    damage(tmp_path, 10_000, report)


# --- kill -9


def kills(folder: Path, count: int, report: list[str]) -> None:
    seed = secrets.token_hex(4)
    result = subprocess.run(
        [sys.executable, "-m", "support.kill_run", str(folder), str(count), seed],
        cwd=HERE,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, f"seed {seed}\n{result.stderr}"
    facts = json.loads(result.stdout)
    report.append(f"kill -9 of a training that checkpoints: {facts}")
    assert facts["in a save"] > count * 0.1


def test_kills(tmp_path: Path, report: list[str]) -> None:
    kills(tmp_path, 16, report)


@pytest.mark.soak
def test_soak_kills(tmp_path: Path, report: list[str]) -> None:
    kills(tmp_path, 500, report)


# --- A disk that is full

FULL = """
import os, resource, sys
import numpy as np
import mpsg
from mpsg import _mpsg
from support.packages import Network

network = Network()
network.executable()
folder = sys.argv[1]
saves = {
    "a.safetensors": network.graph.save_variables,
    "b.npz": network.graph.save_variables,
    "c.mpsgpackage": network.executable().serialize,
    "d": network.executable().serialize,
    "e.npz": lambda path: mpsg.save_tensors(path, {"a": np.ones(5000)}),
}
def content(name):
    path = os.path.join(folder, name)
    if os.path.isfile(path):
        return [open(path, "rb").read()]
    return [open(os.path.join(path, n), "rb").read() for n in sorted(os.listdir(path))]

for name, save in saves.items():
    save(os.path.join(folder, name))
before = {name: content(name) for name in saves}
network.step()
for limit in (0, 1, 200, 1000):
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))
    for name, save in saves.items():
        try:
            save(os.path.join(folder, name))
        except mpsg.PackageError as error:
            assert os.path.join(folder, name) in str(error), error
            assert "File too large" in str(error) and "unchanged" in str(error), error
        else:
            raise AssertionError(name + " was saved")
        assert content(name) == before[name], name
        assert sorted(os.listdir(folder)) == sorted(saves), os.listdir(folder)
resource.setrlimit(resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
for name, save in saves.items():
    save(os.path.join(folder, name))
assert content("a.safetensors") != before["a.safetensors"]
"""


def test_a_full_disk(tmp_path: Path) -> None:
    """The system refuses to let files grow: what was saved before is still there."""
    subprocess.run([sys.executable, "-c", FULL, str(tmp_path)], cwd=HERE, check=True)


def test_every_write_may_fail(tmp_path: Path) -> None:
    """One after the other: the error is told, the old file is there, nothing is left over."""
    executable, feeds = sample()
    graph = executable.feed_tensors[0].graph
    saves = {
        "a.safetensors": graph.save_variables,
        "b.npz": graph.save_variables,
        "c.mpsgpackage": executable.serialize,
        "d": executable.serialize,
    }
    for name, save in saves.items():
        path = tmp_path / name
        save(path)
        before = content_of(path)
        executable.run(list(feeds.values()))
        failed = 0
        while True:
            _mpsg.inject_fault("write", failed + 1)
            try:
                save(path)
            except mpsg.ExecutionError as error:
                assert "injected fault" in str(error)
                failed += 1
            else:
                break
            finally:
                _mpsg.stop_faults()
            assert content_of(path) == before
            assert not [p for p in tmp_path.iterdir() if p.name.endswith(".mpsg-saving")]
        assert failed >= 3, name
        assert content_of(path) != before


def content_of(path: Path) -> list[bytes]:
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return [file.read_bytes() for file in files]


# --- Paths

TENSORS = {"a": np.arange(5.0)}


def saved(path: Path | str) -> bool:
    mpsg.save_tensors(path, TENSORS)
    return bool(np.array_equal(mpsg.load_tensors(path)["a"], TENSORS["a"]))


def test_strange_names(tmp_path: Path) -> None:
    names = ["größe", "测试", "😀 ", "with space", "a'b\"c", "-rf", "\udcff\udcfe", "x" * 200]
    for name in names:
        assert saved(tmp_path / f"{name}.npz")
        assert saved(str(tmp_path / f"{name}.safetensors"))
        sample()[0].serialize(tmp_path / name)
        mpsg.Executable.load(tmp_path / name, "reference")
    assert len(list(tmp_path.iterdir())) == 3 * len(names)
    graph = mpsg.Graph()
    graph.variable(np.ones(20), name="größe/测试 😀")
    graph.save_variables(tmp_path / "names.npz")
    graph.save_variables(tmp_path / "names.safetensors")
    for ending in ("npz", "safetensors"):
        assert list(mpsg.load_tensors(tmp_path / f"names.{ending}")) == ["größe/测试 😀"]
        graph.load_variables(tmp_path / f"names.{ending}")


def test_relative_paths(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert saved("here.npz") and saved("./there.safetensors")
    sample()[0].serialize("folder/")
    mpsg.Executable.load("folder/", "reference")
    assert {p.name for p in tmp_path.iterdir()} == {"here.npz", "there.safetensors", "folder"}
    for path in (".", "..", "", "/", "folder/.."):
        with pytest.raises(mpsg.PackageError):
            sample()[0].serialize(path)


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "real").mkdir()
    link = tmp_path / "link.npz"
    link.symlink_to(Path("real") / "file.npz")
    assert saved(link) and link.is_symlink() and (tmp_path / "real" / "file.npz").is_file()
    folder_link = tmp_path / "package"
    folder_link.symlink_to(tmp_path / "real" / "package")
    for _ in range(2):
        sample()[0].serialize(folder_link)
    assert folder_link.is_symlink() and (tmp_path / "real" / "package" / "graph.json").is_file()
    (tmp_path / "round.npz").symlink_to("round.npz")
    with pytest.raises(mpsg.PackageError, match="too many links"):
        saved(tmp_path / "round.npz")


def test_modes_are_kept(tmp_path: Path) -> None:
    path = tmp_path / "a.npz"
    saved(path)
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    saved(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_what_is_no_file_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "folder.npz").mkdir()
    os.mkfifo(tmp_path / "pipe.npz")
    for path in (tmp_path / "folder.npz", tmp_path / "pipe.npz", "/dev/full", "/dev/null"):
        with pytest.raises(mpsg.PackageError, match="not a file|not a regular file"):
            mpsg.save_tensors(path, TENSORS)
        with pytest.raises(mpsg.PackageError, match="not a file|not a regular file"):
            mpsg.load_tensors(path)
    assert stat.S_ISFIFO((tmp_path / "pipe.npz").stat().st_mode)
    (tmp_path / "file").write_text("text")
    with pytest.raises(mpsg.PackageError, match="is a file, not a folder"):
        sample()[0].serialize(tmp_path / "file")


def test_folders_that_cannot_be_written(tmp_path: Path) -> None:
    places = [tmp_path / "missing" / "a.npz", Path("/proc/a.npz"), tmp_path / "file" / "a.npz"]
    (tmp_path / "file").write_text("text")
    if os.geteuid() != 0:
        (tmp_path / "closed").mkdir(mode=0o500)
        places.append(tmp_path / "closed" / "a.npz")
    for place in places:
        with pytest.raises(mpsg.PackageError, match="cannot be written") as error:
            mpsg.save_tensors(place, TENSORS)
        assert str(place) in str(error.value)
        with pytest.raises(mpsg.PackageError):
            sample()[0].serialize(place.with_suffix(""))


def test_what_ended_saves_left_is_removed(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    dead = tmp_path / f".a.npz.{process.pid}.1.mpsg-saving"
    dead_folder = tmp_path / f".b.{process.pid}.7.mpsg-saving"
    alive = tmp_path / f".a.npz.{os.getppid()}.1.mpsg-saving"
    others = tmp_path / f".other.npz.{process.pid}.1.mpsg-saving"
    for path in (dead, alive, others):
        path.write_text("half")
    dead_folder.mkdir()
    (dead_folder / "graph.json").write_text("half")
    saved(tmp_path / "a.npz")
    sample()[0].serialize(tmp_path / "b")
    assert {p.name for p in tmp_path.iterdir()} == {"a.npz", "b", alive.name, others.name}
