#include "patterns.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include "mpsg/error.h"
#include "values.h"

namespace mpsg::conformance {
namespace {

std::string trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

/// Between the bars that stand in no braces.
std::vector<std::string> alternatives(std::string_view text) {
  std::vector<std::string> found;
  size_t begin = 0;
  int depth = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] == '{') ++depth;
    if (i < text.size() && text[i] == '}') --depth;
    if (i < text.size() && (text[i] != '|' || depth > 0)) continue;
    found.push_back(trimmed(text.substr(begin, i - begin)));
    begin = i + 1;
  }
  return found;
}

size_t end_of_name(std::string_view text, size_t begin) {
  while (begin < text.size() &&
         (std::isalnum(static_cast<unsigned char>(text[begin])) || text[begin] == '_'))
    ++begin;
  return begin;
}

class Table {
 public:
  void define(const std::string& name, const std::string& meaning) {
    order_.erase(std::remove(order_.begin(), order_.end(), name), order_.end());
    order_.push_back(name);
    meanings_[name] = alternatives(meaning);
  }

  void expand(const std::string& text, std::vector<std::string>& found) const {
    // Later names first: what they stand for may have earlier names in it.
    const auto used = names_in(text);
    for (auto name = order_.rbegin(); name != order_.rend(); ++name) {
      if (!used.contains(*name)) continue;
      for (const auto& meaning : meanings_.at(*name)) expand(replaced(text, *name, meaning), found);
      return;
    }
    if (!used.empty()) throw GraphError("$" + *used.begin() + " is not defined");
    const auto open = text.find('{');
    if (open == std::string::npos) {
      found.push_back(text);
      return;
    }
    const auto close = matching(text, open);
    for (const auto& part : alternatives(std::string_view(text).substr(open + 1, close - open - 1)))
      expand(text.substr(0, open) + part + text.substr(close + 1), found);
  }

 private:
  static std::set<std::string> names_in(const std::string& text) {
    std::set<std::string> found;
    for (size_t at = text.find('$'); at != std::string::npos; at = text.find('$', at + 1))
      found.insert(text.substr(at + 1, end_of_name(text, at + 1) - at - 1));
    return found;
  }
  static std::string replaced(std::string text, const std::string& name,
                              const std::string& meaning) {
    size_t at = text.find('$');
    while (at != std::string::npos) {
      const size_t end = end_of_name(text, at + 1);
      if (text.compare(at + 1, end - at - 1, name) == 0) {
        text.replace(at, end - at, meaning);
        at += meaning.size();
      } else {
        at = end;
      }
      at = text.find('$', at);
    }
    return text;
  }
  static size_t matching(const std::string& text, size_t open) {
    int depth = 0;
    for (size_t i = open; i < text.size(); ++i) {
      if (text[i] == '{') ++depth;
      if (text[i] == '}' && --depth == 0) return i;
    }
    throw GraphError("a brace is not closed");
  }

  std::vector<std::string> order_;
  std::map<std::string, std::vector<std::string>> meanings_;
};

}  // namespace

std::vector<Case> read_cases(const std::filesystem::path& file) {
  std::ifstream stream(file);
  if (!stream) throw GraphError("cannot read " + file.string());
  Table table;
  std::vector<Case> cases;
  std::string line, text;
  for (int number = 1; std::getline(stream, line); ++number) {
    text += trimmed(line);
    if (text.ends_with('\\')) {
      text.pop_back();
      continue;
    }
    const auto pattern = std::exchange(text, {});
    if (pattern.empty() || pattern.front() == '#') continue;
    try {
      const auto equals = pattern.find('=');
      if (pattern.front() == '$' && equals < pattern.find('(')) {
        table.define(trimmed(pattern.substr(1, equals - 1)), pattern.substr(equals + 1));
        continue;
      }
      std::vector<std::string> texts;
      table.expand(pattern, texts);
      for (const auto& each : texts) cases.push_back(parse_case(each));
    } catch (const GraphError& error) {
      throw GraphError(file.string() + ":" + std::to_string(number) + ": " + error.what());
    }
  }
  return cases;
}

std::vector<Case> read_folder(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> files;
  for (const auto& entry : std::filesystem::directory_iterator(folder))
    if (entry.path().extension() == ".txt") files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::vector<Case> cases;
  for (const auto& file : files) {
    auto more = read_cases(file);
    std::move(more.begin(), more.end(), std::back_inserter(cases));
  }
  return cases;
}

std::vector<Case> sample(const std::vector<Case>& cases, uint64_t seed) {
  std::vector<size_t> order(cases.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::vector<uint64_t> keys;
  for (const auto& one : cases) keys.push_back(hash_of(one.to_string(), seed));
  std::ranges::sort(order, {}, [&](size_t i) { return keys[i]; });
  std::set<std::string> seen;
  std::vector<size_t> chosen;
  for (const size_t i : order) {
    const bool new_types = seen.insert(cases[i].op + " " + cases[i].types()).second;
    const bool new_shape = seen.insert(cases[i].without_types()).second;
    if (new_types || new_shape) chosen.push_back(i);
  }
  std::ranges::sort(chosen);
  std::vector<Case> result;
  for (const size_t i : chosen) result.push_back(cases[i]);
  return result;
}

}  // namespace mpsg::conformance
