#include "ops/rnn/steps_common.h"

namespace mpsg::ops::rnn {

void evaluate_single_gate_steps(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "projected");
    const auto activation = c.enumeration<RNNActivation>("activation");
    const auto weights = converted<T>(c.input("recurrent_weight"), true);
    const Mask<T> mask(c);
    const T *projected = c.input("projected").as<const T>(), *initial = given<T>(c, "init_state");
    for_each_sequence(c, g, 1, [&](int64_t n) {
      std::vector<C> state(static_cast<size_t>(g.units)), before(state.size()), z(state.size());
      load(initial ? initial + n * g.units : nullptr, g.units, state.data());
      for (int64_t i = 0; i < g.steps; ++i) {
        const int64_t t = g.at(i), at = (t * g.batch + n) * g.units;
        mask.apply(t, n, state.data(), g.units, before.data());
        load(projected + at, g.units, z.data());
        add_product(before.data(), weights, 0, g.units, 0, g.units, z.data());
        store(z.data(), g.units, c.output(1).as<T>() + at);
        for (size_t j = 0; j < z.size(); ++j) state[j] = activated(activation, z[j]);
        store(state.data(), g.units, c.output(0).as<T>() + at);
      }
    });
  });
}

void evaluate_single_gate_steps_gradient(const EvaluateContext& c) {
  with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
    using C = ComputeType<T>;
    const auto g = steps_geometry(c, "z_state");
    const auto activation = c.enumeration<RNNActivation>("activation");
    const auto weights = converted<T>(c.input("recurrent_weight"), false);
    const Mask<T> mask(c);
    const T *values = c.input("z_state").as<const T>(),
            *incoming = c.input("gradient").as<const T>();
    for_each_sequence(c, g, 1, [&](int64_t n) {
      std::vector<C> carried(static_cast<size_t>(g.units)), z(carried.size()),
          before(carried.size());
      for (int64_t i = g.steps - 1; i >= 0; --i) {
        const int64_t t = g.at(i), at = (t * g.batch + n) * g.units;
        add_to(incoming + at, g.units, carried.data());
        load(values + at, g.units, z.data());
        for (size_t j = 0; j < z.size(); ++j)
          z[j] = carried[j] * slope_at(activation, activated(activation, z[j]));
        store(z.data(), g.units, c.output(0).as<T>() + at);
        std::ranges::fill(before, C(0));
        add_product(z.data(), weights, 0, g.units, 0, g.units, before.data());
        mask.apply(t, n, before.data(), g.units, carried.data());
      }
      store(carried.data(), g.units, c.output(1).as<T>() + n * g.units);
    });
  });
}

}  // namespace mpsg::ops::rnn
