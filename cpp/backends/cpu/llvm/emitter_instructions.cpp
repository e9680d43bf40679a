#include "backends/cpu/llvm/emitter_instructions.h"

#include <llvm/IR/Intrinsics.h>

#include <string>

#include "backends/cpu/llvm/math.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

using llvm::Value;

llvm::Constant* number(Value* like, int64_t value) {
  return llvm::ConstantInt::get(like->getType(), static_cast<uint64_t>(value), true);
}

[[noreturn]] void refuse(ElementOp op, DataType type) {
  throw InternalError("no code for " + std::string(element_op_name(op)) + " of " +
                      std::string(data_type_name(type)));
}

llvm::CmpInst::Predicate predicate_of(ElementOp op, DataType type) {
  using P = llvm::CmpInst::Predicate;
  const bool real = is_floating(type), is_signed = is_signed_integer(type);
  switch (op) {
    case ElementOp::equal: return real ? P::FCMP_OEQ : P::ICMP_EQ;
    case ElementOp::not_equal: return real ? P::FCMP_UNE : P::ICMP_NE;
    case ElementOp::less: return real ? P::FCMP_OLT : is_signed ? P::ICMP_SLT : P::ICMP_ULT;
    case ElementOp::less_equal: return real ? P::FCMP_OLE : is_signed ? P::ICMP_SLE : P::ICMP_ULE;
    case ElementOp::greater: return real ? P::FCMP_OGT : is_signed ? P::ICMP_SGT : P::ICMP_UGT;
    case ElementOp::greater_equal:
      return real ? P::FCMP_OGE : is_signed ? P::ICMP_SGE : P::ICMP_UGE;
    default: refuse(op, type);
  }
}

Value* compare(llvm::IRBuilder<>& b, ElementOp op, DataType type, Value* x, Value* y) {
  return b.CreateCmp(predicate_of(op, type), x, y);
}

/// x / y towards zero for y other than 0 and -1. No processor divides vectors of integers, but a
/// wider float gives the exact quotient: its distance from a whole number exceeds the rounding.
Value* plain_quotient(llvm::IRBuilder<>& b, DataType type, Value* x, Value* y) {
  const bool is_signed = is_signed_integer(type);
  if (!x->getType()->isVectorTy() || size_of(type) == 8)
    return is_signed ? b.CreateSDiv(x, y) : b.CreateUDiv(x, y);
  auto* wide = type_like(x->getType(), size_of(type) == 4 ? b.getDoubleTy() : b.getFloatTy());
  if (is_signed)
    return b.CreateFPToSI(b.CreateFDiv(b.CreateSIToFP(x, wide), b.CreateSIToFP(y, wide)),
                          x->getType());
  return b.CreateFPToUI(b.CreateFDiv(b.CreateUIToFP(x, wide), b.CreateUIToFP(y, wide)),
                        x->getType());
}

Value* integer_division(llvm::IRBuilder<>& b, ElementOp op, DataType type, Value* x, Value* y) {
  auto* zero = number(y, 0);
  auto* by_zero = b.CreateICmpEQ(y, zero);
  auto* special = by_zero;
  if (is_signed_integer(type)) special = b.CreateOr(by_zero, b.CreateICmpEQ(y, number(y, -1)));
  auto* divisor = b.CreateSelect(special, number(y, 1), y);
  auto* quotient = plain_quotient(b, type, x, divisor);
  if (op == ElementOp::integer_quotient)
    return b.CreateSelect(by_zero, zero, b.CreateSelect(special, b.CreateNeg(x), quotient));
  return b.CreateSelect(special, zero, b.CreateSub(x, b.CreateMul(quotient, divisor)));
}

/// A count that is negative or not less than the width moves all bits out.
Value* shift(llvm::IRBuilder<>& b, ElementOp op, DataType type, Value* x, Value* count) {
  const auto width = static_cast<int64_t>(size_of(type) * 8);
  auto* some = b.CreateICmpULT(count, number(count, width));
  if (op == ElementOp::shift_right && is_signed_integer(type))
    return b.CreateAShr(x, b.CreateSelect(some, count, number(count, width - 1)));
  auto* safe = b.CreateSelect(some, count, number(count, 0));
  auto* shifted = op == ElementOp::shift_left ? b.CreateShl(x, safe) : b.CreateLShr(x, safe);
  return b.CreateSelect(some, shifted, number(x, 0));
}

Value* high_product(llvm::IRBuilder<>& b, DataType type, Value* x, Value* y) {
  const auto width = static_cast<unsigned>(size_of(type) * 8);
  auto* wide = type_like(x->getType(), b.getIntNTy(2 * width));
  auto* product = b.CreateMul(b.CreateZExt(x, wide), b.CreateZExt(y, wide));
  return b.CreateTrunc(b.CreateLShr(product, width), x->getType());
}

