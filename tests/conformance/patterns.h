// The tables of cases: patterns that stand for many cases each.
//
//   # a comment
//   $floating = float16 | float32         a name and what it stands for
//   relu(tensor=$floating{[3] | [2,4]})   four cases
//
// A name has one meaning in a case wherever it stands; each {...} has its own. A line that ends
// with a backslash goes on in the next one.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "case.h"

namespace mpsg::conformance {

/// Every case of a table, in order. Throws GraphError naming the line that is wrong.
std::vector<Case> read_cases(const std::filesystem::path& file);
/// Of all tables in a folder, sorted by name.
std::vector<Case> read_folder(const std::filesystem::path& folder);
/// A selection in which every operation has each of its data types, and each of its shapes and
/// attributes, at least once.
std::vector<Case> sample(const std::vector<Case>& cases, uint64_t seed);

}  // namespace mpsg::conformance
