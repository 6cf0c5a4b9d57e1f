// The kinds of attributes beyond the four common ones, their members, the NGSI-LD null in each, and what expires.

#include <span>

#include "madang/ngsi/expiry.h"

#include "change_fixture.h"

namespace madang::ngsi {
namespace {

class Kinds : public ChangeFixture {
 protected:
  base::Result<Outcome> merge(std::string_view json) { return change(Operation::merge, json, FragmentKind::merge); }
  base::Result<Outcome> update(std::string_view json) {
    return change(Operation::update, json, FragmentKind::attributes);
  }
  base::Result<Outcome> partial(std::string_view attribute, std::string_view json) {
    return change(Operation::partial_attribute, json, FragmentKind::one_attribute, attribute);
  }
  void all_kinds() {
    given(R"({"id":"urn:x:1","type":"A",
      "v":{"type":"VocabProperty","vocab":["Male","urn:v:1"]},
      "j":{"type":"JsonProperty","json":{"id":7,"type":null,"b":{"value":1}}},
      "l":{"type":"ListProperty","valueList":[1,"a",{"k":2}],"unitCode":"CEL"},
      "r":{"type":"ListRelationship","objectList":[{"object":"urn:x:2"},"urn:x:3"],"objectType":["B","C"]},
      "o":{"type":"Relationship","object":["urn:x:4","urn:x:5"],"objectType":"B"}})");
  }
};

TEST_F(Kinds, EachInEachRepresentation) {
  all_kinds();
  EXPECT_EQ(shown(Format::normalized),
            R"({"id":"urn:x:1","type":"A","v":{"type":"VocabProperty","vocab":["Male","urn:v:1"]},)"
            R"("j":{"type":"JsonProperty","json":{"id":7,"type":null,"b":{"value":1}}},)"
            R"("l":{"type":"ListProperty","valueList":[1,"a",{"k":2}],"unitCode":"CEL"},)"
            R"("r":{"type":"ListRelationship","objectList":[{"object":"urn:x:2"},{"object":"urn:x:3"}],)"
            R"("objectType":["B","C"]},)"
            R"("o":{"type":"Relationship","object":["urn:x:4","urn:x:5"],"objectType":"B"}})");
  EXPECT_EQ(shown(Format::concise),
            R"({"id":"urn:x:1","type":"A","v":{"vocab":["Male","urn:v:1"]},)"
            R"("j":{"json":{"id":7,"type":null,"b":{"value":1}}},"l":{"valueList":[1,"a",{"k":2}],"unitCode":"CEL"},)"
            R"("r":{"objectList":["urn:x:2","urn:x:3"],"objectType":["B","C"]},)"
            R"("o":{"object":["urn:x:4","urn:x:5"],"objectType":"B"}})");
  EXPECT_EQ(shown(Format::simplified), R"({"id":"urn:x:1","type":"A","v":{"vocab":["Male","urn:v:1"]},)"
                                       R"("j":{"json":{"id":7,"type":null,"b":{"value":1}}},"l":[1,"a",{"k":2}],)"
                                       R"("r":["urn:x:2","urn:x:3"],"o":["urn:x:4","urn:x:5"]})");
}

TEST_F(Kinds, ConciseOnesSayWhatTheyAre) {
  given(R"({"id":"urn:x:1","type":"A","v":{"vocab":"x"},"j":{"json":[{"a":1},{}]},"l":{"valueList":[]},
            "r":{"objectList":[]}})");
  const EntityView view(entity);
  EXPECT_EQ(view.kind(0), Kind::vocab_property);
  EXPECT_EQ(view.kind(1), Kind::json_property);
  EXPECT_EQ(view.kind(2), Kind::list_property);
  EXPECT_EQ(view.kind(3), Kind::list_relationship);
  EXPECT_EQ(view.attribute(0).value, R"("https://uri.etsi.org/ngsi-ld/default-context/x")");
}

TEST_F(Kinds, TheNullOfEachKindDeletes) {
  for (const char* null : {R"({"v":"urn:ngsi-ld:null"})", R"({"v":{"vocab":"urn:ngsi-ld:null"}})",
                           R"({"v":{"type":"VocabProperty","vocab":["urn:ngsi-ld:null"]}})"}) {
    given(R"({"id":"urn:x:1","type":"A","a":1,"v":{"vocab":"x"}})");
    ASSERT_TRUE(merge(null).ok()) << null;
    EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","a":1})") << null;
  }
  all_kinds();
  ASSERT_TRUE(update(R"({"v":{"vocab":"urn:ngsi-ld:null"},"j":{"json":"urn:ngsi-ld:null"},
                         "l":{"type":"ListProperty","valueList":["urn:ngsi-ld:null"]},
                         "r":{"objectList":["urn:ngsi-ld:null"]},"o":{"object":"urn:ngsi-ld:null"}})")
                  .ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A"})");
}

