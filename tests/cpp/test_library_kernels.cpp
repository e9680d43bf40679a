// Kernels from a library against plain loops. Inputs are small whole numbers, so that every sum is
// exact in float32 whatever its order, and results must be equal to the last bit.
#include <doctest/doctest.h>

#include <array>
#include <cmath>
#include <limits>
#include <numeric>

#include "backends/cpu/library_kernels.h"
#include "one_step_plan.h"
#include "ops/enums.h"
#include "ops/window.h"

using namespace mpsg;
using namespace mpsg::testing;
using mpsg::ops::Convolution2DGeometry;
using mpsg::ops::PaddingStyle;
using mpsg::ops::Pooling2DGeometry;
using mpsg::ops::TensorNamedDataLayout;

namespace {

bool has_library() { return library_name() != "none"; }

/// Whole numbers from -4 to 4, the same on every machine.
std::vector<float> numbers(int64_t count, uint32_t seed) {
  std::vector<float> values(static_cast<size_t>(count));
  for (auto& value : values) {
    seed = seed * 1664525u + 1013904223u;
    value = static_cast<float>(static_cast<int>((seed >> 16) % 9) - 4);
  }
  return values;
}

int64_t count_of(const std::vector<int64_t>& shape) {
  return std::accumulate(shape.begin(), shape.end(), int64_t{1}, std::multiplies<>());
}

/// Runs the library's kernel with several numbers of threads, twice each, and expects `expected`.
void check_step(const OneStepPlan& plan, const std::vector<const std::vector<float>*>& inputs,
                const std::vector<float>& expected, double tolerance = 0) {
  for (int threads : {1, 2, 3}) {
    CAPTURE(threads);
    const ThreadPool pool(threads);
    const auto kernel = make_library_kernel(plan.plan(), plan.step(), pool);
    REQUIRE(kernel);
    CAPTURE(kernel->description());
    KernelRunner runner(*kernel);
    std::vector<float> first(expected.size(), NAN), second(expected.size(), NAN);
    runner.run(inputs, first);
    runner.run(inputs, second);
    size_t wrong = 0;
    for (size_t i = 0; i < expected.size(); ++i) {
      const double difference = std::abs(double{first[i]} - double{expected[i]});
      const bool same = first[i] == expected[i];
      if ((!same && !(difference <= tolerance)) || first[i] != second[i]) {
        if (wrong == 0) MESSAGE(i << ": " << first[i] << " instead of " << expected[i]);
        ++wrong;
      }
    }
    CHECK(wrong == 0);
  }
}

/// Visits every product of a convolution: indices of source, weights and output elements.
template <class F>
void for_each_product(const Convolution2DGeometry& g, F&& visit) {
  const int64_t in = g.group_in_channels(), out = g.group_out_channels();
  const auto image = [&](int64_t n, int64_t c, int64_t y, int64_t x, int64_t channels,
                         int64_t height, int64_t width) {
    return g.nhwc ? ((n * height + y) * width + x) * channels + c
                  : ((n * channels + c) * height + y) * width + x;
  };
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t o = 0; o < g.out_channels; ++o)
      for (int64_t y = 0; y < g.y.output; ++y)
        for (int64_t x = 0; x < g.x.output; ++x)
          for (int64_t i = 0; i < in; ++i)
            for (int64_t ky = 0; ky < g.y.kernel; ++ky)
              for (int64_t kx = 0; kx < g.x.kernel; ++kx) {
                const int64_t sy = g.y.begin(y) + ky * g.y.dilation;
                const int64_t sx = g.x.begin(x) + kx * g.x.dilation;
                if (sy < 0 || sy >= g.y.input || sx < 0 || sx >= g.x.input) continue;
                const int64_t source = image(n, o / out * in + i, sy, sx, g.in_channels,
                                             g.y.input, g.x.input);
                const int64_t weight =
                    g.hwio ? ((ky * g.x.kernel + kx) * in + i) * g.out_channels + o
                           : ((o * in + i) * g.y.kernel + ky) * g.x.kernel + kx;
                const int64_t output =
                    image(n, o, y, x, g.out_channels, g.y.output, g.x.output);
                visit(static_cast<size_t>(source), static_cast<size_t>(weight),
                      static_cast<size_t>(output));
              }
}

