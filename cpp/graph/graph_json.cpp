// Graph <-> JSON. Operations in order of their ids; bodies as nested lists.
#include "graph/graph_json.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "graph/attribute_json.h"
#include "graph/bounded_json.h"
#include "graph/contexts.h"
#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "graph/scalars.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

using nlohmann::json;
constexpr int format_version = 1;

json id_to_json(TensorId id) { return json::array({id.operation, id.index}); }

/// Data that is kept elsewhere is {"tensor": "its name"}.
json value_to_json(OperationId id, const AttributeSpec& spec, const AttributeValue& value,
                   const KeepData& keep) {
  if (keep && spec.kind == AttributeKind::data)
    if (const auto name = keep(id, *std::get<std::shared_ptr<const Bytes>>(value)))
      return {{"tensor", *name}};
  return attribute_to_json(spec, value);
}

json node_to_json(const GraphData& graph, OperationId id, const KeepData& keep) {
  const auto& node = graph.node(id);
  json entry = {{"id", id}, {"op", node.row->name}, {"name", graph.display_name(id)}};
  json inputs = json::array(), outputs = json::array();
  for (const auto input : node.inputs) inputs.push_back(id_to_json(input));
  for (const auto& output : node.outputs) outputs.push_back(type_to_json(output));
  entry["inputs"] = inputs;
  entry["outputs"] = outputs;
  entry["segments"] = node.segments;
  entry["control"] = node.control;
  json attributes = json::object();
  for (size_t i = 0; i < node.attributes.size(); ++i)
    attributes[node.row->attributes[i].name] =
        value_to_json(id, node.row->attributes[i], node.attributes[i], keep);
  entry["attributes"] = attributes;
  if (node.region != 0) entry["region"] = node.region;
  if (!node.regions.empty()) entry["regions"] = node.regions;
  if (node.source) entry["source"] = node.source->format();
  return entry;
}

json region_to_json(const GraphData& graph, int32_t id) {
  const auto& region = graph.region(id);
  json arguments = json::array(), captures = json::array(), results = json::array();
  for (const auto argument : region.arguments) arguments.push_back(id_to_json(argument));
  for (const auto capture : region.captures) captures.push_back(id_to_json(capture));
  for (const auto result : region.results) results.push_back(id_to_json(result));
  return {{"parent", region.parent},
          {"declared_arguments", region.declared_arguments},
          {"arguments", arguments},
          {"captures", captures},
          {"results", results}};
}

class TextSource final : public SourceLocation {
 public:
  explicit TextSource(std::string text) : text_(std::move(text)) {}
  std::string format() const override { return text_; }

 private:
  std::string text_;
};

/// Rebuilds nodes in the order of the file. Ids may change: argument nodes of bodies move.
class Reader {
 public:
  Reader(const json& file, Graph graph, const FindData& find)
      : file_(file), graph_(std::move(graph)), find_(find) {}

  /// Returns where the operations of the file are now.
  std::map<OperationId, OperationId> read() {
    if (file_.at("format") != "mpsg.graph" || file_.at("version") != format_version)
      throw PackageError("not a graph of format version " + std::to_string(format_version));
    data().seed = file_.at("seed").get<uint64_t>();
    const auto& operations = file_.at("operations");
    for (const auto& entry : operations) {
      const auto region = entry.value("region", 0);
      by_region_[region].push_back(&entry);
      if (!entries_.emplace(entry.at("id").get<OperationId>(), &entry).second)
        throw PackageError("two operations with id " + entry.at("id").dump());
    }
    read_region(0, 0);
    return std::move(operations_);
  }

 private:
  GraphData& data() { return *graph_.data(); }

  TensorId tensor(const json& id) const {
    const TensorId original{id.at(0).get<OperationId>(), id.at(1).get<int32_t>()};
    const auto found = operations_.find(original.operation);
    if (found == operations_.end())
      throw PackageError("an operation reads the result of " + std::to_string(original.operation) +
                         ", which does not come before it");
    const auto& outputs = graph_.data()->node(found->second).outputs;
    if (original.index < 0 || static_cast<size_t>(original.index) >= outputs.size())
      throw PackageError("operation " + std::to_string(original.operation) + " has no result " +
                         std::to_string(original.index));
    return {found->second, original.index};
  }