TEST_F(Kinds, MembersAreDeletedByNull) {
  given(R"({"id":"urn:x:1","type":"A","expiresAt":"2100-01-01T00:00:00Z",
    "p":{"type":"Property","value":1,"unitCode":"CEL","valueType":"T","observedAt":"2026-01-01T00:00:00Z",
         "expiresAt":"2100-01-01T00:00:00Z","s":{"type":"Property","value":1}},
    "o":{"type":"Relationship","object":"urn:x:2","objectType":"B"}})");
  ASSERT_TRUE(merge(R"({"expiresAt":"urn:ngsi-ld:null","p":{"unitCode":"urn:ngsi-ld:null",
    "valueType":"urn:ngsi-ld:null","observedAt":"urn:ngsi-ld:null","expiresAt":"urn:ngsi-ld:null",
    "s":"urn:ngsi-ld:null"},"o":{"objectType":"urn:ngsi-ld:null"}})")
                  .ok());
  EXPECT_EQ(shown(Format::normalized), R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":1},)"
                                       R"("o":{"type":"Relationship","object":"urn:x:2"}})");
  EXPECT_FALSE(EntityView(entity).may_expire());
}

TEST_F(Kinds, AMergeGoesIntoJsonAndReplacesLists) {
  all_kinds();
  ASSERT_TRUE(merge(R"({"j":{"json":{"id":8,"b":{"value":"urn:ngsi-ld:null","c":{"d":"urn:ngsi-ld:null"}}}},
                        "l":[3],"r":["urn:x:9"],"o":"urn:x:6","v":{"vocab":"Female"}})")
                  .ok());
  EXPECT_EQ(shown(),
            R"({"id":"urn:x:1","type":"A","v":{"vocab":"Female"},)"
            R"("j":{"json":{"id":8,"type":null,"b":{"c":{}}}},"l":{"valueList":[3],"unitCode":"CEL"},)"
            R"("r":{"objectList":["urn:x:9"],"objectType":["B","C"]},"o":{"object":"urn:x:6","objectType":"B"}})");
}

TEST_F(Kinds, ANullWithinAMergedNewValueIsNotKept) {
  given(R"({"id":"urn:x:1","type":"A","p":{"value":1}})");
  ASSERT_TRUE(
      merge(
          R"({"new":{"value":{"a":1,"b":"urn:ngsi-ld:null"}},"p":{"type":"JsonProperty","json":{"c":2,"d":"urn:ngsi-ld:null"}},
                        "lang":{"languageMap":{"en":"x","fr":"urn:ngsi-ld:null"}}})")
          .ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","p":{"json":{"c":2}},"new":{"value":{"a":1}},)"
                     R"("lang":{"languageMap":{"en":"x"}}})");
}

TEST_F(Kinds, ANullDeletesOneInstanceOfSeveral) {
  given(R"({"id":"urn:x:1","type":"A","b":0,
    "v":[{"vocab":"x"},{"vocab":"y","datasetId":"urn:d:1"},{"vocab":"z","datasetId":"urn:d:2"}]})");
  ASSERT_TRUE(update(R"({"v":{"vocab":"urn:ngsi-ld:null","datasetId":"urn:d:1"}})").ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","b":0,"v":[{"vocab":"x"},{"vocab":"z","datasetId":"urn:d:2"}]})");
  EXPECT_EQ(shown(Format::simplified),
            R"({"id":"urn:x:1","type":"A","b":0,"v":{"dataset":{"@none":{"vocab":"x"},"urn:d:2":{"vocab":"z"}}}})");
  ASSERT_TRUE(update(R"({"v":"urn:ngsi-ld:null"})").ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","b":0,"v":{"vocab":"z","datasetId":"urn:d:2"}})");
}

