// Images and weights in memory, the axes of a convolution's phases, and copies of parts of images
// with their padding.
#pragma once

#include <cstdint>
#include <vector>

#include "ops/window.h"

namespace mpsg::contraction {

/// Where the elements of an image tensor lie; steps in floats.
struct ImageLayout {
  int64_t batch, height, width, channels;
  int64_t image, row, pixel, channel;

  static ImageLayout of(bool nhwc, int64_t batch, int64_t height, int64_t width, int64_t channels);
  bool channels_last() const { return channel == 1; }
  int64_t size() const { return batch * image; }
};

/// Steps of the weights, in floats.
struct WeightsLayout {
  int64_t out, in, y, x;
  static WeightsLayout of(const ops::Convolution2DGeometry& geometry);
};

/// One axis of one phase: result r = 0 ... results - 1 lies at result_first + r * result_step and
/// is the sum over taps t of the operand at first + r * stride + t * dilation times the weights at
/// kernel_first + t * kernel_step.
struct PhaseAxis {
  int64_t results, result_first, result_step;
  int64_t taps, kernel_first, kernel_step;
  int64_t first, stride, dilation;

  /// Taps [begin, end) of result r that lie in [0, extent).
  struct Range {
    int64_t begin, end;
  };
  Range taps_inside(int64_t r, int64_t extent) const;
  /// Results whose places are in [begin, end).
  Range results_within(int64_t begin, int64_t end) const;
};

/// A convolution is one phase. Its data gradient is one for each remainder of a place by the
/// stride: each is a convolution of stride 1 with every stride-th tap, backwards.
std::vector<PhaseAxis> convolution_phases(const ops::WindowAxis& axis);
std::vector<PhaseAxis> gradient_phases(const ops::WindowAxis& axis);

/// A part of an image tensor: images [image_begin, image_end), rows [row_begin, row_end) within the
/// image, columns [column_begin, column_end) that may lie outside.
struct ImagePart {
  int64_t image_begin, image_end;
  int64_t row_begin, row_end;
  int64_t column_begin, column_end;

  int64_t pixels() const {
    return (image_end - image_begin) * (row_end - row_begin) * (column_end - column_begin);
  }
};

/// Copies the part, channels last, `pixel_step` floats from pixel to pixel; outside is zero. What
/// lies between the last channel and the next pixel is zero too.
void copy_part(const float* image, const ImageLayout& layout, const ImagePart& part,
               int64_t pixel_step, float* to);
/// The way back, of a part that lies inside.
void copy_back(const float* from, int64_t pixel_step, const ImagePart& part,
               const ImageLayout& layout, float* image);

/// to[column * to_step + row] = from[row * from_step + column].
void transpose(const float* from, int64_t from_step, int64_t rows, int64_t columns, float* to,
               int64_t to_step);

}  // namespace mpsg::contraction
