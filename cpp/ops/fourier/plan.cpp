#include "ops/fourier/plan.h"

#include <algorithm>
#include <cmath>
#include <complex>
#include <numbers>
#include <utility>

namespace mpsg::ops::fourier {
namespace {

constexpr int64_t largest_radix = 31;   // beyond it Bluestein's convolution is less work
constexpr int64_t longest_line = 2048;  // that is transformed as a whole: the second cache holds it
constexpr int64_t few_lines = 8;        // they fill no vectors, unless they are cut
constexpr int64_t between_elements = int64_t{1} << 18;  // of long lines, at a time

/// exp(-2 pi i k / n)
void root(int64_t k, int64_t n, float* to) {
  const double angle =
      -2.0 * std::numbers::pi * static_cast<double>(k % n) / static_cast<double>(n);
  to[0] = static_cast<float>(std::cos(angle));
  to[1] = static_cast<float>(std::sin(angle));
}

/// exp(-2 pi i k / n) for all k < n.
std::vector<float> roots_of(int64_t n) {
  std::vector<float> roots(static_cast<size_t>(2 * n));
  for (int64_t k = 0; k < n; ++k) root(k, n, roots.data() + 2 * k);
  return roots;
}

/// Radices whose product is n; empty if one would be too large.
std::vector<int64_t> radices_of(int64_t n) {
  std::vector<int64_t> found;
  int64_t twos = 0;
  for (; n % 2 == 0; n /= 2) ++twos;
  for (; twos >= 3 && twos != 4; twos -= 3) found.push_back(8);
  for (; twos >= 2; twos -= 2) found.push_back(4);
  if (twos == 1) found.push_back(2);
  for (int64_t p = 3; p <= largest_radix; p += 2)
    for (; n % p == 0; n /= p) found.push_back(p);
  return n == 1 ? found : std::vector<int64_t>{};
}

bool has_butterfly(int64_t radix) { return radix <= 5 || radix == 8; }

/// In place, for a length that is a power of two.
void transform_in_double(std::vector<std::complex<double>>& x) {
  const size_t n = x.size();
  for (size_t i = 1, j = 0; i < n; ++i) {
    size_t bit = n / 2;
    for (; j & bit; bit /= 2) j ^= bit;
    j ^= bit;
    if (i < j) std::swap(x[i], x[j]);
  }
  for (size_t length = 2; length <= n; length *= 2) {
    const double step = -2.0 * std::numbers::pi / static_cast<double>(length);
    for (size_t k = 0; k < length / 2; ++k) {
      const auto w = std::polar(1.0, step * static_cast<double>(k));
      for (size_t i = k; i < n; i += length) {
        const auto a = x[i], b = x[i + length / 2] * w;
        x[i] = a + b;
        x[i + length / 2] = a - b;
      }
    }
  }
}

/// The divisor of n next to its square root from below for which both parts are quick.
int64_t cut_of(int64_t n) {
  for (auto d = static_cast<int64_t>(std::sqrt(static_cast<double>(n))); d > 1; --d)
    if (n % d == 0 && n / d <= longest_line && !radices_of(d).empty() && !radices_of(n / d).empty())
      return d;
  return 0;
}

}  // namespace

LinePlan::LinePlan(int64_t length) {
  view_.length = length;
  view_.buffer_length = length;
  const auto radices = radices_of(length);
  if (length == 1 || !radices.empty()) {
    plan_stages(length, radices);
    return;
  }
  int64_t longer = 1;
  while (longer < 2 * length - 1) longer *= 2;
  view_.buffer_length = longer;
  plan_stages(longer, radices_of(longer));
  plan_chirp();
}

void LinePlan::plan_stages(int64_t length, const std::vector<int64_t>& radices) {
  const auto roots = roots_of(length);
  int64_t left = length, stride = 1;
  for (const auto radix : radices) {
    StageView stage{radix, std::ssize(twiddles_), 0};
    for (int64_t p = 0; p < left / radix; ++p)
      for (int64_t j = 1; j < radix; ++j) {
        const auto* const w = roots.data() + 2 * (j * p * stride % length);
        twiddles_.insert(twiddles_.end(), {w[0], w[1]});
      }
    stage.roots = std::ssize(twiddles_);
    if (!has_butterfly(radix)) {
      const auto own = roots_of(radix);
      twiddles_.insert(twiddles_.end(), own.begin(), own.end());
    }
    stages_.push_back(stage);
    left /= radix;
    stride *= radix;
  }
  view_.stages = {length, static_cast<int>(stages_.size()), stages_.data(), twiddles_.data()};
}

void LinePlan::plan_chirp() {
  const int64_t n = view_.length, m = view_.buffer_length;
  // x[j] * w^(j j / 2), convolved with w^(-j j / 2), times w^(k k / 2), for w = exp(-2 pi i / n).
  chirp_.resize(static_cast<size_t>(2 * n));
  for (int64_t j = 0; j < n; ++j) root(j * j % (2 * n), 2 * n, chirp_.data() + 2 * j);
  std::vector<std::complex<double>> filter(static_cast<size_t>(m));
  for (int64_t j = 0; j < n; ++j)
    for (const auto at : {j, (m - j) % m})
      filter[static_cast<size_t>(at)] = std::polar(
          1.0, std::numbers::pi * static_cast<double>(j * j % (2 * n)) / static_cast<double>(n));
  transform_in_double(filter);
  for (const auto& value : filter) {
    filter_.push_back(static_cast<float>(value.real() / static_cast<double>(m)));
    filter_.push_back(static_cast<float>(value.imag() / static_cast<double>(m)));
  }
  view_.chirp = chirp_.data();
  view_.filter = filter_.data();
}

// --- Tensors

TensorPlan::Axis TensorPlan::make_axis(const Shape& shape, int axis, bool may_be_cut) {
  Axis result;
  for (int i = 0; i < axis; ++i) result.outer *= shape[i];
  for (int i = axis + 1; i < shape.rank(); ++i) result.inner *= shape[i];
  const int64_t length = shape[axis];
  const bool is_long = length > longest_line || (result.outer < few_lines && length >= 256);
  const int64_t rows = may_be_cut && result.inner == 1 && is_long ? cut_of(length) : 0;
  if (rows == 0) {
    result.plan = std::make_shared<LinePlan>(length);
    return result;
  }
  const int64_t columns = length / rows;
  result.columns = std::make_shared<LinePlan>(rows);  // a column is as long as there are rows
  result.rows = columns == rows ? result.columns : std::make_shared<LinePlan>(columns);
  const auto roots = roots_of(length);
  result.twiddles.resize(static_cast<size_t>(2 * length));
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j)
      std::copy_n(roots.data() + 2 * (i * j % length), 2,
                  result.twiddles.data() + 2 * (i * columns + j));
  return result;
}

