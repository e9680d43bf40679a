// Within a run, a read sees the variable's value from before the run unless a control dependency
// puts it after an assign. Variables are written in place, so the order of steps must see to it.
#include <algorithm>
#include <map>
#include <queue>
#include <set>

#include "compiler/in_place.h"
#include "compiler/passes.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

class Scheduler {
 public:
  Scheduler(const GraphData& graph, int32_t region, const std::vector<TensorId>& results)
      : graph_(graph) {
    if (region == 0) {
      position_.assign(static_cast<size_t>(graph.node_count()), nowhere);
      for (OperationId id = 0; id < graph.node_count(); ++id)
        if (graph.node(id).region == 0) add(id);
    } else {
      const auto& nodes = graph.region(region).nodes;
      if (!nodes.empty()) {
        const auto [first, last] = std::ranges::minmax(nodes);
        first_ = first;
        position_.assign(static_cast<size_t>(last - first) + 1, nowhere);
      }
      for (const auto id : nodes) add(id);
    }
    for (const auto result : results) results_.insert(result);
  }

  Schedule run() {
    find_edges();
    find_variables();
    for (const auto& [variable, uses] : variables_) check_order(variable, uses);
    for (const auto& [variable, uses] : variables_) order_variable(uses);
    const auto required = edges_;
    for (const auto& [variable, uses] : variables_) try_in_place(uses);
    if (!sort()) {
      // Writing in place asked too much: keep the copies, and if need be copy all reads first.
      edges_ = required;
      schedule_.in_place_writes.clear();
      if (!sort()) copy_every_read();
    }
    return std::move(schedule_);
  }

 private:
  struct Uses {
    std::vector<size_t> reads;
    std::vector<size_t> assigns;
  };

  void add(OperationId id) {
    position_[static_cast<size_t>(id - first_)] = ids_.size();
    ids_.push_back(id);
  }

  size_t position(OperationId id) const {
    const auto at = static_cast<size_t>(id - first_);
    return id >= first_ && at < position_.size() ? position_[at] : nowhere;
  }

  const Node& node(size_t at) const { return graph_.node(ids_[at]); }

  void find_edges() {
    edges_.resize(ids_.size());
    consumers_.resize(ids_.size());
    for (size_t at = 0; at < ids_.size(); ++at) {
      for (const auto input : node(at).inputs)
        if (const auto maker = position(input.operation); maker != nowhere) {
          edges_[maker].push_back(at);
          consumers_[maker].push_back(at);
        }
      for (const auto dependency : node(at).control)
        if (const auto other = position(dependency); other != nowhere) edges_[other].push_back(at);
    }
  }

  /// Variables that a body reads or assigns count as read or assigned by its owner.
  void collect(OperationId id, std::set<OperationId>& read, std::set<OperationId>& assigned) const {
    const auto& node = graph_.node(id);
    if (node.row->name == "read") read.insert(node.inputs[0].operation);
    if (node.row->name == "assign") assigned.insert(node.inputs[0].operation);
    for (const auto body : node.regions)
      if (body >= 0)
        for (const auto inner : graph_.region(body).nodes) collect(inner, read, assigned);
  }

  void find_variables() {
    for (size_t at = 0; at < ids_.size(); ++at) {
      const auto& name = node(at).row->name;
      if (name != "read" && name != "assign" && node(at).regions.empty()) continue;
      std::set<OperationId> read, assigned;
      collect(ids_[at], read, assigned);
      for (const auto variable : read) variables_[variable].reads.push_back(at);
      for (const auto variable : assigned) variables_[variable].assigns.push_back(at);
    }
    std::erase_if(variables_, [](const auto& entry) { return entry.second.assigns.empty(); });
  }

  std::vector<bool> after(size_t start) const {
    std::vector<bool> reached(ids_.size());
    std::vector<size_t> stack{start};
    while (!stack.empty()) {
      const auto at = stack.back();
      stack.pop_back();
      for (const auto next : edges_[at])
        if (!reached[next]) {
          reached[next] = true;
          stack.push_back(next);
        }
    }
    return reached;
  }

  void check_order(OperationId variable, const Uses& uses) const {
    for (size_t i = 0; i < uses.assigns.size(); ++i)
      for (size_t j = i + 1; j < uses.assigns.size(); ++j) {
        const auto a = uses.assigns[i], b = uses.assigns[j];
        if (after(a)[b] || after(b)[a]) continue;
        throw GraphError("variable " + graph_.describe(variable) +
                         " is assigned twice in one run, by " + graph_.describe(ids_[a]) + " and " +
                         graph_.describe(ids_[b]) +
                         ", and nothing says which comes first; order them with "
                         "graph.control_dependency([first], ...)");
      }
  }

  /// Steps that look at the bytes of `at`'s result: its consumers, through views.
  void users(size_t start, std::set<size_t>& found, bool& is_result) const {
    std::vector<size_t> stack{start};
    while (!stack.empty()) {
      const auto at = stack.back();
      stack.pop_back();
      is_result = is_result || results_.contains({ids_[at], 0});
      for (const auto consumer : consumers_[at]) {
        if (node(consumer).row->traits.view) stack.push_back(consumer);
        else found.insert(consumer);
      }
    }
  }

