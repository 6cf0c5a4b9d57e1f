// CQL2 filters: what they mean, what they refuse, and that they hold back what a policy hides.

#include "ogc/cql2.h"

#include <optional>
#include <random>

#include <gtest/gtest.h>

#include "download/csv.h"
#include "governance/deny_policy.h"
#include "hub/harness.h"
#include "narrowed.h"
#include "ogc/feature.h"

namespace madang::api::ogc {
namespace {

using hub::testing::World;

class Cql2 : public ::testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(city_.open().ok()); }

  void create(const std::string& id, const std::string& members) {
    ASSERT_FALSE(city_.create("urn:ngsi-ld:T:" + id, members).error) << id;
  }
  base::Result<Predicate> parse(std::string_view text, const CrsPtr& crs = Crs::find({}, {}).value()) {
    return parse_cql2(text, city_.names(), {}, *crs);
  }
  /// The ids that a filter finds, without what all have in common, the way the surface asks.
  std::string find(std::string_view text, const hub::PrincipalPtr& who = hub::testing::admin(),
                   const CrsPtr& crs = Crs::find({}, {}).value()) {
    auto predicate = parse(text, crs);
    if (!predicate.ok()) return predicate.error().where + ": " + predicate.error().message;
    ngsi::Query query;
    narrow(*predicate, query);
    hub::QueryPage page;
    page.limit = 1'000;
    auto found = city_.ask(std::move(query), page, Narrowed::principal(who, {}, std::move(*predicate)));
    EXPECT_FALSE(found.error);
    std::string out;
    for (const std::string& id : found.ids) out += (out.empty() ? "" : " ") + id.substr(14);
    return out;
  }
  /// Where a filter is refused.
  std::string refused(std::string_view text) {
    const auto predicate = parse(text);
    return predicate.ok() ? "not refused" : predicate.error().where;
  }

  base::SimulatedFiles files_;
  World city_{files_, base::system_clock()};
};

TEST_F(Cql2, Comparisons) {
  create("1", R"("speed":10,"name":"Bus one")");
  create("2", R"("speed":20,"name":"bus two")");
  create("3", R"("speed":30,"open":true)");
  EXPECT_EQ(find("speed = 20"), "2");
  EXPECT_EQ(find("speed <> 20"), "1 3");
  EXPECT_EQ(find("20 < speed"), "3");
  EXPECT_EQ(find("speed>=20 AND speed<=30"), "2 3");
  EXPECT_EQ(find("speed between 15 and 25"), "2");
  EXPECT_EQ(find("speed not between 15 and 25"), "1 3");
  EXPECT_EQ(find("speed IN (10,30)"), "1 3");
  EXPECT_EQ(find("speed NOT IN (10,30)"), "2");
  EXPECT_EQ(find("open = TRUE"), "3");
  EXPECT_EQ(find("id = 'urn:ngsi-ld:T:2' OR id LIKE '%:3'"), "2 3");
  EXPECT_EQ(find("id IN ('urn:ngsi-ld:T:2','urn:ngsi-ld:T:1')"), "1 2");
  EXPECT_EQ(find("TRUE"), "1 2 3");
  EXPECT_EQ(find("FALSE"), "");
}

