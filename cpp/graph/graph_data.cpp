#include "graph/graph_data.h"

#include <algorithm>
#include <atomic>

#include "graph/contexts.h"
#include "graph/host_values.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

uint64_t next_graph_id() {
  static std::atomic<uint64_t> next{1};
  return next++;
}

thread_local std::shared_ptr<const SourceLocation> current_source;

std::string supported_names(TypeSet set) {
  std::string names;
  for (auto type : all_data_types())
    if (set.contains(type))
      names += (names.empty() ? "" : ", ") + std::string(data_type_name(type));
  return names;
}

}  // namespace

SourceLocation::~SourceLocation() = default;
RuntimeState::~RuntimeState() = default;

SourceScope::SourceScope(std::shared_ptr<const SourceLocation> source)
    : previous_(std::exchange(current_source, std::move(source))) {}
SourceScope::~SourceScope() { current_source = std::move(previous_); }
const std::shared_ptr<const SourceLocation>& SourceScope::current() { return current_source; }

OriginScope::OriginScope(GraphData& graph, std::string name,
                         std::shared_ptr<const SourceLocation> source)
    : graph_(graph) {
  auto& state = graph.build_state();
  previous_name_ = std::exchange(state.inherited_name, std::move(name));
  previous_source_ = std::exchange(state.inherited_source, std::move(source));
}
OriginScope::~OriginScope() {
  auto& state = graph_.build_state();
  state.inherited_name = std::move(previous_name_);
  state.inherited_source = std::move(previous_source_);
  graph_.drop_build_state_if_idle();
}

GraphData::GraphData() : id_(next_graph_id()), host_values_(std::make_unique<HostValues>(*this)) {
  regions_.emplace_back();
}
GraphData::~GraphData() = default;

GraphData::BuildState& GraphData::build_state() {
  std::lock_guard lock(mutex);
  return build_states_[std::this_thread::get_id()];
}

void GraphData::drop_build_state_if_idle() {
  std::lock_guard lock(mutex);
  const auto found = build_states_.find(std::this_thread::get_id());
  if (found == build_states_.end()) return;
  const auto& state = found->second;
  if (state.regions.size() == 1 && state.control.empty() && state.inherited_name.empty() &&
      !state.inherited_source)
    build_states_.erase(found);
}

std::string GraphData::display_name(OperationId id) const {
  const auto& node = this->node(id);
  return node.name.empty() ? node.row->name + "_" + std::to_string(id) : node.name;
}

std::string GraphData::describe(OperationId id) const {
  const auto& node = this->node(id);
  std::string text = "'" + display_name(id) + "' (" + node.row->name;
  if (node.source) text += ", built at " + node.source->format();
  return text + ")";
}

namespace {

/// Prefixes what went wrong with which operation and which line of the user's program.
[[noreturn]] void fail_in(const Node& node, const std::string& message) {
  std::string where = node.row->name;
  if (!node.name.empty()) where += " '" + node.name + "'";
  std::string text = where + ": " + message;
  if (node.source) text += "\n  built at " + node.source->format();
  throw GraphError(text);
}

/// Operands of one group have one type, and it is one that the row supports.
void check_operand_types(const Node& node, const std::vector<TensorType>& types) {
  struct Seen {
    std::string_view group;
    std::string_view operand;
    DataType type;
  };
  std::vector<Seen> seen;
  size_t input = 0;
  for (size_t i = 0; i < node.row->operands.size(); ++i) {
    const auto& operand = node.row->operands[i];
    for (int32_t k = 0; k < node.segments[i]; ++k, ++input) {
      const auto type = types[input].data_type;
      const auto supported = node.row->types_of_group(operand.group);
      if (!supported.contains(type))
        fail_in(node, "operand '" + operand.name + "' is " + std::string(data_type_name(type)) +
                          "; supported: " + supported_names(supported) +
                          ". Convert it with graph.cast(tensor, type)");
      if (const auto& shape = types[input].shape;
          node.row->attribute_index(operand.name) >= 0 && shape.has_rank() && shape.rank() > 1)
        fail_in(node, "'" + operand.name + "' has shape " + shape.to_string() +
                          "; its numbers must be a vector, or one number a scalar");
      if (operand.group == "any") continue;
      const auto same =
          std::ranges::find_if(seen, [&](const Seen& s) { return s.group == operand.group; });
      if (same == seen.end()) {
        seen.push_back({operand.group, operand.name, type});
      } else if (same->type != type) {
        fail_in(node, "'" + std::string(same->operand) + "' is " +
                          std::string(data_type_name(same->type)) + " and '" + operand.name +
                          "' is " + std::string(data_type_name(type)) +
                          "; they must be equal. Convert one with graph.cast(tensor, type)");
      }
    }
  }
}

}  // namespace

