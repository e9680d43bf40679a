// SparseOps: matrices given by the values that are not zero and where they are. In the graph they
// are matrices like any other, so that every operation takes them.
#include <algorithm>

#include "graph/element_types.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using namespace build;

SparseStorageType storage_of(const OperationView& operation) {
  return operation.enumeration<SparseStorageType>("sparse_storage_type");
}

/// Calls body(k, row, column) for each value that lies inside the matrix, in order.
template <class Body>
void for_each_value(const EvaluateContext& c, const Shape& matrix, int64_t count, Body&& body) {
  const auto first = read_integers(c.input("index_0")), second = read_integers(c.input("index_1"));
  const auto storage = storage_of(c);
  const auto visit = [&](int64_t k, int64_t row, int64_t column) {
    if (row >= 0 && row < matrix[0] && column >= 0 && column < matrix[1]) body(k, row, column);
  };
  if (storage == SparseStorageType::COO) {
    for (int64_t k = 0; k < count; ++k)
      visit(k, second[static_cast<size_t>(k)], first[static_cast<size_t>(k)]);
    return;
  }
  for (size_t line = 0; line + 1 < second.size(); ++line)
    for (int64_t k = std::max<int64_t>(0, second[line]); k < std::min(count, second[line + 1]);
         ++k) {
      const auto along = first[static_cast<size_t>(k)], across = static_cast<int64_t>(line);
      if (storage == SparseStorageType::CSR) visit(k, across, along);
      else visit(k, along, across);
    }
}

void check_indices(InferContext& c, int64_t values, const Shape& matrix) {
  for (const char* name : {"index_0", "index_1"}) require_rank(c, name, 1);
  const auto length = [&](const char* name) {
    const auto& shape = c.shape(name);
    return shape.has_rank() ? shape[0] : unknown_dimension;
  };
  const auto text = [](int64_t n) { return std::to_string(n); };
  if (differ(length("index_0"), values))
    c.fail("'index_0' has " + text(length("index_0")) + " elements for " + text(values) +
           " values");
  const auto storage = storage_of(c);
  if (storage == SparseStorageType::COO) {
    if (differ(length("index_1"), values))
      c.fail("'index_1' has " + text(length("index_1")) + " elements for " + text(values) +
             " values");
    return;
  }
  if (!matrix.has_rank()) return;
  const bool rows = storage == SparseStorageType::CSR;
  const int64_t lines = matrix[rows ? 0 : 1];
  if (lines >= 0 && differ(length("index_1"), lines + 1))
    c.fail("'index_1' has " + text(length("index_1")) + " elements; where each of the " +
           text(lines) + (rows ? " rows" : " columns") + " begins, and the end, are " +
           text(lines + 1));
}

Shape require_matrix(const InferContext& c, const Shape& shape) {
  if (!shape.has_rank()) return Shape::unknown(2);
  if (shape.rank() != 2)
    c.fail("the shape of a sparse matrix has 2 dimensions, not " + std::to_string(shape.rank()));
  return shape;
}

Row sparse_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "SparseOps")
      .documentation(documentation)
      .types("T", types::numeric_complex())
      .types("I", types::integers())
      .not_stitchable("values go to places that are known at run time only");
}

