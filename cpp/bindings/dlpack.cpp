// DLPack of bfloat16. numpy has neither the type nor its DLPack code, but takes and gives the same
// memory as uint16: only the code in the capsule is exchanged.
#include "bindings/bindings.h"

namespace mpsg::python {
namespace {

// The parts of dlpack.h that lead to the type code.
struct DLTensor {
  void* data;
  int32_t device_type, device_id;
  int32_t ndim;
  uint8_t type_code, bits;
  uint16_t lanes;
};
struct DLManagedTensorVersioned {
  uint32_t major, minor;
  void* manager_ctx;
  void (*deleter)(DLManagedTensorVersioned*);
  uint64_t flags;
  DLTensor tensor;
};
constexpr uint8_t unsigned_code = 1, bfloat_code = 4;

/// The tensor in a capsule of either version; null if it is neither.
DLTensor* tensor_in(const py::handle& capsule) {
  if (PyCapsule_IsValid(capsule.ptr(), "dltensor"))
    return static_cast<DLTensor*>(PyCapsule_GetPointer(capsule.ptr(), "dltensor"));
  if (!PyCapsule_IsValid(capsule.ptr(), "dltensor_versioned")) return nullptr;
  return &static_cast<DLManagedTensorVersioned*>(
              PyCapsule_GetPointer(capsule.ptr(), "dltensor_versioned"))
              ->tensor;
}

}  // namespace

std::optional<py::object> bfloat16_from_dlpack(const py::handle& producer) {
  try {
    const py::object capsule = producer.attr("__dlpack__")();
    auto* tensor = tensor_in(capsule);
    if (!tensor || tensor->type_code != bfloat_code || tensor->bits != 16 || tensor->lanes != 1)
      return std::nullopt;
    tensor->type_code = unsigned_code;
    const auto give = [capsule](const py::args&, const py::kwargs&) { return capsule; };
    const py::object device = producer.attr("__dlpack_device__")();
    const auto words = py::module_::import("types").attr("SimpleNamespace")(
        py::arg("__dlpack__") = py::cpp_function(give),
        py::arg("__dlpack_device__") = py::cpp_function([device] { return device; }));
    return py::module_::import("numpy").attr("from_dlpack")(words).attr("view")(
        numpy_dtype(DataType::bfloat16));
  } catch (py::error_already_set&) {
    return std::nullopt;  // on another device, or it needs a gradient: the array protocol says why
  }
}

py::object bfloat16_to_dlpack(const py::object& array, const py::kwargs& options) {
  py::object capsule = array.attr("view")("uint16").attr("__dlpack__")(**options);
  if (auto* tensor = tensor_in(capsule)) tensor->type_code = bfloat_code;
  return capsule;
}

}  // namespace mpsg::python
