// Which strip kernels this processor can execute.
#include "backends/cpu/contraction/convolution_strips.h"

#include <array>

#include "backends/cpu/contraction/convolution_strip_sets.h"

namespace mpsg::contraction {
namespace {

struct Available {
  std::array<const StripKernels*, 3> kernels{};
  size_t count = 0;

  void add(const StripKernels* set) {
    if (set) kernels[count++] = set;
  }
};

Available find_available() {
  Available all;
#if defined(__x86_64__)
  // What the build lets the compiler use in that file.
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl") &&
      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512bw"))
    all.add(strip_kernels_avx512());
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma"))
    all.add(strip_kernels_avx2());
#endif
  all.add(strip_kernels_baseline());
  return all;
}

}  // namespace

std::span<const StripKernels* const> available_strip_kernels() {
  static const Available all = find_available();
  return {all.kernels.data(), all.count};
}

}  // namespace mpsg::contraction
