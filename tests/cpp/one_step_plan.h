// A plan of one step, written by hand: for tests and benchmarks of single kernels.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <map>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "backends/common/kernel.h"
#include "compiler/plan.h"
#include "graph/op_table.h"
#include "mpsg/error.h"

namespace mpsg::testing {

using Attributes = std::map<std::string, AttributeValue>;

/// The row's attributes: as given, else their defaults.
inline std::vector<AttributeValue> complete_attributes(const OpRow& row, const Attributes& given) {
  std::vector<AttributeValue> values;
  for (const auto& spec : row.attributes) {
    const auto found = given.find(spec.name);
    if (found != given.end()) values.push_back(found->second);
    else values.push_back(spec.default_value.value_or(AttributeValue()));
  }
  return values;
}

/// The operands named first in the row are the inputs.
class OneStepPlan {
 public:
  OneStepPlan(const std::string& op, const std::vector<TensorType>& inputs,
              const TensorType& output, const Attributes& attributes = {})
      : OneStepPlan(require_row(op), inputs, output, attributes) {}

  OneStepPlan(const OpRow& row, const std::vector<TensorType>& inputs, const TensorType& output,
              const Attributes& attributes) {
    PlanStep step;
    step.row = &row;
    step.name = row.name;
    step.segments.assign(row.operands.size(), 0);
    for (size_t i = 0; i < inputs.size(); ++i) {
      step.segments[i] = 1;
      step.inputs.push_back(add_value(inputs[i], Place::feed));
    }
    step.outputs.push_back(add_value(output, Place::result));
    step.attributes = complete_attributes(row, attributes);
    plan_.steps.push_back(std::move(step));
  }

  const Plan& plan() const { return plan_; }
  const PlanStep& step() const { return plan_.steps.front(); }

 private:
  int32_t add_value(const TensorType& type, Place place) {
    PlanValue value;
    value.type = type;
    value.bytes = static_cast<size_t>(*type.shape.element_count()) * size_of(type.data_type);
    value.place = place;
    plan_.values.push_back(std::move(value));
    return static_cast<int32_t>(plan_.values.size()) - 1;
  }

  Plan plan_;
};

/// Runs a kernel on vectors, in a workspace full of NaN.
class KernelRunner {
 public:
  explicit KernelRunner(const Kernel& kernel) : kernel_(kernel) {
    const size_t bytes = (kernel.workspace_bytes() + 127) / 64 * 64;
    workspace_.reset(std::aligned_alloc(64, bytes));
    std::fill_n(static_cast<unsigned char*>(workspace_.get()), bytes, 0xff);
  }

  void run(const std::vector<const std::vector<float>*>& inputs, std::vector<float>& output,
           const TileListener* tiles = nullptr) {
    std::vector<void*> in;
    for (const auto* input : inputs) in.push_back(const_cast<float*>(input->data()));
    std::vector<void*> out{output.data()};
    KernelArguments arguments;
    arguments.inputs = in;
    arguments.outputs = out;
    arguments.workspace = workspace_.get();
    arguments.tiles = tiles;
    const RunContext context;
    arguments.run = &context;
    kernel_.run(arguments);
  }

 private:
  struct Free {
    void operator()(void* pointer) const { std::free(pointer); }
  };
  const Kernel& kernel_;
  std::unique_ptr<void, Free> workspace_;
};

inline TensorType float32(const std::vector<int64_t>& shape) {
  return {DataType::float32, Shape(shape)};
}

}  // namespace mpsg::testing
