#include "madang/ngsi/represent.h"

#include <algorithm>
#include <array>

#include "madang/base/json.h"

#include "attribute_members.h"
#include "json_text.h"
#include "kind_values.h"
#include "represent_parts.h"
#include "value_keys.h"

namespace madang::ngsi {

namespace {

constexpr std::string_view kNullValue = R"("urn:ngsi-ld:null")";
constexpr std::string_view kNullLanguages = R"({"@none":"urn:ngsi-ld:null"})";
constexpr std::string_view kLocation = "https://uri.etsi.org/ngsi-ld/location";

/// How an attribute begins, up to its value.
struct Opening {
  std::string normalized, concise;
};

const Opening& opening_of(Kind kind) {
  static const auto all = [] {
    std::array<Opening, 8> made;
    for (std::size_t i = 0; i < made.size(); ++i) {
      const auto each = static_cast<Kind>(i);
      const std::string member = '"' + std::string(value_member(each)) + "\":";
      made[i].concise = '{' + member;
      made[i].normalized = R"({"type":")" + std::string(kind_name(each)) + "\"," + member;
    }
    return made;
  }();
  return all[std::min(static_cast<std::size_t>(kind), all.size() - 1)];
}

bool contains(const std::vector<Symbol>& list, Symbol symbol) {
  return std::find(list.begin(), list.end(), symbol) != list.end();
}

bool is_wanted(std::string_view dataset, const Representation& how) {
  const auto& wanted = how.dataset_ids;
  if (wanted.empty()) return true;
  return std::find(wanted.begin(), wanted.end(), dataset.empty() ? "@none" : dataset) != wanted.end();
}

bool leads_on(Kind kind) {
  return kind == Kind::relationship || kind == Kind::list_relationship;
}

/// visit(URI) for each object of a Relationship. URIs have no escapes.
template <class Visit>
void each_object(std::string_view value, Visit&& visit) {
  if (!value.starts_with('[')) return visit(json_text::string_content(value));
  json_text::each_element(value, [&](std::string_view element) { visit(json_text::string_content(element)); });
}

const Representation& behind(const Representation& how, Symbol relationship, const Representation& whole) {
  for (const Branch& branch : how.branches)
    if (branch.relationship == relationship) return branch.how;
  return whole;
}

}  // namespace

bool is_shown(EntityView entity, Symbol name, const Representation& how, const Filter* filter) {
  if (how.has_attributes && !contains(how.attributes, name)) return false;
  if (how.has_pick && !contains(how.pick, name)) return false;
  if (!how.omit.empty() && contains(how.omit, name)) return false;
  return filter == nullptr || filter->allows_attribute(entity, name);
}

void append_types(std::string& out, EntityView entity, Vocabulary& vocabulary) {
  const std::size_t count = entity.type_count();
  if (count != 1) out += '[';
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += ',';
    out += vocabulary.json_name(entity.type(i));
  }
  if (count != 1) out += ']';
}

namespace {

class Writer {
 public:
  Writer(std::string& out, EntityView entity, Vocabulary& vocabulary, const Representation& how, const Filter* filter,
         Joining* joining = nullptr)
      : out_(out), entity_(entity), vocabulary_(vocabulary), how_(how), filter_(filter), joining_(joining) {}

  void entity() {
    out_ += '{';
    first_ = true;
    if (how_.with_context && !how_.geojson) context();
    if (how_.pick_id) member("id"), base::json::append_string(out_, entity_.id());
    if (how_.pick_type) member("type"), types();
    if (entity_.scope_count() > 0 && how_.pick_scope) member("scope"), scopes();
    if (shows_times()) times(entity_.created_at(), entity_.modified_at(), entity_.expires_at());
    deletion();
    attributes();
    out_ += '}';
  }

  /// RFC 7946 Feature (clause 4.5.16): id and the geometry outside, everything else in `properties`.
  void feature() {
    out_ += "{\"id\":";
    base::json::append_string(out_, entity_.id());
    out_ += ",\"type\":\"Feature\",\"geometry\":";
    geometry();
    out_ += ",\"properties\":{";
    first_ = true;
    if (how_.pick_type) member("type"), types();
    if (entity_.scope_count() > 0 && how_.pick_scope) member("scope"), scopes();
    if (shows_times()) times(entity_.created_at(), entity_.modified_at(), entity_.expires_at());
    deletion();
    attributes();
    out_ += '}';
    if (how_.with_context) {
      first_ = false;
      context();
    }
    out_ += '}';
  }

