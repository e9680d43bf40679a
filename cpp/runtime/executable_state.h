// What an Executable holds. Private to the runtime.
#pragma once

#include <memory>
#include <vector>

#include "compiler/plan.h"
#include "mpsg/executable.h"
#include "runtime/graph_runtime.h"
#include "runtime/stages.h"

namespace mpsg {

struct Executable::State {
  std::weak_ptr<GraphData> graph;   // the graph's cache owns executables, not the reverse
  GraphRuntime* runtime = nullptr;  // lives as long as the graph
  Device device;
  std::vector<TensorId> feeds;
  std::vector<TensorType> feed_types;
  std::vector<std::shared_ptr<const Bytes>> feed_values;  // what a shape was decided by
  std::vector<TensorId> targets;
  std::vector<OperationId> operations;
  Callables callables;
  std::vector<TensorType> target_types;
  std::shared_ptr<const Plan> plan;
  std::shared_ptr<Program> program;
  std::unique_ptr<const Stages> stages;  // if so, plan and program are those of the first one
  double estimated_seconds = 0;
  MemoryReport memory;

  // What a run works with, made once. A run holds the device's executor, so one is enough.
  struct Frame {
    bool memory_checked = false;
    std::vector<const void*> feeds;
    std::vector<void*> results;
    std::vector<VariableMemory*> variable_memory;
    std::vector<void*> variables;
    std::vector<TensorData> copies;  // of results whose memory is that of a feed
    std::vector<StepTime> times;
  };
  Frame frame;

  std::shared_ptr<GraphData> require_graph() const;
  void take_feeds(GraphData& graph, std::span<const TensorData> given);
  void take_results(std::span<TensorData> results);
  void take_variables(GraphData& graph);
  void give_copies(std::span<TensorData> results);
};

}  // namespace mpsg
