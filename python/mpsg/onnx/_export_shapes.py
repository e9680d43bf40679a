"""Rows that move, pick and reduce elements, as ONNX nodes."""

from __future__ import annotations

import numpy as np

import mpsg
from mpsg.onnx._export_record import Step, Value
from mpsg.onnx._export_writer import Export, Writer

_ENDLESS = 2**62


def normalized(axes: list[int], rank: int) -> list[int]:
    return [axis + rank if axis < 0 else axis for axis in axes]


def with_shape(op: str, name: str) -> Export:
    """A node whose second input is a shape or axes."""

    def export(w: Writer, step: Step) -> str:
        parameter = w.parameter(step, name)
        if parameter is None:
            step.fail(f"it has no '{name}'")
        return w.node(op, step["tensor"].name, parameter)

    return export


def reshape(w: Writer, step: Step) -> str:
    parameter = w.parameter(step, "shape")
    if parameter is None:
        step.fail("it has no shape")
    return w.node("Reshape", step["tensor"].name, parameter, allowzero=1)


def squeeze(w: Writer, step: Step) -> str:
    axes = w.parameter(step, "axes")
    return w.node("Squeeze", step["tensor"].name, *([] if axes is None else [axes]))


def permute(w: Writer, step: Step) -> str:
    order = normalized(step.attributes["permutation"], step["tensor"].rank)
    return w.node("Transpose", step["tensor"].name, perm=order)


def transpose(w: Writer, step: Step) -> str:
    rank = step["tensor"].rank
    order = list(range(rank))
    one, other = normalized([step.attributes["dimension"], step.attributes["with_dimension"]], rank)
    order[one], order[other] = order[other], order[one]
    return w.node("Transpose", step["tensor"].name, perm=order)


def concat(w: Writer, step: Step) -> str:
    if step.attributes.get("interleave"):
        step.fail("ONNX has no interleaved concat")
    names = [value.name for value in step.operands["tensors"]]
    return w.node("Concat", *names, axis=step.attributes["dimension"])


def stack(w: Writer, step: Step) -> str:
    rank = step.operands["tensors"][0].rank + 1
    axis = w.axis(step, rank)
    parts = [
        w.node("Unsqueeze", value.name, w.integers([axis])) for value in step.operands["tensors"]
    ]
    return w.node("Concat", *parts, axis=axis)


def split(w: Writer, step: Step) -> list[str]:
    axis, count = step.attributes["axis"], len(step.outputs)
    sizes = w.numbers(step, "split_sizes")
    if sizes is None:
        return w.nodes_of("Split", [step["tensor"].name], count, axis=axis, num_outputs=count)
    known = [output.shape[axis] if output.shape else -1 for output in step.outputs]
    return w.nodes_of("Split", [step["tensor"].name, w.integers(known)], count, axis=axis)


def slice_node(w: Writer, step: Step) -> str:
    x, given = step["tensor"], step.attributes
    if given.get("dimension") is not None:
        start, length = given["start"], given["length"]
        start = start + (x.shape or [])[given["dimension"]] if start < 0 else start
        bounds = [[start], [start + length], [given["dimension"]]]
        return w.node("Slice", x.name, *(w.integers(bound) for bound in bounds))
    if step.has("start_tensor") or step.has("sizes") or given.get("sizes") is not None:
        return slice_of_sizes(w, step)
    if any(step.has(name) for name in ("starts", "ends", "strides")):
        return slice_by_tensors(w, step)
    starts, ends = list(given["starts"] or []), list(given["ends"] or [])
    count = len(starts)
    strides = list(given["strides"] or [1] * count)
    for i in range(count):
        if given["start_mask"] >> i & 1:
            starts[i] = 0 if strides[i] > 0 else _ENDLESS
        if given["end_mask"] >> i & 1:
            ends[i] = _ENDLESS if strides[i] > 0 else -_ENDLESS
        if given["squeeze_mask"] >> i & 1:
            ends[i] = starts[i] + 1 if starts[i] != -1 else _ENDLESS
            strides[i] = 1
    lists = [starts, ends, list(range(count)), strides]
    found = w.node("Slice", x.name, *(w.integers(numbers) for numbers in lists))
    dropped = [i for i in range(count) if given["squeeze_mask"] >> i & 1]
    return w.node("Squeeze", found, w.integers(dropped)) if dropped else found


