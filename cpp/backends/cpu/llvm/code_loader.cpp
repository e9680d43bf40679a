#include "backends/cpu/llvm/code_loader.h"

#include <llvm/ExecutionEngine/Orc/Core.h>
#include <llvm/ExecutionEngine/Orc/DebugObjectManagerPlugin.h>
#include <llvm/ExecutionEngine/Orc/EPCDebugObjectRegistrar.h>
#include <llvm/ExecutionEngine/Orc/ExecutorProcessControl.h>
#include <llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h>
#include <llvm/ExecutionEngine/Orc/TargetProcess/JITLoaderGDB.h>
#include <llvm/ExecutionEngine/Orc/TaskDispatch.h>

#include <atomic>
#include <cmath>
#include <cstring>
#include <utility>

#include "backends/cpu/llvm/math_library.h"
#include "backends/cpu/llvm/perf_map.h"
#include "mpsg/error.h"

namespace mpsg {
namespace {

namespace orc = llvm::orc;

[[noreturn]] void fail(llvm::Error error) {
  throw InternalError("LLVM: " + llvm::toString(std::move(error)));
}

template <class T>
T value_of(llvm::Expected<T> expected) {
  if (!expected) fail(expected.takeError());
  return std::move(*expected);
}

struct RuntimeFunction {
  const char* name;
  void* address;
};

template <class Function>
void* pointer_to(Function* function) {
  return reinterpret_cast<void*>(function);
}

using Float64Function = double (*)(double);
using Float32Function = float (*)(float);

// What LLVM itself calls where a processor lacks an instruction. With math_symbols() that is all
// that generated code reaches. Nothing is looked up in the process: which libraries it has loaded
// is not our business.
const RuntimeFunction runtime_functions[] = {
    {"memcpy", pointer_to(&std::memcpy)},
    {"memmove", pointer_to(&std::memmove)},
    {"memset", pointer_to(&std::memset)},
    {"floor", pointer_to(static_cast<Float64Function>(&::floor))},
    {"floorf", pointer_to(static_cast<Float32Function>(&::floorf))},
    {"ceil", pointer_to(static_cast<Float64Function>(&::ceil))},
    {"ceilf", pointer_to(static_cast<Float32Function>(&::ceilf))},
    {"trunc", pointer_to(static_cast<Float64Function>(&::trunc))},
    {"truncf", pointer_to(static_cast<Float32Function>(&::truncf))},
    {"rint", pointer_to(static_cast<Float64Function>(&::rint))},
    {"rintf", pointer_to(static_cast<Float32Function>(&::rintf))},
    {"nearbyint", pointer_to(static_cast<Float64Function>(&::nearbyint))},
    {"nearbyintf", pointer_to(static_cast<Float32Function>(&::nearbyintf))},
    {"roundeven", pointer_to(static_cast<Float64Function>(&::rint))},
    {"roundevenf", pointer_to(static_cast<Float32Function>(&::rintf))},
    {"fma", pointer_to(static_cast<double (*)(double, double, double)>(&::fma))},
    {"fmaf", pointer_to(static_cast<float (*)(float, float, float)>(&::fmaf))},
};

/// The loader of the process. Never destroyed: programs may outlive every static object.
class Loader {
 public:
  static Loader& get() {
    static auto* const loader = new Loader;
    return *loader;
  }

  std::vector<std::shared_ptr<const LoadedCode>> load(std::vector<ObjectToLoad> objects);

 private:
  class Batch;
  class Code;

