// How much memory this process may still take. Linux gives more address space than memory, so this
// is asked before pages are touched.
#pragma once

#include <cstdint>

namespace mpsg {

/// The cgroup's limit, else the machine's memory.
uint64_t usable_memory_bytes();
/// What is left of it now, as far as the system tells.
uint64_t free_memory_bytes();

/// Of the last level of cache that the first processor has, as far as it can count on it; a guess
/// where the system does not say.
int64_t last_cache_bytes();

}  // namespace mpsg
