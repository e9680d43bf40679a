#include "backends/cpu/contraction/matrix_vector.h"

#include <algorithm>

#include "backends/cpu/contraction/blocking.h"

namespace mpsg::contraction {
namespace {

constexpr int64_t floats_of_task = 1 << 15;   // of the matrix: 128 KiB, some 5 us
constexpr int64_t columns_at_once = 1 << 12;  // sums that stay in the first cache
constexpr int64_t tasks_per_thread = 2;
constexpr int64_t floats_of_line = 16;

}  // namespace

struct MatrixVector::Memory {
  const MatrixVector& product;
  const float* x;
  const float* matrix;
  float* y;
  float* workspace;

  template <void (MatrixVector::*body)(const Memory&, int64_t) const>
  void run_tasks(int64_t count) const {
    product.pool_.run_tasks(
        count,
        [](const void* context, int64_t index, int) {
          const auto& memory = *static_cast<const Memory*>(context);
          (memory.product.*body)(memory, index);
        },
        this);
  }
};

MatrixVector::MatrixVector(const Sizes& sizes, const Steps& steps, const ThreadPool& pool,
                           const MicroKernels& kernels)
    : sizes_(sizes), steps_(steps), pool_(pool), kernels_(kernels) {
  const int64_t useful = sizes.columns * sizes.depth / floats_of_task + 1;
  const int64_t most =
      pool.threads() > 1 ? std::min<int64_t>(useful, pool.threads() * tasks_per_thread) : 1;
  // Lines that follow each other in memory belong to one task.
  if (lines_are_columns()) column_parts_ = std::min(most, sizes.columns);
  else if (sizes.depth >= 32 * most) depth_parts_ = most;
  else column_parts_ = std::min(most, divide_up(sizes.columns, 64));
}

bool MatrixVector::lines_are_columns() const { return steps_.matrix_column != 1; }

bool MatrixVector::fits(const Sizes& sizes, const Steps& steps) {
  if (sizes.rows < 1 || sizes.columns < 1 || sizes.depth < 1) return false;
  if (steps.matrix_column == 1)
    return sizes.rows <= MicroKernels::most_rows && (steps.y_column == 1 || sizes.columns == 1);
  return steps.matrix_depth == 1 && sizes.rows == 1 && steps.x_depth == 1;
}

int64_t MatrixVector::partial_floats() const {
  return divide_up(sizes_.rows * sizes_.columns, floats_of_line) * floats_of_line;
}

size_t MatrixVector::workspace_bytes() const {
  if (depth_parts_ == 1) return 0;
  return static_cast<size_t>(partial_floats() * depth_parts_) * sizeof(float);
}

void MatrixVector::run(const float* x, const float* matrix, float* y, void* workspace) const {
  const Memory memory{*this, x, matrix, y, static_cast<float*>(workspace)};
  if (lines_are_columns()) return memory.run_tasks<&MatrixVector::take_dots>(column_parts_);
  memory.run_tasks<&MatrixVector::sweep>(column_parts_ * depth_parts_);
  if (depth_parts_ > 1)
    memory.run_tasks<&MatrixVector::add_up>(
        std::min<int64_t>(depth_parts_, divide_up(sizes_.columns, columns_at_once)));
}

void MatrixVector::sweep(const Memory& memory, int64_t part) const {
  const Range depth = Range::part(sizes_.depth, depth_parts_, part % depth_parts_);
  const Range columns = Range::part(sizes_.columns, column_parts_, part / depth_parts_);
  const bool partial = depth_parts_ > 1;
  float* const y = partial ? memory.workspace + partial_floats() * part : memory.y;
  const int64_t y_step = partial ? sizes_.columns : steps_.y_row;
  for (int64_t begin = columns.begin; begin < columns.end; begin += columns_at_once) {
    RowsCall call{};
    call.x = memory.x + depth.begin * steps_.x_depth;
    call.x_row_step = steps_.x_row;
    call.x_step = steps_.x_depth;
    call.b = memory.matrix + depth.begin * steps_.matrix_depth + begin;
    call.b_step = steps_.matrix_depth;
    call.depth = depth.size();
    call.columns = std::min(columns_at_once, columns.end - begin);
    call.y = y + begin;
    call.y_step = y_step;
    kernels_.rows_times_matrix(sizes_.rows, call);
  }
}

/// The parts in the order of the depth.
void MatrixVector::add_up(const Memory& memory, int64_t part) const {
  const int64_t parts = std::min<int64_t>(depth_parts_, divide_up(sizes_.columns, columns_at_once));
  const Range columns = Range::part(sizes_.columns, parts, part);
  for (int64_t row = 0; row < sizes_.rows; ++row) {
    float* const y = memory.y + row * steps_.y_row + columns.begin;
    const float* from = memory.workspace + row * sizes_.columns + columns.begin;
    std::copy_n(from, columns.size(), y);
    for (int64_t i = 1; i < depth_parts_; ++i)
      kernels_.add(y, from += partial_floats(), columns.size());
  }
}

void MatrixVector::take_dots(const Memory& memory, int64_t part) const {
  const Range columns = Range::part(sizes_.columns, column_parts_, part);
  DotsCall call{};
  call.matrix = memory.matrix + columns.begin * steps_.matrix_column;
  call.matrix_step = steps_.matrix_column;
  call.columns = columns.size();
  call.x = memory.x;
  call.depth = sizes_.depth;
  call.y = memory.y + columns.begin * steps_.y_column;
  call.y_step = steps_.y_column;
  kernels_.dots(call);
}

std::string MatrixVector::description() const {
  std::string text = std::string(kernels_.name) + (lines_are_columns() ? ", dots" : ", swept");
  const int64_t parts = column_parts_ * depth_parts_;
  if (parts > 1)
    text += ", " + std::to_string(parts) + (depth_parts_ > 1 ? " depth parts" : " parts");
  return text;
}

}  // namespace mpsg::contraction
