// Slices: slice, slice_gradient (puts a slice into zeros) and slice_update (into other data).
#include "graph/graph_data.h"
#include "graph/host_values.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/slice_bounds.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

using namespace build;

constexpr const char* slice_documentation =
    "A part of the tensor. The bounds are TensorFlow's strided_slice: starts[i], ends[i] and "
    "strides[i] belong to axis i, axes without an entry are taken whole, negative starts and ends "
    "count from the end, strides may be negative. Bit i of `start_mask` or `end_mask` takes axis i "
    "from its first or up to its last element; bit i of `squeeze_mask` takes the one element at "
    "starts[i] and drops the axis. With `sizes` instead of ends and strides, sizes[i] elements are "
    "taken from starts[i] on (-1: all that are left), and a start that is out of range moves to "
    "the nearest that fits (XLA's dynamic_slice); `starts` may then be a tensor whose value is "
    "known at run time only, which becomes the operand `start_tensor`. With `dimension`, `start` "
    "and `length` the slice is along one dimension and must lie inside. Any type.";

AttributeSpec mask(std::string name) {
  return keyword(in_range(integer_attribute(std::move(name), 0), 0, 4294967295.0));
}

AttributeSpec optional_integer(std::string name) {
  auto spec = integer_attribute(std::move(name));
  spec.default_value = AttributeValue();
  return keyword(std::move(spec));
}

Row with_bounds(Row row) {
  return std::move(row)
      .types("I", types::index())
      .keyword_operand("start_tensor", "I", OperandRole::index)
      .attribute(optional_integers_or_tensor("starts"))
      .attribute(optional_integers_or_tensor("ends"))
      .attribute(optional_integers_or_tensor("strides"))
      .attribute(mask("start_mask"))
      .attribute(mask("end_mask"))
      .attribute(mask("squeeze_mask"))
      .attribute(keyword(optional_integers_or_tensor("sizes")));
}

Row with_dimension(Row row) {
  return std::move(row)
      .attribute(optional_integer("dimension"))
      .attribute(optional_integer("start"))
      .attribute(optional_integer("length"));
}

bool given_either_way(const OperationView& operation, std::string_view name) {
  return operation.has(name) || operation.given(name);
}

/// Turns `starts` into `start_tensor` if its value is not known before the run. `sized`: sizes are
/// given, or follow from the update.
void split_starts(GraphData& graph, Node& node, bool sized) {
  const auto view = node.view();
  if (!sized || !view.has("starts") || view.has("start_tensor")) return;
  if (graph.host_values().value(node.inputs[static_cast<size_t>(view.first_input("starts"))]))
    return;
  // The tensor moves to the place of start_tensor, which comes before starts.
  const auto inputs = node.inputs.begin();
  std::rotate(inputs + view.first_input("start_tensor"), inputs + view.first_input("starts"),
              inputs + view.first_input("starts") + 1);
  node.segments[static_cast<size_t>(node.row->operand_index("start_tensor"))] = 1;
  node.segments[static_cast<size_t>(node.row->operand_index("starts"))] = 0;
}

void split_starts_if_sized(GraphData& graph, Node& node) {
  split_starts(graph, node, given_either_way(node.view(), "sizes"));
}

void split_starts_of_update(GraphData& graph, Node& node) {
  const auto view = node.view();
  split_starts(graph, node,
               given_either_way(view, "sizes") ||
                   (!given_either_way(view, "ends") && !given_either_way(view, "strides")));
}

/// The slice as a strided part of data with this (static) shape.
StridedPart part_of(const SliceBounds& bounds, const Shape& data) {
  const auto axes = resolve_slice(bounds, data);
  const auto steps = packed_strides(data);
  StridedPart part;
  for (size_t i = 0; i < axes->size(); ++i) {
    const auto& axis = (*axes)[i];
    part.offset += axis.start * steps[i];
    part.sizes.push_back(axis.size);
    part.strides.push_back(axis.stride * steps[i]);
  }
  return part;
}

/// The bounds, to pass on to another of the three rows; without `skipped`.
std::vector<Argument> forward_bounds(const ExpandContext& c, std::string_view skipped = {}) {
  auto arguments = c.forward_attributes();
  std::erase_if(arguments, [&](const Argument& a) { return a.name == skipped; });
  arguments.emplace_back("start_tensor", c.input("start_tensor"));
  return arguments;
}

Argument shape_argument(std::string_view name, const Tensor& x) {
  if (x.shape().is_static()) return {name, x.shape().to_vector()};
  return {name, shape_of(x)};
}

