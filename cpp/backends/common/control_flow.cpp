// if_else, for_loop and while_loop on the host: bodies are plans of their own.
#include <cstring>
#include <utility>

#include "backends/common/plan_runner.h"
#include "graph/contexts.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// A body ready to run.
struct Body {
  std::shared_ptr<const Plan> plan;
  std::unique_ptr<PlanRunner> runner;

  Body() = default;
  Body(std::shared_ptr<const Plan> body, const KernelFactory& factory) : plan(std::move(body)) {
    if (plan) runner = std::make_unique<PlanRunner>(plan, factory);
  }
  size_t memory_bytes() const { return runner ? rounded(runner->memory_bytes()) : 0; }
};

class IfElse final : public Kernel {
 public:
  IfElse(const PlanStep& step, const KernelFactory& factory)
      : then_(step.bodies[0], factory), else_(step.bodies[1], factory) {}

  void run(const KernelArguments& arguments) const override {
    const bool predicate = *static_cast<const bool*>(arguments.inputs[0]);
    const auto& body = predicate ? then_ : else_;
    if (!body.runner) return;
    const std::vector<const void*> feeds(arguments.inputs.begin() + 1, arguments.inputs.end());
    body.runner->run(*arguments.run, feeds, arguments.outputs,
                     static_cast<std::byte*>(arguments.workspace));
  }
  size_t workspace_bytes() const override {
    return std::max(then_.memory_bytes(), else_.memory_bytes());
  }
  std::string description() const override { return "branch on the host"; }

 private:
  Body then_, else_;
};

/// Two copies of the carried values: a body reads one and writes the other.
class CarriedValues {
 public:
  CarriedValues() = default;
  explicit CarriedValues(const std::vector<TensorType>& types) {
    for (const auto& type : types) {
      const auto bytes = static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
      sizes_.push_back(bytes);
      offsets_.push_back(total_);
      total_ += rounded(bytes);
    }
  }
  size_t workspace_bytes() const { return 2 * total_; }
  size_t count() const { return sizes_.size(); }
  void* value(std::byte* memory, int copy, size_t i) const {
    return memory + static_cast<size_t>(copy) * total_ + offsets_[i];
  }
  void load(std::byte* memory, std::span<void* const> from) const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (sizes_[i] > 0) std::memcpy(value(memory, 0, i), from[i], sizes_[i]);
  }
  void store(std::byte* memory, int copy, std::span<void* const> to) const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (sizes_[i] > 0) std::memcpy(to[i], value(memory, copy, i), sizes_[i]);
  }

 private:
  std::vector<size_t> sizes_, offsets_;
  size_t total_ = 0;
};

int64_t read_scalar(DataType type, const void* data) {
  return read_integers({type, Shape{}, const_cast<void*>(data)}).front();
}

class ForLoop final : public Kernel {
 public:
  ForLoop(const Plan& plan, const PlanStep& step, const KernelFactory& factory)
      : name_(step.name),
        view_segments_(step.segments),
        row_(step.row),
        input_types_(plan.types_of(step.inputs)),
        carried_(plan.types_of(step.outputs)),
        body_(step.bodies[0], factory) {}

  void run(const KernelArguments& arguments) const override {
    const OperationView view(*row_, view_segments_, {});
    const auto bound = [&](std::string_view name, int64_t otherwise) {
      if (!view.has(name)) return otherwise;
      const auto at = static_cast<size_t>(view.first_input(name));
      return read_scalar(input_types_[at].data_type, arguments.inputs[at]);
    };
    const int64_t lower = bound("lower_bound", 0);
    const int64_t upper = bound("upper_bound", bound("number_of_iterations", 0));
    const int64_t step = bound("step", 1);
    if (step <= 0)
      throw ExecutionError("for_loop '" + name_ + "': 'step' is " + std::to_string(step) +
                           "; it must be > 0");
    auto* memory = static_cast<std::byte*>(arguments.workspace);
    auto* body_memory = memory + carried_.workspace_bytes() + 64;
    auto* index = reinterpret_cast<int64_t*>(memory + carried_.workspace_bytes());
    const auto first = static_cast<size_t>(view.first_input("initial_body_arguments"));
    carried_.load(memory, arguments.inputs.subspan(first));
    std::vector<const void*> feeds(1 + carried_.count());
    const auto captures =
        arguments.inputs.subspan(static_cast<size_t>(view.first_input("captures")));
    feeds.insert(feeds.end(), captures.begin(), captures.end());
    std::vector<void*> results(carried_.count());
    const auto index_type = body_.plan->values[static_cast<size_t>(body_.plan->feeds[0])].type;
    int current = 0;
    for (int64_t i = lower; i < upper; current = 1 - current) {
      if (index_type.data_type == DataType::int32)
        *reinterpret_cast<int32_t*>(index) = static_cast<int32_t>(i);
      else *index = i;
      feeds[0] = index;
      for (size_t k = 0; k < carried_.count(); ++k) {
        feeds[1 + k] = carried_.value(memory, current, k);
        results[k] = carried_.value(memory, 1 - current, k);
      }
      body_.runner->run(*arguments.run, feeds, results, body_memory);
      if (__builtin_add_overflow(i, step, &i)) i = upper;
    }
    carried_.store(memory, current, arguments.outputs);
  }
  size_t workspace_bytes() const override {
    return carried_.workspace_bytes() + 64 + body_.memory_bytes();
  }
  std::string description() const override { return "loop on the host"; }

