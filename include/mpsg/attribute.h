// Attribute values: what an operation carries besides tensors.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "mpsg/data_type.h"
#include "mpsg/export.h"
#include "mpsg/shape.h"

namespace mpsg {

class PageMemory;

/// Immutable bytes of a constant, shared by every graph and plan that uses it. 64-byte aligned.
class MPSG_API Bytes {
 public:
  static std::shared_ptr<const Bytes> copy(std::span<const std::byte> source);
  /// `size` bytes that `fill` may write once, before they are shared.
  static std::shared_ptr<Bytes> allocate(size_t size);
  ~Bytes();
  Bytes(const Bytes&) = delete;
  Bytes& operator=(const Bytes&) = delete;

  const std::byte* data() const { return data_; }
  std::byte* mutable_data() { return data_; }
  size_t size() const { return size_; }

 private:
  Bytes();
  std::unique_ptr<PageMemory> memory_;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// A list of types. Not the vector itself: a variant that has only types of its own library takes
/// libstdc++ 12 never to be without a value, and destroys what it could not copy for want of
/// memory.
class TensorTypes : public std::vector<TensorType> {
 public:
  using std::vector<TensorType>::vector;
  TensorTypes(std::vector<TensorType> types) : std::vector<TensorType>(std::move(types)) {}
};

/// monostate = not given (None). An enumeration is stored as its int64_t value.
using AttributeValue =
    std::variant<std::monostate, bool, int64_t, double, std::string, std::vector<int64_t>, DataType,
                 std::shared_ptr<const Bytes>, TensorTypes>;

}  // namespace mpsg
