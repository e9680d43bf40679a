#include "compiler/in_place.h"

#include <numeric>

namespace mpsg {
namespace {

/// Segments run at the same time: none may write over what another one reads.
bool segments_may(const StitchedRegion& region, size_t input, size_t output) {
  const auto inputs = static_cast<size_t>(region.kernel.input_count());
  const auto outputs = region.kernel.operands.size() - inputs;
  if (input / inputs != output / outputs) return false;
  return may_overwrite(region.segment(input / inputs), static_cast<int32_t>(input % inputs),
                       static_cast<int32_t>(inputs + output % outputs));
}

bool region_may(const StitchedRegion& region, size_t input, size_t output) {
  if (!region.further.empty()) return segments_may(region, input, output);
  const auto from = kernel_input(region, input), to = kernel_output(region, output);
  return from >= 0 && to >= 0 && may_overwrite(region.kernel, from, to);
}

bool same_elements(const TensorType& a, const TensorType& b) {
  return a.shape == b.shape && size_of(a.data_type) == size_of(b.data_type);
}

}  // namespace

int32_t kernel_input(const StitchedRegion& region, size_t input) {
  if (!region.root) return static_cast<int32_t>(input);
  const auto of_root = static_cast<size_t>(
      std::accumulate(region.root_segments.begin(), region.root_segments.end(), int32_t{0}));
  return input < of_root ? -1 : static_cast<int32_t>(input - of_root) + 1;
}

int32_t kernel_output(const StitchedRegion& region, size_t output) {
  if (region.root && output == 0) return -1;
  return region.kernel.input_count() + static_cast<int32_t>(output) - (region.root ? 1 : 0);
}

bool may_write_over(const Node& node, const GraphData& graph, size_t input, size_t output) {
  if (node.stitched) return region_may(*node.stitched, input, output);
  return node.row->traits.elementwise &&
         same_elements(graph.type(node.inputs[input]), node.outputs[output]);
}

bool may_write_over(const Plan& plan, const PlanStep& step, size_t input, size_t output) {
  if (step.stitched) return region_may(*step.stitched, input, output);
  return step.row->traits.elementwise &&
         same_elements(plan.values[static_cast<size_t>(step.inputs[input])].type,
                       plan.values[static_cast<size_t>(step.outputs[output])].type);
}

}  // namespace mpsg
