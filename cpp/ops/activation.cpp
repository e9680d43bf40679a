// Activation: relu, sigmoid, leaky_relu, softmax and their gradient rows.
#include <cmath>

#include "ops/arithmetic/table.h"

namespace mpsg::ops {
namespace {

using namespace build;
using arithmetic::Floats;
using arithmetic::infer_broadcast;
using arithmetic::infer_same;
using arithmetic::ternary_loop;

Row unary_row(std::string name, std::string selector) {
  return Row(std::move(name), "Activation")
      .selector(std::move(selector), "11.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .elementwise()
      .infer(infer_same);
}

Row gradient_row(std::string name, std::string selector) {
  return Row(std::move(name), "Activation")
      .selector(std::move(selector), "11.0")
      .types("T", types::floating())
      .operand("gradient", "T")
      .operand("source", "T")
      .elementwise()
      .infer(infer_broadcast);
}

Row relu() {
  return unary_row("relu", "reLUWithTensor:name:")
      .documentation("max(tensor, 0), elementwise; NaN stays NaN. At 0 the gradient is 0.")
      .gradient([](GradientContext& g) {
        // The result is positive where the operand is, and what follows reads it anyhow.
        g.give("tensor", g.graph().add_one("relu_gradient",
                                           {{"gradient", g.incoming()}, {"source", g.output()}}));
      })
      .stitch(stitch_unary([](const Expression& x) { return x.apply(ElementOp::maximum, 0.0); }))
      .evaluate([](const EvaluateContext& c) {
        with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
          using C = ComputeType<T>;
          unary_loop<T, T>(c, [](C x) { return x < C(0) ? C(0) : x; });
        });
      });
}

Row relu_gradient() {
  return gradient_row("relu_gradient", "reLUGradientWithIncomingGradient:sourceTensor:name:")
      .documentation("gradient where source > 0, else 0: the gradient of relu.")
      .gradient([](GradientContext& g) {
        if (!g.wanted("gradient")) return;
        g.give("gradient",
               sum_to_like(g.graph().add_one("relu_gradient", {{"gradient", g.incoming()},
                                                               {"source", g.input("source")}}),
                           g.input("gradient")));
      })
      .stitch(stitch_binary([](const Expression& gradient, const Expression& x) {
        return select(x > 0.0, gradient, x.literal(0));
      }))
      .evaluate([](const EvaluateContext& c) {
        with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
          using C = ComputeType<T>;
          binary_loop<T, T>(c, [](C g, C x) { return x > C(0) ? g : C(0); });
        });
      });
}

constexpr auto sigmoid_of = [](auto x) {
  using C = decltype(x);
  return C(1) / (C(1) + std::exp(-x));
};

Row sigmoid() {
  return unary_row("sigmoid", "sigmoidWithTensor:name:")
      .documentation("1 / (1 + exp(-tensor)), elementwise.")
      .gradient([](GradientContext& g) {
        g.give("tensor", g.graph().add_one("sigmoid_gradient", {{"gradient", g.incoming()},
                                                                {"source", g.input("tensor")}}));
      })
      .stitch(stitch_unary<ElementOp::sigmoid>())
      .evaluate(arithmetic::unary_over<Floats>(sigmoid_of));
}

Row sigmoid_gradient() {
  return gradient_row("sigmoid_gradient", "sigmoidGradientWithIncomingGradient:sourceTensor:name:")
      .documentation("gradient * y * (1 - y) with y = sigmoid(source): the gradient of sigmoid.")
      .gradient([](GradientContext& g) {
        const auto gradient = g.input("gradient"), source = g.input("source");
        const auto slope = [&](const Tensor& incoming) {
          return g.graph().add_one("sigmoid_gradient",
                                   {{"gradient", incoming}, {"source", source}});
        };
        if (g.wanted("gradient")) g.give("gradient", sum_to_like(slope(g.incoming()), gradient));
        if (g.wanted("source"))
          g.give("source", sum_to_like(slope(g.incoming() * gradient) *
                                           (1.0 - unary("sigmoid", source) * 2.0),
                                       source));
      })
      .stitch(stitch_binary([](const Expression& gradient, const Expression& x) {
        const auto y = x.apply(ElementOp::sigmoid);
        return gradient * y * (1.0 - y);
      }))
      .evaluate(arithmetic::binary_over<Floats>([](auto gradient, auto x) {
        const auto y = sigmoid_of(x);
        return gradient * y * (decltype(x)(1) - y);
      }));
}

