#pragma once
// Looking ahead in JSON text that was not checked yet: what is the first element, which keys has this object? Never
// reads past `end`; of broken text it says something, and the parser that follows says that it is broken.

#include <string_view>

#include "json_text.h"

namespace madang::ngsi::json_peek {

inline const char* skip_space(const char* at, const char* end) {
  while (at < end && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t')) ++at;
  return at;
}

/// True where `wanted(key)` holds for a key of the object at `at`. Keys with escapes are seen as written.
template <class Wanted>
bool any_key(const char* at, const char* end, Wanted&& wanted) {
  if (at >= end || *at != '{') return false;
  for (at = skip_space(at + 1, end); at < end && *at == '"';) {
    const char* key_end = json_text::end_of_string(at, end);
    if (key_end >= end) return false;
    if (wanted(json_text::between(at + 1, key_end - 1))) return true;
    at = skip_space(key_end, end);
    if (at == end || *at != ':') return false;
    at = skip_space(json_text::end_of_value(skip_space(at + 1, end), end), end);
    if (at == end || *at != ',') return false;
    at = skip_space(at + 1, end);
  }
  return false;
}

/// The string that is the value of a key which any_key() shows, as written; empty where it is none.
inline std::string_view string_after(std::string_view key, const char* end) {
  const char* at = skip_space(key.data() + key.size() + 1, end);
  if (at < end && *at == ':') at = skip_space(at + 1, end);
  if (at >= end || *at != '"') return {};
  const char* string_end = json_text::end_of_string(at, end);
  return string_end - at < 2 ? std::string_view() : json_text::between(at + 1, string_end - 1);
}

/// The first element of the array at `at`, or `end`.
inline const char* first_element(const char* at, const char* end) {
  return at < end && *at == '[' ? skip_space(at + 1, end) : end;
}

}  // namespace madang::ngsi::json_peek
