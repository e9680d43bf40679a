#include <algorithm>
#include <cstdio>
#include <fstream>
#include <map>
#include <set>

#include "build.h"
#include "graph/op_table.h"
#include "modes.h"
#include "mpsg/error.h"
#include "patterns.h"

namespace mpsg::conformance {
namespace {

// In the order of the page.
constexpr DataType columns[] = {
    DataType::float16, DataType::bfloat16,  DataType::float32, DataType::float64,
    DataType::int8,    DataType::int16,     DataType::int32,   DataType::int64,
    DataType::uint8,   DataType::uint16,    DataType::uint32,  DataType::uint64,
    DataType::boolean, DataType::complex64, DataType::int4,    DataType::uint4};

/// Does the type of an operand matter? Shapes may come as any integers.
bool is_typed(const OpRow& row) {
  return std::ranges::any_of(
      row.operands, [](const OperandSpec& operand) { return operand.role != OperandRole::shape; });
}

/// The name of a row in a line of the page: "| [relu](...) | ..." or "| relu | ...".
std::string name_in(const std::string& line) {
  if (!line.starts_with("| ")) return {};
  const bool link = line[2] == '[';
  const size_t begin = link ? 3 : 2;
  return line.substr(begin, line.find(link ? ']' : ' ', begin) - begin);
}

class Support {
 public:
  explicit Support(const Options& options) : options_(options) {
    for (auto& one : read_folder(options.tables / "cases")) cases_[one.op].push_back(one);
  }

  int run() {
    for (const auto& device : options_.devices) print_table(device);
    if (!options_.page.empty()) compare_with_page();
    return failures_;
  }

 private:
  void print_table(const Device& device) {
    const auto name = device.info().name;
    std::printf("| Operation on `%s` |", name.c_str());
    for (const auto type : columns) std::printf(" %s |", data_type_name(type).data());
    std::printf("\n| --- |");
    for (size_t i = 0; i < std::size(columns); ++i) std::printf(" :-: |");
    std::printf("\n");
    for (const auto& row : op_table()) {
      if (row.internal || !wants(options_, row.name) || !is_typed(row)) continue;
      std::string marks;
      for (const auto type : columns) marks += takes(row, type, device) ? " ● |" : "  |";
      std::printf("| %s |%s\n", row.name.c_str(), marks.c_str());
      found_[name][row.name] = marks;
    }
  }

  /// Does one of the row's operands take the type: does a case of it run?
  bool takes(const OpRow& row, DataType type, const Device& device) {
    for (const auto& one : cases_[row.name])
      for (const auto* operand : one.operands())
        if (operand->type.data_type == type && runs(one, device)) return true;
    if (cases_[row.name].empty()) return false;
    // No case has it: one of another type, changed, must be refused.
    const auto& first = cases_[row.name].front();
    for (const auto* operand : first.operands())
      if (runs(with_type(first, operand->type.data_type, type), device)) return true;
    return false;
  }

  bool runs(const Case& one, const Device& device) {
    try {
      conformance::run(one, draw_all(one, options_.seed), device);
      return true;
    } catch (const GraphError&) {
      return false;
    } catch (const std::exception& error) {
      ++failures_;
      std::printf("FAILED %s\n  %s\n", one.to_string().c_str(), error.what());
      return false;
    }
  }

  void compare_with_page() {
    std::ifstream stream(options_.page);
    if (!stream) throw GraphError("cannot read " + options_.page.string());
    std::map<std::string, std::string> page;
    for (std::string line; std::getline(stream, line);)
      if (const auto name = name_in(line); !name.empty())
        page[name] = line.substr(line.find(" | ") + 2);
    for (const auto& [device, rows] : found_)
      for (const auto& [name, marks] : rows) {
        const auto said = page.find(name);
        if (said != page.end() && said->second == marks) continue;
        ++failures_;
        std::printf("FAILED %s on %s: ran\n  %s\nthe page says\n  %s\n", name.c_str(),
                    device.c_str(), marks.c_str(),
                    said == page.end() ? "nothing" : said->second.c_str());
      }
  }

  const Options& options_;
  std::map<std::string, std::vector<Case>> cases_;
  std::map<std::string, std::map<std::string, std::string>> found_;
  int failures_ = 0;
};

}  // namespace

int support_mode(const Options& options) { return Support(options).run(); }

}  // namespace mpsg::conformance
