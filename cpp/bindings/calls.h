// Fast paths of calls from Python: arguments without pybind11's dispatcher, packed numpy arrays
// without an import or an attribute look-up.
#pragma once

#if defined(__GLIBCXX__) || defined(__GNUC__)
#include <cxxabi.h>
#endif

#include <array>
#include <chrono>
#include <string>
#include <thread>
#include <vector>

#include "bindings/bindings.h"
#include "mpsg/command_queue.h"
#include "mpsg/error.h"
#include "mpsg/executable.h"
#include "runtime/executable_cache.h"

namespace mpsg::python {

/// Python's GIL, as the runtime sees it: held when this is made.
class PythonLock final : public CallerLock {
 public:
  void release() override {
    if (depth_++ == 0) state_ = PyEval_SaveThread();
  }
  void acquire() override {
    if (--depth_ == 0) restore(state_);
  }
  /// Lets Python's signal handlers run; what one raises (KeyboardInterrupt) stays set.
  bool interrupted() override;
  std::function<void(const Work&)> in_background() const override;

 private:
  static void restore(PyThreadState* state);

  int depth_ = 0;
  PyThreadState* state_ = nullptr;
};

/// Once, when the module is loaded.
void know_main_thread();

/// Lets an object go, from any thread: without the GIL, its last reference waits until Python's
/// main thread is at it. No thread of the runtime waits for the GIL because of it.
void let_go(PyObject* object) noexcept;
/// An object that is let go so.
std::shared_ptr<PyObject> held_anywhere(py::object object);
/// What `error` is in Python: an instance of an exception.
py::object to_python_error(const std::exception_ptr& error);
/// Waits for what `data` still waits for, without the GIL.
const TensorData& settled(const TensorData& data);

/// Borrows a packed, aligned numpy array of a type that mpsg has, without a copy and without
/// keeping it alive; false for everything else.
bool borrow_array(PyObject* object, TensorData& data);
/// May it be written?
bool is_writeable_array(PyObject* object);
bool is_writeable(const TensorData& data);

/// The tensor behind a Python object; nullptr: it is none.
const Tensor* tensor_in(PyObject* object);
/// A new Python object.
py::object wrap(TensorData data);

/// Positional and keyword arguments of a METH_FASTCALL function, by name. Missing ones are nullptr.
template <size_t count>
class CallArguments {
 public:
  using Names = std::array<const char*, count>;
  CallArguments(const char* function, const Names& names, PyObject* const* arguments,
                Py_ssize_t positional, PyObject* keywords) {
    if (positional > static_cast<Py_ssize_t>(count))
      throw py::type_error(std::string(function) + "() takes at most " + std::to_string(count) +
                           " arguments (" + std::to_string(positional) + " given)");
    for (Py_ssize_t i = 0; i < positional; ++i) values_[static_cast<size_t>(i)] = arguments[i];
    const Py_ssize_t named = keywords ? PyTuple_GET_SIZE(keywords) : 0;
    for (Py_ssize_t i = 0; i < named; ++i) {
      const auto at = index_of(function, names, PyTuple_GET_ITEM(keywords, i));
      if (values_[at])
        throw py::type_error(std::string(function) + "() got multiple values for argument '" +
                             names[at] + "'");
      values_[at] = arguments[positional + i];
    }
  }

  PyObject* operator[](size_t i) const { return values_[i]; }
  /// nullptr for None, too.
  PyObject* given(size_t i) const { return values_[i] == Py_None ? nullptr : values_[i]; }
  PyObject* required(size_t i, const char* function, const char* name) const {
    if (!values_[i])
      throw py::type_error(std::string(function) + "() missing required argument '" + name + "'");
    return values_[i];
  }

