#include "jsonld/inverse_context.h"

#include <algorithm>

#include "jsonld/iri.h"
#include "jsonld/objects.h"
#include "jsonld/process.h"

namespace madang::ngsi::jsonld {

namespace {

/// Containers of a term, in the order of their names: "@index@set".
std::string container_key(std::uint8_t container) {
  constexpr std::pair<std::uint8_t, std::string_view> kInOrder[] = {
      {kGraph, "@graph"}, {kId, "@id"},   {kIndex, "@index"}, {kLanguage, "@language"},
      {kList, "@list"},   {kSet, "@set"}, {kType, "@type"}};
  std::string key;
  for (const auto& [bit, name] : kInOrder) {
    if ((container & bit) != 0) key += name;
  }
  return key.empty() ? "@none" : key;
}

}  // namespace

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

std::string language_key(const std::optional<std::string>& language, const std::optional<std::string>& direction) {
  if (direction) return lower(language.value_or("")) + '_' + *direction;
  return language ? lower(*language) : "@null";
}

InverseContext::InverseContext(const ActiveContext& active) {
  const std::string default_language = active.language ? lower(*active.language) : "@none";
  std::vector<std::pair<std::string_view, const TermDefinition*>> terms;
  for (const auto& [name, term] : active.terms) {
    if (!term->iri.empty()) terms.emplace_back(name, term.get());
  }
  // The shortest term first, of equals the first in the alphabet: what is there already stays.
  std::sort(terms.begin(), terms.end(), [](const auto& a, const auto& b) {
    return a.first.size() != b.first.size() ? a.first.size() < b.first.size() : a.first < b.first;
  });
  for (const auto& [name, term] : terms) {
    ByKind& kinds = by_iri_[term->iri][container_key(term->container)];
    ByValue& languages = kinds["@language"];
    ByValue& types = kinds["@type"];
    kinds["@any"].try_emplace("@none", name);
    if (term->is_reverse) {
      types.try_emplace("@reverse", name);
    } else if (term->type == "@none") {
      languages.try_emplace("@any", name);
      types.try_emplace("@any", name);
    } else if (!term->type.empty()) {
      types.try_emplace(term->type, name);
    } else if (term->language.is_given && term->direction.is_given) {
      languages.try_emplace(language_key(term->language.text, term->direction.text), name);
    } else if (term->language.is_given) {
      languages.try_emplace(language_key(term->language.text, std::nullopt), name);
    } else if (term->direction.is_given) {
      languages.try_emplace(term->direction.text ? '_' + *term->direction.text : "@none", name);
    } else {
      languages.try_emplace(active.direction ? language_key(active.language, active.direction) : default_language,
                            name);
      languages.try_emplace("@none", name);
      types.try_emplace("@none", name);
    }
  }
}

std::string_view InverseContext::select(std::string_view iri, std::span<const std::string> containers,
                                        std::string_view type_or_language,
                                        std::span<const std::string> preferred) const {
  const auto found = by_iri_.find(iri);
  if (found == by_iri_.end()) return {};
  for (const std::string& container : containers) {
    const auto kinds = found->second.find(container);
    if (kinds == found->second.end()) continue;
    const auto values = kinds->second.find(type_or_language);
    if (values == kinds->second.end()) continue;
    for (const std::string& item : preferred) {
      if (const auto term = values->second.find(item); term != values->second.end()) return term->second;
    }
  }
  return {};
}

const InverseContext& inverse_of(const ActiveContext& active) {
  if (!active.inverse) active.inverse = std::make_shared<const InverseContext>(active);
  return *active.inverse;
}

namespace {

/// What of a value decides about the term (6.2.2, step 4).
class Choice {
 public:
  Choice(const ActiveContext& active, const CompactIriHow& how) : active_(active), how_(how) {}

  std::vector<std::string> containers;
  std::string kind = "@language";
  std::string value = "@null";

  void look_at(const Value* it) {
    const Object* object = it != nullptr && it->is_object() ? &it->get_object() : nullptr;
    const bool has_index = object != nullptr && find(*object, "@index") != nullptr;
    const bool graph = object != nullptr && is_graph_object(*object);
    if (has_index && !graph) add({"@index", "@index@set"});
    if (how_.reverse) {
      kind = "@type", value = "@reverse";
      add({"@set"});
    } else if (object != nullptr && find(*object, "@list") != nullptr) {
      look_at_list(*object, has_index);
    } else if (graph) {
      look_at_graph(*object, has_index);
    } else {
      look_at_value(object, has_index);
    }
    add({"@none"});
    if (!how_.json_ld_1_0 && !has_index) add({"@index", "@index@set"});
    if (!how_.json_ld_1_0 && object != nullptr && object->size() == 1 && find(*object, "@value") != nullptr)
      add({"@language", "@language@set"});
  }

 private:
  void add(std::initializer_list<const char*> names) {
    containers.insert(containers.end(), names.begin(), names.end());
  }

  static std::optional<std::string> text(const Object& object, std::string_view key) {
    const Value* found = find(object, key);
    if (found == nullptr || !found->is_string()) return std::nullopt;
    return std::string(text_of(*found));
  }

