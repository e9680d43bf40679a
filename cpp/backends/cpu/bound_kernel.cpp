#include "backends/cpu/bound_kernel.h"

#include <utility>

namespace mpsg {

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
  call_.extents = numbers_.data();
  call_.strides = call_.extents + kernel.extents.size();
  call_.offsets = call_.strides + kernel.accesses.size() * (kernel.extents.size() + 1);
  call_.chunks = kernel.chunks;
}

}  // namespace mpsg
