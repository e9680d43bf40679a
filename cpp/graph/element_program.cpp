#include "graph/element_program.h"

#include <algorithm>
#include <bit>

#include "graph/half.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

struct OpFacts {
  ElementOp op;
  const char* name;
  int arity;
};

constexpr OpFacts facts[] = {
    {ElementOp::literal, "literal", 0},
    {ElementOp::argument, "argument", 0},
    {ElementOp::load, "load", 2},
    {ElementOp::position, "position", 0},
    {ElementOp::reduced, "reduced", 0},
    {ElementOp::convert, "convert", 1},
    {ElementOp::reinterpret, "reinterpret", 1},
    {ElementOp::add, "add", 2},
    {ElementOp::subtract, "subtract", 2},
    {ElementOp::multiply, "multiply", 2},
    {ElementOp::divide, "divide", 2},
    {ElementOp::integer_quotient, "integer_quotient", 2},
    {ElementOp::integer_remainder, "integer_remainder", 2},
    {ElementOp::negate, "negate", 1},
    {ElementOp::absolute, "absolute", 1},
    {ElementOp::minimum, "minimum", 2},
    {ElementOp::maximum, "maximum", 2},
    {ElementOp::equal, "equal", 2},
    {ElementOp::not_equal, "not_equal", 2},
    {ElementOp::less, "less", 2},
    {ElementOp::less_equal, "less_equal", 2},
    {ElementOp::greater, "greater", 2},
    {ElementOp::greater_equal, "greater_equal", 2},
    {ElementOp::select, "select", 3},
    {ElementOp::bit_and, "bit_and", 2},
    {ElementOp::bit_or, "bit_or", 2},
    {ElementOp::bit_xor, "bit_xor", 2},
    {ElementOp::bit_not, "bit_not", 1},
    {ElementOp::shift_left, "shift_left", 2},
    {ElementOp::shift_right, "shift_right", 2},
    {ElementOp::population_count, "population_count", 1},
    {ElementOp::high_product, "high_product", 2},
    {ElementOp::square_root, "square_root", 1},
    {ElementOp::floor, "floor", 1},
    {ElementOp::ceil, "ceil", 1},
    {ElementOp::truncate, "truncate", 1},
    {ElementOp::round_half_even, "round_half_even", 1},
    {ElementOp::copy_sign, "copy_sign", 2},
    {ElementOp::exponent, "exponent", 1},
    {ElementOp::exponent2, "exponent2", 1},
    {ElementOp::exponent_minus1, "exponent_minus1", 1},
    {ElementOp::logarithm, "logarithm", 1},
    {ElementOp::logarithm2, "logarithm2", 1},
    {ElementOp::logarithm10, "logarithm10", 1},
    {ElementOp::logarithm_1plus, "logarithm_1plus", 1},
    {ElementOp::sine, "sine", 1},
    {ElementOp::cosine, "cosine", 1},
    {ElementOp::tangent, "tangent", 1},
    {ElementOp::hyperbolic_sine, "hyperbolic_sine", 1},
    {ElementOp::hyperbolic_cosine, "hyperbolic_cosine", 1},
    {ElementOp::hyperbolic_tangent, "hyperbolic_tangent", 1},
    {ElementOp::arc_sine, "arc_sine", 1},
    {ElementOp::arc_cosine, "arc_cosine", 1},
    {ElementOp::arc_tangent, "arc_tangent", 1},
    {ElementOp::area_sine, "area_sine", 1},
    {ElementOp::area_cosine, "area_cosine", 1},
    {ElementOp::area_tangent, "area_tangent", 1},
    {ElementOp::error_function, "error_function", 1},
    {ElementOp::power, "power", 2},
    {ElementOp::arc_tangent2, "arc_tangent2", 2},
    {ElementOp::remainder, "remainder", 2},
    {ElementOp::sigmoid, "sigmoid", 1},
};
static_assert(std::size(facts) == static_cast<size_t>(ElementOp::sigmoid) + 1);

