#include <cstring>

#include "graph/buffer_pool.h"
#include "graph/faults.h"
#include "graph/page_memory.h"
#include "mpsg/attribute.h"
#include "mpsg/error.h"

namespace mpsg {

std::shared_ptr<Bytes> Bytes::allocate(size_t size) {
  fault_here(FaultPoint::allocation);
  std::shared_ptr<Bytes> bytes(new Bytes());
  try {
    bytes->memory_ = std::make_unique<PageMemory>(size);
  } catch (const ExecutionError&) {
    BufferPool::shared().trim();  // what the pool of results keeps may be what is missing
    bytes->memory_ = std::make_unique<PageMemory>(size);
  }
  bytes->data_ = bytes->memory_->data();
  bytes->size_ = size;
  return bytes;
}

std::shared_ptr<const Bytes> Bytes::copy(std::span<const std::byte> source) {
  auto bytes = allocate(source.size());
  if (!source.empty()) std::memcpy(bytes->mutable_data(), source.data(), source.size());
  return bytes;
}

Bytes::Bytes() = default;
Bytes::~Bytes() = default;

}  // namespace mpsg
