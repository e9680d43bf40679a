// What the three recurrent layers (single gate, LSTM, GRU) share: shapes, directions, and how their
// rows are built from a layer's parts.
//
// A layer is a composite: the product of the whole sequence with the input weights, then the steps
// in time (rows of their own, `lstm_steps` and so on, with a loop of their own), and for the
// gradient the steps backwards, then products over the whole sequence again.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/shape_rules.h"

namespace mpsg::ops::rnn {

// --- Shapes

/// Sizes of a layer: T steps, N sequences, H units, the layer's number of gates.
struct Sizes {
  int64_t steps = unknown_dimension;
  int64_t batch = unknown_dimension;
  int64_t units = unknown_dimension;
  int64_t gates = 1;
  int64_t directions = 1;

  Shape state() const { return {steps, batch, times(directions)}; }
  Shape gate_values() const { return {steps, batch, times(directions * gates)}; }
  Shape one_state() const { return {batch, times(directions)}; }
  /// `count` vectors of H elements side by side.
  int64_t times(int64_t count) const { return units < 0 ? units : units * count; }
};

/// Checks the operands that all layers have (source, recurrent_weight, input_weight, bias,
/// init_state, mask) against each other, and says the sizes.
Sizes layer_sizes(InferContext& c, int64_t gates);
/// Fails unless the operand, if given, has the shape; "recurrent weights of ..." explains why.
void require_shape(InferContext& c, const char* operand, const Shape& shape);

/// Of a row of steps: `values` is the operand of shape (T, N, gates * H).
Sizes steps_sizes(InferContext& c, const char* values, int64_t gates);

// --- Building

/// Concatenates the two directions of a layer along `axis`, or gives the only one.
Tensor joined(const std::vector<Tensor>& directions, int64_t axis);
/// Part `index` of two along `axis`, or all of it if there is one direction; an empty tensor stays.
Tensor part(const Tensor& x, int64_t directions, int64_t index, int64_t axis);
/// Part of a mask, whose last dimension may be 1: then it is both directions'.
Tensor mask_part(const Tensor& mask, int64_t directions, int64_t index);
/// The recurrent weights of a direction: (2, gates * H, H) has one more dimension.
Tensor recurrent_part(const Tensor& weights, int64_t directions, int64_t index);
std::vector<Tensor> split(const Tensor& x, int64_t parts, int64_t axis);
Tensor expand_dims(const Tensor& x, int64_t axis);

/// x (T, N, K) * transposed(w) (K, J), and x (T, N, J) * w (J, K).
Tensor times_transposed(const Tensor& x, const Tensor& w);
Tensor times(const Tensor& x, const Tensor& w);
/// The sum over steps and sequences of a (T, N, J) times b (T, N, K): (J, K).
Tensor sum_of_products(const Tensor& a, const Tensor& b);
/// Sums (T, N, J) to (J).
Tensor sum_of_steps(const Tensor& x);

/// What every step found: the state after the step before, `initial` (zeros if empty) at first.
Tensor states_before(const Tensor& states, const Tensor& initial, bool reverse);
/// `gradients` of all states, plus the gradient of the last one (empty: none).
Tensor with_last(const Tensor& gradients, const Tensor& last, bool reverse);
/// Element by element; an empty `mask` changes nothing.
Tensor masked(const Tensor& state, const Tensor& mask);

/// The activation and, from its value, its slope there.
Tensor activate(RNNActivation activation, const Tensor& x);
Tensor slope(RNNActivation activation, const Tensor& value);

/// What the steps of a direction begin with: source * transposed(input weights) + bias.
Tensor projected(ExpandContext& c, int64_t directions, int64_t index);
/// Gradients of what `projected` read, from those of its results in each direction.
struct InputGradients {
  Tensor source, input_weight, bias;
};
InputGradients input_gradients(ExpandContext& c, const std::vector<Tensor>& of_projected);

/// Attributes that `row` and the operation share, except those named.
std::vector<Argument> shared_attributes(const ExpandContext& c, const char* row,
                                        std::initializer_list<std::string_view> except = {});

/// One node per direction of a layer and which direction in time it has.
std::vector<bool> reversed_directions(const OperationView& layer);

// --- Steps as a for_loop of rows, which can be differentiated again

/// x, if its rank is not known, reshaped to what it must have; an empty tensor stays.
Tensor with_rank(const Tensor& x, int64_t rank);
/// Step `t` of a (T, ...) sequence; zeros where t is outside.
Tensor at_step(const Tensor& sequence, const Tensor& t);
/// A mask whose rank is known, for `mask_at`; `values` are (T, N, parts * H).
Tensor loop_mask(const Tensor& mask, const Tensor& values, int64_t parts);
/// The mask of a step: masks may have the dimension of time or not.
Tensor mask_at(const Tensor& mask, const Tensor& t);
/// Zeros of the shape of one state, (N, H), given (T, N, parts * H).
Tensor zero_state(const Tensor& values, int64_t parts);

/// A loop over the steps. The body gets t and the carried tensors and returns these, then what is
/// to be stacked, (N, J) each. Returns the carried tensors and then the stacks.
using StepBody =
    std::function<std::vector<Tensor>(const Tensor& t, const std::vector<Tensor>& carried)>;
std::vector<Tensor> loop_over_steps(const Tensor& sequence, bool backwards,
                                    const std::vector<Tensor>& carried,
                                    const std::vector<Tensor>& stacks, const StepBody& body);

}  // namespace mpsg::ops::rnn
