// Graphs for people: text and Graphviz.
#include "graph/attribute_json.h"
#include "graph/graph_data.h"

namespace mpsg {
namespace {

std::string attribute_text(const AttributeSpec& spec, const AttributeValue& value) {
  if (spec.kind == AttributeKind::data) {
    const auto& bytes = std::get<std::shared_ptr<const Bytes>>(value);
    return std::to_string(bytes->size()) + " bytes";
  }
  return attribute_to_json(spec, value).dump();
}

std::string tensor_text(const GraphData& graph, TensorId id) {
  auto text = "%" + std::to_string(id.operation);
  if (graph.node(id.operation).outputs.size() > 1) text += ":" + std::to_string(id.index);
  return text;
}

std::string line_of(const GraphData& graph, OperationId id) {
  const auto& node = graph.node(id);
  std::string text(node.region == 0 ? 0 : 2, ' ');
  text += "%" + std::to_string(id) + " = " + node.row->name + "(";
  for (size_t i = 0; i < node.inputs.size(); ++i)
    text += (i > 0 ? ", " : "") + tensor_text(graph, node.inputs[i]);
  for (size_t i = 0; i < node.attributes.size(); ++i) {
    const auto& spec = node.row->attributes[i];
    if (std::holds_alternative<std::monostate>(node.attributes[i])) continue;
    // Descriptor fields at their defaults say nothing.
    if (spec.default_value && *spec.default_value == node.attributes[i]) continue;
    if (text.back() != '(') text += ", ";
    text += spec.name + "=" + attribute_text(spec, node.attributes[i]);
  }
  text += ")";
  for (size_t i = 0; i < node.outputs.size(); ++i)
    text += (i == 0 ? " -> " : ", ") + node.outputs[i].to_string();
  if (!node.control.empty()) {
    text += "  after";
    for (const auto dependency : node.control) text += " %" + std::to_string(dependency);
  }
  if (!node.name.empty()) text += "  \"" + node.name + "\"";
  return text + "\n";
}

std::string escaped(const std::string& text) {
  std::string result;
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result;
}

}  // namespace

std::string Graph::to_text() const {
  const std::lock_guard lock(data_->mutex);
  std::string text;
  for (OperationId id = 0; id < data_->node_count(); ++id) text += line_of(*data_, id);
  return text;
}

std::string Graph::to_graphviz() const {
  const std::lock_guard lock(data_->mutex);
  std::string text =
      "digraph mpsg {\n  node [shape=box, style=rounded, fontname=\"sans-serif\"];\n";
  for (OperationId id = 0; id < data_->node_count(); ++id) {
    const auto& node = data_->node(id);
    const auto number = std::to_string(id);
    text += "  n" + number + " [label=\"" + node.row->name + "\\n" +
            escaped(data_->display_name(id)) + "\"];\n";
    for (const auto input : node.inputs)
      text += "  n" + std::to_string(input.operation) + " -> n" + number + " [label=\"" +
              data_->type(input).to_string() + "\"];\n";
    for (const auto dependency : node.control)
      text += "  n" + std::to_string(dependency) + " -> n" + number + " [style=dashed];\n";
  }
  return text + "}\n";
}

}  // namespace mpsg
