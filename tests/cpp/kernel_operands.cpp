#include "kernel_operands.h"

#include <sys/mman.h>
#include <unistd.h>

#include <new>
#include <utility>

namespace mpsg::testing {

GuardedBytes::GuardedBytes(size_t size) : size_(size) {
  const auto page = static_cast<size_t>(sysconf(_SC_PAGESIZE));
  const size_t used = (size + page - 1) / page * page;
  mapped_ = used + 2 * page;
  mapping_ = mmap(nullptr, mapped_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapping_ == MAP_FAILED) throw std::bad_alloc();
  auto* const base = static_cast<std::byte*>(mapping_);
  mprotect(base, page, PROT_NONE);
  mprotect(base + page + used, page, PROT_NONE);
  data_ = base + page + used - size;
}

GuardedBytes::GuardedBytes(GuardedBytes&& other) noexcept
    : mapping_(std::exchange(other.mapping_, nullptr)),
      mapped_(other.mapped_),
      data_(other.data_),
      size_(other.size_) {}

GuardedBytes::~GuardedBytes() {
  if (mapping_) munmap(mapping_, mapped_);
}

Reach reach_of(const StitchedKernel& kernel, const KernelAccess& access) {
  Reach reach{0, 0};
  for (size_t d = 0; d < access.strides.size(); ++d) {
    const int64_t extent = d < kernel.extents.size() ? kernel.extents[d] : kernel.chunks;
    if (extent == 0 && access.strides[d] != 0) return {};
    const int64_t far = access.strides[d] * (extent - 1);
    (far < 0 ? reach.first : reach.last) += extent > 0 ? far : 0;
  }
  return reach;
}

KernelRange whole(const StitchedKernel& kernel) {
  return {0, kernel.parallel_count(), 0, kernel.extents.back(), false};
}

void call_kernel(KernelFunction function, const StitchedKernel& kernel,
                 std::span<void* const> operands, const KernelRange& range) {
  std::vector<int64_t> strides, offsets;
  for (const auto& access : kernel.accesses) {
    strides.insert(strides.end(), access.strides.begin(), access.strides.end());
    offsets.push_back(access.offset);
  }
  const GuardedBytes scratch(kernel.scratch_bytes());  // whole cache lines, so it is aligned
  KernelCall call{};
  call.operands = operands.data();
  call.extents = kernel.extents.data();
  call.strides = strides.data();
  call.offsets = offsets.data();
  call.arguments = kernel.arguments.data();
  call.chunks = kernel.chunks;
  call.begin = range.begin;
  call.end = range.end;
  call.lane_begin = range.lane_begin;
  call.lane_end = range.lane_end;
  call.scratch = scratch.data();
  call.streaming = range.streaming;
  function(&call);
}

}  // namespace mpsg::testing
