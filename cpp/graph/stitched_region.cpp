// What follows from a kernel's accesses, and regions as text.
#include <algorithm>

#include "graph/op_schema.h"
#include "graph/stitched_kernel.h"
#include "mpsg/graph.h"

namespace mpsg {

bool may_overwrite(const StitchedKernel& kernel, int32_t input, int32_t output) {
  const auto& operands = kernel.operands;
  if (kernel.chunks > 1 || size_of(operands[static_cast<size_t>(input)].type) !=
                               size_of(operands[static_cast<size_t>(output)].type))
    return false;
  const auto phases = kernel.phases();
  const KernelAccess* written = nullptr;
  for (const auto& store : kernel.stores) {
    const auto& access = kernel.accesses[static_cast<size_t>(store.access)];
    if (access.operand != output) continue;
    // Earlier phases would be read again by later ones.
    if (phases[static_cast<size_t>(store.value)] + 1 < kernel.phase_count()) return false;
    written = &access;
  }
  if (!written) return false;
  // Each place must be walked once: elsewhere the element would be read again after the store.
  for (size_t d = 0; d < kernel.extents.size(); ++d)
    if (written->strides[d] == 0 && kernel.extents[d] != 1) return false;
  return std::ranges::all_of(kernel.program, [&](const ElementInstruction& instruction) {
    if (instruction.op != ElementOp::load) return true;
    const auto& access = kernel.accesses[static_cast<size_t>(instruction.index)];
    if (access.operand != input) return true;
    return instruction.operands[0] < 0 && instruction.operands[1] < 0 &&
           access.offset == written->offset && access.strides == written->strides;
  });
}

std::string to_text(const StitchedRegion& region) {
  std::string text = "region of";
  if (region.root) text += " " + region.root->name + " with";
  for (const auto& member : region.members) text += " " + member.row->name;
  text += "\n  ended: " + region.ended + "\n";
  for (const auto& member : region.members)
    text += "  '" + member.name + "' (" + member.row->name +
            (member.source ? ", built at " + member.source->format() : "") + ")\n";
  return text + region.kernel.to_text();
}

}  // namespace mpsg
