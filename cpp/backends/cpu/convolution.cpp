#include "backends/cpu/convolution.h"

#include <optional>
#include <type_traits>

#include "backends/cpu/contraction/convolution_image_pass.h"
#include "backends/cpu/contraction/convolution_weights_pass.h"

namespace mpsg {
namespace {

using contraction::ImagePass;
using contraction::WeightsPass;

/// Both kinds of pass take two operands, in the order of the row's inputs.
template <class Pass>
class ConvolutionKernel final : public Kernel {
 public:
  explicit ConvolutionKernel(Pass pass) : pass_(std::move(pass)) {}

  void run(const KernelArguments& arguments) const override {
    pass_.run(static_cast<const float*>(arguments.inputs[0]),
              static_cast<const float*>(arguments.inputs[1]),
              static_cast<float*>(arguments.outputs[0]), arguments.workspace, arguments.tiles);
  }
  size_t workspace_bytes() const override { return pass_.workspace_bytes(); }
  bool reports_tiles() const override { return pass_.reports_tiles(); }
  bool reports_whole_rows() const override {
    return std::is_same_v<Pass, ImagePass> && pass_.reports_tiles();
  }
  std::string description() const override { return pass_.description(); }

 private:
  const Pass pass_;
};

template <class Pass>
std::unique_ptr<Kernel> kernel_of(std::optional<Pass> pass) {
  if (!pass) return nullptr;
  return std::make_unique<ConvolutionKernel<Pass>>(*std::move(pass));
}

struct Shapes {
  Shape first, second, result;
};

Shapes shapes_of(const Plan& plan, const PlanStep& step) {
  const auto shape = [&](int32_t value) {
    return plan.values[static_cast<size_t>(value)].type.shape;
  };
  return {shape(step.inputs[0]), shape(step.inputs[1]), shape(step.outputs[0])};
}

}  // namespace

std::unique_ptr<Kernel> make_convolution(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool) {
  const auto s = shapes_of(plan, step);
  const auto geometry = ops::resolve_convolution_2d(step.view(), s.first, s.second, s.result);
  return kernel_of(ImagePass::plan(ImagePass::Kind::convolution, geometry, pool));
}

std::unique_ptr<Kernel> make_convolution_data_gradient(const Plan& plan, const PlanStep& step,
                                                       const ThreadPool& pool) {
  const auto s = shapes_of(plan, step);
  const auto geometry = ops::resolve_convolution_2d(step.view(), s.result, s.second, s.first);
  return kernel_of(ImagePass::plan(ImagePass::Kind::data_gradient, geometry, pool));
}

std::unique_ptr<Kernel> make_convolution_weights_gradient(const Plan& plan, const PlanStep& step,
                                                          const ThreadPool& pool) {
  const auto s = shapes_of(plan, step);
  const auto geometry = ops::resolve_convolution_2d(step.view(), s.second, s.result, s.first);
  return kernel_of(WeightsPass::plan(geometry, pool));
}

}  // namespace mpsg
