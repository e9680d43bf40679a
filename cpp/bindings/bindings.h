// What the files of the Python module share.
#pragma once

#include <pybind11/pybind11.h>
#include <pybind11/stl.h>

#include <memory>

#include "graph/op_schema.h"
#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"

namespace mpsg::python {

namespace py = pybind11;

void bind_errors(py::module_& module);
void bind_types(py::module_& module);
void bind_tensor_data(py::module_& module);
void bind_graph(py::module_& module);
void bind_rows(py::class_<Graph>& graph);
void bind_table(py::module_& module);
void bind_runtime(py::module_& module);
void bind_faults(py::module_& module);

/// numpy lacks these; its dtypes for them come from ml_dtypes.
bool needs_ml_dtypes(DataType type);
/// numpy's dtype for a data type.
py::object numpy_dtype(DataType type);
/// From mpsg's, numpy's and ml_dtypes' names for a type. Throws TypeError.
DataType to_data_type(const py::handle& object);
/// All of them, with commas.
std::string data_type_names();

/// A sequence of other objects. What has no length (a tensor, an array without dimensions) is none.
bool is_list(const py::handle& object);

/// Anything array-like as TensorData, without a copy where the memory is packed. Plain Python
/// numbers and lists take `wanted`, if they hold its kind.
TensorData to_tensor_data(const py::handle& object, std::optional<DataType> wanted);
py::object to_numpy(const TensorData& data);

/// A Python object as an attribute, as far as `spec` needs it.
AttributeValue to_attribute(const AttributeSpec& spec, const py::handle& object);

/// Sets the source line of the nodes that this call makes: the caller outside mpsg.
std::shared_ptr<const SourceLocation> capture_source();

/// The full Python signature of a row: "softmax(self, tensor, axis, name=None)".
std::string row_signature(const OpRow& row, bool with_types);

/// One parameter of a row's Python method.
struct Parameter {
  enum class Kind { operand, attribute, block, descriptor } kind;
  std::string name;
  const OperandSpec* operand = nullptr;
  const AttributeSpec* attribute = nullptr;
  bool keyword_only = false;
  bool optional = false;  // may be left out
};
std::vector<Parameter> parameters_of(const OpRow& row);
/// The Python types it takes, as an annotation: "int | Sequence[int]".
std::string parameter_type(const OpRow& row, const Parameter& parameter);
/// Its default as Python writes it; "..." for a data type, whose name needs its module.
std::string parameter_default(const Parameter& parameter);

}  // namespace mpsg::python
