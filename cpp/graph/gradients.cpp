#include "graph/gradients.h"

#include <algorithm>
#include <set>

#include "graph/contexts.h"
#include "graph/graph_data.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

/// Which nodes of [begin, end) lie on a way from `sources`?
std::vector<bool> reached_from(const GraphData& graph, const std::vector<TensorId>& sources,
                               OperationId begin, OperationId end) {
  const std::set<TensorId> start(sources.begin(), sources.end());
  std::vector<bool> reached(static_cast<size_t>(end - begin));
  for (auto id = begin; id < end; ++id) {
    for (const auto input : graph.node(id).inputs) {
      const bool inside = input.operation >= begin && input.operation < end;
      if (start.contains(input) ||
          (inside && reached[static_cast<size_t>(input.operation - begin)]))
        reached[static_cast<size_t>(id - begin)] = true;
    }
  }
  return reached;
}

Tensor sum_of(Graph& graph, const Tensor& a, const Tensor& b) {
  return graph.add_one("addition", {{"primary_tensor", a}, {"secondary_tensor", b}});
}

/// Gradients of one node's inputs; an empty Tensor where none flows.
std::vector<Tensor> input_gradients(Graph& graph, OperationId id, std::vector<Tensor> incoming,
                                    std::vector<bool> wanted) {
  auto& data = *graph.data();
  const Node node = data.node(id);  // a copy: rules append to the graph
  std::vector<Tensor> inputs, outputs;
  for (const auto input : node.inputs) inputs.push_back(data.tensor(input));
  for (size_t i = 0; i < node.outputs.size(); ++i)
    outputs.push_back(data.tensor({id, static_cast<int32_t>(i)}));
  const OriginScope origin(data, data.display_name(id), node.source);
  GradientContext context(node.view(), graph, inputs, node.outputs, outputs, std::move(incoming),
                          std::move(wanted));
  if (node.row->gradient) {
    node.row->gradient(context);
    return context.gradients();
  }
  if (node.row->expand && node.row->not_differentiable.empty()) {
    give_through_expansion(context, node.row->expand);
    return context.gradients();
  }
  if (node.row->not_differentiable.empty())
    throw InternalError("row " + node.row->name + " has neither a gradient rule nor a reason");
  return std::vector<Tensor>(node.inputs.size());
}

bool has_gradient(DataType type) { return is_floating(type) || is_complex(type); }

}  // namespace

std::map<TensorId, Tensor> backpropagate(Graph graph, std::map<TensorId, Tensor> seeds,
                                         const std::vector<TensorId>& with_respect_to,
                                         OperationId begin, OperationId end) {
  auto& data = *graph.data();
  const auto region = data.build_state().regions.back();
  data.drop_build_state_if_idle();
  const auto reached = reached_from(data, with_respect_to, begin, end);
  const std::set<TensorId> sources(with_respect_to.begin(), with_respect_to.end());
  auto& gradients = seeds;
  std::map<TensorId, Tensor> found;
  for (auto id = end - 1; id >= begin; --id) {
    std::vector<Tensor> incoming;
    bool any = false;
    const auto outputs = static_cast<int32_t>(data.node(id).outputs.size());
    for (int32_t i = 0; i < outputs; ++i) {
      const auto at = gradients.find({id, i});
      incoming.push_back(at == gradients.end() ? Tensor() : at->second);
      any = any || bool(incoming.back());
      if (at == gradients.end()) continue;
      if (sources.contains(at->first)) found.insert(*at);
      gradients.erase(at);
    }
    if (!any || !reached[static_cast<size_t>(id - begin)] || data.node(id).region != region)
      continue;
    const auto inputs = data.node(id).inputs;
    std::vector<bool> wanted;
    for (const auto input : inputs)
      wanted.push_back(
          has_gradient(data.type(input).data_type) &&
          (sources.contains(input) || (input.operation >= begin && input.operation < end &&
                                       reached[static_cast<size_t>(input.operation - begin)])));
    if (std::ranges::none_of(wanted, [](bool w) { return w; })) continue;
    const auto contributions = input_gradients(graph, id, std::move(incoming), wanted);
    for (size_t i = 0; i < inputs.size(); ++i) {
      if (!wanted[i] || !contributions[i]) continue;
      auto& sum = gradients[inputs[i]];
      sum = sum ? sum_of(graph, sum, contributions[i]) : contributions[i];
    }
  }
  for (const auto id : with_respect_to)  // those made before the swept range
    if (const auto at = gradients.find(id); at != gradients.end()) found.insert(*at);
  return found;
}

