#pragma once
// JSON as a tree, for what is off the hot path: contexts, and the general expansion and compaction of JSON-LD.

#include <string>
#include <string_view>

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/string.hpp>
#include <boost/json/value.hpp>
#include <simdjson.h>

#include "madang/base/result.h"

namespace madang::ngsi::jsonld {

using Value = boost::json::value;
using Object = boost::json::object;
using Array = boost::json::array;

inline constexpr std::size_t kMaxDepth = 64;  // of a JSON text

// Asked of an element whose type was looked at before. By value: a range-for must not hold on to a temporary.
inline simdjson::dom::array array_in(simdjson::dom::element value) {
  return value.get_array().value_unsafe();
}
inline simdjson::dom::object object_in(simdjson::dom::element value) {
  return value.get_object().value_unsafe();
}

/// The tree of what simdjson read. A member that stands twice would be read differently by everybody, and text that is
/// not Unicode by nobody: both are bad_request_data. The message goes on from a subject ("has the member ... twice"),
/// `where` is `pointer` and what is below it.
base::Result<Value> tree_of(simdjson::dom::element element, const std::string& pointer);

/// Reads a text of at most kMaxDepth levels. invalid_request with a message that goes on from a subject.
base::Result<simdjson::dom::element> parse(simdjson::dom::parser& parser, std::string_view text);

void append_tree(std::string& out, const Value& value);

inline std::string_view text_of(const Value& value) {
  const auto& text = value.get_string();
  return {text.data(), text.size()};
}
inline std::string_view key_of(const boost::json::key_value_pair& member) {
  return {member.key().data(), member.key().size()};
}
inline const Value* find(const Object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}
inline Value* find(Object& object, std::string_view key) {
  return object.if_contains(boost::json::string_view(key.data(), key.size()));
}
inline Value& member(Object& object, std::string_view key) {
  return object[boost::json::string_view(key.data(), key.size())];
}
inline void remove(Object& object, std::string_view key) {
  object.erase(boost::json::string_view(key.data(), key.size()));
}
inline Value text_value(std::string_view text) {
  return Value(boost::json::string_view(text.data(), text.size()));
}
inline bool is_scalar(const Value& value) {
  return !value.is_object() && !value.is_array() && !value.is_null();
}

/// The members in the order of their keys: results then do not depend on the order they came in.
std::vector<const boost::json::key_value_pair*> in_order(const Object& object);

/// Adds to what an object has under a key (JSON-LD 1.1 API, "add value"): one value stands alone unless `as_array`.
void add_value(Object& object, std::string_view key, Value value, bool as_array);

}  // namespace madang::ngsi::jsonld
