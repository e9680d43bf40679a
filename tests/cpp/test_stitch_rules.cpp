// Stitch rules against the rows' own loops: each rule becomes a kernel over the result, which is
// interpreted; exact operations must agree bit by bit.
#include <doctest/doctest.h>

#include <bit>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <random>
#include <set>

#include "graph/contexts.h"
#include "graph/element_types.h"
#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "graph/stitch_context.h"
#include "ops/enums.h"
#include "stitched_interpreter.h"

namespace mpsg::testing {
namespace {

using ops::PaddingMode;

std::vector<int64_t> packed(const Shape& shape) {
  std::vector<int64_t> strides(static_cast<size_t>(shape.rank()));
  int64_t step = 1;
  for (int axis = shape.rank() - 1; axis >= 0; --axis) {
    strides[static_cast<size_t>(axis)] = step;
    step *= shape[axis];
  }
  return strides;
}

/// One operation as a kernel over its result's elements; operands are loaded where they are asked.
class LoneKernel : public StitchContext {
 public:
  LoneKernel(const OperationView& view, std::vector<TensorType> inputs, const TensorType& result)
      : StitchContext(view, own_builder_),
        inputs_(std::move(inputs)),
        result_type_(result),
        own_builder_(kernel.program) {
    kernel.extents = result.shape.to_vector();
    for (size_t axis = 0; axis < kernel.extents.size(); ++axis)
      indices_.push_back({{{static_cast<int32_t>(axis), 1}}, 0, {}});
    if (kernel.extents.empty()) kernel.extents = {1};
    kernel.parallel = kernel.rank() - 1;
    for (const auto& input : inputs_) kernel.operands.push_back({input.data_type, false});
    kernel.operands.push_back({result.data_type, true});
  }

  const TensorType& input_type(int operand) const override {
    return inputs_[static_cast<size_t>(operand)];
  }
  const TensorType& result_type() const override { return result_type_; }

  Expression input(int operand) override {
    const auto& shape = input_type(operand).shape;
    std::vector<StitchIndex> at;
    for (int axis = 0; axis < shape.rank(); ++axis) {
      const int own = axis + result_type_.shape.rank() - shape.rank();
      at.push_back(shape[axis] == 1 ? StitchIndex::constant(0) : index(own));
    }
    return input_at(operand, at, {});
  }

  Expression input_at(int operand, const std::vector<StitchIndex>& at, Element guard) override {
    const auto& type = input_type(operand);
    REQUIRE(std::ssize(at) == type.shape.rank());
    const auto steps = packed(type.shape);
    KernelAccess access{operand, 0, std::vector<int64_t>(kernel.extents.size() + 1)};
    Expression further;
    for (size_t axis = 0; axis < at.size(); ++axis) {
      access.offset += at[axis].offset.value * steps[axis];
      for (const auto& term : at[axis].terms)
        access.strides[static_cast<size_t>(term.dimension)] += term.scale * steps[axis];
      if (!at[axis].dynamic) continue;
      const Expression part =
          Expression(builder(), at[axis].dynamic) * static_cast<double>(steps[axis]);
      further = further ? further + part : part;
    }
    kernel.accesses.push_back(access);
    const auto number = static_cast<int32_t>(kernel.accesses.size()) - 1;
    const Expression element(builder(),
                             builder().load(number, type.data_type, guard, further.element()));
    return element.convert(compute_type(type.data_type));
  }

  const StitchIndex& index(int axis) const override { return indices_[static_cast<size_t>(axis)]; }

  using StitchContext::value_of;
  Expression value_of(const StitchIndex& index) override {
    Expression value(builder(), builder().literal_integer(index.offset.value, DataType::int64));
    for (const auto& term : index.terms)
      value = value + Expression(builder(), builder().position(term.dimension)) *
                          static_cast<double>(term.scale);
    if (index.dynamic) value = value + Expression(builder(), index.dynamic);
    return value;
  }

