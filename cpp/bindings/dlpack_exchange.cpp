#include "bindings/dlpack_exchange.h"

#include <memory>

#include "mpsg/error.h"

namespace mpsg::python {
namespace {

// dlpack.h
struct DLDevice {
  int32_t type, id;
};
struct DLDataType {
  uint8_t code, bits;
  uint16_t lanes;
};
struct DLTensor {
  void* data;
  DLDevice device;
  int32_t ndim;
  DLDataType dtype;
  int64_t* shape;
  int64_t* strides;  // in elements; null: packed
  uint64_t byte_offset;
};
struct DLManagedTensor {
  DLTensor tensor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensor*);
};
struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};
constexpr uint64_t flag_read_only = 1, flag_is_copied = 2, flag_padded = 4;
enum Code : uint8_t { code_int, code_uint, code_float, code_bfloat = 4, code_complex, code_bool };
enum Device : int32_t { device_cpu = 1, device_cuda_host = 3, device_rocm_host = 11 };

/// How a kind of capsule is told from the other. A consumer that took it gives it the second name.
template <class Managed>
struct Names;
template <>
struct Names<DLManagedTensor> {
  static constexpr auto fresh = "dltensor", used = "used_dltensor";
};
template <>
struct Names<DLManagedTensorVersioned> {
  static constexpr auto fresh = "dltensor_versioned", used = "used_dltensor_versioned";
};

[[noreturn]] void refuse(const std::string& why) { throw py::buffer_error(why); }

uint8_t code_of(DataType type) {
  if (type == DataType::bfloat16) return code_bfloat;
  if (type == DataType::boolean) return code_bool;
  if (is_floating(type)) return code_float;
  if (is_complex(type)) return code_complex;
  return is_signed_integer(type) ? code_int : code_uint;
}

bool is_four_bits(DataType type) { return type == DataType::int4 || type == DataType::uint4; }

DLDataType dlpack_type(DataType type) {
  const auto bits = is_four_bits(type) ? 4 : 8 * size_of(type);
  return {code_of(type), static_cast<uint8_t>(bits), 1};
}

/// Of 4 bits only with an element in a byte of its own, as mpsg has them.
std::optional<DataType> data_type_of(DLDataType type, bool is_padded) {
  for (const auto each : all_data_types()) {
    const auto known = dlpack_type(each);
    if (known.code == type.code && known.bits == type.bits && type.lanes == 1 &&
        (!is_four_bits(each) || is_padded))
      return each;
  }
  return std::nullopt;
}

// ---- Export

/// What a capsule points to: the tensor, and all that it points to.
template <class Managed>
struct Exported {
  Managed managed{};
  NDArray array;
  std::vector<int64_t> shape, strides;
};

template <class Managed>
void let_go(Managed* managed) noexcept {
  delete static_cast<Exported<Managed>*>(managed->manager_ctx);
}

/// Of a capsule that nobody took.
template <class Managed>
void destroy_capsule(PyObject* capsule) {
  if (!PyCapsule_IsValid(capsule, Names<Managed>::fresh)) return;
  const py::error_scope pending;
  auto* const managed = static_cast<Managed*>(PyCapsule_GetPointer(capsule, Names<Managed>::fresh));
  if (managed->deleter) managed->deleter(managed);
}

template <class Managed>
py::object make_capsule(const NDArray& array, uint64_t flags) {
  auto exported = std::make_unique<Exported<Managed>>();
  exported->array = array;
  exported->shape = array.shape().to_vector();
  const auto size = static_cast<int64_t>(size_of(array.data_type()));
  for (const auto stride : array.strides()) exported->strides.push_back(stride / size);
  exported->managed.manager_ctx = exported.get();
  exported->managed.deleter = let_go<Managed>;
  exported->managed.tensor = {array.data(),
                              {device_cpu, 0},
                              array.shape().rank(),
                              dlpack_type(array.data_type()),
                              exported->shape.data(),
                              exported->strides.data(),
                              0};
  if constexpr (std::is_same_v<Managed, DLManagedTensorVersioned>) {
    exported->managed.major = 1;
    exported->managed.minor = is_four_bits(array.data_type()) ? 1 : 0;
    exported->managed.flags = flags;
  }
  auto* const capsule =
      PyCapsule_New(&exported->managed, Names<Managed>::fresh, destroy_capsule<Managed>);
  if (!capsule) throw py::error_already_set();
  exported.release();
  return py::reinterpret_steal<py::object>(capsule);
}

