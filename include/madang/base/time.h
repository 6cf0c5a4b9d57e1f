#pragma once
// Time: UTC nanoseconds since 1970, and the clocks that give them.

#include <atomic>
#include <chrono>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "madang/base/result.h"

namespace madang::base {

/// A moment in UTC, nanoseconds since 1970-01-01T00:00:00Z. Covers 1677 to 2262.
struct Timestamp {
  std::int64_t ns = 0;
  auto operator<=>(const Timestamp&) const = default;
};

/// ISO 8601: `2026-11-22T18:00:00Z`, with up to nine fraction digits, `Z` or an offset `+09:00`. A leap second `:60` is
/// the first instant of the next minute. Anything else is bad_request_data.
Result<Timestamp> parse_timestamp(std::string_view text);
/// The DateTime of NGSI-LD (clause 4.6.3): the same, but always in UTC, marked by `Z`, with up to six fraction digits.
Result<Timestamp> parse_date_time(std::string_view text);

/// `2026-11-22T18:00:00.123Z`: UTC, the fraction in groups of three digits and only as long as needed.
void append_timestamp(std::string& out, Timestamp time);
std::string to_string(Timestamp time);

/// `Sun, 06 Nov 1994 08:49:37 GMT`, for HTTP headers (RFC 9110, 5.6.7).
std::string to_http_date(Timestamp time);

/// What tells the time. Tests hand in one that they move.
class Clock {
 public:
  virtual ~Clock() = default;
  virtual Timestamp now() const = 0;                       // wall clock
  virtual std::chrono::nanoseconds monotonic() const = 0;  // never goes back
};

const Clock& system_clock();

/// A clock that moves only when told to, from any thread.
class ManualClock : public Clock {
 public:
  explicit ManualClock(Timestamp start = {}) : ns_(start.ns) {}
  Timestamp now() const override { return {ns_.load()}; }
  std::chrono::nanoseconds monotonic() const override { return std::chrono::nanoseconds(ns_.load()); }
  void advance(std::chrono::nanoseconds by) { ns_ += by.count(); }

 private:
  std::atomic<std::int64_t> ns_;
};

}  // namespace madang::base
