"""Softmax along the rows of a 4096 x 1024 matrix: one row-wise kernel."""

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


def checked(values: Any) -> Array:
    return np.asarray(values)[::97, ::31]


def with_mpsg(rows: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    x = graph.placeholder([-1, WIDTH])
    y = graph.softmax(x, 1)
    executable = graph.compile({x: (rows, WIDTH)}, [y])
    data = normal(0, rows, WIDTH)
    return Work(lambda: executable.run([data]), lambda: checked(executable.run([data])[0].numpy()))


def with_torch(rows: int, compiled: bool = False) -> Work:
    torch = torch_module()
    x = torch.tensor(normal(0, rows, WIDTH))
    softmax = torch_wrapper(compiled)(lambda x: torch.softmax(x, -1))

    def run() -> Any:
        with torch.inference_mode():
            return softmax(x)

    return Work(run, lambda: checked(run()))


def with_jax(rows: int) -> Work:
    import jax

    softmax = jax.jit(lambda x: jax.nn.softmax(x, -1))
    x = jax.numpy.asarray(normal(0, rows, WIDTH))
    return Work(lambda: softmax(x).block_until_ready(), lambda: checked(softmax(x)))


def with_mlx(rows: int) -> Work:
    mx = mlx_module()
    x = mx.array(normal(0, rows, WIDTH))

    def run() -> Any:
        y = mx.softmax(x, axis=-1)
        mx.eval(y)
        return y

    return Work(run, lambda: checked(run()))


def with_tensorflow(rows: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    softmax = tf.function(lambda x: tf.nn.softmax(x), jit_compile=compiled)
    x = tf.constant(normal(0, rows, WIDTH))
    return Work(lambda: softmax(x), lambda: checked(softmax(x)))


def with_onnxruntime(rows: int) -> Work:
    import onnx

    data = normal(0, rows, WIDTH)
    node = onnx.helper.make_node("Softmax", ["x"], ["y"], axis=-1)
    session = onnx_session([node], {"x": data}, ["y"])
    return Work(
        lambda: session.run(None, {"x": data}),
        lambda: checked(session.run(None, {"x": data})[0]),
    )


def with_numpy(rows: int) -> Work:
    from scipy.special import softmax

    x = normal(0, rows, WIDTH)
    return Work(lambda: softmax(x, axis=-1), lambda: checked(softmax(x, axis=-1)))


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
