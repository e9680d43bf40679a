"""A training step of the digits network (two convolutions, two dense layers, SGD)."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads._setup import Array, mlx_module, tensorflow_module, torch_module
from workloads._work import Work

SIZES = [16, 64, 256]
TOLERANCE = 2e-3
RATE = 0.01
SHAPES = [(5, 5, 1, 32), (32,), (5, 5, 32, 64), (64,), (3136, 1024), (1024,), (1024, 10), (10,)]


def start() -> list[Array]:
    """Weights (HWIO, [in, out]) and biases, layer by layer."""
    random = np.random.default_rng(0)
    return [
        random.normal(0, np.sqrt(2 / np.prod(shape[:-1])), shape).astype(np.float32)
        if len(shape) > 1
        else np.zeros(shape, np.float32)
        for shape in SHAPES
    ]


def batch(size: int) -> tuple[Array, Array]:
    random = np.random.default_rng(1)
    images = random.random((size, 28, 28, 1), dtype=np.float32)
    return images, random.integers(0, 10, size).astype(np.int32)


def steps(step: Any) -> list[float]:
    """Losses of the first steps: equal only if gradients and updates are."""
    return [float(step()) for _ in range(4)]


def mpsg_step() -> Any:
    """A function of a batch, and the graph's placeholders."""
    import mpsg

    graph = mpsg.Graph()
    images = graph.placeholder([-1, 28, 28, 1])
    labels = graph.placeholder([-1], mpsg.int32)
    layout = mpsg.TensorNamedDataLayout
    convolution = mpsg.Convolution2DOpDescriptor(
        padding_style=mpsg.PaddingStyle.TF_SAME,
        data_layout=layout.NHWC,
        weights_layout=layout.HWIO,
    )
    pooling = mpsg.Pooling2DOpDescriptor(
        kernel_width=2, kernel_height=2, stride_in_x=2, stride_in_y=2, data_layout=layout.NHWC
    )
    variables = [graph.variable(value) for value in start()]
    x = images
    for layer in range(2):
        x = graph.convolution_2d(x, variables[2 * layer], convolution)
        x = graph.max_pooling_2d(graph.relu(x + variables[2 * layer + 1]), pooling)
    x = graph.relu(graph.reshape(x, [-1, 3136]) @ variables[4] + variables[5])
    x = x @ variables[6] + variables[7]
    loss = graph.softmax_cross_entropy(
        x, graph.one_hot(labels, 10), axis=1, reduction_type=mpsg.LossReductionType.MEAN
    )
    updates = mpsg.optimizers.SGD(RATE).minimize(loss, variables)

    def step(feeds: tuple[Array, Array]) -> float:
        return graph.run(dict(zip((images, labels), feeds, strict=True)), [loss], updates)[
            loss
        ].item()

    return step


def with_mpsg(size: int) -> Work:
    step_of = mpsg_step()
    feeds = batch(size)
    return Work(lambda: step_of(feeds), lambda: steps(lambda: step_of(feeds)))


def torch_step(compiled: bool) -> Any:
    torch = torch_module()
    nn = torch.nn
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
    values = start()
    # The others flatten NHWC, torch NCHW: the same network needs the rows in the other order.
    values[4] = values[4].reshape(7, 7, 64, 1024).transpose(2, 0, 1, 3).reshape(3136, 1024)
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), values, strict=True):
            order = (3, 2, 0, 1) if value.ndim == 4 else tuple(reversed(range(value.ndim)))
            parameter.copy_(torch.tensor(value.transpose(order).copy()))
    network = network.to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(network.parameters(), lr=RATE)

    def loss_of(x: Any, y: Any) -> Any:
        return nn.functional.cross_entropy(network(x), y)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step(feeds: tuple[Any, Any]) -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(*feeds)
        loss.backward()
        optimizer.step()
        return loss.item()

    return step


def torch_batch(size: int) -> tuple[Any, Any]:
    torch = torch_module()
    images, labels = batch(size)
    x = torch.tensor(images.transpose(0, 3, 1, 2)).to(memory_format=torch.channels_last)
    return x, torch.tensor(labels.astype(np.int64))


def with_torch(size: int, compiled: bool = False) -> Work:
    step_of = torch_step(compiled)
    feeds = torch_batch(size)
    return Work(lambda: step_of(feeds), lambda: steps(lambda: step_of(feeds)))


