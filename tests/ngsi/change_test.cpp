// Fragments in, outcomes out: what each operation of clause 5.6 does, seen in the representation that a client sees.

#include "change_fixture.h"

namespace madang::ngsi {
namespace {

using Change = ChangeFixture;

TEST_F(Change, EveryRepresentationOfWhatWasGiven) {
  given(R"({"id":"urn:x:1","type":["A","B"],"scope":["/S/a","/S/b"],
    "speed":{"type":"Property","value":1.50,"unitCode":"KMH","observedAt":"2026-11-22T00:00:00.0Z",
             "quality":{"type":"Property","value":"good"}},
    "location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[127.0,37.5]}},
    "in":{"type":"Relationship","object":"urn:x:2"},
    "name":{"type":"LanguageProperty","languageMap":{"ko":"마당","en":"yard"}},
    "address":{"type":"Property","value":{"city":"Seoul","geo":{"type":"x","id":"y"}}}})");
  EXPECT_EQ(shown(Format::normalized),
            R"({"id":"urn:x:1","type":["A","B"],"scope":["/S/a","/S/b"],)"
            R"("speed":{"type":"Property","value":1.50,"unitCode":"KMH","observedAt":"2026-11-22T00:00:00Z",)"
            R"("quality":{"type":"Property","value":"good"}},)"
            R"("location":{"type":"GeoProperty","value":{"type":"Point","coordinates":[127.0,37.5]}},)"
            R"("in":{"type":"Relationship","object":"urn:x:2"},)"
            R"("name":{"type":"LanguageProperty","languageMap":{"ko":"마당","en":"yard"}},)"
            R"("address":{"type":"Property","value":{"city":"Seoul","geo":{"type":"x","id":"y"}}}})");
  EXPECT_EQ(shown(Format::concise),
            R"({"id":"urn:x:1","type":["A","B"],"scope":["/S/a","/S/b"],)"
            R"("speed":{"value":1.50,"unitCode":"KMH","observedAt":"2026-11-22T00:00:00Z","quality":"good"},)"
            R"("location":{"type":"Point","coordinates":[127.0,37.5]},)"
            R"("in":{"object":"urn:x:2"},"name":{"languageMap":{"ko":"마당","en":"yard"}},)"
            R"("address":{"value":{"city":"Seoul","geo":{"type":"x","id":"y"}}}})");
  EXPECT_EQ(
      shown(Format::simplified),
      R"({"id":"urn:x:1","type":["A","B"],"scope":["/S/a","/S/b"],"speed":1.50,)"
      R"("location":{"type":"Point","coordinates":[127.0,37.5]},"in":"urn:x:2",)"
      R"("name":{"languageMap":{"ko":"마당","en":"yard"}},"address":{"city":"Seoul","geo":{"type":"x","id":"y"}}})");
}

TEST_F(Change, EachAttributeKnowsSinceWhenAndSinceWhenItIsSo) {
  const auto when = [this](std::string_view name) {
    const EntityView view(entity);
    const AttributeView attribute = view.attribute(view.find(*vocabulary.intern(name)));
    return std::pair(attribute.created_at, attribute.modified_at);
  };
  const auto sub_when = [this](std::string_view name, std::string_view sub) {
    const EntityView view(entity);
    const auto found = view.attribute(view.find(*vocabulary.intern(name))).find_sub(*vocabulary.intern(sub));
    return std::pair(found->created_at, found->modified_at);
  };
  const Timestamp later{kNow.ns + 1'000'000'000}, last{kNow.ns + 2'000'000'000};
  using Times = std::pair<Timestamp, Timestamp>;
  given(R"({"id":"urn:x:1","type":"A","a":1,"b":{"value":2,"s":3},"c":4})");
  EXPECT_EQ(when("a"), Times(kThen, kThen));

  ASSERT_TRUE(change(Operation::update, R"({"a":5})", FragmentKind::attributes).ok());
  EXPECT_EQ(when("a"), Times(kThen, kNow));
  EXPECT_EQ(when("b"), Times(kThen, kThen));
  EXPECT_EQ(sub_when("b", "s"), Times(kThen, kThen));

  now = later;
  ASSERT_TRUE(change(Operation::append, R"({"b":{"value":2,"s":6,"t":7}})", FragmentKind::attributes).ok());
  EXPECT_EQ(when("a"), Times(kThen, kNow));
  EXPECT_EQ(when("b"), Times(kThen, later));
  EXPECT_EQ(sub_when("b", "s"), Times(kThen, later));
  EXPECT_EQ(sub_when("b", "t"), Times(later, later));
  EXPECT_EQ(when("c"), Times(kThen, kThen));

  // Replaced as a whole: what was there keeps its beginning, what is new begins now.
  now = last;
  ASSERT_TRUE(change(Operation::replace, R"({"type":"A","a":8,"n":9})", FragmentKind::attributes).ok());
  EXPECT_EQ(when("a"), Times(kThen, last));
  EXPECT_EQ(when("n"), Times(last, last));
  EXPECT_EQ(EntityView(entity).created_at(), kThen);
  EXPECT_EQ(EntityView(entity).modified_at(), last);
  EXPECT_FALSE(EntityView(entity).has_attribute(*vocabulary.intern("c")));

  given(R"({"id":"urn:x:1","type":"A","a":1,"b":2})");
  ASSERT_TRUE(
      change(Operation::upsert_replace, R"({"id":"urn:x:1","type":"A","b":3,"a":4})", FragmentKind::entity).ok());
  EXPECT_EQ(when("a"), Times(kThen, last));
  EXPECT_EQ(when("b"), Times(kThen, last));
}

TEST_F(Change, NumbersOfAnySizeKeepTheirDigits) {
  const std::string entity_text = R"({"id":"urn:x:1","type":"A","n":123456789012345678901234567890,"x":[1e300,-0.10]})";
  given(entity_text);
  EXPECT_EQ(shown(), entity_text);
  EXPECT_TRUE(verify(entity.bytes(), true).ok());
}

TEST_F(Change, ConciseIsReadAsNormalized) {
  given(R"({"id":"urn:x:1","type":"A","n":1,"t":"text","b":true,"list":[1,2],"o":{"k":1},"r":{"object":"urn:x:2"},
            "g":{"type":"Point","coordinates":[1,2]},"h":{"value":{"type":"Point","coordinates":[1,2]}}})");
  EXPECT_EQ(shown(Format::normalized),
            R"({"id":"urn:x:1","type":"A","n":{"type":"Property","value":1},"t":{"type":"Property","value":"text"},)"
            R"("b":{"type":"Property","value":true},"list":{"type":"Property","value":[1,2]},)"
            R"("o":{"type":"Property","value":{"k":1}},"r":{"type":"Relationship","object":"urn:x:2"},)"
            R"("g":{"type":"GeoProperty","value":{"type":"Point","coordinates":[1,2]}},)"
            R"("h":{"type":"GeoProperty","value":{"type":"Point","coordinates":[1,2]}}})");
}

