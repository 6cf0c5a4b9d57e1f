#pragma once
// The sorts of objects in expanded JSON-LD.

#include "jsonld/tree.h"

namespace madang::ngsi::jsonld {

inline bool has(const Object& object, std::string_view key) {
  return find(object, key) != nullptr;
}
inline bool is_value_object(const Value& value) {
  return value.is_object() && has(value.get_object(), "@value");
}
inline bool is_list_object(const Value& value) {
  return value.is_object() && has(value.get_object(), "@list");
}
/// With @graph, and beside it @id and @index at most.
inline bool is_graph_object(const Object& object) {
  if (!has(object, "@graph")) return false;
  for (const auto& each : object) {
    const std::string_view key = key_of(each);
    if (key != "@graph" && key != "@id" && key != "@index" && key != "@context") return false;
  }
  return true;
}
inline bool is_graph_object(const Value& value) {
  return value.is_object() && is_graph_object(value.get_object());
}
inline bool is_node_object(const Value& value) {
  if (!value.is_object()) return false;
  const Object& object = value.get_object();
  return !has(object, "@value") && !has(object, "@list") && !has(object, "@set");
}
inline Value as_array(Value value) {
  if (value.is_array()) return value;
  Array array;
  array.push_back(std::move(value));
  return array;
}

}  // namespace madang::ngsi::jsonld
