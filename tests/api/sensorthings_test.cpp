// SensorThings: ids and paths, what filters mean and refuse, what indexes may narrow.

#include <gtest/gtest.h>

#include "hub/harness.h"
#include "sensorthings/fetch.h"
#include "sensorthings/options.h"
#include "sensorthings/units.h"

namespace madang::api::sensorthings {
namespace {

using hub::testing::World;

TEST(SensorThingsIds, ComeBack) {
  const base::Timestamp time = base::parse_timestamp("2026-01-01T00:00:00.5Z").value();
  for (const std::string entity : {"urn:ngsi-ld:Room:1", "https://example.org/it's@home", "urn:x:a:b"}) {
    for (const std::string attribute : {"no2", "https://example.org/names#NO 2", "온도", "a:b@c~"}) {
      for (std::size_t i = 0; i < kSets; ++i) {
        const Set set = static_cast<Set>(i);
        const auto back = read_id(set, make_id(set, {entity, attribute, time}));
        ASSERT_TRUE(back) << info(set).name;
        const std::string again = make_id(set, *back);
        EXPECT_EQ(again, make_id(set, {entity, attribute, time}));
        if (set != Set::observed_properties) {
          EXPECT_EQ(back->entity, entity);
        }
        if (set == Set::observations || set == Set::datastreams || set == Set::observed_properties) {
          EXPECT_EQ(back->attribute, attribute);
        }
      }
    }
  }
  EXPECT_FALSE(read_id(Set::observations, "urn:a:no2"));
  EXPECT_FALSE(read_id(Set::observations, "urn:a:no2@yesterday"));
  EXPECT_FALSE(read_id(Set::datastreams, "nothing"));
  EXPECT_EQ(read_id(Set::locations, "urn:a@home")->entity, "urn:a@home");
}

TEST(SensorThingsPaths, LeadSomewhere) {
  const auto steps = [](std::string_view text) {
    const auto path = read_path(text);
    if (!path.ok()) return "- " + path.error().message;
    std::string out;
    for (const Step& step : path->steps)
      out.append(out.empty() ? "" : "/")
          .append(info(step.set).name)
          .append(step.many ? "*" : "")
          .append(step.id ? "(" + *step.id + ")" : "");
    if (path->property) out.append("/").append(property_name(*path->property));
    return out + (path->value ? "/$value" : "") + (path->references ? "/$ref" : "");
  };
  EXPECT_EQ(steps("Things"), "Things*");
  EXPECT_EQ(steps("Things/"), "Things*");
  EXPECT_EQ(steps("Things('a')/Datastreams('a:b')/Observations"), "Things(a)/Datastreams(a:b)/Observations*");
  EXPECT_EQ(steps("Things('it''s/here')/name/$value"), "Things(it's/here)/name/$value");
  EXPECT_EQ(steps("Datastreams(7)/Thing/id"), "Datastreams(7)/Things/@iot.id");
  EXPECT_EQ(steps("Observations('x')/Datastream/Observations/$ref"), "Observations(x)/Datastreams/Observations*/$ref");
  for (const auto* wrong : {"", "Foo", "Things('a'", "Things('a)", "Things(')", "Things('a')b", "Things/name",
                            "Things('a')/result", "Things('a')/name/x", "Things('a')/$value", "Things/$ref/$ref",
                            "Datastreams('a')/Thing('b')", "Things('a')//name", "Things('''"})
    EXPECT_EQ(steps(wrong).substr(0, 2), "- ") << wrong;
  std::string deep = "Things('a')";
  for (int i = 0; i < 50; ++i) deep += "/Datastreams('b')/Thing";
  EXPECT_EQ(read_path(deep).error().code, base::Code::too_complex);
}

TEST(SensorThingsUnits, AreFoundByTheirCode) {
  ASSERT_NE(find_unit("CEL"), nullptr);
  EXPECT_EQ(find_unit("CEL")->symbol, "°C");
  EXPECT_EQ(find_unit("GQ")->ucum, "ug/m3");
  EXPECT_EQ(find_unit("ZZZ"), nullptr);
  EXPECT_EQ(find_unit(""), nullptr);
}

class SensorThings : public ::testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(city_.open().ok());
    create("a", R"("name":"Station A","height":12.5,"tags":["x","y"],"address":{"city":"서울"},
      "no2":{"type":"Property","value":30,"unitCode":"GQ","observedAt":"2026-01-01T10:00:00Z"},
      "mode":{"type":"Property","value":"auto","observedAt":"2026-01-01T10:00:00Z"},
      "location":{"type":"Point","coordinates":[127,37]})");
  }
  void create(const std::string& id, const std::string& members) {
    ASSERT_FALSE(city_.create("urn:ngsi-ld:T:" + id, members).error) << id;
  }
  Names names() { return Names(city_.names(), {}, Addresses("http://here/sta/v1.1"), "http://here/e/"); }

