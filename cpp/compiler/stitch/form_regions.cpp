#include "compiler/stitch/form_regions.h"

#include <algorithm>
#include <iostream>
#include <span>
#include <string_view>
#include <unordered_map>
#include <unordered_set>

#include "compiler/stitch/operations.h"
#include "compiler/stitch/regions.h"
#include "compiler/stitch/segments.h"
#include "graph/contexts.h"
#include "graph/environment.h"
#include "graph/op_table.h"

namespace mpsg {
namespace stitch {
namespace {

/// Copies the module's graph, unit by unit, into a new one.
class Rebuild {
 public:
  Rebuild(const Module& module, const GrowthOptions& options)
      : module_(module), source_(*module.graph.data()), options_(options) {
    live_ = live_operations(source_, module.targets, module.target_operations);
    operations_.assign(static_cast<size_t>(source_.node_count()), -1);
    result_.graph.set_seed(source_.seed);
  }

  Module run() {
    std::vector<OperationId> operations;
    for (OperationId id = 0; id < source_.node_count(); ++id)
      if (source_.node(id).region == 0 && live_[at(id)]) operations.push_back(id);
    for (const auto feed : module_.feeds) copy(feed.operation);
    for (const auto id : operations)
      if (source_.node(id).row->name == "variable") copy(id);
    auto results = module_.targets;
    for (const auto id : module_.target_operations) add_outputs(id, results);
    run_units(operations, results);
    for (const auto feed : module_.feeds) result_.feeds.push_back(translate(feed));
    for (const auto target : module_.targets) result_.targets.push_back(translate(target));
    for (const auto id : module_.target_operations)
      result_.target_operations.push_back(operation_of(id));
    for (const auto& [here, users] : module_.variables)
      if (operations_[at(here)] >= 0) result_.variables[operations_[at(here)]] = users;
    return std::move(result_);
  }

 private:
  struct TensorHash {
    size_t operator()(TensorId id) const {
      return static_cast<size_t>(id.operation) * 31 + static_cast<size_t>(id.index);
    }
  };
  static constexpr size_t longest_movement = 8;
  static size_t at(OperationId id) { return static_cast<size_t>(id); }
  GraphData& into() { return *result_.graph.data(); }

  void add_outputs(OperationId id, std::vector<TensorId>& tensors) const {
    for (size_t i = 0; i < source_.node(id).outputs.size(); ++i)
      tensors.push_back({id, static_cast<int32_t>(i)});
  }

  void run_units(const std::vector<OperationId>& operations, std::vector<TensorId> results) {
    // Whoever is waited for must have a step to be waited for.
    for (const auto id : operations)
      for (const auto dependency : source_.node(id).control)
        if (!is_source(source_.node(dependency)) && source_.node(dependency).row->traits.pure)
          add_outputs(dependency, results);
    const auto units = grow_regions(source_, operations, results, options_);
    const auto groups = options_.grow
                            ? find_segments(source_, units, operations, results, options_.limits)
                            : std::vector<SegmentGroup>{};
    std::vector<bool> grouped(groups.empty() ? 0 : units.size());
    std::unordered_set<OperationId> late;  // values that groups make, at the end
    for (const auto& group : groups)
      for (const auto at : group.units) {
        grouped[at] = true;
        for (const auto output : units[at].draft.outputs) late.insert(output.operation);
      }
    std::vector<OperationId> late_assigns;
    for (size_t i = 0; i < units.size(); ++i) {
      if (!grouped.empty() && grouped[i]) continue;
      const auto id = units[i].operation;
      if (id < 0) build_region(units[i]);
      else if (makes_late(id, late)) late_assigns.push_back(id);
      else copy(id);
    }
    for (const auto& group : groups) build_group(units, group);
    for (const auto id : late_assigns) copy(id);
  }

  bool makes_late(OperationId id, const std::unordered_set<OperationId>& late) const {
    const auto& node = source_.node(id);
    return !late.empty() && node.row->name == "assign" && late.contains(node.inputs[1].operation);
  }

  void build_group(const std::vector<PlannedUnit>& units, const SegmentGroup& group) {
    std::vector<Part> parts;
    for (size_t i = 0; i < group.units.size(); ++i)
      parts.push_back({&units[group.units[i]], &group.kernels[i]});
    append_region(parts);
  }

  /// What a tensor became. What no unit makes (constants, views, movements that every reader does
  /// itself) is made when it is asked for.
  TensorId translate(TensorId id) {
    if (const auto found = tensors_.find(id); found != tensors_.end()) return found->second;
    // Views of views may be many: the innermost first.
    std::vector<TensorId> missing{id};
    while (!missing.empty()) {
      const auto next = missing.back();
      const auto& node = source_.node(next.operation);
      if (is_view(node) && !tensors_.contains(node.inputs[0])) {
        missing.push_back(node.inputs[0]);
        continue;
      }
      missing.pop_back();
      if (tensors_.contains(next)) continue;
      if (is_view(node) || !is_stitchable(source_, node, options_.limits)) copy(next.operation);
      else build_single(next);
    }
    return tensors_.at(id);
  }

