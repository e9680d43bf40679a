"""A native application finds the installed library, builds against it, and computes right."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


def run(*command: str | Path) -> str:
    # The build tools stand beside this interpreter.
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    # A sanitized Python's runtime is not for compilers.
    environment = {name: value for name, value in os.environ.items() if name != "LD_PRELOAD"}
    done = subprocess.run(
        [str(part) for part in command],
        env=environment | {"PATH": path},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}"
    return done.stdout


def cache_value(build: Path, name: str) -> str:
    for line in (build / "CMakeCache.txt").read_text().splitlines():
        if line.startswith(f"{name}:"):
            return line.partition("=")[2]
    return ""


def found_builds() -> list[Path]:
    """Build folders of this checkout, the most recent first."""
    caches = (ROOT / "build").glob("*/CMakeCache.txt")
    folders = [cache.parent for cache in caches if not cache_value(cache.parent, "MPSG_SANITIZE")]
    return sorted(folders, key=lambda folder: (folder / "CMakeCache.txt").stat().st_mtime)[::-1]


@pytest.fixture(scope="module")
def build(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A build folder with an up-to-date library: the one there is, or a new one."""
    named = os.environ.get("MPSG_BUILD_DIR")
    builds = [Path(named)] if named else found_builds()
    if builds:
        folder = builds[0]
    else:
        folder = tmp_path_factory.mktemp("build")
        run("cmake", "-S", ROOT, "-B", folder, "-G", "Ninja", "-DMPSG_TESTS=OFF")
    run("cmake", "--build", folder, "--target", "mpsg")
    return folder


def test_example(build: Path, tmp_path: Path) -> None:
    installed, example = tmp_path / "installed", tmp_path / "example"
    run("cmake", "--install", build, "--prefix", installed, "--component", "cpp")
    sanitizers = cache_value(build, "MPSG_SANITIZE")
    flags = f"-Wall -Wextra -Werror {f'-fsanitize={sanitizers}' if sanitizers else ''}"
    run(
        *("cmake", "-S", ROOT / "examples/cpp", "-B", example, "-G", "Ninja"),
        f"-DCMAKE_PREFIX_PATH={installed}",
        f"-DCMAKE_CXX_FLAGS={flags}",
    )
    run("cmake", "--build", example)
    output = run(example / "example")
    lines = [line.partition(":")[0].split(maxsplit=1) for line in output.splitlines()]
    assert lines == [
        ["y", "float32 (2, 2)"],
        ["dy/dW", "float32 (2, 2)"],
        ["dy/db", "float32 (2,)"],
    ]
    assert "WRONG" not in output
    assert "the same losses: yes" in run(example / "double_buffering")
