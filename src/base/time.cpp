#include "madang/base/time.h"

#include <array>
#include <ctime>

namespace madang::base {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kDaySeconds = 86'400;

struct Date {
  std::int64_t year;
  unsigned month, day;  // from 1
};

// Both ways between days since 1970 and the Gregorian calendar, by 400-year eras that begin on 1 March, so that the
// leap day is the last of its year.
constexpr std::int64_t days_from_date(Date date) {
  const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const auto year_of_era = static_cast<unsigned>(year - era * 400);
  const unsigned day_of_year = (153 * ((date.month + 9) % 12) + 2) / 5 + date.day - 1;
  const unsigned day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
  return era * 146'097 + static_cast<std::int64_t>(day_of_era) - 719'468;
}

constexpr Date date_from_days(std::int64_t days) {
  days += 719'468;
  const std::int64_t era = (days >= 0 ? days : days - 146'096) / 146'097;
  const auto day_of_era = static_cast<unsigned>(days - era * 146'097);
  const unsigned year_of_era = (day_of_era - day_of_era / 1'460 + day_of_era / 36'524 - day_of_era / 146'096) / 365;
  const unsigned day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
  const unsigned shifted = (5 * day_of_year + 2) / 153;
  const unsigned month = shifted < 10 ? shifted + 3 : shifted - 9;
  return {static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0), month,
          day_of_year - (153 * shifted + 2) / 5 + 1};
}
static_assert(days_from_date({1970, 1, 1}) == 0 && days_from_date({2000, 2, 29}) == 11'016);

constexpr unsigned days_in_month(std::int64_t year, unsigned month) {
  constexpr std::array<unsigned, 12> kDays{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
  return month == 2 && leap ? 29 : kDays[month - 1];
}

struct Split {  // floor division: times before 1970 have a positive remainder
  std::int64_t days;
  unsigned seconds, ns;
};

Split split(Timestamp time) {
  std::int64_t seconds = time.ns / kSecond;
  std::int64_t ns = time.ns % kSecond;
  if (ns < 0) ns += kSecond, --seconds;
  std::int64_t days = seconds / kDaySeconds;
  std::int64_t rest = seconds % kDaySeconds;
  if (rest < 0) rest += kDaySeconds, --days;
  return {days, static_cast<unsigned>(rest), static_cast<unsigned>(ns)};
}

/// Writes `value` with exactly `Digits` digits.
template <int Digits>
char* put(char* out, unsigned value) {
  for (int i = Digits - 1; i >= 0; --i, value /= 10) out[i] = static_cast<char>('0' + value % 10);
  return out + Digits;
}

char* put_time_of_day(char* out, unsigned seconds) {
  out = put<2>(out, seconds / 3'600);
  *out++ = ':';
  out = put<2>(out, seconds / 60 % 60);
  *out++ = ':';
  return put<2>(out, seconds % 60);
}

/// Reads fixed-width parts of a text; once something does not fit, `ok` stays false.
struct Scanner {
  const char* at;
  const char* end;
  bool ok = true;

  bool digit() const { return at != end && *at >= '0' && *at <= '9'; }
  unsigned number(int digits) {
    unsigned value = 0;
    for (; digits > 0; --digits, ++at) {
      if (!digit()) return ok = false, 0;
      value = value * 10 + static_cast<unsigned>(*at - '0');
    }
    return value;
  }
  bool accept(char c) { return at != end && *at == c ? (++at, true) : false; }
  void expect(char c) { ok = ok && accept(c); }
};

Error bad_time(std::string_view text) {
  std::string shown(text.substr(0, 40));
  return error(Code::bad_request_data, "'" + shown + "' is not a time such as 2026-11-22T18:00:00Z");
}

/// After `T`: seconds of the day; `ns` gets the fraction, `leap` whether it is second 60.
unsigned scan_time_of_day(Scanner& scan, std::int64_t& ns, bool& leap) {
  const unsigned hour = scan.number(2);
  scan.expect(':');
  const unsigned minute = scan.number(2);
  scan.expect(':');
  const unsigned second = scan.number(2);
  if (hour > 23 || minute > 59 || second > 60) scan.ok = false;
  leap = second == 60;
  if (scan.accept('.') || scan.accept(',')) {
    std::int64_t unit = kSecond;
    if (!scan.digit()) scan.ok = false;
    for (; scan.digit() && unit > 1; ++scan.at) unit /= 10, ns += unit * (*scan.at - '0');
  }
  return hour * 3'600 + minute * 60 + second;
}

std::int64_t scan_offset(Scanner& scan) {
  if (scan.accept('Z')) return 0;
  const int sign = scan.accept('+') ? 1 : -1;
  if (sign < 0) scan.expect('-');
  const unsigned hours = scan.number(2);
  scan.expect(':');
  const unsigned minutes = scan.number(2);
  if (hours > 23 || minutes > 59) scan.ok = false;
  return sign * static_cast<std::int64_t>(hours * 3'600 + minutes * 60);
}

class SystemClock final : public Clock {
 public:
  /// Whole microseconds: NGSI-LD writes no finer times (clause 4.6.3).
  Timestamp now() const override { return {read(CLOCK_REALTIME) / 1'000 * 1'000}; }
  std::chrono::nanoseconds monotonic() const override { return std::chrono::nanoseconds(read(CLOCK_MONOTONIC)); }

 private:
  static std::int64_t read(clockid_t id) {
    timespec time{};
    clock_gettime(id, &time);
    return time.tv_sec * kSecond + time.tv_nsec;
  }
};

}  // namespace

Result<Timestamp> parse_timestamp(std::string_view text) {
  Scanner scan{text.data(), text.data() + text.size()};
  const std::int64_t year = scan.number(4);
  scan.expect('-');
  const unsigned month = scan.number(2);
  scan.expect('-');
  const unsigned day = scan.number(2);
  scan.expect('T');
  if (!scan.ok || month < 1 || month > 12 || day < 1 || day > days_in_month(year, month)) return bad_time(text);

  std::int64_t ns = 0;
  bool leap = false;
  const unsigned second_of_day = scan_time_of_day(scan, ns, leap);
  const std::int64_t offset = scan_offset(scan);
  if (!scan.ok || scan.at != scan.end) return bad_time(text);

  const std::int64_t seconds = days_from_date({year, month, day}) * kDaySeconds + second_of_day - offset;
  if (leap) {  // leap seconds are put in at the end of a day of UTC, nowhere else
    if (seconds % kDaySeconds != 0) return bad_time(text);
    ns = 0;
  }
  Timestamp time;
  // The fraction joins last, so that the earliest times (seconds that alone would overflow) still fit.
  const std::int64_t borrowed = seconds < 0 && ns > 0 ? 1 : 0;
  if (__builtin_mul_overflow(seconds + borrowed, kSecond, &time.ns) ||
      __builtin_add_overflow(time.ns, ns - borrowed * kSecond, &time.ns)) {
    return error(Code::bad_request_data, "'" + std::string(text) + "' is outside the years 1678 to 2261");
  }
  return time;
}

Result<Timestamp> parse_date_time(std::string_view text) {
  constexpr std::size_t kLongest = std::string_view("2026-11-22T18:00:00.123456Z").size();
  MADANG_TRY(const Timestamp time, parse_timestamp(text));
  if (text.ends_with('Z') && text.size() <= kLongest) return time;
  return error(Code::bad_request_data,
               "'" + std::string(text) + "' is no time in UTC: it ends in Z and has at most six digits of a second");
}

void append_timestamp(std::string& out, Timestamp time) {
  const Split parts = split(time);
  const Date date = date_from_days(parts.days);
  std::array<char, 32> buffer;
  char* at = put<4>(buffer.data(), static_cast<unsigned>(date.year));
  *at++ = '-';
  at = put<2>(at, date.month);
  *at++ = '-';
  at = put<2>(at, date.day);
  *at++ = 'T';
  at = put_time_of_day(at, parts.seconds);
  if (parts.ns != 0) {
    *at++ = '.';
    if (parts.ns % 1'000'000 == 0) {
      at = put<3>(at, parts.ns / 1'000'000);
    } else if (parts.ns % 1'000 == 0) {
      at = put<6>(at, parts.ns / 1'000);
    } else {
      at = put<9>(at, parts.ns);
    }
  }
  *at++ = 'Z';
  out.append(buffer.data(), static_cast<std::size_t>(at - buffer.data()));
}

std::string to_string(Timestamp time) {
  std::string out;
  append_timestamp(out, time);
  return out;
}

std::string to_http_date(Timestamp time) {
  static constexpr std::string_view kDays = "ThuFriSatSunMonTueWed";  // 1970 began on a Thursday
  static constexpr std::string_view kMonths = "JanFebMarAprMayJunJulAugSepOctNovDec";
  const Split parts = split(time);
  const Date date = date_from_days(parts.days);
  const auto weekday = static_cast<std::size_t>((parts.days % 7 + 7) % 7);
  std::array<char, 16> digits;
  std::string out(kDays.substr(weekday * 3, 3));
  out.append(", ").append(digits.data(), put<2>(digits.data(), date.day));
  out.append(" ").append(kMonths.substr((date.month - 1) * 3, 3)).append(" ");
  out.append(digits.data(), put<4>(digits.data(), static_cast<unsigned>(date.year))).append(" ");
  out.append(digits.data(), put_time_of_day(digits.data(), parts.seconds));
  return out.append(" GMT");
}

const Clock& system_clock() {
  static const SystemClock clock;
  return clock;
}

}  // namespace madang::base
