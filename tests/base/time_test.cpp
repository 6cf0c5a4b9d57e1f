#include "madang/base/time.h"

#include <limits>

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace madang::base {
namespace {

std::int64_t parsed(std::string_view text) {
  const auto time = parse_timestamp(text);
  EXPECT_TRUE(time.ok()) << text;
  return time.ok() ? time->ns : -1;
}

TEST(Timestamp, ReadsTheFormsOfTheStandard) {
  EXPECT_EQ(parsed("1970-01-01T00:00:00Z"), 0);
  EXPECT_EQ(parsed("1970-01-01T00:00:00.5Z"), 500'000'000);
  EXPECT_EQ(parsed("1970-01-01T00:00:00,000000001Z"), 1);
  EXPECT_EQ(parsed("1969-12-31T23:59:59.999999999Z"), -1);
  EXPECT_EQ(parsed("2026-11-22T18:00:00Z"), 1'795'370'400'000'000'000);
  EXPECT_EQ(parsed("2026-11-23T03:00:00+09:00"), parsed("2026-11-22T18:00:00Z"));
  EXPECT_EQ(parsed("2026-11-22T14:30:00-03:30"), parsed("2026-11-22T18:00:00Z"));
  EXPECT_EQ(parsed("2000-02-29T00:00:00Z"), 951'782'400'000'000'000);
}

TEST(Timestamp, ADateTimeOfNgsiLdIsInUtc) {
  for (const char* text : {"2026-11-22T18:00:00Z", "2026-11-22T18:00:00.123456Z", "2026-11-22T18:00:00,5Z"}) {
    EXPECT_EQ(parse_date_time(text).value(), parse_timestamp(text).value());
  }
  for (const char* text : {"2026-11-23T03:00:00+09:00", "2026-11-22T18:00:00-00:00", "2026-11-22T18:00:00.1234567Z"}) {
    EXPECT_TRUE(parse_timestamp(text).ok());
    EXPECT_FALSE(parse_date_time(text).ok()) << text;
  }
}

TEST(Timestamp, ALeapSecondIsTheNextMinute) {
  EXPECT_EQ(parsed("2016-12-31T23:59:60Z"), parsed("2017-01-01T00:00:00Z"));
  EXPECT_EQ(parsed("2016-12-31T23:59:60.75Z"), parsed("2017-01-01T00:00:00Z"));
  EXPECT_EQ(parsed("2017-01-01T08:59:60+09:00"), parsed("2017-01-01T00:00:00Z"));
  EXPECT_FALSE(parse_timestamp("2016-12-31T12:00:60Z").ok());
}

TEST(Timestamp, RefusesEverythingElse) {
  for (const char* text : {"",
                           "2026",
                           "2026-11-22",
                           "2026-11-22T18:00:00",
                           "2026-11-22T18:00Z",
                           "2026-13-01T00:00:00Z",
                           "2026-00-01T00:00:00Z",
                           "2026-04-31T00:00:00Z",
                           "2026-02-29T00:00:00Z",
                           "1900-02-29T00:00:00Z",
                           "2026-11-22T24:00:00Z",
                           "2026-11-22T18:60:00Z",
                           "2026-11-22T18:00:61Z",
                           "2026-11-22t18:00:00z",
                           "2026-11-22 18:00:00Z",
                           "2026-11-22T18:00:00.Z",
                           "2026-11-22T18:00:00.1234567890Z",
                           "2026-11-22T18:00:00+0900",
                           "2026-11-22T18:00:00+24:00",
                           "2026-11-22T18:00:00ZZ",
                           " 2026-11-22T18:00:00Z",
                           "+026-11-22T18:00:00Z",
                           "0001-01-01T00:00:00Z",
                           "9999-12-31T00:00:00Z"}) {
    const auto time = parse_timestamp(text);
    ASSERT_FALSE(time.ok()) << text;
    EXPECT_EQ(time.error().code, Code::bad_request_data);
  }
}

TEST(Timestamp, WritesTheFractionInGroupsOfThree) {
  EXPECT_EQ(to_string({0}), "1970-01-01T00:00:00Z");
  EXPECT_EQ(to_string({100'000'000}), "1970-01-01T00:00:00.100Z");
  EXPECT_EQ(to_string({123'450'000}), "1970-01-01T00:00:00.123450Z");
  EXPECT_EQ(to_string({-1}), "1969-12-31T23:59:59.999999999Z");
}

TEST(Timestamp, ReachesBothEndsOfItsRange) {
  for (const auto ns : {std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max()}) {
    EXPECT_EQ(parsed(to_string({ns})), ns);
  }
}

TEST(Timestamp, PropertyReadsBackWhatItWrites) {
  EXPECT_TRUE(rc::check([](std::int64_t a, std::int64_t b) {
    const Timestamp time{
        static_cast<std::int64_t>(static_cast<std::uint64_t>(a) * 0x9E3779B97F4A7C15 + static_cast<std::uint64_t>(b))};
    RC_ASSERT(parse_timestamp(to_string(time)).value() == time);
  }));
}

TEST(Timestamp, WritesHttpDates) {
  EXPECT_EQ(to_http_date({784'111'777'000'000'000}), "Sun, 06 Nov 1994 08:49:37 GMT");  // RFC 9110's own example
  EXPECT_EQ(to_http_date({-1}), "Wed, 31 Dec 1969 23:59:59 GMT");
}

TEST(Clock, GoesForwardAndOnlyWhenTold) {
  const auto before = system_clock().monotonic();
  EXPECT_GE(system_clock().monotonic(), before);
  EXPECT_GT(system_clock().now().ns, 1'700'000'000'000'000'000);
  ManualClock clock({5});
  clock.advance(std::chrono::seconds(1));
  EXPECT_EQ(clock.now().ns, 1'000'000'005);
}

}  // namespace
}  // namespace madang::base
