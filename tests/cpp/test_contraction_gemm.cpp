// Matrix products on our own kernels, against sums in double precision.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cmath>
#include <cstring>
#include <limits>
#include <memory>
#include <random>

#include "backends/cpu/matrix_multiplication.h"
#include "one_step_plan.h"

namespace mpsg::testing {
namespace {

using contraction::available_micro_kernels;
using contraction::MicroKernels;

const ThreadPool& pool_of(int threads) {
  static const ThreadPool one(1), two(2), three(3), five(5);
  return threads == 1 ? one : threads == 2 ? two : threads == 3 ? three : five;
}

std::vector<float> random_values(int64_t count, uint32_t seed) {
  std::mt19937 generator(seed);
  std::uniform_real_distribution<float> distribution(-1, 1);
  std::vector<float> values(static_cast<size_t>(count));
  for (auto& value : values) value = distribution(generator);
  return values;
}

/// A product on random operands. Between and after the elements of the matrices lie NaN, which
/// spoil the result if they are read.
class Case {
 public:
  struct Layout {
    bool transpose_primary = false;
    bool transpose_secondary = false;
    int64_t gap = 0;         // elements between the lines of the operands and of the result
    bool scattered = false;  // no two elements of an operand are adjacent
  };

  Case(int64_t items, int64_t rows, int64_t columns, int64_t depth, const Layout& layout) {
    product_.extents = {items, rows, columns, depth};
    product_.primary = place(rows, depth, layout.transpose_primary, layout, primary_, 1);
    product_.secondary = place(depth, columns, layout.transpose_secondary, layout, secondary_, 2);
    product_.result_row_step = columns + layout.gap;
    product_.result_item_step = rows * product_.result_row_step;
  }

  const MatrixProduct& product() const { return product_; }
  float& primary(int64_t item, int64_t row, int64_t k) {
    return primary_[at(product_.primary, item, row, k)];
  }
  float& secondary(int64_t item, int64_t k, int64_t column) {
    return secondary_[at(product_.secondary, item, k, column)];
  }
  size_t result_size() const {
    return static_cast<size_t>(product_.extents.items * product_.result_item_step);
  }
  size_t result_at(int64_t item, int64_t row, int64_t column) const {
    return static_cast<size_t>(item * product_.result_item_step + row * product_.result_row_step +
                               column);
  }

  /// Runs in a workspace of NaN with a guard behind it. `description` is what ran.
  std::vector<float> run(const ThreadPool& pool, const MicroKernels& kernels,
                         const TileListener* tiles = nullptr, float* result = nullptr) {
    const auto kernel = make_matrix_product(product_, pool, kernels);
    CHECK(kernel->reports_tiles());
    description = kernel->description();
    std::vector<float> own(result_size(), guard);
    constexpr size_t guards = 64;
    const size_t floats = kernel->workspace_bytes() / sizeof(float);
    const std::unique_ptr<void, decltype(&std::free)> memory(
        std::aligned_alloc(64, ((floats + guards) * sizeof(float) + 63) / 64 * 64), std::free);
    auto* const workspace = static_cast<float*>(memory.get());
    std::fill_n(workspace, floats, std::numeric_limits<float>::quiet_NaN());
    std::fill_n(workspace + floats, guards, guard);
    std::vector<void*> inputs{primary_.data(), secondary_.data()};
    std::vector<void*> outputs{result ? result : own.data()};
    KernelArguments arguments;
    arguments.inputs = inputs;
    arguments.outputs = outputs;
    arguments.workspace = workspace;
    arguments.tiles = tiles;
    kernel->run(arguments);
    CHECK(std::all_of(workspace + floats, workspace + floats + guards,
                      [](float value) { return value == guard; }));
    return own;
  }

