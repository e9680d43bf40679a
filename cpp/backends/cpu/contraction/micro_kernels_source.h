// The kernels, for one register length; each instruction set's translation unit includes this with
// its flags. Nothing from the standard library: an inline function compiled here with AVX-512 could
// be the copy that the linker keeps for everybody.
#pragma once

#include <cstdint>

#include "backends/cpu/contraction/micro_kernels.h"

// Clang unrolls these loops by itself and does not know the pragma.
#pragma GCC diagnostic ignored "-Wunknown-pragmas"

namespace mpsg::contraction {
namespace {

template <int Floats>
struct VectorTypes {
  typedef float Aligned __attribute__((vector_size(Floats * sizeof(float))));
  typedef float Anywhere
      __attribute__((vector_size(Floats * sizeof(float)), aligned(4), may_alias));
};

template <int... I>
struct Indices {};
template <int Count, int... I>
struct MakeIndices : MakeIndices<Count - 1, Count - 1, I...> {};
template <int... I>
struct MakeIndices<0, I...> {
  using Type = Indices<I...>;
};
template <int Count>
using CountTo = typename MakeIndices<Count>::Type;

/// Where a tile kernel finds the secondary operand's rows.
enum class BPlace {
  packed,    // in a panel
  in_place,  // in the matrix
  copied,    // in the matrix, and they are copied to a panel for the next tiles
};

/// Kernels with vectors of `Floats`, tiles of Rows x (Vectors * Floats).
template <int Floats, int Rows, int Vectors>
struct Kernels {
  using Vector = typename VectorTypes<Floats>::Aligned;
  using Memory = typename VectorTypes<Floats>::Anywhere;
  static constexpr int64_t columns = int64_t{Floats} * Vectors;

  [[gnu::always_inline]] static inline Vector load(const float* from) {
    return *reinterpret_cast<const Memory*>(from);
  }
  [[gnu::always_inline]] static inline void store(float* to, Vector value) {
    *reinterpret_cast<Memory*>(to) = value;
  }

  // --- Tiles

  /// sum += from * *scalar. AVX-512 reads the scalar as part of the multiplication: half as many
  /// instructions to decode as with a broadcast of its own, which no compiler chooses for a scalar
  /// that is used twice.
  [[gnu::always_inline]] static inline void multiply_add(Vector& sum, Vector from,
                                                         const float* scalar) {
#if defined(__AVX512F__)
    if constexpr (Floats == 16)
      asm("vfmadd231ps %2%{1to16%}, %1, %0" : "+v"(sum) : "v"(from), "m"(*scalar));
    else
#endif
      sum += from * *scalar;
  }

  /// One step of the depth: a rank-one update of the sums.
  template <int R, int V, bool Copy>
  [[gnu::always_inline]] static inline void update(Vector (&sums)[R][V], const float* a,
                                                   const float* b, float* copy) {
    Vector from[V];
#pragma GCC unroll 8
    for (int v = 0; v < V; ++v) from[v] = load(b + v * Floats);
    if constexpr (Copy) {
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) store(copy + v * Floats, from[v]);
    }
#pragma GCC unroll 32
    for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
      for (int v = 0; v < V; ++v) multiply_add(sums[r][v], from[v], a + r);
  }

