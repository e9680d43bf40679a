"""The conformance program (tests/conformance) at full size; ctest runs a sample of its cases."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak


@pytest.mark.parametrize("mode", ["test", "grad"])
def test_every_case(mode: str) -> None:
    program = Path(os.environ["MPSG_BUILD_DIR"]) / "mpsg_conformance"
    done = subprocess.run([program, mode, "--all"], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr
    print(done.stdout.splitlines()[-1])
