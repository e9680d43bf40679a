// Transposed convolution: the data gradient of a convolution under a name of its own, and its
// gradients. Composites of the convolution rows, whose kernels serve them.
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/window.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* forward_documentation =
    " Everything is as the convolution_2d says of which this is the opposite: the descriptor is "
    "that convolution's, and so are the weights, (O, C / groups, kH, kW) or (kH, kW, C / groups, "
    "O), where O are the channels of `source` and C those of the result. A composite.";

Shape rank_4(const Shape& shape) { return shape.has_rank() ? shape : Shape::unknown(4); }

/// Fails unless a convolution of `large` with `weights` gives `small`.
void check_forward(InferContext& c, const Shape& large, const Shape& weights, const Shape& small) {
  merge_shapes(c, small, convolution_2d_output_shape(c, large, weights),
               "the small image and the convolution of " + large.to_string() + " with " +
                   weights.to_string());
}

/// Another convolution row with the descriptor of this one and, if it has one, its output shape.
Tensor opposite(ExpandContext& c, const char* row, std::vector<Argument> operands,
                bool has_output_shape) {
  for (auto& argument : c.forward_attributes())
    if (argument.name != "output_shape") operands.push_back(std::move(argument));
  if (has_output_shape) operands.push_back(c.forward("output_shape"));
  return c.graph().add_one(row, std::move(operands));
}

Row transpose_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "ConvolutionTranspose")
      .documentation(documentation + forward_documentation)
      .types("T", types::floating());
}

Row convolution_transpose_2d() {
  return transpose_row("convolution_transpose_2d",
                       "Spreads every element of `source` over a window of the result, whose shape "
                       "is `output_shape`: several fit one source, so that it must be given.")
      .selector("convolutionTranspose2DWithSourceTensor:weightsTensor:outputShape:descriptor:name:",
                "11.0")
      .selector(
          "convolutionTranspose2DWithSourceTensor:weightsTensor:outputShapeTensor:descriptor:name:",
          "12.0")
      .operand("source", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto result = rank_4(shape_from(c, "output_shape"));
        check_forward(c, result, c.shape("weights"), c.shape("source"));
        c.result(c.operand_data_type("source"), result);
      })
      .expand([](ExpandContext& c) {
        c.give(opposite(c, "convolution_2d_data_gradient",
                        {{"incoming_gradient", c.input("source")}, {"weights", c.input("weights")}},
                        true));
      });
}

Row convolution_transpose_2d_data_gradient() {
  return transpose_row("convolution_transpose_2d_data_gradient",
                       "The gradient of convolution_transpose_2d with respect to its source, whose "
                       "shape is `output_shape`: a convolution.")
      .selector("convolutionTranspose2DDataGradientWithIncomingGradientTensor:weightsTensor:"
                "outputShape:forwardConvolutionDescriptor:name:",
                "11.0")
      .selector("convolutionTranspose2DDataGradientWithIncomingGradientTensor:weightsTensor:"
                "outputShapeTensor:forwardConvolutionDescriptor:name:",
                "12.0")
      .operand("incoming_gradient", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto source = rank_4(shape_from(c, "output_shape"));
        check_forward(c, c.shape("incoming_gradient"), c.shape("weights"), source);
        c.result(c.operand_data_type("weights"), source);
      })
      .expand([](ExpandContext& c) {
        c.give(opposite(c, "convolution_2d",
                        {{"source", c.input("incoming_gradient")}, {"weights", c.input("weights")}},
                        false));
      });
}

Row convolution_transpose_2d_weights_gradient() {
  return transpose_row("convolution_transpose_2d_weights_gradient",
                       "The gradient of convolution_transpose_2d with respect to its weights, "
                       "whose shape is `output_shape`.")
      .selector("convolutionTranspose2DWeightsGradientWithIncomingGradientTensor:sourceTensor:"
                "outputShape:forwardConvolutionDescriptor:name:",
                "11.0")
      .selector("convolutionTranspose2DWeightsGradientWithIncomingGradientTensor:sourceTensor:"
                "outputShapeTensor:forwardConvolutionDescriptor:name:",
                "12.0")
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto weights = rank_4(shape_from(c, "output_shape"));
        check_forward(c, c.shape("incoming_gradient"), weights, c.shape("source"));
        c.result(c.operand_data_type("source"), weights);
      })
      .expand([](ExpandContext& c) {
        c.give(opposite(
            c, "convolution_2d_weights_gradient",
            {{"incoming_gradient", c.input("source")}, {"source", c.input("incoming_gradient")}},
            true));
      });
}

}  // namespace

void add_convolution_transpose_rows(Rows& rows) {
  rows.push_back(convolution_transpose_2d().done());
  rows.push_back(convolution_transpose_2d_data_gradient().done());
  rows.push_back(convolution_transpose_2d_weights_gradient().done());
}

}  // namespace mpsg::ops
