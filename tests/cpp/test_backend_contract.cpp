// A tiny backend that claims softmax whole and logs Apple's selectors: the seam for Metal.
#include <cmath>

#include "backends/common/plan_runner.h"
#include "fixtures.h"
#include "graph/contexts.h"
#include "graph/op_table.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// softmax over the last axis, as a device's own kernel would do it.
class WholeSoftmax final : public Kernel {
 public:
  explicit WholeSoftmax(TensorType type) : type_(std::move(type)) {}
  void run(const KernelArguments& arguments) const override {
    const auto columns = type_.shape[type_.shape.rank() - 1];
    const auto rows = *type_.shape.element_count() / columns;
    for (int64_t row = 0; row < rows; ++row) {
      const auto* in = static_cast<const float*>(arguments.inputs[0]) + row * columns;
      auto* out = static_cast<float*>(arguments.outputs[0]) + row * columns;
      float sum = 0;
      for (int64_t i = 0; i < columns; ++i) sum += out[i] = std::exp(in[i]);
      for (int64_t i = 0; i < columns; ++i) out[i] /= sum;
    }
  }
  std::string description() const override { return "claimed"; }

 private:
  TensorType type_;
};

class LoggingBackend final : public Backend {
 public:
  DeviceInfo info() const override { return {"logging", "logs selectors", 1, 0}; }
  bool claims(const Operation& operation) const override {
    return operation.op_name() == "softmax";
  }
  std::unique_ptr<Program> compile(std::shared_ptr<const Plan> plan) override {
    return make_host_program(plan, [this](const Plan& whole, const PlanStep& step) {
      if (!step.row->selectors.empty()) log.push_back(step.row->selectors[0].name);
      if (step.row->name == "softmax")
        return std::unique_ptr<Kernel>(
            std::make_unique<WholeSoftmax>(whole.types_of(step.outputs)[0]));
      return make_reference_kernel(whole, step, Parallel::serial());
    });
  }
  std::vector<std::string> log;
};

}  // namespace

TEST_CASE("a backend may claim a composite whole") {
  const auto backend = std::make_shared<LoggingBackend>();
  const Device device(backend);
  Graph graph;
  const auto x = placeholder(graph, {-1, 3});
  const auto shifted = graph.add_one("relu", {{"tensor", x}});
  const auto y = graph.add_one("softmax", {{"tensor", shifted}, {"axis", int64_t{1}}});
  const TensorDataMap feeds{{x, data<float>({2, 3}, {1, 2, 3, 0, 0, 0})}};
  const auto claimed = graph.run(device, feeds, {y});
  CHECK(backend->log ==
        std::vector<std::string>{"reLUWithTensor:name:", "softMaxWithTensor:axis:name:"});
  const auto expanded = graph.run(Device("reference"), feeds, {y});
  for (size_t i = 0; i < 6; ++i)
    CHECK(values<float>(claimed.at(y))[i] ==
          doctest::Approx(values<float>(expanded.at(y))[i]).epsilon(1e-6));
}

TEST_CASE("the gradient of a claimed composite is built from rows") {
  const auto backend = std::make_shared<LoggingBackend>();
  Graph graph;
  const auto x = placeholder(graph, {1, 3});
  const auto y = graph.add_one("softmax", {{"tensor", x}, {"axis", int64_t{-1}}});
  const auto gradient = graph.gradients(graph.add_one("square", {{"tensor", y}}), {x});
  const TensorDataMap feeds{{x, data<float>({1, 3}, {0.5F, -1, 2})}};
  const auto claimed = values<float>(graph.run(Device(backend), feeds, gradient).at(gradient[0]));
  const auto reference =
      values<float>(graph.run(Device("reference"), feeds, gradient).at(gradient[0]));
  for (size_t i = 0; i < 3; ++i) CHECK(claimed[i] == doctest::Approx(reference[i]).epsilon(1e-5));
}

TEST_CASE("the two devices of the build") {
  std::vector<std::string> names;
  for (const auto& device : Device::all()) names.push_back(device.info().name);
  CHECK(names == std::vector<std::string>{"cpu", "reference"});
  CHECK(contains(message_of<ExecutionError>([] { Device("tpu"); }), "cpu, reference"));
}

TEST_CASE("an executable tells its memory and its kernels") {
  Graph graph;
  const auto x = placeholder(graph, {64, 64});
  auto y = x;
  for (int i = 0; i < 10; ++i) y = graph.add_one("negative", {{"tensor", y}});
  const std::vector<std::pair<Tensor, TensorType>> feeds{{x, {DataType::float32, {64, 64}}}};
  const auto executable = graph.compile(Device("reference"), feeds, {y});
  CHECK(executable->kernels().size() == 10);
  // Elementwise steps work in place: one block serves the whole chain.
  CHECK(executable->memory().arena_bytes == 64 * 64 * 4);
  CHECK(executable->memory().feed_bytes == 64 * 64 * 4);
  CHECK_THROWS_AS(executable->run({}), FeedError);
  // Stitched, the chain needs no memory at all.
  const bool stitches = Device("cpu").backend().stitching().operands > 0;
  const auto stitched = graph.compile(Device("cpu"), feeds, {y});
  CHECK(stitched->kernels().size() == (stitches ? 1 : 10));
  CHECK(stitched->memory().arena_bytes == (stitches ? 0 : 64 * 64 * 4));
}
