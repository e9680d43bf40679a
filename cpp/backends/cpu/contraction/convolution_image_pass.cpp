#include "backends/cpu/contraction/convolution_image_pass.h"

#include <algorithm>
#include <atomic>

namespace mpsg::contraction {
namespace {

constexpr int64_t largest_extent = int64_t{1} << 31;
constexpr int64_t most_slot_floats = int64_t{16} << 20;
constexpr int64_t block_floats = int64_t{96} << 10;    // of the operand, to stay in level 2
constexpr int64_t weights_floats = int64_t{64} << 10;  // that a slice multiplies by, likewise
constexpr double operations_of_block = 1 << 19;        // below, a block costs more than it gives
constexpr int64_t blocks_of_thread = 4;
constexpr double strip_change_gain = 1.03;  // strips of images must be that much cheaper

int64_t divide_up(int64_t a, int64_t b) { return (a + b - 1) / b; }
int64_t round_up(int64_t a, int64_t b) { return divide_up(a, b) * b; }

/// Rows that lie a multiple of this apart evict each other from the nearest cache.
bool collides(int64_t step_floats) { return step_floats % 1024 == 0; }

}  // namespace

std::optional<ImagePass> ImagePass::plan(Kind kind, const ops::Convolution2DGeometry& g,
                                         const ThreadPool& pool, const StripKernels& kernels) {
  for (const auto* axis : {&g.y, &g.x})
    for (const int64_t size : {axis->extent(), axis->stride, axis->dilation, axis->pad_before,
                               axis->input + axis->output})
      if (size >= largest_extent) return std::nullopt;
  ImagePass pass(kind, g, pool, kernels);
  if (pass.slot_floats_ > most_slot_floats) return std::nullopt;
  return pass;
}

ImagePass::ImagePass(Kind kind, const ops::Convolution2DGeometry& geometry, const ThreadPool& pool,
                     const StripKernels& kernels)
    : kind_(kind), pool_(pool), kernels_(kernels) {
  auto g = geometry;
  const auto is_plain = [](const ops::WindowAxis& axis) {
    return axis.kernel == 1 && axis.stride == 1 && axis.pad_before == 0 &&
           axis.output == axis.input;
  };
  if (g.nhwc && is_plain(g.y) && is_plain(g.x)) {  // a product of matrices: one long line
    g.x.input = g.x.output = g.batch * g.y.input * g.x.input;
    g.batch = g.y.input = g.y.output = 1;
  }
  const auto source = ImageLayout::of(g.nhwc, g.batch, g.y.input, g.x.input, g.in_channels);
  const auto output = ImageLayout::of(g.nhwc, g.batch, g.y.output, g.x.output, g.out_channels);
  const bool forward = kind == Kind::convolution;
  nhwc_ = g.nhwc;
  operand_ = forward ? source : output;
  result_ = forward ? output : source;
  groups_ = g.groups;
  depth_ = forward ? g.group_in_channels() : g.group_out_channels();
  width_ = forward ? g.group_out_channels() : g.group_in_channels();
  depthwise_ = g.groups > 1 && depth_ == 1 && width_ == 1;
  if (depthwise_) {  // the channels are columns, each with a depth of its own
    groups_ = 1;
    width_ = operand_.channels;
  }
  y_phases_ = forward ? convolution_phases(g.y) : gradient_phases(g.y);
  x_phases_ = forward ? convolution_phases(g.x) : gradient_phases(g.x);
  pixel_step_ = operand_.channels;
  if (collides(pixel_step_ * x_phases_.front().stride)) pixel_step_ += 16;
  merged_ = groups_ == 1 && !depthwise_ && pixel_step_ == depth_ && x_phases_.front().dilation == 1;
  const int64_t segment = merged_ ? depth_ * x_phases_.front().taps : depth_;
  dots_ = !depthwise_ && width_ <= StripKernels::most_dot_columns && segment >= 2 * kernels_.vector;
  choose_strips();
  lay_out_weights(g);
  choose_blocks();
}

int64_t ImagePass::vectors_of(int64_t columns) const { return divide_up(columns, kernels_.vector); }

/// Columns of the block that begins at column `begin` of a group.
int64_t ImagePass::block_columns(int64_t begin) const {
  return std::min(width_ - begin, vectors_ * kernels_.vector);
}

/// What a strip costs for each depth, in cycles: sums wait for their predecessors, loads for two
/// ports.
ImagePass::Cost ImagePass::cheapest(int64_t rows) const {
  if (dots_ || depthwise_) return {1, static_cast<double>(rows)};
  Cost best{1, 0};
  for (int64_t v = 1; v <= std::min<int64_t>(StripKernels::most_vectors, vectors_of(width_)); ++v) {
    double cycles = 0;
    for (int64_t done = 0; done < vectors_of(width_); done += v) {
      const int64_t now = std::min(v, vectors_of(width_) - done);
      const int64_t strips = divide_up(rows, kernels_.rows_of(static_cast<int>(now)));
      const double height = static_cast<double>(rows) / static_cast<double>(strips);
      const double sums = height * static_cast<double>(now);
      const double loads = (height + 2 * static_cast<double>(now)) / 2;
      cycles += static_cast<double>(strips) * (std::max({sums, loads, 8.0}) + 0.5);
    }
    if (v == 1 || cycles < best.cycles) best = {v, cycles};
  }
  return best;
}

/// Strips along a line multiply padding beside the image, but those of one pixel of several images
/// do not. Which is cheaper?
void ImagePass::choose_strips() {
  padded_width_ = dots_ ? width_ : round_up(width_, kernels_.vector);
  int64_t pixels = 1;
  double inside = 0, all = 0;
  for (const auto& phase : x_phases_) {
    pixels = std::max(pixels, phase.results);
    for (int64_t r = 0; r < phase.results; ++r) {
      const auto taps = phase.taps_inside(r, operand_.width);
      inside += static_cast<double>(taps.end - taps.begin);
    }
    all += static_cast<double>(phase.results * phase.taps);
  }
  const auto along_line = cheapest(pixels);
  vectors_ = along_line.vectors;
  // An image at a time uses whole cache lines only if its channels fill them.
  if (depth_ < 16 || dots_ || depthwise_ || !operand_.channels_last() ||
      pixel_step_ != operand_.channels || collides(operand_.image))
    return;
  const int64_t parts = divide_up(operand_.batch, StripKernels::most_rows);
  const int64_t images = divide_up(operand_.batch, parts);
  const auto along_images = cheapest(images);
  const double line_cost = all * along_line.cycles / static_cast<double>(pixels);
  const double image_cost = inside * along_images.cycles / static_cast<double>(images);
  if (image_cost * strip_change_gain > line_cost) return;
  strips_of_images_ = true;
  images_of_block_ = images;
  vectors_ = along_images.vectors;
}

void ImagePass::lay_out_weights(const ops::Convolution2DGeometry& g) {
  weights_layout_ = WeightsLayout::of(g);
  weights_direct_ = kind_ == Kind::convolution && g.hwio && !dots_ && !depthwise_ &&
                    width_ % kernels_.vector == 0 && !collides(g.out_channels);
  for (const auto& y : y_phases_)
    for (const auto& x : x_phases_) {
      const size_t phase = phases_.size();
      phases_.push_back({y, x, packed_floats_});
      packed_floats_ += y.taps * x.taps * depth_ * padded_width_ * groups_;
      for (int64_t ty = 0; ty < y.taps; ++ty)
        for (int64_t tx = 0; tx < x.taps; ++tx) taps_.push_back({phase, ty, tx});
    }
  packed_floats_ = weights_direct_ ? 0 : round_up(packed_floats_, 16);
}

// Few enough that the operand stays in cache, enough for all threads.
void ImagePass::choose_blocks() {
  const int64_t y_step = static_cast<int64_t>(y_phases_.size());
  const int64_t x_step = static_cast<int64_t>(x_phases_.size());
  lines_of_block_ = result_.height;
  columns_of_block_ = result_.width;
  const auto first = [&] {
    return Block{0, images_of_block_,
                 0, std::min(lines_of_block_, result_.height),
                 0, std::min(columns_of_block_, result_.width)};
  };
  const auto floats = [&] {
    return operand_part(first()).pixels() * pixel_step_ + result_floats(first());
  };
  // Each block reads all weights: where those are the larger part, blocks are larger and fewer.
  const int64_t all_weights = static_cast<int64_t>(taps_.size()) * depth_ * width_ * groups_;
  const bool heavy = all_weights > 16 * block_floats;
  const int64_t most_floats = heavy ? 4 * block_floats : block_floats;
  while (floats() > most_floats && lines_of_block_ > y_step)
    lines_of_block_ = round_up(divide_up(lines_of_block_, 2), y_step);
  while (!strips_of_images_ && floats() > 2 * block_floats && columns_of_block_ > 8 * x_step)
    columns_of_block_ = round_up(divide_up(columns_of_block_, 2), x_step);

  double products = 0;
  for (const auto& p : phases_)
    products +=
        static_cast<double>(p.y.taps * p.x.taps) * static_cast<double>(p.y.results * p.x.results);
  const double operations =
      2 * products * static_cast<double>(depth_ * width_ * groups_ * result_.batch);
  const auto wanted =
      std::min<int64_t>(pool_.threads() > 1 ? pool_.threads() * (heavy ? 1 : blocks_of_thread) : 1,
                        1 + static_cast<int64_t>(operations / operations_of_block));
  const auto split = [&](int64_t& size, int64_t extent, int64_t step, int64_t others) {
    const int64_t parts = divide_up(wanted, others);
    if (parts > divide_up(extent, size))
      size = std::min(size, round_up(divide_up(extent, parts), step));
  };
  const int64_t image_blocks = divide_up(result_.batch, images_of_block_);
  split(lines_of_block_, result_.height, y_step, image_blocks);
  split(columns_of_block_, result_.width, x_step,
        image_blocks * divide_up(result_.height, lines_of_block_));

  // Weights that do not stay in cache serve several small images at once.
  if (!strips_of_images_ && all_weights > weights_floats && lines_of_block_ >= result_.height) {
    const int64_t fair = std::max<int64_t>(1, result_.batch / pool_.threads());
    images_of_block_ = std::clamp<int64_t>(block_floats / std::max<int64_t>(1, floats()), 1, fair);
  }
  slot_floats_ = round_up(scratch_floats(), 16) + round_up(result_floats(first()), 16);
  slots_ = std::min<int64_t>(pool_.threads(), blocks());
}

int64_t ImagePass::blocks() const {
  return divide_up(result_.batch, images_of_block_) * divide_up(result_.height, lines_of_block_) *
         divide_up(result_.width, columns_of_block_);
}

ImagePass::Block ImagePass::block_at(int64_t index) const {
  const int64_t along_x = divide_up(result_.width, columns_of_block_);
  const int64_t along_y = divide_up(result_.height, lines_of_block_);
  const int64_t x = index % along_x * columns_of_block_;
  const int64_t y = index / along_x % along_y * lines_of_block_;
  const int64_t n = index / along_x / along_y * images_of_block_;
  return {n, std::min(n + images_of_block_, result_.batch),  //
          y, std::min(y + lines_of_block_, result_.height),  //
          x, std::min(x + columns_of_block_, result_.width)};
}

/// What the block reads. Lines outside the image are left out, columns are not.
ImagePart ImagePass::operand_part(const Block& block) const {
  struct Bounds {
    int64_t low = INT64_MAX;
    int64_t high = INT64_MIN;
    void add(const PhaseAxis& axis, int64_t begin, int64_t end) {
      const auto r = axis.results_within(begin, end);
      if (r.begin >= r.end || axis.taps == 0) return;
      low = std::min(low, axis.first + r.begin * axis.stride);
      high = std::max(high,
                      axis.first + (r.end - 1) * axis.stride + (axis.taps - 1) * axis.dilation + 1);
    }
  };
  Bounds y, x;
  for (const auto& phase : y_phases_) y.add(phase, block.line_begin, block.line_end);
  for (const auto& phase : x_phases_) x.add(phase, block.column_begin, block.column_end);
  if (x.low > x.high) x = {0, 0};
  if (y.low > y.high) y = {0, 0};
  const int64_t top = std::clamp<int64_t>(y.low, 0, operand_.height);
  return {block.image_begin,
          block.image_end,
          top,
          std::clamp<int64_t>(y.high, top, operand_.height),
          x.low,
          x.high};
}

/// Can every block be read in place?
bool ImagePass::reads_in_place() const {
  if (strips_of_images_) return true;
  const auto part = operand_part({0, 1, 0, result_.height, 0, result_.width});
  return operand_.channels_last() && pixel_step_ == operand_.channels && part.column_begin >= 0 &&
         part.column_end <= operand_.width;
}

/// The most that any block copies of the operand.
int64_t ImagePass::scratch_floats() const {
  if (reads_in_place()) return 0;
  int64_t lines = 0, columns = 0;
  for (int64_t y = 0; y < result_.height; y += lines_of_block_) {
    const auto part = operand_part({0, 1, y, std::min(y + lines_of_block_, result_.height), 0, 1});
    lines = std::max(lines, part.row_end - part.row_begin);
  }
  for (int64_t x = 0; x < result_.width; x += columns_of_block_) {
    const auto part =
        operand_part({0, 1, 0, result_.height, x, std::min(x + columns_of_block_, result_.width)});
    columns = std::max(columns, part.column_end - part.column_begin);
  }
  return images_of_block_ * lines * columns * pixel_step_;
}

int64_t ImagePass::result_floats(const Block& block) const {
  if (result_.channels_last()) return 0;
  return (block.image_end - block.image_begin) * (block.line_end - block.line_begin) *
         (block.column_end - block.column_begin) * result_.channels;
}

size_t ImagePass::workspace_bytes() const {
  return static_cast<size_t>(packed_floats_ + slots_ * slot_floats_) * sizeof(float);
}

std::string ImagePass::description() const {
  return std::string("own convolution ") + kernels_.name +
         (dots_        ? " dots"
          : depthwise_ ? " depthwise"
                       : "") +
         (strips_of_images_ ? ", strips of images, " : ", ") + std::to_string(blocks()) + " blocks";
}

}  // namespace mpsg::contraction
