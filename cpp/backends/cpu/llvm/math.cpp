// Chooses the formula of an approximated function.
#include "backends/cpu/llvm/math.h"

#include "backends/cpu/llvm/math_functions.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

namespace f = math_functions;
using llvm::Value;

struct Formula {
  ElementOp op;
  Value* (*unary)(VectorMath&, Value*);
  Value* (*binary)(VectorMath&, Value*, Value*);
};

constexpr Formula kFormulas[] = {
    {ElementOp::exponent, f::exponent, nullptr},
    {ElementOp::exponent2, f::exponent2, nullptr},
    {ElementOp::exponent_minus1, f::exponent_minus1, nullptr},
    {ElementOp::logarithm, f::logarithm, nullptr},
    {ElementOp::logarithm2, f::logarithm2, nullptr},
    {ElementOp::logarithm10, f::logarithm10, nullptr},
    {ElementOp::logarithm_1plus, f::logarithm_1plus, nullptr},
    {ElementOp::sine, f::sine, nullptr},
    {ElementOp::cosine, f::cosine, nullptr},
    {ElementOp::tangent, f::tangent, nullptr},
    {ElementOp::hyperbolic_sine, f::hyperbolic_sine, nullptr},
    {ElementOp::hyperbolic_cosine, f::hyperbolic_cosine, nullptr},
    {ElementOp::hyperbolic_tangent, f::hyperbolic_tangent, nullptr},
    {ElementOp::arc_sine, f::arc_sine, nullptr},
    {ElementOp::arc_cosine, f::arc_cosine, nullptr},
    {ElementOp::arc_tangent, f::arc_tangent, nullptr},
    {ElementOp::area_sine, f::area_sine, nullptr},
    {ElementOp::area_cosine, f::area_cosine, nullptr},
    {ElementOp::area_tangent, f::area_tangent, nullptr},
    {ElementOp::error_function, f::error_function, nullptr},
    {ElementOp::power, nullptr, f::power},
    {ElementOp::arc_tangent2, nullptr, f::arc_tangent2},
    {ElementOp::remainder, nullptr, f::remainder},
    {ElementOp::sigmoid, f::sigmoid, nullptr},
};

const Formula* find(ElementOp op) {
  for (const Formula& formula : kFormulas)
    if (formula.op == op) return &formula;
  return nullptr;
}

}  // namespace

bool is_math_function(ElementOp op) { return find(op) != nullptr; }

Value* emit_function(llvm::IRBuilder<>& builder, ElementOp op, llvm::ArrayRef<Value*> operands,
                     const TargetFacts& target) {
  const Formula* formula = find(op);
  if (!formula) throw InternalError("no formula for " + std::string(element_op_name(op)));
  VectorMath math(builder, operands[0]->getType(), target);
  if (operands[0]->getType()->getScalarType()->isDoubleTy()) return math.library(op, operands);
  return formula->unary ? formula->unary(math, operands[0])
                        : formula->binary(math, operands[0], operands[1]);
}

}  // namespace mpsg
