// The stitching pass: regions and why they end, their kernels run by the interpreter and compared
// with the rows' reference loops.
#include <algorithm>
#include <cmath>
#include <random>

#include "backends/common/plan_runner.h"
#include "compiler/passes.h"
#include "compiler/stitch/form_regions.h"
#include "fixtures.h"
#include "graph/contexts.h"
#include "stitched_interpreter.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// The root's reference loop, if there is one, then the interpreter.
class InterpretedKernel final : public Kernel {
 public:
  InterpretedKernel(const Plan& plan, const PlanStep& step)
      : region_(step.stitched), root_inputs_(0) {
    if (!region_->root) return;
    for (const auto count : region_->root_segments) root_inputs_ += static_cast<size_t>(count);
    auto root = step;
    root.stitched = nullptr;
    root.inputs.resize(root_inputs_);
    root.outputs.resize(1);
    root_ = make_reference_kernel(plan, root, Parallel::serial());
  }

  void run(const KernelArguments& arguments) const override {
    auto part = arguments;
    part.inputs = arguments.inputs.subspan(0, root_inputs_);
    part.outputs = arguments.outputs.subspan(0, root_ ? 1 : 0);
    if (root_) root_->run(part);
    std::vector<void*> operands(part.outputs.begin(), part.outputs.end());
    const auto rest = arguments.inputs.subspan(root_inputs_);
    const auto results = arguments.outputs.subspan(root_ ? 1 : 0);
    const auto count = region_->segment_count();
    for (size_t i = 0; i < count; ++i) {
      const auto from = rest.subspan(i * rest.size() / count, rest.size() / count);
      const auto to = results.subspan(i * results.size() / count, results.size() / count);
      auto of_segment = operands;
      of_segment.insert(of_segment.end(), from.begin(), from.end());
      of_segment.insert(of_segment.end(), to.begin(), to.end());
      interpret(region_->segment(i), of_segment);
    }
  }
  size_t workspace_bytes() const override { return root_ ? root_->workspace_bytes() : 0; }
  std::string description() const override { return "interpreted"; }

 private:
  std::shared_ptr<const StitchedRegion> region_;
  size_t root_inputs_;
  std::unique_ptr<Kernel> root_;
};

/// Stitches all that can be, and keeps the plan of the last compilation.
class InterpretingBackend final : public Backend {
 public:
  DeviceInfo info() const override { return {"interpreting", "runs regions slowly", 2, 0}; }
  StitchingLimits stitching() const override {
    TypeSet types{DataType::float16, DataType::bfloat16, DataType::float32, DataType::float64,
                  DataType::boolean, DataType::int8,     DataType::int16,   DataType::int32,
                  DataType::int64,   DataType::uint8,    DataType::uint16,  DataType::uint32,
                  DataType::uint64};
    return {operands, 256, types, epilogues};
  }
  std::unique_ptr<Program> compile(std::shared_ptr<const Plan> compiled) override {
    plan = compiled;
    verify_plan(*compiled);
    return make_host_program(compiled, [this](const Plan& whole, const PlanStep& step) {
      return kernel_for(whole, step);
    });
  }

  std::shared_ptr<const Plan> plan;
  int operands = 24;
  bool epilogues = true;

 private:
  std::unique_ptr<Kernel> kernel_for(const Plan& whole, const PlanStep& step) {
    if (step.stitched) return std::make_unique<InterpretedKernel>(whole, step);
    if (auto kernel = make_control_flow_kernel(
            whole, step, [this](const Plan& p, const PlanStep& s) { return kernel_for(p, s); }))
      return kernel;
    return make_reference_kernel(whole, step, Parallel::serial());
  }
};

/// A graph that is run stitched and by reference.
class Comparison {
 public:
  Graph graph;
  TensorDataMap feeds;

  /// A placeholder fed with normal numbers.
  Tensor input(const std::vector<int64_t>& shape, const std::vector<int64_t>& declared = {}) {
    const auto tensor = placeholder(graph, declared.empty() ? shape : declared);
    std::vector<float> numbers(static_cast<size_t>(*Shape(shape).element_count()));
    std::normal_distribution<float> normal;
    for (auto& number : numbers) number = normal(random_);
    feeds[tensor] = data<float>(Shape(shape), numbers);
    return tensor;
  }
  Tensor add(std::string_view op, std::vector<Argument> arguments, std::string_view name = {}) {
    return graph.add_one(op, std::move(arguments), name);
  }
  Tensor unary(std::string_view op, const Tensor& x, std::string_view name = {}) {
    return add(op, {{"tensor", x}}, name);
  }
  Tensor binary(std::string_view op, const TensorOrScalar& a, const TensorOrScalar& b,
                std::string_view name = {}) {
    return add(op, {{"primary_tensor", a}, {"secondary_tensor", b}}, name);
  }

