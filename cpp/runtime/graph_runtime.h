// What the runtime keeps with a graph: memory of its variables, what its targets need.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "graph/graph_data.h"
#include "runtime/executable_builder.h"
#include "runtime/variable_memory.h"

namespace mpsg {

struct QueueState;

class GraphRuntime final : public RuntimeState {
 public:
  static GraphRuntime& of(GraphData& graph);
  explicit GraphRuntime(uint64_t graph) : graph_(graph) {}
  /// The graph's executables leave the cache.
  ~GraphRuntime() override;

  /// Stays where it is as long as the graph lives.
  VariableMemory& variable(const GraphData& graph, OperationId id);
  uint64_t next_run() { return run_number_++; }
  /// The queue of the runs that are given none.
  std::shared_ptr<QueueState> queue(const Device& device);

  /// The placeholders that these targets need, looked up once.
  std::shared_ptr<const std::vector<NeededFeed>> needed(const Graph& graph,
                                                        const std::vector<Tensor>& targets,
                                                        const std::vector<Operation>& operations);

 private:
  const uint64_t graph_;
  std::mutex mutex_;
  std::map<OperationId, VariableMemory> variables_;
  std::map<const void*, std::shared_ptr<QueueState>> queues_;  // by device
  std::map<std::vector<int32_t>, std::shared_ptr<const std::vector<NeededFeed>>> needed_;
  std::atomic<uint64_t> run_number_{0};
};

}  // namespace mpsg
