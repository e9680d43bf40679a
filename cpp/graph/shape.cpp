#include "mpsg/shape.h"

#include <algorithm>
#include <limits>

#include "mpsg/error.h"

namespace mpsg {

Shape::Shape(std::initializer_list<int64_t> dimensions)
    : Shape(std::span<const int64_t>(dimensions.begin(), dimensions.size())) {}

Shape::Shape(const std::vector<int64_t>& dimensions)
    : Shape(std::span<const int64_t>(dimensions)) {}

Shape::Shape(std::span<const int64_t> dimensions) {
  if (dimensions.size() > max_rank)
    throw GraphError("a shape of " + std::to_string(dimensions.size()) +
                     " dimensions; at most 16 are supported");
  for (auto dimension : dimensions) append(dimension);
}

Shape Shape::unranked() {
  Shape shape;
  shape.rank_ = -1;
  return shape;
}

Shape Shape::unknown(int rank) {
  return Shape(std::vector<int64_t>(static_cast<size_t>(rank), unknown_dimension));
}

std::span<const int64_t> Shape::dimensions() const {
  return {dimensions_, static_cast<size_t>(std::max(rank_, 0))};
}

std::vector<int64_t> Shape::to_vector() const {
  auto all = dimensions();
  return {all.begin(), all.end()};
}

bool Shape::is_static() const {
  return has_rank() && std::ranges::all_of(dimensions(), [](int64_t d) { return d >= 0; });
}

std::optional<int64_t> Shape::element_count() const {
  if (!is_static()) return std::nullopt;
  int64_t product = 1;
  bool overflow = false;
  for (auto dimension : dimensions()) {
    if (dimension == 0) return 0;
    overflow = overflow || __builtin_mul_overflow(product, dimension, &product);
  }
  return overflow ? std::numeric_limits<int64_t>::max() : product;
}

bool Shape::operator==(const Shape& other) const {
  return rank_ == other.rank_ && std::ranges::equal(dimensions(), other.dimensions());
}

void Shape::append(int64_t dimension) {
  if (rank_ >= max_rank) throw GraphError("more than 16 dimensions");
  if (dimension < unknown_dimension)
    throw GraphError("a dimension of " + std::to_string(dimension) +
                     "; sizes are >= 0, or -1 when known at run time only");
  dimensions_[rank_++] = dimension;
}

std::string Shape::to_string() const {
  if (!has_rank()) return "(unknown rank)";
  std::string text = "(";
  for (int axis = 0; axis < rank_; ++axis) {
    if (axis > 0) text += ", ";
    text += std::to_string(dimensions_[axis]);
  }
  return text + (rank_ == 1 ? ",)" : ")");
}

std::string TensorType::to_string() const {
  return std::string(data_type_name(data_type)) + " " + shape.to_string();
}

}  // namespace mpsg
