// load_executable: a package as an executable. What of an executable a package keeps.
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/package/package_reader.h"

namespace mpsg {
namespace {

std::shared_ptr<Executable> compile(const ReadProgram& program, const Device& device,
                                    const CallableExecutables& callables) {
  CallerLock caller;
  return compile_for(program.graph, device, program.feeds, program.targets, program.operations,
                     callables, caller);
}

}  // namespace

std::vector<Operation> ExecutableBuilder::target_operations_of(const Executable& executable) {
  const auto& state = *executable.state_;
  const auto graph = state.require_graph();
  std::vector<Operation> operations;
  for (const auto id : state.operations) operations.emplace_back(graph, id);
  return operations;
}

const Callables& ExecutableBuilder::callables_of(const Executable& executable) {
  return executable.state_->callables;
}

std::shared_ptr<Executable> load_executable(const std::string& path, const Device& device) {
  const auto package = read_package(path);
  try {
    CallableExecutables callables;
    for (const auto& [symbol, program] : package.callables)
      callables[symbol] = compile(program, device, {});
    return compile(package.program, device, callables);
  } catch (const GraphError& error) {
    throw PackageError(path + ": what it holds cannot be compiled: " + error.what());
  } catch (const FeedError& error) {
    throw PackageError(path + ": its feeds do not fit its graph: " + error.what());
  }
}

}  // namespace mpsg
