// Rules of what is kept of the past: who makes them, when they take effect, and what is told of that.

#include <filesystem>

#include "harness.h"

namespace madang::hub::testing {
namespace {

using ngsi::FragmentKind;
using ngsi::Operation;
using ngsi::Period;
using namespace std::chrono_literals;

const std::string kDefault = "https://uri.etsi.org/ngsi-ld/default-context/";
constexpr std::int64_t kHour = 3'600'000'000'000, kDay = 24 * kHour;

RetentionRule rule(std::string raw, std::vector<std::pair<std::string, std::string>> rollups = {}) {
  auto read = read_retention({std::move(raw), std::move(rollups)});
  EXPECT_TRUE(read.ok()) << read.error().message;
  return read.ok() ? *read : RetentionRule();
}

class RetentionTest : public WithHistory {
 protected:
  std::size_t instances(const std::string& attribute) {
    const auto got = world.past(kCar, World::by_change());
    EXPECT_TRUE(got.ok()) << got.error().message << got.error().where;
    const auto name = *(*world.hub->symbols(""))->intern(kDefault + attribute);
    std::size_t out = 0;
    for (std::size_t i = 0; i < got->view().attribute_count(); ++i)
      out += got->view().attribute_name(i) == name ? 1 : 0;
    return out;
  }
  base::Status set(RetentionRule made, const PrincipalPtr& who = admin()) {
    std::optional<base::Status> kept;
    world.hub->set_retention(*who, "", std::move(made), world.queue, [&](base::Status status) { kept = status; });
    EXPECT_TRUE(world.queue.run_until([&] { return kept.has_value(); }));
    return *kept;
  }
  /// Waits until a pass that was asked for has taken something away. Of these the newest.
  RetentionPass run(std::uint64_t after = 0) {
    EXPECT_TRUE(world.hub->run_retention(*admin()).ok());
    const auto limit = std::chrono::steady_clock::now() + 30s;
    while (std::chrono::steady_clock::now() < limit) {
      const auto passes = world.hub->retention_passes(*admin(), "", 10);
      EXPECT_TRUE(passes.ok());
      if (!passes->empty() && passes->front().position > after) return passes->front();
      std::this_thread::sleep_for(5ms);
    }
    ADD_FAILURE() << "nothing was taken away";
    return {};
  }
};

TEST_F(RetentionTest, WhatIsOlderGoesAndHoursStay) {
  open();
  for (int i = 0; i < 10; ++i) {
    drive(i);
    clock.advance(1h);
  }
  ASSERT_EQ(instances("speed"), 10u);
  RetentionRule of_speed = rule("PT5H", {{"PT1H", "P10Y"}});
  of_speed.attribute = kDefault + "speed";
  ASSERT_TRUE(set(of_speed).ok());
  const RetentionPass pass = run();
  EXPECT_EQ(pass.removed, 5u);
  EXPECT_EQ(pass.buckets, 5u);
  ASSERT_EQ(pass.rules.size(), 1u);
  EXPECT_EQ(pass.rules[0].before, base::Timestamp{clock.now().ns - 5 * kHour});
  EXPECT_EQ(instances("speed"), 5u);
  EXPECT_EQ(instances("plate"), 10u);

  // The record stays, and what was decided is not done again, whenever the server starts.
  world.close();
  open();
  EXPECT_EQ(instances("speed"), 5u);
  const auto after = world.hub->retention_passes(*admin(), "", 10);
  ASSERT_TRUE(after.ok());
  ASSERT_EQ(after->size(), 1u);
  EXPECT_EQ(after->front().removed, 5u);
  const auto rules = world.hub->retention(*admin(), "");
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ(rules->size(), 1u);
  EXPECT_EQ((*rules)[0].rule.rollups, of_speed.rollups);
  EXPECT_FALSE((*rules)[0].configured);
}

TEST_F(RetentionTest, TheMoreParticularRuleCountsAndThatOfTheApi) {
  RetentionRule all = rule("PT0S"), of_type = rule("PT1H"), of_plate = rule("forever");
  of_type.type = kDefault + "Car";
  of_plate.attribute = kDefault + "plate";
  world.options.retention = {all, of_type, of_plate};
  open();
  for (int i = 0; i < 4; ++i) {
    drive(i);
    clock.advance(30min);
  }
  const RetentionPass first = run();
  EXPECT_EQ(first.removed, 2u);
  EXPECT_EQ(instances("speed"), 2u);
  EXPECT_EQ(instances("plate"), 4u);
  RetentionRule by_api = rule("PT10M");
  by_api.type = of_type.type;
  ASSERT_TRUE(set(by_api).ok());
  const auto rules = world.hub->retention(*admin(), "");
  ASSERT_TRUE(rules.ok());
  ASSERT_EQ(rules->size(), 4u);
  EXPECT_EQ((*rules)[0].rule.attribute, of_plate.attribute);
  EXPECT_FALSE((*rules)[1].configured);
  EXPECT_EQ((*rules)[1].rule.raw, (Period{0, kHour / 6}));
  EXPECT_TRUE((*rules)[3].rule.type.empty());
  (void)run(first.position);
  EXPECT_EQ(instances("speed"), 0u);
  EXPECT_EQ(instances("plate"), 4u);
}

TEST_F(RetentionTest, ItGoesByItselfAsTimePasses) {
  world.options.retention = {rule("P1D")};
  world.options.retention_every = 1h;
  open();
  drive(1);
  clock.advance(25h);
  drive(2);
  const auto limit = std::chrono::steady_clock::now() + 30s;
  while (instances("speed") > 1 && std::chrono::steady_clock::now() < limit) std::this_thread::sleep_for(5ms);
  EXPECT_EQ(instances("speed"), 1u);
}

TEST_F(RetentionTest, RulesAreForAdministrators) {
  open();
  const auto reader = std::make_shared<governance::Principal>();
  EXPECT_EQ(set(rule("P1D"), reader).error().code, base::Code::forbidden);
  EXPECT_EQ(world.hub->retention(*reader, "").error().code, base::Code::forbidden);
  EXPECT_EQ(world.hub->run_retention(*reader).error().code, base::Code::forbidden);
}

TEST(Retention, SaysWhatIsWrongAndWhere) {
  const auto where = [](RetentionText text) {
    const auto read = read_retention(text);
    return read.ok() ? std::string("nothing") : read.error().where;
  };
  EXPECT_EQ(where({"P90D", {{"PT1H", "P10Y"}, {"P1D", "forever"}}}), "nothing");
  EXPECT_EQ(where({"PT0S", {{"PT1H", "P1D"}}}), "nothing");
  EXPECT_EQ(where({"", {}}), "/raw");
  EXPECT_EQ(where({"90 days", {}}), "/raw");
  EXPECT_EQ(where({"forever", {{"PT1H", "P1D"}}}), "/rollups");
  EXPECT_EQ(where({"P1D", {{"PT1S", "P10Y"}}}), "/rollups/0/period");
  EXPECT_EQ(where({"P1D", {{"P1MT1H", "P10Y"}}}), "/rollups/0/period");
  EXPECT_EQ(where({"P90D", {{"PT1H", "P30D"}}}), "/rollups/0/keep");
  EXPECT_EQ(where({"P1D", {{"PT1H", "P1Y"}, {"PT1H30M", "P2Y"}}}), "/rollups/1/period");
  EXPECT_EQ(where({"P1D", {{"P7D", "P1Y"}, {"P1M", "P2Y"}}}), "/rollups/1/period");
  EXPECT_EQ(where({"P1D", {{"PT1H", "forever"}, {"P1D", "forever"}}}), "/rollups/1/keep");
  EXPECT_EQ(where({"P1D", std::vector<std::pair<std::string, std::string>>(11, {"PT1H", "P1Y"})}), "/rollups");
  EXPECT_EQ(show_retention(Period{14, 36 * kHour}), "P1Y2M1DT12H");
  EXPECT_EQ(show_retention(Period{0, 90 * kDay}), "P90D");
  EXPECT_EQ(show_retention(std::nullopt), "forever");
}

}  // namespace
}  // namespace madang::hub::testing