def slice_by_tensors(w: Writer, step: Step) -> str:
    if any(step.attributes[mask] for mask in ("start_mask", "end_mask", "squeeze_mask")):
        step.fail("a slice by tensors cannot have masks")
    starts, ends = w.parameter(step, "starts"), w.parameter(step, "ends")
    if starts is None or ends is None:
        step.fail("it has no starts or ends")
    strides = w.parameter(step, "strides")
    count = step["starts"].shape if step.has("starts") else step["ends"].shape
    axes = w.integers(list(range((count or [0])[0])))
    return w.node("Slice", step["tensor"].name, starts, ends, axes, *([strides] if strides else []))


def slice_of_sizes(w: Writer, step: Step) -> str:
    sizes = w.numbers(step, "sizes")
    starts = (
        w.int64(step["start_tensor"]) if step.has("start_tensor") else w.parameter(step, "starts")
    )
    if sizes is None or -1 in sizes or starts is None:
        step.fail("ONNX needs the slice's sizes as numbers")
    # A start that is out of range moves to the nearest that fits.
    whole = w.node("Shape", step["tensor"].name)
    last = w.node(
        "Sub", w.node("Slice", whole, w.integers([0]), w.integers([len(sizes)])), w.integers(sizes)
    )
    first = w.node("Max", w.node("Min", starts, last), w.integers([0]))
    ends = w.node("Add", first, w.integers(sizes))
    return w.node("Slice", step["tensor"].name, first, ends, w.integers(list(range(len(sizes)))))


_PAD_MODES = {
    "CONSTANT": "constant",
    "ZERO": "constant",
    "REFLECT": "reflect",
    "CLAMP_TO_EDGE": "edge",
    "PERIODIC": "wrap",
}


def pad(w: Writer, step: Step) -> str:
    mode = step.attributes["padding_mode"]
    if mode not in _PAD_MODES:
        step.fail(f"ONNX has no padding {mode}")
    before, after = w.parameter(step, "left_padding"), w.parameter(step, "right_padding")
    if before is None or after is None:
        step.fail("it has no paddings")
    pads = w.node("Concat", before, after, axis=0)
    value = 0.0 if mode == "ZERO" else step.attributes["constant_value"]
    constant = [w.number(step["tensor"], value)] if _PAD_MODES[mode] == "constant" else []
    return w.node("Pad", step["tensor"].name, pads, *constant, mode=_PAD_MODES[mode])


def reverse(w: Writer, step: Step) -> str:
    rank = step["tensor"].rank
    given = w.numbers(step, "axes")
    axes = list(range(rank)) if given is None else given
    ones = [-1] * len(axes)
    bounds = [ones, [-_ENDLESS] * len(axes), axes, ones]
    return w.node("Slice", step["tensor"].name, *(w.integers(bound) for bound in bounds))


def shape_of(w: Writer, step: Step) -> str:
    return w.int32(w.node("Shape", step["tensor"].name))


def coordinate_along_axis(w: Writer, step: Step) -> str:
    shape = w.parameter(step, "shape")
    rank = step.outputs[0].rank
    axis = w.axis(step, rank)
    if shape is None:
        step.fail("it has no shape")
    size = w.node("Gather", shape, w.array(np.array(axis, np.int64)))
    scalar = [w.array(np.array(n, np.int64)) for n in (0, 1)]
    line = w.int32(w.node("Range", scalar[0], size, scalar[1]))
    others = [i for i in range(rank) if i != axis]
    spread = w.node("Unsqueeze", line, w.integers(others)) if others else line
    return w.node("Expand", spread, shape)


def flatten(w: Writer, step: Step) -> str:
    return w.node("Flatten", step["tensor"].name, axis=w.axis(step, step["tensor"].rank))


def band_part(w: Writer, step: Step) -> str:
    found = step["input"].name
    for name, upper, sign in (("num_lower", 1, -1), ("num_upper", 0, 1)):
        number = w.numbers(step, name)
        if number is None or number[0] < 0:
            continue
        k = w.array(np.array(sign * number[0], np.int64))
        found = w.node("Trilu", found, k, upper=upper)
    return found


