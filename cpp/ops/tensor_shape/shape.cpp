// Tensor shape: reshape, permute, broadcast, cast and their kin.
#include <limits>

#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"
#include "ops/tensor_shape/convert.h"
#include "ops/tensor_shape/strided_copy.h"

namespace mpsg::ops {
namespace {

using namespace build;

Row shape_row(std::string name, std::string documentation) {
  return Row(std::move(name), "TensorShape").documentation(std::move(documentation));
}

Row one_tensor_row(std::string name, std::string documentation, TypeSet types = types::stored()) {
  return shape_row(std::move(name), std::move(documentation))
      .types("T", types)
      .operand("tensor", "T");
}

/// Neighbouring axes of the result that are one axis of the operand are summed up; an axis that is
/// cut would need divisions, and such a reshape is a view anyhow.
void stitch_reshape(StitchContext& c) {
  const auto& from = c.input_type(0).shape;
  const auto& to = c.result_type().shape;
  if (refuse_complex(c)) return;
  if (from.element_count() == 0) return c.refuse();
  std::vector<StitchIndex> at(static_cast<size_t>(from.rank()));
  int axis = to.rank() - 1;
  for (int i = from.rank() - 1; i >= 0; --i) {
    auto& index = at[static_cast<size_t>(i)];
    for (int64_t covered = 1; covered < from[i]; --axis) {
      if (from[i] % (covered * to[axis]) != 0) return c.refuse();
      index = sum_of(c, index, scaled(c, c.index(axis), covered));
      covered *= to[axis];
    }
  }
  c.give(c.input_at(0, at));
}

/// The gradient rule of every row that gives the same elements another shape.
void give_reshaped(GradientContext& g) {
  if (g.wanted("tensor")) g.give("tensor", reshape_like(g.incoming(), g.input("tensor")));
}

/// Gradient rule of rows that undo themselves.
void give_through(GradientContext& g, const char* row, std::vector<Argument> arguments) {
  arguments.emplace_back("tensor", g.incoming());
  g.give("tensor", g.graph().add_one(row, std::move(arguments)));
}

int64_t product(std::span<const int64_t> sizes) { return *Shape(sizes).element_count(); }

/// `shape` of a reshape, with its one -1 replaced where the rest is known.
Shape reshaped(const InferContext& c) {
  const auto wanted = c.partial_integers("shape");
  if (!wanted) return Shape::unranked();
  if (wanted->size() > max_rank)
    c.fail("'shape' has " + std::to_string(wanted->size()) +
           " dimensions; at most 16 are supported");
  Shape shape, known;
  int open = -1;
  bool all_known = true;
  for (const auto& size : *wanted) {
    if (size && *size < -1)
      c.fail("'shape' has a size of " + std::to_string(*size) +
             "; sizes are >= 0, or -1 for one that follows from the others");
    if (size && *size == -1) {
      if (open >= 0) c.fail("'shape' has more than one -1");
      open = shape.rank();
    } else if (size) {
      known.append(*size);
    }
    all_known = all_known && size;
    shape.append(size ? *size : unknown_dimension);
  }
  const auto count = c.shape("tensor").element_count();
  if (!count || !all_known) return shape;
  const int64_t rest = *known.element_count();
  if (open >= 0 && rest > 0 && *count % rest == 0) {
    shape[open] = *count / rest;
  } else if (open >= 0 || rest != *count) {
    c.fail("a tensor of shape " + c.shape("tensor").to_string() + " has " + std::to_string(*count) +
           " elements; it cannot take the shape " + shape.to_string() +
           (open >= 0 && rest == 0 ? " (what -1 stands for is undecided)" : ""));
  }
  return shape;
}

Row reshape() {
  return one_tensor_row("reshape",
                        "The tensor's elements, in row-major order, in another shape. One size "
                        "may be -1: it follows from the others (NumPy's rule). The number of "
                        "elements must stay the same. Any type.")
      .selector("reshapeTensor:withShape:name:", "11.0")
      .selector("reshapeTensor:withShapeTensor:name:", "12.0")
      .attribute(integers_or_tensor("shape"))
      .view()
      .infer([](InferContext& c) { c.result(c.operand_data_type("tensor"), reshaped(c)); })
      .gradient(give_reshaped)
      .stitch(stitch_reshape)
      .evaluate(copy_bytes);
}

Row transpose() {
  return one_tensor_row("transpose",
                        "Exchanges two dimensions; negative ones count from the end. See permute "
                        "for any other order. A composite.")
      .selector("transposeTensor:dimension:withDimension:name:", "11.0")
      .attribute(integer_attribute("dimension"))
      .attribute(integer_attribute("with_dimension"))
      .infer([](InferContext& c) {
        auto shape = c.shape("tensor");
        if (shape.has_rank()) {
          const int a = normalize_axis(c, "dimension", c.integer("dimension"), shape.rank());
          const int b =
              normalize_axis(c, "with_dimension", c.integer("with_dimension"), shape.rank());
          std::swap(shape[a], shape[b]);
        }
        c.result(c.operand_data_type("tensor"), shape);
      })
      .gradient([](GradientContext& g) {
        give_through(g, "transpose", {g.forward("dimension"), g.forward("with_dimension")});
      })
      .expand([](ExpandContext& c) {
        const int rank = c.result_type().shape.rank();
        std::vector<int64_t> order;
        for (int axis = 0; axis < rank; ++axis) order.push_back(axis);
        const auto at = [&](int64_t axis) {
          return static_cast<size_t>(axis < 0 ? axis + rank : axis);
        };
        std::swap(order[at(c.integer("dimension"))], order[at(c.integer("with_dimension"))]);
        c.give(
            c.graph().add_one("permute", {{"tensor", c.input("tensor")}, {"permutation", order}}));
      });
}

/// The permutation with its negative entries resolved; its length is the rank.
std::vector<int64_t> normal_permutation(const OperationView& operation) {
  auto permutation = operation.integers("permutation");
  for (auto& axis : permutation)
    if (axis < 0) axis += std::ssize(permutation);
  return permutation;
}

void infer_permute(InferContext& c) {
  const auto& shape = c.shape("tensor");
  const int rank = static_cast<int>(c.integers("permutation").size());
  if (shape.has_rank() && shape.rank() != rank)
    c.fail("'permutation' has " + std::to_string(rank) + " entries; the tensor's shape is " +
           shape.to_string());
  if (rank > max_rank) c.fail("'permutation' has more than 16 entries");
  const auto axes = normalize_axes(c, "permutation", c.integers("permutation"), rank);
  auto result = Shape::unknown(rank);
  for (int i = 0; i < rank; ++i)
    if (shape.has_rank()) result[i] = shape[axes[static_cast<size_t>(i)]];
  c.result(c.operand_data_type("tensor"), result);
}

void stitch_permute(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto permutation = normal_permutation(c);
  std::vector<StitchIndex> at(permutation.size());
  for (size_t i = 0; i < at.size(); ++i)
    at[static_cast<size_t>(permutation[i])] = c.index(static_cast<int>(i));
  c.give(c.input_at(0, at));
}

Row permute() {
  return one_tensor_row("permute",
                        "Dimension i of the result is dimension permutation[i] of the tensor "
                        "(NumPy's transpose). `permutation` names every dimension once. Any type.")
      .selector("transposeTensor:permutation:name:", "13.0")
      .attribute(integers_attribute("permutation"))
      .infer(infer_permute)
      .gradient([](GradientContext& g) {
        const auto permutation = normal_permutation(g);
        std::vector<int64_t> inverse(permutation.size());
        for (size_t i = 0; i < permutation.size(); ++i)
          inverse[static_cast<size_t>(permutation[i])] = static_cast<int64_t>(i);
        give_through(g, "permute", {{"permutation", inverse}});
      })
      .stitch(stitch_permute)
      .evaluate([](const EvaluateContext& c) {
        const auto strides = packed_strides(c.inputs()[0].shape);
        StridedPart part{0, c.output().shape.to_vector(), {}};
        for (const auto axis : normal_permutation(c))
          part.strides.push_back(strides[static_cast<size_t>(axis)]);
        read_part(c.inputs()[0], part, c.output(), c.parallel());
      });
}

void infer_broadcast(InferContext& c) {
  const auto& from = c.shape("tensor");
  auto to = shape_from(c, "shape");
  if (from.has_rank() && to.has_rank()) {
    if (from.rank() > to.rank())
      c.fail("a tensor of shape " + from.to_string() +
             " does not broadcast to the smaller rank of " + to.to_string());
    for (int axis = to.rank() - from.rank(), i = 0; axis < to.rank(); ++axis, ++i) {
      if (from[i] == 1 || from[i] < 0) continue;
      if (differ(from[i], to[axis]))
        c.fail("a tensor of shape " + from.to_string() + " does not broadcast to " +
               to.to_string() + ": size " + std::to_string(from[i]) + " is neither 1 nor " +
               std::to_string(to[axis]));
      to[axis] = from[i];
    }
  }
  c.result(c.operand_data_type("tensor"), to);
}

Row broadcast() {
  return one_tensor_row("broadcast",
                        "Repeats the tensor along dimensions of size 1 and along new ones in "
                        "front, so that it has `shape` (NumPy's broadcast_to). Any type.")
      .selector("broadcastTensor:toShape:name:", "12.0")
      .selector("broadcastTensor:toShapeTensor:name:", "12.0")
      .attribute(integers_or_tensor("shape"))
      .infer(infer_broadcast)
      .gradient([](GradientContext& g) {
        if (g.wanted("tensor")) g.give("tensor", sum_to_like(g.incoming(), g.input("tensor")));
      })
      .stitch(stitch_same())
      .evaluate([](const EvaluateContext& c) {
        const auto& from = c.inputs()[0].shape;
        const auto strides = packed_strides(from);
        StridedPart part{0, c.output().shape.to_vector(), {}};
        const int added = c.output().shape.rank() - from.rank();
        for (int axis = 0; axis < c.output().shape.rank(); ++axis) {
          const int i = axis - added;
          part.strides.push_back(i < 0 || from[i] == 1 ? 0 : strides[static_cast<size_t>(i)]);
        }
        read_part(c.inputs()[0], part, c.output(), c.parallel());
      });
}

Row shape_of() {
  return one_tensor_row("shape_of",
                        "The tensor's sizes, outermost first, as a vector of int32. It is known "
                        "before the run, so that shapes and axes may be computed from it.")
      .selector("shapeOfTensor:name:", "12.0")
      .not_differentiable("a shape consists of integers")
      .infer([](InferContext& c) {
        const auto& shape = c.shape("tensor");
        for (const auto size : shape.dimensions())
          if (size > INT32_MAX)
            c.fail("the size " + std::to_string(size) + " of " + shape.to_string() +
                   " does not fit into int32");
        c.result(DataType::int32, {shape.has_rank() ? shape.rank() : unknown_dimension});
      })
      .not_stitchable("it is known before the run")
      .evaluate([](const EvaluateContext& c) {
        std::ranges::copy(c.inputs()[0].shape.dimensions(), c.output().as<int32_t>());
      });
}

Row cast() {
  return one_tensor_row(
             "cast",
             "The tensor's values as another type, elementwise. Real numbers round to "
             "nearest even (float64 to a 16-bit type by way of float32); floating to "
             "integer truncates toward zero, saturates out of range and makes NaN 0; "
             "integer to integer keeps the low bits; to bool is != 0; complex to real "
             "takes the real part. NumPy's rules, defined for every value. The 4-bit integers "
             "are made, and made into others, by this operation, quantize and "
             "dequantize.")
      .selector("castTensor:toType:name:", "12.0")
      .attribute(data_type_attribute("type"))
      .elementwise()
      .infer([](InferContext& c) { c.result(c.data_type("type"), c.shape("tensor")); })
      .gradient([](GradientContext& g) {
        if (g.wanted("tensor"))
          g.give("tensor", build::cast(g.incoming(), g.input("tensor").data_type()));
      })
      .stitch([](StitchContext& c) {
        if (!refuse_complex(c)) c.give(c.input(0).convert(compute_type(c.result_type().data_type)));
      })
      .evaluate([](const EvaluateContext& c) {
        with_stored_type(c.inputs()[0].data_type, [&]<class From>(TypeTag<From>) {
          with_stored_type(c.output().data_type, [&]<class To>(TypeTag<To>) {
            const auto* from = c.inputs()[0].as<const From>();
            auto* to = c.output().as<To>();
            c.parallel().for_range(c.output().element_count(), 16384,
                                   [&](int64_t begin, int64_t end) {
                                     for (int64_t i = begin; i < end; ++i)
                                       to[i] = convert_element<To>(from[i]);
                                   });
          });
        });
      });
}

void infer_reinterpret(InferContext& c) {
  const auto from = c.operand_data_type("tensor"), to = c.data_type("type");
  if (types::four_bits().contains(to))
    c.fail("4-bit integers have no bytes of their own; use cast");
  if (to == DataType::boolean && from != to)
    c.fail("the bytes of " + std::string(data_type_name(from)) +
           " may be no bools; use cast to compare with 0");
  auto shape = c.shape("tensor");
  const auto old_size = static_cast<int64_t>(size_of(from));
  const auto new_size = static_cast<int64_t>(size_of(to));
  if (shape.has_rank() && old_size != new_size) {
    if (shape.rank() == 0)
      c.fail("a scalar has no dimension to change when " + std::string(data_type_name(from)) +
             " becomes " + std::string(data_type_name(to)));
    auto& last = shape[shape.rank() - 1];
    if (last >= 0 && old_size < new_size && last % (new_size / old_size) != 0)
      c.fail("the last dimension of " + c.shape("tensor").to_string() + " is no multiple of " +
             std::to_string(new_size / old_size) + ", so that " + std::string(data_type_name(to)) +
             " does not fit");
    if (last >= 0 && __builtin_mul_overflow(last, old_size, &last))
      c.fail("the last dimension of " + c.shape("tensor").to_string() + " is too large");
    if (last >= 0) last /= new_size;
  }
  c.result(to, shape);
}

/// 16-bit floats are no elements of a program: their bits cannot be looked at.
void stitch_reinterpret(StitchContext& c) {
  const auto from = c.input_type(0).data_type, to = c.result_type().data_type;
  if (refuse_complex(c)) return;
  if (from == to) return c.give(c.input(0));
  const bool narrow = compute_type(from) != from || compute_type(to) != to;
  if (narrow || size_of(from) != size_of(to)) return c.refuse();
  auto x = c.input(0);
  if (from == DataType::boolean) x = x.convert(DataType::uint8);
  c.give({c.builder(), c.builder().reinterpret(x.element(), to)});
}

Row reinterpret_cast_row() {
  return one_tensor_row("reinterpret_cast",
                        "The tensor's bytes as elements of another type. If the sizes differ, the "
                        "last dimension grows or shrinks by their ratio, which must divide it.",
                        types::all())
      .selector("reinterpretCastTensor:toType:name:", "13.2")
      .attribute(data_type_attribute("type"))
      .not_differentiable("bits have no derivative")
      .infer(infer_reinterpret)
      .stitch(stitch_reinterpret)
      .evaluate(copy_bytes);
}

void infer_expand_dims(InferContext& c) {
  const auto& shape = c.shape("tensor");
  const auto axes = c.known_integers("axes");
  const auto partial = c.partial_integers("axes");
  if (!shape.has_rank() || !partial)
    return c.result(c.operand_data_type("tensor"), Shape::unranked());
  const int rank = shape.rank() + static_cast<int>(partial->size());
  if (rank > max_rank) c.fail("the result has more than 16 dimensions");
  auto result = Shape::unknown(rank);
  if (axes) {
    const auto added = normalize_axes(c, "axes", *axes, rank);
    for (int axis = 0, i = 0; axis < rank; ++axis)
      result[axis] = std::ranges::find(added, axis) != added.end() ? 1 : shape[i++];
  }
  c.result(c.operand_data_type("tensor"), result);
}

Row expand_dims() {
  return one_tensor_row("expand_dims",
                        "Inserts dimensions of size 1. `axes` are their places in the result; "
                        "negative ones count from its end (NumPy's rule). Any type.")
      .selector("expandDimsOfTensor:axis:name:", "12.3")
      .selector("expandDimsOfTensor:axes:name:", "12.3")
      .selector("expandDimsOfTensor:axesTensor:name:", "12.3")
      .attribute(integers_or_tensor("axes"))
      .view()
      .infer(infer_expand_dims)
      .gradient(give_reshaped)
      .stitch(stitch_reshape)
      .evaluate(copy_bytes);
}

/// Which axes a squeeze drops; nullopt if not yet known.
std::optional<std::vector<int>> squeezed_axes(const InferContext& c, const Shape& shape) {
  if (!shape.has_rank()) return std::nullopt;
  if (c.given_either_way("axes")) {
    const auto given = c.known_integers("axes");
    if (!given) return std::nullopt;
    return normalize_axes(c, "axes", *given, shape.rank());
  }
  std::vector<int> axes;
  for (int axis = 0; axis < shape.rank(); ++axis) {
    if (shape[axis] < 0) return std::nullopt;
    if (shape[axis] == 1) axes.push_back(axis);
  }
  return axes;
}

void infer_squeeze(InferContext& c) {
  const auto& shape = c.shape("tensor");
  const auto axes = squeezed_axes(c, shape);
  auto result = axes ? Shape{} : Shape::unranked();
  for (int axis = 0; axes && axis < shape.rank(); ++axis) {
    if (std::ranges::find(*axes, axis) == axes->end()) {
      result.append(shape[axis]);
    } else if (differ(shape[axis], 1)) {
      c.fail("axis " + std::to_string(axis) + " of " + shape.to_string() +
             " has a size other than 1 and cannot be removed");
    }
  }
  c.result(c.operand_data_type("tensor"), result);
}

Row squeeze() {
  return one_tensor_row("squeeze",
                        "Removes dimensions of size 1: those in `axes`, or with None all of them "
                        "(NumPy's rule). Any type.")
      .selector("squeezeTensor:name:", "12.3")
      .selector("squeezeTensor:axis:name:", "12.3")
      .selector("squeezeTensor:axes:name:", "12.3")
      .selector("squeezeTensor:axesTensor:name:", "12.3")
      .attribute(optional_integers_or_tensor("axes"))
      .view()
      .infer(infer_squeeze)
      .gradient(give_reshaped)
      .stitch(stitch_reshape)
      .evaluate(copy_bytes);
}

void infer_flatten(InferContext& c) {
  const auto& shape = c.shape("tensor");
  const auto axis = c.known_integer("axis");
  auto result = Shape::unknown(2);
  if (shape.has_rank() && axis) {
    const int rank = shape.rank();
    if (*axis < -rank || *axis > rank)
      c.fail("'axis' is " + std::to_string(*axis) + "; a tensor of rank " + std::to_string(rank) +
             " splits at " + std::to_string(-rank) + " to " + std::to_string(rank));
    const auto at = static_cast<size_t>(*axis < 0 ? *axis + rank : *axis);
    const auto outer = Shape(shape.dimensions().first(at)).element_count();
    const auto inner = Shape(shape.dimensions().subspan(at)).element_count();
    result = {outer.value_or(unknown_dimension), inner.value_or(unknown_dimension)};
  }
  c.result(c.operand_data_type("tensor"), result);
}

Row flatten_2d() {
  return one_tensor_row("flatten_2d",
                        "A matrix: the dimensions before `axis` become its rows, the others its "
                        "columns (ONNX's Flatten, so that axis may equal the rank). Any type.")
      .selector("flatten2DTensor:axis:name:", "12.0")
      .selector("flatten2DTensor:axisTensor:name:", "12.0")
      .attribute([] {
        auto spec = integer_attribute("axis");
        spec.or_tensor = true;
        return spec;
      }())
      .view()
      .infer(infer_flatten)
      .gradient(give_reshaped)
      .stitch(stitch_reshape)
      .evaluate(copy_bytes);
}

void infer_coordinate(InferContext& c) {
  const auto shape = shape_from(c, "shape");
  if (const auto axis = c.known_integer("axis"); axis && shape.has_rank()) {
    const int normal = normalize_axis(c, "axis", *axis, shape.rank());
    if (shape[normal] > int64_t{INT32_MAX} + 1)
      c.fail("coordinates along a size of " + std::to_string(shape[normal]) +
             " do not fit into int32");
  }
  c.result(DataType::int32, shape);
}

void evaluate_coordinate(const EvaluateContext& c) {
  const auto& shape = c.output().shape;
  int64_t axis = c.integers_of("axis")[0];
  if (axis < 0) axis += shape.rank();
  const int64_t size = shape[static_cast<int>(axis)];
  const int64_t total = c.output().element_count();
  if (total == 0) return;
  const int64_t inner = product(shape.dimensions().subspan(static_cast<size_t>(axis) + 1));
  auto* out = c.output().as<int32_t>();
  c.parallel().for_range(total, 16384, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end;) {
      const int64_t line = i / inner;
      const int64_t stop = std::min(end, (line + 1) * inner);
      std::fill(out + i, out + stop, static_cast<int32_t>(line % size));
      i = stop;
    }
  });
}

