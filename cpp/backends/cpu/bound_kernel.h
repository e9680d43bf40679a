// A compiled kernel with the extents, strides and offsets of one step.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "backends/cpu/kernel_compiler.h"
#include "graph/stitched_kernel.h"

namespace mpsg {

class BoundKernel {
 public:
  BoundKernel(const StitchedKernel& kernel, std::shared_ptr<const CompiledKernel> code);
  BoundKernel(const BoundKernel&) = delete;
  BoundKernel& operator=(const BoundKernel&) = delete;

  int64_t positions() const { return positions_; }  // parallel ones, chunks included
  int64_t lane() const { return lane_; }
  bool is_map() const { return is_map_; }
  size_t scratch_bytes() const { return scratch_bytes_; }  // a multiple of 64
  const CompiledKernel& code() const { return *code_; }

  void run(void* const* operands, int64_t begin, int64_t end, int64_t lane_begin, int64_t lane_end,
           void* scratch) const {
    KernelCall call = call_;
    call.operands = operands;
    call.begin = begin;
    call.end = end;
    call.lane_begin = lane_begin;
    call.lane_end = lane_end;
    call.scratch = scratch;
    function_(&call);
  }

 private:
  std::shared_ptr<const CompiledKernel> code_;
  KernelFunction function_;
  std::vector<int64_t> numbers_;  // extents, strides, offsets, arguments
  KernelCall call_{};
  int64_t positions_;
  int64_t lane_;
  bool is_map_;
  size_t scratch_bytes_;
};

}  // namespace mpsg
