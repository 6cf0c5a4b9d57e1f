// JSON to fragments: one pass over the text with simdjson's on-demand parser, straight into an EntityBuilder. Here are
// documents and the members of entities; attributes are in attribute_reader.cpp.

#include <algorithm>
#include <optional>
#include <unordered_map>
#include <utility>

#include <simdjson.h>

#include "madang/base/uri.h"
#include "madang/ngsi/change.h"
#include "madang/ngsi/query.h"

#include "attribute_members.h"
#include "attribute_reader.h"
#include "fragment_reading.h"
#include "json_peek.h"
#include "json_text.h"
#include "plain_reader.h"
#include "scope_evolution.h"

namespace madang::ngsi {

namespace {

namespace od = simdjson::ondemand;
using base::Code;
using base::Status;

/// Nothing but white space may follow the document.
bool at_end(od::document& document) {
  const char* location;
  return document.current_location().get(location) != simdjson::SUCCESS;
}

simdjson::padded_string_view padded(std::string_view json) {
  return simdjson::padded_string_view(json.data(), json.size(), json.size() + simdjson::SIMDJSON_PADDING);
}

}  // namespace

struct FragmentReader::Impl {
  explicit Impl(const EntityLimits& limits) : in(limits) {}

  od::parser parser;
  FragmentReading in;
  AttributeReader attributes{in};
  PlainReader plain{in.limits};
  std::vector<Symbol> top;  // names of the entity's attributes so far

  // ---- entity members ----

  Status read_id(od::value& value, std::string_view expected, std::string_view& id) {
    MADANG_TRY(const std::string_view text, in.string_of(value, "The id"));
    if (text == kNull || !base::is_absolute_uri(text))
      return in.bad("The id must be a URI, such as \"urn:ngsi-ld:Building:1\".");
    if (text.size() > in.limits.id_bytes) return in.bad("The id is too long.", Code::too_large);
    if (!expected.empty() && text != expected) return in.bad("The id differs from the one in the address.");
    id = text;
    return {};
  }

  Status read_type_name(od::value& value) {
    MADANG_TRY(const std::string_view text, in.string_of(value, "A type"));
    if (text.empty() || text == kNull) return in.bad("A type must have a name.");
    auto symbol = in.vocabulary->intern(text);
    if (!symbol.ok()) return in.placed(std::move(symbol).error());
    in.builder.add_type(*symbol);
    return {};
  }

  Status read_types(od::value& value, std::size_t& count) {
    od::json_type type;
    if (auto code = value.type().get(type)) return in.broken(code);
    if (type != od::json_type::array) return count = 1, read_type_name(value);
    od::array array;
    if (auto code = value.get_array().get(array)) return in.broken(code);
    for (auto element : array) {
      od::value item;
      if (auto code = std::move(element).get(item)) return in.broken(code);
      const JsonPath::Step step(in.path, count);
      if (++count > in.limits.types) return in.bad("The entity has too many types.", Code::too_large);
      MADANG_CHECK(read_type_name(item));
    }
    if (count == 0) return in.bad("The list of types is empty.");
    return {};
  }

  Status read_scope(od::value& value, std::vector<std::string>& scopes) {
    MADANG_TRY(const std::string_view text, in.string_of(value, "A scope"));
    if (!is_scope(text)) return in.bad("A scope looks like \"/City/District\".");
    if (scopes.size() == in.limits.scopes) return in.bad("The entity has too many scopes.", Code::too_large);
    if (std::find(scopes.begin(), scopes.end(), text) == scopes.end()) scopes.emplace_back(text);
    return {};
  }

  Status read_scopes(od::value& value, Fragment& fragment) {
    fragment.has_scope = true;
    od::json_type type;
    if (auto code = value.type().get(type)) return in.broken(code);
    std::vector<std::string> scopes;
    if (type == od::json_type::array) {
      od::array array;
      if (auto code = value.get_array().get(array)) return in.broken(code);
      std::size_t index = 0;
      for (auto element : array) {
        od::value item;
        if (auto code = std::move(element).get(item)) return in.broken(code);
        const JsonPath::Step step(in.path, index++);
        MADANG_CHECK(read_scope(item, scopes));
      }
    } else {
      MADANG_TRY(const std::string_view text, in.string_of(value, "The scope"));
      if (text == kNull) return fragment.scope_null = true, in.take_null();
      if (!is_scope(text)) return in.bad("A scope looks like \"/City/District\".");
      scopes.emplace_back(text);
    }
    for (const std::string& scope : scopes) in.builder.add_scope(scope);
    return {};
  }

  Status read_evolution(od::value& value, Fragment& fragment) {
    std::string_view text;
    if (auto code = simdjson::to_json_string(value).get(text)) return in.broken(code);
    auto scopes = read_scope_evolution(text, in.limits);
    if (scopes.ok()) return fragment.has_scope = true, fragment.scopes = std::move(*scopes), Status();
    base::Error error = std::move(scopes).error();
    error.where = in.path.pointer() + error.where;
    return error;
  }

