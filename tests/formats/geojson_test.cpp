#include "madang/formats/geojson.h"

#include <string>

#include <gtest/gtest.h>

#include "madang/base/uri.h"

namespace madang::formats {
namespace {

std::string converted(const FeatureRule& rule, std::string_view feature) {
  auto converter = FeatureConverter::make(rule);
  if (!converter.ok()) return converter.error().message;
  std::string out;
  const auto done = converter->convert(feature, 7, out);
  return done.ok() ? out : done.error().where + ": " + done.error().message;
}

TEST(EntityName, KeepsWhatIsAName) {
  for (const char* name : {"name", "snake_case", "a1", "길동", "Straße", "이름2"}) EXPECT_EQ(entity_name(name), name);
}

TEST(EntityName, RewritesWhatIsNone) {
  EXPECT_EQ(entity_name("addr:city"), "addr_city");
  EXPECT_EQ(entity_name("name@en"), "name_en");
  EXPECT_EQ(entity_name("a b–c"), "a_b_c");
  EXPECT_EQ(entity_name("1st"), "p_1st");
  EXPECT_EQ(entity_name("_x"), "p_x");
  EXPECT_EQ(entity_name("@id"), "p_id");
  EXPECT_EQ(entity_name(""), "p_");
  EXPECT_EQ(entity_name("::"), "p__");
  EXPECT_EQ(entity_name("id"), "id_");
  EXPECT_EQ(entity_name("location"), "location_");
}

TEST(FeatureConverter, PlainFeature) {
  EXPECT_EQ(
      converted(
          {"School", "urn:ngsi-ld:School:{id}"},
          R"({"type":"Feature","id":"node/1 2","properties":{"addr:city":"Zürich","n":3917.0,"none":null,"id":"x"},
                          "geometry":{"type":"Point","coordinates":[8.5,47.3,0.0]}})"),
      R"({"id":"urn:ngsi-ld:School:node/1%202","type":"School","addr_city":{"type":"Property","value":"Zürich"},)"
      R"("n":{"type":"Property","value":3917},"id_":{"type":"Property","value":"x"},)"
      R"("location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[8.5,47.3,0]}}})");
}

TEST(FeatureConverter, PropertiesThatComeToOneName) {
  EXPECT_EQ(converted({"T", "urn:t:{line}"},
                      R"({"type":"Feature","properties":{"a:b":1,"a_b":2,"a b":{"x y":true}},"geometry":null})"),
            R"({"id":"urn:t:7","type":"T","a_b":{"type":"Property","value":1},"a_b_2":{"type":"Property","value":2},)"
            R"("a_b_3":{"type":"Property","value":{"x_y":true}}})");
}

TEST(FeatureConverter, IdFromProperties) {
  EXPECT_EQ(
      converted({"D", "urn:d:{year}:{code}"},
                R"({"type":"Feature","properties":{"code":"11250","year":2013},"geometry":null})"),
      R"({"id":"urn:d:2013:11250","type":"D","code":{"type":"Property","value":"11250"},"year":{"type":"Property","value":2013}})");
  EXPECT_EQ(converted({"D", "urn:d:{id}"}, R"({"type":"Feature","properties":{"id":5}})"),
            R"({"id":"urn:d:5","type":"D","id_":{"type":"Property","value":5}})");
}

TEST(FeatureConverter, RefusesWithThePlace) {
  const FeatureRule rule{"T", "urn:t:{id}"};
  EXPECT_EQ(converted(rule, R"({"type":"Point"})"), R"(/type: not a GeoJSON feature: "type" must be "Feature")");
  EXPECT_EQ(converted(rule, R"({"type":"Feature","properties":[]})"),
            "/properties: the properties of a feature must be an object or null");
  EXPECT_EQ(converted(rule, R"({"type":"Feature","id":1,"geometry":"x"})"),
            "/geometry: a geometry must be an object or null");
  EXPECT_EQ(converted(rule, R"({"type":"Feature","properties":{}})"),
            "/properties: the id template names {id}, which this feature does not have");
  EXPECT_TRUE(converted(rule, R"({"type":"Feature")").starts_with(": not JSON"));
  EXPECT_TRUE(converted(rule, "{\"type\":\"Feature\",\"x\":\"\xFC\"}").starts_with(": not JSON"));
  EXPECT_TRUE(converted({"T", "urn:t:x"}, "{}").starts_with("the id template names nothing"));
  EXPECT_TRUE(converted({"T", "urn:t:{x"}, "{}").starts_with("the id template has a {"));
}

TEST(FeatureConverter, FeaturesThatAreEntities) {
  auto converter = FeatureConverter::for_entities();
  std::string out;
  ASSERT_TRUE(
      converter
          .convert(R"({"type":"Feature","id":"urn:a:1","properties":{"type":"A","b":{"type":"Property","value":1}},
                               "geometry":{"type":"Point","coordinates":[1,2]},"@context":"https://x.example/c"})",
                   1, out)
          .ok());
  EXPECT_EQ(
      out,
      R"({"id":"urn:a:1","type":"A","b":{"type":"Property","value":1},)"
      R"("location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[1,2]}},"@context":"https://x.example/c"})");
  out = "kept";
  EXPECT_FALSE(converter.convert(R"({"type":"Feature","id":"urn:a:1","properties":{}})", 1, out).ok());
  EXPECT_EQ(out, "kept");
}

TEST(IsFeature, OnlyByItsOwnType) {
  EXPECT_TRUE(is_feature(R"({"type":"Feature"})"));
  EXPECT_FALSE(is_feature(R"({"type":"X","a":{"type":"Feature"}})"));
  EXPECT_FALSE(is_feature(R"({"type":"Feature")"));
}

}  // namespace
}  // namespace madang::formats