  /// The instances of the attribute that begins at `first`, which ends before the returned index.
  std::size_t attribute(std::size_t first, bool with_name) {
    const Symbol name = entity_.attribute_name(first);
    std::size_t end = first + 1;
    while (end < entity_.attribute_count() && entity_.attribute_name(end) == name) ++end;
    if (!shown(name)) return end;
    if (end == first + 1) {  // nearly always
      const AttributeView only = entity_.attribute(first);
      if (!wanted_dataset(only.dataset_id)) return end;
      if (with_name) next(), out_ += vocabulary_.json_name(name), out_ += ':';
      if (how_.format == Format::simplified && !only.dataset_id.empty() && how_.dataset_ids.size() != 1)
        datasets(first, end);
      else
        instance(only);
      wrote_ = true;
      return end;
    }
    several(name, first, end, with_name);
    return end;
  }

  bool wrote() const { return wrote_; }

  /// One instance alone, with `more` members in its object.
  void alone(const AttributeView& attribute, std::string_view more) {
    more_ = more;
    if (!more.empty() && how_.format != Format::simplified) return object(attribute);
    instance(attribute);
  }

 private:
  // ---- what is asked for ----

  bool shown(Symbol name) const { return is_shown(entity_, name, how_, filter_); }
  bool wanted_dataset(std::string_view dataset) const { return is_wanted(dataset, how_); }

  // ---- members ----

  void next() {
    if (!first_) out_ += ',';
    first_ = false;
  }
  void member(std::string_view name) {
    next();
    out_ += '"';
    out_ += name;
    out_ += "\":";
  }

  void context() {
    member("@context");
    out_ += vocabulary_.context().json();
  }

  void types() { append_types(out_, entity_, vocabulary_); }

  void scopes() {
    const bool many = entity_.scope_count() != 1;
    bool first = true;
    if (many) out_ += '[';
    entity_.each_scope([&](std::string_view scope) {
      if (!std::exchange(first, false)) out_ += ',';
      base::json::append_string(out_, scope);
    });
    if (many) out_ += ']';
  }

  void time(std::string_view name, Timestamp when) {
    member(name);
    out_ += '"';
    base::append_timestamp(out_, when);
    out_ += '"';
  }
  bool shows_times() const { return how_.system_attributes || how_.expiry; }
  /// Clause 6.3.11: the system's own, expiresAt (4.22) among them.
  void times(Timestamp created, Timestamp modified, std::optional<Timestamp> expires) {
    if (how_.system_attributes) {
      time("createdAt", created);
      time("modifiedAt", modified);
    }
    if (expires) time("expiresAt", *expires);
  }

  // ---- what a notification tells of changes (clause 5.8.6) ----

  void deletion() {
    if (how_.changes != nullptr && how_.changes->entity_deleted && how_.changes->deleted_at)
      time("deletedAt", *how_.changes->deleted_at);
  }

  /// The instance as it was before, where that is to be told: it was changed or deleted.
  std::optional<AttributeView> previous(const AttributeView& attribute) const {
    const Changes* changes = how_.changes;
    if (changes == nullptr || !changes->show_previous || !changes->before || !own_) return std::nullopt;
    const EntityView before = changes->before;
    for (std::size_t i = before.find(attribute.name);
         i < before.attribute_count() && before.attribute_name(i) == attribute.name; ++i) {
      const AttributeView was = before.attribute(i);
      if (was.dataset_id != attribute.dataset_id) continue;
      if (was.value == attribute.value && was.modified_at == attribute.modified_at) return std::nullopt;
      return was;
    }
    return std::nullopt;
  }

  /// previousValue, previousObject, ... by the kind it had.
  void append_previous(const AttributeView& was) {
    std::string name = "previous";
    name += value_member(was.kind);
    name[8] = static_cast<char>(name[8] - 'a' + 'A');
    member(name);
    value(was);
  }

  bool is_deleted(const AttributeView& attribute) const {
    if (how_.changes == nullptr || !how_.changes->deleted_at || !own_) return false;
    return attribute.value == kNullValue || attribute.value == kNullLanguages;
  }

  void attributes() {
    for (std::size_t i = 0; i < entity_.attribute_count();) i = attribute(i, true);
  }

  void several(Symbol name, std::size_t first, std::size_t end, bool with_name) {
    std::size_t count = 0;
    for (std::size_t i = first; i < end; ++i) count += wanted_dataset(entity_.attribute(i).dataset_id);
    if (count == 0) return;
    wrote_ = true;
    if (with_name) next(), out_ += vocabulary_.json_name(name), out_ += ':';
    if (how_.format == Format::simplified && how_.dataset_ids.size() != 1) return datasets(first, end);
    if (count > 1) out_ += '[';
    bool comma = false;
    for (std::size_t i = first; i < end; ++i) {
      const AttributeView each = entity_.attribute(i);
      if (!wanted_dataset(each.dataset_id)) continue;
      if (std::exchange(comma, true)) out_ += ',';
      instance(each);
    }
    if (count > 1) out_ += ']';
  }

