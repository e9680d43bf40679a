// Times of kernels: measured over runs, shown as text and as a Chrome trace.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>

#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_state.h"
#include "runtime/queues/run_task.h"

namespace mpsg {
namespace {

double median(std::vector<double> values) {
  if (values.empty()) return 0;
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

double rate(double amount, double seconds) { return seconds > 0 ? amount / seconds * 1e-9 : 0; }

}  // namespace

double KernelProfile::gigabytes_per_second() const {
  return rate(static_cast<double>(kernel.bytes), median_seconds);
}
double KernelProfile::gigaflops() const { return rate(kernel.operations, median_seconds); }

Profile Executable::profile(std::span<const TensorData> feeds, int runs) const {
  if (runs < 1) throw ExecutionError("profile: 'runs' is " + std::to_string(runs) + "; at least 1");
  if (inspected().stages) return inspected().stages->first->profile(feeds, runs);
  const auto steps = inspected().plan->steps.size();
  std::vector<std::vector<double>> seconds(steps);
  std::vector<double> totals;
  std::vector<TensorData> results(target_count());
  std::vector<StepTime> times(steps);
  run(feeds, results);  // the first run touches fresh memory
  Profile profile;
  profile.runs = runs;
  for (auto& kernel : kernels()) profile.kernels.push_back({std::move(kernel), 0, {}});
  for (int i = 0; i < runs; ++i) {
    const auto start = std::chrono::steady_clock::now();
    CallerLock none;
    run_now(*this, feeds, results, none, nullptr, times);
    totals.push_back(
        std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count());
    for (size_t step = 0; step < steps; ++step) {
      const auto& time = times[step];
      seconds[step].push_back(static_cast<double>(time.end - time.begin) * 1e-9);
      profile.kernels[step].last = time;
    }
  }
  for (size_t step = 0; step < steps; ++step)
    profile.kernels[step].median_seconds = median(seconds[step]);
  profile.median_seconds = median(totals);
  return profile;
}

namespace {
/// What a loop or a condition runs; the times are those of the whole step.
void append_bodies(std::string& text, const KernelInfo& owner, size_t depth) {
  for (size_t body = 0; body < owner.bodies.size(); ++body)
    for (const auto& kernel : owner.bodies[body]) {
      text += std::string(37 + 2 * depth, ' ') + "body " + std::to_string(body) + ": " +
              kernel.name + " [" + kernel.computes + "] " + kernel.output + ": " +
              kernel.description + "\n";
      append_bodies(text, kernel, depth + 1);
    }
}
}  // namespace

std::string Profile::to_text() const {
  std::vector<const KernelProfile*> order;
  for (const auto& kernel : kernels) order.push_back(&kernel);
  std::ranges::stable_sort(order, std::ranges::greater(), &KernelProfile::median_seconds);
  char line[160];
  std::snprintf(line, sizeof(line), "%.1f us, %zu kernels, median of %d runs\n",
                median_seconds * 1e6, kernels.size(), runs);
  std::string text = line;
  text += "       us   share     GB/s  GFLOP/s  kernel\n";
  for (const auto* kernel : order) {
    std::snprintf(line, sizeof(line), "%9.1f  %5.1f%%  %7.1f  %7.1f  ",
                  kernel->median_seconds * 1e6,
                  median_seconds > 0 ? kernel->median_seconds / median_seconds * 100 : 0,
                  kernel->gigabytes_per_second(), kernel->gigaflops());
    text += line + kernel->kernel.name + " [" + kernel->kernel.computes + "] " +
            kernel->kernel.output + ": " + kernel->kernel.description + "\n";
    append_bodies(text, kernel->kernel, 1);
  }
  return text;
}

std::string Profile::trace() const {
  auto events = nlohmann::json::array();
  for (const auto& entry : kernels)
    events.push_back({{"name", entry.kernel.name},
                      {"cat", entry.kernel.operation},
                      {"ph", "X"},
                      {"pid", 1},
                      {"tid", 1},
                      {"ts", static_cast<double>(entry.last.begin) / 1e3},
                      {"dur", static_cast<double>(entry.last.end - entry.last.begin) / 1e3},
                      {"args",
                       {{"computes", entry.kernel.computes},
                        {"kernel", entry.kernel.description},
                        {"output", entry.kernel.output},
                        {"ended", entry.kernel.ended},
                        {"bytes", entry.kernel.bytes},
                        {"operations", entry.kernel.operations},
                        {"median_us", entry.median_seconds * 1e6},
                        {"GB/s", entry.gigabytes_per_second()},
                        {"GFLOP/s", entry.gigaflops()}}}});
  return nlohmann::json{{"traceEvents", events}, {"displayTimeUnit", "ns"}}.dump(1);
}

void Profile::save_trace(const std::string& path) const {
  std::ofstream file(path);
  file << trace() << "\n";
  file.close();
  if (!file) throw ExecutionError("the trace could not be written to '" + path + "'");
}

}  // namespace mpsg
