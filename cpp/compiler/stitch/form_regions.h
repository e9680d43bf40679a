// The stitching pass: groups operations into regions, each of which becomes one kernel.
#pragma once

#include "compiler/module.h"
#include "mpsg/backend.h"

namespace mpsg {

/// Rebuilds the module with one operation `stitched` for each region. Does nothing for a backend
/// without stitching. With MPSG_STITCH=0, or without `grow`, every operation becomes a region of
/// its own.
void form_regions(Module& module, const Backend& backend, bool grow = true);

/// The same, with the settings given.
void form_regions(Module& module, const StitchingLimits& limits, int threads, bool grow);

namespace stitch {

/// Cuts reductions that keep little of much into two: pieces folded apart, then the pieces.
void split_reductions(Module& module, const StitchingLimits& limits, int threads);

}  // namespace stitch
}  // namespace mpsg
