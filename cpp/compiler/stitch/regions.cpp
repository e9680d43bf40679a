#include "compiler/stitch/regions.h"

#include <algorithm>
#include <queue>
#include <set>

#include "compiler/stitch/cost_model.h"
#include "compiler/stitch/operations.h"
#include "compiler/stitch/space.h"
#include "compiler/stitch/unit_graph.h"

namespace mpsg::stitch {
namespace {

/// How a consumer reads what a producer makes.
enum class Relation : uint8_t { same, repeated, moved };

struct Operand {
  TensorId tensor;  // as the consumer names it
  TensorId base;    // what is made: views and free operations are looked through
  Relation relation = Relation::same;
};

/// How two regions would share one loop nest.
enum class Fit : uint8_t { none, whole, producer_kept, consumer_kept, producer_moved };

struct Group {
  std::vector<OperationId> members;
  std::vector<TensorId> inputs;  // bases made outside
  Space space;
  OperationId operation = -1;  // stays as it is
  OperationId root = -1;
  std::string ended;

  bool is_region() const { return operation < 0; }
};

class Grower {
 public:
  Grower(const GraphData& graph, const std::vector<OperationId>& operations,
         const std::vector<TensorId>& results, const GrowthOptions& options)
      : graph_(graph), operations_(operations), options_(options) {
    const auto count = static_cast<size_t>(graph.node_count());
    unit_.assign(count, -1);
    place_.assign(count, Place::none);
    free_.assign(count, false);
    is_result_.assign(count, false);
    users_.resize(count);
    for (const auto result : results) is_result_[at(base_of(graph, result).operation)] = true;
    for (const auto result : results) is_result_[at(result.operation)] = true;
    for (const auto id : operations)
      for (const auto input : graph.node(id).inputs) users_[at(input.operation)].push_back(id);
  }

  std::vector<PlannedUnit> run() {
    for (const auto id : operations_) visit(id);
    if (options_.grow) join_siblings();
    return planned();
  }

 private:
  static size_t at(int32_t id) { return static_cast<size_t>(id); }
  const Node& node(OperationId id) const { return graph_.node(id); }
  int32_t unit_of(OperationId id) const {
    return unit_[at(id)] < 0 ? -1 : graph_of_units_.find(unit_[at(id)]);
  }
  Group& group(int32_t unit) { return groups_[at(unit)]; }
  const Group& group(int32_t unit) const { return groups_[at(unit)]; }

  /// What `id` reads, through views and free operations.
  void collect(TensorId tensor, TensorId shown, Relation relation,
               std::vector<Operand>& found) const {
    const auto base = base_of(graph_, shown);
    if (!free_[at(base.operation)]) {
      found.push_back({tensor, base, relation});
      return;
    }
    const auto& free = node(base.operation);
    if (!is_broadcast(free) && is_movement(free)) relation = Relation::moved;
    else if (relation == Relation::same) relation = Relation::repeated;
    for (const auto input : free.inputs) collect(tensor, input, relation, found);
  }

  std::vector<Operand> operands_of(OperationId id) const {
    const auto& consumer = node(id);
    std::vector<Operand> found;
    const bool fold = fold_of(consumer) != FoldKind::none;
    const bool moves = !fold && is_movement(consumer) && !is_broadcast(consumer);
    const auto count =
        fold || consumer.outputs.size() != 1 ? -1 : symbol_count(extents_of(graph_, {id, 0}));
    for (const auto input : consumer.inputs) {
      auto relation = Relation::same;
      if (moves) relation = Relation::moved;
      else if (count >= 0 && symbol_count(extents_of(graph_, input)) != count)
        relation = Relation::repeated;
      collect(input, input, relation, found);
    }
    return found;
  }

  // --- One operation after the other

  void visit(OperationId id) {
    const auto& current = node(id);
    if (is_source(current) || is_view(current)) return;
    if (!is_stitchable(graph_, current, options_.limits)) return add_fixed(id);
    const auto operands = operands_of(id);
    if (options_.grow && costs_nothing(id, operands)) {
      free_[at(id)] = true;
      return;
    }
    add_region(id, operands);
    if (options_.grow) join_producers(id, operands);
  }

  std::vector<int32_t> waits_for(const Node& current, const std::vector<Operand>& operands) const {
    std::vector<int32_t> before;
    for (const auto& operand : operands)
      if (const auto unit = unit_of(operand.base.operation); unit >= 0) before.push_back(unit);
    for (const auto dependency : current.control) {
      // A view or a free operation has no step: what it is made from must be there.
      std::vector<Operand> made;
      if (unit_of(dependency) >= 0) before.push_back(unit_of(dependency));
      else if (!node(dependency).outputs.empty())
        collect({dependency, 0}, {dependency, 0}, Relation::same, made);
      for (const auto& operand : made)
        if (const auto unit = unit_of(operand.base.operation); unit >= 0) before.push_back(unit);
    }
    return before;
  }

