// The hook of the tests that make things fail.
#include "graph/faults.h"

#include "bindings/bindings.h"

namespace mpsg::python {

void bind_faults(py::module_& module) {
  module.def(
      "inject_fault",
      [](const std::string& point, uint64_t nth, uint64_t failures) {
        inject_fault(fault_point_named(point), nth, failures);
      },
      py::arg("point"), py::arg("nth"), py::arg("failures") = 1,
      "inject_fault(point, nth, failures=1)\n--\n\n"
      "For tests: the nth time (1: the next) that this process comes by the point, and `failures` "
      "times in all, raises ExecutionError. Points: allocation, kernel_compilation, step, write.");
  module.def("stop_faults", &stop_faults,
             "stop_faults()\n--\n\nFor tests: nothing fails any more.");
  module.def("fault_count", &fault_count,
             "fault_count()\n--\n\n"
             "For tests: how often the point was passed since inject_fault; the fault came if this "
             "is nth or more.");
}

}  // namespace mpsg::python