  OperationId operation_of(OperationId id) {
    if (operations_[at(id)] < 0 && !source_.node(id).outputs.empty()) {
      const auto made = translate({id, 0});
      if (operations_[at(id)] < 0) operations_[at(id)] = made.operation;
    }
    return operations_[at(id)];
  }

  Node node_like(OperationId id) {
    const auto& original = source_.node(id);
    Node node;
    node.name = source_.display_name(id);
    node.source = original.source;
    for (const auto dependency : original.control)
      if (live_[at(dependency)])
        if (const auto there = operation_of(dependency); there >= 0) node.control.push_back(there);
    return node;
  }

  void bind(OperationId id, OperationId copy) {
    operations_[at(id)] = copy;
    for (size_t i = 0; i < source_.node(id).outputs.size(); ++i)
      tensors_[{id, static_cast<int32_t>(i)}] = {copy, static_cast<int32_t>(i)};
  }

  void copy(OperationId id) {
    if (operations_[at(id)] >= 0) return;
    const auto& original = source_.node(id);
    auto node = node_like(id);
    node.row = original.row;
    node.segments = original.segments;
    node.attributes = original.attributes;
    node.symbols = original.symbols;
    for (const auto input : original.inputs) node.inputs.push_back(translate(input));
    for (size_t block = 0; block < original.regions.size(); ++block)
      node.regions.push_back(
          original.regions[block] < 0 ? -1 : copy_body(original.regions[block], node, block));
    node.outputs = original.outputs;
    node.from_sizes = original.from_sizes;
    bind(id, node.regions.empty() ? into().append_inferred(std::move(node))
                                  : into().append(std::move(node)));
  }

  int32_t copy_body(int32_t region, const Node& owner, size_t block) {
    const auto& body = source_.region(region);
    auto& data = into();
    std::vector<TensorType> types;
    for (const auto input : owner.inputs) types.push_back(data.type(input));
    const auto known = data.block_types(owner);
    const InferContext context(owner.view(), types, owner.inputs, &data.host_values(), known);
    auto arguments = owner.row->block_arguments(context, static_cast<int>(block));
    for (size_t i = 0; i < body.captures.size(); ++i)
      arguments.push_back(types[types.size() - body.captures.size() + i]);
    const auto opened = data.open_region(arguments);
    data.adopt_captures(opened, body.declared_arguments, owner.inputs);
    const auto inner = data.region(opened).arguments;
    for (size_t i = 0; i < body.arguments.size(); ++i) {
      tensors_[body.arguments[i]] = inner[i];
      operations_[at(body.arguments[i].operation)] = inner[i].operation;
    }
    std::vector<OperationId> operations;
    for (const auto id : body.nodes)
      if (live_[at(id)]) operations.push_back(id);
    run_units(operations, body.results);
    std::vector<TensorId> results;
    for (const auto result : body.results) results.push_back(translate(result));
    data.close_region(opened, std::move(results));
    return opened;
  }

  // --- Regions

  /// The operation, and movements that it reads and nobody has written to memory: with them it
  /// reads what they move at once.
  std::vector<OperationId> with_movements(OperationId id) const {
    std::vector<OperationId> members{id};
    for (size_t next = 0; next < members.size() && members.size() < longest_movement; ++next)
      for (const auto input : source_.node(members[next]).inputs) {
        const auto base = base_of(source_, input);
        const auto& node = source_.node(base.operation);
        if (tensors_.contains(base) || std::ranges::find(members, base.operation) != members.end())
          continue;
        if (is_movement(node) && node.control.empty() &&
            is_stitchable(source_, node, options_.limits))
          members.push_back(base.operation);
      }
    std::ranges::sort(members);
    return members;
  }

  void build_single(TensorId id) {
    PlannedUnit unit;
    unit.draft.outputs = {id};
    unit.own = {id.operation};
    unit.ended = "'" + source_.display_name(id.operation) + "' is needed in memory";
    unit.draft.members = options_.grow ? with_movements(id.operation) : unit.own;
    build_region(unit);
  }

  void build_region(const PlannedUnit& unit) {
    auto built = build_kernel(source_, unit.draft, options_.limits);
    if (const auto* kernel = std::get_if<BuiltKernel>(&built)) {
      const Part part{&unit, kernel};
      return append_region(std::span(&part, 1));
    }
    take_apart(unit, std::get<Refusal>(built).why);
  }

