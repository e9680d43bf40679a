// Running: the executable cache, feeds that decide shapes, threads.
#include <atomic>
#include <thread>

#include "fixtures.h"
#include "graph/graph_data.h"
#include "mpsg/cache.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// What the process's cache counted since this was made, when it was emptied.
class CacheWatch {
 public:
  CacheWatch() { cache::clear(); }
  uint64_t hits() const { return cache::statistics().hits - before_.hits; }
  uint64_t misses() const { return cache::statistics().misses - before_.misses; }
  size_t entries() const { return cache::statistics().entries; }

 private:
  cache::Statistics before_ = cache::statistics();
};

}  // namespace

TEST_CASE("the cache is keyed by feed types, targets and device") {
  const CacheWatch watch;
  Graph graph;
  const auto x = placeholder(graph, {-1});
  const auto y = graph.add_one("square", {{"tensor", x}});
  const auto z = graph.add_one("negative", {{"tensor", x}});
  graph.run({{x, data<float>({2}, {1, 2})}}, {y});
  graph.run({{x, data<float>({2}, {3, 4})}}, {y});
  CHECK(watch.hits() == 1);
  CHECK(watch.entries() == 1);
  graph.run({{x, data<float>({3}, {1, 2, 3})}}, {y});
  graph.run({{x, data<float>({3}, {1, 2, 3})}}, {z});
  graph.run(Device("reference"), {{x, data<float>({3}, {1, 2, 3})}}, {z});
  CHECK(watch.hits() == 1);
  CHECK(watch.entries() == 4);
  cache::clear();
  CHECK(watch.entries() == 0);
}

TEST_CASE("the cache is bounded") {
  const CacheWatch watch;
  const auto before = cache::statistics();
  cache::limit(64, {});
  {
    Graph graph;
    const auto x = placeholder(graph, {-1});
    const auto y = graph.add_one("square", {{"tensor", x}});
    for (int64_t size = 0; size < 200; ++size)
      graph.run({{x, TensorData({DataType::float32, Shape{size}})}}, {y});
    CHECK(watch.entries() == 64);
    CHECK(cache::statistics().evictions - before.evictions == 136);
    cache::limit({}, 1);  // the newest stays
    CHECK(watch.entries() == 1);
  }
  CHECK(watch.entries() == 0);  // the graph took it along
  CHECK(cache::statistics().bytes == 0);
  cache::limit(before.count_limit, before.byte_limit);
}

TEST_CASE("threads that need one key compile it once, and share its error") {
  const CacheWatch watch;
  Graph graph;
  const auto x = placeholder(graph, {-1});
  const auto y = graph.add_one("square", {{"tensor", x}});
  const auto bad = graph.add_one("reshape", {{"tensor", x}, {"shape", std::vector<int64_t>{2, 3}}});
  std::atomic<int> errors = 0;
  std::atomic<int> waiting = 4;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      --waiting;
      while (waiting > 0) std::this_thread::yield();
      graph.run({{x, data<float>({4}, {1, 2, 3, 4})}}, {y});
      try {
        graph.run({{x, data<float>({4}, {1, 2, 3, 4})}}, {bad});
      } catch (const GraphError&) {
        ++errors;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(errors == 4);
  CHECK(watch.entries() == 1);
  CHECK(watch.misses() >= 2);
  CHECK(watch.misses() <= 1 + 4);  // a failure is not kept
}

TEST_CASE("a fed integer that decides a shape enters the key by value") {
  Graph graph;
  const auto x = placeholder(graph, {6});
  const auto shape = placeholder(graph, {2}, DataType::int32);
  const auto y = graph.add_one("reshape", {{"tensor", x}, {"shape", shape}});
  const auto feed = data<float>({6}, {1, 2, 3, 4, 5, 6});
  const auto run = [&](std::vector<int32_t> wanted) {
    return graph.run({{x, feed}, {shape, data<int32_t>({2}, wanted)}}, {y}).at(y).shape();
  };
  CHECK(run({2, 3}) == Shape{2, 3});
  CHECK(run({3, 2}) == Shape{3, 2});
  CHECK(run({-1, 6}) == Shape{1, 6});
  CHECK_THROWS_AS(run({4, 2}), GraphError);
}

TEST_CASE("feeds are checked") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 2}, DataType::float32, "images");
  const auto unused = placeholder(graph, {1});
  const auto y = graph.add_one("square", {{"tensor", x}});
  CHECK(contains(message_of<FeedError>([&] { graph.run({}, {y}); }), "'images'"));
  CHECK(contains(message_of<FeedError>([&] { graph.run({{x, data<float>({3}, {1, 2, 3})}}, {y}); }),
                 "(-1, 2)"));
  CHECK(
      contains(message_of<FeedError>([&] { graph.run({{x, data<int32_t>({1, 2}, {1, 2})}}, {y}); }),
               "Convert the data to float32"));
  CHECK_THROWS_AS(graph.run({{y, data<float>({1, 2}, {1, 2})}}, {y}), FeedError);
  const auto result =
      graph.run({{x, data<float>({1, 2}, {1, 2})}, {unused, data<float>({1}, {0})}}, {y, y, x});
  CHECK(values<float>(result.at(y)) == std::vector<float>{1, 4});
  CHECK(values<float>(result.at(x)) == std::vector<float>{1, 2});
}

