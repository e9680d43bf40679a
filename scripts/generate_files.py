"""Writes every file that is made from the op table. scripts/generate calls it.

    generate_files.py [--check]

--check writes nothing: it lists the files that are stale and exits with 1 if there are any.
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from generator import api_types, environment, ops_header, pages, pyi, table

ROOT = Path(__file__).resolve().parent.parent


def compiled_module() -> ModuleType:
    """mpsg._mpsg, without the package around it: that imports files which are made here."""
    package = importlib.util.find_spec("mpsg")
    folders = list(package.submodule_search_locations or []) if package else []
    # An editable package is in two folders, and names the one with the sources only.
    folders += [str(Path(entry) / "mpsg") for entry in sys.path]
    for file in (file for folder in folders for file in Path(folder).glob("_mpsg.*.so")):
        spec = importlib.util.spec_from_file_location("mpsg._mpsg", file)
        assert spec and spec.loader
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        return module
    sys.exit("mpsg._mpsg is not built: ./scripts/setup builds it")


def files() -> dict[str, str]:
    """The text of each generated file."""
    module = compiled_module()
    ops = table.read(module.op_table())
    data_types = [name for name in vars(module) if isinstance(vars(module)[name], module.DataType)]
    return {
        "python/mpsg/_api_types.py": api_types.generate(ops),
        "python/mpsg/_mpsg.pyi": pyi.generate(ops, data_types),
        "include/mpsg/ops.h": ops_header.generate(ops, ROOT),
        "docs/environment.md": environment.generate(module.environment_variables()),
        **pages.generate(ops),
    }


def text_of(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="list what is stale, write nothing")
    check = parser.parse_args().check
    wanted = files()
    stale = [name for name, text in wanted.items() if text_of(ROOT / name) != text]
    # A page of a family that is no more.
    left = [str(page.relative_to(ROOT)) for page in (ROOT / "docs/ops").glob("*.md")]
    left = sorted(set(left) - set(wanted))
    for name in [*stale, *left]:
        print(name)
    if check:
        return 1 if stale or left else 0
    for name in stale:
        path = ROOT / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(wanted[name], encoding="utf-8")
    for name in left:
        (ROOT / name).unlink()
    return 0


if __name__ == "__main__":
    sys.exit(main())
