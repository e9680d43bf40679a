// The loops of strip kernels for vectors of any size. Included by one file for each instruction
// set, which is compiled for that set: everything here is local to the file, and no inline function
// of the standard library may be called, lest the linker keep the copy that needs the newest
// processor.
#pragma once

#include <type_traits>
#include <utility>

#include "backends/cpu/contraction/convolution_strips.h"

namespace mpsg::contraction {
namespace {

/// f(0) ... f(count - 1), unrolled before the optimiser looks, so that sums stay in registers.
template <int count, class F>
[[gnu::always_inline]] inline void repeat(F&& f) {
  [&]<int... i>(std::integer_sequence<int, i...>) __attribute__((always_inline)) {
    (f(std::integral_constant<int, i>{}), ...);
  }(std::make_integer_sequence<int, count>{});
}

template <int bytes>
struct Vectors {
  // Not `using`: GCC drops the attribute there.
  typedef float Value __attribute__((vector_size(bytes)));
  typedef float Unaligned __attribute__((vector_size(bytes), aligned(4), may_alias));
  static constexpr int lanes = bytes / 4;

  [[gnu::always_inline]] static Value load(const float* from) {
    return *reinterpret_cast<const Unaligned*>(from);
  }
  [[gnu::always_inline]] static void store(float* to, Value value) {
    *reinterpret_cast<Unaligned*>(to) = value;
  }
  [[gnu::always_inline]] static Value splat(float value) { return value - Value{}; }
};

/// sums[row][vector] += the element of each row times the vectors at b.
template <class V, int rows, int vectors, class Element>
[[gnu::always_inline]] inline void add_products(typename V::Value (&sums)[rows][vectors],
                                                const float* b, Element&& element) {
  typename V::Value columns[vectors];
  repeat<vectors>([&](auto v)
                      __attribute__((always_inline)) { columns[v] = V::load(b + v * V::lanes); });
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    const typename V::Value x = V::splat(element(r));
    repeat<vectors>([&](auto v) __attribute__((always_inline)) { sums[r][v] += x * columns[v]; });
  });
}

/// The address is all the compiler may know of it: else it keeps one pointer for each row, more
/// than there are registers.
[[gnu::always_inline]] inline void forget_origin(const char*& address) {
  asm volatile("" : "+r"(address));
}

template <class V, int rows, int vectors>
[[gnu::always_inline]] inline void across_depth(typename V::Value (&sums)[rows][vectors],
                                                const StripCall& s, const float* a,
                                                const float* b) {
  constexpr int bases = (rows + 3) / 4;  // rows 4q ... 4q + 3 are addressed from base q
  const int64_t step = s.a_row * 4, triple = 3 * step;
  const char* base[bases];
  repeat<bases>([&](auto q) __attribute__((always_inline)) {
    base[q] = reinterpret_cast<const char*>(a) + q * 4 * step;
  });
  for (int64_t k = s.depth; k > 0; --k) {
    add_products<V>(sums, b, [&](auto r) __attribute__((always_inline)) {
      constexpr int place = r % 4;
      const int64_t offset = place == 3 ? triple : place * step;
      return *reinterpret_cast<const float*>(base[r / 4] + offset);
    });
    b += s.b_depth;
    repeat<bases>([&](auto q) __attribute__((always_inline)) {
      base[q] += 4;
      forget_origin(base[q]);
    });
  }
}

template <class V, int rows, int vectors>
[[gnu::always_inline]] inline void along_depth(typename V::Value (&sums)[rows][vectors],
                                               const StripCall& s, const float* a, const float* b) {
  for (int64_t k = s.depth; k > 0; --k) {
    add_products<V>(sums, b, [&](auto r) __attribute__((always_inline)) { return a[r]; });
    a += s.a_depth;
    b += s.b_depth;
  }
}

template <class V, int rows, int vectors, bool across>
void strip(const StripCall& call) {
  const StripCall s = call;
  typename V::Value sums[rows][vectors];
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    repeat<vectors>([&](auto v)
                        __attribute__((always_inline)) { sums[r][v] = typename V::Value{}; });
  });
  const float *a_outer = s.a, *b_outer = s.b;
  for (int64_t o = 0; o < s.outer; ++o, a_outer += s.a_outer, b_outer += s.b_outer) {
    const float *a = a_outer, *b = b_outer;
    for (int64_t i = 0; i < s.inner; ++i, a += s.a_inner, b += s.b_inner) {
      if constexpr (across) across_depth<V>(sums, s, a, b);
      else along_depth<V>(sums, s, a, b);
    }
  }
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    repeat<vectors>([&](auto v) __attribute__((always_inline)) {
      float* const to = s.c + r * s.c_row + v * V::lanes;
      V::store(to, s.accumulate ? V::load(to) + sums[r][v] : sums[r][v]);
    });
  });
}

/// A single float, for channels that do not fill a vector.
struct Scalar {
  using Value = float;
  static constexpr int lanes = 1;
  [[gnu::always_inline]] static float load(const float* from) { return *from; }
  [[gnu::always_inline]] static void store(float* to, float value) { *to = value; }
};

