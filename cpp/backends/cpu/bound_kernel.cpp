#include "backends/cpu/bound_kernel.h"

#include <algorithm>
#include <utility>

#include "graph/system_memory.h"

namespace mpsg {
namespace {

/// What all operands take together: where that exceeds the caches, results had better not pass
/// through them.
int64_t bytes_walked(const StitchedKernel& kernel) {
  std::vector<int64_t> bytes(kernel.operands.size());
  for (const auto& access : kernel.accesses) {
    const auto operand = static_cast<size_t>(access.operand);
    auto walked = static_cast<int64_t>(size_of(kernel.operands[operand].type));
    for (size_t d = 0; d < kernel.extents.size(); ++d)
      if (access.strides[d] != 0) walked *= kernel.extents[d];
    bytes[operand] = std::max(bytes[operand], walked);
  }
  int64_t sum = 0;
  for (const auto each : bytes) sum += each;
  return sum;
}

}  // namespace

BoundKernel::BoundKernel(const StitchedKernel& kernel, std::shared_ptr<const CompiledKernel> code)
    : code_(std::move(code)),
      function_(code_->function()),
      positions_(kernel.parallel_count()),
      lane_(kernel.extents.back()),
      is_map_(!kernel.reduces()),
      scratch_bytes_((kernel.scratch_bytes() + 63) / 64 * 64) {
  numbers_ = kernel.extents;
  for (const auto& access : kernel.accesses)
    numbers_.insert(numbers_.end(), access.strides.begin(), access.strides.end());
  for (const auto& access : kernel.accesses) numbers_.push_back(access.offset);
  numbers_.insert(numbers_.end(), kernel.arguments.begin(), kernel.arguments.end());
  call_.extents = numbers_.data();
  call_.strides = call_.extents + kernel.extents.size();
  call_.offsets = call_.strides + kernel.accesses.size() * (kernel.extents.size() + 1);
  call_.arguments = call_.offsets + kernel.accesses.size();
  call_.chunks = kernel.chunks;
  call_.streaming = bytes_walked(kernel) >= last_cache_bytes();
}

}  // namespace mpsg
