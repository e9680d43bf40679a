// Which steps our own kernels execute.
#include "backends/cpu/library_kernels.h"

#include <algorithm>
#include <span>

#include "backends/cpu/contraction/convolution_strips.h"
#include "backends/cpu/convolution.h"
#include "backends/cpu/copy.h"
#include "backends/cpu/fourier/transform.h"
#include "backends/cpu/matrix_multiplication.h"
#include "backends/cpu/pooling.h"
#include "backends/cpu/recurrent/steps.h"

namespace mpsg {
namespace {

struct Entry {
  const char* row;
  size_t inputs;
  std::unique_ptr<Kernel> (*make)(const Plan&, const PlanStep&, const ThreadPool&);
  bool complex_numbers = false;  // or float32
};

// An output shape given as a tensor may be a further input, which the kernels do not read.
constexpr Entry entries[] = {
    {"convolution_2d", 2, make_convolution},
    {"convolution_2d_data_gradient", 2, make_convolution_data_gradient},
    {"convolution_2d_weights_gradient", 2, make_convolution_weights_gradient},
    {"matrix_multiplication", 2, make_matrix_multiplication},
    {"max_pooling_2d", 1, make_max_pooling},
    {"max_pooling_2d_gradient", 2, make_max_pooling_gradient},
    {"avg_pooling_2d", 1, make_average_pooling},
    {"avg_pooling_2d_gradient", 2, make_average_pooling_gradient},
    {"fast_fourier_transform", 1, make_fourier_transform, true},
    {"real_to_hermitean_fft", 1, make_fourier_transform, true},
    {"real_to_hermitean_fft_gradient", 1, make_fourier_transform, true},
    {"hermitean_to_real_fft", 1, make_fourier_transform, true},
    {"hermitean_to_real_fft_gradient", 1, make_fourier_transform, true},
    {"rnn_steps", 2, make_rnn_steps},
    {"rnn_steps_gradient", 3, make_rnn_steps_gradient},
    {"lstm_steps", 2, make_lstm_steps},
    {"lstm_steps_gradient", 4, make_lstm_steps_gradient},
    {"gru_steps", 2, make_gru_steps},
    {"gru_steps_gradient", 4, make_gru_steps_gradient},
};

bool is_usable(const Plan& plan, int32_t value, bool complex_numbers) {
  const auto& type = plan.values[static_cast<size_t>(value)].type;
  const bool fits = type.data_type == DataType::float32 ||
                    (complex_numbers && type.data_type == DataType::complex64);
  return fits && type.shape.is_static() && *type.shape.element_count() > 0;
}

}  // namespace

std::unique_ptr<Kernel> make_own_kernel(const Plan& plan, const PlanStep& step,
                                        const ThreadPool& pool) {
  const auto* const entry = std::find_if(std::begin(entries), std::end(entries),
                                         [&](const Entry& e) { return step.row->name == e.row; });
  if (entry == std::end(entries) || step.inputs.size() < entry->inputs) return nullptr;
  const auto usable = [&](int32_t value) { return is_usable(plan, value, entry->complex_numbers); };
  if (!std::ranges::all_of(step.outputs, usable)) return nullptr;
  if (!std::ranges::all_of(std::span(step.inputs).first(entry->inputs), usable)) return nullptr;
  return entry->make(plan, step, pool);
}

std::unique_ptr<Kernel> make_library_kernel(const Plan& plan, const PlanStep& step,
                                            const ThreadPool& pool) {
  auto kernel = make_own_kernel(plan, step, pool);
  if (!kernel) kernel = make_copy(plan, step, pool);
  return kernel ? std::move(kernel) : make_onednn_kernel(plan, step, pool);
}

std::string library_name() {
  const std::string own = std::string(contraction::best_strip_kernels().name) + " kernels";
  const std::string other = onednn_name();
  return other.empty() ? own : own + ", " + other;
}

}  // namespace mpsg
