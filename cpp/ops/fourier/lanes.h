// Fourier transforms of several lines at once, one in each lane of the vectors: every step of every
// length is then whole vectors. For one vector length; the CPU backend compiles it again with the
// flags of each instruction set, so there is nothing of the standard library here: an inline
// function compiled with AVX-512 could be the copy that the linker keeps for everybody.
#pragma once

#include <cstdint>

#include "ops/fourier/lanes_call.h"

namespace mpsg::ops::fourier {
namespace {

template <int... I>
struct Indices {};
template <int Count, int... I>
struct MakeIndices : MakeIndices<Count - 1, Count - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using Type = Indices<I...>;
};

template <int L>
struct Lanes {
  using All = typename MakeIndices<L>::Type;
  typedef float Vector __attribute__((vector_size(L * sizeof(float))));
  typedef float Anywhere __attribute__((vector_size(L * sizeof(float)), aligned(4), may_alias));

  /// A complex number in each lane; in memory the real parts come first.
  struct Complex {
    Vector re, im;
  };

  [[gnu::always_inline]] static inline Vector load(const float* from) {
    return *reinterpret_cast<const Anywhere*>(from);
  }
  [[gnu::always_inline]] static inline void store(float* to, Vector value) {
    *reinterpret_cast<Anywhere*>(to) = value;
  }
  [[gnu::always_inline]] static inline Complex get(const float* buffer, int64_t i) {
    return {load(buffer + 2 * L * i), load(buffer + 2 * L * i + L)};
  }
  [[gnu::always_inline]] static inline void put(float* buffer, int64_t i, Complex value) {
    store(buffer + 2 * L * i, value.re);
    store(buffer + 2 * L * i + L, value.im);
  }
  [[gnu::always_inline]] static inline Complex add(Complex a, Complex b) {
    return {a.re + b.re, a.im + b.im};
  }
  [[gnu::always_inline]] static inline Complex subtract(Complex a, Complex b) {
    return {a.re - b.re, a.im - b.im};
  }
  /// a * -i
  [[gnu::always_inline]] static inline Complex turned(Complex a) { return {a.im, -a.re}; }
  /// a * (re, im): the same number for all lanes.
  [[gnu::always_inline]] static inline Complex times(Complex a, float re, float im) {
    return {a.re * re - a.im * im, a.re * im + a.im * re};
  }
  [[gnu::always_inline]] static inline Complex times(Complex a, const float* w) {
    return times(a, w[0], w[1]);
  }

  // --- Butterflies: x[k] becomes the sum of x[j] * exp(-2 pi i j k / radix)

  template <class Dummy>
  struct Butterfly2 {
    static constexpr int radix = 2;
    [[gnu::always_inline]] static inline void apply(Complex (&x)[2]) {
      const Complex a = x[0];
      x[0] = add(a, x[1]);
      x[1] = subtract(a, x[1]);
    }
  };

  template <class Dummy>
  struct Butterfly3 {
    static constexpr int radix = 3;
    [[gnu::always_inline]] static inline void apply(Complex (&x)[3]) {
      constexpr float s = 0.866025403784438646763723f;
      const Complex sum = add(x[1], x[2]);
      const Complex difference = turned(subtract(x[1], x[2]));
      const Complex middle{x[0].re - 0.5f * sum.re, x[0].im - 0.5f * sum.im};
      const Complex side{s * difference.re, s * difference.im};
      x[0] = add(x[0], sum);
      x[1] = add(middle, side);
      x[2] = subtract(middle, side);
    }
  };

  template <class Dummy>
  struct Butterfly4 {
    static constexpr int radix = 4;
    [[gnu::always_inline]] static inline void apply(Complex (&x)[4]) {
      const Complex a = add(x[0], x[2]), b = subtract(x[0], x[2]);
      const Complex c = add(x[1], x[3]), d = turned(subtract(x[1], x[3]));
      x[0] = add(a, c);
      x[1] = add(b, d);
      x[2] = subtract(a, c);
      x[3] = subtract(b, d);
    }
  };

