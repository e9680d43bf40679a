// Im2Col: the windows of images as columns of matrices, and back.
#include <array>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

std::string text(int64_t number) { return std::to_string(number); }

bool channels_last(const OperationView& operation) {
  return operation.enumeration<TensorNamedDataLayout>("data_layout") == TensorNamedDataLayout::NHWC;
}

/// Height and width: what the descriptor says of each.
struct ImageWindow {
  int axis;
  int64_t kernel, stride, dilation, before, after;

  int64_t padded(int64_t size) const { return size + before + after; }
  int64_t extent() const { return (kernel - 1) * dilation + 1; }
  int64_t count(int64_t size) const {
    return padded(size) < extent() ? 0 : (padded(size) - extent()) / stride + 1;
  }
};

std::array<ImageWindow, 2> windows_of(const OperationView& c) {
  const int height = channels_last(c) ? 1 : 2;
  return {ImageWindow{height, c.integer("kernel_height"), c.integer("stride_in_y"),
                      c.integer("dilation_rate_in_y"), c.integer("padding_top"),
                      c.integer("padding_bottom")},
          ImageWindow{height + 1, c.integer("kernel_width"), c.integer("stride_in_x"),
                      c.integer("dilation_rate_in_x"), c.integer("padding_left"),
                      c.integer("padding_right")}};
}

/// The shape of the matrices that `image` becomes.
Shape columns_shape(const InferContext& c, const Shape& image, const char* operand) {
  const auto layout = c.enumeration<TensorNamedDataLayout>("data_layout");
  if (layout != TensorNamedDataLayout::NCHW && layout != TensorNamedDataLayout::NHWC)
    c.fail("'data_layout' must be NCHW or NHWC");
  if (!image.has_rank()) return Shape::unknown(3);
  if (image.rank() != 4)
    c.fail("'" + std::string(operand) + "' has shape " + image.to_string() +
           "; an image has rank 4");
  const auto windows = windows_of(c);
  const auto product = [](int64_t a, int64_t b) {
    return a < 0 || b < 0 ? unknown_dimension : a * b;
  };
  int64_t count = 1;
  for (const auto& window : windows) {
    const int64_t size = image[window.axis];
    if (size >= 0 && window.count(size) == 0)
      c.fail("a window of " + text(window.extent()) + " does not fit into axis " +
             text(window.axis) + " of " + image.to_string() + ", padded to " +
             text(window.padded(size)));
    count = product(count, size < 0 ? size : window.count(size));
  }
  const int64_t channels = image[channels_last(c) ? 3 : 1];
  const int64_t elements = product(channels, windows[0].kernel * windows[1].kernel);
  if (channels_last(c)) return {image[0], count, elements};
  return {image[0], elements, count};
}

/// Of a padded image's windows, [N, C, y, x, ky, kx] or [N, y, x, C, ky, kx], to the matrices'.
std::vector<int64_t> permutation_of(const OperationView& c) {
  if (channels_last(c)) return {0, 1, 2, 4, 5, 3};
  return {0, 1, 4, 5, 2, 3};
}

std::vector<Argument> window_arguments(const OperationView& c) {
  std::vector<int64_t> axes, kernel, strides, dilation;
  for (const auto& window : windows_of(c)) {
    axes.push_back(window.axis);
    kernel.push_back(window.kernel);
    strides.push_back(window.stride);
    dilation.push_back(window.dilation);
  }
  return {{"axes", axes}, {"kernel", kernel}, {"strides", strides}, {"dilation", dilation}};
}

/// Zeros around an image, or with `sign` -1 what was around it away.
Tensor padded(const OperationView& c, const Tensor& image, int64_t sign) {
  std::vector<int64_t> before(4), after(4);
  for (const auto& window : windows_of(c)) {
    before[static_cast<size_t>(window.axis)] = sign * window.before;
    after[static_cast<size_t>(window.axis)] = sign * window.after;
  }
  return image.graph().add_one("pad", {{"tensor", image},
                                       {"padding_mode", static_cast<int64_t>(PaddingMode::ZERO)},
                                       {"left_padding", before},
                                       {"right_padding", after}});
}

