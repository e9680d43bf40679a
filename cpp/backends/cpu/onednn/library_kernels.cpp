// Which steps oneDNN executes.
#include "backends/cpu/library_kernels.h"

#include <algorithm>

#include "backends/cpu/onednn/kernels.h"

namespace mpsg {
namespace {

using Make = std::unique_ptr<Kernel> (*)(const Plan&, const PlanStep&, const ThreadPool&);

struct Entry {
  const char* row;
  size_t inputs;
  Make make;
};

template <onednn::ConvolutionPass pass>
std::unique_ptr<Kernel> convolution(const Plan& plan, const PlanStep& step,
                                    const ThreadPool& pool) {
  return onednn::make_convolution(plan, step, pool, pass);
}

// An output shape given as a tensor may be a further input, which the kernels do not read.
constexpr Entry entries[] = {
    {"convolution_2d", 2, convolution<onednn::ConvolutionPass::forward>},
    {"convolution_2d_data_gradient", 2, convolution<onednn::ConvolutionPass::data_gradient>},
    {"convolution_2d_weights_gradient", 2, convolution<onednn::ConvolutionPass::weights_gradient>},
    {"matrix_multiplication", 2, onednn::make_matrix_multiplication},
    {"avg_pooling_2d", 1, onednn::make_average_pooling},
    {"avg_pooling_2d_gradient", 2, onednn::make_average_pooling_gradient},
};

bool is_usable(const Plan& plan, int32_t value) {
  const auto& type = plan.values[static_cast<size_t>(value)].type;
  return type.data_type == DataType::float32 && type.shape.is_static() &&
         *type.shape.element_count() > 0;
}

}  // namespace

std::unique_ptr<Kernel> make_onednn_kernel(const Plan& plan, const PlanStep& step,
                                           const ThreadPool& pool) {
  const auto* const entry = std::find_if(std::begin(entries), std::end(entries),
                                         [&](const Entry& e) { return step.row->name == e.row; });
  if (entry == std::end(entries) || step.inputs.size() < entry->inputs ||
      step.outputs.size() != 1 || !is_usable(plan, step.outputs[0]))
    return nullptr;
  for (size_t i = 0; i < entry->inputs; ++i)
    if (!is_usable(plan, step.inputs[i])) return nullptr;
  try {
    return entry->make(plan, step, pool);
  } catch (const dnnl::error&) {
    return nullptr;  // the reference loop runs
  }
}

std::string onednn_name() {
  const dnnl_version_t* const version = dnnl_version();
  return "oneDNN " + std::to_string(version->major) + "." + std::to_string(version->minor) + "." +
         std::to_string(version->patch);
}

}  // namespace mpsg
