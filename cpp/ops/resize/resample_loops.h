// Loops that resample a tensor along some of its axes, given the taps of each. The last two of
// these axes are done line by line, so that what lies between the two is in the cache.
#pragma once

#include <algorithm>
#include <memory>
#include <optional>
#include <vector>

#include "graph/contexts.h"
#include "graph/element_types.h"
#include "ops/resize/axis_taps.h"

namespace mpsg::ops {

/// [outer, rows, middle, columns, inner] -> the same with other numbers of rows and columns.
struct ResamplePass {
  int64_t outer = 1, middle = 1, inner = 1;
  const AxisTaps* rows = nullptr;  // none: `outer` has all of them
  const AxisTaps* columns = nullptr;
};

/// to[j] = sum of weight * from[stride * index + j], over the taps of one output.
template <class C, class In, class Out>
void combine(const In* from, int64_t stride, const AxisTaps& taps, int64_t output, int64_t count,
             Out* to) {
  auto tap = static_cast<size_t>(taps.first[static_cast<size_t>(output)]);
  const auto end = static_cast<size_t>(taps.first[static_cast<size_t>(output) + 1]);
  const auto line = [&](size_t at) { return from + stride * taps.index[at]; };
  const auto weight = [&](size_t at) { return static_cast<C>(taps.weight[at]); };
  if (end - tap == 1 && taps.weight[tap] == 1) {
    const auto* x = line(tap);
    for (int64_t j = 0; j < count; ++j) to[j] = static_cast<Out>(static_cast<C>(x[j]));
  } else if (end - tap == 2) {
    const auto *x = line(tap), *y = line(tap + 1);
    const C a = weight(tap), b = weight(tap + 1);
    for (int64_t j = 0; j < count; ++j)
      to[j] = static_cast<Out>(a * static_cast<C>(x[j]) + b * static_cast<C>(y[j]));
  } else {
    for (int64_t j = 0; j < count; ++j) {
      C sum{};
      for (auto at = tap; at < end; ++at) sum += weight(at) * static_cast<C>(line(at)[j]);
      to[j] = static_cast<Out>(sum);
    }
  }
}

/// The columns of one line where each is one element: two taps at most, or any number.
template <class C>
class Columns {
 public:
  explicit Columns(const AxisTaps& taps) : taps_(taps) {
    for (int64_t i = 0; i < taps.outputs(); ++i) {
      const auto at = static_cast<size_t>(taps.first[static_cast<size_t>(i)]);
      const auto count =
          taps.first[static_cast<size_t>(i) + 1] - taps.first[static_cast<size_t>(i)];
      if (count < 1 || count > 2) {
        pairs_.clear();
        return;
      }
      const auto other = count == 2 ? at + 1 : at;
      pairs_.push_back({taps.index[at], taps.index[other], static_cast<C>(taps.weight[at]),
                        count == 2 ? static_cast<C>(taps.weight[other]) : C(0)});
    }
  }

  template <class In, class Out>
  void run(const In* from, int64_t inner, Out* to) const {
    const int64_t outputs = taps_.outputs();
    if (inner != 1 || pairs_.empty()) {
      for (int64_t i = 0; i < outputs; ++i)
        combine<C>(from, inner, taps_, i, inner, to + i * inner);
      return;
    }
    for (int64_t i = 0; i < outputs; ++i) {
      const auto& pair = pairs_[static_cast<size_t>(i)];
      C sum = pair.weight * static_cast<C>(from[pair.index]);
      if (pair.other_weight != 0) sum += pair.other_weight * static_cast<C>(from[pair.other]);
      to[i] = static_cast<Out>(sum);
    }
  }

 private:
  struct Pair {
    int64_t index, other;
    C weight, other_weight;
  };
  const AxisTaps& taps_;
  std::vector<Pair> pairs_;
};

template <class C, class In, class Out>
void resample_lines(const In* from, Out* to, const ResamplePass& pass, const Parallel& parallel) {
  const Columns<C> columns(*pass.columns);
  const int64_t line_in = pass.columns->inputs * pass.inner;
  const int64_t line_out = pass.columns->outputs() * pass.inner;
  const int64_t rows_in = pass.rows ? pass.rows->inputs : 1;
  const int64_t rows_out = pass.rows ? pass.rows->outputs() : 1;
  const int64_t block_in = pass.middle * line_in, block_out = pass.middle * line_out;
  if (pass.outer * rows_out * block_out == 0) return;
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max(block_in, block_out));
  parallel.for_range(pass.outer * rows_out, grain, [&](int64_t begin, int64_t end) {
    const auto between = std::make_unique_for_overwrite<C[]>(static_cast<size_t>(line_in));
    for (int64_t block = begin; block < end; ++block) {
      const In* const image = from + block / rows_out * rows_in * block_in;
      for (int64_t m = 0; m < pass.middle; ++m) {
        Out* const out = to + block * block_out + m * line_out;
        const In* const lines = image + m * line_in;
        if (!pass.rows) {
          columns.run(lines, pass.inner, out);
          continue;
        }
        combine<C>(lines, block_in, *pass.rows, block % rows_out, line_in, between.get());
        columns.run(between.get(), pass.inner, out);
      }
    }
  });
}