/// A slice in a stitched kernel: its axes, how long each is and where it begins.
struct StitchedSlice {
  std::vector<SliceAxis> axes;
  std::vector<StitchSize> sizes;
  std::vector<StitchIndex> starts;
};

/// A shape as it is in this run, and in symbols.
struct BothShapes {
  const Shape& values;
  const Shape& symbols;
};

/// A start that the run says, moved to the nearest that fits.
StitchIndex run_time_start(StitchContext& c, int axis, const StitchSize& extent,
                           const StitchSize& size) {
  const int operand = c.first_input("start_tensor");
  std::vector<StitchIndex> at;
  if (c.input_type(operand).shape.rank() > 0) at.push_back(StitchIndex::constant(axis));
  const auto start = c.input_at(operand, at).convert(DataType::int64);
  const auto from_front = select(start < 0.0, start + integer(c, extent), start);
  return dynamic_index(from_front.apply(ElementOp::maximum, integer(c, 0))
                           .apply(ElementOp::minimum, integer(c, extent - size)));
}

/// Does a bound lie inside the sizes that symbols stand for, but outside the sizes of this run?
/// Then a place or a size follows from the bound in symbols, and from the run's sizes in truth. It
/// shows where other symbols change nothing.
bool is_cut_otherwise(const SliceBounds& bounds, const BothShapes& data,
                      const std::vector<SliceAxis>& symbols, const std::vector<SliceAxis>& fixed) {
  Shape others = data.symbols;
  for (int axis = 0; axis < others.rank(); ++axis)
    if (others[axis] != data.values[axis]) others[axis] += 2;
  const auto again = *resolve_slice(bounds, others);
  for (size_t i = 0; i < fixed.size(); ++i) {
    const auto &symbol = symbols[i], &other = again[i], &value = fixed[i];
    if ((symbol.size != value.size && symbol.size == other.size) ||
        (symbol.start != value.start && symbol.start == other.start))
      return true;
  }
  return false;
}

/// The slice in symbols; where these do not fit together (a size that the slice's bounds hold, a
/// symbol for the update's) all sizes count as fixed, as in GraphData::infer_symbols.
std::vector<SliceAxis> slice_of_symbols(const StitchContext& c, const BothShapes& data,
                                        const BothShapes* update,
                                        const std::vector<SliceAxis>& fixed) {
  try {
    const auto bounds = slice_bounds(c, data.symbols.rank(), update ? &update->symbols : nullptr);
    auto symbols = *resolve_slice(bounds, data.symbols);
    return is_cut_otherwise(bounds, data, symbols, fixed) ? fixed : symbols;
  } catch (const GraphError&) {
    return fixed;
  }
}

StitchedSlice stitched_slice(StitchContext& c, const BothShapes& data, const BothShapes* update) {
  const auto bounds = slice_bounds(c, data.values.rank(), update ? &update->values : nullptr);
  StitchedSlice slice{*resolve_slice(bounds, data.values), {}, {}};
  const auto symbols = slice_of_symbols(c, data, update, slice.axes);
  for (size_t i = 0; i < slice.axes.size(); ++i) {
    const auto& axis = slice.axes[i];
    const int at = static_cast<int>(i);
    const bool run_time = bounds.run_time && i < bounds.starts->size();
    slice.sizes.emplace_back(symbols[i].size, axis.size);
    const StitchSize extent{data.symbols[at], data.values[at]};
    slice.starts.push_back(run_time
                               ? run_time_start(c, at, extent, slice.sizes.back())
                               : StitchIndex::constant(StitchSize{symbols[i].start, axis.start}));
  }
  return slice;
}

BothShapes input_shapes(const StitchContext& c, int operand) {
  return {c.input_type(operand).shape, c.input_symbols(operand)};
}

BothShapes result_shapes(const StitchContext& c) {
  return {c.result_type().shape, c.result_symbols()};
}

void stitch_slice(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto slice = stitched_slice(c, input_shapes(c, 0), nullptr);
  std::vector<StitchIndex> at;
  int axis = 0;
  for (size_t i = 0; i < slice.axes.size(); ++i) {
    at.push_back(slice.starts[i]);
    if (slice.axes[i].squeezed) continue;
    at.back() = sum_of(c, at.back(), scaled(c, c.index(axis++), slice.axes[i].stride));
  }
  c.give(c.input_at(0, at));
}

/// Where in a slice the result's element lies, and whether it lies there (no guard: always).
struct PlaceInSlice {
  std::vector<StitchIndex> at;
  Element guard;
};

