// TensorData and numpy: no copy where the memory is packed.
#include <pybind11/numpy.h>

#include "bindings/calls.h"
#include "bindings/dlpack_exchange.h"
#include "bindings/nd_array.h"
#include "mpsg/error.h"
#include "mpsg/nd_array.h"
#include "runtime/queues/pending_data.h"

namespace mpsg::python {
namespace {

/// Lets a Python object go.
struct Release {
  bool writeable;
  void operator()(void* held) const { let_go(static_cast<PyObject*>(held)); }
};

/// Keeps an array alive from C++.
std::shared_ptr<void> keep_alive(py::object array) {
  const bool writeable = is_writeable_array(array.ptr());
  return {array.release().ptr(), Release{writeable}};
}

/// Are these Python's integers, however large? numpy makes floats of those beyond 63 bits.
bool all_integers(const py::handle& object, int depth = 0) {
  if (PyLong_Check(object.ptr())) return true;
  if (!py::isinstance<py::list>(object) && !py::isinstance<py::tuple>(object)) return false;
  if (depth == max_rank) return false;
  for (const auto& item : py::reinterpret_borrow<py::sequence>(object))
    if (!all_integers(item, depth + 1)) return false;
  return true;
}

bool is_plain(const py::handle& object) {
  return py::isinstance<py::bool_>(object) || py::isinstance<py::int_>(object) ||
         py::isinstance<py::float_>(object) || PyComplex_Check(object.ptr()) ||
         py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object);
}

/// Numbers without a type of their own take the wanted one, if it holds their kind.
py::object typed_array(const py::handle& object, DataType wanted) {
  const auto numpy = py::module_::import("numpy");
  const auto natural = numpy.attr("asarray")(object);
  const auto kind = natural.attr("dtype").attr("kind").cast<std::string>();
  if (is_integer(wanted) && (kind == "f" || kind == "O") && all_integers(object)) {
    try {
      return numpy.attr("asarray")(object, numpy_dtype(wanted));
    } catch (py::error_already_set& error) {
      if (!error.matches(PyExc_OverflowError)) throw;
      throw FeedError("an integer does not fit into " + std::string(data_type_name(wanted)));
    }
  }
  const bool holds = kind == "b" || natural.attr("size").cast<int64_t>() == 0 ||
                     ((kind == "i" || kind == "u") && wanted != DataType::boolean) ||
                     (kind == "f" && (is_floating(wanted) || is_complex(wanted))) ||
                     (kind == "c" && is_complex(wanted));
  if (!holds)
    throw FeedError("values of type " + natural.attr("dtype").attr("name").cast<std::string>() +
                    " do not fit into " + std::string(data_type_name(wanted)) +
                    "; convert them, with numpy's astype");
  const auto converted = natural.attr("astype")(numpy_dtype(wanted));
  if (is_integer(wanted) && (kind == "i" || kind == "u") &&
      !numpy.attr("array_equal")(converted, natural).cast<bool>())
    throw FeedError("an integer does not fit into " + std::string(data_type_name(wanted)));
  return converted;
}

py::object as_array(const py::handle& object, std::optional<DataType> wanted) {
  const auto numpy = py::module_::import("numpy");
  if (py::isinstance(object, numpy.attr("ndarray")) ||
      py::isinstance(object, numpy.attr("generic")))
    return numpy.attr("asarray")(object);
  if (is_plain(object) && wanted) return typed_array(object, *wanted);
  if (py::hasattr(object, "__dlpack__")) {
    try {
      return py::cast(from_dlpack(object)).attr("numpy")();
    } catch (py::error_already_set&) {
      // It refuses (needs a gradient, lies on another device): the array protocol says why.
    } catch (const FeedError&) {
      // A type that mpsg does not have: the same.
    }
  }
  return numpy.attr("asarray")(object);
}

}  // namespace

bool is_writeable(const TensorData& data) {
  const auto* release = std::get_deleter<Release>(data.owner());
  return !release || release->writeable;
}

TensorData to_tensor_data(const py::handle& object, std::optional<DataType> wanted) {
  if (py::isinstance<TensorData>(object)) return object.cast<TensorData>();
  if (py::isinstance<NDArray>(object))
    return shared_tensor_data(py::reinterpret_borrow<py::object>(object));
  if (TensorData packed; borrow_array(object.ptr(), packed))
    return {packed.type(), packed.data(), keep_alive(py::reinterpret_borrow<py::object>(object))};
  const auto numpy = py::module_::import("numpy");
  py::object array;
  try {
    array = as_array(object, wanted);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_ValueError) && !error.matches(PyExc_TypeError)) throw;
    throw FeedError("not an array: " + py::str(error.value()).cast<std::string>());
  }
  if (array.attr("dtype").attr("name").cast<std::string>() == "object")
    throw FeedError(py::str(py::type::of(object)).cast<std::string>() +
                    " is not an array of numbers: give a number, a list of numbers, or an array");
  if (const auto rank = array.attr("ndim").cast<int>(); rank > max_rank)
    throw FeedError("an array of " + std::to_string(rank) + " dimensions; at most " +
                    std::to_string(max_rank) + " are supported");
  const auto type = data_type_from_name(array.attr("dtype").attr("name").cast<std::string>());
  if (!type)
    throw FeedError("arrays of dtype " + array.attr("dtype").attr("name").cast<std::string>() +
                    " are not supported; convert it with astype to one of " + data_type_names());
  if (!array.attr("dtype").attr("isnative").cast<bool>())
    array = array.attr("astype")(numpy_dtype(*type));
  // Packed and aligned, or a copy that is.
  array = numpy.attr("require")(array, py::none(), py::make_tuple("C", "A"));
  const auto view = py::reinterpret_borrow<py::array>(array);
  Shape shape;
  for (py::ssize_t axis = 0; axis < view.ndim(); ++axis) shape.append(view.shape(axis));
  return {{*type, shape}, const_cast<void*>(view.data()), keep_alive(array)};
}