std::vector<BlockTypes> GraphData::block_types(const Node& node) const {
  std::vector<BlockTypes> blocks;
  for (const auto id : node.regions) {
    auto& block = blocks.emplace_back();
    if (id < 0) continue;
    for (int32_t i = 0; i < region(id).declared_arguments; ++i)
      block.arguments.push_back(type(region(id).arguments[static_cast<size_t>(i)]));
    for (const auto result : region(id).results) block.results.push_back(type(result));
  }
  return blocks;
}

void GraphData::set_symbols(TensorId id, const Shape& shape) {
  auto& node = nodes_[static_cast<size_t>(id.operation)];
  if (symbolic_shape(id) == shape) return;
  if (node.symbols.empty())
    for (const auto& output : node.outputs) node.symbols.push_back(output.shape);
  node.symbols[static_cast<size_t>(id.index)] = shape;
}

/// Counts of symbols above this may overflow on the way to a byte offset.
constexpr int64_t most_symbolic_elements = int64_t{1} << 52;

/// The same inference once more, on symbols. Where it fails (an attribute holds a size that a
/// symbol stands for) the result's sizes count as fixed: that costs reuse, never a right result.
namespace {

/// Is a size of the result a number of the node's own, where in this run it is another? Bounds of a
/// slice may lie inside the sizes that symbols stand for, and outside those of the run. It shows
/// where other symbols change nothing.
bool is_cut_otherwise(GraphData& graph, const Node& node, const std::vector<Shape>& symbols) {
  if (!node.row->name.starts_with("slice")) return false;
  std::vector<TensorType> types;
  for (const auto input : node.inputs) {
    TensorType other{graph.type(input).data_type, graph.symbolic_shape(input)};
    for (int axis = 0; axis < other.shape.rank(); ++axis)
      if (other.shape[axis] != graph.type(input).shape[axis]) other.shape[axis] += 2;
    types.push_back(std::move(other));
  }
  InferContext context(node.view(), types, node.inputs, &graph.host_values(), {});
  try {
    node.row->infer(context);
  } catch (const GraphError&) {
    return false;
  }
  for (size_t i = 0; i < symbols.size(); ++i)
    for (int axis = 0; axis < symbols[i].rank(); ++axis)
      if (symbols[i][axis] != node.outputs[i].shape[axis] &&
          symbols[i][axis] == context.results()[i].shape[axis])
        return true;
  return false;
}

}  // namespace

void GraphData::infer_symbols(Node& node) {
  if (!node.regions.empty() || node.inputs.empty()) return;
  std::vector<TensorType> types;
  bool any = false;
  for (const auto input : node.inputs) {
    any = any || !this->node(input.operation).symbols.empty();
    types.push_back({type(input).data_type, symbolic_shape(input)});
  }
  if (!any) return;
  InferContext context(node.view(), types, node.inputs, host_values_.get(), {});
  try {
    node.row->infer(context);
  } catch (const GraphError&) {
    return;
  }
  bool differs = false;
  std::vector<Shape> symbols;
  for (size_t i = 0; i < node.outputs.size(); ++i) {
    const auto& shape = context.results()[i].shape;
    if (!shape.is_static() || shape.rank() != node.outputs[i].shape.rank()) return;
    if (*shape.element_count() >= most_symbolic_elements) return;
    differs = differs || shape != node.outputs[i].shape;
    symbols.push_back(shape);
  }
  if (differs && !is_cut_otherwise(*this, node, symbols)) node.symbols = std::move(symbols);
}

