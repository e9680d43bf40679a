#include "mpsg/tensor_data.h"

#include <cstring>

#include "graph/buffer_pool.h"
#include "mpsg/error.h"
#include "runtime/queues/pending_data.h"

namespace mpsg {

TensorData::TensorData(const TensorType& type) : type_(type) {
  const auto count = type.shape.element_count();
  if (!count) throw FeedError("data cannot have an unknown size: " + type.to_string());
  size_t bytes = 0;
  if (__builtin_mul_overflow(static_cast<size_t>(*count), size_of(type.data_type), &bytes))
    throw ExecutionError(type.to_string() + " is larger than the address space");
  owner_ = BufferPool::shared().take(bytes);
  data_ = owner_.get();
}

TensorData::TensorData(const TensorType& type, void* memory, std::shared_ptr<void> owner)
    : type_(type), data_(memory), owner_(std::move(owner)) {
  if (!type.shape.is_static())
    throw FeedError("data cannot have an unknown size: " + type.to_string());
}

size_t TensorData::byte_count() const {
  return static_cast<size_t>(element_count()) * size_of(type_.data_type);
}

bool TensorData::ready() const { return !pending_ || pending_->task()->done(); }

void TensorData::wait() const {
  CallerLock none;
  if (pending_) pending_->wait(none);
}

const TensorData& TensorData::settled() const {
  if (!pending_) return *this;
  wait();
  return pending_->late_value() ? *pending_->late_value() : *this;
}

void TensorData::copy_from(std::span<const std::byte> bytes) {
  if (bytes.size() != byte_count())
    throw FeedError(std::to_string(bytes.size()) + " bytes given for " + type_.to_string() +
                    ", which has " + std::to_string(byte_count()));
  if (!bytes.empty()) std::memcpy(data_, bytes.data(), bytes.size());
}

}  // namespace mpsg
