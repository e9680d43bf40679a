// The host's reads and writes of variables, between runs: in the order of calls, like those of
// runs.
#pragma once

#include <span>
#include <vector>

#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"
#include "runtime/caller_lock.h"

namespace mpsg {

/// Copies of the variables' values, all of one moment: after the runs that write them and were
/// submitted before. Throws ExecutionError for a variable that a failed run left without a value,
/// GraphError for what is no variable of the graph.
std::vector<TensorData> read_variables(const Graph& graph, std::span<const OperationId> variables,
                                       CallerLock& caller);
/// Gives them new values, all at one moment. Throws FeedError if a type differs; then nothing was
/// written.
void write_variables(const Graph& graph, std::span<const OperationId> variables,
                     std::span<const TensorData> values, CallerLock& caller);

}  // namespace mpsg
