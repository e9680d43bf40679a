"""Fourier transforms and what goes with them."""

from __future__ import annotations

import mpsg
from mpsg import Tensor
from mpsg.onnx._build import as_sizes, cast, constant, like, size_of
from mpsg.onnx._node import Converter, Node
from mpsg.onnx._proto import from_onnx_type


def part(x: Tensor, index: int) -> Tensor:
    """The real or the imaginary part: the last axis holds them."""
    axis = len(x.shape or ()) - 1
    return x.graph.squeeze(x.graph.slice(x, dimension=axis, start=index, length=1), axis)


def joined(x: Tensor) -> Tensor:
    """A complex tensor as real numbers with a last axis of two."""
    return x.graph.stack([x.graph.real_part(x), x.graph.imaginary_part(x)], -1)


def resized(x: Tensor, axis: int, size: int | Tensor) -> Tensor:
    """Cut, or with zeros at the end."""
    graph, rank = x.graph, len(x.shape or ())
    own = size_of(x, axis)
    if isinstance(own, int) and isinstance(size, int):
        more: int | Tensor = size - own
    else:
        target = constant(graph, size, mpsg.int64) if isinstance(size, int) else size
        more = target - (like(target, own) if isinstance(own, int) else own)
    after = as_sizes(graph, [more if i == axis else 0 for i in range(rank)])
    return graph.pad(x, mpsg.PaddingMode.ZERO, [0] * rank, after)


def axis_of(node: Node) -> int | Tensor:
    """The transformed axis, from the front: an attribute before opset 20, then an input."""
    rank, given = node.rank(), node.optional(2) if node.opset >= 20 else None
    known = node.integers(2)
    if given is not None and known is None:
        axis = cast(node.graph.reshape(given, []), mpsg.int64)
        return node.graph.select(axis < like(axis, 0), axis + like(axis, rank), axis)
    default = -2 if node.opset >= 20 else 1
    at = int(node.attribute("axis", default)) if given is None or known is None else known[0]
    return at + rank if at < 0 else at


def fourier(node: Node) -> Tensor:
    graph, given, axis = node.graph, node[0], axis_of(node)
    if given.data_type == mpsg.float64:
        node.fail("mpsg transforms float32")
    inverse, onesided = bool(node.attribute("inverse", 0)), bool(node.attribute("onesided", 0))
    length: int | Tensor | None = None
    if node.optional(1) is not None:
        known = node.integers(1)
        length = known[0] if known is not None else cast(graph.reshape(node[1], []), mpsg.int64)
    x = cast(given, mpsg.float32)
    scaling = mpsg.FFTScalingMode.SIZE if inverse else mpsg.FFTScalingMode.NONE
    if inverse and onesided:
        return cast(from_half(node, x, axis, length), given.data_type)
    if length is not None:
        if isinstance(axis, Tensor):
            node.fail("mpsg needs its input 2 (axis) as a constant of the model here")
        x = resized(x, axis, length)
    descriptor = mpsg.FFTDescriptor(inverse=inverse, scaling_mode=scaling)
    if onesided:
        found = graph.real_to_hermitean_fft(part(x, 0), axis, descriptor)
    elif (given.shape or (-1,))[-1] == 1:
        found = graph.fast_fourier_transform(part(x, 0), axis, descriptor)
        return cast(of_real(joined(found), axis), given.data_type)
    else:
        found = graph.fast_fourier_transform(
            graph.complex(part(x, 0), part(x, 1)), axis, descriptor
        )
    return cast(joined(found), given.data_type)


def of_real(spectrum: Tensor, axis: int | Tensor) -> Tensor:
    """The spectrum of a real signal mirrors itself, conjugated: made so to the last bit."""
    graph = spectrum.graph
    place = graph.coordinate_along_axis(axis, graph.shape_of(spectrum))
    size = graph.reshape(graph.gather(graph.shape_of(spectrum), _vector(graph, axis), 0), [])
    other = graph.gather_along_axis(spectrum, graph.floor_modulo(size - place, size), axis)
    return (spectrum + other * graph.constant([1.0, -1.0])) * like(spectrum, 0.5)


def _vector(graph: mpsg.Graph, axis: int | Tensor) -> Tensor:
    return (
        graph.reshape(axis, [1])
        if isinstance(axis, Tensor)
        else constant(graph, [axis], mpsg.int32)
    )


