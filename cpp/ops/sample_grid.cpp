// SampleGrid: pixels of an image at any places, as arithmetic and gathers, which stitch.
#include <array>
#include <optional>

#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"

namespace mpsg::ops {
namespace {

using namespace build;

bool channels_last(const OperationView& operation) {
  return operation.enumeration<TensorNamedDataLayout>("layout") == TensorNamedDataLayout::NHWC;
}

/// The size of an axis as a number that goes with coordinates, known or not.
Tensor extent(const Tensor& x, int axis, DataType type) {
  if (x.shape().has_rank() && x.shape()[axis] >= 0)
    return constant(x.graph(), static_cast<double>(x.shape()[axis]), type);
  return cast(x.graph().add_one("slice", {{"tensor", shape_of(x)},
                                          {"dimension", int64_t{0}},
                                          {"start", int64_t{axis}},
                                          {"length", int64_t{1}}}),
              type);
}

/// One of the two coordinates: where along an axis of the image the pixels are taken from.
struct GridAxis {
  Tensor position;  // [N, H, W, 1], in pixels
  Tensor size;      // of the image
  PaddingMode padding;

  /// The pixel at a whole number, moved into the image as the padding says.
  Tensor inside(const Tensor& at) const {
    switch (padding) {
      case PaddingMode::CLAMP_TO_EDGE:
        return binary("maximum", binary("minimum", at, size - 1), Scalar(0.0));
      case PaddingMode::PERIODIC: return binary("floor_modulo", at, size);
      case PaddingMode::REFLECT: return mirrored(at, (size - 1) * 2, 0);
      case PaddingMode::SYMMETRIC: return mirrored(at, size * 2, 1);
      default: return at;
    }
  }
  Tensor is_inside(const Tensor& at) const {
    return binary("logical_and", binary("greater_than_or_equal_to", at, Scalar(0.0)),
                  binary("less_than", at, size));
  }

