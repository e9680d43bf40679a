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
    std::vector<TensorView> inputs, outputs;
    for (size_t i = 0; i < inputs_.size(); ++i)
      inputs.push_back({inputs_[i].data_type, inputs_[i].shape, arguments.inputs[i]});
    for (size_t i = 0; i < outputs_.size(); ++i)
      outputs.push_back({outputs_[i].data_type, outputs_[i].shape, arguments.outputs[i]});
    row_->evaluate(EvaluateContext({*row_, segments_, attributes_}, inputs, outputs, parallel_,
                                   arguments.run->graph_seed, arguments.run->run_number));
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