void TensorPlan::make_real_axis(const Shape& shape, int axis) {
  const int64_t length = shape[axis];
  if (length % 2 == 0) {
    auto half = shape;
    half[axis] = length / 2;
    auto found = make_axis(half, axis, true);
    if (!found.plan) {
      is_long_real_ = true;
      real_axis_ = std::move(found);
      real_roots_ = roots_of(length);
      real_roots_.resize(static_cast<size_t>(length));
      return;
    }
  }
  real_axis_ = make_axis(shape, axis, false);
}

TensorPlan::TensorPlan(const Shape& real_shape, const std::vector<int>& axes,
                       const Options& options)
    : options_(options) {
  auto complex_shape = real_shape;
  has_real_axis_ =
      options.kind == Kind::real_to_hermitean || options.kind == Kind::hermitean_to_real;
  if (has_real_axis_) complex_shape[axes.back()] = real_shape[axes.back()] / 2 + 1;
  complex_elements_ = *complex_shape.element_count();
  real_elements_ = *real_shape.element_count();
  if (real_elements_ == 0) return;
  for (size_t i = 0; i < axes.size(); ++i) {
    if (has_real_axis_ && i + 1 == axes.size()) make_real_axis(real_shape, axes[i]);
    else complex_axes_.push_back(make_axis(complex_shape, axes[i], true));
  }
}

int64_t TensorPlan::task_floats(const LaneKernels& kernels) const {
  int64_t most = 0;
  const auto add = [&](const std::shared_ptr<const LinePlan>& plan) {
    if (plan) most = std::max(most, kernels.workspace_floats(plan->view()));
  };
  for (const auto& axis : complex_axes_)
    for (const auto& plan : {axis.plan, axis.columns, axis.rows}) add(plan);
  for (const auto& plan : {real_axis_.plan, real_axis_.columns, real_axis_.rows}) add(plan);
  return most;
}

size_t TensorPlan::resident_bytes() const {
  size_t bytes = real_roots_.size() * sizeof(float);
  const auto add = [&](const Axis& axis) {
    for (const auto& plan : {axis.plan, axis.columns, axis.rows})
      if (plan) bytes += plan->bytes();
    bytes += axis.twiddles.size() * sizeof(float);
  };
  add(real_axis_);
  for (const auto& axis : complex_axes_) add(axis);
  return bytes;
}

int64_t TensorPlan::between_floats() const {
  int64_t floats = 0;
  const auto add = [&](const Axis& axis) {
    floats = std::max(floats, 2 * std::min(axis.outer * axis.length(),
                                           std::max(between_elements, axis.length())));
  };
  for (const auto& axis : complex_axes_)
    if (!axis.plan) add(axis);
  if (is_long_real_) {
    add(real_axis_);
    if (options_.kind == Kind::real_to_hermitean) floats += real_elements_;
  }
  if (options_.kind == Kind::hermitean_to_real && !complex_axes_.empty())
    floats += 2 * complex_elements_;
  return floats;
}