  /// The sum in double precision and a bound of what float32 sums in any order may differ by.
  std::pair<double, double> expected(int64_t item, int64_t row, int64_t column) {
    double sum = 0, magnitude = 0;
    for (int64_t k = 0; k < product_.extents.depth; ++k) {
      const double term = double{primary(item, row, k)} * double{secondary(item, k, column)};
      sum += term;
      magnitude += std::abs(term);
    }
    const double unit = std::numeric_limits<float>::epsilon() / 2;
    const double steps = static_cast<double>(product_.extents.depth) * unit;
    return {sum, magnitude * steps / (1 - steps)};
  }

  bool is_right(const std::vector<float>& result, int64_t item, int64_t row, int64_t column) {
    const auto [sum, bound] = expected(item, row, column);
    return std::abs(double{result[result_at(item, row, column)]} - sum) <= bound;
  }

  static constexpr float guard = 12345.0f;
  std::string description;

 private:
  MatrixProduct::Operand place(int64_t rows, int64_t columns, bool transposed, const Layout& layout,
                               std::vector<float>& memory, uint32_t seed) {
    const int64_t step = layout.scattered ? 2 : 1;
    const int64_t line = (transposed ? rows : columns) * step + layout.gap;
    MatrixProduct::Operand operand{transposed ? step : line, transposed ? line : step, {}};
    const int64_t items = product_.extents.items;
    const int64_t size = line * (transposed ? columns : rows);
    if (items > 1) {
      operand.batch.rank = 1;
      operand.batch.sizes[0] = items;
      operand.batch.steps[0] = size;
    }
    memory.assign(static_cast<size_t>(items * size), std::numeric_limits<float>::quiet_NaN());
    const auto values = random_values(items * rows * columns, seed);
    size_t next = 0;
    for (int64_t item = 0; item < items; ++item)
      for (int64_t row = 0; row < rows; ++row)
        for (int64_t column = 0; column < columns; ++column)
          memory[at(operand, item, row, column)] = values[next++];
    return operand;
  }

  static size_t at(const MatrixProduct::Operand& operand, int64_t item, int64_t row,
                   int64_t column) {
    return static_cast<size_t>(operand.batch.offset(item) + row * operand.row_step +
                               column * operand.column_step);
  }

  MatrixProduct product_;
  std::vector<float> primary_;
  std::vector<float> secondary_;
};

/// Every element against the double sum, and the gaps of the result untouched.
size_t wrong_elements(Case& c, const std::vector<float>& result) {
  const auto& e = c.product().extents;
  size_t wrong = 0;
  for (int64_t item = 0; item < e.items; ++item)
    for (int64_t row = 0; row < e.rows; ++row) {
      for (int64_t column = 0; column < e.columns; ++column)
        wrong += c.is_right(result, item, row, column) ? 0 : 1;
      for (int64_t gap = e.columns; gap < c.product().result_row_step; ++gap)
        wrong += result[c.result_at(item, row, gap)] == Case::guard ? 0 : 1;
    }
  return wrong;
}

/// Runs with each set of kernels and several numbers of threads.
void check(int64_t items, int64_t rows, int64_t columns, int64_t depth,
           const Case::Layout& layout) {
  Case c(items, rows, columns, depth, layout);
  CAPTURE(items);
  CAPTURE(rows);
  CAPTURE(columns);
  CAPTURE(depth);
  CAPTURE(layout.transpose_primary);
  CAPTURE(layout.transpose_secondary);
  CAPTURE(layout.gap);
  CAPTURE(layout.scattered);
  std::vector<float> seen;
  for (const auto* kernels : available_micro_kernels())
    for (int threads : {1, 2, 3, 5}) {
      const auto result = c.run(pool_of(threads), *kernels);
      // What is equal to a result that was right need not be summed up again.
      const bool known = result.size() == seen.size() &&
                         std::memcmp(result.data(), seen.data(), seen.size() * 4) == 0;
      if (known) continue;
      CAPTURE(threads);
      CAPTURE(c.description);
      CHECK(wrong_elements(c, result) == 0);
      seen = result;
    }
}

/// Counts how often each element is reported, and keeps what it was then.
class Recorder final : public TileListener {
 public:
  Recorder(int64_t rows, int64_t columns, int64_t row_step, const float* result)
      : rows_(rows),
        columns_(columns),
        row_step_(row_step),
        result_(result),
        counts_(static_cast<size_t>(rows * columns)),
        values_(static_cast<size_t>(rows * columns)) {}

