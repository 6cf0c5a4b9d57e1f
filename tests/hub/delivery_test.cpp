// Delivery: subscribers that are slow, dead, refusing or back again, in virtual time; and what a power cut leaves.

#include <atomic>
#include <random>
#include <set>

#include "hub/post_office.h"

namespace madang::hub::testing {
namespace {

constexpr const char* kRoom = R"("entities":[{"type":"T"}])";

/// The wall clock may be set; time goes on all the same.
class JumpyClock final : public base::ManualClock {
 public:
  using ManualClock::ManualClock;
  base::Timestamp now() const override { return {ManualClock::now().ns + offset_.load()}; }
  void jump(std::chrono::nanoseconds by) { offset_ += by.count(); }

 private:
  std::atomic<std::int64_t> offset_{0};
};

class Delivering : public ::testing::Test {
 protected:
  void SetUp() override { city.start(); }
  void subscribe(const std::string& id) {
    ASSERT_TRUE(city.subscribe(id, kRoom, R"("format":"keyValues")", "http://" + id + "/").ok());
  }
  /// The values of attribute n in letters to a subscriber that arrived, in order.
  std::vector<int> values(const std::string& id, const std::string& entity = "urn:r:1") {
    std::vector<int> out;
    for (const Letter& letter : city.office.delivered()) {
      if (letter.uri != "http://" + id + "/" || letter.body.find(entity + "\"") == std::string::npos) continue;
      out.push_back(std::stoi(letter.body.substr(letter.body.find("\"n\":") + 4)));
    }
    return out;
  }
  void change(int from, int to, const std::string& entity = "urn:r:1") {
    for (int n = from; n <= to; ++n) {
      const std::string members = R"("n":{"value":)" + std::to_string(n) + "}";
      if (n == 1)
        city.create(entity, members);
      else
        city.update(entity, members);
    }
  }
  static std::vector<int> range(int from, int to) {
    std::vector<int> out;
    for (int n = from; n <= to; ++n) out.push_back(n);
    return out;
  }

  base::SimulatedFiles files;
  JumpyClock clock{base::parse_timestamp("2026-01-01T00:00:00Z").value()};
  City city{files, clock};
};

TEST_F(Delivering, GoesInOrderForEachEntity) {
  subscribe("a");
  change(1, 50);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.status.times_sent == 50 && r.waiting == 0; }));
  EXPECT_EQ(values("a"), range(1, 50));
}

TEST_F(Delivering, OneThatHangsHoldsUpNobodyElse) {
  subscribe("hangs");
  subscribe("fine");
  city.office.answer([](const Letter& letter) -> std::optional<Receipt> {
    if (letter.uri == "http://hangs/") return std::nullopt;
    return PostOffice::status(200);
  });
  change(1, 20);
  ASSERT_TRUE(
      city.wait_for("fine", [](const DeliveryReport& r) { return r.status.times_sent == 20 && r.waiting == 0; }));
  EXPECT_EQ(city.report("hangs").waiting, 20u);
  EXPECT_EQ(city.report("hangs").status.times_sent, 1u);  // the next change of the entity waits for the first
}

TEST_F(Delivering, OneThatComesBackAfterAnHourGetsEverythingInOrder) {
  subscribe("a");
  std::atomic<bool> down{true};
  city.office.answer([&](const Letter&) { return down ? PostOffice::unreachable() : PostOffice::status(204); });
  change(1, 30);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.failures >= 1 && r.waiting == 30; }));
  for (int minute = 0; minute < 60; ++minute) {
    const std::uint32_t before = city.report("a").failures;
    clock.advance(std::chrono::minutes(6));  // longer than the longest pause between attempts
    ASSERT_TRUE(city.wait_for("a", [&](const DeliveryReport& r) { return r.failures > before; }));
    if (city.report("a").failures > 8) break;
  }
  EXPECT_TRUE(city.report("a").status.failed);
  EXPECT_LT(city.report("a").status.times_sent, 20u);  // the breaker: it is not tried for each notification
  down = false;
  clock.advance(std::chrono::minutes(6));
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  EXPECT_EQ(values("a"), range(1, 30));
  EXPECT_FALSE(city.report("a").status.failed);
}

