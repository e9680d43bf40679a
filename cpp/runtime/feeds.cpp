// Which placeholders a run needs, and whether what was fed fits them.
#include <set>

#include "compiler/module.h"
#include "mpsg/error.h"
#include "runtime/executable_builder.h"

namespace mpsg {
namespace {

bool fits(const Shape& expected, const Shape& given) {
  if (!expected.has_rank()) return true;
  if (expected.rank() != given.rank()) return false;
  for (int axis = 0; axis < expected.rank(); ++axis)
    if (expected[axis] >= 0 && expected[axis] != given[axis]) return false;
  return true;
}

}  // namespace

/// A shape operand reaches back through everything but shape_of, and what is counted on the device.
std::vector<bool> shape_deciders(const GraphData& graph, const std::vector<bool>& live) {
  std::vector<bool> decides(live.size());
  for (auto id = graph.node_count() - 1; id >= 0; --id) {
    if (!live[static_cast<size_t>(id)]) continue;
    const auto& node = graph.node(id);
    const bool passes_on = decides[static_cast<size_t>(id)] && node.row->name != "shape_of" &&
                           !node.row->traits.counted;
    size_t input = 0;
    for (size_t i = 0; i < node.segments.size(); ++i)
      for (int32_t k = 0; k < node.segments[i]; ++k, ++input)
        if (passes_on || node.row->operands[i].role == OperandRole::shape)
          decides[static_cast<size_t>(node.inputs[input].operation)] = true;
    // Inside a body, an argument may stand for a captured tensor.
    if (decides[static_cast<size_t>(id)] && node.row->name == "region_argument") {
      const auto& region = graph.region(node.region);
      for (const auto capture : region.captures)
        decides[static_cast<size_t>(capture.operation)] = true;
    }
  }
  return decides;
}

void check_feed(const Tensor& placeholder, const TensorType& expected, const TensorType& given) {
  if (given.data_type == expected.data_type && fits(expected.shape, given.shape)) return;
  const auto& graph = *placeholder.graph_data();
  throw FeedError("placeholder " + graph.describe(placeholder.id().operation) + " is " +
                  expected.to_string() + "; it was fed " + given.to_string() +
                  (given.data_type != expected.data_type
                       ? ". Convert the data to " + std::string(data_type_name(expected.data_type))
                       : ""));
}

std::vector<NeededFeed> needed_feeds(const Graph& graph, const std::vector<Tensor>& targets,
                                     const std::vector<Operation>& operations) {
  auto& data = *graph.data();
  const std::lock_guard lock(data.mutex);
  std::vector<TensorId> target_ids;
  for (const auto& target : targets) {
    if (!target || target.graph_data() != graph.data())
      throw GraphError("a target tensor belongs to another graph");
    if (data.node(target.id().operation).region != 0)
      throw GraphError("target tensor " + data.describe(target.id().operation) +
                       " lives in the body of another operation; return it from the body");
    target_ids.push_back(target.id());
  }
  std::vector<OperationId> operation_ids;
  for (const auto& operation : operations) {
    if (!operation || operation.graph_data() != graph.data())
      throw GraphError("a target operation belongs to another graph");
    if (data.node(operation.id()).region != 0)
      throw GraphError("target operation " + data.describe(operation.id()) +
                       " lives in the body of another operation");
    operation_ids.push_back(operation.id());
  }
  const auto live = live_operations(data, target_ids, operation_ids);
  const auto decides = shape_deciders(data, live);
  std::vector<NeededFeed> needed;
  for (OperationId id = 0; id < data.node_count(); ++id) {
    const auto& node = data.node(id);
    if (live[static_cast<size_t>(id)] && node.row->name == "placeholder" && node.region == 0)
      needed.push_back({{id, 0}, decides[static_cast<size_t>(id)]});
  }
  return needed;
}

}  // namespace mpsg
