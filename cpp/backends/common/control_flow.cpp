// if_else, for_loop and while_loop on the host: bodies are plans of their own.
#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "backends/common/plan_runner.h"
#include "graph/contexts.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t rounded(size_t bytes) { return (bytes + 63) / 64 * 64; }

/// A part of a kernel's workspace.
template <class T = std::byte>
class Part {
 public:
  T* in(void* workspace) const {
    return reinterpret_cast<T*>(static_cast<std::byte*>(workspace) + offset_);
  }

 private:
  friend class Layout;
  size_t offset_ = 0;
};

/// Cuts a workspace into parts.
class Layout {
 public:
  template <class T = std::byte>
  Part<T> add(size_t count) {
    Part<T> part;
    part.offset_ = bytes_;
    bytes_ += rounded(count * sizeof(T));
    return part;
  }
  size_t bytes() const { return bytes_; }

 private:
  size_t bytes_ = 0;
};

/// A body ready to run. Its frame, its scratch and the addresses it is called with lie in the
/// workspace of the kernel that owns it.
class Body {
 public:
  Body(std::shared_ptr<const Plan> plan, const KernelFactory& factory, Layout& layout)
      : plan_(std::move(plan)) {
    if (!plan_) return;
    runner_ = std::make_unique<PlanRunner>(plan_, factory);
    frame_ = layout.add(runner_->frame_bytes());
    scratch_ = layout.add(runner_->scratch_bytes());
    feeds_ = layout.add<const void*>(plan_->feeds.size());
    results_ = layout.add<void*>(plan_->results.size());
  }

  bool given() const { return plan_ != nullptr; }
  const Plan& plan() const { return *plan_; }
  std::span<const void*> feeds(void* workspace) const {
    return {feeds_.in(workspace), plan_->feeds.size()};
  }
  std::span<void*> results(void* workspace) const {
    return {results_.in(workspace), plan_->results.size()};
  }

  /// Once in each run of the kernel, whose workspace others used in the meantime.
  void bind(const KernelArguments& arguments) const {
    std::byte* const frame = frame_.in(arguments.workspace);
    runner_->bind(frame, scratch_.in(arguments.workspace));
    runner_->enter(frame, *arguments.run);
  }
  void run(void* workspace) const {
    runner_->run(frame_.in(workspace), feeds(workspace), results(workspace));
  }
  size_t resident_bytes() const { return runner_ ? runner_->resident_bytes() : 0; }
  std::vector<KernelInfo> kernels() const {
    return runner_ ? runner_->kernels() : std::vector<KernelInfo>{};
  }

 private:
  std::shared_ptr<const Plan> plan_;
  std::unique_ptr<PlanRunner> runner_;
  Part<> frame_, scratch_;
  Part<const void*> feeds_;
  Part<void*> results_;
};

class IfElse final : public Kernel {
 public:
  // One branch runs, so both use the same memory.
  IfElse(const PlanStep& step, const KernelFactory& factory)
      : then_(step.bodies[0], factory, then_layout_),
        else_(step.bodies[1], factory, else_layout_) {}

  void run(const KernelArguments& arguments) const override {
    const bool predicate = *static_cast<const bool*>(arguments.inputs[0]);
    const auto& body = predicate ? then_ : else_;
    if (!body.given()) return;
    body.bind(arguments);
    std::ranges::copy(arguments.inputs.subspan(1), body.feeds(arguments.workspace).begin());
    std::ranges::copy(arguments.outputs, body.results(arguments.workspace).begin());
    body.run(arguments.workspace);
  }
  size_t workspace_bytes() const override {
    return std::max(then_layout_.bytes(), else_layout_.bytes());
  }
  size_t resident_bytes() const override { return then_.resident_bytes() + else_.resident_bytes(); }
  std::string description() const override { return "branch on the host"; }
  std::vector<std::vector<KernelInfo>> bodies() const override {
    return {then_.kernels(), else_.kernels()};
  }

 private:
  Layout then_layout_, else_layout_;
  Body then_, else_;
};

/// Carried values, in one or two copies: a body reads one and writes the other.
class CarriedValues {
 public:
  CarriedValues(const std::vector<TensorType>& types, int copies, Layout& layout) {
    for (const auto& type : types) {
      sizes_.push_back(static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type));
      for (int copy = 0; copy < copies; ++copy)
        parts_[static_cast<size_t>(copy)].push_back(layout.add(sizes_.back()));
    }
  }
  size_t count() const { return sizes_.size(); }
  void* value(void* workspace, int copy, size_t i) const {
    return parts_[static_cast<size_t>(copy)][i].in(workspace);
  }
  void load(void* workspace, std::span<void* const> from) const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (sizes_[i] > 0) std::memcpy(value(workspace, 0, i), from[i], sizes_[i]);
  }
  void store(void* workspace, int copy, std::span<void* const> to) const {
    for (size_t i = 0; i < sizes_.size(); ++i)
      if (sizes_[i] > 0) std::memcpy(to[i], value(workspace, copy, i), sizes_[i]);
  }

 private:
  std::vector<size_t> sizes_;
  std::array<std::vector<Part<>>, 2> parts_;
};

int64_t read_scalar(DataType type, const void* data) {
  if (type == DataType::int32) return *static_cast<const int32_t*>(data);
  if (type == DataType::int64) return *static_cast<const int64_t*>(data);
  return read_integers({type, Shape{}, const_cast<void*>(data)}).front();
}

