// Convolution in three dimensions: composites of the 2D convolution, whose kernels serve them. The
// planes that a window reads become channels of one image for each plane of the result, so that
// one 2D convolution sums them all. Each row is linear in both operands, and the three are each
// other's gradients.
#include "mpsg/error.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"
#include "ops/window_axis.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* geometry_documentation =
    " Volumes are (N, C, D, H, W) or (N, D, H, W, C), as the descriptor says, weights (O, C / "
    "groups, kD, kH, kW) or (kD, kH, kW, C / groups, O). Padding is as in convolution_2d. "
    "Floating-point types; sums are in float32 for 16-bit ones. A composite of convolution_2d.";

Shape rank_5(const Shape& shape) { return shape.has_rank() ? shape : Shape::unknown(5); }

/// Sizes of a 3D convolution; -1 for what is not known.
struct Geometry {
  bool channels_last, dhwio;
  int64_t batch, in_channels, out_channels, groups;
  WindowAxis z, y, x;

  int64_t group_channels() const { return in_channels / groups; }
  Shape output() const {
    if (channels_last) return {batch, z.output, y.output, x.output, out_channels};
    return {batch, out_channels, z.output, y.output, x.output};
  }
};

bool has_layout(const OperationView& c, const char* name, TensorNamedDataLayout yes,
                TensorNamedDataLayout no, const char* what) {
  const auto layout = c.enumeration<TensorNamedDataLayout>(name);
  if (layout != yes && layout != no)
    throw GraphError("'" + std::string(name) + "' must be " + what);
  return layout == yes;
}

const Shape& require_rank_5(const Shape& shape, const char* what) {
  if (shape.rank() != 5)
    throw GraphError(std::string(what) + " has shape " + shape.to_string() + "; rank 5 is needed");
  for (const auto size : shape.dimensions())
    if (size > largest_window_size)
      throw GraphError(std::string(what) + " has a size of " + std::to_string(size) +
                       ", which is too large");
  return shape;
}

AxisOptions axis_options(const OperationView& c, const char* letter, const char* before,
                         const char* after) {
  const auto number = [&](const std::string& name) { return c.integer(name); };
  return {letter,
          padding_style_of(c),
          number(std::string("stride_in_") + letter),
          number(std::string("dilation_rate_in_") + letter),
          number(before),
          number(after)};
}

Geometry geometry_of(const OperationView& c, const Shape& source, const Shape& weights) {
  Geometry g{};
  g.channels_last = has_layout(c, "data_layout", TensorNamedDataLayout::NDHWC,
                               TensorNamedDataLayout::NCDHW, "NCDHW or NDHWC");
  g.dhwio = has_layout(c, "weights_layout", TensorNamedDataLayout::DHWIO,
                       TensorNamedDataLayout::OIDHW, "OIDHW or DHWIO");
  const auto s = rank_5(source), w = rank_5(weights);
  require_rank_5(s, "the source");
  require_rank_5(w, "the weights");
  const int space = g.channels_last ? 1 : 2, kernel = g.dhwio ? 0 : 2;
  g.batch = s[0];
  g.in_channels = s[g.channels_last ? 4 : 1];
  g.out_channels = w[g.dhwio ? 4 : 0];
  g.groups = c.integer("groups");
  const int64_t of_group = w[g.dhwio ? 3 : 1];
  const auto text = [](int64_t n) { return std::to_string(n); };
  for (const auto channels : {g.in_channels, g.out_channels})
    if (channels >= 0 && channels % g.groups != 0)
      throw GraphError("source " + s.to_string() + ", weights " + w.to_string() + ": " +
                       text(g.groups) + " groups do not divide " + text(channels) + " channels");
  if (g.in_channels >= 0 && of_group >= 0 && g.in_channels / g.groups != of_group)
    throw GraphError("the source " + s.to_string() + " has " + text(g.in_channels) +
                     " channels in " + text(g.groups) + " group(s); the weights " + w.to_string() +
                     " take " + text(of_group) + " channels per group");
  g.z = resolve_axis(axis_options(c, "z", "padding_front", "padding_back"), s[space], w[kernel]);
  g.y = resolve_axis(axis_options(c, "y", "padding_top", "padding_bottom"), s[space + 1],
                     w[kernel + 1]);
  g.x = resolve_axis(axis_options(c, "x", "padding_left", "padding_right"), s[space + 2],
                     w[kernel + 2]);
  return g;
}

// --- Planes as channels

using Sizes = std::vector<int64_t>;

