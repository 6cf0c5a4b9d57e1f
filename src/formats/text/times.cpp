#include <array>
#include <charconv>
#include <chrono>
#include <cmath>

#include <absl/time/civil_time.h>
#include <absl/time/time.h>

#include "madang/formats/values.h"

#include "text/trim.h"

namespace madang::formats {

using base::Code;
using base::error;
using base::Timestamp;

namespace {

constexpr std::int64_t kDay = 86'400;
constexpr std::int64_t kSecond = 1'000'000'000;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// What a text says, before it is a moment.
struct Parts {
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  std::int64_t nanoseconds = 0;
  std::optional<int> offset;  // seconds east
  std::optional<bool> afternoon;
};

/// Takes parts off the front of a text; false where they are not there.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  bool at(char c) const { return !rest_.empty() && rest_.front() == c; }
  bool at_digit() const { return !rest_.empty() && is_digit(rest_.front()); }

  bool skip(char c) {
    if (!at(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  bool spaces() {
    const std::size_t before = rest_.size();
    while (skip(' ') || skip('\t')) {
    }
    return rest_.size() < before;
  }
  bool number(int& out, std::size_t least, std::size_t most) {
    std::size_t size = 0;
    out = 0;
    while (size < most && size < rest_.size() && is_digit(rest_[size])) out = out * 10 + (rest_[size++] - '0');
    rest_.remove_prefix(size);
    return size >= least;
  }
  /// Digits behind a point or comma, if there are any.
  bool fraction(std::int64_t& nanoseconds) {
    if (!at('.') && !at(',')) return true;
    rest_.remove_prefix(1);
    if (!at_digit()) return false;
    std::int64_t unit = kSecond / 10;
    for (; at_digit(); rest_.remove_prefix(1), unit /= 10) nanoseconds += unit * (rest_.front() - '0');
    return true;
  }
  bool offset(std::optional<int>& seconds) {
    if (skip('Z') || skip('z')) {
      seconds = 0;
      return true;
    }
    const bool west = at('-');
    if (!skip('+') && !skip('-')) return false;
    int hours = 0, minutes = 0;
    if (!number(hours, 2, 2)) return false;
    if ((skip(':') || at_digit()) && !number(minutes, 2, 2)) return false;
    if (hours > 23 || minutes > 59) return false;
    seconds = (west ? -1 : 1) * (hours * 3600 + minutes * 60);
    return true;
  }
  bool half(std::optional<bool>& afternoon) {
    if (rest_.size() < 2 || (rest_[1] | 32) != 'm') return false;
    const char c = static_cast<char>(rest_[0] | 32);
    if (c != 'a' && c != 'p') return false;
    afternoon = c == 'p';
    rest_.remove_prefix(2);
    return true;
  }
  bool month_name(int& month) {
    constexpr std::array<std::string_view, 12> kNames{"january",   "february", "march",    "april",
                                                      "may",       "june",     "july",     "august",
                                                      "september", "october",  "november", "december"};
    std::size_t size = 0;
    std::array<char, 10> lower{};
    while (size < lower.size() && size < rest_.size() && (rest_[size] | 32) >= 'a' && (rest_[size] | 32) <= 'z') {
      lower[size] = static_cast<char>(rest_[size] | 32);
      ++size;
    }
    const std::string_view word(lower.data(), size);
    for (std::size_t i = 0; i < kNames.size(); ++i) {
      if (size < 3 || !kNames[i].starts_with(word)) continue;
      month = static_cast<int>(i) + 1;
      rest_.remove_prefix(size);
      return true;
    }
    return false;
  }

 private:
  std::string_view rest_;
};

bool take_letter(char letter, Scanner& scan, Parts& parts) {
  switch (letter) {
    case 'Y':
      return scan.number(parts.year, 4, 4);
    case 'y':
      if (!scan.number(parts.year, 2, 2)) return false;
      parts.year += parts.year < 69 ? 2000 : 1900;
      return true;
    case 'm':
      return scan.number(parts.month, 1, 2);
    case 'd':
      return scan.number(parts.day, 1, 2);
    case 'H':
    case 'I':
      return scan.number(parts.hour, 1, 2);
    case 'M':
      return scan.number(parts.minute, 1, 2);
    case 'S':
      return scan.number(parts.second, 1, 2) && scan.fraction(parts.nanoseconds);
    case 'p':
      return scan.half(parts.afternoon);
    case 'z':
      return scan.offset(parts.offset);
    case 'b':
      return scan.month_name(parts.month);
    default:
      return scan.skip(letter);
  }
}

bool by_letters(std::string_view pattern, std::string_view text, Parts& parts) {
  Scanner scan(text);
  for (std::size_t i = 0; i < pattern.size(); ++i) {
    const char c = pattern[i];
    if (c == '%' && i + 1 < pattern.size()) {
      if (!take_letter(pattern[++i], scan, parts)) return false;
    } else if (c == ' ' ? !scan.spaces() : !scan.skip(c)) {
      return false;
    }
  }
  return scan.done();
}

bool by_iso(std::string_view text, Parts& parts) {
  Scanner scan(text);
  if (!scan.number(parts.year, 4, 4) || !scan.skip('-') || !scan.number(parts.month, 2, 2) || !scan.skip('-') ||
      !scan.number(parts.day, 2, 2)) {
    return false;
  }
  if (scan.done()) return true;
  if (!scan.skip('T') && !scan.skip('t') && !scan.spaces()) return false;
  if (!scan.number(parts.hour, 2, 2) || !scan.skip(':') || !scan.number(parts.minute, 2, 2)) return false;
  if (scan.skip(':') && (!scan.number(parts.second, 2, 2) || !scan.fraction(parts.nanoseconds))) return false;
  scan.spaces();
  return scan.done() || (scan.offset(parts.offset) && scan.done());
}

/// Days since 1970, where such a date exists and its nanoseconds can be counted.
std::optional<std::int64_t> day_of(const Parts& parts) {
  using namespace std::chrono;
  const year_month_day date{year(parts.year), month(static_cast<unsigned>(parts.month)),
                            day(static_cast<unsigned>(parts.day))};
  if (!date.ok() || parts.year < 1678 || parts.year > 2261) return std::nullopt;
  return sys_days(date).time_since_epoch().count();
}

/// Seconds since midnight; nothing for a time that no clock shows. 24:00:00 is the end of the day, 60 seconds a leap
/// one.
std::optional<std::int64_t> clock_of(const Parts& parts) {
  int hour = parts.hour;
  if (parts.afternoon) {
    if (hour < 1 || hour > 12) return std::nullopt;
    hour = hour % 12 + (*parts.afternoon ? 12 : 0);
  }
  const bool end = hour == 24 && parts.minute == 0 && parts.second == 0;
  if ((hour > 23 && !end) || parts.minute > 59 || parts.second > 60) return std::nullopt;
  return hour * 3600 + parts.minute * 60 + parts.second;
}

std::optional<Timestamp> moment(const Parts& parts, const TimeZone& zone) {
  const auto day = day_of(parts);
  const auto clock = clock_of(parts);
  if (!day || !clock) return std::nullopt;
  const std::int64_t local = *day * kDay + *clock;
  const std::int64_t utc = parts.offset ? local - *parts.offset : zone.to_utc(local);
  return Timestamp{utc * kSecond + parts.nanoseconds};
}

std::optional<Timestamp> by_epoch(std::string_view text, double unit) {
  const auto value = parse_number(text);
  if (!value || std::abs(*value * unit) > 9.2e18) return std::nullopt;
  std::int64_t whole = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), whole);
  if (failed == std::errc() && end == text.data() + text.size())
    return Timestamp{whole * static_cast<std::int64_t>(unit)};
  return Timestamp{static_cast<std::int64_t>(*value * unit)};
}

}  // namespace

struct TimeZone::Impl {
  absl::TimeZone zone;
};

TimeZone::TimeZone() = default;

base::Result<TimeZone> TimeZone::find(std::string_view name) {
  TimeZone made;
  std::optional<int> offset;
  Scanner scan(name);
  if (scan.offset(offset) && scan.done()) {
    made.impl_ = std::make_shared<Impl>(Impl{absl::FixedTimeZone(*offset)});
    return made;
  }
  absl::TimeZone zone;
  // A name, no path: tzdata would be looked for there.
  const bool path = name.starts_with('/') || name.starts_with(':') || name.find("..") != std::string_view::npos;
  if (path || name.size() > 64 || !absl::LoadTimeZone(absl::string_view(name.data(), name.size()), &zone)) {
    return error(Code::bad_request_data, "the time zone " + std::string(name.substr(0, 64)) +
                                             " is not known here; write a name of tzdata (Europe/Zurich) or +09:00");
  }
  made.impl_ = std::make_shared<Impl>(Impl{zone});
  return made;
}

std::int64_t TimeZone::to_utc(std::int64_t local_seconds) const {
  if (!impl_) return local_seconds;
  const absl::CivilSecond civil = absl::CivilSecond(1970) + local_seconds;
  return absl::ToUnixSeconds(impl_->zone.At(civil).pre);
}

base::Result<TimePattern> TimePattern::make(std::string_view pattern) {
  const bool named = pattern == "iso" || pattern == "epoch" || pattern == "epoch_ms";
  bool year = named, month = named, day = named;
  for (std::size_t i = 0; !named && i < pattern.size(); ++i) {
    if (pattern[i] != '%') continue;
    const char letter = ++i < pattern.size() ? pattern[i] : '\0';
    if (std::string_view("YymdHIpMSzb%").find(letter) == std::string_view::npos || letter == '\0') {
      return error(Code::bad_request_data, "a pattern of times knows %Y %y %m %d %H %I %p %M %S %z %b %%",
                   "column " + std::to_string(i));
    }
    year = year || letter == 'Y' || letter == 'y';
    month = month || letter == 'm' || letter == 'b';
    day = day || letter == 'd';
  }
  if (!year || !month || !day) {
    return error(Code::bad_request_data, "the pattern has no whole date; write it like %d.%m.%Y %H:%M, or iso");
  }
  return TimePattern(std::string(pattern));
}

std::optional<Timestamp> TimePattern::read(std::string_view text, const TimeZone& zone) const {
  text = text::trim(text);
  if (pattern_ == "epoch") return by_epoch(text, 1e9);
  if (pattern_ == "epoch_ms") return by_epoch(text, 1e6);
  Parts parts;
  if (!(pattern_ == "iso" ? by_iso(text, parts) : by_letters(pattern_, text, parts))) return std::nullopt;
  return moment(parts, zone);
}

std::optional<std::int64_t> TimePattern::read_day(std::string_view text) const {
  Parts parts;
  text = text::trim(text);
  if (!(pattern_ == "iso" ? by_iso(text, parts) : by_letters(pattern_, text, parts))) return std::nullopt;
  return day_of(parts);
}

std::vector<std::string> detect_time_patterns(std::span<const std::string_view> samples) {
  constexpr std::array<std::string_view, 12> kDates{"%d.%m.%Y", "%d.%m.%y", "%d/%m/%Y", "%m/%d/%Y",
                                                    "%d/%m/%y", "%m/%d/%y", "%Y/%m/%d", "%Y%m%d",
                                                    "%d-%m-%Y", "%Y.%m.%d", "%d %b %Y", "%d-%b-%Y"};
  constexpr std::array<std::string_view, 7> kClocks{"",          " %H:%M", " %H:%M:%S", " %I:%M %p", " %I:%M:%S %p",
                                                    "T%H:%M:%S", "%H%M"};
  std::vector<std::string> found;
  const auto reads_all = [&](std::string_view pattern) {
    const auto made = TimePattern::make(pattern);
    for (const std::string_view sample : samples) {
      if (!made->read(sample)) return false;
    }
    return !samples.empty();
  };
  if (reads_all("iso")) found.emplace_back("iso");
  for (const std::string_view date : kDates) {
    for (const std::string_view clock : kClocks) {
      std::string pattern = std::string(date) + std::string(clock);
      if (reads_all(pattern)) found.push_back(std::move(pattern));
    }
  }
  return found;
}

Timestamp at_seconds(std::int64_t day, double seconds, const TimeZone& zone) {
  const std::int64_t noon = zone.to_utc(day * kDay + kDay / 2);
  const double whole = std::floor(seconds);
  return {(noon - kDay / 2 + static_cast<std::int64_t>(whole)) * kSecond +
          static_cast<std::int64_t>((seconds - whole) * 1e9)};
}

std::optional<std::int32_t> parse_clock(std::string_view text) {
  Scanner scan(text::trim(text));
  int hours = 0, minutes = 0, seconds = 0;
  if (!scan.number(hours, 1, 3) || !scan.skip(':') || !scan.number(minutes, 2, 2)) return std::nullopt;
  if (scan.skip(':') && !scan.number(seconds, 2, 2)) return std::nullopt;
  if (!scan.done() || minutes > 59 || seconds > 59) return std::nullopt;
  return hours * 3600 + minutes * 60 + seconds;
}

}  // namespace madang::formats
