// graph -> Plan. One way; pipeline.cpp only calls the passes, in order, by name.
#pragma once

#include <memory>
#include <vector>

#include "compiler/passes.h"

namespace mpsg {

/// Throws GraphError, FeedError.
std::shared_ptr<const Plan> compile_plan(const Graph& graph, const std::vector<FeedType>& feeds,
                                         const std::vector<Tensor>& targets,
                                         const std::vector<Operation>& operations,
                                         const Backend& backend,
                                         const CompileOptions& options = {});

}  // namespace mpsg
