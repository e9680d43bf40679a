// Reverse-mode automatic differentiation: appends nodes, by the rules of the op table.
#pragma once

#include <map>
#include <vector>

#include "graph/op_schema.h"
#include "mpsg/graph.h"

namespace mpsg {

/// Gradients of tensors with respect to tensors, given gradients of `seeds`.
/// Sweeps the nodes [begin, end) of the current region backwards, without recursion over them.
std::map<TensorId, Tensor> backpropagate(Graph graph, std::map<TensorId, Tensor> seeds,
                                         const std::vector<TensorId>& with_respect_to,
                                         OperationId begin, OperationId end);

/// Gives the gradients of an operation that does what `expand` builds, by the rules of its parts.
void give_through_expansion(GradientContext& context, ExpandFunction expand);

}  // namespace mpsg
