#include "backends/cpu/llvm/code_generator.h"

#include <llvm/ADT/SmallVector.h>
#include <llvm/Analysis/AliasAnalysis.h>
#include <llvm/Analysis/AssumptionCache.h>
#include <llvm/Analysis/BasicAliasAnalysis.h>
#include <llvm/Analysis/OptimizationRemarkEmitter.h>
#include <llvm/Analysis/TargetLibraryInfo.h>
#include <llvm/Analysis/TargetTransformInfo.h>
#include <llvm/IR/DiagnosticInfo.h>
#include <llvm/IR/DiagnosticPrinter.h>
#include <llvm/IR/Dominators.h>
#include <llvm/IR/LegacyPassManager.h>
#include <llvm/IR/PassInstrumentation.h>
#include <llvm/IR/PassManager.h>
#include <llvm/IR/Verifier.h>
#include <llvm/MC/MCContext.h>
#include <llvm/MC/TargetRegistry.h>
#include <llvm/Support/CommandLine.h>
#include <llvm/Support/ErrorHandling.h>
#include <llvm/Support/SmallVectorMemoryBuffer.h>
#include <llvm/Support/TargetSelect.h>
#include <llvm/Support/raw_ostream.h>
#include <llvm/Transforms/InstCombine/InstCombine.h>
#include <llvm/Transforms/Scalar/EarlyCSE.h>

#include <mutex>
#include <utility>

#include "mpsg/error.h"

namespace mpsg {
namespace {

/// LLVM would end the process; we unwind instead, and abandon what it was working on.
[[noreturn]] void throw_fatal_error(void*, const char* reason, bool) {
  throw InternalError(std::string("LLVM: ") + reason);
}

void initialize_llvm() {
  static const bool once = [] {
    llvm::InitializeNativeTarget();
    llvm::InitializeNativeTargetAsmPrinter();
    llvm::install_fatal_error_handler(throw_fatal_error);
    // Half of the time to generate code, for loops whose addresses the emitter has made cheap.
    auto& known = llvm::cl::getRegisteredOptions();
    if (const auto found = known.find("disable-lsr"); found != known.end())
      static_cast<llvm::cl::opt<bool>*>(found->second)->setValue(true);
    return true;
  }();
  (void)once;
}

/// Remembers the first error that LLVM reports about a module.
class FirstError final : public llvm::DiagnosticHandler {
 public:
  explicit FirstError(std::string& text) : text_(text) {}
  bool handleDiagnostics(const llvm::DiagnosticInfo& info) override {
    if (info.getSeverity() == llvm::DS_Error && text_.empty()) {
      llvm::raw_string_ostream stream(text_);
      llvm::DiagnosticPrinterRawOStream printer(stream);
      info.print(printer);
    }
    return true;  // nothing is printed
  }

 private:
  std::string& text_;
};

// What the emitter writes is nearly final: equal expressions become one and patterns of
// instructions are recognised; the loops are already as they should be.
void optimize(llvm::Module& module, llvm::TargetMachine& machine) {
  llvm::ModuleAnalysisManager modules;
  llvm::FunctionAnalysisManager functions;
  modules.registerPass([] { return llvm::PassInstrumentationAnalysis(); });
  functions.registerPass([] { return llvm::PassInstrumentationAnalysis(); });
  functions.registerPass([&] { return llvm::ModuleAnalysisManagerFunctionProxy(modules); });
  functions.registerPass([] { return llvm::AssumptionAnalysis(); });
  functions.registerPass([] { return llvm::DominatorTreeAnalysis(); });
  functions.registerPass([] { return llvm::OptimizationRemarkEmitterAnalysis(); });
  functions.registerPass([] { return llvm::BasicAA(); });
  functions.registerPass([] {
    llvm::AAManager aliases;
    aliases.registerFunctionAnalysis<llvm::BasicAA>();
    return aliases;
  });
  functions.registerPass([&] { return machine.getTargetIRAnalysis(); });
  functions.registerPass([&] {
    return llvm::TargetLibraryAnalysis(llvm::TargetLibraryInfoImpl(machine.getTargetTriple()));
  });
  llvm::FunctionPassManager passes;
  passes.addPass(llvm::EarlyCSEPass());
  passes.addPass(llvm::InstCombinePass());
  passes.addPass(llvm::EarlyCSEPass());
  for (auto& function : module)
    if (!function.isDeclaration()) passes.run(function, functions);
}

// Registers as wide as the emitter chose, whatever LLVM's tuning prefers for this processor.
void set_attributes(llvm::Module& module, const TargetFacts& target) {
  const auto width = std::to_string(target.vector_bytes * 8);
  for (auto& function : module) {
    if (function.isDeclaration()) continue;
    function.addFnAttr("target-cpu", target.cpu);
    function.addFnAttr("target-features", target.features);
    function.addFnAttr("prefer-vector-width", width);
    function.addFnAttr("min-legal-vector-width", width);
    function.addFnAttr(llvm::Attribute::NoUnwind);
  }
}

}  // namespace

/// A module on its way through LLVM. After an error everything is leaked on purpose: LLVM was
/// interrupted anywhere, so its destructors may crash.
class CodeGenerator::Unit {
 public:
  explicit Unit(CodeGenerator& generator)
      : generator_(generator), state_(std::make_unique<State>()) {
    auto& module = state_->module;
    module.setTargetTriple(generator_.target_.triple);
    module.setDataLayout(generator_.machine_->createDataLayout());
    state_->context.setDiagnosticHandler(std::make_unique<FirstError>(error_));
  }

