// Several tensors from one and one from several: concat, stack, split, tile.
#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

using namespace build;

std::string text(int64_t number) { return std::to_string(number); }

Argument number(std::string_view name, int64_t value) { return {name, AttributeValue(value)}; }

/// A negative axis of a tensor of this rank, from the front. For axes that inference has checked.
int from_front(int64_t axis, int rank) { return static_cast<int>(axis < 0 ? axis + rank : axis); }

/// Sizes of the dimension in which tensors are joined: numbers if known, else a tensor of the
/// shapes' entries.
Argument sizes_along(std::string_view name, const std::vector<Tensor>& tensors, int64_t axis) {
  std::vector<int64_t> sizes;
  std::vector<Tensor> parts;
  for (const auto& tensor : tensors) {
    const auto shape = tensor.shape();
    sizes.push_back(shape.has_rank() ? shape[from_front(axis, shape.rank())] : unknown_dimension);
    if (sizes.back() >= 0) continue;
    parts.resize(tensors.size());
  }
  if (parts.empty()) return {name, sizes};
  for (size_t i = 0; i < tensors.size(); ++i) {
    auto graph = tensors[i].graph();
    parts[i] = graph.add_one("slice", {{"tensor", shape_of(tensors[i])},
                                       number("dimension", int64_t{0}),
                                       number("start", axis),
                                       number("length", int64_t{1})});
  }
  auto graph = parts[0].graph();
  return {name, graph.add_one("concat", {{"tensors", parts}, number("dimension", int64_t{0})})};
}

bool may_be_equal(const Shape& a, const Shape& b) {
  if (!a.has_rank() || !b.has_rank()) return true;
  if (a.rank() != b.rank()) return false;
  for (int axis = 0; axis < a.rank(); ++axis)
    if (differ(a[axis], b[axis])) return false;
  return true;
}

/// What the tensors have in common outside `axis`, with size -1 along it; checks that they fit.
Shape common_shape(const InferContext& c, std::string_view parameter) {
  Shape common = Shape::unranked(), first = Shape::unranked();
  for (int i = 0; i < c.count("tensors"); ++i) {
    const auto& shape = c.shape("tensors", i);
    if (!shape.has_rank()) continue;
    auto outside = shape;
    outside[normalize_axis(c, parameter, c.integer(parameter), shape.rank())] = unknown_dimension;
    if (!may_be_equal(common, outside))
      c.fail("tensor " + text(int64_t{i}) + " of 'tensors' has shape " + shape.to_string() +
             ", which does not fit those before it, " + first.to_string() + ": apart from axis " +
             text(c.integer(parameter)) + " they must be equal");
    if (!first.has_rank()) first = shape;
    common = merge_shapes(c, common, outside, "tensors to join");
  }
  return common;
}

void require_tensors(const InferContext& c) {
  if (c.count("tensors") == 0) c.fail("'tensors' is empty; at least one tensor is needed");
}

void infer_concat(InferContext& c) {
  require_tensors(c);
  auto shape = common_shape(c, "dimension");
  if (shape.has_rank()) {
    const int axis = normalize_axis(c, "dimension", c.integer("dimension"), shape.rank());
    int64_t total = 0;
    for (int i = 0; i < c.count("tensors") && total >= 0; ++i) {
      const auto& part = c.shape("tensors", i);
      const int64_t size = part.has_rank() ? part[axis] : unknown_dimension;
      if (size < 0) total = unknown_dimension;
      else if (__builtin_add_overflow(total, size, &total)) c.fail("the result is too large");
    }
    shape[axis] = total;
  }
  c.result(c.operand_data_type("tensors"), shape);
}

/// The part of `whole` that `part` fills, `start` elements along `axis`.
StridedPart joined_part(const Shape& whole, const Shape& part, int axis, int64_t start) {
  StridedPart result{0, part.to_vector(), packed_strides(whole)};
  result.offset = start * result.strides[static_cast<size_t>(axis)];
  return result;
}

void evaluate_concat(const EvaluateContext& c) {
  const auto& out = c.output();
  const int axis = from_front(c.integer("dimension"), out.shape.rank());
  int64_t start = 0;
  for (const auto& part : c.inputs()) {
    if (part.element_count() > 0)
      write_part(part, out, joined_part(out.shape, part.shape, axis, start), c.parallel());
    start += part.shape[axis];
  }
}

