// The first declaration that is proposed for what somebody has.

#include "madang/connect/propose.h"

#include <gtest/gtest.h>

namespace madang::connect {
namespace {

Proposal of(std::string_view name, std::string_view bytes) {
  auto made = propose(name, bytes, {});
  EXPECT_TRUE(made.ok()) << made.error().message;
  return made.ok() ? std::move(*made) : Proposal();
}

std::string attributes(const Proposal& proposal) {
  std::string out;
  for (const AttributeRule& rule : proposal.feed.attributes)
    out += (out.empty() ? "" : " ") + rule.name + "<" + rule.from;
  return out;
}

TEST(Propose, FeaturesAreTheirProperties) {
  const auto made = of("trees.geojson", R"({"type":"FeatureCollection","features":[
{"type":"Feature","geometry":{"type":"Point","coordinates":[8.5,47.3]},"properties":{"tree_id":"A","height":7}},
{"type":"Feature","geometry":{"type":"Point","coordinates":[8.6,47.4]},"properties":{"tree_id":"B","height":9}}]})");
  EXPECT_EQ(made.feed.identity, "urn:ngsi-ld:Trees:{properties/tree_id}");
  EXPECT_EQ(made.feed.location.field, "geometry");
  EXPECT_EQ(attributes(made), "height<properties/height");
}

TEST(Propose, AMomentIsOneThatEveryRecordHas) {
  const auto some = of("a.json", R"([{"id":"1","checked":"2026-01-02T10:00:00Z"},{"id":"2"},{"id":"3"}])");
  EXPECT_FALSE(some.feed.observed);
  const auto all =
      of("a.json", R"([{"id":"1","checked":"2026-01-02T10:00:00Z"},{"id":"2","checked":"2026-01-02T11:00:00Z"}])");
  ASSERT_TRUE(all.feed.observed);
  EXPECT_EQ(all.feed.observed->field, "checked");
}

TEST(Propose, ByNumberWhereNothingNamesTheThing) {
  EXPECT_EQ(of("pairs.csv", "a,b\n1,1\n1,1\n").feed.identity, "urn:ngsi-ld:Pairs:{@record}");
}

TEST(Propose, TheEncodingOfJsonThatIsNotUtf8IsSaid) {
  std::string latin = "[";
  for (int i = 0; i < 20; ++i)
    latin += (i ? "," : "") + std::string("{\"id\":\"") + std::to_string(i) +
             "\",\"name\":\"Fu\xdfg\xe4nger f\xfcr Z\xfcrich\"}";
  const auto made = of("crossings.json", latin + "]");
  EXPECT_EQ(made.records, 20u);
  EXPECT_EQ(made.feed.layout.encoding, "windows-1252");
  EXPECT_TRUE(of("crossings.json", R"([{"id":"1","name":"Fußgänger"}])").feed.layout.encoding.empty());
}

}  // namespace
}  // namespace madang::connect
