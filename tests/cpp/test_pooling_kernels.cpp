// Pooling kernels against the rows' reference loops: equal to the last bit, NaN's bits included.
#include <doctest/doctest.h>

#include <atomic>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

#include "backends/common/plan_runner.h"
#include "backends/cpu/library_kernels.h"
#include "one_step_plan.h"
#include "ops/enums.h"
#include "ops/window.h"

using namespace mpsg;
using namespace mpsg::testing;
using mpsg::ops::PaddingStyle;
using mpsg::ops::TensorNamedDataLayout;

namespace {

struct PoolingCase {
  int64_t batch, channels, height, width, kernel_y, kernel_x;
  int64_t stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int64_t top = 0, bottom = 0, left = 0, right = 0;
  PaddingStyle style = PaddingStyle::EXPLICIT;
};

Attributes attributes_of(const PoolingCase& c, bool nhwc, bool ceil_mode, bool count_padding) {
  return {{"kernel_height", c.kernel_y},
          {"kernel_width", c.kernel_x},
          {"stride_in_y", c.stride_y},
          {"stride_in_x", c.stride_x},
          {"dilation_rate_in_y", c.dilation_y},
          {"dilation_rate_in_x", c.dilation_x},
          {"padding_top", c.top},
          {"padding_bottom", c.bottom},
          {"padding_left", c.left},
          {"padding_right", c.right},
          {"padding_style", static_cast<int64_t>(c.style)},
          {"ceil_mode", ceil_mode},
          {"include_zero_pad_to_average", count_padding},
          {"data_layout",
           static_cast<int64_t>(nhwc ? TensorNamedDataLayout::NHWC : TensorNamedDataLayout::NCHW)}};
}

/// Few different numbers, so that maxima tie, with zeros of both signs and now and then an infinity
/// or one of several NaN.
std::vector<float> awkward_numbers(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (auto& value : values) {
    seed = seed * 1664525u + 1013904223u;
    const uint32_t kind = seed >> 16;
    if (kind % 61 == 0) value = std::bit_cast<float>(0x7fc00000u | (kind & 0xffffu));
    else if (kind % 53 == 0) value = -std::numeric_limits<float>::infinity();
    else if (kind % 47 == 0) value = std::numeric_limits<float>::infinity();
    else if (kind % 7 == 0) value = kind % 2 ? 0.0f : -0.0f;
    else value = static_cast<float>(static_cast<int>(kind % 9) - 4) * 0.37f;
  }
  return values;
}

/// Equal bits; any NaN for another where arithmetic made it.
bool is_same(float a, float b, bool exact) {
  if (!exact && std::isnan(a) && std::isnan(b)) return true;
  return std::memcmp(&a, &b, sizeof(float)) == 0;
}

/// Counts how often each element is reported, and those that are not yet what they should be.
class FinalElements final : public TileListener {
 public:
  FinalElements(const std::vector<float>& result, const std::vector<float>& expected,
                int64_t columns, bool exact)
      : result_(result),
        expected_(expected),
        columns_(columns),
        exact_(exact),
        reported_(result.size()) {}

  void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end) const override {
    if (column_begin != 0 || column_end != columns_) ++parts_of_rows;
    for (int64_t row = row_begin; row < row_end; ++row)
      for (int64_t column = column_begin; column < column_end; ++column) {
        const auto at = static_cast<size_t>(row * columns_ + column);
        if (reported_[at].fetch_add(1) > 0 || !is_same(result_[at], expected_[at], exact_)) ++wrong;
        ++count;
      }
  }

  mutable std::atomic<int64_t> wrong = 0, count = 0, parts_of_rows = 0;

 private:
  const std::vector<float>& result_;
  const std::vector<float>& expected_;
  const int64_t columns_;
  const bool exact_;
  mutable std::vector<std::atomic<int>> reported_;
};

void check_reports(const Kernel& kernel, const OneStepPlan& plan,
                   const std::vector<const std::vector<float>*>& inputs,
                   const std::vector<float>& expected, bool exact) {
  const auto& shape = plan.plan().values[static_cast<size_t>(plan.step().outputs[0])].type.shape;
  REQUIRE(kernel.reports_tiles());
  std::vector<float> result(expected.size(), 123.0f);
  const FinalElements elements(result, expected, shape[shape.rank() - 1], exact);
  KernelRunner(kernel).run(inputs, result, &elements);
  CHECK(elements.wrong == 0);
  CHECK(elements.count == static_cast<int64_t>(expected.size()));
  if (kernel.reports_whole_rows()) CHECK(elements.parts_of_rows == 0);
}

