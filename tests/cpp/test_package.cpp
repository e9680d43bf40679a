// Packages and files of variables through the C++ API.
#include <unistd.h>

#include <filesystem>
#include <limits>

#include "fixtures.h"
#include "mpsg/package.h"
#include "runtime/files/atomic_file.h"
#include "runtime/files/named_tensors.h"
#include "runtime/files/zip.h"
#include "runtime/variables.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

/// A folder of its own, gone afterwards.
struct Folder {
  std::string path =
      (std::filesystem::temp_directory_path() / ("mpsg_test_package_" + std::to_string(::getpid())))
          .string();
  Folder() { std::filesystem::create_directory(path); }
  ~Folder() { std::filesystem::remove_all(path); }
  std::string operator/(const std::string& name) const { return path + "/" + name; }
};

class MemorySink final : public ByteSink {
 public:
  void write(std::span<const std::byte> more) override {
    bytes.insert(bytes.end(), more.begin(), more.end());
  }
  std::vector<std::byte> bytes;
};

}  // namespace

TEST_CASE("an executable comes back from its package, with a graph of its own") {
  const Folder folder;
  for (const std::string name : {"folder", "single.mpsgpackage"}) {
    std::shared_ptr<Executable> loaded;
    {
      Graph graph;
      const auto x = placeholder(graph, {-1}, DataType::float32, "x");
      const auto v = variable(graph, {1, 2, 3}, "v");
      const auto sum = graph.add_one("addition", {{"primary_tensor", x}, {"secondary_tensor", v}});
      const auto update = graph.add_operation("assign", {{"variable", v}, {"tensor", sum}});
      const auto executable =
          graph.compile(Device(), {{x, {DataType::float32, {3}}}}, {sum}, {update});
      executable->run(std::vector{data<float>({3}, {1, 1, 1})});
      serialize(*executable, folder / name);
      loaded = load_executable(folder / name, Device("reference"));
      CHECK(values<float>(variable_value(graph, v)) == std::vector<float>{2, 3, 4});
      set_variable_value(graph, v, data<float>({3}, {0, 0, 0}));
      load_variables(graph, folder / name);
      CHECK(values<float>(variable_value(graph, v)) == std::vector<float>{2, 3, 4});
      CHECK_THROWS_AS(set_variable_value(graph, v, data<float>({2}, {0, 0})), FeedError);
      CHECK_THROWS_AS(set_variable_value(graph, x, data<float>({3}, {0, 0, 0})), GraphError);
    }
    CHECK(std::filesystem::is_directory(folder / name) == (name == "folder"));
    for (const float first : {3.0f, 4.0f}) {
      const auto results = loaded->run(std::vector{data<float>({3}, {1, 1, 1})});
      CHECK(values<float>(results[0]) == std::vector<float>{first, first + 1, first + 2});
    }
  }
  CHECK_THROWS_AS(load_executable(folder / "none"), PackageError);
}

TEST_CASE("unique names are nobody else's") {
  CHECK(unique_names({"a", "b", "a", "a.2", "a", "b"}) ==
        std::vector<std::string>{"a", "b", "a.3", "a.2", "a.4", "b.2"});
}

TEST_CASE("sizes of tensors do not overflow") {
  constexpr auto most = std::numeric_limits<int64_t>::max();
  const auto bytes = [](std::vector<int64_t> shape) {
    return counted_bytes(DataType::float64, shape);
  };
  CHECK(bytes({}) == 8);
  CHECK(bytes({3, 0, 5}) == 0);
  CHECK(!bytes({most}));
  CHECK(!bytes({most, most, 0}));
  CHECK(!bytes({-1}));
  CHECK(!bytes(std::vector<int64_t>(17, 1)));
}

TEST_CASE("an archive with more members than 16 bits count is ZIP64") {
  MemorySink sink;
  ZipWriter zip(sink);
  constexpr int count = 70000;
  for (int i = 0; i < count; ++i) zip.add(std::to_string(i), {});
  zip.finish();
  const MemorySource archive("archive", sink.bytes);
  const auto entries = read_zip_directory(archive);
  REQUIRE(entries.size() == count);
  CHECK(entries[12345].name == "12345");
}

TEST_CASE("a file that is not committed leaves nothing") {
  const Folder folder;
  const std::string text = "new";
  {
    AtomicFile file(folder / "a");
    file.write(std::as_bytes(std::span(text)));
  }
  CHECK(std::filesystem::is_empty(folder.path));
  {
    AtomicFile file(folder / "a");
    file.write(std::as_bytes(std::span(text)));
    file.commit();
  }
  CHECK(std::filesystem::file_size(folder / "a") == 3);
}
