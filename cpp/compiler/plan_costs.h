// What a step moves and computes, from its shapes: for estimates before a run and figures after it.
#pragma once

#include <cstddef>

#include "compiler/plan.h"

namespace mpsg {

struct StepCost {
  size_t bytes = 0;       // of operands and results, each once
  double operations = 0;  // arithmetic ones: a multiplication and an addition count as two
};

StepCost cost_of(const Plan& plan, const PlanStep& step);

/// A rough guess of a run's length: is it worth waking threads, or letting others go ahead?
double estimate_seconds(const Plan& plan);

}  // namespace mpsg