namespace {

/// How the lines of an axis are cut into blocks of `most`.
struct Cut {
  int64_t outer, inner, most;
  bool across;
  int64_t blocks_of_row;

  Cut(int64_t outer, int64_t inner, int64_t most)
      : outer(outer),
        inner(inner),
        most(most),
        across(inner == 1 || (2 * inner < most && outer > 1)),
        blocks_of_row(((across ? outer : inner) - 1) / most + 1) {}
  int64_t tasks() const { return blocks_of_row * (across ? inner : outer); }
  /// The lines of a task in a tensor (outer, length, inner); T is a float or a complex number.
  LinesView lines(float* data, int64_t floats, int64_t length, int64_t task) const {
    const int64_t block = task % blocks_of_row * most, row = task / blocks_of_row;
    if (across)
      return {data + floats * (block * length * inner + row), length * inner, inner,
              std::min(most, outer - block)};
    return {data + floats * (row * length * inner + block), 1, inner,
            std::min(most, inner - block)};
  }
};

}  // namespace

void TensorPlan::run_complex(const Axis& axis, const float* source, float* target, float scale,
                             float* between, const LaneKernels& kernels,
                             const TaskRunner& runner) const {
  if (!axis.plan)
    return run_long(axis, source, target, scale, between, kernels, runner, options_.inverse);
  const auto& view = axis.plan->view();
  const Cut cut(axis.outer, axis.inner, kernels.lanes);
  runner.run(cut.tasks(), kernels.workspace_floats(view), [&](int64_t task, float* workspace) {
    kernels.complex_lines({&view, cut.lines(const_cast<float*>(source), 2, view.length, task),
                           cut.lines(target, 2, view.length, task), options_.inverse, scale, 1.0f,
                           nullptr, 0, workspace});
  });
}

void TensorPlan::run_long(const Axis& axis, const float* source, float* target, float scale,
                          float* between, const LaneKernels& kernels, const TaskRunner& runner,
                          bool inverse) const {
  const auto &columns = axis.columns->view(), &rows = axis.rows->view();
  const int64_t row_count = columns.length, column_count = rows.length,
                length = row_count * column_count;
  const int64_t at_once = std::min(axis.outer, std::max<int64_t>(1, between_elements / length));
  const int64_t column_blocks = (column_count - 1) / kernels.lanes + 1,
                row_blocks = (row_count - 1) / kernels.lanes + 1;
  const auto floats = std::max(kernels.workspace_floats(columns), kernels.workspace_floats(rows));
  for (int64_t first = 0; first < axis.outer; first += at_once) {
    const int64_t lines = std::min(at_once, axis.outer - first);
    auto* const from = const_cast<float*>(source) + 2 * first * length;
    float* const to = target + 2 * first * length;
    runner.run(lines * column_blocks, floats, [&](int64_t task, float* workspace) {
      const int64_t line = task / column_blocks, column = task % column_blocks * kernels.lanes;
      const int64_t at = 2 * (line * length + column);
      const int64_t count = std::min(kernels.lanes, column_count - column);
      kernels.complex_lines({&columns,
                             {from + at, 1, column_count, count},
                             {between + at, 1, column_count, count},
                             inverse,
                             1.0f,
                             1.0f,
                             axis.twiddles.data() + 2 * column,
                             column_count,
                             workspace});
    });
    runner.run(lines * row_blocks, floats, [&](int64_t task, float* workspace) {
      const int64_t line = task / row_blocks, row = task % row_blocks * kernels.lanes;
      const int64_t count = std::min(kernels.lanes, row_count - row);
      kernels.complex_lines(
          {&rows,
           {between + 2 * (line * length + row * column_count), column_count, 1, count},
           {to + 2 * (line * length + row), 1, row_count, count},
           inverse,
           scale,
           1.0f,
           nullptr,
           0,
           workspace});
    });
  }
}

