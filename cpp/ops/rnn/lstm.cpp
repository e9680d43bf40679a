// RNN: lstm and its gradient row.
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
      .keyword_operand("init_cell", "T")
      .keyword_operand("mask", "T")
      .keyword_operand("peephole", "T")
      .attribute(boolean_attribute("forget_gate_last", false))
      .attribute(activation("input_gate_activation", RNNActivation::SIGMOID))
      .attribute(activation("forget_gate_activation", RNNActivation::SIGMOID))
      .attribute(activation("cell_gate_activation", RNNActivation::TANH))
      .attribute(activation("output_gate_activation", RNNActivation::SIGMOID))
      .attribute(activation("activation", RNNActivation::TANH))
      .attribute(boolean_attribute("reverse", false));
}

/// The four gates of (..., 4 * H), in the order i, f, z, o whatever the layer's is.
struct Gates {
  Tensor input, forget, cell, output;

  Gates(const OperationView& o, const Tensor& values, int64_t axis) {
    const auto parts = split(values, 4, axis);
    const bool last = o.flag("forget_gate_last");
    input = parts[0];
    forget = parts[last ? 2 : 1];
    cell = parts[last ? 1 : 2];
    output = parts[3];
  }
  Gates(Tensor i, Tensor f, Tensor z, Tensor o)
      : input(std::move(i)), forget(std::move(f)), cell(std::move(z)), output(std::move(o)) {}
  Tensor together(const OperationView& o, int64_t axis) const {
    return o.flag("forget_gate_last") ? joined({input, cell, forget, output}, axis)
                                      : joined({input, forget, cell, output}, axis);
  }
};

Tensor four_times(const Tensor& x, int64_t axis) { return joined({x, x, x, x}, axis); }

/// The steps as a loop of rows, for derivatives that `lstm_steps_gradient` does not give.
void steps_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("projected"), 3),
             weights = with_rank(c.input("recurrent_weight"), 2),
             mask = loop_mask(c.input("mask"), values, 4),
             peephole = with_rank(c.input("peephole"), 1),
             state = with_rank(c.input("init_state"), 2), cell = with_rank(c.input("init_cell"), 2);
  const auto o = lstm_options(c);
  const auto empty = zeros_like(split(values, 4, 2)[0]);
  const auto results = loop_over_steps(
      values, c.flag("reverse"),
      {state ? state : zero_state(values, 4), cell ? cell : zero_state(values, 4)},
      {empty, empty, zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        auto sums =
            at_step(values, t) + times_transposed(masked(carried[0], mask_at(mask, t)), weights);
        if (peephole) sums = sums + peephole * four_times(carried[1], 1);
        const Gates before(c, sums, 1);
        const Gates gates(activate(o.input, before.input), activate(o.forget, before.forget),
                          activate(o.cell, before.cell), activate(o.output, before.output));
        const auto next = gates.forget * carried[1] + gates.input * gates.cell;
        const auto output = gates.output * activate(o.state, next);
        return {output, next, output, next, gates.together(c, 1)};
      });
  for (size_t i = 2; i < 5; ++i) c.give(results[i]);
}

void steps_gradient_by_loop(ExpandContext& c) {
  const auto values = with_rank(c.input("z_state"), 3),
             weights = with_rank(c.input("recurrent_weight"), 2),
             mask = loop_mask(c.input("mask"), values, 4),
             peephole = with_rank(c.input("peephole"), 1), cells = with_rank(c.input("cell"), 3),
             incoming = with_rank(c.input("gradient"), 3),
             of_cells = with_rank(c.input("cell_gradient"), 3);
  const auto o = lstm_options(c);
  const auto before = states_before(cells, with_rank(c.input("init_cell"), 2), c.flag("reverse"));
  const auto results = loop_over_steps(
      values, !c.flag("reverse"), {zero_state(values, 4), zero_state(values, 4)},
      {zeros_like(values)},
      [&](const Tensor& t, const std::vector<Tensor>& carried) -> std::vector<Tensor> {
        const Gates gates(c, at_step(values, t), 1);
        const auto of_state = carried[0] + at_step(incoming, t);
        const auto value = activate(o.state, at_step(cells, t));
        auto of_cell = carried[1] + of_state * gates.output * slope(o.state, value);
        if (of_cells) of_cell = of_cell + at_step(of_cells, t);
        const Gates found(of_cell * gates.cell * slope(o.input, gates.input),
                          of_cell * at_step(before, t) * slope(o.forget, gates.forget),
                          of_cell * gates.input * slope(o.cell, gates.cell),
                          of_state * value * slope(o.output, gates.output));
        const auto all = found.together(c, 1);
        auto of_cell_before = of_cell * gates.forget;
        if (peephole)
          for (const auto& part : split(all * peephole, 4, 1))
            of_cell_before = of_cell_before + part;
        return {masked(times(all, weights), mask_at(mask, t)), of_cell_before, all};
      });
  c.give(results[2]);
  c.give(results[0]);
  c.give(results[1]);
}

