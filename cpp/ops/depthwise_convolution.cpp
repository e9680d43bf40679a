// DepthwiseConvolution in two dimensions: composites of the grouped convolution, whose kernels
// serve them. Each row is linear in both operands, and the three are each other's gradients.
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/window.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* geometry_documentation =
    " Images are (N, C, H, W) or (N, H, W, C), as the descriptor says, weights (multiplier, C, kH, "
    "kW) with OIHW or (kH, kW, C, multiplier) with HWIO; result channel c * multiplier + m is of "
    "source channel c (TensorFlow's order). Padding is as in convolution_2d. A composite of its "
    "grouped form.";

Shape rank_4(const Shape& shape) { return shape.has_rank() ? shape : Shape::unknown(4); }

std::vector<Argument> descriptor_of(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "output_shape"; });
  return arguments;
}

Argument shape_argument(const Tensor& x) {
  if (x.shape().is_static()) return {"output_shape", x.shape().to_vector()};
  return {"output_shape", shape_of(x)};
}

/// Another of the three rows, with the options of the operation at hand.
Tensor related(ExpandContext& c, const char* row, std::vector<Argument> operands) {
  auto arguments = descriptor_of(c);
  arguments.insert(arguments.end(), operands.begin(), operands.end());
  return c.graph().add_one(row, std::move(arguments));
}

Tensor forward(ExpandContext& c, const Tensor& source, const Tensor& weights) {
  return related(c, "depthwise_convolution_2d", {{"source", source}, {"weights", weights}});
}
Tensor data_gradient(ExpandContext& c, const Tensor& gradient, const Tensor& weights,
                     const Tensor& source) {
  return related(c, "depthwise_convolution_2d_data_gradient",
                 {{"incoming_gradient", gradient}, {"weights", weights}, shape_argument(source)});
}
Tensor weights_gradient(ExpandContext& c, const Tensor& gradient, const Tensor& source,
                        const Tensor& weights) {
  return related(c, "depthwise_convolution_2d_weights_gradient",
                 {{"incoming_gradient", gradient}, {"source", source}, shape_argument(weights)});
}

bool is_hwio(const OperationView& operation) {
  return operation.enumeration<TensorNamedDataLayout>("weights_layout") ==
         TensorNamedDataLayout::HWIO;
}

Tensor reshape(const Tensor& x, std::vector<int64_t> shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", std::move(shape)}});
}
Tensor first_two_swapped(const Tensor& x) {
  return x.graph().add_one("permute",
                           {{"tensor", x}, {"permutation", std::vector<int64_t>{1, 0, 2, 3}}});
}

/// The shape of the weights of the grouped convolution, of one group for each channel.
std::vector<int64_t> grouped_shape(bool hwio, const Shape& weights) {
  if (hwio) return {weights[0], weights[1], 1, weights[2] * weights[3]};
  return {weights[0] * weights[1], 1, weights[2], weights[3]};
}

Tensor to_grouped(bool hwio, const Tensor& weights) {
  return reshape(hwio ? weights : first_two_swapped(weights), grouped_shape(hwio, weights.shape()));
}

Tensor from_grouped(bool hwio, const Tensor& grouped, const Shape& weights) {
  if (hwio) return reshape(grouped, weights.to_vector());
  return first_two_swapped(reshape(grouped, {weights[1], weights[0], weights[2], weights[3]}));
}

int64_t channels_of(bool hwio, const Shape& weights) { return weights[hwio ? 2 : 1]; }

/// A grouped convolution has at least one group: without channels the result has no elements.
bool gives_nothing(ExpandContext& c, int64_t channels) {
  if (channels > 0) return false;
  const auto& type = c.result_type();
  c.give(c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), 0, type.data_type)},
                                         {"shape", type.shape.to_vector()}}));
  return true;
}

/// One axis of the sum of shifted images below.
struct Shift {
  int64_t before, output, kernel, dilation;
  bool backwards;  // the last tap comes first

