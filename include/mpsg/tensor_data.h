// TensorData: the value of a tensor (MPSGraphTensorData).
#pragma once

#include <cstddef>
#include <memory>
#include <span>

#include "mpsg/export.h"
#include "mpsg/shape.h"

namespace mpsg {

class PendingData;

/// Packed row-major memory with a type and a shape. A handle: copies share the memory.
///
/// A result of `run_async` or `encode` may be touched at any time: whatever asks for its values
/// (or for a type that is not yet known) waits for the run, and throws the run's error.
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

  const TensorType& type() const { return known() ? type_ : settled().type_; }
  const Shape& shape() const { return type().shape; }
  DataType data_type() const { return type().data_type; }
  int64_t element_count() const { return *shape().element_count(); }
  size_t byte_count() const;
  void* data() const { return pending_ ? settled().data_ : data_; }
  template <class T>
  std::span<const T> values() const {
    return {static_cast<const T*>(data()), static_cast<size_t>(element_count())};
  }
  const std::shared_ptr<void>& owner() const { return known() ? owner_ : settled().owner_; }

  /// Has the run that makes it ended (well or not)?
  bool ready() const;
  /// Until then. Throws the run's error.
  void wait() const;

 private:
  friend class PendingData;
  /// Are type and memory known, though the values may not be there yet?
  bool known() const { return !pending_ || type_.data_type != DataType::invalid; }
  const TensorData& settled() const;
  void copy_from(std::span<const std::byte> bytes);

  TensorType type_;
  void* data_ = nullptr;
  std::shared_ptr<void> owner_;
  std::shared_ptr<const PendingData> pending_;  // nullptr: the values are there
};

}  // namespace mpsg
