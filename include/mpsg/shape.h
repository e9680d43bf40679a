// Shapes: outermost dimension first, up to 16 dimensions, zero sizes allowed.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "mpsg/data_type.h"
#include "mpsg/export.h"

namespace mpsg {

inline constexpr int max_rank = 16;
/// A dimension whose size is known at run time only.
inline constexpr int64_t unknown_dimension = -1;

/// A tensor's shape. The rank may be unknown; a dimension may be `unknown_dimension`.
class MPSG_API Shape {
 public:
  Shape() = default;  // rank 0: a scalar
  Shape(std::initializer_list<int64_t> dimensions);
  explicit Shape(std::span<const int64_t> dimensions);
  explicit Shape(const std::vector<int64_t>& dimensions);
  static Shape unranked();
  /// `rank` dimensions, none of them known.
  static Shape unknown(int rank);

  bool has_rank() const { return rank_ >= 0; }
  int rank() const { return rank_; }
  int64_t operator[](int axis) const { return dimensions_[axis]; }
  int64_t& operator[](int axis) { return dimensions_[axis]; }
  std::span<const int64_t> dimensions() const;
  std::vector<int64_t> to_vector() const;
  /// True if the rank and every dimension are known.
  bool is_static() const;
  /// Product of the dimensions; nullopt if one is unknown. Saturates at INT64_MAX.
  std::optional<int64_t> element_count() const;
  bool operator==(const Shape& other) const;
  void append(int64_t dimension);
  /// "(2, 3)", "(-1, 3)", "(unknown rank)".
  std::string to_string() const;

 private:
  int64_t dimensions_[max_rank] = {};
  int rank_ = 0;
};

/// A tensor's element type and shape (MPSGraphShapedType).
struct MPSG_API TensorType {
  DataType data_type = DataType::invalid;
  Shape shape;
  bool operator==(const TensorType&) const = default;
  /// "float32 (2, 3)".
  std::string to_string() const;
};

}  // namespace mpsg
