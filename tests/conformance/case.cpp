#include "case.h"

#include <charconv>
#include <functional>

#include "mpsg/error.h"

namespace mpsg::conformance {
namespace {

std::string number_text(double number) {
  char buffer[32];
  const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
  return {buffer, end};
}

/// Reads a case text from left to right.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  Case read() {
    Case result;
    result.op = word();
    expect('(');
    while (!accept(')')) {
      if (!result.arguments.empty()) expect(',');
      result.arguments.push_back(argument());
    }
    skip_blanks();
    if (at_ != text_.size()) fail("the end");
    return result;
  }

 private:
  [[noreturn]] void fail(const std::string& wanted) const {
    throw GraphError("case text '" + std::string(text_) + "': " + wanted + " is expected at '" +
                     std::string(text_.substr(at_)) + "'");
  }
  void skip_blanks() {
    while (at_ < text_.size() && text_[at_] == ' ') ++at_;
  }
  char peek() {
    skip_blanks();
    return at_ < text_.size() ? text_[at_] : '\0';
  }
  bool accept(char wanted) {
    if (peek() != wanted) return false;
    ++at_;
    return true;
  }
  void expect(char wanted) {
    if (!accept(wanted)) fail(std::string("'") + wanted + "'");
  }
  static bool is_word(char c) { return std::isalnum(static_cast<unsigned char>(c)) || c == '_'; }
  std::string word() {
    skip_blanks();
    const size_t begin = at_;
    while (at_ < text_.size() && is_word(text_[at_])) ++at_;
    if (at_ == begin) fail("a name");
    return std::string(text_.substr(begin, at_ - begin));
  }
  bool accept_word(std::string_view wanted) {
    skip_blanks();
    if (!text_.substr(at_).starts_with(wanted)) return false;
    const size_t end = at_ + wanted.size();
    if (end < text_.size() && is_word(text_[end])) return false;
    at_ = end;
    return true;
  }
  /// Up to the comma or bracket that ends the argument.
  std::string literal() {
    skip_blanks();
    const size_t begin = at_;
    int depth = 0;
    for (; at_ < text_.size(); ++at_) {
      if (text_[at_] == '[') ++depth;
      if (text_[at_] == ']') --depth;
      if (depth == 0 && (text_[at_] == ',' || text_[at_] == ')')) break;
    }
    if (at_ == begin) fail("a value");
    return std::string(text_.substr(begin, at_ - begin));
  }

  ArgumentText argument() {
    ArgumentText result{.name = word(), .operands = {}, .literal = {}};
    expect('=');
    if (at_operand()) {
      result.operands.push_back(operand());
    } else if (peek() == '[' && at_operand(1)) {
      result.is_list = true;
      expect('[');
      do result.operands.push_back(operand());
      while (accept(','));
      expect(']');
    } else {
      result.literal = literal();
    }
    return result;
  }

  /// Does a type with a shape stand here, or `offset` characters on?
  bool at_operand(size_t offset = 0) {
    skip_blanks();
    size_t end = at_ + offset;
    while (end < text_.size() && is_word(text_[end])) ++end;
    return end < text_.size() && text_[end] == '[' &&
           data_type_from_name(text_.substr(at_ + offset, end - at_ - offset)).has_value();
  }

  double number() {
    skip_blanks();
    double value = 0;
    const auto [end, error] =
        std::from_chars(text_.data() + at_, text_.data() + text_.size(), value);
    if (error != std::errc()) fail("a number");
    at_ = static_cast<size_t>(end - text_.data());
    return value;
  }
  bool at_number() {
    const char c = peek();
    return (c >= '0' && c <= '9') || c == '-' || c == '.' || text_.substr(at_).starts_with("inf") ||
           text_.substr(at_).starts_with("nan");
  }

  OperandText operand() {
    OperandText result;
    result.type.data_type = *data_type_from_name(word());
    expect('[');
    while (!accept(']')) {
      if (result.type.shape.rank() != 0) expect(',');
      result.type.shape.append(static_cast<int64_t>(number()));
    }
    if (accept_word("in")) {
      result.domain = Domain::range;
      result.numbers = {number()};
      result.numbers.push_back(number());
    } else if (accept_word("values")) {
      result.domain = Domain::values;
      while (at_number()) result.numbers.push_back(number());
    } else if (accept_word("apart")) {
      result.domain = Domain::apart;
    } else if (accept_word("special")) {
      result.domain = Domain::special;
    } else if (accept_word("diagonal")) {
      result.domain = Domain::diagonal;
    }
    result.constant = accept_word("const");
    return result;
  }

  std::string_view text_;
  size_t at_ = 0;
};

std::string argument_text(const ArgumentText& argument,
                          const std::function<std::string(const OperandText&)>& show) {
  std::string text = argument.name + "=";
  if (argument.operands.empty()) return text + argument.literal;
  if (argument.is_list) text += "[";
  for (size_t i = 0; i < argument.operands.size(); ++i)
    text += (i ? ", " : "") + show(argument.operands[i]);
  return argument.is_list ? text + "]" : text;
}

std::string case_text(const Case& one, const std::function<std::string(const OperandText&)>& show) {
  std::string text = one.op + "(";
  for (size_t i = 0; i < one.arguments.size(); ++i)
    text += (i ? ", " : "") + argument_text(one.arguments[i], show);
  return text + ")";
}

std::string shape_text(const Shape& shape) {
  std::string text = "[";
  for (int i = 0; i < shape.rank(); ++i) text += (i ? "," : "") + std::to_string(shape[i]);
  return text + "]";
}

}  // namespace

std::string OperandText::to_string() const {
  std::string text = std::string(data_type_name(type.data_type)) + shape_text(type.shape);
  switch (domain) {
    case Domain::usual: break;
    case Domain::range: text += " in"; break;
    case Domain::apart: text += " apart"; break;
    case Domain::special: text += " special"; break;
    case Domain::values: text += " values"; break;
    case Domain::diagonal: text += " diagonal"; break;
  }
  for (const double number : numbers) text += " " + number_text(number);
  return text + (constant ? " const" : "");
}

std::string Case::to_string() const {
  return case_text(*this, [](const OperandText& operand) { return operand.to_string(); });
}

std::string Case::types() const {
  std::string text;
  for (const auto* operand : operands())
    text += std::string(data_type_name(operand->type.data_type)) + " ";
  return text;
}

std::string Case::without_types() const {
  return case_text(*this, [](const OperandText& operand) {
    const auto text = operand.to_string();
    return text.substr(text.find('['));
  });
}

std::vector<const OperandText*> Case::operands() const {
  std::vector<const OperandText*> found;
  for (const auto& argument : arguments)
    for (const auto& operand : argument.operands) found.push_back(&operand);
  return found;
}

std::vector<OperandText*> Case::operands() {
  std::vector<OperandText*> found;
  for (auto& argument : arguments)
    for (auto& operand : argument.operands) found.push_back(&operand);
  return found;
}

Case parse_case(std::string_view text) { return Reader(text).read(); }

}  // namespace mpsg::conformance
