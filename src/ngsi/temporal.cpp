#include "madang/ngsi/temporal.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <string>

namespace madang::ngsi {

namespace {

using base::Code;
using base::error;

constexpr std::array<std::string_view, 4> kProperties{"observedAt", "createdAt", "modifiedAt", "deletedAt"};
/// By AggregateMethod.
constexpr std::array<std::string_view, kAggregateMethods> kMethods{"totalCount", "distinctCount", "sum",    "avg",
                                                                   "min",        "max",           "stddev", "sumsq"};

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDay = 86'400 * kSecond;

std::string quoted(std::string_view text) {
  constexpr std::size_t kShown = 80;
  return "\"" + std::string(text.substr(0, kShown)) + (text.size() > kShown ? "...\"" : "\"");
}

base::Error wrong(std::string message, std::string_view where) {
  return error(Code::bad_request_data, std::move(message), std::string(where));
}

/// The sum and product of what is not negative, or the highest number.
std::int64_t added(std::int64_t a, std::int64_t b) {
  std::int64_t sum = 0;
  return __builtin_add_overflow(a, b, &sum) ? std::numeric_limits<std::int64_t>::max() : sum;
}
std::int64_t times(std::int64_t a, std::int64_t b) {
  std::int64_t product = 0;
  return __builtin_mul_overflow(a, b, &product) ? std::numeric_limits<std::int64_t>::max() : product;
}

/// A time that is further away than Timestamp goes bounds as well as the last one there is, or the first.
std::optional<Timestamp> far_time(std::string_view text) {
  constexpr std::size_t kYear = 4;
  constexpr int kFirst = 1678, kLast = 2261;  // whole years that there are
  int year = 0;
  if (text.size() < kYear) return std::nullopt;
  const auto [end, fault] = std::from_chars(text.data(), text.data() + kYear, year);
  if (fault != std::errc() || end != text.data() + kYear || (year >= kFirst && year <= kLast)) return std::nullopt;
  // Of the same make, but for the year: all have their 29 February.
  if (!base::parse_date_time("2000" + std::string(text.substr(kYear))).ok()) return std::nullopt;
  return Timestamp{year > kLast ? std::numeric_limits<std::int64_t>::max() : std::numeric_limits<std::int64_t>::min()};
}

base::Result<Timestamp> read_time(std::string_view text, std::string_view where) {
  auto time = base::parse_date_time(text);
  if (time.ok()) return *time;
  if (const auto far = far_time(text)) return *far;
  return wrong("\"" + std::string(where) + "\": " + time.error().message, where);
}

/// Reads a duration part by part.
class DurationReader {
 public:
  explicit DurationReader(std::string_view text) : text_(text), rest_(text) {}

  base::Result<Period> read() {
    if (rest_.empty() || rest_.front() != 'P') return bad("it begins with P");
    rest_.remove_prefix(1);
    if (rest_.empty()) return bad("nothing follows the P");
    // Each designator once and in this order (ISO 8601); weeks stand alone.
    std::string_view order = "YMWD";
    while (!rest_.empty()) {
      if (!in_time_ && rest_.front() == 'T') {
        in_time_ = true, order = "HMS";
        rest_.remove_prefix(1);
        if (rest_.empty()) return bad("nothing follows the T");
      }
      MADANG_CHECK(part(order));
    }
    if (weeks_ && parts_ > 1) return bad("weeks stand alone, as in P2W");
    constexpr std::int64_t kMostMonths = 12 * 10'000;  // add() counts no further
    period_.months = static_cast<std::int32_t>(std::min(months_, kMostMonths));
    return period_;
  }

 private:
  base::Status part(std::string_view& order) {
    std::int64_t number = 0, fraction = 0;
    MADANG_CHECK(digits(number));
    const bool has_fraction = !rest_.empty() && (rest_.front() == '.' || rest_.front() == ',');
    if (has_fraction) MADANG_CHECK(fraction_of_second(fraction));
    if (rest_.empty()) return bad("a number has no unit");
    const char unit = rest_.front();
    rest_.remove_prefix(1);
    const auto place = order.find(unit);
    if (place == order.npos)
      return bad("the units are Y, M, W and D, after a T H, M and S, each once and in this order");
    order.remove_prefix(place + 1);
    if (has_fraction && (unit != 'S' || !in_time_)) return bad("only seconds have a fraction");
    ++parts_;
    add(unit, number, fraction);
    return {};
  }