  /// After the rule: stores what it gave.
  void finish() {
    REQUIRE(result());
    auto strides = packed(result_type_.shape);
    strides.resize(kernel.extents.size() + 1);
    kernel.accesses.push_back({static_cast<int32_t>(inputs_.size()), 0, strides});
    const auto stored = builder().convert(result().element(), result_type_.data_type);
    kernel.stores.push_back({static_cast<int32_t>(kernel.accesses.size()) - 1, stored.id});
  }

  StitchedKernel kernel;

 private:
  std::vector<TensorType> inputs_;
  TensorType result_type_;
  ElementBuilder own_builder_;
  std::vector<StitchIndex> indices_;
};

using Memory = std::vector<std::byte>;

Memory memory_of(const TensorType& type) {
  return Memory(static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type));
}

/// Numbers of all sizes and every edge.
template <class T>
T draw(std::mt19937_64& random) {
  using C = ComputeType<T>;
  using Limits = std::numeric_limits<C>;
  const auto word = random();
  if constexpr (std::is_integral_v<T>) {
    constexpr T edges[] = {0,
                           1,
                           2,
                           3,
                           7,
                           31,
                           static_cast<T>(-1),
                           static_cast<T>(-3),
                           std::numeric_limits<T>::max(),
                           std::numeric_limits<T>::min()};
    if (word % 3 == 0) return edges[(word >> 8) % std::size(edges)];
    if (word % 3 == 1) return static_cast<T>((word >> 8) % 16);
    return static_cast<T>(word >> 8);
  } else {
    constexpr C edges[] = {0,
                           C(-0.0),
                           1,
                           -1,
                           C(0.5),
                           C(-0.5),
                           C(1.5),
                           C(2.5),
                           C(-2.5),
                           2,
                           3,
                           -3,
                           Limits::infinity(),
                           -Limits::infinity(),
                           Limits::quiet_NaN(),
                           Limits::max(),
                           Limits::lowest(),
                           Limits::min(),
                           Limits::denorm_min(),
                           C(300),
                           C(-70000),
                           C(3e9),
                           C(-1e19)};
    if (word % 4 == 0) return static_cast<T>(edges[(word >> 8) % std::size(edges)]);
    const double unit = static_cast<double>(word >> 11) * 0x1p-53 * 2 - 1;
    const double scale = word % 4 == 1 ? 1 : word % 4 == 2 ? 10 : 1000;
    return static_cast<T>(static_cast<C>(unit * scale));
  }
}

void fill(Memory& memory, DataType type, std::mt19937_64& random) {
  if (type == DataType::boolean) {
    for (auto& byte : memory) byte = std::byte(random() & 1);
    return;
  }
  with_numeric(type, [&]<class T>(TypeTag<T>) {
    for (size_t at = 0; at < memory.size(); at += sizeof(T)) {
      const T value = draw<T>(random);
      std::memcpy(memory.data() + at, &value, sizeof(T));
    }
  });
}

void fill_unit(Memory& memory, DataType type, std::mt19937_64& random) {
  with_floating(type, [&]<class T>(TypeTag<T>) {
    for (size_t at = 0; at < memory.size(); at += sizeof(T)) {
      const auto value = T(static_cast<ComputeType<T>>(random() >> 11) * 0x1p-53f);
      std::memcpy(memory.data() + at, &value, sizeof(T));
    }
  });
}

/// How many floats of its type lie between `a` and `b`; NaN is as far from NaN as from itself.
template <class T>
double distance(T a, T b) {
  const auto x = static_cast<ComputeType<T>>(a), y = static_cast<ComputeType<T>>(b);
  if (std::isnan(x) || std::isnan(y)) return std::isnan(x) && std::isnan(y) ? 0 : INFINITY;
  using Word = std::conditional_t<sizeof(T) == 2, int16_t,
                                  std::conditional_t<sizeof(T) == 4, int32_t, int64_t>>;
  const auto place = [](T value) {
    const auto word = std::bit_cast<Word>(value);
    return word < 0 ? -static_cast<double>(word & std::numeric_limits<Word>::max()) - 1
                    : static_cast<double>(word);
  };
  return std::abs(place(a) - place(b));
}

struct Difference {
  double units = 0;
  int64_t at = -1;
};

Difference largest_difference(DataType type, const Memory& a, const Memory& b) {
  Difference largest;
  const auto note = [&](double units, size_t at) {
    if (units > largest.units) largest = {units, static_cast<int64_t>(at)};
  };
  if (is_floating(type)) {
    with_floating(type, [&]<class T>(TypeTag<T>) {
      for (size_t i = 0; i < a.size() / sizeof(T); ++i) {
        T x, y;
        std::memcpy(&x, a.data() + i * sizeof(T), sizeof(T));
        std::memcpy(&y, b.data() + i * sizeof(T), sizeof(T));
        note(distance(x, y), i);
      }
    });
  } else {
    for (size_t i = 0; i < a.size(); ++i) note(a[i] == b[i] ? 0 : INFINITY, i / size_of(type));
  }
  return largest;
}

/// An operand: a tensor with drawn elements, or with these integers.
struct Operand {
  const char* name;
  TensorType type;
  std::vector<int64_t> values = {};
  bool in_unit = false;  // draw from [0, 1]
};

struct Case {
  std::string row;
  std::vector<Operand> operands;
  std::vector<Argument> attributes = {};
  double units = 0;  // of difference that the functions may have
};

std::string text_of(const Case& checked) {
  std::string text = checked.row;
  for (const auto& operand : checked.operands) text += " " + operand.type.to_string();
  return text;
}

/// Runs the rule and the loop on the same operands; false if the rule refuses.
bool check(const Case& checked) {
  const auto text = text_of(checked);
  CAPTURE(text);
  Graph graph;
  auto arguments = checked.attributes;
  std::map<std::string, std::vector<TensorOrScalar>> lists;
  const auto& row = require_row(checked.row);
  for (const auto& operand : checked.operands) {
    const Tensor tensor = graph.add_one("placeholder", {{"shape", operand.type.shape.to_vector()},
                                                        {"data_type", operand.type.data_type}});
    const auto index = static_cast<size_t>(row.operand_index(operand.name));
    if (row.operands[index].variadic) lists[operand.name].emplace_back(tensor);
    else arguments.emplace_back(operand.name, tensor);
  }
  for (const auto& [name, tensors] : lists) arguments.emplace_back(name, tensors);
  const auto result = graph.add_one(checked.row, arguments);
  const auto& node = result.graph_data()->node(result.id().operation);

  std::vector<TensorType> types;
  for (const auto input : node.inputs) types.push_back(result.graph_data()->type(input));
  LoneKernel context(node.view(), types, result.type());
  node.row->stitch(context);
  if (context.refused()) return false;
  context.finish();
  context.kernel.verify();

  std::mt19937_64 random(std::hash<std::string>()(text));
  std::vector<Memory> memories;
  std::vector<TensorView> inputs;
  std::vector<void*> pointers;
  for (size_t i = 0; i < types.size(); ++i) {
    memories.push_back(memory_of(types[i]));
    // Inputs are in the order of the row; so are the cases' operands.
    const auto& values = checked.operands[i].values;
    if (checked.operands[i].in_unit) fill_unit(memories.back(), types[i].data_type, random);
    else if (values.empty()) fill(memories.back(), types[i].data_type, random);
    else
      with_integer(types[i].data_type, [&]<class T>(TypeTag<T>) {
        for (size_t k = 0; k < values.size(); ++k) {
          const auto value = static_cast<T>(values[k]);
          std::memcpy(memories.back().data() + k * sizeof(T), &value, sizeof(T));
        }
      });
  }
  for (size_t i = 0; i < types.size(); ++i) {
    inputs.push_back({types[i].data_type, types[i].shape, memories[i].data()});
    pointers.push_back(memories[i].data());
  }
  auto expected = memory_of(result.type()), stitched = expected;
  const TensorView output{result.data_type(), result.shape(), expected.data()};
  node.row->evaluate(
      EvaluateContext(node.view(), inputs, std::span(&output, 1), Parallel::serial(), 0, 0));
  pointers.push_back(stitched.data());
  interpret(context.kernel, pointers);
  const auto difference = largest_difference(result.data_type(), expected, stitched);
  CHECK_MESSAGE(difference.units <= checked.units,
                text << ": " << difference.units << " units apart at " << difference.at);
  return true;
}

/// Rows whose loops compute a function otherwise than the interpreter, which has it exactly.
double units_of(const OpRow& row) { return row.name.starts_with("sigmoid") ? 6 : 0; }

/// Attributes that an elementwise row must have.
std::vector<std::vector<Argument>> attributes_of(const OpRow& row) {
  if (row.name != "cast") return {{}};
  std::vector<std::vector<Argument>> choices;
  for (const auto type : computed_types())
    if (!is_complex(type)) choices.push_back({{"type", AttributeValue(type)}});
  return choices;
}

}  // namespace

