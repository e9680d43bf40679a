// Convolution and its data gradient: from images and weights to images.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "backends/common/kernel.h"
#include "backends/cpu/contraction/convolution_images.h"
#include "backends/cpu/contraction/convolution_strips.h"
#include "backends/cpu/thread_pool.h"

namespace mpsg::contraction {

/// Results are blocks of images, lines and columns. A thread that computes a block brings the part
/// of the operand that it needs, padding included, into its own memory (or reads it in place if
/// nothing is missing), and multiplies strips of pixels by packed weights.
class ImagePass {
 public:
  enum class Kind { convolution, data_gradient };
  /// Nothing if the geometry is beyond what this is made for. All sizes are positive.
  static std::optional<ImagePass> plan(Kind kind, const ops::Convolution2DGeometry& geometry,
                                       const ThreadPool& pool,
                                       const StripKernels& kernels = best_strip_kernels());

  size_t workspace_bytes() const;
  /// Tiles are rows of pixels and columns of channels. The images of one pixel that are NCHW lie in
  /// memory as if they were NHWC; their rows are counted by their shape all the same.
  bool reports_tiles() const { return nhwc_; }
  /// `workspace` is 64-byte aligned.
  void run(const float* operand, const float* weights, float* result, void* workspace,
           const TileListener* tiles) const;
  std::string description() const;

 private:
  ImagePass(Kind kind, const ops::Convolution2DGeometry& geometry, const ThreadPool& pool,
            const StripKernels& kernels);

  struct Phase {
    PhaseAxis y, x;
    int64_t packed;  // where its weights are in the packed ones
  };
  struct Tap {
    size_t phase;
    int64_t y, x;
  };
  /// Images, lines and columns of the result.
  struct Block {
    int64_t image_begin, image_end, line_begin, line_end, column_begin, column_end;
  };
  /// A part of the sum: taps along y, and the depth of each segment.
  struct Slice {
    int64_t tap_begin, tap_end, depth_begin, depth_end;
  };
  struct Run;     // what all threads share
  struct Worker;  // one block at work

  struct Cost {
    int64_t vectors;  // of a block of columns
    double cycles;    // for all columns
  };
  Cost cheapest(int64_t rows) const;
  void choose_strips();
  void choose_blocks();
  void lay_out_weights(const ops::Convolution2DGeometry& geometry);
  ImagePart operand_part(const Block& block) const;
  int64_t scratch_floats() const;
  int64_t result_floats(const Block& block) const;
  Block block_at(int64_t index) const;
  int64_t blocks() const;
  int64_t block_columns(int64_t begin) const;
  int64_t vectors_of(int64_t columns) const;
  bool reads_in_place() const;
  void pack_tap(const float* weights, float* packed, int64_t index) const;
  void report(const Block& block, const TileListener& tiles) const;

  const Kind kind_;
  const ThreadPool& pool_;
  const StripKernels& kernels_;
  bool nhwc_;
  ImageLayout operand_, result_;
  WeightsLayout weights_layout_;
  int64_t groups_, depth_, width_;  // of one group: channels of the operand and of the result
  std::vector<PhaseAxis> y_phases_, x_phases_;
  std::vector<Phase> phases_;
  std::vector<Tap> taps_;
  bool merged_;     // the taps along x and the channels are one segment of the memory
  bool depthwise_;  // each channel is a group
  bool strips_of_images_ = false;  // a strip is a pixel of several images, else of a line
  bool dots_;                      // so few columns that the depth is what vectors run along
  bool weights_direct_;            // used where they are
  int64_t padded_width_ = 0;
  int64_t vectors_ = 1;     // of a block of columns
  int64_t pixel_step_ = 0;  // of copies of the operand
  int64_t packed_floats_ = 0;
  int64_t images_of_block_ = 1, lines_of_block_ = 1, columns_of_block_ = 1;
  int64_t slots_ = 1;
  int64_t slot_floats_ = 0;
};

}  // namespace mpsg::contraction
