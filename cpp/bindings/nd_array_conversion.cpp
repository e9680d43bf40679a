// NDArray from Python's objects and to numpy, over the same memory; indexing.
#include <pybind11/numpy.h>

#include "bindings/calls.h"
#include "bindings/dlpack_exchange.h"
#include "bindings/nd_array.h"
#include "mpsg/error.h"

namespace mpsg::python {
namespace {

bool is_numpy(const py::handle& object) {
  const auto numpy = py::module_::import("numpy");
  return py::isinstance(object, numpy.attr("ndarray")) ||
         py::isinstance(object, numpy.attr("generic"));
}

NDArray from_numpy(const py::handle& object) {
  const auto array = py::module_::import("numpy").attr("asarray")(object).cast<py::array>();
  const auto name = array.attr("dtype").attr("name").cast<std::string>();
  const auto type = data_type_from_name(name);
  if (!type)
    throw FeedError("arrays of dtype " + name +
                    " are not supported; convert it with astype to one of " + data_type_names());
  if (!array.attr("dtype").attr("isnative").cast<bool>())
    throw FeedError("an array of dtype " + array.attr("dtype").attr("str").cast<std::string>() +
                    " has the bytes of its numbers swapped: convert it with astype");
  if (array.ndim() > max_rank)
    throw FeedError("an array of " + std::to_string(array.ndim()) + " dimensions; at most " +
                    std::to_string(max_rank) + " are supported");
  TensorType shaped{*type, {}};
  std::vector<int64_t> strides;
  for (py::ssize_t axis = 0; axis < array.ndim(); ++axis) {
    shaped.shape.append(array.shape(axis));
    strides.push_back(array.strides(axis));
  }
  return {const_cast<void*>(array.data()), shaped, strides, held_anywhere(array),
          array.writeable()};
}

/// A whole index for PyLong and whatever has __index__; nullopt: it is none.
std::optional<py::ssize_t> whole_index(const py::handle& object) {
  if (PyBool_Check(object.ptr()) || !PyIndex_Check(object.ptr())) return std::nullopt;
  const auto index = PyNumber_AsSsize_t(object.ptr(), PyExc_IndexError);
  if (index == -1 && PyErr_Occurred()) throw py::error_already_set();
  return index;
}

NDArray take_slice(const NDArray& array, int axis, const py::handle& key) {
  Py_ssize_t start = 0, stop = 0, step = 0;
  if (PySlice_Unpack(key.ptr(), &start, &stop, &step) < 0) throw py::error_already_set();
  const auto length = PySlice_AdjustIndices(array.shape()[axis], &start, &stop, step);
  return array.slice(axis, length == 0 ? 0 : start, length, length < 2 ? 1 : step);
}

}  // namespace

std::shared_ptr<void> keep_alive(void* held, PyCapsule_Destructor let_go) {
  auto* const capsule = PyCapsule_New(held, nullptr, let_go);
  if (!capsule) throw py::error_already_set();
  return held_anywhere(py::reinterpret_steal<py::object>(capsule));
}

NDArray to_nd_array(const py::handle& object, std::optional<DataType> wanted) {
  if (py::isinstance<NDArray>(object)) return object.cast<NDArray>();
  if (py::isinstance<TensorData>(object)) {
    const auto data = settled(object.cast<TensorData>());
    return NDArray(data, is_writeable(data));
  }
  if (is_numpy(object)) return from_numpy(object);
  std::string refused;
  if (py::hasattr(object, "__dlpack__")) {
    try {
      return from_dlpack(object);
    } catch (const FeedError& error) {
      refused = error.what();
    } catch (py::error_already_set& error) {
      refused = error.what();
    }
  }
  try {
    if (PyObject_CheckBuffer(object.ptr()))
      return from_numpy(py::memoryview(py::reinterpret_borrow<py::object>(object)));
    if (py::hasattr(object, "__array__")) return from_numpy(object);
  } catch (py::error_already_set& error) {
    throw FeedError("not an array: " + py::str(error.value()).cast<std::string>() +
                    (refused.empty() ? "" : " (" + refused + ")"));
  }
  if (!refused.empty()) throw FeedError(refused);
  const auto data = to_tensor_data(object, wanted);
  return NDArray(data, is_writeable(data));
}

NDArray to_target(const py::handle& object) {
  const auto generic = py::module_::import("numpy").attr("generic");
  const bool has_memory = py::isinstance<NDArray>(object) || PyObject_CheckBuffer(object.ptr()) ||
                          py::hasattr(object, "__dlpack__");
  if (!has_memory || py::isinstance(object, generic))
    throw FeedError(py::repr(py::type::of(object)).cast<std::string>() +
                    " has no memory to write to: give an array or a writeable buffer");
  return to_nd_array(object);
}

py::object to_numpy(const NDArray& array, const py::object& base) {
  const auto dtype = numpy_dtype(array.data_type()).cast<py::dtype>();
  const std::vector<py::ssize_t> shape(array.shape().dimensions().begin(),
                                       array.shape().dimensions().end());
  const std::vector<py::ssize_t> strides(array.strides().begin(), array.strides().end());
  py::object result = array.data() ? py::array(dtype, shape, strides, array.data(), base)
                                   : py::array(dtype, shape, strides);  // without elements
  if (!array.is_writeable()) result.attr("setflags")(py::arg("write") = false);
  return result;
}

NDArray get_item(const NDArray& array, const py::handle& key) {
  const auto keys =
      py::isinstance<py::tuple>(key) ? py::reinterpret_borrow<py::tuple>(key) : py::make_tuple(key);
  int taken = 0, ellipses = 0;
  for (const auto& each : keys) {
    ellipses += each.ptr() == Py_Ellipsis;
    taken += !each.is_none() && each.ptr() != Py_Ellipsis;
  }
  const int rank = array.shape().rank();
  if (ellipses > 1) throw py::index_error("an index has at most one ellipsis (...)");
  if (taken > rank)
    throw py::index_error("too many indices: the array has " + std::to_string(rank) +
                          " dimensions, " + std::to_string(taken) + " were indexed");
  NDArray view = array;
  int axis = 0;
  for (const auto& each : keys) {
    if (each.is_none()) {
      view = view.expand_dims(axis++);
    } else if (each.ptr() == Py_Ellipsis) {
      axis += rank - taken;
    } else if (PySlice_Check(each.ptr())) {
      view = take_slice(view, axis, each);
      ++axis;
    } else if (const auto index = whole_index(each)) {
      const auto size = view.shape()[axis];
      if (*index < -size || *index >= size)
        throw py::index_error("index " + std::to_string(*index) + " is out of bounds for axis " +
                              std::to_string(axis) + " with size " + std::to_string(size));
      view = view.at(axis, *index);
    } else {
      throw py::type_error("an NDArray is indexed by integers, slices, ... and None, not by " +
                           py::repr(py::type::of(each)).cast<std::string>() +
                           "; numpy() gives an array that takes more");
    }
  }
  return view;
}

}  // namespace mpsg::python
