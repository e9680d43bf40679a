#include <cstring>
#include <optional>

#include "compiler/passes.h"
#include "compiler/rewrites.h"
#include "graph/scalars.h"

namespace mpsg {
namespace {

bool is_named(const GraphData& data, TensorId id, std::string_view row) {
  return data.node(id.operation).row->name == row;
}

/// Is every element of this constant one, whatever the open sizes are?
bool is_one(const GraphData& data, TensorId id) {
  const auto& node = data.node(id.operation);
  if (node.row->name != "constant" || node.from_sizes) return false;
  const auto& bytes = *std::get<std::shared_ptr<const Bytes>>(node.attributes[0]);
  const auto type = node.outputs[0].data_type;
  const auto one = graph_detail::scalar_bytes(Scalar(int64_t{1}), type);
  const auto size = one->size();
  if (bytes.size() < size || std::memcmp(bytes.data(), one->data(), size) != 0) return false;
  // Each element equals the one before.
  return std::memcmp(bytes.data(), bytes.data() + size, bytes.size() - size) == 0;
}

/// Looks through broadcasts: `broadcast(1)` is one as well.
bool is_broadcast_one(const GraphData& data, TensorId id) {
  while (is_named(data, id, "broadcast")) id = data.node(id.operation).inputs[0];
  return is_one(data, id);
}

}  // namespace

std::optional<TensorId> same_as_input(const GraphData& data, const Node& node) {
  if (node.outputs.size() != 1) return std::nullopt;
  const auto& output = node.outputs[0];
  const auto& name = node.row->name;
  if (!node.control.empty()) return std::nullopt;
  if (name == "identity" || name == "cast" || name == "reshape" || name == "broadcast" ||
      name == "expand_dims" || name == "squeeze" || name == "flatten_2d")
    if (data.type(node.inputs[0]) == output) return node.inputs[0];
  if (name == "multiplication")
    for (int side = 0; side < 2; ++side)
      if (data.type(node.inputs[static_cast<size_t>(side)]) == output &&
          is_broadcast_one(data, node.inputs[static_cast<size_t>(1 - side)]))
        return node.inputs[static_cast<size_t>(side)];
  if (name == "division" && data.type(node.inputs[0]) == output &&
      is_broadcast_one(data, node.inputs[1]))
    return node.inputs[0];
  return std::nullopt;
}

void skip_broadcasts(const GraphData& data, Node& node) {
  if (!node.row->traits.elementwise || node.inputs.size() < 2 || node.outputs.size() != 1) return;
  const auto& output = node.outputs[0];
  for (auto& input : node.inputs) {
    if (!is_named(data, input, "broadcast")) continue;
    const auto original = input;
    input = data.node(original.operation).inputs[0];
    // At least one operand must still have the full shape.
    Shape widest = Shape::unranked();
    for (const auto other : node.inputs)
      if (data.type(other).shape == output.shape) widest = output.shape;
    if (!widest.has_rank()) input = original;
  }
}

void simplify(Module& module) {
  EqualOperations equal;
  rewrite_module(module, [&](OperationId, Node node, Graph into) {
    auto& data = *into.data();
    if (const auto constants = folded(data, node)) {
      std::vector<TensorId> results;
      for (const auto& constant : *constants) results.push_back(equal.append(data, constant)[0]);
      return results;
    }
    skip_broadcasts(data, node);
    if (const auto same = same_as_input(data, node)) return std::vector<TensorId>{*same};
    if (const auto product = sum_of_products(data, node)) return std::vector<TensorId>{*product};
    fold_transposes(data, node);
    return equal.append(data, std::move(node));
  });
}

}  // namespace mpsg
