// matrix_multiplication through the library's sgemm, called by each thread on a piece of the
// result. sgemm takes any size and stride, so no shape ever creates a primitive.
#include <algorithm>
#include <atomic>
#include <cstring>

#include "backends/cpu/onednn/kernels.h"
#include "mpsg/error.h"

namespace mpsg::onednn {
namespace {

/// One operand: `rows` x `columns` matrices in memory, used as they are or transposed.
struct Matrix {
  bool transposed = false;
  int64_t leading = 0;         // elements from row to row in memory
  int64_t batch_elements = 0;  // elements of one matrix

  /// Element (row, column) of the matrix as used.
  int64_t offset(int64_t row, int64_t column) const {
    return transposed ? column * leading + row : row * leading + column;
  }
};

struct Problem {
  int64_t batch = 1;
  int64_t m = 0;
  int64_t n = 0;
  int64_t k = 0;
  Matrix a;
  Matrix b;
  std::vector<std::pair<int64_t, int64_t>> batch_offsets;  // of a and b, in elements

  double operations() const {
    return 2.0 * static_cast<double>(m) * static_cast<double>(n) * static_cast<double>(k);
  }
};

int64_t product(const Shape& shape, int first, int last) {
  int64_t result = 1;
  for (int i = first; i < last; ++i) result *= shape[i];
  return result;
}

/// Where the matrices of each batch item begin; dimensions of size 1 repeat, as NumPy's.
std::vector<std::pair<int64_t, int64_t>> batch_offsets(const Shape& a, const Shape& b,
                                                       const Shape& result) {
  const int rank = result.rank() - 2;
  const auto size = [&](const Shape& shape, int axis) {
    const int mine = axis - rank + shape.rank() - 2;
    return mine < 0 ? int64_t{1} : shape[mine];
  };
  std::vector<std::pair<int64_t, int64_t>> offsets{{0, 0}};
  int64_t a_step = product(a, a.rank() - 2, a.rank());
  int64_t b_step = product(b, b.rank() - 2, b.rank());
  // From the innermost batch dimension outwards, each one repeats what is there.
  for (int axis = rank - 1; axis >= 0; --axis) {
    const int64_t a_stride = size(a, axis) == 1 ? 0 : a_step;
    const int64_t b_stride = size(b, axis) == 1 ? 0 : b_step;
    const size_t inner = offsets.size();
    for (int64_t i = 1; i < result[axis]; ++i)
      for (size_t j = 0; j < inner; ++j)
        offsets.emplace_back(offsets[j].first + i * a_stride, offsets[j].second + i * b_stride);
    a_step *= size(a, axis);
    b_step *= size(b, axis);
  }
  return offsets;
}

Problem make_problem(const Shape& a, const Shape& b, const Shape& result, bool transpose_a,
                     bool transpose_b) {
  Problem p;
  const int last = result.rank() - 1;
  p.m = result[last - 1];
  p.n = result[last];
  p.k = a[a.rank() - (transpose_a ? 2 : 1)];
  p.a = {transpose_a, transpose_a ? p.m : p.k, p.m * p.k};
  p.b = {transpose_b, transpose_b ? p.k : p.n, p.k * p.n};
  p.batch = product(result, 0, result.rank() - 2);
  const bool one_b = product(b, 0, b.rank() - 2) == 1;
  if (one_b && !transpose_a && product(a, 0, a.rank() - 2) == p.batch) {
    p.m *= p.batch;  // the rows of all items follow each other
    p.batch = 1;
  }
  if (p.batch == 1) p.batch_offsets = {{0, 0}};
  else p.batch_offsets = batch_offsets(a, b, result);
  return p;
}

/// Part of the result that one call computes.
struct Piece {
  int64_t first_item;
  int64_t last_item;
  int64_t row;
  int64_t rows;
  int64_t column;
  int64_t columns;
};

constexpr double operations_of_piece = 20e6;  // about 0.2 ms

/// Length of equal parts of `size`: up to four for each thread while each part has `least`
/// elements and enough work, in steps of `multiple`.
int64_t part_length(int64_t size, int64_t threads, int64_t least, int64_t multiple,
                    double operations) {
  const auto length = [&](int64_t parts) {
    const int64_t exact = (size - 1) / parts + 1;
    return std::min(size, (exact + multiple - 1) / multiple * multiple);
  };
  for (int64_t per_thread : {4, 2}) {
    const int64_t candidate = length(threads * per_thread);
    const double share = static_cast<double>(candidate) / static_cast<double>(size);
    if (candidate >= least && operations * share >= operations_of_piece) return candidate;
  }
  return length(threads);
}

/// The larger dimension of the result is cut: every piece reads the other operand as a whole.
std::vector<Piece> cut(const Problem& p, const ThreadPool& pool) {
  std::vector<Piece> pieces;
  const double all = p.operations() * static_cast<double>(p.batch);
  const int64_t threads = useful_threads(pool, all);
  if (p.batch >= 2 * threads) {
    const int64_t items = std::max<int64_t>(1, p.batch / (threads * 8));
    for (int64_t i = 0; i < p.batch; i += items)
      pieces.push_back({i, std::min(p.batch, i + items), 0, p.m, 0, p.n});
    return pieces;
  }
  const int64_t share = (threads - 1) / p.batch + 1;  // threads for one item
  const bool by_columns = p.n >= p.m;
  // Below 512 columns a product with a transposed primary operand drops to a third of its speed.
  const int64_t length =
      by_columns ? part_length(p.n, share, p.a.transposed ? 512 : 256, 64, p.operations())
                 : part_length(p.m, share, 64, 16, p.operations());
  for (int64_t item = 0; item < p.batch; ++item) {
    for (int64_t i = 0; i < (by_columns ? p.n : p.m); i += length) {
      if (by_columns) pieces.push_back({item, item + 1, 0, p.m, i, std::min(length, p.n - i)});
      else pieces.push_back({item, item + 1, i, std::min(length, p.m - i), 0, p.n});
    }
  }
  return pieces;
}

bool has_avx512() {
  constexpr int wanted = static_cast<int>(dnnl::cpu_isa::avx512_core);
  static const bool found = (static_cast<int>(dnnl::get_effective_cpu_isa()) & wanted) == wanted;
  return found;
}

/// How a piece is computed.
enum class Method {
  whole,   // one call
  panels,  // the secondary operand copied, panel by panel, to rows that are not 4 KiB apart
  thin,    // a few rows of the result at a time
};

constexpr int64_t panel_columns = 128;
constexpr int64_t panel_stride = 144;
constexpr int64_t thin_rows = 15;

// Rules from measurements, GFLOP/s of one thread:
// - The 4 KiB trap. Without AVX-512 the library reads a plain secondary operand in place when the
//   primary one has few rows, and rows 4 KiB apart fall into the same cache sets. 3136 x 512
//   operand, rows 4 KiB apart, whole -> panels: 20 rows 28 -> 73, 40 rows 33 -> 79, 64 rows 34
//   -> 74. Up to k = 2048 only products of less than 40 rows are affected (16 rows 27 -> 60). With
//   AVX-512 there is no trap, and copying costs a third.
// - Thin products. With AVX-512 and a transposed secondary operand, the code for 16 rows and more
//   falls to a third of the speed of the code for 15. 784 x 1024 operand, whole -> at most 15 rows
//   at a time and 128 columns: 16 rows 36 -> 98, 20 rows 41 -> 91, 40 rows 60 -> 98, 64 rows 72 ->
//   102, 128 rows 90 -> 109. Not with k <= 256 (64 rows, k = 64: 107 as a whole).
Method method_for(const Problem& p) {
  constexpr int64_t floats_of_4_kib = 1024;
  if (!has_avx512()) {
    const bool few_rows = p.m >= 8 && p.m <= (p.k > 2048 ? 96 : 32);
    const bool trapped = !p.b.transposed && p.b.leading % floats_of_4_kib == 0;
    return trapped && few_rows && p.k >= 64 && p.k <= 16384 ? Method::panels : Method::whole;
  }
  const bool slow = p.b.transposed && !p.a.transposed && p.m > thin_rows && p.m <= 160;
  return slow && p.k > 256 ? Method::thin : Method::whole;
}

class MatrixKernel final : public Kernel {
 public:
  MatrixKernel(Problem problem, const ThreadPool& pool)
      : problem_(std::move(problem)),
        pool_(pool),
        pieces_(cut(problem_, pool)),
        method_(method_for(problem_)) {}