  /// A region that cannot be one kernel becomes two, at most one of which has the root.
  void take_apart(const PlannedUnit& unit, const std::string& why) {
    if (unit.draft.root >= 0) {
      copy(unit.draft.root);
      auto rest = unit;
      rest.draft.root = -1;
      return build_region(rest);
    }
    if (unit.own.size() == 1) {
      if (unit.draft.members.size() == 1) return copy(unit.own.front());
      auto alone = unit;  // it reads from memory what it would have repeated
      alone.draft.members = unit.own;
      return build_region(alone);
    }
    const auto half = unit.own.begin() + static_cast<std::ptrdiff_t>(unit.own.size() / 2);
    PlannedUnit first, second;
    first.own.assign(unit.own.begin(), half);
    second.own.assign(half, unit.own.end());
    std::vector<OperationId> repeated;
    std::ranges::set_difference(unit.draft.members, unit.own, std::back_inserter(repeated));
    for (auto* part : {&first, &second}) {
      part->ended = why;
      std::ranges::merge(part->own, repeated, std::back_inserter(part->draft.members));
    }
    for (const auto member : first.own) {
      const bool outside =
          std::ranges::find(unit.draft.outputs, TensorId{member, 0}) != unit.draft.outputs.end();
      if (outside || is_read(member, second.draft.members))
        first.draft.outputs.push_back({member, 0});
    }
    for (const auto output : unit.draft.outputs)
      if (std::ranges::binary_search(second.own, output.operation))
        second.draft.outputs.push_back(output);
    if (first.draft.outputs.empty()) first.draft.outputs.push_back({first.own.back(), 0});
    if (second.draft.outputs.empty()) second.draft.outputs.push_back({second.own.back(), 0});
    build_region(first);
    build_region(second);
  }

  bool is_read(OperationId made, const std::vector<OperationId>& readers) const {
    return std::ranges::any_of(readers, [&](OperationId reader) {
      return std::ranges::any_of(source_.node(reader).inputs, [&](TensorId input) {
        return base_of(source_, input).operation == made;
      });
    });
  }

  /// A region, or one segment of it.
  struct Part {
    const PlannedUnit* unit;
    const BuiltKernel* built;
  };

  void append_region(std::span<const Part> parts) {
    auto region = std::make_shared<StitchedRegion>();
    region->kernel = parts[0].built->kernel;
    region->ended = parts[0].unit->ended;
    for (const auto& part : parts.subspan(1))
      region->further.push_back(
          {part.built->kernel.extents, part.built->kernel.accesses, part.built->kernel.arguments});
    auto node = node_like(parts.back().unit->draft.outputs.back().operation);
    node.row = &require_row("stitched");
    std::vector<TensorId> outputs;
    for (const auto& part : parts) add_part(part, node, *region, outputs);
    std::vector<int64_t> results;
    for (const auto output : outputs) {
      const auto& type = source_.type(output);
      results.push_back(static_cast<int64_t>(type.data_type));
      results.push_back(type.shape.rank());
      for (const auto size : type.shape.dimensions()) results.push_back(size);
      node.symbols.push_back(source_.symbolic_shape(output));
    }
    node.attributes = {std::move(results)};
    node.segments = {static_cast<int32_t>(node.inputs.size())};
    show(*region);
    node.stitched = std::move(region);
    const auto id = into().append(std::move(node));
    for (size_t i = 0; i < outputs.size(); ++i)
      tensors_[outputs[i]] = {id, static_cast<int32_t>(i)};
    for (const auto& part : parts) {
      for (const auto member : part.unit->own) operations_[at(member)] = id;
      if (part.unit->draft.root >= 0) operations_[at(part.unit->draft.root)] = id;
    }
  }

  /// Its members, operands and results.
  void add_part(const Part& part, Node& node, StitchedRegion& region,
                std::vector<TensorId>& outputs) {
    const auto& draft = part.unit->draft;
    for (const auto member : draft.members) {
      const auto& original = source_.node(member);
      region.members.push_back({source_.display_name(member), original.row, original.source});
    }
    if (draft.root >= 0) {
      const auto& root = source_.node(draft.root);
      region.root = root.row;
      region.root_segments = root.segments;
      region.root_attributes = root.attributes;
      for (const auto input : root.inputs) node.inputs.push_back(translate(input));
      outputs.push_back({draft.root, 0});
    }
    for (const auto input : part.built->inputs)
      if (input.operation != draft.root || draft.root < 0) node.inputs.push_back(translate(input));
    outputs.insert(outputs.end(), draft.outputs.begin(), draft.outputs.end());
  }

  /// MPSG_DEBUG=3 prints the regions.
  static void show(const StitchedRegion& region) {
    if (debugging(DebugLevel::regions)) std::cerr << to_text(region);
  }

  const Module& module_;
  const GraphData& source_;
  const GrowthOptions& options_;
  std::vector<bool> live_;
  std::vector<OperationId> operations_;  // what each became; -1: nothing yet
  std::unordered_map<TensorId, TensorId, TensorHash> tensors_;
  Module result_;
};

}  // namespace
}  // namespace stitch

void form_regions(Module& module, const StitchingLimits& limits, int threads, bool grow) {
  if (limits.operands == 0) return;
  stitch::split_reductions(module, limits, threads);
  module = stitch::Rebuild(module, {limits, grow}).run();
}

void form_regions(Module& module, const Backend& backend, bool grow) {
  const auto limits = backend.stitching();
  if (limits.operands == 0) return;
  const char* const setting = environment_value("MPSG_STITCH");
  const bool wanted = !setting || std::string_view(setting) != "0";
  form_regions(module, limits, backend.info().threads, grow && wanted);
}

}  // namespace mpsg