struct ConvolutionCase {
  int64_t batch, height, width, in, out, kernel_height, kernel_width;
  PaddingStyle style = PaddingStyle::TF_SAME;
  int64_t groups = 1;
  int64_t stride_y = 1, stride_x = 1, dilation_y = 1, dilation_x = 1;
  int64_t top = 0, bottom = 0, left = 0, right = 0;
};

Attributes attributes_of(const ConvolutionCase& c, bool nhwc, bool hwio) {
  const auto layout = [](TensorNamedDataLayout value) { return static_cast<int64_t>(value); };
  return {{"stride_in_x", c.stride_x},
          {"stride_in_y", c.stride_y},
          {"dilation_rate_in_x", c.dilation_x},
          {"dilation_rate_in_y", c.dilation_y},
          {"groups", c.groups},
          {"padding_left", c.left},
          {"padding_right", c.right},
          {"padding_top", c.top},
          {"padding_bottom", c.bottom},
          {"padding_style", static_cast<int64_t>(c.style)},
          {"data_layout", layout(nhwc ? TensorNamedDataLayout::NHWC : TensorNamedDataLayout::NCHW)},
          {"weights_layout",
           layout(hwio ? TensorNamedDataLayout::HWIO : TensorNamedDataLayout::OIHW)}};
}

std::vector<int64_t> image_shape(bool nhwc, int64_t n, int64_t c, int64_t h, int64_t w) {
  return nhwc ? std::vector<int64_t>{n, h, w, c} : std::vector<int64_t>{n, c, h, w};
}

void check_convolution(const ConvolutionCase& c, bool nhwc, bool hwio) {
  const auto source_shape = image_shape(nhwc, c.batch, c.in, c.height, c.width);
  const int64_t group_in = c.in / c.groups;
  const std::vector<int64_t> weights_shape =
      hwio ? std::vector<int64_t>{c.kernel_height, c.kernel_width, group_in, c.out}
           : std::vector<int64_t>{c.out, group_in, c.kernel_height, c.kernel_width};
  const auto attributes = attributes_of(c, nhwc, hwio);
  const OpRow& row = require_row("convolution_2d");
  const auto values = complete_attributes(row, attributes);
  const std::vector<int32_t> segments(row.operands.size(), 1);
  const OperationView view(row, segments, values);
  const auto output_shape =
      ops::convolution_2d_output_shape(view, Shape(source_shape), Shape(weights_shape)).to_vector();
  const auto g = ops::resolve_convolution_2d(view, Shape(source_shape), Shape(weights_shape),
                                             Shape(output_shape));
  const auto source = numbers(count_of(source_shape), 1);
  const auto weights = numbers(count_of(weights_shape), 2);
  const auto incoming = numbers(count_of(output_shape), 3);
  std::vector<float> output(incoming.size()), data_gradient(source.size()),
      weights_gradient(weights.size());
  for_each_product(g, [&](size_t s, size_t w, size_t o) {
    output[o] += source[s] * weights[w];
    data_gradient[s] += incoming[o] * weights[w];
    weights_gradient[w] += incoming[o] * source[s];
  });
  const auto types = [](const std::vector<int64_t>& a, const std::vector<int64_t>& b) {
    return std::vector<TensorType>{float32(a), float32(b)};
  };
  CAPTURE(Shape(source_shape).to_string());
  CAPTURE(Shape(weights_shape).to_string());
  CAPTURE(nhwc);
  check_step(OneStepPlan("convolution_2d", types(source_shape, weights_shape),
                         float32(output_shape), attributes),
             {&source, &weights}, output);
  check_step(OneStepPlan("convolution_2d_data_gradient", types(output_shape, weights_shape),
                         float32(source_shape), attributes),
             {&incoming, &weights}, data_gradient);
  check_step(OneStepPlan("convolution_2d_weights_gradient", types(output_shape, source_shape),
                         float32(weights_shape), attributes),
             {&incoming, &source}, weights_gradient);
}

