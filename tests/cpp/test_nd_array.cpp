// NDArray from C++: descriptors, bounds, views, copies. Python's tests compare it with numpy.
#include <cmath>
#include <cstring>
#include <limits>
#include <numeric>

#include "fixtures.h"
#include "graph/half.h"
#include "mpsg/nd_array.h"

using namespace mpsg;
using namespace mpsg::testing;

namespace {

std::span<std::byte> bytes_of(std::vector<float>& values) {
  return std::as_writable_bytes(std::span(values));
}

std::vector<float> counting(size_t count) {
  std::vector<float> values(count);
  std::iota(values.begin(), values.end(), 0.0f);
  return values;
}

std::vector<float> packed(const NDArray& array) { return values<float>(array.tensor_data()); }

std::vector<int64_t> strides(const NDArray& array) {
  return {array.strides().begin(), array.strides().end()};
}

}  // namespace

TEST_CASE("an NDArray's descriptor gives its strides") {
  const NDArrayDescriptor plain{DataType::float32, {2, 3, 4}};
  CHECK(plain.strides() == std::vector<int64_t>{48, 16, 4});
  CHECK(plain.byte_count() == 96);
  const NDArrayDescriptor padded{DataType::float32, {2, 3, 4}, 20, 64};
  CHECK(padded.strides() == std::vector<int64_t>{64, 20, 4});
  CHECK(padded.byte_count() == 128);
  CHECK(NDArrayDescriptor::matrix(3, 5, 32, DataType::int16).strides() ==
        std::vector<int64_t>{32, 2});
  CHECK(NDArrayDescriptor::matrix(3, 5, 16, DataType::int16, 2, 100).shape == Shape{2, 3, 5});
  CHECK(NDArrayDescriptor::vector(5, DataType::int8, 4, 8).strides() == std::vector<int64_t>{8, 1});
  CHECK(NDArrayDescriptor{DataType::float64, {0, 7}, 64}.byte_count() == 0);
  const auto too_small = NDArrayDescriptor{DataType::float32, {2, 4}, 12};
  CHECK(message_of<FeedError>([&] { too_small.strides(); }).find("row_bytes = 12") !=
        std::string::npos);
  CHECK_THROWS_AS((NDArrayDescriptor{DataType::float32, {2, 4}, 18}.strides()), FeedError);
  CHECK_THROWS_AS((NDArrayDescriptor{DataType::float32, {2, 2, 4}, 16, 16}.strides()), FeedError);
  CHECK_THROWS_AS((NDArrayDescriptor{DataType::float32, {int64_t{1} << 62}}.strides()), FeedError);
  CHECK_THROWS_AS((NDArrayDescriptor{DataType::float32, {-1}}.strides()), FeedError);
  CHECK_THROWS_AS(NDArray(NDArrayDescriptor{}), FeedError);
}

TEST_CASE("an NDArray stays inside its buffer") {
  auto memory = counting(12);
  const auto buffer = bytes_of(memory);
  const NDArray array(buffer, 8, {DataType::float32, {2, 4}, 20});
  CHECK(packed(array) == std::vector<float>{2, 3, 4, 5, 7, 8, 9, 10});
  CHECK_THROWS_AS(NDArray(buffer, 16, NDArrayDescriptor{DataType::float32, {2, 4}, 20}), FeedError);
  CHECK_THROWS_AS(NDArray(buffer, 49, NDArrayDescriptor{DataType::float32, {0}}), FeedError);
  const int64_t backwards[] = {-8};
  const NDArray reversed(buffer, 40, {DataType::float32, {6}}, backwards);
  CHECK(packed(reversed) == std::vector<float>{10, 8, 6, 4, 2, 0});
  CHECK_THROWS_AS(NDArray(buffer, 36, TensorType{DataType::float32, {6}}, backwards), FeedError);
  const int64_t huge[] = {std::numeric_limits<int64_t>::min()};
  CHECK_THROWS_AS(NDArray(buffer, 0, TensorType{DataType::float32, {3}}, huge), FeedError);
  CHECK_THROWS_AS(NDArray(nullptr, TensorType{DataType::float32, {3}}, backwards, nullptr),
                  FeedError);
}

TEST_CASE("views of an NDArray share its memory and keep it alive") {
  std::weak_ptr<void> memory;
  NDArray view;
  {
    NDArray array(NDArrayDescriptor{DataType::float32, {3, 4}});
    memory = array.owner();
    const auto numbers = counting(12);
    array.write_bytes(std::as_bytes(std::span(numbers)));
    const int axes[] = {1, 0};
    view = array.permute(axes).slice(0, 3, 2, -2).at(1, -1);
    CHECK(packed(view) == std::vector<float>{11, 9});
    CHECK(strides(array.transpose(0, 1)) == std::vector<int64_t>{4, 16});
    CHECK(array.reshape({2, -1}).shape() == Shape{2, 6});
    CHECK_THROWS_AS(array.transpose(0, 1).reshape({12}), FeedError);
    CHECK(array.expand_dims(1).squeeze().shape() == Shape{3, 4});
    CHECK(array.with_rank(1).shape() == Shape{12});
    CHECK(!array.broadcast_to({2, 3, 4}).is_writeable());
    CHECK(array.broadcast_to({2, 3, 4}).has_overlaps());
    CHECK_THROWS_AS(array.slice(0, 1, 3), FeedError);
    CHECK_THROWS_AS(array.at(2, 0), FeedError);
  }
  CHECK(!memory.expired());
  CHECK(packed(view) == std::vector<float>{11, 9});
  view = NDArray();
  CHECK(memory.expired());
}

