"""An imported model: a graph, with the names of its inputs and outputs."""

from __future__ import annotations

from os import PathLike, fspath
from pathlib import Path
from typing import Any

import numpy as np

import mpsg
from mpsg import Graph, Tensor
from mpsg.onnx._importer import Importer, Scope, opsets_of
from mpsg.onnx._proto import decode_error, onnx


class ImportedModel:
    """An ONNX model as a graph of mpsg.

    Attributes:
        graph: The graph; more operations may be added to it, gradients too.
        inputs: The placeholders by the names of the model's inputs, in its order. Inputs with an
            initialiser are none: their value is part of the graph.
        outputs: The results by the names of the model's outputs, in its order.
        variables: With ``load(..., variables=True)``: the variables by the initialisers' names.
    """

    def __init__(
        self,
        graph: Graph,
        inputs: dict[str, Tensor],
        outputs: dict[str, Tensor],
        variables: dict[str, Tensor],
    ) -> None:
        self.graph = graph
        self.inputs = inputs
        self.outputs = outputs
        self.variables = variables

    def run(
        self, feeds: dict[str, Any], device: mpsg.Device | str | None = None
    ) -> dict[str, np.ndarray[Any, Any]]:
        """Run the model.

        Args:
            feeds: Arrays by the names of the inputs, all of them.
            device: Where; the default device if None.

        Returns:
            Arrays by the names of the outputs.

        Raises:
            mpsg.FeedError: A name is missing or unknown, or an array does not fit.
        """
        missing = [name for name in self.inputs if name not in feeds]
        unknown = [name for name in feeds if name not in self.inputs]
        if missing or unknown:
            raise mpsg.FeedError(
                f"the model's inputs are {', '.join(self.inputs) or 'none'}; "
                + "; ".join(
                    [f"'{name}' is not fed" for name in missing]
                    + [f"'{name}' is none of them" for name in unknown]
                )
            )
        placeholders = {self.inputs[name]: value for name, value in feeds.items()}
        targets = list(dict.fromkeys(self.outputs.values()))
        # An output may be an input or a constant itself: then there is nothing to run for it.
        results = self.graph.run(placeholders, targets, device=device)
        return {name: results[tensor].numpy() for name, tensor in self.outputs.items()}


def load(model: str | PathLike[str] | bytes | Any, *, variables: bool = False) -> ImportedModel:
    """Make a graph of an ONNX model.

    Args:
        model: The path of a file (external data lies beside it), its bytes, or a ``ModelProto``.
        variables: Whether floating-point initialisers become variables, which can be trained,
            instead of constants.

    Returns:
        The graph, with its placeholders and results by name.

    Raises:
        mpsg.GraphError: The model has an operation, an option or a type that mpsg does not; the
            message names the node.
        mpsg.PackageError: The file is no ONNX model.
        ImportError: The package ``onnx`` is missing.

    Example:
        >>> model = mpsg.onnx.load("resnet.onnx")  # doctest: +SKIP
        >>> model.run({"image": image})["logits"]  # doctest: +SKIP
    """
    proto = _proto(model)
    graph = Graph()
    importer = Importer(graph, proto.functions, variables)
    scope = Scope()
    initialized = {item.name for item in proto.graph.initializer}
    inputs: dict[str, Tensor] = {}
    for value in proto.graph.input:
        if value.name not in initialized:
            inputs[value.name] = scope[value.name] = importer.placeholder(value)
    results = importer.convert_graph(proto.graph, scope, opsets_of(proto.opset_import))
    outputs = {v.name: t for v, t in zip(proto.graph.output, results, strict=True)}
    return ImportedModel(graph, inputs, outputs, dict(importer.variables))


def _proto(model: str | PathLike[str] | bytes | Any) -> Any:
    if isinstance(model, onnx.ModelProto):
        return model
    try:
        if isinstance(model, bytes):
            found = onnx.load_model_from_string(model)
        else:
            found = onnx.load(Path(fspath(model)))
    except decode_error as error:
        raise mpsg.PackageError(f"this is no ONNX model: {error}") from error
    if not found.opset_import:
        raise mpsg.PackageError("this is no ONNX model: it names no opset")
    return found