  // ---- documents ----

  void start(Vocabulary& names, FragmentKind what, std::string_view json) {
    in.start(names, what, json);
    top.clear();
  }

  Status read_entity_member(std::string_view key, od::value& value, Fragment& fragment, std::string_view expected_id,
                            std::string_view& id, std::size_t& types, std::uint32_t& seen) {
    const auto once = [&seen](unsigned bit) { return std::exchange(seen, seen | (1u << bit)) != (seen | (1u << bit)); };
    if (key == "id" || key == "@id") return once(0) ? read_id(value, expected_id, id) : Status(in.duplicate(key));
    if (key == "type" || key == "@type") return once(1) ? read_types(value, types) : Status(in.duplicate(key));
    if (key == "scope" && in.temporal()) return once(2) ? read_evolution(value, fragment) : Status(in.duplicate(key));
    if (key == "scope") return once(2) ? read_scopes(value, fragment) : Status(in.duplicate(key));
    if (key == "@context") return once(3) ? in.copier.skip(value, 0) : Status(in.duplicate(key));
    if (key == "createdAt" || key == "modifiedAt" || key == "deletedAt") return in.copier.skip(value, 0);
    if (key == "expiresAt") return once(4) ? in.read_time(value, key, fragment.expires_at) : Status(in.duplicate(key));
    if (const MemberName* member = member_named(key)) MADANG_CHECK(check_name(*member, value));
    auto symbol = in.intern(key);
    if (!symbol.ok()) return in.placed(std::move(symbol).error());
    if (std::find(top.begin(), top.end(), *symbol) != top.end()) return in.duplicate(key);
    top.push_back(*symbol);
    return attributes.read_attribute(*symbol, value);
  }

  /// Clause 4.5.1: non-reified terms cannot name attributes. `value` and its kin stand for nodes, and models have
  /// attributes of that name; but a fragment {"value": 5} is more likely an attribute at the wrong place.
  Status check_name(const MemberName& member, od::value& value) const {
    const bool misplaced = in.kind == FragmentKind::attributes || in.kind == FragmentKind::merge ||
                           in.kind == FragmentKind::evolution_attributes;
    if (member.member == Member::value && !(misplaced && !attributes.looks_like_attribute(start_of(value)))) return {};
    return in.bad("\"" + std::string(member.name) +
                  "\" is a member of attributes and cannot be the name of one (clause 4.5.1).");
  }

  base::Result<Fragment> read_object(od::object object, std::string_view expected_id, std::string_view& id) {
    Fragment fragment;
    std::size_t types = 0;
    std::uint32_t seen = 0;
    for (auto field : object) {
      std::string_view key;
      od::value value;
      if (auto code = field.unescaped_key().get(key)) return in.broken(code);
      const JsonPath::Step step(in.path, key);
      if (auto code = field.value().get(value)) return in.broken(code);
      MADANG_CHECK(read_entity_member(key, value, fragment, expected_id, id, types, seen));
    }
    return finish_entity(std::move(fragment), expected_id, id, types);
  }

  base::Result<Fragment> finish_entity(Fragment fragment, std::string_view expected_id, std::string_view& id,
                                       std::size_t types) {
    const bool whole =
        in.kind == FragmentKind::entity || in.kind == FragmentKind::entity_upsert || in.kind == FragmentKind::evolution;
    if (id.empty()) {
      if (whole || in.kind == FragmentKind::entity_update || in.kind == FragmentKind::entity_merge)
        return in.bad("The entity has no id.");
      id = expected_id;
    }
    if (whole && types == 0) return in.bad("The entity has no type.");
    in.builder.set_id(id);
    return finish(std::move(fragment));
  }

  /// The object at `at`, where it is a plain one; `end` is then its end.
  std::optional<base::Result<Fragment>> read_plain_entity(const char* at, std::string_view expected_id,
                                                          std::string_view& id, const char*& object_end) {
    if (in.temporal()) return std::nullopt;
    const auto entity = plain.read(json_text::between(at, in.end), in.builder, *in.vocabulary);
    if (!entity || (!expected_id.empty() && !entity->id.empty() && entity->id != expected_id)) {
      in.builder.begin({});
      return std::nullopt;
    }
    id = entity->id;
    object_end = entity->end;
    return finish_entity({}, expected_id, id, entity->types);
  }

  base::Result<Fragment> finish(Fragment fragment) {
    auto block = in.builder.finish();
    if (!block.ok()) return in.placed(std::move(block).error());
    if (block->size() > (in.temporal() ? in.limits.evolution_bytes : in.limits.entity_bytes))
      return in.bad("The entity is too large.", Code::too_large);
    note_deleted(fragment);
    fragment.block = std::move(*block);
    fragment.complete = in.complete;
    fragment.has_nulls = in.has_nulls;
    return fragment;
  }

