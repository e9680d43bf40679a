// Steps of stitched regions, with kernels written in C++: who calls them on what, and how often.
#include <doctest/doctest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "backends/cpu/stitched_step.h"
#include "graph/op_schema.h"
#include "mpsg/error.h"

using namespace mpsg;

namespace {

OpRow row_named(const std::string& name) {
  OpRow row;
  row.name = name;
  return row;
}
const OpRow addition = row_named("addition");
const OpRow exponent = row_named("exponent");
const OpRow hyperbolic_tangent = row_named("tanh");
const OpRow product = row_named("matrix_multiplication");

class WrittenKernel final : public CompiledKernel {
 public:
  explicit WrittenKernel(KernelFunction function) : function_(function) {}
  KernelFunction function() const override { return function_; }
  const std::string& name() const override { return name_; }
  size_t code_bytes() const override { return 1; }
  bool from_disk() const override { return false; }

 private:
  KernelFunction function_;
  std::string name_ = "written";
};

/// result[position, lane] += input[position, lane] + 1, over packed int32: each element once.
void add_one(const KernelCall* call) {
  const auto* input = static_cast<const int32_t*>(call->operands[0]);
  auto* result = static_cast<int32_t*>(call->operands[1]);
  const int64_t row = call->strides[0];  // of a domain of rank 2
  for (int64_t p = call->begin; p < call->end; ++p)
    for (int64_t i = call->lane_begin; i < call->lane_end; ++i)
      result[p * row + i] += input[p * row + i] + 1;
}

/// The same over one dimension.
void add_one_flat(const KernelCall* call) {
  const auto* input = static_cast<const int32_t*>(call->operands[0]);
  auto* result = static_cast<int32_t*>(call->operands[1]);
  for (int64_t i = call->lane_begin; i < call->lane_end; ++i) result[i] += input[i] + 1;
}

/// result[position] = sum over the lane, by way of the scratch memory.
void sum_rows(const KernelCall* call) {
  const auto* input = static_cast<const int32_t*>(call->operands[0]);
  auto* result = static_cast<int32_t*>(call->operands[1]);
  auto* scratch = static_cast<int32_t*>(call->scratch);
  const int64_t lane = call->extents[1];
  for (int64_t p = call->begin; p < call->end; ++p) {
    std::copy_n(input + p * lane, lane, scratch);
    result[p] = std::accumulate(scratch, scratch + lane, 0);
  }
}

StitchedKernel map_kernel(std::vector<int64_t> extents) {
  StitchedKernel kernel;
  kernel.parallel = static_cast<int32_t>(extents.size()) - 1;
  kernel.operands = {{DataType::int32, false}, {DataType::int32, true}};
  std::vector<int64_t> strides(extents.size() + 1, 0);
  int64_t stride = 1;
  for (size_t d = extents.size(); d-- > 0;) {
    strides[d] = stride;
    stride *= extents[d];
  }
  kernel.accesses = {{0, 0, strides}, {1, 0, strides}};
  kernel.extents = std::move(extents);
  ElementBuilder builder(kernel.program);
  const auto x = builder.load(0, DataType::int32);
  kernel.stores = {
      {1, builder.apply(ElementOp::add, x, builder.literal_integer(1, DataType::int32)).id}};
  return kernel;
}

StitchedKernel row_sum_kernel(int64_t rows, int64_t lane) {
  StitchedKernel kernel;
  kernel.extents = {rows, lane};
  kernel.parallel = 1;
  kernel.lane_reduced = true;
  kernel.operands = {{DataType::int32, false}, {DataType::int32, true}};
  kernel.accesses = {{0, 0, {lane, 1, 0}}, {1, 0, {1, 0, 0}}};
  ElementBuilder builder(kernel.program);
  const auto x = builder.load(0, DataType::int32);
  kernel.reductions = {{FoldKind::sum, x.id, DataType::int32}};
  kernel.stores = {{1, builder.reduced(0, DataType::int32).id}};
  kernel.saved = {x.id};
  return kernel;
}

/// A plan of one stitched step over one input and one result, both int32.
struct StitchedPlan {
  Plan plan;