  void run(const KernelArguments& arguments) const override {
    std::atomic<size_t> next{0};
    const auto loops = std::min(static_cast<int64_t>(pieces_.size()), int64_t{pool_.threads()});
    pool_.run_tasks(loops, [&](int64_t slot) {
      const SingleThread guard;
      char* const panel =
          static_cast<char*>(arguments.workspace) + static_cast<size_t>(slot) * panel_bytes();
      for (size_t i = next.fetch_add(1); i < pieces_.size(); i = next.fetch_add(1))
        run_piece(pieces_[i], arguments, reinterpret_cast<float*>(panel));
    });
  }

  size_t workspace_bytes() const override {
    return static_cast<size_t>(pool_.threads()) * panel_bytes();
  }

  std::string description() const override {
    const char* const how = method_ == Method::panels ? "sgemm in padded panels"
                            : method_ == Method::thin ? "sgemm of few rows"
                                                      : "sgemm";
    return describe_slices(how, pieces_.size());
  }

 private:
  size_t panel_bytes() const {
    if (method_ != Method::panels) return 0;
    return static_cast<size_t>(problem_.k * panel_stride) * sizeof(float);
  }

  void run_piece(const Piece& piece, const KernelArguments& arguments, float* panel) const {
    const Problem& p = problem_;
    for (int64_t item = piece.first_item; item < piece.last_item; ++item) {
      const auto [a_offset, b_offset] = p.batch_offsets[static_cast<size_t>(item)];
      const float* a = static_cast<const float*>(arguments.inputs[0]) + a_offset;
      const float* b = static_cast<const float*>(arguments.inputs[1]) + b_offset;
      float* c = static_cast<float*>(arguments.outputs[0]) + item * p.m * p.n;
      a += p.a.offset(piece.row, 0);
      b += p.b.offset(0, piece.column);
      c += piece.row * p.n + piece.column;
      switch (method_) {
        case Method::whole: multiply(piece.rows, piece.columns, a, b, p.b.leading, c); break;
        case Method::panels: multiply_panels(piece, a, b, c, panel); break;
        case Method::thin: multiply_thin(piece, a, b, c); break;
      }
    }
  }

