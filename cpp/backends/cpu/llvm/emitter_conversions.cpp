// Conversions between element types, bit by bit as the row `cast` does them.
#include <llvm/IR/Intrinsics.h>

#include "backends/cpu/llvm/emitter_instructions.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

using llvm::Value;

llvm::Constant* word(Value* like, uint64_t value) {
  return llvm::ConstantInt::get(like->getType(), value);
}

/// float16 where the processor does not convert it.
Value* widen_half_by_bits(llvm::IRBuilder<>& b, Value* half) {
  auto* words = type_like(half->getType(), b.getInt32Ty());
  auto* floats = type_like(half->getType(), b.getFloatTy());
  auto* bits = b.CreateZExt(half, words);
  auto* sign = b.CreateShl(b.CreateAnd(bits, word(bits, 0x8000)), 16);
  auto* magnitude = b.CreateAnd(bits, word(bits, 0x7fff));
  auto* normal = b.CreateAdd(b.CreateShl(magnitude, 13), word(bits, 112u << 23));
  auto* special = b.CreateOr(b.CreateShl(magnitude, 13), word(bits, 0x7f800000));
  auto* tiny = b.CreateBitCast(
      b.CreateFMul(b.CreateUIToFP(magnitude, floats), llvm::ConstantFP::get(floats, 0x1p-24)),
      words);
  auto* finite = b.CreateSelect(b.CreateICmpULT(magnitude, word(bits, 0x400)), tiny, normal);
  auto* value = b.CreateSelect(b.CreateICmpUGE(magnitude, word(bits, 0x7c00)), special, finite);
  return b.CreateBitCast(b.CreateOr(value, sign), floats);
}

Value* narrow_to_half_by_bits(llvm::IRBuilder<>& b, Value* x) {
  auto* words = type_like(x->getType(), b.getInt32Ty());
  auto* floats = x->getType();
  auto* bits = b.CreateBitCast(x, words);
  auto* sign = b.CreateAnd(b.CreateLShr(bits, 16), word(bits, 0x8000));
  auto* magnitude = b.CreateAnd(bits, word(bits, 0x7fffffff));
  auto* payload = b.CreateAnd(b.CreateLShr(magnitude, 13), word(bits, 0x1ff));
  auto* nan = b.CreateOr(payload, word(bits, 0x7e00));
  // The float adder rounds subnormal results.
  auto* moved =
      b.CreateFAdd(b.CreateBitCast(magnitude, floats), llvm::ConstantFP::get(floats, 0.5));
  auto* tiny = b.CreateSub(b.CreateBitCast(moved, words), word(bits, 0x3f000000));
  auto* odd = b.CreateAnd(b.CreateLShr(magnitude, 13), word(bits, 1));
  auto* rounded = b.CreateAdd(b.CreateAdd(magnitude, odd), word(bits, 0xfff - 0x38000000u));
  auto* result = b.CreateLShr(rounded, 13);
  result = b.CreateSelect(b.CreateICmpULT(magnitude, word(bits, 0x38800000)), tiny, result);
  result = b.CreateSelect(b.CreateICmpUGE(magnitude, word(bits, 0x477ff000)), word(bits, 0x7c00),
                          result);
  result = b.CreateSelect(b.CreateICmpUGT(magnitude, word(bits, 0x7f800000)), nan, result);
  return b.CreateTrunc(b.CreateOr(result, sign), type_like(x->getType(), b.getInt16Ty()));
}

bool converts_half(const TargetFacts& target) {
  return target.has_f16c || target.architecture == TargetArchitecture::aarch64;
}

// Between fences, or LLVM would compute what is around it in float16, which processors cannot: it
// calls routines for that.
Value* widen_half(llvm::IRBuilder<>& b, Value* half, const TargetFacts& target) {
  if (!converts_half(target)) return widen_half_by_bits(b, half);
  auto* floats = type_like(half->getType(), b.getFloatTy());
  auto* halves = b.CreateBitCast(half, type_like(half->getType(), b.getHalfTy()));
  return b.CreateArithmeticFence(b.CreateFPExt(halves, floats), floats);
}

Value* narrow_to_half(llvm::IRBuilder<>& b, Value* x, const TargetFacts& target) {
  if (!converts_half(target)) return narrow_to_half_by_bits(b, x);
  auto* fenced = b.CreateArithmeticFence(x, x->getType());
  auto* halves = b.CreateFPTrunc(fenced, type_like(x->getType(), b.getHalfTy()));
  return b.CreateBitCast(halves, type_like(x->getType(), b.getInt16Ty()));
}

Value* widen_brain(llvm::IRBuilder<>& b, Value* brain) {
  auto* words = b.CreateZExt(brain, type_like(brain->getType(), b.getInt32Ty()));
  return b.CreateBitCast(b.CreateShl(words, 16), type_like(brain->getType(), b.getFloatTy()));
}

