// One Python method of Graph for each row of the op table.
#include <pybind11/functional.h>

#include "bindings/bindings.h"
#include "graph/graph_data.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg::python {
namespace {

[[noreturn]] void wrong_argument(const OpRow& row, const std::string& name,
                                 const std::string& wanted, const py::handle& object) {
  throw GraphError(row.name + ": '" + name + "' must be " + wanted + ", got " +
                   py::repr(object).cast<std::string>());
}

/// A wrong argument of a row, with the node's name and the line of the program that gave it.
GraphError wrong_call(const OpRow& row, const std::string& name, std::string message) {
  if (message.starts_with(row.name + ": ")) message = message.substr(row.name.size() + 2);
  message = row.name + (name.empty() ? "" : " '" + name + "'") + ": " + message;
  const auto& source = SourceScope::current();
  if (source && message.find("\n  built at ") == std::string::npos)
    message += "\n  built at " + source->format();
  return GraphError(message);
}

bool is_number(const py::handle& object) {
  return PyBool_Check(object.ptr()) || PyLong_Check(object.ptr()) || PyFloat_Check(object.ptr());
}

Scalar to_scalar(const OpRow& row, const std::string& name, const py::handle& object) {
  if (PyBool_Check(object.ptr())) return object.ptr() == Py_True;
  if (PyLong_Check(object.ptr())) {
    int overflow = 0;
    const int64_t value = PyLong_AsLongLongAndOverflow(object.ptr(), &overflow);
    if (overflow != 0) wrong_argument(row, name, "an integer of 64 bits", object);
    return value;
  }
  return PyFloat_AsDouble(object.ptr());
}

Argument operand_argument(const OpRow& row, const Parameter& parameter, Graph& graph,
                          const py::handle& object) {
  const auto& spec = *parameter.operand;
  const auto convert = [&](const py::handle& item) -> TensorOrScalar {
    if (py::isinstance<Tensor>(item)) return item.cast<Tensor>();
    if (is_number(item)) return to_scalar(row, spec.name, item);
    if (py::hasattr(item, "__array__")) {
      TensorData data;
      try {
        data = to_tensor_data(item, std::nullopt);
      } catch (const FeedError& error) {
        throw FeedError("'" + spec.name + "': " + error.what());
      }
      return graph.add_one(
          "constant",
          {{"value", Bytes::copy({static_cast<const std::byte*>(data.data()), data.byte_count()})},
           {"shape", data.shape().to_vector()},
           {"data_type", data.data_type()}});
    }
    wrong_argument(row, spec.name, "a tensor or a number", item);
  };
  if (!spec.variadic) return {spec.name, convert(object)};
  if (py::isinstance<Tensor>(object) || !is_list(object))
    wrong_argument(row, spec.name, "a list of tensors", object);
  std::vector<TensorOrScalar> list;
  for (const auto& item : object) list.push_back(convert(item));
  return {spec.name, std::move(list)};
}

std::vector<Tensor> to_tensors(const OpRow& row, const std::string& block,
                               const py::object& returned) {
  std::vector<Tensor> tensors;
  if (returned.is_none()) return tensors;
  if (py::isinstance<Tensor>(returned)) return {returned.cast<Tensor>()};
  const auto add = [&](const py::handle& item) {
    if (!py::isinstance<Tensor>(item))
      wrong_argument(row, block, "a function that returns tensors", returned);
    tensors.push_back(item.cast<Tensor>());
  };
  if (!py::isinstance<py::sequence>(returned)) add(returned);
  for (const auto& item : returned) {
    // while_loop's `before` returns (predicate, [results...]).
    if (py::isinstance<Tensor>(item) || !py::isinstance<py::sequence>(item)) add(item);
    else
      for (const auto& inner : item) add(inner);
  }
  return tensors;
}

Argument block_argument(const OpRow& row, const std::string& node, const Parameter& parameter,
                        const py::object& function) {
  if (!PyCallable_Check(function.ptr()))
    wrong_argument(row, parameter.name, "a function", function);
  const auto name = parameter.name;
  return {parameter.name, Block([&row, node, name, function](const std::vector<Tensor>& arguments) {
            // for_loop's body takes (index, arguments); the others a flat list.
            py::list given;
            for (const auto& argument : arguments) given.append(argument);
            py::object result;
            if (row.name == "for_loop")
              result = function(given[0], given[py::slice(1, std::nullopt, std::nullopt)]);
            else if (row.name == "if_else") result = function();
            else result = function(given);
            try {
              return to_tensors(row, name, result);
            } catch (const GraphError& error) {
              throw wrong_call(row, node, error.what());
            }
          })};
}

void descriptor_arguments(const OpRow& row, const py::handle& object,
                          std::vector<Argument>& arguments) {
  const auto& type = *row.descriptor_type;
  if (py::type::of(object).attr("__name__").cast<std::string>() != type.name)
    wrong_argument(row, row.descriptor_parameter, "an mpsg." + type.name, object);
  for (const auto& field : type.fields)
    arguments.push_back({field.name, to_attribute(field, object.attr(field.name.c_str()))});
}

void data_argument(const AttributeSpec& spec, const py::handle& object, const py::dict& given,
                   std::vector<Argument>& arguments) {
  const auto has = [&](const char* key) {
    return given.contains(key) && !py::object(given[key]).is_none();
  };
  std::optional<DataType> wanted;
  if (has("data_type")) wanted = to_data_type(given["data_type"]);
  if (is_number(object) && !(py::hasattr(object, "dtype"))) {
    if (!wanted)
      wanted = PyBool_Check(object.ptr())   ? DataType::boolean
               : PyLong_Check(object.ptr()) ? DataType::int32
                                            : DataType::float32;
    arguments.push_back({spec.name, to_attribute(spec, object)});
    arguments.push_back({"data_type", *wanted});
    return;
  }
  // Lists of Python numbers are float32 or int32 unless told otherwise, as numbers are.
  py::object value = py::reinterpret_borrow<py::object>(object);
  if (!wanted && (py::isinstance<py::list>(object) || py::isinstance<py::tuple>(object))) {
    const auto kind = py::module_::import("numpy")
                          .attr("asarray")(object)
                          .attr("dtype")
                          .attr("kind")
                          .cast<std::string>();
    if (kind == "f") wanted = DataType::float32;
    if (kind == "i") wanted = DataType::int32;
  }
  auto data = to_tensor_data(value, wanted);
  if (wanted && data.data_type() != *wanted)
    data = to_tensor_data(to_numpy(data).attr("astype")(numpy_dtype(*wanted)), std::nullopt);
  arguments.push_back(
      {spec.name, AttributeValue(Bytes::copy(
                      {static_cast<const std::byte*>(data.data()), data.byte_count()}))});
  arguments.push_back({"data_type", data.data_type()});
  if (!has("shape")) arguments.push_back({"shape", data.shape().to_vector()});
}

/// Python's positional and keyword arguments by name; TypeError as Python words it.
py::dict bind_arguments(const OpRow& row, const std::vector<Parameter>& parameters,
                        const py::args& args, const py::kwargs& kwargs) {
  py::dict given;
  size_t at = 0;
  for (const auto& value : args) {
    if (at < parameters.size() && !parameters[at].keyword_only) {
      given[parameters[at++].name.c_str()] = value;
    } else {
      throw py::type_error(row.name + "() takes at most " + std::to_string(at) +
                           " positional arguments; its signature is " + row.name +
                           row_signature(row, false));
    }
  }
  for (const auto& [key, value] : kwargs) {
    const auto name = key.cast<std::string>();
    const bool known = name == "name" || std::ranges::any_of(parameters, [&](const auto& p) {
                         return p.name == name;
                       });
    if (!known)
      throw py::type_error(row.name + "() has no parameter '" + name + "'; its signature is " +
                           row.name + row_signature(row, false));
    if (given.contains(key)) throw py::type_error(row.name + "() got '" + name + "' twice");
    given[key] = value;
  }
  for (const auto& parameter : parameters)
    if (!parameter.optional && !given.contains(parameter.name.c_str()))
      throw py::type_error(row.name + "() needs '" + parameter.name + "'; its signature is " +
                           row.name + row_signature(row, false));
  if (given.contains("name") && !py::object(given["name"]).is_none() &&
      !py::isinstance<py::str>(py::object(given["name"])))
    throw py::type_error(row.name + "(): 'name' must be a str or None, got " +
                         py::repr(py::object(given["name"])).cast<std::string>());
  return given;
}

std::vector<Argument> convert_arguments(const OpRow& row, const std::vector<Parameter>& parameters,
                                        Graph& graph, const py::dict& given,
                                        const std::string& name) {
  std::vector<Argument> arguments;
  for (const auto& parameter : parameters) {
    if (!given.contains(parameter.name.c_str())) continue;
    const py::object object = given[parameter.name.c_str()];
    if (parameter.kind == Parameter::Kind::descriptor) {
      descriptor_arguments(row, object, arguments);
    } else if (parameter.kind == Parameter::Kind::block) {
      if (!object.is_none()) arguments.push_back(block_argument(row, name, parameter, object));
    } else if (parameter.kind == Parameter::Kind::operand) {
      if (!object.is_none()) arguments.push_back(operand_argument(row, parameter, graph, object));
    } else if (parameter.attribute->kind == AttributeKind::data) {
      try {
        data_argument(*parameter.attribute, object, given, arguments);
      } catch (const FeedError& error) {
        throw FeedError("'" + parameter.name + "': " + error.what());
      }
    } else if (parameter.attribute->kind == AttributeKind::data_type && object.is_none() &&
               parameter.optional) {
      continue;  // None: the default
    } else if (parameter.attribute->or_tensor && py::isinstance<Tensor>(object)) {
      arguments.push_back({parameter.name, object.cast<Tensor>()});
    } else {
      // `data` decides data_type and shape itself.
      const bool decided = std::ranges::any_of(
          arguments, [&](const Argument& argument) { return argument.name == parameter.name; });
      if (!decided &&
          !(object.is_none() && row.attribute_index("value") >= 0 && parameter.name == "shape"))
        arguments.push_back({parameter.name, to_attribute(*parameter.attribute, object)});
    }
  }
  return arguments;
}

/// An object that says it is an integer; nullopt if it is not.
std::optional<int64_t> to_integer(const AttributeSpec& spec, const py::handle& object) {
  if (!PyIndex_Check(object.ptr())) return std::nullopt;
  const auto number = py::reinterpret_steal<py::object>(PyNumber_Index(object.ptr()));
  if (!number) {  // numpy's arrays only may be one
    if (!PyErr_ExceptionMatches(PyExc_TypeError)) throw py::error_already_set();
    PyErr_Clear();
    return std::nullopt;
  }
  int overflow = 0;
  const int64_t value = PyLong_AsLongLongAndOverflow(number.ptr(), &overflow);
  if (overflow != 0) throw GraphError("'" + spec.name + "' does not fit into 64 bits");
  return value;
}

py::object call_row(const OpRow& row, const std::vector<Parameter>& parameters, Graph& graph,
                    const py::args& args, const py::kwargs& kwargs) {
  const auto given = bind_arguments(row, parameters, args, kwargs);
  const SourceScope source(capture_source());
  std::string name;
  if (given.contains("name") && !py::object(given["name"]).is_none())
    name = py::object(given["name"]).cast<std::string>();
  std::vector<Argument> arguments;
  try {
    arguments = convert_arguments(row, parameters, graph, given, name);
  } catch (const GraphError& error) {
    throw wrong_call(row, name, error.what());
  } catch (const FeedError& error) {
    throw wrong_call(row, name, error.what());
  } catch (py::error_already_set& error) {  // numpy's: not an array
    if (!error.matches(PyExc_ValueError)) throw;
    throw wrong_call(row, name, py::str(error.value()).cast<std::string>());
  }
  if (row.results.empty())
    return py::cast(graph.add_operation(row.name, std::move(arguments), name));
  auto results = graph.add(row.name, std::move(arguments), name);
  // Named results may be absent (a state that was not asked for); then the one is not a list.
  if (results.size() == 1 && row.results[0] != "...") return py::cast(results.front());
  return py::cast(results);
}

}  // namespace

