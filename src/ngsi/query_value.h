#pragma once
// Values of queries and of entities, compared: the sorts of clause 4.6.3, and JSON text read in place.

#include <optional>
#include <string>
#include <string_view>

#include "madang/ngsi/query.h"

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

/// The JSON value that starts at `at`, in text known to be compact and valid.
std::string_view json_value_at(std::string_view json, std::size_t at);

/// visit(value) for each element of a JSON array until one returns true; whether one did.
template <class Visit>
bool any_element(std::string_view array, Visit&& visit) {
  for (std::size_t at = 1; at < array.size() && array[at] != ']';) {
    const auto value = json_value_at(array, at);
    if (visit(value)) return true;
    at += value.size();
    at += at < array.size() && array[at] == ',';
  }
  return false;
}

/// visit(key with its quotes, value) for each member of a JSON object, likewise.
template <class Visit>
bool any_member(std::string_view object, Visit&& visit) {
  for (std::size_t at = 1; at < object.size() && object[at] != '}';) {
    const auto key = json_value_at(object, at);
    at += key.size() + 1;
    const auto value = json_value_at(object, at);
    if (visit(key, value)) return true;
    at += value.size();
    at += at < object.size() && object[at] == ',';
  }
  return false;
}

/// The member `key` of a JSON value; nothing where it has none or is no object.
std::optional<std::string_view> json_member(std::string_view json, std::string_view key);

}  // namespace madang::ngsi
