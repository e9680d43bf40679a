// What the functions of "mpsg/ops.h" take besides tensors.
#pragma once

#include <algorithm>
#include <concepts>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "mpsg/attribute.h"
#include "mpsg/error.h"
#include "mpsg/graph.h"
#include "mpsg/shape.h"
#include "mpsg/tensor_data.h"

namespace mpsg::ops {

/// One integer or several: `1`, `{0, 2}`, a shape. `{}` is none: the operation's default.
class Integers {
 public:
  Integers() = default;
  Integers(std::integral auto value) : value_(static_cast<int64_t>(value)) {}
  Integers(std::initializer_list<int64_t> values) : value_(std::vector<int64_t>(values)) {}
  Integers(std::vector<int64_t> values) : value_(std::move(values)) {}
  Integers(const Shape& shape) : value_(shape.to_vector()) {}

  bool given() const { return !std::holds_alternative<std::monostate>(value_); }
  Argument argument(std::string_view name) const { return {name, value_}; }

 private:
  AttributeValue value_;
};

/// Integers, or a tensor that holds them.
class IntegersOrTensor {
 public:
  IntegersOrTensor() = default;
  IntegersOrTensor(std::integral auto value) : integers_(value) {}
  IntegersOrTensor(std::initializer_list<int64_t> values) : integers_(values) {}
  IntegersOrTensor(std::vector<int64_t> values) : integers_(std::move(values)) {}
  IntegersOrTensor(const Shape& shape) : integers_(shape) {}
  IntegersOrTensor(Tensor tensor) : tensor_(std::move(tensor)) {}

  bool given() const { return tensor_ || integers_.given(); }
  const Tensor& tensor() const { return tensor_; }
  Argument argument(std::string_view name) const {
    return tensor_ ? Argument(name, tensor_) : integers_.argument(name);
  }

 private:
  Integers integers_;
  Tensor tensor_;
};

/// C++ types that are elements of tensors.
template <class T>
constexpr DataType data_type_of() {
  if constexpr (std::same_as<T, bool>) return DataType::boolean;
  if constexpr (std::same_as<T, float>) return DataType::float32;
  if constexpr (std::same_as<T, double>) return DataType::float64;
  if constexpr (std::integral<T> && !std::same_as<T, bool>) {
    constexpr DataType types[2][4] = {
        {DataType::uint8, DataType::uint16, DataType::uint32, DataType::uint64},
        {DataType::int8, DataType::int16, DataType::int32, DataType::int64}};
    constexpr int size_index = sizeof(T) == 1 ? 0 : sizeof(T) == 2 ? 1 : sizeof(T) == 4 ? 2 : 3;
    return types[std::signed_integral<T>][size_index];
  }
  return DataType::invalid;
}

template <class T>
concept Element = data_type_of<T>() != DataType::invalid;

/// The data of a constant or a variable. A number takes the data type asked for (float32, int32
/// or bool if none is), and is repeated over the shape; so does a list in braces, which is not
/// repeated. An array keeps its own type; its shape is one-dimensional unless another is given.
/// TensorData has both, and is the way to the types that C++ has no name for.
class Value {
 public:
  template <Element T>
  Value(T number) : number_(to_scalar(number)), type_(natural_type<T>()) {}
  template <Element T>
  Value(std::initializer_list<T> numbers) : data_(list_data(numbers)), type_(natural_type<T>()) {}
  template <Element T>
  Value(const std::vector<T>& numbers) : Value(std::span<const T>(numbers)) {}
  template <Element T>
  Value(std::span<const T> numbers)
      : Value(TensorData({data_type_of<T>(), Shape{std::ssize(numbers)}}, numbers)) {}
  Value(TensorData data) : data_(std::move(data)), type_(data_->data_type()) {}

  /// Appends value, shape and data type, as far as they are given, to an operation's arguments.
  void append_to(std::vector<Argument>& arguments, std::string_view name, const Integers& shape,
                 std::optional<DataType> data_type) const {
    const auto type = data_type.value_or(type_);
    if (number_) {
      arguments.emplace_back(name, std::visit([](auto n) { return AttributeValue(n); }, *number_));
    } else {
      if (type != type_)
        throw GraphError("'" + std::string(name) + "' holds " + std::string(data_type_name(type_)) +
                         " and not " + std::string(data_type_name(type)) +
                         "; leave 'data_type' out, or give numbers of that type");
      arguments.emplace_back(
          name, AttributeValue(Bytes::copy(
                    {static_cast<const std::byte*>(data_->data()), data_->byte_count()})));
    }
    arguments.emplace_back("data_type", AttributeValue(type));
    if (shape.given()) arguments.push_back(shape.argument("shape"));
    else if (data_) arguments.emplace_back("shape", AttributeValue(data_->shape().to_vector()));
  }

 private:
  /// Literals in a program are double and int; tensors are float32 and int32 unless told otherwise.
  template <class T>
  static constexpr DataType natural_type() {
    if (std::floating_point<T>) return DataType::float32;
    return std::same_as<T, bool> ? DataType::boolean : DataType::int32;
  }
  template <class T>
  static Scalar to_scalar(T number) {
    if constexpr (std::same_as<T, bool>) return number;
    else if constexpr (std::integral<T>) return static_cast<int64_t>(number);
    else return static_cast<double>(number);
  }
  template <class T>
  static TensorData list_data(std::initializer_list<T> numbers) {
    using Natural = std::conditional_t<std::floating_point<T>, float,
                                       std::conditional_t<std::same_as<T, bool>, bool, int32_t>>;
    TensorData data({natural_type<T>(), Shape{std::ssize(numbers)}});
    std::ranges::transform(numbers, static_cast<Natural*>(data.data()),
                           [](T number) { return static_cast<Natural>(number); });
    return data;
  }

  std::optional<Scalar> number_;
  std::optional<TensorData> data_;
  DataType type_;
};

/// The rest is what the generated functions call.
namespace detail {

inline const Tensor* tensor_in(const Tensor& tensor) { return tensor ? &tensor : nullptr; }
inline const Tensor* tensor_in(const TensorOrScalar& operand) {
  const auto* tensor = std::get_if<Tensor>(&operand);
  return tensor && *tensor ? tensor : nullptr;
}
inline const Tensor* tensor_in(const IntegersOrTensor& integers) {
  return tensor_in(integers.tensor());
}
inline const Tensor* tensor_in(const std::vector<Tensor>& tensors) {
  for (const auto& tensor : tensors)
    if (tensor) return &tensor;
  return nullptr;
}

/// The graph of the first operand that is a tensor.
template <class... Operands>
Graph graph_of(std::string_view op, const Operands&... operands) {
  const Tensor* found = nullptr;
  ((found = found ? found : tensor_in(operands)), ...);
  if (!found) throw GraphError(std::string(op) + ": none of its operands is a tensor of a graph");
  return found->graph();
}

/// Unknown rank is None.
inline AttributeValue to_attribute(const Shape& shape) {
  if (!shape.has_rank()) return {};
  return shape.to_vector();
}
template <class T>
AttributeValue to_attribute(const std::optional<T>& value) {
  if (!value) return {};
  if constexpr (std::is_enum_v<T> && !std::is_same_v<T, DataType>)
    return AttributeValue(static_cast<int64_t>(*value));
  else return AttributeValue(*value);
}

}  // namespace detail
}  // namespace mpsg::ops
