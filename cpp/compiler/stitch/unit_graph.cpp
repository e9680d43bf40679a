#include "compiler/stitch/unit_graph.h"

#include <algorithm>

#include "compiler/stitch/cost_model.h"

namespace mpsg::stitch {

int32_t UnitGraph::add(std::vector<int32_t> before) {
  const auto id = count();
  Unit unit;
  for (auto& other : before) {
    other = find(other);
    unit.rank = std::max(unit.rank, units_[at(other)].rank + 1);
  }
  std::ranges::sort(before);
  before.erase(std::ranges::unique(before).begin(), before.end());
  for (const auto other : before) units_[at(other)].after.push_back(id);
  unit.before = std::move(before);
  units_.push_back(std::move(unit));
  visited_.push_back(0);
  return id;
}

int32_t UnitGraph::find(int32_t unit) const {
  while (units_[at(unit)].merged_into >= 0) unit = units_[at(unit)].merged_into;
  return unit;
}

bool UnitGraph::waits_through_others(int32_t from, int32_t target) const {
  const auto lowest = units_[at(target)].rank;
  ++search_;
  std::vector<int32_t> stack;
  int budget = search_limit;
  const auto push = [&](int32_t unit) {
    unit = find(unit);
    if (visited_[at(unit)] == search_ || units_[at(unit)].rank < lowest) return;
    visited_[at(unit)] = search_;
    stack.push_back(unit);
  };
  for (const auto other : units_[at(from)].before)
    if (find(other) != target && find(other) != from) push(other);
  while (!stack.empty()) {
    const auto unit = stack.back();
    stack.pop_back();
    if (unit == target || --budget < 0) return true;
    for (const auto other : units_[at(unit)].before) push(other);
  }
  return false;
}

bool UnitGraph::merging_makes_cycle(int32_t a, int32_t b) const {
  return waits_through_others(a, b) || waits_through_others(b, a);
}

void UnitGraph::merge(int32_t a, int32_t b) {
  auto& kept = units_[at(a)];
  auto& gone = units_[at(b)];
  gone.merged_into = a;
  const auto join = [&](std::vector<int32_t>& into, const std::vector<int32_t>& from) {
    into.insert(into.end(), from.begin(), from.end());
    for (auto& unit : into) unit = find(unit);
    std::ranges::sort(into);
    into.erase(std::ranges::unique(into).begin(), into.end());
    std::erase(into, a);
  };
  join(kept.before, gone.before);
  join(kept.after, gone.after);
  gone.before.clear();
  gone.after.clear();
  raise(a);
}

/// Restores the order of ranks from `unit` on.
void UnitGraph::raise(int32_t start) {
  std::vector<int32_t> stack{start};
  units_[at(start)].rank = -1;
  while (!stack.empty()) {
    const auto unit = stack.back();
    stack.pop_back();
    int32_t rank = 0;
    for (const auto other : units_[at(unit)].before)
      rank = std::max(rank, units_[at(find(other))].rank + 1);
    if (rank <= units_[at(unit)].rank) continue;
    units_[at(unit)].rank = rank;
    for (const auto other : units_[at(unit)].after) {
      const auto next = find(other);
      if (units_[at(next)].rank <= rank) stack.push_back(next);
    }
  }
}

}  // namespace mpsg::stitch
