// Feeds, targets and results as a call from Python gives them.
#pragma once

#include "bindings/calls.h"

namespace mpsg::python {

/// Appends `object` to the feeds. numpy's packed arrays are borrowed: `memory` holds them.
void take_feed(CallMemory& memory, PyObject* object, std::optional<DataType> wanted);
/// {placeholder: value}.
void take_feeds(CallMemory& memory, PyObject* feeds);
/// A sequence, in the executable's order.
void take_feeds_in_order(CallMemory& memory, const Executable& executable, PyObject* feeds);
/// A list of tensors, one, or nullptr.
void take_targets(CallMemory& memory, PyObject* targets);
/// {tensor: memory} or nullptr. Results that the caller gives memory for are targets, too.
void take_results(CallMemory& memory, PyObject* results);
/// A sequence of memory or None, or nullptr, in the executable's order.
void take_results_in_order(CallMemory& memory, const Executable& executable, PyObject* results);
/// What the call returns for result `i`: the caller's own object, or a new TensorData.
py::object result_of(CallMemory& memory, size_t i);
py::dict results_by_tensor(CallMemory& memory);
py::list results_in_order(CallMemory& memory);

}  // namespace mpsg::python
