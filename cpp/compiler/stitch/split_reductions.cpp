// A reduction that keeps few elements has little to do in parallel: it is folded in pieces first.
#include <algorithm>

#include "compiler/stitch/cost_model.h"
#include "compiler/stitch/form_regions.h"
#include "compiler/stitch/operations.h"
#include "compiler/stitch/space.h"
#include "graph/op_table.h"

namespace mpsg::stitch {
namespace {

/// Stands for a number of pieces: apart from all sizes, and from the symbols of unknown ones.
constexpr int64_t chunk_symbols = 1000133;

/// How many pieces, from sizes alone; 1: as it is. Rows (folded along what lies innermost) have
/// enough to do in parallel unless all is folded into one.
int64_t chunks_for(const GraphData& graph, const Node& node, int threads) {
  const auto folded = folded_axes(graph, node);
  const auto pattern = pattern_of(graph.symbolic_shape(node.inputs[0]), folded);
  int64_t kept = 1;
  for (const auto& [count, fold] : pattern)
    if (!fold) kept = product(kept, count);
  const bool rows = pattern.back().second && kept != 1;
  const auto elements = *graph.type(node.inputs[0]).shape.element_count();
  if (rows || kept < 0 || kept > chunk_kept_limit || elements < chunk_elements) return 1;
  // The outermost folded run is what is cut.
  const auto& shape = graph.type(node.inputs[0]).shape;
  int64_t extent = 1;
  bool inside = false;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] == 1) continue;
    if (!folded[static_cast<size_t>(axis)] && inside) break;
    inside = inside || folded[static_cast<size_t>(axis)];
    if (inside) extent *= shape[axis];
  }
  const auto in_cache = elements / std::max(most_chunk_elements, least_chunk_rows * kept);
  auto chunks = std::clamp<int64_t>(elements / elements_per_chunk, 2,
                                    std::max<int64_t>(threads * chunks_per_thread, in_cache));
  chunks = std::min(chunks, extent);
  // None may be empty.
  const auto piece = (extent + chunks - 1) / chunks;
  return (extent + piece - 1) / piece;
}

TensorId append(GraphData& data, const Node& origin, std::string_view row,
                std::vector<AttributeValue> attributes, TensorId input) {
  Node node;
  node.row = &require_row(row);
  node.inputs = {input};
  node.segments.assign(node.row->operands.size(), 0);
  node.segments[0] = 1;
  node.attributes = std::move(attributes);
  node.name = origin.name;
  node.source = origin.source;
  return {data.append(std::move(node)), 0};
}

std::vector<TensorId> split(GraphData& data, const Node& node, const TensorType& type,
                            const Shape& symbols, int64_t chunks) {
  const auto folded = folded_axes(data, node);
  std::vector<int64_t> axes;
  for (size_t axis = 0; axis < folded.size(); ++axis)
    if (folded[axis]) axes.push_back(static_cast<int64_t>(axis));
  const auto pieces = append(data, node, "partial_reduction",
                             {axes, chunks, static_cast<int64_t>(node.row->fold)}, node.inputs[0]);
  auto piece_symbols = data.symbolic_shape(pieces);
  piece_symbols[0] = chunk_symbols + chunks;
  data.set_symbols(pieces, piece_symbols);
  auto result = append(data, node, node.row->name, {std::vector<int64_t>{0}}, pieces);
  result = append(data, node, "reshape", {type.shape.to_vector()}, result);
  data.set_symbols(result, symbols);
  if (data.type(result).data_type != type.data_type) {
    result = append(data, node, "cast", {type.data_type}, result);
    data.set_symbols(result, symbols);
  }
  return {result};
}

}  // namespace

void split_reductions(Module& module, const StitchingLimits& limits, int threads) {
  const auto& data = *module.graph.data();
  const auto wanted = [&](const GraphData& graph, const Node& node) -> int64_t {
    if (node.row->fold == FoldKind::none || !node.control.empty() ||
        !is_stitchable(graph, node, limits))
      return 1;
    return chunks_for(graph, node, threads);
  };
  bool any = false;
  for (OperationId id = 0; id < data.node_count() && !any; ++id)
    any = wanted(data, data.node(id)) > 1;
  if (!any) return;
  rewrite_module(module, [&](OperationId, Node original, Graph into) {
    auto& graph = *into.data();
    auto outputs = append_unchanged(graph, std::move(original));
    const auto node = graph.node(outputs.empty() ? 0 : outputs[0].operation);
    if (outputs.size() != 1) return outputs;
    const auto chunks = wanted(graph, node);
    if (chunks <= 1) return outputs;
    return split(graph, node, graph.type(outputs[0]), graph.symbolic_shape(outputs[0]), chunks);
  });
}

}  // namespace mpsg::stitch