namespace {

/// (shape, data type), or a tensor, whose type it is.
TensorType to_tensor_type(const AttributeSpec& spec, const py::handle& object) {
  if (py::isinstance<Tensor>(object)) return object.cast<const Tensor&>().type();
  if (!PyTuple_Check(object.ptr()) || PyTuple_GET_SIZE(object.ptr()) != 2)
    throw GraphError("'" + spec.name + "' must hold pairs of a shape and a data type, got " +
                     py::repr(object).cast<std::string>());
  const auto pair = py::reinterpret_borrow<py::tuple>(object);
  AttributeSpec shape;
  shape.name = spec.name;
  shape.kind = AttributeKind::shape;
  const auto sizes = to_attribute(shape, pair[0]);
  if (!std::holds_alternative<std::monostate>(sizes) &&
      !std::holds_alternative<std::vector<int64_t>>(sizes))
    throw GraphError("'" + spec.name + "': a shape is a list of sizes or None, got " +
                     py::repr(pair[0]).cast<std::string>());
  const auto* const known = std::get_if<std::vector<int64_t>>(&sizes);
  return {to_data_type(pair[1]), known ? Shape(*known) : Shape::unranked()};
}

}  // namespace

AttributeValue to_attribute(const AttributeSpec& spec, const py::handle& object) {
  if (object.is_none()) return {};
  if (spec.kind == AttributeKind::types &&
      (PyList_Check(object.ptr()) || PyTuple_Check(object.ptr()))) {
    std::vector<TensorType> types;
    for (const auto& item : py::reinterpret_borrow<py::sequence>(object))
      types.push_back(to_tensor_type(spec, item));
    return types;
  }
  if (spec.kind == AttributeKind::data_type) return to_data_type(object);
  if (PyBool_Check(object.ptr())) return object.ptr() == Py_True;
  if (py::isinstance<py::str>(object)) return object.cast<std::string>();
  // int, numpy integers, IntEnum; an array of several is a sequence below
  if (const auto value = to_integer(spec, object)) return *value;
  // An array without dimensions is a sequence that has no length.
  if (PySequence_Check(object.ptr()) && PySequence_Size(object.ptr()) >= 0) {
    std::vector<int64_t> values;
    for (const auto& item : py::reinterpret_borrow<py::sequence>(object)) {
      const auto value = to_integer(spec, item);
      if (!value || PyBool_Check(item.ptr()))
        throw GraphError("'" + spec.name + "' must hold integers, got " +
                         py::repr(item).cast<std::string>());
      values.push_back(*value);
    }
    return values;
  }
  PyErr_Clear();
  if (PyNumber_Check(object.ptr())) {
    const double value = PyFloat_AsDouble(object.ptr());
    if (!PyErr_Occurred()) return value;
    PyErr_Clear();
  }
  throw GraphError("'" + spec.name + "': " + py::repr(object).cast<std::string>() +
                   " is not a value it can take");
}

void bind_rows(py::class_<Graph>& graph) {
  for (const auto& row : op_table()) {
    if (row.internal) continue;
    // The form from which Python itself reads a built-in's signature. Not $self: pybind11's methods
    // are bound once more.
    const auto text = row_signature(row, false);
    const auto documentation = row.name + text + "\n--\n\n" + row.documentation;
    const auto parameters = parameters_of(row);
    graph.def(
        row.name.c_str(),
        [&row, parameters](Graph& self, const py::args& args, const py::kwargs& kwargs) {
          return call_row(row, parameters, self, args, kwargs);
        },
        documentation.c_str());
  }
}

}  // namespace mpsg::python
