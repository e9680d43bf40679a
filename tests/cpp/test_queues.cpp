// Command queues, command buffers, events and asynchronous runs, from C++.
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <semaphore>
#include <thread>

#include "fixtures.h"
#include "graph/faults.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// count = count + x.
struct Counter {
  Graph graph;
  Tensor x = placeholder(graph, {2});
  Tensor count = variable(graph, {0, 0});
  Tensor sum = graph.add_one("addition", {{"primary_tensor", count}, {"secondary_tensor", x}});
  Tensor before = graph.add_one("identity", {{"tensor", count}});
  Operation update = graph.add_operation("assign", {{"variable", count}, {"tensor", sum}});
  Tensor next =
      graph.add_one("addition", {{"primary_tensor", x}, {"secondary_tensor", Scalar(1.0)}});
  TensorData feed = data<float>({2}, {1, 2});
};

}  // namespace

TEST_CASE("an asynchronous run's results wait when they are read") {
  Counter counter;
  const CommandQueue queue;
  SharedEvent gate;
  ExecutionDescriptor descriptor;
  descriptor.wait_for_event(gate, 1);
  const auto results =
      counter.graph.run_async(queue, {{counter.x, counter.feed}}, {counter.next}, {}, descriptor);
  const auto& next = results.at(counter.next);
  CHECK(next.shape() == Shape{2});
  CHECK(!next.ready());
  CHECK(!gate.wait(1, std::chrono::milliseconds(1)));
  gate.signal(1);
  CHECK(values<float>(next) == std::vector<float>{2, 3});
  CHECK(next.ready());
}

TEST_CASE("the queues of one graph see its variables in the order of submission") {
  Counter counter;
  const CommandQueue queues[2] = {CommandQueue(), CommandQueue()};
  std::vector<TensorData> seen;
  for (size_t i = 0; i < 50; ++i)
    seen.push_back(counter.graph
                       .run_async(queues[i % 2], {{counter.x, counter.feed}}, {counter.before},
                                  {counter.update})
                       .at(counter.before));
  for (size_t i = 0; i < 50; ++i) CHECK(values<float>(seen[i])[0] == static_cast<float>(i));
  CHECK(values<float>(counter.graph.run({{counter.x, counter.feed}}, {counter.before})
                          .at(counter.before))[1] == 100);
}

TEST_CASE("a command buffer runs what was encoded, in order") {
  Counter counter;
  const CommandQueue queue;
  auto buffer = queue.command_buffer();
  std::binary_semaphore completed(0);
  std::atomic<bool> right{false};
  const auto first = counter.graph.encode(buffer, {{counter.x, counter.feed}}, {counter.next});
  const auto second =
      counter.graph.encode(buffer, {{counter.x, first.at(counter.next)}}, {counter.next});
  TensorData copy({DataType::float32, {2}});
  buffer.encode_copy(second.at(counter.next), copy);
  buffer.add_completed_handler([&](const CommandBuffer& done) {
    right = done.status() == CommandBufferStatus::completed;
    completed.release();
  });
  CHECK(buffer.status() == CommandBufferStatus::not_enqueued);
  CHECK_THROWS_AS(buffer.wait_until_completed(), ExecutionError);
  CHECK_THROWS_AS(first.at(counter.next).data(), ExecutionError);
  buffer.commit();
  buffer.wait_until_completed();
  completed.acquire();
  CHECK(right);
  CHECK(buffer.error() == nullptr);
  CHECK(values<float>(copy) == std::vector<float>{3, 4});
  CHECK_THROWS_AS(buffer.commit(), ExecutionError);
  CHECK_THROWS_AS(buffer.encode_copy(copy, data<float>({3}, {0, 0, 0})), FeedError);
}

TEST_CASE("handlers get results or the error, and may throw") {
  Counter counter;
  const CommandQueue queue;
  std::counting_semaphore<4> called(0);
  std::vector<std::string> told;
  ExecutionDescriptor descriptor;
  descriptor.completion_handler = [&](const TensorDataMap& results, std::exception_ptr error) {
    told.push_back(error ? message_of<ExecutionError>([&] { std::rethrow_exception(error); })
                         : std::to_string(values<float>(results.at(counter.next))[0]));
    called.release();
    if (error) throw std::runtime_error("of a handler (this is expected)");
  };
  const auto run = [&] {
    return counter.graph.run_async(queue, {{counter.x, counter.feed}}, {counter.next}, {},
                                   descriptor);
  };
  run();
  called.acquire();
  {
    const FaultInjection fault(FaultPoint::step, 1);
    const auto failed = run();
    called.acquire();
    CHECK_THROWS_AS(failed.at(counter.next).data(), ExecutionError);
    // Who is fed the results of a failed run fails, too.
    CHECK_THROWS_AS(counter.graph.run({{counter.x, failed.at(counter.next)}}, {counter.next}),
                    ExecutionError);
  }
  run();
  called.acquire();
  REQUIRE(told.size() == 3);
  CHECK(contains(told[1], "injected fault"));
  CHECK(told[2] == told[0]);
}