# --- Gather and scatter


def gather(w: Writer, step: Step) -> str:
    if step.attributes["batch_dimensions"]:
        step.fail("ONNX's Gather has no batch dimensions")
    return w.node("Gather", step["updates"].name, indices(w, step), axis=step.attributes["axis"])


def indices(w: Writer, step: Step) -> str:
    """Indices as ONNX takes them."""
    value = step["indices"]
    return (
        value.name
        if value.data_type in (mpsg.int32, mpsg.int64)
        else w.cast(value.name, mpsg.int64)
    )


def gather_along_axis(w: Writer, step: Step) -> str:
    axis = w.axis(step, step["updates"].rank)
    return w.node("GatherElements", step["updates"].name, indices(w, step), axis=axis)


def gather_nd(w: Writer, step: Step) -> str:
    return w.node(
        "GatherND",
        step["updates"].name,
        w.int64(step["indices"]),
        batch_dims=step.attributes["batch_dimensions"],
    )


_SCATTER = {"SET": "none", "ADD": "add", "MUL": "mul", "MIN": "min", "MAX": "max"}


def scatter_target(w: Writer, step: Step) -> tuple[str, str]:
    """What is scattered into, and how."""
    mode = step.attributes["mode"]
    if mode not in _SCATTER:
        step.fail(f"ONNX has no scatter that does {mode}")
    if step.has("data"):
        return step["data"].name, _SCATTER[mode]
    shape = w.parameter(step, "shape")
    if shape is None:
        step.fail("it has neither data nor a shape")
    if mode not in ("SET", "ADD"):
        step.fail(f"ONNX's scatter that does {mode} needs data")
    return w.node("Expand", w.number(step["updates"], 0), shape), _SCATTER[mode]


def scatter_nd(w: Writer, step: Step) -> str:
    if step.attributes["batch_dimensions"]:
        step.fail("ONNX's ScatterND has no batch dimensions")
    data, how = scatter_target(w, step)
    return w.node("ScatterND", data, w.int64(step["indices"]), step["updates"].name, reduction=how)


def scatter_along_axis(w: Writer, step: Step) -> str:
    axis = w.axis(step, step["updates"].rank)
    data, how = scatter_target(w, step)
    return w.node(
        "ScatterElements", data, indices(w, step), step["updates"].name, axis=axis, reduction=how
    )


def scatter(w: Writer, step: Step) -> str:
    if step.attributes["axis"] != 0 or step.attributes.get("batch_dimensions"):
        step.fail("ONNX scatters slices along the first axis only")
    data, how = scatter_target(w, step)
    places = w.node("Unsqueeze", w.int64(step["indices"]), w.integers([-1]))
    return w.node("ScatterND", data, places, step["updates"].name, reduction=how)


def one_hot(w: Writer, step: Step) -> str:
    given = step.attributes
    data_type = mpsg.data_type(given["data_type"])
    values = np.array([given["off_value"], given["on_value"]]).astype(data_type.numpy())
    depth = w.array(np.array(given["depth"], np.int64))
    place = w.int64(step["indices"])
    # Indices out of range give off_value everywhere; ONNX counts negative ones from the end.
    inside = w.node("GreaterOrEqual", place, w.array(np.array(0, np.int64)))
    place = w.node("Where", inside, place, depth)
    return w.node("OneHot", place, depth, w.array(values), axis=given["axis"])


# --- Reductions, sorting


def reduction(op: str) -> Export:
    return lambda w, step: reduced(w, op, step["tensor"].name, step)


def reduced(w: Writer, op: str, name: str, step: Step) -> str:
    """A reduction over the step's axes, which stay."""
    axes = w.parameter(step, "axes")
    if axes is not None and not step.has("axes") and step.attributes["axes"] == []:
        return w.node("Identity", name)
    return w.node(op, name, *([] if axes is None else [axes]), keepdims=1)


def of_bool(op: str) -> Export:
    def export(w: Writer, step: Step) -> str:
        numbers = w.cast(step["tensor"].name, mpsg.int32)
        return w.cast(reduced(w, op, numbers, step), mpsg.bool_)

    return export


