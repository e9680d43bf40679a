// One dense layer with GELU, its gradients, and a check against the formulas on paper.
#include <cmath>
#include <cstdio>
#include <numbers>
#include <vector>

#include "mpsg/mpsg.h"

namespace ops = mpsg::ops;
using mpsg::DataType, mpsg::Shape, mpsg::Tensor, mpsg::TensorData;

namespace {

/// gelu(v) = v cdf(v), with the normal distribution's cdf.
Tensor gelu(const Tensor& v) {
  const auto cdf = ops::multiplication(
      0.5, ops::addition(1.0, ops::erf(ops::multiplication(v, std::numbers::sqrt2 / 2))));
  return ops::multiplication(v, cdf, "gelu");
}

double cdf(double v) { return 0.5 * (1 + std::erf(v * std::numbers::sqrt2 / 2)); }
double density(double v) {
  return std::exp(-v * v / 2) * std::numbers::inv_sqrtpi / std::numbers::sqrt2;
}

bool print_and_check(const char* name, const TensorData& data, const std::vector<double>& wanted) {
  bool good = data.element_count() == std::ssize(wanted);
  std::printf("%-6s %s:", name, data.type().to_string().c_str());
  for (size_t i = 0; good && i < wanted.size(); ++i) {
    const auto value = data.values<float>()[i];
    std::printf(" %.6f", value);
    good = std::abs(value - wanted[i]) < 1e-5;
  }
  std::puts(good ? "" : "  WRONG");
  return good;
}

}  // namespace

int main() try {
  // y = gelu(x W + b), of any number of rows.
  mpsg::Graph graph;
  const auto x = ops::placeholder(graph, Shape{-1, 2}, {.name = "x"});
  const auto w = ops::variable(graph, {0.5, -1.0, 2.0, 0.25}, {.shape = {2, 2}, .name = "W"});
  const auto b = ops::variable(graph, {0.1, -0.2}, {.name = "b"});
  const auto y = gelu(ops::addition(ops::matrix_multiplication(x, w), b));

  // Derivatives of the sum of y.
  const auto gradients = graph.gradients(y, {w, b});

  const std::vector<float> rows{1, 2, -0.5, 0.75};
  const TensorData fed({DataType::float32, Shape{2, 2}}, std::span<const float>(rows));
  const auto results = graph.run({{x, fed}}, {y, gradients[0], gradients[1]});

  // The same by hand: gelu'(v) = cdf(v) + v density(v).
  const double weights[2][2] = {{0.5, -1.0}, {2.0, 0.25}}, bias[2] = {0.1, -0.2};
  std::vector<double> values, weight_gradient(4), bias_gradient(2);
  for (size_t row = 0; row < 2; ++row)
    for (size_t column = 0; column < 2; ++column) {
      const double first = rows[2 * row], second = rows[2 * row + 1];
      const double v = first * weights[0][column] + second * weights[1][column] + bias[column];
      const double slope = cdf(v) + v * density(v);
      values.push_back(v * cdf(v));
      weight_gradient[column] += first * slope;
      weight_gradient[2 + column] += second * slope;
      bias_gradient[column] += slope;
    }

  bool good = print_and_check("y", results.at(y), values);
  good &= print_and_check("dy/dW", results.at(gradients[0]), weight_gradient);
  good &= print_and_check("dy/db", results.at(gradients[1]), bias_gradient);
  return good ? 0 : 1;
} catch (const mpsg::Error& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
