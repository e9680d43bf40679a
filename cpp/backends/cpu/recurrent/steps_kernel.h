// What the kernels of recurrent steps share. Sequences do not need each other: each thread takes
// some of them through all steps.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "backends/common/kernel.h"
#include "backends/cpu/recurrent/gates.h"
#include "backends/cpu/recurrent/products.h"
#include "backends/cpu/thread_pool.h"
#include "ops/rnn/steps_loops.h"

namespace mpsg::recurrent {

class StepsKernel : public Kernel {
 public:
  void run(const KernelArguments& arguments) const final;
  size_t workspace_bytes() const final;
  std::string description() const final;

 protected:
  /// `values`: the operand (T, N, gates * H).
  StepsKernel(const Plan& plan, const PlanStep& step, const ThreadPool& pool, const char* values);

  /// A matrix made of the recurrent weights from `row` on, to be packed before the steps.
  void add_matrix(const PackedMatrix& matrix, int64_t row);
  /// `vectors` rows of H floats that a sequence needs between the products.
  void add_scratch(int64_t vectors) { vectors_ = vectors; }

  /// One thread's share: some sequences and its memory.
  struct Share {
    const KernelArguments* arguments;
    int64_t begin, end;   // sequences
    const float* packed;  // matrices
    float* scratch;       // of products
    float* vectors;       // (vectors, rows, H)
    int64_t rows() const { return end - begin; }
  };
  virtual void run_share(const Share& share) const = 0;

  /// The operand's memory; nullptr if it is not given.
  const float* input(const Share& share, const char* operand) const;
  float* output(const Share& share, size_t index) const {
    return static_cast<float*>(share.arguments->outputs[index]);
  }
  float* vector(const Share& share, int64_t index) const {
    return share.vectors + index * share.rows() * g_.units;
  }
  void multiply(const Share& share, size_t matrix, const float* x, int64_t x_step, float* result,
                int64_t result_step, bool accumulate) const;
  bool has_mask() const { return mask_input_ >= 0; }
  /// to (rows, H) = or += x (rows, H) * the mask at step t, which is there.
  void apply_mask(const Share& share, int64_t t, const float* x, float* to, bool accumulate) const;

  const ops::rnn::StepsGeometry g_;
  const GateKernels& gates_;

 private:
  struct Matrix {
    PackedMatrix matrix;
    int64_t row;     // of the weights
    int64_t offset;  // in the packed memory
  };

  int64_t share_floats() const;

  const ThreadPool& pool_;
  const int weights_input_;
  const int mask_input_;
  std::vector<std::pair<std::string, int>> operands_;
  ops::rnn::MaskSteps mask_steps_;
  std::vector<Matrix> matrices_;
  int64_t packed_floats_ = 0;
  int64_t panels_ = 0;
  int64_t vectors_ = 0;
  int64_t shares_ = 1;
};

}  // namespace mpsg::recurrent
