"""A graph as its JSON text tells it, checked."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Protocol


class HasJson(Protocol):
    """What :func:`mpsg.show.graph` draws: a ``mpsg.Graph``, or anything with this method."""

    def to_json(self) -> str:
        """The JSON text ``{"operations": [{"id": int, "op": str, "name": str, "inputs":
        [[operation id, output index], ...], "control": [operation id, ...], "outputs":
        [{"data_type": str, "shape": [int, ...] or null}, ...]}, ...]}``.
        """
        ...


@dataclass(frozen=True)
class OperationData:
    """One operation; operations are named by their place in the list, not by their id.

    Attributes:
        op: Which operation it is, for example ``"matrix_multiplication"``.
        name: What the user called it, or "".
        inputs: For each input the operation that makes it and which of its outputs it is.
        control: The operations that must run before.
        outputs: For each output its data type and shape, as a label.
    """

    op: str
    name: str
    inputs: tuple[tuple[int, int], ...]
    control: tuple[int, ...]
    outputs: tuple[str, ...]


def read_graph(graph: HasJson) -> list[OperationData]:
    """The operations of a graph, in its order.

    Raises:
        ValueError: The text is no JSON of this form, an id is used twice or unknown, an output
            does not exist, or the operations form a cycle.
    """
    try:
        document = json.loads(graph.to_json())
    except (ValueError, RecursionError) as error:
        raise ValueError(f"the graph's to_json() gave no sound JSON: {error}") from error
    try:
        entries = document["operations"]
        places = {entry["id"]: place for place, entry in enumerate(entries)}
        if len(places) != len(entries):
            raise ValueError("the graph's JSON gives one id to two operations")
        operations = [_read_operation(entry, places) for entry in entries]
    except (KeyError, TypeError, AttributeError, OverflowError) as error:
        raise ValueError(
            f"the graph's JSON has not the expected form ({type(error).__name__}: {error})"
        ) from error
    for operation in operations:
        for source, output in operation.inputs:
            if not 0 <= output < len(operations[source].outputs):
                raise ValueError(
                    f"{operation.name or operation.op} takes output {output} of "
                    f"{operations[source].name or operations[source].op}, "
                    f"which has {len(operations[source].outputs)}"
                )
    return operations


def _read_operation(entry: dict[str, Any], places: dict[int, int]) -> OperationData:
    name = str(entry.get("name") or "")
    for source in [source for source, _ in entry["inputs"]] + list(entry.get("control", ())):
        if source not in places:
            raise ValueError(f"{name or entry['op']} refers to operation {source}: unknown")
    return OperationData(
        op=str(entry["op"]),
        name=name,
        inputs=tuple((places[source], int(output)) for source, output in entry["inputs"]),
        control=tuple(places[source] for source in entry.get("control", ())),
        outputs=tuple(
            _tensor_label(str(output["data_type"]), output["shape"]) for output in entry["outputs"]
        ),
    )


def _tensor_label(data_type: str, shape: list[int] | None) -> str:
    """The sizes with a cross between them; the type is told unless it is the usual one."""
    if shape is None:
        text = "any shape"
    elif not shape:
        text = "scalar"
    else:
        text = "\N{MULTIPLICATION SIGN}".join("?" if size < 0 else str(size) for size in shape)
    if len(shape or ()) == 1:
        text = f"[{text}]"
    return text if data_type == "float32" else f"{text} {data_type}"
