// Read access to one operation by the names of its row: what every consumer of a row shares.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "graph/op_schema.h"
#include "mpsg/shape.h"

namespace mpsg {

class OperationView {
 public:
  OperationView(const OpRow& row, std::span<const int32_t> segments,
                std::span<const AttributeValue> attributes)
      : row_(&row), segments_(segments), attributes_(attributes) {}

  const OpRow& row() const { return *row_; }

  /// Number of tensors given for `operand` (0 or 1, or more for a variadic one).
  int count(std::string_view operand) const;
  bool has(std::string_view operand) const { return count(operand) > 0; }
  /// Position of the operand's first tensor among the flat inputs.
  int first_input(std::string_view operand) const;
  int input_count() const;
  std::span<const int32_t> segments() const { return segments_; }
  std::span<const AttributeValue> attributes() const { return attributes_; }

  const AttributeValue& attribute(std::string_view name) const;
  bool given(std::string_view name) const;  // attribute present and not None
  bool flag(std::string_view name) const;
  int64_t integer(std::string_view name) const;
  double real(std::string_view name) const;
  const std::string& text(std::string_view name) const;
  const std::vector<int64_t>& integers(std::string_view name) const;
  DataType data_type(std::string_view name) const;
  const std::vector<TensorType>& types(std::string_view name) const;
  template <class Enum>
  Enum enumeration(std::string_view name) const {
    return static_cast<Enum>(integer(name));
  }

 private:
  const OpRow* row_;
  std::span<const int32_t> segments_;
  std::span<const AttributeValue> attributes_;
};

}  // namespace mpsg