TEST_F(Change, InstancesStandSideBySideTheDefaultFirst) {
  given(
      R"({"id":"urn:x:1","type":"A","a":[{"type":"Property","value":2,"datasetId":"urn:d:2"},{"type":"Property","value":1}]})");
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","a":[1,{"value":2,"datasetId":"urn:d:2"}]})");
  EXPECT_EQ(shown(Format::simplified), R"({"id":"urn:x:1","type":"A","a":{"dataset":{"@none":1,"urn:d:2":2}}})");
}

TEST_F(Change, PartialUpdateKeepsWhatIsNotGiven) {
  given(R"({"id":"urn:x:1","type":"A","t":{"value":25,"unitCode":"CEL","observedAt":"2022-03-14T01:59:26Z"}})");
  ASSERT_TRUE(
      change(Operation::partial_attribute, R"({"value":100,"observedAt":"2022-03-14T13:00:00Z"})", {}, "t").ok());
  EXPECT_EQ(shown(),
            R"({"id":"urn:x:1","type":"A","t":{"value":100,"unitCode":"CEL","observedAt":"2022-03-14T13:00:00Z"}})");
  ASSERT_TRUE(change(Operation::partial_attribute, R"({"unitCode":"KEL"})", {}, "t").ok());
  EXPECT_EQ(shown(),
            R"({"id":"urn:x:1","type":"A","t":{"value":100,"unitCode":"KEL","observedAt":"2022-03-14T13:00:00Z"}})");
}