/// The gradient of the peephole from that of the values before the activations.
Tensor peephole_gradient(const Tensor& of_values, const Tensor& cells_before) {
  return sum_of_steps(of_values * four_times(cells_before, 2));
}

Row lstm_steps() {
  return with_gates(
             steps_row("lstm_steps",
                       "The steps of lstm in one direction, from what the sequence alone gives. "
                       "Returns all states, all cells and all gates.")
                 .operand("projected", "T")
                 .operand("recurrent_weight", "T")
                 .keyword_operand("init_state", "T"))
      .result("state")
      .result("cell")
      .result("z_state")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "projected", 4);
        require_shape(c, "init_cell", s.one_state());
        require_shape(c, "peephole", {s.times(4)});
        const auto type = c.operand_data_type("projected");
        c.result(type, s.state());
        c.result(type, s.state());
        c.result(type, s.gate_values());
      })
      .gradient([](GradientContext& g) {
        if (g.has_incoming(2) || g.wanted("mask")) return give_through_expansion(g, steps_by_loop);
        const auto mask = g.input("mask"), state = g.input("init_state"),
                   cell = g.input("init_cell"), peephole = g.input("peephole");
        const bool reverse = g.flag("reverse");
        auto arguments = g.forward_attributes();
        arguments.insert(arguments.end(),
                         {{"z_state", g.output(2)},
                          {"cell", g.output(1)},
                          {"gradient", g.incoming(0)},
                          {"cell_gradient", g.has_incoming(1) ? g.incoming(1) : Tensor()},
                          {"recurrent_weight", g.input("recurrent_weight")},
                          {"init_cell", cell},
                          {"mask", mask},
                          {"peephole", peephole}});
        const auto found = g.graph().add("lstm_steps_gradient", std::move(arguments));
        g.give("projected", found[0]);
        if (state) g.give("init_state", found[1]);
        if (cell) g.give("init_cell", found[2]);
        if (g.wanted("recurrent_weight"))
          g.give(
              "recurrent_weight",
              sum_of_products(found[0], masked(states_before(g.output(0), state, reverse), mask)));
        if (peephole)
          g.give("peephole",
                 peephole_gradient(found[0], states_before(g.output(1), cell, reverse)));
      })
      .evaluate(evaluate_lstm_steps);
}

Row lstm_steps_gradient() {
  return with_gates(
             steps_row("lstm_steps_gradient",
                       "The gradients of lstm_steps with respect to projected, init_state and "
                       "init_cell, from those of all states and cells.")
                 .operand("z_state", "T")
                 .operand("cell", "T")
                 .operand("gradient", "T")
                 .operand("recurrent_weight", "T")
                 .keyword_operand("cell_gradient", "T"))
      .result("projected_gradient")
      .result("init_state_gradient")
      .result("init_cell_gradient")
      .infer([](InferContext& c) {
        const auto s = steps_sizes(c, "z_state", 4);
        for (const char* name : {"cell", "gradient", "cell_gradient"})
          require_shape(c, name, s.state());
        require_shape(c, "init_cell", s.one_state());
        require_shape(c, "peephole", {s.times(4)});
        const auto type = c.operand_data_type("z_state");
        c.result(type, s.gate_values());
        c.result(type, s.one_state());
        c.result(type, s.one_state());
      })
      .gradient([](GradientContext& g) { give_through_expansion(g, steps_gradient_by_loop); })
      .evaluate(evaluate_lstm_steps_gradient);
}

// --- The layer

constexpr const char* layer_documentation =
    " source (T, N, I), recurrent_weight R (4 * H, H), input_weight W (4 * H, I; without it "
    "source is (T, N, 4 * H) and used as it is), bias b (4 * H), init_state and init_cell (N, H; "
    "zeros without them), mask m (any shape that broadcasts to (N, H) or (T, N, H); ones without "
    "it), peephole p (4 * H). A bidirectional layer has twice as much, forward first: R (2, 4 * H, "
    "H), W (8 * H, I), b (8 * H), the states (N, 2 * H), p (2, 4 * H). A composite. ";

Row layer_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "RNN").documentation(documentation).types("T", types::floating());
}

Row with_options(Row row) {
  return std::move(row)
      .keyword_operand("input_weight", "T")
      .keyword_operand("bias", "T")
      .keyword_operand("init_state", "T")
      .keyword_operand("init_cell", "T")
      .keyword_operand("mask", "T")
      .keyword_operand("peephole", "T")
      .descriptor("descriptor", lstm_descriptor())
      .result("...");
}

