// Maxima and averages of windows of 2D images, and their gradients. They wait for memory, so each
// reads and writes it once. The order of sums is that of the rows' reference loops.
#include "backends/cpu/pooling.h"

#include <algorithm>
#include <utility>
#include <vector>

#include "backends/cpu/pooling_lines.h"
#include "ops/window.h"

namespace mpsg {
namespace {

using ops::Pooling2DGeometry;
using ops::WindowAxis;
using pooling::LineKernels;
using pooling::ReaderLine;
using pooling::Readers;
using pooling::Taps;
using pooling::WindowLine;

constexpr int64_t largest_extent = int64_t{1} << 31;
constexpr int64_t task_elements = 1 << 15;    // work that is worth a task of its own
constexpr int64_t report_elements = 1 << 12;  // that stay in the first cache until the listener ran

int64_t grain_of(int64_t elements) { return std::max<int64_t>(1, task_elements / elements); }

/// Computed once: taps_within divides.
std::vector<Taps> taps_of(const WindowAxis& axis, int64_t elements_of_step) {
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
        source_line(g.x.input * channels),
        source_size(g.y.input * source_line),
        result_line(g.x.output * channels),
        result_size(g.y.output * result_line),
        row_step(g.y.dilation * source_line),
        column_step(g.x.dilation * channels),
        taps(g.y.kernel * g.x.kernel),
        lines(g.y.output),
        nhwc(g.nhwc),
        rows(taps_of(g.y, source_line)),
        columns(taps_of(g.x, channels)) {}

  WindowLine line(int64_t y) const {
    return {rows[static_cast<size_t>(y)],
            columns.data(),
            static_cast<int64_t>(columns.size()),
            row_step,
            column_step,
            channels,
            channels};
  }

  const int64_t count, channels;
  const int64_t source_line, source_size;
  const int64_t result_line, result_size;
  const int64_t row_step, column_step;
  const int64_t taps;  // of a window
  const int64_t lines;
  const bool nhwc;
  const std::vector<Taps> rows;
  const std::vector<Taps> columns;
};

/// What every kernel here has. `run_lines` and the like capture one pointer, so that the function
/// objects allocate nothing.
class PoolingKernel : public Kernel {
 public:
  PoolingKernel(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : images_(geometry), pool_(pool) {}

  bool reports_tiles() const override { return true; }
  bool reports_whole_rows() const override { return true; }

 protected:
  struct Run {
    const PoolingKernel& kernel;
    const float* first;
    const float* second;
    float* result;
    const TileListener* tiles;
  };
  Run begin(const KernelArguments& arguments, size_t second) const {
    return {*this, static_cast<const float*>(arguments.inputs[0]),
            static_cast<const float*>(arguments.inputs[second]),
            static_cast<float*>(arguments.outputs[0]), arguments.tiles};
  }
  /// Calls lines(begin, end) for groups of lines, each of which is reported before the next.
  template <class Lines>
  static void in_groups(int64_t begin, int64_t end, int64_t elements_of_line, const Lines& lines) {
    const int64_t group = std::max<int64_t>(1, report_elements / elements_of_line);
    for (; begin < end; begin += group) lines(begin, std::min(end, begin + group));
  }
  /// The lines of the result from element `begin` to `end` are final. A row of the result as a
  /// matrix is a pixel, or a line of an image of one channel.
  void report(const Run& run, int64_t begin, int64_t end, int64_t line) const {
    const int64_t columns = images_.nhwc ? images_.channels : line;
    if (run.tiles) run.tiles->finished(begin / columns, end / columns, 0, columns);
  }
  std::string describe(const char* what) const {
    return std::string("own ") + what + " " + kernels_.name;
  }

  const Images images_;
  const ThreadPool& pool_;
  const LineKernels& kernels_ = pooling::best_line_kernels();
};

class MaxPooling final : public PoolingKernel {
 public:
  using PoolingKernel::PoolingKernel;

  void run(const KernelArguments& arguments) const override {
    const Run shared = begin(arguments, 0);
    pool_.for_range(images_.count * images_.lines, grain_of(images_.result_line * images_.taps),
                    [&shared](int64_t begin, int64_t end) {
                      const auto& kernel = static_cast<const MaxPooling&>(shared.kernel);
                      in_groups(
                          begin, end, kernel.images_.result_line,
                          [&](int64_t first, int64_t last) { kernel.lines(shared, first, last); });
                    });
  }
  std::string description() const override { return describe("max pooling"); }