  /// Simplified instances side by side: {"dataset": {"@none": …, "urn:…": …}} (clause 4.5.4).
  void datasets(std::size_t first, std::size_t end) {
    out_ += "{\"dataset\":{";
    bool comma = false;
    for (std::size_t i = first; i < end; ++i) {
      const AttributeView each = entity_.attribute(i);
      if (!wanted_dataset(each.dataset_id)) continue;
      if (std::exchange(comma, true)) out_ += ',';
      base::json::append_string(out_, each.dataset_id.empty() ? "@none" : each.dataset_id);
      out_ += ':';
      simplified(each);
    }
    out_ += "}}";
  }

  // ---- instances ----

  void instance(const AttributeView& attribute) {
    switch (how_.format) {
      case Format::simplified:
        return simplified(attribute);
      case Format::concise:
        if (is_bare(attribute)) return concise_value(attribute);
        [[fallthrough]];
      case Format::normalized:
        return object(attribute);
    }
  }

  bool language_chosen(const AttributeView& attribute) const {
    return attribute.kind == Kind::language_property && !how_.languages.empty();
  }

  /// Concise: nothing beside the value, and no doubt about the kind (clauses 4.5.2.3, 4.5.3.3).
  bool is_bare(const AttributeView& attribute) const {
    if (previous(attribute)) return false;
    if (how_.system_attributes || (how_.expiry && attribute.expires_at) || attribute.observed_at ||
        !attribute.dataset_id.empty() || !attribute.unit_code.empty() || !attribute.value_type.empty() ||
        !attribute.extras.empty() || attribute.sub_count > 0 || language_chosen(attribute))
      return false;
    if (is_deleted(attribute)) return true;  // the name and the null alone
    return attribute.kind == Kind::geo_property || (attribute.kind == Kind::property && attribute.value.front() != '{');
  }
  void concise_value(const AttributeView& attribute) { value(attribute); }

  void value(const AttributeView& attribute) {
    if (attribute.kind == Kind::vocab_property && attribute.value != kNullValue)
      return append_compacted_vocab(out_, attribute.value, vocabulary_.context());
    if (attribute.kind == Kind::list_relationship && how_.format == Format::normalized && attribute.value != kNullValue)
      return append_objects(out_, attribute.value);
    const bool rewrite = vocabulary_.context().is_core() ? attribute.foreign_keys : attribute.nested_keys;
    if (rewrite)
      append_compacted(out_, attribute.value, vocabulary_.context());
    else
      out_ += attribute.value;
  }

  // ---- linked entities (clause 4.5.23.2) ----

  /// Only the entity's own Relationships are followed, not those of its attributes.
  bool joins(const AttributeView& attribute) const {
    return joining_ != nullptr && own_ && leads_on(attribute.kind) && joining_->path.size() <= joining_->levels;
  }

  /// The entity to be put in for `id`; null where it is not there, on the way already, or too much.
  EntityView linked(std::string_view id) {
    const auto is = [&](std::string_view other) { return other == id; };
    Joining& joining = *joining_;
    if (std::any_of(joining.path.begin(), joining.path.end(), is) ||
        std::any_of(joining.encountered.begin(), joining.encountered.end(), is))
      return {};
    if (out_.size() > joining.most_bytes) return {};
    if (joining.looks_left == 0) return joining.overflown = true, EntityView();
    --joining.looks_left;
    ++joining.looked;
    const EntityView found = joining.neighbours->find(id);
    if (!found) return {};
    if (joining.left == 0) return joining.overflown = true, EntityView();
    --joining.left;
    return found;
  }

  void put_in(EntityView entity, Symbol relationship) {
    joining_->path.push_back(entity.id());
    Writer(out_, entity, vocabulary_, behind(how_, relationship, joining_->whole), filter_, joining_).entity();
    joining_->path.pop_back();
  }

  /// `entity` beside `object`, `entityList` beside `objectList`; an array where that is one.
  void linked_entities(const AttributeView& attribute) {
    const std::size_t begin = out_.size();
    const bool many = attribute.value.starts_with('[');
    bool any = false;
    member(attribute.kind == Kind::list_relationship ? "entityList" : "entity");
    if (many) out_ += '[';
    each_object(attribute.value, [&](std::string_view id) {
      const EntityView entity = linked(id);
      if (!entity) return;
      if (std::exchange(any, true)) out_ += ',';
      put_in(entity, attribute.name);
    });
    if (many) out_ += ']';
    if (!any) out_.resize(begin);
  }