  template <class Dummy>
  struct Butterfly5 {
    static constexpr int radix = 5;
    [[gnu::always_inline]] static inline void apply(Complex (&x)[5]) {
      constexpr float c1 = 0.309016994374947424f, c2 = -0.809016994374947424f,
                      s1 = 0.951056516295153572f, s2 = 0.587785252292473129f;
      const Complex a = add(x[1], x[4]), b = add(x[2], x[3]);
      const Complex d = turned(subtract(x[1], x[4])), e = turned(subtract(x[2], x[3]));
      const Complex m1{x[0].re + c1 * a.re + c2 * b.re, x[0].im + c1 * a.im + c2 * b.im};
      const Complex m2{x[0].re + c2 * a.re + c1 * b.re, x[0].im + c2 * a.im + c1 * b.im};
      const Complex n1{s1 * d.re + s2 * e.re, s1 * d.im + s2 * e.im};
      const Complex n2{s2 * d.re - s1 * e.re, s2 * d.im - s1 * e.im};
      x[0] = add(x[0], add(a, b));
      x[1] = add(m1, n1);
      x[2] = add(m2, n2);
      x[3] = subtract(m2, n2);
      x[4] = subtract(m1, n1);
    }
  };

  template <class Dummy>
  struct Butterfly8 {
    static constexpr int radix = 8;
    [[gnu::always_inline]] static inline void apply(Complex (&x)[8]) {
      constexpr float h = 0.707106781186547524f;
      Complex even[4] = {x[0], x[2], x[4], x[6]}, odd[4] = {x[1], x[3], x[5], x[7]};
      Butterfly4<void>::apply(even);
      Butterfly4<void>::apply(odd);
      odd[1] = {h * (odd[1].re + odd[1].im), h * (odd[1].im - odd[1].re)};
      odd[2] = turned(odd[2]);
      odd[3] = {h * (odd[3].im - odd[3].re), -h * (odd[3].re + odd[3].im)};
      for (int k = 0; k < 4; ++k) {
        x[k] = add(even[k], odd[k]);
        x[k + 4] = subtract(even[k], odd[k]);
      }
    }
  };

  // --- Stages (Stockham's: no order of bits to undo)

  /// Cuts transforms of `length` elements, `stride` of them side by side, into `radix` parts each.
  /// The twiddles are w(length)^(j * p) for each p, then j = 1 ... radix - 1.
  template <class B>
  static void stage(const float* from, float* to, int64_t length, int64_t stride,
                    const float* twiddles) {
    constexpr int R = B::radix;
    const int64_t parts = length / R;
    for (int64_t p = 0; p < parts; ++p) {
      const float* const w = twiddles + 2 * (R - 1) * p;
      for (int64_t q = 0; q < stride; ++q) {
        Complex x[R];
#pragma GCC unroll 8
        for (int k = 0; k < R; ++k) x[k] = get(from, q + stride * (p + k * parts));
        B::apply(x);
        float* const at = to + 2 * L * (q + stride * R * p);
        put(at, 0, x[0]);
#pragma GCC unroll 8
        for (int k = 1; k < R; ++k) put(at, k * stride, times(x[k], w + 2 * (k - 1)));
      }
    }
  }

  /// Any other radix, by its definition; `roots` are w(radix)^k.
  static void slow_stage(const float* from, float* to, int64_t length, int64_t stride,
                         const float* twiddles, int64_t radix, const float* roots) {
    const int64_t parts = length / radix;
    for (int64_t p = 0; p < parts; ++p)
      for (int64_t q = 0; q < stride; ++q)
        for (int64_t j = 0; j < radix; ++j) {
          Complex sum = get(from, q + stride * p);
          int64_t root = 0;
          for (int64_t k = 1; k < radix; ++k) {
            root += j;
            if (root >= radix) root -= radix;
            sum = add(sum, times(get(from, q + stride * (p + k * parts)), roots + 2 * root));
          }
          if (j > 0) sum = times(sum, twiddles + 2 * ((radix - 1) * p + j - 1));
          put(to, q + stride * (radix * p + j), sum);
        }
  }

