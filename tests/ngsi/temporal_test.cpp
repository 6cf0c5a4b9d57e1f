// The temporal query language (clause 4.11) and the parameters of aggregation (clause 4.5.19).

#include "madang/ngsi/temporal.h"

#include <string>

#include <gtest/gtest.h>

namespace madang::ngsi {
namespace {

Timestamp at(std::string_view text) {
  return base::parse_timestamp(text).value();
}

TemporalText asked(std::string_view timerel, std::string_view time_at) {
  TemporalText text;
  text.timerel = timerel;
  text.time_at = time_at;
  return text;
}

/// The parameter that a question is refused for.
std::string refused_for(const TemporalText& text) {
  const auto query = parse_temporal_query(text);
  if (query.ok()) return "not refused";
  EXPECT_EQ(query.error().code, base::Code::bad_request_data);
  EXPECT_FALSE(query.error().message.empty());
  return query.error().where;
}

constexpr std::string_view kNoon = "2020-08-01T12:00:00Z", kOne = "2020-08-01T13:00:00Z";

TEST(TemporalQuery, BoundsAreThoseOfTheClause) {
  const auto before = parse_temporal_query(asked("before", kNoon)).value().interval().value();
  EXPECT_FALSE(before.contains(at(kNoon)));  // exclusive
  EXPECT_TRUE(before.contains({at(kNoon).ns - 1}));
  const auto after = parse_temporal_query(asked("after", kNoon)).value().interval().value();
  EXPECT_TRUE(after.contains(at(kNoon)));  // inclusive
  EXPECT_FALSE(after.contains({at(kNoon).ns - 1}));
  TemporalText text = asked("between", kNoon);
  text.end_time_at = kOne;
  const auto between = parse_temporal_query(text).value().interval().value();
  EXPECT_TRUE(between.contains(at(kNoon)));
  EXPECT_FALSE(between.contains(at(kOne)));
}

TEST(TemporalQuery, NothingAskedIsEverything) {
  const TemporalQuery query = parse_temporal_query({}).value();
  EXPECT_EQ(query.relation, TemporalQuery::Relation::none);
  EXPECT_EQ(query.property, TimeProperty::observed_at);
  EXPECT_FALSE(query.property_given);
  EXPECT_FALSE(query.interval());
  EXPECT_EQ(query.last_n, 0u);
}

TEST(TemporalQuery, TimesBeyondThoseThereAreBoundAllTheSame) {
  EXPECT_EQ(parse_temporal_query(asked("before", "2999-01-01T00:00:00Z")).value().interval()->until->ns, INT64_MAX);
  EXPECT_EQ(parse_temporal_query(asked("after", "0001-02-29T00:00:00Z")).value().interval()->from->ns, INT64_MIN);
  EXPECT_EQ(refused_for(asked("before", "2999-13-01T00:00:00Z")), "timeAt");
}

TEST(TemporalQuery, RefusalsNameTheParameter) {
  EXPECT_EQ(refused_for(asked("during", kNoon)), "timerel");
  EXPECT_EQ(refused_for(asked("after", "2020-08-01")), "timeAt");
  EXPECT_EQ(refused_for(asked("after", "2020-08-01T12:00:00+02:00")), "timeAt");  // 4.6.3: UTC
  EXPECT_EQ(refused_for(asked("between", kNoon)), "endTimeAt");
  TemporalText text = asked("after", kNoon);
  text.end_time_at = kOne;
  EXPECT_EQ(refused_for(text), "endTimeAt");
  text = {};
  text.time_at = kNoon;
  EXPECT_EQ(refused_for(text), "timerel");
  text = {};
  text.end_time_at = kNoon;
  EXPECT_EQ(refused_for(text), "endTimeAt");
  text = {};
  text.timerel = "after";
  EXPECT_EQ(refused_for(text), "timeAt");
  for (const std::string_view number : {"0", "-1", "1.5", "", "x", "99999999999999999999"}) {
    text = {};
    text.last_n = number;
    EXPECT_EQ(refused_for(text), "lastN") << number;
  }
  for (const std::string_view property : {"expiresAt", "observedat", ""}) {
    text = {};
    text.timeproperty = property;
    EXPECT_EQ(refused_for(text), "timeproperty") << property;
  }
}

TEST(TemporalQuery, EveryTimeProperty) {
  for (const TimeProperty property :
       {TimeProperty::observed_at, TimeProperty::created_at, TimeProperty::modified_at, TimeProperty::deleted_at}) {
    TemporalText text;
    text.timeproperty = time_property_name(property);
    text.last_n = "3";
    const auto query = parse_temporal_query(text).value();
    EXPECT_EQ(query.property, property);
    EXPECT_TRUE(query.property_given);
    ASSERT_TRUE(query.interval());  // only what has that time
    EXPECT_EQ(query.interval()->property, property);
    EXPECT_EQ(query.last_n, 3u);
  }
}

TEST(Aggregation, MethodsComeOnceInTheirOrder) {
  TemporalText text;
  text.aggr_methods = {"max", "avg", "max", "totalCount"};
  const auto aggregation = parse_aggregation(text).value();
  EXPECT_EQ(aggregation.methods,
            (std::vector{AggregateMethod::max, AggregateMethod::avg, AggregateMethod::total_count}));
  EXPECT_TRUE(aggregation.period.whole());
}

TEST(Aggregation, RefusalsNameTheParameter) {
  EXPECT_EQ(parse_aggregation({}).error().where, "aggrMethods");
  TemporalText text;
  text.aggr_methods = {"avg", "mean"};
  EXPECT_EQ(parse_aggregation(text).error().where, "aggrMethods");
  text.aggr_methods = {"avg"};
  text.aggr_period_duration = "1H";
  EXPECT_EQ(parse_aggregation(text).error().where, "aggrPeriodDuration");
}

TEST(Period, Texts) {
  constexpr std::int64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond;
  EXPECT_EQ(parse_period("P3Y6M4DT12H30M5S").value(), (Period{42, 4 * kDay + (12 * 3'600 + 30 * 60 + 5) * kSecond}));
  EXPECT_EQ(parse_period("P2W").value(), (Period{0, 14 * kDay}));
  EXPECT_EQ(parse_period("PT0.5S").value(), (Period{0, kSecond / 2}));
  EXPECT_EQ(parse_period("PT0,000000001S").value(), (Period{0, 1}));
  EXPECT_EQ(parse_period("PT1M").value(), (Period{0, 60 * kSecond}));
  EXPECT_EQ(parse_period("P1M").value(), (Period{1, 0}));
  for (const std::string_view zero : {"PT0S", "P0D", "P0Y"}) EXPECT_TRUE(parse_period(zero).value().whole()) << zero;
}

TEST(Period, NoTexts) {
  for (const std::string_view text : {"",
                                      "P",
                                      "PT",
                                      "1H",
                                      "P1",
                                      "P1H",
                                      "PT1D",
                                      "P1DT",
                                      "P1M1Y",
                                      "P1M1M",
                                      "PT1S1M",
                                      "P1W1D",
                                      "P1Y2W",
                                      "P1.5D",
                                      "PT1.5H",
                                      "P-1D",
                                      "PT1.S",
                                      "P1234567890D",
                                      "PT1.1234567890S",
                                      "P2020-01-01T00:00:00",
                                      "PT1H ",
                                      "p1d"})
    EXPECT_FALSE(parse_period(text).ok()) << text;
}

}  // namespace
}  // namespace madang::ngsi
