// Every allocation from the heap fails once: an error comes out, nothing is lost, all goes on.
// Where LLVM compiles none may fail: it ends the process then, by design; so kernels are there
// before.
#include <array>
#include <limits>
#include <new>

#include "fixtures.h"
#include "graph/faults.h"
#include "heap.h"
#include "mpsg/cache.h"
#include "mpsg/command_queue.h"
#include "mpsg/shared_event.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

constexpr int64_t all_following = std::numeric_limits<int64_t>::max();

/// Runs `action` with the first, the second, ... allocation failing until none is left, and `after`
/// each time. Returns how many there are.
template <class Action, class After>
int64_t fail_each(int64_t failures, Action&& action, After&& after) {
  for (int64_t nth = 1;; ++nth) {
    bool fired = false;
    std::string unexpected;
    {
      const HeapFailure failure(nth, failures);
      try {
        action();
      } catch (const std::bad_alloc&) {
      } catch (const Error&) {
      } catch (...) {
        unexpected = "an exception of another type";
      }
      fired = failure.fired();
    }
    REQUIRE(unexpected.empty());
    after();
    if (!fired) return nth - 1;
  }
}

/// A variable that is read and written, an elementwise chain, a matrix product.
struct Model {
  Graph graph;
  Tensor x = placeholder(graph, {8, 8}, DataType::float32, "x");
  Tensor weights = variable(graph, std::vector<float>(8, 0.5F), "weights");
  Tensor product = graph.add_one("matrix_multiplication", {{"primary", x}, {"secondary", x}});
  Tensor y =
      graph.add_one("addition", {{"primary_tensor", product}, {"secondary_tensor", weights}});
  Operation grow = graph.add_operation(
      "assign", {{"variable", weights},
                 {"tensor", graph.add_one("multiplication", {{"primary_tensor", weights},
                                                             {"secondary_tensor", Scalar(2.0)}})}});
  Tensor gradient = graph.gradients(y, {x})[0];
  Tensor value = placeholder(graph, {8}, DataType::float32, "value");
  Operation restore = graph.add_operation("assign", {{"variable", weights}, {"tensor", value}});
  TensorData feed = data<float>({8, 8}, std::vector<float>(64, 1));
  TensorData start = data<float>({8}, std::vector<float>(8, 0.5F));

  std::vector<float> run(const Device& device) {
    return values<float>(graph.run(device, {{x, feed}}, {y}, {grow}).at(y));
  }
  void reset(const Device& device) { graph.run(device, {{value, start}}, {}, {restore}); }
};

const std::vector<float> right(64, 8.5F);

/// Whatever happens, what waits for the event goes on.
struct SignalAtEnd {
  const SharedEvent& event;
  ~SignalAtEnd() { event.signal(1); }
};

}  // namespace

TEST_CASE("fault points are found by their names") {
  for (const auto point : {FaultPoint::allocation, FaultPoint::kernel_compilation, FaultPoint::step,
                           FaultPoint::write})
    CHECK(fault_point_named(fault_point_name(point)) == point);
  CHECK(contains(message_of<GraphError>([] { fault_point_named("lunch"); }), "kernel_compilation"));
  CHECK(contains(message_of<GraphError>([] { inject_fault(FaultPoint::step, 0); }), "from 1"));
}

TEST_CASE("an injected fault comes when it should, and as often") {
  const FaultInjection injection(FaultPoint::write, 2, 2);
  const auto fails = [] {
    try {
      fault_here(FaultPoint::write);
    } catch (const ExecutionError&) {
      return true;
    }
    return false;
  };
  fault_here(FaultPoint::step);
  CHECK_FALSE(fails());
  CHECK_FALSE(injection.fired());
  CHECK(fails());
  CHECK(injection.fired());
  CHECK(fails());
  CHECK_FALSE(fails());
  CHECK(fault_count() == 4);
  stop_faults();
  CHECK_FALSE(fails());
}

TEST_CASE("a graph is built although any allocation fails") {
  {
    const Model warm;
  }
  for (const auto failures : {int64_t{1}, all_following}) {
    const auto points = fail_each(failures, [] { const Model model; }, [] {});
    MESSAGE("building a graph: " << points << " allocations");
    CHECK(points > 100);
  }
}

TEST_CASE("a graph goes on after an addition that failed") {
  Graph graph;
  const auto x = placeholder(graph, {4});
  for (const auto failures : {int64_t{1}, all_following}) {
    const auto points = fail_each(
        failures, [&] { graph.add_one("square", {{"tensor", x}}); },
        [&] {
          const auto y = graph.add_one("square", {{"tensor", x}});
          CHECK(values<float>(graph.run({{x, data<float>({4}, {1, 2, 3, 4})}}, {y}).at(y)) ==
                std::vector<float>{1, 4, 9, 16});
        });
    MESSAGE("adding an operation: " << points << " allocations");
  }
}

TEST_CASE("a plan is compiled although any allocation fails") {
  for (const auto& device : Device::all()) {
    Model model;
    model.run(device);  // the kernels are there
    model.graph.run(device, {{model.x, model.feed}}, {model.gradient});
    for (const auto failures : {int64_t{1}, all_following}) {
      const auto points = fail_each(
          failures,
          [&] {
            cache::clear();
            model.graph.run(device, {{model.x, model.feed}}, {model.gradient});
          },
          [&] {
            model.reset(device);
            CHECK(model.run(device) == right);
          });
      MESSAGE("compiling on " << device.info().name << ": " << points << " allocations");
      CHECK(points > 100);
    }
  }
}

TEST_CASE("a warm run goes on although any allocation fails") {
  for (const auto& device : Device::all()) {
    Model model;
    for (int i = 0; i < 3; ++i) model.run(device);
    model.reset(device);
    for (const auto failures : {int64_t{1}, all_following}) {
      const auto points = fail_each(
          failures,
          [&] { model.graph.run(device, {{model.x, model.feed}}, {model.y}, {model.grow}); },
          [&] {
            model.reset(device);
            CHECK(model.run(device) == right);
            model.reset(device);
          });
      MESSAGE("a warm run on " << device.info().name << ": " << points << " allocations");
    }
  }
}

TEST_CASE("what is submitted comes to an end although any allocation fails") {
  const Device device;
  Model model;
  model.run(device);
  const CommandQueue queue(device), other(device);
  const auto submit = [&] {
    const SharedEvent event;
    const SignalAtEnd at_end{event};
    CommandBuffer buffer(queue);
    std::array<TensorDataMap, 3> results;
    buffer.encode_wait_for_event(event, 1);
    for (auto& result : results)
      result = model.graph.encode(buffer, {{model.x, model.feed}}, {model.y}, {model.grow});
    buffer.encode_signal_event(event, 2);
    buffer.commit();
    const auto later = model.graph.run_async(other, {{model.x, results[2].at(model.y)}}, {model.y});
    event.signal(1);
    event.wait(2);
    for (const auto& result : results) result.at(model.y).data();
    later.at(model.y).data();
  };
  submit();
  model.graph.run({{model.x, model.feed}}, {model.y});
  for (const auto failures : {int64_t{1}, all_following}) {
    const auto points = fail_each(failures, submit, [&] {
      queue.wait_until_completed();
      other.wait_until_completed();
      model.reset(device);
      CHECK(model.run(device) == right);
    });
    MESSAGE("submitting to queues: " << points << " allocations");
    CHECK(points > 50);
  }
}
