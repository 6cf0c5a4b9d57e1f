// Evolutions from JSON and back: the temporal representation (4.5.6 to 4.5.8), the simplified one (4.5.9), aggregated
// values (4.5.19).

#include "madang/ngsi/represent_past.h"

#include <string>

#include <gtest/gtest.h>

#include "madang/ngsi/change.h"

namespace madang::ngsi {
namespace {

Timestamp at(std::string_view text) {
  return base::parse_timestamp(text).value();
}

struct Past : ::testing::Test {
  SymbolTable symbols;
  Vocabulary vocabulary{core_context(), symbols};
  FragmentReader reader;

  base::Result<Fragment> read(std::string json, FragmentKind kind = FragmentKind::evolution) {
    return read_by(reader, std::move(json), kind);
  }
  base::Result<Fragment> read_by(FragmentReader& by, std::string json, FragmentKind kind = FragmentKind::evolution) {
    const std::size_t size = json.size();
    json.append(64, ' ');
    return by.read(std::string_view(json).substr(0, size), kind, vocabulary, "urn:x:1");
  }
  Fragment read_well(const std::string& json, FragmentKind kind = FragmentKind::evolution) {
    auto fragment = read(json, kind);
    EXPECT_TRUE(fragment.ok()) << (fragment.ok() ? "" : fragment.error().message + " at " + fragment.error().where);
    return fragment.ok() ? std::move(*fragment) : Fragment();
  }