TEST_F(Delivering, TriesAgainAfterAServerError) {
  subscribe("a");
  std::atomic<int> left{2};
  city.office.answer([&](const Letter&) { return PostOffice::status(left-- > 0 ? 500 : 200); });
  change(1, 3);
  for (std::uint32_t failures = 1; failures <= 2; ++failures) {
    ASSERT_TRUE(city.wait_for("a", [&](const DeliveryReport& r) { return r.status.times_failed == failures; }));
    clock.advance(std::chrono::seconds(10));
  }
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  EXPECT_EQ(values("a"), range(1, 3));
}

TEST_F(Delivering, WhatIsJoinedIsAsOfTheAttemptAndTheEntityAsOfTheChange) {
  const auto link = R"("in":{"type":"Relationship","object":"urn:house:1"},"n":{"value":1})";
  city.create("urn:house:1", R"("n":{"value":100})");
  ASSERT_TRUE(city.subscribe("a", R"("entities":[{"type":"T","id":"urn:r:1"}])",
                             R"("format":"keyValues","join":"flat")", "http://a/")
                  .ok());
  std::atomic<bool> down{true};
  city.office.answer([&](const Letter&) { return PostOffice::status(down ? 503 : 200); });
  city.create("urn:r:1", link);
  ASSERT_TRUE(city.office.wait(1));
  city.update("urn:house:1", R"("n":{"value":200})");
  city.update("urn:r:1", R"("n":{"value":2})");
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.failures == 1 && r.waiting == 2; }));
  down = false;
  clock.advance(std::chrono::minutes(1));
  ASSERT_TRUE(city.office.wait(3));
  const auto letters = city.office.letters();
  const auto entity = [&](int n) {
    return R"([{"id":"urn:r:1","type":"T","in":"urn:house:1","n":)" + std::to_string(n) + "}";
  };
  const auto house = [&](int n) { return R"(,{"id":"urn:house:1","type":"T","n":)" + std::to_string(n) + "}]"; };
  EXPECT_EQ(data_of(letters[0]), entity(1) + house(100));
  EXPECT_EQ(data_of(letters[1]), entity(1) + house(200));
  EXPECT_EQ(data_of(letters[2]), entity(2) + house(200));
  EXPECT_EQ(letters[0].body.substr(0, 60), letters[1].body.substr(0, 60));  // the same id
}

TEST_F(Delivering, WhatIsRefusedForGoodIsADeadLetterAndCanBeSentAgain) {
  subscribe("a");
  std::atomic<bool> strict{true};
  city.office.answer([&](const Letter& letter) {
    return PostOffice::status(strict && letter.body.find("\"n\":2}") != std::string::npos ? 400 : 200);
  });
  change(1, 3);
  for (std::uint32_t failures = 1; failures <= 3; ++failures) {
    ASSERT_TRUE(city.wait_for("a", [&](const DeliveryReport& r) { return r.status.times_failed == failures; }));
    clock.advance(std::chrono::seconds(20));
  }
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  EXPECT_EQ(values("a"), (std::vector<int>{1, 3}));
  hub::Subscriptions& desk = city.hub->subscriptions();
  const auto dead = desk.dead_letters(*admin(), city.tenant, "urn:s:a", 10).value();
  ASSERT_EQ(dead.size(), 1u);
  EXPECT_EQ(dead[0].attempts, 3u);
  EXPECT_EQ(dead[0].status, 400);
  strict = false;
  EXPECT_EQ(desk.replay(*admin(), city.tenant, "urn:s:a", dead[0].position).value(), 1u);
  ASSERT_TRUE(city.wait_for("a", [&](const DeliveryReport&) {
    return desk.dead_letters(*admin(), city.tenant, "urn:s:a", 10).value().empty();
  }));
  EXPECT_EQ(values("a"), (std::vector<int>{1, 3, 2}));
}

