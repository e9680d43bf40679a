// From an LLVM module to machine code: a short pass list and LLVM's code generator.
#pragma once

#include <llvm/IR/LLVMContext.h>
#include <llvm/IR/Module.h>
#include <llvm/Support/MemoryBuffer.h>
#include <llvm/Target/TargetMachine.h>

#include <functional>
#include <memory>
#include <string>

#include "backends/cpu/llvm/target.h"

namespace mpsg {

/// Not for two threads at once: each takes one of its own.
class CodeGenerator {
 public:
  explicit CodeGenerator(const TargetFacts& target);
  ~CodeGenerator();

  /// Writes a module with `fill`, and gives its object file. Throws InternalError for whatever
  /// LLVM finds wrong with the module, and then must not be used again.
  std::unique_ptr<llvm::MemoryBuffer> object(const std::function<void(llvm::Module&)>& fill);
  /// The same as text, for people: LLVM's intermediate representation or assembly.
  std::string intermediate_representation(const std::function<void(llvm::Module&)>& fill);
  std::string assembly(const std::function<void(llvm::Module&)>& fill);

 private:
  class Unit;

  const TargetFacts target_;
  std::unique_ptr<llvm::TargetMachine> machine_;
};

}  // namespace mpsg
