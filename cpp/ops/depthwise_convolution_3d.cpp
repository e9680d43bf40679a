// DepthwiseConvolution in three dimensions: composites of the grouped 3D convolution. Each row is
// linear in both operands, and the three are each other's gradients.
#include "mpsg/error.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/window_axis.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* geometry_documentation =
    " The channels are dimension `channel_dimension_index` of the last four of `source` (-4: (..., "
    "C, D, H, W), -1: (..., D, H, W, C)), and so they are in the weights, which have these four "
    "only. The window slides over the other three; the dimensions before are a batch. "
    "Floating-point types. A composite of the grouped convolution_3d.";

/// What the descriptor says, and the sizes as far as they are known.
struct Geometry {
  int channel;  // which of the last four
  WindowAxis axes[3];
  Shape output;
};

void require_count(const OperationView& c, const char* name, size_t count, int64_t least) {
  const auto& values = c.integers(name);
  if (values.size() != count)
    throw GraphError("'" + std::string(name) + "' has " + std::to_string(values.size()) +
                     " numbers; it must have " + std::to_string(count));
  for (const auto value : values)
    if (value < least || value > (1 << 30))
      throw GraphError("'" + std::string(name) + "' has an entry of " + std::to_string(value));
}

Geometry geometry_of(const OperationView& c, const Shape& source, const Shape& weights) {
  require_count(c, "strides", 3, 1);
  require_count(c, "dilation_rates", 3, 1);
  require_count(c, "padding_values", 6, 0);
  const auto &strides = c.integers("strides"), &dilations = c.integers("dilation_rates"),
             &paddings = c.integers("padding_values");
  const auto w = weights.has_rank() ? weights : Shape::unknown(4);
  if (w.rank() != 4)
    throw GraphError("the weights have shape " + w.to_string() + "; rank 4 is needed");
  Geometry g;
  g.channel = static_cast<int>(4 + c.integer("channel_dimension_index"));
  g.output = Shape::unranked();
  if (!source.has_rank()) return g;
  if (source.rank() < 4)
    throw GraphError("the source has shape " + source.to_string() + "; rank 4 or more is needed");
  const int first = source.rank() - 4;
  const int64_t channels = source[first + g.channel];
  if (differ(channels, w[g.channel]))
    throw GraphError("the source " + source.to_string() + " has " + std::to_string(channels) +
                     " channels along dimension " + std::to_string(first + g.channel) +
                     ", the weights " + w.to_string() + " are for " + std::to_string(w[g.channel]));
  g.output = source;
  g.output[first + g.channel] = std::max(channels, w[g.channel]);
  int at = 0;
  for (int dimension = 0; dimension < 4; ++dimension) {
    if (dimension == g.channel) continue;
    const auto i = static_cast<size_t>(at);
    g.axes[at] = resolve_axis({"spatial dimension " + std::to_string(at), padding_style_of(c),
                               strides[i], dilations[i], paddings[2 * i], paddings[2 * i + 1]},
                              source[first + dimension], w[dimension]);
    g.output[first + dimension] = g.axes[at++].output;
  }
  return g;
}

Tensor permute(const Tensor& x, std::vector<int64_t> order) {
  return x.graph().add_one("permute", {{"tensor", x}, {"permutation", std::move(order)}});
}
Tensor reshape(const Tensor& x, std::vector<int64_t> shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", std::move(shape)}});
}

/// (..., four dimensions) as (N, C, D, H, W), or as (N, D, H, W, C) if that moves nothing.
struct Volumes {
  int channel;
  bool channels_last() const { return channel == 3; }
  /// The order of the four dimensions that has the channels first, and its inverse.
  std::vector<int64_t> order() const {
    std::vector<int64_t> found{channel};
    for (int64_t i = 0; i < 4; ++i)
      if (i != channel) found.push_back(i);
    return found;
  }
  bool moves() const { return channel == 1 || channel == 2; }

