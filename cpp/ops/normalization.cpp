// Normalization: mean, variance, and what batch, instance and layer normalization share.
#include "graph/graph_data.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"

namespace mpsg::ops {
namespace {

using namespace build;

Row elements_along_row() {
  return Row("elements_along", "Internal")
      .documentation("The number of elements along `axes`, as a scalar of the type in which they "
                     "are summed. A composite: a constant once the shape is known.")
      .internal()
      .types("T", types::differentiable())
      .operand("tensor", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .not_differentiable("the result depends on the operand's shape only")
      .infer([](InferContext& c) {
        reduced_shape(c, c.shape("tensor"));  // checks the axes
        c.result(c.operand_data_type("tensor"), Shape{});
      })
      .expand([](ExpandContext& c) {
        const auto tensor = c.input("tensor");
        const auto shape = tensor.shape();
        auto& data = *tensor.graph_data();
        const auto symbols = data.symbolic_shape(tensor.id());
        double count = 1;
        bool open = false;
        const auto multiply = [&](int axis) {
          count *= static_cast<double>(shape[axis]);
          open = open || shape[axis] != symbols[axis];
        };
        if (c.given("axes"))
          for (const auto axis : c.integers("axes"))
            multiply(static_cast<int>(axis < 0 ? axis + shape.rank() : axis));
        else
          for (int axis = 0; axis < shape.rank(); ++axis) multiply(axis);
        const auto number = constant(c.graph(), count, c.result_type().data_type);
        if (open) data.mark_from_sizes(number.id().operation);
        c.give(number);
      });
}

Row mean_row() {
  return Row("mean", "Normalization")
      .documentation("The mean along `axes` (an int, ints, an integer tensor, or None for all "
                     "axes), which stay with size 1; NaN of nothing. 16-bit floats are summed in "
                     "float32. A composite.")
      .selector("meanOfTensor:axes:name:", "11.0")
      .types("T", types::differentiable())
      .operand("tensor", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("tensor"), reduced_shape(c, c.shape("tensor")));
      })
      .expand([](ExpandContext& c) {
        const auto x = widen(c.input("tensor"));
        const auto axes = c.forward("axes");
        c.give(cast(sum(x, axes) / elements_along(x, axes), c.result_type().data_type));
      });
}

/// Fails unless an operand, if given, broadcasts to the shape of `large`.
void require_broadcast(const InferContext& c, const char* operand, const char* large) {
  if (!c.has(operand)) return;
  const auto& shape = c.shape(large);
  const auto both =
      broadcast_shapes(c, c.shape(operand), shape, "'" + std::string(operand) + "' and the tensor");
  merge_shapes(
      c, both, shape,
      std::string("the shape of '") + operand + "', broadcast, and that of '" + large + "'");
}

/// Is `mean`, as far as can be seen, the mean of `x` along these axes?
bool is_mean_of(const Tensor& mean, const Tensor& x, const OperationView& view) {
  const auto& node = mean.graph_data()->node(mean.id().operation);
  return node.row->name == "mean" && node.inputs.size() == 1 && node.inputs[0] == x.id() &&
         !view.has("axes") && view.given("axes") == node.view().given("axes") &&
         (!view.given("axes") || node.view().integers("axes") == view.integers("axes"));
}

/// 2 / n * (tensor - mean) for each element. What flows through the mean of the tensor itself is
/// the sum of all these, which is 0.
void variance_gradient(GradientContext& g) {
  const auto x = widen(g.input("tensor"));
  const auto axes = g.forward("axes");
  const auto given = g.input("mean");
  const auto center = given ? widen(given) : mean(x, axes);
  const auto each = (x - center) * (widen(g.incoming()) * 2.0 / elements_along(x, axes));
  if (g.wanted("tensor")) g.give("tensor", cast(each, g.input("tensor").data_type()));
  if (!given || !g.wanted("mean")) return;
  const bool vanishes = is_mean_of(given, g.input("tensor"), g);
  g.give("mean", vanishes ? zeros_like(given) : cast(sum_to_like(-each, given), given.data_type()));
}

Row variance_row() {
  return Row("variance", "Normalization")
      .documentation("The mean of square(tensor - mean) along `axes` (an int, ints, an integer "
                     "tensor, or None for all axes), which stay with size 1: the sum is divided by "
                     "the number of elements. `mean`: the mean, if it is known already. 16-bit "
                     "floats are computed in float32. A composite.")
      .selector("varianceOfTensor:meanTensor:axes:name:", "11.0")
      .selector("varianceOfTensor:axes:name:", "11.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .keyword_operand("mean", "T")
      .infer([](InferContext& c) {
        require_broadcast(c, "mean", "tensor");
        c.result(c.operand_data_type("tensor"), reduced_shape(c, c.shape("tensor")));
      })
      .gradient(variance_gradient)
      .expand([](ExpandContext& c) {
        const auto x = widen(c.input("tensor"));
        const auto axes = c.forward("axes");
        const auto center = c.has("mean") ? widen(c.input("mean")) : mean(x, axes);
        c.give(cast(mean(square(x - center), axes), c.result_type().data_type));
      });
}

AttributeSpec epsilon() { return real_attribute("epsilon"); }

/// 1 / square_root(variance + epsilon)
Tensor inverse_deviation(ExpandContext& c) {
  return unary("reciprocal_square_root", widen(c.input("variance")) + c.real("epsilon"));
}

bool same_known_shape(const Tensor& a, const Tensor& b) {
  return a.shape().is_static() && a.shape() == b.shape();
}

Row normalization_row() {
  return Row("normalization", "Normalization")
      .documentation("gamma * (tensor - mean) / square_root(variance + epsilon) + beta; gamma and "
                     "beta may be left out. The axes of the statistics decide what it is: batch, "
                     "instance or layer normalization. Everything broadcasts to `tensor`. 16-bit "
                     "floats are computed in float32 and rounded once. The gradient takes mean and "
                     "variance as operands: it flows on through them. A composite.")
      .selector("normalizationWithTensor:meanTensor:varianceTensor:gammaTensor:betaTensor:epsilon:"
                "name:",
                "11.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .operand("mean", "T")
      .operand("variance", "T")
      .optional_operand("gamma", "T")
      .optional_operand("beta", "T")
      .attribute(epsilon())
      .infer([](InferContext& c) {
        for (const auto* operand : {"mean", "variance", "gamma", "beta"})
          require_broadcast(c, operand, "tensor");
        c.result(c.type("tensor"));
      })
      .expand([](ExpandContext& c) {
        auto result = widen(c.input("tensor")) - widen(c.input("mean"));
        auto scale = inverse_deviation(c);
        const auto gamma = c.input("gamma"), beta = c.input("beta");
        // One factor per element where gamma belongs to the same axes as the variance.
        const bool together = gamma && same_known_shape(gamma, c.input("variance"));
        if (together) scale = scale * widen(gamma);
        result = result * scale;
        if (gamma && !together) result = result * widen(gamma);
        if (beta) result = result + widen(beta);
        c.give(cast(result, c.result_type().data_type));
      });
}

void infer_parameter_gradient(InferContext& c) {
  const auto shape = merge_shapes(c, c.shape("incoming_gradient"), c.shape("source"),
                                  "incoming_gradient and source");
  for (const auto* operand : {"mean", "variance"})
    if (c.row().operand_index(operand) >= 0) require_broadcast(c, operand, "source");
  c.result(c.operand_data_type("source"), reduced_shape(c, shape));
}

Row normalization_gamma_gradient() {
  return Row("normalization_gamma_gradient", "Normalization")
      .documentation("The gradient of normalization with respect to gamma: the sum along `axes` of "
                     "incoming_gradient * (source - mean) / square_root(variance + epsilon). The "
                     "axes stay with size 1. A composite.")
      .selector("normalizationGammaGradientWithIncomingGradientTensor:sourceTensor:meanTensor:"
                "varianceTensor:reductionAxes:epsilon:name:",
                "11.0")
      .types("T", types::floating())
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .operand("mean", "T")
      .operand("variance", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .attribute(epsilon())
      .infer(infer_parameter_gradient)
      .expand([](ExpandContext& c) {
        const auto normal =
            (widen(c.input("source")) - widen(c.input("mean"))) * inverse_deviation(c);
        const auto total = sum(widen(c.input("incoming_gradient")) * normal, c.forward("axes"));
        c.give(cast(total, c.result_type().data_type));
      });
}

Row normalization_beta_gradient() {
  return Row("normalization_beta_gradient", "Normalization")
      .documentation("The gradient of normalization with respect to beta: the sum of "
                     "incoming_gradient along `axes`, which stay with size 1. The values of "
                     "`source` do not matter. A composite.")
      .selector("normalizationBetaGradientWithIncomingGradientTensor:sourceTensor:reductionAxes:"
                "name:",
                "11.0")
      .types("T", types::floating())
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .infer(infer_parameter_gradient)
      .expand(
          [](ExpandContext& c) { c.give(sum(c.input("incoming_gradient"), c.forward("axes"))); });
}

void expand_normalization_gradient(ExpandContext& c) {
  const auto axes = c.forward("axes");
  const auto x = widen(c.input("source")), gradient = widen(c.input("incoming_gradient"));
  const auto gamma = c.input("gamma"), variance = c.input("variance");
  const auto inverse = inverse_deviation(c);
  const auto normal = (x - widen(c.input("mean"))) * inverse;
  const auto scaled = gamma ? gradient * widen(gamma) : gradient;
  // Sums along the axes of `scaled` and of `scaled * normal`. The gradients of beta and gamma are
  // these sums, if gamma is the same all along the axes (batch normalization).
  Tensor total, moment;
  const auto fits = [&](const Tensor& tensor) {
    return tensor && same_known_shape(tensor, variance);
  };
  if (fits(c.input("beta_gradient")) && fits(c.input("gamma_gradient")) &&
      (!gamma || fits(gamma))) {
    total = widen(c.input("beta_gradient"));
    moment = widen(c.input("gamma_gradient"));
    if (gamma) total = total * widen(gamma);
    if (gamma) moment = moment * widen(gamma);
  } else {
    total = sum(scaled, axes);
    moment = sum(scaled * normal, axes);
  }
  const auto count = elements_along(x, axes);
  const auto result = (scaled - total / count - normal * (moment / count)) * inverse;
  c.give(cast(result, c.result_type().data_type));
}

Row normalization_gradient() {
  return Row("normalization_gradient", "Normalization")
      .documentation(
          "The gradient of normalization with respect to its source, where mean and variance are "
          "those of `source` along `axes`, as in training (TensorFlow's fused batch "
          "normalization). gamma_gradient and beta_gradient save two sums where they have the "
          "shape of `variance`, as in batch normalization; elsewhere they are not needed. A "
          "composite.")
      .selector("normalizationGradientWithIncomingGradientTensor:sourceTensor:meanTensor:"
                "varianceTensor:gammaTensor:gammaGradientTensor:betaGradientTensor:reductionAxes:"
                "epsilon:name:",
                "11.0")
      .types("T", types::floating())
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .operand("mean", "T")
      .operand("variance", "T")
      .optional_operand("gamma", "T")
      .optional_operand("gamma_gradient", "T")
      .optional_operand("beta_gradient", "T")
      .attribute(optional_integers_or_tensor("axes"))
      .attribute(epsilon())
      .infer([](InferContext& c) {
        const auto shape = merge_shapes(c, c.shape("incoming_gradient"), c.shape("source"),
                                        "incoming_gradient and source");
        for (const auto* operand : {"mean", "variance", "gamma", "gamma_gradient", "beta_gradient"})
          require_broadcast(c, operand, "source");
        reduced_shape(c, shape);  // checks the axes
        c.result(c.operand_data_type("source"), shape);
      })
      .expand(expand_normalization_gradient);
}

}  // namespace

void add_normalization_rows(Rows& rows) {
  rows.push_back(elements_along_row().done());
  rows.push_back(mean_row().done());
  rows.push_back(variance_row().done());
  rows.push_back(normalization_row().done());
  rows.push_back(normalization_gamma_gradient().done());
  rows.push_back(normalization_beta_gradient().done());
  rows.push_back(normalization_gradient().done());
}

}  // namespace mpsg::ops