  /// Simplified: the entity stands in the place of its URI (clause 4.5.4, examples 9 and 10).
  void simplified_entities(const AttributeView& attribute) {
    const bool many = attribute.value.starts_with('[');
    bool comma = false;
    if (many) out_ += '[';
    each_object(attribute.value, [&](std::string_view id) {
      if (std::exchange(comma, true)) out_ += ',';
      if (const EntityView entity = linked(id))
        put_in(entity, attribute.name);
      else
        out_.append(1, '"').append(id).append(1, '"');
    });
    if (many) out_ += ']';
  }

  void simplified(const AttributeView& attribute) {
    if (joins(attribute)) return simplified_entities(attribute);
    if (language_chosen(attribute)) {
      out_ += in_language(attribute.value).second;
      return;
    }
    // Clause 4.5.4: these say what they are.
    const bool named = attribute.kind == Kind::language_property || attribute.kind == Kind::vocab_property ||
                       attribute.kind == Kind::json_property;
    if (named) out_ += opening_of(attribute.kind).concise;
    value(attribute);
    if (named) out_ += '}';
  }

  void object(const AttributeView& attribute) {
    const bool outer_first = std::exchange(first_, false);
    const bool chosen = language_chosen(attribute);
    const Opening& opening = opening_of(chosen ? Kind::property : attribute.kind);
    const std::size_t begin = out_.size();
    out_ += how_.format == Format::normalized ? opening.normalized : opening.concise;
    if (chosen) {
      const auto [lang, text] = in_language(attribute.value);
      out_ += text;
      member("lang");
      out_ += '"';
      out_ += lang;
      out_ += '"';
    } else {
      const std::size_t value_begin = out_.size();
      value(attribute);
      // A Property that has a geometry: without its type it would be a GeoProperty.
      if (how_.format == Format::concise && attribute.kind == Kind::property &&
          looks_like_geometry(std::string_view(out_).substr(value_begin)))
        out_.replace(begin, opening.concise.size(), opening.normalized);
    }
    if (!attribute.unit_code.empty()) member("unitCode"), base::json::append_string(out_, attribute.unit_code);
    if (!attribute.value_type.empty()) member("valueType"), value_type(attribute.value_type);
    if (!attribute.extras.empty()) extras(attribute.extras);
    if (attribute.observed_at) time("observedAt", *attribute.observed_at);
    if (!attribute.dataset_id.empty()) member("datasetId"), base::json::append_string(out_, attribute.dataset_id);
    if (shows_times()) times(attribute.created_at, attribute.modified_at, attribute.expires_at);
    out_ += std::exchange(more_, {});
    if (how_.system_attributes && is_deleted(attribute)) time("deletedAt", *how_.changes->deleted_at);
    if (const auto was = previous(attribute)) append_previous(*was);
    if (joins(attribute)) linked_entities(attribute);
    const bool outer_own = std::exchange(own_, false);
    attribute.each_sub([this](const AttributeView& sub) {
      next();
      out_ += vocabulary_.json_name(sub.name);
      out_ += ':';
      instance(sub);
    });
    own_ = outer_own;
    out_ += '}';
    first_ = outer_first;
  }

  void extras(std::string_view all) {
    const Context& context = vocabulary_.context();
    if (const auto types = find_extra(all, Extra::object_type); !types.empty())
      member("objectType"), append_names(out_, types, context);
    if (const auto id = find_extra(all, Extra::entity_id_sealed); !id.empty())
      member("entityIdSealed"), base::json::append_string(out_, id);
    if (const auto types = find_extra(all, Extra::entity_type_sealed); !types.empty())
      member("entityTypeSealed"), append_names(out_, types, context);
  }

  void value_type(std::string_view iri) {
    const Symbol symbol = vocabulary_.symbols().find(iri);
    if (symbol == Symbol::none)
      base::json::append_string(out_, iri);
    else
      out_ += vocabulary_.json_name(symbol);
  }

  static bool same_tag(std::string_view a, std::string_view b) {
    const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
    return std::equal(a.begin(), a.end(), b.begin(), b.end(), [&](char x, char y) { return lower(x) == lower(y); });
  }
  static std::string_view primary_tag(std::string_view tag) { return tag.substr(0, tag.find('-')); }

