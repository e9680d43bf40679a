// Kernels of the three convolution rows.
#include "backends/cpu/onednn/convolution.h"

namespace mpsg::onednn {
namespace {

/// Bytes of `values` float32 elements for each image, to find where a slice begins.
size_t image_bytes(int64_t values_of_batch, int64_t batch) {
  return static_cast<size_t>(values_of_batch / batch) * sizeof(float);
}

struct Sizes {
  size_t source_bytes;  // of one image
  size_t output_bytes;
};

Sizes sizes_of(const ops::Convolution2DGeometry& g) {
  return {image_bytes(g.batch * g.in_channels * g.y.input * g.x.input, g.batch),
          image_bytes(g.batch * g.out_channels * g.y.output * g.x.output, g.batch)};
}

/// One slice for each power of two in a thread's share: every slice costs a copy of the weights.
std::vector<BatchSlice> weights_slices(const ops::Convolution2DGeometry& g, double operations,
                                       size_t weights_bytes, const ThreadPool& pool) {
  constexpr size_t most_bytes = size_t{64} << 20;
  int64_t threads = useful_threads(pool, operations * static_cast<double>(g.batch));
  while (true) {
    auto slices = slice_batch(g.batch, threads, g.batch);
    if (threads == 1 || slices.size() * weights_bytes <= most_bytes) return slices;
    threads /= 2;
  }
}

/// Forward and data gradient: images in, images out, weights for all.
std::unique_ptr<Kernel> make_image_kernel(const ops::Convolution2DGeometry& geometry,
                                          const ThreadPool& pool, ConvolutionPass pass) {
  const bool forward = pass == ConvolutionPass::forward;
  ConvolutionPrimitives primitives(pass, geometry);
  const auto slices = image_slices(geometry.batch, primitives.operations_per_image(), pool);
  if (!primitives.prepare(slices)) return nullptr;

  auto kernel = std::make_unique<SlicedKernel>(pool);
  Place weights = Place::input(1);
  if (primitives.weights() != primitives.user_weights()) {
    auto key = primitives.key(slices.front().size);
    key.push_back(DNNL_ARG_WEIGHTS);
    const auto reorder = make_reorder(primitives.user_weights(), primitives.weights(), key);
    if (!reorder) return nullptr;
    weights = kernel->take_shared(primitives.weights().get_size());
    std::vector<Task> tasks(1);
    tasks[0].add(reorder, {{DNNL_ARG_FROM, Place::input(1)}, {DNNL_ARG_TO, weights}});
    kernel->add_phase(std::move(tasks));
  }
  const auto sizes = sizes_of(geometry);
  std::vector<Task> tasks(slices.size());
  for (size_t i = 0; i < slices.size(); ++i) {
    const auto [begin, images] = slices[i];
    const size_t source = static_cast<size_t>(begin) * sizes.source_bytes;
    const size_t output = static_cast<size_t>(begin) * sizes.output_bytes;
    ArgumentBinder binder(tasks[i], primitives.primitive(images), primitives.key(images));
    binder.direct(DNNL_ARG_WEIGHTS, weights);
    if (forward) {
      binder.input(DNNL_ARG_SRC, primitives.user_source(images), Place::input(0, source));
      binder.output(DNNL_ARG_DST, primitives.user_output(images), Place::output(0, output));
    } else {
      binder.input(DNNL_ARG_DIFF_DST, primitives.user_output(images), Place::input(0, output));
      binder.output(DNNL_ARG_DIFF_SRC, primitives.user_source(images), Place::output(0, source));
    }
    if (!binder.finish()) return nullptr;
  }
  kernel->add_phase(std::move(tasks));
  kernel->set_description(
      describe_slices(primitives.primitive(slices.front().size)->implementation(), slices.size()));
  return kernel;
}

/// Adds the slices' gradients, each of `elements` floats and `stride` bytes after the one before,
/// into the first, element by element in the order of the slices.
SlicedKernel::Function sum_of_partials(Place first, int64_t elements, size_t stride, size_t count) {
  return [=](const Addresses& addresses, const ThreadPool& pool) {
    char* const base = addresses(first);
    float* const sum = reinterpret_cast<float*>(base);
    pool.for_range(elements, 8192, [&](int64_t begin, int64_t end) {
      for (size_t k = 1; k < count; ++k) {
        const auto* const partial = reinterpret_cast<const float*>(base + k * stride);
        for (int64_t i = begin; i < end; ++i) sum[i] += partial[i];
      }
    });
  };
}

std::unique_ptr<Kernel> make_weights_kernel(const ops::Convolution2DGeometry& geometry,
                                            const ThreadPool& pool) {
  ConvolutionPrimitives primitives(ConvolutionPass::weights_gradient, geometry);
  const auto user_weights = primitives.user_weights();
  const auto slices =
      weights_slices(geometry, primitives.operations_per_image(), user_weights.get_size(), pool);
  if (!primitives.prepare(slices)) return nullptr;

  auto kernel = std::make_unique<SlicedKernel>(pool);
  const bool same_layout = primitives.weights() == user_weights;
  const size_t weights_bytes = primitives.weights().get_size();
  const size_t partial_bytes = (weights_bytes + 63) / 64 * 64;
  const bool direct = same_layout && slices.size() == 1;
  const Place partials =
      direct ? Place::output(0) : kernel->take_shared(partial_bytes * slices.size());
  const auto sizes = sizes_of(geometry);
  std::vector<Task> tasks(slices.size());
  for (size_t i = 0; i < slices.size(); ++i) {
    const auto [begin, images] = slices[i];
    const auto at = static_cast<size_t>(begin);
    ArgumentBinder binder(tasks[i], primitives.primitive(images), primitives.key(images));
    binder.input(DNNL_ARG_DIFF_DST, primitives.user_output(images),
                 Place::input(0, at * sizes.output_bytes));
    binder.input(DNNL_ARG_SRC, primitives.user_source(images),
                 Place::input(1, at * sizes.source_bytes));
    Place partial = partials;
    partial.offset += i * partial_bytes;
    binder.direct(DNNL_ARG_DIFF_WEIGHTS, partial);
    if (!binder.finish()) return nullptr;
  }
  kernel->add_phase(std::move(tasks));
  if (slices.size() > 1)
    kernel->add_phase(sum_of_partials(partials, static_cast<int64_t>(weights_bytes / sizeof(float)),
                                      partial_bytes, slices.size()));
  if (!direct) {
    auto key = primitives.key(slices.front().size);
    key.push_back(DNNL_ARG_DIFF_WEIGHTS);
    const auto reorder = make_reorder(primitives.weights(), user_weights, key);
    if (!reorder) return nullptr;
    std::vector<Task> last(1);
    last[0].add(reorder, {{DNNL_ARG_FROM, partials}, {DNNL_ARG_TO, Place::output(0)}});
    kernel->add_phase(std::move(last));
  }
  kernel->set_description(
      describe_slices(primitives.primitive(slices.front().size)->implementation(), slices.size()));
  return kernel;
}

}  // namespace

std::unique_ptr<Kernel> make_convolution(const Plan& plan, const PlanStep& step,
                                         const ThreadPool& pool, ConvolutionPass pass) {
  const auto shape = [&](int32_t value) {
    return plan.values[static_cast<size_t>(value)].type.shape;
  };
  const Shape first = shape(step.inputs[0]);
  const Shape second = shape(step.inputs[1]);
  const Shape result = shape(step.outputs[0]);
  switch (pass) {
    case ConvolutionPass::forward:
      return make_image_kernel(ops::resolve_convolution_2d(step.view(), first, second, result),
                               pool, pass);
    case ConvolutionPass::data_gradient:
      return make_image_kernel(ops::resolve_convolution_2d(step.view(), result, second, first),
                               pool, pass);
    case ConvolutionPass::weights_gradient:
      return make_weights_kernel(ops::resolve_convolution_2d(step.view(), second, result, first),
                                 pool);
  }
  return nullptr;
}

}  // namespace mpsg::onednn
