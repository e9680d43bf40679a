#include "backends/cpu/llvm/perf_map.h"

#include <unistd.h>

#include <cstdio>
#include <mutex>
#include <string_view>

#include "graph/environment.h"

namespace mpsg {

void note_for_perf(const void* address, size_t bytes, const std::string& function) {
  static const bool wanted = [] {
    const char* const text = environment_value("MPSG_PERF");
    return text && std::string_view(text) == "1";
  }();
  if (!wanted) return;
  static std::mutex mutex;
  const std::lock_guard lock(mutex);
  const auto path = "/tmp/perf-" + std::to_string(getpid()) + ".map";
  std::FILE* const file = std::fopen(path.c_str(), "a");
  if (!file) return;
  std::fprintf(file, "%zx %zx %s\n", reinterpret_cast<size_t>(address), bytes, function.c_str());
  std::fclose(file);
}

}  // namespace mpsg
