// CompilationDescriptor.
#include "bindings/calls.h"
#include "bindings/execution_descriptor.h"
#include "mpsg/execution_descriptor.h"

namespace mpsg::python {

CallableExecutables to_callables(const py::object& object) {
  CallableExecutables called;
  if (!py::isinstance<py::dict>(object))
    throw py::type_error("callables must be a dictionary {name: executable}");
  for (const auto& [symbol, executable] : object.cast<py::dict>()) {
    if (!py::isinstance<Executable>(executable))
      throw py::type_error("callables must be a dictionary {name: executable}");
    called[symbol.cast<std::string>()] = executable.cast<std::shared_ptr<Executable>>();
  }
  return called;
}

CompilationDescriptor to_compilation_descriptor(const py::object& object) {
  if (!py::isinstance<CompilationDescriptor>(object))
    throw py::type_error("compilation_descriptor must be an mpsg.CompilationDescriptor, not " +
                         py::repr(object).cast<std::string>());
  return object.cast<CompilationDescriptor>();
}

namespace {

Optimization to_optimization(int64_t level) {
  if (level != 0 && level != 1)
    throw py::value_error("optimization_level must be an mpsg.Optimization: LEVEL0 or LEVEL1");
  return static_cast<Optimization>(level);
}

}  // namespace

void bind_compilation_descriptor(py::module_& module) {
  py::class_<CompilationDescriptor>(
      module, "CompilationDescriptor",
      "How a graph is compiled (MPSGraphCompilationDescriptor). Without "
      "wait_for_compilation_completion, compile returns at once, and whoever needs the executable "
      "waits. compilation_completion_handler(executable, error) is called on a thread of the "
      "runtime; one of the two is None.")
      .def(
          py::init([](int64_t level, bool wait, const py::object& handler,
                      const py::object& callables) {
            CompilationDescriptor made;
            made.optimization_level = to_optimization(level);
            made.wait_for_compilation_completion = wait;
            if (!callables.is_none()) made.callables = to_callables(callables);
            if (handler.is_none()) return made;
            if (!PyCallable_Check(handler.ptr()))
              throw py::type_error("compilation_completion_handler is a function of (executable, "
                                   "error), or None; not " +
                                   py::repr(handler).cast<std::string>());
            made.compilation_completion_handler = [function = held_anywhere(handler)](
                                                      std::shared_ptr<Executable> executable,
                                                      std::exception_ptr error) {
              call_python_handler("compilation", [&] {
                py::handle(function.get())(error ? py::object(py::none()) : py::cast(executable),
                                           error ? to_python_error(error) : py::object(py::none()));
                executable.reset();
              });
            };
            return made;
          }),
          py::kw_only(), py::arg("optimization_level") = static_cast<int64_t>(Optimization::level1),
          py::arg("wait_for_compilation_completion") = true,
          py::arg("compilation_completion_handler") = py::none(), py::arg("callables") = py::none())
      .def_property(
          "optimization_level",
          [](const CompilationDescriptor& d) {
            return py::module_::import("mpsg._execution")
                .attr("Optimization")(static_cast<int64_t>(d.optimization_level));
          },
          [](CompilationDescriptor& d, int64_t level) {
            d.optimization_level = to_optimization(level);
          })
      .def_readwrite("wait_for_compilation_completion",
                     &CompilationDescriptor::wait_for_compilation_completion);
}

}  // namespace mpsg::python
