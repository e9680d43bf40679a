// Graph.run and Executable.run.
#include "bindings/run_arguments.h"
#include "mpsg/command_queue.h"
#include "mpsg/error.h"
#include "runtime/executable_builder.h"
#include "runtime/queues/run_task.h"

namespace mpsg::python {
namespace {

/// nullptr for None and what was not given.
const CommandQueue* queue_in(PyObject* object) {
  if (!object) return nullptr;
  if (!py::isinstance<CommandQueue>(object))
    throw py::type_error("command_queue must be an mpsg.CommandQueue, not " +
                         py::repr(py::handle(object)).cast<std::string>());
  return py::handle(object).cast<const CommandQueue*>();
}

constexpr std::array<const char*, 6> run_names = {"feeds",  "target_tensors", "target_operations",
                                                  "device", "results",        "command_queue"};

py::object run_graph(PyObject* self, const CallArguments<6>& arguments) {
  const auto& graph = py::handle(self).cast<const Graph&>();
  const BorrowedCallMemory memory;
  take_feeds(*memory, arguments.required(0, "run", "feeds"));
  if (!arguments[1] && !arguments.given(4)) arguments.required(1, "run", "target_tensors");
  take_targets(*memory, arguments.given(1));
  if (arguments.given(2))
    memory->operations = to_list<Operation>(arguments[2], "target_operations");
  take_results(*memory, arguments.given(4));
  const auto* const queue = queue_in(arguments.given(5));
  const Device device = chosen_device(arguments.given(3), queue);
  PythonLock lock;
  const auto launch = launch_for(
      {graph, device, memory->placeholders, memory->given, memory->targets, memory->operations},
      lock);
  for (const auto at : launch->order)
    memory->feeds.push_back(memory->given[static_cast<size_t>(at)]);
  run_now(*launch->executable, memory->feeds, memory->results, lock, queue);
  return results_by_tensor(*memory);
}

constexpr std::array<const char*, 3> run_executable_names = {"feeds", "results", "command_queue"};

py::object run_held(PyObject* self, const CallArguments<3>& arguments) {
  const auto& executable = py::handle(self).cast<const Executable&>();
  const BorrowedCallMemory memory;
  take_feeds_in_order(*memory, executable, arguments.required(0, "run", "feeds"));
  take_results_in_order(*memory, executable, arguments.given(1));
  PythonLock lock;
  run_now(executable, memory->given, memory->results, lock, queue_in(arguments.given(2)));
  return results_in_order(*memory);
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

}  // namespace

Device chosen_device(PyObject* given, const CommandQueue* queue) {
  static const Device default_device;
  if (!given) return queue ? queue->device() : default_device;
  auto device = to_device(given);
  if (queue && queue->device().identity() != device.identity())
    throw FeedError("the command queue belongs to the device '" + queue->device().info().name +
                    "', and device is '" + device.info().name + "'; give one of them");
  return device;
}

void bind_run(py::module_& module) {
  static auto graph_method = fast_method<graph_run>(
      "run",
      "run($self, feeds, target_tensors=None, target_operations=None, device=None, "
      "results=None, command_queue=None)\n--\n\n"
      "Runs what the targets need. Returns {tensor: TensorData}. `results` gives memory for "
      "results, {tensor: array}: packed, writeable, of the result's type and shape; the dictionary "
      "returned then holds these arrays. With a `command_queue` the run comes after what was "
      "committed to it.");
  add_fast_method(module.attr("Graph"), graph_method);
  static auto executable_method = fast_method<executable_run>(
      "run",
      "run($self, feeds, results=None, command_queue=None)\n--\n\n"
      "Runs with feeds in the order of feed_tensors; results in that of target_tensors. `results` "
      "gives memory for them: a packed, writeable array, or None, for each. With a "
      "`command_queue` the run comes after what was committed to it.");
  add_fast_method(module.attr("Executable"), executable_method);
}

}  // namespace mpsg::python
