// load_executable: a package as an executable.
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/executable_builder.h"
#include "runtime/package/package_reader.h"

namespace mpsg {
namespace {

std::shared_ptr<Executable> compile(const ReadProgram& program, const Device& device,
                                    const CompilationDescriptor& descriptor) {
  CallerLock caller;
  return compile_for(program.graph, device, program.feeds, program.targets, program.operations,
                     descriptor, caller);
}

}  // namespace

std::shared_ptr<Executable> load_executable(const std::string& path, const Device& device) {
  const auto package = read_package(path);
  try {
    CompilationDescriptor descriptor;
    descriptor.optimization_level =
        package.manifest.optimization_level == 0 ? Optimization::level0 : Optimization::level1;
    for (const auto& [symbol, program] : package.callables)
      descriptor.callables[symbol] = compile(program, device, {});
    return compile(package.program, device, descriptor);
  } catch (const GraphError& error) {
    throw PackageError(path + ": what it holds cannot be compiled: " + error.what());
  } catch (const FeedError& error) {
    throw PackageError(path + ": its feeds do not fit its graph: " + error.what());
  }
}

}  // namespace mpsg
