// What a feed keeps: its account, dead letters, how far it has read; and schemas that records are held against.

#include <filesystem>
#include <fstream>

#include "madang/base/simulated_files.h"

#include "account.h"
#include "connect/fixture.h"
#include "dead_letters.h"
#include "progress.h"
#include "schema.h"

namespace madang::connect {
namespace {

using testing::declaration;

// ---- account ----

base::Timestamp at(std::int64_t seconds) {
  return {seconds * 1'000'000'000};
}

Mapped seen(double number, std::int64_t seconds, std::string_view id = "urn:x:1") {
  Mapped made;
  made.id = id, made.values = 1, made.observed = at(seconds);
  made.watched.push_back({0, number, at(seconds)});
  return made;
}

class Accounts : public ::testing::Test {
 protected:
  const Declaration feed_ =
      read_declaration(declaration(R"("v":{"from":"v","kind":"number","step":10,"frozen":"1h"},"w":"w")")).value();
  Account account_{feed_};
};

TEST_F(Accounts, SharesAreOfWhatShouldBeThere) {
  EXPECT_EQ(account_.look().completeness(), 1);
  Mapped mapped;
  mapped.values = 6;
  mapped.problems = {{Problem::Kind::missing, 0, {}},
                     {Problem::Kind::missing, 0, {}},
                     {Problem::Kind::invalid, 1, {}},
                     {Problem::Kind::out_of_range, kLocation, {}}};
  account_.take(mapped);
  const auto told = account_.look();
  EXPECT_DOUBLE_EQ(told.completeness(), 0.8);  // 8 of 10 are there
  EXPECT_DOUBLE_EQ(told.validity(), 0.75);     // 6 of these 8 can be believed
  EXPECT_EQ(told.attributes[0].missing, 2u);
  EXPECT_EQ(told.attributes[1].invalid, 1u);
  EXPECT_EQ(told.counts.out_of_range, 1u);
}

TEST_F(Accounts, AJumpIsFromTheValueBeforeOfTheSameThing) {
  account_.take(seen(10, 0));
  account_.take(seen(20, 60));
  account_.take(seen(500, 60, "urn:x:2"));
  EXPECT_EQ(account_.counts().jumps, 0u);
  account_.take(seen(31, 120));
  EXPECT_EQ(account_.counts().jumps, 1u);
  account_.take(seen(500, 30));  // late: nothing follows from it
  account_.take(seen(35, 180));
  EXPECT_EQ(account_.counts().jumps, 1u);
}

TEST_F(Accounts, AFrozenSensorIsToldOnce) {
  for (int minute = 0; minute <= 60; ++minute) account_.take(seen(5, minute * 60));
  EXPECT_EQ(account_.counts().frozen, 0u);
  for (int minute = 61; minute <= 90; ++minute) account_.take(seen(5, minute * 60));
  EXPECT_EQ(account_.counts().frozen, 1u);
  account_.take(seen(6, 91 * 60));
  for (int minute = 92; minute <= 160; ++minute) account_.take(seen(6, minute * 60));
  EXPECT_EQ(account_.counts().frozen, 2u);
}

TEST_F(Accounts, TheLastFaultsAreKept) {
  for (int i = 0; i < 50; ++i) account_.take_rejected("a:" + std::to_string(i), "why", at(i));
  const auto told = account_.look();
  EXPECT_EQ(told.counts.rejected, 50u);
  ASSERT_EQ(told.faults.size(), 20u);
  EXPECT_EQ(told.faults.front().place, "a:49");
  EXPECT_FALSE(told.age(at(0)).has_value());
}

// ---- dead letters ----

class Letters : public ::testing::Test {
 protected:
  std::unique_ptr<DeadLetters> open(std::uint64_t bytes = 1 << 20) {
    auto made = DeadLetters::open(base::real_files(), path_, bytes);
    EXPECT_TRUE(made.ok());
    return std::move(*made);
  }
  void TearDown() override { std::filesystem::remove(path_); }
  const std::string path_ =
      (std::filesystem::temp_directory_path() / ("madang-letters-" + std::to_string(::getpid()) + ".ndjson")).string();
};

TEST_F(Letters, TheyComeBackInOrderAndNumbersAreNotUsedAgain) {
  {
    const auto letters = open();
    for (int i = 1; i <= 5; ++i)
      ASSERT_TRUE(
          letters->add(at(i), "a:" + std::to_string(i), "because \"so\"", R"({"x":)" + std::to_string(i) + "}").ok());
    ASSERT_TRUE(letters->drop([](std::uint64_t number, base::Timestamp) { return number == 2 || number == 5; }).ok());
  }
  const auto letters = open();
  EXPECT_EQ(letters->count(), 3u);
  const auto taken = letters->take(1, 10);
  ASSERT_TRUE(taken.ok());
  ASSERT_EQ(taken->size(), 2u);
  EXPECT_EQ((*taken)[0].number, 3u);
  EXPECT_EQ((*taken)[1].place, "a:4");
  EXPECT_EQ((*taken)[1].record, R"({"x":4})");
}

TEST_F(Letters, WhatACrashCutShortIsCutOff) {
  {
    const auto letters = open();
    for (int i = 1; i <= 3; ++i) ASSERT_TRUE(letters->add(at(i), "a", "why", "{}").ok());
  }
  const auto size = std::filesystem::file_size(path_);
  for (const std::uint64_t cut : {1u, 5u, 30u}) {
    std::filesystem::resize_file(path_, size - cut);
    {
      const auto letters = open();
      EXPECT_EQ(letters->count(), 2u);
      ASSERT_TRUE(letters->add(at(9), "b", "again", "{}").ok());
      EXPECT_EQ(letters->count(), 3u);
    }
    const auto again = open();
    EXPECT_EQ(again->count(), 3u);
    ASSERT_TRUE(again->drop([&](std::uint64_t number, base::Timestamp) { return number > 2; }).ok());
    ASSERT_TRUE(again->add(at(3), "a", "why", "{}").ok());
  }
}

TEST_F(Letters, BeyondTheBoundTheOldestGo) {
  const auto letters = open(4'000);
  for (int i = 1; i <= 500; ++i) ASSERT_TRUE(letters->add(at(i), "a", "why", "{}").ok());
  EXPECT_LE(std::filesystem::file_size(path_), 4'000u);
  EXPECT_EQ(letters->newest(), 500u);
  EXPECT_GT(letters->count(), 10u);
  ASSERT_TRUE(letters->add(at(501), "a", std::string(100'000, 'x'), "{}").ok());  // reasons are cut
  EXPECT_LE(std::filesystem::file_size(path_), 4'000u);
}

// ---- progress ----

TEST(HowFar, ItIsWrittenAndRead) {
  Progress progress;
  Progress::Entry& one = progress.of("a \"b\".csv");
  one.size = 7, one.modified = -3, one.digest = "d", one.etag = "\"e\"", one.records = 9, one.complete = true;
  one.begin_anew();
  progress.of("c");
  const auto again = Progress::read(progress.write());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->write(), progress.write());
  EXPECT_EQ(again->entries[0].generation, 2u);
  EXPECT_EQ(again->entries[0].records, 0u);
  EXPECT_EQ(Progress::told("a", again->entries[0]), "a~2");
  EXPECT_FALSE(Progress::read("nonsense").ok());
}

TEST(HowFar, TheOldestInputsAreForgotten) {
  Progress progress;
  for (std::size_t i = 0; i < Progress::kMost + 5; ++i) progress.of(std::to_string(i));
  EXPECT_EQ(progress.entries.size(), Progress::kMost);
  EXPECT_EQ(progress.entries.front().name, "5");
}

// ---- schemas ----

std::string against(const std::string& schema, const std::string& record) {
  auto made = Schema::make(schema);
  if (!made.ok()) return "schema " + made.error().where;
  const auto status = made->check(record);
  return status.ok() ? "fine" : status.error().where;
}

TEST(Schemas, TheyTellWhereARecordIsWrong) {
  const std::string schema = R"({"type":"object","required":["a"],"properties":{"a":{"type":"number","maximum":10},
    "b":{"type":"array","items":{"$ref":"#/definitions/word"}},"c":{"enum":["x","y"]}},
    "definitions":{"word":{"type":"string","pattern":"^[a-z]+$"}}})";
  EXPECT_EQ(against(schema, R"({"a":3,"b":["x"],"c":"y"})"), "fine");
  EXPECT_EQ(against(schema, R"({"b":[]})"), "/");
  EXPECT_EQ(against(schema, R"({"a":11})"), "/a");
  EXPECT_EQ(against(schema, R"({"a":"3"})"), "/a");
  EXPECT_EQ(against(schema, R"({"a":1,"b":["x","Y"]})"), "/b/1");
  EXPECT_EQ(against(schema, R"({"a":1,"c":"z"})"), "/c");
  EXPECT_EQ(against(schema, R"({"a":1,"b":[")" + std::string(2'000, 'x') + R"("]})"), "/");
}

TEST(Schemas, BadOnesAreRefused) {
  EXPECT_EQ(against(R"({"type":"colour"})", "{}"), "schema /schema");
  EXPECT_EQ(against("[]", "{}"), "schema /schema");
  EXPECT_EQ(against(R"({"properties":{"a":{"$ref":"http://h/x"}}})", "{}"), "schema /schema/properties/a/$ref");
  EXPECT_EQ(
      against(R"({"allOf":[{"$ref":"#/definitions/a"}],"definitions":{"a":{"allOf":[{"$ref":"#/definitions/a"}]}}})",
              "{}")
          .substr(0, 14),
      "schema /schema");
  EXPECT_EQ(against(R"({"properties":{"a":{"pattern":"(a+)+$"}}})", "{}"), "schema /schema/properties/a/pattern");
  EXPECT_EQ(against(R"({"properties":{"a":{"pattern":"(a|aa)*$"}}})", "{}"), "schema /schema/properties/a/pattern");
  EXPECT_EQ(against(R"({"properties":{"a":{"pattern":"["}}})", "{}"), "schema /schema/properties/a/pattern");
  EXPECT_EQ(against(R"({"type":"object","properties":{"a":{"pattern":"^(a|b)+?c"}}})", "{}"),
            "schema /schema/properties/a/pattern");
  // Each doubles the one before.
  std::string laughs = R"({"$ref":"#/definitions/l0","definitions":{)";
  for (int i = 0; i < 40; ++i) {
    const std::string next = R"({"$ref":"#/definitions/l)" + std::to_string(i + 1) + "\"}";
    laughs += "\"l" + std::to_string(i) + R"(":{"allOf":[)" + next + "," + next + "]},";
  }
  laughs += R"("l40":{"type":"object"}}})";
  EXPECT_EQ(against(laughs, "{}"), "schema /schema");
}

}  // namespace
}  // namespace madang::connect
