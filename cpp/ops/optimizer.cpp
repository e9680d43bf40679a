// Optimizer: one step of gradient descent and of Adam.
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

Row stochastic_gradient_descent() {
  return Row("stochastic_gradient_descent", "Optimizer")
      .documentation("values - learning_rate * gradient. `learning_rate`: a number or a scalar "
                     "tensor (fed at run time it compiles nothing anew). A composite.")
      .selector("stochasticGradientDescentWithLearningRateTensor:valuesTensor:gradientTensor:name:",
                "11.0")
      .types("T", types::differentiable())
      .operand("learning_rate", "T")
      .operand("values", "T")
      .operand("gradient", "T")
      .infer([](InferContext& c) {
        require_rank(c, "learning_rate", 0);
        c.result(c.operand_data_type("values"),
                 merge_shapes(c, c.shape("values"), c.shape("gradient"), "values and gradient"));
      })
      .expand([](ExpandContext& c) {
        c.give(c.input("values") - c.input("learning_rate") * c.input("gradient"));
      });
}

Row apply_stochastic_gradient_descent() {
  return Row("apply_stochastic_gradient_descent", "Optimizer")
      .documentation("Assigns variable - learning_rate * gradient to the variable. Pass the "
                     "operation among the target operations of a run. A composite.")
      .selector("applyStochasticGradientDescentWithLearningRateTensor:variable:gradientTensor:"
                "name:",
                "11.0")
      .types("T", types::differentiable())
      .operand("learning_rate", "T")
      .operand_with_role("variable", "T", OperandRole::variable)
      .operand("gradient", "T")
      .no_result()
      .impure()
      .not_differentiable("an assign has no result")
      .infer([](InferContext& c) {
        require_rank(c, "learning_rate", 0);
        merge_shapes(c, c.shape("variable"), c.shape("gradient"), "variable and gradient");
      })
      .expand([](ExpandContext& c) {
        const auto variable = c.input("variable");
        const auto value = c.graph().add_one("stochastic_gradient_descent",
                                             {{"learning_rate", c.input("learning_rate")},
                                              {"values", variable},
                                              {"gradient", c.input("gradient")}});
        c.graph().add_operation("assign", {{"variable", variable}, {"tensor", value}});
      });
}

constexpr const char* adam_scalars[] = {"learning_rate", "beta1",       "beta2",
                                        "epsilon",       "beta1_power", "beta2_power"};

void infer_adam(InferContext& c) {
  for (const auto* scalar : adam_scalars)
    if (c.has(scalar)) require_rank(c, scalar, 0);
  if (c.has("beta1_power") != c.has("beta2_power"))
    c.fail("'beta1_power' and 'beta2_power' are given together or not at all");
  auto shape = c.shape("values");
  for (const auto* operand : {"momentum", "velocity", "maximum_velocity", "gradient"})
    if (c.has(operand))
      shape = merge_shapes(c, shape, c.shape(operand), std::string("values and ") + operand);
  const int results = c.has("maximum_velocity") ? 4 : 3;
  for (int i = 0; i < results; ++i) c.result(c.operand_data_type("values"), shape);
}

void expand_adam(ExpandContext& c) {
  const auto gradient = c.input("gradient");
  const auto beta1 = c.input("beta1"), beta2 = c.input("beta2");
  const auto momentum = c.input("momentum") * beta1 + gradient * (1.0 - beta1);
  const auto velocity = c.input("velocity") * beta2 + square(gradient) * (1.0 - beta2);
  auto rate = c.input("learning_rate");
  if (c.has("beta1_power"))
    rate = rate * square_root(1.0 - c.input("beta2_power")) / (1.0 - c.input("beta1_power"));
  auto divisor = velocity;
  if (c.has("maximum_velocity")) divisor = binary("maximum", c.input("maximum_velocity"), velocity);
  const auto step = momentum * rate / (square_root(divisor) + c.input("epsilon"));
  c.give(c.input("values") - step);
  c.give(momentum);
  c.give(velocity);
  if (c.has("maximum_velocity")) c.give(divisor);
}

Row adam() {
  return Row("adam", "Optimizer")
      .documentation(
          "One step of Adam. Gives values, momentum and velocity after it, and maximum_velocity if "
          "that was given (AMSGrad):\n"
          "  momentum = beta1 * momentum + (1 - beta1) * gradient\n"
          "  velocity = beta2 * velocity + (1 - beta2) * square(gradient)\n"
          "  maximum_velocity = maximum(maximum_velocity, velocity)\n"
          "  values = values - rate * momentum / (square_root(velocity) + epsilon)\n"
          "with maximum_velocity in place of velocity in the last line, if given. With beta1_power "
          "and beta2_power (beta1 and beta2 to the power of the step's number) rate is "
          "learning_rate * square_root(1 - beta2_power) / (1 - beta1_power); without them it is "
          "learning_rate. Numbers or scalar tensors: learning_rate, the betas, their powers, "
          "epsilon. A composite.")
      .selector("adamWithLearningRateTensor:beta1Tensor:beta2Tensor:epsilonTensor:beta1PowerTensor:"
                "beta2PowerTensor:valuesTensor:momentumTensor:velocityTensor:maximumVelocityTensor:"
                "gradientTensor:name:",
                "13.0")
      .selector("adamWithCurrentLearningRateTensor:beta1Tensor:beta2Tensor:epsilonTensor:"
                "valuesTensor:momentumTensor:velocityTensor:maximumVelocityTensor:gradientTensor:"
                "name:",
                "13.0")
      .types("T", types::floating())
      .operand("learning_rate", "T")
      .operand("beta1", "T")
      .operand("beta2", "T")
      .operand("epsilon", "T")
      .operand("values", "T")
      .operand("momentum", "T")
      .operand("velocity", "T")
      .operand("gradient", "T")
      .keyword_operand("maximum_velocity", "T")
      .keyword_operand("beta1_power", "T")
      .keyword_operand("beta2_power", "T")
      .result("...")
      .infer(infer_adam)
      .expand(expand_adam);
}

}  // namespace

void add_optimizer_rows(Rows& rows) {
  rows.push_back(stochastic_gradient_descent().done());
  rows.push_back(apply_stochastic_gradient_descent().done());
  rows.push_back(adam().done());
}

}  // namespace mpsg::ops
