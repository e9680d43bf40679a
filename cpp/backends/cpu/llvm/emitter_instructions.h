// The exact instructions of element programs, on scalars or vectors alike.
#pragma once

#include <llvm/ADT/ArrayRef.h>
#include <llvm/IR/IRBuilder.h>

#include "backends/cpu/llvm/target.h"
#include "graph/element_program.h"
#include "graph/stitched_kernel.h"

namespace mpsg {

/// In registers bools are single bits, and 16-bit floats and complex numbers are words that are
/// only moved and converted.
llvm::Type* register_type(llvm::LLVMContext& context, DataType type, int lanes = 1);
/// What is in memory: an integer for all but the floats that are computed with.
llvm::Type* memory_type(llvm::LLVMContext& context, DataType type, int lanes = 1);
llvm::Constant* literal_value(llvm::LLVMContext& context, DataType type, uint64_t bits);
/// A type like `like` (a vector of as many elements, or a scalar) of `element`.
llvm::Type* type_like(llvm::Type* like, llvm::Type* element);

/// Any operation but a source. `type` is the operands'.
llvm::Value* emit_operation(llvm::IRBuilder<>& builder, ElementOp op, DataType type,
                            llvm::ArrayRef<llvm::Value*> operands, const TargetFacts& target);
/// To another type, as the row `cast` does.
llvm::Value* emit_conversion(llvm::IRBuilder<>& builder, llvm::Value* value, DataType from,
                             DataType to, const TargetFacts& target);
llvm::Value* emit_reinterpretation(llvm::IRBuilder<>& builder, llvm::Value* value, DataType from,
                                   DataType to);

/// What folding starts with, where there is something to fold, and the result where there is not.
llvm::Constant* fold_start(llvm::LLVMContext& context, FoldKind fold, DataType accumulator,
                           bool of_nothing);
llvm::Value* emit_fold(llvm::IRBuilder<>& builder, FoldKind fold, DataType accumulator,
                       llvm::Value* so_far, llvm::Value* value);

}  // namespace mpsg
