#include "values.h"

#include <bit>
#include <cstring>
#include <string>

#include "id_table.h"

namespace madang::state {

namespace {

constexpr std::uint64_t kSignBit = 1ull << 63;
constexpr std::uint32_t kLastPrint = 0xffffffff;

/// Bits of a double that order as the doubles do: negative ones turned over, the others above them.
std::uint64_t number_key(double value) {
  if (value == 0) value = 0;  // -0 is 0
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits & kSignBit ? ~bits : bits | kSignBit;
}

std::uint64_t integer_key(std::int64_t value) {
  return static_cast<std::uint64_t>(value) ^ kSignBit;
}

/// The first eight bytes, most significant first: orders as the texts do, as far as it goes.
std::uint64_t text_key(std::string_view text) {
  std::uint64_t key = 0;
  for (std::size_t i = 0; i < 8; ++i) key = key << 8 | (i < text.size() ? static_cast<unsigned char>(text[i]) : 0u);
  return key;
}

std::uint32_t text_print(std::string_view text) {
  constexpr std::uint64_t kSeed = 0x6d6164616e67;  // not secret: colliding texts cost their owner a check each
  return static_cast<std::uint32_t>(hash_text(text, kSeed));
}

ValueKey text_value(std::string_view text) {
  return {Sort::text, text_key(text), text_print(text)};
}

ValueKey key_of(const ngsi::QueryValue& value) {
  if (const auto* number = std::get_if<double>(&value)) return {Sort::number, number_key(*number), 0};
  if (const auto* truth = std::get_if<bool>(&value)) return text_value(*truth ? "true" : "false");
  if (const auto* time = std::get_if<base::Timestamp>(&value)) return {Sort::instant, integer_key(time->ns), 0};
  if (const auto* date = std::get_if<ngsi::Date>(&value)) return {Sort::date, integer_key(date->days), 0};
  if (const auto* time = std::get_if<ngsi::TimeOfDay>(&value)) return {Sort::time_of_day, integer_key(time->ns), 0};
  return text_value(std::get<std::string>(value));
}

bool scalar_keys(std::string_view json, std::vector<ValueKey>& out) {
  // No date or time starts with anything but a digit: most texts need no look at what they might be.
  const bool plain_text = json.size() >= 2 && json.front() == '"' && (json[1] < '0' || json[1] > '9') &&
                          json.find('\\') == std::string_view::npos;
  if (plain_text) return out.push_back(text_value(json.substr(1, json.size() - 2))), true;
  const auto value = ngsi::scalar_value(json);
  if (!value) return false;
  out.push_back(key_of(*value));
  return true;
}

}  // namespace

bool value_keys(std::string_view json, std::vector<ValueKey>& out) {
  if (json.empty() || json.front() == '{') return false;
  if (json.front() != '[') return scalar_keys(json, out);
  bool all = true;
  return each_element(json, [&](std::string_view element) { all = scalar_keys(element, out) && all; }) && all;
}

std::optional<KeyRange> key_range(ngsi::Comparison comparison, const ngsi::QueryValue& value) {
  using ngsi::Comparison;
  const ValueKey key = key_of(value);
  constexpr std::uint64_t kLastKey = ~0ull;
  const ValueEntry first{0, 0, 0}, last{kLastKey, kLastPrint, kNoPlace};
  // A bound keeps entries of the same key: `greater` than a text may share its first bytes.
  const ValueEntry low{key.key, 0, 0}, high{key.key, kLastPrint, kNoPlace};
  switch (comparison) {
    case Comparison::equal:
      return KeyRange{key.sort, {key.key, key.print, 0}, {key.key, key.print, kNoPlace}};
    case Comparison::greater:
    case Comparison::greater_equal:
      return KeyRange{key.sort, low, last};
    case Comparison::less:
    case Comparison::less_equal:
      return KeyRange{key.sort, first, high};
    default:
      return std::nullopt;
  }
}

std::optional<KeyRange> key_range(const ngsi::QueryRange& range) {
  const ValueKey low = key_of(range.low), high = key_of(range.high);
  if (low.sort != high.sort) return std::nullopt;
  return KeyRange{low.sort, {low.key, 0, 0}, {high.key, kLastPrint, kNoPlace}};
}

}  // namespace madang::state