  /// Transforms what is in `a`; the result is in the buffer that is returned, a or b.
  static float* run_stages(const StagesView& stages, float* a, float* b) {
    int64_t length = stages.length, stride = 1;
    for (int i = 0; i < stages.count; ++i) {
      const StageView& s = stages.stages[i];
      const float* const w = stages.twiddles + s.twiddles;
      switch (s.radix) {
        case 2: stage<Butterfly2<void>>(a, b, length, stride, w); break;
        case 3: stage<Butterfly3<void>>(a, b, length, stride, w); break;
        case 4: stage<Butterfly4<void>>(a, b, length, stride, w); break;
        case 5: stage<Butterfly5<void>>(a, b, length, stride, w); break;
        case 8: stage<Butterfly8<void>>(a, b, length, stride, w); break;
        default: slow_stage(a, b, length, stride, w, s.radix, stages.twiddles + s.roots);
      }
      length /= s.radix;
      stride *= s.radix;
      float* const other = a;
      a = b;
      b = other;
    }
    return a;
  }

  static void conjugate(float* buffer, int64_t length) {
    for (int64_t i = 0; i < length; ++i) {
      const Complex x = get(buffer, i);
      put(buffer, i, {x.re, -x.im});
    }
  }

  /// Bluestein's: a transform of any length as a convolution with a chirp.
  static float* run_chirp(const TransformView& t, float* a, float* b) {
    const int64_t n = t.length, m = t.stages.length;
    for (int64_t i = 0; i < n; ++i) put(a, i, times(get(a, i), t.chirp + 2 * i));
    for (int64_t i = n; i < m; ++i) put(a, i, Complex{Vector{}, Vector{}});
    float* x = run_stages(t.stages, a, b);
    float* y = x == a ? b : a;
    for (int64_t i = 0; i < m; ++i) put(x, i, times(get(x, i), t.filter + 2 * i));
    conjugate(x, m);  // the filter holds 1 / m
    float* const z = run_stages(t.stages, x, y);
    conjugate(z, n);
    for (int64_t i = 0; i < n; ++i) put(z, i, times(get(z, i), t.chirp + 2 * i));
    return z;
  }

  static float* run(const TransformView& t, float* a, float* b) {
    return t.chirp ? run_chirp(t, a, b) : run_stages(t.stages, a, b);
  }

  // --- From lines in memory to lanes and back

  template <int H, int... P>
  [[gnu::always_inline]] static inline void exchange(Vector& a, Vector& b, Indices<P...>) {
    const Vector first = __builtin_shufflevector(a, b, ((P & H) ? L + P - H : P)...);
    b = __builtin_shufflevector(a, b, ((P & H) ? L + P : P + H)...);
    a = first;
  }
  template <int H>
  [[gnu::always_inline]] static inline void exchange_blocks(Vector (&rows)[L]) {
    if constexpr (H > 0) {
#pragma GCC unroll 16
      for (int i = 0; i < L; ++i)
        if (!(i & H)) exchange<H>(rows[i], rows[i + H], All{});
      exchange_blocks<H / 2>(rows);
    }
  }
  /// A matrix of L x L numbers.
  [[gnu::always_inline]] static inline void transpose(Vector (&rows)[L]) {
    exchange_blocks<L / 2>(rows);
  }

  /// Neighbours (re, im, re, im, ...) of L complex numbers, and the other way round.
  template <int... P>
  [[gnu::always_inline]] static inline Complex separated(Vector first, Vector second,
                                                         Indices<P...>) {
    return {__builtin_shufflevector(first, second, (2 * P)...),
            __builtin_shufflevector(first, second, (2 * P + 1)...)};
  }
  template <int... P>
  [[gnu::always_inline]] static inline void interleave(Complex x, float* to, Indices<P...>) {
    store(to, __builtin_shufflevector(x.re, x.im, ((P & 1) ? L + P / 2 : P / 2)...));
    store(to + L,
          __builtin_shufflevector(x.re, x.im, ((P & 1) ? L + L / 2 + P / 2 : L / 2 + P / 2)...));
  }

