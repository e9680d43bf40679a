// Packages, files of variables and of tensors. The GIL is released while files are read or written.
#include "mpsg/package.h"

#include "bindings/calls.h"
#include "mpsg/error.h"
#include "runtime/package/package_writer.h"

namespace mpsg::python {
namespace {

/// Anything that os.fspath takes, as the system's bytes.
std::string to_path(const py::handle& object) {
  return py::module_::import("os").attr("fsencode")(object).cast<std::string>();
}

/// Names of files may be any bytes; Python's messages are UTF-8.
std::string readable(const std::string& text) {
  const auto decoded = py::reinterpret_steal<py::str>(
      PyUnicode_DecodeUTF8(text.data(), static_cast<Py_ssize_t>(text.size()), "replace"));
  return decoded.cast<std::string>();
}

template <class Work>
auto without_gil(Work&& work) {
  try {
    const py::gil_scoped_release release;
    return work();
  } catch (const PackageError& error) {
    throw PackageError(readable(error.what()));
  }
}

void serialize_executable(const Executable& executable, const py::object& to,
                          std::optional<bool> single_file) {
  const auto path = to_path(to);
  PackageWriter writer(executable);
  without_gil([&] { writer.write(path, single_file.value_or(is_single_file_name(path))); });
}

std::shared_ptr<Executable> load(const py::object& from, const py::object& device) {
  const auto path = to_path(from);
  const auto on = to_device(device);
  return without_gil([&] { return load_executable(path, on); });
}

void save(const Graph& graph, const py::object& to, const py::object& variables) {
  const auto path = to_path(to);
  const auto list = to_list<Tensor>(variables, "variables");
  without_gil([&] { save_variables(graph, path, list); });
}

py::tuple restore(const Graph& graph, const py::object& from, const py::object& variables,
                  bool strict, const std::string& match) {
  if (match != "name" && match != "order")
    throw py::value_error("match must be 'name' or 'order', not '" + match + "'");
  const LoadOptions options{strict, match == "order" ? VariableMatch::order : VariableMatch::name};
  const auto path = to_path(from);
  const auto list = to_list<Tensor>(variables, "variables");
  const auto report = without_gil([&] { return load_variables(graph, path, list, options); });
  return py::make_tuple(report.missing, report.unused);
}

void set_variable(const Graph& graph, const Tensor& variable, const py::object& value) {
  const auto data = to_tensor_data(value, variable.data_type());
  without_gil([&] { set_variable_value(graph, variable, data); });
}

void save_dictionary(const py::object& to, const py::dict& tensors) {
  const auto path = to_path(to);
  TensorList list;
  for (const auto& [name, value] : tensors) {
    if (!py::isinstance<py::str>(name)) throw py::type_error("the names of tensors are strings");
    list.emplace_back(name.cast<std::string>(), to_tensor_data(value, std::nullopt));
  }
  without_gil([&] { save_tensors(path, list); });
}

py::dict load_dictionary(const py::object& from) {
  const auto path = to_path(from);
  const auto list = without_gil([&] { return load_tensors(path); });
  py::dict tensors;
  for (const auto& [name, data] : list) tensors[py::str(readable(name))] = to_numpy(data);
  return tensors;
}

std::string inspect(const py::object& from) {
  const auto path = to_path(from);
  return without_gil([&] { return inspect_file(path); });
}

}  // namespace

void bind_package(py::module_& module) {
  py::reinterpret_borrow<py::class_<Executable, std::shared_ptr<Executable>>>(
      module.attr("Executable"))
      .def("serialize", &serialize_executable, py::arg("path"), py::kw_only(),
           py::arg("single_file") = py::none(),
           "serialize(self, path, *, single_file=None)\n--\n\n"
           "Saves it as a package: its graph as far as the targets need it, constants, and the\n"
           "present values of variables. One file if the path ends with .mpsgpackage (or\n"
           "single_file=True), else a folder. What is there is replaced whole or not at all.\n"
           "Raises PackageError.\n\n"
           "    executable.serialize(\"model.mpsgpackage\")\n"
           "    again = mpsg.Executable.load(\"model.mpsgpackage\")")
      .def_static("load", &load, py::arg("path"), py::arg("device") = py::none(),
                  "load(path, device=None)\n--\n\n"
                  "Loads a package, and compiles it for a device. Nothing in it is executed as\n"
                  "code. Raises PackageError if it is not sound, with what is wrong.");
  py::reinterpret_borrow<py::class_<Graph>>(module.attr("Graph"))
      .def("save_variables", &save, py::arg("path"), py::arg("variables") = py::none(),
           "save_variables(self, path, variables=None)\n--\n\n"
           "Saves the values of variables (None: all) by name, as of one moment between runs:\n"
           "as npz if the path ends with .npz, else as safetensors. The file is replaced whole or\n"
           "not at all. The second of two equal names gets a number: \"weights.2\". Raises\n"
           "PackageError.")
      .def("load_variables", &restore, py::arg("path"), py::arg("variables") = py::none(),
           py::kw_only(), py::arg("strict") = true, py::arg("match") = "name",
           "load_variables(self, path, variables=None, *, strict=True, match='name')\n--\n\n"
           "Sets variables (None: all) to the values of a file: safetensors, npz or a package.\n"
           "All or none: PackageError lists everything that does not fit. strict=False lets names\n"
           "be missing on either side; the two lists are returned: variables that the file lacks,\n"
           "and tensors that are no variable. match='order' takes the first saved tensor for the\n"
           "first variable, and so on, whatever their names.")
      .def("set_variable_value", &set_variable, py::arg("variable"), py::arg("value"),
           "set_variable_value(self, variable, value)\n--\n\n"
           "Sets a variable to an array of its shape and type. Raises FeedError for others.");
  module.def("save_tensors", &save_dictionary, py::arg("path"), py::arg("tensors"),
             "save_tensors(path, tensors)\n--\n\n"
             "Saves a dictionary {name: array}: as npz if the path ends with .npz, else as\n"
             "safetensors. The file is replaced whole or not at all. Raises PackageError.");
  module.def(
      "load_tensors", &load_dictionary, py::arg("path"),
      "load_tensors(path)\n--\n\n"
      "The arrays of a safetensors or npz file, by name. Nothing in it is executed: pickled\n"
      "objects are refused. Raises PackageError if the file is not sound.");
  module.def("inspect_file", &inspect, py::arg("path"),
             "inspect_file(path)\n--\n\n"
             "What a package, a safetensors, npz or npy file, or a graph in JSON holds, as JSON.\n"
             "Its checksums are verified. Raises PackageError.");
}

}  // namespace mpsg::python
