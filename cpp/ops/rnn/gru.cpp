// RNN: gru and its gradient row.
#include "graph/gradients.h"
#include "ops/families.h"
#include "ops/rnn/recurrent.h"
#include "ops/rnn/steps_loops.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace rnn;

// --- Steps of one direction

Row steps_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "RNN")
      .documentation(documentation)
      .internal()
      .types("T", types::floating())
      .not_stitchable("every step needs the one before");
}

Row with_gates(Row row) {
  const auto activation = [](std::string name, RNNActivation value) {
    return enum_attribute(std::move(name), rnn_activation, static_cast<int64_t>(value));
  };
  return std::move(row)
      .keyword_operand("init_state", "T")
      .keyword_operand("mask", "T")
      .keyword_operand("secondary_bias", "T")
      .attribute(boolean_attribute("reset_gate_first", false))
      .attribute(boolean_attribute("reset_after", false))
      .attribute(boolean_attribute("flip_z", false))
      .attribute(activation("update_gate_activation", RNNActivation::SIGMOID))
      .attribute(activation("reset_gate_activation", RNNActivation::SIGMOID))
      .attribute(activation("output_gate_activation", RNNActivation::TANH))
      .attribute(boolean_attribute("reverse", false));
}

/// The first two thirds of (..., 3 * H) in the order z, r whatever the layer's is, and the last.
struct Gates {
  Tensor update, reset, output;

  Gates(const OperationView& o, const Tensor& values, int64_t axis) {
    const auto parts = split(values, 3, axis);
    const bool first = o.flag("reset_gate_first");
    update = parts[first ? 1 : 0];
    reset = parts[first ? 0 : 1];
    output = parts[2];
  }
  Gates(Tensor z, Tensor r, Tensor o)
      : update(std::move(z)), reset(std::move(r)), output(std::move(o)) {}
  Tensor together(const OperationView& o, int64_t axis) const {
    return o.flag("reset_gate_first") ? joined({reset, update, output}, axis)
                                      : joined({update, reset, output}, axis);
  }
};

/// The weights of the gates z and r together, and those of o.
struct Weights {
  Tensor gates, output;

  explicit Weights(const Tensor& weights) {
    const auto parts = split(weights, 3, 0);
    gates = joined({parts[0], parts[1]}, 0);
    output = parts[2];
  }
};

Tensor with_bias(const Tensor& x, const Tensor& bias) { return bias ? x + bias : x; }

/// The steps as a loop of rows, for derivatives that `gru_steps_gradient` does not give.
void steps_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("projected"), 3),
             mask = loop_mask(c.input("mask"), values, 3),
             initial = with_rank(c.input("init_state"), 2),
             bias = with_rank(c.input("secondary_bias"), 1);
  const Weights weights(with_rank(c.input("recurrent_weight"), 2));
  const auto o = gru_options(c);
  const auto results = loop_over_steps(
      values, c.flag("reverse"), {initial ? initial : zero_state(values, 3)},
      {zeros_like(split(values, 3, 2)[0]), zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        const auto state = carried[0], seen = masked(state, mask_at(mask, t));
        const Gates before(c, at_step(values, t), 1);
        const auto products = split(times_transposed(seen, weights.gates), 2, 1);
        const size_t first = o.update_gate == 0 ? 0 : 1;
        const auto z = activate(o.update, before.update + products[first]);
        const auto r = activate(o.reset, before.reset + products[1 - first]);
        const auto product = o.reset_after
                                 ? with_bias(times_transposed(seen, weights.output), bias) * r
                                 : times_transposed(seen * r, weights.output);
        const auto out = activate(o.output, before.output + product);
        const auto keeps = o.flip_z ? 1.0 - z : z;
        const auto next = keeps * state + (1.0 - keeps) * out;
        return {next, next, Gates(z, r, out).together(c, 1)};
      });
  c.give(results[1]);
  c.give(results[2]);
}

