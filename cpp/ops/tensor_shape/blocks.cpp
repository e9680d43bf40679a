// Blocks of pixels that become channels or images, and back: space_to_depth_2d, space_to_batch and
// their opposites. All of them are a reshape, a permutation and a reshape.
#include <algorithm>

#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops {
namespace {

std::string text(int64_t number) { return std::to_string(number); }

/// The spatial axes, the axis that takes their blocks, and the size of a block along each.
struct Blocks {
  std::vector<int64_t> axes, sizes;
  int64_t target = 0;

  int64_t count() const {
    int64_t product = 1;
    for (const auto size : sizes) product *= size;
    return product;
  }
  /// Which of the spatial axes `axis` is; -1 if none.
  int64_t position(int64_t axis) const {
    const auto found = std::ranges::find(axes, axis);
    return found == axes.end() ? -1 : found - axes.begin();
  }
};

bool names_depth(const OperationView& operation) {
  return operation.row().attribute_index("depth_axis") >= 0;
}

const char* target_name(const OperationView& operation) {
  return names_depth(operation) ? "depth_axis" : "batch_axis";
}

/// All values, if they are known; axes count from the front if the rank is known.
std::optional<Blocks> known_blocks(const InferContext& c, int rank) {
  Blocks blocks;
  std::optional<std::vector<int64_t>> axes, sizes;
  if (names_depth(c)) {
    const auto height = c.known_integer("height_axis"), width = c.known_integer("width_axis");
    if (height && width) axes = {*height, *width};
    sizes = {c.integer("block_size"), c.integer("block_size")};
  } else {
    axes = c.known_integers("spatial_axes");
    sizes = c.known_integers("block_dimensions");
  }
  const auto target = c.known_integer(target_name(c));
  if (sizes)
    for (const auto size : *sizes)
      if (size < 1) c.fail("a block has the size " + text(size) + "; sizes are at least 1");
  if (axes && sizes && axes->size() != sizes->size())
    c.fail("'spatial_axes' has " + text(std::ssize(*axes)) + " entries, 'block_dimensions' " +
           text(std::ssize(*sizes)) + "; each axis needs one");
  if (!axes || !sizes || !target) return std::nullopt;
  if (rank + std::ssize(*axes) > max_rank)
    c.fail("a tensor of rank " + text(rank) + " and blocks of rank " + text(std::ssize(*axes)) +
           " have more than 16 dimensions");
  blocks.sizes = *sizes;
  blocks.target = normalize_axis(c, target_name(c), *target, rank);
  for (const int axis :
       normalize_axes(c, names_depth(c) ? "height_axis, width_axis" : "spatial_axes", *axes, rank))
    blocks.axes.push_back(axis);
  if (blocks.position(blocks.target) >= 0)
    c.fail("axis " + text(blocks.target) + " is '" + target_name(c) + "' and a spatial axis");
  return blocks;
}

template <bool to_target>
void infer_blocks(InferContext& c) {
  auto shape = c.shape("tensor");
  if (!shape.has_rank()) return c.result(c.inputs()[0]);
  const auto blocks = known_blocks(c, shape.rank());
  if (!blocks) return c.result(c.operand_data_type("tensor"), Shape::unknown(shape.rank()));
  const auto change = [&](int64_t at, int64_t by, bool divide) {
    auto& size = shape[static_cast<int>(at)];
    if (size < 0) return;
    if (divide && size % by != 0)
      c.fail("axis " + text(at) + " of " + c.shape("tensor").to_string() +
             " is no multiple of the block's " + text(by));
    if (!divide && __builtin_mul_overflow(size, by, &size)) c.fail("the result is too large");
    if (divide) size /= by;
  };
  for (size_t i = 0; i < blocks->axes.size(); ++i)
    change(blocks->axes[i], blocks->sizes[i], to_target);
  change(blocks->target, blocks->count(), !to_target);
  c.result(c.operand_data_type("tensor"), shape);
}

/// The same before expansion, where every value is an attribute.
Blocks blocks_of(const OperationView& operation, int rank) {
  Blocks blocks;
  if (names_depth(operation)) {
    blocks.axes = {one_integer(operation, "height_axis"), one_integer(operation, "width_axis")};
    blocks.sizes.assign(2, operation.integer("block_size"));
  } else {
    blocks.axes = operation.integers("spatial_axes");
    blocks.sizes = operation.integers("block_dimensions");
  }
  blocks.target = one_integer(operation, target_name(operation));
  for (auto& axis : blocks.axes)
    if (axis < 0) axis += rank;
  if (blocks.target < 0) blocks.target += rank;
  return blocks;
}

/// The axes of an image and its blocks' axes (numbered from the rank on), in the order of the
/// tensor in which the blocks lie along the target axis, or along the spatial axes.
std::vector<int64_t> order_of(const Blocks& blocks, int rank, bool in_target, bool contiguous) {
  std::vector<int64_t> order;
  const auto add_blocks = [&] {
    for (int64_t i = 0; i < std::ssize(blocks.axes); ++i) order.push_back(rank + i);
  };
  for (int64_t axis = 0; axis < rank; ++axis) {
    const bool takes_blocks = in_target && axis == blocks.target;
    if (takes_blocks && !contiguous) add_blocks();
    order.push_back(axis);
    if (takes_blocks && contiguous) add_blocks();
    if (const int64_t i = blocks.position(axis); !in_target && i >= 0) order.push_back(rank + i);
  }
  return order;
}

template <bool to_target>
void expand_blocks(ExpandContext& c) {
  const auto x = c.input("tensor");
  const auto& result = c.result_type().shape;
  const int rank = result.rank();
  const auto blocks = blocks_of(c, rank);
  const bool contiguous = c.flag("use_pixel_shuffle_order");
  const auto from = order_of(blocks, rank, !to_target, contiguous);
  const auto to = order_of(blocks, rank, to_target, contiguous);
  // Without its blocks, the target is as large as where they do not lie along it.
  const auto& whole = to_target ? x.shape() : result;
  const auto& divided = to_target ? result : x.shape();
  std::vector<int64_t> split, permutation;
  for (const auto axis : from)
    split.push_back(axis >= rank                 ? blocks.sizes[static_cast<size_t>(axis - rank)]
                    : blocks.position(axis) >= 0 ? divided[static_cast<int>(axis)]
                                                 : whole[static_cast<int>(axis)]);
  for (const auto axis : to) permutation.push_back(std::ranges::find(from, axis) - from.begin());
  const auto parts = c.graph().add_one("reshape", {{"tensor", x}, {"shape", split}});
  const auto moved =
      c.graph().add_one("permute", {{"tensor", parts}, {"permutation", permutation}});
  c.give(c.graph().add_one("reshape", {{"tensor", moved}, {"shape", result.to_vector()}}));
}

AttributeSpec one_axis(std::string name) {
  auto spec = integer_attribute(std::move(name));
  spec.or_tensor = true;
  return spec;
}

/// The gradient of a row is its opposite.
void give_opposite(GradientContext& g, const char* opposite) {
  std::vector<Argument> arguments{{"tensor", g.incoming()}};
  for (const auto& spec : g.row().attributes) arguments.push_back(g.forward(spec.name));
  g.give("tensor", g.graph().add_one(opposite, std::move(arguments)));
}

template <bool to_target>
Row block_row(std::string name, const std::string& documentation, const std::string& target) {
  return Row(std::move(name), "TensorShape")
      .documentation(
          documentation +
          " With use_pixel_shuffle_order the pixels of a block are neighbours along the " + target +
          " axis (index " + target +
          " * block + pixel, as PyTorch's pixel_shuffle), else they lie "
          "a whole " +
          target + " axis apart (index pixel * " + target + " + " + target +
          ", TensorFlow's rule); the last spatial axis runs fastest. Axes and sizes may be integer "
          "tensors. Any type. A composite.")
      .types("T", types::all())
      .operand("tensor", "T")
      .infer(infer_blocks<to_target>)
      .expand(expand_blocks<to_target>);
}

Row&& with_depth(Row&& row) {
  return std::move(row)
      .attribute(one_axis("width_axis"))
      .attribute(one_axis("height_axis"))
      .attribute(one_axis("depth_axis"))
      .attribute(in_range(integer_attribute("block_size"), 1, 1 << 30))
      .attribute(boolean_attribute("use_pixel_shuffle_order", true));
}

Row&& with_batch(Row&& row) {
  return std::move(row)
      .attribute(integers_or_tensor("spatial_axes"))
      .attribute(one_axis("batch_axis"))
      .attribute(integers_or_tensor("block_dimensions"))
      .attribute(boolean_attribute("use_pixel_shuffle_order", true));
}

}  // namespace

