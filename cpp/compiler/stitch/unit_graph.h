// Steps to be and what they wait for, while stitching merges them: an acyclic graph kept in order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace mpsg::stitch {

/// Units are merged only where no cycle comes of it. Each has a rank, larger than those of all
/// units it waits for, so that most questions are answered by comparing two numbers.
class UnitGraph {
 public:
  int32_t add(std::vector<int32_t> before);
  /// The unit into which `unit` was merged.
  int32_t find(int32_t unit) const;
  /// Would a unit of both wait for itself? Also true if the search takes too long.
  bool merging_makes_cycle(int32_t a, int32_t b) const;
  /// Merges `b` into `a`.
  void merge(int32_t a, int32_t b);
  /// What a unit waits for; merged units may occur several times.
  const std::vector<int32_t>& before(int32_t unit) const { return units_[at(unit)].before; }
  int32_t count() const { return static_cast<int32_t>(units_.size()); }

 private:
  struct Unit {
    std::vector<int32_t> before, after;
    int32_t rank = 0;
    int32_t merged_into = -1;
  };
  static size_t at(int32_t unit) { return static_cast<size_t>(unit); }
  /// Does `from` wait for `target`, otherwise than directly?
  bool waits_through_others(int32_t from, int32_t target) const;
  void raise(int32_t unit);

  std::vector<Unit> units_;
  mutable std::vector<int32_t> visited_;  // number of the search that saw each unit last
  mutable int32_t search_ = 0;
};

}  // namespace mpsg::stitch
