#include "compiler/module.h"

namespace mpsg {

std::vector<bool> live_operations(const GraphData& graph, const std::vector<TensorId>& targets,
                                  const std::vector<OperationId>& target_operations,
                                  const std::set<OperationId>& done) {
  std::vector<bool> live(static_cast<size_t>(graph.node_count()));
  const auto mark = [&](OperationId id) {
    if (done.empty() || !done.contains(id)) live[static_cast<size_t>(id)] = true;
  };
  for (const auto target : targets) mark(target.operation);
  for (const auto id : target_operations) mark(id);
  // Inputs, control dependencies and bodies of a node have smaller ids.
  for (auto id = graph.node_count() - 1; id >= 0; --id) {
    if (!live[static_cast<size_t>(id)]) continue;
    const auto& node = graph.node(id);
    for (const auto input : node.inputs) mark(input.operation);
    for (const auto dependency : node.control) mark(dependency);
    for (const auto body : node.regions) {
      if (body < 0) continue;
      const auto& region = graph.region(body);
      for (const auto result : region.results) mark(result.operation);
      for (const auto argument : region.arguments) mark(argument.operation);
      for (const auto inner : region.nodes)
        if (graph.node(inner).row->name == "assign") mark(inner);
    }
  }
  return live;
}

std::vector<TensorId> append_unchanged(GraphData& graph, Node node) {
  const auto id =
      node.outputs.empty() ? graph.append(std::move(node)) : graph.append_inferred(std::move(node));
  std::vector<TensorId> outputs;
  for (size_t i = 0; i < graph.node(id).outputs.size(); ++i)
    outputs.push_back({id, static_cast<int32_t>(i)});
  return outputs;
}

void rewrite_module(Module& module, GraphCopy::Rewrite rewrite) {
  const auto& source = *module.graph.data();
  const auto live = live_operations(source, module.targets, module.target_operations);
  Module result;
  result.graph.set_seed(source.seed);
  GraphCopy copy(source, result.graph);
  copy.set_rewrite(std::move(rewrite));
  copy.set_live(&live);
  copy.keep_types();
  for (const auto feed : module.feeds) copy.keep(feed.operation);
  for (OperationId id = 0; id < source.node_count(); ++id)
    if (source.node(id).region == 0) copy.copy_if_live(id);
  for (const auto feed : module.feeds) result.feeds.push_back(copy(feed));
  for (const auto target : module.targets) result.targets.push_back(copy(target));
  for (const auto id : module.target_operations) result.target_operations.push_back(copy(id));
  for (const auto& [here, users] : module.variables)
    if (copy.has({here, 0})) result.variables[copy(here)] = users;
  module = std::move(result);
}

}  // namespace mpsg
