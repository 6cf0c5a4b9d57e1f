#pragma once
// A small world for the tests of the query languages: entities from a few words, names in one symbol table.

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "madang/base/time.h"
#include "madang/ngsi/context.h"
#include "madang/ngsi/entity.h"
#include "madang/ngsi/query.h"
#include "madang/ngsi/symbols.h"

namespace madang::ngsi::query_tests {

/// One instance of an attribute, as an entity of a test has it.
struct Attribute {
  std::string name;
  Kind kind = Kind::property;
  std::string value;
  std::vector<Attribute> subs;
  std::string dataset_id;
  std::string unit_code;
  std::optional<std::string> observed_at;
};

inline Attribute property(std::string name, std::string value, std::vector<Attribute> subs = {}) {
  return {std::move(name), Kind::property, std::move(value), std::move(subs), {}, {}, {}};
}
inline Attribute of_kind(Kind kind, std::string name, std::string value) {
  return {std::move(name), kind, std::move(value), {}, {}, {}, {}};
}

inline Timestamp at(std::string_view time) {
  return base::parse_timestamp(time).value();
}

struct World {
  SymbolTable symbols;
  Vocabulary vocabulary{core_context(), symbols};

  Symbol name(std::string_view text) { return vocabulary.intern(text).value(); }

  EntityBlock entity(const std::vector<Attribute>& attributes, const std::vector<std::string>& types = {"Thing"},
                     const std::vector<std::string>& scopes = {}, std::string_view id = "urn:ngsi-ld:Thing:1") {
    EntityBuilder builder;
    builder.begin(id);
    builder.set_times(at("2026-01-01T00:00:00Z"), at("2026-02-01T00:00:00Z"));
    for (const auto& type : types) builder.add_type(name(type));
    for (const auto& scope : scopes) builder.add_scope(scope);
    for (const auto& attribute : attributes) add(builder, attribute);
    return builder.finish().value();
  }

  QueryExpression q(std::string_view text) { return parse_q(text, vocabulary).value(); }

 private:
  void add(EntityBuilder& builder, const Attribute& attribute) {
    EntityBuilder::Instance instance;
    instance.name = name(attribute.name);
    instance.kind = attribute.kind;
    instance.value = attribute.value;
    instance.dataset_id = attribute.dataset_id;
    instance.unit_code = attribute.unit_code;
    if (attribute.observed_at) instance.observed_at = at(*attribute.observed_at);
    builder.begin_instance(instance);
    for (const auto& sub : attribute.subs) add(builder, sub);
    builder.end_instance();
  }
};

}  // namespace madang::ngsi::query_tests
