// The loops, for one vector length; each instruction set's translation unit includes this with its
// flags. Nothing from the standard library: an inline function compiled here with AVX-512 could be
// the copy that the linker keeps for everybody.
#pragma once

#include <cstdint>

#include "backends/cpu/recurrent/gates.h"

namespace mpsg::recurrent {
namespace {

template <int F>
struct VectorTypes {
  typedef float Vector __attribute__((vector_size(F * sizeof(float))));
  typedef int32_t Integers __attribute__((vector_size(F * sizeof(float))));
  typedef float Anywhere __attribute__((vector_size(F * sizeof(float)), aligned(4), may_alias));
};

template <int F>
struct Gates {
  using Vector = typename VectorTypes<F>::Vector;
  using Integers = typename VectorTypes<F>::Integers;
  using Anywhere = typename VectorTypes<F>::Anywhere;
#define MPSG_INLINE [[gnu::always_inline]] static inline

  // --- Functions, within about 2 ULP

  MPSG_INLINE Vector exponent(Vector x) {
    constexpr float magic = 12582912.0f;  // 1.5 * 2^23: rounds to an integer
    x = x > 88.0f ? Vector{} + 88.0f : x;
    x = x < -87.0f ? Vector{} - 87.0f : x;
    const Vector n = (x * 1.44269504088896341f + magic) - magic;
    const Vector r = (x - n * 0.693359375f) + n * 2.12194440e-4f;
    Vector p = r * 1.9875691500e-4f + 1.3981999507e-3f;
    p = p * r + 8.3334519073e-3f;
    p = p * r + 4.1665795894e-2f;
    p = p * r + 1.6666665459e-1f;
    p = p * r + 5.0000001201e-1f;
    const Vector y = (p * (r * r) + r) + 1.0f;
    const Integers scale = (__builtin_convertvector(n, Integers) + 127) << 23;
    return y * (Vector)scale;
  }

  MPSG_INLINE Vector sigmoid(Vector x) { return 1.0f / (1.0f + exponent(-x)); }

  MPSG_INLINE Vector tanh(Vector x) {
    const Vector magnitude = x < 0.0f ? -x : x;
    const Vector large = 1.0f - 2.0f / (exponent(2.0f * magnitude) + 1.0f);
    const Vector z = x * x;
    Vector p = z * -5.70498872745e-3f + 2.06390887954e-2f;
    p = p * z - 5.37397155531e-2f;
    p = p * z + 1.33314422036e-1f;
    p = p * z - 3.33332819422e-1f;
    const Vector small = p * z * x + x;
    return magnitude < 0.625f ? small : (x < 0.0f ? -large : large);
  }

  MPSG_INLINE Vector activate(Activation activation, Vector x) {
    switch (activation) {
      case Activation::NONE: return x;
      case Activation::RELU: return x < 0.0f ? Vector{} : x;
      case Activation::TANH: return tanh(x);
      case Activation::SIGMOID: return sigmoid(x);
      case Activation::HARD_SIGMOID: break;
    }
    const Vector line = 0.2f * x + 0.5f;
    const Vector above = line < 0.0f ? Vector{} : line;
    return above > 1.0f ? Vector{} + 1.0f : above;
  }

  /// The slope where the activation has this value.
  MPSG_INLINE Vector slope(Activation activation, Vector value) {
    switch (activation) {
      case Activation::NONE: return Vector{} + 1.0f;
      case Activation::RELU: return value > 0.0f ? Vector{} + 1.0f : Vector{};
      case Activation::TANH: return 1.0f - value * value;
      case Activation::SIGMOID: return value * (1.0f - value);
      case Activation::HARD_SIGMOID: break;
    }
    const Vector above = value > 0.0f ? Vector{} + 0.2f : Vector{};
    return value < 1.0f ? above : Vector{};
  }

  // --- Up to F units at once

  struct Place {
    int64_t at;
    int64_t count;  // <= F
  };
  MPSG_INLINE Vector load(const float* from, Place p) {
    if (!from) return Vector{};
    if (p.count == F) return *reinterpret_cast<const Anywhere*>(from + p.at);
    Vector value{};
    for (int64_t i = 0; i < p.count; ++i) value[i] = from[p.at + i];
    return value;
  }
  MPSG_INLINE void store(float* to, Place p, Vector value) {
    if (p.count == F) {
      *reinterpret_cast<Anywhere*>(to + p.at) = value;
      return;
    }
    for (int64_t i = 0; i < p.count; ++i) to[p.at + i] = value[i];
  }

  template <class Body>
  MPSG_INLINE void for_units(int64_t units, Body&& body) {
    int64_t i = 0;
    for (; i + F <= units; i += F) body(Place{i, F});
    if (i < units) body(Place{i, units - i});
  }

  // --- Rows

  static void single_gate_forward(const SingleGateForward& c) {
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      store(c.state, p, activate(c.activation, load(c.z, p)));
    });
  }