Attributes pooling_attributes(const ConvolutionCase& c, bool nhwc, bool ceil_mode,
                              bool count_padding) {
  auto attributes = attributes_of(c, nhwc, true);
  attributes["kernel_height"] = c.kernel_height;
  attributes["kernel_width"] = c.kernel_width;
  attributes["ceil_mode"] = ceil_mode;
  attributes["include_zero_pad_to_average"] = count_padding;
  return attributes;
}

struct PoolingResults {
  std::vector<float> maximum, maximum_gradient, average, average_gradient;
};

PoolingResults pool_plainly(const Pooling2DGeometry& g, const std::vector<float>& source,
                            const std::vector<float>& incoming) {
  PoolingResults r;
  r.maximum.resize(incoming.size());
  r.average.resize(incoming.size());
  r.maximum_gradient.resize(source.size());
  r.average_gradient.resize(source.size());
  const auto index = [&](int64_t n, int64_t c, int64_t y, int64_t x, int64_t height,
                         int64_t width) {
    return static_cast<size_t>(g.nhwc ? ((n * height + y) * width + x) * g.channels + c
                                      : ((n * g.channels + c) * height + y) * width + x);
  };
  for (int64_t n = 0; n < g.batch; ++n)
    for (int64_t c = 0; c < g.channels; ++c)
      for (int64_t y = 0; y < g.y.output; ++y)
        for (int64_t x = 0; x < g.x.output; ++x) {
          const size_t o = index(n, c, y, x, g.y.output, g.x.output);
          const auto divisor = static_cast<float>(g.divisor(g.y, y) * g.divisor(g.x, x));
          float largest = -std::numeric_limits<float>::infinity(), sum = 0;
          size_t where = 0;
          const auto rows = g.y.taps(y), columns = g.x.taps(x);
          for (int64_t ky = rows.first; ky < rows.last; ++ky)
            for (int64_t kx = columns.first; kx < columns.last; ++kx) {
              const size_t s = index(n, c, g.y.begin(y) + ky * g.y.dilation,
                                     g.x.begin(x) + kx * g.x.dilation, g.y.input, g.x.input);
              sum += source[s];
              r.average_gradient[s] += incoming[o] / divisor;
              if (source[s] > largest) {
                largest = source[s];
                where = s;
              }
            }
          r.maximum[o] = largest;
          r.maximum_gradient[where] += incoming[o];
          r.average[o] = sum / divisor;
        }
  return r;
}

void check_pooling(const ConvolutionCase& c, bool nhwc, bool ceil_mode, bool count_padding) {
  const auto source_shape = image_shape(nhwc, c.batch, c.in, c.height, c.width);
  const auto attributes = pooling_attributes(c, nhwc, ceil_mode, count_padding);
  const OpRow& row = require_row("max_pooling_2d");
  const auto values = complete_attributes(row, attributes);
  const std::vector<int32_t> segments(row.operands.size(), 1);
  const auto g =
      ops::resolve_pooling_2d(OperationView(row, segments, values), Shape(source_shape));
  const auto output_shape = image_shape(nhwc, g.batch, g.channels, g.y.output, g.x.output);
  const auto source = numbers(count_of(source_shape), 4);
  const auto incoming = numbers(count_of(output_shape), 5);
  const auto expected = pool_plainly(g, source, incoming);
  CAPTURE(Shape(source_shape).to_string());
  CAPTURE(nhwc);
  const auto forward = [&](const char* op) {
    return OneStepPlan(op, {float32(source_shape)}, float32(output_shape), attributes);
  };
  const auto gradient = [&](const char* op) {
    return OneStepPlan(op, {float32(output_shape), float32(source_shape)}, float32(source_shape),
                       attributes);
  };
  check_step(forward("max_pooling_2d"), {&source}, expected.maximum);
  check_step(gradient("max_pooling_2d_gradient"), {&incoming, &source},
             expected.maximum_gradient);
  check_step(forward("avg_pooling_2d"), {&source}, expected.average, 1e-5);
  check_step(gradient("avg_pooling_2d_gradient"), {&incoming, &source},
             expected.average_gradient, 1e-5);
}

