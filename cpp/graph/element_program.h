// What a stitched kernel computes for one element: a list of scalar instructions in static single
// assignment. Rows write it (their stitch rules), backends emit it.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "mpsg/data_type.h"

namespace mpsg {

/// The operations of an element program. Types: "the type" is the instruction's own; 16-bit floats
/// only ever appear in `load` and `convert`, everything else computes in float32 or wider.
/// Integers wrap. Functions are within 2 ULP, everything else is exact or correctly rounded.
enum class ElementOp : uint8_t {
  // Sources
  literal,   // `bits` of the type
  argument,  // int64: number `index` of those that a kernel is called with
  load,      // element of access `index`; operand 0: guard (bool; false: not read, gives 0) or -1;
             // operand 1: further offset in elements (int64) or -1
  position,  // int64 position along dimension `index` of the kernel's domain
  reduced,   // result of reduction `index`
  // Conversions
  convert,      // to the type, as the row `cast` does
  reinterpret,  // the same bits as the type (of equal size)
  // Arithmetic: integers and floats
  add,
  subtract,
  multiply,
  divide,  // divide: floats only
  integer_quotient,
  integer_remainder,  // towards zero, 0 for a zero divisor, wraps at -min / -1
  negate,
  absolute,
  minimum,
  maximum,  // a, unless b is smaller (larger): (b < a ? b : a). No word about NaN
  // Comparisons (result bool) as C's: NaN is unordered, not_equal to all
  equal,
  not_equal,
  less,
  less_equal,
  greater,
  greater_equal,
  select,  // operand 0 (bool) ? operand 1 : operand 2
  // Bits: integers and bool
  bit_and,
  bit_or,
  bit_xor,
  bit_not,
  shift_left,
  shift_right,
  population_count,
  high_product,  // upper half of the product of two unsigned integers
  // Exact functions of floats
  square_root,
  floor,
  ceil,
  truncate,
  round_half_even,
  copy_sign,
  // Functions of floats, as C's library defines them at the edges
  exponent,
  exponent2,
  exponent_minus1,
  logarithm,
  logarithm2,
  logarithm10,
  logarithm_1plus,
  sine,
  cosine,
  tangent,
  hyperbolic_sine,
  hyperbolic_cosine,
  hyperbolic_tangent,
  arc_sine,
  arc_cosine,
  arc_tangent,
  area_sine,
  area_cosine,
  area_tangent,
  error_function,
  power,
  arc_tangent2,
  remainder,  // remainder: C's fmod, exact
  sigmoid,    // 1 / (1 + e^-x)
};

std::string_view element_op_name(ElementOp op);
/// How many operands `op` takes (those of a load may be -1).
int element_op_arity(ElementOp op);

struct ElementInstruction {
  ElementOp op = ElementOp::literal;
  DataType type = DataType::float32;
  std::array<int32_t, 3> operands{-1, -1, -1};  // earlier instructions
  int32_t index = 0;                            // access, dimension or reduction
  uint64_t bits = 0;                            // of a literal

  bool operator==(const ElementInstruction&) const = default;
};

using ElementProgram = std::vector<ElementInstruction>;

/// An instruction's result while a program is written.
struct Element {
  int32_t id = -1;
  DataType type = DataType::invalid;
  explicit operator bool() const { return id >= 0; }
};

/// Appends instructions; equal ones become one, so that stitched operations share work.
class ElementBuilder {
 public:
  explicit ElementBuilder(ElementProgram& program) : program_(&program) {}

  Element append(ElementInstruction instruction);
  Element literal(double value, DataType type);
  Element literal_integer(int64_t value, DataType type);
  Element apply(ElementOp op, Element a);
  Element apply(ElementOp op, Element a, Element b);
  Element select(Element condition, Element a, Element b);
  Element convert(Element a, DataType type);  // a itself if it has the type
  Element reinterpret(Element a, DataType type);
  Element load(int32_t access, DataType type, Element guard = {}, Element offset = {});
  Element position(int32_t dimension);
  Element argument(int32_t index);
  Element reduced(int32_t reduction, DataType type);

  const ElementProgram& program() const { return *program_; }

 private:
  ElementProgram* program_;
};

/// The type in which a row computes elements of `type`: 16-bit floats in float32.
DataType compute_type(DataType type);

}  // namespace mpsg
