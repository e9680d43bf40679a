#include "graph/system_memory.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <limits>
#include <string>
#include <thread>

namespace mpsg {
namespace {

constexpr auto unknown = std::numeric_limits<uint64_t>::max();

/// A file that holds one number; `unknown` if it does not exist or says "max".
uint64_t number_in(const char* path) {
  std::ifstream file(path);
  uint64_t value = 0;
  return file >> value ? value : unknown;
}

/// MemAvailable of /proc/meminfo: what can be had without swapping.
uint64_t available_to_machine() {
  std::ifstream file("/proc/meminfo");
  std::string key, unit;
  uint64_t kibibytes = 0;
  while (file >> key >> kibibytes) {
    if (key == "MemAvailable:") return kibibytes * 1024;
    std::getline(file, unit);
  }
  return unknown;
}

}  // namespace

uint64_t usable_memory_bytes() {
  const auto machine = static_cast<uint64_t>(sysconf(_SC_PHYS_PAGES)) *
                       static_cast<uint64_t>(sysconf(_SC_PAGE_SIZE));
  return std::min(machine, number_in("/sys/fs/cgroup/memory.max"));
}

uint64_t free_memory_bytes() {
  auto left = std::min(available_to_machine(), usable_memory_bytes());
  const auto limit = number_in("/sys/fs/cgroup/memory.max");
  const auto used = number_in("/sys/fs/cgroup/memory.current");
  if (limit != unknown && used != unknown) left = std::min(left, limit > used ? limit - used : 0);
  return left;
}

int64_t last_cache_bytes() {
  // Not sysconf: the C library multiplies by the number of processors on some machines.
  static const int64_t known = [] {
    constexpr int64_t guess = int64_t{32} << 20;
    std::ifstream file("/sys/devices/system/cpu/cpu0/cache/index3/size");
    int64_t size = 0;
    char unit = 0;
    if (!(file >> size) || size <= 0) return guess;
    file >> unit;
    const int64_t all = size << (unit == 'K' ? 10 : unit == 'M' ? 20 : 0);
    // A virtual machine is told of the host's whole cache, of which its processors have a share.
    constexpr int64_t most_of_processor = int64_t{16} << 20;
    const auto processors = std::max<int64_t>(1, std::thread::hardware_concurrency());
    return std::min(all, processors * most_of_processor);
  }();
  return known;
}

}  // namespace mpsg