// Not with AVX-512's instruction: it takes denormal numbers for zero.
Value* narrow_to_brain(llvm::IRBuilder<>& b, Value* x) {
  auto* bits = b.CreateBitCast(x, type_like(x->getType(), b.getInt32Ty()));
  auto* high = b.CreateLShr(bits, 16);
  auto* odd = b.CreateAnd(high, word(bits, 1));
  auto* rounded = b.CreateLShr(b.CreateAdd(bits, b.CreateAdd(odd, word(bits, 0x7fff))), 16);
  auto* result = b.CreateSelect(b.CreateFCmpUNO(x, x), b.CreateOr(high, word(bits, 0x40)), rounded);
  return b.CreateTrunc(result, type_like(x->getType(), b.getInt16Ty()));
}

/// A machine's float, whose type is `from`, to any type.
Value* from_float(llvm::IRBuilder<>& b, Value* x, DataType from, DataType to,
                  const TargetFacts& target) {
  auto* type = type_like(x->getType(), register_type(b.getContext(), to));
  if (to == DataType::boolean)
    return b.CreateFCmpUNE(x, llvm::Constant::getNullValue(x->getType()));
  if (to == DataType::float64) return b.CreateFPExt(x, type);
  if (is_integer(to))
    return b.CreateIntrinsic(
        is_signed_integer(to) ? llvm::Intrinsic::fptosi_sat : llvm::Intrinsic::fptoui_sat,
        {type, x->getType()}, {x});
  if (from == DataType::float64) x = b.CreateFPTrunc(x, type_like(x->getType(), b.getFloatTy()));
  if (to == DataType::float16) return narrow_to_half(b, x, target);
  return to == DataType::bfloat16 ? narrow_to_brain(b, x) : x;
}

Value* from_integer(llvm::IRBuilder<>& b, Value* x, DataType from, DataType to,
                    const TargetFacts& target) {
  auto* type = type_like(x->getType(), register_type(b.getContext(), to));
  const bool is_signed = is_signed_integer(from);
  if (to == DataType::boolean) return b.CreateICmpNE(x, word(x, 0));
  if (is_integer(to)) return b.CreateIntCast(x, type, is_signed);
  const bool half = to == DataType::float16 || to == DataType::bfloat16;
  if (half) type = type_like(x->getType(), b.getFloatTy());
  auto* real = is_signed ? b.CreateSIToFP(x, type) : b.CreateUIToFP(x, type);
  return half ? from_float(b, real, DataType::float32, to, target) : real;
}

uint64_t bits_of_one(DataType type) {
  switch (type) {
    case DataType::float16: return 0x3c00;
    case DataType::bfloat16: return 0x3f80;
    case DataType::float32: return 0x3f800000;
    case DataType::float64: return 0x3ff0000000000000;
    default: return 1;
  }
}

}  // namespace

llvm::Value* emit_conversion(llvm::IRBuilder<>& builder, llvm::Value* value, DataType from,
                             DataType to, const TargetFacts& target) {
  if (from == to) return value;
  if (is_complex(from) || is_complex(to))
    throw InternalError("no code for a conversion of complex numbers");
  if (from == DataType::float16)
    return emit_conversion(builder, widen_half(builder, value, target), DataType::float32, to,
                           target);
  if (from == DataType::bfloat16)
    return emit_conversion(builder, widen_brain(builder, value), DataType::float32, to, target);
  if (is_floating(from)) return from_float(builder, value, from, to, target);
  if (from == DataType::boolean) {
    const auto splat = [&](uint64_t bits) {
      auto* constant = literal_value(builder.getContext(), to, bits);
      const auto* vector = llvm::dyn_cast<llvm::FixedVectorType>(value->getType());
      return vector ? llvm::ConstantVector::getSplat(vector->getElementCount(), constant)
                    : constant;
    };
    return builder.CreateSelect(value, splat(bits_of_one(to)), splat(0));
  }
  return from_integer(builder, value, from, to, target);
}

llvm::Value* emit_reinterpretation(llvm::IRBuilder<>& builder, llvm::Value* value, DataType from,
                                   DataType to) {
  if (size_of(from) != size_of(to)) throw InternalError("bits are reinterpreted in another size");
  auto& context = builder.getContext();
  if (from == DataType::boolean)
    value = builder.CreateZExt(value, type_like(value->getType(), builder.getInt8Ty()));
  if (to == DataType::boolean) return builder.CreateICmpNE(value, word(value, 0));
  return builder.CreateBitCast(value, type_like(value->getType(), register_type(context, to)));
}

}  // namespace mpsg
