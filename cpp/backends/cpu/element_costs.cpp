#include "backends/cpu/element_costs.h"

#include <algorithm>

namespace mpsg {
namespace {

int64_t cost_of(ElementOp op) {
  switch (op) {
    case ElementOp::literal:
    case ElementOp::argument:
    case ElementOp::reduced:
    case ElementOp::position: return 0;
    case ElementOp::load: return 2;
    case ElementOp::divide:
    case ElementOp::square_root: return 6;
    case ElementOp::integer_quotient:
    case ElementOp::integer_remainder:
    case ElementOp::high_product: return 12;
    case ElementOp::exponent:
    case ElementOp::exponent2:
    case ElementOp::exponent_minus1:
    case ElementOp::logarithm:
    case ElementOp::logarithm2:
    case ElementOp::logarithm10:
    case ElementOp::logarithm_1plus:
    case ElementOp::sigmoid:
    case ElementOp::arc_tangent:
    case ElementOp::hyperbolic_tangent: return 20;
    case ElementOp::sine:
    case ElementOp::cosine:
    case ElementOp::tangent:
    case ElementOp::hyperbolic_sine:
    case ElementOp::hyperbolic_cosine:
    case ElementOp::arc_sine:
    case ElementOp::arc_cosine:
    case ElementOp::area_sine:
    case ElementOp::area_cosine:
    case ElementOp::area_tangent:
    case ElementOp::arc_tangent2:
    case ElementOp::error_function: return 30;
    case ElementOp::power:
    case ElementOp::remainder: return 60;
    default: return 1;
  }
}

}  // namespace

int64_t element_cost(const StitchedKernel& kernel) {
  int64_t cost = 0;
  for (const auto& instruction : kernel.program) {
    const int64_t wide = size_of(instruction.type) > 4 ? 2 : 1;
    cost += cost_of(instruction.op) * wide;
  }
  cost += static_cast<int64_t>(kernel.reductions.size());
  if (!kernel.reduces()) cost += 2 * static_cast<int64_t>(kernel.stores.size());
  return std::max<int64_t>(cost, 1);
}

}  // namespace mpsg
