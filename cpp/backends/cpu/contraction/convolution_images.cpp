#include "backends/cpu/contraction/convolution_images.h"

#include <algorithm>
#include <numeric>

namespace mpsg::contraction {
namespace {

int64_t divide_up(int64_t a, int64_t b) { return a <= 0 ? -(-a / b) : (a - 1) / b + 1; }

}  // namespace

ImageLayout ImageLayout::of(bool nhwc, int64_t batch, int64_t height, int64_t width,
                            int64_t channels) {
  const int64_t all = height * width * channels;
  if (nhwc) return {batch, height, width, channels, all, width * channels, channels, 1};
  return {batch, height, width, channels, all, width, 1, height * width};
}

WeightsLayout WeightsLayout::of(const ops::Convolution2DGeometry& g) {
  const int64_t in = g.group_in_channels();
  if (g.hwio) return {1, g.out_channels, g.x.kernel * in * g.out_channels, in * g.out_channels};
  return {in * g.y.kernel * g.x.kernel, g.y.kernel * g.x.kernel, g.x.kernel, 1};
}

PhaseAxis::Range PhaseAxis::taps_inside(int64_t r, int64_t extent) const {
  const int64_t place = first + r * stride;
  const int64_t begin = std::clamp<int64_t>(divide_up(-place, dilation), 0, taps);
  const int64_t end = std::clamp<int64_t>(divide_up(extent - place, dilation), 0, taps);
  return {begin, std::max(begin, end)};
}

PhaseAxis::Range PhaseAxis::results_within(int64_t begin, int64_t end) const {
  const auto before = [&](int64_t place) {
    return std::clamp<int64_t>(divide_up(place - result_first, result_step), 0, results);
  };
  return {before(begin), before(end)};
}

std::vector<PhaseAxis> convolution_phases(const ops::WindowAxis& axis) {
  return {{.results = axis.output,
           .result_first = 0,
           .result_step = 1,
           .taps = axis.kernel,
           .kernel_first = 0,
           .kernel_step = 1,
           .first = -axis.pad_before,
           .stride = axis.stride,
           .dilation = axis.dilation}};
}

// The output element whose tap k reads place i is (i + pad - k * dilation) / stride, if that
// divides.
std::vector<PhaseAxis> gradient_phases(const ops::WindowAxis& axis) {
  std::vector<PhaseAxis> phases;
  const int64_t common = std::gcd(axis.dilation, axis.stride);
  const int64_t period = axis.stride / common;  // of the taps of one phase
  for (int64_t place = 0; place < std::min(axis.stride, axis.input); ++place) {
    const int64_t remainder = (place + axis.pad_before) % axis.stride;
    int64_t last = -1, taps = 0;
    for (int64_t k = 0; k < std::min(period, axis.kernel); ++k)
      if (k * axis.dilation % axis.stride == remainder) {
        taps = (axis.kernel - 1 - k) / period + 1;
        last = k + (taps - 1) * period;
        break;
      }
    const int64_t reach = place + axis.pad_before - std::max<int64_t>(last, 0) * axis.dilation;
    phases.push_back({.results = (axis.input - 1 - place) / axis.stride + 1,
                      .result_first = place,
                      .result_step = axis.stride,
                      .taps = taps,
                      .kernel_first = last,
                      .kernel_step = -period,
                      .first = taps == 0 ? 0 : reach / axis.stride,
                      .stride = 1,
                      .dilation = axis.dilation / common});
  }
  return phases;
}

// In blocks, so that each cache line is used whole while it is there.
void transpose(const float* from, int64_t from_step, int64_t rows, int64_t columns, float* to,
               int64_t to_step) {
  constexpr int64_t block = 16;
  for (int64_t c0 = 0; c0 < columns; c0 += block) {
    const int64_t c1 = std::min(columns, c0 + block);
    for (int64_t r = 0; r < rows; ++r)
      for (int64_t c = c0; c < c1; ++c) to[c * to_step + r] = from[r * from_step + c];
  }
}

void copy_part(const float* image, const ImageLayout& layout, const ImagePart& part,
               int64_t pixel_step, float* to) {
  const int64_t width = part.column_end - part.column_begin, channels = layout.channels;
  const int64_t begin = std::clamp<int64_t>(0, part.column_begin, part.column_end);
  const int64_t end = std::clamp<int64_t>(layout.width, begin, part.column_end);
  for (int64_t n = part.image_begin; n < part.image_end; ++n)
    for (int64_t y = part.row_begin; y < part.row_end; ++y, to += width * pixel_step) {
      const float* const line = image + n * layout.image + y * layout.row + begin * layout.pixel;
      float* const inside = to + (begin - part.column_begin) * pixel_step;
      float* const after = to + (end - part.column_begin) * pixel_step;
      std::fill(to, inside, 0.0f);
      std::fill(after, to + width * pixel_step, 0.0f);
      if (layout.channels_last() && layout.pixel == pixel_step) {
        std::copy_n(line, (end - begin) * channels, inside);
        continue;
      }
      for (int64_t x = 0; x < end - begin; ++x) {
        float* const pixel = inside + x * pixel_step;
        if (layout.channels_last()) std::copy_n(line + x * layout.pixel, channels, pixel);
        std::fill(pixel + channels, pixel + pixel_step, 0.0f);
      }
      if (!layout.channels_last())
        transpose(line, layout.channel, channels, end - begin, inside, pixel_step);
    }
}

void copy_back(const float* from, int64_t pixel_step, const ImagePart& part,
               const ImageLayout& layout, float* image) {
  const int64_t width = part.column_end - part.column_begin;
  for (int64_t n = part.image_begin; n < part.image_end; ++n)
    for (int64_t y = part.row_begin; y < part.row_end; ++y, from += width * pixel_step) {
      float* const line =
          image + n * layout.image + y * layout.row + part.column_begin * layout.pixel;
      if (layout.channels_last())
        for (int64_t x = 0; x < width; ++x)
          std::copy_n(from + x * pixel_step, layout.channels, line + x * layout.pixel);
      else transpose(from, pixel_step, width, layout.channels, line, layout.channel);
    }
}

}  // namespace mpsg::contraction
