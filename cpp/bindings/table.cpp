// The op table as JSON: what the generated files, the layers and the tests read.
#include <cmath>

#include "bindings/bindings.h"
#include "graph/attribute_json.h"
#include "graph/op_table.h"

namespace mpsg::python {
namespace {

using nlohmann::json;

constexpr const char* kind_names[] = {"boolean", "integer",   "real",        "text", "integers",
                                      "shape",   "data_type", "enumeration", "data", "types"};
constexpr const char* role_names[] = {"data", "shape", "index", "variable"};

json attribute_json(const AttributeSpec& spec) {
  json entry = {{"name", spec.name},
                {"kind", kind_names[static_cast<int>(spec.kind)]},
                {"required", !spec.default_value.has_value()},
                {"or_tensor", spec.or_tensor},
                {"keyword_only", spec.keyword_only},
                {"hidden", spec.hidden},
                {"descriptor", spec.descriptor}};
  if (spec.default_value && spec.kind != AttributeKind::data)
    entry["default"] = attribute_to_json(spec, *spec.default_value);
  if (spec.enum_type) entry["enum"] = spec.enum_type->name;
  if (std::isfinite(spec.minimum)) entry["minimum"] = spec.minimum;
  if (std::isfinite(spec.maximum)) entry["maximum"] = spec.maximum;
  return entry;
}

json names_of(TypeSet set) {
  json names = json::array();
  for (const auto type : all_data_types())
    if (set.contains(type)) names.push_back(data_type_name(type));
  return names;
}

constexpr const char* parameter_kinds[] = {"operand", "attribute", "block", "descriptor"};

/// In the order of the Python signature, which the C++ functions and the documentation follow.
json parameters_json(const OpRow& row) {
  json parameters = json::array();
  for (const auto& parameter : parameters_of(row))
    parameters.push_back({{"name", parameter.name},
                          {"kind", parameter_kinds[static_cast<int>(parameter.kind)]},
                          {"type", parameter_type(row, parameter)},
                          {"optional", parameter.optional},
                          {"default", parameter.optional ? parameter_default(parameter) : ""},
                          {"keyword_only", parameter.keyword_only}});
  return parameters;
}

json row_json(const OpRow& row) {
  json operands = json::array(), attributes = json::array(), selectors = json::array(),
       blocks = json::array(), groups = json::object();
  for (const auto& operand : row.operands)
    operands.push_back({{"name", operand.name},
                        {"group", operand.group},
                        {"role", role_names[static_cast<int>(operand.role)]},
                        {"optional", operand.optional},
                        {"variadic", operand.variadic},
                        {"keyword_only", operand.keyword_only}});
  for (const auto& attribute : row.attributes) attributes.push_back(attribute_json(attribute));
  for (const auto& selector : row.selectors)
    selectors.push_back({{"name", selector.name}, {"macos", selector.macos}});
  for (const auto& block : row.blocks)
    blocks.push_back({{"name", block.name}, {"optional", block.optional}});
  for (const auto& group : row.groups) groups[group.name] = names_of(group.types);
  return {{"name", row.name},
          {"family", row.family},
          {"documentation", row.documentation},
          {"selectors", selectors},
          {"operands", operands},
          {"attributes", attributes},
          {"blocks", blocks},
          {"results", row.results},
          {"types", groups},
          {"descriptor", row.descriptor_type ? row.descriptor_type->name : ""},
          {"descriptor_parameter", row.descriptor_parameter},
          {"internal", row.internal},
          {"composite", row.is_composite()},
          {"pure", row.traits.pure},
          {"random", row.traits.random},
          {"elementwise", row.traits.elementwise},
          {"view", row.traits.view},
          {"has_gradient",
           row.gradient != nullptr || (row.is_composite() && row.not_differentiable.empty())},
          {"not_differentiable", row.not_differentiable},
          {"stitches", row.stitch != nullptr || row.fold != FoldKind::none},
          {"not_stitchable", row.not_stitchable},
          {"parameters", parameters_json(row)},
          {"signature", row_signature(row, true)}};
}

std::string table_json() {
  json rows = json::array(), enums = json::array(), descriptors = json::array();
  for (const auto& row : op_table()) rows.push_back(row_json(row));
  for (const auto* type : enum_types())
    enums.push_back(
        {{"name", type->name}, {"cases", type->cases}, {"documentation", type->documentation}});
  for (const auto* type : descriptor_types()) {
    json fields = json::array();
    for (const auto& field : type->fields) fields.push_back(attribute_json(field));
    descriptors.push_back(
        {{"name", type->name}, {"fields", fields}, {"documentation", type->documentation}});
  }
  return json{{"rows", rows}, {"enums", enums}, {"descriptors", descriptors}}.dump();
}

}  // namespace

void bind_table(py::module_& module) {
  module.def("op_table", &table_json,
             "op_table()\n--\n\nThe op table, its enums and its descriptors, as JSON.");
}

}  // namespace mpsg::python
