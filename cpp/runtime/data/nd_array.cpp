// NDArray's memory: descriptors, bounds, copies. Views are in nd_array_views.cpp.
#include "mpsg/nd_array.h"

#include <algorithm>
#include <functional>

#include "graph/buffer_pool.h"
#include "mpsg/error.h"
#include "runtime/data/nd_array_layout.h"
#include "runtime/data/row_conversions.h"
#include "runtime/data/strided_copy.h"

namespace mpsg {
namespace {

using layout::ByteRange;

void check_type(const TensorType& type) {
  if (size_of(type.data_type) == 0) throw FeedError("an array needs a data type");
  if (!type.shape.is_static())
    throw FeedError("an array cannot have an unknown size: " + type.to_string());
  // Also so that the count of an array with a zero among huge sizes never matters.
  layout::packed_strides(type);
}

bool ranges_meet(const NDArray& a, const NDArray& b) {
  const auto range_of = [](const NDArray& array) {
    const auto range = layout::byte_range(array.type(), array.strides());
    const auto first = reinterpret_cast<uintptr_t>(array.data());
    return std::pair{first + static_cast<uintptr_t>(range.begin),
                     first + static_cast<uintptr_t>(range.end)};
  };
  const auto [a_begin, a_end] = range_of(a);
  const auto [b_begin, b_end] = range_of(b);
  return a_begin < b_end && b_begin < a_end;
}

/// Every element of `from` through `convert` (none: as it is) into `to`.
void copy_all(const NDArray& from, const NDArray& to, RowConversion convert) {
  if (from.element_count() == 0) return;
  const auto walk = make_copy_walk(from.shape().dimensions(), from.data(), from.strides(),
                                   to.data(), to.strides());
  if (convert) convert_elements(walk, size_of(from.data_type()), size_of(to.data_type()), convert);
  else copy_elements(walk, size_of(from.data_type()));
}

}  // namespace

NDArrayDescriptor NDArrayDescriptor::matrix(int64_t rows, int64_t columns, size_t row_bytes,
                                            DataType data_type, int64_t matrices,
                                            size_t matrix_bytes) {
  const auto shape = matrices == 1 ? Shape{rows, columns} : Shape{matrices, rows, columns};
  return {data_type, shape, row_bytes, matrix_bytes};
}

NDArrayDescriptor NDArrayDescriptor::vector(int64_t length, DataType data_type, int64_t vectors,
                                            size_t vector_bytes) {
  return {data_type, vectors == 1 ? Shape{length} : Shape{vectors, length}, vector_bytes, 0};
}

std::vector<int64_t> NDArrayDescriptor::strides() const {
  const TensorType type{data_type, shape};
  check_type(type);
  auto strides = layout::packed_strides(type);
  const auto pad = [&](int axis, size_t bytes, const char* what) {
    if (bytes == 0 || axis < 0) return;
    const auto inside = static_cast<size_t>(axis) + 1;
    const auto needed = static_cast<size_t>(shape[axis + 1]) *
                        static_cast<size_t>(inside < strides.size() ? strides[inside] : 1);
    if (bytes < needed || bytes > static_cast<size_t>(layout::largest))
      throw FeedError(std::string(what) + " = " + std::to_string(bytes) + " for " +
                      type.to_string() + ", where it must be at least " + std::to_string(needed));
    if (bytes % size_of(data_type) != 0)
      throw FeedError(std::string(what) + " = " + std::to_string(bytes) +
                      " is not a multiple of an element's size: " + type.to_string());
    auto step = static_cast<int64_t>(bytes);
    for (int outer = axis; outer >= 0; --outer) {
      strides[static_cast<size_t>(outer)] = step;
      step = layout::product(step, std::max<int64_t>(shape[outer], 1), type);
    }
  };
  pad(shape.rank() - 2, row_bytes, "row_bytes");
  pad(shape.rank() - 3, matrix_bytes, "matrix_bytes");
  return strides;
}

size_t NDArrayDescriptor::byte_count() const {
  const auto steps = strides();
  const auto range = layout::byte_range({data_type, shape}, steps);
  if (shape.element_count() == 0 || shape.rank() < 2) return static_cast<size_t>(range.end);
  return static_cast<size_t>(layout::product(steps[0], shape[0], TensorType{data_type, shape}));
}

NDArray::NDArray(const NDArrayDescriptor& descriptor)
    : type_{descriptor.data_type, descriptor.shape} {
  set_strides(descriptor.strides());
  const auto bytes = descriptor.byte_count();
  owner_ = BufferPool::shared().take(bytes);
  first_ = static_cast<std::byte*>(owner_.get());
  memory_ = {first_, bytes};
}

NDArray::NDArray(std::span<std::byte> buffer, size_t offset, const NDArrayDescriptor& descriptor,
                 std::shared_ptr<void> owner)
    : NDArray(buffer, offset, {descriptor.data_type, descriptor.shape}, descriptor.strides(),
              std::move(owner)) {}

NDArray::NDArray(std::span<std::byte> buffer, size_t offset, const TensorType& type,
                 std::span<const int64_t> strides, std::shared_ptr<void> owner, bool is_writeable)
    : type_(type), owner_(std::move(owner)), is_writeable_(is_writeable) {
  check_type(type);
  set_strides(strides);
  check_inside(buffer, offset);
  first_ = buffer.data() + offset;
  memory_ = buffer;
}

NDArray::NDArray(void* first, const TensorType& type, std::span<const int64_t> strides,
                 std::shared_ptr<void> owner, bool is_writeable)
    : type_(type),
      first_(static_cast<std::byte*>(first)),
      owner_(std::move(owner)),
      is_writeable_(is_writeable) {
  check_type(type);
  set_strides(strides);
  const auto range = layout::byte_range(type_, this->strides());
  if (!first && range.begin != range.end) fail("no memory is given (a null pointer)");
  if (first) memory_ = {first_ + range.begin, static_cast<size_t>(range.end - range.begin)};
}

NDArray::NDArray(const TensorData& data, bool is_writeable)
    : NDArray(data.data(), data.type(), layout::packed_strides(data.type()), data.owner(),
              is_writeable) {}

std::span<const int64_t> NDArray::strides() const {
  return std::span(strides_).first(static_cast<size_t>(shape().rank()));
}

size_t NDArray::byte_count() const {
  return static_cast<size_t>(element_count()) * size_of(data_type());
}

bool NDArray::is_packed() const {
  if (element_count() == 0) return true;
  auto step = static_cast<int64_t>(size_of(data_type()));
  for (int axis = shape().rank() - 1; axis >= 0; --axis) {
    if (shape()[axis] != 1 && strides_[axis] != step) return false;
    step *= shape()[axis];
  }
  return true;
}

bool NDArray::is_aligned() const {
  if (element_count() == 0) return true;
  // A complex number is a pair of floats.
  const auto size = is_complex(data_type()) ? sizeof(float) : size_of(data_type());
  auto bits = reinterpret_cast<uintptr_t>(first_);
  for (int axis = 0; axis < shape().rank(); ++axis)
    if (shape()[axis] != 1) bits |= static_cast<uintptr_t>(strides_[axis]);
  return bits % size == 0;
}

bool NDArray::has_overlaps() const { return layout::elements_overlap(type_, strides()); }

void NDArray::set_strides(std::span<const int64_t> strides) {
  if (std::ssize(strides) != shape().rank())
    throw FeedError(std::to_string(strides.size()) + " strides given for " + type_.to_string() +
                    "; it takes one for each axis");
  if (element_count() == 0) std::ranges::copy(layout::packed_strides(type_), strides_);
  else std::ranges::copy(strides, strides_);
}

void NDArray::check_inside(std::span<const std::byte> buffer, size_t offset) const {
  const auto range = layout::byte_range(type_, strides());
  if (range.begin == range.end && offset <= buffer.size()) return;
  const bool fits = offset <= buffer.size() && static_cast<uint64_t>(-range.begin) <= offset &&
                    static_cast<uint64_t>(range.end) <= buffer.size() - offset;
  if (!fits)
    fail("it reaches from byte " + std::to_string(range.begin) + " to byte " +
         std::to_string(range.end) + " around its first element, which lies at byte " +
         std::to_string(offset) + " of a buffer of " + std::to_string(buffer.size()) + " bytes");
}

void NDArray::fail(const std::string& why) const {
  throw FeedError("array " + to_string() + ": " + why);
}

std::string NDArray::to_string() const {
  return type_.to_string() + ", strides " + layout::tuple_text(strides());
}

void NDArray::export_data(const NDArray& to) const {
  if (to.shape() != shape())
    throw FeedError("array " + to_string() + " cannot be copied into " + to.to_string() +
                    ": the shapes must be equal");
  if (!to.is_writeable()) throw FeedError("array " + to.to_string() + " is read-only");
  if (to.has_overlaps())
    throw FeedError("array " + to.to_string() +
                    " cannot be written: elements share memory, or its strides interleave");
  if (element_count() == 0) return;
  const bool same_type = to.data_type() == data_type();
  if (ranges_meet(*this, to)) {
    if (same_type && first_ == to.first_ && std::ranges::equal(strides(), to.strides())) return;
    const auto between = copy(to.data_type());
    return copy_all(between, to, nullptr);
  }
  copy_all(*this, to, same_type ? nullptr : cast_rows(data_type(), to.data_type()));
}

void NDArray::read_bytes(std::span<std::byte> buffer, std::span<const int64_t> strides,
                         std::optional<DataType> data_type, size_t offset) const {
  const TensorType type{data_type.value_or(type_.data_type), shape()};
  if (strides.empty()) return export_data(NDArray(buffer, offset, {type.data_type, type.shape}));
  export_data(NDArray(buffer, offset, type, strides));
}

void NDArray::write_bytes(std::span<const std::byte> buffer, std::span<const int64_t> strides,
                          std::optional<DataType> data_type, size_t offset) const {
  const TensorType type{data_type.value_or(type_.data_type), shape()};
  const std::span bytes(const_cast<std::byte*>(buffer.data()), buffer.size());  // read only
  if (strides.empty()) return import_data(NDArray(bytes, offset, {type.data_type, type.shape}));
  import_data(NDArray(bytes, offset, type, strides, nullptr, false));
}

NDArray NDArray::copy(std::optional<DataType> data_type) const {
  NDArray packed(NDArrayDescriptor{data_type.value_or(type_.data_type), shape()});
  export_data(packed);
  return packed;
}

TensorData NDArray::tensor_data() const {
  if (is_packed() && is_aligned() && first_) return {type_, first_, owner_};
  const auto packed = copy();
  return {packed.type(), packed.data(), packed.owner()};
}

NDArray NDArray::from_image_batch(std::span<const NDArray> images, DataType data_type) {
  if (!is_floating(data_type))
    throw FeedError("images become floating-point numbers, not " +
                    std::string(data_type_name(data_type)));
  if (images.empty()) throw FeedError("a batch needs at least one image");
  const auto as_batch = [&](const NDArray& image) {
    const int rank = image.shape().rank();
    if (rank == 2) return image.expand_dims(0).expand_dims(-1);
    if (rank == 3) return image.expand_dims(0);
    if (rank == 4 && images.size() == 1) return image;
    throw FeedError("an image is (height, width) or (height, width, channels), not " +
                    image.type().to_string());
  };
  const auto first = as_batch(images[0]);
  auto shape = first.shape();
  if (images.size() > 1) shape[0] = static_cast<int64_t>(images.size());
  NDArray batch(NDArrayDescriptor{data_type, shape});
  for (size_t i = 0; i < images.size(); ++i) {
    const auto image = as_batch(images[i]);
    if (image.type() != first.type())
      throw FeedError("images of a batch are alike; image " + std::to_string(i) + " is " +
                      images[i].type().to_string() + ", image 0 " + images[0].type().to_string());
    const auto place = images.size() == 1 ? batch : batch.slice(0, static_cast<int64_t>(i), 1);
    copy_all(image, place, normalize_rows(image.data_type(), data_type));
  }
  return batch;
}

NDArray NDArray::to_image_batch(DataType data_type) const {
  if (shape().rank() != 4 || !is_floating(type_.data_type))
    fail("an image batch is floating-point numbers of shape (images, height, width, channels)");
  if (data_type != DataType::uint8 && data_type != DataType::uint16 && !is_floating(data_type))
    throw FeedError("images are uint8, uint16 or floating-point numbers, not " +
                    std::string(data_type_name(data_type)));
  NDArray images(NDArrayDescriptor{data_type, shape()});
  copy_all(*this, images, quantize_rows(type_.data_type, data_type));
  return images;
}

}  // namespace mpsg