Row coordinate_along_axis() {
  return shape_row("coordinate_along_axis",
                   "An int32 tensor of the given shape whose elements are their own index along "
                   "`axis`; a negative axis counts from the end.")
      .selector("coordinateAlongAxis:withShape:name:", "12.3")
      .selector("coordinateAlongAxisTensor:withShape:name:", "12.3")
      .selector("coordinateAlongAxis:withShapeTensor:name:", "12.3")
      .selector("coordinateAlongAxisTensor:withShapeTensor:name:", "12.3")
      .attribute([] {
        auto spec = integer_attribute("axis");
        spec.or_tensor = true;
        return spec;
      }())
      .attribute(integers_or_tensor("shape"))
      .not_differentiable("coordinates are integers")
      .infer(infer_coordinate)
      .stitch([](StitchContext& c) {
        const int rank = c.result_type().shape.rank();
        const int64_t axis = one_integer(c, "axis");
        const auto& index = c.index(static_cast<int>(axis < 0 ? axis + rank : axis));
        c.give(c.value_of(index).convert(DataType::int32));
      })
      .evaluate(evaluate_coordinate);
}

void evaluate_reverse(const EvaluateContext& c) {
  const auto& shape = c.output().shape;
  StridedPart part{0, shape.to_vector(), packed_strides(shape)};
  std::vector<int64_t> axes;
  if (c.given_either_way("axes")) {
    axes = c.integers_of("axes");
  } else {
    for (int axis = 0; axis < shape.rank(); ++axis) axes.push_back(axis);
  }
  if (c.output().element_count() == 0) return;
  for (const auto axis : axes) {
    const auto at = static_cast<size_t>(axis < 0 ? axis + shape.rank() : axis);
    part.offset += (part.sizes[at] - 1) * part.strides[at];
    part.strides[at] = -part.strides[at];
  }
  read_part(c.inputs()[0], part, c.output(), c.parallel());
}