TEST_F(Delivering, AFullOutboxIsAGapThatSaysSo) {
  city.close();
  city.options.delivery.outbox_bytes = 20'000;
  city.start();
  subscribe("a");
  subscribe("fine");
  std::atomic<bool> down{true};
  city.office.answer([&](const Letter& letter) {
    return down && letter.uri == "http://a/" ? PostOffice::unreachable() : PostOffice::status(200);
  });
  for (int first = 1; first < 100; first += 10) {  // no faster than the one that takes them
    change(first, first + 9);
    ASSERT_TRUE(city.wait_for("fine", [&](const DeliveryReport& r) {
      return r.status.times_sent == static_cast<std::uint64_t>(first + 9) && r.waiting == 0;
    }));
  }
  const DeliveryReport full = city.report("a");
  ASSERT_FALSE(full.gaps.empty());
  EXPECT_TRUE(full.status.failed);
  EXPECT_LE(full.waiting_bytes, 20'000u);
  std::uint64_t given_up = 0;
  for (const auto& gap : full.gaps) {
    EXPECT_LE(gap.from, gap.to);
    given_up += gap.notifications;
  }
  EXPECT_EQ(given_up + full.waiting, 100u);
  down = false;
  clock.advance(std::chrono::minutes(10));
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  const auto got = values("a");
  EXPECT_EQ(got, range(101 - static_cast<int>(full.waiting), 100));
}

TEST_F(Delivering, WhatIsErasedIsOwedNoMoreAndGoneFromTheOutbox) {
  city.close();
  city.options.erase_within = std::chrono::seconds(0);
  city.start();
  subscribe("a");
  city.office.answer([](const Letter&) { return PostOffice::unreachable(); });
  city.create("urn:r:kim", R"("n":{"value":987654})");
  change(987'655, 987'656, "urn:r:kim");
  change(1, 1, "urn:r:lee");
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 4; }));
  const auto raw = [&] {
    std::string all;
    for (const std::string& name : *files.list("city/outbox"))
      if (const auto text = base::read_file(files, "city/outbox/" + name); text.ok()) all += *text;
    return all;
  };
  ASSERT_NE(raw().find("987654"), std::string::npos);
  std::optional<base::Result<std::string>> asked;
  city.hub->erase(*admin(), city.tenant, {{"urn:r:kim"}, false}, city.queue,
                  [&](base::Result<std::string> id) { asked = std::move(id); });
  ASSERT_TRUE(city.queue.run_until([&] { return asked.has_value(); }));
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(30);
  while (!(*city.hub->erasures(*admin(), city.tenant))[0].done && std::chrono::steady_clock::now() < limit)
    city.queue.run_posted();
  ASSERT_TRUE((*city.hub->erasures(*admin(), city.tenant))[0].done);
  for (const std::string_view word : {"987654", "987655", "987656", "urn:r:kim"})
    EXPECT_EQ(raw().find(word), std::string::npos) << word;
  city.office.answer([](const Letter&) { return PostOffice::status(200); });
  clock.advance(std::chrono::minutes(10));
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  EXPECT_EQ(values("a", "urn:r:lee"), std::vector<int>{1});
  EXPECT_TRUE(values("a", "urn:r:kim").empty());
}

TEST_F(Delivering, WhatIsTooOldIsAGap) {
  subscribe("a");
  city.office.answer([](const Letter&) { return PostOffice::unreachable(); });
  change(1, 3);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.failures == 1; }));
  clock.advance(std::chrono::hours(25));
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.gaps.size() == 1 && r.waiting == 0; }));
  EXPECT_EQ(city.report("a").gaps[0].notifications, 3u);
}

TEST_F(Delivering, SurvivesARestartWithItsCounters) {
  subscribe("a");
  std::atomic<bool> down{false};
  city.office.answer([&](const Letter&) { return down ? PostOffice::unreachable() : PostOffice::status(200); });
  change(1, 5);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0 && r.status.times_sent == 5; }));
  down = true;
  change(6, 9);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.failures == 1 && r.waiting == 4; }));
  city.close();
  down = false;
  city.start();
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0 && r.status.times_sent >= 10; }));
  EXPECT_EQ(values("a"), range(1, 9));
  EXPECT_EQ(city.report("a").status.times_failed, 1u);
}

