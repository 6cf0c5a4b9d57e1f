#include "query_text.h"

#include <algorithm>

#include <re2/re2.h>

#include "madang/base/uri.h"

namespace madang::ngsi {

namespace {

constexpr bool is_continuation(char c) {
  return (static_cast<unsigned char>(c) & 0xc0) == 0x80;
}

constexpr bool is_ascii_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
constexpr bool is_ascii_name_char(char c) {
  return is_ascii_letter(c) || (c >= '0' && c <= '9') || c == '_';
}

}  // namespace

bool Cursor::take(std::string_view token) {
  if (!sees(token)) return false;
  at_ += token.size();
  return true;
}

bool Cursor::take_any(std::string_view signs) {
  if (!sees_any(signs)) return false;
  ++at_;
  return true;
}

std::string_view Cursor::take_until(std::string_view signs) {
  const std::size_t begin = at_;
  at_ = std::min(text_.find_first_of(signs, at_), text_.size());
  return since(begin);
}

std::string Cursor::place(std::size_t at) const {
  const auto before = text_.substr(0, at);
  const auto column = 1 + std::count_if(before.begin(), before.end(), [](char c) { return !is_continuation(c); });
  return std::string(parameter_) + ':' + std::to_string(column);
}

base::Error Cursor::fail(base::Code code, std::string message, std::size_t at) const {
  return base::error(code, std::move(message), place(at));
}

base::Error Cursor::placed(base::Error error, std::size_t at) const {
  error.where = place(at);
  return error;
}

base::Error Cursor::expected(std::string_view what) const {
  std::string message = "expected " + std::string(what) + ", found ";
  if (done()) {
    message += "the end";
  } else {
    std::size_t size = 1;
    while (at_ + size < text_.size() && is_continuation(text_[at_ + size])) ++size;
    message += '\'' + std::string(text_.substr(at_, size)) + '\'';
  }
  return fail(base::Code::bad_request_data, std::move(message), at_);
}

base::Status check_text(const Cursor& cursor, const QueryLimits& limits) {
  const std::size_t size = cursor.rest().size();
  if (size > limits.text)
    return cursor.fail(base::Code::too_complex,
                       "longer than " + std::to_string(limits.text) + " bytes (" + std::to_string(size) + ")", 0);
  if (!base::is_valid_utf8(cursor.rest())) return cursor.fail(base::Code::bad_request_data, "not valid UTF-8", 0);
  return {};
}

std::size_t name_length(std::string_view text) {
  if (text.empty() || (static_cast<unsigned char>(text[0]) < 0x80 && !is_ascii_letter(text[0]))) return 0;
  std::size_t size = 0;
  while (size < text.size() && is_ascii_name_char(text[size])) ++size;
  if (size == text.size() || static_cast<unsigned char>(text[size]) < 0x80) return size;
  static const re2::RE2 kName(R"(\pL[\pL\pN_]*)");
  re2::StringPiece name;
  return kName.Match(text, 0, text.size(), re2::RE2::ANCHOR_START, &name, 1) ? name.size() : 0;
}

std::size_t prefixed_name_length(std::string_view text) {
  const std::size_t first = name_length(text);
  if (first == 0 || !text.substr(first).starts_with(':')) return first;
  const std::size_t second = name_length(text.substr(first + 1));
  return second == 0 ? first : first + 1 + second;
}

}  // namespace madang::ngsi
