// Averages of windows of 2D images, and their gradient.
#include "backends/cpu/onednn/convolution.h"
#include "backends/cpu/onednn/kernels.h"
#include "ops/window.h"

namespace mpsg::onednn {
namespace {

using dnnl::algorithm;
using dnnl::memory;
using dnnl::pooling_backward;
using dnnl::pooling_forward;
using dnnl::prop_kind;
using ops::Pooling2DGeometry;
using ops::WindowAxis;

/// Can the library compute this axis, and as we mean it?
bool is_expressible(const WindowAxis& axis, bool average_counts_padding) {
  if (!library_padding_after(axis)) return false;
  // The library divides by the whole window; we do not count what ceil_mode adds to the padding.
  if (average_counts_padding && axis.reach_after() > axis.pad_after) return false;
  // A window that lies in the padding altogether has an average of 0, not 0 / 0.
  for (int64_t i = 0; i < axis.output; ++i)
    if (axis.taps(i).count() == 0) return false;
  return true;
}

class PoolingPrimitives {
 public:
  explicit PoolingPrimitives(const Pooling2DGeometry& geometry)
      : geometry_(geometry),
        algorithm_(geometry.count_padding ? algorithm::pooling_avg_include_padding
                                          : algorithm::pooling_avg_exclude_padding) {}

  bool is_supported() const {
    return is_expressible(geometry_.y, geometry_.count_padding) &&
           is_expressible(geometry_.x, geometry_.count_padding);
  }

  PrimitivePointer forward(int64_t images) const {
    return PrimitiveCache::instance().find_or_make(key(PrimitiveKind::pooling, images), [&] {
      return describe(images, prop_kind::forward_inference);
    });
  }

  PrimitivePointer gradient(int64_t images) const {
    return PrimitiveCache::instance().find_or_make(
        key(PrimitiveKind::pooling_gradient, images), [&]() -> dnnl::primitive_desc_base {
          const auto first = describe(images, prop_kind::forward_training);
          if (!first) return first;
          const auto& g = geometry_;
          return pooling_backward::primitive_desc(cpu_engine(), algorithm_, source(images),
                                                  result(images), strides(), window(), dilations(),
                                                  {g.y.pad_before, g.x.pad_before}, padding_after(),
                                                  first, user_scratchpad(), true);
        });
  }

  PrimitiveKey key(PrimitiveKind kind, int64_t images) const {
    const auto& g = geometry_;
    // With the user's layout, because the keys of reorders are made from this one.
    PrimitiveKey key{static_cast<int64_t>(kind), static_cast<int64_t>(algorithm_), images,
                     g.channels, g.nhwc};
    for (const auto* axis : {&g.y, &g.x})
      key.insert(key.end(), {axis->input, axis->kernel, axis->stride, axis->dilation,
                             axis->pad_before, axis->output});
    return key;
  }

  memory::desc user_source(int64_t images) const { return source(images, geometry_.nhwc); }
  memory::desc user_result(int64_t images) const { return result(images, geometry_.nhwc); }

 private:
  // Always channels last: with channels first the library runs reference code, many times slower.
  memory::desc source(int64_t images, bool nhwc = true) const {
    return image_layout(images, geometry_.channels, geometry_.y.input, geometry_.x.input, nhwc);
  }
  memory::desc result(int64_t images, bool nhwc = true) const {
    return image_layout(images, geometry_.channels, geometry_.y.output, geometry_.x.output, nhwc);
  }
  memory::dims strides() const { return {geometry_.y.stride, geometry_.x.stride}; }
  memory::dims window() const { return {geometry_.y.kernel, geometry_.x.kernel}; }
  memory::dims dilations() const { return {geometry_.y.dilation - 1, geometry_.x.dilation - 1}; }
  memory::dims padding_after() const {
    return {*library_padding_after(geometry_.y), *library_padding_after(geometry_.x)};
  }

  pooling_forward::primitive_desc describe(int64_t images, prop_kind kind) const {
    const auto& g = geometry_;
    return {cpu_engine(),
            kind,
            algorithm_,
            source(images),
            result(images),
            strides(),
            window(),
            dilations(),
            {g.y.pad_before, g.x.pad_before},
            padding_after(),
            user_scratchpad(),
            true};
  }