  /// What a filter says of the entity's first row of a set: "yes", "no", "unknown", or where it is refused.
  std::string says(Set set, std::string_view text, const Point* point = nullptr) {
    Names words = names();
    const auto filter = read_filter(text, set, words, now_);
    if (!filter.ok()) return filter.error().where;
    std::string out = "nothing";
    const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* policy) {
      const Set rows = set == Set::observations ? Set::datastreams : set;
      each_row(rows, entity, policy, {}, words, [&](Row row) {
        if (out != "nothing") return;
        row.point = point;
        const Truth truth = truth_of(*filter, row, words);
        out = truth == Truth::yes ? "yes" : truth == Truth::no ? "no" : "unknown";
      });
    };
    EXPECT_TRUE(city_.hub->retrieve(*hub::testing::admin(), {}, "urn:ngsi-ld:T:a", see).ok());
    return out;
  }
  std::string refused(std::string_view option, std::string_view value, Set set = Set::things) {
    Names words = names();
    Options options;
    const auto status = take_option(options, set, option, value, words, now_);
    return status.ok() ? "not refused" : std::string(base::code_name(status.error().code)) + " " + status.error().where;
  }

  const base::Timestamp now_ = base::parse_timestamp("2026-01-01T12:00:00Z").value();
  base::SimulatedFiles files_;
  World city_{files_, base::system_clock()};
};

TEST_F(SensorThings, FiltersMeanWhatTheStandardSays) {
  struct Case {
    Set set;
    std::string_view filter, says;
  };
  const Case cases[] = {
      {Set::things, "name eq 'Station A'", "yes"},
      {Set::things, "id eq 'urn:ngsi-ld:T:a' and @iot.id eq 'urn:ngsi-ld:T:a'", "yes"},
      {Set::things, "not (name eq 'Station A')", "no"},
      {Set::things, "name eq 'B' or name ne 'B'", "yes"},
      {Set::things, "name eq 'B' and name eq 'Station A'", "no"},
      {Set::things, "properties/height gt 12 and properties/height lt 12.6", "yes"},
      {Set::things, "properties/height add 1 eq 13.5", "yes"},
      {Set::things, "properties/height mul 2 sub 5 div 2 eq 22.5", "yes"},
      {Set::things, "properties/height mod 5 eq 2.5", "yes"},
      {Set::things, "properties/height eq '12.5'", "no"},
      {Set::things, "properties/address/city eq '서울'", "yes"},
      {Set::things, "properties/tags/1 eq 'y'", "yes"},
      {Set::things, "properties/tags/2 eq 'y'", "unknown"},
      {Set::things, "properties/none eq 1", "unknown"},
      {Set::things, "not (properties/none eq 1)", "unknown"},
      {Set::things, "properties/none eq null", "yes"},
      {Set::things, "properties/height ne null", "yes"},
      {Set::things, "properties/type eq 'T'", "yes"},
      {Set::things, "substringof('tion', name)", "yes"},
      {Set::things, "contains(name, 'tion') and startswith(name,'Sta') and endswith(name,' A')", "yes"},
      {Set::things, "length(properties/address/city) eq 2", "yes"},
      {Set::things, "indexof(name, 'A') eq 8 and indexof(name,'z') eq -1", "yes"},
      {Set::things, "substring(name, 8) eq 'A' and substring(name,0,3) eq 'Sta'", "yes"},
      {Set::things, "tolower(name) eq 'station a' and toupper(name) eq 'STATION A'", "yes"},
      {Set::things, "concat(trim('  x '), 'y') eq 'xy'", "yes"},
      {Set::things, "name eq 'it''s'", "no"},
      {Set::things, "round(properties/height) eq 13 and floor(properties/height) eq 12 and ceiling(12.1) eq 13", "yes"},
      {Set::things, "now() eq 2026-01-01T12:00:00Z and now() sub duration'PT1H' eq 2026-01-01T11:00:00Z", "yes"},
      {Set::things, "year(now()) eq 2026 and month(now()) eq 1 and day(now()) eq 1 and hour(now()) eq 12", "yes"},
      {Set::things, "date(now()) eq date'2026-01-01'", "yes"},
      {Set::things, "Locations/location ne null and geo.distance(Locations/location, geography'POINT(127 37)') lt 1",
       "yes"},
      {Set::things, "geo.distance(Locations/location, geography'POINT(127 38)') gt 110000", "yes"},
      {Set::things, "st_within(Locations/location, geography'POLYGON((126 36,128 36,128 38,126 38,126 36))')", "yes"},
      {Set::things, "st_contains(geography'POLYGON((126 36,128 36,128 38,126 38,126 36))', Locations/location)", "yes"},
      {Set::things, "st_disjoint(Locations/location, geography'POLYGON((126 36,128 36,128 38,126 38,126 36))')", "no"},
      {Set::things, "Datastreams/name eq 'Station A: no2'", "yes"},
      {Set::things, "Datastreams/ObservedProperty/name eq 'no2'", "yes"},
      {Set::things, "Datastreams/ObservedProperty/name eq 'pm10'", "no"},
      {Set::things, "Datastreams/ObservedProperty/name eq 'no2' and Datastreams/ObservedProperty/name eq 'mode'",
       "yes"},
      {Set::locations, "st_intersects(location, geography'LINESTRING(126 37,128 37)')", "yes"},
      {Set::locations, "Things/name eq 'Station A'", "yes"},
      {Set::sensors, "Datastreams/Thing/name eq 'Station A'", "yes"},
      {Set::datastreams, "unitOfMeasurement/symbol eq 'µg/m³'", "yes"},
      {Set::datastreams, "Thing/properties/height gt 1 and ObservedProperty/id eq 'no2'", "yes"},
      {Set::datastreams, "Thing/Datastreams/ObservedProperty/name eq 'mode'", "yes"},
      {Set::datastreams, "endswith(observationType, 'OM_Measurement')", "yes"},
  };
  for (const Case& one : cases) EXPECT_EQ(says(one.set, one.filter), one.says) << one.filter;
}