  void look_at_list(const Object& object, bool has_index) {
    if (!has_index) add({"@list"});
    const Value& list = *find(object, "@list");
    const Array empty;
    const Array& items = list.is_array() ? list.get_array() : empty;
    std::optional<std::string> language, type;
    if (items.empty()) language = active_.language ? lower(*active_.language) : "@none";
    for (const Value& item : items) {
      std::string its_language = "@none", its_type = "@none";
      const Object* member = item.is_object() ? &item.get_object() : nullptr;
      const bool is_value = member != nullptr && find(*member, "@value") != nullptr;
      if (is_value) {
        if (find(*member, "@direction") != nullptr || find(*member, "@language") != nullptr)
          its_language = language_key(text(*member, "@language"), text(*member, "@direction"));
        else if (const auto said = text(*member, "@type"))
          its_type = *said;
        else
          its_language = "@null";
      } else {
        its_type = "@id";
      }
      if (!language)
        language = its_language;
      else if (*language != its_language && is_value)
        language = "@none";
      if (!type)
        type = its_type;
      else if (*type != its_type)
        type = "@none";
      if (*language == "@none" && *type == "@none") break;
    }
    const std::string common = type.value_or("@none");
    kind = common != "@none" ? "@type" : "@language";
    value = common != "@none" ? common : language.value_or("@none");
  }

  void look_at_graph(const Object& object, bool has_index) {
    const bool has_id = find(object, "@id") != nullptr;
    if (has_index) add({"@graph@index", "@graph@index@set"});
    if (has_id) add({"@graph@id", "@graph@id@set"});
    add({"@graph", "@graph@set", "@set"});
    if (!has_index) add({"@graph@index", "@graph@index@set"});
    if (!has_id) add({"@graph@id", "@graph@id@set"});
    add({"@index", "@index@set"});
    kind = "@type", value = "@id";
  }

  void look_at_value(const Object* object, bool has_index) {
    if (object != nullptr && find(*object, "@value") != nullptr) {
      const auto language = text(*object, "@language"), direction = text(*object, "@direction");
      if ((direction || language) && !has_index) {
        value = language_key(language, direction);
        add({"@language", "@language@set"});
      } else if (const auto type = text(*object, "@type")) {
        kind = "@type", value = *type;
      }
    } else {
      kind = "@type", value = "@id";
      add({"@id", "@id@set", "@type", "@set@type"});
    }
    add({"@set"});
  }

  const ActiveContext& active_;
  const CompactIriHow& how_;
};

/// Steps 4.14 to 4.19.
base::Result<std::vector<std::string>> preferred_values(const ActiveContext& active, Choice& choice,
                                                        const CompactIriHow& how) {
  std::vector<std::string> preferred;
  const Object* object = how.value != nullptr && how.value->is_object() ? &how.value->get_object() : nullptr;
  const Value* id = object != nullptr ? find(*object, "@id") : nullptr;
  if (choice.value == "@reverse") preferred.push_back("@reverse");
  if ((choice.value == "@id" || choice.value == "@reverse") && id != nullptr && id->is_string()) {
    CompactIriHow plain = how;
    plain.value = nullptr;
    plain.reverse = false;
    MADANG_TRY(const std::string shown, compact_iri(active, text_of(*id), plain));
    const TermDefinition* term = active.find(shown);
    const bool is_term = term != nullptr && term->iri == text_of(*id);
    for (const char* each : {is_term ? "@vocab" : "@id", is_term ? "@id" : "@vocab", "@none"})
      preferred.push_back(each);
  } else {
    preferred.push_back(choice.value);
    preferred.push_back("@none");
    const Value* list = object != nullptr ? find(*object, "@list") : nullptr;
    if (list != nullptr && list->is_array() && list->get_array().empty()) choice.kind = "@any";
  }
  preferred.push_back("@any");
  const std::size_t count = preferred.size();
  for (std::size_t i = 0; i < count; ++i) {
    if (const auto bar = preferred[i].find('_'); bar != std::string::npos)
      preferred.push_back(preferred[i].substr(bar));
  }
  return preferred;
}

}  // namespace

base::Result<std::string> compact_iri(const ActiveContext& active, std::string_view iri, const CompactIriHow& how) {
  if (how.vocabulary && inverse_of(active).has(iri)) {
    Choice choice(active, how);
    choice.look_at(how.value);
    MADANG_TRY(const auto preferred, preferred_values(active, choice, how));
    const std::string_view term = inverse_of(active).select(iri, choice.containers, choice.kind, preferred);
    if (!term.empty()) return std::string(term);
  }
  if (how.vocabulary && active.vocabulary && iri.starts_with(*active.vocabulary) &&
      iri.size() > active.vocabulary->size()) {
    const std::string_view suffix = iri.substr(active.vocabulary->size());
    if (active.find(suffix) == nullptr) return std::string(suffix);
  }
  std::string best;
  for (const auto& [name, term] : active.terms) {
    const std::string& start = term->iri;
    if (start.empty() || !term->is_prefix || start.size() >= iri.size() || !iri.starts_with(start)) continue;
    std::string candidate = name + ':' + std::string(iri.substr(start.size()));
    const TermDefinition* taken = active.find(candidate);
    if (taken != nullptr && (taken->iri != iri || how.value != nullptr)) continue;
    const bool is_better =
        best.empty() || candidate.size() < best.size() || (candidate.size() == best.size() && candidate < best);
    if (is_better) best = std::move(candidate);
  }
  if (!best.empty()) return best;
  std::string_view prefix, suffix;
  if (split_compact_iri(iri, prefix, suffix)) {
    const TermDefinition* term = active.find(prefix);
    if (term != nullptr && term->is_prefix)
      return fault(
          "The IRI " + std::string(iri) + " would be read as one with the prefix \"" + std::string(prefix) + '"',
          "IRI confused with prefix");
  }
  if (!how.vocabulary && active.base && how.to_relative) return relative_to(*active.base, iri);
  return std::string(iri);
}

}  // namespace madang::ngsi::jsonld
