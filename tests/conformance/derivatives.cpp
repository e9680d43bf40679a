#include "derivatives.h"

#include <algorithm>
#include <cmath>

#include "mpsg/error.h"
#include "values.h"

namespace mpsg::conformance {
namespace {

// Roundings that a value may go through; only the order of magnitude counts.
constexpr double roundings = 64;

bool is_differentiable(DataType type) { return is_floating(type) || is_complex(type); }

Tensor product(const Tensor& a, const Tensor& b) {
  return a.graph().add_one("multiplication", {{"primary_tensor", a}, {"secondary_tensor", b}});
}

/// Two real tensors of a complex one.
std::vector<Tensor> real_parts(const Tensor& tensor) {
  if (!is_complex(tensor.data_type())) return {tensor};
  auto graph = tensor.graph();
  return {graph.add_one("real_part", {{"tensor", tensor}}),
          graph.add_one("imaginary_part", {{"tensor", tensor}})};
}

}  // namespace

Derivatives::Derivatives(const Case& one, uint64_t seed) : seed_(seed) {
  built_ = build(one, draw_all(one, seed), device_);
  for (size_t i = 0; i < built_.operands.size(); ++i) {
    const auto type = built_.operands[i].data_type();
    if (is_differentiable(type)) sources_.push_back(i);
    if (type == DataType::float32 || type == DataType::complex64) {
      roundoff_ = 0x1p-24;
      step_ = 0x1p-5;
    }
  }
  auto differentiated = built_.results;
  std::erase_if(differentiated,
                [](const Tensor& result) { return !is_differentiable(result.data_type()); });
  if (differentiated.empty()) throw GraphError("no result is differentiable");
  for (size_t order = 0; order < 2; ++order) {
    const auto value = weighted_sum(differentiated);
    differentiated = differentiate(value);
    built_.results = {value};
    values_[order] = compile(built_, device_);
    built_.results = differentiated;
    gradients_[order] = compile(built_, device_);
  }
}

Tensor Derivatives::weighted_sum(const std::vector<Tensor>& tensors) {
  auto graph = built_.graph;
  Tensor total;
  for (const auto& tensor : tensors)
    for (const auto& part : real_parts(tensor)) {
      const auto flat =
          graph.add_one("reshape", {{"tensor", part}, {"shape", std::vector<int64_t>{-1}}});
      const auto count = part.shape().element_count().value_or(0);
      // The weights come from the place, so that no size need be known before the run.
      const auto place = graph.add_one(
          "coordinate_along_axis",
          {{"axis", int64_t{0}}, {"shape", graph.add_one("shape_of", {{"tensor", flat}})}});
      const double rate = 0.5 + Random(seed_ += 1).between(0, 2);
      const auto phase = graph.add_one(
          "addition",
          {{"primary_tensor",
            product(graph.add_one("cast", {{"tensor", place}, {"type", part.data_type()}}),
                    graph.add_one("constant", {{"value", rate}, {"data_type", part.data_type()}}))},
           {"secondary_tensor", TensorOrScalar(Scalar(rate + double(count % 7)))}});
      const auto weight = graph.add_one("sin", {{"tensor", phase}});
      const auto term = graph.add_one("reduction_sum", {{"tensor", product(flat, weight)}});
      if (!total) total = term;
      else
        total = graph.add_one("addition", {{"primary_tensor", total}, {"secondary_tensor", term}});
    }
  return total;
}

std::vector<Tensor> Derivatives::differentiate(const Tensor& value) {
  std::vector<Tensor> with_respect_to;
  for (const size_t source : sources_) with_respect_to.push_back(built_.operands[source]);
  return built_.graph.gradients(value, with_respect_to, Unconnected::zero);
}

double Derivatives::value_at(int order, const std::vector<TensorData>& feeds) {
  return to_numbers(values_[static_cast<size_t>(order)]->run(feeds).front()).front();
}

/// Richardson's extrapolation of two central differences, and what its error may be.
Derivatives::Slope Derivatives::slope(int order, size_t source, size_t place) {
  double slopes[2], largest = 0;
  auto feeds = built_.feeds;
  const auto numbers = to_numbers(feeds[source]);
  for (const int factor : {1, 2}) {
    double ends[2];
    for (const int end : {0, 1}) {
      auto moved = numbers;
      moved[place] += (end == 0 ? 1 : -1) * factor * step_;
      feeds[source] = from_numbers(feeds[source].type(), moved);
      ends[end] = value_at(order, feeds);
      largest = std::max(largest, std::abs(ends[end]));
    }
    slopes[factor - 1] = (ends[0] - ends[1]) / (2 * factor * step_);
  }
  const double slope = (4 * slopes[0] - slopes[1]) / 3;
  return {slope, 0.05 * std::abs(slopes[1] - slopes[0]) +
                     roundings * roundoff_ * (1 + largest + std::abs(slope)) / step_};
}

std::vector<std::string> Derivatives::failures(int order) {
  std::vector<std::string> found;
  const auto gradients = gradients_[static_cast<size_t>(order)]->run(built_.feeds);
  for (size_t i = 0; i < sources_.size(); ++i) {
    const auto& feed = built_.feeds[sources_[i]];
    if (gradients[i].type() != feed.type()) {
      found.push_back("the gradient is " + gradients[i].type().to_string());
      continue;
    }
    const auto got = to_numbers(gradients[i]);
    for (size_t place = 0; place < got.size(); ++place) {
      ++checks_;
      const auto [wanted, error] = slope(order, sources_[i], place);
      if (std::abs(got[place] - wanted) <= error) continue;
      char text[160];
      std::snprintf(text, sizeof(text),
                    "order %d, operand %zu, element %zu: %.9g, by differences %.9g +- %.1g",
                    order + 1, sources_[i], place, got[place], wanted, error);
      found.emplace_back(text);
    }
  }
  return found;
}

}  // namespace mpsg::conformance
