#include "runtime/files/named_tensors.h"

#include <algorithm>

#include "mpsg/error.h"
#include "runtime/files/byte_source.h"

namespace mpsg {

std::optional<uint64_t> counted_bytes(DataType type, std::span<const int64_t> shape) {
  if (shape.size() > max_rank) return std::nullopt;
  uint64_t bytes = size_of(type);
  bool empty = false;
  // Sizes beside a 0 must be countable too: inference multiplies some of them.
  for (const auto size : shape) {
    if (size < 0) return std::nullopt;
    if (size == 0) empty = true;
    else if (__builtin_mul_overflow(bytes, static_cast<uint64_t>(size), &bytes) ||
             bytes > uint64_t{INT64_MAX})
      return std::nullopt;
  }
  return empty ? 0 : bytes;
}

void check_elements(const TensorData& data, const std::string& tensor) {
  if (data.data_type() == DataType::boolean &&
      !std::ranges::all_of(bytes_of(data), [](std::byte b) { return b <= std::byte{1}; }))
    throw PackageError("tensor '" + tensor + "' has elements that are no bool");
}

TensorData read_tensor(const ByteSource& source, uint64_t offset, const TensorType& type,
                       const std::string& tensor) {
  TensorData data(type);
  source.read(offset, {static_cast<std::byte*>(data.data()), data.byte_count()});
  check_elements(data, tensor);
  return data;
}

}  // namespace mpsg
