// "mpsg/ops.h": every way of giving operands, options, descriptors, data and blocks.
#include <doctest/doctest.h>

#include "mpsg/mpsg.h"

namespace mpsg {
namespace {

template <class T>
std::vector<T> run(Graph& graph, const Tensor& tensor) {
  const auto result = graph.run({}, {tensor}).at(tensor);
  const auto values = result.values<T>();
  return {values.begin(), values.end()};
}

TEST_CASE("values of constants") {
  Graph graph;
  CHECK(run<float>(graph, ops::constant(graph, 2.5)) == std::vector<float>{2.5});
  CHECK(run<int32_t>(graph, ops::constant(graph, 3, {.shape = 2})) == std::vector<int32_t>{3, 3});
  CHECK(run<bool>(graph, ops::constant(graph, true)) == std::vector<bool>{true});
  CHECK(run<float>(graph, ops::constant(graph, {1.0, 2.0})) == std::vector<float>{1, 2});
  CHECK(run<int32_t>(graph, ops::constant(graph, {1, 2})) == std::vector<int32_t>{1, 2});
  const auto doubles =
      ops::constant(graph, std::vector<double>{1, 2}, {.shape = {2, 1}, .name = "doubles"});
  CHECK(doubles.data_type() == DataType::float64);
  CHECK(doubles.shape() == Shape{2, 1});
  CHECK(doubles.name() == "doubles");
  CHECK(ops::constant(graph, 1, {.data_type = DataType::bfloat16}).data_type() ==
        DataType::bfloat16);
  const TensorData data({DataType::int8, Shape{1, 2}});
  CHECK(ops::constant(graph, data).type() == data.type());
  CHECK_THROWS_AS(ops::constant(graph, {1.0, 2.0}, {.data_type = DataType::int32}), GraphError);
  CHECK_THROWS_AS(ops::constant(graph, {1, 2}, {.shape = 3}), GraphError);
}

TEST_CASE("axes, shapes and optional parameters") {
  Graph graph;
  const auto x = ops::constant(graph, {1, 2, 3, 4, 5, 6}, {.shape = {2, 3}});
  CHECK(run<int32_t>(graph, ops::reduction_sum(x)) == std::vector<int32_t>{21});
  CHECK(run<int32_t>(graph, ops::reduction_sum(x, {.axes = 0})) == std::vector<int32_t>{5, 7, 9});
  CHECK(run<int32_t>(graph, ops::reduction_sum(x, {.axes = {0, 1}})) == std::vector<int32_t>{21});
  CHECK(run<int32_t>(graph, ops::reduction_sum(x, {.axes = ops::constant(graph, {1})})) ==
        std::vector<int32_t>{6, 15});
  CHECK(ops::reshape(x, {3, -1}).shape() == Shape{3, 2});
  CHECK(ops::reshape(x, Shape{6}).shape() == Shape{6});
  CHECK(ops::reshape(x, ops::shape_of(ops::transpose(x, 0, 1))).shape() == Shape{3, 2});
  CHECK(ops::split(x, {.axis = 1, .num_splits = 3}).size() == 3);
  CHECK(!ops::placeholder(graph, Shape::unranked()).shape().has_rank());
}

TEST_CASE("numbers as operands") {
  Graph graph;
  const auto x = ops::constant(graph, {1.0, 2.0});
  CHECK(run<float>(graph, ops::subtraction(1, x)) == std::vector<float>{0, -1});
  CHECK(run<float>(graph, ops::clamp(x, 1.5, 9)) == std::vector<float>{1.5, 2});
  CHECK_THROWS_AS(ops::addition(1.0, 2.0), GraphError);
  CHECK_THROWS_AS(ops::relu(Tensor()), GraphError);
  CHECK_THROWS_AS(ops::concat({}, 0), GraphError);
}

TEST_CASE("descriptors and results that depend on an operand") {
  Graph graph;
  const auto source = ops::constant(graph, {1.0, 4.0, 2.0, 3.0}, {.shape = {1, 1, 2, 2}});
  const auto found = ops::max_pooling_2d_return_indices(
      source, {.kernel_width = 2,
               .kernel_height = 2,
               .return_indices_mode = ops::PoolingReturnIndicesMode::GLOBAL_FLATTEN_2D});
  REQUIRE(found.size() == 2);
  CHECK(run<float>(graph, found[0]) == std::vector<float>{4});
  CHECK(run<int32_t>(graph, found[1]) == std::vector<int32_t>{1});
  CHECK_THROWS_AS(ops::max_pooling_2d(source, {}), GraphError);

  const auto once = ops::random_uniform(graph, {2, 3}, {.seed = 7});
  CHECK(run<float>(graph, once) ==
        run<float>(graph, ops::random_uniform(graph, {2, 3}, {.seed = 7})));
  const auto state = ops::random_philox_state(graph, {.seed = 7});
  CHECK(ops::random_uniform(state, {2, 3}).size() == 2);
  const auto integers = ops::random(graph, 4, {.data_type = DataType::int32, .max_integer = 3});
  for (const auto value : run<int32_t>(graph, integers)) CHECK((value >= 0 && value < 3));
}

TEST_CASE("blocks") {
  Graph graph;
  const auto sum = ops::for_loop({ops::constant(graph, 0)},
                                 [](const std::vector<Tensor>& arguments) {
                                   return std::vector{ops::addition(arguments[0], arguments[1])};
                                 },
                                 {.number_of_iterations = 5});
  CHECK(run<int32_t>(graph, sum[0]) == std::vector<int32_t>{10});
  const auto chosen = ops::if_else(
      ops::constant(graph, false), [&](auto&) { return std::vector{ops::constant(graph, 1)}; },
      {.else_block = [&](auto&) { return std::vector{ops::constant(graph, 2)}; }});
  CHECK(run<int32_t>(graph, chosen[0]) == std::vector<int32_t>{2});
}

TEST_CASE("variables") {
  Graph graph;
  const auto v = ops::variable(graph, {1.0, 2.0});
  graph.run({}, {}, {ops::assign(v, ops::multiplication(v, 3))});
  CHECK(run<float>(graph, ops::read(v)) == std::vector<float>{3, 6});
  CHECK_THROWS_AS(ops::assign(ops::read(v), v), GraphError);
}

TEST_CASE("optional enumerations, descriptors of lists, several results, lists of types") {
  Graph graph;
  const auto x = ops::constant(graph, {1.0, 3.0}, {.shape = {1, 1, 1, 2}});
  CHECK(run<float>(graph, ops::resize_bilinear(x, {1, 3},
                                               {.align_corners = true,
                                                .layout = ops::TensorNamedDataLayout::NCHW})) ==
        std::vector<float>{1, 2, 3});
  ops::StencilOpDescriptor descriptor;
  descriptor.strides = {1, 1, 1, 2};
  CHECK(run<float>(graph, ops::stencil(x, ops::constant(graph, 2.0, {.shape = {1, 1, 1, 1}}),
                                       descriptor)) == std::vector<float>{2});
  const auto top = ops::top_k(x, 1);
  CHECK(run<float>(graph, top[0]) == std::vector<float>{3});
  CHECK(run<int32_t>(graph, top[1]) == std::vector<int32_t>{1});
  const auto called = ops::call({x}, "name", {{DataType::int8, Shape{4}}});
  CHECK(called.size() == 1);
  CHECK(called[0].shape() == Shape{4});
}

}  // namespace
}  // namespace mpsg
