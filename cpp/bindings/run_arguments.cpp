// Feeds, targets and results as a call from Python gives them.
#include "bindings/run_arguments.h"

#include "bindings/nd_array.h"
#include "mpsg/error.h"
#include "mpsg/nd_array.h"

namespace mpsg::python {

void take_feed(CallMemory& memory, PyObject* object, std::optional<DataType> wanted) {
  memory.held.push_back(py::reinterpret_borrow<py::object>(object));
  TensorData data;
  if (!borrow_array(object, data)) data = to_tensor_data(object, wanted);
  memory.given.push_back(std::move(data));
}

namespace {

/// Memory that the caller gives for a result.
TensorData take_result(CallMemory& memory, PyObject* object) {
  memory.held.push_back(py::reinterpret_borrow<py::object>(object));
  TensorData data;
  if (py::isinstance<TensorData>(object)) {
    data = py::handle(object).cast<TensorData>();
    if (!is_writeable(data)) throw FeedError("the memory given for a result is read-only");
    return data;
  }
  if (py::isinstance<NDArray>(object)) {
    const auto& array = py::handle(object).cast<const NDArray&>();
    if (!array.is_packed() || !array.is_aligned())
      throw FeedError("the NDArray given for a result is not packed: its strides leave gaps, or "
                      "another order, or it begins at an odd address");
    if (!array.is_writeable()) throw FeedError("the NDArray given for a result is read-only");
    return shared_tensor_data(py::reinterpret_borrow<py::object>(object));
  }
  if (!borrow_array(object, data))
    throw FeedError("the memory given for a result must be a TensorData, a packed NDArray or a "
                    "packed numpy array of the result's type, not " +
                    py::repr(py::type::of(object)).cast<std::string>());
  if (!is_writeable_array(object)) throw FeedError("the array given for a result is read-only");
  return data;
}

}  // namespace

void take_feeds(CallMemory& memory, PyObject* feeds) {
  if (!PyDict_Check(feeds))
    throw py::type_error("feeds must be a dictionary {placeholder: value}, not " +
                         py::repr(py::handle(feeds)).cast<std::string>());
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(feeds, &position, &key, &value)) {
    const Tensor* const tensor = tensor_in(key);
    if (!tensor)
      throw FeedError("the keys of feeds are placeholder tensors, got " +
                      py::repr(key).cast<std::string>());
    memory.placeholders.push_back(*tensor);
    // The conversion of an array needs no type, and that of others may run Python code.
    TensorData data;
    if (borrow_array(value, data)) {
      memory.held.push_back(py::reinterpret_borrow<py::object>(value));
      memory.given.push_back(std::move(data));
      continue;
    }
    const Tensor placeholder = *tensor;
    try {
      take_feed(memory, value, placeholder.data_type());
    } catch (const FeedError& error) {
      throw FeedError("the feed of '" + placeholder.name() + "': " + error.what());
    }
  }
}

namespace {

void add_target(CallMemory& memory, PyObject* object, const Tensor& tensor) {
  memory.targets.push_back(tensor);
  memory.keys.push_back(py::reinterpret_borrow<py::object>(object));
}

}  // namespace

void take_targets(CallMemory& memory, PyObject* targets) {
  if (!targets) return;
  const bool list = PyList_Check(targets), tuple = PyTuple_Check(targets);
  if (list || tuple) {
    const Py_ssize_t count = list ? PyList_GET_SIZE(targets) : PyTuple_GET_SIZE(targets);
    for (Py_ssize_t i = 0; i < count; ++i) {
      PyObject* const item = list ? PyList_GET_ITEM(targets, i) : PyTuple_GET_ITEM(targets, i);
      const Tensor* const tensor = tensor_in(item);
      if (!tensor)
        throw GraphError("target_tensors must be a list of tensors, got " +
                         py::repr(py::handle(targets)).cast<std::string>());
      add_target(memory, item, *tensor);
    }
    return;
  }
  for (const auto& tensor : to_list<Tensor>(targets, "target_tensors"))
    add_target(memory, py::cast(tensor).ptr(), tensor);
}

/// Results that the caller gives memory for are targets, too.
void take_results(CallMemory& memory, PyObject* results) {
  memory.written.assign(memory.targets.size(), nullptr);
  memory.results.resize(memory.targets.size());
  if (!results) return;
  if (!PyDict_Check(results))
    throw py::type_error("results must be a dictionary {tensor: array}, not " +
                         py::repr(py::handle(results)).cast<std::string>());
  PyObject *key = nullptr, *value = nullptr;
  Py_ssize_t position = 0;
  while (PyDict_Next(results, &position, &key, &value)) {
    const Tensor* const tensor = tensor_in(key);
    if (!tensor)
      throw FeedError("the keys of results are tensors, got " + py::repr(key).cast<std::string>());
    size_t at = 0;
    while (at < memory.targets.size() && !(memory.targets[at] == *tensor)) ++at;
    if (at == memory.targets.size()) {
      add_target(memory, key, *tensor);
      memory.results.emplace_back();
      memory.written.push_back(nullptr);
    }
    try {
      memory.results[at] = take_result(memory, value);
    } catch (const FeedError& error) {
      throw FeedError("the result of '" + tensor->name() + "': " + error.what());
    }
    memory.written[at] = value;
  }
}

py::object result_of(CallMemory& memory, size_t i) {
  if (memory.written[i]) return py::reinterpret_borrow<py::object>(memory.written[i]);
  return wrap(std::move(memory.results[i]));
}

void take_feeds_in_order(CallMemory& memory, const Executable& executable, PyObject* given) {
  const auto& types = executable.feed_types();
  const auto feeds = py::reinterpret_steal<py::object>(
      PySequence_Fast(given, "feeds must be a sequence of arrays"));
  if (!feeds) throw py::error_already_set();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(feeds.ptr()); ++i) {
    const auto at = static_cast<size_t>(i);
    take_feed(memory, PySequence_Fast_GET_ITEM(feeds.ptr(), i),
              at < types.size() ? std::optional(types[at].data_type) : std::nullopt);
  }
}

void take_results_in_order(CallMemory& memory, const Executable& executable, PyObject* given) {
  memory.results.resize(executable.target_count());
  memory.written.assign(executable.target_count(), nullptr);
  if (!given) return;
  const auto arrays = py::reinterpret_steal<py::object>(
      PySequence_Fast(given, "results must be a sequence of arrays or None"));
  if (!arrays) throw py::error_already_set();
  const auto count = static_cast<size_t>(PySequence_Fast_GET_SIZE(arrays.ptr()));
  if (count != memory.results.size())
    throw FeedError("the executable has " + std::to_string(memory.results.size()) +
                    " results; memory is given for " + std::to_string(count));
  for (size_t i = 0; i < count; ++i) {
    PyObject* const item = PySequence_Fast_GET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i));
    if (item == Py_None) continue;
    memory.results[i] = take_result(memory, item);
    memory.written[i] = item;
  }
}

py::dict results_by_tensor(CallMemory& memory) {
  py::dict map;
  for (size_t i = 0; i < memory.keys.size(); ++i)
    if (PyDict_SetItem(map.ptr(), memory.keys[i].ptr(), result_of(memory, i).ptr()) != 0)
      throw py::error_already_set();
  return map;
}

py::list results_in_order(CallMemory& memory) {
  py::list list(memory.results.size());
  for (size_t i = 0; i < memory.results.size(); ++i)
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), result_of(memory, i).release().ptr());
  return list;
}

}  // namespace mpsg::python
