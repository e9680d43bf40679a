#include <cstdlib>
#include <cstring>
#include <new>

#include "graph/system_memory.h"
#include "mpsg/attribute.h"
#include "mpsg/error.h"

namespace mpsg {

std::shared_ptr<Bytes> Bytes::allocate(size_t size) {
  constexpr size_t alignment = 64;
  constexpr size_t worth_asking = size_t{1} << 28;  // below, asking costs more than it can save
  if (size > SIZE_MAX - alignment) throw ExecutionError("a tensor larger than the address space");
  if (size >= worth_asking && size > free_memory_bytes())
    throw ExecutionError("out of memory: " + std::to_string(size) + " bytes are needed, " +
                         std::to_string(free_memory_bytes()) + " are free");
  std::shared_ptr<Bytes> bytes(new Bytes());
  const size_t padded = (size + alignment) / alignment * alignment;
  bytes->data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, padded));
  if (!bytes->data_)
    throw ExecutionError("out of memory: " + std::to_string(size) +
                         " bytes could not be allocated");
  bytes->size_ = size;
  return bytes;
}

std::shared_ptr<const Bytes> Bytes::copy(std::span<const std::byte> source) {
  auto bytes = allocate(source.size());
  if (!source.empty()) std::memcpy(bytes->mutable_data(), source.data(), source.size());
  return bytes;
}

Bytes::~Bytes() { std::free(data_); }

}  // namespace mpsg