PlaceInSlice place_in_slice(StitchContext& c, const StitchedSlice& slice) {
  PlaceInSlice place;
  for (size_t i = 0; i < slice.axes.size(); ++i) {
    const auto& axis = slice.axes[i];
    const auto at = static_cast<int>(i);
    auto index = sum_of(c, c.index(at), scaled(c, slice.starts[i], -1));
    Element guard;
    if (axis.stride == 1 || axis.stride == -1) {
      index = scaled(c, index, axis.stride);
    } else {
      const auto steps = c.value_of(index), stride = integer(c, axis.stride);
      const auto quotient = steps.apply(ElementOp::integer_quotient, stride);
      guard = equal(quotient * stride, steps).element();
      index = dynamic_index(quotient);
    }
    if (slice.sizes[i] != c.result_size(at) || axis.stride != 1)
      guard = both_guards(c, guard, c.inside(index, 0, slice.sizes[i]));
    place.guard = both_guards(c, place.guard, guard);
    if (!axis.squeezed) place.at.push_back(index);
  }
  return place;
}

Row slice() {
  auto row =
      Row("slice", "TensorShape")
          .documentation(slice_documentation)
          .selector("sliceTensor:dimension:start:length:name:", "11.0")
          .selector("sliceTensor:starts:ends:strides:name:", "11.3")
          .selector("sliceTensor:starts:ends:strides:startMask:endMask:squeezeMask:name:", "11.3")
          .selector("sliceTensor:startTensor:endTensor:strideTensor:startMask:endMask:squeezeMask:"
                    "name:",
                    "15.2")
          .selector("sliceTensor:startTensor:sizeTensor:squeezeMask:name:", "15.2")
          .types("T", types::stored())
          .operand("tensor", "T");
  return with_dimension(with_bounds(std::move(row)))
      .build(split_starts_if_sized)
      .infer([](InferContext& c) {
        const auto& shape = c.shape("tensor");
        if (!shape.has_rank()) return c.result(c.inputs()[0]);
        c.result(c.operand_data_type("tensor"),
                 sliced_shape(slice_bounds(c, shape.rank(), nullptr), shape));
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("tensor")) return;
        auto arguments = forward_bounds(g);
        arguments.emplace_back("input_gradient", g.incoming());
        arguments.push_back(shape_argument("fwd_in_shape", g.input("tensor")));
        g.give("tensor", g.graph().add_one("slice_gradient", std::move(arguments)));
      })
      .stitch(stitch_slice)
      .evaluate([](const EvaluateContext& c) {
        const auto& data = c.input("tensor");
        if (c.output().element_count() == 0) return;
        const auto bounds = slice_bounds(c, data.shape.rank(), nullptr);
        read_part(data, part_of(bounds, data.shape), c.output(), c.parallel());
      });
}

void infer_slice_gradient(InferContext& c) {
  const auto data = shape_from(c, "fwd_in_shape");
  if (data.has_rank())
    merge_shapes(c, c.shape("input_gradient"),
                 sliced_shape(slice_bounds(c, data.rank(), nullptr), data),
                 "the gradient and the slice of a tensor of shape " + data.to_string());
  c.result(c.operand_data_type("input_gradient"), data);
}

void stitch_slice_gradient(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto place = place_in_slice(c, stitched_slice(c, result_shapes(c), nullptr));
  c.give(c.input_at(0, place.at, place.guard));
}

Row slice_gradient() {
  auto row =
      Row("slice_gradient", "TensorShape")
          .documentation("The gradient of slice: zeros of shape `fwd_in_shape`, the shape of the "
                         "sliced tensor, with `input_gradient` where the slice was. The other "
                         "parameters are those of slice. Any type.")
          .selector("sliceGradientTensor:fwdInShapeTensor:starts:ends:strides:name:", "11.3")
          .selector("sliceGradientTensor:fwdInShapeTensor:starts:ends:strides:startMask:endMask:"
                    "squeezeMask:name:",
                    "11.3")
          .selector(
              "sliceGradientTensor:fwdInShapeTensor:startTensor:endTensor:strideTensor:startMask:"
              "endMask:squeezeMask:name:",
              "15.2")
          .selector("sliceGradientTensor:fwdInShapeTensor:startTensor:sizeTensor:squeezeMask:name:",
                    "15.2")
          .types("T", types::stored())
          .operand("input_gradient", "T")
          .attribute(integers_or_tensor("fwd_in_shape"));
  return with_dimension(with_bounds(std::move(row)))
      .build(split_starts_if_sized)
      .infer(infer_slice_gradient)
      .gradient([](GradientContext& g) {
        if (!g.wanted("input_gradient")) return;
        auto arguments = forward_bounds(g, "fwd_in_shape");
        arguments.emplace_back("tensor", g.incoming());
        g.give("input_gradient", g.graph().add_one("slice", std::move(arguments)));
      })
      .stitch(stitch_slice_gradient)
      .evaluate([](const EvaluateContext& c) {
        const auto& out = c.output();
        auto* bytes = out.as<std::byte>();
        c.parallel().for_range(static_cast<int64_t>(out.byte_count()), 1 << 16,
                               [&](int64_t begin, int64_t end) {
                                 std::fill(bytes + begin, bytes + end, std::byte{0});
                               });
        const auto& gradient = c.input("input_gradient");
        if (gradient.element_count() == 0) return;
        const auto bounds = slice_bounds(c, out.shape.rank(), nullptr);
        write_part(gradient, out, part_of(bounds, out.shape), c.parallel());
      });
}

