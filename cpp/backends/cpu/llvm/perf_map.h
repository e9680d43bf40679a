// Names of generated functions for Linux' perf, if MPSG_PERF=1: /tmp/perf-<process>.map.
#pragma once

#include <cstddef>
#include <string>

namespace mpsg {

void note_for_perf(const void* address, size_t bytes, const std::string& function);

}  // namespace mpsg