 private:
  static size_t index_of(const char* function, const Names& names, PyObject* name) {
    for (size_t i = 0; i < count; ++i)
      if (PyUnicode_CompareWithASCIIString(name, names[i]) == 0) return i;
    throw py::type_error(std::string(function) + "() got an unexpected keyword argument '" +
                         py::handle(name).cast<std::string>() + "'");
  }
  std::array<PyObject*, count> values_{};
};

/// Runs `body` and turns what it throws into Python's exceptions.
template <class Body>
PyObject* translated(Body&& body) {
  try {
    return body().release().ptr();
  } catch (py::error_already_set& error) {
    error.restore();
#if defined(__GLIBCXX__)
  } catch (abi::__forced_unwind&) {
    // Python ends this thread, which asked for the GIL at the end of the process: it stays here.
    while (true) std::this_thread::sleep_for(std::chrono::hours(1));
#endif
  } catch (...) {
    py::detail::try_translate_exceptions();
  }
  return nullptr;
}

using FastFunction = PyObject* (*)(PyObject* self, PyObject* const* arguments,
                                   Py_ssize_t positional, PyObject* keywords);
template <FastFunction function>
PyMethodDef fast_method(const char* name, const char* documentation) {
  // Python's own way to say that the flags tell the real type.
  return {name, reinterpret_cast<PyCFunction>(reinterpret_cast<void (*)()>(function)),
          METH_FASTCALL | METH_KEYWORDS, documentation};
}
/// Gives a class a method. `definition` must live as long as the interpreter.
void add_fast_method(const py::handle& type, PyMethodDef& definition);

/// What a run works with, kept from call to call of a thread, so that nothing is allocated.
struct CallMemory {
  std::vector<Tensor> placeholders;
  std::vector<TensorData> given;  // feeds as the caller gave them
  std::vector<TensorData> feeds;  // in the executable's order
  std::vector<Tensor> targets;
  std::vector<Operation> operations;
  std::vector<TensorData> results;
  std::vector<py::object> keys;    // Python objects of the targets
  std::vector<py::object> held;    // what must not go while the GIL is released
  std::vector<PyObject*> written;  // results' memory as the caller gave it; nullptr: none
  void clear();
};

/// Takes the thread's CallMemory for a scope. A nested call gets its own.
class BorrowedCallMemory {
 public:
  BorrowedCallMemory();
  ~BorrowedCallMemory();
  BorrowedCallMemory(const BorrowedCallMemory&) = delete;
  BorrowedCallMemory& operator=(const BorrowedCallMemory&) = delete;
  CallMemory* operator->() const { return memory_; }
  CallMemory& operator*() const { return *memory_; }

 private:
  CallMemory* memory_;
};

void bind_run(py::module_& module);
void bind_run_async(py::module_& module);
void bind_queues(py::module_& module);
void bind_compilation_descriptor(py::module_& module);
void bind_executable(py::module_& module);
void bind_cache(py::module_& module);

Device to_device(const py::handle& object);
/// The executable, when its compilation is over.
const Executable& compiled(const Executable& executable);
/// From a shape (of the placeholder's data type), an array, or None: the placeholder's own.
TensorType to_type(const Tensor& placeholder, const py::object& object);
CallableExecutables to_callables(const py::object& object);
CompilationDescriptor to_compilation_descriptor(const py::object& object);
/// From the arguments `device` and `command_queue`; nullptr: not given. Throws FeedError if they
/// contradict each other.
Device chosen_device(PyObject* given, const CommandQueue* queue);

/// The elements of a list; nullopt: it is none, or one of them is something else.
template <class T>
std::optional<std::vector<T>> list_of(const py::handle& object) {
  if (!is_list(object)) return std::nullopt;
  std::vector<T> list;
  for (const auto& item : py::reinterpret_borrow<py::sequence>(object)) {
    if (!py::isinstance<T>(item)) return std::nullopt;
    list.push_back(item.cast<T>());
  }
  return list;
}

/// One, or a list of them; an empty list for None.
template <class T>
std::vector<T> to_list(const py::handle& object, const char* what) {
  if (!object || object.is_none()) return {};
  if (py::isinstance<T>(object)) return {object.cast<T>()};
  if (auto list = list_of<T>(object)) return std::move(*list);
  const auto kind = std::is_same_v<T, Tensor> ? "tensors" : "operations";
  throw GraphError(std::string(what) + " must be a list of " + kind + ", got " +
                   py::repr(object).cast<std::string>());
}

}  // namespace mpsg::python
