"""Operations of the domain ai.onnx.ml on numbers, and TfIdfVectorizer."""

from __future__ import annotations

import numpy as np

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import cast, constant, like
from mpsg.onnx._node import Array, Converter, Node
from mpsg.onnx._proto import array_of


def array_feature_extractor(node: Node) -> Tensor:
    x = node[0] if node.rank() > 1 else node.graph.expand_dims(node[0], 0)
    indices = node.graph.reshape(node[1], [-1])
    return node.graph.gather(x, indices, len(x.shape or ()) - 1)


def binarizer(node: Node) -> Tensor:
    x = node[0]
    return cast(x > like(x, node.attribute("threshold", 0.0)), x.data_type)


def label_encoder(node: Node) -> Tensor:
    """Each number that is a key becomes the key's value."""
    keys, values = entries(node, "keys"), entries(node, "values")
    graph, x = node.graph, node[0]
    match = graph.equal(graph.expand_dims(x, -1), constant(graph, keys, x.data_type))
    axis = node.rank()
    place = graph.squeeze(graph.reduction_arg_maximum(cast(match, mpsg.int32), axis), axis)
    found = graph.gather(graph.constant(values), place, 0)
    known = graph.squeeze(graph.reduction_or(match, axis), axis)
    return graph.select(known, found, like(found, default_of(node, values)))


def entries(node: Node, kind: str) -> Array:
    """The keys or the values."""
    if node.has(f"{kind}_tensor"):
        return array_of(node.attribute(f"{kind}_tensor"))
    for name, data_type in ((f"{kind}_int64s", np.int64), (f"{kind}_floats", np.float32)):
        if node.has(name):
            return np.array(node.attribute(name), data_type)
    node.fail("mpsg has no strings")


def default_of(node: Node, values: Array) -> float:
    """For what is no key."""
    if node.has("default_tensor"):
        return float(array_of(node.attribute("default_tensor")).item())
    if values.dtype.kind == "i":
        return int(node.attribute("default_int64", -1))
    return float(node.attribute("default_float", -0.0))


def scaler(node: Node) -> Tensor:
    graph, x = node.graph, cast(node[0], mpsg.float32)
    offset = constant(graph, node.attribute("offset", [0.0]), mpsg.float32)
    return (x - offset) * constant(graph, node.attribute("scale", [1.0]), mpsg.float32)


def normalizer(node: Node) -> Tensor:
    graph, x, norm = node.graph, cast(node[0], mpsg.float32), node.attribute("norm", "MAX")
    axis = node.rank() - 1
    size = graph.absolute(x)
    if norm == "MAX":
        by = graph.reduction_maximum(size, axis)
    elif norm == "L1":
        by = graph.reduction_sum(size, axis)
    else:
        by = graph.square_root(graph.reduction_sum(graph.square(x), axis))
    return graph.division_no_nan(x, by)


def linear_regressor(node: Node) -> Tensor:
    graph, x = node.graph, cast(node[0], mpsg.float32)
    targets = node.attribute("targets", 1)
    if node.attribute("post_transform", "NONE") != "NONE":
        node.fail("mpsg has no post_transform of LinearRegressor")
    weights = np.reshape(node.attribute("coefficients"), (targets, -1)).T
    found = x @ constant(graph, weights, mpsg.float32)
    if node.has("intercepts"):
        found = found + constant(graph, node.attribute("intercepts"), mpsg.float32)
    return found


def tf_idf_vectorizer(node: Node) -> Tensor:
    """How often each sequence of a pool occurs in the input, with gaps up to max_skip_count."""
    graph = node.graph
    if not node.has("pool_int64s"):
        node.fail("mpsg has no strings")
    x = cast(node[0], mpsg.int64)
    rows = x if node.rank() == 2 else graph.expand_dims(x, 0)
    length = (rows.shape or (0, -1))[1]
    if length < 0:
        node.fail("the length of its input is not known when the graph is built")
    indexes = np.array(node.attribute("ngram_indexes"), np.int64)
    counts = [
        constant(graph, 0, mpsg.float32) if found is None else found
        for found in sequence_counts(node, rows, length)
    ]
    batch = graph.slice(graph.shape_of(rows), dimension=0, start=0, length=1)
    zero = constant(graph, 0, mpsg.float32)
    columns: list[Tensor] = [zero] * (int(indexes.max()) + 1)
    for place, count in zip(indexes, counts, strict=True):
        columns[int(place)] = columns[int(place)] + count
    found = graph.stack([graph.broadcast(column, batch) for column in columns], 1)
    mode = node.attribute("mode")
    if mode != "TF":
        weights = np.ones(len(columns), np.float32)
        weights[indexes] = node.attribute("weights", [1.0] * len(indexes))
        if mode == "IDF":
            found = cast(found > like(found, 0), mpsg.float32)
        found = found * constant(graph, weights, mpsg.float32)
    return found if node.rank() == 2 else graph.squeeze(found, 0)


def sequence_counts(node: Node, rows: Tensor, length: int) -> list[Tensor | None]:
    """For each sequence of the pool (N) counts; None for those that are not looked for."""
    graph, pool = node.graph, node.attribute("pool_int64s")
    starts = [*node.attribute("ngram_counts"), len(pool)]
    least, most = node.attribute("min_gram_length"), node.attribute("max_gram_length")
    counts: list[Tensor | None] = []
    for size, (start, end) in enumerate(zip(starts[:-1], starts[1:], strict=True), start=1):
        for at in range(start, end, size):
            total: Tensor | None = None
            gaps = range(node.attribute("max_skip_count") + 1 if size > 1 else 1)
            for gap in gaps if least <= size <= most else ():
                places = length - (size - 1) * (gap + 1)
                if places <= 0:
                    continue
                match: Tensor | None = None
                for i in range(size):
                    part = graph.slice(rows, dimension=1, start=i * (gap + 1), length=places)
                    same = graph.equal(part, like(part, pool[at + i]))
                    match = same if match is None else graph.logical_and(match, same)
                assert match is not None
                found = graph.squeeze(graph.reduction_sum(cast(match, mpsg.float32), 1), 1)
                total = found if total is None else total + found
            counts.append(total)
    return counts


CONVERTERS: dict[str, Converter] = {
    "ArrayFeatureExtractor": array_feature_extractor,
    "Binarizer": binarizer,
    "LabelEncoder": label_encoder,
    "LinearRegressor": linear_regressor,
    "Normalizer": normalizer,
    "Scaler": scaler,
}
OF_NUMBERS: dict[str, Converter] = {"TfIdfVectorizer": tf_idf_vectorizer}
