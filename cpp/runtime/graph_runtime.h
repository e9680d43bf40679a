// What the runtime keeps with a graph: memory of its variables, compiled executables.
#pragma once

#include <atomic>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "graph/graph_data.h"
#include "mpsg/executable.h"
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

  VariableMemory& variable(const GraphData& graph, OperationId id);
  uint64_t next_run() { return run_number_++; }

  /// The placeholders that these targets need, looked up once.
  std::shared_ptr<const std::vector<NeededFeed>> needed(const Graph& graph,
                                                        const std::vector<Tensor>& targets,
                                                        const std::vector<Operation>& operations);

  std::shared_ptr<const Executable> find(const std::string& key);
  void insert(const std::string& key, std::shared_ptr<const Executable> executable);

  struct Statistics {
    uint64_t hits = 0;
    uint64_t misses = 0;
    size_t entries = 0;
  };
  Statistics statistics();
  void clear();

  /// Held while compiling, so that two threads compile one key once.
  std::mutex compiling;

 private:
  using Entry = std::pair<std::string, std::shared_ptr<const Executable>>;
  std::mutex mutex_;
  std::map<OperationId, VariableMemory> variables_;
  std::map<std::vector<int32_t>, std::shared_ptr<const std::vector<NeededFeed>>> needed_;
  std::list<Entry> recent_;  // most recently used first
  std::map<std::string, std::list<Entry>::iterator> by_key_;
  Statistics statistics_;
  std::atomic<uint64_t> run_number_{0};
};

}  // namespace mpsg
