// From the operations of a region to its kernel: element programs are pulled out of the rows'
// stitch rules, starting at the region's results.
#pragma once

#include <string>
#include <variant>
#include <vector>

#include "compiler/stitch/domain.h"
#include "graph/graph_data.h"
#include "mpsg/backend.h"

namespace mpsg::stitch {

/// Operations that are to become one kernel.
struct RegionDraft {
  std::vector<OperationId> members;  // ascending; without the root
  OperationId root = -1;
  std::vector<TensorId> outputs;  // of members: what others read
};

struct BuiltKernel {
  StitchedKernel kernel;
  std::vector<TensorId> inputs;  // of the kernel; the root's result comes first
};

/// The kernel, or why there cannot be one.
std::variant<BuiltKernel, Refusal> build_kernel(const GraphData& graph, const RegionDraft& draft,
                                                const StitchingLimits& limits);

}  // namespace mpsg::stitch