  void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end) const override {
    ++calls_;
    if (row_begin < 0 || column_begin < 0 || row_end > rows_ || column_end > columns_ ||
        row_begin >= row_end || column_begin >= column_end) {
      ++outside_;
      return;
    }
    for (int64_t row = row_begin; row < row_end; ++row)
      for (int64_t column = column_begin; column < column_end; ++column) {
        const auto i = static_cast<size_t>(row * columns_ + column);
        ++counts_[i];
        values_[i] = result_[row * row_step_ + column];
      }
  }

  void check(int64_t least_calls) const {
    CHECK(outside_ == 0);
    CHECK(calls_ >= least_calls);
    size_t wrong = 0;
    for (int64_t row = 0; row < rows_; ++row)
      for (int64_t column = 0; column < columns_; ++column) {
        const auto i = static_cast<size_t>(row * columns_ + column);
        wrong += counts_[i] == 1 && values_[i] == result_[row * row_step_ + column] ? 0 : 1;
      }
    CHECK(wrong == 0);
  }

 private:
  const int64_t rows_, columns_, row_step_;
  const float* const result_;
  mutable std::atomic<int64_t> calls_{0}, outside_{0};
  mutable std::vector<std::atomic<int>> counts_;
  mutable std::vector<float> values_;
};

constexpr Case::Layout layouts[] = {
    {false, false},          {false, true},         {true, false},    {true, true},
    {false, false, 3},       {false, true, 5},      {true, false, 1}, {true, true, 17},
    {false, false, 0, true}, {true, true, 3, true},
};

}  // namespace

TEST_CASE("products: sizes around the edges of tiles, all layouts") {
  const int64_t depths[] = {1, 2, 7, 8, 15, 16, 17, 31, 33, 100};
  size_t next = 0;
  for (int64_t rows : {1, 2, 3, 4, 5, 6, 7, 12, 13, 14, 15, 29, 43, 115})
    for (int64_t columns : {1, 3, 10, 15, 16, 17, 31, 32, 33, 65, 100}) {
      const int64_t depth = depths[next % std::size(depths)];
      check(1, rows, columns, depth, layouts[next % std::size(layouts)]);
      check(1, rows, columns, depth, layouts[(next + 3) % std::size(layouts)]);
      ++next;
      next += next % std::size(depths) == 0 ? 1 : 0;
    }
}

TEST_CASE("products: depths around the edges of blocks") {
  for (int64_t depth : {319, 320, 321, 640, 641, 1300}) {
    for (const auto& layout : layouts) check(1, 17, 37, depth, layout);
    check(1, 1, 100, depth, {});
    check(1, 100, 1, depth, {});
    check(1, 3, 70, depth, {false, false, 1});
  }
}

TEST_CASE("products: many rows, many columns, deep") {
  for (const auto& layout : {layouts[0], layouts[1], layouts[2], layouts[7]}) {
    check(1, 700, 70, 90, layout);
    check(1, 90, 650, 70, layout);
    check(1, 20, 1030, 330, layout);
    check(1, 30, 40, 5000, layout);
    check(1, 200, 300, 350, layout);
  }
}

TEST_CASE("products: batches") {
  for (const auto& layout : layouts) {
    check(5, 9, 35, 20, layout);
    check(3, 40, 33, 330, layout);
    check(40, 3, 5, 7, layout);
    check(2, 300, 40, 65, layout);
  }
}

