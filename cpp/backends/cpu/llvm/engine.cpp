// The kernel compiler of builds with LLVM: each kernel becomes a module of its own (so that threads
// compile side by side, and kernels are unloaded and kept on disk one by one), and the objects of a
// batch are loaded together.
#include <llvm/Config/llvm-config.h>
#include <llvm/Support/xxhash.h>

#include <cctype>
#include <mutex>
#include <utility>

#include "backends/cpu/kernel_compiler.h"
#include "backends/cpu/llvm/build_id.h"
#include "backends/cpu/llvm/code_generator.h"
#include "backends/cpu/llvm/code_loader.h"
#include "backends/cpu/llvm/emitter.h"
#include "backends/cpu/llvm/kernel_object_cache.h"
#include "backends/cpu/llvm/target.h"
#include "graph/environment.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

constexpr size_t longest_name = 80;

/// "mpsg_softmax_exponent_1a2b3c4d".
std::string function_name(const KernelToCompile& kernel) {
  std::string name = "mpsg_";
  for (const char c : kernel.name.substr(0, longest_name))
    name += std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  constexpr const char* digits = "0123456789abcdef";
  auto hash = llvm::xxh3_64bits(llvm::StringRef(kernel.text));
  name += '_';
  for (int i = 0; i < 8; ++i, hash >>= 4) name += digits[hash & 15];
  return name;
}

class EngineKernel final : public CompiledKernel {
 public:
  EngineKernel(std::shared_ptr<const LoadedCode> code, std::string name, bool from_disk)
      : code_(std::move(code)), name_(std::move(name)), from_disk_(from_disk) {}

  KernelFunction function() const override {
    return reinterpret_cast<KernelFunction>(code_->address());
  }
  const std::string& name() const override { return name_; }
  size_t code_bytes() const override { return code_->bytes(); }
  bool from_disk() const override { return from_disk_; }

 private:
  std::shared_ptr<const LoadedCode> code_;
  std::string name_;
  bool from_disk_;
};

/// Code generators that no thread uses at the moment: making one takes a fraction of a millisecond.
class IdleGenerators {
 public:
  std::unique_ptr<CodeGenerator> take() {
    {
      const std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto generator = std::move(idle_.back());
        idle_.pop_back();
        return generator;
      }
    }
    return std::make_unique<CodeGenerator>(host_target());
  }
  void give_back(std::unique_ptr<CodeGenerator> generator) {
    const std::lock_guard lock(mutex_);
    idle_.push_back(std::move(generator));
  }

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<CodeGenerator>> idle_;
};

class Engine final : public KernelCompiler {
 public:
  Engine() {
    if (const char* folder = environment_value("MPSG_CACHE_DIR")) keep_code_in(folder);
  }

  std::string description() const override {
    const auto& target = host_target();
    return "LLVM " LLVM_VERSION_STRING " for " + target.cpu + ", " +
           std::to_string(target.vector_bytes) + "-byte vectors";
  }

  StitchingLimits limits() const override {
    StitchingLimits limits;
    limits.operands = 48;
    limits.instructions = 512;
    limits.types = {DataType::float16, DataType::float32, DataType::float64, DataType::bfloat16,
                    DataType::int8,    DataType::int16,   DataType::int32,   DataType::int64,
                    DataType::uint8,   DataType::uint16,  DataType::uint32,  DataType::uint64,
                    DataType::boolean};
    limits.epilogues = true;
    return limits;
  }

  std::vector<std::shared_ptr<const CompiledKernel>> compile(
      std::span<const KernelToCompile> kernels, const Parallel& parallel) override {
    std::vector<std::shared_ptr<const CompiledKernel>> compiled(kernels.size());
    const auto cache = object_cache();
    if (cache) load_from_disk(*cache, kernels, compiled);
    std::vector<size_t> missing;
    for (size_t i = 0; i < kernels.size(); ++i)
      if (!compiled[i]) missing.push_back(i);
    std::vector<ObjectToLoad> objects(missing.size());
    parallel.for_range(static_cast<int64_t>(missing.size()), 1, [&](int64_t begin, int64_t end) {
      for (auto k = static_cast<size_t>(begin); k < static_cast<size_t>(end); ++k)
        objects[k] = generate(kernels[missing[k]], cache.get());
    });
    std::vector<std::string> names;
    for (const auto& object : objects) names.push_back(object.function);
    auto codes = load_code(std::move(objects));
    for (size_t k = 0; k < missing.size(); ++k)
      compiled[missing[k]] =
          std::make_shared<EngineKernel>(std::move(codes[k]), std::move(names[k]), false);
    return compiled;
  }

  std::string source(const KernelToCompile& kernel, KernelSource form) override {
    auto generator = idle_.take();
    const auto fill = [&](llvm::Module& module) { emit(module, kernel); };
    auto text = form == KernelSource::assembly ? generator->assembly(fill)
                                               : generator->intermediate_representation(fill);
    idle_.give_back(std::move(generator));
    return text;
  }

  void keep_code_in(const std::string& folder) override {
    const auto& target = host_target();
    std::shared_ptr<const KernelObjectCache> cache;
    if (!folder.empty())
      cache = std::make_shared<KernelObjectCache>(
          folder, std::string(compiler_build_id()) + " LLVM " LLVM_VERSION_STRING " " +
                      target.triple + " " + target.cpu + " " + target.features);
    const std::lock_guard lock(mutex_);
    cache_.swap(cache);
  }

 private:
  std::shared_ptr<const KernelObjectCache> object_cache() const {
    const std::lock_guard lock(mutex_);
    return cache_;
  }

  static void emit(llvm::Module& module, const KernelToCompile& kernel) {
    emit_kernel(module, *kernel.kernel, function_name(kernel), host_target());
  }

  ObjectToLoad generate(const KernelToCompile& kernel, const KernelObjectCache* cache) {
    auto generator = idle_.take();
    ObjectToLoad made{generator->object([&](llvm::Module& module) { emit(module, kernel); }),
                      function_name(kernel)};
    idle_.give_back(std::move(generator));
    if (cache) cache->keep(kernel.text, made.function, made.object->getBuffer());
    return made;
  }

  static void load_from_disk(const KernelObjectCache& cache,
                             std::span<const KernelToCompile> kernels,
                             std::vector<std::shared_ptr<const CompiledKernel>>& compiled) {
    std::vector<ObjectToLoad> objects;
    std::vector<std::string> names;
    std::vector<size_t> found;
    for (size_t i = 0; i < kernels.size(); ++i) {
      auto kept = cache.find(kernels[i].text);
      if (!kept) continue;
      found.push_back(i);
      names.push_back(kept->function);
      objects.push_back({llvm::MemoryBuffer::getMemBufferCopy(kept->object), kept->function});
    }
    try {
      auto codes = load_code(std::move(objects));
      for (size_t k = 0; k < found.size(); ++k)
        compiled[found[k]] =
            std::make_shared<EngineKernel>(std::move(codes[k]), std::move(names[k]), true);
    } catch (const InternalError&) {
      // Something there does not load: compile as if nothing had been found.
    }
  }

  IdleGenerators idle_;
  mutable std::mutex mutex_;
  std::shared_ptr<const KernelObjectCache> cache_;
};

}  // namespace

KernelCompiler* kernel_compiler() {
  // Never destroyed: programs may outlive every static object.
  static auto* const engine = new Engine;
  return engine;
}

}  // namespace mpsg