/// Where the node is, and what it waits for.
void GraphData::place(Node& node) {
  auto& state = build_state();
  node.region = state.regions.back();
  if (node.name.empty()) node.name = state.inherited_name;
  if (!node.source)
    node.source = state.inherited_source ? state.inherited_source : SourceScope::current();
  for (auto& input : node.inputs) input = localize(input, node.region);
  for (const auto& group : state.control)
    for (const auto id : group) node.control.push_back(id);
  for (const auto region : node.regions)
    if (region >= 0)
      for (const auto id : this->region(region).outer_control) node.control.push_back(id);
  std::ranges::sort(node.control);
  node.control.erase(std::ranges::unique(node.control).begin(), node.control.end());
  std::erase_if(node.control, [&](OperationId id) {
    if (this->node(id).region == node.region) return false;
    // A dependency on something outside the body holds for the body's owner.
    regions_[static_cast<size_t>(node.region)].outer_control.push_back(id);
    return true;
  });
}

void GraphData::infer(Node& node) {
  std::vector<TensorType> types;
  types.reserve(node.inputs.size());
  for (const auto input : node.inputs) types.push_back(type(input));
  check_operand_types(node, types);
  const auto blocks = block_types(node);
  InferContext context(node.view(), types, node.inputs, host_values_.get(), blocks);
  try {
    node.row->infer(context);
  } catch (const GraphError& error) {
    fail_in(node, error.what());
  }
  node.outputs = context.results();
  for (const auto& output : node.outputs) {
    const auto count = output.shape.element_count();
    if (count && *count > INT64_MAX / 16)
      fail_in(node, "the result " + output.to_string() + " is larger than the address space");
  }
  if (node.symbols.size() != node.outputs.size()) node.symbols.clear();
  if (node.symbols.empty()) infer_symbols(node);
}

OperationId GraphData::push(Node node) {
  for (const auto input : node.inputs)
    node.from_sizes = node.from_sizes || (this->node(input.operation).from_sizes &&
                                          node.row->traits.pure && node.regions.empty());
  if (nodes_.size() >= INT32_MAX) throw GraphError("a graph holds at most 2^31 - 1 operations");
  const auto id = static_cast<OperationId>(nodes_.size());
  for (const auto region : node.regions)
    if (region >= 0) regions_[static_cast<size_t>(region)].owner = id;
  if (node.region != 0) regions_[static_cast<size_t>(node.region)].nodes.push_back(id);
  nodes_.push_back(std::move(node));
  return id;
}

OperationId GraphData::append(Node node) {
  place(node);
  infer(node);
  return push(std::move(node));
}

OperationId GraphData::append_inferred(Node node) {
  place(node);
  return push(std::move(node));
}

int32_t GraphData::open_region(const std::vector<TensorType>& arguments) {
  const auto id = static_cast<int32_t>(regions_.size());
  auto& state = build_state();
  regions_.push_back({.parent = state.regions.back(),
                      .owner = -1,
                      .arguments = {},
                      .declared_arguments = static_cast<int32_t>(arguments.size()),
                      .captures = {},
                      .results = {},
                      .nodes = {},
                      .outer_control = {}});
  state.regions.push_back(id);
  auto held = std::exchange(state.control, {});
  for (const auto& type : arguments) {
    Node argument;
    argument.row = &require_row("region_argument");
    AttributeValue shape;
    if (type.shape.has_rank()) shape = type.shape.to_vector();
    argument.attributes = {shape, type.data_type};
    regions_[static_cast<size_t>(id)].arguments.push_back({append(std::move(argument)), 0});
  }
  state.control = std::move(held);
  return id;
}

