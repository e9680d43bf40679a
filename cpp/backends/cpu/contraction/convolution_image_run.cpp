// The run of an ImagePass: packing of the weights, then the blocks of the result.
#include <algorithm>
#include <atomic>

#include "backends/cpu/contraction/convolution_image_pass.h"

namespace mpsg::contraction {
namespace {

constexpr int64_t weights_floats = int64_t{64} << 10;  // of a slice, to stay in level 2

/// Parts of equal size, give or take one.
struct Split {
  int64_t extent, parts;
  int64_t begin(int64_t i) const { return extent * i / parts; }
};

Split split_evenly(int64_t extent, int64_t most) { return {extent, (extent - 1) / most + 1}; }

}  // namespace

struct ImagePass::Run {
  const ImagePass& pass;
  const float* operand;
  const float* weights;  // as given, or packed
  float* result;
  float* slots;
  const TileListener* tiles;
  mutable std::atomic<int64_t> next_block{0};
};

/// Where the weights of a block of columns are: steps within the depth, from tap to tap, and from
/// column to column.
struct WeightsView {
  const float* data;
  int64_t depth, tap_x, tap_y, column;
};

struct ImagePass::Worker {
  const ImagePass& pass;
  const Run& run;
  Block block;
  ImagePart part;  // of the operand, as `pixels` has it
  const float* pixels;
  int64_t operand_image, operand_row;
  float* target;  // element (image, line, column) of the block; steps as in `target_layout`
  ImageLayout target_layout;

