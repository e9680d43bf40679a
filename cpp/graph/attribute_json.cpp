#include "graph/attribute_json.h"

#include <cmath>
#include <limits>

#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr char digits[] = "0123456789abcdef";

std::string to_hex(const Bytes& bytes) {
  std::string text;
  text.reserve(bytes.size() * 2);
  for (size_t i = 0; i < bytes.size(); ++i) {
    const auto byte = static_cast<unsigned>(bytes.data()[i]);
    text += digits[byte >> 4];
    text += digits[byte & 15];
  }
  return text;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  throw PackageError("constant data must be hexadecimal digits");
}

std::shared_ptr<const Bytes> from_hex(const std::string& text) {
  if (text.size() % 2 != 0) throw PackageError("constant data has an odd number of digits");
  auto bytes = Bytes::allocate(text.size() / 2);
  for (size_t i = 0; i < bytes->size(); ++i)
    bytes->mutable_data()[i] =
        static_cast<std::byte>(hex_digit(text[2 * i]) << 4 | hex_digit(text[2 * i + 1]));
  return bytes;
}

/// JSON has no infinities and no NaN.
nlohmann::json real_to_json(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value > 0 ? "inf" : "-inf";
  return value;
}

double real_from_json(const nlohmann::json& json) {
  if (json == "nan") return std::numeric_limits<double>::quiet_NaN();
  if (json == "inf") return std::numeric_limits<double>::infinity();
  if (json == "-inf") return -std::numeric_limits<double>::infinity();
  return json.get<double>();
}

DataType known_type(const nlohmann::json& json) {
  const auto type = data_type_from_name(json.get<std::string>());
  if (!type) throw PackageError("unknown data type " + json.dump());
  return *type;
}

}  // namespace

nlohmann::json shape_to_json(const Shape& shape) {
  if (!shape.has_rank()) return nullptr;
  return shape.to_vector();
}

nlohmann::json type_to_json(const TensorType& type) {
  return {{"data_type", data_type_name(type.data_type)}, {"shape", shape_to_json(type.shape)}};
}

nlohmann::json attribute_to_json(const AttributeSpec& spec, const AttributeValue& value) {
  if (std::holds_alternative<std::monostate>(value)) return nullptr;
  switch (spec.kind) {
    case AttributeKind::boolean: return std::get<bool>(value);
    case AttributeKind::integer: return std::get<int64_t>(value);
    case AttributeKind::real: return real_to_json(std::get<double>(value));
    case AttributeKind::text: return std::get<std::string>(value);
    case AttributeKind::integers:
    case AttributeKind::shape: return std::get<std::vector<int64_t>>(value);
    case AttributeKind::data_type: return data_type_name(std::get<DataType>(value));
    case AttributeKind::enumeration:
      for (const auto& [name, number] : spec.enum_type->cases)
        if (number == std::get<int64_t>(value)) return name;
      throw InternalError("an enum value without a name");
    case AttributeKind::data: return to_hex(*std::get<std::shared_ptr<const Bytes>>(value));
    case AttributeKind::types: {
      auto types = nlohmann::json::array();
      for (const auto& type : std::get<TensorTypes>(value)) types.push_back(type_to_json(type));
      return types;
    }
  }
  return nullptr;
}

AttributeValue attribute_from_json(const AttributeSpec& spec, const nlohmann::json& json) {
  if (json.is_null()) return {};
  switch (spec.kind) {
    case AttributeKind::boolean: return json.get<bool>();
    case AttributeKind::integer: return json.get<int64_t>();
    case AttributeKind::real: return real_from_json(json);
    case AttributeKind::text:
    case AttributeKind::enumeration: return json.get<std::string>();
    case AttributeKind::integers:
    case AttributeKind::shape: return json.get<std::vector<int64_t>>();
    case AttributeKind::data_type: return known_type(json);
    case AttributeKind::types: {
      TensorTypes types;
      for (const auto& entry : json) {
        const auto& shape = entry.at("shape");
        types.push_back(
            {known_type(entry.at("data_type")),
             shape.is_null() ? Shape::unranked() : Shape(shape.get<std::vector<int64_t>>())});
      }
      return types;
    }
    case AttributeKind::data: return from_hex(json.get<std::string>());
  }
  return {};
}

}  // namespace mpsg