  int32_t add_group(OperationId id, Group group, const std::vector<Operand>& operands) {
    const auto unit = graph_of_units_.add(waits_for(node(id), operands));
    unit_[at(id)] = unit;
    groups_.push_back(std::move(group));
    return unit;
  }

  void add_fixed(OperationId id) {
    std::vector<Operand> operands;
    for (const auto input : node(id).inputs) collect(input, input, Relation::moved, operands);
    Group group;
    group.operation = id;
    if (options_.limits.epilogues && options_.grow && is_root(node(id)) &&
        options_.limits.types.contains(node(id).outputs[0].data_type) && node(id).control.empty()) {
      group.root = id;
      group.space = Space::of(graph_.symbolic_shape({id, 0}));
      place_[at(id)] = Place::full;
    }
    add_group(id, std::move(group), operands);
  }

  void add_region(OperationId id, const std::vector<Operand>& operands) {
    const auto& current = node(id);
    Group group;
    group.members = {id};
    place_[at(id)] = Place::full;
    if (fold_of(current) != FoldKind::none) {
      group.space = Space::of_reduction(graph_.symbolic_shape(current.inputs[0]),
                                        folded_axes(graph_, current), chunks_of(current));
      place_[at(id)] = chunks_of(current) > 1 ? Place::pieces : Place::kept;
    } else {
      group.space = Space::of(graph_.symbolic_shape({id, 0}));
    }
    for (const auto& operand : operands) add_input(group, operand.base);
    add_group(id, std::move(group), operands);
  }

  static void add_input(Group& group, TensorId base) {
    if (std::ranges::find(group.inputs, base) == group.inputs.end()) group.inputs.push_back(base);
  }

  /// Movements of what is made elsewhere anyhow, and single numbers: every user does them itself.
  bool costs_nothing(OperationId id, const std::vector<Operand>& operands) const {
    const auto& current = node(id);
    if (!current.control.empty() || fold_of(current) != FoldKind::none) return false;
    const bool single = symbol_count(extents_of(graph_, {id, 0})) == 1;
    if (!is_movement(current) && !single) return false;
    if (operands.size() > free_operand_limit || (single && is_needed_in_memory(id))) return false;
    for (const auto& operand : operands) {
      const auto unit = unit_of(operand.base.operation);
      if (unit < 0 || !group(unit).is_region()) continue;
      // Better computed where it is used.
      if (single || worth_moving(unit, id, operand)) return false;
    }
    return true;
  }

  /// Then it has a step, and what it is made from had better be part of that.
  bool is_needed_in_memory(OperationId id) const {
    return is_result_[at(id)] || std::ranges::any_of(users_[at(id)], [&](OperationId user) {
             return is_view(node(user)) ? is_needed_in_memory(user)
                                        : !is_stitchable(graph_, node(user), options_.limits);
           });
  }

  // --- Joining

  /// Do all users of what the region makes lie in the region or in `unit` (or are `only`)?
  bool used_inside(OperationId made, int32_t region, int32_t unit, OperationId only) const {
    if (is_result_[at(made)]) return false;
    for (const auto user : users_[at(made)]) {
      if (user == only) continue;
      if (is_view(node(user)) || free_[at(user)]) {
        if (!used_inside(user, region, unit, only)) return false;
        continue;
      }
      const auto where = unit_of(user);
      if (where < 0 || (where != region && where != unit)) return false;
    }
    return true;
  }

  /// May all of the region be computed wherever `consumer` asks for it?
  bool can_move_into(int32_t region, OperationId consumer) const {
    const auto& moved = group(region);
    if (!moved.is_region() || moved.root >= 0 || moved.space.reduces) return false;
    return std::ranges::all_of(moved.members, [&](OperationId member) {
      return used_inside(member, region, unit_of(consumer), consumer);
    });
  }

  bool worth_moving(int32_t region, OperationId consumer, const Operand& operand) const {
    if (!can_move_into(region, consumer)) return false;
    if (operand.relation == Relation::moved || group(region).space.full == 1) return true;
    // Computed again for each element that repeats it, unless that is outside of the lane's loop.
    const auto& shape =
        graph_.symbolic_shape(fold_of(node(consumer)) == FoldKind::none ? TensorId{consumer, 0}
                                                                        : node(consumer).inputs[0]);
    const auto pattern = broadcast_pattern(graph_.symbolic_shape(operand.base), shape);
    return (!pattern.empty() && pattern.back().second) ||
           cost_of_group(group(region)) <= cheap_cost;
  }

