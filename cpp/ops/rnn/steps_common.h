// Pieces of the reference loops over steps.
#pragma once

#include <algorithm>
#include <cmath>
#include <vector>

#include "graph/element_types.h"
#include "ops/rnn/steps_loops.h"

namespace mpsg::ops::rnn {

template <class C>
C activated(RNNActivation activation, C x) {
  switch (activation) {
    case RNNActivation::NONE: return x;
    case RNNActivation::RELU: return x > C(0) || x != x ? x : C(0);
    case RNNActivation::TANH: return std::tanh(x);
    case RNNActivation::SIGMOID: return C(1) / (C(1) + std::exp(-x));
    case RNNActivation::HARD_SIGMOID: break;
  }
  return std::min(C(1), std::max(C(0), C(0.2) * x + C(0.5)));
}

/// The slope where the activation has this value.
template <class C>
C slope_at(RNNActivation activation, C value) {
  switch (activation) {
    case RNNActivation::NONE: return C(1);
    case RNNActivation::RELU: return value > C(0) ? C(1) : C(0);
    case RNNActivation::TANH: return C(1) - value * value;
    case RNNActivation::SIGMOID: return value * (C(1) - value);
    case RNNActivation::HARD_SIGMOID: break;
  }
  return value > C(0) && value < C(1) ? C(0.2) : C(0);
}

/// A matrix (rows, columns) in the compute type.
template <class C>
struct Matrix {
  std::vector<C> data;
  int64_t rows = 0, columns = 0;

  Matrix(int64_t rows, int64_t columns)
      : data(static_cast<size_t>(rows * columns)), rows(rows), columns(columns) {}
  C* row(int64_t i) { return data.data() + i * columns; }
  const C* row(int64_t i) const { return data.data() + i * columns; }
};

/// The weights (J, H) as they are, or transposed: (H, J).
template <class T, class C = ComputeType<T>>
Matrix<C> converted(const TensorView& weights, bool transposed) {
  const int64_t rows = weights.shape[0], columns = weights.shape[1];
  const T* from = weights.as<const T>();
  Matrix<C> to(transposed ? columns : rows, transposed ? rows : columns);
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      (transposed ? to.row(j)[i] : to.row(i)[j]) = static_cast<C>(from[i * columns + j]);
  return to;
}

/// to[j] += sum over k in [first, last) of x[k] * matrix[k][begin + j], for j < count.
template <class C>
void add_product(const C* x, const Matrix<C>& matrix, int64_t first, int64_t last, int64_t begin,
                 int64_t count, C* to) {
  int64_t k = first;
  for (; k + 4 <= last; k += 4) {
    const C *a = matrix.row(k) + begin, *b = matrix.row(k + 1) + begin,
            *c = matrix.row(k + 2) + begin, *d = matrix.row(k + 3) + begin;
    const C xa = x[k - first], xb = x[k - first + 1], xc = x[k - first + 2], xd = x[k - first + 3];
    for (int64_t j = 0; j < count; ++j) to[j] += xa * a[j] + xb * b[j] + xc * c[j] + xd * d[j];
  }
  for (; k < last; ++k) {
    const C* a = matrix.row(k) + begin;
    for (int64_t j = 0; j < count; ++j) to[j] += x[k - first] * a[j];
  }
}

template <class T>
const T* given(const EvaluateContext& c, const char* operand) {
  return c.has(operand) ? c.input(operand).as<const T>() : nullptr;
}

/// A mask of one sequence at one step.
template <class T>
class Mask {
 public:
  explicit Mask(const EvaluateContext& c) : data_(given<T>(c, "mask")) {
    if (data_) steps_ = mask_steps(c.input("mask").shape);
  }
  /// to[j] = state[j] * mask
  template <class C>
  void apply(int64_t t, int64_t n, const C* state, int64_t units, C* to) const {
    if (!data_) return void(std::copy_n(state, units, to));
    const T* from = data_ + t * steps_.step + n * steps_.row;
    for (int64_t j = 0; j < units; ++j) to[j] = state[j] * static_cast<C>(from[j * steps_.unit]);
  }

 private:
  const T* data_;
  MaskSteps steps_;
};

template <class T, class C>
void load(const T* from, int64_t count, C* to) {
  if (!from) return void(std::fill_n(to, count, C(0)));
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<C>(from[i]);
}
template <class T, class C>
void add_to(const T* from, int64_t count, C* to) {
  if (!from) return;
  for (int64_t i = 0; i < count; ++i) to[i] += static_cast<C>(from[i]);
}
template <class T, class C>
void store(const C* from, int64_t count, T* to) {
  for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(from[i]);
}

/// Calls body(n) for every sequence, on all threads.
template <class Body>
void for_each_sequence(const EvaluateContext& c, const StepsGeometry& g, int64_t gates,
                       Body&& body) {
  constexpr int64_t task_operations = 1 << 16;  // below, a second thread costs more than it gives
  const int64_t operations = std::max<int64_t>(1, g.steps * gates * g.units * (g.units + 16));
  c.parallel().for_range(g.batch, std::max<int64_t>(1, task_operations / operations),
                         [&](int64_t begin, int64_t end) {
                           for (int64_t n = begin; n < end; ++n) body(n);
                         });
}

}  // namespace mpsg::ops::rnn
