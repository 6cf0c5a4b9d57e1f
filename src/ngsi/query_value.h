#pragma once
// Values of queries and of entities, compared: the sorts of clause 4.6.3, and JSON text read in place.

#include <optional>
#include <string>
#include <string_view>

#include "madang/ngsi/query.h"

#include "json_text.h"

namespace madang::ngsi {

/// Length of the date-time, date or time of day at the start of `text` by its shape, or 0.
std::size_t temporal_length(std::string_view text);
/// A whole text as date-time, date or time of day; nothing where it is none, or none that exists (February 30).
std::optional<QueryValue> temporal_value(std::string_view text);
/// A string as a value: temporal where it is written so.
QueryValue text_value(std::string text);

/// Order of something stored against a value of a query, as compare() but without building a QueryValue.
std::optional<int> order_of_text(std::string_view text, const QueryValue& value);
std::optional<int> order_of_json(std::string_view scalar, const QueryValue& value);

/// The content of a JSON string. Keeps what it had to unescape: the view lives as long as this and `json`.
class JsonString {
 public:
  explicit JsonString(std::string_view json);
  JsonString(const JsonString&) = delete;
  JsonString& operator=(const JsonString&) = delete;
  std::string_view text() const { return text_; }

 private:
  std::string scratch_;
  std::string_view text_;
};
inline bool is_json_string(std::string_view json) {
  return !json.empty() && json.front() == '"';
}

/// visit(element) for each element of compact, valid JSON array text until one returns true; whether one did.
template <class Visit>
bool any_element(std::string_view array, Visit&& visit) {
  const char* at = array.data() + 1;
  const char* const end = array.data() + array.size();
  while (at < end && *at != ']') {
    const char* const value_end = json_text::end_of_value(at, end);
    if (visit(json_text::between(at, value_end))) return true;
    at = value_end + (value_end < end && *value_end == ',');
  }
  return false;
}

/// visit(key with its quotes, value) for each member of an object, likewise.
template <class Visit>
bool any_member(std::string_view object, Visit&& visit) {
  const char* at = object.data() + 1;
  const char* const end = object.data() + object.size();
  while (at < end && *at == '"') {
    const char* const key_end = json_text::end_of_string(at, end);
    const char* const value_end = json_text::end_of_value(key_end + 1, end);
    if (visit(json_text::between(at, key_end), json_text::between(key_end + 1, value_end))) return true;
    at = value_end + (value_end < end && *value_end == ',');
  }
  return false;
}

/// The member `key` of a JSON value; nothing where it has none or is no object.
std::optional<std::string_view> json_member(std::string_view json, std::string_view key);

}  // namespace madang::ngsi