  template <int R, int V>
  [[gnu::always_inline]] static inline void write(const Vector (&sums)[R][V],
                                                  const TileCall& call) {
    if (call.columns < int64_t{V} * Floats) {
      // A copy, so that the sums themselves need no memory.
      Vector kept[R][V];
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) kept[r][v] = sums[r][v];
      for (int r = 0; r < R; ++r)
        write_part(reinterpret_cast<const float*>(kept[r]), call.c + r * call.c_step, call);
    } else if (call.accumulate) {
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) {
          float* const c = call.c + r * call.c_step + v * Floats;
          store(c, load(c) + sums[r][v]);
        }
    } else {
#pragma GCC unroll 32
      for (int r = 0; r < R; ++r)
#pragma GCC unroll 8
        for (int v = 0; v < V; ++v) store(call.c + r * call.c_step + v * Floats, sums[r][v]);
    }
  }

  /// A row of fewer columns than the vectors have.
  static void write_part(const float* sums, float* c, const TileCall& call) {
    int64_t j = 0;
    if (call.accumulate) {
      for (; j < call.columns; ++j) c[j] += sums[j];
      return;
    }
    for (; j + Floats <= call.columns; j += Floats) store(c + j, load(sums + j));
    copy_rest<Floats / 2>(sums + j, c + j, call.columns - j);
  }
  template <int Count>
  [[gnu::always_inline]] static inline void copy_rest(const float* from, float* to, int64_t count) {
    if (count & Count) {
      __builtin_memcpy(to, from, Count * sizeof(float));
      from += Count;
      to += Count;
    }
    if constexpr (Count > 1) copy_rest<Count / 2>(from, to, count);
  }

  template <int R, int V, BPlace Place>
  static void tile_of(const TileCall& call) {
    Vector sums[R][V] = {};
    const float* a = call.a;
    const float* b = call.b;
    float* copy = call.b_copy;
    const int64_t a_step = call.a_step, b_step = call.b_step;
    for (int r = 0; r < R; ++r)
      for (int v = 0; v < V; ++v) __builtin_prefetch(call.c + r * call.c_step + v * Floats, 1);
    // Rows of a matrix read in place are pages apart, which the processor does not foresee. About
    // 200 cycles ahead, a step of the depth taking R * V of them; not much more, because rows 4 KiB
    // apart fall into one set of the first cache.
    constexpr int64_t ahead = 2 + 180 / (R * V);
    const float* soon = call.soon.data;
    for (int64_t left = call.depth; left > 0;) {
      // The lines of a run follow each other, so that nothing is decided in the inner loop.
      const bool whole = Place == BPlace::in_place || call.soon.run <= 0 || call.soon.run > left;
      const int64_t steps = whole ? left : call.soon.run;
#pragma GCC unroll 2
      for (int64_t k = 0; k < steps; ++k) {
        if constexpr (Place == BPlace::in_place) {
          for (int v = 0; v < V; ++v) __builtin_prefetch(b + ahead * b_step + v * Floats);
        } else {
          __builtin_prefetch(soon);
          soon += call.soon.step;
        }
        update<R, V, Place == BPlace::copied>(sums, a, b, copy);
        a += a_step;
        b += b_step;
        if constexpr (Place == BPlace::copied) copy += columns;
      }
      soon += call.soon.jump;
      left -= steps;
    }
    write<R, V>(sums, call);
  }

  using TileFunction = void (*)(const TileCall&);
  struct TileTable {
    TileFunction of[Rows][Vectors][3];  // [rows - 1][vectors - 1][place of b]
  };

  template <int R, int V>
  static constexpr void fill(TileTable& table) {
    table.of[R - 1][V - 1][0] = tile_of<R, V, BPlace::packed>;
    table.of[R - 1][V - 1][1] = tile_of<R, V, BPlace::in_place>;
    // Only whole panels are copied.
    table.of[R - 1][V - 1][2] = V == Vectors ? tile_of<R, Vectors, BPlace::copied> : nullptr;
    if constexpr (V > 1) fill<R, V - 1>(table);
    else if constexpr (R > 1) fill<R - 1, Vectors>(table);
  }
  static constexpr TileTable all_tiles() {
    TileTable table{};
    fill<Rows, Vectors>(table);
    return table;
  }
  static constexpr TileTable tiles = all_tiles();

  static void tile(int64_t rows, const TileCall& call) {
    const int64_t vectors = (call.columns + Floats - 1) / Floats;
    const int place = call.b_copy ? 2 : call.in_place ? 1 : 0;
    tiles.of[rows - 1][vectors - 1][place](call);
  }

  // --- Packing

  /// Stage of a transposition: blocks of `Half` elements change places between rows `Half` apart.
  template <int Half, int... J>
  [[gnu::always_inline]] static inline void exchange(Vector& upper, Vector& lower, Indices<J...>) {
    const Vector a = upper, b = lower;
    upper = __builtin_shufflevector(a, b, ((J & Half) ? Floats + J - Half : J)...);
    lower = __builtin_shufflevector(a, b, ((J & Half) ? Floats + J : J + Half)...);
  }
  template <int Half>
  [[gnu::always_inline]] static inline void transpose(Vector (&lines)[Floats]) {
#pragma GCC unroll 16
    for (int i = 0; i < Floats; ++i)
      if (!(i & Half)) exchange<Half>(lines[i], lines[i + Half], CountTo<Floats>());
    if constexpr (Half > 1) transpose<Half / 2>(lines);
  }

  /// Lanes that lie along the depth: squares of Floats x Floats are transposed in registers.
  static void pack_transposed(const PanelCall& call) {
    for (int64_t lane = 0; lane < call.width; lane += Floats) {
      const int64_t room = call.width - lane < Floats ? call.width - lane : Floats;
      // A panel narrower than a vector is written with whole ones: what is too much is overwritten
      // by the next steps. Not where it would be beyond the end.
      const bool whole = room == Floats || call.width < Floats;
      const int64_t fitting = call.depth * call.width - lane - Floats;
      const int64_t last = !whole || fitting < 0 ? 0 : fitting / call.width + 1;
      int64_t k = 0;
      for (; k + Floats <= last; k += Floats) pack_square(call, lane, k);
      for (; k < call.depth; k += Floats) pack_last_square(call, lane, k, room);
    }
  }

  /// At the end of the depth or of the panel: nothing beyond either is read or written.
  static void pack_last_square(const PanelCall& call, int64_t lane, int64_t k, int64_t room) {
    const int64_t steps = call.depth - k < Floats ? call.depth - k : Floats;
    const int64_t lanes = call.lanes - lane < room ? call.lanes - lane : room;
    const float* const source = call.source + lane * call.lane_step + k;
    Vector lines[Floats];
#pragma GCC unroll 16
    for (int i = 0; i < Floats; ++i) {
      lines[i] = Vector{};
      if (i >= lanes) continue;
      const float* const line = source + i * call.lane_step;
      // Where the next lanes follow, a whole vector may be read.
      if ((lanes - 1 - i) * call.lane_step + steps >= Floats) {
        lines[i] = load(line);
      } else {
        float part[Floats] = {};
        for (int64_t j = 0; j < steps; ++j) part[j] = line[j];
        lines[i] = load(part);
      }
    }
    transpose<Floats / 2>(lines);
#pragma GCC unroll 16
    for (int i = 0; i < Floats; ++i) {
      if (i >= steps) break;
      float* const to = call.destination + (k + i) * call.width + lane;
      if (room == Floats) {
        store(to, lines[i]);
      } else {
        float part[Floats];
        store(part, lines[i]);
        for (int64_t j = 0; j < room; ++j) to[j] = part[j];
      }
    }
  }

  static void pack_square(const PanelCall& call, int64_t lane, int64_t k) {
    const int64_t lanes = call.lanes - lane;
    const float* const source = call.source + lane * call.lane_step + k;
    float* const destination = call.destination + k * call.width + lane;
    Vector lines[Floats];
    if (lanes >= Floats) {
#pragma GCC unroll 16
      for (int i = 0; i < Floats; ++i) lines[i] = load(source + i * call.lane_step);
    } else if (call.lanes == call.width) {
      // What is beyond the last lane is overwritten: any line will do there.
#pragma GCC unroll 16
      for (int i = 0; i < Floats; ++i)
        lines[i] = load(source + (i < lanes ? i : lanes - 1) * call.lane_step);
    } else {
#pragma GCC unroll 16
      for (int i = 0; i < Floats; ++i)
        lines[i] = i < lanes ? load(source + i * call.lane_step) : Vector{};
    }
    transpose<Floats / 2>(lines);
#pragma GCC unroll 16
    for (int i = 0; i < Floats; ++i) store(destination + i * call.width, lines[i]);
  }

  /// Steps k of the depth for which `step * k + Floats` is at most `size`.
  static int64_t steps_within(int64_t size, int64_t step, int64_t depth) {
    if (size < Floats || step < 0) return 0;
    const int64_t steps = step == 0 ? depth : (size - Floats) / step + 1;
    return steps < depth ? steps : depth;
  }

  static void copy_lanes(const PanelCall& call, int64_t k) {
    const float* const source = call.source + k * call.depth_step;
    float* const destination = call.destination + k * call.width;
    int64_t lane = 0;
    for (; lane + Floats <= call.lanes; lane += Floats)
      store(destination + lane, load(source + lane));
    copy_rest<Floats / 2>(source + lane, destination + lane, call.lanes - lane);
    for (lane = call.lanes; lane < call.width; ++lane) destination[lane] = 0.0f;
  }

  /// Lanes that lie side by side.
  static void pack_adjacent(const PanelCall& call) {
    int64_t k = 0;
    if (call.lanes == columns && call.width == columns) {
      for (; k < call.depth; ++k) {
        const float* const source = call.source + k * call.depth_step;
        for (int v = 0; v < Vectors; ++v) {
          __builtin_prefetch(source + 16 * call.depth_step + v * Floats);
          store(call.destination + k * columns + v * Floats, load(source + v * Floats));
        }
      }
    } else if (call.lanes == call.width && call.width < Floats) {
      // Whole vectors; what they write too much is overwritten by the next step.
      const int64_t readable = steps_within((call.depth - 1) * call.depth_step + call.lanes,
                                            call.depth_step, call.depth);
      const int64_t writable = steps_within(call.depth * call.width, call.width, call.depth);
      const int64_t last = readable < writable ? readable : writable;
      for (; k < last; ++k)
        store(call.destination + k * call.width, load(call.source + k * call.depth_step));
    }
    for (; k < call.depth; ++k) copy_lanes(call, k);
  }

  static void pack_scattered(const PanelCall& call) {
    for (int64_t k = 0; k < call.depth; ++k)
      for (int64_t lane = 0; lane < call.width; ++lane)
        call.destination[k * call.width + lane] =
            lane < call.lanes ? call.source[lane * call.lane_step + k * call.depth_step] : 0.0f;
  }

  static void pack_panel(const PanelCall& call) {
    if (call.lane_step == 1) pack_adjacent(call);
    else if (call.depth_step == 1) pack_transposed(call);
    else pack_scattered(call);
  }

  // --- Vectors

  /// `Many` lines of the matrix at a time are swept from left to right: long streams from memory,
  /// the sums stay in the first cache.
  template <int R, int Many>
  static void add_lines(const RowsCall& call, int64_t k, bool accumulate) {
    float x[R][Many];
    for (int r = 0; r < R; ++r)
      for (int i = 0; i < Many; ++i) x[r][i] = call.x[r * call.x_row_step + (k + i) * call.x_step];
    const float* const b = call.b + k * call.b_step;
    int64_t j = 0;
    for (; j + Floats <= call.columns; j += Floats) {
      Vector sums[R];
      for (int r = 0; r < R; ++r)
        sums[r] = accumulate ? load(call.y + r * call.y_step + j) : Vector{};
#pragma GCC unroll 8
      for (int i = 0; i < Many; ++i) {
        const Vector line = load(b + i * call.b_step + j);
#pragma GCC unroll 8
        for (int r = 0; r < R; ++r) sums[r] += line * x[r][i];
      }
      for (int r = 0; r < R; ++r) store(call.y + r * call.y_step + j, sums[r]);
    }
    for (; j < call.columns; ++j)
      for (int r = 0; r < R; ++r) {
        float sum = accumulate ? call.y[r * call.y_step + j] : 0.0f;
        for (int i = 0; i < Many; ++i) sum += b[i * call.b_step + j] * x[r][i];
        call.y[r * call.y_step + j] = sum;
      }
  }

  template <int R, int Many>
  static void rows_of(const RowsCall& call) {
    int64_t k = 0;
    bool accumulate = call.accumulate;
    for (; k + Many <= call.depth; k += Many, accumulate = true)
      add_lines<R, Many>(call, k, accumulate);
    for (; k < call.depth; ++k, accumulate = true) add_lines<R, 1>(call, k, accumulate);
  }

  static void rows_times_matrix(int64_t rows, const RowsCall& call) {
    if (rows == 1) rows_of<1, 8>(call);
    else if (rows == 2) rows_of<2, 4>(call);
    else if (rows == 3) rows_of<3, 4>(call);
    else rows_of<4, 4>(call);
  }

  static float sum_of(Vector value) {
    float sums[Floats];
    store(sums, value);
    for (int half = Floats / 2; half > 0; half /= 2)
      for (int i = 0; i < half; ++i) sums[i] += sums[i + half];
    return sums[0];
  }

  template <int Many>
  static void dots_of(const DotsCall& call, int64_t column) {
    Vector sums[Many][2] = {};
    const float* const matrix = call.matrix + column * call.matrix_step;
    int64_t k = 0;
    for (; k + 2 * Floats <= call.depth; k += 2 * Floats) {
      const Vector x0 = load(call.x + k), x1 = load(call.x + k + Floats);
#pragma GCC unroll 8
      for (int i = 0; i < Many; ++i) {
        sums[i][0] += load(matrix + i * call.matrix_step + k) * x0;
        sums[i][1] += load(matrix + i * call.matrix_step + k + Floats) * x1;
      }
    }
    for (int i = 0; i < Many; ++i) {
      float sum = sum_of(sums[i][0] + sums[i][1]);
      for (int64_t rest = k; rest < call.depth; ++rest)
        sum += matrix[i * call.matrix_step + rest] * call.x[rest];
      call.y[(column + i) * call.y_step] = sum;
    }
  }

  static void dots(const DotsCall& call) {
    int64_t column = 0;
    for (; column + 4 <= call.columns; column += 4) dots_of<4>(call, column);
    for (; column < call.columns; ++column) dots_of<1>(call, column);
  }

  static void add(float* sums, const float* parts, int64_t count) {
    int64_t i = 0;
    for (; i + Floats <= count; i += Floats) store(sums + i, load(sums + i) + load(parts + i));
    for (; i < count; ++i) sums[i] += parts[i];
  }

  static constexpr MicroKernels set(const char* name) {
    return {name, Rows, columns, Floats, tile, rows_times_matrix, dots, pack_panel, add};
  }
};

}  // namespace
}  // namespace mpsg::contraction
