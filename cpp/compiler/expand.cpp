#include <optional>

#include "compiler/passes.h"
#include "graph/contexts.h"
#include "mpsg/backend.h"

namespace mpsg {
namespace {

bool has_composites(const Module& module, const Backend& backend) {
  const auto& data = module.graph.data();
  const auto live = live_operations(*data, module.targets, module.target_operations);
  for (OperationId id = 0; id < data->node_count(); ++id)
    if (live[static_cast<size_t>(id)] && data->node(id).row->is_composite() &&
        !backend.claims(Operation(data, id)))
      return true;
  return false;
}

bool expands(const std::shared_ptr<GraphData>& graph, OperationId id, const Backend& backend) {
  return graph->node(id).row->is_composite() && !backend.claims(Operation(graph, id));
}

/// What `view` becomes in `into`. `from`: the composite with its types and symbols.
std::vector<TensorId> expand(const OperationView& view, const std::vector<TensorId>& operands,
                             Graph into, const GraphData& from, OperationId id) {
  auto& data = *into.data();
  std::vector<Tensor> inputs;
  for (const auto input : operands) inputs.push_back(data.tensor(input));
  const auto first_new = data.node_count();
  ExpandContext context(view, into, std::move(inputs), from.node(id).outputs);
  view.row().expand(context);
  std::vector<TensorId> outputs;
  for (const auto& result : context.results()) {
    // The composite's own inference knows sizes that its parts hold as numbers.
    const auto at = TensorId{id, static_cast<int32_t>(outputs.size())};
    if (result.id().operation >= first_new && result.shape() == from.type(at).shape)
      data.set_symbols(result.id(), from.symbolic_shape(at));
    outputs.push_back(result.id());
  }
  return outputs;
}

/// While it lives, what is added to the graph is expanded at once, parts of parts too.
class ExpandedParts {
 public:
  ExpandedParts(GraphData& graph, GraphData::Expander expander) : graph_(graph) {
    graph_.expander = std::move(expander);
  }
  ~ExpandedParts() { graph_.expander = nullptr; }
  ExpandedParts(const ExpandedParts&) = delete;
  ExpandedParts& operator=(const ExpandedParts&) = delete;

 private:
  GraphData& graph_;
};

/// What a composite waited for, all of its parts wait for.
class ControlScope {
 public:
  ControlScope(GraphData& graph, std::vector<OperationId> control)
      : control_(graph.build_state().control) {
    control_.push_back(std::move(control));
  }
  ~ControlScope() { control_.pop_back(); }
  ControlScope(const ControlScope&) = delete;
  ControlScope& operator=(const ControlScope&) = delete;

 private:
  std::vector<std::vector<OperationId>>& control_;
};

}  // namespace

void expand_composites(Module& module, const Backend& backend) {
  // Parts that are composites without results are left for another round.
  while (has_composites(module, backend)) {
    const auto source = module.graph.data();
    rewrite_module(module, [&](OperationId id, Node node, Graph into) {
      auto& data = *into.data();
      if (!expands(source, id, backend)) return append_unchanged(data, std::move(node));
      const OriginScope origin(data, node.name, node.source);
      const ControlScope control(data, node.control);
      const ExpandedParts parts(data,
                                [&](OperationId part) -> std::optional<std::vector<TensorId>> {
                                  if (!expands(into.data(), part, backend)) return std::nullopt;
                                  const auto& whole = data.node(part);
                                  return expand(whole.view(), whole.inputs, into, data, part);
                                });
      return expand(node.view(), node.inputs, into, *source, id);
    });
  }
}

}  // namespace mpsg
