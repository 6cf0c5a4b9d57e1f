#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstring>

#include "madang/formats/values.h"

#include "text/trim.h"

namespace madang::formats {

namespace {

constexpr std::size_t kNumberBytes = 64;

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

/// The bytes of the group separator at the beginning of `text`; 0 where there is none.
std::size_t group_size(std::string_view text, char group) {
  if (text.empty()) return 0;
  if (text.front() == group) return 1;
  if (group == ' ') {
    if (text.starts_with("\xC2\xA0")) return 2;
    if (text.starts_with("\xE2\x80\x89") || text.starts_with("\xE2\x80\xAF")) return 3;
  }
  return group == '\'' && text.starts_with("\xE2\x80\x99") ? 3 : 0;
}

/// As C++ reads numbers; empty where digits are grouped otherwise than by three.
std::string_view plain(std::string_view text, NumberStyle style, std::array<char, kNumberBytes>& out) {
  std::size_t size = 0, run = 0;
  bool grouped = false, whole = true;
  while (!text.empty()) {
    if (size == out.size()) return {};
    const char c = text.front();
    if (const std::size_t skip = style.group != 0 && whole ? group_size(text, style.group) : 0; skip > 0) {
      if (run == 0 || run > 3 || (grouped && run != 3)) return {};
      grouped = true;
      run = 0;
      text.remove_prefix(skip);
      continue;
    }
    if (whole && !is_digit(c) && c != '-' && c != '+') {
      if (grouped && run != 3) return {};
      whole = false;
    }
    run += is_digit(c);
    if (c == '.' && style.decimal != '.') return {};
    out[size++] = c == style.decimal ? '.' : c;
    text.remove_prefix(1);
  }
  if (whole && grouped && run != 3) return {};
  return {out.data(), size};
}

}  // namespace

std::optional<double> parse_number(std::string_view text, NumberStyle style) {
  text = text::trim(text);
  if (text.starts_with('+')) {
    text.remove_prefix(1);
    if (text.starts_with('-')) return std::nullopt;
  }
  std::array<char, kNumberBytes> buffer;
  if (style.decimal != '.' || style.group != 0) text = plain(text, style, buffer);
  // from_chars would take "inf" and "nan".
  if (text.empty() || !(is_digit(text.back()) || text.back() == '.')) return std::nullopt;
  double value = 0;
  const auto [end, failed] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failed != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) return std::nullopt;
  return value;
}

NumberStyle detect_number_style(std::span<const std::string_view> samples) {
  constexpr std::array<NumberStyle, 7> kStyles{
      {{'.', 0}, {'.', ','}, {',', 0}, {',', '.'}, {'.', '\''}, {',', ' '}, {'.', ' '}}};
  NumberStyle best;
  std::size_t most = 0;
  for (const NumberStyle style : kStyles) {
    const auto count = static_cast<std::size_t>(std::count_if(
        samples.begin(), samples.end(), [&](std::string_view s) { return parse_number(s, style).has_value(); }));
    if (count > most) {
      most = count;
      best = style;
    }
  }
  return best;
}

bool is_json_number(std::string_view text) {
  std::size_t at = text.starts_with('-') ? 1 : 0;
  const auto digits = [&] {
    const std::size_t begin = at;
    while (at < text.size() && is_digit(text[at])) ++at;
    return at - begin;
  };
  const std::size_t begin = at;
  if (digits() == 0 || (text[begin] == '0' && at > begin + 1)) return false;
  if (at < text.size() && text[at] == '.') {
    ++at;
    if (digits() == 0) return false;
  }
  if (at < text.size() && (text[at] == 'e' || text[at] == 'E')) {
    ++at;
    if (at < text.size() && (text[at] == '+' || text[at] == '-')) ++at;
    if (digits() == 0) return false;
  }
  return at == text.size();
}

std::optional<bool> parse_boolean(std::string_view text) {
  constexpr std::array<std::string_view, 9> kTrue{"true", "yes", "y", "t", "on", "1", "ja", "예", "있음"};
  constexpr std::array<std::string_view, 9> kFalse{"false", "no", "n", "f", "off", "0", "nein", "아니오", "없음"};
  std::string lower(text::trim(text).substr(0, 16));
  for (char& c : lower) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
  if (std::ranges::find(kTrue, lower) != kTrue.end()) return true;
  if (std::ranges::find(kFalse, lower) != kFalse.end()) return false;
  return std::nullopt;
}

bool Sentinels::holds(std::string_view text, NumberStyle style) const {
  text = text::trim(text);
  if (std::ranges::find(texts, text) != texts.end()) return true;
  if (numbers.empty()) return false;
  const auto number = parse_number(text, style);
  return number && std::ranges::find(numbers, *number) != numbers.end();
}

bool looks_like_value(std::string_view text) {
  text = text::trim(text);
  if (text.empty()) return true;
  if (parse_number(text) || parse_number(text, {',', 0}) || parse_number(text, {'.', ','}) ||
      parse_number(text, {'.', '\''})) {
    return true;
  }
  constexpr std::size_t kTimeBytes = 40;
  return text.size() <= kTimeBytes && std::ranges::any_of(text, is_digit) && !detect_time_patterns({&text, 1}).empty();
}

}  // namespace madang::formats
