// Matrix products from a library against plain loops, and what no library kernel takes.
#include <array>

#include "library_kernel_checks.h"

using namespace mpsg;
using namespace mpsg::testing;

TEST_CASE("library kernels: matrix products") {
  if (!has_library()) return;
  struct Case {
    std::vector<int64_t> a_batch, b_batch, batch;
    int64_t m, n, k;
  };
  const std::vector<Case> cases = {
      {{}, {}, {}, 40, 1024, 300},        {{}, {}, {}, 300, 70, 33},
      {{}, {}, {}, 1, 1000, 500},         {{}, {}, {}, 1000, 1, 64},
      {{}, {}, {}, 20, 2048, 100},        {{}, {}, {}, 17, 1024, 2100},
      {{3}, {}, {3}, 10, 20, 30},         {{3}, {3}, {3}, 40, 300, 30},
      {{100}, {100}, {100}, 5, 6, 7},     {{4, 1}, {3}, {4, 3}, 8, 9, 10},
      {{2, 3}, {1, 1}, {2, 3}, 8, 9, 10}, {{}, {2, 3}, {2, 3}, 12, 10, 11},
      {{1}, {5}, {5}, 200, 210, 40},      {{}, {}, {}, 1, 1, 1},
  };
  const auto with = [](std::vector<int64_t> batch, int64_t rows, int64_t columns) {
    batch.push_back(rows);
    batch.push_back(columns);
    return batch;
  };
  for (const auto& c : cases) {
    const auto a_shape = with(c.a_batch, c.m, c.k), b_shape = with(c.b_batch, c.k, c.n),
               shape = with(c.batch, c.m, c.n);
    const auto a = numbers(count_of(a_shape), 6), b = numbers(count_of(b_shape), 7);
    std::vector<float> expected(static_cast<size_t>(count_of(shape)));
    const size_t rank = c.batch.size();
    const auto item_of = [&](const std::vector<int64_t>& operand, int64_t item) {
      int64_t found = 0, step = 1;
      for (size_t i = 0; i < rank; ++i) {  // from the innermost
        const int64_t at = item % c.batch[rank - 1 - i];
        item /= c.batch[rank - 1 - i];
        if (i >= operand.size()) continue;
        const int64_t size = operand[operand.size() - 1 - i];
        if (size != 1) found += at * step;
        step *= size;
      }
      return found;
    };
    for (int64_t item = 0; item < count_of(c.batch); ++item)
      for (int64_t i = 0; i < c.m; ++i)
        for (int64_t k = 0; k < c.k; ++k)
          for (int64_t j = 0; j < c.n; ++j)
            expected[static_cast<size_t>((item * c.m + i) * c.n + j)] +=
                a[static_cast<size_t>((item_of(c.a_batch, item) * c.m + i) * c.k + k)] *
                b[static_cast<size_t>((item_of(c.b_batch, item) * c.k + k) * c.n + j)];
    CAPTURE(Shape(a_shape).to_string());
    CAPTURE(Shape(b_shape).to_string());
    check_step(
        OneStepPlan("matrix_multiplication", {float32(a_shape), float32(b_shape)}, float32(shape)),
        {&a, &b}, expected);
  }
}

TEST_CASE("library kernels: transposed matrices, where the row has the attributes") {
  if (!has_library()) return;
  if (require_row("matrix_multiplication").attribute_index("transpose_primary") < 0) return;
  const auto transposed = [](const std::vector<float>& x, int64_t items, int64_t rows,
                             int64_t columns) {
    std::vector<float> y(x.size());
    for (int64_t item = 0; item < items; ++item)
      for (int64_t i = 0; i < rows; ++i)
        for (int64_t j = 0; j < columns; ++j)
          y[static_cast<size_t>((item * columns + j) * rows + i)] =
              x[static_cast<size_t>((item * rows + i) * columns + j)];
    return y;
  };
  for (const auto& [items, m, n, k] : {std::array<int64_t, 4>{1, 40, 1024, 96},
                                       {1, 700, 520, 40},
                                       {3, 20, 30, 17},
                                       {40, 7, 8, 9},
                                       {2, 33, 1024, 64}}) {
    const auto a = numbers(items * m * k, 8), b = numbers(items * k * n, 9);
    std::vector<float> expected(static_cast<size_t>(items * m * n));
    for (int64_t item = 0; item < items; ++item)
      for (int64_t i = 0; i < m; ++i)
        for (int64_t l = 0; l < k; ++l)
          for (int64_t j = 0; j < n; ++j)
            expected[static_cast<size_t>((item * m + i) * n + j)] +=
                a[static_cast<size_t>((item * m + i) * k + l)] *
                b[static_cast<size_t>((item * k + l) * n + j)];
    const auto at = transposed(a, items, m, k), bt = transposed(b, items, k, n);
    for (bool ta : {false, true})
      for (bool tb : {false, true}) {
        CAPTURE(ta);
        CAPTURE(tb);
        CAPTURE(m);
        check_step(
            OneStepPlan(
                "matrix_multiplication",
                {float32(ta ? std::vector<int64_t>{items, k, m} : std::vector{items, m, k}),
                 float32(tb ? std::vector<int64_t>{items, n, k} : std::vector{items, k, n})},
                float32({items, m, n}), {{"transpose_primary", ta}, {"transpose_secondary", tb}}),
            {ta ? &at : &a, tb ? &bt : &b}, expected);
      }
  }
}

TEST_CASE("library kernels: what is refused") {
  if (!has_library()) return;
  const auto product = [](DataType type, int64_t m, int64_t n, int64_t k) {
    return OneStepPlan("matrix_multiplication", {{type, Shape{m, k}}, {type, Shape{k, n}}},
                       {type, Shape{m, n}});
  };
  CHECK(kernel_for(product(DataType::float32, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float64, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float16, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::int32, 4, 4, 4)));
  CHECK(!kernel_for(product(DataType::float32, 0, 4, 4)));
  CHECK(!kernel_for(product(DataType::float32, 4, 4, 0)));
  CHECK(!kernel_for(OneStepPlan("addition", {float32({4}), float32({4})}, float32({4}))));
}
