#include "compiler/stitch/cost_model.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace mpsg::stitch {

int cost_of(ElementOp op) {
  switch (op) {
    case ElementOp::literal:
    case ElementOp::argument:
    case ElementOp::position:
    case ElementOp::reduced: return 0;
    case ElementOp::divide:
    case ElementOp::square_root: return division_cost;
    case ElementOp::integer_quotient:
    case ElementOp::integer_remainder: return function_cost;
    default: return op >= ElementOp::exponent ? function_cost : 1;
  }
}

int cost_of(const OpRow& row) {
  // Rows of one cheap instruction, or of none. Whatever is not listed counts as a function.
  static constexpr std::array<std::string_view, 34> cheap{"addition",
                                                          "subtraction",
                                                          "multiplication",
                                                          "negative",
                                                          "absolute",
                                                          "minimum",
                                                          "maximum",
                                                          "relu",
                                                          "relu_gradient",
                                                          "select",
                                                          "cast",
                                                          "equal",
                                                          "not_equal",
                                                          "less_than",
                                                          "greater_than",
                                                          "square",
                                                          "logical_and",
                                                          "logical_or",
                                                          "logical_not",
                                                          "bitwise_and",
                                                          "bitwise_or",
                                                          "bitwise_xor",
                                                          "bitwise_not",
                                                          "broadcast",
                                                          "permute",
                                                          "slice",
                                                          "pad",
                                                          "concat",
                                                          "one_hot",
                                                          "reverse",
                                                          "less_than_or_equal_to",
                                                          "greater_than_or_equal_to",
                                                          "transpose",
                                                          "identity"};
  static constexpr std::array<std::string_view, 4> moderate{"division", "square_root", "reciprocal",
                                                            "reciprocal_square_root"};
  if (std::ranges::find(cheap, row.name) != cheap.end()) return 1;
  if (std::ranges::find(moderate, row.name) != moderate.end()) return division_cost;
  return row.fold != FoldKind::none ? 1 : function_cost;
}

}  // namespace mpsg::stitch
