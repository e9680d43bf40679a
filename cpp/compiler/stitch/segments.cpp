#include "compiler/stitch/segments.h"

#include <algorithm>
#include <map>
#include <string>
#include <unordered_map>
#include <utility>

#include "compiler/stitch/cost_model.h"
#include "compiler/stitch/operations.h"

namespace mpsg::stitch {
namespace {

class Finder {
 public:
  Finder(const GraphData& graph, const std::vector<OperationId>& operations,
         const std::vector<TensorId>& results, const StitchingLimits& limits)
      : graph_(graph), limits_(limits) {
    const auto count = static_cast<size_t>(graph.node_count());
    awaited_.assign(count, false);
    assigned_.assign(count, false);
    for (const auto result : results) awaited_[at(result)] = true;
    for (const auto id : operations)
      for (const auto dependency : graph.node(id).control)
        awaited_[static_cast<size_t>(dependency)] = true;
    // An assign that something waits for must not move to the end.
    for (const auto id : operations)
      if (may_move(id)) assigned_[at(graph.node(id).inputs[1])] = true;
    for (const auto id : operations) {
      if (may_move(id)) continue;
      for (const auto input : graph.node(id).inputs)
        if (assigned_[at(input)]) readers_[input.operation].push_back(id);
    }
  }

  std::vector<SegmentGroup> run(const std::vector<PlannedUnit>& units) const {
    std::map<Likeness, std::vector<size_t>> alike;
    for (size_t i = 0; i < units.size(); ++i)
      if (only_assigned(units[i])) alike[likeness(units[i].draft)].push_back(i);
    std::vector<SegmentGroup> groups;
    for (const auto& [rows, members] : alike)
      if (members.size() > 1) add_groups(units, members, groups);
    return groups;
  }

 private:
  /// Equal for regions whose kernels may have equal text: cheaper than their kernels.
  using Likeness = std::vector<const OpRow*>;

  static size_t at(TensorId id) { return static_cast<size_t>(id.operation); }

  bool may_move(OperationId id) const {
    const auto& node = graph_.node(id);
    return node.row->name == "assign" && node.control.empty() && !awaited_[static_cast<size_t>(id)];
  }

  bool only_assigned(const PlannedUnit& unit) const {
    if (unit.operation >= 0 || unit.draft.root >= 0) return false;
    const auto inside = [&](OperationId id) { return std::ranges::binary_search(unit.own, id); };
    return std::ranges::all_of(unit.own,
                               [&](OperationId id) { return graph_.node(id).control.empty(); }) &&
           std::ranges::all_of(unit.draft.outputs, [&](TensorId output) {
             if (!assigned_[at(output)] || awaited_[at(output)]) return false;
             const auto readers = readers_.find(output.operation);
             return readers == readers_.end() || std::ranges::all_of(readers->second, inside);
           });
  }

  Likeness likeness(const RegionDraft& draft) const {
    Likeness rows;
    for (const auto member : draft.members) rows.push_back(graph_.node(member).row);
    return rows;
  }

  /// What other steps make is kept in memory until all segments can run. Sizes of this run may
  /// decide: the code is the same either way.
  bool waits_long(const BuiltKernel& built) const {
    return std::ranges::any_of(built.inputs, [&](TensorId input) {
      return !is_source(graph_.node(input.operation)) &&
             value_count(extents_of(graph_, input)) > segment_operand_limit;
    });
  }

  void add_groups(const std::vector<PlannedUnit>& units, const std::vector<size_t>& members,
                  std::vector<SegmentGroup>& groups) const {
    std::map<std::string, SegmentGroup> by_text;
    for (const auto member : members) {
      auto built = build_kernel(graph_, units[member].draft, limits_);
      auto* const kernel = std::get_if<BuiltKernel>(&built);
      if (!kernel || kernel->kernel.chunks > 1 || kernel->inputs.empty() || waits_long(*kernel))
        continue;
      auto& group = by_text[kernel->kernel.canonical_text()];
      group.units.push_back(member);
      group.kernels.push_back(std::move(*kernel));
    }
    for (auto& [text, group] : by_text)
      if (group.units.size() > 1) groups.push_back(std::move(group));
  }

  const GraphData& graph_;
  const StitchingLimits& limits_;
  std::vector<bool> awaited_;   // by operation: by control dependencies, or a result
  std::vector<bool> assigned_;  // by operation: by an assign that nothing waits for
  std::unordered_map<OperationId, std::vector<OperationId>> readers_;  // of what is assigned
};

}  // namespace

std::vector<SegmentGroup> find_segments(const GraphData& graph,
                                        const std::vector<PlannedUnit>& units,
                                        const std::vector<OperationId>& operations,
                                        const std::vector<TensorId>& results,
                                        const StitchingLimits& limits) {
  const auto assigns = std::ranges::count_if(
      operations, [&](OperationId id) { return graph.node(id).row->name == "assign"; });
  if (assigns < 2) return {};
  return Finder(graph, operations, results, limits).run(units);
}

}  // namespace mpsg::stitch