/// Each element asks all tensors in turn; of many, a copy of each is cheaper.
void stitch_concat(StitchContext& c) {
  constexpr int most = 8;
  if (c.input_count() > most || refuse_complex(c)) return c.refuse();
  const int axis = from_front(c.integer("dimension"), c.result_type().shape.rank());
  auto at = result_indices(c);
  const auto place = at[static_cast<size_t>(axis)];
  StitchSize end = 0;
  for (int i = 0; i < c.input_count(); ++i) end = end + c.input_size(i, axis);
  Expression value;
  for (int i = c.input_count() - 1; i >= 0; --i) {
    const auto size = c.input_size(i, axis);
    const auto start = end = end - size;
    if (size.value == 0) continue;
    at[static_cast<size_t>(axis)] = place.shifted(start * -1);
    if (size.value == c.result_type().shape[axis]) return c.give(c.input_at(i, at));
    const auto here = c.inside(at[static_cast<size_t>(axis)], 0, size);
    const auto own = c.input_at(i, at, here);
    value = value ? select({c.builder(), here}, own, value) : own;
  }
  if (value) c.give(value);
  else c.refuse();  // no element at all
}

/// One slice of the incoming gradient for each tensor.
void split_gradient(GradientContext& g) {
  const auto tensors = g.inputs_of("tensors");
  const auto parts =
      g.graph().add("split", {{"tensor", g.incoming()},
                              sizes_along("split_sizes", tensors, g.integer("dimension")),
                              g.forward("dimension", "axis")});
  for (size_t i = 0; i < parts.size(); ++i)
    if (g.wanted("tensors", static_cast<int>(i))) g.give("tensors", parts[i], static_cast<int>(i));
}

Row concat_row(std::string name, std::string documentation) {
  return Row(std::move(name), "TensorShape")
      .documentation(std::move(documentation))
      .types("T", types::stored())
      .variadic_operand("tensors", "T")
      .attribute(integer_attribute("dimension"))
      .attribute(keyword(boolean_attribute("interleave", false)));
}

Row concat() {
  return concat_row("concat",
                    "Joins tensors along one dimension; their other sizes and their types must be "
                    "equal. With `interleave` their elements along it alternate: the first of "
                    "each, the second of each, ...; then the shapes must be equal. Any type.")
      .selector("concatTensor:withTensor:dimension:name:", "11.0")
      .selector("concatTensors:dimension:name:", "11.0")
      .selector("concatTensors:dimension:interleave:name:", "12.0")
      // A composite of its own, so that this row stays a plain copy for every backend.
      .build([](GraphData&, Node& node) {
        if (node.view().flag("interleave")) node.row = &require_row("concat_interleaved");
      })
      .infer(infer_concat)
      .gradient(split_gradient)
      .stitch(stitch_concat)
      .evaluate(evaluate_concat);
}

void infer_interleaved(InferContext& c) {
  require_tensors(c);
  Shape shape = Shape::unranked();
  for (int i = 0; i < c.count("tensors"); ++i)
    shape = merge_shapes(c, shape, c.shape("tensors", i), "tensors to interleave");
  if (shape.has_rank()) {
    auto& size = shape[normalize_axis(c, "dimension", c.integer("dimension"), shape.rank())];
    if (size >= 0 && __builtin_mul_overflow(size, int64_t{c.count("tensors")}, &size))
      c.fail("the result is too large");
  }
  c.result(c.operand_data_type("tensors"), shape);
}

Row concat_interleaved() {
  return concat_row("concat_interleaved", "concat with interleave=True. A composite.")
      .internal()
      .infer(infer_interleaved)
      .gradient([](GradientContext& g) {
        const auto shape = g.output().shape();
        if (!shape.has_rank())
          throw GraphError("the gradient of an interleaved concat needs tensors of known rank");
        const auto axis = static_cast<size_t>(from_front(g.integer("dimension"), shape.rank()));
        const auto others = static_cast<int64_t>((uint64_t{1} << axis) - 1);
        std::vector<int64_t> starts(axis + 1), strides(axis + 1, 1);
        strides.back() = g.count("tensors");
        for (int i = 0; i < g.count("tensors"); ++i) {
          if (!g.wanted("tensors", i)) continue;
          starts.back() = i;
          const auto part = g.graph().add_one("slice", {{"tensor", g.incoming()},
                                                        {"starts", starts},
                                                        {"strides", strides},
                                                        number("start_mask", others)});
          g.give("tensors", part, i);
        }
      })
      .expand([](ExpandContext& c) {
        const auto shape = c.result_type().shape;
        // Neighbours in the stack become neighbours in the result.
        const int64_t axis = from_front(c.integer("dimension"), shape.rank()) + 1;
        std::vector<Tensor> parts;
        for (const auto& tensor : c.inputs_of("tensors"))
          parts.push_back(c.graph().add_one(
              "expand_dims", {{"tensor", tensor}, {"axes", std::vector<int64_t>{axis}}}));
        const auto stacked =
            c.graph().add_one("concat", {{"tensors", parts}, number("dimension", axis)});
        c.give(c.graph().add_one("reshape", {{"tensor", stacked}, {"shape", shape.to_vector()}}));
      });
}

