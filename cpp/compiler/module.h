// What the passes work on: a private copy of the user's graph with every size known.
#pragma once

#include <map>
#include <set>
#include <vector>

#include "graph/graph_copy.h"
#include "graph/graph_data.h"
#include "mpsg/graph.h"

namespace mpsg {

struct Module {
  Graph graph;
  std::vector<TensorId> feeds;  // placeholders, in the executable's order
  std::vector<TensorId> targets;
  std::vector<OperationId> target_operations;
  std::map<OperationId, OperationId> variables;  // here -> in the user's graph
};

/// Which operations the targets need, bodies included; without those in `done`, and without what
/// only those need.
std::vector<bool> live_operations(const GraphData& graph, const std::vector<TensorId>& targets,
                                  const std::vector<OperationId>& target_operations,
                                  const std::set<OperationId>& done = {});

/// Rebuilds the module from its live operations, each through `rewrite` (see GraphCopy). Types are
/// known: what a node becomes has those that the node had.
void rewrite_module(Module& module, GraphCopy::Rewrite rewrite);

/// Appends `node` as it is; returns its results. What a rewrite does by default.
std::vector<TensorId> append_unchanged(GraphData& graph, Node node);

}  // namespace mpsg
