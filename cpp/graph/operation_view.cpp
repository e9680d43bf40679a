#include "graph/operation_view.h"

#include "mpsg/error.h"

namespace mpsg {
namespace {

int require(int index, const OpRow& row, std::string_view name) {
  if (index < 0)
    throw InternalError("row " + row.name + " has nothing called " + std::string(name));
  return index;
}

template <class T>
const T& get(const OperationView& view, std::string_view name) {
  const auto* value = std::get_if<T>(&view.attribute(name));
  if (!value)
    throw InternalError("attribute " + std::string(name) + " of " + view.row().name +
                        " is not given or of another kind");
  return *value;
}

}  // namespace

int OperationView::count(std::string_view operand) const {
  return segments_[static_cast<size_t>(require(row_->operand_index(operand), *row_, operand))];
}

int OperationView::first_input(std::string_view operand) const {
  const int index = require(row_->operand_index(operand), *row_, operand);
  int first = 0;
  for (int i = 0; i < index; ++i) first += segments_[static_cast<size_t>(i)];
  return first;
}

int OperationView::input_count() const {
  int total = 0;
  for (auto segment : segments_) total += segment;
  return total;
}

const AttributeValue& OperationView::attribute(std::string_view name) const {
  return attributes_[static_cast<size_t>(require(row_->attribute_index(name), *row_, name))];
}

bool OperationView::given(std::string_view name) const {
  return !std::holds_alternative<std::monostate>(attribute(name));
}
bool OperationView::flag(std::string_view name) const { return get<bool>(*this, name); }
int64_t OperationView::integer(std::string_view name) const { return get<int64_t>(*this, name); }
double OperationView::real(std::string_view name) const { return get<double>(*this, name); }
const std::string& OperationView::text(std::string_view name) const {
  return get<std::string>(*this, name);
}
const std::vector<int64_t>& OperationView::integers(std::string_view name) const {
  return get<std::vector<int64_t>>(*this, name);
}
const std::vector<TensorType>& OperationView::types(std::string_view name) const {
  return get<TensorTypes>(*this, name);
}
DataType OperationView::data_type(std::string_view name) const {
  return get<DataType>(*this, name);
}

}  // namespace mpsg
