#include "backends/cpu/matrix_multiplication.h"

#include "backends/cpu/contraction/gemm.h"
#include "backends/cpu/contraction/matrix_vector.h"

namespace mpsg {
namespace {

using contraction::BatchSteps;
using contraction::Contraction;
using contraction::Extents;
using contraction::MatrixVector;
using contraction::MicroKernels;
using contraction::ResultView;
using contraction::StridedSource;

class ProductKernel final : public Kernel {
 public:
  ProductKernel(const MatrixProduct& product, const ThreadPool& pool, const MicroKernels& kernels)
      : product_(product),
        kernels_(kernels),
        contraction_(product.extents, {product.secondary.column_step == 1}, pool, kernels) {}

  void run(const KernelArguments& arguments) const override {
    const auto* const a = static_cast<const float*>(arguments.inputs[0]);
    const auto* const b = static_cast<const float*>(arguments.inputs[1]);
    const MatrixProduct& p = product_;
    const StridedSource primary(a, p.primary.row_step, p.primary.column_step, p.primary.batch,
                                kernels_);
    const StridedSource secondary(b, p.secondary.column_step, p.secondary.row_step,
                                  p.secondary.batch, kernels_);
    const ResultView result{static_cast<float*>(arguments.outputs[0]), p.result_item_step,
                            p.result_row_step};
    contraction_.run(primary, secondary, result, arguments.workspace, arguments.tiles);
  }
  size_t workspace_bytes() const override { return contraction_.workspace_bytes(); }
  bool reports_tiles() const override { return true; }
  std::string description() const override { return contraction_.description(); }

 private:
  const MatrixProduct product_;
  const MicroKernels& kernels_;
  const Contraction contraction_;
};

/// One of the operands has a few rows, or columns.
class VectorKernel final : public Kernel {
 public:
  VectorKernel(const Extents& extents, bool swapped, const MatrixVector& product)
      : extents_(extents), swapped_(swapped), product_(product) {}

  void run(const KernelArguments& arguments) const override {
    const auto* const a = static_cast<const float*>(arguments.inputs[0]);
    const auto* const b = static_cast<const float*>(arguments.inputs[1]);
    product_.run(swapped_ ? b : a, swapped_ ? a : b, static_cast<float*>(arguments.outputs[0]),
                 arguments.workspace);
    if (arguments.tiles) arguments.tiles->finished(0, extents_.rows, 0, extents_.columns);
  }
  size_t workspace_bytes() const override { return product_.workspace_bytes(); }
  bool reports_tiles() const override { return true; }
  std::string description() const override { return product_.description(); }

