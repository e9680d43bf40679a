#include <numeric>

#include "compiler/rewrites.h"

namespace mpsg {
namespace {

/// Is this tensor a permute that swaps the last two axes and nothing else?
bool swaps_last_two(const GraphData& data, TensorId id) {
  const auto& node = data.node(id.operation);
  if (node.row->name != "permute" || !node.control.empty()) return false;
  const auto rank = data.type(id).shape.rank();
  std::vector<int64_t> swapped(static_cast<size_t>(rank));
  std::iota(swapped.begin(), swapped.end(), 0);
  if (rank < 2) return false;
  std::swap(swapped[static_cast<size_t>(rank) - 1], swapped[static_cast<size_t>(rank) - 2]);
  auto permutation = node.view().integers("permutation");
  for (auto& axis : permutation)
    if (axis < 0) axis += rank;
  return permutation == swapped;
}

}  // namespace

void fold_transposes(const GraphData& data, Node& node) {
  if (node.row->name != "matrix_multiplication") return;
  static constexpr const char* flags[] = {"transpose_primary", "transpose_secondary"};
  for (size_t side = 0; side < 2; ++side) {
    if (!swaps_last_two(data, node.inputs[side])) continue;
    auto& flag = node.attributes[static_cast<size_t>(node.row->attribute_index(flags[side]))];
    flag = !std::get<bool>(flag);
    node.inputs[side] = data.node(node.inputs[side].operation).inputs[0];
  }
}

}  // namespace mpsg
