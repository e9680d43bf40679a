// Arithmetic, table lookups and scaling of the vector math.
#include "backends/cpu/llvm/math_vector.h"

#include <llvm/IR/Intrinsics.h>
#include <llvm/IR/IntrinsicsX86.h>
#include <llvm/IR/MDBuilder.h>
#include <llvm/IR/Module.h>

#include <algorithm>
#include <limits>

#include "backends/cpu/llvm/math_library.h"

namespace mpsg {
namespace {

using llvm::ArrayRef;
using llvm::ConstantFP;
using llvm::ConstantInt;
using llvm::FixedVectorType;
using llvm::SmallVector;
using llvm::Type;
using Value = llvm::Value;

llvm::GlobalVariable* constant_array(llvm::Module& module, llvm::Constant* values) {
  for (llvm::GlobalVariable& global : module.globals())
    if (global.isConstant() && global.hasInitializer() && global.getInitializer() == values)
      return &global;
  auto* global = new llvm::GlobalVariable(module, values->getType(), true,
                                          llvm::GlobalValue::PrivateLinkage, values, "mpsg.table");
  global->setUnnamedAddr(llvm::GlobalValue::UnnamedAddr::Global);
  return global;
}

}  // namespace

VectorMath::VectorMath(llvm::IRBuilder<>& builder, Type* type, const TargetFacts& target)
    : builder_(builder), type_(type), target_(target) {}

int VectorMath::lanes() const {
  const auto* vector = llvm::dyn_cast<FixedVectorType>(type_);
  return vector ? static_cast<int>(vector->getNumElements()) : 1;
}

Type* VectorMath::shaped(Type* element) const {
  return type_->isVectorTy() ? FixedVectorType::get(element, lanes()) : element;
}

// --- Constants and types

Value* VectorMath::constant(double value) const { return ConstantFP::get(type_, value); }

Value* VectorMath::integer(uint64_t value) const {
  return ConstantInt::get(shaped(builder_.getIntNTy(type_->getScalarSizeInBits())), value);
}

Value* VectorMath::infinity() const { return ConstantFP::getInfinity(type_); }
Value* VectorMath::not_a_number() const { return ConstantFP::getQNaN(type_); }

Value* VectorMath::to_bits(Value* a) {
  return builder_.CreateBitCast(a, shaped(builder_.getIntNTy(type_->getScalarSizeInBits())));
}

Value* VectorMath::from_bits(Value* a) { return builder_.CreateBitCast(a, type_); }

VectorMath VectorMath::widened() const {
  return VectorMath(builder_, shaped(builder_.getDoubleTy()), target_);
}

Value* VectorMath::widen(Value* a) { return builder_.CreateFPExt(a, type_); }

Value* VectorMath::narrow(Value* a) {
  return builder_.CreateFPTrunc(a, shaped(builder_.getFloatTy()));
}

// --- Arithmetic

Value* VectorMath::absolute(Value* a) {
  return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::fabs, a);
}

Value* VectorMath::copy_sign(Value* magnitude, Value* sign) {
  return builder_.CreateBinaryIntrinsic(llvm::Intrinsic::copysign, magnitude, sign);
}

Value* VectorMath::square_root(Value* a) {
  return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::sqrt, a);
}

Value* VectorMath::truncate(Value* a) {
  return builder_.CreateUnaryIntrinsic(llvm::Intrinsic::trunc, a);
}

Value* VectorMath::multiply_add(Value* a, Value* b, Value* c) {
  if (target_.has_fma) return builder_.CreateIntrinsic(type_, llvm::Intrinsic::fma, {a, b, c});
  if (type_->getScalarType()->isDoubleTy()) return add(multiply(a, b), c);
  // The product of two floats is exact as a double: as good as fused.
  VectorMath wide = widened();
  return wide.narrow(wide.add(wide.multiply(wide.widen(a), wide.widen(b)), wide.widen(c)));
}

Value* VectorMath::polynomial(Value* x, std::span<const double> coefficients) {
  Value* sum = constant(coefficients.back());
  for (size_t i = coefficients.size() - 1; i-- > 0;)
    sum = multiply_add(sum, x, constant(coefficients[i]));
  return sum;
}

Value* VectorMath::polynomial(Value* x, std::span<const float> coefficients) {
  return polynomial(x, std::vector<double>(coefficients.begin(), coefficients.end()));
}

// Written so that x86 needs one instruction, which gives its second operand for a NaN.
Value* VectorMath::at_most(Value* a, double bound) {
  Value* limit = constant(bound);
  return builder_.CreateSelect(builder_.CreateFCmpOLT(limit, a), limit, a);
}

Value* VectorMath::at_least(Value* a, double bound) {
  Value* limit = constant(bound);
  return builder_.CreateSelect(builder_.CreateFCmpOGT(limit, a), limit, a);
}

// --- Steps with instructions of their own

