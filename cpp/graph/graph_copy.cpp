#include "graph/graph_copy.h"

#include <set>

#include "graph/contexts.h"
#include "graph/host_values.h"

namespace mpsg {

TensorId GraphCopy::operator()(TensorId original) const {
  const auto at = tensors_.find(original);
  return at == tensors_.end() ? original : at->second;
}

OperationId GraphCopy::operator()(OperationId original) const {
  const auto at = operations_.find(original);
  return at == operations_.end() ? original : at->second;
}

void GraphCopy::copy_if_live(OperationId id) {
  if (!live_ || (*live_)[static_cast<size_t>(id)] || kept_.contains(id)) copy(id);
}

void GraphCopy::copy(OperationId id) {
  auto& target = *target_.data();
  const Node& original = source_.node(id);
  Node node;
  node.row = original.row;
  node.segments = original.segments;
  node.attributes = original.attributes;
  node.symbols = original.symbols;
  node.name = source_.display_name(id);
  node.source = original.source;
  node.regions = original.regions;
  for (const auto input : original.inputs) node.inputs.push_back((*this)(input));
  const bool same_graph = &source_ == &target;
  for (const auto dependency : original.control)
    if (same_graph || operations_.contains(dependency)) node.control.push_back((*this)(dependency));
  if (rewrite_ && node.row->blocks.empty()) {
    const auto last = target.node_count();
    const auto outputs = rewrite_(id, node, target_);
    for (size_t i = 0; i < outputs.size(); ++i)
      tensors_[{id, static_cast<int32_t>(i)}] = outputs[i];
    // Whoever waited for the original waits for the last thing it became.
    operations_[id] =
        outputs.empty() ? std::max(last, target.node_count() - 1) : outputs.back().operation;
    return;
  }
  node.regions.clear();
  for (size_t block = 0; block < original.regions.size(); ++block)
    node.regions.push_back(
        original.regions[block] < 0 ? -1 : copy_body(original.regions[block], node, block));
  const auto appended = target.append(std::move(node));
  operations_[id] = appended;
  for (size_t i = 0; i < target.node(appended).outputs.size(); ++i)
    tensors_[{id, static_cast<int32_t>(i)}] = {appended, static_cast<int32_t>(i)};
}

int32_t GraphCopy::copy_body(int32_t region, Node& owner, size_t block) {
  auto& target = *target_.data();
  const Region body = source_.region(region);
  std::vector<TensorType> types;
  for (const auto input : owner.inputs) types.push_back(target.type(input));
  const auto known = target.block_types(owner);
  const InferContext context(owner.view(), types, owner.inputs, &target.host_values(), known);
  auto arguments = owner.row->block_arguments(context, static_cast<int>(block));
  for (size_t i = 0; i < body.captures.size(); ++i)
    arguments.push_back(types[types.size() - body.captures.size() + i]);
  const auto opened = target.open_region(arguments);
  // Inference inside may need what is known of a captured tensor.
  target.adopt_captures(opened, body.declared_arguments, owner.inputs);
  const auto inner = target.region(opened).arguments;
  auto results = inline_body(region, inner);
  target.close_region(opened, std::move(results));
  return opened;
}

std::vector<TensorId> GraphCopy::inline_body(int32_t region,
                                             const std::vector<TensorId>& arguments) {
  const Region body = source_.region(region);
  std::set<OperationId> is_argument;
  for (size_t i = 0; i < body.arguments.size(); ++i) {
    bind(body.arguments[i], arguments[i]);
    is_argument.insert(body.arguments[i].operation);
  }
  for (const auto id : body.nodes)
    if (!is_argument.contains(id)) copy_if_live(id);
  std::vector<TensorId> results;
  for (const auto result : body.results) results.push_back((*this)(result));
  return results;
}

}  // namespace mpsg
