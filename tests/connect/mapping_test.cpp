// Records to entities: every kind of value, and what becomes of what is none.

#include <cmath>

#include <gtest/gtest.h>
// After GoogleTest, on which it builds.
#include <rapidcheck/gtest.h>
#include <simdjson.h>

#include "connect/fixture.h"

namespace madang::connect {
namespace {

using testing::declaration;
using testing::mapped;
using testing::rows;

TEST(Values, Numbers) {
  const std::string number = R"({"from":"v","kind":"number"})";
  EXPECT_EQ(mapped(number, "12.50"), R"("v":{"type":"Property","value":12.50})");  // with the digits it came with
  EXPECT_EQ(mapped(number, "  -3 "), R"("v":{"type":"Property","value":-3})");
  EXPECT_EQ(mapped(number, "1'234.5"), R"("v":{"type":"Property","value":1234.5})");
  EXPECT_EQ(mapped(number, "1,234.5"), R"("v":{"type":"Property","value":1234.5})");
  EXPECT_EQ(mapped(number, "1.234,5", R"("decimal":",")"), R"("v":{"type":"Property","value":1234.5})");
  EXPECT_EQ(mapped(number, "0,5", R"("decimal":",")"), R"("v":{"type":"Property","value":0.5})");
  EXPECT_EQ(mapped(number, "five"), R"(invalid: "five" is no number)");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"number","factor":0.1,"offset":-5,"unit":"CEL"})", "250"),
            R"("v":{"type":"Property","value":20,"unitCode":"CEL"})");
}

TEST(Values, WhatStandsForNone) {
  const std::string number = R"({"from":"v","kind":"number","missing":["-999"]})";
  for (const std::string none : {"", "NA", "NaN", "-", "-999"}) EXPECT_EQ(mapped(number, none), "missing: ") << none;
  EXPECT_EQ(mapped(number, "-99"), R"("v":{"type":"Property","value":-99})");
  EXPECT_EQ(mapped(number, "NA", R"("missing":["x"])"), R"(invalid: "NA" is no number)");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"number"})", "x", R"("missing":["x"])"), "missing: ");
}

TEST(Values, RangesAreOfWhatIsScaled) {
  const std::string rule = R"({"from":"v","kind":"number","factor":10,"range":[0,100]})";
  EXPECT_EQ(mapped(rule, "10"), R"("v":{"type":"Property","value":100})");
  EXPECT_EQ(mapped(rule, "10.1"), "out of range: 101 is not from 0 to 100");
  EXPECT_EQ(mapped(rule, "-1"), "out of range: -10 is not from 0 to 100");
}

TEST(Values, AutomaticOnesAreNumbersOnlyWhereTheyAreNoCodes) {
  EXPECT_EQ(mapped(R"("v")", "7"), R"("v":{"type":"Property","value":7})");
  EXPECT_EQ(mapped(R"("v")", "007"), R"("v":{"type":"Property","value":"007"})");
  EXPECT_EQ(mapped(R"("v")", "+82"), R"("v":{"type":"Property","value":"+82"})");
  EXPECT_EQ(mapped(R"("v")", "a \"b\""), R"("v":{"type":"Property","value":"a \"b\""})");
}

TEST(Values, OtherKinds) {
  EXPECT_EQ(mapped(R"({"from":"v","kind":"text"})", "7"), R"("v":{"type":"Property","value":"7"})");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"boolean"})", "예"), R"("v":{"type":"Property","value":true})");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"boolean"})", "maybe"), R"(invalid: "maybe" is neither yes nor no)");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"time"})", "2024-07-01 12:00", R"("zone":"Europe/Zurich")"),
            R"("v":{"type":"Property","value":{"@type":"DateTime","@value":"2024-07-01T10:00:00Z"}})");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"time"})", "tomorrow"), R"(invalid: "tomorrow" is no moment)");
  EXPECT_EQ(mapped(R"({"from":"v","split":";"})", "a; b;c"), R"("v":{"type":"Property","value":["a","b","c"]})");
  EXPECT_EQ(mapped(R"({"from":"v","target":"urn:s:{}"})", "Bahnhof 1/2"),
            R"("v":{"type":"Relationship","object":"urn:s:Bahnhof%201/2"})");
  EXPECT_EQ(mapped(R"({"from":"v","kind":"relationship"})", "no uri"), R"(invalid: "no uri" is no URI)");
  EXPECT_EQ(mapped(R"({"from":"v","words":{"1":"open"},"otherwise":"closed"})", "1"),
            R"("v":{"type":"Property","value":"open"})");
  EXPECT_EQ(mapped(R"({"from":"v","words":{"1":"open"},"otherwise":"closed"})", "9"),
            R"("v":{"type":"Property","value":"closed"})");
  EXPECT_EQ(mapped(R"({"value":{"a":[1,2]}})", ""), R"("v":{"type":"Property","value":{"a":[1,2]}})");
  EXPECT_EQ(mapped(R"({"languages":{"en":"v","ko":"none"}})", "hall"),
            R"("v":{"type":"LanguageProperty","languageMap":{"en":"hall"}})");
}

