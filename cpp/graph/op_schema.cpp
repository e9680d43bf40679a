#include "graph/op_schema.h"

#include "mpsg/error.h"

namespace mpsg {

int OpRow::operand_index(std::string_view wanted) const {
  for (size_t i = 0; i < operands.size(); ++i)
    if (operands[i].name == wanted) return static_cast<int>(i);
  return -1;
}

int OpRow::attribute_index(std::string_view wanted) const {
  for (size_t i = 0; i < attributes.size(); ++i)
    if (attributes[i].name == wanted) return static_cast<int>(i);
  return -1;
}

TypeSet OpRow::types_of_group(std::string_view group) const {
  for (const auto& entry : groups)
    if (entry.name == group) return entry.types;
  throw InternalError("row " + name + " has no type group " + std::string(group));
}

Row::Row(std::string name, std::string family) {
  row_.name = std::move(name);
  row_.family = std::move(family);
}
Row&& Row::documentation(std::string text) && {
  row_.documentation = std::move(text);
  return std::move(*this);
}
Row&& Row::selector(std::string name, std::string macos) && {
  row_.selectors.push_back({std::move(name), std::move(macos)});
  return std::move(*this);
}
Row&& Row::types(std::string group, TypeSet types) && {
  row_.groups.push_back({std::move(group), types});
  return std::move(*this);
}
Row&& Row::operand(std::string name, std::string group) && {
  row_.operands.push_back({.name = std::move(name), .group = std::move(group)});
  return std::move(*this);
}
Row&& Row::optional_operand(std::string name, std::string group) && {
  row_.operands.push_back({.name = std::move(name), .group = std::move(group), .optional = true});
  return std::move(*this);
}
Row&& Row::keyword_operand(std::string name, std::string group, OperandRole role) && {
  row_.operands.push_back({.name = std::move(name),
                           .group = std::move(group),
                           .role = role,
                           .optional = true,
                           .keyword_only = true});
  return std::move(*this);
}
Row&& Row::variadic_operand(std::string name, std::string group) && {
  row_.operands.push_back({.name = std::move(name), .group = std::move(group), .variadic = true});
  return std::move(*this);
}
Row&& Row::operand_with_role(std::string name, std::string group, OperandRole role) && {
  row_.operands.push_back({.name = std::move(name), .group = std::move(group), .role = role});
  return std::move(*this);
}
Row&& Row::attribute(AttributeSpec spec) && {
  row_.attributes.push_back(std::move(spec));
  return std::move(*this);
}
Row&& Row::descriptor(std::string parameter, const DescriptorType& type) && {
  row_.descriptor_parameter = std::move(parameter);
  row_.descriptor_type = &type;
  for (auto field : type.fields) {
    field.descriptor = type.name;
    row_.attributes.push_back(std::move(field));
  }
  return std::move(*this);
}
Row&& Row::block(std::string name, bool optional) && {
  row_.blocks.push_back({std::move(name), optional});
  return std::move(*this);
}
Row&& Row::block_arguments(BlockArgumentsFunction function) && {
  row_.block_arguments = function;
  return std::move(*this);
}
Row&& Row::result(std::string name) && {
  row_.results.push_back(std::move(name));
  return std::move(*this);
}
Row&& Row::no_result() && {
  no_result_ = true;
  return std::move(*this);
}
Row&& Row::impure() && {
  row_.traits.pure = false;
  return std::move(*this);
}
Row&& Row::random() && {
  row_.traits.random = true;
  return std::move(*this);
}
Row&& Row::elementwise() && {
  row_.traits.elementwise = true;
  return std::move(*this);
}
Row&& Row::view() && {
  row_.traits.view = true;
  return std::move(*this);
}
Row&& Row::counted() && {
  row_.traits.counted = true;
  return std::move(*this);
}
Row&& Row::internal() && {
  row_.internal = true;
  return std::move(*this);
}
Row&& Row::not_differentiable(std::string why) && {
  row_.not_differentiable = std::move(why);
  return std::move(*this);
}
Row&& Row::build(BuildFunction function) && {
  row_.build = function;
  return std::move(*this);
}
Row&& Row::infer(InferFunction function) && {
  row_.infer = function;
  return std::move(*this);
}
Row&& Row::gradient(GradientFunction function) && {
  row_.gradient = function;
  return std::move(*this);
}
Row&& Row::expand(ExpandFunction function) && {
  row_.expand = function;
  return std::move(*this);
}
Row&& Row::evaluate(EvaluateFunction function) && {
  row_.evaluate = function;
  return std::move(*this);
}
Row&& Row::stitch(StitchFunction function) && {
  row_.stitch = function;
  return std::move(*this);
}
Row&& Row::fold(FoldKind kind) && {
  row_.fold = kind;
  return std::move(*this);
}
Row&& Row::not_stitchable(std::string why) && {
  row_.not_stitchable = std::move(why);
  return std::move(*this);
}

OpRow Row::done() && {
  for (const auto& spec : row_.attributes)
    if (spec.or_tensor) {
      row_.operands.push_back({.name = spec.name,
                               .group = "integer:" + spec.name,
                               .role = OperandRole::shape,
                               .optional = true});
      row_.groups.push_back({"integer:" + spec.name, types::index()});
    }
  if (!row_.blocks.empty()) {
    // Tensors that a body takes from outside become operands of its owner.
    row_.operands.push_back({.name = "captures", .group = "any", .variadic = true});
    row_.groups.push_back({"any", types::stored()});
  }
  if (row_.results.empty() && !no_result_) row_.results = {"tensor"};
  if (!row_.infer) throw InternalError("row " + row_.name + " has no inference");
  if (row_.expand && row_.evaluate)
    throw InternalError("row " + row_.name + " is both composite and basic");
  for (const auto& operand : row_.operands) row_.types_of_group(operand.group);
  return std::move(row_);
}

namespace {
AttributeSpec make(std::string name, AttributeKind kind, std::optional<AttributeValue> value) {
  AttributeSpec spec;
  spec.name = std::move(name);
  spec.kind = kind;
  spec.default_value = std::move(value);
  return spec;
}
template <class T>
std::optional<AttributeValue> wrap(std::optional<T> value) {
  if (!value) return std::nullopt;
  return AttributeValue(*value);
}
}  // namespace

AttributeSpec boolean_attribute(std::string name, bool value) {
  return make(std::move(name), AttributeKind::boolean, AttributeValue(value));
}
AttributeSpec integer_attribute(std::string name, std::optional<int64_t> value) {
  return make(std::move(name), AttributeKind::integer, wrap(value));
}
AttributeSpec real_attribute(std::string name, std::optional<double> value) {
  return make(std::move(name), AttributeKind::real, wrap(value));
}
AttributeSpec text_attribute(std::string name) {
  return make(std::move(name), AttributeKind::text, std::nullopt);
}
AttributeSpec integers_attribute(std::string name) {
  return make(std::move(name), AttributeKind::integers, std::nullopt);
}
AttributeSpec optional_integers_attribute(std::string name) {
  return make(std::move(name), AttributeKind::integers, AttributeValue());
}
AttributeSpec integers_or_tensor(std::string name) {
  auto spec = integers_attribute(std::move(name));
  spec.or_tensor = true;
  return spec;
}
AttributeSpec optional_integers_or_tensor(std::string name) {
  auto spec = optional_integers_attribute(std::move(name));
  spec.or_tensor = true;
  return spec;
}
AttributeSpec shape_attribute(std::string name) {
  return make(std::move(name), AttributeKind::shape, std::nullopt);
}
AttributeSpec data_type_attribute(std::string name, std::optional<DataType> value) {
  return make(std::move(name), AttributeKind::data_type, wrap(value));
}
AttributeSpec enum_attribute(std::string name, const EnumType& type, int64_t value) {
  auto spec = make(std::move(name), AttributeKind::enumeration, AttributeValue(value));
  spec.enum_type = &type;
  return spec;
}
AttributeSpec required_enum_attribute(std::string name, const EnumType& type) {
  auto spec = make(std::move(name), AttributeKind::enumeration, std::nullopt);
  spec.enum_type = &type;
  return spec;
}
AttributeSpec data_attribute(std::string name) {
  return make(std::move(name), AttributeKind::data, std::nullopt);
}
AttributeSpec types_attribute(std::string name) {
  return make(std::move(name), AttributeKind::types, std::nullopt);
}
AttributeSpec keyword(AttributeSpec spec) {
  spec.keyword_only = true;
  return spec;
}
AttributeSpec hidden(AttributeSpec spec) {
  spec.hidden = true;
  if (!spec.default_value) spec.default_value = AttributeValue();
  return spec;
}
AttributeSpec in_range(AttributeSpec spec, double minimum, double maximum) {
  spec.minimum = minimum;
  spec.maximum = maximum;
  return spec;
}

namespace types {
TypeSet floating() {
  return {DataType::float16, DataType::bfloat16, DataType::float32, DataType::float64};
}
TypeSet signed_integers() {
  return {DataType::int8, DataType::int16, DataType::int32, DataType::int64};
}
TypeSet integers() {
  return signed_integers() |
         TypeSet{DataType::uint8, DataType::uint16, DataType::uint32, DataType::uint64};
}
TypeSet index() { return {DataType::int32, DataType::int64}; }
TypeSet boolean() { return {DataType::boolean}; }
TypeSet complex() { return {DataType::complex64}; }
TypeSet numeric() { return floating() | integers(); }
TypeSet differentiable() { return floating() | complex(); }
TypeSet numeric_complex() { return numeric() | complex(); }
TypeSet all() { return numeric_complex() | boolean(); }
TypeSet four_bits() { return {DataType::int4, DataType::uint4}; }
TypeSet stored() { return all() | four_bits(); }
}  // namespace types

}  // namespace mpsg
