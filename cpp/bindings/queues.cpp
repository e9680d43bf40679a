// Command queues, command buffers, events, execution descriptors.
#include <cmath>

#include "bindings/execution_descriptor.h"
#include "mpsg/error.h"
#include "runtime/queues/command_state.h"
#include "runtime/queues/scheduler.h"

namespace mpsg::python {
namespace {

std::optional<std::chrono::nanoseconds> to_timeout(const std::optional<double>& seconds) {
  if (!seconds) return std::nullopt;
  if (std::isnan(*seconds) || *seconds < 0)
    throw py::value_error("timeout must be a number of seconds >= 0, or None");
  constexpr double longest = 1e9;  // thirty years
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
      std::chrono::duration<double>(std::min(*seconds, longest)));
}

void bind_event(py::module_& module) {
  py::class_<SharedEvent>(
      module, "SharedEvent",
      "A number that only grows, for order between queues and with the host (MTLSharedEvent). "
      "When the last reference is gone, what still waits for it fails.")
      .def(py::init<>())
      .def_property_readonly("signaled_value", &SharedEvent::signaled_value)
      .def("signal", &SharedEvent::signal, py::arg("value"),
           "signal(self, value)\n--\n\nFrom the host. A value below the present one changes "
           "nothing.")
      .def(
          "wait",
          [](const SharedEvent& event, uint64_t value, const std::optional<double>& timeout) {
            PythonLock lock;
            return wait_for_event(event, value, to_timeout(timeout), lock);
          },
          py::arg("value"), py::arg("timeout") = py::none(),
          "wait(self, value, timeout=None)\n--\n\nBlocks until the event has this value or a "
          "larger one. False: `timeout` seconds were over before. Raises the error of the run that "
          "was to signal the value, if it failed.")
      .def("__repr__", [](const SharedEvent& event) {
        return "<mpsg.SharedEvent at " + std::to_string(event.signaled_value()) + ">";
      });
}

void bind_queue(py::module_& module) {
  py::class_<CommandQueue>(
      module, "CommandQueue",
      "What is committed to a queue runs in that order; several queues take turns, step by step "
      "(MTLCommandQueue).")
      .def(py::init([](const py::object& device) { return CommandQueue(to_device(device)); }),
           py::arg("device") = py::none())
      .def_property_readonly("device", &CommandQueue::device)
      .def("command_buffer", &CommandQueue::command_buffer,
           "command_buffer(self)\n--\n\nA new command buffer for this queue.")
      .def(
          "wait_until_completed",
          [](const CommandQueue& queue) {
            PythonLock lock;
            wait_until_completed(queue, lock);
          },
          "wait_until_completed(self)\n--\n\nUntil everything committed so far is over, well or "
          "not.")
      .def("__eq__",
           [](const CommandQueue& a, const py::object& b) {
             return py::isinstance<CommandQueue>(b) && a == b.cast<CommandQueue>();
           })
      .def("__hash__",
           [](const CommandQueue& q) { return std::hash<const void*>()(q.state().get()); })
      .def("__repr__", [](const CommandQueue& queue) {
        return "<mpsg.CommandQueue of '" + queue.device().info().name + "'>";
      });
}

CommandBuffer::Handler buffer_handler(const char* kind, const py::object& function) {
  if (!PyCallable_Check(function.ptr()))
    throw py::type_error("a handler is a function that takes the command buffer, not " +
                         py::repr(function).cast<std::string>());
  return [kind, function = held_anywhere(function)](const CommandBuffer& buffer) {
    call_python_handler(kind, [&] { py::handle(function.get())(py::cast(buffer)); });
  };
}

void bind_buffer_encoding(py::class_<CommandBuffer>& buffer) {
  buffer
      .def("encode_copy", &CommandBuffer::encode_copy, py::arg("source"), py::arg("destination"),
           "encode_copy(self, source, destination)\n--\n\nCopies the values of one TensorData to "
           "another of the same type.")
      .def("encode_wait_for_event", &CommandBuffer::encode_wait_for_event, py::arg("event"),
           py::arg("value"),
           "encode_wait_for_event(self, event, value)\n--\n\nWhat is encoded after it waits until "
           "the event has this value.")
      .def("encode_signal_event", &CommandBuffer::encode_signal_event, py::arg("event"),
           py::arg("value"),
           "encode_signal_event(self, event, value)\n--\n\nThe event gets this value when what was "
           "encoded before is over.")
      .def(
          "add_scheduled_handler",
          [](CommandBuffer& self, const py::object& handler) {
            self.add_scheduled_handler(buffer_handler("scheduled", handler));
          },
          py::arg("handler"),
          "add_scheduled_handler(self, handler)\n--\n\nhandler(command_buffer) is called, on a "
          "thread of the runtime, when the first command begins.")
      .def(
          "add_completed_handler",
          [](CommandBuffer& self, const py::object& handler) {
            self.add_completed_handler(buffer_handler("completed", handler));
          },
          py::arg("handler"),
          "add_completed_handler(self, handler)\n--\n\nhandler(command_buffer) is called, on a "
          "thread of the runtime, when all commands are over.");
}

void bind_buffer(py::module_& module) {
  py::class_<CommandBuffer> buffer(
      module, "CommandBuffer",
      "Runs, copies, waits and signals that are handed to a queue together (MPSCommandBuffer). "
      "Nothing begins before commit().");
  buffer.def(py::init<const CommandQueue&>(), py::arg("queue"))
      .def_property_readonly("queue", &CommandBuffer::queue)
      .def("commit", &CommandBuffer::commit,
           "commit(self)\n--\n\nHands everything to the queue; nothing more can be encoded.")
      .def("commit_and_continue", &CommandBuffer::commit_and_continue,
           "commit_and_continue(self)\n--\n\nHands over what was encoded so far, and goes on.")
      .def(
          "wait_until_scheduled",
          [](const CommandBuffer& self) {
            PythonLock lock;
            wait_until_scheduled(self, lock);
          },
          "wait_until_scheduled(self)\n--\n\nUntil what was committed has begun.")
      .def(
          "wait_until_completed",
          [](const CommandBuffer& self) {
            PythonLock lock;
            wait_until_completed(self, lock);
          },
          "wait_until_completed(self)\n--\n\nUntil what was committed is over; see `error`.")
      .def_property_readonly(
          "status",
          [](const CommandBuffer& self) {
            return std::string(command_buffer_status_name(self.status()));
          },
          "'not_enqueued', 'committed', 'scheduled', 'completed' or 'error'.")
      .def_property_readonly(
          "error",
          [](const CommandBuffer& self) -> py::object {
            const auto error = self.error();
            return error ? to_python_error(error) : py::none();
          },
          "Of the first command that failed, or None.")
      .def("__repr__", [](const CommandBuffer& self) {
        return "<mpsg.CommandBuffer: " + std::string(command_buffer_status_name(self.status())) +
               ">";
      });
  bind_buffer_encoding(buffer);
}

py::object checked_handler(const py::object& handler, const char* what) {
  if (!handler.is_none() && !PyCallable_Check(handler.ptr()))
    throw py::type_error(std::string(what) + " is a function of (results, error), or None; not " +
                         py::repr(handler).cast<std::string>());
  return handler;
}

void bind_descriptor(py::module_& module) {
  using Descriptor = PythonExecutionDescriptor;
  py::class_<Descriptor>(
      module, "ExecutionDescriptor",
      "How a run is executed (MPSGraphExecutionDescriptor). Handlers are called as "
      "handler(results, error) on a thread of the runtime, those of one queue one after the other; "
      "error is None, or the exception, and then results have no values. What a handler raises "
      "goes to sys.unraisablehook.")
      .def(py::init([](const py::object& scheduled, const py::object& completion, bool wait,
                       const py::object& compilation) {
             Descriptor made;
             made.scheduled_handler = checked_handler(scheduled, "scheduled_handler");
             made.completion_handler = checked_handler(completion, "completion_handler");
             made.wait_until_completed = wait;
             if (!compilation.is_none())
               made.stitch = to_compilation_descriptor(compilation).optimization_level !=
                             Optimization::level0;
             return made;
           }),
           py::kw_only(), py::arg("scheduled_handler") = py::none(),
           py::arg("completion_handler") = py::none(), py::arg("wait_until_completed") = false,
           py::arg("compilation_descriptor") = py::none())
      .def_property(
          "scheduled_handler", [](const Descriptor& d) { return d.scheduled_handler; },
          [](Descriptor& d, const py::object& handler) {
            d.scheduled_handler = checked_handler(handler, "scheduled_handler");
          },
          "Called when the run's turn has come.")
      .def_property(
          "completion_handler", [](const Descriptor& d) { return d.completion_handler; },
          [](Descriptor& d, const py::object& handler) {
            d.completion_handler = checked_handler(handler, "completion_handler");
          },
          "Called when the run is over.")
      .def_readwrite("wait_until_completed", &Descriptor::wait_until_completed,
                     "Wait before returning.")
      .def(
          "wait_for_event",
          [](Descriptor& d, const SharedEvent& event, uint64_t value) {
            d.waits.push_back({event, value});
          },
          py::arg("event"), py::arg("value"),
          "wait_for_event(self, event, value)\n--\n\nThe run begins when the event has this value.")
      .def(
          "signal_event",
          [](Descriptor& d, const SharedEvent& event, uint64_t value, int64_t stage) {
            if (stage != static_cast<int64_t>(ExecutionStage::completed))
              throw py::value_error("execution_stage must be mpsg.ExecutionStage.COMPLETED");
            d.signals.push_back({event, value});
          },
          py::arg("event"), py::arg("value"),
          py::arg("execution_stage") = static_cast<int64_t>(ExecutionStage::completed),
          "signal_event(self, event, value, execution_stage=0)\n--\n\nThe "
          "event gets this value when the run is over; if the run failed, waits for it fail, too.");
}

/// Before Python ends: what is in flight comes to an end, handlers are called a last time.
void finish_at_exit() {
  const auto finish = [] {
    PythonLock lock;
    Scheduler::shared().finish(lock);
    if (PyErr_Occurred()) throw py::error_already_set();
  };
  py::module_::import("atexit").attr("register")(py::cpp_function(finish));
}

}  // namespace

void bind_queues(py::module_& module) {
  know_main_thread();
  bind_event(module);
  bind_queue(module);
  bind_buffer(module);
  bind_descriptor(module);
  finish_at_exit();
}

}  // namespace mpsg::python
