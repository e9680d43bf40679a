#include "ops/pooling_loops.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "graph/element_types.h"

namespace mpsg::ops {
namespace {

constexpr int64_t task_operations = 1 << 15;

int64_t grain_of(int64_t operations) {
  return std::max<int64_t>(1, task_operations / std::max<int64_t>(1, operations));
}

/// The tensors as images with channels innermost: (N, C, H, W) is N * C images of one channel.
struct Images {
  int64_t count;
  int64_t channels;
  const Pooling2DGeometry& g;

  explicit Images(const Pooling2DGeometry& geometry)
      : count(geometry.nhwc ? geometry.batch : geometry.batch * geometry.channels),
        channels(geometry.nhwc ? geometry.channels : 1),
        g(geometry) {}
  int64_t source_size() const { return g.y.input * g.x.input * channels; }
  int64_t line_size() const { return g.x.output * channels; }
  int64_t lines() const { return count * g.y.output; }
  int64_t operations_per_line() const { return line_size() * g.y.kernel * g.x.kernel; }
};

template <class C>
bool better(C candidate, C best) {
  if constexpr (std::is_floating_point_v<C>)
    return candidate > best || (candidate != candidate && best == best);
  else return candidate > best;
}

/// For one output line of an image: the chosen pixel (y * width + x) of each window and channel, -1
/// if the window lies in the padding altogether.
template <class T>
void choose_line(const Images& images, const T* image, int64_t oy, std::vector<int64_t>& chosen) {
  using C = ComputeType<T>;
  const auto& g = images.g;
  const int64_t channels = images.channels;
  const auto rows = g.y.taps(oy);
  chosen.assign(static_cast<size_t>(images.line_size()), -1);
  std::vector<C> best(static_cast<size_t>(channels));
  for (int64_t ox = 0; ox < g.x.output; ++ox) {
    const auto columns = g.x.taps(ox);
    int64_t* places = chosen.data() + ox * channels;
    for (int64_t ky = rows.first; ky < rows.last; ++ky)
      for (int64_t kx = columns.first; kx < columns.last; ++kx) {
        const bool first = ky == rows.first && kx == columns.first;
        const int64_t pixel =
            (g.y.begin(oy) + ky * g.y.dilation) * g.x.input + g.x.begin(ox) + kx * g.x.dilation;
        const T* from = image + pixel * channels;
        for (int64_t c = 0; c < channels; ++c) {
          const C value = static_cast<C>(from[c]);
          if (!first && !better(value, best[static_cast<size_t>(c)])) continue;
          best[static_cast<size_t>(c)] = value;
          places[c] = pixel;
        }
      }
  }
}

/// n and c of channel `c` of image `image`.
struct Place {
  int64_t n, c;
};
Place place_of(const Images& images, int64_t image, int64_t c) {
  if (images.g.nhwc) return {image, c};
  return {image / images.g.channels, image % images.g.channels};
}

/// The index of a chosen pixel; -1 for none.
int32_t encode(const Images& images, const IndexCoding& coding, Place place, int64_t oy, int64_t ox,
               int64_t pixel) {
  if (pixel < 0) return -1;
  const auto& g = images.g;
  int64_t y = pixel / g.x.input, x = pixel % g.x.input;
  if (coding.local) {
    y = (y - g.y.begin(oy)) / g.y.dilation;
    x = (x - g.x.begin(ox)) / g.x.dilation;
  }
  return static_cast<int32_t>(place.n * coding.image + place.c * coding.channel + y * coding.y +
                              x * coding.x);
}

/// The chosen pixel of an index; -1 if it names none of this image, as any number a user feeds may.
int64_t decode(const Images& images, const IndexCoding& coding, Place place, int64_t oy, int64_t ox,
               int64_t index) {
  const auto& g = images.g;
  if (index < 0) return -1;
  const int64_t rest = index - place.n * coding.image - place.c * coding.channel;
  if (rest < 0) return -1;
  int64_t y = rest / coding.y, x = rest % coding.y / coding.x;
  if (coding.local) {
    if (y >= g.y.kernel || x >= g.x.kernel) return -1;
    y = g.y.begin(oy) + y * g.y.dilation;
    x = g.x.begin(ox) + x * g.x.dilation;
  }
  if (y < 0 || y >= g.y.input || x < 0 || x >= g.x.input) return -1;
  return y * g.x.input + x;
}

/// The chosen pixels of one line, from the source or from indices.
template <class T>
void chosen_line(const Images& images, const Choice& choice, int64_t image, int64_t oy,
                 std::vector<int64_t>& chosen) {
  if (choice.source) {
    choose_line(images, choice.source->as<const T>() + image * images.source_size(), oy, chosen);
    return;
  }
  const auto* indices =
      choice.indices->as<const int32_t>() + (image * images.g.y.output + oy) * images.line_size();
  chosen.resize(static_cast<size_t>(images.line_size()));
  for (int64_t i = 0; i < images.line_size(); ++i)
    chosen[static_cast<size_t>(i)] =
        decode(images, choice.coding, place_of(images, image, i % images.channels), oy,
               i / images.channels, indices[i]);
}

template <class T>
T below_all() {
  if constexpr (std::is_integral_v<T>) return std::numeric_limits<T>::lowest();
  else return T(-std::numeric_limits<ComputeType<T>>::infinity());
}

template <class T>
void write_maxima(const Images& images, const IndexCoding& coding, const T* image_data,
                  const MaximumResults& results, int64_t line, const std::vector<int64_t>& chosen) {
  const int64_t image = line / images.g.y.output, oy = line % images.g.y.output;
  const int64_t start = line * images.line_size();
  for (int64_t i = 0; i < images.line_size(); ++i) {
    const int64_t pixel = chosen[static_cast<size_t>(i)], c = i % images.channels;
    results.values.as<T>()[start + i] =
        pixel < 0 ? below_all<T>() : image_data[pixel * images.channels + c];
    if (!results.indices) continue;
    results.indices->as<int32_t>()[start + i] =
        encode(images, coding, place_of(images, image, c), oy, i / images.channels, pixel);
  }
}

/// What the sums of each window are divided by along each axis; the divisor is the product.
template <class C>
struct Divisors {
  std::vector<C> y, x;

