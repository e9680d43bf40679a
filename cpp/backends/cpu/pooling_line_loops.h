// The loops of line kernels for vectors of any size. Included by one file for each instruction set,
// which is compiled for that set: everything here is local to the file, and no inline function of
// the standard library may be called, lest the linker keep the copy that needs the newest
// processor.
#pragma once

#include <limits>
#include <type_traits>

#include "backends/cpu/pooling_lines.h"

namespace mpsg::pooling {
namespace {

template <int bytes>
struct VectorTypes {
  typedef float Value __attribute__((vector_size(bytes)));
  typedef int32_t Index __attribute__((vector_size(bytes)));
  typedef float Anywhere __attribute__((vector_size(bytes), aligned(4), may_alias));
};
/// A single float, for the channels that do not fill a vector.
template <>
struct VectorTypes<4> {
  using Value = float;
  using Index = int32_t;
  using Anywhere = float;
};

template <int bytes>
struct Vector {
  using Value = typename VectorTypes<bytes>::Value;
  using Index = typename VectorTypes<bytes>::Index;
  static constexpr int lanes = bytes / 4;

  [[gnu::always_inline]] static Value load(const float* from) {
    return *reinterpret_cast<const typename VectorTypes<bytes>::Anywhere*>(from);
  }
  [[gnu::always_inline]] static void store(float* to, Value value) {
    *reinterpret_cast<typename VectorTypes<bytes>::Anywhere*>(to) = value;
  }
  [[gnu::always_inline]] static Value splat(float value) { return value - Value{}; }
  /// Is the candidate larger, or the first NaN?
  [[gnu::always_inline]] static auto better(Value candidate, Value best) {
    if constexpr (bytes == 4) return best == best && !(candidate <= best);
    else return (best == best) & ~(candidate <= best);
  }
};

/// step(vector type tag, channel) over all channels, in vectors as wide as what is left allows.
template <int bytes, class Step>
[[gnu::always_inline]] inline void for_each_vector(int64_t channels, Step&& step) {
  int64_t c = 0;
  for (; c + bytes / 4 <= channels; c += bytes / 4) step(Vector<bytes>{}, c);
  if constexpr (bytes > 16)
    for (; c + 4 <= channels; c += 4) step(Vector<16>{}, c);
  for (; c < channels; ++c) step(Vector<4>{}, c);
}

/// visit(offset) for each tap of a window, in the order in which the first of equal maxima counts.
template <class Visit>
[[gnu::always_inline]] inline void for_each_tap(const WindowLine& line, const Taps& column,
                                                Visit&& visit) {
  int64_t row = line.row.offset + column.offset;
  for (int64_t y = 0; y < line.row.count; ++y, row += line.row_step)
    for (int64_t x = 0; x < column.count; ++x) visit(row + x * line.column_step);
}

template <int bytes>
void maxima(const WindowLine& line, const float* image, float* result) {
  constexpr float nothing = -std::numeric_limits<float>::infinity();
  for (int64_t w = 0; w < line.windows; ++w, result += line.result_step) {
    const Taps column = line.columns[w];
    const bool empty = line.row.count * column.count == 0;
    const int64_t first = line.row.offset + column.offset;
    for_each_vector<bytes>(
        line.channels, [&]<class V>(V, int64_t c) __attribute__((always_inline)) {
          typename V::Value best = empty ? V::splat(nothing) : V::load(image + first + c);
          for_each_tap(line, column, [&](int64_t offset) __attribute__((always_inline)) {
            const typename V::Value candidate = V::load(image + offset + c);
            best = V::better(candidate, best) ? candidate : best;
          });
          V::store(result + c, best);
        });
  }
}

/// Divides by a power of two as a product, which is as exact and faster.
struct Divisor {
  float value, inverse;
  bool by_inverse;

  explicit Divisor(float divisor) : value(divisor), inverse(1.0f / divisor) {
    const auto whole = static_cast<uint32_t>(divisor);
    by_inverse = divisor < 65536.0f && (whole & (whole - 1)) == 0;
  }
};

template <int bytes>
void averages(const WindowLine& line, const float* image, float row_divisor,
              const float* column_divisors, float* result) {
  for (int64_t w = 0; w < line.windows; ++w, result += line.result_step) {
    const Taps column = line.columns[w];
    const Divisor divisor(row_divisor * column_divisors[w]);
    for_each_vector<bytes>(
        line.channels, [&]<class V>(V, int64_t c) __attribute__((always_inline)) {
          typename V::Value sum{};
          for_each_tap(line, column, [&](int64_t offset) __attribute__((always_inline)) {
            sum += V::load(image + offset + c);
          });
          V::store(result + c, divisor.by_inverse ? sum * divisor.inverse : sum / divisor.value);
        });
  }
}

template <int bytes, bool overwrite>
void give_to_maxima(const WindowLine& line, const float* image, const float* gradient,
                    float* result) {
  for (int64_t w = 0; w < line.windows; ++w, gradient += line.result_step) {
    const Taps column = line.columns[w];
    if (line.row.count * column.count == 0) continue;
    const int64_t first = line.row.offset + column.offset;
    for_each_vector<bytes>(
        line.channels, [&]<class V>(V, int64_t c) __attribute__((always_inline)) {
          typename V::Value best = V::load(image + first + c);
          typename V::Index where{};
          int32_t tap = 0;
          for_each_tap(line, column, [&](int64_t offset) __attribute__((always_inline)) {
            const typename V::Value candidate = V::load(image + offset + c);
            const typename V::Index here = typename V::Index{} + tap++;
            const auto better = V::better(candidate, best);
            best = better ? candidate : best;
            where = better ? here : where;
          });
          // 0 + gradient even where nothing was before: the sign of a zero must not depend on
          // overlap.
          const typename V::Value given = V::load(gradient + c);
          tap = 0;
          for_each_tap(line, column, [&](int64_t offset) __attribute__((always_inline)) {
            float* const at = result + offset + c;
            const typename V::Index here = typename V::Index{} + tap++;
            const typename V::Value before =
                overwrite ? typename V::Value{} : typename V::Value(V::load(at));
            V::store(at, where == here ? before + given : before);
          });
        });
  }
}

template <int bytes>
void average_gradients(const ReaderLine& line, const float* gradient, float* result) {
  for (int64_t x = 0; x < line.pixels; ++x, result += line.channels) {
    const Readers columns = line.columns[x];
    for_each_vector<bytes>(
        line.channels, [&]<class V>(V, int64_t c) __attribute__((always_inline)) {
          typename V::Value sum{};
          for (int64_t j = line.rows.begin; j < line.rows.end; ++j) {
            const int64_t row = line.row_list[j];
            for (int64_t i = columns.begin; i < columns.end; ++i) {
              const int64_t column = line.column_list[i];
              const Divisor divisor(line.row_divisors[row] * line.column_divisors[column]);
              const typename V::Value given =
                  V::load(gradient + row * line.gradient_line + column * line.channels + c);
              sum += divisor.by_inverse ? given * divisor.inverse : given / divisor.value;
            }
          }
          V::store(result + c, sum);
        });
  }
}

template <int bytes>
constexpr LineKernels make_line_kernels(const char* name) {
  return {name,
          maxima<bytes>,
          averages<bytes>,
          give_to_maxima<bytes, false>,
          give_to_maxima<bytes, true>,
          average_gradients<bytes>};
}

}  // namespace
}  // namespace mpsg::pooling
