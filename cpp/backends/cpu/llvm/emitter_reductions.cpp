// Reductions: accumulators, and how elements and accumulators are folded.
#include <llvm/IR/Intrinsics.h>

#include <algorithm>
#include <utility>

#include "backends/cpu/llvm/emitter_instructions.h"
#include "backends/cpu/llvm/emitter_kernel.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

using llvm::Value;

int lanes_of(const Value* value) {
  const auto* type = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
  return type ? static_cast<int>(type->getNumElements()) : 1;
}

bool ignores_nan(FoldKind fold) { return fold == FoldKind::maximum || fold == FoldKind::minimum; }

bool takes_largest(FoldKind fold) {
  return fold == FoldKind::maximum || fold == FoldKind::maximum_propagate_nan;
}

bool is_extreme(FoldKind fold) {
  return fold >= FoldKind::maximum && fold <= FoldKind::minimum_propagate_nan;
}

llvm::Constant* extreme_start(llvm::Type* type, FoldKind fold, DataType accumulator,
                              bool of_nothing) {
  const bool largest = takes_largest(fold);
  if (type->isFloatingPointTy()) {
    if (ignores_nan(fold) && !of_nothing) return llvm::ConstantFP::getNaN(type);
    return llvm::ConstantFP::getInfinity(type, largest);
  }
  const unsigned bits = type->getIntegerBitWidth();
  const bool is_signed = is_signed_integer(accumulator);
  return llvm::ConstantInt::get(
      type,
      largest
          ? (is_signed ? llvm::APInt::getSignedMinValue(bits) : llvm::APInt::getMinValue(bits))
          : (is_signed ? llvm::APInt::getSignedMaxValue(bits) : llvm::APInt::getMaxValue(bits)));
}

Value* fold_extreme(llvm::IRBuilder<>& b, FoldKind fold, DataType type, Value* so_far,
                    Value* value) {
  const bool largest = takes_largest(fold);
  if (!is_floating(type))
    return emit_operation(b, largest ? ElementOp::maximum : ElementOp::minimum, type,
                          {so_far, value}, {});
  if (ignores_nan(fold))
    return b.CreateBinaryIntrinsic(largest ? llvm::Intrinsic::maxnum : llvm::Intrinsic::minnum,
                                   so_far, value);
  // The comparison takes the value where it is NaN; an accumulator that is NaN stays.
  auto* better = largest ? b.CreateFCmpOGT(so_far, value) : b.CreateFCmpOLT(so_far, value);
  auto* best = b.CreateSelect(better, so_far, value);
  return b.CreateSelect(b.CreateFCmpUNO(so_far, so_far), so_far, best);
}

}  // namespace

llvm::Constant* fold_start(llvm::LLVMContext& context, FoldKind fold, DataType accumulator,
                           bool of_nothing) {
  auto* type = register_type(context, accumulator);
  if (is_extreme(fold)) return extreme_start(type, fold, accumulator, of_nothing);
  const bool one = fold == FoldKind::product || fold == FoldKind::all;
  if (type->isFloatingPointTy()) return llvm::ConstantFP::get(type, one ? 1.0 : 0.0);
  return llvm::ConstantInt::get(type, one ? 1 : 0);
}

Value* emit_fold(llvm::IRBuilder<>& b, FoldKind fold, DataType accumulator, Value* so_far,
                 Value* value) {
  if (is_extreme(fold)) return fold_extreme(b, fold, accumulator, so_far, value);
  switch (fold) {
    case FoldKind::sum: return emit_operation(b, ElementOp::add, accumulator, {so_far, value}, {});
    case FoldKind::product:
      return emit_operation(b, ElementOp::multiply, accumulator, {so_far, value}, {});
    case FoldKind::all: return b.CreateAnd(so_far, value);
    case FoldKind::any: return b.CreateOr(so_far, value);
    default: throw InternalError("a reduction that does not fold");
  }
}