/// Lane by lane: the same order of additions whatever the vector is made of.
template <class V>
[[gnu::always_inline]] inline float total(typename V::Value value) {
  float sum = value[0];
  for (int i = 1; i < V::lanes; ++i) sum += value[i];
  return sum;
}

template <class V, int rows, int columns>
void dots(const StripDotsCall& call) {
  const StripDotsCall s = call;
  typename V::Value sums[rows][columns];
  float tails[rows][columns] = {};
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    repeat<columns>([&](auto c)
                        __attribute__((always_inline)) { sums[r][c] = typename V::Value{}; });
  });
  const float *a_outer = s.a, *b_outer = s.b;
  for (int64_t o = 0; o < s.outer; ++o, a_outer += s.a_outer, b_outer += s.b_outer) {
    const float *a_inner = a_outer, *b_inner = b_outer;
    for (int64_t i = 0; i < s.inner; ++i, a_inner += s.a_inner, b_inner += s.b_inner) {
      int64_t k = 0;
      for (; k + V::lanes <= s.depth; k += V::lanes) {
        typename V::Value b[columns];
        repeat<columns>([&](auto c) __attribute__((always_inline)) {
          b[c] = V::load(b_inner + c * s.b_column + k);
        });
        repeat<rows>([&](auto r) __attribute__((always_inline)) {
          const typename V::Value a = V::load(a_inner + r * s.a_row + k);
          repeat<columns>([&](auto c) __attribute__((always_inline)) { sums[r][c] += a * b[c]; });
        });
      }
      for (; k < s.depth; ++k)
        for (int r = 0; r < rows; ++r)
          for (int c = 0; c < columns; ++c)
            tails[r][c] += a_inner[r * s.a_row + k] * b_inner[c * s.b_column + k];
    }
  }
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    repeat<columns>([&](auto c) __attribute__((always_inline)) {
      float* const to = s.c + r * s.c_row + c;
      const float sum = total<V>(sums[r][c]) + tails[r][c];
      *to = s.accumulate ? *to + sum : sum;
    });
  });
}

/// c[row * c_row + lane] = or += the sum over outer, inner and depth of a times b, lane by lane.
template <class V, int rows>
void lanes(const StripCall& call) {
  const StripCall s = call;
  typename V::Value sums[rows];
  repeat<rows>([&](auto r) __attribute__((always_inline)) { sums[r] = typename V::Value{}; });
  const float *a_outer = s.a, *b_outer = s.b;
  for (int64_t o = 0; o < s.outer; ++o, a_outer += s.a_outer, b_outer += s.b_outer) {
    const float *a_inner = a_outer, *b_inner = b_outer;
    for (int64_t i = 0; i < s.inner; ++i, a_inner += s.a_inner, b_inner += s.b_inner) {
      const float *a = a_inner, *b = b_inner;
      for (int64_t k = s.depth; k > 0; --k, a += s.a_depth, b += s.b_depth) {
        const typename V::Value column = V::load(b);
        repeat<rows>([&](auto r) __attribute__((always_inline)) {
          sums[r] += V::load(a + r * s.a_row) * column;
        });
      }
    }
  }
  repeat<rows>([&](auto r) __attribute__((always_inline)) {
    float* const to = s.c + r * s.c_row;
    V::store(to, s.accumulate ? V::load(to) + sums[r] : sums[r]);
  });
}

/// The table of one instruction set. Dots have 4 rows at most: their loads, not their sums, are
/// what many rows would need registers for.
template <int bytes, int accumulators>
constexpr StripKernels make_strip_kernels(const char* name) {
  using V = Vectors<bytes>;
  constexpr int dot_rows = 4;
  StripKernels table{};
  table.name = name;
  table.vector = V::lanes;
  table.accumulators = accumulators;
  table.dot_rows = dot_rows;
  const auto fill = [&]<int r, int v>(std::integral_constant<int, r>,
                                      std::integral_constant<int, v>) {
    if constexpr (r * v <= accumulators) {
      table.across[r][v] = strip<V, r, v, true>;
      table.along[r][v] = strip<V, r, v, false>;
    }
    if constexpr (v == 1 && r <= StripKernels::most_lane_rows) {
      table.lanes[r] = lanes<V, r>;
      table.lane[r] = lanes<Scalar, r>;
    }
    if constexpr (r <= dot_rows && v <= StripKernels::most_dot_columns)
      table.dots[r][v] = dots<V, r, v>;
  };
  [&]<int... i>(std::integer_sequence<int, i...>) {
    (fill(std::integral_constant<int, i / StripKernels::most_vectors + 1>{},
          std::integral_constant<int, i % StripKernels::most_vectors + 1>{}),
     ...);
  }(std::make_integer_sequence<int, StripKernels::most_rows * StripKernels::most_vectors>{});
  return table;
}

}  // namespace
}  // namespace mpsg::contraction
