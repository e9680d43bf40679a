// Small helpers of the C++ tests.
#pragma once

#include <doctest/doctest.h>

#include <span>
#include <string>
#include <vector>

#include "mpsg/device.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"

namespace mpsg::testing {

inline Tensor placeholder(Graph& graph, const std::vector<int64_t>& shape,
                          DataType type = DataType::float32, std::string_view name = {}) {
  return graph.add_one("placeholder", {{"shape", shape}, {"data_type", type}}, name);
}

template <class T>
DataType type_of() {
  if constexpr (std::is_same_v<T, float>) return DataType::float32;
  else if constexpr (std::is_same_v<T, double>) return DataType::float64;
  else if constexpr (std::is_same_v<T, int32_t>) return DataType::int32;
  else if constexpr (std::is_same_v<T, int64_t>) return DataType::int64;
  else return DataType::boolean;
}

template <class T>
TensorData data(const Shape& shape, const std::vector<T>& values) {
  return TensorData({type_of<T>(), shape}, std::span<const T>(values));
}

inline Tensor variable(Graph& graph, const std::vector<float>& values, std::string_view name = {}) {
  return graph.add_one("variable",
                       {{"value", Bytes::copy(std::as_bytes(std::span(values)))},
                        {"shape", std::vector<int64_t>{std::ssize(values)}},
                        {"data_type", DataType::float32}},
                       name);
}

template <class T>
std::vector<T> values(const TensorData& data) {
  const auto all = data.values<T>();
  return {all.begin(), all.end()};
}

/// The message of the GraphError that `action` must raise.
template <class Error, class Action>
std::string message_of(Action&& action) {
  try {
    action();
  } catch (const Error& error) {
    return error.what();
  }
  FAIL("no error was raised");
  return {};
}

inline bool contains(const std::string& text, std::string_view part) {
  return text.find(part) != std::string::npos;
}

}  // namespace mpsg::testing