def place(op: str) -> Export:
    return lambda w, step: w.int32(
        w.node(op, step["tensor"].name, axis=step.attributes["axis"], keepdims=1)
    )


def variance(w: Writer, step: Step) -> str:
    x = step["tensor"]
    mean = step["mean"].name if step.has("mean") else reduced(w, "ReduceMean", x.name, step)
    rest = w.node("Sub", x.name, mean)
    return reduced(w, "ReduceMean", w.node("Mul", rest, rest), step)


def cumulative_sum(w: Writer, step: Step) -> str:
    axis = w.array(np.array(w.axis(step, step["tensor"].rank), np.int64))
    flags = {name: int(step.attributes[name]) for name in ("exclusive", "reverse")}
    return w.node("CumSum", step["tensor"].name, axis, **flags)


def best(w: Writer, step: Step, x: Value, largest: bool, k: str) -> list[str]:
    axis = w.axis(step, x.rank)
    return w.nodes_of("TopK", [x.name, k], 2, axis=axis, largest=int(largest))


def top(largest: bool) -> Export:
    def export(w: Writer, step: Step) -> list[str]:
        k = w.parameter(step, "k")
        if k is None:
            step.fail("it has no k")
        values, places = best(w, step, step["source"], largest, k)
        return [values, w.int32(places)]

    return export


def sort(result: int) -> Export:
    def export(w: Writer, step: Step) -> str:
        x = step["tensor"]
        axis = w.axis(step, x.rank)
        size = w.node("Gather", w.node("Shape", x.name), w.integers([axis]))
        found = best(w, step, x, bool(step.attributes["descending"]), size)
        return w.int32(found[1]) if result == 1 else found[0]

    return export


def broadcast_like(w: Writer, step: Step) -> str:
    first, second = (values[0] for values in step.operands.values() if values)
    return w.node("Expand", first.name, w.node("Shape", second.name))


def filled_like(value: float) -> Export:
    def export(w: Writer, step: Step) -> str:
        x = next(iter(step.operands.values()))[0]
        return w.node("Expand", w.number(step.outputs[0], value), w.node("Shape", x.name))

    return export


def reshape_like(w: Writer, step: Step) -> str:
    first, second = (values[0] for values in step.operands.values() if values)
    return w.node("Reshape", first.name, w.node("Shape", second.name), allowzero=1)


EXPORTS: dict[str, Export] = {
    "arg_sort": sort(1),
    "band_part": band_part,
    "bottom_k": top(False),
    "broadcast": with_shape("Expand", "shape"),
    "broadcast_like": broadcast_like,
    "concat": concat,
    "coordinate_along_axis": coordinate_along_axis,
    "cumulative_sum": cumulative_sum,
    "expand_dims": with_shape("Unsqueeze", "axes"),
    "flatten_2d": flatten,
    "gather": gather,
    "gather_along_axis": gather_along_axis,
    "gather_nd": gather_nd,
    "mean": reduction("ReduceMean"),
    "one_hot": one_hot,
    "ones_like": filled_like(1),
    "pad": pad,
    "permute": permute,
    "reduction_and": of_bool("ReduceMin"),
    "reduction_arg_maximum": place("ArgMax"),
    "reduction_arg_minimum": place("ArgMin"),
    "reduction_maximum": reduction("ReduceMax"),
    "reduction_maximum_propagate_nan": reduction("ReduceMax"),
    "reduction_minimum": reduction("ReduceMin"),
    "reduction_minimum_propagate_nan": reduction("ReduceMin"),
    "reduction_or": of_bool("ReduceMax"),
    "reduction_product": reduction("ReduceProd"),
    "reduction_sum": reduction("ReduceSum"),
    "reshape": reshape,
    "reshape_like": reshape_like,
    "reverse": reverse,
    "scatter": scatter,
    "scatter_along_axis": scatter_along_axis,
    "scatter_nd": scatter_nd,
    "shape_of": shape_of,
    "slice": slice_node,
    "sort": sort(0),
    "split": split,
    "squeeze": squeeze,
    "stack": stack,
    "tile": with_shape("Tile", "multiplier"),
    "top_k": top(True),
    "transpose": transpose,
    "variance": variance,
    "zeros_like": filled_like(0),
}
