// Variables and plain tensors in files.
#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "graph/bounded_json.h"
#include "graph/graph_data.h"
#include "mpsg/error.h"
#include "mpsg/package.h"
#include "runtime/files/tensor_files.h"
#include "runtime/files/zip.h"
#include "runtime/package/package_reader.h"
#include "runtime/variables.h"

namespace mpsg {
namespace {

constexpr const char* order_key = "mpsg.order";  // names, in the order of the graph

std::vector<OperationId> all_or_given(const Graph& graph, const std::vector<Tensor>& variables) {
  return variables.empty() ? variables_of(graph) : require_variables(graph, variables);
}

std::string text_of(const std::vector<std::string>& names) {
  return nlohmann::json(names).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

/// The variables of a package, or the tensors of any other file. npz keeps the order by itself.
SafetensorsFile read_values(const std::string& path) {
  const auto of_package = [](const PackageFiles& files) {
    const auto manifest = read_manifest(files);
    return read_safetensors(*open_member(files, manifest, std::string(package_format::variables)));
  };
  if (is_folder(path)) return of_package(*files_of_folder(path));
  const FileSource source(path);
  if (looks_like_zip(source))
    for (const auto& entry : read_zip_directory(source))
      if (entry.name == package_format::manifest) return of_package(*files_of_archive(source));
  return read_tensor_file(source);
}

/// Brings the tensors into the order in which they were saved.
void restore_order(SafetensorsFile& file, const std::string& path) {
  const auto found = file.metadata.find(order_key);
  if (found == file.metadata.end()) return;
  std::vector<std::string> order;
  try {
    order = parse_bounded_json(found->second, path).get<std::vector<std::string>>();
  } catch (const nlohmann::json::exception&) {
    throw PackageError(path + ": its metadata " + order_key + " is no list of names");
  }
  std::map<std::string, size_t> places;
  for (size_t i = 0; i < order.size(); ++i) places[order[i]] = i;
  for (const auto& [name, data] : file.tensors)
    if (!places.contains(name)) throw PackageError(path + ": its order lacks '" + name + "'");
  std::ranges::stable_sort(file.tensors, {}, [&](const auto& t) { return places.at(t.first); });
}

/// Finds which tensors are which variables, and everything that does not fit.
class Matcher {
 public:
  Matcher(const Graph& graph, const std::vector<OperationId>& variables, SafetensorsFile file,
          const LoadOptions& options)
      : variables_(variables),
        names_(names_of_variables(graph, variables)),
        file_(std::move(file)) {
    for (const auto id : variables) types_.push_back(graph.data()->type({id, 0}));
    if (options.match == VariableMatch::order) match_by_order();
    else match_by_name();
    for (size_t i = 0; i < file_.tensors.size(); ++i)
      if (!used_.contains(i)) report_.unused.push_back(file_.tensors[i].first);
    if (!options.strict) return;
    for (const auto& name : report_.missing) wrong_.push_back("there is no '" + name + "'");
    for (const auto& name : report_.unused)
      wrong_.push_back("'" + name + "' is no variable of the graph");
  }

  const std::vector<std::string>& wrong() const { return wrong_; }
  const LoadReport& report() const { return report_; }
  void store(const Graph& graph) const { write_variables(graph, found_, values_); }

 private:
  void match_by_name() {
    std::map<std::string_view, size_t> places;
    for (size_t i = 0; i < file_.tensors.size(); ++i) places[file_.tensors[i].first] = i;
    for (size_t i = 0; i < variables_.size(); ++i) {
      const auto place = places.find(names_[i]);
      if (place == places.end()) report_.missing.push_back(names_[i]);
      else take(i, place->second);
    }
  }

  void match_by_order() {
    for (size_t i = 0; i < variables_.size(); ++i) {
      if (i >= file_.tensors.size()) report_.missing.push_back(names_[i]);
      else take(i, i);
    }
  }

  void take(size_t variable, size_t place) {
    const auto& [name, data] = file_.tensors[place];
    used_.insert(place);
    if (data.type() != types_[variable]) {
      const auto called = name == names_[variable] ? "" : " ('" + name + "' in the file)";
      wrong_.push_back("'" + names_[variable] + "'" + called + " is " +
                       types_[variable].to_string() + " in the graph, " + data.type().to_string() +
                       " in the file");
      return;
    }
    found_.push_back(variables_[variable]);
    values_.push_back(data);
  }

  const std::vector<OperationId>& variables_;
  std::vector<std::string> names_;
  std::vector<TensorType> types_;
  SafetensorsFile file_;
  std::set<size_t> used_;
  std::vector<OperationId> found_;
  std::vector<TensorData> values_;
  std::vector<std::string> wrong_;
  LoadReport report_;
};

}  // namespace

void save_variables(const Graph& graph, const std::string& path,
                    const std::vector<Tensor>& variables) {
  const auto ids = all_or_given(graph, variables);
  const auto names = names_of_variables(graph, ids);
  const auto values = read_variables(graph, ids);
  NamedTensors tensors;
  for (size_t i = 0; i < ids.size(); ++i) tensors.emplace_back(names[i], values[i]);
  write_tensor_file(path, tensors, {{order_key, text_of(names)}});
}

LoadReport load_variables(const Graph& graph, const std::string& path,
                          const std::vector<Tensor>& variables, const LoadOptions& options) {
  const auto ids = all_or_given(graph, variables);
  auto file = read_values(path);
  if (options.match == VariableMatch::order) restore_order(file, path);
  const Matcher matcher(graph, ids, std::move(file), options);
  if (!matcher.wrong().empty()) {
    std::string text = path + " does not fit the variables of the graph; none was changed:";
    for (const auto& line : matcher.wrong()) text += "\n  " + line;
    throw PackageError(text);
  }
  matcher.store(graph);
  return matcher.report();
}

void save_tensors(const std::string& path, const TensorList& tensors) {
  write_tensor_file(path, tensors);
}

TensorList load_tensors(const std::string& path) {
  return read_tensor_file(FileSource(path)).tensors;
}

}  // namespace mpsg
