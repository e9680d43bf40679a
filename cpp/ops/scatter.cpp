// Scatter: writes or combines updates at places that indices name at run time. Several updates of
// one place are taken in their order, whatever the number of threads.
#include <cmath>
#include <complex>
#include <limits>

#include "graph/element_types.h"
#include "ops/build.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/indexing.h"
#include "ops/shape_rules.h"
#include "ops/tensor_shape/convert.h"

namespace mpsg::ops {
namespace {

using namespace build;

ScatterMode mode_of(const OperationView& operation) {
  return operation.enumeration<ScatterMode>("mode");
}

// One update of one place. Integers wrap and divide as the row `division` does; NaN loses against
// numbers, as in `minimum` and `maximum`.
template <class C>
using Word = std::conditional_t<std::is_integral_v<C>, uint64_t, C>;

template <class C>
C quotient(C a, C b) {
  if constexpr (std::is_integral_v<C>) {
    if (b == C(0)) return C(0);
    if constexpr (std::is_signed_v<C>)
      if (b == C(-1)) return static_cast<C>(uint64_t{0} - static_cast<uint64_t>(a));
    return static_cast<C>(a / b);
  } else {
    return a / b;
  }
}

template <class C, ScatterMode mode>
C combined(C a, C b) {
  using W = Word<C>;
  if constexpr (mode == ScatterMode::ADD) return static_cast<C>(W(a) + W(b));
  else if constexpr (mode == ScatterMode::SUB) return static_cast<C>(W(a) - W(b));
  else if constexpr (mode == ScatterMode::MUL) return static_cast<C>(W(a) * W(b));
  else if constexpr (mode == ScatterMode::DIV) return quotient(a, b);
  else if constexpr (mode == ScatterMode::MIN) return b < a || a != a ? b : a;
  else return a < b || a != a ? b : a;
}

/// Combines the updates into `out`, whose places are shared out among the threads.
template <class T, class C, class Combine>
void combine_runs(const PickedRuns& runs, const T* updates, C* out, int64_t count,
                  const Parallel& parallel, Combine&& combine) {
  if (count == 0 || runs.count() == 0) return;
  const int64_t length = runs.length();
  // Those of the runs from `first` to `last` that lie between `low` and `high`.
  const auto combine_some = [&](int64_t first, int64_t last, int64_t low, int64_t high) {
    runs.for_each(first, last, [&](int64_t run, int64_t offset) {
      if (offset < low || offset >= high) return;
      const T* from = updates + run * length;
      C* to = out + offset;
      if (length == 1) *to = combine(*to, *from);
      else
        for (int64_t i = 0; i < length; ++i) to[i] = combine(to[i], from[i]);
    });
  };
  constexpr int64_t many_groups = 16, elements_of_task = 8192;
  if (runs.groups() >= many_groups) {
    const int64_t of_group = runs.count() / runs.groups();
    const int64_t grain = elements_of_task / (of_group * length) + 1;
    return parallel.for_range(runs.groups(), grain, [&](int64_t begin, int64_t end) {
      combine_some(begin * of_group, end * of_group, 0, count);
    });
  }
  // Each piece looks at all offsets: the shorter the runs, the fewer pieces.
  const int64_t most_pieces = length >= 16 ? 16 : 4;
  const int64_t places = count / length;
  const int64_t grain =
      std::max((places + most_pieces - 1) / most_pieces, elements_of_task / length + 1);
  parallel.for_range(places, grain, [&](int64_t begin, int64_t end) {
    combine_some(0, runs.count(), begin * length, end * length);
  });
}

template <class T, ScatterMode mode>
void combine_updates(const PickedRuns& runs, const TensorView& updates, const TensorView& out,
                     const Parallel& parallel) {
  using C = ComputeType<T>;
  const auto combine = [](C a, T b) { return combined<C, mode>(a, static_cast<C>(b)); };
  const auto* from = updates.as<const T>();
  const int64_t count = out.element_count();
  if constexpr (std::is_same_v<T, C>) {
    combine_runs(runs, from, out.as<C>(), count, parallel, combine);
  } else {  // grows in the compute type and is rounded once
    std::vector<C> wide(static_cast<size_t>(count));
    auto* to = out.as<T>();
    for (int64_t i = 0; i < count; ++i) wide[static_cast<size_t>(i)] = static_cast<C>(to[i]);
    combine_runs(runs, from, wide.data(), count, parallel, combine);
    for (int64_t i = 0; i < count; ++i) to[i] = static_cast<T>(wide[static_cast<size_t>(i)]);
  }
}

void set_runs(const PickedRuns& runs, const TensorView& updates, const TensorView& out,
              const Parallel& parallel) {
  with_size_of(out.data_type, [&]<class T>(TypeTag<T>) {
    combine_runs(runs, updates.as<const T>(), out.as<T>(), out.element_count(), parallel,
                 [](T, T update) { return update; });
  });
}

void scatter_runs(ScatterMode mode, const PickedRuns& runs, const TensorView& updates,
                  const TensorView& out, const Parallel& parallel) {
  if (mode == ScatterMode::SET) return set_runs(runs, updates, out, parallel);
  with_numeric_complex(out.data_type, [&]<class T>(TypeTag<T>) {
    const auto run = [&]<ScatterMode chosen>() {
      combine_updates<T, chosen>(runs, updates, out, parallel);
    };
    switch (mode) {
      case ScatterMode::ADD: return run.template operator()<ScatterMode::ADD>();
      case ScatterMode::SUB: return run.template operator()<ScatterMode::SUB>();
      case ScatterMode::MUL: return run.template operator()<ScatterMode::MUL>();
      case ScatterMode::DIV: return run.template operator()<ScatterMode::DIV>();
      default: break;
    }
    if constexpr (!std::is_same_v<T, std::complex<float>>) {
      if (mode == ScatterMode::MIN) run.template operator()<ScatterMode::MIN>();
      else run.template operator()<ScatterMode::MAX>();
    }
  });
}

/// Of a place that no data gives: what changes nothing, or 0.
double start_value(ScatterMode mode, IndexingKind kind) {
  constexpr double infinity = std::numeric_limits<double>::infinity();
  if (kind != IndexingKind::along_axis) return 0;
  switch (mode) {
    case ScatterMode::MUL:
    case ScatterMode::DIV: return 1;
    case ScatterMode::MIN: return infinity;  // saturates to the largest integer
    case ScatterMode::MAX: return -infinity;
    default: return 0;
  }
}

void start_out(const EvaluateContext& c, IndexingKind kind) {
  const auto& out = c.output();
  if (c.has("data")) {
    const auto* from = c.input("data").as<const std::byte>();
    if (out.data == from) return;
    constexpr int64_t bytes_of_task = 1 << 20;
    auto* to = out.as<std::byte>();
    return c.parallel().for_range(
        static_cast<int64_t>(out.byte_count()), bytes_of_task,
        [&](int64_t begin, int64_t end) { std::copy_n(from + begin, end - begin, to + begin); });
  }
  with_any_type(out.data_type, [&]<class T>(TypeTag<T>) {
    std::fill_n(out.as<T>(), out.element_count(), convert_number<T>(start_value(mode_of(c), kind)));
  });
}

template <IndexingKind kind>
void evaluate_scatter(const EvaluateContext& c) {
  const auto& updates = c.input("updates");
  const auto& indices = c.input("indices");
  const auto& out = c.output();
  start_out(c, kind);
  if (out.element_count() == 0 || updates.element_count() == 0) return;
  const auto indexing = resolve_indexing(kind, c, out.shape, indices.shape);
  const PickedRuns runs(indexing, out.shape, indices, updates.shape);
  scatter_runs(mode_of(c), runs, updates, out, c.parallel());
}

template <IndexingKind kind>
void infer_scatter(InferContext& c) {
  const auto type = c.operand_data_type("updates");
  const auto mode = mode_of(c);
  const bool ordered = mode == ScatterMode::MIN || mode == ScatterMode::MAX;
  if ((type == DataType::boolean && mode != ScatterMode::SET) || (is_complex(type) && ordered))
    c.fail("this 'mode' cannot combine elements of type " + std::string(data_type_name(type)) +
           (is_complex(type) ? ", which have no order; use ScatterMode.ADD, MUL or SET"
                             : "; use ScatterMode.SET"));
  if (c.has("data") == c.given_either_way("shape")) c.fail("give either 'shape' or 'data'");
  const auto data = c.has("data") ? c.shape("data") : shape_from(c, "shape");
  merge_shapes(c, c.shape("updates"), picked_shape(c, kind, data, c.shape("indices")),
               "the updates and the places that the indices name");
  c.result(type, data);
}

/// The rows with which a scatter row is differentiated, with its own indices and axes.
struct Places {
  GradientContext& g;
  const char* gather;

