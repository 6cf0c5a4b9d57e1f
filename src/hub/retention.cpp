#include "madang/hub/retention.h"

#include "madang/history/decision.h"
#include "madang/ngsi/temporal.h"

namespace madang::hub {

namespace {

using base::Code;
using ngsi::Period;

constexpr std::size_t kMostRollUps = 10;
constexpr std::int64_t kSecond = 1'000'000'000, kDay = 86'400 * kSecond, kMonth = 2'629'746 * kSecond;
constexpr std::string_view kForEver = "forever";

base::Error wrong(std::string what, std::string where) {
  return base::error(Code::bad_request_data, std::move(what), std::move(where));
}

/// For comparing: a month as long as it is on average.
__int128 length_of(const std::optional<Period>& period) {
  if (!period) return static_cast<__int128>(1) << 100;
  return static_cast<__int128>(period->months) * kMonth + period->ns;
}

base::Result<std::optional<Period>> read_duration(const std::string& text, const std::string& where) {
  if (text == kForEver) return std::optional<Period>();
  if (text.empty()) return wrong("Say how long: a duration such as P90D, or \"forever\".", where);
  auto period = ngsi::parse_period(text);
  if (!period.ok())
    return wrong("How long something is kept is a duration such as P90D, or \"forever\". " + period.error().message,
                 where);
  return std::optional<Period>(*period);
}

base::Status check_period(const Period& period, const std::string& where) {
  if (period.months != 0 && period.ns != 0)
    return wrong("A roll-up is of months or years, or of weeks, days, hours and minutes, not of both.", where);
  if (length_of(period) < 60 * kSecond || period.months > 1'200 || period.ns > 36'525 * kDay)
    return wrong("A roll-up is of a minute at least and of a hundred years at most.", where);
  return {};
}

}  // namespace

base::Result<RetentionRule> read_retention(const RetentionText& text) {
  RetentionRule rule;
  MADANG_TRY(rule.raw, read_duration(text.raw, "/raw"));
  if (text.rollups.size() > kMostRollUps)
    return wrong("A rule has at most " + std::to_string(kMostRollUps) + " roll-ups.", "/rollups");
  if (!rule.raw && !text.rollups.empty())
    return wrong("Where everything is kept for ever as it was, nothing is ever rolled up.", "/rollups");
  std::optional<Period> kept = rule.raw;
  for (std::size_t i = 0; i < text.rollups.size(); ++i) {
    const std::string where = "/rollups/" + std::to_string(i);
    RetentionRule::RollUp& made = rule.rollups.emplace_back();
    auto period = ngsi::parse_period(text.rollups[i].first);
    if (!period.ok()) return wrong(period.error().message, where + "/period");
    made.period = *period;
    MADANG_CHECK(check_period(made.period, where + "/period"));
    MADANG_TRY(made.keep, read_duration(text.rollups[i].second, where + "/keep"));
    if (i > 0 && (length_of(made.period) <= length_of(rule.rollups[i - 1].period) ||
                  !history::fits_into(rule.rollups[i - 1].period, made.period)))
      return wrong("Each roll-up must be longer than the one before and hold a whole number of it: " +
                       text.rollups[i - 1].first + " does not fit into " + text.rollups[i].first + ".",
                   where + "/period");
    if (length_of(made.keep) <= length_of(kept) && (kept || i > 0))
      return wrong("Each roll-up must be kept longer than what it is made of.", where + "/keep");
    kept = made.keep;
  }
  return rule;
}

std::string show_retention(const std::optional<Period>& duration) {
  if (!duration) return std::string(kForEver);
  if (duration->whole()) return "PT0S";
  std::string out = "P";
  const auto part = [&](std::int64_t count, char unit) {
    if (count > 0) out += std::to_string(count) + unit;
  };
  part(duration->months / 12, 'Y');
  part(duration->months % 12, 'M');
  part(duration->ns / kDay, 'D');
  const std::int64_t of_day = duration->ns % kDay;
  if (of_day == 0) return out;
  out += 'T';
  part(of_day / (3'600 * kSecond), 'H');
  part(of_day / (60 * kSecond) % 60, 'M');
  part(of_day / kSecond % 60, 'S');
  return out;
}

}  // namespace madang::hub
