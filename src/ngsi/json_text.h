#pragma once
// Walking compact JSON text that is known to be valid (it was checked on its way in): no whitespace, no errors.

#include <cstring>
#include <string_view>

namespace madang::ngsi::json_text {

/// The end of the string literal that begins at `at` (its opening quote), past the closing quote.
inline const char* end_of_string(const char* at, const char* end) {
  for (++at; at < end; ++at) {
    if (*at == '\\') {
      ++at;
    } else if (*at == '"') {
      return at + 1;
    }
  }
  return end;
}

/// The end of the value that begins at `at`.
inline const char* end_of_value(const char* at, const char* end) {
  if (at == end) return end;
  if (*at == '"') return end_of_string(at, end);
  if (*at != '{' && *at != '[') {
    while (at < end && *at != ',' && *at != '}' && *at != ']') ++at;
    return at;
  }
  int depth = 0;
  while (at < end) {
    const char c = *at;
    if (c == '"') {
      at = end_of_string(at, end);
      continue;
    }
    ++at;
    if (c == '{' || c == '[') ++depth;
    if ((c == '}' || c == ']') && --depth == 0) return at;
  }
  return end;
}

inline std::string_view between(const char* from, const char* to) {
  return {from, static_cast<std::size_t>(to - from)};
}

/// visit(key literal without quotes, value text) for each member of an object.
template <class Visit>
void each_member(std::string_view object, Visit&& visit) {
  const char* at = object.data() + 1;
  const char* const end = object.data() + object.size();
  while (at < end && *at == '"') {
    const char* key_end = end_of_string(at, end);
    const std::string_view key = between(at + 1, key_end - 1);
    const char* value_end = end_of_value(key_end + 1, end);
    visit(key, between(key_end + 1, value_end));
    at = value_end;
    if (at < end && *at == ',') ++at;
  }
}

/// visit(value text) for each element of an array.
template <class Visit>
void each_element(std::string_view array, Visit&& visit) {
  const char* at = array.data() + 1;
  const char* const end = array.data() + array.size();
  while (at < end && *at != ']') {
    const char* value_end = end_of_value(at, end);
    visit(between(at, value_end));
    at = value_end;
    if (at < end && *at == ',') ++at;
  }
}

/// A string literal without its quotes, or empty for anything else.
inline std::string_view string_content(std::string_view text) {
  return text.size() >= 2 && text.front() == '"' ? text.substr(1, text.size() - 2) : std::string_view();
}

}  // namespace madang::ngsi::json_text
