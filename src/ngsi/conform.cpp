#include "madang/ngsi/conform.h"

#include <deque>

#include "madang/base/json.h"

#include "query_value.h"

namespace madang::ngsi {

namespace {

/// Rebuilds an entity with what clause 4.3.6.8 has a version fall back to. The versions that brought something: 1.3
/// (several types and instances, datasetId, observedAt, unitCode), 1.4 (scope, LanguageProperty), 1.8 (the other
/// kinds), 1.9 (expiresAt, valueType).
class Amender {
 public:
  Amender(EntityView entity, unsigned minor, bool keep_languages, const Context& context)
      : entity_(entity), minor_(minor), keep_languages_(keep_languages), context_(context) {}

  base::Result<EntityBlock> run() {
    thread_local EntityBuilder builder;
    builder.begin(entity_.id());
    builder.set_times(entity_.created_at(), entity_.modified_at());
    builder.set_version(entity_.version());
    if (const auto expires = entity_.expires_at()) minor_ < 9 ? note() : builder.set_expires_at(*expires);
    const std::size_t types = minor_ < 3 ? std::min<std::size_t>(entity_.type_count(), 1) : entity_.type_count();
    if (types < entity_.type_count()) note();
    for (std::size_t i = 0; i < types; ++i) builder.add_type(entity_.type(i));
    if (minor_ < 4 && entity_.scope_count() > 0)
      note();
    else
      entity_.each_scope([&](std::string_view scope) { builder.add_scope(scope); });
    for (std::size_t i = 0; i < entity_.attribute_count(); ++i) {
      const bool another = i > 0 && entity_.attribute_name(i) == entity_.attribute_name(i - 1);
      if (another && minor_ < 3)
        note();
      else
        add(builder, entity_.attribute(i));
    }
    if (!altered_) return EntityBlock();
    return builder.finish();
  }

 private:
  void note() { altered_ = true; }

  void add(EntityBuilder& builder, const AttributeView& attribute) {
    EntityBuilder::Instance instance = EntityBuilder::instance_of(attribute);
    const auto drop = [this](auto& member, auto nothing) {
      if (member == nothing) return;
      member = nothing;
      note();
    };
    if (minor_ < 9)
      drop(instance.expires_at, decltype(instance.expires_at)()), drop(instance.value_type, std::string_view());
    if (minor_ < 3) {
      drop(instance.observed_at, decltype(instance.observed_at)());
      drop(instance.unit_code, std::string_view());
      drop(instance.dataset_id, std::string_view());
    }
    if (minor_ < 8 && !find_extra(instance.extras, Extra::object_type).empty())
      drop(instance.extras, std::string_view());
    set_kind(instance);
    builder.begin_instance(instance);
    attribute.each_sub([&](const AttributeView& sub) { add(builder, sub); });
    builder.end_instance();
  }

  void set_kind(EntityBuilder::Instance& instance) {
    Kind kind = instance.kind;
    switch (instance.kind) {
      case Kind::language_property:
        if (minor_ < 4 && !keep_languages_) kind = Kind::property;
        break;
      case Kind::vocab_property:
      case Kind::json_property:
      case Kind::list_property:
        if (minor_ < 8) kind = Kind::property;
        break;
      case Kind::list_relationship:
        if (minor_ < 8) kind = Kind::relationship;
        break;
      default:
        break;
    }
    if (kind == instance.kind) return;
    if (instance.kind == Kind::vocab_property) instance.value = kept_.emplace_back(in_words(instance.value));
    instance.kind = kind;
    note();
  }

  /// The IRIs of a vocabulary as the names they have in the context: a Property's value is not compacted.
  std::string in_words(std::string_view json) const {
    std::string out;
    const auto word = [&](std::string_view iri) {
      base::json::append_string(out, is_json_string(iri) ? context_.compact(JsonString(iri).text()) : std::string(iri));
      return false;
    };
    if (!json.starts_with('[')) return word(json), out;
    out += '[';
    any_element(json, [&](std::string_view element) {
      if (out.size() > 1) out += ',';
      return word(element);
    });
    return out += ']';
  }

  const EntityView entity_;
  const unsigned minor_;
  const bool keep_languages_;
  const Context& context_;
  bool altered_ = false;
  std::deque<std::string> kept_;  // values made here
};

}  // namespace

base::Result<EntityBlock> conform(EntityView entity, unsigned minor, bool keep_languages, const Context& context) {
  if (minor >= kNewestMinor) return EntityBlock();
  return Amender(entity, minor, keep_languages, context).run();
}

}  // namespace madang::ngsi
