// The values of variables between runs, for those who read and write files.
#pragma once

#include <span>
#include <string>
#include <vector>

#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

/// As those of variable_access.h, for a caller that holds no lock of its language: copies of the
/// values, all as of one moment.
std::vector<TensorData> read_variables(const Graph& graph, std::span<const OperationId> variables);
/// Sets the values, which have the variables' types, as one step between runs.
void write_variables(const Graph& graph, std::span<const OperationId> variables,
                     std::span<const TensorData> values);

/// All variables of the graph, in the order of their creation.
std::vector<OperationId> variables_of(const Graph& graph);
/// The ids of these tensors. Throws GraphError if one is no variable of the graph, or twice there.
std::vector<OperationId> require_variables(const Graph& graph, std::span<const Tensor> variables);
/// What variables are called in files: their names, each once.
std::vector<std::string> names_of_variables(const Graph& graph,
                                            std::span<const OperationId> variables);

/// Names that are there twice get a number: "x", "x.2", "x.3"; none is a name that another has.
std::vector<std::string> unique_names(const std::vector<std::string>& names);

}  // namespace mpsg
