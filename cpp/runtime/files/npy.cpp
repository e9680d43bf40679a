#include "runtime/files/npy.h"

#include <algorithm>
#include <cstring>
#include <optional>
#include <string_view>

#include "mpsg/error.h"
#include "runtime/files/limits.h"

namespace mpsg {
namespace {

constexpr std::string_view magic = "\x93NUMPY";
/// NumPy begins the elements at a multiple of this.
constexpr size_t alignment = 64;

struct TypeName {
  DataType type;
  std::string_view name;  // without the byte order
};
/// V2 is what NumPy writes for bfloat16 of ml_dtypes.
constexpr TypeName type_names[] = {
    {DataType::float64, "f8"},  {DataType::float32, "f4"},   {DataType::float16, "f2"},
    {DataType::bfloat16, "V2"}, {DataType::int64, "i8"},     {DataType::int32, "i4"},
    {DataType::int16, "i2"},    {DataType::int8, "i1"},      {DataType::uint64, "u8"},
    {DataType::uint32, "u4"},   {DataType::uint16, "u2"},    {DataType::uint8, "u1"},
    {DataType::boolean, "b1"},  {DataType::complex64, "c8"},
};

/// {'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }
class DictionaryParser {
 public:
  DictionaryParser(const ByteSource& source, std::string_view text)
      : source_(source), text_(text) {}

  NpyHeader read() {
    expect('{');
    while (!accept('}')) {
      const auto key = quoted();
      expect(':');
      if (key == "descr") once(type_) = quoted();
      else if (key == "fortran_order") once(order_) = boolean();
      else if (key == "shape") once(shape_) = shape();
      else fail("its header has the unknown key '" + key + "'");
      if (!accept(',')) {
        expect('}');
        break;
      }
    }
    skip_spaces();
    if (at_ != text_.size()) fail("its header goes on after the }");
    if (!type_ || !order_ || !shape_) fail("its header lacks descr, fortran_order or shape");
    NpyHeader header;
    take_type(header);
    header.fortran_order = *order_;
    if (!counted_bytes(header.type.data_type, *shape_))
      fail("its shape has more elements than can be");
    header.type.shape = Shape(*shape_);
    return header;
  }

 private:
  [[noreturn]] void fail(const std::string& why) const { source_.fail(why); }

  template <class T>
  std::optional<T>& once(std::optional<T>& field) const {
    if (field) fail("its header has a key twice");
    return field;
  }

  void take_type(NpyHeader& header) const {
    const std::string_view given = *type_;
    const auto order = given.empty() ? ' ' : given.front();
    const auto known = std::ranges::find_if(
        type_names, [&](const auto& t) { return !given.empty() && t.name == given.substr(1); });
    if (known == std::end(type_names) || (order != '<' && order != '>' && order != '|'))
      fail("its elements are '" + *type_ + "', a type that mpsg does not have" +
           (given.find('O') != given.npos ? " (Python objects are never read)" : ""));
    header.type.data_type = known->type;
    header.big_endian = order == '>';
  }

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\n')) ++at_;
  }
  bool accept(char c) {
    skip_spaces();
    if (at_ >= text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!accept(c)) fail(std::string("its header is not as numpy.save writes it: no ") + c);
  }
  std::string quoted() {
    const bool doubled = accept('"');
    if (!doubled) expect('\'');
    const auto end = text_.find(doubled ? '"' : '\'', at_);
    if (end == text_.npos) fail("its header has a text that does not end");
    std::string result(text_.substr(at_, end - at_));
    at_ = end + 1;
    return result;
  }
  bool boolean() {
    skip_spaces();
    for (const bool value : {false, true}) {
      const std::string_view word = value ? "True" : "False";
      if (!text_.substr(at_).starts_with(word)) continue;
      at_ += word.size();
      return value;
    }
    fail("its header has neither True nor False as fortran_order");
  }
  int64_t size() {
    skip_spaces();
    int64_t value = 0;
    const auto first = at_;
    for (; at_ < text_.size() && text_[at_] >= '0' && text_[at_] <= '9'; ++at_)
      if (__builtin_mul_overflow(value, int64_t{10}, &value) ||
          __builtin_add_overflow(value, int64_t{text_[at_] - '0'}, &value))
        fail("its header has a size that is too large");
    if (at_ == first) fail("its header has a shape that is no list of sizes");
    accept('L');  // as Python 2 wrote them
    return value;
  }
  std::vector<int64_t> shape() {
    std::vector<int64_t> sizes;
    expect('(');
    while (!accept(')')) {
      if (sizes.size() == max_rank) fail("it has more than 16 dimensions");
      sizes.push_back(size());
      if (!accept(',')) {
        expect(')');
        break;
      }
    }
    return sizes;
  }

