#pragma once
// Entities in a few words, and a plain model of a tenant to compare with.

#include <map>
#include <set>
#include <string>
#include <vector>

#include <gtest/gtest.h>

#include "madang/ngsi/entity.h"
#include "madang/ngsi/expiry.h"
#include "madang/ngsi/query.h"
#include "madang/state/store.h"

namespace madang::state::test {

using ngsi::Kind;
using ngsi::Symbol;

struct Attr {
  std::string name;
  std::string value;  // JSON text
  Kind kind = Kind::property;
  std::string dataset = {};
  std::int64_t expires = 0;  // 0: never
  bool observed = false;
};

struct Thing {
  std::string id;
  std::vector<std::string> types = {"Room"};
  std::vector<Attr> attrs = {};
  std::vector<std::string> scopes = {};
  std::int64_t expires = 0;
};

inline std::string point(double lon, double lat) {
  return R"({"type":"Point","coordinates":[)" + std::to_string(lon) + "," + std::to_string(lat) + "]}";
}

inline ngsi::EntityBlock block(ngsi::SymbolTable& symbols, const Thing& thing, std::uint64_t version) {
  ngsi::EntityBuilder builder;
  builder.begin(thing.id);
  builder.set_times({1'000}, {static_cast<std::int64_t>(1'000 + version)});
  builder.set_version(version);
  if (thing.expires != 0) builder.set_expires_at(base::Timestamp{thing.expires});
  for (const auto& type : thing.types) builder.add_type(*symbols.intern(type));
  for (const auto& scope : thing.scopes) builder.add_scope(scope);
  for (const auto& attr : thing.attrs) {
    ngsi::EntityBuilder::Instance instance;
    instance.name = *symbols.intern(attr.name);
    instance.kind = attr.kind;
    instance.dataset_id = attr.dataset;
    instance.value = attr.value;
    if (attr.observed) instance.observed_at = base::Timestamp{static_cast<std::int64_t>(version)};
    if (attr.expires != 0) instance.expires_at = base::Timestamp{attr.expires};
    builder.begin_instance(instance);
    builder.end_instance();
  }
  return *builder.finish();
}

/// The hub's part: numbers the changes.
class City {
 public:
  explicit City(Limits limits = {}) : store(limits) {}
  Store store;
  std::uint64_t position = 0;

  Tenant& tenant(std::string_view name = "") { return **store.make_tenant(name); }
  void stage(const Thing& thing, std::string_view name = "") {
    Tenant& to = tenant(name);
    const std::uint64_t at = ++position;
    store.stage(to, {at}, thing.id, block(to.symbols(), thing, at));
  }
  /// What differs from the tip in one attribute alone.
  void stage_attribute(const Thing& thing, const std::string& attribute) {
    const std::uint64_t at = ++position;
    const Symbol only = *tenant().symbols().intern(attribute);
    store.stage(tenant(), {at}, store.look_up(tenant(), thing.id), thing.id, block(tenant().symbols(), thing, at), {},
                only);
  }
  void stage_removal(std::string_view id, std::string_view name = "") {
    store.stage(tenant(name), {++position}, id, {});
  }
  void show() {
    while (store.show({position}, 7)) {
    }
  }
  void put(const Thing& thing, std::string_view name = "") { stage(thing, name), show(); }
  void remove(std::string_view id, std::string_view name = "") { stage_removal(id, name), show(); }
  void declare(const std::string& type, const std::string& attribute) {
    ASSERT_TRUE(store.declare_index(tenant(), {type, attribute}).ok());
    while (store.build_indexes(3)) {
    }
  }
};

struct Answer {
  std::vector<std::string> ids;
  std::uint64_t matched = 0;
  bool more = false;
  std::optional<Place> last;
  std::string plan;
};

inline Answer ask(Store& store, Tenant& tenant, const ngsi::Query& query,
                  Page page = {.limit = 1'000'000, .count = true}, std::uint64_t budget = 1'000'000,
                  const ngsi::Filter* filter = nullptr, base::Timestamp now = {INT64_MIN}) {
  Answer answer;
  Search search(store, tenant, query, filter, page);
  for (bool done = false; !done;) {
    const Reading reading(store);
    const auto result = search.run(
        budget, [&](ngsi::EntityView e) { answer.ids.emplace_back(e.id()); }, now);
    EXPECT_TRUE(result.ok()) << result.error().message;
    if (!result.ok()) break;
    done = *result;
  }
  answer.matched = search.matched();
  answer.more = search.more();
  answer.last = search.last();
  answer.plan = search.plan();
  return answer;
}

/// Every entity of the tenant that matches as it is at that time, by looking at all.
inline std::set<std::string> brute_force(Store& store, Tenant& tenant, const ngsi::Query& query,
                                         const ngsi::Filter* filter = nullptr, base::Timestamp now = {INT64_MIN}) {
  std::set<std::string> ids;
  ngsi::Query everything;
  for (const auto& id : ask(store, tenant, everything).ids) {
    const Reading reading(store);
    const ngsi::AsOf then(tenant.find(id), now);
    if (then.view() && ngsi::matches(query, then.view(), filter)) ids.insert(id);
  }
  return ids;
}

// ---- questions ----

inline ngsi::TypeSelection type_is(Tenant& tenant, const std::string& name) {
  ngsi::TypeSelection selection;
  selection.type = tenant.symbols().find(name);
  return selection;
}

inline ngsi::QueryExpression term(Tenant& tenant, const std::string& attribute, ngsi::Comparison comparison,
                                  ngsi::QueryValue value) {
  ngsi::QueryExpression expression;
  expression.term.path.names = {tenant.symbols().find(attribute)};
  expression.term.comparison = comparison;
  expression.term.values.emplace_back(std::move(value));
  return expression;
}

inline ngsi::QueryExpression combined(ngsi::QueryExpression::Node node, std::vector<ngsi::QueryExpression> parts) {
  ngsi::QueryExpression expression;
  expression.node = node;
  expression.parts = std::move(parts);
  return expression;
}

inline ngsi::GeoQuery near(Tenant& tenant, double lon, double lat, double metres,
                           const std::string& property = "location") {
  ngsi::GeoQuery geo;
  geo.max_distance = metres;
  geo.geometry.points = {{lon, lat}};
  geo.prepared = *geo::Prepared::make(geo.geometry);
  geo.window = geo::expand(geo.prepared->bounds(), metres);
  geo.property = tenant.symbols().find(property);
  return geo;
}

inline ngsi::GeoQuery within(Tenant& tenant, geo::Box box, const std::string& property = "location") {
  ngsi::GeoQuery geo;
  geo.relation = ngsi::GeoQuery::Relation::within;
  geo.geometry.kind = geo::Geometry::Kind::polygon;
  geo.geometry.polygons = {{{{box.west, box.south},
                             {box.east, box.south},
                             {box.east, box.north},
                             {box.west, box.north},
                             {box.west, box.south}}}};
  geo.prepared = *geo::Prepared::make(geo.geometry);
  geo.window = geo.prepared->bounds();
  geo.property = tenant.symbols().find(property);
  return geo;
}

}  // namespace madang::state::test
