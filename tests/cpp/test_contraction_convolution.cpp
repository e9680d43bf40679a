// Convolution passes of every instruction set against loops in double precision.
#include <doctest/doctest.h>

#include <cmath>
#include <cstdlib>
#include <limits>
#include <memory>
#include <random>
#include <vector>

#include "backends/cpu/contraction/convolution_image_pass.h"
#include "backends/cpu/contraction/convolution_weights_pass.h"

using namespace mpsg;
using namespace mpsg::contraction;
using mpsg::ops::Convolution2DGeometry;
using mpsg::ops::WindowAxis;

namespace {

struct Axis {
  int64_t input, kernel, stride = 1, dilation = 1, before = 0, after = 0;
};

WindowAxis window(const Axis& a) {
  WindowAxis axis{a.input, a.kernel, a.stride, a.dilation, a.before, a.after, 0};
  const int64_t free = a.input + a.before + a.after - axis.extent();
  axis.output = free < 0 ? 0 : free / a.stride + 1;
  return axis;
}

/// Padding as for TF_SAME.
WindowAxis same(int64_t input, int64_t kernel, int64_t stride = 1, int64_t dilation = 1) {
  WindowAxis axis{input, kernel, stride, dilation, 0, 0, (input - 1) / stride + 1};
  const int64_t total = std::max<int64_t>(0, (axis.output - 1) * stride + axis.extent() - input);
  axis.pad_before = total / 2;
  axis.pad_after = total - total / 2;
  return axis;
}

Convolution2DGeometry geometry(int64_t batch, int64_t in, int64_t out, const WindowAxis& y,
                               const WindowAxis& x, int64_t groups = 1) {
  return {batch, in, out, groups, y, x, true, true};
}

/// Sums in double precision, and what float32 may be off by: the sum of the products' magnitudes
/// times the roundings.
struct Expected {
  std::vector<double> values, magnitudes;
  double terms;

  Expected(size_t count, int64_t terms)
      : values(count), magnitudes(count), terms(static_cast<double>(terms)) {}
  void add(size_t at, double product) {
    values[at] += product;
    magnitudes[at] += std::abs(product);
  }
  bool allows(size_t at, float value) const {
    constexpr double rounding = std::numeric_limits<float>::epsilon() / 2;
    return std::abs(double{value} - values[at]) <= (terms + 2) * rounding * magnitudes[at];
  }
};

struct Problem {
  Convolution2DGeometry g;
  std::vector<float> source, weights, gradient;
  Expected output, source_gradient, weights_gradient;

  Problem(const Convolution2DGeometry& geometry, uint32_t seed)
      : g(geometry),
        source(static_cast<size_t>(g.batch * g.in_channels * g.y.input * g.x.input)),
        weights(
            static_cast<size_t>(g.group_in_channels() * g.out_channels * g.y.kernel * g.x.kernel)),
        gradient(static_cast<size_t>(g.batch * g.out_channels * g.y.output * g.x.output)),
        output(gradient.size(), g.group_in_channels() * g.y.kernel * g.x.kernel),
        source_gradient(source.size(), g.group_out_channels() * g.y.kernel * g.x.kernel),
        weights_gradient(weights.size(), g.batch * g.y.output * g.x.output) {
    std::mt19937 random(seed);
    for (auto* values : {&source, &weights, &gradient})
      for (auto& value : *values) value = static_cast<float>(random() % 2001) / 1000.0f - 1.0f;
    for (int64_t n = 0; n < g.batch; ++n)
      for (int64_t o = 0; o < g.out_channels; ++o)
        for (int64_t y = 0; y < g.y.output; ++y)
          for (int64_t x = 0; x < g.x.output; ++x) visit_window(n, o, y, x);
  }

 private:
  size_t place(int64_t n, int64_t c, int64_t y, int64_t x, int64_t channels, int64_t height,
               int64_t width) const {
    return static_cast<size_t>(g.nhwc ? ((n * height + y) * width + x) * channels + c
                                      : ((n * channels + c) * height + y) * width + x);
  }
  void visit_window(int64_t n, int64_t o, int64_t y, int64_t x) {
    const int64_t in = g.group_in_channels(), group = o / g.group_out_channels();
    const size_t at = place(n, o, y, x, g.out_channels, g.y.output, g.x.output);
    for (int64_t ky = 0; ky < g.y.kernel; ++ky)
      for (int64_t kx = 0; kx < g.x.kernel; ++kx) {
        const int64_t sy = g.y.begin(y) + ky * g.y.dilation;
        const int64_t sx = g.x.begin(x) + kx * g.x.dilation;
        if (sy < 0 || sy >= g.y.input || sx < 0 || sx >= g.x.input) continue;
        for (int64_t i = 0; i < in; ++i) {
          const size_t s = place(n, group * in + i, sy, sx, g.in_channels, g.y.input, g.x.input);
          const auto w =
              static_cast<size_t>(g.hwio ? ((ky * g.x.kernel + kx) * in + i) * g.out_channels + o
                                         : ((o * in + i) * g.y.kernel + ky) * g.x.kernel + kx);
          output.add(at, double{source[s]} * weights[w]);
          source_gradient.add(s, double{gradient[at]} * weights[w]);
          weights_gradient.add(w, double{gradient[at]} * source[s]);
        }
      }
  }
};

/// Counts how often each element was said to be final.
class Coverage final : public TileListener {
 public:
  Coverage(size_t elements, int64_t columns) : counts(elements), columns_(columns) {}
  void finished(int64_t row_begin, int64_t row_end, int64_t column_begin,
                int64_t column_end) const override {
    for (int64_t row = row_begin; row < row_end; ++row)
      for (int64_t column = column_begin; column < column_end; ++column)
        ++counts[static_cast<size_t>(row * columns_ + column)];
  }
  mutable std::vector<int>
      counts;  // the listener's rectangles are disjoint, so no two threads meet

