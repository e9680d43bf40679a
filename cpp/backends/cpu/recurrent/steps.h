// Kernels of the steps of recurrent layers, for float32.
#pragma once

#include <memory>

#include "backends/common/kernel.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg {

std::unique_ptr<Kernel> make_rnn_steps(const Plan& plan, const PlanStep& step,
                                       const ThreadPool& pool);
std::unique_ptr<Kernel> make_rnn_steps_gradient(const Plan& plan, const PlanStep& step,
                                                const ThreadPool& pool);
std::unique_ptr<Kernel> make_lstm_steps(const Plan& plan, const PlanStep& step,
                                        const ThreadPool& pool);
std::unique_ptr<Kernel> make_lstm_steps_gradient(const Plan& plan, const PlanStep& step,
                                                 const ThreadPool& pool);
std::unique_ptr<Kernel> make_gru_steps(const Plan& plan, const PlanStep& step,
                                       const ThreadPool& pool);
std::unique_ptr<Kernel> make_gru_steps_gradient(const Plan& plan, const PlanStep& step,
                                                const ThreadPool& pool);

}  // namespace mpsg
