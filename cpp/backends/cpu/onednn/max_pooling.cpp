// Our own loops for maxima: the library's never see NaN and know nothing below -FLT_MAX, whereas a
// NaN of ours wins, so that a user sees that something went wrong. Both wait for memory anyway.
#include <algorithm>
#include <cstring>
#include <limits>
#include <type_traits>

#include "backends/cpu/onednn/kernels.h"
#include "ops/window.h"

namespace mpsg::onednn {
namespace {

using ops::Pooling2DGeometry;

// Vectors of 16 bytes: every processor of the architectures we build for has them.
using Floats = float __attribute__((vector_size(16)));
using Integers = int32_t __attribute__((vector_size(16)));
constexpr int64_t lanes = 4;
constexpr float quiet_nan = std::numeric_limits<float>::quiet_NaN();

template <class V>
V load(const float* from) {
  V value;
  std::memcpy(&value, from, sizeof(V));
  return value;
}

template <class V>
void store(float* to, V value) {
  std::memcpy(to, &value, sizeof(V));
}

// Integers beside a vector of floats, or beside a single one.
template <class V>
using Index = std::conditional_t<std::is_same_v<V, float>, int32_t, Integers>;

/// All bits set where `candidate` is larger, or is the first NaN.
Integers is_better(Floats candidate, Floats best) { return (best == best) & ~(candidate <= best); }
bool is_better(float candidate, float best) { return best == best && !(candidate <= best); }

/// The larger one as one instruction has it: `best` if either is NaN.
template <class V>
V larger(V candidate, V best) {
  return candidate > best ? candidate : best;
}

Integers is_nan(Floats value) { return value != value; }
int32_t is_nan(float value) { return value != value ? -1 : 0; }

/// Where the windows of one output row or column begin, and their taps inside the image.
struct Taps {
  int64_t offset;  // elements from the image's beginning to the first tap
  int64_t count;
};

/// Computed once: taps_within divides.
std::vector<Taps> taps_of(const ops::WindowAxis& axis, int64_t elements_of_step) {
  std::vector<Taps> all;
  for (int64_t i = 0; i < axis.output; ++i) {
    const auto taps = axis.taps(i);
    all.push_back({(axis.begin(i) + taps.first * axis.dilation) * elements_of_step, taps.count()});
  }
  return all;
}

/// Images with channels innermost: (N, C, H, W) is N * C images of one channel.
struct Images {
  explicit Images(const Pooling2DGeometry& g)
      : count(g.nhwc ? g.batch : g.batch * g.channels),
        channels(g.nhwc ? g.channels : 1),
        source_size(g.y.input * g.x.input * channels),
        result_size(g.y.output * g.x.output * channels),
        row_step(g.y.dilation * g.x.input * channels),
        column_step(g.x.dilation * channels),
        rows(taps_of(g.y, g.x.input * channels)),
        columns(taps_of(g.x, channels)) {}

  /// visit(offset) for each tap of a window, in the order in which the first of equal maxima
  /// counts.
  template <class F>
  void for_each_tap(const Taps& row, const Taps& column, F&& visit) const {
    int64_t line = row.offset + column.offset;
    for (int64_t y = 0; y < row.count; ++y, line += row_step)
      for (int64_t x = 0; x < column.count; ++x) visit(line + x * column_step);
  }