std::unique_ptr<Kernel> kernel_for(const OneStepPlan& plan) {
  static const ThreadPool pool(2);
  return make_library_kernel(plan.plan(), plan.step(), pool);
}

}  // namespace

TEST_CASE("library kernels: convolutions and their gradients") {
  if (!has_library()) return;
  const std::vector<ConvolutionCase> cases = {
      {.batch = 7, .height = 28, .width = 28, .in = 1, .out = 32, .kernel_height = 5, .kernel_width = 5},
      {.batch = 11, .height = 14, .width = 14, .in = 32, .out = 64, .kernel_height = 5, .kernel_width = 5},
      {.batch = 1, .height = 9, .width = 13, .in = 3, .out = 5, .kernel_height = 3, .kernel_width = 3},
      {.batch = 5, .height = 8, .width = 8, .in = 16, .out = 8, .kernel_height = 1, .kernel_width = 1},
      {.batch = 3, .height = 11, .width = 10, .in = 4, .out = 6, .kernel_height = 3,
       .kernel_width = 2, .style = PaddingStyle::TF_VALID, .stride_y = 2, .stride_x = 3},
      {.batch = 3, .height = 12, .width = 12, .in = 8, .out = 8, .kernel_height = 3,
       .kernel_width = 3, .style = PaddingStyle::TF_SAME, .stride_y = 2, .stride_x = 2},
      {.batch = 2, .height = 12, .width = 11, .in = 8, .out = 8, .kernel_height = 4,
       .kernel_width = 4, .style = PaddingStyle::ONNX_SAME_LOWER},
      {.batch = 2, .height = 15, .width = 15, .in = 6, .out = 4, .kernel_height = 3,
       .kernel_width = 3, .dilation_y = 2, .dilation_x = 3},
      {.batch = 4, .height = 10, .width = 10, .in = 8, .out = 12, .kernel_height = 3,
       .kernel_width = 3, .groups = 4},
      {.batch = 4, .height = 10, .width = 10, .in = 16, .out = 16, .kernel_height = 3,
       .kernel_width = 3, .groups = 16},
      {.batch = 2, .height = 9, .width = 9, .in = 4, .out = 4, .kernel_height = 3,
       .kernel_width = 3, .style = PaddingStyle::EXPLICIT, .top = 0, .bottom = 2, .left = 1,
       .right = 0},
      {.batch = 2, .height = 10, .width = 10, .in = 4, .out = 4, .kernel_height = 3,
       .kernel_width = 3, .style = PaddingStyle::EXPLICIT, .stride_y = 3, .stride_x = 3, .top = 1,
       .bottom = 0, .left = 0, .right = 1},
      {.batch = 70, .height = 4, .width = 4, .in = 8, .out = 8, .kernel_height = 3, .kernel_width = 3},
  };
  for (const auto& c : cases)
    for (bool nhwc : {true, false})
      for (bool hwio : {true, false}) check_convolution(c, nhwc, hwio);
}

