// Data types, lists, errors.
#include "bindings/bindings.h"
#include "mpsg/error.h"
#include "runtime/caller_lock.h"

namespace mpsg::python {

void bind_errors(py::module_& module) {
  auto error = py::register_exception<Error>(module, "Error", PyExc_RuntimeError);
  py::register_exception<GraphError>(module, "GraphError", error);
  py::register_exception<FeedError>(module, "FeedError", error);
  py::register_exception<ExecutionError>(module, "ExecutionError", error);
  py::register_exception<PackageError>(module, "PackageError", error);
  py::register_exception<InternalError>(module, "InternalError", error);
  py::register_exception_translator([](std::exception_ptr thrown) {
    try {
      if (thrown) std::rethrow_exception(thrown);
    } catch (const Interrupted&) {
      // What a signal handler raised is set already.
      if (!PyErr_Occurred()) PyErr_SetNone(PyExc_KeyboardInterrupt);
    }
  });
}

bool needs_ml_dtypes(DataType type) {
  return type == DataType::bfloat16 || type == DataType::int4 || type == DataType::uint4;
}

py::object numpy_dtype(DataType type) {
  if (needs_ml_dtypes(type))
    return py::module_::import("numpy").attr("dtype")(
        py::module_::import("ml_dtypes").attr(std::string(data_type_name(type)).c_str()));
  return py::module_::import("numpy").attr("dtype")(std::string(data_type_name(type)));
}

std::string data_type_names() {
  std::string names;
  for (const auto type : all_data_types())
    names += (names.empty() ? "" : ", ") + std::string(data_type_name(type));
  return names;
}

bool is_list(const py::handle& object) {
  if (!py::isinstance<py::sequence>(object) || py::isinstance<py::str>(object)) return false;
  if (PySequence_Size(object.ptr()) >= 0) return true;
  PyErr_Clear();
  return false;
}

DataType to_data_type(const py::handle& object) {
  if (py::isinstance<DataType>(object)) return object.cast<DataType>();
  if (py::isinstance<py::str>(object))
    if (const auto type = data_type_from_name(object.cast<std::string>())) return *type;
  if (!object.is_none()) {
    try {
      const auto dtype = py::module_::import("numpy").attr("dtype")(object);
      if (const auto type = data_type_from_name(dtype.attr("name").cast<std::string>()))
        return *type;
    } catch (py::error_already_set&) {
      // Not a dtype: the message below says what is.
    }
  }
  throw py::type_error(py::repr(object).cast<std::string>() +
                       " is not a data type that mpsg has: " + data_type_names());
}

void bind_types(py::module_& module) {
  py::class_<DataType> type(
      module, "DataType",
      "An element type: mpsg.float32, mpsg.int8, ... Equal to numpy's dtype of "
      "the same name.");
  type.def_property_readonly("name", [](DataType t) { return std::string(data_type_name(t)); })
      .def_property_readonly("size", [](DataType t) { return size_of(t); })
      .def("numpy", &numpy_dtype,
           "numpy(self)\n--\n\nnumpy's dtype (bfloat16, int4, uint4: those of ml_dtypes).")
      .def("__repr__", [](DataType t) { return "mpsg." + std::string(data_type_name(t)); })
      .def("__hash__", [](DataType t) { return static_cast<uint32_t>(t); })
      .def("__eq__",
           [](DataType t, const py::object& other) {
             if (py::isinstance<DataType>(other)) return other.cast<DataType>() == t;
             try {
               return to_data_type(other) == t;
             } catch (const py::type_error&) {
               return false;
             }
           })
      .def("__reduce__", [](DataType t) {
        return py::make_tuple(py::module_::import("mpsg._mpsg").attr("data_type"),
                              py::make_tuple(std::string(data_type_name(t))));
      });
  for (const auto t : all_data_types()) {
    // `bool` would hide Python's.
    const auto name = t == DataType::boolean ? "bool_" : std::string(data_type_name(t));
    module.attr(name.c_str()) = t;
  }
  module.def("data_type", &to_data_type, py::arg("type"),
             "data_type(type)\n--\n\n"
             "The mpsg data type for anything that names one (numpy, ml_dtypes, a string).");
}

}  // namespace mpsg::python
