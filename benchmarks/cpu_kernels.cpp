// Times the CPU's library kernels on the shapes of the digits example (a plain main, no framework):
//   cpu_kernels [threads] [seconds for each case]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "../tests/cpp/one_step_plan.h"
#include "backends/cpu/library_kernels.h"
#include "ops/enums.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class Benchmark {
 public:
  Benchmark(int threads, double seconds) : pool_(threads), seconds_(seconds) {
    std::printf("%s, %d threads\n%-34s %9s %9s %9s  %9s %s\n", library_name().c_str(), threads,
                "case", "median ms", "best ms", "GFLOP/s", "make ms", "kernel");
  }

  /// `operations` of 0: prints GB/s of inputs and output instead.
  void time(const std::string& name, const std::string& op, const std::vector<TensorType>& inputs,
            const TensorType& output, const Attributes& attributes, double operations) const {
    const OneStepPlan plan(op, inputs, output, attributes);
    const double start = now();
    const auto kernel = make_library_kernel(plan.plan(), plan.step(), pool_);
    const double make_seconds = now() - start;
    if (!kernel) {
      std::printf("%-34s refused\n", name.c_str());
      return;
    }
    std::vector<std::vector<float>> data;
    for (const auto& input : inputs)
      data.emplace_back(static_cast<size_t>(*input.shape.element_count()), 0.5f);
    std::vector<float> result(static_cast<size_t>(*output.shape.element_count()));
    std::vector<const std::vector<float>*> pointers;
    for (const auto& values : data) pointers.push_back(&values);
    const auto times = sample(*kernel, pointers, result);
    double bytes = static_cast<double>(result.size());
    for (const auto& values : data) bytes += static_cast<double>(values.size());
    const double median = times[times.size() / 2];
    const double rate = (operations > 0 ? operations : bytes * 4) / median * 1e-9;
    std::printf("%-34s %9.3f %9.3f %9.1f%s %8.2f %s\n", name.c_str(), median * 1e3,
                times.front() * 1e3, rate, operations > 0 ? "  " : "GB", make_seconds * 1e3,
                kernel->description().c_str());
    std::fflush(stdout);
  }

 private:
  std::vector<double> sample(const Kernel& kernel,
                             const std::vector<const std::vector<float>*>& inputs,
                             std::vector<float>& output) const {
    const ThreadPool::Session session(pool_);
    KernelRunner runner(kernel);
    std::vector<double> times;
    runner.run(inputs, output);
    for (const double end = now() + seconds_; now() < end || times.size() < 5;) {
      const double before = now();
      runner.run(inputs, output);
      times.push_back(now() - before);
    }
    std::sort(times.begin(), times.end());
    return times;
  }

  const ThreadPool pool_;
  const double seconds_;
};

Attributes layout(bool nhwc) {
  using ops::TensorNamedDataLayout;
  return {{"padding_style", static_cast<int64_t>(ops::PaddingStyle::TF_SAME)},
          {"data_layout",
           static_cast<int64_t>(nhwc ? TensorNamedDataLayout::NHWC : TensorNamedDataLayout::NCHW)},
          {"weights_layout",
           static_cast<int64_t>(nhwc ? TensorNamedDataLayout::HWIO : TensorNamedDataLayout::OIHW)}};
}

TensorType image(bool nhwc, int64_t n, int64_t c, int64_t size) {
  return nhwc ? float32({n, size, size, c}) : float32({n, c, size, size});
}

void time_convolution(const Benchmark& benchmark, int64_t n, int64_t size, int64_t in, int64_t out,
                      int64_t kernel, bool nhwc) {
  const auto source = image(nhwc, n, in, size), output = image(nhwc, n, out, size);
  const auto weights =
      nhwc ? float32({kernel, kernel, in, out}) : float32({out, in, kernel, kernel});
  const std::string name = "conv " + std::to_string(size) + "^2 " + std::to_string(in) + "->" +
                           std::to_string(out) + (nhwc ? " nhwc" : " nchw") + " n" +
                           std::to_string(n);
  const double operations = 2.0 * static_cast<double>(n * size * size * in * out * kernel * kernel);
  benchmark.time(name + " fwd", "convolution_2d", {source, weights}, output, layout(nhwc),
                 operations);
  if (in > 1)
    benchmark.time(name + " dX", "convolution_2d_data_gradient", {output, weights}, source,
                   layout(nhwc), operations);
  benchmark.time(name + " dW", "convolution_2d_weights_gradient", {output, source}, weights,
                 layout(nhwc), operations);
}

void time_pooling(const Benchmark& benchmark, int64_t n, int64_t size, int64_t channels,
                  bool nhwc) {
  auto attributes = layout(nhwc);
  for (const char* field : {"kernel_width", "kernel_height", "stride_in_x", "stride_in_y"})
    attributes[field] = int64_t{2};
  const auto source = image(nhwc, n, channels, size), output = image(nhwc, n, channels, size / 2);
  for (const std::string kind : {"max", "avg"}) {
    const std::string name = kind + " pool " + std::to_string(size) + "^2 " +
                             std::to_string(channels) + (nhwc ? " nhwc" : " nchw") + " n" +
                             std::to_string(n);
    benchmark.time(name + " fwd", kind + "_pooling_2d", {source}, output, attributes, 0);
    benchmark.time(name + " dX", kind + "_pooling_2d_gradient", {output, source}, source,
                   attributes, 0);
  }
}

void time_dense(const Benchmark& benchmark, int64_t n, int64_t in, int64_t out) {
  const auto x = float32({n, in}), w = float32({in, out}), y = float32({n, out});
  const std::string name =
      "dense " + std::to_string(in) + "->" + std::to_string(out) + " n" + std::to_string(n);
  const double operations = 2.0 * static_cast<double>(n * in * out);
  benchmark.time(name + " fwd", "matrix_multiplication", {x, w}, y, {}, operations);
  if (require_row("matrix_multiplication").attribute_index("transpose_primary") < 0) return;
  benchmark.time(name + " dX", "matrix_multiplication", {y, w}, x, {{"transpose_secondary", true}},
                 operations);
  benchmark.time(name + " dW", "matrix_multiplication", {x, y}, w, {{"transpose_primary", true}},
                 operations);
}

}  // namespace

int main(int count, char** arguments) {
  const Benchmark benchmark(count > 1 ? std::atoi(arguments[1]) : 2,
                            count > 2 ? std::atof(arguments[2]) : 0.5);
  for (int64_t n : {40, 64}) {
    time_convolution(benchmark, n, 28, 1, 32, 5, true);
    time_convolution(benchmark, n, 14, 32, 64, 5, true);
    time_pooling(benchmark, n, 28, 32, true);
    time_pooling(benchmark, n, 14, 64, true);
    time_dense(benchmark, n, 3136, 1024);
    time_dense(benchmark, n, 1024, 10);
  }
  time_convolution(benchmark, 64, 28, 1, 32, 5, false);
  time_convolution(benchmark, 64, 14, 32, 64, 5, false);
  time_pooling(benchmark, 64, 28, 32, false);
  time_convolution(benchmark, 1, 14, 32, 64, 5, true);
  time_dense(benchmark, 1, 3136, 1024);
  time_dense(benchmark, 1024, 1024, 1024);
  return 0;
}
