// Puts object files into executable memory and takes them out again.
#pragma once

#include <llvm/Support/MemoryBuffer.h>

#include <memory>
#include <string>
#include <vector>

namespace mpsg {

/// One object file in memory; unloaded with the last owner.
class LoadedCode {
 public:
  virtual ~LoadedCode() = default;
  virtual void* address() const = 0;  // of the function it was loaded for
  virtual size_t bytes() const = 0;   // of memory
};

struct ObjectToLoad {
  std::unique_ptr<llvm::MemoryBuffer> object;
  std::string function;  // the one that will be called
};

/// Loads object files into this process. Any thread may call it. Throws InternalError.
std::vector<std::shared_ptr<const LoadedCode>> load_code(std::vector<ObjectToLoad> objects);

}  // namespace mpsg