  Tensor picked(const Tensor& x) const {
    auto arguments = axes();
    arguments.emplace_back("updates", x);
    return g.graph().add_one(gather, std::move(arguments));
  }
  Tensor scattered(const Tensor& updates, const Tensor& data, ScatterMode mode) const {
    auto arguments = axes();
    arguments.emplace_back("updates", updates);
    arguments.emplace_back("data", data);
    arguments.emplace_back("mode", static_cast<int64_t>(mode));
    return g.graph().add_one(g.row().name, std::move(arguments));
  }

 private:
  std::vector<Argument> axes() const {
    auto arguments = g.forward_attributes();
    std::erase_if(arguments,
                  [](const Argument& a) { return a.name == "mode" || a.name == "shape"; });
    arguments.emplace_back("indices", g.input("indices"));
    return arguments;
  }
};

/// Every place that equals the extreme has the same share of the gradient.
void extreme_gradient(GradientContext& g, const Places& places) {
  const auto updates = g.input("updates"), result = g.output(), data = g.input("data");
  const auto came_in = binary("equal", places.picked(result), updates);
  const auto type = updates.data_type();
  const auto stayed = data ? cast(binary("equal", result, data), type) : zeros_like(result);
  const auto count = places.scattered(cast(came_in, type), stayed, ScatterMode::ADD);
  const auto share = g.incoming() / count;
  if (g.wanted("data")) g.give("data", select(binary("equal", result, data), share, Scalar(0.0)));
  if (g.wanted("updates")) g.give("updates", select(came_in, places.picked(share), Scalar(0.0)));
}

void factor_gradient(GradientContext& g, const Places& places, ScatterMode mode) {
  const auto conjugated = [](const Tensor& x) {
    return is_complex(x.data_type()) ? unary("conjugate", x) : x;
  };
  const auto updates = g.input("updates");
  if (g.wanted("data")) {
    const auto factors = places.scattered(updates, ones_like(g.output()), mode);
    g.give("data", g.incoming() * conjugated(factors));
  }
  if (!g.wanted("updates")) return;
  const auto part = places.picked(g.incoming() * conjugated(g.output())) / conjugated(updates);
  g.give("updates", mode == ScatterMode::MUL ? part : -part);
}

void differentiate_scatter(GradientContext& g, const char* gather) {
  const Places places{g, gather};
  const auto mode = mode_of(g);
  switch (mode) {
    case ScatterMode::MIN:
    case ScatterMode::MAX: return extreme_gradient(g, places);
    case ScatterMode::MUL:
    case ScatterMode::DIV: return factor_gradient(g, places, mode);
    default: break;
  }
  if (g.wanted("data")) {
    const bool replaced = mode == ScatterMode::SET;
    g.give("data", replaced ? places.scattered(zeros_like(g.input("updates")), g.incoming(), mode)
                            : g.incoming());
  }
  if (!g.wanted("updates")) return;
  const auto part = places.picked(g.incoming());
  g.give("updates", mode == ScatterMode::SUB ? -part : part);
}

template <IndexingKind kind>
Row scatter_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "Scatter")
      .documentation(
          documentation +
          " `mode` says how an update and what is there become one; updates of one place are taken "
          "in their order. Indices out of range are skipped. Either `data` is given, whose places "
          "are updated, or the `shape` of the result. 16-bit floats are combined in float32 and "
          "rounded once. Gradients: SET takes the indices to be distinct; MUL and DIV the updates "
          "not to be 0; the shares of equal extremes are equal. bool: SET only.")
      .types("T", types::all())
      .types("I", types::integers())
      .operand("updates", "T")
      .operand("indices", "I")
      .keyword_operand("data", "T")
      .infer(infer_scatter<kind>)
      .not_stitchable("updates go to places that are known at run time only")
      .evaluate(evaluate_scatter<kind>);
}

