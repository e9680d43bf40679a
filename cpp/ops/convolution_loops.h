// Reference loops of 2D convolution: forward, data gradient and weights gradient, for every layout.
#pragma once

#include "graph/contexts.h"
#include "ops/window.h"

namespace mpsg::ops {

/// The three tensors of a convolution; one of them is computed from the other two. All have one
/// floating-point type; sums are in float for 16-bit types, else in the type itself.
struct ConvolutionTensors {
  const TensorView& source;
  const TensorView& weights;
  const TensorView& output;
};

void convolve_forward(const Convolution2DGeometry& geometry, const ConvolutionTensors& tensors,
                      const Parallel& parallel);
void convolve_data_gradient(const Convolution2DGeometry& geometry,
                            const ConvolutionTensors& tensors, const Parallel& parallel);
void convolve_weights_gradient(const Convolution2DGeometry& geometry,
                               const ConvolutionTensors& tensors, const Parallel& parallel);

}  // namespace mpsg::ops
