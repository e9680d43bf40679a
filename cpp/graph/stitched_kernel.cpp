#include "graph/stitched_kernel.h"

#include <algorithm>
#include <limits>

#include "graph/op_schema.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr const char* fold_names[] = {"none",    "sum",     "product", "maximum", "minimum",
                                      "max_nan", "min_nan", "all",     "any"};

char stride_kind(int64_t stride, bool is_lane) {
  if (stride == 0) return '0';
  return is_lane && stride == 1 ? '1' : 's';
}

void write_instruction(std::string& text, const ElementInstruction& instruction) {
  text += element_op_name(instruction.op);
  text += ' ';
  text += data_type_name(instruction.type);
  for (const auto operand : instruction.operands)
    if (operand >= 0) text += " %" + std::to_string(operand);
    else if (instruction.op == ElementOp::load) text += " _";
  switch (instruction.op) {
    case ElementOp::literal: text += " #" + std::to_string(instruction.bits); break;
    case ElementOp::load: text += " @" + std::to_string(instruction.index); break;
    case ElementOp::argument: text += " a" + std::to_string(instruction.index); break;
    case ElementOp::position: text += " d" + std::to_string(instruction.index); break;
    case ElementOp::reduced: text += " r" + std::to_string(instruction.index); break;
    default: break;
  }
}

}  // namespace

int32_t StitchedKernel::input_count() const {
  return static_cast<int32_t>(
      std::ranges::count_if(operands, [](const auto& operand) { return !operand.output; }));
}

std::vector<int32_t> StitchedKernel::phases() const {
  std::vector<int32_t> phases(program.size());
  for (size_t i = 0; i < program.size(); ++i) {
    const auto& instruction = program[i];
    int32_t phase = 0;
    for (const auto operand : instruction.operands)
      if (operand >= 0) phase = std::max(phase, phases[static_cast<size_t>(operand)]);
    if (instruction.op == ElementOp::reduced) {
      const auto& reduction = reductions[static_cast<size_t>(instruction.index)];
      phase = phases[static_cast<size_t>(reduction.value)] + 1;
    }
    phases[i] = phase;
  }
  return phases;
}

int32_t StitchedKernel::phase_count() const {
  const auto all = phases();
  return all.empty() ? 1 : *std::ranges::max_element(all) + 1;
}

std::vector<uint32_t> StitchedKernel::dependence() const {
  // A reduction's result depends on the parallel dimensions (and the kept lane, and the chunk) of
  // what is folded.
  uint32_t kept = 0;
  for (int32_t d = 0; d < parallel; ++d) kept |= 1u << d;
  if (!lane_reduced && rank() > 0) kept |= 1u << lane();
  const uint32_t chunk = chunks > 1 ? 1u << rank() : 0;
  std::vector<uint32_t> depends(program.size());
  for (size_t i = 0; i < program.size(); ++i) {
    const auto& instruction = program[i];
    uint32_t on = 0;
    for (const auto operand : instruction.operands)
      if (operand >= 0) on |= depends[static_cast<size_t>(operand)];
    if (instruction.op == ElementOp::position) on |= 1u << instruction.index;
    if (instruction.op == ElementOp::load) {
      const auto& access = accesses[static_cast<size_t>(instruction.index)];
      for (size_t d = 0; d < access.strides.size(); ++d)
        if (access.strides[d] != 0) on |= 1u << d;
    }
    if (instruction.op == ElementOp::reduced) {
      const auto value = reductions[static_cast<size_t>(instruction.index)].value;
      on |= (depends[static_cast<size_t>(value)] & kept) | chunk;
    }
    depends[i] = on;
  }
  return depends;
}

int64_t StitchedKernel::elements() const {
  int64_t count = 1;
  for (const auto extent : extents) count *= extent;
  return count;
}

int64_t StitchedKernel::parallel_count() const {
  int64_t count = chunks;
  for (int32_t d = 0; d < parallel; ++d) count *= extents[static_cast<size_t>(d)];
  return count;
}

size_t StitchedKernel::scratch_bytes() const {
  size_t count = 1;
  for (int32_t d = parallel; d < rank(); ++d)
    count *= static_cast<size_t>(extents[static_cast<size_t>(d)]);
  size_t bytes = 0;
  for (const auto id : saved) {
    constexpr size_t alignment = 64;
    const auto size = count * size_of(program[static_cast<size_t>(id)].type);
    bytes += (size + alignment - 1) / alignment * alignment;
  }
  return bytes;
}

