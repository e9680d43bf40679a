"""What it costs to start something: z * 2 + 1 on 16 elements. mpsg's feeds and results are NumPy
arrays; the peers' are their own tensors."""

from __future__ import annotations

from typing import Any

import numpy as np

from workloads._setup import (
    mlx_module,
    normal,
    onnx_session,
    tensorflow_module,
    torch_module,
    torch_wrapper,
)
from workloads._work import Work

SIZES = [16]
TOLERANCE = 1e-6


def with_executable(size: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    z = graph.placeholder([-1])
    y = z * 2.0 + 1.0
    executable = graph.compile({z: (size,)}, [y])
    data = normal(0, size)
    return Work(lambda: executable.run([data]), lambda: executable.run([data])[0].numpy())


def with_graph_run(size: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    z = graph.placeholder([-1])
    y = z * 2.0 + 1.0
    data = normal(0, size)
    return Work(lambda: graph.run({z: data}, [y]), lambda: graph.run({z: data}, [y])[y].numpy())


def with_torch(size: int, compiled: bool = False) -> Work:
    torch = torch_module()
    z = torch.tensor(normal(0, size))
    function = torch_wrapper(compiled)(lambda z: z * 2 + 1)

    def run() -> Any:
        with torch.inference_mode():
            return function(z)

    return Work(run, lambda: run().numpy())


def with_jax(size: int) -> Work:
    import jax

    function = jax.jit(lambda z: z * 2 + 1)
    z = jax.numpy.asarray(normal(0, size))
    return Work(lambda: function(z).block_until_ready(), lambda: np.asarray(function(z)))


def with_mlx(size: int) -> Work:
    mx = mlx_module()
    function = mx.compile(lambda z: z * 2 + 1)
    z = mx.array(normal(0, size))

    def run() -> Any:
        y = function(z)
        mx.eval(y)
        return y

    return Work(run, lambda: np.array(run()))


def with_tensorflow(size: int) -> Work:
    tf = tensorflow_module()
    function = tf.function(lambda z: z * 2 + 1)
    z = tf.constant(normal(0, size))
    return Work(lambda: function(z), lambda: function(z).numpy())


def with_onnxruntime(size: int) -> Work:
    import onnx

    data = normal(0, size)
    nodes = [
        onnx.helper.make_node("Mul", ["z", "two"], ["doubled"]),
        onnx.helper.make_node("Add", ["doubled", "one"], ["y"]),
    ]
    two, one = np.array(2, np.float32), np.array(1, np.float32)
    session = onnx_session(nodes, {"z": data}, ["y"], two=two, one=one)
    return Work(lambda: session.run(None, {"z": data}), lambda: session.run(None, {"z": data})[0])


def with_numpy(size: int) -> Work:
    z = normal(0, size)
    return Work(lambda: z * 2 + 1, lambda: z * 2 + 1)


FRAMEWORKS = {
    "mpsg": with_executable,
    "mpsg-graph-run": with_graph_run,
    "torch": with_torch,
    "torch-compile": lambda size: with_torch(size, compiled=True),
    "jax": with_jax,
    "mlx": with_mlx,
    "tensorflow": with_tensorflow,
    "onnxruntime": with_onnxruntime,
    "numpy": with_numpy,
}