 private:
  void lines(const Run& run, int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i)
      kernels_.maxima(images_.line(i % images_.lines),
                      run.first + i / images_.lines * images_.source_size,
                      run.result + i * images_.result_line);
    report(run, begin * images_.result_line, end * images_.result_line, images_.result_line);
  }
};

/// Do the windows never overlap?
bool is_disjoint(const WindowAxis& axis) { return axis.stride >= axis.extent(); }

/// Is every element in exactly one window?
bool is_tiled(const WindowAxis& axis) {
  return axis.stride == axis.kernel && axis.dilation == 1 && axis.pad_before == 0 &&
         axis.output * axis.stride == axis.input;
}

/// Where windows overlap along y, the tasks are ranges of channels; else lines of windows, each
/// with the input lines from its beginning to that of the next.
class MaxPoolingGradient final : public PoolingKernel {
 public:
  MaxPoolingGradient(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : PoolingKernel(geometry, pool),
        tiled_(is_tiled(geometry.y) && is_tiled(geometry.x)),
        by_lines_(is_disjoint(geometry.y)),
        y_(geometry.y) {}

  void run(const KernelArguments& arguments) const override {
    const Run shared = begin(arguments, 1);
    if (by_lines_)
      pool_.for_range(images_.count * images_.lines, grain_of(images_.result_line * images_.taps),
                      [&shared](int64_t begin, int64_t end) {
                        const auto& kernel = static_cast<const MaxPoolingGradient&>(shared.kernel);
                        in_groups(begin, end, kernel.images_.source_size / kernel.images_.lines,
                                  [&](int64_t first, int64_t last) {
                                    kernel.write_lines(shared, first, last);
                                  });
                      });
    else
      pool_.for_range(images_.count * channel_blocks(),
                      grain_of(images_.source_size / channel_blocks()),
                      [&shared](int64_t begin, int64_t end) {
                        const auto& kernel = static_cast<const MaxPoolingGradient&>(shared.kernel);
                        for (int64_t i = begin; i < end; ++i) kernel.channels(shared, i);
                      });
  }
  bool reports_whole_rows() const override { return by_lines_ || channel_blocks() == 1; }
  std::string description() const override { return describe("max pooling gradient"); }

 private:
  static constexpr int64_t block_channels = 32;
  int64_t channel_blocks() const { return (images_.channels - 1) / block_channels + 1; }

  /// The elements of the result that belong to a line of windows.
  struct Part {
    int64_t first, last;
  };
  Part part(int64_t index) const {
    const int64_t image = index / images_.lines, y = index % images_.lines;
    const auto bound = [&](int64_t at) {
      return std::clamp<int64_t>(y_.begin(at), 0, y_.input) * images_.source_line;
    };
    const int64_t begin = image * images_.source_size;
    return {begin + (y == 0 ? 0 : bound(y)),
            begin + (y + 1 == images_.lines ? images_.source_size : bound(y + 1))};
  }

  void write_lines(const Run& run, int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i) line(run, i);
    report(run, part(begin).first, part(end - 1).last, images_.source_line);
  }

  void line(const Run& run, int64_t index) const {
    const int64_t image = index / images_.lines, y = index % images_.lines;
    const float* const source = run.second + image * images_.source_size;
    const float* const gradient = run.first + index * images_.result_line;
    float* const result = run.result + image * images_.source_size;
    if (tiled_) return kernels_.write_to_maxima(images_.line(y), source, gradient, result);
    const Part own = part(index);
    std::fill(run.result + own.first, run.result + own.last, 0.0f);
    kernels_.add_to_maxima(images_.line(y), source, gradient, result);
  }

  void channels(const Run& run, int64_t index) const {
    const int64_t image = index / channel_blocks();
    const int64_t channel = index % channel_blocks() * block_channels;
    const int64_t count = std::min(block_channels, images_.channels - channel);
    const float* const source = run.second + image * images_.source_size + channel;
    const float* gradient = run.first + image * images_.result_size + channel;
    float* const result = run.result + image * images_.source_size + channel;
    for (int64_t i = 0; i < images_.source_size; i += images_.channels)
      std::fill_n(result + i, count, 0.0f);
    for (int64_t y = 0; y < images_.lines; ++y, gradient += images_.result_line) {
      auto line = images_.line(y);
      line.channels = count;
      kernels_.add_to_maxima(line, source, gradient, result);
    }
    const int64_t row = image * images_.source_size;
    if (!images_.nhwc) report(run, row, row + images_.source_size, images_.source_line);
    else if (run.tiles)
      run.tiles->finished(row / images_.channels, (row + images_.source_size) / images_.channels,
                          channel, channel + count);
  }

