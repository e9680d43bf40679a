// The compiled module mpsg._mpsg.
#include "bindings/bindings.h"
#include "bindings/nd_array.h"

namespace mpsg::python {
void bind_package(py::module_& module);
}

PYBIND11_MODULE(_mpsg, module) {
  namespace python = mpsg::python;
  module.doc() = "The compiled core of mpsg. Use it through the package mpsg.";
  pybind11::options options;
  options.disable_function_signatures();
  python::bind_errors(module);
  python::bind_types(module);
  python::bind_tensor_data(module);
  python::bind_nd_array(module);
  python::bind_graph(module);
  python::bind_table(module);
  python::bind_runtime(module);
  python::bind_faults(module);
  python::bind_package(module);
}
