"""The digits training step, mpsg beside PyTorch eager: the same network, batch and threads.

    python benchmarks/digits_step.py [--batch 40] [--threads 2] [--rounds 5]

Each framework runs in processes of its own, in turn; printed are the medians over all rounds and
their ratio. The loss of the first steps is compared, so that both do the same work.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

import numpy as np

LEARNING_RATE = 0.01
SHAPES = {
    "convolution_1": (5, 5, 1, 32),
    "convolution_2": (5, 5, 32, 64),
    "dense_1": (3136, 1024),
    "dense_2": (1024, 10),
}


def weights() -> dict[str, np.ndarray]:
    """The same starting weights for every framework (HWIO, [in, out])."""
    random = np.random.default_rng(0)
    return {
        name: random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)
        for name, shape in SHAPES.items()
    }


def batch(size: int) -> tuple[np.ndarray, np.ndarray]:
    random = np.random.default_rng(1)
    images = random.random((size, 28, 28, 1), dtype=np.float32)
    return images, random.integers(0, 10, size).astype(np.int32)


def mpsg_step(size: int) -> Callable[[], float]:
    import mpsg

    graph = mpsg.Graph()
    images = graph.placeholder([-1, 28, 28, 1])
    labels = graph.placeholder([-1], mpsg.int32)
    convolution = mpsg.Convolution2DOpDescriptor(
        padding_style=mpsg.PaddingStyle.TF_SAME,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
        weights_layout=mpsg.TensorNamedDataLayout.HWIO,
    )
    pooling = mpsg.Pooling2DOpDescriptor(
        kernel_width=2,
        kernel_height=2,
        stride_in_x=2,
        stride_in_y=2,
        data_layout=mpsg.TensorNamedDataLayout.NHWC,
    )
    variables = []

    def variable(value: np.ndarray) -> mpsg.Tensor:
        variables.append(graph.variable(value))
        return variables[-1]

    start = weights()
    x = images
    for name in ("convolution_1", "convolution_2"):
        x = graph.convolution_2d(x, variable(start[name]), convolution)
        x = graph.relu(x + variable(np.zeros(start[name].shape[-1], np.float32)))
        x = graph.max_pooling_2d(x, pooling)
    x = graph.reshape(x, [-1, 3136])
    x = graph.relu(x @ variable(start["dense_1"]) + variable(np.zeros(1024, np.float32)))
    x = x @ variable(start["dense_2"]) + variable(np.zeros(10, np.float32))
    loss = graph.softmax_cross_entropy(
        x, graph.one_hot(labels, 10), axis=1, reduction_type=mpsg.LossReductionType.MEAN
    )
    gradients = graph.gradients(loss, variables)
    updates = [
        graph.assign(v, graph.stochastic_gradient_descent(LEARNING_RATE, v, gradients[v]))
        for v in variables
    ]
    feeds = dict(zip((images, labels), batch(size), strict=True))
    return lambda: graph.run(feeds, [loss], updates)[loss].item()


def torch_step(size: int) -> Callable[[], float]:
    import torch
    from torch import nn

    torch.set_num_threads(int(os.environ["MPSG_NUM_THREADS"]))
    network = nn.Sequential(
        nn.Conv2d(1, 32, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Flatten(),
        nn.Linear(3136, 1024),
        nn.ReLU(),
        nn.Linear(1024, 10),
    )
    start = weights()
    with torch.no_grad():
        for layer, name in ((0, "convolution_1"), (3, "convolution_2")):
            network[layer].weight.copy_(torch.tensor(start[name]).permute(3, 2, 0, 1))
            network[layer].bias.zero_()
        # mpsg flattens NHWC, torch NCHW: the same network needs the rows in the other order.
        dense = start["dense_1"].reshape(7, 7, 64, 1024).transpose(2, 0, 1, 3).reshape(3136, 1024)
        network[7].weight.copy_(torch.tensor(dense.T.copy()))
        network[9].weight.copy_(torch.tensor(start["dense_2"].T.copy()))
        network[7].bias.zero_()
        network[9].bias.zero_()
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=LEARNING_RATE)
    images, labels = batch(size)
    x = torch.tensor(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last)
    y = torch.tensor(labels.astype(np.int64))

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = nn.functional.cross_entropy(network(x), y)
        loss.backward()
        optimizer.step()
        return float(loss)

    return step


def measure(framework: str, size: int) -> None:
    """Runs one framework in this process and prints its figures as JSON."""
    step = {"mpsg": mpsg_step, "torch": torch_step}[framework](size)
    losses = [step() for _ in range(5)]
    times = []
    for _ in range(30):
        begin = time.perf_counter()
        step()
        times.append(time.perf_counter() - begin)
    print(json.dumps({"losses": losses, "times": times}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=40)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", choices=["mpsg", "torch"], help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.only:
        measure(arguments.only, arguments.batch)
        return
    times: dict[str, list[float]] = {"mpsg": [], "torch": []}
    losses: dict[str, list[float]] = {}
    environment = dict(os.environ, MPSG_NUM_THREADS=str(arguments.threads))
    environment["OMP_NUM_THREADS"] = str(arguments.threads)
    for _ in range(arguments.rounds):
        for framework in times:
            command = [sys.executable, __file__, "--only", framework]
            command += ["--batch", str(arguments.batch)]
            output = subprocess.run(command, env=environment, check=True, capture_output=True)
            figures = json.loads(output.stdout)
            times[framework] += figures["times"]
            losses[framework] = figures["losses"]
            time.sleep(1)  # let the machine's clocks settle between the two
    np.testing.assert_allclose(losses["mpsg"], losses["torch"], rtol=1e-3)
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, median in medians.items():
        print(f"{name:6s} {median * 1e3:8.2f} ms per step of batch {arguments.batch}")
    print(f"torch / mpsg: {medians['torch'] / medians['mpsg']:.2f}")


if __name__ == "__main__":
    main()
