#include <cstdio>

#include "build.h"
#include "modes.h"
#include "patterns.h"

namespace mpsg::conformance {
namespace {

/// One line: the median of some runs, and what the kernels moved and computed in it.
void measure(const Case& one, const Device& device, uint64_t seed) {
  auto built = build(one, draw_all(one, seed), device);
  const auto executable = compile(built, device);
  const auto profile = executable->profile(built.feeds);
  double bytes = 0, operations = 0;
  for (const auto& kernel : profile.kernels) {
    bytes += static_cast<double>(kernel.kernel.bytes);
    operations += kernel.kernel.operations;
  }
  std::printf("%-10s %10.1f us %8.2f GB/s %9.2f GFLOP/s  %s\n", device.info().name.c_str(),
              profile.median_seconds * 1e6, bytes / profile.median_seconds * 1e-9,
              operations / profile.median_seconds * 1e-9, one.to_string().c_str());
  std::fflush(stdout);
}

}  // namespace

int perf_mode(const Options& options) {
  auto cases = options.case_text.empty() ? read_folder(options.tables / "performance")
                                         : std::vector{parse_case(options.case_text)};
  int failures = 0;
  for (const auto& one : cases) {
    if (options.case_text.empty() && !wants(options, one.op)) continue;
    for (const auto& device : options.devices) {
      // The reference is there to be right; it is measured where it is asked for.
      if (device.info().name == "reference" && options.devices.size() > 1) continue;
      try {
        measure(one, device, options.seed);
      } catch (const std::exception& error) {
        ++failures;
        std::printf("FAILED %s\n  %s\n", one.to_string().c_str(), error.what());
      }
    }
  }
  return failures;
}

}  // namespace mpsg::conformance