void steps_gradient_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("z_state"), 3),
             mask = loop_mask(c.input("mask"), values, 3),
             incoming = with_rank(c.input("gradient"), 3),
             bias = with_rank(c.input("secondary_bias"), 1);
  const auto states = states_before(with_rank(c.input("state"), 3),
                                    with_rank(c.input("init_state"), 2), c.flag("reverse"));
  const Weights weights(with_rank(c.input("recurrent_weight"), 2));
  const auto o = gru_options(c);
  const auto results = loop_over_steps(
      values, !c.flag("reverse"), {zero_state(values, 3)}, {zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        const Gates gates(c, at_step(values, t), 1);
        const auto here = mask_at(mask, t), before = at_step(states, t),
                   seen = masked(before, here), gradient = carried[0] + at_step(incoming, t);
        const auto keeps = o.flip_z ? 1.0 - gates.update : gates.update;
        const auto change = gradient * (before - gates.output);
        const auto of_update = (o.flip_z ? -change : change) * slope(o.update, gates.update);
        const auto of_output = gradient * (1.0 - keeps) * slope(o.output, gates.output);
        Tensor of_seen, of_reset;
        if (o.reset_after) {
          const auto product = with_bias(times_transposed(seen, weights.output), bias);
          of_reset = of_output * product * slope(o.reset, gates.reset);
          of_seen = times(of_output * gates.reset, weights.output);
        } else {
          const auto of_product = times(of_output, weights.output);
          of_reset = of_product * seen * slope(o.reset, gates.reset);
          of_seen = of_product * gates.reset;
        }
        const auto first_two = o.update_gate == 0 ? joined({of_update, of_reset}, 1)
                                                  : joined({of_reset, of_update}, 1);
        of_seen = of_seen + times(first_two, weights.gates);
        return {gradient * keeps + masked(of_seen, here), joined({first_two, of_output}, 1)};
      });
  c.give(results[1]);
  c.give(results[0]);
}

/// Gradients of the recurrent weights and the secondary bias, from that of the values before the
/// activations, (T, N, 3 * H).
struct WeightGradients {
  Tensor weights, bias;
};
WeightGradients weight_gradients(const OperationView& o, const Tensor& of_values,
                                 const Tensor& gates, const Tensor& seen) {
  const auto parts = split(of_values, 3, 2);
  const auto of_gates = sum_of_products(joined({parts[0], parts[1]}, 2), seen);
  const auto reset = Gates(o, gates, 2).reset;
  if (!o.flag("reset_after"))
    return {joined({of_gates, sum_of_products(parts[2], seen * reset)}, 0), {}};
  const auto of_product = parts[2] * reset;
  return {joined({of_gates, sum_of_products(of_product, seen)}, 0), sum_of_steps(of_product)};
}

void check_secondary_bias(InferContext& c, const Shape& shape) {
  if (c.has("secondary_bias") && !c.flag("reset_after"))
    c.fail("'secondary_bias' is added with 'reset_after' only");
  require_shape(c, "secondary_bias", shape);
}

Row gru_steps() {
  return with_gates(
             steps_row("gru_steps",
                       "The steps of gru in one direction, from what the sequence alone gives. "
                       "Returns all states and all gates.")
                 .operand("projected", "T")
                 .operand("recurrent_weight", "T"))
      .result("state")
      .result("z_state")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "projected", 3);
        check_secondary_bias(c, {s.units});
        c.result(c.operand_data_type("projected"), s.state());
        c.result(c.operand_data_type("projected"), s.gate_values());
      })
      .gradient([](GradientContext& g) {
        if (g.has_incoming(1) || g.wanted("mask")) return give_through_expansion(g, steps_by_loop);
        const auto mask = g.input("mask"), initial = g.input("init_state"),
                   bias = g.input("secondary_bias");
        auto arguments = g.forward_attributes();
        arguments.insert(arguments.end(), {{"z_state", g.output(1)},
                                           {"state", g.output(0)},
                                           {"gradient", g.incoming(0)},
                                           {"recurrent_weight", g.input("recurrent_weight")},
                                           {"init_state", initial},
                                           {"mask", mask},
                                           {"secondary_bias", bias}});
        const auto found = g.graph().add("gru_steps_gradient", std::move(arguments));
        g.give("projected", found[0]);
        if (initial) g.give("init_state", found[1]);
        const auto seen = masked(states_before(g.output(0), initial, g.flag("reverse")), mask);
        const auto of_weights = weight_gradients(g, found[0], g.output(1), seen);
        g.give("recurrent_weight", of_weights.weights);
        if (bias) g.give("secondary_bias", of_weights.bias);
      })
      .evaluate(evaluate_gru_steps);
}

Row gru_steps_gradient() {
  return with_gates(
             steps_row("gru_steps_gradient",
                       "The gradients of gru_steps with respect to projected and init_state, from "
                       "that of all states.")
                 .operand("z_state", "T")
                 .operand("state", "T")
                 .operand("gradient", "T")
                 .operand("recurrent_weight", "T"))
      .result("projected_gradient")
      .result("init_state_gradient")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "z_state", 3);
        check_secondary_bias(c, {s.units});
        require_shape(c, "state", s.state());
        require_shape(c, "gradient", s.state());
        c.result(c.operand_data_type("z_state"), s.gate_values());
        c.result(c.operand_data_type("z_state"), s.one_state());
      })
      .gradient([](GradientContext& g) { give_through_expansion(g, steps_gradient_by_loop); })
      .evaluate(evaluate_gru_steps_gradient);
}