void give_through_expansion(GradientContext& context, ExpandFunction expand) {
  auto graph = context.graph();
  auto& data = *graph.data();
  const auto begin = data.node_count();
  // Fresh names for the inputs, so that a tensor used twice keeps its two gradients apart.
  std::vector<Tensor> inputs;
  std::vector<TensorId> input_ids;
  for (auto input : context.inputs()) {
    if (data.node(input.id().operation).row->name != "constant")
      input = graph.add_one("identity", {{"tensor", input}});
    inputs.push_back(input);
    input_ids.push_back(input.id());
  }
  const auto body = data.node_count();
  ExpandContext expansion(context, graph, inputs, context.result_types());
  expand(expansion);
  std::map<TensorId, Tensor> seeds;
  for (size_t i = 0; i < expansion.results().size(); ++i) {
    if (!context.has_incoming(static_cast<int>(i))) continue;
    const auto id = expansion.results()[i].id();
    if (id.operation < begin) continue;
    auto& seed = seeds[id];
    const auto incoming = context.incoming(static_cast<int>(i));
    seed = seed ? sum_of(graph, seed, incoming) : incoming;
  }
  const auto found = backpropagate(graph, seeds, input_ids, body, data.node_count());
  std::vector<Tensor> gradients;
  for (const auto id : input_ids) {
    const auto at = found.find(id);
    gradients.push_back(at == found.end() ? Tensor() : at->second);
  }
  context.give_all(std::move(gradients));
}

std::vector<Tensor> Graph::gradients(const Tensor& of, const std::vector<Tensor>& with_respect_to,
                                     Unconnected unconnected) {
  std::lock_guard lock(data_->mutex);
  if (!of || of.graph_data() != data_)
    throw GraphError("gradients: the primary tensor belongs to another graph");
  if (!has_gradient(of.data_type()))
    throw GraphError("gradients: '" + of.name() + "' is " +
                     std::string(data_type_name(of.data_type())) +
                     "; only floating-point and complex tensors have gradients");
  std::vector<TensorId> sources;
  for (const auto& tensor : with_respect_to) {
    if (!tensor || tensor.graph_data() != data_)
      throw GraphError("gradients: a tensor of another graph");
    if (!has_gradient(tensor.data_type()))
      throw GraphError("gradients: '" + tensor.name() + "' is " +
                       std::string(data_type_name(tensor.data_type())) +
                       "; only floating-point and complex tensors have gradients");
    sources.push_back(tensor.id());
  }
  auto primary = of;
  if (data_->node(of.id().operation).row->name == "variable")
    primary = add_one("read", {{"variable", of}});
  const auto end = data_->node_count();
  auto seed = add_one("ones_like", {{"tensor", primary}});
  auto found = backpropagate(*this, {{primary.id(), seed}}, sources, 0, end);
  std::vector<Tensor> results;
  for (size_t i = 0; i < sources.size(); ++i) {
    const auto at = found.find(sources[i]);
    if (at != found.end()) {
      results.push_back(at->second);
    } else if (unconnected == Unconnected::zero) {
      results.push_back(add_one("zeros_like", {{"tensor", with_respect_to[i]}}));
    } else {
      throw GraphError(
          "gradients: '" + primary.name() + "' does not depend on " +
          data_->describe(sources[i].operation) +
          " through differentiable operations; pass unconnected=\"zero\" to get zeros");
    }
  }
  return results;
}

}  // namespace mpsg
