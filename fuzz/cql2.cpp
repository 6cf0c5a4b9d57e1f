// CQL2 filters and well-known text. The first byte chooses. What parses is asked of an entity with every sort of value,
// as a policy beside others would be; a shape must be written and read back as itself.

#include "ogc/cql2.h"

#include <cstdint>
#include <cstdlib>
#include <string>

#include "madang/geo/wkt.h"

namespace {

using namespace madang;

void check(bool holds) {
  if (!holds) std::abort();
}

struct World {
  ngsi::SymbolTable symbols;
  ngsi::Vocabulary words{ngsi::core_context(), symbols};
  ngsi::EntityBlock block = build();

  ngsi::EntityBlock build() {
    ngsi::EntityBuilder builder;
    builder.begin("urn:ngsi-ld:Thing:1");
    builder.add_type(words.intern("T").value());
    add(builder, "a", ngsi::Kind::property, "7");
    add(builder, "b", ngsi::Kind::property, R"("text")");
    add(builder, "c", ngsi::Kind::property, R"({"k":["2026-01-01T00:00:00Z",true]})");
    add(builder, "location", ngsi::Kind::geo_property, R"({"type":"Point","coordinates":[1,2]})");
    return builder.finish().value();
  }
  void add(ngsi::EntityBuilder& builder, std::string_view name, ngsi::Kind kind, std::string_view value) {
    ngsi::EntityBuilder::Instance instance;
    instance.name = words.intern(name).value();
    instance.kind = kind;
    instance.value = value;
    builder.add_instance(instance);
  }
};

void filter(std::string_view text) {
  static World world;
  static const auto crs = api::ogc::Crs::find({}, {}).value();
  auto predicate = api::ogc::parse_cql2(text, world.words, {}, *crs);
  if (!predicate.ok()) return check(predicate.error().where.starts_with("filter:"));
  const ngsi::EntityView entity(world.block);
  const bool holds = predicate->holds(entity, nullptr);
  // What narrows the question never loses what the filter finds.
  ngsi::Query query;
  api::ogc::narrow(*predicate, query);
  if (holds) check(ngsi::matches(query, entity));
}

void shape(std::string_view text) {
  const auto read = geo::parse_wkt(text);
  if (!read.ok()) return;
  std::string written, again;
  geo::append_wkt(written, *read);
  const auto second = geo::parse_wkt(written);
  check(second.ok());
  geo::append_wkt(again, *second);
  check(again == written);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  data[0] % 2 == 0 ? filter(text) : shape(text);
  return 0;
}
