// Vector math: the approximated functions of element programs as LLVM IR, on float32 and float64
// scalars and fixed vectors. A result depends neither on the vector's width nor on the lane.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/IR/IRBuilder.h>

#include "backends/cpu/llvm/math_library.h"
#include "backends/cpu/llvm/target.h"
#include "graph/element_program.h"

namespace mpsg {

/// Whether `op` is one of the functions emitted here.
bool is_math_function(ElementOp op);

/// Emits `op` on operands of one type (float, double, or a fixed vector of these).
///
/// float32 is computed inline, except huge arguments of sine, cosine, tangent and remainder, for
/// which a branch on "any lane" calls the C library: the builder may stand in another block
/// afterwards. float64 calls the C library, a vector at a time. Whoever links the module defines
/// the `math_symbols()` in it.
llvm::Value* emit_function(llvm::IRBuilder<>& builder, ElementOp op,
                           llvm::ArrayRef<llvm::Value*> operands, const TargetFacts& target);

}  // namespace mpsg
