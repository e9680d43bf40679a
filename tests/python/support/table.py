"""The op table, as the tests read it."""

from __future__ import annotations

import json
from typing import Any

from mpsg import _mpsg

TABLE: dict[str, Any] = json.loads(_mpsg.op_table())
ALL_ROWS: dict[str, dict[str, Any]] = {row["name"]: row for row in TABLE["rows"]}
# The methods of Graph.
ROWS = {name: row for name, row in ALL_ROWS.items() if not row["internal"]}


def operand_types(row: str) -> list[str]:
    """The data types that a row's operands may have; [""] if it has none of its own."""
    types = ROWS[row]["types"]
    return list(types.get("T", types.get("indices", [""])))


def differentiable_rows() -> list[str]:
    return [name for name, row in ROWS.items() if row["has_gradient"]]
