// Graph.run and Executable.run.
#include "bindings/calls.h"
#include "mpsg/error.h"
#include "runtime/executable_builder.h"
#include "runtime/stages.h"

namespace mpsg::python {
namespace {

constexpr double worth_releasing = 1e-3;  // seconds; for less, giving the GIL away costs more

/// With the GIL held; it is let go if the run must wait or takes long.
void run_executable(const Executable& executable, std::span<const TensorData> feeds,
                    std::span<TensorData> results) {
  std::unique_lock executor(executable.device().executor(), std::try_to_lock);
  if (executor.owns_lock() && executable.estimated_seconds() < worth_releasing)
    return executable.run(feeds, results, std::move(executor));
  const py::gil_scoped_release release;
  if (!executor.owns_lock()) executor.lock();
  executable.run(feeds, results, std::move(executor));
}

/// The same for an executable that may have stages.
void run_all_of(const Executable& executable, std::span<const TensorData> feeds,
                std::span<TensorData> results) {
  if (!ExecutableBuilder::stages_of(executable)) return run_executable(executable, feeds, results);
  PythonLock lock;
  run_in_stages(executable, feeds, results, lock, run_executable);
}

/// Appends `object` to the feeds that the caller gave.
void take_feed(CallMemory& memory, PyObject* object, std::optional<DataType> wanted) {
  memory.held.push_back(py::reinterpret_borrow<py::object>(object));
  TensorData data;
  if (!borrow_array(object, data)) data = to_tensor_data(object, wanted);
  memory.given.push_back(std::move(data));
}

/// Memory that the caller gives for a result.
TensorData take_result(CallMemory& memory, PyObject* object) {
  memory.held.push_back(py::reinterpret_borrow<py::object>(object));
  TensorData data;
  if (py::isinstance<TensorData>(object)) {
    data = py::handle(object).cast<TensorData>();
    if (!is_writeable(data)) throw FeedError("the memory given for a result is read-only");
    return data;
  }
  if (!borrow_array(object, data))
    throw FeedError("the memory given for a result must be a TensorData or a packed numpy array "
                    "of the result's type, not " +
                    py::repr(py::type::of(object)).cast<std::string>());
  if (!is_writeable_array(object)) throw FeedError("the array given for a result is read-only");
  return data;
}

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

void add_target(CallMemory& memory, PyObject* object, const Tensor& tensor) {
  memory.targets.push_back(tensor);
  memory.keys.push_back(py::reinterpret_borrow<py::object>(object));
}

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

const Device& default_device() {
  static const Device device;
  return device;
}

constexpr std::array<const char*, 5> run_names = {"feeds", "target_tensors", "target_operations",
                                                  "device", "results"};

py::object run_graph(PyObject* self, const CallArguments<5>& arguments) {
  const auto& graph = py::handle(self).cast<const Graph&>();
  const BorrowedCallMemory memory;
  take_feeds(*memory, arguments.required(0, "run", "feeds"));
  if (!arguments[1] && !arguments.given(4)) arguments.required(1, "run", "target_tensors");
  take_targets(*memory, arguments.given(1));
  if (arguments.given(2))
    memory->operations = to_list<Operation>(arguments[2], "target_operations");
  take_results(*memory, arguments.given(4));
  Device chosen = default_device();
  if (arguments.given(3)) chosen = to_device(arguments[3]);
  PythonLock lock;
  const auto launch = launch_for(
      {graph, chosen, memory->placeholders, memory->given, memory->targets, memory->operations},
      lock);
  for (const auto at : launch->order)
    memory->feeds.push_back(memory->given[static_cast<size_t>(at)]);
  run_all_of(*launch->executable, memory->feeds, memory->results);
  py::dict map;
  for (size_t i = 0; i < memory->keys.size(); ++i)
    if (PyDict_SetItem(map.ptr(), memory->keys[i].ptr(), result_of(*memory, i).ptr()) != 0)
      throw py::error_already_set();
  return map;
}

constexpr std::array<const char*, 2> run_executable_names = {"feeds", "results"};

py::object run_held(PyObject* self, const CallArguments<2>& arguments) {
  const auto& executable = py::handle(self).cast<const Executable&>();
  const BorrowedCallMemory memory;
  const auto& types = executable.feed_types();
  const auto feeds = py::reinterpret_steal<py::object>(
      PySequence_Fast(arguments.required(0, "run", "feeds"), "feeds must be a sequence of arrays"));
  if (!feeds) throw py::error_already_set();
  for (Py_ssize_t i = 0; i < PySequence_Fast_GET_SIZE(feeds.ptr()); ++i) {
    const auto at = static_cast<size_t>(i);
    take_feed(*memory, PySequence_Fast_GET_ITEM(feeds.ptr(), i),
              at < types.size() ? std::optional(types[at].data_type) : std::nullopt);
  }
  memory->results.resize(executable.target_count());
  memory->written.assign(executable.target_count(), nullptr);
  if (PyObject* const given = arguments.given(1)) {
    const auto arrays = py::reinterpret_steal<py::object>(
        PySequence_Fast(given, "results must be a sequence of arrays or None"));
    if (!arrays) throw py::error_already_set();
    const auto count = static_cast<size_t>(PySequence_Fast_GET_SIZE(arrays.ptr()));
    if (count != memory->results.size())
      throw FeedError("the executable has " + std::to_string(memory->results.size()) +
                      " results; memory is given for " + std::to_string(count));
    for (size_t i = 0; i < count; ++i) {
      PyObject* const item = PySequence_Fast_GET_ITEM(arrays.ptr(), static_cast<Py_ssize_t>(i));
      if (item == Py_None) continue;
      memory->results[i] = take_result(*memory, item);
      memory->written[i] = item;
    }
  }
  run_all_of(executable, memory->given, memory->results);
  py::list list(memory->results.size());
  for (size_t i = 0; i < memory->results.size(); ++i)
    PyList_SET_ITEM(list.ptr(), static_cast<Py_ssize_t>(i), result_of(*memory, i).release().ptr());
  return list;
}

PyObject* graph_run(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                    PyObject* keywords) {
  return translated(
      [&] { return run_graph(self, {"run", run_names, arguments, positional, keywords}); });
}

PyObject* executable_run(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
                         PyObject* keywords) {
  return translated([&] {
    return run_held(self, {"run", run_executable_names, arguments, positional, keywords});
  });
}

template <FastFunction function>
PyMethodDef definition(const char* name, const char* documentation) {
  // Python's own way to say that the flags tell the real type.
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
          METH_FASTCALL | METH_KEYWORDS, documentation};
}

}  // namespace

void bind_run(py::module_& module) {
  static auto graph_method = definition<graph_run>(
      "run",
      "run($self, feeds, target_tensors=None, target_operations=None, device=None, "
      "results=None)\n--\n\n"
      "Runs what the targets need. Returns {tensor: TensorData}. `results` gives memory for "
      "results, {tensor: array}: packed, writeable, of the result's type and shape; the dictionary "
      "returned then holds these arrays.");
  add_fast_method(module.attr("Graph"), graph_method);
  static auto executable_method = definition<executable_run>(
      "run",
      "run($self, feeds, results=None)\n--\n\n"
      "Runs with feeds in the order of feed_tensors; results in that of target_tensors. `results` "
      "gives memory for them: a packed, writeable array, or None, for each.");
  add_fast_method(module.attr("Executable"), executable_method);
}

}  // namespace mpsg::python