  StitchedPlan(StitchedKernel kernel, const Shape& input, const Shape& result,
               const OpRow* root = nullptr) {
    auto region = std::make_shared<StitchedRegion>();
    region->kernel = std::move(kernel);
    region->root = root;
    region->members.push_back({"member", &addition, nullptr});
    PlanStep step;
    step.row = root ? root : &addition;
    step.name = "step";
    step.inputs = {add(input, Place::feed)};
    if (root) step.outputs.push_back(add(input, Place::arena));
    step.outputs.push_back(add(result, Place::result));
    step.stitched = std::move(region);
    plan.steps.push_back(std::move(step));
  }
  const PlanStep& step() const { return plan.steps.front(); }

 private:
  int32_t add(const Shape& shape, Place place) {
    PlanValue value;
    value.type = {DataType::int32, shape};
    value.place = place;
    plan.values.push_back(std::move(value));
    return static_cast<int32_t>(plan.values.size()) - 1;
  }
};

const KernelFactory no_root = [](const Plan&, const PlanStep&) -> std::unique_ptr<Kernel> {
  FAIL("no root is needed");
  return nullptr;
};

std::vector<int32_t> counting(int64_t count) {
  std::vector<int32_t> values(static_cast<size_t>(count));
  std::iota(values.begin(), values.end(), 0);
  return values;
}

/// Runs the step with its operands side by side, or apart.
std::vector<int32_t> run(const Kernel& kernel, std::vector<int32_t> input, int64_t results,
                         bool side_by_side) {
  std::vector<int32_t> result(static_cast<size_t>(results), 0);
  std::vector<std::byte> workspace(kernel.workspace_bytes());
  void* together[] = {input.data(), result.data()};
  void* apart[] = {result.data()};
  KernelArguments arguments;
  arguments.inputs = {together, 1};
  arguments.outputs = {side_by_side ? together + 1 : apart, 1};
  arguments.workspace = workspace.data();
  kernel.run(arguments);
  return result;
}

/// Copies its input to its output in tiles.
class TiledCopy final : public Kernel {
 public:
  TiledCopy(int64_t rows, int64_t columns, bool reports)
      : rows_(rows), columns_(columns), reports_(reports) {}
  void run(const KernelArguments& arguments) const override {
    CHECK(arguments.inputs.size() == 1);
    CHECK(arguments.outputs.size() == 1);
    CHECK((arguments.tiles != nullptr) == reports_);
    const auto* input = static_cast<const int32_t*>(arguments.inputs[0]);
    auto* output = static_cast<int32_t*>(arguments.outputs[0]);
    for (int64_t r = 0; r < rows_; r += 2)
      for (int64_t c = 0; c < columns_; c += 5) {
        const auto row_end = std::min(r + 2, rows_), column_end = std::min(c + 5, columns_);
        for (int64_t row = r; row < row_end; ++row)
          for (int64_t column = c; column < column_end; ++column)
            output[row * columns_ + column] = input[row * columns_ + column];
        if (arguments.tiles) arguments.tiles->finished(r, row_end, c, column_end);
      }
  }
  bool reports_tiles() const override { return reports_; }
  std::string description() const override { return "copy"; }

 private:
  int64_t rows_, columns_;
  bool reports_;
};

}  // namespace

TEST_CASE("a map visits every element once, however it is split") {
  for (const int threads : {1, 2, 5}) {
    const ThreadPool pool(threads);
    for (const auto& [rows, lane] : std::vector<std::pair<int64_t, int64_t>>{{1, 16},
                                                                             {1, 100000},
                                                                             {3, 70001},
                                                                             {7, 999},
                                                                             {20000, 11},
                                                                             {100000, 1},
                                                                             {0, 5},
                                                                             {5, 0}}) {
      const StitchedPlan plan(map_kernel({rows, lane}), Shape({rows, lane}), Shape({rows, lane}));
      const auto step = make_stitched_step(plan.plan, plan.step(),
                                           std::make_shared<WrittenKernel>(add_one), pool, no_root);
      auto expected = counting(rows * lane);
      for (auto& value : expected) ++value;
      for (const bool awake : {false, true}) {
        const ThreadPool::Session session(pool);
        if (awake) pool.wake();
        const auto input = counting(rows * lane);
        CHECK(run(*step, input, rows * lane, awake) == expected);
      }
    }
  }
}