  int cost_of_group(const Group& of) const {
    int cost = 0;
    for (const auto member : of.members) cost += cost_of(*node(member).row);
    return cost;
  }

  Fit fit(int32_t producer, int32_t consumer, OperationId id, const Operand& operand) const {
    const auto& from = group(producer);
    const auto& to = group(consumer);
    const auto& current = node(id);
    const auto made = place_[at(operand.base.operation)];
    const bool fold = fold_of(current) != FoldKind::none;
    const auto wanted = fold ? Place::full : place_[at(id)];
    if (made == Place::moved || made == Place::none || made == Place::pieces) return Fit::none;
    if (operand.relation == Relation::same) {
      if (made == wanted) return Fit::whole;
      return made == Place::kept ? Fit::consumer_kept : Fit::producer_kept;
    }
    if (operand.relation == Relation::repeated && wanted == Place::full) {
      const auto& shape = graph_.symbolic_shape(fold ? current.inputs[0] : TensorId{id, 0});
      const auto pattern = broadcast_pattern(graph_.symbolic_shape(operand.base), shape);
      if (made == Place::kept) return pattern == from.space.pattern ? Fit::whole : Fit::none;
      if (to.space.reduces && pattern == to.space.pattern) return Fit::producer_kept;
    }
    return worth_moving(producer, id, operand) ? Fit::producer_moved : Fit::none;
  }

  /// May an epilogue fold rows of the root's result in pieces, each as soon as it is finished?
  bool folds_rows(OperationId root, const Space& space) const {
    const auto& shape = graph_.symbolic_shape({root, 0});
    const auto& pattern = space.pattern;
    return space.chunks > 1 && pattern.size() == 2 && pattern[0].second && !pattern[1].second &&
           pattern[1].first == shape[shape.rank() - 1] && finishes_rows(node(root));
  }

  /// Is the fit possible? Adjusts the space that both will have.
  bool agree(const Group& from, const Group& to, Fit how, Space& space) const {
    const bool roots = from.root >= 0 || to.root >= 0;
    switch (how) {
      case Fit::none: return false;
      case Fit::whole:
        if (from.space.full != to.space.full || (from.root >= 0 && to.root >= 0)) return false;
        for (const auto* reducing : {&from, &to})
          if (roots && reducing->space.reduces &&
              !folds_rows(std::max(from.root, to.root), reducing->space))
            return false;
        if (from.space.reduces && to.space.reduces && !from.space.reduces_as(to.space))
          return false;
        space = from.space.reduces ? from.space : to.space;
        return space.adopt_cuts(from.space.reduces ? to.space.cuts : from.space.cuts);
      case Fit::producer_kept:
        space = to.space;
        return !roots && !from.space.reduces && to.space.reduces && to.space.chunks == 1 &&
               from.space.full == to.space.kept;
      case Fit::consumer_kept:
        space = from.space;
        return !roots && !to.space.reduces && from.space.reduces && from.space.chunks == 1 &&
               to.space.full == from.space.kept;
      case Fit::producer_moved: space = to.space; return !roots && !from.space.reduces;
    }
    return false;
  }

  std::string text_of(OperationId id) const { return "'" + graph_.display_name(id) + "'"; }

  void end(int32_t unit, std::string why) {
    if (group(unit).ended.empty()) group(unit).ended = std::move(why);
  }

  std::string why_apart(const Group& from, const Group& to, Fit how, const Operand& operand,
                        OperationId consumer) const {
    const auto made = text_of(operand.base.operation), reader = text_of(consumer);
    if (place_[at(operand.base.operation)] == Place::pieces) return "reduced in pieces";
    if (from.root >= 0 && to.space.reduces) return reader + " reduces what a product makes";
    if (from.root >= 0 && to.root >= 0) return reader + " follows two products";
    if (to.space.reduces && (how == Fit::whole || how == Fit::consumer_kept))
      return reader + (from.space.reduces ? " reduces other axes" : " walks other dimensions");
    if (how == Fit::none && operand.relation == Relation::moved)
      return users_[at(operand.base.operation)].size() > 1
                 ? made + " has other users than " + reader + ", which moves it"
                 : reader + " moves it";
    if (how == Fit::none && operand.relation == Relation::repeated)
      return reader + " repeats " + made;
    return reader + " runs over other elements";
  }