  /// The builder has put the instances of one name side by side, the default ones first.
  void note_deleted(Fragment& fragment) {
    auto& past = in.past;
    if (past.empty()) return;
    std::unordered_map<Symbol, std::size_t> first;
    for (std::size_t i = 0; i < past.size(); ++i) first.try_emplace(past[i].name, i);
    std::stable_sort(past.begin(), past.end(), [&](const auto& a, const auto& b) {
      return a.name != b.name ? first[a.name] < first[b.name] : a.is_default > b.is_default;
    });
    for (std::size_t i = 0; i < past.size(); ++i)
      if (past[i].deleted_at) fragment.deleted.emplace_back(static_cast<std::uint32_t>(i), *past[i].deleted_at);
  }
};

FragmentReader::FragmentReader(EntityLimits limits) : impl_(std::make_unique<Impl>(limits)) {}
FragmentReader::~FragmentReader() = default;

base::Result<Fragment> FragmentReader::read(std::string_view json, FragmentKind kind, Vocabulary& vocabulary,
                                            std::string_view id) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  od::document document;
  od::object object;
  if (auto code = r.parser.iterate(padded(json)).get(document)) return r.in.broken(code);
  std::string_view found_id;
  const char* object_end = nullptr;
  if (auto fragment = r.read_plain_entity(json.data(), id, found_id, object_end))
    if (json_peek::skip_space(object_end, r.in.end) == r.in.end) return std::move(*fragment);
  r.in.builder.begin({});
  if (auto code = document.get_object().get(object)) {
    if (code == simdjson::INCORRECT_TYPE) return r.in.bad("A JSON object was expected.", Code::invalid_request);
    return r.in.broken(code);
  }
  auto fragment = r.read_object(object, id, found_id);
  if (fragment.ok() && !at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON object.");
  return fragment;
}

base::Result<Fragment> FragmentReader::read_attribute(std::string_view json, Symbol name, Vocabulary& vocabulary,
                                                      FragmentKind kind) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  if (vocabulary.symbols().name(name) == kProof) r.in.proof = name;
  od::document document;
  od::value value;
  if (auto code = r.parser.iterate(padded(json)).get(document)) return r.in.broken(code);
  if (auto code = document.get_value().get(value)) {
    if (code == simdjson::SCALAR_DOCUMENT_AS_VALUE)
      return r.in.bad("A JSON object was expected.", Code::invalid_request);
    return r.in.broken(code);
  }
  MADANG_CHECK(r.attributes.read_attribute(name, value, true));
  if (!at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON object.");
  return r.finish({});
}

base::Result<std::vector<FragmentReader::Item>> FragmentReader::read_array(std::string_view json, FragmentKind kind,
                                                                           Vocabulary& vocabulary, std::size_t most) {
  Impl& r = *impl_;
  r.start(vocabulary, kind, json);
  od::document document;
  od::array array;
  if (auto code = r.parser.iterate(padded(json)).get(document)) return r.in.broken(code);
  if (auto code = document.get_array().get(array)) {
    if (code == simdjson::INCORRECT_TYPE)
      return r.in.bad("A JSON array of entities was expected.", Code::invalid_request);
    return r.in.broken(code);
  }
  std::vector<Item> items;
  items.reserve(std::min(most, json.size() / 256 + 1));
  for (auto element : array) {
    if (items.size() == most)
      return base::error(Code::too_large, "A batch holds at most " + std::to_string(most) + " entities.");
    r.start(vocabulary, kind, json);
    const JsonPath::Step step(r.in.path, items.size());
    od::value value;
    od::object object;
    if (auto code = std::move(element).get(value)) return r.in.broken(code);
    std::string_view id;
    const char* object_end = nullptr;
    if (auto fragment = r.read_plain_entity(start_of(value), {}, id, object_end)) {
      items.push_back({items.size(), std::string(fragment->ok() ? std::string_view() : id), std::move(*fragment)});
      continue;
    }
    auto code = value.get_object().get(object);
    if (code != simdjson::SUCCESS && code != simdjson::INCORRECT_TYPE) return r.in.broken(code);
    if (bool null = false; code && !value.is_null().get(null) && null) return r.in.bad("An entity is null (5.6.7.4).");
    auto fragment = code == simdjson::SUCCESS ? r.read_object(object, {}, id)
                                              : base::Result<Fragment>(r.in.bad("An entity is a JSON object."));
    if (!fragment.ok() && fragment.error().code == Code::invalid_request) return std::move(fragment).error();
    items.push_back({items.size(), std::string(fragment.ok() ? std::string_view() : id), std::move(fragment)});
  }
  if (!at_end(document))
    return base::error(Code::invalid_request, "There is something after the end of the JSON array.");
  return items;
}

}  // namespace madang::ngsi
