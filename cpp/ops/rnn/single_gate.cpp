// RNN: single_gate_rnn and its gradient row.
#include "graph/gradients.h"
#include "ops/families.h"
#include "ops/rnn/recurrent.h"
#include "ops/rnn/steps_loops.h"

namespace mpsg::ops {
namespace {

using namespace build;
using namespace rnn;

// --- Steps of one direction

RNNActivation activation_of(const OperationView& operation) {
  return operation.enumeration<RNNActivation>("activation");
}

Row steps_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "RNN")
      .documentation(documentation)
      .internal()
      .types("T", types::floating())
      .not_stitchable("every step needs the one before");
}

/// The steps as a loop of rows, for derivatives that `rnn_steps_gradient` does not give.
void steps_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("projected"), 3),
             weights = with_rank(c.input("recurrent_weight"), 2),
             mask = loop_mask(c.input("mask"), values, 1),
             initial = with_rank(c.input("init_state"), 2);
  const auto results = loop_over_steps(
      values, c.flag("reverse"), {initial ? initial : zero_state(values, 1)},
      {zeros_like(values), zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        const auto z =
            at_step(values, t) + times_transposed(masked(carried[0], mask_at(mask, t)), weights);
        const auto state = activate(activation_of(c), z);
        return {state, state, z};
      });
  c.give(results[1]);
  c.give(results[2]);
}

void steps_gradient_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("z_state"), 3),
             weights = with_rank(c.input("recurrent_weight"), 2),
             mask = loop_mask(c.input("mask"), values, 1),
             incoming = with_rank(c.input("gradient"), 3);
  const auto results = loop_over_steps(
      values, !c.flag("reverse"), {zero_state(values, 1)}, {zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        const auto state = activate(activation_of(c), at_step(values, t));
        const auto gradient = (carried[0] + at_step(incoming, t)) * slope(activation_of(c), state);
        return {masked(times(gradient, weights), mask_at(mask, t)), gradient};
      });
  c.give(results[1]);
  c.give(results[0]);
}

Row rnn_steps() {
  return steps_row("rnn_steps",
                   "The steps of single_gate_rnn in one direction, from what the sequence alone "
                   "gives: z = projected[t] + (state * mask) * transposed(recurrent_weight), "
                   "state = activation(z). Returns all states and all z.")
      .operand("projected", "T")
      .operand("recurrent_weight", "T")
      .keyword_operand("init_state", "T")
      .keyword_operand("mask", "T")
      .attribute(enum_attribute("activation", rnn_activation, 0))
      .attribute(boolean_attribute("reverse", false))
      .result("state")
      .result("z_state")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "projected", 1);
        c.result(c.operand_data_type("projected"), s.state());
        c.result(c.operand_data_type("projected"), s.state());
      })
      .gradient([](GradientContext& g) {
        if (g.has_incoming(1) || g.wanted("mask")) return give_through_expansion(g, steps_by_loop);
        const auto weights = g.input("recurrent_weight"), mask = g.input("mask"),
                   initial = g.input("init_state");
        auto arguments = g.forward_attributes();
        arguments.insert(arguments.end(), {{"z_state", g.output(1)},
                                           {"gradient", g.incoming(0)},
                                           {"recurrent_weight", weights},
                                           {"mask", mask}});
        const auto found = g.graph().add("rnn_steps_gradient", std::move(arguments));
        g.give("projected", found[0]);
        if (initial) g.give("init_state", found[1]);
        if (g.wanted("recurrent_weight"))
          g.give(
              "recurrent_weight",
              sum_of_products(
                  found[0], masked(states_before(g.output(0), initial, g.flag("reverse")), mask)));
      })
      .evaluate(evaluate_single_gate_steps);
}

Row rnn_steps_gradient() {
  return steps_row("rnn_steps_gradient",
                   "The gradients of rnn_steps with respect to projected and init_state, from "
                   "that of all states.")
      .operand("z_state", "T")
      .operand("gradient", "T")
      .operand("recurrent_weight", "T")
      .keyword_operand("mask", "T")
      .attribute(enum_attribute("activation", rnn_activation, 0))
      .attribute(boolean_attribute("reverse", false))
      .result("projected_gradient")
      .result("init_state_gradient")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "z_state", 1);
        require_shape(c, "gradient", s.state());
        c.result(c.operand_data_type("z_state"), s.state());
        c.result(c.operand_data_type("z_state"), s.one_state());
      })
      .gradient([](GradientContext& g) { give_through_expansion(g, steps_gradient_by_loop); })
      .evaluate(evaluate_single_gate_steps_gradient);
}

