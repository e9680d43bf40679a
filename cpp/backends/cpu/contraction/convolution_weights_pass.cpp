#include "backends/cpu/contraction/convolution_weights_pass.h"

#include <algorithm>

namespace mpsg::contraction {
namespace {

constexpr int64_t largest_extent = int64_t{1} << 31;
constexpr int64_t most_slot_floats = int64_t{16} << 20;
constexpr int64_t most_partial_floats = int64_t{16} << 20;
constexpr int64_t small_unit_floats = int64_t{64} << 10;   // of both images, beside the sums
constexpr int64_t large_unit_floats = int64_t{160} << 10;  // where the sums leave level 2 anyway
constexpr int64_t unit_pixels = 512;                       // more amortise the visit of the sums
constexpr double operations_of_task = 1 << 20;

int64_t divide_up(int64_t a, int64_t b) { return (a - 1) / b + 1; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

}  // namespace

struct WeightsPass::Run {
  const WeightsPass& pass;
  const float* gradient;
  const float* source;
  float* result;
  float* partials;
  float* slots;
  const TileListener* tiles;
};

std::optional<WeightsPass> WeightsPass::plan(const ops::Convolution2DGeometry& g,
                                             const ThreadPool& pool, const StripKernels& kernels) {
  for (const auto* axis : {&g.y, &g.x})
    for (const int64_t size : {axis->extent(), axis->stride, axis->dilation, axis->pad_before,
                               axis->input + axis->output})
      if (size >= largest_extent) return std::nullopt;
  WeightsPass pass(g, pool, kernels);
  if (pass.slot_floats_ > most_slot_floats) return std::nullopt;
  return pass;
}

WeightsPass::WeightsPass(const ops::Convolution2DGeometry& g, const ThreadPool& pool,
                         const StripKernels& kernels)
    : pool_(pool),
      kernels_(kernels),
      y_(g.y),
      x_(g.x),
      lines_(convolution_phases(g.y).front()),
      source_(ImageLayout::of(g.nhwc, g.batch, g.y.input, g.x.input, g.in_channels)),
      gradient_(ImageLayout::of(g.nhwc, g.batch, g.y.output, g.x.output, g.out_channels)),
      layout_(WeightsLayout::of(g)),
      depthwise_(g.groups > 1 && g.group_in_channels() == 1 && g.group_out_channels() == 1),
      groups_(depthwise_ ? 1 : g.groups),
      in_(g.group_in_channels()),
      out_(depthwise_ ? g.out_channels : g.group_out_channels()),
      hwio_(g.hwio),
      merged_(depthwise_ || (g.groups == 1 && g.x.dilation == 1)) {
  double best = 0;
  for (int64_t v = 1; v <= std::min<int64_t>(depthwise_ ? 1 : StripKernels::most_vectors,
                                             divide_up(out_, kernels_.vector));
       ++v)
    if (const double cycles = vector_cycles(v); v == 1 || cycles < best) {
      best = cycles;
      vectors_ = v;
    }
  choose_units();
  choose_tasks();
}

/// Cycles of one pixel for blocks of columns of that many vectors.
double WeightsPass::vector_cycles(int64_t vectors) const {
  const int64_t all = divide_up(out_, kernels_.vector);
  const int64_t row_count = merged_ ? x_.kernel * in_ : in_;
  double cycles = 0;
  for (int64_t done = 0; done < all; done += vectors) {
    const int64_t now = std::min(vectors, all - done);
    const int64_t strips = divide_up(row_count, kernels_.rows_of(static_cast<int>(now)));
    const double rows = static_cast<double>(row_count) / static_cast<double>(strips);
    const double sums = rows * static_cast<double>(now);
    const double loads = (rows + 2 * static_cast<double>(now)) / 2;
    cycles += static_cast<double>(strips) * (std::max({sums, loads, 8.0}) + 0.5);
  }
  return cycles;
}

bool WeightsPass::source_in_place() const {
  return source_.channels_last() && x_.pad_before <= 0 && x_.reach_after() <= 0;
}

// A vector must not reach past the end of the tensor.
bool WeightsPass::gradient_in_place() const {
  return gradient_.channels_last() && out_ % kernels_.vector == 0;
}

ImagePart WeightsPass::source_part(const Unit& unit) const {
  const int64_t top = std::clamp<int64_t>(y_.begin(unit.line_begin), 0, y_.input);
  const int64_t bottom =
      std::clamp<int64_t>(y_.begin(unit.line_end - 1) + y_.extent(), top, y_.input);
  return {unit.image_begin, unit.image_end, top,
          bottom,           -x_.pad_before, x_.begin(x_.output - 1) + x_.extent()};
}

void WeightsPass::choose_units() {
  const int64_t matrix = y_.kernel * x_.kernel * in_ * gradient_.channels;
  const int64_t unit_floats = matrix > large_unit_floats ? large_unit_floats : small_unit_floats;
  lines_of_unit_ = y_.output;
  const auto source_floats = [&] {
    const int64_t lines = (lines_of_unit_ - 1) * y_.stride + y_.extent();
    return std::min(lines, y_.input) * (x_.begin(x_.output - 1) + x_.extent() + x_.pad_before) *
           source_.channels;
  };
  const auto gradient_floats = [&] {
    return lines_of_unit_ * gradient_.width * gradient_.channels;
  };
  while (source_floats() + gradient_floats() > unit_floats && lines_of_unit_ > 1)
    lines_of_unit_ = divide_up(lines_of_unit_, 2);
  const int64_t fair = std::max<int64_t>(1, source_.batch / pool_.threads());
  if (lines_of_unit_ == y_.output)
    images_of_unit_ =
        std::clamp<int64_t>(std::min(unit_floats / (source_floats() + gradient_floats()),
                                     divide_up(unit_pixels, y_.output * x_.output)),
                            1, fair);
  if (source_.batch < pool_.threads())  // lines are all there is to share
    lines_of_unit_ =
        std::min(lines_of_unit_, divide_up(y_.output, divide_up(pool_.threads(), source_.batch)));
  if (!source_in_place()) slot_floats_ += round_up(images_of_unit_ * source_floats(), 16);
  if (!gradient_in_place())
    slot_floats_ += round_up(images_of_unit_ * gradient_floats(), 16) +
                    StripKernels::most_vectors * kernels_.vector;
  slot_floats_ = slot_floats_ == 0 ? 0 : round_up(slot_floats_, 16);
}

// More chunks cost a sum each, more parts of the matrix another fetch of the images.
void WeightsPass::choose_tasks() {
  const int64_t matrix = y_.kernel * x_.kernel * in_ * gradient_.channels;
  const double operations = 2.0 * static_cast<double>(matrix) *
                            static_cast<double>(source_.batch * y_.output * x_.output);
  const auto wanted =
      std::min<int64_t>(pool_.threads(), 1 + static_cast<int64_t>(operations / operations_of_task));
  const int64_t fetched =
      (source_in_place() ? 0 : source_.size()) + (gradient_in_place() ? 0 : gradient_.size());
  int64_t best_tasks = 0, best_cost = 0;
  for (int64_t parts = 1; parts <= std::min(wanted, strips()); ++parts) {
    const int64_t fit = std::max<int64_t>(1, 1 + most_partial_floats / matrix);
    const int64_t chunks = std::min({divide_up(wanted, parts), units(), fit});
    const int64_t tasks = std::min(chunks * parts, wanted);
    const int64_t cost = (chunks - 1) * 3 * matrix + (parts - 1) * fetched;
    if (tasks > best_tasks || (tasks == best_tasks && cost < best_cost)) {
      best_tasks = tasks;
      best_cost = cost;
      chunks_ = chunks;
      parts_ = parts;
    }
  }
}

int64_t WeightsPass::units() const {
  return divide_up(source_.batch, images_of_unit_) * divide_up(y_.output, lines_of_unit_);
}

WeightsPass::Unit WeightsPass::unit_at(int64_t index) const {
  const int64_t along_y = divide_up(y_.output, lines_of_unit_);
  const int64_t n = index / along_y * images_of_unit_, y = index % along_y * lines_of_unit_;
  return {n, std::min(n + images_of_unit_, source_.batch), y,
          std::min(y + lines_of_unit_, y_.output)};
}

/// Strips of rows: for each block of columns and each tap (row of taps, if merged).
int64_t WeightsPass::strips() const {
  return groups_ * divide_up(out_, vectors_ * kernels_.vector) * y_.kernel *
         (merged_ ? 1 : x_.kernel);
}

size_t WeightsPass::workspace_bytes() const {
  const int64_t matrix = round_up(y_.kernel * x_.kernel * in_ * gradient_.channels, 16);
  const int64_t partials = hwio_ ? chunks_ - 1 : chunks_;
  return static_cast<size_t>(partials * matrix + chunks_ * parts_ * slot_floats_) * sizeof(float);
}

/// The sums of a chunk, (kH, kW, C, O); the first ones are made where the result is, if it is so.
float* WeightsPass::partial(const Run& run, int64_t chunk) const {
  const int64_t matrix = round_up(y_.kernel * x_.kernel * in_ * gradient_.channels, 16);
  if (!hwio_) return run.partials + chunk * matrix;
  return chunk == 0 ? run.result : run.partials + (chunk - 1) * matrix;
}

WeightsPass::Pixels WeightsPass::fetch(const Run& run, const Unit& unit, float* scratch) const {
  Pixels pixels{};
  pixels.unit = unit;
  const auto part = source_part(unit);
  pixels.first_row = part.row_begin;
  if (source_in_place()) {
    pixels.source = run.source + unit.image_begin * source_.image + part.row_begin * source_.row +
                    part.column_begin * source_.pixel;
    pixels.source_image = source_.image;
    pixels.source_row = source_.row;
  } else {
    copy_part(run.source, source_, part, source_.channels, scratch);
    pixels.source = scratch;
    pixels.source_row = (part.column_end - part.column_begin) * source_.channels;
    pixels.source_image = (part.row_end - part.row_begin) * pixels.source_row;
    scratch += round_up(std::max<int64_t>(1, part.pixels() * source_.channels), 16);
  }
  if (gradient_in_place()) {
    pixels.gradient =
        run.gradient + unit.image_begin * gradient_.image + unit.line_begin * gradient_.row;
    pixels.gradient_image = gradient_.image;
    pixels.gradient_row = gradient_.row;
  } else {
    copy_part(run.gradient, gradient_,
              {unit.image_begin, unit.image_end, unit.line_begin, unit.line_end, 0, x_.output},
              gradient_.channels, scratch);
    pixels.gradient = scratch;
    pixels.gradient_row = x_.output * gradient_.channels;
    pixels.gradient_image = (unit.line_end - unit.line_begin) * pixels.gradient_row;
  }
  return pixels;
}

void WeightsPass::add_lanes(const StripCall& all, int64_t rows, int64_t columns) const {
  if (columns == kernels_.vector) return kernels_.lanes[rows](all);
  StripCall call = all;
  for (int64_t c = 0; c < columns; ++c, ++call.a, ++call.b, ++call.c) kernels_.lane[rows](call);
}

/// Rows in strips of about equal heights, that leave out the pixels whose taps all lie in the
/// padding. Columns that do not fill the last vector go through a copy.
void WeightsPass::add_rows(const StripCall& all, int64_t tap, int64_t rows, int64_t columns) const {
  const int64_t vectors = divide_up(columns, kernels_.vector), full = vectors * kernels_.vector;
  const int64_t parts = divide_up(rows, depthwise_ ? StripKernels::most_lane_rows
                                                   : kernels_.rows_of(static_cast<int>(vectors)));
  StripCall call = all;
  for (int64_t i = 0; i < parts; ++i) {
    const int64_t begin = rows * i / parts, count = rows * (i + 1) / parts - begin;
    const int64_t first_tap = tap + begin / in_, last_tap = tap + (begin + count - 1) / in_;
    const int64_t low = x_.pad_before - last_tap * x_.dilation;
    const int64_t high = x_.input + x_.pad_before - first_tap * x_.dilation;
    const int64_t first = low <= 0 ? 0 : std::min(x_.output, divide_up(low, x_.stride));
    const int64_t last = high <= 0 ? 0 : std::min(x_.output, divide_up(high, x_.stride));
    call.a = all.a + first * all.a_depth + begin * all.a_row;
    call.b = all.b + first * all.b_depth;
    call.depth = std::max<int64_t>(0, last - first);
    call.c = all.c + begin * all.c_row;
    if (depthwise_) {
      add_lanes(call, count, columns);
      continue;
    }
    const auto kernel = kernels_.along[count][vectors];
    if (columns == full) {
      kernel(call);
      continue;
    }
    alignas(64) float sums[StripKernels::most_rows * StripKernels::most_vectors * 16];
    call.c = sums;
    call.c_row = full;
    call.accumulate = false;
    kernel(call);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float& element = all.c[(begin + r) * all.c_row + c];
        element = all.accumulate ? element + sums[r * full + c] : sums[r * full + c];
      }
  }
}

void WeightsPass::add_strip(const Pixels& pixels, int64_t strip, float* sums,
                            bool accumulate) const {
  const int64_t taps_x = merged_ ? 1 : x_.kernel;
  const int64_t kx = strip % taps_x, ky = strip / taps_x % y_.kernel;
  const int64_t step = vectors_ * kernels_.vector, blocks = divide_up(out_, step);
  const int64_t block = strip / taps_x / y_.kernel % blocks;
  const int64_t group = strip / taps_x / y_.kernel / blocks;
  const int64_t columns = std::min(step, out_ - block * step);
  // The output lines whose tap ky lies inside the image.
  const auto& unit = pixels.unit;
  int64_t begin = unit.line_begin, end = unit.line_end;
  const int64_t reach = ky * y_.dilation - y_.pad_before;
  if (reach < 0) begin = std::max(begin, divide_up(-reach, y_.stride));
  if (y_.input - reach <= 0) end = begin;
  else end = std::min(end, divide_up(y_.input - reach, y_.stride));
  end = std::max(begin, end);
  const int64_t column = group * out_ + block * step;
  const int64_t channel = depthwise_ ? column : group * in_;
  const int64_t first_line = begin * y_.stride + reach - pixels.first_row;
  const bool empty = begin == end;
  add_rows({.a = empty ? pixels.source
                       : pixels.source + first_line * pixels.source_row +
                             kx * x_.dilation * source_.channels + channel,
            .a_row = depthwise_ ? x_.dilation * source_.channels : 1,
            .a_depth = x_.stride * source_.channels,
            .a_inner = y_.stride * pixels.source_row,
            .a_outer = pixels.source_image,
            .b = empty ? pixels.gradient
                       : pixels.gradient + (begin - unit.line_begin) * pixels.gradient_row + column,
            .b_depth = gradient_.channels,
            .b_inner = pixels.gradient_row,
            .b_outer = pixels.gradient_image,
            .depth = x_.output,
            .inner = end - begin,
            .outer = unit.image_end - unit.image_begin,
            .c = sums + (ky * x_.kernel + kx) * in_ * gradient_.channels + column,
            .c_row = gradient_.channels,
            .accumulate = accumulate},
           kx, merged_ ? x_.kernel * in_ : in_, columns);
}

void WeightsPass::run_task(const Run& run, int64_t task) const {
  const int64_t chunk = task % chunks_, part = task / chunks_;
  const int64_t first_unit = units() * chunk / chunks_, last_unit = units() * (chunk + 1) / chunks_;
  const int64_t first = strips() * part / parts_, last = strips() * (part + 1) / parts_;
  float* const sums = partial(run, chunk);
  for (int64_t unit = first_unit; unit < last_unit; ++unit) {
    const auto pixels = fetch(run, unit_at(unit), run.slots + task * slot_floats_);
    for (int64_t strip = first; strip < last; ++strip)
      add_strip(pixels, strip, sums, unit > first_unit);
  }
}

/// Adds the chunks' sums of rows (tap, channel) and puts them where the result wants them.
void WeightsPass::fold_rows(const Run& run, int64_t begin, int64_t end) const {
  const int64_t columns = gradient_.channels;
  float* const sums = partial(run, 0);
  for (int64_t chunk = 1; chunk < chunks_; ++chunk) {
    const float* const parts = partial(run, chunk);
    for (int64_t i = begin * columns; i < end * columns; ++i) sums[i] += parts[i];
  }
  if (!hwio_)
    for (int64_t row = begin; row < end; ++row) {
      const int64_t channel = row % in_, tap = row / in_;
      float* const to = run.result + channel * layout_.in + tap / x_.kernel * layout_.y +
                        tap % x_.kernel * layout_.x;
      for (int64_t o = 0; o < columns; ++o) to[o * layout_.out] = sums[row * columns + o];
    }
  if (run.tiles) run.tiles->finished(begin, end, 0, columns);
}

void WeightsPass::run(const float* gradient, const float* source, float* result, void* workspace,
                      const TileListener* tiles) const {
  const int64_t rows = y_.kernel * x_.kernel * in_, columns = gradient_.channels;
  float* const memory = static_cast<float*>(workspace);
  const int64_t partials = (hwio_ ? chunks_ - 1 : chunks_) * round_up(rows * columns, 16);
  const Run shared{*this, gradient, source, result, memory, memory + partials, tiles};
  pool_.run_tasks(chunks_ * parts_,
                  [&shared](int64_t task) { shared.pass.run_task(shared, task); });
  if (chunks_ == 1 && hwio_ && !tiles) return;
  const int64_t grain = std::max<int64_t>(1, 16384 / (columns * chunks_));
  pool_.for_range(rows, grain, [&shared](int64_t begin, int64_t end) {
    shared.pass.fold_rows(shared, begin, end);
  });
}

std::string WeightsPass::description() const {
  return std::string("own weights gradient ") + kernels_.name + ", " + std::to_string(chunks_) +
         " chunks x " + std::to_string(parts_) + " parts";
}

}  // namespace mpsg::contraction
