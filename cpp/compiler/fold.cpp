#include "compiler/rewrites.h"
#include "graph/contexts.h"
#include "graph/op_table.h"

namespace mpsg {
namespace {

/// A folded result may be this much larger than what it is made from.
constexpr int64_t generous_bytes = 1 << 16;

int64_t bytes_of(const TensorType& type) {
  return *type.shape.element_count() * static_cast<int64_t>(size_of(type.data_type));
}

bool can_fold(const GraphData& data, const Node& node) {
  if (!node.row->evaluate || !node.row->traits.pure || node.row->traits.random ||
      node.inputs.empty() || !node.control.empty())
    return false;
  for (const auto input : node.inputs)
    if (data.node(input.operation).row->name != "constant") return false;
  return true;
}

std::shared_ptr<const Bytes> expanded_bytes(const Node& constant) {
  const auto& bytes = std::get<std::shared_ptr<const Bytes>>(constant.attributes[0]);
  const auto& type = constant.outputs[0];
  const auto wanted = static_cast<size_t>(bytes_of(type));
  if (bytes->size() == wanted) return bytes;
  auto all = Bytes::allocate(wanted);
  const TensorView view{type.data_type, type.shape, all->mutable_data()};
  constant.row->evaluate(
      EvaluateContext(constant.view(), {}, std::span(&view, 1), Parallel::serial(), 0, 0));
  return all;
}

}  // namespace

std::optional<std::vector<Node>> folded(GraphData& data, const Node& node) {
  if (!can_fold(data, node)) return std::nullopt;
  int64_t bytes_in = 0, bytes_out = 0;
  std::vector<TensorView> inputs, results;
  for (const auto input : node.inputs) bytes_in += bytes_of(data.type(input));
  for (const auto& output : node.outputs) bytes_out += bytes_of(output);
  if (bytes_out > bytes_in + generous_bytes) return std::nullopt;
  std::vector<std::shared_ptr<const Bytes>> held;
  for (const auto input : node.inputs) {
    held.push_back(expanded_bytes(data.node(input.operation)));
    inputs.push_back({data.type(input).data_type, data.type(input).shape,
                      const_cast<std::byte*>(held.back()->data())});
  }
  std::vector<std::shared_ptr<Bytes>> memory;
  for (const auto& output : node.outputs) {
    memory.push_back(Bytes::allocate(static_cast<size_t>(bytes_of(output))));
    results.push_back({output.data_type, output.shape, memory.back()->mutable_data()});
  }
  node.row->evaluate(
      EvaluateContext(node.view(), inputs, results, Parallel::serial(), data.seed, 0));
  std::vector<Node> constants;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    auto& constant = constants.emplace_back();
    constant.row = &require_row("constant");
    constant.name = node.name;
    constant.source = node.source;
    constant.from_sizes = node.from_sizes;
    constant.attributes = {std::shared_ptr<const Bytes>(memory[i]),
                           node.outputs[i].shape.to_vector(), node.outputs[i].data_type};
  }
  return constants;
}

}  // namespace mpsg