  void order_variable(const Uses& uses) {
    for (const auto assign : uses.assigns) {
      const auto later = after(assign);
      for (const auto read : uses.reads) {
        if (later[read] || read == assign) continue;
        if (node(read).row->name != "read") {  // a body reads it
          edges_[read].push_back(assign);
          continue;
        }
        std::set<size_t> readers;
        bool is_result = false;
        users(read, readers, is_result);
        const bool conflict = std::ranges::any_of(readers, [&](size_t u) { return later[u]; });
        if (is_result || conflict) {
          schedule_.copied_reads.insert(ids_[read]);
          edges_[read].push_back(assign);
          continue;
        }
        edges_[read].push_back(assign);
        for (const auto reader : readers)
          if (reader != assign) edges_[reader].push_back(assign);
      }
    }
  }

  /// The producer of an assigned value may write into the variable itself, if it reads the old
  /// value where it writes the new one, and everyone else who reads it is done by then.
  void try_in_place(const Uses& uses) {
    if (uses.assigns.size() != 1) return;
    const auto assign = uses.assigns.front();
    if (node(assign).row->name != "assign" || !node(assign).control.empty()) return;
    const auto value = node(assign).inputs[1], variable = node(assign).inputs[0];
    const auto producer = position(value.operation);
    if (producer == nowhere || results_.contains(value)) return;
    if (!writes_to_order(producer) || uses_of(producer, value) != 1 ||
        graph_.type(value) != graph_.type(variable))
      return;
    const auto later = after(producer);
    const auto after_assign = after(assign);
    std::vector<size_t> before;
    for (const auto read : uses.reads) {
      if (after_assign[read]) continue;
      std::set<size_t> readers;
      bool is_result = false;
      const bool copied = schedule_.copied_reads.contains(ids_[read]);
      if (node(read).row->name == "read" && !copied) users(read, readers, is_result);
      else readers.insert(read);
      for (const auto reader : readers) {
        if (reader == producer) continue;
        if (later[reader]) return;
        before.push_back(reader);
      }
    }
    const auto& maker = node(producer);
    for (size_t i = 0; i < maker.inputs.size(); ++i)
      if (reads_variable(maker.inputs[i], variable) &&
          !may_write_over(maker, graph_, i, static_cast<size_t>(value.index)))
        return;
    for (const auto reader : before) edges_[reader].push_back(producer);
    schedule_.in_place_writes[value] = variable.operation;
  }

  bool writes_to_order(size_t producer) const {
    return node(producer).stitched ||
           (node(producer).row->traits.elementwise && node(producer).outputs.size() == 1);
  }

  size_t uses_of(size_t producer, TensorId value) const {
    const std::set<size_t> distinct(consumers_[producer].begin(), consumers_[producer].end());
    size_t uses = 0;
    for (const auto consumer : distinct)
      uses += static_cast<size_t>(std::ranges::count(node(consumer).inputs, value));
    return uses;
  }

  bool reads_variable(TensorId id, TensorId variable) const {
    while (graph_.node(id.operation).row->traits.view) {
      if (graph_.node(id.operation).row->name == "read")
        return graph_.node(id.operation).inputs[0] == variable;
      id = graph_.node(id.operation).inputs[0];
    }
    return false;
  }

  bool sort() {
    std::vector<size_t> waiting(ids_.size());
    for (const auto& next : edges_)
      for (const auto at : next) ++waiting[at];
    std::priority_queue<size_t, std::vector<size_t>, std::greater<>> ready;
    for (size_t at = 0; at < ids_.size(); ++at)
      if (waiting[at] == 0) ready.push(at);
    schedule_.order.clear();
    while (!ready.empty()) {
      const auto at = ready.top();
      ready.pop();
      schedule_.order.push_back(ids_[at]);
      for (const auto next : edges_[at])
        if (--waiting[next] == 0) ready.push(next);
    }
    return schedule_.order.size() == ids_.size();
  }

  void copy_every_read() {
    edges_.assign(ids_.size(), {});
    consumers_.assign(ids_.size(), {});
    find_edges();
    for (const auto& [variable, uses] : variables_)
      for (const auto assign : uses.assigns) {
        const auto later = after(assign);
        for (const auto read : uses.reads)
          if (read != assign && !later[read]) {
            if (node(read).row->name == "read") schedule_.copied_reads.insert(ids_[read]);
            // A read of the old value needs to wait for nothing.
            for (auto& edges : edges_) std::erase(edges, read);
            edges_[read].push_back(assign);
          }
      }
    if (!sort())
      throw GraphError("the reads and assigns of the variables contradict each other; order them "
                       "with graph.control_dependency");
  }

  static constexpr auto nowhere = static_cast<size_t>(-1);

  const GraphData& graph_;
  std::vector<OperationId> ids_;
  OperationId first_ = 0;                   // of those that a body may have
  std::vector<size_t> position_;            // by operation, from `first_` on
  std::vector<std::vector<size_t>> edges_;  // from a step to those that must come later
  std::vector<std::vector<size_t>> consumers_;
  std::map<OperationId, Uses> variables_;
  std::set<TensorId> results_;
  Schedule schedule_;
};

}  // namespace

Schedule schedule_operations(const GraphData& graph, int32_t region,
                             const std::vector<TensorId>& results) {
  return Scheduler(graph, region, results).run();
}

}  // namespace mpsg
