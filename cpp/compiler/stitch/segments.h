// Updates of variables that run equal code over different operands become one step.
#pragma once

#include <vector>

#include "compiler/stitch/regions.h"

namespace mpsg::stitch {

/// Regions that will be segments of one step, with their kernels.
struct SegmentGroup {
  std::vector<size_t> units;  // positions in the list of units, ascending
  std::vector<BuiltKernel> kernels;
};

/// Groups of two or more regions that nothing waits for but assigns, so that they may run together
/// at the end. `operations`: those of the graph or body; `results`: what it gives.
std::vector<SegmentGroup> find_segments(const GraphData& graph,
                                        const std::vector<PlannedUnit>& units,
                                        const std::vector<OperationId>& operations,
                                        const std::vector<TensorId>& results,
                                        const StitchingLimits& limits);

}  // namespace mpsg::stitch