const OpFacts& facts_of(ElementOp op) { return facts[static_cast<size_t>(op)]; }

bool is_comparison(ElementOp op) {
  return op >= ElementOp::equal && op <= ElementOp::greater_equal;
}

uint64_t bits_of(double value, DataType type) {
  switch (type) {
    case DataType::float32: return std::bit_cast<uint32_t>(static_cast<float>(value));
    case DataType::float64: return std::bit_cast<uint64_t>(value);
    case DataType::float16: return Float16(static_cast<float>(value)).bits();
    case DataType::bfloat16: return BFloat16(static_cast<float>(value)).bits();
    case DataType::boolean: return value != 0;
    default: return static_cast<uint64_t>(static_cast<int64_t>(value));
  }
}

}  // namespace

std::string_view element_op_name(ElementOp op) { return facts_of(op).name; }
int element_op_arity(ElementOp op) { return facts_of(op).arity; }

DataType compute_type(DataType type) {
  return type == DataType::float16 || type == DataType::bfloat16 ? DataType::float32 : type;
}

Element ElementBuilder::append(ElementInstruction instruction) {
  auto& program = *program_;
  const auto same = std::ranges::find(program, instruction);
  if (same != program.end()) return {static_cast<int32_t>(same - program.begin()), same->type};
  program.push_back(instruction);
  return {static_cast<int32_t>(program.size()) - 1, instruction.type};
}

Element ElementBuilder::literal(double value, DataType type) {
  return append({.op = ElementOp::literal, .type = type, .bits = bits_of(value, type)});
}

Element ElementBuilder::literal_integer(int64_t value, DataType type) {
  if (is_floating(type)) return literal(static_cast<double>(value), type);
  return append(
      {.op = ElementOp::literal,
       .type = type,
       .bits = type == DataType::boolean ? uint64_t{value != 0} : static_cast<uint64_t>(value)});
}

Element ElementBuilder::apply(ElementOp op, Element a) {
  return append({.op = op, .type = a.type, .operands = {a.id, -1, -1}});
}

Element ElementBuilder::apply(ElementOp op, Element a, Element b) {
  if (a.type != b.type)
    throw InternalError("a stitch rule mixes types in " + std::string(element_op_name(op)));
  return append({.op = op,
                 .type = is_comparison(op) ? DataType::boolean : a.type,
                 .operands = {a.id, b.id, -1}});
}

Element ElementBuilder::select(Element condition, Element a, Element b) {
  if (a.type != b.type || condition.type != DataType::boolean)
    throw InternalError("a stitch rule selects between different types");
  if (a.id == b.id) return a;
  return append({.op = ElementOp::select, .type = a.type, .operands = {condition.id, a.id, b.id}});
}

Element ElementBuilder::convert(Element a, DataType type) {
  if (a.type == type) return a;
  return append({.op = ElementOp::convert, .type = type, .operands = {a.id, -1, -1}});
}

Element ElementBuilder::reinterpret(Element a, DataType type) {
  if (a.type == type) return a;
  return append({.op = ElementOp::reinterpret, .type = type, .operands = {a.id, -1, -1}});
}

Element ElementBuilder::load(int32_t access, DataType type, Element guard, Element offset) {
  return append({.op = ElementOp::load,
                 .type = type,
                 .operands = {guard.id, offset.id, -1},
                 .index = access});
}

Element ElementBuilder::argument(int32_t index) {
  return append({.op = ElementOp::argument, .type = DataType::int64, .index = index});
}

Element ElementBuilder::position(int32_t dimension) {
  return append({.op = ElementOp::position, .type = DataType::int64, .index = dimension});
}

Element ElementBuilder::reduced(int32_t reduction, DataType type) {
  return append({.op = ElementOp::reduced, .type = type, .index = reduction});
}

}  // namespace mpsg
