// Times matrix products and convolutions, each alone: our kernels beside oneDNN's on the same
// threads, in GFLOP/s and in percent of what the processor's multiply-adds reach in registers.
//   contractions [threads] [seconds for each case] [part of a case's name]
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../tests/cpp/one_step_plan.h"
#include "backends/cpu/contraction/micro_kernels.h"
#include "backends/cpu/library_kernels.h"
#include "ops/enums.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

double now() {
  return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

// --- The peak

#if defined(__x86_64__)
typedef float Vector8 __attribute__((vector_size(32)));
typedef float Vector16 __attribute__((vector_size(64)));

// Ten independent chains in registers hide the latency of each.
[[gnu::target("avx512f")]] void multiply_add_16(int64_t times) {
  Vector16 a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, x{};
  for (int64_t k = 0; k < times; ++k)
    asm volatile("vfmadd231ps %10, %10, %0\n vfmadd231ps %10, %10, %1\n vfmadd231ps %10, %10, %2\n"
                 "vfmadd231ps %10, %10, %3\n vfmadd231ps %10, %10, %4\n vfmadd231ps %10, %10, %5\n"
                 "vfmadd231ps %10, %10, %6\n vfmadd231ps %10, %10, %7\n vfmadd231ps %10, %10, %8\n"
                 "vfmadd231ps %10, %10, %9"
                 : "+v"(a), "+v"(b), "+v"(c), "+v"(d), "+v"(e), "+v"(f), "+v"(g), "+v"(h), "+v"(i),
                   "+v"(j)
                 : "v"(x));
}
[[gnu::target("avx2,fma")]] void multiply_add_8(int64_t times) {
  Vector8 a{}, b{}, c{}, d{}, e{}, f{}, g{}, h{}, i{}, j{}, x{};
  for (int64_t k = 0; k < times; ++k)
    asm volatile("vfmadd231ps %10, %10, %0\n vfmadd231ps %10, %10, %1\n vfmadd231ps %10, %10, %2\n"
                 "vfmadd231ps %10, %10, %3\n vfmadd231ps %10, %10, %4\n vfmadd231ps %10, %10, %5\n"
                 "vfmadd231ps %10, %10, %6\n vfmadd231ps %10, %10, %7\n vfmadd231ps %10, %10, %8\n"
                 "vfmadd231ps %10, %10, %9"
                 : "+x"(a), "+x"(b), "+x"(c), "+x"(d), "+x"(e), "+x"(f), "+x"(g), "+x"(h), "+x"(i),
                   "+x"(j)
                 : "x"(x));
}
#endif

/// One tile on operands in the first cache: what is left of the peak on other processors.
void tile_loop(int64_t times) {
  const auto& kernels = contraction::best_micro_kernels();
  constexpr int64_t depth = 128;
  std::vector<float> a(static_cast<size_t>(kernels.tile_rows * depth));
  std::vector<float> b(static_cast<size_t>(kernels.tile_columns * depth));
  std::vector<float> c(static_cast<size_t>(kernels.tile_rows * kernels.tile_columns));
  contraction::TileCall call{};
  call.a = a.data();
  call.a_step = kernels.tile_rows;
  call.b = b.data();
  call.b_step = call.c_step = call.columns = kernels.tile_columns;
  call.depth = depth;
  call.c = c.data();
  call.soon = {a.data(), 0, 0, 0};
  for (int64_t i = 0; i < times; ++i) kernels.tile(kernels.tile_rows, call);
}

struct PeakLoop {
  void (*run)(int64_t times);
  double operations;  // each time
};

PeakLoop peak_loop() {
#if defined(__x86_64__)
  if (__builtin_cpu_supports("avx512f")) return {multiply_add_16, 10 * 16 * 2};
  if (__builtin_cpu_supports("fma")) return {multiply_add_8, 10 * 8 * 2};
#endif
  const auto& kernels = contraction::best_micro_kernels();
  return {tile_loop, 2.0 * 128 * static_cast<double>(kernels.tile_rows * kernels.tile_columns)};
}

/// The best of several tries, GFLOP/s of all threads.
double measure_peak(const ThreadPool& pool) {
  const PeakLoop loop = peak_loop();
  const auto times = static_cast<int64_t>(4e8 / loop.operations);
  const ThreadPool::Session session(pool);
  double best = 1e30;
  for (int i = 0; i < 30; ++i) {
    const double before = now();
    pool.run_tasks(pool.threads(), [&](int64_t) { loop.run(times); });
    best = std::min(best, now() - before);
  }
  return loop.operations * static_cast<double>(times * pool.threads()) / best * 1e-9;
}

// --- The cases

struct Case {
  std::string name;
  std::string op;
  std::vector<TensorType> inputs;
  TensorType output;
  Attributes attributes;
  double operations;
};

struct Product {
  const char* name;
  int64_t items, rows, columns, depth;
  bool transpose_primary = false;
  bool transpose_secondary = false;
};

constexpr Product products[] = {
    {"square 256", 1, 256, 256, 256},
    {"square 512", 1, 512, 512, 512},
    {"square 1024", 1, 1024, 1024, 1024},
    {"square 2048", 1, 2048, 2048, 2048},
    {"digits 16 dense", 1, 16, 1024, 3136},
    {"digits 16 dense dX", 1, 16, 3136, 1024, false, true},
    {"digits 16 dense dW", 1, 3136, 1024, 16, true},
    {"digits 64 dense", 1, 64, 1024, 3136},
    {"digits 64 dense dX", 1, 64, 3136, 1024, false, true},
    {"digits 64 dense dW", 1, 3136, 1024, 64, true},
    {"digits 256 dense", 1, 256, 1024, 3136},
    {"digits 256 dense dX", 1, 256, 3136, 1024, false, true},
    {"digits 256 dense dW", 1, 3136, 1024, 256, true},
    {"digits 64 output", 1, 64, 10, 1024},
    {"digits 64 output dX", 1, 64, 1024, 10, false, true},
    {"digits 64 output dW", 1, 1024, 10, 64, true},
    {"mlp 784 to 512", 1, 128, 512, 784},
    {"mlp 784 to 512 dW", 1, 784, 512, 128, true},
    {"mlp 512 to 512", 1, 128, 512, 512},
    {"mlp 512 to 512 dX", 1, 128, 512, 512, false, true},
    {"mlp 512 to 512 dW", 1, 512, 512, 128, true},
    {"mlp 512 to 10", 1, 128, 10, 512},
    {"transformer 256 to 256", 1, 1024, 256, 256},
    {"transformer 256 to 1024", 1, 1024, 1024, 256},
    {"transformer 1024 to 256", 1, 1024, 256, 1024},
    {"transformer 256 to 256 dW", 1, 256, 256, 1024, true},
    {"transformer 256 to 1024 dW", 1, 256, 1024, 1024, true},
    {"transformer 256 to 1024 dX", 1, 1024, 256, 1024, false, true},
    {"attention scores", 32, 128, 128, 64, false, true},
    {"attention values", 32, 128, 64, 128},
    {"attention values dW", 32, 128, 64, 128, true},
    {"text gates", 1, 1, 4096, 1280},
    {"text output", 1, 1, 65, 1024},
    {"vector, transposed", 1, 1, 1024, 3136, false, true},
    {"4 rows", 1, 4, 4096, 1280},
    {"8 rows", 1, 8, 4096, 1280},
    {"deep", 1, 64, 64, 65536, true},
};

Case case_of(const Product& p) {
  const auto matrix = [&](int64_t rows, int64_t columns, bool swapped) {
    if (swapped) std::swap(rows, columns);
    return p.items > 1 ? float32({p.items, rows, columns}) : float32({rows, columns});
  };
  return {
      p.name,
      "matrix_multiplication",
      {matrix(p.rows, p.depth, p.transpose_primary),
       matrix(p.depth, p.columns, p.transpose_secondary)},
      matrix(p.rows, p.columns, false),
      {{"transpose_primary", p.transpose_primary}, {"transpose_secondary", p.transpose_secondary}},
      2.0 * static_cast<double>(p.items * p.rows * p.columns * p.depth)};
}

/// Square images, square filters, "same" padding.
struct Convolution {
  const char* name;
  int64_t images, size, in, out, filter, stride = 1;
};

constexpr Convolution convolutions[] = {
    {"digits 16 first", 16, 28, 1, 32, 5},     {"digits 16 second", 16, 14, 32, 64, 5},
    {"digits 64 first", 64, 28, 1, 32, 5},     {"digits 64 second", 64, 14, 32, 64, 5},
    {"digits 256 second", 256, 14, 32, 64, 5}, {"digits 1 first", 1, 28, 1, 32, 5},
    {"digits 1 second", 1, 14, 32, 64, 5},     {"digits 256 first", 256, 28, 1, 32, 5},
    {"gan first", 16, 28, 1, 64, 5, 2},        {"gan second", 16, 14, 64, 128, 5, 2},
    {"gan 7x7", 16, 7, 128, 256, 5},           {"56x56", 8, 56, 64, 64, 3},
    {"1x1 filters", 8, 28, 256, 128, 1},       {"7x7", 8, 7, 512, 512, 3},
};

void add_convolution(const Convolution& c, std::vector<Case>& cases) {
  using ops::TensorNamedDataLayout;
  const Attributes attributes{
      {"padding_style", static_cast<int64_t>(ops::PaddingStyle::TF_SAME)},
      {"stride_in_x", c.stride},
      {"stride_in_y", c.stride},
      {"data_layout", static_cast<int64_t>(TensorNamedDataLayout::NHWC)},
      {"weights_layout", static_cast<int64_t>(TensorNamedDataLayout::HWIO)}};
  const auto source = float32({c.images, c.size, c.size, c.in});
  const int64_t size = (c.size - 1) / c.stride + 1;
  const auto output = float32({c.images, size, size, c.out});
  const auto weights = float32({c.filter, c.filter, c.in, c.out});
  const double operations =
      2.0 * static_cast<double>(c.images * size * size * c.in * c.out * c.filter * c.filter);
  const std::string name = std::string(c.name) + " convolution";
  cases.push_back({name, "convolution_2d", {source, weights}, output, attributes, operations});
  if (c.in > 1 || c.stride > 1)
    cases.push_back({name + " dX",
                     "convolution_2d_data_gradient",
                     {output, weights},
                     source,
                     attributes,
                     operations});
  cases.push_back({name + " dW",
                   "convolution_2d_weights_gradient",
                   {output, source},
                   weights,
                   attributes,
                   operations});
}

// --- Timing

class Contender {
 public:
  explicit Contender(std::unique_ptr<Kernel> kernel) : kernel_(std::move(kernel)) {
    if (kernel_) runner_ = std::make_unique<KernelRunner>(*kernel_);
  }
  void run(const std::vector<const std::vector<float>*>& inputs, std::vector<float>& output) {
    if (!kernel_) return;
    const double before = now();
    runner_->run(inputs, output);
    times_.push_back(now() - before);
  }
  double median() {
    if (times_.empty()) return 0;
    std::nth_element(times_.begin(), times_.begin() + static_cast<int64_t>(times_.size() / 2),
                     times_.end());
    return times_[times_.size() / 2];
  }
  double best() const {
    return times_.empty() ? 0 : *std::min_element(times_.begin(), times_.end());
  }
  std::string description() const { return kernel_ ? kernel_->description() : "none"; }

 private:
  std::unique_ptr<Kernel> kernel_;
  std::unique_ptr<KernelRunner> runner_;
  std::vector<double> times_;
};

void time_case(const Case& c, const ThreadPool& pool, double seconds, double peak) {
  const OneStepPlan plan(c.op, c.inputs, c.output, c.attributes);
  Contender ours(make_own_kernel(plan.plan(), plan.step(), pool));
  Contender other(make_onednn_kernel(plan.plan(), plan.step(), pool));
  std::vector<std::vector<float>> data;
  for (const auto& input : c.inputs)
    data.emplace_back(static_cast<size_t>(*input.shape.element_count()), 0.5f);
  std::vector<float> result(static_cast<size_t>(*c.output.shape.element_count()));
  std::vector<const std::vector<float>*> inputs;
  double bytes = static_cast<double>(result.size() * sizeof(float));
  for (const auto& values : data) {
    inputs.push_back(&values);
    bytes += static_cast<double>(values.size() * sizeof(float));
  }
  // In turns of several runs, so that both meet the same machine in the same state of the caches.
  const ThreadPool::Session session(pool);
  for (const double end = now() + seconds; now() < end;)
    for (Contender* contender : {&ours, &other})
      for (int i = 0; i < 5; ++i) contender->run(inputs, result);
  const auto rate = [&](double time) { return time > 0 ? c.operations / time * 1e-9 : 0; };
  const double mine = ours.median(), theirs = other.median();
  std::printf("%-32s %9.1f %7.1f %5.0f%% %5.0f%% %7.1f %9.1f %6.2f  %s\n", c.name.c_str(),
              mine * 1e6, rate(mine), 100 * rate(mine) / peak, 100 * rate(ours.best()) / peak,
              mine > 0 ? bytes / mine * 1e-9 : 0, rate(theirs), mine > 0 ? theirs / mine : 0,
              ours.description().c_str());
  std::fflush(stdout);
}

}  // namespace

int main(int count, char** arguments) {
  const ThreadPool pool(count > 1 ? std::atoi(arguments[1]) : ThreadPool::configured_threads());
  const double seconds = count > 2 ? std::atof(arguments[2]) : 0.5;
  const char* const wanted = count > 3 ? arguments[3] : "";
  std::vector<Case> cases;
  for (const auto& product : products) cases.push_back(case_of(product));
  for (const auto& convolution : convolutions) add_convolution(convolution, cases);
  const double peak = measure_peak(pool);
  std::printf("%s, %d threads, peak %.1f GFLOP/s\n", library_name().c_str(), pool.threads(), peak);
  std::printf("%-32s %9s %7s %6s %6s %7s %9s %6s  %s\n", "case", "median us", "GFLOP/s", "peak",
              "best", "GB/s", "oneDNN", "ratio", "kernel");
  for (const auto& c : cases)
    if (c.name.find(wanted) != std::string::npos) time_case(c, pool, seconds, peak);
  return 0;
}
