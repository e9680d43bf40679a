#include "compiler/stitch/space.h"

#include <algorithm>

namespace mpsg::stitch {
namespace {

int64_t count_of(const Shape& symbols) {
  int64_t count = 1;
  for (const auto size : symbols.dimensions()) count = product(count, size);
  return count;
}

std::vector<int64_t> cuts_of(const Shape& symbols) {
  std::vector<int64_t> cuts;
  int64_t stride = 1;
  for (int axis = symbols.rank() - 1; axis > 0; --axis) {
    stride = product(stride, symbols[axis]);
    if (stride != 1 && (cuts.empty() || cuts.back() != stride)) cuts.push_back(stride);
  }
  if (!cuts.empty() && cuts.back() == count_of(symbols)) cuts.pop_back();
  return cuts;
}

}  // namespace

Pattern pattern_of(const Shape& symbols, const std::vector<bool>& folded) {
  Pattern pattern;
  for (int axis = 0; axis < symbols.rank(); ++axis) {
    if (symbols[axis] == 1) continue;
    const bool fold = folded[static_cast<size_t>(axis)];
    if (pattern.empty() || pattern.back().second != fold) pattern.emplace_back(symbols[axis], fold);
    else pattern.back().first = product(pattern.back().first, symbols[axis]);
  }
  return pattern;
}

Pattern broadcast_pattern(const Shape& from, const Shape& to) {
  std::vector<bool> repeated(static_cast<size_t>(to.rank()));
  for (int axis = 0; axis < to.rank(); ++axis) {
    const int own = axis - (to.rank() - from.rank());
    repeated[static_cast<size_t>(axis)] = own < 0 || (from[own] == 1 && to[axis] != 1);
  }
  return pattern_of(to, repeated);
}

Space Space::of(const Shape& shape) {
  Space space;
  space.full = count_of(shape);
  space.cuts = cuts_of(shape);
  return space;
}

Space Space::of_reduction(const Shape& shape, const std::vector<bool>& folded, int64_t chunks) {
  auto space = of(shape);
  space.reduces = true;
  space.chunks = chunks;
  space.pattern = pattern_of(shape, folded);
  for (const auto& [count, fold] : space.pattern)
    if (!fold) space.kept = product(space.kept, count);
  return space;
}

bool Space::adopt_cuts(const std::vector<int64_t>& others) {
  if (cuts == others) return true;
  std::vector<int64_t> both;
  std::ranges::set_union(cuts, others, std::back_inserter(both));
  for (size_t i = 0; i + 1 < both.size(); ++i)
    if (both[i] <= 0 || both[i + 1] % both[i] != 0) return false;
  cuts = std::move(both);
  return true;
}

}  // namespace mpsg::stitch
