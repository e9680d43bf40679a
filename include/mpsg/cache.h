// The cache of executables of this process: what it holds, and how much it may.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "mpsg/export.h"

namespace mpsg::cache {

struct Statistics {
  uint64_t hits = 0;
  uint64_t misses = 0;
  uint64_t evictions = 0;
  size_t entries = 0;
  size_t bytes = 0;  // about: constants, plans, code
  size_t count_limit = 0;
  size_t byte_limit = 0;
  double compile_milliseconds = 0;  // of whole executables
  uint64_t feeds_by_value = 0;      // feeds that decided a shape and entered a key by value
  uint64_t kernels_compiled = 0;
  uint64_t kernels_reused = 0;
  uint64_t kernel_disk_hits = 0;
  double kernel_compile_milliseconds = 0;
  size_t code_bytes = 0;
  size_t pooled_bytes = 0;  // memory of dropped results, kept for the next ones
};

MPSG_API Statistics statistics();
/// Drops all executables and pooled memory. Those that somebody holds stay alive.
MPSG_API void clear();
/// The least recently used executables go when there are more. nullopt: as it is.
MPSG_API void limit(std::optional<size_t> count, std::optional<size_t> bytes);

}  // namespace mpsg::cache
