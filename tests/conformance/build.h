// From a case to a graph, and to its results.
#pragma once

#include <memory>
#include <vector>

#include "case.h"
#include "mpsg/device.h"
#include "mpsg/executable.h"
#include "mpsg/graph.h"

namespace mpsg::conformance {

/// How a case's graph is built and compiled.
struct Variant {
  bool stitched = true;     // MPSG_STITCH
  bool neighbours = false;  // with an addition of 0 before every fed operand and after the results
};

/// A graph of one operation.
struct BuiltCase {
  Graph graph;
  std::vector<Tensor> placeholders;
  std::vector<TensorData> feeds;
  std::vector<Tensor> operands;  // fed ones, as the operation gets them
  std::vector<Tensor> results;
  CompilationDescriptor compilation;
};

/// One operand's values for each of `Case::operands`.
std::vector<TensorData> draw_all(const Case& one, uint64_t seed);

/// Throws GraphError.
BuiltCase build(const Case& one, const std::vector<TensorData>& values, const Device& device,
                Variant variant = {});
std::shared_ptr<Executable> compile(BuiltCase& built, const Device& device, bool stitched = true);
/// Builds, compiles and runs.
std::vector<TensorData> run(const Case& one, const std::vector<TensorData>& values,
                            const Device& device, Variant variant = {});

/// The same case with every data type `from` changed to `to`, in operands and attributes.
Case with_type(Case one, DataType from, DataType to);

}  // namespace mpsg::conformance
