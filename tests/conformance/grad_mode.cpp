#include <algorithm>
#include <cstdio>
#include <set>

#include "derivatives.h"
#include "graph/op_table.h"
#include "modes.h"
#include "patterns.h"

namespace mpsg::conformance {
namespace {

// Differences need a feed that moves, and the same function at both ends. The operand of `read` is
// a variable (tests/python/test_control_flow.py), and every run of `dropout` drops other elements
// (tests/python/test_random_ops.py).
constexpr std::string_view elsewhere[] = {"read", "dropout"};

class Gradients {
 public:
  explicit Gradients(const Options& options) : options_(options) {}

  int run() {
    for (const auto& one : chosen()) check(one);
    if (options_.case_text.empty() && options_.op.empty()) list_rows();
    std::printf("%d cases, %d checks of first order, %d of second order, %d failures\n", cases_,
                checks_[0], checks_[1], failures_);
    return failures_;
  }

 private:
  std::vector<Case> chosen() const {
    if (!options_.case_text.empty()) return {parse_case(options_.case_text)};
    auto cases = read_folder(options_.tables / "gradients");
    std::erase_if(cases, [&](const Case& one) { return !wants(options_, one.op); });
    return cases;
  }

  void check(const Case& one) {
    ++cases_;
    examined_.insert(one.op);
    std::vector<std::string> wrong;
    try {
      Derivatives derivatives(one, options_.seed);
      for (const int order : {0, 1}) {
        const int before = derivatives.checks();
        const auto more = derivatives.failures(order);
        wrong.insert(wrong.end(), more.begin(), more.end());
        checks_[order] += derivatives.checks() - before;
      }
    } catch (const std::exception& error) {
      wrong.emplace_back(error.what());
    }
    failures_ += static_cast<int>(wrong.size());
    if (wrong.empty()) return;
    std::printf("FAILED %s\n", one.to_string().c_str());
    for (size_t i = 0; i < std::min<size_t>(wrong.size(), 4); ++i)
      std::printf("  %s\n", wrong[i].c_str());
  }

  /// Every row through which a gradient flows has cases; the others say why none does.
  void list_rows() {
    int differentiable = 0, with_gradient = 0;
    for (const auto& row : op_table()) {
      if (row.internal) continue;
      if (!row.not_differentiable.empty()) {
        std::printf("without: %s (%s)\n", row.name.c_str(), row.not_differentiable.c_str());
        continue;
      }
      ++differentiable;
      if (std::ranges::find(elsewhere, row.name) != std::end(elsewhere)) {
        ++with_gradient;
        continue;
      }
      if (examined_.contains(row.name)) {
        ++with_gradient;
        continue;
      }
      ++failures_;
      std::printf("FAILED %s has no cases of its gradient\n", row.name.c_str());
    }
    std::printf("%d of %d differentiable operations have a gradient\n", with_gradient,
                differentiable);
  }

  const Options& options_;
  std::set<std::string> examined_;
  int cases_ = 0;
  int checks_[2] = {};
  int failures_ = 0;
};

}  // namespace

int grad_mode(const Options& options) { return Gradients(options).run(); }

}  // namespace mpsg::conformance