Tensor reshape(const Tensor& x, Sizes shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", std::move(shape)}});
}
Tensor permute(const Tensor& x, Sizes order) {
  return x.graph().add_one("permute", {{"tensor", x}, {"permutation", std::move(order)}});
}

/// Source and result as (N, D, C, H, W) or (N, D, H, W, C), and back.
Tensor planes_outside(const Geometry& g, const Tensor& x) {
  return g.channels_last ? x : permute(x, {0, 2, 1, 3, 4});
}

/// The part of (N, padded D, ...) that tap `k` of the windows reads, in both directions.
std::vector<Argument> tap_bounds(const Geometry& g, int64_t k, const Shape& planes) {
  Sizes starts(5), ends = planes.to_vector(), strides(5, 1);
  starts[1] = k * g.z.dilation;
  ends[1] = starts[1] + (g.z.output - 1) * g.z.stride + 1;
  strides[1] = g.z.stride;
  return {{"starts", starts}, {"ends", ends}, {"strides", strides}};
}

/// Planes after those that the windows read; negative: planes that they do not read.
int64_t padding_after(const Geometry& g) {
  return (g.z.output - 1) * g.z.stride + g.z.extent() - g.z.pad_before - g.z.input;
}

Tensor pad_planes(const Tensor& x, int64_t before, int64_t after) {
  if (before == 0 && after == 0) return x;
  return x.graph().add_one("pad", {{"tensor", x},
                                   {"padding_mode", static_cast<int64_t>(PaddingMode::ZERO)},
                                   {"left_padding", Sizes{0, before, 0, 0, 0}},
                                   {"right_padding", Sizes{0, after, 0, 0, 0}}});
}

/// The images' shape with a dimension of groups, of taps, and of channels in a group.
Sizes taps_apart(const Geometry& g, int64_t taps) {
  const int64_t n = g.batch, d = g.z.output, h = g.y.input, w = g.x.input, c = g.group_channels();
  if (g.channels_last) return {n, d, h, w, g.groups, taps, c};
  return {n, d, g.groups, taps, c, h, w};
}
Sizes images_shape(const Geometry& g) {
  const int64_t n = g.batch * g.z.output, h = g.y.input, w = g.x.input,
                c = g.in_channels * g.z.kernel;
  return g.channels_last ? Sizes{n, h, w, c} : Sizes{n, c, h, w};
}
int64_t taps_axis(const Geometry& g) { return g.channels_last ? 5 : 3; }

/// The source as images whose channels are those of all planes that a window reads.
Tensor to_images(const Geometry& g, const Tensor& source) {
  auto graph = source.graph();
  const auto padded = pad_planes(planes_outside(g, source), g.z.pad_before, padding_after(g));
  std::vector<Tensor> taps;
  for (int64_t k = 0; k < g.z.kernel; ++k) {
    auto arguments = tap_bounds(g, k, padded.shape());
    arguments.emplace_back("tensor", padded);
    taps.push_back(reshape(graph.add_one("slice", std::move(arguments)), taps_apart(g, 1)));
  }
  const auto all = taps.size() == 1
                       ? taps[0]
                       : graph.add_one("concat", {{"tensors", taps}, {"dimension", taps_axis(g)}});
  return reshape(all, images_shape(g));
}

/// The gradient of `to_images`.
Tensor from_images(const Geometry& g, const Tensor& images) {
  auto graph = images.graph();
  const int64_t depth = g.z.input + g.z.pad_before + padding_after(g);
  const Shape planes = g.channels_last ? Shape{g.batch, depth, g.y.input, g.x.input, g.in_channels}
                                       : Shape{g.batch, depth, g.in_channels, g.y.input, g.x.input};
  auto one = planes;
  one[1] = g.z.output;
  std::vector<Tensor> taps{reshape(images, taps_apart(g, g.z.kernel))};
  if (g.z.kernel > 1)
    taps = graph.add("split",
                     {{"tensor", taps[0]}, {"num_splits", g.z.kernel}, {"axis", taps_axis(g)}});
  Tensor sum;
  for (int64_t k = 0; k < g.z.kernel; ++k) {
    auto arguments = tap_bounds(g, k, planes);
    arguments.emplace_back("input_gradient",
                           reshape(taps[static_cast<size_t>(k)], one.to_vector()));
    arguments.emplace_back("fwd_in_shape", planes.to_vector());
    const auto part = graph.add_one("slice_gradient", std::move(arguments));
    sum = sum ? sum + part : part;
  }
  return planes_outside(g, pad_planes(sum, -g.z.pad_before, -padding_after(g)));
}

