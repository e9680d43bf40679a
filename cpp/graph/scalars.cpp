#include "graph/scalars.h"

#include <array>
#include <charconv>
#include <cmath>
#include <complex>

#include "graph/half.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg::graph_detail {
namespace {

template <class T>
bool in_range(int64_t value) {
  if constexpr (std::is_same_v<T, uint64_t>) return value >= 0;
  else
    return value >= static_cast<int64_t>(std::numeric_limits<T>::min()) &&
           value <= static_cast<int64_t>(std::numeric_limits<T>::max());
}

bool integer_fits(DataType type, int64_t value) {
  switch (type) {
    case DataType::int4: return value >= -8 && value <= 7;
    case DataType::uint4: return value >= 0 && value <= 15;
    case DataType::int8: return in_range<int8_t>(value);
    case DataType::int16: return in_range<int16_t>(value);
    case DataType::int32: return in_range<int32_t>(value);
    case DataType::int64: return true;
    case DataType::uint8: return in_range<uint8_t>(value);
    case DataType::uint16: return in_range<uint16_t>(value);
    case DataType::uint32: return in_range<uint32_t>(value);
    case DataType::uint64: return in_range<uint64_t>(value);
    default: return false;
  }
}

template <class T>
std::shared_ptr<const Bytes> bytes_of(T value) {
  return Bytes::copy(std::as_bytes(std::span(&value, 1)));
}

std::string text_of(const Scalar& scalar) {
  if (const auto* flag = std::get_if<bool>(&scalar)) return *flag ? "True" : "False";
  if (const auto* integer = std::get_if<int64_t>(&scalar)) return std::to_string(*integer);
  return number_text(std::get<double>(scalar));
}

/// What was given instead of what was asked.
std::string given_text(const AttributeValue& value) {
  if (const auto* flag = std::get_if<bool>(&value)) return *flag ? "True" : "False";
  if (const auto* integer = std::get_if<int64_t>(&value)) return std::to_string(*integer);
  if (const auto* real = std::get_if<double>(&value)) return number_text(*real);
  if (const auto* text = std::get_if<std::string>(&value)) return "'" + *text + "'";
  if (const auto* type = std::get_if<DataType>(&value)) return std::string(data_type_name(*type));
  if (const auto* list = std::get_if<std::vector<int64_t>>(&value)) {
    std::string text;
    for (const auto number : *list) text += (text.empty() ? "" : ", ") + std::to_string(number);
    return "[" + text + "]";
  }
  return std::holds_alternative<TensorTypes>(value) ? "a list of types" : "data";
}

}  // namespace

std::string number_text(double number) {
  if (std::abs(number) < 1e15 && number == std::trunc(number))
    return std::to_string(static_cast<int64_t>(number));
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), number).ptr;
  return {text.data(), end};
}

bool holds(DataType type, const Scalar& scalar) {
  if (std::holds_alternative<bool>(scalar)) return true;
  if (const auto* integer = std::get_if<int64_t>(&scalar))
    return type == DataType::boolean ? *integer == 0 || *integer == 1
                                     : !is_integer(type) || integer_fits(type, *integer);
  return is_floating(type) || is_complex(type);
}

std::shared_ptr<const Bytes> scalar_bytes(const Scalar& scalar, DataType type) {
  if (!holds(type, scalar))
    throw GraphError(text_of(scalar) + " does not fit into " + std::string(data_type_name(type)) +
                     "; cast the tensor first, or use a number of its kind");
  const double real = std::visit([](auto value) { return static_cast<double>(value); }, scalar);
  const int64_t integer =
      std::holds_alternative<double>(scalar)
          ? 0
          : std::visit([](auto value) { return static_cast<int64_t>(value); }, scalar);
  switch (type) {
    case DataType::float16: return bytes_of(Float16(static_cast<float>(real)));
    case DataType::bfloat16: return bytes_of(BFloat16(static_cast<float>(real)));
    case DataType::float32: return bytes_of(static_cast<float>(real));
    case DataType::float64: return bytes_of(real);
    case DataType::complex64: return bytes_of(std::complex<float>(static_cast<float>(real)));
    case DataType::boolean:
    case DataType::int8: return bytes_of(static_cast<int8_t>(integer));
    case DataType::int4:
    case DataType::uint4: return bytes_of(static_cast<uint8_t>(integer & 15));
    case DataType::uint8: return bytes_of(static_cast<uint8_t>(integer));
    case DataType::int16: return bytes_of(static_cast<int16_t>(integer));
    case DataType::uint16: return bytes_of(static_cast<uint16_t>(integer));
    case DataType::int32: return bytes_of(static_cast<int32_t>(integer));
    case DataType::uint32: return bytes_of(static_cast<uint32_t>(integer));
    case DataType::int64: return bytes_of(integer);
    case DataType::uint64: return bytes_of(static_cast<uint64_t>(integer));
    case DataType::invalid: break;
  }
  throw GraphError("invalid data type");
}

