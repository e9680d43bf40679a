// Convolution primitives of oneDNN for a geometry and a number of images.
#pragma once

#include <optional>

#include "backends/cpu/onednn/kernels.h"
#include "ops/window.h"

namespace mpsg::onednn {

/// One of the three passes of a convolution, for any number of images.
class ConvolutionPrimitives {
 public:
  ConvolutionPrimitives(ConvolutionPass pass, const ops::Convolution2DGeometry& geometry)
      : pass_(pass), geometry_(geometry) {}

  /// Chooses layouts for slices of these sizes. False if the library has no good implementation.
  bool prepare(const std::vector<BatchSlice>& slices);

  /// What `prepare` made for `images`. `key` names it.
  const PrimitivePointer& primitive(int64_t images) const;
  PrimitiveKey key(int64_t images) const;

  dnnl::memory::desc user_source(int64_t images) const;
  dnnl::memory::desc user_output(int64_t images) const;
  dnnl::memory::desc user_weights() const;
  /// The layout of weights, or of their gradient, that all slices share.
  dnnl::memory::desc weights() const;
  /// Multiplications and additions for one image.
  double operations_per_image() const;

 private:
  enum class ImageLayout : int64_t { plain, any };

  bool prepare(ImageLayout layout, const std::vector<BatchSlice>& slices);
  PrimitivePointer make(int64_t images, int64_t leader) const;
  dnnl::primitive_desc_base describe(int64_t images, const dnnl::memory::desc& weights) const;
  PrimitiveKey key(int64_t images, int64_t leader) const;
  dnnl::memory::desc requested(const dnnl::memory::desc& user) const;

  const ConvolutionPass pass_;
  const ops::Convolution2DGeometry geometry_;
  ImageLayout layout_ = ImageLayout::plain;
  struct Made {
    int64_t images;
    int64_t leader;  // the slice size whose choice of weights layout it was made with; 0: its own
    PrimitivePointer primitive;
  };
  const Made& made_for(int64_t images) const;
  std::vector<Made> made_;
};

/// Padding after the input that makes the library compute exactly `axis.output` elements; nullopt
/// if there is none.
std::optional<int64_t> library_padding_after(const ops::WindowAxis& axis);

}  // namespace mpsg::onednn