  /// Tag and text (JSON) of the best language there is: for each one asked for, exactly or by its primary tag, then
  /// "@none", or else any (clause 4.15; RFC 4647 lookup).
  std::pair<std::string_view, std::string_view> in_language(std::string_view map) const {
    using Choice = std::pair<std::string_view, std::string_view>;
    Choice found;
    const auto look = [&](auto&& fits) {
      json_text::each_member(map, [&](std::string_view tag, std::string_view text) {
        if (found.second.empty() && fits(tag)) found = {tag, text};
      });
      return !found.second.empty();
    };
    for (const std::string& wanted : how_.languages) {
      if (wanted == "*") break;
      if (look([&](std::string_view tag) { return same_tag(tag, wanted); })) return found;
      if (look([&](std::string_view tag) { return same_tag(primary_tag(tag), primary_tag(wanted)); })) return found;
    }
    if (look([](std::string_view tag) { return tag == "@none"; })) return found;
    if (look([](std::string_view) { return true; })) return found;
    return {"@none", "\"\""};
  }

  void geometry() {
    const Symbol name = how_.geometry_property.value_or(vocabulary_.symbols().find(kLocation));
    std::optional<AttributeView> found;
    std::size_t instances = 0;
    for (std::size_t i = entity_.find(name); i < entity_.attribute_count() && entity_.attribute_name(i) == name; ++i) {
      const AttributeView each = entity_.attribute(i);
      ++instances;
      if (each.kind == Kind::geo_property && wanted_dataset(each.dataset_id) && !found) found = each;
    }
    // Clause 4.5.16.1: of several, the default one or the one that datasetId names.
    if (found && instances > 1 && how_.dataset_ids.empty() && !found->dataset_id.empty()) found.reset();
    if (found && (filter_ == nullptr || filter_->allows_attribute(entity_, name)))
      out_ += found->value;
    else
      out_ += "null";
  }

  std::string& out_;
  EntityView entity_;
  Vocabulary& vocabulary_;
  const Representation& how_;
  const Filter* filter_;
  Joining* joining_;
  std::string_view more_;  // members of the next object
  bool own_ = true;        // at an attribute of the entity, not at one of an attribute
  bool first_ = true;
  bool wrote_ = false;
};

}  // namespace

void append_entity(std::string& out, EntityView entity, Vocabulary& vocabulary, const Representation& how,
                   const Filter* filter, Joining* joining) {
  if (joining != nullptr) {
    joining->path.assign(1, entity.id());
    constexpr std::size_t kMissing = 10;  // that may be looked for in vain, for each that may be there
    joining->left = joining->most;
    joining->looks_left = joining->most * kMissing;
  }
  Writer writer(out, entity, vocabulary, how, filter, joining);
  if (how.geojson)
    writer.feature();
  else
    writer.entity();
}

base::Result<EntityBlock> copy_shown(EntityView entity, const Representation& how, const Filter* filter) {
  thread_local EntityBuilder builder;
  builder.begin_like(entity);
  builder.set_version(entity.version());
  for (std::size_t i = 0; i < entity.type_count(); ++i) builder.add_type(entity.type(i));
  if (how.pick_scope) entity.each_scope([](std::string_view scope) { builder.add_scope(scope); });
  const bool in_order = entity.is_in_order();
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    if (is_shown(entity, entity.attribute_name(i), how, filter) && is_wanted(entity.attribute(i).dataset_id, how))
      builder.copy_from_base(i, in_order);
  }
  return builder.finish();
}

void each_linked(EntityView entity, const Representation& how, const Representation& whole, const Filter* filter,
                 const std::function<void(std::string_view, const Representation&)>& see) {
  for (std::size_t i = 0; i < entity.attribute_count(); ++i) {
    const Symbol name = entity.attribute_name(i);
    if (!leads_on(entity.kind(i)) || !is_shown(entity, name, how, filter)) continue;
    const AttributeView attribute = entity.attribute(i);
    if (!is_wanted(attribute.dataset_id, how)) continue;
    each_object(attribute.value, [&](std::string_view id) { see(id, behind(how, name, whole)); });
  }
}

void append_instance(std::string& out, const AttributeView& instance, Vocabulary& vocabulary, const Representation& how,
                     std::string_view more) {
  Writer(out, EntityView(), vocabulary, how, nullptr).alone(instance, more);
}

bool append_attribute(std::string& out, EntityView entity, Symbol attribute, Vocabulary& vocabulary,
                      const Representation& how, const Filter* filter) {
  const std::size_t first = entity.find(attribute);
  if (first == entity.attribute_count()) return false;
  Writer writer(out, entity, vocabulary, how, filter);
  writer.attribute(first, false);
  return writer.wrote();
}

}  // namespace madang::ngsi
