// Loops of elementwise rows: broadcasting, types, threads; the row gives one function of scalars.
#pragma once

#include <algorithm>
#include <array>

#include "graph/contexts.h"
#include "graph/element_types.h"

namespace mpsg {

/// Strides that walk several broadcast operands and one packed output together, with neighbouring
/// dimensions merged where all of them allow it. Outermost first.
template <int Operands>
struct BroadcastWalk {
  int rank = 0;
  std::array<int64_t, max_rank> sizes{};
  std::array<std::array<int64_t, Operands>, max_rank> strides{};  // in elements
};

template <int Operands>
BroadcastWalk<Operands> broadcast_walk(const Shape& output,
                                       const std::array<const Shape*, Operands>& operands) {
  BroadcastWalk<Operands> walk;
  std::array<int64_t, Operands> step;
  step.fill(1);
  // Innermost first; reversed at the end.
  for (int axis = output.rank() - 1; axis >= 0; --axis) {
    const int64_t size = output[axis];
    std::array<int64_t, Operands> stride;
    for (int k = 0; k < Operands; ++k) {
      const int own = axis - (output.rank() - operands[k]->rank());
      const int64_t own_size = own < 0 ? 1 : (*operands[k])[own];
      stride[k] = own_size == 1 ? 0 : step[k];
      step[k] *= own_size;
    }
    if (size == 1) continue;
    bool merges = walk.rank > 0;
    for (int k = 0; merges && k < Operands; ++k)
      merges = stride[k] == walk.strides[walk.rank - 1][k] * walk.sizes[walk.rank - 1];
    if (merges) {
      walk.sizes[walk.rank - 1] *= size;
    } else {
      walk.sizes[walk.rank] = size;
      walk.strides[walk.rank++] = stride;
    }
  }
  if (walk.rank == 0) {
    walk.rank = 1;
    walk.sizes[0] = 1;
  }
  std::reverse(walk.sizes.begin(), walk.sizes.begin() + walk.rank);
  std::reverse(walk.strides.begin(), walk.strides.begin() + walk.rank);
  return walk;
}

/// Calls `row(count, offsets, strides, output_offset)` for runs along the innermost dimension that
/// together cover the output, in parallel.
template <int Operands, class RowLoop>
void for_each_run(const BroadcastWalk<Operands>& walk, int64_t total, const Parallel& parallel,
                  RowLoop&& row) {
  if (total == 0) return;
  const int64_t inner = walk.sizes[walk.rank - 1];
  const auto& inner_strides = walk.strides[walk.rank - 1];
  constexpr int64_t grain = 16384;  // elements; below, a second thread costs more than it gives
  parallel.for_range(total, grain, [&](int64_t begin, int64_t end) {
    while (begin < end) {
      int64_t line = begin / inner;
      const int64_t column = begin % inner;
      std::array<int64_t, Operands> offsets;
      for (int k = 0; k < Operands; ++k) offsets[k] = column * inner_strides[k];
      for (int axis = walk.rank - 2; axis >= 0; --axis) {
        const int64_t at = line % walk.sizes[axis];
        line /= walk.sizes[axis];
        for (int k = 0; k < Operands; ++k) offsets[k] += at * walk.strides[axis][k];
      }
      const int64_t count = std::min(end - begin, inner - column);
      row(count, offsets, inner_strides, begin);
      begin += count;
    }
  });
}

/// out[i] = f(x[i]), computed in the compute types, rounded to Out.
template <class In, class Out, class F>
void unary_loop(const EvaluateContext& c, F&& f) {
  const auto* x = c.inputs()[0].as<In>();
  auto* out = c.output().as<Out>();
  c.parallel().for_range(c.output().element_count(), 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out[i] = static_cast<Out>(f(static_cast<ComputeType<In>>(x[i])));
  });
}

/// out[i] = f(a[i], b[i]) with broadcasting.
template <class In, class Out, class F>
void binary_loop(const EvaluateContext& c, F&& f) {
  const auto& out_view = c.output();
  const auto walk = broadcast_walk<2>(out_view.shape, {&c.inputs()[0].shape, &c.inputs()[1].shape});
  const auto* a = c.inputs()[0].as<In>();
  const auto* b = c.inputs()[1].as<In>();
  auto* out = out_view.as<Out>();
  const auto apply = [&f](In x, In y) {
    return static_cast<Out>(f(static_cast<ComputeType<In>>(x), static_cast<ComputeType<In>>(y)));
  };
  for_each_run<2>(walk, out_view.element_count(), c.parallel(),
                  [&](int64_t n, const auto& offsets, const auto& strides, int64_t at) {
                    const auto* x = a + offsets[0];
                    const auto* y = b + offsets[1];
                    auto* z = out + at;
                    if (strides[0] == 1 && strides[1] == 1) {
                      for (int64_t i = 0; i < n; ++i) z[i] = apply(x[i], y[i]);
                    } else if (strides[0] == 1 && strides[1] == 0) {
                      const In s = *y;
                      for (int64_t i = 0; i < n; ++i) z[i] = apply(x[i], s);
                    } else if (strides[0] == 0 && strides[1] == 1) {
                      const In s = *x;
                      for (int64_t i = 0; i < n; ++i) z[i] = apply(s, y[i]);
                    } else {
                      for (int64_t i = 0; i < n; ++i)
                        z[i] = apply(x[i * strides[0]], y[i * strides[1]]);
                    }
                  });
}

}  // namespace mpsg
