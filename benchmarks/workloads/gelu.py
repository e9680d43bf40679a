"""Exact GeLU of a vector, 0.5 x (1 + erf(x / sqrt 2)): one stitched kernel, bound by memory when
large. ``torch-out`` writes into an output allocated before, as mpsg does by itself."""

from __future__ import annotations

import math
import resource

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

SIZES = [1 << 12, 1 << 20, 1 << 24]
TOLERANCE = 2e-6
ROOT = math.sqrt(0.5)


def checked(values: Array) -> Array:
    """A thousand of them, and the sum."""
    return np.append(values[:: max(1, len(values) // 1000)], values.sum(dtype=np.float64))


def page_faults() -> dict[str, float]:
    return {"page faults so far": resource.getrusage(resource.RUSAGE_SELF).ru_minflt}


def with_mpsg(size: int) -> Work:
    import mpsg

    graph = mpsg.Graph()
    x = graph.placeholder([-1])
    y = x * 0.5 * (graph.erf(x * ROOT) + 1.0)
    executable = graph.compile({x: (size,)}, [y])
    data = normal(0, size)
    return Work(
        lambda: executable.run([data]),
        lambda: checked(executable.run([data])[0].numpy()),
        extra=page_faults,
    )


def with_torch(size: int, compiled: bool = False) -> Work:
    torch = torch_module()
    x = torch.tensor(normal(0, size))
    if compiled:
        gelu = torch_wrapper(True)(lambda x: 0.5 * x * (1 + torch.erf(x * ROOT)))
    else:
        gelu = torch.nn.functional.gelu

    def run() -> Array:
        with torch.inference_mode():
            return gelu(x)

    return Work(run, lambda: checked(run().numpy()), extra=page_faults)


def with_torch_out(size: int) -> Work:
    torch = torch_module()
    x = torch.tensor(normal(0, size))
    out = torch.empty_like(x)
    gelu = torch.ops.aten.gelu.out

    def run() -> Array:
        with torch.inference_mode():
            return gelu(x, out=out)

    return Work(run, lambda: checked(run().numpy()), extra=page_faults)


def with_jax(size: int) -> Work:
    import jax
    from jax.scipy.special import erf

    gelu = jax.jit(lambda x: 0.5 * x * (1 + erf(x * ROOT)))
    x = jax.numpy.asarray(normal(0, size))
    return Work(
        lambda: gelu(x).block_until_ready(), lambda: checked(np.asarray(gelu(x))), extra=page_faults
    )


def with_mlx(size: int) -> Work:
    mx = mlx_module()
    gelu = mx.compile(lambda x: 0.5 * x * (1 + mx.erf(x * ROOT)))
    x = mx.array(normal(0, size))

    def run() -> Array:
        y = gelu(x)
        mx.eval(y)
        return y

    return Work(run, lambda: checked(np.array(run())))


def with_tensorflow(size: int, compiled: bool = False) -> Work:
    tf = tensorflow_module()
    gelu = tf.function(lambda x: 0.5 * x * (1 + tf.math.erf(x * ROOT)), jit_compile=compiled)
    x = tf.constant(normal(0, size))
    return Work(lambda: gelu(x), lambda: checked(gelu(x).numpy()))


def with_onnxruntime(size: int) -> Work:
    import onnx

    data = normal(0, size)
    session = onnx_session([onnx.helper.make_node("Gelu", ["x"], ["y"])], {"x": data}, ["y"])
    return Work(
        lambda: session.run(None, {"x": data}),
        lambda: checked(session.run(None, {"x": data})[0]),
    )


def with_numpy(size: int) -> Work:
    from scipy.special import erf

    x = normal(0, size)

    def run() -> Array:
        return np.float32(0.5) * x * (np.float32(1) + erf(x * np.float32(ROOT)))

    return Work(run, lambda: checked(run()))


FRAMEWORKS = {
    "mpsg": with_mpsg,
    "mpsg-unstitched": with_mpsg,
    "torch": with_torch,
    "torch-out": with_torch_out,
    "torch-compile": lambda size: with_torch(size, compiled=True),
    "jax": with_jax,
    "mlx": with_mlx,
    "tensorflow": with_tensorflow,
    "tensorflow-xla": lambda size: with_tensorflow(size, compiled=True),
    "onnxruntime": with_onnxruntime,
    "numpy": with_numpy,
}