DataType KernelEmitter::accumulator_type(const KernelReduction& reduction) const {
  return compute_type(type_of(reduction.value));
}

/// Along a reduced lane there are many accumulators, but with a kept lane one takes all elements:
/// its error would grow with their count, so every few elements it is folded into a wider one.
bool KernelEmitter::widens(const KernelReduction& reduction) const {
  const bool grows = reduction.fold == FoldKind::sum || reduction.fold == FoldKind::product;
  return accumulator_type(reduction) == DataType::float32 && grows && !kernel_.lane_reduced;
}

bool KernelEmitter::widens_in(int phase) const {
  return std::ranges::any_of(kernel_.reductions, [&](const KernelReduction& reduction) {
    return schedule_.phase[static_cast<size_t>(reduction.value)] == phase && widens(reduction);
  });
}

void KernelEmitter::widen_accumulators(int phase) {
  for (size_t r = 0; r < kernel_.reductions.size(); ++r) {
    const auto& reduction = kernel_.reductions[r];
    if (schedule_.phase[static_cast<size_t>(reduction.value)] != phase || !widens(reduction))
      continue;
    auto* start = start_value(reduction, DataType::float32);
    for (size_t copy = 0; copy < accumulators_[r].wide.size(); ++copy) {
      auto* narrow = accumulators_[r].vectors[copy];
      auto* wide = accumulators_[r].wide[copy];
      auto* element =
          emit_conversion(builder_, builder_.CreateLoad(narrow->getAllocatedType(), narrow),
                          DataType::float32, DataType::float64, target_);
      auto* so_far = builder_.CreateLoad(wide->getAllocatedType(), wide);
      builder_.CreateStore(emit_fold(builder_, reduction.fold, DataType::float64, so_far, element),
                           wide);
      builder_.CreateStore(splat(start, lanes_of(element)), narrow);
    }
  }
}

/// Extremes without NaN start with NaN, unless there is nothing at all.
Value* KernelEmitter::start_value(const KernelReduction& reduction, DataType accumulator) {
  auto* something = fold_start(context_, reduction.fold, accumulator, false);
  auto* nothing = fold_start(context_, reduction.fold, accumulator, true);
  if (something == nothing) return something;
  Value* empty = builder_.getFalse();
  for (int32_t d = kernel_.parallel; d < kernel_.rank(); ++d)
    if (d != kernel_.lane() || kernel_.lane_reduced)
      empty = builder_.CreateOr(empty, builder_.CreateICmpEQ(extent(d), builder_.getInt64(0)));
  return builder_.CreateSelect(empty, nothing, something);
}

void KernelEmitter::start_reductions(const Frame& frame, int phase) {
  // Lanes of a kept dimension are those of the frame; others are only chosen further inside.
  const int lanes = kernel_.lane_reduced ? schedule_.lanes : frame.lanes.count;
  const int copies =
      kernel_.lane_reduced ? schedule_.copies[static_cast<size_t>(phase)] : frame.lanes.copies;
  for (size_t r = 0; r < kernel_.reductions.size(); ++r) {
    const auto& reduction = kernel_.reductions[r];
    if (schedule_.phase[static_cast<size_t>(reduction.value)] != phase) continue;
    const auto type = accumulator_type(reduction);
    auto* start = start_value(reduction, type);
    auto& accumulators = accumulators_[r];
    accumulators = {};
    for (int copy = 0; copy < copies; ++copy) {
      accumulators.vectors.push_back(variable(register_type(context_, type, lanes), "accumulator"));
      builder_.CreateStore(splat(start, lanes), accumulators.vectors.back());
      if (!widens(reduction)) continue;
      accumulators.wide.push_back(
          variable(register_type(context_, DataType::float64, lanes), "wide_accumulator"));
      builder_.CreateStore(splat(start_value(reduction, DataType::float64), lanes),
                           accumulators.wide.back());
    }
    if (kernel_.lane_reduced && !schedule_.masked_tail) {
      accumulators.scalar = variable(register_type(context_, type), "accumulator");
      builder_.CreateStore(start, accumulators.scalar);
    }
  }
}

