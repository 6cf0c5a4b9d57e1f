#include "madang/formats/values.h"

#include <gtest/gtest.h>

namespace madang::formats {
namespace {

using Texts = std::vector<std::string_view>;

TEST(Numbers, Plain) {
  EXPECT_EQ(parse_number(" -12.5 "), -12.5);
  EXPECT_EQ(parse_number("+3"), 3);
  EXPECT_EQ(parse_number("1e3"), 1000);
  for (const char* bad :
       {"", "x", "1x", "1 2", "inf", "nan", "1e999", "--1", "+-1", "0x10", "1,5", "1.2.3", "-", "."}) {
    EXPECT_EQ(parse_number(bad), std::nullopt) << bad;
  }
}

TEST(Numbers, InOtherStyles) {
  EXPECT_EQ(parse_number("1.234.567,89", {',', '.'}), 1234567.89);
  EXPECT_EQ(parse_number("1234567,89", {',', '.'}), 1234567.89);
  EXPECT_EQ(parse_number("-1'234.5", {'.', '\''}), -1234.5);
  EXPECT_EQ(parse_number("1’234", {'.', '\''}), 1234);
  EXPECT_EQ(parse_number("1\u202F234\u00A0567,5", {',', ' '}), 1234567.5);
  EXPECT_EQ(parse_number("12,34", {'.', ','}), std::nullopt);
  EXPECT_EQ(parse_number("1,2345", {'.', ','}), std::nullopt);
  EXPECT_EQ(parse_number(",123", {'.', ','}), std::nullopt);
  EXPECT_EQ(parse_number("1234,567", {'.', ','}), std::nullopt);
  EXPECT_EQ(parse_number("1,234,", {'.', ','}), std::nullopt);
  EXPECT_EQ(parse_number("1.5", {',', 0}), std::nullopt);
}

TEST(Numbers, StylesAreFound) {
  EXPECT_EQ(detect_number_style(Texts{"1.5", "2"}), (NumberStyle{'.', 0}));
  EXPECT_EQ(detect_number_style(Texts{"1,5", "2"}), (NumberStyle{',', 0}));
  EXPECT_EQ(detect_number_style(Texts{"1,234", "2"}), (NumberStyle{'.', ','}));
  EXPECT_EQ(detect_number_style(Texts{"1.234,5", "2,25"}), (NumberStyle{',', '.'}));
  EXPECT_EQ(detect_number_style(Texts{"1'234.5"}), (NumberStyle{'.', '\''}));
}

TEST(Numbers, AsJsonWritesThem) {
  for (const char* good : {"0", "-1", "1.50", "1e5", "1E-5", "-0.5"}) EXPECT_TRUE(is_json_number(good)) << good;
  for (const char* bad : {"", "-", "01", "1.", ".5", "+1", "1e", "1x", " 1", "NaN"})
    EXPECT_FALSE(is_json_number(bad)) << bad;
}

TEST(Sentinels, TextsAndNumbers) {
  const Sentinels stated{.numbers = {-999}};
  for (const char* none : {"", " ", "NA", "-999", "-999.0", "-9.99e2"}) EXPECT_TRUE(stated.holds(none)) << none;
  for (const char* some : {"0", "999", "-9", "no"}) EXPECT_FALSE(stated.holds(some)) << some;
  EXPECT_FALSE(Sentinels{}.holds("-999"));
}

TEST(Booleans, InSeveralLanguages) {
  EXPECT_EQ(parse_boolean("Yes"), true);
  EXPECT_EQ(parse_boolean("아니오"), false);
  EXPECT_EQ(parse_boolean("maybe"), std::nullopt);
}

std::string read(std::string_view pattern, std::string_view text, std::string_view zone = "UTC") {
  const auto made = TimePattern::make(pattern);
  if (!made.ok()) return made.error().message;
  const auto place = TimeZone::find(zone);
  if (!place.ok()) return place.error().message;
  const auto moment = made->read(text, *place);
  return moment ? base::to_string(*moment) : "none";
}

TEST(Times, InEveryOrder) {
  EXPECT_EQ(read("%d.%m.%Y %H:%M", "5.1.2017 7:05"), "2017-01-05T07:05:00Z");
  EXPECT_EQ(read("%d.%m.%y", "15.01.17"), "2017-01-15T00:00:00Z");
  EXPECT_EQ(read("%d.%m.%y", "15.01.69"), "1969-01-15T00:00:00Z");
  EXPECT_EQ(read("%m/%d/%Y %I:%M:%S %p", "12/31/2013 12:00:05 AM"), "2013-12-31T00:00:05Z");
  EXPECT_EQ(read("%d %b %Y", "3 March 2020"), "2020-03-03T00:00:00Z");
  EXPECT_EQ(read("%Y%m%d", "20200229"), "2020-02-29T00:00:00Z");
  EXPECT_EQ(read("%Y-%m-%d %H:%M:%S", "2020-01-01 24:00:00"), "2020-01-02T00:00:00Z");
  EXPECT_EQ(read("epoch", "1500000000"), "2017-07-14T02:40:00Z");
  EXPECT_EQ(read("epoch_ms", "1500000000123"), "2017-07-14T02:40:00.123Z");
  for (const char* bad : {"30.02.2020", "1.13.2020", "1.1.20", "1.1.2020x", "", "1.1.2020 ", "1.1.1600"}) {
    EXPECT_EQ(read("%d.%m.%Y", bad), bad == std::string_view("1.1.2020 ") ? "2020-01-01T00:00:00Z" : "none") << bad;
  }
}

TEST(Times, Iso) {
  EXPECT_EQ(read("iso", "2026-01-01T00:00+0100"), "2025-12-31T23:00:00Z");
  EXPECT_EQ(read("iso", "2022-05-08 21:41:23.5Z"), "2022-05-08T21:41:23.500Z");
  EXPECT_EQ(read("iso", "2022-05-08", "Asia/Seoul"), "2022-05-07T15:00:00Z");
  EXPECT_EQ(read("iso", "2022-05-08T10", "Asia/Seoul"), "none");
}

TEST(Times, OfAPlace) {
  EXPECT_EQ(read("iso", "2024-07-01T12:00", "Europe/Zurich"), "2024-07-01T10:00:00Z");
  EXPECT_EQ(read("iso", "2024-01-01T12:00", "Europe/Zurich"), "2024-01-01T11:00:00Z");
  EXPECT_EQ(read("iso", "2024-03-31T02:30", "Europe/Zurich"), "2024-03-31T01:30:00Z");  // skipped: 03:30
  EXPECT_EQ(read("iso", "2024-10-27T02:30", "Europe/Zurich"), "2024-10-27T00:30:00Z");  // twice: the first
  EXPECT_EQ(read("iso", "2024-01-01T12:00", "+09:00"), "2024-01-01T03:00:00Z");
  EXPECT_EQ(read("iso", "2024-01-01T12:00", "Zurich"),
            "the time zone Zurich is not known here; write a name of tzdata (Europe/Zurich) or +09:00");
  for (const char* bad : {"/etc/passwd", "../zone", ":UTC"}) EXPECT_FALSE(TimeZone::find(bad).ok());
}

TEST(Times, PatternsThatCannotBe) {
  EXPECT_FALSE(TimePattern::make("%d.%m").ok());
  EXPECT_FALSE(TimePattern::make("%d.%m.%Q%Y").ok());
  EXPECT_FALSE(TimePattern::make("%d.%m.%Y%").ok());
}

TEST(Times, PatternsAreFound) {
  using Found = std::vector<std::string>;
  EXPECT_EQ(detect_time_patterns(Texts{"1/12/2017", "13/12/2017"}), Found{"%d/%m/%Y"});
  EXPECT_EQ(detect_time_patterns(Texts{"1/12/2017"}), (Found{"%d/%m/%Y", "%m/%d/%Y"}));
  EXPECT_EQ(detect_time_patterns(Texts{"2020-01-01T00:00:00Z"}), Found{"iso"});
  EXPECT_EQ(detect_time_patterns(Texts{"15.01.17"}), Found{"%d.%m.%y"});
  EXPECT_TRUE(detect_time_patterns(Texts{"15.01.17", "x"}).empty());
  EXPECT_TRUE(detect_time_patterns({}).empty());
}

TEST(Times, SecondsOfADay) {
  const auto zone = *TimeZone::find("Europe/Zurich");
  const auto day = TimePattern::make("%d.%m.%y")->read_day("15.01.17");
  ASSERT_TRUE(day.has_value());
  EXPECT_EQ(base::to_string(at_seconds(*day, 21600.25, zone)), "2017-01-15T05:00:00.250Z");
  EXPECT_EQ(base::to_string(at_seconds(*day, 90000, zone)), "2017-01-16T00:00:00Z");
  // On the day of the change noon counts, not midnight.
  const auto change = TimePattern::make("iso")->read_day("2024-03-31");
  EXPECT_EQ(base::to_string(at_seconds(*change, 36000, zone)), "2024-03-31T08:00:00Z");
  EXPECT_EQ(parse_clock("25:10:05"), 90605);
  EXPECT_EQ(parse_clock(" 7:05"), 25500);
  for (const char* bad : {"", "7", "7:5", "7:60:00", "7:05:00x"}) EXPECT_EQ(parse_clock(bad), std::nullopt) << bad;
}

}  // namespace
}  // namespace madang::formats
