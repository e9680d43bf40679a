// What a run costs: no allocation once warm, results in given memory, memory of dropped results
// used again.
#include <array>
#include <atomic>
#include <cstring>
#include <thread>

#include "backends/common/scratch_pool.h"
#include "fixtures.h"
#include "graph/buffer_pool.h"
#include "heap.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

struct Line {
  Graph graph;
  Tensor x = placeholder(graph, {16});
  Tensor y = graph.add_one(
      "addition",
      {{"primary_tensor", graph.add_one("multiplication", {{"primary_tensor", x},
                                                           {"secondary_tensor", Scalar(2.0)}})},
       {"secondary_tensor", Scalar(1.0)}});
  std::shared_ptr<Executable> executable =
      graph.compile(Device("cpu"), {{x, {DataType::float32, {16}}}}, {y});
  TensorData feed = data<float>({16}, std::vector<float>(16, 3));
};

}  // namespace

TEST_CASE("a warm run allocates nothing") {
  Line line;
  std::array<TensorData, 1> results;
  const std::span<const TensorData> feeds(&line.feed, 1);
  const auto run = [&] {
    results[0] = TensorData();
    line.executable->run(feeds, results);
  };
  for (int i = 0; i < 3; ++i) run();
  const auto before = heap_allocations();
  for (int i = 0; i < 100; ++i) run();
  line.executable->run(feeds, results);  // into the memory of the last result
  const auto after = heap_allocations();
  // A build without LLVM runs the rows' own loops, and these may allocate.
  if (Device("cpu").backend().stitching().operands > 0) CHECK(after == before);
  CHECK(values<float>(results[0]) == std::vector<float>(16, 7));
}

TEST_CASE("results are written where the caller wants them") {
  Line line;
  TensorData wanted = data<float>({16}, std::vector<float>(16, 0));
  TensorDataMap results{{line.y, wanted}};
  line.graph.run(Device("cpu"), {{line.x, line.feed}}, results);
  CHECK(values<float>(wanted) == std::vector<float>(16, 7));
  std::array<TensorData, 1> wrong{data<float>({15}, std::vector<float>(15, 0))};
  const std::span<const TensorData> feeds(&line.feed, 1);
  CHECK(contains(message_of<FeedError>([&] { line.executable->run(feeds, wrong); }), "(16,)"));
  std::array<TensorData, 2> many;
  CHECK_THROWS_AS(line.executable->run(feeds, many), FeedError);
  std::array<TensorData, 1> same{line.feed};
  line.executable->run(feeds, same);
  CHECK(values<float>(line.feed) == std::vector<float>(16, 7));
}

TEST_CASE("the pool gives the memory of dropped results again") {
  BufferPool pool(1 << 20);
  auto first = pool.take(1000);
  CHECK(reinterpret_cast<uintptr_t>(first.get()) % 64 == 0);
  void* const memory = first.get();
  auto second = pool.take(1000);
  CHECK(second.get() != memory);
  auto copy = first;
  first.reset();
  CHECK(pool.take(1000).get() != memory);  // still owned by `copy`
  copy.reset();
  CHECK(pool.take(990).get() == memory);
  second.reset();
  CHECK(pool.statistics().free_bytes >= 2000);
  // What is above the limit goes, the oldest first.
  auto large = pool.take(1 << 20);
  large.reset();
  CHECK(pool.statistics().free_bytes <= size_t{1} << 20);
  auto third = pool.take((1 << 20) + 1);
  third.reset();
  CHECK(pool.statistics().free_bytes <= size_t{1} << 20);
  pool.trim();
  CHECK(pool.statistics().free_bytes == 0);
}

TEST_CASE("blocks of the pool are large enough") {
  BufferPool pool(size_t{1} << 30);
  for (size_t bytes = 0; bytes < 70000; bytes = bytes * 5 / 4 + 1) {
    const auto block = pool.take(bytes);
    std::memset(block.get(), 0xff, bytes);  // the address sanitizer watches
  }
  for (const size_t bytes : {size_t{1} << 21, (size_t{1} << 21) + 1, (size_t{3} << 21) - 1}) {
    const auto block = pool.take(bytes);
    std::memset(block.get(), 0xff, bytes);
  }
}

TEST_CASE("runs that overlap get scratch memory of their own") {
  const ScratchPool::Lease one(1000);
  const ScratchPool::Lease two(1000);
  CHECK(one.data() != two.data());
  std::memset(one.data(), 1, 1000);
  std::memset(two.data(), 2, 1000);
  CHECK(one.data()[999] == std::byte{1});
}

TEST_CASE("executables of many sizes share one arena") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 8});
  const auto product = graph.add_one("matrix_multiplication",
                                     {{"primary", x}, {"secondary", placeholder(graph, {8, 8})}});
  const auto weights = graph.placeholder_tensors()[1];
  const auto y = graph.add_one(
      "matrix_multiplication",
      {{"primary", graph.add_one("softmax", {{"tensor", product}, {"axis", int64_t{1}}})},
       {"secondary", weights}});
  const auto identity = [] {
    std::vector<float> values(64, 0);
    for (size_t i = 0; i < 8; ++i) values[i * 9] = 1;
    return data<float>({8, 8}, values);
  }();
  // In turns, so that each finds the arena as another left it.
  for (int round = 0; round < 3; ++round)
    for (int64_t rows = 1; rows < 40; rows += 3) {
      const auto result = graph.run(
          {{x, data<float>({rows, 8}, std::vector<float>(static_cast<size_t>(rows) * 8, 1))},
           {weights, identity}},
          {y});
      for (const auto value : values<float>(result.at(y))) CHECK(value == doctest::Approx(0.125));
    }
}