void GraphData::close_region(int32_t region, std::vector<TensorId> results) {
  for (auto& result : results) result = localize(result, region);
  regions_[static_cast<size_t>(region)].results = std::move(results);
  build_state().regions.pop_back();
  drop_build_state_if_idle();
}

TensorId GraphData::localize(TensorId id, int32_t region) {
  const auto home = node(id.operation).region;
  // A variable is a place, not a value: bodies name it directly.
  if (home == region || node(id.operation).row->name == "variable") return id;
  std::vector<int32_t> path;  // from `region` outwards to the tensor's home
  for (auto at = region; at != home; at = this->region(at).parent) {
    if (at < 0)
      throw GraphError("tensor '" + display_name(id.operation) +
                       "' belongs to the body of another operation; return it from the body");
    path.push_back(at);
  }
  for (auto at = path.rbegin(); at != path.rend(); ++at) {
    const auto key = std::make_pair(*at, id);
    auto found = capture_arguments_.find(key);
    if (found == capture_arguments_.end()) {
      const auto& outer = node(id.operation);
      Node inner;
      // Constants are repeated inside, so that bodies can use them as shapes and axes.
      if (outer.row->name == "constant") {
        inner.row = outer.row;
        inner.attributes = outer.attributes;
      } else {
        AttributeValue shape;
        if (type(id).shape.has_rank()) shape = type(id).shape.to_vector();
        inner.row = &require_row("region_argument");
        inner.attributes = {shape, type(id).data_type};
      }
      inner.segments.assign(inner.row->operands.size(), 0);
      inner.name = display_name(id.operation);
      inner.source = outer.source;
      const bool is_capture = inner.row->name == "region_argument";
      auto& state = build_state();
      auto held = std::exchange(state.control, {});
      state.regions.push_back(*at);
      const TensorId argument{append(std::move(inner)), 0};
      state.regions.pop_back();
      state.control = std::move(held);
      if (is_capture) {
        auto& owner = regions_[static_cast<size_t>(*at)];
        if (owner.owner >= 0)
          throw GraphError("the body that would use '" + display_name(id.operation) +
                           "' is already complete");
        owner.arguments.push_back(argument);
        owner.captures.push_back(id);
      }
      found = capture_arguments_.emplace(key, argument).first;
    }
    id = found->second;
  }
  return id;
}

void GraphData::finish_captures(Node& owner) {
  std::vector<TensorId> all;
  for (const auto id : owner.regions)
    if (id >= 0)
      for (const auto capture : region(id).captures)
        if (std::ranges::find(all, capture) == all.end()) all.push_back(capture);
  for (const auto id : owner.regions) {
    if (id < 0) continue;
    auto& region = regions_[static_cast<size_t>(id)];
    auto& state = build_state();
    state.regions.push_back(id);
    std::vector<TensorId> arguments(region.arguments.begin(),
                                    region.arguments.begin() + region.declared_arguments);
    for (const auto capture : all) arguments.push_back(localize(capture, id));
    state.regions.pop_back();
    region.arguments = std::move(arguments);
    region.captures = all;
  }
  owner.inputs.insert(owner.inputs.end(), all.begin(), all.end());
  owner.segments[static_cast<size_t>(owner.row->operand_index("captures"))] =
      static_cast<int32_t>(all.size());
}

void GraphData::adopt_captures(int32_t id, int32_t declared_arguments,
                               const std::vector<TensorId>& inputs) {
  auto& region = regions_[static_cast<size_t>(id)];
  const auto captured = static_cast<int32_t>(region.arguments.size()) - declared_arguments;
  region.declared_arguments = declared_arguments;
  region.captures.assign(inputs.end() - captured, inputs.end());
}

}  // namespace mpsg
