#include "backends/cpu/recurrent/products.h"

#include <algorithm>

#include "backends/cpu/contraction/blocking.h"

namespace mpsg::recurrent {

using contraction::best_micro_kernels;
using contraction::divide_up;
using contraction::Range;
using contraction::TileCall;

int64_t PackedMatrix::panels() const {
  return divide_up(columns_, best_micro_kernels().tile_columns);
}

int64_t PackedMatrix::floats() const {
  return panels() * best_micro_kernels().tile_columns * depth_;
}

void PackedMatrix::pack_panel(int64_t panel, const float* source, float* packed) const {
  const auto& kernels = best_micro_kernels();
  const int64_t width = kernels.tile_columns, column = panel * width;
  kernels.pack_panel({source + column * column_step_, column_step_, depth_step_,
                      std::min(width, columns_ - column), width, depth_,
                      packed + panel * width * depth_});
}

void PackedMatrix::multiply(const float* packed, const float* x, int64_t x_step, int64_t rows,
                            float* result, int64_t result_step, bool accumulate,
                            float* scratch) const {
  const auto& kernels = best_micro_kernels();
  const int64_t width = kernels.tile_columns;
  const int64_t tiles = divide_up(rows, kernels.tile_rows);
  for (int64_t tile = 0; tile < tiles; ++tile) {
    const Range r = Range::part(rows, tiles, tile);
    kernels.pack_panel(
        {x + r.begin * x_step, x_step, 1, r.size(), r.size(), depth_, scratch + r.begin * depth_});
  }
  for (int64_t panel = 0; panel < panels(); ++panel)
    for (int64_t tile = 0; tile < tiles; ++tile) {
      const Range r = Range::part(rows, tiles, tile);
      TileCall call{};
      call.a = scratch + r.begin * depth_;
      call.a_step = r.size();
      call.b = packed + panel * width * depth_;
      call.b_step = width;
      call.depth = depth_;
      call.c = result + r.begin * result_step + panel * width;
      call.c_step = result_step;
      call.columns = std::min(width, columns_ - panel * width);
      call.accumulate = accumulate;
      call.soon = {call.a, 0, 0, 0};
      kernels.tile(r.size(), call);
    }
}

}  // namespace mpsg::recurrent
