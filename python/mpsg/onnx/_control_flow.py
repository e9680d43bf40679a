"""If, Loop and Scan: bodies become bodies of mpsg's conditions and loops."""

from __future__ import annotations

from typing import Any

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import as_vector, cast, constant, like, size_of, sizes_of
from mpsg.onnx._node import Converter, Node


def body(node: Node, graph: Any, arguments: list[Tensor]) -> list[Tensor]:
    """A sub-graph's results for its arguments; it sees the names around it."""
    scope = node.scope.inside()
    for value, tensor in zip(graph.input, arguments, strict=True):
        scope[value.name] = tensor
    return node.importer.convert_graph(graph, scope, node.opsets)


def if_node(node: Node) -> list[Tensor]:
    graph = node.graph
    blocks = [node.attribute(name) for name in ("then_branch", "else_branch")]
    known = node.value(0)
    if known is not None:
        return body(node, blocks[0] if known.item() else blocks[1], [])
    predicate = graph.reshape(node[0], [])
    return graph.if_else(
        predicate, lambda: body(node, blocks[0], []), lambda: body(node, blocks[1], [])
    )


def loop(node: Node) -> list[Tensor]:
    """Up to a number of times, while a condition holds; what a step yields goes into a buffer."""
    graph, block = node.graph, node.attribute("body")
    most, condition = node.optional(0), node.optional(1)
    carried = [node[i] for i in range(2, len(node))]
    scans = len(block.output) - 1 - len(carried)
    if scans and most is None:
        node.fail("mpsg needs a largest number of iterations for a Loop that collects results")
    count = constant(graph, np.iinfo(np.int64).max, mpsg.int64)
    if most is not None:
        count = cast(graph.reshape(most, []), mpsg.int64)
    always = constant(graph, True, mpsg.bool_)
    run = always if condition is None else graph.reshape(condition, [])
    stops = not _keeps_condition(block)
    zero = constant(graph, 0, mpsg.int64)
    if scans:
        buffers = _buffers(node, block, carried, run, graph.reshape(count, [1]))
    else:
        buffers = []
    state = [zero, run, *carried, *buffers]

    def before(arguments: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
        return graph.logical_and(arguments[1], arguments[0] < count), arguments

    def after(arguments: list[Tensor]) -> list[Tensor]:
        index, last, *values = arguments
        results = body(node, block, [index, last, *values[: len(carried)]])
        again = graph.reshape(results[0], [])
        kept = results[1 : 1 + len(carried)]
        filled = [
            _write(buffer, value, index)
            for buffer, value in zip(
                values[len(carried) :], results[1 + len(carried) :], strict=True
            )
        ]
        return [index + like(index, 1), again, *kept, *filled]

    results = graph.while_loop(state, before, after)
    ran, collected = results[0], results[2 + len(carried) :]
    if collected and (stops or not _is_true(node, condition)):
        collected = [_first(buffer, ran) for buffer in collected]
    return [*results[2 : 2 + len(carried)], *collected]


def _keeps_condition(block: Any) -> bool:
    """Does the body hand the condition on as it is?"""
    name, seen = block.output[0].name, block.input[1].name
    for node in reversed(block.node):
        if name in node.output and node.op_type == "Identity":
            name = node.input[0]
    return bool(name == seen)


def _is_true(node: Node, condition: Tensor | None) -> bool:
    if condition is None:
        return True
    known = node.value(1)
    return known is not None and bool(known.item())


def _buffers(
    node: Node, block: Any, carried: list[Tensor], run: Tensor, count: Tensor
) -> list[Tensor]:
    """Zeros for what every step yields. Its types come from a body that never runs."""
    graph = node.graph
    types: list[tuple[mpsg.DataType, list[int]]] = []

    def probe() -> list[Tensor]:
        results = body(node, block, [constant(graph, 0, mpsg.int64), run, *carried])
        for result in results[1 + len(carried) :]:
            if result.shape is None or -1 in result.shape:
                node.fail("what a step of a Loop yields must have a shape that is known")
            types.append((result.data_type, list(result.shape)))
        return []

    graph.if_else(constant(graph, False, mpsg.bool_), lambda: probe(), None)
    return [
        graph.broadcast(
            constant(graph, 0, data_type),
            graph.concat([count, constant(graph, shape, mpsg.int64)], 0),
        )
        for data_type, shape in types
    ]


def _write(buffer: Tensor, value: Tensor, index: Tensor) -> Tensor:
    """A step's result at its place along the first axis."""
    graph = buffer.graph
    places = graph.reshape(index, [1])
    row = graph.expand_dims(value, 0)
    return graph.scatter(row, places, axis=0, mode=mpsg.ScatterMode.SET, data=buffer)


def _first(buffer: Tensor, count: Tensor) -> Tensor:
    """As many elements along the first axis as steps ran."""
    graph = buffer.graph
    size = size_of(buffer, 0)
    shape = [size] if isinstance(size, int) else graph.reshape(size, [1])
    ran = cast(graph.coordinate_along_axis(0, shape), mpsg.int64) < count
    return graph.gather(buffer, graph.reshape(graph.non_zero_indices(ran), [-1]), 0)


def scan(node: Node) -> list[Tensor]:
    """A body over slices of the inputs: as many steps as these have along their axis."""
    if node.opset < 9:
        return scan_8(node)
    block, count = node.attribute("body"), node.attribute("num_scan_inputs")
    states = [node[i] for i in range(len(node) - count)]
    inputs = [node[i] for i in range(len(node) - count, len(node))]
    results = len(block.output) - len(states)
    axes = node.attribute("scan_input_axes", [0] * count)
    reverse = node.attribute("scan_input_directions", [0] * count)
    out_axes = node.attribute("scan_output_axes", [0] * results)
    out_reverse = node.attribute("scan_output_directions", [0] * results)
    moved = [
        to_front(tensor, axis, bool(back))
        for tensor, axis, back in zip(inputs, axes, reverse, strict=True)
    ]
    found = scan_first_axis(node, block, states, moved)
    collected = [
        from_front(tensor, axis, bool(back))
        for tensor, axis, back in zip(found[len(states) :], out_axes, out_reverse, strict=True)
    ]
    return [*found[: len(states)], *collected]


def to_front(tensor: Tensor, axis: int, reverse: bool) -> Tensor:
    """The scanned axis first, from its end if it is scanned backwards."""
    graph, rank = tensor.graph, len(tensor.shape or ())
    axis = axis + rank if axis < 0 else axis
    if reverse:
        tensor = graph.reverse(tensor, axis)
    if axis == 0:
        return tensor
    return graph.permute(tensor, [axis, *(i for i in range(rank) if i != axis)])


def from_front(tensor: Tensor, axis: int, reverse: bool) -> Tensor:
    """The opposite."""
    graph, rank = tensor.graph, len(tensor.shape or ())
    axis = axis + rank if axis < 0 else axis
    if reverse:
        tensor = graph.reverse(tensor, 0)
    if axis == 0:
        return tensor
    order = list(range(1, rank))
    order.insert(axis, 0)
    return graph.permute(tensor, order)


def scan_first_axis(
    node: Node, block: Any, states: list[Tensor], inputs: list[Tensor]
) -> list[Tensor]:
    """The final states and what the steps yield, along a new first axis."""
    graph = node.graph
    size = size_of(inputs[0], 0)
    count = constant(graph, size, mpsg.int64) if isinstance(size, int) else size
    types: list[tuple[mpsg.DataType, list[int | Tensor]]] = []

    def slices(index: Tensor) -> list[Tensor]:
        return [graph.squeeze(graph.gather(x, graph.reshape(index, [1]), 0), 0) for x in inputs]

    def probe() -> list[Tensor]:
        found = body(node, block, [*states, *slices(constant(graph, 0, mpsg.int64))])
        for result in found[len(states) :]:
            if result.shape is None or -1 in result.shape:
                node.fail("what a step of a Scan yields must have a shape that is known")
            types.append((result.data_type, sizes_of(result, range(len(result.shape)))))
        return []

    graph.if_else(constant(graph, False, mpsg.bool_), lambda: probe(), None)
    buffers = [
        graph.broadcast(constant(graph, 0, data_type), as_vector(graph, [count, *shape]))
        for data_type, shape in types
    ]

    def step(index: Tensor, arguments: list[Tensor]) -> list[Tensor]:
        found = body(node, block, [*arguments[: len(states)], *slices(index)])
        filled = [
            _write(buffer, value, index)
            for buffer, value in zip(arguments[len(states) :], found[len(states) :], strict=True)
        ]
        return [*found[: len(states)], *filled]

    return graph.for_loop([*states, *buffers], step, number_of_iterations=count)


def scan_8(node: Node) -> list[Tensor]:
    """The first kind of Scan: axis 0 is a batch, each of which is scanned for itself."""
    graph, block = node.graph, node.attribute("body")
    if node.optional(0) is not None:
        node.fail("mpsg has no lengths of sequences in Scan of opset 8")
    count = node.attribute("num_scan_inputs")
    given = [node[i] for i in range(1, len(node))]
    batch = given[0].shape[0] if given[0].shape else -1
    if batch < 0:
        node.fail("the size of the batch is not known when the graph is built")
    reverse = node.attribute("directions", [0] * count)
    rows: list[list[Tensor]] = []
    for i in range(batch):
        parts = [graph.squeeze(graph.slice(x, dimension=0, start=i, length=1), 0) for x in given]
        states, inputs = parts[: len(parts) - count], parts[len(parts) - count :]
        moved = [to_front(x, 0, bool(back)) for x, back in zip(inputs, reverse, strict=True)]
        rows.append(scan_first_axis(node, block, states, moved))
    return [graph.stack(list(column), 0) for column in zip(*rows, strict=True)]


def optional_has_element(node: Node) -> Tensor:
    """Tensors are there or not: the model says it."""
    return node.importer.constant(np.array(node.optional(0) is not None))


CONVERTERS: dict[str, Converter] = {
    "If": if_node,
    "Loop": loop,
    "OptionalGetElement": lambda node: node.graph.identity(node[0]),
    "OptionalHasElement": optional_has_element,
    "Scan": scan,
}