  static void single_gate_backward(const SingleGateBackward& c) {
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector gradient = load(c.incoming, p) + load(c.carried, p);
      store(c.result, p, gradient * slope(c.activation, activate(c.activation, load(c.z, p))));
    });
  }

  static void lstm_forward(const LstmForward& c) {
    const LstmActivations& a = c.activations;
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector before = load(c.cell_before, p);
      Vector i = load(c.input, p), f = load(c.forget, p), z = load(c.candidate, p),
             o = load(c.output, p);
      if (c.peephole[0]) {
        i += load(c.peephole[0], p) * before;
        f += load(c.peephole[1], p) * before;
        z += load(c.peephole[2], p) * before;
        o += load(c.peephole[3], p) * before;
      }
      i = activate(a.input, i);
      f = activate(a.forget, f);
      z = activate(a.cell, z);
      o = activate(a.output, o);
      const Vector cell = f * before + i * z;
      store(c.input, p, i);
      store(c.forget, p, f);
      store(c.candidate, p, z);
      store(c.output, p, o);
      store(c.cell, p, cell);
      store(c.state, p, o * activate(a.state, cell));
    });
  }

  static void lstm_backward(const LstmBackward& c) {
    const LstmActivations& a = c.activations;
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector i = load(c.input, p), f = load(c.forget, p), z = load(c.candidate, p),
                   o = load(c.output, p), before = load(c.cell_before, p);
      const Vector of_state = load(c.incoming, p) + load(c.carried, p);
      const Vector value = activate(a.state, load(c.cell, p));
      const Vector of_cell =
          load(c.of_cell, p) + load(c.incoming_cell, p) + of_state * o * slope(a.state, value);
      const Vector of_i = of_cell * z * slope(a.input, i),
                   of_f = of_cell * before * slope(a.forget, f),
                   of_z = of_cell * i * slope(a.cell, z),
                   of_o = of_state * value * slope(a.output, o);
      Vector of_before = of_cell * f;
      if (c.peephole[0])
        of_before += load(c.peephole[0], p) * of_i + load(c.peephole[1], p) * of_f +
                     load(c.peephole[2], p) * of_z + load(c.peephole[3], p) * of_o;
      store(c.of_cell, p, of_before);
      store(c.of_input, p, of_i);
      store(c.of_forget, p, of_f);
      store(c.of_candidate, p, of_z);
      store(c.of_output, p, of_o);
    });
  }

  static void gru_gates(const GruGates& c) {
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector r = activate(c.options.reset, load(c.reset, p));
      store(c.update, p, activate(c.options.update, load(c.update, p)));
      store(c.reset, p, r);
      if (!c.options.reset_after) store(c.product, p, load(c.seen, p) * r);
    });
  }

  MPSG_INLINE Vector kept(const GruOptions& options, Vector z) {
    return options.flip_z ? 1.0f - z : z;
  }

  static void gru_state(const GruState& c) {
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector keeps = kept(c.options, load(c.update, p));
      Vector o = load(c.output, p);
      if (c.options.reset_after) o += (load(c.product, p) + load(c.bias, p)) * load(c.reset, p);
      o = activate(c.options.output, o);
      store(c.output, p, o);
      store(c.state, p, keeps * load(c.before, p) + (1.0f - keeps) * o);
    });
  }

  static void gru_backward(const GruBackward& c) {
    const GruOptions& options = c.options;
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector z = load(c.update, p), o = load(c.output, p);
      const Vector gradient = load(c.incoming, p) + load(c.carried, p);
      const Vector keeps = kept(options, z);
      const Vector change = gradient * (load(c.before, p) - o) * slope(options.update, z);
      const Vector of_o = gradient * (1.0f - keeps) * slope(options.output, o);
      store(c.of_update, p, options.flip_z ? -change : change);
      store(c.of_output, p, of_o);
      store(c.carried, p, gradient * keeps);
      if (!options.reset_after) return;
      const Vector r = load(c.reset, p);
      const Vector product = load(c.product, p) + load(c.bias, p);
      store(c.of_reset, p, of_o * product * slope(options.reset, r));
      store(c.product, p, of_o * r);
    });
  }

  static void gru_reset(const GruReset& c) {
    for_units(c.units, [&](Place p) __attribute__((always_inline)) {
      const Vector r = load(c.reset, p), of_seen = load(c.of_seen, p);
      store(c.of_reset, p, of_seen * load(c.seen, p) * slope(c.options.reset, r));
      store(c.of_seen, p, of_seen * r);
    });
  }

  static constexpr GateKernels set(const char* name) {
    return {name,      single_gate_forward, single_gate_backward, lstm_forward, lstm_backward,
            gru_gates, gru_state,           gru_backward,         gru_reset};
  }
#undef MPSG_INLINE
};

}  // namespace
}  // namespace mpsg::recurrent