TEST_CASE("every basic row has a stitch rule, folds, or says why not") {
  for (const auto& row : op_table()) {
    if (!row.evaluate || row.name == "stitched") continue;
    CAPTURE(row.name);
    const bool has_rule = row.stitch != nullptr;
    const int ways = has_rule + (row.fold != FoldKind::none) + !row.not_stitchable.empty();
    CHECK(ways == 1);
    if (row.traits.elementwise && row.name != "complex") CHECK(has_rule);
  }
}

TEST_CASE("stitch rules of elementwise rows compute what their loops do") {
  const Shape shapes[] = {Shape{4, 3, 50}, Shape{3, 1}, Shape{50}};
  for (const auto& row : op_table()) {
    if (!row.stitch || !row.traits.elementwise) continue;
    std::set<std::string> groups;
    for (const auto& operand : row.operands) groups.insert(operand.group);
    int checked = 0;
    for (const auto type : computed_types()) {
      std::vector<Operand> operands;
      for (const auto& operand : row.operands) {
        const auto allowed = row.types_of_group(operand.group);
        const bool only_bool =
            !allowed.contains(DataType::float32) && !allowed.contains(DataType::int32);
        const auto own = only_bool ? DataType::boolean : type;
        if (!allowed.contains(own)) break;
        operands.push_back({operand.name.c_str(), {own, shapes[operands.size()]}});
        // 1 - y loses digits where y is near 1, which is no matter of the rule.
        operands.back().in_unit = row.name == "sigmoid_gradient";
      }
      if (operands.size() != row.operands.size() || is_complex(type)) continue;
      for (const auto& attributes : attributes_of(row)) {
        checked += check({row.name, operands, attributes, units_of(row)});
        auto reversed = operands;
        for (size_t i = 0; i < reversed.size(); ++i)
          reversed[i].type.shape = operands[operands.size() - 1 - i].type.shape;
        checked += check({row.name, reversed, attributes, units_of(row)});
      }
    }
    CAPTURE(row.name);
    CHECK(checked > 0);
  }
}

