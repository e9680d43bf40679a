// Environment variables. All are read here, and listed in one table with what they mean.
#pragma once

#include <span>

namespace mpsg {

struct EnvironmentVariable {
  const char* name;
  const char* default_value;
  const char* meaning;
};

/// Every variable that mpsg reads, in alphabetical order.
std::span<const EnvironmentVariable> environment_variables();
/// The value of one of them; nullptr: not set, or empty. Throws InternalError for names that the
/// table lacks.
const char* environment_value(const char* name);

/// MPSG_DEBUG, read once. Each level says more than the one before.
enum class DebugLevel { quiet, times, kernels, regions, graphs, code };
bool debugging(DebugLevel level);

}  // namespace mpsg