  Worker(const Run& r, const Block& b, float* scratch);
  void compute();
  void compute_columns(const Phase& phase, int64_t group, int64_t column);
  /// What the lines of one phase, slice and block of columns share.
  struct Columns {
    const Phase& phase;
    Slice slice;
    WeightsView weights;
    int64_t channel, result_channel, columns;
  };
  void compute_slice(const Columns& c) const;
  void compute_line(const Columns& c, int64_t image, int64_t line) const;
  void compute_pixels(const Columns& c, int64_t line) const;
  void multiply(const Columns& c, const StripCall& call, int64_t rows) const;
  void clear_line(float* to, int64_t pixels_count, int64_t pixel, int64_t columns) const;
  void strip_line(const StripCall& line, int64_t rows, int64_t columns) const;
  void lanes_line(const StripCall& line, int64_t rows, int64_t columns) const;
  void dots_line(const StripDotsCall& line, int64_t rows, int64_t columns) const;
  WeightsView weights_of(const Phase& phase, int64_t group, int64_t column, int64_t columns) const;
};

ImagePass::Worker::Worker(const Run& r, const Block& b, float* scratch)
    : pass(r.pass), run(r), block(b), part(r.pass.operand_part(b)) {
  const auto& operand = pass.operand_;
  if (pass.reads_in_place()) {
    pixels = run.operand + part.image_begin * operand.image + part.row_begin * operand.row +
             part.column_begin * operand.pixel;
    operand_row = operand.row;
    operand_image = operand.image;
  } else {
    copy_part(run.operand, operand, part, pass.pixel_step_, scratch);
    pixels = scratch;
    operand_row = (part.column_end - part.column_begin) * pass.pixel_step_;
    operand_image = (part.row_end - part.row_begin) * operand_row;
  }
  if (pass.result_.channels_last()) {
    target_layout = pass.result_;
    target = run.result + block.image_begin * target_layout.image +
             block.line_begin * target_layout.row + block.column_begin * target_layout.pixel;
  } else {
    target_layout = ImageLayout::of(true, block.image_end - block.image_begin,
                                    block.line_end - block.line_begin,
                                    block.column_end - block.column_begin, pass.result_.channels);
    target = scratch + pass.slot_floats_ - pass.result_floats(block);
  }
}

WeightsView ImagePass::Worker::weights_of(const Phase& phase, int64_t group, int64_t column,
                                          int64_t columns) const {
  const int64_t depth = pass.depth_, taps_x = phase.x.taps, taps = phase.y.taps * taps_x;
  if (pass.weights_direct_) {
    const auto& w = pass.weights_layout_;
    return {run.weights + group * pass.width_ + column, w.in, w.x, w.y, 1};
  }
  const float* const of_group =
      run.weights + phase.packed + group * taps * depth * pass.padded_width_;
  // Dots find each column's weights side by side.
  if (pass.dots_) return {of_group, 1, depth, taps_x * depth, taps * depth};
  const int64_t step = pass.vectors_of(columns) * pass.kernels_.vector;
  return {of_group + column * taps * depth, step, depth * step, taps_x * depth * step, 1};
}

void ImagePass::Worker::clear_line(float* to, int64_t pixels_count, int64_t pixel,
                                   int64_t columns) const {
  for (int64_t i = 0; i < pixels_count; ++i) std::fill_n(to + i * pixel, columns, 0.0f);
}

/// A line of any length in strips of about equal lengths. Columns that do not fill the last vector
/// go through a copy.
void ImagePass::Worker::strip_line(const StripCall& line, int64_t rows, int64_t columns) const {
  const auto& kernels = pass.kernels_;
  const auto vectors = static_cast<int>(pass.vectors_of(columns));
  const int64_t full = vectors * kernels.vector;
  const auto strips = split_evenly(rows, kernels.rows_of(vectors));
  StripCall call = line;
  for (int64_t i = 0; i < strips.parts; ++i) {
    const int64_t begin = strips.begin(i), count = strips.begin(i + 1) - begin;
    const auto kernel = kernels.across[count][vectors];
    call.a = line.a + begin * line.a_row;
    call.c = line.c + begin * line.c_row;
    if (columns == full) {
      kernel(call);
      continue;
    }
    alignas(64) float sums[StripKernels::most_rows * StripKernels::most_vectors * 16];
    float* const to = call.c;
    call.c = sums;
    call.c_row = full;
    call.accumulate = false;
    kernel(call);
    for (int64_t r = 0; r < count; ++r)
      for (int64_t c = 0; c < columns; ++c) {
        float& element = to[r * line.c_row + c];
        element = line.accumulate ? element + sums[r * full + c] : sums[r * full + c];
      }
  }
}

void ImagePass::Worker::lanes_line(const StripCall& line, int64_t rows, int64_t columns) const {
  const auto& kernels = pass.kernels_;
  const bool full = columns == kernels.vector;
  const auto strips = split_evenly(rows, StripKernels::most_lane_rows);
  StripCall call = line;
  for (int64_t i = 0; i < strips.parts; ++i) {
    const int64_t begin = strips.begin(i), count = strips.begin(i + 1) - begin;
    for (int64_t c = 0; c < (full ? 1 : columns); ++c) {
      call.a = line.a + begin * line.a_row + c;
      call.b = line.b + c;
      call.c = line.c + begin * line.c_row + c;
      (full ? kernels.lanes : kernels.lane)[count](call);
    }
  }
}

void ImagePass::Worker::dots_line(const StripDotsCall& line, int64_t rows, int64_t columns) const {
  const auto strips = split_evenly(rows, pass.kernels_.dot_rows);
  StripDotsCall call = line;
  for (int64_t i = 0; i < strips.parts; ++i) {
    const int64_t begin = strips.begin(i), count = strips.begin(i + 1) - begin;
    call.a = line.a + begin * line.a_row;
    call.c = line.c + begin * line.c_row;
    pass.kernels_.dots[count][columns](call);
  }
}

void ImagePass::Worker::multiply(const Columns& c, const StripCall& call, int64_t rows) const {
  if (pass.depthwise_) return lanes_line(call, rows, c.columns);
  if (!pass.dots_) return strip_line(call, rows, c.columns);
  dots_line({.a = call.a,
             .a_row = call.a_row,
             .a_inner = call.a_inner,
             .a_outer = call.a_outer,
             .b = call.b,
             .b_column = c.weights.column,
             .b_inner = call.b_inner,
             .b_outer = call.b_outer,
             .depth = call.depth,
             .inner = call.inner,
             .outer = call.outer,
             .c = call.c,
             .c_row = call.c_row,
             .accumulate = call.accumulate},
            rows, c.columns);
}

/// The block's part of one line of one image. All taps along x count: beside the image the copy
/// has zeros.
void ImagePass::Worker::compute_line(const Columns& c, int64_t image, int64_t line) const {
  const auto& [phase, slice, weights, channel, result_channel, columns] = c;
  const auto places = phase.x.results_within(block.column_begin, block.column_end);
  const int64_t rows = places.end - places.begin, pixel = pass.pixel_step_;
  if (rows <= 0) return;
  float* const to =
      target + image * target_layout.image +
      (phase.y.result_first + line * phase.y.result_step - block.line_begin) * target_layout.row +
      (phase.x.result_first + places.begin * phase.x.result_step - block.column_begin) *
          target_layout.pixel +
      result_channel;
  const int64_t c_row = phase.x.result_step * target_layout.pixel;
  const auto inside = phase.y.taps_inside(line, pass.operand_.height);
  if (inside.begin >= inside.end || phase.x.taps == 0) {
    if (slice.tap_begin == 0 && slice.depth_begin == 0) clear_line(to, rows, c_row, columns);
    return;
  }
  const int64_t begin = std::max(slice.tap_begin, inside.begin);
  const int64_t end = std::min(slice.tap_end, inside.end);
  if (begin >= end) return;
  const int64_t source_line =
      phase.y.first + line * phase.y.stride + begin * phase.y.dilation - part.row_begin;
  const int64_t source_column = phase.x.first + places.begin * phase.x.stride - part.column_begin;
  multiply(c,
           {.a = pixels + image * operand_image + source_line * operand_row +
                 source_column * pixel + channel + slice.depth_begin,
            .a_row = phase.x.stride * pixel,
            .a_depth = 1,
            .a_inner = phase.x.dilation * pixel,
            .a_outer = phase.y.dilation * operand_row,
            .b = weights.data + begin * weights.tap_y + slice.depth_begin * weights.depth,
            .b_depth = weights.depth,
            .b_inner = weights.tap_x,
            .b_outer = weights.tap_y,
            .depth = slice.depth_end - slice.depth_begin,
            .inner = pass.merged_ ? 1 : phase.x.taps,
            .outer = end - begin,
            .c = to,
            .c_row = c_row,
            .accumulate = begin > inside.begin || slice.depth_begin > 0},
           rows);
}

/// Each pixel of a line, of all images of the block at once, with the taps inside the image.
void ImagePass::Worker::compute_pixels(const Columns& c, int64_t line) const {
  const auto& [phase, slice, weights, channel, result_channel, columns] = c;
  const auto& operand = pass.operand_;
  const int64_t rows = block.image_end - block.image_begin;
  const auto places = phase.x.results_within(block.column_begin, block.column_end);
  const auto inside_y = phase.y.taps_inside(line, operand.height);
  const int64_t begin = std::max(slice.tap_begin, inside_y.begin);
  const int64_t end = std::min(slice.tap_end, inside_y.end);
  const float* const a_line =
      run.operand + block.image_begin * operand.image +
      (phase.y.first + line * phase.y.stride + begin * phase.y.dilation) * operand.row;
  float* const to_line =
      target +
      (phase.y.result_first + line * phase.y.result_step - block.line_begin) * target_layout.row +
      result_channel;
  for (int64_t x = places.begin; x < places.end; ++x) {
    const auto inside = phase.x.taps_inside(x, operand.width);
    float* const to =
        to_line +
        (phase.x.result_first + x * phase.x.result_step - block.column_begin) * target_layout.pixel;
    if (inside.begin >= inside.end || inside_y.begin >= inside_y.end) {
      if (slice.tap_begin == 0 && slice.depth_begin == 0)
        clear_line(to, rows, target_layout.image, columns);
      continue;
    }
    // Merged taps are a part of the segment, others are steps of the inner loop.
    int64_t depth_begin = slice.depth_begin, depth_end = slice.depth_end;
    const int64_t least = pass.merged_ ? inside.begin * pass.depth_ : 0;
    const int64_t tap = pass.merged_ ? 0 : inside.begin;
    if (pass.merged_) {
      depth_begin = std::max(depth_begin, least);
      depth_end = std::min(depth_end, inside.end * pass.depth_);
    }
    if (begin >= end || depth_begin >= depth_end) continue;
    const int64_t source_column = phase.x.first + x * phase.x.stride + tap * phase.x.dilation;
    multiply(c,
             {.a = a_line + source_column * operand.pixel + channel + depth_begin,
              .a_row = operand.image,
              .a_depth = 1,
              .a_inner = phase.x.dilation * operand.pixel,
              .a_outer = phase.y.dilation * operand.row,
              .b = weights.data + begin * weights.tap_y + tap * weights.tap_x +
                   depth_begin * weights.depth,
              .b_depth = weights.depth,
              .b_inner = weights.tap_x,
              .b_outer = weights.tap_y,
              .depth = depth_end - depth_begin,
              .inner = pass.merged_ ? 1 : inside.end - inside.begin,
              .outer = end - begin,
              .c = to,
              .c_row = target_layout.image,
              .accumulate = begin > inside_y.begin || depth_begin > least},
             rows);
  }
}

void ImagePass::Worker::compute_slice(const Columns& c) const {
  const auto lines = c.phase.y.results_within(block.line_begin, block.line_end);
  if (pass.strips_of_images_) {
    for (int64_t line = lines.begin; line < lines.end; ++line) compute_pixels(c, line);
    return;
  }
  for (int64_t n = 0; n < block.image_end - block.image_begin; ++n)
    for (int64_t line = lines.begin; line < lines.end; ++line) compute_line(c, n, line);
}

/// One block of columns of a group, in slices whose weights stay in cache from line to line.
void ImagePass::Worker::compute_columns(const Phase& phase, int64_t group, int64_t column) {
  const int64_t columns = pass.block_columns(column);
  const auto weights = weights_of(phase, group, column, columns);
  const int64_t segment =  // 1 for a phase without taps, whose results are 0
      std::max<int64_t>(1, pass.merged_ ? pass.depth_ * phase.x.taps : pass.depth_);
  const int64_t of_tap =
      std::max<int64_t>(1, phase.x.taps * pass.depth_ * pass.vectors_of(columns)) *
      pass.kernels_.vector;
  const int64_t most_taps = std::max<int64_t>(1, weights_floats / of_tap);
  const auto taps = split_evenly(std::max<int64_t>(phase.y.taps, 1), most_taps);
  const int64_t most_depth =
      most_taps > 1 ? segment : std::max<int64_t>(64, segment * weights_floats / of_tap);
  const auto depths = split_evenly(segment, most_depth);
  for (int64_t t = 0; t < taps.parts; ++t)
    for (int64_t d = 0; d < depths.parts; ++d)
      compute_slice({phase,
                     {taps.begin(t), taps.begin(t + 1), depths.begin(d), depths.begin(d + 1)},
                     weights,
                     pass.depthwise_ ? column : group * pass.depth_,
                     group * pass.width_ + column,
                     columns});
}

void ImagePass::Worker::compute() {
  const int64_t step = pass.dots_ ? pass.width_ : pass.vectors_ * pass.kernels_.vector;
  for (int64_t group = 0; group < pass.groups_; ++group)
    for (int64_t column = 0; column < pass.width_; column += step)
      for (const auto& phase : pass.phases_) compute_columns(phase, group, column);
  if (!pass.result_.channels_last())
    copy_back(target, pass.result_.channels,
              {block.image_begin, block.image_end, block.line_begin, block.line_end,
               block.column_begin, block.column_end},
              pass.result_, run.result);
}

/// The weights of one tap and group: for each block of columns its depth, or for dots for each
/// column.
void ImagePass::pack_tap(const float* weights, float* packed, int64_t index) const {
  const auto& tap = taps_[static_cast<size_t>(index % static_cast<int64_t>(taps_.size()))];
  const int64_t group = index / static_cast<int64_t>(taps_.size());
  const auto& phase = phases_[tap.phase];
  const auto& w = weights_layout_;
  const bool forward = kind_ == Kind::convolution;
  const int64_t taps = phase.y.taps * phase.x.taps, place = tap.y * phase.x.taps + tap.x;
  const float* const from = weights + (phase.y.kernel_first + tap.y * phase.y.kernel_step) * w.y +
                            (phase.x.kernel_first + tap.x * phase.x.kernel_step) * w.x +
                            group * (forward ? width_ : depth_) * w.out;
  const int64_t depth_step = forward ? w.in : w.out,
                column_step = forward || depthwise_ ? w.out : w.in;
  float* const to = packed + phase.packed + group * taps * depth_ * padded_width_;
  const auto copy = [&](const float* source, int64_t columns, float* destination,
                        int64_t destination_depth, int64_t destination_column) {
    if (depth_step == 1 && destination_column == 1)
      return transpose(source, column_step, columns, depth_, destination, destination_depth);
    for (int64_t k = 0; k < depth_; ++k)
      for (int64_t c = 0; c < columns; ++c)
        destination[k * destination_depth + c * destination_column] =
            source[k * depth_step + c * column_step];
  };
  if (dots_) return copy(from, width_, to + place * depth_, 1, taps * depth_);
  for (int64_t column = 0; column < width_; column += vectors_ * kernels_.vector) {
    const int64_t columns = block_columns(column);
    const int64_t step = vectors_of(columns) * kernels_.vector;
    float* const block = to + column * taps * depth_ + place * depth_ * step;
    copy(from + column * column_step, columns, block, step, 1);
    if (columns < step)
      for (int64_t k = 0; k < depth_; ++k)
        std::fill(block + k * step + columns, block + (k + 1) * step, 0.0f);
  }
}

void ImagePass::report(const Block& block, const TileListener& tiles) const {
  const int64_t channels = result_.channels, width = result_.width;
  for (int64_t n = block.image_begin; n < block.image_end; ++n) {
    const int64_t line = n * result_.height;
    if (block.column_begin == 0 && block.column_end == width) {
      tiles.finished((line + block.line_begin) * width, (line + block.line_end) * width, 0,
                     channels);
      continue;
    }
    for (int64_t y = line + block.line_begin; y < line + block.line_end; ++y)
      tiles.finished(y * width + block.column_begin, y * width + block.column_end, 0, channels);
  }
}

void ImagePass::run(const float* operand, const float* weights, float* result, void* workspace,
                    const TileListener* tiles) const {
  float* const memory = static_cast<float*>(workspace);
  if (!weights_direct_) {
    // One captured pointer, so that the function object allocates nothing.
    const struct {
      const ImagePass& pass;
      const float* weights;
      float* packed;
    } packing{*this, weights, memory};
    const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, depth_ * width_));
    pool_.for_range(static_cast<int64_t>(taps_.size()) * groups_, grain,
                    [&packing](int64_t begin, int64_t end) {
                      for (int64_t i = begin; i < end; ++i)
                        packing.pass.pack_tap(packing.weights, packing.packed, i);
                    });
  }
  const Run shared{
      *this, operand, weights_direct_ ? weights : memory, result, memory + packed_floats_, tiles};
  pool_.run_tasks(slots_, [&shared](int64_t slot) {
    const auto& pass = shared.pass;
    float* const scratch = shared.slots + slot * pass.slot_floats_;
    while (true) {
      const int64_t index = shared.next_block.fetch_add(1, std::memory_order_relaxed);
      if (index >= pass.blocks()) return;
      const Block block = pass.block_at(index);
      Worker(shared, block, scratch).compute();
      if (shared.tiles) pass.report(block, *shared.tiles);
    }
  });
}

}  // namespace mpsg::contraction
