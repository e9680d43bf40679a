#include "backends/cpu/onednn/kernels.h"

namespace mpsg::onednn {

dnnl::memory::desc image_layout(int64_t n, int64_t c, int64_t h, int64_t w, bool nhwc) {
  using Tag = dnnl::memory::format_tag;
  return {{n, c, h, w}, dnnl::memory::data_type::f32, nhwc ? Tag::nhwc : Tag::nchw};
}

void ArgumentBinder::input(int argument, const dnnl::memory::desc& layout, Place place) {
  const auto wanted = primitive_->layout(argument);
  if (wanted == layout) return direct(argument, place);
  const auto reorder = make_reorder(layout, wanted, reorder_key(argument));
  if (!reorder) {
    complete_ = false;
    return;
  }
  const Place converted = task_.take(wanted.get_size());
  task_.add(reorder, {{DNNL_ARG_FROM, place}, {DNNL_ARG_TO, converted}});
  direct(argument, converted);
}

void ArgumentBinder::output(int argument, const dnnl::memory::desc& layout, Place place) {
  const auto given = primitive_->layout(argument);
  if (given == layout) return direct(argument, place);
  const auto reorder = make_reorder(given, layout, reorder_key(argument));
  if (!reorder) complete_ = false;
  const Place converted = task_.take(given.get_size());
  outputs_.push_back({reorder, converted, place});
  direct(argument, converted);
}

bool ArgumentBinder::finish() {
  if (!complete_) return false;
  task_.add(primitive_, std::move(arguments_));
  for (const auto& output : outputs_)
    task_.add(output.reorder, {{DNNL_ARG_FROM, output.from}, {DNNL_ARG_TO, output.to}});
  return true;
}

// The primitive's own key decides its layouts, so with the argument it names the reorder.
PrimitiveKey ArgumentBinder::reorder_key(int argument) const {
  auto key = key_;
  key.push_back(argument);
  return key;
}

}  // namespace mpsg::onednn
