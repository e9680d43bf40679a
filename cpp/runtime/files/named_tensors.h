// Tensors with names, in the order of their file.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "mpsg/tensor_data.h"

namespace mpsg {

class ByteSource;

using NamedTensors = std::vector<std::pair<std::string, TensorData>>;
/// What is written one after the other.
using Chunks = std::vector<std::span<const std::byte>>;

inline std::span<const std::byte> bytes_of(const TensorData& data) {
  return {static_cast<const std::byte*>(data.data()), data.byte_count()};
}
inline std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

/// How many bytes a tensor of this type has; nullopt: more than can be counted, or a negative size.
std::optional<uint64_t> counted_bytes(DataType type, std::span<const int64_t> shape);

/// Booleans are 0 or 1: other bytes would be undefined in C++. Throws PackageError that names
/// `tensor`.
void check_elements(const TensorData& data, const std::string& tensor);

/// The values of `type` that lie in a part of `source`, checked.
TensorData read_tensor(const ByteSource& source, uint64_t offset, const TensorType& type,
                       const std::string& tensor);

}  // namespace mpsg