  void add(char unit, std::int64_t number, std::int64_t fraction) {
    const auto ns = [&](std::int64_t each) { period_.ns = added(period_.ns, added(times(number, each), fraction)); };
    if (in_time_) return ns(unit == 'H' ? 3'600 * kSecond : unit == 'M' ? 60 * kSecond : kSecond);
    if (unit == 'Y') months_ += number * 12;
    if (unit == 'M') months_ += number;
    if (unit == 'W') weeks_ = true, ns(7 * kDay);
    if (unit == 'D') ns(kDay);
  }

  base::Status digits(std::int64_t& number) {
    constexpr std::size_t kMost = 9;
    const auto count = std::min(rest_.find_first_not_of("0123456789"), rest_.size());
    if (count == 0) return bad("a number is missing");
    if (count > kMost) return bad("a number is longer than nine digits");
    std::from_chars(rest_.data(), rest_.data() + count, number);
    rest_.remove_prefix(count);
    return {};
  }

  base::Status fraction_of_second(std::int64_t& fraction) {
    rest_.remove_prefix(1);
    const std::string_view all = rest_;
    MADANG_CHECK(digits(fraction));
    for (auto count = all.size() - rest_.size(); count < 9; ++count) fraction *= 10;
    return {};
  }

  base::Error bad(std::string_view what) const {
    return error(Code::bad_request_data,
                 quoted(text_) + " is no duration such as PT1H or P1M (ISO 8601): " + std::string(what) + ".");
  }

  std::string_view text_, rest_;
  Period period_;
  std::int64_t months_ = 0;
  std::size_t parts_ = 0;
  bool in_time_ = false, weeks_ = false;
};

template <std::size_t Size>
std::string list_of(const std::array<std::string_view, Size>& names) {
  std::string list;
  for (const std::string_view name : names) list.append(list.empty() ? "" : ", ").append(name);
  return list;
}

base::Status read_relation(const TemporalText& text, TemporalQuery& query) {
  using enum TemporalQuery::Relation;
  if (!text.timerel) {
    if (text.time_at) return wrong("\"timeAt\" goes with \"timerel\": before, after or between (4.11).", "timerel");
    if (text.end_time_at) return wrong("\"endTimeAt\" goes with timerel=between (4.11).", "endTimeAt");
    return {};
  }
  const std::string_view name = *text.timerel;
  query.relation = name == "before" ? before : name == "after" ? after : name == "between" ? between : none;
  if (query.relation == none)
    return wrong("\"timerel\" is before, after or between, not " + quoted(name) + ".", "timerel");
  if (!text.time_at) return wrong("\"timerel\" needs a \"timeAt\" (4.11).", "timeAt");
  MADANG_TRY(query.at, read_time(*text.time_at, "timeAt"));
  if (query.relation != between) {
    if (!text.end_time_at) return {};
    return wrong("\"endTimeAt\" goes with timerel=between (4.11).", "endTimeAt");
  }
  if (!text.end_time_at) return wrong("timerel=between needs an \"endTimeAt\" (4.11).", "endTimeAt");
  MADANG_TRY(query.end_at, read_time(*text.end_time_at, "endTimeAt"));
  return {};
}

}  // namespace

std::string_view time_property_name(TimeProperty property) {
  return kProperties[static_cast<std::size_t>(property)];
}

std::string_view aggregate_method_name(AggregateMethod method) {
  return kMethods[static_cast<std::size_t>(method)];
}

std::optional<Interval> TemporalQuery::interval() const {
  if (relation == Relation::none && !property_given) return std::nullopt;
  Interval interval;
  interval.property = property;
  if (relation == Relation::after || relation == Relation::between) interval.from = at;
  if (relation == Relation::before) interval.until = at;
  if (relation == Relation::between) interval.until = end_at;
  return interval;
}

base::Result<Period> parse_period(std::string_view text) {
  return DurationReader(text).read();
}

base::Result<TemporalQuery> parse_temporal_query(const TemporalText& text) {
  TemporalQuery query;
  MADANG_CHECK(read_relation(text, query));
  if (text.timeproperty) {
    const auto known = std::find(kProperties.begin(), kProperties.end(), *text.timeproperty);
    if (known == kProperties.end()) {
      return wrong("\"timeproperty\" is one of " + list_of(kProperties) + ", not " + quoted(*text.timeproperty) + ".",
                   "timeproperty");
    }
    query.property = static_cast<TimeProperty>(known - kProperties.begin());
    query.property_given = true;
  }
  if (text.last_n) {
    std::uint64_t number = 0;
    const std::string_view digits = *text.last_n;
    const auto [end, fault] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
    if (fault != std::errc() || end != digits.data() + digits.size() || number == 0)
      return wrong("\"lastN\" is a whole number from 1, not " + quoted(digits) + ".", "lastN");
    query.last_n = static_cast<std::uint32_t>(std::min<std::uint64_t>(number, UINT32_MAX));
  }
  return query;
}

base::Result<AggregationParameters> parse_aggregation(const TemporalText& text) {
  AggregationParameters aggregation;
  if (!text.aggr_methods || text.aggr_methods->empty())
    return wrong("Aggregated values need \"aggrMethods\": some of " + list_of(kMethods) + ".", "aggrMethods");
  for (const std::string_view name : *text.aggr_methods) {
    const auto known = std::find(kMethods.begin(), kMethods.end(), name);
    if (known == kMethods.end())
      return wrong("\"aggrMethods\" takes " + list_of(kMethods) + ", not " + quoted(name) + ".", "aggrMethods");
    const auto method = static_cast<AggregateMethod>(known - kMethods.begin());
    if (std::find(aggregation.methods.begin(), aggregation.methods.end(), method) == aggregation.methods.end())
      aggregation.methods.push_back(method);
  }
  if (!text.aggr_period_duration) return aggregation;
  auto period = parse_period(*text.aggr_period_duration);
  if (!period.ok()) return wrong("\"aggrPeriodDuration\": " + period.error().message, "aggrPeriodDuration");
  aggregation.period = *period;
  return aggregation;
}

}  // namespace madang::ngsi