  void multiply_panels(const Piece& piece, const float* a, const float* b, float* c,
                       float* panel) const {
    for (int64_t first = 0; first < piece.columns; first += panel_columns) {
      const int64_t columns = std::min(panel_columns, piece.columns - first);
      for (int64_t row = 0; row < problem_.k; ++row)
        std::memcpy(panel + row * panel_stride, b + row * problem_.b.leading + first,
                    static_cast<size_t>(columns) * sizeof(float));
      multiply(piece.rows, columns, a, panel, panel_stride, c + first);
    }
  }

  // The rows are shared out evenly: 40 as 14, 14, 12.
  void multiply_thin(const Piece& piece, const float* a, const float* b, float* c) const {
    const int64_t parts = (piece.rows - 1) / thin_rows + 1;
    const int64_t most = (piece.rows - 1) / parts + 1;
    for (int64_t column = 0; column < piece.columns; column += panel_columns) {
      const int64_t columns = std::min(panel_columns, piece.columns - column);
      for (int64_t row = 0; row < piece.rows; row += most)
        multiply(std::min(most, piece.rows - row), columns, a + row * problem_.a.leading,
                 b + problem_.b.offset(0, column), problem_.b.leading,
                 c + row * problem_.n + column);
    }
  }

  void multiply(int64_t rows, int64_t columns, const float* a, const float* b, int64_t b_leading,
                float* c) const {
    const auto status = dnnl_sgemm(problem_.a.transposed ? 'T' : 'N',
                                   problem_.b.transposed ? 'T' : 'N', rows, columns, problem_.k,
                                   1.0f, a, problem_.a.leading, b, b_leading, 0.0f, c, problem_.n);
    if (status != dnnl_success)
      throw ExecutionError("oneDNN sgemm failed: status " + std::to_string(status));
  }

  const Problem problem_;
  const ThreadPool& pool_;
  const std::vector<Piece> pieces_;
  const Method method_;
};

bool flag_if_any(const OperationView& view, const char* name) {
  return view.row().attribute_index(name) >= 0 && view.flag(name);
}

}  // namespace

std::unique_ptr<Kernel> make_matrix_multiplication(const Plan& plan, const PlanStep& step,
                                                   const ThreadPool& pool) {
  const auto shape = [&](int32_t value) -> const Shape& {
    return plan.values[static_cast<size_t>(value)].type.shape;
  };
  const Shape& a = shape(step.inputs[0]);
  const Shape& b = shape(step.inputs[1]);
  const Shape& result = shape(step.outputs[0]);
  constexpr int64_t most_items = 1 << 20;
  if (a.rank() < 2 || b.rank() < 2 || result.rank() < 2) return nullptr;
  if (product(result, 0, result.rank() - 2) > most_items) return nullptr;
  const auto view = step.view();
  return std::make_unique<MatrixKernel>(
      make_problem(a, b, result, flag_if_any(view, "transpose_primary"),
                   flag_if_any(view, "transpose_secondary")),
      pool);
}

}  // namespace mpsg::onednn