  static Shift forward(const WindowAxis& axis) {
    return {axis.pad_before, axis.output, axis.kernel, axis.dilation, false};
  }
  static Shift of_data_gradient(const WindowAxis& axis) {
    return {axis.extent() - 1 - axis.pad_before, axis.input, axis.kernel, axis.dilation, true};
  }
  int64_t after(int64_t input) const { return output + (kernel - 1) * dilation - before - input; }
  int64_t tap(int64_t k) const { return backwards ? kernel - 1 - k : k; }
};

/// Images one plane after the other, one filter for each: a few shifted images, each times a number
/// for each channel, are one stitched kernel along the rows of the planes. A convolution with as
/// many groups as channels has next to nothing to do in each. Sums in 16 bits would lose digits.
bool sums_shifts(const Convolution2DGeometry& g, DataType type) {
  constexpr int64_t most_taps = 25;
  return !g.nhwc && !g.hwio && g.out_channels == g.in_channels && g.y.stride == 1 &&
         g.x.stride == 1 && g.y.kernel * g.x.kernel > 0 && g.y.kernel * g.x.kernel <= most_taps &&
         size_of(type) >= 4;
}

Tensor part(const Tensor& x, std::vector<int64_t> starts, std::vector<int64_t> ends) {
  const std::vector<int64_t> strides(starts.size(), 1);
  return x.graph().add_one("slice", {{"tensor", x},
                                     {"starts", std::move(starts)},
                                     {"ends", std::move(ends)},
                                     {"strides", strides}});
}

Tensor sum_of_shifts(const Tensor& images, const Tensor& weights, const Shift& y, const Shift& x) {
  const auto& shape = images.shape();
  const int64_t batch = shape[0], channels = shape[1];
  const auto padded = images.graph().add_one(
      "pad", {{"tensor", images},
              {"padding_mode", static_cast<int64_t>(PaddingMode::ZERO)},
              {"left_padding", std::vector<int64_t>{0, 0, y.before, x.before}},
              {"right_padding", std::vector<int64_t>{0, 0, y.after(shape[2]), x.after(shape[3])}}});
  Tensor sum;
  for (int64_t i = 0; i < y.kernel; ++i)
    for (int64_t j = 0; j < x.kernel; ++j) {
      const int64_t row = i * y.dilation, column = j * x.dilation;
      const auto shifted =
          part(padded, {0, 0, row, column}, {batch, channels, row + y.output, column + x.output});
      const auto tap =
          part(weights, {0, 0, y.tap(i), x.tap(j)}, {1, channels, y.tap(i) + 1, x.tap(j) + 1});
      const auto product = shifted * tap;
      sum = sum ? sum + product : product;
    }
  return sum;
}

Row depthwise_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "DepthwiseConvolution")
      .documentation(documentation + geometry_documentation)
      .types("T", types::floating());
}

Row depthwise_convolution_2d() {
  return depthwise_row("depthwise_convolution_2d",
                       "A convolution of each channel of `source` with weights of its own.")
      .selector("depthwiseConvolution2DWithSourceTensor:weightsTensor:descriptor:name:", "11.0")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", depthwise_convolution_2d_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"),
                 depthwise_convolution_2d_output_shape(c, c.shape("source"), c.shape("weights")));
      })
      .gradient([](GradientContext& g) {
        const auto source = g.input("source"), weights = g.input("weights");
        if (g.wanted("source")) g.give("source", data_gradient(g, g.incoming(), weights, source));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, g.incoming(), source, weights));
      })
      .expand([](ExpandContext& c) {
        const auto weights = c.input("weights");
        const bool hwio = is_hwio(c);
        if (gives_nothing(c, channels_of(hwio, weights.shape()))) return;
        const auto source = c.input("source");
        const auto g = depthwise_convolution_2d_geometry(c, source.shape(), weights.shape());
        if (sums_shifts(g, source.data_type()))
          return c.give(sum_of_shifts(source, weights, Shift::forward(g.y), Shift::forward(g.x)));
        c.give(related(c, "convolution_2d",
                       {{"source", c.input("source")},
                        {"weights", to_grouped(hwio, weights)},
                        {"groups", channels_of(hwio, weights.shape())}}));
      });
}

