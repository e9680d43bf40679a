// DLPack, both ways: https://dmlc.github.io/dlpack/latest/python_spec.html
#pragma once

#include "bindings/nd_array.h"

namespace mpsg::python {

/// What a consumer asks of `__dlpack__`; None: not asked.
struct DLPackRequest {
  py::object stream = py::none();
  py::object max_version = py::none();
  py::object dl_device = py::none();
  py::object copy = py::none();
};

/// A capsule over the array's memory, or over a copy if one is asked for. Without a max_version of
/// 1.0 or later it is the old kind, which cannot say that memory is read-only, nor hold 4-bit
/// integers. Throws BufferError where the request cannot be met.
py::object to_dlpack(const NDArray& array, const DLPackRequest& request);

/// The memory of another library's array, without a copy (`copy` == true: with one). Throws
/// BufferError where the producer refuses, FeedError where mpsg cannot use what it gives.
NDArray from_dlpack(const py::handle& producer, std::optional<bool> copy = {});

/// The processor: (kDLCPU, 0).
py::tuple dlpack_device();

}  // namespace mpsg::python
