// Graphs: building, checking, names, control dependencies, bodies, dumps.
#include "fixtures.h"
#include "graph/graph_data.h"
#include "graph/op_table.h"

using namespace mpsg;
using namespace mpsg::testing;

TEST_CASE("inference passes unknown sizes and ranks") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 3});
  const auto y = placeholder(graph, {1, 3});
  CHECK(graph.add_one("addition", {{"primary_tensor", x}, {"secondary_tensor", y}}).shape() ==
        Shape{-1, 3});
  const auto unranked = graph.add_one("placeholder", {{"shape", AttributeValue()}});
  CHECK(!graph.add_one("softmax", {{"tensor", unranked}, {"axis", int64_t{0}}}).shape().has_rank());
  graph.verify();
}

TEST_CASE("errors name the operands and say what to do") {
  Graph graph;
  const auto x = placeholder(graph, {2, 3});
  const auto whole = placeholder(graph, {2, 3}, DataType::int32);
  auto message = message_of<GraphError>(
      [&] { graph.add_one("addition", {{"primary_tensor", x}, {"secondary_tensor", whole}}); });
  CHECK(contains(message, "'primary_tensor' is float32"));
  CHECK(contains(message, "graph.cast"));
  message = message_of<GraphError>([&] {
    graph.add_one("addition", {{"primary_tensor", whole}, {"secondary_tensor", Scalar(0.5)}});
  });
  CHECK(contains(message, "does not fit into int32"));
  message = message_of<GraphError>([&] {
    graph.add_one("addition",
                  {{"primary_tensor", x}, {"secondary_tensor", placeholder(graph, {4, 3})}});
  });
  CHECK(contains(message, "do not broadcast"));
  CHECK(contains(message_of<GraphError>([&] { graph.add_one("sofmax", {}); }),
                 "did you mean 'softmax'"));
  CHECK(contains(message_of<GraphError>(
                     [&] { graph.add_one("softmax", {{"tensor", x}, {"axis", int64_t{2}}}); }),
                 "axes -2 to 1"));
  Graph other;
  CHECK(contains(message_of<GraphError>([&] { other.add_one("relu", {{"tensor", x}}); }),
                 "another graph"));
}

TEST_CASE("a tensor of a body cannot leave it") {
  Graph graph;
  const auto x = placeholder(graph, {2});
  Tensor inner;
  graph.add("for_loop", {{"initial_body_arguments", std::vector<Tensor>{x}},
                         {"number_of_iterations", TensorOrScalar(Scalar(int64_t{2}))},
                         {"body", Block([&](const std::vector<Tensor>& arguments) {
                            inner = graph.add_one("relu", {{"tensor", arguments[1]}});
                            return std::vector<Tensor>{inner};
                          })}});
  CHECK(contains(message_of<GraphError>([&] { graph.add_one("relu", {{"tensor", inner}}); }),
                 "body"));
  CHECK(contains(message_of<GraphError>([&] { graph.run({}, {inner}); }), "body"));
}

TEST_CASE("bodies capture tensors as operands, constants by value") {
  Graph graph;
  const auto x = placeholder(graph, {2});
  const auto scale = placeholder(graph, {2}, DataType::float32, "scale");
  const auto two = graph.add_one("constant", {{"value", 2.0}});
  const auto loop = graph.add(
      "for_loop",
      {{"initial_body_arguments", std::vector<Tensor>{x}},
       {"number_of_iterations", TensorOrScalar(Scalar(int64_t{3}))},
       {"body", Block([&](const std::vector<Tensor>& arguments) {
          const auto product = graph.add_one(
              "multiplication", {{"primary_tensor", arguments[1]}, {"secondary_tensor", scale}});
          return std::vector<Tensor>{
              graph.add_one("addition", {{"primary_tensor", product}, {"secondary_tensor", two}})};
        })}});
  const auto& node = graph.data()->node(loop[0].id().operation);
  CHECK(node.view().count("captures") == 1);
  graph.verify();
  const auto result =
      graph.run({{x, data<float>({2}, {1, 2})}, {scale, data<float>({2}, {2, 3})}}, loop);
  // x -> 2x+2, three times; x -> 3x+2.
  CHECK(values<float>(result.at(loop[0])) == std::vector<float>{22, 80});
}