Row leaky_relu() {
  return Row("leaky_relu", "Activation")
      .documentation("tensor where it is > 0, else alpha * tensor, with broadcasting; for alpha "
                     "<= 1 that is maximum(tensor, alpha * tensor). `alpha` is a number or a "
                     "tensor. At 0 the gradient is alpha times the incoming one, as TensorFlow's.")
      .selector("leakyReLUWithTensor:alpha:name:", "12.0")
      .selector("leakyReLUWithTensor:alphaTensor:name:", "12.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .operand("alpha", "T")
      .elementwise()
      .infer(infer_broadcast)
      .gradient([](GradientContext& g) {
        const auto x = g.input("tensor"), alpha = g.input("alpha");
        if (g.wanted("tensor"))
          g.give("tensor",
                 sum_to_like(g.graph().add_one(
                                 "leaky_relu_gradient",
                                 {{"gradient", g.incoming()}, {"source", x}, {"alpha", alpha}}),
                             x));
        if (g.wanted("alpha")) {
          const auto positive = binary("greater_than", x, Scalar(0.0));
          g.give("alpha", sum_to_like(select(positive, Scalar(0.0), g.incoming() * x), alpha));
        }
      })
      .stitch(stitch_binary([](const Expression& x, const Expression& alpha) {
        return select(x > 0.0, x, alpha * x);
      }))
      .evaluate(arithmetic::binary_over<Floats>(
          [](auto x, auto alpha) { return x > decltype(x)(0) ? x : alpha * x; }));
}

Row leaky_relu_gradient() {
  return Row("leaky_relu_gradient", "Activation")
      .documentation("gradient where source > 0, else alpha * gradient, with broadcasting: the "
                     "gradient of leaky_relu.")
      .selector("leakyReLUGradientWithIncomingGradient:sourceTensor:alphaTensor:name:", "12.0")
      .types("T", types::floating())
      .operand("gradient", "T")
      .operand("source", "T")
      .operand("alpha", "T")
      .elementwise()
      .infer(infer_broadcast)
      .gradient([](GradientContext& g) {
        const auto source = g.input("source"), alpha = g.input("alpha");
        if (g.wanted("gradient"))
          g.give("gradient",
                 sum_to_like(g.graph().add_one("leaky_relu_gradient", {{"gradient", g.incoming()},
                                                                       {"source", source},
                                                                       {"alpha", alpha}}),
                             g.input("gradient")));
        if (g.wanted("alpha")) {
          const auto positive = binary("greater_than", source, Scalar(0.0));
          const auto product = g.incoming() * g.input("gradient");
          g.give("alpha", sum_to_like(select(positive, Scalar(0.0), product), alpha));
        }
      })
      .stitch(stitch_ternary(
          [](const Expression& gradient, const Expression& source, const Expression& alpha) {
            return select(source > 0.0, gradient, alpha * gradient);
          }))
      .evaluate([](const EvaluateContext& c) {
        with_floating(c.output().data_type, [&]<class T>(TypeTag<T>) {
          using C = ComputeType<T>;
          ternary_loop<T, T>(c, [](T gradient, T source, T alpha) {
            return C(source) > C(0) ? gradient : static_cast<T>(C(alpha) * C(gradient));
          });
        });
      });
}

Row softmax() {
  return Row("softmax", "Activation")
      .documentation("exp(tensor) / sum(exp(tensor)) along `axis`, computed from tensor - maximum "
                     "so that nothing overflows. A composite.")
      .selector("softMaxWithTensor:axis:name:", "11.0")
      .types("T", types::floating())
      .operand("tensor", "T")
      .attribute(integer_attribute("axis"))
      .infer([](InferContext& c) {
        if (c.shape("tensor").has_rank())
          normalize_axis(c, "axis", c.integer("axis"), c.shape("tensor").rank());
        infer_same(c);
      })
      .gradient([](GradientContext& g) {
        g.give("tensor", g.graph().add_one("softmax_gradient", {{"gradient", g.incoming()},
                                                                {"source", g.input("tensor")},
                                                                g.forward("axis")}));
      })
      .expand([](ExpandContext& c) {
        const auto x = c.input("tensor");
        const auto axes = c.forward("axis", "axes");
        const auto maximum = c.graph().add_one("reduction_maximum", {{"tensor", x}, axes});
        const auto exponent = unary("exponent", x - maximum);
        const auto total = sum(exponent, axes);
        // One division a row; not for 16-bit floats, in which 1 / total may be subnormal.
        const bool wide = compute_type(x.data_type()) == x.data_type();
        c.give(wide ? exponent * unary("reciprocal", total) : exponent / total);
      });
}

Row softmax_gradient() {
  return Row("softmax_gradient", "Activation")
      .documentation("The gradient of softmax: y * (gradient - sum(gradient * y)) along `axis`, "
                     "with y = softmax(source). A composite.")
      .selector("softMaxGradientWithIncomingGradient:sourceTensor:axis:name:", "11.0")
      .types("T", types::floating())
      .operand("gradient", "T")
      .operand("source", "T")
      .attribute(integer_attribute("axis"))
      .infer([](InferContext& c) {
        if (c.shape("source").has_rank())
          normalize_axis(c, "axis", c.integer("axis"), c.shape("source").rank());
        c.result(c.operand_data_type("source"),
                 merge_shapes(c, c.shape("gradient"), c.shape("source"), "gradient and source"));
      })
      .expand([](ExpandContext& c) {
        const auto gradient = c.input("gradient");
        const auto y =
            c.graph().add_one("softmax", {{"tensor", c.input("source")}, c.forward("axis")});
        c.give(y * (gradient - sum(gradient * y, c.forward("axis", "axes"))));
      });
}

}  // namespace

void add_activation_rows(Rows& rows) {
  rows.push_back(relu().done());
  rows.push_back(relu_gradient().done());
  rows.push_back(sigmoid().done());
  rows.push_back(sigmoid_gradient().done());
  rows.push_back(leaky_relu().done());
  rows.push_back(leaky_relu_gradient().done());
  rows.push_back(softmax().done());
  rows.push_back(softmax_gradient().done());
}

}  // namespace mpsg::ops