std::pair<int64_t, int64_t> pair_of(const py::object& object, const char* what) {
  try {
    return object.cast<std::pair<int64_t, int64_t>>();
  } catch (const py::cast_error&) {
    throw py::type_error(std::string(what) + " is two integers, not " +
                         py::repr(object).cast<std::string>());
  }
}

// ---- Import

/// The tensor in a capsule, and what lets it go.
struct Taken {
  DLTensor tensor;
  bool is_read_only = false;
  bool is_padded = false;
  std::shared_ptr<void> owner;
};

/// A producer's deleter may count on the GIL.
template <class Managed>
void give_back(PyObject* holder) {
  const py::error_scope pending;
  auto* const managed = static_cast<Managed*>(PyCapsule_GetPointer(holder, nullptr));
  if (managed->deleter) managed->deleter(managed);
}

template <class Managed>
std::pair<const Managed&, std::shared_ptr<void>> take_ownership(const py::object& capsule) {
  auto* const managed =
      static_cast<Managed*>(PyCapsule_GetPointer(capsule.ptr(), Names<Managed>::fresh));
  if (!managed) throw py::error_already_set();
  auto owner = keep_alive(managed, give_back<Managed>);
  if (PyCapsule_SetName(capsule.ptr(), Names<Managed>::used) != 0) throw py::error_already_set();
  return {*managed, std::move(owner)};
}

Taken take(const py::object& capsule) {
  if (PyCapsule_IsValid(capsule.ptr(), Names<DLManagedTensorVersioned>::fresh)) {
    const auto [managed, owner] = take_ownership<DLManagedTensorVersioned>(capsule);
    if (managed.major != 1)
      throw FeedError("the array is given by version " + std::to_string(managed.major) +
                      " of DLPack; mpsg knows version 1");
    const auto flags = managed.flags;
    return {managed.tensor, (flags & flag_read_only) != 0, (flags & flag_padded) != 0, owner};
  }
  if (PyCapsule_IsValid(capsule.ptr(), Names<DLManagedTensor>::fresh)) {
    const auto [managed, owner] = take_ownership<DLManagedTensor>(capsule);
    return {managed.tensor, false, false, owner};
  }
  if (PyCapsule_IsValid(capsule.ptr(), Names<DLManagedTensorVersioned>::used) ||
      PyCapsule_IsValid(capsule.ptr(), Names<DLManagedTensor>::used))
    throw FeedError("this DLPack capsule was taken before; ask the producer for another");
  throw FeedError("__dlpack__ gave no DLPack capsule but " +
                  py::repr(py::type::of(capsule)).cast<std::string>());
}

NDArray array_of(const Taken& taken) {
  const auto& tensor = taken.tensor;
  if (tensor.device.type != device_cpu && tensor.device.type != device_cuda_host &&
      tensor.device.type != device_rocm_host)
    throw FeedError("the array is in the memory of DLPack device type " +
                    std::to_string(tensor.device.type) + "; copy it to the CPU's memory first");
  const auto data_type = data_type_of(tensor.dtype, taken.is_padded);
  if (!data_type)
    throw FeedError("arrays of DLPack type code " + std::to_string(tensor.dtype.code) + ", " +
                    std::to_string(tensor.dtype.bits) + " bits, " +
                    std::to_string(tensor.dtype.lanes) + " lanes, are not supported" +
                    (tensor.dtype.bits < 8 ? " (4 bits: one element a byte)" : "") +
                    "; convert it to one of " + data_type_names());
  if (tensor.ndim < 0 || tensor.ndim > max_rank)
    throw FeedError("an array of " + std::to_string(tensor.ndim) + " dimensions; at most " +
                    std::to_string(max_rank) + " are supported");
  TensorType type{*data_type, {}};
  std::vector<int64_t> strides;
  for (int32_t axis = 0; axis < tensor.ndim; ++axis) {
    if (tensor.shape[axis] < 0)
      throw FeedError("a DLPack array has a size of " + std::to_string(tensor.shape[axis]));
    type.shape.append(tensor.shape[axis]);
  }
  if (!tensor.strides) {
    strides = NDArrayDescriptor{type.data_type, type.shape}.strides();
  } else {
    for (int32_t axis = 0; axis < tensor.ndim; ++axis)
      if (__builtin_mul_overflow(tensor.strides[axis], static_cast<int64_t>(size_of(*data_type)),
                                 &strides.emplace_back()))
        throw FeedError("a DLPack array has a stride of " + std::to_string(tensor.strides[axis]));
  }
  auto* const first =
      tensor.data ? static_cast<std::byte*>(tensor.data) + tensor.byte_offset : nullptr;
  return {first, type, strides, taken.owner, !taken.is_read_only};
}

