"""mpsg.onnx.save: from a graph of mpsg to an ONNX model."""

from __future__ import annotations

from os import PathLike, fspath
from typing import Any

import numpy as np

import mpsg
from mpsg import Graph, Tensor
from mpsg.onnx import _export_elementwise, _export_layers, _export_shapes
from mpsg.onnx._export_record import Record, Region, Step, Value
from mpsg.onnx._export_writer import Export, Writer
from mpsg.onnx._proto import helper, onnx, to_onnx_type

# What current runtimes read; everything written here has meant the same since.
_OPSET = 21
_IR_VERSION = 10

EXPORTS: dict[str, Export] = {
    **_export_elementwise.EXPORTS,
    **_export_shapes.EXPORTS,
    **_export_layers.EXPORTS,
}


def exported_rows() -> list[str]:
    """The rows of the op table that have a counterpart."""
    return sorted({*EXPORTS, *_CONTROL, "constant", "placeholder", "variable"})


def save(
    graph: Graph,
    inputs: dict[str, Tensor],
    outputs: dict[str, Tensor],
    path: str | PathLike[str] | None = None,
) -> Any:
    """Write a part of a graph as an ONNX model.

    Args:
        graph: The graph.
        inputs: Its placeholders that the outputs need, by the names they get. Sizes of -1 stay
            open.
        outputs: What the model computes, by name.
        path: The file; nothing is written if None.

    Returns:
        The ``ModelProto``. Variables are initialisers with the value they have now.

    Raises:
        mpsg.GraphError: An operation has no counterpart in ONNX (the message names its row), or
            a placeholder that is needed is not among the inputs.

    Example:
        >>> mpsg.onnx.save(graph, {"x": x}, {"y": y}, "model.onnx")  # doctest: +SKIP
    """
    record = Record(graph)
    writer = Writer()
    exporter = _Exporter(graph, record, writer)
    model_inputs = []
    for name, tensor in inputs.items():
        value = record.value(tensor)
        exporter.names[value.name] = name
        model_inputs.append(_declared(name, value))
    needed = record.needed(list(outputs.values()))
    exporter.steps(writer, [n for n in record.regions[0].steps if n in needed], set(inputs))
    model_outputs = []
    for name, tensor in outputs.items():
        value = record.value(tensor)
        writer.nodes.append(helper.make_node("Identity", [exporter.name(value)], [name]))
        model_outputs.append(_declared(name, value))
    proto = helper.make_graph(
        writer.nodes, "mpsg", model_inputs, model_outputs, writer.initializers
    )
    model = helper.make_model(
        proto,
        opset_imports=[helper.make_opsetid("", _OPSET)],
        ir_version=_IR_VERSION,
        producer_name="mpsg",
        producer_version=mpsg.__version__,
    )
    onnx.checker.check_model(model)
    if path is not None:
        onnx.save(model, fspath(path))
    return model


def _declared(name: str, value: Value) -> Any:
    shape = value.shape
    sizes = None if shape is None else [None if size < 0 else size for size in shape]
    return helper.make_tensor_value_info(name, to_onnx_type(value.data_type), sizes)


class _Exporter:
    """What is known of all writers: names, constants, bodies."""

    def __init__(self, graph: Graph, record: Record, writer: Writer) -> None:
        self.graph = graph
        self.record = record
        self.writer = writer
        self.names: dict[str, str] = {}  # of values, in the model

    def name(self, value: Value) -> str:
        """What the model calls a value."""
        return self.names[value.name]

    def steps(self, writer: Writer, numbers: list[int], inputs: set[str]) -> None:
        """Operations, in the order in which they were built."""
        for number in numbers:
            step = self.record.steps[number]
            try:
                results = self._step(writer, number, step)
            except mpsg.GraphError as error:
                raise mpsg.GraphError(
                    f"mpsg.onnx.save: {step.row} '{step.name}': {error}"
                ) from error
            for value, name in zip(step.outputs, results, strict=False):
                self.names[value.name] = name

    def _step(self, writer: Writer, number: int, step: Step) -> list[str]:
        if step.row == "placeholder":
            if step.outputs[0].name not in self.names:
                step.fail("the outputs need this placeholder, and it is not among the inputs")
            return [self.names[step.outputs[0].name]]
        if step.row == "region_argument":
            return [self.names[step.outputs[0].name]]
        if step.row == "constant":
            return [writer.array(self.record.constants[number])]
        if step.row == "variable":
            current = self.graph.variable_value(self.record.variables[number]).numpy()
            return [writer.array(np.array(current), step.outputs[0].name)]
        renamed = Step(
            step.row,
            step.name,
            step.attributes,
            {
                operand: [Value(self.name(v), v.data_type, v.shape) for v in values]
                for operand, values in step.operands.items()
            },
            step.outputs,
            step.regions,
        )
        if step.row in _CONTROL:
            return _CONTROL[step.row](self, writer, renamed)
        if step.row not in EXPORTS:
            step.fail("this row has no counterpart in ONNX")
        found = EXPORTS[step.row](writer, renamed)
        return [found] if isinstance(found, str) else found

    # --- Bodies

    def body(
        self, writer: Writer, region: Region, arguments: list[str], captures: list[str]
    ) -> list[str]:
        """A region's nodes; returns the names of its results."""
        for value, name in zip(region.arguments, [*arguments, *captures], strict=True):
            self.names[value.name] = name
        self.steps(writer, region.steps, set())
        return [writer.node("Identity", self.name(value)) for value in region.results]

    def captures(self, step: Step, index: int) -> list[str]:
        """What a region takes from around it."""
        return [self.name(value) for value in self.record.regions[index].captures]


