#include "runtime/graph_runtime.h"

#include "graph/contexts.h"
#include "mpsg/error.h"
#include "runtime/executable_cache.h"
#include "runtime/queues/command_state.h"

namespace mpsg {
namespace {
constexpr size_t most_target_sets = 1024;  // whose placeholders are remembered
}

GraphRuntime& GraphRuntime::of(GraphData& graph) {
  const std::lock_guard lock(graph.mutex);
  if (!graph.runtime) graph.runtime = std::make_shared<GraphRuntime>(graph.id());
  return static_cast<GraphRuntime&>(*graph.runtime);
}

GraphRuntime::~GraphRuntime() { ExecutableCache::shared().forget(graph_); }

std::shared_ptr<QueueState> GraphRuntime::queue(const Device& device) {
  const std::lock_guard lock(mutex_);
  auto& queue = queues_[device.identity()];
  if (!queue) queue = std::make_shared<QueueState>(device);
  return queue;
}

VariableMemory& GraphRuntime::variable(const GraphData& graph, OperationId id) {
  const std::lock_guard lock(mutex_);
  auto& memory = variables_[id];
  if (!memory.bytes) {
    const std::lock_guard graph_lock(graph.mutex);
    const auto& node = graph.node(id);
    memory.type = node.outputs[0];
    memory.name = graph.display_name(id);
    auto bytes = Bytes::allocate(static_cast<size_t>(*memory.type.shape.element_count()) *
                                 size_of(memory.type.data_type));
    const TensorView view{memory.type.data_type, memory.type.shape, bytes->mutable_data()};
    node.row->evaluate(
        EvaluateContext(node.view(), {}, std::span(&view, 1), Parallel::serial(), 0, 0));
    memory.bytes = std::move(bytes);
  }
  return memory;
}

std::shared_ptr<const std::vector<NeededFeed>> GraphRuntime::needed(
    const Graph& graph, const std::vector<Tensor>& targets,
    const std::vector<Operation>& operations) {
  std::vector<int32_t> key;
  for (const auto& target : targets) {
    if (target.graph_data() != graph.data())
      throw GraphError("a target tensor belongs to another graph");
    key.push_back(target.id().operation);
  }
  key.push_back(-1);
  for (const auto& operation : operations) {
    if (operation.graph_data() != graph.data())
      throw GraphError("a target operation belongs to another graph");
    key.push_back(operation.id());
  }
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = needed_.find(key); found != needed_.end()) return found->second;
  }
  auto feeds =
      std::make_shared<const std::vector<NeededFeed>>(needed_feeds(graph, targets, operations));
  const std::lock_guard lock(mutex_);
  if (needed_.size() >= most_target_sets) needed_.clear();
  needed_[key] = feeds;
  return feeds;
}

}  // namespace mpsg
