// Memory for a stitched kernel's operands, in which every access outside ends at once, and how a
// kernel is called.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "graph/stitched_kernel.h"

namespace mpsg::testing {

/// Bytes that end where a page without access begins.
class GuardedBytes {
 public:
  explicit GuardedBytes(size_t size);
  GuardedBytes(GuardedBytes&& other) noexcept;
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  ~GuardedBytes();

  std::byte* data() const { return data_; }
  std::span<std::byte> bytes() const { return {data_, size_}; }

 private:
  void* mapping_ = nullptr;
  size_t mapped_ = 0;
  std::byte* data_ = nullptr;
  size_t size_ = 0;
};

/// First and last element that an access without a dynamic offset reaches, counted without its
/// offset; {0, -1} if none.
struct Reach {
  int64_t first = 0, last = -1;
};
Reach reach_of(const StitchedKernel& kernel, const KernelAccess& access);

/// Calls `function` on positions [begin, end) and lanes [lane_begin, lane_end).
struct KernelRange {
  int64_t begin = 0, end = 0, lane_begin = 0, lane_end = 0;
  bool streaming = false;
};
KernelRange whole(const StitchedKernel& kernel);
void call_kernel(KernelFunction function, const StitchedKernel& kernel,
                 std::span<void* const> operands, const KernelRange& range);

}  // namespace mpsg::testing
