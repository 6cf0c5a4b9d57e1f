#include "jsonld/expand.h"

#include <algorithm>

#include "jsonld/expand_node.h"
#include "jsonld/iri.h"
#include "jsonld/objects.h"

namespace madang::ngsi::jsonld {

using base::Status;

namespace {

constexpr std::size_t kMaxNesting =
    256;  // of expansion; documents are not deeper than kMaxDepth, contexts may add some

std::uint8_t container_of(const TermDefinition* term) {
  return term == nullptr ? std::uint8_t{0} : term->container;
}

/// A value, or nothing but an @id.
bool is_reference(const ActiveContext& active, const Object& object) {
  for (const auto& each : object) {
    const std::string name = Processor::expand_iri(active, key_of(each), false, true);
    if (name == "@value" || (name == "@id" && object.size() == 1)) return true;
  }
  return false;
}

}  // namespace

base::Result<Value> Expander::expand_document(const ActivePtr& active, const Value& document) {
  MADANG_TRY(Value result, expand(active, nullptr, document, false, 0));
  if (result.is_object() && result.get_object().size() == 1 && has(result.get_object(), "@graph")) {
    Value graph = std::move(*find(result.get_object(), "@graph"));
    result = std::move(graph);
  }
  if (result.is_null()) result = Array();
  return as_array(std::move(result));
}

base::Result<Value> Expander::expand(ActivePtr active, const std::string* property, const Value& element, bool from_map,
                                     std::size_t depth) {
  if (depth > kMaxNesting) return base::error(base::Code::too_complex, "The document is nested too deeply.");
  if (element.is_null()) return Value(nullptr);
  if (is_scalar(element)) return expand_scalar(std::move(active), property, element);
  if (element.is_array()) return expand_array(active, property, element.get_array(), from_map, depth);

  const Object& object = element.get_object();
  TermPtr term;
  if (property != nullptr) {
    if (const auto found = active->terms.find(*property); found != active->terms.end()) term = found->second;
  }
  // Step 7: a context that does not propagate ends here, unless the object only says what is referred to.
  if (active->previous && !from_map && !is_reference(*active, object)) active = ActivePtr(active->previous);
  if (term != nullptr && term->scoped) {
    MADANG_TRY(active, processor_.process_scoped(active, *term, {true, true, true}));
  }
  if (const Value* context = find(object, "@context")) {
    MADANG_TRY(active, processor_.process(active, *context, {document_url_, "/@context"}));
  }
  const ActivePtr type_scoped = active;
  MADANG_CHECK(read_types(active, type_scoped, object));

  Node node{active, type_scoped, property};
  for (const auto* each : in_order(object)) {
    if (iri(*active, key_of(*each), false, true) != "@type") continue;
    const Value& types = each->value();
    const Value* last = &types;
    if (types.is_array()) last = types.get_array().empty() ? nullptr : &types.get_array().back();
    if (last != nullptr && last->is_string()) node.input_type = iri(*active, text_of(*last), false, true);
    break;
  }
  MADANG_CHECK(read_members(node, object, depth));
  return finish(node, property);
}

base::Result<Value> Expander::expand_scalar(ActivePtr active, const std::string* property, const Value& element) {
  if (property == nullptr || *property == "@graph") return Value(nullptr);
  if (const TermDefinition* term = active->find(*property); term != nullptr && term->scoped) {
    MADANG_TRY(active, processor_.process_scoped(active, *term, {true, true, true}));
  }
  return expand_value(*active, active->find(*property), element);
}

base::Result<Value> Expander::expand_array(const ActivePtr& active, const std::string* property, const Array& array,
                                           bool from_map, std::size_t depth) {
  Array result;
  const bool in_list = property != nullptr && (container_of(active->find(*property)) & kList) != 0;
  for (const Value& item : array) {
    MADANG_TRY(Value expanded, expand(active, property, item, from_map, depth + 1));
    if (in_list && expanded.is_array()) expanded = Object{{"@list", std::move(expanded)}};
    if (expanded.is_array()) {
      for (Value& inner : expanded.get_array()) result.push_back(std::move(inner));
    } else if (!expanded.is_null()) {
      result.push_back(std::move(expanded));
    }
  }
  return Value(std::move(result));
}

/// Step 11: the types of an object may bring contexts of their own.
Status Expander::read_types(ActivePtr& active, const ActivePtr& type_scoped, const Object& element) {
  const ActivePtr names = active;
  for (const auto* each : in_order(element)) {
    if (iri(*names, key_of(*each), false, true) != "@type") continue;
    std::vector<std::string_view> types;
    if (each->value().is_string()) types.push_back(text_of(each->value()));
    if (each->value().is_array()) {
      for (const Value& item : each->value().get_array()) {
        if (item.is_string()) types.push_back(text_of(item));
      }
    }
    std::sort(types.begin(), types.end());
    for (const std::string_view type : types) {
      const TermDefinition* term = type_scoped->find(type);
      if (term == nullptr || !term->scoped) continue;
      MADANG_TRY(active, processor_.process_scoped(active, *term, {false, false, true}));
    }
  }
  return {};
}

/// Step 13, and 14 for what is nested.
Status Expander::read_members(Node& node, const Object& element, std::size_t depth) {
  std::vector<std::string> nests;
  for (const auto* each : in_order(element)) {
    const std::string key(key_of(*each));
    if (key == "@context") continue;
    const std::string name = iri(*node.active, key, false, true);
    if (is_keyword(name)) {
      if (name == "@nest") {
        nests.push_back(key);
        continue;
      }
      MADANG_CHECK(read_keyword(node, key, name, each->value(), depth));
    } else if (name.find(':') != std::string::npos) {
      MADANG_CHECK(read_property(node, key, name, each->value(), depth));
    }
  }
  return read_nests(node, element, nests, depth);
}

Status Expander::read_nests(Node& node, const Object& element, const std::vector<std::string>& nests,
                            std::size_t depth) {
  if (!nests.empty() && depth > kMaxNesting) return base::error(base::Code::too_complex, "Nested too deeply.");
  for (const std::string& nest : nests) {
    const Value values = as_array(*find(element, nest));
    for (const Value& nested : values.get_array()) {
      if (!nested.is_object()) return fault("The value of @nest is no object", "invalid @nest value");
      for (const auto& each : nested.get_object()) {
        if (iri(*node.active, key_of(each), false, true) == "@value")
          return fault("The value of @nest is a value", "invalid @nest value");
      }
      const ActivePtr outside = node.active;
      const std::string* const property = node.property;
      if (const TermDefinition* term = outside->find(nest); term != nullptr && term->scoped) {
        MADANG_TRY(node.active, processor_.process_scoped(outside, *term, {true, true, true}));
      }
      node.property = &nest;
      MADANG_CHECK(read_members(node, nested.get_object(), depth + 1));
      node.property = property;
      node.active = outside;
    }
  }
  return {};
}

/// Steps 13.5 to 13.14.
Status Expander::read_property(Node& node, const std::string& key, const std::string& name, const Value& value,
                               std::size_t depth) {
  const ActivePtr& active = node.active;
  const TermDefinition* term = active->find(key);
  const std::uint8_t container = container_of(term);
  Value expanded;
  if (term != nullptr && term->type == "@json") {
    expanded = Object{{"@value", value}, {"@type", "@json"}};
  } else if ((container & kLanguage) != 0 && value.is_object()) {
    MADANG_TRY(expanded, expand_language_map(node, term, value.get_object()));
  } else if ((container & (kIndex | kType | kId)) != 0 && value.is_object()) {
    MADANG_TRY(expanded, expand_map(node, key, *term, value.get_object(), depth));
  } else {
    MADANG_TRY(expanded, expand(active, &key, value, false, depth + 1));
  }
  if (expanded.is_null()) return {};
  if ((container & kList) != 0 && !is_list_object(expanded))
    expanded = Object{{"@list", as_array(std::move(expanded))}};
  if ((container & kGraph) != 0 && (container & (kId | kIndex)) == 0) {
    Array graphs;
    Value items = as_array(std::move(expanded));
    for (Value& item : items.get_array()) graphs.push_back(Object{{"@graph", as_array(std::move(item))}});
    expanded = std::move(graphs);
  }
  if (term != nullptr && term->is_reverse) return add_reverse(node, name, std::move(expanded));
  add_value(node.result, name, std::move(expanded), true);
  return {};
}

Status Expander::add_reverse(Node& node, const std::string& name, Value items) const {
  if (!has(node.result, "@reverse")) member(node.result, "@reverse") = Object();
  Object& reverse = member(node.result, "@reverse").get_object();
  items = as_array(std::move(items));
  for (Value& item : items.get_array()) {
    if (is_value_object(item) || is_list_object(item))
      return fault("A reverse property has a value that is no node", "invalid reverse property value");
    add_value(reverse, name, std::move(item), true);
  }
  return {};
}

/// Step 13.7.
base::Result<Value> Expander::expand_language_map(const Node& node, const TermDefinition* term,
                                                  const Object& map) const {
  Array result;
  const std::optional<std::string>& direction =
      term != nullptr && term->direction.is_given ? term->direction.text : node.active->direction;
  for (const auto* each : in_order(map)) {
    const Value items = as_array(each->value());
    for (const Value& item : items.get_array()) {
      if (item.is_null()) continue;
      if (!item.is_string()) return fault("A language map has a value that is no text", "invalid language map value");
      Object made{{"@value", item}};
      const std::string_view language = key_of(*each);
      if (language != "@none" && iri(*node.active, language, false, true) != "@none")
        member(made, "@language") = text_value(language);
      if (direction) member(made, "@direction") = text_value(*direction);
      result.push_back(std::move(made));
    }
  }
  return Value(std::move(result));
}

/// Step 13.8.
base::Result<Value> Expander::expand_map(const Node& node, const std::string& key, const TermDefinition& term,
                                         const Object& map, std::size_t depth) {
  Array result;
  for (const auto* each : in_order(map)) {
    const std::string index(key_of(*each));
    ActivePtr context = node.active;
    if ((term.container & (kId | kType)) != 0 && context->previous) context = context->previous;
    if (const TermDefinition* type = context->find(index); (term.container & kType) != 0 && type && type->scoped) {
      MADANG_TRY(context, processor_.process_scoped(context, *type, {false, true, true}));
    }
    const std::string expanded_index = iri(*node.active, index, false, true);
    MADANG_TRY(Value items, expand(context, &key, as_array(each->value()), true, depth + 1));
    for (Value& item : items.get_array()) {
      MADANG_CHECK(complete_map_item(node, term, index, expanded_index, item));
      result.push_back(std::move(item));
    }
  }
  return Value(std::move(result));
}

/// Step 13.8.3.7: what the key of the map says of an item.
Status Expander::complete_map_item(const Node& node, const TermDefinition& term, const std::string& index,
                                   const std::string& expanded_index, Value& item) const {
  if ((term.container & kGraph) != 0 && !is_graph_object(item)) item = Object{{"@graph", as_array(std::move(item))}};
  const bool has_key = expanded_index != "@none";
  if (!item.is_object() || !has_key) return {};
  Object& object = item.get_object();
  if ((term.container & kIndex) != 0 && !term.index.empty()) {
    const ActiveContext& active = *node.active;
    Array values;
    values.push_back(expand_value(active, active.find(term.index), text_value(index)));
    const std::string property = iri(active, term.index, false, true);
    if (Value* old = find(object, property)) {
      Value more = as_array(std::move(*old));
      for (Value& each : more.get_array()) values.push_back(std::move(each));
    }
    member(object, property) = std::move(values);
    if (is_value_object(item) && object.size() > 1)
      return fault("A value in an index map would get a property", "invalid value object");
  } else if ((term.container & kIndex) != 0 && !has(object, "@index")) {
    member(object, "@index") = text_value(index);
  } else if ((term.container & kId) != 0 && !has(object, "@id")) {
    member(object, "@id") = text_value(iri(*node.active, index, true, false));
  } else if ((term.container & kType) != 0) {
    Array types;
    types.push_back(text_value(expanded_index));
    if (Value* old = find(object, "@type")) {
      Value more = as_array(std::move(*old));
      for (Value& each : more.get_array()) types.push_back(std::move(each));
    }
    member(object, "@type") = std::move(types);
  }
  return {};
}

/// Value expansion (5.3).
Value Expander::expand_value(const ActiveContext& active, const TermDefinition* term, const Value& value) const {
  if (term != nullptr && value.is_string() && (term->type == "@id" || term->type == "@vocab")) {
    const std::string expanded = iri(active, text_of(value), true, term->type == "@vocab");
    return Object{{"@id", is_iri_null(text_of(value), expanded) ? Value(nullptr) : text_value(expanded)}};
  }
  Object result{{"@value", value}};
  if (term != nullptr && !term->type.empty() && term->type != "@id" && term->type != "@vocab" &&
      term->type != "@none") {
    member(result, "@type") = text_value(term->type);
  } else if (value.is_string()) {
    const auto& language = term != nullptr && term->language.is_given ? term->language.text : active.language;
    const auto& direction = term != nullptr && term->direction.is_given ? term->direction.text : active.direction;
    if (language) member(result, "@language") = text_value(*language);
    if (direction) member(result, "@direction") = text_value(*direction);
  }
  return result;
}

}  // namespace madang::ngsi::jsonld