  Tensor binary_of(std::string_view op, const Tensor& a, const Tensor& b) {
    return add(op, {{"primary", a}, {"secondary", b}});
  }

  void run(const std::vector<Tensor>& targets, double tolerance = 1e-5) {
    const Device device(backend_);
    const auto stitched = graph.run(device, feeds, targets);
    const auto reference = graph.run(Device("reference"), feeds, targets);
    for (const auto& target : targets) {
      const auto got = stitched.at(target).values<float>();
      const auto want = reference.at(target).values<float>();
      REQUIRE(got.size() == want.size());
      size_t wrong = 0;
      for (size_t i = 0; i < got.size(); ++i) {
        const auto difference = std::abs(double{got[i]} - double{want[i]});
        if (!(difference <= tolerance * (1 + std::abs(double{want[i]}))) &&
            !(std::isnan(got[i]) && std::isnan(want[i])))
          ++wrong;
      }
      INFO(backend_->plan->to_text());
      CHECK(wrong == 0);
    }
  }

  const Plan& plan() const { return *backend_->plan; }
  InterpretingBackend& backend() { return *backend_; }
  size_t steps() const { return plan().steps.size(); }
  std::vector<const StitchedRegion*> regions() const {
    std::vector<const StitchedRegion*> found;
    for (const auto& step : plan().steps)
      if (step.stitched) found.push_back(step.stitched.get());
    return found;
  }
  std::string text() const { return plan().to_text(); }

 private:
  std::mt19937 random_{1};
  std::shared_ptr<InterpretingBackend> backend_ = std::make_shared<InterpretingBackend>();
};

}  // namespace

TEST_CASE("a chain of elementwise operations is one kernel over one dimension") {
  Comparison c;
  const auto x = c.input({6, 50});
  auto y = c.unary("erf", c.binary("multiplication", x, Scalar(0.7071067811865476)));
  y = c.binary("multiplication", c.binary("addition", y, Scalar(1.0)),
               c.binary("multiplication", x, Scalar(0.5)), "gelu");
  c.run({y});
  INFO(c.text());
  REQUIRE(c.regions().size() == 1);
  CHECK(c.steps() == 1);
  CHECK(c.regions()[0]->kernel.rank() == 1);
  CHECK(c.regions()[0]->ended == "'gelu' is a result");
}

TEST_CASE("softmax is one kernel with three phases") {
  Comparison c;
  const auto x = c.input({5, 40});
  c.run({c.add("softmax", {{"tensor", x}, {"axis", int64_t{1}}})});
  INFO(c.text());
  REQUIRE(c.regions().size() == 1);
  CHECK(c.regions()[0]->kernel.phase_count() == 3);
  CHECK(c.regions()[0]->kernel.lane_reduced);
  CHECK(c.regions()[0]->kernel.saved.size() == 1);  // exponents
}

TEST_CASE("softmax along an outer axis keeps the inner one as its lane") {
  Comparison c;
  const auto x = c.input({3, 7, 20});
  c.run({c.add("softmax", {{"tensor", x}, {"axis", int64_t{1}}})});
  REQUIRE(c.regions().size() == 1);
  CHECK(!c.regions()[0]->kernel.lane_reduced);
  CHECK(c.regions()[0]->kernel.rank() == 3);
}

TEST_CASE("layer normalisation is one kernel") {
  Comparison c;
  const auto x = c.input({6, 32});
  const auto gamma = c.input({32}), beta = c.input({32});
  const std::vector<int64_t> axes{1};
  const auto mean = c.add("mean", {{"tensor", x}, {"axes", axes}});
  const auto variance = c.add("variance", {{"tensor", x}, {"axes", axes}, {"mean", mean}});
  c.run({c.add("normalization", {{"tensor", x},
                                 {"mean", mean},
                                 {"variance", variance},
                                 {"gamma", gamma},
                                 {"beta", beta},
                                 {"epsilon", 1e-5}})});
  INFO(c.text());
  CHECK(c.regions().size() == 1);
  CHECK(c.steps() == 1);
}