TEST_F(Delivering, AClockThatJumpsBackHoldsNothingUp) {
  subscribe("a");
  change(1, 2);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0; }));
  clock.jump(-std::chrono::hours(48));
  change(3, 4);
  ASSERT_TRUE(city.wait_for("a", [](const DeliveryReport& r) { return r.waiting == 0 && r.status.times_sent == 4; }));
  EXPECT_EQ(values("a"), range(1, 4));
}

TEST_F(Delivering, ASnapshotWaitsForTheMatcher) {
  subscribe("a");
  change(1, 200);
  const auto plan = city.hub->begin_backup(*admin());
  ASSERT_TRUE(plan.ok()) << plan.error().message;
  EXPECT_GE(city.hub->subscriptions().totals().position, plan->position);
  city.hub->end_backup(plan->ticket);
}

/// The power is cut at some write; afterwards every change that was acknowledged has been delivered at least once, and
/// to a subscriber that takes each change of an entity no later than the next one.
class PowerCut : public ::testing::TestWithParam<std::uint64_t> {};

TEST_P(PowerCut, LosesNoNotification) {
  std::mt19937_64 random(GetParam());
  base::SimulatedFiles files;
  base::ManualClock clock{base::parse_timestamp("2026-01-01T00:00:00Z").value()};
  City city(files, clock);
  city.options.tail_bytes = 30'000;
  city.start();
  ASSERT_TRUE(city.subscribe("a", kRoom, R"("format":"keyValues")").ok());
  std::map<std::string, int> acknowledged;  // the last value of each entity
  std::set<std::pair<std::string, int>> owed;
  int next = 1;
  for (int round = 0; round < 4; ++round) {
    files.crash_after(20 + random() % 400, random());
    for (int i = 0; i < 150 && !files.crashed(); ++i) {
      const std::string id = "urn:r:" + std::to_string(random() % 5);
      const std::string members = R"("n":{"value":)" + std::to_string(next) + "}";
      const ChangeResult result = acknowledged.contains(id) ? city.update(id, members) : city.create(id, members);
      if (!result.error) {
        acknowledged[id] = next;
        owed.emplace(id, next);
      } else if (result.error->code == base::Code::already_exists) {
        acknowledged[id] = 0;  // an earlier attempt, of unknown outcome, was kept
      }
      ++next;
    }
    city.hub.reset();
    files.crash(random());
    files.restart();
    city.start();
    if (::testing::Test::HasFatalFailure()) return;
  }
  std::set<std::pair<std::string, int>> missing;
  const auto told_all = [&](const std::vector<Letter>& letters) {
    missing = owed;
    for (const Letter& letter : letters) {
      const auto id = letter.body.find("\"data\":[{\"id\":\"") + 15;
      const auto n = letter.body.find("\"n\":");
      if (n == std::string::npos) continue;
      missing.erase({letter.body.substr(id, letter.body.find('"', id) - id), std::stoi(letter.body.substr(n + 4))});
    }
    return missing.empty();
  };
  EXPECT_TRUE(city.office.wait_until(told_all)) << missing.size() << " of " << owed.size() << " were not told of";
  // In order: the first time that an entity's change is told of, everything before it was told of.
  std::map<std::string, std::set<int>> seen;
  for (const Letter& letter : city.office.letters()) {
    const auto id = letter.body.find("\"data\":[{\"id\":\"") + 15;
    const std::string entity = letter.body.substr(id, letter.body.find('"', id) - id);
    const int n = std::stoi(letter.body.substr(letter.body.find("\"n\":") + 4));
    if (!seen[entity].insert(n).second) continue;
    for (const auto& [other, value] : owed) {
      if (other != entity || value >= n) continue;
      EXPECT_TRUE(seen[entity].contains(value)) << entity << " " << value << " " << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Seeds, PowerCut, ::testing::Range<std::uint64_t>(1, 13));

}  // namespace
}  // namespace madang::hub::testing
