// Which operations become one kernel: the partition of a graph (or of a body) into units.
#pragma once

#include <string>
#include <vector>

#include "compiler/stitch/kernel_builder.h"

namespace mpsg::stitch {

/// One step to be: a region, or an operation that stays as it is.
struct PlannedUnit {
  OperationId operation = -1;    // stays as it is
  RegionDraft draft;             // else a region: its operations, and those every user repeats
  std::vector<OperationId> own;  // members that no other region has
  std::string ended;             // why it holds no more
};

struct GrowthOptions {
  StitchingLimits limits;
  bool grow = true;  // false: each operation is a region of its own
};

/// The units in an order in which they may run. `operations`: those of the graph or body,
/// ascending; `results`: what it gives.
std::vector<PlannedUnit> grow_regions(const GraphData& graph,
                                      const std::vector<OperationId>& operations,
                                      const std::vector<TensorId>& results,
                                      const GrowthOptions& options);

}  // namespace mpsg::stitch
