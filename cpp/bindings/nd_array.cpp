#include "bindings/nd_array.h"

#include "bindings/calls.h"
#include "bindings/dlpack_exchange.h"
#include "mpsg/error.h"

namespace mpsg::python {
namespace {

using Class = py::class_<NDArray>;

std::optional<DataType> optional_type(const py::object& object) {
  if (object.is_none()) return std::nullopt;
  return to_data_type(object);
}

/// One integer or several.
template <class Integer = int64_t>
std::vector<Integer> integers(const py::handle& object) {
  try {
    if (PyIndex_Check(object.ptr())) return {object.cast<Integer>()};
    return object.cast<std::vector<Integer>>();
  } catch (const py::cast_error&) {
    throw py::type_error(py::repr(object).cast<std::string>() +
                         " is not an integer or a sequence of integers");
  }
}

Shape to_shape(const py::handle& object) {
  const Shape shape(integers(object));
  if (!shape.is_static())
    throw FeedError("an array cannot have an unknown size: " + shape.to_string());
  return shape;
}

std::vector<int> axes_of(const py::handle& object) {
  if (object.is_none()) return {};
  return integers<int>(object);
}

py::tuple tuple_of(std::span<const int64_t> numbers) {
  py::tuple result(numbers.size());
  for (size_t i = 0; i < numbers.size(); ++i) result[i] = py::int_(numbers[i]);
  return result;
}

/// The memory that an array is laid over, or memory of its own.
NDArray lay_out(const NDArrayDescriptor& descriptor, const py::object& buffer, size_t offset) {
  if (buffer.is_none()) {
    if (offset != 0) throw FeedError("an offset is into a buffer, and none is given");
    return NDArray(descriptor);
  }
  const auto memory = borrow_buffer(buffer, false);
  const NDArray array(memory.bytes, offset, descriptor, memory.owner);
  return memory.is_writeable ? array : array.read_only();
}

NDArray from_buffer(const py::object& buffer, const py::object& data_type, const py::object& shape,
                    size_t offset, const py::object& stride_bytes) {
  const auto type = to_data_type(data_type);
  const auto memory = borrow_buffer(buffer, false);
  TensorType wanted{type, {}};
  if (!shape.is_none()) {
    wanted.shape = to_shape(shape);
  } else {
    if (offset > memory.bytes.size() || (memory.bytes.size() - offset) % size_of(type) != 0)
      throw FeedError("a buffer of " + std::to_string(memory.bytes.size()) + " bytes, from byte " +
                      std::to_string(offset) + " on, is no whole number of " +
                      std::string(data_type_name(type)) + " elements");
    wanted.shape.append(static_cast<int64_t>((memory.bytes.size() - offset) / size_of(type)));
  }
  const auto strides = stride_bytes.is_none() ? NDArrayDescriptor{type, wanted.shape}.strides()
                                              : integers(stride_bytes);
  return {memory.bytes, offset, wanted, strides, memory.owner, memory.is_writeable};
}

NDArray from_image_batch(const py::object& images, const py::object& data_type) {
  std::vector<NDArray> all;
  if (py::isinstance<py::list>(images) || py::isinstance<py::tuple>(images)) {
    for (const auto& image : images) all.push_back(to_nd_array(image));
  } else {
    all.push_back(to_nd_array(images));
  }
  const auto type = to_data_type(data_type);
  const size_t bytes = all.empty() ? 0 : all.size() * all[0].byte_count();
  return copy_unlocked(bytes, [&] { return NDArray::from_image_batch(all, type); });
}

/// numpy's array over the memory of `self`, which it keeps alive.
py::object numpy_of(const py::object& self) { return to_numpy(self.cast<const NDArray&>(), self); }

py::object array_protocol(const py::object& self, const py::object& dtype, const py::object& copy) {
  auto array = numpy_of(self);
  const bool never = !copy.is_none() && !copy.cast<bool>();
  const bool always = !copy.is_none() && copy.cast<bool>();
  if (!dtype.is_none() && !py::object(array.attr("dtype")).equal(dtype)) {
    if (never) throw py::value_error("another dtype needs a copy, and copy=False forbids it");
    return array.attr("astype")(dtype);
  }
  return always ? array.attr("copy")() : array;
}

void import_into(const NDArray& to, const py::object& source) {
  const auto from = to_nd_array(source, to.data_type());
  copy_unlocked(to.byte_count(), [&] { to.import_data(from); });
}

void set_item(const NDArray& array, const py::object& key, const py::object& value) {
  const auto part = get_item(array, key);
  const auto from = to_nd_array(value, array.data_type()).broadcast_to(part.shape());
  copy_unlocked(part.byte_count(), [&] { part.import_data(from); });
}

void read_bytes(const NDArray& array, const py::object& buffer, const py::object& strides,
                const py::object& data_type, size_t offset) {
  const auto memory = borrow_buffer(buffer, true);
  const auto steps = strides.is_none() ? std::vector<int64_t>() : integers(strides);
  const auto type = optional_type(data_type);
  copy_unlocked(array.byte_count(), [&] { array.read_bytes(memory.bytes, steps, type, offset); });
}

void write_bytes(const NDArray& array, const py::object& buffer, const py::object& strides,
                 const py::object& data_type, size_t offset) {
  const auto memory = borrow_buffer(buffer, false);
  const auto steps = strides.is_none() ? std::vector<int64_t>() : integers(strides);
  const auto type = optional_type(data_type);
  copy_unlocked(array.byte_count(), [&] { array.write_bytes(memory.bytes, steps, type, offset); });
}

void bind_making(Class& type) {
  type.def(py::init([](const py::object& value, const py::object& data_type) {
             return to_nd_array(value, optional_type(data_type));
           }),
           py::arg("value"), py::arg("data_type") = py::none())
      .def_static(
          "empty",
          [](const py::object& shape, const py::object& data_type, size_t row_bytes) {
            return NDArray(NDArrayDescriptor{to_data_type(data_type), to_shape(shape), row_bytes});
          },
          py::arg("shape"), py::arg("data_type") = py::cast(DataType::float32),
          py::arg("row_bytes") = 0,
          "empty(shape, data_type=..., row_bytes=0)\n--\n\n"
          "Memory of its own, not initialised (MPSNDArrayDescriptor), of float32 unless another "
          "type is "
          "given. row_bytes: from one row to "
          "the next; 0: rows follow each other.")
      .def_static(
          "matrix",
          [](int64_t rows, int64_t columns, size_t row_bytes, const py::object& data_type,
             int64_t matrices, size_t matrix_bytes, const py::object& buffer, size_t offset) {
            return lay_out(
                NDArrayDescriptor::matrix(rows, columns, row_bytes, to_data_type(data_type),
                                          matrices, matrix_bytes),
                buffer, offset);
          },
          py::arg("rows"), py::arg("columns"), py::arg("row_bytes") = 0,
          py::arg("data_type") = py::cast(DataType::float32), py::arg("matrices") = 1,
          py::arg("matrix_bytes") = 0, py::arg("buffer") = py::none(), py::arg("offset") = 0,
          "matrix(rows, columns, row_bytes=0, data_type=..., matrices=1, matrix_bytes=0, "
          "buffer=None, offset=0)\n--\n\n"
          "One matrix, or several (MPSMatrix): shape (rows, columns) or (matrices, rows, columns). "
          "It lies over `buffer` from byte `offset` on, without a copy, or has its own memory.")
      .def_static(
          "vector",
          [](int64_t length, const py::object& data_type, int64_t vectors, size_t vector_bytes,
             const py::object& buffer, size_t offset) {
            return lay_out(
                NDArrayDescriptor::vector(length, to_data_type(data_type), vectors, vector_bytes),
                buffer, offset);
          },
          py::arg("length"), py::arg("data_type") = py::cast(DataType::float32),
          py::arg("vectors") = 1, py::arg("vector_bytes") = 0, py::arg("buffer") = py::none(),
          py::arg("offset") = 0,
          "vector(length, data_type=..., vectors=1, vector_bytes=0, buffer=None, "
          "offset=0)\n--\n\n"
          "One vector, or several (MPSVector): shape (length,) or (vectors, length).")
      .def_static("from_buffer", &from_buffer, py::arg("buffer"), py::arg("data_type"),
                  py::arg("shape") = py::none(), py::arg("offset") = 0,
                  py::arg("stride_bytes") = py::none(),
                  "from_buffer(buffer, data_type, shape=None, offset=0, stride_bytes=None)\n--\n\n"
                  "An array over the bytes of any buffer, without a copy (initWithBuffer:offset:"
                  "descriptor:).")
      .def_static("from_image_batch", &from_image_batch, py::arg("images"),
                  py::arg("data_type") = py::cast(DataType::float32),
                  "from_image_batch(images, data_type=...)\n--\n\n"
                  "Images as numbers of shape (images, height, width, channels) "
                  "(MPSImageBatch).");
}

void bind_facts(Class& type) {
  type.def_property_readonly("shape",
                             [](const NDArray& a) { return tuple_of(a.shape().dimensions()); })
      .def_property_readonly("strides", [](const NDArray& a) { return tuple_of(a.strides()); })
      .def_property_readonly("data_type", &NDArray::data_type)
      .def_property_readonly("element_count", &NDArray::element_count)
      .def_property_readonly("byte_count", &NDArray::byte_count)
      .def_property_readonly("is_packed", &NDArray::is_packed)
      .def_property_readonly("is_writeable", &NDArray::is_writeable)
      .def("__len__",
           [](const NDArray& a) {
             if (a.shape().rank() == 0) throw py::type_error("a scalar has no length");
             return a.shape()[0];
           })
      .def("__iter__",
           [](const py::object& self) {
             if (self.cast<const NDArray&>().shape().rank() == 0)
               throw py::type_error("a scalar cannot be iterated over");
             return py::reinterpret_steal<py::object>(PySeqIter_New(self.ptr()));
           })
      .def("__repr__", [](const py::object& self) {
        return "NDArray(" + self.cast<const NDArray&>().to_string() + ",\n" +
               py::str(numpy_of(self)).cast<std::string>() + ")";
      });
}

void bind_views(Class& type) {
  type.def("__getitem__", &get_item)
      .def("__setitem__", &set_item)
      .def("slice", &NDArray::slice, py::arg("axis"), py::arg("start"), py::arg("length"),
           py::arg("stride") = 1,
           "slice(self, axis, start, length, stride=1)\n--\n\n"
           "A view of `length` elements along an axis: start, start + stride, ...")
      .def(
          "transpose",
          [](const NDArray& a, const py::args& given) {
            const py::object axes =
                given.size() == 1 ? py::object(given[0]) : py::object(py::tuple(given));
            auto order = axes_of(axes);
            if (order.empty())
              for (int axis = a.shape().rank() - 1; axis >= 0; --axis) order.push_back(axis);
            return a.permute(order);
          },
          "transpose(self, *axes)\n--\n\n"
          "A view whose axis i is axis axes[i]; without arguments the axes are reversed.")
      .def_property_readonly("T", [](const py::object& self) { return self.attr("transpose")(); })
      .def(
          "reshape",
          [](const NDArray& a, const py::args& shape) {
            return a.reshape(Shape(shape.size() == 1 ? integers(shape[0]) : integers(shape)));
          },
          "reshape(self, *shape)\n--\n\n"
          "A view of another shape, where strides allow it; one size may be -1.")
      .def(
          "squeeze",
          [](const NDArray& a, const py::object& axes) { return a.squeeze(axes_of(axes)); },
          py::arg("axes") = py::none(),
          "squeeze(self, axes=None)\n--\n\nA view without these axes of size 1; None: all such.")
      .def("expand_dims", &NDArray::expand_dims, py::arg("axis"),
           "expand_dims(self, axis)\n--\n\nA view with an axis of size 1 before `axis`.")
      .def(
          "broadcast_to",
          [](const NDArray& a, const py::object& shape) { return a.broadcast_to(to_shape(shape)); },
          py::arg("shape"),
          "broadcast_to(self, shape)\n--\n\nA read-only view that repeats axes of size 1.")
      .def("with_rank", &NDArray::with_rank, py::arg("rank"),
           "with_rank(self, rank)\n--\n\n"
           "A view of that many axes: ones in front, or leading axes merged "
           "(initWithMPSMatrix:rank:).")
      .def(
          "array_view",
          [](const NDArray& a, const py::object& shape, const py::object& stride_bytes,
             int64_t offset) {
            return a.array_view(to_shape(shape), integers(stride_bytes), offset);
          },
          py::arg("shape"), py::arg("stride_bytes"), py::arg("offset") = 0,
          "array_view(self, shape, stride_bytes, offset=0)\n--\n\n"
          "A view of any shape and strides inside the array's memory.")
      .def("read_only", &NDArray::read_only,
           "read_only(self)\n--\n\nThe same memory, not to be written through the result.");
}

void bind_copies(Class& type) {
  type.def("read_bytes", &read_bytes, py::arg("buffer"), py::arg("stride_bytes") = py::none(),
           py::arg("data_type") = py::none(), py::arg("offset") = 0,
           "read_bytes(self, buffer, stride_bytes=None, data_type=None, offset=0)\n--\n\n"
           "Copies all elements into a buffer (readBytes:strideBytes:).")
      .def("write_bytes", &write_bytes, py::arg("buffer"), py::arg("stride_bytes") = py::none(),
           py::arg("data_type") = py::none(), py::arg("offset") = 0,
           "write_bytes(self, buffer, stride_bytes=None, data_type=None, offset=0)\n--\n\n"
           "Copies all elements from a buffer (writeBytes:strideBytes:).")
      .def(
          "export_data",
          [](const NDArray& a, const py::object& into) {
            const auto to = to_target(into);
            copy_unlocked(a.byte_count(), [&] { a.export_data(to); });
          },
          py::arg("into"),
          "export_data(self, into)\n--\n\n"
          "Copies all elements into an array of the same shape, of any type and strides.")
      .def("import_data", &import_into, py::arg("source"),
           "import_data(self, source)\n--\n\n"
           "Copies all elements from an array of the same shape, of any type and strides.")
      .def(
          "copy",
          [](const NDArray& a, const py::object& data_type) {
            const auto wanted = optional_type(data_type);
            return copy_unlocked(a.byte_count(), [&] { return a.copy(wanted); });
          },
          py::arg("data_type") = py::none(),
          "copy(self, data_type=None)\n--\n\nA packed copy, converted if a type is given.")
      .def("tensor_data", &shared_tensor_data,
           "tensor_data(self)\n--\n\nThe same memory if it is packed, else a packed copy.")
      .def(
          "to_image_batch",
          [](const NDArray& a, const py::object& data_type) {
            const auto wanted = to_data_type(data_type);
            return copy_unlocked(a.byte_count(), [&] { return a.to_image_batch(wanted); });
          },
          py::arg("data_type") = py::cast(DataType::uint8),
          "to_image_batch(self, data_type=...)\n--\n\n"
          "Numbers as images: clamped to [0, 1], scaled, rounded to nearest even; NaN is 0.");
}

void bind_exchange(Class& type) {
  type.def("numpy", &numpy_of, "numpy(self)\n--\n\nThe array as numpy's, which shares the memory.")
      .def(
          "item", [](const py::object& self) { return numpy_of(self).attr("item")(); },
          "item(self)\n--\n\nThe only element as a Python number.")
      .def("__array__", &array_protocol, py::arg("dtype") = py::none(),
           py::arg("copy") = py::none())
      .def(
          "__dlpack__",
          [](const NDArray& a, const py::object& stream, const py::object& max_version,
             const py::object& dl_device, const py::object& copy) {
            return to_dlpack(a, {stream, max_version, dl_device, copy});
          },
          py::kw_only(), py::arg("stream") = py::none(), py::arg("max_version") = py::none(),
          py::arg("dl_device") = py::none(), py::arg("copy") = py::none())
      .def("__dlpack_device__", [](const NDArray&) { return dlpack_device(); });
  add_buffer_protocol(type);
}

}  // namespace

TensorData shared_tensor_data(const py::object& self) {
  const auto& array = self.cast<const NDArray&>();
  const bool shares = array.is_packed() && array.is_aligned();
  // What must not be written stays so: numpy's flag says it to TensorData.
  if (shares && !array.is_writeable()) return to_tensor_data(numpy_of(self), std::nullopt);
  return copy_unlocked(shares ? 0 : array.byte_count(), [&] { return array.tensor_data(); });
}

void bind_nd_array(py::module_& module) {
  Class type(module, "NDArray",
             "Memory with a type, a shape and strides (MPSNDArray); views of it share it.\n\n"
             "NDArray(value) shares the memory of an array (numpy's with any strides, torch's, "
             "jax's, a buffer's, TensorData) and keeps it alive.");
  bind_making(type);
  bind_facts(type);
  bind_views(type);
  bind_copies(type);
  bind_exchange(type);
  module.def(
      "from_dlpack",
      [](const py::object& producer, const py::object& copy) {
        return from_dlpack(producer,
                           copy.is_none() ? std::nullopt : std::optional(copy.cast<bool>()));
      },
      py::arg("producer"), py::kw_only(), py::arg("copy") = py::none(),
      "from_dlpack(producer, *, copy=None)\n--\n\n"
      "An NDArray over the memory of another library's array, which it keeps alive.");
}

}  // namespace mpsg::python