class ForLoop final : public Kernel {
 public:
  ForLoop(const Plan& plan, const PlanStep& step, const KernelFactory& factory)
      : name_(step.name),
        segments_(step.segments),
        row_(step.row),
        input_types_(plan.types_of(step.inputs)),
        carried_(plan.types_of(step.outputs), 2, layout_),
        body_(step.bodies[0], factory, layout_),
        index_(layout_.add<int64_t>(1)) {}

  void run(const KernelArguments& arguments) const override {
    const OperationView view(*row_, segments_, {});
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
    const auto input = [&](std::string_view name) {
      return arguments.inputs.subspan(static_cast<size_t>(view.first_input(name)));
    };
    carried_.load(arguments.workspace, input("initial_body_arguments"));
    body_.bind(arguments);
    const auto feeds = body_.feeds(arguments.workspace);
    std::ranges::copy(input("captures"), feeds.subspan(1 + carried_.count()).begin());
    const int current = iterate(arguments, lower, upper, step);
    carried_.store(arguments.workspace, current, arguments.outputs);
  }
  size_t workspace_bytes() const override { return layout_.bytes(); }
  size_t resident_bytes() const override { return body_.resident_bytes(); }
  std::string description() const override { return "loop on the host"; }
  std::vector<std::vector<KernelInfo>> bodies() const override { return {body_.kernels()}; }

 private:
  /// Returns the copy of the carried values that holds the results.
  int iterate(const KernelArguments& arguments, int64_t lower, int64_t upper, int64_t step) const {
    void* const workspace = arguments.workspace;
    const auto feeds = body_.feeds(workspace);
    const auto results = body_.results(workspace);
    int64_t* const index = index_.in(workspace);
    const auto index_value = static_cast<size_t>(body_.plan().feeds[0]);
    const auto index_type = body_.plan().values[index_value].type.data_type;
    feeds[0] = index;
    int current = 0;
    for (int64_t i = lower; i < upper; current = 1 - current) {
      arguments.run->check();
      if (index_type == DataType::int32)
        *reinterpret_cast<int32_t*>(index) = static_cast<int32_t>(i);
      else *index = i;
      for (size_t k = 0; k < carried_.count(); ++k) {
        feeds[1 + k] = carried_.value(workspace, current, k);
        results[k] = carried_.value(workspace, 1 - current, k);
      }
      body_.run(workspace);
      if (__builtin_add_overflow(i, step, &i)) i = upper;
    }
    return current;
  }

  std::string name_;
  std::vector<int32_t> segments_;
  const OpRow* row_;
  std::vector<TensorType> input_types_;
  Layout layout_;
  CarriedValues carried_;
  Body body_;
  Part<int64_t> index_;
};

class WhileLoop final : public Kernel {
 public:
  WhileLoop(const Plan& plan, const PlanStep& step, const KernelFactory& factory)
      : segments_(step.segments),
        row_(step.row),
        initial_(initial_types(plan, step), 1, layout_),
        results_(plan.types_of(step.outputs), 1, layout_),
        before_(step.bodies[0], factory, layout_),
        after_(step.bodies[1], factory, layout_),
        predicate_(layout_.add<bool>(1)) {}

  void run(const KernelArguments& arguments) const override {
    const OperationView view(*row_, segments_, {});
    const auto input = [&](std::string_view name) {
      return arguments.inputs.subspan(static_cast<size_t>(view.first_input(name)));
    };
    void* const workspace = arguments.workspace;
    initial_.load(workspace, input("initial_inputs"));
    before_.bind(arguments);
    after_.bind(arguments);
    connect(workspace, input("captures"));
    const bool* const predicate = predicate_.in(workspace);
    while (true) {
      arguments.run->check();
      before_.run(workspace);
      if (!*predicate) break;
      after_.run(workspace);
    }
    results_.store(workspace, 0, arguments.outputs);
  }
  size_t workspace_bytes() const override { return layout_.bytes(); }
  size_t resident_bytes() const override {
    return before_.resident_bytes() + after_.resident_bytes();
  }
  std::string description() const override { return "loop on the host"; }
  std::vector<std::vector<KernelInfo>> bodies() const override {
    return {before_.kernels(), after_.kernels()};
  }

 private:
  /// What one body writes, the other reads.
  void connect(void* workspace, std::span<void* const> captures) const {
    const auto before = before_.feeds(workspace), after = after_.feeds(workspace);
    const auto outputs = before_.results(workspace), next = after_.results(workspace);
    outputs[0] = predicate_.in(workspace);
    for (size_t k = 0; k < initial_.count(); ++k)
      before[k] = next[k] = initial_.value(workspace, 0, k);
    for (size_t k = 0; k < results_.count(); ++k)
      after[k] = outputs[1 + k] = results_.value(workspace, 0, k);
    std::ranges::copy(captures, before.subspan(initial_.count()).begin());
    std::ranges::copy(captures, after.subspan(results_.count()).begin());
  }
  static std::vector<TensorType> initial_types(const Plan& plan, const PlanStep& step) {
    auto types = plan.types_of(step.inputs);
    types.resize(static_cast<size_t>(step.view().count("initial_inputs")));
    return types;
  }

  std::vector<int32_t> segments_;
  const OpRow* row_;
  Layout layout_;
  CarriedValues initial_, results_;
  Body before_, after_;
  Part<bool> predicate_;
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
