// The GIL and Python's objects, as threads of the runtime meet them.
#include <chrono>
#include <mutex>
#include <thread>
#include <utility>

#include "bindings/calls.h"
#include "runtime/queues/pending_data.h"

namespace mpsg::python {
namespace {

/// Asked for when the module is loaded: later the GIL may not be held.
unsigned long main_thread() {
  static const auto identity =
      py::module_::import("threading").attr("main_thread")().attr("ident").cast<unsigned long>();
  return identity;
}

/// References that were dropped without the GIL.
class LetGo {
 public:
  static LetGo& shared() {
    static auto* const list = new LetGo();  // never destroyed
    return *list;
  }
  void add(PyObject* object) {
    const std::lock_guard lock(mutex_);
    objects_.push_back(object);
    // Python's list of pending calls is short: one call is enough for many objects.
    if (!std::exchange(asked_, true)) asked_ = Py_AddPendingCall(drop_all, nullptr) == 0;
  }

 private:
  static int drop_all(void*) {
    std::vector<PyObject*> objects;
    {
      const std::lock_guard lock(shared().mutex_);
      objects.swap(shared().objects_);
      shared().asked_ = false;
    }
    for (auto* const object : objects) Py_DECREF(object);
    return 0;
  }

  std::mutex mutex_;
  std::vector<PyObject*> objects_;
  bool asked_ = false;
};

}  // namespace

void know_main_thread() { main_thread(); }

/// When Python ends, it ends the threads that ask for the GIL: by an exception of the thread
/// library (until 3.13), which must not pass through our destructors. Such a thread stays where it
/// is.
void PythonLock::restore(PyThreadState* state) {
  try {
    PyEval_RestoreThread(state);
  } catch (...) {
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
  }
}

bool PythonLock::interrupted() {
  // Python's signal handlers run on its main thread only.
  if (PyThread_get_thread_ident() != main_thread()) return false;
  if (depth_ > 0) restore(state_);
  const bool raised = PyErr_CheckSignals() != 0;
  if (depth_ > 0) state_ = PyEval_SaveThread();
  return raised;
}

std::function<void(const CallerLock::Work&)> PythonLock::in_background() const {
  return [](const Work& work) {
    const py::gil_scoped_acquire gil;
    PythonLock lock;
    work(lock);
  };
}

void let_go(PyObject* object) noexcept {
  if (!object || !Py_IsInitialized()) return;
  if (PyGILState_Check()) {
    Py_DECREF(object);
    return;
  }
  try {
    LetGo::shared().add(object);
  } catch (const std::bad_alloc&) {
    // Then it is never freed: better than a thread that waits for the GIL.
  }
}

std::shared_ptr<PyObject> held_anywhere(py::object object) {
  return {object.release().ptr(), let_go};
}

py::object to_python_error(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (py::error_already_set& raised) {
    return raised.value();
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  const py::error_already_set raised;
  return raised.value();
}

const TensorData& settled(const TensorData& data) {
  if (const auto& pending = PendingData::of(data)) {
    PythonLock lock;
    pending->wait(lock);
  }
  return data;
}

}  // namespace mpsg::python
