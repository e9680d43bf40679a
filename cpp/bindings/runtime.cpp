// Devices, compiling, variables.
#include "bindings/calls.h"
#include "graph/environment.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/variable_access.h"

namespace mpsg::python {
namespace {}  // namespace

TensorType to_type(const Tensor& placeholder, const py::object& object) {
  auto type = placeholder.type();
  if (object.is_none()) return type;
  if (py::isinstance<py::tuple>(object) || py::isinstance<py::list>(object)) {
    type.shape = Shape(object.cast<std::vector<int64_t>>());
    return type;
  }
  return to_tensor_data(object, type.data_type).type();
}

namespace {

std::shared_ptr<Executable> compile_graph(Graph& graph, const py::object& feeds,
                                          const py::object& target_tensors,
                                          const py::object& target_operations,
                                          const py::object& device, const py::object& callables,
                                          const py::object& given) {
  CompilationDescriptor descriptor;
  if (!given.is_none()) descriptor = to_compilation_descriptor(given);
  if (!callables.is_none()) descriptor.callables = to_callables(callables);
  std::vector<std::pair<Tensor, TensorType>> types;
  if (py::isinstance<py::dict>(feeds)) {
    for (const auto& [key, value] : feeds.cast<py::dict>()) {
      const auto tensor = key.cast<Tensor>();
      types.emplace_back(tensor, to_type(tensor, py::reinterpret_borrow<py::object>(value)));
    }
  } else {
    for (const auto& tensor : to_list<Tensor>(feeds, "feeds"))
      types.emplace_back(tensor, tensor.type());
  }
  PythonLock lock;
  return compile_for(graph, to_device(device), types,
                     to_list<Tensor>(target_tensors, "target_tensors"),
                     to_list<Operation>(target_operations, "target_operations"), descriptor, lock);
}

/// The value of a variable between runs.
TensorData read_variable(Graph& graph, const Tensor& variable) {
  if (variable.graph_data() != graph.data() || variable.operation().op_name() != "variable")
    throw GraphError("'" + variable.name() + "' is not a variable of this graph");
  PythonLock lock;
  const auto id = variable.id().operation;
  return read_variables(graph, {&id, 1}, lock).front();
}

void bind_device(py::module_& module) {
  py::class_<Device>(module, "Device", "Where graphs run: Device(\"cpu\"), Device(\"reference\").")
      .def(py::init<>())
      .def(py::init<std::string_view>(), py::arg("name"))
      .def_static("all", &Device::all, "all()\n--\n\nThe devices of this build, the default first.")
      .def_property_readonly("name", [](const Device& d) { return d.info().name; })
      .def_property_readonly("description", [](const Device& d) { return d.info().description; })
      .def_property_readonly("threads", [](const Device& d) { return d.info().threads; })
      .def_property_readonly("memory_bytes", [](const Device& d) { return d.info().memory_bytes; })
      .def("__repr__", [](const Device& d) {
        return "<mpsg.Device '" + d.info().name + "' (" + d.info().description + ")>";
      });
}

}  // namespace

Device to_device(const py::handle& object) {
  if (object.is_none()) return Device();
  if (py::isinstance<py::str>(object)) return Device(object.cast<std::string>());
  if (!py::isinstance<Device>(object))
    throw py::type_error("a device is an mpsg.Device or its name, not " +
                         py::repr(object).cast<std::string>());
  return object.cast<Device>();
}

void bind_runtime(py::module_& module) {
  bind_device(module);
  bind_executable(module);
  bind_compilation_descriptor(module);
  bind_run(module);
  bind_queues(module);
  bind_run_async(module);
  bind_cache(module);
  module.def(
      "environment_variables",
      [] {
        py::list all;
        for (const auto& variable : environment_variables())
          all.append(py::make_tuple(variable.name, variable.default_value, variable.meaning));
        return all;
      },
      "environment_variables()\n--\n\n"
      "Every environment variable that mpsg reads: name, default, meaning.");
  auto graph = py::reinterpret_borrow<py::class_<Graph>>(module.attr("Graph"));
  graph
      .def("compile", &compile_graph, py::arg("feeds"), py::arg("target_tensors"),
           py::arg("target_operations") = py::none(), py::arg("device") = py::none(), py::kw_only(),
           py::arg("callables") = py::none(), py::arg("compilation_descriptor") = py::none(),
           "compile(self, feeds, target_tensors, target_operations=None, device=None, *, "
           "callables=None, compilation_descriptor=None)\n--\n\n"
           "Compiles for given feeds: {placeholder: shape or array} or a list of placeholders. The "
           "executable takes feeds in that order. Where a size is -1 it is compiled for each size "
           "when that is first fed, or specialized. `callables`: {name: executable}, what the "
           "operation call calls.")
      .def("variable_value", &read_variable, py::arg("variable"),
           "variable_value(self, variable)\n--\n\nA copy of the variable's value between runs.");
}

}  // namespace mpsg::python
