// Faults made on purpose: the tests fail the n-th allocation, compilation, step or write, for all
// n.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

namespace mpsg {

enum class FaultPoint { allocation, kernel_compilation, step, write };

namespace faults {
inline std::atomic<bool> armed{false};
void pass(FaultPoint point);
}  // namespace faults

/// Stands where something of that kind may fail. Throws ExecutionError("injected fault: ...") if a
/// test wants this one to; costs one relaxed load if no test does.
inline void fault_here(FaultPoint point) {
  if (faults::armed.load(std::memory_order_relaxed)) [[unlikely]]
    faults::pass(point);
}

/// From now on the `nth` time (1: the next) that this process comes by the point fails, and so do
/// the following, `failures` in all. One at a time: this ends what was injected before.
void inject_fault(FaultPoint point, uint64_t nth, uint64_t failures = 1);
/// Nothing fails any more.
void stop_faults();
/// How often the point was passed since inject_fault; the fault came if this is `nth` or more.
uint64_t fault_count();

std::string_view fault_point_name(FaultPoint point);
/// Throws GraphError for another name.
FaultPoint fault_point_named(std::string_view name);

/// A fault that is injected as long as this object lives.
class FaultInjection {
 public:
  FaultInjection(FaultPoint point, uint64_t nth, uint64_t failures = 1) : nth_(nth) {
    inject_fault(point, nth, failures);
  }
  ~FaultInjection() { stop_faults(); }
  FaultInjection(const FaultInjection&) = delete;
  FaultInjection& operator=(const FaultInjection&) = delete;

  bool fired() const { return fault_count() >= nth_; }

 private:
  uint64_t nth_;
};

}  // namespace mpsg