// --- The layer

constexpr const char* layer_documentation =
    " source (T, N, I), recurrent_weight R (3 * H, H), input_weight W (3 * H, I; without it source "
    "is (T, N, 3 * H) and used as it is), bias b (3 * H), init_state (N, H; zeros without it), "
    "mask m (any shape that broadcasts to (N, H) or (T, N, H); ones without it), secondary_bias "
    "b2 (H). A bidirectional layer has twice as much, forward first: R (2, 3 * H, H), W (6 * H, "
    "I), b (6 * H), init_state (N, 2 * H), b2 (2 * H). A composite. ";

Row layer_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "RNN").documentation(documentation).types("T", types::floating());
}

Row with_options(Row row) {
  return std::move(row)
      .keyword_operand("input_weight", "T")
      .keyword_operand("bias", "T")
      .keyword_operand("init_state", "T")
      .keyword_operand("mask", "T")
      .keyword_operand("secondary_bias", "T")
      .descriptor("descriptor", gru_descriptor())
      .result("...");
}

/// In the order in which gru_gradients returns their gradients.
constexpr const char* differentiated[] = {"source", "recurrent_weight", "input_weight",
                                          "bias",   "init_state",       "secondary_bias"};

Sizes check_layer(InferContext& c) {
  const auto s = layer_sizes(c, 3);
  check_secondary_bias(c, {s.times(s.directions)});
  return s;
}

/// A direction's operands of the two rows of steps.
std::vector<Argument> direction_operands(ExpandContext& c, const std::vector<bool>& reversed,
                                         int64_t i) {
  const auto directions = std::ssize(reversed);
  auto arguments = shared_attributes(c, "gru_steps", {"reverse"});
  arguments.emplace_back("reverse", bool(reversed[static_cast<size_t>(i)]));
  arguments.emplace_back("recurrent_weight",
                         recurrent_part(c.input("recurrent_weight"), directions, i));
  arguments.emplace_back("init_state", part(c.input("init_state"), directions, i, 1));
  arguments.emplace_back("mask", mask_part(c.input("mask"), directions, i));
  arguments.emplace_back("secondary_bias", part(c.input("secondary_bias"), directions, i, 0));
  return arguments;
}

void expand_layer(ExpandContext& c) {
  const auto reversed = reversed_directions(c);
  const auto directions = std::ssize(reversed);
  std::vector<Tensor> states, gates;
  for (int64_t i = 0; i < directions; ++i) {
    auto arguments = direction_operands(c, reversed, i);
    arguments.emplace_back("projected", projected(c, directions, i));
    const auto found = c.graph().add("gru_steps", std::move(arguments));
    states.push_back(found[0]);
    gates.push_back(found[1]);
  }
  c.give(joined(states, 2));
  if (c.flag("training")) c.give(joined(gates, 2));
}

void differentiate_layer(GradientContext& g) {
  if ((g.output_count() > 1 && g.has_incoming(1)) || g.wanted("mask"))
    return give_through_expansion(g, expand_layer);
  auto arguments = shared_attributes(g, "gru", {"training"});
  for (const auto& operand : g.row().operands)
    if (g.has(operand.name)) arguments.emplace_back(operand.name, g.input(operand.name));
  arguments.emplace_back("training", true);
  const auto forward = g.flag("training") ? std::vector<Tensor>{g.output(0), g.output(1)}
                                          : g.graph().add("gru", arguments);
  arguments.insert(
      arguments.end(),
      {{"output_fwd", forward[0]}, {"z_state", forward[1]}, {"source_gradient", g.incoming(0)}});
  const auto found = g.graph().add("gru_gradients", std::move(arguments));
  size_t next = 0;
  for (const char* name : differentiated)
    if (g.has(name)) g.give(name, found[next++]);
}