TEST_CASE("library kernels: pooling and its gradients") {
  if (!has_library()) return;
  const std::vector<ConvolutionCase> cases = {
      {.batch = 7, .height = 28, .width = 28, .in = 32, .out = 0, .kernel_height = 2,
       .kernel_width = 2, .stride_y = 2, .stride_x = 2},
      {.batch = 3, .height = 9, .width = 11, .in = 5, .out = 0, .kernel_height = 3,
       .kernel_width = 2, .stride_y = 2, .stride_x = 1},
      {.batch = 3, .height = 9, .width = 11, .in = 3, .out = 0, .kernel_height = 3,
       .kernel_width = 3, .style = PaddingStyle::TF_VALID},
      {.batch = 2, .height = 8, .width = 8, .in = 17, .out = 0, .kernel_height = 3,
       .kernel_width = 3, .style = PaddingStyle::EXPLICIT, .stride_y = 2, .stride_x = 2, .top = 1,
       .bottom = 1, .left = 1, .right = 0},
      {.batch = 2, .height = 1, .width = 1, .in = 1, .out = 0, .kernel_height = 1, .kernel_width = 1},
  };
  for (const auto& c : cases)
    for (bool nhwc : {true, false})
      for (bool count_padding : {true, false}) check_pooling(c, nhwc, false, count_padding);
  const ConvolutionCase ceiling{.batch = 2, .height = 8, .width = 8, .in = 6, .out = 0,
                                .kernel_height = 3, .kernel_width = 3,
                                .style = PaddingStyle::EXPLICIT, .stride_y = 2, .stride_x = 2};
  check_pooling(ceiling, true, true, false);
}

TEST_CASE("library kernels: the special values of a maximum") {
  if (!has_library()) return;
  const float infinity = std::numeric_limits<float>::infinity();
  const OneStepPlan plan("max_pooling_2d", {float32({1, 2, 4, 1})}, float32({1, 1, 2, 1}),
                         pooling_attributes({.batch = 1, .height = 2, .width = 4, .in = 1, .out = 0,
                                             .kernel_height = 2, .kernel_width = 2,
                                             .stride_y = 2, .stride_x = 2},
                                            true, false, false));
  const auto kernel = kernel_for(plan);
  if (!kernel) return;
  KernelRunner runner(*kernel);
  const std::vector<float> source{-infinity, -infinity, infinity, 1,
                                  -infinity, -infinity, 2, 3};
  std::vector<float> result(2);
  runner.run({&source}, result);
  CHECK(result[0] == -infinity);
  CHECK(result[1] == infinity);
  const std::vector<float> with_nan{1, NAN, NAN, 1, 2, 3, 2, 3};
  runner.run({&with_nan}, result);
  CHECK(std::isnan(result[0]));
  CHECK(std::isnan(result[1]));
}

TEST_CASE("library kernels: matrix products") {
  if (!has_library()) return;
  struct Case {
    std::vector<int64_t> a_batch, b_batch, batch;
    int64_t m, n, k;
  };
  const std::vector<Case> cases = {
      {{}, {}, {}, 40, 1024, 300},   {{}, {}, {}, 300, 70, 33},    {{}, {}, {}, 1, 1000, 500},
      {{}, {}, {}, 1000, 1, 64},     {{}, {}, {}, 20, 2048, 100},  {{}, {}, {}, 17, 1024, 2100},
      {{3}, {}, {3}, 10, 20, 30},    {{3}, {3}, {3}, 40, 300, 30}, {{100}, {100}, {100}, 5, 6, 7},
      {{4, 1}, {3}, {4, 3}, 8, 9, 10}, {{2, 3}, {1, 1}, {2, 3}, 8, 9, 10},
      {{}, {2, 3}, {2, 3}, 12, 10, 11}, {{1}, {5}, {5}, 200, 210, 40}, {{}, {}, {}, 1, 1, 1},
  };
  const auto with = [](std::vector<int64_t> batch, int64_t rows, int64_t columns) {
    batch.push_back(rows);
    batch.push_back(columns);
    return batch;
  };
  for (const auto& c : cases) {
    const auto a_shape = with(c.a_batch, c.m, c.k), b_shape = with(c.b_batch, c.k, c.n),
               shape = with(c.batch, c.m, c.n);
    const auto a = numbers(count_of(a_shape), 6), b = numbers(count_of(b_shape), 7);
    std::vector<float> expected(static_cast<size_t>(count_of(shape)));
    const size_t rank = c.batch.size();
    const auto item_of = [&](const std::vector<int64_t>& operand, int64_t item) {
      int64_t found = 0, step = 1;
      for (size_t i = 0; i < rank; ++i) {  // from the innermost
        const int64_t at = item % c.batch[rank - 1 - i];
        item /= c.batch[rank - 1 - i];
        if (i >= operand.size()) continue;
        const int64_t size = operand[operand.size() - 1 - i];
        if (size != 1) found += at * step;
        step *= size;
      }
      return found;
    };
    for (int64_t item = 0; item < count_of(c.batch); ++item)
      for (int64_t i = 0; i < c.m; ++i)
        for (int64_t k = 0; k < c.k; ++k)
          for (int64_t j = 0; j < c.n; ++j)
            expected[static_cast<size_t>((item * c.m + i) * c.n + j)] +=
                a[static_cast<size_t>((item_of(c.a_batch, item) * c.m + i) * c.k + k)] *
                b[static_cast<size_t>((item_of(c.b_batch, item) * c.k + k) * c.n + j)];
    CAPTURE(Shape(a_shape).to_string());
    CAPTURE(Shape(b_shape).to_string());
    check_step(OneStepPlan("matrix_multiplication", {float32(a_shape), float32(b_shape)},
                           float32(shape)),
               {&a, &b}, expected);
  }
}

