// The buffer protocol, both ways.
#include <memory>

#include "bindings/nd_array.h"
#include "mpsg/error.h"

namespace mpsg::python {
namespace {

/// Codes of the module struct; the others have none.
struct Format {
  DataType type;
  const char* code;
};
constexpr Format formats[] = {
    {DataType::float16, "e"},
    {DataType::float32, "f"},
    {DataType::float64, "d"},
    {DataType::int8, "b"},
    {DataType::int16, "h"},
    {DataType::int32, "i"},
    {DataType::int64, sizeof(long) == 8 ? "l" : "q"},
    {DataType::uint8, "B"},
    {DataType::uint16, "H"},
    {DataType::uint32, "I"},
    {DataType::uint64, sizeof(long) == 8 ? "L" : "Q"},
    {DataType::boolean, "?"},
    {DataType::complex64, "Zf"},
};

const char* format_of(DataType type) {
  for (const auto& format : formats)
    if (format.type == type) return format.code;
  return nullptr;
}

/// What a consumer's view points to.
struct Exported {
  NDArray array;
  std::vector<Py_ssize_t> shape, strides;
};

bool is_packed_backwards(const NDArray& array) {
  std::vector<int> axes;
  for (int axis = array.shape().rank() - 1; axis >= 0; --axis) axes.push_back(axis);
  return array.permute(axes).is_packed();
}

/// Why the request cannot be met; nullptr: it can.
const char* refusal(const NDArray& array, int flags) {
  const auto asks = [flags](int wanted) { return (flags & wanted) == wanted; };
  if (asks(PyBUF_WRITABLE) && !array.is_writeable()) return "the array is read-only";
  if (asks(PyBUF_FORMAT) && !format_of(array.data_type()))
    return "the buffer protocol has no code for this data type; numpy() and read_bytes() do";
  const bool packed = array.is_packed();
  if (asks(PyBUF_C_CONTIGUOUS) && !packed) return "the array is not packed";
  if (asks(PyBUF_F_CONTIGUOUS) && !is_packed_backwards(array))
    return "the array is not packed, the first axis innermost";
  if (asks(PyBUF_ANY_CONTIGUOUS) && !packed && !is_packed_backwards(array))
    return "the array is not packed";
  if (!asks(PyBUF_STRIDES) && !packed) return "the array is not packed, and no strides are asked";
  return nullptr;
}

int get_buffer(PyObject* self, Py_buffer* view, int flags) {
  if (!view) {
    PyErr_SetString(PyExc_BufferError, "no view is given");
    return -1;
  }
  view->obj = nullptr;
  try {
    const auto& array = *py::handle(self).cast<const NDArray*>();
    if (const char* why = refusal(array, flags)) {
      PyErr_SetString(PyExc_BufferError, why);
      return -1;
    }
    auto exported = std::make_unique<Exported>();
    exported->array = array;
    exported->shape.assign(array.shape().dimensions().begin(), array.shape().dimensions().end());
    exported->strides.assign(array.strides().begin(), array.strides().end());
    static std::byte nothing{};  // of arrays without elements
    view->buf = array.data() ? array.data() : &nothing;
    view->len = static_cast<Py_ssize_t>(array.byte_count());
    view->itemsize = static_cast<Py_ssize_t>(size_of(array.data_type()));
    view->readonly = array.is_writeable() ? 0 : 1;
    view->ndim = array.shape().rank();
    view->format = nullptr;
    if (flags & PyBUF_FORMAT) view->format = const_cast<char*>(format_of(array.data_type()));
    view->shape = (flags & PyBUF_ND) == PyBUF_ND ? exported->shape.data() : nullptr;
    view->strides = (flags & PyBUF_STRIDES) == PyBUF_STRIDES ? exported->strides.data() : nullptr;
    view->suboffsets = nullptr;
    view->internal = exported.release();
    view->obj = py::handle(self).inc_ref().ptr();
    return 0;
  } catch (const std::exception& error) {
    PyErr_SetString(PyExc_BufferError, error.what());
    return -1;
  }
}

void release_buffer(PyObject*, Py_buffer* view) { delete static_cast<Exported*>(view->internal); }

/// Of the capsule that holds a Py_buffer.
void release_borrowed(PyObject* capsule) {
  const py::error_scope pending;
  auto* const view = static_cast<Py_buffer*>(PyCapsule_GetPointer(capsule, nullptr));
  PyBuffer_Release(view);
  delete view;
}

}  // namespace

void add_buffer_protocol(const py::handle& type) {
  auto* const slots = &reinterpret_cast<PyHeapTypeObject*>(type.ptr())->as_buffer;
  slots->bf_getbuffer = get_buffer;
  slots->bf_releasebuffer = release_buffer;
  reinterpret_cast<PyTypeObject*>(type.ptr())->tp_as_buffer = slots;
}

BorrowedBuffer borrow_buffer(const py::handle& object, bool writeable) {
  if (!PyObject_CheckBuffer(object.ptr()))
    throw FeedError(py::repr(py::type::of(object)).cast<std::string>() +
                    " is no buffer: give a bytearray, a memoryview, an array");
  auto view = std::make_unique<Py_buffer>();
  bool is_writeable = true;
  if (PyObject_GetBuffer(object.ptr(), view.get(), PyBUF_WRITABLE) != 0) {
    py::error_already_set error;
    if (writeable) throw FeedError("the buffer cannot be written: " + std::string(error.what()));
    is_writeable = false;
    if (PyObject_GetBuffer(object.ptr(), view.get(), PyBUF_SIMPLE) != 0) {
      py::error_already_set second;
      throw FeedError("the buffer has no packed memory: " + std::string(second.what()));
    }
  }
  const std::span bytes(static_cast<std::byte*>(view->buf), static_cast<size_t>(view->len));
  try {
    auto owner = keep_alive(view.get(), release_borrowed);
    view.release();
    return {bytes, is_writeable, std::move(owner)};
  } catch (...) {
    if (view) PyBuffer_Release(view.get());
    throw;
  }
}

}  // namespace mpsg::python
