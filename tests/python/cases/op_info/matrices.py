"""Products of matrices and vectors, inverses, Fourier transforms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

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
from mpsg import FFTDescriptor, FFTScalingMode

Tensor = mpsg.Tensor


def matmul(c: Call, x: Tensor, y: Tensor) -> Any:
    """A vector is a row on the left and a column on the right, and no dimension of the result."""
    g = c.graph
    dropped = []
    if rank_of(x) == 1:
        x = g.expand_dims(x, 0)
        dropped.append(-2)
    if rank_of(y) == 1:
        y = g.expand_dims(y, 1)
        dropped.append(-1)
    result = g.matrix_multiplication(x, y)
    return g.squeeze(result, dropped) if dropped else result


def inner(c: Call, x: Tensor, y: Tensor) -> Any:
    if rank_of(x) == 0 or rank_of(y) == 0:
        return x * y
    if rank_of(y) == 1:
        return matmul(c, x, y)
    columns = c.graph.reshape(y, [-1, shape_of(y)[-1]])
    product = matmul(c, x, c.graph.transpose(columns, 0, 1))
    return c.graph.reshape(product, [*shape_of(x)[:-1], *shape_of(y)[:-1]])


def outer(c: Call, x: Tensor, y: Tensor) -> Any:
    return c.graph.expand_dims(x, 1) * c.graph.expand_dims(y, 0)


def kron(c: Call, x: Tensor, y: Tensor) -> Any:
    g = c.graph
    rank = max(rank_of(x), rank_of(y))
    a = [1] * (rank - rank_of(x)) + shape_of(x)
    b = [1] * (rank - rank_of(y)) + shape_of(y)
    left = g.reshape(x, [size for n in a for size in (n, 1)])
    right = g.reshape(y, [size for n in b for size in (1, n)])
    return g.reshape(left * right, [m * n for m, n in zip(a, b, strict=True)])


def added(product: Callable[..., Any]) -> Callable[..., Any]:
    """beta * x + alpha * product: with beta = 0 x is not looked at."""

    def build(c: Call, x: Tensor, a: Tensor, b: Tensor, *, beta: Any = 1, alpha: Any = 1) -> Any:
        found = product(c, a, b)
        if alpha != 1:
            found = found * c.constant(alpha, found)
        if beta == 0:
            return found
        return (x * c.constant(beta, x) if beta != 1 else x) + found

    return build


def summed_products(c: Call, a: Tensor, b: Tensor) -> Tensor:
    return c.graph.squeeze(c.graph.reduction_sum(c.graph.matrix_multiplication(a, b), 0), 0)


def linear(c: Call, x: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    columns = c.graph.transpose(weight, 0, 1) if rank_of(weight) == 2 else weight
    result = matmul(c, x, columns)
    return result if bias is None else result + bias


def bilinear(c: Call, x: Tensor, y: Tensor, weight: Tensor, bias: Tensor | None = None) -> Any:
    g = c.graph
    flat = [g.reshape(each, [-1, shape_of(each)[-1]]) for each in (x, y)]
    # [outputs, batch, second]
    first = g.matrix_multiplication(g.expand_dims(flat[0], 0), weight)
    total = g.reduction_sum(first * g.expand_dims(flat[1], 0), 2)
    found = g.transpose(g.squeeze(total, 2), 0, 1)
    found = g.reshape(found, [*shape_of(x)[:-1], shape_of(weight)[0]])
    return found if bias is None else found + bias


def vecdot(c: Call, x: Tensor, y: Tensor, *, dim: int = -1) -> Any:
    return c.graph.squeeze(c.graph.reduction_sum(c.graph.conjugate(x) * y, dim), dim)


def vdot(c: Call, x: Tensor, y: Tensor) -> Any:
    return matmul(c, c.graph.conjugate(x), y)


def multi_dot(c: Call, tensors: list[Tensor]) -> Any:
    result = tensors[0]
    for each in tensors[1:]:
        result = matmul(c, result, each)
    return result


def matrix_power(c: Call, x: Tensor, n: int) -> Any:
    g = c.graph
    if n == 0:
        raise CannotExpress("a unit matrix of any rank")
    if n < 0:
        x, n = g.inverse(x), -n
    result = x
    for _ in range(n - 1):
        result = g.matrix_multiplication(result, x)
    return g.identity(result)


def cross(c: Call, x: Tensor, y: Tensor, *, dim: Any = -1) -> Any:
    g = c.graph
    dim = -1 if dim is None else dim

    def turned(t: Tensor, by: int) -> Tensor:
        places = g.constant([(at + by) % 3 for at in range(3)], data_type="int32")
        return g.gather(t, places, dim % rank_of(t))

    return turned(x, 1) * turned(y, 2) - turned(x, 2) * turned(y, 1)


def inverse(c: Call, x: Tensor) -> Any:
    return c.graph.inverse(x)


def attention(
    c: Call,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Any:
    if dropout_p:
        raise CannotExpress("random numbers of PyTorch's")
    if enable_gqa or is_causal:
        raise CannotExpress("heads in groups, and causal masks by a flag")
    if attn_mask is not None and type_name(attn_mask) == "bool":
        raise CannotExpress("a mask of truth values")
    size = shape_of(query)[-1]
    factor = size**-0.5 if scale is None else scale
    return c.graph.scaled_dot_product_attention(query, key, value, factor, mask=attn_mask)


# ---------------------------------------------------------------- Fourier transforms

# What the sum is multiplied by, forwards and backwards.
SCALES = {
    (None, False): FFTScalingMode.NONE,
    (None, True): FFTScalingMode.SIZE,
    ("backward", False): FFTScalingMode.NONE,
    ("backward", True): FFTScalingMode.SIZE,
    ("forward", False): FFTScalingMode.SIZE,
    ("forward", True): FFTScalingMode.NONE,
    ("ortho", False): FFTScalingMode.UNITARY,
    ("ortho", True): FFTScalingMode.UNITARY,
}


def resized(c: Call, x: Tensor, sizes: dict[int, int]) -> Tensor:
    """Cut, or filled with zeros, as PyTorch does where a length is given."""
    for axis, size in sizes.items():
        own = shape_of(x)[axis]
        if size < own:
            x = c.graph.slice(x, dimension=axis, start=0, length=size)
        elif size > own:
            right = [size - own if at == axis else 0 for at in range(rank_of(x))]
            x = c.graph.pad(x, mpsg.PaddingMode.ZERO, [0] * rank_of(x), right)
    return x


def transform(kind: str, inverse: bool, default: Any) -> Callable[..., Any]:
    """`default`: the dimensions that are transformed where none are named."""

    def build(
        c: Call, x: Tensor, n: Any = None, dim: Any = default, norm: Any = None, *, s: Any = None
    ) -> Any:
        n = s if n is None else n
        g = c.graph
        if dim is None:
            given = [n] if isinstance(n, int) else n
            dim = range(-len(given), 0) if given is not None else range(rank_of(x))
        axes = [axis % rank_of(x) for axis in ([dim] if isinstance(dim, int) else dim)]
        if len(axes) > 4:
            raise CannotExpress("more than four dimensions")
        if not axes:
            return g.cast(x, "complex64")
        sizes = (
            dict(zip(axes, [n] if isinstance(n, int) else n, strict=True)) if n is not None else {}
        )
        sizes = {axis: size for axis, size in sizes.items() if size != -1}
        if type_name(x) not in {"float32", "complex64"}:
            x = g.cast(x, "float32")
        descriptor = FFTDescriptor(inverse=inverse, scaling_mode=SCALES[norm, inverse])
        last = axes[-1]
        if kind == "fast":
            return g.fast_fourier_transform(resized(c, x, sizes), axes, descriptor)
        if kind == "real":
            return g.real_to_hermitean_fft(resized(c, x, sizes), axes, descriptor)
        length = sizes.get(last, 2 * (shape_of(x)[last] - 1))
        x = resized(c, x, {**sizes, last: length // 2 + 1})
        descriptor.round_to_odd_hermitean = bool(length % 2)
        if type_name(x) != "complex64":
            x = g.cast(x, "complex64")
        return g.hermitean_to_real_fft(x, axes, descriptor)

    return build


def shifted(sign: int) -> Callable[..., Any]:
    from cases.op_info.shapes import roll

    def build(c: Call, x: Tensor, dim: Any = None) -> Any:
        axes = c.axes(x, dim) if dim is not None else list(range(rank_of(x)))
        half = [shape_of(x)[axis] // 2 for axis in axes]
        if sign < 0:
            half = [-size for size in half]
        return roll(c, x, half, axes) if axes else c.graph.identity(x)

    return build


# Butterflies: log2 of the length, and the same for what they are multiplied by.
FOURIER = 64
TRANSFORMS = {
    "fft.fft": ("fast", False, -1),
    "fft.ifft": ("fast", True, -1),
    "fft.fft2": ("fast", False, (-2, -1)),
    "fft.ifft2": ("fast", True, (-2, -1)),
    "fft.fftn": ("fast", False, None),
    "fft.ifftn": ("fast", True, None),
    "fft.rfft": ("real", False, -1),
    "fft.rfft2": ("real", False, (-2, -1)),
    "fft.rfftn": ("real", False, None),
    "fft.irfft": ("hermitean", True, -1),
    "fft.irfft2": ("hermitean", True, (-2, -1)),
    "fft.irfftn": ("hermitean", True, None),
}
PRODUCT = 4
MAPPINGS: Mappings = {
    **dict.fromkeys(["matmul", "mm", "bmm", "mv", "dot"], Mapping(matmul, PRODUCT, Bound.TERMS)),
    "__rmatmul__": Mapping(lambda c, x, y: matmul(c, y, x), PRODUCT, Bound.TERMS),
    "inner": Mapping(inner, PRODUCT, Bound.TERMS),
    "outer": Mapping(outer, 1),
    "kron": Mapping(kron, 1),
    "vdot": Mapping(vdot, PRODUCT, Bound.TERMS),
    "addmm": Mapping(added(matmul), PRODUCT, Bound.TERMS),
    "addmm/decomposed": Mapping(added(matmul), PRODUCT, Bound.TERMS),
    "addmv": Mapping(added(matmul), PRODUCT, Bound.TERMS),
    "addr": Mapping(added(outer), PRODUCT, Bound.TERMS),
    "baddbmm": Mapping(added(matmul), PRODUCT, Bound.TERMS),
    "addbmm": Mapping(added(summed_products), PRODUCT, Bound.TERMS),
    "nn.functional.linear": Mapping(linear, PRODUCT, Bound.TERMS),
    "nn.functional.bilinear": Mapping(bilinear, 64, Bound.TERMS),
    "linalg.vecdot": Mapping(vecdot, PRODUCT, Bound.TERMS),
    "linalg.multi_dot": Mapping(multi_dot, 64, Bound.TERMS),
    "linalg.matrix_power": Mapping(matrix_power, 1024, Bound.LARGEST),
    "linalg.cross": Mapping(cross, 4, Bound.LARGEST),
    "cross": Mapping(cross, 4, Bound.LARGEST),
    "linalg.inv": Mapping(inverse, 1024, Bound.LARGEST),
    "nn.functional.scaled_dot_product_attention": Mapping(attention, 64, Bound.LARGEST),
    **{name: Mapping(transform(*how), FOURIER, Bound.LARGEST) for name, how in TRANSFORMS.items()},
    "fft.fftshift": Mapping(shifted(1)),
    "fft.ifftshift": Mapping(shifted(-1)),
}
