#include <cstdio>
#include <set>

#include "build.h"
#include "compare.h"
#include "graph/op_table.h"
#include "modes.h"
#include "mpsg/error.h"
#include "patterns.h"

namespace mpsg::conformance {
namespace {

class Test {
 public:
  explicit Test(const Options& options) : options_(options) {}

  int run() {
    const auto cases = chosen();
    if (cases.empty()) throw GraphError("no case of " + options_.op);
    for (const auto& one : cases) check(one);
    if (options_.case_text.empty() && options_.op.empty()) check_rows(cases);
    std::printf("%zu cases of %zu operations, %d comparisons with the reference, %d failures\n",
                cases.size(), operations_.size(), comparisons_, failures_);
    return failures_;
  }

 private:
  std::vector<Case> chosen() const {
    if (!options_.case_text.empty()) return {parse_case(options_.case_text)};
    auto cases = read_folder(options_.tables / "cases");
    std::erase_if(cases, [&](const Case& one) { return !wants(options_, one.op); });
    return options_.all ? cases : sample(cases, options_.seed);
  }

  void fail(const Case& one, const std::string& where, const std::string& why) {
    ++failures_;
    std::printf("FAILED %s\n  %s: %s\n", one.to_string().c_str(), where.c_str(), why.c_str());
  }

  void check(const Case& one) {
    operations_.insert(one.op);
    if (parse_case(one.to_string()).to_string() != one.to_string())
      fail(one, "the case text", "reads as " + parse_case(one.to_string()).to_string());
    const auto values = draw_all(one, options_.seed);
    try {
      const Expected expected(one, values);
      for (const auto& device : options_.devices) check_device(one, values, expected, device);
    } catch (const std::exception& error) {
      fail(one, "reference", error.what());
    }
  }

  void check_device(const Case& one, const std::vector<TensorData>& values,
                    const Expected& expected, const Device& device) {
    struct Named {
      const char* name;
      Variant variant;
    };
    // Another node before a random one gives it other bits.
    const bool random = require_row(one.op).traits.random || one.op == "dropout";
    for (const auto& [name, variant] :
         {Named{"stitched", {true, false}}, Named{"unstitched", {false, false}},
          Named{"stitched with neighbours", {true, true}}}) {
      if (random && variant.neighbours) continue;
      // What was expected was made by the reference so.
      if (device.info().name == "reference" && !variant.neighbours) continue;
      ++comparisons_;
      const auto where = device.info().name + ", " + name;
      try {
        auto built = build(one, values, device, variant);
        const auto got = compile(built, device, variant.stitched)->run(built.feeds);
        if (const auto wrong = wrong_type(built, got)) fail(one, where, *wrong);
        if (const auto wrong = expected.difference(got)) fail(one, where, *wrong);
      } catch (const std::exception& error) {
        fail(one, where, error.what());
      }
    }
  }

  /// What was inferred when the graph was built must hold.
  static std::optional<std::string> wrong_type(const BuiltCase& built,
                                               const std::vector<TensorData>& got) {
    for (size_t i = 0; i < got.size(); ++i) {
      const auto inferred = built.results[i].type();
      bool fits = inferred.data_type == got[i].data_type();
      if (inferred.shape.has_rank()) {
        fits = fits && inferred.shape.rank() == got[i].shape().rank();
        for (int axis = 0; fits && axis < inferred.shape.rank(); ++axis)
          fits = inferred.shape[axis] == unknown_dimension ||
                 inferred.shape[axis] == got[i].shape()[axis];
      }
      if (!fits) return "inferred " + inferred.to_string() + ", got " + got[i].type().to_string();
    }
    return {};
  }

  /// Every row that users can call has cases.
  void check_rows(const std::vector<Case>& cases) {
    std::set<std::string> covered;
    for (const auto& one : cases) covered.insert(one.op);
    for (const auto& row : op_table()) {
      if (row.internal || covered.contains(row.name)) continue;
      ++failures_;
      std::printf("FAILED %s has no cases\n", row.name.c_str());
    }
  }

  const Options& options_;
  std::set<std::string> operations_;
  int comparisons_ = 0;
  int failures_ = 0;
};

}  // namespace

int test_mode(const Options& options) { return Test(options).run(); }

}  // namespace mpsg::conformance