TEST_CASE("an NDArray copies through any strides and converts as cast does") {
  auto memory = counting(24);
  const NDArray array(bytes_of(memory), 0, {DataType::float32, {4, 6}});
  std::vector<int16_t> target(48, -1);
  const int64_t columns_first[] = {4, 16};  // every second element, transposed
  array.read_bytes(std::as_writable_bytes(std::span(target)), columns_first, DataType::int16);
  for (size_t i = 0; i < 4; ++i)
    for (size_t j = 0; j < 6; ++j) {
      CHECK(target[2 * i + 8 * j] == static_cast<int16_t>(6 * i + j));
      CHECK(target[2 * i + 8 * j + 1] == -1);
    }
  array.import_data(array.slice(0, 3, 4, -1));  // over itself
  CHECK(memory[0] == 18);
  CHECK(memory[23] == 5);
  memory[0] = std::nanf("");
  memory[1] = -1e9f;
  memory[2] = 3.9f;
  const auto bytes = array.copy(DataType::uint8).tensor_data();
  CHECK(bytes.values<uint8_t>()[0] == 0);
  CHECK(bytes.values<uint8_t>()[1] == 0);
  CHECK(bytes.values<uint8_t>()[2] == 3);
  CHECK_THROWS_AS(array.export_data(array.read_only()), FeedError);
  CHECK_THROWS_AS(array.export_data(array.slice(0, 0, 2)), FeedError);
}

TEST_CASE("float16 converts with the bits of Float16") {
  constexpr size_t count = 1 << 16;
  NDArray halves(NDArrayDescriptor{DataType::float16, {count}});
  auto* const bits = static_cast<uint16_t*>(halves.data());
  for (size_t i = 0; i < count; ++i) bits[i] = static_cast<uint16_t>(i);
  const auto single = halves.copy(DataType::float32).tensor_data();
  bool equal = true;
  for (size_t i = 0; i < count; ++i) {
    const auto wanted = static_cast<float>(Float16::from_bits(static_cast<uint16_t>(i)));
    equal = equal && std::memcmp(&wanted, &single.values<float>()[i], 4) == 0;
  }
  CHECK(equal);
  // Every float whose low 12 bits are some pattern that rounds: exponents, ties, NaN.
  NDArray floats(NDArrayDescriptor{DataType::float32, {int64_t{1} << 20}});
  auto* const words = static_cast<uint32_t*>(floats.data());
  for (uint32_t low : {0x000u, 0x800u, 0x001u, 0xfffu}) {
    for (uint32_t i = 0; i < 1u << 20; ++i) words[i] = i << 12 | low;
    const auto rounded = floats.copy(DataType::float16).tensor_data();
    bool all = true;
    for (uint32_t i = 0; i < 1u << 20; ++i) {
      float value;
      std::memcpy(&value, &words[i], 4);
      all = all && rounded.values<uint16_t>()[i] == Float16(value).bits();
    }
    CHECK(all);
  }
}

TEST_CASE("an NDArray and a TensorData share packed memory") {
  const auto numbers = data<float>({2, 3}, {1, 2, 3, 4, 5, 6});
  const NDArray array(numbers);
  CHECK(array.data() == numbers.data());
  CHECK(array.tensor_data().data() == numbers.data());
  const auto turned = array.transpose(0, 1).tensor_data();
  CHECK(turned.data() != numbers.data());
  CHECK(values<float>(turned) == std::vector<float>{1, 4, 2, 5, 3, 6});
  Graph graph;
  const auto x = placeholder(graph, {3, 2});
  const auto y = graph.add_one("square", {{"tensor", x}});
  const auto result = graph.run({{x, array.transpose(0, 1).tensor_data()}}, {y});
  CHECK(values<float>(result.at(y)) == std::vector<float>{1, 16, 4, 25, 9, 36});
}

TEST_CASE("image batches keep every pixel") {
  NDArray image(NDArrayDescriptor{DataType::uint8, {16, 16}});
  for (int i = 0; i < 256; ++i) static_cast<uint8_t*>(image.data())[i] = static_cast<uint8_t>(i);
  const NDArray images[] = {image, image.transpose(0, 1)};
  const auto batch = NDArray::from_image_batch(images);
  CHECK(batch.shape() == Shape{2, 16, 16, 1});
  CHECK(packed(batch)[255] == 1.0f);
  CHECK(packed(batch)[51] == 0.2f);
  const auto back = batch.to_image_batch(DataType::uint8);
  CHECK(std::memcmp(back.data(), image.data(), 256) == 0);
  CHECK(values<float>(back.at(0, 1).copy(DataType::float32).tensor_data())[1] == 16.0f);
  CHECK_THROWS_AS(NDArray::from_image_batch({}), FeedError);
  CHECK_THROWS_AS(batch.to_image_batch(DataType::int8), FeedError);
}
