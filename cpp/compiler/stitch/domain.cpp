#include "compiler/stitch/domain.h"

#include <algorithm>

namespace mpsg::stitch {
namespace {

using Terms = std::vector<StitchIndex::Term>;

[[noreturn]] void refuse() { throw Refusal{"its elements lie in another order"}; }

/// Gives every term of a row-major place to the axis in which it lies.
void distribute(const Domain& domain, const Terms& terms, std::span<const Extent> axes,
                std::span<StitchIndex> indices) {
  for (const auto& term : terms) {
    const auto extent = domain.dimensions[static_cast<size_t>(term.dimension)].extent;
    int64_t stride = 1;
    bool placed = false;
    for (size_t axis = axes.size(); axis-- > 0 && !placed;) {
      const auto reach = product(stride, axes[axis].symbol);
      if (term.scale >= stride && term.scale < reach) {
        if (term.scale % stride != 0) refuse();
        const auto end = product(term.scale, extent.symbol);
        if (end > reach) {
          const auto inner = reach / term.scale;
          if (reach % term.scale != 0 || extent.symbol % inner != 0) refuse();
          throw SplitNeeded{term.dimension, inner};
        }
        indices[axis].terms.push_back({term.dimension, term.scale / stride});
        placed = true;
      }
      stride = reach;
    }
    if (!placed) refuse();
  }
  // Together the terms of an axis must stay inside it.
  for (size_t axis = 0; axis < axes.size(); ++axis) {
    int64_t last = 0;
    for (const auto& term : indices[axis].terms)
      last += product(term.scale,
                      domain.dimensions[static_cast<size_t>(term.dimension)].extent.symbol - 1);
    if (last >= axes[axis].symbol && axes[axis].symbol > 0) refuse();
  }
}

/// One group of neighbouring axes on either side with equally many elements.
void reshape_group(const Domain& domain, std::span<const StitchIndex> at,
                   std::span<const Extent> from, std::span<const Extent> to,
                   std::span<StitchIndex> result) {
  const auto count_real = [](std::span<const Extent> axes) {
    return std::ranges::count_if(axes, [](const Extent& axis) { return !axis.is_one(); });
  };
  const auto real_axis = [](std::span<const Extent> axes) {
    return static_cast<size_t>(
        std::ranges::find_if(axes, [](const Extent& axis) { return !axis.is_one(); }) -
        axes.begin());
  };
  if (count_real(from) == 0) return;
  if (count_real(from) == 1 && count_real(to) == 1) {
    result[real_axis(to)] = at[real_axis(from)];
    return;
  }
  Terms terms;
  int64_t stride = 1;
  for (size_t axis = from.size(); axis-- > 0; stride = product(stride, from[axis].symbol)) {
    if (from[axis].is_one()) continue;
    if (at[axis].dynamic || at[axis].offset != 0)
      throw Refusal{"it is reshaped after it was moved"};
    for (const auto& term : at[axis].terms)
      terms.push_back({term.dimension, product(term.scale, stride)});
  }
  distribute(domain, terms, to, result);
}

}  // namespace

Extents extents_of(const Shape& symbols, const Shape& values) {
  Extents extents;
  extents.reserve(static_cast<size_t>(values.rank()));
  for (int axis = 0; axis < values.rank(); ++axis) extents.push_back({symbols[axis], values[axis]});
  return extents;
}

int64_t symbol_count(std::span<const Extent> extents) {
  int64_t count = 1;
  for (const auto& extent : extents) count = product(count, extent.symbol);
  return count;
}

int64_t value_count(std::span<const Extent> extents) {
  int64_t count = 1;
  for (const auto& extent : extents) count *= extent.value;
  return count;
}

void SymbolValues::add(Extent extent) {
  if (extent.symbol == extent.value) return;
  for (const auto& known : known_)
    if (known.symbol == extent.symbol) return;
  // Large ones first: a product of two symbols may be a size of its own.
  const auto at = std::ranges::find_if(
      known_, [&](const Extent& known) { return known.symbol < extent.symbol; });
  known_.insert(at, extent);
}

int64_t SymbolValues::value_of(int64_t symbols) const {
  int64_t factor = 1;
  if (symbols == 0) return 0;
  for (const auto& known : known_)
    while (symbols % known.symbol == 0 && known.symbol > 1) {
      symbols /= known.symbol;
      factor *= known.value;
    }
  return symbols * factor;
}

void Domain::split(int32_t dimension, Extent inner) {
  const auto at = dimensions.begin() + dimension;
  at->extent.symbol /= inner.symbol;
  at->extent.value = inner.value == 0 ? 0 : at->extent.value / inner.value;
  dimensions.insert(at + 1, {inner, at->reduced});
}

Indices row_major(const Domain& domain, Walk walk, const Extents& shape) {
  Terms terms;
  int64_t stride = 1;
  for (auto d = static_cast<int32_t>(domain.dimensions.size()) - 1; d >= 0; --d) {
    const auto& dimension = domain.dimensions[static_cast<size_t>(d)];
    if (walk != Walk::all && dimension.reduced != (walk == Walk::reduced)) continue;
    terms.push_back({d, stride});
    stride = product(stride, dimension.extent.symbol);
  }
  if (stride != symbol_count(shape)) throw Refusal{"its results differ in size"};
  std::ranges::reverse(terms);
  Indices indices(shape.size());
  distribute(domain, terms, shape, indices);
  return indices;
}

Indices reshape_indices(const Domain& domain, const Indices& at, const Extents& from,
                        const Extents& to) {
  Indices result(to.size());
  size_t i = from.size(), j = to.size();
  while (i > 0 || j > 0) {
    const size_t from_end = i, to_end = j;
    int64_t left = 1, right = 1;
    do {
      if (i > 0 && (left <= right || j == 0)) left = product(left, from[--i].symbol);
      else right = product(right, to[--j].symbol);
    } while (left != right && (i > 0 || j > 0));
    if (left != right) throw Refusal{"it is reshaped to another size"};
    reshape_group(domain, std::span(at).subspan(i, from_end - i),
                  std::span(from).subspan(i, from_end - i), std::span(to).subspan(j, to_end - j),
                  std::span(result).subspan(j, to_end - j));
  }
  return result;
}

}  // namespace mpsg::stitch
