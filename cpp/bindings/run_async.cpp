// run_async and encode of Graph and Executable.
#include <cstring>

#include "bindings/execution_descriptor.h"
#include "bindings/run_arguments.h"
#include "mpsg/error.h"
#include "mpsg/nd_array.h"
#include "runtime/executable_builder.h"
#include "runtime/executable_state.h"
#include "runtime/queues/command_state.h"
#include "runtime/queues/pending_data.h"
#include "runtime/queues/run_task.h"

namespace mpsg::python {
namespace {

/// When a run is over: what mpsg.AsyncResults waits for.
class Completion {
 public:
  Completion(CommandQueue queue, std::shared_ptr<Task> task)
      : queue_(std::move(queue)), task_(std::move(task)) {}

  bool done() const { return task_->done(); }
  bool wait(std::optional<double> seconds) const {
    using Clock = std::chrono::steady_clock;
    std::optional<Clock::time_point> until;
    if (seconds)
      until = Clock::now() + std::chrono::duration_cast<Clock::duration>(
                                 std::chrono::duration<double>(std::clamp(*seconds, 0.0, 1e9)));
    PythonLock lock;
    if (!Scheduler::shared().wait_for(*task_, lock, until)) return false;
    if (task_->error()) std::rethrow_exception(task_->error());
    return true;
  }
  /// On a thread of the runtime; at once if it is done.
  void add_done_callback(py::object callback) const;

 private:
  CommandQueue queue_;
  std::shared_ptr<Task> task_;
};

/// Posts a callback when its turn comes.
class CallbackTask final : public Task {
 public:
  CallbackTask(std::shared_ptr<HandlerLane> lane, std::shared_ptr<PyObject> callback)
      : Task(nullptr), lane_(std::move(lane)), callback_(std::move(callback)) {}

 protected:
  bool advance(RunControl&) override {
    lane_->post([callback = std::move(callback_)] {
      call_python_handler("done", [&] { py::handle(callback.get())(); });
    });
    return false;
  }