// --- The layer

constexpr const char* layer_documentation =
    " source (T, N, I), recurrent_weight R (H, H), input_weight W (H, I; without it source is (T, "
    "N, H) and used as it is), bias b (H), init_state (N, H; zeros without it), mask m (any shape "
    "that broadcasts to (N, H) or (T, N, H); ones without it). A bidirectional layer has twice as "
    "much, forward first: R (2, H, H), W (2 * H, I), b (2 * H), init_state (N, 2 * H). A "
    "composite. ";

Row layer_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "RNN").documentation(documentation).types("T", types::floating());
}

Row with_options(Row row) {
  return std::move(row)
      .keyword_operand("input_weight", "T")
      .keyword_operand("bias", "T")
      .keyword_operand("init_state", "T")
      .keyword_operand("mask", "T")
      .descriptor("descriptor", single_gate_rnn_descriptor())
      .result("...");
}

void expand_layer(ExpandContext& c) {
  const auto reversed = reversed_directions(c);
  const auto directions = std::ssize(reversed);
  std::vector<Tensor> states, values;
  for (int64_t i = 0; i < directions; ++i) {
    const auto found = c.graph().add(
        "rnn_steps",
        {{"projected", projected(c, directions, i)},
         {"recurrent_weight", recurrent_part(c.input("recurrent_weight"), directions, i)},
         {"init_state", part(c.input("init_state"), directions, i, 1)},
         {"mask", mask_part(c.input("mask"), directions, i)},
         {"activation", c.integer("activation")},
         {"reverse", bool(reversed[static_cast<size_t>(i)])}});
    states.push_back(found[0]);
    values.push_back(found[1]);
  }
  c.give(joined(states, 2));
  if (c.flag("training")) c.give(joined(values, 2));
}