TEST_F(Change, PartialUpdateCannotChangeTheKind) {
  given(R"({"id":"urn:x:1","type":"A","t":25})");
  EXPECT_EQ(change(Operation::partial_attribute, R"({"type":"Relationship","object":"urn:x:2"})", {}, "t").error().code,
            base::Code::bad_request_data);
  EXPECT_EQ(change(Operation::partial_attribute, R"({"value":1})", {}, "none").error().code, base::Code::not_found);
}

TEST_F(Change, UpdateReplacesWholeAttributesAndDeletesByNull) {
  given(R"({"id":"urn:x:1","type":"A","t":{"value":25,"unitCode":"CEL"},"u":1,"v":2})");
  ASSERT_TRUE(
      change(Operation::update, R"({"t":{"value":100},"u":"urn:ngsi-ld:null","w":3})", FragmentKind::attributes).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","t":100,"v":2,"w":3})");
}

TEST_F(Change, AppendWithoutOverwriteSaysWhatItLeft) {
  given(R"({"id":"urn:x:1","type":"A","t":1})");
  auto outcome = change(Operation::append_no_overwrite, R"({"t":2,"u":3,"type":"B"})", FragmentKind::attributes);
  ASSERT_TRUE(outcome.ok());
  EXPECT_EQ(outcome->not_updated.size(), 1u);
  EXPECT_EQ(outcome->updated.size(), 1u);
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":["A","B"],"t":1,"u":3})");
}

TEST_F(Change, MergeGoesIntoValues) {
  given(R"({"id":"urn:x:1","type":"A","address":{"street":"Straße des 17. Juni","city":"Berlin","country":"Germany"},
            "name":{"languageMap":{"en":"yard","fr":"cour"}},"in":{"object":"urn:x:2"}})");
  ASSERT_TRUE(change(Operation::merge,
                     R"({"address":{"value":{"street":"Pariser Platz","country":"urn:ngsi-ld:null"}},
                         "name":{"languageMap":{"ko":"마당"}},"in":"urn:x:3"})",
                     FragmentKind::merge)
                  .ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","address":{"value":{"street":"Pariser Platz","city":"Berlin"}},)"
                     R"("name":{"languageMap":{"en":"yard","fr":"cour","ko":"마당"}},"in":{"object":"urn:x:3"}})");
}

TEST_F(Change, ReplaceKeepsOnlyIdTypeAndBirth) {
  given(R"({"id":"urn:x:1","type":"A","scope":"/S","t":1,"u":2})");
  ASSERT_TRUE(change(Operation::replace, R"({"id":"urn:x:1","u":3})", FragmentKind::attributes).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","u":3})");
  EXPECT_EQ(EntityView(entity).created_at(), kThen);
  EXPECT_EQ(EntityView(entity).modified_at(), kNow);
}

TEST_F(Change, TimesOfAttributesFollowTheirOwnChanges) {
  given(R"({"id":"urn:x:1","type":"A","t":1,"u":2})");
  ASSERT_TRUE(change(Operation::update, R"({"t":3})", FragmentKind::attributes).ok());
  const EntityView view(entity);
  EXPECT_EQ(view.attribute(0).created_at, kThen);
  EXPECT_EQ(view.attribute(0).modified_at, kNow);
  EXPECT_EQ(view.attribute(1).modified_at, kThen);
}

TEST_F(Change, DeletingOneInstanceOrAll) {
  given(R"({"id":"urn:x:1","type":"A","b":0,"a":[{"value":2,"datasetId":"urn:d:2"},{"value":1,"type":"Property"}]})");
  ngsi::Change change;
  change.operation = Operation::delete_attribute;
  change.id = "urn:x:1";
  change.attribute = *vocabulary.intern("a");
  change.dataset_id = "urn:d:2";
  ASSERT_TRUE(settle(apply(EntityView(entity), std::move(change), kNow, limits)).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","b":0,"a":1})");
  ngsi::Change all;
  all.operation = Operation::delete_attribute;
  all.attribute = *vocabulary.intern("a");
  all.delete_all = true;
  ASSERT_TRUE(settle(apply(EntityView(entity), std::move(all), kNow, limits)).ok());
  EXPECT_EQ(shown(), R"({"id":"urn:x:1","type":"A","b":0})");
}