 private:
  std::shared_ptr<HandlerLane> lane_;
  std::shared_ptr<PyObject> callback_;
};

void Completion::add_done_callback(py::object callback) const {
  HandlerLane::require_threads();
  Submission submission;
  submission.after = {task_};
  submission.task =
      std::make_shared<CallbackTask>(queue_.state()->handlers, held_anywhere(std::move(callback)));
  Scheduler::shared().submit({&submission, 1});
}

/// A feed that stays as it is when the call returns: host arrays are copied.
TensorData lasting_feed(const TensorData& given, PyObject* object) {
  if (py::isinstance<TensorData>(object) || py::isinstance<NDArray>(object)) return given;
  TensorData copy(given.type());
  if (given.byte_count() > 0) std::memcpy(copy.data(), given.data(), given.byte_count());
  return copy;
}

/// Memory for a result that its owner may drop.
void hold_result(TensorData& result, PyObject* object) {
  if (!object || py::isinstance<TensorData>(object) || py::isinstance<NDArray>(object)) return;
  result = TensorData(result.type(), result.data(),
                      held_anywhere(py::reinterpret_borrow<py::object>(object)));
}

/// The class of python/mpsg/_async.py that holds the results.
const py::object& result_class(const char* name) {
  static const auto* const by_tensor =
      new py::object(py::module_::import("mpsg._async").attr("AsyncResults"));
  static const auto* const in_order =
      new py::object(py::module_::import("mpsg._async").attr("AsyncResultList"));
  return std::strcmp(name, "AsyncResults") == 0 ? *by_tensor : *in_order;
}

/// Where the run goes: a queue, at once, or a buffer that is committed later.
struct Destination {
  std::optional<CommandBuffer> buffer;
  std::optional<CommandQueue> queue;
};

/// Hands the run over, and makes `memory.results` what the call returns.
std::shared_ptr<Task> hand_over(CallMemory& memory, std::shared_ptr<const Executable> executable,
                                const Destination& destination,
                                const PythonExecutionDescriptor* descriptor, bool by_tensor) {
  RunOrder order;
  order.executable = std::move(executable);
  order.feeds = std::move(memory.feeds);
  order.results = memory.results;
  for (size_t i = 0; i < order.results.size(); ++i)
    hold_result(order.results[i], memory.written[i]);
  if (descriptor) {
    order.scheduled_handler =
        results_handler("scheduled", descriptor->scheduled_handler, memory, by_tensor);
    order.completion_handler =
        results_handler("completion", descriptor->completion_handler, memory, by_tensor);
    order.waits = descriptor->waits;
    order.signals = descriptor->signals;
  }
  PythonLock lock;
  auto [results, task] = destination.buffer
                             ? encode_run(*destination.buffer, std::move(order), lock)
                             : run_async(*destination.queue, std::move(order), lock);
  for (size_t i = 0; i < results.size(); ++i) {
    // Whoever reads the caller's TensorData waits, too.
    if (memory.written[i] && py::isinstance<TensorData>(memory.written[i]))
      py::handle(memory.written[i]).cast<TensorData&>() = results[i];
    memory.results[i] = std::move(results[i]);
  }
  return task;
}

py::object returned(CallMemory& memory, const char* name, const CommandQueue& queue,
                    const std::shared_ptr<Task>& task) {
  const bool by_tensor = std::strcmp(name, "AsyncResults") == 0;
  py::object values =
      by_tensor ? py::object(results_by_tensor(memory)) : py::object(results_in_order(memory));
  return result_class(name)(values, Completion(queue, task));
}

const PythonExecutionDescriptor* descriptor_in(PyObject* object) {
  if (!object) return nullptr;
  if (!py::isinstance<PythonExecutionDescriptor>(object))
    throw py::type_error("execution_descriptor must be an mpsg.ExecutionDescriptor, not " +
                         py::repr(py::handle(object)).cast<std::string>());
  return py::handle(object).cast<const PythonExecutionDescriptor*>();
}

template <class T>
T required_object(PyObject* object, const char* what) {
  if (!py::isinstance<T>(object))
    throw py::type_error(std::string(what) + " must be an mpsg." +
                         py::type::of<T>().attr("__name__").template cast<std::string>() +
                         ", not " + py::repr(py::handle(object)).cast<std::string>());
  return py::handle(object).cast<T>();
}

void wait_if_asked(const PythonExecutionDescriptor* descriptor, const Destination& destination,
                   const std::shared_ptr<Task>& task) {
  if (!descriptor || !descriptor->wait_until_completed) return;
  if (destination.buffer) CommandBuffer(*destination.buffer).commit_and_continue();
  Completion(destination.buffer ? destination.buffer->queue() : *destination.queue, task)
      .wait(std::nullopt);
}

/// What Graph.run_async and Graph.encode share. `arguments`: feeds, targets, operations, results.
py::object hand_over_graph(const Graph& graph, const Device& device, Destination destination,
                           const std::array<PyObject*, 4>& arguments,
                           const PythonExecutionDescriptor* descriptor) {
  const BorrowedCallMemory memory;
  take_feeds(*memory, arguments[0]);
  take_targets(*memory, arguments[1]);
  if (arguments[2]) memory->operations = to_list<Operation>(arguments[2], "target_operations");
  take_results(*memory, arguments[3]);
  PythonLock lock;
  const auto launch =
      launch_for({graph, device, memory->placeholders, memory->given, memory->targets,
                  memory->operations, !descriptor || descriptor->stitch},
                 lock);
  if (!destination.buffer && !destination.queue)
    destination.queue.emplace(launch->executable->state().queue);
  for (const auto at : launch->order) {
    const auto i = static_cast<size_t>(at);
    memory->feeds.push_back(lasting_feed(memory->given[i], memory->held[i].ptr()));
  }
  const auto task = hand_over(*memory, launch->executable, destination, descriptor, true);
  wait_if_asked(descriptor, destination, task);
  return returned(*memory, "AsyncResults",
                  destination.buffer ? destination.buffer->queue() : *destination.queue, task);
}

constexpr std::array<const char*, 7> run_async_names = {
    "feeds",   "target_tensors", "target_operations",   "device",
    "results", "command_queue",  "execution_descriptor"};

py::object graph_run_async(PyObject* self, const CallArguments<7>& arguments) {
  PyObject* const feeds = arguments.required(0, "run_async", "feeds");
  if (!arguments[1] && !arguments.given(4) && !arguments.given(2))
    arguments.required(1, "run_async", "target_tensors");
  Destination destination;
  if (arguments.given(5))
    destination.queue = required_object<CommandQueue>(arguments[5], "command_queue");
  const Device device =
      chosen_device(arguments.given(3), destination.queue ? &*destination.queue : nullptr);
  return hand_over_graph(py::handle(self).cast<const Graph&>(), device, destination,
                         {feeds, arguments.given(1), arguments.given(2), arguments.given(4)},
                         descriptor_in(arguments.given(6)));
}

constexpr std::array<const char*, 6> encode_names = {"command_buffer", "feeds",
                                                     "target_tensors", "target_operations",
                                                     "results",        "execution_descriptor"};

py::object graph_encode(PyObject* self, const CallArguments<6>& arguments) {
  Destination destination;
  destination.buffer = required_object<CommandBuffer>(
      arguments.required(0, "encode", "command_buffer"), "command_buffer");
  PyObject* const feeds = arguments.required(1, "encode", "feeds");
  const Device device = destination.buffer->queue().device();
  return hand_over_graph(py::handle(self).cast<const Graph&>(), device, destination,
                         {feeds, arguments.given(2), arguments.given(3), arguments.given(4)},
                         descriptor_in(arguments.given(5)));
}

py::object hand_over_executable(PyObject* self, Destination destination, PyObject* feeds,
                                PyObject* results, const PythonExecutionDescriptor* descriptor) {
  const auto executable = py::handle(self).cast<std::shared_ptr<const Executable>>();
  compiled(*executable);
  const BorrowedCallMemory memory;
  take_feeds_in_order(*memory, *executable, feeds);
  for (size_t i = 0; i < memory->given.size(); ++i)
    memory->feeds.push_back(lasting_feed(memory->given[i], memory->held[i].ptr()));
  take_results_in_order(*memory, *executable, results);
  if (!destination.buffer && !destination.queue)
    destination.queue.emplace(executable->state().queue);
  const auto task = hand_over(*memory, executable, destination, descriptor, false);
  wait_if_asked(descriptor, destination, task);
  return returned(*memory, "AsyncResultList",
                  destination.buffer ? destination.buffer->queue() : *destination.queue, task);
}

constexpr std::array<const char*, 4> run_async_held_names = {"feeds", "results", "command_queue",
                                                             "execution_descriptor"};

py::object executable_run_async(PyObject* self, const CallArguments<4>& arguments) {
  Destination destination;
  if (arguments.given(2))
    destination.queue = required_object<CommandQueue>(arguments[2], "command_queue");
  return hand_over_executable(self, destination, arguments.required(0, "run_async", "feeds"),
                              arguments.given(1), descriptor_in(arguments.given(3)));
}

constexpr std::array<const char*, 4> encode_held_names = {"command_buffer", "feeds", "results",
                                                          "execution_descriptor"};

py::object executable_encode(PyObject* self, const CallArguments<4>& arguments) {
  Destination destination;
  destination.buffer = required_object<CommandBuffer>(
      arguments.required(0, "encode", "command_buffer"), "command_buffer");
  return hand_over_executable(self, destination, arguments.required(1, "encode", "feeds"),
                              arguments.given(2), descriptor_in(arguments.given(3)));
}

/// A METH_FASTCALL function from one of the above.
template <auto function, const auto& names, const char* name>
PyObject* fast(PyObject* self, PyObject* const* arguments, Py_ssize_t positional,
               PyObject* keywords) {
  return translated([&] { return function(self, {name, names, arguments, positional, keywords}); });
}

constexpr char run_async_name[] = "run_async";
constexpr char encode_name[] = "encode";

void bind_completion(py::module_& module) {
  py::class_<Completion>(module, "_Completion", "When a run is over.")
      .def("done", &Completion::done)
      .def("wait", &Completion::wait, py::arg("timeout") = py::none())
      .def("add_done_callback", &Completion::add_done_callback, py::arg("callback"));
}

}  // namespace

ResultsHandler results_handler(const char* kind, const py::object& function, CallMemory& memory,
                               bool by_tensor) {
  if (function.is_none()) return nullptr;
  py::list keys, written;
  for (size_t i = 0; i < memory.results.size(); ++i) {
    keys.append(by_tensor ? memory.keys[i] : py::none());
    written.append(memory.written[i] ? py::reinterpret_borrow<py::object>(memory.written[i])
                                     : py::none());
  }
  return [kind, by_tensor, function = held_anywhere(function), keys = held_anywhere(keys),
          written = held_anywhere(written)](std::vector<TensorData> results,
                                            const std::exception_ptr& error) {
    call_python_handler(kind, [&] {
      py::dict map;
      py::list list;
      for (size_t i = 0; i < results.size(); ++i) {
        py::object value =
            py::reinterpret_borrow<py::object>(PyList_GET_ITEM(written.get(), Py_ssize_t(i)));
        if (value.is_none()) value = wrap(results[i]);
        if (by_tensor) map[py::handle(PyList_GET_ITEM(keys.get(), Py_ssize_t(i)))] = value;
        else list.append(value);
      }
      const py::object told = error ? to_python_error(error) : py::none();
      py::handle(function.get())(by_tensor ? py::object(map) : py::object(list), told);
    });
  };
}

void call_python_handler(const char* kind, const std::function<void()>& call) noexcept {
  if (!Py_IsInitialized()) return;
  const py::gil_scoped_acquire gil;
  try {
    call();
  } catch (py::error_already_set& error) {
    error.discard_as_unraisable(kind);
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_RuntimeError, error.what());
    PyErr_WriteUnraisable(nullptr);
  }
}

