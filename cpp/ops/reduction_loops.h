// Loops of the reductions: any axes, in parallel, with a result that no split of the work changes.
#pragma once

#include <algorithm>
#include <array>
#include <complex>
#include <vector>

#include "graph/contexts.h"
#include "graph/element_types.h"

namespace mpsg::ops {

template <class T>
struct WideAccumulatorOf {
  using type = std::conditional_t<std::is_integral_v<T>,
                                  std::conditional_t<(sizeof(T) <= 4), uint32_t, uint64_t>, double>;
};
template <>
struct WideAccumulatorOf<std::complex<float>> {
  using type = std::complex<double>;
};
/// Where sums and products of T grow: floats in double, integers wrapping in unsigned words.
template <class T>
using WideAccumulator = typename WideAccumulatorOf<T>::type;

template <class Accumulator, class T>
Accumulator to_accumulator(T x) {
  return static_cast<Accumulator>(static_cast<ComputeType<T>>(x));
}
template <class T, class Accumulator>
T from_accumulator(Accumulator x) {
  return static_cast<T>(static_cast<ComputeType<T>>(x));
}

/// Some dimensions of a tensor, outermost first, walked by one index.
struct Dimensions {
  std::vector<int64_t> sizes, strides;

  void add_outer(int64_t size, int64_t stride) {
    sizes.insert(sizes.begin(), size);
    strides.insert(strides.begin(), stride);
  }
  int64_t count() const {
    int64_t product = 1;
    for (const auto size : sizes) product *= size;
    return product;
  }
  int64_t offset(int64_t index) const {
    int64_t offset = 0;
    for (size_t i = sizes.size(); i-- > 1;) {
      offset += index % sizes[i] * strides[i];
      index /= sizes[i];
    }
    return sizes.empty() ? 0 : offset + index * strides[0];
  }
};

/// A reduction in its simplest terms: for each kept place, `rows` lie anywhere, and a row is `run`
/// neighbours that are folded into one result (columns = 1), or `columns` neighbours, each of which
/// belongs to a result of its own (run = 1).
struct ReductionShape {
  Dimensions kept, rows;
  int64_t run = 1;
  int64_t columns = 1;

