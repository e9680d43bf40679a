#include "runtime/variables.h"

#include <algorithm>
#include <map>
#include <mutex>
#include <set>

#include "graph/graph_data.h"
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/variable_access.h"

namespace mpsg {

std::vector<TensorData> read_variables(const Graph& graph, std::span<const OperationId> variables) {
  CallerLock none;
  return read_variables(graph, variables, none);
}

void write_variables(const Graph& graph, std::span<const OperationId> variables,
                     std::span<const TensorData> values) {
  CallerLock none;
  write_variables(graph, variables, values, none);
}

std::vector<OperationId> variables_of(const Graph& graph) {
  const auto& data = *graph.data();
  const std::lock_guard lock(data.mutex);
  std::vector<OperationId> variables;
  for (OperationId id = 0; id < data.node_count(); ++id)
    if (data.node(id).row->name == "variable") variables.push_back(id);
  return variables;
}

std::vector<OperationId> require_variables(const Graph& graph, std::span<const Tensor> variables) {
  std::vector<OperationId> ids;
  for (const auto& variable : variables) {
    if (!variable) throw GraphError("a variable is missing: an empty tensor was given");
    if (variable.graph_data() != graph.data() || variable.operation().op_name() != "variable")
      throw GraphError("'" + variable.name() + "' is not a variable of this graph");
    if (std::ranges::find(ids, variable.id().operation) != ids.end())
      throw GraphError("the variable '" + variable.name() + "' is given twice");
    ids.push_back(variable.id().operation);
  }
  return ids;
}

std::vector<std::string> names_of_variables(const Graph& graph,
                                            std::span<const OperationId> variables) {
  const auto all = variables_of(graph);
  std::vector<std::string> names;
  {
    const auto& data = *graph.data();
    const std::lock_guard lock(data.mutex);
    for (const auto id : all) names.push_back(data.display_name(id));
  }
  names = unique_names(names);
  std::vector<std::string> wanted;
  for (const auto id : variables)
    wanted.push_back(names[static_cast<size_t>(std::ranges::lower_bound(all, id) - all.begin())]);
  return wanted;
}

std::vector<std::string> unique_names(const std::vector<std::string>& names) {
  std::set<std::string> taken(names.begin(), names.end());
  std::map<std::string, int64_t> used;
  std::vector<std::string> result;
  for (const auto& name : names) {
    auto& number = used[name];
    if (++number == 1) {
      result.push_back(name);
      continue;
    }
    auto numbered = name + "." + std::to_string(number);
    while (!taken.insert(numbered).second) numbered = name + "." + std::to_string(++number);
    result.push_back(std::move(numbered));
  }
  return result;
}

TensorData variable_value(const Graph& graph, const Tensor& variable) {
  return read_variables(graph, require_variables(graph, std::span(&variable, 1))).front();
}

void set_variable_value(const Graph& graph, const Tensor& variable, const TensorData& value) {
  const auto ids = require_variables(graph, std::span(&variable, 1));
  if (value.type() != variable.type())
    throw FeedError("the variable '" + variable.name() + "' is " + variable.type().to_string() +
                    "; it was given " + value.type().to_string());
  write_variables(graph, ids, std::span(&value, 1));
}

}  // namespace mpsg
