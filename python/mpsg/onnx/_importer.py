"""From an ONNX graph to mpsg's: walks the nodes and calls their converters."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._converters import find_converter
from mpsg.onnx._functions import default_attributes, schema_function
from mpsg.onnx._node import Array, Node, Results
from mpsg.onnx._proto import array_of, declared_type

# Values of more elements are no shapes: the importer does not compute them.
_LARGEST_FOLDED = 4096
# What must not be computed once for all runs, and what has other values than its inputs' only.
_NOT_FOLDED = {
    *("RandomNormal", "RandomNormalLike", "RandomUniform", "RandomUniformLike"),
    *("Bernoulli", "Multinomial", "Dropout", "If", "Loop", "Scan"),
}


class Scope:
    """Names of one ONNX graph; those of the graphs around it are seen too."""

    def __init__(self, outer: Scope | None = None) -> None:
        self._outer = outer
        self._tensors: dict[str, Tensor] = {}

    def __setitem__(self, name: str, tensor: Tensor) -> None:
        self._tensors[name] = tensor

    def __getitem__(self, name: str) -> Tensor:
        scope: Scope | None = self
        while scope is not None:
            if name in scope._tensors:
                return scope._tensors[name]
            scope = scope._outer
        raise mpsg.GraphError(f"no node or input of the ONNX model makes '{name}'")

    def inside(self) -> Scope:
        """A scope of a sub-graph."""
        return Scope(self)

    def __contains__(self, name: str) -> bool:
        return name in self._tensors


class Importer:
    """Builds the operations of one model."""

    def __init__(self, graph: mpsg.Graph, functions: Iterable[Any], variables: bool) -> None:
        self.graph = graph
        self._functions = {(f.domain, f.name, getattr(f, "overload", "")): f for f in functions}
        self._as_variables = variables
        self.variables: dict[str, Tensor] = {}
        # What the model itself says: constants, and what follows from them.
        self._values: dict[Tensor, Array] = {}

    # --- Values that are known when the graph is built

    def value_of(self, tensor: Tensor) -> Array | None:
        """The value of a small tensor, if the model says it."""
        return self._values.get(tensor)

    def constant(self, value: Array) -> Tensor:
        """A constant whose value converters may look at."""
        tensor = self.graph.constant(np.ascontiguousarray(value).reshape(value.shape))
        self._values[tensor] = value
        return tensor

    def _fold(self, node: Node) -> list[Array | None] | None:
        """The node's results, if they follow from small known values."""
        if node.op in _NOT_FOLDED or not node.inputs:
            return None
        values: list[Array | None] = []
        for tensor in node.inputs:
            value = None if tensor is None else self._values.get(tensor)
            if tensor is not None and (value is None or value.size > _LARGEST_FOLDED):
                return None
            values.append(value)
        scratch = Importer(mpsg.Graph(), self._functions.values(), False)
        inputs = [None if value is None else scratch.constant(value) for value in values]
        scope = Scope()
        copy = Node(scratch, scope, node.proto, node.opsets, inputs)
        results = _listed(scratch._convert(copy))
        wanted = [result for result in results if result is not None]
        found = scratch.graph.run({}, wanted, device="reference")
        return [None if result is None else found[result].numpy().copy() for result in results]

    # --- Nodes

    def convert_graph(self, proto: Any, scope: Scope, opsets: dict[str, int]) -> list[Tensor]:
        """All nodes of a graph whose inputs are in the scope; returns its outputs."""
        for initializer in proto.initializer:
            scope[initializer.name] = self._initializer(initializer)
        if proto.sparse_initializer:
            raise mpsg.GraphError("mpsg.onnx does not read sparse initializers")
        for node in proto.node:
            self.convert_node(node, scope, opsets)
        return [scope[output.name] for output in proto.output]

    def _initializer(self, proto: Any) -> Tensor:
        value = array_of(proto)
        floating = value.dtype.kind not in "biu"
        if self._as_variables and floating and value.size > 1:
            self.variables[proto.name] = self.graph.variable(value, name=proto.name)
            return self.variables[proto.name]
        return self.constant(value)

    def convert_node(self, proto: Any, scope: Scope, opsets: dict[str, int]) -> None:
        """One node: its results become known to the scope."""
        inputs = [scope[name] if name else None for name in proto.input]
        node = Node(self, scope, proto, opsets, inputs)
        try:
            folded = self._fold(node)
            if folded is None:
                results = _listed(self._convert(node))
            else:
                results = [None if value is None else self.constant(value) for value in folded]
        except mpsg.Error as error:
            if str(error).startswith("ONNX node"):
                raise
            raise mpsg.GraphError(f"{node.title}: {error}") from error
        except (ArithmeticError, AssertionError, LookupError, TypeError, ValueError) as error:
            # An attribute that is missing or has a wrong type, a list that is too short, ...
            raise mpsg.GraphError(f"{node.title} is not valid: {error}") from error
        for name, tensor in zip(proto.output, results, strict=False):
            if name and tensor is not None:
                scope[name] = tensor

    def _convert(self, node: Node) -> Results:
        """By a function of the model, a converter, or the function that defines the operation."""
        proto = node.proto
        function = self._functions.get(
            (proto.domain, proto.op_type, getattr(proto, "overload", ""))
        )
        if function is not None:
            return self.call_function(function, node, node.opsets)
        converter = find_converter(node.domain, node.op)
        if converter is not None:
            return converter(node)
        defined = schema_function(node)
        if defined is None:
            node.fail("mpsg.onnx has no converter for this operation")
        return self.call_function(defined, node, node.opsets, default_attributes(node))

    def call_function(
        self,
        function: Any,
        node: Node,
        opsets: dict[str, int],
        defaults: dict[str, Any] | None = None,
    ) -> list[Tensor | None]:
        """The nodes of a function's body, in a scope of their own."""
        scope = Scope()
        for name, tensor in zip(function.input, node.inputs, strict=False):
            if tensor is not None:
                scope[name] = tensor
        given = {**(defaults or {}), **node.attributes}
        for default in function.attribute_proto:
            given.setdefault(default.name, default)
        inner = {**opsets, **{_domain(o.domain): o.version for o in function.opset_import}}
        missing = {name for name in function.input if name not in scope}
        for body_node in function.node:
            self.convert_node(_bound(body_node, given, missing), scope, inner)
        return [scope[name] if node.wanted(i) else None for i, name in enumerate(function.output)]

    def placeholder(self, value: Any) -> Tensor:
        """An input of the model."""
        shape, data_type = declared_type(value)
        return self.graph.placeholder(shape, data_type, name=value.name)


