// What happens to the units of one sequence at one step of a recurrent layer, one set of loops for
// each instruction set, chosen at run time.
#pragma once

#include <cstdint>

#include "ops/enums.h"

namespace mpsg::recurrent {

using Activation = ops::RNNActivation;

/// Pointers to `units` floats each.
struct SingleGateForward {
  int64_t units;
  Activation activation;
  const float* z;
  float* state;
};
struct SingleGateBackward {
  int64_t units;
  Activation activation;
  const float* z;
  const float* incoming;  // the gradient of this step's state ...
  const float* carried;   // ... and what comes from the step after
  float* result;          // the gradient before the activation
};

struct LstmActivations {
  Activation input, forget, cell, output, state;
};
struct LstmForward {
  int64_t units;
  LstmActivations activations;
  // The gates before the activations, and then after them.
  float *input, *forget, *candidate, *output;
  const float* peephole[4];  // in the same order; null: none
  const float* cell_before;  // null: zeros
  float* cell;
  float* state;
};
struct LstmBackward {
  int64_t units;
  LstmActivations activations;
  const float *input, *forget, *candidate, *output;  // after the activations
  const float* peephole[4];
  const float* cell_before;  // null: zeros
  const float* cell;
  const float* incoming;       // the gradient of this step's state ...
  const float* carried;        // ... and what comes from the step after
  const float* incoming_cell;  // null: none
  float* of_cell;              // from the step after; becomes that of the cell before
  float *of_input, *of_forget, *of_candidate, *of_output;
};

struct GruOptions {
  Activation update, reset, output;
  bool reset_after, flip_z;
};
/// After the product of what the first two gates see.
struct GruGates {
  int64_t units;
  GruOptions options;
  float *update, *reset;
  const float* seen;
  float* product;  // without reset_after: becomes seen * reset
};
/// After the product of what the last gate sees.
struct GruState {
  int64_t units;
  GruOptions options;
  const float *update, *reset;
  float* output;
  const float* product;  // with reset_after
  const float* bias;     // of the product; null: none
  const float* before;   // null: zeros
  float* state;
};
struct GruBackward {
  int64_t units;
  GruOptions options;
  const float *update, *reset, *output;  // after the activations
  const float* before;                   // null: zeros
  const float* incoming;
  float* carried;  // from the step after; becomes what goes around the gates to the step before
  const float* bias;
  float* product;  // with reset_after: of the last gate; becomes its gradient
  float *of_update, *of_reset, *of_output;
};
/// Without reset_after, after the gradient of what the last gate saw is known.
struct GruReset {
  int64_t units;
  GruOptions options;
  const float* reset;
  const float* seen;
  float* of_seen;  // of seen * reset; becomes that of seen
  float* of_reset;
};

struct GateKernels {
  const char* name;
  void (*single_gate_forward)(const SingleGateForward&);
  void (*single_gate_backward)(const SingleGateBackward&);
  void (*lstm_forward)(const LstmForward&);
  void (*lstm_backward)(const LstmBackward&);
  void (*gru_gates)(const GruGates&);
  void (*gru_state)(const GruState&);
  void (*gru_backward)(const GruBackward&);
  void (*gru_reset)(const GruReset&);
};

/// nullptr where the target has no such instructions.
const GateKernels* gate_kernels_avx512();
const GateKernels* gate_kernels_avx2();
const GateKernels* gate_kernels_baseline();
/// The fastest that this processor can execute.
const GateKernels& best_gate_kernels();

}  // namespace mpsg::recurrent