void infer_stack(InferContext& c) {
  require_tensors(c);
  Shape shape = Shape::unranked();
  for (int i = 0; i < c.count("tensors"); ++i)
    shape = merge_shapes(c, shape, c.shape("tensors", i), "tensors to stack");
  if (shape.has_rank()) {
    if (shape.rank() == max_rank) c.fail("the result has more than 16 dimensions");
    const int axis = normalize_axis(c, "axis", c.integer("axis"), shape.rank() + 1);
    Shape result;
    for (int i = 0; i <= shape.rank(); ++i) {
      if (i == axis) result.append(c.count("tensors"));
      if (i < shape.rank()) result.append(shape[i]);
    }
    shape = result;
  }
  c.result(c.operand_data_type("tensors"), shape);
}

Row stack() {
  return Row("stack", "TensorShape")
      .documentation("Joins tensors of equal shape along a new dimension, whose place in the "
                     "result is `axis`; a negative one counts from the end. A composite. Any type.")
      .selector("stackTensors:axis:name:", "12.3")
      .types("T", types::stored())
      .variadic_operand("tensors", "T")
      .attribute(integer_attribute("axis"))
      .infer(infer_stack)
      .gradient([](GradientContext& g) {
        const auto parts = g.graph().add("split", {{"tensor", g.incoming()},
                                                   number("num_splits", g.count("tensors")),
                                                   g.forward("axis")});
        for (int i = 0; i < g.count("tensors"); ++i)
          if (g.wanted("tensors", i))
            g.give("tensors", reshape_like(parts[static_cast<size_t>(i)], g.input("tensors", i)),
                   i);
      })
      .expand([](ExpandContext& c) {
        std::vector<Tensor> parts;
        for (const auto& tensor : c.inputs_of("tensors"))
          parts.push_back(
              c.graph().add_one("expand_dims", {{"tensor", tensor}, c.forward("axis", "axes")}));
        c.give(c.graph().add_one("concat", {{"tensors", parts}, c.forward("axis", "dimension")}));
      });
}

/// Sizes of a split's parts, as many as are known; `extent` is the size of the axis, or -1.
std::vector<int64_t> part_sizes(const InferContext& c, int64_t extent) {
  if (c.given("num_splits")) {
    const int64_t parts = c.integer("num_splits");
    if (c.given_either_way("split_sizes")) c.fail("give 'split_sizes' or 'num_splits', not both");
    if (extent >= 0 && extent % parts != 0)
      c.fail(text(parts) + " parts do not divide a size of " + text(extent));
    return std::vector<int64_t>(static_cast<size_t>(parts),
                                extent < 0 ? unknown_dimension : extent / parts);
  }
  if (!c.given_either_way("split_sizes")) c.fail("'split_sizes' or 'num_splits' must be given");
  const auto given = c.partial_integers("split_sizes");
  if (!given || given->empty()) c.fail("the number of 'split_sizes' must be known, and not 0");
  std::vector<int64_t> sizes;
  int64_t total = 0;
  int open = 0;
  bool known = extent >= 0;
  for (const auto& size : *given) {
    if (size && *size < -1) c.fail("'split_sizes' has a size of " + text(*size));
    known = known && size;
    sizes.push_back(size.value_or(unknown_dimension));
    if (size == -1 && ++open > 1) c.fail("'split_sizes' has more than one -1");
    if (size && *size >= 0 && __builtin_add_overflow(total, *size, &total))
      c.fail("'split_sizes' are too large");
  }
  if (!known) return sizes;
  if (open ? total > extent : total != extent)
    c.fail("'split_sizes' add up to " + text(total) + ", the size of the axis is " + text(extent));
  std::ranges::replace(sizes, int64_t{-1}, extent - total);
  return sizes;
}

