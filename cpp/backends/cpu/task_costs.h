// How much work a task of a stitched kernel has, in named numbers.
#pragma once

#include <cstddef>
#include <cstdint>

namespace mpsg {

inline constexpr size_t most_operands = 64;
// In costs of element_costs.h, of which a thread does about 30 a nanosecond.
inline constexpr int64_t least_task_cost = 32 << 10;
inline constexpr int64_t worth_waking_cost = 640 << 10;
inline constexpr int64_t tasks_per_thread = 4;
// Pieces of the lane end where no vector and no cache line is torn.
inline constexpr int64_t lane_granularity = 256;

inline int64_t divided_up(int64_t a, int64_t b) { return (a + b - 1) / b; }

}  // namespace mpsg