  explicit Divisors(const Pooling2DGeometry& g) {
    for (int64_t i = 0; i < g.y.output; ++i) y.push_back(along(g, g.y, i));
    for (int64_t i = 0; i < g.x.output; ++i) x.push_back(along(g, g.x, i));
  }
  C at(int64_t oy, int64_t ox) const {
    return y[static_cast<size_t>(oy)] * x[static_cast<size_t>(ox)];
  }

 private:
  static C along(const Pooling2DGeometry& g, const WindowAxis& axis, int64_t i) {
    return static_cast<C>(std::max<int64_t>(1, g.divisor(axis, i)));  // 0 / 1 for an empty window
  }
};

template <class T>
void average_line(const Images& images, const Divisors<ComputeType<T>>& divisors, const T* image,
                  int64_t oy, T* out, std::vector<ComputeType<T>>& sums) {
  using C = ComputeType<T>;
  const auto& g = images.g;
  const auto rows = g.y.taps(oy);
  sums.resize(static_cast<size_t>(images.channels));
  for (int64_t ox = 0; ox < g.x.output; ++ox) {
    const auto columns = g.x.taps(ox);
    std::ranges::fill(sums, C(0));
    for (int64_t ky = rows.first; ky < rows.last; ++ky)
      for (int64_t kx = columns.first; kx < columns.last; ++kx) {
        const int64_t pixel =
            (g.y.begin(oy) + ky * g.y.dilation) * g.x.input + g.x.begin(ox) + kx * g.x.dilation;
        const T* from = image + pixel * images.channels;
        for (int64_t c = 0; c < images.channels; ++c)
          sums[static_cast<size_t>(c)] += static_cast<C>(from[c]);
      }
    const C by = divisors.at(oy, ox);
    for (int64_t c = 0; c < images.channels; ++c)
      out[ox * images.channels + c] = static_cast<T>(sums[static_cast<size_t>(c)] / by);
  }
}

template <class T>
void average_gradient_line(const Images& images, const Divisors<ComputeType<T>>& divisors,
                           const T* gradient, int64_t iy, T* out,
                           std::vector<ComputeType<T>>& sums) {
  using C = ComputeType<T>;
  const auto& g = images.g;
  sums.resize(static_cast<size_t>(images.channels));
  const auto rows = g.y.readers(iy);
  for (int64_t ix = 0; ix < g.x.input; ++ix) {
    const auto columns = g.x.readers(ix);
    std::ranges::fill(sums, C(0));
    for (int64_t oy = rows.first; oy < rows.last; ++oy) {
      if (g.y.dilation != 1 && !g.y.reads(oy, iy)) continue;
      for (int64_t ox = columns.first; ox < columns.last; ++ox) {
        if (g.x.dilation != 1 && !g.x.reads(ox, ix)) continue;
        const C by = divisors.at(oy, ox);
        const T* from = gradient + (oy * g.x.output + ox) * images.channels;
        for (int64_t c = 0; c < images.channels; ++c)
          sums[static_cast<size_t>(c)] += static_cast<C>(from[c]) / by;
      }
    }
    for (int64_t c = 0; c < images.channels; ++c)
      out[ix * images.channels + c] = static_cast<T>(sums[static_cast<size_t>(c)]);
  }
}

}  // namespace

IndexCoding index_coding(PoolingReturnIndicesMode mode, const Pooling2DGeometry& g) {
  IndexCoding coding;
  if (mode == PoolingReturnIndicesMode::NONE) return coding;
  const auto number = static_cast<int64_t>(mode);
  coding.local = mode >= PoolingReturnIndicesMode::LOCAL_FLATTEN_1D;
  const int dimensions = static_cast<int>(coding.local ? number - 4 : number);
  const int64_t height = coding.local ? g.y.kernel : g.y.input;
  const int64_t width = coding.local ? g.x.kernel : g.x.input;
  const int64_t channels = coding.local ? 1 : g.channels, batch = coding.local ? 1 : g.batch;
  const std::pair<int64_t*, int64_t> nhwc[] = {
      {&coding.channel, channels}, {&coding.x, width}, {&coding.y, height}, {&coding.image, batch}};
  const std::pair<int64_t*, int64_t> nchw[] = {
      {&coding.x, width}, {&coding.y, height}, {&coding.channel, channels}, {&coding.image, batch}};
  for (int i = 0; i < dimensions; ++i) {
    const auto& [stride, size] = g.nhwc ? nhwc[i] : nchw[i];
    *stride = coding.count;
    if (size < 0 || coding.count < 0) coding.count = unknown_dimension;
    else if (__builtin_mul_overflow(coding.count, size, &coding.count)) coding.count = INT64_MAX;
  }
  // A window has one channel and one image: their coordinates are 0.
  if (coding.local) coding.channel = coding.image = 0;
  return coding;
}

void pool_maximum(const Pooling2DGeometry& g, const IndexCoding& coding, const TensorView& source,
                  const MaximumResults& results, const Parallel& parallel) {
  const Images images(g);
  if (images.lines() * images.line_size() == 0) return;
  with_numeric(source.data_type, [&]<class T>(TypeTag<T>) {
    parallel.for_range(
        images.lines(), grain_of(images.operations_per_line()), [&](int64_t begin, int64_t end) {
          std::vector<int64_t> chosen;
          for (int64_t line = begin; line < end; ++line) {
            const T* image = source.as<const T>() + line / g.y.output * images.source_size();
            choose_line(images, image, line % g.y.output, chosen);
            write_maxima(images, coding, image, results, line, chosen);
          }
        });
  });
}

void scatter_to_maximum(const Pooling2DGeometry& g, const Choice& choice,
                        const TensorView& gradient, const TensorView& result,
                        const Parallel& parallel) {
  const Images images(g);
  if (images.count * images.source_size() == 0) return;
  with_numeric(result.data_type, [&]<class T>(TypeTag<T>) {
    using C = std::conditional_t<std::is_integral_v<T>, uint64_t, ComputeType<T>>;
    const auto one_image = [&](int64_t image, std::vector<int64_t>& chosen, std::vector<C>& sums) {
      sums.assign(static_cast<size_t>(images.source_size()), C(0));
      for (int64_t oy = 0; oy < g.y.output; ++oy) {
        chosen_line<T>(images, choice, image, oy, chosen);
        const T* from = gradient.as<const T>() + (image * g.y.output + oy) * images.line_size();
        for (int64_t i = 0; i < images.line_size(); ++i) {
          const int64_t pixel = chosen[static_cast<size_t>(i)];
          if (pixel >= 0)
            sums[static_cast<size_t>(pixel * images.channels + i % images.channels)] +=
                static_cast<C>(from[i]);
        }
      }
      T* out = result.as<T>() + image * images.source_size();
      for (size_t i = 0; i < sums.size(); ++i) out[i] = static_cast<T>(sums[i]);
    };
    parallel.for_range(images.count, grain_of(images.operations_per_line() * g.y.output),
                       [&](int64_t begin, int64_t end) {
                         std::vector<int64_t> chosen;
                         std::vector<C> sums;
                         for (int64_t image = begin; image < end; ++image)
                           one_image(image, chosen, sums);
                       });
  });
}

void gather_from_maximum(const Pooling2DGeometry& g, const Choice& choice, const TensorView& tensor,
                         const TensorView& result, const Parallel& parallel) {
  const Images images(g);
  if (images.lines() * images.line_size() == 0) return;
  with_numeric(result.data_type, [&]<class T>(TypeTag<T>) {
    parallel.for_range(
        images.lines(), grain_of(images.operations_per_line()), [&](int64_t begin, int64_t end) {
          std::vector<int64_t> chosen;
          for (int64_t line = begin; line < end; ++line) {
            const int64_t image = line / g.y.output;
            chosen_line<T>(images, choice, image, line % g.y.output, chosen);
            const T* from = tensor.as<const T>() + image * images.source_size();
            T* out = result.as<T>() + line * images.line_size();
            for (int64_t i = 0; i < images.line_size(); ++i) {
              const int64_t pixel = chosen[static_cast<size_t>(i)];
              out[i] = pixel < 0 ? static_cast<T>(ComputeType<T>(0))
                                 : from[pixel * images.channels + i % images.channels];
            }
          }
        });
  });
}

void pool_average(const Pooling2DGeometry& g, const TensorView& source, const TensorView& result,
                  const Parallel& parallel) {
  const Images images(g);
  if (images.lines() * images.line_size() == 0) return;
  with_floating(result.data_type, [&]<class T>(TypeTag<T>) {
    const Divisors<ComputeType<T>> divisors(g);
    parallel.for_range(
        images.lines(), grain_of(images.operations_per_line()), [&](int64_t begin, int64_t end) {
          std::vector<ComputeType<T>> sums;
          for (int64_t line = begin; line < end; ++line)
            average_line(images, divisors,
                         source.as<const T>() + line / g.y.output * images.source_size(),
                         line % g.y.output, result.as<T>() + line * images.line_size(), sums);
        });
  });
}

void pool_average_gradient(const Pooling2DGeometry& g, const TensorView& gradient,
                           const TensorView& result, const Parallel& parallel) {
  const Images images(g);
  if (images.count * images.source_size() == 0) return;
  const int64_t input_line = g.x.input * images.channels;
  with_floating(result.data_type, [&]<class T>(TypeTag<T>) {
    const Divisors<ComputeType<T>> divisors(g);
    parallel.for_range(
        images.count * g.y.input, grain_of(input_line * g.y.kernel * g.x.kernel),
        [&](int64_t begin, int64_t end) {
          std::vector<ComputeType<T>> sums;
          for (int64_t line = begin; line < end; ++line)
            average_gradient_line(
                images, divisors,
                gradient.as<const T>() + line / g.y.input * g.y.output * images.line_size(),
                line % g.y.input, result.as<T>() + line * input_line, sums);
        });
  });
}

}  // namespace mpsg::ops
