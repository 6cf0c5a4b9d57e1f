#include "madang/ngsi/evolution.h"

#include <algorithm>
#include <charconv>
#include <chrono>

namespace madang::ngsi {

namespace {

constexpr std::string_view kPrefix = "urn:ngsi-ld:attribute-instance:";

void append_hex(std::string& out, std::uint64_t value) {
  char digits[16];
  const auto end = std::to_chars(digits, digits + sizeof digits, value, 16).ptr;
  out.append(digits, end);
}

/// Only what append_hex() writes: one text for one number.
bool take_hex(std::string_view text, std::uint64_t& value) {
  if (text.empty() || (text.front() == '0' && text.size() > 1)) return false;
  for (const char digit : text)
    if (!((digit >= '0' && digit <= '9') || (digit >= 'a' && digit <= 'f'))) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
  return error == std::errc() && end == text.data() + text.size();
}

}  // namespace

void append_instance_id(std::string& out, InstanceId id) {
  out.append(kPrefix);
  append_hex(out, id.position);
  out.push_back('-');
  append_hex(out, id.index);
}

std::string to_string(InstanceId id) {
  std::string out;
  append_instance_id(out, id);
  return out;
}

std::optional<InstanceId> read_instance_id(std::string_view text) {
  if (!text.starts_with(kPrefix)) return std::nullopt;
  text.remove_prefix(kPrefix.size());
  const std::size_t dash = text.find('-');
  if (dash == std::string_view::npos) return std::nullopt;
  InstanceId id;
  std::uint64_t index = 0;
  if (!take_hex(text.substr(0, dash), id.position) || !take_hex(text.substr(dash + 1), index) || index > UINT32_MAX)
    return std::nullopt;
  id.index = static_cast<std::uint32_t>(index);
  return id;
}

std::optional<Timestamp> time_of(const AttributeView& instance, const Evolution::Beside& beside,
                                 TimeProperty property) {
  switch (property) {
    case TimeProperty::observed_at:
      return instance.observed_at;
    case TimeProperty::created_at:
      return instance.created_at;
    case TimeProperty::modified_at:
      return instance.modified_at;
    case TimeProperty::deleted_at:
      return beside.deleted_at;
  }
  return std::nullopt;
}

std::optional<Timestamp> add(Timestamp time, const Period& period, std::int64_t count) {
  constexpr std::int64_t kDay = 86'400'000'000'000;
  std::int64_t ns = 0;
  if (__builtin_mul_overflow(period.ns, count, &ns)) return std::nullopt;
  std::int64_t base_ns = time.ns;
  if (period.months != 0) {
    std::int64_t months = 0;
    if (__builtin_mul_overflow(static_cast<std::int64_t>(period.months), count, &months)) return std::nullopt;
    if (months > 12 * 10'000 || months < -12 * 10'000) return std::nullopt;
    const std::int64_t days = time.ns >= 0 ? time.ns / kDay : -((-time.ns + kDay - 1) / kDay);
    const std::int64_t of_day = time.ns - days * kDay;
    const std::chrono::year_month_day date{std::chrono::sys_days{std::chrono::days{days}}};
    const std::chrono::year_month month = date.year() / date.month() + std::chrono::months{months};
    const std::chrono::year_month_day_last last{month.year(), std::chrono::month_day_last{month.month()}};
    const std::chrono::day day = std::min(date.day(), last.day());
    const std::int64_t there = std::chrono::sys_days{month / day}.time_since_epoch().count();
    if (there > 106'751 || there < -106'751) return std::nullopt;  // what nanoseconds can count
    base_ns = there * kDay + of_day;
  }
  if (__builtin_add_overflow(base_ns, ns, &ns)) return std::nullopt;
  return Timestamp{ns};
}

}  // namespace madang::ngsi
