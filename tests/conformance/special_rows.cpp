#include "special_rows.h"

#include "mpsg/error.h"
#include "values.h"

namespace mpsg::conformance {
namespace {

using Tensors = std::vector<Tensor>;

/// Truth values have no sums: they are one or the other.
Tensor binary(std::string_view op, const Tensor& a, TensorOrScalar b) {
  // Numbers of 4 bits are only moved.
  if (is_four_bits(a.data_type())) return a.graph().add_one("identity", {{"tensor", a}});
  if (a.data_type() == DataType::boolean) op = "logical_xor";
  return a.graph().add_one(op, {{"primary_tensor", a}, {"secondary_tensor", std::move(b)}});
}

/// A tensor in a body: twice its value and itself added.
Tensor tripled(const Tensor& x) { return binary("addition", binary("addition", x, x), x); }

/// if_else(predicate=bool[], x=..., y=...): x + y and x, or x - y and y.
Tensors add_if_else(BuiltCase& built, std::vector<Argument>& arguments) {
  const auto x = built.operands.at(1), y = built.operands.at(2);
  return built.graph.add(
      "if_else",
      {arguments.at(0),
       {"then_block", Block([=](const Tensors&) { return Tensors{binary("addition", x, y), x}; })},
       {"else_block",
        Block([=](const Tensors&) { return Tensors{binary("subtraction", x, y), y}; })}});
}

/// for_loop(x=..., y=..., number_of_iterations=3): x becomes x + y, y stays.
Tensors add_for_loop(BuiltCase& built, std::vector<Argument>& arguments) {
  std::vector<Argument> all(arguments.begin() + 2, arguments.end());
  all.emplace_back("initial_body_arguments", Tensors{built.operands.at(0), built.operands.at(1)});
  all.emplace_back("body", Block([](const Tensors& given) {
                     return Tensors{binary("addition", given.at(1), given.at(2)), given.at(2)};
                   }));
  return built.graph.add("for_loop", std::move(all));
}

/// while_loop(x=..., count=int32[]): as often as count says.
Tensors add_while_loop(BuiltCase& built) {
  const Tensors initial{built.operands.at(0), built.operands.at(1)};
  return built.graph.add(
      "while_loop", {{"initial_inputs", initial},
                     {"before", Block([](const Tensors& given) {
                        Tensors results{binary("greater_than", given.at(1), Scalar(int64_t{0}))};
                        results.insert(results.end(), given.begin(), given.end());
                        return results;
                      })},
                     {"after", Block([](const Tensors& given) {
                        return Tensors{tripled(given.at(0)),
                                       binary("subtraction", given.at(1), Scalar(int64_t{1}))};
                      })}});
}

/// call(x=...): an executable that triples.
Tensors add_call(BuiltCase& built, const Device& device) {
  const auto x = built.operands.at(0);
  Graph inner;
  const auto y = inner.add_one("placeholder",
                               {{"shape", x.shape().to_vector()}, {"data_type", x.data_type()}});
  built.compilation.callables["tripled"] = inner.compile(device, {{y, x.type()}}, {tripled(y)});
  return built.graph.add("call", {{"input_tensors", Tensors{x}},
                                  {"symbol_name", AttributeValue(std::string("tripled"))},
                                  {"output_types", AttributeValue(std::vector{x.type()})}});
}

/// lstm_gradients(...) without what the forward layer saved: that comes from a forward layer of the
/// same operands and options.
Tensors add_recurrent_gradients(BuiltCase& built, const std::string& op,
                                std::vector<Argument>& arguments) {
  const auto forward = op.substr(0, op.size() - std::string_view("_gradients").size());
  std::vector<Argument> all;
  for (const auto& argument : arguments)
    if (!argument.name.ends_with("_gradient")) all.push_back(argument);
  all.emplace_back("training", true);
  if (forward == "lstm") all.emplace_back("produce_cell", true);
  const auto saved = built.graph.add(forward, std::move(all));
  all = arguments;
  all.emplace_back("z_state", saved.back());
  if (forward == "lstm") all.emplace_back("cell_output_fwd", saved.at(1));
  if (forward == "gru") all.emplace_back("output_fwd", saved.at(0));
  return built.graph.add(op, std::move(all));
}

/// placeholder(tensor=...): what is fed.
Tensors add_placeholder(BuiltCase& built) { return {built.operands.at(0)}; }

}  // namespace

bool add_special_row(BuiltCase& built, const Case& one, std::vector<Argument>& arguments,
                     const Device& device) {
  if (one.op == "if_else") built.results = add_if_else(built, arguments);
  else if (one.op == "for_loop") built.results = add_for_loop(built, arguments);
  else if (one.op == "while_loop") built.results = add_while_loop(built);
  else if (one.op == "call") built.results = add_call(built, device);
  else if (one.op.ends_with("_gradients"))
    built.results = add_recurrent_gradients(built, one.op, arguments);
  else if (one.op == "placeholder") built.results = add_placeholder(built);
  else return false;
  return true;
}

}  // namespace mpsg::conformance
