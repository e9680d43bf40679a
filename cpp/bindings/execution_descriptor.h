// ExecutionDescriptor as Python gives it: handlers are Python functions.
#pragma once

#include <memory>
#include <vector>

#include "bindings/calls.h"
#include "mpsg/execution_descriptor.h"
#include "runtime/queues/run_task.h"

namespace mpsg::python {

struct PythonExecutionDescriptor {
  py::object scheduled_handler, completion_handler;  // None: there is none
  bool wait_until_completed = false;
  bool stitch = true;  // of the compilation descriptor
  std::vector<EventValue> waits, signals;
};

/// Calls a Python function on a thread of the runtime, with the GIL. What it raises goes to
/// sys.unraisablehook, which prints it.
void call_python_handler(const char* kind, const std::function<void()>& call) noexcept;

/// Makes a handler of the runtime from a Python function: called with what `memory` (of the call
/// that makes the run) would return, and the error or None.
ResultsHandler results_handler(const char* kind, const py::object& function, CallMemory& memory,
                               bool by_tensor);

}  // namespace mpsg::python