py::object to_numpy(const TensorData& pending) {
  const auto& data = settled(pending);
  std::vector<py::ssize_t> shape, strides;
  for (const auto dimension : data.shape().dimensions()) shape.push_back(dimension);
  auto step = static_cast<py::ssize_t>(size_of(data.data_type()));
  strides.resize(shape.size());
  for (size_t axis = shape.size(); axis-- > 0; step *= std::max<py::ssize_t>(shape[axis], 1))
    strides[axis] = step;
  auto base =
      py::capsule(new TensorData(data), [](void* held) { delete static_cast<TensorData*>(held); });
  py::object array =
      py::array(numpy_dtype(data.data_type()).cast<py::dtype>(), shape, strides, data.data(), base);
  if (!is_writeable(data)) array.attr("setflags")(py::arg("write") = false);
  return array;
}

void bind_tensor_data(py::module_& module) {
  py::class_<TensorData>(module, "TensorData",
                         "The value of a tensor (MPSGraphTensorData): packed memory, a type, a "
                         "shape.\n\nTensorData(array) borrows a packed array without copying; its "
                         "owner must not write it while a run uses it.")
      .def(py::init([](const py::object& value, const py::object& data_type) {
             std::optional<DataType> wanted;
             if (!data_type.is_none()) wanted = to_data_type(data_type);
             return to_tensor_data(value, wanted);
           }),
           py::arg("value"), py::arg("data_type") = py::none())
      .def(
          "numpy", [](const TensorData& data) { return to_numpy(data); },
          "numpy(self)\n--\n\nThe value as a numpy array that shares the memory.")
      .def(
          "__array__",
          [](const TensorData& data, const py::object& dtype, const py::object& copy) {
            py::object array = to_numpy(data);
            if (!dtype.is_none()) array = array.attr("astype")(dtype, py::arg("copy") = false);
            if (!copy.is_none() && copy.cast<bool>()) array = array.attr("copy")();
            return array;
          },
          py::arg("dtype") = py::none(), py::arg("copy") = py::none())
      .def(
          "__dlpack__",
          [](const TensorData& data, const py::object& stream, const py::object& max_version,
             const py::object& dl_device, const py::object& copy) {
            return to_dlpack(NDArray(settled(data), is_writeable(data)),
                             {stream, max_version, dl_device, copy});
          },
          py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
          py::arg("dl_device") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack_device__", [](const TensorData&) { return dlpack_device(); })
      .def_property_readonly("shape",
                             [](const TensorData& data) {
                               if (!PendingData::known(data)) settled(data);
                               py::list sizes;
                               for (const auto d : data.shape().dimensions()) sizes.append(d);
                               return py::tuple(sizes);
                             })
      .def_property_readonly("data_type",
                             [](const TensorData& data) {
                               if (!PendingData::known(data)) settled(data);
                               return data.data_type();
                             })
      .def(
          "nd_array",
          [](const TensorData& data) { return NDArray(settled(data), is_writeable(data)); },
          "nd_array(self)\n--\n\nAn NDArray of the same memory (mpsndarray).")
      .def("ready", &TensorData::ready,
           "ready(self)\n--\n\nHas the run that makes it ended? True for data that no run makes.")
      .def(
          "wait", [](const TensorData& data) { settled(data); },
          "wait(self)\n--\n\nUntil the run that makes it has ended; raises the run's error.")
      .def(
          "item", [](const TensorData& data) { return to_numpy(data).attr("item")(); },
          "item(self)\n--\n\nThe only element as a Python number.")
      .def("__float__", [](const TensorData& data) { return to_numpy(data).attr("__float__")(); })
      .def("__int__", [](const TensorData& data) { return to_numpy(data).attr("__int__")(); })
      .def("__len__", [](const TensorData& data) { return to_numpy(data).attr("__len__")(); })
      .def("__repr__", [](const TensorData& data) {
        if (!data.ready()) return std::string("TensorData(not ready)");
        settled(data);
        return "TensorData(" + data.type().to_string() + ",\n" +
               py::str(to_numpy(data)).cast<std::string>() + ")";
      });
}

}  // namespace mpsg::python