TensorId scalar_constant(GraphData& graph, const Scalar& scalar, DataType type) {
  Node node;
  node.row = &require_row("constant");
  node.attributes = {scalar_bytes(scalar, type), std::vector<int64_t>{}, type};
  return {graph.append(std::move(node)), 0};
}

TensorId read_variable(GraphData& graph, TensorId variable) {
  Node node;
  node.row = &require_row("read");
  node.inputs = {variable};
  node.segments = {1};
  return {graph.append(std::move(node)), 0};
}

AttributeValue convert_attribute(const AttributeSpec& spec, AttributeValue value,
                                 const std::function<void(const std::string&)>& fail) {
  const auto wrong = [&](const std::string& wanted) {
    fail("'" + spec.name + "' must be " + wanted + ", not " + given_text(value));
  };
  if (std::holds_alternative<std::monostate>(value)) {
    const bool none_allowed =
        spec.kind == AttributeKind::shape ||
        (spec.default_value && std::holds_alternative<std::monostate>(*spec.default_value));
    if (!none_allowed) fail("'" + spec.name + "' must be given; None is not allowed");
    return value;
  }
  const auto check_range = [&](double number) {
    if (!(number >= spec.minimum && number <= spec.maximum))
      fail("'" + spec.name + "' is " + number_text(number) + "; allowed: " +
           (spec.minimum == -INFINITY ? "up to " + number_text(spec.maximum)
            : spec.maximum == INFINITY
                ? number_text(spec.minimum) + " and more"
                : number_text(spec.minimum) + " to " + number_text(spec.maximum)));
  };
  switch (spec.kind) {
    case AttributeKind::boolean:
      if (const auto* integer = std::get_if<int64_t>(&value); integer && (*integer & ~1) == 0)
        return *integer == 1;
      if (!std::holds_alternative<bool>(value)) wrong("a bool");
      return value;
    case AttributeKind::integer:
      if (!std::holds_alternative<int64_t>(value)) wrong("an int");
      check_range(static_cast<double>(std::get<int64_t>(value)));
      return value;
    case AttributeKind::real:
      if (const auto* integer = std::get_if<int64_t>(&value)) value = static_cast<double>(*integer);
      if (!std::holds_alternative<double>(value)) wrong("a number");
      if (spec.minimum > -INFINITY || spec.maximum < INFINITY) check_range(std::get<double>(value));
      return value;
    case AttributeKind::text:
      if (!std::holds_alternative<std::string>(value)) wrong("text");
      return value;
    case AttributeKind::integers:
    case AttributeKind::shape:
      if (const auto* integer = std::get_if<int64_t>(&value))
        value = std::vector<int64_t>{*integer};
      if (!std::holds_alternative<std::vector<int64_t>>(value)) wrong("an int or a list of ints");
      return value;
    case AttributeKind::data_type:
      if (!std::holds_alternative<DataType>(value) ||
          std::get<DataType>(value) == DataType::invalid)
        wrong("a data type");
      return value;
    case AttributeKind::enumeration: {
      const auto* integer = std::get_if<int64_t>(&value);
      const auto* text = std::get_if<std::string>(&value);
      std::string names;
      for (const auto& [name, number] : spec.enum_type->cases) {
        if ((integer && *integer == number) || (text && *text == name)) return number;
        names += (names.empty() ? "" : ", ") + name;
      }
      wrong("one of mpsg." + spec.enum_type->name + ": " + names);
      return value;
    }
    case AttributeKind::data:
      // A number becomes bytes once the node's data type is known.
      if (std::holds_alternative<std::string>(value) || std::holds_alternative<DataType>(value) ||
          std::holds_alternative<std::vector<int64_t>>(value))
        wrong("data or a number");
      return value;
    case AttributeKind::types:
      // An empty list looks as one of integers.
      if (const auto* none = std::get_if<std::vector<int64_t>>(&value); none && none->empty())
        return std::vector<TensorType>{};
      if (!std::holds_alternative<TensorTypes>(value))
        wrong("a list of types, each a shape and a data type");
      return value;
  }
  return value;
}

}  // namespace mpsg::graph_detail
