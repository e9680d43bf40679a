// The gradient of a convolution's weights: from images and the images of gradients to weights.
#pragma once

#include <cstddef>
#include <optional>
#include <string>

#include "backends/common/kernel.h"
#include "backends/cpu/contraction/convolution_images.h"
#include "backends/cpu/contraction/convolution_strips.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::contraction {

/// The weights are a matrix: rows are taps and source channels, columns are output channels. Each
/// element is a sum over all output pixels. Chunks of the pixels and parts of the matrix are the
/// tasks; the chunks' sums are added at the end, in their order. All sums are in float32 and
/// short: one for each unit of a few images, then one of the units.
class WeightsPass {
 public:
  /// Nothing if the geometry is beyond what this is made for. All sizes are positive.
  static std::optional<WeightsPass> plan(const ops::Convolution2DGeometry& geometry,
                                         const ThreadPool& pool,
                                         const StripKernels& kernels = best_strip_kernels());

  size_t workspace_bytes() const;
  bool reports_tiles() const { return hwio_; }
  /// `gradient` is that of the convolution's output. `workspace` is 64-byte aligned.
  void run(const float* gradient, const float* source, float* result, void* workspace,
           const TileListener* tiles) const;
  std::string description() const;

 private:
  WeightsPass(const ops::Convolution2DGeometry& geometry, const ThreadPool& pool,
              const StripKernels& kernels);

  struct Run;
  struct Unit {
    int64_t image_begin, image_end, line_begin, line_end;
  };
  /// A unit's pixels, as the thread reads them.
  struct Pixels {
    const float* source;
    int64_t source_image, source_row, first_row;
    const float* gradient;
    int64_t gradient_image, gradient_row;
    Unit unit;
  };

  void choose_units();
  void choose_tasks();
  double vector_cycles(int64_t vectors) const;
  ImagePart source_part(const Unit& unit) const;
  Unit unit_at(int64_t index) const;
  int64_t units() const;
  int64_t strips() const;
  bool source_in_place() const;
  bool gradient_in_place() const;
  Pixels fetch(const Run& run, const Unit& unit, float* scratch) const;
  void run_task(const Run& run, int64_t task) const;
  void add_strip(const Pixels& pixels, int64_t strip, float* sums, bool accumulate) const;
  void add_lanes(const StripCall& call, int64_t rows, int64_t columns) const;
  void add_rows(const StripCall& call, int64_t tap, int64_t rows, int64_t columns) const;
  void fold_rows(const Run& run, int64_t begin, int64_t end) const;
  float* partial(const Run& run, int64_t chunk) const;

  const ThreadPool& pool_;
  const StripKernels& kernels_;
  const ops::WindowAxis y_, x_;
  const PhaseAxis lines_;
  const ImageLayout source_, gradient_;
  const WeightsLayout layout_;
  const bool depthwise_;             // each channel is a group: all are columns, in_ is 1
  const int64_t groups_, in_, out_;  // channels of a group
  const bool hwio_;
  bool merged_;          // a strip has all taps along x, which lie side by side with the channels
  int64_t vectors_ = 1;  // of a block of columns
  int64_t images_of_unit_ = 1, lines_of_unit_ = 1;
  int64_t chunks_ = 1, parts_ = 1;  // of the pixels, of the matrix
  int64_t slot_floats_ = 0;
};

}  // namespace mpsg::contraction