TEST_CASE("JSON round trip keeps graph and results") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 4}, DataType::float32, "x");
  const auto soft = graph.add_one("softmax", {{"tensor", x}, {"axis", int64_t{1}}}, "soft");
  const auto branch = graph.add(
      "if_else", {{"predicate",
                   graph.add_one("constant", {{"value", true}, {"data_type", DataType::boolean}})},
                  {"then_block", Block([&](const auto&) {
                     return std::vector<Tensor>{graph.add_one("square", {{"tensor", soft}})};
                   })},
                  {"else_block", Block([&](const auto&) { return std::vector<Tensor>{soft}; })}});
  const auto text = graph.to_json();
  auto copy = Graph::from_json(text);
  copy.verify();
  const auto find = [](const Graph& g, std::string_view op) {
    for (const auto& operation : g.operations())
      if (operation.op_name() == op) return operation.output_tensors()[0];
    FAIL("not found");
    return Tensor();
  };
  const auto feed = data<float>({1, 4}, {1, 2, 3, 4});
  const auto first = graph.run({{x, feed}}, branch);
  const auto copied = find(copy, "if_else");
  const auto second = copy.run({{find(copy, "placeholder"), feed}}, {copied});
  CHECK(values<float>(first.at(branch[0])) == values<float>(second.at(copied)));
}

TEST_CASE("an unsound file is a PackageError") {
  Graph graph;
  const auto x = placeholder(graph, {2});
  graph.add_one("relu", {{"tensor", x}});
  const auto text = graph.to_json();
  CHECK_THROWS_AS(Graph::from_json("{"), PackageError);
  CHECK_THROWS_AS(Graph::from_json("{}"), PackageError);
  CHECK_THROWS_AS(Graph::from_json("[1, 2]"), PackageError);
  for (size_t length = 0; length < text.size(); ++length)
    CHECK_THROWS_AS(Graph::from_json(std::string_view(text).substr(0, length)), PackageError);
  auto wrong = text;
  wrong.replace(wrong.find("\"relu\""), 6, "\"nope\"");
  CHECK_THROWS_AS(Graph::from_json(wrong), PackageError);
}

TEST_CASE("a chain of many operations builds, differentiates, runs and dies") {
  constexpr int length = 20000;
  Graph graph;
  const auto x = placeholder(graph, {2});
  auto y = x;
  for (int i = 0; i < length; ++i) y = graph.add_one("negative", {{"tensor", y}});
  const auto gradient = graph.gradients(y, {x});
  const auto result = graph.run({{x, data<float>({2}, {1, 2})}}, {y, gradient[0]});
  CHECK(values<float>(result.at(y)) == std::vector<float>{1, 2});
  CHECK(values<float>(result.at(gradient[0])) == std::vector<float>{1, 1});
}

TEST_CASE("every row is complete") {
  for (const auto& row : op_table()) {
    INFO(row.name);
    CHECK(bool(row.infer));
    CHECK((row.internal || !row.documentation.empty()));
    CHECK((row.gradient || row.expand || !row.not_differentiable.empty()));
    CHECK((row.internal || !row.selectors.empty()));
  }
}

TEST_CASE("gradients of what is not connected") {
  Graph graph;
  const auto x = placeholder(graph, {2});
  const auto y = placeholder(graph, {2}, DataType::float32, "lonely");
  const auto z = graph.add_one("square", {{"tensor", x}});
  CHECK(contains(message_of<GraphError>([&] { graph.gradients(z, {y}); }), "lonely"));
  const auto zero = graph.gradients(z, {y}, Unconnected::zero);
  const auto result = graph.run({{y, data<float>({2}, {1, 2})}}, zero);
  CHECK(values<float>(result.at(zero[0])) == std::vector<float>{0, 0});
}