TEST_F(SensorThings, FiltersOfObservations) {
  const Point point{base::parse_timestamp("2026-01-01T11:30:00Z").value(), "31.5"};
  const auto of = [&](std::string_view filter) { return says(Set::observations, filter, &point); };
  EXPECT_EQ(of("result gt 31 and result le 31.5"), "yes");
  EXPECT_EQ(of("result eq 'x'"), "no");
  EXPECT_EQ(of("phenomenonTime gt now() sub duration'PT1H'"), "yes");
  EXPECT_EQ(of("phenomenonTime eq 2026-01-01T20:30:00+09:00"), "yes");
  EXPECT_EQ(of("during(phenomenonTime, 2026-01-01T11:00:00Z/2026-01-01T12:00:00Z)"), "yes");
  EXPECT_EQ(of("before(phenomenonTime, 2026-01-01T11:00:00Z/2026-01-01T12:00:00Z)"), "no");
  EXPECT_EQ(of("after(phenomenonTime, 2025-01-01)"), "yes");
  EXPECT_EQ(of("minute(resultTime) eq 30"), "yes");
  EXPECT_EQ(of("Datastream/ObservedProperty/name eq 'no2'"), "yes");
  EXPECT_EQ(of("FeatureOfInterest/feature ne null"), "yes");
}

TEST_F(SensorThings, AnOrderKnowsNoSingleDatastreamOfAThing) {
  Names words = names();
  for (const auto* by : {"Datastreams/unitOfMeasurement/name", "Datastreams/name", "Datastreams/ObservedProperty/name",
                         "Datastreams/observationType", "Locations/location", "HistoricalLocations/time"}) {
    const auto order = read_order(by, Set::things, words, now_);
    if (!order.ok()) continue;
    const auto see = [&](ngsi::EntityView entity, const ngsi::Filter* policy) {
      each_row(Set::things, entity, policy, {}, words, [&](const Row& row) {
        const auto keys = sort_keys(*order, row, words);
        EXPECT_EQ(std::holds_alternative<std::monostate>(keys.front()), std::string_view(by).starts_with("Data")) << by;
      });
    };
    EXPECT_TRUE(city_.hub->retrieve(*hub::testing::admin(), {}, "urn:ngsi-ld:T:a", see).ok());
  }
}

