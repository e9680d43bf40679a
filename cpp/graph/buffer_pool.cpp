#include "graph/buffer_pool.h"

#include <algorithm>
#include <bit>
#include <utility>

#include "graph/faults.h"
#include "graph/fork_safety.h"
#include "graph/page_memory.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t smallest = 64;
constexpr size_t steps_an_octave = 4;

/// Sizes grow in steps of a quarter of a power of two: at most a fifth of a block is unused.
struct SizeClass {
  size_t index;
  size_t bytes;
};
SizeClass size_class_of(size_t bytes) {
  if (bytes <= smallest) return {0, smallest};
  const auto octave = static_cast<size_t>(std::bit_width(bytes - 1)) - 1;  // 2^octave < bytes
  const size_t step = (size_t{1} << octave) / steps_an_octave;
  const size_t steps = (bytes - (size_t{1} << octave) + step - 1) / step;  // 1 ... 4
  return {(octave - 6) * steps_an_octave + steps, (size_t{1} << octave) + steps * step};
}

size_t default_limit() {
  return std::clamp<size_t>(usable_memory_bytes() / 16, size_t{64} << 20, size_t{1} << 30);
}

}  // namespace

struct BufferPool::Block {
  PageMemory memory;
  size_t size_class = 0;
  Block* newer = nullptr;  // among all free blocks
  Block* older = nullptr;
  Block* next = nullptr;  // among those of its class
  Block* previous = nullptr;
  alignas(std::max_align_t) std::byte control[96];  // of its owners' shared_ptr
};

/// Puts the reference counts into the block itself: an owner costs no allocation. The block is free
/// when the counts are.
template <class T>
struct BufferPool::ControlAllocator {
  using value_type = T;
  BufferPool* pool;
  Block* block;
  ControlAllocator(BufferPool* pool, Block* block) : pool(pool), block(block) {}
  template <class Other>
  ControlAllocator(const ControlAllocator<Other>& other) : pool(other.pool), block(other.block) {}
  T* allocate(size_t) {
    static_assert(sizeof(T) <= sizeof(Block::control));
    return reinterpret_cast<T*>(block->control);
  }
  void deallocate(T*, size_t) noexcept { pool->give(block); }
  bool operator==(const ControlAllocator& other) const = default;
};

BufferPool& BufferPool::shared() {
  static BufferPool* const pool = [] {
    auto* const made = new BufferPool(default_limit());  // never destroyed
    // A child must not inherit the lock from a thread that does not exist there.
    at_fork({[] { shared().mutex_.lock(); }, [] { shared().mutex_.unlock(); },
             [] { shared().mutex_.unlock(); }});
    return made;
  }();
  return *pool;
}

BufferPool::Block* BufferPool::find(size_t size_class) {
  const std::lock_guard lock(mutex_);
  Block* const block = free_[size_class];
  if (block) {
    unlink(block);
    ++statistics_.reused;
  } else {
    ++statistics_.allocated;
  }
  return block;
}

std::shared_ptr<void> BufferPool::take(size_t bytes) {
  fault_here(FaultPoint::allocation);
  if (bytes > SIZE_MAX / 4) throw ExecutionError("a tensor larger than the address space");
  const auto wanted = size_class_of(bytes);
  Block* block = find(wanted.index);
  if (!block) {
    auto made = std::make_unique<Block>();
    made->size_class = wanted.index;
    try {
      made->memory = PageMemory(wanted.bytes);
    } catch (const ExecutionError&) {
      trim();  // what other sizes hold may be what is missing
      made->memory = PageMemory(wanted.bytes);
    }
    block = made.release();
  }
  return {block->memory.data(), [](void*) {}, ControlAllocator<char>(this, block)};
}

void BufferPool::give(Block* block) noexcept {
  const std::lock_guard lock(mutex_);
  block->older = newest_;
  block->newer = nullptr;
  (newest_ ? newest_->newer : oldest_) = block;
  newest_ = block;
  auto& first = free_[block->size_class];
  block->previous = nullptr;
  block->next = first;
  if (first) first->previous = block;
  first = block;
  statistics_.free_bytes += block->memory.size();
  if (statistics_.free_bytes > limit_) shrink_to(limit_);
}

void BufferPool::unlink(Block* block) noexcept {
  (block->newer ? block->newer->older : newest_) = block->older;
  (block->older ? block->older->newer : oldest_) = block->newer;
  (block->previous ? block->previous->next : free_[block->size_class]) = block->next;
  if (block->next) block->next->previous = block->previous;
  statistics_.free_bytes -= block->memory.size();
}

void BufferPool::shrink_to(size_t bytes) noexcept {
  while (statistics_.free_bytes > bytes) {
    Block* const block = oldest_;
    unlink(block);
    delete block;
  }
}

void BufferPool::trim() {
  const std::lock_guard lock(mutex_);
  shrink_to(0);
}

void BufferPool::set_limit(size_t bytes) {
  const std::lock_guard lock(mutex_);
  limit_ = bytes;
  shrink_to(limit_);
}

BufferPool::Statistics BufferPool::statistics() {
  const std::lock_guard lock(mutex_);
  auto result = statistics_;
  result.limit = limit_;
  return result;
}

}  // namespace mpsg