  void guard(const std::function<void(llvm::Module&)>& work) {
    try {
      work(state_->module);
    } catch (...) {
      abandon();
      throw;
    }
    if (!error_.empty()) throw InternalError("LLVM: " + error_);
  }

  void prepare(const std::function<void(llvm::Module&)>& fill) {
    guard([&](llvm::Module& module) {
      fill(module);
      set_attributes(module, generator_.target_);
      std::string wrong;
      llvm::raw_string_ostream stream(wrong);
      if (llvm::verifyModule(module, &stream)) throw InternalError("LLVM verifier: " + wrong);
      optimize(module, *generator_.machine_);
    });
  }

  void generate(llvm::raw_pwrite_stream& to, llvm::CodeGenFileType form) {
    guard([&](llvm::Module& module) {
      state_->passes = std::make_unique<llvm::legacy::PassManager>();
      // The module is verified already.
      if (generator_.machine_->addPassesToEmitFile(*state_->passes, to, nullptr, form, true))
        throw InternalError("LLVM cannot generate code for this processor");
      state_->passes->run(module);
      state_->passes.reset();
    });
  }

  llvm::Module& module() { return state_->module; }

 private:
  struct State {
    llvm::LLVMContext context;
    llvm::Module module{"mpsg", context};
    std::unique_ptr<llvm::legacy::PassManager> passes;
  };

  void abandon() {
    state_->context.setDiagnosticHandler(nullptr);
    (void)state_.release();
    (void)generator_.machine_.release();
  }

  CodeGenerator& generator_;
  std::string error_;
  std::unique_ptr<State> state_;
};

CodeGenerator::CodeGenerator(const TargetFacts& target) : target_(target) {
  initialize_llvm();
  std::string error;
  const auto* found = llvm::TargetRegistry::lookupTarget(target.triple, error);
  if (!found) throw InternalError("LLVM: " + error);
  llvm::TargetOptions options;
  options.AllowFPOpFusion = llvm::FPOpFusion::Strict;
  machine_.reset(found->createTargetMachine(target.triple, target.cpu, target.features, options,
                                            llvm::Reloc::PIC_, llvm::CodeModel::Small,
                                            llvm::CodeGenOptLevel::Default, /*JIT=*/true));
  if (!machine_) throw InternalError("LLVM has no code generator for " + target.triple);
}

CodeGenerator::~CodeGenerator() = default;

std::unique_ptr<llvm::MemoryBuffer> CodeGenerator::object(
    const std::function<void(llvm::Module&)>& fill) {
  Unit unit(*this);
  unit.prepare(fill);
  llvm::SmallVector<char, 0> bytes;
  {
    llvm::raw_svector_ostream stream(bytes);
    unit.generate(stream, llvm::CodeGenFileType::ObjectFile);
  }
  return std::make_unique<llvm::SmallVectorMemoryBuffer>(std::move(bytes), "mpsg kernels",
                                                         /*RequiresNullTerminator=*/false);
}

std::string CodeGenerator::intermediate_representation(
    const std::function<void(llvm::Module&)>& fill) {
  Unit unit(*this);
  unit.prepare(fill);
  std::string text;
  llvm::raw_string_ostream stream(text);
  unit.module().print(stream, nullptr);
  return text;
}

std::string CodeGenerator::assembly(const std::function<void(llvm::Module&)>& fill) {
  Unit unit(*this);
  unit.prepare(fill);
  llvm::SmallVector<char, 0> bytes;
  {
    llvm::raw_svector_ostream stream(bytes);
    unit.generate(stream, llvm::CodeGenFileType::AssemblyFile);
  }
  return {bytes.data(), bytes.size()};
}

}  // namespace mpsg