TEST_F(Kinds, NullsAreRefusedWhereSomethingIsMade) {
  all_kinds();
  EXPECT_FALSE(read(R"({"id":"urn:x:2","type":"A","j":{"json":{"a":"urn:ngsi-ld:null"}}})", FragmentKind::entity).ok());
  EXPECT_FALSE(
      read(R"({"id":"urn:x:2","type":"A","l":{"valueList":["urn:ngsi-ld:null"]}})", FragmentKind::entity).ok());
  EXPECT_FALSE(read(R"({"id":"urn:x:2","type":"A","expiresAt":"urn:ngsi-ld:null"})", FragmentKind::entity).ok());
  EXPECT_FALSE(change(Operation::append, R"({"v":"urn:ngsi-ld:null"})", FragmentKind::attributes).ok());
  EXPECT_FALSE(
      change(Operation::append, R"({"n":{"value":1,"unitCode":"urn:ngsi-ld:null"}})", FragmentKind::attributes).ok());
  EXPECT_FALSE(merge(R"({"l":{"valueList":[1,"urn:ngsi-ld:null"]}})").ok());
  EXPECT_FALSE(merge(R"({"n":{"value":{"a":[{"b":"urn:ngsi-ld:null"}]}}})").ok());
  EXPECT_FALSE(update(R"({"j":{"json":{"id":"urn:ngsi-ld:null"}}})").ok());
}

TEST_F(Kinds, APartNeitherChangesTheKindNorMakesNonsense) {
  all_kinds();
  EXPECT_FALSE(partial("v", R"({"value":"x"})").ok());
  EXPECT_FALSE(partial("o", R"({"value":5})").ok());
  EXPECT_FALSE(partial("j", R"({"type":"Property","value":1})").ok());
  ASSERT_TRUE(partial("v", R"({"vocab":"y","observedAt":"2026-01-01T00:00:00Z"})").ok());
  ASSERT_TRUE(partial("r", R"({"objectType":"D"})").ok());
  EXPECT_FALSE(merge(R"({"o":"no uri"})").ok());
  EXPECT_FALSE(merge(R"({"v":"text"})").ok());
  EXPECT_FALSE(merge(R"({"o":{"type":"VocabProperty"}})").ok());
}

TEST_F(Kinds, AMergeMayChangeTheKindAndDropsWhatTheNewOneCannotHave) {
  given(R"({"id":"urn:x:1","type":"A","p":{"value":1,"unitCode":"CEL","s":2}})");
  ASSERT_TRUE(merge(R"({"p":{"type":"Relationship","object":"urn:x:2"}})").ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","p":{"object":"urn:x:2","s":2}})");
}

TEST_F(Kinds, AValueWithADatatypeKeepsItsKeywords) {
  for (const char* keyword : {"@type", "type"}) {
    given(R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":{"at":{")" + std::string(keyword) +
          R"(":"DateTime","@value":"2026-03-01T12:00:00Z"},"type":"When"}}})");
    EXPECT_EQ(shown(Format::simplified), R"({"id":"urn:x:1","type":"A","p":{"at":{"@type":"DateTime",)"
                                         R"("@value":"2026-03-01T12:00:00Z"},"type":"When"}})");
  }
}

TEST_F(Kinds, AGeometryInAPropertyIsStillOneWhenConcise) {
  constexpr std::string_view kEntity =
      R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":{"type":"Point","coordinates":[1,2]}}})";
  given(std::string(kEntity));
  EXPECT_EQ(shown(Format::concise), kEntity);
  EXPECT_EQ(shown(Format::normalized), kEntity);
}

