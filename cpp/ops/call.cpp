// Call: another executable as an operation.
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

Row call() {
  return Row("call", "Call")
      .documentation(
          "What another executable gives for these tensors: the one that is called symbol_name "
          "among the `callables` of graph.compile, so that a part (an adapter) may be exchanged. "
          "It "
          "must have been compiled for the types of the tensors, and give `output_types`, each a "
          "pair of a shape, where -1 and None are open, and a data type. Its operations become "
          "part "
          "of the whole; it may have no variables. graph.run knows no callables: compile.")
      .selector("callSymbolName:inputTensors:outputTypes:name:", "15.0")
      .types("any", types::stored())
      .variadic_operand("input_tensors", "any")
      .attribute(text_attribute("symbol_name"))
      .attribute(types_attribute("output_types"))
      .result("...")
      .not_differentiable("what is called is known only when the graph is compiled")
      .not_stitchable("what it calls takes its place")
      .infer([](InferContext& c) {
        for (const auto& type : c.types("output_types")) c.result(type);
      });
}

}  // namespace

void add_call_rows(Rows& rows) { rows.push_back(call().done()); }

}  // namespace mpsg::ops
