// Plain numbers and attribute values: checked conversions.
#pragma once

#include <functional>

#include "graph/graph_data.h"

namespace mpsg::graph_detail {

/// A number as people write it: 3, 0.5, 1e+300, nan.
std::string number_text(double number);

/// Brings `value` to the kind that `spec` declares; calls `fail` with the reason if it can't.
AttributeValue convert_attribute(const AttributeSpec& spec, AttributeValue value,
                                 const std::function<void(const std::string&)>& fail);

/// Does `type` hold this number's kind and value (for floats: after rounding)?
bool holds(DataType type, const Scalar& scalar);

/// Writes `scalar` as one element of `type`. Throws GraphError if the type does not hold it.
std::shared_ptr<const Bytes> scalar_bytes(const Scalar& scalar, DataType type);

TensorId scalar_constant(GraphData& graph, const Scalar& scalar, DataType type);

/// Appends a read of the variable's current value.
TensorId read_variable(GraphData& graph, TensorId variable);

}  // namespace mpsg::graph_detail