TEST_F(Kinds, AProofGoesThrough) {
  given(R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":1,"ngsildproof":{"type":"Property",
    "entityIdSealed":"urn:x:1","entityTypeSealed":"A","value":{"type":"DataIntegrityProof","proofValue":"z3"}}}})");
  EXPECT_EQ(shown(Format::normalized),
            R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":1,"ngsildproof":{"type":"Property",)"
            R"("value":{"type":"DataIntegrityProof","proofValue":"z3"},"entityIdSealed":"urn:x:1",)"
            R"("entityTypeSealed":"A"}}})");
}

TEST_F(Kinds, AJsonNullLiteralIsAValue) {
  for (const char* keyword : {"@type", "type"}) {
    given(R"({"id":"urn:x:1","type":"A","p":{"type":"Property","value":{")" + std::string(keyword) +
          R"(":"@json","@value":null}}})");
    EXPECT_EQ(shown(Format::simplified), R"({"id":"urn:x:1","type":"A","p":{"@type":"@json","@value":null}})");
  }
}

TEST_F(Kinds, WhatAnAnswerAddsIsIgnoredWhereItCanStand) {
  given(R"({"id":"urn:x:1","type":"A","o":{"type":"Relationship","object":"urn:x:2","entity":{"id":"urn:x:2"}},
            "r":{"type":"ListRelationship","objectList":["urn:x:2"],"entityList":[{"id":"urn:x:2"}]}})");
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","o":{"object":"urn:x:2"},"r":{"objectList":["urn:x:2"]}})");
}

struct RefusedKind {
  std::string attribute, where;
};
class RefusedKinds : public Kinds, public testing::WithParamInterface<RefusedKind> {};

TEST_P(RefusedKinds, NameThePlace) {
  const auto result = read(R"({"id":"urn:x:1","type":"A","a":)" + GetParam().attribute + "}", FragmentKind::entity);
  ASSERT_FALSE(result.ok()) << GetParam().attribute;
  EXPECT_EQ(result.error().code, base::Code::bad_request_data) << result.error().message;
  EXPECT_EQ(result.error().where, GetParam().where) << result.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Bad, RefusedKinds,
    testing::Values(
        RefusedKind{R"({"vocab":{"a":1}})", "/a/vocab"}, RefusedKind{R"({"vocab":[""]})", "/a/vocab"},
        RefusedKind{R"({"vocab":"@type"})", "/a/vocab"}, RefusedKind{R"({"json":5})", "/a/json"},
        RefusedKind{R"({"json":[1]})", "/a/json"}, RefusedKind{R"({"json":null})", "/a/json"},
        RefusedKind{R"({"valueList":5})", "/a/valueList"}, RefusedKind{R"({"valueList":[null]})", "/a/valueList/0"},
        RefusedKind{R"({"objectList":["x y"]})", "/a/objectList"},
        RefusedKind{R"({"objectList":[{"object":"urn:x:1","b":1}]})", "/a/objectList"},
        RefusedKind{R"({"objectList":"urn:x:1"})", "/a/objectList"},
        RefusedKind{R"({"json":{},"unitCode":"CEL"})", "/a"}, RefusedKind{R"({"vocab":"x","unitCode":"CEL"})", "/a"},
        RefusedKind{R"({"objectList":[],"valueType":"T"})", "/a"},
        RefusedKind{R"({"valueList":[],"value":1})", "/a/value"},
        RefusedKind{R"({"type":"ListProperty","value":1})", "/a/type"},
        RefusedKind{R"({"value":1,"objectType":"T"})", "/a"},
        RefusedKind{R"({"object":"urn:x:1","objectType":5})", "/a/objectType"},
        RefusedKind{R"({"value":1,"entity":{}})", "/a"}, RefusedKind{R"({"object":"urn:x:1","entityList":[]})", "/a"},
        RefusedKind{R"({"value":1,"previousValue":2})", "/a/previousValue"},
        RefusedKind{R"({"value":1,"entityIdSealed":"urn:x:1"})", "/a"},
        RefusedKind{R"({"value":1,"ngsildproof":{"value":"text"}})", "/a/ngsildproof"},
        RefusedKind{R"({"value":1,"expiresAt":"2026-13-01T00:00:00Z"})", "/a/expiresAt"},
        RefusedKind{R"({"value":{"@value":null}})", "/a/value/@value"}));