void infer_slice_update(InferContext& c) {
  const auto& data = c.shape("data");
  const auto& update = c.shape("update");
  if (data.has_rank())
    merge_shapes(c, update, sliced_shape(slice_bounds(c, data.rank(), &update), data),
                 "the update and the part of the data that it replaces");
  c.result(c.inputs()[0]);
}

void evaluate_slice_update(const EvaluateContext& c) {
  const auto& data = c.input("data");
  const auto& update = c.input("update");
  const auto& out = c.output();
  if (out.data != data.data) copy_bytes(c);  // equal if the plan updates in place
  if (update.element_count() == 0) return;
  const auto bounds = slice_bounds(c, data.shape.rank(), &update.shape);
  write_part(update, out, part_of(bounds, data.shape), c.parallel());
}

void stitch_slice_update(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto update = input_shapes(c, c.first_input("update"));
  const auto place = place_in_slice(c, stitched_slice(c, result_shapes(c), &update));
  const auto replaced = c.input_at(c.first_input("update"), place.at, place.guard);
  if (!place.guard) return c.give(replaced);
  const Expression inside(c.builder(), place.guard);
  c.give(select(inside, replaced, c.input(c.first_input("data"))));
}

/// What is taken from `update`, as a slice of the incoming gradient.
Tensor gradient_of_update(GradientContext& g) {
  auto arguments = forward_bounds(g);
  const bool by_update = !g.given("ends") && !g.has("ends") && !g.given("strides") &&
                         !g.has("strides") && !g.given("sizes") && !g.has("sizes");
  if (by_update) {
    std::erase_if(arguments, [](const Argument& a) { return a.name == "sizes"; });
    arguments.push_back(shape_argument("sizes", g.input("update")));
  }
  arguments.emplace_back("tensor", g.incoming());
  return g.graph().add_one("slice", std::move(arguments));
}

Row slice_update() {
  auto row =
      Row("slice_update", "TensorShape")
          .documentation("`data` with a part replaced by `update`, which must have exactly that "
                         "part's shape. The bounds are those of slice; without ends, strides and "
                         "sizes, the update's shape says the sizes. Any type.")
          .selector(
              "sliceUpdateDataTensor:updateTensor:startsTensor:endsTensor:stridesTensor:startMask:"
              "endMask:squeezeMask:name:",
              "14.4")
          .selector("sliceUpdateDataTensor:updateTensor:starts:ends:strides:startMask:endMask:"
                    "squeezeMask:name:",
                    "14.4")
          .selector(
              "sliceUpdateDataTensor:updateTensor:startsTensor:endsTensor:stridesTensor:name:",
              "15.0")
          .selector("sliceUpdateDataTensor:updateTensor:starts:ends:strides:name:", "15.0")
          .types("T", types::stored())
          .operand("data", "T")
          .operand("update", "T");
  return with_bounds(std::move(row))
      .build(split_starts_of_update)
      .infer(infer_slice_update)
      .gradient([](GradientContext& g) {
        if (g.wanted("data")) {
          auto arguments = forward_bounds(g);
          arguments.emplace_back("data", g.incoming());
          arguments.emplace_back("update", zeros_like(g.input("update")));
          g.give("data", g.graph().add_one("slice_update", std::move(arguments)));
        }
        if (g.wanted("update")) g.give("update", gradient_of_update(g));
      })
      .stitch(stitch_slice_update)
      .evaluate(evaluate_slice_update);
}

}  // namespace

void add_tensor_slice_rows(Rows& rows) {
  rows.push_back(slice().done());
  rows.push_back(slice_gradient().done());
  rows.push_back(slice_update().done());
}

}  // namespace mpsg::ops
