// How a graph is compiled, and how a run is executed (MPSGraphCompilationDescriptor,
// MPSGraphExecutionDescriptor, MPSGraphExecutableExecutionDescriptor).
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "mpsg/shared_event.h"
#include "mpsg/tensor.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

class Executable;
/// Executables by the names under which `call` knows them.
using CallableExecutables = std::map<std::string, std::shared_ptr<Executable>>;

/// How much the compiler does (MPSGraphOptimization).
enum class Optimization : uint64_t {
  level0 = 0,  // every operation is a kernel of its own: compiles fast, runs slowly
  level1 = 1,  // everything: operations are stitched
};

struct CompilationDescriptor {
  Optimization optimization_level = Optimization::level1;
  /// False: `compile` returns at once, and whoever needs the executable waits for it.
  bool wait_for_compilation_completion = true;
  /// Called on a thread of the runtime, with the executable or with the error.
  std::function<void(std::shared_ptr<Executable>, std::exception_ptr)>
      compilation_completion_handler;
  /// What the operation `call` calls.
  CallableExecutables callables;
};

/// An event and a value that it must have, or gets.
struct EventValue {
  SharedEvent event;
  uint64_t value = 0;
};

/// Results are what the run was asked for: `TensorDataMap` for a graph, `std::vector<TensorData>`
/// in the order of `target_tensors` for an executable.
template <class Results>
struct BasicExecutionDescriptor {
  /// Called on a thread of the runtime, never on that of the caller; those of one queue one after
  /// the other. With an error the results have no values. What a handler throws is reported on
  /// stderr.
  using Handler = std::function<void(const Results&, std::exception_ptr)>;
  Handler scheduled_handler;   // its turn has come; the results are being made
  Handler completion_handler;  // the results are there, or the error
  /// Wait before returning.
  bool wait_until_completed = false;
  CompilationDescriptor compilation_descriptor;
  std::vector<EventValue> waits;
  std::vector<EventValue> signals;

  /// The run begins when the event has this value.
  void wait_for_event(const SharedEvent& event, uint64_t value) { waits.push_back({event, value}); }
  /// The event gets this value when the run is over; if it failed, waits for the value fail, too.
  void signal_event(const SharedEvent& event, ExecutionStage /*at*/, uint64_t value) {
    signals.push_back({event, value});
  }
};

using ExecutionDescriptor = BasicExecutionDescriptor<TensorDataMap>;
using ExecutableExecutionDescriptor = BasicExecutionDescriptor<std::vector<TensorData>>;

}  // namespace mpsg
