// Variables: what a read sees, what order assigns have, what is written in place.
#include "fixtures.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

Tensor add(Graph& graph, const Tensor& a, const TensorOrScalar& b) {
  return graph.add_one("addition", {{"primary_tensor", a}, {"secondary_tensor", b}});
}

Operation assign(Graph& graph, const Tensor& variable, const Tensor& value) {
  return graph.add_operation("assign", {{"variable", variable}, {"tensor", value}});
}

std::vector<float> read_back(Graph& graph, const Tensor& variable) {
  const auto read = graph.add_one("read", {{"variable", variable}});
  return values<float>(graph.run({}, {read}).at(read));
}

}  // namespace

TEST_CASE("a variable keeps its value between runs") {
  Graph graph;
  const auto v = variable(graph, {1, 2});
  const auto step = assign(graph, v, add(graph, v, Scalar(1.0)));
  for (int i = 0; i < 3; ++i) graph.run({}, {}, {step});
  CHECK(read_back(graph, v) == std::vector<float>{4, 5});
}

TEST_CASE("a read sees the value from before the run, whatever the order of building") {
  Graph graph;
  const auto v = variable(graph, {1});
  const auto step = assign(graph, v, add(graph, v, Scalar(10.0)));
  const auto later = add(graph, v, Scalar(0.5));  // built after the assign, not ordered after it
  const auto read = graph.add_one("read", {{"variable", v}});
  const auto result = graph.run({}, {later, read}, {step});
  CHECK(values<float>(result.at(later)) == std::vector<float>{1.5});
  CHECK(values<float>(result.at(read)) == std::vector<float>{1});
  CHECK(read_back(graph, v) == std::vector<float>{11});
}

TEST_CASE("a control dependency puts a read after an assign") {
  Graph graph;
  const auto v = variable(graph, {1});
  const auto step = assign(graph, v, add(graph, v, Scalar(10.0)));
  const auto after = graph.control_dependency(
      {step}, [&] { return std::vector<Tensor>{add(graph, v, Scalar(0.5))}; });
  CHECK(values<float>(graph.run({}, after).at(after[0])) == std::vector<float>{11.5});
}

TEST_CASE("two unordered assigns are an error, ordered ones are not") {
  Graph graph;
  const auto v = variable(graph, {1}, "weights");
  const auto first = assign(graph, v, add(graph, v, Scalar(1.0)));
  const auto second = assign(graph, v, add(graph, v, Scalar(2.0)));
  CHECK(contains(message_of<GraphError>([&] { graph.run({}, {}, {first, second}); }), "weights"));
  Operation third;
  graph.control_dependency({first}, [&] {
    third = assign(graph, v, add(graph, v, Scalar(100.0)));
    return std::vector<Tensor>();
  });
  graph.run({}, {}, {third});
  CHECK(read_back(graph, v) == std::vector<float>{102});
}

TEST_CASE("two variables that exchange their values") {
  Graph graph;
  const auto a = variable(graph, {1, 2}), b = variable(graph, {3, 4});
  const auto to_a = assign(graph, a, add(graph, b, Scalar(0.0)));
  const auto to_b = assign(graph, b, add(graph, a, Scalar(0.0)));
  graph.run({}, {}, {to_a, to_b});
  CHECK(read_back(graph, a) == std::vector<float>{3, 4});
  CHECK(read_back(graph, b) == std::vector<float>{1, 2});
}

TEST_CASE("direct exchange, without arithmetic") {
  Graph graph;
  const auto a = variable(graph, {1, 2}), b = variable(graph, {3, 4});
  const auto to_a = assign(graph, a, b);
  const auto to_b = assign(graph, b, a);
  graph.run({}, {}, {to_a, to_b});
  CHECK(read_back(graph, a) == std::vector<float>{3, 4});
  CHECK(read_back(graph, b) == std::vector<float>{1, 2});
}

TEST_CASE("an assign in a body counts as an assign by its owner") {
  Graph graph;
  const auto v = variable(graph, {1});
  const auto x = graph.add_one("constant", {{"value", 0.0}});
  const auto loop =
      graph.add("for_loop", {{"initial_body_arguments", std::vector<Tensor>{x}},
                             {"number_of_iterations", TensorOrScalar(Scalar(int64_t{4}))},
                             {"body", Block([&](const std::vector<Tensor>& arguments) {
                                assign(graph, v, add(graph, v, Scalar(2.0)));
                                return std::vector<Tensor>{add(graph, arguments[1], Scalar(1.0))};
                              })}});
  const auto before = add(graph, v, Scalar(0.0));
  const auto result = graph.run({}, {loop[0], before});
  CHECK(values<float>(result.at(loop[0])) == std::vector<float>{4});
  CHECK(values<float>(result.at(before)) == std::vector<float>{1});
  CHECK(read_back(graph, v) == std::vector<float>{9});
}

TEST_CASE("a value that several steps need is not overwritten in place") {
  Graph graph;
  const auto v = variable(graph, {1, 2, 3});
  const auto old_plus = add(graph, v, Scalar(1.0));
  const auto next =
      graph.add_one("multiplication", {{"primary_tensor", v}, {"secondary_tensor", Scalar(2.0)}});
  const auto step = assign(graph, v, next);
  const auto uses_both =
      graph.add_one("addition", {{"primary_tensor", old_plus}, {"secondary_tensor", v}});
  const auto result = graph.run({}, {uses_both, next}, {step});
  CHECK(values<float>(result.at(uses_both)) == std::vector<float>{3, 5, 7});
  CHECK(values<float>(result.at(next)) == std::vector<float>{2, 4, 6});
  CHECK(read_back(graph, v) == std::vector<float>{2, 4, 6});
}
