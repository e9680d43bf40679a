// Losses: softmax cross entropy.
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"

namespace mpsg::ops {
namespace {

using namespace build;

/// -logarithm(softmax(source)) along the axis, from source - maximum so that nothing overflows.
Tensor surprise(ExpandContext& c) {
  const auto x = widen(c.input("source"));
  const auto axes = c.forward("axis", "axes");
  const auto shifted = x - c.graph().add_one("reduction_maximum", {{"tensor", x}, axes});
  return unary("logarithm", sum(unary("exponent", shifted), axes)) - shifted;
}

/// A gradient of the result as a gradient of each loss: along the axis its size is 1.
Tensor gradient_of_losses(ExpandContext& c, const Tensor& gradient) {
  if (c.enumeration<LossReductionType>("reduction_type") != LossReductionType::MEAN)
    return gradient;
  // Only the shape of this sum is used: it is never computed.
  const auto losses = sum(widen(c.input("source")), c.forward("axis", "axes"));
  return gradient / elements_along(losses, {"axes", AttributeValue()});
}

Shape infer_source(const InferContext& c) {
  const auto shape = merge_shapes(c, c.shape("source"), c.shape("labels"), "source and labels");
  if (shape.has_rank()) normalize_axis(c, "axis", c.integer("axis"), shape.rank());
  return shape;
}

/// What the losses become; a scalar unless they stay apart.
Shape infer_losses(const InferContext& c, Shape shape) {
  if (c.enumeration<LossReductionType>("reduction_type") != LossReductionType::NONE) return {};
  if (shape.has_rank()) shape[normalize_axis(c, "axis", c.integer("axis"), shape.rank())] = 1;
  return shape;
}

void expand_loss(ExpandContext& c) {
  const Argument all_axes{"axes", AttributeValue()};
  const auto losses = sum(widen(c.input("labels")) * surprise(c), c.forward("axis", "axes"));
  auto result = losses;
  const auto reduction = c.enumeration<LossReductionType>("reduction_type");
  if (reduction == LossReductionType::SUM) result = sum(losses, all_axes);
  if (reduction == LossReductionType::MEAN) result = mean(losses, all_axes);
  if (reduction != LossReductionType::NONE)
    result = c.graph().add_one("reshape", {{"tensor", result}, {"shape", std::vector<int64_t>{}}});
  c.give(cast(result, c.result_type().data_type));
}

void differentiate_loss(GradientContext& g) {
  const auto source = g.input("source"), labels = g.input("labels");
  if (g.wanted("source"))
    g.give("source",
           g.graph().add_one("softmax_cross_entropy_gradient", {{"gradient", g.incoming()},
                                                                {"source", source},
                                                                {"labels", labels},
                                                                g.forward("axis"),
                                                                g.forward("reduction_type")}));
  if (g.wanted("labels"))
    g.give("labels",
           cast(gradient_of_losses(g, widen(g.incoming())) * surprise(g), labels.data_type()));
}

Row softmax_cross_entropy() {
  return Row("softmax_cross_entropy", "LossOps")
      .documentation(
          "-labels * logarithm(softmax(source)), summed along `axis`: the losses. `labels` are "
          "probabilities of the type and shape of `source`. reduction_type NONE gives the losses, "
          "their axis with size 1; SUM their sum and MEAN their mean (divided by the number of "
          "losses), both as a scalar of shape (). Computed from source - maximum, 16-bit floats in "
          "float32, so that nothing overflows. Gradients flow to source and labels. A composite.")
      .selector("softMaxCrossEntropyWithSourceTensor:labelsTensor:axis:reductionType:name:", "11.0")
      .types("T", types::floating())
      .operand("source", "T")
      .operand("labels", "T")
      .attribute(integer_attribute("axis"))
      .attribute(required_enum_attribute("reduction_type", loss_reduction_type))
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"), infer_losses(c, infer_source(c)));
      })
      .gradient(differentiate_loss)
      .expand(expand_loss);
}

Row softmax_cross_entropy_gradient() {
  return Row("softmax_cross_entropy_gradient", "LossOps")
      .documentation(
          "The gradient of softmax_cross_entropy with respect to source: gradient * "
          "(softmax(source) * sum(labels) - labels), divided by the number of losses for MEAN. "
          "`gradient` has the shape of the loss. (Where labels sum to 1 this is TensorFlow's "
          "softmax(source) - labels.) A composite.")
      .selector("softMaxCrossEntropyGradientWithIncomingGradientTensor:sourceTensor:labelsTensor:"
                "axis:reductionType:name:",
                "11.0")
      .types("T", types::floating())
      .operand("gradient", "T")
      .operand("source", "T")
      .operand("labels", "T")
      .attribute(integer_attribute("axis"))
      .attribute(required_enum_attribute("reduction_type", loss_reduction_type))
      .infer([](InferContext& c) {
        const auto shape = infer_source(c);
        merge_shapes(c, c.shape("gradient"), infer_losses(c, shape), "gradient and the loss");
        c.result(c.operand_data_type("source"), shape);
      })
      .expand([](ExpandContext& c) {
        const auto labels = widen(c.input("labels"));
        const auto probabilities =
            c.graph().add_one("softmax", {{"tensor", widen(c.input("source"))}, c.forward("axis")});
        const auto slope = probabilities * sum(labels, c.forward("axis", "axes")) - labels;
        const auto gradient = gradient_of_losses(c, widen(c.input("gradient")));
        c.give(cast(gradient * slope, c.result_type().data_type));
      });
}

}  // namespace

void add_loss_rows(Rows& rows) {
  rows.push_back(softmax_cross_entropy().done());
  rows.push_back(softmax_cross_entropy_gradient().done());
}

}  // namespace mpsg::ops
