#include "bindings/calls.h"

#include <pybind11/numpy.h>

#include <memory>

namespace mpsg::python {
namespace {

/// numpy's dtype objects of the types that mpsg has. Arrays almost always share these; one with an
/// equal dtype of its own takes the slow path.
struct KnownTypes {
  struct Entry {
    PyObject* descriptor;
    DataType type;
  };
  std::vector<Entry> entries;
  KnownTypes() {
    for (const auto type : all_data_types()) {
      if (needs_ml_dtypes(type)) continue;  // ml_dtypes is imported when it is needed
      entries.push_back({numpy_dtype(type).release().ptr(), type});
      if (type == DataType::float32) std::swap(entries.front(), entries.back());
    }
  }
  DataType find(const PyObject* descriptor) const {
    for (const auto& entry : entries)
      if (entry.descriptor == descriptor) return entry.type;
    return DataType::invalid;
  }
};

const KnownTypes& known_types() {
  static const auto* const types = new KnownTypes();  // holds Python objects: never destroyed
  return *types;
}

bool is_array(PyObject* object) {
  return PyObject_TypeCheck(object, py::detail::npy_api::get().PyArray_Type_);
}

thread_local std::unique_ptr<CallMemory> spare_memory;

}  // namespace

bool borrow_array(PyObject* object, TensorData& data) {
  if (!is_array(object)) return false;
  constexpr int wanted =
      py::detail::npy_api::NPY_ARRAY_C_CONTIGUOUS_ | py::detail::npy_api::NPY_ARRAY_ALIGNED_;
  const auto* const array = py::detail::array_proxy(object);
  if ((array->flags & wanted) != wanted || array->nd > max_rank) return false;
  const auto type = known_types().find(array->descr);
  if (type == DataType::invalid) return false;
  TensorType shaped{type, {}};
  for (int axis = 0; axis < array->nd; ++axis) shaped.shape.append(array->dimensions[axis]);
  data = TensorData(shaped, array->data, nullptr);
  return true;
}

bool is_writeable_array(PyObject* object) {
  return is_array(object) &&
         py::detail::check_flags(object, py::detail::npy_api::NPY_ARRAY_WRITEABLE_);
}

const Tensor* tensor_in(PyObject* object) {
  static auto* const type = reinterpret_cast<PyTypeObject*>(py::type::of<Tensor>().release().ptr());
  if (Py_TYPE(object) == type)
    return static_cast<const Tensor*>(
        reinterpret_cast<py::detail::instance*>(object)->get_value_and_holder().value_ptr());
  if (!PyObject_TypeCheck(object, type)) return nullptr;
  return py::handle(object).cast<const Tensor*>();
}

py::object wrap(TensorData data) { return py::cast(std::move(data)); }

void add_fast_method(const py::handle& type, PyMethodDef& definition) {
  const auto method = py::reinterpret_steal<py::object>(
      PyDescr_NewMethod(reinterpret_cast<PyTypeObject*>(type.ptr()), &definition));
  if (!method) throw py::error_already_set();
  type.attr(definition.ml_name) = method;
}

void CallMemory::clear() {
  placeholders.clear();
  given.clear();
  feeds.clear();
  targets.clear();
  operations.clear();
  results.clear();
  keys.clear();
  written.clear();
  // Last, and apart: what goes with these may run Python code that calls us again.
  held.clear();
}

BorrowedCallMemory::BorrowedCallMemory() {
  memory_ = spare_memory ? spare_memory.release() : new CallMemory();
}

BorrowedCallMemory::~BorrowedCallMemory() {
  memory_->clear();
  if (spare_memory) delete memory_;
  else spare_memory.reset(memory_);
}

}  // namespace mpsg::python
