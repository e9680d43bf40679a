// Rewrites of one operation, whose operands are already in the new graph and whose types are known.
#pragma once

#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "graph/graph_data.h"

namespace mpsg {

/// Constants with the results of an operation on constants, where they are not much larger than its
/// operands.
std::optional<std::vector<Node>> folded(GraphData& graph, const Node& node);

/// The operand that equals the only result, if one does: of identities, casts and reshapes to the
/// same, products with one.
std::optional<TensorId> same_as_input(const GraphData& graph, const Node& node);

/// Elementwise operations broadcast by themselves: they read what a broadcast was made from.
void skip_broadcasts(const GraphData& graph, Node& node);

/// Lets a matrix product read its operands transposed where a permute fed them.
void fold_transposes(const GraphData& graph, Node& node);

/// A sum over a batch of products that fold the rows of both operands (the gradient of weights that
/// a batch shares) is one product: that of the rows of all.
std::optional<TensorId> sum_of_products(GraphData& graph, const Node& node);

/// Makes equal pure operations one.
class EqualOperations {
 public:
  /// The results of the node, or of an equal one that was appended before.
  std::vector<TensorId> append(GraphData& graph, Node node);

 private:
  std::unordered_map<std::string, std::vector<TensorId>> seen_;
};

}  // namespace mpsg
