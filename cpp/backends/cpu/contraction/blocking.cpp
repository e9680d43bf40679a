#include "backends/cpu/contraction/blocking.h"

namespace mpsg::contraction {
namespace {

// Measured on a core with 32 KiB and 1 MiB of cache: flat around these.
constexpr int64_t depth_of_block = 448;
constexpr int64_t panels_at_once = 8;                 // of the secondary operand: 450 KiB
constexpr int64_t rows_of_block = 168;                // of the primary operand: 300 KiB
constexpr int64_t largest_shared = int64_t{1} << 22;  // floats
constexpr int64_t floats_of_block = 1 << 16;  // of the secondary operand, if the depth is short
constexpr int64_t thin_panels = 32;           // of the primary operand
constexpr int64_t long_depth = 128;
constexpr int64_t tasks_per_thread = 4;
constexpr double operations_of_task = 0.5e6;  // about 5 us
constexpr double operations_of_item = 20e6;   // for one thread

/// The deep and small: each task takes a part of the depth.
bool splits_depth(const Extents& e, int64_t tiles, int64_t threads) {
  return threads > 1 && e.items < threads && e.depth >= 4 * depth_of_block &&
         (tiles * e.items < 2 * threads ||
          (e.rows * e.columns <= (1 << 16) && e.depth >= 8 * std::max(e.rows, e.columns)));
}

}  // namespace

Blocking Blocking::choose(const Extents& e, bool secondary_direct, int threads,
                          const MicroKernels& kernels) {
  Blocking b;
  b.row_panels = divide_up(e.rows, kernels.tile_rows);
  b.tile_rows = std::max<int64_t>(1, divide_up(e.rows, std::max<int64_t>(1, b.row_panels)));
  b.row_panels = divide_up(e.rows, b.tile_rows);
  b.column_panels = divide_up(e.columns, kernels.tile_columns);
  b.columns_at_once = std::min(panels_at_once, b.column_panels);
  b.rows_at_once = std::min(std::max<int64_t>(1, rows_of_block / b.tile_rows), b.row_panels);
  const double item_operations =
      e.operations() / static_cast<double>(std::max<int64_t>(1, e.items));
  const int64_t tiles = b.row_panels * b.column_panels;
  if (tiles == 0 || e.items == 0) return b;

  if (e.items > 1 && item_operations >= operations_of_item * threads) {
    // Large ones come one after the other, each on all threads.
    b = choose({1, e.rows, e.columns, e.depth}, secondary_direct, threads, kernels);
    b.items_at_once = 1;
    return b;
  }
  b.items_at_once = e.items;
  const int64_t useful = static_cast<int64_t>(e.operations() / operations_of_task) + 1;
  const int64_t most = std::min<int64_t>(useful, threads > 1 ? threads * tasks_per_thread : 1);
  int64_t depth = e.depth;
  if (most > 1 && splits_depth(e, tiles, threads)) {
    b.depth_parts = std::min<int64_t>(threads, most);
    depth = divide_up(depth, b.depth_parts);
  } else {
    // The wider dimension is cut; the other operand is needed by all and packed before. Where the
    // depth is short, that costs little beside whole rows of the result for whoever reads them.
    const bool in_place = secondary_direct && e.depth > depth_of_block;
    const bool by_columns = e.columns > e.rows || (in_place && e.columns * 2 > e.rows);
    const int64_t chunks = divide_up(most, e.items);
    int64_t& first = by_columns ? b.column_chunks : b.row_chunks;
    int64_t& second = by_columns ? b.row_chunks : b.column_chunks;
    first = std::min(chunks, by_columns ? b.column_panels : b.row_panels);
    second = std::min(divide_up(chunks, first), by_columns ? b.row_panels : b.column_panels);
    if (e.items == 1) {
      b.share_primary = b.column_chunks > 1 || (by_columns && b.column_panels > b.columns_at_once);
      b.share_secondary = b.row_chunks > 1 || (!by_columns && b.row_panels > b.rows_at_once);
      const bool both = b.share_primary && b.share_secondary;
      if (both && (e.rows + e.columns) * e.depth > 2 * largest_shared)
        b.share_primary = b.share_secondary = false;
    }
  }
  b.depth_blocks = std::max<int64_t>(1, divide_up(depth, depth_of_block));
  b.longest_block = std::max<int64_t>(1, divide_up(depth, b.depth_blocks));
  // Where the depth is short, writing the result is what costs, and it likes whole rows.
  const int64_t block_rows = b.share_primary ? b.row_panels : b.rows_at_once;
  b.columns_first = block_rows <= thin_panels && b.longest_block >= long_depth;
  if (!b.columns_first)
    b.columns_at_once = std::min(
        b.column_panels,
        std::max(panels_at_once, floats_of_block / (kernels.tile_columns * b.longest_block)));
  // A secondary operand whose lanes lie along the depth is read from end to end; one whose lines
  // are rows, in runs of several panels: each line is on another page.
  else if (b.share_primary && !b.share_secondary && !secondary_direct) b.columns_at_once = 1;
  if (b.share_primary != b.share_secondary) {
    const int64_t width = b.share_primary ? b.tile_rows : kernels.tile_columns;
    const int64_t panels = b.share_primary ? b.row_panels : b.column_panels;
    const int64_t fitting =
        std::max<int64_t>(1, largest_shared / (width * std::max<int64_t>(1, e.depth)));
    b.shared_panels = divide_up(panels, divide_up(panels, fitting));
  }
  const int64_t tasks = e.items * b.row_chunks * b.column_chunks * b.depth_parts;
  b.slots = std::min<int64_t>(tasks, threads);
  return b;
}

}  // namespace mpsg::contraction