TEST_CASE("what follows a product is its epilogue") {
  Comparison c;
  const auto x = c.input({4, 8}), weights = c.input({8, 6}), bias = c.input({6});
  const auto product = c.binary_of("matrix_multiplication", x, weights);
  c.run({c.unary("relu", c.binary("addition", product, bias), "active")});
  INFO(c.text());
  REQUIRE(c.regions().size() == 1);
  CHECK(c.steps() == 1);
  const auto& step = c.plan().steps[0];
  CHECK(step.row->name == "matrix_multiplication");
  CHECK(c.regions()[0]->root == step.row);
  CHECK(c.regions()[0]->kernel.rank() == 2);
  // The product lies where its epilogue writes: no memory of its own.
  CHECK(c.plan().values[static_cast<size_t>(step.outputs[0])].view_of == step.outputs[1]);
  CHECK(c.plan().arena_bytes == 0);
}

TEST_CASE("a product that others read keeps its memory") {
  Comparison c;
  const auto x = c.input({4, 8}), weights = c.input({8, 6});
  const auto product = c.binary_of("matrix_multiplication", x, weights);
  const auto again = c.binary_of("matrix_multiplication", x, weights);
  (void)again;
  c.run({c.unary("relu", product), product});
  INFO(c.text());
  CHECK(c.steps() == 1);
  const auto& step = c.plan().steps[0];
  CHECK(c.plan().values[static_cast<size_t>(step.outputs[0])].view_of < 0);
}

TEST_CASE("a backend without epilogues gets products apart") {
  Comparison c;
  c.backend().epilogues = false;
  const auto x = c.input({4, 8}), weights = c.input({8, 6});
  c.run({c.unary("relu", c.binary_of("matrix_multiplication", x, weights))});
  CHECK(c.steps() == 2);
  CHECK(c.regions()[0]->root == nullptr);
}

TEST_CASE("movements are read through") {
  Comparison c;
  const auto x = c.input({4, 6});
  SUBCASE("permute of a computed tensor") {
    const auto moved = c.add("permute", {{"tensor", c.unary("exponent", x)},
                                         {"permutation", std::vector<int64_t>{1, 0}}});
    c.run({c.binary("addition", moved, Scalar(1.0))});
    CHECK(c.steps() == 1);
  }
  SUBCASE("slices of a fed tensor") {
    const auto left = c.add("slice", {{"tensor", x},
                                      {"starts", std::vector<int64_t>{0, 0}},
                                      {"ends", std::vector<int64_t>{4, 3}},
                                      {"strides", std::vector<int64_t>{1, 1}}});
    const auto right = c.add("slice", {{"tensor", x},
                                       {"starts", std::vector<int64_t>{0, 3}},
                                       {"ends", std::vector<int64_t>{4, 6}},
                                       {"strides", std::vector<int64_t>{1, 1}}});
    c.run({c.binary("multiplication", left, right), c.binary("addition", left, right)});
    CHECK(c.steps() == 1);
  }
  SUBCASE("pad") {
    const auto padded = c.add("pad", {{"tensor", c.unary("square", x)},
                                      {"padding_mode", int64_t{0}},
                                      {"left_padding", std::vector<int64_t>{1, 2}},
                                      {"right_padding", std::vector<int64_t>{0, 1}},
                                      {"constant_value", 3.0}});
    c.run({c.unary("negative", padded)});
    CHECK(c.steps() == 1);
  }
  SUBCASE("concat") {
    const auto y = c.input({4, 2});
    const auto joined =
        c.add("concat",
              {{"tensors", std::vector<Tensor>{c.unary("exponent", x), c.unary("square", y), x}},
               {"dimension", int64_t{1}}});
    c.run({c.unary("negative", joined)});
    INFO(c.text());
    CHECK(c.steps() == 1);
  }
  INFO(c.text());
}

TEST_CASE("a reshape inside a region refines its dimensions") {
  Comparison c;
  const auto x = c.input({4, 12}), bias = c.input({4});
  const auto apart = c.add(
      "reshape", {{"tensor", c.unary("square", x)}, {"shape", std::vector<int64_t>{4, 3, 4}}});
  const auto y = c.binary("addition", apart, bias);
  const auto flat = c.add("reshape", {{"tensor", y}, {"shape", std::vector<int64_t>{48}}});
  c.run({c.unary("negative", flat)});
  INFO(c.text());
  CHECK(c.steps() == 1);
}