void KernelEmitter::accumulate(Frame& frame, int phase) {
  for (size_t r = 0; r < kernel_.reductions.size(); ++r) {
    const auto& reduction = kernel_.reductions[r];
    if (schedule_.phase[static_cast<size_t>(reduction.value)] != phase) continue;
    const auto type = accumulator_type(reduction);
    const bool alone = kernel_.lane_reduced && frame.lanes.count == 1;
    for (int copy = 0; copy < frame.lanes.copies; ++copy) {
      auto* variable =
          alone ? accumulators_[r].scalar : accumulators_[r].vectors[static_cast<size_t>(copy)];
      auto* element = emit_conversion(builder_, value(frame, reduction.value, copy, true),
                                      type_of(reduction.value), type, target_);
      auto* so_far = builder_.CreateLoad(variable->getAllocatedType(), variable);
      auto* folded = emit_fold(builder_, reduction.fold, type, so_far, element);
      if (frame.lanes.mask(copy) && kernel_.lane_reduced)
        folded = builder_.CreateSelect(frame.lanes.mask(copy), folded, so_far);
      builder_.CreateStore(folded, variable);
    }
  }
}

/// Halves onto halves.
Value* KernelEmitter::fold_lanes(FoldKind fold, DataType type, Value* vector) {
  const auto* vector_type = llvm::cast<llvm::FixedVectorType>(vector->getType());
  for (unsigned count = vector_type->getNumElements(); count > 1; count /= 2) {
    llvm::SmallVector<int, 64> low, high;
    for (unsigned i = 0; i < count / 2; ++i) {
      low.push_back(static_cast<int>(i));
      high.push_back(static_cast<int>(i + count / 2));
    }
    vector = emit_fold(builder_, fold, type, builder_.CreateShuffleVector(vector, low),
                       builder_.CreateShuffleVector(vector, high));
  }
  return builder_.CreateExtractElement(vector, uint64_t{0});
}

void KernelEmitter::finish_reductions(Frame& frame, int phase) {
  const auto read = [&](llvm::AllocaInst* variable) {
    return builder_.CreateLoad(variable->getAllocatedType(), variable);
  };
  for (size_t r = 0; r < kernel_.reductions.size(); ++r) {
    const auto& reduction = kernel_.reductions[r];
    if (schedule_.phase[static_cast<size_t>(reduction.value)] != phase) continue;
    const auto type = widens(reduction) ? DataType::float64 : accumulator_type(reduction);
    llvm::SmallVector<Value*, 4> results;
    for (auto* variable : widens(reduction) ? accumulators_[r].wide : accumulators_[r].vectors)
      results.push_back(read(variable));
    if (kernel_.lane_reduced) {
      for (size_t count = results.size(); count > 1; count = (count + 1) / 2)
        for (size_t i = 0; i + (count + 1) / 2 < count; ++i)
          results[i] =
              emit_fold(builder_, reduction.fold, type, results[i], results[i + (count + 1) / 2]);
      results.resize(1);
      results[0] = fold_lanes(reduction.fold, type, results[0]);
      if (accumulators_[r].scalar)
        results[0] =
            emit_fold(builder_, reduction.fold, type, results[0], read(accumulators_[r].scalar));
    }
    for (auto& result : results)
      result = emit_conversion(builder_, result, type, reduction.type, target_);
    for (size_t i = 0; i < kernel_.program.size(); ++i) {
      const auto& instruction = kernel_.program[i];
      if (instruction.op != ElementOp::reduced || instruction.index != static_cast<int32_t>(r))
        continue;
      if (schedule_.varies[i]) frame.vectors[i].assign(results.begin(), results.end());
      else frame.scalars[i] = results[0];
    }
  }
}

}  // namespace mpsg
