"""Operations with loops of their own (sort, scan, transforms, recurrent layers...), each alone on a
mid-sized case, beside PyTorch: the size is the case's name.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from workloads._setup import Array, normal, torch_module
from workloads._work import Work


@dataclass(frozen=True)
class Case:
    """`mpsg` makes the targets from a graph and placeholders, `torch` the same from tensors."""

    inputs: list[Array]
    mpsg: Callable[..., Any]
    torch: Callable[..., Any]
    gradients: bool = False  # of the sum of the first result with respect to every float input


def integers(seed: int, end: int, *shape: int) -> Array:
    return np.random.default_rng(seed).integers(0, end, shape).astype(np.int64)


def fft(mode: str = "fast_fourier_transform") -> Callable[..., Any]:
    def call(g: Any, x: Any) -> Any:
        import mpsg

        axes = [-1] if mode == "fast_fourier_transform" else [-2, -1]
        return getattr(g, mode)(x, axes, mpsg.FFTDescriptor())

    return call


def scatter_add(g: Any, data: Any, indices: Any, updates: Any) -> Any:
    import mpsg

    return g.scatter(updates, indices, data=data, axis=0, mode=mpsg.ScatterMode.ADD)


def resize(mode: str) -> Callable[..., Any]:
    def call(g: Any, x: Any) -> Any:
        import mpsg

        return g.resize(
            x,
            [256, 256],
            mpsg.ResizeMode[mode],
            center_result=True,
            layout=mpsg.TensorNamedDataLayout.NCHW,
        )

    return call


def interpolate(mode: str) -> Callable[..., Any]:
    def call(t: Any, x: Any) -> Any:
        return t.nn.functional.interpolate(x, (256, 256), mode=mode)

    return call


def sample_grid(g: Any, x: Any, grid: Any) -> Any:
    import mpsg

    return g.sample_grid(
        x, grid, mpsg.TensorNamedDataLayout.NCHW, True, False, False, mpsg.PaddingMode.ZERO
    )


def convolution_3d(g: Any, x: Any, w: Any) -> Any:
    import mpsg

    return g.convolution_3d(
        x,
        w,
        mpsg.Convolution3DOpDescriptor(
            padding_style=mpsg.PaddingStyle.TF_SAME,
            data_layout=mpsg.TensorNamedDataLayout.NCDHW,
            weights_layout=mpsg.TensorNamedDataLayout.OIDHW,
        ),
    )


def depthwise(layout: str, weights: str) -> Callable[..., Any]:
    def call(g: Any, x: Any, w: Any) -> Any:
        import mpsg

        return g.depthwise_convolution_2d(
            x,
            w,
            mpsg.DepthwiseConvolution2DOpDescriptor(
                padding_style=mpsg.PaddingStyle.TF_SAME,
                data_layout=mpsg.TensorNamedDataLayout[layout],
                weights_layout=mpsg.TensorNamedDataLayout[weights],
            ),
        )

    return call


def torch_depthwise(t: Any, x: Any, w: Any) -> Any:
    return t.nn.functional.conv2d(x, w, padding=1, groups=x.shape[1])


def torch_depthwise_nhwc(t: Any, x: Any, w: Any) -> Any:
    """NHWC memory is PyTorch's channels_last."""
    w = w.permute(2, 3, 0, 1).to(memory_format=t.channels_last)
    return torch_depthwise(t, x.permute(0, 3, 1, 2), w).permute(0, 2, 3, 1)


def im_to_col(g: Any, x: Any) -> Any:
    import mpsg

    return g.im_to_col(
        x,
        mpsg.ImToColOpDescriptor(
            kernel_width=3, kernel_height=3, data_layout=mpsg.TensorNamedDataLayout.NCHW
        ),
    )


STEPS, BATCH, WIDTH = 64, 16, 256


