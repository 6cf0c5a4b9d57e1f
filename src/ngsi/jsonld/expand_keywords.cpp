// Expansion of the members that are keywords, and what an object must look like in the end (JSON-LD 1.1 API, 5.1.2,
// steps 13.4 and 15 to 20).

#include <algorithm>

#include "jsonld/expand_node.h"
#include "jsonld/objects.h"

namespace madang::ngsi::jsonld {

using base::Status;

Status Expander::read_keyword(Node& node, std::string_view key, const std::string& keyword, const Value& value,
                              std::size_t depth) {
  const ActiveContext& active = *node.active;
  const bool is_old = rules_.json_ld_1_0;
  if (node.property != nullptr && *node.property == "@reverse")
    return fault("The keyword " + keyword + " is in a @reverse", "invalid reverse property map");
  if (has(node.result, keyword) && keyword != "@type" && keyword != "@included")
    return fault("The keyword " + keyword + " is there twice, once as \"" + std::string(key) + '"',
                 "colliding keywords");
  const bool is_text = value.is_string();
  Value expanded;
  if (keyword == "@id") {
    if (!is_text) return fault("An @id is not a string", "invalid @id value");
    const std::string id = iri(active, text_of(value), true, false);
    expanded = is_iri_null(text_of(value), id) ? Value(nullptr) : text_value(id);
  } else if (keyword == "@type") {
    return read_type(node, value);
  } else if (keyword == "@graph") {
    const std::string graph = "@graph";
    MADANG_TRY(expanded, expand(node.active, &graph, value, false, depth + 1));
    expanded = as_array(std::move(expanded));
  } else if (keyword == "@included") {
    if (is_old) return {};
    MADANG_TRY(expanded, expand(node.active, nullptr, value, false, depth + 1));
    expanded = as_array(std::move(expanded));
    for (const Value& item : expanded.get_array()) {
      if (!is_node_object(item)) return fault("What is @included is no node", "invalid @included value");
    }
    if (has(node.result, "@included")) return add_value(node.result, keyword, std::move(expanded), true), Status();
  } else if (keyword == "@value") {
    return read_value(node, value);
  } else if (keyword == "@language") {
    if (!is_text) return fault("A @language is not a string", "invalid language-tagged string");
    expanded = value;
  } else if (keyword == "@direction") {
    if (is_old) return {};
    if (!is_text || (text_of(value) != "ltr" && text_of(value) != "rtl"))
      return fault("A @direction is neither ltr nor rtl", "invalid base direction");
    expanded = value;
  } else if (keyword == "@index") {
    if (!is_text) return fault("An @index is not a string", "invalid @index value");
    expanded = value;
  } else if (keyword == "@list") {
    if (node.property == nullptr || *node.property == "@graph") return {};
    MADANG_TRY(expanded, expand(node.active, node.property, value, false, depth + 1));
    if (expanded.is_null()) expanded = Array();
    expanded = as_array(std::move(expanded));
  } else if (keyword == "@set") {
    MADANG_TRY(expanded, expand(node.active, node.property, value, false, depth + 1));
    if (expanded.is_null()) expanded = Array();
  } else if (keyword == "@reverse") {
    return read_reverse(node, value, depth);
  } else {
    return {};  // a keyword of contexts: nothing in a document
  }
  if (!expanded.is_null() || keyword == "@id") member(node.result, keyword) = std::move(expanded);
  return {};
}

Status Expander::read_type(Node& node, const Value& value) {
  const Value items = as_array(value);
  Array types;
  for (const Value& item : items.get_array()) {
    if (!item.is_string()) return fault("A @type is not a string", "invalid type value");
    const std::string type = iri(*node.type_scoped, text_of(item), true, true);
    if (!is_iri_null(text_of(item), type)) types.push_back(text_value(type));
  }
  if (Value* old = find(node.result, "@type")) {
    Value more = as_array(std::move(*old));
    for (Value& each : types) more.get_array().push_back(std::move(each));
    *old = std::move(more);
  } else if (value.is_array() || types.empty()) {
    member(node.result, "@type") = std::move(types);
  } else {
    Value only = std::move(types.front());
    member(node.result, "@type") = std::move(only);
  }
  return {};
}

Status Expander::read_value(Node& node, const Value& value) const {
  if (node.input_type == "@json") {
    if (rules_.json_ld_1_0) return fault("A @value has the type @json", "invalid value object value");
  } else if (!value.is_null() && !is_scalar(value)) {
    return fault("A @value is neither text, number nor truth value", "invalid value object value");
  }
  member(node.result, "@value") = value;
  return {};
}

Status Expander::read_reverse(Node& node, const Value& value, std::size_t depth) {
  if (!value.is_object()) return fault("A @reverse is no object", "invalid @reverse value");
  const std::string property = "@reverse";
  MADANG_TRY(Value expanded, expand(node.active, &property, value, false, depth + 1));
  if (!expanded.is_object()) return {};
  for (auto& each : expanded.get_object()) {
    const std::string name(key_of(each));
    if (name == "@reverse") {
      for (auto& back : each.value().get_object()) add_value(node.result, key_of(back), std::move(back.value()), true);
    } else {
      MADANG_CHECK(add_reverse(node, name, std::move(each.value())));
    }
  }
  return {};
}

/// Step 15.
Status Expander::check_value_object(Node& node) const {
  const Object& result = node.result;
  for (const auto& each : result) {
    const std::string_view key = key_of(each);
    if (key != "@value" && key != "@type" && key != "@language" && key != "@direction" && key != "@index")
      return fault("A value has the member \"" + std::string(key) + '"', "invalid value object");
  }
  const Value* type = find(result, "@type");
  const bool is_tagged = has(result, "@language") || has(result, "@direction");
  if (type != nullptr && is_tagged) return fault("A value has a type and a language", "invalid value object");
  const Value* only_type = type;
  if (type != nullptr && type->is_array() && type->get_array().size() == 1) only_type = &type->get_array().front();
  if (only_type != nullptr && only_type->is_string() && text_of(*only_type) == "@json") return {};
  const Value& value = *find(result, "@value");
  if (value.is_null()) return {};
  if (!value.is_string() && has(result, "@language"))
    return fault("A value that is no text has a language", "invalid language-tagged value");
  if (type != nullptr && (!type->is_string() || !is_iri(text_of(*type))))
    return fault("The type of a value is no IRI", "invalid typed value");
  return {};
}

/// Steps 15 to 20.
base::Result<Value> Expander::finish(Node& node, const std::string* property) const {
  Object& result = node.result;
  if (const Value* value = find(result, "@value")) {
    MADANG_CHECK(check_value_object(node));
    const Value* type = find(result, "@type");
    const bool is_json = type != nullptr && type->is_string() && text_of(*type) == "@json";
    if (!is_json && (value->is_null() || (value->is_array() && value->get_array().empty()))) return Value(nullptr);
  } else if (Value* type = find(result, "@type")) {
    *type = as_array(std::move(*type));
  } else if (has(result, "@list") || has(result, "@set")) {
    const std::size_t allowed = has(result, "@index") ? 2 : 1;
    if (result.size() > allowed) return fault("A list or set has other members", "invalid set or list object");
  }
  const bool is_top = property == nullptr || *property == "@graph";
  if (Value* set = find(result, "@set"); set != nullptr) {
    if (result.size() > (has(result, "@index") ? 2u : 1u))
      return fault("A set has other members", "invalid set or list object");
    Value items = std::move(*set);
    if (!items.is_object()) return items;
    Object inner = std::move(items.get_object());
    result = std::move(inner);
  }
  if (has(result, "@list") && result.size() > (has(result, "@index") ? 2u : 1u))
    return fault("A list has other members", "invalid set or list object");
  if (result.size() == 1 && has(result, "@language")) return Value(nullptr);
  if (is_top) {
    if (result.empty() || has(result, "@value") || has(result, "@list")) return Value(nullptr);
    if (result.size() == 1 && has(result, "@id")) return Value(nullptr);
  }
  return Value(std::move(result));
}

}  // namespace madang::ngsi::jsonld