/// Where every output is one input: elements are moved as they are.
template <class T>
void copy_lines(const T* from, T* to, const ResamplePass& pass, const Parallel& parallel) {
  const auto& columns = pass.columns->index;
  const int64_t line_in = pass.columns->inputs * pass.inner;
  const int64_t line_out = pass.columns->outputs() * pass.inner;
  const int64_t rows_in = pass.rows ? pass.rows->inputs : 1;
  const int64_t rows_out = pass.rows ? pass.rows->outputs() : 1;
  const int64_t lines = pass.outer * rows_out * pass.middle;
  if (lines * line_out == 0) return;
  parallel.for_range(
      lines, std::max<int64_t>(1, 16384 / line_out), [&](int64_t begin, int64_t end) {
        for (int64_t line = begin; line < end; ++line) {
          const int64_t m = line % pass.middle, block = line / pass.middle;
          const int64_t row =
              pass.rows ? pass.rows->index[static_cast<size_t>(block % rows_out)] : 0;
          const T* x = from + ((block / rows_out * rows_in + row) * pass.middle + m) * line_in;
          T* out = to + line * line_out;
          if (pass.inner == 1)
            for (const auto at : columns) *out++ = x[at];
          else
            for (const auto at : columns) out = std::copy_n(x + at * pass.inner, pass.inner, out);
        }
      });
}

/// One entry for each axis; none: the axis stays as it is.
using TensorTaps = std::vector<std::optional<AxisTaps>>;

/// The passes over the tensor: all but the last resample one axis, the last one two.
inline std::vector<ResamplePass> passes_of(const TensorTaps& taps, const Shape& input) {
  std::vector<int> axes;
  for (int axis = 0; axis < input.rank(); ++axis)
    if (taps[static_cast<size_t>(axis)]) axes.push_back(axis);
  const auto of = [&](int axis) { return &*taps[static_cast<size_t>(axis)]; };
  // Axes that a pass has behind it have their new size, those before it their old one.
  const auto size_of_axes = [&](int begin, int end, int resampled) {
    int64_t size = 1;
    for (int i = begin; i < end; ++i)
      size *= i < resampled && taps[static_cast<size_t>(i)] ? of(i)->outputs() : input[i];
    return size;
  };
  std::vector<ResamplePass> passes;
  for (size_t i = 0; i < axes.size(); ++i) {
    ResamplePass pass;
    int first = axes[i];
    if (i + 2 == axes.size()) {
      pass.rows = of(first);
      pass.middle = size_of_axes(first + 1, axes[++i], 0);
    }
    pass.columns = of(axes[i]);
    pass.outer = size_of_axes(0, first, first);
    pass.inner = size_of_axes(axes[i] + 1, input.rank(), 0);
    passes.push_back(pass);
  }
  return passes;
}

/// Elements that a pass makes.
inline int64_t output_count(const ResamplePass& pass) {
  return pass.outer * (pass.rows ? pass.rows->outputs() : 1) * pass.middle *
         pass.columns->outputs() * pass.inner;
}

template <class T>
void resample(const TensorView& input, const TensorTaps& taps, const TensorView& output,
              const Parallel& parallel) {
  using C = ComputeType<T>;
  const auto passes = passes_of(taps, input.shape);
  const auto* from = input.as<const T>();
  if (passes.empty()) {
    std::copy_n(from, output.element_count(), output.as<T>());
    return;
  }
  std::unique_ptr<C[]> previous;
  for (size_t i = 0; i < passes.size(); ++i) {
    const bool is_last = i + 1 == passes.size();
    std::unique_ptr<C[]> next;
    if (!is_last)
      next = std::make_unique_for_overwrite<C[]>(static_cast<size_t>(output_count(passes[i])));
    if (i == 0 && is_last) resample_lines<C>(from, output.as<T>(), passes[i], parallel);
    else if (i == 0) resample_lines<C>(from, next.get(), passes[i], parallel);
    else if (is_last) resample_lines<C>(previous.get(), output.as<T>(), passes[i], parallel);
    else resample_lines<C>(previous.get(), next.get(), passes[i], parallel);
    previous = std::move(next);
  }
}

/// The same for taps that only copy, whatever the type.
template <class T>
void resample_by_copies(const TensorView& input, const TensorTaps& taps, const TensorView& output,
                        const Parallel& parallel) {
  const auto passes = passes_of(taps, input.shape);
  const T* from = input.as<const T>();
  if (passes.empty()) std::copy_n(from, output.element_count(), output.as<T>());
  std::unique_ptr<T[]> previous;
  for (size_t i = 0; i < passes.size(); ++i) {
    std::unique_ptr<T[]> next;
    if (i + 1 < passes.size())
      next = std::make_unique_for_overwrite<T[]>(static_cast<size_t>(output_count(passes[i])));
    T* const to = next ? next.get() : output.as<T>();
    copy_lines(from, to, passes[i], parallel);
    previous = std::move(next);
    from = to;
  }
}

}  // namespace mpsg::ops
