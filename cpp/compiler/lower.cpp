// From operations to steps and values: views and reads cost nothing, results are made in place.
#include <algorithm>
#include <map>

#include "compiler/in_place.h"
#include "compiler/passes.h"
#include "graph/contexts.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

bool makes_no_step(const OpRow& row) {
  return row.name == "constant" || row.name == "placeholder" || row.name == "variable" ||
         row.name == "region_argument";
}

class Lowering {
 public:
  Lowering(const GraphData& graph, const std::map<OperationId, OperationId>& users_variables,
           std::vector<OperationId>& variables)
      : graph_(graph), users_variables_(users_variables), variables_(variables) {}

  std::shared_ptr<Plan> run(int32_t region, const std::vector<TensorId>& arguments,
                            const std::vector<TensorId>& results) {
    schedule_ = schedule_operations(graph_, region, results);
    plan_ = std::make_shared<Plan>();
    for (size_t i = 0; i < arguments.size(); ++i) {
      const auto value = new_value(arguments[i], Place::feed, static_cast<int32_t>(i));
      plan_->feeds.push_back(value);
    }
    choose_result_places(results);
    for (const auto id : schedule_.order) lower_operation(id);
    finish_results(results);
    return plan_;
  }

 private:
  int32_t new_value(TensorId id, Place place, int32_t index) {
    const auto value = add_value(graph_.type(id), graph_.display_name(id.operation), place, index);
    values_[id] = value;
    return value;
  }

  int32_t add_value(const TensorType& type, std::string name, Place place, int32_t index) {
    PlanValue value;
    value.type = type;
    value.bytes = static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
    value.place = place;
    value.index = index;
    value.name = std::move(name);
    plan_->values.push_back(std::move(value));
    return static_cast<int32_t>(plan_->values.size()) - 1;
  }

  /// The tensor whose memory `id` shares: views look through to it.
  TensorId root(TensorId id) const {
    while (true) {
      const auto& node = graph_.node(id.operation);
      if (!node.row->traits.view || schedule_.copied_reads.contains(id.operation)) return id;
      id = node.inputs[0];
    }
  }

