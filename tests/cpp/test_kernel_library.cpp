// The library of compiled kernels, with a compiler that only counts.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "backends/cpu/kernel_library.h"
#include "mpsg/error.h"

using namespace mpsg;

namespace {

std::atomic<int> loaded{0};

class CountedKernel final : public CompiledKernel {
 public:
  explicit CountedKernel(std::string name) : name_(std::move(name)) { ++loaded; }
  ~CountedKernel() override { --loaded; }
  KernelFunction function() const override { return nullptr; }
  const std::string& name() const override { return name_; }
  size_t code_bytes() const override { return 100; }
  bool from_disk() const override { return name_ == "kept on disk"; }

 private:
  std::string name_;
};

/// Takes a while, counts batches and kernels, and fails when told to.
class CountingCompiler final : public KernelCompiler {
 public:
  std::string description() const override { return "counts"; }
  StitchingLimits limits() const override { return {}; }
  std::vector<std::shared_ptr<const CompiledKernel>> compile(
      std::span<const KernelToCompile> kernels, const Parallel&) override {
    ++batches;
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    if (failures > 0) {
      --failures;
      throw InternalError("as the test wants it");
    }
    std::vector<std::shared_ptr<const CompiledKernel>> compiled;
    for (const auto& kernel : kernels) {
      compiled.push_back(std::make_shared<CountedKernel>(kernel.text));
      ++count;
    }
    return compiled;
  }
  std::string source(const KernelToCompile&, KernelSource) override { return {}; }
  void keep_code_in(const std::string&) override {}

  std::atomic<int> batches{0};
  std::atomic<int> count{0};
  std::atomic<int> failures{0};
};

std::vector<KernelToCompile> named(const std::vector<std::string>& texts) {
  std::vector<KernelToCompile> kernels;
  for (const auto& text : texts) kernels.push_back({nullptr, text, text});
  return kernels;
}

KernelLibrary::Kernels require(KernelLibrary& library, const std::vector<std::string>& texts) {
  const auto kernels = named(texts);
  return library.require(kernels, Parallel::serial());
}

}  // namespace

TEST_CASE("what is missing is compiled as one batch, once") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  const auto first = require(library, {"a", "b", "a"});
  REQUIRE(first.size() == 3);
  CHECK(first[0] == first[2]);
  CHECK(first[0]->name() == "a");
  CHECK(first[1]->name() == "b");
  CHECK(compiler.batches == 1);
  CHECK(compiler.count == 2);
  const auto second = require(library, {"b", "c"});
  CHECK(second[0] == first[1]);
  CHECK(compiler.batches == 2);
  CHECK(compiler.count == 3);
  const auto statistics = library.statistics();
  CHECK(statistics.compiled == 3);
  CHECK(statistics.reused == 2);
  CHECK(statistics.compile_milliseconds >= 4);
  CHECK(statistics.code_bytes == 300);
}

TEST_CASE("what came from disk was not compiled") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  (void)require(library, {"kept on disk", "a"});
  CHECK(library.statistics().disk_hits == 1);
  CHECK(library.statistics().compiled == 1);
}

TEST_CASE("kernels stay for the next program, up to a limit") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  library.limit(2, 1000);
  (void)require(library, {"a"});
  (void)require(library, {"b"});
  (void)require(library, {"a"});  // now the latest
  (void)require(library, {"c"});  // drops b
  CHECK(loaded == 2);
  CHECK(compiler.count == 3);
  (void)require(library, {"a", "c"});
  CHECK(compiler.count == 3);
  (void)require(library, {"b"});
  CHECK(compiler.count == 4);
  library.limit(10, 150);  // of 100 bytes each
  CHECK(loaded == 1);
  library.clear();
  CHECK(loaded == 0);
  CHECK(library.statistics().code_bytes == 0);
}

TEST_CASE("a kernel in use is found even if it is not kept") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  library.limit(0, 0);
  {
    const auto used = require(library, {"a"});
    CHECK(require(library, {"a"}) == used);
    CHECK(compiler.count == 1);
  }
  CHECK(loaded == 0);
  (void)require(library, {"a"});
  CHECK(compiler.count == 2);
}

TEST_CASE("the library forgets the texts of kernels that are gone") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  library.limit(1, 1000);
  for (int i = 0; i < 200; ++i) (void)require(library, {"kernel " + std::to_string(i)});
  CHECK(loaded == 1);
  CHECK(library.statistics().code_bytes == 100);
}

TEST_CASE("threads that want the same kernels compile each once") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  std::vector<std::thread> threads;
  std::atomic<int> sound{0};
  for (int t = 0; t < 6; ++t)
    threads.emplace_back([&, t] {
      // Each begins elsewhere, so that they wait for each other crosswise.
      const auto mine = std::to_string(t % 3), next = std::to_string((t + 1) % 3);
      const auto kernels = require(library, {mine, "all", next});
      if (kernels[0]->name() == mine && kernels[1]->name() == "all" && kernels[2]->name() == next)
        ++sound;
    });
  for (auto& thread : threads) thread.join();
  CHECK(sound == 6);
  CHECK(compiler.count == 4);
}

TEST_CASE("a failure is the caller's; whoever waited compiles") {
  CountingCompiler compiler;
  KernelLibrary library(compiler);
  compiler.failures = 1;
  std::atomic<int> failed{0}, succeeded{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      try {
        if (require(library, {"a"})[0]) ++succeeded;
      } catch (const InternalError&) {
        ++failed;
      }
    });
  for (auto& thread : threads) thread.join();
  CHECK(failed == 1);
  CHECK(succeeded == 3);
  CHECK(compiler.count == 1);
}
