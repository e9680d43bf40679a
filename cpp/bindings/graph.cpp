// Graph, Operation, Tensor.
#include "bindings/calls.h"
#include "graph/graph_data.h"
#include "mpsg/error.h"

namespace mpsg::python {
namespace {

py::object shape_tuple(const Shape& shape) {
  if (!shape.has_rank()) return py::none();
  py::list sizes;
  for (const auto dimension : shape.dimensions()) sizes.append(dimension);
  return py::tuple(sizes);
}

size_t hash_of(const std::shared_ptr<GraphData>& graph, int32_t operation, int32_t index) {
  const auto mixed = reinterpret_cast<size_t>(graph.get()) / 64 * 0x9e3779b97f4a7c15u;
  return mixed ^ (static_cast<size_t>(operation) * 31 + static_cast<size_t>(index));
}

[[noreturn]] void no_truth(const Tensor& tensor) {
  throw py::type_error("the tensor '" + tensor.name() +
                       "' has no value while the graph is built, so it is neither true nor false; "
                       "use graph.select or graph.if_else, or run the graph");
}

Py_hash_t hash_tensor(PyObject* self) {
  const Tensor* const tensor = tensor_in(self);
  const auto hash = static_cast<Py_hash_t>(
      hash_of(tensor->graph_data(), tensor->id().operation, tensor->id().index));
  return hash == -1 ? -2 : hash;  // -1 means an error
}

/// == and != by identity of the tensor. The others are operators of the graph.
PyObject* compare_tensors(PyObject* self, PyObject* other, int comparison) {
  if (comparison != Py_EQ && comparison != Py_NE) Py_RETURN_NOTIMPLEMENTED;
  const Tensor *const a = tensor_in(self), *const b = tensor_in(other);
  const bool equal = a && b && *a == *b;
  return PyBool_FromLong(equal == (comparison == Py_EQ));
}

/// Tensors are keys of dictionaries in every run: slots of the type, not methods to look up.
void set_tensor_slots(PyHeapTypeObject* type) {
  type->ht_type.tp_hash = hash_tensor;
  type->ht_type.tp_richcompare = compare_tensors;
}

void bind_tensor(py::module_& module) {
  py::class_<Tensor>(module, "Tensor", py::custom_type_setup(set_tensor_slots),
                     "An edge of the graph (MPSGraphTensor): a symbol, without a value until the "
                     "graph runs. == and hash go by identity.")
      .def_property_readonly(
          "shape", [](const Tensor& t) { return shape_tuple(t.shape()); },
          "Sizes, outermost first; -1 = known at run time; None = unknown rank.")
      .def_property_readonly("data_type", &Tensor::data_type)
      .def_property_readonly("operation", &Tensor::operation, "The operation that makes it.")
      .def_property_readonly("graph", &Tensor::graph)
      .def_property_readonly("name", &Tensor::name)
      .def("__bool__", [](const Tensor& t) -> bool { no_truth(t); })
      .def("__iter__",
           [](const Tensor& t) -> py::object {
             throw py::type_error("the tensor '" + t.name() +
                                  "' cannot be iterated; use graph.split or slices");
           })
      .def("__repr__", [](const Tensor& t) {
        return "<mpsg.Tensor '" + t.name() + "' " + t.type().to_string() + ">";
      });
}

void bind_operation(py::module_& module) {
  py::class_<Operation>(module, "Operation", "A node of the graph (MPSGraphOperation).")
      .def_property_readonly("op", &Operation::op_name, "The row of the op table: 'softmax'.")
      .def_property_readonly("name", &Operation::name)
      .def_property_readonly("graph", &Operation::graph)
      .def_property_readonly("input_tensors", &Operation::input_tensors)
      .def_property_readonly("output_tensors", &Operation::output_tensors)
      .def_property_readonly("control_dependencies", &Operation::control_dependencies)
      .def_property_readonly(
          "source",
          [](const Operation& o) -> py::object {
            const auto& node = o.graph_data()->node(o.id());
            if (!node.source) return py::none();
            return py::str(node.source->format());
          },
          "'file:line' of the program that built it, or None.")
      .def("__eq__",
           [](const Operation& a, const py::object& b) {
             return py::isinstance<Operation>(b) && a == b.cast<Operation>();
           })
      .def("__hash__", [](const Operation& o) { return hash_of(o.graph_data(), o.id(), -1); })
      .def("__repr__", [](const Operation& o) {
        return "<mpsg.Operation '" + o.name() + "' (" + o.op_name() + ")>";
      });
}

[[noreturn]] void wrong_type(const char* method, const char* parameter, const char* wanted,
                             const py::handle& object) {
  throw py::type_error(std::string(method) + "(): '" + parameter + "' must be " + wanted +
                       ", not " + py::repr(object).cast<std::string>());
}

std::vector<Tensor> run_block(const py::object& block) {
  return to_list<Tensor>(block(), "what dependent_block() returns");
}

}  // namespace

void bind_graph(py::module_& module) {
  bind_tensor(module);
  bind_operation(module);
  py::class_<Graph> graph(
      module, "Graph",
      "A graph of tensor operations (MPSGraph): build it with its methods, then "
      "run it.");
  graph.def(py::init<>())
      .def(
          "control_dependency",
          [](Graph& self, const py::object& operations, const py::object& block,
             const py::object&) -> py::object {
            const auto first = list_of<Operation>(operations);
            if (!first)
              wrong_type("control_dependency", "operations",
                         "a list of operations, as graph.assign returns them", operations);
            if (!PyCallable_Check(block.ptr()))
              wrong_type("control_dependency", "dependent_block",
                         "a function that makes what comes after them", block);
            const SourceScope source(capture_source());
            auto results = self.control_dependency(*first, [&] { return run_block(block); });
            return py::cast(results);
          },
          py::arg("operations"), py::arg("dependent_block"), py::arg("name") = py::none(),
          "control_dependency(self, operations, dependent_block, name=None)\n--\n\n"
          "Every operation that dependent_block() creates runs after `operations`. Returns the "
          "tensors it returned, as a list\n"
          "(controlDependencyWithOperations:dependentBlock:name:).")
      .def(
          "gradients",
          [](Graph& self, const py::object& primary, const py::object& tensors,
             const std::string& unconnected, const py::object&) {
            const auto with_respect_to = list_of<Tensor>(tensors);
            if (!py::isinstance<Tensor>(primary))
              wrong_type("gradients", "of", "a tensor; of several, add up their sums", primary);
            if (!with_respect_to)
              wrong_type("gradients", "with_respect_to", "a list of tensors", tensors);
            if (unconnected != "error" && unconnected != "zero")
              throw GraphError("gradients: unconnected must be \"error\" or \"zero\", got \"" +
                               unconnected + "\"");
            const SourceScope source(capture_source());
            const auto found =
                self.gradients(primary.cast<Tensor>(), *with_respect_to,
                               unconnected == "zero" ? Unconnected::zero : Unconnected::error);
            py::dict result;
            for (size_t i = 0; i < found.size(); ++i)
              result[py::cast((*with_respect_to)[i])] = found[i];
            return result;
          },
          py::arg("of"), py::arg("with_respect_to"), py::arg("unconnected") = "error",
          py::arg("name") = py::none(),
          "gradients(self, of, with_respect_to, unconnected='error', name=None)\n--\n\n"
          "Appends the derivative of `of` (summed over its elements) with respect to each tensor;\n"
          "returns {tensor: gradient} (gradientForPrimaryTensor:withTensors:name:). A tensor that\n"
          "does not influence `of` raises GraphError, or gets zeros with unconnected=\"zero\".")
      .def_property_readonly("operations", &Graph::operations)
      .def_property_readonly("placeholder_tensors", &Graph::placeholder_tensors)
      .def_property("seed", &Graph::seed, &Graph::set_seed,
                    "Key of the unseeded random operations.")
      .def("to_text", &Graph::to_text, "to_text(self)\n--\n\nOne line per operation.")
      .def("to_json", &Graph::to_json,
           "to_json(self)\n--\n\nThe graph as JSON; from_json reads it back.")
      .def("to_graphviz", &Graph::to_graphviz,
           "to_graphviz(self)\n--\n\nThe graph in Graphviz' DOT language.")
      .def_static("from_json", &Graph::from_json, py::arg("json"),
                  "from_json(json)\n--\n\n"
                  "Rebuilds a graph from to_json(). Raises PackageError if the text is not sound.")
      .def("verify", &Graph::verify, "verify(self)\n--\n\nChecks every invariant of the graph.")
      .def("__eq__",
           [](const Graph& a, const py::object& b) {
             return py::isinstance<Graph>(b) && a == b.cast<Graph>();
           })
      .def("__hash__", [](const Graph& g) { return hash_of(g.data(), 0, 0); })
      .def("__repr__", [](const Graph& g) {
        return "<mpsg.Graph of " + std::to_string(g.data()->node_count()) + " operations>";
      });
  bind_rows(graph);
}

}  // namespace mpsg::python