def recurrent_inputs(gates: int) -> list[Array]:
    scale = WIDTH**-0.5
    return [
        normal(0, STEPS, BATCH, WIDTH),
        normal(1, gates * WIDTH, WIDTH, scale=scale),
        normal(2, gates * WIDTH, WIDTH, scale=scale),
        normal(3, gates * WIDTH, scale=scale),
    ]


def lstm(g: Any, x: Any, r: Any, w: Any, b: Any) -> Any:
    import mpsg

    return g.lstm(x, r, mpsg.LSTMDescriptor(), input_weight=w, bias=b)[0]


def torch_lstm(t: Any, x: Any, r: Any, w: Any, b: Any) -> Any:
    # PyTorch's gates are i, f, g, o: names of the same numbers.
    state = t.zeros(1, x.shape[1], WIDTH)
    weights = [w, r, b, t.zeros_like(b)]
    return t.lstm(x, (state, state), weights, True, 1, 0.0, False, False, False)[0]


def gru(g: Any, x: Any, r: Any, w: Any, b: Any) -> Any:
    import mpsg

    zeros = g.constant(np.zeros(WIDTH, np.float32))
    descriptor = mpsg.GRUDescriptor(reset_after=True)
    return g.gru(x, r, descriptor, input_weight=w, bias=b, secondary_bias=zeros)[0]


def torch_gru(t: Any, x: Any, r: Any, w: Any, b: Any) -> Any:
    # PyTorch's gates are r, z, n; ours z, r, o.
    def order(a: Any) -> Any:
        z, reset, o = a.chunk(3)
        return t.cat([reset, z, o])

    state = t.zeros(1, x.shape[1], WIDTH)
    weights = [order(w), order(r), order(b), t.zeros_like(b)]
    return t.gru(x, state, weights, True, 1, 0.0, False, False, False)[0]


def positive_definite(batch: int, size: int) -> Array:
    x = normal(0, batch, size, size)
    return x @ x.transpose(0, 2, 1) / size + np.eye(size, dtype=np.float32)


