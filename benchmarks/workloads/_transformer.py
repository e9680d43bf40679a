"""A transformer block, norm first: x + attention(norm(x)), then x + MLP(norm(x)), exact GeLU."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from workloads._setup import Array, mlx_module, normal, tensorflow_module, torch_module
from workloads._work import Work

WIDTH, HEADS, LENGTH, HIDDEN = 256, 4, 128, 1024
HEAD = WIDTH // HEADS
RATE = 1e-3
EPSILON = 1e-5
SHAPES = {
    "gamma1": (WIDTH,),
    "beta1": (WIDTH,),
    "qkv": (WIDTH, 3 * WIDTH),
    "qkv_bias": (3 * WIDTH,),
    "out": (WIDTH, WIDTH),
    "out_bias": (WIDTH,),
    "gamma2": (WIDTH,),
    "beta2": (WIDTH,),
    "up": (WIDTH, HIDDEN),
    "up_bias": (HIDDEN,),
    "down": (HIDDEN, WIDTH),
    "down_bias": (WIDTH,),
}


def start() -> dict[str, Array]:
    values = {}
    for seed, (name, shape) in enumerate(SHAPES.items()):
        values[name] = normal(seed, *shape, scale=0.05)
        if name.startswith("gamma"):
            values[name] += 1
    return values


def batch(size: int) -> Array:
    return normal(20, size, LENGTH, WIDTH)


def checked(values: Any) -> Array:
    return np.asarray(values)[:, ::13, ::17]


def work(train: bool, forward: Any, step: Any) -> Work:
    if not train:
        return Work(forward, lambda: checked(forward()))
    return Work(step, lambda: [float(step()) for _ in range(4)])


def with_mpsg(size: int, train: bool) -> Work:
    import mpsg

    graph = mpsg.Graph()
    x = graph.placeholder([-1, LENGTH, WIDTH])
    w = {name: graph.variable(value, name=name) for name, value in start().items()}

    def norm(x: mpsg.Tensor, layer: int) -> mpsg.Tensor:
        mean, variance = graph.mean(x, 2), graph.variance(x, 2)
        gamma, beta = w[f"gamma{layer}"], w[f"beta{layer}"]
        return graph.normalization(x, mean, variance, gamma, beta, EPSILON)

    def dense(x: mpsg.Tensor, name: str) -> mpsg.Tensor:
        return x @ w[name] + w[name + "_bias"]

    qkv = graph.reshape(dense(norm(x, 1), "qkv"), [-1, LENGTH, 3, HEADS, HEAD])
    qkv = graph.permute(qkv, [2, 0, 3, 1, 4])
    q, k, v = (graph.squeeze(part, 0) for part in graph.split(qkv, num_splits=3, axis=0))
    scores = (q @ graph.permute(k, [0, 1, 3, 2])) * (1 / math.sqrt(HEAD))
    heads = graph.permute(graph.softmax(scores, 3) @ v, [0, 2, 1, 3])
    y = x + dense(graph.reshape(heads, [-1, LENGTH, WIDTH]), "out")
    hidden = dense(norm(y, 2), "up")
    hidden = hidden * 0.5 * (graph.erf(hidden * math.sqrt(0.5)) + 1.0)
    y = y + dense(hidden, "down")
    loss = graph.mean(graph.square(y), None)
    updates = mpsg.optimizers.SGD(RATE).minimize(loss, list(w.values())) if train else []
    data = batch(size)
    return work(
        train,
        lambda: graph.run({x: data}, [y])[y].numpy(),
        lambda: graph.run({x: data}, [loss], updates)[loss].item(),
    )


def with_torch(size: int, train: bool, compiled: bool = False) -> Work:
    torch = torch_module()
    layer = torch.nn.TransformerEncoderLayer(
        WIDTH, HEADS, HIDDEN, 0.0, "gelu", EPSILON, batch_first=True, norm_first=True
    )
    values = start()
    names = {
        "self_attn.in_proj_weight": "qkv",
        "self_attn.in_proj_bias": "qkv_bias",
        "self_attn.out_proj.weight": "out",
        "self_attn.out_proj.bias": "out_bias",
        "linear1.weight": "up",
        "linear1.bias": "up_bias",
        "linear2.weight": "down",
        "linear2.bias": "down_bias",
        "norm1.weight": "gamma1",
        "norm1.bias": "beta1",
        "norm2.weight": "gamma2",
        "norm2.bias": "beta2",
    }
    with torch.no_grad():
        for name, parameter in layer.named_parameters():
            parameter.copy_(torch.tensor(values[names[name]].T.copy()))
    x = torch.tensor(batch(size))
    layer.train(train)
    optimizer = torch.optim.SGD(layer.parameters(), RATE)
    block = torch.compile(layer) if compiled else layer

    def forward() -> Array:
        with torch.inference_mode():
            return block(x).numpy()

    def loss_of(x: Any) -> Any:
        return layer(x).square().mean()

    loss_function = torch.compile(loss_of) if compiled else loss_of

    def step() -> float:
        optimizer.zero_grad(set_to_none=True)
        loss = loss_function(x)
        loss.backward()
        optimizer.step()
        return loss.item()

    return work(train, forward, step)


def block_of(m: Any, w: Any, x: Any, softmax: Any, erf: Any, rsqrt: Any) -> Any:
    """The block by its formulas, for frameworks with NumPy's names."""

    def norm(x: Any, layer: int) -> Any:
        mean = x.mean(-1, keepdims=True)
        variance = x.var(-1, keepdims=True)
        return (x - mean) * rsqrt(variance + EPSILON) * w[f"gamma{layer}"] + w[f"beta{layer}"]

    def heads(t: Any) -> Any:
        return t.reshape(-1, LENGTH, HEADS, HEAD).transpose(0, 2, 1, 3)

    q, k, v = m.split(norm(x, 1) @ w["qkv"] + w["qkv_bias"], 3, -1)
    scores = heads(q) @ heads(k).transpose(0, 1, 3, 2) / math.sqrt(HEAD)
    joined = (softmax(scores, -1) @ heads(v)).transpose(0, 2, 1, 3).reshape(x.shape)
    y = x + joined @ w["out"] + w["out_bias"]
    h = norm(y, 2) @ w["up"] + w["up_bias"]
    h = h * 0.5 * (1 + erf(h * math.sqrt(0.5)))
    return y + h @ w["down"] + w["down_bias"]