TEST_CASE("a reduction gets whole lanes, and scratch of its own on each thread") {
  for (const int threads : {1, 3}) {
    const ThreadPool pool(threads);
    const int64_t rows = 3000, lane = 100;
    const StitchedPlan plan(row_sum_kernel(rows, lane), Shape({rows, lane}), Shape({rows}));
    const auto step = make_stitched_step(plan.plan, plan.step(),
                                         std::make_shared<WrittenKernel>(sum_rows), pool, no_root);
    CHECK(step->workspace_bytes() == static_cast<size_t>(threads) * 448);
    const ThreadPool::Session session(pool);
    pool.wake();
    std::vector<int32_t> expected;
    for (int32_t r = 0; r < rows; ++r) expected.push_back(100 * (r * 100) + 4950);
    for (int repeat = 0; repeat < 20; ++repeat)
      CHECK(run(*step, counting(rows * lane), rows, false) == expected);
  }
}

TEST_CASE("small kernels run as one call") {
  const ThreadPool pool(4);
  const StitchedPlan plan(map_kernel({4, 16}), Shape({4, 16}), Shape({4, 16}));
  const auto step = make_stitched_step(plan.plan, plan.step(),
                                       std::make_shared<WrittenKernel>(add_one), pool, no_root);
  CHECK(step->description() == "written");
}

TEST_CASE("an epilogue runs on each tile of its root, or after it") {
  const ThreadPool pool(2);
  for (const bool reports : {true, false})
    for (const bool flat : {false, true}) {
      const int64_t rows = 7, columns = 13;
      const auto& root = product;
      const Shape shape({rows, columns});
      const StitchedPlan plan(map_kernel(flat ? std::vector<int64_t>{rows * columns}
                                              : std::vector<int64_t>{rows, columns}),
                              shape, shape, &root);
      const KernelFactory make_root = [&](const Plan&, const PlanStep& step) {
        CHECK(step.row == &root);
        CHECK_FALSE(step.stitched);
        CHECK(step.inputs.size() == 1);
        CHECK(step.outputs.size() == 1);
        return std::make_unique<TiledCopy>(rows, columns, reports);
      };
      const auto step = make_stitched_step(
          plan.plan, plan.step(), std::make_shared<WrittenKernel>(flat ? add_one_flat : add_one),
          pool, make_root);
      auto input = counting(rows * columns);
      std::vector<int32_t> raw(input.size(), -9), result(input.size(), 0);
      void* inputs[] = {input.data()};
      void* outputs[] = {raw.data(), result.data()};
      KernelArguments arguments;
      arguments.inputs = inputs;
      arguments.outputs = outputs;
      step->run(arguments);
      for (size_t i = 0; i < input.size(); ++i) CHECK(result[i] == input[i] + 1);
      CHECK(step->description() == (reports ? "copy, on each tile written" : "copy, then written"));
    }
}

TEST_CASE("an epilogue of another shape than its root is a defect of ours") {
  const ThreadPool pool(1);
  const auto& root = product;
  const StitchedPlan plan(map_kernel({5, 4}), Shape({4, 5}), Shape({4, 5}), &root);
  const KernelFactory make_root = [](const Plan&, const PlanStep&) {
    return std::make_unique<TiledCopy>(4, 5, true);
  };
  CHECK_THROWS_AS(make_stitched_step(plan.plan, plan.step(),
                                     std::make_shared<WrittenKernel>(add_one), pool, make_root),
                  InternalError);
}

TEST_CASE("kernels are named by what they compute") {
  StitchedRegion region;
  region.kernel = map_kernel({4});
  for (const auto* row : {&addition, &addition, &exponent, &hyperbolic_tangent})
    region.members.push_back({"x", row, nullptr});
  CHECK(kernel_to_compile(region).name == "addition_exponent_tanh");
  CHECK(kernel_to_compile(region).text == region.kernel.canonical_text());
  region.root = &product;
  CHECK(kernel_to_compile(region).name == "matrix_multiplication_then_addition_exponent_tanh");
}