def _subgraph(name: str, writer: Writer, inputs: list[Any], outputs: list[Any]) -> Any:
    return helper.make_graph(writer.nodes, name, inputs, outputs)


def _untyped(name: str, value: Value) -> Any:
    return helper.make_tensor_value_info(name, to_onnx_type(value.data_type), None)


def _if_else(exporter: _Exporter, writer: Writer, step: Step) -> list[str]:
    branches = []
    for index in step.regions:
        region = exporter.record.regions[index]
        inner = Writer(writer)
        results = exporter.body(inner, region, [], exporter.captures(step, index))
        outputs = [_untyped(n, v) for n, v in zip(results, region.results, strict=True)]
        branches.append(_subgraph("branch", inner, [], outputs))
    return writer.nodes_of(
        "If",
        [step["predicate"].name],
        len(step.outputs),
        then_branch=branches[0],
        else_branch=branches[1],
    )


def _for_loop(exporter: _Exporter, writer: Writer, step: Step) -> list[str]:
    region = exporter.record.regions[step.regions[0]]
    index_type = region.arguments[0].data_type
    carried = step.operands["initial_body_arguments"]
    if step.has("number_of_iterations"):
        count = writer.int64(step["number_of_iterations"])
        lower = by = None
    else:
        zero, one = (writer.array(np.array(n, np.int64)) for n in (0, 1))
        lower = writer.int64(step["lower_bound"]) if step.has("lower_bound") else zero
        by = writer.int64(step["step"]) if step.has("step") else one
        span = writer.node("Sub", writer.int64(step["upper_bound"]), lower)
        rounded = writer.node("Sub", writer.node("Add", span, by), one)
        count = writer.node("Max", writer.node("Div", rounded, by), zero)
    inner = Writer(writer)
    iteration, condition = writer.fresh("iteration"), writer.fresh("condition")
    given = [writer.fresh("carried") for _ in carried]
    index = iteration
    if lower is not None and by is not None:
        index = inner.node("Add", lower, inner.node("Mul", iteration, by))
    if index_type != mpsg.int64:
        index = inner.cast(index, index_type)
    captures = exporter.captures(step, step.regions[0])
    results = exporter.body(inner, region, [index, *given], captures)
    again = inner.node("Identity", condition)
    return _loop(writer, inner, [count, ""], carried, iteration, condition, given, again, results)


def _loop(
    writer: Writer,
    inner: Writer,
    limits: list[str],
    carried: list[Value],
    iteration: str,
    condition: str,
    given: list[str],
    again: str,
    results: list[str],
) -> list[str]:
    """A Loop whose body is written."""
    inputs = [
        helper.make_tensor_value_info(iteration, to_onnx_type(mpsg.int64), []),
        helper.make_tensor_value_info(condition, to_onnx_type(mpsg.bool_), []),
        *(_untyped(name, value) for name, value in zip(given, carried, strict=True)),
    ]
    outputs = [
        helper.make_tensor_value_info(again, to_onnx_type(mpsg.bool_), []),
        *(_untyped(name, value) for name, value in zip(results, carried, strict=True)),
    ]
    block = _subgraph("body", inner, inputs, outputs)
    return writer.nodes_of(
        "Loop", [*limits, *(value.name for value in carried)], len(carried), body=block
    )


def _while_loop(exporter: _Exporter, writer: Writer, step: Step) -> list[str]:
    """`before` once ahead of the loop, then `after` and `before` in each round."""
    before, after = (exporter.record.regions[index] for index in step.regions)
    outside = [exporter.captures(step, index) for index in step.regions]
    started = exporter.body(
        writer, before, [value.name for value in step.operands["initial_inputs"]], outside[0]
    )
    carried = [
        Value(name, value.data_type, value.shape)
        for name, value in zip(started[1:], before.results[1:], strict=True)
    ]
    inner = Writer(writer)
    iteration, condition = writer.fresh("iteration"), writer.fresh("condition")
    given = [writer.fresh("carried") for _ in carried]
    arguments = exporter.body(inner, after, given, outside[1])
    again, *results = exporter.body(inner, before, arguments, outside[0])
    limits = ["", started[0]]
    return _loop(writer, inner, limits, carried, iteration, condition, given, again, results)


_CONTROL = {"for_loop": _for_loop, "if_else": _if_else, "while_loop": _while_loop}
