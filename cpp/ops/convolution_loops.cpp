#include "ops/convolution_loops.h"

#include <algorithm>
#include <vector>

#include "graph/element_types.h"

namespace mpsg::ops {
namespace {

using Geometry = Convolution2DGeometry;

constexpr int64_t task_operations = 1 << 16;  // below, a second thread costs more than it gives

int64_t grain_of(int64_t operations) {
  return std::max<int64_t>(1, task_operations / std::max<int64_t>(1, operations));
}

/// An image tensor with its element strides.
template <class T>
struct Image {
  T* data;
  int64_t image_stride, row_stride, pixel_stride, channel_stride;
  T* pixel(int64_t n, int64_t y, int64_t x) const {
    return data + n * image_stride + y * row_stride + x * pixel_stride;
  }
};

template <class T>
Image<T> image_of(T* data, bool nhwc, int64_t channels, int64_t height, int64_t width) {
  const int64_t all = channels * height * width;
  if (nhwc) return {data, all, width * channels, channels, 1};
  return {data, all, width, 1, height * width};
}

template <class T>
Image<T> source_of(const Geometry& g, T* data) {
  return image_of(data, g.nhwc, g.in_channels, g.y.input, g.x.input);
}
template <class T>
Image<T> output_of(const Geometry& g, T* data) {
  return image_of(data, g.nhwc, g.out_channels, g.y.output, g.x.output);
}

/// Element strides of the weights.
struct WeightStrides {
  int64_t out, in, y, x;
};
WeightStrides weight_strides(const Geometry& g) {
  const int64_t in = g.group_in_channels();
  if (g.hwio) return {1, g.out_channels, g.x.kernel * in * g.out_channels, in * g.out_channels};
  return {in * g.y.kernel * g.x.kernel, g.y.kernel * g.x.kernel, g.x.kernel, 1};
}

/// One line of an image in the compute type, channels innermost: (width, channels).
template <class T, class C>
void pack_line(const Image<const T>& image, int64_t n, int64_t y, int64_t width,
               int64_t first_channel, int64_t channels, C* packed) {
  const T* line = image.pixel(n, y, 0) + first_channel * image.channel_stride;
  if (image.channel_stride == 1) {
    for (int64_t x = 0; x < width; ++x)
      for (int64_t c = 0; c < channels; ++c)
        packed[x * channels + c] = static_cast<C>(line[x * image.pixel_stride + c]);
    return;
  }
  for (int64_t c = 0; c < channels; ++c)
    for (int64_t x = 0; x < width; ++x)
      packed[x * channels + c] =
          static_cast<C>(line[c * image.channel_stride + x * image.pixel_stride]);
}

/// The weights as one small matrix for each group and tap, (group, y, x, depth, width): the depth
/// is summed over. The depth is the input channels, or for the data gradient the output channels.
template <class C, class T>
std::vector<C> pack_weights(const Geometry& g, const T* weights, bool sum_over_inputs) {
  const auto strides = weight_strides(g);
  const int64_t in = g.group_in_channels(), out = g.group_out_channels();
  std::vector<C> packed;
  packed.reserve(static_cast<size_t>(g.out_channels * in * g.y.kernel * g.x.kernel));
  if (g.out_channels * in == 0) return packed;
  for (int64_t group = 0; group < g.groups; ++group)
    for (int64_t y = 0; y < g.y.kernel; ++y)
      for (int64_t x = 0; x < g.x.kernel; ++x) {
        const T* tap = weights + group * out * strides.out + y * strides.y + x * strides.x;
        for (int64_t i = 0; i < (sum_over_inputs ? in : out); ++i)
          for (int64_t j = 0; j < (sum_over_inputs ? out : in); ++j)
            packed.push_back(static_cast<C>(sum_over_inputs
                                                ? tap[i * strides.in + j * strides.out]
                                                : tap[i * strides.out + j * strides.in]));
      }
  return packed;
}

/// One tap of a window: a vector of channels and the matrix that it meets, in the first group.
template <class C>
struct Tap {
  const C* vector;
  const C* matrix;
};

/// sums[j] = sum over taps and i of vector[i] * matrix[i, j], for `width` columns in registers.
template <class C, int64_t width>
void sum_taps(const std::vector<Tap<C>>& taps, int64_t depth, int64_t row_length,
              int64_t vector_offset, int64_t matrix_offset, C* sums) {
  C local[width] = {};
  for (const auto& tap : taps) {
    const C* vector = tap.vector + vector_offset;
    const C* row = tap.matrix + matrix_offset;
    for (int64_t i = 0; i < depth; ++i)
      for (int64_t j = 0; j < width; ++j) local[j] += vector[i] * row[i * row_length + j];
  }
  std::copy_n(local, width, sums);
}

/// One output pixel: every group's vector times its matrix, summed over the taps.
template <class C>
void sum_pixel(const std::vector<Tap<C>>& taps, int64_t groups, int64_t depth, int64_t width,
               int64_t group_stride, C* sums) {
  for (int64_t group = 0; group < groups; ++group) {
    const int64_t vector = group * depth, matrix = group * group_stride;
    C* out = sums + group * width;
    int64_t j = 0;
    for (; j + 16 <= width; j += 16)
      sum_taps<C, 16>(taps, depth, width, vector, matrix + j, out + j);
    for (; j + 4 <= width; j += 4) sum_taps<C, 4>(taps, depth, width, vector, matrix + j, out + j);
    for (; j < width; ++j) sum_taps<C, 1>(taps, depth, width, vector, matrix + j, out + j);
  }
}

template <class T, class C>
void store_pixel(const Image<T>& image, int64_t n, int64_t y, int64_t x,
                 const std::vector<C>& sums) {
  T* to = image.pixel(n, y, x);
  for (size_t i = 0; i < sums.size(); ++i)
    to[static_cast<int64_t>(i) * image.channel_stride] = static_cast<T>(sums[i]);
}

/// Lines of an image that one window row needs, packed, and which tap row each belongs to.
template <class C>
struct Lines {
  std::vector<C> packed;
  std::vector<int64_t> tap_rows;
};

template <class T>
void forward(const Geometry& g, const T* source_data, const T* weights, T* output_data,
             const Parallel& parallel) {
  using C = ComputeType<T>;
  const auto source = source_of(g, source_data);
  const auto output = output_of(g, output_data);
  const auto packed_weights = pack_weights<C>(g, weights, true);
  const int64_t depth = g.group_in_channels(), width = g.group_out_channels();
  const int64_t line = g.x.input * g.in_channels, matrix = depth * width;
  const auto one_line = [&](int64_t n, int64_t oy, Lines<C>& lines, std::vector<Tap<C>>& taps,
                            std::vector<C>& sums) {
    const auto rows = g.y.taps(oy);
    lines.packed.resize(static_cast<size_t>(rows.count() * line));
    for (int64_t ky = rows.first; ky < rows.last; ++ky)
      pack_line(source, n, g.y.begin(oy) + ky * g.y.dilation, g.x.input, 0, g.in_channels,
                lines.packed.data() + (ky - rows.first) * line);
    for (int64_t ox = 0; ox < g.x.output; ++ox) {
      const auto columns = g.x.taps(ox);
      taps.clear();
      for (int64_t ky = rows.first; ky < rows.last; ++ky)
        for (int64_t kx = columns.first; kx < columns.last; ++kx)
          taps.push_back({lines.packed.data() + (ky - rows.first) * line +
                              (g.x.begin(ox) + kx * g.x.dilation) * g.in_channels,
                          packed_weights.data() + (ky * g.x.kernel + kx) * matrix});
      sum_pixel(taps, g.groups, depth, width, g.y.kernel * g.x.kernel * matrix, sums.data());
      store_pixel(output, n, oy, ox, sums);
    }
  };
  const int64_t operations = g.x.output * g.y.kernel * g.x.kernel * depth * g.out_channels;
  parallel.for_range(g.batch * g.y.output, grain_of(operations), [&](int64_t begin, int64_t end) {
    Lines<C> lines;
    std::vector<Tap<C>> taps;
    std::vector<C> sums(static_cast<size_t>(g.out_channels));
    for (int64_t at = begin; at < end; ++at)
      one_line(at / g.y.output, at % g.y.output, lines, taps, sums);
  });
}

template <class T>
void data_gradient(const Geometry& g, T* source_data, const T* weights, const T* output_data,
                   const Parallel& parallel) {
  using C = ComputeType<T>;
  const auto source = source_of(g, source_data);
  const auto output = output_of(g, output_data);
  const auto packed_weights = pack_weights<C>(g, weights, false);
  const int64_t depth = g.group_out_channels(), width = g.group_in_channels();
  const int64_t line = g.x.output * g.out_channels, matrix = depth * width;
  const auto one_line = [&](int64_t n, int64_t iy, Lines<C>& lines, std::vector<Tap<C>>& taps,
                            std::vector<C>& sums) {
    lines.tap_rows.clear();
    for (int64_t ky = 0; ky < g.y.kernel; ++ky)
      if (g.y.reader(iy, ky) >= 0) lines.tap_rows.push_back(ky);
    lines.packed.resize(lines.tap_rows.size() * static_cast<size_t>(line));
    for (size_t i = 0; i < lines.tap_rows.size(); ++i)
      pack_line(output, n, g.y.reader(iy, lines.tap_rows[i]), g.x.output, 0, g.out_channels,
                lines.packed.data() + static_cast<int64_t>(i) * line);
    for (int64_t ix = 0; ix < g.x.input; ++ix) {
      taps.clear();
      for (size_t i = 0; i < lines.tap_rows.size(); ++i)
        for (int64_t kx = 0; kx < g.x.kernel; ++kx) {
          const int64_t ox = g.x.reader(ix, kx);
          if (ox >= 0)
            taps.push_back(
                {lines.packed.data() + static_cast<int64_t>(i) * line + ox * g.out_channels,
                 packed_weights.data() + (lines.tap_rows[i] * g.x.kernel + kx) * matrix});
        }
      sum_pixel(taps, g.groups, depth, width, g.y.kernel * g.x.kernel * matrix, sums.data());
      store_pixel(source, n, iy, ix, sums);
    }
  };
  const int64_t operations = g.x.input * g.y.kernel * g.x.kernel * depth * g.in_channels;
  parallel.for_range(g.batch * g.y.input, grain_of(operations), [&](int64_t begin, int64_t end) {
    Lines<C> lines;
    std::vector<Tap<C>> taps;
    std::vector<C> sums(static_cast<size_t>(g.in_channels));
    for (int64_t at = begin; at < end; ++at)
      one_line(at / g.y.input, at % g.y.input, lines, taps, sums);
  });
}

constexpr int64_t block_channels = 32;  // input channels that share the packing of a line

/// Part of the weights: one tap, one group, some input channels.
struct WeightBlock {
  int64_t ky, kx, group, first, channels;
};

/// The block's gradient, (channels, output channels of the group). One sum for each image in the
/// compute type, and the images in double, so that a large batch loses no precision.
template <class T, class C>
void block_gradient(const Geometry& g, const Image<const T>& source, const Image<const T>& output,
                    const WeightBlock& block, std::vector<double>& total) {
  const int64_t width = g.group_out_channels();
  const auto count = static_cast<size_t>(block.channels * width);
  std::vector<C> sums(count), line_in(static_cast<size_t>(g.x.input * block.channels)),
      line_out(static_cast<size_t>(g.x.output * width));
  total.assign(count, 0.0);
  for (int64_t n = 0; n < g.batch; ++n) {
    std::ranges::fill(sums, C(0));
    for (int64_t oy = 0; oy < g.y.output; ++oy) {
      const int64_t iy = g.y.begin(oy) + block.ky * g.y.dilation;
      if (iy < 0 || iy >= g.y.input) continue;
      pack_line(source, n, iy, g.x.input, block.group * g.group_in_channels() + block.first,
                block.channels, line_in.data());
      pack_line(output, n, oy, g.x.output, block.group * width, width, line_out.data());
      for (int64_t ox = 0; ox < g.x.output; ++ox) {
        const int64_t ix = g.x.begin(ox) + block.kx * g.x.dilation;
        if (ix < 0 || ix >= g.x.input) continue;
        const C* from = line_out.data() + ox * width;
        for (int64_t c = 0; c < block.channels; ++c) {
          const C x = line_in[static_cast<size_t>(ix * block.channels + c)];
          C* row = sums.data() + c * width;
          for (int64_t o = 0; o < width; ++o) row[o] += x * from[o];
        }
      }
    }
    for (size_t i = 0; i < count; ++i) total[i] += static_cast<double>(sums[i]);
  }
}

template <class T>
void weights_gradient(const Geometry& g, const T* source_data, T* weights, const T* output_data,
                      const Parallel& parallel) {
  using C = ComputeType<T>;
  const auto source = source_of(g, source_data);
  const auto output = output_of(g, output_data);
  const auto strides = weight_strides(g);
  const int64_t in = g.group_in_channels(), out = g.group_out_channels();
  const int64_t blocks = (in - 1) / block_channels + 1;
  const int64_t operations = g.batch * g.y.output * g.x.output * std::min(in, block_channels) * out;
  parallel.for_range(
      g.y.kernel * g.x.kernel * g.groups * blocks, grain_of(operations),
      [&](int64_t begin, int64_t end) {
        std::vector<double> total;
        for (int64_t at = begin; at < end; ++at) {
          const int64_t first = at % blocks * block_channels;
          const WeightBlock block{at / (blocks * g.groups * g.x.kernel),
                                  at / (blocks * g.groups) % g.x.kernel, at / blocks % g.groups,
                                  first, std::min(block_channels, in - first)};
          block_gradient<T, C>(g, source, output, block, total);
          T* to = weights + block.ky * strides.y + block.kx * strides.x +
                  block.group * out * strides.out + first * strides.in;
          for (int64_t c = 0; c < block.channels; ++c)
            for (int64_t o = 0; o < out; ++o)
              to[c * strides.in + o * strides.out] =
                  static_cast<T>(static_cast<C>(total[static_cast<size_t>(c * out + o)]));
        }
      });
}

}  // namespace

void convolve_forward(const Convolution2DGeometry& g, const ConvolutionTensors& t,
                      const Parallel& parallel) {
  if (t.output.element_count() == 0) return;
  with_floating(t.output.data_type, [&]<class T>(TypeTag<T>) {
    forward(g, t.source.as<const T>(), t.weights.as<const T>(), t.output.as<T>(), parallel);
  });
}

void convolve_data_gradient(const Convolution2DGeometry& g, const ConvolutionTensors& t,
                            const Parallel& parallel) {
  if (t.source.element_count() == 0) return;
  with_floating(t.source.data_type, [&]<class T>(TypeTag<T>) {
    if (t.weights.element_count() == 0 || t.output.element_count() == 0) {
      std::fill_n(t.source.as<T>(), t.source.element_count(), T(0.0f));
      return;
    }
    data_gradient(g, t.source.as<T>(), t.weights.as<const T>(), t.output.as<const T>(), parallel);
  });
}

void convolve_weights_gradient(const Convolution2DGeometry& g, const ConvolutionTensors& t,
                               const Parallel& parallel) {
  if (t.weights.element_count() == 0) return;
  with_floating(t.weights.data_type, [&]<class T>(TypeTag<T>) {
    weights_gradient(g, t.source.as<const T>(), t.weights.as<T>(), t.output.as<const T>(),
                     parallel);
  });
}

}  // namespace mpsg::ops