namespace {

TensorType tensor(DataType type, const Shape& shape) { return {type, shape}; }
std::vector<int64_t> list(std::initializer_list<int64_t> values) { return values; }

/// Movement, for an element type.
std::vector<Case> movements(DataType type) {
  const auto x = [&](const char* name, const Shape& shape) {
    return Operand{name, tensor(type, shape)};
  };
  const auto start = [](std::vector<int64_t> values) {
    const auto count = std::ssize(values);
    return Operand{"start_tensor", tensor(DataType::int32, Shape{count}), std::move(values)};
  };
  const auto indices = [](const Shape& shape, std::vector<int64_t> values) {
    return Operand{"indices", tensor(DataType::int8, shape), std::move(values)};
  };
  std::vector<Case> cases = {
      {"band_part",
       {x("input", {2, 4, 5})},
       {{"num_lower", int64_t{1}}, {"num_upper", int64_t{0}}}},
      {"band_part", {x("input", {3, 2})}, {{"num_lower", int64_t{-1}}, {"num_upper", int64_t{0}}}},
      {"band_part", {x("input", {3, 2})}, {{"num_lower", int64_t{-1}}, {"num_upper", int64_t{-1}}}},
      {"leading_rows", {x("tensor", {4, 3})}, {{"count", list({3})}}},
      {"windows",
       {x("tensor", {2, 7, 5})},
       {{"axes", list({1, 2})},
        {"kernel", list({3, 2})},
        {"strides", list({2, 1})},
        {"dilation", list({1, 3})}}},
      {"identity", {x("tensor", {})}},
      {"permute", {x("tensor", {2, 3, 4})}, {{"permutation", list({2, 0, -2})}}},
      {"broadcast", {x("tensor", {3, 1})}, {{"shape", list({2, 3, 4})}}},
      {"reshape", {x("tensor", {6, 1, 4})}, {{"shape", list({2, 3, 1, 2, 2})}}},
      {"expand_dims", {x("tensor", {3, 4})}, {{"axes", list({0, -1})}}},
      {"squeeze", {x("tensor", {1, 3, 1})}},
      {"flatten_2d", {x("tensor", {4, 1})}, {{"axis", int64_t{1}}}},
      {"reverse", {x("tensor", {2, 3, 4})}, {{"axes", list({0, -1})}}},
      {"reverse", {x("tensor", {2, 3, 4})}},
      {"slice",
       {x("tensor", {4, 7, 5})},
       {{"starts", list({1, 6, 0})}, {"ends", list({4, 0, 5})}, {"strides", list({2, -3, 1})}}},
      {"slice",
       {x("tensor", {4, 7})},
       {{"starts", list({2, 1})}, {"ends", list({0, 5})}, {"squeeze_mask", int64_t{1}}}},
      {"slice", {x("tensor", {4, 7}), start({-2, 9})}, {{"sizes", list({2, 3})}}},
      {"slice",
       {x("tensor", {4, 7}), start({-9})},
       {{"sizes", list({1, -1})}, {"squeeze_mask", int64_t{1}}}},
      {"slice",
       {x("tensor", {4, 7})},
       {{"dimension", int64_t{1}}, {"start", int64_t{2}}, {"length", int64_t{3}}}},
      {"slice_gradient",
       {x("input_gradient", {2, 2, 5})},
       {{"fwd_in_shape", list({4, 7, 5})},
        {"starts", list({1, 6, 0})},
        {"ends", list({4, 2, 5})},
        {"strides", list({2, -3, 1})}}},
      {"slice_gradient",
       {x("input_gradient", {3}), start({-2, 9})},
       {{"fwd_in_shape", list({4, 7})}, {"sizes", list({1, 3})}, {"squeeze_mask", int64_t{1}}}},
      {"slice_gradient",
       {x("input_gradient", {4, 7})},
       {{"fwd_in_shape", list({4, 7})}, {"starts", list({0, 0})}, {"ends", list({4, 7})}}},
      {"slice_gradient",
       {x("input_gradient", {4, 7})},
       {{"fwd_in_shape", list({4, 7})},
        {"starts", list({3, 0})},
        {"ends", list({-5, 7})},
        {"strides", list({-1, 1})}}},
      {"slice_update", {x("data", {4, 7}), x("update", {2, 3})}, {{"starts", list({1, 2})}}},
      {"slice_update",
       {x("data", {4, 7}), x("update", {2, 2})},
       {{"starts", list({3, 1})}, {"ends", list({0, 7})}, {"strides", list({-2, 4})}}},
      {"slice_update", {x("data", {4, 7}), x("update", {2, 3}), start({7, -4})}},
      {"slice_update", {x("data", {4}), x("update", {4})}, {{"starts", list({0})}}},
      {"gather", {x("updates", {4, 3, 5}), indices({2, 2}, {2, -1, 0, 3})}, {{"axis", int64_t{1}}}},
      {"gather",
       {x("updates", {2, 3, 5}), indices({2, 4}, {1, 9, 0, 4, 4, 3, 2, -5})},
       {{"axis", int64_t{-1}}, {"batch_dimensions", int64_t{1}}}},
      {"gather", {x("updates", {3}), indices({}, {1})}, {{"axis", int64_t{0}}}},
      {"gather_nd", {x("updates", {4, 3, 5}), indices({3, 2}, {3, 2, 4, 0, 0, -1})}},
      {"gather_nd",
       {x("updates", {2, 3, 5}), indices({2, 2, 1}, {2, 0, 3, 1})},
       {{"batch_dimensions", int64_t{1}}}},
      {"gather_along_axis",
       {x("updates", {3, 4}), indices({3, 2}, {0, 3, -1, 1, 4, 2})},
       {{"axis", int64_t{1}}}},
      {"gather_along_axis",
       {x("updates", {3, 2}), indices({1, 2}, {2, 1})},
       {{"axis", int64_t{-2}}}},
      {"concat",
       {x("tensors", {2, 3}), x("tensors", {2, 0}), x("tensors", {2, 1}), x("tensors", {2, 4})},
       {{"dimension", int64_t{-1}}}},
      {"concat", {x("tensors", {2, 3}), x("tensors", {0, 3})}, {{"dimension", int64_t{0}}}},
  };
  for (const auto mode :
       {PaddingMode::CONSTANT, PaddingMode::ZERO, PaddingMode::REFLECT, PaddingMode::SYMMETRIC,
        PaddingMode::CLAMP_TO_EDGE, PaddingMode::PERIODIC, PaddingMode::ANTI_PERIODIC}) {
    if (type == DataType::boolean && mode == PaddingMode::ANTI_PERIODIC) continue;
    const AttributeValue number(static_cast<int64_t>(mode));
    const bool mirror = mode == PaddingMode::REFLECT || mode == PaddingMode::SYMMETRIC;
    cases.push_back({"pad",
                     {x("tensor", {4, 5})},
                     {{"padding_mode", number},
                      {"left_padding", mirror ? list({3, -1}) : list({9, -1})},
                      {"right_padding", mirror ? list({2, 4}) : list({13, 6})},
                      {"constant_value", -0.0}}});
    cases.push_back({"pad",
                     {x("tensor", {4, 5})},
                     {{"padding_mode", number},
                      {"left_padding", list({-1, 0})},
                      {"right_padding", list({0, -2})},
                      {"constant_value", 3.7}}});
  }
  return cases;
}

/// Movement that computes: of numbers only.
std::vector<Case> sums_of_movements(DataType type) {
  std::vector<Case> cases;
  for (const auto mode : {PaddingMode::CONSTANT, PaddingMode::ZERO})
    cases.push_back(
        {"pad_gradient",
         {{"incoming_gradient", tensor(type, {6, 8})}, {"source", tensor(type, {4, 5})}},
         {{"padding_mode", AttributeValue(static_cast<int64_t>(mode))},
          {"left_padding", list({3, -1})},
          {"right_padding", list({-1, 4})}}});
  cases.push_back({"pad_gradient",
                   {{"incoming_gradient", tensor(type, {3, 3})}, {"source", tensor(type, {4, 5})}},
                   {{"padding_mode", AttributeValue(static_cast<int64_t>(PaddingMode::REFLECT))},
                    {"left_padding", list({-1, 0})},
                    {"right_padding", list({0, -2})}}});
  return cases;
}

}  // namespace

