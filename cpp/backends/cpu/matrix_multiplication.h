// Kernels of matrix products on our own micro-kernels, for float32.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/contraction/blocking.h"
#include "backends/cpu/contraction/packing.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

/// A batch of products, by sizes and steps in elements: any layout of operands and result whose
/// columns are adjacent in the result.
struct MatrixProduct {
  /// Element (row, column) of the matrix of an item, from where the item's matrix begins.
  struct Operand {
    int64_t row_step = 0;
    int64_t column_step = 0;
    contraction::BatchSteps batch;
  };
  contraction::Extents extents;
  Operand primary;
  Operand secondary;
  int64_t result_item_step = 0;
  int64_t result_row_step = 0;
};

/// nullptr where the row's reference loop is to run: other types than float32, unknown sizes.
std::unique_ptr<Kernel> make_matrix_multiplication(const Plan& plan, const PlanStep& step,
                                                   const ThreadPool& pool);

std::unique_ptr<Kernel> make_matrix_product(
    const MatrixProduct& product, const ThreadPool& pool,
    const contraction::MicroKernels& kernels = contraction::best_micro_kernels());

}  // namespace mpsg
