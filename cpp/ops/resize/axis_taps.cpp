#include "ops/resize/axis_taps.h"

#include <cmath>

namespace mpsg::ops {

bool AxisTaps::is_identity() const {
  if (inputs != outputs() || !only_copies()) return false;
  for (int64_t i = 0; i < inputs; ++i)
    if (index[static_cast<size_t>(i)] != i) return false;
  return true;
}

bool AxisTaps::only_copies() const {
  if (static_cast<int64_t>(index.size()) != outputs()) return false;
  for (size_t i = 0; i < index.size(); ++i)
    if (weight[i] != 1 || first[i] != static_cast<int64_t>(i)) return false;
  return true;
}

AxisTaps AxisTaps::transposed() const {
  AxisTaps result;
  result.inputs = outputs();
  result.first.assign(static_cast<size_t>(inputs) + 1, 0);
  for (const auto at : index) ++result.first[static_cast<size_t>(at) + 1];
  for (size_t i = 1; i < result.first.size(); ++i) result.first[i] += result.first[i - 1];
  result.index.resize(index.size());
  result.weight.resize(index.size());
  auto next = result.first;
  for (int64_t i = 0; i < outputs(); ++i)
    for (auto tap = static_cast<size_t>(first[static_cast<size_t>(i)]);
         tap < static_cast<size_t>(first[static_cast<size_t>(i) + 1]); ++tap) {
      const auto slot = static_cast<size_t>(next[static_cast<size_t>(index[tap])]++);
      result.index[slot] = i;
      result.weight[slot] = weight[tap];
    }
  return result;
}

/// The products come first: where the quotient is a whole number, so is the position.
double AxisPlacement::position(int64_t i) const {
  const auto at = static_cast<double>(i);
  if (scaled) return (at - offset) / scale;
  if (align_corners)
    return output == 1 ? 0 : at * static_cast<double>(input - 1) / static_cast<double>(output - 1);
  const auto in = static_cast<double>(input), out = static_cast<double>(output);
  return center ? (at + 0.5) * in / out - 0.5 : at * in / out;
}

double round_by(ResizeNearestRoundingMode mode, double x) {
  const double below = std::floor(x), rest = x - below;
  switch (mode) {
    case ResizeNearestRoundingMode::ROUND_PREFER_CEIL: return rest < 0.5 ? below : below + 1;
    case ResizeNearestRoundingMode::ROUND_PREFER_FLOOR: return rest <= 0.5 ? below : below + 1;
    case ResizeNearestRoundingMode::CEIL: return std::ceil(x);
    case ResizeNearestRoundingMode::FLOOR: return below;
    case ResizeNearestRoundingMode::ROUND_TO_EVEN:
    case ResizeNearestRoundingMode::ROUND_TO_ODD: break;
  }
  if (rest != 0.5) return rest < 0.5 ? below : below + 1;
  const bool below_is_even = std::fmod(below, 2) == 0;
  return below_is_even == (mode == ResizeNearestRoundingMode::ROUND_TO_EVEN) ? below : below + 1;
}

namespace {

/// NaN, from a scale of 0, is moved to the beginning.
double clamped(double position, int64_t size) {
  const auto last = static_cast<double>(size - 1);
  return position >= 0 ? (position < last ? position : last) : 0;
}

}  // namespace

AxisTaps nearest_taps(const AxisPlacement& placement, ResizeNearestRoundingMode mode) {
  AxisTaps taps;
  taps.inputs = placement.input;
  for (int64_t i = 0; i < placement.output; ++i) {
    const double nearest = round_by(mode, placement.position(i));
    taps.add(static_cast<int64_t>(clamped(nearest, placement.input)), 1);
    taps.end_output();
  }
  return taps;
}

AxisTaps linear_taps(const AxisPlacement& placement) {
  AxisTaps taps;
  taps.inputs = placement.input;
  for (int64_t i = 0; i < placement.output; ++i) {
    const double position = clamped(placement.position(i), placement.input);
    const double below = std::floor(position);
    const double rest = position - below;
    taps.add(static_cast<int64_t>(below), 1 - rest);
    if (rest > 0) taps.add(static_cast<int64_t>(below) + 1, rest);
    taps.end_output();
  }
  return taps;
}

}  // namespace mpsg::ops
