// The modes of the conformance program. Each gives the number of its failures.
#pragma once

#include <filesystem>
#include <iosfwd>
#include <string>
#include <vector>

#include "case.h"
#include "mpsg/device.h"

namespace mpsg::conformance {

struct Options {
  std::string mode = "test";
  std::string op;               // a name, or the beginning of one and a star; empty: all
  std::vector<Device> devices;  // that are examined
  uint64_t seed = 1;
  std::string case_text;         // this one only
  bool all = false;              // every case, not a sample
  std::filesystem::path tables;  // the folder with cases, gradients, performance
  std::filesystem::path page;    // of `support`: a page that must say the same
};

bool wants(const Options& options, const std::string& op);

/// Every case on every device against the reference.
int test_mode(const Options& options);
/// Gradients against differences, first and second order.
int grad_mode(const Options& options);
/// Times of larger cases.
int perf_mode(const Options& options);
/// Which operation takes which data type, by trying.
int support_mode(const Options& options);

}  // namespace mpsg::conformance