Row gru() {
  return with_options(
             layer_row("gru",
                       std::string(
                           "A layer of gated recurrent units: for every step, with x = source[t] "
                           "* transposed(W) + b and R and x cut into the parts of z, r and o, z = "
                           "activation(x + (h[t - 1] * m) * transposed(R)), r likewise, o = "
                           "activation(x + (h[t - 1] * r * m) * transposed(R)), and h[t] = z * "
                           "h[t - 1] + (1 - z) * o. With `reset_after` o = activation(x + ((h[t - "
                           "1] * m) * transposed(R) + b2) * r); with `flip_z` h[t] = (1 - z) * "
                           "h[t - 1] + z * o (Apple's texts contradict each other here; without "
                           "flip_z it is PyTorch's and TensorFlow's unit); with `reverse` from "
                           "the last step to the first.") +
                           layer_documentation +
                           "Returns the list of h (T, N, H) and, if `training`, of the gates (T, "
                           "N, 3 * H), which gru_gradients needs.")
                 .selector("GRUWithSourceTensor:recurrentWeight:inputWeight:bias:initState:mask:"
                           "secondaryBias:descriptor:name:",
                           "13.0")
                 .selector("GRUWithSourceTensor:recurrentWeight:inputWeight:bias:initState:"
                           "descriptor:name:",
                           "13.0")
                 .selector("GRUWithSourceTensor:recurrentWeight:inputWeight:bias:descriptor:name:",
                           "13.0")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T"))
      .infer([](InferContext& c) {
        const auto s = check_layer(c);
        c.result(c.operand_data_type("source"), s.state());
        if (c.flag("training")) c.result(c.operand_data_type("source"), s.gate_values());
      })
      .gradient(differentiate_layer)
      .expand(expand_layer);
}

void infer_layer_gradients(InferContext& c) {
  const auto s = check_layer(c);
  require_shape(c, "source_gradient", s.state());
  require_shape(c, "z_state", s.gate_values());
  require_shape(c, "output_fwd", s.state());
  require_shape(c, "state_gradient", s.one_state());
  for (const char* name : differentiated)
    if (c.has(name)) c.result(c.type(name));
}

/// Gradients of what belongs to a direction.
struct DirectionGradients {
  std::vector<Tensor> projected, recurrent, state, bias;
};

void add_direction(ExpandContext& c, const std::vector<bool>& reversed, int64_t i,
                   DirectionGradients& all) {
  const auto directions = std::ssize(reversed);
  const bool reverse = reversed[static_cast<size_t>(i)];
  const auto of_direction = [&](const char* name, int64_t axis) {
    return part(c.input(name), directions, i, axis);
  };
  const auto gates = of_direction("z_state", 2), states = of_direction("output_fwd", 2);
  auto arguments = direction_operands(c, reversed, i);
  arguments.insert(arguments.end(),
                   {{"z_state", gates},
                    {"state", states},
                    {"gradient", with_last(of_direction("source_gradient", 2),
                                           of_direction("state_gradient", 1), reverse)}});
  const auto found = c.graph().add("gru_steps_gradient", std::move(arguments));
  const auto seen = masked(states_before(states, of_direction("init_state", 1), reverse),
                           mask_part(c.input("mask"), directions, i));
  const auto of_weights = weight_gradients(c, found[0], gates, seen);
  all.projected.push_back(found[0]);
  all.state.push_back(found[1]);
  all.recurrent.push_back(directions == 1 ? of_weights.weights
                                          : expand_dims(of_weights.weights, 0));
  all.bias.push_back(of_weights.bias);
}

void expand_layer_gradients(ExpandContext& c) {
  const auto reversed = reversed_directions(c);
  DirectionGradients all;
  for (int64_t i = 0; i < std::ssize(reversed); ++i) add_direction(c, reversed, i, all);
  const auto of_inputs = input_gradients(c, all.projected);
  c.give(of_inputs.source);
  c.give(joined(all.recurrent, 0));
  if (c.has("input_weight")) c.give(of_inputs.input_weight);
  if (c.has("bias")) c.give(of_inputs.bias);
  if (c.has("init_state")) c.give(joined(all.state, 1));
  if (c.has("secondary_bias")) c.give(joined(all.bias, 0));
}

Row gru_gradients() {
  return with_options(
             layer_row("gru_gradients",
                       std::string("The gradients of gru. source_gradient is that of h, "
                                   "state_gradient (N, H) that of the last h from elsewhere; "
                                   "z_state (the gates) and output_fwd (h) are what the layer "
                                   "returned with `training`.") +
                           layer_documentation +
                           "Returns the list of the gradients of source, recurrent_weight, "
                           "input_weight, bias, init_state and secondary_bias, of those that are "
                           "given.")
                 .selector("GRUGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "outputFwd:stateGradient:inputWeight:bias:initState:mask:secondaryBias:"
                           "descriptor:name:",
                           "13.0")
                 .selector("GRUGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "outputFwd:inputWeight:bias:initState:descriptor:name:",
                           "13.0")
                 .selector("GRUGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "outputFwd:inputWeight:bias:descriptor:name:",
                           "13.0")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T")
                 .operand("source_gradient", "T")
                 .operand("z_state", "T")
                 .operand("output_fwd", "T")
                 .keyword_operand("state_gradient", "T"))
      .infer(infer_layer_gradients)
      .expand(expand_layer_gradients);
}

}  // namespace

void add_gru_rows(Rows& rows) {
  rows.push_back(gru_steps().done());
  rows.push_back(gru_steps_gradient().done());
  rows.push_back(gru().done());
  rows.push_back(gru_gradients().done());
}

}  // namespace mpsg::ops
