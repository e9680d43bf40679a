// The instructions of the program, each in the loop and for the lanes that the schedule says.
#include "backends/cpu/llvm/emitter_instructions.h"
#include "backends/cpu/llvm/emitter_kernel.h"

namespace mpsg {

using llvm::Value;

llvm::Constant* KernelEmitter::iota(int lanes, llvm::Type* element, int64_t first) {
  llvm::SmallVector<llvm::Constant*, 64> numbers;
  for (int i = 0; i < lanes; ++i)
    numbers.push_back(llvm::ConstantInt::get(element, static_cast<uint64_t>(first + i)));
  return llvm::ConstantVector::get(numbers);
}

Value* KernelEmitter::splat(Value* scalar, int lanes) {
  return lanes == 1 ? scalar : builder_.CreateVectorSplat(static_cast<unsigned>(lanes), scalar);
}

/// Before a loop over lanes, so that no loop repeats it. Those that nothing uses go away.
void KernelEmitter::splat_scalars(Frame& frame) {
  for (size_t i = 0; i < frame.scalars.size(); ++i)
    if (frame.scalars[i] && !frame.splats[i])
      frame.splats[i] = splat(frame.scalars[i], schedule_.lanes);
}

Value* KernelEmitter::value(Frame& frame, int32_t id, int copy, bool vector) {
  const auto i = static_cast<size_t>(id);
  if (schedule_.varies[i]) return frame.vectors[i][static_cast<size_t>(copy)];
  if (!vector || frame.lanes.count == 1) return frame.scalars[i];
  if (!frame.splats[i]) frame.splats[i] = splat(frame.scalars[i], frame.lanes.count);
  return frame.splats[i];
}

void KernelEmitter::emit_instructions(Frame& frame, int level, int phase) {
  const bool outside = schedule_.outside_phases(level);
  for (size_t i = 0; i < kernel_.program.size(); ++i) {
    if (schedule_.level[i] != level) continue;
    const bool wanted = outside ? schedule_.phase[i] == phase && schedule_.needed_anywhere[i]
                                : schedule_.needed[static_cast<size_t>(phase)][i];
    const bool known = frame.scalars[i] || !frame.vectors[i].empty();
    if (wanted && !known) emit_instruction(frame, i, phase);
  }
}

void KernelEmitter::emit_instruction(Frame& frame, size_t id, int phase) {
  const auto& instruction = kernel_.program[id];
  const bool vector = schedule_.varies[id];
  const bool kept = schedule_.saved[id];
  size_t slot = 0;
  if (kept)
    while (kernel_.saved[slot] != static_cast<int32_t>(id)) ++slot;
  const bool again = kept && schedule_.phase[id] < phase;
  for (int copy = 0; copy < (vector ? frame.lanes.copies : 1); ++copy) {
    auto* result =
        again ? reload(frame, slot, copy, vector) : compute(frame, instruction, copy, vector);
    if (vector) frame.vectors[id].push_back(result);
    else frame.scalars[id] = result;
  }
  if (kept && !again) save(frame, slot);
}

Value* KernelEmitter::compute(Frame& frame, const ElementInstruction& instruction, int copy,
                              bool vector) {
  switch (instruction.op) {
    case ElementOp::literal: return literal_value(context_, instruction.type, instruction.bits);
    case ElementOp::argument:
      return element_of(arguments_, static_cast<size_t>(instruction.index), "argument");
    case ElementOp::load: return load(frame, instruction, copy, vector);
    case ElementOp::position: return position(frame, instruction.index, copy, vector);
    default: break;
  }
  llvm::SmallVector<Value*, 3> operands;
  for (const auto operand : instruction.operands)
    if (operand >= 0) operands.push_back(value(frame, operand, copy, vector));
  if (instruction.op == ElementOp::convert)
    return emit_conversion(builder_, operands[0], type_of(instruction.operands[0]),
                           instruction.type, target_);
  if (instruction.op == ElementOp::reinterpret)
    return emit_reinterpretation(builder_, operands[0], type_of(instruction.operands[0]),
                                 instruction.type);
  const int32_t typical = instruction.op == ElementOp::select ? 1 : 0;
  return emit_operation(builder_, instruction.op,
                        type_of(instruction.operands[static_cast<size_t>(typical)]), operands,
                        target_);
}

Value* KernelEmitter::position(const Frame& frame, int32_t dimension, int copy, bool vector) {
  auto* place = frame.positions[static_cast<size_t>(dimension)];
  if (!vector || frame.lanes.count == 1) return place;
  const int lanes = frame.lanes.count;
  return builder_.CreateAdd(splat(place, lanes),
                            iota(lanes, builder_.getInt64Ty(), int64_t{copy} * lanes));
}

}  // namespace mpsg