Row sparse() {
  return sparse_row(
             "sparse",
             "A matrix of `shape` made of its `values` that are not zero. COO: index_0 holds the "
             "column (x) and index_1 the row (y) of each value. CSR: the values lie row by row, "
             "index_0 holds the column of each and index_1 where each row begins, and the end "
             "(rows + 1 numbers). CSC: the same by columns, index_0 holds the rows. Values at one "
             "place are added up; places outside the matrix are skipped. The result is stored as "
             "a dense tensor, which products and all other operations take. `data_type` must be "
             "that of the values.")
      .selector("sparseTensorWithType:tensors:shape:dataType:name:", "12.0")
      .selector("sparseTensorWithDescriptor:tensors:shape:name:", "12.0")
      .operand("values", "T")
      .operand("index_0", "I")
      .operand("index_1", "I")
      .attribute(integers_or_tensor("shape"))
      .descriptor("descriptor", create_sparse_descriptor())
      .infer([](InferContext& c) {
        require_rank(c, "values", 1);
        const auto type = c.operand_data_type("values");
        if (type != c.data_type("data_type"))
          c.fail("the values are " + std::string(data_type_name(type)) + ", 'data_type' is " +
                 std::string(data_type_name(c.data_type("data_type"))));
        const auto shape = require_matrix(c, shape_from(c, "shape"));
        const auto& values = c.shape("values");
        check_indices(c, values.has_rank() ? values[0] : unknown_dimension, shape);
        c.result(type, shape);
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("values")) return;
        g.give("values",
               g.graph().add_one("sparse_values",
                                 {{"tensor", g.incoming()},
                                  {"index_0", g.input("index_0")},
                                  {"index_1", g.input("index_1")},
                                  {"sparse_storage_type", g.integer("sparse_storage_type")},
                                  {"data_type", g.data_type("data_type")}}));
      })
      .evaluate([](const EvaluateContext& c) {
        with_numeric_complex(c.output().data_type, [&]<class T>(TypeTag<T>) {
          using Sum = std::conditional_t<std::is_integral_v<T>, uint64_t, ComputeType<T>>;
          const auto& matrix = c.output().shape;
          const T* values = c.input("values").as<const T>();
          std::vector<Sum> sums(static_cast<size_t>(c.output().element_count()));
          for_each_value(c, matrix, c.input("values").element_count(),
                         [&](int64_t k, int64_t row, int64_t column) {
                           sums[static_cast<size_t>(row * matrix[1] + column)] +=
                               static_cast<Sum>(values[k]);
                         });
          T* to = c.output().as<T>();
          for (size_t i = 0; i < sums.size(); ++i) to[i] = static_cast<T>(sums[i]);
        });
      });
}

Row sparse_values() {
  return sparse_row("sparse_values",
                    "What a matrix has where the values of a sparse one lie; 0 for those outside "
                    "it: the gradient of sparse.")
      .internal()
      .operand("tensor", "T")
      .operand("index_0", "I")
      .operand("index_1", "I")
      .descriptor("descriptor", create_sparse_descriptor())
      .infer([](InferContext& c) {
        const auto matrix = require_matrix(c, c.shape("tensor"));
        const auto& index = c.shape("index_0");
        check_indices(c, index.has_rank() ? index[0] : unknown_dimension, matrix);
        c.result(c.operand_data_type("tensor"), index.has_rank() ? index : Shape::unknown(1));
      })
      .gradient([](GradientContext& g) {
        if (!g.wanted("tensor")) return;
        const auto tensor = g.input("tensor");
        const auto shape = tensor.shape();
        g.give("tensor", g.graph().add_one(
                             "sparse", {{"values", g.incoming()},
                                        {"index_0", g.input("index_0")},
                                        {"index_1", g.input("index_1")},
                                        shape.is_static() ? Argument("shape", shape.to_vector())
                                                          : Argument("shape", shape_of(tensor)),
                                        {"sparse_storage_type", g.integer("sparse_storage_type")},
                                        {"data_type", tensor.data_type()}}));
      })
      .evaluate([](const EvaluateContext& c) {
        const auto& tensor = c.input("tensor");
        with_size_of(tensor.data_type, [&]<class T>(TypeTag<T>) {
          T* to = c.output().as<T>();
          std::fill_n(to, c.output().element_count(), T(0));
          for_each_value(c, tensor.shape, c.output().element_count(),
                         [&](int64_t k, int64_t row, int64_t column) {
                           to[k] = tensor.as<const T>()[row * tensor.shape[1] + column];
                         });
        });
      });
}

}  // namespace

void add_sparse_rows(Rows& rows) {
  rows.push_back(sparse().done());
  rows.push_back(sparse_values().done());
}

}  // namespace mpsg::ops
