#include "graph/environment.h"

#include <cstdlib>
#include <cstring>
#include <string>

#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr EnvironmentVariable variables[] = {
    {"MPSG_CACHE_DIR", "",
     "A folder in which generated kernels are kept between processes. Not set: none are."},
    {"MPSG_DEBUG", "0",
     "What is written to the standard error: 1 devices, times of compilations and runs; 2 a line "
     "for each kernel of a run with GB/s and GFLOP/s; 3 regions and why each ended; 4 the graph "
     "after every pass; 5 generated code. Each level includes those below."},
    {"MPSG_NUM_THREADS", "processors", "Threads of the CPU device, the calling one included."},
    {"MPSG_PERF", "0", "1 tells Linux' perf the names of generated kernels."},
    {"MPSG_STITCH", "1", "0 runs every operation as a kernel of its own."},
};

}  // namespace

std::span<const EnvironmentVariable> environment_variables() { return variables; }

const char* environment_value(const char* name) {
  for (const auto& variable : variables) {
    if (std::strcmp(variable.name, name) != 0) continue;
    const char* const value = std::getenv(name);
    return value && *value ? value : nullptr;
  }
  throw InternalError("the environment variable " + std::string(name) + " is in no table");
}

bool debugging(DebugLevel level) {
  static const int wanted = [] {
    const char* const value = environment_value("MPSG_DEBUG");
    return value ? std::atoi(value) : 0;
  }();
  return wanted >= static_cast<int>(level);
}

}  // namespace mpsg
