// What MPSG_DEBUG writes about compilations and runs.
#pragma once

#include <chrono>
#include <span>

#include "mpsg/executable.h"

namespace mpsg {

/// Level 1: the device and the times; 5: the generated code. (The compiler shows 3 and 4.)
void debug_compiled(const Executable& executable, double plan_milliseconds,
                    double kernel_milliseconds);
/// Level 1: the time of a run; 2: a line for each kernel (`times` may be empty).
void debug_ran(const Executable& executable, std::span<const StepTime> times,
               std::chrono::nanoseconds elapsed);

}  // namespace mpsg