  ReductionShape(const Shape& shape, const std::vector<bool>& reduced) {
    struct Group {
      int64_t size, stride;
      bool reduced;
    };
    std::vector<Group> groups;  // innermost first; neighbours of one kind are merged
    int64_t stride = 1;
    for (int axis = shape.rank() - 1; axis >= 0; --axis) {
      const bool is_reduced = reduced[static_cast<size_t>(axis)];
      if (shape[axis] != 1) {
        if (!groups.empty() && groups.back().reduced == is_reduced)
          groups.back().size *= shape[axis];
        else groups.push_back({shape[axis], stride, is_reduced});
      }
      stride *= shape[axis];
    }
    for (size_t i = 0; i < groups.size(); ++i) {
      const auto& group = groups[i];
      if (i == 0) (group.reduced ? run : columns) = group.size;
      else (group.reduced ? rows : kept).add_outer(group.size, group.stride);
    }
  }
};

/// Folds neighbours, in lanes that a compiler turns into vectors.
template <class T, class Fold>
typename Fold::Accumulator fold_run(const T* x, int64_t count, int64_t total) {
  using Accumulator = typename Fold::Accumulator;
  constexpr int lanes = 32;  // more than GCC unrolls: an unrolled loop is not vectorised
  Accumulator result = Fold::first(total);
  int64_t i = 0;
  if (count >= 2 * lanes) {
    std::array<Accumulator, lanes> lane;
    lane.fill(result);
    for (; i + lanes <= count; i += lanes)
      for (int k = 0; k < lanes; ++k) lane[k] = Fold::step(lane[k], x[i + k]);
    for (int half = lanes / 2; half > 0; half /= 2)
      for (int k = 0; k < half; ++k) lane[k] = Fold::merge(lane[k], lane[k + half]);
    result = lane[0];
  }
  for (; i < count; ++i) result = Fold::step(result, x[i]);
  return result;
}

/// Folds elements [begin, end) of what belongs to one result, counted through its rows.
template <class T, class Fold>
typename Fold::Accumulator fold_elements(const T* x, const ReductionShape& shape, int64_t begin,
                                         int64_t end, int64_t total) {
  auto result = Fold::first(total);
  while (begin < end) {
    const int64_t column = begin % shape.run;
    const int64_t count = std::min(shape.run - column, end - begin);
    const auto part =
        fold_run<T, Fold>(x + shape.rows.offset(begin / shape.run) + column, count, total);
    result = Fold::merge(result, part);
    begin += count;
  }
  return result;
}

/// `T Fold::step` over the rows or columns of `input` that `reduced` marks. The work is cut into
/// pieces that depend on the shape only, each folded on its own; then the pieces of a result are
/// merged in order.
template <class T, class Fold>
void reduce(const TensorView& input, const std::vector<bool>& reduced, const TensorView& output,
            const Parallel& parallel) {
  using Accumulator = typename Fold::Accumulator;
  constexpr int64_t block = 256;         // columns whose accumulators stay in the cache
  constexpr int64_t piece_size = 32768;  // elements
  auto* out = output.as<T>();
  if (output.element_count() == 0) return;
  const ReductionShape shape(input.shape, reduced);
  const int64_t total = shape.rows.count() * shape.run;  // elements of one result
  if (total == 0) {
    std::fill_n(out, output.element_count(), from_accumulator<T>(Fold::first(0)));
    return;
  }

  const int64_t width = std::min(block, shape.columns);
  const int64_t piece = std::max<int64_t>(64, piece_size / width);  // of `total`
  const int64_t pieces = (total + piece - 1) / piece;
  const int64_t blocks = (shape.columns + block - 1) / block;
  std::vector<Accumulator> parts;
  if (pieces > 1) parts.resize(static_cast<size_t>(output.element_count() * pieces));

  const int64_t tasks = shape.kept.count() * pieces * blocks;
  const int64_t grain = std::max<int64_t>(1, piece_size / (width * std::min(piece, total)));
  parallel.for_range(tasks, grain, [&](int64_t first_task, int64_t last_task) {
    std::array<Accumulator, block> sums;
    for (int64_t task = first_task; task < last_task; ++task) {
      const int64_t kept = task / (pieces * blocks);
      const int64_t which = task / blocks % pieces;
      const int64_t column = task % blocks * block;
      const int64_t count = std::min(block, shape.columns - column);
      const int64_t begin = which * piece, end = std::min(total, begin + piece);
      const auto* x = input.as<T>() + shape.kept.offset(kept) + column;
      if (shape.columns == 1) {
        sums[0] = fold_elements<T, Fold>(x, shape, begin, end, total);
      } else {
        std::fill_n(sums.begin(), count, Fold::first(total));
        for (int64_t i = begin; i < end; ++i) {
          const auto* row = x + shape.rows.offset(i);
          for (int64_t k = 0; k < count; ++k) sums[k] = Fold::step(sums[k], row[k]);
        }
      }
      if (pieces > 1)
        std::copy_n(sums.begin(), count,
                    parts.begin() + (kept * pieces + which) * shape.columns + column);
      else
        std::transform(sums.begin(), sums.begin() + count, out + kept * shape.columns + column,
                       [](Accumulator sum) { return from_accumulator<T>(sum); });
    }
  });
  if (pieces == 1) return;
  parallel.for_range(output.element_count(), std::max<int64_t>(1, piece_size / pieces),
                     [&](int64_t first, int64_t last) {
                       for (int64_t i = first; i < last; ++i) {
                         const int64_t kept = i / shape.columns, column = i % shape.columns;
                         const auto* part = parts.data() + kept * pieces * shape.columns + column;
                         auto sum = part[0];
                         for (int64_t p = 1; p < pieces; ++p)
                           sum = Fold::merge(sum, part[p * shape.columns]);
                         out[i] = from_accumulator<T>(sum);
                       }
                     });
}

/// The place along `axis` of the element that `replaces` all others; the first of equal ones.
template <class T, class Replaces>
void find_along(const TensorView& input, int axis, const TensorView& output,
                const Parallel& parallel, Replaces&& replaces) {
  using C = ComputeType<T>;
  constexpr int64_t block = 256;
  const auto& shape = input.shape;
  int64_t inner = 1;
  for (int i = axis + 1; i < shape.rank(); ++i) inner *= shape[i];
  const int64_t size = shape.rank() == 0 ? 1 : shape[axis];
  const auto find = [&](int64_t begin, int64_t end) {
    std::array<C, block> best;
    while (begin < end) {
      const int64_t column = begin % inner;
      const int64_t count = std::min({block, inner - column, end - begin});
      const auto* x = input.as<T>() + begin / inner * size * inner + column;
      auto* place = output.as<int32_t>() + begin;
      for (int64_t k = 0; k < count; ++k) {
        best[k] = static_cast<C>(x[k]);
        place[k] = 0;
      }
      for (int64_t i = 1; i < size; ++i)
        for (int64_t k = 0; k < count; ++k) {
          const auto value = static_cast<C>(x[i * inner + k]);
          if (!replaces(best[k], value)) continue;
          best[k] = value;
          place[k] = static_cast<int32_t>(i);
        }
      begin += count;
    }
  };
  parallel.for_range(output.element_count(),
                     std::max<int64_t>(1, 16384 / std::max<int64_t>(1, size)), find);
}

}  // namespace mpsg::ops
