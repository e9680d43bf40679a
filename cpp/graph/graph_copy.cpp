#include "graph/graph_copy.h"

#include <algorithm>
#include <set>

#include "graph/contexts.h"
#include "graph/host_values.h"

namespace mpsg {

const TensorId* GraphCopy::find(TensorId original) const {
  const auto at = static_cast<size_t>(original.operation);
  if (original.index == 0)
    return at < first_.size() && first_[at].operation >= 0 ? &first_[at] : nullptr;
  const auto found = others_.find(original);
  return found == others_.end() ? nullptr : &found->second;
}

void GraphCopy::bind(TensorId original, TensorId copy) {
  const auto at = static_cast<size_t>(original.operation);
  if (original.index != 0) {
    others_[original] = copy;
    return;
  }
  if (first_.size() <= at)
    first_.resize(std::max(at + 1, static_cast<size_t>(source_.node_count())), {-1, 0});
  first_[at] = copy;
}

void GraphCopy::bind(OperationId original, OperationId copy) {
  const auto at = static_cast<size_t>(original);
  if (operations_.size() <= at)
    operations_.resize(std::max(at + 1, static_cast<size_t>(source_.node_count())), -1);
  operations_[at] = copy;
}

TensorId GraphCopy::operator()(TensorId original) const {
  const auto* const copy = find(original);
  return copy ? *copy : original;
}

OperationId GraphCopy::operator()(OperationId original) const {
  const auto at = static_cast<size_t>(original);
  return at < operations_.size() && operations_[at] >= 0 ? operations_[at] : original;
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
  node.from_sizes = original.from_sizes;
  if (keeps_types_) node.outputs = original.outputs;
  node.name = source_.display_name(id);
  node.source = original.source;
  node.regions = original.regions;
  node.inputs.reserve(original.inputs.size());
  for (const auto input : original.inputs) node.inputs.push_back((*this)(input));
  const bool same_graph = &source_ == &target;
  for (const auto dependency : original.control) {
    const auto at = static_cast<size_t>(dependency);
    if (same_graph || (at < operations_.size() && operations_[at] >= 0))
      node.control.push_back((*this)(dependency));
  }
  if (rewrite_ && node.row->blocks.empty()) {
    const auto last = target.node_count();
    const auto outputs = rewrite_(id, std::move(node), target_);
    for (size_t i = 0; i < outputs.size(); ++i)
      bind(TensorId{id, static_cast<int32_t>(i)}, outputs[i]);
    // Whoever waited for the original waits for the last thing it became.
    bind(id, outputs.empty() ? std::max(last, target.node_count() - 1) : outputs.back().operation);
    return;
  }
  node.regions.clear();
  for (size_t block = 0; block < original.regions.size(); ++block)
    node.regions.push_back(
        original.regions[block] < 0 ? -1 : copy_body(original.regions[block], node, block));
  const auto appended = target.append(std::move(node));
  bind(id, appended);
  for (size_t i = 0; i < target.node(appended).outputs.size(); ++i)
    bind(TensorId{id, static_cast<int32_t>(i)}, TensorId{appended, static_cast<int32_t>(i)});
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