  std::vector<int64_t> moved_shape(const Shape& shape) const {
    const int first = shape.rank() - 4;
    std::vector<int64_t> sizes{1};
    for (int i = 0; i < first; ++i) sizes[0] *= shape[i];
    for (const auto i : moves() ? order() : std::vector<int64_t>{0, 1, 2, 3})
      sizes.push_back(shape[first + static_cast<int>(i)]);
    return sizes;
  }
  Tensor to(const Tensor& x) const {
    const auto shape = x.shape();
    auto sizes = moved_shape(shape);
    if (!moves()) return reshape(x, sizes);
    std::vector<int64_t> flat{sizes[0]}, with_batch{0};
    for (int i = 0; i < 4; ++i) flat.push_back(shape[shape.rank() - 4 + i]);
    for (const auto i : order()) with_batch.push_back(i + 1);
    return permute(reshape(x, flat), with_batch);
  }
  Tensor from(const Tensor& x, const Shape& shape) const {
    if (!moves()) return reshape(x, shape.to_vector());
    std::vector<int64_t> back(5);
    const auto forward = order();
    for (size_t i = 0; i < 4; ++i)
      back[static_cast<size_t>(forward[i]) + 1] = static_cast<int64_t>(i) + 1;
    return reshape(permute(x, back), shape.to_vector());
  }
  /// The weights as (C, 1, D, H, W) or (D, H, W, 1, C).
  Tensor to_weights(const Tensor& w) const {
    return reshape(moves() ? permute(w, order()) : w, weights_shape(w.shape()));
  }
  std::vector<int64_t> weights_shape(const Shape& w) const {
    if (channels_last()) return {w[0], w[1], w[2], 1, w[3]};
    const auto o = order();
    const auto size = [&](size_t i) { return w[static_cast<int>(o[i])]; };
    return {size(0), 1, size(1), size(2), size(3)};
  }
  Tensor from_weights(const Tensor& w, const Shape& shape) const {
    if (!moves()) return reshape(w, shape.to_vector());
    std::vector<int64_t> back(4), sizes;
    const auto forward = order();
    for (size_t i = 0; i < 4; ++i) {
      back[static_cast<size_t>(forward[i])] = static_cast<int64_t>(i);
      sizes.push_back(shape[static_cast<int>(forward[i])]);
    }
    return permute(reshape(w, sizes), back);
  }
};

Tensor whole_convolution(ExpandContext& c, const Volumes& volumes, int64_t channels,
                         const char* row, std::vector<Argument> operands) {
  const auto &strides = c.integers("strides"), &dilations = c.integers("dilation_rates"),
             &paddings = c.integers("padding_values");
  const char* const letters[] = {"z", "y", "x"};
  const char* const sides[] = {"padding_front",  "padding_back", "padding_top",
                               "padding_bottom", "padding_left", "padding_right"};
  std::vector<std::string> names;  // they must live until the arguments are taken
  for (const char* letter : letters) {
    names.push_back(std::string("stride_in_") + letter);
    names.push_back(std::string("dilation_rate_in_") + letter);
  }
  for (size_t i = 0; i < 3; ++i) {
    operands.emplace_back(names[2 * i], strides[i]);
    operands.emplace_back(names[2 * i + 1], dilations[i]);
  }
  for (size_t i = 0; i < 6; ++i) operands.emplace_back(sides[i], paddings[i]);
  const bool last = volumes.channels_last();
  operands.emplace_back("data_layout", static_cast<int64_t>(last ? TensorNamedDataLayout::NDHWC
                                                                 : TensorNamedDataLayout::NCDHW));
  operands.emplace_back(
      "weights_layout",
      static_cast<int64_t>(last ? TensorNamedDataLayout::DHWIO : TensorNamedDataLayout::OIDHW));
  operands.emplace_back("groups", channels);
  operands.push_back(c.forward("padding_style"));
  return c.graph().add_one(row, std::move(operands));
}

// --- Rows

std::vector<Argument> descriptor_of(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [](const Argument& a) { return a.name == "output_shape"; });
  return arguments;
}

Argument shape_argument(const Tensor& x) {
  if (x.shape().is_static()) return {"output_shape", x.shape().to_vector()};
  return {"output_shape", shape_of(x)};
}

Tensor related(GradientContext& g, const char* row, std::initializer_list<Argument> operands) {
  auto arguments = descriptor_of(g);
  arguments.insert(arguments.end(), operands);
  return g.graph().add_one(row, std::move(arguments));
}
Tensor forward(GradientContext& g, const Tensor& source, const Tensor& weights) {
  return related(g, "depthwise_convolution_3d", {{"source", source}, {"weights", weights}});
}
Tensor data_gradient(GradientContext& g, const Tensor& gradient, const Tensor& weights,
                     const Tensor& source) {
  return related(g, "depthwise_convolution_3d_data_gradient",
                 {{"incoming_gradient", gradient}, {"weights", weights}, shape_argument(source)});
}
Tensor weights_gradient(GradientContext& g, const Tensor& gradient, const Tensor& source,
                        const Tensor& weights) {
  return related(g, "depthwise_convolution_3d_weights_gradient",
                 {{"incoming_gradient", gradient}, {"source", source}, shape_argument(weights)});
}

Row depthwise_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "DepthwiseConvolution")
      .documentation(documentation + geometry_documentation)
      .types("T", types::floating());
}

