"""ONNX's own node tests: each is loaded, run, and compared with what the package onnx expects."""

from __future__ import annotations

import functools
import re
import warnings
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

import mpsg
import mpsg.onnx

ROOT = Path(__file__).parents[3]
EXCLUSIONS = ROOT / "tests/data/onnx_exclusions.tsv"
PAGE = ROOT / "docs/onnx.md"


@dataclass
class Exclusion:
    """A line of the exclusion file."""

    pattern: str
    device: str
    reason: str
    names: list[str] = field(default_factory=list)

    def fits(self, name: str, device: str) -> bool:
        return self.device in ("all", device) and re.fullmatch(self.pattern, name) is not None


@dataclass
class Exam:
    """What came out on one device."""

    passed: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    # Cases with types that mpsg has not, and what loading them said (None: nothing).
    typed: dict[str, str | None] = field(default_factory=dict)
    excluded: list[Exclusion] = field(default_factory=list)
    wrongly_excluded: list[str] = field(default_factory=list)
    rows: dict[str, set[str]] = field(default_factory=lambda: defaultdict(set))
    by_op: dict[str, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))


@functools.cache
def cases() -> list[Any]:
    from onnx.backend.test.case.node import collect_testcases

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return list(collect_testcases(None))


def exclusions() -> list[Exclusion]:
    lines = [line for line in EXCLUSIONS.read_text().splitlines() if not line.startswith("#")]
    return [Exclusion(*line.split("\t")) for line in lines]


def foreign_types(case: Any) -> list[str]:
    """Types of its inputs and outputs that mpsg does not have."""
    from mpsg.onnx._proto import declared_type, type_name

    found = set()
    for value in [*case.model.graph.input, *case.model.graph.output]:
        try:
            declared_type(value)
        except mpsg.GraphError:
            kind = value.type.WhichOneof("value")
            tensor = kind == "tensor_type"
            found.add(type_name(value.type.tensor_type.elem_type) if tensor else kind)
    return sorted(found)


def array(value: Any) -> np.ndarray:
    import onnx

    if isinstance(value, onnx.TensorProto):
        return np.asarray(onnx.numpy_helper.to_array(value))
    return np.asarray(value)


def check(case: Any, device: str) -> mpsg.onnx.ImportedModel:
    """Loads and runs a case; raises if anything differs."""
    graph = case.model.graph
    model = mpsg.onnx.load(case.model)
    for inputs, outputs in case.data_sets:
        feeds = {v.name: array(a) for v, a in zip(graph.input, inputs, strict=True)}
        results = model.run(feeds, device=device)
        for value, expected in zip(graph.output, outputs, strict=True):
            got, wanted = results[value.name], array(expected)
            assert got.dtype == wanted.dtype, f"{got.dtype} instead of {wanted.dtype}"
            assert got.shape == wanted.shape, f"{got.shape} instead of {wanted.shape}"
            if wanted.dtype.kind not in "biufc":  # bfloat16
                got, wanted = got.astype(np.float64), wanted.astype(np.float64)
            np.testing.assert_allclose(got, wanted, rtol=case.rtol, atol=case.atol)
    return model


@functools.cache
def take(device: str) -> Exam:
    """All cases."""
    exam = Exam(excluded=exclusions())
    for case in cases():
        if foreign_types(case):
            try:
                mpsg.onnx.load(case.model)
                exam.typed[case.name] = None
            except mpsg.GraphError as error:
                exam.typed[case.name] = str(error)
            continue
        excluded = next((e for e in exam.excluded if e.fits(case.name, device)), None)
        if excluded is not None:
            excluded.names.append(case.name)
        nodes = case.model.graph.node
        op = f"{nodes[0].domain}.{nodes[0].op_type}".removeprefix(".") if len(nodes) == 1 else ""
        try:
            model = check(case, device)
        except (AssertionError, mpsg.Error) as error:
            if excluded is None:
                exam.failed[case.name] = f"{type(error).__name__}: {error}"
            exam.by_op[op]["run"] += 1
            continue
        exam.by_op[op].update(run=1, passed=1)
        rows = {operation.op for operation in model.graph.operations}
        exam.rows[op] |= rows - {"placeholder", "constant", "cast"}
        if excluded is not None:
            exam.wrongly_excluded.append(case.name)
        else:
            exam.passed.append(case.name)
    return exam


# --- The page


def page(exam: Exam) -> str:
    """docs/onnx.md."""
    import onnx

    from mpsg.onnx._export import exported_rows

    template = (ROOT / "tests/data/onnx_page.md").read_text()
    numeric = len(cases()) - len(exam.typed)
    share = 100 * len(exam.passed) / numeric
    types: Counter[str] = Counter()
    for case in cases():
        types.update(foreign_types(case)[:1])
    names = {"sequence_type": "sequences", "optional_type": "optionals", "STRING": "strings"}
    by_type = [
        f"| {names.get(name, name.lower())} | {count} |" for name, count in sorted(types.items())
    ]
    lines = [
        f"| `{e.pattern.replace('|', chr(92) + '|')}` | {len(e.names)} | {e.reason} |"
        for e in exam.excluded
        if e.names
    ]
    return (
        template.replace("{version}", onnx.__version__)
        .replace("{cases}", f"{len(cases()):,}")
        .replace("{numeric}", f"{numeric:,}")
        .replace("{passed}", f"{len(exam.passed):,}")
        .replace("{share}", f"{share:.1f}")
        .replace("{typed}", str(len(exam.typed)))
        .replace("{excluded}", str(sum(len(e.names) for e in exam.excluded)))
        .replace("{by_type}", "\n".join(by_type))
        .replace("{by_reason}", "\n".join(lines))
        .replace("{map}", "\n".join(map_lines(exam)))
        .replace("{rows}", ", ".join(exported_rows()))
        .replace("{row_count}", str(len(exported_rows())))
    )


def map_lines(exam: Exam) -> list[str]:
    """Each operation: how it is converted, to which rows, and how its tests went."""
    from mpsg.onnx._converters import converted_operations

    own = {f"{domain}.{op}".removeprefix(".") for domain, op in converted_operations()}
    lines = []
    for op in sorted(own | (set(exam.rows) - {""}), key=str.lower):
        count = exam.by_op.get(op, Counter())
        tests = f"{count['passed']} of {count['run']}" if count["run"] else "none"
        rows = ", ".join(sorted(exam.rows.get(op, ()))) or "constants only"
        way = "converter" if op in own else "its function"
        lines.append(f"| {op} | {way} | {rows if count['run'] else ''} | {tests} |")
    return lines


if __name__ == "__main__":  # writes the page
    PAGE.write_text(page(take("reference")))
