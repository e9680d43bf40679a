// Devices, executables, running.
#include "bindings/bindings.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_builder.h"
#include "runtime/graph_runtime.h"

namespace mpsg::python {
namespace {

constexpr double worth_releasing = 1e-3;  // seconds; for less, giving the GIL away costs more

Device to_device(const py::object& object) {
  if (object.is_none()) return Device();
  if (py::isinstance<py::str>(object)) return Device(object.cast<std::string>());
  if (!py::isinstance<Device>(object))
    throw py::type_error("a device is an mpsg.Device or its name, not " +
                         py::repr(object).cast<std::string>());
  return object.cast<Device>();
}

std::vector<TensorData> run_executable(const Executable& executable,
                                       const std::vector<TensorData>& feeds) {
  std::unique_lock executor(executable.device().executor(), std::try_to_lock);
  if (executor.owns_lock() && executable.estimated_seconds() < worth_releasing)
    return executable.run(feeds, std::move(executor));
  const py::gil_scoped_release release;
  if (!executor.owns_lock()) executor.lock();
  return executable.run(feeds, std::move(executor));
}

TensorDataMap to_feeds(const py::dict& feeds) {
  TensorDataMap map;
  for (const auto& [key, value] : feeds) {
    if (!py::isinstance<Tensor>(key))
      throw FeedError("the keys of feeds are placeholder tensors, got " +
                      py::repr(key).cast<std::string>());
    const auto tensor = key.cast<Tensor>();
    try {
      map[tensor] = to_tensor_data(value, tensor.data_type());
    } catch (const FeedError& error) {
      throw FeedError("the feed of '" + tensor.name() + "': " + error.what());
    }
  }
  return map;
}

template <class T>
std::vector<T> to_list(const py::object& object, const char* what) {
  if (object.is_none()) return {};
  if (py::isinstance<T>(object)) return {object.cast<T>()};
  try {
    return object.cast<std::vector<T>>();
  } catch (const py::cast_error&) {
    throw GraphError(std::string(what) + " must be a list, got " +
                     py::repr(object).cast<std::string>());
  }
}

py::dict run_graph(Graph& graph, const py::dict& feeds, const py::object& target_tensors,
                   const py::object& target_operations, const py::object& device) {
  const auto targets = to_list<Tensor>(target_tensors, "target_tensors");
  const auto operations = to_list<Operation>(target_operations, "target_operations");
  const auto prepared = prepare_run(graph, to_device(device), to_feeds(feeds), targets, operations);
  auto results = run_executable(*prepared.executable, prepared.feeds);
  py::dict map;
  for (size_t i = 0; i < targets.size(); ++i) map[py::cast(targets[i])] = std::move(results[i]);
  return map;
}

TensorType to_type(const Tensor& placeholder, const py::object& object) {
  auto type = placeholder.type();
  if (object.is_none()) return type;
  if (py::isinstance<py::tuple>(object) || py::isinstance<py::list>(object)) {
    type.shape = Shape(object.cast<std::vector<int64_t>>());
    return type;
  }
  return to_tensor_data(object, type.data_type).type();
}

std::shared_ptr<Executable> compile_graph(Graph& graph, const py::object& feeds,
                                          const py::object& target_tensors,
                                          const py::object& target_operations,
                                          const py::object& device) {
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
  return graph.compile(to_device(device), types, to_list<Tensor>(target_tensors, "target_tensors"),
                       to_list<Operation>(target_operations, "target_operations"));
}

/// The value of a variable between runs.
TensorData read_variable(Graph& graph, const Tensor& variable) {
  if (variable.graph_data() != graph.data() || variable.operation().op_name() != "variable")
    throw GraphError("'" + variable.name() + "' is not a variable of this graph");
  const Device device;
  const auto executor = [&] {
    const py::gil_scoped_release release;  // a run may hold it
    return std::unique_lock(device.executor());
  }();
  const auto& memory =
      GraphRuntime::of(*graph.data()).variable(*graph.data(), variable.id().operation);
  return TensorData(memory.type,
                    std::span<const std::byte>(memory.bytes->data(), memory.bytes->size()));
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

void bind_executable(py::module_& module) {
  py::class_<MemoryReport>(module, "MemoryReport", "Bytes that a run needs, known before it.")
      .def_readonly("arena_bytes", &MemoryReport::arena_bytes)
      .def_readonly("scratch_bytes", &MemoryReport::scratch_bytes)
      .def_readonly("feed_bytes", &MemoryReport::feed_bytes)
      .def_readonly("result_bytes", &MemoryReport::result_bytes)
      .def_readonly("constant_bytes", &MemoryReport::constant_bytes)
      .def_readonly("variable_bytes", &MemoryReport::variable_bytes)
      .def_property_readonly("peak_bytes", &MemoryReport::peak_bytes)
      .def("__repr__", [](const MemoryReport& m) {
        return "MemoryReport(peak_bytes=" + std::to_string(m.peak_bytes()) +
               ", arena_bytes=" + std::to_string(m.arena_bytes) + ")";
      });
  py::class_<KernelInfo>(module, "KernelInfo", "What one step of an executable runs.")
      .def_readonly("name", &KernelInfo::name)
      .def_readonly("operation", &KernelInfo::operation)
      .def_readonly("description", &KernelInfo::description)
      .def_readonly("output", &KernelInfo::output)
      .def("__repr__", [](const KernelInfo& k) {
        return k.name + " (" + k.operation + ") " + k.output + ": " + k.description;
      });
  py::class_<Executable, std::shared_ptr<Executable>>(
      module, "Executable", "A graph compiled for one device and given feed types.")
      .def(
          "run",
          [](const Executable& self, const py::sequence& feeds) {
            std::vector<TensorData> values;
            const auto& types = self.feed_types();
            for (const auto& feed : feeds)
              values.push_back(to_tensor_data(
                  feed, values.size() < types.size() ? std::optional(types[values.size()].data_type)
                                                     : std::nullopt));
            return run_executable(self, values);
          },
          py::arg("feeds"),
          "run(self, feeds)\n--\n\n"
          "Runs with feeds in the order of feed_tensors; results in that of target_tensors.")
      .def_property_readonly("feed_tensors", &Executable::feed_tensors)
      .def_property_readonly("target_tensors", &Executable::target_tensors)
      .def_property_readonly("device", &Executable::device)
      .def_property_readonly("memory", &Executable::memory)
      .def_property_readonly("kernels", &Executable::kernels)
      .def("to_text", &Executable::to_text,
           "to_text(self)\n--\n\nThe plan: steps, values, offsets.");
}

}  // namespace

void bind_runtime(py::module_& module) {
  bind_device(module);
  bind_executable(module);
  auto graph = py::reinterpret_borrow<py::class_<Graph>>(module.attr("Graph"));
  graph
      .def("run", &run_graph, py::arg("feeds"), py::arg("target_tensors"),
           py::arg("target_operations") = py::none(), py::arg("device") = py::none(),
           "run(self, feeds, target_tensors, target_operations=None, device=None)\n--\n\n"
           "Runs what the targets need. Returns {tensor: TensorData}.")
      .def("compile", &compile_graph, py::arg("feeds"), py::arg("target_tensors"),
           py::arg("target_operations") = py::none(), py::arg("device") = py::none(),
           "compile(self, feeds, target_tensors, target_operations=None, device=None)\n--\n\n"
           "Compiles for given feeds: {placeholder: shape or array} or a list of placeholders of "
           "known shape.")
      .def("variable_value", &read_variable, py::arg("variable"),
           "variable_value(self, variable)\n--\n\nA copy of the variable's value between runs.");
}

}  // namespace mpsg::python
