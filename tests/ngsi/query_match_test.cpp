// Which entities a query means: clauses 4.9, 4.17, 4.19 and 5.7.2 by examples.

#include <gtest/gtest.h>

#include "query_world.h"

namespace madang::ngsi::query_tests {
namespace {

struct Case {
  std::string_view q;
  bool expected;
};

void expect_matches(World& world, const EntityBlock& block, const std::vector<Case>& cases) {
  const EntityView entity(block);
  for (const auto& [text, expected] : cases) {
    const auto tree = parse_q(text, world.vocabulary);
    ASSERT_TRUE(tree.ok()) << text << ": " << tree.error().message << " at " << tree.error().where;
    EXPECT_EQ(matches(*tree, entity), expected) << text;
  }
}

TEST(QueryMatch, ValuesOfOneKindAndAnother) {
  World world;
  const auto car = world.entity({
      property("speed", "80.5"),
      property("brandName", R"("Mercedes")"),
      property("moving", "true"),
      property("seats", "[2,5,7]"),
      property("colours", R"(["blue","red"])"),
      property("nothing", "null"),
      property("none", "[]"),
      property("motto", R"("say \"go\"\n한")"),
      property("serviced", R"("2026-03-01T12:00:00Z")"),
      property("built", R"("2020-05-17")"),
      property("opens", R"("08:30:00Z")"),
      property("typed", R"({"@type":"DateTime","@value":"2026-03-01T12:00:00Z"})"),
  });
  expect_matches(world, car,
                 {
                     {"speed", true},
                     {"altitude", false},
                     {"speed==80.5", true},
                     {"speed==805e-1", true},
                     {"speed>80", true},
                     {"speed>80.5", false},
                     {"speed>=80.5", true},
                     {"speed<80.6", true},
                     {"speed<=80", false},
                     {"speed==\"80.5\"", false},
                     {"speed!=\"80.5\"", true},
                     {"speed==80..81", true},
                     {"speed==81..90", false},
                     {"speed!=81..90", true},
                     {"speed==90..80", false},
                     {"speed==1,80.5", true},
                     {"speed!=1,80.5", false},
                     {"altitude!=5", false},  // != needs the attribute to be there
                     {"altitude!~=x", false},
                     {"brandName==\"Mercedes\"", true},
                     {"brandName==Mercedes", true},
                     {"brandName!=\"Mercedes\"", false},
                     {"brandName==\"mercedes\"", false},
                     {"brandName>\"Merc\"", true},
                     {"brandName<\"a\"", true},  // by code point: capitals first
                     {"brandName>5", false},
                     {"brandName==\"A\"..\"N\"", true},
                     {"brandName~=^Mer.*s$", true},
                     {"brandName~=ced", true},
                     {"brandName~=\"^Fiat\"", false},
                     {"brandName!~=\"^Fiat\"", true},
                     {"speed~=8", false},
                     {"speed!~=9", false},  // not a string: neither matches nor not
                     {"moving==true", true},
                     {"moving!=false", true},
                     {"moving==1", false},
                     {"moving==\"true\"", false},
                     {"seats==5", true},
                     {"seats==6", false},
                     {"seats!=6", true},
                     {"seats!=6,7", false},
                     {"seats==3..4", false},
                     {"seats==4..6", true},
                     {"seats>1", false},  // an array is no number
                     {"colours==\"red\"", true},
                     {"colours!=\"red\"", false},
                     {"colours~=red", false},
                     {"nothing", true},
                     {"nothing==5", false},
                     {"nothing!=5", true},
                     {"none", true},
                     {"none!=5", true},
                     {"none==5", false},
                     {"motto==\"say \\\"go\\\"\\n\\ud55c\"", true},
                     {"motto~=go.$", false},
                     {"motto~=(?s)go..한$", true},
                     {"serviced>2026-03-01T20:59:59+09:00", true},
                     {"serviced==\"2026-03-01T21:00:00+09:00\"", true},
                     {"serviced<2026-03-01T12:00:00Z", false},
                     {"serviced>\"2026\"", false},  // a date-time is no plain string
                     {"serviced~=^2026", true},
                     {"serviced>2026-01-01", false},  // nor a date
                     {"built>2020-05-16", true},
                     {"built==2020-01-01..2020-12-31", true},
                     {"built!=2020-05-17", false},
                     {"opens<08:30:00.001Z", true},
                     {"opens==08:30:00.0Z", true},
                     {"typed>2026-01-01T00:00:00Z", true},
                     {"typed==2026-03-01T12:00:00Z", true},
                 });
}

TEST(QueryMatch, PrecedenceAndParentheses) {
  World world;
  const auto thing = world.entity({property("a", "1"), property("b", "2"), property("c", "3")});
  expect_matches(world, thing,
                 {
                     {"a==1|b==9;c==9", true},
                     {"(a==1|b==9);c==9", false},
                     {"a==9;b==2|c==3", true},
                     {"a==9;(b==2|c==3)", false},
                     {"((a>0|b>5);c==3)", true},
                     {"(a>=1;a<=2)|b<=1", true},
                     {"a;b;c;d", false},
                     {"d|c", true},
                 });
}

TEST(QueryMatch, PathsIntoSubAttributesMembersAndValues) {
  World world;
  Attribute temperature = property("temperature", "21", {property("accuracy", "0.5", {property("method", R"("x")")})});
  temperature.observed_at = "2026-01-15T10:00:00Z";
  temperature.unit_code = "CEL";
  Attribute second = property("temperature", "25", {property("accuracy", "2")});
  second.dataset_id = "urn:d:roof";
  const auto place = world.entity({
      temperature,
      second,
      property("address", R"({"city":"Berlin","zip":["10115","10117"],"geo":{"lat":52.5},"@type":"x","a\"b":1})"),
      property("sensor", "40", {property("rawdata", R"({"airquality":{"particulate":40,"PM20":85}})")}),
      of_kind(Kind::geo_property, "location", R"({"type":"Point","coordinates":[13.4,52.5]})"),
      of_kind(Kind::json_property, "ticket", R"({"id":"85a","value":"Overstay"})"),
  });
  expect_matches(world, place,
                 {
                     {"temperature.accuracy==0.5", true},
                     {"temperature.accuracy>1", true},  // of the second instance
                     {"temperature.accuracy.method==\"x\"", true},
                     {"temperature.method", false},
                     {"temperature==25", true},
                     {"temperature!=25", true},  // the first instance is not 25
                     {"temperature!=21,25", false},
                     {"temperature.observedAt>=2026-01-15T10:00:00Z", true},
                     {"temperature.observedAt>2026-01-15T10:00:00Z", false},
                     {"temperature.observedAt==2026-01-15T00:00:00Z..2026-01-16T00:00:00Z", true},
                     {"temperature.observedAt>2026-01-15", true},
                     {"temperature.observedAt<2026-01-15", false},
                     {"temperature.observedAt==5", false},
                     {"temperature.observedAt!=5", true},
                     {"temperature.observedAt~=2026", false},
                     {"address.observedAt", false},
                     {"address.observedAt!=2026-01-15T10:00:00Z", false},
                     {"temperature.unitCode==\"CEL\"", true},
                     {"temperature.unitCode~=^C", true},
                     {"temperature.unitCode!=\"FAH\"", true},
                     {"temperature.datasetId==urn:d:roof", true},
                     {"temperature.datasetId==\"urn:d:cellar\"", false},
                     {"temperature.createdAt==2026-01-01T00:00:00Z", true},
                     {"modifiedAt>\"2026-01-31T00:00:00Z\"", true},
                     {"modifiedAt>2026-02-01T00:00:00Z", false},
                     {"createdAt<2026-01-01T00:00:01Z", true},
                     {"createdAt!=2026-01-01T00:00:00Z", false},
                     {"observedAt", false},  // entities have none
                     {"unitCode", false},
                     {"address[city]==\"Berlin\"", true},
                     {"address[city]", true},
                     {"address[street]", false},
                     {"address[street]!=\"x\"", false},
                     {"address[geo.lat]>52", true},
                     {"address[geo.lon]", false},
                     {"address[zip]==\"10117\"", true},
                     {"address[zip.length]", false},
                     {"address[type]==\"x\"", true},
                     {"address==\"Berlin\"", false},
                     {"address!=\"Berlin\"", true},
                     {"address.city", false},
                     {"sensor.rawdata[airquality.particulate]==40", true},
                     {"sensor[airquality]", false},
                     {"location[type]==\"Point\"", true},
                     {"location[coordinates]==13.4", true},
                     {"ticket[value]==\"Overstay\"", true},
                     {"ticket[id]==\"85a\"", true},
                 });
}

TEST(QueryMatch, LanguagesAreAskedOneOrAll) {
  World world;
  const auto thing = world.entity({
      of_kind(Kind::language_property, "color", R"({"en":"red","fr":"rouge","en-GB":"scarlet"})"),
      of_kind(Kind::language_property, "words", R"({"en":["red","cat"],"de":"rote"})"),
  });
  expect_matches(world, thing,
                 {
                     {"color[en]==\"red\"", true},
                     {"color[EN]==\"red\"", true},
                     {"color[en]==\"rouge\"", false},
                     {"color[en]!=\"rouge\"", true},
                     {"color[en-GB]==\"scarlet\"", true},
                     {"color[de]", false},
                     {"color[de]!=\"x\"", false},
                     {"color[*]==\"rouge\"", true},
                     {"color[*]!=\"red\"", false},
                     {"color[*]!=\"noir\"", true},
                     {"color==\"rouge\"", true},
                     {"color!=\"rouge\"", false},
                     {"color[*]~=^sc", true},
                     {"color[*]!~=^sc", false},
                     {"color[*]!~=^z", true},
                     {"color[en]~=^r", true},
                     {"color[*]>\"s\"", true},
                     {"color[en]>\"s\"", false},
                     {"color[en.x]", false},
                     {"words[en]==\"cat\"", true},
                     {"words[*]==\"cat\"", true},
                     {"words[en]!=\"cat\"", false},
                     {"words[de]!=\"cat\"", true},
                     {"words[*]!=\"cat\"", false},
                 });
}

TEST(QueryMatch, RelationshipsKnowOnlyEquality) {
  World world;
  const auto thing = world.entity({
      of_kind(Kind::relationship, "isParked", R"("urn:ngsi-ld:OffStreetParking:Downtown1")"),
      of_kind(Kind::relationship, "owners", R"(["urn:p:1","urn:p:2"])"),
  });
  expect_matches(world, thing,
                 {
                     {"isParked", true},
                     {"isParked==\"urn:ngsi-ld:OffStreetParking:Downtown1\"", true},
                     {"isParked==urn:ngsi-ld:OffStreetParking:Downtown1", true},
                     {"isParked!=urn:ngsi-ld:OffStreetParking:Downtown1", false},
                     {"isParked==urn:a,urn:ngsi-ld:OffStreetParking:Downtown1", true},
                     {"isParked>\"urn:a\"", false},
                     {"isParked~=urn", false},
                     {"isParked!~=zzz", false},
                     {"isParked[x]", false},
                     {"owners==urn:p:2", true},
                     {"owners!=urn:p:2", false},
                     {"owners!=urn:p:3", true},
                     {"owners==\"urn:p:3\",\"urn:p:1\"", true},
                 });
}

TEST(QueryMatch, TypesAndScopes) {
  World world;
  world.name("Camper");
  const auto block = world.entity({}, {"Home", "Vehicle"}, {"/Madrid/Gardens/ParqueNorte", "CompanyA"});
  const auto bare = world.entity({}, {"Home"});
  const EntityView entity(block);
  for (const auto& [text, expected] : std::vector<Case>{{"Home", true},
                                                        {"Camper", false},
                                                        {"Unheard", false},
                                                        {"Camper,Vehicle", true},
                                                        {"(Home;Vehicle)", true},
                                                        {"(Home;Camper)|Unheard", false},
                                                        {"(Home;Camper),Vehicle", true},
                                                        {"*", true}})
    EXPECT_EQ(matches(*parse_type_selection(text, world.vocabulary), entity), expected) << text;
  for (const auto& [text, expected] : std::vector<Case>{{"/Madrid", false},
                                                        {"/Madrid/#", true},
                                                        {"/Madrid/Gardens/#", true},
                                                        {"/Madrid/Gardens/ParqueNorte/#", true},
                                                        {"/Madrid/Gardens/ParqueNorte", true},
                                                        {"/Madrid/Gardens/Parque", false},
                                                        {"/Madrid/+/ParqueNorte", true},
                                                        {"/Madrid/+", false},
                                                        {"/+/+/#", true},
                                                        {"/+/+/+/+", false},
                                                        {"/CompanyA", true},
                                                        {"CompanyA", true},
                                                        {"/+", true},
                                                        {"(/Madrid/#;/CompanyA)", true},
                                                        {"/Madrid/#;/CompanyB", false},
                                                        {"(/Madrid/#;/CompanyB)|/CompanyA", true},
                                                        {"/#", true}}) {
    EXPECT_EQ(matches(*parse_scope_selection(text), entity), expected) << text;
    EXPECT_FALSE(matches(*parse_scope_selection(text), EntityView(bare))) << text;
  }
}

/// Hides one attribute of all entities, and all entities with a word in their id.
class Hide final : public Filter {
 public:
  Hide(Symbol attribute, std::string word) : attribute_(attribute), word_(std::move(word)) {}
  bool allows_entity(const EntityView& entity) const override { return entity.id().find(word_) == std::string::npos; }
  bool allows_attribute(const EntityView&, Symbol name) const override { return name != attribute_; }

