// Attributes and types as JSON, and back.
#pragma once

#include <nlohmann/json.hpp>

#include "graph/op_schema.h"
#include "mpsg/shape.h"

namespace mpsg {

nlohmann::json attribute_to_json(const AttributeSpec& spec, const AttributeValue& value);
/// Throws PackageError.
AttributeValue attribute_from_json(const AttributeSpec& spec, const nlohmann::json& json);
nlohmann::json type_to_json(const TensorType& type);
nlohmann::json shape_to_json(const Shape& shape);

}  // namespace mpsg
