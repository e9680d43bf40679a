// Reference loops over the steps of recurrent layers, forwards and backwards in time. They compute
// in the compute type (float for 16-bit types) and round what they write.
#pragma once

#include "graph/contexts.h"
#include "ops/enums.h"

namespace mpsg::ops::rnn {

struct StepsGeometry {
  int64_t steps = 0;
  int64_t batch = 0;
  int64_t units = 0;
  bool reverse = false;

  /// The step in time of the i-th one that is computed.
  int64_t at(int64_t i) const { return reverse ? steps - 1 - i : i; }
};

/// Where a mask, broadcast to (T, N, H), finds its elements.
struct MaskSteps {
  int64_t step = 0, row = 0, unit = 0;
};
MaskSteps mask_steps(const Shape& mask);

struct LstmOptions {
  RNNActivation input, forget, cell, output, state;
  int forget_gate, cell_gate;  // which quarter; the input gate is 0, the output gate 3
};
LstmOptions lstm_options(const OperationView& operation);

struct GruOptions {
  RNNActivation update, reset, output;
  int update_gate, reset_gate;  // which third; the output gate is 2
  bool reset_after, flip_z;
};
GruOptions gru_options(const OperationView& operation);

/// The geometry of a row of steps: its recurrent weights say the units, `values` the rest.
StepsGeometry steps_geometry(const EvaluateContext& c, const char* values);

void evaluate_single_gate_steps(const EvaluateContext& c);
void evaluate_single_gate_steps_gradient(const EvaluateContext& c);
void evaluate_lstm_steps(const EvaluateContext& c);
void evaluate_lstm_steps_gradient(const EvaluateContext& c);
void evaluate_gru_steps(const EvaluateContext& c);
void evaluate_gru_steps_gradient(const EvaluateContext& c);

}  // namespace mpsg::ops::rnn
