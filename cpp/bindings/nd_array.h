// NDArray in Python: what the files about it share.
#pragma once

#include "bindings/bindings.h"
#include "mpsg/nd_array.h"

namespace mpsg::python {

void bind_nd_array(py::module_& module);

/// Anything array-like, without a copy where its memory is the processor's: numpy's strides stay.
/// Plain Python numbers and lists take `wanted`, if they hold its kind.
NDArray to_nd_array(const py::handle& object, std::optional<DataType> wanted = {});
/// The memory of an object that is to be written: never a copy of it. Throws FeedError.
NDArray to_target(const py::handle& object);
/// The array as numpy's, over the same memory; `base` keeps that alive.
py::object to_numpy(const NDArray& array, const py::object& base);
/// The memory of a Python NDArray, which stays read-only if it is; a packed copy if it is strided.
TensorData shared_tensor_data(const py::object& array);
/// `array[key]`: integers, slices, ... and None. Throws IndexError, TypeError.
NDArray get_item(const NDArray& array, const py::handle& key);

/// Gives a class the buffer protocol over NDArray's memory.
void add_buffer_protocol(const py::handle& type);

/// Keeps what `held` points to until the last reference goes, from any thread; then `let_go` is
/// called, with the GIL, with a capsule of it.
std::shared_ptr<void> keep_alive(void* held, PyCapsule_Destructor let_go);

/// The memory of an object with the buffer protocol, packed bytes. It stays exported while this
/// lives.
struct BorrowedBuffer {
  std::span<std::byte> bytes;
  bool is_writeable = false;
  std::shared_ptr<void> owner;
};
/// Throws FeedError where it has no packed memory, or must be writeable and is not.
BorrowedBuffer borrow_buffer(const py::handle& object, bool writeable);

/// Runs a copy of so many bytes, without the GIL if that takes long.
template <class Copy>
auto copy_unlocked(size_t bytes, Copy&& copy) {
  std::optional<py::gil_scoped_release> release;
  if (bytes >= size_t{1} << 20) release.emplace();
  return copy();
}

}  // namespace mpsg::python