void check_gradient(InferContext& c, const Shape& source, const Shape& weights) {
  merge_shapes(c, c.shape("incoming_gradient"),
               depthwise_convolution_2d_output_shape(c, source, weights),
               "the gradient and the output of the forward convolution of " + source.to_string() +
                   " with " + weights.to_string());
}

Row depthwise_convolution_2d_data_gradient() {
  return depthwise_row("depthwise_convolution_2d_data_gradient",
                       "The gradient of depthwise_convolution_2d with respect to its source, whose "
                       "shape is `output_shape`.")
      .selector("depthwiseConvolution2DDataGradientWithIncomingGradientTensor:weightsTensor:"
                "outputShape:descriptor:name:",
                "11.0")
      .operand("incoming_gradient", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", depthwise_convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto source = rank_4(shape_from(c, "output_shape"));
        check_gradient(c, source, c.shape("weights"));
        c.result(c.operand_data_type("weights"), source);
      })
      .gradient([](GradientContext& g) {
        const auto gradient = g.input("incoming_gradient"), weights = g.input("weights");
        if (g.wanted("incoming_gradient"))
          g.give("incoming_gradient", forward(g, g.incoming(), weights));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, gradient, g.incoming(), weights));
      })
      .expand([](ExpandContext& c) {
        const auto weights = c.input("weights");
        const bool hwio = is_hwio(c);
        if (gives_nothing(c, channels_of(hwio, weights.shape()))) return;
        const auto g = depthwise_convolution_2d_geometry(c, c.result_type().shape, weights.shape());
        if (sums_shifts(g, weights.data_type()))
          return c.give(sum_of_shifts(c.input("incoming_gradient"), weights,
                                      Shift::of_data_gradient(g.y), Shift::of_data_gradient(g.x)));
        c.give(related(c, "convolution_2d_data_gradient",
                       {{"incoming_gradient", c.input("incoming_gradient")},
                        {"weights", to_grouped(hwio, weights)},
                        {"groups", channels_of(hwio, weights.shape())},
                        {"output_shape", c.result_type().shape.to_vector()}}));
      });
}

Row depthwise_convolution_2d_weights_gradient() {
  return depthwise_row("depthwise_convolution_2d_weights_gradient",
                       "The gradient of depthwise_convolution_2d with respect to its weights, "
                       "whose shape is `output_shape`.")
      .selector("depthwiseConvolution2DWeightsGradientWithIncomingGradientTensor:sourceTensor:"
                "outputShape:descriptor:name:",
                "11.0")
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", depthwise_convolution_2d_descriptor())
      .infer([](InferContext& c) {
        const auto weights = rank_4(shape_from(c, "output_shape"));
        check_gradient(c, c.shape("source"), weights);
        c.result(c.operand_data_type("source"), weights);
      })
      .gradient([](GradientContext& g) {
        const auto gradient = g.input("incoming_gradient"), source = g.input("source");
        if (g.wanted("incoming_gradient"))
          g.give("incoming_gradient", forward(g, source, g.incoming()));
        if (g.wanted("source")) g.give("source", data_gradient(g, gradient, g.incoming(), source));
      })
      .expand([](ExpandContext& c) {
        const auto weights = c.result_type().shape;
        const bool hwio = is_hwio(c);
        if (gives_nothing(c, channels_of(hwio, weights))) return;
        const auto grouped = related(c, "convolution_2d_weights_gradient",
                                     {{"incoming_gradient", c.input("incoming_gradient")},
                                      {"source", c.input("source")},
                                      {"groups", channels_of(hwio, weights)},
                                      {"output_shape", grouped_shape(hwio, weights)}});
        c.give(from_grouped(hwio, grouped, weights));
      });
}

}  // namespace

void add_depthwise_convolution_rows(Rows& rows) {
  rows.push_back(depthwise_convolution_2d().done());
  rows.push_back(depthwise_convolution_2d_data_gradient().done());
  rows.push_back(depthwise_convolution_2d_weights_gradient().done());
}

}  // namespace mpsg::ops