  bool within_limits(const Group& from, const Group& to) const {
    if (from.members.size() + to.members.size() > member_limit) return false;
    size_t inputs = to.inputs.size();
    for (const auto input : from.inputs)
      if (std::ranges::find(to.inputs, input) == to.inputs.end()) ++inputs;
    return inputs < static_cast<size_t>(options_.limits.operands);
  }

  bool same_control(const Group& from, const Group& to) const {
    static const std::vector<OperationId> none;
    const auto control = [&](const Group& of) -> const std::vector<OperationId>& {
      return of.members.empty() ? none : node(of.members.front()).control;
    };
    return control(from) == control(to);
  }

  /// One region of a producer and a consumer of what it makes.
  bool join(int32_t producer, int32_t consumer, Fit how, const Operand& operand,
            OperationId at_operation) {
    auto& from = group(producer);
    auto& to = group(consumer);
    Space space;
    if (!agree(from, to, how, space))
      return end(producer, why_apart(from, to, how, operand, at_operation)), false;
    if (!within_limits(from, to)) return end(producer, "limit of operands"), false;
    if (!same_control(from, to)) return end(producer, "control dependency"), false;
    if (graph_of_units_.merging_makes_cycle(producer, consumer))
      return end(producer, text_of(at_operation) + " waits for others that read it"), false;
    if (how == Fit::producer_kept || how == Fit::producer_moved)
      for (const auto member : from.members) {
        auto& place = place_[at(member)];
        if (how == Fit::producer_moved) place = Place::moved;
        else if (place == Place::full) place = Place::kept;
      }
    if (how == Fit::consumer_kept)
      for (const auto member : to.members)
        if (place_[at(member)] == Place::full) place_[at(member)] = Place::kept;
    merge(producer, consumer, std::move(space));
    return true;
  }

  void merge(int32_t into, int32_t gone, Space space) {
    auto& kept = group(into);
    auto& other = group(gone);
    kept.members.insert(kept.members.end(), other.members.begin(), other.members.end());
    for (const auto input : other.inputs) add_input(kept, input);
    if (other.root >= 0) kept.root = other.root;
    kept.operation = -1;
    kept.space = std::move(space);
    kept.ended.clear();
    graph_of_units_.merge(into, gone);
    std::erase_if(kept.inputs, [&](TensorId input) {
      return input.operation != kept.root && unit_of(input.operation) == into;
    });
    other = {};
  }

  void join_producers(OperationId id, std::vector<Operand> operands) {
    // What is worth most comes first: it decides over which elements the region runs.
    std::ranges::stable_sort(operands, [&](const Operand& a, const Operand& b) {
      if (a.relation != b.relation) return a.relation < b.relation;
      return symbol_count(extents_of(graph_, a.base)) > symbol_count(extents_of(graph_, b.base));
    });
    for (const auto& operand : operands) {
      const auto producer = unit_of(operand.base.operation);
      const auto consumer = unit_of(id);
      if (producer < 0 || producer == consumer || place_[at(operand.base.operation)] == Place::none)
        continue;
      join(producer, consumer, fit(producer, consumer, id, operand), operand, id);
    }
  }

  // --- Siblings: regions that read the same tensors over the same elements

  void join_siblings() {
    std::map<TensorId, std::vector<int32_t>> readers;
    for (int32_t unit = 0; unit < graph_of_units_.count(); ++unit) {
      if (graph_of_units_.find(unit) != unit || !group(unit).is_region()) continue;
      for (const auto input : group(unit).inputs)
        if (reads_much(group(unit), input)) readers[input].push_back(unit);
    }
    for (const auto& [input, units] : readers)
      for (size_t i = 0; i < units.size() && i < sibling_limit; ++i)
        for (size_t j = i + 1; j < units.size() && j < sibling_limit; ++j) {
          const auto a = graph_of_units_.find(units[i]), b = graph_of_units_.find(units[j]);
          if (a != b) join_sibling(a, b);
        }
  }

  bool reads_much(const Group& reader, TensorId input) const {
    return symbol_count(extents_of(graph_, input)) >= reader.space.full && reader.space.full != 1;
  }

  void join_sibling(int32_t a, int32_t b) {
    auto& one = group(a);
    auto& other = group(b);
    Space space;
    if (one.root >= 0 || other.root >= 0 || !agree(one, other, Fit::whole, space)) return;
    // A map would wait for sums, or sums be repeated for a map.
    if (one.space.reduces != other.space.reduces && one.space.chunks == other.space.chunks) return;
    if (!within_limits(one, other) || !same_control(one, other) ||
        graph_of_units_.merging_makes_cycle(a, b))
      return;
    merge(a, b, std::move(space));
  }