def jax_step() -> Any:
    import jax
    from jax import lax
    from jax import numpy as jnp

    def convolution(x: Any, w: Any) -> Any:
        names = ("NHWC", "HWIO", "NHWC")
        return lax.conv_general_dilated(x, w, (1, 1), "SAME", dimension_numbers=names)

    def pool(x: Any) -> Any:
        window = (1, 2, 2, 1)
        return lax.reduce_window(x, -jnp.inf, lax.max, window, window, "VALID")

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = pool(jax.nn.relu(convolution(x, p[0]) + p[1]))
        h = pool(jax.nn.relu(convolution(h, p[2]) + p[3]))
        h = jax.nn.relu(h.reshape(x.shape[0], -1) @ p[4] + p[5])
        logits = jax.nn.log_softmax(h @ p[6] + p[7])
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    def update(p: Any, x: Any, y: Any) -> Any:
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        return [a - RATE * b for a, b in zip(p, g, strict=True)], loss

    compiled = jax.jit(update, donate_argnums=0)
    states = [[jnp.asarray(value) for value in start()]]

    def step(feeds: tuple[Any, Any]) -> float:
        states[0], loss = compiled(states[0], *feeds)
        return float(loss)

    return step


def with_jax(size: int) -> Work:
    import jax

    step_of = jax_step()
    feeds = tuple(jax.numpy.asarray(value) for value in batch(size))
    return Work(lambda: step_of(feeds), lambda: steps(lambda: step_of(feeds)))


def with_mlx(size: int) -> Work:
    mx = mlx_module()
    import mlx.nn as nn

    pool = nn.MaxPool2d(2, 2)
    states = [[mx.array(value) for value in start()]]
    # mlx keeps convolution weights as (out, height, width, in).
    for index in (0, 2):
        states[0][index] = mx.array(start()[index].transpose(3, 0, 1, 2).copy())
    x, y = (mx.array(value) for value in batch(size))

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = pool(mx.maximum(mx.conv2d(x, p[0], padding=2) + p[1], 0))
        h = pool(mx.maximum(mx.conv2d(h, p[2], padding=2) + p[3], 0))
        h = mx.maximum(h.reshape(h.shape[0], -1) @ p[4] + p[5], 0)
        logits = h @ p[6] + p[7]
        chosen = mx.take_along_axis(logits, y[:, None], axis=1).squeeze(1)
        return (mx.logsumexp(logits, axis=1) - chosen).mean()

    gradient = mx.value_and_grad(loss_of)

    def update(p: Any, x: Any, y: Any) -> Any:
        loss, g = gradient(p, x, y)
        return [a - RATE * b for a, b in zip(p, g, strict=True)], loss

    compiled = mx.compile(update)

    def step() -> float:
        states[0], loss = compiled(states[0], x, y)
        mx.eval(loss, *states[0])
        return loss.item()

    return Work(step, lambda: steps(step), warm_up=1)


def with_tensorflow(size: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    p = [tf.Variable(value) for value in start()]
    x, y = (tf.constant(value) for value in batch(size))

    @tf.function(jit_compile=compiled)
    def update(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            h = tf.nn.relu(tf.nn.conv2d(x, p[0], 1, "SAME") + p[1])
            h = tf.nn.max_pool2d(h, 2, 2, "SAME")
            h = tf.nn.relu(tf.nn.conv2d(h, p[2], 1, "SAME") + p[3])
            h = tf.nn.max_pool2d(h, 2, 2, "SAME")
            h = tf.nn.relu(tf.reshape(h, (-1, 3136)) @ p[4] + p[5])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, h @ p[6] + p[7])
            loss = tf.reduce_mean(losses)
        for value, g in zip(p, tape.gradient(loss, p), strict=True):
            value.assign_sub(RATE * g)
        return loss

    def step() -> float:
        return float(update(x, y))

    return Work(step, lambda: steps(step))


FRAMEWORKS = {
    "mpsg": with_mpsg,
    "mpsg-unstitched": with_mpsg,
    "torch": with_torch,
    "torch-compile": lambda size: with_torch(size, compiled=True),
    "jax": with_jax,
    "mlx": with_mlx,
    "tensorflow": with_tensorflow,
    "tensorflow-xla": lambda size: with_tensorflow(size, compiled=True),
}
