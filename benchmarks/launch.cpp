// What a run of a tiny graph costs from C++: z * 2 + 1 on 16 elements, the executor idle.
//   g++ -std=c++20 -O2 benchmarks/launch.cpp -lmpsg
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <functional>
#include <vector>

#include "mpsg/executable.h"
#include "mpsg/graph.h"
#include "mpsg/tensor_data.h"

namespace {

constexpr int calls = 20000;
constexpr int rounds = 15;

/// Median over rounds of the mean time of one call.
double nanoseconds(const std::function<void()>& call) {
  std::vector<double> means;
  for (int round = 0; round <= rounds; ++round) {
    const auto start = std::chrono::steady_clock::now();
    for (int i = 0; i < calls; ++i) call();
    const std::chrono::duration<double, std::nano> spent = std::chrono::steady_clock::now() - start;
    if (round > 0) means.push_back(spent.count() / calls);  // the first one warms up
  }
  std::ranges::nth_element(means, means.begin() + rounds / 2);
  return means[rounds / 2];
}

}  // namespace

int main() {
  using namespace mpsg;
  Graph graph;
  const auto z = graph.add_one(
      "placeholder", {{"shape", std::vector<int64_t>{16}}, {"data_type", DataType::float32}});
  const auto doubled =
      graph.add_one("multiplication", {{"primary_tensor", z}, {"secondary_tensor", Scalar(2.0)}});
  const auto y =
      graph.add_one("addition", {{"primary_tensor", doubled}, {"secondary_tensor", Scalar(1.0)}});
  const TensorType type{DataType::float32, {16}};
  const auto executable = graph.compile(Device(), {{z, type}}, {y});
  const std::vector<float> values(16, 3);
  const TensorData feed(type, std::span<const float>(values));
  std::array<TensorData, 1> results;
  const std::span<const TensorData> feeds(&feed, 1);
  std::printf("new result each time  %7.0f ns\n", nanoseconds([&] {
                results[0] = TensorData();
                executable->run(feeds, results);
              }));
  std::printf("into given memory     %7.0f ns\n",
              nanoseconds([&] { executable->run(feeds, results); }));
  std::printf("a vector of results   %7.0f ns\n", nanoseconds([&] { executable->run(feeds); }));
  const bool right = results[0].values<float>()[0] == 7;
  std::printf("%s\n", right ? "the result is right" : "THE RESULT IS WRONG");
  return right ? 0 : 1;
}