TEST(Values, JsonStaysJson) {
  const auto all = rows(declaration(R"("a":{"from":"a","kind":"json"},"b":"b","c":"c/d")"),
                        R"([{"id":1,"a":{"x":[1]},"b":true,"c":{"d":1.50}}])", "json");
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].json, R"({"id":"urn:x:1","type":"Thing","a":{"type":"Property","value":{"x":[1]}},)"
                         R"("b":{"type":"Property","value":true},"c":{"type":"Property","value":1.50}})");
}

TEST(Templates, FieldsAreJoined) {
  const auto all = rows(declaration(R"("v":{"from":"{a} {b}","kind":"text"})"), "id,a,b\n1,x,y\n2,,y\n3,,\n");
  ASSERT_EQ(all.size(), 3u);
  EXPECT_NE(all[0].json.find(R"("x y")"), std::string::npos);
  EXPECT_NE(all[1].json.find(R"("value":"y")"), std::string::npos);
  ASSERT_EQ(all[2].problems.size(), 1u);
  EXPECT_EQ(all[2].problems[0].kind, Problem::Kind::missing);
}

TEST(Templates, TheInputsNameTakesPart) {
  const auto all = rows(declaration(R"("v":"@topic","w":{"from":"@topic/2","kind":"text"},"none":"@topic/9")"),
                        "id\n1\n", "csv", "air/7/pm10");
  EXPECT_NE(all.at(0).json.find(R"("v":{"type":"Property","value":"air/7/pm10"})"), std::string::npos);
  EXPECT_NE(all[0].json.find(R"("w":{"type":"Property","value":"7"})"), std::string::npos);
  EXPECT_EQ(all[0].problems.size(), 1u);
}

TEST(Templates, RecordsCanBeNumbered) {
  const auto all = rows(declaration(R"("v":"@record")"), "id\n1\n1\n");
  EXPECT_NE(all.at(1).json.find(R"("v":{"type":"Property","value":2})"), std::string::npos) << all[1].json;
}

TEST(Templates, BracesMustClose) {
  for (const std::string wrong : {"{a", "{}", "x{"}) {
    const auto feed = read_declaration(declaration(R"("v":{"from":")" + wrong + R"("})"));
    ASSERT_TRUE(feed.ok());
    const auto made = Mapping::make(*feed);
    ASSERT_FALSE(made.ok()) << wrong;
    EXPECT_EQ(made.error().where, "/attributes/v/from");
  }
}

TEST(Records, OnlyExceptAndWhere) {
  const auto all = rows(declaration(R"("no2":{"from":"v","where":{"p":"NO2"}},"o3":{"from":"v","where":{"p":"O3"}})",
                                    R"("only":{"s":["a","b"]},"except":{"bad":"1"})"),
                        "id,s,p,v,bad\n1,a,NO2,5,0\n2,b,O3,6,0\n3,c,O3,7,0\n4,a,O3,8,1\n5,a,CO,9,0\n");
  ASSERT_EQ(all.size(), 5u);
  EXPECT_NE(all[0].json.find(R"("no2":)"), std::string::npos);
  EXPECT_EQ(all[0].json.find(R"("o3":)"), std::string::npos);
  EXPECT_NE(all[1].json.find(R"("o3":)"), std::string::npos);
  EXPECT_TRUE(all[2].passed_over);
  EXPECT_TRUE(all[3].passed_over);
  EXPECT_EQ(all[4].values, 0u);
  EXPECT_TRUE(all[4].problems.empty());
}

TEST(Records, WithoutAnIdOrAMomentNothingIsMade) {
  const std::string declared = declaration(R"("v":"v")", R"("observed":{"from":"{d} {t}"},"zone":"Asia/Seoul")");
  const auto all = rows(declared, "id,d,t,v\n1,2024-03-01,09:00,5\n,2024-03-01,09:00,5\n1,,,5\n1,never,09:00,5\n");
  ASSERT_EQ(all.size(), 4u);
  EXPECT_NE(all[0].json.find(R"("observedAt":"2024-03-01T00:00:00Z")"), std::string::npos) << all[0].json;
  EXPECT_NE(all[1].fault.find("\"id\""), std::string::npos);
  EXPECT_NE(all[2].fault.find("is empty"), std::string::npos);
  EXPECT_NE(all[3].fault.find("never"), std::string::npos);
}

TEST(Records, DaysAndMonthsAsTheDeclarationSays) {
  const auto moment = [](const std::string& text, const std::string& members) {
    const auto all = rows(declaration(R"("v":"v")", R"("observed":"t",)" + members), "id,v,t\n1,2," + text + "\n");
    const auto at = all.at(0).json.find("observedAt");
    return at == std::string::npos ? all[0].fault : all[0].json.substr(at + 13, 20);
  };
  EXPECT_EQ(moment("3/4/2021 08:00", R"("dayFirst":true)"), "2021-04-03T08:00:00Z");
  EXPECT_EQ(moment("3/4/2021 08:00", R"("dayFirst":false)"), "2021-03-04T08:00:00Z");
  EXPECT_EQ(moment("2021-04-03T08:00+0200", R"("zone":"Asia/Seoul")"), "2021-04-03T06:00:00Z");
  // The clock is put forward: what it skips is read with the offset from before.
  EXPECT_EQ(moment("2024-03-31T02:30", R"("zone":"Europe/Zurich")"), "2024-03-31T01:30:00Z");
}

