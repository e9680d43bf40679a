// Turns a kernel written over the domain of a tensor into its canonical form: dimensions in loop
// order, merged where every access allows it, sizes as run-time arguments.
#pragma once

#include <vector>

#include "compiler/stitch/domain.h"
#include "graph/stitched_kernel.h"

namespace mpsg::stitch {

/// An access as it is pulled: strides in symbols, for each dimension of the domain, then the chunk.
struct DraftAccess {
  int32_t operand = 0;
  int64_t offset = 0;
  std::vector<int64_t> strides;
};

/// Fills `kernel.extents`, `parallel`, `lane_reduced` and `accesses`, and renumbers positions.
/// `matrix`: the kernel is an epilogue: its lane is the last dimension, apart from all others.
void lay_out(StitchedKernel& kernel, const Domain& domain, const std::vector<DraftAccess>& accesses,
             const SymbolValues& symbols, bool matrix);

/// Chooses what later phases read from scratch memory instead of computing it again.
void choose_saved(StitchedKernel& kernel);

}  // namespace mpsg::stitch