Value* VectorMath::piece(Value* a, int first, int chunk) {
  if (!a->getType()->isVectorTy())
    return builder_.CreateInsertElement(
        llvm::PoisonValue::get(FixedVectorType::get(a->getType(), chunk)), a, uint64_t{0});
  SmallVector<int, 16> mask;
  for (int i = first; i < first + chunk; ++i) mask.push_back(i < lanes() ? i : -1);
  return builder_.CreateShuffleVector(a, mask);
}

/// Calls the function on vectors of `chunk` lanes that cover the operands'.
Value* VectorMath::in_chunks(ArrayRef<Value*> operands, int chunk, const ChunkFunction& function) {
  if (type_->isVectorTy() && lanes() == chunk) return function(operands);
  Value* result = nullptr;
  for (int first = 0; first < lanes(); first += chunk) {
    SmallVector<Value*, 4> pieces;
    for (Value* operand : operands) pieces.push_back(piece(operand, first, chunk));
    Value* part = function(pieces);
    if (!type_->isVectorTy()) return builder_.CreateExtractElement(part, uint64_t{0});
    const int kept = std::min(chunk, lanes() - first);
    SmallVector<int, 16> joined;
    for (int i = 0; i < first; ++i) joined.push_back(i);
    if (!result) {
      for (int i = 0; i < kept; ++i) joined.push_back(i);
      result = builder_.CreateShuffleVector(part, joined);
      continue;
    }
    // Both operands of a shuffle have one length: bring them to that of the joined result.
    SmallVector<int, 16> left, right;
    for (int i = 0; i < first + kept; ++i) {
      left.push_back(i < first ? i : -1);
      right.push_back(i < kept ? i : -1);
    }
    for (int i = 0; i < kept; ++i) joined.push_back(first + kept + i);
    result = builder_.CreateShuffleVector(builder_.CreateShuffleVector(result, left),
                                          builder_.CreateShuffleVector(part, right), joined);
  }
  return result;
}

Value* VectorMath::loaded(Value* index, std::span<const float> table) {
  auto* values = llvm::ConstantDataArray::get(builder_.getContext(),
                                              ArrayRef<float>(table.data(), table.size()));
  auto* array = constant_array(*builder_.GetInsertBlock()->getModule(), values);
  Value* masked = builder_.CreateAnd(index, integer(table.size() - 1));
  const auto load = [&](Value* position) {
    Value* address = builder_.CreateGEP(builder_.getFloatTy(), array,
                                        builder_.CreateZExt(position, builder_.getInt64Ty()));
    return builder_.CreateLoad(builder_.getFloatTy(), address);
  };
  if (!type_->isVectorTy()) return load(masked);
  Value* result = llvm::PoisonValue::get(type_);
  for (int i = 0; i < lanes(); ++i)
    result = builder_.CreateInsertElement(result, load(builder_.CreateExtractElement(masked, i)),
                                          uint64_t(i));
  return result;
}

Value* VectorMath::lookup(Value* index, std::span<const float> table) {
  if (lanes() == 1 || !target_.has_avx2) return loaded(index, table);
  const auto vector = [&](size_t first, size_t count) -> Value* {
    return llvm::ConstantDataVector::get(builder_.getContext(),
                                         ArrayRef<float>(table.data() + first, count));
  };
  if (table.size() == 8)
    return in_chunks(index, 8, [&](ArrayRef<Value*> part) -> Value* {
      return builder_.CreateIntrinsic(llvm::Intrinsic::x86_avx2_permps, {},
                                      {vector(0, 8), part[0]});
    });
  if (!target_.has_avx512) return loaded(index, table);
  return in_chunks(index, 16, [&](ArrayRef<Value*> part) -> Value* {
    if (table.size() == 16)
      return builder_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_permvar_sf_512, {},
                                      {vector(0, 16), part[0]});
    return builder_.CreateIntrinsic(llvm::Intrinsic::x86_avx512_vpermi2var_ps_512, {},
                                    {vector(0, 16), part[0], vector(16, 16)});
  });
}

/// An AVX-512 instruction given by its three widths; masked by all ones, rounding as usual.
Value* VectorMath::avx512(const std::array<unsigned, 3>& widths, ArrayRef<Value*> operands,
                          int immediate) {
  const int chunk = lanes() > 8 ? 16 : lanes() > 4 ? 8 : 4;
  return in_chunks(operands, chunk, [&](ArrayRef<Value*> parts) -> Value* {
    SmallVector<Value*, 6> arguments(parts.begin(), parts.end());
    if (immediate >= 0) arguments.push_back(builder_.getInt32(immediate));
    arguments.push_back(llvm::Constant::getNullValue(parts[0]->getType()));
    if (chunk == 16) {
      arguments.push_back(builder_.getInt16(0xffff));
      arguments.push_back(builder_.getInt32(4));
    } else {
      arguments.push_back(builder_.getInt8(0xff));
    }
    return builder_.CreateIntrinsic(widths[chunk == 16 ? 2 : chunk == 8 ? 1 : 0], {}, arguments);
  });
}

