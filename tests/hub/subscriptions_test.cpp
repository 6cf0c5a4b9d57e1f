// Subscriptions from a change to the letter (clauses 5.2.12, 5.8.6).

#include "governance/deny_policy.h"
#include "hub/post_office.h"

namespace madang::hub::testing {
namespace {

constexpr const char* kRoom = R"("entities":[{"type":"T"}])";

class Subscribing : public ::testing::Test {
 protected:
  void SetUp() override { city.start(); }
  /// The letters so far, once everything changed so far is matched and sent.
  std::vector<std::string> told() {
    // A subscription to a marker, of another type of trigger, comes last.
    EXPECT_TRUE(city.subscribe("marker", R"("entities":[{"type":"T","id":"urn:end"}])", {}, "http://marker/").ok());
    city.create("urn:end", R"("n":{"value":1})");
    EXPECT_TRUE(city.office.wait_until([](const std::vector<Letter>& letters) {
      return std::any_of(letters.begin(), letters.end(), [](const Letter& l) { return l.uri == "http://marker/"; });
    }));
    EXPECT_TRUE(city.wait_for("1", [](const DeliveryReport& r) { return r.waiting == 0; }) ||
                !city.hub->subscriptions().report(*admin(), city.tenant, "urn:s:1").ok());
    std::vector<std::string> out;
    for (const Letter& letter : city.office.letters())
      if (letter.uri == "http://subscriber/" && letter.body.find("urn:end") == std::string::npos)
        out.push_back(data_of(letter));
    return out;
  }

