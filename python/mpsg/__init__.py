"""mpsg: the MPSGraph programming model, everywhere.

Build one graph of tensors and operations, ask for gradients, and run it::

    import mpsg

    graph = mpsg.Graph()
    x = graph.placeholder([-1, 3])
    y = graph.softmax(x, axis=1)
    print(graph.run({x: [[1.0, 2.0, 3.0]]}, [y])[y])
"""

from __future__ import annotations

import importlib
from typing import Any

from mpsg import _tensor
from mpsg._api_types import (
    Convolution2DOpDescriptor,
    Convolution3DOpDescriptor,
    CreateSparseOpDescriptor,
    DepthwiseConvolution2DOpDescriptor,
    DepthwiseConvolution3DOpDescriptor,
    FFTDescriptor,
    FFTScalingMode,
    GRUDescriptor,
    ImToColOpDescriptor,
    LossReductionType,
    LSTMDescriptor,
    NonMaximumSuppressionCoordinateMode,
    PaddingMode,
    PaddingStyle,
    Pooling2DOpDescriptor,
    Pooling4DOpDescriptor,
    PoolingReturnIndicesMode,
    RandomDistribution,
    RandomNormalSamplingMethod,
    RandomOpDescriptor,
    ReductionMode,
    ResizeMode,
    ResizeNearestRoundingMode,
    RNNActivation,
    ScatterMode,
    SingleGateRNNDescriptor,
    SparseStorageType,
    StencilOpDescriptor,
    TensorNamedDataLayout,
)
from mpsg._async import AsyncResultList, AsyncResults
from mpsg._execution import ExecutionStage, Optimization
from mpsg._mpsg import (
    CacheStatistics,
    CommandBuffer,
    CommandQueue,
    CompilationDescriptor,
    DataType,
    Device,
    EdgeInfo,
    Error,
    Executable,
    ExecutionDescriptor,
    ExecutionError,
    FeedError,
    Graph,
    GraphError,
    InternalError,
    KernelInfo,
    KernelProfile,
    MemberInfo,
    MemoryReport,
    NDArray,
    Operation,
    PackageError,
    Profile,
    RegionInfo,
    SharedEvent,
    Tensor,
    TensorData,
    ValueInfo,
    bfloat16,
    bool_,
    complex64,
    data_type,
    float16,
    float32,
    float64,
    from_dlpack,
    int4,
    int8,
    int16,
    int32,
    int64,
    uint4,
    uint8,
    uint16,
    uint32,
    uint64,
)

__version__ = "0.1.0"

__all__ = [
    "AsyncResultList",
    "AsyncResults",
    "Convolution2DOpDescriptor",
    "CacheStatistics",
    "CommandBuffer",
    "CommandQueue",
    "CompilationDescriptor",
    "DataType",
    "Device",
    "EdgeInfo",
    "Error",
    "Executable",
    "ExecutionDescriptor",
    "ExecutionError",
    "ExecutionStage",
    "FeedError",
    "Graph",
    "GraphError",
    "ImToColOpDescriptor",
    "InternalError",
    "KernelInfo",
    "LossReductionType",
    "KernelProfile",
    "MemberInfo",
    "MemoryReport",
    "NDArray",
    "NonMaximumSuppressionCoordinateMode",
    "Operation",
    "Optimization",
    "PackageError",
    "PaddingMode",
    "PaddingStyle",
    "Pooling2DOpDescriptor",
    "PoolingReturnIndicesMode",
    "RandomDistribution",
    "RandomNormalSamplingMethod",
    "RandomOpDescriptor",
    "Profile",
    "ReductionMode",
    "RegionInfo",
    "ResizeMode",
    "ResizeNearestRoundingMode",
    "ScatterMode",
    "SharedEvent",
    "StencilOpDescriptor",
    "Tensor",
    "TensorData",
    "TensorNamedDataLayout",
    "ValueInfo",
    "bfloat16",
    "bool_",
    "complex64",
    "data_type",
    "float16",
    "float32",
    "float64",
    "from_dlpack",
    "int4",
    "int8",
    "int16",
    "int32",
    "int64",
    "uint4",
    "uint8",
    "uint16",
    "uint32",
    "uint64",
    "Convolution3DOpDescriptor",
    "DepthwiseConvolution2DOpDescriptor",
    "DepthwiseConvolution3DOpDescriptor",
    "Pooling4DOpDescriptor",
    "SingleGateRNNDescriptor",
    "LSTMDescriptor",
    "GRUDescriptor",
    "FFTDescriptor",
    "CreateSparseOpDescriptor",
    "RNNActivation",
    "FFTScalingMode",
    "SparseStorageType",
]

_tensor.attach()


def __getattr__(name: str) -> Any:  # noqa: ANN401
    """Loads mpsg.cache, mpsg.data, mpsg.layers and the other modules when first used."""
    if name in {"cache", "data", "layers", "onnx", "optimizers", "packed", "show"}:
        return importlib.import_module(f"mpsg.{name}")
    raise AttributeError(f"module 'mpsg' has no attribute {name!r}")
