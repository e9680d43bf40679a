// The schema of one row of the op table: everything mpsg knows about an operation.
#pragma once

#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "graph/stitched_kernel.h"
#include "mpsg/attribute.h"
#include "mpsg/data_type.h"
#include "mpsg/shape.h"

namespace mpsg {

class InferContext;
class GradientContext;
class ExpandContext;
class EvaluateContext;
class StitchContext;
class GraphData;
struct Node;

/// An enumeration of the API (MPSGraphPaddingStyle): the numbers are Apple's.
struct EnumType {
  std::string name;
  std::vector<std::pair<std::string, int64_t>> cases;
  std::string documentation;
};

enum class OperandRole {
  data,      // read at run time
  shape,     // decides rank, axis or extent: known before compilation
  index,     // an index read at run time
  variable,  // names a variable itself: no read is inserted
};

struct OperandSpec {
  std::string name;
  std::string group;  // operands of one group have one data type; its set is in OpRow::groups
  OperandRole role = OperandRole::data;
  bool optional = false;
  bool variadic = false;
  bool keyword_only = false;
};

enum class AttributeKind {
  boolean,
  integer,
  real,
  text,
  integers,  // one int or several; None allowed if optional
  shape,     // integers with -1 for unknown; None = unknown rank
  data_type,
  enumeration,
  data,   // the bytes of a constant
  types,  // of tensors: data types and shapes
};

struct AttributeSpec {
  std::string name;
  AttributeKind kind = AttributeKind::integer;
  std::optional<AttributeValue> default_value;  // none: must be given
  const EnumType* enum_type = nullptr;
  std::string descriptor;  // the descriptor type whose field this is
  bool or_tensor = false;  // may be given as a tensor: an operand of the same name, role shape
  bool keyword_only = false;
  bool hidden = false;  // set by mpsg, not by users
  double minimum = -std::numeric_limits<double>::infinity();
  double maximum = std::numeric_limits<double>::infinity();
};

/// A parameter object of the API (MPSGraphConvolution2DOpDescriptor), flattened into attributes.
struct DescriptorType {
  std::string name;
  std::vector<AttributeSpec> fields;
  std::string documentation;
};

struct BlockSpec {
  std::string name;
  bool optional = false;
};

struct Traits {
  bool pure = true;          // equal inputs give equal results, within a run
  bool random = false;       // bits depend on the run
  bool elementwise = false;  // result i depends on element i (broadcast) of each operand only
  bool view = false;         // the result has the bytes of operand 0
  bool counted = false;      // result 1 says how much of result 0 counts; what has a size by it is
                             // compiled when it is known: the run has another stage
};

/// Apple's selector and the macOS version that introduced it.
struct Selector {
  std::string name;
  std::string macos;
};

struct TypeGroup {
  std::string name;
  TypeSet types;
};

/// Types of the arguments of a block, from the operand types and the blocks before it.
using BlockArgumentsFunction = std::vector<TensorType> (*)(const InferContext&, int block);
using InferFunction = void (*)(InferContext&);
/// May turn a new node into one of another row (variable_from_tensor into variable).
using BuildFunction = void (*)(GraphData& graph, Node& node);
using GradientFunction = void (*)(GradientContext&);
using ExpandFunction = void (*)(ExpandContext&);
using EvaluateFunction = void (*)(const EvaluateContext&);
using StitchFunction = void (*)(StitchContext&);

/// One row. Built with the setters below, each of which returns the row.
struct OpRow {
  std::string name;
  std::string family;
  std::string documentation;
  std::vector<Selector> selectors;
  std::vector<OperandSpec>
      operands;  // declared ones, then one per or_tensor attribute, then captures
  std::vector<AttributeSpec> attributes;
  std::vector<BlockSpec> blocks;
  std::vector<std::string> results;  // names; a single "..." means a number decided by inference
  std::vector<TypeGroup> groups;
  std::string descriptor_parameter;  // "descriptor", "forward_convolution_descriptor"
  const DescriptorType* descriptor_type = nullptr;
  Traits traits;
  bool internal = false;           // made by the compiler or by rules only; not a method of Graph
  std::string not_differentiable;  // why no gradient flows, if so
  std::string not_stitchable;      // why a basic row has no stitch rule, if so
  BlockArgumentsFunction block_arguments = nullptr;
  BuildFunction build = nullptr;
  InferFunction infer = nullptr;
  GradientFunction gradient = nullptr;
  ExpandFunction expand = nullptr;
  EvaluateFunction evaluate = nullptr;
  StitchFunction stitch = nullptr;  // how one element of the result is computed
  FoldKind fold = FoldKind::none;   // of a reduction along the attribute `axes`

