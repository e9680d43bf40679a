#include "mpsg/graph.h"

#include <algorithm>

#include "graph/graph_data.h"
#include "mpsg/error.h"

namespace mpsg {

Graph Tensor::graph() const { return Graph(graph_); }
Operation Tensor::operation() const { return {graph_, id_.operation}; }
TensorType Tensor::type() const {
  std::lock_guard lock(graph_->mutex);
  return graph_->type(id_);
}
std::string Tensor::name() const {
  std::lock_guard lock(graph_->mutex);
  auto name = graph_->display_name(id_.operation);
  if (graph_->node(id_.operation).outputs.size() > 1) name += ":" + std::to_string(id_.index);
  return name;
}

Graph Operation::graph() const { return Graph(graph_); }
std::string Operation::op_name() const {
  std::lock_guard lock(graph_->mutex);
  return graph_->node(id_).row->name;
}
std::string Operation::name() const {
  std::lock_guard lock(graph_->mutex);
  return graph_->display_name(id_);
}
std::vector<Tensor> Operation::input_tensors() const {
  std::lock_guard lock(graph_->mutex);
  std::vector<Tensor> tensors;
  for (const auto id : graph_->node(id_).inputs) tensors.emplace_back(graph_, id);
  return tensors;
}
std::vector<Tensor> Operation::output_tensors() const {
  std::lock_guard lock(graph_->mutex);
  std::vector<Tensor> tensors;
  for (size_t i = 0; i < graph_->node(id_).outputs.size(); ++i)
    tensors.emplace_back(graph_, TensorId{id_, static_cast<int32_t>(i)});
  return tensors;
}
std::vector<Operation> Operation::control_dependencies() const {
  std::lock_guard lock(graph_->mutex);
  std::vector<Operation> operations;
  for (const auto id : graph_->node(id_).control) operations.emplace_back(graph_, id);
  return operations;
}

Graph::Graph() : data_(std::make_shared<GraphData>()) {}

std::vector<Operation> Graph::operations() const {
  std::lock_guard lock(data_->mutex);
  std::vector<Operation> all;
  for (OperationId id = 0; id < data_->node_count(); ++id) all.emplace_back(data_, id);
  return all;
}

std::vector<Tensor> Graph::placeholder_tensors() const {
  std::lock_guard lock(data_->mutex);
  std::vector<Tensor> all;
  for (OperationId id = 0; id < data_->node_count(); ++id)
    if (data_->node(id).row->name == "placeholder") all.emplace_back(data_, TensorId{id, 0});
  return all;
}

uint64_t Graph::seed() const { return data_->seed; }
void Graph::set_seed(uint64_t seed) {
  std::lock_guard lock(data_->mutex);
  data_->seed = seed;
}

std::vector<Tensor> Graph::control_dependency(const std::vector<Operation>& operations,
                                              const std::function<std::vector<Tensor>()>& block) {
  std::vector<OperationId> ids;
  for (const auto& operation : operations) {
    if (operation.graph_data() != data_)
      throw GraphError("control_dependency: an operation of another graph");
    ids.push_back(operation.id());
  }
  data_->build_state().control.push_back(std::move(ids));
  struct Leave {
    GraphData& graph;
    ~Leave() {
      graph.build_state().control.pop_back();
      graph.drop_build_state_if_idle();
    }
  } leave{*data_};
  auto results = block();
  for (auto& result : results) {
    if (!result || result.graph_data() != data_)
      throw GraphError("control_dependency: the function must return tensors of this graph");
    // A tensor made outside the block does not wait; an identity of it does.
    std::lock_guard lock(data_->mutex);
    const auto& control = data_->node(result.id().operation).control;
    bool waits = true;
    for (const auto& operation : operations)
      waits = waits && std::ranges::find(control, operation.id()) != control.end();
    if (!waits) result = add_one("identity", {{"tensor", result}});
  }
  return results;
}

}  // namespace mpsg
