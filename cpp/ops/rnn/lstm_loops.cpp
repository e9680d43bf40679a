#include "ops/rnn/steps_common.h"

namespace mpsg::ops::rnn {
namespace {

/// What a step needs of one sequence.
template <class C>
struct Sequence {
  std::vector<C> state, cell, masked, gates;

  explicit Sequence(int64_t units)
      : state(static_cast<size_t>(units)),
        cell(state.size()),
        masked(state.size()),
        gates(4 * state.size()) {}
};

/// gates += peephole * cell, gate by gate.
template <class T, class C>
void add_peephole(const T* peephole, const std::vector<C>& cell, std::vector<C>& gates) {
  if (!peephole) return;
  const size_t units = cell.size();
  for (size_t k = 0; k < gates.size(); ++k)
    gates[k] += static_cast<C>(peephole[k]) * cell[k % units];
}

template <class C>
void update(const LstmOptions& o, Sequence<C>& s) {
  const size_t units = s.state.size();
  C* const i = s.gates.data();
  C* const f = i + units * static_cast<size_t>(o.forget_gate);
  C* const z = i + units * static_cast<size_t>(o.cell_gate);
  C* const out = i + 3 * units;
  for (size_t j = 0; j < units; ++j) {
    i[j] = activated(o.input, i[j]);
    f[j] = activated(o.forget, f[j]);
    z[j] = activated(o.cell, z[j]);
    out[j] = activated(o.output, out[j]);
    s.cell[j] = f[j] * s.cell[j] + i[j] * z[j];
    s.state[j] = out[j] * activated(o.state, s.cell[j]);
  }
}

/// Turns the gates into the gradients before their activations, and `cell`, the gradient of the
/// cell, into that of the cell before.
template <class C>
void update_back(const LstmOptions& o, const C* cell_before, const C* cell_now, Sequence<C>& s) {
  const size_t units = s.state.size();
  C* const i = s.gates.data();
  C* const f = i + units * static_cast<size_t>(o.forget_gate);
  C* const z = i + units * static_cast<size_t>(o.cell_gate);
  C* const out = i + 3 * units;
  for (size_t j = 0; j < units; ++j) {
    const C value = activated(o.state, cell_now[j]);
    const C of_cell = s.cell[j] + s.state[j] * out[j] * slope_at(o.state, value);
    const C of_input = of_cell * z[j] * slope_at(o.input, i[j]);
    const C of_forget = of_cell * cell_before[j] * slope_at(o.forget, f[j]);
    const C of_candidate = of_cell * i[j] * slope_at(o.cell, z[j]);
    s.cell[j] = of_cell * f[j];
    out[j] = s.state[j] * value * slope_at(o.output, out[j]);
    i[j] = of_input;
    f[j] = of_forget;
    z[j] = of_candidate;
  }
}

}  // namespace

void evaluate_lstm_steps(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "projected");
    const auto options = lstm_options(c);
    const auto weights = converted<T>(c.input("recurrent_weight"), true);
    const Mask<T> mask(c);
    const T *projected = c.input("projected").as<const T>(), *state = given<T>(c, "init_state"),
            *cell = given<T>(c, "init_cell"), *peephole = given<T>(c, "peephole");
    const int64_t units = g.units;
    for_each_sequence(c, g, 4, [&](int64_t n) {
      Sequence<C> s(units);
      load(state ? state + n * units : nullptr, units, s.state.data());
      load(cell ? cell + n * units : nullptr, units, s.cell.data());
      for (int64_t i = 0; i < g.steps; ++i) {
        const int64_t t = g.at(i), at = t * g.batch + n;
        mask.apply(t, n, s.state.data(), units, s.masked.data());
        load(projected + at * 4 * units, 4 * units, s.gates.data());
        add_product(s.masked.data(), weights, 0, units, 0, 4 * units, s.gates.data());
        add_peephole(peephole, s.cell, s.gates);
        update(options, s);
        store(s.state.data(), units, c.output(0).as<T>() + at * units);
        store(s.cell.data(), units, c.output(1).as<T>() + at * units);
        store(s.gates.data(), 4 * units, c.output(2).as<T>() + at * 4 * units);
      }
    });
  });
}

void evaluate_lstm_steps_gradient(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "z_state");
    const auto options = lstm_options(c);
    const auto weights = converted<T>(c.input("recurrent_weight"), false);
    const Mask<T> mask(c);
    const T *gates = c.input("z_state").as<const T>(), *cells = c.input("cell").as<const T>(),
            *incoming = c.input("gradient").as<const T>(), *of_cells = given<T>(c, "cell_gradient"),
            *initial = given<T>(c, "init_cell"), *peephole = given<T>(c, "peephole");
    const int64_t units = g.units, row = g.batch * units;
    for_each_sequence(c, g, 4, [&](int64_t n) {
      Sequence<C> s(units);  // state and cell: their gradients
      std::vector<C> before(s.cell.size()), now(s.cell.size());
      for (int64_t i = g.steps - 1; i >= 0; --i) {
        const int64_t t = g.at(i), at = t * row + n * units;
        add_to(incoming + at, units, s.state.data());
        add_to(of_cells ? of_cells + at : nullptr, units, s.cell.data());
        load(gates + at * 4, 4 * units, s.gates.data());
        load(cells + at, units, now.data());
        if (i > 0) load(cells + g.at(i - 1) * row + n * units, units, before.data());
        else load(initial ? initial + n * units : nullptr, units, before.data());
        update_back(options, before.data(), now.data(), s);
        store(s.gates.data(), 4 * units, c.output(0).as<T>() + at * 4);
        std::ranges::fill(s.masked, C(0));
        add_product(s.gates.data(), weights, 0, 4 * units, 0, units, s.masked.data());
        mask.apply(t, n, s.masked.data(), units, s.state.data());
        if (!peephole) continue;
        for (size_t k = 0; k < s.gates.size(); ++k)
          s.cell[k % s.cell.size()] += s.gates[k] * static_cast<C>(peephole[k]);
      }
      store(s.state.data(), units, c.output(1).as<T>() + n * units);
      store(s.cell.data(), units, c.output(2).as<T>() + n * units);
    });
  });
}

}  // namespace mpsg::ops::rnn
