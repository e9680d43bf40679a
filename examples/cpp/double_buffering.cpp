// Double buffering: the next batch is prepared while the last one is trained on. A semaphore of
// value 2 lets the loop be one batch ahead; the completion handler of a run gives its place back.
#include <cmath>
#include <cstdio>
#include <random>
#include <semaphore>
#include <vector>

#include "mpsg/mpsg.h"

namespace ops = mpsg::ops;
using mpsg::DataType, mpsg::Shape, mpsg::Tensor, mpsg::TensorData;

namespace {

constexpr int64_t rows = 256, inputs = 64;

/// y = x W + b, trained by gradient descent on rows of numbers and their weighted sum.
struct Training {
  mpsg::Graph graph;
  Tensor x = ops::placeholder(graph, Shape{rows, inputs}, {.name = "x"});
  Tensor wanted = ops::placeholder(graph, Shape{rows, 1}, {.name = "wanted"});
  Tensor weights = ops::variable(graph, 0.0, {.shape = {inputs, 1}, .name = "weights"});
  Tensor loss =
      ops::mean(ops::square(ops::subtraction(ops::matrix_multiplication(x, weights), wanted)),
                {.axes = {0, 1}});
  std::vector<mpsg::Operation> updates = {ops::assign(
      weights,
      ops::stochastic_gradient_descent(0.05, weights, graph.gradients(loss, {weights})[0]))};

  /// Any slow source of data would do.
  mpsg::TensorDataMap batch(unsigned step) const {
    std::mt19937 random(step);
    std::normal_distribution<float> normal;
    TensorData values(x.type()), sums(wanted.type());
    auto* const value = static_cast<float*>(values.data());
    auto* const sum = static_cast<float*>(sums.data());
    for (int64_t row = 0; row < rows; ++row) {
      sum[row] = 0;
      for (int64_t i = 0; i < inputs; ++i) {
        value[row * inputs + i] = normal(random);
        sum[row] += value[row * inputs + i] * static_cast<float>(i) / inputs;
      }
    }
    return {{x, values}, {wanted, sums}};
  }
};

std::vector<float> synchronous(unsigned iterations) {
  Training training;
  std::vector<float> losses;
  for (unsigned step = 0; step < iterations; ++step)
    losses.push_back(training.graph.run(training.batch(step), {training.loss}, training.updates)
                         .at(training.loss)
                         .values<float>()[0]);
  return losses;
}

std::vector<float> double_buffered(unsigned iterations) {
  Training training;
  std::vector<float> losses;
  std::counting_semaphore<2> free(2);
  mpsg::ExecutionDescriptor descriptor;
  descriptor.completion_handler = [&](const mpsg::TensorDataMap& results,
                                      std::exception_ptr error) {
    if (!error) losses.push_back(results.at(training.loss).values<float>()[0]);
    free.release();
  };
  for (unsigned step = 0; step < iterations; ++step) {
    free.acquire();
    training.graph.run_async(training.batch(step), {training.loss}, training.updates, descriptor);
  }
  for (int i = 0; i < 2; ++i) free.acquire();  // until the last two are over
  return losses;
}

}  // namespace

int main() try {
  constexpr unsigned iterations = 100;
  const auto expected = synchronous(iterations);
  const auto losses = double_buffered(iterations);
  std::printf("loss %.4f -> %.4f\n", expected.front(), expected.back());
  std::printf("double-buffered, the same losses: %s\n", losses == expected ? "yes" : "NO");
  return losses == expected && expected.back() < expected.front() ? 0 : 1;
} catch (const mpsg::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