void infer_split(InferContext& c) {
  auto shape = c.shape("tensor");
  int axis = -1;
  if (shape.has_rank()) axis = normalize_axis(c, "axis", c.integer("axis"), shape.rank());
  for (const auto size : part_sizes(c, axis < 0 ? unknown_dimension : shape[axis])) {
    if (axis >= 0) shape[axis] = size;
    c.result(c.operand_data_type("tensor"), shape);
  }
}

void expand_split(ExpandContext& c) {
  const auto x = c.input("tensor");
  const int64_t parts =
      c.given("num_splits") ? c.integer("num_splits") : std::ssize(c.integers("split_sizes"));
  int64_t start = 0;
  for (int i = 0; i < static_cast<int>(parts); ++i) {
    const auto shape = c.result_type(i).shape;
    const int axis = from_front(c.integer("axis"), shape.rank());
    c.give(c.graph().add_one("slice", {{"tensor", x},
                                       number("dimension", int64_t{axis}),
                                       number("start", start),
                                       number("length", shape[axis])}));
    start += shape[axis];
  }
}

Row split() {
  return Row("split", "TensorShape")
      .documentation(
          "Cuts the tensor along `axis` into parts of `split_sizes`, which add up to its "
          "size (one may be -1: what is left), or into `num_splits` equal parts. A "
          "composite. Any type.")
      .selector("splitTensor:splitSizes:axis:name:", "12.3")
      .selector("splitTensor:splitSizesTensor:axis:name:", "12.3")
      .selector("splitTensor:numSplits:axis:name:", "12.3")
      .types("T", types::stored())
      .operand("tensor", "T")
      .attribute(optional_integers_or_tensor("split_sizes"))
      .attribute(integer_attribute("axis", 0))
      .attribute([] {
        auto spec = in_range(integer_attribute("num_splits"), 1, INT32_MAX);
        spec.default_value = AttributeValue();
        return keyword(spec);
      }())
      .result("...")
      .infer(infer_split)
      .gradient([](GradientContext& g) {
        std::vector<Tensor> parts;
        for (int i = 0; i < g.output_count(); ++i) parts.push_back(g.incoming(i));
        g.give("tensor",
               g.graph().add_one("concat", {{"tensors", parts}, g.forward("axis", "dimension")}));
      })
      .expand(expand_split);
}

/// Repeats of each axis; nullopt if not known yet.
PartialIntegers multipliers(const InferContext& c, const Shape& shape) {
  const auto values = c.partial_integers("multiplier");
  if (!values) return std::nullopt;
  for (const auto& value : *values)
    if (value && *value < 0) c.fail("'multiplier' has an entry of " + text(*value));
  if (shape.has_rank() && std::ssize(*values) != shape.rank())
    c.fail("'multiplier' has " + text(std::ssize(*values)) + " entries; the tensor's shape is " +
           shape.to_string());
  if (values->size() > max_rank) c.fail("'multiplier' has more than 16 entries");
  return values;
}

Shape tiled_shape(const InferContext& c, const Shape& shape) {
  const auto repeats = multipliers(c, shape);
  if (!shape.has_rank())
    return repeats ? Shape::unknown(static_cast<int>(repeats->size())) : Shape::unranked();
  auto result = Shape::unknown(shape.rank());
  for (int axis = 0; repeats && axis < shape.rank(); ++axis) {
    const auto repeat = (*repeats)[static_cast<size_t>(axis)];
    if (repeat && shape[axis] >= 0 && __builtin_mul_overflow(*repeat, shape[axis], &result[axis]))
      c.fail("the result is too large");
  }
  return result;
}

/// Axes that are tiled in one go. Each takes two dimensions, and one more stands before them.
constexpr size_t axes_at_once = (max_rank - 1) / 2;

/// How one broadcast (or sum) tiles several axes: `tiled` is the tensor with each tiled axis split
/// into (repeat, rest), `single` is the same with repeat 1.
struct Tiling {
  Shape tiled;
  Shape single;
  std::vector<int64_t> repeat_axes;
};

Tiling tiling_of(const Shape& shape, std::span<const std::pair<int, int64_t>> repeats) {
  const auto sizes = shape.dimensions();
  const auto count = [&](int begin, int end) {
    return *Shape(sizes.subspan(static_cast<size_t>(begin), static_cast<size_t>(end - begin)))
                .element_count();
  };
  Tiling tiling;
  tiling.tiled.append(count(0, repeats.front().first));
  tiling.single = tiling.tiled;
  for (size_t i = 0; i < repeats.size(); ++i) {
    const int end = i + 1 < repeats.size() ? repeats[i + 1].first : shape.rank();
    const int64_t rest = count(repeats[i].first, end);
    tiling.repeat_axes.push_back(tiling.tiled.rank());
    tiling.tiled.append(repeats[i].second);
    tiling.single.append(1);
    tiling.tiled.append(rest);
    tiling.single.append(rest);
  }
  return tiling;
}