TEST_F(SensorThings, BoundsOfTime) {
  Names words = names();
  const auto bounds = [&](std::string_view text) {
    const auto filter = read_filter(text, Set::observations, words, now_).value();
    const TimeBounds found = bounds_of(filter);
    return (found.from ? base::to_string(*found.from) : "") + ".." +
           (found.until ? base::to_string(*found.until) : "") + (is_bounds_only(filter) ? "" : " and more");
  };
  EXPECT_EQ(bounds("phenomenonTime ge 2026-01-01T00:00:00Z and resultTime lt 2026-01-02T00:00:00Z"),
            "2026-01-01T00:00:00Z..2026-01-02T00:00:00Z");
  EXPECT_EQ(bounds("2026-01-01T00:00:00Z lt phenomenonTime"), "2026-01-01T00:00:00.000000001Z..");
  EXPECT_EQ(bounds("phenomenonTime le 2026-01-01T00:00:00Z"), "..2026-01-01T00:00:00.000000001Z");
  EXPECT_EQ(bounds("phenomenonTime eq 2026-01-01T00:00:00Z and result gt 1"),
            "2026-01-01T00:00:00Z..2026-01-01T00:00:00.000000001Z and more");
  EXPECT_EQ(bounds("phenomenonTime gt 2026-01-01T00:00:00Z or result gt 1"), ".. and more");
  EXPECT_EQ(bounds("not (phenomenonTime gt 2026-01-01T00:00:00Z)"), ".. and more");
  EXPECT_EQ(bounds("phenomenonTime ne 2026-01-01T00:00:00Z"), ".. and more");
}

TEST_F(SensorThings, FiltersOfTwoSortsArePartedOrRefused) {
  Names words = names();
  const auto made = [&](std::string_view text) {
    Options options;
    options.filter = read_filter(text, Set::observations, words, now_).value();
    const auto filter = PointFilter::make(options, Set::observations);
    if (!filter.ok()) return std::string(base::code_name(filter.error().code));
    return std::to_string(filter->of_series.size()) + " " + std::to_string(filter->of_points.size());
  };
  EXPECT_EQ(made("Datastream/ObservedProperty/name eq 'no2' and result gt 1 and phenomenonTime lt now()"), "1 1");
  EXPECT_EQ(made("Datastream/ObservedProperty/name eq 'no2' or result gt 1"), "not_supported");
}

TEST_F(SensorThings, WhatIsWrongIsRefusedWithItsPlace) {
  EXPECT_EQ(says(Set::things, "nope eq 1"), "$filter:1");
  EXPECT_EQ(says(Set::things, "name eq"), "$filter:8");
  EXPECT_EQ(says(Set::things, "name eq 'x"), "$filter:9");
  EXPECT_EQ(says(Set::things, "이름 eq 'x' and"), "$filter:1");
  EXPECT_EQ(says(Set::things, "(name eq 'x'"), "$filter:13");
  EXPECT_EQ(says(Set::things, "name eq 'x' name"), "$filter:13");
  EXPECT_EQ(says(Set::things, "name eq 2026-13-01T00:00:00Z"), "$filter:9");
  EXPECT_EQ(says(Set::things, "round() eq 1"), "$filter:1");
  EXPECT_EQ(says(Set::things, "name eq geography'POINT(1)'"), "$filter:19");
  EXPECT_EQ(says(Set::things, "Datastreams/Observations/result gt 1"), "$filter:1");
  EXPECT_EQ(refused("$filter", "st_touches(Locations/location, geography'POINT(1 2)')"), "not_supported $filter:1");
  EXPECT_EQ(refused("$filter", std::string(100, '(') + "name eq 'x'" + std::string(100, ')')),
            "too_complex $filter:33");
  std::string many = "name eq 'x'";
  for (int i = 0; i < 300; ++i) many += " or name eq 'x'";
  EXPECT_EQ(refused("$filter", many).substr(0, 11), "too_complex");
  EXPECT_EQ(refused("$orderby", "name up"), "bad_request_data $orderby:6");
  EXPECT_EQ(refused("$orderby", "name desc,id"), "not refused");
  EXPECT_EQ(refused("$select", "name,result"), "bad_request_data $select");
  EXPECT_EQ(refused("$expand", "Observations"), "bad_request_data $expand");
  EXPECT_EQ(refused("$expand", "Datastreams($top=1"), "bad_request_data $expand");
  EXPECT_EQ(refused("$expand", "Datastreams($top=one)"), "bad_request_data $top");
  EXPECT_EQ(refused("$expand", "Datastreams($filter=nope eq 1)"), "bad_request_data $filter:1");
  EXPECT_EQ(refused("$expand", "Datastreams(top)"), "bad_request_data $expand");
  std::string deep = "Datastreams";
  for (int i = 0; i < 20; ++i) deep += "/Thing/Datastreams";
  EXPECT_EQ(refused("$expand", deep), "too_complex $expand");
  EXPECT_EQ(
      refused(
          "$expand",
          "Datastreams($expand=Observations($top=1;$filter=result gt 1 and phenomenonTime lt now()),Sensor),Locations"),
      "not refused");
  EXPECT_EQ(refused("$top", "-1"), "bad_request_data $top");
}

}  // namespace
}  // namespace madang::api::sensorthings