  bool is_composite() const { return expand != nullptr; }
  /// Index of the operand or attribute called `name`; -1 if there is none.
  int operand_index(std::string_view name) const;
  int attribute_index(std::string_view name) const;
  TypeSet types_of_group(std::string_view group) const;
};

/// Writes rows readably: Row("relu", "Activation").selector(...).operand("tensor", "T")...
class Row {
 public:
  Row(std::string name, std::string family);
  Row&& documentation(std::string text) &&;
  Row&& selector(std::string name, std::string macos) &&;
  /// The data types that operands of `group` may have.
  Row&& types(std::string group, TypeSet types) &&;
  Row&& operand(std::string name, std::string group) &&;
  Row&& optional_operand(std::string name, std::string group) &&;
  Row&& keyword_operand(std::string name, std::string group,
                        OperandRole role = OperandRole::data) &&;
  Row&& variadic_operand(std::string name, std::string group) &&;
  Row&& operand_with_role(std::string name, std::string group, OperandRole role) &&;
  Row&& attribute(AttributeSpec spec) &&;
  Row&& descriptor(std::string parameter, const DescriptorType& type) &&;
  Row&& block(std::string name, bool optional = false) &&;
  Row&& block_arguments(BlockArgumentsFunction function) &&;
  Row&& result(std::string name) &&;
  Row&& no_result() &&;
  Row&& impure() &&;
  Row&& random() &&;
  Row&& elementwise() &&;
  Row&& view() &&;
  Row&& counted() &&;
  Row&& internal() &&;
  Row&& not_differentiable(std::string why) &&;
  Row&& build(BuildFunction function) &&;
  Row&& infer(InferFunction function) &&;
  Row&& gradient(GradientFunction function) &&;
  Row&& expand(ExpandFunction function) &&;
  Row&& evaluate(EvaluateFunction function) &&;
  Row&& stitch(StitchFunction function) &&;
  Row&& fold(FoldKind kind) &&;
  Row&& not_stitchable(std::string why) &&;
  /// Checks the row and gives it away. Throws InternalError on a contradiction.
  OpRow done() &&;

 private:
  OpRow row_;
  bool no_result_ = false;
};

// Attribute specs, as rows write them.
AttributeSpec boolean_attribute(std::string name, bool default_value);
AttributeSpec integer_attribute(std::string name, std::optional<int64_t> default_value = {});
AttributeSpec real_attribute(std::string name, std::optional<double> default_value = {});
AttributeSpec text_attribute(std::string name);
AttributeSpec integers_attribute(std::string name);
/// Integers that may be None (`axes=None`: all).
AttributeSpec optional_integers_attribute(std::string name);
/// Int, ints or a tensor: `axis`, `shape`.
AttributeSpec integers_or_tensor(std::string name);
AttributeSpec optional_integers_or_tensor(std::string name);
AttributeSpec shape_attribute(std::string name);
AttributeSpec data_type_attribute(std::string name, std::optional<DataType> default_value = {});
AttributeSpec enum_attribute(std::string name, const EnumType& type, int64_t default_value);
AttributeSpec required_enum_attribute(std::string name, const EnumType& type);
AttributeSpec data_attribute(std::string name);
AttributeSpec types_attribute(std::string name);
AttributeSpec keyword(AttributeSpec spec);
AttributeSpec hidden(AttributeSpec spec);
AttributeSpec in_range(AttributeSpec spec, double minimum, double maximum);

// Sets of data types, as rows name them.
namespace types {
TypeSet floating();  // float16, bfloat16, float32, float64
TypeSet integers();  // signed and unsigned
TypeSet signed_integers();
TypeSet index();  // int32, int64
TypeSet boolean();
TypeSet complex();         // complex64
TypeSet numeric();         // floating, integers
TypeSet differentiable();  // floating, complex
TypeSet numeric_complex();
TypeSet all();        // those that can be computed with
TypeSet four_bits();  // int4, uint4: stored, moved and converted only
TypeSet stored();     // all and four_bits
}  // namespace types

}  // namespace mpsg
