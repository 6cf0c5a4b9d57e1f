#pragma once
// Which part of the past is asked for, and how it is put together: the temporal query language (clause 4.11) and the
// parameters of the aggregated representation (clause 4.5.19), parsed into values.

#include <optional>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"
#include "madang/ngsi/evolution.h"

namespace madang::ngsi {

std::string_view time_property_name(TimeProperty property);      // "observedAt", ...
std::string_view aggregate_method_name(AggregateMethod method);  // "avg", "distinctCount", ...

/// Clause 4.11.
struct TemporalQuery {
  enum class Relation : std::uint8_t { none, before, after, between };
  Relation relation = Relation::none;
  Timestamp at;      // of all but none
  Timestamp end_at;  // of between
  TimeProperty property = TimeProperty::observed_at;
  bool property_given = false;
  std::uint32_t last_n = 0;  // 0: all

  /// Nothing where neither a relation nor a property is asked for: then instances without any observedAt count too.
  std::optional<Interval> interval() const;
};

/// `P1Y2M3DT4H5M6.5S` or `P2W`: at most nine digits of each part, the fraction only of the seconds (clause 4.5.19.1).
/// bad_request_data says what is wrong; where it stands is the caller's to say.
base::Result<Period> parse_period(std::string_view text);

/// Clause 4.5.19.
struct AggregationParameters {
  std::vector<AggregateMethod> methods;  // each once, in the order asked for
  Period period;
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
base::Result<AggregationParameters> parse_aggregation(const TemporalText& text);

}  // namespace madang::ngsi