  void read_region(int32_t region, int depth) {
    constexpr int deepest = 64;
    if (depth > deepest) throw PackageError("bodies nested more than 64 deep");
    const auto found = by_region_.find(region);
    if (found == by_region_.end()) return;
    for (const auto* entry : found->second)
      if (!operations_.contains(entry->at("id").get<OperationId>())) read_operation(*entry, depth);
  }

  void read_operation(const json& entry, int depth) {
    Node node;
    node.row = &require_row(entry.at("op").get<std::string>());
    node.name = entry.at("name").get<std::string>();
    if (entry.contains("source"))
      node.source = std::make_shared<TextSource>(entry.at("source").get<std::string>());
    for (const auto& input : entry.at("inputs")) node.inputs.push_back(tensor(input));
    for (const auto& dependency : entry.at("control")) {
      const auto found = operations_.find(dependency.get<OperationId>());
      if (found == operations_.end())
        throw PackageError("a control dependency on an operation that does not come before");
      node.control.push_back(found->second);
    }
    node.segments = entry.at("segments").get<std::vector<int32_t>>();
    check_segments(node);
    read_attributes(entry.at("attributes"), node);
    check_data(node);
    if (entry.contains("regions"))
      for (const auto& body : entry.at("regions"))
        node.regions.push_back(
            body.get<int32_t>() < 0 ? -1 : read_body(body.get<int32_t>(), node, depth));
    if (node.regions.size() != node.row->blocks.size())
      throw PackageError(node.row->name + " '" + node.name + "' lacks its bodies");
    operations_[entry.at("id").get<OperationId>()] = data().append(std::move(node));
  }

  void read_attributes(const json& attributes, Node& node) {
    for (const auto& [name, value] : attributes.items())
      if (node.row->attribute_index(name) < 0)
        throw PackageError(node.row->name + " '" + node.name + "' has the attribute '" + name +
                           "', which this version of mpsg does not know");
    for (const auto& spec : node.row->attributes) {
      const auto given = attributes.find(spec.name);
      // An older version did not have it.
      if (given == attributes.end() && spec.default_value) {
        node.attributes.push_back(*spec.default_value);
        continue;
      }
      const auto& json = attributes.at(spec.name);
      auto value = attribute_value(spec, json);
      if (!spec.hidden && !(spec.or_tensor && json.is_null()))
        value = graph_detail::convert_attribute(
            spec, std::move(value), [](const std::string& why) { throw PackageError(why); });
      if (spec.name == "stream" && std::holds_alternative<int64_t>(value))
        data().next_random_stream =
            std::max(data().next_random_stream, std::get<int64_t>(value) + 1);
      node.attributes.push_back(std::move(value));
    }
  }

  AttributeValue attribute_value(const AttributeSpec& spec, const json& json) const {
    if (spec.kind != AttributeKind::data || !json.is_object())
      return attribute_from_json(spec, json);
    if (!find_) throw PackageError("the data of a tensor is in another file, which is not given");
    return find_(json.at("tensor").get<std::string>());
  }

  /// A bool of another byte than 0 and 1 would be undefined in C++.
  static void check_data(const Node& node) {
    const auto view = node.view();
    if (node.row->attribute_index("data_type") < 0 ||
        view.data_type("data_type") != DataType::boolean)
      return;
    for (const auto& value : node.attributes) {
      const auto* const data = std::get_if<std::shared_ptr<const Bytes>>(&value);
      if (data && std::any_of((*data)->data(), (*data)->data() + (*data)->size(),
                              [](std::byte byte) { return byte > std::byte{1}; }))
        throw PackageError(node.row->name + " '" + node.name + "' has elements that are no bool");
    }
  }