void bind_run_async(py::module_& module) {
  bind_completion(module);
  static auto graph_run = fast_method<fast<graph_run_async, run_async_names, run_async_name>>(
      "run_async",
      "run_async($self, feeds, target_tensors=None, target_operations=None, device=None, "
      "results=None, command_queue=None, execution_descriptor=None)\n--\n\n"
      "Begins a run and returns at once (runAsyncWithFeeds:...). The results may be touched at any "
      "time: reading one waits for the run, and raises its error. `await` them under asyncio. Host "
      "arrays are copied; a TensorData or NDArray is borrowed, and must not be written before the "
      "run is over. Without a `command_queue` the run goes to the graph's own.");
  add_fast_method(module.attr("Graph"), graph_run);
  static auto graph_buffer = fast_method<fast<graph_encode, encode_names, encode_name>>(
      "encode",
      "encode($self, command_buffer, feeds, target_tensors=None, target_operations=None, "
      "results=None, execution_descriptor=None)\n--\n\n"
      "Appends a run to a command buffer (encodeToCommandBuffer:...), which begins when the buffer "
      "is committed. Otherwise as run_async.");
  add_fast_method(module.attr("Graph"), graph_buffer);
  static auto held_run =
      fast_method<fast<executable_run_async, run_async_held_names, run_async_name>>(
          "run_async",
          "run_async($self, feeds, results=None, command_queue=None, "
          "execution_descriptor=None)\n--\n\n"
          "As Graph.run_async, with feeds in the order of feed_tensors; results in that of "
          "target_tensors.");
  add_fast_method(module.attr("Executable"), held_run);
  static auto held_buffer = fast_method<fast<executable_encode, encode_held_names, encode_name>>(
      "encode",
      "encode($self, command_buffer, feeds, results=None, execution_descriptor=None)\n--\n\n"
      "As Graph.encode, with feeds in the order of feed_tensors; results in that of "
      "target_tensors.");
  add_fast_method(module.attr("Executable"), held_buffer);
}

}  // namespace mpsg::python
