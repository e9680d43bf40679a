// Which results of a step may be written over one of its operands.
#pragma once

#include <cstddef>

#include "compiler/plan.h"
#include "graph/graph_data.h"

namespace mpsg {

/// May result `output` of the operation be written into the memory of operand `input`? Both count
/// as in the operation: with a root its operands and its result come first.
bool may_write_over(const Node& node, const GraphData& graph, size_t input, size_t output);
/// The same for a step.
bool may_write_over(const Plan& plan, const PlanStep& step, size_t input, size_t output);

/// The operand of the region's kernel (which has no further segments) that operand `input` of the
/// step is; -1: the root's.
int32_t kernel_input(const StitchedRegion& region, size_t input);
/// The operand of the region's kernel that result `output` of the step is; -1: the root's.
int32_t kernel_output(const StitchedRegion& region, size_t output);

}  // namespace mpsg
