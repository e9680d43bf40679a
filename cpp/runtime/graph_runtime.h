// What the runtime keeps with a graph: memory of its variables, what its targets need.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "graph/graph_data.h"
#include "runtime/executable_builder.h"

namespace mpsg {

/// A variable's memory. Created with the variable's first value when first needed.
struct VariableMemory {
  TensorType type;
  std::shared_ptr<Bytes> bytes;
};

class GraphRuntime final : public RuntimeState {
 public:
  static GraphRuntime& of(GraphData& graph);
  explicit GraphRuntime(uint64_t graph) : graph_(graph) {}
  /// The graph's executables leave the cache.
  ~GraphRuntime() override;

  /// Stays where it is as long as the graph lives.
  VariableMemory& variable(const GraphData& graph, OperationId id);
  uint64_t next_run() { return run_number_++; }

  /// The placeholders that these targets need, looked up once.
  std::shared_ptr<const std::vector<NeededFeed>> needed(const Graph& graph,
                                                        const std::vector<Tensor>& targets,
                                                        const std::vector<Operation>& operations);

 private:
  const uint64_t graph_;
  std::mutex mutex_;
  std::map<OperationId, VariableMemory> variables_;
  std::map<std::vector<int32_t>, std::shared_ptr<const std::vector<NeededFeed>>> needed_;
  std::atomic<uint64_t> run_number_{0};
};

}  // namespace mpsg