void expand_to_columns(ExpandContext& c) {
  auto arguments = window_arguments(c);
  arguments.emplace_back("tensor", padded(c, c.input("source"), 1));
  const auto windows = c.graph().add_one("windows", std::move(arguments));
  const auto ordered =
      c.graph().add_one("permute", {{"tensor", windows}, {"permutation", permutation_of(c)}});
  c.give(c.graph().add_one("reshape",
                           {{"tensor", ordered}, {"shape", c.result_type().shape.to_vector()}}));
}

void expand_to_image(ExpandContext& c) {
  const auto& image = c.result_type().shape;
  auto whole = image;  // with its padding
  std::vector<int64_t> windows = image.to_vector();
  for (const auto& window : windows_of(c)) {
    whole[window.axis] = window.padded(image[window.axis]);
    windows[static_cast<size_t>(window.axis)] = window.count(image[window.axis]);
    windows.push_back(window.kernel);
  }
  const auto permutation = permutation_of(c);
  std::vector<int64_t> ordered, inverse(permutation.size());
  for (size_t i = 0; i < permutation.size(); ++i) {
    ordered.push_back(windows[static_cast<size_t>(permutation[i])]);
    inverse[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
  }
  const auto split =
      c.graph().add_one("reshape", {{"tensor", c.input("source")}, {"shape", ordered}});
  auto arguments = window_arguments(c);
  arguments.emplace_back(
      "tensor", c.graph().add_one("permute", {{"tensor", split}, {"permutation", inverse}}));
  arguments.emplace_back("shape", whole.to_vector());
  c.give(padded(c, c.graph().add_one("windows_gradient", std::move(arguments)), -1));
}

std::vector<Argument> descriptor_arguments(const ExpandContext& c) {
  std::vector<Argument> arguments;
  for (const auto& field : im_to_col_descriptor().fields)
    arguments.push_back(c.forward(field.name));
  return arguments;
}

Argument shape_argument(const char* name, const Tensor& x) {
  if (x.shape().is_static()) return {name, x.shape().to_vector()};
  return {name, build::shape_of(x)};
}

Row im_to_col() {
  return Row("im_to_col", "Im2Col")
      .documentation(
          "The windows of images as columns of matrices: of NCHW images [N, C * kernel_height * "
          "kernel_width, windows] (PyTorch's unfold), of NHWC images [N, windows, kernel_height * "
          "kernel_width * C] (TensorFlow's extract_patches). Padding is zeros. Any type. A "
          "composite.")
      .selector("imToColWithSourceTensor:descriptor:name:", "14.0")
      .types("T", types::all())
      .operand("source", "T")
      .descriptor("descriptor", im_to_col_descriptor())
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("source"), columns_shape(c, c.shape("source"), "source"));
      })
      .gradient([](GradientContext& g) {
        auto arguments = descriptor_arguments(g);
        arguments.emplace_back("source", g.incoming());
        arguments.push_back(shape_argument("output_shape", g.input("source")));
        g.give("source", g.graph().add_one("col_to_im", std::move(arguments)));
      })
      .expand(expand_to_columns);
}

Row col_to_im() {
  return Row("col_to_im", "Im2Col")
      .documentation(
          "Images of `output_shape` from matrices as im_to_col makes them: every element is the "
          "sum of what the windows hold of it (PyTorch's fold), so that it is im_to_col's "
          "gradient. `output_shape` may be an integer tensor. A composite.")
      .selector("colToImWithSourceTensor:outputShape:descriptor:name:", "14.0")
      .types("T", types::numeric_complex())
      .operand("source", "T")
      .attribute(integers_or_tensor("output_shape"))
      .descriptor("descriptor", im_to_col_descriptor())
      .infer([](InferContext& c) {
        const auto image = shape_from(c, "output_shape");
        merge_shapes(c, c.shape("source"), columns_shape(c, image, "output_shape"),
                     "the columns and those of an image of 'output_shape'");
        c.result(c.operand_data_type("source"), image.has_rank() ? image : Shape::unknown(4));
      })
      .gradient([](GradientContext& g) {
        auto arguments = descriptor_arguments(g);
        arguments.emplace_back("source", g.incoming());
        g.give("source", g.graph().add_one("im_to_col", std::move(arguments)));
      })
      .expand(expand_to_image);
}

}  // namespace

void add_im_to_col_rows(Rows& rows) {
  rows.push_back(im_to_col().done());
  rows.push_back(col_to_im().done());
}

}  // namespace mpsg::ops
