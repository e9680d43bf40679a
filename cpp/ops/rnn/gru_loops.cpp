#include "ops/rnn/steps_common.h"

namespace mpsg::ops::rnn {
namespace {

template <class C>
struct Sequence {
  std::vector<C> state, masked, product, gates;

  explicit Sequence(int64_t units)
      : state(static_cast<size_t>(units)),
        masked(state.size()),
        product(state.size()),
        gates(3 * state.size()) {}
};

/// h = z * before + (1 - z) * o, or the other way round.
template <class C>
C mixed(bool flip_z, C z, C before, C o) {
  return flip_z ? (C(1) - z) * before + z * o : z * before + (C(1) - z) * o;
}

}  // namespace

void evaluate_gru_steps(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "projected");
    const auto o = gru_options(c);
    const auto weights = converted<T>(c.input("recurrent_weight"), true);
    const Mask<T> mask(c);
    const T *projected = c.input("projected").as<const T>(), *initial = given<T>(c, "init_state"),
            *bias = o.reset_after ? given<T>(c, "secondary_bias") : nullptr;
    const int64_t units = g.units;
    for_each_sequence(c, g, 3, [&](int64_t n) {
      Sequence<C> s(units);
      C* const z = s.gates.data() + o.update_gate * units;
      C* const r = s.gates.data() + o.reset_gate * units;
      C* const out = s.gates.data() + 2 * units;
      load(initial ? initial + n * units : nullptr, units, s.state.data());
      for (int64_t i = 0; i < g.steps; ++i) {
        const int64_t t = g.at(i), at = (t * g.batch + n) * units;
        mask.apply(t, n, s.state.data(), units, s.masked.data());
        load(projected + at * 3, 3 * units, s.gates.data());
        add_product(s.masked.data(), weights, 0, units, 0, 2 * units, s.gates.data());
        for (int64_t j = 0; j < units; ++j) {
          z[j] = activated(o.update, z[j]);
          r[j] = activated(o.reset, r[j]);
        }
        if (o.reset_after) {
          load(bias, units, s.product.data());
          add_product(s.masked.data(), weights, 0, units, 2 * units, units, s.product.data());
          for (int64_t j = 0; j < units; ++j) out[j] += s.product[static_cast<size_t>(j)] * r[j];
        } else {
          for (int64_t j = 0; j < units; ++j) s.masked[static_cast<size_t>(j)] *= r[j];
          add_product(s.masked.data(), weights, 0, units, 2 * units, units, out);
        }
        for (int64_t j = 0; j < units; ++j) {
          out[j] = activated(o.output, out[j]);
          auto& state = s.state[static_cast<size_t>(j)];
          state = mixed(o.flip_z, z[j], state, out[j]);
        }
        store(s.state.data(), units, c.output(0).as<T>() + at);
        store(s.gates.data(), 3 * units, c.output(1).as<T>() + at * 3);
      }
    });
  });
}

void evaluate_gru_steps_gradient(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "z_state");
    const auto o = gru_options(c);
    const auto weights = converted<T>(c.input("recurrent_weight"), false);
    const auto transposed =
        o.reset_after ? converted<T>(c.input("recurrent_weight"), true) : Matrix<C>(0, 0);
    const Mask<T> mask(c);
    const T *gates = c.input("z_state").as<const T>(), *states = c.input("state").as<const T>(),
            *incoming = c.input("gradient").as<const T>(), *initial = given<T>(c, "init_state"),
            *bias = o.reset_after ? given<T>(c, "secondary_bias") : nullptr;
    const int64_t units = g.units, row = g.batch * units;
    for_each_sequence(c, g, 3, [&](int64_t n) {
      Sequence<C> s(units);  // state: its gradient
      const auto size = s.state.size();
      std::vector<C> before(size), direct(size), of_masked(size);
      C* const z = s.gates.data() + o.update_gate * units;
      C* const r = s.gates.data() + o.reset_gate * units;
      C* const out = s.gates.data() + 2 * units;
      for (int64_t i = g.steps - 1; i >= 0; --i) {
        const int64_t t = g.at(i), at = t * row + n * units;
        add_to(incoming + at, units, s.state.data());
        load(gates + at * 3, 3 * units, s.gates.data());
        if (i > 0) load(states + g.at(i - 1) * row + n * units, units, before.data());
        else load(initial ? initial + n * units : nullptr, units, before.data());
        mask.apply(t, n, before.data(), units, s.masked.data());
        if (o.reset_after) {  // the product that the reset gate was multiplied with
          load(bias, units, s.product.data());
          add_product(s.masked.data(), transposed, 0, units, 2 * units, units, s.product.data());
        }
        for (size_t j = 0; j < size; ++j) {
          const C gradient = s.state[j];
          const C keeps = o.flip_z ? C(1) - z[j] : z[j];
          const C sign = o.flip_z ? C(-1) : C(1);
          direct[j] = gradient * keeps;
          const C of_update = sign * gradient * (before[j] - out[j]) * slope_at(o.update, z[j]);
          out[j] = gradient * (C(1) - keeps) * slope_at(o.output, out[j]);
          z[j] = of_update;
        }
        std::ranges::fill(of_masked, C(0));
        if (o.reset_after) {
          for (size_t j = 0; j < size; ++j) {
            const C reset = r[j];
            r[j] = out[j] * s.product[j] * slope_at(o.reset, reset);
            s.product[j] = out[j] * reset;
          }
          add_product(s.product.data(), weights, 2 * units, 3 * units, 0, units, of_masked.data());
        } else {
          std::ranges::fill(s.product, C(0));
          add_product(out, weights, 2 * units, 3 * units, 0, units, s.product.data());
          for (size_t j = 0; j < size; ++j) {
            of_masked[j] = s.product[j] * r[j];
            r[j] = s.product[j] * s.masked[j] * slope_at(o.reset, r[j]);
          }
        }
        add_product(s.gates.data(), weights, 0, 2 * units, 0, units, of_masked.data());
        store(s.gates.data(), 3 * units, c.output(0).as<T>() + at * 3);
        mask.apply(t, n, of_masked.data(), units, s.state.data());
        for (size_t j = 0; j < size; ++j) s.state[j] += direct[j];
      }
      store(s.state.data(), units, c.output(1).as<T>() + n * units);
    });
  });
}

}  // namespace mpsg::ops::rnn