def _domain(name: str) -> str:
    return "" if name == "ai.onnx" else name


def opsets_of(imports: Iterable[Any]) -> dict[str, int]:
    """Versions by domain."""
    return {_domain(item.domain): int(item.version) for item in imports}


def _listed(results: Results) -> list[Tensor | None]:
    return [results] if isinstance(results, Tensor) else list(results)


def _bound(proto: Any, given: dict[str, Any], missing: set[str]) -> Any:
    """A node of a function's body with the caller's attributes; inputs not given are left out."""
    copy = type(proto)()
    copy.CopyFrom(proto)
    del copy.attribute[:]
    for attribute in proto.attribute:
        if attribute.ref_attr_name:
            if attribute.ref_attr_name not in given:
                continue
            value = type(attribute)()
            value.CopyFrom(given[attribute.ref_attr_name])
            value.name = attribute.name
            copy.attribute.append(value)
        else:
            bound = copy.attribute.add()
            bound.CopyFrom(attribute)
            if attribute.type == type(attribute).GRAPH:
                nodes = [_bound(node, given, missing) for node in attribute.g.node]
                del bound.g.node[:]
                bound.g.node.extend(nodes)
    for i, name in enumerate(copy.input):
        if name in missing:
            copy.input[i] = ""
    return copy
