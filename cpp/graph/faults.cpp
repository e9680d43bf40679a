#include "graph/faults.h"

#include <iterator>
#include <mutex>
#include <string>

#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr std::string_view names[] = {"allocation", "kernel_compilation", "step", "write"};

// Only tests come here, so a lock is cheap enough.
struct Injection {
  std::mutex mutex;
  FaultPoint point{};
  uint64_t nth = 0;
  uint64_t failures = 0;
  uint64_t passed = 0;
};
Injection injection;

}  // namespace

void faults::pass(FaultPoint point) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(injection.mutex);
    if (!armed.load(std::memory_order_relaxed) || point != injection.point) return;
    number = ++injection.passed;
    if (number < injection.nth || number - injection.nth >= injection.failures) return;
  }
  throw ExecutionError("injected fault: " + std::string(fault_point_name(point)) + ' ' +
                       std::to_string(number));
}

void inject_fault(FaultPoint point, uint64_t nth, uint64_t failures) {
  if (nth == 0) throw GraphError("faults are counted from 1");
  const std::lock_guard lock(injection.mutex);
  injection.point = point;
  injection.nth = nth;
  injection.failures = failures;
  injection.passed = 0;
  faults::armed.store(true, std::memory_order_relaxed);
}

void stop_faults() {
  const std::lock_guard lock(injection.mutex);
  faults::armed.store(false, std::memory_order_relaxed);
}

uint64_t fault_count() {
  const std::lock_guard lock(injection.mutex);
  return injection.passed;
}

std::string_view fault_point_name(FaultPoint point) { return names[static_cast<size_t>(point)]; }

FaultPoint fault_point_named(std::string_view name) {
  std::string known;
  for (size_t i = 0; i < std::size(names); ++i) {
    if (names[i] == name) return static_cast<FaultPoint>(i);
    known += (i == 0 ? "" : ", ") + std::string(names[i]);
  }
  throw GraphError("no fault point is named '" + std::string(name) + "'; there are " + known);
}

}  // namespace mpsg