  /// What history would give for what was read.
  static Evolution evolution_of(Fragment&& fragment) {
    Evolution evolution;
    evolution.block = std::move(fragment.block);
    evolution.beside.resize(evolution.view().attribute_count());
    for (std::uint32_t i = 0; i < evolution.beside.size(); ++i) evolution.beside[i].id = {1, i};
    for (const auto& [attribute, when] : fragment.deleted) evolution.beside[attribute].deleted_at = when;
    evolution.scopes = std::move(fragment.scopes);
    return evolution;
  }
  std::string shown(const std::string& json, const PastRepresentation& how = {}) {
    std::string out;
    append_evolution(out, evolution_of(read_well(json)), vocabulary, how);
    // Ids of instances are the hub's matter.
    for (std::size_t begin; (begin = out.find(",\"instanceId\":\"")) != out.npos;)
      out.erase(begin, out.find('"', begin + 15) + 1 - begin);
    return out;
  }
};

constexpr const char* kSpeeds =
    R"({"id":"urn:x:1","type":"Car","speed":[{"type":"Property","value":120,"observedAt":"2020-08-01T12:03:00Z"},)"
    R"({"type":"Property","value":80,"observedAt":"2020-08-01T12:05:00Z"}]})";

// ---- reading ----

TEST_F(Past, InstancesOfOneDatasetStandManyTimes) {
  const Fragment fragment = read_well(kSpeeds);
  ASSERT_EQ(fragment.view().attribute_count(), 2u);
  EXPECT_EQ(fragment.view().attribute(0).value, "120");
  EXPECT_EQ(fragment.view().attribute(1).observed_at, at("2020-08-01T12:05:00Z"));
  EXPECT_FALSE(read(kSpeeds, FragmentKind::entity).ok());  // there it stands once
}

TEST_F(Past, DeletionsAreFoundWhereTheBuilderPutsThem) {
  // The instances of the default dataset come first, whatever the order in the body.
  const Fragment fragment = read_well(
      R"({"id":"urn:x:1","type":"Car","a":[{"value":1,"datasetId":"urn:d:1"},)"
      R"({"value":"urn:ngsi-ld:null","deletedAt":"2020-01-01T00:00:00Z"},{"value":2}],"b":{"value":3},)"
      R"("c":{"object":"urn:ngsi-ld:null","observedAt":"2020-01-02T00:00:00Z"},"d":{"value":"urn:ngsi-ld:null"}})");
  using Deleted = std::vector<std::pair<std::uint32_t, Timestamp>>;
  EXPECT_EQ(fragment.deleted,
            (Deleted{{0, at("2020-01-01T00:00:00Z")}, {4, at("2020-01-02T00:00:00Z")}, {5, kNullTime}}));
  EXPECT_EQ(fragment.view().attribute(0).value, "\"urn:ngsi-ld:null\"");
  EXPECT_EQ(fragment.view().attribute(2).dataset_id, "urn:d:1");
  EXPECT_EQ(fragment.view().attribute(4).kind, Kind::relationship);
}

TEST_F(Past, ADeletionHasTheNullOfItsKind) {
  const Fragment fragment =
      read_well(R"({"id":"urn:x:1","type":"Car","a":{"languageMap":{"@none":"urn:ngsi-ld:null"}},)"
                R"("b":{"valueList":["urn:ngsi-ld:null"]},"c":{"vocab":"urn:ngsi-ld:null"}})");
  ASSERT_EQ(fragment.deleted.size(), 3u);
  EXPECT_EQ(fragment.view().attribute(0).kind, Kind::language_property);
  EXPECT_EQ(fragment.view().attribute(0).value, R"({"@none":"urn:ngsi-ld:null"})");
  EXPECT_EQ(fragment.view().attribute(1).value, R"(["urn:ngsi-ld:null"])");
  EXPECT_EQ(fragment.view().attribute(2).kind, Kind::vocab_property);
}

TEST_F(Past, ValuesOfAttributesAloneMayBeNull) {
  for (const char* json : {R"({"id":"urn:x:1","type":"Car","expiresAt":"urn:ngsi-ld:null"})",
                           R"({"id":"urn:x:1","type":"Car","a":{"value":1,"observedAt":"urn:ngsi-ld:null"}})",
                           R"({"id":"urn:x:1","type":"Car","a":{"value":1,"b":{"value":"urn:ngsi-ld:null"}}})",
                           R"({"id":"urn:x:1","type":"Car","a":{"value":{"b":"urn:ngsi-ld:null"}}})"}) {
    const auto fragment = read(json);
    ASSERT_FALSE(fragment.ok()) << json;
    EXPECT_EQ(fragment.error().code, base::Code::bad_request_data) << json;
  }
}

TEST_F(Past, ATimeOfDeletionMeansNothingBesideAValue) {
  EXPECT_TRUE(
      read_well(R"({"id":"urn:x:1","type":"A","a":{"value":1,"deletedAt":"2020-01-01T00:00:00Z"}})").deleted.empty());
}

TEST_F(Past, ScopesAloneOrAsInstances) {
  EXPECT_EQ(read_well(R"({"id":"urn:x:1","type":"A","scope":"/A"})").scopes.at(0).scopes,
            std::vector<std::string>{"/A"});
  EXPECT_EQ(read_well(R"({"id":"urn:x:1","type":"A","scope":["/A","/B"]})").scopes.at(0).scopes.size(), 2u);
  const Fragment fragment = read_well(
      R"({"id":"urn:x:1","type":"A","scope":[{"type":"Property","value":"/A","observedAt":"2020-01-01T00:00:00Z"},)"
      R"({"type":"Property","value":["/B","/C"]},{"type":"Property","value":"urn:ngsi-ld:null"},)"
      R"({"type":"Property","value":[],"deletedAt":"2020-01-02T00:00:00Z"}]})");
  ASSERT_EQ(fragment.scopes.size(), 4u);
  EXPECT_EQ(fragment.scopes[0].observed_at, at("2020-01-01T00:00:00Z"));
  EXPECT_EQ(fragment.scopes[1].scopes, (std::vector<std::string>{"/B", "/C"}));
  EXPECT_EQ(fragment.scopes[2].deleted_at, kNullTime);
  EXPECT_EQ(fragment.scopes[3].deleted_at, at("2020-01-02T00:00:00Z"));
}

TEST_F(Past, WrongScopesNameTheirPlace) {
  const auto where = [&](const std::string& scope) {
    const auto fragment = read(R"({"id":"urn:x:1","type":"A","scope":)" + scope + "}");
    return fragment.ok() ? "none" : fragment.error().where;
  };
  EXPECT_EQ(where("3"), "/scope");
  EXPECT_EQ(where("[]"), "/scope");
  EXPECT_EQ(where(R"({"type":"Relationship","value":"/A"})"), "/scope/type");
  EXPECT_EQ(where(R"([{"value":"/A"},{"value":"/A b"}])"), "/scope/1/value");
  EXPECT_EQ(where(R"([{"value":"/A"},3])"), "/scope/1");
  EXPECT_EQ(where(R"({"value":"/A","observedAt":"today"})"), "/scope/observedAt");
  EXPECT_EQ(where(R"({"value":"/A","unitCode":"C"})"), "/scope/unitCode");
  EXPECT_EQ(where(R"({"type":"Property"})"), "/scope");
}

TEST_F(Past, ThereIsALimitOfInstances) {
  EntityLimits limits;
  limits.evolution_instances = 3;
  FragmentReader few(limits);
  EXPECT_TRUE(read_by(few, R"({"id":"urn:x:1","type":"A","a":[{"value":1},{"value":2}]})").ok());
  EXPECT_EQ(read_by(few, R"({"id":"urn:x:1","type":"A","a":[{"value":1},{"value":2},{"value":3}]})").error().code,
            base::Code::too_large);
}

// ---- writing ----

TEST_F(Past, AnAttributeIsAnArrayOfItsInstances) {
  EXPECT_EQ(shown(kSpeeds), kSpeeds);
  EXPECT_EQ(
      shown(R"({"id":"urn:x:1","type":["A","B"],"a":{"object":"urn:y:1","datasetId":"urn:d:1"}})"),
      R"({"id":"urn:x:1","type":["A","B"],"a":[{"type":"Relationship","object":"urn:y:1","datasetId":"urn:d:1"}]})");
}

TEST_F(Past, ConciseInstancesKeepWhatNamesThem) {
  PastRepresentation how;
  how.how.format = Format::concise;
  EXPECT_EQ(shown(R"({"id":"urn:x:1","type":"A","a":{"value":1}})", how),
            R"({"id":"urn:x:1","type":"A","a":[{"value":1}]})");
}

TEST_F(Past, ADeletionAlwaysSaysWhen) {
  EXPECT_EQ(shown(R"({"id":"urn:x:1","type":"A","a":{"value":"urn:ngsi-ld:null","deletedAt":"2020-01-01T00:00:00Z"}})"),
            R"({"id":"urn:x:1","type":"A",)"
            R"("a":[{"type":"Property","value":"urn:ngsi-ld:null","deletedAt":"2020-01-01T00:00:00Z"}]})");
}

TEST_F(Past, ValuesAreThePairsOfTheClause) {
  PastRepresentation how;
  how.values = true;
  constexpr const char* kTime = R"("observedAt":"2020-01-01T00:00:00Z")";
  const auto pairs = [&](const std::string& members) {
    const std::string out = shown(R"({"id":"urn:x:1","type":"A","a":{)" + members + "," + kTime + "}}", how);
    const auto begin = out.find("\"a\":") + 4;
    return out.substr(begin, out.size() - begin - 1);
  };
  EXPECT_EQ(pairs(R"("value":5)"), R"({"type":"Property","values":[[5,"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("object":"urn:y:1")"),
            R"({"type":"Relationship","objects":[["urn:y:1","2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("languageMap":{"en":"yes"})"),
            R"({"type":"LanguageProperty","languageMaps":[[{"languageMap":{"en":"yes"}},"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("json":{"a":1})"),
            R"({"type":"JsonProperty","jsons":[[{"json":{"a":1}},"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("vocab":"x")"), R"({"type":"VocabProperty","vocabs":[[{"vocab":"x"},"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("valueList":[1,2])"), R"({"type":"ListProperty","valueLists":[[[1,2],"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("objectList":["urn:y:1"])"),
            R"({"type":"ListRelationship","objectLists":[[["urn:y:1"],"2020-01-01T00:00:00Z"]]})");
  EXPECT_EQ(pairs(R"("value":{"type":"Point","coordinates":[1,2]})"),
            R"({"type":"GeoProperty","values":[[{"type":"Point","coordinates":[1,2]},"2020-01-01T00:00:00Z"]]})");
  how.how.languages = {"en"};
  EXPECT_EQ(pairs(R"("languageMap":{"en":"yes","fr":"oui"})"),
            R"({"type":"Property","values":[["yes","2020-01-01T00:00:00Z"]]})");
}

TEST_F(Past, DatasetsHavePairsOfTheirOwn) {
  PastRepresentation how;
  how.values = true;
  EXPECT_EQ(shown(R"({"id":"urn:x:1","type":"A","a":[{"value":1,"observedAt":"2020-01-01T00:00:00Z"},)"
                  R"({"value":2,"observedAt":"2020-01-02T00:00:00Z","datasetId":"urn:d:1"}]})",
                  how),
            R"({"id":"urn:x:1","type":"A","a":[{"type":"Property","values":[[1,"2020-01-01T00:00:00Z"]]},)"
            R"({"type":"Property","datasetId":"urn:d:1","values":[[2,"2020-01-02T00:00:00Z"]]}]})");
}

TEST_F(Past, APartOfTheTimesLeavesEmptyArrays) {
  PastRepresentation how;
  how.last = at("2020-08-01T12:03:00Z");
  EXPECT_EQ(shown(kSpeeds, how), R"({"id":"urn:x:1","type":"Car",)"
                                 R"("speed":[{"type":"Property","value":120,"observedAt":"2020-08-01T12:03:00Z"}]})");
  how.last = at("2020-08-01T12:00:00Z");
  EXPECT_EQ(shown(kSpeeds, how), R"({"id":"urn:x:1","type":"Car","speed":[]})");
}

TEST_F(Past, ScopesAreInstancesOfAProperty) {
  constexpr const char* kScopes =
      R"({"id":"urn:x:1","type":"A","scope":[{"type":"Property","value":"/A","observedAt":"2020-01-01T00:00:00Z"},)"
      R"({"type":"Property","value":["/B","/C"],"observedAt":"2020-01-02T00:00:00Z"},)"
      R"({"type":"Property","value":[],"deletedAt":"2020-01-03T00:00:00Z"}]})";
  EXPECT_EQ(shown(kScopes), kScopes);
  PastRepresentation how;
  how.values = true;
  EXPECT_NE(shown(kScopes, how)
                .find(R"("scope":{"type":"Property","values":[["/A","2020-01-01T00:00:00Z"],)"
                      R"([["/B","/C"],"2020-01-02T00:00:00Z"],)"),
            std::string::npos);
}

/// Annex C.5.16: what was seen outside the scope is not shown.
TEST_F(Past, AScopeHidesWhatWasOutsideIt) {
  constexpr const char* kMoved =
      R"({"id":"urn:x:1","type":"A","scope":[{"value":"/R","observedAt":"2020-01-01T10:00:00Z"},)"
      R"({"value":"/S","observedAt":"2020-01-01T12:30:00Z"}],"a":[{"value":1,"observedAt":"2020-01-01T12:15:00Z"},)"
      R"({"value":2,"observedAt":"2020-01-01T12:45:00Z"}],"b":{"value":3,"observedAt":"2020-01-01T12:45:00Z"}})";
  PastRepresentation how;
  how.scope = parse_scope_selection("/R").value();
  const std::string out = shown(kMoved, how);
  EXPECT_NE(out.find(R"("value":"/R")"), std::string::npos) << out;
  EXPECT_NE(out.find(R"("value":1)"), std::string::npos) << out;
  EXPECT_EQ(out.find("/S"), std::string::npos) << out;
  EXPECT_EQ(out.find(R"("value":2)"), std::string::npos) << out;
  EXPECT_EQ(out.find(R"("b":)"), std::string::npos) << out;
}

TEST_F(Past, AggregatedValuesAreTriples) {
  const Fragment fragment = read_well(R"({"id":"urn:x:1","type":"A","speed":{"value":1},"name":{"value":"x"}})");
  Aggregation aggregation;
  EntityBuilder builder;
  builder.begin("urn:x:1");
  builder.add_type(fragment.view().type(0));
  aggregation.entity = builder.finish().value();
  Aggregation::Series series;
  series.name = fragment.view().attribute_name(0);
  series.applies = true;
  Aggregation::Row row{at("2020-01-01T00:00:00Z"), at("2020-01-01T01:00:00Z"), {}};
  row.values[static_cast<std::size_t>(AggregateMethod::max)] = "5";
  row.values[static_cast<std::size_t>(AggregateMethod::avg)] = "2.5";
  series.rows = {row};
  aggregation.series.push_back(series);
  Aggregation::Series none;  // nothing applies: it is left out
  none.name = fragment.view().attribute_name(1);
  aggregation.series.push_back(none);
  std::string out;
  append_aggregation(out, aggregation, vocabulary, {AggregateMethod::max, AggregateMethod::avg}, {});
  EXPECT_EQ(out, R"({"id":"urn:x:1","type":"A","speed":{"type":"Property",)"
                 R"("max":[[5,"2020-01-01T00:00:00Z","2020-01-01T01:00:00Z"]],)"
                 R"("avg":[[2.5,"2020-01-01T00:00:00Z","2020-01-01T01:00:00Z"]]}})");
}

}  // namespace
}  // namespace madang::ngsi
