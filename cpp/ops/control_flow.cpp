// ControlFlow: if_else, for_loop, while_loop. Bodies are sub-graphs; the plan executor runs them.
#include "graph/graph_copy.h"
#include "ops/build.h"
#include "ops/control_flow_gradients.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

std::string block_name(const InferContext& c, size_t i) { return c.row().blocks[i].name; }

Row if_else() {
  return Row("if_else", "ControlFlow")
      .documentation("Runs then_block() or else_block() by the boolean scalar `predicate`. Both "
                     "return the same number of tensors with equal types and shapes; else_block "
                     "may be None if then_block returns nothing. Tensors of the graph may be used "
                     "inside. Returns the list of what the chosen block returned.")
      .selector("ifWithPredicateTensor:thenBlock:elseBlock:name:", "12.0")
      .types("P", types::boolean())
      .operand("predicate", "P")
      .block("then_block")
      .block("else_block", true)
      .block_arguments([](const InferContext&, int) { return std::vector<TensorType>(); })
      .result("...")
      .impure()
      .infer([](InferContext& c) {
        merge_shapes(c, c.shape("predicate"), Shape{}, "the predicate must be a scalar");
        const auto& yes = c.blocks()[0].results;
        const auto& no = c.blocks()[1].results;
        if (yes.size() != no.size())
          c.fail("then_block returns " + std::to_string(yes.size()) + " tensors, else_block " +
                 std::to_string(no.size()));
        for (size_t i = 0; i < yes.size(); ++i) {
          if (yes[i].data_type != no[i].data_type)
            c.fail("result " + std::to_string(i) + " is " + yes[i].to_string() +
                   " from then_block and " + no[i].to_string() + " from else_block");
          c.result(yes[i].data_type,
                   merge_shapes(c, yes[i].shape, no[i].shape,
                                "result " + std::to_string(i) + " of the blocks"));
        }
      })
      .gradient(if_else_gradient);
}

/// A body must return what it was given: same number, types and shapes.
void check_carried(const InferContext& c, const std::vector<TensorType>& given,
                   const std::vector<TensorType>& returned, const std::string& block) {
  if (given.size() != returned.size())
    c.fail(block + " gets " + std::to_string(given.size()) + " tensors and returns " +
           std::to_string(returned.size()) + "; the numbers must be equal");
  for (size_t i = 0; i < given.size(); ++i) {
    if (given[i].data_type != returned[i].data_type)
      c.fail("tensor " + std::to_string(i) + " enters " + block + " as " + given[i].to_string() +
             " and leaves as " + returned[i].to_string());
    merge_shapes(c, given[i].shape, returned[i].shape,
                 "tensor " + std::to_string(i) + " changes its shape in " + block);
  }
}

std::vector<TensorType> types_of_operand(const InferContext& c, std::string_view operand) {
  std::vector<TensorType> types;
  for (int i = 0; i < c.count(operand); ++i) types.push_back(c.type(operand, i));
  return types;
}

Row for_loop() {
  return Row("for_loop", "ControlFlow")
      .documentation(
          "Calls body(index, arguments) for index = lower_bound, lower_bound + step, ... "
          "below upper_bound (or 0 ... number_of_iterations - 1); what it returns are "
          "the next arguments. Returns the last ones. `step` must be > 0. Gradients flow "
          "if the number of iterations is known before the run.")
      .selector("forLoopWithLowerBound:upperBound:step:initialBodyArguments:body:name:", "12.0")
      .selector("forLoopWithNumberOfIterations:initialBodyArguments:body:name:", "12.0")
      .types("I", types::index())
      .types("any", types::stored())
      .variadic_operand("initial_body_arguments", "any")
      .keyword_operand("number_of_iterations", "I")
      .keyword_operand("lower_bound", "I")
      .keyword_operand("upper_bound", "I")
      .keyword_operand("step", "I")
      .block("body")
      .block_arguments([](const InferContext& c, int) {
        const bool counted = c.has("number_of_iterations");
        if (counted == c.has("upper_bound"))
          c.fail("give either 'number_of_iterations' or 'upper_bound' (with 'lower_bound' and "
                 "'step' if they are not 0 and 1)");
        const auto index = counted ? c.operand_data_type("number_of_iterations")
                                   : c.operand_data_type("upper_bound");
        auto types = types_of_operand(c, "initial_body_arguments");
        types.insert(types.begin(), {index, Shape{}});
        return types;
      })
      .result("...")
      .impure()
      .infer([](InferContext& c) {
        for (const auto* bound : {"number_of_iterations", "lower_bound", "upper_bound", "step"})
          if (c.has(bound))
            merge_shapes(c, c.shape(bound), Shape{}, std::string(bound) + " must be a scalar");
        if (c.has("step"))
          if (const auto step = c.known_integer("step"); step && *step <= 0)
            c.fail("'step' is " + std::to_string(*step) + "; it must be > 0");
        const auto given = types_of_operand(c, "initial_body_arguments");
        const auto& returned = c.blocks()[0].results;
        check_carried(c, given, returned, block_name(c, 0));
        for (const auto& type : given) c.result(type);
      })
      .gradient(for_loop_gradient);
}

Row while_loop() {
  return Row("while_loop", "ControlFlow")
      .documentation("before(arguments) returns (predicate, results); while the boolean scalar "
                     "predicate is true, after(results) returns the next arguments; when it is "
                     "false, the results are returned.")
      .selector("whileWithInitialInputs:before:after:name:", "12.0")
      .types("any", types::stored())
      .variadic_operand("initial_inputs", "any")
      .block("before")
      .block("after")
      .block_arguments([](const InferContext& c, int block) {
        if (block == 0) return types_of_operand(c, "initial_inputs");
        const auto& before = c.blocks()[0].results;
        if (before.empty()) c.fail("before must return a predicate");
        return std::vector<TensorType>(before.begin() + 1, before.end());
      })
      .result("...")
      .impure()
      .not_differentiable("the number of iterations is not known before the run; use for_loop")
      .infer([](InferContext& c) {
        const auto& before = c.blocks()[0].results;
        if (before.empty() || before[0].data_type != DataType::boolean)
          c.fail("before must return a boolean scalar first");
        merge_shapes(c, before[0].shape, Shape{}, "the predicate must be a scalar");
        check_carried(c, types_of_operand(c, "initial_inputs"), c.blocks()[1].results,
                      block_name(c, 1));
        for (size_t i = 1; i < before.size(); ++i) c.result(before[i]);
      });
}

}  // namespace

void add_control_flow_rows(Rows& rows) {
  rows.push_back(if_else().done());
  rows.push_back(for_loop().done());
  rows.push_back(while_loop().done());
}

}  // namespace mpsg::ops