AttributeSpec mode_attribute() {
  return enum_attribute("mode", scatter_mode, static_cast<int64_t>(ScatterMode::ADD));
}

Row scatter() {
  return scatter_row<IndexingKind::one_axis>(
             "scatter",
             "Combines the slices `updates` into the result along `axis`, at `indices`: what "
             "gather with the same indices and axis would read. Without `data` places start "
             "from 0.")
      .selector("scatterWithUpdatesTensor:indicesTensor:shape:axis:mode:name:", "12.0")
      .selector("scatterWithDataTensor:updatesTensor:indicesTensor:axis:mode:name:", "12.0")
      .attribute(optional_integers_or_tensor("shape"))
      .attribute(integer_attribute("axis", 0))
      .attribute(mode_attribute())
      .attribute([] {  // of the gather whose gradient this is
        auto spec = hidden(integer_attribute("batch_dimensions", 0));
        return spec;
      }())
      .gradient([](GradientContext& g) { differentiate_scatter(g, "gather"); });
}

Row scatter_nd() {
  return scatter_row<IndexingKind::coordinates>(
             "scatter_nd",
             "Combines the slices `updates` into the result at coordinates: the last axis of "
             "`indices` holds the first coordinates of each, after the first `batch_dimensions` "
             "axes, which belong together (TensorFlow's scatter_nd). Without `data` places start "
             "from 0.")
      .selector("scatterNDWithUpdatesTensor:indicesTensor:shape:batchDimensions:mode:name:", "11.3")
      .selector("scatterNDWithUpdatesTensor:indicesTensor:shape:batchDimensions:name:", "11.0")
      .selector("scatterNDWithDataTensor:updatesTensor:indicesTensor:batchDimensions:mode:name:",
                "12.0")
      .attribute(optional_integers_or_tensor("shape"))
      .attribute(in_range(integer_attribute("batch_dimensions", 0), 0, max_rank))
      .attribute(mode_attribute())
      .gradient([](GradientContext& g) { differentiate_scatter(g, "gather_nd"); });
}

