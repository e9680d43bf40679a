// How a row looks from Python: its parameters, in order, and its signature as text.
#include "bindings/bindings.h"
#include "graph/attribute_json.h"

namespace mpsg::python {
namespace {

std::string attribute_type(const AttributeSpec& spec) {
  std::string type;
  switch (spec.kind) {
    case AttributeKind::boolean: type = "bool"; break;
    case AttributeKind::integer: type = "int"; break;
    case AttributeKind::real: type = "float"; break;
    case AttributeKind::text: type = "str"; break;
    case AttributeKind::integers: type = "int | Sequence[int]"; break;
    case AttributeKind::shape: type = "Sequence[int] | None"; break;
    case AttributeKind::data_type: type = "DataTypeLike"; break;
    case AttributeKind::enumeration: type = spec.enum_type->name; break;
    case AttributeKind::data: type = "ArrayLike"; break;
    case AttributeKind::types: type = "Sequence[TypeLike]"; break;
  }
  if (spec.or_tensor) type += " | Tensor";
  if (spec.default_value && std::holds_alternative<std::monostate>(*spec.default_value) &&
      spec.kind != AttributeKind::shape)
    type += " | None";
  return type;
}

}  // namespace

std::string parameter_default(const Parameter& parameter) {
  if (!parameter.attribute || !parameter.attribute->default_value) return "None";
  const auto& spec = *parameter.attribute;
  const auto& value = *spec.default_value;
  if (std::holds_alternative<std::monostate>(value)) return "None";
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "True" : "False";
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value); list && list->empty())
    return "()";
  if (std::holds_alternative<DataType>(value)) return "...";
  return attribute_to_json(spec, value).dump();
}

std::string parameter_type(const OpRow& row, const Parameter& parameter) {
  switch (parameter.kind) {
    case Parameter::Kind::operand: {
      const bool variable = parameter.operand->role == OperandRole::variable;
      std::string type = variable ? "Tensor" : "TensorLike";
      if (parameter.operand->variadic) return "Sequence[" + type + "]";
      return parameter.operand->optional ? type + " | None" : type;
    }
    case Parameter::Kind::attribute: return attribute_type(*parameter.attribute);
    case Parameter::Kind::block: return parameter.optional ? "Block | None" : "Block";
    case Parameter::Kind::descriptor: return row.descriptor_type->name;
  }
  return "object";
}

std::vector<Parameter> parameters_of(const OpRow& row) {
  std::vector<Parameter> positional, keyword_only;
  const auto add = [&](Parameter parameter) {
    (parameter.keyword_only ? keyword_only : positional).push_back(std::move(parameter));
  };
  for (const auto& operand : row.operands) {
    if (row.attribute_index(operand.name) >= 0 || operand.name == "captures") continue;
    Parameter parameter{Parameter::Kind::operand, operand.name};
    parameter.operand = &operand;
    parameter.keyword_only = operand.keyword_only;
    parameter.optional = operand.optional;
    add(parameter);
  }
  for (const auto& block : row.blocks) {
    Parameter parameter{Parameter::Kind::block, block.name};
    parameter.optional = block.optional;
    add(parameter);
  }
  bool descriptor_added = false;
  for (const auto& attribute : row.attributes) {
    if (attribute.hidden) continue;
    if (!attribute.descriptor.empty()) {
      if (!descriptor_added) add({Parameter::Kind::descriptor, row.descriptor_parameter});
      descriptor_added = true;
      continue;
    }
    Parameter parameter{Parameter::Kind::attribute, attribute.name};
    parameter.attribute = &attribute;
    parameter.keyword_only = attribute.keyword_only;
    parameter.optional = attribute.default_value.has_value();
    add(parameter);
  }
  // A positional parameter may be left out only if all that follow may.
  bool all_optional = true;
  for (auto at = positional.rbegin(); at != positional.rend(); ++at) {
    all_optional = all_optional && at->optional;
    if (!all_optional) at->optional = false;
  }
  positional.insert(positional.end(), keyword_only.begin(), keyword_only.end());
  return positional;
}

std::string row_signature(const OpRow& row, bool with_types) {
  std::string text = "(self";
  bool star = false;
  for (const auto& parameter : parameters_of(row)) {
    if (parameter.keyword_only && !std::exchange(star, true)) text += ", *";
    text += ", " + parameter.name;
    if (with_types) text += ": " + parameter_type(row, parameter);
    if (parameter.optional)
      text += with_types                              ? " = " + parameter_default(parameter)
              : parameter_default(parameter) == "..." ? "=None"
                                                      : "=" + parameter_default(parameter);
  }
  text += with_types ? ", name: str | None = None)" : ", name=None)";
  return text;
}

}  // namespace mpsg::python
