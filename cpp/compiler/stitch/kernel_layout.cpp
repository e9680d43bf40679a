#include "compiler/stitch/kernel_layout.h"

#include <algorithm>
#include <numeric>

#include "compiler/stitch/cost_model.h"

namespace mpsg::stitch {
namespace {

class Layout {
 public:
  Layout(StitchedKernel& kernel, const Domain& domain, const std::vector<DraftAccess>& accesses,
         bool matrix)
      : kernel_(kernel), dimensions_(domain.dimensions), accesses_(accesses), matrix_(matrix) {
    order_.resize(dimensions_.size());
    std::iota(order_.begin(), order_.end(), 0);
    positioned_.resize(dimensions_.size());
    for (const auto& instruction : kernel.program)
      if (instruction.op == ElementOp::position)
        positioned_[static_cast<size_t>(instruction.index)] = true;
  }

  void run(const SymbolValues& symbols) {
    merge();  // as the tensors lie
    arrange();
    merge();  // what came together
    write(symbols);
  }

 private:
  bool is_reduced(int32_t d) const { return dimensions_[static_cast<size_t>(d)].reduced; }
  int64_t extent(int32_t d) const { return dimensions_[static_cast<size_t>(d)].extent.symbol; }
  static int64_t stride(const DraftAccess& access, int32_t d) {
    return access.strides[static_cast<size_t>(d)];
  }

  bool can_merge(int32_t outer, int32_t inner) const {
    if (is_reduced(outer) != is_reduced(inner) || positioned_[static_cast<size_t>(outer)] ||
        positioned_[static_cast<size_t>(inner)])
      return false;
    return std::ranges::all_of(accesses_, [&](const DraftAccess& access) {
      return stride(access, outer) == product(stride(access, inner), extent(inner));
    });
  }

  /// Of two merged dimensions the inner one stays: it has the strides of both.
  void merge() {
    for (size_t i = order_.size(); i-- > 1;) {
      const auto outer = order_[i - 1], inner = order_[i];
      const bool into_lane = matrix_ && inner == last_;
      if (into_lane || !can_merge(outer, inner)) continue;
      auto& kept = dimensions_[static_cast<size_t>(inner)].extent;
      const auto& gone = dimensions_[static_cast<size_t>(outer)].extent;
      kept = {product(kept.symbol, gone.symbol), kept.value * gone.value};
      order_.erase(order_.begin() + static_cast<std::ptrdiff_t>(i) - 1);
    }
  }

  /// The dimension along which most elements lie side by side; the innermost of several.
  int32_t choose_lane() const {
    if (matrix_) return order_.back();
    int32_t best = order_.back();
    int best_score = -1;
    for (const auto d : order_) {
      int score = 0;
      for (const auto& access : accesses_) {
        if (stride(access, d) != 1) continue;
        constexpr int whole = 16;
        score += std::ranges::all_of(order_, [&](int32_t e) { return stride(access, e) != 0; })
                     ? whole
                     : 1;
      }
      if (score >= best_score) {
        best = d;
        best_score = score;
      }
    }
    return best;
  }

  void arrange() {
    if (order_.empty()) return;
    const auto lane = choose_lane();
    std::vector<int32_t> arranged;
    for (const bool reduced : {false, true})
      for (const auto d : order_)
        if (d != lane && is_reduced(d) == reduced) arranged.push_back(d);
    arranged.push_back(lane);
    order_ = std::move(arranged);
  }

  void write(const SymbolValues& symbols) {
    kernel_.extents.clear();
    std::vector<int32_t> place(dimensions_.size(), 0);
    for (const auto d : order_) {
      place[static_cast<size_t>(d)] = kernel_.rank();
      kernel_.extents.push_back(dimensions_[static_cast<size_t>(d)].extent.value);
    }
    if (order_.empty()) kernel_.extents.push_back(1);
    kernel_.lane_reduced = !order_.empty() && is_reduced(order_.back());
    kernel_.parallel = 0;
    for (size_t i = 0; i + 1 < order_.size(); ++i)
      if (!is_reduced(order_[i])) ++kernel_.parallel;
    for (auto& instruction : kernel_.program)
      if (instruction.op == ElementOp::position)
        instruction.index = place[static_cast<size_t>(instruction.index)];
    kernel_.accesses.clear();
    for (const auto& draft : accesses_) {
      KernelAccess access{draft.operand, draft.offset, {}};
      for (const auto d : order_) access.strides.push_back(symbols.value_of(stride(draft, d)));
      if (order_.empty()) access.strides.push_back(0);
      access.strides.push_back(symbols.value_of(draft.strides.back()));
      kernel_.accesses.push_back(std::move(access));
    }
  }

  StitchedKernel& kernel_;
  std::vector<DomainDimension> dimensions_;
  const std::vector<DraftAccess>& accesses_;
  bool matrix_;
  std::vector<int32_t> order_;  // dimensions that are left, outermost first
  std::vector<bool> positioned_;
  int32_t last_ = static_cast<int32_t>(dimensions_.size()) - 1;
};

}  // namespace

void lay_out(StitchedKernel& kernel, const Domain& domain, const std::vector<DraftAccess>& accesses,
             const SymbolValues& symbols, bool matrix) {
  Layout(kernel, domain, accesses, matrix).run(symbols);
}

void choose_saved(StitchedKernel& kernel) {
  kernel.saved.clear();
  if (kernel.phase_count() < 2 || kernel.chunks > 1) return;
  const auto phases = kernel.phases();
  const auto depends = kernel.dependence();
  uint32_t reduced = 0;
  for (int32_t d = kernel.parallel; d < kernel.rank(); ++d)
    if (d != kernel.lane() || kernel.lane_reduced) reduced |= 1u << d;
  // The latest phase in which each instruction is wanted, kept or not.
  std::vector<int32_t> wanted = phases;
  const auto want = [&](int32_t id, int32_t phase) {
    wanted[static_cast<size_t>(id)] = std::max(wanted[static_cast<size_t>(id)], phase);
  };
  for (size_t i = kernel.program.size(); i-- > 0;) {
    const bool is_function = cost_of(kernel.program[i].op) >= function_cost;
    if (wanted[i] > phases[i] && is_function && (depends[i] & reduced)) {
      kernel.saved.push_back(static_cast<int32_t>(i));
      continue;  // later phases read it: its operands are wanted no longer than it is made
    }
    for (const auto operand : kernel.program[i].operands)
      if (operand >= 0) want(operand, wanted[i]);
  }
  std::ranges::reverse(kernel.saved);
}

}  // namespace mpsg::stitch