  base::SimulatedFiles files;
  base::ManualClock clock{base::parse_timestamp("2026-01-01T00:00:00Z").value()};
  City city{files, clock};
};

using Texts = std::vector<std::string>;

TEST_F(Subscribing, TellsOfWhatWasCreatedAndUpdated) {
  ASSERT_TRUE(city.subscribe("1", kRoom, R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  city.update("urn:r:1", R"("n":{"value":2})");
  city.update("urn:r:1", R"("n":{"value":2})");  // the same value: no change (5.8.6)
  city.remove("urn:r:1");                        // not among the default triggers
  EXPECT_EQ(told(), (Texts{R"([{"id":"urn:r:1","type":"T","n":1}])", R"([{"id":"urn:r:1","type":"T","n":2}])"}));
}

TEST_F(Subscribing, BelongsToWhatComesAfterIt) {
  city.create("urn:r:1", R"("n":{"value":1})");
  ASSERT_TRUE(city.subscribe("1", kRoom, R"("format":"keyValues")").ok());
  EXPECT_EQ(told(), Texts{});
}

struct TriggerCase {
  const char* triggers;
  const char* steps;  // c: create, a: attribute added, u: updated, d: attribute deleted, r: removed
};

class Triggers : public Subscribing, public ::testing::WithParamInterface<TriggerCase> {};

TEST_P(Triggers, TellOfTheirKindOfChange) {
  ASSERT_TRUE(city.subscribe("1", std::string(kRoom) + R"(,"notificationTrigger":)" + GetParam().triggers).ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  city.update("urn:r:1", R"("m":{"value":1})");
  city.update("urn:r:1", R"("m":{"value":2})");
  auto gone = city.change(ngsi::Operation::delete_attribute, {}, {}, "urn:r:1");
  gone->attribute = *city.names().intern("m");
  city.apply(std::move(*gone));
  city.remove("urn:r:1");
  std::string steps;
  for (const std::string& data : told()) {
    const bool has_m = data.find("\"m\"") != std::string::npos;
    if (data.find("deletedAt") != std::string::npos)
      steps += 'r';
    else if (data.find("urn:ngsi-ld:null") != std::string::npos)
      steps += 'd';
    else if (!has_m)
      steps += 'c';
    else
      steps += data.find(R"("m":{"type":"Property","value":1})") != std::string::npos ? 'a' : 'u';
  }
  EXPECT_EQ(steps, GetParam().steps);
}

INSTANTIATE_TEST_SUITE_P(
    Table5212, Triggers,
    ::testing::Values(TriggerCase{R"(["entityCreated"])", "c"}, TriggerCase{R"(["entityDeleted"])", "r"},
                      TriggerCase{R"(["attributeCreated"])", "ca"}, TriggerCase{R"(["attributeUpdated"])", "u"},
                      TriggerCase{R"(["attributeDeleted"])", "dr"}, TriggerCase{R"(["entityUpdated"])", "caudr"},
                      TriggerCase{R"(["entityCreated","entityDeleted"])", "cr"}));

TEST_F(Subscribing, WatchesAttributes) {
  ASSERT_TRUE(
      city.subscribe("1", std::string(kRoom) + R"(,"watchedAttributes":["n"])", R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("m":{"value":1})");
  city.update("urn:r:1", R"("m":{"value":2})");
  city.update("urn:r:1", R"("n":{"value":3})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:1","type":"T","m":2,"n":3}])"});
}

TEST_F(Subscribing, AsksOfTheEntityAsOfTheChange) {
  ASSERT_TRUE(city.subscribe("1", std::string(kRoom) + R"(,"q":"n>1;n<4")", R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  for (int n = 2; n < 6; ++n) city.update("urn:r:1", R"("n":{"value":)" + std::to_string(n) + "}");
  EXPECT_EQ(told(), (Texts{R"([{"id":"urn:r:1","type":"T","n":2}])", R"([{"id":"urn:r:1","type":"T","n":3}])"}));
}

TEST_F(Subscribing, AsksWhereItIs) {
  ASSERT_TRUE(city.subscribe("1",
                             std::string(kRoom) +
                                 R"(,"geoQ":{"georel":"near;maxDistance==1000","geometry":"Point",
                                          "coordinates":[127,37]})",
                             R"("format":"keyValues","attributes":["n"])")
                  .ok());
  city.create("urn:r:1", R"("n":{"value":1},"location":{"value":{"type":"Point","coordinates":[127.001,37]}})");
  city.create("urn:r:2", R"("n":{"value":2},"location":{"value":{"type":"Point","coordinates":[128,37]}})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:1","type":"T","n":1}])"});
}

TEST_F(Subscribing, ShowsWhatWasBefore) {
  ASSERT_TRUE(city.subscribe("1", std::string(kRoom) + R"(,"notificationTrigger":["entityUpdated","entityDeleted"])",
                             R"("showChanges":true,"format":"concise")")
                  .ok());
  city.create("urn:r:1", R"("n":{"value":1},"m":{"value":1})");
  city.update("urn:r:1", R"("n":{"value":2})");
  city.remove("urn:r:1");
  const auto letters = told();
  ASSERT_EQ(letters.size(), 3u);
  EXPECT_EQ(letters[0], R"([{"id":"urn:r:1","type":"T","n":1,"m":1}])");
  EXPECT_EQ(letters[1], R"([{"id":"urn:r:1","type":"T","n":{"value":2,"previousValue":1},"m":1}])");
  EXPECT_EQ(letters[2], R"([{"id":"urn:r:1","type":"T","deletedAt":"2026-01-01T00:00:00Z",)"
                        R"("n":{"value":"urn:ngsi-ld:null","previousValue":2},)"
                        R"("m":{"value":"urn:ngsi-ld:null","previousValue":1}}])");
}

TEST_F(Subscribing, IsPausedAndResumed) {
  ASSERT_TRUE(city.subscribe("1", std::string(kRoom) + R"(,"isActive":false)", R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  city.change_subscription("1", R"({"isActive":true})");
  city.update("urn:r:1", R"("n":{"value":2})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:1","type":"T","n":2}])"});
}

TEST_F(Subscribing, Expires) {
  ASSERT_TRUE(
      city.subscribe("1", std::string(kRoom) + R"(,"expiresAt":"2026-01-01T01:00:00Z")", R"("format":"keyValues")")
          .ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  ASSERT_TRUE(city.office.wait(1));
  clock.advance(std::chrono::hours(2));
  city.update("urn:r:1", R"("n":{"value":2})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:1","type":"T","n":1}])"});
}

TEST_F(Subscribing, IsToldNothingThatItsOwnerMayNotSee) {
  auto who = std::make_shared<Principal>(*admin());
  who->name = "limited";
  who->policy = std::make_shared<governance::testing::DenyPolicy>("?", *city.names().intern("secret"));
  city.close();
  city.options.find_principal = [who](std::string_view name) {
    return name == "limited" ? PrincipalPtr(who) : admin();
  };
  city.start();
  who->policy = std::make_shared<governance::testing::DenyPolicy>("?", *city.names().intern("secret"));
  ASSERT_TRUE(city.subscribe("1", kRoom, R"("format":"keyValues")", "http://subscriber/", who).ok());
  city.create("urn:r:1", R"("n":{"value":1},"secret":{"value":1})");
  city.update("urn:r:1", R"("secret":{"value":2})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:1","type":"T","n":1}])"});
}