TEST(Records, IdsAreEscaped) {
  const auto all = rows(declaration(R"("v":"v")"), "id,v\na b/?ü,1\n");
  EXPECT_TRUE(all.at(0).json.starts_with(R"({"id":"urn:x:a%20b/%3Fü",)")) << all[0].json;
}

// ---- places ----

struct Place {
  double lon = 0, lat = 0;
  bool there = false;
};
Place place(const std::string& crs, const std::string& x, const std::string& y) {
  const auto all = rows(declaration(R"("v":{"value":1})", R"("location":{"x":"x","y":"y","crs":")" + crs + "\"}"),
                        "id,x,y\n1," + x + "," + y + "\n");
  Place found;
  simdjson::dom::parser parser;
  simdjson::dom::element whole;
  if (parser.parse(all.at(0).json).get(whole)) return found;
  simdjson::dom::array point;
  if (whole["location"]["value"]["coordinates"].get(point)) return found;
  found.there = true;
  return found.lon = point.at(0).get_double().value(), found.lat = point.at(1).get_double().value(), found;
}

TEST(Places, KnownPoints) {
  // Bern, the old observatory: the origin of LV95 (swisstopo: 7°26'22.50" E, 46°57'08.66" N by the rigorous formula).
  const Place bern = place("EPSG:2056", "2600000", "1200000");
  ASSERT_TRUE(bern.there);
  EXPECT_NEAR(bern.lon, 7.438632, 2e-5);
  EXPECT_NEAR(bern.lat, 46.951083, 2e-5);
  // The origin of the Korean central belt is 127° E, 38° N.
  const Place korea = place("EPSG:5186", "200000", "600000");
  ASSERT_TRUE(korea.there);
  EXPECT_NEAR(korea.lon, 127, 1e-6);
  EXPECT_NEAR(korea.lat, 38, 1e-6);
  const Place plain = place("EPSG:4326", "8.5", "47.25");
  EXPECT_EQ(plain.lon, 8.5);
  EXPECT_EQ(plain.lat, 47.25);
}

TEST(Places, WhatIsNoPlaceIsNone) {
  EXPECT_FALSE(place("EPSG:4326", "0", "0").there);
  EXPECT_FALSE(place("EPSG:4326", "200", "0").there);
  EXPECT_FALSE(place("EPSG:4326", "x", "5").there);
  EXPECT_FALSE(place("EPSG:4326", "", "5").there);
}

// ---- properties ----

/// Whatever stands in a table: what is made is JSON with the same text in it, or nothing and a reason.
RC_GTEST_PROP(MappingModel, TextStaysWhatItIs, (const std::vector<std::string>& given)) {
  const auto feed = read_declaration(declaration(R"("v":{"from":"v","kind":"text"})", R"("missing":[])"));
  auto mapping = Mapping::make(*feed);
  RC_ASSERT(mapping.ok());
  formats::Columns columns;
  columns.add("id"), columns.add("v");
  mapping->begin("x");
  Mapped mapped;
  for (std::string text : given) {
    for (char& c : text) c = static_cast<char>(c & 0x7f);  // records are UTF-8
    const formats::Field fields[] = {{0, formats::FieldKind::text, "1"}, {1, formats::FieldKind::text, text}};
    formats::Record record;
    record.fields = fields;
    RC_ASSERT(mapping->map(record, columns, mapped).ok());
    std::string trimmed = text;
    trimmed.erase(0, std::min(trimmed.size(), trimmed.find_first_not_of(" \t\r\n")));
    trimmed.resize(trimmed.find_last_not_of(" \t\r\n") + 1);
    simdjson::dom::parser parser;
    const std::string json = std::string(mapped.json) + "}";
    std::string_view value;
    RC_ASSERT(!parser.parse(json)["v"]["value"].get(value));
    RC_ASSERT(value == trimmed);
  }
}

/// A number goes through with its value whatever the style it is written in.
RC_GTEST_PROP(MappingModel, NumbersKeepTheirValue, (std::int32_t whole, std::uint16_t part, bool comma)) {
  const std::string digits = std::to_string(part);
  const std::string written = std::to_string(whole) + (comma ? "," : ".") + digits;
  const auto all =
      rows(declaration(R"("v":{"from":"v","kind":"number"})", comma ? R"("decimal":",")" : R"("zone":"UTC")"),
           "id;v\n1;" + written + "\n");
  RC_ASSERT(all.size() == 1u);
  simdjson::dom::parser parser;
  double value = 0;
  RC_ASSERT(!parser.parse(all[0].json)["v"]["value"].get(value));
  RC_ASSERT(value == std::stod(std::to_string(whole) + "." + digits));
}

}  // namespace
}  // namespace madang::connect