 private:
  Symbol attribute_;
  std::string word_;
};

TEST(QueryMatch, HiddenAttributesCannotBeAskedAbout) {
  World world;
  const auto block = world.entity({property("wage", "5000"), property("name", R"("Kim")"),
                                   of_kind(Kind::geo_property, "location", R"({"type":"Point","coordinates":[1,2]})")});
  const EntityView entity(block);
  const Hide wage(world.name("wage"), "secret");
  for (const auto* q : {"wage", "wage>1000", "wage!=1", "wage.createdAt", "wage==5000|nobody"}) {
    EXPECT_TRUE(matches(world.q(q), entity)) << q;
    EXPECT_FALSE(matches(world.q(q), entity, &wage)) << q;
  }
  EXPECT_TRUE(matches(world.q("wage|name"), entity, &wage));

  Query query;
  query.attributes = {world.name("wage")};
  query.attributes_given = true;
  EXPECT_TRUE(matches(query, entity));
  EXPECT_FALSE(matches(query, entity, &wage));

  Query geo;
  geo.geo = *parse_geo_query("near;maxDistance==10", "Point", "[1,2]", "", world.vocabulary);
  EXPECT_TRUE(matches(geo, entity));
  EXPECT_FALSE(matches(geo, entity, std::make_unique<Hide>(world.name("location"), "secret").get()));

  const auto secret = world.entity({property("name", "1")}, {"Thing"}, {}, "urn:secret:1");
  EXPECT_TRUE(matches(Query{}, EntityView(secret)));
  EXPECT_FALSE(matches(Query{}, EntityView(secret), &wage));
}

/// Entities by their ids, but those that are hidden.
class Around : public Neighbours {
 public:
  EntityView find(std::string_view id) const override {
    for (const auto& block : blocks)
      if (EntityView(block).id() == id && id.find("hidden") == id.npos) return EntityView(block);
    return {};
  }
  std::vector<EntityBlock> blocks;
};

TEST(QueryMatch, PathsThroughLinkedEntities) {
  World world;
  Around around;
  const auto device = [&](std::string_view id, std::string value, std::vector<std::string> types = {"Device"}) {
    around.blocks.push_back(world.entity(
        {property("humidity", std::move(value)), of_kind(Kind::relationship, "next", R"("urn:d:2")")}, types, {}, id));
  };
  device("urn:d:1", "40");
  device("urn:d:2", R"(["a","b"])", {"Device", "Meter"});
  device("urn:hidden:3", "99");
  auto station = world.entity({
      of_kind(Kind::relationship, "sensor", R"("urn:d:1")"),
      of_kind(Kind::relationship, "sensors", R"(["urn:d:0","urn:d:1","urn:hidden:3"])"),
      of_kind(Kind::list_relationship, "route", R"(["urn:d:1","urn:d:2"])"),
      property("text", R"("urn:d:1")"),
      property("observed", "1", {of_kind(Kind::relationship, "sensor", R"("urn:d:1")")}),
  });
  for (const auto& [text, expected] : std::vector<Case>{
           {"sensor{humidity}==40", true},
           {"sensor{humidity}", true},
           {"sensor{humidity}!=40", false},
           {"sensor{humidity}>39", true},
           {"sensor{dryness}!=40", false},
           {"sensor{Device:humidity}==40", true},
           {"sensor{Meter:humidity}==40", false},
           {"sensor{Meter,Device:humidity}==40", true},
           {"sensor{Unheard:humidity}==40", false},
           {"sensor{next{humidity}}==\"b\"", true},
           {"sensor{next{Meter:humidity}}==\"b\"", true},
           {"sensor{next{next{next{humidity}}}}!=\"c\"", true},
           {"sensor{next}==\"urn:d:2\"", true},
           {"sensor{next}>\"urn:d:1\"", false},
           {"sensor{modifiedAt}>2026-01-31", true},
           {"sensor{createdAt}>2026-01-31", false},
           {"sensors{humidity}==40", true},
           {"sensors{humidity}!=40", false},  // of those that are there
           {"sensors{humidity}==99", false},  // what is hidden is not there
           {"route{humidity}==\"a\"", true},
           {"route{humidity}!=40", true},  // any linked entity
           {"text{humidity}==40", false},  // no Relationship
           {"sensor{humidity}==40;route{next}", true},
           {"nobody{humidity}", false},
       }) {
    const auto tree = parse_q(text, world.vocabulary);
    ASSERT_TRUE(tree.ok()) << text << ": " << tree.error().message << " at " << tree.error().where;
    EXPECT_EQ(matches(*tree, EntityView(station), nullptr, &around), expected) << text;
    EXPECT_FALSE(matches(*tree, EntityView(station))) << text;  // nothing around: no path leads anywhere
  }
  const Hide humidity(world.name("humidity"), "secret"), sensor(world.name("sensor"), "secret");
  EXPECT_FALSE(matches(world.q("sensor{humidity}"), EntityView(station), &humidity, &around));
  EXPECT_FALSE(matches(world.q("sensor{next}"), EntityView(station), &sensor, &around));
  EXPECT_TRUE(matches(world.q("sensor{next}"), EntityView(station), &humidity, &around));
}

TEST(QueryMatch, OneOfSeveralSelectors) {
  World world;
  const auto block = world.entity({}, {"Home"});
  const auto matches_selectors = [&](std::vector<EntitySelector> selectors) {
    Query query;
    query.selectors = std::move(selectors);
    return matches(query, EntityView(block));
  };
  const auto type = [&](std::string_view text) { return *parse_type_selection(text, world.vocabulary); };
  const auto pattern = [](std::string_view text) { return *Pattern::compile(text, {}); };
  EXPECT_TRUE(matches_selectors({{type("Home"), {}, {}}}));
  EXPECT_TRUE(matches_selectors({{type("House"), {}, {}}, {type("Home"), {"urn:ngsi-ld:Thing:1"}, {}}}));
  EXPECT_FALSE(matches_selectors({{type("House"), {}, {}}, {type("Home"), {"urn:ngsi-ld:Thing:2"}, {}}}));
  EXPECT_TRUE(matches_selectors({{type("Home"), {}, pattern("1$")}}));
  EXPECT_FALSE(matches_selectors({{type("Home"), {}, pattern("2$")}}));
  EXPECT_TRUE(matches_selectors({{type("Home"), {"urn:ngsi-ld:Thing:1"}, pattern("2$")}}));  // 5.2.33
  EXPECT_TRUE(matches_selectors({{{}, {"urn:ngsi-ld:Thing:1"}, {}}}));
}

TEST(QueryMatch, EveryPartOfAQuestionMustHold) {
  World world;
  const auto block = world.entity({property("a", "1")}, {"Home"}, {"/X"});
  const EntityView entity(block);
  Query query;
  EXPECT_TRUE(matches(query, entity));
  query.type = *parse_type_selection("Home", world.vocabulary);
  query.ids = {"urn:ngsi-ld:Thing:0", "urn:ngsi-ld:Thing:1"};
  query.id_pattern = *Pattern::compile("Thing:[0-9]$", {});
  query.attributes = {Symbol::none, world.name("a")};
  query.attributes_given = true;
  query.q = world.q("a==1");
  query.scope = *parse_scope_selection("/X");
  EXPECT_TRUE(matches(query, entity));

  const auto fails_with = [&](auto&& change) {
    Query changed = query;
    change(changed);
    return !matches(changed, entity);
  };
  EXPECT_TRUE(fails_with([&](Query& q) { q.type = *parse_type_selection("House", world.vocabulary); }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.ids.pop_back(); }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.id_pattern = *Pattern::compile("^Thing", {}); }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.attributes = {}; }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.attributes = {Symbol::none}; }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.q = world.q("a==2"); }));
  EXPECT_TRUE(fails_with([&](Query& q) { q.scope = *parse_scope_selection("/Y"); }));
  EXPECT_TRUE(fails_with(
      [&](Query& q) { q.geo = *parse_geo_query("near;maxDistance==1", "Point", "[1,2]", "", world.vocabulary); }));
}

}  // namespace
}  // namespace madang::ngsi::query_tests