std::string StitchedKernel::canonical_text() const {
  std::string text = "kernel parallel=" + std::to_string(parallel) +
                     " rank=" + std::to_string(rank()) + (lane_reduced ? " lane_reduced" : "") +
                     (chunks > 1 ? " chunked" : "") + "\n";
  bool wide = false;
  for (const auto& access : accesses) {
    int64_t reach = std::abs(access.offset);
    for (size_t d = 0; d < access.strides.size(); ++d)
      reach += std::abs(access.strides[d]) * (d < extents.size() ? extents[d] : chunks);
    wide = wide || reach > std::numeric_limits<int32_t>::max();
  }
  for (const auto extent : extents) wide = wide || extent > std::numeric_limits<int32_t>::max();
  if (wide) text += "wide\n";
  for (const auto& operand : operands)
    text += std::string(operand.output ? "output " : "input ") +
            std::string(data_type_name(operand.type)) + "\n";
  for (const auto& access : accesses) {
    text += "access " + std::to_string(access.operand) + " ";
    for (size_t d = 0; d < access.strides.size(); ++d)
      text += stride_kind(access.strides[d], static_cast<int32_t>(d) == lane());
    text += "\n";
  }
  for (size_t i = 0; i < program.size(); ++i) {
    text += "%" + std::to_string(i) + " = ";
    write_instruction(text, program[i]);
    text += "\n";
  }
  for (const auto& reduction : reductions)
    text += std::string("reduce ") + fold_names[static_cast<size_t>(reduction.fold)] + " %" +
            std::to_string(reduction.value) + " " + std::string(data_type_name(reduction.type)) +
            "\n";
  for (const auto& store : stores)
    text += "store @" + std::to_string(store.access) + " %" + std::to_string(store.value) + "\n";
  for (const auto id : saved) text += "save %" + std::to_string(id) + "\n";
  return text;
}

std::string StitchedKernel::to_text() const {
  std::string text = canonical_text() + "extents";
  for (const auto extent : extents) text += " " + std::to_string(extent);
  if (chunks > 1) text += " chunks " + std::to_string(chunks);
  if (!arguments.empty()) text += " arguments";
  for (const auto argument : arguments) text += " " + std::to_string(argument);
  text += "\n";
  for (size_t i = 0; i < accesses.size(); ++i) {
    text += "@" + std::to_string(i) + ": offset " + std::to_string(accesses[i].offset) + " strides";
    for (const auto stride : accesses[i].strides) text += " " + std::to_string(stride);
    text += "\n";
  }
  return text;
}

void StitchedKernel::verify() const {
  const auto fail = [&](const std::string& what) {
    throw InternalError("stitched kernel: " + what + "\n" + to_text());
  };
  if (rank() < 1 || parallel < 0 || parallel >= rank()) fail("strange dimensions");
  if (chunks > 1 && (!reduces() || phase_count() > 2)) fail("chunks of a kernel with phases");
  for (const auto& access : accesses) {
    if (access.operand < 0 || static_cast<size_t>(access.operand) >= operands.size())
      fail("an access of no operand");
    if (access.strides.size() != extents.size() + 1) fail("an access with too few strides");
  }
  for (size_t i = 0; i < program.size(); ++i) {
    const auto& instruction = program[i];
    const int arity = element_op_arity(instruction.op);
    for (int k = 0; k < 3; ++k) {
      const auto operand = instruction.operands[static_cast<size_t>(k)];
      if (operand >= static_cast<int32_t>(i)) fail("an instruction reads a later one");
      if (operand >= 0 && k >= arity) fail("an instruction with too many operands");
      if (operand < 0 && k < arity && instruction.op != ElementOp::load)
        fail("an instruction lacks an operand");
    }
    if (instruction.op == ElementOp::argument &&
        static_cast<size_t>(instruction.index) >= arguments.size())
      fail("an argument that is not given");
  }
  for (const auto& reduction : reductions)
    if (reduction.value < 0 || static_cast<size_t>(reduction.value) >= program.size())
      fail("a reduction of nothing");
  for (const auto& store : stores) {
    const auto& access = accesses[static_cast<size_t>(store.access)];
    if (!operands[static_cast<size_t>(access.operand)].output) fail("a store into an input");
    if (program[static_cast<size_t>(store.value)].type !=
        operands[static_cast<size_t>(access.operand)].type)
      fail("a store of another type");
  }
}

}  // namespace mpsg