void check(const OneStepPlan& plan, const std::vector<const std::vector<float>*>& inputs,
           int64_t elements, bool exact) {
  const auto count = static_cast<size_t>(elements);
  const ThreadPool one(1);
  const auto reference = make_reference_kernel(plan.plan(), plan.step(), one);
  std::vector<float> expected(count);
  KernelRunner(*reference).run(inputs, expected);
  for (const int threads : {1, 2, 3}) {
    const ThreadPool pool(threads);
    const auto kernel = make_own_kernel(plan.plan(), plan.step(), pool);
    REQUIRE(kernel);
    std::vector<float> result(count, 123.0f);
    KernelRunner(*kernel).run(inputs, result);
    size_t wrong = 0;
    for (size_t i = 0; i < count; ++i)
      if (!is_same(result[i], expected[i], exact) && wrong++ == 0)
        MESSAGE(kernel->description()
                << ", " << i << ": " << result[i] << " instead of " << expected[i]);
    CHECK(wrong == 0);
    check_reports(*kernel, plan, inputs, expected, exact);
  }
}

void check_case(const PoolingCase& c, bool nhwc, bool ceil_mode, bool count_padding) {
  const auto shape = [&](int64_t height, int64_t width) {
    return nhwc ? std::vector<int64_t>{c.batch, height, width, c.channels}
                : std::vector<int64_t>{c.batch, c.channels, height, width};
  };
  const auto attributes = attributes_of(c, nhwc, ceil_mode, count_padding);
  const auto source_type = float32(shape(c.height, c.width));
  const OpRow& row = require_row("max_pooling_2d");
  const auto values = complete_attributes(row, attributes);
  const std::vector<int32_t> segments(row.operands.size(), 1);
  const auto g = ops::resolve_pooling_2d(OperationView(row, segments, values), source_type.shape);
  const auto result_type = float32(shape(g.y.output, g.x.output));
  const int64_t sources = *source_type.shape.element_count();
  const int64_t results = *result_type.shape.element_count();
  const auto source = awkward_numbers(sources, 1), gradient = awkward_numbers(results, 2);
  CAPTURE(source_type.shape.to_string());
  CAPTURE(c.kernel_y);
  CAPTURE(c.stride_y);
  CAPTURE(nhwc);
  check(OneStepPlan("max_pooling_2d", {source_type}, result_type, attributes), {&source}, results,
        true);
  check(OneStepPlan("max_pooling_2d_gradient", {result_type, source_type}, source_type, attributes),
        {&gradient, &source}, sources, false);
  check(OneStepPlan("avg_pooling_2d", {source_type}, result_type, attributes), {&source}, results,
        false);
  check(OneStepPlan("avg_pooling_2d_gradient", {result_type, source_type}, source_type, attributes),
        {&gradient, &source}, sources, false);
}

}  // namespace

TEST_CASE("pooling kernels: as the reference loops, to the bit") {
  const PoolingCase cases[] = {
      {3, 32, 28, 28, 2, 2, 2, 2},
      {2, 64, 14, 14, 2, 2, 2, 2},
      {2, 37, 9, 11, 3, 2, 2, 1},
      {1, 70, 10, 10, 3, 3, 2, 2, 1, 1, 1, 1, 1, 0},
      {1, 5, 12, 13, 2, 3, 3, 4, 2, 3, 1, 2, 0, 5},
      {2, 1, 7, 7, 3, 3},
      {1, 19, 6, 5, 2, 2, 1, 1, 1, 1, 4, 4, 3, 3},
      {1, 16, 8, 8, 8, 8, 8, 8},
      {1, 3, 1, 1, 1, 1},
      {1, 21, 7, 9, 1, 2, 3, 4},
      {2, 9, 13, 11, 5, 4, 2, 3, 1, 1, 0, 0, 0, 0, PaddingStyle::TF_SAME},
  };
  for (const auto& c : cases)
    for (const bool nhwc : {true, false})
      for (const bool count_padding : {true, false})
        for (const bool ceil_mode : {true, false}) check_case(c, nhwc, ceil_mode, count_padding);
}