TEST_F(Kinds, NamesThatStandForNodesMayNameAttributes) {
  given(R"({"id":"urn:x:1","type":"A","value":{"type":"Property","value":1},"vocab":{"vocab":"x"},"json":2})");
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","value":1,"vocab":{"vocab":"x"},"json":2})");
  EXPECT_FALSE(update(R"({"value":5})").ok());
  EXPECT_FALSE(merge(R"({"languageMap":{"en":"x"}})").ok());
  ASSERT_TRUE(update(R"({"value":{"value":5}})").ok());
  EXPECT_FALSE(read(R"({"id":"urn:x:2","type":"A","unitCode":{"value":1}})", FragmentKind::entity).ok());
}

TEST_F(Kinds, AnObjectWithATypeOfItsOwnIsAValue) {
  const std::string text =
      R"({"id":"urn:x:1","type":"A","address":{"type":"PostalAddress","locality":"서울"},)"
      R"("hours":[{"type":"Hours","from":9},{"type":"Hours","from":14}],"p":{"value":1,"by":{"@type":"Person"}}})";
  given(text);
  EXPECT_EQ(EntityView(entity).kind(0), Kind::property);
  EXPECT_EQ(EntityView(entity).attribute_count(), 3u);
  EXPECT_EQ(shown(Format::simplified),
            R"({"id":"urn:x:1","type":"A","address":{"type":"PostalAddress","locality":"서울"},)"
            R"("hours":[{"type":"Hours","from":9},{"type":"Hours","from":14}],"p":1})");
  EXPECT_FALSE(read(R"({"id":"urn:x:2","type":"A","a":{"type":"Propertee","value":1}})", FragmentKind::entity).ok());
}

// ---- expiry ----

constexpr Timestamp kSoon{1'800'000'000'000'000'000};  // 2027-01-15T08:00:00Z

TEST_F(Kinds, ExpiresAtIsShownAmongTheSystemsOwn) {
  given(R"({"id":"urn:x:1","type":"A","expiresAt":"2027-01-15T08:00:00Z",
            "p":{"value":1,"expiresAt":"2027-01-15T08:00:01Z"}})");
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","p":1})");
  EXPECT_EQ(shown(Format::concise, true),
            R"({"id":"urn:x:1","type":"A","createdAt":"2023-11-14T22:13:20Z","modifiedAt":"2023-11-14T22:13:20Z",)"
            R"("expiresAt":"2027-01-15T08:00:00Z","p":{"value":1,"createdAt":"2023-11-14T22:13:20Z",)"
            R"("modifiedAt":"2023-11-14T22:13:20Z","expiresAt":"2027-01-15T08:00:01Z"}})");
  EXPECT_EQ(first_expiry(EntityView(entity)), kSoon);
  EXPECT_TRUE(AsOf(EntityView(entity), {kSoon.ns - 1}).view());
  EXPECT_FALSE(AsOf(EntityView(entity), kSoon).view());
}

TEST_F(Kinds, WhatExpiresGoesAndTheRestStays) {
  given(R"({"id":"urn:x:1","type":"A","stays":1,"goes":{"value":2,"expiresAt":"2027-01-15T08:00:00Z"},
    "some":[{"value":3},{"value":4,"datasetId":"urn:d:1","expiresAt":"2027-01-15T08:00:00Z"}],
    "sub":{"value":5,"s":{"value":6,"expiresAt":"2027-01-15T08:00:00Z"},"t":7},
    "later":{"value":8,"expiresAt":"2028-01-01T00:00:00Z"}})");
  EXPECT_EQ(expire(EntityView(entity), {kSoon.ns - 1})->record, Outcome::Record::none);
  ASSERT_TRUE(settle(expire(EntityView(entity), kSoon)).ok());
  const std::string rest = R"({"id":"urn:x:1","type":"A","stays":1,"some":3,"sub":{"value":5,"t":7},"later":8})";
  EXPECT_EQ(shown(), rest);
  EXPECT_TRUE(EntityView(entity).may_expire());
  ASSERT_TRUE(settle(expire(EntityView(entity), {kSoon.ns * 2})).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","stays":1,"some":3,"sub":{"value":5,"t":7}})");
  EXPECT_FALSE(EntityView(entity).may_expire());
}

