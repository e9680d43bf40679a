// How a contraction is cut: into blocks for the caches and tasks for the threads.
#pragma once

#include <algorithm>
#include <cstdint>

#include "backends/cpu/contraction/micro_kernels.h"

namespace mpsg::contraction {

/// The sizes of `items` independent products rows x depth times depth x columns.
struct Extents {
  int64_t items = 1;
  int64_t rows = 0;
  int64_t columns = 0;
  int64_t depth = 0;

  double operations() const {
    return 2.0 * static_cast<double>(items) * static_cast<double>(rows) *
           static_cast<double>(columns) * static_cast<double>(depth);
  }
};

/// Part `index` of `size` elements cut into `parts` that differ by one at most.
struct Range {
  int64_t begin = 0;
  int64_t end = 0;
  int64_t size() const { return end - begin; }

  static Range part(int64_t size, int64_t parts, int64_t index) {
    const int64_t least = size / parts, larger = size % parts;
    const int64_t begin = index * least + std::min(index, larger);
    return {begin, begin + least + (index < larger ? 1 : 0)};
  }
};

inline int64_t divide_up(int64_t value, int64_t by) { return (value + by - 1) / by; }

/// Panels are strips of an operand as wide as a tile. An operand is either packed as a whole before
/// the product, by all threads, or by each task, a block at a time.
struct Blocking {
  int64_t items_at_once = 1;     // all, or one after the other
  int64_t tile_rows = 1;         // <= the kernels' tile_rows, so that the last tile is no stub
  int64_t row_panels = 0;        // of one item
  int64_t column_panels = 0;     // of one item
  int64_t depth_blocks = 1;      // the depth is cut evenly
  int64_t longest_block = 0;     // of the depth
  bool share_primary = false;    // packed before the product
  bool share_secondary = false;  // packed before the product
  int64_t shared_panels = 0;     // of the shared operand packed at a time
  int64_t row_chunks = 1;        // tasks of an item
  int64_t column_chunks = 1;     // tasks of an item
  int64_t depth_parts = 1;       // tasks of an item; partial results are added up at the end
  int64_t rows_at_once = 0;      // panels of the primary operand that a task packs at a time
  int64_t columns_at_once = 0;   // panels of the secondary operand that a task packs at a time
  bool columns_first = false;    // within a block: all rows of a column panel, then the next
  int64_t slots = 1;             // tasks that run at the same time

  /// A function of its arguments only, so that results repeat.
  static Blocking choose(const Extents& extents, bool secondary_direct, int threads,
                         const MicroKernels& kernels);
};

}  // namespace mpsg::contraction
