// Memory: placeholders, constants, variables, and what reads and writes them.
#include <complex>
#include <cstring>

#include "graph/element_types.h"
#include "graph/graph_data.h"
#include "graph/host_values.h"
#include "graph/op_table.h"
#include "ops/build.h"
#include "ops/families.h"
#include "ops/shape_rules.h"
#include "ops/stitch_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

Shape shape_attribute_value(const OperationView& view, std::string_view name) {
  return view.given(name) ? Shape(view.integers(name)) : Shape::unranked();
}

Row placeholder() {
  return Row("placeholder", "Memory")
      .documentation("An input of the graph, fed at each run. A size of -1 is known at run time "
                     "only; shape=None leaves the rank open too.")
      .selector("placeholderWithShape:dataType:name:", "11.0")
      .selector("placeholderWithShape:name:", "11.0")
      .attribute(shape_attribute("shape"))
      .attribute(data_type_attribute("data_type", DataType::float32))
      .impure()
      .not_differentiable("an input has no operands")
      .infer([](InferContext& c) {
        c.result(c.data_type("data_type"), shape_attribute_value(c, "shape"));
      });
}

/// Bytes given for a constant or a variable: all elements, or one that is repeated.
void infer_data(InferContext& c) {
  const auto shape = shape_attribute_value(c, "shape");
  const auto type = c.data_type("data_type");
  if (!shape.is_static())
    c.fail("'shape' " + shape.to_string() +
           " must be known entirely: constants and variables have no size that the run decides");
  const auto bytes = std::get<std::shared_ptr<const Bytes>>(c.attribute("value"))->size();
  const auto wanted = static_cast<size_t>(*shape.element_count()) * size_of(type);
  if (bytes != wanted && bytes != size_of(type))
    c.fail("'value' has " + std::to_string(bytes) + " bytes; " +
           TensorType{type, shape}.to_string() + " needs " + std::to_string(wanted) +
           ", or one element to repeat");
  c.result(type, shape);
}

void fill_from_data(const EvaluateContext& c) {
  const auto& bytes = *std::get<std::shared_ptr<const Bytes>>(c.attribute("value"));
  auto* out = c.output().as<std::byte>();
  const auto wanted = c.output().byte_count();
  if (bytes.size() == wanted) {
    if (wanted > 0) std::memcpy(out, bytes.data(), wanted);
    return;
  }
  for (size_t at = 0; at < wanted; at += bytes.size())
    std::memcpy(out + at, bytes.data(), bytes.size());
}

/// A number repeated over the shape is a number in the program.
void stitch_constant(StitchContext& c) {
  const auto type = c.result_type().data_type;
  const auto& bytes = *std::get<std::shared_ptr<const Bytes>>(c.attribute("value"));
  if (refuse_complex(c)) return;
  if (bytes.size() != size_of(type)) return c.refuse();
  c.give(literal_of_bytes(c, type, bytes.data()));
}

Row constant() {
  return Row("constant", "Memory")
      .documentation("A tensor whose value is known when the graph is built: an array, or one "
                     "number repeated over `shape`.")
      .selector("constantWithData:shape:dataType:", "11.0")
      .selector("constantWithScalar:dataType:", "11.0")
      .selector("constantWithScalar:shape:dataType:", "11.0")
      .attribute(data_attribute("value"))
      .attribute([] {
        auto spec = integers_attribute("shape");
        spec.default_value = std::vector<int64_t>{};
        return spec;
      }())
      .attribute(data_type_attribute("data_type", DataType::float32))
      .not_differentiable("a constant has no operands")
      .infer(infer_data)
      .stitch(stitch_constant)
      .evaluate(fill_from_data);
}