TEST_CASE("shapes without common dimensions end a region") {
  Comparison c;
  const auto x = c.input({4, 6}), row = c.input({6}), other = c.input({4});
  const auto a = c.binary("addition", x, row, "a");
  const auto b = c.add("reshape", {{"tensor", a}, {"shape", std::vector<int64_t>{6, 4}}});
  c.run({c.binary("addition", b, other)});
  INFO(c.text());
  CHECK(c.steps() == 2);
}

TEST_CASE("reductions of several axes, and those of other axes") {
  Comparison c;
  const auto x = c.input({3, 4, 5, 2});
  const auto sum = c.add("reduction_sum",
                         {{"tensor", c.unary("square", x)}, {"axes", std::vector<int64_t>{1, 3}}});
  const auto scaled = c.binary("division", x, sum);
  SUBCASE("one kernel") {
    c.run({scaled});
    CHECK(c.steps() == 1);
  }
  SUBCASE("other axes end it") {
    c.run({c.add("reduction_sum", {{"tensor", scaled}, {"axes", std::vector<int64_t>{0}}})});
    INFO(c.text());
    REQUIRE(c.steps() == 2);
    CHECK(contains(c.regions()[0]->ended, "reduces other axes"));
  }
}

TEST_CASE("a region may give several results") {
  Comparison c;
  const auto x = c.input({6, 20});
  const auto e = c.unary("exponent", x, "e");
  const auto sum = c.add("reduction_sum", {{"tensor", e}, {"axes", std::vector<int64_t>{1}}});
  c.run({e, sum, c.binary("division", e, sum), c.unary("logarithm", sum)});
  INFO(c.text());
  CHECK(c.steps() == 1);
  CHECK(c.plan().steps[0].outputs.size() == 4);
}

TEST_CASE("a reduction that keeps little is cut into pieces") {
  Comparison c;
  const auto x = c.input({64, 10, 32});
  const std::vector<int64_t> axes{0, 1};
  const auto mean = c.add("mean", {{"tensor", x}, {"axes", axes}});
  const auto variance = c.add("variance", {{"tensor", x}, {"axes", axes}, {"mean", mean}});
  c.run({c.add("normalization",
               {{"tensor", x}, {"mean", mean}, {"variance", variance}, {"epsilon", 1e-5}}),
         mean, variance});
  INFO(c.text());
  CHECK(c.steps() == 5);  // sums, mean; squares, variance; result
  CHECK(c.regions()[0]->kernel.chunks > 1);
  CHECK(c.regions()[1]->kernel.chunks == 1);
}

TEST_CASE("an epilogue folds the rows of its root's result in pieces") {
  Comparison c;
  const auto image = c.input({4, 30, 20, 8}), bias = c.input({8});
  const auto source = c.unary("relu", c.binary("addition", image, bias));
  const auto layout = Argument("data_layout", int64_t{1});  // NHWC
  std::vector<Argument> pooling{
      {"source", source},          {"kernel_width", int64_t{2}}, {"kernel_height", int64_t{2}},
      {"stride_in_x", int64_t{2}}, {"stride_in_y", int64_t{2}},  layout};
  const auto pooled = c.add("max_pooling_2d", pooling);
  const auto loss = c.add("reduction_sum", {{"tensor", c.unary("square", pooled)}});
  const auto slopes = c.graph.gradients(loss, {image, bias});
  c.run(slopes, 1e-4);
  INFO(c.text());
  const auto regions = c.regions();
  const auto found = std::ranges::find_if(regions, [](const auto* region) {
    return region->root && region->root->name == "max_pooling_2d_gradient";
  });
  REQUIRE(found != regions.end());
  CHECK((*found)->kernel.chunks > 1);
  CHECK((*found)->members.size() == 2);
  // Relu's gradient lies where the pooling's was.
  for (const auto& step : c.plan().steps)
    if (step.stitched && step.stitched.get() == *found)
      CHECK(c.plan().values[static_cast<size_t>(step.outputs[0])].view_of >= 0);
}

TEST_CASE("a broadcast of a row-wise result stays in its kernel") {
  Comparison c;
  const auto x = c.input({5, 12});
  const auto maximum =
      c.add("reduction_maximum", {{"tensor", x}, {"axes", std::vector<int64_t>{-1}}});
  const auto wide =
      c.add("broadcast", {{"tensor", maximum}, {"shape", std::vector<int64_t>{5, 12}}});
  c.run({c.binary("subtraction", c.unary("square", wide), c.unary("negative", wide))});
  INFO(c.text());
  CHECK(c.steps() == 1);
}