Row single_gate_rnn() {
  return with_options(
             layer_row("single_gate_rnn",
                       std::string("A recurrent layer: for every step z[t] = source[t] * "
                                   "transposed(W) + (h[t - 1] * m) * transposed(R) + b and h[t] = "
                                   "activation(z[t]); with `reverse` from the last step to the "
                                   "first.") +
                           layer_documentation +
                           "Returns the list of h (T, N, H) and, if `training`, z (T, N, H), "
                           "which single_gate_rnn_gradients needs.")
                 .selector("singleGateRNNWithSourceTensor:recurrentWeight:inputWeight:bias:"
                           "initState:mask:descriptor:name:",
                           "12.3")
                 .selector("singleGateRNNWithSourceTensor:recurrentWeight:inputWeight:bias:"
                           "initState:descriptor:name:",
                           "12.3")
                 .selector("singleGateRNNWithSourceTensor:recurrentWeight:initState:descriptor:"
                           "name:",
                           "12.3")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T"))
      .infer([](InferContext& c) {
        const auto s = layer_sizes(c, 1);
        c.result(c.operand_data_type("source"), s.state());
        if (c.flag("training")) c.result(c.operand_data_type("source"), s.state());
      })
      .gradient([](GradientContext& g) {
        if ((g.output_count() > 1 && g.has_incoming(1)) || g.wanted("mask"))
          return give_through_expansion(g, expand_layer);
        std::vector<Argument> operands;
        for (const char* name :
             {"source", "recurrent_weight", "input_weight", "bias", "init_state", "mask"})
          if (g.has(name)) operands.emplace_back(name, g.input(name));
        auto attributes = shared_attributes(g, "single_gate_rnn", {"training"});
        attributes.insert(attributes.end(), operands.begin(), operands.end());
        attributes.emplace_back("training", true);
        auto arguments = attributes;
        const auto z =
            g.flag("training") ? g.output(1) : g.graph().add("single_gate_rnn", attributes)[1];
        arguments.emplace_back("z_state", z);
        arguments.emplace_back("source_gradient", g.incoming(0));
        const auto found = g.graph().add("single_gate_rnn_gradients", std::move(arguments));
        size_t next = 0;
        for (const char* name :
             {"source", "recurrent_weight", "input_weight", "bias", "init_state"})
          if (g.has(name)) g.give(name, found[next++]);
      })
      .expand(expand_layer);
}

void infer_layer_gradients(InferContext& c) {
  const auto s = layer_sizes(c, 1);
  require_shape(c, "source_gradient", s.state());
  require_shape(c, "z_state", s.state());
  require_shape(c, "state_gradient", s.one_state());
  for (const char* name : {"source", "recurrent_weight", "input_weight", "bias", "init_state"})
    if (c.has(name)) c.result(c.type(name));
}

void expand_layer_gradients(ExpandContext& c) {
  const auto reversed = reversed_directions(c);
  const auto directions = std::ssize(reversed);
  std::vector<Tensor> of_projected, of_weights, of_initial;
  for (int64_t i = 0; i < directions; ++i) {
    const bool reverse = reversed[static_cast<size_t>(i)];
    const auto z = part(c.input("z_state"), directions, i, 2);
    const auto initial = part(c.input("init_state"), directions, i, 1);
    const auto mask = mask_part(c.input("mask"), directions, i);
    const auto found = c.graph().add(
        "rnn_steps_gradient",
        {{"z_state", z},
         {"gradient", with_last(part(c.input("source_gradient"), directions, i, 2),
                                part(c.input("state_gradient"), directions, i, 1), reverse)},
         {"recurrent_weight", recurrent_part(c.input("recurrent_weight"), directions, i)},
         {"mask", mask},
         {"activation", c.integer("activation")},
         {"reverse", reverse}});
    of_projected.push_back(found[0]);
    of_initial.push_back(found[1]);
    const auto states = activate(activation_of(c), z);
    const auto of_recurrent =
        sum_of_products(found[0], masked(states_before(states, initial, reverse), mask));
    of_weights.push_back(directions == 1 ? of_recurrent : expand_dims(of_recurrent, 0));
  }
  const auto of_inputs = input_gradients(c, of_projected);
  c.give(of_inputs.source);
  c.give(joined(of_weights, 0));
  if (c.has("input_weight")) c.give(of_inputs.input_weight);
  if (c.has("bias")) c.give(of_inputs.bias);
  if (c.has("init_state")) c.give(joined(of_initial, 1));
}

Row single_gate_rnn_gradients() {
  return with_options(
             layer_row("single_gate_rnn_gradients",
                       std::string("The gradients of single_gate_rnn. source_gradient is that of "
                                   "h, state_gradient (N, H) that of the last h from elsewhere, "
                                   "z_state what the layer returned with `training`.") +
                           layer_documentation +
                           "Returns the list of the gradients of source, recurrent_weight, "
                           "input_weight, bias and init_state, of those that are given.")
                 .selector("singleGateRNNGradientsWithSourceTensor:recurrentWeight:sourceGradient:"
                           "zState:stateGradient:inputWeight:bias:initState:mask:descriptor:name:",
                           "12.3")
                 .selector("singleGateRNNGradientsWithSourceTensor:recurrentWeight:sourceGradient:"
                           "zState:inputWeight:bias:initState:mask:descriptor:name:",
                           "12.3")
                 .selector("singleGateRNNGradientsWithSourceTensor:recurrentWeight:sourceGradient:"
                           "zState:inputWeight:bias:initState:descriptor:name:",
                           "12.3")
                 .selector("singleGateRNNGradientsWithSourceTensor:recurrentWeight:sourceGradient:"
                           "zState:initState:descriptor:name:",
                           "12.3")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T")
                 .operand("source_gradient", "T")
                 .operand("z_state", "T")
                 .keyword_operand("state_gradient", "T"))
      .infer(infer_layer_gradients)
      .expand(expand_layer_gradients);
}

}  // namespace

void add_single_gate_rnn_rows(Rows& rows) {
  rows.push_back(rnn_steps().done());
  rows.push_back(rnn_steps_gradient().done());
  rows.push_back(single_gate_rnn().done());
  rows.push_back(single_gate_rnn_gradients().done());
}

}  // namespace mpsg::ops
