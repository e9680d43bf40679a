// Memory of results, used again: a freed block is kept, by size, for the next result. The pages of
// a large result are touched (and zeroed by the system) once, not in every run.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>

namespace mpsg {

class BufferPool {
 public:
  /// The one of this process. It outlives everything, so that buffers may be let go at any time.
  static BufferPool& shared();

  explicit BufferPool(size_t limit) : limit_(limit) {}
  ~BufferPool() { trim(); }  // no buffer may be alive
  BufferPool(const BufferPool&) = delete;
  BufferPool& operator=(const BufferPool&) = delete;

  /// At least `bytes`, 64-byte aligned, not initialised; back here when the last owner lets go.
  /// Throws ExecutionError.
  std::shared_ptr<void> take(size_t bytes);
  /// Gives all free blocks to the system.
  void trim();
  /// Free blocks above this are given to the system, those that were not used for long first.
  void set_limit(size_t bytes);

  struct Statistics {
    uint64_t reused = 0;
    uint64_t allocated = 0;
    size_t free_bytes = 0;
    size_t limit = 0;
  };
  Statistics statistics();

 private:
  struct Block;
  template <class T>
  struct ControlAllocator;
  static constexpr size_t class_count = 256;

  Block* find(size_t size_class);
  void give(Block* block) noexcept;
  void unlink(Block* block) noexcept;
  void shrink_to(size_t bytes) noexcept;

  std::mutex mutex_;
  std::array<Block*, class_count> free_{};  // most recently used first
  Block* newest_ = nullptr;                 // all free blocks, by age
  Block* oldest_ = nullptr;
  size_t limit_;
  Statistics statistics_;
};

}  // namespace mpsg
