// Quantization: real numbers as small integers with a scale, and back; tables of values.
#include "mpsg/error.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/wide.h"

namespace mpsg::ops {
namespace {

using namespace build;
using Sizes = std::vector<int64_t>;

Tensor reshape(const Tensor& x, Sizes shape) {
  return x.graph().add_one("reshape", {{"tensor", x}, {"shape", std::move(shape)}});
}

AttributeSpec axis_attribute() {
  auto spec = integer_attribute("axis");
  spec.default_value = AttributeValue();
  return keyword(spec);
}

/// Fails unless the parameter is a scalar, or with `axis` a vector as long as that axis, or
/// (`blocks`) of the tensor's rank with sizes that divide the tensor's.
void check_parameter(const InferContext& c, const char* name, bool blocks) {
  if (!c.has(name)) return;
  const auto &shape = c.shape("tensor"), &own = c.shape(name);
  if (!own.has_rank() || own.rank() == 0 || !shape.has_rank()) return;
  const auto what = "'" + std::string(name) + "' has shape " + own.to_string() + "; for a tensor " +
                    shape.to_string();
  if (c.given("axis")) {
    const int axis = normalize_axis(c, "axis", c.integer("axis"), shape.rank());
    if (own.rank() != 1 || (own[0] != 1 && differ(own[0], shape[axis])))
      c.fail(what + " and axis " + std::to_string(axis) +
             " it must be a scalar or as long as the axis");
    return;
  }
  if (!blocks) c.fail(what + " without 'axis' it must be a scalar");
  bool fits = own.rank() == shape.rank();
  for (int i = 0; fits && i < own.rank(); ++i)
    fits = own[i] < 0 || shape[i] < 0 || (own[i] > 0 && shape[i] % own[i] == 0);
  if (!fits)
    c.fail(what + " it must be a scalar, or have sizes that divide the tensor's (one number for "
                  "each block), or go with 'axis'");
}

/// The parameter, so that it broadcasts with the tensor or, in blocks, with `blocked` of it.
Tensor parameter(const ExpandContext& c, const Tensor& value, DataType type) {
  const auto x = cast(value, type);
  const auto own = value.shape(), shape = c.input("tensor").shape();
  if (!own.has_rank() || own.rank() == 0 || !c.given("axis")) return x;
  if (!shape.has_rank()) throw GraphError("'axis' needs a tensor of known rank here");
  const int64_t axis = c.integer("axis");
  Sizes broadcast(static_cast<size_t>(shape.rank()), 1);
  broadcast[static_cast<size_t>(axis < 0 ? axis + shape.rank() : axis)] = -1;
  return reshape(x, broadcast);
}

bool is_blocked(const ExpandContext& c, const char* name) {
  const auto value = c.input(name);
  return value && value.shape().has_rank() && value.shape().rank() > 0 && !c.given("axis");
}

// --- quantize

Row quantize() {
  return Row("quantize", "Quantization")
      .documentation(
          "round(tensor / scale) + zero_point as an integer type: halves round to even, what lies "
          "outside the type saturates, NaN is 0 (ONNX's rule). scale and zero_point are scalars "
          "or, with `axis`, vectors as long as that axis. 16-bit floats compute in float32. A "
          "composite.")
      .selector("quantizeTensor:scale:zeroPoint:dataType:name:", "13.1")
      .selector("quantizeTensor:scaleTensor:zeroPoint:dataType:axis:name:", "13.1")
      .selector("quantizeTensor:scaleTensor:zeroPointTensor:dataType:axis:name:", "13.1")
      .types("T", types::floating())
      .types("Z", types::numeric() | types::four_bits())
      .operand("tensor", "T")
      .operand("scale", "T")
      .operand("zero_point", "Z")
      .attribute(data_type_attribute("data_type"))
      .attribute(axis_attribute())
      .not_differentiable("the result is an integer")
      .infer([](InferContext& c) {
        if (!is_integer(c.data_type("data_type")))
          c.fail("'data_type' must be an integer type, not " +
                 std::string(data_type_name(c.data_type("data_type"))));
        check_parameter(c, "scale", false);
        check_parameter(c, "zero_point", false);
        c.result(c.data_type("data_type"), c.shape("tensor"));
      })
      .expand([](ExpandContext& c) {
        const auto x = widen(c.input("tensor"));
        const auto scale = parameter(c, c.input("scale"), x.data_type());
        const auto zero = parameter(c, c.input("zero_point"), x.data_type());
        c.give(cast(unary("rint", x / scale) + zero, c.result_type().data_type));
      });
}

// --- dequantize

DataType compute_type_of(DataType type) {
  return type == DataType::float64 ? type : DataType::float32;
}

/// (d0, d1, ...) as (b0, d0 / b0, b1, d1 / b1, ...) for the numbers of blocks b.
Sizes blocked_shape(const Shape& shape, const Shape& blocks) {
  Sizes sizes;
  for (int i = 0; i < shape.rank(); ++i) {
    sizes.push_back(blocks[i]);
    sizes.push_back(blocks[i] == 0 ? 0 : shape[i] / blocks[i]);
  }
  return sizes;
}
Sizes block_numbers(const Shape& blocks) {
  Sizes sizes;
  for (const auto size : blocks.dimensions()) sizes.insert(sizes.end(), {size, 1});
  return sizes;
}

void require_static(const ExpandContext& c, const char* what) {
  for (const auto& input : c.inputs())
    if (!input.shape().is_static())
      throw GraphError(std::string("the gradient of a dequantize with ") + what +
                       " needs tensors of known shape");
}

/// scale * (tensor - zero_point), whose blocks have a scale each.
Tensor dequantized_blocks(ExpandContext& c, DataType type) {
  require_static(c, "blocks");
  const auto tensor = c.input("tensor");
  const auto shape = tensor.shape();
  auto x = cast(tensor, type);
  const auto in_blocks = [&](const Tensor& value, const Tensor& whole) {
    const auto blocks = value.shape();
    if (blocks.rank() == 0) return std::pair(cast(value, type), whole);
    return std::pair(reshape(cast(value, type), block_numbers(blocks)),
                     reshape(whole, blocked_shape(shape, blocks)));
  };
  if (const auto zero = c.input("zero_point")) {
    const auto [numbers, whole] = in_blocks(zero, x);
    x = reshape(whole - numbers, shape.to_vector());
  }
  const auto [numbers, whole] = in_blocks(c.input("scale"), x);
  return reshape(whole * numbers, shape.to_vector());
}

/// Which block of a table an element of the tensor is in, times the table's entries, plus the
/// element: its place in the table seen as one list.
Tensor table_places(const Tensor& tensor, const Shape& blocks, int64_t entries) {
  auto graph = tensor.graph();
  const auto shape = tensor.shape();
  auto place = cast(tensor, DataType::int64);
  int64_t stride = entries;
  for (int i = shape.rank() - 1; i >= 0; --i) {
    if (blocks[i] > 1) {
      Sizes along(static_cast<size_t>(shape.rank()), 1);
      along[static_cast<size_t>(i)] = shape[i];
      std::vector<int64_t> numbers;
      for (int64_t k = 0; k < shape[i]; ++k) numbers.push_back(k / (shape[i] / blocks[i]) * stride);
      place = place + reshape(integers(graph, numbers), along);
    }
    stride *= blocks[i];
  }
  return place;
}

Tensor looked_up(ExpandContext& c) {
  const auto table = c.input("lut");
  auto tensor = c.input("tensor");
  if (types::four_bits().contains(tensor.data_type())) tensor = cast(tensor, DataType::int64);
  if (table.shape().has_rank() && table.shape().rank() == 1)
    return c.graph().add_one("gather",
                             {{"updates", table}, {"indices", tensor}, {"axis", int64_t{0}}});
  require_static(c, "a table of blocks or vectors");
  const auto shape = tensor.shape(), all = table.shape();
  const bool vectors = c.given("axis");
  const int last = all.rank() - (vectors ? 2 : 1);
  const int64_t entries = all[last], width = vectors ? all[last + 1] : 1;
  auto blocks = Shape{};
  int64_t count = 1;
  for (int i = 0; i < shape.rank(); ++i) {
    blocks.append(last == 0 ? 1 : all[i]);
    count *= blocks[i];
  }
  const auto places = table_places(tensor, blocks, entries);
  // A number that the table lacks must not find that of the next block.
  const auto known = binary("less_than", cast(tensor, DataType::int64), Scalar(entries));
  const auto safe = select(known, places, Scalar(int64_t{-1}));
  Sizes list{count * entries};
  if (vectors) list.push_back(width);
  const auto found = c.graph().add_one(
      "gather", {{"updates", reshape(table, list)}, {"indices", safe}, {"axis", int64_t{0}}});
  if (!vectors) return found;
  const int64_t rank = shape.rank(), given = c.integer("axis");
  const int64_t axis = given < 0 ? given + rank : given;
  Sizes order;
  for (int64_t i = 0; i < rank; ++i) {
    order.push_back(i);
    if (i == axis) order.push_back(rank);
  }
  return reshape(c.graph().add_one("permute", {{"tensor", found}, {"permutation", order}}),
                 c.result_type().shape.to_vector());
}

void infer_table(InferContext& c) {
  const auto type = c.operand_data_type("lut");
  if (c.has("scale") || c.has("zero_point")) c.fail("'lut' goes without 'scale' and 'zero_point'");
  const auto &shape = c.shape("tensor"), &table = c.shape("lut");
  const int vectors = c.given("axis") ? 1 : 0;
  if (!shape.has_rank() || !table.has_rank())
    return c.result(type, vectors ? Shape::unranked() : shape);
  const int blocks = table.rank() - 1 - vectors;
  bool fits = blocks == 0 || blocks == shape.rank();
  for (int i = 0; fits && i < blocks; ++i)
    fits = table[i] < 0 || shape[i] < 0 || (table[i] > 0 && shape[i] % table[i] == 0);
  if (!fits)
    c.fail(
        "'lut' has shape " + table.to_string() + "; for a tensor " + shape.to_string() +
        (vectors ? " it must end with (entries, vector)" : " it must end with its entries") +
        ", after as many dimensions as the tensor has, whose sizes divide the tensor's, or none");
  auto result = shape;
  if (vectors) {
    const int axis = normalize_axis(c, "axis", c.integer("axis"), shape.rank());
    const int64_t width = table[table.rank() - 1];
    result[axis] = width < 0 || shape[axis] < 0 ? unknown_dimension : shape[axis] * width;
  }
  c.result(type, result);
}

Row dequantize() {
  return Row("dequantize", "Quantization")
      .documentation(
          "scale * (tensor - zero_point) as a floating-point type. scale and zero_point (0 if not "
          "given) are scalars; with `axis` vectors as long as that axis; or they have the "
          "tensor's rank and sizes that divide the tensor's: then each block of the tensor has "
          "its own. With `lut` the tensor's elements are places in a table instead: its last "
          "dimension holds the entries, dimensions before it, if any, are blocks of the tensor "
          "that have a table each; with `axis` the entries are vectors (the table's last "
          "dimension), which lie one after the other along that axis of the result. The result "
          "then has the table's type; a place outside the table gives 0. A composite. "
          "tensor: integers, of 4 bits as well.")
      .selector("dequantizeTensor:scale:zeroPoint:dataType:name:", "13.1")
      .selector("dequantizeTensor:scaleTensor:zeroPoint:dataType:axis:name:", "13.1")
      .selector("dequantizeTensor:scaleTensor:zeroPointTensor:dataType:axis:name:", "13.1")
      .selector("dequantizeTensor:scaleTensor:zeroPointTensor:dataType:name:", "15.0")
      .selector("dequantizeTensor:scaleTensor:dataType:name:", "15.0")
      .selector("dequantizeTensor:LUTTensor:name:", "15.0")
      .selector("dequantizeTensor:LUTTensor:axis:name:", "15.0")
      .types("T", types::integers() | types::four_bits())
      .types("F", types::floating())
      .types("Z", types::numeric() | types::four_bits())
      .types("L", types::numeric())
      .operand("tensor", "T")
      .optional_operand("scale", "F")
      .optional_operand("zero_point", "Z")
      .attribute(data_type_attribute("data_type", DataType::float32))
      .attribute(axis_attribute())
      .keyword_operand("lut", "L")
      .infer([](InferContext& c) {
        if (c.has("lut")) return infer_table(c);
        if (!c.has("scale")) c.fail("give 'scale', or a table ('lut')");
        if (!is_floating(c.data_type("data_type")))
          c.fail("'data_type' must be a floating-point type, not " +
                 std::string(data_type_name(c.data_type("data_type"))));
        check_parameter(c, "scale", true);
        check_parameter(c, "zero_point", true);
        c.result(c.data_type("data_type"), c.shape("tensor"));
      })
      .expand([](ExpandContext& c) {
        if (c.has("lut")) return c.give(looked_up(c));
        const auto type = compute_type_of(c.data_type("data_type"));
        if (is_blocked(c, "scale") || is_blocked(c, "zero_point"))
          return c.give(cast(dequantized_blocks(c, type), c.data_type("data_type")));
        auto x = cast(c.input("tensor"), type);
        if (c.has("zero_point")) x = x - parameter(c, c.input("zero_point"), type);
        c.give(cast(x * parameter(c, c.input("scale"), type), c.data_type("data_type")));
      });
}

}  // namespace

void add_quantization_rows(Rows& rows) {
  rows.push_back(quantize().done());
  rows.push_back(dequantize().done());
}

}  // namespace mpsg::ops
