#include "graph/host_values.h"

namespace mpsg {

std::optional<TensorId> HostValues::outside(TensorId id) const {
  const auto& node = graph_.node(id.operation);
  if (node.row->name != "region_argument") return std::nullopt;
  const auto& region = graph_.region(node.region);
  for (size_t i = 0; i < region.captures.size(); ++i) {
    const auto at = i + static_cast<size_t>(region.declared_arguments);
    if (at < region.arguments.size() && region.arguments[at] == id) return region.captures[i];
  }
  return std::nullopt;
}

/// A composite (stack, split) is expanded on constants, in a graph of its own.
void HostValues::evaluate_composite(OperationId id) {
  const auto& node = graph_.node(id);
  Graph scratch;
  std::vector<Tensor> inputs;
  for (const auto input : node.inputs) {
    const auto& view = known_[input]->view;
    inputs.push_back(scratch.add_one(
        "constant",
        {{"value", Bytes::copy({static_cast<const std::byte*>(view.data), view.byte_count()})},
         {"shape", view.shape.to_vector()},
         {"data_type", view.data_type}}));
  }
  ExpandContext context(node.view(), scratch, inputs, node.outputs);
  node.row->expand(context);
  for (size_t i = 0; i < context.results().size(); ++i) {
    const auto value = scratch.data()->host_values().value(context.results()[i].id());
    auto& known = known_[{id, static_cast<int32_t>(i)}];
    if (!value) continue;
    auto bytes = Bytes::copy({static_cast<const std::byte*>(value->data), value->byte_count()});
    known = Known{{value->data_type, value->shape, const_cast<std::byte*>(bytes->data())}, bytes};
  }
}

void HostValues::evaluate_node(OperationId id) {
  const auto& node = graph_.node(id);
  if (node.row->is_composite()) return evaluate_composite(id);
  std::vector<TensorView> inputs;
  for (const auto input : node.inputs) inputs.push_back(known_[input]->view);
  std::vector<TensorView> outputs;
  std::vector<std::shared_ptr<Bytes>> memory;
  for (const auto& type : node.outputs) {
    memory.push_back(Bytes::allocate(static_cast<size_t>(*type.shape.element_count()) *
                                     size_of(type.data_type)));
    outputs.push_back({type.data_type, type.shape, memory.back()->mutable_data()});
  }
  node.row->evaluate(
      EvaluateContext(node.view(), inputs, outputs, Parallel::serial(), graph_.seed, 0));
  for (size_t i = 0; i < outputs.size(); ++i)
    known_[{id, static_cast<int32_t>(i)}] = Known{outputs[i], memory[i]};
}

bool HostValues::may_evaluate(const Node& node) const {
  const auto& row = *node.row;
  if (!(row.evaluate || row.expand) || !row.traits.pure || row.traits.random || !row.blocks.empty())
    return false;
  for (const auto& type : node.outputs) {
    const auto count = type.shape.element_count();
    if (!count || *count > largest_) return false;
  }
  return true;
}

std::optional<HostValues::Known> HostValues::shape_value(const Shape& shape) {
  if (!shape.is_static()) return std::nullopt;
  auto memory = Bytes::allocate(static_cast<size_t>(shape.rank()) * sizeof(int32_t));
  auto* values = reinterpret_cast<int32_t*>(memory->mutable_data());
  for (int i = 0; i < shape.rank(); ++i) values[i] = static_cast<int32_t>(shape[i]);
  return Known{{DataType::int32, {shape.rank()}, memory->mutable_data()}, memory};
}

/// The value of `wanted` and of all it follows from, without recursion over them.
const HostValues::Known* HostValues::evaluate(TensorId wanted) {
  std::vector<TensorId> stack{wanted};
  while (!stack.empty()) {
    const auto id = stack.back();
    if (known_.contains(id)) {
      stack.pop_back();
      continue;
    }
    const auto& node = graph_.node(id.operation);
    if (const auto outer = outside(id)) {
      if (const auto found = known_.find(*outer); found != known_.end()) {
        known_[id] = found->second;
      } else {
        stack.push_back(*outer);
      }
      continue;
    }
    bool possible = may_evaluate(node);
    bool ready = true;
    if (possible && node.row->name != "shape_of") {
      for (const auto input : node.inputs) {
        const auto found = known_.find(input);
        if (found == known_.end()) {
          stack.push_back(input);
          ready = false;
        } else if (!found->second) {
          possible = false;
        }
      }
    }
    if (!possible) {
      known_[id] = std::nullopt;
    } else if (node.row->name == "shape_of") {
      known_[id] = shape_value(graph_.type(node.inputs[0]).shape);
    } else if (ready) {
      evaluate_node(id.operation);
    } else {
      continue;
    }
  }
  const auto& known = known_[wanted];
  return known ? &*known : nullptr;
}

void HostValues::set_fed(TensorId id, std::shared_ptr<const Bytes> bytes) {
  const auto& type = graph_.type(id);
  auto* data = const_cast<std::byte*>(bytes->data());
  known_[id] = Known{{type.data_type, type.shape, data}, std::move(bytes)};
}

std::optional<TensorView> HostValues::value(TensorId id) {
  const auto* known = evaluate(id);
  if (!known) return std::nullopt;
  return known->view;
}

PartialIntegers HostValues::integers(TensorId id) {
  if (const auto* known = evaluate(id)) {
    const auto values = read_integers(known->view);
    return std::vector<std::optional<int64_t>>(values.begin(), values.end());
  }
  while (const auto outer = outside(id)) id = *outer;
  const auto& node = graph_.node(id.operation);
  if (node.row->name != "shape_of") return std::nullopt;
  const auto& shape = graph_.type(node.inputs[0]).shape;
  if (!shape.has_rank()) return std::nullopt;
  std::vector<std::optional<int64_t>> partial;
  for (const auto dimension : shape.dimensions())
    partial.push_back(dimension < 0 ? std::nullopt : std::optional(dimension));
  return partial;
}

}  // namespace mpsg