TEST_CASE("an update of one element at an index that is computed") {
  Comparison c;
  const auto x = c.input({4, 3}), row = c.input({1, 3});
  const auto index = placeholder(c.graph, {2}, DataType::int32);
  c.feeds[index] = data<int32_t>({2}, {2, 0});
  const auto sizes = std::vector<int64_t>{1, 3};
  c.run({c.add("slice_update", {{"data", x},
                                {"update", c.unary("square", row)},
                                {"start_tensor", index},
                                {"sizes", sizes}})});
  INFO(c.text());
}

TEST_CASE("regions never wait for themselves") {
  Comparison c;
  const auto x = c.input({4, 4});
  const auto a = c.unary("square", x, "a");
  const auto product = c.binary_of("matrix_multiplication", a, a);
  // b reads a and, through the product, what a made: one region of both would be a cycle.
  c.backend().epilogues = false;
  c.run({c.binary("addition", a, product)});
  INFO(c.text());
  CHECK(c.steps() == 3);
}

TEST_CASE("a parameter update is the epilogue of what makes its gradient") {
  Comparison c;
  const auto x = c.input({8, 4}), y = c.input({8, 3});
  std::vector<float> start(12, 0.5F);
  const auto weights =
      c.graph.add_one("variable", {{"value", Bytes::copy(std::as_bytes(std::span(start)))},
                                   {"shape", std::vector<int64_t>{4, 3}},
                                   {"data_type", DataType::float32}});
  const auto difference =
      c.binary("subtraction", c.binary_of("matrix_multiplication", x, weights), y);
  const auto loss = c.add("reduction_sum",
                          {{"tensor", c.unary("square", difference)}, {"axes", AttributeValue()}});
  const auto gradient = c.graph.gradients(loss, {weights})[0];
  const auto update = c.graph.add_operation("apply_stochastic_gradient_descent",
                                            {{"learning_rate", TensorOrScalar(Scalar(0.1))},
                                             {"variable", weights},
                                             {"gradient", gradient}});
  const Device device(std::shared_ptr<Backend>(std::shared_ptr<void>(), &c.backend()));
  c.graph.run(device, c.feeds, {loss}, {update});
  INFO(c.text());
  bool found = false;
  for (const auto& step : c.plan().steps)
    for (const auto output : step.outputs)
      found = found || (step.stitched && step.stitched->root &&
                        c.plan().values[static_cast<size_t>(output)].place == Place::variable);
  CHECK(found);
}

TEST_CASE("kernels do not depend on a batch that is known at run time only") {
  std::vector<std::vector<std::string>> texts;
  for (const int64_t batch : {2, 4, 32, 64}) {
    Comparison c;
    const auto x = c.input({batch, 8}, {-1, 8}), labels = c.input({batch, 5}, {-1, 5});
    const auto weights = c.input({8, 5}), bias = c.input({5});
    const auto logits =
        c.binary("addition", c.binary_of("matrix_multiplication", x, weights), bias);
    const auto loss = c.add("softmax_cross_entropy", {{"source", logits},
                                                      {"labels", labels},
                                                      {"axis", int64_t{1}},
                                                      {"reduction_type", int64_t{2}}});
    auto targets = c.graph.gradients(loss, {weights, bias});
    targets.push_back(loss);
    c.run(targets, 1e-4);
    auto& kernels = texts.emplace_back();
    for (const auto* region : c.regions()) kernels.push_back(region->kernel.canonical_text());
  }
  for (const auto& kernels : texts) {
    REQUIRE(kernels.size() == texts[0].size());
    for (size_t i = 0; i < kernels.size(); ++i) CHECK(kernels[i] == texts[0][i]);
  }
}

namespace {

Tensor variable(Graph& graph, const std::vector<int64_t>& shape, float start) {
  std::vector<float> values(static_cast<size_t>(*Shape(shape).element_count()), start);
  return graph.add_one("variable", {{"value", Bytes::copy(std::as_bytes(std::span(values)))},
                                    {"shape", shape},
                                    {"data_type", DataType::float32}});
}

}  // namespace