TEST_CASE("library kernels: transposed matrices, where the row has the attributes") {
  if (!has_library()) return;
  if (require_row("matrix_multiplication").attribute_index("transpose_primary") < 0) return;
  const auto transposed = [](const std::vector<float>& x, int64_t items, int64_t rows,
                             int64_t columns) {
    std::vector<float> y(x.size());
    for (int64_t item = 0; item < items; ++item)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          y[static_cast<size_t>((item * columns + j) * rows + i)] =
              x[static_cast<size_t>((item * rows + i) * columns + j)];
    return y;
  };
  for (const auto& [items, m, n, k] : {std::array<int64_t, 4>{1, 40, 1024, 96}, {1, 700, 520, 40},
                                       {3, 20, 30, 17}, {40, 7, 8, 9}, {2, 33, 1024, 64}}) {
    const auto a = numbers(items * m * k, 8), b = numbers(items * k * n, 9);
    std::vector<float> expected(static_cast<size_t>(items * m * n));
    for (int64_t item = 0; item < items; ++item)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t l = 0; l < k; ++l)
          for (int64_t j = 0; j < n; ++j)
            expected[static_cast<size_t>((item * m + i) * n + j)] +=
                a[static_cast<size_t>((item * m + i) * k + l)] *
                b[static_cast<size_t>((item * k + l) * n + j)];
    const auto at = transposed(a, items, m, k), bt = transposed(b, items, k, n);
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        CAPTURE(ta);
        CAPTURE(tb);
        CAPTURE(m);
        check_step(
            OneStepPlan("matrix_multiplication",
                        {float32(ta ? std::vector<int64_t>{items, k, m} : std::vector{items, m, k}),
                         float32(tb ? std::vector<int64_t>{items, n, k} : std::vector{items, k, n})},
                        float32({items, m, n}),
                        {{"transpose_primary", ta}, {"transpose_secondary", tb}}),
            {ta ? &at : &a, tb ? &bt : &b}, expected);
      }
  }
}

TEST_CASE("library kernels: what is refused") {
  if (!has_library()) return;
  const auto product = [](DataType type, int64_t m, int64_t n, int64_t k) {
    return OneStepPlan("matrix_multiplication", {{type, Shape{m, k}}, {type, Shape{k, n}}},
                       {type, Shape{m, n}});
  };
  CHECK(kernel_for(product(DataType::float32, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float64, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float16, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::int32, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float32, 0, 4, 4)));
  CHECK(!kernel_for(product(DataType::float32, 4, 4, 0)));
  CHECK(!kernel_for(OneStepPlan("addition", {float32({4}), float32({4})}, float32({4}))));
}