/// Weights of the 2D convolution, and back.
Tensor to_flat_weights(const Geometry& g, const Tensor& w) {
  const int64_t c = g.group_channels() * g.z.kernel;
  if (g.dhwio)
    return reshape(permute(w, {1, 2, 0, 3, 4}), {g.y.kernel, g.x.kernel, c, g.out_channels});
  return reshape(permute(w, {0, 2, 1, 3, 4}), {g.out_channels, c, g.y.kernel, g.x.kernel});
}
Tensor from_flat_weights(const Geometry& g, const Tensor& w) {
  const int64_t c = g.group_channels(), o = g.out_channels;
  if (g.dhwio)
    return permute(reshape(w, {g.y.kernel, g.x.kernel, g.z.kernel, c, o}), {2, 0, 1, 3, 4});
  return permute(reshape(w, {o, g.z.kernel, c, g.y.kernel, g.x.kernel}), {0, 2, 1, 3, 4});
}
Sizes flat_weights_shape(const Geometry& g) {
  const int64_t c = g.group_channels() * g.z.kernel;
  if (g.dhwio) return {g.y.kernel, g.x.kernel, c, g.out_channels};
  return {g.out_channels, c, g.y.kernel, g.x.kernel};
}

/// The result's planes as images, and back.
Tensor result_images(const Geometry& g, const Tensor& result) {
  const int64_t n = g.batch * g.z.output, o = g.out_channels;
  return reshape(planes_outside(g, result), g.channels_last ? Sizes{n, g.y.output, g.x.output, o}
                                                            : Sizes{n, o, g.y.output, g.x.output});
}
Tensor from_result_images(const Geometry& g, const Tensor& images) {
  const int64_t n = g.batch, d = g.z.output, o = g.out_channels;
  return planes_outside(g,
                        reshape(images, g.channels_last ? Sizes{n, d, g.y.output, g.x.output, o}
                                                        : Sizes{n, d, o, g.y.output, g.x.output}));
}

Tensor flat_convolution(ExpandContext& c, const Geometry& g, const char* row,
                        std::vector<Argument> operands) {
  const auto layout = g.channels_last ? TensorNamedDataLayout::NHWC : TensorNamedDataLayout::NCHW;
  const auto filter = g.dhwio ? TensorNamedDataLayout::HWIO : TensorNamedDataLayout::OIHW;
  for (const char* name :
       {"stride_in_x", "stride_in_y", "dilation_rate_in_x", "dilation_rate_in_y", "groups",
        "padding_left", "padding_right", "padding_top", "padding_bottom", "padding_style"})
    operands.push_back(c.forward(name));
  operands.emplace_back("data_layout", static_cast<int64_t>(layout));
  operands.emplace_back("weights_layout", static_cast<int64_t>(filter));
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

/// Another of the three rows, with the options of the operation at hand.
Tensor related(GradientContext& g, const char* row, std::initializer_list<Argument> operands) {
  auto arguments = descriptor_of(g);
  arguments.insert(arguments.end(), operands);
  return g.graph().add_one(row, std::move(arguments));
}
Tensor forward(GradientContext& g, const Tensor& source, const Tensor& weights) {
  return related(g, "convolution_3d", {{"source", source}, {"weights", weights}});
}
Tensor data_gradient(GradientContext& g, const Tensor& gradient, const Tensor& weights,
                     const Tensor& source) {
  return related(g, "convolution_3d_data_gradient",
                 {{"incoming_gradient", gradient}, {"weights", weights}, shape_argument(source)});
}
Tensor weights_gradient(GradientContext& g, const Tensor& gradient, const Tensor& source,
                        const Tensor& weights) {
  return related(g, "convolution_3d_weights_gradient",
                 {{"incoming_gradient", gradient}, {"source", source}, shape_argument(weights)});
}

Row convolution_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "Convolution")
      .documentation(documentation + geometry_documentation)
      .types("T", types::floating());
}

/// Nothing to sum, or nowhere to put it: zeros of the result's shape.
bool gives_nothing(ExpandContext& c, const Geometry& g) {
  const auto& type = c.result_type();
  const bool empty = *type.shape.element_count() == 0 || g.batch * g.in_channels == 0 ||
                     *g.output().element_count() == 0;
  if (!empty) return false;
  c.give(c.graph().add_one("broadcast", {{"tensor", constant(c.graph(), 0, type.data_type)},
                                         {"shape", type.shape.to_vector()}}));
  return true;
}

