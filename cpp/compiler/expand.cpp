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

}  // namespace

void expand_composites(Module& module, const Backend& backend) {
  while (has_composites(module, backend)) {
    const auto source_graph = module.graph.data();
    rewrite_module(module, [&](OperationId id, const Node& node, Graph into) {
      auto& data = *into.data();
      if (!node.row->is_composite() || backend.claims(Operation(source_graph, id)))
        return append_unchanged(data, node);
      std::vector<Tensor> inputs;
      for (const auto input : node.inputs) inputs.push_back(data.tensor(input));
      const auto first_new = data.node_count();
      const OriginScope origin(data, node.name, node.source);
      // What the composite waited for, all of its parts wait for.
      auto& state = data.build_state();
      state.control.push_back(node.control);
      ExpandContext context(node.view(), into, inputs, source_graph->node(id).outputs);
      try {
        node.row->expand(context);
      } catch (...) {
        state.control.pop_back();
        throw;
      }
      state.control.pop_back();
      std::vector<TensorId> outputs;
      for (const auto& result : context.results()) {
        // The composite's own inference knows sizes that its parts hold as numbers.
        const auto at = TensorId{id, static_cast<int32_t>(outputs.size())};
        if (result.id().operation >= first_new && result.shape() == source_graph->type(at).shape)
          data.set_symbols(result.id(), source_graph->symbolic_shape(at));
        outputs.push_back(result.id());
      }
      return outputs;
    });
  }
}

}  // namespace mpsg