TEST_F(Subscribing, TellsOfEverythingAtIntervals) {
  city.create("urn:r:1", R"("n":{"value":1})");
  city.create("urn:r:2", R"("n":{"value":5})");
  ASSERT_TRUE(
      city.subscribe("1", std::string(kRoom) + R"(,"timeInterval":60,"q":"n>2")", R"("format":"keyValues")").ok());
  ASSERT_TRUE(city.wait_for("1", [](const DeliveryReport&) { return true; }));  // its interval has begun
  for (std::size_t i = 1; i <= 3; ++i) {
    clock.advance(std::chrono::seconds(61));
    ASSERT_TRUE(city.office.wait(i));
    ASSERT_TRUE(
        city.wait_for("1", [&](const DeliveryReport& r) { return r.status.times_sent == i && r.status.last_success; }));
  }
  EXPECT_EQ(data_of(city.office.letters()[2]), R"([{"id":"urn:r:2","type":"T","n":5}])");
}

TEST_F(Subscribing, ThrottlesAndLosesNoEntity) {
  ASSERT_TRUE(city.subscribe("1", std::string(kRoom) + R"(,"throttling":60)", R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  ASSERT_TRUE(city.wait_for("1", [](const DeliveryReport& r) { return r.status.last_success && r.waiting == 0; }));
  city.update("urn:r:1", R"("n":{"value":2})");
  city.create("urn:r:2", R"("n":{"value":1})");
  city.update("urn:r:1", R"("n":{"value":3})");
  ASSERT_TRUE(city.wait_for("1", [](const DeliveryReport& r) { return r.waiting == 3; }));
  EXPECT_EQ(city.office.letters().size(), 1u);
  clock.advance(std::chrono::seconds(61));
  ASSERT_TRUE(city.office.wait(2));
  EXPECT_EQ(data_of(city.office.letters()[1]),
            R"([{"id":"urn:r:1","type":"T","n":3},{"id":"urn:r:2","type":"T","n":1}])");
}

TEST_F(Subscribing, SaysWhatIsInTheLetter) {
  ASSERT_TRUE(city.subscribe("1", kRoom, R"("format":"keyValues")").ok());
  city.create("urn:r:1", R"("n":{"value":1})");
  ASSERT_TRUE(city.office.wait(1));
  const Letter letter = city.office.letters()[0];
  EXPECT_EQ(letter.content_type, "application/json");
  EXPECT_NE(letter.link.find("ngsi-ld-core-context"), std::string::npos);
  EXPECT_NE(letter.body.find(R"("type":"Notification","subscriptionId":"urn:s:1","notifiedAt":"2026-01-01T00:00:00Z")"),
            std::string::npos)
      << letter.body;
  EXPECT_EQ(letter.body.find(R"({"id":"urn:ngsi-ld:Notification:)"), 0u);
}

TEST_F(Subscribing, IsLimitedInNumberAndALowerLimitShutsNothing) {
  city.close();
  city.options.delivery.subscriptions = 2;
  city.start();
  ASSERT_TRUE(city.subscribe("1", kRoom).ok());
  ASSERT_TRUE(city.subscribe("2", kRoom).ok());
  EXPECT_EQ(city.subscribe("3", kRoom).error().code, base::Code::insufficient_storage);
  city.close();
  city.options.delivery.subscriptions = 1;
  city.start();
  city.create("urn:r:1", R"("n":{"value":1})");
  EXPECT_TRUE(city.office.wait(2));
}

TEST_F(Subscribing, ManyOfWhichFewMatch) {
  for (int i = 0; i < 1'000; ++i) {
    ASSERT_TRUE(city.subscribe(std::to_string(i),
                               R"("entities":[{"type":"T","id":"urn:r:)" + std::to_string(i) + R"("}])",
                               R"("format":"keyValues")")
                    .ok());
  }
  city.create("urn:r:77", R"("n":{"value":1})");
  EXPECT_EQ(told(), Texts{R"([{"id":"urn:r:77","type":"T","n":1}])"});
}

}  // namespace
}  // namespace madang::hub::testing
