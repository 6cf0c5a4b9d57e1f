#pragma once
// Which part of the past is asked for, and how it is put together: the temporal query language (clause 4.11) and the
// parameters of the aggregated representation (clause 4.5.19), parsed into values.

#include <array>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::ngsi {

using base::Timestamp;

/// The times of an instance that a question can be about (clause 4.8).
enum class TimeProperty : std::uint8_t { observed_at, created_at, modified_at, deleted_at };
std::string_view time_property_name(TimeProperty property);  // "observedAt", ...

/// From `from` on, before `to`.
struct TimeRange {
  Timestamp from{INT64_MIN};
  Timestamp to{INT64_MAX};
  bool contains(Timestamp time) const { return time >= from && time < to; }
  bool empty() const { return from >= to; }
  bool operator==(const TimeRange&) const = default;
};

/// Clause 4.11. An instance that does not have the property does not match, unless nothing is asked of it.
struct TemporalQuery {
  enum class Relation : std::uint8_t { none, before, after, between };
  Relation relation = Relation::none;
  Timestamp at;      // of all but none
  Timestamp end_at;  // of between
  TimeProperty property = TimeProperty::observed_at;
  bool property_given = false;
  std::optional<std::uint64_t> last_n;  // at least 1

  TimeRange range() const;
  bool operator==(const TemporalQuery&) const = default;
};

/// Of an aggregation: so many months by the calendar, then so many nanoseconds, both at least 0. Neither: the whole
/// time that is asked for (clause 4.5.19.1).
struct Period {
  std::int64_t months = 0;
  std::int64_t ns = 0;

  bool whole() const { return months == 0 && ns == 0; }
  /// Where the period number `count` (0 is the first) begins that are counted from `origin`, in UTC. A day that a month
  /// does not have is its last one, and later periods do not suffer: 31 January, 28 February, 31 March. The last moment
  /// that there is where it would be later.
  Timestamp start(Timestamp origin, std::int64_t count) const;
  /// The number of the period that `time` is in: start(n) <= time < start(n + 1). Not of a whole period; `time` is not
  /// before the origin.
  std::int64_t number_of(Timestamp origin, Timestamp time) const;
  bool operator==(const Period&) const = default;
};

/// `P1Y2M3DT4H5M6.5S` or `P2W`: at most nine digits of each part, the fraction only of the seconds. bad_request_data
/// says what is wrong; where it stands is the caller's to say.
base::Result<Period> parse_period(std::string_view text);

enum class AggregationMethod : std::uint8_t { avg, distinct_count, max, min, stddev, sum, sumsq, total_count };
inline constexpr std::size_t kAggregationMethods = 8;
std::string_view aggregation_method_name(AggregationMethod method);  // "avg", "distinctCount", ...

/// Clause 4.5.19.
struct Aggregation {
  std::vector<AggregationMethod> methods;  // each once, in the order asked for
  Period period;
  bool operator==(const Aggregation&) const = default;
};

/// What was asked, wherever it stood (parameters, or the members of temporalQ and aggrParams).
struct TemporalText {
  using Text = std::optional<std::string_view>;
  Text timerel, time_at, end_time_at, timeproperty, last_n;
  std::optional<std::vector<std::string_view>> aggr_methods;
  Text aggr_period_duration;
};

/// `where` in errors is the parameter's name; all are bad_request_data.
base::Result<TemporalQuery> parse_temporal_query(const TemporalText& text);
/// The same; methods are mandatory (table 6.18.3.2-1).
base::Result<Aggregation> parse_aggregation(const TemporalText& text);

}  // namespace madang::ngsi
