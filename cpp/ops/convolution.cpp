// Convolution: convolution_2d and its two gradient rows. Each is linear in both operands, and the
// three are each other's gradients.
#include "ops/build.h"
#include "ops/convolution_loops.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/window.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* geometry_documentation =
    " Images are (N, C, H, W) or (N, H, W, C), weights (O, C / groups, kH, kW) or (kH, kW, C / "
    "groups, O), as the descriptor says. PaddingStyle.EXPLICIT pads by the descriptor's numbers, "
    "TF_VALID not at all, TF_SAME and ONNX_SAME_LOWER so that the output has ceil(size / stride) "
    "elements. Floating-point types; sums are in float32 for 16-bit ones.";

/// The descriptor's fields of this operation, to pass on.
std::vector<Argument> descriptor_of(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "output_shape"; });
  return arguments;
}

Argument shape_argument(const Tensor& x) {
  if (x.shape().is_static()) return {"output_shape", x.shape().to_vector()};
  return {"output_shape", shape_of(x)};
}

/// How the three rows appear in each other's rules; `options` are those of the operation at hand.
Tensor convolution(GradientContext& g, const Tensor& source, const Tensor& weights) {
  auto arguments = descriptor_of(g);
  arguments.emplace_back("source", source);
  arguments.emplace_back("weights", weights);
  return g.graph().add_one("convolution_2d", std::move(arguments));
}

Tensor data_gradient(GradientContext& g, const Tensor& gradient, const Tensor& weights,
                     const Tensor& source) {
  auto arguments = descriptor_of(g);
  arguments.emplace_back("incoming_gradient", gradient);
  arguments.emplace_back("weights", weights);
  arguments.push_back(shape_argument(source));
  return g.graph().add_one("convolution_2d_data_gradient", std::move(arguments));
}

Tensor weights_gradient(GradientContext& g, const Tensor& gradient, const Tensor& source,
                        const Tensor& weights) {
  auto arguments = descriptor_of(g);
  arguments.emplace_back("incoming_gradient", gradient);
  arguments.emplace_back("source", source);
  arguments.push_back(shape_argument(weights));
  return g.graph().add_one("convolution_2d_weights_gradient", std::move(arguments));
}

Row convolution_row(std::string name, std::string documentation) {
  return Row(std::move(name), "Convolution")
      .documentation(documentation + geometry_documentation)
      .not_stitchable("it sums over a window; others stitch onto its result")
      .types("T", types::floating());
}

Row convolution_2d() {
  return convolution_row("convolution_2d",
                         "Every output element is the sum of a window of `source` times `weights` "
                         "(a cross-correlation: the kernel is not flipped), group by group.")
      .selector("convolution2DWithSourceTensor:weightsTensor:descriptor:name:", "11.0")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"),
                 convolution_2d_output_shape(c, c.shape("source"), c.shape("weights")));
      })
      .gradient([](GradientContext& g) {
        const auto source = g.input("source"), weights = g.input("weights");
        if (g.wanted("source")) g.give("source", data_gradient(g, g.incoming(), weights, source));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, g.incoming(), source, weights));
      })
      .evaluate([](const EvaluateContext& c) {
        const ConvolutionTensors tensors{c.input("source"), c.input("weights"), c.output()};
        convolve_forward(resolve_convolution_2d(c, tensors.source.shape, tensors.weights.shape,
                                                tensors.output.shape),
                         tensors, c.parallel());
      });
}

void check_gradient(InferContext& c, const Shape& source, const Shape& weights) {
  merge_shapes(c, c.shape("incoming_gradient"), convolution_2d_output_shape(c, source, weights),
               "the gradient and the output of the forward convolution of " + source.to_string() +
                   " with " + weights.to_string());
}

Shape rank_4(const Shape& shape) { return shape.has_rank() ? shape : Shape::unknown(4); }

Row convolution_2d_data_gradient() {
  return convolution_row("convolution_2d_data_gradient",
                         "The gradient of convolution_2d with respect to its source, whose shape "
                         "is `output_shape`: also what is called a transposed convolution.")
      .selector("convolution2DDataGradientWithIncomingGradientTensor:weightsTensor:outputShape:"
                "forwardConvolutionDescriptor:name:",
                "11.0")
      .selector(
          "convolution2DDataGradientWithIncomingGradientTensor:weightsTensor:outputShapeTensor:"
          "forwardConvolutionDescriptor:name:",
          "12.0")
      .operand("incoming_gradient", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto source = rank_4(shape_from(c, "output_shape"));
        check_gradient(c, source, c.shape("weights"));
        c.result(c.operand_data_type("weights"), source);
      })
      .gradient([](GradientContext& g) {
        const auto gradient = g.input("incoming_gradient"), weights = g.input("weights");
        if (g.wanted("incoming_gradient"))
          g.give("incoming_gradient", convolution(g, g.incoming(), weights));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, gradient, g.incoming(), weights));
      })
      .evaluate([](const EvaluateContext& c) {
        const ConvolutionTensors tensors{c.output(), c.input("weights"),
                                         c.input("incoming_gradient")};
        convolve_data_gradient(resolve_convolution_2d(c, tensors.source.shape,
                                                      tensors.weights.shape, tensors.output.shape),
                               tensors, c.parallel());
      });
}

Row convolution_2d_weights_gradient() {
  return convolution_row("convolution_2d_weights_gradient",
                         "The gradient of convolution_2d with respect to its weights, whose shape "
                         "is `output_shape`.")
      .selector("convolution2DWeightsGradientWithIncomingGradientTensor:sourceTensor:outputShape:"
                "forwardConvolutionDescriptor:name:",
                "11.0")
      .selector(
          "convolution2DWeightsGradientWithIncomingGradientTensor:sourceTensor:outputShapeTensor:"
          "forwardConvolutionDescriptor:name:",
          "12.0")
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto weights = rank_4(shape_from(c, "output_shape"));
        check_gradient(c, c.shape("source"), weights);
        c.result(c.operand_data_type("source"), weights);
      })
      .gradient([](GradientContext& g) {
        const auto gradient = g.input("incoming_gradient"), source = g.input("source");
        if (g.wanted("incoming_gradient"))
          g.give("incoming_gradient", convolution(g, source, g.incoming()));
        if (g.wanted("source")) g.give("source", data_gradient(g, gradient, g.incoming(), source));
      })
      .evaluate([](const EvaluateContext& c) {
        const ConvolutionTensors tensors{c.input("source"), c.output(),
                                         c.input("incoming_gradient")};
        convolve_weights_gradient(
            resolve_convolution_2d(c, tensors.source.shape, tensors.weights.shape,
                                   tensors.output.shape),
            tensors, c.parallel());
      });
}

}  // namespace

void add_convolution_rows(Rows& rows) {
  rows.push_back(convolution_2d().done());
  rows.push_back(convolution_2d_data_gradient().done());
  rows.push_back(convolution_2d_weights_gradient().done());
}

}  // namespace mpsg::ops
