// The line of the user's program that builds a node: a code object and an offset, formatted only
// when a message needs it.
#include "bindings/calls.h"

namespace mpsg::python {
namespace {

class PythonSource final : public SourceLocation {
 public:
  PythonSource(PyCodeObject* code, int offset) : code_(code), offset_(offset) {}
  ~PythonSource() override { let_go(reinterpret_cast<PyObject*>(code_)); }
  std::string format() const override {
    const py::gil_scoped_acquire gil;
    const auto file = py::reinterpret_borrow<py::str>(code_->co_filename);
    return file.cast<std::string>() + ":" + std::to_string(PyCode_Addr2Line(code_, offset_));
  }

 private:
  PyCodeObject* code_;
  int offset_;
};

/// Is this one of mpsg's own files? The first frame that is not is the user's.
bool is_ours(PyCodeObject* code) {
  static const std::string folder = [] {
    const auto file = py::module_::import("mpsg").attr("__file__").cast<std::string>();
    return file.substr(0, file.find_last_of("/\\") + 1);
  }();
  Py_ssize_t size = 0;
  const char* name = PyUnicode_AsUTF8AndSize(code->co_filename, &size);
  if (!name) {
    PyErr_Clear();
    return false;
  }
  return std::string_view(name, static_cast<size_t>(size)).starts_with(folder);
}

}  // namespace

std::shared_ptr<const SourceLocation> capture_source() {
  auto frame = py::reinterpret_borrow<py::object>(reinterpret_cast<PyObject*>(PyEval_GetFrame()));
  while (frame && !frame.is_none()) {
    auto* raw = reinterpret_cast<PyFrameObject*>(frame.ptr());
    PyCodeObject* code = PyFrame_GetCode(raw);  // a new reference
    if (!is_ours(code)) return std::make_shared<PythonSource>(code, PyFrame_GetLasti(raw));
    Py_DECREF(code);
    frame = py::reinterpret_steal<py::object>(reinterpret_cast<PyObject*>(PyFrame_GetBack(raw)));
  }
  return nullptr;
}

}  // namespace mpsg::python
