#include "query_value.h"

#include <algorithm>
#include <charconv>
#include <chrono>

#include "madang/base/json.h"

namespace madang::ngsi {

namespace {

// ---- date-times, dates and times of day (clause 4.6.3) ----

constexpr std::size_t kDateLength = 10;  // 2026-11-22
constexpr std::size_t kTimeLength = 8;   // 18:30:00
constexpr std::int64_t kSecond = 1'000'000'000;

constexpr bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// Whether `text` starts like `shape`, in which `0` stands for any digit.
bool has_shape(std::string_view text, std::string_view shape) {
  if (text.size() < shape.size()) return false;
  return std::equal(shape.begin(), shape.end(), text.begin(),
                    [](char want, char c) { return want == '0' ? is_digit(c) : c == want; });
}

/// Length of `hh:mm:ss` with an optional fraction, or 0.
std::size_t clock_length(std::string_view text) {
  if (!has_shape(text, "00:00:00")) return 0;
  std::size_t size = kTimeLength;
  if (has_shape(text.substr(size), ".0") || has_shape(text.substr(size), ",0"))
    for (++size; size < text.size() && is_digit(text[size]);) ++size;
  return size;
}

int number_at(std::string_view text, std::size_t at, std::size_t size) {
  int value = 0;
  for (const char c : text.substr(at, size)) value = value * 10 + (c - '0');
  return value;
}

std::optional<QueryValue> date_value(std::string_view text) {
  const std::chrono::year_month_day date{std::chrono::year(number_at(text, 0, 4)),
                                         std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
                                         std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
  if (!date.ok()) return std::nullopt;
  const auto days = std::chrono::sys_days(date).time_since_epoch().count();
  return Date{static_cast<std::int32_t>(days)};
}

std::optional<QueryValue> time_value(std::string_view text) {
  const int hours = number_at(text, 0, 2);
  const int minutes = number_at(text, 3, 2);
  const int seconds = number_at(text, 6, 2);
  if (hours > 23 || minutes > 59 || seconds > 60) return std::nullopt;
  std::int64_t ns = (hours * 3'600 + minutes * 60 + seconds) * kSecond;
  std::int64_t unit = kSecond / 10;
  for (std::size_t at = kTimeLength + 1; at < text.size() && is_digit(text[at]); ++at, unit /= 10)
    ns += (text[at] - '0') * unit;
  return TimeOfDay{ns};
}

std::optional<double> number_value(std::string_view json) {
  double value = 0;
  const auto [end, problem] = std::from_chars(json.data(), json.data() + json.size(), value);
  if (problem != std::errc{} || end != json.data() + json.size()) return std::nullopt;
  return value;
}

template <class Value>
int order(const Value& a, const Value& b) {
  return a < b ? -1 : (b < a ? 1 : 0);
}

constexpr bool starts_number(char c) {
  return is_digit(c) || c == '-';
}

}  // namespace

std::size_t temporal_length(std::string_view text) {
  if (!has_shape(text, "0000-00-00")) {
    const std::size_t size = clock_length(text);
    return size != 0 && text.substr(size).starts_with('Z') ? size + 1 : 0;
  }
  if (!text.substr(kDateLength).starts_with('T')) return kDateLength;
  const std::size_t clock = clock_length(text.substr(kDateLength + 1));
  const std::size_t size = kDateLength + 1 + clock;
  if (clock == 0) return 0;
  if (text.substr(size).starts_with('Z')) return size + 1;
  const auto offset = text.substr(size);
  return has_shape(offset, "+00:00") || has_shape(offset, "-00:00") ? size + 6 : 0;
}

std::optional<QueryValue> temporal_value(std::string_view text) {
  if (text.empty() || !is_digit(text.front()) || temporal_length(text) != text.size()) return std::nullopt;
  if (text.size() == kDateLength && text[4] == '-') return date_value(text);
  if (text[2] == ':') return time_value(text);
  const auto time = base::parse_timestamp(text);
  if (!time) return std::nullopt;
  return *time;
}

QueryValue text_value(std::string text) {
  if (auto value = temporal_value(text)) return *std::move(value);
  return text;
}

// ---- comparison ----

std::optional<int> order_of_text(std::string_view text, const QueryValue& value) {
  if (const auto* wanted = std::get_if<std::string>(&value)) {
    const int difference = text.compare(*wanted);
    if (difference != 0 && temporal_value(text)) return std::nullopt;
    return difference;
  }
  if (std::holds_alternative<bool>(value) || std::holds_alternative<double>(value)) return std::nullopt;
  const auto stored = temporal_value(text);
  return stored ? compare(*stored, value) : std::nullopt;
}

std::optional<int> order_of_json(std::string_view scalar, const QueryValue& value) {
  if (scalar.empty()) return std::nullopt;
  if (scalar.front() == '"') return order_of_text(JsonString(scalar).text(), value);
  if (const auto* wanted = std::get_if<double>(&value)) {
    if (!starts_number(scalar.front())) return std::nullopt;
    const auto stored = number_value(scalar);
    return stored ? std::optional(order(*stored, *wanted)) : std::nullopt;
  }
  if (const auto* wanted = std::get_if<bool>(&value)) {
    if (scalar != "true" && scalar != "false") return std::nullopt;
    return order(scalar == "true", *wanted);
  }
  return std::nullopt;
}

std::optional<int> compare(const QueryValue& a, const QueryValue& b) {
  if (a.index() != b.index()) return std::nullopt;
  return std::visit([&](const auto& left) { return order(left, std::get<std::decay_t<decltype(left)>>(b)); }, a);
}

std::optional<QueryValue> scalar_value(std::string_view json) {
  if (json.empty()) return std::nullopt;
  if (json.front() == '"') return text_value(std::string(JsonString(json).text()));
  if (json == "true") return true;
  if (json == "false") return false;
  if (!starts_number(json.front())) return std::nullopt;
  const auto number = number_value(json);
  return number ? std::optional<QueryValue>(*number) : std::nullopt;
}

// ---- JSON text in place ----

JsonString::JsonString(std::string_view json) : text_(json.substr(1, json.size() - 2)) {
  text_ = base::json::unescape(text_, scratch_);
}

std::optional<std::string_view> json_member(std::string_view json, std::string_view key) {
  if (json.empty() || json.front() != '{') return std::nullopt;
  std::optional<std::string_view> found;
  any_member(json, [&](std::string_view name, std::string_view value) {
    if (JsonString(name).text() != key) return false;
    found = value;
    return true;
  });
  return found;
}

}  // namespace madang::ngsi