  const Pooling2DGeometry geometry_;
  const algorithm algorithm_;
};

struct ImageBytes {
  size_t source;
  size_t result;
};

ImageBytes image_bytes(const Pooling2DGeometry& g) {
  const auto bytes = [&](int64_t height, int64_t width) {
    return static_cast<size_t>(g.channels * height * width) * sizeof(float);
  };
  return {bytes(g.y.input, g.x.input), bytes(g.y.output, g.x.output)};
}

/// Pooling waits for memory: an element of the source costs what 25 arithmetic operations do.
std::vector<BatchSlice> pooling_slices(const Pooling2DGeometry& g, const ThreadPool& pool) {
  constexpr double operations_of_element = 25;
  const double elements = static_cast<double>(image_bytes(g).source / sizeof(float));
  return image_slices(g.batch, operations_of_element * elements, pool);
}

/// A kernel with one task for each slice; `add` appends the calls of the slice that begins at an
/// image. Null if `add` returns null, else what it returns names the implementation.
template <class Add>
std::unique_ptr<Kernel> make_kernel(const Pooling2DGeometry& g, const ThreadPool& pool, Add&& add) {
  const auto slices = pooling_slices(g, pool);
  std::vector<Task> tasks(slices.size());
  std::string implementation;
  for (size_t i = 0; i < slices.size(); ++i) {
    const PrimitivePointer primitive = add(tasks[i], slices[i]);
    if (!primitive) return nullptr;
    if (i == 0) implementation = primitive->implementation();
  }
  auto kernel = std::make_unique<SlicedKernel>(pool);
  kernel->add_phase(std::move(tasks));
  kernel->set_description(describe_slices(implementation, slices.size()));
  return kernel;
}

const Shape& shape_of(const Plan& plan, int32_t value) {
  return plan.values[static_cast<size_t>(value)].type.shape;
}

}  // namespace

std::unique_ptr<Kernel> make_average_pooling(const Plan& plan, const PlanStep& step,
                                             const ThreadPool& pool) {
  const auto g = ops::resolve_pooling_2d(step.view(), shape_of(plan, step.inputs[0]));
  const PoolingPrimitives primitives(g);
  if (!primitives.is_supported()) return nullptr;
  const auto bytes = image_bytes(g);
  return make_kernel(g, pool, [&](Task& task, const BatchSlice& slice) -> PrimitivePointer {
    const auto at = static_cast<size_t>(slice.begin);
    const auto primitive = primitives.forward(slice.size);
    if (!primitive) return nullptr;
    ArgumentBinder binder(task, primitive, primitives.key(PrimitiveKind::pooling, slice.size));
    binder.input(DNNL_ARG_SRC, primitives.user_source(slice.size),
                 Place::input(0, at * bytes.source));
    binder.output(DNNL_ARG_DST, primitives.user_result(slice.size),
                  Place::output(0, at * bytes.result));
    return binder.finish() ? primitive : nullptr;
  });
}

std::unique_ptr<Kernel> make_average_pooling_gradient(const Plan& plan, const PlanStep& step,
                                                      const ThreadPool& pool) {
  const auto g = ops::resolve_pooling_2d(step.view(), shape_of(plan, step.inputs[1]));
  const PoolingPrimitives primitives(g);
  if (!primitives.is_supported()) return nullptr;
  const auto bytes = image_bytes(g);
  return make_kernel(g, pool, [&](Task& task, const BatchSlice& slice) -> PrimitivePointer {
    const auto at = static_cast<size_t>(slice.begin);
    const auto primitive = primitives.gradient(slice.size);
    if (!primitive) return nullptr;
    ArgumentBinder binder(task, primitive,
                          primitives.key(PrimitiveKind::pooling_gradient, slice.size));
    binder.input(DNNL_ARG_DIFF_DST, primitives.user_result(slice.size),
                 Place::input(0, at * bytes.result));
    binder.output(DNNL_ARG_DIFF_SRC, primitives.user_source(slice.size),
                  Place::output(0, at * bytes.source));
    return binder.finish() ? primitive : nullptr;
  });
}

}  // namespace mpsg::onednn