Row complex_constant() {
  return Row("complex_constant", "Memory")
      .documentation("A complex number, repeated over `shape`.")
      .selector("constantWithRealPart:imaginaryPart:", "14.0")
      .selector("constantWithRealPart:imaginaryPart:dataType:", "14.0")
      .selector("constantWithRealPart:imaginaryPart:shape:dataType:", "14.0")
      .attribute(real_attribute("real_part"))
      .attribute(real_attribute("imaginary_part"))
      .attribute([] {
        auto spec = integers_attribute("shape");
        spec.default_value = std::vector<int64_t>{};
        return keyword(spec);
      }())
      .attribute(keyword(data_type_attribute("data_type", DataType::complex64)))
      .not_differentiable("a constant has no operands")
      .infer([](InferContext& c) {
        if (!is_complex(c.data_type("data_type")))
          c.fail("'data_type' must be complex64, not " +
                 std::string(data_type_name(c.data_type("data_type"))));
        const auto shape = shape_attribute_value(c, "shape");
        if (!shape.is_static())
          c.fail("'shape' " + shape.to_string() +
                 " must be known entirely: a constant has no size that the run decides");
        c.result(c.data_type("data_type"), shape);
      })
      .not_stitchable("complex numbers do not stitch")
      .evaluate([](const EvaluateContext& c) {
        const std::complex<float> value(static_cast<float>(c.real("real_part")),
                                        static_cast<float>(c.real("imaginary_part")));
        std::fill_n(c.output().as<std::complex<float>>(), c.output().element_count(), value);
      });
}

Row variable() {
  return Row("variable", "Memory")
      .documentation("A tensor that keeps its value between runs of the graph. Passing it to an "
                     "operation reads its value: the one from before the run, unless a control "
                     "dependency puts the reader after an assign.")
      .selector("variableWithData:shape:dataType:name:", "11.0")
      .attribute(data_attribute("value"))
      .attribute([] {
        auto spec = integers_attribute("shape");
        spec.default_value = std::vector<int64_t>{};
        return spec;
      }())
      .attribute(data_type_attribute("data_type", DataType::float32))
      .impure()
      .not_differentiable("a variable has no operands")
      .infer(infer_data)
      .not_stitchable("it is memory, not a value")
      .evaluate(fill_from_data);
}

Row variable_from_tensor() {
  return Row("variable_from_tensor", "Memory")
      .documentation("A variable whose first value is that of `tensor`, which must be known before "
                     "the graph runs (made of constants). Composite at build time: the graph holds "
                     "a `variable`.")
      .selector("variableFromTensorWithTensor:name:", "15.0")
      .types("T", types::stored())
      .operand_with_role("tensor", "T", OperandRole::shape)
      .impure()
      .not_differentiable("a variable starts from a fixed value")
      .build([](GraphData& graph, Node& node) {
        HostValues values(graph, INT64_MAX);  // owns the bytes of what it knows
        const auto known = values.value(node.inputs[0]);
        if (!known)
          throw GraphError("the value of '" + graph.display_name(node.inputs[0].operation) +
                           "' is not known before the graph runs; use variable and assign");
        node.row = &require_row("variable");
        node.attributes = {
            Bytes::copy({static_cast<const std::byte*>(known->data), known->byte_count()}),
            known->shape.to_vector(), known->data_type};
        node.inputs.clear();
        node.segments.clear();
      })
      .infer([](InferContext& c) { c.result(c.inputs()[0]); });
}

Row read() {
  return Row("read", "Memory")
      .documentation("The variable's value at this point. mpsg inserts it wherever a variable is "
                     "passed to an operation.")
      .selector("readVariable:name:", "11.0")
      .types("T", types::stored())
      .operand_with_role("variable", "T", OperandRole::variable)
      .impure()
      .view()
      .infer([](InferContext& c) { c.result(c.inputs()[0]); })
      .gradient([](GradientContext& g) { g.give("variable", g.incoming()); });
}

Row assign() {
  return Row("assign", "Memory")
      .documentation("Makes `tensor` the variable's value. It happens if the operation is among "
                     "the target operations of a run, or a target depends on it.")
      .selector("assignVariable:withValueOfTensor:name:", "11.0")
      .types("T", types::stored())
      .operand_with_role("variable", "T", OperandRole::variable)
      .operand("tensor", "T")
      .no_result()
      .impure()
      .not_differentiable("an assign has no result")
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("variable"), c.shape("tensor"), "variable and tensor");
      });
}

}  // namespace

void add_memory_rows(Rows& rows) {
  rows.push_back(placeholder().done());
  rows.push_back(constant().done());
  rows.push_back(complex_constant().done());
  rows.push_back(variable().done());
  rows.push_back(variable_from_tensor().done());
  rows.push_back(read().done());
  rows.push_back(assign().done());
}

}  // namespace mpsg::ops
