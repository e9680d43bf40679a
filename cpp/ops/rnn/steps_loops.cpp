#include "ops/rnn/steps_loops.h"

namespace mpsg::ops::rnn {

MaskSteps mask_steps(const Shape& mask) {
  MaskSteps steps;
  int64_t step = 1;
  int64_t* const places[] = {&steps.unit, &steps.row, &steps.step};
  for (int back = 0; back < mask.rank(); ++back) {
    const int64_t size = mask[mask.rank() - 1 - back];
    if (size != 1) *places[back] = step;
    step *= size;
  }
  return steps;
}

LstmOptions lstm_options(const OperationView& operation) {
  const auto activation = [&](const char* name) {
    return operation.enumeration<RNNActivation>(name);
  };
  const bool last = operation.flag("forget_gate_last");
  return {activation("input_gate_activation"),
          activation("forget_gate_activation"),
          activation("cell_gate_activation"),
          activation("output_gate_activation"),
          activation("activation"),
          last ? 2 : 1,
          last ? 1 : 2};
}

GruOptions gru_options(const OperationView& operation) {
  const auto activation = [&](const char* name) {
    return operation.enumeration<RNNActivation>(name);
  };
  const bool first = operation.flag("reset_gate_first");
  return {activation("update_gate_activation"),
          activation("reset_gate_activation"),
          activation("output_gate_activation"),
          first ? 1 : 0,
          first ? 0 : 1,
          operation.flag("reset_after"),
          operation.flag("flip_z")};
}

StepsGeometry steps_geometry(const EvaluateContext& c, const char* values) {
  const auto& shape = c.input(values).shape;
  return {shape[0], shape[1], c.input("recurrent_weight").shape[1], c.flag("reverse")};
}

}  // namespace mpsg::ops::rnn