  // --- What is left

  /// Members and the free operations that they read.
  std::vector<OperationId> with_free(const Group& of) const {
    std::set<OperationId> all(of.members.begin(), of.members.end());
    std::vector<OperationId> stack(of.members);
    while (!stack.empty()) {
      const auto id = stack.back();
      stack.pop_back();
      for (const auto input : node(id).inputs) {
        const auto base = base_of(graph_, input).operation;
        if (free_[at(base)] && all.insert(base).second) stack.push_back(base);
      }
    }
    return {all.begin(), all.end()};
  }

  PlannedUnit plan(int32_t unit) const {
    const auto& from = group(unit);
    PlannedUnit planned;
    planned.operation = from.operation;
    planned.ended = from.ended;
    if (from.operation >= 0) return planned;
    planned.draft.root = from.root;
    planned.draft.members = with_free(from);
    planned.own = from.members;
    std::ranges::sort(planned.own);
    for (const auto member : planned.own)
      if (!used_inside(member, unit, unit, -1)) planned.draft.outputs.push_back({member, 0});
    if (planned.draft.outputs.empty()) planned.draft.outputs.push_back({planned.own.back(), 0});
    if (planned.ended.empty()) planned.ended = why_ended(planned.draft.outputs);
    return planned;
  }

  std::string why_ended(const std::vector<TensorId>& outputs) const {
    for (const auto output : outputs) {
      if (is_result_[at(output.operation)]) return text_of(output.operation) + " is a result";
      for (const auto user : users_[at(output.operation)])
        if (node(user).row->name == "assign")
          return text_of(node(user).inputs[0].operation) + " is assigned";
      for (const auto user : users_[at(output.operation)]) {
        const auto unit = unit_of(user);
        if (unit >= 0 && !group(unit).is_region()) return "not stitchable: " + node(user).row->name;
      }
      const auto users = users_[at(output.operation)].size();
      if (users > 1) return text_of(output.operation) + " has " + std::to_string(users) + " users";
    }
    return "nothing follows";
  }

  /// Units in an order that respects what they wait for, as near as possible to the graph's.
  std::vector<PlannedUnit> planned() {
    const auto count = at(graph_of_units_.count());
    std::vector<int32_t> last(count, -1), waiting(count);
    std::vector<std::vector<int32_t>> after(count);
    for (const auto id : operations_)
      if (const auto unit = unit_of(id); unit >= 0) last[at(unit)] = id;
    for (int32_t unit = 0; unit < static_cast<int32_t>(count); ++unit) {
      if (graph_of_units_.find(unit) != unit) continue;
      std::set<int32_t> before;
      for (const auto other : graph_of_units_.before(unit))
        before.insert(graph_of_units_.find(other));
      before.erase(unit);
      for (const auto other : before) {
        after[at(other)].push_back(unit);
        ++waiting[at(unit)];
      }
    }
    using Entry = std::pair<int32_t, int32_t>;
    std::priority_queue<Entry, std::vector<Entry>, std::greater<>> ready;
    for (int32_t unit = 0; unit < static_cast<int32_t>(count); ++unit)
      if (graph_of_units_.find(unit) == unit && waiting[at(unit)] == 0)
        ready.push({last[at(unit)], unit});
    std::vector<PlannedUnit> units;
    while (!ready.empty()) {
      const auto unit = ready.top().second;
      ready.pop();
      units.push_back(plan(unit));
      for (const auto next : after[at(unit)])
        if (--waiting[at(next)] == 0) ready.push({last[at(next)], next});
    }
    return units;
  }

  static constexpr size_t free_operand_limit = 8;

  const GraphData& graph_;
  const std::vector<OperationId>& operations_;
  const GrowthOptions& options_;
  UnitGraph graph_of_units_;
  std::vector<Group> groups_;    // by unit
  std::vector<int32_t> unit_;    // by operation; -1: none
  std::vector<Place> place_;     // by operation
  std::vector<bool> free_;       // by operation: done by every user itself
  std::vector<bool> is_result_;  // by operation
  std::vector<std::vector<OperationId>> users_;
};

}  // namespace

std::vector<PlannedUnit> grow_regions(const GraphData& graph,
                                      const std::vector<OperationId>& operations,
                                      const std::vector<TensorId>& results,
                                      const GrowthOptions& options) {
  return Grower(graph, operations, results, options).run();
}

}  // namespace mpsg::stitch
