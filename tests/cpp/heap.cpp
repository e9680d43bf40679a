#include "heap.h"

#include <atomic>
#include <cstdlib>
#include <limits>
#include <new>

namespace {

constexpr int64_t never = std::numeric_limits<int64_t>::max();

std::atomic<int64_t> allocations{0};
std::atomic<int64_t> first_failure{never};
std::atomic<int64_t> last_failure{never};

void count_allocation() {
  const int64_t number = ++allocations;
  if (number >= first_failure.load(std::memory_order_relaxed) && number <= last_failure.load())
    throw std::bad_alloc();
}

}  // namespace

void* operator new(size_t size) {
  count_allocation();
  if (void* const memory = std::malloc(size > 0 ? size : 1)) return memory;
  throw std::bad_alloc();
}
void* operator new(size_t size, std::align_val_t alignment) {
  count_allocation();
  const auto unit = static_cast<size_t>(alignment);
  if (void* const memory = std::aligned_alloc(unit, (size + unit) / unit * unit)) return memory;
  throw std::bad_alloc();
}
// The library's own forms of these two would not be freed by what is below.
void* operator new(size_t size, const std::nothrow_t&) noexcept {
  try {
    return operator new(size);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void* operator new[](size_t size, const std::nothrow_t&) noexcept {
  return operator new(size, std::nothrow);
}
void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, size_t, std::align_val_t) noexcept { std::free(memory); }

namespace mpsg::testing {

int64_t heap_allocations() { return allocations.load(); }

HeapFailure::HeapFailure(int64_t nth, int64_t failures) : nth_(allocations.load() + nth) {
  last_failure = failures > never - nth_ ? never - 1 : nth_ + failures - 1;
  first_failure = nth_;
}

HeapFailure::~HeapFailure() { first_failure = never; }

bool HeapFailure::fired() const { return allocations.load() >= nth_; }

}  // namespace mpsg::testing