TEST_F(Cql2, Texts) {
  create("1", R"("name":"Bus one","note":"100%")");
  create("2", R"("name":"bus two","note":"it's a.b")");
  create("3", R"("name":"버스 3")");
  EXPECT_EQ(find("name LIKE 'Bus%'"), "1");
  EXPECT_EQ(find("CASEI(name) LIKE CASEI('BUS%')"), "1 2");
  EXPECT_EQ(find("casei(name) = 'bus ONE'"), "1");
  EXPECT_EQ(find("CASEI(name) IN (CASEI('BUS ONE'),CASEI('BUS TWO'))"), "1 2");
  EXPECT_EQ(find("name LIKE '__ 3'"), "3");
  EXPECT_EQ(find("name NOT LIKE '%one'"), "2 3");
  EXPECT_EQ(find("note LIKE '100\\%'"), "1");
  EXPECT_EQ(find("note = 'it''s a.b'"), "2");
  EXPECT_EQ(find("note LIKE '%a_b'"), "2");
  EXPECT_EQ(find("note LIKE '%a.c'"), "");
  EXPECT_EQ(find("\"name\" = '버스 3'"), "3");
}

TEST_F(Cql2, WhatIsNotThereIsUnknown) {
  create("1", R"("a":1,"b":1)");
  create("2", R"("a":1)");
  create("3", R"("b":1)");
  EXPECT_EQ(find("b IS NULL"), "2");
  EXPECT_EQ(find("b IS NOT NULL"), "1 3");
  EXPECT_EQ(find("NOT b = 2"), "1 3");
  EXPECT_EQ(find("NOT (a = 2 OR b = 2)"), "1");  // unknown or false is unknown
  EXPECT_EQ(find("NOT (a = 2 AND b = 1)"), "1 2");
  EXPECT_EQ(find("NOT NOT a = 1"), "1 2");
}

TEST_F(Cql2, SubAttributesKeysAndTimes) {
  create("1", R"("speed":{"value":3,"observedAt":"2026-01-01T12:00:00Z","accuracy":{"value":0.5}},)"
              R"("address":{"value":{"city":"서울"}},"day":{"value":"2026-01-01"})");
  create("2", R"("speed":{"value":3,"observedAt":"2026-01-02T12:00:00Z"},"at":{"value":"2026-01-02T12:00:00Z"})");
  EXPECT_EQ(find("speed.accuracy < 1"), "1");
  EXPECT_EQ(find("address[city] = '서울'"), "1");
  EXPECT_EQ(find("T_BEFORE(speed.observedAt, TIMESTAMP('2026-01-02T00:00:00Z'))"), "1");
  EXPECT_EQ(find("T_AFTER(speed.observedAt, DATE('2026-01-01'))"), "2");
  EXPECT_EQ(find("T_AFTER(DATE('2026-01-02'), speed.observedAt)"), "1");
  EXPECT_EQ(find("T_INTERSECTS(speed.observedAt, DATE('2026-01-02'))"), "2");
  EXPECT_EQ(find("T_DISJOINT(speed.observedAt, DATE('2026-01-02'))"), "1");
  EXPECT_EQ(find("T_DURING(speed.observedAt, INTERVAL('2026-01-01T12:00:00Z','..'))"), "2");
  EXPECT_EQ(find("T_DURING(speed.observedAt, INTERVAL('..','2026-01-02'))"), "1 2");
  EXPECT_EQ(find("T_EQUALS(at, TIMESTAMP('2026-01-02T12:00:00Z'))"), "2");
  EXPECT_EQ(find("at = TIMESTAMP('2026-01-02T21:00:00+09:00')"), "2");
  EXPECT_EQ(find("at = '2026-01-02T12:00:00Z'"), "2");
  EXPECT_EQ(find("at > DATE('2026-01-01')"), "2");
  EXPECT_EQ(find("at > DATE('2026-01-02')"), "");
  EXPECT_EQ(find("day = DATE('2026-01-01')"), "1");
  EXPECT_EQ(find("day >= DATE('2026-01-02')"), "");
  EXPECT_EQ(find("createdAt > DATE('2020-01-01')"), "1 2");
}

TEST_F(Cql2, Shapes) {
  create("1", R"("location":{"type":"Point","coordinates":[127,37]})");
  create("2", R"("location":{"type":"Point","coordinates":[128,37]})");
  create("3", R"("area":{"type":"Polygon","coordinates":[[[127,37],[128,37],[128,38],[127,38],[127,37]]]})");
  EXPECT_EQ(find("S_INTERSECTS(location, POINT(127 37))"), "1");
  EXPECT_EQ(find("S_INTERSECTS(location, BBOX(127.5,36,129,38))"), "2");
  EXPECT_EQ(find("S_INTERSECTS(BBOX(127.5, 36, 129, 38), location)"), "2");
  EXPECT_EQ(find("NOT S_INTERSECTS(location, BBOX(127.5,36,129,38))"), "1");
  EXPECT_EQ(find("S_DISJOINT(location, BBOX(127.5,36,129,38))"), "1");
  EXPECT_EQ(find("S_INTERSECTS(location, BBOX(126,36,129,38)) AND S_INTERSECTS(location, BBOX(127.5,36,129,38))"), "2");
  EXPECT_EQ(find("S_INTERSECTS(location, POINT(127 37)) OR S_INTERSECTS(area, POINT(127.5 37.5))"), "1 3");
  EXPECT_EQ(find("S_CONTAINS(area, POINT(127.5 37.5))"), "3");
  EXPECT_EQ(find("S_WITHIN(POINT(127.5 37.5), area)"), "3");
  EXPECT_EQ(find("S_WITHIN(area, BBOX(126,36,129,39))"), "3");
  EXPECT_EQ(find("S_OVERLAPS(area, POLYGON((127.5 37.5,129 37.5,129 39,127.5 39,127.5 37.5)))"), "3");
  const auto web = Crs::find("http://www.opengis.net/def/crs/EPSG/0/3857", "filter-crs").value();
  EXPECT_EQ(find("S_INTERSECTS(location, BBOX(14130000,4430000,14140000,4450000))", hub::testing::admin(), web), "1");
}

TEST_F(Cql2, FaultsSayWhere) {
  create("1", R"("a":1,"location":{"type":"Point","coordinates":[127,37]})");
  EXPECT_EQ(refused(""), "filter:1");
  EXPECT_EQ(refused("a ="), "filter:4");
  EXPECT_EQ(refused("nobody = 1"), "filter:1");
  EXPECT_EQ(refused("a = 1 AND nobody = 1"), "filter:11");
  EXPECT_EQ(refused("a = 1 b"), "filter:7");
  EXPECT_EQ(refused("(a = 1"), "filter:7");
  EXPECT_EQ(refused("a = 'x"), "filter:5");
  for (const char* text : {"a",
                           "a = a",
                           "1 = 1",
                           "a IS 1",
                           "a LIKE 1",
                           "a IN ()",
                           "a IN (1",
                           "a BETWEEN 1",
                           "a BETWEEN 1 OR 2",
                           "S_TOUCHES(location, POINT(1 2))",
                           "S_INTERSECTS(location, POINT(1))",
                           "S_INTERSECTS(location, POINT(127 99))",
                           "S_INTERSECTS(location, location)",
                           "T_MEETS(a, DATE('2026-01-01'))",
                           "T_AFTER(a, 'x')",
                           "a = DATE('2026-13-01')",
                           "f(a) = 1",
                           "CASEI(a) > 'x'",
                           "id > 'x'",
                           "a = 1e999",
                           "NOT",
                           "a NOT = 1"})
    EXPECT_EQ(refused(text).substr(0, 7), "filter:") << text;
}

TEST_F(Cql2, LimitsHold) {
  create("1", R"("a":1)");
  std::string deep, wide = "a=1", many = "a IN (1";
  for (int i = 0; i < 40; ++i) deep += "(";
  for (int i = 0; i < 250; ++i) wide += " OR a=1", many += ",1";
  for (const std::string& text : {deep + "a=1", wide, many + ")", std::string(9'000, ' '), "NOT " + [] {
                                    std::string nots;
                                    for (int i = 0; i < 40; ++i) nots += "NOT ";
                                    return nots;
                                  }() + "a=1"}) {
    const auto predicate = parse(text);
    ASSERT_FALSE(predicate.ok());
    EXPECT_EQ(predicate.error().code, base::Code::too_complex);
  }
}

/// Random conditions over three attributes that may be absent, and what SQL says of them.
struct Model {
  std::mt19937 random{7};
  std::size_t below(std::size_t n) { return random() % n; }

  struct Thing {
    std::optional<int> a, b;
    std::optional<double> lon;
  };
  using Truth = std::optional<bool>;

  std::string write(const Thing& thing, int depth, Truth& truth) {
    const auto of = [](const auto& value, auto&& test) { return value ? Truth(test(*value)) : Truth(); };
    switch (depth == 0 ? 3 + below(4) : below(7)) {
      case 0:
      case 1: {
        const bool all = below(2) == 0;
        Truth left, right;
        // The same text for every thing: chosen by a seed of its own.
        const auto seed = random();
        random.seed(seed);
        std::string text = "(" + write(thing, depth - 1, left) + (all ? " AND " : " OR ");
        text += write(thing, depth - 1, right) + ")";
        const bool settled =
            all ? left == Truth(false) || right == Truth(false) : left == Truth(true) || right == Truth(true);
        truth = settled ? Truth(!all) : left && right ? Truth(all) : Truth();
        return text;
      }
      case 2: {
        Truth inner;
        const std::string text = "NOT (" + write(thing, depth - 1, inner) + ")";
        truth = inner ? Truth(!*inner) : Truth();
        return text;
      }
      case 3: {
        const int limit = static_cast<int>(below(4));
        truth = of(thing.a, [&](int a) { return a >= limit; });
        return "a >= " + std::to_string(limit);
      }
      case 4: {
        const int one = static_cast<int>(below(4)), other = static_cast<int>(below(4));
        truth = of(thing.b, [&](int b) { return b == one || b == other; });
        return "b IN (" + std::to_string(one) + "," + std::to_string(other) + ")";
      }
      case 5:
        truth = !thing.b;
        return "b IS NULL";
      default: {
        const int west = static_cast<int>(below(4));
        truth = of(thing.lon, [&](double lon) { return lon >= west && lon <= west + 1; });
        return "S_INTERSECTS(location,BBOX(" + std::to_string(west) + ",0," + std::to_string(west + 1) + ",2))";
      }
    }
  }
};

TEST_F(Cql2, MeansWhatTheModelSays) {
  Model model;
  std::vector<Model::Thing> things(40);
  for (std::size_t i = 0; i < things.size(); ++i) {
    Model::Thing& thing = things[i];
    std::string members = "\"n\":1";
    if (model.below(3)) thing.a = static_cast<int>(model.below(4)), members += ",\"a\":" + std::to_string(*thing.a);
    if (model.below(3)) thing.b = static_cast<int>(model.below(4)), members += ",\"b\":" + std::to_string(*thing.b);
    if (model.below(3)) {
      thing.lon = static_cast<double>(model.below(9)) / 2;
      members += R"(,"location":{"type":"Point","coordinates":[)" + std::to_string(*thing.lon) + ",1]}";
    }
    create(std::to_string(i), members);
  }
  for (unsigned seed = 0; seed < 300; ++seed) {
    std::string text, wanted;
    for (std::size_t i = 0; i < things.size(); ++i) {
      model.random.seed(seed);
      Model::Truth truth;
      text = model.write(things[i], 3, truth);
      if (truth == Model::Truth(true)) wanted += (wanted.empty() ? "" : " ") + std::to_string(i);
    }
    ASSERT_EQ(find(text), wanted) << text;
  }
}

TEST_F(Cql2, APolicysFilterHoldsBeside) {
  create("open", R"("a":1,"pin":1)");
  create("secret", R"("a":1,"pin":2)");
  const auto who = governance::testing::denied_principal("secret", *city_.names().intern("pin"));
  EXPECT_EQ(find("a = 1", who), "open");
  EXPECT_EQ(find("TRUE", who), "open");
  EXPECT_EQ(find("NOT a = 2", who), "open");
  EXPECT_EQ(find("pin = 1", who), "");
  EXPECT_EQ(find("NOT pin = 2", who), "");
  EXPECT_EQ(find("pin IS NULL", who), "open");
  EXPECT_EQ(find("id LIKE '%secret'", who), "");
}

TEST_F(Cql2, NoHiddenAttributeIsInATableOrAFeature) {
  create("open", R"("a":1,"pin":7,"location":{"type":"Point","coordinates":[127,37]})");
  const auto who = governance::testing::denied_principal("secret", *city_.names().intern("pin"));
  ngsi::Representation how;
  how.format = ngsi::Format::simplified;
  download::Columns columns(how);
  std::string table, row, feature, html;
  FeatureForm form{how, *city_.names().find("location"), Crs::find({}, {}).value()};
  ASSERT_TRUE(city_.hub
                  ->retrieve(*who, {}, "urn:ngsi-ld:T:open",
                             [&](ngsi::EntityView entity, const ngsi::Filter* filter) {
                               ASSERT_NE(filter, nullptr);
                               EXPECT_TRUE(columns.note(entity, filter, 10));
                               columns.append_header(table, city_.names());
                               columns.append_row(row, entity, city_.names(), filter, false);
                               append_feature(feature, entity, filter, city_.names(), form);
                               append_rows(html, entity, filter, city_.names(), form);
                             })
                  .ok());
  EXPECT_EQ(table, "id,type,a,location.lon,location.lat\r\n");
  EXPECT_EQ(row, "urn:ngsi-ld:T:open,T,1,127,37\r\n");
  EXPECT_EQ(
      feature,
      R"({"type":"Feature","id":"urn:ngsi-ld:T:open","geometry":{"type":"Point","coordinates":[127,37]},"properties":{"a":1})");
  EXPECT_EQ(html.find("pin"), html.npos);
}

// ---- reference systems ----

TEST(Crs, AxesAreInTheSystemsOwnOrder) {
  double first = 0, second = 0;
  Crs::find("http://www.opengis.net/def/crs/EPSG/0/4326", {}).value()->from_earth({127, 37}, first, second);
  EXPECT_EQ(first, 37);
  EXPECT_EQ(second, 127);
  Crs::find({}, {}).value()->from_earth({127, 37}, first, second);
  EXPECT_EQ(first, 127);
  Crs::find("http://www.opengis.net/def/crs/EPSG/0/3857", {}).value()->from_earth({180, 0}, first, second);
  EXPECT_NEAR(first, 20037508.34, 0.01);
  // Korea 2000 / Central Belt 2010: from 38 N, 127 E, with 600,000 to the north and 200,000 to the east added.
  Crs::find("http://www.opengis.net/def/crs/EPSG/0/5186", {}).value()->from_earth({127, 38}, first, second);
  EXPECT_NEAR(first, 600'000, 0.001);
  EXPECT_NEAR(second, 200'000, 0.001);
}

TEST(Crs, OnlyNamesOfSystemsAreTaken) {
  for (const char* text :
       {"EPSG:4326", "+proj=longlat", "http://www.opengis.net/def/crs/EPSG/0/", "x",
        "http://www.opengis.net/def/crs/EPSG/0/999999", "http://www.opengis.net/def/crs/EPSG/0/4326 "})
    EXPECT_EQ(Crs::find(text, "crs").ok(), false) << text;
}

TEST(Bbox, Boxes) {
  const auto plain = Crs::find({}, {}).value();
  const auto kind = [&](std::string_view text) {
    const auto box = parse_bbox(text, *plain, "bbox");
    return box.ok() ? std::string(geo::kind_name(box->kind)) : box.error().message;
  };
  EXPECT_EQ(kind("1,2,3,4"), "Polygon");
  EXPECT_EQ(kind("1,2,-5,3,4,9"), "Polygon");
  EXPECT_EQ(kind("1,2,1,4"), "LineString");
  EXPECT_EQ(kind("1,2,1,2"), "Point");
  EXPECT_EQ(kind("170,2,-170,4"), "MultiPolygon");
  for (const char* text :
       {"", "1,2,3", "1,2,3,4,5", "1,2,3,x", "1,2,3,4,", "1,9,3,4", "1,2,3,94", "200,2,201,4", "nan,1,2,3"})
    EXPECT_FALSE(parse_bbox(text, *plain, "bbox").ok()) << text;
}

}  // namespace
}  // namespace madang::api::ogc