 private:
  std::string name_;
  std::vector<int32_t> view_segments_;
  const OpRow* row_;
  std::vector<TensorType> input_types_;
  CarriedValues carried_;
  Body body_;
};

class WhileLoop final : public Kernel {
 public:
  WhileLoop(const Plan& plan, const PlanStep& step, const KernelFactory& factory)
      : segments_(step.segments),
        row_(step.row),
        initial_(initial_types(plan, step)),
        results_(plan.types_of(step.outputs)),
        before_(step.bodies[0], factory),
        after_(step.bodies[1], factory) {}

  void run(const KernelArguments& arguments) const override {
    const OperationView view(*row_, segments_, {});
    auto* memory = static_cast<std::byte*>(arguments.workspace);
    auto* results_memory = memory + initial_.workspace_bytes();
    auto* predicate = results_memory + results_.workspace_bytes();
    auto* body_memory = predicate + 64;
    initial_.load(
        memory, arguments.inputs.subspan(static_cast<size_t>(view.first_input("initial_inputs"))));
    const auto captures =
        arguments.inputs.subspan(static_cast<size_t>(view.first_input("captures")));
    std::vector<const void*> feeds;
    std::vector<void*> outputs;
    while (true) {
      feeds.clear();
      for (size_t k = 0; k < initial_.count(); ++k) feeds.push_back(initial_.value(memory, 0, k));
      feeds.insert(feeds.end(), captures.begin(), captures.end());
      outputs = {predicate};
      for (size_t k = 0; k < results_.count(); ++k)
        outputs.push_back(results_.value(results_memory, 0, k));
      before_.runner->run(*arguments.run, feeds, outputs, body_memory);
      if (!*reinterpret_cast<const bool*>(predicate)) break;
      feeds.assign(outputs.begin() + 1, outputs.end());
      feeds.insert(feeds.end(), captures.begin(), captures.end());
      outputs.clear();
      for (size_t k = 0; k < initial_.count(); ++k) outputs.push_back(initial_.value(memory, 0, k));
      after_.runner->run(*arguments.run, feeds, outputs, body_memory);
    }
    results_.store(results_memory, 0, arguments.outputs);
  }
  size_t workspace_bytes() const override {
    return initial_.workspace_bytes() + results_.workspace_bytes() + 64 +
           std::max(before_.memory_bytes(), after_.memory_bytes());
  }
  std::string description() const override { return "loop on the host"; }

 private:
  static std::vector<TensorType> initial_types(const Plan& plan, const PlanStep& step) {
    auto types = plan.types_of(step.inputs);
    types.resize(static_cast<size_t>(step.view().count("initial_inputs")));
    return types;
  }
  std::vector<int32_t> segments_;
  const OpRow* row_;
  CarriedValues initial_, results_;
  Body before_, after_;
};

}  // namespace

std::unique_ptr<Kernel> make_control_flow_kernel(const Plan& plan, const PlanStep& step,
                                                 const KernelFactory& factory) {
  if (step.row->name == "if_else") return std::make_unique<IfElse>(step, factory);
  if (step.row->name == "for_loop") return std::make_unique<ForLoop>(plan, step, factory);
  if (step.row->name == "while_loop") return std::make_unique<WhileLoop>(plan, step, factory);
  return nullptr;
}

}  // namespace mpsg