TEST_CASE("products: large ones in parts, sampled") {
  struct Size {
    int64_t items, rows, columns, depth;
  };
  std::mt19937 generator(5);
  for (const auto& [items, rows, columns, depth] :
       {Size{1, 1500, 1600, 3000}, Size{1, 1700, 700, 6100}, Size{3, 400, 420, 330}}) {
    Case c(items, rows, columns, depth, {});
    for (int threads : {1, 2}) {
      const auto result = c.run(pool_of(threads), *available_micro_kernels().front());
      CAPTURE(c.description);
      size_t wrong = 0;
      for (int i = 0; i < 400; ++i) {
        const auto any = [&](int64_t size) { return static_cast<int64_t>(generator() % size); };
        wrong += c.is_right(result, any(items), any(rows), any(columns)) ? 0 : 1;
      }
      CHECK(wrong == 0);
      CHECK(std::count(result.begin(), result.end(), Case::guard) == 0);
    }
  }
}

TEST_CASE("products: nothing to add, nothing to write") {
  for (const auto* kernels : available_micro_kernels()) {
    Case no_depth(2, 3, 5, 0, {false, false, 2});
    const auto zeros = no_depth.run(pool_of(2), *kernels);
    CHECK(wrong_elements(no_depth, zeros) == 0);
    Case no_rows(1, 0, 5, 4, {}), no_columns(1, 5, 0, 4, {}), no_items(0, 3, 3, 3, {});
    for (Case* empty : {&no_rows, &no_columns, &no_items})
      CHECK(empty->run(pool_of(2), *kernels).empty());
  }
}

TEST_CASE("products repeat to the last bit") {
  for (const auto& [rows, columns, depth] :
       {std::array<int64_t, 3>{64, 500, 700}, {40, 50, 6000}, {1, 900, 800}, {300, 90, 400}}) {
    Case c(1, rows, columns, depth, {});
    for (int threads : {2, 3, 5}) {
      const auto& kernels = *available_micro_kernels().front();
      const auto first = c.run(pool_of(threads), kernels);
      for (int i = 0; i < 5; ++i) {
        const auto again = c.run(pool_of(threads), kernels);
        CHECK(std::memcmp(first.data(), again.data(), first.size() * sizeof(float)) == 0);
      }
    }
  }
}

TEST_CASE("products report each part of the result once, when it is final") {
  struct Size {
    int64_t items, rows, columns, depth, least_calls;
  };
  for (const auto* kernels : available_micro_kernels())
    for (const auto& [items, rows, columns, depth, least_calls] :
         {Size{1, 64, 1024, 700, 8}, Size{1, 700, 300, 330, 8}, Size{6, 128, 70, 40, 6},
          Size{1, 30, 40, 5000, 1}, Size{1, 1, 900, 400, 1}, Size{1, 33, 10, 64, 1},
          Size{2, 3, 5, 0, 1}, Size{3, 400, 420, 330, 12}})
      for (int threads : {1, 2, 5}) {
        for (const auto& layout : {layouts[0], layouts[6], layouts[5]}) {
          Case c(items, rows, columns, depth, layout);
          std::vector<float> result(c.result_size(), Case::guard);
          const Recorder recorder(items * rows, columns, c.product().result_row_step,
                                  result.data());
          c.run(pool_of(threads), *kernels, &recorder, result.data());
          CAPTURE(c.description);
          recorder.check(least_calls);
        }
      }
}

TEST_CASE("products: NaN and infinity reach what they belong to, zeros skip nothing") {
  constexpr float infinity = std::numeric_limits<float>::infinity();
  for (const auto* kernels : available_micro_kernels())
    for (const auto& [rows, columns] :
         {std::pair<int64_t, int64_t>{20, 40}, {1, 70}, {60, 1}, {3, 50}}) {
      const int64_t depth = 50;
      Case c(1, rows, columns, depth, {});
      for (int64_t k = 0; k < depth; ++k) c.primary(0, 0, k) = 0;
      c.secondary(0, 7, 0) = infinity;  // 0 * infinity in row 0
      if (rows > 1) c.primary(0, rows - 1, 3) = std::numeric_limits<float>::quiet_NaN();
      const auto result = c.run(pool_of(2), *kernels);
      CHECK(std::isnan(result[c.result_at(0, 0, 0)]));
      for (int64_t column = 1; column < columns; ++column)
        CHECK(result[c.result_at(0, 0, column)] == 0);
      for (int64_t row = 1; row < rows - 1; ++row) {
        CHECK(result[c.result_at(0, row, 0)] == std::copysign(infinity, c.primary(0, row, 7)));
        for (int64_t column = 1; column < columns; ++column)
          CHECK(std::isfinite(result[c.result_at(0, row, column)]));
      }
      for (int64_t column = 0; column < columns && rows > 1; ++column)
        CHECK(std::isnan(result[c.result_at(0, rows - 1, column)]));
    }
}