struct Refused {
  std::string json, where;
  base::Code code;
};
class Refusals : public Change, public testing::WithParamInterface<Refused> {};

TEST_P(Refusals, NameThePlace) {
  const auto result = read(GetParam().json, FragmentKind::entity);
  ASSERT_FALSE(result.ok()) << GetParam().json;
  EXPECT_EQ(result.error().code, GetParam().code) << result.error().message;
  EXPECT_EQ(result.error().where, GetParam().where) << result.error().message;
}

INSTANTIATE_TEST_SUITE_P(
    Bad, Refusals,
    testing::Values(
        Refused{R"({"type":"A"})", "", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1"})", "", base::Code::bad_request_data},
        Refused{R"({"id":"no uri","type":"A"})", "/id", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":null})", "/a", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"value":{"b":null}}})", "/a/value/b", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":1,"a":2})", "/a", base::Code::invalid_request},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"value":{"b":1,"b":2}}})", "/a/value/b",
                base::Code::invalid_request},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"value":1,"value":2}})", "/a/value", base::Code::invalid_request},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"type":"Property"}})", "/a", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"type":"Prop","value":1}})", "/a/type",
                base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"type":"VocabProperty","vocab":1}})", "/a/vocab",
                base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"type":"Relationship","object":"x"}})", "/a/object",
                base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"type":"Relationship","value":1}})", "/a/type",
                base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":{"value":1,"observedAt":"yesterday"}})", "/a/observedAt",
                base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","a":"\ud800"})", "/a", base::Code::invalid_request},
        Refused{R"({"id":"urn:x:1","type":"A","a":1e999})", "/a", base::Code::invalid_request},
        Refused{R"({"id":"urn:x:1","type":"A","a":"urn:ngsi-ld:null"})", "/a", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","expiresAt":"tomorrow"})", "/expiresAt", base::Code::bad_request_data},
        Refused{R"({"id":"urn:x:1","type":"A","scope":"no slash"})", "/scope", base::Code::bad_request_data},
        Refused{
            R"({"id":"urn:x:1","type":"A","g":{"type":"GeoProperty","value":{"type":"Point","coordinates":[500,1]}}})",
            "/g", base::Code::bad_request_data},
        // Found by the fuzzer: a word that only begins like null.
        Refused{R"({"id":"urn:x:1","type":"A","a":{"b":n}})", "/a/b", base::Code::bad_request_data},
        Refused{R"([])", "", base::Code::invalid_request}, Refused{R"({"id":)", "", base::Code::invalid_request}));

TEST_F(Change, ABatchReadsEachEntityAlone) {
  auto items = reader.read_array(
      pad(R"([{"id":"urn:x:1","type":"A","a":1},{"id":"urn:x:2"},{"id":"urn:x:3","type":"A","a":{"value":2}}])"),
      FragmentKind::entity, vocabulary, 100);
  ASSERT_TRUE(items.ok()) << items.error().message;
  ASSERT_EQ(items->size(), 3u);
  EXPECT_TRUE((*items)[0].fragment.ok());
  EXPECT_FALSE((*items)[1].fragment.ok());
  EXPECT_EQ((*items)[1].fragment.error().where, "/1");
  EXPECT_TRUE((*items)[2].fragment.ok());
  EXPECT_FALSE(reader.read_array(pad(R"([{"id":"urn:x:1","type":"A"},)"), FragmentKind::entity, vocabulary, 100).ok());
}

TEST_F(Change, ADeepDocumentIsRefusedNotFollowed) {
  std::string deep = R"({"id":"urn:x:1","type":"A","a":)" + std::string(5000, '[') + std::string(5000, ']') + "}";
  EXPECT_EQ(read(deep, FragmentKind::entity).error().code, base::Code::invalid_request);
}

}  // namespace
}  // namespace madang::ngsi