/// In the order in which lstm_gradients returns their gradients.
constexpr const char* differentiated[] = {"source",   "recurrent_weight", "input_weight", "bias",
                                          "peephole", "init_state",       "init_cell"};

Sizes check_layer(InferContext& c) {
  const auto s = layer_sizes(c, 4);
  require_shape(c, "init_cell", s.one_state());
  require_shape(c, "peephole", s.directions == 2 ? Shape{2, s.times(4)} : Shape{s.times(4)});
  return s;
}

/// A direction's operands of the two rows of steps.
std::vector<Argument> direction_operands(ExpandContext& c, const std::vector<bool>& reversed,
                                         int64_t i) {
  const auto directions = std::ssize(reversed);
  auto arguments = shared_attributes(c, "lstm_steps", {"reverse"});
  arguments.emplace_back("reverse", bool(reversed[static_cast<size_t>(i)]));
  arguments.emplace_back("recurrent_weight",
                         recurrent_part(c.input("recurrent_weight"), directions, i));
  arguments.emplace_back("init_cell", part(c.input("init_cell"), directions, i, 1));
  arguments.emplace_back("mask", mask_part(c.input("mask"), directions, i));
  const auto peephole = c.input("peephole");
  arguments.emplace_back("peephole", peephole ? recurrent_part(peephole, directions, i) : Tensor());
  return arguments;
}

void expand_layer(ExpandContext& c) {
  const auto reversed = reversed_directions(c);
  const auto directions = std::ssize(reversed);
  std::vector<Tensor> states, cells, gates;
  for (int64_t i = 0; i < directions; ++i) {
    auto arguments = direction_operands(c, reversed, i);
    arguments.emplace_back("projected", projected(c, directions, i));
    arguments.emplace_back("init_state", part(c.input("init_state"), directions, i, 1));
    const auto found = c.graph().add("lstm_steps", std::move(arguments));
    states.push_back(found[0]);
    cells.push_back(found[1]);
    gates.push_back(found[2]);
  }
  c.give(joined(states, 2));
  if (c.flag("produce_cell")) c.give(joined(cells, 2));
  if (c.flag("training")) c.give(joined(gates, 2));
}

/// Is any result but the first differentiated?
bool has_other_incoming(const GradientContext& g) {
  for (int i = 1; i < g.output_count(); ++i)
    if (g.has_incoming(i)) return true;
  return false;
}

void differentiate_layer(GradientContext& g) {
  if (has_other_incoming(g) || g.wanted("mask")) return give_through_expansion(g, expand_layer);
  auto arguments = shared_attributes(g, "lstm", {"training", "produce_cell"});
  for (const auto& operand : g.row().operands)
    if (g.has(operand.name)) arguments.emplace_back(operand.name, g.input(operand.name));
  arguments.emplace_back("training", true);
  arguments.emplace_back("produce_cell", true);
  const bool complete = g.flag("training") && g.flag("produce_cell");
  const auto forward = complete ? std::vector<Tensor>{g.output(0), g.output(1), g.output(2)}
                                : g.graph().add("lstm", arguments);
  arguments.insert(arguments.end(), {{"cell_output_fwd", forward[1]},
                                     {"z_state", forward[2]},
                                     {"source_gradient", g.incoming(0)}});
  const auto found = g.graph().add("lstm_gradients", std::move(arguments));
  size_t next = 0;
  for (const char* name : differentiated)
    if (g.has(name)) g.give(name, found[next++]);
}

