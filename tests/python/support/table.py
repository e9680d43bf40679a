"""The op table, as the tests read it."""

from __future__ import annotations

import json
from typing import Any

from mpsg import _mpsg

TABLE: dict[str, Any] = json.loads(_mpsg.op_table())
ALL_ROWS: dict[str, dict[str, Any]] = {row["name"]: row for row in TABLE["rows"]}
# The methods of Graph.
ROWS = {name: row for name, row in ALL_ROWS.items() if not row["internal"]}


def types_of(row: str, group: str = "T") -> list[str]:
    """The data types that operands of a group may have."""
    return list(ROWS[row]["types"][group])


def differentiable_rows() -> list[str]:
    return [name for name, row in ROWS.items() if row["has_gradient"]]
