// NonMaximumSuppression: of boxes that overlap, the one with the best score.
#include <algorithm>
#include <numeric>
#include <vector>

#include "ops/counted.h"
#include "ops/enums.h"
#include "ops/families.h"
#include "ops/shape_rules.h"

namespace mpsg::ops {
namespace {

using Mode = NonMaximumSuppressionCoordinateMode;

/// Corners in order, whichever two of them were given.
struct Box {
  double low[2], high[2];

  Box(const float* numbers, Mode mode) {
    const bool centers = mode == Mode::CENTERS_HEIGHT_FIRST || mode == Mode::CENTERS_WIDTH_FIRST;
    for (int axis = 0; axis < 2; ++axis) {
      const double a = numbers[axis], b = numbers[axis + 2];
      low[axis] = centers ? a - b / 2 : std::min(a, b);
      high[axis] = centers ? a + b / 2 : std::max(a, b);
    }
  }
  double area() const { return (high[0] - low[0]) * (high[1] - low[1]); }
  /// Intersection over union; 0 of boxes without area.
  double overlap(const Box& other) const {
    double common = 1;
    for (int axis = 0; axis < 2; ++axis)
      common *= std::max(
          0.0, std::min(high[axis], other.high[axis]) - std::max(low[axis], other.low[axis]));
    const double all = area() + other.area() - common;
    return all > 0 ? common / all : 0;
  }
};

/// What one image's boxes have: the best score, and the class that has it or was given.
struct Candidate {
  int32_t box;
  int32_t category;
  float score;
};

std::vector<Candidate> candidates_of(const EvaluateContext& c, int64_t image) {
  const auto& scores = c.input("scores");
  const int64_t boxes = scores.shape[1], classes = scores.shape[2];
  const auto threshold = static_cast<float>(c.real("score_threshold"));
  const float* numbers = scores.as<const float>() + image * boxes * classes;
  std::vector<Candidate> candidates;
  for (int64_t box = 0; box < boxes && classes > 0; ++box) {
    const float* own = numbers + box * classes;
    const auto best = std::max_element(own, own + classes);
    auto category = static_cast<int32_t>(best - own);
    if (c.has("class_indices"))
      category = c.input("class_indices").as<const int32_t>()[image * boxes + box];
    if (*best > threshold) candidates.push_back({static_cast<int32_t>(box), category, *best});
  }
  std::ranges::stable_sort(candidates, std::greater(), &Candidate::score);
  return candidates;
}

/// The best first; each drops those after it that overlap with it too much.
std::vector<Candidate> selected(const EvaluateContext& c, int64_t image) {
  const auto mode = c.enumeration<Mode>("coordinate_mode");
  const bool per_class = c.flag("per_class_suppression");
  const double threshold = c.real("iou_threshold");
  const auto& shape = c.input("boxes").shape;
  const float* numbers = c.input("boxes").as<const float>() + image * shape[1] * 4;
  std::vector<Candidate> kept;
  std::vector<Box> boxes;
  for (const auto& candidate : candidates_of(c, image)) {
    const Box box(numbers + candidate.box * 4, mode);
    bool dropped = false;
    for (size_t i = 0; i < kept.size() && !dropped; ++i)
      dropped = (!per_class || kept[i].category == candidate.category) &&
                box.overlap(boxes[i]) > threshold;
    if (dropped) continue;
    kept.push_back(candidate);
    boxes.push_back(box);
  }
  return kept;
}

void evaluate_suppression(const EvaluateContext& c) {
  const int64_t images = c.input("boxes").shape[0];
  std::vector<std::vector<Candidate>> kept(static_cast<size_t>(images));
  c.parallel().for_range(images, 1, [&](int64_t begin, int64_t end) {
    for (int64_t image = begin; image < end; ++image)
      kept[static_cast<size_t>(image)] = selected(c, image);
  });
  auto* out = c.output(0).as<int32_t>();
  auto* const end = out + c.output(0).element_count();
  int64_t count = 0;
  for (int64_t image = 0; image < images; ++image)
    for (const auto& candidate : kept[static_cast<size_t>(image)]) {
      *out++ = static_cast<int32_t>(image);
      *out++ = candidate.category;
      *out++ = candidate.box;
      ++count;
    }
  std::fill(out, end, 0);
  *c.output(1).as<int64_t>() = count;
}

/// [images * boxes, 3], after checks.
Shape all_rows(const InferContext& c) {
  const auto &boxes = c.shape("boxes"), &scores = c.shape("scores");
  require_rank(c, "boxes", 3);
  require_rank(c, "scores", 3);
  if (boxes.has_rank() && differ(boxes[2], 4))
    c.fail("'boxes' has shape " + boxes.to_string() + "; a box has 4 numbers");
  auto shape = boxes.has_rank() ? Shape{boxes[0], boxes[1]} : Shape::unknown(2);
  const auto merge = [&](const Shape& other, const std::string& what) {
    if (other.has_rank())
      shape = merge_shapes(c, shape, {other[0], other[1]}, "the boxes and the " + what);
  };
  merge(scores, "scores");
  if (c.has("class_indices")) {
    require_rank(c, "class_indices", 2);
    merge(c.shape("class_indices"), "classes");
  }
  return {shape.element_count().value_or(unknown_dimension), 3};
}

Row suppression_row(std::string name, const std::string& documentation) {
  return Row(std::move(name), "NonMaximumSuppression")
      .documentation(documentation)
      .types("T", {DataType::float32})
      .types("I", {DataType::int32})
      .operand("boxes", "T")
      .operand("scores", "T")
      .keyword_operand("class_indices", "I")
      .attribute(in_range(real_attribute("iou_threshold"), 0, 1))
      .attribute(real_attribute("score_threshold"))
      .attribute(boolean_attribute("per_class_suppression", false))
      .attribute(enum_attribute("coordinate_mode", non_maximum_suppression_coordinate_mode, 0))
      .not_differentiable("an index is an integer");
}

}  // namespace

void add_non_maximum_suppression_rows(Rows& rows) {
  rows.push_back(
      suppression_row(
          "non_maximum_suppression",
          "Which boxes to keep, as int32 of shape [count, 3]: image, class and box (ONNX's order), "
          "for each image the best score first. `boxes` has shape [N, B, 4], `scores` [N, B, K]; a "
          "box has its largest score, and that score's class, or the one in `class_indices`, "
          "[N, B]. Of the boxes whose score is > score_threshold the best is kept, and those whose "
          "intersection with it is > iou_threshold of their union are dropped, then the best of "
          "the rest is kept, and so on; with per_class_suppression a box drops only boxes of its "
          "class. How many there are is known only when the graph runs: see non_zero_indices.")
          .selector("nonMaximumSuppressionWithBoxesTensor:scoresTensor:IOUThreshold:scoreThreshold:"
                    "perClassSuppression:coordinateMode:name:",
                    "14.0")
          .selector("nonMaximumSuppressionWithBoxesTensor:scoresTensor:classIndicesTensor:"
                    "IOUThreshold:scoreThreshold:perClassSuppression:coordinateMode:name:",
                    "14.0")
          .build([](GraphData& graph, Node& node) {
            build_counted(graph, node, "non_maximum_suppression_counted");
          })
          .infer([](InferContext& c) {
            all_rows(c);
            c.result(DataType::int32, {unknown_dimension, 3});
          })
          .done());
  rows.push_back(suppression_row("non_maximum_suppression_counted",
                                 "The boxes to keep, then zeros; and how many.")
                     .internal()
                     .counted()
                     .result("boxes")
                     .result("count")
                     .not_stitchable("whether a box is kept depends on those before it")
                     .infer([](InferContext& c) {
                       c.result(DataType::int32, all_rows(c));
                       c.result(DataType::int64, Shape{});
                     })
                     .evaluate(evaluate_suppression)
                     .done());
}

}  // namespace mpsg::ops