def from_half(node: Node, x: Tensor, axis: int | Tensor, length: int | Tensor | None) -> Tensor:
    """The real signal of a spectrum of which one half is given."""
    graph, odd = node.graph, False
    if length is not None:
        if not isinstance(length, int) or not isinstance(axis, int):
            node.fail("mpsg needs dft_length and axis as constants of the model here")
        x, odd = resized(x, axis, length // 2 + 1), length % 2 == 1
    descriptor = mpsg.FFTDescriptor(
        inverse=True, scaling_mode=mpsg.FFTScalingMode.SIZE, round_to_odd_hermitean=odd
    )
    found = graph.hermitean_to_real_fft(graph.complex(part(x, 0), part(x, 1)), axis, descriptor)
    return graph.expand_dims(found, -1)


def short_time_fourier(node: Node) -> Tensor:
    """Transforms of frames that begin every few samples, each times a window."""
    graph, signal = node.graph, cast(node[0], mpsg.float32)
    step = graph.reshape(cast(node[1], mpsg.int64), [])
    window = node.optional(2)
    known = node.integers(3)
    if known is not None:
        length: int | Tensor = known[0]
    elif node.optional(3) is not None:
        length = graph.reshape(cast(node[3], mpsg.int64), [])
    elif window is not None:
        length = size_of(window, 0)
    else:
        node.fail("it has neither a window nor a frame_length")
    size = constant(graph, length, mpsg.int64) if isinstance(length, int) else length
    whole = size_of(signal, 1)
    samples = constant(graph, whole, mpsg.int64) if isinstance(whole, int) else whole
    frames = (samples - size) / step + like(size, 1)
    shape = graph.stack([frames, size], 0)
    places = cast(graph.coordinate_along_axis(0, shape), mpsg.int64) * step
    places = places + cast(graph.coordinate_along_axis(1, shape), mpsg.int64)
    cut = graph.gather(signal, places, 1)  # (N, frames, length, 1 or 2)
    if window is not None:
        cut = cut * graph.expand_dims(cast(window, mpsg.float32), 1)
    descriptor = mpsg.FFTDescriptor()
    if (signal.shape or (-1,))[-1] == 2:
        x = graph.complex(part(cut, 0), part(cut, 1))
        found = graph.fast_fourier_transform(x, 2, descriptor)
    elif node.attribute("onesided", 1):
        found = graph.real_to_hermitean_fft(part(cut, 0), 2, descriptor)
    else:
        found = graph.fast_fourier_transform(part(cut, 0), 2, descriptor)
    return cast(joined(found), node[0].data_type)


def mel_weight_matrix(node: Node) -> Tensor:
    """Triangles over the bins of a spectrum, whose corners are evenly spaced in mels."""
    graph = node.graph
    bins, length, rate = (graph.reshape(cast(node[i], mpsg.int64), []) for i in range(3))
    low, high = (graph.reshape(cast(node[i], mpsg.float64), []) for i in (3, 4))

    def mels(hertz: Tensor) -> Tensor:
        scaled = graph.logarithm_base10(hertz / like(hertz, 700) + like(hertz, 1))
        return scaled * like(hertz, 2595)

    corners = graph.reshape(bins + like(bins, 2), [1])
    index = cast(graph.coordinate_along_axis(0, corners), mpsg.float64)
    step = (mels(high) - mels(low)) / cast(bins + like(bins, 2), mpsg.float64)
    place = index * step + mels(low)
    hertz = (graph.power(like(place, 10), place / like(place, 2595)) - like(place, 1)) * like(
        place, 700
    )
    spectrum = cast(length, mpsg.float64) + like(place, 1)
    corner = graph.floor(hertz * spectrum / cast(rate, mpsg.float64))  # of a bin, bins + 2 of them

    def corner_of(start: int) -> Tensor:
        count = graph.reshape(bins, [1])
        begin = graph.constant([start], data_type=mpsg.int64)
        return graph.expand_dims(graph.slice(corner, begin, begin + count), 0)

    lower, center, upper = (corner_of(start) for start in range(3))
    rows = (length / like(length, 2)) + like(length, 1)
    row = cast(graph.coordinate_along_axis(0, graph.stack([rows, like(rows, 1)], 0)), mpsg.float64)
    one, zero = like(row, 1), like(row, 0)
    rise, fall = center - lower, upper - center
    rising = graph.select(graph.equal(rise, zero), one, graph.division_no_nan(row - lower, rise))
    before = graph.logical_and(row >= lower, row <= center)
    before = graph.logical_and(before, graph.logical_or(rise > zero, graph.equal(row, center)))
    after = graph.logical_and(row >= center, row < upper)
    falling = graph.division_no_nan(upper - row, fall)
    found = graph.select(after, falling, graph.select(before, rising, zero))
    return cast(found, from_onnx_type(node.attribute("output_datatype", 1)))


CONVERTERS: dict[str, Converter] = {
    "DFT": fourier,
    "MelWeightMatrix": mel_weight_matrix,
    "STFT": short_time_fourier,
}