py::object ask(const py::handle& producer, std::optional<bool> copy) {
  py::dict options;
  options["max_version"] = py::make_tuple(1, 1);
  if (copy) options["copy"] = *copy;
  const py::object method = producer.attr("__dlpack__");
  try {
    return method(**options);
  } catch (py::error_already_set& error) {
    if (!error.matches(PyExc_TypeError)) throw;
  }
  return method();  // from before version 1
}

}  // namespace

py::tuple dlpack_device() { return py::make_tuple(static_cast<int>(device_cpu), 0); }

py::object to_dlpack(const NDArray& array, const DLPackRequest& request) {
  if (!request.stream.is_none()) refuse("memory of the CPU has no streams: stream must be None");
  if (!request.dl_device.is_none() && !request.dl_device.equal(dlpack_device()))
    refuse("mpsg gives arrays in the CPU's memory, dl_device (1, 0), not " +
           py::repr(request.dl_device).cast<std::string>());
  const bool copy = !request.copy.is_none() && request.copy.cast<bool>();
  const auto version = request.max_version.is_none() ? std::pair<int64_t, int64_t>()
                                                     : pair_of(request.max_version, "max_version");
  if (is_four_bits(array.data_type()) && version < std::pair<int64_t, int64_t>{1, 1})
    refuse("4-bit integers, one in a byte, need version 1.1 of DLPack");
  if (copy) {
    const auto packed = copy_unlocked(array.byte_count(), [&] { return array.copy(); });
    if (version.first < 1) return make_capsule<DLManagedTensor>(packed, 0);
    return make_capsule<DLManagedTensorVersioned>(
        packed, flag_is_copied | (is_four_bits(array.data_type()) ? flag_padded : 0));
  }
  for (const auto stride : array.strides())
    if (stride % static_cast<int64_t>(size_of(array.data_type())) != 0)
      refuse("DLPack counts strides in elements; those of " + array.to_string() +
             " are not whole ones. copy() makes a packed array");
  if (version.first < 1) {
    if (!array.is_writeable())
      refuse("the array is read-only, which DLPack before version 1.0 cannot say: "
             "ask with max_version=(1, 0), or give a copy()");
    return make_capsule<DLManagedTensor>(array, 0);
  }
  return make_capsule<DLManagedTensorVersioned>(
      array, (array.is_writeable() ? 0 : flag_read_only) |
                 (is_four_bits(array.data_type()) ? flag_padded : 0));
}

NDArray from_dlpack(const py::handle& producer, std::optional<bool> copy) {
  if (!py::hasattr(producer, "__dlpack__"))
    throw FeedError(py::repr(py::type::of(producer)).cast<std::string>() +
                    " has no __dlpack__: mpsg.NDArray takes arrays, buffers and lists");
  if (py::hasattr(producer, "__dlpack_device__")) {
    // Before asking: a producer may have to wait for its device, or copy.
    const auto device = pair_of(producer.attr("__dlpack_device__")(), "__dlpack_device__()");
    if (device.first != device_cpu && device.first != device_cuda_host &&
        device.first != device_rocm_host)
      throw FeedError("the array is in the memory of DLPack device type " +
                      std::to_string(device.first) + "; copy it to the CPU's memory first");
  }
  auto array = array_of(take(ask(producer, copy)));
  // An old producer does not know the keyword.
  if (copy && *copy) return copy_unlocked(array.byte_count(), [&] { return array.copy(); });
  return array;
}

}  // namespace mpsg::python
