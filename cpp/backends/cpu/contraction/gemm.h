// The driver of all contractions: cuts the result into blocks for the threads, packs panels of the
// operands and runs the tile kernels. What the operands are is the panel sources' business: a
// matrix with strides, or the patches of an image.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "backends/common/kernel.h"
#include "backends/cpu/contraction/blocking.h"
#include "backends/cpu/contraction/micro_kernels.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::contraction {

/// Memory that can be used as panels without a copy: element (k, lane) at data[k * step + lane].
struct DirectPanel {
  const float* data = nullptr;  // null: must be packed
  int64_t step = 0;
};

/// An operand. Lanes are rows of the primary operand or columns of the secondary one. Called from
/// any thread, on anything within the extents.
class PanelSource {
 public:
  virtual ~PanelSource() = default;
  /// destination[k * width + lane] = element (lane_begin + lane, k_begin + k) of matrix `item` for
  /// lane < lanes and k < depth; the lanes from `lanes` to `width` become 0. One panel:
  /// width <= tile_rows (primary) or width == tile_columns (secondary).
  virtual void pack(int64_t item, int64_t lane_begin, int64_t lanes, int64_t width, int64_t k_begin,
                    int64_t depth, float* destination) const = 0;
  /// Only asked of the secondary operand, for full panels, if `may_be_direct()`.
  virtual DirectPanel direct(int64_t /*item*/, int64_t /*lane_begin*/, int64_t /*k_begin*/) const {
    return {};
  }
  virtual bool may_be_direct() const { return false; }
  /// Part `part` of `parts` of the memory that packing this panel reads; empty if not known.
  virtual PrefetchPath path(int64_t /*item*/, int64_t /*lane_begin*/, int64_t /*lanes*/,
                            int64_t /*k_begin*/, int64_t /*depth*/, int64_t /*part*/,
                            int64_t /*parts*/) const {
    return {};
  }
};

/// Element (row, column) of product `item` at data[item * item_step + row * row_step + column].
struct ResultView {
  float* data = nullptr;
  int64_t item_step = 0;
  int64_t row_step = 0;
};

/// A contraction of given extents, ready to run: arithmetic on a few numbers, no allocation.
class Contraction {
 public:
  struct Hints {
    bool secondary_direct = false;  // the secondary operand's source may_be_direct()
  };
  Contraction(const Extents& extents, const Hints& hints, const ThreadPool& pool,
              const MicroKernels& kernels = best_micro_kernels());

  /// 64-byte aligned memory for one run.
  size_t workspace_bytes() const;
  /// The listener sees rows = item * rows + row.
  void run(const PanelSource& primary, const PanelSource& secondary, const ResultView& result,
           void* workspace, const TileListener* tiles) const;
  /// "avx512 14x32, 8 tasks".
  std::string description() const;

 private:
  friend class ContractionRun;
  size_t shared_primary_floats() const;
  size_t shared_floats() const;
  size_t slot_floats() const;
  size_t partial_floats() const;

  const Extents extents_;
  const bool secondary_direct_;
  const ThreadPool& pool_;
  const MicroKernels& kernels_;
  const Blocking blocking_;
};

}  // namespace mpsg::contraction