  static void check_segments(Node& node) {
    // An older version had fewer operands.
    while (node.segments.size() < node.row->operands.size()) {
      const auto& operand = node.row->operands[node.segments.size()];
      if (!operand.optional && !operand.variadic) break;
      node.segments.push_back(0);
    }
    size_t total = 0;
    bool sound = node.segments.size() == node.row->operands.size();
    for (size_t i = 0; sound && i < node.segments.size(); ++i) {
      const auto& operand = node.row->operands[i];
      const auto count = node.segments[i];
      sound = count >= 0 && (operand.variadic || count == 1 || (operand.optional && count == 0));
      total += static_cast<size_t>(std::max(count, 0));
    }
    if (!sound || total != node.inputs.size())
      throw PackageError(node.row->name + " '" + node.name +
                         "' has inputs that do not fit its row");
  }

  int32_t read_body(int32_t id, const Node& owner, int depth) {
    const auto& body = file_.at("regions").at(static_cast<size_t>(id));
    std::vector<TensorType> types;
    for (const auto& input : owner.inputs) types.push_back(data().type(input));
    const auto known = data().block_types(owner);
    const InferContext context(owner.view(), types, owner.inputs, nullptr, known);
    auto arguments = owner.row->block_arguments(context, static_cast<int>(owner.regions.size()));
    const auto declared = static_cast<int32_t>(arguments.size());
    const auto captures = body.at("captures").size();
    if (declared != body.at("declared_arguments") || captures > types.size() ||
        body.at("arguments").size() != arguments.size() + captures)
      throw PackageError("the arguments of a body do not fit its owner '" + owner.name + "'");
    arguments.insert(arguments.end(), types.end() - static_cast<std::ptrdiff_t>(captures),
                     types.end());
    const auto opened = data().open_region(arguments);
    struct Close {
      GraphData& graph;
      int32_t region;
      std::vector<TensorId> results;
      ~Close() { graph.close_region(region, std::move(results)); }
    } close{data(), opened, {}};
    data().adopt_captures(opened, declared, owner.inputs);
    for (size_t i = 0; i < arguments.size(); ++i)
      operations_[body.at("arguments").at(i).at(0).get<OperationId>()] =
          data().region(opened).arguments[i].operation;
    read_region(id, depth + 1);
    for (const auto& result : body.at("results")) close.results.push_back(tensor(result));
    return opened;
  }

  const json& file_;
  Graph graph_;
  const FindData& find_;
  std::map<int32_t, std::vector<const json*>> by_region_;
  std::map<OperationId, const json*> entries_;
  std::map<OperationId, OperationId> operations_;
};

}  // namespace

std::string graph_to_json(const GraphData& graph, const std::vector<bool>* live,
                          const KeepData& keep) {
  json operations = json::array(), regions = json::array();
  for (OperationId id = 0; id < graph.node_count(); ++id)
    if (!live || (*live)[static_cast<size_t>(id)])
      operations.push_back(node_to_json(graph, id, keep));
  for (int32_t id = 0; id < graph.region_count(); ++id)
    regions.push_back(region_to_json(graph, id));
  const json file = {{"format", "mpsg.graph"},
                     {"version", format_version},
                     {"seed", graph.seed},
                     {"operations", operations},
                     {"regions", regions}};
  return file.dump(-1, ' ', false, json::error_handler_t::replace);
}

GraphOfJson graph_from_json(std::string_view text, const FindData& find) {
  GraphOfJson result;
  const std::lock_guard lock(result.graph.data()->mutex);
  try {
    const auto file = parse_bounded_json(text, "the graph");
    result.operations = Reader(file, result.graph, find).read();
  } catch (const PackageError&) {
    throw;
  } catch (const Error& error) {
    throw PackageError(std::string("the graph is not sound: ") + error.what());
  } catch (const json::exception& error) {
    throw PackageError(std::string("not a graph in JSON: ") + error.what());
  }
  return result;
}

std::string Graph::to_json() const {
  const std::lock_guard lock(data_->mutex);
  return graph_to_json(*data_, nullptr, {});
}

Graph Graph::from_json(std::string_view text) { return graph_from_json(text, {}).graph; }

}  // namespace mpsg
