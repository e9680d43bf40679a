#include "compiler/rewrites.h"
#include "graph/op_table.h"

namespace mpsg {
namespace {

/// Are all axes but the last two summed, and only these?
bool sums_batch(const Node& sum, int rank) {
  if (sum.row->name != "reduction_sum" || !sum.control.empty() || rank < 3 ||
      !sum.view().given("axes"))
    return false;
  std::vector<bool> summed(static_cast<size_t>(rank));
  for (const auto axis : sum.view().integers("axes"))
    summed[static_cast<size_t>(axis < 0 ? axis + rank : axis)] = true;
  for (int axis = 0; axis < rank; ++axis)
    if (summed[static_cast<size_t>(axis)] != (axis < rank - 2)) return false;
  return true;
}

/// Does the product fold the rows of both operands, matrix by matrix, none of which is repeated?
bool folds_rows(const GraphData& data, const Node& product) {
  if (product.row->name != "matrix_multiplication" || !product.control.empty() ||
      !product.view().flag("transpose_primary") || product.view().flag("transpose_secondary"))
    return false;
  const auto& a = data.symbolic_shape(product.inputs[0]);
  const auto& b = data.symbolic_shape(product.inputs[1]);
  if (a.rank() != b.rank()) return false;
  for (int axis = 0; axis < a.rank() - 1; ++axis)
    if (a[axis] != b[axis]) return false;
  return true;
}

Shape joined_rows(const Shape& shape) {
  uint64_t rows = 1;  // symbols may not fit: then they are compared, never used
  for (int axis = 0; axis < shape.rank() - 1; ++axis) rows *= static_cast<uint64_t>(shape[axis]);
  return {static_cast<int64_t>(rows), shape[shape.rank() - 1]};
}

TensorId append(GraphData& data, const Node& origin, Node node, const Shape& symbols) {
  node.name = origin.name;
  node.source = origin.source;
  const TensorId made{data.append(std::move(node)), 0};
  data.set_symbols(made, symbols);
  return made;
}

TensorId reshaped(GraphData& data, const Node& origin, TensorId tensor, const Shape& shape,
                  const Shape& symbols) {
  Node node;
  node.row = &require_row("reshape");
  node.inputs = {tensor};
  node.segments.assign(node.row->operands.size(), 0);
  node.segments[0] = 1;
  node.attributes = {shape.to_vector()};
  return append(data, origin, std::move(node), symbols);
}

}  // namespace

std::optional<TensorId> sum_of_products(GraphData& data, const Node& node) {
  if (node.inputs.empty() || !sums_batch(node, data.type(node.inputs[0]).shape.rank()))
    return std::nullopt;
  const auto original = data.node(node.inputs[0].operation);
  if (!folds_rows(data, original)) return std::nullopt;
  Node product;
  product.row = original.row;
  product.segments = original.segments;
  product.attributes = original.attributes;
  Shape symbols;
  for (const auto input : original.inputs) {
    const auto shape = data.type(input).shape, in_symbols = data.symbolic_shape(input);
    symbols.append(in_symbols[in_symbols.rank() - 1]);
    product.inputs.push_back(
        reshaped(data, node, input, joined_rows(shape), joined_rows(in_symbols)));
  }
  const auto made = append(data, original, std::move(product), symbols);
  const auto& result = node.outputs[0].shape;
  std::vector<int64_t> kept(static_cast<size_t>(result.rank()) - 2, 1);
  kept.insert(kept.end(), symbols.dimensions().begin(), symbols.dimensions().end());
  return reshaped(data, node, made, result, Shape(kept));
}

}  // namespace mpsg