  const bool tiled_;
  const bool by_lines_;
  const WindowAxis y_;
};

/// What the sums are divided by along one axis: 1 for an empty window, whose sum is 0.
std::vector<float> divisors_of(const Pooling2DGeometry& g, const WindowAxis& axis) {
  std::vector<float> all;
  for (int64_t i = 0; i < axis.output; ++i)
    all.push_back(static_cast<float>(std::max<int64_t>(1, g.divisor(axis, i))));
  return all;
}

class AveragePooling final : public PoolingKernel {
 public:
  AveragePooling(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : PoolingKernel(geometry, pool),
        row_divisors_(divisors_of(geometry, geometry.y)),
        column_divisors_(divisors_of(geometry, geometry.x)) {}

  void run(const KernelArguments& arguments) const override {
    const Run shared = begin(arguments, 0);
    pool_.for_range(images_.count * images_.lines, grain_of(images_.result_line * images_.taps),
                    [&shared](int64_t begin, int64_t end) {
                      const auto& kernel = static_cast<const AveragePooling&>(shared.kernel);
                      in_groups(
                          begin, end, kernel.images_.result_line,
                          [&](int64_t first, int64_t last) { kernel.lines(shared, first, last); });
                    });
  }
  std::string description() const override { return describe("average pooling"); }

 private:
  void lines(const Run& run, int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i)
      kernels_.averages(images_.line(i % images_.lines),
                        run.first + i / images_.lines * images_.source_size,
                        row_divisors_[static_cast<size_t>(i % images_.lines)],
                        column_divisors_.data(), run.result + i * images_.result_line);
    report(run, begin * images_.result_line, end * images_.result_line, images_.result_line);
  }

  const std::vector<float> row_divisors_, column_divisors_;
};

/// For each place along an axis the windows that read it, in their order.
struct ReaderLists {
  explicit ReaderLists(const WindowAxis& axis) {
    for (int64_t at = 0; at < axis.input; ++at) {
      const auto begin = static_cast<int64_t>(windows.size());
      const auto range = axis.readers(at);
      for (int64_t i = range.first; i < range.last; ++i)
        if (axis.reads(i, at)) windows.push_back(i);
      places.push_back({begin, static_cast<int64_t>(windows.size())});
    }
  }
  std::vector<Readers> places;
  std::vector<int64_t> windows;
};

class AveragePoolingGradient final : public PoolingKernel {
 public:
  AveragePoolingGradient(const Pooling2DGeometry& geometry, const ThreadPool& pool)
      : PoolingKernel(geometry, pool),
        row_divisors_(divisors_of(geometry, geometry.y)),
        column_divisors_(divisors_of(geometry, geometry.x)),
        row_readers_(geometry.y),
        column_readers_(geometry.x) {}

  void run(const KernelArguments& arguments) const override {
    const Run shared = begin(arguments, 0);
    pool_.for_range(
        images_.count * height(), grain_of(images_.source_line * 4),
        [&shared](int64_t begin, int64_t end) {
          const auto& kernel = static_cast<const AveragePoolingGradient&>(shared.kernel);
          in_groups(begin, end, kernel.images_.source_line,
                    [&](int64_t first, int64_t last) { kernel.lines(shared, first, last); });
        });
  }
  std::string description() const override { return describe("average pooling gradient"); }

 private:
  int64_t height() const { return static_cast<int64_t>(row_readers_.places.size()); }
  int64_t width() const { return static_cast<int64_t>(column_readers_.places.size()); }

  void lines(const Run& run, int64_t begin, int64_t end) const {
    for (int64_t i = begin; i < end; ++i) {
      const ReaderLine line{row_readers_.places[static_cast<size_t>(i % height())],
                            column_readers_.places.data(),
                            width(),
                            row_readers_.windows.data(),
                            column_readers_.windows.data(),
                            row_divisors_.data(),
                            column_divisors_.data(),
                            images_.result_line,
                            images_.channels};
      kernels_.average_gradients(line, run.first + i / height() * images_.result_size,
                                 run.result + i * images_.source_line);
    }
    report(run, begin * images_.source_line, end * images_.source_line, images_.source_line);
  }

  const std::vector<float> row_divisors_, column_divisors_;
  const ReaderLists row_readers_, column_readers_;
};

/// `input` is which of the step's inputs has the source's shape.
template <class PoolingOfKind>
std::unique_ptr<Kernel> make(const Plan& plan, const PlanStep& step, size_t input,
                             const ThreadPool& pool) {
  const auto& shape = plan.values[static_cast<size_t>(step.inputs[input])].type.shape;
  const auto geometry = ops::resolve_pooling_2d(step.view(), shape);
  for (const auto* axis : {&geometry.y, &geometry.x})  // the sums of places must not overflow
    if (axis->extent() >= largest_extent || axis->pad_before >= largest_extent) return nullptr;
  return std::make_unique<PoolingOfKind>(geometry, pool);
}

}  // namespace

std::unique_ptr<Kernel> make_max_pooling(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool) {
  return make<MaxPooling>(plan, step, 0, pool);
}

std::unique_ptr<Kernel> make_max_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                  const ThreadPool& pool) {
  if (!step.view().has("source")) return nullptr;  // the maxima are told by indices
  return make<MaxPoolingGradient>(plan, step, 1, pool);
}

std::unique_ptr<Kernel> make_average_pooling(const Plan& plan, const PlanStep& step,
                                             const ThreadPool& pool) {
  return make<AveragePooling>(plan, step, 0, pool);
}

std::unique_ptr<Kernel> make_average_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                      const ThreadPool& pool) {
  return make<AveragePoolingGradient>(plan, step, 1, pool);
}

}  // namespace mpsg
