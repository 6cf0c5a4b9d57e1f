#pragma once
// Values as people write them into tables: numbers with commas, dates in any order, times of a place. Pure text to
// values; only time zones are read from the system (tzdata), once each.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "madang/base/result.h"
#include "madang/base/time.h"

namespace madang::formats {

/// How numbers are written. With `group` 0 digits are not grouped; else groups of three are accepted, and digits
/// without groups too. ' ' stands for every space (U+00A0, U+2009 and U+202F too), '\'' also for U+2019.
struct NumberStyle {
  char decimal = '.';  // or ','
  char group = 0;      // one of . , ' and space
  bool operator==(const NumberStyle&) const = default;
};
/// Spaces around, a sign in front and an exponent are fine. Nothing for what is no number or not finite.
std::optional<double> parse_number(std::string_view text, NumberStyle style = {});
/// The style that reads the most of these. "1,234" alone is read as grouped: as English writes it.
NumberStyle detect_number_style(std::span<const std::string_view> samples);
/// True where JSON writes it just so (RFC 8259, section 6): it may be passed on as it is.
bool is_json_number(std::string_view text);
/// true/false, yes/no, y/n, t/f, on/off, 1/0, ja/nein, 예/아니오, 있음/없음, whatever their case.
std::optional<bool> parse_boolean(std::string_view text);

/// What stands where there is no value. Numbers are compared as numbers: -999.0 is -999.
struct Sentinels {
  std::vector<std::string> texts{"", "NA", "N/A", "NaN", "null", "NULL", "-", "--"};
  std::vector<double> numbers{};  // stated by whoever knows the source: -999, -9999, ...
  bool holds(std::string_view text, NumberStyle style = {}) const;
};

/// A place's clock (tzdata names: "Europe/Zurich", "Asia/Seoul", "UTC"), or an offset from UTC ("+09:00").
class TimeZone {
 public:
  /// bad_request_data for a name that is not known here.
  static base::Result<TimeZone> find(std::string_view name);
  TimeZone();  // UTC
  /// Seconds since 1970 as if the clock were UTC's, to the moment. What the clock shows twice is its first time; what
  /// it skips is read with the offset from before the change (02:30 becomes 03:30).
  std::int64_t to_utc(std::int64_t local_seconds) const;

 private:
  struct Impl;
  std::shared_ptr<const Impl> impl_;
};

/// Dates and times by a pattern in the letters of strptime: %Y %y (69 to 99 are of the last century) %m %d %H %I %p %M
/// %S (with a fraction, if there is one) %z (Z, +09, +0900, +09:00) %b (Jan, January) %% and the rest as it stands;
/// numbers may lack their leading zeros (not %Y, %y). Apart from that "iso" (ISO 8601: date, or date and time; seconds,
/// fraction and offset may lack; a space in place of the T), "epoch" and "epoch_ms" (seconds and milliseconds since
/// 1970).
class TimePattern {
 public:
  /// bad_request_data for letters that are not among these, or for a pattern without a whole date.
  static base::Result<TimePattern> make(std::string_view pattern);
  /// Nothing where the text does not follow the pattern, or for dates that do not exist or lie beyond 1678 to 2261. The
  /// zone is for texts without an offset of their own.
  std::optional<base::Timestamp> read(std::string_view text, const TimeZone& zone = {}) const;
  /// The day alone, for sources that have the time in another column.
  std::optional<std::int64_t> read_day(std::string_view text) const;  // since 1970
  const std::string& text() const { return pattern_; }

 private:
  explicit TimePattern(std::string pattern) : pattern_(std::move(pattern)) {}
  std::string pattern_;
};

/// The patterns, of the usual ones, that read all of these. Several where they do not tell (day or month first): then
/// somebody must say. None where they are no times.
std::vector<std::string> detect_time_patterns(std::span<const std::string_view> samples);

/// So many seconds after "midnight" of a day, counted as timetables do (GTFS): from twelve hours before the day's noon.
/// May go beyond 24 hours.
base::Timestamp at_seconds(std::int64_t day, double seconds, const TimeZone& zone = {});
/// "25:10:00" or "7:05" as seconds.
std::optional<std::int32_t> parse_clock(std::string_view text);

/// Empty, or a number in any style, or a date or time: not the name of a column.
bool looks_like_value(std::string_view text);

}  // namespace madang::formats