 private:
  const Extents extents_;
  const bool swapped_;
  const MatrixVector product_;
};

/// The axes before the last two: how far each moves the operand, broadcast where its size is 1.
BatchSteps batch_steps(const Shape& operand, const Shape& result) {
  BatchSteps batch;
  int64_t step = operand[operand.rank() - 2] * operand[operand.rank() - 1];
  for (int axis = result.rank() - 3; axis >= 0; --axis) {
    const int own = axis - result.rank() + operand.rank();
    const int64_t size = own < 0 ? 1 : operand[own];
    if (result[axis] == 1) continue;
    const int64_t move = size == 1 ? 0 : step;
    const auto last = static_cast<size_t>(batch.rank - 1);
    // Neighbours that move alike are one.
    if (batch.rank > 0 && batch.steps[last] * batch.sizes[last] == move) {
      batch.sizes[last] *= result[axis];
    } else {
      batch.sizes[last + 1] = result[axis];
      batch.steps[last + 1] = move;
      ++batch.rank;
    }
    step *= size;
  }
  return batch;
}

/// Items whose rows follow each other and that share the secondary operand are one product.
void join_items(MatrixProduct& p) {
  Extents& e = p.extents;
  const auto& a = p.primary.batch;
  const bool one_secondary = p.secondary.batch.rank == 0 ||
                             (p.secondary.batch.rank == 1 && p.secondary.batch.steps[0] == 0);
  const bool adjacent = a.rank == 1 && a.steps[0] == p.primary.row_step * e.rows;
  const bool result_adjacent = p.result_item_step == p.result_row_step * e.rows;
  if (e.items == 1 || !one_secondary || !adjacent || !result_adjacent) return;
  e.rows *= e.items;
  e.items = 1;
  p.primary.batch = {};
  p.secondary.batch = {};
}

MatrixProduct make_product(const Shape& a, const Shape& b, const Shape& result, bool transpose_a,
                           bool transpose_b) {
  MatrixProduct p;
  Extents& e = p.extents;
  const int last = result.rank() - 1;
  e.rows = result[last - 1];
  e.columns = result[last];
  e.depth = a[a.rank() - (transpose_a ? 2 : 1)];
  for (int axis = 0; axis < last - 1; ++axis) e.items *= result[axis];
  p.primary =
      transpose_a ? MatrixProduct::Operand{1, e.rows, {}} : MatrixProduct::Operand{e.depth, 1, {}};
  p.secondary = transpose_b ? MatrixProduct::Operand{1, e.depth, {}}
                            : MatrixProduct::Operand{e.columns, 1, {}};
  p.primary.batch = batch_steps(a, result);
  p.secondary.batch = batch_steps(b, result);
  p.result_row_step = e.columns;
  p.result_item_step = e.rows * e.columns;
  join_items(p);
  return p;
}

bool is_usable(const TensorType& type) {
  return type.data_type == DataType::float32 && type.shape.is_static() && type.shape.rank() >= 2;
}

bool flag_if_any(const OperationView& view, const char* name) {
  return view.row().attribute_index(name) >= 0 && view.flag(name);
}

std::unique_ptr<Kernel> make_vector_kernel(const MatrixProduct& p, const ThreadPool& pool,
                                           const MicroKernels& kernels) {
  const Extents& e = p.extents;
  if (e.items != 1) return nullptr;
  const MatrixVector::Sizes sizes{e.rows, e.columns, e.depth};
  const MatrixVector::Steps steps{p.primary.row_step,   p.primary.column_step,
                                  p.secondary.row_step, p.secondary.column_step,
                                  p.result_row_step,    1};
  if (MatrixVector::fits(sizes, steps))
    return std::make_unique<VectorKernel>(e, false, MatrixVector(sizes, steps, pool, kernels));
  // The transposed product: the primary operand is the matrix.
  const MatrixVector::Sizes swapped_sizes{e.columns, e.rows, e.depth};
  const MatrixVector::Steps swapped{
      p.secondary.column_step, p.secondary.row_step, p.primary.column_step, p.primary.row_step, 1,
      p.result_row_step};
  if (MatrixVector::fits(swapped_sizes, swapped))
    return std::make_unique<VectorKernel>(e, true,
                                          MatrixVector(swapped_sizes, swapped, pool, kernels));
  return nullptr;
}

}  // namespace

std::unique_ptr<Kernel> make_matrix_product(const MatrixProduct& product, const ThreadPool& pool,
                                            const MicroKernels& kernels) {
  if (auto kernel = make_vector_kernel(product, pool, kernels)) return kernel;
  return std::make_unique<ProductKernel>(product, pool, kernels);
}

std::unique_ptr<Kernel> make_matrix_multiplication(const Plan& plan, const PlanStep& step,
                                                   const ThreadPool& pool) {
  const auto type = [&](int32_t value) -> const TensorType& {
    return plan.values[static_cast<size_t>(value)].type;
  };
  const TensorType &a = type(step.inputs[0]), &b = type(step.inputs[1]),
                   &result = type(step.outputs[0]);
  if (!is_usable(a) || !is_usable(b) || !is_usable(result)) return nullptr;
  if (result.shape.rank() - 2 > BatchSteps::most) return nullptr;
  const auto view = step.view();
  return make_matrix_product(
      make_product(a.shape, b.shape, result.shape, flag_if_any(view, "transpose_primary"),
                   flag_if_any(view, "transpose_secondary")),
      pool);
}

}  // namespace mpsg
