#include "compiler/stitch/operations.h"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>

namespace mpsg::stitch {

bool is_source(const Node& node) {
  const auto& name = node.row->name;
  return name == "constant" || name == "placeholder" || name == "variable" ||
         name == "region_argument" || (name == "read" && node.control.empty());
}

bool is_view(const Node& node) {
  return node.row->traits.view && node.row->traits.pure && node.control.empty();
}

TensorId base_of(const GraphData& graph, TensorId id) {
  while (is_view(graph.node(id.operation))) id = graph.node(id.operation).inputs[0];
  return id;
}

FoldKind fold_of(const Node& node) {
  if (node.row->name == "partial_reduction")
    return static_cast<FoldKind>(node.view().integer("kind"));
  return node.row->fold;
}

std::vector<bool> folded_axes(const GraphData& graph, const Node& node) {
  const auto rank = graph.type(node.inputs[0]).shape.rank();
  if (!node.view().given("axes")) return std::vector<bool>(static_cast<size_t>(rank), true);
  std::vector<bool> folded(static_cast<size_t>(rank));
  for (const auto axis : node.view().integers("axes"))
    folded[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  return folded;
}

int64_t chunks_of(const Node& node) {
  return node.row->name == "partial_reduction" ? node.view().integer("chunks") : 1;
}

namespace {

bool folds_anything(const GraphData& graph, const Node& node) {
  const auto& shape = graph.symbolic_shape(node.inputs[0]);
  const auto folded = folded_axes(graph, node);
  for (int axis = 0; axis < shape.rank(); ++axis)
    if (folded[static_cast<size_t>(axis)] && shape[axis] != 1) return true;
  return false;
}

}  // namespace

bool is_stitchable(const GraphData& graph, const Node& node, const StitchingLimits& limits) {
  if ((!node.row->stitch && fold_of(node) == FoldKind::none) || !node.row->traits.pure ||
      node.outputs.size() != 1 || !node.regions.empty() || is_source(node))
    return false;
  if (fold_of(node) != FoldKind::none && !folds_anything(graph, node)) return false;
  const auto fits = [&](const TensorType& type) {
    return limits.types.contains(type.data_type) && type.shape.element_count() != 0;
  };
  return fits(node.outputs[0]) &&
         std::ranges::all_of(node.inputs, [&](TensorId input) { return fits(graph.type(input)); });
}

bool is_movement(const Node& node) {
  return node.row->stitch && !node.row->traits.elementwise && !node.row->traits.view;
}

bool is_broadcast(const Node& node) { return node.row->name == "broadcast"; }

namespace {

/// Rows that take a kernel along, and whether they finish their result in whole rows (all axes but
/// the last, the last), one group of neighbours after the other.
constexpr std::array<std::pair<std::string_view, bool>, 11> roots{{
    {"matrix_multiplication", false},
    {"convolution_2d", true},
    {"convolution_2d_data_gradient", true},
    {"convolution_2d_weights_gradient", false},
    {"convolution_transpose_2d", true},
    {"convolution_transpose_2d_data_gradient", true},
    {"convolution_transpose_2d_weights_gradient", false},
    {"max_pooling_2d", true},
    {"max_pooling_2d_gradient", true},
    {"avg_pooling_2d", true},
    {"avg_pooling_2d_gradient", true},
}};

auto find_root(const Node& node) {
  return std::ranges::find(roots, node.row->name, [](const auto& root) { return root.first; });
}

}  // namespace

bool is_root(const Node& node) {
  return find_root(node) != roots.end() && node.outputs.size() == 1 &&
         node.outputs[0].shape.rank() > 0 && node.outputs[0].shape.element_count() != 0;
}

bool finishes_rows(const Node& root) { return find_root(root)->second; }

Extents extents_of(const GraphData& graph, TensorId id) {
  return extents_of(graph.symbolic_shape(id), graph.type(id).shape);
}

}  // namespace mpsg::stitch
