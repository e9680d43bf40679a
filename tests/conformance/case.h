// One case of the conformance program: an operation, its operands and its attributes, as text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "mpsg/shape.h"

namespace mpsg::conformance {

/// How the values of an operand are drawn.
enum class Domain {
  usual,     // what nearly every operation takes: small numbers of both signs
  range,     // "in LOW HIGH"
  apart,     // "apart": different numbers, none near another or near 0
  special,   // "special": the ends of the type, infinities, NaN, and what lies between
  values,    // "values A B C": these, repeated
  diagonal,  // "diagonal": matrices that are far from singular
};

/// "float32[2,3] in 0 1 const".
struct OperandText {
  TensorType type;
  Domain domain = Domain::usual;
  std::vector<double> numbers;  // of the domain
  bool constant = false;        // part of the graph, not fed
  std::string to_string() const;
};

/// "axis=1", "tensor=float32[2]", "tensors=[float32[2], float32[3]]".
struct ArgumentText {
  std::string name;
  std::vector<OperandText> operands;
  bool is_list = false;
  std::string literal;  // of what is no operand
};

struct Case {
  std::string op;
  std::vector<ArgumentText> arguments;

  /// The case text, which `parse_case` reads: the reproducer.
  std::string to_string() const;
  /// The data types of the operands: what cases of one operation differ in.
  std::string types() const;
  /// The case text without the types.
  std::string without_types() const;
  /// Every operand, in the order of the text.
  std::vector<const OperandText*> operands() const;
  std::vector<OperandText*> operands();
};

/// Throws GraphError if the text is no case.
Case parse_case(std::string_view text);

}  // namespace mpsg::conformance