Row lstm() {
  return with_options(
             layer_row("lstm",
                       std::string("A long short-term memory layer: for every step the gates i, "
                                   "f, z, o are the activations of source[t] * transposed(W) + b "
                                   "+ (h[t - 1] * m) * transposed(R) + p * c[t - 1]; c[t] = f * "
                                   "c[t - 1] + i * z and h[t] = o * activation(c[t]); with "
                                   "`reverse` from the last step to the first.") +
                           layer_documentation +
                           "Returns the list of h (T, N, H), of c (T, N, H) if `produce_cell`, and "
                           "of the gates (T, N, 4 * H) if `training`: lstm_gradients needs both.")
                 .selector("LSTMWithSourceTensor:recurrentWeight:inputWeight:bias:initState:"
                           "initCell:mask:peephole:descriptor:name:",
                           "12.3")
                 .selector("LSTMWithSourceTensor:recurrentWeight:inputWeight:bias:initState:"
                           "initCell:descriptor:name:",
                           "12.3")
                 .selector("LSTMWithSourceTensor:recurrentWeight:initState:initCell:descriptor:"
                           "name:",
                           "12.3")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T"))
      .infer([](InferContext& c) {
        const auto s = check_layer(c);
        const auto type = c.operand_data_type("source");
        c.result(type, s.state());
        if (c.flag("produce_cell")) c.result(type, s.state());
        if (c.flag("training")) c.result(type, s.gate_values());
      })
      .gradient(differentiate_layer)
      .expand(expand_layer);
}

void infer_layer_gradients(InferContext& c) {
  const auto s = check_layer(c);
  require_shape(c, "source_gradient", s.state());
  require_shape(c, "z_state", s.gate_values());
  require_shape(c, "cell_output_fwd", s.state());
  require_shape(c, "state_gradient", s.one_state());
  require_shape(c, "cell_gradient", s.one_state());
  for (const char* name : differentiated)
    if (c.has(name)) c.result(c.type(name));
}

/// Gradients of what belongs to a direction.
struct DirectionGradients {
  std::vector<Tensor> projected, recurrent, peephole, state, cell;
};

void add_direction(ExpandContext& c, const std::vector<bool>& reversed, int64_t i,
                   DirectionGradients& all) {
  const auto directions = std::ssize(reversed);
  const bool reverse = reversed[static_cast<size_t>(i)];
  const auto of_direction = [&](const char* name, int64_t axis) {
    return part(c.input(name), directions, i, axis);
  };
  const auto values = of_direction("z_state", 2), cells = of_direction("cell_output_fwd", 2),
             last = of_direction("cell_gradient", 1);
  auto arguments = direction_operands(c, reversed, i);
  arguments.insert(
      arguments.end(),
      {{"z_state", values},
       {"cell", cells},
       {"gradient",
        with_last(of_direction("source_gradient", 2), of_direction("state_gradient", 1), reverse)},
       {"cell_gradient", last ? with_last(zeros_like(cells), last, reverse) : Tensor()}});
  const auto found = c.graph().add("lstm_steps_gradient", std::move(arguments));
  all.projected.push_back(found[0]);
  all.state.push_back(found[1]);
  all.cell.push_back(found[2]);
  const auto states =
      Gates(c, values, 2).output * activate(c.enumeration<RNNActivation>("activation"), cells);
  const auto add = [&](std::vector<Tensor>& to, const Tensor& gradient) {
    to.push_back(directions == 1 ? gradient : expand_dims(gradient, 0));
  };
  add(all.recurrent,
      sum_of_products(found[0],
                      masked(states_before(states, of_direction("init_state", 1), reverse),
                             mask_part(c.input("mask"), directions, i))));
  if (c.has("peephole"))
    add(all.peephole,
        peephole_gradient(found[0], states_before(cells, of_direction("init_cell", 1), reverse)));
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
  if (c.has("peephole")) c.give(joined(all.peephole, 0));
  if (c.has("init_state")) c.give(joined(all.state, 1));
  if (c.has("init_cell")) c.give(joined(all.cell, 1));
}

Row lstm_gradients() {
  return with_options(
             layer_row("lstm_gradients",
                       std::string("The gradients of lstm. source_gradient is that of h, "
                                   "state_gradient and cell_gradient (N, H) those of the last h "
                                   "and c from elsewhere; z_state (the gates) and cell_output_fwd "
                                   "are what the layer returned with `training` and "
                                   "`produce_cell`.") +
                           layer_documentation +
                           "Returns the list of the gradients of source, recurrent_weight, "
                           "input_weight, bias, peephole, init_state and init_cell, of those that "
                           "are given.")
                 .selector("LSTMGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "cellOutputFwd:stateGradient:cellGradient:inputWeight:bias:initState:"
                           "initCell:mask:peephole:descriptor:name:",
                           "12.3")
                 .selector("LSTMGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "cellOutputFwd:inputWeight:bias:initState:initCell:mask:descriptor:"
                           "name:",
                           "12.3")
                 .selector("LSTMGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "cellOutputFwd:inputWeight:bias:initState:initCell:descriptor:name:",
                           "12.3")
                 .selector("LSTMGradientsWithSourceTensor:recurrentWeight:sourceGradient:zState:"
                           "cellOutputFwd:descriptor:name:",
                           "12.3")
                 .operand("source", "T")
                 .operand("recurrent_weight", "T")
                 .operand("source_gradient", "T")
                 .operand("z_state", "T")
                 .operand("cell_output_fwd", "T")
                 .keyword_operand("state_gradient", "T")
                 .keyword_operand("cell_gradient", "T"))
      .infer(infer_layer_gradients)
      .expand(expand_layer_gradients);
}

}  // namespace

void add_lstm_rows(Rows& rows) {
  rows.push_back(lstm_steps().done());
  rows.push_back(lstm_steps_gradient().done());
  rows.push_back(lstm().done());
  rows.push_back(lstm_gradients().done());
}

}  // namespace mpsg::ops
