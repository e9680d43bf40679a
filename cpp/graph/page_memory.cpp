#include "graph/page_memory.h"

#include <cstdint>
#include <cstdlib>
#include <string>
#include <utility>

#include "graph/faults.h"
#include "graph/system_memory.h"
#include "mpsg/error.h"

#if defined(__unix__) || defined(__APPLE__)
#include <sys/mman.h>
#endif

namespace mpsg {
namespace {

constexpr size_t alignment = 64;
constexpr size_t huge_page = size_t{2} << 20;
constexpr size_t worth_mapping = huge_page;       // smaller blocks come from the heap
constexpr size_t worth_asking = size_t{1} << 28;  // below, asking costs more than it can save

size_t rounded(size_t bytes, size_t unit) { return (bytes + unit - 1) / unit * unit; }

[[noreturn]] void fail(size_t bytes) {
  throw ExecutionError("out of memory: " + std::to_string(bytes) + " bytes could not be allocated");
}

/// Pages of their own, on a huge page's boundary; nullptr if there are none.
std::byte* map_pages(size_t bytes) {
#if defined(__unix__) || defined(__APPLE__)
  const size_t room = bytes + huge_page;
  void* const found =
      mmap(nullptr, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (found == MAP_FAILED) return nullptr;
  auto* const first = static_cast<std::byte*>(found);
  const size_t skipped = (huge_page - reinterpret_cast<uintptr_t>(first) % huge_page) % huge_page;
  std::byte* const begin = first + skipped;
  if (skipped > 0) munmap(first, skipped);
  if (skipped < huge_page) munmap(begin + bytes, huge_page - skipped);
#if defined(MADV_HUGEPAGE)
  // A page fault costs as much as writing a page: one for 2 MiB instead of 512.
  madvise(begin, bytes, MADV_HUGEPAGE);
#endif
  return begin;
#else
  (void)bytes;
  return nullptr;
#endif
}

}  // namespace

PageMemory::PageMemory(size_t bytes) : size_(bytes) {
  fault_here(FaultPoint::allocation);
  if (bytes > SIZE_MAX / 2) throw ExecutionError("a tensor larger than the address space");
  if (bytes >= worth_asking && bytes > free_memory_bytes())
    throw ExecutionError("out of memory: " + std::to_string(bytes) + " bytes are needed, " +
                         std::to_string(free_memory_bytes()) + " are free");
  if (bytes >= worth_mapping) {
    mapped_ = rounded(bytes, size_t{1} << 16);  // whole pages of any system
    data_ = map_pages(mapped_);
    if (!data_) fail(bytes);
    return;
  }
  data_ = static_cast<std::byte*>(std::aligned_alloc(alignment, rounded(bytes + 1, alignment)));
  if (!data_) fail(bytes);
}

PageMemory::~PageMemory() { release(); }

PageMemory::PageMemory(PageMemory&& other) noexcept { *this = std::move(other); }

PageMemory& PageMemory::operator=(PageMemory&& other) noexcept {
  if (this != &other) {
    release();
    data_ = std::exchange(other.data_, nullptr);
    size_ = std::exchange(other.size_, 0);
    mapped_ = std::exchange(other.mapped_, 0);
  }
  return *this;
}

void PageMemory::release() noexcept {
#if defined(__unix__) || defined(__APPLE__)
  if (mapped_ > 0) {
    munmap(data_, mapped_);
    return;
  }
#endif
  std::free(data_);
}

}  // namespace mpsg