TEST_CASE("an executable runs asynchronously, in given memory, for other sizes") {
  Graph graph;
  const auto x = placeholder(graph, {-1, 2});
  const auto y = graph.add_one("square", {{"tensor", x}});
  const auto executable = graph.compile(Device(), {{x, {DataType::float32, {-1, 2}}}}, {y});
  CHECK(executable->output_types() == std::vector<TensorType>{{DataType::float32, Shape{-1, 2}}});
  CHECK_THROWS_AS(executable->kernels(), GraphError);
  CHECK(executable->output_types({{DataType::float32, {3, 2}}}) ==
        std::vector<TensorType>{{DataType::float32, {3, 2}}});
  CHECK(executable->kernels().size() == 1);
  const CommandQueue queue;
  const TensorData memory({DataType::float32, {1, 2}});
  const TensorData feeds[] = {data<float>({1, 2}, {3, 4})}, results[] = {memory};
  CHECK(executable->run_async(queue, feeds, results)[0].data() == memory.data());
  CHECK(values<float>(memory) == std::vector<float>{9, 16});
  CHECK_THROWS_AS(executable->output_types({{DataType::int32, {3, 2}}}), FeedError);
  const auto fixed = graph.compile(Device(), {{x, {DataType::float32, {1, 2}}}}, {y});
  const TensorData larger[] = {data<float>({2, 2}, {1, 2, 3, 4})};
  CHECK_THROWS_AS(fixed->run(larger), FeedError);
  fixed->specialize({{DataType::float32, {2, 2}}});
  CHECK(values<float>(fixed->run(larger)[0]) == std::vector<float>{1, 4, 9, 16});
}

TEST_CASE("a compilation may go on while its caller does") {
  Graph graph;
  const auto x = placeholder(graph, {4});
  const auto y = graph.add_one("exponent", {{"tensor", x}});
  std::binary_semaphore compiled(0);
  std::shared_ptr<Executable> told;
  CompilationDescriptor descriptor;
  descriptor.wait_for_compilation_completion = false;
  descriptor.optimization_level = Optimization::level0;
  descriptor.compilation_completion_handler = [&](std::shared_ptr<Executable> made,
                                                  std::exception_ptr) {
    told = std::move(made);
    compiled.release();
  };
  const auto executable =
      graph.compile(Device(), {{x, {DataType::float32, {4}}}}, {y}, {}, descriptor);
  const TensorData feeds[] = {data<float>({4}, {0, 0, 0, 0})};
  CHECK(values<float>(executable->run(feeds)[0])[0] == 1);
  compiled.acquire();
  CHECK(told.get() == executable.get());
  // An error reaches whoever needs the executable.
  const auto bad = graph.add_one(
      "reshape", {{"tensor", placeholder(graph, {-1})}, {"shape", std::vector<int64_t>{2, 3}}});
  const auto failing =
      graph.compile(Device(), {{graph.placeholder_tensors()[1], {DataType::float32, {5}}}}, {bad},
                    {}, descriptor);
  compiled.acquire();
  CHECK(told == nullptr);
  CHECK_THROWS_AS(failing->kernels(), GraphError);
}

TEST_CASE("threads submit to queues with events between them") {
  constexpr int thread_count = 8, queue_count = 4;
  const int runs = std::getenv("MPSG_SOAK") ? 2000 : 100;
  Counter counter;
  std::vector<CommandQueue> queues(queue_count);
  for (auto& queue : queues) queue = CommandQueue();
  std::atomic<int> wrong = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < thread_count; ++t)
    threads.emplace_back([&, t] {
      const SharedEvent event;
      for (int i = 0; i < runs; ++i) {
        ExecutionDescriptor descriptor;
        descriptor.wait_for_event(event, static_cast<uint64_t>(i));
        descriptor.signal_event(event, ExecutionStage::completed, static_cast<uint64_t>(i) + 1);
        const auto results = counter.graph.run_async(
            queues[static_cast<size_t>((t + i) % queue_count)], {{counter.x, counter.feed}},
            {counter.next}, {counter.update}, descriptor);
        if (i % 7 == 0 && values<float>(results.at(counter.next)) != std::vector<float>{2, 3})
          ++wrong;
        if (i % 11 == 0 &&
            values<float>(
                counter.graph.run({{counter.x, counter.feed}}, {counter.next}).at(counter.next)) !=
                std::vector<float>{2, 3})
          ++wrong;
      }
      event.wait(static_cast<uint64_t>(runs));
    });
  for (auto& thread : threads) thread.join();
  CHECK(wrong == 0);
  CHECK(values<float>(counter.graph.run({{counter.x, counter.feed}}, {counter.before})
                          .at(counter.before))[0] == thread_count * runs);
}

TEST_CASE("a device may go while its last run ends") {
  for (int i = 0; i < 20; ++i) {
    Counter counter;
    const auto results = [&] {
      const Device device(Device("reference").info().name);
      return counter.graph.run_async(CommandQueue(device), {{counter.x, counter.feed}},
                                     {counter.next});
    }();
    if (i % 2 == 0) CHECK(values<float>(results.at(counter.next))[0] == 2);
  }
}
