// Native code kept in a folder between processes, one file for each kernel. Whatever is wrong with
// the folder or a file is a miss, never an error.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace mpsg {

struct KernelObject {
  std::string function;
  std::string object;
};

class KernelObjectCache {
 public:
  /// `build` names all that decides which code a text becomes: compiler, processor, options.
  KernelObjectCache(std::string folder, std::string build);

  std::optional<KernelObject> find(std::string_view text) const;
  void keep(std::string_view text, std::string_view function, std::string_view object) const;

 private:
  bool usable() const;
  std::string key_of(std::string_view text) const;
  std::string path_of(const std::string& key) const;

  const std::string folder_;
  const std::string build_;
};

}  // namespace mpsg
