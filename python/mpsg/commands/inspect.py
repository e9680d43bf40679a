"""``python -m mpsg inspect FILE``: what a file of mpsg, or one that it reads, holds."""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mpsg._mpsg import inspect_file
from mpsg.commands._errors import CommandError

if TYPE_CHECKING:
    from argparse import _SubParsersAction

TITLES = {
    "package": "mpsg package",
    "safetensors": "safetensors",
    "npz": "npz (arrays of NumPy)",
    "npy": "npy (an array of NumPy)",
    "graph": "mpsg graph in JSON",
    "onnx": "ONNX model",
}


def add_parser(commands: _SubParsersAction[Any]) -> None:
    """Add this command to the command line."""
    parser = commands.add_parser(
        "inspect",
        help="show what a file holds",
        description="Show what a package, a safetensors, npz or npy file, a graph in JSON, or an "
        "ONNX model holds, and whether it is sound. Nothing in it is executed.",
    )
    parser.add_argument(
        "file", type=Path, metavar="FILE", help="a file, or the folder of a package"
    )
    parser.add_argument("--json", action="store_true", help="as JSON")
    parser.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Print what the file holds."""
    path: Path = options.file
    report = _onnx(path) if path.suffix == ".onnx" else json.loads(inspect_file(path))
    if options.json:
        print(json.dumps(report, indent=1, ensure_ascii=False))
        return
    print(f"{path}: {TITLES[report['kind']]}")
    for line in _lines(report):
        print(f"  {line}")


def _lines(report: dict[str, Any]) -> Iterator[str]:
    program = report.get("program", report)
    if report["kind"] == "package":
        yield f"format version {report['version']}, made by {report['made_by']}"
        yield f"compiled for {report['device']} when it was saved; loads on every device"
        needs = report["needs"]
        yield f"needs: {_words([*needs['features'], *needs['data_types']])}"
    for title in ("feeds", "targets", "variables"):
        if title in program:
            yield from _tensors(title, program[title])
    if program.get("target_operations"):
        yield f"target operations: {len(program['target_operations'])}"
    if "operations" in program:
        counts = program["operations"]
        yield f"operations: {sum(counts.values())}"
        yield from (f"  {row} x {count}" for row, count in sorted(counts.items()))
    for symbol, callable_program in report.get("callables", {}).items():
        yield f"callable '{symbol}': {sum(callable_program['operations'].values())} operations"
    if "tensors" in report:
        yield from _tensors("tensors", report["tensors"])
    for name, text in report.get("metadata", {}).items():
        yield f"metadata {name}: {text if len(text) <= 60 else text[:57] + '...'}"
    if report["kind"] == "package":
        for name, member in report["members"].items():
            yield f"{name}: {member['bytes']} bytes, crc32 {member['crc32']:08x}, verified"
    elif report["kind"] == "npz":
        yield "checksums: verified"


def _tensors(title: str, tensors: Sequence[dict[str, Any]]) -> Iterator[str]:
    total = sum(tensor.get("bytes", 0) for tensor in tensors)
    yield f"{title}: {len(tensors)}" + (f", {total} bytes" if total else "")
    width = max((len(tensor["name"]) for tensor in tensors), default=0)
    for tensor in tensors:
        size = f", {tensor['bytes']} bytes" if "bytes" in tensor else ""
        where = f" in {tensor['file']}" if tensor.get("file") else ""
        yield f"  {tensor['name']:<{width}} {tensor['data_type']} {_shape(tensor)}{size}{where}"


def _shape(tensor: dict[str, Any]) -> str:
    shape = tensor["shape"]
    return "(unknown rank)" if shape is None else f"({', '.join(map(str, shape))})"


def _words(words: Sequence[str]) -> str:
    return ", ".join(words) or "nothing"


def _onnx(path: Path) -> dict[str, Any]:
    if not path.is_file():
        raise CommandError(f"{path}: there is no such file")
    from mpsg import onnx

    model = onnx.load(path)
    operations: dict[str, int] = {}
    for operation in model.graph.operations:
        operations[operation.op] = operations.get(operation.op, 0) + 1

    def described(tensors: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            {"name": name, "data_type": tensor.data_type.name, "shape": tensor.shape}
            for name, tensor in tensors.items()
        ]

    return {
        "kind": "onnx",
        "feeds": described(model.inputs),
        "targets": described(model.outputs),
        "operations": operations,
    }
