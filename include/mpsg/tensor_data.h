// TensorData: the value of a tensor (MPSGraphTensorData).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "mpsg/export.h"
#include "mpsg/shape.h"

namespace mpsg {

/// Packed row-major memory with a type and a shape. A handle: copies share the memory.
class MPSG_API TensorData {
 public:
  TensorData() = default;
  /// Memory of its own, not initialised.
  explicit TensorData(const TensorType& type);
  /// Borrows `memory` (kept alive by `owner`): packed, row-major, `type`'s size.
  TensorData(const TensorType& type, void* memory, std::shared_ptr<void> owner);
  /// Copies `values`; their number must be that of the shape.
  template <class T>
  TensorData(const TensorType& type, std::span<const T> values) : TensorData(type) {
    copy_from(std::as_bytes(values));
  }

  const TensorType& type() const { return type_; }
  const Shape& shape() const { return type_.shape; }
  DataType data_type() const { return type_.data_type; }
  int64_t element_count() const { return *type_.shape.element_count(); }
  size_t byte_count() const;
  void* data() const { return data_; }
  template <class T>
  std::span<const T> values() const {
    return {static_cast<const T*>(data_), static_cast<size_t>(element_count())};
  }
  const std::shared_ptr<void>& owner() const { return owner_; }

 private:
  void copy_from(std::span<const std::byte> bytes);

  TensorType type_;
  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
};

}  // namespace mpsg
