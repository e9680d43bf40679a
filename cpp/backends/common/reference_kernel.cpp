#include "backends/common/plan_runner.h"
#include "graph/contexts.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

class ReferenceKernel final : public Kernel {
 public:
  ReferenceKernel(const Plan& plan, const PlanStep& step, const Parallel& parallel)
      : row_(step.row),
        segments_(step.segments),
        attributes_(step.attributes),
        inputs_(plan.types_of(step.inputs)),
        outputs_(plan.types_of(step.outputs)),
        parallel_(parallel) {
    if (!row_->evaluate)
      throw InternalError("row " + row_->name + " reached a backend without a reference loop");
  }

  void run(const KernelArguments& arguments) const override {
    auto* const views = static_cast<TensorView*>(arguments.workspace);
    const auto place = [](TensorView* at, const std::vector<TensorType>& types,
                          std::span<void* const> memory) {
      for (size_t i = 0; i < types.size(); ++i)
        new (at + i) TensorView{types[i].data_type, types[i].shape, memory[i]};
      return std::span<const TensorView>(at, types.size());
    };
    const auto inputs = place(views, inputs_, arguments.inputs);
    const auto outputs = place(views + inputs_.size(), outputs_, arguments.outputs);
    row_->evaluate(EvaluateContext({*row_, segments_, attributes_}, inputs, outputs, parallel_,
                                   arguments.run->graph_seed, arguments.run->run_number));
  }
  size_t workspace_bytes() const override {
    return (inputs_.size() + outputs_.size()) * sizeof(TensorView);
  }

  std::string description() const override { return "reference loop"; }

 private:
  const OpRow* row_;
  std::vector<int32_t> segments_;
  std::vector<AttributeValue> attributes_;
  std::vector<TensorType> inputs_;
  std::vector<TensorType> outputs_;
  const Parallel& parallel_;
};

}  // namespace

std::unique_ptr<Kernel> make_reference_kernel(const Plan& plan, const PlanStep& step,
                                              const Parallel& parallel) {
  return std::make_unique<ReferenceKernel>(plan, step, parallel);
}

}  // namespace mpsg
