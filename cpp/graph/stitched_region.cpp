// What follows from a kernel's accesses, and regions as text.
#include <algorithm>

#include "graph/op_schema.h"
#include "graph/stitched_kernel.h"
#include "mpsg/graph.h"

namespace mpsg {

namespace {

/// Does the store meet each of its elements once, when nothing is left to be read for it? Then it
/// either walks all reduced dimensions, or runs once behind them.
bool walks_once(const StitchedKernel& kernel, const KernelAccess& store) {
  int walked = 0, passed = 0;
  for (int32_t d = 0; d < kernel.rank(); ++d) {
    if (kernel.extents[static_cast<size_t>(d)] == 1) continue;
    const bool reduced = d >= kernel.parallel && (d != kernel.lane() || kernel.lane_reduced);
    const bool moves = store.strides[static_cast<size_t>(d)] != 0;
    if (!moves && (!reduced || !kernel.reduces())) return false;
    if (reduced) ++(moves ? walked : passed);
  }
  return walked == 0 || passed == 0;
}

}  // namespace

bool may_overwrite(const StitchedKernel& kernel, int32_t input, int32_t output) {
  const auto& operands = kernel.operands;
  if (size_of(operands[static_cast<size_t>(input)].type) !=
      size_of(operands[static_cast<size_t>(output)].type))
    return false;
  const auto phases = kernel.phases();
  const KernelAccess* written = nullptr;
  for (const auto& store : kernel.stores) {
    const auto& access = kernel.accesses[static_cast<size_t>(store.access)];
    if (access.operand != output) continue;
    // Earlier phases would be read again by later ones; those of pieces walk no elements.
    if (kernel.chunks == 1 && phases[static_cast<size_t>(store.value)] + 1 < kernel.phase_count())
      return false;
    written = &access;
  }
  if (!written || !walks_once(kernel, *written)) return false;
  return std::ranges::all_of(kernel.program, [&](const ElementInstruction& instruction) {
    if (instruction.op != ElementOp::load) return true;
    const auto& access = kernel.accesses[static_cast<size_t>(instruction.index)];
    if (access.operand != input) return true;
    return instruction.operands[0] < 0 && instruction.operands[1] < 0 &&
           access.offset == written->offset && access.strides == written->strides;
  });
}

StitchedKernel StitchedRegion::segment(size_t index) const {
  auto repeated = kernel;
  if (index == 0) return repeated;
  repeated.extents = further[index - 1].extents;
  repeated.accesses = further[index - 1].accesses;
  repeated.arguments = further[index - 1].arguments;
  return repeated;
}

std::string to_text(const StitchedRegion& region) {
  std::string text = "region of";
  if (region.root) text += " " + region.root->name + " with";
  for (const auto& member : region.members) text += " " + member.row->name;
  text += "\n  ended: " + region.ended + "\n";
  for (const auto& member : region.members)
    text += "  '" + member.name + "' (" + member.row->name +
            (member.source ? ", built at " + member.source->format() : "") + ")\n";
  text += region.kernel.to_text();
  if (region.further.empty()) return text;
  text += std::to_string(region.segment_count()) + " segments; the others' extents:";
  for (const auto& segment : region.further) {
    text += " ";
    for (size_t d = 0; d < segment.extents.size(); ++d)
      text += (d > 0 ? "x" : "") + std::to_string(segment.extents[d]);
  }
  return text + "\n";
}

}  // namespace mpsg