/// Without elements on one side there is nothing to sum.
bool gives_nothing(ExpandContext& c, const Shape& a, const Shape& b) {
  const auto& type = c.result_type();
  if (*a.element_count() != 0 && *b.element_count() != 0 && *type.shape.element_count() != 0)
    return false;
  c.give(c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), 0, type.data_type)},
                                         {"shape", type.shape.to_vector()}}));
  return true;
}

Row depthwise_convolution_3d() {
  return depthwise_row("depthwise_convolution_3d",
                       "A 3D convolution of each channel of `source` with weights of its own.")
      .selector("depthwiseConvolution3DWithSourceTensor:weightsTensor:descriptor:name:", "12.0")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", depthwise_convolution_3d_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"),
                 geometry_of(c, c.shape("source"), c.shape("weights")).output);
      })
      .gradient([](GradientContext& g) {
        const auto source = g.input("source"), weights = g.input("weights");
        if (g.wanted("source")) g.give("source", data_gradient(g, g.incoming(), weights, source));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, g.incoming(), source, weights));
      })
      .expand([](ExpandContext& c) {
        const auto source = c.input("source"), weights = c.input("weights");
        if (gives_nothing(c, source.shape(), weights.shape())) return;
        const auto g = geometry_of(c, source.shape(), weights.shape());
        const Volumes volumes{g.channel};
        c.give(volumes.from(
            whole_convolution(
                c, volumes, weights.shape()[g.channel], "convolution_3d",
                {{"source", volumes.to(source)}, {"weights", volumes.to_weights(weights)}}),
            c.result_type().shape));
      });
}

void check_gradient(InferContext& c, const Shape& source, const Shape& weights) {
  merge_shapes(c, c.shape("incoming_gradient"), geometry_of(c, source, weights).output,
               "the gradient and the output of the forward convolution of " + source.to_string() +
                   " with " + weights.to_string());
}

Row depthwise_convolution_3d_data_gradient() {
  return depthwise_row("depthwise_convolution_3d_data_gradient",
                       "The gradient of depthwise_convolution_3d with respect to its source, whose "
                       "shape is `output_shape`.")
      .selector("depthwiseConvolution3DDataGradientWithIncomingGradientTensor:weightsTensor:"
                "outputShape:descriptor:name:",
                "12.0")
      .operand("incoming_gradient", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", depthwise_convolution_3d_descriptor())
      .infer([](InferContext& c) {
        const auto source = shape_from(c, "output_shape");
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
        const auto weights = c.input("weights"), gradient = c.input("incoming_gradient");
        if (gives_nothing(c, gradient.shape(), weights.shape())) return;
        const auto shape = c.result_type().shape;
        const Volumes volumes{geometry_of(c, shape, weights.shape()).channel};
        c.give(volumes.from(whole_convolution(c, volumes, weights.shape()[volumes.channel],
                                              "convolution_3d_data_gradient",
                                              {{"incoming_gradient", volumes.to(gradient)},
                                               {"weights", volumes.to_weights(weights)},
                                               {"output_shape", volumes.moved_shape(shape)}}),
                            shape));
      });
}

Row depthwise_convolution_3d_weights_gradient() {
  return depthwise_row("depthwise_convolution_3d_weights_gradient",
                       "The gradient of depthwise_convolution_3d with respect to its weights, "
                       "whose shape is `output_shape`.")
      .selector("depthwiseConvolution3DWeightsGradientWithIncomingGradientTensor:sourceTensor:"
                "outputShape:descriptor:name:",
                "12.0")
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", depthwise_convolution_3d_descriptor())
      .infer([](InferContext& c) {
        const auto given = shape_from(c, "output_shape");
        const auto weights = given.has_rank() ? given : Shape::unknown(4);
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
        const auto source = c.input("source"), gradient = c.input("incoming_gradient");
        if (gives_nothing(c, gradient.shape(), source.shape())) return;
        const auto shape = c.result_type().shape;
        const Volumes volumes{geometry_of(c, source.shape(), shape).channel};
        c.give(volumes.from_weights(
            whole_convolution(c, volumes, shape[volumes.channel], "convolution_3d_weights_gradient",
                              {{"incoming_gradient", volumes.to(gradient)},
                               {"source", volumes.to(source)},
                               {"output_shape", volumes.weights_shape(shape)}}),
            shape));
      });
}

}  // namespace

void add_depthwise_convolution_3d_rows(Rows& rows) {
  rows.push_back(depthwise_convolution_3d().done());
  rows.push_back(depthwise_convolution_3d_data_gradient().done());
  rows.push_back(depthwise_convolution_3d_weights_gradient().done());
}

}  // namespace mpsg::ops
