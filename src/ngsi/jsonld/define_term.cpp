// Create term definition (JSON-LD 1.1 API, 4.2). Steps are those of 4.2.2.

#include <algorithm>

#include "madang/base/json.h"
#include "madang/base/uri.h"

#include "jsonld/iri.h"
#include "jsonld/process_local.h"

namespace madang::ngsi::jsonld {

using base::Code;
using base::Status;

namespace {

constexpr std::size_t kMaxChain = 64;  // definitions that need one another in turn; each costs stack

constexpr std::string_view kInvalidTerm = "invalid term definition";

/// Step 14.2.5: an IRI that ends so can be continued by a suffix.
bool ends_like_a_prefix(std::string_view iri) {
  return !iri.empty() && (std::string_view(":/?#[]@").find(iri.back()) != std::string_view::npos || is_blank_node(iri));
}

std::uint8_t container_bit(std::string_view name) {
  constexpr std::pair<std::string_view, std::uint8_t> kNames[] = {
      {"@graph", kGraph}, {"@id", kId},   {"@index", kIndex}, {"@language", kLanguage},
      {"@list", kList},   {"@set", kSet}, {"@type", kType}};
  for (const auto& [known, bit] : kNames) {
    if (known == name) return bit;
  }
  return 0;
}

/// Step 19.1: which containers go together.
bool is_container(std::uint8_t bits, std::size_t count) {
  if (count == 1) return true;
  if ((bits & kGraph) != 0 && (bits & (kId | kIndex)) != 0) {
    const bool both = (bits & kId) != 0 && (bits & kIndex) != 0;
    return !both && (bits & ~(kGraph | kId | kIndex | kSet)) == 0;
  }
  return (bits & kSet) != 0 && (bits & kList) == 0 && count == 2;
}

}  // namespace

base::Error Processor::term_fault(const Local& local, std::string_view term, std::string_view what,
                                  std::string_view code, Code kind) const {
  std::string where = local.site.where + '/';
  base::json::append_pointer(where, term);
  return fault("The context's term \"" + std::string(term) + "\" " + std::string(what), code, std::move(where), kind);
}

base::Error Processor::cycle(const Local& local, std::string_view term) const {
  std::string chain;
  for (auto at = std::find(local.chain.begin(), local.chain.end(), term); at != local.chain.end(); ++at)
    chain += *at + " -> ";
  return term_fault(local, term, "is defined by itself: " + chain + std::string(term), "cyclic IRI mapping");
}

Status Processor::define(Local& local, std::string_view term) {
  if (const auto found = local.defined.find(term); found != local.defined.end())
    return found->second ? Status() : Status(cycle(local, term));
  if (is_ngsi() && rules_.core->find(term) != nullptr) return {};  // clause 5.5.7: the core context stands above all
  if (term.empty()) return term_fault(local, term, "is empty", kInvalidTerm);
  const Value& written = *find(local.object, term);
  TermDefinition definition;
  definition.is_protected = local.protect;
  if (term == "@type" && !rules_.json_ld_1_0) {
    MADANG_CHECK(define_type_keyword(local, written, definition));
  } else if (is_keyword(term)) {
    return term_fault(local, term, "is a keyword and cannot be defined anew", "keyword redefinition");
  } else if (looks_like_keyword(term)) {
    return {};  // step 5: reserved for later versions, ignored
  }
  if (local.chain.size() >= kMaxChain) {
    return term_fault(local, term, "is defined through more than " + std::to_string(kMaxChain) + " others",
                      "context overflow", Code::too_complex);
  }
  local.defined.emplace(term, false);
  local.chain.emplace_back(term);
  MADANG_CHECK(spend(1, local.site));
  TermPtr before;
  if (const auto old = local.active.terms.find(term); old != local.active.terms.end()) {
    before = old->second;
    local.active.terms.erase(old);
  }
  const Object as_object{{"@id", written}};
  const bool is_simple = written.is_string();
  if (!is_simple && !written.is_null() && !written.is_object())
    return term_fault(local, term, "is defined by something that is neither a string nor an object", kInvalidTerm);
  const Object& value = written.is_object() ? written.get_object() : as_object;

  if (const Value* flag = find(value, "@protected")) {
    if (rules_.json_ld_1_0) return term_fault(local, term, "has @protected, which is of JSON-LD 1.1", kInvalidTerm);
    if (!flag->is_bool())
      return term_fault(local, term, "has a @protected that is neither true nor false", "invalid @protected value");
    definition.is_protected = flag->get_bool();
  }
  MADANG_CHECK(read_type(local, value, definition));
  bool is_used = true;
  const Value* id = find(value, "@id");
  if (find(value, "@reverse") != nullptr) {
    MADANG_TRY(is_used, read_reverse(local, term, value, definition));
    if (is_used) MADANG_CHECK(activate(local, term, std::move(definition), nullptr));
    local.chain.pop_back();
    return local.mark(term, true), Status();
  }
  if (id != nullptr && !(id->is_string() && text_of(*id) == term)) {
    MADANG_TRY(is_used, read_id(local, term, *id, is_simple, definition));
  } else {
    MADANG_CHECK(find_own_iri(local, term, definition));
  }
  if (is_used) {
    if (const Value* container = find(value, "@container")) MADANG_CHECK(read_container(local, *container, definition));
    MADANG_CHECK(read_rest(local, term, value, definition));
    MADANG_CHECK(activate(local, term, std::move(definition), before));
  }
  local.chain.pop_back();
  return local.mark(term, true), Status();
}

/// Step 4: the one keyword that may be a term, `"@type": {"@container": "@set"}`.
Status Processor::define_type_keyword(Local& local, const Value& value, TermDefinition& definition) const {
  const auto bad = [&] {
    return term_fault(local, "@type", "is a keyword and cannot be defined anew", "keyword redefinition");
  };
  if (!value.is_object() || value.get_object().empty()) return bad();
  for (const auto& each : value.get_object()) {
    const bool as_set = key_of(each) == "@container" && each.value().is_string() && text_of(each.value()) == "@set";
    if (!as_set && key_of(each) != "@protected") return bad();
  }
  definition.iri = "@type";
  return {};
}

/// Step 12.
Status Processor::read_type(Local& local, const Object& value, TermDefinition& definition) {
  const Value* type = find(value, "@type");
  if (type == nullptr) return {};
  const std::string term = local.chain.back();
  if (!type->is_string()) return term_fault(local, term, "has an @type that is not a string", "invalid type mapping");
  MADANG_TRY(definition.type, expand_local(local, text_of(*type), false));
  const bool is_new = definition.type == "@json" || definition.type == "@none";
  const bool is_known = is_new || definition.type == "@id" || definition.type == "@vocab";
  if (is_new && rules_.json_ld_1_0)
    return term_fault(local, term, "has an @type of JSON-LD 1.1", "invalid type mapping");
  if (!is_known && !is_iri(definition.type))
    return term_fault(local, term, "has an @type that is no IRI", "invalid type mapping");
  return {};
}

/// Step 13. False: the term is not to be defined.
base::Result<bool> Processor::read_reverse(Local& local, std::string_view term, const Object& value,
                                           TermDefinition& definition) {
  if (find(value, "@id") != nullptr || find(value, "@nest") != nullptr)
    return term_fault(local, term, "has @reverse beside @id or @nest", "invalid reverse property");
  const Value& reverse = *find(value, "@reverse");
  if (!reverse.is_string())
    return term_fault(local, term, "has a @reverse that is not a string", "invalid IRI mapping");
  if (!is_keyword(text_of(reverse)) && looks_like_keyword(text_of(reverse))) return false;
  MADANG_TRY(definition.iri, expand_local(local, text_of(reverse), false));
  if (!is_iri(definition.iri) && !is_blank_node(definition.iri))
    return term_fault(local, term, "has a @reverse that is no IRI", "invalid IRI mapping");
  if (const Value* container = find(value, "@container"); container != nullptr && !container->is_null()) {
    MADANG_CHECK(read_container(local, *container, definition));
    if (container->is_array() || (definition.container & ~(kSet | kIndex)) != 0)
      return term_fault(local, term, "has a @container that reverse properties cannot have",
                        "invalid reverse property");
  }
  for (const auto& each : value) {
    const std::string_view key = key_of(each);
    if (key != "@reverse" && key != "@container" && key != "@type" && key != "@protected" && key != "@index" &&
        key != "@context" && key != "@language" && key != "@direction" && key != "@prefix")
      return term_fault(local, term, "has \"" + std::string(key) + "\", which JSON-LD 1.1 does not know", kInvalidTerm);
    if (key != "@index") continue;
    if ((definition.container & kIndex) == 0 || !each.value().is_string() ||
        !is_iri(expand_iri(local.active, text_of(each.value()), false, true)))
      return term_fault(local, term, "has an @index that is no IRI, or no @container @index", kInvalidTerm);
    definition.index = text_of(each.value());
  }
  definition.is_reverse = true;
  return true;
}

/// Step 14. False: the term is not to be defined.
base::Result<bool> Processor::read_id(Local& local, std::string_view term, const Value& id, bool is_simple,
                                      TermDefinition& definition) {
  if (id.is_null()) return definition.iri.clear(), true;
  if (!id.is_string()) return term_fault(local, term, "has an @id that is not a string", "invalid IRI mapping");
  if (!is_keyword(text_of(id)) && looks_like_keyword(text_of(id))) return false;
  MADANG_TRY(definition.iri, expand_local(local, text_of(id), false));
  if (definition.iri == "@context")
    return term_fault(local, term, "makes an alias of @context, which cannot be", "invalid keyword alias");
  if (!is_keyword(definition.iri) && !is_iri(definition.iri) && !is_blank_node(definition.iri))
    return term_fault(local, term, "means \"" + definition.iri + "\", which is not an IRI", "invalid IRI mapping");
  const bool has_colon = term.find(':', 1) < term.size() - 1;
  const bool has_slash = term.find('/') != term.npos;
  // Published data models have such terms ("open311:type" of their own); in NGSI-LD they mean what they say.
  if (has_slash || (has_colon && !is_ngsi())) {
    local.mark(term, true);  // while it is looked up: it may not be written with itself
    MADANG_TRY(const std::string own, expand_local(local, term, false));
    local.mark(term, false);
    if (own != definition.iri)
      return term_fault(local, term, "is an IRI itself and cannot mean another", "invalid IRI mapping");
  }
  definition.is_prefix = !has_slash && term.find(':') == term.npos && is_simple && ends_like_a_prefix(definition.iri);
  return true;
}

/// Steps 15 to 18: a term that says nothing about its IRI.
Status Processor::find_own_iri(Local& local, std::string_view term, TermDefinition& definition) {
  if (term.find(':', 1) != term.npos) {
    std::string_view prefix, suffix;
    definition.iri = term;
    if (!split_compact_iri(term, prefix, suffix)) return {};
    if (find(local.object, prefix) != nullptr) MADANG_CHECK(define(local, prefix));
    if (const TermDefinition* known = local.active.find(prefix); known != nullptr && !known->iri.empty())
      definition.iri = known->iri + std::string(suffix);
    return {};
  }
  if (term.find('/') != term.npos) {
    definition.iri = expand_iri(local.active, term, false, true);
    if (is_iri(definition.iri)) return {};
    return term_fault(local, term, "is a relative reference and has no @id", "invalid IRI mapping");
  }
  if (term == "@type") return definition.iri = "@type", Status();
  if (!local.active.vocabulary)
    return term_fault(local, term, "has no @id, and there is no @vocab", "invalid IRI mapping");
  definition.iri = *local.active.vocabulary + std::string(term);
  return {};
}

/// Step 19.
Status Processor::read_container(Local& local, const Value& value, TermDefinition& definition) const {
  const std::string& term = local.chain.back();
  const auto bad = [&] {
    return term_fault(local, term, "has a @container that JSON-LD does not know", "invalid container mapping");
  };
  std::size_t count = 1;
  if (value.is_string()) {
    definition.container = container_bit(text_of(value));
    if (definition.container == 0) return bad();
  } else if (value.is_array()) {
    count = value.get_array().size();
    for (const Value& item : value.get_array()) {
      const std::uint8_t bit = item.is_string() ? container_bit(text_of(item)) : std::uint8_t{0};
      if (bit == 0 || (definition.container & bit) != 0) return bad();
      definition.container = static_cast<std::uint8_t>(definition.container | bit);
    }
  } else {
    return bad();
  }
  if (count == 0 || !is_container(definition.container, count)) return bad();
  if (rules_.json_ld_1_0 && (!value.is_string() || (definition.container & (kGraph | kId | kType)) != 0)) return bad();
  if ((definition.container & kType) != 0) {
    if (definition.type.empty()) definition.type = "@id";
    if (definition.type != "@id" && definition.type != "@vocab")
      return term_fault(local, term, "has the @container @type and an @type other than @id and @vocab",
                        "invalid type mapping");
  }
  return {};
}

/// Steps 20 to 26.
Status Processor::read_rest(Local& local, std::string_view term, const Object& value, TermDefinition& definition) {
  const bool is_old = rules_.json_ld_1_0;
  for (const auto& each : value) {
    const std::string_view key = key_of(each);
    const Value& entry = each.value();
    if (key == "@id" || key == "@type" || key == "@container" || key == "@protected") continue;
    if (is_old && (key == "@index" || key == "@context" || key == "@nest" || key == "@prefix" || key == "@direction"))
      return term_fault(local, term, "has an entry of JSON-LD 1.1", kInvalidTerm);
    if (key == "@index") {
      if ((definition.container & kIndex) == 0 || !entry.is_string() ||
          !is_iri(expand_iri(local.active, text_of(entry), false, true)))
        return term_fault(local, term, "has an @index that is no IRI, or no @container @index", kInvalidTerm);
      definition.index = text_of(entry);
    } else if (key == "@context") {
      MADANG_CHECK(read_scoped(local, entry, definition));
    } else if (key == "@language") {
      if (!entry.is_null() && !entry.is_string())
        return term_fault(local, term, "has a @language that is not a string", "invalid language mapping");
      if (find(value, "@type") != nullptr) continue;
      definition.language.is_given = true;
      if (entry.is_string()) definition.language.text = std::string(text_of(entry));
    } else if (key == "@direction") {
      if (!entry.is_null() && !(entry.is_string() && (text_of(entry) == "ltr" || text_of(entry) == "rtl")))
        return term_fault(local, term, "has a @direction other than ltr and rtl", "invalid base direction");
      if (find(value, "@type") != nullptr) continue;
      definition.direction.is_given = true;
      if (entry.is_string()) definition.direction.text = std::string(text_of(entry));
    } else if (key == "@nest") {
      if (!entry.is_string() || (is_keyword(text_of(entry)) && text_of(entry) != "@nest"))
        return term_fault(local, term, "has a @nest that is no term", "invalid @nest value");
      definition.nest = text_of(entry);
    } else if (key == "@prefix") {
      if (term.find(':') != term.npos || term.find('/') != term.npos)
        return term_fault(local, term, "cannot be a prefix: it has a colon or slash", kInvalidTerm);
      if (!entry.is_bool())
        return term_fault(local, term, "has a @prefix that is neither true nor false", "invalid @prefix value");
      definition.is_prefix = entry.get_bool();
      if (definition.is_prefix && is_keyword(definition.iri))
        return term_fault(local, term, "cannot be a prefix: it stands for a keyword", kInvalidTerm);
    } else {
      return term_fault(local, term, "has \"" + std::string(key) + "\", which JSON-LD 1.1 does not know", kInvalidTerm);
    }
  }
  return {};
}

/// Step 21. NGSI-LD uses none of them (clause 5.5.7), so what they say need not be looked at there.
Status Processor::read_scoped(Local& local, const Value& context, TermDefinition& definition) {
  definition.scoped = std::make_shared<const Value>(context);
  definition.scoped_url = local.site.url;
  std::string where = local.site.where + '/';
  base::json::append_pointer(where, local.chain.back());
  definition.scoped_where = where + "/@context";
  if (is_ngsi()) return {};
  const auto active = std::make_shared<ActiveContext>(local.active);
  const auto tried = process(active, context, {definition.scoped_url, definition.scoped_where}, {true, true, false});
  if (tried.ok()) return {};
  return fault("The context of the term \"" + local.chain.back() + "\" is wrong: " + tried.error().message,
               "invalid scoped context", definition.scoped_where);
}

/// What NGSI-LD wants of names beyond JSON-LD.
Status Processor::check_name(const Local& local, std::string_view term, const TermDefinition& definition) const {
  if (definition.iri.size() > rules_.iri_bytes) {
    return term_fault(local, term, "means an IRI of more than " + std::to_string(rules_.iri_bytes) + " bytes",
                      "invalid IRI mapping", Code::too_large);
  }
  if (!is_ngsi() || definition.iri.empty() || is_keyword(definition.iri)) return {};
  if (base::is_absolute_uri(definition.iri)) return {};
  return term_fault(local, term, "means \"" + definition.iri + "\", which is not an IRI", "invalid IRI mapping");
}

/// Steps 27 and 28.
Status Processor::activate(Local& local, std::string_view term, TermDefinition definition, const TermPtr& before) {
  MADANG_CHECK(check_name(local, term, definition));
  TermPtr made;
  if (before != nullptr && before->is_protected && !local.manner.override_protected) {
    if (!definition.means_the_same(*before))
      return term_fault(local, term, "is protected and cannot be defined anew", "protected term redefinition");
    made = before;
  } else {
    made = std::make_shared<const TermDefinition>(std::move(definition));
  }
  const std::size_t fixed = is_ngsi() ? rules_.core->terms.size() : 0;
  if (local.active.terms.size() + 1 > rules_.terms + fixed) {
    return term_fault(local, term, "is one too many: a context may have " + std::to_string(rules_.terms) + " terms",
                      "context overflow", Code::too_large);
  }
  local.active.terms.insert_or_assign(std::string(term), std::move(made));
  return {};
}

/// IRI expansion (5.2) while a context is processed: terms of it that the value is written with are defined first.
base::Result<std::string> Processor::expand_local(Local& local, std::string_view value, bool document_relative) {
  if (is_keyword(value) || looks_like_keyword(value)) return expand_iri(local.active, value, false, true);
  const auto define_first = [&](std::string_view term) -> Status {
    if (find(local.object, term) == nullptr) return {};
    const auto found = local.defined.find(term);
    return found != local.defined.end() && found->second ? Status() : define(local, term);
  };
  MADANG_CHECK(define_first(value));
  std::string_view prefix, suffix;
  const bool is_term = local.active.find(value) != nullptr;
  if (!is_term && split_compact_iri(value, prefix, suffix)) MADANG_CHECK(define_first(prefix));
  return expand_iri(local.active, value, document_relative, true);
}

}  // namespace madang::ngsi::jsonld