Row convolution_3d() {
  return convolution_row("convolution_3d",
                         "Every output element is the sum of a window of `source` times `weights` "
                         "(a cross-correlation: the kernel is not flipped), group by group.")
      .selector("convolution3DWithSourceTensor:weightsTensor:descriptor:name:", "13.2")
      .operand("source", "T")
      .operand("weights", "T")
      .descriptor("descriptor", convolution_3d_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"),
                 geometry_of(c, c.shape("source"), c.shape("weights")).output());
      })
      .gradient([](GradientContext& g) {
        const auto source = g.input("source"), weights = g.input("weights");
        if (g.wanted("source")) g.give("source", data_gradient(g, g.incoming(), weights, source));
        if (g.wanted("weights"))
          g.give("weights", weights_gradient(g, g.incoming(), source, weights));
      })
      .expand([](ExpandContext& c) {
        const auto source = c.input("source"), weights = c.input("weights");
        const auto g = geometry_of(c, source.shape(), weights.shape());
        if (gives_nothing(c, g)) return;
        c.give(from_result_images(g, flat_convolution(c, g, "convolution_2d",
                                                      {{"source", to_images(g, source)},
                                                       {"weights", to_flat_weights(g, weights)}})));
      });
}

void check_gradient(InferContext& c, const Shape& source, const Shape& weights) {
  merge_shapes(c, c.shape("incoming_gradient"), geometry_of(c, source, weights).output(),
               "the gradient and the output of the forward convolution of " + source.to_string() +
                   " with " + weights.to_string());
}

Row convolution_3d_data_gradient() {
  return convolution_row("convolution_3d_data_gradient",
                         "The gradient of convolution_3d with respect to its source, whose shape "
                         "is `output_shape`: also what is called a transposed convolution.")
      .selector("convolution3DDataGradientWithIncomingGradientTensor:weightsTensor:outputShape:"
                "forwardConvolutionDescriptor:name:",
                "13.2")
      .selector(
          "convolution3DDataGradientWithIncomingGradientTensor:weightsTensor:outputShapeTensor:"
          "forwardConvolutionDescriptor:name:",
          "13.2")
      .operand("incoming_gradient", "T")
      .operand("weights", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_3d_descriptor())
      .infer([](InferContext& c) {
        const auto source = rank_5(shape_from(c, "output_shape"));
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
        // The taps are added up; that is done in float32 for 16-bit types.
        const auto weights = widen(c.input("weights")),
                   gradient = widen(c.input("incoming_gradient"));
        const auto g = geometry_of(c, c.result_type().shape, weights.shape());
        if (gives_nothing(c, g)) return;
        const auto images = flat_convolution(c, g, "convolution_2d_data_gradient",
                                             {{"incoming_gradient", result_images(g, gradient)},
                                              {"weights", to_flat_weights(g, weights)},
                                              {"output_shape", images_shape(g)}});
        c.give(cast(from_images(g, images), c.result_type().data_type));
      });
}

Row convolution_3d_weights_gradient() {
  return convolution_row("convolution_3d_weights_gradient",
                         "The gradient of convolution_3d with respect to its weights, whose shape "
                         "is `output_shape`.")
      .selector("convolution3DWeightsGradientWithIncomingGradientTensor:sourceTensor:outputShape:"
                "forwardConvolutionDescriptor:name:",
                "13.2")
      .selector(
          "convolution3DWeightsGradientWithIncomingGradientTensor:sourceTensor:outputShapeTensor:"
          "forwardConvolutionDescriptor:name:",
          "13.2")
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("forward_convolution_descriptor", convolution_3d_descriptor())
      .infer([](InferContext& c) {
        const auto weights = rank_5(shape_from(c, "output_shape"));
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
        const auto g = geometry_of(c, source.shape(), c.result_type().shape);
        if (gives_nothing(c, g)) return;
        c.give(from_flat_weights(
            g, flat_convolution(c, g, "convolution_2d_weights_gradient",
                                {{"incoming_gradient", result_images(g, gradient)},
                                 {"source", to_images(g, source)},
                                 {"output_shape", flat_weights_shape(g)}})));
      });
}

}  // namespace

void add_convolution_3d_rows(Rows& rows) {
  rows.push_back(convolution_3d().done());
  rows.push_back(convolution_3d_data_gradient().done());
  rows.push_back(convolution_3d_weights_gradient().done());
}

}  // namespace mpsg::ops
