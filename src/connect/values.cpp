#include "values.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "madang/base/json.h"

namespace madang::connect {

std::string_view trimmed(std::string_view text) {
  constexpr std::string_view kBlanks = " \t\r\n";
  const auto begin = text.find_first_not_of(kBlanks);
  if (begin == text.npos) return {};
  return text.substr(begin, text.find_last_not_of(kBlanks) - begin + 1);
}

bool append_json_number(std::string& out, std::string_view text, char decimal) {
  text = trimmed(text);
  if (decimal == '.' && formats::is_json_number(text)) return out += text, true;
  for (const char group : {'\0', decimal == ',' ? '.' : ',', '\'', ' '}) {
    if (const auto value = formats::parse_number(text, {decimal, group}))
      return base::json::append_number(out, *value), true;
  }
  return false;
}

bool is_plain_number(std::string_view text, char decimal) {
  text = trimmed(text);
  if (text.starts_with('+')) return false;
  const std::string_view digits = text.starts_with('-') ? text.substr(1) : text;
  if (digits.size() > 1 && digits[0] == '0' && digits[1] >= '0' && digits[1] <= '9') return false;
  return formats::parse_number(text, {decimal, 0}).has_value();
}

std::optional<double> number_of(std::string_view json_number) {
  double value = 0;
  const auto [end, fault] = std::from_chars(json_number.data(), json_number.data() + json_number.size(), value);
  if (fault != std::errc() || end != json_number.data() + json_number.size() || !std::isfinite(value)) return {};
  return value;
}

base::Result<MomentReader> MomentReader::make(const std::string& format, std::string_view zone, bool day_first) {
  MADANG_TRY(formats::TimeZone found, zone.empty() ? formats::TimeZone() : formats::TimeZone::find(zone));
  MomentReader made(std::move(found), day_first);
  if (!format.empty()) {
    MADANG_TRY(formats::TimePattern pattern, formats::TimePattern::make(format));
    made.pattern_ = std::move(pattern);
    made.stated_ = true;
  }
  return made;
}

bool MomentReader::find_pattern(std::string_view text) {
  const std::array<std::string_view, 1> sample{text};
  const std::vector<std::string> fitting = formats::detect_time_patterns(sample);
  const auto wanted = std::find_if(fitting.begin(), fitting.end(), [&](const std::string& pattern) {
    const auto day = pattern.find("%d"), month = pattern.find("%m");
    return day == pattern.npos || month == pattern.npos || (day < month) == day_first_;
  });
  if (fitting.empty()) return false;
  auto pattern = formats::TimePattern::make(wanted == fitting.end() ? fitting.front() : *wanted);
  if (!pattern.ok()) return false;
  pattern_ = std::move(*pattern);
  return true;
}

std::optional<base::Timestamp> MomentReader::read(std::string_view text) {
  text = trimmed(text);
  if (text == last_text_ && !text.empty()) return last_;
  last_ = pattern_ ? pattern_->read(text, zone_) : std::nullopt;
  if (!last_ && !stated_ && find_pattern(text)) last_ = pattern_->read(text, zone_);
  if (last_) last_->ns -= (last_->ns % 1'000 + 1'000) % 1'000;  // NGSI-LD tells microseconds (clause 4.6.3)
  last_text_.assign(text);
  return last_;
}

}  // namespace madang::connect