Value* float_operation(llvm::IRBuilder<>& b, ElementOp op, DataType type, llvm::ArrayRef<Value*> v,
                       const TargetFacts& target) {
  namespace I = llvm::Intrinsic;
  switch (op) {
    case ElementOp::add: return b.CreateFAdd(v[0], v[1]);
    case ElementOp::subtract: return b.CreateFSub(v[0], v[1]);
    case ElementOp::multiply: return b.CreateFMul(v[0], v[1]);
    case ElementOp::divide: return b.CreateFDiv(v[0], v[1]);
    case ElementOp::negate: return b.CreateFNeg(v[0]);
    case ElementOp::absolute: return b.CreateUnaryIntrinsic(I::fabs, v[0]);
    case ElementOp::square_root: return b.CreateUnaryIntrinsic(I::sqrt, v[0]);
    case ElementOp::floor: return b.CreateUnaryIntrinsic(I::floor, v[0]);
    case ElementOp::ceil: return b.CreateUnaryIntrinsic(I::ceil, v[0]);
    case ElementOp::truncate: return b.CreateUnaryIntrinsic(I::trunc, v[0]);
    case ElementOp::round_half_even: return b.CreateUnaryIntrinsic(I::roundeven, v[0]);
    case ElementOp::copy_sign: return b.CreateBinaryIntrinsic(I::copysign, v[0], v[1]);
    default: break;
  }
  if (op < ElementOp::exponent) refuse(op, type);
  return emit_function(b, op, v, target);
}

Value* integer_operation(llvm::IRBuilder<>& b, ElementOp op, DataType type,
                         llvm::ArrayRef<Value*> v) {
  switch (op) {
    case ElementOp::add: return b.CreateAdd(v[0], v[1]);
    case ElementOp::subtract: return b.CreateSub(v[0], v[1]);
    case ElementOp::multiply: return b.CreateMul(v[0], v[1]);
    case ElementOp::integer_quotient:
    case ElementOp::integer_remainder: return integer_division(b, op, type, v[0], v[1]);
    case ElementOp::negate: return b.CreateNeg(v[0]);
    case ElementOp::absolute:
      if (!is_signed_integer(type)) return v[0];
      return b.CreateBinaryIntrinsic(llvm::Intrinsic::abs, v[0], b.getFalse());
    case ElementOp::bit_and: return b.CreateAnd(v[0], v[1]);
    case ElementOp::bit_or: return b.CreateOr(v[0], v[1]);
    case ElementOp::bit_xor: return b.CreateXor(v[0], v[1]);
    case ElementOp::bit_not: return b.CreateNot(v[0]);
    case ElementOp::shift_left:
    case ElementOp::shift_right: return shift(b, op, type, v[0], v[1]);
    case ElementOp::population_count: return b.CreateUnaryIntrinsic(llvm::Intrinsic::ctpop, v[0]);
    case ElementOp::high_product: return high_product(b, type, v[0], v[1]);
    default: refuse(op, type);
  }
}

}  // namespace

llvm::Type* type_like(llvm::Type* like, llvm::Type* element) {
  if (const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(like))
    return llvm::FixedVectorType::get(element, vector->getNumElements());
  return element;
}

llvm::Type* register_type(llvm::LLVMContext& context, DataType type, int lanes) {
  llvm::Type* element = nullptr;
  if (type == DataType::float32) element = llvm::Type::getFloatTy(context);
  else if (type == DataType::float64) element = llvm::Type::getDoubleTy(context);
  else if (type == DataType::boolean) element = llvm::Type::getInt1Ty(context);
  else element = llvm::Type::getIntNTy(context, static_cast<unsigned>(size_of(type) * 8));
  return lanes == 1 ? element : llvm::FixedVectorType::get(element, static_cast<unsigned>(lanes));
}

llvm::Type* memory_type(llvm::LLVMContext& context, DataType type, int lanes) {
  return register_type(context, type == DataType::boolean ? DataType::uint8 : type, lanes);
}

llvm::Constant* literal_value(llvm::LLVMContext& context, DataType type, uint64_t bits) {
  auto* element = register_type(context, type);
  const auto width = static_cast<unsigned>(type == DataType::boolean ? 1 : size_of(type) * 8);
  const llvm::APInt integer = llvm::APInt(64, bits).trunc(width);
  if (!element->isFloatingPointTy()) return llvm::ConstantInt::get(context, integer);
  return llvm::ConstantFP::get(context, llvm::APFloat(element->getFltSemantics(), integer));
}

llvm::Value* emit_operation(llvm::IRBuilder<>& builder, ElementOp op, DataType type,
                            llvm::ArrayRef<llvm::Value*> operands, const TargetFacts& target) {
  switch (op) {
    case ElementOp::select: return builder.CreateSelect(operands[0], operands[1], operands[2]);
    case ElementOp::minimum:
      return builder.CreateSelect(compare(builder, ElementOp::less, type, operands[1], operands[0]),
                                  operands[1], operands[0]);
    case ElementOp::maximum:
      return builder.CreateSelect(
          compare(builder, ElementOp::greater, type, operands[1], operands[0]), operands[1],
          operands[0]);
    default: break;
  }
  if (op >= ElementOp::equal && op <= ElementOp::greater_equal)
    return compare(builder, op, type, operands[0], operands[1]);
  if (type == DataType::float32 || type == DataType::float64)
    return float_operation(builder, op, type, operands, target);
  if (is_integer(type) || type == DataType::boolean)
    return integer_operation(builder, op, type, operands);
  refuse(op, type);
}

}  // namespace mpsg