TEST_CASE("stitch rules of rows that move elements") {
  std::set<std::string> seen;
  for (const auto type : computed_types()) {
    if (is_complex(type)) continue;
    auto cases = movements(type);
    if (type != DataType::boolean)
      for (auto& each : sums_of_movements(type)) cases.push_back(std::move(each));
    if (is_integer(type))
      for (const int64_t axis : {-1, 0, 1})
        for (const auto values :
             {DataType::float32, DataType::bfloat16, DataType::boolean, DataType::int64})
          cases.push_back({"one_hot",
                           {{"indices", tensor(type, {3, 4})}},
                           {{"depth", int64_t{5}},
                            {"axis", axis},
                            {"data_type", AttributeValue(values)},
                            {"on_value", values == DataType::bfloat16 ? 0.3 : 1.0}}});
    for (const auto& each : cases) {
      CHECK(check(each));
      seen.insert(each.row);
    }
  }
  for (const int64_t axis : {0, -1})
    CHECK(check({"coordinate_along_axis", {}, {{"axis", axis}, {"shape", list({3, 4})}}}));
  seen.insert("coordinate_along_axis");
  seen.insert("constant");
  seen.insert("random_numbers");
  seen.insert("reinterpret_cast");
  for (const auto& row : op_table()) {
    CAPTURE(row.name);
    CHECK((!row.stitch || row.traits.elementwise || seen.contains(row.name)));
  }
}

