// NDArray: memory with a type, a shape and strides; views of it share it (MPSNDArray, MPSMatrix,
// MPSVector, MPSImageBatch).
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpsg/export.h"
#include "mpsg/tensor_data.h"

namespace mpsg {

/// How an NDArray lies in memory (MPSNDArrayDescriptor). Rows are what the last axis holds.
struct MPSG_API NDArrayDescriptor {
  DataType data_type = DataType::invalid;
  Shape shape;
  /// From one row to the next, in bytes; 0: rows follow each other.
  size_t row_bytes = 0;
  /// From one matrix (the last two axes) to the next, in bytes; 0: matrices follow each other.
  size_t matrix_bytes = 0;

  /// MPSMatrixDescriptor: shape (rows, columns), or (matrices, rows, columns) if `matrices` != 1.
  static NDArrayDescriptor matrix(int64_t rows, int64_t columns, size_t row_bytes,
                                  DataType data_type, int64_t matrices = 1,
                                  size_t matrix_bytes = 0);
  /// MPSVectorDescriptor: shape (length,), or (vectors, length) if `vectors` != 1.
  static NDArrayDescriptor vector(int64_t length, DataType data_type, int64_t vectors = 1,
                                  size_t vector_bytes = 0);

  /// Bytes from element to element, for each axis. Throws FeedError if rows or matrices overlap.
  std::vector<int64_t> strides() const;
  /// Bytes from the first element to the end of the last row, padding of rows included.
  size_t byte_count() const;
};

/// Up to 16 dimensions of any size that memory holds, with strides in bytes. A handle: copies and
/// views share the memory and keep it alive.
class MPSG_API NDArray {
 public:
  NDArray() = default;
  /// Memory of its own, not initialised. Throws ExecutionError where there is not as much.
  explicit NDArray(const NDArrayDescriptor& descriptor);
  /// Borrows `buffer` from `offset` on, kept alive by `owner` (may be null: the caller's affair).
  /// Throws FeedError if the descriptor needs more bytes.
  NDArray(std::span<std::byte> buffer, size_t offset, const NDArrayDescriptor& descriptor,
          std::shared_ptr<void> owner = nullptr);
  /// The same with any strides, also negative ones: the first element lies at `offset`.
  NDArray(std::span<std::byte> buffer, size_t offset, const TensorType& type,
          std::span<const int64_t> strides, std::shared_ptr<void> owner = nullptr,
          bool is_writeable = true);
  /// Borrows memory whose extent the caller vouches for; `first` is the first element.
  NDArray(void* first, const TensorType& type, std::span<const int64_t> strides,
          std::shared_ptr<void> owner, bool is_writeable = true);
  /// Shares the memory of `data` (waits for it, if a run still makes it).
  explicit NDArray(const TensorData& data, bool is_writeable = true);

  const TensorType& type() const { return type_; }
  DataType data_type() const { return type_.data_type; }
  const Shape& shape() const { return type_.shape; }
  /// Bytes from element to element, for each axis.
  std::span<const int64_t> strides() const;
  int64_t element_count() const { return *type_.shape.element_count(); }
  /// Of the elements, without gaps.
  size_t byte_count() const;
  /// The first element.
  void* data() const { return first_; }
  const std::shared_ptr<void>& owner() const { return owner_; }
  /// Row-major without gaps?
  bool is_packed() const;
  /// Does every element lie where the processor wants its type?
  bool is_aligned() const;
  bool is_writeable() const { return is_writeable_; }
  /// Do two elements share a byte (broadcast, windows)? True also for strides that interleave.
  bool has_overlaps() const;

  // --- Views: no element is copied. Axes may be negative. FeedError says what does not fit.

  /// `length` elements along `axis`: start, start + stride, ... (a negative stride goes back).
  NDArray slice(int axis, int64_t start, int64_t length, int64_t stride = 1) const;
  /// The element `index` (negative: from the end) along `axis`, which goes.
  NDArray at(int axis, int64_t index) const;
  /// Axis i of the view is axis axes[i].
  NDArray permute(std::span<const int> axes) const;
  /// Swaps two axes.
  NDArray transpose(int axis, int other) const;
  /// Another shape of as many elements, where the strides allow it; one size may be -1.
  NDArray reshape(const Shape& shape) const;
  /// Without the axes given, whose size must be 1; none given: without all axes of size 1.
  NDArray squeeze(std::span<const int> axes = {}) const;
  /// An axis of size 1 before `axis` of the result.
  NDArray expand_dims(int axis) const;
  /// The shape repeated along axes of size 1 and new leading axes: read-only.
  NDArray broadcast_to(const Shape& shape) const;
  /// `rank` axes: ones are put in front, or leading axes merged (initWithMPSMatrix:rank:).
  NDArray with_rank(int rank) const;
  /// Any shape and strides (bytes) that stay inside the memory, from the byte `offset` after the
  /// first element on (arrayViewWithShape:strides:).
  NDArray array_view(const Shape& shape, std::span<const int64_t> strides,
                     int64_t offset = 0) const;
  /// The same memory, not to be written through this handle.
  NDArray read_only() const;

  // --- Copies. Types convert as the operation `cast` does; memory may overlap.

  /// All elements into `buffer` (readBytes:strideBytes:). `strides`: bytes, one for each axis of
  /// the shape, outermost first; empty: packed. `offset`: where the first element goes.
  void read_bytes(std::span<std::byte> buffer, std::span<const int64_t> strides = {},
                  std::optional<DataType> data_type = {}, size_t offset = 0) const;
  /// All elements from `buffer` (writeBytes:strideBytes:).
  void write_bytes(std::span<const std::byte> buffer, std::span<const int64_t> strides = {},
                   std::optional<DataType> data_type = {}, size_t offset = 0) const;
  /// Into an array of the same shape (exportDataWithCommandBuffer:...).
  void export_data(const NDArray& to) const;
  /// From an array of the same shape (importDataWithCommandBuffer:...).
  void import_data(const NDArray& from) const { from.export_data(*this); }
  /// Packed memory of its own, of this type or another.
  NDArray copy(std::optional<DataType> data_type = {}) const;
  /// Shares the memory if it is packed and aligned; else a packed copy.
  TensorData tensor_data() const;

  // --- Image batches: (images, height, width, channels).

  /// Images of equal size, (height, width) or (height, width, channels), or one batch of rank 4.
  /// uint8 and uint16 become numbers from 0 to 1 (v / 255, v / 65535); others are converted.
  /// `data_type`: float16, bfloat16, float32 or float64.
  static NDArray from_image_batch(std::span<const NDArray> images,
                                  DataType data_type = DataType::float32);
  /// The way back, from rank 4: to uint8 and uint16 numbers are clamped to [0, 1], scaled, and
  /// rounded to nearest even; NaN becomes 0. To floating types: converted.
  NDArray to_image_batch(DataType data_type) const;

  /// "float32 (2, 3), strides (12, 4)".
  std::string to_string() const;

 private:
  int axis_index(int axis, int rank, const char* what) const;
  NDArray view(std::byte* first, const Shape& shape, std::span<const int64_t> strides) const;
  void set_strides(std::span<const int64_t> strides);
  void check_inside(std::span<const std::byte> buffer, size_t offset) const;
  [[noreturn]] void fail(const std::string& why) const;

  TensorType type_{DataType::float32, Shape{0}};
  int64_t strides_[max_rank] = {};
  std::byte* first_ = nullptr;
  std::span<std::byte> memory_;  // what views may reach
  std::shared_ptr<void> owner_;
  bool is_writeable_ = true;
};

}  // namespace mpsg