  Loader()
      : session_(value_of(orc::SelfExecutorProcessControl::Create(
            nullptr, std::make_unique<orc::InPlaceTaskDispatcher>()))),
        linking_(session_),
        runtime_(session_.createBareJITDylib("runtime")),
        prefix_(session_.getTargetTriple().isOSBinFormatMachO() ? "_" : "") {
    // Errors come back through the calls that fail.
    session_.setErrorReporter([](llvm::Error error) { llvm::consumeError(std::move(error)); });
    orc::SymbolMap symbols;
    const auto define = [&](const char* name, void* address) {
      symbols[intern(name)] = {orc::ExecutorAddr::fromPtr(address), llvm::JITSymbolFlags::Exported};
    };
    for (const auto& function : runtime_functions) define(function.name, function.address);
    for (const auto& function : math_symbols()) define(function.name, function.address);
    if (auto error = runtime_.define(orc::absoluteSymbols(std::move(symbols))))
      fail(std::move(error));
    if (session_.getTargetTriple().isOSBinFormatELF()) name_code_for_debuggers();
  }

  void name_code_for_debuggers() {
    linking_.addPlugin(std::make_shared<orc::DebugObjectManagerPlugin>(
        session_,
        std::make_unique<orc::EPCDebugObjectRegistrar>(
            session_, orc::ExecutorAddr::fromPtr(&llvm_orc_registerJITLoaderGDBAllocAction)),
        /*RequireDebugSections=*/false, /*AutoRegisterCode=*/true));
  }

  orc::SymbolStringPtr intern(const std::string& name) { return session_.intern(prefix_ + name); }

  orc::ExecutionSession session_;
  orc::ObjectLinkingLayer linking_;
  orc::JITDylib& runtime_;
  const std::string prefix_;
  std::atomic<uint64_t> batches_{0};
};

/// The name space of objects that were loaded together.
class Loader::Batch {
 public:
  explicit Batch(Loader& loader)
      : loader_(loader),
        library_(
            loader.session_.createBareJITDylib("kernels " + std::to_string(loader.batches_++))) {
    library_.addToLinkOrder(loader.runtime_);
  }
  ~Batch() { llvm::consumeError(loader_.session_.removeJITDylib(library_)); }
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  orc::JITDylib& library() { return library_; }

 private:
  Loader& loader_;
  orc::JITDylib& library_;
};

class Loader::Code final : public LoadedCode {
 public:
  Code(std::shared_ptr<Batch> batch, size_t bytes)
      : batch_(std::move(batch)),
        tracker_(batch_->library().createResourceTracker()),
        bytes_(bytes) {}
  ~Code() override { llvm::consumeError(tracker_->remove()); }

  void* address() const override { return address_; }
  size_t bytes() const override { return bytes_; }

  const orc::ResourceTrackerSP& tracker() const { return tracker_; }
  void set_address(void* address) { address_ = address; }

 private:
  std::shared_ptr<Batch> batch_;
  orc::ResourceTrackerSP tracker_;
  size_t bytes_;
  void* address_ = nullptr;
};

std::vector<std::shared_ptr<const LoadedCode>> Loader::load(std::vector<ObjectToLoad> objects) {
  const auto batch = std::make_shared<Batch>(*this);
  std::vector<std::shared_ptr<Code>> codes;
  orc::SymbolLookupSet wanted;
  for (auto& [object, function] : objects) {
    wanted.add(intern(function));
    codes.push_back(std::make_shared<Code>(batch, object->getBufferSize()));
    if (auto error = linking_.add(codes.back()->tracker(), std::move(object)))
      fail(std::move(error));
  }
  const auto found =
      value_of(session_.lookup(orc::makeJITDylibSearchOrder(&batch->library()), std::move(wanted)));
  for (size_t i = 0; i < codes.size(); ++i) {
    auto* const address = found.lookup(intern(objects[i].function)).getAddress().toPtr<void*>();
    codes[i]->set_address(address);
    note_for_perf(address, codes[i]->bytes(), objects[i].function);
  }
  return {codes.begin(), codes.end()};
}

}  // namespace

std::vector<std::shared_ptr<const LoadedCode>> load_code(std::vector<ObjectToLoad> objects) {
  if (objects.empty()) return {};
  return Loader::get().load(std::move(objects));
}

}  // namespace mpsg
