// Convolution and pooling kernels from a library against plain loops.
#include <doctest/doctest.h>

#include <cmath>
#include <limits>

#include "library_kernel_checks.h"
#include "ops/enums.h"
#include "ops/window.h"

using namespace mpsg;
using namespace mpsg::testing;
using mpsg::ops::Convolution2DGeometry;
using mpsg::ops::PaddingStyle;
using mpsg::ops::Pooling2DGeometry;
using mpsg::ops::TensorNamedDataLayout;

namespace {

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
                const int64_t source =
                    image(n, o / out * in + i, sy, sx, g.in_channels, g.y.input, g.x.input);
                const int64_t weight = g.hwio
                                           ? ((ky * g.x.kernel + kx) * in + i) * g.out_channels + o
                                           : ((o * in + i) * g.y.kernel + ky) * g.x.kernel + kx;
                const int64_t output = image(n, o, y, x, g.out_channels, g.y.output, g.x.output);
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
  return {
      {"stride_in_x", c.stride_x},
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
      {"weights_layout", layout(hwio ? TensorNamedDataLayout::HWIO : TensorNamedDataLayout::OIHW)}};
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
  const auto g = ops::resolve_pooling_2d(OperationView(row, segments, values), Shape(source_shape));
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
  check_step(gradient("max_pooling_2d_gradient"), {&incoming, &source}, expected.maximum_gradient);
  check_step(forward("avg_pooling_2d"), {&source}, expected.average, 1e-5);
  check_step(gradient("avg_pooling_2d_gradient"), {&incoming, &source}, expected.average_gradient,
             1e-5);
}

}  // namespace

TEST_CASE("library kernels: convolutions and their gradients") {
  if (!has_library()) return;
  const std::vector<ConvolutionCase> cases = {
      {.batch = 7,
       .height = 28,
       .width = 28,
       .in = 1,
       .out = 32,
       .kernel_height = 5,
       .kernel_width = 5},
      {.batch = 11,
       .height = 14,
       .width = 14,
       .in = 32,
       .out = 64,
       .kernel_height = 5,
       .kernel_width = 5},
      {.batch = 1,
       .height = 9,
       .width = 13,
       .in = 3,
       .out = 5,
       .kernel_height = 3,
       .kernel_width = 3},
      {.batch = 5,
       .height = 8,
       .width = 8,
       .in = 16,
       .out = 8,
       .kernel_height = 1,
       .kernel_width = 1},
      {.batch = 3,
       .height = 11,
       .width = 10,
       .in = 4,
       .out = 6,
       .kernel_height = 3,
       .kernel_width = 2,
       .style = PaddingStyle::TF_VALID,
       .stride_y = 2,
       .stride_x = 3},
      {.batch = 3,
       .height = 12,
       .width = 12,
       .in = 8,
       .out = 8,
       .kernel_height = 3,
       .kernel_width = 3,
       .style = PaddingStyle::TF_SAME,
       .stride_y = 2,
       .stride_x = 2},
      {.batch = 2,
       .height = 12,
       .width = 11,
       .in = 8,
       .out = 8,
       .kernel_height = 4,
       .kernel_width = 4,
       .style = PaddingStyle::ONNX_SAME_LOWER},
      {.batch = 2,
       .height = 15,
       .width = 15,
       .in = 6,
       .out = 4,
       .kernel_height = 3,
       .kernel_width = 3,
       .dilation_y = 2,
       .dilation_x = 3},
      {.batch = 4,
       .height = 10,
       .width = 10,
       .in = 8,
       .out = 12,
       .kernel_height = 3,
       .kernel_width = 3,
       .groups = 4},
      {.batch = 4,
       .height = 10,
       .width = 10,
       .in = 16,
       .out = 16,
       .kernel_height = 3,
       .kernel_width = 3,
       .groups = 16},
      {.batch = 2,
       .height = 9,
       .width = 9,
       .in = 4,
       .out = 4,
       .kernel_height = 3,
       .kernel_width = 3,
       .style = PaddingStyle::EXPLICIT,
       .top = 0,
       .bottom = 2,
       .left = 1,
       .right = 0},
      {.batch = 2,
       .height = 10,
       .width = 10,
       .in = 4,
       .out = 4,
       .kernel_height = 3,
       .kernel_width = 3,
       .style = PaddingStyle::EXPLICIT,
       .stride_y = 3,
       .stride_x = 3,
       .top = 1,
       .bottom = 0,
       .left = 0,
       .right = 1},
      {.batch = 70,
       .height = 4,
       .width = 4,
       .in = 8,
       .out = 8,
       .kernel_height = 3,
       .kernel_width = 3},
  };
  for (const auto& c : cases)
    for (bool nhwc : {true, false})
      for (bool hwio : {true, false}) check_convolution(c, nhwc, hwio);
}