Value* VectorMath::scale(Value* a, Value* n, Value* bits) {
  if (target_.has_avx512)
    return avx512({llvm::Intrinsic::x86_avx512_mask_scalef_ps_128,
                   llvm::Intrinsic::x86_avx512_mask_scalef_ps_256,
                   llvm::Intrinsic::x86_avx512_mask_scalef_ps_512},
                  {a, n}, -1);
  // 2^n as a product of two normal powers, of which only the second multiplication rounds.
  const auto power = [&](Value* exponent) {
    return from_bits(builder_.CreateShl(builder_.CreateAdd(exponent, integer(127)), integer(23)));
  };
  Value* whole = builder_.CreateAShr(builder_.CreateShl(bits, integer(16)), integer(16));
  Value* half = builder_.CreateAShr(whole, integer(1));
  return multiply(multiply(a, power(half)), power(builder_.CreateSub(whole, half)));
}

bool VectorMath::split(Value* x, Value*& mantissa, Value*& exponent) {
  if (!target_.has_avx512) return false;
  constexpr int three_quarters_and_nan_for_negative = 0xb;
  mantissa = avx512({llvm::Intrinsic::x86_avx512_mask_getmant_ps_128,
                     llvm::Intrinsic::x86_avx512_mask_getmant_ps_256,
                     llvm::Intrinsic::x86_avx512_mask_getmant_ps_512},
                    {x}, three_quarters_and_nan_for_negative);
  const auto floor_of_logarithm = [&](Value* a) {
    return avx512({llvm::Intrinsic::x86_avx512_mask_getexp_ps_128,
                   llvm::Intrinsic::x86_avx512_mask_getexp_ps_256,
                   llvm::Intrinsic::x86_avx512_mask_getexp_ps_512},
                  {a}, -1);
  };
  exponent = subtract(floor_of_logarithm(x), floor_of_logarithm(mantissa));
  return true;
}

// --- The C library

Value* VectorMath::library(ElementOp op, ArrayRef<Value*> operands) {
  llvm::LLVMContext& context = builder_.getContext();
  llvm::Module& module = *builder_.GetInsertBlock()->getModule();
  llvm::BasicBlock& entry = builder_.GetInsertBlock()->getParent()->getEntryBlock();
  llvm::IRBuilder<> at_entry(&entry, entry.begin());
  SmallVector<Value*, 4> arguments;
  for (int i = 0; i < 3; ++i) {
    const bool is_input = i < 2;
    if (is_input && i >= static_cast<int>(operands.size())) {
      arguments.push_back(arguments[0]);
      continue;
    }
    Value* slot = at_entry.CreateAlloca(type_);
    if (is_input) builder_.CreateStore(operands[i], slot);
    arguments.push_back(slot);
  }
  arguments.push_back(builder_.getInt64(lanes()));
  Type* pointer = llvm::PointerType::getUnqual(context);
  auto* signature = llvm::FunctionType::get(
      builder_.getVoidTy(), {pointer, pointer, pointer, builder_.getInt64Ty()}, false);
  const char* name = math_symbol_name(op, type_->getScalarType()->isDoubleTy());
  llvm::FunctionCallee callee = module.getOrInsertFunction(name, signature);
  llvm::CallInst* call = builder_.CreateCall(callee, arguments);
  call->setDoesNotThrow();
  return builder_.CreateLoad(type_, arguments[2]);
}

Value* VectorMath::library_where(Value* rare, Value* fast, ElementOp op,
                                 ArrayRef<Value*> operands) {
  llvm::LLVMContext& context = builder_.getContext();
  Value* any = type_->isVectorTy() ? builder_.CreateOrReduce(rare) : rare;
  llvm::BasicBlock* before = builder_.GetInsertBlock();
  llvm::Function* function = before->getParent();
  // Only a finished block can be split; what followed the insertion point moves to `after`.
  auto* slow = llvm::BasicBlock::Create(context, "library", function);
  llvm::BasicBlock* after = nullptr;
  if (builder_.GetInsertPoint() == before->end()) {
    after = llvm::BasicBlock::Create(context, "after_library", function);
  } else {
    after = before->splitBasicBlock(builder_.GetInsertPoint(), "after_library");
    before->getTerminator()->eraseFromParent();
  }
  builder_.SetInsertPoint(before);
  builder_.CreateCondBr(any, slow, after, llvm::MDBuilder(context).createBranchWeights(1, 100000));
  builder_.SetInsertPoint(slow);
  Value* chosen = select(rare, library(op, operands), fast);
  builder_.CreateBr(after);
  builder_.SetInsertPoint(after, after->begin());
  llvm::PHINode* result = builder_.CreatePHI(type_, 2);
  result->addIncoming(fast, before);
  result->addIncoming(chosen, slow);
  return result;
}

}  // namespace mpsg