def with_jax(size: int, train: bool) -> Work:
    import jax
    from jax import numpy as jnp

    def forward_of(w: Any, x: Any) -> Any:
        erf = jax.scipy.special.erf
        return block_of(jnp, w, x, jax.nn.softmax, erf, jax.lax.rsqrt)

    def update(w: Any, x: Any) -> Any:
        loss, g = jax.value_and_grad(lambda w: jnp.square(forward_of(w, x)).mean())(w)
        return {name: w[name] - RATE * g[name] for name in w}, loss

    forward = jax.jit(forward_of)
    train_step = jax.jit(update, donate_argnums=0)
    states = [{name: jnp.asarray(value) for name, value in start().items()}]
    x = jnp.asarray(batch(size))

    def step() -> float:
        states[0], loss = train_step(states[0], x)
        return float(loss)

    return work(train, lambda: np.asarray(forward(states[0], x)), step)


def with_mlx(size: int, train: bool) -> Work:
    mx = mlx_module()
    states = [{name: mx.array(value) for name, value in start().items()}]
    x = mx.array(batch(size))

    def forward_of(w: Any, x: Any) -> Any:
        return block_of(mx, w, x, mx.softmax, mx.erf, mx.rsqrt)

    gradient = mx.value_and_grad(lambda w, x: mx.square(forward_of(w, x)).mean())

    def update(w: Any, x: Any) -> Any:
        loss, g = gradient(w, x)
        return {name: w[name] - RATE * g[name] for name in w}, loss

    forward = mx.compile(forward_of)
    train_step = mx.compile(update)

    def step() -> float:
        states[0], loss = train_step(states[0], x)
        mx.eval(loss, *states[0].values())
        return loss.item()

    return work(train, lambda: np.array(forward(states[0], x)), step)


def with_tensorflow(size: int, train: bool, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    w = {name: tf.Variable(value) for name, value in start().items()}
    x = tf.constant(batch(size))

    def norm(x: Any, layer: int) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        beta, gamma = w[f"beta{layer}"], w[f"gamma{layer}"]
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)

    def heads(t: Any) -> Any:
        return tf.transpose(tf.reshape(t, (-1, LENGTH, HEADS, HEAD)), (0, 2, 1, 3))

    def dense(x: Any, name: str) -> Any:
        rows = tf.reshape(x, (-1, x.shape[-1]))
        return tf.reshape(rows @ w[name] + w[name + "_bias"], (size, LENGTH, -1))

    def forward_of(x: Any) -> Any:
        q, k, v = tf.split(dense(norm(x, 1), "qkv"), 3, -1)
        scores = tf.matmul(heads(q), heads(k), transpose_b=True) / math.sqrt(HEAD)
        joined = tf.transpose(tf.nn.softmax(scores) @ heads(v), (0, 2, 1, 3))
        y = x + dense(tf.reshape(joined, (size, LENGTH, WIDTH)), "out")
        h = dense(norm(y, 2), "up")
        h = h * 0.5 * (1 + tf.math.erf(h * math.sqrt(0.5)))
        return y + dense(h, "down")

    forward = tf.function(forward_of, jit_compile=compiled)

    @tf.function(jit_compile=compiled)
    def update(x: Any) -> Any:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(forward_of(x)))
        for name, g in tape.gradient(loss, w).items():
            w[name].assign_sub(RATE * tf.convert_to_tensor(g))
        return loss

    return work(train, lambda: forward(x).numpy(), lambda: float(update(x)))


FRAMEWORKS = {
    "mpsg": with_mpsg,
    "mpsg-unstitched": with_mpsg,
    "torch": with_torch,
    "torch-compile": lambda size, train: with_torch(size, train, compiled=True),
    "jax": with_jax,
    "mlx": with_mlx,
    "tensorflow": with_tensorflow,
    "tensorflow-xla": lambda size, train: with_tensorflow(size, train, compiled=True),
}
