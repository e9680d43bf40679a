// Every operation, on every device of this build, against the reference.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "modes.h"
#include "mpsg/error.h"

namespace mpsg::conformance {
namespace {

constexpr const char* usage = R"text(mpsg_conformance [test|grad|perf|support] [OPTION...]
  test     results on every device against the reference, stitched and not
  grad     gradients against differences, first and second order
  perf     times of larger cases
  support  which operation takes which data type, found by running
  --op NAME        only this operation ("reduction*": those that begin so)
  --device NAME    only this device
  --seed N         of the values and of the sample
  --case TEXT      only this case: "softmax(tensor=float32[4,6], axis=1)"
  --all            every case, not a sample
  --tables FOLDER  where the tables of cases are
  --page FILE      of support: a page whose table must say the same
)text";

class Arguments {
 public:
  Options parse(int count, char** texts) {
    options_.tables = MPSG_CONFORMANCE_TABLES;
    options_.devices = Device::all();
    const std::map<std::string, std::function<void(const std::string&)>> with_value = {
        {"--op", [&](const std::string& text) { options_.op = text; }},
        {"--device", [&](const std::string& text) { options_.devices = {Device(text)}; }},
        {"--seed", [&](const std::string& text) { options_.seed = std::stoull(text); }},
        {"--case", [&](const std::string& text) { options_.case_text = text; }},
        {"--tables", [&](const std::string& text) { options_.tables = text; }},
        {"--page", [&](const std::string& text) { options_.page = text; }},
    };
    for (int i = 1; i < count; ++i) {
      const std::string text = texts[i];
      const auto option = with_value.find(text);
      if (option != with_value.end()) {
        if (++i == count) throw GraphError(text + " needs a value");
        option->second(texts[i]);
      } else if (text == "--all") {
        options_.all = true;
      } else if (text == "--help") {
        std::printf("%s", usage);
        std::exit(0);
      } else if (!text.starts_with("-")) {
        options_.mode = text;
      } else {
        throw GraphError("unknown option " + text + "\n" + usage);
      }
    }
    return options_;
  }

 private:
  Options options_;
};

int run(const Options& options) {
  const std::map<std::string, int (*)(const Options&)> modes = {
      {"test", test_mode}, {"grad", grad_mode}, {"perf", perf_mode}, {"support", support_mode}};
  const auto mode = modes.find(options.mode);
  if (mode == modes.end()) throw GraphError("unknown mode " + options.mode + "\n" + usage);
  return mode->second(options);
}

}  // namespace

bool wants(const Options& options, const std::string& op) {
  if (options.op.ends_with('*'))
    return op.starts_with(std::string_view(options.op).substr(0, options.op.size() - 1));
  return options.op.empty() || options.op == op;
}

}  // namespace mpsg::conformance

int main(int count, char** texts) {
  try {
    mpsg::conformance::Arguments arguments;
    return mpsg::conformance::run(arguments.parse(count, texts)) == 0 ? 0 : 1;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
