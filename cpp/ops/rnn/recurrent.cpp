#include "ops/rnn/recurrent.h"

#include <algorithm>

#include "graph/op_table.h"

namespace mpsg::ops::rnn {

using namespace build;

// --- Shapes

void require_shape(InferContext& c, const char* operand, const Shape& shape) {
  if (!c.has(operand)) return;
  merge_shapes(c, c.shape(operand), shape,
               "'" + std::string(operand) + "' and the shape that it must have");
}

namespace {

/// a and b, of which either may be unknown, must be equal.
int64_t merge_sizes(const InferContext& c, int64_t a, int64_t b, const char* operand,
                    const std::string& what) {
  if (differ(a, b))
    c.fail("'" + std::string(operand) + "' has shape " + c.shape(operand).to_string() + "; " +
           what + " is " + std::to_string(a));
  return std::max(a, b);
}

/// A mask broadcasts to a state (N, H) of every step, or to the states (T, N, H).
void check_mask(const InferContext& c, const Sizes& s) {
  if (!c.has("mask")) return;
  const auto states = s.state();
  const auto both = broadcast_shapes(c, c.shape("mask"), states, "'mask' and the states");
  merge_shapes(c, both, states, "the mask, broadcast, and the states");
}

int64_t dimension(const Shape& shape, int axis) {
  return shape.has_rank() ? shape[axis] : unknown_dimension;
}

}  // namespace

Sizes layer_sizes(InferContext& c, int64_t gates) {
  Sizes s;
  s.gates = gates;
  s.directions = c.flag("bidirectional") ? 2 : 1;
  const bool both = s.directions == 2;
  require_rank(c, "source", 3);
  require_rank(c, "recurrent_weight", both ? 3 : 2);
  const auto &source = c.shape("source"), &recurrent = c.shape("recurrent_weight");
  s.steps = dimension(source, 0);
  s.batch = dimension(source, 1);
  s.units = dimension(recurrent, both ? 2 : 1);
  const Shape expected = both ? Shape{2, s.times(gates), s.units} : Shape{s.times(gates), s.units};
  if (recurrent.has_rank() && differ(recurrent[both ? 1 : 0], s.times(gates)))
    c.fail("'recurrent_weight' has shape " + recurrent.to_string() + "; " + (both ? "(2, " : "(") +
           std::to_string(gates) + " * H, H) is needed");
  require_shape(c, "recurrent_weight", expected);
  if (c.has("init_state")) {
    require_rank(c, "init_state", 2);
    s.batch = merge_sizes(c, s.batch, dimension(c.shape("init_state"), 0), "init_state",
                          "the number of sequences");
  }
  const int64_t values = s.times(gates * s.directions);
  if (c.has("input_weight")) require_shape(c, "input_weight", {values, dimension(source, 2)});
  else if (differ(dimension(source, 2), values))
    c.fail("'source' has shape " + source.to_string() + "; without 'input_weight' it must be " +
           s.gate_values().to_string() + ", a value for every gate");
  require_shape(c, "bias", {values});
  require_shape(c, "init_state", s.one_state());
  check_mask(c, s);
  return s;
}

Sizes steps_sizes(InferContext& c, const char* values, int64_t gates) {
  Sizes s;
  s.gates = gates;
  require_rank(c, values, 3);
  s.steps = dimension(c.shape(values), 0);
  s.batch = dimension(c.shape(values), 1);
  s.units = dimension(c.shape("recurrent_weight"), 1);
  require_shape(c, "recurrent_weight", {s.times(gates), s.units});
  require_shape(c, values, s.gate_values());
  if (c.row().operand_index("init_state") >= 0) require_shape(c, "init_state", s.one_state());
  check_mask(c, s);
  return s;
}

// --- Building

std::vector<Tensor> split(const Tensor& x, int64_t parts, int64_t axis) {
  return x.graph().add("split", {{"tensor", x}, {"num_splits", parts}, {"axis", axis}});
}

Tensor expand_dims(const Tensor& x, int64_t axis) {
  return x.graph().add_one("expand_dims", {{"tensor", x}, {"axes", std::vector<int64_t>{axis}}});
}

namespace {
Tensor squeeze(const Tensor& x, int64_t axis) {
  return x.graph().add_one("squeeze", {{"tensor", x}, {"axes", std::vector<int64_t>{axis}}});
}
Tensor concat(const std::vector<Tensor>& parts, int64_t axis) {
  return parts[0].graph().add_one("concat", {{"tensors", parts}, {"dimension", axis}});
}
Tensor product(const Tensor& a, const Tensor& b, bool transpose_a, bool transpose_b) {
  const auto transposed = [](const Tensor& x) {
    return x.graph().add_one("transpose", {{"tensor", x},
                                           {"dimension", AttributeValue(int64_t{-2})},
                                           {"with_dimension", AttributeValue(int64_t{-1})}});
  };
  return a.graph().add_one("matrix_multiplication",
                           {{"primary", transpose_a ? transposed(a) : a},
                            {"secondary", transpose_b ? transposed(b) : b}});
}
Tensor flattened(const Tensor& x) {
  return x.graph().add_one("flatten_2d", {{"tensor", x}, {"axis", int64_t{2}}});
}
/// Steps added before and after a sequence of rank 3; negative numbers crop.
Tensor shifted(const Tensor& x, int64_t before, int64_t after) {
  return x.graph().add_one("pad", {{"tensor", x},
                                   {"padding_mode", static_cast<int64_t>(PaddingMode::ZERO)},
                                   {"left_padding", std::vector<int64_t>{before, 0, 0}},
                                   {"right_padding", std::vector<int64_t>{after, 0, 0}}});
}
}  // namespace

Tensor joined(const std::vector<Tensor>& directions, int64_t axis) {
  return directions.size() == 1 ? directions[0] : concat(directions, axis);
}

Tensor part(const Tensor& x, int64_t directions, int64_t index, int64_t axis) {
  if (!x || directions == 1) return x;
  return split(x, directions, axis)[static_cast<size_t>(index)];
}

Tensor mask_part(const Tensor& mask, int64_t directions, int64_t index) {
  if (!mask || directions == 1) return mask;
  const auto shape = mask.shape();
  if (shape.has_rank() && (shape.rank() == 0 || shape[shape.rank() - 1] == 1)) return mask;
  return part(mask, directions, index, -1);
}

Tensor recurrent_part(const Tensor& weights, int64_t directions, int64_t index) {
  if (directions == 1) return weights;
  return squeeze(part(weights, directions, index, 0), 0);
}

Tensor times_transposed(const Tensor& x, const Tensor& w) { return product(x, w, false, true); }
Tensor times(const Tensor& x, const Tensor& w) { return product(x, w, false, false); }
Tensor sum_of_products(const Tensor& a, const Tensor& b) {
  return product(flattened(a), flattened(b), true, false);
}

Tensor sum_of_steps(const Tensor& x) {
  const std::vector<int64_t> axes{0, 1};
  return x.graph().add_one("squeeze", {{"tensor", sum(x, {"axes", axes})}, {"axes", axes}});
}

Tensor states_before(const Tensor& states, const Tensor& initial, bool reverse) {
  if (!initial) return reverse ? shifted(states, -1, 1) : shifted(states, 1, -1);
  const auto first = expand_dims(initial, 0);
  if (reverse) return shifted(concat({states, first}, 0), -1, 0);
  return shifted(concat({first, states}, 0), 0, -1);
}

Tensor with_last(const Tensor& gradients, const Tensor& last, bool reverse) {
  if (!last) return gradients;
  // Zeros for all steps and then the last one, cut to the number of steps.
  const auto zeros = zeros_like(gradients), one = expand_dims(last, 0);
  if (reverse) return gradients + shifted(concat({one, zeros}, 0), 0, -1);
  return gradients + shifted(concat({zeros, one}, 0), -1, 0);
}

Tensor masked(const Tensor& state, const Tensor& mask) { return mask ? state * mask : state; }

Tensor activate(RNNActivation activation, const Tensor& x) {
  switch (activation) {
    case RNNActivation::NONE: return x;
    case RNNActivation::RELU: return unary("relu", x);
    case RNNActivation::TANH: return unary("tanh", x);
    case RNNActivation::SIGMOID: return unary("sigmoid", x);
    case RNNActivation::HARD_SIGMOID: break;
  }
  return x.graph().add_one("clamp", {{"tensor", x * 0.2 + 0.5},
                                     {"min_value", TensorOrScalar(Scalar(0.0))},
                                     {"max_value", TensorOrScalar(Scalar(1.0))}});
}

Tensor slope(RNNActivation activation, const Tensor& value) {
  const auto where = [&](const Tensor& condition, double number) {
    return select(condition, constant(value.graph(), number, value.data_type()), Scalar(0.0));
  };
  switch (activation) {
    case RNNActivation::NONE: return ones_like(value);
    case RNNActivation::RELU: return where(binary("greater_than", value, Scalar(0.0)), 1.0);
    case RNNActivation::TANH: return 1.0 - square(value);
    case RNNActivation::SIGMOID: return value * (1.0 - value);
    case RNNActivation::HARD_SIGMOID: break;
  }
  return where(binary("logical_and", binary("greater_than", value, Scalar(0.0)),
                      binary("less_than", value, Scalar(1.0))),
               0.2);
}

Tensor projected(ExpandContext& c, int64_t directions, int64_t index) {
  const auto source = c.input("source"), weights = c.input("input_weight");
  auto values = weights ? times_transposed(source, part(weights, directions, index, 0))
                        : part(source, directions, index, 2);
  if (c.has("bias")) values = values + part(c.input("bias"), directions, index, 0);
  return values;
}

InputGradients input_gradients(ExpandContext& c, const std::vector<Tensor>& of_projected) {
  const auto source = c.input("source"), weights = c.input("input_weight");
  const auto directions = std::ssize(of_projected);
  InputGradients found;
  std::vector<Tensor> of_weights, of_bias;
  for (int64_t i = 0; i < directions; ++i) {
    const auto& gradient = of_projected[static_cast<size_t>(i)];
    if (weights) {
      const auto of_source = times(gradient, part(weights, directions, i, 0));
      found.source = found.source ? found.source + of_source : of_source;
      of_weights.push_back(sum_of_products(gradient, source));
    }
    if (c.has("bias")) of_bias.push_back(sum_of_steps(gradient));
  }
  if (weights) found.input_weight = joined(of_weights, 0);
  else found.source = joined(of_projected, 2);
  if (c.has("bias")) found.bias = joined(of_bias, 0);
  return found;
}

std::vector<Argument> shared_attributes(const ExpandContext& c, const char* row,
                                        std::initializer_list<std::string_view> except) {
  std::vector<Argument> arguments;
  const auto& target = require_row(row);
  for (auto& argument : c.forward_attributes())
    if (target.attribute_index(argument.name) >= 0 &&
        std::ranges::find(except, argument.name) == except.end())
      arguments.push_back(std::move(argument));
  return arguments;
}

std::vector<bool> reversed_directions(const OperationView& layer) {
  if (layer.flag("bidirectional")) return {false, true};
  return {layer.flag("reverse")};
}

// --- Steps as a for_loop

Tensor with_rank(const Tensor& x, int64_t rank) {
  if (!x || x.shape().has_rank()) return x;
  const auto shape = x.graph().add_one(
      "reshape", {{"tensor", shape_of(x)}, {"shape", std::vector<int64_t>{rank}}});
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", shape}});
}

Tensor loop_mask(const Tensor& mask, const Tensor& values, int64_t parts) {
  if (!mask || mask.shape().has_rank()) return mask;
  return broadcast_like(mask, split(values, parts, 2)[0]);
}

Tensor at_step(const Tensor& sequence, const Tensor& t) {
  return sequence.graph().add_one("gather",
                                  {{"updates", sequence}, {"indices", t}, {"axis", int64_t{0}}});
}

Tensor mask_at(const Tensor& mask, const Tensor& t) {
  if (!mask || !mask.shape().has_rank() || mask.shape().rank() < 3) return mask;
  if (mask.shape()[0] == 1) return squeeze(mask, 0);
  return at_step(mask, t);
}

Tensor zero_state(const Tensor& values, int64_t parts) {
  const auto one = sum(split(values, parts, 2)[0], {"axes", std::vector<int64_t>{0}});
  return zeros_like(squeeze(one, 0));
}

std::vector<Tensor> loop_over_steps(const Tensor& sequence, bool backwards,
                                    const std::vector<Tensor>& carried,
                                    const std::vector<Tensor>& stacks, const StepBody& body) {
  auto graph = sequence.graph();
  const auto shape = shape_of(sequence);
  const auto count = squeeze(graph.add_one("slice", {{"tensor", shape},
                                                     {"starts", std::vector<int64_t>{0}},
                                                     {"ends", std::vector<int64_t>{1}},
                                                     {"strides", std::vector<int64_t>{1}}}),
                             0);
  auto all = carried;
  all.insert(all.end(), stacks.begin(), stacks.end());
  const Block block = [&](const std::vector<Tensor>& given) {
    const auto i = given[0];
    const auto t = backwards ? count - i - constant(graph, 1, i.data_type()) : i;
    const auto first_stack = given.begin() + 1 + std::ssize(carried);
    auto next = body(t, std::vector<Tensor>(given.begin() + 1, first_stack));
    const auto zeros = constant(graph, 0, i.data_type());
    const auto row = [&](const Tensor& x) {
      return graph.add_one("reshape", {{"tensor", x}, {"shape", std::vector<int64_t>{1}}});
    };
    const auto start = concat({row(t), row(zeros), row(zeros)}, 0);
    for (size_t k = 0; k < stacks.size(); ++k) {
      auto& value = next[carried.size() + k];
      value =
          graph.add_one("slice_update", {{"data", *(first_stack + static_cast<std::ptrdiff_t>(k))},
                                         {"update", expand_dims(value, 0)},
                                         {"start_tensor", start}});
    }
    return next;
  };
  return graph.add(
      "for_loop",
      {{"initial_body_arguments", all}, {"number_of_iterations", count}, {"body", block}});
}

}  // namespace mpsg::ops::rnn