void add_tensor_block_rows(Rows& rows) {
  rows.push_back(
      with_depth(block_row<true>("space_to_depth_2d",
                                 "Blocks of block_size x block_size pixels become one pixel with "
                                 "block_size^2 times the channels.",
                                 "depth"))
          .selector("spaceToDepth2DTensor:widthAxis:heightAxis:depthAxis:blockSize:"
                    "usePixelShuffleOrder:name:",
                    "12.0")
          .selector("spaceToDepth2DTensor:widthAxisTensor:heightAxisTensor:depthAxisTensor:"
                    "blockSize:usePixelShuffleOrder:name:",
                    "12.0")
          .gradient([](GradientContext& g) { give_opposite(g, "depth_to_space_2d"); })
          .done());
  rows.push_back(
      with_depth(block_row<false>("depth_to_space_2d",
                                  "The channels of a pixel become a block of block_size x "
                                  "block_size pixels with a block_size^2-th of the channels.",
                                  "depth"))
          .selector("depthToSpace2DTensor:widthAxis:heightAxis:depthAxis:blockSize:"
                    "usePixelShuffleOrder:name:",
                    "12.0")
          .selector("depthToSpace2DTensor:widthAxisTensor:heightAxisTensor:depthAxisTensor:"
                    "blockSize:usePixelShuffleOrder:name:",
                    "12.0")
          .gradient([](GradientContext& g) { give_opposite(g, "space_to_depth_2d"); })
          .done());
  rows.push_back(
      with_batch(block_row<true>("space_to_batch",
                                 "The pixels of each block, of the size block_dimensions[i] along "
                                 "spatial_axes[i], become pixels of as many smaller images.",
                                 "batch"))
          .selector("spaceToBatchTensor:spatialAxes:batchAxis:blockDimensions:"
                    "usePixelShuffleOrder:name:",
                    "13.0")
          .selector("spaceToBatchTensor:spatialAxesTensor:batchAxisTensor:blockDimensionsTensor:"
                    "usePixelShuffleOrder:name:",
                    "13.0")
          .gradient([](GradientContext& g) { give_opposite(g, "batch_to_space"); })
          .done());
  rows.push_back(
      with_batch(block_row<false>("batch_to_space",
                                  "The pixels of several images become the blocks, of the size "
                                  "block_dimensions[i] along spatial_axes[i], of one larger image.",
                                  "batch"))
          .selector("batchToSpaceTensor:spatialAxes:batchAxis:blockDimensions:"
                    "usePixelShuffleOrder:name:",
                    "13.0")
          .selector("batchToSpaceTensor:spatialAxesTensor:batchAxisTensor:blockDimensionsTensor:"
                    "usePixelShuffleOrder:name:",
                    "13.0")
          .gradient([](GradientContext& g) { give_opposite(g, "space_to_batch"); })
          .done());
}

}  // namespace mpsg::ops
