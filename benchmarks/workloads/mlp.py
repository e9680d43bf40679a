"""A training step of a 784-512-512-10 network with Adam, batch 128."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads._setup import Array, mlx_module, normal, tensorflow_module, torch_module
from workloads._work import Work

SIZES = [128]
TOLERANCE = 2e-3
WIDTHS = [784, 512, 512, 10]
RATE = 1e-3
CHECKED_STEPS = 5


def start() -> list[Array]:
    """Weights [in, out] and biases, layer by layer."""
    values = []
    for layer in range(3):
        into, out = WIDTHS[layer], WIDTHS[layer + 1]
        values += [normal(layer, into, out, scale=(2 / into) ** 0.5), np.zeros(out, np.float32)]
    return values


def batch(size: int) -> tuple[Array, Array]:
    return normal(10, size, 784), np.random.default_rng(11).integers(0, 10, size).astype(np.int32)


def steps(step: Any) -> list[float]:
    """Losses of the first steps: equal only if gradients and updates are."""
    return [float(step()) for _ in range(CHECKED_STEPS)]


def with_mpsg(size: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    images = graph.placeholder([-1, 784])
    labels = graph.placeholder([-1], mpsg.int32)
    variables = [graph.variable(value) for value in start()]
    x = images
    for layer in range(3):
        x = x @ variables[2 * layer] + variables[2 * layer + 1]
        if layer < 2:
            x = graph.relu(x)
    loss = graph.softmax_cross_entropy(
        x, graph.one_hot(labels, 10), axis=1, reduction_type=mpsg.LossReductionType.MEAN
    )
    updates = mpsg.optimizers.Adam(RATE).minimize(loss, variables)
    feeds = dict(zip((images, labels), batch(size), strict=True))

    def step() -> float:
        return graph.run(feeds, [loss], updates)[loss].item()

    return Work(step, lambda: steps(step))


def with_torch(size: int, compiled: bool = False) -> Work:
    torch = torch_module()
    layers = []
    for layer in range(3):
        layers.append(torch.nn.Linear(WIDTHS[layer], WIDTHS[layer + 1]))
        layers.append(torch.nn.ReLU())
    network = torch.nn.Sequential(*layers[:-1])
    with torch.no_grad():
        for parameter, value in zip(network.parameters(), start(), strict=True):
            parameter.copy_(torch.tensor(value.T))
    optimizer = torch.optim.Adam(network.parameters(), RATE)
    images, labels = batch(size)
    x, y = torch.tensor(images), torch.tensor(labels.astype(np.int64))

    def loss_of(x: Any, y: Any) -> Any:
        return torch.nn.functional.cross_entropy(network(x), y)

    forward = torch.compile(loss_of) if compiled else loss_of

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = forward(x, y)
        loss.backward()
        optimizer.step()
        return loss.item()

    return Work(step, lambda: steps(step))


def with_jax(size: int) -> Work:
    import jax
    from jax import numpy as jnp

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = jax.nn.relu(x @ p[0] + p[1])
        h = jax.nn.relu(h @ p[2] + p[3])
        logits = jax.nn.log_softmax(h @ p[4] + p[5])
        return -jnp.take_along_axis(logits, y[:, None], 1).mean()

    def update(state: Any, x: Any, y: Any) -> Any:
        p, m, v, t = state
        loss, g = jax.value_and_grad(loss_of)(p, x, y)
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        rate = RATE * jnp.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = [a - rate * b / (jnp.sqrt(c) + 1e-8) for a, b, c in zip(p, m, v, strict=True)]
        return (p, m, v, t), loss

    compiled = jax.jit(update, donate_argnums=0)
    parameters = [jnp.asarray(value) for value in start()]
    zeros = [jnp.zeros_like(value) for value in parameters]
    more_zeros = [jnp.zeros_like(value) for value in parameters]
    states = [(parameters, zeros, more_zeros, jnp.float32(0))]
    x, y = (jnp.asarray(value) for value in batch(size))

    def step() -> float:
        states[0], loss = compiled(states[0], x, y)
        return float(loss)

    return Work(step, lambda: steps(step))


def with_mlx(size: int) -> Work:
    mx = mlx_module()
    parameters = [mx.array(value) for value in start()]
    m = [mx.zeros_like(value) for value in parameters]
    v = [mx.zeros_like(value) for value in parameters]
    x, y = (mx.array(value) for value in batch(size))
    state = [parameters, m, v, mx.array(0.0)]

    def loss_of(p: Any, x: Any, y: Any) -> Any:
        h = mx.maximum(x @ p[0] + p[1], 0)
        h = mx.maximum(h @ p[2] + p[3], 0)
        logits = h @ p[4] + p[5]
        chosen = mx.take_along_axis(logits, y[:, None], axis=1).squeeze(1)
        return (mx.logsumexp(logits, axis=1) - chosen).mean()

    gradient = mx.value_and_grad(loss_of)

    def update(p: Any, m: Any, v: Any, t: Any, x: Any, y: Any) -> Any:
        loss, g = gradient(p, x, y)
        t = t + 1
        m = [0.9 * a + 0.1 * b for a, b in zip(m, g, strict=True)]
        v = [0.999 * a + 0.001 * b * b for a, b in zip(v, g, strict=True)]
        rate = RATE * mx.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        p = [a - rate * b / (mx.sqrt(c) + 1e-8) for a, b, c in zip(p, m, v, strict=True)]
        return p, m, v, t, loss

    compiled = mx.compile(update)

    def step() -> float:
        *state[:], loss = compiled(*state, x, y)
        mx.eval(loss, *state[0], *state[1], *state[2], state[3])
        return loss.item()

    return Work(step, lambda: steps(step))


def with_tensorflow(size: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    p = [tf.Variable(value) for value in start()]
    m = [tf.Variable(tf.zeros_like(value)) for value in p]
    v = [tf.Variable(tf.zeros_like(value)) for value in p]
    t = tf.Variable(0.0)
    x, y = (tf.constant(value) for value in batch(size))

    @tf.function(jit_compile=compiled)
    def update(x: Any, y: Any) -> Any:
        with tf.GradientTape() as tape:
            h = tf.nn.relu(x @ p[0] + p[1])
            h = tf.nn.relu(h @ p[2] + p[3])
            losses = tf.nn.sparse_softmax_cross_entropy_with_logits(y, h @ p[4] + p[5])
            loss = tf.reduce_mean(losses)
        gradients = tape.gradient(loss, p)
        t.assign_add(1.0)
        rate = RATE * tf.sqrt(1 - 0.999**t) / (1 - 0.9**t)
        for a, b, c, g in zip(p, m, v, gradients, strict=True):
            b.assign(0.9 * b + 0.1 * g)
            c.assign(0.999 * c + 0.001 * g * g)
            a.assign_sub(rate * b / (tf.sqrt(c) + 1e-8))
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
