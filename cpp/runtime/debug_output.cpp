#include "runtime/debug_output.h"

#include <algorithm>
#include <cstdio>
#include <string>

#include "graph/environment.h"

namespace mpsg {
namespace {

template <class... Values>
void append(std::string& text, const char* format, Values... values) {
  char line[256];
  const int length = std::snprintf(line, sizeof(line), format, values...);
  text.append(line, static_cast<size_t>(std::clamp(length, 0, int{sizeof(line)} - 1)));
}

// One call, so that lines of several threads do not mix.
void write(const std::string& text) { std::fwrite(text.data(), 1, text.size(), stderr); }

}  // namespace

void debug_compiled(const Executable& executable, double plan_milliseconds,
                    double kernel_milliseconds) {
  const auto device = executable.device().info();
  const auto kernels = executable.kernels().size();
  std::string text;
  append(text, "mpsg: compiled %zu kernels for %s (", kernels, device.name.c_str());
  text += device.description;
  append(text, "): %.2f ms planning, %.2f ms kernels\n", plan_milliseconds, kernel_milliseconds);
  if (debugging(DebugLevel::code))
    for (size_t step = 0; step < kernels; ++step) text += executable.source(step);
  write(text);
}

void debug_ran(const Executable& executable, std::span<const StepTime> times,
               std::chrono::nanoseconds elapsed) {
  std::string text;
  append(text, "mpsg: ran %.1f us\n", static_cast<double>(elapsed.count()) / 1e3);
  if (debugging(DebugLevel::kernels) && !times.empty()) {
    const auto kernels = executable.kernels();
    for (size_t i = 0; i < kernels.size(); ++i) {
      KernelProfile profile;
      profile.median_seconds = static_cast<double>(times[i].end - times[i].begin) * 1e-9;
      profile.kernel = kernels[i];
      append(text, "mpsg: %9.1f us %7.1f GB/s %7.1f GFLOP/s  ", profile.median_seconds * 1e6,
             profile.gigabytes_per_second(), profile.gigaflops());
      text += kernels[i].name + " [" + kernels[i].computes + "] " + kernels[i].output + ": " +
              kernels[i].description + "\n";
    }
  }
  write(text);
}

}  // namespace mpsg