Row scatter_along_axis() {
  return scatter_row<IndexingKind::along_axis>(
             "scatter_along_axis",
             "Combines each element of `updates` into the element of the result with the same "
             "indices, but for that along `axis`, which is its entry of `indices` (NumPy's "
             "put_along_axis). Without `data` places start from what changes nothing: 0, 1, or "
             "the infinity or extreme integer that every update replaces.")
      .selector("scatterAlongAxis:withUpdatesTensor:indicesTensor:shape:mode:name:", "12.3")
      .selector("scatterAlongAxisTensor:withUpdatesTensor:indicesTensor:shape:mode:name:", "12.3")
      .selector("scatterAlongAxis:withDataTensor:updatesTensor:indicesTensor:mode:name:", "12.3")
      .selector("scatterAlongAxisTensor:withDataTensor:updatesTensor:indicesTensor:mode:name:",
                "12.3")
      .attribute([] {
        auto spec = integer_attribute("axis");
        spec.or_tensor = true;
        return spec;
      }())
      .attribute(optional_integers_or_tensor("shape"))
      .attribute(mode_attribute())
      .gradient([](GradientContext& g) { differentiate_scatter(g, "gather_along_axis"); });
}

}  // namespace

void add_scatter_rows(Rows& rows) {
  rows.push_back(scatter().done());
  rows.push_back(scatter_nd().done());
  rows.push_back(scatter_along_axis().done());
}

}  // namespace mpsg::ops