  /// Floats of `lines` lines, `width` floats of each (a multiple of L is quick), to
  /// buffer[i * step + lane] for the i-th float.
  static void gather_rows(const float* from, int64_t line_step, int64_t lines, int64_t width,
                          float* buffer, int64_t step) {
    int64_t i = 0;
    if (lines == L)
      for (; i + L <= width; i += L) {
        Vector rows[L];
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) rows[k] = load(from + k * line_step + i);
        transpose(rows);
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) store(buffer + (i + k) * step, rows[k]);
      }
    for (; i < width; ++i)
      for (int64_t k = 0; k < L; ++k)
        buffer[i * step + k] = k < lines ? from[k * line_step + i] : 0.0f;
  }

  static void scatter_rows(const float* buffer, int64_t step, int64_t lines, int64_t width,
                           float* to, int64_t line_step) {
    int64_t i = 0;
    if (lines == L)
      for (; i + L <= width; i += L) {
        Vector rows[L];
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) rows[k] = load(buffer + (i + k) * step);
        transpose(rows);
#pragma GCC unroll 16
        for (int k = 0; k < L; ++k) store(to + k * line_step + i, rows[k]);
      }
    for (; i < width; ++i)
      for (int64_t k = 0; k < lines; ++k) to[k * line_step + i] = buffer[i * step + k];
  }

  /// `count` complex numbers of each line.
  static void read_complex(const LinesView& lines, int64_t count, float* buffer) {
    const float* const from = lines.data;
    if (lines.element_step == 1)
      return gather_rows(from, 2 * lines.line_step, lines.count, 2 * count, buffer, L);
    if (lines.line_step == 1 && lines.count == L) {
      for (int64_t i = 0; i < count; ++i) {
        const float* const at = from + 2 * lines.element_step * i;
        put(buffer, i, separated(load(at), load(at + L), All{}));
      }
      return;
    }
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < L; ++k)
        for (int64_t part = 0; part < 2; ++part)
          buffer[2 * L * i + L * part + k] =
              k < lines.count ? from[2 * (lines.element_step * i + lines.line_step * k) + part]
                              : 0.0f;
  }

  static void write_complex(const float* buffer, int64_t count, const LinesView& lines) {
    float* const to = lines.data;
    if (lines.element_step == 1)
      return scatter_rows(buffer, L, lines.count, 2 * count, to, 2 * lines.line_step);
    if (lines.line_step == 1 && lines.count == L) {
      for (int64_t i = 0; i < count; ++i) {
        float* const at = to + 2 * lines.element_step * i;
        interleave(get(buffer, i), at, All{});
      }
      return;
    }
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < lines.count; ++k)
        for (int64_t part = 0; part < 2; ++part)
          to[2 * (lines.element_step * i + lines.line_step * k) + part] =
              buffer[2 * L * i + L * part + k];
  }

  /// Real numbers of up to L lines to buffer[2 * L * i + lane], every other vector.
  static void read_real(const LinesView& lines, int64_t count, float* buffer) {
    if (lines.count <= 0) {
      for (int64_t i = 0; i < count; ++i) store(buffer + 2 * L * i, Vector{});
      return;
    }
    if (lines.element_step == 1)
      return gather_rows(lines.data, lines.line_step, lines.count, count, buffer, 2 * L);
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < L; ++k)
        buffer[2 * L * i + k] =
            k < lines.count ? lines.data[lines.element_step * i + lines.line_step * k] : 0.0f;
  }
  static void write_real(const float* buffer, int64_t count, const LinesView& lines) {
    if (lines.count <= 0) return;
    if (lines.element_step == 1)
      return scatter_rows(buffer, 2 * L, lines.count, count, lines.data, lines.line_step);
    for (int64_t i = 0; i < count; ++i)
      for (int64_t k = 0; k < lines.count; ++k)
        lines.data[lines.element_step * i + lines.line_step * k] = buffer[2 * L * i + k];
  }

  /// The lines from number L on, of which there may be none.
  static LinesView second_half(const LinesView& lines, int64_t floats) {
    LinesView half = lines;
    half.count = lines.count - L;
    half.data = lines.data + floats * L * lines.line_step;
    return half;
  }
  static LinesView first_half(const LinesView& lines) {
    LinesView half = lines;
    half.count = lines.count < L ? lines.count : L;
    return half;
  }

  // --- Whole calls

  static void scaled(float* buffer, int64_t count, float scale) {
    if (scale == 1.0f) return;
    for (int64_t i = 0; i < 2 * count; ++i) store(buffer + L * i, load(buffer + L * i) * scale);
  }

  /// Up to L complex lines.
  static void complex_lines(const LanesCall& c) {
    const TransformView& t = *c.transform;
    float *const a = c.workspace, *const b = a + 2 * L * t.buffer_length;
    read_complex(c.source, t.length, a);
    if (c.inverse) conjugate(a, t.length);
    float* const x = run(t, a, b);
    if (c.twiddles)  // a part of a longer transform; by lane
      for (int64_t i = 0; i < t.length; ++i) {
        const float* const w = c.twiddles + 2 * c.twiddle_step * i;
        const Complex value = get(x, i);
        Complex by;
        if (c.source.count == L) by = separated(load(w), load(w + L), All{});
        else
          for (int k = 0; k < L; ++k) {
            by.re[k] = k < c.source.count ? w[2 * k] : 0.0f;
            by.im[k] = k < c.source.count ? w[2 * k + 1] : 0.0f;
          }
        put(x, i, {value.re * by.re - value.im * by.im, value.re * by.im + value.im * by.re});
      }
    if (c.inverse) conjugate(x, t.length);
    scaled(x, t.length, c.scale);
    write_complex(x, t.length, c.target);
  }

  /// Up to 2 L real lines to the first half of their spectra: two lines are one complex one.
  static void real_lines(const LanesCall& c) {
    const TransformView& t = *c.transform;
    const int64_t n = t.length, half = n / 2 + 1;
    float *const a = c.workspace, *const b = a + 2 * L * t.buffer_length;
    read_real(first_half(c.source), n, a);
    read_real(second_half(c.source, 1), n, a + L);
    float* const x = run(t, a, b);
    float *const first = c.workspace + 4 * L * t.buffer_length, *const second =
                                                                    first + 2 * L * half;
    for (int64_t k = 0; k < half; ++k) {
      const float scale = 0.5f * c.scale * (k == 0 || 2 * k == n ? 1.0f : c.inner);
      const float sign = c.inverse ? -scale : scale;
      const Complex p = get(x, k), q = get(x, k == 0 ? 0 : n - k);
      put(first, k, {(p.re + q.re) * scale, (p.im - q.im) * sign});
      put(second, k, {(p.im + q.im) * scale, (q.re - p.re) * sign});
    }
    write_complex(first, half, first_half(c.target));
    if (c.target.count > L) write_complex(second, half, second_half(c.target, 2));
  }

  /// The other way round: up to 2 L half spectra to real lines.
  static void hermitean_lines(const LanesCall& c) {
    const TransformView& t = *c.transform;
    const int64_t n = t.length, half = n / 2 + 1;
    float *const a = c.workspace, *const b = a + 2 * L * t.buffer_length;
    float *const first = c.workspace + 4 * L * t.buffer_length, *const second =
                                                                    first + 2 * L * half;
    read_complex(first_half(c.source), half, first);
    const bool both = c.source.count > L;
    if (both) read_complex(second_half(c.source, 2), half, second);
    // a + i b of the spectra; the real result takes the real parts of what is its own mirror.
    const float sign = c.inverse ? -c.inner : c.inner;
    for (int64_t k = 0; k < half; ++k) {
      Complex p = get(first, k), q = both ? get(second, k) : Complex{Vector{}, Vector{}};
      if (k == 0 || 2 * k == n) {
        put(a, k, {p.re, q.re});
        continue;
      }
      p = {p.re * c.inner, p.im * sign};
      q = {q.re * c.inner, q.im * sign};
      put(a, k, {p.re - q.im, p.im + q.re});
      put(a, n - k, {p.re + q.im, q.re - p.im});
    }
    float* const x = run(t, a, b);
    scaled(x, n, c.scale);
    write_real(x, n, first_half(c.target));
    write_real(x + L, n, second_half(c.target, 1));
  }
};

template <int L>
constexpr LaneKernels lane_kernels() {
  return {L, Lanes<L>::complex_lines, Lanes<L>::real_lines, Lanes<L>::hermitean_lines};
}

}  // namespace
}  // namespace mpsg::ops::fourier
