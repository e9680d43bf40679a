// A block of memory: aligned, and on huge pages where it is large and the system has them.
#pragma once

#include <cstddef>

namespace mpsg {

/// Owns its block. 64-byte aligned, not initialised.
class PageMemory {
 public:
  PageMemory() = default;
  /// Throws ExecutionError if the memory is not to be had, before any page is touched.
  explicit PageMemory(size_t bytes);
  ~PageMemory();
  PageMemory(PageMemory&& other) noexcept;
  PageMemory& operator=(PageMemory&& other) noexcept;

  std::byte* data() const { return data_; }
  size_t size() const { return size_; }

 private:
  void release() noexcept;

  std::byte* data_ = nullptr;
  size_t size_ = 0;
  size_t mapped_ = 0;  // 0: from the heap
};

}  // namespace mpsg
