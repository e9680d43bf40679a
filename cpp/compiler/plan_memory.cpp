// One arena for all intermediate values: a value's block is free again after its last reader.
#include <algorithm>
#include <map>
#include <set>

#include "compiler/in_place.h"
#include "compiler/passes.h"

namespace mpsg {
namespace {

constexpr size_t alignment = 64;

size_t rounded(size_t bytes) {
  return std::max(alignment, (bytes + alignment - 1) / alignment * alignment);
}

/// Free blocks of the arena, best fit, neighbours joined.
class FreeList {
 public:
  size_t take(size_t bytes) {
    const auto best = by_size_.lower_bound({bytes, 0});
    if (best == by_size_.end()) return grow(bytes);
    const auto [size, offset] = *best;
    erase(offset, size);
    if (size > bytes) insert(offset + bytes, size - bytes);
    return offset;
  }

  void give(size_t offset, size_t bytes) {
    auto next = by_offset_.lower_bound(offset);
    if (next != by_offset_.begin()) {
      const auto previous = std::prev(next);
      if (previous->first + previous->second == offset) {
        offset = previous->first;
        bytes += previous->second;
        erase(previous->first, previous->second);
      }
    }
    next = by_offset_.lower_bound(offset);
    if (next != by_offset_.end() && offset + bytes == next->first) {
      const auto size = next->second;
      erase(next->first, size);
      bytes += size;
    }
    insert(offset, bytes);
  }

  size_t end() const { return end_; }

 private:
  size_t grow(size_t bytes) {
    // The last free block may touch the end: only the difference is new.
    if (!by_offset_.empty()) {
      const auto last = std::prev(by_offset_.end());
      const auto [offset, size] = *last;
      if (offset + size == end_) {
        erase(offset, size);
        end_ = offset + bytes;
        return offset;
      }
    }
    const auto offset = end_;
    end_ += bytes;
    return offset;
  }
  void insert(size_t offset, size_t size) {
    by_offset_[offset] = size;
    by_size_.insert({size, offset});
  }
  void erase(size_t offset, size_t size) {
    by_offset_.erase(offset);
    by_size_.erase({size, offset});
  }

  std::map<size_t, size_t> by_offset_;
  std::set<std::pair<size_t, size_t>> by_size_;
  size_t end_ = 0;
};

class Planner {
 public:
  explicit Planner(Plan& plan) : plan_(plan) {}

  void run() {
    find_lifetimes();
    std::vector<std::vector<int32_t>> ending(plan_.steps.size());
    for (size_t value = 0; value < plan_.values.size(); ++value)
      if (owns_block(static_cast<int32_t>(value)) && at(value).last_step >= 0)
        ending[static_cast<size_t>(at(value).last_step)].push_back(static_cast<int32_t>(value));
    for (size_t step = 0; step < plan_.steps.size(); ++step) {
      const auto& outputs = plan_.steps[step].outputs;
      for (size_t i = 0; i < outputs.size(); ++i)
        if (owns_block(outputs[i])) place(plan_.steps[step], static_cast<int32_t>(step), i);
      for (const auto value : ending[step])
        if (!handed_on_.contains(value)) free_.give(at(value).offset, rounded(at(value).bytes));
    }
    for (auto& value : plan_.values)
      if (value.view_of >= 0) value.offset = at(root_of(value.view_of)).offset;
    plan_.arena_bytes = free_.end();
  }

 private:
  PlanValue& at(int32_t value) { return plan_.values[static_cast<size_t>(value)]; }
  PlanValue& at(size_t value) { return plan_.values[value]; }

  int32_t root_of(int32_t value) {
    while (at(value).view_of >= 0) value = at(value).view_of;
    return value;
  }

  bool owns_block(int32_t value) {
    return at(value).place == Place::arena && at(value).view_of < 0;
  }

  void find_lifetimes() {
    for (size_t step = 0; step < plan_.steps.size(); ++step) {
      const auto now = static_cast<int32_t>(step);
      for (const auto output : plan_.steps[step].outputs) {
        at(output).first_step = now;
        at(output).last_step = now;
      }
      for (const auto input : plan_.steps[step].inputs)
        at(root_of(input)).last_step = std::max(at(root_of(input)).last_step, now);
    }
    for (auto& value : plan_.values)
      if (value.view_of >= 0) {
        value.first_step = at(root_of(value.view_of)).first_step;
        value.last_step = at(root_of(value.view_of)).last_step;
      }
  }

  /// A step may write over an operand of equal size that nobody reads later.
  bool take_over(const PlanStep& step, int32_t now, size_t output) {
    const auto made = step.outputs[output];
    if (!step.stitched && !step.row->traits.elementwise) return false;
    // A root writes its result there before its epilogue reads its own operands.
    if (std::ranges::any_of(step.outputs, [&](int32_t other) { return at(other).view_of == made; }))
      return false;
    for (const auto input : step.inputs) {
      const auto owner = root_of(input);
      if (!owns_block(owner) || at(owner).last_step != now || handed_on_.contains(owner) ||
          at(owner).bytes != at(made).bytes || !all_may(step, owner, output))
        continue;
      at(made).offset = at(owner).offset;
      handed_on_.insert(owner);
      return true;
    }
    return false;
  }

  /// The same block read a second time in another way would see results.
  bool all_may(const PlanStep& step, int32_t owner, size_t output) {
    for (size_t i = 0; i < step.inputs.size(); ++i)
      if (root_of(step.inputs[i]) == owner && !may_write_over(plan_, step, i, output)) return false;
    return true;
  }

  void place(const PlanStep& step, int32_t now, size_t output) {
    auto& made = at(step.outputs[output]);
    if (!take_over(step, now, output)) made.offset = free_.take(rounded(made.bytes));
  }

  Plan& plan_;
  FreeList free_;
  std::set<int32_t> handed_on_;  // blocks that a later value took over
};

}  // namespace

void plan_memory(Plan& plan) {
  Planner(plan).run();
  for (auto& step : plan.steps)
    for (auto& body : step.bodies)
      if (body) {
        auto planned = std::make_shared<Plan>(*body);
        plan_memory(*planned);
        body = planned;
      }
}

}  // namespace mpsg