  const ByteSource& source_;
  std::string_view text_;
  size_t at_ = 0;
  std::optional<std::string> type_;
  std::optional<bool> order_;
  std::optional<std::vector<int64_t>> shape_;
};

void swap_bytes(const TensorData& data) {
  auto* bytes = static_cast<std::byte*>(data.data());
  // The parts of a complex number are swapped one by one.
  const auto size = data.data_type() == DataType::complex64 ? 4 : size_of(data.data_type());
  for (size_t at = 0; at < data.byte_count(); at += size)
    std::reverse(bytes + at, bytes + at + size);
}

/// From the first axis innermost to the last axis innermost.
TensorData transposed(const TensorData& data) {
  const auto& shape = data.shape();
  const int rank = shape.rank();
  if (rank < 2 || data.byte_count() == 0) return data;
  TensorData result(data.type());
  const auto size = size_of(data.data_type());
  std::vector<size_t> strides(static_cast<size_t>(rank)), index(static_cast<size_t>(rank));
  size_t stride = size;
  for (int axis = 0; axis < rank; ++axis) {
    strides[static_cast<size_t>(axis)] = stride;
    stride *= static_cast<size_t>(shape[axis]);
  }
  const auto* from = static_cast<const std::byte*>(data.data());
  auto* to = static_cast<std::byte*>(result.data());
  for (const auto* const end = to + data.byte_count(); to != end; to += size) {
    std::memcpy(to, from, size);
    for (int axis = rank; axis-- > 0;) {
      const auto a = static_cast<size_t>(axis);
      from += strides[a];
      if (++index[a] < static_cast<size_t>(shape[axis])) break;
      from -= index[a] * strides[a];
      index[a] = 0;
    }
  }
  return result;
}

}  // namespace

NpyHeader read_npy_header(const ByteSource& source) {
  std::byte start[12] = {};
  source.read(0, std::span(start, 10));
  if (std::memcmp(start, magic.data(), magic.size()) != 0) source.fail("is not in the format npy");
  const auto version = static_cast<int>(start[6]);
  if (version < 1 || version > 3) source.fail("has the unknown version " + std::to_string(version));
  const uint64_t before = version == 1 ? 10 : 12;
  source.read(0, std::span(start, before));
  const uint64_t length =
      version == 1 ? little_endian<uint16_t>(start + 8) : little_endian<uint32_t>(start + 8);
  if (length > file_limits::npy_header_bytes) source.fail("has a header that is too long");
  const auto text = source.read(before, length);
  auto header =
      DictionaryParser(source, {reinterpret_cast<const char*>(text.data()), text.size()}).read();
  header.data_offset = before + length;
  const auto bytes = *counted_bytes(header.type.data_type, header.type.shape.dimensions());
  if (source.size() - header.data_offset != bytes)
    source.fail("has " + std::to_string(source.size() - header.data_offset) +
                " bytes of elements; " + header.type.to_string() + " needs " +
                std::to_string(bytes));
  return header;
}

TensorData read_npy(const ByteSource& source) {
  const auto header = read_npy_header(source);
  TensorData data(header.type);
  source.read(header.data_offset, {static_cast<std::byte*>(data.data()), data.byte_count()});
  if (header.big_endian) swap_bytes(data);
  check_elements(data, source.name());
  return header.fortran_order ? transposed(data) : data;
}

std::string npy_header(const TensorType& type) {
  const auto* const known =
      std::ranges::find_if(type_names, [&](const auto& t) { return t.type == type.data_type; });
  if (known == std::end(type_names))
    throw PackageError("npy and npz have no " + std::string(data_type_name(type.data_type)) +
                       "; save as .safetensors");
  std::string text = "{'descr': '";
  text += size_of(type.data_type) == 1 ? '|' : '<';
  text += known->name;
  text += "', 'fortran_order': False, 'shape': (";
  for (const auto size : type.shape.dimensions()) text += std::to_string(size) + ", ";
  if (type.shape.rank() > 1) text.resize(text.size() - 2);
  else if (type.shape.rank() == 1) text.pop_back();
  text += "), }";
  const auto before = magic.size() + 4;
  text.resize((before + text.size() + 1 + alignment - 1) / alignment * alignment - before - 1, ' ');
  text += '\n';
  std::string header(magic);
  header += std::string("\x01\x00", 2);
  put_little_endian<uint16_t>(header, static_cast<uint16_t>(text.size()));
  return header + text;
}

}  // namespace mpsg