  const int64_t count;
  const int64_t channels;
  const int64_t source_size;
  const int64_t result_size;
  const int64_t row_step;
  const int64_t column_step;
  const std::vector<Taps> rows;
  const std::vector<Taps> columns;
};

/// step(type tag, channel) over all channels: `blocks` vectors at once, one vector, one element.
template <int blocks, class F>
void for_each_channel_block(int64_t channels, F&& step) {
  int64_t c = 0;
  for (; c + blocks * lanes <= channels; c += blocks * lanes)
    step(std::integral_constant<int, blocks>{}, Floats{}, c);
  for (; c + lanes <= channels; c += lanes) step(std::integral_constant<int, 1>{}, Floats{}, c);
  for (; c < channels; ++c) step(std::integral_constant<int, 1>{}, float{}, c);
}

template <class V>
constexpr int64_t width_of = sizeof(V) / sizeof(float);

/// One line of output.
void pool_line(const Images& images, const Taps& row, const float* image, float* out) {
  for (const Taps& column : images.columns) {
    const int64_t first = row.offset + column.offset;
    if (row.count * column.count == 0) {
      std::fill_n(out, images.channels, -std::numeric_limits<float>::infinity());
    } else {
      for_each_channel_block<4>(
          images.channels, [&]<int n, class V>(std::integral_constant<int, n>, V, int64_t c) {
            V best[n];
            Index<V> nan[n];
            for (int i = 0; i < n; ++i) {
              best[i] = load<V>(image + first + c + i * width_of<V>);
              nan[i] = Index<V>{};
            }
            images.for_each_tap(row, column, [&](int64_t offset) {
              for (int i = 0; i < n; ++i) {
                const V candidate = load<V>(image + offset + c + i * width_of<V>);
                best[i] = larger(candidate, best[i]);
                nan[i] |= is_nan(candidate);
              }
            });
            for (int i = 0; i < n; ++i)
              store(out + c + i * width_of<V>, nan[i] ? V{} + quiet_nan : best[i]);
          });
    }
    out += images.channels;
  }
}

/// Adds each channel's gradient to the first maximum of the window. If `fresh`, no window shares an
/// element with another, and what is there is overwritten.
template <bool fresh>
void scatter_line(const Images& images, const Taps& row, const float* image, const float* gradient,
                  float* out) {
  for (const Taps& column : images.columns) {
    const int64_t first = row.offset + column.offset;
    if (row.count * column.count > 0)
      for_each_channel_block<2>(
          images.channels, [&]<int n, class V>(std::integral_constant<int, n>, V, int64_t c) {
            V best[n];
            Index<V> where[n];
            for (int i = 0; i < n; ++i) {
              best[i] = load<V>(image + first + c + i * width_of<V>);
              where[i] = Index<V>{};
            }
            int32_t tap = 0;
            images.for_each_tap(row, column, [&](int64_t offset) {
              const Index<V> here = Index<V>{} + tap++;
              for (int i = 0; i < n; ++i) {
                const V candidate = load<V>(image + offset + c + i * width_of<V>);
                const auto better = is_better(candidate, best[i]);
                best[i] = better ? candidate : best[i];
                where[i] = better ? here : where[i];
              }
            });
            tap = 0;
            images.for_each_tap(row, column, [&](int64_t offset) {
              const Index<V> here = Index<V>{} + tap++;
              for (int i = 0; i < n; ++i) {
                float* const at = out + offset + c + i * width_of<V>;
                const V added = load<V>(gradient + c + i * width_of<V>);
                const V before = fresh ? V{} : load<V>(at);
                store(at, where[i] == here ? (fresh ? added : before + added) : before);
              }
            });
          });
    gradient += images.channels;
  }
}

/// Elements of work that are worth a task of their own.
int64_t grain_of(int64_t elements) { return std::max<int64_t>(1, (1 << 15) / elements); }

class MaxPooling final : public Kernel {
 public:
  MaxPooling(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : images_(geometry), taps_(geometry.y.kernel * geometry.x.kernel), pool_(pool) {}

  void run(const KernelArguments& arguments) const override {
    const auto* const source = static_cast<const float*>(arguments.inputs[0]);
    auto* const result = static_cast<float*>(arguments.outputs[0]);
    const auto lines = static_cast<int64_t>(images_.rows.size());
    const int64_t line = images_.result_size / lines;
    pool_.for_range(images_.count * lines, grain_of(line * taps_), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        pool_line(images_, images_.rows[static_cast<size_t>(i % lines)],
                  source + i / lines * images_.source_size, result + i * line);
    });
  }

  std::string description() const override { return "own max pooling"; }

 private:
  const Images images_;
  const int64_t taps_;
  const ThreadPool& pool_;
};

/// Is every element in exactly one window?
bool is_tiled(const ops::WindowAxis& axis) {
  return axis.stride == axis.kernel && axis.dilation == 1 && axis.pad_before == 0 &&
         axis.output * axis.stride == axis.input;
}

class MaxPoolingGradient final : public Kernel {
 public:
  MaxPoolingGradient(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : images_(geometry), tiles_(is_tiled(geometry.y) && is_tiled(geometry.x)), pool_(pool) {}

  void run(const KernelArguments& arguments) const override {
    const auto* const gradient = static_cast<const float*>(arguments.inputs[0]);
    const auto* const source = static_cast<const float*>(arguments.inputs[1]);
    auto* const result = static_cast<float*>(arguments.outputs[0]);
    pool_.for_range(images_.count, grain_of(images_.source_size), [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i)
        one_image(source + i * images_.source_size, gradient + i * images_.result_size,
                  result + i * images_.source_size);
    });
  }

  std::string description() const override { return "own max pooling gradient"; }

 private:
  void one_image(const float* image, const float* gradient, float* out) const {
    if (!tiles_) std::fill_n(out, images_.source_size, 0.0f);
    const int64_t line = images_.result_size / static_cast<int64_t>(images_.rows.size());
    for (const Taps& row : images_.rows) {
      if (tiles_) scatter_line<true>(images_, row, image, gradient, out);
      else scatter_line<false>(images_, row, image, gradient, out);
      gradient += line;
    }
  }

  const Images images_;
  const bool tiles_;
  const ThreadPool& pool_;
};

const Shape& shape_of(const Plan& plan, int32_t value) {
  return plan.values[static_cast<size_t>(value)].type.shape;
}

}  // namespace

std::unique_ptr<Kernel> make_max_pooling(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool) {
  const auto geometry = ops::resolve_pooling_2d(step.view(), shape_of(plan, step.inputs[0]));
  return std::make_unique<MaxPooling>(geometry, pool);
}

std::unique_ptr<Kernel> make_max_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                  const ThreadPool& pool) {
  if (!step.view().has("source")) return nullptr;  // the maxima are told by indices
  const auto geometry = ops::resolve_pooling_2d(step.view(), shape_of(plan, step.inputs[1]));
  return std::make_unique<MaxPoolingGradient>(geometry, pool);
}

}  // namespace mpsg::onednn
