"""Against PyTorch, where its operation means the same: a second opinion on what NumPy and SciPy do
not have.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

import mpsg
from mpsg import Convolution2DOpDescriptor, LossReductionType, Pooling2DOpDescriptor
from support.compare import assert_close
from support.numbers import random_generator, values
from support.running import DEVICES, run

pytestmark = [pytest.mark.peers, pytest.mark.parametrize("device", DEVICES)]


def real(shape: tuple[int, ...], key: object = 0) -> np.ndarray:
    return values("float64", shape, random_generator(shape, key))


def with_gradients(
    call: Any, arrays: list[np.ndarray], device: str
) -> tuple[np.ndarray, list[np.ndarray]]:
    def build(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> list[mpsg.Tensor]:
        result = call(graph, tensors)
        found = graph.gradients(graph.square(result), tensors)
        return [result, *(found[tensor] for tensor in tensors)]

    result, *gradients = run(build, arrays, device)
    return result, gradients


def torch_with_gradients(call: Any, arrays: list[np.ndarray]) -> tuple[Any, list[Any]]:
    import torch

    tensors = [torch.tensor(array, requires_grad=True) for array in arrays]
    result = call(*tensors)
    (result**2).sum().backward()
    return result.detach().numpy(), [tensor.grad.numpy() for tensor in tensors]


def compare(ours: Any, theirs: Any, operations: int, what: str) -> None:
    for got, wanted in zip([ours[0], *ours[1]], [theirs[0], *theirs[1]], strict=True):
        scale = np.full(np.shape(wanted), np.max(np.abs(wanted), initial=1))
        assert_close(got, wanted, operations, scale=scale, what=what)


@pytest.mark.parametrize("groups", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("padding", [0, 2])
def test_convolution(groups: int, stride: int, dilation: int, padding: int, device: str) -> None:
    import torch

    descriptor = Convolution2DOpDescriptor(
        groups=groups,
        stride_in_x=stride,
        stride_in_y=stride,
        dilation_rate_in_x=dilation,
        dilation_rate_in_y=dilation,
        padding_left=padding,
        padding_right=padding,
        padding_top=padding,
        padding_bottom=padding,
    )
    arrays = [real((2, 4, 9, 8)), real((6, 4 // groups, 3, 2), 1)]
    ours = with_gradients(lambda g, t: g.convolution_2d(*t, descriptor), arrays, device)
    theirs = torch_with_gradients(
        lambda x, w: torch.nn.functional.conv2d(x, w, None, stride, padding, dilation, groups),
        arrays,
    )
    compare(ours, theirs, 400, "convolution_2d")


@pytest.mark.parametrize("ceil", [False, True])
@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1])
@pytest.mark.parametrize("kind", ["max", "avg", "avg with padding"])
def test_pooling(kind: str, padding: int, stride: int, ceil: bool, device: str) -> None:
    import torch

    descriptor = Pooling2DOpDescriptor(
        kernel_width=3,
        kernel_height=2,
        stride_in_x=stride,
        stride_in_y=stride,
        padding_left=padding,
        padding_right=padding,
        padding_top=padding,
        padding_bottom=padding,
        ceil_mode=ceil,
        include_zero_pad_to_average=kind == "avg with padding",
    )
    arrays = [real((2, 3, 8, 11))]
    row = "max_pooling_2d" if kind == "max" else "avg_pooling_2d"
    ours = with_gradients(lambda g, t: getattr(g, row)(t[0], descriptor), arrays, device)

    def theirs(x: Any) -> Any:
        if kind == "max":
            return torch.nn.functional.max_pool2d(x, (2, 3), stride, padding, 1, ceil)
        counts = kind == "avg with padding"
        return torch.nn.functional.avg_pool2d(x, (2, 3), stride, padding, ceil, counts)

    compare(ours, torch_with_gradients(theirs, arrays), 40, row)


@pytest.mark.parametrize("reduction", ["sum", "mean", "none"])
def test_cross_entropy(reduction: str, device: str) -> None:
    import torch

    arrays = [real((5, 7)), np.abs(real((5, 7), 1))]
    kind = LossReductionType[reduction.upper()]

    def ours(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        loss = graph.softmax_cross_entropy(*tensors, 1, kind)
        return graph.reshape(loss, [5]) if reduction == "none" else loss

    def theirs(x: Any, labels: Any) -> Any:
        return torch.nn.functional.cross_entropy(x, labels, reduction=reduction)

    compare(
        with_gradients(ours, arrays, device), torch_with_gradients(theirs, arrays), 100, reduction
    )


def test_layer_norm(device: str) -> None:
    import torch

    arrays = [real((4, 6)), real((6,), 1), real((6,), 2)]

    def ours(graph: mpsg.Graph, tensors: list[mpsg.Tensor]) -> Any:
        x, gamma, beta = tensors
        mean, variance = graph.mean(x, 1), graph.variance(x, 1)
        return graph.normalization(x, mean, variance, gamma, beta, 1e-5)

    def theirs(x: Any, gamma: Any, beta: Any) -> Any:
        return torch.nn.functional.layer_norm(x, (6,), gamma, beta, 1e-5)

    compare(with_gradients(ours, arrays, device), torch_with_gradients(theirs, arrays), 100, "norm")


@pytest.mark.parametrize("amsgrad", [False, True])
def test_adam(amsgrad: bool, device: str) -> None:
    import torch

    start, target = real((5,)), real((5,), 1)
    weights = torch.tensor(start, requires_grad=True)
    peer = torch.optim.Adam([weights], lr=0.1, betas=(0.8, 0.9), eps=1e-3, amsgrad=amsgrad)
    graph = mpsg.Graph()
    w, m, v, top = (graph.variable(array) for array in [start, *[np.zeros(5)] * 3])
    powers = [graph.variable(np.array(beta)) for beta in (0.8, 0.9)]
    gradient = (w - graph.constant(target)) * 2.0
    # PyTorch divides by square_root(1 - beta2_power) before it adds epsilon.
    correction = graph.square_root(1.0 - powers[1])
    new = graph.adam(
        *(0.1, 0.8, 0.9, correction * 1e-3, w, m, v, gradient),
        maximum_velocity=top if amsgrad else None,
        beta1_power=powers[0],
        beta2_power=powers[1],
    )
    steps = [graph.assign(old, value) for old, value in zip([w, m, v, top], new, strict=False)]
    steps += [graph.assign(p, p * b) for p, b in zip(powers, (0.8, 0.9), strict=True)]
    for _ in range(5):
        graph.run({}, [], steps, device=device)
        peer.zero_grad()
        ((weights - torch.tensor(target)) ** 2).sum().backward()
        peer.step()
        wanted = weights.detach().numpy()
        got = graph.variable_value(w).numpy()
        assert_close(got, wanted, 400, scale=np.ones(5), what="adam")
