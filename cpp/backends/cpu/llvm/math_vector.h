// What the formulas of the vector math are written in: arithmetic on one floating-point type,
// scalar or vector, and the few steps for which processors have instructions of their own.
#pragma once

#include <llvm/IR/IRBuilder.h>

#include <array>
#include <functional>
#include <span>
#include <vector>

#include "backends/cpu/llvm/target.h"
#include "graph/element_program.h"

namespace mpsg {

class VectorMath {
 public:
  using Value = llvm::Value;

  /// `type`: float, double or a fixed vector of these.
  VectorMath(llvm::IRBuilder<>& builder, llvm::Type* type, const TargetFacts& target);

  llvm::IRBuilder<>& builder() { return builder_; }
  const TargetFacts& target() const { return target_; }

  // Constants and types
  Value* constant(double value) const;
  Value* integer(uint64_t value) const;
  Value* infinity() const;
  Value* not_a_number() const;
  Value* to_bits(Value* a);
  Value* from_bits(Value* a);

  // Arithmetic
  Value* add(Value* a, Value* b) { return builder_.CreateFAdd(a, b); }
  Value* subtract(Value* a, Value* b) { return builder_.CreateFSub(a, b); }
  Value* multiply(Value* a, Value* b) { return builder_.CreateFMul(a, b); }
  Value* divide(Value* a, Value* b) { return builder_.CreateFDiv(a, b); }
  Value* negate(Value* a) { return builder_.CreateFNeg(a); }
  Value* absolute(Value* a);
  Value* copy_sign(Value* magnitude, Value* sign);
  Value* square_root(Value* a);
  Value* truncate(Value* a);
  /// a * b + c, rounded once for floats; for doubles perhaps twice (they have bits to spare).
  Value* multiply_add(Value* a, Value* b, Value* c);
  /// Sum of coefficients[i] * x^i.
  Value* polynomial(Value* x, std::span<const float> coefficients);
  Value* polynomial(Value* x, std::span<const double> coefficients);

  // Choices; the two bounds let NaN pass
  Value* select(Value* condition, Value* a, Value* b) {
    return builder_.CreateSelect(condition, a, b);
  }
  Value* at_most(Value* a, double bound);
  Value* at_least(Value* a, double bound);

  // Steps with instructions of their own; floats only
  /// Whether tables should be short (8 entries) because a lookup takes one AVX2 instruction then.
  bool prefers_short_tables() const { return target_.has_avx2 && !target_.has_avx512; }
  /// table[low bits of index]; 8, 16 or 32 entries.
  Value* lookup(Value* index, std::span<const float> table);
  /// a * 2^n, rounded once: a in [1/2, 2], n an integer in [-152, 129] (or a and n NaN);
  /// `bits`: n in its low bits, two's complement.
  Value* scale(Value* a, Value* n, Value* bits);
  /// x = mantissa * 2^exponent with a mantissa in [3/4, 3/2). Zero, infinity: the exponent is
  /// -infinity, infinity and the mantissa 1; negative, NaN: a NaN. False, and nothing done, where
  /// the processor has no instructions for it.
  bool split(Value* x, Value*& mantissa, Value*& exponent);

  // Double precision for functions of floats
  VectorMath widened() const;
  Value* widen(Value* a);   // this is the wide one
  Value* narrow(Value* a);  // to float

  // The C library
  /// The library's `op`, for all lanes.
  Value* library(ElementOp op, llvm::ArrayRef<Value*> operands);
  /// `fast`, but the library's `op` in lanes where `rare` holds; skipped if there is none.
  Value* library_where(Value* rare, Value* fast, ElementOp op, llvm::ArrayRef<Value*> operands);

 private:
  using ChunkFunction = std::function<Value*(llvm::ArrayRef<Value*>)>;

  int lanes() const;
  llvm::Type* shaped(llvm::Type* element) const;  // like type_, of other elements
  Value* loaded(Value* index, std::span<const float> table);
  Value* in_chunks(llvm::ArrayRef<Value*> operands, int chunk, const ChunkFunction& function);
  Value* piece(Value* a, int first, int chunk);
  Value* avx512(const std::array<unsigned, 3>& widths, llvm::ArrayRef<Value*> operands,
                int immediate);

  llvm::IRBuilder<>& builder_;
  llvm::Type* type_;
  const TargetFacts& target_;
};

}  // namespace mpsg