TEST_F(Kinds, ExpiryIsReplacedKeptOrTakenByEachOperation) {
  const std::string transient = R"({"id":"urn:x:1","type":"A","expiresAt":"2027-01-15T08:00:00Z","p":1})";
  given(transient);
  ASSERT_TRUE(merge(R"({"p":2})").ok());
  EXPECT_EQ(EntityView(entity).expires_at(), kSoon);
  ASSERT_TRUE(merge(R"({"expiresAt":"2028-01-01T00:00:00Z"})").ok());
  EXPECT_EQ(EntityView(entity).expires_at(), *base::parse_date_time("2028-01-01T00:00:00Z"));
  ASSERT_TRUE(merge(R"({"expiresAt":"urn:ngsi-ld:null"})").ok());
  EXPECT_EQ(EntityView(entity).expires_at(), std::nullopt);
  given(transient);
  ASSERT_TRUE(change(Operation::replace, R"({"id":"urn:x:1","p":3})", FragmentKind::attributes).ok());
  EXPECT_EQ(EntityView(entity).expires_at(), std::nullopt);
  given(transient);
  const auto kept =
      change(Operation::append_no_overwrite, R"({"expiresAt":"2028-01-01T00:00:00Z"})", FragmentKind::attributes);
  ASSERT_TRUE(kept.ok());
  ASSERT_EQ(kept->not_updated.size(), 1u);
  EXPECT_EQ(kept->not_updated[0].member, "expiresAt");
  EXPECT_EQ(EntityView(entity).expires_at(), kSoon);
}

TEST_F(Kinds, AttributesThatAPurgeDropsOrKeeps) {
  const auto purge = [this](Operation operation, std::vector<std::string_view> names, bool scope) {
    ngsi::Change change;
    change.operation = operation;
    for (const auto name : names) change.purge.names.push_back(*vocabulary.intern(name));
    change.purge.scope = scope;
    return settle(apply(EntityView(entity), std::move(change), kNow, limits));
  };
  given(R"({"id":"urn:x:1","type":"A","scope":"/S","a":1,"b":[{"value":1},{"value":2,"datasetId":"urn:d:1"}],"c":3})");
  ASSERT_TRUE(purge(Operation::drop_attributes, {"b", "none"}, true).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","a":1,"c":3})");
  ASSERT_TRUE(purge(Operation::keep_attributes, {"c"}, false).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","c":3})");
  EXPECT_EQ(purge(Operation::drop_attributes, {"a"}, true)->record, Outcome::Record::none);
}

TEST_F(Kinds, RecordsWithoutTheNewStayReadableToOlderVersions) {
  const auto format = [this] {
    base::ByteBuffer record;
    RecordWriter().append(record, EntityView(entity), symbols);
    return static_cast<int>(std::span<const std::byte>(record).front());
  };
  given(R"({"id":"urn:x:1","type":"A","v":{"vocab":"x"}})");
  EXPECT_EQ(format(), 1);
  given(R"({"id":"urn:x:1","type":"A","v":{"vocab":"x","expiresAt":"2100-01-01T00:00:00Z"}})");
  EXPECT_EQ(format(), 2);
  given(R"({"id":"urn:x:1","type":"A","o":{"object":"urn:x:2","objectType":"B"}})");
  EXPECT_EQ(format(), 2);
  given(R"({"id":"urn:x:1","type":"A","expiresAt":"1970-01-01T00:00:00Z"})");
  EXPECT_EQ(format(), 2);
}

/// Found by the fuzzer: no names, and prefixes that run over the end.
TEST_F(Kinds, ARecordWhosePrefixesRunOverItsEndIsRefused) {
  std::string record(1, '\x02');
  record.append(sizeof(EntityHeader), '\0');
  record.append("\x02\x7f", 2);
  EXPECT_FALSE(RecordReader().read(std::as_bytes(std::span(record)), symbols).ok());
}

}  // namespace
}  // namespace madang::ngsi