 private:
  int64_t columns_;
};

/// A workspace full of NaN with a guard behind it.
class Workspace {
 public:
  explicit Workspace(size_t bytes) : bytes_(bytes) {
    memory_.reset(static_cast<unsigned char*>(std::aligned_alloc(64, (bytes + 127) / 64 * 64)));
    std::fill_n(memory_.get(), bytes + 64, static_cast<unsigned char>(0xff));
  }
  void* data() const { return memory_.get(); }
  bool guard_is_intact() const {
    return std::all_of(memory_.get() + bytes_, memory_.get() + bytes_ + 64,
                       [](unsigned char byte) { return byte == 0xff; });
  }

 private:
  struct Free {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  size_t bytes_;
  std::unique_ptr<unsigned char, Free> memory_;
};

template <class Pass>
void check_pass(const Pass& pass, const std::vector<float>& first, const std::vector<float>& second,
                const Expected& expected, int64_t columns) {
  CAPTURE(pass.description());
  const size_t count = expected.values.size();
  std::vector<float> result(count, NAN), again(count, NAN);
  const Workspace workspace(pass.workspace_bytes()), other(pass.workspace_bytes());
  const Coverage coverage(count, columns);
  pass.run(first.data(), second.data(), result.data(), workspace.data(),
           pass.reports_tiles() ? &coverage : nullptr);
  pass.run(first.data(), second.data(), again.data(), other.data(), nullptr);
  CHECK(workspace.guard_is_intact());
  size_t wrong = 0, different = 0, unreported = 0;
  for (size_t i = 0; i < count; ++i) {
    if (!expected.allows(i, result[i]) && wrong++ == 0)
      MESSAGE(i << ": " << result[i] << " instead of " << expected.values[i]);
    if (result[i] != again[i]) ++different;
    if (pass.reports_tiles() && coverage.counts[i] != 1) ++unreported;
  }
  CHECK(wrong == 0);
  CHECK(different == 0);
  CHECK(unreported == 0);
}

void check_passes(const Convolution2DGeometry& g, uint32_t seed = 1) {
  const Problem p(g, seed);
  CAPTURE(g.batch);
  CAPTURE(g.in_channels);
  CAPTURE(g.out_channels);
  CAPTURE(g.nhwc);
  CAPTURE(g.hwio);
  for (const int threads : {1, 2, 3}) {
    const ThreadPool pool(threads);
    CAPTURE(threads);
    for (const auto* kernels : available_strip_kernels()) {
      const auto forward = ImagePass::plan(ImagePass::Kind::convolution, g, pool, *kernels);
      const auto backward = ImagePass::plan(ImagePass::Kind::data_gradient, g, pool, *kernels);
      const auto weights = WeightsPass::plan(g, pool, *kernels);
      REQUIRE(forward);
      REQUIRE(backward);
      REQUIRE(weights);
      check_pass(*forward, p.source, p.weights, p.output, g.out_channels);
      check_pass(*backward, p.gradient, p.weights, p.source_gradient, g.in_channels);
      check_pass(*weights, p.gradient, p.source, p.weights_gradient, g.out_channels);
    }
  }
}

}  // namespace

TEST_CASE("convolution passes: layers of networks") {
  check_passes(geometry(3, 1, 32, same(28, 5), same(28, 5)));
  check_passes(geometry(3, 32, 64, same(14, 5), same(14, 5)));
  check_passes(geometry(2, 64, 128, same(14, 5, 2), same(14, 5, 2)));
  check_passes(geometry(2, 1, 64, same(28, 5, 2), same(28, 5, 2)));
  check_passes(geometry(5, 40, 24, same(9, 1), same(11, 1)));
  check_passes(geometry(1, 3, 16, same(40, 7, 2), same(70, 7, 2)));
}

TEST_CASE("convolution passes: strides, dilations, paddings, groups and layouts") {
  const std::vector<std::pair<Axis, Axis>> axes = {
      {{9, 3}, {8, 2}},
      {{9, 3, 2, 1, 1, 1}, {10, 4, 3, 1, 2, 0}},
      {{11, 3, 1, 2, 2, 2}, {12, 2, 1, 5, 3, 3}},
      {{11, 3, 2, 3, 2, 5}, {10, 3, 3, 2, 4, 0}},
      {{7, 2, 5}, {9, 1, 4}},
      {{4, 3, 1, 1, 5, 5}, {3, 3, 1, 1, 4, 6}},
      {{1, 1}, {1, 1}},
      {{1, 5, 1, 1, 2, 2}, {17, 3, 1, 1, 0, 1}},
  };
  for (const auto& [y, x] : axes)
    for (const int64_t groups : {1, 2})
      for (const bool nhwc : {true, false})
        for (const bool hwio : {true, false}) {
          auto g = geometry(3, groups * 5, groups * 18, window(y), window(x), groups);
          g.nhwc = nhwc;
          g.hwio = hwio;
          check_passes(g);
        }
}

TEST_CASE("convolution passes: numbers of channels around a vector") {
  for (const int64_t in : {1, 4, 16, 33})
    for (const int64_t out : {1, 3, 5, 17, 47, 64, 70})
      check_passes(geometry(2, in, out, same(6, 3), same(7, 3)));
  check_passes(geometry(2, 24, 24, same(9, 3), same(9, 3), 24));
  check_passes(geometry(2, 20, 40, same(9, 3, 2), same(9, 3, 2), 20));
}

TEST_CASE("convolution passes: depthwise") {
  for (const int64_t channels : {2, 7, 16, 37}) {
    check_passes(geometry(2, channels, channels, same(9, 3), same(30, 3), channels));
    for (const bool nhwc : {true, false}) {
      auto g = geometry(3, channels, channels, window({11, 3, 2, 3, 2, 5}),
                        window({10, 3, 3, 2, 4, 0}), channels);
      g.nhwc = nhwc;
      g.hwio = !nhwc;
      check_passes(g);
    }
  }
}

TEST_CASE("convolution passes: strips of one pixel of several images") {
  for (const int64_t batch : {2, 13, 17})
    for (const int64_t stride : {1, 2})
      check_passes(geometry(batch, 16, 20, same(5, 5, stride), same(4, 5, stride)));
  check_passes(geometry(9, 32, 16, window({6, 3, 2, 3, 2, 5}), window({5, 3, 1, 2, 4, 0})));
  check_passes(geometry(4, 160, 160, same(3, 5), same(3, 5)));
}

TEST_CASE("convolution passes: sums in slices and pixels that share a cache set") {
  check_passes(geometry(2, 1024, 32, same(4, 3), same(5, 3)));
  check_passes(geometry(5, 160, 96, same(7, 5), same(7, 5)));
}

TEST_CASE("convolution passes: one image for several threads") {
  check_passes(geometry(1, 8, 16, same(33, 3), same(17, 3)));
  check_passes(geometry(1, 8, 16, same(1, 1), same(2000, 3)));
  check_passes(geometry(1, 64, 64, same(30, 1), same(31, 1)));
}

TEST_CASE("convolution passes: random geometries") {
  std::mt19937 random(20240611);
  const auto pick = [&](std::initializer_list<int64_t> from) {
    return *(from.begin() + random() % from.size());
  };
  const auto axis = [&] {
    while (true) {
      const auto found =
          window({pick({1, 2, 3, 5, 7, 8, 14, 15}), pick({1, 2, 3, 4, 5}), pick({1, 1, 2, 3, 5}),
                  pick({1, 1, 2, 3}), pick({0, 1, 2, 3}), pick({0, 1, 2, 4})});
      if (found.output > 0) return found;
    }
  };
  for (int i = 0; i < 60; ++i) {
    CAPTURE(i);
    const int64_t groups = pick({1, 1, 1, 2, 3});
    auto g = geometry(pick({1, 2, 3, 9}), groups * pick({1, 2, 3, 8, 16, 33}),
                      groups * pick({1, 2, 4, 8, 17, 48}), axis(), axis(), groups);
    g.nhwc = random() % 4 != 0;
    g.hwio = random() % 4 != 0;
    check_passes(g, random());
  }
}

TEST_CASE("convolution passes: what is too large is refused, not computed wrongly") {
  const ThreadPool pool(1);
  auto g = geometry(1, 1, 1, same(4, 3, 1, int64_t{1} << 40), same(4, 3));
  CHECK(!ImagePass::plan(ImagePass::Kind::convolution, g, pool));
  CHECK(!ImagePass::plan(ImagePass::Kind::data_gradient, g, pool));
  CHECK(!WeightsPass::plan(g, pool));
}