/// The tiled axes and their repeats, in groups that one broadcast can do.
std::vector<std::vector<std::pair<int, int64_t>>> tile_groups(const std::vector<int64_t>& repeats) {
  std::vector<std::vector<std::pair<int, int64_t>>> groups;
  for (size_t axis = 0; axis < repeats.size(); ++axis) {
    if (repeats[axis] == 1) continue;
    if (groups.empty() || groups.back().size() == axes_at_once) groups.emplace_back();
    groups.back().emplace_back(static_cast<int>(axis), repeats[axis]);
  }
  return groups;
}

Tensor reshaped(const Tensor& x, const Shape& shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", shape.to_vector()}});
}

Shape times(Shape shape, std::span<const std::pair<int, int64_t>> repeats) {
  for (const auto& [axis, repeat] : repeats) shape[axis] *= repeat;
  return shape;
}

void expand_tile(ExpandContext& c) {
  auto x = c.input("tensor");
  auto shape = x.shape();
  for (const auto& group : tile_groups(c.integers("multiplier"))) {
    const auto tiling = tiling_of(shape, group);
    x = c.graph().add_one(
        "broadcast", {{"tensor", reshaped(x, tiling.single)}, {"shape", tiling.tiled.to_vector()}});
    shape = times(shape, group);
    x = reshaped(x, shape);
  }
  c.give(identity(x));
}

void expand_tile_gradient(ExpandContext& c) {
  auto x = c.input("incoming_gradient");
  const auto& multiplier = c.integers("multiplier");
  const auto groups = tile_groups(multiplier);
  // The groups in the opposite order; `shape` is what the tensor has before each was tiled.
  for (size_t i = groups.size(); i-- > 0;) {
    auto shape = c.result_type().shape;
    for (size_t before = 0; before < i; ++before) shape = times(shape, groups[before]);
    const auto tiling = tiling_of(shape, groups[i]);
    x = sum(reshaped(x, tiling.tiled), {"axes", tiling.repeat_axes});
    x = reshaped(x, shape);
  }
  c.give(identity(x));
}

Row tile() {
  return Row("tile", "TensorShape")
      .documentation("Repeats the tensor multiplier[i] times along axis i (NumPy's tile with one "
                     "number for each axis). A composite. Any type.")
      .selector("tileTensor:withMultiplier:name:", "11.0")
      .types("T", types::stored())
      .operand("tensor", "T")
      .attribute(integers_or_tensor("multiplier"))
      .infer([](InferContext& c) {
        c.result(c.operand_data_type("tensor"), tiled_shape(c, c.shape("tensor")));
      })
      .gradient([](GradientContext& g) {
        g.give("tensor", g.graph().add_one("tile_gradient", {{"incoming_gradient", g.incoming()},
                                                             {"source", g.input("tensor")},
                                                             g.forward("multiplier")}));
      })
      .expand(expand_tile);
}

Row tile_gradient() {
  return Row("tile_gradient", "TensorShape")
      .documentation("The gradient of tile: sums `incoming_gradient` over the copies, so that the "
                     "result has the shape of `source`, whose values do not matter. A composite.")
      .selector("tileGradientWithIncomingGradientTensor:sourceTensor:withMultiplier:name:", "11.0")
      .types("T", types::numeric_complex())
      .operand("incoming_gradient", "T")
      .operand("source", "T")
      .attribute(integers_or_tensor("multiplier"))
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("incoming_gradient"), tiled_shape(c, c.shape("source")),
                     "the gradient and the tiled source");
        c.result(c.inputs()[1]);
      })
      .gradient([](GradientContext& g) {
        if (g.wanted("incoming_gradient"))
          g.give("incoming_gradient",
                 g.graph().add_one("tile", {{"tensor", g.incoming()}, g.forward("multiplier")}));
      })
      .expand(expand_tile_gradient);
}

}  // namespace

void add_tensor_join_rows(Rows& rows) {
  rows.push_back(concat().done());
  rows.push_back(concat_interleaved().done());
  rows.push_back(stack().done());
  rows.push_back(split().done());
  rows.push_back(tile().done());
  rows.push_back(tile_gradient().done());
}

}  // namespace mpsg::ops
