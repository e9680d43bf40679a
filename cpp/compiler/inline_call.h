// Calls of other executables, as what these compute.
#pragma once

#include <vector>

#include "compiler/passes.h"

namespace mpsg {

/// Appends what `call` calls to `into`, where its inputs are; returns its results. Throws
/// GraphError if there is no such callable, or its types do not fit.
std::vector<TensorId> inline_call(GraphData& into, const Node& call, const Callables& callables);

}  // namespace mpsg
