"""Layer normalization of the rows of a 4096 x 1024 matrix, with scale and offset."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads._setup import (
    Array,
    mlx_module,
    normal,
    onnx_session,
    tensorflow_module,
    torch_module,
    torch_wrapper,
)
from workloads._work import Work

SIZES = [4096]
TOLERANCE = 1e-5
WIDTH = 1024
EPSILON = 1e-5


def checked(values: Any) -> Array:
    return np.asarray(values)[::97, ::31]


def parameters() -> tuple[Array, Array]:
    return normal(1, WIDTH), normal(2, WIDTH)


def with_mpsg(rows: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    x = graph.placeholder([-1, WIDTH])
    gamma, beta = (graph.variable(value) for value in parameters())
    mean = graph.mean(x, 1)
    variance = graph.variance(x, 1)
    y = graph.normalization(x, mean, variance, gamma, beta, EPSILON)
    executable = graph.compile({x: (rows, WIDTH)}, [y])
    data = normal(0, rows, WIDTH)
    return Work(lambda: executable.run([data]), lambda: checked(executable.run([data])[0].numpy()))


def with_torch(rows: int, compiled: bool = False) -> Work:
    torch = torch_module()
    x = torch.tensor(normal(0, rows, WIDTH))
    gamma, beta = (torch.tensor(value) for value in parameters())
    norm = torch_wrapper(compiled)(
        lambda x: torch.nn.functional.layer_norm(x, (WIDTH,), gamma, beta, EPSILON)
    )

    def run() -> Any:
        with torch.inference_mode():
            return norm(x)

    return Work(run, lambda: checked(run()))


def normalized(module: Any, rsqrt: Any, x: Any, gamma: Any, beta: Any) -> Any:
    """By the formula, for frameworks that have it in NumPy's terms."""
    mean = x.mean(-1, keepdims=True)
    return (x - mean) * rsqrt(x.var(-1, keepdims=True) + EPSILON) * gamma + beta


def with_jax(rows: int) -> Work:
    import jax

    gamma, beta = (jax.numpy.asarray(value) for value in parameters())
    norm = jax.jit(lambda x: normalized(jax.numpy, jax.lax.rsqrt, x, gamma, beta))
    x = jax.numpy.asarray(normal(0, rows, WIDTH))
    return Work(lambda: norm(x).block_until_ready(), lambda: checked(norm(x)))


def with_mlx(rows: int) -> Work:
    mx = mlx_module()
    x = mx.array(normal(0, rows, WIDTH))
    gamma, beta = (mx.array(value) for value in parameters())

    def run() -> Any:
        y = mx.fast.layer_norm(x, gamma, beta, EPSILON)
        mx.eval(y)
        return y

    return Work(run, lambda: checked(run()))


def with_tensorflow(rows: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    x = tf.constant(normal(0, rows, WIDTH))
    gamma, beta = (tf.constant(value) for value in parameters())

    def formula(x: Any) -> Any:
        mean, variance = tf.nn.moments(x, [-1], keepdims=True)
        return tf.nn.batch_normalization(x, mean, variance, beta, gamma, EPSILON)

    norm = tf.function(formula, jit_compile=compiled)
    return Work(lambda: norm(x), lambda: checked(norm(x)))


def with_onnxruntime(rows: int) -> Work:
    import onnx

    data = normal(0, rows, WIDTH)
    gamma, beta = parameters()
    node = onnx.helper.make_node(
        "LayerNormalization", ["x", "gamma", "beta"], ["y"], axis=-1, epsilon=EPSILON
    )
    session = onnx_session([node], {"x": data}, ["y"], gamma=gamma, beta=beta)
    return Work(
        lambda: session.run(None, {"x": data}),
        lambda: checked(session.run(None, {"x": data})[0]),
    )


def with_numpy(rows: int) -> Work:
    x = normal(0, rows, WIDTH)
    gamma, beta = parameters()

    def run() -> Array:
        return normalized(np, lambda v: 1 / np.sqrt(v), x, gamma, beta)

    return Work(run, lambda: checked(run()))


FRAMEWORKS = {
    "mpsg": with_mpsg,
    "mpsg-unstitched": with_mpsg,
    "torch": with_torch,
    "torch-compile": lambda rows: with_torch(rows, compiled=True),
    "jax": with_jax,
    "mlx": with_mlx,
    "tensorflow": with_tensorflow,
    "tensorflow-xla": lambda rows: with_tensorflow(rows, compiled=True),
    "onnxruntime": with_onnxruntime,
    "numpy": with_numpy,
}