TEST_CASE("threads build and run one graph together") {
  Graph graph;
  const auto x = placeholder(graph, {-1});
  const auto v = variable(graph, {1, 1, 1, 1});
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&, t] {
      for (int i = 0; i < 20; ++i) {
        const auto scaled = graph.add_one(
            "multiplication", {{"primary_tensor", x}, {"secondary_tensor", Scalar(double(t + 1))}});
        const auto y =
            graph.add_one("addition", {{"primary_tensor", scaled}, {"secondary_tensor", v}});
        const auto result = graph.run({{x, data<float>({4}, {1, 2, 3, 4})}}, {y});
        for (int k = 0; k < 4; ++k)
          wrong +=
              values<float>(result.at(y))[static_cast<size_t>(k)] != float((k + 1) * (t + 1) + 1);
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  graph.verify();
}

TEST_CASE("an executable holds its graph, one in the cache does not") {
  std::shared_ptr<Executable> executable;
  std::weak_ptr<GraphData> held, cached;
  const auto feed = data<float>({2}, {2, 3});
  {
    Graph graph;
    held = graph.data();
    const auto x = placeholder(graph, {2});
    executable = graph.compile(Device(), {{x, {DataType::float32, {2}}}},
                               {graph.add_one("square", {{"tensor", x}})});
    Graph other;
    cached = other.data();
    const auto z = placeholder(other, {2});
    other.run({{z, feed}}, {other.add_one("square", {{"tensor", z}})});
  }
  CHECK(cached.expired());
  CHECK(values<float>(executable->run(std::span(&feed, 1))[0]) == std::vector<float>{4, 9});
  executable.reset();
  CHECK(held.expired());
}

TEST_CASE("a shape may be made by composites of sizes") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 2, 3});
  const auto sizes = graph.add("split", {{"tensor", graph.add_one("shape_of", {{"tensor", x}})},
                                         {"num_splits", int64_t{3}},
                                         {"axis", int64_t{0}}});
  const auto rows = graph.add_one("multiplication",
                                  {{"primary_tensor", sizes[0]}, {"secondary_tensor", sizes[1]}});
  const auto shape = graph.add_one(
      "concat", {{"tensors", std::vector<Tensor>{rows, sizes[2]}}, {"dimension", int64_t{0}}});
  const auto y = graph.add_one("reshape", {{"tensor", x}, {"shape", shape}});
  const auto feed = TensorData({DataType::float32, {4, 2, 3}});
  CHECK(graph.run({{x, feed}}, {y}).at(y).shape() == Shape{8, 3});
}

TEST_CASE("a run has stages where only the data tell a size") {
  std::weak_ptr<GraphData> gone;
  {
    Graph graph;
    gone = graph.data();
    const auto x = placeholder(graph, {-1});
    const auto indices = graph.add_one("non_zero_indices", {{"tensor", x}});
    const auto chosen = graph.add_one("gather_nd", {{"updates", x}, {"indices", indices}});
    auto results = graph.run({{x, data<float>({4}, {0, 3, 0, 5})}}, {chosen});
    CHECK(values<float>(results[chosen]) == std::vector<float>{3, 5});
    const auto executable =
        graph.compile(Device(), {{x, {DataType::float32, Shape{3}}}}, {chosen, indices});
    CHECK(executable->output_types()[0].shape == Shape{unknown_dimension});
    for (const float last : {0.0F, 7.0F}) {
      const TensorData feeds[] = {data<float>({3}, {0, 4, last})};
      const auto found = executable->run(feeds);
      CHECK(found[0].type().shape[0] == (last == 0 ? 1 : 2));
      CHECK(found[1].type().shape[0] == (last == 0 ? 1 : 2));
    }
  }
  CHECK(gone.expired());
}

TEST_CASE("an executable is called by name") {
  Graph inner, outer;
  const auto a = placeholder(inner, {2});
  const auto square = inner.compile(Device(), {{a, {DataType::float32, Shape{2}}}},
                                    {inner.add_one("square", {{"tensor", a}})});
  const auto x = placeholder(outer, {2});
  const auto called =
      outer.add("call", {{"input_tensors", std::vector<TensorOrScalar>{x}},
                         {"symbol_name", AttributeValue(std::string("square"))},
                         {"output_types", std::vector<TensorType>{{DataType::float32, Shape{2}}}}});
  CompilationDescriptor descriptor;
  descriptor.callables = {{"square", square}};
  const auto executable =
      outer.compile(Device(), {{x, {DataType::float32, Shape{2}}}}, called, {}, descriptor);
  const TensorData feeds[] = {data<float>({2}, {3, -4})};
  CHECK(values<float>(executable->run(feeds)[0]) == std::vector<float>{9, 16});
}