TEST_CASE("equal updates of different variables are segments of one step") {
  Comparison c;
  const std::vector<std::vector<int64_t>> shapes{{3}, {4, 5}, {2, 3, 2}};
  std::vector<Tensor> variables;
  std::vector<Operation> assigns;
  std::vector<std::vector<float>> wanted;
  for (const auto& shape : shapes) {
    variables.push_back(variable(c.graph, shape, 2));
    const auto step = c.binary("multiplication", c.input(shape), TensorOrScalar(Scalar(0.5)));
    assigns.push_back(c.graph.add_operation(
        "assign", {{"variable", variables.back()},
                   {"tensor", c.binary("subtraction", variables.back(), step)}}));
  }
  for (const auto& fed : c.feeds) {
    const auto numbers = fed.second.values<float>();
    wanted.emplace_back(numbers.begin(), numbers.end());
  }
  const Device device(std::shared_ptr<Backend>(std::shared_ptr<void>(), &c.backend()));
  c.graph.run(device, c.feeds, {}, assigns);
  INFO(c.text());
  REQUIRE(c.steps() == 1);
  const auto& step = c.plan().steps[0];
  CHECK(step.stitched->segment_count() == 3);
  for (const auto output : step.outputs)
    CHECK(c.plan().values[static_cast<size_t>(output)].place == Place::variable);
  for (size_t i = 0; i < shapes.size(); ++i) {
    const auto results = c.graph.run(device, {}, {variables[i]});
    const auto got = results.at(variables[i]).values<float>();
    // Feeds are in no order of ours: the one of equal length is meant.
    for (const auto& fed : wanted)
      if (fed.size() == got.size())
        for (size_t k = 0; k < got.size(); ++k) CHECK(got[k] == 2 - fed[k] * 0.5F);
  }
}

TEST_CASE("a sum over rows may be written over what it is added to") {
  Comparison c;
  const auto bias = variable(c.graph, {6}, 1);
  const auto rows = c.input({5, 6});
  const auto sum = c.add(
      "reshape", {{"tensor", c.add("reduction_sum", {{"tensor", rows}, {"axes", int64_t{0}}})},
                  {"shape", std::vector<int64_t>{6}}});
  const auto assign = c.graph.add_operation(
      "assign", {{"variable", bias}, {"tensor", c.binary("addition", bias, sum)}});
  const Device device(std::shared_ptr<Backend>(std::shared_ptr<void>(), &c.backend()));
  c.graph.run(device, c.feeds, {}, {assign});
  INFO(c.text());
  REQUIRE(c.steps() == 1);
  CHECK(c.plan().arena_bytes == 0);
  const auto results = c.graph.run(device, {}, {bias});
  const auto got = results.at(bias).values<float>();
  const auto fed = c.feeds.at(rows).values<float>();
  for (size_t k = 0; k < 6; ++k) {
    double want = 1;
    for (size_t row = 0; row < 5; ++row) want += double{fed[row * 6 + k]};
    CHECK(got[k] == doctest::Approx(want).epsilon(1e-5));
  }
}

TEST_CASE("what rows read of each other is not overwritten") {
  // A centred copy: the sum reads every element of what the result would be written over.
  StitchedKernel kernel;
  kernel.extents = {4, 8};
  kernel.parallel = 1;
  kernel.lane_reduced = true;
  kernel.operands = {
      {DataType::float32, false}, {DataType::float32, false}, {DataType::float32, true}};
  kernel.accesses = {{0, 0, {8, 1, 0}}, {1, 0, {1, 0, 0}}, {2, 0, {1, 0, 0}}};
  ElementBuilder builder(kernel.program);
  const auto summed = builder.load(0, DataType::float32);
  const auto before = builder.load(1, DataType::float32);
  kernel.reductions = {{FoldKind::sum, summed.id, DataType::float32}};
  const auto total = builder.reduced(0, DataType::float32);
  const auto result = builder.apply(ElementOp::add, before, total);
  kernel.stores = {{2, result.id}};
  kernel.verify();
  CHECK(may_overwrite(kernel, 1, 2));
  CHECK_FALSE(may_overwrite(kernel, 0, 2));
  // One number for all rows is read after the first row is stored.
  kernel.accesses[1].strides = {0, 0, 0};
  CHECK_FALSE(may_overwrite(kernel, 1, 2));
  // Walked along some reduced dimensions, but not along all of them.
  kernel.extents = {4, 3, 8};
  kernel.accesses = {{0, 0, {24, 8, 1, 0}}, {1, 0, {8, 0, 1, 0}}, {2, 0, {8, 0, 1, 0}}};
  CHECK_FALSE(may_overwrite(kernel, 1, 2));
}