def cases() -> dict[str, Case]:
    rows = [normal(0, 256, 4096)]
    images = [normal(0, 8, 16, 128, 128)]
    grid = np.random.default_rng(1).uniform(-1, 1, (8, 128, 128, 2)).astype(np.float32)
    table = [normal(0, 10000, 64), integers(1, 10000, 50000), normal(2, 50000, 64)]
    return {
        "sort": Case(rows, lambda g, x: g.sort(x, 1), lambda t, x: t.sort(x, 1)[0]),
        "arg_sort": Case(rows, lambda g, x: g.arg_sort(x, 1), lambda t, x: t.argsort(x, 1)),
        "top_5": Case(rows, lambda g, x: g.top_k(x, 5)[0], lambda t, x: t.topk(x, 5)[0]),
        "top_100": Case(rows, lambda g, x: g.top_k(x, 100)[0], lambda t, x: t.topk(x, 100)[0]),
        "scan_rows": Case(rows, lambda g, x: g.cumulative_sum(x, 1), lambda t, x: t.cumsum(x, 1)),
        "scan_columns": Case(
            rows, lambda g, x: g.cumulative_sum(x, 0), lambda t, x: t.cumsum(x, 0)
        ),
        "scan_product": Case(
            [1 + 0.01 * rows[0]],
            lambda g, x: g.cumulative_product(x, 1),
            lambda t, x: t.cumprod(x, 1),
        ),
        "fft": Case(
            [(rows[0] + 1j * rows[0][::-1]).astype(np.complex64)],
            fft(),
            lambda t, x: t.fft.fft(x),
        ),
        "fft_real_2d": Case(
            [normal(0, 16, 256, 256)],
            fft("real_to_hermitean_fft"),
            lambda t, x: t.fft.rfft2(x),
        ),
        "resize_bilinear": Case(images, resize("BILINEAR"), interpolate("bilinear")),
        "resize_nearest": Case(images, resize("NEAREST"), interpolate("nearest-exact")),
        "scatter_add": Case(
            table, scatter_add, lambda t, data, indices, x: data.index_add(0, indices, x)
        ),
        "scatter_along_axis": Case(
            [rows[0], integers(1, 4096, 256, 4096), normal(2, 256, 4096)],
            lambda g, data, indices, x: g.scatter_along_axis(x, indices, 1, data=data),
            lambda t, data, indices, x: data.scatter_add(1, indices, x),
        ),
        "gather_along_axis": Case(
            [rows[0], integers(1, 4096, 256, 4096)],
            lambda g, x, indices: g.gather_along_axis(x, indices, 1),
            lambda t, x, indices: t.gather(x, 1, indices),
        ),
        "sample_grid": Case(
            [*images, grid],
            sample_grid,
            lambda t, x, grid: t.nn.functional.grid_sample(x, grid, align_corners=False),
        ),
        "lstm": Case(recurrent_inputs(4), lstm, torch_lstm),
        "lstm_training": Case(recurrent_inputs(4), lstm, torch_lstm, True),
        "gru": Case(recurrent_inputs(3), gru, torch_gru),
        "gru_training": Case(recurrent_inputs(3), gru, torch_gru, True),
        "convolution_3d": Case(
            [normal(0, 2, 16, 16, 32, 32), normal(1, 32, 16, 3, 3, 3, scale=0.05)],
            convolution_3d,
            lambda t, x, w: t.nn.functional.conv3d(x, w, padding=1),
        ),
        "depthwise_nchw": Case(
            [normal(0, 8, 64, 56, 56), normal(1, 64, 1, 3, 3)],
            lambda g, x, w: depthwise("NCHW", "OIHW")(g, x, g.permute(w, [1, 0, 2, 3])),
            torch_depthwise,
        ),
        "depthwise_nhwc": Case(
            [normal(0, 8, 56, 56, 64), normal(1, 3, 3, 64, 1)],
            depthwise("NHWC", "HWIO"),
            torch_depthwise_nhwc,
        ),
        "im_to_col": Case(
            [normal(0, 8, 16, 64, 64)],
            im_to_col,
            lambda t, x: t.nn.functional.unfold(x, 3),
        ),
        "inverse_small": Case(
            [positive_definite(64, 32)],
            lambda g, x: g.inverse(x),
            lambda t, x: t.linalg.inv(x),
        ),
        "inverse_large": Case(
            [positive_definite(2, 256)],
            lambda g, x: g.inverse(x),
            lambda t, x: t.linalg.inv(x),
        ),
    }


SIZES = list(cases())
TOLERANCE = 2e-3


def checked(value: Any) -> Array:
    value = np.asarray(value).ravel()
    if np.iscomplexobj(value):
        value = np.concatenate([value.real, value.imag])
    return value[:: max(1, value.size // 1000)]


def with_mpsg(name: str) -> Work:
    import mpsg

    case = cases()[name]
    graph = mpsg.Graph()
    placeholders = [graph.placeholder(x.shape, x.dtype) for x in case.inputs]
    targets = [case.mpsg(graph, *placeholders)]
    if case.gradients:
        found = graph.gradients(graph.reduction_sum(targets[0], axes=None), placeholders)
        targets = [found[x] for x in placeholders]
    feeds = {p: x.shape for p, x in zip(placeholders, case.inputs, strict=True)}
    executable = graph.compile(feeds, targets)
    return Work(
        lambda: executable.run(case.inputs),
        lambda: checked(executable.run(case.inputs)[-1].numpy()),
    )


def with_torch(name: str) -> Work:
    torch = torch_module()
    case = cases()[name]
    inputs = [torch.tensor(x, requires_grad=case.gradients) for x in case.inputs]

    def run() -> Any:
        if not case.gradients:
            with torch.inference_mode():
                return case.torch(torch, *inputs)
        return torch.autograd.grad(case.torch(torch, *inputs).sum(), inputs)[-1]

    return Work(run, lambda: checked(run()))


FRAMEWORKS = {"mpsg": with_mpsg, "torch": with_torch}