 private:
  static Tensor mirrored(const Tensor& at, const Tensor& period, double edge) {
    const auto rest = binary("floor_modulo", at, period);
    return binary("minimum", rest, period - edge - rest);
  }
};

/// Where the pixels of a result without any offsets lie in the image, as resizing places them.
Tensor base_position(const ExpandContext& c, const Tensor& coordinates, const Tensor& like,
                     int axis, const Tensor& size) {
  const auto index =
      cast(like.graph().add_one("coordinate_along_axis",
                                {{"axis", int64_t{axis}}, {"shape", shape_of(like)}}),
           like.data_type());
  const auto count = extent(coordinates, axis, like.data_type());
  if (!c.flag("align_corners")) return (index + 0.5) * size / count - 0.5;
  return index * (size - 1) / binary("maximum", count - 1, Scalar(1.0));
}

GridAxis grid_axis(const ExpandContext& c, bool horizontal) {
  const auto source = c.input("source"), coordinates = c.input("coordinates");
  const int image_axis = (channels_last(c) ? 1 : 2) + (horizontal ? 1 : 0);
  const auto given = widen(source.graph().add_one("slice", {{"tensor", coordinates},
                                                            {"dimension", int64_t{3}},
                                                            {"start", int64_t{horizontal ? 0 : 1}},
                                                            {"length", int64_t{1}}}));
  const auto size = extent(source, image_axis, given.data_type());
  const bool corners = c.flag("align_corners"), relative = c.flag("relative_coordinates");
  auto position = given;
  if (c.flag("normalize_coordinates")) {
    const auto half = (corners ? size - 1 : size) / 2;
    position = relative ? given * half : corners ? (given + 1) * half : (given + 1) * half - 0.5;
  }
  if (relative)
    position = position + base_position(c, coordinates, given, horizontal ? 2 : 1, size);
  return {position, size, c.enumeration<PaddingMode>("padding_mode")};
}

Tensor rounded(ResizeNearestRoundingMode mode, const Tensor& x) {
  switch (mode) {
    case ResizeNearestRoundingMode::ROUND_PREFER_CEIL: return unary("floor", x + 0.5);
    case ResizeNearestRoundingMode::ROUND_PREFER_FLOOR: return unary("ceil", x - 0.5);
    case ResizeNearestRoundingMode::CEIL: return unary("ceil", x);
    case ResizeNearestRoundingMode::FLOOR: return unary("floor", x);
    case ResizeNearestRoundingMode::ROUND_TO_EVEN: return unary("rint", x);
    case ResizeNearestRoundingMode::ROUND_TO_ODD: break;
  }
  const auto between = binary("equal", x - unary("floor", x), Scalar(0.5));
  const auto odd = unary("floor", x / 2) * 2 + 1;
  return select(between, odd, unary("rint", x));
}

/// [N, H, W, C]: the pixels of the image at whole rows and columns.
Tensor pixels(const ExpandContext& c, const Tensor& image, const GridAxis& y, const Tensor& row,
              const GridAxis& x, const Tensor& column) {
  const auto index = [](const GridAxis& axis, const Tensor& at) {
    return TensorOrScalar(cast(axis.inside(at), DataType::int32));
  };
  auto graph = image.graph();
  const auto places = graph.add_one(
      "concat", {{"tensors", std::vector<TensorOrScalar>{index(y, row), index(x, column)}},
                 {"dimension", int64_t{3}}});
  const auto found = graph.add_one(
      "gather_nd", {{"updates", image}, {"indices", places}, {"batch_dimensions", int64_t{1}}});
  if (y.padding != PaddingMode::CONSTANT || c.real("constant_value") == 0) return found;
  const auto inside = binary("logical_and", y.is_inside(row), x.is_inside(column));
  const double outside = c.real("constant_value");
  return select(inside, found,
                is_floating(found.data_type())
                    ? TensorOrScalar(Scalar(outside))
                    : TensorOrScalar(constant(graph, outside, found.data_type())));
}

/// The four pixels around each place, by their distances.
Tensor mixed(const ExpandContext& c, const Tensor& image, const GridAxis& y, const GridAxis& x) {
  const auto top = unary("floor", y.position), left = unary("floor", x.position);
  const auto at = [&](const Tensor& row, const Tensor& column) {
    return widen(pixels(c, image, y, row, x, column));
  };
  const auto type = widen(image).data_type();
  const auto down = cast(y.position - top, type), right = cast(x.position - left, type);
  const auto above = at(top, left) * (1 - right) + at(top, left + 1) * right;
  const auto below = at(top + 1, left) * (1 - right) + at(top + 1, left + 1) * right;
  return cast(above * (1 - down) + below * down, image.data_type());
}

void expand_sample_grid(ExpandContext& c) {
  auto image = c.input("source");
  const auto permuted = [](const Tensor& x, std::vector<int64_t> order) {
    return x.graph().add_one("permute", {{"tensor", x}, {"permutation", std::move(order)}});
  };
  const auto x = grid_axis(c, true), y = grid_axis(c, false);
  if (!channels_last(c)) image = permuted(image, {0, 2, 3, 1});
  Tensor result;
  const bool rounds = c.given("nearest_rounding_mode");
  if (!rounds && c.enumeration<ResizeMode>("sampling_mode") == ResizeMode::BILINEAR) {
    result = mixed(c, image, y, x);
  } else {
    const auto mode = rounds ? c.enumeration<ResizeNearestRoundingMode>("nearest_rounding_mode")
                             : ResizeNearestRoundingMode::ROUND_PREFER_CEIL;
    result = pixels(c, image, y, rounded(mode, y.position), x, rounded(mode, x.position));
  }
  c.give(channels_last(c) ? result : permuted(result, {0, 3, 1, 2}));
}

void infer_sample_grid(InferContext& c) {
  const auto layout = c.enumeration<TensorNamedDataLayout>("layout");
  if (layout != TensorNamedDataLayout::NCHW && layout != TensorNamedDataLayout::NHWC)
    c.fail("'layout' must be NCHW or NHWC");
  const auto padding = c.enumeration<PaddingMode>("padding_mode");
  if (padding == PaddingMode::ANTI_PERIODIC)
    c.fail("ANTI_PERIODIC is no padding of images; use another mode");
  const bool nearest = c.given("nearest_rounding_mode") ||
                       c.enumeration<ResizeMode>("sampling_mode") == ResizeMode::NEAREST;
  if (!nearest && !is_floating(c.operand_data_type("source")))
    c.fail("BILINEAR mixes numbers; 'source' is " +
           std::string(data_type_name(c.operand_data_type("source"))));
  require_rank(c, "source", 4);
  require_rank(c, "coordinates", 4);
  const auto &source = c.shape("source"), &places = c.shape("coordinates");
  auto shape = Shape::unknown(4);
  const bool last = channels_last(c);
  if (source.has_rank()) {
    shape[0] = source[0];
    shape[last ? 3 : 1] = source[last ? 3 : 1];
  }
  if (places.has_rank()) {
    if (differ(places[3], 2))
      c.fail("'coordinates' has shape " + places.to_string() +
             "; its last axis holds two numbers, x and y");
    if (differ(shape[0], places[0]))
      c.fail("'source' " + source.to_string() + " and 'coordinates' " + places.to_string() +
             " have other numbers of images");
    shape[0] = std::max(shape[0], places[0]);
    shape[last ? 1 : 2] = places[1];
    shape[last ? 2 : 3] = places[2];
  }
  const bool repeats = padding != PaddingMode::CONSTANT && padding != PaddingMode::ZERO;
  for (const int axis : {last ? 1 : 2, last ? 2 : 3})
    if (repeats && source.has_rank() && source[axis] == 0)
      c.fail("'source' has shape " + source.to_string() + ": there is no pixel to repeat");
  c.result(c.operand_data_type("source"), shape);
}

Row sample_grid() {
  auto optional_rounding = enum_attribute("nearest_rounding_mode", resize_nearest_rounding_mode, 0);
  optional_rounding.default_value = AttributeValue();
  return Row("sample_grid", "SampleGrid")
      .documentation(
          "Pixels of images, NHWC or NCHW, at `coordinates` of shape [N, H, W, 2], which are x and "
          "y in pixels. With normalize_coordinates they run from -1 to 1: between the outer edges "
          "of the image, or with align_corners between the centers of its outer pixels (PyTorch's "
          "grid_sample). With relative_coordinates they are counted from where a resize of the "
          "image to H x W puts the pixel. `padding_mode` says what is outside: constant_value "
          "(CONSTANT), 0 (ZERO), the edge, the mirror image without (REFLECT) or with (SYMMETRIC) "
          "the edge, the image again (PERIODIC). BILINEAR mixes the four pixels around a place by "
          "their distances; NEAREST, or a nearest_rounding_mode, takes one. A composite.")
      .selector("sampleGridWithSourceTensor:coordinateTensor:layout:normalizeCoordinates:"
                "relativeCoordinates:alignCorners:paddingMode:samplingMode:constantValue:name:",
                "13.1")
      .selector("sampleGridWithSourceTensor:coordinateTensor:layout:normalizeCoordinates:"
                "relativeCoordinates:alignCorners:paddingMode:nearestRoundingMode:constantValue:"
                "name:",
                "13.1")
      .types("T", types::numeric())
      .types("C", types::floating())
      .operand("source", "T")
      .operand("coordinates", "C")
      .attribute(required_enum_attribute("layout", tensor_named_data_layout))
      .attribute(boolean_attribute("normalize_coordinates", true))
      .attribute(boolean_attribute("relative_coordinates", false))
      .attribute(boolean_attribute("align_corners", false))
      .attribute(enum_attribute("padding_mode", padding_mode, 4))
      .attribute(keyword(enum_attribute("sampling_mode", resize_mode, 1)))
      .attribute(keyword(optional_rounding))
      .attribute(real_attribute("constant_value", 0.0))
      .infer(infer_sample_grid)
      .expand(expand_sample_grid);
}

}  // namespace

void add_sample_grid_rows(Rows& rows) { rows.push_back(sample_grid().done()); }

}  // namespace mpsg::ops
