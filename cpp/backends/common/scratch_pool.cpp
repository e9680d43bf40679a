#include "backends/common/scratch_pool.h"

#include <algorithm>
#include <memory>

#include "graph/buffer_pool.h"
#include "graph/fork_safety.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t most_others = 3;  // blocks kept beside the spare one
constexpr size_t worth_freeing = size_t{16} << 20;

/// A little larger batch must not begin with fresh pages again: address space is free, and pages
/// that nobody touches cost nothing.
size_t with_room_to_grow(size_t bytes) {
  const size_t wanted = std::max<size_t>(bytes * 2, size_t{1} << 16);
  return bytes < (size_t{1} << 27) ? wanted : bytes;
}

}  // namespace

ScratchPool& ScratchPool::shared() {
  static ScratchPool* const pool = [] {
    auto* const made = new ScratchPool();  // never destroyed: a program may end after statics
    at_fork({[] { shared().mutex_.lock(); }, [] { shared().mutex_.unlock(); },
             [] { shared().mutex_.unlock(); }});
    return made;
  }();
  return *pool;
}

PageMemory* ScratchPool::take(size_t bytes) {
  PageMemory* const spare = spare_.exchange(nullptr, std::memory_order_acquire);
  if (spare && spare->size() >= bytes) return spare;
  return take_other(bytes, spare);
}

PageMemory* ScratchPool::take_other(size_t bytes, PageMemory* too_small) {
  {
    const std::lock_guard lock(mutex_);
    const auto found = std::ranges::find_if(
        others_, [&](const PageMemory* memory) { return memory->size() >= bytes; });
    if (found != others_.end()) {
      PageMemory* const memory = *found;
      others_.erase(found);
      if (too_small) others_.push_back(too_small);
      return memory;
    }
  }
  delete too_small;
  try {
    return new PageMemory(with_room_to_grow(bytes));
  } catch (const ExecutionError&) {
    BufferPool::shared().trim();
    return new PageMemory(bytes);
  }
}

void ScratchPool::give(PageMemory* memory) noexcept {
  PageMemory* const before = spare_.exchange(memory, std::memory_order_acq_rel);
  if (!before) return;
  const std::lock_guard lock(mutex_);
  if (others_.size() < most_others) others_.push_back(before);
  else delete before;
}

void ScratchPool::add_need(size_t bytes) {
  const std::lock_guard lock(mutex_);
  needs_.insert(bytes);
}

void ScratchPool::remove_need(size_t bytes) {
  const std::lock_guard lock(mutex_);
  needs_.erase(needs_.find(bytes));
  const size_t needed = needs_.empty() ? 0 : *needs_.rbegin();
  const auto oversized = [&](const PageMemory* memory) {
    return memory->size() > worth_freeing && memory->size() / 4 > needed;
  };
  std::erase_if(others_, [&](PageMemory* memory) {
    if (!oversized(memory)) return false;
    delete memory;
    return true;
  });
  PageMemory* const spare = spare_.exchange(nullptr, std::memory_order_acquire);
  if (!spare) return;
  if (oversized(spare)) {
    delete spare;
    return;
  }
  PageMemory* expected = nullptr;
  if (!spare_.compare_exchange_strong(expected, spare, std::memory_order_release))
    others_.push_back(spare);
}

}  // namespace mpsg
