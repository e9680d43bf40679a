// The dimensions over which a stitched kernel runs, and how shapes are walked along them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "graph/stitch_context.h"
#include "mpsg/shape.h"

namespace mpsg::stitch {

/// A size as the compiler decides on it (see GraphData::symbolic_shape), and as it is in this run.
/// Structure follows from the symbol alone.
struct Extent {
  int64_t symbol = 1;
  int64_t value = 1;
  bool is_one() const { return symbol == 1; }
};

/// Of symbols. May not fit: then it is compared, never used.
inline int64_t product(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) * static_cast<uint64_t>(b));
}

using Extents = std::vector<Extent>;
Extents extents_of(const Shape& symbols, const Shape& values);
int64_t symbol_count(std::span<const Extent> extents);
int64_t value_count(std::span<const Extent> extents);

/// Products of symbols (strides) as the numbers they are in this run.
class SymbolValues {
 public:
  void add(Extent extent);
  int64_t value_of(int64_t symbols) const;

 private:
  std::vector<Extent> known_;
};

struct DomainDimension {
  Extent extent;
  bool reduced = false;
};

/// Outermost first, as the tensor that the domain was made from has them.
struct Domain {
  std::vector<DomainDimension> dimensions;

  /// Cuts a dimension into an outer one and an inner one of the given extent.
  void split(int32_t dimension, Extent inner);
};

/// Thrown where a dimension of the domain must be cut before a shape can be walked along it.
struct SplitNeeded {
  int32_t dimension = 0;
  int64_t inner = 1;  // in symbols
};

/// Thrown where operations cannot become one kernel.
struct Refusal {
  std::string why;
};

/// One index per axis of a tensor. Scales are in symbols, offsets are numbers of this run.
using Indices = std::vector<StitchIndex>;

/// The indices that walk `shape` in row-major order, along those dimensions of the domain that are
/// reduced (or are not, or all of them).
enum class Walk { all, kept, reduced };
Indices row_major(const Domain& domain, Walk walk, const Extents& shape);

/// Indices of the element of a `to`-shaped tensor that has the row-major place of `from[at]`.
Indices reshape_indices(const Domain& domain, const Indices& at, const Extents& from,
                        const Extents& to);

}  // namespace mpsg::stitch
