"""What the workloads share: threads, parameters, and how each framework waits for its results."""

from __future__ import annotations

import os
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def threads() -> int:
    return int(os.environ.get("MPSG_NUM_THREADS", "2"))


def normal(seed: int, *shape: int, scale: float = 1.0) -> Array:
    """The same numbers for every framework."""
    return (np.random.default_rng(seed).standard_normal(shape) * scale).astype(np.float32)


def torch_module() -> Any:
    import torch

    torch.set_num_threads(threads())
    torch.manual_seed(0)
    return torch


def torch_wrapper(compiled: bool) -> Any:
    """torch.compile, or nothing."""
    torch = torch_module()
    return torch.compile if compiled else (lambda function: function)


def tensorflow_module() -> Any:
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    import tensorflow

    tensorflow.config.threading.set_intra_op_parallelism_threads(threads())
    tensorflow.config.threading.set_inter_op_parallelism_threads(1)
    return tensorflow


def mlx_module() -> Any:
    import mlx.core

    mlx.core.set_default_device(mlx.core.cpu)
    return mlx.core


def onnx_session(
    nodes: list[Any], inputs: dict[str, Array], outputs: list[str], **weights: Array
) -> Any:
    """An ONNX Runtime session over `nodes` (opset 20)."""
    import onnx
    import onnxruntime

    def info(name: str, shape: list[int] | None) -> Any:
        return onnx.helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, shape)

    graph = onnx.helper.make_graph(
        nodes,
        "workload",
        [info(name, list(value.shape)) for name, value in inputs.items()],
        [info(name, None) for name in outputs],
        [onnx.numpy_helper.from_array(value, name) for name, value in weights.items()],
    )
    opset = [onnx.helper.make_opsetid("", 20)]
    model = onnx.helper.make_model(graph, opset_imports=opset, ir_version=9)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads()
    return onnxruntime.InferenceSession(model.SerializeToString(), options)
