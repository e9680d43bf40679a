// Over which elements the members of a region run, and whether two regions may share one loop nest.
#pragma once

#include <utility>
#include <vector>

#include "compiler/stitch/domain.h"

namespace mpsg::stitch {

/// Runs of neighbouring axes, outermost first: how many elements, and are they folded?
using Pattern = std::vector<std::pair<int64_t, bool>>;
Pattern pattern_of(const Shape& symbols, const std::vector<bool>& folded);
/// The pattern along which a tensor is repeated to get a larger shape.
Pattern broadcast_pattern(const Shape& from, const Shape& to);

/// Where a member's result lies in the domain of its region.
enum class Place : uint8_t {
  none,    // in no region
  full,    // one for each element of the domain
  kept,    // one for each of what the region's reductions keep
  moved,   // computed wherever another member asks for it: never a result of the region
  pieces,  // of a reduction in pieces: nobody in the region may read it
};

/// The elements of a region. Numbers are in symbols.
struct Space {
  int64_t full = 1;
  int64_t kept = 1;  // if it reduces
  bool reduces = false;
  int64_t chunks = 1;
  Pattern pattern;            // if it reduces
  std::vector<int64_t> cuts;  // where axes begin, as row-major strides, ascending

  static Space of(const Shape& shape);
  static Space of_reduction(const Shape& shape, const std::vector<bool>& folded, int64_t chunks);

  /// Adopts the other's cuts if the axes of both can be refined to common ones.
  bool adopt_cuts(const std::vector<int64_t>& others);
  bool reduces_as(const Space& other) const {
    return pattern == other.pattern && chunks == other.chunks;
  }
};

}  // namespace mpsg::stitch