TEST_CASE("library kernels: pooling and its gradients") {
  if (!has_library()) return;
  const std::vector<ConvolutionCase> cases = {
      {.batch = 7,
       .height = 28,
       .width = 28,
       .in = 32,
       .out = 0,
       .kernel_height = 2,
       .kernel_width = 2,
       .stride_y = 2,
       .stride_x = 2},
      {.batch = 3,
       .height = 9,
       .width = 11,
       .in = 5,
       .out = 0,
       .kernel_height = 3,
       .kernel_width = 2,
       .stride_y = 2,
       .stride_x = 1},
      {.batch = 3,
       .height = 9,
       .width = 11,
       .in = 3,
       .out = 0,
       .kernel_height = 3,
       .kernel_width = 3,
       .style = PaddingStyle::TF_VALID},
      {.batch = 2,
       .height = 8,
       .width = 8,
       .in = 17,
       .out = 0,
       .kernel_height = 3,
       .kernel_width = 3,
       .style = PaddingStyle::EXPLICIT,
       .stride_y = 2,
       .stride_x = 2,
       .top = 1,
       .bottom = 1,
       .left = 1,
       .right = 0},
      {.batch = 2,
       .height = 1,
       .width = 1,
       .in = 1,
       .out = 0,
       .kernel_height = 1,
       .kernel_width = 1},
      {.batch = 1,
       .height = 7,
       .width = 9,
       .in = 21,
       .out = 0,
       .kernel_height = 1,
       .kernel_width = 2,
       .style = PaddingStyle::TF_VALID,
       .stride_y = 3,
       .stride_x = 4},
  };
  for (const auto& c : cases)
    for (bool nhwc : {true, false})
      for (bool count_padding : {true, false}) check_pooling(c, nhwc, false, count_padding);
  const ConvolutionCase ceiling{.batch = 2,
                                .height = 8,
                                .width = 8,
                                .in = 6,
                                .out = 0,
                                .kernel_height = 3,
                                .kernel_width = 3,
                                .style = PaddingStyle::EXPLICIT,
                                .stride_y = 2,
                                .stride_x = 2};
  check_pooling(ceiling, true, true, false);
}

TEST_CASE("library kernels: infinities and NaN in a maximum") {
  if (!has_library()) return;
  const float infinity = std::numeric_limits<float>::infinity();
  // Two windows of 2 x 2; with 9 channels, so that vectors and single elements are used.
  constexpr int64_t channels = 9;
  const auto attributes = pooling_attributes({.batch = 1,
                                              .height = 2,
                                              .width = 4,
                                              .in = channels,
                                              .out = 0,
                                              .kernel_height = 2,
                                              .kernel_width = 2,
                                              .stride_y = 2,
                                              .stride_x = 2},
                                             true, false, false);
  const auto source_type = float32({1, 2, 4, channels}), result_type = float32({1, 1, 2, channels});
  const auto forward =
      kernel_for(OneStepPlan("max_pooling_2d", {source_type}, result_type, attributes));
  const auto gradient = kernel_for(
      OneStepPlan("max_pooling_2d_gradient", {result_type, source_type}, source_type, attributes));
  REQUIRE(forward);
  REQUIRE(gradient);
  const auto spread = [](const std::vector<float>& pixels) {
    std::vector<float> all;
    for (float pixel : pixels) all.insert(all.end(), channels, pixel);
    return all;
  };
  struct Case {
    std::vector<float> pixels;
    float maxima[2];
    size_t chosen[2];
  };
  const Case cases[] = {
      {{-infinity, -infinity, infinity, 1, -infinity, -infinity, 2, 3},
       {-infinity, infinity},
       {0, 2}},
      {{1, NAN, NAN, 1, NAN, 3, 2, 3}, {NAN, NAN}, {1, 2}},
      {{-3.4028235e38f, -infinity, 2, 2, 0, -0.0f, 2, 2}, {0, 2}, {4, 2}},
  };
  for (const auto& c : cases) {
    const auto source = spread(c.pixels), incoming = spread({5, 7});
    std::vector<float> result(2 * channels), back(8 * channels, NAN);
    KernelRunner(*forward).run({&source}, result);
    KernelRunner(*gradient).run({&incoming, &source}, back);
    for (size_t i = 0; i < result.size(); ++i) {
      const float expected = c.maxima[i / channels];
      CHECK((result[i] == expected || (std::isnan(expected) && std::isnan(result[i]))));
    }
    for (size_t i = 0; i < back.size(); ++i) {
      const size_t pixel = i / channels;
      CHECK(back[i] == (pixel == c.chosen[0] ? 5 : pixel == c.chosen[1] ? 7 : 0));
    }
  }
}
