// Which micro-kernels this processor can execute.
#include "backends/cpu/contraction/micro_kernels.h"

#include <vector>

#include "backends/cpu/contraction/instruction_sets.h"

namespace mpsg::contraction {
namespace {

bool processor_has_avx512() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
         __builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512vl");
#else
  return false;
#endif
}

bool processor_has_avx2() {
#if defined(__x86_64__)
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
#else
  return false;
#endif
}

std::vector<const MicroKernels*> detect() {
  std::vector<const MicroKernels*> found;
  if (processor_has_avx512() && micro_kernels_avx512()) found.push_back(micro_kernels_avx512());
  if (processor_has_avx2() && micro_kernels_avx2()) found.push_back(micro_kernels_avx2());
  if (micro_kernels_neon()) found.push_back(micro_kernels_neon());
  found.push_back(micro_kernels_baseline());
  return found;
}

}  // namespace

std::span<const MicroKernels* const> available_micro_kernels() {
  static const std::vector<const MicroKernels*> found = detect();
  return found;
}

}  // namespace mpsg::contraction
