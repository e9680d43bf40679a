"""Operations of PyTorch's that move elements, and those with indices."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

import mpsg
from cases.op_info.mapping import (
    Bound,
    Call,
    CannotExpress,
    Mapping,
    Mappings,
    rank_of,
    shape_of,
    type_name,
)
from mpsg import PaddingMode, ScatterMode

Tensor = mpsg.Tensor


def sizes_of(args: tuple[Any, ...]) -> list[int]:
    """Given one by one or as a list."""
    return list(args[0]) if len(args) == 1 and not isinstance(args[0], int) else list(args)


def reshape(c: Call, x: Tensor, *shape: Any) -> Any:
    sizes = sizes_of(shape)
    if -1 in sizes and 0 in shape_of(x):
        rest = math.prod(size for size in sizes if size != -1)
        sizes = [(0 if rest else 0) if size == -1 else size for size in sizes]
    return c.graph.reshape(x, sizes)


def reshape_as(c: Call, x: Tensor, other: Tensor) -> Any:
    return c.graph.reshape(x, shape_of(other))


def flatten(c: Call, x: Tensor, start_dim: int = 0, end_dim: int = -1) -> Any:
    shape = shape_of(x) or [1]
    start, end = start_dim % len(shape), end_dim % len(shape)
    return c.graph.reshape(
        x, [*shape[:start], math.prod(shape[start : end + 1]), *shape[end + 1 :]]
    )


def unflatten(c: Call, x: Tensor, dim: int, sizes: Any) -> Any:
    shape = shape_of(x) or [1]
    sizes = list(sizes)
    if -1 in sizes:
        known = math.prod(size for size in sizes if size != -1)
        sizes[sizes.index(-1)] = shape[dim] // known
    at = dim % len(shape)
    return c.graph.reshape(x, [*shape[:at], *sizes, *shape[at + 1 :]])


def squeeze(c: Call, x: Tensor, dim: Any = None) -> Any:
    if dim == ():
        return c.graph.identity(x)
    axes = c.axes(x, dim) if dim is not None else list(range(rank_of(x)))
    if rank_of(x) == 0:
        return c.graph.identity(x)
    axes = [axis for axis in axes if shape_of(x)[axis] == 1]
    return c.graph.squeeze(x, axes) if axes else c.graph.identity(x)


def unsqueeze(c: Call, x: Tensor, dim: int) -> Any:
    return c.graph.expand_dims(x, dim)


def permute(c: Call, x: Tensor, *dims: Any) -> Any:
    order = [d % max(rank_of(x), 1) for d in sizes_of(dims)]
    return c.graph.permute(x, order)


def transpose(c: Call, x: Tensor, dim0: int, dim1: int) -> Any:
    return c.graph.transpose(x, dim0, dim1) if rank_of(x) else c.graph.identity(x)


def transposed(c: Call, x: Tensor) -> Any:
    return c.graph.transpose(x, -1, -2) if rank_of(x) >= 2 else c.graph.identity(x)


def reversed_dims(c: Call, x: Tensor) -> Any:
    return c.graph.permute(x, list(range(rank_of(x)))[::-1])


def movedim(c: Call, x: Tensor, source: Any, destination: Any) -> Any:
    rank = rank_of(x)
    if rank == 0:
        return c.graph.identity(x)
    places = np.moveaxis(np.zeros([2] * rank), source, destination)
    del places
    order = list(range(rank))
    sources = [s % rank for s in ([source] if isinstance(source, int) else source)]
    targets = [d % rank for d in ([destination] if isinstance(destination, int) else destination)]
    rest = iter(axis for axis in order if axis not in sources)
    found = dict(zip(targets, sources, strict=True))
    return c.graph.permute(x, [found[axis] if axis in found else next(rest) for axis in order])


def expand(c: Call, x: Tensor, *shape: Any) -> Any:
    sizes = sizes_of(shape)
    own = [1] * (len(sizes) - rank_of(x)) + shape_of(x)
    return c.graph.broadcast(x, [b if a == -1 else a for a, b in zip(sizes, own, strict=True)])


def repeat(c: Call, x: Tensor, *counts: Any) -> Any:
    sizes = sizes_of(counts)
    if len(sizes) < rank_of(x):
        sizes = [1] * (rank_of(x) - len(sizes)) + sizes
    if len(sizes) > rank_of(x):
        x = c.graph.reshape(x, [1] * (len(sizes) - rank_of(x)) + shape_of(x))
    return c.graph.tile(x, sizes) if sizes else c.graph.identity(x)


def concatenated(c: Call, tensors: list[Tensor], dim: int = 0) -> Any:
    if len({type_name(each) for each in tensors}) > 1:
        raise CannotExpress("operands of several data types")
    if any(shape_of(each) == [0] for each in tensors) and any(rank_of(t) > 1 for t in tensors):
        tensors = [each for each in tensors if shape_of(each) != [0]]
    return c.graph.concat(list(tensors), dim)


def stack(c: Call, tensors: list[Tensor], dim: int = 0) -> Any:
    return c.graph.stack(list(tensors), dim)


def at_least(rank: int) -> Callable[..., Any]:
    def build(c: Call, *tensors: Any) -> Any:
        many = len(tensors) > 1 or isinstance(tensors[0], (list, tuple))
        given = tensors[0] if isinstance(tensors[0], (list, tuple)) else tensors
        found = [grown(c, each, rank) for each in given]
        return found if many else found[0]

    return build


def grown(c: Call, x: Tensor, rank: int) -> Tensor:
    shape = shape_of(x)
    if len(shape) >= rank:
        return c.graph.identity(x)
    if rank == 3:
        shape = {0: [1, 1, 1], 1: [1, *shape, 1], 2: [*shape, 1]}[len(shape)]
    else:
        shape = [1] * (rank - len(shape)) + shape
    return c.graph.reshape(x, shape)


def side_by_side(rank: int, dim: int) -> Callable[..., Any]:
    def build(c: Call, tensors: list[Tensor]) -> Any:
        given = [grown(c, each, rank) for each in tensors]
        return concatenated(c, given, 0 if rank_of(given[0]) == 1 else dim)

    return build


def column_stack(c: Call, tensors: list[Tensor]) -> Any:
    given = [c.graph.reshape(t, [-1, 1]) if rank_of(t) < 2 else t for t in tensors]
    return concatenated(c, given, 1)


def split(c: Call, x: Tensor, split_size_or_sections: Any, dim: int = 0) -> Any:
    length = shape_of(x)[dim]
    sizes = split_size_or_sections
    if isinstance(sizes, int):
        step = sizes
        sizes = [min(step, length - at) for at in range(0, length, step)] if length else [0]
    return c.graph.split(x, list(sizes), dim)


def chunk(c: Call, x: Tensor, chunks: int, dim: int = 0) -> Any:
    length = shape_of(x)[dim]
    return split(c, x, max(-(-length // chunks), 1), dim)


def unbind(c: Call, x: Tensor, dim: int = 0) -> Any:
    parts = c.graph.split(x, num_splits=shape_of(x)[dim], axis=dim)
    return [c.graph.squeeze(part, dim) for part in parts]


def narrow(c: Call, x: Tensor, dim: int, start: Any, length: int) -> Any:
    if isinstance(start, Tensor):
        start = int(c.source(start))
    return c.graph.slice(x, dimension=dim, start=start, length=length)


def select(c: Call, x: Tensor, dim: int, index: int) -> Any:
    return c.graph.squeeze(c.graph.slice(x, dimension=dim, start=index, length=1), dim)


def slice_(
    c: Call, x: Tensor, dim: int = 0, start: Any = None, end: Any = None, step: int = 1
) -> Any:
    first, last, _ = slice(start, end, step).indices(shape_of(x)[dim])
    at = dim % rank_of(x)
    starts, ends = [0] * at + [first], [*shape_of(x)[:at], max(last, first)]
    return c.graph.slice(x, starts, ends, [1] * at + [step])


def flip(c: Call, x: Tensor, dims: Any) -> Any:
    axes = [dims] if isinstance(dims, int) else list(dims)
    return c.graph.reverse(x, axes) if axes and rank_of(x) else c.graph.identity(x)


def roll(c: Call, x: Tensor, shifts: Any, dims: Any = None) -> Any:
    g = c.graph
    shifts = [shifts] if isinstance(shifts, int) else list(shifts)
    if dims is None or dims == ():
        flat = g.reshape(x, [-1])
        return g.reshape(roll(c, flat, shifts, [0]), shape_of(x)) if rank_of(x) else g.identity(x)
    for shift, dim in zip(shifts, [dims] if isinstance(dims, int) else dims, strict=True):
        length = shape_of(x)[dim]
        at = shift % length if length else 0
        if at:
            head = g.slice(x, dimension=dim, start=0, length=length - at)
            x = g.concat([g.slice(x, dimension=dim, start=length - at, length=at), head], dim)
    return g.identity(x)


def rot90(c: Call, x: Tensor, k: int = 1, dims: Any = (0, 1)) -> Any:
    g = c.graph
    k %= 4
    if k == 0:
        return g.identity(x)
    if k == 2:
        return g.reverse(x, list(dims))
    if k == 1:
        return g.transpose(g.reverse(x, dims[1]), *dims)
    return g.reverse(g.transpose(x, *dims), dims[1])


def triangle(upper: bool) -> Callable[..., Any]:
    def build(c: Call, x: Tensor, diagonal: int = 0) -> Any:
        g = c.graph
        rows, columns = shape_of(x)[-2:]
        row = np.arange(rows)[:, None]
        column = np.arange(columns)[None, :]
        kept = column - row >= diagonal if upper else column - row <= diagonal
        if diagonal == 0:
            return g.band_part(x, 0, -1) if upper else g.band_part(x, -1, 0)
        return g.select(g.constant(kept), x, c.constant(0, x))

    return build


PAD_MODES = {
    "constant": PaddingMode.CONSTANT,
    "reflect": PaddingMode.REFLECT,
    "replicate": PaddingMode.CLAMP_TO_EDGE,
    "circular": PaddingMode.PERIODIC,
}


def cropped(c: Call, x: Tensor, sides: list[int]) -> tuple[Tensor, list[int]]:
    for at in range(len(sides) // 2):
        axis = rank_of(x) - 1 - at
        start, end = (max(0, -side) for side in sides[2 * at : 2 * at + 2])
        length = shape_of(x)[axis] - start - end
        x = c.graph.slice(x, dimension=axis, start=start, length=length)
    return x, [max(0, side) for side in sides]


def pad(c: Call, x: Tensor, pad: Any, mode: str = "constant", value: Any = None) -> Any:
    rank = rank_of(x)
    if mode == "circular":  # PyTorch repeats what it has cropped
        x, pad = cropped(c, x, list(pad))
    left, right = [0] * rank, [0] * rank
    for at in range(len(pad) // 2):
        left[rank - 1 - at], right[rank - 1 - at] = pad[2 * at], pad[2 * at + 1]
    return c.graph.pad(x, PAD_MODES[mode], left, right, float(value or 0))


def constant_pad(c: Call, x: Tensor, sides: Any, value: Any = 0) -> Any:
    return pad(c, x, sides, "constant", value)


def pixel_shuffle(c: Call, x: Tensor, upscale_factor: int) -> Any:
    return c.graph.depth_to_space_2d(x, -1, -2, -3, upscale_factor, True)


def pixel_unshuffle(c: Call, x: Tensor, downscale_factor: int) -> Any:
    return c.graph.space_to_depth_2d(x, -1, -2, -3, downscale_factor, True)


def channel_shuffle(c: Call, x: Tensor, groups: int) -> Any:
    shape = shape_of(x)
    split = c.graph.reshape(x, [shape[0], groups, shape[1] // groups, *shape[2:]])
    return c.graph.reshape(c.graph.transpose(split, 1, 2), shape)


def diagonal_mask(rows: int, columns: int, offset: int) -> np.ndarray:
    return np.arange(columns)[None, :] - np.arange(rows)[:, None] == offset


def diagonal(c: Call, x: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Any:
    g = c.graph
    rank = rank_of(x)
    dim1, dim2 = dim1 % rank, dim2 % rank
    order = [axis for axis in range(rank) if axis not in (dim1, dim2)]
    x = g.permute(x, [*order, dim1, dim2])
    rows, columns = shape_of(x)[-2:]
    first = np.flatnonzero(diagonal_mask(rows, columns, offset).reshape(-1))
    flat = g.reshape(x, [*shape_of(x)[:-2], rows * columns])
    return g.gather(flat, g.constant(first.astype(np.int32)), rank - 2)


def diag_embed(c: Call, x: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Any:
    g = c.graph
    length = shape_of(x)[-1]
    size = length + abs(offset)
    rank = rank_of(x) + 1
    # Where an element stands, its place; elsewhere the zero after the last one.
    places = np.full((size, size), length, np.int32)
    places[diagonal_mask(size, size, offset)] = np.arange(length)
    longer = g.pad(x, PaddingMode.ZERO, [0] * rank_of(x), [0] * (rank_of(x) - 1) + [1])
    result = g.gather(longer, g.constant(places), rank_of(x) - 1)
    return movedim(c, result, (-2, -1), (dim1 % rank, dim2 % rank))


def diag(c: Call, x: Tensor, diagonal_: int = 0) -> Any:
    return diag_embed(c, x, diagonal_) if rank_of(x) == 1 else diagonal(c, x, diagonal_)


def trace(c: Call, x: Tensor) -> Any:
    found = diagonal(c, x)
    if type_name(found) == "int32":
        found = c.cast(found, "int64")
    return c.graph.squeeze(c.graph.reduction_sum(found, 0), 0)


def meshgrid(c: Call, *tensors: Any, indexing: str = "ij") -> Any:
    g = c.graph
    given = list(tensors[0]) if isinstance(tensors[0], (list, tuple)) else list(tensors)
    swap = indexing == "xy" and len(given) >= 2
    if swap:
        given[:2] = given[1], given[0]
    sizes = [(shape_of(t) or [1])[0] for t in given]
    found = []
    for at, tensor in enumerate(given):
        shape = [size if axis == at else 1 for axis, size in enumerate(sizes)]
        found.append(g.broadcast(g.reshape(tensor, shape), sizes))
    if swap:
        found[:2] = found[1], found[0]
    return found


def diff(
    c: Call, x: Tensor, n: int = 1, dim: int = -1, prepend: Any = None, append: Any = None
) -> Any:
    g = c.graph
    if n == 0:
        return g.identity(x)
    parts = [part for part in (prepend, x, append) if part is not None]
    x = g.concat(parts, dim) if len(parts) > 1 else x
    for _ in range(min(n, shape_of(x)[dim])):
        length = shape_of(x)[dim] - 1
        parts = [g.slice(x, dimension=dim, start=start, length=length) for start in (1, 0)]
        if type_name(x) == "bool":
            x = g.logical_xor(*parts)
        else:
            x = parts[0] - parts[1]
    return g.identity(x)


# ---------------------------------------------------------------- indices


def gather(c: Call, x: Tensor, dim: int, index: Tensor, **_: Any) -> Any:
    g = c.graph
    if rank_of(x) == 0 or rank_of(index) == 0:
        shape = shape_of(index)
        x, index = (g.reshape(each, [-1]) for each in (x, index))
        return g.reshape(g.gather_along_axis(x, index, 0), shape)
    # PyTorch's index may be smaller than the operand in the other dimensions.
    own, wanted = shape_of(x), shape_of(index)
    if 0 in wanted:
        return g.broadcast(c.constant(0, x), wanted)
    if len(own) != len(wanted):
        return g.gather_along_axis(x, index, dim)  # which says that they differ
    sizes = [
        o if axis == dim % len(own) else w
        for axis, (o, w) in enumerate(zip(own, wanted, strict=True))
    ]
    if sizes != own:
        x = g.slice(x, [0] * len(own), sizes)
    return g.gather_along_axis(x, index, dim)


def take_along_dim(c: Call, x: Tensor, index: Tensor, dim: Any = None) -> Any:
    g = c.graph
    if dim is None:
        return g.gather_along_axis(g.reshape(x, [-1]), g.reshape(index, [-1]), 0)
    dim %= rank_of(x)
    both = [
        1 if axis == dim else np.broadcast_shapes((first,), (second,))[0]
        for axis, (first, second) in enumerate(zip(shape_of(x), shape_of(index), strict=True))
    ]
    own, wanted = list(both), list(both)
    own[dim], wanted[dim] = shape_of(x)[dim], shape_of(index)[dim]
    index = from_the_end(c, index, own[dim])
    return g.gather_along_axis(g.broadcast(x, own), g.broadcast(index, wanted), dim)


def from_the_end(c: Call, index: Tensor, count: int) -> Tensor:
    """Negative indices count from the end."""
    negative = c.graph.less_than(index, c.constant(0, index))
    return c.graph.select(negative, index + c.constant(count, index), index)


def index_select(c: Call, x: Tensor, dim: int, index: Tensor) -> Any:
    g = c.graph
    if rank_of(x) == 0:
        return g.identity(x)
    if rank_of(index) == 0:
        index = g.reshape(index, [1])
    return g.gather(x, index, dim)


def take(c: Call, x: Tensor, index: Tensor) -> Any:
    g = c.graph
    index = from_the_end(c, index, math.prod(shape_of(x)))
    return g.gather(g.reshape(x, [-1]), index, 0)


def embedding(
    c: Call, index: Tensor, weight: Tensor, padding_idx: Any = None, max_norm: Any = None, **_: Any
) -> Any:
    if max_norm is not None:
        raise CannotExpress("an operand that is changed")
    return c.graph.gather(weight, index, 0)


def scatter(mode: ScatterMode) -> Callable[..., Any]:
    def build(
        c: Call,
        x: Tensor,
        dim: int,
        index: Tensor,
        src: Any,
        reduce: Any = None,
        *,
        include_self: bool = True,
    ) -> Any:
        g = c.graph
        how = mode
        if reduce in ("add", "multiply"):
            how = ScatterMode.ADD if reduce == "add" else ScatterMode.MUL
        if not include_self:
            raise CannotExpress("a scatter that forgets what it meets")
        if not isinstance(src, Tensor):
            src = g.broadcast(c.constant(src, x), shape_of(index))
        shape = shape_of(x)
        if rank_of(x) == 0:
            x, index, src = (g.reshape(each, [-1]) for each in (x, index, src))
            dim = 0
        if rank_of(index) == 0:
            index, src = (g.reshape(each, [-1]) for each in (index, src))
        if rank_of(src) == 0:
            src = g.reshape(src, [1])
        if shape_of(src) != shape_of(index):
            src = g.slice(src, [0] * rank_of(src), shape_of(index))
        # Where the index is smaller than the operand in the other dimensions, all its coordinates
        # are needed.
        found = scatter_at(c, x, dim % rank_of(x), index, src, how)
        return g.reshape(found, shape)

    return build


def scatter_at(
    c: Call, x: Tensor, dim: int, index: Tensor, src: Tensor, mode: ScatterMode
) -> Tensor:
    g = c.graph
    parts = []
    for axis in range(rank_of(x)):
        if axis == dim:
            parts.append(g.reshape(g.cast(index, "int32"), [*shape_of(index), 1]))
        else:
            places = np.indices(shape_of(index), np.int32)[axis]
            parts.append(g.constant(places[..., None]))
    return g.scatter_nd(src, g.concat(parts, -1), data=x, mode=mode)


def index_into(mode: ScatterMode) -> Callable[..., Any]:
    def build(
        c: Call, x: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Any = 1
    ) -> Any:
        g = c.graph
        shape = shape_of(x)
        if rank_of(x) == 0:
            x, dim = g.reshape(x, [1]), 0
        if rank_of(index) == 0:
            index = g.reshape(index, [1])
        if rank_of(source) == 0:
            source = g.reshape(source, [1])
        if alpha != 1:
            source = source * c.constant(alpha, source)
        return g.reshape(g.scatter(source, index, axis=dim, data=x, mode=mode), shape)

    return build


def index_fill(c: Call, x: Tensor, dim: int, index: Tensor, value: Any) -> Any:
    g = c.graph
    value = c.cast(value, type_name(x))
    if rank_of(x) == 0:
        return value if math.prod(shape_of(index)) else g.identity(x)
    if rank_of(index) == 0:
        index = g.reshape(index, [1])
    shape = shape_of(x)
    shape[dim] = shape_of(index)[0]
    filled = g.broadcast(value, shape)
    return g.scatter(filled, index, axis=dim, data=x, mode=ScatterMode.SET)


def one_hot(c: Call, x: Tensor, num_classes: int = -1) -> Any:
    if num_classes == -1:
        raise CannotExpress("a size that the data decide")
    return c.graph.one_hot(x, num_classes, data_type="int64", on_value=1, off_value=0)


def nonzero(c: Call, x: Tensor, *, as_tuple: bool = False) -> Any:
    if rank_of(x) == 0:
        raise CannotExpress("a size that the data decide")
    found = c.graph.cast(c.graph.non_zero_indices(x), "int64")
    if as_tuple:
        raise CannotExpress("a tuple of columns")
    return found


UNCHANGED = Mapping(lambda c, x, *_, **__: c.graph.identity(x))
MAPPINGS: Mappings = {
    **dict.fromkeys(["reshape", "view", "view_copy"], Mapping(reshape)),
    **dict.fromkeys(["reshape_as", "view_as"], Mapping(reshape_as)),
    "flatten": Mapping(flatten),
    "ravel": Mapping(lambda c, x: c.graph.reshape(x, [-1])),
    "unflatten": Mapping(unflatten),
    **dict.fromkeys(["squeeze", "squeeze/multiple", "squeeze_copy"], Mapping(squeeze)),
    **dict.fromkeys(["unsqueeze", "unsqueeze_copy"], Mapping(unsqueeze)),
    **dict.fromkeys(["permute", "permute_copy"], Mapping(permute)),
    **dict.fromkeys(["transpose", "transpose_copy"], Mapping(transpose)),
    **dict.fromkeys(["t", "t_copy", "mT"], Mapping(transposed)),
    "T": Mapping(reversed_dims),
    "movedim": Mapping(movedim),
    **dict.fromkeys(["expand", "expand_copy", "broadcast_to"], Mapping(expand)),
    "expand_as": Mapping(lambda c, x, other: c.graph.broadcast(x, shape_of(other))),
    **dict.fromkeys(["repeat", "tile"], Mapping(repeat)),
    "cat": Mapping(concatenated),
    "stack": Mapping(stack),
    "hstack": Mapping(side_by_side(1, 1)),
    "vstack": Mapping(side_by_side(2, 0)),
    "dstack": Mapping(side_by_side(3, 2)),
    "column_stack": Mapping(column_stack),
    "atleast_1d": Mapping(at_least(1)),
    "atleast_2d": Mapping(at_least(2)),
    "atleast_3d": Mapping(at_least(3)),
    **dict.fromkeys(
        ["split", "split/list_args", "split_with_sizes", "split_with_sizes_copy", "unsafe_split"],
        Mapping(split),
    ),
    **dict.fromkeys(["chunk", "unsafe_chunk"], Mapping(chunk)),
    **dict.fromkeys(["unbind", "unbind_copy"], Mapping(unbind)),
    **dict.fromkeys(["narrow", "narrow_copy"], Mapping(narrow)),
    "select": Mapping(select),
    "slice": Mapping(slice_),
    "flip": Mapping(flip),
    "fliplr": Mapping(lambda c, x: c.graph.reverse(x, 1)),
    "flipud": Mapping(lambda c, x: c.graph.reverse(x, 0)),
    "roll": Mapping(roll),
    "rot90": Mapping(rot90),
    "tril": Mapping(triangle(False)),
    "triu": Mapping(triangle(True)),
    "nn.functional.pad/constant": Mapping(pad),
    "nn.functional.pad/reflect": Mapping(pad),
    "nn.functional.pad/replicate": Mapping(pad),
    "nn.functional.pad/replicate_negative": Mapping(pad),
    "nn.functional.pad/circular": Mapping(pad),
    "constant_pad_nd": Mapping(constant_pad),
    "nn.functional.pixel_shuffle": Mapping(pixel_shuffle),
    "nn.functional.pixel_unshuffle": Mapping(pixel_unshuffle),
    "nn.functional.channel_shuffle": Mapping(channel_shuffle),
    **dict.fromkeys(["diagonal", "diagonal_copy"], Mapping(diagonal)),
    "linalg.diagonal": Mapping(
        lambda c, x, *, offset=0, dim1=-2, dim2=-1: diagonal(c, x, offset, dim1, dim2)
    ),
    "diag_embed": Mapping(diag_embed),
    "diag": Mapping(diag),
    "trace": Mapping(trace, 16),
    "meshgrid/variadic_tensors": Mapping(meshgrid),
    "meshgrid/list_of_tensors": Mapping(meshgrid),
    "diff": Mapping(diff, 8, Bound.LARGEST),
    "gather": Mapping(gather),
    "take_along_dim": Mapping(take_along_dim),
    "index_select": Mapping(index_select),
    "take": Mapping(take),
    "nn.functional.embedding": Mapping(embedding),
    "scatter": Mapping(scatter(ScatterMode.SET), 4),
    "scatter_add": Mapping(scatter(ScatterMode.ADD), 16),
    "scatter_reduce/sum": Mapping(scatter(ScatterMode.ADD), 16),
    "scatter_reduce/prod": Mapping(scatter(ScatterMode.MUL), 16),
    "scatter_reduce/amax": Mapping(scatter(ScatterMode.MAX)),
    "scatter_reduce/amin": Mapping(scatter(ScatterMode.MIN)),
    "index_add": Mapping(index_into(ScatterMode.ADD), 16),
    "index_copy": Mapping(index_into(ScatterMode.SET)),
    "index_fill": Mapping(index_fill),
    "nn.functional.one_hot": Mapping(one_hot),
    "nonzero": Mapping(nonzero),
    "argwhere": Mapping(nonzero),
}