void TensorPlan::run_long_real(const float* source, float* target, float scale, float* between,
                               const LaneKernels& kernels, const TaskRunner& runner) const {
  const int64_t m = real_axis_.length(), lines = real_axis_.outer;
  constexpr int64_t at_once = 1 << 13;
  const int64_t blocks = m / at_once + 1;  // of 0 ... m
  const auto for_blocks = [&](const std::function<void(int64_t line, int64_t k)>& body) {
    runner.run(lines * blocks, 0, [&](int64_t task, float*) {
      const int64_t first = task % blocks * at_once;
      for (int64_t k = first; k < std::min(m + 1, first + at_once); ++k) body(task / blocks, k);
    });
  };
  using Number = std::complex<float>;
  const auto number = [](const float* from, int64_t k) {
    return Number(from[2 * k], from[2 * k + 1]);
  };
  const auto put = [](float* to, int64_t k, float re, float im) {
    to[2 * k] = re;
    to[2 * k + 1] = im;
  };
  const float inner = options_.inner;
  if (options_.kind == Kind::real_to_hermitean) {
    float* const spectrum = between;
    run_long(real_axis_, source, spectrum, 1.0f, between + real_elements_, kernels, runner, false);
    for_blocks([&](int64_t line, int64_t k) {
      const float* const z = spectrum + 2 * line * m;
      float* const to = target + 2 * line * (m + 1);
      const auto a = number(z, k % m);
      if (k % m == 0) return put(to, k, scale * (a.real() + (k == 0 ? a.imag() : -a.imag())), 0.0f);
      const auto b = std::conj(number(z, m - k));
      const auto odd = a - b, w = number(real_roots_.data(), k);
      // (a + b - i w (a - b)) / 2
      const float re = a.real() + b.real() + w.real() * odd.imag() + w.imag() * odd.real();
      const float im = a.imag() + b.imag() - w.real() * odd.real() + w.imag() * odd.imag();
      const float by = 0.5f * scale * inner;
      put(to, k, by * re, options_.inverse ? -by * im : by * im);
    });
    return;
  }
  for_blocks([&](int64_t line, int64_t k) {
    const float* const x = source + 2 * line * (m + 1);
    float* const to = target + 2 * line * m;
    if (k == m) return;
    if (k == 0) return put(to, 0, x[0] + x[2 * m], x[0] - x[2 * m]);
    const float sign = options_.inverse ? inner : -inner;
    const Number a(inner * x[2 * k], sign * x[2 * k + 1]);
    const Number b(inner * x[2 * (m - k)], -sign * x[2 * (m - k) + 1]);
    const auto odd = a - b, w = std::conj(number(real_roots_.data(), k));
    // a + b + i w (a - b)
    put(to, k, a.real() + b.real() - w.real() * odd.imag() - w.imag() * odd.real(),
        a.imag() + b.imag() + w.real() * odd.real() - w.imag() * odd.imag());
  });
  run_long(real_axis_, target, target, scale, between, kernels, runner, true);
}

void TensorPlan::run_real(const float* source, float* target, float scale, float* between,
                          const LaneKernels& kernels, const TaskRunner& runner) const {
  if (is_long_real_) return run_long_real(source, target, scale, between, kernels, runner);
  const auto& view = real_axis_.plan->view();
  const int64_t half = view.length / 2 + 1;
  const bool forward = options_.kind == Kind::real_to_hermitean;
  const Cut cut(real_axis_.outer, real_axis_.inner, 2 * kernels.lanes);
  auto* const from = const_cast<float*>(source);
  runner.run(cut.tasks(), kernels.workspace_floats(view), [&](int64_t task, float* workspace) {
    const LanesCall call{
        &view,
        forward ? cut.lines(from, 1, view.length, task) : cut.lines(from, 2, half, task),
        forward ? cut.lines(target, 2, half, task) : cut.lines(target, 1, view.length, task),
        options_.inverse,
        scale,
        options_.inner,
        nullptr,
        0,
        workspace};
    if (forward) kernels.real_lines(call);
    else kernels.hermitean_lines(call);
  });
}

void TensorPlan::run(const float* source, float* target, float* between, const LaneKernels& kernels,
                     const TaskRunner& runner) const {
  if (real_elements_ == 0) return;
  const bool to_real = options_.kind == Kind::hermitean_to_real;
  // What has no axes left is scaled by the last pass.
  size_t passes = complex_axes_.size() + (has_real_axis_ ? 1 : 0);
  const auto scale = [&] { return --passes == 0 ? options_.scale : 1.0f; };
  if (options_.kind == Kind::real_to_hermitean) {
    run_real(source, target, scale(), between, kernels, runner);
    source = target;
  }
  if (options_.kind == Kind::real_to_complex) {
    constexpr int64_t at_once = 1 << 14;
    runner.run((real_elements_ - 1) / at_once + 1, 0, [&](int64_t task, float*) {
      const int64_t end = std::min(real_elements_, (task + 1) * at_once);
      for (int64_t i = task * at_once; i < end; ++i) {
        target[2 * i] = source[i];
        target[2 * i + 1] = 0.0f;
      }
    });
    source = target;
  }
  float* spectrum = target;
  if (to_real && !complex_axes_.empty()) {
    spectrum = between;
    between += 2 * complex_elements_;
  }
  for (const auto& axis : complex_axes_) {
    run_complex(axis, source, spectrum, scale(), between, kernels, runner);
    source = spectrum;
  }
  if (to_real) run_real(source, target, scale(), between, kernels, runner);
}

}  // namespace mpsg::ops::fourier
