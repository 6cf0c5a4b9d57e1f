#include "jsonld/compact.h"

#include <algorithm>

#include "jsonld/compact_node.h"
#include "jsonld/iri.h"
#include "jsonld/objects.h"

namespace madang::ngsi::jsonld {

using base::Status;

namespace {

constexpr std::size_t kMaxNesting = 256;

bool same_text(const Value* value, const std::optional<std::string>& text) {
  if (value == nullptr || !value->is_string()) return !text;
  return text && lower(text_of(*value)) == lower(*text);
}

bool is_reference(const Object& element) {
  return has(element, "@value") || (element.size() == 1 && has(element, "@id"));
}

}  // namespace

base::Result<Object> Compacter::compact_document(const ActivePtr& active, const Value& expanded) {
  MADANG_TRY(Value result, compact(active, nullptr, expanded, 0));
  if (result.is_object()) return std::move(result.get_object());
  Object document;
  if (result.is_array() && !result.get_array().empty()) {
    MADANG_TRY(const std::string graph, word(*active, "@graph"));
    member(document, graph) = std::move(result);
  }
  return document;
}

base::Result<Value> Compacter::compact(ActivePtr active, const std::string* property, const Value& element,
                                       std::size_t depth) {
  if (depth > kMaxNesting) return base::error(base::Code::too_complex, "The document is nested too deeply.");
  if (element.is_array()) return compact_array(active, property, element.get_array(), depth);
  if (!element.is_object()) return element;
  const Object& object = element.get_object();
  const ActivePtr type_scoped = active;
  TermPtr term;
  if (property != nullptr) {
    if (const auto found = active->terms.find(*property); found != active->terms.end()) term = found->second;
  }
  if (active->previous && !is_reference(object)) active = ActivePtr(active->previous);
  if (term != nullptr && term->scoped) {
    MADANG_TRY(active, processor_.process_scoped(active, *term, {true, true, true}));
  }
  if (has(object, "@value") || has(object, "@id")) {
    MADANG_TRY(Value value, compact_value(active, property, object));
    const TermDefinition* now = property == nullptr ? nullptr : active->find(*property);
    if (!value.is_object() || (now != nullptr && now->type == "@json")) return value;
  }
  Node node{active, type_scoped, property};
  if (const Value* list = find(object, "@list"); list != nullptr && property != nullptr) {
    if ((node.container(*property) & kList) != 0) return compact(active, property, *list, depth + 1);
  }
  node.inside_reverse = property != nullptr && *property == "@reverse";
  if (const Value* types = find(object, "@type")) {
    std::vector<std::string> words;
    const Value all = as_array(*types);
    for (const Value& type : all.get_array()) {
      if (!type.is_string()) continue;
      MADANG_TRY(words.emplace_back(), word(*type_scoped, text_of(type)));
    }
    std::sort(words.begin(), words.end());
    for (const std::string& each : words) {
      const TermDefinition* type = type_scoped->find(each);
      if (type == nullptr || !type->scoped) continue;
      MADANG_TRY(node.active, processor_.process_scoped(node.active, *type, {false, false, true}));
    }
  }
  for (const auto* each : in_order(object)) {
    const std::string name(key_of(*each));
    bool is_done = false;
    if (is_keyword(name)) MADANG_CHECK(write_keyword(node, name, each->value(), depth, is_done));
    if (is_done) continue;
    const Value items = as_array(each->value());
    if (items.get_array().empty()) {
      MADANG_TRY(const std::string key,
                 compact_iri(*node.active, name,
                             {&each->value(), true, node.inside_reverse, rules_.json_ld_1_0, options_.to_relative}));
      MADANG_TRY(Object* const target, nest_of(node, key));
      add_value(*target, key, Array(), true);
    }
    for (const Value& item : items.get_array()) MADANG_CHECK(write_item(node, name, item, depth));
  }
  return Value(std::move(node.result));
}

base::Result<Value> Compacter::compact_array(const ActivePtr& active, const std::string* property, const Array& array,
                                             std::size_t depth) {
  Array result;
  for (const Value& item : array) {
    MADANG_TRY(Value compacted, compact(active, property, item, depth + 1));
    if (!compacted.is_null()) result.push_back(std::move(compacted));
  }
  const TermDefinition* term = property == nullptr ? nullptr : active->find(*property);
  const bool keeps = property != nullptr && (*property == "@graph" || *property == "@set");
  const bool in_container = term != nullptr && (term->container & (kList | kSet)) != 0;
  if (result.size() != 1 || !options_.compact_arrays || keeps || in_container) return Value(std::move(result));
  Value only = std::move(result.front());
  return only;
}

/// Steps 12.1 to 12.6.
Status Compacter::write_keyword(Node& node, const std::string& keyword, const Value& value, std::size_t depth,
                                bool& is_done) {
  is_done = true;
  if (keyword == "@type") return write_type(node, value);
  if (keyword == "@reverse") return write_reverse(node, value, depth);
  MADANG_TRY(const std::string alias, word(*node.active, keyword));
  if (keyword == "@id") {
    Value shown;
    if (value.is_string()) {
      MADANG_TRY(const std::string id, reference(*node.active, text_of(value)));
      shown = text_value(id);
    }
    member(node.result, alias) = std::move(shown);
  } else if (keyword == "@index" && node.property != nullptr && (node.container(*node.property) & kIndex) != 0) {
    return {};  // the key of the map says it
  } else if (keyword == "@index" || keyword == "@direction" || keyword == "@language" || keyword == "@value") {
    member(node.result, alias) = value;
  } else {
    is_done = false;
  }
  return {};
}

Status Compacter::write_type(Node& node, const Value& value) {
  Value shown;
  if (value.is_string()) {
    MADANG_TRY(const std::string type, word(*node.type_scoped, text_of(value)));
    shown = text_value(type);
  } else {
    Array types;
    for (const Value& item : value.get_array()) {
      MADANG_TRY(const std::string type, word(*node.type_scoped, text_of(item)));
      types.push_back(text_value(type));
    }
    if (types.size() == 1) {
      Value only = std::move(types.front());
      shown = std::move(only);
    } else {
      shown = std::move(types);
    }
  }
  MADANG_TRY(const std::string alias, word(*node.active, "@type"));
  const bool as_set = !rules_.json_ld_1_0 && (node.container(alias) & kSet) != 0;
  if (shown.is_array() && shown.get_array().empty()) {
    add_value(node.result, alias, std::move(shown), true);
  } else {
    add_value(node.result, alias, std::move(shown), as_set || !options_.compact_arrays);
  }
  return {};
}

/// Step 12.3.
Status Compacter::write_reverse(Node& node, const Value& value, std::size_t depth) {
  const std::string property = "@reverse";
  MADANG_TRY(Value compacted, compact(node.active, &property, value, depth + 1));
  if (!compacted.is_object()) return {};
  Object rest;
  for (auto& each : compacted.get_object()) {
    const std::string key(key_of(each));
    const TermDefinition* term = node.active->find(key);
    if (term != nullptr && term->is_reverse) {
      add_value(node.result, key, std::move(each.value()), (term->container & kSet) != 0 || !options_.compact_arrays);
    } else {
      member(rest, key) = std::move(each.value());
    }
  }
  if (rest.empty()) return {};
  MADANG_TRY(const std::string alias, word(*node.active, "@reverse"));
  member(node.result, alias) = std::move(rest);
  return {};
}

/// Where a term's values go: into the node, or into what the term says it is nested in.
base::Result<Object*> Compacter::nest_of(Node& node, const std::string& key) {
  const TermDefinition* term = node.active->find(key);
  if (term == nullptr || term->nest.empty()) return &node.result;
  if (term->nest != "@nest" && Processor::expand_iri(*node.active, term->nest, false, true) != "@nest")
    return fault("The @nest of \"" + key + "\" is no word for @nest", "invalid @nest value");
  Value& nest = member(node.result, term->nest);
  if (!nest.is_object()) nest = Object();
  return &nest.get_object();
}

/// Step 12.8.
Status Compacter::write_item(Node& node, const std::string& name, const Value& item, std::size_t depth) {
  MADANG_TRY(
      const std::string key,
      compact_iri(*node.active, name, {&item, true, node.inside_reverse, rules_.json_ld_1_0, options_.to_relative}));
  MADANG_TRY(Object* const target, nest_of(node, key));
  const std::uint8_t container = node.container(key);
  const bool as_array = (container & kSet) != 0 || key == "@graph" || key == "@list" || !options_.compact_arrays;
  const bool is_list = is_list_object(item), is_graph = is_graph_object(item);
  const Value& inner = is_list    ? *find(item.get_object(), "@list")
                       : is_graph ? *find(item.get_object(), "@graph")
                                  : item;
  MADANG_TRY(Value compacted, compact(node.active, &key, inner, depth + 1));
  if (is_list) return write_list(node, *target, key, item, std::move(compacted), as_array);
  if (is_graph) return write_graph(node, *target, key, item, std::move(compacted), as_array);
  if ((container & (kLanguage | kIndex | kId | kType)) != 0 && (container & kGraph) == 0)
    return write_map(node, *target, key, item, std::move(compacted), as_array, depth);
  if (compacted.is_array() && compacted.get_array().empty()) {
    add_value(*target, key, std::move(compacted), true);
  } else {
    add_value(*target, key, std::move(compacted), as_array);
  }
  return {};
}

Status Compacter::write_list(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                             bool as_array) {
  compacted = jsonld::as_array(std::move(compacted));
  if ((node.container(key) & kList) != 0) return member(target, key) = std::move(compacted), Status();
  Object made;
  MADANG_TRY(const std::string list, word(*node.active, "@list"));
  member(made, list) = std::move(compacted);
  if (const Value* index = find(item.get_object(), "@index")) {
    MADANG_TRY(const std::string alias, word(*node.active, "@index"));
    member(made, alias) = *index;
  }
  add_value(target, key, std::move(made), as_array);
  return {};
}

Status Compacter::write_graph(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                              bool as_array) {
  const std::uint8_t container = node.container(key);
  const Object& graph = item.get_object();
  const Value* id = find(graph, "@id");
  const Value* index = find(graph, "@index");
  const ActiveContext& active = *node.active;
  if ((container & kGraph) != 0 && (container & (kId | kIndex)) != 0 && ((container & kId) != 0 || id == nullptr)) {
    Value& map = member(target, key);
    if (!map.is_object()) map = Object();
    std::string map_key;
    if ((container & kId) != 0 && id != nullptr) {
      MADANG_TRY(map_key, reference(active, text_of(*id)));
    } else if ((container & kId) == 0 && index != nullptr) {
      map_key = text_of(*index);
    } else {
      MADANG_TRY(map_key, word(active, "@none"));
    }
    add_value(map.get_object(), map_key, std::move(compacted), as_array);
    return {};
  }
  if ((container & kGraph) != 0 && id == nullptr && (container & kId) == 0) {
    if (compacted.is_array() && compacted.get_array().size() > 1) {
      MADANG_TRY(const std::string included, word(active, "@included"));
      Object made;
      member(made, included) = std::move(compacted);
      compacted = std::move(made);
    }
    add_value(target, key, std::move(compacted), as_array);
    return {};
  }
  Object made;
  MADANG_TRY(const std::string alias, word(active, "@graph"));
  member(made, alias) = std::move(compacted);
  if (id != nullptr) {
    MADANG_TRY(const std::string id_alias, word(active, "@id"));
    MADANG_TRY(const std::string shown, reference(active, text_of(*id)));
    member(made, id_alias) = text_value(shown);
  }
  if (index != nullptr) {
    MADANG_TRY(const std::string index_alias, word(active, "@index"));
    member(made, index_alias) = *index;
  }
  add_value(target, key, std::move(made), as_array);
  return {};
}

/// Step 12.8.9.
Status Compacter::write_map(Node& node, Object& target, const std::string& key, const Value& item, Value compacted,
                            bool as_array, std::size_t depth) {
  MADANG_TRY(std::optional<std::string> map_key, take_key(node, key, item, compacted, depth));
  if (!map_key) {
    MADANG_TRY(map_key, word(*node.active, "@none"));
  }
  Value& map = member(target, key);
  if (!map.is_object()) map = Object();
  add_value(map.get_object(), *map_key, std::move(compacted), as_array);
  return {};
}

/// What an item is filed under; that is taken out of it.
base::Result<std::optional<std::string>> Compacter::take_key(Node& node, const std::string& key, const Value& item,
                                                             Value& compacted, std::size_t depth) {
  const ActiveContext& active = *node.active;
  const TermDefinition& term = *active.find(key);
  const Object* object = item.is_object() ? &item.get_object() : nullptr;
  std::optional<std::string> map_key;
  const auto first_of = [&](const std::string& name) {
    Value* found = compacted.is_object() ? find(compacted.get_object(), name) : nullptr;
    if (found == nullptr) return;
    Value values = as_array(std::move(*found));
    remove(compacted.get_object(), name);
    Array& all = values.get_array();
    if (all.empty() || !all.front().is_string()) {
      add_value(compacted.get_object(), name, std::move(values), false);
      return;
    }
    map_key = std::string(text_of(all.front()));
    for (std::size_t i = 1; i < all.size(); ++i) add_value(compacted.get_object(), name, std::move(all[i]), false);
  };
  if ((term.container & kLanguage) != 0 && object != nullptr && has(*object, "@value")) {
    compacted = *find(*object, "@value");
    if (const Value* language = find(*object, "@language")) map_key = std::string(text_of(*language));
  } else if ((term.container & kIndex) != 0 && term.index.empty()) {
    if (const Value* index = object != nullptr ? find(*object, "@index") : nullptr)
      map_key = std::string(text_of(*index));
  } else if ((term.container & kIndex) != 0) {
    // Without a value at hand a word for the IRI may be another than the typed term that was chosen for the value.
    first_of(term.index);
    if (map_key) return map_key;
    MADANG_TRY(const std::string name, word(active, Processor::expand_iri(active, term.index, false, true)));
    first_of(name);
  } else if ((term.container & kId) != 0) {
    MADANG_TRY(const std::string name, word(active, "@id"));
    first_of(name);
  } else if ((term.container & kType) != 0) {
    MADANG_TRY(const std::string name, word(active, "@type"));
    first_of(name);
    const Value* id = object != nullptr ? find(*object, "@id") : nullptr;
    const bool is_lone = compacted.is_object() && compacted.get_object().size() == 1;
    if (is_lone && id != nullptr &&
        Processor::expand_iri(active, key_of(*compacted.get_object().begin()), false, true) == "@id") {
      MADANG_TRY(compacted, compact(node.active, &key, Object{{"@id", *id}}, depth + 1));
    }
  }
  return map_key;
}

/// Value compaction (6.3).
base::Result<Value> Compacter::compact_value(const ActivePtr& active, const std::string* property,
                                             const Object& value) {
  const TermDefinition* term = property == nullptr ? nullptr : active->find(*property);
  const std::string_view mapped = term == nullptr ? std::string_view() : std::string_view(term->type);
  const auto& language = term != nullptr && term->language.is_given ? term->language.text : active->language;
  const auto& direction = term != nullptr && term->direction.is_given ? term->direction.text : active->direction;
  const bool index_is_said = !has(value, "@index") || (term != nullptr && (term->container & kIndex) != 0);
  const Value* id = find(value, "@id");
  const Value* type = find(value, "@type");
  const Value* plain = find(value, "@value");
  Value result = value;
  if (id != nullptr && value.size() == (has(value, "@index") ? 2u : 1u)) {
    if (id->is_string() && (mapped == "@id" || mapped == "@vocab") && index_is_said) {
      MADANG_TRY(const std::string shown,
                 mapped == "@id" ? reference(*active, text_of(*id)) : word(*active, text_of(*id)));
      return text_value(shown);
    }
  } else if (plain == nullptr) {
    return result;
  } else if (type != nullptr && type->is_string() && text_of(*type) == mapped && index_is_said) {
    return *plain;
  } else if (mapped == "@none" || type != nullptr) {
    if (type != nullptr) {
      Value shown;
      const Value types = as_array(*type);
      Array words;
      for (const Value& each : types.get_array()) {
        MADANG_TRY(const std::string name, word(*active, text_of(each)));
        words.push_back(text_value(name));
      }
      if (words.size() == 1) {
        Value only = std::move(words.front());
        shown = std::move(only);
      } else {
        shown = std::move(words);
      }
      member(result.get_object(), "@type") = std::move(shown);
    }
  } else if (!plain->is_string()) {
    if (index_is_said) return *plain;
  } else if (same_text(find(value, "@language"), language) && same_text(find(value, "@direction"), direction) &&
             index_is_said) {
    return *plain;
  }
  Object shown;
  for (auto& each : result.get_object()) {
    MADANG_TRY(const std::string key, word(*active, key_of(each)));
    member(shown, key) = std::move(each.value());
  }
  return Value(std::move(shown));
}

}  // namespace madang::ngsi::jsonld