TEST_CASE("stitch rules that reinterpret bits, and numbers in a program") {
  const auto reinterpret = [](DataType from, DataType to) {
    return check(
        {"reinterpret_cast", {{"tensor", tensor(from, {4, 8})}}, {{"type", AttributeValue(to)}}});
  };
  CHECK(reinterpret(DataType::float32, DataType::int32));
  CHECK(reinterpret(DataType::uint64, DataType::float64));
  CHECK(reinterpret(DataType::boolean, DataType::int8));
  CHECK(reinterpret(DataType::float16, DataType::float16));
  CHECK(!reinterpret(DataType::float16, DataType::int16));
  CHECK(!reinterpret(DataType::float32, DataType::int64));

  std::mt19937_64 random(7);
  for (const auto type : computed_types()) {
    if (is_complex(type)) continue;
    for (int i = 0; i < 20; ++i) {
      auto value = memory_of({type, {}});
      fill(value, type, random);
      CHECK(check({"constant",
                   {},
                   {{"value", Bytes::copy(value)},
                    {"shape", list({2, 3})},
                    {"data_type", AttributeValue(type)}}}));
    }
  }
}

TEST_CASE("stitched random numbers are those of the generator") {
  const auto numbers = [](DataType type, std::vector<Argument> attributes) {
    // A counter about to carry through all its words.
    const std::vector<int64_t> state = {-2, -1, -1, 5, 123, -456, 0};
    attributes.emplace_back("shape", list({3, 5, 7}));
    attributes.emplace_back("data_type", AttributeValue(type));
    return check({"random_numbers",
                  {{"state", tensor(DataType::int32, {7}), state}},
                  std::move(attributes)});
  };
  const auto uniform = [&](DataType type) { return numbers(type, {{"min", -0.3}, {"max", 2.7}}); };
  CHECK(uniform(DataType::float32));
  CHECK(uniform(DataType::float16));
  CHECK(uniform(DataType::bfloat16));
  CHECK(!uniform(DataType::float64));
  CHECK(numbers(DataType::int8, {{"min_integer", int64_t{-128}}, {"max_integer", int64_t{100}}}));
  CHECK(numbers(DataType::int32,
                {{"min_integer", int64_t{INT32_MIN}}, {"max_integer", int64_t{INT32_MAX} + 1}}));
  CHECK(!numbers(DataType::uint64, {}));
  CHECK(!numbers(DataType::float32, {{"distribution", int64_t{1}}}));
}

TEST_CASE("complex numbers and reshapes that cut an axis do not stitch") {
  CHECK(!check({"addition",
                {{"primary_tensor", tensor(DataType::complex64, {2})},
                 {"secondary_tensor", tensor(DataType::complex64, {2})}}}));
  CHECK(
      !check({"reshape", {{"tensor", tensor(DataType::float32, {2, 3})}}, {{"shape", list({6})}}}));
}

}  // namespace mpsg::testing
