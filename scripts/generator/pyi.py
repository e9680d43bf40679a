"""python/mpsg/_mpsg.pyi: the compiled module, as type checkers and editors see it."""

from __future__ import annotations

import re
from pathlib import Path

from generator.table import Parameter, Row, Table, types_text
from generator.text import WIDTH, docstring

TEMPLATE = Path(__file__).with_name("_mpsg.pyi.in")

# Attached by python/mpsg/_tensor.py.
BINARY = ["add", "sub", "mul", "truediv", "mod", "pow", "matmul"]
COMPARISONS = ["lt", "le", "gt", "ge"]
UNARY = ["neg", "abs"]


def operators() -> str:
    names = [side + name for name in BINARY for side in ("", "r")] + ["floordiv", *COMPARISONS]
    lines = [f"    def __{name}__(self, other: TensorLike) -> Tensor: ..." for name in names]
    lines += [f"    def __{name}__(self) -> Tensor: ..." for name in UNARY]
    return "\n".join(lines)


def parameter_text(parameter: Parameter) -> str:
    kind = parameter.type
    if parameter.optional and "None" not in kind:
        kind += " | None" if parameter.default in ("None", "...") else ""
    return f"{parameter.name}: {kind}" + (" = ..." if parameter.optional else "")


def definition(row: Row, returns: str, special: dict[str, str] | None = None) -> str:
    """`special`: other texts for some parameters."""
    texts = ["self"]
    star = False
    for parameter in row.parameters:
        if parameter.keyword_only and not star:
            texts.append("*")
            star = True
        texts.append((special or {}).get(parameter.name, parameter_text(parameter)))
    texts.append("name: str | None = ...")
    line = f"    def {row.name}({', '.join(texts)}) -> {returns}:"
    if len(line) <= WIDTH:
        return line
    body = "".join(f"        {text},\n" for text in texts)
    return f"    def {row.name}(\n{body}    ) -> {returns}:"


def documentation(row: Row) -> str:
    types = [f"{group}: {types_text(names)}" for group, names in row.types.items()]
    apple = [f"{name} (macOS {macos})" for name, macos in row.selectors]
    parts = [row.documentation]
    if types:
        parts.append("Types\n" + "\n".join(types))
    if apple:
        parts.append("Apple\n" + "\n".join(apple))
    return docstring("\n\n".join(parts), 8)


def returned(row: Row) -> str:
    if not row.results:
        return "Operation"
    return "list[Tensor]" if row.result_is_list else "Tensor"


def method(row: Row) -> str:
    condition = row.condition_of_results
    if not condition:
        return f"{definition(row, returned(row))}\n{documentation(row)}"
    # The state comes back if it was given.
    forms = [
        definition(row, "Tensor", {condition: f"{condition}: None = ..."}),
        definition(row, "list[Tensor]", {condition: f"{condition}: TensorLike"}),
    ]
    return "\n".join(f"    @overload\n{form}\n{documentation(row)}" for form in forms)


def generate(table: Table, data_types: list[str]) -> str:
    rows = "\n".join(method(row) for row in sorted(table.rows, key=lambda row: row.name))
    text = TEMPLATE.read_text()
    text = text.replace("@DATA_TYPES@", "\n".join(f"{name}: DataType" for name in data_types))
    text = text.replace("@OPERATORS@", operators())
    text = text.replace("@ROWS@", rows)
    used = set(re.findall(r"\w+", text))
    known = [enum.name for enum in table.enums] + [each.name for each in table.descriptors]
    known += ["ArrayLike", "Block", "DataTypeLike", "TensorLike", "TypeLike"]
    return text.replace(
        "@API_TYPES@", "\n".join(f"    {name}," for name in sorted(known) if name in used)
    )
