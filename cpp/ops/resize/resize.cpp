// Resize: images of another size, by the nearest pixel or by linear interpolation, and gradients.
#include <array>

#include "ops/build.h"
#include "ops/families.h"
#include "ops/resize/resample_loops.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {

namespace {

using namespace build;

enum class Sampling { nearest, linear };

std::string text(int64_t number) { return std::to_string(number); }

/// The axes that `size` gives new sizes to: height and width of the layout, or all.
std::vector<int> resized_axes(const OperationView& operation, int rank) {
  std::vector<int> axes;
  if (!operation.given("layout")) {
    for (int axis = 0; axis < rank; ++axis) axes.push_back(axis);
    return axes;
  }
  switch (operation.enumeration<TensorNamedDataLayout>("layout")) {
    case TensorNamedDataLayout::NHWC: return {1, 2};
    case TensorNamedDataLayout::NCHW: return {2, 3};
    case TensorNamedDataLayout::HWC: return {0, 1};
    case TensorNamedDataLayout::CHW: return {1, 2};
    case TensorNamedDataLayout::HW: return {0, 1};
    default: return {};
  }
}

void check_layout(const InferContext& c, const Shape& images, const char* operand) {
  if (!c.given("layout")) return;
  int rank = 0;
  switch (c.enumeration<TensorNamedDataLayout>("layout")) {
    case TensorNamedDataLayout::NHWC:
    case TensorNamedDataLayout::NCHW: rank = 4; break;
    case TensorNamedDataLayout::HWC:
    case TensorNamedDataLayout::CHW: rank = 3; break;
    case TensorNamedDataLayout::HW: rank = 2; break;
    default: c.fail("'layout' must be NHWC, NCHW, HWC, CHW or HW");
  }
  if (images.has_rank() && images.rank() != rank)
    c.fail("'" + std::string(operand) + "' has shape " + images.to_string() +
           "; its layout has rank " + text(rank));
}

void require_numbers(const InferContext& c, const char* operand, int64_t count) {
  const auto& shape = c.shape(operand);
  require_rank(c, operand, 1);
  if (shape.has_rank() && count >= 0 && differ(shape[0], count))
    c.fail("'" + std::string(operand) + "' has " + text(shape[0]) + " elements; " + text(count) +
           " are needed");
}

/// The operands that may take the place of center_result and align_corners.
void check_scales(const InferContext& c, int rank) {
  if (c.has("scale") != c.has("offset")) c.fail("'scale' and 'offset' go together");
  if (c.has("scale") && (c.has("scale_offset") || c.given("layout")))
    c.fail("'scale' and 'offset' are for all dimensions, without 'scale_offset' and 'layout'");
  if (c.has("scale_offset") && !c.given("layout")) c.fail("'scale_offset' needs a 'layout'");
  if (c.has("scale_offset")) require_numbers(c, "scale_offset", 4);
  if (c.has("scale")) {
    require_numbers(c, "scale", rank);
    require_numbers(c, "offset", rank);
  }
}

Shape resized_shape(const InferContext& c, const Shape& images) {
  check_layout(c, images, "images");
  const auto size = shape_from(c, "size");
  const int rank = images.has_rank() ? images.rank() : -1;
  check_scales(c, rank);
  if (c.given("layout") && size.has_rank() && size.rank() != 2)
    c.fail("'size' has " + text(size.rank()) + " entries; height and width are needed");
  if (!images.has_rank()) {
    if (!c.given("layout")) return size;
    return images;
  }
  const auto axes = resized_axes(c, rank);
  if (size.has_rank() && size.rank() != std::ssize(axes))
    c.fail("'size' has " + text(size.rank()) + " entries; each dimension of " + images.to_string() +
           " needs one");
  auto shape = images;
  for (size_t i = 0; i < axes.size(); ++i) {
    auto& entry = shape[axes[i]];
    const int64_t wanted = size.has_rank() ? size[static_cast<int>(i)] : unknown_dimension;
    if (entry == 0 && wanted > 0)
      c.fail("axis " + text(axes[i]) + " of " + images.to_string() +
             " is empty: there is nothing "
             "to make " +
             text(wanted) + " elements of");
    entry = wanted;
  }
  return shape;
}

/// The gradient's sizes along the axes that are not resized are those of the input.
void check_gradient(const InferContext& c) {
  const auto &gradient = c.shape("gradient"), &input = c.shape("input");
  check_layout(c, input, "input");
  check_layout(c, gradient, "gradient");
  check_scales(c, input.has_rank() ? input.rank() : -1);
  if (!gradient.has_rank() || !input.has_rank()) return;
  const auto axes = resized_axes(c, input.rank());
  bool fits = gradient.rank() == input.rank();
  for (int axis = 0; fits && axis < input.rank(); ++axis)
    fits = std::ranges::find(axes, axis) != axes.end() || !differ(gradient[axis], input[axis]);
  if (!fits)
    c.fail("a gradient of shape " + gradient.to_string() + " does not belong to an input of " +
           input.to_string());
}

std::vector<double> numbers_of(const TensorView& view) {
  std::vector<double> numbers;
  with_floating(view.data_type, [&]<class T>(TypeTag<T>) {
    for (int64_t i = 0; i < view.element_count(); ++i)
      numbers.push_back(static_cast<double>(static_cast<ComputeType<T>>(view.as<const T>()[i])));
  });
  return numbers;
}

/// How each axis of `small` becomes one of `large`: the forward direction.
template <Sampling sampling>
TensorTaps taps_of(const EvaluateContext& c, const Shape& from, const Shape& to) {
  const auto axes = resized_axes(c, from.rank());
  std::vector<double> scale, offset;
  if (c.has("scale_offset")) {
    const auto numbers = numbers_of(c.input("scale_offset"));
    scale = {numbers[0], numbers[1]};
    offset = {numbers[2], numbers[3]};
  } else if (c.has("scale")) {
    scale = numbers_of(c.input("scale"));
    offset = numbers_of(c.input("offset"));
  }
  TensorTaps taps(static_cast<size_t>(from.rank()));
  for (size_t i = 0; i < axes.size(); ++i) {
    AxisPlacement placement{from[axes[i]], to[axes[i]], c.flag("center_result"),
                            c.flag("align_corners")};
    if (!scale.empty()) {
      placement.scaled = true;
      placement.scale = scale[i];
      placement.offset = offset[i];
    }
    AxisTaps found;
    if constexpr (sampling == Sampling::linear) found = linear_taps(placement);
    else
      found = nearest_taps(placement,
                           c.enumeration<ResizeNearestRoundingMode>("nearest_rounding_mode"));
    if (!found.is_identity()) taps[static_cast<size_t>(axes[i])] = std::move(found);
  }
  return taps;
}

template <Sampling sampling>
void evaluate_resize(const EvaluateContext& c) {
  const auto &images = c.input("images"), &out = c.output();
  if (out.element_count() == 0) return;
  const auto taps = taps_of<sampling>(c, images.shape, out.shape);
  if constexpr (sampling == Sampling::nearest)
    with_size_of(out.data_type, [&]<class T>(TypeTag<T>) {
      resample_by_copies<T>(images, taps, out, c.parallel());
    });
  else
    with_floating(out.data_type,
                  [&]<class T>(TypeTag<T>) { resample<T>(images, taps, out, c.parallel()); });
}

template <Sampling sampling>
void evaluate_gradient(const EvaluateContext& c) {
  const auto &gradient = c.input("gradient"), &out = c.output();
  if (out.element_count() == 0) return;
  auto taps = taps_of<sampling>(c, out.shape, gradient.shape);
  for (auto& axis : taps)
    if (axis) axis = axis->transposed();
  with_floating(out.data_type,
                [&]<class T>(TypeTag<T>) { resample<T>(gradient, taps, out, c.parallel()); });
}

// --- Gradients and expansions

/// `size` for a resize to the sizes of `like`: its height and width, or all its sizes.
Argument size_of_tensor(const OperationView& operation, const Tensor& like) {
  const int rank = operation.given("layout") ? 4 : 0;  // counts only for the layout's axes
  const auto axes = resized_axes(operation, rank);
  if (like.shape().is_static()) {
    const auto sizes = like.shape().to_vector();
    if (!operation.given("layout")) return {"size", sizes};
    return {"size", std::vector<int64_t>{sizes[static_cast<size_t>(axes[0])],
                                         sizes[static_cast<size_t>(axes[1])]}};
  }
  const auto all = shape_of(like);
  if (!operation.given("layout")) return {"size", all};
  return {"size", like.graph().add_one("slice", {{"tensor", all},
                                                 {"dimension", int64_t{0}},
                                                 {"start", int64_t{axes[0]}},
                                                 {"length", int64_t{2}}})};
}

constexpr std::array<const char*, 3> scales{"scale_offset", "scale", "offset"};

/// What a row and its gradient row share, but for the tensors.
std::vector<Argument> shared_arguments(const ExpandContext& c) {
  auto arguments = c.forward_attributes();
  for (const auto* operand : scales)
    if (c.has(operand)) arguments.emplace_back(operand, c.input(operand));
  return arguments;
}

void drop(std::vector<Argument>& arguments, std::string_view name) {
  std::erase_if(arguments, [&](const Argument& argument) { return argument.name == name; });
}

void give_resize_gradient(GradientContext& g) {
  if (!g.wanted("images")) return;
  auto arguments = shared_arguments(g);
  drop(arguments, "size");
  arguments.emplace_back("gradient", g.incoming());
  arguments.emplace_back("input", g.input("images"));
  g.give("images", g.graph().add_one(g.row().name + "_gradient", std::move(arguments)));
}

void give_resize(GradientContext& g) {
  if (!g.wanted("gradient")) return;
  auto arguments = shared_arguments(g);
  arguments.emplace_back("images", g.incoming());
  arguments.push_back(size_of_tensor(g, g.input("gradient")));
  const auto name = g.row().name.substr(0, g.row().name.size() - std::string("_gradient").size());
  g.give("gradient", g.graph().add_one(name, std::move(arguments)));
}

/// The row `resize` by that of its mode.
template <bool is_gradient>
void expand_mode(ExpandContext& c) {
  auto arguments = shared_arguments(c);
  drop(arguments, "mode");
  for (const auto* operand : {"images", "gradient", "input"})
    if (c.row().operand_index(operand) >= 0) arguments.emplace_back(operand, c.input(operand));
  const bool linear = c.enumeration<ResizeMode>("mode") == ResizeMode::BILINEAR;
  if (!linear)
    arguments.emplace_back("nearest_rounding_mode",
                           static_cast<int64_t>(ResizeNearestRoundingMode::ROUND_PREFER_CEIL));
  const std::string name = linear ? "resize_bilinear" : "resize_nearest";
  c.give(c.graph().add_one(name + (is_gradient ? "_gradient" : ""), std::move(arguments)));
}

// --- Rows

const char* const placement_text =
    " Pixel i of the result lies at pixel (i + 0.5) * input / size - 0.5 of the input with "
    "center_result (OpenCV, TensorFlow 2, PyTorch), at i * input / size without (TensorFlow 1), at "
    "i * (input - 1) / (size - 1) with align_corners; what lies outside is moved to the edge. With "
    "`scale_offset`, which is [scale y, scale x, offset y, offset x], or `scale` and `offset`, one "
    "number for each dimension, it lies at (i - offset) / scale. `layout`: NHWC, NCHW, HWC, CHW or "
    "HW, with a size of [height, width]; without one every dimension is resized and has its entry "
    "in `size`, which may be an integer tensor. Nothing flows back into scales and offsets.";

AttributeSpec optional_layout() {
  auto spec = enum_attribute("layout", tensor_named_data_layout, 0);
  spec.default_value = AttributeValue();
  return keyword(spec);
}

Row&& with_options(Row&& row) {
  return std::move(row)
      .types("S", types::floating())
      .keyword_operand("scale_offset", "S")
      .keyword_operand("scale", "S")
      .keyword_operand("offset", "S")
      .attribute(keyword(boolean_attribute("center_result", true)))
      .attribute(keyword(boolean_attribute("align_corners", false)))
      .attribute(optional_layout());
}

/// `nearest`: integers too, as their values stay as they are.
Row forward_row(std::string name, const std::string& documentation, TypeSet types) {
  return Row(std::move(name), "Resize")
      .documentation(documentation + placement_text)
      .types("T", types)
      .operand("images", "T")
      .attribute(integers_or_tensor("size"));
}

Row gradient_row(std::string name, const std::string& forward) {
  return Row(std::move(name), "Resize")
      .documentation("The gradient of " + forward +
                     ": every element of `gradient` goes to the "
                     "pixels of `input` that its pixel was made of, by the same weights. The "
                     "values of `input` do not matter, its shape is the result's. The options are "
                     "those of " +
                     forward + ".")
      .types("T", types::floating())
      .operand("gradient", "T")
      .operand("input", "T")
      .infer([](InferContext& c) {
        check_gradient(c);
        c.result(c.inputs()[1]);
      })
      .gradient(give_resize);
}

constexpr const char* line_by_line = "its kernel keeps lines in the cache that several rows need";

void infer_resize(InferContext& c) {
  c.result(c.operand_data_type("images"), resized_shape(c, c.shape("images")));
}

AttributeSpec rounding() {
  return required_enum_attribute("nearest_rounding_mode", resize_nearest_rounding_mode);
}

Row resize() {
  return with_options(
             forward_row("resize",
                         "The images in another size. BILINEAR mixes the pixels around each place "
                         "by their distances, in all resized dimensions, for floats; NEAREST takes "
                         "the nearest one (ROUND_PREFER_CEIL). A composite.",
                         types::numeric())
                 .attribute(required_enum_attribute("mode", resize_mode)))
      .selector("resizeTensor:size:mode:centerResult:alignCorners:layout:name:", "11.0")
      .selector("resizeTensor:sizeTensor:mode:centerResult:alignCorners:layout:name:", "12.0")
      .selector("resizeTensor:sizeTensor:mode:centerResult:alignCorners:name:", "14.0")
      .selector("resizeTensor:sizeTensor:scaleOffsetTensor:mode:layout:name:", "13.0")
      .selector("resizeTensor:sizeTensor:scaleTensor:offsetTensor:mode:name:", "14.0")
      .infer([](InferContext& c) {
        if (c.enumeration<ResizeMode>("mode") == ResizeMode::BILINEAR &&
            !is_floating(c.operand_data_type("images")))
          c.fail("BILINEAR mixes numbers; 'images' is " +
                 std::string(data_type_name(c.operand_data_type("images"))) +
                 ". Convert it with graph.cast(tensor, type)");
        infer_resize(c);
      })
      .gradient(give_resize_gradient)
      .expand(expand_mode<false>);
}

Row resize_gradient() {
  return with_options(gradient_row("resize_gradient", "resize")
                          .attribute(required_enum_attribute("mode", resize_mode)))
      .selector("resizeWithGradientTensor:input:mode:centerResult:alignCorners:layout:name:",
                "11.0")
      .selector("resizeWithGradientTensor:input:scaleOffsetTensor:mode:layout:name:", "13.0")
      .selector("resizeWithGradientTensor:input:scaleTensor:offsetTensor:mode:name:", "14.0")
      .expand(expand_mode<true>);
}

Row resize_bilinear() {
  return with_options(
             forward_row("resize_bilinear",
                         "The images in another size, by linear interpolation: pixels around each "
                         "place are mixed by their distances, in all resized dimensions.",
                         types::floating()))
      .selector("resizeBilinearWithTensor:sizeTensor:centerResult:alignCorners:layout:name:",
                "13.0")
      .selector("resizeBilinearWithTensor:sizeTensor:centerResult:alignCorners:name:", "14.0")
      .selector("resizeBilinearWithTensor:sizeTensor:scaleOffsetTensor:layout:name:", "13.0")
      .selector("resizeBilinearWithTensor:sizeTensor:scaleTensor:offsetTensor:name:", "14.0")
      .not_stitchable(line_by_line)
      .infer(infer_resize)
      .gradient(give_resize_gradient)
      .evaluate(evaluate_resize<Sampling::linear>);
}

Row resize_bilinear_gradient() {
  return with_options(gradient_row("resize_bilinear_gradient", "resize_bilinear"))
      .selector("resizeBilinearWithGradientTensor:input:centerResult:alignCorners:layout:name:",
                "13.0")
      .selector("resizeBilinearWithGradientTensor:input:scaleOffsetTensor:layout:name:", "13.0")
      .selector("resizeBilinearWithGradientTensor:input:scaleTensor:offsetTensor:name:", "14.0")
      .not_stitchable(line_by_line)
      .evaluate(evaluate_gradient<Sampling::linear>);
}

Row resize_nearest() {
  return with_options(forward_row("resize_nearest",
                                  "The images in another size, by the nearest pixel to each place. "
                                  "PyTorch's \"nearest\" is FLOOR without center_result, its "
                                  "\"nearest-exact\" ROUND_PREFER_CEIL with it.",
                                  types::numeric())
                          .attribute(rounding()))
      .selector("resizeNearestWithTensor:sizeTensor:nearestRoundingMode:centerResult:alignCorners:"
                "layout:name:",
                "13.0")
      .selector(
          "resizeNearestWithTensor:sizeTensor:nearestRoundingMode:centerResult:alignCorners:name:",
          "14.0")
      .selector(
          "resizeNearestWithTensor:sizeTensor:scaleOffsetTensor:nearestRoundingMode:layout:name:",
          "13.0")
      .selector(
          "resizeNearestWithTensor:sizeTensor:scaleTensor:offsetTensor:nearestRoundingMode:name:",
          "14.0")
      .not_stitchable(line_by_line)
      .infer(infer_resize)
      .gradient(give_resize_gradient)
      .evaluate(evaluate_resize<Sampling::nearest>);
}

Row resize_nearest_gradient() {
  return with_options(
             gradient_row("resize_nearest_gradient", "resize_nearest").attribute(rounding()))
      .selector("resizeNearestWithGradientTensor:input:nearestRoundingMode:centerResult:"
                "alignCorners:layout:name:",
                "13.0")
      .selector("resizeNearestWithGradientTensor:input:scaleOffsetTensor:nearestRoundingMode:"
                "layout:name:",
                "13.0")
      .selector("resizeNearestWithGradientTensor:input:scaleTensor:offsetTensor:"
                "nearestRoundingMode:name:",
                "14.0")
      .not_stitchable(line_by_line)
      .evaluate(evaluate_gradient<Sampling::nearest>);
}

}  // namespace

void add_resize_rows(Rows& rows) {
  rows.push_back(resize().done());
  rows.push_back(resize_bilinear().done());
  rows.push_back(resize_nearest().done());
  rows.push_back(resize_gradient().done());
  rows.push_back(resize_bilinear_gradient().done());
  rows.push_back(resize_nearest_gradient().done());
}

}  // namespace mpsg::ops
