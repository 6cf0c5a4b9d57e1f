// The Subscription data type: accepted, refused with the place, kept, shown in other words, changed.

#include "madang/ngsi/subscription.h"

#include <gtest/gtest.h>

namespace madang::ngsi {
namespace {

const base::Timestamp kNow = base::parse_timestamp("2026-01-01T00:00:00Z").value();

class NoFetcher final : public ContextFetcher {
 public:
  void fetch(const std::string& url, std::function<void(base::Result<std::string>)> done) override {
    done(base::error(base::Code::context_not_available, "no network", url));
  }
};

ContextPtr context(const std::string& json) {
  static NoFetcher fetcher;
  static ContextStore store(fetcher, base::system_clock());
  ContextPtr made;
  store.from_json(json, [&](base::Result<ContextPtr> result) { made = result.value(); });
  return made;
}

std::string whole(const std::string& members, const std::string& notification = {}) {
  return R"({"id":"urn:s:1","type":"Subscription",)" + members + R"(,"notification":{)" + notification +
         (notification.empty() ? "" : ",") + R"("endpoint":{"uri":"http://a/b"}}})";
}
std::string room(const std::string& members) {
  return whole(R"("entities":[{"type":"Room"}],)" + members);
}

struct Refused {
  const char* name;
  std::string json;
  const char* where;
};

class Refusing : public ::testing::TestWithParam<Refused> {};

TEST_P(Refusing, NamesThePlace) {
  const auto made = new_subscription(GetParam().json, core_context(), kNow);
  ASSERT_FALSE(made.ok());
  EXPECT_EQ(made.error().where, GetParam().where) << made.error().message;
  EXPECT_EQ(made.error().code, base::Code::bad_request_data);
}

INSTANTIATE_TEST_SUITE_P(
    Tables, Refusing,
    ::testing::Values(
        Refused{"no_type", R"({"entities":[{"type":"A"}]})", "/type"},
        Refused{"no_notification", R"({"type":"Subscription","entities":[{"type":"A"}]})", "/notification"},
        Refused{"no_endpoint", R"({"type":"Subscription","entities":[{"type":"A"}],"notification":{}})",
                "/notification/endpoint"},
        Refused{"no_entities", whole(R"("isActive":true)"), "/entities"},
        Refused{"empty_entities", whole(R"("entities":[])"), "/entities"},
        Refused{"no_type_of_entities", whole(R"("entities":[{"id":"urn:a:1"}])"), "/entities/0"},
        Refused{"id_no_uri", whole(R"("entities":[{"type":"A","id":"x"}])"), "/entities/0/id"},
        Refused{"pattern", whole(R"("entities":[{"type":"A","idPattern":"("}])"), "/entities/0/idPattern"},
        Refused{"watched_empty", room(R"("watchedAttributes":[])"), "/watchedAttributes"},
        Refused{"trigger", room(R"("notificationTrigger":["entityMoved"])"), "/notificationTrigger/0"},
        Refused{"q", room(R"("q":"a>>1")"), "/q"}, Refused{"scope", room(R"("scopeQ":"/a;")"), "/scopeQ"},
        Refused{"geo", room(R"("geoQ":{"georel":"near"})"), "/geoQ"},
        Refused{"throttling", room(R"("throttling":-1)"), "/throttling"},
        Refused{"interval_and_throttling", room(R"("throttling":1,"timeInterval":5)"), "/throttling"},
        Refused{"interval_and_watched", room(R"("watchedAttributes":["a"],"timeInterval":5)"), "/watchedAttributes"},
        Refused{"past", room(R"("expiresAt":"2025-01-01T00:00:00Z")"), "/expiresAt"},
        Refused{"time", room(R"("expiresAt":"soon")"), "/expiresAt"},
        Refused{"unknown", whole(R"("entities":[{"type":"A","kind":1}])"), "/entities/0/kind"},
        Refused{"empty_id", R"({"id":"","type":"Subscription"})", "/id"},
        Refused{"context", room(R"("jsonldContext":"here")"), "/jsonldContext"},
        Refused{"format", whole(R"("entities":[{"type":"A"}])", R"("format":"xml")"), "/notification/format"},
        Refused{"changes", whole(R"("entities":[{"type":"A"}])", R"("format":"simplified","showChanges":true)"),
                "/notification/showChanges"},
        Refused{"id_as_attribute", whole(R"("entities":[{"type":"A"}])", R"("attributes":["id"])"),
                "/notification/attributes/0"},
        Refused{"pick_and_attributes", whole(R"("entities":[{"type":"A"}])", R"("attributes":["a"],"pick":["b"])"),
                "/notification/attributes"},
        Refused{"braces", whole(R"("entities":[{"type":"A"}])", R"("pick":["a{b}"])"), "/notification/pick"},
        Refused{"twice", room(R"("q":"a","q":"b")"), "/q"}),
    [](const auto& each) { return std::string(each.param.name); });

TEST(Subscription, IsReadAsItWasWhateverBecomesOfTheContext) {
  const auto words = context(R"({"Room":"https://e.org/Room","t":"https://e.org/t","k":"https://e.org/k"})");
  auto record =
      new_subscription(whole(R"("entities":[{"type":"Room|Hall"}],"watchedAttributes":["t"],"q":"t[k]==1;t.k>2")",
                             R"("pick":["id","t"])"),
                       words, kNow);
  ASSERT_TRUE(record.ok()) << record.error().message;
  const auto again = read_record("urn:s:1", write_record(*record));
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(write_record(*again), write_record(*record));
  SymbolTable symbols;
  const auto read = compile(*again, symbols);
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->watched.size(), 1u);
  EXPECT_EQ(symbols.name(read->watched[0]), "https://e.org/t");
  EXPECT_EQ(read->query.q->parts[0].term.path.keys[0].stored, "https://e.org/k");
  EXPECT_EQ(read->notification.how.pick, read->watched);
}

TEST(Subscription, IsShownInTheWordsOfWhoAsks) {
  const auto words = context(R"({"Room":"https://e.org/Room","t":"https://e.org/t"})");
  const auto others = context(R"({"Zimmer":"https://e.org/Room","warm":"https://e.org/t"})");
  const auto record =
      new_subscription(whole(R"("entities":[{"type":"Room"}],"watchedAttributes":["t"],"q":"t>20","isActive":false)",
                             R"("attributes":["t"])"),
                       words, kNow);
  ASSERT_TRUE(record.ok());
  EXPECT_EQ(
      show(*record, {}, *words, kNow, false, false),
      R"({"id":"urn:s:1","type":"Subscription","entities":[{"type":"Room"}],"watchedAttributes":["t"],"q":"t>20",)"
      R"("isActive":false,"notification":{"attributes":["t"],"endpoint":{"uri":"http://a/b"}},)"
      R"("notificationTrigger":["attributeCreated","attributeUpdated"],"status":"paused"})");
  EXPECT_EQ(show(*record, {}, *others, kNow, false, false),
            R"({"id":"urn:s:1","type":"Subscription","entities":[{"type":"Zimmer"}],"watchedAttributes":["warm"],)"
            R"("q":"warm>20","isActive":false,"notification":{"attributes":["warm"],"endpoint":{"uri":"http://a/b"}},)"
            R"("notificationTrigger":["attributeCreated","attributeUpdated"],"status":"paused"})");
}

TEST(Subscription, IsChangedInOtherWordsAndMeansTheSame) {
  const auto words = context(R"({"Room":"https://e.org/Room","t":"https://e.org/t"})");
  const auto others = context(R"({"t":"https://other.org/t"})");
  const auto before = new_subscription(whole(R"("entities":[{"type":"Room"}],"watchedAttributes":["t"])"), words, kNow);
  ASSERT_TRUE(before.ok());
  const auto after = patched(*before, R"({"q":"t>1"})", others, kNow);
  ASSERT_TRUE(after.ok()) << after.error().message;
  SymbolTable symbols;
  const auto read = compile(*after, symbols);
  ASSERT_TRUE(read.ok());
  EXPECT_EQ(symbols.name(read->watched[0]), "https://e.org/t");
  EXPECT_EQ(symbols.name(read->query.q->term.path.names[0]), "https://other.org/t");
}

TEST(Subscription, ChangesMemberByMember) {
  const auto before = new_subscription(room(R"("q":"a>1","subscriptionName":"n")"), core_context(), kNow);
  ASSERT_TRUE(before.ok());
  const auto after =
      patched(*before, R"({"type":"Subscription","q":"urn:ngsi-ld:null","isActive":false})", core_context(), kNow);
  ASSERT_TRUE(after.ok());
  EXPECT_EQ(after->members.find("\"q\""), std::string::npos);
  EXPECT_EQ(text_member(*after, "subscriptionName"), "n");
  EXPECT_FALSE(patched(*before, R"({"notification":{"format":"concise"}})", core_context(), kNow).ok());
  EXPECT_FALSE(patched(*before, R"({"notification":null})", core_context(), kNow).ok());
  EXPECT_FALSE(patched(*before, R"({"id":"urn:s:2"})", core_context(), kNow).ok());
  EXPECT_FALSE(patched(*before, R"({"expiresAt":"2020-01-01T00:00:00Z"})", core_context(), kNow).ok());
}

TEST(Subscription, IgnoresWhatTheServerSays) {
  const auto made =
      new_subscription(whole(R"("entities":[{"type":"A"}],"status":"expired","createdAt":"x","__context":"y")",
                             R"("timesSent":7,"status":"failed")"),
                       core_context(), kNow);
  ASSERT_TRUE(made.ok()) << made.error().message;
  EXPECT_EQ(made->members, R"({"entities":[{"type":"A"}],"notification":{"endpoint":{"uri":"http://a/b"}}})");
}

}  // namespace
}  // namespace madang::ngsi
