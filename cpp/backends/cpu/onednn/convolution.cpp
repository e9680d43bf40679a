#include "backends/cpu/onednn/convolution.h"

#include <algorithm>

#include "mpsg/error.h"

namespace mpsg::onednn {
namespace {

using dnnl::algorithm;
using dnnl::convolution_backward_data;
using dnnl::convolution_backward_weights;
using dnnl::convolution_forward;
using dnnl::memory;
using dnnl::prop_kind;

/// Strides, dilations and paddings in the library's terms.
struct Window {
  memory::dims strides;
  memory::dims dilations;  // 0 = dense
  memory::dims before;
  memory::dims after;
};

Window window_of(const ops::WindowAxis& y, const ops::WindowAxis& x) {
  return {{y.stride, x.stride},
          {y.dilation - 1, x.dilation - 1},
          {y.pad_before, x.pad_before},
          {*library_padding_after(y), *library_padding_after(x)}};
}

int weights_argument(ConvolutionPass pass) {
  return pass == ConvolutionPass::weights_gradient ? DNNL_ARG_DIFF_WEIGHTS : DNNL_ARG_WEIGHTS;
}

PrimitiveKind kind_of(ConvolutionPass pass) {
  switch (pass) {
    case ConvolutionPass::forward: return PrimitiveKind::convolution;
    case ConvolutionPass::data_gradient: return PrimitiveKind::convolution_data_gradient;
    case ConvolutionPass::weights_gradient: break;
  }
  return PrimitiveKind::convolution_weights_gradient;
}

}  // namespace

std::optional<int64_t> library_padding_after(const ops::WindowAxis& axis) {
  const int64_t reach = axis.reach_after();
  if (reach <= -axis.stride) return std::nullopt;  // the library would compute one more
  return std::max<int64_t>(reach, 0);
}

memory::desc ConvolutionPrimitives::user_source(int64_t images) const {
  const auto& g = geometry_;
  return image_layout(images, g.in_channels, g.y.input, g.x.input, g.nhwc);
}

memory::desc ConvolutionPrimitives::user_output(int64_t images) const {
  const auto& g = geometry_;
  return image_layout(images, g.out_channels, g.y.output, g.x.output, g.nhwc);
}

memory::desc ConvolutionPrimitives::user_weights() const {
  const auto& g = geometry_;
  const int64_t in = g.group_in_channels(), out = g.group_out_channels();
  const int64_t height = g.y.kernel, width = g.x.kernel;
  memory::dims dimensions{g.groups, out, in, height, width};
  memory::dims strides;
  if (g.hwio) strides = {out, 1, g.out_channels, width * in * g.out_channels, in * g.out_channels};
  else strides = {out * in * height * width, in * height * width, height * width, width, 1};
  if (g.groups == 1) {
    dimensions.erase(dimensions.begin());
    strides.erase(strides.begin());
  }
  return {dimensions, memory::data_type::f32, strides};
}

memory::desc ConvolutionPrimitives::weights() const {
  return made_.front().primitive->layout(weights_argument(pass_));
}

double ConvolutionPrimitives::operations_per_image() const {
  const auto& g = geometry_;
  return 2.0 * static_cast<double>(g.out_channels) * static_cast<double>(g.group_in_channels()) *
         static_cast<double>(g.y.output * g.x.output) *
         static_cast<double>(g.y.kernel * g.x.kernel);
}

memory::desc ConvolutionPrimitives::requested(const memory::desc& user) const {
  if (layout_ == ImageLayout::plain) return user;
  return {user.get_dims(), memory::data_type::f32, memory::format_tag::any};
}

dnnl::primitive_desc_base ConvolutionPrimitives::describe(int64_t images,
                                                          const memory::desc& weights) const {
  const auto& engine = cpu_engine();
  const auto source = requested(user_source(images));
  const auto output = requested(user_output(images));
  const auto w = window_of(geometry_.y, geometry_.x);
  constexpr auto direct = algorithm::convolution_direct;
  const bool forward = pass_ == ConvolutionPass::forward;
  const convolution_forward::primitive_desc first(
      engine, forward ? prop_kind::forward_inference : prop_kind::forward_training, direct, source,
      weights, output, w.strides, w.dilations, w.before, w.after, user_scratchpad(), true);
  if (forward || !first) return first;
  if (pass_ == ConvolutionPass::data_gradient)
    return convolution_backward_data::primitive_desc(engine, direct, source, weights, output,
                                                     w.strides, w.dilations, w.before, w.after,
                                                     first, user_scratchpad(), true);
  return convolution_backward_weights::primitive_desc(engine, direct, source, weights, output,
                                                      w.strides, w.dilations, w.before, w.after,
                                                      first, user_scratchpad(), true);
}

PrimitiveKey ConvolutionPrimitives::key(int64_t images, int64_t leader) const {
  const auto& g = geometry_;
  PrimitiveKey key{static_cast<int64_t>(kind_of(pass_)),
                   static_cast<int64_t>(layout_),
                   images,
                   leader,
                   g.in_channels,
                   g.out_channels,
                   g.groups,
                   g.nhwc,
                   g.hwio};
  for (const auto* axis : {&g.y, &g.x})
    key.insert(key.end(), {axis->input, axis->kernel, axis->stride, axis->dilation,
                           axis->pad_before, axis->output});
  return key;
}

// With leader 0 the library chooses the weights' layout, else the leader's choice is prescribed.
PrimitivePointer ConvolutionPrimitives::make(int64_t images, int64_t leader) const {
  return PrimitiveCache::instance().find_or_make(key(images, leader), [&] {
    const memory::desc any(user_weights().get_dims(), memory::data_type::f32,
                           memory::format_tag::any);
    return describe(images, leader == 0 ? any : weights());
  });
}

// `slices` begin with the largest: its choice of the weights' layout holds for all.
bool ConvolutionPrimitives::prepare(ImageLayout layout, const std::vector<BatchSlice>& slices) {
  layout_ = layout;
  made_.clear();
  for (const auto& slice : slices) {
    if (!made_.empty() && made_.back().images == slice.size) continue;
    Made made{slice.size, 0, make(slice.size, 0)};
    if (made.primitive && !made_.empty() &&
        made.primitive->layout(weights_argument(pass_)) != weights()) {
      made.leader = slices.front().size;
      made.primitive = make(slice.size, made.leader);
    }
    if (!made.primitive) return false;
    made_.push_back(std::move(made));
  }
  return true;
}

// Channels-last images are what the library is good at. With channels first its plain code is two
// to five times slower, more than reorders to a layout of its own choice cost.
bool ConvolutionPrimitives::prepare(const std::vector<BatchSlice>& slices) {
  if (!library_padding_after(geometry_.y) || !library_padding_after(geometry_.x)) return false;
  const auto first = geometry_.nhwc ? ImageLayout::plain : ImageLayout::any;
  const auto second = geometry_.nhwc ? ImageLayout::any : ImageLayout::plain;
  return prepare(first, slices) || prepare(second, slices);
}

const ConvolutionPrimitives::Made& ConvolutionPrimitives::made_for(int64_t images) const {
  for (const auto& made : made_)
    if (made.images == images) return made;
  throw InternalError("no convolution was prepared for " + std::to_string(images) + " images");
}

const PrimitivePointer& ConvolutionPrimitives::primitive(int64_t images) const {
  return made_for(images).primitive;
}

PrimitiveKey ConvolutionPrimitives::key(int64_t images) const {
  return key(images, made_for(images).leader);
}

}  // namespace mpsg::onednn