void stitch_reverse(StitchContext& c) {
  if (refuse_complex(c)) return;
  const auto& shape = c.result_type().shape;
  auto at = result_indices(c);
  const auto turn = [&](int axis) {
    auto& index = at[static_cast<size_t>(axis)];
    index = scaled(c, index, -1).shifted(c.result_size(axis) - 1);
  };
  if (c.given("axes")) {
    for (const auto axis : c.integers("axes"))
      turn(static_cast<int>(axis < 0 ? axis + shape.rank() : axis));
  } else {
    for (int axis = 0; axis < shape.rank(); ++axis) turn(axis);
  }
  c.give(c.input_at(0, at));
}

Row reverse() {
  return one_tensor_row("reverse",
                        "The elements in opposite order along `axes`; with None along all of them. "
                        "Any type.")
      .selector("reverseTensor:axesTensor:name:", "12.0")
      .selector("reverseTensor:axes:name:", "12.0")
      .selector("reverseTensor:name:", "12.0")
      .attribute(optional_integers_or_tensor("axes"))
      .infer([](InferContext& c) {
        const auto& shape = c.shape("tensor");
        if (c.given_either_way("axes") && shape.has_rank())
          if (const auto axes = c.known_integers("axes"))
            normalize_axes(c, "axes", *axes, shape.rank());
        c.result(c.inputs()[0]);
      })
      .gradient([](GradientContext& g) { give_through(g, "reverse", {g.forward("axes")}); })
      .stitch(stitch_reverse)
      .evaluate(evaluate_reverse);
}

}  // namespace

void add_tensor_shape_rows(Rows& rows) {
  rows.push_back(reshape().done());
  rows.push_back(transpose().done());
  rows.push_back(permute().done());
  rows.push_back(broadcast().done());
  rows.push_back(shape_of().done());
  rows.push_back(cast().done());
  rows.push_back(reinterpret_cast_row().done());
  rows.push_back(expand_dims().done());
  rows.push_back(squeeze().done());
  rows.push_back(flatten_2d().done());
  rows.push_back(coordinate_along_axis().done());
  rows.push_back(reverse().done());
}

}  // namespace mpsg::ops