TEST_CASE("products of a plan: transposed, broadcast batches") {
  struct Shapes {
    std::vector<int64_t> a, b, result;
  };
  // Before the transpositions: (..., m, k), (..., k, n).
  const Shapes all[] = {
      {{9, 20}, {20, 35}, {9, 35}},
      {{4, 9, 20}, {20, 35}, {4, 9, 35}},
      {{9, 20}, {4, 20, 35}, {4, 9, 35}},
      {{2, 3, 9, 20}, {2, 3, 20, 35}, {2, 3, 9, 35}},
      {{2, 1, 9, 20}, {3, 20, 35}, {2, 3, 9, 35}},
      {{3, 9, 20}, {2, 1, 20, 35}, {2, 3, 9, 35}},
      {{2, 1, 4, 9, 20}, {1, 3, 1, 20, 35}, {2, 3, 4, 9, 35}},
      {{5, 1, 20}, {1, 20, 35}, {5, 1, 35}},
      {{1, 1, 20}, {1, 20, 1}, {1, 1, 1}},
  };
  for (const auto& [a_shape, b_shape, result_shape] : all)
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        const auto swapped = [](std::vector<int64_t> shape, bool swap) {
          if (swap) std::swap(shape[shape.size() - 1], shape[shape.size() - 2]);
          return shape;
        };
        const OneStepPlan plan(
            "matrix_multiplication", {float32(swapped(a_shape, ta)), float32(swapped(b_shape, tb))},
            float32(result_shape), {{"transpose_primary", ta}, {"transpose_secondary", tb}});
        const auto count = [](const std::vector<int64_t>& shape) {
          return *Shape(shape).element_count();
        };
        const auto a = random_values(count(a_shape), 3), b = random_values(count(b_shape), 4);
        const int64_t m = result_shape[result_shape.size() - 2], n = result_shape.back();
        const int64_t k = a_shape.back();
        // The item of an operand, from the item's index along each axis of the result's batch.
        const auto item_of = [&](const std::vector<int64_t>& shape, int64_t item) {
          int64_t found = 0, step = 1;
          for (size_t back = 3; back <= result_shape.size(); ++back) {
            const int64_t size = result_shape[result_shape.size() - back];
            const int64_t own = back <= shape.size() ? shape[shape.size() - back] : 1;
            found += (own == 1 ? 0 : item % size) * step;
            step *= own;
            item /= size;
          }
          return found;
        };
        for (int threads : {1, 2, 3}) {
          const auto kernel =
              make_matrix_multiplication(plan.plan(), plan.step(), pool_of(threads));
          REQUIRE(kernel);
          std::vector<float> result(static_cast<size_t>(count(result_shape)), NAN);
          KernelRunner(*kernel).run({&a, &b}, result);
          size_t wrong = 0;
          for (int64_t i = 0; i < count(result_shape); ++i) {
            const int64_t item = i / (m * n), row = i / n % m, column = i % n;
            const float* const from = a.data() + item_of(a_shape, item) * m * k;
            const float* const with = b.data() + item_of(b_shape, item) * k * n;
            double sum = 0;
            for (int64_t j = 0; j < k; ++j)
              sum += double{from[ta ? j * m + row : row * k + j]} *
                     double{with[tb ? column * k + j : j * n + column]};
            wrong += std::abs(sum - double{result[static_cast<size_t>(i)]}) < 1e-5 ? 0 : 1;
          }
          CHECK(wrong == 0);
        }
      }
}

}  // namespace mpsg::testing