  /// A computed result is written where the caller wants it, once.
  void choose_result_places(const std::vector<TensorId>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      const auto made = root(results[i]);
      const auto& node = graph_.node(made.operation);
      if (makes_no_step(*node.row) || schedule_.in_place_writes.contains(made)) continue;
      result_places_.emplace(made, static_cast<int32_t>(i));
    }
  }

  int32_t variable_index(OperationId here) {
    const auto users = users_variables_.at(here);
    const auto found = std::ranges::find(variables_, users);
    if (found != variables_.end()) return static_cast<int32_t>(found - variables_.begin());
    variables_.push_back(users);
    return static_cast<int32_t>(variables_.size()) - 1;
  }

  int32_t value_of(TensorId id) {
    if (const auto found = values_.find(id); found != values_.end()) return found->second;
    const auto& node = graph_.node(id.operation);
    if (node.row->name == "variable")
      return new_value(id, Place::variable, variable_index(id.operation));
    if (node.row->name == "constant") {
      plan_->constants.push_back(whole_constant(node));
      return new_value(id, Place::constant, static_cast<int32_t>(plan_->constants.size()) - 1);
    }
    throw InternalError("a step reads '" + graph_.display_name(id.operation) +
                        "' before it is made");
  }

  static std::shared_ptr<const Bytes> whole_constant(const Node& node) {
    const auto& bytes = std::get<std::shared_ptr<const Bytes>>(node.attributes[0]);
    const auto& type = node.outputs[0];
    const auto wanted = static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
    if (bytes->size() == wanted) return bytes;
    auto all = Bytes::allocate(wanted);
    const TensorView view{type.data_type, type.shape, all->mutable_data()};
    node.row->evaluate(
        EvaluateContext(node.view(), {}, std::span(&view, 1), Parallel::serial(), 0, 0));
    return all;
  }

  /// Memory for a tensor that a step makes.
  int32_t made_value(TensorId id) {
    if (const auto at = result_places_.find(id); at != result_places_.end())
      return new_value(id, Place::result, at->second);
    return new_value(id, Place::arena, 0);
  }

  void lower_operation(OperationId id) {
    const auto& node = graph_.node(id);
    if (makes_no_step(*node.row)) return;
    const bool copied = schedule_.copied_reads.contains(id);
    if (node.row->traits.view && !copied) return add_view(id, node);
    if (copied) {
      add_copy(value_of(node.inputs[0]), made_value({id, 0}), node);
      return;
    }
    if (node.row->name == "assign") return add_assign(id, node);
    PlanStep step = step_for(id, node);
    for (const auto input : node.inputs) step.inputs.push_back(value_of(input));
    if (node.stitched) count_uses();
    const bool root = node.stitched && node.stitched->root;
    step.outputs.resize(node.outputs.size());
    for (size_t i = root ? 1 : 0; i < node.outputs.size(); ++i)
      step.outputs[i] = output_value({id, static_cast<int32_t>(i)});
    if (root) step.outputs[0] = raw_value(id, step);
    for (const auto body : node.regions) step.bodies.push_back(lower_body(body));
    plan_->steps.push_back(std::move(step));
  }

  int32_t output_value(TensorId output) {
    const auto written = schedule_.in_place_writes.find(output);
    if (written == schedule_.in_place_writes.end()) return made_value(output);
    return new_value(output, Place::variable, variable_index(written->second));
  }

  /// A root's result that only its epilogue reads lies where the epilogue stores its own result, if
  /// nothing else that the epilogue reads is there.
  int32_t raw_value(OperationId id, const PlanStep& step) {
    const TensorId raw{id, 0};
    const auto& region = *step.stitched;
    if (used_.contains(raw)) return made_value(raw);
    for (size_t i = 1; i < step.outputs.size(); ++i) {
      const auto& type = graph_.type({id, static_cast<int32_t>(i)});
      const auto& target = plan_->values[static_cast<size_t>(step.outputs[i])];
      const bool read_too = std::ranges::any_of(step.inputs, [&](int32_t input) {
        const auto& value = plan_->values[static_cast<size_t>(input)];
        return value.place == Place::variable && target.place == Place::variable &&
               value.index == target.index;
      });
      if (read_too || type.data_type != graph_.type(raw).data_type ||
          type.shape.element_count() != graph_.type(raw).shape.element_count() ||
          !may_overwrite(region.kernel, 0, kernel_output(region, i)))
        continue;
      return view_value(raw, step.outputs[i]);
    }
    return made_value(raw);
  }

  /// Which results of regions anyone reads.
  void count_uses() {
    if (uses_counted_) return;
    uses_counted_ = true;
    for (const auto id : schedule_.order)
      for (const auto input : graph_.node(id).inputs) used_.insert(input);
    for (const auto& [result, place] : result_places_) used_.insert(result);
  }

  PlanStep step_for(OperationId id, const Node& node) const {
    PlanStep step;
    step.row = node.row;
    step.segments = node.segments;
    step.attributes = node.attributes;
    step.stitched = node.stitched;
    if (node.stitched && node.stitched->root) {
      step.row = node.stitched->root;
      step.segments = node.stitched->root_segments;
      step.attributes = node.stitched->root_attributes;
    }
    step.name = graph_.display_name(id);
    step.source = node.source;
    return step;
  }

  void add_view(OperationId id, const Node& node) { view_value({id, 0}, value_of(node.inputs[0])); }

  int32_t view_value(TensorId id, int32_t source) {
    PlanValue view = plan_->values[static_cast<size_t>(source)];
    view.type = graph_.type(id);
    view.name = graph_.display_name(id.operation);
    view.view_of = source;
    plan_->values.push_back(std::move(view));
    return values_[id] = static_cast<int32_t>(plan_->values.size()) - 1;
  }

  void add_copy(int32_t from, int32_t to, const Node& origin) {
    PlanStep step;
    step.row = &require_row("identity");
    step.segments = {1};
    step.inputs = {from};
    step.outputs = {to};
    step.name = plan_->values[static_cast<size_t>(to)].name;
    step.source = origin.source;
    plan_->steps.push_back(std::move(step));
  }

  void add_assign(OperationId id, const Node& node) {
    if (schedule_.in_place_writes.contains(node.inputs[1])) return;  // already there
    PlanStep step = step_for(id, node);
    step.row = &require_row("identity");
    step.segments = {1};
    step.inputs = {value_of(node.inputs[1])};
    // A value of its own: the variable before and after the assign are two things.
    const auto written =
        add_value(graph_.type(node.inputs[0]), graph_.display_name(node.inputs[0].operation),
                  Place::variable, variable_index(node.inputs[0].operation));
    step.outputs = {written};
    const auto& source = plan_->values[static_cast<size_t>(step.inputs[0])];
    if (source.place == Place::variable &&
        source.index == plan_->values[static_cast<size_t>(written)].index)
      return;  // assigning a variable to itself
    plan_->steps.push_back(std::move(step));
  }

  std::shared_ptr<const Plan> lower_body(int32_t body) {
    if (body < 0) return nullptr;
    const auto& region = graph_.region(body);
    return Lowering(graph_, users_variables_, variables_)
        .run(body, region.arguments, region.results);
  }

  /// What no step wrote into its result yet is copied there: feeds, constants, second uses.
  void finish_results(const std::vector<TensorId>& results) {
    for (size_t i = 0; i < results.size(); ++i) {
      const auto index = static_cast<int32_t>(i);
      const auto made = root(results[i]);
      const auto at = result_places_.find(made);
      if (at != result_places_.end() && at->second == index) {
        plan_->results.push_back(value_of(results[i]));  // a view of it may have another type
        continue;
      }
      const auto source = value_of(results[i]);
      const auto copy = add_value(graph_.type(results[i]),
                                  graph_.display_name(results[i].operation), Place::result, index);
      add_copy(source, copy, graph_.node(results[i].operation));
      plan_->results.push_back(copy);
    }
  }

  const GraphData& graph_;
  const std::map<OperationId, OperationId>& users_variables_;
  std::vector<OperationId>& variables_;
  Schedule schedule_;
  std::shared_ptr<Plan> plan_;
  std::map<TensorId, int32_t> values_;
  std::map<TensorId, int32_t> result_places_;
  std::set<TensorId> used_;
  bool uses_counted_ = false;
};

}  // namespace

std::shared_ptr<Plan> lower(const Module& module) {
  std::vector<OperationId> variables;
  auto plan = Lowering(*module.graph.data(), module.variables, variables)
                  .run(0, module.feeds, module.targets);
  plan->variables = std::move(variables);
  return plan;
}

}  // namespace mpsg
