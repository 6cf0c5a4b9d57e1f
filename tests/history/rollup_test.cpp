// A block of roll-ups: what comes back, what is refused, and how large it is.

#include "rollup.h"

#include <cmath>
#include <random>

#include <gtest/gtest.h>

namespace madang::history {
namespace {

constexpr std::int64_t kHour = 3'600'000'000'000;

std::string block_of(std::vector<std::pair<SeriesId, Buckets>> all) {
  Run run;
  std::string out;
  RollupWriter writer(run, [&](std::uint32_t, std::string_view bytes) -> base::Status {
    out = bytes;
    return {};
  });
  for (auto& [series, buckets] : all) EXPECT_TRUE(writer.add(series, 17, std::move(buckets)).ok());
  EXPECT_TRUE(writer.finish().ok());
  return out;
}

Sums sums_of(const std::vector<double>& values) {
  Sums out;
  for (const double value : values) out.add(value, false);
  return out;
}

TEST(Rollup, ComesBackAsItWas) {
  Buckets one, other;
  Sums texts;
  texts.add_text("\"b\"", false);
  texts.add_text("\"a\"", false);
  texts.texts_missing = true;
  one[{true, {0, kHour}, 5 * kHour}] = sums_of({1.5, -2.25, 1e200});
  one[{true, {0, kHour}, 6 * kHour}] = sums_of({0});
  other[{false, {1, 0}, 0}] = texts;
  const auto read = read_rolled(block_of({{7, one}, {1 << 30, other}}));
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 2u);
  EXPECT_EQ((*read)[0].series, 7u);
  EXPECT_EQ((*read)[0].newest, 17);
  ASSERT_EQ((*read)[0].buckets.size(), 2u);
  const auto& [key, sums] = (*read)[0].buckets[0];
  EXPECT_EQ(key, (BucketKey{true, {0, kHour}, 5 * kHour}));
  EXPECT_EQ(sums.count, 3u);
  EXPECT_EQ(sums.least, -2.25);
  EXPECT_EQ(sums.most, 1e200);
  const auto& [month, words] = (*read)[1].buckets.at(0);
  EXPECT_EQ(month, (BucketKey{false, {1, 0}, 0}));
  EXPECT_EQ(words.total, 2u);
  EXPECT_EQ(words.count, 0u);
  EXPECT_EQ(words.first, "\"a\"");
  EXPECT_EQ(words.last, "\"b\"");
  EXPECT_TRUE(words.texts_missing);
}

TEST(Rollup, BrokenBytesAreRefusedOrHarmless) {
  Buckets some;
  for (int i = 0; i < 300; ++i) some[{true, {0, kHour}, i * kHour}] = sums_of({i * 0.1, 7});
  const std::string whole = block_of({{7, some}});
  std::mt19937 random(11);
  for (int i = 0; i < 3'000; ++i) {
    std::string bytes = whole.substr(0, i % 3 == 0 ? random() % whole.size() : whole.size());
    for (unsigned j = random() % 4; j > 0 && !bytes.empty(); --j)
      bytes[random() % bytes.size()] = static_cast<char>(random());
    (void)read_rolled(bytes);
  }
  EXPECT_FALSE(read_rolled(whole.substr(0, whole.size() / 2)).ok());
}

/// Hours of a sensor that measures each minute to a tenth.
TEST(Rollup, ABucketIsSmall) {
  std::mt19937 random(3);
  Buckets hours;
  for (int hour = 0; hour < 1'000; ++hour) {
    std::vector<double> values;
    for (int i = 0; i < 60; ++i)
      values.push_back(std::round((20 + 5 * std::sin(hour / 4.0)) * 10 + static_cast<int>(random() % 10)) / 10);
    hours[{true, {0, kHour}, hour * kHour}] = sums_of(values);
  }
  const double each = static_cast<double>(block_of({{7, hours}}).size()) / 1'000;
  RecordProperty("bytes", std::to_string(each));
  EXPECT_LT(each, 9);
}

TEST(Rollup, BucketsGoByTheCalendarAndWeeksFromMonday) {
  const auto at = [](const char* text) { return base::parse_timestamp(text)->ns; };
  const BucketSpan week = bucket_of(at("2026-11-26T12:00:00Z"), {0, 7 * 24 * kHour});
  EXPECT_EQ(week.begin, at("2026-11-23T00:00:00Z"));
  const BucketSpan month = bucket_of(at("2026-11-26T12:00:00Z"), {1, 0});
  EXPECT_EQ(month.begin, at("2026-11-01T00:00:00Z"));
  EXPECT_EQ(month.end, at("2026-12-01T00:00:00Z"));
  EXPECT_EQ(bucket_of(at("1969-12-31T23:30:00Z"), {12, 0}).begin, at("1969-01-01T00:00:00Z"));
  EXPECT_TRUE(fits_into({0, kHour}, {1, 0}));
  EXPECT_FALSE(fits_into({0, 7 * 24 * kHour}, {1, 0}));
  EXPECT_TRUE(fits_into({1, 0}, {12, 0}));
  EXPECT_FALSE(fits_into({1, 0}, {0, 365 * 24 * kHour}));
}

}  // namespace
}  // namespace madang::history
